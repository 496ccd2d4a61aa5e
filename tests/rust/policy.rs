//! The retry arithmetic: no clock, no sockets, dice in the open.

use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::outcome::Failure;
use webhook_stream::delivery::outcome::FailureKind;
use webhook_stream::delivery::outcome::Phase;
use webhook_stream::delivery::policy::Decision;
use webhook_stream::delivery::policy::FailedAttempt;
use webhook_stream::delivery::policy::GiveUp;
use webhook_stream::delivery::policy::NextTry;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::policy::StatusSet;

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const FOUR_HOURS: Duration = Duration::from_hours(4);

fn failure(kind: FailureKind, retry_after: Option<u64>) -> Failure {
    Failure {
        kind,
        message: String::from("failed"),
        retry_after: retry_after.map(Duration::from_secs),
        excerpt: String::new(),
    }
}

fn exact() -> RetryPolicy {
    RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }
}

/// When the attempt after number `number`, which began at `seconds`, is due.
fn next(policy: &RetryPolicy, number: u32, seconds: u64, retry_after: Option<u64>) -> Decision {
    let failure = failure(FailureKind::Status(503), retry_after);
    after(policy, number, START + Duration::from_secs(seconds), &failure, 0.0)
}

/// What follows an attempt that failed at once.
fn after(
    policy: &RetryPolicy,
    number: u32,
    started_at: Timestamp,
    failure: &Failure,
    dice: f64,
) -> Decision {
    let attempt = FailedAttempt {
        number,
        accepted_at: START,
        first_started_at: START,
        started_at,
        ended_at: started_at,
        failure,
    };
    policy.after_attempt(&attempt, dice)
}

fn at(seconds: u64) -> Decision {
    Decision::RetryAt(START + Duration::from_secs(seconds))
}

/// Runs a delivery that only fails, each attempt taking `latency`, and gives the start times.
fn run(policy: &RetryPolicy, seed: u64, latency: Duration) -> Vec<Duration> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let failure = failure(FailureKind::Status(404), None);
    let mut starts = vec![Duration::ZERO];
    let mut started_at = START;
    loop {
        let number = u32::try_from(starts.len()).unwrap();
        let attempt = FailedAttempt {
            number,
            accepted_at: START,
            first_started_at: START,
            started_at,
            ended_at: started_at + latency,
            failure: &failure,
        };
        match policy.after_attempt(&attempt, dice.f64()) {
            Decision::RetryAt(due) => {
                started_at = due;
                starts.push(due.since(START));
            }
            Decision::GiveUp(why) => {
                assert_eq!(why, GiveUp::Exhausted);
                return starts;
            }
        }
    }
}

#[test]
fn the_schedule_is_one_and_nine_attempts_over_four_hours() {
    let policy = exact();
    assert!(policy.check().is_ok());
    assert_eq!(policy.max_attempts(), 10);
    assert_eq!(policy.max_requests(), 30);
    assert_eq!(policy.span(), FOUR_HOURS);
    let starts: Vec<u64> = run(&policy, 1, Duration::ZERO).iter().map(Duration::as_secs).collect();
    assert_eq!(starts, [0, 30, 90, 210, 450, 930, 1830, 3630, 7230, 14400]);
}

#[test]
fn for_a_hundred_thousand_seeds_gaps_stay_in_their_band_and_the_span_within_four_hours() {
    let policy = RetryPolicy::default();
    let gaps = &policy.schedule;
    for seed in 0..100_000 {
        let starts = run(&policy, seed, Duration::ZERO);
        assert_eq!(starts.len(), 10, "seed {seed}");
        assert!(*starts.last().unwrap() <= FOUR_HOURS, "seed {seed}");
        for (pair, gap) in starts.windows(2).zip(gaps) {
            let found = pair[1].abs_diff(pair[0]);
            let shortest = gap.mul_f64(0.9).saturating_sub(Duration::from_micros(1));
            assert!(found >= shortest && found <= *gap, "seed {seed}: {found:?} for {gap:?}");
        }
    }
}

#[test]
fn the_preview_and_the_description_are_the_schedule() {
    let policy = RetryPolicy::default();
    assert_eq!(policy.describe(), "10 attempts over 4:00:00, at most 30 requests");
    assert_eq!(RetryPolicy::none().describe(), "1 attempt, at most 3 requests");
    let rows = policy.preview();
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[9].latest, FOUR_HOURS);
    assert_eq!(rows[9].earliest.as_secs(), 12960);
    assert_eq!(rows[9].to_string(), "     10   1:59:30   3:36:00   4:00:00");
    assert_eq!(RetryPolicy::standard_webhooks().max_attempts(), 10);
}

#[test]
fn a_gap_counts_from_the_start_of_an_attempt_but_never_ends_before_it() {
    let policy = exact();
    let slow = run(&policy, 1, Duration::from_secs(20));
    assert_eq!(slow.last(), Some(&FOUR_HOURS));
    let slower = run(&policy, 1, Duration::from_secs(45));
    assert_eq!(slower[1], Duration::from_secs(45));
    assert_eq!(slower[2], slower[1] + Duration::from_mins(1));
}

