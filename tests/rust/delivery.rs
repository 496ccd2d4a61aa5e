//! Engines against real sockets on loopback: what is sent, and how an engine's life goes.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::EngineError;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::address::AddressPolicy;
use webhook_stream::delivery::address::AddressRules;
use webhook_stream::delivery::clock::Clock as _;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::log::LogLevel;
use webhook_stream::delivery::log::LogTarget;
use webhook_stream::delivery::log::LogValue;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::MaskedText;
use webhook_stream::delivery::request::Part;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::sign::SigningSecret;
use webhook_stream::delivery::sign::signature;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Store as _;
use webhook_stream::delivery::store::memory::MemoryStore;
use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Ending;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::Script;

use crate::support::Bench;
use crate::support::PATIENCE;
use crate::support::bench;
use crate::support::deliveries;
use crate::support::delivery;
use crate::support::options;
use crate::support::target;
use crate::support::target_with;

fn once() -> DeliveryOptions {
    DeliveryOptions { policy: RetryPolicy { tries: 1, ..RetryPolicy::none() }, ..options() }
}

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
    assert_eq!(first.header("host"), Some(receiver.address().to_string().as_str()));
    assert!(receiver.connections() <= 4, "{}", receiver.connections());
}

#[test]
fn bodies_of_every_size_arrive_whole() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = Bench::new(
        DeliveryOptions { timeout: PATIENCE, ..options() },
        Arc::new(SystemClock::new()),
    );
    let target = target(&receiver.url());
    let sizes = [0, 1, 300, 6_000, 8_000, 16_384, 16_385, 100_000, 5_000_000];
    let batch = sizes.iter().map(|size| {
        let body: Vec<u8> = (0..*size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let request = Request::new(Arc::clone(&target), format!("msg_{size}"), body).unwrap();
        NewDelivery::new("key", request, None)
    });
    bench.accept(batch.collect());
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 9);
    for request in receiver.requests() {
        let size: usize = request.header("webhook-id").unwrap()[4..].parse().unwrap();
        assert_eq!(request.body.len(), size);
        assert!(request.body.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251));
    }
}

#[test]
fn a_host_name_is_resolved_and_other_methods_are_sent() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = bench();
    let url = format!("http://localhost:{}/a?b=c#d", receiver.address().port());
    let target = Arc::new(Target::new("PATCH", url.as_str(), Vec::new(), 5).unwrap());
    bench.accept(deliveries(&target, 20));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 20);
    let request = receiver.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PATCH", "/a?b=c"));
}

#[test]
fn requests_are_signed_with_every_secret_and_the_time_of_the_try() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let secret = || SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let bench = Bench::new(
        DeliveryOptions { signing_secrets: vec![secret(), secret()], ..options() },
        Arc::new(SystemClock::new()),
    );
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    let request = receiver.requests().remove(0);
    let seconds: i64 = request.header("webhook-timestamp").unwrap().parse().unwrap();
    let time = webhook_stream::delivery::clock::Timestamp::from_millis(seconds * 1000);
    let expected = signature(&[secret(), secret()], "msg_0", time, &request.body);
    assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
}

#[test]
fn a_connection_that_died_in_the_meantime_is_replaced_for_free() {
    let script = Script::new([Answer::status(200), Answer::reset(), Answer::status(200)]);
    let receiver = Receiver::start(script).unwrap();
    let bench =
        Bench::new(DeliveryOptions { concurrency: 1, ..options() }, Arc::new(SystemClock::new()));
    let target = target(&receiver.url());
    bench.accept(vec![delivery(&target, 0)]);
    bench.wait(Until::Settled);
    bench.accept(vec![delivery(&target, 1)]);
    bench.wait(Until::Settled);
    let report = bench.report();
    assert_eq!(report.success_on_first_attempt, 2);
    assert_eq!((report.tries, report.fresh_connections), (2, 1));
    assert_eq!((receiver.count(), receiver.connections()), (3, 2));
}

#[test]
fn a_receiver_that_closes_after_each_answer_costs_no_attempt() {
    let receiver = Receiver::start(Script::new([Answer::status(200).then(Ending::Close)])).unwrap();
    let bench = bench();
    bench.accept(deliveries(&target(&receiver.url()), 400));
    bench.wait(Until::Settled);
    let report = bench.report();
    assert_eq!((report.success_on_first_attempt, report.tries), (400, 400));
}

