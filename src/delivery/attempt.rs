//! One attempt: up to three tries, classified and judged. Takes a job, gives back what became of it.
//!
//! The attempt itself is a state that is stepped on ([`Workshop::step`]), so that it can be run by
//! a thread that really waits, or by a simulation that does not. All waiting goes through the
//! clock, and every wait ends early when the engine stops.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::delivery::breaker::Admission;
use crate::delivery::client::Client;
use crate::delivery::client::Exchange;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::Waker;
use crate::delivery::gate::Gate;
use crate::delivery::outcome::Failure;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;
use crate::delivery::policy::Decision;
use crate::delivery::policy::FailedAttempt;
use crate::delivery::policy::GiveUp;
use crate::delivery::policy::NextTry;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::scheduler::Moved;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Change;
use crate::delivery::store::Job;
use crate::delivery::store::Reason;
use crate::report::AttemptMade;
use crate::report::Counters;

/// What an attempt works with; one for each sender thread.
pub(crate) struct Workshop<'a> {
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) scheduler: Option<&'a Mutex<Scheduler>>,
    pub(crate) counters: &'a Counters,
    pub(crate) gate: &'a Gate,
    /// Set when the engine stops: no further try, no further wait.
    pub(crate) stopping: &'a AtomicBool,
    pub(crate) waker: &'a Waker,
    /// Called with true before a wait, so that another sender takes over the queue, and with false
    /// after it.
    pub(crate) pauses: &'a dyn Fn(bool),
}

/// What an attempt led to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// For the store.
    pub(crate) change: Change,
    /// How the last try failed, if it did.
    pub(crate) failure: Option<Failure>,
    /// Which attempt it was, from 1; 0 when none was made.
    pub(crate) number: u32,
    /// What it did to the breaker of its host.
    pub(crate) breaker: Option<Moved>,
}

/// An attempt under way: what it waits for, and how far it got. Whoever owns it waits and sends,
/// be it a thread or a simulation.
#[derive(Debug)]
pub(crate) struct Attempt {
    number: u32,
    started_at: Timestamp,
    sent_at: Timestamp,
    tries: u32,
    stage: Stage,
    /// How the last try failed.
    failure: Option<Box<Failure>>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing has happened yet.
    New,
    /// Waits to begin another try.
    Pausing(Timestamp),
    /// Has its place in the line, where the rate is limited.
    InLine(Timestamp),
    /// The last try was the last one.
    Over,
}

/// What an attempt wants next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
pub(crate) enum Step {
    /// To be asked again at this time.
    Wait(Timestamp),
    /// The request to be sent, and [`Workshop::sent`] to be told how that went.
    Send,
    /// Nothing more: this became of the job.
    Ended(Ended),
}

impl Attempt {
    /// The next attempt of this job.
    pub(crate) fn new(job: &Job) -> Self {
        Self {
            number: job.attempts + 1,
            started_at: Timestamp::default(),
            sent_at: Timestamp::default(),
            tries: 0,
            stage: Stage::New,
            failure: None,
        }
    }
}

