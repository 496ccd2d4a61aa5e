//! To the receiver: takes requests on, sends them, and sends them again until they are through.
//!
//! # The life of a delivery
//!
//! ```text
//!  accept ──▶ ON HAND ──────── 2xx ───────────────────────────────▶ DELIVERED
//!               │  ▲
//!   attempt     │  │ due
//!   failed      ▼  │
//!             WAITING ─── no attempt left, too old, gone ─────────▶ DEAD LETTER (expired)
//!
//!  discard ──────────────── cannot become a request ──────────────▶ DEAD LETTER (discarded)
//! ```
//!
//! An **attempt** is up to three **tries**, each one HTTP request; [`policy`] says when another one
//! follows. What waits and what died is in a [`store::Store`].
//!
//! # What is promised
//!
//! * From the moment [`Engine::accept`] returns, an event is delivered at least once, or is a dead
//!   letter that says why, or is still pending in the store. As safe as the store is.
//! * Every try has the same `webhook-id` and the same bytes.
//! * At most [`policy::RetryPolicy::max_requests`] requests are counted against an event. A request
//!   on a kept-alive connection that had already gone is repeated at once and not counted.
//! * The answer's status line decides. Redirects are failures and are not followed.
//! * No thread is started before [`Engine::start`], none is left after [`Engine::stop`].
//!
//! # What is not
//!
//! * No order, but within a lane: events of one lane go one at a time, in the order in which they
//!   were accepted, and a failed one holds up its lane until it is delivered or given up.
//! * Not exactly once: a receiver that took an event and could not say so gets it again. It can
//!   tell by the `webhook-id`.
//!
//! The room knows nothing of events, filters and templates: it is handed finished requests.

pub mod adaptive;
pub mod address;
mod attempt;
pub mod breaker;
pub mod client;
pub mod clock;
mod crew;
mod dial;
pub mod forecast;
mod gate;
mod identity;
mod lanes;
pub mod log;
pub mod machine;
mod mask;
mod names;
mod options;
pub mod outcome;
mod overflow;
pub mod policy;
mod pool;
mod queue;
pub mod request;
mod room;
pub mod scheduler;
mod side_by_side;
pub mod sign;
pub mod stepped;
pub mod store;
mod tell;
pub mod tls;
mod trace;
mod wire;

pub use crate::delivery::identity::lane_of;
pub use crate::delivery::identity::webhook_id;
pub use crate::delivery::side_by_side::side_by_side;

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::delivery::client::Clients;
use crate::delivery::client::HttpClients;
use crate::delivery::clock::Clock;
use crate::delivery::clock::instant;
use crate::delivery::log::Log;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogRecord;
use crate::delivery::log::LogTarget;
use crate::delivery::log::LogValue;
use crate::delivery::names::Names;
use crate::delivery::policy::PolicyError;
use crate::delivery::pool::Parts;
use crate::delivery::pool::Pool;
use crate::delivery::request::Secrets;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::store::Discarded;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Revival;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::report::Counters;
use crate::report::grouped;

pub use crate::delivery::options::DeliveryOptions;
pub use crate::delivery::options::MAX_CONCURRENCY;
pub use crate::delivery::options::MAX_TIMEOUT;

/// How long a blocked caller waits before it asks whether it should stop.
const SLICE: Duration = Duration::from_millis(25);

/// How long a caller lets engines on a virtual clock work before it looks again.
const ASSIST: Duration = Duration::from_millis(20);

/// How long a caller that need not wait for the receiver waits for room all the same: a receiver
/// that makes some meanwhile gets its events sooner than by way of the store.
const PATIENCE: Duration = Duration::from_millis(250);

/// What [`Engine::wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Every accepted event had its first attempt, or was put off because its host is being left
    /// alone ([`breaker`]).
    FirstAttempts,
    /// The same, and so had all that was due when the engine started.
    CaughtUp,
    /// Every accepted event was delivered or given up: waits out the whole retry schedule.
    Settled,
}

/// Delivers requests with a pool of threads. Dropping it stops it at once, without a grace time.
#[derive(Debug)]
pub struct Engine {
    pool: Arc<Pool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    process: u32,
}

impl Engine {
    /// Starts an engine on this store, which takes over what an earlier engine left there.
    ///
    /// Its counts go to `counters`, which no other engine should use at the same time.
    ///
    /// # Errors
    /// When an option is wrong, the store cannot be used, or the system gives no threads.
    pub fn start(
        options: DeliveryOptions,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
        counters: Arc<Counters>,
    ) -> Result<Self, EngineError> {
        options.check().map_err(EngineError::Options)?;
        let clients = HttpClients::new(
            options.timeout,
            options.addresses.clone(),
            Names::new(pool::look_up_threads()),
            secrets,
            options.signing_secrets.clone(),
            &options.tls,
        );
        Self::start_with_clients(options, store, clock, counters, Arc::new(clients))
    }

