//! How far a request got: what the resolver, the connector and the connection of one sender note,
//! and what the client reads to say which kind of failure it was.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Phase;

/// The smallest output buffer. It grows with the requests, so that each is sent in one write.
const MIN_OUTPUT_BYTES: usize = 1024;

/// The largest output buffer, if the head of a request does not need more.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// What the client adds to a head of its own accord, and encryption to everything, at most.
const OUTPUT_MARGIN: usize = 512;

/// How far the current request of one sender got.
#[derive(Debug)]
pub(crate) struct Trace {
    state: Mutex<State>,
    /// Set once, when the engine stops and must not wait for answers.
    pub(crate) cut: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    fresh_connection: bool,
    answered: bool,
    output_bytes: usize,
    trouble: Option<(FailureKind, String)>,
}

impl Trace {
    pub(crate) fn new(cut: Arc<AtomicBool>) -> Self {
        let state = State {
            phase: Phase::Resolve,
            fresh_connection: false,
            answered: false,
            output_bytes: MIN_OUTPUT_BYTES,
            trouble: None,
        };
        Self { state: Mutex::new(state), cut }
    }

    /// A new request begins, with a head and a body of about these sizes.
    pub(crate) fn begin(&self, head_bytes: usize, body_bytes: usize) {
        let mut state = self.lock();
        let whole = (head_bytes + body_bytes).min(MAX_OUTPUT_BYTES);
        state.output_bytes = whole.max(head_bytes).max(MIN_OUTPUT_BYTES) + OUTPUT_MARGIN;
        // Kept-alive connections go straight to sending.
        state.phase = Phase::Send;
        state.fresh_connection = false;
        state.answered = false;
        state.trouble = None;
    }

    /// The output buffer that the request wants.
    pub(crate) fn output_bytes(&self) -> usize {
        self.lock().output_bytes
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// There was no kept-alive connection, so a new one is being opened.
    pub(crate) fn opens_connection(&self) {
        let mut state = self.lock();
        state.phase = Phase::Connect;
        state.fresh_connection = true;
    }

    /// Everything is sent. While encryption is being agreed on, that stays the phase.
    pub(crate) fn awaits_answer(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Send {
            state.phase = Phase::Receive;
        }
    }

    /// Something came in.
    pub(crate) fn answered(&self) {
        self.lock().answered = true;
    }

    /// Whether a kept-alive connection was used and died before it brought a single byte.
    pub(crate) fn was_stale(&self) -> bool {
        let state = self.lock();
        !state.fresh_connection && !state.answered && state.trouble.is_none()
    }

    /// Our own resolver or connector found this, which says more than an error of the client.
    pub(crate) fn note_trouble(&self, kind: FailureKind, message: impl Into<String>) {
        self.lock().trouble = Some((kind, message.into()));
    }

    pub(crate) fn take_trouble(&self) -> Option<(FailureKind, String)> {
        self.lock().trouble.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
