//! How an engine delivers: its options, their defaults and their limits.

use std::time::Duration;

use crate::delivery::address::AddressRules;
use crate::delivery::breaker::BreakerOptions;
use crate::delivery::policy::PolicyError;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::sign::SigningSecret;
use crate::delivery::tls::TlsOptions;

/// More senders than this are refused: each is a thread.
pub const MAX_CONCURRENCY: usize = 4096;

/// The longest time-out of a try.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// Some thousand deliveries: enough that no sender waits for the source, and little enough that
/// what waits stays in the caches of the cores.
const MAX_QUEUED_BYTES: usize = 8 * 1024 * 1024;

/// What a disk can be expected to have to spare.
const MAX_OVERFLOW_BYTES: usize = 1 << 30;

/// How an engine delivers. Everything has a default but the name.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// The sync's name, for thread names and log records.
    pub name: String,
    /// How many requests are under way at once, at most; 1 to [`MAX_CONCURRENCY`].
    pub concurrency: usize,
    /// How long one try may take in all, from looking up the name to the answer's head.
    pub timeout: Duration,
    /// How many requests may start each second; `None` for no limit.
    pub rate_limit_per_second: Option<f64>,
    /// When to try again.
    pub policy: RetryPolicy,
    /// Which addresses may be dialled.
    pub addresses: AddressRules,
    /// Secrets to sign with, the newest first; none to not sign.
    pub signing_secrets: Vec<SigningSecret>,
    /// Which certificates are trusted and shown.
    pub tls: TlsOptions,
    /// When a host that only fails is left alone; `None` for never, so that every attempt is made
    /// at its time.
    pub breaker: Option<BreakerOptions>,
    /// How many bytes may wait between accept and the senders before accept blocks. One delivery
    /// for each sender always fits.
    pub max_queued_bytes: usize,
    /// How many bytes beyond these may wait in the store for their first attempt
    /// ([`Engine::accept_at_once`](crate::delivery::Engine::accept_at_once)).
    pub max_overflow_bytes: usize,
    /// Makes all dice the same in every run; for tests.
    pub seed: Option<u64>,
}

impl DeliveryOptions {
    /// The defaults under this name: 32 requests at once, 10 seconds for each.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            concurrency: 32,
            timeout: Duration::from_secs(10),
            rate_limit_per_second: None,
            policy: RetryPolicy::default(),
            addresses: AddressRules::default(),
            signing_secrets: Vec::new(),
            tls: TlsOptions::default(),
            breaker: None,
            max_queued_bytes: MAX_QUEUED_BYTES,
            max_overflow_bytes: MAX_OVERFLOW_BYTES,
            seed: None,
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Says which option is wrong, what was expected and what was found.
    pub fn check(&self) -> Result<(), PolicyError> {
        let wrong = |field, message| Err(PolicyError { field, message });
        if self.concurrency == 0 || self.concurrency > MAX_CONCURRENCY {
            let found = self.concurrency;
            return wrong("concurrency", format!("expected 1 to {MAX_CONCURRENCY}, found {found}"));
        }
        if self.timeout < Duration::from_millis(1) || self.timeout > MAX_TIMEOUT {
            let found = self.timeout.as_secs_f64();
            return wrong("timeout_seconds", format!("expected 0.001 to 3600, found {found}"));
        }
        if let Some(rate) = self.rate_limit_per_second
            && !(rate > 0.0 && rate <= 1e6)
        {
            let message = format!("expected more than 0 and at most 1000000, found {rate}");
            return wrong("rate_limit_per_second", message);
        }
        if self.max_queued_bytes == 0 {
            return wrong("max_queued_bytes", String::from("expected at least 1, found 0"));
        }
        self.policy.check()
    }
}
