//! One attempt: up to three tries, classified and judged. Takes a job, gives back what became of it.
//!
//! All waiting goes through the clock, and every wait ends early when the engine stops.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::delivery::breaker::Admission;
use crate::delivery::client::Client;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::Waker;
use crate::delivery::outcome::Failure;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;
use crate::delivery::policy::Decision;
use crate::delivery::policy::FailedAttempt;
use crate::delivery::policy::GiveUp;
use crate::delivery::policy::NextTry;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Change;
use crate::delivery::store::Job;
use crate::delivery::store::Reason;
use crate::report::Counters;

/// What an attempt works with; one for each sender thread.
pub(crate) struct Workshop<'a> {
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) scheduler: Option<&'a Mutex<Scheduler>>,
    pub(crate) counters: &'a Counters,
    /// Set when the engine stops: no further try, no further wait.
    pub(crate) stopping: &'a AtomicBool,
    pub(crate) waker: &'a Waker,
    /// Called with true before a wait, so that another sender takes over the queue, and with false
    /// after it.
    pub(crate) pauses: &'a dyn Fn(bool),
}

/// What an attempt led to.
pub(crate) struct Ended {
    /// For the store.
    pub(crate) change: Change,
    /// How the last try failed, if it did.
    pub(crate) failure: Option<Failure>,
    /// Which attempt it was, from 1; 0 when none was made.
    pub(crate) number: u32,
}

impl Workshop<'_> {
    /// Makes one attempt. `dice` gives numbers from 0 up to but not including 1.
    pub(crate) fn attempt(
        &self,
        job: &Job,
        client: &mut dyn Client,
        dice: &mut dyn FnMut() -> f64,
    ) -> Ended {
        let host = job.delivery.request.target.host();
        let put_off = |due| Ended { change: Change::PutOff { due }, failure: None, number: 0 };
        if let Admission::NotBefore(until) = self.admit(job, host) {
            return put_off(until);
        }
        if !self.wait_for_turn() {
            return put_off(self.clock.now());
        }
        let started_at = self.clock.now();
        let number = job.attempts + 1;
        let mut tries = 0;
        let failure = loop {
            let exchange = client.send(&job.delivery.request, self.clock.wall());
            if exchange.replaced_connection {
                self.counters.replaced_connection();
            }
            let failure = match exchange.outcome {
                Outcome::Failed(failure) if failure.kind == FailureKind::Cut => {
                    return put_off(self.clock.now());
                }
                Outcome::Failed(failure) => failure,
                delivered @ Outcome::Delivered { .. } => {
                    self.counters.tried();
                    self.counters.attempted();
                    self.note(host, &delivered);
                    return Ended { change: Change::Delivered, failure: None, number };
                }
            };
            // What was blocked or could not be made did not become a request.
            if !matches!(failure.kind, FailureKind::Blocked | FailureKind::Request) {
                self.counters.tried();
                tries += 1;
            }
            let elapsed = self.clock.now().since(started_at);
            match self.policy.after_try(tries, &failure, elapsed, dice()) {
                NextTry::After(wait) if self.pause(wait) && self.wait_for_turn() => {}
                _ => break failure,
            }
        };
        let ended_at = self.clock.now();
        self.counters.attempted();
        let outcome = Outcome::Failed(failure);
        self.note(host, &outcome);
        let Outcome::Failed(failure) = outcome else {
            return put_off(ended_at);
        };
        let record = record_of(number, started_at, ended_at, tries, &failure);
        let failed = FailedAttempt {
            number,
            accepted_at: job.delivery.accepted_at,
            first_started_at: job.first_attempt_at.unwrap_or(started_at),
            started_at,
            ended_at,
            failure: &failure,
        };
        let change = match self.policy.after_attempt(&failed, dice()) {
            Decision::RetryAt(due) => Change::Retry { record, due },
            Decision::GiveUp(why) => Change::Dead {
                record: Some(record),
                reason: reason_of(why),
                message: failure.message.clone(),
                at: ended_at,
            },
        };
        Ended { change, failure: Some(*failure), number }
    }

    fn admit(&self, job: &Job, host: &str) -> Admission {
        let Some(scheduler) = self.scheduler else {
            return Admission::Go;
        };
        let no_later_than = job.first_attempt_at.map(|first| first + self.policy.span());
        let mut scheduler = scheduler.lock().unwrap_or_else(PoisonError::into_inner);
        scheduler.admit(host, self.clock.now(), no_later_than)
    }

    fn note(&self, host: &str, outcome: &Outcome) {
        if let Some(scheduler) = self.scheduler {
            let mut scheduler = scheduler.lock().unwrap_or_else(PoisonError::into_inner);
            scheduler.ended(host, outcome, self.clock.now());
        }
    }

    /// Waits until the rate limit lets a request start. False when the engine stops.
    fn wait_for_turn(&self) -> bool {
        let Some(scheduler) = self.scheduler else {
            return !self.stopping.load(SeqCst);
        };
        let start = {
            let mut scheduler = scheduler.lock().unwrap_or_else(PoisonError::into_inner);
            scheduler.next_start(self.clock.now())
        };
        self.wait_until(start)
    }

    fn pause(&self, wait: Duration) -> bool {
        self.wait_until(self.clock.now() + wait)
    }

    /// False when the engine stops, be it before or while waiting.
    fn wait_until(&self, time: Timestamp) -> bool {
        while self.clock.now() < time && !self.stopping.load(SeqCst) {
            (self.pauses)(true);
            self.clock.wait(self.waker, Some(time));
            (self.pauses)(false);
        }
        !self.stopping.load(SeqCst)
    }
}

fn record_of(
    number: u32,
    started_at: Timestamp,
    ended_at: Timestamp,
    tries: u32,
    failure: &Failure,
) -> AttemptRecord {
    AttemptRecord {
        number,
        started_at,
        took: ended_at.since(started_at),
        tries,
        status: match failure.kind {
            FailureKind::Status(status) => Some(status),
            _ => None,
        },
        error: failure.kind.name(),
        message: failure.message.clone(),
        answer: failure.excerpt.clone(),
    }
}

fn reason_of(why: GiveUp) -> Reason {
    match why {
        GiveUp::Exhausted => Reason::Exhausted,
        GiveUp::Expired => Reason::Expired,
        GiveUp::Gone => Reason::Gone,
        GiveUp::Blocked => Reason::Blocked,
    }
}
