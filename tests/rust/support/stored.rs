//! What tests of stores settle with: times, attempts, ends.

use std::time::Duration;

use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::store::AttemptRecord;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Store;

/// When everything here happens.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// So many seconds later.
pub(crate) fn second(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// An attempt that failed.
pub(crate) fn record(number: u32) -> AttemptRecord {
    AttemptRecord {
        number,
        started_at: second(u64::from(number)),
        took: Duration::from_millis(30),
        tries: 3,
        status: Some(503),
        error: String::from("status_503"),
        message: String::from("answered 503 (service unavailable)"),
        answer: String::from("try later"),
    }
}

/// The attempt of this number failed; the next one is due then.
pub(crate) fn retry(store: &dyn Store, job: &Job, number: u32, due: Timestamp) {
    store.settle(job, Change::Retry { record: record(number), due }).unwrap();
}

/// The last attempt failed.
pub(crate) fn die(store: &dyn Store, job: &Job) {
    let change = Change::Dead {
        record: Some(record(1)),
        reason: Reason::Exhausted,
        message: String::from("answered 503"),
        at: second(9),
    };
    store.settle(job, change).unwrap();
}
