//! A file that is only looked at, perhaps while another process delivers from it.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;

use rusqlite::Connection;
use rusqlite::OpenFlags;

use crate::delivery::clock::Timestamp;
use crate::delivery::clock::lock;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::KnownSource;
use crate::delivery::store::StoreCounts;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::connect::check_application;
use crate::delivery::store::sqlite::connect::check_beginning;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::place::Place;
use crate::delivery::store::sqlite::read;
use crate::delivery::store::sqlite::read::StoredSync;
use crate::delivery::store::sqlite::read::Targets;
use crate::delivery::store::sqlite::schema;

/// One sync of a file, to look at.
pub(crate) struct Reader {
    pub(crate) path: PathBuf,
    name: String,
    connection: Mutex<(Connection, Targets)>,
    process: u32,
}

impl Reader {
    pub(crate) fn open(path: &Path, name: &str) -> Result<Self, StoreError> {
        let (path, connection) = connect(path)?;
        Ok(Self {
            path,
            name: name.to_owned(),
            connection: Mutex::new((connection, Targets::default())),
            process: std::process::id(),
        })
    }

    pub(crate) fn names(path: &Path) -> Result<Vec<String>, StoreError> {
        let (path, connection) = connect(path)?;
        let names = || -> rusqlite::Result<Vec<String>> {
            let mut statement = connection.prepare("SELECT name FROM sync ORDER BY id")?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect()
        };
        names().map_err(|error| of_database(&path, &error))
    }

    /// What one gets who wants to change something.
    pub(crate) fn refuse(&self) -> StoreError {
        let what = "expected a store that is open for delivering, found it open for reading";
        failure(StoreErrorKind::Closed, &self.path, what, "")
    }

    /// Rows that are on hand cannot be told from those accepted before a crash.
    pub(crate) fn counts(&self) -> Result<StoreCounts, StoreError> {
        let found = self.look(|connection, _, sync| {
            let waiting: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM delivery
                     WHERE sync = ?1 AND behind IN (0, 1) AND due IS NOT NULL",
                )?
                .query_row([sync.id], |row| row.get(0))?;
            let pending = sync.totals.pending();
            let waiting = waiting.cast_unsigned().min(pending);
            Ok(StoreCounts {
                pending,
                on_hand: pending - waiting,
                waiting,
                dead: sync.totals.expired + sync.totals.discarded,
                accepted: sync.totals.accepted,
                delivered: sync.totals.delivered,
                expired: sync.totals.expired,
                discarded: sync.totals.discarded,
                oldest_pending: oldest(connection, &sync)?,
                next_due: read::first_due(connection, sync.id)?,
            })
        });
        found.map(Option::unwrap_or_default)
    }

    pub(crate) fn dead_letters(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let found = self.look(|connection, targets, sync| {
            read::dead_letters(connection, targets, sync.id, after, limit)
        });
        found.map(Option::unwrap_or_default)
    }

    pub(crate) fn sources(&self) -> Result<Vec<KnownSource>, StoreError> {
        let found = self.look(|connection, _, sync| read::sources(connection, sync.id));
        found.map(Option::unwrap_or_default)
    }

    /// Looks at one state of the file; `None` when the sync is not in it.
    fn look<T>(
        &self,
        look: impl FnOnce(&Connection, &mut Targets, StoredSync) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        if self.process != std::process::id() {
            let what = "expected the process that opened the store, found one forked from it";
            let hint = "open the store after forking";
            return Err(failure(StoreErrorKind::Closed, &self.path, what, hint));
        }
        let mut open = lock(&self.connection);
        let (connection, targets) = &mut *open;
        let looked = (|| {
            let transaction = connection.unchecked_transaction()?;
            let Some(sync) = read::sync(&transaction, &self.name)? else {
                return Ok(None);
            };
            look(&transaction, targets, sync).map(Some)
        })();
        looked.map_err(|error| of_database(&self.path, &error))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.process != std::process::id()
            && let Ok(memory) = Connection::open_in_memory()
        {
            // A forked child must not close what is the parent's.
            let theirs = std::mem::replace(&mut lock(&self.connection).0, memory);
            std::mem::forget(theirs);
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} in {})", self.name, self.path.display())
    }
}

fn oldest(connection: &Connection, sync: &StoredSync) -> rusqlite::Result<Option<Timestamp>> {
    let oldest = read::oldest(connection, sync.id, sync.first_id)?;
    Ok(oldest.map(|(_, accepted_at)| accepted_at))
}

/// Connects to a store that is there.
pub(crate) fn connect(path: &Path) -> Result<(PathBuf, Connection), StoreError> {
    let place = Place::prepare(path, false)?;
    check_beginning(&place)?;
    let path = place.path;
    let failed = |error: rusqlite::Error| of_database(&path, &error);
    let rest = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // Its log can be read only with leave to write beside it; if there is none, do without.
    let open = |flags| {
        let connection = Connection::open_with_flags(&path, flags | rest)?;
        schema::prepare(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let connection = open(OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|error: rusqlite::Error| open(OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|_| error))
        .map_err(failed)?;
    check_application(&path, &connection)?;
    Ok((path, connection))
}
