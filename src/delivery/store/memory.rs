//! The store that lives in memory: as fast as can be, and gone with the process.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
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

/// Deliveries in memory. What is pending when it is dropped is lost.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

/// Delivered deliveries whose memory is given back together, at the latest.
const MAX_FINISHED: usize = 512;

#[derive(Default)]
struct State {
    last_id: u64,
    accepted: u64,
    delivered: u64,
    pending: HashMap<u64, Entry, BuildHasherDefault<IdHasher>>,
    /// Due times and ids of all that can be claimed, now or later.
    waiting: BTreeSet<(Timestamp, u64)>,
    /// The pending deliveries of each lane, by rising id.
    lanes: HashMap<u64, VecDeque<u64>>,
    /// How many have a due time, but stand behind another one of their lane.
    held_back: u64,
    dead: BTreeMap<u64, DeadLetter>,
    /// Delivered; the thread that accepts the next ones gives their memory back, because it took it:
    /// to an allocator, that is cheaper than memory that changes threads.
    finished: Vec<Entry>,
}

/// Ids count up, so spreading their bits is all a hash has to do.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // The golden ratio as a fraction of 2^64: neighbours end up far from each other.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}

struct Entry {
    delivery: Arc<Delivery>,
    attempts: Vec<AttemptRecord>,
    /// `None` while it is on hand.
    due: Option<Timestamp>,
}

