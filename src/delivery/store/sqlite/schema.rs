//! The tables, and how a connection to them is made.

use std::time::Duration;

use rusqlite::Connection;

use crate::delivery::store::Durability;

/// Marks a file as a store of ours: `WHst` in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x5748_7374;

/// Raised when an older version of this library could no longer read a file.
pub(crate) const VERSION: i32 = 1;

/// Larger than `SQLite`'s own: most payloads with their events fit several times.
pub(crate) const PAGE_BYTES: u32 = 8192;

/// Pages in the log before they are moved to the database: 32 MiB.
pub(crate) const CHECKPOINT_PAGES: i32 = 4000;

/// How long another program's write may hold this one up.
const BUSY: Duration = Duration::from_secs(5);

/// Times are microseconds since 1970 in UTC. Sizes and order of columns are made for the way a
/// delivery usually goes: one insert, one delete, no index touched. The views count a column, because
/// `DuckDB` asks for `count(*)` in words that `SQLite` does not know.
pub(crate) const TABLES: &str = "
CREATE TABLE store(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  made_by TEXT NOT NULL,
  last_id INTEGER NOT NULL
);
CREATE TABLE sync(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  accepted INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  discarded INTEGER NOT NULL DEFAULT 0,
  first_id INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE run(
  id INTEGER PRIMARY KEY,
  sync INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  process INTEGER NOT NULL
);
CREATE TABLE target(
  id INTEGER PRIMARY KEY,
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  headers TEXT NOT NULL
);
CREATE TABLE delivery(
  id INTEGER PRIMARY KEY,
  sync INTEGER NOT NULL,
  target INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  due INTEGER,
  behind INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_attempt_at INTEGER,
  lane INTEGER,
  source INTEGER,
  position INTEGER,
  checksum INTEGER NOT NULL,
  packed INTEGER NOT NULL,
  event_key TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  payload,
  event
);
CREATE INDEX delivery_due ON delivery(sync, behind, due, id, attempts) WHERE due IS NOT NULL;
CREATE INDEX delivery_source ON delivery(sync, source, position) WHERE source IS NOT NULL;
CREATE INDEX delivery_lane ON delivery(sync, lane, id) WHERE lane IS NOT NULL;
CREATE TABLE attempt(
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  micros INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  status INTEGER,
  error TEXT NOT NULL,
  message TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (delivery, number)
) WITHOUT ROWID;
CREATE TABLE dead_letter(
  id INTEGER PRIMARY KEY,
  sync INTEGER NOT NULL,
  target INTEGER,
  accepted_at INTEGER NOT NULL,
  died_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  source INTEGER,
  position INTEGER,
  checksum INTEGER NOT NULL,
  packed INTEGER NOT NULL,
  event_key TEXT NOT NULL,
  webhook_id TEXT,
  payload,
  event
);
CREATE INDEX dead_letter_sync ON dead_letter(sync, id);
CREATE TABLE source(
  id INTEGER PRIMARY KEY,
  sync INTEGER NOT NULL,
  name TEXT NOT NULL,
  identity TEXT NOT NULL,
  size INTEGER NOT NULL,
  head_bytes INTEGER NOT NULL,
  head_hash TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  finished TEXT NOT NULL,
  is_finished INTEGER NOT NULL,
  accepted INTEGER NOT NULL
);
CREATE TABLE delivered(
  id INTEGER PRIMARY KEY,
  sync INTEGER NOT NULL,
  run INTEGER NOT NULL,
  at INTEGER NOT NULL,
  keys BLOB NOT NULL
);
CREATE VIEW pending AS
SELECT delivery.id AS id, sync.name AS sync, event_key, webhook_id,
  CASE WHEN due IS NULL THEN 'accepted' WHEN behind THEN 'behind' ELSE 'waiting' END AS state,
  attempts,
  strftime('%Y-%m-%dT%H:%M:%fZ', accepted_at / 1000000.0, 'unixepoch') AS accepted_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', first_attempt_at / 1000000.0, 'unixepoch') AS first_attempt_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', due / 1000000.0, 'unixepoch') AS next_attempt_at,
  method,
  CASE WHEN instr(url, '?') THEN substr(url, 1, instr(url, '?')) || '...' ELSE url END AS url,
  CASE WHEN packed THEN NULL ELSE CAST(payload AS TEXT) END AS payload,
  CASE WHEN packed THEN NULL ELSE CAST(event AS TEXT) END AS event
FROM delivery JOIN sync ON sync.id = delivery.sync LEFT JOIN target ON target.id = delivery.target;
CREATE VIEW dead_letters AS
SELECT dead_letter.id AS id, sync.name AS sync, event_key, webhook_id, reason, message,
  (SELECT count(number) FROM attempt WHERE attempt.delivery = dead_letter.id) AS attempts,
  (SELECT status FROM attempt WHERE attempt.delivery = dead_letter.id
   ORDER BY number DESC LIMIT 1) AS last_status,
  strftime('%Y-%m-%dT%H:%M:%fZ', accepted_at / 1000000.0, 'unixepoch') AS accepted_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', died_at / 1000000.0, 'unixepoch') AS died_at,
  method,
  CASE WHEN instr(url, '?') THEN substr(url, 1, instr(url, '?')) || '...' ELSE url END AS url,
  CASE WHEN packed THEN NULL ELSE CAST(payload AS TEXT) END AS payload,
  CASE WHEN packed THEN NULL ELSE CAST(event AS TEXT) END AS event
FROM dead_letter JOIN sync ON sync.id = dead_letter.sync
  LEFT JOIN target ON target.id = dead_letter.target;
";

/// What a new file needs before its first table.
pub(crate) fn prepare_new(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// Makes the tables, all or none.
pub(crate) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = connection.execute_batch(TABLES).and_then(|()| {
        connection.execute(
            "INSERT INTO store(id, made_by, last_id) VALUES (1, ?1, 0)",
            [concat!("webhook_stream ", env!("CARGO_PKG_VERSION"))],
        )?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute_batch("COMMIT")
    });
    if made.is_err() && !connection.is_autocommit() {
        // The failure is what matters; that it could not be undone changes nothing.
        let _ = connection.execute_batch("ROLLBACK");
    }
    made
}

/// Removes targets that no delivery has any more, and old runs. Only where there are many targets,
/// as with a URL of its own for each event, and not so many deliveries that it would take long.
pub(crate) fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    let is_worth_it: bool = connection.query_row(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM target LIMIT 1001)) > 1000
         AND (SELECT count(*) FROM (SELECT 1 FROM delivery LIMIT 100001)) <= 100000",
        [],
        |row| row.get(0),
    )?;
    if is_worth_it {
        connection.execute_batch(
            "DELETE FROM target WHERE id NOT IN
             (SELECT target FROM delivery UNION SELECT target FROM dead_letter
              WHERE target IS NOT NULL)",
        )?;
    }
    connection.execute_batch("DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - 1000")
}

/// Settings of every connection.
pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A damaged cell is found before it is used.
    connection.pragma_update(None, "cell_size_check", true)
}

/// Settings of the connection that writes.
pub(crate) fn prepare_to_write(
    connection: &Connection,
    durability: Durability,
) -> rusqlite::Result<()> {
    prepare(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // The writer moves pages itself, when nobody waits for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    set_durability(connection, durability)
}

/// When a commit counts.
pub(crate) fn set_durability(
    connection: &Connection,
    durability: Durability,
) -> rusqlite::Result<()> {
    let word = match durability {
        Durability::Disk => "FULL",
        Durability::Process => "NORMAL",
        Durability::None => "OFF",
    };
    connection.pragma_update(None, "synchronous", word)
}
