//! What is due, what is pending, and taking both over from an engine that stopped, at the desk.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::OptionalExtension as _;
use rusqlite::params;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::Job;
use crate::delivery::store::StoreCounts;
use crate::delivery::store::StoreError;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::read;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::sync_desk::Hand;
use crate::delivery::store::sqlite::sync_desk::Orphans;
use crate::delivery::store::sqlite::target::TargetRow;
use crate::delivery::store::sqlite::writes::Write;

impl Desk {
    /// What is due, the longest due first.
    pub(crate) fn claim(
        &mut self,
        id: i64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        self.sync(id)?.hear(now);
        let mut jobs = Vec::new();
        while jobs.len() < limit {
            let orphans = self.sync(id)?.orphans.filter(|orphans| orphans.due <= now);
            let Some(orphans) = orphans else {
                self.claim_waiting(id, now, limit, &mut jobs)?;
                break;
            };
            self.claim_waiting(id, orphans.due, limit, &mut jobs)?;
            self.claim_orphans(id, orphans, limit, &mut jobs)?;
        }
        if jobs.is_empty() {
            self.check_idle(id)?;
        }
        Ok(jobs)
    }

    /// When nothing is on hand and nothing waits, nothing may be pending: else rows are lost, and
    /// whoever waits for them would wait for ever.
    fn check_idle(&mut self, id: i64) -> Result<(), StoreError> {
        let sync = self.sync(id)?;
        let pending = sync.totals.pending();
        if pending == 0 || sync.run == 0 || sync.orphans.is_some() || !sync.hand.is_empty() {
            return Ok(());
        }
        let waits: bool = self.look(|desk| {
            desk.connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM delivery
                     WHERE sync = ?1 AND behind IN (0, 1) AND due IS NOT NULL)",
                )?
                .query_row([id], |row| row.get(0))
        })?;
        if waits {
            return Ok(());
        }
        Err(self.damaged(format!("expected {pending} deliveries that are pending, found none")))
    }

    fn claim_waiting(
        &mut self,
        id: i64,
        until: Timestamp,
        limit: usize,
        jobs: &mut Vec<Job>,
    ) -> Result<(), StoreError> {
        let wanted = limit.saturating_sub(jobs.len());
        if wanted == 0 {
            return Ok(());
        }
        let ids = self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT id FROM delivery WHERE sync = ?1 AND behind = 0 AND due IS NOT NULL
                 AND due <= ?2 ORDER BY due, id",
            )?;
            let mut rows = statement.query(params![id, until.as_micros()])?;
            let hand = desk.syncs.get(&id).map(|sync| &sync.hand);
            let mut ids = Vec::new();
            while ids.len() < wanted
                && let Some(row) = rows.next()?
            {
                let delivery = row.get::<_, i64>(0)?.cast_unsigned();
                if hand.is_some_and(|hand| !hand.contains_key(&delivery)) {
                    ids.push(delivery);
                }
            }
            Ok(ids)
        })?;
        for delivery in ids {
            self.give_out(id, delivery, jobs)?;
        }
        Ok(())
    }

    fn give_out(&mut self, id: i64, delivery: u64, jobs: &mut Vec<Job>) -> Result<(), StoreError> {
        let job = self.look(|desk| read::job(&desk.connection, &mut desk.targets, delivery))?;
        let Some(job) = job else {
            return Err(self.damaged(format!("expected delivery {delivery}, found no row of it")));
        };
        let hand = Hand {
            attempts: job.attempts,
            lane: job.delivery.lane,
            damaged: job.damaged,
            unwritten: None,
        };
        self.sync(id)?.hand.insert(delivery, hand);
        jobs.push(job);
        Ok(())
    }

    fn claim_orphans(
        &mut self,
        id: i64,
        orphans: Orphans,
        limit: usize,
        jobs: &mut Vec<Job>,
    ) -> Result<(), StoreError> {
        let mut orphans = orphans;
        while jobs.len() < limit {
            let found = self.orphans(id, orphans, limit - jobs.len())?;
            if found.is_empty() {
                self.sync(id)?.orphans = None;
                return Ok(());
            }
            for (delivery, lane) in found {
                orphans.next = delivery + 1;
                self.sync(id)?.orphans = Some(orphans);
                let behind = self.look(|desk| desk.around().is_behind(id, lane, delivery))?;
                if behind {
                    let due = orphans.due;
                    self.note(Write::Wait { sync: id, id: delivery, due, record: None, lane });
                } else {
                    self.give_out(id, delivery, jobs)?;
                }
            }
        }
        Ok(())
    }

    /// The next orphans and their lanes.
    fn orphans(
        &mut self,
        id: i64,
        orphans: Orphans,
        limit: usize,
    ) -> Result<Vec<(u64, Option<u64>)>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT id, lane FROM delivery
                 WHERE id >= ?1 AND id <= ?2 AND sync = ?3 AND due IS NULL ORDER BY id LIMIT ?4",
            )?;
            let range = params![orphans.next.cast_signed(), orphans.last.cast_signed(), id, limit];
            let rows = statement.query_map(range, |row| {
                let lane: Option<i64> = row.get(1)?;
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), lane.map(i64::cast_unsigned)))
            })?;
            rows.collect()
        })
    }

    /// When there will be something to claim.
    pub(crate) fn next_due(&mut self, id: i64) -> Result<Option<Timestamp>, StoreError> {
        let orphans = self.sync(id)?.orphans;
        let orphans = match orphans {
            None => None,
            Some(orphans) if self.orphans(id, orphans, 1)?.is_empty() => {
                self.sync(id)?.orphans = None;
                None
            }
            Some(orphans) => Some(orphans.due),
        };
        let waiting = self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT id, due FROM delivery WHERE sync = ?1 AND behind = 0 AND due IS NOT NULL
                 ORDER BY due, id",
            )?;
            let mut rows = statement.query([id])?;
            let hand = desk.syncs.get(&id).map(|sync| &sync.hand);
            while let Some(row) = rows.next()? {
                let delivery = row.get::<_, i64>(0)?.cast_unsigned();
                if hand.is_none_or(|hand| !hand.contains_key(&delivery)) {
                    return Ok(Some(Timestamp::from_micros(row.get(1)?)));
                }
            }
            Ok(None)
        })?;
        Ok(match (orphans, waiting) {
            (Some(orphans), Some(waiting)) => Some(orphans.min(waiting)),
            (orphans, waiting) => orphans.or(waiting),
        })
    }

    /// The counts of a sync.
    pub(crate) fn counts(&mut self, id: i64) -> Result<StoreCounts, StoreError> {
        let next_due = self.next_due(id)?;
        let first_id = self.sync(id)?.first_id;
        let oldest = self.look(|desk| read::oldest(&desk.connection, id, first_id))?;
        let sync = self.sync(id)?;
        if let Some((first_id, _)) = oldest {
            sync.first_id = first_id;
        }
        let unwritten = sync
            .hand
            .values()
            .filter_map(|hand| hand.unwritten.as_ref().map(|delivery| delivery.accepted_at))
            .min();
        let oldest = oldest.map(|(_, accepted_at)| accepted_at).into_iter().chain(unwritten).min();
        let mut totals = sync.totals;
        totals.accepted += sync.unwritten;
        let on_hand = sync.hand.len() as u64;
        Ok(StoreCounts {
            pending: totals.pending(),
            on_hand,
            waiting: totals.pending().saturating_sub(on_hand),
            dead: totals.expired + totals.discarded,
            accepted: totals.accepted,
            delivered: totals.delivered,
            expired: totals.expired,
            discarded: totals.discarded,
            oldest_pending: oldest,
            next_due,
        })
    }

    /// The most attempts that anything waiting has had.
    pub(crate) fn most_attempts(&mut self, id: i64) -> Result<u32, StoreError> {
        let most: Option<i64> = self.look(|desk| {
            desk.connection
                .prepare_cached(
                    "SELECT max(attempts) FROM delivery WHERE sync = ?1 AND due IS NOT NULL",
                )?
                .query_row([id], |row| row.get(0))
        })?;
        Ok(most.and_then(|most| u32::try_from(most).ok()).unwrap_or(0))
    }

    /// Makes what an engine had on hand claimable, and due times at most those in `latest`, which
    /// has one for each number of attempts.
    pub(crate) fn take_over(
        &mut self,
        id: i64,
        now: Timestamp,
        latest: &[Timestamp],
    ) -> Result<(), StoreError> {
        let last = self.ids.last();
        let sync = self.sync(id)?;
        sync.hear(now);
        let hand = std::mem::take(&mut sync.hand);
        sync.unwritten = 0;
        sync.orphans = Some(Orphans { next: sync.first_id, last, due: now });
        for delivery in hand.into_values().filter_map(|hand| hand.unwritten) {
            let target = Arc::new(TargetRow::new(&delivery.request.target));
            if let Some(lane) = delivery.lane {
                self.leave_lane(id, lane, delivery.id);
            }
            let sync = self.sync(id)?;
            sync.first_id = sync.first_id.min(delivery.id);
            sync.count().accepted += 1;
            if let Some(place) = delivery.place {
                sync.finish(place, true);
            }
            let row = Box::new(Row::new(delivery, target));
            self.note(Write::Insert { sync: id, row, due: now, record: None });
        }
        self.bring_forward(id, latest)?;
        let heads = self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT lane, min(id) FROM delivery WHERE sync = ?1 AND lane IS NOT NULL
                 GROUP BY lane",
            )?;
            let lanes = statement.query_map([id], |row| row.get::<_, i64>(0))?;
            lanes.collect::<rusqlite::Result<Vec<i64>>>()
        })?;
        for lane in heads {
            self.note(Write::NextInLane { sync: id, lane: lane.cast_unsigned() });
        }
        self.count_pending_by_source(id)?;
        self.usable()
    }

    /// Counts how many positions of each source are pending now.
    fn count_pending_by_source(&mut self, id: i64) -> Result<(), StoreError> {
        let counted = self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT source, count(DISTINCT position) FROM delivery
                 WHERE sync = ?1 AND source IS NOT NULL GROUP BY source",
            )?;
            let counted = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            counted.collect::<rusqlite::Result<HashMap<i64, i64>>>()
        })?;
        for (number, desk) in &mut self.sync(id)?.sources {
            let pending = counted.get(&number.cast_signed()).copied().unwrap_or_default();
            desk.source.pending = pending.cast_unsigned();
        }
        Ok(())
    }

    /// Lane and attempts of each pending delivery that has a lane.
    pub(crate) fn pending_lanes(&mut self, id: i64) -> Result<Vec<(u64, u32)>, StoreError> {
        self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT lane, attempts FROM delivery WHERE sync = ?1 AND lane IS NOT NULL",
            )?;
            let lanes = statement.query_map([id], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, u32>(1)?))
            })?;
            lanes.collect()
        })
    }

    fn bring_forward(&mut self, id: i64, latest: &[Timestamp]) -> Result<(), StoreError> {
        let Some(earliest) = latest.iter().min() else {
            return Ok(());
        };
        let late = self.look(|desk| {
            let mut statement = desk.connection.prepare_cached(
                "SELECT id, due, attempts, behind FROM delivery
                 WHERE sync = ?1 AND behind IN (0, 1) AND due IS NOT NULL AND due > ?2",
            )?;
            let mut rows = statement.query(params![id, earliest.as_micros()])?;
            let mut late = Vec::new();
            while let Some(row) = rows.next()? {
                let attempts = usize::try_from(row.get::<_, i64>(2)?).unwrap_or(usize::MAX);
                let latest = latest.get(attempts).or(latest.last());
                if let Some(latest) = latest
                    && row.get::<_, i64>(1)? > latest.as_micros()
                {
                    late.push((row.get::<_, i64>(0)?.cast_unsigned(), *latest));
                }
            }
            Ok(late)
        })?;
        for (delivery, due) in late {
            let lane = self.look(|desk| {
                desk.connection
                    .prepare_cached("SELECT lane FROM delivery WHERE id = ?1")?
                    .query_row([delivery.cast_signed()], |row| row.get::<_, Option<i64>>(0))
                    .optional()
            })?;
            let lane = lane.flatten().map(i64::cast_unsigned);
            self.note(Write::Wait { sync: id, id: delivery, due, record: None, lane });
        }
        Ok(())
    }
}
