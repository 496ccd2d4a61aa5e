//! What happened so far: [`Counters`] that threads share, and [`Report`], their snapshot.
//!
//! Every event is counted once, where its fate is decided, and no figure is found by subtracting
//! others; so `accepted = delivered + pending + expired + discarded` is a check, not a definition
//! ([`Report::balanced`]). Nothing here reads a clock: times come in as durations.

mod attempt_log;
mod attempts;
mod histogram;
mod totals;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::json;

use crate::report::attempts::Attempts;
use crate::report::histogram::Histogram;

pub use crate::report::attempt_log::AttemptLog;
pub use crate::report::attempt_log::AttemptMade;
pub use crate::report::attempts::AttemptCount;
pub use crate::report::histogram::LatencyCount;
pub use crate::report::totals::Totals;

/// The latency that 95 of 100 delivered events should stay under, from accepted to delivered.
pub const LATENCY_TARGET: Duration = Duration::from_mins(1);

/// Samples kept for one kind of error; more are counted only.
const SAMPLES_OF_A_KIND: usize = 5;

/// Kinds of error that are kept apart; more are counted under one name.
const KINDS_OF_ERROR: usize = 64;

/// Characters of a message that a sample keeps.
const SAMPLE_MESSAGE_CHARACTERS: usize = 500;

/// One error that happened, as an example of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSample {
    /// The kind for programs, such as `status_503` or `timeout_receive`.
    pub kind: String,
    /// What happened, for people. Never holds a secret.
    pub message: String,
    /// Where: a file and line, a template place, or empty.
    pub place: String,
    /// The key of the event, or empty when it has none yet.
    pub key: String,
}

/// All errors of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorSummary {
    /// The kind for programs.
    pub kind: String,
    /// How often it happened.
    pub count: u64,
    /// The first few of them.
    pub samples: Vec<ErrorSample>,
}

/// Counts and latencies, shared by all threads that work on a run. Counting never waits.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    resumed: AtomicU64,
    success_on_first_attempt: AtomicU64,
    success_after_retry: AtomicU64,
    pending: AtomicU64,
    unattempted: AtomicU64,
    expired: AtomicU64,
    discarded: AtomicU64,
    filtered: AtomicU64,
    invalid: AtomicU64,
    confirmed_before: AtomicU64,
    tries: AtomicU64,
    attempts: AtomicU64,
    fresh_connections: AtomicU64,
    by_attempt: Attempts,
    latency: Histogram,
    errors: Mutex<BTreeMap<String, ErrorSummary>>,
    log: AttemptLog,
}

impl Counters {
    /// All zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// `count` events were accepted: from now on each is pending until it is finished.
    pub fn accepted(&self, count: u64) {
        self.pending.fetch_add(count, Relaxed);
        self.unattempted.fetch_add(count, Relaxed);
        self.accepted.fetch_add(count, Relaxed);
    }

    /// `count` events that an earlier run accepted were taken over; they count as accepted here.
    pub fn resumed(&self, count: u64) {
        self.pending.fetch_add(count, Relaxed);
        self.accepted.fetch_add(count, Relaxed);
        self.resumed.fetch_add(count, Relaxed);
    }

    /// `count` dead letters were taken on once more; they count as accepted by an earlier run.
    pub fn revived(&self, count: u64) {
        self.unattempted.fetch_add(count, Relaxed);
        self.resumed(count);
    }

    /// `count` accepted events had their first attempt, or their turn was over without one.
    pub fn had_first_attempt(&self, count: u64) {
        self.unattempted.fetch_sub(count, Relaxed);
    }

    /// A pending event was delivered, on the attempt counted from 1, so long after it was accepted.
    pub fn delivered(&self, attempt: u32, latency: Duration) {
        if attempt <= 1 {
            self.success_on_first_attempt.fetch_add(1, Relaxed);
        } else {
            self.success_after_retry.fetch_add(1, Relaxed);
        }
        self.by_attempt.delivered(attempt);
        self.latency.record(latency);
        self.pending.fetch_sub(1, Relaxed);
    }

