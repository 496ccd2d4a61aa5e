//! The rules at the top of `delivery/store/mod.rs`, run against every store.
//!
//! A store joins by one line at the end: its name and how to make an empty one.

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::KnownSource;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Revival;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::positions::Positions;
use webhook_stream::delivery::store::sqlite::OpenOptions;
use webhook_stream::delivery::store::sqlite::SqliteStore;

use crate::support::deliveries;
use crate::support::stored::die;
use crate::support::stored::record;
use crate::support::stored::retry;
use crate::support::stored::second;
use crate::support::target;

fn accept(store: &dyn Store, count: usize) -> Vec<Job> {
    store.accept(deliveries(&target("http://a.example/"), count)).unwrap()
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

fn rule_04_holds_at_once_for_what_was_put_off(store: &dyn Store) {
    for job in accept(store, 3) {
        store.settle(&job, Change::PutOff { due: second(5) }).unwrap();
    }
    for job in store.claim(second(5), 2).unwrap() {
        store.settle(&job, Change::Delivered).unwrap();
    }
    let last = store.claim(second(5), 10).unwrap();
    assert_eq!(last.len(), 1);
    store.settle(&last[0], Change::Delivered).unwrap();
    assert_eq!(store.next_due().unwrap(), None);
    assert!(store.claim(second(5), 10).unwrap().is_empty());
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

fn in_lanes(store: &dyn Store, lanes: &[Option<u64>]) -> Vec<Job> {
    let mut batch = deliveries(&target("http://a.example/"), lanes.len());
    for (new, lane) in batch.iter_mut().zip(lanes) {
        new.lane = *lane;
    }
    store.accept(batch).unwrap()
}

fn put_off(store: &dyn Store, job: &Job, due: Timestamp) {
    store.settle(job, Change::PutOff { due }).unwrap();
}

fn rule_13_a_lane_comes_one_at_a_time_and_in_order(store: &dyn Store) {
    let given = in_lanes(store, &[Some(7), Some(7), Some(8), None, Some(7), None]);
    // The second of the lane is due long before the first, and the third before the second.
    for (job, due) in given.iter().zip([50, 20, 30, 40, 10, 60]) {
        put_off(store, job, second(due));
    }
    let free: Vec<Job> = store.claim(second(40), 10).unwrap();
    assert_eq!(ids(&free), [given[2].delivery.id, given[3].delivery.id]);
    let first = store.claim(second(50), 10).unwrap();
    assert_eq!(ids(&first), [given[0].delivery.id]);
    assert_eq!(ids(&store.claim(second(100), 10).unwrap()), [given[5].delivery.id]);
    // On hand or waiting for another attempt, the first one keeps its lane waiting.
    retry(store, &first[0], 1, second(70));
    assert!(store.claim(second(60), 10).unwrap().is_empty());
    assert_eq!(store.take_over(second(60), &|_| second(1000)).unwrap(), 6);
    let taken_over = store.claim(second(60), 10).unwrap();
    assert_eq!(taken_over.len(), 3, "all that is in no lane, or first in its own");
    assert!(taken_over.iter().all(|job| job.delivery.lane != Some(7)));
    let first = store.claim(second(70), 10).unwrap();
    assert_eq!(ids(&first), [given[0].delivery.id]);
    // Delivered or dead, it lets the next one go, one at a time.
    store.settle(&first[0], Change::Delivered).unwrap();
    let next = store.claim(second(70), 10).unwrap();
    assert_eq!(ids(&next), [given[1].delivery.id]);
    assert_eq!(next[0].delivery.lane, Some(7));
    die(store, &next[0]);
    assert_eq!(ids(&store.claim(second(70), 10).unwrap()), [given[4].delivery.id]);
}

fn rule_13_holds_for_what_a_stopped_engine_had_on_hand(store: &dyn Store) {
    let given = in_lanes(store, &[Some(1), Some(1), None, Some(1)]);
    assert_eq!(store.take_over(second(5), &|_| second(1000)).unwrap(), 4);
    let claimed = store.claim(second(5), 10).unwrap();
    assert_eq!(ids(&claimed), [given[0].delivery.id, given[2].delivery.id]);
    store.settle(&claimed[0], Change::Delivered).unwrap();
    let next = store.claim(second(5), 10).unwrap();
    assert_eq!(ids(&next), [given[1].delivery.id]);
    store.settle(&next[0], Change::Delivered).unwrap();
    assert_eq!(ids(&store.claim(second(5), 10).unwrap()), [given[3].delivery.id]);
}

fn a_source(name: &str) -> KnownSource {
    KnownSource {
        name: name.to_owned(),
        identity: format!("identity of {name}"),
        size: 1000,
        head_bytes: 100,
        head_hash: String::from("h"),
        content_hash: String::from("c"),
        ..KnownSource::default()
    }
}

fn from_source(store: &dyn Store, source: u64, positions: &[u64]) -> Vec<Job> {
    let mut batch = deliveries(&target("http://a.example/"), positions.len());
    for (new, position) in batch.iter_mut().zip(positions) {
        new.place = Some(SourcePlace { source, position: *position });
    }
    store.accept(batch).unwrap()
}

fn finished(store: &dyn Store, source: u64) -> String {
    store.flush().unwrap();
    let sources = store.sources().unwrap();
    sources.iter().find(|known| known.id == source).unwrap().finished.to_text()
}

fn rule_13_what_has_a_lane_is_written_when_it_is_accepted(store: &dyn Store) {
    let source = store.begin_source(&a_source("events.json")).unwrap();
    let mut batch = deliveries(&target("http://a.example/"), 2);
    for (position, new) in batch.iter_mut().enumerate() {
        new.lane = Some(7);
        new.place = Some(SourcePlace { source, position: position as u64 });
    }
    let given = store.accept(batch).unwrap();
    assert_eq!(finished(store, source), "0-1", "it need not be read again");
    store.settle(&given[0], Change::Delivered).unwrap();
    store.flush().unwrap();
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.delivered, counts.pending), (2, 1, 1));
    assert_eq!(store.sources().unwrap()[0].accepted, 2);
}

