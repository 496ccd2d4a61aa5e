//! What can be saved of a damaged file: every row whose bytes are what was written, into a new file.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::params;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use crate::delivery::store::Durability;
use crate::delivery::store::Reason;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::positions::Positions;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::failure::of_file;
use crate::delivery::store::sqlite::file::OpenFile;
use crate::delivery::store::sqlite::ids;
use crate::delivery::store::sqlite::lock::Lock;
use crate::delivery::store::sqlite::log_file::LogFile;
use crate::delivery::store::sqlite::pages::Pages;
use crate::delivery::store::sqlite::pages::RawRow;
use crate::delivery::store::sqlite::place::Place;
use crate::delivery::store::sqlite::place::make_file;
use crate::delivery::store::sqlite::place::sync_folder;
use crate::delivery::store::sqlite::row::Stored;
use crate::delivery::store::sqlite::schema;
use crate::delivery::store::sqlite::target::TargetTexts;

/// What [`recover`] saved, and what it could not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Deliveries that are pending in the new file.
    pub pending: u64,
    /// Dead letters in the new file.
    pub dead_letters: u64,
    /// Deliveries and dead letters that were found damaged, and left out.
    pub damaged: u64,
    /// Deliveries and dead letters that should be there by the counts, and are not: the damaged
    /// ones, and those nothing was found of. `None` when the counts themselves are lost.
    pub lost: Option<u64>,
    /// Sources that are remembered.
    pub sources: u64,
    /// Pages of the file that could not be read.
    pub unreadable_pages: u64,
    /// Pieces of the log beside the file that are damaged.
    pub damaged_log_frames: u64,
}

/// Saves what can be read of a damaged store into a new file. Never a payload that is not what was
/// accepted: each row's checksum is checked. The damaged file is not changed, and one in which nothing
/// shows that it is a store is refused. When the row of its only
/// sync is lost, `sync_name` is what that is called from then on.
///
/// # Errors
/// When the damaged file is in use or cannot be opened, or the new one exists or cannot be written.
pub fn recover(path: &Path, into: &Path, sync_name: Option<&str>) -> Result<Salvage, StoreError> {
    let place = Place::prepare(path, false)?;
    if OpenFile::is_open(&place.identity) {
        let what = "expected a store that nobody delivers from, found it open in this process";
        return Err(failure(StoreErrorKind::InUse, &place.path, what, "close it first"));
    }
    let lock = Lock::take(&place)?;
    let saved = save(&place.path, into, sync_name);
    lock.release();
    saved
}

fn save(path: &Path, into: &Path, sync_name: Option<&str>) -> Result<Salvage, StoreError> {
    let unreadable = |error| of_file(path, "expected to read the damaged store", &error);
    let log = LogFile::read(path).map_err(unreadable)?;
    let mut pages = Pages::open(path, log).map_err(unreadable)?;
    refuse_what_is_none(path, &mut pages)?;
    make_file(into).map_err(|error| of_file(into, "expected to make a new file", &error))?;
    let into = into
        .canonicalize()
        .map_err(|error| of_file(into, "expected to make a new file", &error))?;
    let failed = |error: rusqlite::Error| of_database(&into, &error);
    let connection =
        Connection::open_with_flags(&into, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    schema::prepare_new(&connection).map_err(failed)?;
    schema::prepare_to_write(&connection, Durability::Process).map_err(failed)?;
    schema::make_tables(&connection).map_err(failed)?;
    let mut rescue = Rescue {
        connection: &connection,
        salvage: Salvage { damaged_log_frames: pages.damaged_frames(), ..Salvage::default() },
        damaged: HashSet::new(),
    };
    rescue.all(&mut pages, sync_name).map_err(failed)?;
    let salvage = rescue.salvage;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
    drop(connection);
    sync_folder(&into).map_err(|error| of_file(&into, "expected to keep the file", &error))?;
    Ok(salvage)
}

/// Refuses a store of a newer version, and a file in which nothing shows that it is a store: neither
/// its beginning nor, should that be damaged, any row.
fn refuse_what_is_none(path: &Path, pages: &mut Pages) -> Result<(), StoreError> {
    let newest = schema::VERSION.cast_unsigned();
    match pages.marks() {
        Some((application, version)) if application == schema::APPLICATION_ID.cast_unsigned() => {
            if version <= newest {
                return Ok(());
            }
            let what = format!("expected a store of version {newest} or older, found {version}");
            Err(failure(StoreErrorKind::Newer, path, what, "update webhook_stream"))
        }
        _ if (1..=pages.count()).any(|number| pages.rows(number).0.iter().any(is_ours)) => Ok(()),
        _ => {
            let what = "expected a store of webhook_stream, found nothing of one in the file";
            Err(failure(StoreErrorKind::Place, path, what, "it was left as it is"))
        }
    }
}

/// Whether a row can only be of a store: its checksum is right, or it says who made the file.
fn is_ours(row: &RawRow) -> bool {
    let RawRow { id: Some(id), columns: Some(columns) } = row else {
        return false;
    };
    match columns.as_slice() {
        [_, Value::Text(made_by), Value::Integer(_)] => made_by.starts_with("webhook_stream "),
        [_, Value::Text(method), Value::Text(url), Value::Text(headers)] => {
            target_id(method, url, headers) == *id
        }
        _ if columns.len() == 17 => stored(Some(*id), columns, DELIVERY).open().is_some(),
        _ if columns.len() == 15 => stored(Some(*id), columns, DEAD_LETTER).open().is_some(),
        _ => false,
    }
}

fn target_id(method: &str, url: &str, headers: &str) -> i64 {
    let [method, url, headers] = [method, url, headers].map(ToOwned::to_owned);
    TargetTexts { method, url, headers }.id()
}

/// Where a row's target, its checksum, whether it is packed and its key stand. Key, id and texts
/// follow each other in both tables.
type Columns = [usize; 4];
const DELIVERY: Columns = [2, 11, 12, 13];
const DEAD_LETTER: Columns = [2, 9, 10, 11];

fn stored(id: Option<i64>, columns: &[Value], at: Columns) -> Stored<'_> {
    let integer = |at: usize| match columns.get(at) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    };
    let bytes = |at: usize| match columns.get(at) {
        Some(Value::Text(text)) => Some(text.as_bytes()),
        Some(Value::Blob(bytes)) => Some(bytes.as_slice()),
        _ => None,
    };
    let [target, checksum, packed, key] = at;
    Stored {
        id: id.unwrap_or_default().cast_unsigned(),
        target: integer(target),
        checksum: integer(checksum),
        packed: integer(packed).unwrap_or_default() != 0,
        key: bytes(key),
        webhook_id: bytes(key + 1),
        payload: bytes(key + 2),
        event: bytes(key + 3),
    }
}