    /// A pending event was given up: attempts exhausted, too old, or its receiver gone.
    pub fn expired(&self) {
        self.expired.fetch_add(1, Relaxed);
        self.pending.fetch_sub(1, Relaxed);
    }

    /// A pending event can never be sent: template or filter error, or a blocked address.
    pub fn discarded(&self) {
        self.discarded.fetch_add(1, Relaxed);
        self.pending.fetch_sub(1, Relaxed);
    }

    /// An event was accepted and discarded in one step, before any attempt.
    pub fn accepted_and_discarded(&self) {
        self.discarded.fetch_add(1, Relaxed);
        self.accepted.fetch_add(1, Relaxed);
    }

    /// `count` events did not match the filter.
    pub fn filtered(&self, count: u64) {
        self.filtered.fetch_add(count, Relaxed);
    }

    /// `count` events could not be read.
    pub fn invalid(&self, count: u64) {
        self.invalid.fetch_add(count, Relaxed);
    }

    /// `count` events were confirmed by an earlier run and not sent again.
    pub fn confirmed_before(&self, count: u64) {
        self.confirmed_before.fetch_add(count, Relaxed);
    }

    /// One HTTP request was sent.
    pub fn tried(&self) {
        self.tries.fetch_add(1, Relaxed);
    }

    /// One attempt, of up to three tries, ended: the delivery's attempt counted from 1.
    pub fn attempted(&self, attempt: u32) {
        self.by_attempt.made(attempt);
        self.attempts.fetch_add(1, Relaxed);
    }

    /// A kept-alive connection had been closed by the receiver and a fresh one was used at once.
    pub fn replaced_connection(&self) {
        self.fresh_connections.fetch_add(1, Relaxed);
    }

    /// Something went wrong; the first few of each kind are kept as samples.
    pub fn error(&self, mut sample: ErrorSample) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() >= KINDS_OF_ERROR && !errors.contains_key(&sample.kind) {
            sample.kind = String::from("other");
        }
        let summary = errors.entry(sample.kind.clone()).or_default();
        summary.count += 1;
        if summary.samples.len() < SAMPLES_OF_A_KIND {
            if let Some((cut, _)) = sample.message.char_indices().nth(SAMPLE_MESSAGE_CHARACTERS) {
                sample.message.truncate(cut);
                sample.message.push('…');
            }
            summary.kind.clone_from(&sample.kind);
            summary.samples.push(sample);
        }
    }

    /// Single attempts.
    pub fn attempt_log(&self) -> &AttemptLog {
        &self.log
    }

    /// Accepted events that are neither delivered nor given up.
    pub fn pending(&self) -> u64 {
        self.pending.load(Relaxed)
    }

    /// Accepted events that still wait for their first attempt.
    pub fn unattempted(&self) -> u64 {
        self.unattempted.load(Relaxed)
    }

    /// Events delivered so far; cheap, for a progress bar.
    pub fn delivered_so_far(&self) -> u64 {
        self.success_on_first_attempt.load(Relaxed) + self.success_after_retry.load(Relaxed)
    }

    /// Events accepted so far; cheap, for a progress bar.
    pub fn accepted_so_far(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// The figures now, `elapsed` after the run began.
    ///
    /// While threads still count, a snapshot can catch an event between two of its counts; it is
    /// exact when they rest.
    pub fn snapshot(&self, elapsed: Duration) -> Report {
        let first = self.success_on_first_attempt.load(Relaxed);
        let retried = self.success_after_retry.load(Relaxed);
        Report {
            accepted: self.accepted.load(Relaxed),
            resumed: self.resumed.load(Relaxed),
            delivered: first + retried,
            pending: self.pending.load(Relaxed),
            expired: self.expired.load(Relaxed),
            discarded: self.discarded.load(Relaxed),
            filtered: self.filtered.load(Relaxed),
            invalid: self.invalid.load(Relaxed),
            confirmed_before: self.confirmed_before.load(Relaxed),
            success_on_first_attempt: first,
            success_after_retry: retried,
            tries: self.tries.load(Relaxed),
            attempts: self.attempts.load(Relaxed),
            by_attempt: self.by_attempt.counts(),
            fresh_connections: self.fresh_connections.load(Relaxed),
            latency: Latency {
                p50: self.latency.quantile(0.50),
                p95: self.latency.quantile(0.95),
                p99: self.latency.quantile(0.99),
            },
            latency_histogram: self.latency.bars(),
            elapsed,
            errors: self
                .errors
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .cloned()
                .collect(),
            interrupted: false,
        }
    }
}

