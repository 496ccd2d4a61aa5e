//! A store for simulations, plain enough to be right at a glance. It keeps two images: `live` is
//! what a running engine sees, `durable` what a crash leaves. What was settled becomes durable later,
//! in order, as the rules of stores allow.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::store::AttemptRecord;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::DeadLetter;
use webhook_stream::delivery::store::Delivery;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::KnownSource;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Revival;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::StoreCounts;
use webhook_stream::delivery::store::StoreError;
use webhook_stream::delivery::store::StoreErrorKind;

/// See the file's beginning. Clones share the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    live: Image,
    durable: Image,
    /// What happened in `live` and not in `durable` yet.
    log: Vec<Op>,
    last_id: u64,
    run: u64,
    /// Calls that still succeed before one fails; `None`: none fails.
    fails_after: Option<u32>,
    /// Attempts that ended since somebody asked.
    ended: Vec<EndedAttempt>,
    /// A delivery that was settled though it was not on hand.
    settled_twice: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Image {
    rows: BTreeMap<u64, Row>,
    dead: BTreeMap<u64, DeadLetter>,
    accepted: u64,
    delivered: u64,
    finished: BTreeSet<u64>,
    /// Keys that were confirmed, and in which run.
    ledger: HashMap<String, u64>,
}

#[derive(Clone, Debug)]
struct Row {
    delivery: Arc<Delivery>,
    attempts: Vec<AttemptRecord>,
    /// `None` while on hand.
    due: Option<Timestamp>,
    /// Whether it was accepted for a first turn that it has not had.
    fresh: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Add(Row),
    Settle(Arc<Delivery>, Change, u64),
    Bury(DeadLetter, Option<SourcePlace>),
    Revive(u64, Row),
    Pass(u64),
}

impl Image {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Add(row) => {
                self.accepted += 1;
                self.rows.insert(row.delivery.id, row);
            }
            Op::Settle(delivery, change, run) => self.settle(delivery.id, change, run),
            Op::Bury(letter, place) => {
                self.accepted += 1;
                self.finish(place);
                self.dead.insert(letter.id, letter);
            }
            Op::Revive(id, row) => {
                self.dead.remove(&id);
                self.rows.insert(row.delivery.id, row);
            }
            Op::Pass(position) => drop(self.finished.insert(position)),
        }
    }

    fn settle(&mut self, id: u64, change: Change, run: u64) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let place = row.delivery.place;
        match change {
            Change::Delivered => {
                self.ledger.insert(row.delivery.key.clone(), run);
                self.rows.remove(&id);
                self.delivered += 1;
            }
            Change::Retry { record, due } => {
                row.attempts.push(record);
                row.due = Some(due);
                row.fresh = false;
            }
            Change::PutOff { due } => {
                row.due = Some(due);
                row.fresh = false;
            }
            Change::Dead { record, reason, message, at } => {
                let mut row = self.rows.remove(&id).unwrap();
                row.attempts.extend(record);
                let letter = DeadLetter::of(&row.delivery, row.attempts, reason, message, at);
                self.dead.insert(id, letter);
            }
        }
        self.finish(place);
    }

    fn finish(&mut self, place: Option<SourcePlace>) {
        self.finished.extend(place.map(|place| place.position));
    }

    fn has_turn(&self, id: u64, row: &Row) -> bool {
        row.delivery.lane.is_none()
            || !self.rows.range(..id).any(|(_, other)| other.delivery.lane == row.delivery.lane)
    }
}

impl Row {
    fn job(&self, first_turn: bool) -> Job {
        Job {
            delivery: Arc::clone(&self.delivery),
            attempts: self.attempts.last().map_or(0, |attempt| attempt.number),
            first_attempt_at: self.attempts.first().map(|attempt| attempt.started_at),
            first_turn,
            damaged: false,
        }
    }

    /// A row that is in the durable image only from its first settlement on.
    fn is_read_again(&self) -> bool {
        self.delivery.place.is_some() && self.delivery.lane.is_none()
    }
}

/// What the store was told of an attempt.
#[derive(Debug)]
pub(crate) struct EndedAttempt {
    /// Of which event.
    pub(crate) key: String,
    /// The record of a failed one; none for a success.
    pub(crate) record: Option<AttemptRecord>,
    /// Why the delivery was given up, if it was.
    pub(crate) given_up: Option<Reason>,
    /// How long ago its event had been accepted then.
    pub(crate) age: Duration,
}

/// What a look at the store shows.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Keys of pending deliveries.
    pub(crate) pending: Vec<String>,
    /// Keys of dead letters.
    pub(crate) dead: Vec<String>,
}