#[test]
fn redirects_are_failures_and_lead_nowhere() {
    let elsewhere = Receiver::start(Script::default()).unwrap();
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let answer = Answer::status(status).header("Location", elsewhere.url());
        let receiver = Receiver::start(Script::new([answer])).unwrap();
        let bench = Bench::new(once(), Arc::new(SystemClock::new()));
        bench.accept(deliveries(&target(&receiver.url()), 1));
        bench.wait(Until::Settled);
        assert_eq!(bench.dead_letters()[0].attempts[0].status, Some(status));
    }
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn forbidden_addresses_are_never_dialled() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let port = receiver.address().port();
    let public = AddressRules { policy: AddressPolicy::Public, allow: Vec::new() };
    let disguises = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "0.0.0.0",
    ];
    let bench = Bench::new(
        DeliveryOptions { addresses: public.clone(), ..options() },
        Arc::new(SystemClock::new()),
    );
    for host in disguises {
        bench.accept(vec![delivery(&target(&format!("http://{host}:{port}/")), 0)]);
    }
    bench.wait(Until::Settled);
    let letters = bench.dead_letters();
    assert_eq!(letters.len(), disguises.len());
    assert!(letters.iter().all(|letter| letter.reason == Reason::Blocked), "{letters:?}");
    assert_eq!((receiver.connections(), receiver.count()), (0, 0));
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!(report.discarded, disguises.len() as u64);

    let allowed = AddressRules { allow: vec!["127.0.0.0/8".parse().unwrap()], ..public };
    let bench = Bench::new(
        DeliveryOptions { addresses: allowed, ..options() },
        Arc::new(SystemClock::new()),
    );
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 1);
}

#[test]
fn proxies_from_the_environment_play_no_part() {
    // Set for a child process, because an environment belongs to the whole process.
    let receiver = Receiver::start(Script::default()).unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["delivery::a_child_with_proxies_sends_directly", "--exact"])
        // Else the client leaves out proxies for this receiver by itself.
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .env("WEBHOOK_STREAM_TEST_URL", receiver.url())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert_eq!(receiver.count(), 1);
}

/// Does its work only in the process that the test above starts.
#[test]
fn a_child_with_proxies_sends_directly() {
    let Ok(url) = std::env::var("WEBHOOK_STREAM_TEST_URL") else {
        return;
    };
    let bench = Bench::new(once(), Arc::new(SystemClock::new()));
    bench.accept(deliveries(&target(&url), 1));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 1);
}

#[test]
fn a_secret_is_sent_but_stays_out_of_everything_that_is_kept() {
    let echo = Answer::status(401).body("you sent canary-4711, canary-4711");
    let receiver = Receiver::start(Script::new([echo])).unwrap();
    let secrets = HashMap::from([(String::from("TOKEN"), String::from("canary-4711"))]);
    let value =
        MaskedText::new(vec![Part::Plain(String::from("Bearer ")), Part::Secret("TOKEN".into())]);
    let target = target_with(&receiver.url(), "Authorization", value);
    let store = Arc::new(MemoryStore::new());
    let bench = Bench::with(once(), Arc::new(SystemClock::new()), store, Arc::new(secrets));
    bench.accept(deliveries(&target, 1));
    bench.wait(Until::Settled);
    assert_eq!(receiver.requests()[0].header("authorization"), Some("Bearer canary-4711"));
    let kept = format!(
        "{:?} {:?} {:?} {:?} {}",
        bench.dead_letters(),
        bench.engine,
        bench.engine.take_log(),
        bench.report(),
        bench.report().to_json()
    );
    assert!(kept.contains("you sent ***, ***"), "{kept}");
    assert!(!kept.contains("canary"), "{kept}");
}

#[test]
fn a_missing_secret_is_a_failed_attempt_that_names_it() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let value = MaskedText::new(vec![Part::Secret(String::from("TOKEN"))]);
    let bench = Bench::new(once(), Arc::new(SystemClock::new()));
    bench.accept(deliveries(&target_with(&receiver.url(), "X-Token", value), 1));
    bench.wait(Until::Settled);
    let letter = bench.dead_letters().remove(0);
    assert_eq!(letter.attempts[0].error, "request");
    assert!(letter.message.contains("TOKEN"), "{}", letter.message);
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn events_that_cannot_become_requests_are_dead_letters_at_once() {
    let bench = bench();
    let discarded = |reason, key: &str| Discarded {
        key: key.to_owned(),
        reason,
        message: String::from("input.x is missing"),
        event: Some(String::from("{}")),
        place: None,
        at: webhook_stream::delivery::clock::Timestamp::default(),
    };
    bench
        .engine
        .discard(vec![discarded(Reason::Render, "a"), discarded(Reason::Filter, "b")])
        .unwrap();
    bench.wait(Until::Settled);
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!((report.accepted, report.discarded), (2, 2));
    assert_eq!(bench.dead_letters()[1].reason, Reason::Filter);
}