/// How long delivered events took, from accepted to delivered; `None` while none was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Half of the events took no longer.
    pub p50: Option<Duration>,
    /// 95 of 100 events took no longer.
    pub p95: Option<Duration>,
    /// 99 of 100 events took no longer.
    pub p99: Option<Duration>,
}

/// What a run did, in numbers. Every event is in exactly one of the counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Events taken on, to be delivered; those resumed from an earlier run included.
    pub accepted: u64,
    /// Of these, events that an earlier run had accepted.
    pub resumed: u64,
    /// Accepted events that a receiver answered with 2xx.
    pub delivered: u64,
    /// Accepted events that still wait for an attempt.
    pub pending: u64,
    /// Accepted events that were given up after attempts: exhausted, too old, or gone.
    pub expired: u64,
    /// Accepted events that could not become a request: template, filter or blocked address.
    pub discarded: u64,
    /// Events the filter did not let through. Not accepted.
    pub filtered: u64,
    /// Records that are no readable event. Not accepted.
    pub invalid: u64,
    /// Events not sent because an earlier run had them confirmed. Not accepted.
    pub confirmed_before: u64,
    /// Delivered at the first attempt (of up to three tries).
    pub success_on_first_attempt: u64,
    /// Delivered at a later attempt.
    pub success_after_retry: u64,
    /// HTTP requests sent.
    pub tries: u64,
    /// Attempts made: batches of up to three tries.
    pub attempts: u64,
    /// The attempts by their number, without a gap up to the last one made.
    pub by_attempt: Vec<AttemptCount>,
    /// Requests repeated at once on a fresh connection because a kept-alive one had gone.
    pub fresh_connections: u64,
    /// From accepted to delivered.
    pub latency: Latency,
    /// The delivered events by how long they took, without a gap from the quickest to the slowest.
    pub latency_histogram: Vec<LatencyCount>,
    /// How long the run took so far.
    pub elapsed: Duration,
    /// What went wrong, by kind.
    pub errors: Vec<ErrorSummary>,
    /// Whether the run was ended early, by Ctrl-C or a signal.
    pub interrupted: bool,
}

impl Report {
    /// Whether the figures add up: each accepted event is in exactly one place, and each attempt.
    pub fn balanced(&self) -> bool {
        let by_attempt =
            |figure: fn(&AttemptCount) -> u64| -> u64 { self.by_attempt.iter().map(figure).sum() };
        let timed: u64 = self.latency_histogram.iter().map(|bar| bar.count).sum();
        self.accepted == self.delivered + self.pending + self.expired + self.discarded
            && self.delivered == self.success_on_first_attempt + self.success_after_retry
            && self.delivered == by_attempt(|count| count.delivered)
            && self.attempts == by_attempt(|count| count.made)
            && self.delivered == timed
    }

    /// The share of accepted events that was delivered, from 0 to 1; 1 when none was accepted.
    pub fn delivery_rate(&self) -> f64 {
        if self.accepted == 0 { 1.0 } else { ratio(self.delivered, self.accepted) }
    }

