//! Where unfinished deliveries and dead letters live: the [`Store`] and its rules.
//!
//! A store belongs to one sync. It holds no secrets, because a [`Request`] names them only. These
//! rules hold for every store; `tests/rust/store_contract.rs` runs them against each:
//!
//! 1. What `accept` returns is *on hand*: the caller has it already, and `claim` does not give it
//!    out. When `accept` has returned, the deliveries are as safe as the store can make them; when
//!    it failed, none of them is there. What has a place in a source can be read again, so it need
//!    not be written before rule 14 asks for it.
//! 2. An id is never given twice, not even after its delivery is finished.
//! 3. `claim` gives what is due, the longest due first, at most as many as asked for; what it gave
//!    is on hand, and is not given again until it was settled.
//! 4. Settled as `Delivered`, a delivery is gone.
//! 5. Settled as `Retry`, it has one attempt more, and can be claimed from its due time on, with
//!    the same bytes and the same ids.
//! 6. Settled as `PutOff`, it can be claimed from its due time on; no attempt is counted.
//! 7. Settled as `Dead`, it is a dead letter, with every attempt, and is not claimed again.
//! 8. Settling what is not on hand changes nothing: it may have been taken over by another engine.
//! 9. `take_over` makes all that a stopped engine had on hand claimable at once, its attempts kept,
//!    and moves due times that lie too far ahead. So a receiver may see a request twice, but
//!    never zero times.
//! 10. `next_due` is the earliest due time of all that can be claimed, now or later. What stands
//!     behind another one of its lane (rule 13) has none until its turn comes.
//! 11. Dead letters come in the order of their ids. `revive` turns one into a new delivery with the
//!     same key and `webhook-id`, in one step and only once.
//! 12. `counts` adds up: pending is on hand plus waiting, and
//!     `accepted = delivered + pending + expired + discarded`.
//! 13. Deliveries of one lane come one at a time, in the order of their ids: `claim` never gives one
//!     out while an earlier one of its lane is pending, on hand or not. What has a lane is written
//!     by `accept` even if it has a place: else, after a crash, those behind it would come first.
//! 14. A position of a source is finished when its event was delivered, or given up, or waits in the
//!     store for another attempt, or was passed over; never before that is as safe as the store can
//!     make it. What is not finished is read again after a crash.
//! 15. What was delivered in an earlier run (an earlier `take_over`) and is still remembered, and
//!     what is pending from one, `accept` leaves out, unless asked for it `again`. Within one run,
//!     equal keys are taken on each time. A store in memory remembers nothing.
//!
//! A store may make `settle` durable a moment after it returned. A crash in between undoes it,
//! so an event may be delivered again, or an attempt made again.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::delivery::clock::Timestamp;
use crate::delivery::request::Request;
use crate::delivery::store::positions::Positions;

pub mod memory;
pub mod positions;
pub mod sqlite;

/// Unfinished deliveries and dead letters of one sync. See the rules at the top of the room.
pub trait Store: Send + Sync + fmt::Debug {
    /// Takes these deliveries on, all or none, but for those that an earlier run delivered.
    ///
    /// # Errors
    /// When they could not be made safe; then none is accepted.
    fn accept(&self, batch: Vec<NewDelivery>) -> Result<Vec<Job>, StoreError>;

    /// Keeps events that can never be sent, as dead letters.
    ///
    /// # Errors
    /// When they could not be made safe.
    fn bury(&self, batch: Vec<Discarded>) -> Result<(), StoreError>;

    /// What became of a delivery that is on hand.
    ///
    /// # Errors
    /// When it could not be noted; the delivery may be made again later.
    fn settle(&self, job: &Job, change: Change) -> Result<(), StoreError>;

    /// At most `limit` deliveries that are due, the longest due first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError>;

