//! Several jobs at the same time, each on a thread of its own.

use std::thread;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

/// Runs all jobs to their end and returns their results in order. Meanwhile `tick` is called on
/// this thread every `interval`.
pub fn side_by_side<T: Send, J: FnOnce() -> T + Send>(
    jobs: Vec<J>,
    interval: Duration,
    mut tick: impl FnMut(),
) -> Vec<T> {
    let count = jobs.len();
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    thread::scope(|scope| {
        let (sender, receiver) = crossbeam_channel::bounded(count.max(1));
        for (index, job) in jobs.into_iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || {
                // The receiver outlives the scope, so the result arrives.
                let _ = sender.send((index, job()));
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(interval) {
                Ok((index, result)) => results[index] = Some(result),
                Err(RecvTimeoutError::Timeout) => tick(),
                // Every job has sent its result, or has panicked; the scope passes a panic on.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    results.into_iter().flatten().collect()
}
