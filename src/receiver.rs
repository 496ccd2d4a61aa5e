//! A receiver on this machine that answers as it is told: for tests, the demo and `receive`.
//!
//! It speaks plain HTTP/1.1, keeps connections alive, and can misbehave in every way real
//! receivers have been seen to: hang, reset, close, send garbage, answer byte by byte, never end.
//! One thread for each connection; [`Receiver::stop`] joins them all.
//!
//! ```
//! use webhook_stream::receiver::{Receiver, Script};
//!
//! let receiver = Receiver::start(Script::statuses([503, 503, 200])).expect("a free port");
//! assert!(receiver.url().starts_with("http://127.0.0.1:"));
//! ```

use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::delivery::clock::Clock;
use crate::delivery::clock::SystemClock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::instant;

/// The longest head of a request that is read.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// The longest body of a request that is read.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Header lines of a request that are read.
const MAX_HEADERS: usize = 256;

/// How often a hanging connection looks whether it is over.
const SLICE: Duration = Duration::from_millis(20);

/// How a connection ends after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It stays open for the next request.
    #[default]
    KeepAlive,
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
    /// Nothing more is sent, and it stays open.
    Hang,
}

/// What is sent as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A proper answer of this status, with these headers and body.
    Proper {
        /// The status.
        status: u16,
        /// Headers beside `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// These bytes, whatever they mean.
    Raw(Vec<u8>),
    /// These bytes, one at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// The first bytes once, then the others over and over until the peer goes.
    Endless(Vec<u8>, Vec<u8>),
}

/// One answer of a [`Script`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is sent.
    pub content: Content,
    /// How long after the request.
    pub latency: Duration,
    /// What becomes of the connection.
    pub ending: Ending,
}

impl Answer {
    /// A proper answer of this status with an empty body.
    pub fn status(status: u16) -> Self {
        let content = Content::Proper { status, headers: Vec::new(), body: Vec::new() };
        Self { content, latency: Duration::ZERO, ending: Ending::KeepAlive }
    }

    /// These bytes as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>, ending: Ending) -> Self {
        Self { content: Content::Raw(bytes.into()), latency: Duration::ZERO, ending }
    }

    /// No answer, and the connection stays open.
    pub fn hang() -> Self {
        Self::raw([], Ending::Hang)
    }

    /// No answer, and the connection is reset.
    pub fn reset() -> Self {
        Self::raw([], Ending::Reset)
    }

    /// No answer, and the connection is closed.
    pub fn close() -> Self {
        Self::raw([], Ending::Close)
    }

    /// The same with one more header, when it is a proper answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Content::Proper { headers, .. } = &mut self.content {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }

    /// The same with a body, when it is a proper answer.
    #[must_use]
    pub fn body(mut self, text: impl Into<Vec<u8>>) -> Self {
        if let Content::Proper { body, .. } = &mut self.content {
            *body = text.into();
        }
        self
    }

    /// The same, so much later.
    #[must_use]
    pub fn after(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The same, and the connection ends like this.
    #[must_use]
    pub fn then(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// Reads an answer as one types it: `503`, `429 retry-after=2`, `200 latency=0.05`, `hang`,
/// `reset`, `close`, `garbage`, `drip`.
impl FromStr for Answer {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let wrong = || {
            ScriptError(format!(
                "expected a status such as 503 or 429 retry-after=2, or hang, reset, close, \
                 garbage or drip, found {text:?}"
            ))
        };
        let mut words = text.split_whitespace();
        let mut answer = match words.next().ok_or_else(wrong)? {
            "hang" => Self::hang(),
            "reset" => Self::reset(),
            "close" => Self::close(),
            "garbage" => Self::raw(*b"\x00\x01 this is no HTTP \xff\r\n\r\n", Ending::Close),
            "drip" => Self {
                content: Content::Drip(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
                    Duration::from_millis(100),
                ),
                ..Self::status(200)
            },
            status => {
                let status = status.parse().ok().filter(|status| (100..=999).contains(status));
                Self::status(status.ok_or_else(wrong)?)
            }
        };
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            if name == "latency" {
                let seconds: f64 = value.parse().map_err(|_| wrong())?;
                answer.latency = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
            } else {
                answer = answer.header(name, value);
            }
        }
        Ok(answer)
    }
}

/// Text that is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

