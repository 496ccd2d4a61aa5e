//! The store on disk: one `SQLite` file, which may hold several syncs.
//!
//! One thread writes, and gathers what all callers want into one transaction (*group commit*); a
//! caller of [`Store::accept`] waits until it is on the disk, whoever settles does not. The file is
//! read by any tool: its tables and views are named in the words of the documentation.
//!
//! What comes from a source that can be read again gets no row when it is accepted, only when its
//! first attempt fails; the source's positions say what is finished.

mod affairs;
mod checkup;
mod claim;
mod connect;
mod dead;
mod desk;
mod failure;
mod file;
mod guard;
mod ids;
mod ledger;
mod lock;
mod log_file;
pub(crate) mod network;
mod pages;
pub(crate) mod place;
mod read;
mod reader;
mod row;
mod salvage;
mod schema;
mod sync_desk;
mod target;
mod work;
mod writes;

pub use crate::delivery::store::sqlite::checkup::check;
pub use crate::delivery::store::sqlite::salvage::Salvage;
pub use crate::delivery::store::sqlite::salvage::recover;

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
use crate::delivery::store::sqlite::dead::Dead;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::file::OpenFile;
use crate::delivery::store::sqlite::file::Reply;
use crate::delivery::store::sqlite::ledger::Ledger;
use crate::delivery::store::sqlite::reader::Reader;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::target::TargetRow;
use crate::delivery::store::sqlite::work::Accepted;
use crate::delivery::store::sqlite::work::Settled;

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
    name: String,
    opened: Opened,
}

#[derive(Debug)]
enum Opened {
    Deliver(Delivering),
    Read(Reader),
}

/// What it takes to deliver.
#[derive(Debug)]
struct Delivering {
    file: Arc<OpenFile>,
    sync: i64,
    name: String,
    durability: Durability,
    remember: Duration,
    /// The target of the request before: most requests of a sync have the same one.
    target: Mutex<Option<Arc<TargetRow>>>,
    /// What earlier runs delivered or left pending; read from the file when it is first needed.
    ledger: Mutex<Option<Arc<Ledger>>>,
}

impl SqliteStore {
    /// Opens the sync of that name in the file at `path`. To deliver, both are made if they are
    /// missing.
    ///
    /// # Errors
    /// When it is open already, here or in another process, when the file is not a store, damaged
    /// or of a newer version, lies on a network file system, or cannot be read and written.
    pub fn open(path: &Path, sync_name: &str, options: OpenOptions) -> Result<Self, StoreError> {
        let opened = match options.access {
            Access::Deliver => Opened::Deliver(Delivering::open(path, sync_name, &options)?),
            Access::Read => Opened::Read(Reader::open(path, sync_name)?),
        };
        Ok(Self { name: sync_name.to_owned(), opened })
    }

    /// The names of the syncs in the file at `path`.
    ///
    /// # Errors
    /// When there is no such file, it is not a store, or it cannot be read.
    pub fn sync_names(path: &Path) -> Result<Vec<String>, StoreError> {
        Reader::names(path)
    }

    fn delivering(&self) -> Result<&Delivering, StoreError> {
        match &self.opened {
            Opened::Deliver(delivering) => {
                delivering.file.usable()?;
                Ok(delivering)
            }
            Opened::Read(reader) => Err(reader.refuse()),
        }
    }
}

