//! Dead letters as rows. They are stored as they are: they are there to be read.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::params;
use rusqlite::types::Null;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Reason;
use crate::delivery::store::sqlite::row::Raw;
use crate::delivery::store::sqlite::row::Signed;
use crate::delivery::store::sqlite::row::checksum;
use crate::delivery::store::sqlite::row::optional_text;
use crate::delivery::store::sqlite::row::text_or_blob;
use crate::delivery::store::sqlite::target::TargetRow;

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

const INSERT_DEAD: &str =
    "INSERT OR REPLACE INTO dead_letter(id, sync, target, accepted_at, died_at,
    reason, message, source, position, checksum, packed, event_key, webhook_id, payload, event)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// Writes a delivery that is given up.
pub(crate) fn insert_dead(connection: &Connection, sync: i64, dead: &Dead) -> rusqlite::Result<()> {
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
pub(crate) fn move_damaged(connection: &Connection, dead: &Dead) -> rusqlite::Result<()> {
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

/// Writes an event that cannot be sent.
pub(crate) fn insert_buried(
    connection: &Connection,
    sync: i64,
    id: u64,
    buried: &Discarded,
) -> rusqlite::Result<()> {
    let event = buried.event.as_deref();
    let checksum = checksum(&Signed {
        id,
        key: buried.key.as_bytes(),
        webhook_id: &[],
        target: 0,
        body: &[],
        event: event.map(str::as_bytes),
    });
    connection.prepare_cached(INSERT_DEAD)?.execute(params![
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
