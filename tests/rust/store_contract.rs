//! The rules at the top of `delivery/store/mod.rs`, run against every store.
//!
//! A store joins by one line at the end: its name and how to make an empty one.

use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::store::AttemptRecord;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Revival;
use webhook_stream::delivery::store::Store;

use crate::support::deliveries;
use crate::support::target;

fn second(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Duration::from_secs(seconds)
}

fn accept(store: &dyn Store, count: usize) -> Vec<Job> {
    store.accept(deliveries(&target("http://a.example/"), count)).unwrap()
}

fn record(number: u32) -> AttemptRecord {
    AttemptRecord {
        number,
        started_at: second(u64::from(number)),
        took: Duration::from_millis(30),
        tries: 3,
        status: Some(503),
        error: String::from("status_503"),
        message: String::from("answered 503 (service unavailable)"),
        answer: String::from("try later"),
    }
}

fn retry(store: &dyn Store, job: &Job, number: u32, due: Timestamp) {
    store.settle(job, Change::Retry { record: record(number), due }).unwrap();
}

fn die(store: &dyn Store, job: &Job) {
    let change = Change::Dead {
        record: Some(record(1)),
        reason: Reason::Exhausted,
        message: String::from("answered 503"),
        at: second(9),
    };
    store.settle(job, change).unwrap();
}

fn ids(jobs: &[Job]) -> Vec<u64> {
    jobs.iter().map(|job| job.delivery.id).collect()
}

fn rule_01_what_was_accepted_is_on_hand_and_not_claimed(store: &dyn Store) {
    let jobs = accept(store, 3);
    assert_eq!(jobs.len(), 3);
    assert!(jobs.iter().all(|job| job.attempts == 0 && job.first_turn));
    assert_eq!(jobs[1].delivery.request.body, b"{\"n\": 1}");
    assert!(store.claim(second(1_000_000), 10).unwrap().is_empty());
    assert_eq!(store.next_due().unwrap(), None);
}

fn rule_02_an_id_is_never_given_twice(store: &dyn Store) {
    let mut seen = Vec::new();
    for _ in 0..5 {
        for job in accept(store, 3) {
            assert!(!seen.contains(&job.delivery.id), "{job:?}");
            seen.push(job.delivery.id);
            store.settle(&job, Change::Delivered).unwrap();
        }
    }
}

fn rule_03_claims_come_by_due_time_and_once(store: &dyn Store) {
    let given = accept(store, 4);
    for (job, due) in given.iter().zip([30, 10, 20, 99]) {
        retry(store, job, 1, second(due));
    }
    assert!(store.claim(second(9), 10).unwrap().is_empty());
    assert_eq!(
        ids(&store.claim(second(30), 2).unwrap()),
        [given[1].delivery.id, given[2].delivery.id]
    );
    assert_eq!(ids(&store.claim(second(30), 2).unwrap()), [given[0].delivery.id]);
    assert!(store.claim(second(30), 2).unwrap().is_empty());
    assert!(store.claim(second(99), 0).unwrap().is_empty());
}

fn rule_04_what_was_delivered_is_gone(store: &dyn Store) {
    let given = accept(store, 2);
    store.settle(&given[0], Change::Delivered).unwrap();
    assert_eq!(store.counts().unwrap().pending, 1);
    assert_eq!(store.take_over(second(0), &|_| second(0)).unwrap(), 1);
    assert_eq!(ids(&store.claim(second(0), 10).unwrap()), [given[1].delivery.id]);
    assert!(store.dead_letters(0, 10).unwrap().is_empty());
}

fn rule_05_a_retry_keeps_bytes_and_ids_and_counts_the_attempt(store: &dyn Store) {
    let first = accept(store, 1).remove(0);
    for number in 1..=3 {
        retry(store, &first, number, second(60));
        let again = store.claim(second(60), 1).unwrap().remove(0);
        assert_eq!(again.delivery.request, first.delivery.request);
        assert_eq!(again.delivery.key, first.delivery.key);
        assert_eq!(again.delivery.accepted_at, first.delivery.accepted_at);
        assert_eq!(again.attempts, number);
        assert_eq!(again.first_attempt_at, Some(second(1)));
        assert!(!again.first_turn);
    }
}

fn rule_06_putting_off_counts_no_attempt(store: &dyn Store) {
    let job = accept(store, 1).remove(0);
    store.settle(&job, Change::PutOff { due: second(5) }).unwrap();
    assert!(store.claim(second(4), 1).unwrap().is_empty());
    let job = store.claim(second(5), 1).unwrap().remove(0);
    assert_eq!((job.attempts, job.first_attempt_at), (0, None));
}

fn rule_07_a_dead_letter_keeps_everything(store: &dyn Store) {
    let given = accept(store, 1);
    retry(store, &given[0], 1, second(1));
    store.claim(second(1), 1).unwrap();
    let change = Change::Dead {
        record: Some(record(2)),
        reason: Reason::Gone,
        message: String::from("answered 410 (gone)"),
        at: second(7),
    };
    store.settle(&given[0], change).unwrap();
    let letter = store.dead_letters(0, 10).unwrap().remove(0);
    assert_eq!((letter.reason, letter.died_at), (Reason::Gone, second(7)));
    assert_eq!(letter.attempts, [record(1), record(2)]);
    assert_eq!(letter.request.unwrap().body, b"{\"n\": 0}");
    assert_eq!((letter.key.as_str(), letter.event.as_deref()), ("key-0", Some("event 0")));
    assert_eq!(store.take_over(second(0), &|_| second(0)).unwrap(), 0);
    assert!(store.claim(second(1_000_000), 10).unwrap().is_empty());
}