    /// When `claim` will next have something.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Makes what earlier engines had on hand claimable, due times at most `latest_due` of the
    /// number of attempts made, and says how many deliveries are pending. Called by each engine
    /// when it starts; only one engine may use a store at a time, unless the store says otherwise.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn take_over(
        &self,
        now: Timestamp,
        latest_due: &dyn Fn(u32) -> Timestamp,
    ) -> Result<u64, StoreError>;

    /// Calls `visit` with the lane of each pending delivery that has one, and how many attempts
    /// were made. Asked by each engine when it has taken over something.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_lanes(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<(), StoreError>;

    /// How many deliveries are in which state.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn counts(&self) -> Result<StoreCounts, StoreError>;

    /// At most `limit` dead letters with ids greater than `after`, by rising id; 0 begins.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// Takes dead letters on once more; those that are not there are left out.
    ///
    /// # Errors
    /// When they could not be made safe; then all are dead letters still.
    fn revive(&self, batch: Vec<Revival>) -> Result<Vec<Job>, StoreError>;

    /// The sources this store remembers. Like the four below, this is of a store that remembers none
    /// and writes nothing later, unless the store says otherwise.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn sources(&self) -> Result<Vec<KnownSource>, StoreError> {
        Ok(Vec::new())
    }

    /// Remembers a source from now on, or, with its `id`, what is new about it. Gives the id by which
    /// it is known; 0: it is not remembered.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn begin_source(&self, _source: &KnownSource) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// These positions of a source hold nothing to deliver: filtered or invalid.
    ///
    /// # Errors
    /// When it could not be noted.
    fn pass(&self, _places: &[SourcePlace]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Everything of a source was read: it is finished when all its positions below `end` are.
    ///
    /// # Errors
    /// When it could not be noted.
    fn end_source(&self, _source: u64, _end: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Waits until everything that was settled or passed is as safe as the store can make it.
    ///
    /// # Errors
    /// When it could not be made safe.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// When an event counts as accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk.
    #[default]
    Disk,
    /// The system has it: it survives the end of the process, not of the machine.
    Process,
    /// It is in memory.
    None,
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "disk" => Ok(Self::Disk),
            "process" => Ok(Self::Process),
            "none" => Ok(Self::None),
            _ => Err(format!("durability: expected `disk`, `process` or `none`, found `{text}`")),
        }
    }
}

impl Durability {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Process => "process",
            Self::None => "none",
        }
    }
}

/// An event's place in a source that can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePlace {
    /// The store's name for the source.
    pub source: u64,
    /// Which event of the source, from 0, invalid ones included.
    pub position: u64,
}

/// A source as a store remembers it: known by its content, not by its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSource {
    /// The store's name for it; 0 when it has none yet.
    pub id: u64,
    /// Where it was read from last, for people.
    pub name: String,
    /// What identifies its events that have no key of their own; stays when the source grows.
    pub identity: String,
    /// Its size in bytes when it was read.
    pub size: u64,
    /// How many bytes of its beginning `head_hash` is of.
    pub head_bytes: u64,
    /// A hash of its beginning.
    pub head_hash: String,
    /// A hash of all of it, or of samples of a very large one, `size` bytes long.
    pub content_hash: String,
    /// The positions that are finished.
    pub finished: Positions,
    /// Whether it was read to its end, and all its positions are finished.
    pub is_finished: bool,
    /// How many of its events were accepted, of this source or by their keys before: delivered,
    /// pending or dead.
    pub accepted: u64,
    /// How many of these were pending when the run began.
    pub pending: u64,
}

/// A dead letter that is to be sent again.
#[derive(Clone, Debug)]
pub struct Revival {
    /// The dead letter's id.
    pub id: u64,
    /// What to send: the same bytes, or rendered anew.
    pub request: Request,
    /// When it was revived. The engine sets it.
    pub at: Timestamp,
}

/// An event on its way to be accepted.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The event key: names the event in reports and dead letters.
    pub key: String,
    /// What to send.
    pub request: Request,
    /// The event itself, to render it anew should it become a dead letter; `None` to not keep it.
    pub event: Option<String>,
    /// When it was accepted. The engine sets it.
    pub accepted_at: Timestamp,
    /// Its place, when it comes from a source that can be read again.
    pub place: Option<SourcePlace>,
    /// Deliveries of one lane keep their order; `None`: no order.
    pub lane: Option<u64>,
    /// Whether it is to be sent even if an earlier run delivered it.
    pub again: bool,
}

