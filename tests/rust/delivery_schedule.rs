//! The whole schedule against real sockets, on a clock that the tests move.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Clock as _;
use webhook_stream::delivery::clock::VirtualClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::NoSecrets;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Store as _;
use webhook_stream::delivery::store::memory::MemoryStore;
use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Script;

use crate::support::Bench;
use crate::support::deliveries;
use crate::support::options;
use crate::support::seconds;
use crate::support::target;
use crate::support::virtual_bench;
use crate::support::virtual_receiver;

const ATTEMPTS: [u64; 10] = [0, 30, 90, 210, 450, 930, 1830, 3630, 7230, 14400];

fn elapsed(clock: &VirtualClock) -> Duration {
    clock.now().since(VirtualClock::START)
}

#[test]
fn an_event_that_meets_503_again_and_again_makes_thirty_requests_in_four_hours() {
    let (bench, clock) = virtual_bench(options());
    let receiver = virtual_receiver(Script::statuses([503]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 30);
    let attempts: Vec<u64> = seconds(&receiver).iter().step_by(3).copied().collect();
    assert_eq!(attempts, ATTEMPTS);
    assert!(elapsed(&clock) < Duration::from_secs(14401));
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!((report.expired, report.attempts, report.tries), (1, 10, 30));
    let letter = bench.dead_letters().remove(0);
    assert_eq!(letter.reason, Reason::Exhausted);
    assert_eq!(letter.event.as_deref(), Some("event 0"));
    let numbers: Vec<u32> = letter.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<u32>>());
    assert!(letter.attempts.iter().all(|attempt| attempt.tries == 3));
    assert_eq!(letter.attempts[9].status, Some(503));
}

#[test]
fn any_other_failure_makes_exactly_ten_requests() {
    let answers = [
        Answer::status(404),
        Answer::status(302),
        Answer::status(410),
        Answer::reset(),
        Answer::close(),
        "garbage".parse().unwrap(),
    ];
    for answer in answers {
        let (bench, clock) = virtual_bench(options());
        let receiver = virtual_receiver(Script::new([answer.clone()]), &clock);
        bench.accept(deliveries(&target(&receiver.url()), 1));
        bench.wait(Until::Settled);
        assert_eq!(receiver.count(), 10, "{answer:?}");
        assert_eq!(seconds(&receiver), ATTEMPTS, "{answer:?}");
        assert_eq!(bench.report().tries, 10, "{answer:?}");
    }
}

#[test]
fn a_refused_connection_makes_exactly_ten_attempts() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let (bench, _) = virtual_bench(options());
    bench.accept(deliveries(&target(&url), 1));
    bench.wait(Until::Settled);
    let report = bench.report();
    assert_eq!((report.tries, report.attempts, report.expired), (10, 10, 1));
    assert_eq!(bench.dead_letters()[0].attempts[0].error, "connect");
}

#[test]
fn a_receiver_that_hangs_makes_exactly_ten_attempts() {
    let quick = DeliveryOptions { timeout: Duration::from_millis(20), ..options() };
    let (bench, clock) = virtual_bench(quick);
    let receiver = virtual_receiver(Script::new([Answer::hang()]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().tries, 10);
    let letter = bench.dead_letters().remove(0);
    assert_eq!(letter.attempts[0].error, "timeout_receive");
}

#[test]
fn many_events_keep_to_the_schedule_with_jitter() {
    let jittered = DeliveryOptions { policy: RetryPolicy::default(), concurrency: 8, ..options() };
    let (bench, clock) = virtual_bench(jittered);
    let receiver = virtual_receiver(Script::statuses([500]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 100));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 3000);
    let mut requests: HashMap<String, Vec<Duration>> = HashMap::new();
    for request in receiver.requests() {
        let id = request.header("webhook-id").unwrap().to_owned();
        requests.entry(id).or_default().push(request.at.since(VirtualClock::START));
    }
    assert_eq!(requests.len(), 100);
    let gaps = RetryPolicy::default().schedule;
    for times in requests.values() {
        assert_eq!(times.len(), 30);
        let starts: Vec<Duration> = times.iter().step_by(3).copied().collect();
        for (pair, gap) in starts.windows(2).zip(&gaps) {
            let found = pair[1].abs_diff(pair[0]);
            // The receiver's clock can be read a try's back-off later at most.
            let slack = Duration::from_millis(500);
            assert!(
                found + slack >= gap.mul_f64(0.9) && found <= *gap + slack,
                "{found:?} {gap:?}"
            );
        }
    }
    assert_eq!(bench.report().expired, 100);
}

