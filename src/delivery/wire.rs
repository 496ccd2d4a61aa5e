//! The connection under the HTTP client: what makes a request cheap and its budget certain.
//!
//! Against the client's own transport this one sends head and body in one write, asks whether a
//! kept-alive connection is still open only after it rested for a moment, sets socket time-outs
//! only when they are off by much, keeps small buffers, and notes in a [`Trace`] how far the
//! request got.

use std::fmt;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use ureq::Error;
use ureq::unversioned::transport::Buffers;
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::Transport;

use crate::delivery::clock::instant;
use crate::delivery::trace::Trace;

/// The input buffer at first; an answer to a webhook is short.
const INPUT_BYTES: usize = 4 * 1024;

/// The longest head of an answer that is read.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A connection that rested for less than this is used again without a look at it: receivers close
/// connections after seconds. Should it be closed all the same, the request goes out once more on
/// a fresh one.
const RESTED: Duration = Duration::from_millis(100);

/// A socket time-out is left alone while it is at most this much too long.
const TIMEOUT_SLACK: Duration = Duration::from_millis(100);

/// One open connection.
pub(crate) struct Wire {
    stream: Arc<TcpStream>,
    pages: Pages,
    trace: Arc<Trace>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Since when it has been waiting for the next request.
    idle: Option<Instant>,
}

impl Wire {
    pub(crate) fn new(stream: Arc<TcpStream>, trace: Arc<Trace>) -> Self {
        Self {
            stream,
            pages: Pages::default(),
            trace,
            read_timeout: None,
            write_timeout: None,
            idle: None,
        }
    }

    /// The socket, for whoever has to interrupt it.
    pub(crate) fn socket(&self) -> Arc<TcpStream> {
        Arc::clone(&self.stream)
    }

    /// Writes what has been put by. Called when the answer is waited for, or the buffer is full.
    fn flush(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        if self.pages.written == 0 {
            return Ok(());
        }
        let mut at = 0;
        let mut deadline = None;
        let mut left = budget_of(timeout);
        while at < self.pages.written {
            if off_by_much(self.write_timeout, left) {
                self.stream.set_write_timeout(left)?;
                self.write_timeout = left;
            }
            match (&*self.stream).write(&self.pages.output[at..self.pages.written]) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(amount) => at += amount,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    left = still_left(timeout, &mut deadline, left)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.pages.written = 0;
        Ok(())
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        if self.idle.is_some() || self.pages.output.is_empty() {
            // The first look at the buffers for a request.
            self.idle = None;
            let wanted = self.trace.output_bytes();
            self.pages.make_room(wanted);
        }
        &mut self.pages
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.pages.written += amount;
        if self.pages.output.len() == self.pages.written {
            self.flush(timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.flush(timeout)?;
        self.trace.awaits_answer();
        let mut deadline = None;
        let mut left = budget_of(timeout);
        loop {
            if off_by_much(self.read_timeout, left) {
                self.stream.set_read_timeout(left)?;
                self.read_timeout = left;
            }
            match (&*self.stream).read(self.pages.input_append_buf()) {
                Ok(amount) => {
                    self.pages.input_appended(amount);
                    if amount > 0 {
                        self.trace.answered();
                    }
                    return Ok(amount > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted || is_timeout(&error) => {
                    left = still_left(timeout, &mut deadline, left)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asked right after an answer, when there is nothing to find out yet, and again before the
    /// next request: then, if that comes later, one look tells whether the peer has closed, or sent
    /// what nobody asked for and the next answer must not be taken from.
    fn is_open(&mut self) -> bool {
        if self.trace.cut.load(Relaxed) {
            return false;
        }
        if let Some(since) = self.idle {
            return since.elapsed() < RESTED || is_quiet(&self.stream);
        }
        self.idle = Some(instant());
        self.pages.shrink();
        true
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({:?})", self.stream.peer_addr().ok())
    }
}

/// The buffers of one connection. What is to be written collects in `output[..written]`.
#[derive(Default)]
struct Pages {
    output: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    start: usize,
    end: usize,
    progress: bool,
}

impl Pages {
    fn make_room(&mut self, output_bytes: usize) {
        if self.output.len() < output_bytes {
            self.output.resize(output_bytes, 0);
        }
        if self.input.is_empty() {
            self.input.resize(INPUT_BYTES, 0);
        }
    }

    /// Gives back what one long answer needed.
    fn shrink(&mut self) {
        if self.input.len() > INPUT_BYTES && self.start == self.end {
            self.input = Vec::new();
            self.start = 0;
            self.end = 0;
        }
    }
}

impl Buffers for Pages {
    fn output(&mut self) -> &mut [u8] {
        &mut self.output[self.written..]
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.input.len() {
            // Beyond the longest head, so that the client sees that the limit is passed.
            let size = (self.input.len() * 2).min(MAX_HEAD_BYTES + INPUT_BYTES);
            self.input.resize(size.max(self.end + 1), 0);
        }
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.start += amount;
    }

    /// The scratch half is only used for chunked requests, which are never sent.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.output[self.written..])
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.progress
    }
}

/// When the budget is over.
pub(crate) fn deadline_of(timeout: NextTimeout) -> Option<Instant> {
    budget_of(timeout).map(|left| instant() + left)
}

fn budget_of(timeout: NextTimeout) -> Option<Duration> {
    // Zero would mean "for ever" to a socket.
    let floor = Duration::from_millis(1);
    (!timeout.after.is_not_happening()).then(|| (*timeout.after).max(floor))
}

/// Whether a socket time-out must be set anew: much too long is a broken promise, too short only
/// an early look at the clock.
fn off_by_much(set: Option<Duration>, wanted: Option<Duration>) -> bool {
    match (set, wanted) {
        (Some(set), Some(wanted)) => set > wanted + TIMEOUT_SLACK || set < wanted / 2,
        (None, None) => false,
        _ => true,
    }
}

/// What is left of the budget after a socket time-out, which may have come early.
fn still_left(
    timeout: NextTimeout,
    deadline: &mut Option<Instant>,
    waited: Option<Duration>,
) -> Result<Option<Duration>, Error> {
    // The first time-out of a call says how long it has waited at least; from then on the clock
    // is read.
    let deadline = match (*deadline, budget_of(timeout), waited) {
        (Some(deadline), ..) => deadline,
        (None, Some(budget), Some(waited)) => {
            let rest = budget.saturating_sub(waited);
            *deadline.insert(instant() + rest)
        }
        _ => return Ok(None),
    };
    let left = deadline.saturating_duration_since(instant());
    if left.is_zero() { Err(Error::Timeout(timeout.reason)) } else { Ok(Some(left)) }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Whether a kept-alive connection is open and nothing came in on it.
#[cfg(unix)]
fn is_quiet(stream: &TcpStream) -> bool {
    use rustix::net::RecvFlags;

    let mut byte = [0_u8];
    let looked = rustix::net::recv(stream, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    matches!(looked, Err(rustix::io::Errno::AGAIN))
}

#[cfg(not(unix))]
fn is_quiet(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0_u8]));
    let quiet = looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    quiet && stream.set_nonblocking(false).is_ok()
}
