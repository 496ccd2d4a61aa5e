//! What the benchmarks measure with: this process's CPU and memory, and a line of figures.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the time")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs;
use std::time::Duration;
use std::time::Instant;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;

/// Wall time and CPU of this process since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    wall: Instant,
    cpu: Duration,
}

impl Measure {
    /// Begins.
    #[must_use]
    pub fn begin() -> Self {
        Self { wall: Instant::now(), cpu: cpu() }
    }

    /// Wall time and CPU since the beginning.
    #[must_use]
    pub fn end(self) -> (Duration, Duration) {
        (self.wall.elapsed(), cpu().saturating_sub(self.cpu))
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}

/// What is in memory of this process now, in KiB.
#[must_use]
pub fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Figures for people, or as a line of JSON for a program that compares them.
pub fn show(json: bool, what: &str, events: usize, took: (Duration, Duration), more: Value) {
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