#[test]
fn the_log_tells_of_failures_and_never_fills_up() {
    let receiver = Receiver::start(Script::statuses([404])).unwrap();
    let bench = Bench::new(once(), Arc::new(SystemClock::new()));
    bench.accept(deliveries(&target(&receiver.url()), 3000));
    bench.wait(Until::Settled);
    let records = bench.engine.take_log();
    assert_eq!(records.len(), 10);
    let first = &records[0];
    assert_eq!((first.level, first.target), (LogLevel::Error, LogTarget::Delivery));
    assert!(first.message.starts_with("test: key-"), "{}", first.message);
    let end = "is a dead letter (exhausted): attempt 1 answered 404 (not found)";
    assert!(first.message.ends_with(end), "{}", first.message);
    assert_eq!(first.fields[3], ("attempt", LogValue::Number(1)));
    let last = bench.engine.log().take(SystemClock::new().now(), true);
    let left_out = "test: 2,990 more records of dead_letter_exhausted in ";
    assert!(last[0].message.starts_with(left_out), "{}", last[0].message);
    assert!(bench.engine.take_log().is_empty());
    let errors = bench.report().errors;
    assert_eq!((errors[0].kind.as_str(), errors[0].count), ("status_404", 3000));
}

#[test]
fn a_stop_loses_nothing_and_the_next_engine_goes_on() {
    let receiver = Receiver::start(Script::new([Answer::hang()])).unwrap();
    let store = Arc::new(MemoryStore::new());
    let make = || {
        let secrets = Arc::new(webhook_stream::delivery::request::NoSecrets);
        let options = DeliveryOptions { timeout: PATIENCE, ..options() };
        Bench::with(options, Arc::new(SystemClock::new()), Arc::clone(&store), secrets)
    };
    let bench = make();
    bench.accept(deliveries(&target(&receiver.url()), 200));
    assert!(receiver.wait_for(4, PATIENCE));
    bench.engine.stop(Duration::ZERO).unwrap();
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!((report.pending, report.delivered), (200, 0));
    let counts = store.counts().unwrap();
    assert_eq!((counts.pending, counts.on_hand), (200, 0));
    let refused = bench.engine.accept(deliveries(&target(&receiver.url()), 1), &|| false);
    let refused = refused.unwrap_err();
    assert_eq!((refused.error, refused.batch.len()), (EngineError::Stopped, 1));
    assert!(!bench.engine.wait(Until::Settled, PATIENCE).unwrap());
    bench.engine.stop(Duration::ZERO).unwrap();

    receiver.set_script(Script::default());
    let next = make();
    next.wait(Until::Settled);
    let report = next.report();
    assert!(report.balanced());
    assert_eq!((report.resumed, report.delivered), (200, 200));
    assert_eq!(report.success_on_first_attempt, 200);
}

#[test]
fn a_stop_with_grace_lets_requests_under_way_finish() {
    let answer = Answer::status(200).after(Duration::from_millis(50));
    let receiver = Receiver::start(Script::new([answer])).unwrap();
    let bench = bench();
    bench.accept(deliveries(&target(&receiver.url()), 100));
    assert!(receiver.wait_for(4, PATIENCE));
    bench.engine.stop(PATIENCE).unwrap();
    let report = bench.report();
    assert!(report.balanced());
    assert!(report.delivered >= 4 && report.delivered < 100, "{report:?}");
    assert_eq!(report.delivered, receiver.count());
    assert_eq!(bench.store.counts().unwrap().pending, report.pending);
}

#[test]
fn an_accept_that_blocks_can_be_interrupted_and_gives_the_events_back() {
    let receiver = Receiver::start(Script::new([Answer::hang()])).unwrap();
    let options = DeliveryOptions { max_queued_bytes: 4000, timeout: PATIENCE, ..options() };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let target = target(&receiver.url());
    let asked = AtomicBool::new(false);
    let interrupted = || asked.swap(true, SeqCst);
    let mut accepted = 0;
    let refused = loop {
        match bench.engine.accept(deliveries(&target, 2), &interrupted) {
            Ok(()) => accepted += 2,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.error, refused.batch.len()), (EngineError::Interrupted, 2));
    assert_eq!(bench.report().accepted, accepted);
    assert!(accepted <= 12, "{accepted}");
}

#[test]
fn memory_between_accept_and_senders_is_bounded_and_all_gets_through() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let options = DeliveryOptions { max_queued_bytes: 5000, ..options() };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let target = target(&receiver.url());
    for _ in 0..200 {
        bench.accept(deliveries(&target, 10));
    }
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 2000);
}

