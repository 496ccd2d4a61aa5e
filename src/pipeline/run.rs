//! A run: a source's events on their way to the delivery engine, counted.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::delivery::DeliveryOptions;
use crate::delivery::Engine;
use crate::delivery::EngineError;
use crate::delivery::address::AddressPolicy;
use crate::delivery::address::AddressRules;
use crate::delivery::breaker::BreakerOptions;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::log::Log;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogRecord;
use crate::delivery::log::LogTarget;
use crate::delivery::log::LogValue;
use crate::delivery::request::Secrets;
use crate::delivery::sign::SigningSecret;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::Sync;
use crate::pipeline::secret_reference;
use crate::pipeline::sources::Sources;
use crate::report::AttemptMade;
use crate::report::Counters;
use crate::report::Report;
use crate::report::grouped;

pub use crate::delivery::Until;

/// The longest the caller waits before it is asked whether to go on.
pub(in crate::pipeline) const SLICE: Duration = Duration::from_millis(25);

/// A run under way. Its methods may be called from several threads.
#[derive(Debug)]
pub struct Run {
    pub(in crate::pipeline) sync: Arc<Sync>,
    /// `None` once it has ended, so that the store is closed and others can have it.
    engine: RwLock<Option<Arc<Engine>>>,
    /// Outlives the engine, so that what is said last can be taken, too.
    log: Arc<Log>,
    pub(in crate::pipeline) counters: Arc<Counters>,
    pub(in crate::pipeline) clock: Arc<dyn Clock>,
    started: Timestamp,
    ended: AtomicU64,
    pub(in crate::pipeline) ordinal: AtomicU64,
    /// Read from the store with the first source.
    pub(in crate::pipeline) sources: Mutex<Option<Sources>>,
    /// Dead letters that could not be sent again.
    stayed: AtomicU64,
}

/// What becomes of an event that an earlier run delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It is left out.
    LeaveOut,
    /// It is left out if it has a key of its own. Others are new ones: events that arrive one by
    /// one may well look the same every day.
    LeaveOutByKey,
    /// It is sent again, and sources are read from their beginning.
    SendAgain,
}

/// How a step of a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of it is done.
    Done,
    /// The caller said not to go on, or the time was up.
    Stopped,
}

/// A run can't start.
#[derive(Debug)]
pub enum StartError {
    /// The sync is disabled, or a secret is missing.
    Config(ConfigError),
    /// The store can't be opened.
    Store(StoreError),
    /// The engine does not start.
    Engine(EngineError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl Sync {
    /// Starts a run: the engine's threads, over what the store holds.
    ///
    /// # Errors
    /// When the sync is disabled, a secret is missing, or the engine does not start.
    pub fn start(
        self: &Arc<Self>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Run, StartError> {
        let options = self.options();
        if !options.enabled {
            let message = "expected an enabled sync, found `enabled = false`";
            return Err(ConfigError::new(ConfigErrorKind::Disabled, message)
                .with_hint("what it had pending stays where it is until it is enabled")
                .of_sync(&options.name)
                .into());
        }
        for name in self.secret_names() {
            if secrets.get(name).is_none() {
                return Err(missing_secret(name).of_sync(&options.name).into());
            }
        }
        let counters = Arc::new(Counters::new());
        let started = clock.now();
        let engine = Engine::start(
            self.delivery_options(&*secrets)?,
            store,
            Arc::clone(&clock),
            secrets,
            Arc::clone(&counters),
        )
        .map_err(|error| match error {
            EngineError::Store(error) => StartError::Store(error),
            other => StartError::Engine(other),
        })?;
        self.totals.begin(&counters);
        Ok(Run {
            sync: Arc::clone(self),
            log: Arc::clone(engine.log()),
            engine: RwLock::new(Some(Arc::new(engine))),
            counters,
            clock,
            started,
            ended: AtomicU64::new(0),
            ordinal: AtomicU64::new(0),
            sources: Mutex::new(None),
            stayed: AtomicU64::new(0),
        })
    }

    fn delivery_options(&self, secrets: &dyn Secrets) -> Result<DeliveryOptions, ConfigError> {
        let mut delivery = self.unsigned_delivery_options();
        delivery.tls = self.tls_options()?;
        for text in &self.options().signing_secrets {
            let secret = match secret_reference(text) {
                Some(name) => secrets.get(name).ok_or_else(|| missing_secret(name))?,
                None => text.clone(),
            };
            delivery.signing_secrets.push(SigningSecret::parse(&secret).map_err(|error| {
                ConfigError::new(ConfigErrorKind::BadValue, format!("signing_secret: {error}"))
            })?);
        }
        Ok(delivery)
    }

    /// How it delivers, without what needs secrets or files.
    pub(in crate::pipeline) fn unsigned_delivery_options(&self) -> DeliveryOptions {
        let options = self.options();
        let mut delivery = DeliveryOptions::new(&options.name);
        delivery.concurrency = options.concurrency;
        delivery.timeout = options.timeout;
        delivery.rate_limit_per_second = options.rate_limit_per_second;
        delivery.policy = options.retry.clone();
        delivery.breaker = options
            .pause_after_failures
            .map(|failures| BreakerOptions { failures, ..BreakerOptions::default() });
        delivery.addresses = self.address_rules();
        delivery
    }

    /// Which addresses its requests may go to.
    pub fn address_rules(&self) -> AddressRules {
        let options = self.options();
        let policy = if self.head.url_reads_events() {
            AddressPolicy::Public
        } else {
            options.address_policy
        };
        AddressRules { policy, allow: options.allow_addresses.clone() }
    }
}

fn missing_secret(name: &str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::MissingSecret, format!("the secret `{name}` is not set"))
        .with_hint(format!("set the environment variable {name}"))
}

impl Run {
    /// Waits until all events had their first attempt, or are settled; at most `timeout`.
    ///
    /// # Errors
    /// When used in a forked process, or the store failed.
    pub fn wait(
        &self,
        until: Until,
        timeout: Option<Duration>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let engine = self.engine()?;
        let start = self.clock.now();
        loop {
            if engine.wait(until, SLICE)? {
                return Ok(Progress::Done);
            }
            let late = timeout.is_some_and(|timeout| self.clock.now().since(start) >= timeout);
            // Another thread, or a signal handler inside `go_on`, may have ended the run.
            if late || !go_on() || self.engine().is_err() {
                return Ok(Progress::Stopped);
            }
        }
    }

    /// Ends the run: nothing more is taken in, requests under way get `grace` to finish, and what
    /// is not finished stays in the store as pending. Then the store is closed. Does nothing when
    /// the run has ended already.
    ///
    /// # Errors
    /// When used in a forked process, or when the store could not make safe what became of the
    /// deliveries.
    pub fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        let Ok(engine) = self.engine() else { return Ok(()) };
        engine.stop(grace)?;
        let elapsed = self.clock.now().since(self.started).as_micros();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX).max(1);
        let _ = self.ended.compare_exchange(0, elapsed, Ordering::Relaxed, Ordering::Relaxed);
        let safe = engine.store().flush();
        self.tell_pending(&engine);
        self.sync.totals.end(&self.counters);
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = None;
        safe.map_err(EngineError::Store)
    }

