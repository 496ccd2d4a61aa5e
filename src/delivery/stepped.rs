//! An engine without threads: the same decisions, step by step, on time that the caller invents.
//!
//! [`SteppedEngine`] is for simulations. Each step does one thing that is due: the keeper looks
//! into the store, a sender takes a job, a request ends, a wait is over. What a request meets, a
//! [`Network`] says. With the same store, network and seed, every run is the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::delivery::DeliveryOptions;
use crate::delivery::EngineError;
use crate::delivery::attempt::Attempt;
use crate::delivery::attempt::Ended;
use crate::delivery::attempt::Step;
use crate::delivery::build;
use crate::delivery::client::Client;
use crate::delivery::client::Clients;
use crate::delivery::client::Exchange;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::Waker;
use crate::delivery::clock::lock;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;
use crate::delivery::pool::HandedOut;
use crate::delivery::pool::Pool;
use crate::delivery::request::Request;
use crate::delivery::store::Discarded;
use crate::delivery::store::Job;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Revival;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::report::Counters;

/// What requests meet in a simulation.
pub trait Network {
    /// The request of this job goes out now: how long until it ends, and how.
    fn send(&mut self, job: &Job, now: Timestamp) -> Flight;
}

/// A request under way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// How long it takes.
    pub takes: Duration,
    /// How it ends.
    pub exchange: Exchange,
}

/// An engine that the caller steps. Dropping it is a crash: nothing more is told to the store.
pub struct SteppedEngine {
    pool: Pool,
    clock: Arc<SteppedClock>,
    senders: Vec<Sender>,
    idle: Vec<usize>,
    /// When which sender goes on; the number in the middle keeps equal times in order.
    timers: BinaryHeap<Reverse<(Timestamp, u64, usize)>>,
    timers_set: u64,
    /// Until when the keeper rests, unless it is rung.
    keeper_rests: Option<HandedOut>,
    order: fastrand::Rng,
}

struct Sender {
    dice: fastrand::Rng,
    work: Option<Work>,
}

struct Work {
    job: Job,
    attempt: Attempt,
    /// How the request under way will end.
    exchange: Option<Exchange>,
}