fn rule_14_a_position_is_finished_when_its_event_is_cared_for(store: &dyn Store) {
    let source = store.begin_source(&a_source("events.json")).unwrap();
    let given = from_source(store, source, &[0, 1, 2, 3, 5, 6]);
    assert_eq!(finished(store, source), "", "on hand is not finished");
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.pending, counts.on_hand), (6, 6, 6));
    store.settle(&given[0], Change::Delivered).unwrap();
    retry(store, &given[1], 1, second(10));
    put_off(store, &given[2], second(20));
    die(store, &given[3]);
    store.pass(&[SourcePlace { source, position: 4 }]).unwrap();
    assert_eq!(finished(store, source), "0-4");
    let discarded = Discarded {
        key: String::from("bad"),
        reason: Reason::Render,
        message: String::from("x is missing"),
        event: None,
        at: second(3),
        place: Some(SourcePlace { source, position: 8 }),
    };
    store.bury(vec![discarded]).unwrap();
    assert_eq!(finished(store, source), "0-4,8-8");
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.delivered, counts.pending), (7, 1, 4));
    assert_eq!((counts.expired, counts.discarded, counts.on_hand), (1, 1, 2));
    let again = store.claim(second(20), 10).unwrap();
    assert_eq!(ids(&again), [given[1].delivery.id, given[2].delivery.id]);
    assert_eq!(again[0].delivery.request, given[1].delivery.request);
    assert_eq!((again[0].attempts, again[0].delivery.place), (1, given[1].delivery.place));
    // What comes after the end of the reading is not waited for.
    for job in &given[4..] {
        store.settle(job, Change::Delivered).unwrap();
    }
    store.end_source(source, 8).unwrap();
    assert_eq!(finished(store, source), "0-6,8-8");
    assert!(!store.sources().unwrap()[0].is_finished);
    store.pass(&[SourcePlace { source, position: 7 }]).unwrap();
    assert_eq!(finished(store, source), "0-8");
    let known = store.sources().unwrap().remove(0);
    assert!(known.is_finished);
    assert_eq!(known.accepted, 7);
    assert_eq!(known.identity, "identity of events.json");
}

