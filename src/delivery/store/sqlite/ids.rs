//! Ids of deliveries: given out on the caller's thread, never twice, not even after a crash.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// Ids that are reserved in the file at once. After a crash those not used are left out.
pub(crate) const RESERVED: u64 = 1 << 20;

/// The next id, and how far ids are reserved in the file.
#[derive(Debug)]
pub(crate) struct Ids {
    last: AtomicU64,
    reserved: AtomicU64,
    reserving: AtomicU64,
}

impl Ids {
    /// Ids after `last`.
    pub(crate) fn after(last: u64) -> Self {
        Self {
            last: AtomicU64::new(last),
            reserved: AtomicU64::new(last),
            reserving: AtomicU64::new(last),
        }
    }

    /// So many new ids: the first one.
    pub(crate) fn take(&self, count: usize) -> u64 {
        self.last.fetch_add(count as u64, SeqCst) + 1
    }

    pub(crate) fn last(&self) -> u64 {
        self.last.load(SeqCst)
    }

    /// Whether ids were given that the file does not know to be given.
    pub(crate) fn are_unreserved(&self) -> bool {
        self.last() > self.reserved.load(SeqCst)
    }

    /// Up to where to reserve with this transaction, if it is time.
    pub(crate) fn to_reserve(&self) -> Option<u64> {
        let last = self.last();
        if last + RESERVED / 2 <= self.reserved.load(SeqCst) {
            return None;
        }
        self.reserving.store(last + RESERVED, SeqCst);
        Some(last + RESERVED)
    }

    /// The transaction is safe.
    pub(crate) fn committed(&self) {
        self.reserved.fetch_max(self.reserving.load(SeqCst), SeqCst);
    }
}
