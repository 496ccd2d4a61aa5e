//! What is done for one sync now and then: opening it, runs, dead letters, sources.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::OptionalExtension as _;
use rusqlite::params;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::Delivery;
use crate::delivery::store::Discarded;
use crate::delivery::store::Job;
use crate::delivery::store::KnownSource;
use crate::delivery::store::Revival;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::StoreError;
use crate::delivery::store::sqlite::dead::insert_buried;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::file::Reply;
use crate::delivery::store::sqlite::read;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::sync_desk::Hand;
use crate::delivery::store::sqlite::sync_desk::SourceDesk;
use crate::delivery::store::sqlite::sync_desk::SyncDesk;
use crate::delivery::store::sqlite::target::TargetRow;
use crate::delivery::store::sqlite::writes::delete_attempts;

impl Desk {
    /// Opens a sync, which is made if the file does not have it, and answers with its number.
    pub(crate) fn open_sync(&mut self, name: &str, remember: Duration, reply: Reply<i64>) {
        let open = |desk: &mut Self| {
            let connection = &desk.connection;
            connection
                .prepare_cached("INSERT INTO sync(name) VALUES (?1) ON CONFLICT DO NOTHING")?
                .execute(params![name])?;
            let stored =
                read::sync(connection, name)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let sources = read::sources(connection, stored.id)?;
            Ok((stored, sources))
        };
        self.change(1, open, move |desk, opened| {
            reply.send(opened.map(|(stored, sources)| {
                desk.syncs.insert(stored.id, SyncDesk::new(stored, sources, remember));
                stored.id
            }));
        });
    }

    /// Closes a sync, after everything was committed.
    pub(crate) fn close_sync(&mut self, id: i64) {
        self.syncs.remove(&id);
        self.lanes.retain(|(sync, _), _| *sync != id);
    }

    /// Begins a run: takes over what is there, and answers with how much is pending.
    pub(crate) fn begin_run(
        &mut self,
        id: i64,
        now: Timestamp,
        latest: &[Timestamp],
        reply: Reply<u64>,
    ) {
        if let Err(error) = self.take_over(id, now, latest) {
            reply.send(Err(error));
            return;
        }
        let begin = |desk: &mut Self| {
            desk.connection
                .prepare_cached("INSERT INTO run(sync, started_at, process) VALUES (?1, ?2, ?3)")?
                .execute(params![id, now.as_micros(), std::process::id()])?;
            Ok(desk.connection.last_insert_rowid())
        };
        self.change(1, begin, move |desk, begun| {
            let pending = begun.and_then(|run| {
                let sync = desk.sync(id)?;
                sync.run = run;
                Ok(sync.totals.pending())
            });
            reply.send(pending);
        });
    }

    /// Keeps events that cannot be sent, with ids from `first` on.
    pub(crate) fn bury(&mut self, id: i64, first: u64, batch: Vec<Discarded>, reply: Reply<()>) {
        let count = batch.len();
        let bury = |desk: &mut Self| {
            for (buried, letter) in batch.iter().zip(first..) {
                insert_buried(&desk.connection, id, letter, buried)?;
                if let Ok(sync) = desk.sync(id) {
                    sync.hear(buried.at);
                    let totals = sync.stage();
                    totals.accepted += 1;
                    *totals.dead(buried.reason) += 1;
                    if let Some(place) = buried.place {
                        sync.stage_finish(place, true);
                    }
                }
            }
            Ok(())
        };
        self.change(count, bury, move |_, buried| reply.send(buried));
    }

