//! The one who writes: all that a file holds passes over this desk, one thing after the other.
//!
//! Changes are gathered in a transaction. Those that somebody waits for are undone when it fails, and
//! whoever waits is told. Those that nobody waits for (what was settled) are kept until they are
//! safe, and made again in the next transaction.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::SeqCst;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::params;

use crate::delivery::store::Durability;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::may_pass;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::ids::Ids;
use crate::delivery::store::sqlite::lock::Hold;
use crate::delivery::store::sqlite::read::Targets;
use crate::delivery::store::sqlite::schema::CHECKPOINT_PAGES;
use crate::delivery::store::sqlite::schema::set_durability;
use crate::delivery::store::sqlite::sync_desk::SyncDesk;
use crate::delivery::store::sqlite::writes::Lanes;
use crate::delivery::store::sqlite::writes::Surroundings;
use crate::delivery::store::sqlite::writes::Write;
use crate::delivery::store::sqlite::writes::delete_all;

/// Told whether the transaction it was part of is safe.
pub(crate) type Finisher = Box<dyn FnOnce(&mut Desk, Result<(), StoreError>) + Send>;

/// Free pages a file may keep: 32 MiB.
const SPARE_PAGES: i64 = 4096;

/// At most 128 MiB at once, so that closing does not take long.
const GIVE_BACK: &str = "PRAGMA incremental_vacuum(16384)";

/// One file's tables, and what is known beside them.
pub(crate) struct Desk {
    pub(crate) connection: Connection,
    path: PathBuf,
    hold: Arc<Hold>,
    broken: Arc<OnceLock<StoreError>>,
    pub(crate) ids: Arc<Ids>,
    durability: Durability,
    pub(crate) syncs: HashMap<i64, SyncDesk>,
    pub(crate) lanes: Lanes,
    pub(crate) targets: Targets,
    known_targets: HashSet<i64>,
    /// Changes of this transaction that must be made again if it fails.
    writes: Vec<Write>,
    /// Of these, deliveries whose rows are still to be deleted.
    gone: Vec<u64>,
    finishers: Vec<Finisher>,
    in_transaction: bool,
    /// Whether `writes` are of a transaction that failed.
    again: bool,
    /// Rows in this transaction, to keep it from growing without end.
    rows: usize,
    log_pages: Arc<AtomicI32>,
}

