//! Made-up header names, values and URLs: what is accepted goes over the wire as it is, with no line
//! and no request more; what could add one is refused.
//!
//! `FUZZED_HEADERS=1000000` makes a million; `FUZZED_FIRST=4711 FUZZED_HEADERS=1` the one that failed.

use std::collections::HashMap;
use std::sync::Arc;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::request::MaskedText;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::Script;

use crate::support::Bench;
use crate::support::PATIENCE;
use crate::support::number_from;
use crate::support::options;

/// Cases that `cargo test` makes.
const CASES: u64 = 4000;

/// Cases of one engine.
const ROUND: u64 = 2000;

const NAMES: [&str; 12] = [
    "X-Text",
    "x",
    "Authorization",
    "Cookie",
    "Content-Type",
    "User-Agent",
    "Accept",
    "X_1!#$%&'*+.^`|~",
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Webhook-Signature",
];

/// What is put somewhere into a text.
const PIECES: [&str; 20] = [
    "\r\n",
    "\n",
    "\r",
    "\r\nEvil: 1",
    "\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "\0",
    "\t",
    " ",
    ":",
    "\u{85}",
    "\u{2028}",
    "ü",
    "🗝",
    "\u{7f}",
    "%0d%0a",
    "\\r\\n",
    "\"",
    "\u{10a}",
    "\u{20ac}\u{d}",
    "\u{ff0d}\u{a}",
];

/// A header and the end of a URL.
struct Case {
    name: String,
    value: String,
    path: String,
}

fn case(number: u64) -> Case {
    let mut dice = fastrand::Rng::with_seed(number);
    let name = spoiled(NAMES[dice.usize(..NAMES.len())].to_owned(), &mut dice);
    let length = if dice.u8(..50) == 0 { dice.usize(8000..8400) } else { dice.usize(..40) };
    let value = (0..length).map(|_| dice.char(' '..='~')).collect();
    let value = spoiled(value, &mut dice);
    let path = (0..dice.usize(..20)).map(|_| dice.char('!'..='~')).collect();
    let path = spoiled(path, &mut dice);
    Case { name, value, path }
}

/// Something is put in, in one of four cases.
fn spoiled(mut text: String, dice: &mut fastrand::Rng) -> String {
    if dice.u8(..4) == 0 {
        text.insert_str(dice.usize(..=text.len()), PIECES[dice.usize(..PIECES.len())]);
    }
    text
}

/// Whether a header line can hold it, by the words of the standard and not by ours.
fn is_harmless(case: &Case) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let reserved = ["host", "content-length", "transfer-encoding", "webhook-signature"];
    !case.name.is_empty()
        && case.name.chars().all(token)
        && !reserved.contains(&case.name.to_ascii_lowercase().as_str())
        && case.value.chars().all(|c| (' '..='~').contains(&c))
        && case.name.len() + case.value.len() <= 8192
}

/// How many of these cases were sent.
fn check(receiver: &Receiver, numbers: std::ops::Range<u64>) -> u64 {
    let options = DeliveryOptions { timeout: PATIENCE, ..options() };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let mut sent = HashMap::new();
    let mut batch = Vec::new();
    for number in numbers {
        let case = case(number);
        let url = format!("{}/{}", receiver.url().trim_end_matches('/'), case.path);
        let headers = vec![(case.name.clone(), MaskedText::plain(case.value.as_str()))];
        let harmless = is_harmless(&case);
        let Ok(target) = Target::new("POST", url.as_str(), headers, 5) else {
            let with_plain_path = receiver.url();
            let headers = vec![(case.name.clone(), MaskedText::plain(case.value.as_str()))];
            let alone = Target::new("POST", with_plain_path.as_str(), headers, 5);
            assert_eq!(alone.is_ok(), harmless, "{number}: {:?}: {:?}", case.name, case.value);
            continue;
        };
        assert!(harmless, "{number}: accepted {:?}: {:?}", case.name, case.value);
        let request = Request::new(Arc::new(target), format!("msg_{number}"), "{}").unwrap();
        batch.push(NewDelivery::new(number.to_string(), request, None));
        sent.insert(format!("msg_{number}"), case);
    }
    bench.accept(batch);
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, sent.len() as u64);
    let requests = receiver.take_requests();
    assert_eq!(requests.len(), sent.len(), "a request more or less came");
    let presets = ["host", "content-type", "user-agent", "webhook-id", "content-length"];
    for request in requests {
        let case = &sent[request.header("webhook-id").unwrap()];
        let own = case.name.to_ascii_lowercase();
        let mut found: Vec<String> =
            request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let mut wanted: Vec<String> = presets.map(str::to_owned).into();
        if !wanted.contains(&own) {
            wanted.push(own);
        }
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{:?}: {:?}", case.name, case.value);
        assert_eq!(request.header(&case.name).unwrap().trim(), case.value.trim());
        assert_eq!((request.method.as_str(), request.text().as_str()), ("POST", "{}"));
        assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", request.path);
    }
    sent.len() as u64
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are worth seeing")]
fn no_text_adds_a_line_or_a_request() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let first = number_from("FUZZED_FIRST").unwrap_or(1);
    let cases = number_from("FUZZED_HEADERS").unwrap_or(CASES);
    let (mut next, end, mut sent) = (first, first + cases, 0);
    while next < end {
        let round = next..end.min(next + ROUND);
        next = round.end;
        sent += check(&receiver, round);
    }
    assert!(cases < 100 || (sent > cases / 4 && sent < cases * 3 / 4), "{sent} of {cases}");
    println!(
        "figure: S8 | Made-up header names, values and URLs | cases {cases}, sent {sent}, refused {}, \
         lines added 0, requests added 0",
        cases - sent
    );
}