#[test]
fn a_receiver_that_recovers_gets_the_event_once() {
    let (bench, clock) = virtual_bench(options());
    let script = Script::statuses([503, 503, 503, 404, 200]);
    let receiver = virtual_receiver(script, &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(seconds(&receiver), [0, 0, 0, 30, 90]);
    let requests = receiver.requests();
    let same = |name| requests.iter().all(|r| r.header(name) == requests[0].header(name));
    assert!(same("webhook-id") && requests.iter().all(|r| r.body == requests[0].body));
    let report = bench.report();
    assert_eq!((report.success_after_retry, report.success_on_first_attempt), (1, 0));
    assert!(report.latency.p50.unwrap() > Duration::from_secs(85));
    assert_eq!(report.latency_target_met(), Some(false));
}

#[test]
fn a_short_retry_after_is_waited_for_within_the_attempt() {
    let (bench, clock) = virtual_bench(options());
    let script = Script::new([Answer::status(429).header("Retry-After", "2"), Answer::status(200)]);
    let receiver = virtual_receiver(script, &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(seconds(&receiver), [0, 2]);
    assert_eq!(bench.report().success_on_first_attempt, 1);
}

#[test]
fn a_long_retry_after_moves_the_next_attempt() {
    let (bench, clock) = virtual_bench(options());
    let script =
        Script::new([Answer::status(503).header("Retry-After", "50"), Answer::status(200)]);
    let receiver = virtual_receiver(script, &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(seconds(&receiver), [0, 50]);
}

#[test]
fn time_stands_still_until_it_is_advanced() {
    let (bench, clock) = virtual_bench(options());
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::FirstAttempts);
    assert_eq!(elapsed(&clock), Duration::ZERO);
    assert_eq!(receiver.count(), 1);
    clock.advance(Duration::from_secs(29));
    assert_eq!(receiver.count(), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(receiver.count(), 2);
    clock.advance(Duration::from_hours(4));
    assert_eq!(receiver.count(), 10);
    assert_eq!(bench.report().expired, 1);
}

#[test]
fn two_engines_share_a_clock() {
    let clock = VirtualClock::new();
    let receiver = virtual_receiver(Script::statuses([503]), &clock);
    let benches: Vec<Bench> =
        (0..2).map(|_| Bench::new(options(), Arc::new(clock.clone()))).collect();
    for bench in &benches {
        bench.accept(deliveries(&target(&receiver.url()), 3));
    }
    clock.advance(Duration::from_hours(5));
    assert_eq!(receiver.count(), 2 * 3 * 30);
    assert!(benches.iter().all(|bench| bench.report().expired == 3));
}

#[test]
fn a_restart_between_any_two_attempts_changes_nothing() {
    let clock = VirtualClock::new();
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    let store = Arc::new(MemoryStore::new());
    let make =
        || Bench::with(options(), Arc::new(clock.clone()), Arc::clone(&store), Arc::new(NoSecrets));
    let bench = make();
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::FirstAttempts);
    drop(bench);
    for at in ATTEMPTS {
        let bench = make();
        clock.advance(Duration::from_secs(at).saturating_sub(elapsed(&clock)));
        drop(bench);
    }
    assert_eq!(seconds(&receiver), ATTEMPTS);
    let letter = store.dead_letters(0, 1).unwrap().remove(0);
    assert_eq!(letter.attempts.len(), 10);
}

#[test]
fn after_downtime_there_is_one_attempt_and_then_the_remaining_gaps() {
    let clock = VirtualClock::new();
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    let store = Arc::new(MemoryStore::new());
    let make =
        || Bench::with(options(), Arc::new(clock.clone()), Arc::clone(&store), Arc::new(NoSecrets));
    let bench = make();
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::FirstAttempts);
    drop(bench);
    clock.advance(Duration::from_hours(6));
    let bench = make();
    clock.advance(Duration::from_mins(3));
    let late = 6 * 3600;
    assert_eq!(seconds(&receiver), [0, late, late + 60, late + 180]);
    assert_eq!(bench.report().resumed, 1);
}

#[test]
fn a_wall_clock_that_jumps_causes_no_burst_and_no_delay() {
    let year = 365 * 24 * 3600 * 1000;
    let (bench, clock) = virtual_bench(options());
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    for jump in [3_600_000, -3_600_000, year, -year, 0] {
        clock.advance(Duration::from_mins(50));
        clock.set_wall_ahead(jump);
    }
    assert_eq!(seconds(&receiver), ATTEMPTS);
    assert_eq!(bench.report().expired, 1);
}

#[test]
fn the_rate_limit_spaces_requests() {
    let limited = DeliveryOptions { rate_limit_per_second: Some(10.0), ..options() };
    let (bench, clock) = virtual_bench(limited);
    let receiver = virtual_receiver(Script::default(), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 50));
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 50);
    let taken = elapsed(&clock);
    assert!(taken >= Duration::from_millis(4800) && taken < Duration::from_secs(5), "{taken:?}");
}

