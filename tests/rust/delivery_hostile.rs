//! Receivers that misbehave, on real sockets: every one ends in a verdict, within the budget, and
//! the next request is not poisoned.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prelude::proptest;
use proptest::test_runner::Config;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Content;
use webhook_stream::receiver::Ending;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::Script;

use crate::support::Bench;
use crate::support::deliveries;
use crate::support::options;
use crate::support::target;

/// One sender, one try, a short budget.
fn once(timeout: Duration) -> Bench {
    let policy = RetryPolicy { tries: 1, ..RetryPolicy::none() };
    let options = DeliveryOptions { concurrency: 1, timeout, policy, ..options() };
    Bench::new(options, Arc::new(SystemClock::new()))
}

/// For peers that never come to an end: short, but long enough for the request after it.
const SHORT: Duration = Duration::from_secs(1);

/// For peers that do something at once: longer than a busy machine needs.
const LONG: Duration = Duration::from_secs(30);

/// How the first event ends, sent to a peer that answers like this and then properly; the second
/// event must get through. `delivered`, or the kind of the failure.
fn verdict(answer: Answer) -> String {
    verdict_within(LONG, answer)
}

fn verdict_within(budget: Duration, answer: Answer) -> String {
    let receiver = Receiver::start(Script::new([answer, Answer::status(200)])).unwrap();
    let bench = once(budget);
    let target = target(&receiver.url());
    bench.accept(deliveries(&target, 1));
    bench.wait(Until::Settled);
    let verdict = match bench.dead_letters().first() {
        None => String::from("delivered"),
        Some(letter) => letter.attempts[0].error.clone(),
    };
    let before = bench.report().delivered;
    bench.accept(deliveries(&target, 1));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, before + 1, "the request after {verdict} was lost");
    verdict
}

fn raw(bytes: &[u8], ending: Ending) -> String {
    verdict(Answer::raw(bytes, ending))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn with(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn silence_ends_at_the_budget() {
    assert_eq!(verdict_within(SHORT, Answer::hang()), "timeout_receive");
    let half = Answer::raw(b"HTTP/1.1 200 OK\r\nContent-", Ending::Hang);
    assert_eq!(verdict_within(SHORT, half), "timeout_receive");
}

#[test]
fn an_answer_byte_by_byte_ends_at_the_budget() {
    let content = Content::Drip(OK.to_vec(), Duration::from_millis(100));
    let drip = Answer { content, ..Answer::status(200) };
    assert_eq!(verdict_within(SHORT, drip), "timeout_receive");
}

#[test]
fn a_connection_that_breaks_before_the_verdict_is_a_failure() {
    assert_eq!(verdict(Answer::reset()), "closed");
    assert_eq!(verdict(Answer::close()), "closed");
    assert_eq!(raw(b"HTTP/1.1 200 OK\r\nContent-", Ending::Close), "closed");
    assert_eq!(raw(b"HTTP/1.1 200 OK\r\nContent-", Ending::Reset), "closed");
}

#[test]
fn what_breaks_after_the_verdict_does_not_change_it() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    assert_eq!(raw(&with(&[head, b"half"]), Ending::Close), "delivered");
    assert_eq!(raw(&with(&[head, b"half"]), Ending::Reset), "delivered");
    assert_eq!(raw(&with(&[head, b"half"]), Ending::Hang), "delivered");
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nrubbish";
    assert_eq!(raw(chunked, Ending::Close), "delivered");
    let error = b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nsorry";
    assert_eq!(raw(error, Ending::Reset), "status_503");
}

#[test]
fn a_body_without_end_is_cut() {
    let heads: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\nContent-Encoding: gzip\r\n\r\n",
    ];
    for head in heads {
        let content = Content::Endless(head.to_vec(), vec![b'x'; 4096]);
        assert_eq!(verdict(Answer { content, ..Answer::status(200) }), "delivered");
    }
}

#[test]
fn a_head_without_end_is_a_failure() {
    let line = b"X-Filler: 0123456789012345678901234567890123456789\r\n".to_vec();
    let content = Content::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), line.clone());
    assert_eq!(verdict(Answer { content, ..Answer::status(200) }), "protocol");
    let long = with(&[b"HTTP/1.1 200 OK\r\nX: ", &vec![b'x'; 300_000], b"\r\n\r\n"]);
    assert_eq!(raw(&long, Ending::Close), "protocol");
    // More header lines than the client reads: documented, and tried again like any failure.
    let many = with(&[b"HTTP/1.1 200 OK\r\n", &line.repeat(200), b"Content-Length: 0\r\n\r\n"]);
    assert_eq!(raw(&many, Ending::Close), "protocol");
}

