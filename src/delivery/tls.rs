//! Which certificates are trusted, and which one is shown. TLS is never older than 1.2; that is
//! the TLS library's own lower end.
//!
//! The files are read when an engine is made, and again when one of them is another file than before:
//! certificates are renewed while a stream is open. That is looked at for each new connection; one
//! that is open goes on with what it began with.

use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use ureq::Agent;
use ureq::Error;
use ureq::config::Config;
use ureq::tls::Certificate;
use ureq::tls::ClientCert;
use ureq::tls::PemItem;
use ureq::tls::PrivateKey;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;
use ureq::tls::parse_pem;
use ureq::unversioned::transport::ConnectionDetails;
use ureq::unversioned::transport::Connector;
use ureq::unversioned::transport::Either;
use ureq::unversioned::transport::RustlsConnector;
use ureq::unversioned::transport::Transport;

/// Certificates for requests. By default what the system trusts is trusted, and none is shown.
#[derive(Clone, Default)]
pub struct TlsOptions {
    trusted: Option<Trusted>,
    shown: Option<Shown>,
}

#[derive(Clone)]
struct Trusted {
    file: PathBuf,
    certificates: Arc<Vec<Certificate<'static>>>,
}

#[derive(Clone)]
struct Shown {
    file: PathBuf,
    key_file: Option<PathBuf>,
    certificate: ClientCert,
}

impl TlsOptions {
    /// Trusts the certificates of this PEM file, and no others.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn trust(mut self, file: &Path) -> Result<Self, TlsError> {
        let (certificates, _) = read(file)?;
        if certificates.is_empty() {
            return Err(TlsError::of(file, "expected a certificate in PEM, found none"));
        }
        self.trusted =
            Some(Trusted { file: file.to_owned(), certificates: Arc::new(certificates) });
        Ok(self)
    }

    /// Shows the receiver the certificate of this PEM file, whose key is in `key`, or in the same
    /// file.
    ///
    /// # Errors
    /// When a file cannot be read, the certificate or the key is missing, or others than its owner
    /// may read the key.
    pub fn show(mut self, certificate: &Path, key: Option<&Path>) -> Result<Self, TlsError> {
        let (chain, key_beside) = read(certificate)?;
        if chain.is_empty() {
            return Err(TlsError::of(certificate, "expected a certificate in PEM, found none"));
        }
        let key_file = key.unwrap_or(certificate);
        let key_read = match key {
            Some(file) => read(file)?.1,
            None => key_beside,
        };
        let Some(key_read) = key_read else {
            return Err(TlsError::of(key_file, "expected a private key in PEM, found none"));
        };
        check_private(key_file)?;
        self.shown = Some(Shown {
            file: certificate.to_owned(),
            key_file: key.map(Path::to_owned),
            certificate: ClientCert::new_with_certs(&chain, key_read),
        });
        Ok(self)
    }

    pub(crate) fn config(&self) -> TlsConfig {
        let roots = match &self.trusted {
            Some(trusted) => RootCerts::Specific(Arc::clone(&trusted.certificates)),
            None => RootCerts::PlatformVerifier,
        };
        let shown = self.shown.as_ref().map(|shown| shown.certificate.clone());
        TlsConfig::builder().root_certs(roots).client_cert(shown).build()
    }

    /// The same files, read now.
    fn read_again(&self) -> Result<Self, TlsError> {
        let mut again = Self::default();
        if let Some(trusted) = &self.trusted {
            again = again.trust(&trusted.file)?;
        }
        if let Some(shown) = &self.shown {
            again = again.show(&shown.file, shown.key_file.as_deref())?;
        }
        Ok(again)
    }

    /// What tells whether a file was written since; nothing, when no file is named.
    fn versions(&self) -> Vec<Version> {
        let trusted = self.trusted.iter().map(|trusted| &trusted.file);
        let shown =
            self.shown.iter().flat_map(|shown| [Some(&shown.file), shown.key_file.as_ref()]);
        trusted.chain(shown.flatten()).map(|file| version(file)).collect()
    }
}

