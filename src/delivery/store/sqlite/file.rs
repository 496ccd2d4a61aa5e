//! One file, open for delivering: its lock, its writer thread, and the way to the writer's desk.
//!
//! All syncs of one process share it. The only file here that starts a thread.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use crate::delivery::clock::instant;
use crate::delivery::clock::lock;
use crate::delivery::store::Durability;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::connect::connect;
use crate::delivery::store::sqlite::connect::last_id;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_database;
use crate::delivery::store::sqlite::failure::of_file;
use crate::delivery::store::sqlite::guard::Guard;
use crate::delivery::store::sqlite::ids::Ids;
use crate::delivery::store::sqlite::lock::Lock;
use crate::delivery::store::sqlite::place::Identity;
use crate::delivery::store::sqlite::place::Place;
use crate::delivery::store::sqlite::work::Accepted;
use crate::delivery::store::sqlite::work::Settled;

/// How long what nobody waits for may stay out of the file.
const LAZY: Duration = Duration::from_millis(100);

/// How many such changes may stay out of the file: what a crash can make happen twice.
const LAZY_CHANGES: usize = 1000;

/// Rows in one transaction, so that it stays small however many callers there are.
const MAX_ROWS: usize = 8192;

/// How long a disk that is full is left alone, when nobody asks for anything.
const PAUSE: Duration = Duration::from_secs(1);

/// What is asked of the writer.
enum Order {
    Accept { sync: i64, accepted: Accepted },
    Settle { sync: i64, id: u64, settled: Settled },
    Do(Box<dyn FnOnce(&mut Desk) + Send>),
}

/// A file that is open.
pub(crate) struct OpenFile {
    pub(crate) path: PathBuf,
    identity: Identity,
    pub(crate) ids: Arc<Ids>,
    broken: Arc<OnceLock<StoreError>>,
    orders: Arc<Orders>,
    /// Names of the syncs that are open.
    names: Mutex<HashSet<String>>,
    pub(crate) process: AtomicU32,
    thread: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<Lock>>,
}

#[derive(Default)]
struct Orders {
    state: Mutex<OrderState>,
    changed: Condvar,
}

#[derive(Default)]
struct OrderState {
    orders: Vec<Order>,
    /// Whether somebody waits for one of them.
    awaited: bool,
    /// Whether the writer sleeps without a deadline.
    asleep: bool,
    closed: bool,
}

/// Files of this process that are open. Weak: a file is closed by whoever uses it last.
static OPEN: Mutex<Option<HashMap<Identity, Weak<OpenFile>>>> = Mutex::new(None);

/// Rung when a file was closed.
static CLOSED: Condvar = Condvar::new();

impl OpenFile {
    /// Opens the file at `path`, or joins those who have it open already.
    pub(crate) fn open(path: &Path, durability: Durability) -> Result<Arc<Self>, StoreError> {
        let mut guard = lock(&OPEN);
        let place = Place::prepare(path, true)?;
        loop {
            let open = guard.get_or_insert_default();
            let Some(known) = open.get(&place.identity) else {
                break;
            };
            match known.upgrade() {
                Some(file) if file.is_own() => {
                    drop(guard);
                    file.ask(move |desk| desk.raise_durability(durability))?;
                    return Ok(file);
                }
                // A forked process has none of its parent's.
                Some(theirs) => {
                    mem::forget(theirs);
                    break;
                }
                // It is being closed, and its lock is this process's as long as it is.
                None => guard = CLOSED.wait(guard).unwrap_or_else(PoisonError::into_inner),
            }
        }
        let file = Arc::new(Self::start(place, durability)?);
        let open = guard.get_or_insert_default();
        open.insert(file.identity.clone(), Arc::downgrade(&file));
        Ok(file)
    }

    /// Whether this process has that file open.
    pub(crate) fn is_open(identity: &Identity) -> bool {
        lock(&OPEN).as_ref().is_some_and(|open| open.contains_key(identity))
    }

