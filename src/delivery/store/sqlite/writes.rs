//! What is done to the tables. Each change can be made once more after a transaction failed.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use rusqlite::Connection;
use rusqlite::Statement;
use rusqlite::params;
use rusqlite::types::ValueRef;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::sqlite::dead::Dead;
use crate::delivery::store::sqlite::dead::insert_dead;
use crate::delivery::store::sqlite::dead::move_damaged;
use crate::delivery::store::sqlite::row::Raw;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::row::optional_text;
use crate::delivery::store::sqlite::row::text_or_blob;
use crate::delivery::store::sqlite::target::TargetRow;

/// Attempts kept of one delivery: the first one, and the last ones up to this many.
const MAX_ATTEMPTS_KEPT: u32 = 100;

/// A change that must not get lost, though nobody waits for it.
#[derive(Debug)]
pub(crate) enum Write {
    /// A row for what was accepted and is on hand.
    Accept { sync: i64, row: Box<Row> },
    /// A row is gone: the receiver has it.
    Delivered { sync: i64, id: u64, had_attempts: bool, lane: Option<u64> },
    /// A row waits.
    Wait { sync: i64, id: u64, due: Timestamp, record: Option<AttemptRecord>, lane: Option<u64> },
    /// What had no row yet waits.
    Insert { sync: i64, row: Box<Row>, due: Timestamp, record: Option<AttemptRecord> },
    /// A delivery is given up.
    Dead { sync: i64, dead: Box<Dead> },
    /// The next one of a lane may have its turn.
    NextInLane { sync: i64, lane: u64 },
}

/// Deliveries in lanes that have no row, by sync and lane.
pub(crate) type Lanes = HashMap<(i64, u64), BTreeSet<u64>>;

/// What a change looks at beside the tables.
pub(crate) struct Surroundings<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) known_targets: &'a mut HashSet<i64>,
    pub(crate) lanes: &'a Lanes,
}

impl Write {
    /// The delivery of which only the row goes: nothing that comes before the end of the
    /// transaction asks for it, but a look at the table.
    pub(crate) fn removes_only(&self) -> Option<u64> {
        match self {
            Self::Delivered { id, had_attempts: false, lane: None, .. } => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn execute(&self, around: &mut Surroundings<'_>) -> rusqlite::Result<()> {
        let connection = around.connection;
        match self {
            Self::Accept { sync, row } => around.insert(*sync, row, None),
            Self::Delivered { sync, id, had_attempts, lane } => {
                connection
                    .prepare_cached("DELETE FROM delivery WHERE id = ?1")?
                    .execute([id.cast_signed()])?;
                if *had_attempts {
                    delete_attempts(connection, *id)?;
                }
                around.next_in_lane(*sync, *lane)
            }
            Self::Wait { sync, id, due, record, lane } => {
                let behind = around.is_behind(*sync, *lane, *id)?;
                if let Some(record) = record {
                    insert_attempt(connection, *id, record)?;
                    connection
                        .prepare_cached(
                            "UPDATE delivery SET due = ?2, behind = ?3, attempts = ?4,
                             first_attempt_at = coalesce(first_attempt_at, ?5) WHERE id = ?1",
                        )?
                        .execute(params![
                            id.cast_signed(),
                            due.as_micros(),
                            behind,
                            record.number,
                            record.started_at.as_micros()
                        ])?;
                } else {
                    connection
                        .prepare_cached("UPDATE delivery SET due = ?2, behind = ?3 WHERE id = ?1")?
                        .execute(params![id.cast_signed(), due.as_micros(), behind])?;
                }
                Ok(())
            }
            Self::Insert { sync, row, due, record } => {
                let id = row.delivery.id;
                let behind = around.is_behind(*sync, row.delivery.lane, id)?;
                around.insert(*sync, row, Some((*due, behind, record.as_ref())))?;
                match record {
                    Some(record) => insert_attempt(connection, id, record),
                    None => Ok(()),
                }
            }
            Self::Dead { sync, dead } => {
                let id = dead.delivery.id;
                if dead.damaged {
                    move_damaged(connection, dead)?;
                } else {
                    around.target(&dead.target)?;
                    insert_dead(connection, *sync, dead)?;
                }
                if dead.had_row {
                    connection
                        .prepare_cached("DELETE FROM delivery WHERE id = ?1")?
                        .execute([id.cast_signed()])?;
                }
                if let Some(record) = &dead.record {
                    insert_attempt(connection, id, record)?;
                }
                around.next_in_lane(*sync, dead.delivery.lane)
            }
            Self::NextInLane { sync, lane } => around.next_in_lane(*sync, Some(*lane)),
        }
    }
}

impl Surroundings<'_> {
    /// Writes the rows of deliveries that are on hand.
    pub(crate) fn insert_all(&mut self, sync: i64, rows: &[Row]) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(INSERT)?;
        for row in rows {
            self.target(&row.target)?;
            insert(&mut statement, sync, row, None)?;
        }
        Ok(())
    }

