//! How far a request got: what the resolver, the connector and the connection of one sender note,
//! and what the client reads to say which kind of failure it was.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Phase;

/// The smallest output buffer. It grows with the requests, so that each is sent in one write.
const MIN_OUTPUT_BYTES: usize = 1024;

/// The largest output buffer, if the head of a request does not need more.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// What the client adds to a head of its own accord, and encryption to everything, at most.
const OUTPUT_MARGIN: usize = 512;

/// How far the current request of one sender got. Only that sender's thread reads and writes it; the
/// client's traits want it shareable all the same.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The place of the phase in [`PHASES`].
    phase: AtomicU8,
    fresh_connection: AtomicBool,
    answered: AtomicBool,
    output_bytes: AtomicUsize,
    trouble: Mutex<Option<(FailureKind, String)>>,
    /// Set once, when the engine stops and must not wait for answers.
    pub(crate) cut: Arc<AtomicBool>,
}

const PHASES: [Phase; 5] =
    [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Send, Phase::Receive];

impl Trace {
    pub(crate) fn new(cut: Arc<AtomicBool>) -> Self {
        Self {
            phase: AtomicU8::new(0),
            fresh_connection: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            output_bytes: AtomicUsize::new(MIN_OUTPUT_BYTES),
            trouble: Mutex::new(None),
            cut,
        }
    }

    /// A new request begins, with a head and a body of about these sizes.
    pub(crate) fn begin(&self, head_bytes: usize, body_bytes: usize) {
        let whole = (head_bytes + body_bytes).min(MAX_OUTPUT_BYTES);
        let wanted = whole.max(head_bytes).max(MIN_OUTPUT_BYTES) + OUTPUT_MARGIN;
        self.output_bytes.store(wanted, Relaxed);
        // Kept-alive connections go straight to sending.
        self.enter(Phase::Send);
        self.fresh_connection.store(false, Relaxed);
        self.answered.store(false, Relaxed);
    }

    /// The output buffer that the request wants.
    pub(crate) fn output_bytes(&self) -> usize {
        self.output_bytes.load(Relaxed)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        PHASES.get(usize::from(self.phase.load(Relaxed))).copied().unwrap_or(Phase::Receive)
    }

    /// There was no kept-alive connection, so a new one is being opened.
    pub(crate) fn opens_connection(&self) {
        self.enter(Phase::Connect);
        self.fresh_connection.store(true, Relaxed);
    }

    /// Everything is sent. While encryption is being agreed on, that stays the phase.
    pub(crate) fn awaits_answer(&self) {
        if self.phase() == Phase::Send {
            self.enter(Phase::Receive);
        }
    }

    /// Something came in.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }

    /// Whether a kept-alive connection was used and died before it brought a single byte.
    pub(crate) fn was_stale(&self) -> bool {
        !self.fresh_connection.load(Relaxed)
            && !self.answered.load(Relaxed)
            && self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Our own resolver or connector found this, which says more than an error of the client.
    pub(crate) fn note_trouble(&self, kind: FailureKind, message: impl Into<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Some((kind, message.into()));
    }

    /// What was noted, which is taken out: a request that failed leaves nothing to the next one.
    pub(crate) fn take_trouble(&self) -> Option<(FailureKind, String)> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
