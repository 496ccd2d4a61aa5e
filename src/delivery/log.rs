//! What an engine has to say while it works: records for the caller to take and log its own way.
//!
//! Threads of the engine never log; they write records here and go on. Of records of one kind the
//! first are kept and the others counted (`limits`), so that an outage of a million events is a
//! few lines, one of which says how many were left out. When nobody takes the records, the oldest
//! stay; later ones are counted and dropped.
//!
//! All text is made harmless here: control characters, which could forge a line, become visible.

mod limits;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;

use crate::delivery::clock::Timestamp;
use crate::delivery::log::limits::LeftOut;
use crate::delivery::log::limits::Limits;
use crate::delivery::outcome::printable;
use crate::report::grouped;

/// Records kept until they are taken.
const MAX_RECORDS: usize = 1024;
/// Records for those who look for a fault are dropped before others are.
const MAX_DEBUG_RECORDS: usize = 768;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For those who look for a fault: every delivery.
    Debug,
    /// What is going on.
    Info,
    /// Something a person should know: an attempt failed.
    Warning,
    /// Something that was given up, or that stopped the engine.
    Error,
}

impl LogLevel {
    /// The level as one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogTarget {
    /// Attempts, and what became of deliveries.
    Delivery,
    /// What is pending, and stores.
    Store,
    /// Sources, and events that can't be sent.
    Events,
}

impl LogTarget {
    /// The target as one word: the end of the logger's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Store => "store",
            Self::Events => "events",
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(u64),
}

