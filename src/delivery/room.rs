//! How much may wait between accept and the senders, in bytes.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Bytes between accept and the senders: full until senders give some back.
#[derive(Debug)]
pub(crate) struct Room {
    used: AtomicUsize,
    limit: usize,
    waiting: AtomicBool,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit,
            waiting: AtomicBool::new(false),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    /// Takes that much if there is any room left; one batch may go over the limit.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        if !self.is_free() {
            return false;
        }
        self.used.fetch_add(bytes, SeqCst);
        true
    }

    /// Takes that much, room or not.
    pub(crate) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, SeqCst);
    }

    pub(crate) fn is_free(&self) -> bool {
        self.used.load(SeqCst) < self.limit
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        let left = self.used.fetch_sub(bytes, SeqCst) - bytes;
        // Woken early, an accepting thread would find room for one job and sleep again.
        if left <= self.limit / 2 && self.waiting.swap(false, SeqCst) {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// Waits at most so long for room.
    pub(crate) fn wait(&self, limit: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.store(true, SeqCst);
        if !self.is_free() {
            drop(self.freed.wait_timeout(guard, limit));
        }
    }
}
