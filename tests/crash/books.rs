//! The books that are kept outside of the worker, and what they are checked against.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::sqlite::SqliteStore;

use crate::worker;
use crate::worker::NOW;

/// What the worker told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    accepted: HashSet<u64>,
    delivered: HashMap<u64, u64>,
    next: u64,
    pub(crate) refused: u64,
    pub(crate) acknowledged_after_refusal: bool,
}

/// What was found in the end.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) dead: u64,
    pub(crate) repeated: u64,
}

impl Books {
    /// The first number that no event has.
    pub(crate) fn next(&self) -> u64 {
        self.next.max(1)
    }

    /// Enters what a worker told: `begin FIRST COUNT` before it accepts, `accepted FIRST COUNT` when
    /// that returned, `delivered NUMBER HASH` before it is settled, `refused` for an error.
    pub(crate) fn enter(&mut self, lines: &[String]) {
        let mut refused = false;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
            match (words[0], number(1), number(2)) {
                ("begin", Some(first), Some(count)) => self.next = self.next.max(first + count),
                ("accepted", Some(first), Some(count)) => {
                    self.accepted.extend(first..first + count);
                    self.acknowledged_after_refusal |= refused;
                }
                ("delivered", Some(event), Some(hash)) => {
                    assert_eq!(
                        hash,
                        worker::hash(&worker::body(event)),
                        "event {event} is damaged"
                    );
                    *self.delivered.entry(event).or_default() += 1;
                }
                ("refused", ..) => {
                    refused = true;
                    self.refused += 1;
                }
                // A line that was cut when the worker was killed.
                _ => {}
            }
        }
    }

    /// Whether the file is whole, as SQLite sees it.
    pub(crate) fn check_integrity(&self, path: &Path) {
        if !path.exists() || std::fs::metadata(path).unwrap().len() == 0 {
            return assert!(self.accepted.is_empty());
        }
        let sql = rusqlite::Connection::open(path).unwrap();
        let found: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok");
    }

    /// Whether the store opens; a power cut while it was made may leave a file that is none yet, and
    /// then nothing was acknowledged.
    pub(crate) fn check_opens(&self, path: &Path) {
        if let Err(error) = worker::open(path) {
            assert!(self.accepted.is_empty(), "{error}");
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Opens the store and delivers all that is left: every event that was acknowledged must have
    /// been delivered, now or before, or be a dead letter.
    pub(crate) fn audit(&mut self, path: &Path) -> Audit {
        let store = worker::open(path).unwrap();
        let pending = store.take_over(NOW, &|_| NOW + Duration::from_hours(4)).unwrap();
        let mut drained = 0;
        loop {
            let jobs = store.claim(NOW + Duration::from_hours(5), 500).unwrap();
            if jobs.is_empty() {
                break;
            }
            for job in &jobs {
                drained += 1;
                self.settle(&store, job);
            }
        }
        assert_eq!(drained, pending, "pending is what can be claimed");
        let mut dead = HashSet::new();
        for letter in store.dead_letters(0, usize::MAX).unwrap() {
            let event = letter.key.parse::<u64>().unwrap();
            assert_eq!(letter.request.unwrap().body, worker::body(event));
            dead.insert(event);
        }
        // The source that can be read again: what is not finished is read again, so all that is
        // finished must have been cared for.
        for source in store.sources().unwrap() {
            for position in 0..source.finished.watermark() {
                let event = worker::SOURCE_BEGINS + position;
                let cared_for = self.delivered.contains_key(&event)
                    || dead.contains(&event)
                    || worker::is_passed(position);
                assert!(cared_for, "position {position} is finished, and its event is lost");
            }
        }
        let counts = store.counts().unwrap();
        let all = counts.delivered + counts.pending + counts.expired + counts.discarded;
        assert_eq!(counts.accepted, all, "{counts:?}");
        assert_eq!((counts.pending, counts.dead), (0, dead.len() as u64));
        for event in &self.accepted {
            let is_there = self.delivered.contains_key(event) || dead.contains(event);
            assert!(is_there, "event {event} was acknowledged, and is lost");
        }
        let extra = self.delivered.values().map(|times| times - 1).sum();
        Audit {
            accepted: self.accepted.len() as u64,
            delivered: self.delivered.len() as u64,
            dead: dead.len() as u64,
            repeated: extra,
        }
    }

    fn settle(&mut self, store: &SqliteStore, job: &webhook_stream::delivery::store::Job) {
        assert!(!job.damaged);
        let event = job.delivery.key.parse::<u64>().unwrap();
        assert_eq!(job.delivery.request.body, worker::body(event), "event {event}");
        *self.delivered.entry(event).or_default() += 1;
        store.settle(job, Change::Delivered).unwrap();
    }
}
