//! A run: a source's events on their way to the delivery engine, counted.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::delivery::AcceptError;
use crate::delivery::DeliveryOptions;
use crate::delivery::Engine;
use crate::delivery::EngineError;
use crate::delivery::address::AddressPolicy;
use crate::delivery::address::AddressRules;
use crate::delivery::breaker::BreakerOptions;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::log::LogRecord;
use crate::delivery::request::Secrets;
use crate::delivery::sign::SigningSecret;
use crate::delivery::store::Discarded;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Reason;
use crate::delivery::store::Store;
use crate::events::Block;
use crate::events::EventError;
use crate::events::Reader;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::Decision;
use crate::pipeline::Position;
use crate::pipeline::Sync;
use crate::pipeline::secret_reference;
use crate::report::Counters;
use crate::report::ErrorSample;
use crate::report::Report;
use crate::value::Buffers;
use crate::value::Document;

pub use crate::delivery::Until;

/// Events handed to the engine at once: few enough to start sending early, many enough to make
/// handing over cheap.
const BATCH: usize = 64;
/// A block of fewer bytes comes from a source that gives little at a time.
const SHORT_BLOCK: usize = 128 * 1024;
/// Events prepared before the caller is asked whether to go on: a heavy template takes some
/// milliseconds for each.
const EVENTS_A_LOOK: usize = 8;
/// The longest the caller waits before it is asked whether to go on.
const SLICE: Duration = Duration::from_millis(40);

/// A run under way. Its methods may be called from several threads.
#[derive(Debug)]
pub struct Run {
    sync: Arc<Sync>,
    engine: Engine,
    counters: Arc<Counters>,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    ended: AtomicU64,
    ordinal: AtomicU64,
    notes: Vec<String>,
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
    /// The engine does not start.
    Engine(EngineError),
}

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
        .map_err(StartError::Engine)?;
        let mut notes = Vec::new();
        if options.store != "memory" {
            notes.push(format!(
                "this version keeps unfinished deliveries in memory; `{}` is not written",
                options.store
            ));
        }
        Ok(Run {
            sync: Arc::clone(self),
            engine,
            counters,
            clock,
            started,
            ended: AtomicU64::new(0),
            ordinal: AtomicU64::new(0),
            notes,
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
        let policy = if self.head.url_reads_events() {
            AddressPolicy::Public
        } else {
            options.address_policy
        };
        delivery.addresses = AddressRules { policy, allow: options.allow_addresses.clone() };
        delivery
    }
}

fn missing_secret(name: &str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::MissingSecret, format!("the secret `{name}` is not set"))
        .with_hint(format!("set the environment variable {name}"))
}

impl Run {
    /// Sends the events of a source; `go_on` is asked at least every 50 ms.
    ///
    /// A part of the source that can't be read counts as `invalid`, and the run goes on behind it.
    ///
    /// # Errors
    /// When the store does not take the events: those of the last batch are not accepted.
    pub fn feed(
        &self,
        mut reader: Reader,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let mut batch = Batch::default();
        while let Some(block) = reader.next_block() {
            match block {
                Ok(block) => {
                    let progress = self.feed_block(&block, &mut batch, go_on)?;
                    reader.reuse(block);
                    if progress == Progress::Stopped {
                        return Ok(Progress::Stopped);
                    }
                }
                Err(error) => self.invalid(&error),
            }
            if !go_on() {
                return Ok(Progress::Stopped);
            }
        }
        self.hand_over(&mut batch, go_on)
    }

