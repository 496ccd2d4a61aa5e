//! What earlier runs delivered, or left pending: fingerprints, so that a later run does not send it
//! again.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::params;
use rusqlite::types::ValueRef;

use crate::delivery::store::StoreError;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::fingerprint;

/// Fingerprints remembered of one sync: 64 MiB of memory. Beyond it the oldest are forgotten.
const MAX_KEYS: usize = 8_000_000;

/// A row of this many bytes is large enough.
const ROW_BYTES: usize = 64 * 1024;

/// Rows smaller than this on average, and at least so many of them, are put together.
const SMALL_ROW_BYTES: i64 = 512;
const MANY_ROWS: i64 = 1000;

/// Rows of at most so long a time become one, because a row is forgotten as a whole: one hour.
const TOGETHER_MICROS: i64 = 3_600_000_000;

/// A set of fingerprints: sorted, with a table of where each beginning begins.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    keys: Vec<u64>,
    /// For the upper 16 bits: where in `keys` they begin.
    begins: Vec<u32>,
}

impl Ledger {
    pub(crate) fn new(mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        if keys.is_empty() {
            return Self::default();
        }
        let mut begins = Vec::with_capacity(BEGINNINGS + 1);
        for (at, key) in keys.iter().enumerate() {
            while begins.len() <= beginning(*key) {
                begins.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
        begins.resize(BEGINNINGS + 1, u32::try_from(keys.len()).unwrap_or(u32::MAX));
        Self { keys, begins }
    }

    pub(crate) fn contains(&self, key: u64) -> bool {
        let at = beginning(key);
        let (Some(from), Some(to)) = (self.begins.get(at), self.begins.get(at + 1)) else {
            return false;
        };
        self.keys
            .get(*from as usize..*to as usize)
            .is_some_and(|keys| keys.binary_search(&key).is_ok())
    }
}

const BEGINNINGS: usize = 1 << 16;

fn beginning(key: u64) -> usize {
    (key >> 48) as usize
}

impl Desk {
    /// What runs before this one delivered, and what is pending. Forgets what is too old, or too
    /// much.
    pub(crate) fn read_ledger(&mut self, id: i64) -> Result<Arc<Ledger>, StoreError> {
        let sync = self.sync(id)?;
        let (run, oldest) = (sync.run, sync.now - sync.remember);
        self.change(
            1,
            |desk| {
                desk.connection
                    .prepare_cached("DELETE FROM delivered WHERE sync = ?1 AND at < ?2")?
                    .execute(params![id, oldest.as_micros()])?;
                put_together(&desk.connection, id, run)
            },
            // If it fails, it is done in the next run.
            |_, _| (),
        );
        let (mut keys, first) = self.look(|desk| read(&desk.connection, id, run))?;
        if keys.len() >= MAX_KEYS {
            let forget = move |desk: &mut Self| {
                desk.connection
                    .prepare_cached("DELETE FROM delivered WHERE sync = ?1 AND id < ?2")?
                    .execute(params![id, first])
            };
            self.change(1, forget, |_, _| ());
        }
        // A row that can't be read is found when it is taken up; here it means one sending more.
        let room = MAX_KEYS - keys.len();
        let pending = |desk: &mut Self| Ok(read_pending(&desk.connection, id, room));
        keys.extend(self.look(pending)?.unwrap_or_default());
        Ok(Arc::new(Ledger::new(keys)))
    }
}

/// The fingerprints of what is pending, so many of them.
fn read_pending(connection: &Connection, sync: i64, room: usize) -> rusqlite::Result<Vec<u64>> {
    let mut statement =
        connection.prepare_cached("SELECT webhook_id FROM delivery WHERE sync = ?1 LIMIT ?2")?;
    let mut rows = statement.query(params![sync, room as i64])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        // A damaged id is that of no event.
        if let ValueRef::Text(id) = row.get_ref(0)? {
            keys.push(fingerprint(id));
        }
    }
    Ok(keys)
}

/// The latest fingerprints of earlier runs, and the first row they are from.
fn read(connection: &Connection, sync: i64, run: i64) -> rusqlite::Result<(Vec<u64>, i64)> {
    let mut statement = connection.prepare_cached(
        "SELECT id, keys FROM delivered WHERE sync = ?1 AND run < ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query(params![sync, run])?;
    let (mut keys, mut first) = (Vec::new(), i64::MAX);
    while keys.len() < MAX_KEYS
        && let Some(row) = rows.next()?
    {
        first = row.get(0)?;
        if let ValueRef::Blob(blob) = row.get_ref(1)? {
            let (packed, _) = blob.as_chunks::<8>();
            let room = MAX_KEYS - keys.len();
            keys.extend(packed.iter().take(room).map(|key| u64::from_le_bytes(*key)));
        }
    }
    Ok((keys, first))
}

/// Makes few large rows of many small ones, as a slow stream leaves them. Each keeps the id of the
/// first one, so that ids and times rise together.
fn put_together(connection: &Connection, sync: i64, run: i64) -> rusqlite::Result<()> {
    let (rows, bytes): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*), ifnull(sum(length(keys)), 0) FROM delivered
             WHERE sync = ?1 AND run < ?2",
        )?
        .query_row(params![sync, run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if rows < MANY_ROWS || bytes / rows > SMALL_ROW_BYTES {
        return Ok(());
    }
    let mut next = 0;
    loop {
        let mut statement = connection.prepare_cached(
            "SELECT id, run, at, keys FROM delivered
             WHERE sync = ?1 AND run < ?2 AND id >= ?3 ORDER BY id",
        )?;
        let mut rows = statement.query(params![sync, run, next])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        let (first, of, begun): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (mut last, mut at) = (first, begun);
        let mut keys: Vec<u8> = row.get(3)?;
        while let Some(row) = rows.next()? {
            let more: Vec<u8> = row.get(3)?;
            let later: i64 = row.get(2)?;
            if row.get::<_, i64>(1)? != of
                || later - begun > TOGETHER_MICROS
                || keys.len() + more.len() > ROW_BYTES
            {
                break;
            }
            (last, at) = (row.get(0)?, later);
            keys.extend_from_slice(&more);
        }
        drop(rows);
        if last > first {
            connection
                .prepare_cached("DELETE FROM delivered WHERE sync = ?1 AND id > ?2 AND id <= ?3")?
                .execute(params![sync, first, last])?;
            connection
                .prepare_cached("UPDATE delivered SET at = ?2, keys = ?3 WHERE id = ?1")?
                .execute(params![first, at, keys])?;
        }
        next = last + 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::delivery::store::sqlite::ledger::Ledger;

    #[test]
    fn a_ledger_holds_what_was_put_in_and_nothing_else() {
        let mut dice = fastrand::Rng::with_seed(1);
        let mut keys: Vec<u64> = (0..10_000).map(|_| dice.u64(..)).collect();
        keys.extend([0, 1, u64::MAX, u64::MAX - 1, 1 << 48, (1 << 48) - 1]);
        let ledger = Ledger::new(keys.clone());
        assert!(keys.iter().all(|key| ledger.contains(*key)));
        assert!(!(0..10_000).any(|_| ledger.contains(dice.u64(..))));
        assert!(!Ledger::new(Vec::new()).contains(0));
    }
}
