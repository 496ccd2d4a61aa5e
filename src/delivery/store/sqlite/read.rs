//! Rows read back, each checked against its checksum before anything is made of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row as SqlRow;
use rusqlite::params;
use rusqlite::types::ValueRef;

use crate::delivery::clock::Timestamp;
use crate::delivery::request::Request;
use crate::delivery::request::Target;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::Delivery;
use crate::delivery::store::Job;
use crate::delivery::store::KnownSource;
use crate::delivery::store::Reason;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::positions::Positions;
use crate::delivery::store::sqlite::row::Stored;
use crate::delivery::store::sqlite::target::TargetTexts;

/// Targets read before; emptied when it is full.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    known: HashMap<i64, Option<Arc<Target>>>,
}

/// Targets remembered at once.
const MAX_TARGETS: usize = 1000;

impl Targets {
    /// The target of that hash; `None` when it is missing or damaged.
    fn get(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<Option<Arc<Target>>> {
        if let Some(target) = self.known.get(&id) {
            return Ok(target.clone());
        }
        let texts = connection
            .prepare_cached("SELECT method, url, headers FROM target WHERE id = ?1")?
            .query_row([id], |row| {
                Ok(TargetTexts {
                    method: text(row, 0)?,
                    url: text(row, 1)?,
                    headers: text(row, 2)?,
                })
            })
            .optional()?;
        let target =
            texts.filter(|texts| texts.id() == id).and_then(|texts| texts.target()).map(Arc::new);
        if self.known.len() >= MAX_TARGETS {
            self.known.clear();
        }
        self.known.insert(id, target.clone());
        Ok(target)
    }

    /// After a transaction was undone, what was read in it may not be there.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }
}

/// The columns that a checksum is of, in the order both tables are asked for them.
const CONTENT: &str = "id, target, checksum, packed, event_key, webhook_id, payload, event,
    accepted_at, source, position";

/// What was stored of a request and its event.
struct Content {
    id: u64,
    accepted_at: Timestamp,
    place: Option<SourcePlace>,
    /// `None` when it is damaged.
    intact: Option<Intact>,
}

struct Intact {
    key: String,
    request: Option<Request>,
    event: Option<String>,
}

fn content(
    connection: &Connection,
    targets: &mut Targets,
    row: &SqlRow<'_>,
) -> rusqlite::Result<Content> {
    let id = row.get::<_, i64>(0)?.cast_unsigned();
    let (source, position) = (integer(row, 9)?, integer(row, 10)?);
    let place = source.zip(position).map(|(source, position)| SourcePlace {
        source: source.cast_unsigned(),
        position: position.cast_unsigned(),
    });
    Ok(Content {
        id,
        accepted_at: Timestamp::from_micros(integer(row, 8)?.unwrap_or_default()),
        place,
        intact: intact(connection, targets, row, id)?,
    })
}

fn intact(
    connection: &Connection,
    targets: &mut Targets,
    row: &SqlRow<'_>,
    id: u64,
) -> rusqlite::Result<Option<Intact>> {
    let target = integer(row, 1)?;
    let webhook_id = bytes(row, 5)?;
    let stored = Stored {
        id,
        target,
        checksum: integer(row, 2)?,
        packed: integer(row, 3)?.unwrap_or_default() != 0,
        key: bytes(row, 4)?,
        webhook_id,
        payload: bytes(row, 6)?,
        event: bytes(row, 7)?,
    };
    let Some((body, event)) = stored.open() else {
        return Ok(None);
    };
    let key = stored.key.unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let request = match (target, webhook_id, body) {
        (Some(target), Some(webhook_id), body) => {
            let webhook_id = text(webhook_id);
            let target = targets.get(connection, target)?;
            let (Some(target), Some(webhook_id)) = (target, webhook_id) else {
                return Ok(None);
            };
            match Request::new(target, webhook_id, body.unwrap_or_default()) {
                Ok(request) => Some(request),
                Err(_) => return Ok(None),
            }
        }
        _ => None,
    };
    let (Some(key), event) = (text(key), event.map(String::from_utf8).transpose()) else {
        return Ok(None);
    };
    Ok(event.ok().map(|event| Intact { key, request, event }))
}

/// The job of a pending delivery, to be on hand; `None` when there is no such row.
pub(crate) fn job(
    connection: &Connection,
    targets: &mut Targets,
    id: u64,
) -> rusqlite::Result<Option<Job>> {
    let sql = const_format(CONTENT, "lane, attempts, first_attempt_at", "delivery");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id.cast_signed()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let content = content(connection, targets, row)?;
    let damaged = content.intact.as_ref().is_none_or(|intact| intact.request.is_none());
    let intact = content.intact.unwrap_or_else(|| Intact {
        key: String::from("damaged"),
        request: None,
        event: None,
    });
    let Some(request) = intact.request.or_else(stand_in) else {
        return Ok(None);
    };
    let delivery = Delivery {
        id: content.id,
        key: intact.key,
        request,
        event: intact.event,
        accepted_at: content.accepted_at,
        place: content.place,
        lane: integer(row, 11)?.map(i64::cast_unsigned),
    };
    Ok(Some(Job {
        delivery: Arc::new(delivery),
        attempts: integer(row, 12)?.and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
        first_attempt_at: integer(row, 13)?.map(Timestamp::from_micros),
        first_turn: false,
        damaged,
    }))
}

fn const_format(columns: &str, more: &str, table: &str) -> String {
    format!("SELECT {columns}, {more} FROM {table} WHERE id = ?1")
}

/// What stands in the place of a request that is damaged. Nothing answers under this name.
fn stand_in() -> Option<Request> {
    let target = Target::new("POST", "http://damaged.invalid/", Vec::new(), 0).ok()?;
    Request::new(Arc::new(target), "damaged", Vec::new()).ok()
}

/// Dead letters after an id, by rising id.
pub(crate) fn dead_letters(
    connection: &Connection,
    targets: &mut Targets,
    sync: i64,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let sql = format!(
        "SELECT {CONTENT}, reason, message, died_at FROM dead_letter
         WHERE sync = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![sync, after, limit])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(dead_letter(connection, targets, row)?);
    }
    Ok(letters)
}