    fn start(place: Place, durability: Durability) -> Result<Self, StoreError> {
        let path = place.path.clone();
        let lock = Lock::take(&place)?;
        let started = connect(&place, durability).and_then(|connection| {
            let failed = |error: rusqlite::Error| of_database(&path, &error);
            let ids = Arc::new(Ids::after(last_id(&connection).map_err(failed)?));
            let broken = Arc::new(OnceLock::new());
            let (known, ids_there) = (Arc::clone(&broken), Arc::clone(&ids));
            let hold = Arc::clone(&lock.hold);
            let desk = Desk::new(connection, path.clone(), hold, known, ids_there, durability)
                .map_err(failed)?;
            let guard = Guard::take(&path)
                .map_err(|error| of_file(&path, "expected to lock the store", &error))?;
            let orders = Arc::new(Orders::default());
            let (orders_there, broken_there) = (Arc::clone(&orders), Arc::clone(&broken));
            let path_there = path.clone();
            let thread = thread::Builder::new()
                .name(String::from("store-writer"))
                .spawn(move || run(desk, guard, &orders_there, &broken_there, &path_there))
                .map_err(|error| of_file(&path, "expected a thread to write with", &error))?;
            Ok((ids, broken, orders, thread))
        });
        let (ids, broken, orders, thread) = match started {
            Ok(parts) => parts,
            Err(error) => {
                lock.release();
                return Err(error);
            }
        };
        Ok(Self {
            path,
            identity: place.identity,
            ids,
            broken,
            orders,
            names: Mutex::new(HashSet::new()),
            process: AtomicU32::new(std::process::id()),
            thread: Mutex::new(Some(thread)),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Takes a sync for one deliverer.
    pub(crate) fn take_name(&self, name: &str) -> Result<(), StoreError> {
        if lock(&self.names).insert(name.to_owned()) {
            return Ok(());
        }
        let what = format!("expected the sync {name} to be open once, found it open already");
        Err(failure(StoreErrorKind::InUse, &self.path, what, "close the other one first"))
    }

    /// Lets a sync go.
    pub(crate) fn give_name_back(&self, name: &str) {
        lock(&self.names).remove(name);
    }

    /// Whether this is the process that opened it: nothing is touched in a forked one.
    pub(crate) fn is_own(&self) -> bool {
        self.process.load(SeqCst) == std::process::id()
    }

    /// An error, when it cannot be used any more.
    pub(crate) fn usable(&self) -> Result<(), StoreError> {
        if !self.is_own() {
            let what = "expected the process that opened the store, found one forked from it";
            let hint = "open the store after forking";
            return Err(failure(StoreErrorKind::Closed, &self.path, what, hint));
        }
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Takes deliveries on that nobody waits for.
    pub(crate) fn accept(&self, sync: i64, accepted: Accepted) {
        self.orders.give(Order::Accept { sync, accepted }, false);
    }

    /// Notes what became of a delivery, without waiting for it.
    pub(crate) fn settle(&self, sync: i64, id: u64, settled: Settled) {
        self.orders.give(Order::Settle { sync, id, settled }, false);
    }

    /// Has something done without waiting for it.
    pub(crate) fn tell(&self, order: impl FnOnce(&mut Desk) + Send + 'static) {
        self.orders.give(Order::Do(Box::new(order)), false);
    }

    /// Has something looked up.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.usable()?;
        let (answer, answered) = bounded(1);
        let order = move |desk: &mut Desk| {
            let found = desk.usable().and_then(|()| question(desk));
            // Whoever asked may be gone.
            let _ = answer.send(found);
        };
        self.orders.give(Order::Do(Box::new(order)), true);
        self.wait(&answered)
    }

    /// Has something done, and waits until it is safe. `order` is given what to call then.
    pub(crate) fn durably<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Desk, Reply<T>) + Send + 'static,
    ) -> Result<T, StoreError> {
        self.usable()?;
        let (answer, answered) = bounded(1);
        let order = move |desk: &mut Desk| order(desk, Reply { answer });
        self.orders.give(Order::Do(Box::new(order)), true);
        self.wait(&answered)
    }

    fn wait<T>(&self, answered: &Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        answered.recv().unwrap_or_else(|_| {
            self.usable()?;
            let what = "expected an open store, found it closed";
            Err(failure(StoreErrorKind::Closed, &self.path, what, ""))
        })
    }
}

/// Answers one caller.
pub(crate) struct Reply<T> {
    answer: Sender<Result<T, StoreError>>,
}

impl<T> Reply<T> {
    pub(crate) fn send(self, result: Result<T, StoreError>) {
        // Whoever asked may be gone.
        let _ = self.answer.send(result);
    }
}

impl Orders {
    fn give(&self, order: Order, awaited: bool) {
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        state.orders.push(order);
        state.awaited |= awaited;
        if awaited || state.asleep || state.orders.len() == LAZY_CHANGES {
            state.asleep = false;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Waits for orders, at most until `deadline`. Whether there will be no more, and whether it is
    /// time to write what nobody waits for.
    fn take(&self, orders: &mut Vec<Order>, deadline: Option<Instant>) -> (bool, bool) {
        let mut deadline = deadline;
        let mut is_due = false;
        let mut state = lock(&self.state);
        while !state.closed && !state.awaited && state.orders.len() < LAZY_CHANGES {
            if !state.orders.is_empty() && deadline.is_none() {
                deadline = Some(instant() + LAZY);
            }
            let Some(deadline) = deadline else {
                state.asleep = true;
                state = match self.changed.wait(state) {
                    Ok(state) => state,
                    Err(poisoned) => poisoned.into_inner(),
                };
                continue;
            };
            let left = deadline.saturating_duration_since(instant());
            if left.is_zero() {
                is_due = true;
                break;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.awaited = false;
        mem::swap(&mut state.orders, orders);
        (state.closed, is_due)
    }

    /// Takes no more orders; those given are carried out.
    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// The writer is gone: those who wait hear of it.
    fn abandon(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.orders.clear();
    }
}

/// The writer's thread.
fn run(desk: Desk, guard: Guard, orders: &Orders, broken: &OnceLock<StoreError>, path: &Path) {
    let worked = catch_unwind(AssertUnwindSafe(|| {
        let mut desk = desk;
        work(&mut desk, orders);
        guard.open();
        drop(desk);
    }));
    drop(guard);
    if worked.is_err() {
        let what = "expected the writer to work, found that it failed unexpectedly";
        let _ = broken.set(failure(StoreErrorKind::Closed, path, what, "open the store again"));
    }
    orders.abandon();
}

fn work(desk: &mut Desk, orders: &Orders) {
    let mut taken = Vec::new();
    let mut deadline = None;
    loop {
        let (closed, is_due) = orders.take(&mut taken, deadline);
        for order in taken.drain(..) {
            match order {
                Order::Accept { sync, accepted } => desk.accept(sync, accepted, None),
                Order::Settle { sync, id, settled } => desk.settle(sync, id, settled),
                Order::Do(order) => order(desk),
            }
            if desk.rows() >= MAX_ROWS && desk.is_awaited() {
                let _ = desk.commit();
            }
        }
        let mut pause = LAZY;
        if (closed || is_due || desk.is_awaited() || desk.rows() >= LAZY_CHANGES)
            && desk.commit().is_err()
        {
            pause = PAUSE;
        }
        if closed {
            desk.shrink();
            return;
        }
        desk.tidy();
        deadline = match deadline {
            _ if desk.is_broken() || !desk.is_dirty() => None,
            Some(deadline) if !is_due && pause == LAZY => Some(deadline),
            _ => Some(instant() + pause),
        };
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let thread = lock(&self.thread).take();
        if !self.is_own() {
            // The connection and the thread are the parent's; so is the lock.
            mem::forget(thread);
            mem::forget(lock(&self.lock).take());
            return;
        }
        self.orders.close();
        if let Some(thread) = thread {
            // That it failed was noted where it happened.
            let _ = thread.join();
        }
        if let Some(lock) = lock(&self.lock).take() {
            lock.release();
        }
        if let Some(open) = lock(&OPEN).as_mut() {
            open.remove(&self.identity);
        }
        CLOSED.notify_all();
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenFile({})", self.path.display())
    }
}