#[test]
fn after_downtime_there_is_one_attempt_and_then_the_remaining_gaps() {
    // The second attempt was due after 30 seconds, but the process was down for six hours.
    let policy = exact();
    let late = 6 * 3600;
    assert_eq!(next(&policy, 2, late, None), at(late + 60));
    assert_eq!(next(&policy, 3, late + 60, None), at(late + 180));
}

#[test]
fn only_429_and_5xx_are_tried_again_within_an_attempt() {
    let policy = RetryPolicy::default();
    let table = [
        (FailureKind::Status(429), true),
        (FailureKind::Status(500), true),
        (FailureKind::Status(503), true),
        (FailureKind::Status(599), true),
        (FailureKind::Status(600), false),
        (FailureKind::Status(404), false),
        (FailureKind::Status(408), false),
        (FailureKind::Status(302), false),
        (FailureKind::Status(101), false),
        (FailureKind::Timeout(Phase::Receive), false),
        (FailureKind::Resolve, false),
        (FailureKind::Connect, false),
        (FailureKind::Tls, false),
        (FailureKind::Closed, false),
        (FailureKind::Protocol, false),
        (FailureKind::Request, false),
    ];
    for (kind, again) in table {
        let next = policy.after_try(1, &failure(kind, None), Duration::ZERO, 0.5);
        assert_eq!(next != NextTry::None, again, "{kind:?}");
        assert_eq!(policy.after_try(3, &failure(kind, None), Duration::ZERO, 0.5), NextTry::None);
    }
}

#[test]
fn the_waits_between_tries_double_and_vary_by_half() {
    let policy = RetryPolicy::default();
    let failure = failure(FailureKind::Status(500), None);
    let wait = |tried, dice| policy.after_try(tried, &failure, Duration::ZERO, dice);
    let after = |millis| NextTry::After(Duration::from_millis(millis));
    assert_eq!(wait(1, 0.0), after(50));
    assert_eq!(wait(1, 0.5), after(100));
    assert_eq!(wait(2, 0.0), after(100));
    assert_eq!(wait(2, 0.5), after(200));
    let NextTry::After(longest) = wait(2, 0.999_999) else { panic!("a try was due") };
    assert!(longest < Duration::from_millis(300) && longest > Duration::from_millis(299));
}

/// How many tries an attempt makes when each is answered 503 after `latency`.
fn tries(latency_millis: u64, dice: f64) -> u32 {
    let policy = RetryPolicy::default();
    let failure = failure(FailureKind::Status(503), None);
    let latency = Duration::from_millis(latency_millis);
    let mut elapsed = latency;
    let mut tried = 1;
    while let NextTry::After(wait) = policy.after_try(tried, &failure, elapsed, dice) {
        elapsed += wait + latency;
        tried += 1;
    }
    tried
}

#[test]
fn no_try_starts_after_four_seconds() {
    for dice in [0.0, 0.25, 0.5, 0.75, 0.999] {
        assert_eq!(tries(0, dice), 3);
        assert_eq!(tries(1700, dice), 3);
        assert_eq!(tries(2000, dice), 2);
        assert_eq!(tries(3700, dice), 2);
        assert_eq!(tries(4000, dice), 1);
        assert_eq!(tries(9000, dice), 1);
    }
    assert_eq!((tries(1850, 0.0), tries(1850, 0.999)), (3, 2));
}

#[test]
fn retry_after_is_obeyed_within_the_attempt_if_it_fits() {
    let policy = RetryPolicy::default();
    let wait = |seconds, elapsed| {
        let failure = failure(FailureKind::Status(429), Some(seconds));
        policy.after_try(1, &failure, Duration::from_secs(elapsed), 0.5)
    };
    assert_eq!(wait(2, 0), NextTry::After(Duration::from_secs(2)));
    assert_eq!(wait(0, 0), NextTry::After(Duration::from_millis(100)));
    assert_eq!(wait(4, 0), NextTry::None);
    assert_eq!(wait(2, 2), NextTry::None);
    let ignoring = RetryPolicy { respect_retry_after: false, ..RetryPolicy::default() };
    let asked = failure(FailureKind::Status(429), Some(2));
    let next = ignoring.after_try(1, &asked, Duration::ZERO, 0.5);
    assert_eq!(next, NextTry::After(Duration::from_millis(100)));
}

#[test]
fn retry_after_moves_the_next_attempt_within_limits() {
    let policy = exact();
    // Shorter than the gap: the gap stands. Longer: it is obeyed, up to twice the gap.
    assert_eq!(next(&policy, 1, 0, Some(10)), at(30));
    assert_eq!(next(&policy, 1, 0, Some(45)), at(45));
    assert_eq!(next(&policy, 1, 0, Some(1_000_000_000)), at(60));
    // At least half of each gap behind it is left, so that the last attempt comes in time.
    assert_eq!(next(&policy, 8, 3630, Some(7000)), at(10_630));
    assert_eq!(next(&policy, 8, 3630, Some(1_000_000)), at(10_815));
    assert_eq!(next(&policy, 9, 7230, Some(1_000_000)), at(14_400));
    assert_eq!(next(&policy, 9, 10_815, Some(1_000_000)), at(14_400));
    // A schedule that can't end in time any more keeps its gap.
    assert_eq!(next(&policy, 9, 10_816, Some(1_000_000)), at(17_986));
    let ignoring = RetryPolicy { respect_retry_after: false, ..exact() };
    assert_eq!(next(&ignoring, 1, 0, Some(45)), at(30));
}

