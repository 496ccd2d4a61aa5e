//! What is known of one sync beside its tables: what is on hand, its counts, its sources.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::params;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::Delivery;
use crate::delivery::store::KnownSource;
use crate::delivery::store::Reason;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::sqlite::read::StoredSync;
use crate::delivery::store::sqlite::read::Totals;

/// A delivery on hand.
#[derive(Debug)]
pub(crate) struct Hand {
    /// How many attempts its row has.
    pub(crate) attempts: u32,
    pub(crate) lane: Option<u64>,
    pub(crate) damaged: bool,
    /// The delivery itself, when it has no row: it can be read again from its source.
    pub(crate) unwritten: Option<Arc<Delivery>>,
}

/// What a stopped engine had on hand since it was accepted, not yet given out again. Their rows have
/// no due time, so that none is written on the usual way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orphans {
    pub(crate) next: u64,
    pub(crate) last: u64,
    pub(crate) due: Timestamp,
}

/// One sync.
#[derive(Debug)]
pub(crate) struct SyncDesk {
    id: i64,
    pub(crate) hand: HashMap<u64, Hand>,
    /// How many on hand have no row.
    pub(crate) unwritten: u64,
    pub(crate) totals: Totals,
    /// What the open transaction adds to the totals, if it does not fail.
    pub(crate) staged: Totals,
    /// Dead letters that are pending again, if it does not fail.
    revived: Totals,
    /// No row has an id below this.
    pub(crate) first_id: u64,
    pub(crate) orphans: Option<Orphans>,
    pub(crate) sources: HashMap<u64, SourceDesk>,
    /// Fingerprints of what was delivered since the last commit.
    delivered: Vec<u64>,
    /// When they were.
    delivered_at: Timestamp,
    pub(crate) run: i64,
    /// How long what was delivered is remembered.
    pub(crate) remember: Duration,
    /// The latest time heard of; for what is remembered.
    pub(crate) now: Timestamp,
    dirty: bool,
}

/// One source, and what is new about it.
#[derive(Debug)]
pub(crate) struct SourceDesk {
    pub(crate) source: KnownSource,
    /// Where it ends, once that is known.
    pub(crate) end: Option<u64>,
    /// Positions that are finished if the open transaction does not fail, and whether their events
    /// were accepted.
    pub(crate) staged: Vec<(u64, bool)>,
    dirty: bool,
}

impl SourceDesk {
    pub(crate) fn new(source: KnownSource) -> Self {
        Self { source, end: None, staged: Vec::new(), dirty: false }
    }

    fn finish(source: &mut KnownSource, position: u64, accepted: bool) {
        if !source.finished.contains(position) {
            source.finished.insert(position);
            source.accepted += u64::from(accepted);
        }
    }

    /// The source as it will be after this transaction.
    pub(crate) fn after(&self) -> KnownSource {
        let mut after = self.source.clone();
        for (position, accepted) in &self.staged {
            Self::finish(&mut after, *position, *accepted);
        }
        after.is_finished |= self.end.is_some_and(|end| after.finished.watermark() >= end);
        after
    }
}

impl SyncDesk {
    pub(crate) fn new(stored: StoredSync, sources: Vec<KnownSource>, remember: Duration) -> Self {
        Self {
            id: stored.id,
            hand: HashMap::new(),
            unwritten: 0,
            totals: stored.totals,
            staged: Totals::default(),
            revived: Totals::default(),
            first_id: stored.first_id,
            orphans: None,
            sources: sources
                .into_iter()
                .map(|source| (source.id, SourceDesk::new(source)))
                .collect(),
            delivered: Vec::new(),
            delivered_at: Timestamp::default(),
            run: 0,
            remember,
            now: Timestamp::default(),
            dirty: false,
        }
    }

    /// Counts what is new; to be written with the next commit.
    pub(crate) fn count(&mut self) -> &mut Totals {
        self.dirty = true;
        &mut self.totals
    }