    /// Says what is left for later.
    fn tell_pending(&self, engine: &Engine) {
        let pending = self.counters.pending();
        if pending == 0 {
            return;
        }
        let options = self.sync.options();
        self.log.write(LogLevel::Info, LogTarget::Store, "pending", self.clock.now(), || {
            let place = if options.is_in_memory() { "memory" } else { &options.store };
            let pending_text = grouped(pending);
            let message = format!("{pending_text} deliveries are pending in {place}");
            let mut fields = vec![("pending", LogValue::Number(pending))];
            let Ok(Some(due)) = engine.store().next_due() else { return (message, fields) };
            let due = due.to_string();
            let message = format!("{message}; next attempt at {due}");
            fields.push(("next_attempt", LogValue::Text(due)));
            (message, fields)
        });
    }

    /// The engine, while the run goes on.
    pub(in crate::pipeline) fn engine(&self) -> Result<Arc<Engine>, EngineError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or(EngineError::Stopped)
    }

    /// The store, as long as the run goes on.
    pub fn store(&self) -> Option<Weak<dyn Store>> {
        self.engine().ok().map(|engine| Arc::downgrade(engine.store()))
    }

    /// A dead letter could not be sent again.
    pub(in crate::pipeline) fn stayed(&self) {
        self.stayed.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn report(&self) -> Report {
        let elapsed = match self.ended.load(Ordering::Relaxed) {
            0 => self.clock.now().since(self.started),
            micros => Duration::from_micros(micros),
        };
        self.counters.snapshot(elapsed)
    }

    /// Single attempts up to now, by the time they started: all of them, or evenly drawn samples of
    /// those that delivered and those that failed.
    pub fn attempts(&self) -> Vec<AttemptMade> {
        self.counters.attempt_log().kept()
    }

    /// What the reader of a report should know beside the figures.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let options = self.sync.options();
        let pending = self.counters.pending();
        let is_one = pending == 1;
        let these = if is_one { "1 pending delivery is" } else { "pending deliveries are" };
        let count = if is_one { String::new() } else { format!("{pending} ") };
        if pending > 0 && options.is_in_memory() {
            let end = if is_one { "ends" } else { "end" };
            notes.push(format!(
                "{count}{these} in memory and {end} with this process; a store keeps what is pending"
            ));
        } else if pending > 0 {
            let store = &options.store;
            notes.push(format!("{count}{these} in {store}; the next run or drain goes on there"));
        }
        match self.stayed.load(Ordering::Relaxed) {
            0 => {}
            1 => notes.push("1 dead letter can't be sent again and stays where it is".to_owned()),
            more => notes
                .push(format!("{more} dead letters can't be sent again and stay where they are")),
        }
        notes
    }

    /// What there was to say since the last time; may be asked when the run has ended, too.
    pub fn take_log(&self) -> Vec<LogRecord> {
        let is_over = self.ended.load(Ordering::Relaxed) != 0;
        self.log.take(self.clock.now(), is_over)
    }

    /// The log, for what a step of the run has to say.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
