//! How many requests at once a receiver takes well: fewer when answers get slower the more there
//! are, or when it says that it is too much; more again when it is quick.
//!
//! Answers are looked at in windows of some dozens. After one in which many were throttled, the
//! limit is lowered; but not when nothing got through at all: then the receiver is down, not busy,
//! and that is the retry schedule's matter. After one in which answers took much longer than usual, it is lowered on
//! trial: if as many answers come in as before, those requests had only been queueing, and the
//! limit stays; if fewer do, the receiver itself has got slower, so the limit is restored and that
//! latency is the usual one from now on. After a good window the limit rises. No clock, no threads.

use std::time::Duration;

use crate::delivery::clock::Timestamp;

/// A window has so many answers for each request that may be under way.
const ANSWERS_EACH: usize = 2;

/// And at least so many.
const MIN_ANSWERS: usize = 16;

/// Answers are slow when they take this much longer than usual, as a factor ...
const SLOW_FACTOR: f64 = 1.5;

/// ... and beyond that so long, in seconds: a short queue is worth no throttling.
const SLOW_SECONDS: f64 = 0.02;

/// A larger share of throttled answers than this lowers the limit.
const THROTTLED_SHARE: f64 = 0.1;

/// What the limit is multiplied by when answers were throttled, and when they were slow.
const WHEN_THROTTLED: f64 = 0.7;
const WHEN_SLOW: f64 = 0.75;

/// A trial failed when the rate of answers fell below this share.
const KEPT_RATE: f64 = 0.9;

/// What the limit rises by after a good window, as a share of it; at least one.
const RISE: f64 = 0.1;

/// The limit never falls below this share of the most.
const LEAST_SHARE: f64 = 0.125;

/// How a request ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With an answer, after this time.
    After(Duration),
    /// With 429, 503 or no answer in time.
    Throttled,
    /// In some other way that says nothing about how busy the receiver is.
    Other,
}

/// The limit for one receiver.
#[derive(Debug)]
pub struct Adaptive {
    most: f64,
    least: f64,
    limit: f64,
    /// What answers take when nothing queues, in seconds.
    usual: Option<f64>,
    window: Window,
    trial: Option<Trial>,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Timestamp>,
    answers: usize,
    throttled: usize,
    /// In seconds.
    took: Vec<f32>,
}

/// A lower limit that has to prove itself.
#[derive(Clone, Copy, Debug)]
struct Trial {
    limit_before: f64,
    rate_before: f64,
    /// Whether what was under way before it began has been answered.
    settled: bool,
}