/// Rows in one transaction.
const ROWS: usize = 10_000;

struct Rescue<'a> {
    connection: &'a Connection,
    salvage: Salvage,
    /// Rows of which a damaged copy was found.
    damaged: HashSet<i64>,
}

impl Rescue<'_> {
    fn all(&mut self, pages: &mut Pages, sync_name: Option<&str>) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN")?;
        let mut rows = 0;
        for number in 1..=pages.count() {
            let (found, readable) = pages.rows(number);
            self.salvage.unreadable_pages += u64::from(!readable);
            rows += found.len();
            for row in found {
                self.row(row)?;
            }
            if rows >= ROWS {
                rows = 0;
                self.connection.execute_batch("COMMIT; BEGIN")?;
            }
        }
        self.finish(sync_name)?;
        self.connection.execute_batch("COMMIT")
    }

    /// Which table a row is of shows in its columns.
    fn row(&mut self, row: RawRow) -> rusqlite::Result<()> {
        let RawRow { id, columns: Some(mut columns) } = row else {
            self.salvage.damaged += u64::from(row.id.is_none());
            self.damaged.extend(row.id);
            return Ok(());
        };
        let kinds: String = columns
            .iter()
            .map(|value| match value {
                Value::Null => 'n',
                Value::Integer(_) => 'i',
                Value::Real(_) => 'r',
                Value::Text(_) => 't',
                Value::Blob(_) => 'b',
            })
            .collect();
        if let (Some(id), Some(first)) = (id, columns.first_mut())
            && *first == Value::Null
        {
            *first = Value::Integer(id);
        }
        match (columns.len(), id.is_some(), kinds.as_str()) {
            (17, true, _) => self.delivery(id, &columns, DELIVERY, "delivery"),
            (15, true, _) => self.delivery(id, &columns, DEAD_LETTER, "dead_letter"),
            (9, false, _) => self.insert("attempt", &columns),
            (4, true, "nttt") => self.target(&columns),
            (4, true, "niii") => self.insert("run", &columns),
            (5, true, "niiib") => self.insert("delivered", &columns),
            (7, true, "ntiiiii") => self.insert("sync", &columns),
            (11, true, "nittiitttii") => self.source(&columns),
            _ => Ok(()),
        }
    }

    fn insert(&self, table: &str, columns: &[Value]) -> rusqlite::Result<()> {
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!("INSERT OR REPLACE INTO {table} VALUES ({places})");
        match self.connection.prepare_cached(&sql)?.execute(params_from_iter(columns)) {
            // A value of the wrong kind is damage that the columns did not show.
            Err(error) if is_refused(&error) => Ok(()),
            executed => executed.map(drop),
        }
    }

    /// A delivery or a dead letter.
    fn delivery(
        &mut self,
        id: Option<i64>,
        columns: &[Value],
        at: Columns,
        table: &str,
    ) -> rusqlite::Result<()> {
        if stored(id, columns, at).open().is_none() {
            self.damaged.extend(id);
            return Ok(());
        }
        if table == "dead_letter" {
            return self.insert(table, columns);
        }
        // An older copy of the same row may lie about; the one with more attempts is newer.
        let sql = format!(
            "INSERT INTO delivery VALUES ({}) ON CONFLICT(id) DO UPDATE SET due = excluded.due,
             behind = excluded.behind, attempts = excluded.attempts,
             first_attempt_at = excluded.first_attempt_at
             WHERE excluded.attempts > delivery.attempts",
            ["?"; 17].join(", ")
        );
        match self.connection.prepare_cached(&sql)?.execute(params_from_iter(columns)) {
            Err(error) if is_refused(&error) => {
                self.damaged.extend(id);
                Ok(())
            }
            executed => executed.map(drop),
        }
    }

    fn target(&self, columns: &[Value]) -> rusqlite::Result<()> {
        let [Value::Integer(id), Value::Text(method), Value::Text(url), Value::Text(headers)] =
            columns
        else {
            return Ok(());
        };
        if target_id(method, url, headers) == *id { self.insert("target", columns) } else { Ok(()) }
    }

    fn source(&self, columns: &[Value]) -> rusqlite::Result<()> {
        match columns.get(8) {
            Some(Value::Text(finished)) if Positions::from_text(finished).is_some() => {
                self.insert("source", columns)
            }
            _ => Ok(()),
        }
    }

    /// Names the syncs whose rows are lost: the only one as it is called, others by their numbers.
    fn name_syncs(&self, sync_name: Option<&str>) -> rusqlite::Result<()> {
        let mut nameless = self.connection.prepare(
            "SELECT sync FROM delivery UNION SELECT sync FROM dead_letter UNION SELECT sync FROM source
             EXCEPT SELECT id FROM sync",
        )?;
        let ids = nameless.query_map([], |row| row.get(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
        let is_only_one = ids.len() == 1;
        for id in ids {
            let name = match sync_name {
                Some(name) if is_only_one => name.to_owned(),
                _ => format!("recovered-{id}"),
            };
            // Should that name be there, it is another sync's.
            for name in [name, format!("recovered-{id}")] {
                self.connection.execute(
                    "INSERT OR IGNORE INTO sync(id, name) VALUES (?1, ?2)",
                    params![id, name],
                )?;
            }
        }
        Ok(())
    }

    /// Puts the counts right, and says what is lost.
    fn finish(&mut self, sync_name: Option<&str>) -> rusqlite::Result<()> {
        let count = |sql: &str| -> rusqlite::Result<u64> {
            let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        };
        self.connection.execute_batch(
            "DELETE FROM delivery WHERE id IN (SELECT id FROM dead_letter);
             DELETE FROM attempt WHERE delivery NOT IN
               (SELECT id FROM delivery UNION ALL SELECT id FROM dead_letter);",
        )?;
        let mut without_target = self.connection.prepare(
            "DELETE FROM delivery WHERE target NOT IN (SELECT id FROM target) RETURNING id",
        )?;
        let ids = without_target.query_map([], |row| row.get::<_, i64>(0))?;
        self.damaged.extend(ids.collect::<rusqlite::Result<Vec<i64>>>()?);
        drop(without_target);
        let expected: Option<i64> =
            self.connection
                .query_row("SELECT sum(accepted - delivered) FROM sync", [], |row| row.get(0))?;
        self.name_syncs(sync_name)?;
        self.connection.execute_batch("UPDATE sync SET first_id = 0")?;
        let after_attempts = [Reason::Exhausted, Reason::Expired, Reason::Gone].map(Reason::name);
        self.connection.execute(
            "UPDATE sync SET
             expired = (SELECT count(*) FROM dead_letter
               WHERE dead_letter.sync = sync.id AND reason IN (?1, ?2, ?3)),
             discarded = (SELECT count(*) FROM dead_letter
               WHERE dead_letter.sync = sync.id AND reason NOT IN (?1, ?2, ?3))",
            after_attempts,
        )?;
        self.connection.execute_batch(
            "UPDATE sync SET accepted = delivered + expired + discarded +
             (SELECT count(*) FROM delivery WHERE delivery.sync = sync.id)",
        )?;
        self.connection.execute(
            "UPDATE store SET last_id = ?1 + max((SELECT ifnull(max(id), 0) FROM delivery),
             (SELECT ifnull(max(id), 0) FROM dead_letter))",
            params![ids::RESERVED.cast_signed()],
        )?;
        let saved = |table: &str| count(&format!("SELECT count(*) FROM {table}"));
        self.salvage.pending = saved("delivery")?;
        self.salvage.dead_letters = saved("dead_letter")?;
        self.salvage.sources = saved("source")?;
        for id in &self.damaged {
            let there: bool = self.connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM delivery WHERE id = ?1)
                 OR EXISTS (SELECT 1 FROM dead_letter WHERE id = ?1)",
                [id],
                |row| row.get(0),
            )?;
            self.salvage.damaged += u64::from(!there);
        }
        let found = self.salvage.pending + self.salvage.dead_letters;
        self.salvage.lost = expected.map(|expected| expected.cast_unsigned().saturating_sub(found));
        Ok(())
    }
}

/// Whether the tables refuse a value, because it is damaged.
fn is_refused(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
