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

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;
use std::ops::Sub;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

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

/// What a thread waits on: rung by another thread, or by its deadline. Belongs to one clock and
/// is waited on by one thread at a time.
#[derive(Debug, Default)]
pub struct Waker {
    rung: Mutex<bool>,
    changed: Condvar,
    id: Mutex<Option<u64>>,
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

/// A clock for tests, whose time passes only when it is told to. Cheap to clone; clones share
/// the time.
///
/// ```
/// use std::time::Duration;
/// use webhook_stream::delivery::clock::{Clock, VirtualClock};
///
/// let clock = VirtualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_hours(4));
/// assert_eq!(clock.now().since(before), Duration::from_hours(4));
/// ```
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    wall_ahead_micros: i64,
    held: usize,
    next_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    rung_early: Vec<u64>,
}

#[derive(Debug)]
struct Waiting {
    deadline: Option<Timestamp>,
    woken: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: VirtualClock::START,
            wall_ahead_micros: 0,
            held: 0,
            next_id: 0,
            waiting: BTreeMap::new(),
            rung_early: Vec::new(),
        }
    }
}

impl VirtualClock {
    /// Where every virtual clock starts: 2026-01-01 00:00:00 UTC.
    pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// A clock that stands at [`VirtualClock::START`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass, from one due time to the next, and waits at each until all engines on this
    /// clock rest: every request that is due has been answered and what follows is decided.
    pub fn advance(&self, time: Duration) {
        let mut state = self.rest(lock(&self.shared.state));
        let target = state.now + time;
        while let Some(due) = state.next_due().filter(|due| *due <= target) {
            self.move_to(&mut state, due);
            state = self.rest(state);
        }
        self.move_to(&mut state, target);
        drop(self.rest(state));
    }

    /// Sets the wall clock forward (or back, when negative) without time passing, as a person or
    /// a time server does.
    pub fn set_wall_ahead(&self, milliseconds: i64) {
        lock(&self.shared.state).wall_ahead_micros = milliseconds.saturating_mul(1000);
    }

    /// Waits until nothing is held any more.
    fn rest<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.held > 0 {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn move_to(&self, state: &mut State, time: Timestamp) {
        state.now = state.now.max(time);
        let now = state.now;
        for waiting in state.waiting.values_mut() {
            if !waiting.woken && waiting.deadline.is_some_and(|deadline| deadline <= now) {
                waiting.woken = true;
                state.held += 1;
            }
        }
        self.shared.changed.notify_all();
    }
}

impl State {
    fn next_due(&self) -> Option<Timestamp> {
        let asleep = self.waiting.values().filter(|waiting| !waiting.woken);
        asleep.filter_map(|waiting| waiting.deadline).min()
    }

    fn id_of(&mut self, waker: &Waker) -> u64 {
        *lock(&waker.id).get_or_insert_with(|| {
            self.next_id += 1;
            self.next_id
        })
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        lock(&self.shared.state).now
    }

    fn wall(&self) -> Timestamp {
        let state = lock(&self.shared.state);
        Timestamp(state.now.0.saturating_add(state.wall_ahead_micros))
    }

    fn wait(&self, waker: &Waker, deadline: Option<Timestamp>) {
        let mut state = lock(&self.shared.state);
        let id = state.id_of(waker);
        if let Some(at) = state.rung_early.iter().position(|early| *early == id) {
            state.rung_early.swap_remove(at);
            return;
        }
        if deadline.is_some_and(|deadline| deadline <= state.now) {
            return;
        }
        state.waiting.insert(id, Waiting { deadline, woken: false });
        state.held = state.held.saturating_sub(1);
        self.shared.changed.notify_all();
        while state.waiting.get(&id).is_some_and(|waiting| !waiting.woken) {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.remove(&id);
    }

    fn ring(&self, waker: &Waker) {
        let mut state = lock(&self.shared.state);
        let id = state.id_of(waker);
        let asleep = state.waiting.get_mut(&id).filter(|waiting| !waiting.woken);
        if let Some(waiting) = asleep {
            waiting.woken = true;
            state.held += 1;
            self.shared.changed.notify_all();
        } else if !state.rung_early.contains(&id) {
            state.rung_early.push(id);
        }
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn hold(&self, pieces: usize) {
        lock(&self.shared.state).held += pieces;
    }

    fn release(&self, pieces: usize) {
        let mut state = lock(&self.shared.state);
        state.held = state.held.saturating_sub(pieces);
        if state.held == 0 {
            self.shared.changed.notify_all();
        }
    }

    fn assist(&self, slice: Duration, done: &dyn Fn() -> bool) -> bool {
        let deadline = instant() + slice;
        let mut state = lock(&self.shared.state);
        while state.held > 0 {
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() {
                return true;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if done() {
            return true;
        }
        let due = state.next_due();
        if let Some(due) = due {
            self.move_to(&mut state, due);
        }
        due.is_some()
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
