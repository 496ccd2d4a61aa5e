//! How many attempts were made, and how many of them delivered, by the number of the attempt.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Attempts counted apart, beyond any schedule; later ones count with the last.
const APART: usize = 128;

/// The attempts of a run that have the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCount {
    /// The number, from 1: of a delivery's attempts in all runs.
    pub attempt: u32,
    /// How many of these were made.
    pub made: u64,
    /// How many of them delivered.
    pub delivered: u64,
}

/// The counts, shared by threads.
pub(crate) struct Attempts {
    counts: Box<[(AtomicU64, AtomicU64)]>,
}

impl Attempts {
    /// An attempt of that number, from 1, ended.
    pub(crate) fn made(&self, attempt: u32) {
        self.counts[place_of(attempt)].0.fetch_add(1, Relaxed);
    }

    /// An attempt of that number, from 1, delivered.
    pub(crate) fn delivered(&self, attempt: u32) {
        self.counts[place_of(attempt)].1.fetch_add(1, Relaxed);
    }

    /// The counts of attempts 1, 2, …, up to the last that was made.
    pub(crate) fn counts(&self) -> Vec<AttemptCount> {
        let mut counts: Vec<AttemptCount> = (1..)
            .zip(&self.counts)
            .map(|(attempt, (made, delivered))| AttemptCount {
                attempt,
                made: made.load(Relaxed),
                delivered: delivered.load(Relaxed),
            })
            .collect();
        let used = counts.iter().rposition(|count| count.made > 0 || count.delivered > 0);
        counts.truncate(used.map_or(0, |last| last + 1));
        counts
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self { counts: (0..APART).map(|_| (AtomicU64::new(0), AtomicU64::new(0))).collect() }
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attempts").field(&self.counts()).finish()
    }
}

fn place_of(attempt: u32) -> usize {
    (attempt.max(1) as usize).min(APART) - 1
}

#[cfg(test)]
mod tests {
    use crate::report::attempts::APART;
    use crate::report::attempts::AttemptCount;
    use crate::report::attempts::Attempts;

    #[test]
    fn attempts_are_counted_by_their_number_and_none_is_lost() {
        let attempts = Attempts::default();
        assert!(attempts.counts().is_empty());
        for attempt in [1, 1, 3, 4000] {
            attempts.made(attempt);
        }
        attempts.delivered(3);
        let counts = attempts.counts();
        assert_eq!(counts.len(), APART);
        assert_eq!(counts[0], AttemptCount { attempt: 1, made: 2, delivered: 0 });
        assert_eq!(counts[1], AttemptCount { attempt: 2, made: 0, delivered: 0 });
        assert_eq!(counts[2], AttemptCount { attempt: 3, made: 1, delivered: 1 });
        assert_eq!(counts.iter().map(|count| count.made).sum::<u64>(), 4);
    }
}
