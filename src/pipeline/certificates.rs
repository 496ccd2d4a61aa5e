//! The certificates a sync names, read from their files.

use std::path::Path;

use crate::delivery::tls::TlsError;
use crate::delivery::tls::TlsOptions;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::Sync;

impl Sync {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn tls_options(&self) -> Result<TlsOptions, ConfigError> {
        let options = self.options();
        let mut tls = TlsOptions::default();
        let wrong = |option: &str, error: TlsError| {
            ConfigError::new(ConfigErrorKind::File, format!("{option}: {error}"))
                .of_sync(&options.name)
        };
        if let Some(file) = &options.ca_file {
            tls = tls.trust(Path::new(file)).map_err(|error| wrong("ca_file", error))?;
        }
        if let Some(certificate) = &options.client_certificate {
            let key = options.client_key.as_deref().map(Path::new);
            tls = tls
                .show(Path::new(certificate), key)
                .map_err(|error| wrong("client_certificate", error))?;
        }
        Ok(tls)
    }
}