fn dead_letter(
    connection: &Connection,
    targets: &mut Targets,
    row: &SqlRow<'_>,
) -> rusqlite::Result<DeadLetter> {
    let content = content(connection, targets, row)?;
    let key = text(row, 4)?;
    let (reason, message) = match &content.intact {
        Some(_) => (Reason::from_name(&text(row, 11)?).unwrap_or(Reason::Damaged), text(row, 12)?),
        None => {
            let message = "expected what was accepted, found damaged bytes in the store";
            (Reason::Damaged, message.to_owned())
        }
    };
    let intact = content.intact.unwrap_or(Intact { key, request: None, event: None });
    Ok(DeadLetter {
        id: content.id,
        key: intact.key,
        reason,
        message,
        request: intact.request,
        event: intact.event,
        accepted_at: content.accepted_at,
        died_at: Timestamp::from_micros(integer(row, 13)?.unwrap_or_default()),
        attempts: attempts(connection, content.id)?,
    })
}

/// How many of the next rows of a table are damaged, and the last one's id; `None` behind its end.
/// Dead letters that are known to be damaged are told as such.
pub(crate) fn damaged(
    connection: &Connection,
    targets: &mut Targets,
    table: &str,
    after: i64,
) -> rusqlite::Result<Option<(i64, u64)>> {
    let known = match table {
        "dead_letter" => format!("AND reason <> '{}'", Reason::Damaged.name()),
        _ => String::new(),
    };
    let sql = format!("SELECT {CONTENT} FROM {table} WHERE id > ?1 {known} ORDER BY id LIMIT 1000");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let (_, damaged) = found.unwrap_or_default();
        let is_damaged = content(connection, targets, row)?.intact.is_none();
        found = Some((row.get(0)?, damaged + u64::from(is_damaged)));
    }
    Ok(found)
}

fn attempts(connection: &Connection, id: u64) -> rusqlite::Result<Vec<AttemptRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, started_at, micros, tries, status, error, message, answer FROM attempt
         WHERE delivery = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([id.cast_signed()])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        let number = |column| -> rusqlite::Result<u64> {
            Ok(integer(row, column)?.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
        };
        attempts.push(AttemptRecord {
            number: u32::try_from(number(0)?).unwrap_or(u32::MAX),
            started_at: Timestamp::from_micros(integer(row, 1)?.unwrap_or_default()),
            took: Duration::from_micros(number(2)?),
            tries: u32::try_from(number(3)?).unwrap_or(u32::MAX),
            status: integer(row, 4)?.and_then(|status| u16::try_from(status).ok()),
            error: text(row, 5)?,
            message: text(row, 6)?,
            answer: text(row, 7)?,
        });
    }
    Ok(attempts)
}

