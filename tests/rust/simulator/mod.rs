//! Whole lives of engines, invented from a seed: crashes, restarts, clocks that jump, disks that
//! fail, receivers that do everything wrong. Everything runs on one thread through the engine's own
//! decisions ([`SteppedEngine`]), and the promises are checked at every step.
//!
//! `make simulate-seeds` runs a hundred thousand; `SIMULATED_FIRST=4711 SIMULATED_SEEDS=1 cargo test
//! --test rust simulator` the one that failed.

mod courtesy;
mod network;
mod store;

use std::collections::HashSet;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::clock::VirtualClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::stepped::SteppedEngine;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Revival;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::report::Counters;

use crate::simulator::network::SimNetwork;
use crate::simulator::network::Weather;
use crate::support::delivery;
use crate::support::number_from;
use crate::support::target;

pub(crate) use crate::simulator::store::SimStore;

/// Seeds that `cargo test` runs.
const SEEDS: u64 = 1500;

/// Events of one life.
const MAX_EVENTS: usize = 40;

/// Events that are offered at once, at most.
const MAX_BATCH: usize = 5;

/// What a delivery takes of the memory at least, in bytes.
const MIN_WEIGHT: usize = 400;

/// What a life showed.
#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    steps: u64,
    requests: u64,
    accepted: u64,
    delivered: u64,
    dead: u64,
    duplicates: u64,
    crashes: u64,
    restarts: u64,
    disk_errors: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.requests += other.requests;
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.dead += other.dead;
        self.duplicates += other.duplicates;
        self.crashes += other.crashes;
        self.restarts += other.restarts;
        self.disk_errors += other.disk_errors;
    }

    /// As the page of figures takes them.
    fn figures(&self) -> String {
        format!(
            "seeds {}, steps {}, crashes {}, restarts {}, failures of the disk {}, accepted {}, \
             delivered {}, dead {}, lost 0, duplicates {}, requests {}",
            self.seeds,
            self.steps,
            self.crashes,
            self.restarts,
            self.disk_errors,
            self.accepted,
            self.delivered,
            self.dead,
            self.duplicates,
            self.requests
        )
    }
}

struct Life {
    dice: fastrand::Rng,
    options: DeliveryOptions,
    store: SimStore,
    network: SimNetwork,
    engine: Option<SteppedEngine>,
    counters: Arc<Counters>,
    target: Arc<Target>,
    now: Timestamp,
    /// Keys of events whose acceptance was confirmed.
    accepted: HashSet<String>,
    /// Of these, those of the source, which can be read again.
    of_source: HashSet<String>,
    next_event: usize,
    /// The source's events: number and lane, by position.
    source: Vec<(usize, Option<u64>)>,
    tally: Tally,
}

