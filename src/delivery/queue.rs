//! Jobs on their way to the sender threads, and which senders are awake to take them.
//!
//! Waking a thread costs as much as a third of a request. So jobs are put into the queue many at a
//! time, and only as many senders are woken as it takes to work the queue off within a
//! millisecond, by how long a job took lately: one sender for a receiver that answers at once, all
//! of them for one that takes its time. Where few get as much done, no more are at work ([`Crew`]).
//! Each sender takes one job at a time, so none waits behind a slow one; and while jobs wait, one
//! sleeper stays on the lookout for the case that all at work got stuck.

use std::num::NonZero;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;

use crate::delivery::clock::instant;
use crate::delivery::crew::Crew;
use crate::delivery::store::Job;

/// The queue should be worked off within this time, in microseconds.
const DRAIN_MICROS: u64 = 1000;

/// How often the lookout looks whether jobs are still being taken.
const LOOKOUT: Duration = Duration::from_millis(2);

/// When the lookout sees fewer jobs taken than this, the jobs take long.
const FEW_JOBS: u64 = 4;

/// All senders are called when the lookout saw that so many times in a row.
const SLOW_LOOKS: u32 = 3;

/// How many jobs the crew is judged by.
const WINDOW: u64 = 1024;

/// A window that takes longer than this is no case for few senders.
const MAX_WINDOW: Duration = Duration::from_millis(500);

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
    /// Senders that are neither asleep nor wait for the clock.
    at_work: AtomicUsize,
    /// No more than so many should be.
    crew_size: AtomicUsize,
    shift: Mutex<Shift>,
}

#[derive(Debug)]
struct Shift {
    crew: Crew,
    window_began: Option<Instant>,
}

#[derive(Debug, Default)]
struct Bell {
    /// Senders asleep, without those a call is out for.
    sleeping: usize,
    /// Calls to come and take a job.
    calls: usize,
    /// Calls to come and be the lookout.
    lookout_calls: usize,
    /// Senders that wait for the clock.
    paused: usize,
    /// How many times in a row a lookout saw jobs that take long.
    slow_looks: u32,
}

impl Queue {
    pub(crate) fn new(senders: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
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
            at_work: AtomicUsize::new(senders),
            crew_size: AtomicUsize::new(senders),
            shift: Mutex::new(Shift { crew: Crew::new(senders, processors), window_began: None }),
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
        if self.is_crowded() {
            self.sleep();
        }
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
        let mut bell = self.lock();
        bell.paused += 1;
        if self.len() > 0 && bell.sleeping > 0 {
            bell.sleeping -= 1;
            bell.calls += 1;
            self.rung.notify_one();
        }
        self.count(&bell);
    }

    /// A sender is done with waiting for the clock.
    pub(crate) fn sender_resumes(&self) {
        let mut bell = self.lock();
        bell.paused -= 1;
        self.count(&bell);
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
        if self.taken.fetch_add(1, Relaxed) % WINDOW == WINDOW - 1 {
            self.judge_crew();
        }
        Some(job)
    }

    /// A window of jobs is over: more or fewer senders may be called for.
    fn judge_crew(&self) {
        let mut shift = self.shift.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        if let Some(began) = shift.window_began.replace(now) {
            let took = now.saturating_duration_since(began);
            if took > MAX_WINDOW {
                shift.crew.call_all();
            } else {
                shift.crew.window(WINDOW, took);
            }
        }
        self.set_crew_size(&shift.crew);
    }

    fn set_crew_size(&self, crew: &Crew) {
        let before = self.crew_size.swap(crew.size(), Relaxed);
        if before < crew.size() {
            self.call_senders(self.lock());
        }
    }

    /// Whether more are at work than should be.
    fn is_crowded(&self) -> bool {
        self.at_work.load(Relaxed) > self.crew_size.load(Relaxed)
    }

    /// Notes how many are at work, after the bell has changed.
    fn count(&self, bell: &Bell) {
        let away = bell.sleeping + bell.paused;
        self.at_work.store(self.senders.saturating_sub(away), Relaxed);
    }

    /// Wakes as many senders as the queue needs, or one to watch over it.
    fn call_senders(&self, mut bell: MutexGuard<'_, Bell>) {
        let waiting = self.len();
        if waiting == 0 || bell.sleeping == 0 {
            return;
        }
        let at_work = self.at_work.load(Relaxed);
        let job_micros = self.job_micros.load(Relaxed).max(1);
        let wanted = if job_micros >= DRAIN_MICROS {
            // Those at work are busy for longer than the queue should have to wait.
            waiting
        } else {
            let each_drains = usize::try_from(DRAIN_MICROS / job_micros).unwrap_or(usize::MAX);
            waiting.div_ceil(each_drains).saturating_sub(at_work)
        };
        let places = self.crew_size.load(Relaxed).saturating_sub(at_work);
        let calls = wanted.min(bell.sleeping).min(places);
        bell.sleeping -= calls;
        bell.calls += calls;
        self.count(&bell);
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

    /// Sleeps until there is a job, and a call to take one.
    fn sleep(&self) {
        let mut bell = self.lock();
        let jobs_wait = self.len() > 0;
        if self.closed.load(SeqCst) || (jobs_wait && !self.is_crowded()) {
            return;
        }
        bell.sleeping += 1;
        self.count(&bell);
        if jobs_wait && !self.watched.swap(true, Relaxed) {
            bell.lookout_calls += 1;
        }
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
                    self.count(&bell);
                    let call_all = bell.slow_looks >= SLOW_LOOKS;
                    drop(bell);
                    if call_all {
                        self.call_all();
                    }
                    return;
                }
                continue;
            }
            bell = self.rung.wait(bell).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Jobs take long: all senders are needed.
    fn call_all(&self) {
        let mut shift = self.shift.lock().unwrap_or_else(PoisonError::into_inner);
        shift.crew.call_all();
        self.set_crew_size(&shift.crew);
    }

