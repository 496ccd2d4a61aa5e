//! The connection under the HTTP client: what makes a request cheap and its budget certain.
//!
//! Against the client's own transport this one sends head and body in one write, asks once (not
//! twice) whether a kept-alive connection is still open, sets socket time-outs only when they are
//! off by much, keeps small buffers, can be interrupted while it connects, and remembers in a
//! [`Trace`] how far a request got, which decides what kind of failure it is.

use std::fmt;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::Buffers;
use ureq::unversioned::transport::ConnectionDetails;
use ureq::unversioned::transport::Connector;
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::ShutdownHandle;
use ureq::unversioned::transport::Transport;

use crate::delivery::address::AddressRules;
use crate::delivery::clock::instant;
use crate::delivery::names::FRESH;
use crate::delivery::names::NameError;
use crate::delivery::names::Names;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Phase;

/// The smallest output buffer. It grows with the requests, so that each is sent in one write.
const MIN_OUTPUT_BYTES: usize = 1024;

/// The largest output buffer, if the head of a request does not need more.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// What the client adds to a head of its own accord, and encryption to everything, at most.
const OUTPUT_MARGIN: usize = 512;

/// The input buffer at first; an answer to a webhook is short.
const INPUT_BYTES: usize = 4 * 1024;

/// The longest head of an answer that is read.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A socket time-out is left alone while it is at most this much too long.
const TIMEOUT_SLACK: Duration = Duration::from_millis(100);

/// How often a connecting sender looks whether it should stop.
const CONNECT_SLICE: Duration = Duration::from_millis(50);

/// How far the current request of one sender got.
#[derive(Debug)]
pub(crate) struct Trace {
    state: Mutex<TraceState>,
    /// Set once, when the engine stops and must not wait for answers.
    pub(crate) cut: Arc<AtomicBool>,
}

#[derive(Debug)]
struct TraceState {
    phase: Phase,
    fresh_connection: bool,
    answered: bool,
    output_bytes: usize,
    trouble: Option<(FailureKind, String)>,
}

impl Trace {
    pub(crate) fn new(cut: Arc<AtomicBool>) -> Self {
        let state = TraceState {
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

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Whether a kept-alive connection was used and died before it brought a single byte.
    pub(crate) fn was_stale(&self) -> bool {
        let state = self.lock();
        !state.fresh_connection && !state.answered && state.trouble.is_none()
    }

    /// What our own resolver or connector found, which says more than the client's error.
    pub(crate) fn take_trouble(&self) -> Option<(FailureKind, String)> {
        self.lock().trouble.take()
    }

    fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
    }

    fn trouble(&self, kind: FailureKind, message: impl Into<String>) -> Error {
        self.lock().trouble = Some((kind, message.into()));
        Error::ConnectionFailed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, TraceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves hosts for one sender, and applies the address rules to what it finds.
pub(crate) struct Addresses {
    pub(crate) names: Names,
    pub(crate) rules: Arc<AddressRules>,
    pub(crate) trace: Arc<Trace>,
    last: Mutex<Option<LastAnswer>>,
}

struct LastAnswer {
    uri_authority: String,
    tls: bool,
    addresses: ResolvedSocketAddrs,
    good_until: Instant,
}

impl Addresses {
    pub(crate) fn new(names: Names, rules: Arc<AddressRules>, trace: Arc<Trace>) -> Self {
        Self { names, rules, trace, last: Mutex::new(None) }
    }

    fn look_up(&self, host: &str, timeout: NextTimeout) -> Result<Arc<[IpAddr]>, Error> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Arc::from([address]));
        }
        self.trace.enter(Phase::Resolve);
        let found = self.names.resolve(host, deadline_of(timeout), &self.trace.cut);
        found.map_err(|error| match error {
            NameError::NotFound(message) => self
                .trace
                .trouble(FailureKind::Resolve, format!("the name {host} was not found: {message}")),
            NameError::TooSlow => Error::Timeout(timeout.reason),
            NameError::Cut => self.trace.trouble(FailureKind::Cut, "stopped"),
        })
    }
}

impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let tls = uri.scheme_str() == Some("https");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref()
            && last.uri_authority == authority
            && last.tls == tls
            && instant() < last.good_until
        {
            return Ok(last.addresses.clone());
        }
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let found = self.look_up(host, timeout)?;
        if let Some(address) = self.rules.first_forbidden(found.iter().copied()) {
            return Err(self
                .trace
                .trouble(FailureKind::Blocked, format!("the address policy forbids {address}")));
        }
        let mut addresses = self.empty();
        // The type holds 16; a name with more has enough of them.
        for address in found.iter().take(16) {
            addresses.push(SocketAddr::new(*address, port));
        }
        *last = Some(LastAnswer {
            uri_authority: authority.to_owned(),
            tls,
            addresses: addresses.clone(),
            good_until: instant() + FRESH / 2,
        });
        Ok(addresses)
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Addresses")
    }
}

/// Opens connections for one sender.
#[derive(Debug)]
pub(crate) struct Dial {
    pub(crate) trace: Arc<Trace>,
    pub(crate) names: Names,
}

