//! Events of a caller who may not have the next one for a while, such as a loop over a message queue.
//!
//! The caller puts them into an [`Inbox`], and a thread beside it hands on what is there as soon as it
//! has handed on what came before. So no event waits for the one behind it, and many that come at
//! once are accepted together.

use std::io;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use crate::delivery::EngineError;
use crate::pipeline::ahead::beside;
use crate::pipeline::run::Confirmed;
use crate::pipeline::run::Progress;
use crate::pipeline::run::Run;

/// What may wait to be handed on; one event may go over the limit.
const MAX_EVENTS: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// Texts of events, one behind the other in memory that is used again.
#[derive(Debug, Default)]
pub struct EventTexts {
    text: String,
    ends: Vec<usize>,
}

impl EventTexts {
    /// One more event, whose JSON text `write` appends to what it is given.
    ///
    /// # Errors
    /// Those of `write`; then nothing is added.
    pub fn push<E>(&mut self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let before = self.text.len();
        let written = write(&mut self.text);
        match &written {
            Ok(()) => self.ends.push(self.text.len()),
            Err(_) => self.text.truncate(before),
        }
        written
    }

    /// The texts in order.
    pub fn texts(&self) -> Vec<&str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end]).collect()
    }

    fn take(&mut self, others: &mut Self) {
        let before = self.text.len();
        self.text.push_str(&others.text);
        self.ends.extend(others.ends.iter().map(|end| before + end));
        others.clear();
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// Where a caller puts events.
#[derive(Debug, Default)]
pub struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: EventTexts,
    /// Whether events were taken out that are not handed on yet.
    handing_on: bool,
    /// Whether the caller puts nothing in any more.
    closed: bool,
    /// Whether what waits is not to be handed on.
    stopped: bool,
    /// Whether nothing is taken out any more.
    over: bool,
}

impl Inbox {
    /// Puts events in, whether there is room or not, and takes them out of `events`. False: nobody
    /// takes them any more.
    pub fn put(&self, events: &mut EventTexts) -> bool {
        let mut state = self.lock();
        if state.over {
            return false;
        }
        let was_empty = state.waiting.ends.is_empty();
        state.waiting.take(events);
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
        true
    }

    /// Waits until there is room for more, at most so long; whether there is, or nobody takes any.
    pub fn wait_for_room(&self, limit: Duration) -> bool {
        self.wait(limit, State::has_room)
    }

    /// Waits until all is handed on, at most so long; whether it is, or nobody does that any more.
    pub fn wait_until_done(&self, limit: Duration) -> bool {
        self.wait(limit, State::is_done)
    }

    /// What is in it is not handed on any more.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn wait(&self, limit: Duration, until: fn(&State) -> bool) -> bool {
        let state = self.lock();
        if limit.is_zero() {
            return until(&state);
        }
        let waited = self.changed.wait_timeout_while(state, limit, |state| !until(state));
        until(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// What came since, once there is anything; false at the end.
    fn take_out(&self, into: &mut EventTexts) -> bool {
        into.clear();
        let state = self.lock();
        let idle =
            |state: &mut State| state.waiting.ends.is_empty() && !state.closed && !state.stopped;
        let waited = self.changed.wait_while(state, idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopped || state.waiting.ends.is_empty() {
            return false;
        }
        std::mem::swap(&mut state.waiting, into);
        state.handing_on = true;
        drop(state);
        self.changed.notify_all();
        true
    }

    fn handed_on(&self) {
        self.lock().handing_on = false;
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.over || (self.waiting.ends.len() < MAX_EVENTS && self.waiting.text.len() < MAX_BYTES)
    }

    fn is_done(&self) -> bool {
        self.over || (self.waiting.ends.is_empty() && !self.handing_on)
    }
}

/// Ends an inbox whatever happens, so that nobody waits for ever.
struct Ending<'a>(&'a Inbox, fn(&Inbox));

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.1(self.0);
    }
}

impl Run {
    /// Sends the events that `caller` puts into the inbox it is given, while it goes on. Returns
    /// when all of them are accepted, what `caller` gave and how it ended; to be stopped meanwhile,
    /// `caller` waits itself until the inbox is done, or stops it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn feed_beside<T>(
        &self,
        confirmed: Confirmed,
        caller: impl FnOnce(&Inbox) -> T,
    ) -> io::Result<(T, Result<Progress, EngineError>)> {
        let inbox = Inbox::default();
        let hand_on = || {
            let _ending = Ending(&inbox, Inbox::end);
            let mut events = EventTexts::default();
            while inbox.take_out(&mut events) {
                let go_on = || !inbox.is_stopped();
                let sent = self.send_all(&events.texts(), confirmed, &go_on, &mut 0);
                inbox.handed_on();
                if sent? == Progress::Stopped {
                    return Ok(Progress::Stopped);
                }
            }
            Ok(if inbox.is_stopped() { Progress::Stopped } else { Progress::Done })
        };
        beside(hand_on, || {
            let _closing = Ending(&inbox, Inbox::close);
            caller(&inbox)
        })
    }
}