impl Entry {
    fn job(&self, first_turn: bool) -> Job {
        Job {
            delivery: Arc::clone(&self.delivery),
            attempts: self.attempts.last().map_or(0, |attempt| attempt.number),
            first_attempt_at: self.attempts.first().map(|attempt| attempt.started_at),
            first_turn,
            damaged: false,
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Takes a delivery on, to be on hand.
    fn take_on(&mut self, new: NewDelivery) -> Job {
        let id = self.new_id();
        let delivery = Arc::new(Delivery {
            id,
            key: new.key,
            request: new.request,
            event: new.event,
            accepted_at: new.accepted_at,
            place: new.place,
            lane: new.lane,
        });
        if let Some(lane) = delivery.lane {
            self.lanes.entry(lane).or_default().push_back(id);
        }
        let entry = Entry { delivery, attempts: Vec::new(), due: None };
        let job = entry.job(true);
        self.pending.insert(id, entry);
        job
    }

    fn wait(&mut self, id: u64, due: Timestamp, record: Option<AttemptRecord>) {
        if let Some(entry) = self.pending.get_mut(&id)
            && entry.due.is_none()
        {
            entry.due = Some(due);
            entry.attempts.extend(record);
            let lane = entry.delivery.lane;
            self.line_up(id, due, lane);
        }
    }

    /// Makes it claimable, unless another one of its lane comes first.
    fn line_up(&mut self, id: u64, due: Timestamp, lane: Option<u64>) {
        let first = lane.and_then(|lane| self.lanes.get(&lane)).and_then(VecDeque::front);
        if first.is_none_or(|first| *first == id) {
            self.waiting.insert((due, id));
        } else {
            self.held_back += 1;
        }
    }

    /// It is pending no more; the next one of its lane comes first now.
    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.pending.remove(&id)?;
        if let Some(lane) = entry.delivery.lane
            && let Some(line) = self.lanes.get_mut(&lane)
        {
            if line.front() == Some(&id) {
                line.pop_front();
                let next = line.front().copied();
                let due = next.and_then(|next| self.pending.get(&next)).and_then(|next| next.due);
                if let (Some(next), Some(due)) = (next, due) {
                    self.held_back -= 1;
                    self.waiting.insert((due, next));
                }
            } else {
                line.retain(|other| *other != id);
            }
            if line.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        Some(entry)
    }
}

impl Store for MemoryStore {
    fn accept(&self, batch: Vec<NewDelivery>) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        state.accepted += batch.len() as u64;
        let finished = std::mem::take(&mut state.finished);
        let jobs = batch.into_iter().map(|new| state.take_on(new)).collect();
        drop(state);
        drop(finished);
        Ok(jobs)
    }

    fn bury(&self, batch: Vec<Discarded>) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.accepted += batch.len() as u64;
        for discarded in batch {
            let id = state.new_id();
            let letter = DeadLetter {
                id,
                key: discarded.key,
                reason: discarded.reason,
                message: discarded.message,
                request: None,
                event: discarded.event,
                accepted_at: discarded.at,
                died_at: discarded.at,
                attempts: Vec::new(),
            };
            state.dead.insert(id, letter);
        }
        Ok(())
    }

    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError> {
        let id = job.delivery.id;
        let mut state = self.lock();
        if state.pending.get(&id).is_none_or(|entry| entry.due.is_some()) {
            return Ok(());
        }
        match change {
            Change::Delivered => {
                state.delivered += 1;
                let entry = state.remove(id);
                state.finished.extend(entry);
                if state.finished.len() >= MAX_FINISHED {
                    let finished = std::mem::take(&mut state.finished);
                    drop(state);
                    drop(finished);
                }
            }
            Change::Retry { record, due } => state.wait(id, due, Some(record)),
            Change::PutOff { due } => state.wait(id, due, None),
            Change::Dead { record, reason, message, at } => {
                if let Some(mut entry) = state.remove(id) {
                    entry.attempts.extend(record);
                    let letter =
                        DeadLetter::of(&entry.delivery, entry.attempts, reason, message, at);
                    state.dead.insert(id, letter);
                }
            }
        }
        Ok(())
    }

    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        let due: Vec<(Timestamp, u64)> =
            state.waiting.iter().take_while(|(due, _)| *due <= now).take(limit).copied().collect();
        let mut jobs = Vec::with_capacity(due.len());
        for key in due {
            state.waiting.remove(&key);
            if let Some(entry) = state.pending.get_mut(&key.1) {
                entry.due = None;
                jobs.push(entry.job(false));
            }
        }
        Ok(jobs)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.lock().waiting.first().map(|(due, _)| *due))
    }

    fn take_over(
        &self,
        now: Timestamp,
        latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let mut due_times = Vec::with_capacity(state.pending.len());
        for (id, entry) in &mut state.pending {
            let attempts = entry.attempts.last().map_or(0, |attempt| attempt.number);
            let due = entry.due.map_or(now, |due| due.min(latest_due(attempts)));
            entry.due = Some(due);
            due_times.push((*id, due, entry.delivery.lane));
        }
        state.waiting.clear();
        state.held_back = 0;
        for (id, due, lane) in due_times {
            state.line_up(id, due, lane);
        }
        Ok(state.pending.len() as u64)
    }

    fn pending_lanes(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<(), StoreError> {
        for entry in self.lock().pending.values() {
            if let Some(lane) = entry.delivery.lane {
                visit(lane, entry.attempts.last().map_or(0, |attempt| attempt.number));
            }
        }
        Ok(())
    }

    fn counts(&self) -> Result<StoreCounts, StoreError> {
        let state = self.lock();
        let pending = state.pending.len() as u64;
        let waiting = state.waiting.len() as u64 + state.held_back;
        Ok(StoreCounts {
            pending,
            on_hand: state.pending.values().filter(|entry| entry.due.is_none()).count() as u64,
            waiting,
            dead: state.dead.len() as u64,
            accepted: state.accepted,
            delivered: state.delivered,
            expired: state.dead.values().filter(|letter| letter.reason.after_attempts()).count()
                as u64,
            discarded: state.dead.values().filter(|letter| !letter.reason.after_attempts()).count()
                as u64,
            oldest_pending: state.pending.values().map(|entry| entry.delivery.accepted_at).min(),
            next_due: state.waiting.first().map(|(due, _)| *due),
        })
    }

    fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let state = self.lock();
        let later = state.dead.range(after.saturating_add(1)..);
        Ok(later.take(limit).map(|(_, letter)| letter.clone()).collect())
    }

    fn revive(&self, batch: Vec<Revival>) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        let mut jobs = Vec::with_capacity(batch.len());
        for revival in batch {
            if let Some(letter) = state.dead.remove(&revival.id) {
                let mut new = NewDelivery::new(letter.key, revival.request, letter.event);
                new.accepted_at = revival.at;
                jobs.push(state.take_on(new));
            }
        }
        Ok(jobs)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "MemoryStore({} pending, {} dead)", state.pending.len(), state.dead.len())
    }
}