    /// Remembers what was delivered, to be written with the next commit.
    pub(crate) fn remember(&mut self, fingerprint: u64) {
        if !self.remember.is_zero() {
            self.delivered.push(fingerprint);
            self.delivered_at = self.now;
        }
    }

    /// Counts what the open transaction makes true.
    pub(crate) fn stage(&mut self) -> &mut Totals {
        self.dirty = true;
        &mut self.staged
    }

    /// A dead letter for this reason is pending again, if the open transaction does not fail.
    pub(crate) fn stage_revived(&mut self, reason: Reason) {
        self.dirty = true;
        *self.revived.dead(reason) += 1;
    }

    /// The counts as they will be after this transaction.
    fn totals_after(&self) -> Totals {
        let mut totals = self.totals;
        totals.add(&self.staged);
        totals.expired = totals.expired.saturating_sub(self.revived.expired);
        totals.discarded = totals.discarded.saturating_sub(self.revived.discarded);
        totals
    }

    /// A position is finished.
    pub(crate) fn finish(&mut self, place: SourcePlace, accepted: bool) {
        if let Some(source) = self.sources.get_mut(&place.source) {
            SourceDesk::finish(&mut source.source, place.position, accepted);
            source.dirty = true;
        }
    }

    /// A position is finished if the open transaction does not fail.
    pub(crate) fn stage_finish(&mut self, place: SourcePlace, accepted: bool) {
        if let Some(source) = self.sources.get_mut(&place.source) {
            source.staged.push((place.position, accepted));
            source.dirty = true;
        }
    }

    /// A source ends here.
    pub(crate) fn end_source(&mut self, id: u64, end: u64) {
        if let Some(source) = self.sources.get_mut(&id) {
            source.end = Some(end);
            source.dirty = true;
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty || !self.delivered.is_empty() || self.sources.values().any(|source| source.dirty)
    }

    /// Writes what is new, as part of the open transaction.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.dirty {
            let totals = self.totals_after();
            connection
                .prepare_cached(
                    "UPDATE sync SET accepted = ?2, delivered = ?3, expired = ?4, discarded = ?5,
                     first_id = ?6 WHERE id = ?1",
                )?
                .execute(params![
                    self.id,
                    totals.accepted.cast_signed(),
                    totals.delivered.cast_signed(),
                    totals.expired.cast_signed(),
                    totals.discarded.cast_signed(),
                    self.first_id.cast_signed()
                ])?;
        }
        for source in self.sources.values().filter(|source| source.dirty) {
            let after = source.after();
            connection
                .prepare_cached(
                    "UPDATE source SET finished = ?2, is_finished = ?3, accepted = ?4 WHERE id = ?1",
                )?
                .execute(params![
                    after.id.cast_signed(),
                    after.finished.to_text(),
                    after.is_finished,
                    after.accepted.cast_signed()
                ])?;
        }
        if !self.delivered.is_empty() {
            let keys: Vec<u8> = self.delivered.iter().flat_map(|key| key.to_le_bytes()).collect();
            connection
                .prepare_cached(
                    "INSERT INTO delivered(sync, run, at, keys) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![self.id, self.run, self.delivered_at.as_micros(), keys])?;
        }
        Ok(())
    }

    /// The transaction is safe.
    pub(crate) fn committed(&mut self) {
        self.totals = self.totals_after();
        self.staged = Totals::default();
        self.revived = Totals::default();
        for source in self.sources.values_mut().filter(|source| source.dirty) {
            source.source = source.after();
            source.staged.clear();
            source.dirty = false;
        }
        self.delivered.clear();
        self.dirty = false;
    }

    /// The transaction failed: what it would have made true is not.
    pub(crate) fn undone(&mut self) {
        self.staged = Totals::default();
        self.revived = Totals::default();
        self.sources.values_mut().for_each(|source| source.staged.clear());
    }

    /// Hears of a time.
    pub(crate) fn hear(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }
}
