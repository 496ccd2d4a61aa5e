//! How fast deliveries become durable, and what it costs: `cargo bench --bench store`.
//!
//! ```text
//! cargo bench --bench store -- [FOLDER] [--events N] [--rounds 5] [--pending 1000000]
//! ```
//!
//! Each round writes to an append log with checksums and `fdatasync` first, the least that a durable
//! accept can cost on this disk; the store's figures are given beside it. Payload and event are made
//! up of words and numbers, as real ones are, so that they compress as real ones do.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the time")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Durability;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::sqlite::OpenOptions;
use webhook_stream::delivery::store::sqlite::SqliteStore;

/// Clock ticks a second in /proc; the same on every Linux in use.
const TICKS: f64 = 100.0;

/// Events in one call.
const BATCH: usize = 512;

/// How many are on hand before the first one is delivered.
const LAG: usize = 8192;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn main() {
    let mut folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (mut events, mut rounds, mut pending) = (100_000_usize, 5_usize, 1_000_000_usize);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().unwrap().parse().unwrap();
        match argument.as_str() {
            "--events" => events = number(),
            "--rounds" => rounds = number(),
            "--pending" => pending = number(),
            "--bench" => {}
            path => folder = PathBuf::from(path),
        }
    }
    if std::env::var_os("STORE_BENCH_OPEN").is_some() {
        return million(&folder, &texts(700), pending);
    }
    for bytes in [700, 2048] {
        println!("{bytes} B a delivery, {BATCH} a call; events/s (CPU µs/event)");
        let texts = texts(bytes);
        let mut shares = Vec::new();
        for _ in 0..rounds {
            let log = measure(events, || append_log(&folder, &texts, events));
            let accepted = measure(events, || accept(&folder, &texts, events, Durability::Disk));
            let cycle = measure(events, || cycle(&folder, &texts, events));
            let process = measure(events, || accept(&folder, &texts, events, Durability::Process));
            shares.push(accepted.rate() / log.rate());
            println!(
                "  append log {log}; accepted {accepted} = {:.2} of the log; full cycle {cycle}; \
                 durability `process` {process}",
                accepted.rate() / log.rate()
            );
        }
        shares.sort_by(f64::total_cmp);
        if let Some(median) = shares.get(shares.len() / 2) {
            println!("  median share of the append log: {median:.2}");
        }
    }
    let texts = texts(700);
    let sourced = measure(events * 4, || from_source(&folder, &texts, events * 4));
    println!("from a source that can be read again, accepted and delivered: {sourced}");
    if pending > 0 {
        million(&folder, &texts, pending);
    }
}

struct Figure {
    events: usize,
    took: Duration,
    cpu: f64,
}

impl Figure {
    fn rate(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64()
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ({:.1})", self.rate(), self.cpu * 1e6 / self.events as f64)
    }
}

