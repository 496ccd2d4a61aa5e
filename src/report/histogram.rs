//! Durations, counted by size: exact enough for percentiles, without a lock or an allocation.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::report::count;

/// How many events took at least so long, and less than that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyCount {
    /// The shortest latency that counts here.
    pub from: Duration,
    /// The shortest latency that doesn't count here any more.
    pub up_to: Duration,
    /// How many there were.
    pub count: u64,
}

/// Durations counted in buckets whose width is at most 1/32 of their value, in microseconds.
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
}

/// Buckets an octave; their half width bounds the error at 1.6 %.
const SUB_BUCKETS: u64 = 32;
const SUB_BUCKET_BITS: u32 = SUB_BUCKETS.trailing_zeros();
/// Octaves above the first, exact ones: up to 2^41 µs, about 25 days.
const OCTAVES: usize = 36;
const BUCKETS: usize = (OCTAVES + 1) * (1 << SUB_BUCKET_BITS);
/// Buckets that are one bar of a plot: four bars an octave, so that a plot over minutes stays small.
const BUCKETS_OF_A_BAR: usize = 8;

impl Histogram {
    pub(crate) fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(micros)].fetch_add(1, Relaxed);
    }

    /// The duration that this share of all recorded ones does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        quantile(&self.counts(), share)
    }

    /// The counts for a plot, without a gap from the first bar that has some to the last.
    pub(crate) fn bars(&self) -> Vec<LatencyCount> {
        let counts = self.counts();
        let mut bars: Vec<LatencyCount> = counts
            .chunks(BUCKETS_OF_A_BAR)
            .enumerate()
            .map(|(bar, counts)| LatencyCount {
                from: Duration::from_micros(low_of(bar * BUCKETS_OF_A_BAR)),
                up_to: Duration::from_micros(low_of((bar + 1) * BUCKETS_OF_A_BAR)),
                count: counts.iter().sum(),
            })
            .collect();
        let is_used = |bar: &LatencyCount| bar.count > 0;
        bars.truncate(bars.iter().rposition(is_used).map_or(0, |last| last + 1));
        bars.drain(..bars.iter().position(is_used).unwrap_or(0));
        bars
    }

    /// The count of each bucket.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect()
    }
}

/// The duration that this share of all counted ones does not exceed.
pub(crate) fn quantile(counts: &[u64], share: f64) -> Option<Duration> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count is a count"
    )]
    let rank = ((count(total) * share).ceil() as u64).clamp(1, total);
    let mut seen = 0;
    let index = counts.iter().position(|count| {
        seen += count;
        seen >= rank
    })?;
    Some(Duration::from_micros(middle_of(index)))
}

/// How many are not longer than this.
pub(crate) fn count_up_to(counts: &[u64], limit: Duration) -> u64 {
    let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    let up_to = counts.iter().enumerate().filter(|(index, _)| middle_of(*index) <= limit);
    up_to.map(|(_, count)| count).sum()
}

/// All of them together.
pub(crate) fn sum(counts: &[u64]) -> Duration {
    let sums =
        counts.iter().enumerate().map(|(index, count)| middle_of(index).saturating_mul(*count));
    Duration::from_micros(sums.fold(0, u64::saturating_add))
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({:?})", self.quantile(0.5))
    }
}

fn bucket_of(micros: u64) -> usize {
    let octave =
        u64::from((u64::BITS - micros.leading_zeros()).saturating_sub(SUB_BUCKET_BITS + 1));
    let index = if micros < SUB_BUCKETS {
        micros
    } else {
        (octave + 1) * SUB_BUCKETS + (micros >> octave) - SUB_BUCKETS
    };
    usize::try_from(index).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

fn middle_of(index: usize) -> u64 {
    let octave = (index as u64 / SUB_BUCKETS).saturating_sub(1);
    low_of(index) + (1 << octave) / 2
}

/// The smallest value that counts in a bucket.
fn low_of(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB_BUCKETS {
        return index;
    }
    let octave = index / SUB_BUCKETS - 1;
    (index % SUB_BUCKETS + SUB_BUCKETS) << octave
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::report::histogram::BUCKETS;
    use crate::report::histogram::Histogram;
    use crate::report::histogram::bucket_of;
    use crate::report::histogram::middle_of;

    #[test]
    fn a_bucket_is_never_more_than_three_percent_off() {
        let mut micros = 1_u64;
        while micros < 1 << 40 {
            for value in [micros, micros + micros / 3, micros * 2 - 1] {
                let shown = middle_of(bucket_of(value));
                assert!(shown.abs_diff(value) * 100 <= value * 3, "{value} shows as {shown}");
            }
            micros *= 2;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn bars_hold_every_duration_between_their_ends_and_follow_each_other() {
        let durations = [0, 3, 31, 32, 900, 5_000_000, 14_400_000_000].map(Duration::from_micros);
        for (at, shortest) in durations.iter().enumerate() {
            let histogram = Histogram::default();
            assert!(histogram.bars().is_empty());
            durations[at..].iter().for_each(|duration| histogram.record(*duration));
            let bars = histogram.bars();
            assert_eq!(
                bars.iter().map(|bar| bar.count).sum::<u64>(),
                (durations.len() - at) as u64
            );
            assert!(bars[0].from <= *shortest && *shortest < bars[0].up_to, "{bars:?}");
            assert!(bars.windows(2).all(|pair| pair[0].up_to == pair[1].from), "{bars:?}");
            assert!(bars.iter().all(|bar| bar.from < bar.up_to && bar.count <= 3));
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for value in 0..100_000 {
            let bucket = bucket_of(value);
            assert!(bucket == last || bucket == last + 1, "{value}");
            last = bucket;
        }
    }
}