impl Workshop<'_> {
    /// Makes one attempt. `dice` gives numbers from 0 up to but not including 1.
    pub(crate) fn attempt(
        &self,
        job: &Job,
        client: &mut dyn Client,
        dice: &mut dyn FnMut() -> f64,
    ) -> Ended {
        let mut attempt = Attempt::new(job);
        loop {
            match self.step(&mut attempt, job, dice) {
                Step::Wait(time) => self.wait_until(time),
                Step::Send => {
                    let exchange = client.send(&job.delivery.request, self.clock.wall());
                    if let Some(ended) = self.sent(&mut attempt, job, exchange, dice) {
                        return ended;
                    }
                }
                Step::Ended(ended) => return ended,
            }
        }
    }

    /// What the attempt wants now.
    pub(crate) fn step(
        &self,
        attempt: &mut Attempt,
        job: &Job,
        dice: &mut dyn FnMut() -> f64,
    ) -> Step {
        if let Stage::New = attempt.stage {
            if job.damaged {
                return Step::Ended(self.give_up_damaged());
            }
            // Nothing that comes back late, after downtime or a pause, is sent when it is too old.
            if self.policy.expire_after.is_some()
                && self.policy.is_too_old(job.delivery.accepted_at, self.clock.now())
            {
                return Step::Ended(self.give_up_expired());
            }
            if let Admission::NotBefore(until) = self.admit(job) {
                return Step::Ended(put_off(until));
            }
            attempt.stage = Stage::InLine(self.next_start());
        }
        if let Stage::Pausing(until) = attempt.stage {
            if self.is_waiting(until) {
                return Step::Wait(until);
            }
            let start = self.next_start();
            // Where the rate is limited, the line may be too long for another try.
            attempt.stage = if start < attempt.started_at + self.policy.try_window {
                Stage::InLine(start)
            } else {
                Stage::Over
            };
        }
        if let Stage::InLine(start) = attempt.stage {
            if self.is_waiting(start) {
                return Step::Wait(start);
            }
            if !self.stopping.load(SeqCst) {
                attempt.sent_at = self.clock.now();
                if attempt.failure.is_none() {
                    attempt.started_at = attempt.sent_at;
                }
                return Step::Send;
            }
        }
        Step::Ended(self.judge(attempt, job, dice))
    }

    /// A try ended. What became of the job, if that was all; else [`Workshop::step`] goes on.
    pub(crate) fn sent(
        &self,
        attempt: &mut Attempt,
        job: &Job,
        exchange: Exchange,
        dice: &mut dyn FnMut() -> f64,
    ) -> Option<Ended> {
        if exchange.replaced_connection {
            self.counters.replaced_connection();
        }
        let now = self.clock.now();
        self.gate.ended(&exchange.outcome, now.since(attempt.sent_at), now);
        let failure = match exchange.outcome {
            Outcome::Failed(failure) if failure.kind == FailureKind::Cut => {
                return Some(put_off(now));
            }
            Outcome::Failed(failure) => failure,
            delivered @ Outcome::Delivered { .. } => {
                self.counters.tried();
                self.counters.attempted(attempt.number);
                let breaker = self.note(job, &delivered);
                let number = attempt.number;
                let status = delivered.status();
                self.counters.attempt_log().delivered(|| AttemptMade {
                    took_micros: micros(now.since(attempt.started_at)),
                    tries: attempt.tries + 1,
                    status,
                    outcome: "delivered",
                    ..made(job, attempt.number, attempt.started_at)
                });
                return Some(Ended { change: Change::Delivered, failure: None, number, breaker });
            }
        };
        // What was blocked or could not be made did not become a request.
        if !matches!(failure.kind, FailureKind::Blocked | FailureKind::Request) {
            self.counters.tried();
            attempt.tries += 1;
        }
        let elapsed = now.since(attempt.started_at);
        attempt.stage = match self.policy.after_try(attempt.tries, &failure, elapsed, dice()) {
            NextTry::After(wait) => Stage::Pausing(now + wait),
            NextTry::None => Stage::Over,
        };
        attempt.failure = Some(failure);
        None
    }

    /// What a failed attempt leads to.
    fn judge(&self, attempt: &mut Attempt, job: &Job, dice: &mut dyn FnMut() -> f64) -> Ended {
        let ended_at = self.clock.now();
        let Some(failure) = attempt.failure.take() else {
            // Stopped before the first try.
            return put_off(ended_at);
        };
        self.counters.attempted(attempt.number);
        let outcome = Outcome::Failed(failure);
        let breaker = self.note(job, &outcome);
        let Outcome::Failed(failure) = outcome else {
            return put_off(ended_at);
        };
        let (number, started_at) = (attempt.number, attempt.started_at);
        let record = record_of(number, started_at, ended_at, attempt.tries, &failure);
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
        self.counters.attempt_log().failed(|| failed_attempt(job, &change));
        Ended { change, failure: Some(*failure), number, breaker }
    }

    /// What was stored is not what was accepted: it is never sent.
    fn give_up_damaged(&self) -> Ended {
        self.give_up(
            Reason::Damaged,
            String::from("expected what was accepted, found damaged bytes in the store"),
        )
    }

    /// Its time was over before this attempt.
    fn give_up_expired(&self) -> Ended {
        let age = self.policy.expire_after.unwrap_or_default().as_secs_f64();
        self.give_up(
            Reason::Expired,
            format!(
                "expected an attempt within {age} seconds after it was accepted, found it older"
            ),
        )
    }

    /// It ends without another attempt.
    fn give_up(&self, reason: Reason, message: String) -> Ended {
        let change = Change::Dead { record: None, reason, message, at: self.clock.now() };
        Ended { change, failure: None, number: 0, breaker: None }
    }

    fn admit(&self, job: &Job) -> Admission {
        let Some(scheduler) = self.scheduler else {
            return Admission::Go;
        };
        let host = job.delivery.request.target.host();
        let no_later_than = job.first_attempt_at.map(|first| first + self.policy.span());
        let mut scheduler = scheduler.lock().unwrap_or_else(PoisonError::into_inner);
        scheduler.admit(host, self.clock.now(), no_later_than)
    }

    fn note(&self, job: &Job, outcome: &Outcome) -> Option<Moved> {
        let host = job.delivery.request.target.host();
        let mut scheduler = self.scheduler?.lock().unwrap_or_else(PoisonError::into_inner);
        scheduler.ended(host, outcome, self.clock.now())
    }

    /// When the rate limit lets a request start.
    fn next_start(&self) -> Timestamp {
        let Some(scheduler) = self.scheduler else {
            return Timestamp::default();
        };
        let mut scheduler = scheduler.lock().unwrap_or_else(PoisonError::into_inner);
        scheduler.next_start(self.clock.now())
    }

    fn is_waiting(&self, time: Timestamp) -> bool {
        // Where nothing is limited, the time need not be read.
        time != Timestamp::default() && self.clock.now() < time && !self.stopping.load(SeqCst)
    }

    /// Waits until then, or until the engine stops.
    fn wait_until(&self, time: Timestamp) {
        while self.is_waiting(time) {
            (self.pauses)(true);
            self.clock.wait(self.waker, Some(time));
            (self.pauses)(false);
        }
    }
}

fn put_off(due: Timestamp) -> Ended {
    Ended { change: Change::PutOff { due }, failure: None, number: 0, breaker: None }
}

/// What a report says of an attempt that failed.
fn failed_attempt(job: &Job, change: &Change) -> AttemptMade {
    let (record, outcome, due) = match change {
        Change::Retry { record, due } => (record, "retry", Some(due.as_micros())),
        Change::Dead { record: Some(record), reason, .. } => (record, reason.name(), None),
        _ => return made(job, job.attempts + 1, Timestamp::default()),
    };
    AttemptMade {
        took_micros: micros(record.took),
        tries: record.tries,
        status: record.status,
        outcome,
        error: Some(record.error.clone()),
        message: Some(record.message.clone()),
        next_micros: due,
        ..made(job, record.number, record.started_at)
    }
}

fn made(job: &Job, number: u32, started_at: Timestamp) -> AttemptMade {
    AttemptMade {
        key: job.delivery.key.clone(),
        webhook_id: job.delivery.request.id.clone(),
        number,
        started_micros: started_at.as_micros(),
        took_micros: 0,
        tries: 0,
        status: None,
        outcome: "",
        error: None,
        message: None,
        next_micros: None,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
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