#[test]
fn whatever_a_receiver_asks_for_there_are_ten_attempts_within_four_hours() {
    let mut dice = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let policy =
            RetryPolicy { jitter: if dice.bool() { 0.1 } else { 0.0 }, ..RetryPolicy::default() };
        let mut times = vec![START];
        for number in 1..10 {
            let failure = failure(FailureKind::Status(429), Some(dice.u64(0..10_u64.pow(number))));
            let started_at = times[number as usize - 1];
            match after(&policy, number, started_at, &failure, dice.f64()) {
                Decision::RetryAt(due) => times.push(due),
                Decision::GiveUp(reason) => panic!("attempt {number}: {reason:?}"),
            }
        }
        for ((before, after), gap) in times.iter().zip(&times[1..]).zip(&policy.schedule) {
            let found = after.since(*before);
            assert!(found >= *gap / 2 && found <= *gap * 2, "{found:?} for {gap:?}: {times:?}");
        }
        assert!(times[9].since(START) <= Duration::from_hours(4), "{times:?}");
    }
}

#[test]
fn retry_after_counts_only_on_429_and_503() {
    let policy = exact();
    let failure = failure(FailureKind::Status(404), Some(45));
    let attempt = FailedAttempt {
        number: 1,
        accepted_at: START,
        first_started_at: START,
        started_at: START,
        ended_at: START,
        failure: &failure,
    };
    assert_eq!(policy.after_attempt(&attempt, 0.0), at(30));
}

#[test]
fn some_failures_end_a_delivery_at_once() {
    let end = |policy: &RetryPolicy, kind| {
        let failure = failure(kind, None);
        let attempt = FailedAttempt {
            number: 1,
            accepted_at: START,
            first_started_at: START,
            started_at: START,
            ended_at: START,
            failure: &failure,
        };
        policy.after_attempt(&attempt, 0.0)
    };
    assert_eq!(end(&exact(), FailureKind::Blocked), Decision::GiveUp(GiveUp::Blocked));
    assert_eq!(end(&exact(), FailureKind::Status(410)), at(30));
    let stopping = RetryPolicy { stop_when_gone: true, ..exact() };
    assert_eq!(end(&stopping, FailureKind::Status(410)), Decision::GiveUp(GiveUp::Gone));
    let short = RetryPolicy { expire_after: Some(Duration::from_mins(1)), ..exact() };
    assert_eq!(next(&short, 1, 0, None), at(30));
    assert_eq!(next(&short, 2, 30, None), Decision::GiveUp(GiveUp::Expired));
    assert_eq!(
        short.describe(),
        "10 attempts over 4:00:00, at most 30 requests, expires after 0:01:00"
    );
    let at = |seconds| START + Duration::from_secs(seconds);
    assert!(!short.is_too_old(START, at(60)) && short.is_too_old(START, at(61)));
    assert!(!exact().is_too_old(START, at(1_000_000_000)));
}

#[test]
fn a_due_time_from_a_store_is_never_far_ahead() {
    let policy = exact();
    assert_eq!(policy.latest_due(1, START), START + Duration::from_mins(1));
    assert_eq!(policy.latest_due(0, START), START + Duration::from_mins(1));
    assert_eq!(policy.latest_due(99, START), START);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let wrong = [
        (RetryPolicy { jitter: -0.1, ..exact() }, "jitter"),
        (RetryPolicy { jitter: f64::NAN, ..exact() }, "jitter"),
        (RetryPolicy { try_jitter: 1.1, ..exact() }, "try_jitter"),
        (RetryPolicy { tries: 0, ..exact() }, "tries"),
        (RetryPolicy { tries: 1000, ..exact() }, "tries"),
        (RetryPolicy { schedule: vec![Duration::MAX], ..exact() }, "schedule"),
        (RetryPolicy { schedule: vec![Duration::ZERO; 101], ..exact() }, "schedule"),
        (RetryPolicy { try_backoff: Duration::MAX, ..exact() }, "try_backoff_seconds"),
        (RetryPolicy { try_window: Duration::MAX, ..exact() }, "try_window_seconds"),
        (RetryPolicy { expire_after: Some(Duration::ZERO), ..exact() }, "expire_after_seconds"),
        (RetryPolicy { expire_after: Some(Duration::MAX), ..exact() }, "expire_after_seconds"),
    ];
    for (policy, field) in wrong {
        let error = policy.check().unwrap_err();
        assert_eq!(error.field, field);
        assert!(error.to_string().contains("found"), "{error}");
    }
    assert!(StatusSet::new([(500, 400)]).is_err());
    assert!(StatusSet::new([(1, 2)]).is_err());
    assert!(StatusSet::new([(408, 408), (500, 599)]).is_ok_and(|set| set.contains(408)));
}