/// What a record says: the sentence, and the same for programs.
pub type Words = (String, Vec<(&'static str, LogValue)>);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What it is about.
    pub target: LogTarget,
    /// When it happened, by the engine's clock.
    pub at: Timestamp,
    /// What happened, for people: one line.
    pub message: String,
    /// The same for programs: names and values.
    pub fields: Vec<(&'static str, LogValue)>,
}

/// The records of one run.
#[derive(Debug)]
pub struct Log {
    /// The sync, which begins every message.
    sync: String,
    records: (Sender<LogRecord>, Receiver<LogRecord>),
    lost: AtomicU64,
    debug: AtomicBool,
    limits: Mutex<Limits>,
    /// In a forked child, locks may be held for ever by threads that are gone.
    process: u32,
}

impl Log {
    /// An empty log of this sync's run.
    pub fn new(sync: &str) -> Self {
        Self {
            sync: sync.to_owned(),
            records: crossbeam_channel::bounded(MAX_RECORDS),
            lost: AtomicU64::new(0),
            debug: AtomicBool::new(false),
            limits: Mutex::new(Limits::default()),
            process: std::process::id(),
        }
    }

    /// Whether somebody wants records for fault finders; they cost something for every event.
    pub fn want_debug(&self, wanted: bool) {
        self.debug.store(wanted, Relaxed);
    }

    /// Notes what happened. `kind` says which records are alike; `words` is asked only when the
    /// record is kept.
    pub fn write(
        &self,
        level: LogLevel,
        target: LogTarget,
        kind: &str,
        at: Timestamp,
        words: impl FnOnce() -> Words,
    ) {
        if level == LogLevel::Debug {
            if self.debug.load(Relaxed) {
                if self.records.0.len() < MAX_DEBUG_RECORDS {
                    self.put(level, target, at, words());
                } else {
                    self.lost.fetch_add(1, Relaxed);
                }
            }
            return;
        }
        let (passes, left_out) = {
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            limits.admit(level, target, kind, at)
        };
        if let Some(left_out) = left_out {
            self.put_left_out(left_out, at);
        }
        if passes {
            self.put(level, target, at, words());
        }
    }

    /// Whether there is something to take.
    pub fn has_records(&self) -> bool {
        !self.records.1.is_empty()
    }

    /// All records so far. Last come those that say how many were left out or dropped; `is_end`
    /// says that no more will come.
    pub fn take(&self, now: Timestamp, is_end: bool) -> Vec<LogRecord> {
        if self.process != std::process::id() {
            return Vec::new();
        }
        let left_out = {
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            limits.over(now, is_end)
        };
        for left_out in left_out {
            self.put_left_out(left_out, now);
        }
        let mut records: Vec<LogRecord> = self.records.1.try_iter().collect();
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            let message = format!("{} further log records were dropped", grouped(lost));
            let fields = vec![("left_out", LogValue::Number(lost))];
            let words = (message, fields);
            records.push(self.record(LogLevel::Warning, LogTarget::Delivery, now, words));
        }
        records
    }

    fn put_left_out(&self, left_out: LeftOut, at: Timestamp) {
        let LeftOut { level, target, kind, count, lasted } = left_out;
        let seconds = lasted.as_secs().max(1);
        let (times, were) = if count == 1 { ("record", "was") } else { ("records", "were") };
        let message =
            format!("{} more {times} of {kind} in {seconds} s {were} left out", grouped(count));
        let fields = vec![("kind", LogValue::Text(kind)), ("left_out", LogValue::Number(count))];
        self.put(level, target, at, (message, fields));
    }

    fn put(&self, level: LogLevel, target: LogTarget, at: Timestamp, words: Words) {
        if self.records.0.try_send(self.record(level, target, at, words)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// A record whose texts can't do harm.
    fn record(&self, level: LogLevel, target: LogTarget, at: Timestamp, words: Words) -> LogRecord {
        let (message, fields) = words;
        let message = printable(format!("{}: {message}", self.sync).as_bytes());
        let sync = ("sync", LogValue::Text(self.sync.clone()));
        let fields = std::iter::once(sync).chain(fields).map(|(name, value)| match value {
            LogValue::Text(text) => (name, LogValue::Text(printable(text.as_bytes()))),
            number @ LogValue::Number(_) => (name, number),
        });
        LogRecord { level, target, at, message, fields: fields.collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::delivery::clock::Timestamp;
    use crate::delivery::log::Log;
    use crate::delivery::log::LogLevel;
    use crate::delivery::log::LogTarget;
    use crate::delivery::log::LogValue;

    fn write(log: &Log, level: LogLevel, count: u64, at: Timestamp) {
        for number in 0..count {
            log.write(level, LogTarget::Delivery, "status_503", at, || {
                (format!("failed {number}"), Vec::new())
            });
        }
    }

    #[test]
    fn a_million_failures_are_a_few_records_that_say_how_many_there_were() {
        let log = Log::new("braze");
        let mut told = 0;
        let mut left_out = 0;
        for second in 0..100 {
            let now = Timestamp::default() + Duration::from_secs(second);
            write(&log, LogLevel::Warning, 10_000, now);
            for record in log.take(now, second == 99) {
                match record.fields.iter().find(|(name, _)| *name == "left_out") {
                    Some((_, LogValue::Number(count))) => left_out += count,
                    _ => told += 1,
                }
            }
        }
        assert_eq!(told + left_out, 1_000_000);
        assert!(told < 30, "{told}");
    }

    #[test]
    fn what_nobody_takes_is_counted() {
        let log = Log::new("braze");
        log.want_debug(true);
        write(&log, LogLevel::Debug, 5000, Timestamp::default());
        write(&log, LogLevel::Error, 1, Timestamp::default());
        let records = log.take(Timestamp::default(), true);
        assert_eq!(records.len(), 768 + 1 + 1);
        let last = records.last().map(|record| record.message.as_str());
        assert_eq!(last, Some("braze: 4,232 further log records were dropped"));
        log.want_debug(false);
        write(&log, LogLevel::Debug, 1, Timestamp::default());
        assert!(!log.has_records());
    }

    #[test]
    fn no_text_can_forge_a_line() {
        let log = Log::new("braze");
        log.write(LogLevel::Error, LogTarget::Events, "render", Timestamp::default(), || {
            let key = LogValue::Text("a\u{1b}[2K\r\nERROR all is lost".to_owned());
            ("of a\nERROR: \u{1b}[31mred".to_owned(), vec![("event_key", key)])
        });
        for record in log.take(Timestamp::default(), true) {
            assert_eq!(record.message, "braze: of a\\nERROR: \\u{1b}[31mred");
            let key = LogValue::Text("a\\u{1b}[2K\\r\\nERROR all is lost".to_owned());
            assert_eq!(record.fields[1], ("event_key", key));
        }
    }
}