fn key(number: usize) -> String {
    format!("key-{number}")
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let policy = RetryPolicy {
            jitter: if dice.bool() { 0.1 } else { 0.0 },
            stop_when_gone: dice.bool(),
            expire_after: [
                None,
                None,
                Some(Duration::from_mins(10)),
                Some(Duration::from_hours(1)),
            ][dice.usize(0..4)],
            ..RetryPolicy::default()
        };
        let breaker = BreakerOptions { failures: dice.u32(1..6), ..BreakerOptions::default() };
        let options = DeliveryOptions {
            concurrency: [1, 2, 5, 64][dice.usize(0..4)],
            policy,
            breaker: dice.bool().then_some(breaker),
            rate_limit_per_second: (dice.u32(0..4) == 0).then_some(20.0),
            max_queued_bytes: if dice.bool() { 3000 } else { 1 << 20 },
            max_overflow_bytes: if dice.bool() { 5000 } else { 1 << 20 },
            seed: Some(seed),
            ..DeliveryOptions::new("simulated")
        };
        let store = SimStore::default();
        let network = SimNetwork::new(seed, store.clone(), &options);
        let mut life = Self {
            dice,
            options,
            store,
            network,
            engine: None,
            counters: Arc::new(Counters::new()),
            target: target("http://receiver.example/"),
            now: VirtualClock::START,
            accepted: HashSet::new(),
            of_source: HashSet::new(),
            next_event: 0,
            source: Vec::new(),
            tally: Tally::default(),
        };
        life.start();
        life
    }

    fn start(&mut self) {
        self.counters = Arc::new(Counters::new());
        let shared: Arc<dyn Store> = Arc::new(self.store.clone());
        let counters = Arc::clone(&self.counters);
        let engine = SteppedEngine::start(self.options.clone(), shared, counters, self.now);
        self.engine = Some(engine.unwrap());
        // The source goes on where it has to.
        let unfinished: Vec<usize> = (0..self.source.len())
            .filter(|position| !self.store.is_finished(*position as u64))
            .filter(|position| {
                let pending = self.store.look().pending;
                !pending.contains(&key(self.source[*position].0))
            })
            .collect();
        for position in unfinished {
            let new = self.of_position(position);
            self.offer(vec![new]);
        }
    }

    fn of_position(&self, position: usize) -> NewDelivery {
        let (number, lane) = self.source[position];
        let place = Some(SourcePlace { source: 1, position: position as u64 });
        NewDelivery { place, lane, ..delivery(&self.target, number) }
    }

    /// Offers events until there is room for them, or the engine breaks.
    fn offer(&mut self, mut batch: Vec<NewDelivery>) {
        let keys: Vec<String> = batch.iter().map(|new| new.key.clone()).collect();
        let at_once = self.dice.bool();
        for _ in 0..100_000 {
            let Some(engine) = &mut self.engine else { return };
            let taken = if at_once { engine.accept_at_once(batch) } else { engine.accept(batch) };
            match taken {
                Ok(None) => {
                    self.accepted.extend(keys);
                    return;
                }
                Ok(Some(back)) => batch = back,
                Err(_) => {
                    self.tally.disk_errors += 1;
                    return;
                }
            }
            let until = engine.next_time().unwrap_or(self.now);
            self.step(until.max(self.now));
        }
        self.network.fail(|| String::from("there was never room for an event"));
    }

    fn step(&mut self, until: Timestamp) -> bool {
        let Some(engine) = &mut self.engine else { return false };
        let stepped = engine.step(until, &mut self.network);
        // However much a slow receiver is spared, so many senders stay.
        let senders = (self.options.concurrency / 8).max(1);
        let is_idle = !stepped && engine.queued() == 0 && engine.busy() < senders;
        self.now = engine.now();
        self.tally.steps += 1;
        let counted = self.counters.pending();
        let (pending, dead, accepted, delivered) = self.store.figures();
        if engine.broken().is_none() {
            if counted != pending {
                self.network.fail(|| format!("{pending} are pending, {counted} were counted"));
            }
            if pending == 0 && self.counters.unattempted() != 0 {
                self.network.fail(|| String::from("all is done but some first attempts"));
            }
            if accepted != pending + dead + delivered {
                self.network.fail(|| String::from("the store's own figures do not add up"));
            }
            self.check_memory();
            if is_idle && let Some(late) = self.store.overdue(self.now) {
                self.network.fail(|| format!("{late}: due, and nobody takes it"));
            }
        }
        if let Some(key) = self.store.settled_twice() {
            self.network.fail(|| format!("{key}: settled though it was not on hand"));
        }
        stepped
    }

    /// What waits for its first turn fits: less than the limit, or one for each sender; and one
    /// batch more.
    fn check_memory(&mut self) {
        let found = self.store.fresh();
        let before = found.saturating_sub(MAX_BATCH);
        let fits = before * MIN_WEIGHT < self.options.max_queued_bytes
            || before < self.options.concurrency;
        if !fits {
            self.network.fail(|| format!("{found} deliveries wait in memory"));
        }
    }

    /// Lets time pass, at most so many steps.
    fn live_on(&mut self, time: Duration, max_steps: usize) {
        let until = self.now + time;
        for _ in 0..max_steps {
            if !self.step(until) || self.network.broken.is_some() {
                return;
            }
            if self.dice.u32(0..4) == 0 {
                self.store.sync();
            }
            if self.engine.as_ref().is_some_and(|engine| engine.broken().is_some()) {
                self.tally.disk_errors += 1;
                self.restart();
            }
        }
    }

    fn crash(&mut self) {
        self.tally.crashes += 1;
        drop(self.engine.take());
        let kept = self.dice.usize(0..=self.store.unsynced());
        let unconfirmed = self.store.crash(kept);
        self.network.engine_ended(self.now, &unconfirmed);
        self.downtime();
        self.start();
    }

    fn restart(&mut self) {
        self.stop();
        self.downtime();
        self.start();
    }

    fn stop(&mut self) {
        self.tally.restarts += 1;
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
        self.network.engine_ended(self.now, &[]);
    }

    /// Time passes, and the clock of the next process may be set to another time.
    fn downtime(&mut self) {
        const HOUR: u64 = 3600;
        let down = [0, 1, 60, 2 * HOUR, 6 * HOUR][self.dice.usize(0..5)];
        self.now = self.now + Duration::from_secs(down);
        self.now = match self.dice.u32(0..8) {
            0 => self.now + Duration::from_secs(HOUR),
            1 => self.now - Duration::from_secs(HOUR),
            2 => self.now + Duration::from_secs(365 * 24 * HOUR),
            3 => self.now - Duration::from_secs(365 * 24 * HOUR),
            _ => self.now,
        };
    }

    fn act(&mut self) {
        match self.dice.u32(0..100) {
            0..30 if self.next_event < MAX_EVENTS => self.send_some(),
            30..34 if self.next_event < MAX_EVENTS => self.discard_one(),
            34..70 => {
                let times = [1, 100, 1_000, 30_000, 60_000, 3_600_000];
                let time = Duration::from_millis(times[self.dice.usize(0..times.len())]);
                let steps = self.dice.usize(1..200);
                self.live_on(time, steps);
            }
            70..78 => self.crash(),
            78..84 => self.restart(),
            84..88 => {
                let calls = self.dice.u32(0..6);
                self.store.fail_after(Some(calls));
            }
            88..91 => self.revive_one(),
            _ => {
                let weathers = [Weather::Fair, Weather::Mixed, Weather::Mixed, Weather::Dead];
                self.network.weather = weathers[self.dice.usize(0..4)];
            }
        }
        if self.engine.as_ref().is_some_and(|engine| engine.broken().is_some()) {
            self.restart();
        }
    }

    fn send_some(&mut self) {
        let count = self.dice.usize(1..=MAX_BATCH);
        let from_source = self.dice.bool();
        let mut batch = Vec::new();
        for _ in 0..count {
            let number = self.next_event;
            self.next_event += 1;
            let lane = (self.dice.u32(0..3) > 0).then(|| self.dice.u64(0..3));
            if from_source {
                self.source.push((number, lane));
                // From here on the source has it, and it will be read again if need be.
                self.accepted.insert(key(number));
                self.of_source.insert(key(number));
                batch.push(self.of_position(self.source.len() - 1));
            } else {
                batch.push(NewDelivery { lane, ..delivery(&self.target, number) });
            }
        }
        self.offer(batch);
    }

    fn discard_one(&mut self) {
        let number = self.next_event;
        let discarded = Discarded {
            key: key(number),
            reason: Reason::Render,
            message: String::from("x is missing"),
            event: None,
            at: self.now,
            place: None,
        };
        if let Some(engine) = &mut self.engine
            && engine.discard(vec![discarded]).is_ok()
        {
            self.next_event += 1;
            self.accepted.insert(key(number));
        }
    }

    fn revive_one(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let Ok(letters) = self.store.dead_letters(0, 1) else { return };
        if let Some(letter) = letters.first()
            && let Some(request) = letter.request.clone()
        {
            let revival = Revival { id: letter.id, request, at: self.now };
            if engine.revive(vec![revival]).is_ok() {
                self.network.revived(&letter.key);
            }
        }
    }

    fn check_places(&mut self) {
        // What was accepted from the source and lost by a crash has been read again at the start,
        // unless the disk failed then.
        self.network.check_places(&self.accepted, &self.of_source);
        let report = self.counters.snapshot(Duration::from_secs(1));
        if !report.balanced() {
            self.network.fail(|| format!("the report does not add up: {report:?}"));
        }
    }

    /// A whole life, and after it the promise that everything gets through.
    fn run(mut self) -> Result<Tally, String> {
        let actions = self.dice.usize(10..60);
        for _ in 0..actions {
            self.act();
            self.check_places();
            if let Some(broken) = self.network.broken.take() {
                return Err(broken);
            }
        }
        self.network.weather = Weather::Fair;
        self.store.fail_after(None);
        let was_undisturbed = self.tally.crashes + self.tally.restarts == 0;
        self.stop();
        if !was_undisturbed {
            self.downtime();
        }
        self.start();
        let fresh = self.next_event;
        self.next_event += 1;
        let offered = self.now;
        self.offer(vec![delivery(&self.target, fresh)]);
        let unlimited = self.options.rate_limit_per_second.is_none();
        for _ in 0..200_000 {
            let done = self.store.figures().0 == 0;
            let Some(engine) = &self.engine else { break };
            let Some(next) = engine.next_time() else { break };
            if done && engine.busy() == 0 {
                break;
            }
            self.step(next.max(self.now));
            let is_through = self.network.events.get(&key(fresh)).is_some_and(|s| s.processed > 0);
            if unlimited && !is_through && self.now.since(offered) > Duration::from_mins(2) {
                return Err(String::from("a fresh event is not delivered after faults stopped"));
            }
            if let Some(broken) = self.network.broken.take() {
                return Err(broken);
            }
        }
        self.check_places();
        let look = self.store.look();
        if !look.pending.is_empty() {
            return Err(format!("pending for ever: {:?}", look.pending));
        }
        // No event is anywhere but delivered or dead, the source's included.
        self.network.check_places(&self.accepted, &HashSet::new());
        if was_undisturbed
            && self.options.breaker.is_none()
            && unlimited
            && self.options.concurrency == 64
            && self.network.longest() > self.options.policy.span()
        {
            return Err(format!("a delivery took {:?}", self.network.longest()));
        }
        if let Some(broken) = self.network.broken.take() {
            return Err(broken);
        }
        let (_, dead, _, _) = self.store.figures();
        self.tally.seeds = 1;
        self.tally.requests = self.network.requests;
        self.tally.duplicates = self.network.duplicates;
        self.tally.accepted = self.accepted.len() as u64;
        self.tally.dead = dead;
        let delivered = self.network.events.values().filter(|seen| seen.processed > 0);
        self.tally.delivered = delivered.count() as u64;
        Ok(self.tally)
    }
}