/// When a file was written, and how long it is; `None` when it cannot be seen.
type Version = Option<(SystemTime, u64)>;

fn version(file: &Path) -> Version {
    let seen = fs::metadata(file).ok()?;
    Some((seen.modified().ok()?, seen.len()))
}

/// Encrypts a sender's connections, each with what the files hold by then.
pub(crate) struct Encrypt {
    current: Mutex<Current>,
}

struct Current {
    options: TlsOptions,
    versions: Vec<Version>,
    /// In place of the agent's own configuration, once the files are others.
    config: Option<Config>,
    connector: Arc<RustlsConnector>,
}

impl Encrypt {
    /// With what these options hold, as long as their files stay as they are.
    pub(crate) fn new(options: TlsOptions) -> Self {
        let versions = options.versions();
        let connector = Arc::new(RustlsConnector::default());
        Self { current: Mutex::new(Current { options, versions, config: None, connector }) }
    }

    /// What the next connection is made with. Files that cannot be used, as while they are being
    /// written, change nothing; the next connection looks again.
    fn now(&self, details: &ConnectionDetails) -> (Option<Config>, Arc<RustlsConnector>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = current.options.versions();
        if versions != current.versions
            && let Ok(options) = current.options.read_again()
        {
            let config = Agent::config_builder()
                .tls_config(options.config())
                .input_buffer_size(details.config.input_buffer_size())
                .output_buffer_size(details.config.output_buffer_size())
                .build();
            let connector = Arc::new(RustlsConnector::default());
            *current = Current { options, versions, config: Some(config), connector };
        }
        (current.config.clone(), Arc::clone(&current.connector))
    }
}

impl<In: Transport> Connector<In> for Encrypt {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if !details.needs_tls() {
            return Ok(chained.map(Either::A));
        }
        let (config, connector) = self.now(details);
        let Some(config) = config else {
            return connector.connect(details, chained);
        };
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: &config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        connector.connect(&details, chained)
    }
}

impl fmt::Debug for Encrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encrypt")
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = self.trusted.as_ref().map(|trusted| trusted.certificates.len());
        write!(f, "TlsOptions(trusted: {trusted:?}, shown: {})", self.shown.is_some())
    }
}

/// A file with certificates or a key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// What is wrong with which file. Holds nothing of its content.
    pub message: String,
}

impl TlsError {
    fn of(file: &Path, what: impl fmt::Display) -> Self {
        Self { message: format!("{}: {what}", file.display()) }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TlsError {}

type Found = (Vec<Certificate<'static>>, Option<PrivateKey<'static>>);

fn read(file: &Path) -> Result<Found, TlsError> {
    let bytes = fs::read(file).map_err(|error| TlsError::of(file, error))?;
    let mut found: Found = (Vec::new(), None);
    for item in parse_pem(&bytes) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.0.push(certificate),
            Ok(PemItem::PrivateKey(key)) => found.1 = found.1.or(Some(key)),
            Ok(_) => {}
            // What the parser says might repeat what it found.
            Err(_) => return Err(TlsError::of(file, "expected PEM, found something else")),
        }
    }
    Ok(found)
}

/// Whoever can read the key can pose as its owner.
#[cfg(unix)]
fn check_private(file: &Path) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(file).map_err(|error| TlsError::of(file, error))?.permissions().mode();
    let (for_others, found) = (mode & 0o077, mode & 0o777);
    if for_others < 1 {
        return Ok(());
    }
    Err(TlsError::of(
        file,
        format!(
            "expected a private key that only its owner can read, found mode {found:o} (chmod 600)"
        ),
    ))
}

#[cfg(not(unix))]
fn check_private(_file: &Path) -> Result<(), TlsError> {
    Ok(())
}
