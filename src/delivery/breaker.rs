//! Leaves a receiver alone that only fails: a function of time, one breaker for each host.
//!
//! ```text
//!            enough failures in a row            the pause is over
//!   CLOSED ───────────────────────────▶ OPEN ───────────────────────▶ HALF-OPEN
//!     ▲                                  ▲                                │
//!     │                                  └──────── the probe fails ───────┤
//!     └────────────────────────────────────────── the probe succeeds ─────┘
//! ```
//!
//! While it is open, attempts are put off, not made and failed: no attempt is used up.

use std::time::Duration;

use crate::delivery::clock::Timestamp;

/// When a receiver is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// So many failed attempts in a row open the breaker.
    pub failures: u32,
    /// How long it stays open the first time; each failed probe doubles that.
    pub pause: Duration,
    /// The longest it stays open before the next probe.
    pub max_pause: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 20, pause: Duration::from_secs(5), max_pause: Duration::from_mins(1) }
    }
}

/// Whether an attempt may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Make it.
    Go,
    /// Put it off until then.
    NotBefore(Timestamp),
}

/// The state for one host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    failures_in_a_row: u32,
    pauses_in_a_row: u32,
    open_until: Option<Timestamp>,
    probe_since: Option<Timestamp>,
}

impl Breaker {
    /// Asks for leave to make an attempt. After a pause exactly one asker gets it, as the probe.
    ///
    /// `probe_limit` is how long a probe may take before another one is let through.
    pub fn admit(
        &mut self,
        options: &BreakerOptions,
        now: Timestamp,
        probe_limit: Duration,
    ) -> Admission {
        match (self.open_until, self.probe_since) {
            (None, _) => Admission::Go,
            (Some(until), _) if now < until => Admission::NotBefore(until),
            (Some(_), Some(since)) if now < since + probe_limit => {
                // Look again soon: the probe's answer opens the way or the next pause.
                Admission::NotBefore((now + options.pause).min(since + probe_limit))
            }
            (Some(_), _) => {
                self.probe_since = Some(now);
                Admission::Go
            }
        }
    }

    /// An attempt ended well: the receiver works.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// An attempt failed.
    pub fn failed(&mut self, options: &BreakerOptions, now: Timestamp) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let probing = self.probe_since.take().is_some();
        let already_open = self.open_until.is_some_and(|until| now < until);
        if probing || (self.failures_in_a_row >= options.failures && !already_open) {
            let doubled = options.pause.saturating_mul(2_u32.saturating_pow(self.pauses_in_a_row));
            self.pauses_in_a_row = self.pauses_in_a_row.saturating_add(1);
            self.open_until = Some(now + doubled.min(options.max_pause));
        }
    }

    /// The receiver asked to be left alone for so long.
    pub fn asked_to_pause(&mut self, options: &BreakerOptions, now: Timestamp, pause: Duration) {
        let until = now + pause.min(options.max_pause);
        self.open_until = Some(self.open_until.map_or(until, |open| open.max(until)));
    }

    /// Until when it was opened, until an attempt succeeds.
    pub fn open_until(&self) -> Option<Timestamp> {
        self.open_until
    }

    /// Whether attempts are being put off.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }
}
