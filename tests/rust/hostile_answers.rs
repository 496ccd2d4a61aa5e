//! Made-up answers, most of them wrong in one or several ways, against the real client on loopback:
//! every event ends in a verdict that the bytes allow, and the request after it is not poisoned.
//!
//! `make fuzz-answers` makes a million; `FUZZED_FIRST=4711 FUZZED_ANSWERS=1` the one that failed.

use std::collections::HashMap;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::store::Reason;

use crate::support::Bench;
use crate::support::delivery;
use crate::support::number_from;
use crate::support::options;
use crate::support::target;

/// Answers that `cargo test` makes.
const ANSWERS: u64 = 3000;

/// Events of one engine.
const ROUND: u64 = 2000;

/// Every so many events, the answer is as it should be.
const PROPER_EVERY: u64 = 8;

/// Longer than a busy machine needs: no answer is left unfinished without the connection ending.
const BUDGET: Duration = Duration::from_secs(30);

const PROPER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const STATUS_LINES: [&str; 24] = [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 202 Accepted",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 299",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 301 Moved",
    "HTTP/1.1 307 Elsewhere",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 429 Slow Down",
    "HTTP/1.1 500 Broken",
    "HTTP/1.1 503 Busy",
    "HTTP/1.1 101 Switching",
    "HTTP/1.1 000 None",
    "HTTP/1.1 999 Odd",
    "HTTP/1.1 20 Short",
    "HTTP/1.1 2000 Long",
    "HTTP/1.1 -200 OK",
    "HTTP/1.1 abc OK",
    "HTTP/9.9 200 OK",
    "HTTP/2 200 OK",
    "http/1.1 200 ok",
    "SSH-2.0-OpenSSH_9.2",
    "",
];

const HEADERS: [&str; 30] = [
    "Content-Length: 2",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: +2",
    "Content-Length: 2, 3",
    "Content-Length: 99999999999999999999999999",
    "Content-Length: 0x2",
    "Content-Length:",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity, gzip",
    "Transfer-Encoding: \x0bchunked",
    "Content-Encoding: gzip",
    "Connection: close",
    "Connection: keep-alive, upgrade",
    "Upgrade: h2c",
    "Location: http://169.254.169.254/latest",
    "Location: \x01",
    "Retry-After: 0",
    "Retry-After: 99999999999999999999",
    "Retry-After: Wed, 32 Foo 2026 99:99:99 GMT",
    "Set-Cookie: a=b",
    " folded: value",
    "no colon at all",
    ": no name",
    "Na me: blank",
    "X-Nul: a\0b",
    "X-Text: \u{fc}\u{2028}",
    "X-Escape: \x1b[31mred",
];

const BODIES: [&str; 9] = [
    "",
    "ok",
    "2\r\nok\r\n0\r\n\r\n",
    "2\r\nok\r\n0\r\nTrailer: x\r\n\r\n",
    "zz\r\nrubbish",
    "ffffffffffffffffff\r\nok",
    "-1\r\n",
    "longer than it says",
    "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
];

/// An answer, and how the connection ends after it.
struct Answer {
    bytes: Vec<u8>,
    resets: bool,
    keeps_alive: bool,
}

/// The answer that a number makes.
fn answer(number: u64) -> Answer {
    let mut dice = fastrand::Rng::with_seed(number);
    if number.is_multiple_of(PROPER_EVERY) {
        return Answer { bytes: PROPER.to_vec(), resets: false, keeps_alive: dice.bool() };
    }
    let end = if dice.u8(..10) == 0 { "\n" } else { "\r\n" };
    let mut bytes = Vec::new();
    for _ in 0..[0, 0, 0, 0, 0, 1, 3, 200][dice.usize(..8)] {
        bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    bytes.extend_from_slice(STATUS_LINES[dice.usize(..STATUS_LINES.len())].as_bytes());
    bytes.extend_from_slice(end.as_bytes());
    for _ in 0..dice.usize(..4) {
        bytes.extend_from_slice(HEADERS[dice.usize(..HEADERS.len())].as_bytes());
        bytes.extend_from_slice(end.as_bytes());
    }
    match dice.u8(..40) {
        0 => bytes.extend(b"X-Many: x\r\n".repeat(300)),
        1 => bytes.extend([b"X-Long: ", &vec![b'x'; 200_000][..], b"\r\n"].concat()),
        _ => {}
    }
    bytes.extend_from_slice(end.as_bytes());
    bytes.extend_from_slice(BODIES[dice.usize(..BODIES.len())].as_bytes());
    spoil(&mut bytes, &mut dice);
    Answer { bytes, resets: dice.u8(..4) == 0, keeps_alive: false }
}

/// Cuts, turns around, adds and repeats bytes, or leaves them alone.
fn spoil(bytes: &mut Vec<u8>, dice: &mut fastrand::Rng) {
    let at = dice.usize(..bytes.len());
    match dice.u8(..8) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << dice.u8(..8),
        2 => bytes.insert(at, dice.u8(..)),
        3 => {
            let piece = bytes[at..bytes.len().min(at + 20)].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = dice.u8(..)),
        _ => {}
    }
}

