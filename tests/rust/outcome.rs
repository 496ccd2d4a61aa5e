//! How answers are judged.

use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::outcome::FailureKind;
use webhook_stream::delivery::outcome::Outcome;
use webhook_stream::delivery::outcome::Phase;
use webhook_stream::delivery::outcome::parse_retry_after;
use webhook_stream::delivery::outcome::printable;

/// 1994-11-06 08:49:37 UTC, the time in HTTP's own examples.
const WALL: Timestamp = Timestamp::from_millis(784_111_777_000);

#[test]
fn every_2xx_is_delivered_and_nothing_else() {
    for status in 100..=999 {
        let outcome = Outcome::of_answer(status, None, b"", WALL);
        assert_eq!(outcome.is_delivered(), (200..300).contains(&status), "{status}");
        assert_eq!(outcome.status(), Some(status));
    }
}

#[test]
fn a_failure_says_what_went_wrong() {
    let outcome = Outcome::of_answer(503, Some("7"), b"over\nloaded", WALL);
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.kind.name(), "status_503");
    assert_eq!(failure.message, "answered 503 (service unavailable)");
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(failure.excerpt, "over\\nloaded");
    let outcome = Outcome::of_answer(307, None, b"", WALL);
    assert!(outcome.failure().unwrap().message.contains("not followed"));
    assert_eq!(FailureKind::Timeout(Phase::Tls).name(), "timeout_tls");
}

#[test]
fn retry_after_is_seconds_or_a_date_in_any_of_three_forms() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let table = [
        ("0", seconds(0)),
        ("120", seconds(120)),
        (" 5 ", seconds(5)),
        ("999999999999999999999999", seconds(u64::from(u32::MAX))),
        ("Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)),
        ("Sun Nov  6 08:50:37 1994", seconds(60)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", seconds(0)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 1994 08:50:37 GMT", None),
    ];
    for (text, expected) in table {
        assert_eq!(parse_retry_after(text, WALL), expected, "{text:?}");
    }
}

#[test]
fn an_excerpt_is_short_and_harmless() {
    let hostile = b"\x1b[31mred\x07\r\n\0\xff \xe2\x80\xaetxt".repeat(1000);
    let shown = printable(&hostile);
    assert!(shown.starts_with("\\u{1b}[31mred\\u{7}\\r\\n\\u{0}\u{fffd} \\u{202e}txt"), "{shown}");
    assert!(shown.chars().all(|c| !c.is_control()));
    assert!(shown.len() < 8 * 1024);
    // What some tools take for the end of a line.
    let separators = printable("a\u{2028}b\u{2029}c\u{61c}d\u{85}e".as_bytes());
    assert_eq!(separators, r"a\u{2028}b\u{2029}c\u{61c}d\u{85}e");
}