/// Which request gets which answer.
#[derive(Clone, Debug)]
pub struct Script {
    answers: Vec<Answer>,
    each_id_anew: bool,
    exceptions: Vec<(Exception, Answer)>,
}

#[derive(Clone, Debug)]
enum Exception {
    EveryNth(u64),
    Share { share: f64, seed: u64 },
}

impl Script {
    /// These answers in turn; the last one again and again. Without any: 200.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        if answers.is_empty() {
            answers.push(Answer::status(200));
        }
        Self { answers, each_id_anew: false, exceptions: Vec::new() }
    }

    /// Proper answers of these statuses in turn; the last one again and again.
    pub fn statuses(statuses: impl IntoIterator<Item = u16>) -> Self {
        Self::new(statuses.into_iter().map(Answer::status))
    }

    /// The same, but the script begins anew for each `webhook-id`.
    #[must_use]
    pub fn for_each_id(mut self) -> Self {
        self.each_id_anew = true;
        self
    }

    /// The same, but every `n`-th request (from 1) gets this answer.
    #[must_use]
    pub fn every(mut self, n: u64, answer: Answer) -> Self {
        self.exceptions.push((Exception::EveryNth(n.max(1)), answer));
        self
    }

    /// The same, but about this share of all requests, from 0 to 1, gets this answer; which ones
    /// depends on the seed and the request's number alone.
    #[must_use]
    pub fn sometimes(mut self, share: f64, seed: u64, answer: Answer) -> Self {
        self.exceptions.push((Exception::Share { share, seed }, answer));
        self
    }

    fn answer(&self, ordinal: u64, turn: u64) -> &Answer {
        for (exception, answer) in &self.exceptions {
            let applies = match exception {
                Exception::EveryNth(n) => ordinal.is_multiple_of(*n),
                Exception::Share { share, seed } => {
                    // One generator for each request, so that threads cannot change the outcome.
                    let mixed = ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
                    fastrand::Rng::with_seed(mixed).f64() < *share
                }
            };
            if applies {
                return answer;
            }
        }
        let at = usize::try_from(turn - 1).unwrap_or(usize::MAX).min(self.answers.len() - 1);
        &self.answers[at]
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new([])
    }
}

/// Reads answers separated by commas: `503,429 retry-after=1,200`.
impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let answers: Result<Vec<Answer>, ScriptError> = text.split(',').map(str::parse).collect();
        answers.map(Self::new)
    }
}

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// Its number among all requests, from 1.
    pub ordinal: u64,
    /// Which connection it came on, from 1.
    pub connection: u64,
    /// When, by the receiver's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values of all header lines, in order, as they came.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked.
    pub body: Vec<u8>,
    /// The status it is answered with; 0 when that is not a proper answer.
    pub status: u16,
}