#[test]
fn a_breaker_spares_a_dead_receiver_and_loses_nothing() {
    let careful = DeliveryOptions {
        breaker: Some(BreakerOptions { failures: 5, ..BreakerOptions::default() }),
        ..options()
    };
    let (bench, clock) = virtual_bench(careful);
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 500));
    bench.wait(Until::FirstAttempts);
    assert!(receiver.count() < 20, "{}", receiver.count());
    clock.advance(Duration::from_mins(10));
    let while_dead = receiver.count();
    assert!(while_dead < 40, "{while_dead}");
    receiver.set_script(Script::default());
    bench.wait(Until::Settled);
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!(report.delivered, 500);
}

#[test]
fn with_a_breaker_a_delivery_still_gets_its_ten_attempts_in_four_hours() {
    let careful = DeliveryOptions {
        breaker: Some(BreakerOptions { failures: 2, ..BreakerOptions::default() }),
        ..options()
    };
    let (bench, clock) = virtual_bench(careful);
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 10);
    assert!(elapsed(&clock) <= Duration::from_hours(4));
}

#[test]
fn a_delivery_that_got_too_old_is_given_up() {
    let policy = RetryPolicy {
        expire_after: Some(Duration::from_mins(10)),
        jitter: 0.0,
        ..RetryPolicy::default()
    };
    let (bench, clock) = virtual_bench(DeliveryOptions { policy, ..options() });
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(seconds(&receiver), ATTEMPTS[..5]);
    assert_eq!(bench.dead_letters()[0].reason, Reason::Expired);
}

#[test]
fn what_is_too_old_after_downtime_is_given_up_without_a_request() {
    let age = Some(Duration::from_hours(1));
    let policy = RetryPolicy { expire_after: age, jitter: 0.0, ..RetryPolicy::default() };
    let clock = VirtualClock::new();
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    let store = Arc::new(MemoryStore::new());
    let make = || {
        let options = DeliveryOptions { policy: policy.clone(), ..options() };
        Bench::with(options, Arc::new(clock.clone()), Arc::clone(&store), Arc::new(NoSecrets))
    };
    let bench = make();
    bench.accept(deliveries(&target(&receiver.url()), 3));
    bench.wait(Until::FirstAttempts);
    drop(bench);
    clock.advance(Duration::from_hours(6));
    let bench = make();
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 3);
    let report = bench.report();
    assert!(report.balanced());
    assert_eq!((report.resumed, report.expired, report.attempts), (3, 3, 0));
    for letter in bench.dead_letters() {
        assert_eq!((letter.reason, letter.attempts.len()), (Reason::Expired, 1));
        assert!(letter.message.contains("within 3600 seconds"), "{}", letter.message);
    }
}