impl NewDelivery {
    /// A delivery of this request for the event of that key, from no source, in no lane.
    pub fn new(key: impl Into<String>, request: Request, event: Option<String>) -> Self {
        Self {
            key: key.into(),
            request,
            event,
            accepted_at: Timestamp::default(),
            place: None,
            lane: None,
            again: false,
        }
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        weight(&self.key, &self.request, self.event.as_deref())
    }
}

/// About how many bytes of memory a delivery takes.
pub(crate) fn weight(key: &str, request: &Request, event: Option<&str>) -> usize {
    DELIVERY_OVERHEAD_BYTES + key.len() + request.body.len() + event.map_or(0, str::len)
}

/// What a delivery takes beside its texts, roughly.
const DELIVERY_OVERHEAD_BYTES: usize = 400;

/// An event that was accepted but can never be sent.
#[derive(Clone, Debug)]
pub struct Discarded {
    /// The event key.
    pub key: String,
    /// Why it cannot be sent.
    pub reason: Reason,
    /// What exactly went wrong.
    pub message: String,
    /// The event, if it is to be kept.
    pub event: Option<String>,
    /// When that was found out. The engine sets it.
    pub at: Timestamp,
    /// Its place, when it comes from a source that can be read again.
    pub place: Option<SourcePlace>,
}

/// An accepted delivery. Never changes; what happens to it is kept beside it.
#[derive(Debug)]
pub struct Delivery {
    /// The store's name for it.
    pub id: u64,
    /// The event key.
    pub key: String,
    /// What to send, the same on every try.
    pub request: Request,
    /// The event, if it is kept.
    pub event: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Its place, when it comes from a source that can be read again.
    pub place: Option<SourcePlace>,
    /// Deliveries of one lane keep their order; `None`: no order.
    pub lane: Option<u64>,
}

/// A delivery on hand: with what an engine must know to make its next attempt.
#[derive(Clone, Debug)]
pub struct Job {
    /// The delivery.
    pub delivery: Arc<Delivery>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first one started.
    pub first_attempt_at: Option<Timestamp>,
    /// Whether this is its first turn since it was accepted.
    pub first_turn: bool,
    /// Whether what was stored of it can no longer be read. It must not be sent, only given up
    /// as [`Reason::Damaged`]; its request is a stand-in.
    pub damaged: bool,
}

/// One attempt that did not deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Which attempt, from 1.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, all tries included.
    pub took: Duration,
    /// How many requests were sent.
    pub tries: u32,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// The kind of the last failure, such as `status_503`.
    pub error: String,
    /// The last failure in words.
    pub message: String,
    /// The beginning of the last answer's body.
    pub answer: String,
}

/// What became of a delivery that was on hand.
#[derive(Clone, Debug)]
pub enum Change {
    /// The receiver has it.
    Delivered,
    /// An attempt failed, and there is another one.
    Retry {
        /// The attempt.
        record: AttemptRecord,
        /// When the next one is due.
        due: Timestamp,
    },
    /// Nothing was attempted; try later.
    PutOff {
        /// When it is due.
        due: Timestamp,
    },
    /// It is given up.
    Dead {
        /// The last attempt, if there was one.
        record: Option<AttemptRecord>,
        /// Why.
        reason: Reason,
        /// What exactly went wrong.
        message: String,
        /// When.
        at: Timestamp,
    },
}

/// Why an event is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// All attempts failed.
    Exhausted,
    /// It got too old.
    Expired,
    /// The receiver said 410, and that was taken as final.
    Gone,
    /// The address policy forbids the address.
    Blocked,
    /// The template, URL or a header could not be rendered.
    Render,
    /// The filter could not be evaluated.
    Filter,
    /// What was stored of it can no longer be read.
    Damaged,
}

