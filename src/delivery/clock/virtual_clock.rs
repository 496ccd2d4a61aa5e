//! Time that passes only when it is told to, and waits for work to be done before it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::Waker;
use crate::delivery::clock::instant;
use crate::delivery::clock::lock;

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
        Timestamp::from_micros(state.now.as_micros().saturating_add(state.wall_ahead_micros))
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
