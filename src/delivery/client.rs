//! Sends one request and says how it ended. The only file, with `dial.rs` and `wire.rs` under
//! it, that knows the HTTP client.
//!
//! No redirects, no proxies from the environment, no decompression, no hidden repetition but one:
//! a kept-alive connection that the receiver had closed already is replaced by a fresh one at
//! once, and that is reported.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ureq::Agent;
use ureq::Body;
use ureq::config::AutoHeaderValue;
use ureq::http;
use ureq::http::HeaderMap;
use ureq::http::HeaderName;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::Uri;
use ureq::unversioned::transport::Connector as _;

use crate::delivery::address::AddressRules;
use crate::delivery::clock::Timestamp;
use crate::delivery::dial::Addresses;
use crate::delivery::dial::Agreed;
use crate::delivery::dial::Dial;
use crate::delivery::mask::masked;
use crate::delivery::names::Names;
use crate::delivery::outcome::EXCERPT_BYTES;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;
use crate::delivery::outcome::Phase;
use crate::delivery::request::Request;
use crate::delivery::request::Secrets;
use crate::delivery::request::Target;
use crate::delivery::sign::SigningSecret;
use crate::delivery::sign::signature;
use crate::delivery::tls::Encrypt;
use crate::delivery::tls::TlsOptions;
use crate::delivery::trace::Trace;
use crate::delivery::wire::MAX_HEAD_BYTES;

/// How much of an answer's body is read so that the connection can be used again.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long an answer's body may take; the verdict is known before it.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an unused connection is kept.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// More than the excerpt that is kept, so that a secret across its end is seen whole and masked.
const READ_EXCERPT_BYTES: usize = EXCERPT_BYTES + 1024;

/// What is in every head beside the URL and the headers that are set: id, host, length.
const OWN_HEAD_BYTES: usize = 1024;

/// What each signature adds to the head.
const SIGNATURE_BYTES: usize = 64;

/// Sends requests, one at a time. Each sender thread has its own.
pub trait Client: Send {
    /// Sends the request once and waits for the answer, within the client's budget.
    ///
    /// `wall` is the time by the wall clock, for the signature and for dates in the answer.
    fn send(&mut self, request: &Request, wall: Timestamp) -> Exchange;
}

/// Makes clients that stop together.
pub trait Clients: Send + Sync + fmt::Debug {
    /// A client for one more sender thread.
    fn client(&self) -> Box<dyn Client>;

    /// Ends every request that is under way, and makes all later ones fail at once.
    fn cut(&self);
}

/// How sending a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a kept-alive connection had gone and a fresh one was used.
    pub replaced_connection: bool,
}

/// What all HTTP clients of an engine have in common.
pub(crate) struct HttpClients {
    pub(crate) timeout: Duration,
    pub(crate) rules: Arc<AddressRules>,
    pub(crate) names: Names,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) signing: Arc<[SigningSecret]>,
    tls: TlsOptions,
    cut: Arc<AtomicBool>,
    agents: Mutex<Vec<Agent>>,
}

impl HttpClients {
    pub(crate) fn new(
        timeout: Duration,
        rules: AddressRules,
        names: Names,
        secrets: Arc<dyn Secrets>,
        signing: Vec<SigningSecret>,
        tls: &TlsOptions,
    ) -> Self {
        Self {
            timeout,
            rules: Arc::new(rules),
            names,
            secrets,
            signing: signing.into(),
            tls: tls.clone(),
            cut: Arc::new(AtomicBool::new(false)),
            agents: Mutex::new(Vec::new()),
        }
    }
}

