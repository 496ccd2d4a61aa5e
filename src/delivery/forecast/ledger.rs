//! The store of a forecast: what is pending in a few bytes each, because there may be millions,
//! and they are all alike.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::delivery::clock::Timestamp;
use crate::delivery::request::Request;
use crate::delivery::request::Target;
use crate::delivery::store::Change;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Job;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Revival;
use crate::delivery::store::Store;
use crate::delivery::store::StoreCounts;
use crate::delivery::store::StoreError;

/// A store of deliveries that are all alike. It forgets everything but their numbers.
pub(crate) struct Ledger {
    target: Arc<Target>,
    /// Deliveries accepted before this are old: they went through the outage.
    old_before: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    on_hand: HashMap<u64, Entry>,
    waiting: BTreeMap<(Timestamp, u64), Entry>,
    old_pending: u64,
    old_delivered: u64,
    delivered: u64,
    expired: u64,
    first_expired: Option<Timestamp>,
}

#[derive(Clone, Copy)]
struct Entry {
    accepted_at: Timestamp,
    first_attempt_at: Option<Timestamp>,
    attempts: u32,
}

impl Ledger {
    pub(crate) fn new(target: &Arc<Target>, old_before: Timestamp) -> Self {
        Self { target: Arc::clone(target), old_before, state: Mutex::new(State::default()) }
    }

    pub(crate) fn pending(&self) -> u64 {
        let state = self.lock();
        (state.on_hand.len() + state.waiting.len()) as u64
    }

    /// Pending ones that went through the outage.
    pub(crate) fn old_pending(&self) -> u64 {
        self.lock().old_pending
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.lock().last_id
    }

    pub(crate) fn expired(&self) -> u64 {
        self.lock().expired
    }

    pub(crate) fn first_expired(&self) -> Option<Timestamp> {
        self.lock().first_expired
    }

    /// Delivered ones that went through the outage.
    pub(crate) fn old_delivered(&self) -> u64 {
        self.lock().old_delivered
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn job(&self, id: u64, entry: Entry, first_turn: bool) -> Job {
        let request =
            Request { target: Arc::clone(&self.target), id: String::new(), body: Vec::new() };
        let delivery = Delivery {
            id,
            key: String::new(),
            request,
            event: None,
            accepted_at: entry.accepted_at,
            place: None,
            lane: None,
        };
        Job {
            delivery: Arc::new(delivery),
            attempts: entry.attempts,
            first_attempt_at: entry.first_attempt_at,
            damaged: false,
            first_turn,
        }
    }
}

impl Store for Ledger {
    fn accept(&self, batch: Vec<NewDelivery>) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        let mut jobs = Vec::with_capacity(batch.len());
        for new in batch {
            state.last_id += 1;
            let id = state.last_id;
            let entry = Entry { accepted_at: new.accepted_at, first_attempt_at: None, attempts: 0 };
            state.on_hand.insert(id, entry);
            state.old_pending += u64::from(new.accepted_at < self.old_before);
            jobs.push(self.job(id, entry, true));
        }
        Ok(jobs)
    }

    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError> {
        let id = job.delivery.id;
        let mut state = self.lock();
        let Some(mut entry) = state.on_hand.remove(&id) else {
            return Ok(());
        };
        let is_old = entry.accepted_at < self.old_before;
        match change {
            Change::Retry { record, due } => {
                entry.attempts = record.number;
                entry.first_attempt_at.get_or_insert(record.started_at);
                state.waiting.insert((due, id), entry);
            }
            Change::PutOff { due } => drop(state.waiting.insert((due, id), entry)),
            Change::Delivered => {
                state.delivered += 1;
                state.old_pending -= u64::from(is_old);
                state.old_delivered += u64::from(is_old);
            }
            Change::Dead { at, .. } => {
                state.expired += 1;
                state.old_pending -= u64::from(is_old);
                state.first_expired.get_or_insert(at);
            }
        }
        Ok(())
    }

    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        let mut jobs = Vec::new();
        while jobs.len() < limit
            && let Some(first) = state.waiting.first_entry().filter(|first| first.key().0 <= now)
        {
            let ((_, id), entry) = first.remove_entry();
            state.on_hand.insert(id, entry);
            jobs.push(self.job(id, entry, false));
        }
        Ok(jobs)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.lock().waiting.first_key_value().map(|((due, _), _)| *due))
    }

    fn take_over(
        &self,
        _now: Timestamp,
        _latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn pending_lanes(&self, _visit: &mut dyn FnMut(u64, u32)) -> Result<(), StoreError> {
        Ok(())
    }

    fn counts(&self) -> Result<StoreCounts, StoreError> {
        let state = self.lock();
        let (on_hand, waiting) = (state.on_hand.len() as u64, state.waiting.len() as u64);
        Ok(StoreCounts {
            pending: on_hand + waiting,
            on_hand,
            waiting,
            dead: state.expired,
            accepted: state.last_id,
            delivered: state.delivered,
            expired: state.expired,
            ..StoreCounts::default()
        })
    }

    // Nothing is kept of what is given up, and nothing is discarded.

    fn bury(&self, _batch: Vec<Discarded>) -> Result<(), StoreError> {
        Ok(())
    }

    fn dead_letters(&self, _after: u64, _limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }

    fn revive(&self, _batch: Vec<Revival>) -> Result<Vec<Job>, StoreError> {
        Ok(Vec::new())
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({} pending)", self.pending())
    }
}