    /// Starts an engine that sends through other clients than HTTP ones; for tests and simulations.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_with_clients(
        options: DeliveryOptions,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        clients: Arc<dyn Clients>,
    ) -> Result<Self, EngineError> {
        let pool = Arc::new(build(options, store, clock, counters, clients)?);
        let threads = pool.start().map_err(|error| EngineError::Threads(error.to_string()))?;
        Ok(Self { pool, threads: Mutex::new(threads), process: std::process::id() })
    }

    /// Takes these events on. Returns when the store has them and they are on their way.
    ///
    /// While too much is waiting to be sent, it blocks; every 25 ms it asks `interrupted` whether
    /// the caller wants to stop, and if so gives the events back.
    ///
    /// # Errors
    /// When interrupted, stopped, used in a forked process, or the store failed. Then none of the
    /// events is accepted, and [`AcceptError::batch`] is the events themselves.
    pub fn accept(
        &self,
        batch: Vec<NewDelivery>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), AcceptError> {
        self.take(batch, interrupted, false)
    }

    /// The same for a caller that waits for the store and not for the receiver: while too much is
    /// waiting to be sent, and no room is made within 250 ms, more waits in the store, at most
    /// [`DeliveryOptions::max_overflow_bytes`] of it. Only then, where order matters, and on a
    /// virtual clock, whose time moves on instead, it blocks. For stores that are not in memory.
    ///
    /// # Errors
    /// As [`Engine::accept`].
    pub fn accept_at_once(
        &self,
        batch: Vec<NewDelivery>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), AcceptError> {
        self.take(batch, interrupted, !self.pool.clock.is_virtual())
    }

    fn take(
        &self,
        mut batch: Vec<NewDelivery>,
        interrupted: &dyn Fn() -> bool,
        may_overflow: bool,
    ) -> Result<(), AcceptError> {
        let began = instant();
        loop {
            if let Err(error) = self.usable() {
                return Err(AcceptError { error, batch });
            }
            if batch.is_empty() {
                return Ok(());
            }
            let room = &self.pool.room;
            let taken = if may_overflow && room.is_stuck() && !room.is_free() {
                self.pool.accept_beyond(batch)
            } else {
                self.pool.accept(batch)
            };
            batch = match taken {
                Ok(None) => return Ok(()),
                Ok(Some(batch)) => batch,
                Err(error) => {
                    let error = EngineError::Store(error);
                    return Err(AcceptError { error, batch: Vec::new() });
                }
            };
            if interrupted() {
                return Err(AcceptError { error: EngineError::Interrupted, batch });
            }
            if !self.pool.clock.assist(ASSIST, &|| room.is_free()) {
                room.wait(SLICE);
            }
            if began.elapsed() >= PATIENCE {
                room.set_stuck();
            }
        }
    }

    /// Takes dead letters on once more. They count as accepted by an earlier run (`resumed`).
    /// Returns how many there were.
    ///
    /// # Errors
    /// When stopped, used in a forked process, or the store failed; then none was taken on.
    pub fn revive(&self, batch: Vec<Revival>) -> Result<usize, EngineError> {
        self.usable()?;
        self.pool.revive(batch).map_err(EngineError::Store)
    }

    /// Takes on events that can never be sent: they become dead letters at once, and count as
    /// accepted and discarded.
    ///
    /// # Errors
    /// When stopped, used in a forked process, or the store failed.
    pub fn discard(&self, batch: Vec<Discarded>) -> Result<(), EngineError> {
        self.usable()?;
        self.pool.discard(batch).map_err(EngineError::Store)
    }

    /// Waits at most `slice` and says whether it is all done. On a virtual clock, time moves on
    /// by itself while this waits.
    ///
    /// # Errors
    /// When used in a forked process, or the store failed.
    pub fn wait(&self, until: Until, slice: Duration) -> Result<bool, EngineError> {
        self.same_process()?;
        let counters = &self.pool.counters;
        let done = || match until {
            Until::FirstAttempts => counters.unattempted() == 0,
            Until::CaughtUp => counters.unattempted() == 0 && self.pool.has_caught_up(),
            Until::Settled => counters.pending() == 0,
        };
        let deadline = instant() + slice;
        loop {
            if done() {
                return Ok(true);
            }
            if let Some(error) = self.pool.broken() {
                return Err(EngineError::Store(error));
            }
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() || self.pool.stopping.load(SeqCst) {
                return Ok(false);
            }
            if !self.pool.clock.assist(left.min(ASSIST), &done) {
                self.pool.wait_for_change(&done, left.min(SLICE));
            }
        }
    }

    /// The counts, for a report or a progress bar.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.pool.counters
    }

    /// The store it works on.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.pool.store
    }

    /// The records that came in since the last call, for the caller to log.
    pub fn take_log(&self) -> Vec<LogRecord> {
        self.pool.log.take(self.pool.clock.now(), false)
    }

    /// The records, for those who have something to add, or who take them after the engine's end.
    pub fn log(&self) -> &Arc<Log> {
        &self.pool.log
    }

    /// Stops: accepts nothing more at once, lets requests under way finish for at most `grace`,
    /// then cuts them, and joins all threads. What was accepted and not finished stays pending in
    /// the store. Does nothing when it has been stopped already.
    ///
    /// # Errors
    /// When used in a forked process.
    pub fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        self.same_process()?;
        let threads = mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.pool.stop_working();
        self.pool.wait_for_threads(grace);
        self.pool.clients.cut();
        for thread in threads {
            // A sender's panic has been dealt with where it happened.
            let _ = thread.join();
        }
        self.pool.return_jobs();
        Ok(())
    }

    fn usable(&self) -> Result<(), EngineError> {
        self.same_process()?;
        if let Some(error) = self.pool.broken() {
            return Err(EngineError::Store(error));
        }
        if self.pool.stopping.load(SeqCst) {
            return Err(EngineError::Stopped);
        }
        Ok(())
    }

    /// Threads do not survive a fork, and locks may be held for ever by those that are gone: so
    /// nothing is touched in a child.
    fn same_process(&self) -> Result<(), EngineError> {
        if self.process == std::process::id() { Ok(()) } else { Err(EngineError::Forked) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // In a forked child the threads do not exist: joining them would wait for ever.
        if self.stop(Duration::ZERO).is_err() {
            mem::forget(mem::take(&mut *match self.threads.try_lock() {
                Ok(threads) => threads,
                Err(_) => return,
            }));
        }
    }
}

