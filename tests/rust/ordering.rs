//! Order on request: one at a time within a lane, in the order of acceptance, and no lane holds up
//! another one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Clock as _;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::clock::VirtualClock;
use webhook_stream::delivery::lane_of;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::NoSecrets;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Store as _;
use webhook_stream::delivery::store::memory::MemoryStore;
use webhook_stream::pipeline::Decision;
use webhook_stream::pipeline::Position;
use webhook_stream::pipeline::Sync;
use webhook_stream::pipeline::SyncOptions;
use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::Script;
use webhook_stream::value::Document;

use crate::support::Bench;
use crate::support::PATIENCE;
use crate::support::bench;
use crate::support::delivery;
use crate::support::options;
use crate::support::target;
use crate::support::virtual_bench;
use crate::support::virtual_receiver;

/// The delivery of that number, in that lane.
fn in_lane(target: &Arc<Target>, number: usize, lane: u64) -> NewDelivery {
    NewDelivery { lane: Some(lane), ..delivery(target, number) }
}

/// Which numbers came in which order, with the statuses they were answered with.
fn arrivals(receiver: &Receiver) -> Vec<(usize, u16)> {
    let number = |id: &str| id.trim_start_matches("msg_").parse().unwrap();
    let requests = receiver.requests();
    requests.iter().map(|r| (number(r.header("webhook-id").unwrap()), r.status)).collect()
}

/// No request of a lane before the one ahead of it was answered with 200.
fn assert_in_order(receiver: &Receiver, lane_of: impl Fn(usize) -> usize) {
    let mut done: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut open: HashMap<usize, usize> = HashMap::new();
    for (number, status) in arrivals(receiver) {
        let lane = lane_of(number);
        if let Some(open) = open.get(&lane) {
            assert_eq!(*open, number, "lane {lane}: {open} was not through");
        }
        let done = done.entry(lane).or_default();
        assert!(
            done.last().is_none_or(|last| *last < number),
            "lane {lane}: {number} after {done:?}"
        );
        if status == 200 {
            done.push(number);
            open.remove(&lane);
        } else {
            open.insert(lane, number);
        }
    }
}

/// Lanes of the next test.
const LANES: usize = 25;

#[test]
fn each_lane_keeps_its_order_through_failures() {
    let (bench, clock) = virtual_bench(DeliveryOptions { concurrency: 16, ..options() });
    let script = Script::default().sometimes(0.15, 3, Answer::status(404)).sometimes(
        0.1,
        4,
        Answer::status(503),
    );
    let receiver = virtual_receiver(script, &clock);
    let target = target(&receiver.url());
    for batch in 0..20 {
        let numbers = batch * 30..(batch + 1) * 30;
        bench.accept(numbers.map(|n| in_lane(&target, n, (n % LANES) as u64)).collect());
    }
    bench.wait(Until::Settled);
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!(report.delivered, 600);
    assert!(report.success_after_retry > 30, "{report:?}");
    assert_in_order(&receiver, |number| number % LANES);
}

#[test]
fn a_healthy_receiver_gets_every_event_of_every_lane_at_once() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = bench();
    let target = target(&receiver.url());
    for batch in 0..10 {
        let numbers = batch * 100..(batch + 1) * 100;
        bench.accept(numbers.map(|n| in_lane(&target, n, (n % 3) as u64)).collect());
    }
    bench.wait(Until::FirstAttempts);
    assert_eq!(bench.report().delivered, 1000);
    assert_in_order(&receiver, |number| number % 3);
}

#[test]
fn a_failed_event_holds_up_its_own_lane_only() {
    let (bench, clock) = virtual_bench(DeliveryOptions { concurrency: 1, ..options() });
    let receiver = virtual_receiver(Script::statuses([404, 404, 200]), &clock);
    let target = target(&receiver.url());
    let batch = [(0, 7), (1, 7), (2, 8), (3, 7), (4, 9), (5, 8)];
    bench.accept(batch.map(|(number, lane)| in_lane(&target, number, lane)).into());
    bench.accept(vec![delivery(&target, 6)]);
    // The second of lane 7 is not attempted, and nobody waits for that.
    bench.wait(Until::FirstAttempts);
    assert_eq!(clock.now(), VirtualClock::START);
    assert_eq!((bench.report().delivered, bench.report().pending), (2, 5));
    // Lane 8 was not held up but for its own first one, which failed too.
    assert_eq!(arrivals(&receiver)[..2], [(0, 404), (2, 404)]);
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 7);
    let of = |wanted: &[usize]| -> Vec<usize> {
        arrivals(&receiver).iter().map(|(n, _)| *n).filter(|n| wanted.contains(n)).collect()
    };
    assert_eq!((of(&[0, 1, 3]), of(&[2, 5])), (vec![0, 0, 1, 3], vec![2, 2, 5]));
}

#[test]
fn an_event_that_is_given_up_lets_the_next_one_of_its_lane_go() {
    let policy = RetryPolicy {
        schedule: vec![Duration::from_mins(1)],
        jitter: 0.0,
        ..RetryPolicy::default()
    };
    let (bench, clock) = virtual_bench(DeliveryOptions { policy, ..options() });
    let receiver = virtual_receiver(Script::statuses([404, 404, 200]), &clock);
    let target = target(&receiver.url());
    bench.accept((0..3).map(|number| in_lane(&target, number, 1)).collect());
    bench.wait(Until::Settled);
    assert_eq!(arrivals(&receiver), [(0, 404), (0, 404), (1, 200), (2, 200)]);
    assert_eq!(bench.dead_letters()[0].reason, Reason::Exhausted);
}

