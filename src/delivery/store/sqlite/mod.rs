//! The store on disk: one `SQLite` file, which may hold several syncs.
//!
//! One thread writes, and gathers what all callers want into one transaction (*group commit*); a
//! caller of [`Store::accept`] waits until it is on the disk, whoever settles does not. The file is
//! read by any tool: its tables and views are named in the words of the documentation.
//!
//! What comes from a source that can be read again gets no row when it is accepted, only when its
//! first attempt fails; the source's positions say what is finished.

mod affairs;
mod desk;
mod failure;
mod file;
mod ids;
mod lock;
mod place;
mod read;
mod row;
mod schema;
mod sync_desk;
mod target;
mod work;
mod writes;

use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::delivery::clock::Timestamp;
use crate::delivery::clock::lock;
use crate::delivery::request::Target;
use crate::delivery::store::Change;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Durability;
use crate::delivery::store::Job;
use crate::delivery::store::KnownSource;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Revival;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::Store;
use crate::delivery::store::StoreCounts;
use crate::delivery::store::StoreError;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::file::OpenFile;
use crate::delivery::store::sqlite::file::Reply;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::target::TargetRow;
use crate::delivery::store::sqlite::work::Accepted;
use crate::delivery::store::sqlite::work::Settled;
use crate::delivery::store::sqlite::writes::Dead;

/// How long it is remembered what was delivered, by default.
const REMEMBER: Duration = Duration::from_hours(7 * 24);

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// When an event counts as accepted. Syncs that share a file get the safest of their wishes.
    pub durability: Durability,
    /// What it is opened for.
    pub access: Access,
    /// How long it is remembered what was delivered, so that a later run does not send it again;
    /// zero: not at all.
    pub remember: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { durability: Durability::default(), access: Access::default(), remember: REMEMBER }
    }
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// To deliver: one process at a time.
    #[default]
    Deliver,
    /// To look: counts, dead letters and sources, also while another process delivers.
    Read,
}

/// One sync in a file. Dropping the last one of a file closes the file.
pub struct SqliteStore {
    file: Arc<OpenFile>,
    sync: i64,
    name: String,
    durability: Durability,
    /// The target of the request before: most requests of a sync have the same one.
    target: Mutex<Option<Arc<TargetRow>>>,
}

impl SqliteStore {
    /// Opens the sync of that name in the file at `path`; both are made if they are missing.
    ///
    /// # Errors
    /// When it is open already, here or in another process, when the file is not a store, damaged
    /// or of a newer version, lies on a network file system, or cannot be read and written.
    pub fn open(path: &Path, sync_name: &str, options: OpenOptions) -> Result<Self, StoreError> {
        let file = OpenFile::open(path, options.durability)?;
        file.take_name(sync_name)?;
        let name = sync_name.to_owned();
        let opened = file.durably(move |desk, reply| desk.open_sync(&name, reply));
        let sync = opened.inspect_err(|_| file.give_name_back(sync_name))?;
        Ok(Self {
            file,
            sync,
            name: sync_name.to_owned(),
            durability: options.durability,
            target: Mutex::new(None),
        })
    }

    fn target(&self, target: &Arc<Target>) -> Arc<TargetRow> {
        let mut last = lock(&self.target);
        match &*last {
            Some(row) if Arc::ptr_eq(&row.target, target) => Arc::clone(row),
            _ => {
                let row = Arc::new(TargetRow::new(target));
                *last = Some(Arc::clone(&row));
                row
            }
        }
    }

    /// Reserves ids in the file, when many were given that it does not know of.
    fn reserve_ids(&self) -> Result<(), StoreError> {
        if self.file.ids.are_unreserved() {
            self.file.durably(|desk, reply: Reply<()>| {
                desk.change(0, |_| Ok(()), move |_, result| reply.send(result));
            })?;
        }
        Ok(())
    }
}

/// What is remembered of a delivery that was made.
fn fingerprint(webhook_id: &str) -> u64 {
    xxh3_64(webhook_id.as_bytes())
}

fn job(delivery: &Arc<Delivery>) -> Job {
    Job {
        delivery: Arc::clone(delivery),
        attempts: 0,
        first_attempt_at: None,
        first_turn: true,
        damaged: false,
    }
}

impl Store for SqliteStore {
    fn accept(&self, batch: Vec<NewDelivery>) -> Result<Vec<Job>, StoreError> {
        self.file.usable()?;
        let mut jobs = Vec::with_capacity(batch.len());
        let mut accepted = Accepted::default();
        let first = self.file.ids.take(batch.len());
        for (new, id) in batch.into_iter().zip(first..) {
            accepted.at = accepted.at.max(new.accepted_at);
            let delivery = Arc::new(Delivery {
                id,
                key: new.key,
                request: new.request,
                event: new.event,
                accepted_at: new.accepted_at,
                place: new.place,
                lane: new.lane,
            });
            jobs.push(job(&delivery));
            if delivery.place.is_some() {
                accepted.unwritten.push(delivery);
            } else {
                let target = self.target(&delivery.request.target);
                accepted.rows.push(Row::new(delivery, target));
            }
        }
        if accepted.rows.is_empty() || self.durability == Durability::None {
            self.reserve_ids()?;
            self.file.accept(self.sync, accepted);
        } else {
            let sync = self.sync;
            self.file.durably(move |desk, reply| {
                let done = Box::new(move |_: &mut Desk, result| reply.send(result));
                desk.accept(sync, accepted, Some(done));
            })?;
        }
        Ok(jobs)
    }

