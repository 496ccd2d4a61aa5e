//! The connection that writes: to a new file, to one of ours, and to no other.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::params;

use crate::delivery::store::Durability;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::failure::of_file;
use crate::delivery::store::sqlite::log_file::LogFile;
use crate::delivery::store::sqlite::log_file::log_path;
use crate::delivery::store::sqlite::place::Place;
use crate::delivery::store::sqlite::place::sync_folder;
use crate::delivery::store::sqlite::schema;

/// Opens the database, makes its tables if it has none, and checks that it is one of ours.
pub(crate) fn connect(place: &Place, durability: Durability) -> Result<Connection, StoreError> {
    let path = &place.path;
    let failed = |error: rusqlite::Error| of_database(path, &error);
    check_beginning(place)?;
    check_log(path, durability)?;
    // `FULLMUTEX` is not needed: one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let is_empty = is_empty(&connection).map_err(failed)?;
    // A database without tables may be what a kill left of one that was being made.
    let is_unmarked = is_empty && (place.is_new || application(&connection).map_err(failed)? == 0);
    if is_unmarked {
        schema::prepare_new(&connection).map_err(failed)?;
    } else {
        check_application(path, &connection)?;
    }
    schema::prepare_to_write(&connection, durability).map_err(failed)?;
    if is_empty {
        schema::make_tables(&connection).map_err(failed)?;
        sync_folder(path).map_err(|error| of_file(path, "expected to keep the file", &error))?;
    } else {
        schema::sweep(&connection).map_err(failed)?;
    }
    Ok(connection)
}

/// Refuses an empty file with a log: a file has its first page before it has one. `SQLite` would
/// take the file for a new one, and remove the log.
pub(crate) fn check_beginning(place: &Place) -> Result<(), StoreError> {
    let log = log_path(&place.path);
    if !place.is_new || !log.metadata().is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let what = "expected a whole store, found an empty file with the log of a store beside it";
    let hint = "`webhook-stream recover` saves what can be read";
    Err(failure(StoreErrorKind::Damaged, &place.path, what, hint))
}

/// Refuses a log that `SQLite` would cut off where it is damaged, and lose what was acknowledged.
fn check_log(path: &Path, durability: Durability) -> Result<(), StoreError> {
    // Without `disk`, the system writes in any order, and a power cut looks the same.
    if durability != Durability::Disk {
        return Ok(());
    }
    let log = LogFile::read(path)
        .map_err(|error| of_file(path, "expected to read the log beside the store", &error))?;
    if log.damaged == 0 {
        return Ok(());
    }
    let what = format!("expected a whole log beside the store, found {} damaged", log.damaged);
    let hint = "`webhook-stream recover` saves what can be read";
    Err(failure(StoreErrorKind::Damaged, path, what, hint))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Refuses what is not a store of ours, or one of a newer version.
pub(crate) fn check_application(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| of_database(path, &error);
    if application(connection).map_err(failed)? != schema::APPLICATION_ID {
        let what = "expected a store of webhook_stream, found a database of something else";
        return Err(failure(StoreErrorKind::Place, path, what, "name another file"));
    }
    let version: i32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if version > schema::VERSION {
        let newest = schema::VERSION;
        let what = format!("expected a store of version {newest} or older, found {version}");
        return Err(failure(StoreErrorKind::Newer, path, what, "update webhook_stream"));
    }
    Ok(())
}

fn application(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// The highest id that was ever given, or reserved.
pub(crate) fn last_id(connection: &Connection) -> rusqlite::Result<u64> {
    let last: i64 = connection.query_row(
        "SELECT max((SELECT last_id FROM store), (SELECT ifnull(max(id), 0) FROM delivery),
         (SELECT ifnull(max(id), 0) FROM dead_letter))",
        params![],
        |row| row.get(0),
    )?;
    Ok(last.cast_unsigned())
}