fn rule_08_settling_what_is_not_on_hand_changes_nothing(store: &dyn Store) {
    let job = accept(store, 1).remove(0);
    retry(store, &job, 1, second(10));
    let before = store.counts().unwrap();
    store.settle(&job, Change::Delivered).unwrap();
    retry(store, &job, 2, second(99));
    die(store, &job);
    store.settle(&job, Change::PutOff { due: second(99) }).unwrap();
    assert_eq!(store.counts().unwrap(), before);
    let job = store.claim(second(10), 1).unwrap().remove(0);
    assert_eq!(job.attempts, 1);
}

fn rule_09_another_engine_takes_over_what_was_on_hand(store: &dyn Store) {
    let given = accept(store, 3);
    retry(store, &given[1], 1, second(20));
    retry(store, &given[2], 1, second(1_000_000));
    let latest = |attempts: u32| second(50 + u64::from(attempts));
    assert_eq!(store.take_over(second(5), &latest).unwrap(), 3);
    assert_eq!(ids(&store.claim(second(5), 10).unwrap()), [given[0].delivery.id]);
    assert_eq!(ids(&store.claim(second(20), 10).unwrap()), [given[1].delivery.id]);
    // A due time far ahead was written by a clock that was wrong.
    assert_eq!(store.next_due().unwrap(), Some(second(51)));
    let job = store.claim(second(51), 10).unwrap().remove(0);
    assert_eq!((job.delivery.id, job.attempts), (given[2].delivery.id, 1));
}

fn rule_10_the_next_due_time_is_the_earliest(store: &dyn Store) {
    assert_eq!(store.next_due().unwrap(), None);
    let given = accept(store, 2);
    retry(store, &given[0], 1, second(30));
    retry(store, &given[1], 1, second(20));
    assert_eq!(store.next_due().unwrap(), Some(second(20)));
    store.claim(second(20), 1).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(second(30)));
}

fn rule_11_dead_letters_come_in_order_and_are_revived_once(store: &dyn Store) {
    for job in accept(store, 3) {
        die(store, &job);
    }
    let discarded = Discarded {
        key: String::from("bad"),
        reason: Reason::Render,
        message: String::from("x is missing"),
        event: Some(String::from("{}")),
        at: second(3),
        place: None,
    };
    store.bury(vec![discarded]).unwrap();
    let letters = store.dead_letters(0, 10).unwrap();
    assert_eq!(letters.len(), 4);
    assert!(letters.is_sorted_by_key(|letter| letter.id));
    assert!(letters[3].request.is_none() && letters[3].attempts.is_empty());
    let page = store.dead_letters(letters[0].id, 2).unwrap();
    assert_eq!(
        page.iter().map(|letter| letter.id).collect::<Vec<_>>(),
        [letters[1].id, letters[2].id]
    );
    let request = letters[1].request.clone().unwrap();
    let again = vec![Revival { id: letters[1].id, request: request.clone(), at: second(50) }];
    let job = store.revive(again.clone()).unwrap().remove(0);
    assert_eq!((&job.delivery.request, job.attempts, job.first_turn), (&request, 0, true));
    assert!(!letters.iter().any(|letter| letter.id == job.delivery.id));
    assert!(store.revive(again).unwrap().is_empty());
    let counts = store.counts().unwrap();
    assert_eq!((counts.dead, counts.on_hand, counts.accepted), (3, 1, 4));
}

fn rule_12_counts_add_up(store: &dyn Store) {
    let given = accept(store, 5);
    retry(store, &given[0], 1, second(30));
    retry(store, &given[1], 1, second(20));
    store.settle(&given[2], Change::Delivered).unwrap();
    die(store, &given[3]);
    let counts = store.counts().unwrap();
    assert_eq!((counts.pending, counts.on_hand, counts.waiting, counts.dead), (3, 1, 2, 1));
    assert_eq!(counts.next_due, Some(second(20)));
    assert!(counts.oldest_pending.is_some());
    assert_eq!((counts.accepted, counts.delivered), (5, 1));
    assert_eq!((counts.expired, counts.discarded), (1, 0));
}

/// Runs every rule against a store, each on an empty one.
macro_rules! store_contract {
    ($name:ident, $make:expr, [$($rule:ident),* $(,)?]) => {
        mod $name {
            $(
                #[test]
                fn $rule() {
                    super::$rule(&$make);
                }
            )*
        }
    };
    ($name:ident, $make:expr) => {
        store_contract!($name, $make, [
            rule_01_what_was_accepted_is_on_hand_and_not_claimed,
            rule_02_an_id_is_never_given_twice,
            rule_03_claims_come_by_due_time_and_once,
            rule_04_what_was_delivered_is_gone,
            rule_05_a_retry_keeps_bytes_and_ids_and_counts_the_attempt,
            rule_06_putting_off_counts_no_attempt,
            rule_07_a_dead_letter_keeps_everything,
            rule_08_settling_what_is_not_on_hand_changes_nothing,
            rule_09_another_engine_takes_over_what_was_on_hand,
            rule_10_the_next_due_time_is_the_earliest,
            rule_11_dead_letters_come_in_order_and_are_revived_once,
            rule_12_counts_add_up,
        ]);
    };
}

store_contract!(memory, webhook_stream::delivery::store::memory::MemoryStore::new());
store_contract!(simulated, crate::simulator::SimStore::default());
