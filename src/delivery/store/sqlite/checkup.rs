//! Whether a store is what was written to it: every page, and every row's checksum.

use std::path::Path;

use rusqlite::Connection;

use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::positions::Positions;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::read;
use crate::delivery::store::sqlite::read::Targets;
use crate::delivery::store::sqlite::reader::connect;

/// Reads all of the store at `path`, also while somebody delivers from it, row by row.
///
/// # Errors
/// When it is damaged, or cannot be read.
pub fn check(path: &Path) -> Result<(), StoreError> {
    let (path, connection) = connect(path)?;
    let failed = |error: rusqlite::Error| of_database(&path, &error);
    let damaged = |what: String| {
        let hint = "`webhook-stream recover` saves what can be read";
        Err(failure(StoreErrorKind::Damaged, &path, what, hint))
    };
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if found != "ok" {
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        return damaged(format!("expected a whole store, found it damaged: {found}"));
    }
    let rows = damaged_rows(&connection).map_err(failed)?;
    if rows > 0 {
        return damaged(format!("expected every row as it was written, found {rows} damaged"));
    }
    Ok(())
}

fn damaged_rows(connection: &Connection) -> rusqlite::Result<u64> {
    let mut targets = Targets::default();
    let mut damaged = 0;
    for table in ["delivery", "dead_letter"] {
        let mut after = i64::MIN;
        // By pieces: the log cannot begin anew while somebody reads.
        while let Some((last, found)) = read::damaged(connection, &mut targets, table, after)? {
            after = last;
            damaged += found;
        }
    }
    let mut sources = connection.prepare("SELECT finished FROM source")?;
    let mut rows = sources.query([])?;
    while let Some(row) = rows.next()? {
        let is_whole = Positions::from_text(&row.get::<_, String>(0)?).is_some();
        damaged += u64::from(!is_whole);
    }
    Ok(damaged)
}