fn measure(events: usize, work: impl FnOnce() -> Duration) -> Figure {
    let before = cpu_seconds();
    let took = work();
    Figure { events, took, cpu: cpu_seconds() - before }
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Payloads and events, together of that size.
fn texts(bytes: usize) -> Vec<(String, String)> {
    const WORDS: [&str; 16] = [
        "checkout",
        "viewed",
        "product",
        "signup",
        "session",
        "country",
        "Germany",
        "android",
        "campaign",
        "spring",
        "revenue",
        "version",
        "premium",
        "trial",
        "onboarding",
        "search",
    ];
    let mut dice = fastrand::Rng::with_seed(7);
    let mut object = |size: usize| {
        let mut text = String::from("{");
        while text.len() < size {
            let (word, other) = (dice.usize(..16), dice.usize(..16));
            let _ = match dice.u8(..3) {
                0 => write!(
                    text,
                    "\"{}_{}\": \"{}\", ",
                    WORDS[word],
                    WORDS[other],
                    WORDS[dice.usize(..16)]
                ),
                1 => write!(text, "\"{}\": {}, ", WORDS[word], dice.u32(..)),
                _ => write!(text, "\"{}_id\": \"{:016x}\", ", WORDS[word], dice.u64(..)),
            };
        }
        text.push_str("\"end\": true}");
        text
    };
    (0..1000)
        .map(|_| {
            let event = object(bytes * 6 / 10);
            let payload = format!("{}, {}", &event[..event.len() / 3], object(bytes * 2 / 10));
            (payload, event)
        })
        .collect()
}

fn target() -> Arc<Target> {
    Arc::new(Target::new("POST", "http://receiver.example/", Vec::new(), 5).unwrap())
}

fn batch(target: &Arc<Target>, texts: &[(String, String)], from: usize) -> Vec<NewDelivery> {
    (from..from + BATCH)
        .map(|number| {
            let (payload, event) = &texts[number % texts.len()];
            let id = format!("msg_{number:032x}");
            let request = Request::new(Arc::clone(target), id, payload.clone()).unwrap();
            let mut new = NewDelivery::new(format!("k{number}"), request, Some(event.clone()));
            new.accepted_at = NOW;
            new
        })
        .collect()
}

fn append_log(folder: &Path, texts: &[(String, String)], events: usize) -> Duration {
    let path = folder.join("append.log");
    let target = target();
    let mut file = fs::File::create(&path).unwrap();
    let mut took = Duration::ZERO;
    for from in (0..events).step_by(BATCH) {
        let batch = batch(&target, texts, from);
        let began = Instant::now();
        let mut block = Vec::new();
        for new in &batch {
            let event = new.event.as_deref().unwrap_or_default();
            let sum = xxhash_rust::xxh3::xxh3_64(&new.request.body);
            block.extend_from_slice(&sum.to_le_bytes());
            for text in
                [new.key.as_bytes(), new.request.id.as_bytes(), &new.request.body, event.as_bytes()]
            {
                block.extend_from_slice(&(text.len() as u32).to_le_bytes());
                block.extend_from_slice(text);
            }
        }
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
        took += began.elapsed();
    }
    fs::remove_file(path).unwrap();
    took
}

fn open(path: &Path, durability: Durability) -> SqliteStore {
    let options = OpenOptions { durability, ..OpenOptions::default() };
    let store = SqliteStore::open(path, "bench", options).unwrap();
    store.take_over(NOW, &|_| NOW).unwrap();
    store
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
}

fn accept(
    folder: &Path,
    texts: &[(String, String)],
    events: usize,
    durability: Durability,
) -> Duration {
    let path = folder.join("accept.db");
    remove(&path);
    let store = open(&path, durability);
    let target = target();
    let mut took = Duration::ZERO;
    for from in (0..events).step_by(BATCH) {
        let batch = batch(&target, texts, from);
        let began = Instant::now();
        let jobs = store.accept(batch).unwrap();
        took += began.elapsed();
        drop(jobs);
    }
    drop(store);
    remove(&path);
    took
}

/// Accepted, and delivered out of order some thousand events later.
fn cycle(folder: &Path, texts: &[(String, String)], events: usize) -> Duration {
    let path = folder.join("cycle.db");
    remove(&path);
    let store = open(&path, Durability::Disk);
    let target = target();
    let mut dice = fastrand::Rng::with_seed(3);
    let mut on_hand: Vec<Job> = Vec::new();
    let mut took = Duration::ZERO;
    for from in (0..events).step_by(BATCH) {
        let batch = batch(&target, texts, from);
        let began = Instant::now();
        on_hand.extend(store.accept(batch).unwrap());
        while on_hand.len() > LAG {
            let at = dice.usize(..LAG / 4);
            let job = on_hand.swap_remove(at);
            store.settle(&job, Change::Delivered).unwrap();
        }
        took += began.elapsed();
    }
    let began = Instant::now();
    for job in on_hand.drain(..) {
        store.settle(&job, Change::Delivered).unwrap();
    }
    store.flush().unwrap();
    took += began.elapsed();
    assert_eq!(store.counts().unwrap().pending, 0);
    drop(store);
    remove(&path);
    took
}

/// Accepted and delivered with positions of a source, which are all that is written.
fn from_source(folder: &Path, texts: &[(String, String)], events: usize) -> Duration {
    let path = folder.join("source.db");
    remove(&path);
    let store = open(&path, Durability::Disk);
    let source = store.begin_source(&webhook_stream::delivery::store::KnownSource::default());
    let source = source.unwrap();
    let target = target();
    let mut took = Duration::ZERO;
    for from in (0..events).step_by(BATCH) {
        let mut batch = batch(&target, texts, from);
        for (new, position) in batch.iter_mut().zip(from as u64..) {
            new.place = Some(SourcePlace { source, position });
        }
        let began = Instant::now();
        for job in store.accept(batch).unwrap() {
            store.settle(&job, Change::Delivered).unwrap();
        }
        took += began.elapsed();
    }
    let began = Instant::now();
    store.flush().unwrap();
    took += began.elapsed();
    drop(store);
    remove(&path);
    took
}

/// The time to open a store with so many pending, and its memory.
fn million(folder: &Path, texts: &[(String, String)], pending: usize) {
    let path = folder.join("million.db");
    if std::env::var_os("STORE_BENCH_OPEN").is_none() {
        remove(&path);
        let store = open(&path, Durability::Process);
        let target = target();
        for from in (0..pending).step_by(BATCH) {
            let jobs = store.accept(batch(&target, texts, from)).unwrap();
            if from / BATCH % 2 == 0 {
                for job in &jobs {
                    let due = NOW + Duration::from_micros(job.delivery.id * 1000);
                    store.settle(job, Change::PutOff { due }).unwrap();
                }
            }
        }
        drop(store);
        let size = fs::metadata(&path).unwrap().len() >> 20;
        println!("{pending} pending, half of them waiting: {size} MiB");
        // A process of its own, so that its memory is its own.
        let program = std::env::current_exe().unwrap();
        let mut again = std::process::Command::new(program);
        again.arg(folder).args(["--events", "0", "--rounds", "0", "--pending", "1"]);
        assert!(again.env("STORE_BENCH_OPEN", "1").status().unwrap().success());
        remove(&path);
        return;
    }
    let began = Instant::now();
    let store = SqliteStore::open(&path, "bench", OpenOptions::default()).unwrap();
    let opened = began.elapsed();
    let resumed = store.take_over(NOW, &|_| NOW + Duration::from_hours(2)).unwrap();
    let taken_over = began.elapsed();
    let counts = store.counts().unwrap();
    let counted = began.elapsed();
    let mut claimed = 0;
    while claimed < 100_000 {
        let jobs = store.claim(NOW + Duration::from_hours(1), 64).unwrap();
        if jobs.is_empty() {
            break;
        }
        claimed += jobs.len();
        for job in jobs {
            store.settle(&job, Change::Delivered).unwrap();
        }
    }
    println!(
        "  opened {opened:.2?}, {resumed} taken over {taken_over:.2?}, counted {counted:.2?}, \
         {claimed} claimed 64 at a time and delivered {:.2?}; most memory {} MiB; {counts:?}",
        began.elapsed(),
        resident_kib() >> 10
    );
}