impl Clients for HttpClients {
    fn client(&self) -> Box<dyn Client> {
        let trace = Arc::new(Trace::new(Arc::clone(&self.cut)));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept(AutoHeaderValue::None)
            .proxy(None)
            .tls_config(self.tls.config())
            .timeout_global(Some(self.timeout))
            .timeout_recv_body(Some(BODY_TIMEOUT))
            .max_response_header_size(MAX_HEAD_BYTES)
            .input_buffer_size(4 * 1024)
            .output_buffer_size(16 * 1024)
            .max_idle_connections(2)
            .max_idle_connections_per_host(1)
            .max_idle_age(MAX_IDLE)
            .build();
        let connector = Dial { trace: Arc::clone(&trace), names: self.names.clone() }
            .chain(Encrypt::new(self.tls.clone()))
            .chain(Agreed { trace: Arc::clone(&trace) });
        let resolver =
            Addresses::new(self.names.clone(), Arc::clone(&self.rules), Arc::clone(&trace));
        let agent = Agent::with_parts(config, connector, resolver);
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).push(agent.clone());
        Box::new(HttpClient {
            agent,
            trace,
            secrets: Arc::clone(&self.secrets),
            signing: Arc::clone(&self.signing),
            prepared: None,
        })
    }

    fn cut(&self) {
        self.cut.store(true, SeqCst);
        let agents =
            std::mem::take(&mut *self.agents.lock().unwrap_or_else(PoisonError::into_inner));
        for agent in agents {
            agent.shutdown();
        }
    }
}

impl fmt::Debug for HttpClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpClients({:?})", self.timeout)
    }
}

struct HttpClient {
    agent: Agent,
    trace: Arc<Trace>,
    secrets: Arc<dyn Secrets>,
    signing: Arc<[SigningSecret]>,
    prepared: Option<(Arc<Target>, Arc<Prepared>)>,
}

/// A target in the HTTP client's own types.
struct Prepared {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// About how long the head will be.
    head_bytes: usize,
    secret_values: Vec<String>,
}

impl Client for HttpClient {
    fn send(&mut self, request: &Request, wall: Timestamp) -> Exchange {
        let prepared = match self.prepare(&request.target) {
            Ok(prepared) => prepared,
            Err(message) => {
                let outcome = Outcome::of_trouble(FailureKind::Request, message);
                return Exchange { outcome, replaced_connection: false };
            }
        };
        let mut replaced_connection = false;
        loop {
            self.trace.begin(prepared.head_bytes, request.body.len());
            let outcome = match self.run(&prepared, request, wall) {
                Ok(response) => read(response, &prepared, wall),
                Err(error) => {
                    let stale = matches!(error, ureq::Error::Io(_)) && self.trace.was_stale();
                    if stale && !replaced_connection && !self.is_cut() {
                        replaced_connection = true;
                        continue;
                    }
                    self.trouble(&error, &prepared)
                }
            };
            return Exchange { outcome, replaced_connection };
        }
    }
}