#[test]
fn order_holds_across_a_restart() {
    let clock = VirtualClock::new();
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    let store = Arc::new(MemoryStore::new());
    let make =
        || Bench::with(options(), Arc::new(clock.clone()), Arc::clone(&store), Arc::new(NoSecrets));
    let target = target(&receiver.url());
    let first = make();
    first.accept((0..20).map(|n| in_lane(&target, n, (n % 2) as u64)).collect());
    first.wait(Until::FirstAttempts);
    drop(first);
    receiver.set_script(Script::default());
    let second = make();
    // A new one must not overtake what the earlier engine left.
    second.accept((20..40).map(|n| in_lane(&target, n, (n % 4) as u64)).collect());
    second.wait(Until::FirstAttempts);
    assert_eq!(clock.now(), VirtualClock::START);
    second.wait(Until::Settled);
    let report = second.report();
    assert_eq!((report.resumed, report.delivered), (20, 40));
    assert_in_order(&receiver, |number| if number < 20 { number % 2 } else { number % 4 });
}

#[test]
fn with_a_breaker_order_holds_and_nobody_waits_in_vain() {
    let breaker = Some(BreakerOptions { failures: 3, ..BreakerOptions::default() });
    let (bench, clock) = virtual_bench(DeliveryOptions { breaker, ..options() });
    let receiver = virtual_receiver(Script::statuses([404; 20]), &clock);
    let target = target(&receiver.url());
    bench.accept((0..300).map(|n| in_lane(&target, n, (n % 10) as u64)).collect());
    bench.wait(Until::FirstAttempts);
    receiver.set_script(Script::default());
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 300);
    assert_in_order(&receiver, |number| number % 10);
}

#[test]
fn many_threads_may_feed_the_same_lanes() {
    let receiver = Receiver::start(Script::default()).unwrap();
    let bench = Bench::new(
        DeliveryOptions { max_queued_bytes: 5000, ..options() },
        Arc::new(SystemClock::new()),
    );
    let target = target(&receiver.url());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (bench, target) = (&bench, &target);
            scope.spawn(move || {
                for round in 0..40 {
                    let first = (round * 4 + thread) * 5;
                    bench.accept((first..first + 5).map(|n| in_lane(target, n, 1)).collect());
                }
            });
        }
    });
    assert!(bench.engine.wait(Until::Settled, PATIENCE).unwrap());
    assert_eq!(bench.report().delivered, 800);
    // Ids are given by the store, so what counts is that each batch's order is kept.
    let arrivals: Vec<usize> = arrivals(&receiver).iter().map(|(number, _)| *number).collect();
    for first in (0..800).step_by(5) {
        let at: Vec<usize> = (first..first + 5)
            .map(|number| arrivals.iter().position(|n| *n == number).unwrap())
            .collect();
        assert!(at.is_sorted(), "{first}: {at:?}");
    }
}

#[test]
fn the_store_in_memory_gives_out_one_of_a_lane_at_a_time() {
    let store = MemoryStore::new();
    let target = target("http://a.example/");
    let second = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    let lanes = [1, 2, 1, 1, 2];
    let batch = lanes.iter().enumerate().map(|(n, lane)| in_lane(&target, n, *lane)).collect();
    let jobs = store.accept(batch).unwrap();
    for job in &jobs[2..] {
        store.settle(job, Change::PutOff { due: second(0) }).unwrap();
    }
    // Behind one on hand, and not to be waited for.
    assert!(store.claim(second(9), 10).unwrap().is_empty());
    assert_eq!(store.next_due().unwrap(), None);
    assert_eq!(store.counts().unwrap().waiting, 3);
    store.settle(&jobs[0], Change::PutOff { due: second(5) }).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(second(5)));
    let head = store.claim(second(9), 10).unwrap();
    assert_eq!(head[0].delivery.id, jobs[0].delivery.id);
    assert!(store.claim(second(9), 10).unwrap().is_empty());
    store.settle(&jobs[0], Change::Delivered).unwrap();
    store.settle(&jobs[1], Change::Delivered).unwrap();
    let next: Vec<u64> =
        store.claim(second(9), 10).unwrap().iter().map(|job| job.delivery.id).collect();
    assert_eq!(next, [jobs[2].delivery.id, jobs[4].delivery.id]);
    assert_eq!(store.take_over(second(1), &|_| second(1)).unwrap(), 3);
    assert_eq!(store.counts().unwrap().waiting, 3);
    assert_eq!(store.claim(second(1), 10).unwrap().len(), 2);
    let mut seen = Vec::new();
    store.pending_lanes(&mut |lane, attempts| seen.push((lane, attempts))).unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 0), (1, 0), (2, 0)]);
}

#[test]
fn a_sync_finds_the_lane_of_an_event_in_the_field_it_names() {
    let lane = |ordering: &str, event: &str| {
        let mut options = SyncOptions::new("test", "http://a.example/");
        options.ordering = Some(ordering.to_owned());
        let sync = Sync::new(options).unwrap();
        let event_document = Document::parse(event).unwrap();
        match sync.decide(event_document.root(), event, &Position::Ordinal(0), 0) {
            Decision::Send { lane, .. } => lane,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(lane("user_id", r#"{"user_id": "ada"}"#), Some(lane_of("ada")));
    assert_eq!(lane("user.id", r#"{"user": {"id": 42}}"#), Some(lane_of("42")));
    assert_eq!(lane("user_id", r#"{"user_id": null}"#), None);
    assert_eq!(lane("user_id", "{}"), None);
    let mut options = SyncOptions::new("test", "http://a.example/");
    options.ordering = Some(String::from("a..b"));
    assert!(options.check().unwrap_err().message().starts_with("ordering: "));
}
