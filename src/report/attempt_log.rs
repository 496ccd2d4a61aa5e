//! Single attempts of a run, for those who want more than counts: so many of each sort at most,
//! drawn evenly from all when there were more.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Attempts of one sort that are kept, delivered or failed: about a megabyte and a half.
const KEPT: usize = 10_000;

/// One attempt: up to three tries.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptMade {
    /// The event key.
    pub key: String,
    /// The id of the delivery, as the receiver sees it.
    pub webhook_id: String,
    /// Which attempt of its delivery, from 1.
    pub number: u32,
    /// When it started, in microseconds since 1970.
    pub started_micros: i64,
    /// How long it took in microseconds, all tries included.
    pub took_micros: u64,
    /// How many requests were sent.
    pub tries: u32,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// `delivered`, `retry`, or why it was the last one: `exhausted`, `expired`, `gone`, `blocked`.
    pub outcome: &'static str,
    /// The kind of the last failure, such as `status_503`.
    pub error: Option<String>,
    /// The last failure in words.
    pub message: Option<String>,
    /// When the next attempt is due, in microseconds since 1970.
    pub next_micros: Option<i64>,
}

/// The attempts of a run.
#[derive(Debug)]
pub struct AttemptLog {
    delivered: Sample,
    failed: Sample,
}

impl Default for AttemptLog {
    fn default() -> Self {
        Self { delivered: Sample::new(KEPT), failed: Sample::new(KEPT) }
    }
}

impl AttemptLog {
    /// Notes an attempt that delivered; `made` is asked only when it is kept.
    pub fn delivered(&self, made: impl FnOnce() -> AttemptMade) {
        self.delivered.add(made);
    }

    /// Notes an attempt that failed.
    pub fn failed(&self, made: impl FnOnce() -> AttemptMade) {
        self.failed.add(made);
    }

    /// Those that are kept, by the time they started.
    pub fn kept(&self) -> Vec<AttemptMade> {
        let mut kept = self.delivered.kept();
        kept.append(&mut self.failed.kept());
        kept.sort_by_key(|attempt| attempt.started_micros);
        kept
    }
}

/// A sample of a stream of unknown length in which each has the same chance (Li's algorithm L): once
/// it is full, nearly all are passed over with one addition.
#[derive(Debug)]
struct Sample {
    limit: usize,
    seen: AtomicU64,
    /// The next one that is taken.
    next: AtomicU64,
    chosen: Mutex<Chosen>,
}

#[derive(Debug)]
struct Chosen {
    kept: Vec<AttemptMade>,
    weight: f64,
    dice: fastrand::Rng,
}

impl Sample {
    fn new(limit: usize) -> Self {
        let dice = fastrand::Rng::with_seed(1);
        let chosen = Mutex::new(Chosen { kept: Vec::new(), weight: 1.0, dice });
        Self { limit, seen: AtomicU64::new(0), next: AtomicU64::new(0), chosen }
    }

    fn add(&self, made: impl FnOnce() -> AttemptMade) {
        let number = self.seen.fetch_add(1, Relaxed);
        if number < self.next.load(Relaxed) {
            return;
        }
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have taken one in between.
        if number < self.next.load(Relaxed) {
            return;
        }
        if chosen.kept.len() < self.limit {
            chosen.kept.push(made());
            if chosen.kept.len() < self.limit {
                return;
            }
        } else {
            let place = chosen.dice.usize(..self.limit);
            chosen.kept[place] = made();
        }
        let step = chosen.step(self.limit);
        self.next.store(number.saturating_add(step), Relaxed);
    }

    fn kept(&self) -> Vec<AttemptMade> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).kept.clone()
    }
}

impl Chosen {
    /// How many further the next one is that is taken.
    fn step(&mut self, limit: usize) -> u64 {
        // Never 0, whose logarithm is infinite.
        let mut dice = || 1.0 - self.dice.f64();
        self.weight *= (dice().ln() / limit as f64).exp();
        let skipped = dice().ln() / (1.0 - self.weight).ln();
        (skipped.floor() as u64).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use crate::report::attempt_log::AttemptMade;
    use crate::report::attempt_log::Sample;

    fn made(number: i64) -> AttemptMade {
        AttemptMade {
            key: String::new(),
            webhook_id: String::new(),
            number: 1,
            started_micros: number,
            took_micros: 1,
            tries: 1,
            status: Some(200),
            outcome: "delivered",
            error: None,
            message: None,
            next_micros: None,
        }
    }

    #[test]
    fn as_long_as_there_is_room_all_are_kept() {
        let sample = Sample::new(100);
        (0..100).for_each(|number| sample.add(|| made(number)));
        let kept: Vec<i64> = sample.kept().iter().map(|made| made.started_micros).collect();
        assert_eq!(kept, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn of_more_each_part_of_the_run_has_its_share() {
        let sample = Sample::new(1000);
        let mut asked = 0;
        for number in 0..1_000_000 {
            sample.add(|| {
                asked += 1;
                made(number)
            });
        }
        let kept = sample.kept();
        assert_eq!(kept.len(), 1000);
        for tenth in 0..10 {
            let part = tenth * 100_000..(tenth + 1) * 100_000;
            let share = kept.iter().filter(|made| part.contains(&made.started_micros)).count();
            assert!((60..140).contains(&share), "{share} of tenth {tenth}");
        }
        // Algorithm L takes about `limit * (1 + ln(count / limit))`.
        assert!(asked < 12_000, "{asked}");
    }
}