    /// Takes dead letters on once more, and answers with them, on hand.
    pub(crate) fn revive(
        &mut self,
        id: i64,
        batch: Vec<(Revival, Arc<TargetRow>)>,
        reply: Reply<Vec<Job>>,
    ) {
        let count = batch.len();
        let revive = |desk: &mut Self| {
            let mut jobs = Vec::with_capacity(batch.len());
            for (revival, target) in batch {
                if let Some(job) = desk.revive_one(id, revival, target)? {
                    jobs.push(job);
                }
            }
            Ok(jobs)
        };
        self.change(count, revive, move |desk, revived: Result<Vec<Job>, StoreError>| {
            if let (Ok(jobs), Ok(sync)) = (&revived, desk.sync(id)) {
                for job in jobs {
                    let hand = Hand { attempts: 0, lane: None, damaged: false, unwritten: None };
                    sync.hand.insert(job.delivery.id, hand);
                }
            }
            reply.send(revived);
        });
    }

    fn revive_one(
        &mut self,
        id: i64,
        revival: Revival,
        target: Arc<TargetRow>,
    ) -> rusqlite::Result<Option<Job>> {
        let Some(after) = revival.id.checked_sub(1) else {
            return Ok(None);
        };
        let letters = read::dead_letters(&self.connection, &mut self.targets, id, after, 1)?;
        let Some(letter) = letters.into_iter().next().filter(|letter| letter.id == revival.id)
        else {
            return Ok(None);
        };
        self.connection
            .prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?
            .execute([revival.id.cast_signed()])?;
        delete_attempts(&self.connection, revival.id)?;
        // Counted by what the row said, which may be damaged since.
        let reason = letter.reason;
        let delivery = Arc::new(Delivery {
            id: self.ids.take(1),
            key: letter.key,
            request: revival.request,
            event: letter.event,
            accepted_at: revival.at,
            place: None,
            lane: None,
        });
        let row = Row::new(Arc::clone(&delivery), target);
        self.around().insert(id, &row, None)?;
        if let Ok(sync) = self.sync(id) {
            sync.hear(revival.at);
            sync.stage_revived(reason);
        }
        Ok(Some(crate::delivery::store::sqlite::job(&delivery)))
    }

    /// The sources of a sync, with what is not in the file yet.
    pub(crate) fn sources(&mut self, id: i64) -> Result<Vec<KnownSource>, StoreError> {
        let mut sources: Vec<KnownSource> =
            self.sync(id)?.sources.values().map(|desk| desk.source.clone()).collect();
        sources.sort_unstable_by_key(|source| source.id);
        Ok(sources)
    }

    /// Remembers a source, or what is new about it, and answers with its number.
    pub(crate) fn begin_source(&mut self, id: i64, source: KnownSource, reply: Reply<u64>) {
        let written = source.clone();
        let begin = move |desk: &mut Self| {
            let number: Option<i64> = desk
                .connection
                .prepare_cached("SELECT id FROM source WHERE id = ?1 AND sync = ?2")?
                .query_row(params![written.id.cast_signed(), id], |row| row.get(0))
                .optional()?;
            desk.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO source(id, sync, name, identity, size, head_bytes,
                     head_hash, content_hash, finished, is_finished, accepted)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    number,
                    id,
                    written.name,
                    written.identity,
                    written.size.cast_signed(),
                    written.head_bytes.cast_signed(),
                    written.head_hash,
                    written.content_hash,
                    written.finished.to_text(),
                    written.is_finished,
                    written.accepted.cast_signed()
                ])?;
            Ok(desk.connection.last_insert_rowid().cast_unsigned())
        };
        self.change(1, begin, move |desk, begun| {
            reply.send(begun.and_then(|number| {
                let source = KnownSource { id: number, ..source };
                desk.sync(id)?.sources.insert(number, SourceDesk::new(source));
                Ok(number)
            }));
        });
    }

    /// These positions hold nothing to deliver.
    pub(crate) fn pass(&mut self, id: i64, places: &[SourcePlace]) {
        if let Ok(sync) = self.sync(id) {
            for place in places {
                sync.finish(*place, false);
            }
        }
    }

    /// A source was read to its end.
    pub(crate) fn end_source(&mut self, id: i64, source: u64, end: u64) {
        if let Ok(sync) = self.sync(id) {
            sync.end_source(source, end);
        }
    }
}