impl Desk {
    pub(crate) fn new(
        mut connection: Connection,
        path: PathBuf,
        hold: Arc<Hold>,
        broken: Arc<OnceLock<StoreError>>,
        ids: Arc<Ids>,
        durability: Durability,
    ) -> rusqlite::Result<Self> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let pages = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_log| {
            pages.store(in_log, SeqCst);
            Ok(())
        }))?;
        Ok(Self {
            connection,
            path,
            hold,
            broken,
            ids,
            durability,
            syncs: HashMap::new(),
            lanes: Lanes::new(),
            targets: Targets::default(),
            known_targets: HashSet::new(),
            writes: Vec::new(),
            gone: Vec::new(),
            finishers: Vec::new(),
            in_transaction: false,
            again: false,
            rows: 0,
            log_pages,
        })
    }

    /// The tables, to be written to in the transaction that is open.
    pub(crate) fn around(&mut self) -> Surroundings<'_> {
        Surroundings {
            connection: &self.connection,
            known_targets: &mut self.known_targets,
            lanes: &self.lanes,
        }
    }

    /// Makes a change that nobody waits for.
    pub(crate) fn note(&mut self, write: Write) {
        let made = self.begin().and_then(|()| {
            if let Some(id) = write.removes_only() {
                self.gone.push(id);
                return Ok(());
            }
            let made = write.execute(&mut self.around());
            made.map_err(|error| self.failed(&error))
        });
        self.writes.push(write);
        self.rows += 1;
        if let Err(error) = made {
            self.abort(&error);
        }
    }

    /// Makes changes that somebody waits for. When the transaction has ended, `after` hears how; at
    /// once, if the changes cannot be made.
    pub(crate) fn change<T: Send + 'static>(
        &mut self,
        rows: usize,
        change: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
        after: impl FnOnce(&mut Self, Result<T, StoreError>) + Send + 'static,
    ) {
        let made = self.begin().and_then(|()| {
            self.delete_gone()?;
            let made = change(self);
            made.map_err(|error| self.failed(&error))
        });
        match made {
            Ok(made) => {
                self.rows += rows;
                self.finishers.push(Box::new(move |desk, ended| {
                    after(desk, ended.map(|()| made));
                }));
            }
            Err(error) => {
                self.abort(&error);
                after(self, Err(error));
            }
        }
    }

    /// Looks something up, in the light of all that was noted before.
    pub(crate) fn look<T>(
        &mut self,
        look: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if self.again {
            self.begin().inspect_err(|error| self.abort(error))?;
        }
        self.usable()?;
        self.delete_gone().inspect_err(|error| self.abort(error))?;
        look(self).map_err(|error| self.failed(&error))
    }

    /// Something was settled that changes no row.
    pub(crate) fn settled(&mut self) {
        self.rows += 1;
    }

    /// How many rows the open transaction changes.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether somebody waits for the open transaction.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.finishers.is_empty()
    }

    /// Whether there is anything to commit.
    pub(crate) fn is_dirty(&self) -> bool {
        self.in_transaction || self.again || self.syncs.values().any(SyncDesk::is_dirty)
    }

    /// Ends the transaction and tells those who wait how it ended.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let committed = if self.is_dirty() { self.try_commit() } else { self.usable() };
        match &committed {
            Ok(()) => {
                self.in_transaction = false;
                self.writes.clear();
                self.rows = 0;
                self.syncs.values_mut().for_each(SyncDesk::committed);
                self.ids.committed();
                self.finish(&Ok(()));
            }
            Err(error) => self.abort(error),
        }
        committed
    }

    fn try_commit(&mut self) -> Result<(), StoreError> {
        self.begin()?;
        self.delete_gone()?;
        let flushed = self.flush_syncs();
        flushed.map_err(|error| self.failed(&error))?;
        // What is written to a file without a name, or to one that another process delivers from, is
        // not kept.
        self.hold.check().inspect_err(|error| self.give_up(error))?;
        let committed =
            self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        committed.map(drop).map_err(|error| self.failed(&error))
    }

    fn flush_syncs(&mut self) -> rusqlite::Result<()> {
        for sync in self.syncs.values_mut() {
            sync.flush(&self.connection)?;
        }
        if let Some(last_id) = self.ids.to_reserve() {
            self.connection
                .prepare_cached("UPDATE store SET last_id = ?1")?
                .execute(params![last_id.cast_signed()])?;
        }
        Ok(())
    }

    /// Moves what is in the log to the database, when there is much of it. Nobody waits meanwhile.
    pub(crate) fn tidy(&mut self) {
        if self.log_pages.load(SeqCst) < CHECKPOINT_PAGES || self.in_transaction || self.is_broken()
        {
            return;
        }
        let moved = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut statement| statement.query_row([], |_| Ok(())));
        self.log_pages.store(0, SeqCst);
        if let Err(error) = moved {
            let error = self.failed(&error);
            // What is in the log is safe there; but a disk that failed once is not asked again.
            if !may_pass(&error) {
                self.abort(&error);
            }
        }
    }

    /// Makes commits at least as safe as this.
    pub(crate) fn raise_durability(&mut self, durability: Durability) -> Result<(), StoreError> {
        let rank = |durability| match durability {
            Durability::None => 0,
            Durability::Process => 1,
            Durability::Disk => 2,
        };
        if rank(durability) > rank(self.durability) {
            // It cannot be changed within a transaction.
            self.commit()?;
            set_durability(&self.connection, durability).map_err(|error| self.failed(&error))?;
            self.durability = durability;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        if self.in_transaction {
            return Ok(());
        }
        let begun = self
            .connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut begin| begin.execute([]));
        begun.map_err(|error| self.failed(&error))?;
        self.in_transaction = true;
        if self.again {
            self.again = false;
            let writes = std::mem::take(&mut self.writes);
            let made = writes.iter().try_for_each(|write| write.execute(&mut self.around()));
            self.writes = writes;
            made.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Deletes the rows that are to be deleted in the open transaction.
    fn delete_gone(&mut self) -> Result<(), StoreError> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let deleted = delete_all(&self.connection, &mut self.gone);
        self.gone.clear();
        deleted.map_err(|error| self.failed(&error))
    }

    /// Undoes the transaction. What nobody waits for is kept for the next one, unless there will
    /// be none.
    pub(crate) fn abort(&mut self, error: &StoreError) {
        if !self.connection.is_autocommit() {
            // It failed already; that it cannot be undone either changes nothing.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.in_transaction = false;
        self.gone.clear();
        self.rows = 0;
        self.known_targets.clear();
        self.targets.forget();
        self.again = !self.writes.is_empty();
        self.syncs.values_mut().for_each(SyncDesk::undone);
        if !may_pass(error) {
            self.give_up(error);
        }
        self.finish(&Err(error.clone()));
    }

    /// Nothing more is written. What the log holds is for the next process to read.
    fn give_up(&self, error: &StoreError) {
        if self.broken.set(error.clone()).is_ok() {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }

    fn finish(&mut self, result: &Result<(), StoreError>) {
        for finisher in std::mem::take(&mut self.finishers) {
            finisher(self, result.clone());
        }
    }

    pub(crate) fn usable(&self) -> Result<(), StoreError> {
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get().is_some()
    }

    pub(crate) fn failed(&self, error: &rusqlite::Error) -> StoreError {
        of_database(&self.path, error)
    }

    /// What is in the tables contradicts itself.
    pub(crate) fn damaged(&self, what: String) -> StoreError {
        let hint = "`webhook-stream recover` saves what can be read";
        failure(StoreErrorKind::Damaged, &self.path, what, hint)
    }

    /// Gives the disk back some of what a backlog took, when the store is closed.
    pub(crate) fn shrink(&mut self) {
        if self.is_broken() {
            return;
        }
        let free = self
            .connection
            .pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
            .unwrap_or(0);
        if free > SPARE_PAGES {
            // What cannot be given back now is used again, or given back another time.
            let _ = self.connection.execute_batch(GIVE_BACK);
        }
    }

    /// The desk of a sync that is open.
    pub(crate) fn sync(&mut self, id: i64) -> Result<&mut SyncDesk, StoreError> {
        let path = &self.path;
        self.syncs.get_mut(&id).ok_or_else(|| {
            failure(StoreErrorKind::Closed, path, "expected an open store, found it closed", "")
        })
    }
}