impl Delivering {
    fn open(path: &Path, sync_name: &str, options: &OpenOptions) -> Result<Self, StoreError> {
        let file = OpenFile::open(path, options.durability)?;
        file.take_name(sync_name)?;
        let name = sync_name.to_owned();
        let remember = options.remember;
        let opened = file.durably(move |desk, reply| desk.open_sync(&name, remember, reply));
        let sync = opened.inspect_err(|_| file.give_name_back(sync_name))?;
        Ok(Self {
            file,
            sync,
            name: sync_name.to_owned(),
            durability: options.durability,
            remember,
            target: Mutex::new(None),
            ledger: Mutex::new(None),
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

    /// What earlier runs delivered or left pending.
    fn ledger(&self) -> Result<Arc<Ledger>, StoreError> {
        if let Some(ledger) = &*lock(&self.ledger) {
            return Ok(Arc::clone(ledger));
        }
        let sync = self.sync;
        let ledger = self.file.ask(move |desk| desk.read_ledger(sync))?;
        *lock(&self.ledger) = Some(Arc::clone(&ledger));
        Ok(ledger)
    }

    /// Reserves ids in the file, when some were given that it does not know of.
    fn reserve_ids(&self) -> Result<(), StoreError> {
        if self.file.ids.are_unreserved() { self.flush() } else { Ok(()) }
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.file.durably(|desk, reply: Reply<()>| {
            desk.change(0, |_| Ok(()), move |_, result| reply.send(result));
        })
    }

    fn row_if_unwritten(&self, job: &Job) -> Option<Box<Row>> {
        let is_unwritten = job.first_turn && job.delivery.place.is_some();
        is_unwritten.then(|| {
            let target = self.target(&job.delivery.request.target);
            Box::new(Row::new(Arc::clone(&job.delivery), target))
        })
    }

    /// Deliveries made of a batch: those of an earlier run are left out.
    fn prepare(&self, batch: Vec<NewDelivery>) -> Result<(Vec<Job>, Accepted), StoreError> {
        let checks = !self.remember.is_zero() && batch.iter().any(|new| !new.again);
        let ledger = if checks { Some(self.ledger()?) } else { None };
        let is_new = |new: &NewDelivery| {
            new.again
                || ledger
                    .as_ref()
                    .is_none_or(|ledger| !ledger.contains(fingerprint(new.request.id.as_bytes())))
        };
        let mut jobs = Vec::with_capacity(batch.len());
        let mut accepted = Accepted::default();
        let first = self.file.ids.take(batch.len());
        for (new, id) in batch.into_iter().zip(first..) {
            accepted.at = accepted.at.max(new.accepted_at);
            if !is_new(&new) {
                accepted.confirmed.extend(new.place);
                continue;
            }
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
            // What has a lane is written all the same, or those behind it would come first after a
            // crash.
            if delivery.place.is_some() && delivery.lane.is_none() {
                accepted.unwritten.push(delivery);
            } else {
                let target = self.target(&delivery.request.target);
                accepted.rows.push(Row::new(delivery, target));
            }
        }
        Ok((jobs, accepted))
    }
}

/// What is remembered of a delivery that was made.
fn fingerprint(webhook_id: &[u8]) -> u64 {
    xxh3_64(webhook_id)
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
        let this = self.delivering()?;
        let (jobs, accepted) = this.prepare(batch)?;
        if accepted.rows.is_empty() || this.durability == Durability::None {
            this.reserve_ids()?;
            this.file.accept(this.sync, accepted);
        } else {
            let sync = this.sync;
            this.file.durably(move |desk, reply| {
                let done = Box::new(move |_: &mut Desk, result| reply.send(result));
                desk.accept(sync, accepted, Some(done));
            })?;
        }
        Ok(jobs)
    }

    fn bury(&self, batch: Vec<Discarded>) -> Result<(), StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        let first = this.file.ids.take(batch.len());
        this.file.durably(move |desk, reply| desk.bury(sync, first, batch, reply))
    }

    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError> {
        let this = self.delivering()?;
        let delivery = &job.delivery;
        let settled = match change {
            Change::Delivered => {
                Settled::Delivered { fingerprint: fingerprint(delivery.request.id.as_bytes()) }
            }
            Change::Retry { record, due } => {
                Settled::Wait { due, record: Some(record), row: this.row_if_unwritten(job) }
            }
            Change::PutOff { due } => {
                Settled::Wait { due, record: None, row: this.row_if_unwritten(job) }
            }
            Change::Dead { record, reason, message, at } => Settled::Dead(Box::new(Dead {
                delivery: Arc::clone(delivery),
                target: this.target(&delivery.request.target),
                record,
                reason,
                message,
                at,
                had_row: false,
                damaged: false,
            })),
        };
        this.file.settle(this.sync, delivery.id, settled);
        Ok(())
    }

    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        this.file.ask(move |desk| desk.claim(sync, now, limit))
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        match &self.opened {
            Opened::Deliver(this) => {
                let sync = this.sync;
                this.file.ask(move |desk| desk.next_due(sync))
            }
            Opened::Read(reader) => reader.counts().map(|counts| counts.next_due),
        }
    }

    fn take_over(
        &self,
        now: Timestamp,
        latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        let most = this.file.ask(move |desk| desk.most_attempts(sync))?;
        let latest: Vec<Timestamp> = (0..=most.min(10_000)).map(latest_due).collect();
        // What this run delivers is the next one's to leave out.
        *lock(&this.ledger) = None;
        this.file.durably(move |desk, reply| desk.begin_run(sync, now, &latest, reply))
    }