    fn bury(&self, batch: Vec<Discarded>) -> Result<(), StoreError> {
        let sync = self.sync;
        let first = self.file.ids.take(batch.len());
        self.file.durably(move |desk, reply| desk.bury(sync, first, batch, reply))
    }

    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError> {
        self.file.usable()?;
        let delivery = &job.delivery;
        let settled = match change {
            Change::Delivered => {
                Settled::Delivered { fingerprint: fingerprint(&delivery.request.id) }
            }
            Change::Retry { record, due } => {
                Settled::Wait { due, record: Some(record), row: self.row_if_unwritten(job) }
            }
            Change::PutOff { due } => {
                Settled::Wait { due, record: None, row: self.row_if_unwritten(job) }
            }
            Change::Dead { record, reason, message, at } => Settled::Dead(Box::new(Dead {
                delivery: Arc::clone(delivery),
                target: self.target(&delivery.request.target),
                record,
                reason,
                message,
                at,
                had_row: false,
                damaged: false,
            })),
        };
        self.file.settle(self.sync, delivery.id, settled);
        Ok(())
    }

    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        let sync = self.sync;
        self.file.ask(move |desk| desk.claim(sync, now, limit))
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let sync = self.sync;
        self.file.ask(move |desk| desk.next_due(sync))
    }

    fn take_over(
        &self,
        now: Timestamp,
        latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError> {
        let sync = self.sync;
        let most = self.file.ask(move |desk| desk.most_attempts(sync))?;
        let latest: Vec<Timestamp> = (0..=most.min(10_000)).map(latest_due).collect();
        self.file.durably(move |desk, reply| desk.begin_run(sync, now, &latest, reply))
    }

    fn counts(&self) -> Result<StoreCounts, StoreError> {
        let sync = self.sync;
        self.file.ask(move |desk| desk.counts(sync))
    }

    fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let sync = self.sync;
        self.file.ask(move |desk| {
            desk.look(|desk| {
                read::dead_letters(&desk.connection, &mut desk.targets, sync, after, limit)
            })
        })
    }

    fn revive(&self, batch: Vec<Revival>) -> Result<Vec<Job>, StoreError> {
        let sync = self.sync;
        let batch: Vec<(Revival, Arc<TargetRow>)> = batch
            .into_iter()
            .map(|revival| {
                let target = self.target(&revival.request.target);
                (revival, target)
            })
            .collect();
        self.file.durably(move |desk, reply| desk.revive(sync, batch, reply))
    }

    fn sources(&self) -> Result<Vec<KnownSource>, StoreError> {
        let sync = self.sync;
        self.file.ask(move |desk| desk.sources(sync))
    }

    fn begin_source(&self, source: &KnownSource) -> Result<u64, StoreError> {
        let (sync, source) = (self.sync, source.clone());
        self.file.durably(move |desk, reply| desk.begin_source(sync, source, reply))
    }

    fn pass(&self, places: &[SourcePlace]) -> Result<(), StoreError> {
        self.file.usable()?;
        let (sync, places) = (self.sync, places.to_vec());
        self.file.tell(move |desk| desk.pass(sync, &places));
        Ok(())
    }

    fn end_source(&self, source: u64, end: u64) -> Result<(), StoreError> {
        self.file.usable()?;
        let sync = self.sync;
        self.file.tell(move |desk| desk.end_source(sync, source, end));
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.file.durably(|desk, reply| {
            desk.change(0, |_| Ok(()), move |_, result| reply.send(result));
        })
    }
}

impl SqliteStore {
    fn row_if_unwritten(&self, job: &Job) -> Option<Box<Row>> {
        let is_unwritten = job.first_turn && job.delivery.place.is_some();
        is_unwritten.then(|| {
            let target = self.target(&job.delivery.request.target);
            Box::new(Row::new(Arc::clone(&job.delivery), target))
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !self.file.is_own() {
            // In a forked child nothing of the parent's may be touched, not even closed.
            mem::forget(Arc::clone(&self.file));
            return;
        }
        let sync = self.sync;
        // What could not be made safe is the next run's; there is nobody to tell.
        let _ = self.flush();
        let _ = self.file.ask(move |desk| {
            desk.close_sync(sync);
            Ok(())
        });
        self.file.give_name_back(&self.name);
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteStore({} in {})", self.name, self.file.path.display())
    }
}
