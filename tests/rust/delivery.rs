//! Engines against real sockets on loopback.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::Clock as _;
use webhook_stream::delivery::clock::VirtualClock;
use webhook_stream::delivery::store::Reason;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::ReceiverOptions;
use webhook_stream::receiver::Script;

use crate::support::Bench;
use crate::support::bench;
use crate::support::deliveries;
use crate::support::options;
use crate::support::target;

#[test]
fn events_are_delivered_with_their_bytes_and_headers() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = bench();
    bench.accept(deliveries(&target(&receiver.url()), 1000));
    bench.wait(Until::Settled);
    let report = bench.report();
    assert!(report.balanced(), "{report:?}");
    assert_eq!((report.delivered, report.tries, report.attempts), (1000, 1000, 1000));
    assert_eq!(report.success_on_first_attempt, 1000);
    let requests = receiver.requests();
    let bodies: HashMap<String, String> = requests
        .iter()
        .map(|request| (request.header("webhook-id").unwrap().to_owned(), request.text()))
        .collect();
    assert_eq!(bodies.len(), 1000);
    assert_eq!(bodies["msg_7"], "{\"n\": 7}");
    let first = &requests[0];
    assert_eq!(first.method, "POST");
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("user-agent"), Some("Amplitude/Webhook/1.0"));
    assert!(receiver.connections() <= 4, "{}", receiver.connections());
}

#[test]
fn an_event_that_meets_503_again_and_again_makes_thirty_requests_in_four_hours() {
    let clock = VirtualClock::new();
    let options_of_receiver =
        ReceiverOptions { clock: Arc::new(clock.clone()), ..ReceiverOptions::default() };
    let receiver = Receiver::start_with(Script::statuses([503]), options_of_receiver).unwrap();
    let bench = Bench::new(options(), Arc::new(clock.clone()));
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 30);
    let start = VirtualClock::START;
    let times: Vec<u64> =
        receiver.requests().iter().map(|request| request.at.since(start).as_secs()).collect();
    let attempts: Vec<u64> = times.iter().step_by(3).copied().collect();
    assert_eq!(attempts, [0, 30, 90, 210, 450, 930, 1830, 3630, 7230, 14400]);
    assert!(clock.now().since(start) < Duration::from_secs(14402));
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!((report.expired, report.attempts, report.tries), (1, 10, 30));
    let letters = bench.dead_letters();
    assert_eq!(letters[0].reason, Reason::Exhausted);
    assert_eq!(letters[0].attempts.len(), 10);
    assert_eq!(letters[0].attempts[9].status, Some(503));
    assert_eq!(letters[0].event.as_deref(), Some("event 0"));
}
