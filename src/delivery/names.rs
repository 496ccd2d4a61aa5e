//! Host names and their addresses: looked up off the critical path, remembered for a short time
//! by all senders together.
//!
//! A look-up runs in a thread of its own, because the system's resolver cannot be interrupted; at
//! most one for a name. Senders wait for it no longer than their own budget allows. A name whose
//! time is over is looked up again while its old addresses are still used for a moment.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use crate::delivery::clock::instant;

/// How long addresses are used without asking again.
pub(crate) const FRESH: Duration = Duration::from_secs(30);

/// How long after that they are still used while the name is being looked up again.
const STALE: Duration = Duration::from_secs(30);

/// How long a name that was not found is not asked for again; shorter than any gap.
const FAILED: Duration = Duration::from_secs(1);

/// How often a waiting sender looks whether it should stop.
const SLICE: Duration = Duration::from_millis(50);

/// More names than this are not remembered; only URLs from events can make so many.
const MAX_NAMES: usize = 1024;

/// Runs a piece of work in a thread of its own; the pool knows how.
pub(crate) type Spawn = Arc<dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

/// Finds the addresses of a host name; may take long.
pub(crate) type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The names known so far. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Names {
    shared: Arc<Shared>,
}

struct Shared {
    entries: Mutex<HashMap<String, Entry>>,
    changed: Condvar,
    spawn: Spawn,
    look_up: LookUp,
}

#[derive(Default)]
struct Entry {
    answer: Option<Answer>,
    asking: bool,
}

struct Answer {
    addresses: Result<Arc<[IpAddr]>, String>,
    at: Instant,
}

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// The look-up failed; the text says how.
    NotFound(String),
    /// The budget was over before the answer came.
    TooSlow,
    /// The engine was stopped.
    Cut,
}

impl Names {
    pub(crate) fn new(spawn: Spawn) -> Self {
        Self::with_look_up(spawn, Arc::new(ask_the_system))
    }

    pub(crate) fn with_look_up(spawn: Spawn, look_up: LookUp) -> Self {
        let shared =
            Shared { entries: Mutex::new(HashMap::new()), changed: Condvar::new(), spawn, look_up };
        Self { shared: Arc::new(shared) }
    }

    /// The addresses of a host, from memory if possible.
    pub(crate) fn resolve(
        &self,
        host: &str,
        deadline: Option<Instant>,
        cut: &AtomicBool,
    ) -> Result<Arc<[IpAddr]>, NameError> {
        let shared = &self.shared;
        let mut entries = shared.entries.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = instant();
            if let Some(entry) = entries.get(host)
                && let Some(answer) = &entry.answer
            {
                let age = now.saturating_duration_since(answer.at);
                match &answer.addresses {
                    Ok(addresses) if age < FRESH => return Ok(Arc::clone(addresses)),
                    Ok(addresses) if age < FRESH + STALE => {
                        let addresses = Arc::clone(addresses);
                        let asking = entry.asking;
                        drop(entries);
                        if !asking {
                            // If no thread can be had now, the old addresses still serve.
                            let _ = self.ask(host);
                        }
                        return Ok(addresses);
                    }
                    Err(message) if age < FAILED => {
                        return Err(NameError::NotFound(message.clone()));
                    }
                    _ => {}
                }
            }
            if !entries.get(host).is_some_and(|entry| entry.asking) {
                drop(entries);
                self.ask(host)?;
                entries = shared.entries.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if cut.load(Relaxed) {
                return Err(NameError::Cut);
            }
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(now));
            if left.is_zero() {
                return Err(NameError::TooSlow);
            }
            let waited = shared.changed.wait_timeout(entries, left.min(SLICE));
            entries = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Forgets the addresses of a host to which no connection could be made.
    pub(crate) fn forget(&self, host: &str) {
        let mut entries = self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(host)
            && entry.answer.as_ref().is_some_and(|answer| answer.addresses.is_ok())
        {
            entry.answer = None;
        }
    }

    fn ask(&self, host: &str) -> Result<(), NameError> {
        {
            let mut entries = self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= MAX_NAMES {
                entries.retain(|_, entry| entry.asking);
            }
            let entry = entries.entry(host.to_owned()).or_default();
            if entry.asking {
                return Ok(());
            }
            entry.asking = true;
        }
        let shared = Arc::clone(&self.shared);
        let name = host.to_owned();
        let work = move || {
            let found = (shared.look_up)(&name);
            shared.answer(&name, found);
        };
        (self.shared.spawn)(Box::new(work)).map_err(|error| {
            let message = error.to_string();
            self.shared.answer(host, Err(error));
            NameError::NotFound(message)
        })
    }
}

impl Shared {
    fn answer(&self, name: &str, found: io::Result<Vec<IpAddr>>) {
        let addresses = match found {
            Ok(addresses) if addresses.is_empty() => Err(String::from("the name has no address")),
            Ok(addresses) => Ok(Arc::from(addresses)),
            Err(error) => Err(error.to_string()),
        };
        let answer = Some(Answer { addresses, at: instant() });
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(name.to_owned(), Entry { answer, asking: false });
        self.changed.notify_all();
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

fn ask_the_system(host: &str) -> io::Result<Vec<IpAddr>> {
    // The port plays no part in a look-up, but the standard library wants one.
    let mut addresses: Vec<IpAddr> =
        (host, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    addresses.dedup();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use crate::delivery::clock::instant;
    use crate::delivery::names::NameError;
    use crate::delivery::names::Names;
    use crate::delivery::names::Spawn;

    fn spawn() -> Spawn {
        Arc::new(|work| thread::Builder::new().spawn(work).map(drop))
    }

    #[test]
    fn a_name_is_looked_up_once_for_many_askers() {
        let asked = Arc::new(AtomicUsize::new(0));
        let look_up = {
            let asked = Arc::clone(&asked);
            move |_: &str| {
                asked.fetch_add(1, SeqCst);
                Ok(vec![IpAddr::from([127, 0, 0, 1])])
            }
        };
        let names = Names::with_look_up(spawn(), Arc::new(look_up));
        let askers: Vec<_> = (0..8)
            .map(|_| {
                let names = names.clone();
                thread::spawn(move || names.resolve("a.example", None, &AtomicBool::new(false)))
            })
            .collect();
        for asker in askers {
            assert!(asker.join().is_ok_and(|answer| answer.is_ok_and(|found| found.len() == 1)));
        }
        assert_eq!(asked.load(SeqCst), 1);
        names.forget("a.example");
        assert!(names.resolve("a.example", None, &AtomicBool::new(false)).is_ok());
        assert_eq!(asked.load(SeqCst), 2);
    }

    #[test]
    fn a_look_up_that_stalls_does_not_outlast_the_budget_or_a_stop() {
        let (release, stalled) = mpsc::channel::<()>();
        let stalled = std::sync::Mutex::new(stalled);
        let look_up = move |_: &str| {
            let _ = stalled.lock().map(|stalled| stalled.recv());
            Err(io::Error::other("late"))
        };
        let names = Names::with_look_up(spawn(), Arc::new(look_up));
        let soon = instant() + Duration::from_millis(80);
        let answer = names.resolve("slow.example", Some(soon), &AtomicBool::new(false));
        assert_eq!(answer, Err(NameError::TooSlow));
        let answer = names.resolve("slow.example", None, &AtomicBool::new(true));
        assert_eq!(answer, Err(NameError::Cut));
        drop(release);
        let answer = names.resolve("slow.example", None, &AtomicBool::new(false));
        assert_eq!(answer, Err(NameError::NotFound(String::from("late"))));
    }
}