#[test]
fn who_need_not_wait_for_the_receiver_waits_for_the_store_only() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let options =
        DeliveryOptions { max_queued_bytes: 4000, rate_limit_per_second: Some(20.0), ..options() };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let target = target(&receiver.url());
    for _ in 0..10 {
        bench.engine.accept_at_once(deliveries(&target, 10), &|| false).unwrap();
    }
    let report = bench.report();
    assert!(report.accepted == 100 && report.delivered < 90, "{report:?}");
    // Also those in the store have their first attempt before that wait ends.
    bench.wait(Until::FirstAttempts);
    assert_eq!((bench.report().delivered, receiver.count()), (100, 100));
}

#[test]
fn what_waits_in_the_store_for_its_first_attempt_is_bounded_too() {
    let receiver = Receiver::start(Script::new([Answer::hang()])).unwrap();
    let options = DeliveryOptions {
        max_queued_bytes: 4000,
        max_overflow_bytes: 8000,
        timeout: PATIENCE,
        ..options()
    };
    let bench = Bench::new(options, Arc::new(SystemClock::new()));
    let target = target(&receiver.url());
    let mut accepted = 0;
    let refused = loop {
        let asked = AtomicU32::new(0);
        // Long enough to find out that there is no room: it is asked every 25 ms.
        let interrupted = || asked.fetch_add(1, SeqCst) > 30;
        match bench.engine.accept_at_once(deliveries(&target, 2), &interrupted) {
            Ok(()) => accepted += 2,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.error, refused.batch.len()), (EngineError::Interrupted, 2));
    assert_eq!(bench.report().accepted, accepted);
    // 400 bytes and a few each.
    assert!((22..=34).contains(&accepted), "{accepted}");
}

#[test]
fn many_threads_may_share_an_engine() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = bench();
    let target = target(&receiver.url());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    bench.accept(deliveries(&target, 5));
                }
            });
        }
    });
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 1000);
}

#[test]
fn an_engine_with_a_dead_receiver_does_not_hold_up_another() {
    let dead = Receiver::start(Script::new([Answer::hang()])).unwrap();
    let healthy = Receiver::start(Script::default()).unwrap();
    let slow = Bench::new(
        DeliveryOptions { timeout: PATIENCE, ..options() },
        Arc::new(SystemClock::new()),
    );
    slow.accept(deliveries(&target(&dead.url()), 100));
    assert!(dead.wait_for(4, PATIENCE));
    let fast = bench();
    fast.accept(deliveries(&target(&healthy.url()), 1000));
    fast.wait(Until::Settled);
    assert_eq!(fast.report().delivered, 1000);
    assert_eq!(slow.report().delivered, 0);
}

fn threads_named(part: &str) -> impl Iterator<Item = String> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = threads.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(move |name| name.contains(part))
}

#[test]
fn engines_leave_no_threads_and_no_connections_behind() {
    let receiver = Receiver::start(Script::default()).unwrap();
    for _ in 0..50 {
        let options = DeliveryOptions { name: String::from("leak-check"), ..options() };
        let bench = Bench::new(options, Arc::new(SystemClock::new()));
        bench.accept(deliveries(&target(&receiver.url()), 10));
        bench.wait(Until::FirstAttempts);
    }
    // A thread that was joined can be listed a moment longer.
    while threads_named("leak").next().is_some() {
        thread::yield_now();
    }
    assert_eq!(receiver.count(), 500);
    while receiver.open_connections() > 0 {
        thread::yield_now();
    }
}

#[test]
fn wrong_options_are_refused_before_anything_starts() {
    let table = [
        (DeliveryOptions { concurrency: 0, ..options() }, "concurrency"),
        (DeliveryOptions { concurrency: 5000, ..options() }, "concurrency"),
        (DeliveryOptions { timeout: Duration::ZERO, ..options() }, "timeout_seconds"),
        (
            DeliveryOptions { rate_limit_per_second: Some(0.0), ..options() },
            "rate_limit_per_second",
        ),
        (
            DeliveryOptions { rate_limit_per_second: Some(f64::NAN), ..options() },
            "rate_limit_per_second",
        ),
        (DeliveryOptions { max_queued_bytes: 0, ..options() }, "max_queued_bytes"),
        (
            DeliveryOptions {
                policy: RetryPolicy { jitter: 2.0, ..RetryPolicy::default() },
                ..options()
            },
            "jitter",
        ),
    ];
    for (options, field) in table {
        assert_eq!(options.check().unwrap_err().field, field);
    }
}