    /// Delivered events a second.
    pub fn events_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count(self.delivered) / seconds } else { 0.0 }
    }

    /// Whether 95 of 100 delivered events took at most [`LATENCY_TARGET`]; `None` without any.
    pub fn latency_target_met(&self) -> Option<bool> {
        self.latency.p95.map(|p95| p95 <= LATENCY_TARGET)
    }

    /// The figures as JSON: `snake_case` names, and beside them the names of Amplitude's
    /// delivery metrics (`eventsDelivered`, `successOnFirstAttempt`, …).
    pub fn to_json(&self) -> serde_json::Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let errors: Vec<serde_json::Value> = self
            .errors
            .iter()
            .map(|summary| {
                let samples: Vec<serde_json::Value> = summary
                    .samples
                    .iter()
                    .map(|sample| {
                        json!({
                            "message": sample.message,
                            "place": sample.place,
                            "key": sample.key,
                        })
                    })
                    .collect();
                json!({"kind": summary.kind, "count": summary.count, "samples": samples})
            })
            .collect();
        let by_attempt: Vec<serde_json::Value> = self
            .by_attempt
            .iter()
            .map(|AttemptCount { attempt, made, delivered }| {
                json!({"attempt": attempt, "made": made, "delivered": delivered})
            })
            .collect();
        let latency_histogram: Vec<serde_json::Value> = self
            .latency_histogram
            .iter()
            .map(|LatencyCount { from, up_to, count }| {
                let (from, up_to) = (from.as_secs_f64(), up_to.as_secs_f64());
                json!({"from_seconds": from, "up_to_seconds": up_to, "count": count})
            })
            .collect();
        json!({
            "accepted": self.accepted,
            "resumed": self.resumed,
            "delivered": self.delivered,
            "pending": self.pending,
            "expired": self.expired,
            "discarded": self.discarded,
            "filtered": self.filtered,
            "invalid": self.invalid,
            "confirmed_before": self.confirmed_before,
            "success_on_first_attempt": self.success_on_first_attempt,
            "success_after_retry": self.success_after_retry,
            "delivery_rate": self.delivery_rate(),
            "tries": self.tries,
            "attempts": self.attempts,
            "by_attempt": by_attempt,
            "fresh_connections": self.fresh_connections,
            "latency_seconds": {
                "p50": seconds(self.latency.p50),
                "p95": seconds(self.latency.p95),
                "p99": seconds(self.latency.p99),
            },
            "latency_histogram": latency_histogram,
            "latency_target_seconds": LATENCY_TARGET.as_secs_f64(),
            "latency_target_met": self.latency_target_met(),
            "elapsed_seconds": self.elapsed.as_secs_f64(),
            "events_per_second": self.events_per_second(),
            "interrupted": self.interrupted,
            "errors": errors,
            "eventsDelivered": self.delivered,
            "eventsNotDelivered": self.expired + self.discarded,
            "deliveryRate": self.delivery_rate(),
            "latencyInSeconds": seconds(self.latency.p95),
            "successOnFirstAttempt": self.success_on_first_attempt,
            "successAfterRetry": self.success_after_retry,
            "eventsExpired": self.expired,
            "eventsDiscarded": self.discarded,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, number: u64, note: &str| {
            let gap = if note.is_empty() { "" } else { "  " };
            writeln!(f, "{name:<18}{:>12}{gap}{note}", grouped(number))
        };
        let resumed = match self.resumed {
            0 => String::new(),
            more => format!("{} from an earlier run", grouped(more)),
        };
        line(f, "accepted", self.accepted, &resumed)?;
        let successes = format!(
            "{:.2} %: {} on first attempt, {} after retry",
            self.delivery_rate() * 100.0,
            grouped(self.success_on_first_attempt),
            grouped(self.success_after_retry)
        );
        line(f, "  delivered", self.delivered, &successes)?;
        line(f, "  pending", self.pending, "")?;
        line(f, "  expired", self.expired, "")?;
        line(f, "  discarded", self.discarded, "")?;
        line(f, "filtered out", self.filtered, "")?;
        line(f, "invalid", self.invalid, "")?;
        if self.confirmed_before > 0 {
            line(f, "confirmed before", self.confirmed_before, "")?;
        }
        let attempts = format!("in {} attempts", grouped(self.attempts));
        line(f, "requests", self.tries, &attempts)?;
        if let (Some(p50), Some(p95), Some(p99)) =
            (self.latency.p50, self.latency.p95, self.latency.p99)
        {
            let met = if self.latency_target_met() == Some(true) { "within" } else { "over" };
            writeln!(
                f,
                "latency           p50 {}, p95 {}, p99 {} ({met} the target of {} for p95)",
                short(p50),
                short(p95),
                short(p99),
                short(LATENCY_TARGET)
            )?;
        }
        write!(
            f,
            "elapsed           {}, {:.0} events/s{}",
            short(self.elapsed),
            self.events_per_second(),
            if self.interrupted { ", interrupted" } else { "" }
        )?;
        for summary in &self.errors {
            write!(f, "\nerror             {} × {}", grouped(summary.count), summary.kind)?;
            if let Some(sample) = summary.samples.first() {
                write!(f, ": {}", sample.message)?;
                if !sample.place.is_empty() {
                    write!(f, " ({})", sample.place)?;
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

fn ratio(part: u64, whole: u64) -> f64 {
    count(part) / count(whole)
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration as a person would say it: `850 µs`, `12.3 ms`, `4.20 s`, `1:02:03`.
fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.001 {
        format!("{} µs", time.as_micros())
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1000.0)
    } else if seconds < 120.0 {
        format!("{seconds:.2} s")
    } else {
        let whole = time.as_secs();
        format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
    }
}
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::report::Counters;
    use crate::report::ErrorSample;

    #[test]
    fn counts_add_up_and_latencies_are_found() {
        let counters = Counters::new();
        counters.accepted(100);
        for n in 0..90 {
            counters.had_first_attempt(1);
            counters.attempted(1);
            counters.delivered(1, Duration::from_millis(n + 1));
        }
        counters.attempted(1);
        counters.attempted(2);
        counters.delivered(2, Duration::from_secs(90));
        counters.attempted(1);
        counters.expired();
        counters.discarded();
        counters.accepted_and_discarded();
        let report = counters.snapshot(Duration::from_secs(2));
        assert!(report.balanced(), "{report:?}");
        assert_eq!((report.accepted, report.pending, report.discarded), (101, 7, 2));
        assert_eq!(report.latency_target_met(), Some(true));
        let p50 = report.latency.p50.unwrap_or_default().as_secs_f64();
        assert!((0.044..0.048).contains(&p50), "{p50}");
        assert!(report.latency.p99.unwrap_or_default() > Duration::from_secs(87));
        let json = report.to_json();
        assert_eq!(json["by_attempt"][0], json!({"attempt": 1, "made": 92, "delivered": 90}));
        assert_eq!(json["by_attempt"][1], json!({"attempt": 2, "made": 1, "delivered": 1}));
        let (first, last) = (report.latency_histogram[0], report.latency_histogram.last());
        assert!(first.from <= Duration::from_millis(1) && first.up_to > Duration::from_millis(1));
        assert!(last.is_some_and(|last| last.count == 1 && last.up_to > Duration::from_secs(90)));
    }

    #[test]
    fn samples_of_a_kind_are_few_and_all_are_counted() {
        let counters = Counters::new();
        for n in 0..1000 {
            counters.error(ErrorSample {
                kind: String::from("status_503"),
                message: "x".repeat(10_000),
                place: String::new(),
                key: n.to_string(),
            });
        }
        let report = counters.snapshot(Duration::ZERO);
        assert_eq!((report.errors[0].count, report.errors[0].samples.len()), (1000, 5));
        assert!(report.errors[0].samples[0].message.len() < 600);
    }

    #[test]
    fn the_report_reads_as_json_with_both_families_of_names() {
        let counters = Counters::new();
        counters.accepted(1);
        counters.delivered(1, Duration::from_millis(2));
        let json = counters.snapshot(Duration::from_secs(1)).to_json();
        assert_eq!(json["delivered"], json["eventsDelivered"]);
        assert_eq!(json["success_on_first_attempt"], json["successOnFirstAttempt"]);
        assert!(json["latency_seconds"]["p95"].as_f64().is_some_and(|p95| p95 < 0.0021));
    }

    #[test]
    fn the_report_prints_for_people() {
        let counters = Counters::new();
        counters.accepted(1_234_567);
        let text = counters.snapshot(Duration::from_secs(1)).to_string();
        assert!(text.starts_with("accepted             1,234,567\n"), "{text}");
    }
}