#[test]
fn a_long_but_bounded_head_is_read() {
    let line = b"X-Filler: 0123456789012345678901234567890123456789\r\n".repeat(100);
    let filler = vec![b'x'; 40_000];
    let head =
        with(&[b"HTTP/1.1 200 OK\r\nX: ", &filler, b"\r\n", &line, b"Content-Length: 0\r\n\r\n"]);
    assert_eq!(raw(&head, Ending::KeepAlive), "delivered");
}

#[test]
fn informational_answers_are_passed_over_and_bounded() {
    let informational = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(2000);
    assert_eq!(raw(&with(&[&informational, OK]), Ending::KeepAlive), "delivered");
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(raw(&with(&[hints, OK]), Ending::KeepAlive), "delivered");
    let again = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let endless = Answer { content: Content::Endless(Vec::new(), again), ..Answer::status(200) };
    assert_eq!(verdict_within(SHORT, endless), "timeout_receive");
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
    assert_eq!(raw(switch, Ending::Close), "status_101");
}

#[test]
fn what_is_no_http_is_a_failure() {
    let rubbish: [&[u8]; 8] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 000 None\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/3.7 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\0Y: z\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ];
    for bytes in rubbish {
        let found = raw(bytes, Ending::Close);
        assert!(found == "protocol" || found == "closed", "{found} for {bytes:?}");
    }
    assert_eq!(raw(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Ending::Close), "status_999");
}

#[test]
fn odd_lengths_never_hang_or_panic() {
    let lengths =
        ["-1", "+5", "5, 6", "99999999999999999999999", "0x10", "", "5\r\nContent-Length: 6"];
    for length in lengths {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello");
        let found = raw(head.as_bytes(), Ending::Close);
        assert!(found == "protocol" || found == "delivered", "{found} for {length:?}");
    }
}

#[test]
fn bytes_nobody_asked_for_are_not_taken_for_the_next_answer() {
    let twice = with(&[OK, OK]);
    let script = Script::new([
        Answer::raw(twice, Ending::KeepAlive),
        Answer::status(500),
        Answer::status(200),
    ]);
    let receiver = Receiver::start(script).unwrap();
    let bench = once(LONG);
    let target = target(&receiver.url());
    for expected in [(1, 0), (1, 1), (2, 1)] {
        bench.accept(deliveries(&target, 1));
        bench.wait(Until::Settled);
        let report = bench.report();
        assert_eq!((report.delivered, report.expired), expected);
    }
}

#[test]
fn encryption_that_fails_is_named_and_bounded() {
    let plain = Receiver::start(Script::default()).unwrap();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let table =
        [(plain.address().port(), "tls"), (mute.local_addr().unwrap().port(), "timeout_tls")];
    for (port, expected) in table {
        let bench = once(Duration::from_millis(300));
        bench.accept(deliveries(&target(&format!("https://127.0.0.1:{port}/")), 1));
        bench.wait(Until::Settled);
        assert_eq!(bench.dead_letters()[0].attempts[0].error, expected);
    }
}

/// A port where connections are never accepted: its queue is full.
#[cfg(target_os = "linux")]
fn full_port() -> (rustix::fd::OwnedFd, Vec<std::net::TcpStream>, u16) {
    use rustix::net::AddressFamily;
    use rustix::net::SocketType;

    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &std::net::SocketAddrV4::new([127, 0, 0, 1].into(), 0)).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let address = std::net::TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))
    {
        queue.push(stream);
    }
    (socket, queue, address.port())
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_is_never_accepted_ends_at_the_budget_or_at_a_stop() {
    let (_socket, _queue, port) = full_port();
    let target = target(&format!("http://127.0.0.1:{port}/"));
    let bench = once(Duration::from_millis(300));
    bench.accept(deliveries(&target, 1));
    bench.wait(Until::Settled);
    assert_eq!(bench.dead_letters()[0].attempts[0].error, "timeout_connect");

    let bench = once(Duration::from_mins(30));
    bench.accept(deliveries(&target, 3));
    assert!(!bench.engine.wait(Until::Settled, Duration::from_millis(100)).unwrap());
    bench.engine.stop(Duration::ZERO).unwrap();
    assert_eq!(bench.report().pending, 3);
}

proptest! {
    #![proptest_config(Config { cases: 60, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_answer_makes_the_engine_panic_or_hang(
        prefix in proptest::sample::select(vec![
            "", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ]),
        bytes in vec(any::<u8>(), 0..300),
        text in "[ -~\r\n:0-9]{0,100}",
    ) {
        raw(&with(&[prefix.as_bytes(), &bytes]), Ending::Close);
        raw(&with(&[prefix.as_bytes(), text.as_bytes()]), Ending::Close);
    }
}
