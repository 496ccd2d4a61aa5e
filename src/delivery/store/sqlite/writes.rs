//! What is done to the tables. Each change can be made once more after a transaction failed.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::ToSql;
use rusqlite::params;
use rusqlite::types::Null;
use rusqlite::types::ValueRef;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Reason;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::row::Signed;
use crate::delivery::store::sqlite::row::checksum;
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

/// A delivery that is given up.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) target: Arc<TargetRow>,
    pub(crate) record: Option<AttemptRecord>,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) at: Timestamp,
    pub(crate) had_row: bool,
    /// Whether the row is damaged, so that its bytes are moved as they are.
    pub(crate) damaged: bool,
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
    /// Writes a delivery's row: waiting with its due time, or on hand.
    pub(crate) fn insert(
        &mut self,
        sync: i64,
        row: &Row,
        waits: Option<(Timestamp, bool, Option<&AttemptRecord>)>,
    ) -> rusqlite::Result<()> {
        self.target(&row.target)?;
        let delivery = &*row.delivery;
        let (due, behind, record) = match waits {
            None => (None, false, None),
            Some((due, behind, record)) => (Some(due.as_micros()), behind, record),
        };
        let (payload, event) = match &row.packed {
            Some(packed) => (ValueRef::Blob(packed), ValueRef::Null),
            None => {
                (text_or_blob(&delivery.request.body), optional_text(delivery.event.as_deref()))
            }
        };
        self.connection
            .prepare_cached(
                "INSERT INTO delivery(id, sync, target, accepted_at, due, behind, attempts,
                 first_attempt_at, lane, source, position, checksum, packed, event_key, webhook_id,
                 payload, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
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

    /// Writes an event that cannot be sent.
    pub(crate) fn bury(&mut self, sync: i64, id: u64, buried: &Discarded) -> rusqlite::Result<()> {
        let event = buried.event.as_deref();
        let checksum = checksum(&Signed {
            id,
            key: buried.key.as_bytes(),
            webhook_id: &[],
            target: 0,
            body: &[],
            event: event.map(str::as_bytes),
        });
        self.connection.prepare_cached(INSERT_DEAD)?.execute(params![
            id.cast_signed(),
            sync,
            Null,
            buried.at.as_micros(),
            buried.at.as_micros(),
            buried.reason.name(),
            buried.message,
            buried.place.map(|place| place.source.cast_signed()),
            buried.place.map(|place| place.position.cast_signed()),
            checksum,
            false,
            buried.key,
            Null,
            Null,
            Raw(optional_text(event)),
        ])?;
        Ok(())
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

const INSERT_DEAD: &str =
    "INSERT OR REPLACE INTO dead_letter(id, sync, target, accepted_at, died_at,
    reason, message, source, position, checksum, packed, event_key, webhook_id, payload, event)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// Dead letters are stored as they are: they are there to be read.
fn insert_dead(connection: &Connection, sync: i64, dead: &Dead) -> rusqlite::Result<()> {
    let delivery = &*dead.delivery;
    let event = delivery.event.as_deref();
    let checksum = checksum(&Signed {
        id: delivery.id,
        key: delivery.key.as_bytes(),
        webhook_id: delivery.request.id.as_bytes(),
        target: dead.target.id,
        body: &delivery.request.body,
        event: event.map(str::as_bytes),
    });
    connection.prepare_cached(INSERT_DEAD)?.execute(params![
        delivery.id.cast_signed(),
        sync,
        dead.target.id,
        delivery.accepted_at.as_micros(),
        dead.at.as_micros(),
        dead.reason.name(),
        dead.message,
        delivery.place.map(|place| place.source.cast_signed()),
        delivery.place.map(|place| place.position.cast_signed()),
        checksum,
        false,
        delivery.key,
        delivery.request.id,
        Raw(text_or_blob(&delivery.request.body)),
        Raw(optional_text(event)),
    ])?;
    Ok(())
}

/// What is damaged is kept as it is, for whoever may make something of it.
fn move_damaged(connection: &Connection, dead: &Dead) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO dead_letter(id, sync, target, accepted_at, died_at, reason,
             message, source, position, checksum, packed, event_key, webhook_id, payload, event)
             SELECT id, sync, target, accepted_at, ?2, ?3, ?4, source, position, checksum, packed,
             event_key, webhook_id, payload, event FROM delivery WHERE id = ?1",
        )?
        .execute(params![
            dead.delivery.id.cast_signed(),
            dead.at.as_micros(),
            dead.reason.name(),
            dead.message
        ])?;
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

/// A value that is bound without being copied.
struct Raw<'a>(ValueRef<'a>);

impl ToSql for Raw<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.0))
    }
}

/// As text, so that people can read it, unless it is none.
fn text_or_blob(bytes: &[u8]) -> ValueRef<'_> {
    // SQL functions end a text at a NUL.
    match std::str::from_utf8(bytes) {
        Ok(_) if !bytes.contains(&0) => ValueRef::Text(bytes),
        _ => ValueRef::Blob(bytes),
    }
}

fn optional_text(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| text_or_blob(text.as_bytes()))
}
