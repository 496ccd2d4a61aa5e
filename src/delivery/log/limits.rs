//! How many records of a kind are let through: a function of time.
//!
//! Of records of one kind, the [`FIRST`] of a [`WINDOW`] are let through. While each window has more,
//! the next one is twice as long, up to [`LONGEST_WINDOW`], and lets [`FURTHER`] through. What is left
//! out is counted, and said when the window is over.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::delivery::clock::Timestamp;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogTarget;

/// How long the first window is.
const WINDOW: Duration = Duration::from_secs(10);
/// How long windows get: hours of an outage are some dozens of lines.
const LONGEST_WINDOW: Duration = Duration::from_mins(5);
/// Records of a kind in a window.
const FIRST: u32 = 10;
/// The same, while every window has more.
const FURTHER: u32 = 1;
/// Kinds that are told apart; more are one.
const KINDS: usize = 64;

/// Records that were not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) level: LogLevel,
    pub(crate) target: LogTarget,
    pub(crate) kind: String,
    pub(crate) count: u64,
    /// In how long.
    pub(crate) lasted: Duration,
}

/// The windows, one for each kind.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: BTreeMap<(LogTarget, LogLevel, String), Window>,
}

#[derive(Debug)]
struct Window {
    began: Timestamp,
    length: Duration,
    left: u32,
    left_out: u64,
}

impl Window {
    fn new(began: Timestamp) -> Self {
        Self { began, length: WINDOW, left: FIRST, left_out: 0 }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.began) >= self.length
    }

    /// The window behind this one.
    fn next(&self, began: Timestamp) -> Self {
        if self.left_out == 0 {
            return Self::new(began);
        }
        let length = self.length.saturating_mul(2).min(LONGEST_WINDOW);
        Self { began, length, left: FURTHER, left_out: 0 }
    }
}

impl Limits {
    /// Whether this record is let through, and what an earlier window of its kind left out.
    pub(crate) fn admit(
        &mut self,
        level: LogLevel,
        target: LogTarget,
        kind: &str,
        at: Timestamp,
    ) -> (bool, Option<LeftOut>) {
        let mut key = (target, level, kind.to_owned());
        if self.windows.len() >= KINDS && !self.windows.contains_key(&key) {
            "other".clone_into(&mut key.2);
        }
        let window = self.windows.entry(key.clone()).or_insert_with(|| Window::new(at));
        let left_out = if window.is_over(at) { end(&key, window, at) } else { None };
        let passes = window.left > 0;
        if passes {
            window.left -= 1;
        } else {
            window.left_out += 1;
        }
        (passes, left_out)
    }

    /// What windows that are over left out; at the end, all of them are.
    pub(crate) fn over(&mut self, now: Timestamp, is_end: bool) -> Vec<LeftOut> {
        let mut all = Vec::new();
        self.windows.retain(|key, window| {
            if !is_end && !window.is_over(now) {
                return true;
            }
            let left_out = end(key, window, now);
            let goes_on = left_out.is_some() && !is_end;
            all.extend(left_out);
            goes_on
        });
        all
    }
}

/// Ends a window and begins the next one.
fn end(
    (target, level, kind): &(LogTarget, LogLevel, String),
    window: &mut Window,
    now: Timestamp,
) -> Option<LeftOut> {
    let count = window.left_out;
    let lasted = now.since(window.began);
    *window = window.next(now);
    let (target, level, kind) = (*target, *level, kind.clone());
    (count > 0).then_some(LeftOut { level, target, kind, count, lasted })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::delivery::clock::Timestamp;
    use crate::delivery::log::LogLevel;
    use crate::delivery::log::LogTarget;
    use crate::delivery::log::limits::Limits;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default() + Duration::from_secs(seconds)
    }

    fn passed(limits: &mut Limits, kind: &str, count: usize, seconds: u64) -> usize {
        let admit =
            |_: &usize| limits.admit(LogLevel::Warning, LogTarget::Delivery, kind, at(seconds)).0;
        (0..count).filter(admit).count()
    }

    #[test]
    fn each_kind_has_its_own_window() {
        let mut limits = Limits::default();
        assert_eq!(passed(&mut limits, "status_503", 100, 0), 10);
        assert_eq!(passed(&mut limits, "connect", 5, 1), 5);
        assert_eq!(passed(&mut limits, "status_503", 1, 9), 0);
        let over = limits.over(at(10), false);
        assert_eq!(over.iter().map(|left| left.count).collect::<Vec<_>>(), [91]);
        assert_eq!(passed(&mut limits, "status_503", 100, 11), 1);
    }

    #[test]
    fn a_window_that_left_nothing_out_is_forgotten() {
        let mut limits = Limits::default();
        assert_eq!(passed(&mut limits, "status_503", 50, 0), 10);
        assert_eq!(limits.over(at(10), false).len(), 1);
        assert_eq!(limits.over(at(30), false).len(), 0);
        assert_eq!(passed(&mut limits, "status_503", 50, 31), 10);
    }

    #[test]
    fn hours_of_failures_are_some_dozens_of_records() {
        let mut limits = Limits::default();
        let (mut told, mut said) = (0, 0);
        for second in 0..4 * 3600 {
            told += passed(&mut limits, "status_503", 100, second);
            said += limits.over(at(second), false).len();
        }
        assert!(told + said < 120, "{told} {said}");
    }

    #[test]
    fn the_next_record_of_a_kind_tells_what_was_left_out_before() {
        let mut limits = Limits::default();
        passed(&mut limits, "status_503", 12, 0);
        let (passes, left_out) =
            limits.admit(LogLevel::Warning, LogTarget::Delivery, "status_503", at(30));
        assert!(passes);
        assert_eq!(left_out.map(|left| (left.count, left.lasted.as_secs())), Some((2, 30)));
    }

    #[test]
    fn kinds_without_end_are_one_kind() {
        let mut limits = Limits::default();
        let all: usize = (0..1000).map(|n| passed(&mut limits, &format!("kind {n}"), 1, 0)).sum();
        assert_eq!(all, 64 + 10);
    }
}
