//! Waiting politely: the interpreter hears Ctrl-C, and progress is shown, while the core works.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::prelude::*;

use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::delivery::clock::Timestamp;

/// How often signals are looked at: Ctrl-C must end a run within 200 ms.
const SIGNALS: Duration = Duration::from_millis(25);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(200);

/// What shows progress: called with the interpreter attached.
pub(in crate::python) type Show<'s> = &'s (dyn Fn(Python<'_>) -> PyResult<()> + Sync);

/// Asked by the core whether to go on.
pub(in crate::python) struct Waiting<'s> {
    show: Option<Show<'s>>,
    clock: SystemClock,
    /// Python tells of signals on its main thread only, so the core's threads leave the look at them
    /// to the thread that called.
    thread: ThreadId,
    ended: AtomicBool,
    state: Mutex<State>,
}

struct State {
    signals_at: Timestamp,
    progress_at: Timestamp,
    error: Option<PyErr>,
}

impl<'s> Waiting<'s> {
    /// Waits with or without progress.
    pub(in crate::python) fn new(show: Option<Show<'s>>) -> Self {
        let clock = SystemClock::new();
        let now = clock.now();
        let state = State { signals_at: now, progress_at: now, error: None };
        let (thread, ended) = (thread::current().id(), AtomicBool::new(false));
        Self { show, clock, thread, ended, state: Mutex::new(state) }
    }

    /// Whether to go on. Cheap when asked often; attaches to the interpreter now and then. Must be
    /// asked by the thread that made it, and may be asked by others.
    pub(in crate::python) fn go_on(&self) -> bool {
        if self.ended.load(Relaxed) {
            return false;
        }
        if thread::current().id() != self.thread {
            return true;
        }
        let now = self.clock.now();
        let (signals, progress) = {
            let mut state = self.lock();
            let signals = now.since(state.signals_at) >= SIGNALS;
            let progress = self.show.is_some() && now.since(state.progress_at) >= PROGRESS;
            if signals {
                state.signals_at = now;
            }
            if progress {
                state.progress_at = now;
            }
            (signals, progress)
        };
        if !signals && !progress {
            return true;
        }
        let result = Python::attach(|py| {
            py.check_signals()?;
            match self.show {
                Some(show) if progress => show(py),
                _ => Ok(()),
            }
        });
        match result {
            Ok(()) => true,
            Err(error) => {
                self.lock().error = Some(error);
                self.ended.store(true, Relaxed);
                false
            }
        }
    }

    /// Whether a signal or the progress display ended the waiting.
    pub(in crate::python) fn interrupted(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Whether the exception that ended the waiting is of that class.
    pub(in crate::python) fn error_is<E: pyo3::type_object::PyTypeInfo>(&self) -> bool {
        Python::attach(|py| {
            self.lock().error.as_ref().is_some_and(|error| error.is_instance_of::<E>(py))
        })
    }

    /// The exception that ended the waiting.
    pub(in crate::python) fn take_error(&self) -> Option<PyErr> {
        self.lock().error.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