impl SteppedEngine {
    /// An engine on this store, at this time, which takes over what an earlier engine left there.
    ///
    /// # Errors
    /// When an option is wrong or the store cannot be used.
    pub fn start(
        options: DeliveryOptions,
        store: Arc<dyn Store>,
        counters: Arc<Counters>,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let order = fastrand::Rng::with_seed(options.seed.unwrap_or_default());
        let clock = Arc::new(SteppedClock { now: AtomicI64::new(now.as_micros()) });
        let shared: Arc<dyn Clock> = Arc::<SteppedClock>::clone(&clock);
        let pool = build(options, store, shared, counters, Arc::new(NoClients))?;
        let senders = (0..pool.senders).map(|at| Sender { dice: pool.dice(at), work: None });
        let senders: Vec<Sender> = senders.collect();
        Ok(Self {
            idle: (0..senders.len()).rev().collect(),
            pool,
            clock,
            senders,
            timers: BinaryHeap::new(),
            timers_set: 0,
            keeper_rests: None,
            order,
        })
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes these events on if there is room for them, else gives them back.
    ///
    /// # Errors
    /// When it was stopped, or the store did not take them; then none is accepted.
    pub fn accept(
        &mut self,
        batch: Vec<NewDelivery>,
    ) -> Result<Option<Vec<NewDelivery>>, EngineError> {
        match self.broken() {
            Some(error) => Err(EngineError::Store(error)),
            None => self.pool.accept(batch).map_err(EngineError::Store),
        }
    }

    /// The same, but what finds no room waits in the store, if it may
    /// ([`Engine::accept_at_once`](crate::delivery::Engine::accept_at_once)).
    ///
    /// # Errors
    /// As [`SteppedEngine::accept`].
    pub fn accept_at_once(
        &mut self,
        batch: Vec<NewDelivery>,
    ) -> Result<Option<Vec<NewDelivery>>, EngineError> {
        match self.accept(batch)? {
            Some(batch) => self.pool.accept_beyond(batch).map_err(EngineError::Store),
            None => Ok(None),
        }
    }

    /// Takes dead letters on once more, and says how many there were.
    ///
    /// # Errors
    /// As [`SteppedEngine::accept`].
    pub fn revive(&mut self, batch: Vec<Revival>) -> Result<usize, EngineError> {
        match self.broken() {
            Some(error) => Err(EngineError::Store(error)),
            None => self.pool.revive(batch).map_err(EngineError::Store),
        }
    }

    /// Takes on events that can never be sent, as dead letters.
    ///
    /// # Errors
    /// As [`SteppedEngine::accept`].
    pub fn discard(&mut self, batch: Vec<Discarded>) -> Result<(), EngineError> {
        match self.broken() {
            Some(error) => Err(EngineError::Store(error)),
            None => self.pool.discard(batch).map_err(EngineError::Store),
        }
    }

    /// Does the next thing that is due by `until`, time moving on to it. False when there is
    /// nothing; then it is `until`.
    pub fn step(&mut self, until: Timestamp, network: &mut dyn Network) -> bool {
        if self.pool.stopping.load(SeqCst) {
            self.clock.set(until);
            return false;
        }
        // On a machine with several processors, either may come first.
        let keeper_first = self.order.bool();
        if (keeper_first && self.step_keeper())
            || self.step_idle_sender(network)
            || self.step_keeper()
        {
            return true;
        }
        let Some(next) = self.next_time().filter(|next| *next <= until) else {
            self.clock.set(until);
            return false;
        };
        self.clock.set(next);
        let is_sender = self.timers.peek().is_some_and(|Reverse((time, ..))| *time <= next);
        if is_sender && let Some(Reverse((_, _, number))) = self.timers.pop() {
            self.go_on(number, network);
        }
        true
    }

    fn step_keeper(&mut self) -> bool {
        if !self.keeper_is_due() {
            return false;
        }
        self.keeper_rests = match self.pool.keeper_step() {
            HandedOut::Some => None,
            rests @ HandedOut::NothingUntil(_) => Some(rests),
        };
        true
    }

    fn step_idle_sender(&mut self, network: &mut dyn Network) -> bool {
        if self.busy() < self.pool.gate.limit()
            && let Some(number) = self.idle.last().copied()
            && let Some(job) = self.pool.queue.try_take()
        {
            self.idle.pop();
            let attempt = Attempt::new(&job);
            self.senders[number].work = Some(Work { job, attempt, exchange: None });
            self.go_on(number, network);
            return true;
        }
        false
    }

    /// When something will happen by itself.
    pub fn next_time(&self) -> Option<Timestamp> {
        let sender_is_free = self.busy() < self.pool.gate.limit().min(self.senders.len());
        let job_to_take = sender_is_free && self.pool.queue.len() > 0;
        if job_to_take || *lock(&self.pool.keeper.rung) {
            return Some(self.now());
        }
        let sender = self.timers.peek().map(|Reverse((time, ..))| *time);
        let keeper = match self.keeper_rests {
            Some(HandedOut::NothingUntil(next)) => next,
            _ => Some(self.now()),
        };
        sender.into_iter().chain(keeper).min()
    }

    /// The error that ended it, if the store failed.
    pub fn broken(&self) -> Option<StoreError> {
        self.pool.broken()
    }

    /// How many attempts are under way.
    pub fn busy(&self) -> usize {
        self.senders.len() - self.idle.len()
    }

    /// How many jobs wait for a sender.
    pub fn queued(&self) -> usize {
        self.pool.queue.len()
    }

    /// Stops in good order: requests under way are cut, and all jobs go back to the store.
    pub fn stop(mut self) {
        self.pool.stop_working();
        for number in 0..self.senders.len() {
            if let Some(mut work) = self.senders[number].work.take() {
                let outcome = Outcome::of_trouble(FailureKind::Cut, "stopped");
                work.exchange = Some(Exchange { outcome, replaced_connection: false });
                self.senders[number].work = Some(work);
                self.go_on(number, &mut Unplugged);
            }
        }
        self.pool.return_jobs();
    }

    fn keeper_is_due(&self) -> bool {
        let rung = mem::take(&mut *lock(&self.pool.keeper.rung));
        match self.keeper_rests {
            Some(HandedOut::NothingUntil(next)) => {
                rung || next.is_some_and(|next| next <= self.now())
            }
            _ => true,
        }
    }

    /// A sender goes on with its attempt, as far as it gets without waiting.
    fn go_on(&mut self, number: usize, network: &mut dyn Network) {
        let sender = &mut self.senders[number];
        let pauses = |_| {};
        let (Some(work), Some(workshop)) = (&mut sender.work, self.pool.workshop(number, &pauses))
        else {
            return;
        };
        let mut roll = || sender.dice.f64();
        let ended: Option<Ended> = work
            .exchange
            .take()
            .and_then(|exchange| workshop.sent(&mut work.attempt, &work.job, exchange, &mut roll));
        let step = match ended {
            Some(ended) => Step::Ended(ended),
            None => workshop.step(&mut work.attempt, &work.job, &mut roll),
        };
        let now = self.clock.now();
        let goes_on_at = match step {
            Step::Wait(time) => time,
            Step::Send => {
                let flight = network.send(&work.job, now);
                work.exchange = Some(flight.exchange);
                now + flight.takes
            }
            Step::Ended(ended) => {
                self.pool.finish(&work.job, ended);
                self.pool.made_room();
                sender.work = None;
                self.idle.push(number);
                return;
            }
        };
        self.timers_set += 1;
        self.timers.push(Reverse((goes_on_at, self.timers_set, number)));
    }
}

impl fmt::Debug for SteppedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SteppedEngine({}, {} busy)", self.now(), self.busy())
    }
}

/// Time that stands where it was set.
#[derive(Debug)]
struct SteppedClock {
    now: AtomicI64,
}

impl SteppedClock {
    /// Time never goes back.
    fn set(&self, time: Timestamp) {
        self.now.fetch_max(time.as_micros(), SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(SeqCst))
    }

    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// Nobody waits here: who would wait is called again when the time has come.
    fn wait(&self, _waker: &Waker, _deadline: Option<Timestamp>) {}

    fn ring(&self, waker: &Waker) {
        *lock(&waker.rung) = true;
    }
}

/// No sockets: requests go to the [`Network`].
#[derive(Debug)]
struct NoClients;

impl Clients for NoClients {
    fn client(&self) -> Box<dyn Client> {
        Box::new(Unplugged)
    }

    fn cut(&self) {}
}

struct Unplugged;

impl Unplugged {
    fn exchange() -> Exchange {
        let outcome = Outcome::of_trouble(FailureKind::Cut, "stopped");
        Exchange { outcome, replaced_connection: false }
    }
}

impl Client for Unplugged {
    fn send(&mut self, _request: &Request, _wall: Timestamp) -> Exchange {
        Self::exchange()
    }
}

impl Network for Unplugged {
    fn send(&mut self, _job: &Job, _now: Timestamp) -> Flight {
        Flight { takes: Duration::ZERO, exchange: Self::exchange() }
    }
}