#[test]
fn an_answer_of_410_ends_a_delivery_when_that_is_asked_for() {
    let policy = RetryPolicy { stop_when_gone: true, ..RetryPolicy::default() };
    let (bench, clock) = virtual_bench(DeliveryOptions { policy, ..options() });
    let receiver = virtual_receiver(Script::statuses([404, 410]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 2);
    let letter = bench.dead_letters().remove(0);
    assert_eq!((letter.reason, letter.attempts.len()), (Reason::Gone, 2));
}

/// When the second attempt of a delivery comes, counted from the restart, if the next process sees
/// another time than the one before.
fn second_attempt_after_restart(before: Duration, after: Duration) -> Vec<Duration> {
    let store = Arc::new(MemoryStore::new());
    let at = |time| {
        let clock = VirtualClock::new();
        clock.advance(time);
        clock
    };
    let with = |clock: &VirtualClock| {
        Bench::with(options(), Arc::new(clock.clone()), Arc::clone(&store), Arc::new(NoSecrets))
    };
    let clock = at(before);
    let receiver = virtual_receiver(Script::statuses([404]), &clock);
    let bench = with(&clock);
    bench.accept(deliveries(&target(&receiver.url()), 1));
    bench.wait(Until::FirstAttempts);
    drop(bench);
    let clock = at(after);
    let receiver_after = virtual_receiver(Script::statuses([404]), &clock);
    let restarted = clock.now();
    // The receiver stays where it is, so the first one counts and the second one is only a watch.
    drop(receiver_after);
    let count_before = receiver.count();
    let bench = with(&clock);
    let mut times = Vec::new();
    for _ in 0..300 {
        clock.advance(Duration::from_secs(1));
        let seen = receiver.count() - count_before;
        while (times.len() as u64) < seen {
            times.push(clock.now().since(restarted));
        }
    }
    drop(bench);
    times
}

#[test]
fn a_clock_set_back_between_two_runs_delays_an_attempt_by_one_gap_at_most() {
    let year = Duration::from_hours(365 * 24);
    for back in [Duration::from_hours(1), year] {
        let times = second_attempt_after_restart(year, year.checked_sub(back).unwrap());
        assert!(times[0] <= Duration::from_secs(61), "{times:?}");
        assert!(times[1].checked_sub(times[0]).unwrap() >= Duration::from_secs(59), "{times:?}");
    }
}

#[test]
fn a_clock_set_forward_between_two_runs_makes_one_attempt_early_and_no_burst() {
    let year = Duration::from_hours(365 * 24);
    for forward in [Duration::from_hours(1), year] {
        let times = second_attempt_after_restart(Duration::from_hours(1), forward + year);
        assert!(times[0] <= Duration::from_secs(1), "{times:?}");
        assert!(times[1].checked_sub(times[0]).unwrap() >= Duration::from_secs(59), "{times:?}");
        assert!(times.len() <= 3, "{times:?}");
    }
}

#[test]
fn a_dead_receiver_gets_no_more_requests_than_the_rate_limit_and_thirty_an_event() {
    let limited = DeliveryOptions { rate_limit_per_second: Some(20.0), ..options() };
    let (bench, clock) = virtual_bench(limited);
    let receiver = virtual_receiver(Script::statuses([503]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 40));
    bench.wait(Until::Settled);
    assert_eq!(receiver.count(), 40 * 30);
    let mut each_second: HashMap<u64, u32> = HashMap::new();
    for second in seconds(&receiver) {
        *each_second.entry(second).or_default() += 1;
    }
    let most = each_second.values().max().unwrap();
    assert!(*most <= 21, "{most}");
}

#[test]
fn a_receiver_that_comes_back_to_a_large_backlog_is_not_run_over() {
    let limited = DeliveryOptions {
        rate_limit_per_second: Some(50.0),
        breaker: Some(BreakerOptions { failures: 5, ..BreakerOptions::default() }),
        ..options()
    };
    let (bench, clock) = virtual_bench(limited);
    let receiver = virtual_receiver(Script::statuses([503]), &clock);
    bench.accept(deliveries(&target(&receiver.url()), 2000));
    clock.advance(Duration::from_mins(20));
    let before = receiver.count() as usize;
    receiver.set_script(Script::default());
    bench.wait(Until::Settled);
    assert_eq!(bench.report().delivered, 2000);
    let mut each_second: HashMap<u64, u32> = HashMap::new();
    for second in &seconds(&receiver)[before..] {
        *each_second.entry(*second).or_default() += 1;
    }
    let most = each_second.values().max().unwrap();
    assert!(*most <= 51, "{most}");
}

#[test]
fn a_retry_after_that_makes_no_sense_changes_nothing_and_a_huge_one_is_capped() {
    let table = [
        ("soon", 30),
        ("-5", 30),
        ("1.5", 30),
        ("", 30),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 30),
        ("1000000000", 60),
        ("99999999999999999999999999", 60),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 60),
        // 45 seconds after the virtual clock's beginning.
        ("Thu, 01 Jan 2026 00:00:45 GMT", 45),
    ];
    for (text, expected) in table {
        let (bench, clock) = virtual_bench(options());
        let answer = Answer::status(503).header("Retry-After", text);
        // Some say to try again at once, so the attempt may have its three tries.
        let receiver = virtual_receiver(Script::new([answer]), &clock);
        bench.accept(deliveries(&target(&receiver.url()), 1));
        bench.wait(Until::FirstAttempts);
        let first = receiver.count() as usize;
        clock.advance(Duration::from_secs(65));
        assert_eq!(seconds(&receiver)[first], expected, "{text:?}");
    }
}