impl ReceivedRequest {
    /// The value of the first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(set, _)| set.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// How a receiver is set up, beyond its script.
#[derive(Clone, Debug)]
pub struct ReceiverOptions {
    /// The address to listen on; loopback by default, and nobody but this machine gets there.
    pub address: Ipv4Addr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// How many requests are kept, the latest ones; 0 keeps none and is fastest.
    pub kept_requests: usize,
    /// What it tells the time by.
    pub clock: Arc<dyn Clock>,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST,
            port: 0,
            kept_requests: usize::MAX,
            clock: Arc::new(SystemClock::new()),
        }
    }
}

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
    process: u32,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    options: ReceiverOptions,
    stopping: AtomicBool,
    count: AtomicU64,
    connections: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<ReceivedRequest>,
    turns: HashMap<String, u64>,
    open: HashMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one on a free port of this machine that keeps all requests.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_with(script, ReceiverOptions::default())
    }

    /// Starts one with these options.
    ///
    /// # Errors
    /// When the port is taken or no thread can be had.
    pub fn start_with(script: Script, options: ReceiverOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((options.address, options.port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            options,
            stopping: AtomicBool::new(false),
            count: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name(String::from("receiver"));
            builder.spawn(move || shared.accept(&listener))?
        };
        Ok(Self { shared, address, acceptor: Some(acceptor), process: std::process::id() })
    }

    /// Its URL, such as `http://127.0.0.1:40123/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it answers by this script, from its beginning.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
        lock(&self.shared.state).turns.clear();
    }

    /// How many requests came in so far.
    pub fn count(&self) -> u64 {
        self.shared.count.load(SeqCst)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        lock(&self.shared.state).open.len()
    }

    /// The requests that are kept, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.shared.state).requests.iter().cloned().collect()
    }

    /// The requests that are kept, which are then forgotten.
    pub fn take_requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.shared.state).requests.drain(..).collect()
    }

    /// Waits until so many requests came in; false when they did not within this time.
    pub fn wait_for(&self, count: u64, limit: Duration) -> bool {
        let deadline = instant() + limit;
        let mut state = lock(&self.shared.state);
        while self.count() < count {
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() {
                return false;
            }
            // A receiver that keeps no requests does not ring for each.
            let waited = self.shared.changed.wait_timeout(state, left.min(SLICE));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Closes everything and joins all threads.
    pub fn stop(&mut self) {
        // In a forked child there are no threads to join, and the sockets are the parent's.
        if self.process != std::process::id() {
            std::mem::forget(self.acceptor.take());
            return;
        }
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.shared.stopping.store(true, SeqCst);
        // A connection to itself wakes the thread that waits for one.
        let host = if self.address.ip().is_unspecified() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            self.address.ip()
        };
        drop(TcpStream::connect((host, self.address.port())));
        let _ = acceptor.join();
        let threads = {
            let mut state = lock(&self.shared.state);
            for stream in state.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.threads)
        };
        self.shared.changed.notify_all();
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.stopping.load(SeqCst) {
                return;
            }
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: some may be given back soon.
                self.pause(SLICE);
                continue;
            };
            let number = self.connections.fetch_add(1, SeqCst) + 1;
            let shared = Arc::clone(&self);
            let mut state = lock(&self.state);
            if let Ok(handle) = stream.try_clone() {
                state.open.insert(number, handle);
            }
            state.threads.retain(|thread| !thread.is_finished());
            let builder = thread::Builder::new().name(format!("receive-{number}"));
            let spawned = builder.stack_size(256 * 1024).spawn(move || {
                let ending = shared.serve(&stream, number).unwrap_or(Ending::Close);
                if ending == Ending::Reset {
                    reset_when_closed(&stream);
                }
                lock(&shared.state).open.remove(&number);
            });
            match spawned {
                Ok(thread) => state.threads.push(thread),
                Err(_) => {
                    state.open.remove(&number);
                }
            }
        }
    }

    /// Answers requests on one connection until it ends.
    fn serve(&self, stream: &TcpStream, connection: u64) -> io::Result<Ending> {
        stream.set_nodelay(true)?;
        let mut input = Input { stream, buffer: vec![0; 16 * 1024], start: 0, end: 0 };
        let mut output = Vec::new();
        while let Some(mut request) = input.read_request()? {
            if self.stopping.load(SeqCst) {
                return Ok(Ending::Close);
            }
            request.connection = connection;
            let answer = self.receive(request);
            if !answer.latency.is_zero() {
                self.pause(answer.latency);
            }
            match &answer.content {
                Content::Proper { status, headers, body } => {
                    output.clear();
                    write!(output, "HTTP/1.1 {status} {}\r\n", reason_of(*status))?;
                    for (name, value) in headers {
                        write!(output, "{name}: {value}\r\n")?;
                    }
                    write!(output, "Content-Length: {}\r\n\r\n", body.len())?;
                    output.extend_from_slice(body);
                    (&*stream).write_all(&output)?;
                }
                Content::Raw(bytes) => (&*stream).write_all(bytes)?,
                Content::Drip(bytes, pause) => {
                    for byte in bytes {
                        (&*stream).write_all(&[*byte])?;
                        self.pause(*pause);
                    }
                }
                Content::Endless(first, again) => {
                    (&*stream).write_all(first)?;
                    while !self.stopping.load(SeqCst) {
                        (&*stream).write_all(again)?;
                    }
                }
            }
            match answer.ending {
                Ending::KeepAlive => {}
                Ending::Hang => {
                    self.hang(stream)?;
                    return Ok(Ending::Close);
                }
                ending => return Ok(ending),
            }
        }
        Ok(Ending::Close)
    }

    /// Numbers and keeps a request, and finds its answer.
    fn receive(&self, mut request: ReceivedRequest) -> Answer {
        let script = lock(&self.script);
        let (ordinal, turn) = if script.each_id_anew {
            let mut state = lock(&self.state);
            let id = request.header("webhook-id").unwrap_or_default().to_owned();
            let turn = state.turns.entry(id).or_default();
            *turn += 1;
            (self.count.load(SeqCst) + 1, *turn)
        } else {
            let ordinal = self.count.load(SeqCst) + 1;
            (ordinal, ordinal)
        };
        let answer = script.answer(ordinal, turn).clone();
        if self.options.kept_requests > 0 {
            request.ordinal = ordinal;
            request.at = self.options.clock.now();
            request.status = match answer.content {
                Content::Proper { status, .. } => status,
                _ => 0,
            };
            let mut state = lock(&self.state);
            if state.requests.len() >= self.options.kept_requests {
                state.requests.pop_front();
            }
            state.requests.push_back(request);
        }
        self.count.store(ordinal, SeqCst);
        drop(script);
        if self.options.kept_requests > 0 {
            self.changed.notify_all();
        }
        answer
    }

    /// Waits until the peer goes away or the receiver stops.
    fn hang(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SLICE))?;
        let mut page = [0_u8; 1024];
        while !self.stopping.load(SeqCst) {
            match stream.read(&mut page) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pause(&self, time: Duration) {
        let deadline = instant() + time;
        let mut state = lock(&self.state);
        while !self.stopping.load(SeqCst) {
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What has come in on a connection and was not read yet.
struct Input<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input<'_> {
    /// The next request; `None` when the peer closed in between requests or sends no HTTP.
    fn read_request(&mut self) -> io::Result<Option<ReceivedRequest>> {
        let (mut request, framing) = loop {
            match parse_head(&self.buffer[self.start..self.end]) {
                Ok(Some((length, request, framing))) => {
                    self.start += length;
                    break (request, framing);
                }
                Ok(None) if self.end - self.start < MAX_HEAD_BYTES => {
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
                _ => {
                    let refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                    let mut stream = self.stream;
                    stream.write_all(refusal)?;
                    return Ok(None);
                }
            }
        };
        if framing.expects_continue {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = if framing.chunked {
            self.read_chunks()?
        } else {
            self.read_exactly(framing.length.min(MAX_BODY_BYTES))?
        };
        Ok(Some(request))
    }

    fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(length.min(1024 * 1024));
        while body.len() < length {
            if self.start == self.end && !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let amount = (length - body.len()).min(self.end - self.start);
            body.extend_from_slice(&self.buffer[self.start..self.start + amount]);
            self.start += amount;
        }
        Ok(body)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().map(str::trim);
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.filter(|size| body.len() + size <= MAX_BODY_BYTES);
            let size = size.ok_or(io::ErrorKind::InvalidData)?;
            body.extend(self.read_exactly(size)?);
            if size == 0 {
                // Trailers, up to the empty line.
                while !self.read_line()?.is_empty() {}
                return Ok(body);
            }
            self.read_line()?;
        }
    }

    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.read_exactly(1)?.first() {
                Some(b'\n') => return Ok(line),
                Some(b'\r') | None => {}
                Some(byte) if line.len() < MAX_HEAD_BYTES => line.push(*byte),
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end * 2, 0);
            }
        }
        let mut stream = self.stream;
        loop {
            match stream.read(&mut self.buffer[self.end..]) {
                Ok(amount) => {
                    self.end += amount;
                    return Ok(amount > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// How the body of a request is told from what follows.
struct Framing {
    length: usize,
    chunked: bool,
    expects_continue: bool,
}

/// The head of a request, once it is complete, and its length.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, ReceivedRequest, Framing)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let mut framing = Framing { length: 0, chunked: false, expects_continue: false };
    let mut kept = Vec::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        if header.name.eq_ignore_ascii_case("content-length") {
            framing.length = value.trim().parse().map_err(|_| httparse::Error::HeaderValue)?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            framing.chunked = value.to_ascii_lowercase().contains("chunked");
        } else if header.name.eq_ignore_ascii_case("expect") {
            framing.expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
        kept.push((header.name.to_owned(), value));
    }
    let request = ReceivedRequest {
        ordinal: 0,
        connection: 0,
        at: Timestamp::default(),
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: kept,
        body: Vec::new(),
        status: 0,
    };
    Ok(Some((length, request, framing)))
}

/// Makes the connection end with a reset when its last handle is dropped.
#[cfg(unix)]
fn reset_when_closed(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

#[cfg(not(unix))]
fn reset_when_closed(_stream: &TcpStream) {}

fn reason_of(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