impl SimStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine fails: of what was not durable, only the first `kept` changes got through.
    /// Gives the keys whose confirmation was lost.
    pub(crate) fn crash(&self, kept: usize) -> Vec<String> {
        let mut state = self.lock();
        let before = state.live.ledger.clone();
        let kept = kept.min(state.log.len());
        state.write(kept);
        state.log.clear();
        state.live = state.durable.clone();
        state.fails_after = None;
        let lost = before.into_keys().filter(|key| !state.live.ledger.contains_key(key));
        lost.collect()
    }

    /// Everything so far is durable.
    pub(crate) fn sync(&self) {
        let mut state = self.lock();
        let all = state.log.len();
        state.write(all);
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.lock().log.len()
    }

    /// The call after so many more fails; `None`: none does.
    pub(crate) fn fail_after(&self, calls: Option<u32>) {
        self.lock().fails_after = calls;
    }

    pub(crate) fn look(&self) -> Look {
        let state = self.lock();
        Look {
            pending: state.live.rows.values().map(|row| row.delivery.key.clone()).collect(),
            dead: state.live.dead.values().map(|letter| letter.key.clone()).collect(),
        }
    }

    /// How many are pending, dead, accepted and delivered, in the live image.
    pub(crate) fn figures(&self) -> (u64, u64, u64, u64) {
        let live = &self.lock().live;
        (live.rows.len() as u64, live.dead.len() as u64, live.accepted, live.delivered)
    }

    /// The last attempt that is noted for a delivery, if it is on hand; and whether it is first in
    /// its lane.
    pub(crate) fn on_hand(&self, id: u64) -> Option<(Option<AttemptRecord>, bool)> {
        let state = self.lock();
        let row = state.live.rows.get(&id).filter(|row| row.due.is_none())?;
        Some((row.attempts.last().cloned(), state.live.has_turn(id, row)))
    }

    /// A delivery that is due and may have its turn.
    pub(crate) fn overdue(&self, now: Timestamp) -> Option<String> {
        let live = &self.lock().live;
        let due =
            |id: &u64, row: &Row| row.due.is_some_and(|due| due <= now) && live.has_turn(*id, row);
        live.rows.iter().find(|(id, row)| due(id, row)).map(|(_, row)| row.delivery.key.clone())
    }

    /// The attempts that ended since the last call.
    pub(crate) fn take_ended(&self) -> Vec<EndedAttempt> {
        std::mem::take(&mut self.lock().ended)
    }

    /// A delivery that was settled though it was not on hand.
    pub(crate) fn settled_twice(&self) -> Option<String> {
        self.lock().settled_twice.clone()
    }

    /// How many were accepted and have not had their first turn.
    pub(crate) fn fresh(&self) -> usize {
        self.lock().live.rows.values().filter(|row| row.fresh).count()
    }

    /// Whether a source's position needs to be read again after a crash.
    pub(crate) fn is_finished(&self, position: u64) -> bool {
        self.lock().live.finished.contains(&position)
    }
}

impl State {
    /// May fail, as disks do.
    fn may_fail(&mut self) -> Result<(), StoreError> {
        match &mut self.fails_after {
            Some(0) => Err(StoreError {
                kind: StoreErrorKind::Io,
                message: String::from("the simulated disk failed"),
            }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn write(&mut self, count: usize) {
        for op in self.log.drain(..count) {
            // What can be read again is written when it has to be.
            match &op {
                Op::Add(row) if row.is_read_again() => {}
                Op::Settle(delivery, ..) if !self.durable.rows.contains_key(&delivery.id) => {
                    let delivery = Arc::clone(delivery);
                    let row = Row { delivery, attempts: Vec::new(), due: None, fresh: false };
                    self.durable.apply(Op::Add(row));
                    self.durable.apply(op);
                }
                _ => self.durable.apply(op),
            }
        }
    }

    fn record(&mut self, op: Op) {
        self.live.apply(op.clone());
        self.log.push(op);
    }
}

impl Store for SimStore {
    fn accept(&self, batch: Vec<NewDelivery>) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        state.may_fail()?;
        let mut jobs = Vec::new();
        let mut must_be_safe = false;
        for new in batch {
            let run = state.run;
            let confirmed = state.live.ledger.get(&new.key).is_some_and(|at| *at < run);
            if confirmed && !new.again {
                if let Some(place) = new.place {
                    state.record(Op::Pass(place.position));
                }
                continue;
            }
            state.last_id += 1;
            let delivery = Delivery {
                id: state.last_id,
                key: new.key,
                request: new.request,
                event: new.event,
                accepted_at: new.accepted_at,
                place: new.place,
                lane: new.lane,
            };
            let delivery = Arc::new(delivery);
            let row = Row { delivery, attempts: Vec::new(), due: None, fresh: true };
            must_be_safe |= !row.is_read_again();
            jobs.push(row.job(true));
            state.record(Op::Add(row));
        }
        if must_be_safe {
            let all = state.log.len();
            state.write(all);
        }
        Ok(jobs)
    }

    fn bury(&self, batch: Vec<Discarded>) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.may_fail()?;
        for discarded in batch {
            state.last_id += 1;
            let letter = DeadLetter {
                id: state.last_id,
                key: discarded.key,
                reason: discarded.reason,
                message: discarded.message,
                request: None,
                event: discarded.event,
                accepted_at: discarded.at,
                died_at: discarded.at,
                attempts: Vec::new(),
            };
            state.record(Op::Bury(letter, discarded.place));
        }
        let all = state.log.len();
        state.write(all);
        Ok(())
    }

    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError> {
        let mut state = self.lock();
        let key = job.delivery.key.clone();
        let ended = |record: Option<&AttemptRecord>, given_up: Option<(Reason, Timestamp)>| {
            let age = given_up.map(|(_, at)| at.since(job.delivery.accepted_at));
            Some(EndedAttempt {
                key: key.clone(),
                record: record.cloned(),
                given_up: given_up.map(|(reason, _)| reason),
                age: age.unwrap_or_default(),
            })
        };
        state.ended.extend(match &change {
            Change::Delivered => ended(None, None),
            Change::Retry { record, .. } => ended(Some(record), None),
            Change::Dead { record, reason, at, .. } => ended(record.as_ref(), Some((*reason, *at))),
            Change::PutOff { .. } => None,
        });
        state.may_fail()?;
        let id = job.delivery.id;
        if state.live.rows.get(&id).is_some_and(|row| row.due.is_none()) {
            let run = state.run;
            state.record(Op::Settle(Arc::clone(&job.delivery), change, run));
        } else {
            state.settled_twice.get_or_insert(key);
        }
        Ok(())
    }

    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        state.may_fail()?;
        let live = &state.live;
        let mut due: Vec<(Timestamp, u64)> = live
            .rows
            .iter()
            .filter(|(id, row)| live.has_turn(**id, row))
            .filter_map(|(id, row)| row.due.filter(|due| *due <= now).map(|due| (due, *id)))
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        let mut jobs = Vec::new();
        for (_, id) in due {
            let row = state.live.rows.get_mut(&id).unwrap();
            row.due = None;
            jobs.push(row.job(false));
        }
        Ok(jobs)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut state = self.lock();
        state.may_fail()?;
        let live = &state.live;
        let with_turn = live.rows.iter().filter(|(id, row)| live.has_turn(**id, row));
        Ok(with_turn.filter_map(|(_, row)| row.due).min())
    }