impl Connector<()> for Dial {
    type Out = Wire;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Wire>, Error> {
        {
            let mut state = self.trace.lock();
            state.phase = Phase::Connect;
            state.fresh_connection = true;
        }
        let stream = match self.open(details) {
            Ok(stream) => stream,
            Err(error) => {
                self.names.forget(details.uri.host().unwrap_or_default());
                return Err(error);
            }
        };
        stream.set_nodelay(true)?;
        let wire = Wire {
            stream: Arc::new(stream),
            pages: Pages::default(),
            trace: Arc::clone(&self.trace),
            read_timeout: None,
            write_timeout: None,
            idle: false,
        };
        let handle: Arc<dyn ShutdownHandle> = Arc::<TcpStream>::clone(&wire.stream);
        let handle: Weak<dyn ShutdownHandle> = Arc::downgrade(&handle);
        (details.register_shutdown)(handle)?;
        self.trace.enter(if details.needs_tls() { Phase::Tls } else { Phase::Send });
        Ok(Some(wire))
    }
}

impl Dial {
    /// Tries the addresses in turn, each with half of the time that is left, the last with all.
    fn open(&self, details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
        let deadline = deadline_of(details.timeout);
        let mut failure = None;
        for (at, address) in details.addrs.iter().enumerate() {
            let is_last = at + 1 == details.addrs.len();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(instant()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let budget = left.map(|left| if is_last { left } else { left / 2 });
            match connect(*address, budget, &self.trace.cut) {
                Ok(stream) => return Ok(stream),
                Err(_) if self.trace.cut.load(Relaxed) => {
                    return Err(self.trace.trouble(FailureKind::Cut, "stopped"));
                }
                Err(error) => failure = Some((*address, error)),
            }
        }
        match failure {
            Some((_, error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Error::Timeout(details.timeout.reason))
            }
            Some((address, error)) => Err(self
                .trace
                .trouble(FailureKind::Connect, format!("no connection to {address}: {error}"))),
            None => Err(Error::Timeout(details.timeout.reason)),
        }
    }
}

/// The end of the chain: whatever encryption was needed is agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) trace: Arc<Trace>,
}

impl<In: Transport> Connector<In> for Agreed {
    type Out = In;

    fn connect(
        &self,
        _details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<In>, Error> {
        self.trace.enter(Phase::Send);
        Ok(chained)
    }
}

/// One open connection.
pub(crate) struct Wire {
    stream: Arc<TcpStream>,
    pages: Pages,
    trace: Arc<Trace>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    idle: bool,
}

impl Wire {
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
        if self.idle || self.pages.output.is_empty() {
            // The first look at the buffers for a request.
            self.idle = false;
            let wanted = self.trace.lock().output_bytes;
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
        {
            let mut state = self.trace.lock();
            if state.phase == Phase::Send {
                state.phase = Phase::Receive;
            }
        }
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
                        self.trace.lock().answered = true;
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
    /// next request: then one look tells whether the peer has closed, or sent what nobody asked
    /// for and the next answer must not be taken from.
    fn is_open(&mut self) -> bool {
        if self.trace.cut.load(Relaxed) {
            return false;
        }
        if self.idle {
            return is_quiet(&self.stream);
        }
        self.idle = true;
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

fn budget_of(timeout: NextTimeout) -> Option<Duration> {
    // Zero would mean "for ever" to a socket.
    let floor = Duration::from_millis(1);
    (!timeout.after.is_not_happening()).then(|| (*timeout.after).max(floor))
}

fn deadline_of(timeout: NextTimeout) -> Option<Instant> {
    budget_of(timeout).map(|left| instant() + left)
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

/// Opens a connection; looks now and then whether it should stop.
#[cfg(target_os = "linux")]
fn connect(
    address: SocketAddr,
    budget: Option<Duration>,
    cut: &AtomicBool,
) -> io::Result<TcpStream> {
    use rustix::event::PollFd;
    use rustix::event::PollFlags;
    use rustix::event::Timespec;
    use rustix::net::AddressFamily;
    use rustix::net::SocketFlags;
    use rustix::net::SocketType;

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let deadline = budget.map(|budget| instant() + budget);
    loop {
        let left = deadline.map_or(CONNECT_SLICE, |deadline| {
            deadline.saturating_duration_since(instant()).min(CONNECT_SLICE)
        });
        if left.is_zero() || cut.load(Relaxed) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let slice = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut waiting = [PollFd::new(&socket, PollFlags::OUT)];
        match rustix::event::poll(&mut waiting, Some(&slice)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let stream = TcpStream::from(socket);
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.set_nonblocking(false)?;
    refuse_itself(stream)
}

/// Opens a connection. On this system a stop waits until it is open or the budget is over.
#[cfg(not(target_os = "linux"))]
fn connect(
    address: SocketAddr,
    budget: Option<Duration>,
    _cut: &AtomicBool,
) -> io::Result<TcpStream> {
    refuse_itself(match budget {
        Some(budget) => TcpStream::connect_timeout(&address, budget)?,
        None => TcpStream::connect(address)?,
    })
}

/// A closed port on this machine can, by chance, be the very port the connection starts from;
/// then it is connected to itself, and would read back what it writes.
fn refuse_itself(stream: TcpStream) -> io::Result<TcpStream> {
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
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
