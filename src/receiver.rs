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

mod input;
mod script;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
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
use crate::receiver::input::Input;

pub use crate::receiver::script::Answer;
pub use crate::receiver::script::Content;
pub use crate::receiver::script::Ending;
pub use crate::receiver::script::Script;
pub use crate::receiver::script::ScriptError;

/// How often a hanging connection looks whether it is over.
const SLICE: Duration = Duration::from_millis(20);

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
    /// Requests whose answer is out, as far as it will go.
    answered: AtomicU64,
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
            answered: AtomicU64::new(0),
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

    /// How many requests got all of their answer so far, or never will.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(SeqCst)
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
        let mut input = Input::new(stream);
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
            let written = self.write(stream, &answer.content, &mut output);
            self.answered.fetch_add(1, SeqCst);
            written?;
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

    /// Writes an answer; `output` is room for it.
    fn write(
        &self,
        mut stream: &TcpStream,
        content: &Content,
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        match content {
            Content::Proper { status, headers, body } => {
                output.clear();
                write!(output, "HTTP/1.1 {status} {}\r\n", reason_of(*status))?;
                for (name, value) in headers {
                    write!(output, "{name}: {value}\r\n")?;
                }
                write!(output, "Content-Length: {}\r\n\r\n", body.len())?;
                output.extend_from_slice(body);
                stream.write_all(output)
            }
            Content::Raw(bytes) => stream.write_all(bytes),
            Content::Drip(bytes, pause) => {
                for byte in bytes {
                    stream.write_all(&[*byte])?;
                    self.pause(*pause);
                }
                Ok(())
            }
            Content::Endless(first, again) => {
                stream.write_all(first)?;
                self.answered.fetch_add(1, SeqCst);
                while !self.stopping.load(SeqCst) {
                    stream.write_all(again)?;
                }
                Ok(())
            }
        }
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
