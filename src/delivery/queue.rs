//! Jobs on their way to the sender threads, and which senders are awake to take them.
//!
//! Waking a thread costs as much as a third of a request. So jobs are put into the queue many at a
//! time, and only as many senders are woken as it takes to work the queue off within a
//! millisecond, by how long a job took lately: one sender for a receiver that answers at once, all
//! of them for one that takes its time. Each sender takes one job at a time, so none waits behind
//! a slow one; and while jobs wait, one sleeper stays on the lookout for the case that all who are
//! awake got stuck.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;

use crate::delivery::store::Job;

/// The queue should be worked off within this time, in microseconds.
const DRAIN_MICROS: u64 = 1000;

/// How often the lookout looks whether jobs are still being taken.
const LOOKOUT: Duration = Duration::from_millis(2);

/// Of so many jobs, one comes from the new ones even while retries are waiting.
const TURNS: u64 = 4;

/// Two lines, new deliveries and due retries, and the senders who wait for them. Bounded by the
/// engine: new ones by bytes, retries by the scheduler's plan.
#[derive(Debug)]
pub(crate) struct Queue {
    fresh: (Sender<Job>, Receiver<Job>),
    due: (Sender<Job>, Receiver<Job>),
    bell: Mutex<Bell>,
    rung: Condvar,
    senders: usize,
    taken: AtomicU64,
    job_micros: AtomicU64,
    watched: AtomicBool,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Bell {
    /// Senders asleep, without those a call is out for.
    sleeping: usize,
    /// Calls to come and take a job.
    calls: usize,
    /// Calls to come and be the lookout.
    lookout_calls: usize,
}

impl Queue {
    pub(crate) fn new(senders: usize) -> Self {
        Self {
            fresh: crossbeam_channel::unbounded(),
            due: crossbeam_channel::unbounded(),
            bell: Mutex::new(Bell::default()),
            rung: Condvar::new(),
            senders,
            taken: AtomicU64::new(0),
            // Until a job was measured, receivers are taken to be slow: all senders are woken.
            job_micros: AtomicU64::new(DRAIN_MICROS),
            watched: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// New deliveries for their first attempt.
    pub(crate) fn push_fresh(&self, jobs: Vec<Job>) {
        for job in jobs {
            // Both ends live as long as the queue, so this cannot fail.
            let _ = self.fresh.0.send(job);
        }
        self.call_senders(self.lock());
    }

    /// Deliveries that are due for another attempt.
    pub(crate) fn push_due(&self, jobs: Vec<Job>) {
        for job in jobs {
            let _ = self.due.0.send(job);
        }
        self.call_senders(self.lock());
    }

    /// How many retries wait for a sender.
    pub(crate) fn due_len(&self) -> usize {
        self.due.1.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.fresh.1.len() + self.due.1.len()
    }

    /// The next job, once there is one; `None` when the queue was closed.
    pub(crate) fn take(&self) -> Option<Job> {
        loop {
            if self.closed.load(SeqCst) {
                return None;
            }
            if let Some(job) = self.pop() {
                if !self.watched.load(Relaxed) && self.len() > 0 {
                    self.call_senders(self.lock());
                }
                return Some(job);
            }
            self.sleep();
        }
    }

    /// A job took that long, in microseconds.
    pub(crate) fn job_took(&self, micros: u64) {
        let before = self.job_micros.load(Relaxed);
        self.job_micros.store((before * 7 + micros.min(1_000_000)) / 8, Relaxed);
    }

    /// A sender is about to wait for the clock: another one should take over the queue.
    pub(crate) fn sender_pauses(&self) {
        if self.len() > 0 {
            let mut bell = self.lock();
            if bell.sleeping > 0 {
                bell.sleeping -= 1;
                bell.calls += 1;
                self.rung.notify_one();
            }
        }
    }

    /// Sends all senders home; those at work come when they are done.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        drop(self.lock());
        self.rung.notify_all();
    }

    /// What nobody took; for after all senders have gone.
    pub(crate) fn drain(&self) -> Vec<Job> {
        self.due.1.try_iter().chain(self.fresh.1.try_iter()).collect()
    }

    /// The next job, if there is one and the queue is open.
    pub(crate) fn try_take(&self) -> Option<Job> {
        if self.closed.load(SeqCst) { None } else { self.pop() }
    }

    fn pop(&self) -> Option<Job> {
        let turn = self.taken.load(Relaxed);
        let (first, second) = if turn % TURNS == TURNS - 1 {
            (&self.fresh.1, &self.due.1)
        } else {
            (&self.due.1, &self.fresh.1)
        };
        let job = first.try_recv().or_else(|_| second.try_recv()).ok()?;
        self.taken.fetch_add(1, Relaxed);
        Some(job)
    }

    /// Wakes as many senders as the queue needs, or one to watch over it.
    fn call_senders(&self, mut bell: MutexGuard<'_, Bell>) {
        let waiting = self.len();
        if waiting == 0 || bell.sleeping == 0 {
            return;
        }
        let awake = self.senders.saturating_sub(bell.sleeping);
        let job_micros = self.job_micros.load(Relaxed).max(1);
        let wanted = if job_micros >= DRAIN_MICROS {
            // Those awake are busy for longer than the queue should have to wait.
            waiting
        } else {
            let each_drains = usize::try_from(DRAIN_MICROS / job_micros).unwrap_or(usize::MAX);
            waiting.div_ceil(each_drains).saturating_sub(awake)
        };
        let calls = wanted.min(bell.sleeping);
        bell.sleeping -= calls;
        bell.calls += calls;
        if waiting > calls && bell.sleeping > 0 && !self.watched.swap(true, Relaxed) {
            bell.lookout_calls += 1;
            self.rung.notify_one();
        }
        match calls {
            0 => {}
            1 => self.rung.notify_one(),
            _ => self.rung.notify_all(),
        }
    }

    fn sleep(&self) {
        let mut bell = self.lock();
        if self.len() > 0 || self.closed.load(SeqCst) {
            return;
        }
        bell.sleeping += 1;
        loop {
            if self.closed.load(SeqCst) {
                return;
            }
            if bell.calls > 0 {
                bell.calls -= 1;
                return;
            }
            if bell.lookout_calls > 0 {
                bell.lookout_calls -= 1;
                bell = self.keep_lookout(bell);
                if bell.calls == 0 && self.len() > 0 {
                    bell.sleeping = bell.sleeping.saturating_sub(1);
                    return;
                }
                continue;
            }
            bell = self.rung.wait(bell).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Watches until the queue is empty, a call comes, or nobody took a job for a while.
    fn keep_lookout<'a>(&'a self, mut bell: MutexGuard<'a, Bell>) -> MutexGuard<'a, Bell> {
        loop {
            let before = self.taken.load(Relaxed);
            let waited = self.rung.wait_timeout(bell, LOOKOUT);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            bell = guard;
            let stuck = timeout.timed_out() && self.taken.load(Relaxed) == before;
            if bell.calls > 0 || self.closed.load(SeqCst) || self.len() == 0 || stuck {
                self.watched.store(false, Relaxed);
                return bell;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
