//! The worker: accepts, delivers, retries, gives up, reads a source, closes and opens again, at random,
//! and tells what it did. It is there to be killed.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::AttemptRecord;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::KnownSource;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::StoreError;
use webhook_stream::delivery::store::StoreErrorKind;
use webhook_stream::delivery::store::positions::Positions;
use webhook_stream::delivery::store::sqlite::OpenOptions;
use webhook_stream::delivery::store::sqlite::SqliteStore;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Numbers of events that come from the source.
pub(crate) const SOURCE_BEGINS: u64 = 1 << 40;

/// What one kill can make happen twice: what was settled and not yet written, and what was on hand.
pub(crate) const MAY_REPEAT: usize = 1000 + MAX_ON_HAND;

const MAX_ON_HAND: usize = 300;

pub(crate) fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, "crash", OpenOptions::default())
}

/// An event's payload: long now and then, and never the same as another's.
pub(crate) fn body(event: u64) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(event);
    let length = if event.is_multiple_of(40) { 20_000 } else { dice.usize(50..1500) };
    let mut body = format!("{{\"event\": {event}, \"text\": \"").into_bytes();
    body.extend((0..length).map(|_| dice.u8(b'a'..=b'z')));
    body.extend_from_slice(b"\"}");
    body
}

pub(crate) fn hash(body: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(body)
}

/// Positions of the source that hold nothing to deliver.
pub(crate) fn is_passed(position: u64) -> bool {
    position.is_multiple_of(17)
}

