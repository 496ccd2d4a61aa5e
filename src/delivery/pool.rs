//! The threads of an engine: senders, and a keeper who hands out what is due. The only file that
//! starts threads; all have names and are joined, but for name look-ups, which the system does not
//! let anybody interrupt.

use std::collections::HashSet;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::delivery::attempt::Ended;
use crate::delivery::attempt::Workshop;
use crate::delivery::client::Client;
use crate::delivery::client::Clients;
use crate::delivery::clock::Clock;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::Waker;
use crate::delivery::clock::instant;
use crate::delivery::gate::Gate;
use crate::delivery::lanes::Follows;
use crate::delivery::lanes::Lanes;
use crate::delivery::lanes::Sorted;
use crate::delivery::log::Log;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogTarget;
use crate::delivery::names::Spawn;
use crate::delivery::overflow::Overflow;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::queue::Queue;
use crate::delivery::room::Room;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::store::Change;
use crate::delivery::store::Discarded;
use crate::delivery::store::Job;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Revival;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::report::Counters;
use crate::report::ErrorSample;

/// Stack of a sender: TLS needs the most of it, and only what is touched takes memory.
const STACK_BYTES: usize = 256 * 1024;

/// What the threads of one engine share.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) policy: RetryPolicy,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clients: Arc<dyn Clients>,
    pub(crate) scheduler: Mutex<Scheduler>,
    pub(crate) paced: bool,
    pub(crate) queue: Queue,
    pub(crate) gate: Gate,
    pub(crate) room: Room,
    overflow: Mutex<Overflow>,
    pub(crate) log: Arc<Log>,
    pub(crate) seed: Option<u64>,
    pub(crate) senders: usize,
    pub(crate) stopping: AtomicBool,
    /// Set when the store failed: nothing more can be accepted or sent safely.
    pub(crate) broken: Mutex<Option<StoreError>>,
    catching_up: CatchingUp,
    wakers: Vec<Waker>,
    pub(crate) keeper: Waker,
    /// When the keeper will look again, in microseconds; the far future while it is at work.
    keeper_due: AtomicI64,
    keeper_wants_room: AtomicBool,
    lanes: Mutex<Lanes>,
    stall: Mutex<Stall>,
    alive: Mutex<usize>,
    changed: Condvar,
}

/// For a virtual clock: which holds the jobs in the queue have on it.
#[derive(Debug, Default)]
struct Stall {
    queued: usize,
    paused: usize,
    /// Whether all senders wait for the clock, and the jobs in the queue hold nothing.
    stalled: bool,
}

/// What a [`Pool`] is made of.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) policy: RetryPolicy,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clients: Arc<dyn Clients>,
    pub(crate) scheduler: Scheduler,
    pub(crate) senders: usize,
    pub(crate) max_queued_bytes: usize,
    pub(crate) max_overflow_bytes: usize,
    pub(crate) min_queued: usize,
    pub(crate) seed: Option<u64>,
    /// When the engine started, if earlier ones left something.
    pub(crate) catch_up_to: Option<Timestamp>,
}

/// What was due when the engine started: each gets its turn before what became due since.
#[derive(Debug)]
struct CatchingUp {
    /// When the engine started.
    to: Timestamp,
    /// Whether there may be more of it in the store.
    more: AtomicBool,
    /// What of it is in the hands of senders.
    taken: Mutex<HashSet<u64>>,
}