/// The sources of a sync, by rising id.
pub(crate) fn sources(connection: &Connection, sync: i64) -> rusqlite::Result<Vec<KnownSource>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, identity, size, head_bytes, head_hash, content_hash, finished,
         is_finished, accepted FROM source WHERE sync = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([sync])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let number = |column| -> rusqlite::Result<u64> {
            Ok(integer(row, column)?.unwrap_or_default().cast_unsigned())
        };
        // Positions that are damaged are none: what they were of is read again.
        let finished = Positions::from_text(&text(row, 7)?);
        sources.push(KnownSource {
            id: number(0)?,
            name: text(row, 1)?,
            identity: text(row, 2)?,
            size: number(3)?,
            head_bytes: number(4)?,
            head_hash: text(row, 5)?,
            content_hash: text(row, 6)?,
            is_finished: finished.is_some() && number(8)? != 0,
            pending: 0,
            finished: finished.unwrap_or_default(),
            accepted: number(9)?,
        });
    }
    Ok(sources)
}

/// What is counted of a sync, whether it is running or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) expired: u64,
    pub(crate) discarded: u64,
}

impl Totals {
    pub(crate) fn pending(&self) -> u64 {
        self.accepted.saturating_sub(self.delivered + self.expired + self.discarded)
    }

    pub(crate) fn dead(&mut self, reason: Reason) -> &mut u64 {
        if reason.after_attempts() { &mut self.expired } else { &mut self.discarded }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.expired += other.expired;
        self.discarded += other.discarded;
    }
}

/// A sync as it is stored: its number, its counts, and an id below which none of its rows is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredSync {
    pub(crate) id: i64,
    pub(crate) totals: Totals,
    pub(crate) first_id: u64,
}

pub(crate) fn sync(connection: &Connection, name: &str) -> rusqlite::Result<Option<StoredSync>> {
    connection
        .prepare_cached(
            "SELECT id, accepted, delivered, expired, discarded, first_id FROM sync WHERE name = ?1",
        )?
        .query_row([name], |row| {
            let number = |column| -> rusqlite::Result<u64> {
                Ok(integer(row, column)?.unwrap_or_default().cast_unsigned())
            };
            Ok(StoredSync {
                id: row.get(0)?,
                totals: Totals {
                    accepted: number(1)?,
                    delivered: number(2)?,
                    expired: number(3)?,
                    discarded: number(4)?,
                },
                first_id: number(5)?,
            })
        })
        .optional()
}

/// The oldest pending row at or after an id, and when it was accepted.
pub(crate) fn oldest(
    connection: &Connection,
    sync: i64,
    from: u64,
) -> rusqlite::Result<Option<(u64, Timestamp)>> {
    connection
        .prepare_cached(
            "SELECT id, accepted_at FROM delivery WHERE id >= ?1 AND sync = ?2 ORDER BY id LIMIT 1",
        )?
        .query_row(params![from.cast_signed(), sync], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), Timestamp::from_micros(row.get(1)?)))
        })
        .optional()
}

/// The earliest due time in the tables, on hand or not.
pub(crate) fn first_due(connection: &Connection, sync: i64) -> rusqlite::Result<Option<Timestamp>> {
    let due: Option<i64> = connection
        .prepare_cached(
            "SELECT min(due) FROM delivery WHERE sync = ?1 AND behind = 0 AND due IS NOT NULL",
        )?
        .query_row([sync], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_micros))
}

/// A number, or none where something else stands.
pub(crate) fn integer(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        _ => None,
    })
}

/// Text or bytes, or none where something else stands.
fn bytes<'row>(row: &'row SqlRow<'_>, column: usize) -> rusqlite::Result<Option<&'row [u8]>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    })
}

/// A text; what is damaged in it is replaced.
pub(crate) fn text(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(bytes(row, column)?.unwrap_or_default()).into_owned())
}
