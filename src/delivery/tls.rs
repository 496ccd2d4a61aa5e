//! Which certificates are trusted, and which one is shown. TLS is never older than 1.2; that is
//! the TLS library's own lower end. The files are read once, when an engine is made.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ureq::tls::Certificate;
use ureq::tls::ClientCert;
use ureq::tls::PemItem;
use ureq::tls::PrivateKey;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;
use ureq::tls::parse_pem;

/// Certificates for requests. By default what the system trusts is trusted, and none is shown.
#[derive(Clone, Default)]
pub struct TlsOptions {
    trusted: Option<Arc<Vec<Certificate<'static>>>>,
    shown: Option<ClientCert>,
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
        self.trusted = Some(Arc::new(certificates));
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
        let key = match key {
            Some(file) => read(file)?.1,
            None => key_beside,
        };
        let Some(key) = key else {
            return Err(TlsError::of(key_file, "expected a private key in PEM, found none"));
        };
        check_private(key_file)?;
        self.shown = Some(ClientCert::new_with_certs(&chain, key));
        Ok(self)
    }

    pub(crate) fn config(&self) -> TlsConfig {
        let roots = match &self.trusted {
            Some(certificates) => RootCerts::Specific(Arc::clone(certificates)),
            None => RootCerts::PlatformVerifier,
        };
        TlsConfig::builder().root_certs(roots).client_cert(self.shown.clone()).build()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = self.trusted.as_ref().map(|certificates| certificates.len());
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