/// Runs these seeds on all processors. The first seed that fails, with what broke, or the tally.
fn run_all(seeds: Range<u64>) -> Result<Tally, (u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let work = || {
        let mut all = Tally::default();
        loop {
            let seed = next.fetch_add(1, SeqCst);
            if seed >= seeds.end {
                return all;
            }
            match catch_unwind(|| Life::new(seed).run()) {
                Ok(Ok(tally)) => all.add(&tally),
                wrong => {
                    let broken =
                        wrong.map_or_else(|_| String::from("it panicked"), Result::unwrap_err);
                    let mut failed = failed.lock().unwrap();
                    if failed.as_ref().is_none_or(|(first, _)| seed < *first) {
                        *failed = Some((seed, broken));
                    }
                    // Nobody begins another one; what was begun before comes to its end.
                    next.store(seeds.end, SeqCst);
                }
            }
        }
    };
    let mut all = Tally::default();
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| all.add(&worker.join().unwrap()));
    });
    failed.into_inner().unwrap().map_or(Ok(all), Err)
}

#[test]
#[expect(clippy::print_stdout, reason = "the tally is worth seeing")]
fn whatever_happens_every_accepted_event_is_delivered_dead_or_pending() {
    let first = number_from("SIMULATED_FIRST").unwrap_or(0);
    let seeds = number_from("SIMULATED_SEEDS").unwrap_or(SEEDS);
    let all = run_all(first..first + seeds).unwrap_or_else(|(seed, broken)| {
        panic!(
            "seed {seed}: {broken}\n\
             run it alone: SIMULATED_FIRST={seed} SIMULATED_SEEDS=1 cargo test --test rust simulator"
        )
    });
    println!(
        "figure: D1 | Simulated lives of engines, the promises checked after every step | {}",
        all.figures()
    );
    assert!(seeds < 100 || (all.crashes > seeds && all.duplicates > 0 && all.dead > 0), "{all:?}");
}