    /// Watches until the queue is empty, a call comes, or hardly a job was taken for a while.
    fn keep_lookout<'a>(&'a self, mut bell: MutexGuard<'a, Bell>) -> MutexGuard<'a, Bell> {
        loop {
            let before = self.taken.load(Relaxed);
            let waited = self.rung.wait_timeout(bell, LOOKOUT);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            bell = guard;
            let slow = timeout.timed_out() && self.taken.load(Relaxed) - before < FEW_JOBS;
            bell.slow_looks = if slow { bell.slow_looks + 1 } else { 0 };
            if bell.calls > 0 || self.closed.load(SeqCst) || self.len() == 0 || slow {
                self.watched.store(false, Relaxed);
                return bell;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "senders of the tests take their time")]
mod tests {
    use std::sync::Arc;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::atomic::Ordering::SeqCst;
    use std::thread;
    use std::time::Duration;

    use crate::delivery::queue::Queue;
    use crate::delivery::request::Request;
    use crate::delivery::request::Target;
    use crate::delivery::store::Job;
    use crate::delivery::store::NewDelivery;
    use crate::delivery::store::Store as _;
    use crate::delivery::store::memory::MemoryStore;

    const SENDERS: usize = 12;

    fn jobs(count: usize) -> Result<Vec<Job>, Box<dyn std::error::Error>> {
        let target = Arc::new(Target::new("POST", "http://127.0.0.1/", Vec::new(), 5)?);
        let mut batch = Vec::new();
        for number in 0..count {
            let request = Request::new(Arc::clone(&target), number.to_string(), "{}")?;
            batch.push(NewDelivery::new(number.to_string(), request, None));
        }
        Ok(MemoryStore::new().accept(batch)?)
    }

    /// Twelve senders, of which three should be at work, until all these jobs are done.
    fn work_off(
        queue: &Queue,
        jobs: Vec<Job>,
        work: impl Fn(&Job) + Sync,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let left = AtomicUsize::new(jobs.len());
        queue.crew_size.store(3, Relaxed);
        queue.push_fresh(jobs);
        thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    while let Some(job) = queue.take() {
                        work(&job);
                        if left.fetch_sub(1, SeqCst) == 1 {
                            queue.close();
                        }
                    }
                });
            }
        });
        assert_eq!(left.load(SeqCst), 0);
        Ok(())
    }

    #[test]
    fn no_more_are_at_work_than_should_be() -> Result<(), Box<dyn std::error::Error>> {
        let queue = Queue::new(SENDERS);
        let (now, crowded) = (AtomicUsize::new(0), AtomicUsize::new(0));
        work_off(&queue, jobs(900)?, |_| {
            let working = now.fetch_add(1, SeqCst) + 1;
            crowded.fetch_add(usize::from(working > 4), SeqCst);
            // Should the machine stand still for a moment, all are called.
            queue.crew_size.store(3, Relaxed);
            thread::sleep(Duration::from_micros(100));
            now.fetch_sub(1, SeqCst);
        })?;
        // At first all are awake, and the lookout joins in when nothing moves.
        assert!(crowded.load(SeqCst) < 450, "{crowded:?}");
        Ok(())
    }

    #[test]
    fn all_come_when_those_at_work_are_stuck() -> Result<(), Box<dyn std::error::Error>> {
        let queue = Queue::new(SENDERS);
        let all_here = Barrier::new(SENDERS);
        work_off(&queue, jobs(SENDERS)?, |_| {
            all_here.wait();
        })
    }

    #[test]
    fn another_takes_over_from_a_sender_that_pauses() -> Result<(), Box<dyn std::error::Error>> {
        let queue = Queue::new(SENDERS);
        let done = AtomicUsize::new(0);
        work_off(&queue, jobs(100)?, |job| {
            if job.delivery.id <= 9 {
                // Three times as many as should be at work wait until all the others are done.
                queue.sender_pauses();
                while done.load(SeqCst) < 91 {
                    thread::sleep(Duration::from_millis(1));
                }
                queue.sender_resumes();
            } else {
                done.fetch_add(1, SeqCst);
            }
        })?;
        assert_eq!(done.load(SeqCst), 91);
        Ok(())
    }
}
