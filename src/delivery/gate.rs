//! Keeps senders back while the receiver takes fewer requests at once than there are senders. As
//! long as it is quick, this costs one look at a number and one count for each request.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::delivery::adaptive::Adaptive;
use crate::delivery::adaptive::Answer;
use crate::delivery::clock::Timestamp;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;

/// An answer that comes within this time is no sign of a queue.
const QUICK: Duration = Duration::from_millis(20);

/// Senders with numbers below the limit may take jobs, the others wait.
#[derive(Debug)]
pub(crate) struct Gate {
    senders: usize,
    limit: AtomicUsize,
    /// Quick answers since somebody last looked.
    quick: AtomicUsize,
    adaptive: Mutex<Adaptive>,
    lock: Mutex<()>,
    moved: Condvar,
}

impl Gate {
    pub(crate) fn new(senders: usize) -> Self {
        Self {
            senders,
            limit: AtomicUsize::new(senders),
            quick: AtomicUsize::new(0),
            adaptive: Mutex::new(Adaptive::new(senders)),
            lock: Mutex::new(()),
            moved: Condvar::new(),
        }
    }

    /// How many requests may be under way at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Waits until the sender of this number may take a job, or the engine stops.
    pub(crate) fn wait(&self, number: usize, stopping: &AtomicBool) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while number >= self.limit() && !stopping.load(SeqCst) {
            guard = self.moved.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets everybody through, for good.
    pub(crate) fn open(&self) {
        self.limit.store(self.senders, SeqCst);
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }

    /// A request ended.
    pub(crate) fn ended(&self, outcome: &Outcome, took: Duration, now: Timestamp) {
        let answer = match outcome.failure().map(|failure| failure.kind) {
            Some(FailureKind::Status(429 | 503) | FailureKind::Timeout(_)) => Answer::Throttled,
            None | Some(FailureKind::Status(_)) => Answer::After(took),
            Some(_) => Answer::Other,
        };
        let before = self.limit();
        let is_quick = matches!(answer, Answer::After(took) if took < QUICK);
        if is_quick && before == self.senders {
            self.quick.fetch_add(1, Relaxed);
            return;
        }
        // When another sender is at it, this answer is not needed.
        let Ok(mut adaptive) = self.adaptive.try_lock() else {
            return;
        };
        adaptive.ended(answer, self.quick.swap(0, Relaxed), now);
        let limit = adaptive.limit();
        self.limit.store(limit, Relaxed);
        drop(adaptive);
        if limit > before {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use crate::delivery::clock::Timestamp;
    use crate::delivery::gate::Gate;
    use crate::delivery::outcome::Outcome;

    fn answer(gate: &Gate, status: u16, took: Duration, count: i64) {
        for at in 0..count {
            let now = Timestamp::from_millis(at);
            gate.ended(&Outcome::of_answer(status, None, b"", now), took, now);
        }
    }

    #[test]
    fn quick_answers_leave_it_open_and_throttled_ones_close_it() {
        let gate = Arc::new(Gate::new(8));
        answer(&gate, 200, Duration::from_millis(1), 10_000);
        assert_eq!(gate.limit(), 8);
        for _ in 0..500 {
            answer(&gate, 503, Duration::from_millis(1), 1);
            answer(&gate, 200, Duration::from_millis(1), 1);
        }
        assert_eq!(gate.limit(), 1);
        let waiting = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.wait(7, &AtomicBool::new(false)))
        };
        gate.wait(0, &AtomicBool::new(false));
        gate.wait(7, &AtomicBool::new(true));
        answer(&gate, 200, Duration::from_millis(1), 500);
        assert_eq!(gate.limit(), 8);
        assert!(waiting.join().is_ok());
    }
}
