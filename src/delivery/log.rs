//! What an engine has to say while it works: records for the caller to take and log its own way.
//!
//! Threads of the engine never log; they put records here and go on. When nobody takes them, the
//! oldest stay, later ones are counted and dropped.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;

/// Records kept until they are taken.
const MAX_RECORDS: usize = 1024;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// What is going on.
    Info,
    /// Something a person should know.
    Warning,
    /// Something that stopped the engine.
    Error,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// Which part of the engine it is from, such as `delivery.attempt`.
    pub target: &'static str,
    /// What happened, for people.
    pub message: String,
    /// The same for programs: names and values.
    pub fields: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(crate) struct Log {
    records: (Sender<LogRecord>, Receiver<LogRecord>),
    lost: AtomicU64,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { records: crossbeam_channel::bounded(MAX_RECORDS), lost: AtomicU64::new(0) }
    }

    /// Whether there is room; saves making a record that would be dropped.
    pub(crate) fn has_room(&self) -> bool {
        let room = !self.records.0.is_full();
        if !room {
            self.lost.fetch_add(1, Relaxed);
        }
        room
    }

    pub(crate) fn put(&self, record: LogRecord) {
        if self.records.0.try_send(record).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// All records so far, and last one that says how many were dropped, if any were.
    pub(crate) fn take(&self) -> Vec<LogRecord> {
        let mut records: Vec<LogRecord> = self.records.1.try_iter().collect();
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            records.push(LogRecord {
                level: LogLevel::Warning,
                target: "delivery.log",
                message: format!("{lost} further log records were dropped"),
                fields: vec![("dropped", lost.to_string())],
            });
        }
        records
    }
}