impl HttpClient {
    /// The target in the client's types: kept while requests go to the same target, but made anew
    /// for each try if there are secrets in it.
    fn prepare(&mut self, target: &Arc<Target>) -> Result<Arc<Prepared>, String> {
        if let Some((known, prepared)) = &self.prepared
            && Arc::ptr_eq(known, target)
        {
            return Ok(Arc::clone(prepared));
        }
        let filled = target.fill(&*self.secrets).map_err(|error| error.to_string())?;
        let unfit = |what: &str| format!("expected a {what} that HTTP can carry, found another");
        let mut headers = HeaderMap::with_capacity(filled.headers.len() + 4);
        for (name, value) in &filled.headers {
            let name = HeaderName::try_from(name).map_err(|_| unfit("header name"))?;
            let mut value = HeaderValue::try_from(value).map_err(|_| unfit("header value"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let lines = filled.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        let head_bytes = lines.sum::<usize>()
            + filled.url.as_str().len()
            + self.signing.len() * SIGNATURE_BYTES
            + OWN_HEAD_BYTES;
        let prepared = Arc::new(Prepared {
            head_bytes,
            method: Method::try_from(target.method()).map_err(|_| unfit("method"))?,
            uri: Uri::try_from(filled.url.as_str()).map_err(|_| unfit("URL"))?,
            headers,
            secret_values: filled.secret_values,
        });
        if target.is_plain() {
            self.prepared = Some((Arc::clone(target), Arc::clone(&prepared)));
        }
        Ok(prepared)
    }

    fn run(
        &self,
        prepared: &Prepared,
        request: &Request,
        wall: Timestamp,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let mut sent = http::Request::new(request.body.as_slice());
        *sent.method_mut() = prepared.method.clone();
        *sent.uri_mut() = prepared.uri.clone();
        let mut headers = prepared.headers.clone();
        let id = HeaderValue::try_from(request.id.as_str()).map_err(http::Error::from)?;
        headers.insert(HeaderName::from_static("webhook-id"), id);
        if !self.signing.is_empty() {
            let signed = signature(&self.signing, &request.id, wall, &request.body);
            let signed = HeaderValue::try_from(signed).map_err(http::Error::from)?;
            headers.insert(HeaderName::from_static("webhook-signature"), signed);
            headers.insert(
                HeaderName::from_static("webhook-timestamp"),
                HeaderValue::from(wall.as_seconds()),
            );
        }
        *sent.headers_mut() = headers;
        self.agent.run(sent)
    }

    fn trouble(&self, error: &ureq::Error, prepared: &Prepared) -> Outcome {
        let own = self.trace.take_trouble();
        let (kind, message) = if self.is_cut() {
            (FailureKind::Cut, String::from("stopped before an answer came"))
        } else if let Some(own) = own {
            own
        } else {
            classify(error, self.trace.phase())
        };
        Outcome::of_trouble(kind, masked(message, &prepared.secret_values))
    }

    fn is_cut(&self) -> bool {
        self.trace.cut.load(SeqCst)
    }
}

/// The verdict from the head, and as much of the body as is worth having.
fn read(response: http::Response<Body>, prepared: &Prepared, wall: Timestamp) -> Outcome {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let excerpt = read_body(body);
    if head.status.is_success() {
        return Outcome::Delivered { status };
    }
    let retry_after = head.headers.get(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok());
    let excerpt = String::from_utf8_lossy(&excerpt).into_owned();
    let excerpt = masked(excerpt, &prepared.secret_values);
    Outcome::of_answer(status, retry_after, excerpt.as_bytes(), wall)
}

fn classify(error: &ureq::Error, phase: Phase) -> (FailureKind, String) {
    match error {
        ureq::Error::Timeout(_) => (FailureKind::Timeout(phase), format!("timed out {phase}")),
        ureq::Error::HostNotFound => (FailureKind::Resolve, String::from("the name was not found")),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => {
            (FailureKind::Tls, format!("no secure connection: {error}"))
        }
        ureq::Error::Io(error) => match phase {
            Phase::Resolve => (FailureKind::Resolve, error.to_string()),
            Phase::Connect => (FailureKind::Connect, error.to_string()),
            Phase::Tls => (FailureKind::Tls, format!("no secure connection: {error}")),
            Phase::Send | Phase::Receive => {
                (FailureKind::Closed, format!("the connection broke while {phase}: {error}"))
            }
        },
        ureq::Error::LargeResponseHeader(..) => (
            FailureKind::Protocol,
            format!("the head of the answer is longer than {MAX_HEAD_BYTES} bytes"),
        ),
        ureq::Error::Protocol(error) => {
            (FailureKind::Protocol, format!("the answer is no valid HTTP: {error}"))
        }
        other => (FailureKind::Protocol, other.to_string()),
    }
}

/// The first bytes of a body. Reads on, within limits, so that the connection can be kept.
fn read_body(body: Body) -> Vec<u8> {
    let mut excerpt = Vec::new();
    let mut reader = body.into_reader();
    let mut page = [0_u8; 2048];
    let mut total = 0;
    while total <= MAX_BODY_BYTES {
        match reader.read(&mut page) {
            Ok(0) | Err(_) => break,
            Ok(amount) => {
                let wanted = amount.min(READ_EXCERPT_BYTES - excerpt.len());
                excerpt.extend_from_slice(&page[..wanted]);
                total += amount;
            }
        }
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::sync::PoisonError;
    use std::thread;
    use std::time::Duration;

    use crate::delivery::address::AddressPolicy;
    use crate::delivery::address::AddressRules;
    use crate::delivery::client::Clients as _;
    use crate::delivery::client::HttpClients;
    use crate::delivery::clock::Timestamp;
    use crate::delivery::names::Names;
    use crate::delivery::outcome::FailureKind;
    use crate::delivery::request::NoSecrets;
    use crate::delivery::request::Request;
    use crate::delivery::request::Target;
    use crate::delivery::tls::TlsOptions;

    /// How requests to `rebinding.example` on a port of this machine end, when the name has these
    /// addresses in turn; with none, it is not known. Only 127.0.0.1 is allowed.
    fn kinds(answers: Vec<Vec<&str>>, port: u16) -> io::Result<Vec<Option<FailureKind>>> {
        let parse = |text: &str| text.parse::<IpAddr>().map_err(io::Error::other);
        let answers = answers.iter().map(|one| one.iter().map(|text| parse(text)).collect());
        let answers = answers.collect::<io::Result<Vec<Vec<IpAddr>>>>()?;
        let count = answers.len();
        let left = Mutex::new(answers.into_iter());
        let look_up = move |_: &str| {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let next = next.ok_or_else(|| io::Error::other("asked too often"))?;
            if next.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(next) }
        };
        let spawn =
            Arc::new(|work: Box<dyn FnOnce() + Send>| thread::Builder::new().spawn(work).map(drop));
        let names = Names::with_look_up(spawn, Arc::new(look_up));
        let allow = "127.0.0.1/32".parse().map_err(io::Error::other)?;
        let rules = AddressRules { policy: AddressPolicy::Public, allow: vec![allow] };
        let clients = HttpClients::new(
            Duration::from_secs(30),
            rules,
            names.clone(),
            Arc::new(NoSecrets),
            Vec::new(),
            &TlsOptions::default(),
        );
        let url = format!("http://rebinding.example:{port}/");
        let target = Target::new("POST", url.as_str(), Vec::new(), 5).map_err(io::Error::other)?;
        let request = Request::new(Arc::new(target), "msg_1", "{}").map_err(io::Error::other)?;
        let mut kinds = Vec::new();
        for _ in 0..count {
            let exchange = clients.client().send(&request, Timestamp::default());
            kinds.push(exchange.outcome.failure().map(|failure| failure.kind));
            // Its time is over; the next client asks again.
            names.forget("rebinding.example");
        }
        Ok(kinds)
    }

    #[test]
    fn a_name_that_turns_to_a_forbidden_address_is_blocked_from_then_on() -> io::Result<()> {
        // Nobody listens there, so that an address that may be dialled refuses.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let found = kinds(vec![vec!["127.0.0.1"], vec!["127.0.0.2"], vec!["::1"]], port)?;
        let blocked = Some(FailureKind::Blocked);
        assert_eq!(found, [Some(FailureKind::Connect), blocked, blocked]);
        Ok(())
    }

    #[test]
    fn a_name_that_is_not_known_any_more_is_a_failure_of_its_own_kind() -> io::Result<()> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let found = kinds(vec![vec!["127.0.0.1"], vec![]], port)?;
        assert_eq!(found, [Some(FailureKind::Connect), Some(FailureKind::Resolve)]);
        Ok(())
    }

    #[test]
    fn one_forbidden_address_among_several_blocks_the_name() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let found =
            kinds(vec![vec!["127.0.0.1", "10.0.0.1"], vec!["10.0.0.1", "127.0.0.1"]], port)?;
        assert_eq!(found, [Some(FailureKind::Blocked); 2]);
        let nobody = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(nobody, Err(io::ErrorKind::WouldBlock));
        Ok(())
    }
}
