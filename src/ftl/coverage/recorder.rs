//! Counters of templates, kept for whoever reports them.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::ftl::coverage::CoverageMap;
use crate::ftl::coverage::Probe;

/// The recorder of all templates of the process, once there is one.
static OF_PROCESS: OnceLock<Recorder> = OnceLock::new();

/// Counts what runs of templates that come from files. Cheap to clone: clones share their counters.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Entry>>>);

/// A template as it was compiled: the same text with other settings may have other lines.
#[derive(Debug)]
struct Entry {
    path: String,
    text: String,
    map: CoverageMap,
    counters: Counters,
    /// What the counters said when they were asked last.
    told: Vec<u64>,
}

/// The counters of a compiled template.
#[derive(Clone, Debug)]
pub(in crate::ftl) struct Counters(Arc<[AtomicU64]>);

/// What of a file ran since that was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The file.
    pub path: String,
    /// Lines, in order.
    pub lines: Vec<usize>,
    /// Ways: from where, and to where as in [`crate::ftl::coverage::Way`].
    pub ways: Vec<(usize, i64)>,
}

/// All that is known of a file.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The file.
    pub path: String,
    /// Its lines and ways.
    pub map: CoverageMap,
    counts: Vec<u64>,
}

impl Counters {
    /// Counts one.
    #[inline]
    pub(in crate::ftl) fn count(&self, probe: Probe) {
        if let Some(counter) = self.0.get(probe as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> Vec<u64> {
        self.0.iter().map(|counter| counter.load(Ordering::Relaxed)).collect()
    }
}

/// Whether both share their counters.
impl PartialEq for Recorder {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Recorder {
    /// The recorder that settings made from now on ask, all over the process. Coverage is a matter of
    /// the process, as it is for Python: templates are compiled wherever tests make them.
    pub fn of_process() -> Self {
        OF_PROCESS.get_or_init(Self::default).clone()
    }

    /// The recorder of the process, if somebody asked for one.
    pub fn current() -> Option<Self> {
        OF_PROCESS.get().cloned()
    }

    /// The counters of a template, made when it is compiled for the first time.
    pub(in crate::ftl) fn counters(&self, path: &str, text: &str, map: CoverageMap) -> Counters {
        let mut entries = self.entries();
        let known =
            entries.iter().find(|own| own.path == path && own.map == map && own.text == text);
        if let Some(known) = known {
            return known.counters.clone();
        }
        let counters = Counters((0..map.probes).map(|_| AtomicU64::new(0)).collect());
        let told = vec![0; map.probes as usize];
        let (path, text) = (path.to_owned(), text.to_owned());
        entries.push(Entry { path, text, map, counters: counters.clone(), told });
        counters
    }

    /// What ran since this was asked last, file by file in the order they were compiled. A file of
    /// which nothing ran is there, too, with nothing in it.
    pub fn take(&self) -> Vec<Ran> {
        let mut ran: Vec<Ran> = Vec::new();
        for entry in self.entries().iter_mut() {
            let now = entry.counters.read();
            let at = ran.iter().position(|own| own.path == entry.path).unwrap_or_else(|| {
                ran.push(Ran { path: entry.path.clone(), lines: Vec::new(), ways: Vec::new() });
                ran.len() - 1
            });
            let own = &mut ran[at];
            let lines = entry.map.lines.iter();
            let new = lines.filter(|line| line.count(&now) > line.count(&entry.told));
            own.lines.extend(new.map(|line| line.number));
            let ways = entry.map.ways.iter();
            let new = ways.filter(|way| way.count(&now) > way.count(&entry.told));
            own.ways.extend(new.map(|way| (way.from, way.to)));
            entry.told = now;
        }
        for own in &mut ran {
            own.lines.sort_unstable();
            own.lines.dedup();
            own.ways.sort_unstable();
            own.ways.dedup();
        }
        ran
    }

    /// All that was counted, by the order of paths. Of a file whose text has changed meanwhile, the
    /// last text.
    pub fn measured(&self) -> Vec<Measured> {
        let mut measured: Vec<Measured> = Vec::new();
        for entry in self.entries().iter() {
            let own = Measured {
                path: entry.path.clone(),
                map: entry.map.clone(),
                counts: entry.counters.read(),
            };
            match measured.iter_mut().find(|known| known.path == own.path) {
                Some(known) => *known = own,
                None => measured.push(own),
            }
        }
        measured.sort_by(|left, right| left.path.cmp(&right.path));
        measured
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Nothing that holds it can fail halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// A file of which nothing ran.
    pub fn untouched(path: &str, map: CoverageMap) -> Self {
        Self { path: path.to_owned(), map, counts: Vec::new() }
    }

    /// Each line that can run, and how often it did.
    pub fn lines(&self) -> impl Iterator<Item = (usize, u64)> {
        self.map.lines.iter().map(|line| (line.number, line.count(&self.counts)))
    }

    /// How often each way of [`CoverageMap::ways`] was taken.
    pub fn ways(&self) -> impl Iterator<Item = (&crate::ftl::coverage::Way, u64)> {
        self.map.ways.iter().map(|way| (way, way.count(&self.counts)))
    }
}