fn rule_14_a_source_that_grew_or_begins_anew_keeps_its_id(store: &dyn Store) {
    let source = store.begin_source(&a_source("events.json")).unwrap();
    let other = store.begin_source(&a_source("other.json")).unwrap();
    assert!(source > 0 && other > 0 && source != other);
    let given = from_source(store, source, &[0, 1]);
    store.settle(&given[0], Change::Delivered).unwrap();
    store.flush().unwrap();
    let mut known = store.sources().unwrap().remove(0);
    known.size = 2000;
    assert_eq!(store.begin_source(&known).unwrap(), source);
    assert_eq!(store.sources().unwrap()[0], known);
    store.settle(&given[1], Change::Delivered).unwrap();
    assert_eq!(finished(store, source), "0-1");
    known.finished = Positions::default();
    known.accepted = 0;
    assert_eq!(store.begin_source(&known).unwrap(), source);
    assert_eq!(finished(store, source), "");
    assert_eq!(finished(store, other), "");
}

fn rule_14_what_a_stopped_engine_had_on_hand_of_a_source_is_not_lost(store: &dyn Store) {
    let source = store.begin_source(&a_source("events.json")).unwrap();
    let given = from_source(store, source, &[0, 1]);
    store.settle(&given[0], Change::Delivered).unwrap();
    assert_eq!(store.take_over(second(5), &|_| second(1000)).unwrap(), 1);
    let again = store.claim(second(5), 10).unwrap();
    assert_eq!(ids(&again), [given[1].delivery.id]);
    assert_eq!(finished(store, source), "0-1");
}

fn keys(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.delivery.key.as_str()).collect()
}

fn rule_15_what_an_earlier_run_took_on_is_left_out(store: &dyn Store) {
    store.take_over(second(0), &|_| second(0)).unwrap();
    let given = accept(store, 3);
    store.settle(&given[0], Change::Delivered).unwrap();
    die(store, &given[1]);
    retry(store, &given[2], 1, second(10));
    let twice = accept(store, 3);
    assert_eq!(twice.len(), 3, "within a run, equal keys are sent each time");
    twice.iter().for_each(|job| die(store, job));
    store.take_over(second(5), &|_| second(1000)).unwrap();
    let again = accept(store, 3);
    assert_eq!(keys(&again), ["key-1"], "what was delivered or is pending is left out");
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.delivered, counts.pending), (7, 1, 2));
    let mut batch = deliveries(&target("http://a.example/"), 1);
    batch[0].again = true;
    assert_eq!(store.accept(batch).unwrap().len(), 1, "asked for once more");
    let source = store.begin_source(&a_source("events.json")).unwrap();
    assert_eq!(keys(&from_source(store, source, &[0, 1])), ["key-1"]);
    assert_eq!(finished(store, source), "0-0", "what was confirmed is finished");
    assert_eq!(store.sources().unwrap()[0].accepted, 1, "and was accepted before");
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
            rule_04_holds_at_once_for_what_was_put_off,
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

/// A store in a folder that goes with it.
struct OnDisk {
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl OnDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        let store = SqliteStore::open(&path, "sync", OpenOptions::default()).unwrap();
        Self { store, _folder: folder }
    }
}

impl std::ops::Deref for OnDisk {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

store_contract!(sqlite, *crate::store_contract::OnDisk::new());

// Rules that a store in memory need not keep: it is gone before they matter.
store_contract!(
    sqlite_alone,
    *crate::store_contract::OnDisk::new(),
    [
        rule_13_a_lane_comes_one_at_a_time_and_in_order,
        rule_13_holds_for_what_a_stopped_engine_had_on_hand,
        rule_13_what_has_a_lane_is_written_when_it_is_accepted,
        rule_14_a_position_is_finished_when_its_event_is_cared_for,
        rule_14_a_source_that_grew_or_begins_anew_keeps_its_id,
        rule_14_what_a_stopped_engine_had_on_hand_of_a_source_is_not_lost,
        rule_15_what_an_earlier_run_took_on_is_left_out,
    ]
);
