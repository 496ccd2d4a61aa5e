//! What all runs of a sync did in this process, added up: figures that only grow, for metrics.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use crate::report::Counters;
use crate::report::Report;
use crate::report::histogram;
use crate::report::ratio;

/// The limits of the latency counts, in seconds: up to the end of the retry schedule.
const LATENCY_LIMITS: [f64; 17] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0,
    7200.0, 14400.0,
];

/// The runs that go on, and the sum of those that ended.
#[derive(Debug, Default)]
pub struct Totals {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    running: Vec<Arc<Counters>>,
    ended: Sum,
    /// What the run that ended last left pending.
    left_pending: u64,
}

/// Figures of several runs.
#[derive(Clone, Debug, Default)]
struct Sum {
    /// Events taken on by these runs; what they took over from earlier ones is in `resumed`.
    accepted: u64,
    resumed: u64,
    success_on_first_attempt: u64,
    success_after_retry: u64,
    expired: u64,
    discarded: u64,
    filtered: u64,
    invalid: u64,
    confirmed_before: u64,
    tries: u64,
    attempts: u64,
    latencies: Vec<u64>,
}

impl Sum {
    fn add(&mut self, counters: &Counters) {
        let Report {
            accepted,
            resumed,
            success_on_first_attempt,
            success_after_retry,
            expired,
            discarded,
            filtered,
            invalid,
            confirmed_before,
            tries,
            attempts,
            ..
        } = counters.snapshot(Duration::ZERO);
        self.accepted += accepted.saturating_sub(resumed);
        self.resumed += resumed;
        self.success_on_first_attempt += success_on_first_attempt;
        self.success_after_retry += success_after_retry;
        self.expired += expired;
        self.discarded += discarded;
        self.filtered += filtered;
        self.invalid += invalid;
        self.confirmed_before += confirmed_before;
        self.tries += tries;
        self.attempts += attempts;
        let latencies = counters.latency.counts();
        self.latencies.resize(latencies.len(), 0);
        for (sum, count) in self.latencies.iter_mut().zip(latencies) {
            *sum += count;
        }
    }
}

impl Totals {
    /// A run begins.
    pub fn begin(&self, counters: &Arc<Counters>) {
        self.lock().running.push(Arc::clone(counters));
    }

    /// A run has ended: its counts won't change any more.
    pub fn end(&self, counters: &Arc<Counters>) {
        let mut inner = self.lock();
        if let Some(at) = inner.running.iter().position(|one| Arc::ptr_eq(one, counters)) {
            inner.end(at);
        }
    }

    /// The figures as JSON: with the names of Amplitude's delivery metrics where it has one.
    pub fn to_json(&self) -> serde_json::Value {
        let mut inner = self.lock();
        // A run that was dropped before its end.
        while let Some(at) = inner.running.iter().position(|one| Arc::strong_count(one) == 1) {
            inner.end(at);
        }
        let mut sum = inner.ended.clone();
        for counters in &inner.running {
            sum.add(counters);
        }
        let pending = match inner.running.as_slice() {
            [] => inner.left_pending,
            running => running.iter().map(|counters| counters.pending()).sum(),
        };
        drop(inner);
        sum.to_json(pending)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end(&mut self, at: usize) {
        let counters = self.running.swap_remove(at);
        self.ended.add(&counters);
        self.left_pending = counters.pending();
    }
}

impl Sum {
    fn to_json(&self, pending: u64) -> serde_json::Value {
        let delivered = self.success_on_first_attempt + self.success_after_retry;
        let not_delivered = self.expired + self.discarded;
        let all = delivered + not_delivered + pending;
        let quantile = |share| {
            histogram::quantile(&self.latencies, share).map(|latency| latency.as_secs_f64())
        };
        let limits = LATENCY_LIMITS.iter().map(|limit| {
            let limit_micros = Duration::from_secs_f64(*limit);
            json!([limit, histogram::count_up_to(&self.latencies, limit_micros)])
        });
        json!({
            "eventsDelivered": delivered,
            "eventsNotDelivered": not_delivered,
            "deliveryRate": if all == 0 { 1.0 } else { ratio(delivered, all) },
            "latencyInSeconds": quantile(0.95),
            "successOnFirstAttempt": self.success_on_first_attempt,
            "successAfterRetry": self.success_after_retry,
            "eventsExpired": self.expired,
            "eventsDiscarded": self.discarded,
            "accepted": self.accepted,
            "resumed": self.resumed,
            "pending": pending,
            "filtered": self.filtered,
            "invalid": self.invalid,
            "confirmed_before": self.confirmed_before,
            "tries": self.tries,
            "attempts": self.attempts,
            "latency_seconds": {
                "p50": quantile(0.5),
                "p95": quantile(0.95),
                "p99": quantile(0.99),
                "count": self.latencies.iter().sum::<u64>(),
                "sum": histogram::sum(&self.latencies).as_secs_f64(),
                "up_to": limits.collect::<Vec<_>>(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::report::Counters;
    use crate::report::Totals;

    #[test]
    fn runs_add_up_and_an_event_that_moves_on_is_counted_once() {
        let totals = Totals::default();
        let first = Arc::new(Counters::new());
        totals.begin(&first);
        first.accepted(3);
        first.delivered(1, Duration::from_millis(20));
        assert_eq!(totals.to_json()["pending"], 2);
        totals.end(&first);
        totals.end(&first);
        assert_eq!(totals.to_json()["deliveryRate"], 1.0 / 3.0);
        let second = Arc::new(Counters::new());
        totals.begin(&second);
        second.resumed(2);
        second.delivered(2, Duration::from_secs(90));
        second.expired();
        // Dropped without an end.
        drop(second);
        let found = totals.to_json();
        assert_eq!((&found["accepted"], &found["resumed"]), (&3.into(), &2.into()));
        assert_eq!((&found["eventsDelivered"], &found["pending"]), (&2.into(), &0.into()));
        assert_eq!(found["deliveryRate"], 2.0 / 3.0);
        let latency = &found["latency_seconds"];
        assert_eq!(latency["count"], 2);
        let up_to = |at: usize| latency["up_to"][at][1].as_u64();
        assert_eq!(
            (up_to(0), up_to(1), up_to(11), up_to(12)),
            (Some(0), Some(1), Some(1), Some(2))
        );
        let sum = latency["sum"].as_f64().unwrap_or_default();
        assert!((sum - 90.02).abs() < 1.8, "{sum}");
    }
}