impl Reason {
    /// The reason as one word, as dead letters show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::Gone => "gone",
            Self::Blocked => "blocked",
            Self::Render => "render",
            Self::Filter => "filter",
            Self::Damaged => "damaged",
        }
    }

    /// Every reason there is.
    pub const ALL: [Self; 7] = [
        Self::Exhausted,
        Self::Expired,
        Self::Gone,
        Self::Blocked,
        Self::Render,
        Self::Filter,
        Self::Damaged,
    ];

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether attempts were made and given up (`expired` in reports), or none could be made
    /// (`discarded`).
    pub fn after_attempts(self) -> bool {
        matches!(self, Self::Exhausted | Self::Expired | Self::Gone)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An event that was given up, with all that is known about it.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The store's name for it.
    pub id: u64,
    /// The event key.
    pub key: String,
    /// Why it was given up.
    pub reason: Reason,
    /// What exactly went wrong last.
    pub message: String,
    /// What was sent; `None` when it could not be rendered.
    pub request: Option<Request>,
    /// The event, if it was kept.
    pub event: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// Every attempt, the first one first.
    pub attempts: Vec<AttemptRecord>,
}

impl DeadLetter {
    /// The letter that a delivery becomes when it is given up, after these attempts.
    pub fn of(
        delivery: &Delivery,
        attempts: Vec<AttemptRecord>,
        reason: Reason,
        message: String,
        died_at: Timestamp,
    ) -> Self {
        Self {
            id: delivery.id,
            key: delivery.key.clone(),
            reason,
            message,
            request: Some(delivery.request.clone()),
            event: delivery.event.clone(),
            accepted_at: delivery.accepted_at,
            died_at,
            attempts,
        }
    }

    /// The letter for programs: one line of NDJSON. Times are ISO 8601, durations seconds; secrets
    /// are named, not filled in.
    pub fn to_json(&self) -> serde_json::Value {
        let attempts: Vec<serde_json::Value> = self
            .attempts
            .iter()
            .map(|attempt| {
                serde_json::json!({
                    "number": attempt.number,
                    "started_at": attempt.started_at.to_string(),
                    "seconds": attempt.took.as_secs_f64(),
                    "tries": attempt.tries,
                    "status": attempt.status,
                    "error": attempt.error,
                    "message": attempt.message,
                    "answer": attempt.answer,
                })
            })
            .collect();
        let payload = self
            .request
            .as_ref()
            .map(|request| String::from_utf8_lossy(&request.body).into_owned());
        serde_json::json!({
            "id": self.id,
            "key": self.key,
            "webhook_id": self.request.as_ref().map(|request| request.id.clone()),
            "reason": self.reason.name(),
            "message": self.message,
            "url": self.request.as_ref().map(|request| request.target.shown_url()),
            "payload": payload,
            "event": self.event,
            "accepted_at": self.accepted_at.to_string(),
            "died_at": self.died_at.to_string(),
            "attempts": attempts,
        })
    }
}

/// How many deliveries are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Not finished: on hand or waiting.
    pub pending: u64,
    /// Of these, in the hands of an engine.
    pub on_hand: u64,
    /// Of these, waiting to be due.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// Events ever accepted, since the store was made.
    pub accepted: u64,
    /// Of these, delivered.
    pub delivered: u64,
    /// Of these, dead letters after attempts were made.
    pub expired: u64,
    /// Of these, dead letters that could not be sent at all.
    pub discarded: u64,
    /// When the oldest pending one was accepted.
    pub oldest_pending: Option<Timestamp>,
    /// When the next one is due.
    pub next_due: Option<Timestamp>,
}

/// A store that could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What it is about, for programs.
    pub kind: StoreErrorKind,
    /// What went wrong, for people.
    pub message: String,
}

/// What a [`StoreError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No room is left.
    Full,
    /// The machine refused: disk, network, permissions.
    Io,
    /// What is stored cannot be read.
    Damaged,
    /// Another engine uses it.
    InUse,
    /// A newer version of this library wrote it.
    Newer,
    /// It cannot be kept where it is: a network file system, or what is there is not a store.
    Place,
    /// It was closed.
    Closed,
}

impl StoreErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Full, Self::Io, Self::Damaged, Self::InUse, Self::Newer, Self::Place, Self::Closed];

    /// The kind as one word, as errors show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Io => "io",
            Self::Damaged => "damaged",
            Self::InUse => "in_use",
            Self::Newer => "newer",
            Self::Place => "place",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
