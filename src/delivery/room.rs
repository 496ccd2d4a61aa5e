//! How much may wait between accept and the senders: so many bytes, or, if that is little, one
//! delivery for each sender.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Deliveries between accept and the senders: full until senders give some back.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: AtomicUsize,
    count: AtomicUsize,
    max_bytes: usize,
    /// So many deliveries fit whatever they weigh, or senders would have nothing to do.
    min_count: usize,
    waiting: AtomicBool,
    /// Whether somebody has waited for long in vain.
    stuck: AtomicBool,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    pub(crate) fn new(max_bytes: usize, min_count: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            max_bytes,
            min_count,
            waiting: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    /// Takes that much for so many deliveries if there is any room left; one batch may go over the
    /// limit.
    pub(crate) fn take(&self, bytes: usize, count: usize) -> bool {
        if !self.is_free() {
            return false;
        }
        self.bytes.fetch_add(bytes, SeqCst);
        self.count.fetch_add(count, SeqCst);
        true
    }

    /// Takes that much for so many deliveries, room or not.
    pub(crate) fn add(&self, bytes: usize, count: usize) {
        self.bytes.fetch_add(bytes, SeqCst);
        self.count.fetch_add(count, SeqCst);
    }

    pub(crate) fn is_free(&self) -> bool {
        self.bytes.load(SeqCst) < self.max_bytes || self.count.load(SeqCst) < self.min_count
    }

    pub(crate) fn give_back(&self, bytes: usize, count: usize) {
        let bytes_left = self.bytes.fetch_sub(bytes, SeqCst) - bytes;
        let count_left = self.count.fetch_sub(count, SeqCst) - count;
        // Woken early, an accepting thread would find room for one job and sleep again.
        let enough = bytes_left <= self.max_bytes / 2 || count_left < self.min_count;
        if enough {
            self.stuck.store(false, SeqCst);
        }
        if enough && self.waiting.swap(false, SeqCst) {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// Somebody has waited for long in vain: until half of it is free, nobody else need try.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(SeqCst)
    }

    pub(crate) fn set_stuck(&self) {
        self.stuck.store(true, SeqCst);
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
