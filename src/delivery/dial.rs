//! Opening connections for a sender: which addresses, and how long.
//!
//! The address rules are applied here, to the very addresses that are dialled.

use std::fmt;
use std::io;
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
use crate::delivery::trace::Trace;
use crate::delivery::wire::Wire;
use crate::delivery::wire::deadline_of;

/// How often a connecting sender looks whether it should stop.
const CONNECT_SLICE: Duration = Duration::from_millis(50);

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
            NameError::NotFound(message) => trouble(
                &self.trace,
                FailureKind::Resolve,
                format!("the name {host} was not found: {message}"),
            ),
            NameError::TooSlow => Error::Timeout(timeout.reason),
            NameError::Cut => trouble(&self.trace, FailureKind::Cut, "stopped"),
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
            return Err(trouble(
                &self.trace,
                FailureKind::Blocked,
                format!("the address policy forbids {address}"),
            ));
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
        self.trace.opens_connection();
        let stream = match self.open(details) {
            Ok(stream) => stream,
            Err(error) => {
                self.names.forget(details.uri.host().unwrap_or_default());
                return Err(error);
            }
        };
        stream.set_nodelay(true)?;
        let wire = Wire::new(Arc::new(stream), Arc::clone(&self.trace));
        let handle: Arc<dyn ShutdownHandle> = wire.socket();
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
                    return Err(trouble(&self.trace, FailureKind::Cut, "stopped"));
                }
                Err(error) => failure = Some((*address, error)),
            }
        }
        match failure {
            Some((_, error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Error::Timeout(details.timeout.reason))
            }
            Some((address, error)) => Err(trouble(
                &self.trace,
                FailureKind::Connect,
                format!("no connection to {address}: {error}"),
            )),
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

fn trouble(trace: &Trace, kind: FailureKind, message: impl Into<String>) -> Error {
    trace.note_trouble(kind, message);
    Error::ConnectionFailed
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