impl Adaptive {
    /// A limit that begins at the most.
    pub fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            most,
            least: (most * LEAST_SHARE).max(1.0),
            limit: most,
            usual: None,
            window: Window::default(),
            trial: None,
        }
    }

    /// How many requests may be under way at once.
    pub fn limit(&self) -> usize {
        (self.limit as usize).max(1)
    }

    /// A request ended, and before it `quick` others that took no time to speak of.
    pub fn ended(&mut self, answer: Answer, quick: usize, now: Timestamp) {
        let window = &mut self.window;
        window.began.get_or_insert(now);
        window.answers += quick;
        window.took.extend(std::iter::repeat_n(0.0, quick.min(MIN_ANSWERS)));
        match answer {
            Answer::After(took) => {
                window.answers += 1;
                window.took.push(took.as_secs_f32());
            }
            Answer::Throttled => {
                window.answers += 1;
                window.throttled += 1;
            }
            Answer::Other => return,
        }
        if window.answers >= MIN_ANSWERS.max(self.limit() * ANSWERS_EACH) {
            self.close_window(now);
        }
    }

    fn close_window(&mut self, now: Timestamp) {
        let mut window = std::mem::take(&mut self.window);
        let elapsed = now.since(window.began.unwrap_or(now)).as_secs_f64();
        let rate = window.answers as f64 / elapsed.max(f64::MIN_POSITIVE);
        if window.throttled == window.answers {
            self.trial = None;
        } else if window.throttled as f64 > window.answers as f64 * THROTTLED_SHARE {
            self.trial = None;
            self.limit = (self.limit * WHEN_THROTTLED).max(self.least);
        } else if let Some(mean) = self.learn(&mut window.took) {
            self.judge(mean, rate);
        }
        window.took.clear();
        window.took.shrink_to(self.limit() * ANSWERS_EACH + MIN_ANSWERS);
        self.window = Window { took: window.took, began: Some(now), ..Window::default() };
    }

    /// The mean of a window; what the quickest of its answers took (but for a few freaks) is what is
    /// usual, if it is less than was known.
    fn learn(&mut self, took: &mut [f32]) -> Option<f64> {
        if took.is_empty() {
            return None;
        }
        let few = took.len() / 20;
        let (_, quickest, _) = took.select_nth_unstable_by(few, f32::total_cmp);
        let quickest = f64::from(*quickest);
        self.usual = Some(self.usual.map_or(quickest, |usual| usual.min(quickest)));
        Some(took.iter().map(|took| f64::from(*took)).sum::<f64>() / took.len() as f64)
    }

    fn judge(&mut self, mean: f64, rate: f64) {
        match self.trial {
            Some(trial) if !trial.settled => {
                self.trial = Some(Trial { settled: true, ..trial });
                return;
            }
            Some(trial) => {
                self.trial = None;
                if rate < trial.rate_before * KEPT_RATE {
                    self.limit = trial.limit_before;
                    self.usual = Some(mean);
                    return;
                }
            }
            None => {}
        }
        let usual = self.usual.unwrap_or(mean);
        if mean > usual * SLOW_FACTOR + SLOW_SECONDS && self.limit > self.least {
            self.trial =
                Some(Trial { limit_before: self.limit, rate_before: rate, settled: false });
            self.limit = (self.limit * WHEN_SLOW).max(self.least);
        } else {
            self.limit = (self.limit + (self.limit * RISE).max(1.0)).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::time::Duration;

    use crate::delivery::adaptive::Adaptive;
    use crate::delivery::adaptive::Answer;
    use crate::delivery::clock::Timestamp;

    /// A receiver that works on `places` requests at a time, the others queue; each takes
    /// `service`, a fifth more or less.
    struct Receiver {
        places: usize,
        service: f64,
    }

    #[derive(Debug, Default)]
    struct Course {
        answers_a_second: f64,
        mean_seconds: f64,
        lowest_limit: usize,
    }

    /// Senders as many as allowed, each with its next request as soon as the last one is
    /// answered; what they saw in the second half of that time.
    fn run(
        adaptive: Option<&mut Adaptive>,
        most: usize,
        receiver: &Receiver,
        seconds: f64,
    ) -> Course {
        let mut dice = fastrand::Rng::with_seed(1);
        let mut free: BinaryHeap<Reverse<u64>> = (0..receiver.places).map(|_| Reverse(0)).collect();
        let mut under_way: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
        let (mut now, mut answers, mut total) = (0_u64, 0_u64, 0.0);
        let end = (seconds * 1e6) as u64;
        let mut fixed = Adaptive::new(most);
        let adapts = adaptive.is_some();
        let adaptive = adaptive.unwrap_or(&mut fixed);
        let mut lowest_limit = most;
        while now < end {
            let limit = if adapts { adaptive.limit() } else { most };
            lowest_limit = lowest_limit.min(limit);
            while under_way.len() < limit {
                let Reverse(place_free) = free.pop().unwrap_or_default();
                let takes = receiver.service * (0.8 + 0.4 * dice.f64());
                let done = place_free.max(now) + (takes * 1e6) as u64;
                free.push(Reverse(done));
                under_way.push(Reverse((done, now)));
            }
            let Some(Reverse((done, began))) = under_way.pop() else { break };
            now = done;
            let took = Duration::from_micros(done - began);
            adaptive.ended(Answer::After(took), 0, Timestamp::from_micros(now as i64));
            if now > end / 2 {
                answers += 1;
                total += took.as_secs_f64();
            }
        }
        Course {
            answers_a_second: answers as f64 / (seconds / 2.0),
            mean_seconds: total / answers.max(1) as f64,
            lowest_limit,
        }
    }

    #[test]
    fn a_receiver_with_a_knee_is_kept_busy_but_not_queued_up() {
        for (places, most) in [(16, 64), (4, 32), (32, 256), (10, 128)] {
            let receiver = Receiver { places, service: 0.05 };
            let best = run(None, most, &receiver, 60.0);
            let mut adaptive = Adaptive::new(most);
            let found = run(Some(&mut adaptive), most, &receiver, 60.0);
            assert!(found.answers_a_second >= 0.9 * best.answers_a_second, "{found:?} {best:?}");
            assert!(found.mean_seconds < 0.15, "{places} of {most}: {found:?} {best:?}");
            assert!(found.mean_seconds < best.mean_seconds / 1.5, "{found:?} {best:?}");
        }
    }

    #[test]
    fn a_receiver_that_answers_all_alike_is_never_slowed_down() {
        for service in [0.0002, 0.005, 0.05, 1.0] {
            let receiver = Receiver { places: 10_000, service };
            let mut adaptive = Adaptive::new(256);
            let found = run(Some(&mut adaptive), 256, &receiver, 30.0 * service.max(0.01));
            assert_eq!(found.lowest_limit, 256, "{service}: {found:?}");
        }
    }

    #[test]
    fn a_receiver_that_gets_slower_by_itself_keeps_its_share() {
        let mut adaptive = Adaptive::new(64);
        run(Some(&mut adaptive), 64, &Receiver { places: 1000, service: 0.05 }, 10.0);
        let slower = Receiver { places: 1000, service: 0.4 };
        let best = run(None, 64, &slower, 60.0);
        let found = run(Some(&mut adaptive), 64, &slower, 60.0);
        assert!(found.answers_a_second >= 0.95 * best.answers_a_second, "{found:?} {best:?}");
        assert_eq!(adaptive.limit(), 64);
    }

    #[test]
    fn a_receiver_that_gets_more_room_is_used_more() {
        let mut adaptive = Adaptive::new(128);
        run(Some(&mut adaptive), 128, &Receiver { places: 8, service: 0.05 }, 60.0);
        assert!(adaptive.limit() < 64, "{}", adaptive.limit());
        run(Some(&mut adaptive), 128, &Receiver { places: 1000, service: 0.05 }, 30.0);
        assert_eq!(adaptive.limit(), 128);
    }

    #[test]
    fn throttling_lowers_the_limit_at_once_and_quiet_raises_it_again() {
        let mut adaptive = Adaptive::new(32);
        let mut now = Timestamp::from_micros(0);
        let mut answer = |adaptive: &mut Adaptive, answers: &[Answer], count| {
            for answer in answers.iter().cycle().take(count) {
                now = now + Duration::from_millis(2);
                adaptive.ended(*answer, 0, now);
            }
        };
        let fine = Answer::After(Duration::from_millis(50));
        answer(&mut adaptive, &[fine], 640);
        assert_eq!(adaptive.limit(), 32);
        answer(&mut adaptive, &[fine, Answer::Throttled, Answer::Throttled], 200);
        assert!(adaptive.limit() < 20, "{}", adaptive.limit());
        answer(&mut adaptive, &[fine, Answer::Throttled], 10_000);
        assert_eq!(adaptive.limit(), 4);
        answer(&mut adaptive, &[Answer::Other], 1_000);
        assert_eq!(adaptive.limit(), 4);
        answer(&mut adaptive, &[fine], 2_000);
        assert_eq!(adaptive.limit(), 32);
        // Nothing gets through: that is no matter of how many at once.
        answer(&mut adaptive, &[Answer::Throttled], 10_000);
        assert!(adaptive.limit() >= 20, "{}", adaptive.limit());
    }

    #[test]
    fn a_few_throttled_among_many_quick_ones_change_nothing() {
        let mut adaptive = Adaptive::new(32);
        for round in 0..1000 {
            adaptive.ended(Answer::Throttled, 20, Timestamp::from_millis(round));
        }
        assert_eq!(adaptive.limit(), 32);
    }
}
