//! Waiting politely: the interpreter hears Ctrl-C, progress is shown and what happens is logged, while
//! the core works.

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
pub(in crate::python) const SIGNALS: Duration = Duration::from_millis(25);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(200);

/// How often log records are handed over.
const LOG: Duration = Duration::from_millis(100);

/// What shows progress, or logs: called with the interpreter attached.
pub(in crate::python) type Show<'s> = &'s (dyn Fn(Python<'_>) -> PyResult<()> + Sync);

/// Asked by the core whether to go on.
pub(in crate::python) struct Waiting<'s> {
    show: Option<Show<'s>>,
    log: Option<Show<'s>>,
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
    logged_at: Timestamp,
    error: Option<PyErr>,
}

impl<'s> Waiting<'s> {
    /// Waits with or without progress and log.
    pub(in crate::python) fn new(show: Option<Show<'s>>, log: Option<Show<'s>>) -> Self {
        let clock = SystemClock::new();
        let now = clock.now();
        let state = State { signals_at: now, progress_at: now, logged_at: now, error: None };
        let (thread, ended) = (thread::current().id(), AtomicBool::new(false));
        Self { show, log, clock, thread, ended, state: Mutex::new(state) }
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
        let (signals, progress, log) = {
            let mut state = self.lock();
            let signals = now.since(state.signals_at) >= SIGNALS;
            let progress = self.show.is_some() && now.since(state.progress_at) >= PROGRESS;
            let log = self.log.is_some() && now.since(state.logged_at) >= LOG;
            if signals {
                state.signals_at = now;
            }
            if progress {
                state.progress_at = now;
            }
            if log {
                state.logged_at = now;
            }
            (signals, progress, log)
        };
        if !signals && !progress && !log {
            return true;
        }
        let result = Python::attach(|py| {
            py.check_signals()?;
            if let Some(log) = self.log.filter(|_| log) {
                log(py)?;
            }
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