impl Pool {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            log: Arc::new(Log::new(&parts.name)),
            name: parts.name,
            policy: parts.policy,
            store: parts.store,
            clock: parts.clock,
            counters: parts.counters,
            clients: parts.clients,
            paced: !parts.scheduler.is_idle(),
            scheduler: Mutex::new(parts.scheduler),
            queue: Queue::new(parts.senders),
            gate: Gate::new(parts.senders),
            room: Room::new(parts.max_queued_bytes, parts.min_queued),
            overflow: Mutex::new(Overflow::new(parts.max_overflow_bytes)),
            seed: parts.seed,
            senders: parts.senders,
            stopping: AtomicBool::new(false),
            broken: Mutex::new(None),
            catching_up: CatchingUp {
                to: parts.catch_up_to.unwrap_or_default(),
                more: AtomicBool::new(parts.catch_up_to.is_some()),
                taken: Mutex::new(HashSet::new()),
            },
            wakers: (0..parts.senders).map(|_| Waker::new()).collect(),
            keeper: Waker::new(),
            keeper_due: AtomicI64::new(i64::MAX),
            keeper_wants_room: AtomicBool::new(false),
            lanes: Mutex::new(Lanes::default()),
            stall: Mutex::new(Stall::default()),
            alive: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no more threads; those already started are joined.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::with_capacity(self.senders + 1);
        for number in 0..=self.senders {
            let pool = Arc::clone(self);
            let is_keeper = number == self.senders;
            let role = if is_keeper { String::from("keeper") } else { format!("send-{number}") };
            // The system cuts names at 15 bytes; the role comes first.
            let builder = thread::Builder::new().name(format!("{role}-{}", self.name));
            *pool.alive.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            if is_keeper {
                // The keeper is at work from the start, so that a virtual clock waits for it.
                pool.clock.hold(1);
            }
            let run = move || {
                if is_keeper {
                    pool.keep();
                } else {
                    pool.send(number);
                }
                *pool.alive.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
                pool.changed.notify_all();
            };
            match builder.stack_size(STACK_BYTES).spawn(run) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    if is_keeper {
                        self.clock.release(1);
                    }
                    self.stop_working();
                    for thread in threads {
                        let _ = thread.join();
                    }
                    return Err(error);
                }
            }
        }
        Ok(threads)
    }

    /// Tells all threads to finish what they are at and go.
    pub(crate) fn stop_working(&self) {
        self.stopping.store(true, SeqCst);
        self.queue.close();
        self.gate.open();
        for waker in self.wakers.iter().chain([&self.keeper]) {
            self.clock.ring(waker);
        }
        self.changed.notify_all();
    }

    /// Waits at most so long for all threads to go. Real time: they wait for real sockets.
    pub(crate) fn wait_for_threads(&self, limit: Duration) {
        let deadline = instant() + limit;
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        while *alive > 0 {
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(alive, left);
            alive = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits at most so long for something to be finished.
    pub(crate) fn wait_for_change(&self, done: &dyn Fn() -> bool, limit: Duration) {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if !done() {
            drop(self.changed.wait_timeout(alive, limit));
        }
    }

    /// Jobs that were accepted but not begun go back to the store.
    pub(crate) fn return_jobs(&self) {
        for job in self.queue.drain() {
            let change = Change::PutOff { due: self.clock.now() };
            // If the store cannot note it, the next engine takes the delivery over all the same.
            let _ = self.store.settle(&job, change);
            self.with_stall(|stall| {
                stall.queued = stall.queued.saturating_sub(1);
                if !stall.stalled {
                    self.clock.release(1);
                }
            });
        }
    }

    /// Jobs that go into the queue now: a virtual clock must wait for them, as long as there is a
    /// sender to take them.
    pub(crate) fn hold_queued(&self, jobs: usize) {
        self.with_stall(|stall| {
            stall.queued += jobs;
            if !stall.stalled {
                self.clock.hold(jobs);
            }
        });
    }

    /// A sender begins or ends a wait for the clock. While all of them wait, nobody can take a
    /// job, so a virtual clock must move on in spite of those in the queue.
    fn sender_pauses(&self, begin: bool) {
        if begin {
            self.queue.sender_pauses();
        } else {
            self.queue.sender_resumes();
        }
        self.with_stall(|stall| {
            if begin {
                stall.paused += 1;
                if stall.paused == self.senders {
                    stall.stalled = true;
                    self.clock.release(stall.queued);
                }
            } else {
                stall.paused -= 1;
                if stall.stalled {
                    stall.stalled = false;
                    self.clock.hold(stall.queued);
                }
            }
        });
    }

    fn with_stall(&self, change: impl FnOnce(&mut Stall)) {
        if self.clock.is_virtual() {
            change(&mut self.stall.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Whether all that was due when the engine started has had its turn.
    pub(crate) fn has_caught_up(&self) -> bool {
        let taken = self.catching_up.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.is_empty() && !self.catching_up.more.load(SeqCst)
    }

    /// Takes these on if there is room, and gives them back if there is none.
    ///
    /// # Errors
    /// When the store does not take them; then none is accepted.
    pub(crate) fn accept(
        &self,
        mut batch: Vec<NewDelivery>,
    ) -> Result<Option<Vec<NewDelivery>>, StoreError> {
        let count = batch.len();
        let weight = batch.iter().map(NewDelivery::weight).sum();
        if !self.room.take(weight, count) {
            return Ok(Some(batch));
        }
        let now = self.date(&mut batch);
        let lanes: Vec<u64> = batch.iter().filter_map(|new| new.lane).collect();
        if !lanes.is_empty() {
            self.lanes().announce(&lanes);
        }
        let jobs = self.store.accept(batch).inspect_err(|_| {
            self.room.give_back(weight, count);
            self.lanes().withdraw(&lanes);
        })?;
        let confirmed = self.count_accepted(count, &jobs);
        if confirmed > 0 {
            let taken: usize = jobs.iter().map(weight_of).sum();
            self.room.give_back(weight - taken, confirmed);
        }
        if lanes.is_empty() {
            self.set_out(jobs);
            return Ok(None);
        }
        let Sorted { go, wait, turns_over } = self.lanes().sort(&lanes, jobs);
        self.set_out(go);
        for job in &wait {
            let settled = self.store.settle(job, Change::PutOff { due: now });
            self.room.give_back(weight_of(job), 1);
            if let Err(error) = settled {
                self.break_off(error);
            }
        }
        self.counters.had_first_attempt(turns_over);
        if !wait.is_empty() {
            self.ring_keeper_by(now);
        }
        Ok(None)
    }

    /// Takes these on though there is no room: they wait in the store. Gives them back if there are
    /// too many there, or where the order of events matters.
    ///
    /// # Errors
    /// When the store does not take them; then none is accepted.
    pub(crate) fn accept_beyond(
        &self,
        mut batch: Vec<NewDelivery>,
    ) -> Result<Option<Vec<NewDelivery>>, StoreError> {
        if !self.overflow().is_free() || batch.iter().any(|new| new.lane.is_some()) {
            return Ok(Some(batch));
        }
        let now = self.date(&mut batch);
        let count = batch.len();
        let jobs = self.store.accept(batch)?;
        self.count_accepted(count, &jobs);
        let mut overflow = self.overflow();
        for job in &jobs {
            overflow.add(job.delivery.id, weight_of(job));
        }
        drop(overflow);
        for job in &jobs {
            if let Err(error) = self.store.settle(job, Change::PutOff { due: now }) {
                self.break_off(error);
            }
        }
        self.ring_keeper_by(now);
        Ok(None)
    }

    /// They are accepted now, if they are.
    fn date(&self, batch: &mut [NewDelivery]) -> Timestamp {
        let now = self.clock.now();
        for new in batch {
            new.accepted_at = now;
        }
        now
    }

    /// Of so many, the store took these on; how many it left out.
    fn count_accepted(&self, offered: usize, taken: &[Job]) -> usize {
        let confirmed = offered.saturating_sub(taken.len());
        if confirmed > 0 {
            self.counters.confirmed_before(confirmed as u64);
        }
        self.counters.accepted(taken.len() as u64);
        confirmed
    }

    fn overflow(&self) -> MutexGuard<'_, Overflow> {
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes dead letters on once more; says how many there were.
    ///
    /// # Errors
    /// When the store does not; then none is taken on.
    pub(crate) fn revive(&self, mut batch: Vec<Revival>) -> Result<usize, StoreError> {
        let now = self.clock.now();
        for revival in &mut batch {
            revival.at = now;
        }
        let jobs = self.store.revive(batch)?;
        let count = jobs.len();
        self.room.add(jobs.iter().map(weight_of).sum(), count);
        self.counters.revived(count as u64);
        self.set_out(jobs);
        Ok(count)
    }

    /// Keeps events that can never be sent.
    ///
    /// # Errors
    /// When the store does not.
    pub(crate) fn discard(&self, mut batch: Vec<Discarded>) -> Result<(), StoreError> {
        let count = batch.len();
        let now = self.clock.now();
        for discarded in &mut batch {
            discarded.at = now;
            self.tell_discarded(discarded);
        }
        self.store.bury(batch)?;
        for _ in 0..count {
            self.counters.accepted_and_discarded();
        }
        Ok(())
    }

    /// Jobs on their way to the senders.
    pub(crate) fn set_out(&self, jobs: Vec<Job>) {
        self.hold_queued(jobs.len());
        self.queue.push_fresh(jobs);
        if self.stopping.load(SeqCst) {
            // Stopped in between: nobody will take them, so they wait in the store.
            self.return_jobs();
        }
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper must look again, unless it will by then.
    fn ring_keeper_by(&self, due: Timestamp) {
        if due.as_micros() < self.keeper_due.load(SeqCst) {
            self.clock.ring(&self.keeper);
        }
    }

    pub(crate) fn broken(&self) -> Option<StoreError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A sender: takes jobs until the queue is closed.
    fn send(&self, number: usize) {
        let mut client = self.clients.client();
        let mut dice = self.dice(number);
        let pauses = |begin| self.sender_pauses(begin);
        let Some(workshop) = self.workshop(number, &pauses) else {
            return;
        };
        while let Some(job) = self.next_job(number) {
            self.with_stall(|stall| stall.queued = stall.queued.saturating_sub(1));
            let began = instant();
            let attempted = catch_unwind(AssertUnwindSafe(|| {
                workshop.attempt(&job, &mut *client, &mut || dice.f64())
            }));
            match attempted {
                Ok(ended) => self.finish(&job, ended),
                Err(_) => self.recover(&job, &mut client),
            }
            self.made_room();
            self.clock.release(1);
            let micros = instant().saturating_duration_since(began).as_micros();
            self.queue.job_took(u64::try_from(micros).unwrap_or(u64::MAX));
        }
    }

    /// The next job for a sender, once there is one and the receiver takes so many at once.
    fn next_job(&self, number: usize) -> Option<Job> {
        if number >= self.gate.limit() {
            self.sender_pauses(true);
            self.gate.wait(number, &self.stopping);
            self.sender_pauses(false);
        }
        self.queue.take()
    }

    /// The dice of a sender.
    pub(crate) fn dice(&self, number: usize) -> fastrand::Rng {
        match self.seed {
            Some(seed) => fastrand::Rng::with_seed(seed.wrapping_add(number as u64)),
            None => fastrand::Rng::new(),
        }
    }

    /// What a sender makes its attempts with.
    pub(crate) fn workshop<'a>(
        &'a self,
        number: usize,
        pauses: &'a dyn Fn(bool),
    ) -> Option<Workshop<'a>> {
        Some(Workshop {
            policy: &self.policy,
            clock: &*self.clock,
            scheduler: self.paced.then_some(&self.scheduler),
            counters: &self.counters,
            gate: &self.gate,
            stopping: &self.stopping,
            waker: self.wakers.get(number)?,
            pauses,
        })
    }

    /// A sender took a job from the queue and is done with it.
    pub(crate) fn made_room(&self) {
        if self.keeper_wants_room.load(SeqCst) && self.queue.due_len() < self.senders {
            self.keeper_wants_room.store(false, SeqCst);
            self.clock.ring(&self.keeper);
        }
    }

    /// Notes what became of a job: in the store first, then in the counts.
    pub(crate) fn finish(&self, job: &Job, ended: Ended) {
        let Ended { change, failure, number, breaker } = ended;
        if let Some(moved) = breaker {
            self.tell_breaker(job, moved);
        }
        self.tell(job, &change, failure.as_ref(), number);
        if let Some(failure) = &failure {
            self.counters.error(ErrorSample {
                kind: failure.kind.name(),
                message: failure.message.clone(),
                place: String::new(),
                key: job.delivery.key.clone(),
            });
        }
        let due = match &change {
            Change::Retry { due, .. } | Change::PutOff { due, .. } => Some(*due),
            _ => None,
        };
        let reason = match &change {
            Change::Dead { reason, .. } => Some(*reason),
            _ => None,
        };
        let follows = job.delivery.lane.map(|lane| self.lanes().ended(lane, job, &change));
        if let Err(error) = self.store.settle(job, change) {
            self.break_off(error);
        } else if let Some(due) = due {
            self.ring_keeper_by(due);
        } else if let Some(reason) = reason {
            if reason.after_attempts() {
                self.counters.expired();
            } else {
                self.counters.discarded();
            }
        } else {
            let latency = self.clock.now().since(job.delivery.accepted_at);
            self.counters.delivered(number, latency);
        }
        if job.first_turn {
            self.counters.had_first_attempt(1);
            self.room.give_back(weight_of(job), 1);
        } else {
            let mut taken = self.catching_up.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.remove(&job.delivery.id);
            drop(taken);
            if job.attempts == 0 && self.overflow().remove(job.delivery.id, weight_of(job)) {
                self.counters.had_first_attempt(1);
            }
        }
        if let Some(Follows { turns_over, next_may_go }) = follows {
            self.counters.had_first_attempt(turns_over);
            if next_may_go {
                self.clock.ring(&self.keeper);
            }
        }
        if self.counters.pending() == 0 || self.counters.unattempted() == 0 {
            drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        }
    }

    /// A bug made an attempt panic: the delivery goes back to the store, and the engine stops,
    /// because it cannot know what else is wrong.
    fn recover(&self, job: &Job, client: &mut Box<dyn Client>) {
        *client = self.clients.client();
        let change = Change::PutOff { due: self.clock.now() };
        let _ = self.store.settle(job, change);
        self.break_off(StoreError {
            kind: crate::delivery::store::StoreErrorKind::Closed,
            message: String::from("an attempt failed unexpectedly; the delivery stays pending"),
        });
    }

    fn break_off(&self, error: StoreError) {
        self.log.write(LogLevel::Error, LogTarget::Store, "failed", self.clock.now(), || {
            (format!("the store failed: {error}"), Vec::new())
        });
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.stop_working();
    }

    /// The keeper: hands out what is due, then waits for what comes next.
    fn keep(&self) {
        while !self.stopping.load(SeqCst) {
            if let HandedOut::NothingUntil(next) = self.keeper_step() {
                self.clock.wait(&self.keeper, next);
            }
        }
        self.clock.release(1);
    }

    /// What the keeper does each time it looks.
    pub(crate) fn keeper_step(&self) -> HandedOut {
        self.keeper_due.store(i64::MAX, SeqCst);
        match self.hand_out() {
            Ok(HandedOut::NothingUntil(next)) => {
                self.keeper_due.store(next.map_or(i64::MAX, Timestamp::as_micros), SeqCst);
                HandedOut::NothingUntil(next)
            }
            Ok(HandedOut::Some) => HandedOut::Some,
            Err(error) => {
                self.break_off(error);
                HandedOut::NothingUntil(None)
            }
        }
    }

    /// Claims what is due, as far as senders can take it.
    fn hand_out(&self) -> Result<HandedOut, StoreError> {
        let plan = Scheduler::plan(self.queue.due_len(), self.senders);
        if plan.wait_for_room {
            self.keeper_wants_room.store(true, SeqCst);
            // A sender that took a job before it could see the wish would not ring.
            let again = Scheduler::plan(self.queue.due_len(), self.senders);
            let full = again.wait_for_room;
            return Ok(if full { HandedOut::NothingUntil(None) } else { HandedOut::Some });
        }
        if self.catching_up.more.load(SeqCst) {
            let jobs = self.store.claim(self.catching_up.to, plan.claim)?;
            if !jobs.is_empty() {
                let taken = self.catching_up.taken.lock();
                let ids = jobs.iter().map(|job| job.delivery.id);
                taken.unwrap_or_else(PoisonError::into_inner).extend(ids);
                self.hold_queued(jobs.len());
                self.queue.push_due(jobs);
                return Ok(HandedOut::Some);
            }
            self.catching_up.more.store(false, SeqCst);
            self.changed.notify_all();
        }
        let jobs = self.store.claim(self.clock.now(), plan.claim)?;
        if jobs.is_empty() {
            return self.store.next_due().map(HandedOut::NothingUntil);
        }
        self.hold_queued(jobs.len());
        self.queue.push_due(jobs);
        Ok(HandedOut::Some)
    }
}

/// What the keeper found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HandedOut {
    /// Something, or room for something: look again.
    Some,
    /// Nothing before this time, unless somebody rings.
    NothingUntil(Option<Timestamp>),
}

/// What a job took of the room when it was accepted.
pub(crate) fn weight_of(job: &Job) -> usize {
    let delivery = &job.delivery;
    crate::delivery::store::weight(&delivery.key, &delivery.request, delivery.event.as_deref())
}

/// How name look-ups get their threads. They are not joined: the system's resolver cannot be
/// interrupted, and what such a thread finds it leaves in the cache.
pub(crate) fn look_up_threads() -> Spawn {
    Arc::new(|work| {
        let builder = thread::Builder::new().name(String::from("webhook-name"));
        builder.stack_size(STACK_BYTES).spawn(work).map(drop)
    })
}