fn delivery(target: &Arc<Target>, event: u64) -> NewDelivery {
    let request = Request::new(Arc::clone(target), format!("msg_{event}"), body(event)).unwrap();
    let mut new = NewDelivery::new(event.to_string(), request, Some(format!("{{\"e\": {event}}}")));
    new.accepted_at = NOW;
    new
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // One write, so that a kill cuts no line in two; whoever listens may be gone.
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

fn target() -> Arc<Target> {
    Arc::new(Target::new("POST", "http://receiver.example/", Vec::new(), 5).unwrap())
}

struct Worker {
    store: SqliteStore,
    dice: fastrand::Rng,
    target: Arc<Target>,
    next: u64,
    source: u64,
    /// What earlier sessions finished of it.
    finished: Positions,
    position: u64,
    on_hand: Vec<Job>,
    now: Timestamp,
}

/// `[full] PATH SEED FIRST STEPS`
pub(crate) fn work(arguments: &[String]) {
    if arguments[0] == "full" {
        return fill(Path::new(&arguments[1]));
    }
    let path = Path::new(&arguments[0]);
    let number = |at: usize| arguments[at].parse::<u64>().unwrap();
    let (seed, mut next, steps) = (number(1), number(2), number(3));
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut left = if steps == 0 { u64::MAX } else { steps };
    while left > 0 {
        let (source, finished, store) = match begin(path) {
            Ok(begun) => begun,
            Err(error) => return tell(&format!("refused {:?} {error}", error.kind)),
        };
        let mut worker = Worker {
            store,
            dice: fastrand::Rng::with_seed(dice.u64(..)),
            target: target(),
            next,
            source,
            position: finished.watermark(),
            finished,
            on_hand: Vec::new(),
            now: NOW,
        };
        let session = dice.u64(5..200).min(left);
        left -= session;
        for _ in 0..session {
            if worker.step().is_err() {
                // Once more: what failed must not be acknowledged after it either.
                let _ = worker.accept();
                return;
            }
        }
        next = worker.next;
        tell("closing");
        drop(worker);
        tell("closed");
    }
}

fn begin(path: &Path) -> Result<(u64, Positions, SqliteStore), StoreError> {
    let store = open(path)?;
    store.take_over(NOW, &|_| NOW + Duration::from_hours(4))?;
    let known = store.sources()?.into_iter().next();
    let (source, finished) = match known {
        Some(known) => (known.id, known.finished),
        None => (store.begin_source(&KnownSource::default())?, Positions::default()),
    };
    Ok((source, finished, store))
}

impl Worker {
    fn step(&mut self) -> Result<(), StoreError> {
        self.now = self.now + Duration::from_millis(self.dice.u64(0..500));
        match self.dice.u8(..10) {
            0..4 if self.on_hand.len() < MAX_ON_HAND - 80 => self.accept(),
            4..6 if self.on_hand.len() < MAX_ON_HAND - 80 => self.read_source(),
            6 => {
                let jobs = self.store.claim(self.now, 40)?;
                self.on_hand.extend(jobs);
                Ok(())
            }
            _ => self.settle_some(),
        }
        .inspect_err(|error| tell(&format!("refused {:?} {error}", error.kind)))
    }

    fn accept(&mut self) -> Result<(), StoreError> {
        let (first, count) = (self.next, self.dice.u64(1..64));
        tell(&format!("begin {first} {count}"));
        self.next += count;
        let batch = (first..first + count).map(|event| delivery(&self.target, event)).collect();
        let jobs = self.store.accept(batch)?;
        assert_eq!(jobs.len() as u64, count);
        tell(&format!("accepted {first} {count}"));
        self.on_hand.extend(jobs);
        Ok(())
    }

    fn read_source(&mut self) -> Result<(), StoreError> {
        let first = self.position;
        self.position += self.dice.u64(1..50);
        let (mut batch, mut passed) = (Vec::new(), Vec::new());
        for position in first..self.position {
            let place = SourcePlace { source: self.source, position };
            if self.finished.contains(position) {
                continue;
            }
            if is_passed(position) {
                passed.push(place);
            } else {
                let mut new = delivery(&self.target, SOURCE_BEGINS + position);
                new.place = Some(place);
                batch.push(new);
            }
        }
        self.store.pass(&passed)?;
        let jobs = self.store.accept(batch)?;
        self.on_hand.extend(jobs);
        Ok(())
    }

    fn settle_some(&mut self) -> Result<(), StoreError> {
        for _ in 0..self.dice.usize(1..80).min(self.on_hand.len()) {
            let job = self.on_hand.swap_remove(self.dice.usize(..self.on_hand.len()));
            let change = match self.dice.u8(..20) {
                0..14 => {
                    let sum = hash(&job.delivery.request.body);
                    tell(&format!("delivered {} {sum}", job.delivery.key));
                    Change::Delivered
                }
                14..17 => Change::Retry { record: record(&job, self.now), due: self.due() },
                17..19 => Change::PutOff { due: self.due() },
                _ => Change::Dead {
                    record: Some(record(&job, self.now)),
                    reason: Reason::Exhausted,
                    message: String::from("answered 503"),
                    at: self.now,
                },
            };
            self.store.settle(&job, change)?;
        }
        Ok(())
    }

    fn due(&mut self) -> Timestamp {
        self.now + Duration::from_millis(self.dice.u64(0..3000))
    }
}

fn record(job: &Job, now: Timestamp) -> AttemptRecord {
    AttemptRecord {
        number: job.attempts + 1,
        started_at: now,
        took: Duration::from_millis(3),
        tries: 3,
        status: Some(503),
        error: String::from("status_503"),
        message: String::from("answered 503"),
        answer: String::new(),
    }
}

/// Fills the disk, makes room, and goes on.
fn fill(path: &Path) {
    let store = open(path).unwrap();
    store.take_over(NOW, &|_| NOW).unwrap();
    let target = target();
    let mut acknowledged = Vec::new();
    let (mut refused, mut event, mut on_hand) = (0, 1, Vec::new());
    while refused < 3 {
        let batch = (event..event + 16).map(|event| delivery(&target, event)).collect();
        match store.accept(batch) {
            Ok(jobs) => {
                acknowledged.extend(event..event + 16);
                on_hand.extend(jobs);
            }
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::Full, "{error}");
                refused += 1;
            }
        }
        event += 16;
    }
    // To the last byte.
    refused = 0;
    while refused < 3 {
        match store.accept(vec![delivery(&target, event)]) {
            Ok(jobs) => {
                acknowledged.push(event);
                on_hand.extend(jobs);
            }
            Err(_) => refused += 1,
        }
        event += 1;
    }
    let before = acknowledged.len();
    // What is settled while there is no room is not forgotten.
    for job in on_hand.drain(..10) {
        store.settle(&job, Change::Delivered).unwrap();
    }
    let _ = store.flush();
    std::fs::remove_file(path.with_file_name("ballast")).unwrap();
    for _ in 0..20 {
        let batch = (event..event + 16).map(|event| delivery(&target, event)).collect();
        on_hand.extend(store.accept(batch).unwrap());
        acknowledged.extend(event..event + 16);
        event += 16;
    }
    let counts = store.counts().unwrap();
    assert_eq!(counts.accepted, acknowledged.len() as u64);
    assert_eq!(counts.delivered, 10);
    drop(store);
    let store = open(path).unwrap();
    let pending = store.take_over(NOW, &|_| NOW).unwrap();
    assert_eq!(pending, acknowledged.len() as u64 - 10);
    let jobs = store.claim(NOW, usize::MAX).unwrap();
    for (job, event) in jobs.iter().zip(&acknowledged[10..]) {
        assert_eq!(job.delivery.request.body, body(*event));
    }
    println!(
        "{before} acknowledged, 6 refused, {} more after there was room, {} stored, 0 lost",
        acknowledged.len() - before,
        jobs.len() + 10
    );
}
