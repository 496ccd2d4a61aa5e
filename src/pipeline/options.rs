//! What a sync is made of: every option with its default, in one place.

use std::time::Duration;

use crate::delivery::MAX_CONCURRENCY;
use crate::delivery::address::AddressPolicy;
use crate::delivery::address::Network;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::sign::SigningSecret;
use crate::delivery::store::Durability;
use crate::filter::Filter;
use crate::ftl::Template;
use crate::pipeline::error::ConfigError;
use crate::pipeline::error::ConfigErrorKind;
use crate::pipeline::secret_reference;
use crate::value::Path;

/// Requests at the same time by default: enough to fill a receiver that takes some milliseconds.
const CONCURRENCY: usize = 32;
/// How long a try may take by default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Custom headers, beyond the preset ones: the requirement's number.
const MAX_HEADERS: usize = 5;

/// The options of a sync. [`SyncOptions::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// Its name: part of the `webhook-id`, so renaming a sync makes its events new ones.
    pub name: String,
    /// Where to: FTL over `input` and `secrets`.
    pub url: String,
    /// `POST` by default.
    pub method: String,
    /// Names and values (FTL over `input` and `secrets`) beyond the preset ones, or in their place.
    pub headers: Vec<(String, String)>,
    /// How many headers may be added; 5 by default.
    pub max_headers: usize,
    /// Makes the payload; `None`: the original event as it is.
    pub template: Option<Template>,
    /// Which events; `None`: all.
    pub filter: Option<Filter>,
    /// When failed deliveries are tried again.
    pub retry: RetryPolicy,
    /// `memory`, a path for `SQLite`, or a URL.
    pub store: String,
    /// Requests at the same time, from 1.
    pub concurrency: usize,
    /// How long a try may take, from look-up to the answer's head.
    pub timeout: Duration,
    /// The most requests a second; `None`: no limit.
    pub rate_limit_per_second: Option<f64>,
    /// The path of the field that identifies an event; `None`: `$insert_id` with `device_id`.
    pub event_key: Option<String>,
    /// The path of the field whose events keep their order; `None`: no order.
    pub ordering: Option<String>,
    /// When an event counts as accepted.
    pub durability: Durability,
    /// Whether the store keeps events, so that they can be rendered anew.
    pub keep_events: bool,
    /// Standard Webhooks secrets (`whsec_…`, or `${secrets.NAME}`), the newest first.
    pub signing_secrets: Vec<String>,
    /// Which addresses may be dialled.
    pub address_policy: AddressPolicy,
    /// Networks that may be dialled whatever the policy says.
    pub allow_addresses: Vec<Network>,
    /// A PEM file: the certificates to trust, in place of the system's.
    pub ca_file: Option<String>,
    /// A PEM file: the certificate to show to the receiver.
    pub client_certificate: Option<String>,
    /// A PEM file with that certificate's key; `None`: in the same file.
    pub client_key: Option<String>,
    /// So many failed attempts in a row leave a host alone for a while; `None`: never, so that every
    /// attempt is made at its time.
    pub pause_after_failures: Option<u32>,
    /// Whether it may run.
    pub enabled: bool,
}

impl SyncOptions {
    /// A sync with the default options.
    pub fn new(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            method: "POST".to_owned(),
            headers: Vec::new(),
            max_headers: MAX_HEADERS,
            template: None,
            filter: None,
            retry: RetryPolicy::default(),
            store: "memory".to_owned(),
            concurrency: CONCURRENCY,
            timeout: TIMEOUT,
            rate_limit_per_second: None,
            event_key: None,
            ordering: None,
            durability: Durability::Disk,
            keep_events: true,
            signing_secrets: Vec::new(),
            address_policy: AddressPolicy::Metadata,
            allow_addresses: Vec::new(),
            ca_file: None,
            client_certificate: None,
            client_key: None,
            pause_after_failures: None,
            enabled: true,
        }
    }

    /// Checks what can be checked without an event.
    ///
    /// # Errors
    /// For the first option whose value is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |message: String| Err(ConfigError::new(ConfigErrorKind::BadValue, message));
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return wrong(format!(
                "expected a name without control characters, found {:?}",
                self.name
            ));
        }
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            let found = self.concurrency;
            return wrong(format!("concurrency: expected 1 to {MAX_CONCURRENCY}, found {found}"));
        }
        if self.timeout.is_zero() {
            return wrong("timeout_seconds: expected more than 0, found 0".to_owned());
        }
        if let Some(rate) = self.rate_limit_per_second
            && !(rate.is_finite() && rate > 0.0)
        {
            return wrong(format!("rate_limit_per_second: expected more than 0, found {rate}"));
        }
        check_store(&self.store)?;
        for (option, path) in [("event_key", &self.event_key), ("ordering", &self.ordering)] {
            if let Some(path) = path
                && let Err(error) = Path::parse(path)
            {
                return wrong(format!("{option}: {error}"));
            }
        }
        for text in &self.signing_secrets {
            // One that is named is looked up, and checked, when a run starts.
            if secret_reference(text).is_none()
                && let Err(error) = SigningSecret::parse(text)
            {
                return wrong(format!("signing_secret: {error}"));
            }
        }
        if self.client_key.is_some() && self.client_certificate.is_none() {
            return wrong(String::from(
                "client_key: expected a client_certificate beside it, found none",
            ));
        }
        if self.pause_after_failures == Some(0) {
            return wrong(String::from("pause_after_failures: expected 1 or more, found 0"));
        }
        self.retry.check().or_else(|error| wrong(error.to_string()))
    }
}

/// A store is in memory, a file, or, in a later version, shared.
fn check_store(store: &str) -> Result<(), ConfigError> {
    if store.starts_with("postgresql://") || store.starts_with("postgres://") {
        let message = "store: shared stores come with a later version";
        return Err(ConfigError::new(ConfigErrorKind::NotAvailable, message)
            .with_hint("a path, such as braze.db, keeps what is pending on this machine"));
    }
    if store.is_empty() || store.contains("://") || store.contains('\0') {
        let shown = store.split("://").next().unwrap_or_default();
        let message = format!("store: expected `memory` or a path, found `{shown}`");
        return Err(ConfigError::new(ConfigErrorKind::BadValue, message)
            .with_hint("a path, such as braze.db, keeps what is pending in that file"));
    }
    Ok(())
}