    fn pending_lanes(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<(), StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        let lanes = this.file.ask(move |desk| desk.pending_lanes(sync))?;
        for (lane, attempts) in lanes {
            visit(lane, attempts);
        }
        Ok(())
    }

    fn counts(&self) -> Result<StoreCounts, StoreError> {
        match &self.opened {
            Opened::Deliver(this) => {
                let sync = this.sync;
                this.file.ask(move |desk| desk.counts(sync))
            }
            Opened::Read(reader) => reader.counts(),
        }
    }

    fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        match &self.opened {
            Opened::Deliver(this) => {
                let sync = this.sync;
                this.file.ask(move |desk| {
                    desk.look(|desk| {
                        read::dead_letters(&desk.connection, &mut desk.targets, sync, after, limit)
                    })
                })
            }
            Opened::Read(reader) => reader.dead_letters(after, limit),
        }
    }

    fn revive(&self, batch: Vec<Revival>) -> Result<Vec<Job>, StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        let batch: Vec<(Revival, Arc<TargetRow>)> = batch
            .into_iter()
            .map(|revival| {
                let target = this.target(&revival.request.target);
                (revival, target)
            })
            .collect();
        this.file.durably(move |desk, reply| desk.revive(sync, batch, reply))
    }

    fn sources(&self) -> Result<Vec<KnownSource>, StoreError> {
        match &self.opened {
            Opened::Deliver(this) => {
                let sync = this.sync;
                this.file.ask(move |desk| desk.sources(sync))
            }
            Opened::Read(reader) => reader.sources(),
        }
    }

    fn begin_source(&self, source: &KnownSource) -> Result<u64, StoreError> {
        let this = self.delivering()?;
        let (sync, source) = (this.sync, source.clone());
        this.file.durably(move |desk, reply| desk.begin_source(sync, source, reply))
    }

    fn pass(&self, places: &[SourcePlace]) -> Result<(), StoreError> {
        let this = self.delivering()?;
        let (sync, places) = (this.sync, places.to_vec());
        this.file.tell(move |desk| desk.pass(sync, &places));
        Ok(())
    }

    fn end_source(&self, source: u64, end: u64) -> Result<(), StoreError> {
        let this = self.delivering()?;
        let sync = this.sync;
        this.file.tell(move |desk| desk.end_source(sync, source, end));
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        match &self.opened {
            Opened::Deliver(this) => this.flush(),
            Opened::Read(_) => Ok(()),
        }
    }
}

impl Drop for Delivering {
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
        let path = match &self.opened {
            Opened::Deliver(this) => &this.file.path,
            Opened::Read(reader) => &reader.path,
        };
        write!(f, "SqliteStore({} in {})", self.name, path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use crate::delivery::clock::Timestamp;
    use crate::delivery::store::Store;
    use crate::delivery::store::StoreErrorKind;
    use crate::delivery::store::sqlite::OpenOptions;
    use crate::delivery::store::sqlite::Opened;
    use crate::delivery::store::sqlite::SqliteStore;

    #[test]
    fn in_a_forked_process_a_store_says_so_and_leaves_the_parents_alone() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("fork.db");
        let store = SqliteStore::open(&path, "fork", OpenOptions::default());
        let store = store.unwrap_or_else(|error| panic!("{error}"));
        let Opened::Deliver(this) = &store.opened else {
            panic!("it was opened to deliver");
        };
        // As a child sees it: the number of another process.
        let file = std::sync::Arc::clone(&this.file);
        file.process.fetch_add(1, SeqCst);
        let kind = |error: crate::delivery::store::StoreError| error.kind;
        assert_eq!(store.accept(Vec::new()).map(drop).map_err(kind), Err(StoreErrorKind::Closed));
        assert_eq!(store.counts().map(drop).map_err(kind), Err(StoreErrorKind::Closed));
        assert_eq!(store.flush().map_err(kind), Err(StoreErrorKind::Closed));
        drop(store);
        assert!(folder.path().join("fork.db-wal").exists(), "the parent's is not closed");
        file.process.fetch_sub(1, SeqCst);
        assert!(file.ask(|desk| desk.claim(1, Timestamp::default(), 1)).is_ok());
    }
}