    fn take_over(
        &self,
        now: Timestamp,
        latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError> {
        let mut state = self.lock();
        state.fails_after = None;
        state.run += 1;
        for row in state.live.rows.values_mut() {
            let attempts = row.attempts.last().map_or(0, |attempt| attempt.number);
            row.due = Some(row.due.map_or(now, |due| due.min(latest_due(attempts))));
            row.fresh = false;
        }
        Ok(state.live.rows.len() as u64)
    }

    fn pending_lanes(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<(), StoreError> {
        for row in self.lock().live.rows.values() {
            if let Some(lane) = row.delivery.lane {
                visit(lane, row.attempts.last().map_or(0, |attempt| attempt.number));
            }
        }
        Ok(())
    }

    fn counts(&self) -> Result<StoreCounts, StoreError> {
        let next_due = self.next_due()?;
        let state = self.lock();
        let live = &state.live;
        let on_hand = live.rows.values().filter(|row| row.due.is_none()).count() as u64;
        let pending = live.rows.len() as u64;
        let of = |wanted: fn(Reason) -> bool| {
            live.dead.values().filter(|letter| wanted(letter.reason)).count() as u64
        };
        Ok(StoreCounts {
            pending,
            on_hand,
            waiting: pending - on_hand,
            dead: live.dead.len() as u64,
            accepted: live.accepted,
            delivered: live.delivered,
            expired: of(Reason::after_attempts),
            discarded: of(|reason| !reason.after_attempts()),
            oldest_pending: live.rows.values().map(|row| row.delivery.accepted_at).min(),
            next_due,
        })
    }

    fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let state = self.lock();
        let later = state.live.dead.range(after.saturating_add(1)..);
        Ok(later.take(limit).map(|(_, letter)| letter.clone()).collect())
    }

    fn revive(&self, batch: Vec<Revival>) -> Result<Vec<Job>, StoreError> {
        let mut state = self.lock();
        state.may_fail()?;
        let mut jobs = Vec::new();
        for revival in batch {
            let Some(letter) = state.live.dead.get(&revival.id).cloned() else { continue };
            state.last_id += 1;
            let delivery = Delivery {
                id: state.last_id,
                key: letter.key,
                request: revival.request,
                event: letter.event,
                accepted_at: revival.at,
                place: None,
                lane: None,
            };
            let delivery = Arc::new(delivery);
            let row = Row { delivery, attempts: Vec::new(), due: None, fresh: false };
            jobs.push(row.job(true));
            state.record(Op::Revive(revival.id, row));
        }
        let all = state.log.len();
        state.write(all);
        Ok(jobs)
    }

    fn begin_source(&self, _source: &KnownSource) -> Result<u64, StoreError> {
        Ok(1)
    }

    fn pass(&self, places: &[SourcePlace]) -> Result<(), StoreError> {
        let mut state = self.lock();
        places.iter().for_each(|place| state.record(Op::Pass(place.position)));
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.sync();
        Ok(())
    }
}