    fn feed_block(
        &self,
        block: &Block,
        batch: &mut Batch,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let origin = block.origin().to_string();
        let now = self.clock.wall().as_millis();
        for (number, line) in block.lines().enumerate() {
            if number % EVENTS_A_LOOK == 0 && !go_on() {
                return Ok(Progress::Stopped);
            }
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    self.invalid(&error);
                    continue;
                }
            };
            match line.parse(std::mem::take(&mut batch.buffers)) {
                Ok(event) => {
                    self.decide(
                        &event,
                        line.text(),
                        &Position::Source(&origin, line.number()),
                        now,
                        batch,
                    );
                    batch.buffers = event.into_buffers();
                }
                Err((error, buffers)) => {
                    self.invalid(&error);
                    batch.buffers = buffers;
                }
            }
            if batch.deliveries.len() >= BATCH && self.hand_over(batch, go_on)? == Progress::Stopped
            {
                return Ok(Progress::Stopped);
            }
        }
        // A source that gives little at a time must not wait for a full batch.
        if block.len() < SHORT_BLOCK { self.hand_over(batch, go_on) } else { Ok(Progress::Done) }
    }

    /// Sends events given as JSON texts; returns when they are accepted.
    ///
    /// # Errors
    /// When the store does not take them.
    pub fn send(
        &self,
        events: &[impl AsRef<str>],
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let mut batch = Batch::default();
        let now = self.clock.wall().as_millis();
        for (number, text) in events.iter().enumerate() {
            if number % EVENTS_A_LOOK == EVENTS_A_LOOK - 1 && !go_on() {
                return Ok(Progress::Stopped);
            }
            let text = text.as_ref().trim();
            let ordinal = self.ordinal.fetch_add(1, Ordering::Relaxed);
            match Document::parse_with(text, std::mem::take(&mut batch.buffers)) {
                Ok(event) if event.root().as_object().is_some() => {
                    self.decide(&event, text, &Position::Ordinal(ordinal), now, &mut batch);
                    batch.buffers = event.into_buffers();
                }
                Ok(event) => {
                    let found = event.root().kind_name();
                    self.invalid_text(
                        ordinal,
                        "not_an_object",
                        format!("expected an object, found {found}"),
                    );
                }
                Err((error, buffers)) => {
                    self.invalid_text(ordinal, "invalid_json", error.to_string());
                    batch.buffers = buffers;
                }
            }
            if batch.deliveries.len() >= BATCH
                && self.hand_over(&mut batch, go_on)? == Progress::Stopped
            {
                return Ok(Progress::Stopped);
            }
        }
        self.hand_over(&mut batch, go_on)
    }

    fn decide(
        &self,
        event: &Document<'_>,
        text: &str,
        position: &Position<'_>,
        now: i64,
        batch: &mut Batch,
    ) {
        let root = event.root();
        let kept = || self.sync.options().keep_events.then(|| text.to_owned());
        match self.sync.decide(root, text, position, now) {
            Decision::Filtered => self.counters.filtered(1),
            Decision::Send { key, request, lane } => {
                // Without a template the payload is the event already.
                let event = if self.sync.options().template.is_some() { kept() } else { None };
                let mut new = NewDelivery::new(key, request, event);
                new.lane = lane;
                batch.deliveries.push(new);
            }
            Decision::Discard { key, reason: discard } => {
                let message = discard.message();
                self.counters.error(ErrorSample {
                    kind: discard.kind(),
                    message: message.clone(),
                    place: String::new(),
                    key: key.clone(),
                });
                let reason =
                    if discard.reason() == "filter" { Reason::Filter } else { Reason::Render };
                let at = self.clock.wall();
                batch.discarded.push(Discarded {
                    key,
                    reason,
                    message,
                    event: kept(),
                    at,
                    place: None,
                });
            }
        }
    }

    fn hand_over(
        &self,
        batch: &mut Batch,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        if !batch.discarded.is_empty() {
            self.engine.discard(std::mem::take(&mut batch.discarded))?;
        }
        if batch.deliveries.is_empty() {
            return Ok(Progress::Done);
        }
        match self.engine.accept(std::mem::take(&mut batch.deliveries), &|| !go_on()) {
            Ok(()) => Ok(Progress::Done),
            Err(AcceptError { error: EngineError::Interrupted, .. }) => Ok(Progress::Stopped),
            Err(AcceptError { error, .. }) => Err(error),
        }
    }

    fn invalid(&self, error: &EventError) {
        self.counters.invalid(1);
        let place = error.origin().map(ToString::to_string).unwrap_or_default();
        let place = match error.line() {
            Some(line) => format!("{place}:{line}"),
            None => place,
        };
        let kind = format!("event_{}", error.kind().name());
        self.counters.error(ErrorSample {
            kind,
            message: error.to_string(),
            place,
            key: String::new(),
        });
    }

    fn invalid_text(&self, ordinal: u64, kind: &str, message: String) {
        self.counters.invalid(1);
        let place = format!("event {}", ordinal + 1);
        self.counters.error(ErrorSample {
            kind: format!("event_{kind}"),
            message,
            place,
            key: String::new(),
        });
    }

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
        let start = self.clock.now();
        loop {
            if self.engine.wait(until, SLICE)? {
                return Ok(Progress::Done);
            }
            let late = timeout.is_some_and(|timeout| self.clock.now().since(start) >= timeout);
            if late || !go_on() {
                return Ok(Progress::Stopped);
            }
        }
    }

    /// Ends the run: nothing more is taken in, requests under way get `grace` to finish, and what
    /// is not finished stays in the store as pending.
    ///
    /// # Errors
    /// When used in a forked process.
    pub fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        self.engine.stop(grace)?;
        let elapsed = self.clock.now().since(self.started).as_micros();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX).max(1);
        let _ = self.ended.compare_exchange(0, elapsed, Ordering::Relaxed, Ordering::Relaxed);
        Ok(())
    }

    /// The figures now.
    pub fn report(&self) -> Report {
        let elapsed = match self.ended.load(Ordering::Relaxed) {
            0 => self.clock.now().since(self.started),
            micros => Duration::from_micros(micros),
        };
        self.counters.snapshot(elapsed)
    }

    /// What the reader of a report should know beside the figures.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the threads had to say since the last time.
    pub fn take_log(&self) -> Vec<LogRecord> {
        self.engine.take_log()
    }
}

#[derive(Debug, Default)]
struct Batch {
    deliveries: Vec<NewDelivery>,
    discarded: Vec<Discarded>,
    buffers: Buffers,
}
