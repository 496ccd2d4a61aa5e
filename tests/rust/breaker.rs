//! The breaker: a function of time.

use std::time::Duration;

use webhook_stream::delivery::breaker::Admission;
use webhook_stream::delivery::breaker::Breaker;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Timestamp;

const OPTIONS: BreakerOptions = BreakerOptions {
    failures: 3,
    pause: Duration::from_secs(5),
    max_pause: Duration::from_secs(15),
};
const PROBE: Duration = Duration::from_secs(14);

fn second(seconds: u64) -> Timestamp {
    Timestamp::from_millis(0) + Duration::from_secs(seconds)
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..OPTIONS.failures {
        assert_eq!(breaker.admit(&OPTIONS, second(0), PROBE), Admission::Go);
        breaker.failed(&OPTIONS, second(0));
    }
    breaker
}

#[test]
fn it_opens_after_enough_failures_in_a_row() {
    let mut breaker = opened();
    assert!(breaker.is_open(second(4)));
    assert_eq!(breaker.admit(&OPTIONS, second(0), PROBE), Admission::NotBefore(second(5)));
}

#[test]
fn a_success_in_between_starts_the_count_anew() {
    let mut breaker = Breaker::default();
    for _ in 0..10 {
        breaker.failed(&OPTIONS, second(0));
        breaker.failed(&OPTIONS, second(0));
        breaker.succeeded();
    }
    assert_eq!(breaker.admit(&OPTIONS, second(0), PROBE), Admission::Go);
}

#[test]
fn after_the_pause_exactly_one_probe_goes_out() {
    let mut breaker = opened();
    assert_eq!(breaker.admit(&OPTIONS, second(5), PROBE), Admission::Go);
    for _ in 0..5 {
        assert!(matches!(breaker.admit(&OPTIONS, second(6), PROBE), Admission::NotBefore(_)));
    }
    breaker.succeeded();
    assert_eq!(breaker.admit(&OPTIONS, second(6), PROBE), Admission::Go);
    assert_eq!(breaker.admit(&OPTIONS, second(6), PROBE), Admission::Go);
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_a_limit() {
    let mut breaker = opened();
    let mut now = 5;
    for pause in [10, 15, 15] {
        assert_eq!(breaker.admit(&OPTIONS, second(now), PROBE), Admission::Go);
        breaker.failed(&OPTIONS, second(now));
        let until = second(now + pause);
        assert_eq!(breaker.admit(&OPTIONS, second(now), PROBE), Admission::NotBefore(until));
        now += pause;
    }
}

#[test]
fn a_probe_that_never_comes_back_is_replaced() {
    let mut breaker = opened();
    assert_eq!(breaker.admit(&OPTIONS, second(5), PROBE), Admission::Go);
    assert!(matches!(breaker.admit(&OPTIONS, second(18), PROBE), Admission::NotBefore(_)));
    assert_eq!(breaker.admit(&OPTIONS, second(19), PROBE), Admission::Go);
}

#[test]
fn a_receiver_that_asks_for_a_pause_gets_it() {
    let mut breaker = Breaker::default();
    breaker.failed(&OPTIONS, second(0));
    breaker.asked_to_pause(&OPTIONS, second(0), Duration::from_secs(9));
    assert_eq!(breaker.admit(&OPTIONS, second(1), PROBE), Admission::NotBefore(second(9)));
    breaker.asked_to_pause(&OPTIONS, second(0), Duration::from_hours(9));
    assert_eq!(breaker.admit(&OPTIONS, second(1), PROBE), Admission::NotBefore(second(15)));
}