/// Everything of an engine but its threads, over what the store holds.
fn build(
    options: DeliveryOptions,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    clients: Arc<dyn Clients>,
) -> Result<Pool, EngineError> {
    options.check().map_err(EngineError::Options)?;
    let now = clock.now();
    let policy = options.policy.clone();
    let resumed = store
        .take_over(now, &|attempts| policy.latest_due(attempts, now))
        .map_err(EngineError::Store)?;
    counters.resumed(resumed);
    let longest_attempt = options.policy.try_window + options.timeout;
    let pool = Pool::new(Parts {
        scheduler: Scheduler::new(options.rate_limit_per_second, options.breaker, longest_attempt),
        name: options.name,
        policy: options.policy,
        store,
        clock,
        counters,
        clients,
        senders: options.concurrency,
        max_queued_bytes: options.max_queued_bytes,
        max_overflow_bytes: options.max_overflow_bytes,
        min_queued: options.concurrency,
        seed: options.seed,
        catch_up_to: (resumed > 0).then_some(now),
    });
    if resumed > 0 {
        pool.log.write(LogLevel::Info, LogTarget::Store, "resumed", now, || {
            let message = format!("goes on with {} pending deliveries", grouped(resumed));
            (message, vec![("pending", LogValue::Number(resumed))])
        });
        let mut lanes = pool.lanes();
        pool.store
            .pending_lanes(&mut |lane, attempts| lanes.resumed(lane, attempts))
            .map_err(EngineError::Store)?;
    }
    Ok(pool)
}

/// Why an engine did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EngineError {
    /// An option is wrong.
    Options(PolicyError),
    /// The store failed.
    Store(StoreError),
    /// The system gives no more threads.
    Threads(String),
    /// The engine was stopped.
    Stopped,
    /// The caller wanted to stop.
    Interrupted,
    /// The engine was made in another process, from which this one was forked.
    Forked,
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Threads(message) => {
                write!(f, "expected threads to send with, found none: {message}")
            }
            Self::Stopped => f.write_str("expected an engine that runs, found it stopped"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Forked => f.write_str(
                "expected the process that started the engine, found a fork of it \
                 (start another engine after forking)",
            ),
        }
    }
}

impl std::error::Error for EngineError {}

/// Events that were not accepted, and why.
#[derive(Debug)]
pub struct AcceptError {
    /// Why.
    pub error: EngineError,
    /// The events, unless the store had taken them already and failed.
    pub batch: Vec<NewDelivery>,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for AcceptError {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::delivery::DeliveryOptions;
    use crate::delivery::Engine;
    use crate::delivery::EngineError;
    use crate::delivery::Until;
    use crate::delivery::clock::SystemClock;
    use crate::delivery::request::NoSecrets;
    use crate::delivery::store::memory::MemoryStore;
    use crate::report::Counters;

    #[test]
    fn in_a_forked_process_an_engine_says_so_and_does_not_hang() {
        let engine = Engine::start(
            DeliveryOptions { concurrency: 1, ..DeliveryOptions::new("fork") },
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock::new()),
            Arc::new(NoSecrets),
            Arc::new(Counters::new()),
        );
        let mut engine = engine.unwrap_or_else(|error| panic!("{error}"));
        // As a child sees it: the number of another process, and threads that are not there.
        engine.process = engine.process.wrapping_add(1);
        let forked = Err(EngineError::Forked);
        assert_eq!(engine.accept(Vec::new(), &|| false).map_err(|error| error.error), forked);
        assert_eq!(engine.discard(Vec::new()), forked);
        assert_eq!(engine.wait(Until::Settled, Duration::ZERO).map(|_| ()), forked);
        assert_eq!(engine.stop(Duration::ZERO), forked);
        assert!(engine.take_log().is_empty());
        engine.process = engine.process.wrapping_sub(1);
        assert_eq!(engine.stop(Duration::ZERO), Ok(()));
    }
}
