//! The time, and waiting for it. The only file that asks the machine what time it is.
//!
//! An engine lives on one [`Clock`]. [`SystemClock`] is the real one; [`VirtualClock`] is for
//! tests: its time stands still until it is advanced, and it is advanced from due time to due
//! time, with a rest at each one until nothing is left to do there. So a schedule of four hours
//! runs in milliseconds, against real sockets.
//!
//! Two readings are kept apart. [`Clock::now`] is steady: it starts as the wall clock stood when
//! the clock was made and then only follows time that really passed, so a wall clock that is set
//! forward causes no burst and one set back no pause. [`Clock::wall`] is the wall clock, for
//! signatures and dates that others read.

mod virtual_clock;

use std::fmt;
use std::ops::Add;
use std::ops::Sub;
use std::str::FromStr;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

pub use crate::delivery::clock::virtual_clock::VirtualClock;

/// A point in time: microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point that many milliseconds after 1970 began in UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// The point that many microseconds after 1970 began in UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Whole milliseconds since 1970 began in UTC, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Microseconds since 1970 began in UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 began in UTC, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` to this point; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0))
            .map_or(Duration::ZERO, Duration::from_micros)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// ISO 8601 in UTC with milliseconds: `2026-11-23T09:41:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.as_millis()) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.as_millis()),
        }
    }
}

/// ISO 8601: a point in time with its zone, or a date or date and time in UTC.
impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(time.as_microsecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().map_err(|_| NotATime)?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| NotATime)?;
        Ok(Self(zoned.timestamp().as_microsecond()))
    }
}

/// A text is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a time such as 2026-11-23T09:00:00Z")
    }
}

impl std::error::Error for NotATime {}

/// What a thread waits on: rung by another thread, or by its deadline. Belongs to one clock and
/// is waited on by one thread at a time.
#[derive(Debug, Default)]
pub struct Waker {
    pub(crate) rung: Mutex<bool>,
    changed: Condvar,
    /// Its number on a virtual clock.
    pub(crate) id: Mutex<Option<u64>>,
}

impl Waker {
    /// A waker that nobody has rung.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Where an engine gets the time, and where its threads wait for it.
///
/// Work is *held*: every piece of work on hand, and every thread that is about to look for work,
/// counts as one hold. [`Clock::wait`] gives its caller's hold back for as long as it waits. When
/// nothing is held, an invented clock may move on. A real clock ignores holds.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now, steady: never set back or forward by anybody.
    fn now(&self) -> Timestamp;

    /// What the wall clock shows.
    fn wall(&self) -> Timestamp;

    /// Waits until the waker is rung or the deadline has come, whichever is first. A ring that
    /// came before the wait ends it at once. The caller must have one hold.
    fn wait(&self, waker: &Waker, deadline: Option<Timestamp>);

    /// Ends the wait on this waker, or the next one if nobody is waiting.
    fn ring(&self, waker: &Waker);

    /// Work came into being.
    fn hold(&self, _pieces: usize) {}

    /// Work is done.
    fn release(&self, _pieces: usize) {}

    /// Whether holds matter, because time waits for work.
    fn is_virtual(&self) -> bool {
        false
    }

    /// For a caller who is blocked until engines get on: an invented clock waits at most `slice`
    /// of real time for all engines to rest and then, unless what the caller waits for is `done`,
    /// moves on to the next due time. False when there is none; a real clock does nothing. True:
    /// the caller should look again.
    fn assist(&self, _slice: Duration, _done: &dyn Fn() -> bool) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    anchor: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// A clock that shows the wall clock's time now and is steady from here on.
    pub fn new() -> Self {
        Self { anchor: wall_time(), started: instant() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.anchor + self.started.elapsed()
    }

    fn wall(&self) -> Timestamp {
        wall_time()
    }

    fn wait(&self, waker: &Waker, deadline: Option<Timestamp>) {
        let mut rung = lock(&waker.rung);
        while !*rung {
            rung = match deadline {
                None => waker.changed.wait(rung).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.since(self.now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = waker.changed.wait_timeout(rung, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *rung = false;
    }

    fn ring(&self, waker: &Waker) {
        *lock(&waker.rung) = true;
        waker.changed.notify_all();
    }
}

/// A real point in time, for socket deadlines and for how long the machine itself took.
#[expect(clippy::disallowed_methods, reason = "this is the file that reads the time")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the time")]
fn wall_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(0) + since_epoch
}

/// A panic elsewhere while the lock was held leaves nothing half-done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use crate::delivery::clock::Clock;
    use crate::delivery::clock::SystemClock;
    use crate::delivery::clock::Timestamp;
    use crate::delivery::clock::VirtualClock;
    use crate::delivery::clock::Waker;

    #[test]
    fn a_timestamp_prints_as_iso_8601() {
        assert_eq!(VirtualClock::START.to_string(), "2026-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(-1).as_seconds(), -1);
    }

    #[test]
    fn a_virtual_waiter_is_woken_at_its_due_time_and_not_before() {
        let clock = VirtualClock::new();
        clock.hold(1);
        let sleeper = {
            let clock = clock.clone();
            thread::spawn(move || {
                let waker = Waker::new();
                let mut woken_at = Vec::new();
                for hours in 1..=3 {
                    clock.wait(&waker, Some(VirtualClock::START + Duration::from_hours(hours)));
                    woken_at.push(clock.now().since(VirtualClock::START));
                }
                clock.release(1);
                woken_at
            })
        };
        clock.advance(Duration::from_mins(30));
        clock.advance(Duration::from_hours(5));
        let expected: Vec<Duration> = (1..=3).map(Duration::from_hours).collect();
        assert_eq!(sleeper.join().unwrap_or_default(), expected);
    }

    #[test]
    fn a_ring_before_the_wait_is_not_lost() {
        for clock in [&VirtualClock::new() as &dyn Clock, &SystemClock::new()] {
            let waker = Waker::new();
            clock.hold(1);
            clock.ring(&waker);
            clock.wait(&waker, None);
            clock.wait(&waker, Some(clock.now()));
        }
    }

    #[test]
    fn a_ring_ends_a_wait() {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let waker = Arc::new(Waker::new());
        clock.hold(1);
        let waiter = {
            let (clock, waker) = (Arc::clone(&clock), Arc::clone(&waker));
            thread::spawn(move || clock.wait(&waker, None))
        };
        clock.ring(&waker);
        assert!(waiter.join().is_ok());
    }

    #[test]
    fn setting_the_wall_clock_does_not_move_the_steady_time() {
        let clock = VirtualClock::new();
        clock.set_wall_ahead(3_600_000);
        assert_eq!(clock.now(), VirtualClock::START);
        assert_eq!(clock.wall(), VirtualClock::START + Duration::from_hours(1));
    }
}
