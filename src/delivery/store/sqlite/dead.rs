//! Dead letters as rows. They are stored as they are: they are there to be read.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::params;
use rusqlite::types::ValueRef;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Reason;
use crate::delivery::store::SourcePlace;
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

/// Writes a delivery that is given up.
pub(crate) fn insert_dead(connection: &Connection, sync: i64, dead: &Dead) -> rusqlite::Result<()> {
    let delivery = &*dead.delivery;
    let letter = Letter {
        id: delivery.id,
        target: Some(dead.target.id),
        accepted_at: delivery.accepted_at,
        died_at: dead.at,
        reason: dead.reason,
        message: &dead.message,
        place: delivery.place,
        key: &delivery.key,
        webhook_id: Some(&delivery.request.id),
        body: Some(&delivery.request.body),
        event: delivery.event.as_deref(),
    };
    letter.insert(connection, sync)
}

/// Writes an event that cannot be sent.
pub(crate) fn insert_buried(
    connection: &Connection,
    sync: i64,
    id: u64,
    buried: &Discarded,
) -> rusqlite::Result<()> {
    let letter = Letter {
        id,
        target: None,
        accepted_at: buried.at,
        died_at: buried.at,
        reason: buried.reason,
        message: &buried.message,
        place: buried.place,
        key: &buried.key,
        webhook_id: None,
        body: None,
        event: buried.event.as_deref(),
    };
    letter.insert(connection, sync)
}

/// What a row has; of an event that cannot be sent there is no request.
struct Letter<'a> {
    id: u64,
    target: Option<i64>,
    accepted_at: Timestamp,
    died_at: Timestamp,
    reason: Reason,
    message: &'a str,
    place: Option<SourcePlace>,
    key: &'a str,
    webhook_id: Option<&'a str>,
    body: Option<&'a [u8]>,
    event: Option<&'a str>,
}

impl Letter<'_> {
    fn insert(&self, connection: &Connection, sync: i64) -> rusqlite::Result<()> {
        let checksum = checksum(&Signed {
            id: self.id,
            key: self.key.as_bytes(),
            webhook_id: self.webhook_id.unwrap_or_default().as_bytes(),
            target: self.target.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            event: self.event.map(str::as_bytes),
        });
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO dead_letter(id, sync, target, accepted_at, died_at, reason,
                 message, source, position, checksum, packed, event_key, webhook_id, payload, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                self.id.cast_signed(),
                sync,
                self.target,
                self.accepted_at.as_micros(),
                self.died_at.as_micros(),
                self.reason.name(),
                self.message,
                self.place.map(|place| place.source.cast_signed()),
                self.place.map(|place| place.position.cast_signed()),
                checksum,
                false,
                self.key,
                self.webhook_id,
                Raw(self.body.map_or(ValueRef::Null, text_or_blob)),
                Raw(optional_text(self.event)),
            ])?;
        Ok(())
    }
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
