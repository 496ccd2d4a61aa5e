//! The receiver itself: what it understands, what it answers, how it ends.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Content;
use webhook_stream::receiver::Ending;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::ReceiverOptions;
use webhook_stream::receiver::Script;

use crate::support::PATIENCE;

/// Sends these bytes and reads until the receiver closes.
fn talk(receiver: &Receiver, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(receiver.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

const POST: &[u8] = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn it_answers_by_its_script_and_repeats_the_last_answer() {
    let receiver = Receiver::start("503,429 retry-after=1,200".parse().unwrap()).unwrap();
    let statuses: Vec<String> = (0..4).map(|_| talk(&receiver, POST)[9..12].to_owned()).collect();
    assert_eq!(statuses, ["503", "429", "200", "200"]);
    assert_eq!((receiver.count(), receiver.connections()), (4, 4));
    let requests = receiver.requests();
    assert_eq!((requests[0].path.as_str(), requests[0].text().as_str()), ("/a?b", "{}"));
    assert_eq!((requests[1].ordinal, requests[1].status), (2, 429));
}

#[test]
fn several_requests_on_one_connection_are_told_apart() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let chunked = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n";
    let answers = talk(&receiver, &[POST, chunked, POST].concat());
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 3);
    let requests = receiver.take_requests();
    assert_eq!(requests[1].text(), "abcde");
    assert!(requests.iter().all(|request| request.connection == 1));
    assert!(receiver.requests().is_empty());
}

#[test]
fn a_client_that_waits_to_continue_is_told_to() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let request = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}";
    let answers = talk(&receiver, request);
    assert!(answers.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answers}");
}

#[test]
fn what_is_no_http_is_refused_and_not_counted() {
    let receiver = Receiver::start(Script::default()).unwrap();
    assert!(talk(&receiver, b"\x16\x03\x01\x02\x00\x01").starts_with("HTTP/1.1 400"));
    assert_eq!(talk(&receiver, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}"), "");
    assert_eq!(receiver.count(), 0);
}

#[test]
fn a_script_may_begin_anew_for_each_id() {
    let receiver = Receiver::start(Script::statuses([503, 200]).for_each_id()).unwrap();
    let request = |id: &str| {
        let text = format!("POST / HTTP/1.1\r\nwebhook-id: {id}\r\nContent-Length: 0\r\n\r\n");
        talk(&receiver, text.as_bytes())[9..12].to_owned()
    };
    let statuses: Vec<String> = ["a", "b", "a", "b", "c"].map(request).to_vec();
    assert_eq!(statuses, ["503", "503", "200", "200", "503"]);
}

#[test]
fn exceptions_come_by_number_and_by_chance_the_same_every_time() {
    let run = || {
        let script = Script::default().every(5, Answer::status(503)).sometimes(
            0.25,
            42,
            Answer::status(429),
        );
        let receiver = Receiver::start(script).unwrap();
        (0..200).map(|_| talk(&receiver, POST)[9..12].to_owned()).collect::<Vec<String>>()
    };
    let first = run();
    assert_eq!(first, run());
    assert!((4..200).step_by(5).all(|at| first[at] == "503"));
    let throttled = first.iter().filter(|status| *status == "429").count();
    assert!((20..60).contains(&throttled), "{throttled}");
}

#[test]
fn only_the_latest_requests_are_kept() {
    let options = ReceiverOptions { kept_requests: 2, ..ReceiverOptions::default() };
    let receiver = Receiver::start_with(Script::default(), options).unwrap();
    for _ in 0..5 {
        talk(&receiver, POST);
    }
    let ordinals: Vec<u64> = receiver.requests().iter().map(|request| request.ordinal).collect();
    assert_eq!(ordinals, [4, 5]);
}

#[test]
fn it_waits_for_requests_no_longer_than_told() {
    let receiver = Receiver::start(Script::default()).unwrap();
    assert!(!receiver.wait_for(1, Duration::ZERO));
    talk(&receiver, POST);
    assert!(receiver.wait_for(1, PATIENCE));
}

#[test]
fn a_stop_ends_hanging_dripping_and_endless_answers() {
    let endless = Content::Endless(Vec::new(), vec![0; 1024]);
    let drip = Content::Drip(vec![b'x'; 1000], PATIENCE);
    let answers = [
        Answer::hang(),
        Answer { content: drip, ..Answer::status(200) },
        Answer { content: endless, ..Answer::status(200) },
        Answer::status(200).after(PATIENCE),
    ];
    for answer in answers {
        let mut receiver = Receiver::start(Script::new([answer])).unwrap();
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        stream.write_all(POST).unwrap();
        assert!(receiver.wait_for(1, PATIENCE));
        receiver.stop();
        receiver.stop();
        assert_eq!(receiver.open_connections(), 0);
        assert!(TcpStream::connect(receiver.address()).is_err());
    }
}

#[test]
fn answers_are_read_as_one_types_them() {
    assert_eq!("503".parse(), Ok(Answer::status(503)));
    assert_eq!(
        " 429 retry-after=2  latency=0.5 ".parse(),
        Ok(Answer::status(429).header("retry-after", "2").after(Duration::from_millis(500)))
    );
    assert_eq!("reset".parse(), Ok(Answer::raw([], Ending::Reset)));
    for wrong in ["", "20", "1000", "ok", "200 x", "200 latency=-1", "200 latency=nan", "200,"] {
        assert!(wrong.parse::<Script>().is_err(), "{wrong:?}");
    }
}
