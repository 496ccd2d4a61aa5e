//! What may go out when.

use std::time::Duration;

use webhook_stream::delivery::breaker::Admission;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::outcome::FailureKind;
use webhook_stream::delivery::outcome::Outcome;
use webhook_stream::delivery::scheduler::Scheduler;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

#[test]
fn requests_are_spaced_by_the_rate_limit() {
    let mut scheduler = Scheduler::new(Some(100.0), None, Duration::ZERO);
    let starts: Vec<Timestamp> = (0..1000).map(|_| scheduler.next_start(NOW)).collect();
    let last = starts[999].since(NOW);
    assert!(last > Duration::from_millis(9900) && last < Duration::from_secs(10), "{last:?}");
    // Time that was not used is not saved up.
    let later = NOW + Duration::from_hours(1);
    let starts: Vec<Timestamp> = (0..10).map(|_| scheduler.next_start(later)).collect();
    assert!(starts[9].since(later) >= Duration::from_millis(70));
}

#[test]
fn the_rate_is_exact_over_time() {
    let mut scheduler = Scheduler::new(Some(7.0), None, Duration::ZERO);
    let first = scheduler.next_start(NOW);
    let mut last = first;
    for _ in 0..70_000 {
        last = scheduler.next_start(last);
    }
    let off = last.since(first).abs_diff(Duration::from_secs(10_000));
    assert!(off < Duration::from_millis(50), "{off:?}");
}

#[test]
fn without_limits_nothing_is_held_back() {
    let mut scheduler = Scheduler::new(None, None, Duration::ZERO);
    assert!(scheduler.is_idle());
    for _ in 0..1000 {
        scheduler.ended("a", &Outcome::of_trouble(FailureKind::Connect, "refused"), NOW);
        assert_eq!(scheduler.admit("a", NOW, None), Admission::Go);
        assert_eq!(scheduler.next_start(NOW), NOW);
    }
}

#[test]
fn a_failing_host_is_left_alone_while_others_go_on() {
    let options = BreakerOptions { failures: 3, ..BreakerOptions::default() };
    let mut scheduler = Scheduler::new(None, Some(options), Duration::from_secs(14));
    for _ in 0..3 {
        scheduler.ended("down", &Outcome::of_trouble(FailureKind::Connect, "refused"), NOW);
        scheduler.ended("up", &Outcome::Delivered { status: 200 }, NOW);
    }
    let until = NOW + Duration::from_secs(5);
    assert_eq!(scheduler.admit("down", NOW, None), Admission::NotBefore(until));
    assert_eq!(scheduler.admit("up", NOW, None), Admission::Go);
    // A delivery whose schedule would be overrun by waiting is let through.
    assert_eq!(scheduler.admit("down", NOW, Some(NOW)), Admission::Go);
    assert_eq!(scheduler.admit("down", NOW, Some(until)), Admission::NotBefore(until));
}

#[test]
fn retry_after_leaves_the_host_alone() {
    let mut scheduler =
        Scheduler::new(None, Some(BreakerOptions::default()), Duration::from_secs(14));
    scheduler.ended("a", &Outcome::of_answer(429, Some("30"), b"", NOW), NOW);
    let until = NOW + Duration::from_secs(30);
    assert_eq!(scheduler.admit("a", NOW, None), Admission::NotBefore(until));
}

#[test]
fn no_more_is_claimed_than_senders_can_take() {
    assert_eq!(Scheduler::plan(0, 4).claim, 8);
    assert_eq!(Scheduler::plan(7, 4).claim, 1);
    assert!(Scheduler::plan(8, 4).wait_for_room);
    assert_eq!(Scheduler::plan(100, 4).claim, 0);
}