    /// Writes a delivery's row: waiting with its due time, or on hand.
    pub(crate) fn insert(
        &mut self,
        sync: i64,
        row: &Row,
        waits: Option<Waits<'_>>,
    ) -> rusqlite::Result<()> {
        self.target(&row.target)?;
        insert(&mut *self.connection.prepare_cached(INSERT)?, sync, row, waits)
    }

    fn target(&mut self, target: &TargetRow) -> rusqlite::Result<()> {
        if !self.known_targets.contains(&target.id) {
            // Targets that differ for each event must not fill the memory.
            if self.known_targets.len() >= 10_000 {
                self.known_targets.clear();
            }
            self.connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO target(id, method, url, headers) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    target.id,
                    target.texts.method,
                    target.texts.url,
                    target.texts.headers
                ])?;
            self.known_targets.insert(target.id);
        }
        Ok(())
    }

    /// Whether an earlier one of its lane is pending.
    pub(crate) fn is_behind(
        &self,
        sync: i64,
        lane: Option<u64>,
        id: u64,
    ) -> rusqlite::Result<bool> {
        Ok(match lane {
            None => false,
            Some(lane) => self.first_of_lane(sync, lane)?.is_some_and(|first| first < id),
        })
    }

    fn first_of_lane(&self, sync: i64, lane: u64) -> rusqlite::Result<Option<u64>> {
        let row: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(id) FROM delivery WHERE sync = ?1 AND lane = ?2")?
            .query_row(params![sync, lane.cast_signed()], |row| row.get(0))?;
        let memory = self.lanes.get(&(sync, lane)).and_then(|ids| ids.first().copied());
        Ok(match (row.map(i64::cast_unsigned), memory) {
            (Some(row), Some(memory)) => Some(row.min(memory)),
            (row, memory) => row.or(memory),
        })
    }

    fn next_in_lane(&self, sync: i64, lane: Option<u64>) -> rusqlite::Result<()> {
        let Some(lane) = lane else {
            return Ok(());
        };
        if let Some(first) = self.first_of_lane(sync, lane)? {
            self.connection
                .prepare_cached("UPDATE delivery SET behind = 0 WHERE id = ?1 AND behind = 1")?
                .execute([first.cast_signed()])?;
        }
        Ok(())
    }
}

/// When a delivery is due, whether it stands behind another one, and its attempt.
type Waits<'a> = (Timestamp, bool, Option<&'a AttemptRecord>);

const INSERT: &str = "INSERT INTO delivery(id, sync, target, accepted_at, due, behind, attempts,
    first_attempt_at, lane, source, position, checksum, packed, event_key, webhook_id, payload, event)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

fn insert(
    statement: &mut Statement<'_>,
    sync: i64,
    row: &Row,
    waits: Option<Waits<'_>>,
) -> rusqlite::Result<()> {
    let delivery = &*row.delivery;
    let (due, behind, record) = match waits {
        None => (None, false, None),
        Some((due, behind, record)) => (Some(due.as_micros()), behind, record),
    };
    let (payload, event) = match &row.packed {
        Some(packed) => (ValueRef::Blob(packed), ValueRef::Null),
        None => (text_or_blob(&delivery.request.body), optional_text(delivery.event.as_deref())),
    };
    statement.execute(params![
        delivery.id.cast_signed(),
        sync,
        row.target.id,
        delivery.accepted_at.as_micros(),
        due,
        behind,
        record.map_or(0, |record| record.number),
        record.map(|record| record.started_at.as_micros()),
        delivery.lane.map(u64::cast_signed),
        delivery.place.map(|place| place.source.cast_signed()),
        delivery.place.map(|place| place.position.cast_signed()),
        row.checksum,
        row.packed.is_some(),
        delivery.key,
        delivery.request.id,
        Raw(payload),
        Raw(event),
    ])?;
    Ok(())
}

/// Deletes the rows of these deliveries; of ids one after the other at once, which takes half the
/// time that it takes one by one.
pub(crate) fn delete_all(connection: &Connection, ids: &mut [u64]) -> rusqlite::Result<()> {
    ids.sort_unstable();
    let mut statement =
        connection.prepare_cached("DELETE FROM delivery WHERE id BETWEEN ?1 AND ?2")?;
    for run in ids.chunk_by(|id, next| id + 1 == *next) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            statement.execute([first.cast_signed(), last.cast_signed()])?;
        }
    }
    Ok(())
}

pub(crate) fn delete_attempts(connection: &Connection, id: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM attempt WHERE delivery = ?1")?
        .execute([id.cast_signed()])?;
    Ok(())
}

pub(crate) fn insert_attempt(
    connection: &Connection,
    id: u64,
    record: &AttemptRecord,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempt(delivery, number, started_at, micros, tries, status,
             error, message, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id.cast_signed(),
            record.number,
            record.started_at.as_micros(),
            i64::try_from(record.took.as_micros()).unwrap_or(i64::MAX),
            record.tries,
            record.status,
            record.error,
            record.message,
            record.answer
        ])?;
    if record.number > MAX_ATTEMPTS_KEPT {
        connection
            .prepare_cached("DELETE FROM attempt WHERE delivery = ?1 AND number = ?2")?
            .execute(params![id.cast_signed(), record.number - MAX_ATTEMPTS_KEPT + 1])?;
    }
    Ok(())
}