/// The statuses that somebody can read in these bytes, wherever a status line may begin.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let is_line = |window: &&[u8]| window.starts_with(b"HTTP/1.") && window[8] == b' ';
    let lines = bytes.windows(12).filter(is_line);
    lines.filter_map(|line| std::str::from_utf8(&line[9..12]).ok()?.parse().ok()).collect()
}

/// Answers requests until the listener's end; the number of an event is in its body.
fn serve(listener: TcpListener) {
    for socket in listener.incoming() {
        let Ok(socket) = socket else { return };
        let builder = thread::Builder::new().stack_size(128 * 1024);
        builder.spawn(move || while answer_one(&socket).is_some() {}).unwrap();
    }
}

/// Answers one request; none when the connection has ended, or ends now.
fn answer_one(mut socket: &TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    let number = loop {
        match socket.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => request.extend_from_slice(&part[..count]),
        }
        // The body of every event is `{"n": 17}`, so it is whole when it is closed.
        if let Some(body) = request.strip_suffix(b"}") {
            let digits = body.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            break std::str::from_utf8(digits).unwrap().parse().unwrap();
        }
    };
    let answer = answer(number);
    // A second answer that comes between the look at the connection and the next request is taken
    // for that one's, which no client can tell: it comes with the first.
    let has_second = statuses(&answer.bytes).iter().filter(|status| **status != 100).count() > 1;
    let half = if has_second { answer.bytes.len() } else { answer.bytes.len() / 2 };
    let (first, second) = answer.bytes.split_at(half);
    // The client may have heard enough, and gone.
    let _ = socket.write_all(first).and_then(|()| socket.write_all(second));
    if answer.keeps_alive {
        return Some(());
    }
    if answer.resets {
        let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
    } else {
        // What the client sees is the answer and its end, not a reset.
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read(&mut part);
    }
    None
}

/// What became of the events of these numbers: `delivered`, or the kind of the failure.
fn verdicts(port: u16, numbers: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let policy = RetryPolicy { tries: 1, ..RetryPolicy::none() };
    let options = DeliveryOptions { concurrency: 8, timeout: BUDGET, policy, ..options() };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let target = target(&format!("http://127.0.0.1:{port}/"));
    let events = numbers.clone().map(|number| delivery(&target, number as usize)).collect();
    bench.accept(events);
    bench.wait(Until::Settled);
    let failed: HashMap<String, String> = bench
        .dead_letters()
        .into_iter()
        .inspect(|letter| assert_eq!(letter.reason, Reason::Exhausted, "{letter:?}"))
        .map(|letter| (letter.key, letter.attempts[0].error.clone()))
        .collect();
    let verdict = |number| failed.get(&format!("key-{number}")).map_or("delivered", |kind| kind);
    numbers.map(|number| (number, verdict(number).to_owned())).collect()
}

/// Whether the bytes allow the verdict.
fn check(number: u64, verdict: &str) {
    let answer = answer(number);
    let seen = statuses(&answer.bytes);
    let allowed = match verdict {
        "delivered" => seen.iter().any(|status| (200..300).contains(status)),
        "protocol" | "closed" => true,
        _ => verdict
            .strip_prefix("status_")
            .and_then(|status| status.parse().ok())
            .is_some_and(|status| seen.contains(&status)),
    };
    let allowed = allowed && (answer.bytes != PROPER || verdict == "delivered");
    let bytes = answer.bytes[..answer.bytes.len().min(400)].escape_ascii();
    assert!(
        allowed,
        "seed {number}: {verdict} for {bytes}\n\
         run it alone: FUZZED_FIRST={number} FUZZED_ANSWERS=1 cargo test --test rust hostile_answers"
    );
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are worth seeing")]
fn whatever_comes_back_ends_in_a_verdict_and_poisons_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve(listener));
    let mut next = number_from("FUZZED_FIRST").unwrap_or(1);
    let end = next + number_from("FUZZED_ANSWERS").unwrap_or(ANSWERS);
    let (mut proper, mut by_verdict) = (0, HashMap::<&str, u64>::new());
    while next < end {
        let round = next..end.min(next + ROUND);
        next = round.end;
        for (number, verdict) in verdicts(port, round) {
            check(number, &verdict);
            proper += u64::from(number.is_multiple_of(PROPER_EVERY));
            let group = match verdict.as_str() {
                "delivered" | "protocol" | "closed" => &verdict,
                _ => "status",
            };
            let groups = ["delivered", "protocol", "closed", "status"];
            let group = groups.into_iter().find(|name| *name == group).unwrap();
            *by_verdict.entry(group).or_default() += 1;
        }
    }
    let count = |group| by_verdict.get(group).copied().unwrap_or_default();
    let all: u64 = by_verdict.values().sum();
    println!(
        "figure: B5 | Made-up answers, most of them wrong, to the real client on loopback | \
         answers {all}, hostile {}, proper ones in between {proper}, taken as delivered {}, \
         as another status {}, as no HTTP {}, as closed {}, panics 0, hangs 0, poisoned 0",
        all - proper,
        count("delivered"),
        count("status"),
        count("protocol"),
        count("closed")
    );
}
