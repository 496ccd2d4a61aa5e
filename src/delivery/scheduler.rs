//! What may go out now, and when to look again: the rate limit and the breakers of one engine.
//! No threads, no clock, no store: the pool asks with the time in its hand.

use std::collections::HashMap;
use std::time::Duration;

use crate::delivery::breaker::Admission;
use crate::delivery::breaker::Breaker;
use crate::delivery::breaker::BreakerOptions;
use crate::delivery::clock::Timestamp;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;

/// Hosts whose breaker is remembered; beyond that, those that work are forgotten.
const MAX_HOSTS: usize = 1024;

/// Jobs that are due and wait for a sender, for each sender: enough that none is ever idle.
const DUE_JOBS_A_SENDER: usize = 2;

/// The rules for when requests go out.
#[derive(Debug)]
pub struct Scheduler {
    pace: Option<Pace>,
    breaker: Option<BreakerOptions>,
    hosts: HashMap<String, Breaker>,
    probe_limit: Duration,
}

/// What the pool should do about deliveries that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Claim at most so many now.
    pub claim: usize,
    /// Whether to look again as soon as a sender has taken one.
    pub wait_for_room: bool,
}

/// What happened to the breaker of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The host is left alone until then.
    OpenUntil(Timestamp),
    /// The host works again.
    Closed,
}

impl Scheduler {
    /// A scheduler that lets at most `rate_limit_per_second` requests start each second and, with
    /// breaker options, leaves failing hosts alone. A probe may take `probe_limit`.
    pub fn new(
        rate_limit_per_second: Option<f64>,
        breaker: Option<BreakerOptions>,
        probe_limit: Duration,
    ) -> Self {
        let pace = rate_limit_per_second.map(Pace::new);
        Self { pace, breaker, hosts: HashMap::new(), probe_limit }
    }

    /// Whether it has nothing to say, so that it need not be asked.
    pub fn is_idle(&self) -> bool {
        self.pace.is_none() && self.breaker.is_none()
    }

    /// Whether an attempt may be made at this host now. A delivery whose schedule would be
    /// overrun by waiting (`no_later_than`) goes anyway.
    pub fn admit(
        &mut self,
        host: &str,
        now: Timestamp,
        no_later_than: Option<Timestamp>,
    ) -> Admission {
        let Some(options) = self.breaker else {
            return Admission::Go;
        };
        let Some(breaker) = self.hosts.get_mut(host) else {
            return Admission::Go;
        };
        match breaker.admit(&options, now, self.probe_limit) {
            Admission::NotBefore(until) if no_later_than.is_none_or(|end| until <= end) => {
                Admission::NotBefore(until)
            }
            _ => Admission::Go,
        }
    }

    /// When the next request may start; it takes that place in the line.
    pub fn next_start(&mut self, now: Timestamp) -> Timestamp {
        self.pace.as_mut().map_or(now, |pace| pace.take(now))
    }

    /// An attempt at this host ended. Says if that opened or closed its breaker.
    pub fn ended(&mut self, host: &str, outcome: &Outcome, now: Timestamp) -> Option<Moved> {
        let options = self.breaker?;
        match outcome.failure() {
            None => {
                let breaker = self.hosts.get_mut(host)?;
                let was_open = breaker.open_until().is_some();
                breaker.succeeded();
                was_open.then_some(Moved::Closed)
            }
            Some(failure) => {
                if self.hosts.len() >= MAX_HOSTS {
                    self.hosts.retain(|_, breaker| breaker.is_open(now));
                }
                let breaker = self.hosts.entry(host.to_owned()).or_default();
                let was_open = breaker.is_open(now);
                breaker.failed(&options, now);
                let throttled = matches!(failure.kind, FailureKind::Status(429 | 503));
                if let Some(pause) = failure.retry_after.filter(|_| throttled) {
                    breaker.asked_to_pause(&options, now, pause);
                }
                let opened = !was_open && breaker.is_open(now);
                breaker.open_until().filter(|_| opened).map(Moved::OpenUntil)
            }
        }
    }

    /// How many due deliveries to claim when `queued` of them wait for one of `senders` already.
    pub fn plan(queued: usize, senders: usize) -> Plan {
        let enough = senders * DUE_JOBS_A_SENDER;
        let claim = enough.saturating_sub(queued);
        Plan { claim, wait_for_room: claim == 0 }
    }
}

/// Even spacing of requests: each takes the next free place, an unused one is not saved up for
/// longer than a moment.
#[derive(Debug)]
struct Pace {
    interval_micros: f64,
    /// The next free place, in microseconds; a fraction keeps the rate exact over time.
    next_micros: f64,
}

/// Unused places of this long may be caught up on in one go.
const BURST: Duration = Duration::from_millis(10);

impl Pace {
    fn new(per_second: f64) -> Self {
        Self { interval_micros: 1_000_000.0 / per_second, next_micros: 0.0 }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "microseconds since 1970 are exact in a f64 until the year 2255"
    )]
    fn take(&mut self, now: Timestamp) -> Timestamp {
        let earliest = (now - BURST).as_micros() as f64;
        let place = self.next_micros.max(earliest);
        self.next_micros = place + self.interval_micros;
        Timestamp::from_micros(place as i64).max(now)
    }
}
