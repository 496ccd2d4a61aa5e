//! What the benchmarks measure with: this process's CPU, and a line of figures.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the time")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Duration;
use std::time::Instant;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;

/// Wall time and CPU of this process since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    wall: Instant,
    cpu: Duration,
}

impl Measure {
    /// Begins.
    pub(crate) fn begin() -> Self {
        Self { wall: Instant::now(), cpu: cpu() }
    }

    /// Wall time and CPU since the beginning.
    pub(crate) fn end(self) -> (Duration, Duration) {
        (self.wall.elapsed(), cpu().saturating_sub(self.cpu))
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}

/// Figures for people, or as a line of JSON for a program that compares them.
pub(crate) fn show(json: bool, what: &str, events: usize, took: (Duration, Duration), more: Value) {
    let (wall, cpu) = took;
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let count = events as f64;
    let rate = count / wall.as_secs_f64();
    let micros = cpu.as_secs_f64() * 1e6 / count;
    if json {
        let mut line = serde_json::json!({
            "what": what, "events": events, "seconds": wall.as_secs_f64(),
            "cpu_seconds": cpu.as_secs_f64(), "rate": rate, "cpu_micros": micros,
        });
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        println!("{line}");
    } else {
        println!("{what:<22} {rate:>10.0}/s {micros:>7.2} µs CPU   {more}");
    }
}
