//! Encryption: who is trusted, who is let in, and what is never spoken.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::tls::TlsOptions;

use crate::support::Bench;
use crate::support::PATIENCE;
use crate::support::deliveries;
use crate::support::options;
use crate::support::target;

/// An authority and a folder for what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// A certificate with its key, in files as well.
struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
    certificate_file: PathBuf,
    key_file: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let certificate_file = self.folder.path().join(format!("{name}.pem"));
        let key_file = self.folder.path().join(format!("{name}.key"));
        fs::write(&certificate_file, certificate.pem()).unwrap();
        write_private(&key_file, &key.serialize_pem());
        Signed { certificate, key, certificate_file, key_file }
    }
}

fn write_private(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    set_mode(file, 0o600);
}

#[cfg(unix)]
fn set_mode(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_file: &Path, _mode: u32) {}

/// Answers every request with 200, over TLS.
struct Server {
    port: u16,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(signed: &Signed, asks_for: Option<&Authority>) -> Self {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match asks_for {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(signed.key.serialize_der()).unwrap();
        let config = Arc::new(
            builder.with_single_cert(vec![signed.certificate.der().clone()], key).unwrap(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = {
            let stopping = Arc::clone(&stopping);
            thread::spawn(move || {
                while let Ok((socket, _)) = listener.accept() {
                    if stopping.load(SeqCst) {
                        return;
                    }
                    serve(socket, Arc::clone(&config));
                }
            })
        };
        Self { port, stopping, thread: Some(thread) }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let _ = self.thread.take().unwrap().join();
    }
}

/// One request on a connection, and its answer. A handshake that fails ends it.
fn serve(socket: TcpStream, config: Arc<ServerConfig>) {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    let mut request = Vec::new();
    let mut page = [0; 2048];
    while !request.ends_with(b"}") {
        match stream.read(&mut page) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&page[..count]),
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(answer);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// An engine that makes one try.
fn engine(tls: TlsOptions) -> Bench {
    let policy = RetryPolicy { tries: 1, ..RetryPolicy::none() };
    let options = DeliveryOptions {
        concurrency: 1,
        timeout: Duration::from_secs(30),
        policy,
        tls,
        ..options()
    };
    Bench::new(options, Arc::new(SystemClock::new()))
}

/// How a delivery ends: `delivered`, or the kind of the failure and what it says.
fn next_verdict(bench: &Bench, url: &str) -> String {
    let before = bench.dead_letters().len();
    bench.accept(deliveries(&target(url), 1));
    bench.wait(Until::Settled);
    match bench.dead_letters().get(before) {
        None => String::from("delivered"),
        Some(letter) => format!("{}: {}", letter.attempts[0].error, letter.message),
    }
}

fn verdict(url: &str, tls: TlsOptions) -> String {
    next_verdict(&engine(tls), url)
}

#[test]
fn a_receiver_is_trusted_by_its_authority_and_its_name() {
    let authority = Authority::new();
    let signed = authority.sign("localhost", |_| {});
    let server = Server::start(&signed, None);
    let trusting = || TlsOptions::default().trust(&authority.file()).unwrap();
    assert_eq!(verdict(&server.url("localhost"), trusting()), "delivered");
    // The system does not know this authority, another one did not sign, and the name counts.
    let unknown = verdict(&server.url("localhost"), TlsOptions::default());
    assert!(unknown.starts_with("tls: "), "{unknown}");
    let other = TlsOptions::default().trust(&Authority::new().file()).unwrap();
    let other = verdict(&server.url("localhost"), other);
    assert!(other.starts_with("tls: "), "{other}");
    let wrong_name = verdict(&server.url("127.0.0.1"), trusting());
    assert!(wrong_name.starts_with("tls: "), "{wrong_name}");
}

#[test]
fn a_certificate_that_is_over_is_refused() {
    let authority = Authority::new();
    let signed = authority.sign("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let server = Server::start(&signed, None);
    let trusting = TlsOptions::default().trust(&authority.file()).unwrap();
    let found = verdict(&server.url("localhost"), trusting);
    assert!(found.starts_with("tls: ") && found.to_lowercase().contains("expired"), "{found}");
}

#[test]
fn a_receiver_that_asks_for_a_certificate_gets_it() {
    let authority = Authority::new();
    let server = Server::start(&authority.sign("localhost", |_| {}), Some(&authority));
    let me = authority.sign("me", |_| {});
    let trusting = || TlsOptions::default().trust(&authority.file()).unwrap();
    let showing = trusting().show(&me.certificate_file, Some(&me.key_file)).unwrap();
    assert_eq!(verdict(&server.url("localhost"), showing), "delivered");
    let both = authority.folder.path().join("both.pem");
    write_private(&both, &(me.certificate.pem() + &me.key.serialize_pem()));
    let showing = trusting().show(&both, None).unwrap();
    assert_eq!(verdict(&server.url("localhost"), showing), "delivered");
    // Without one, or with one of another authority, it ends in a failure.
    let without = verdict(&server.url("localhost"), trusting());
    assert_ne!(without, "delivered");
    let stranger = Authority::new().sign("stranger", |_| {});
    let stranger_file = authority.folder.path().join("stranger.pem");
    write_private(&stranger_file, &(stranger.certificate.pem() + &stranger.key.serialize_pem()));
    let strange = trusting().show(&stranger_file, None).unwrap();
    assert_ne!(verdict(&server.url("localhost"), strange), "delivered");
}

#[test]
fn certificates_that_are_renewed_on_disk_are_used_by_the_engine_that_runs() {
    let authority = Authority::new();
    let server = Server::start(&authority.sign("localhost", |_| {}), Some(&authority));
    let url = server.url("localhost");
    let write = |authority: &Authority, file: &Path| {
        let signed = authority.sign("me", |_| {});
        write_private(file, &(signed.certificate.pem() + &signed.key.serialize_pem()));
    };
    // What is shown: at first a stranger's certificate.
    let shown = authority.folder.path().join("shown.pem");
    write(&Authority::new(), &shown);
    let tls = TlsOptions::default().trust(&authority.file()).unwrap();
    let bench = engine(tls.show(&shown, None).unwrap());
    assert_ne!(next_verdict(&bench, &url), "delivered");
    write(&authority, &shown);
    assert_eq!(next_verdict(&bench, &url), "delivered");
    // Half a file changes nothing; a file that is whole again does.
    write_private(&shown, "-----BEGIN CERTIFICATE-----\nhalf");
    assert_eq!(next_verdict(&bench, &url), "delivered");
    write(&Authority::new(), &shown);
    assert_ne!(next_verdict(&bench, &url), "delivered");
    // What is trusted.
    let trusted = authority.folder.path().join("trusted.pem");
    fs::copy(Authority::new().file(), &trusted).unwrap();
    let me = authority.sign("me", |_| {});
    let tls = TlsOptions::default().trust(&trusted).unwrap();
    let bench = engine(tls.show(&me.certificate_file, Some(&me.key_file)).unwrap());
    assert!(next_verdict(&bench, &url).starts_with("tls: "));
    fs::write(&trusted, authority.issuer.pem() + "\n").unwrap();
    assert_eq!(next_verdict(&bench, &url), "delivered");
}

#[test]
fn files_that_cannot_be_used_are_refused_with_their_name_only() {
    let authority = Authority::new();
    let me = authority.sign("me", |_| {});
    let tls = TlsOptions::default;
    let folder = authority.folder.path();
    let message = |made: Result<TlsOptions, webhook_stream::delivery::tls::TlsError>| {
        made.unwrap_err().to_string()
    };
    let missing = message(tls().trust(&folder.join("missing.pem")));
    assert!(missing.contains("missing.pem"), "{missing}");
    let empty = folder.join("empty.pem");
    fs::write(&empty, "nothing").unwrap();
    assert!(message(tls().trust(&empty)).contains("expected a certificate in PEM"));
    assert!(message(tls().show(&me.certificate_file, None)).contains("private key"));
    let broken = folder.join("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\ncanary-4711!\n-----END CERTIFICATE-----\n")
        .unwrap();
    let broken = message(tls().trust(&broken));
    assert!(!broken.contains("canary"), "{broken}");
    let shown = tls().show(&me.certificate_file, Some(&me.key_file)).unwrap();
    assert_eq!(format!("{shown:?}"), "TlsOptions(trusted: None, shown: true)");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    let authority = Authority::new();
    let me = authority.sign("me", |_| {});
    for mode in [0o644, 0o640, 0o660, 0o604] {
        set_mode(&me.key_file, mode);
        let refused = TlsOptions::default().show(&me.certificate_file, Some(&me.key_file));
        assert!(refused.unwrap_err().message.contains("chmod 600"), "{mode:o}");
    }
    set_mode(&me.key_file, 0o400);
    assert!(TlsOptions::default().show(&me.certificate_file, Some(&me.key_file)).is_ok());
}

/// The versions that a first message offers, from its `supported_versions`.
fn offered_versions(hello: &[u8]) -> Vec<u16> {
    let two = |at: usize| usize::from(hello[at]) << 8 | usize::from(hello[at + 1]);
    // Record and message headers, version, random; then session, ciphers, compressions.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + two(at);
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + two(at);
    at += 2;
    while at < end {
        let (kind, length) = (two(at), two(at + 2));
        if kind == 43 {
            let versions = &hello[at + 5..at + 4 + length];
            let versions = versions.chunks(2);
            return versions.map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1])).collect();
        }
        at += 4 + length;
    }
    Vec::new()
}

#[test]
fn nothing_older_than_tls_1_2_is_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut head = [0; 5];
        socket.read_exact(&mut head).unwrap();
        let length = usize::from(head[3]) << 8 | usize::from(head[4]);
        let mut hello = head.to_vec();
        hello.resize(5 + length, 0);
        socket.read_exact(&mut hello[5..]).unwrap();
        hello
    });
    let found = verdict(&format!("https://127.0.0.1:{port}/"), TlsOptions::default());
    assert_ne!(found, "delivered");
    let mut versions = offered_versions(&server.join().unwrap());
    versions.sort_unstable();
    assert_eq!(versions, [0x0303, 0x0304]);
}
