//! How many senders are at work at once: all, or as few as keep the processors busy.
//!
//! With a receiver that answers at once, processors are what is short, and senders beyond those
//! that keep them busy only cost switches from one to the other: a sixth of all time, on two
//! processors. With a receiver that takes its time, each sender counts. Which of the two it is
//! shows only when it is tried out: few for a while, and if as much gets done, it stays at that,
//! until it has been so long ago that it may have changed. No clock, no threads.

use std::time::Duration;

/// Senders that keep one processor busy: one works while the answers of the others come.
const EACH_PROCESSOR: usize = 3;

/// Windows that a rate is taken from.
const MEASURED: u32 = 4;

/// Few do as much as all down to this share of the rate. Rates of so few windows differ by a tenth
/// of themselves for no reason; a receiver for which every sender counts is far below.
const AS_MUCH: f64 = 0.85;

/// Below this share of what it was, the rate says that things have changed.
const CHANGED: f64 = 0.5;

/// Windows before few are tried again, after the first trial that failed and at most; the wait
/// doubles with each.
const REST: u32 = 16;
const MAX_REST: u32 = 512;

/// Windows after which few have to prove themselves again.
const PROVED: u32 = 256;

/// The number of senders at work.
#[derive(Debug)]
pub(crate) struct Crew {
    most: usize,
    few: usize,
    stage: Stage,
    /// Windows of the stage that are still to pass before any is looked at.
    rest: u32,
    next_rest: u32,
    measured: Measured,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    All,
    /// Few, and the rate that all had.
    Trial(f64),
    /// Few, their usual rate, and the windows since it was proved.
    Few(f64, u32),
}

#[derive(Debug, Default)]
struct Measured {
    windows: u32,
    jobs: u64,
    took: Duration,
}

impl Crew {
    /// All of `most` senders at work, on so many processors.
    pub(crate) fn new(most: usize, processors: usize) -> Self {
        let few = processors.max(1) * EACH_PROCESSOR;
        Self {
            most,
            few: few.min(most),
            stage: Stage::All,
            rest: 1,
            next_rest: REST,
            measured: Measured::default(),
        }
    }

    /// How many should be at work.
    pub(crate) fn size(&self) -> usize {
        match self.stage {
            Stage::All => self.most,
            Stage::Trial(_) | Stage::Few(..) => self.few,
        }
    }

    /// All are needed: hardly a job gets done.
    pub(crate) fn call_all(&mut self) {
        self.enter(Stage::All, REST);
    }

    /// A window ended, in which so many jobs were taken.
    pub(crate) fn window(&mut self, jobs: u64, took: Duration) {
        if self.few == self.most {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        self.measured.windows += 1;
        self.measured.jobs += jobs;
        self.measured.took += took;
        if self.measured.windows < MEASURED {
            return;
        }
        let measured = std::mem::take(&mut self.measured);
        let rate = measured.jobs as f64 / measured.took.as_secs_f64().max(f64::MIN_POSITIVE);
        match self.stage {
            // The window in which the number changes belongs to neither.
            Stage::All => self.enter(Stage::Trial(rate), 1),
            Stage::Trial(before) if rate >= before * AS_MUCH => {
                self.next_rest = REST;
                self.enter(Stage::Few(rate, 0), 0);
            }
            Stage::Trial(_) => {
                self.enter(Stage::All, self.next_rest);
                self.next_rest = (self.next_rest * 2).min(MAX_REST);
            }
            Stage::Few(usual, _) if rate < usual * CHANGED => self.enter(Stage::All, 1),
            Stage::Few(_, windows) if windows >= PROVED => self.enter(Stage::All, 1),
            Stage::Few(usual, windows) => {
                self.stage = Stage::Few((usual * 3.0 + rate) / 4.0, windows + MEASURED);
            }
        }
    }

    fn enter(&mut self, stage: Stage, rest: u32) {
        self.stage = stage;
        self.rest = rest;
        self.measured = Measured::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::delivery::crew::Crew;

    /// Lives through windows of 512 jobs with a machine that does so many jobs a second with so many
    /// senders, a fifth more or less; says how many were at work on average.
    fn live(crew: &mut Crew, windows: u32, seed: u64, rate: impl Fn(f64) -> f64) -> f64 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut sum = 0;
        for _ in 0..windows {
            let rate = rate(crew.size() as f64) * (1.0 + 0.4 * (dice.f64() - 0.5));
            crew.window(512, Duration::from_secs_f64(512.0 / rate));
            sum += crew.size();
        }
        sum as f64 / f64::from(windows)
    }

    /// A receiver that takes a while for each job: every sender counts.
    fn slow(senders: f64) -> f64 {
        senders * 1000.0
    }

    /// Processors that three senders keep busy, and that each further one costs a little.
    fn busy(senders: f64) -> f64 {
        60_000.0 * (senders / 3.0).min(1.0) / (1.0 + 0.007 * senders)
    }

    #[test]
    fn few_are_at_work_while_processors_are_what_is_short() {
        for seed in 0..20 {
            let mut crew = Crew::new(32, 2);
            assert_eq!(crew.size(), 32);
            let mean = live(&mut crew, 1000, seed, busy);
            assert!(mean < 8.0, "{mean}, seed {seed}");
        }
    }

    #[test]
    fn when_every_sender_counts_nearly_all_stay_at_work() {
        for seed in 0..20 {
            let mut crew = Crew::new(32, 2);
            let mean = live(&mut crew, 1000, seed, slow);
            assert!(mean > 31.0, "{mean}, seed {seed}");
        }
    }

    #[test]
    fn a_receiver_that_gets_slower_gets_all_senders_at_once() {
        let mut crew = Crew::new(32, 2);
        live(&mut crew, 100, 1, busy);
        assert_eq!(crew.size(), 6);
        live(&mut crew, 5, 2, slow);
        assert_eq!(crew.size(), 32);
    }

    #[test]
    fn all_can_be_called() {
        let mut crew = Crew::new(32, 2);
        live(&mut crew, 100, 1, busy);
        crew.call_all();
        assert_eq!(crew.size(), 32);
    }

    #[test]
    fn with_processors_enough_nobody_is_sent_to_sleep() {
        for (most, processors) in [(32, 16), (6, 2), (1, 0)] {
            let mut crew = Crew::new(most, processors);
            live(&mut crew, 100, 1, busy);
            assert_eq!(crew.size(), most);
        }
    }
}
