//! What an outage of the receiver will mean: the engine itself, run on an invented clock against an
//! invented receiver that is down for a while.

mod ledger;

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::delivery::DeliveryOptions;
use crate::delivery::EngineError;
use crate::delivery::client::Exchange;
use crate::delivery::clock::Timestamp;
use crate::delivery::clock::VirtualClock;
use crate::delivery::forecast::ledger::Ledger;
use crate::delivery::outcome::FailureKind;
use crate::delivery::outcome::Outcome;
use crate::delivery::outcome::Phase;
use crate::delivery::policy::PolicyError;
use crate::delivery::policy::clock_time;
use crate::delivery::request::Request;
use crate::delivery::request::Target;
use crate::delivery::stepped::Flight;
use crate::delivery::stepped::Network;
use crate::delivery::stepped::SteppedEngine;
use crate::delivery::store::Job;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Store;
use crate::report::Counters;

/// How long all is well before the outage begins.
const BEFORE: Duration = Duration::from_mins(1);

/// Events are handed over this often, those in between at once.
const TICK: Duration = Duration::from_millis(20);

/// Events handed over at once, at most: as a reader of files does.
const BATCH: u64 = 64;

/// More events than this take minutes, and memory.
const MAX_EVENTS: f64 = 20_000_000.0;

/// Rows of the table.
const ROWS: u32 = 20;

/// Columns of the plot.
const PLOT: u64 = 40;

/// How long a refused connection takes.
const REFUSED_TAKES: Duration = Duration::from_millis(1);

/// How a payload counts against the bytes that may wait, roughly, when the sizes are not known.
const PAYLOAD_BYTES: usize = 1024;

/// What to forecast.
#[derive(Clone, Debug)]
pub struct ForecastOptions {
    /// How the sync delivers.
    pub delivery: DeliveryOptions,
    /// Events a second, all the time.
    pub rate: f64,
    /// How long the receiver is down.
    pub outage: Duration,
    /// What requests meet meanwhile.
    pub failure: OutageKind,
    /// How long the receiver takes to answer.
    pub latency: Duration,
}

/// What requests meet during an outage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutageKind {
    /// An answer of 503, as quick as any.
    #[default]
    Status503,
    /// A refused connection, at once.
    Refused,
    /// No answer until the time is up.
    Timeout,
}

impl OutageKind {
    /// The kind as a word: `503`, `refused`, `timeout`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status503 => "503",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Status503, Self::Refused, Self::Timeout].into_iter().find(|kind| kind.name() == name)
    }
}

/// What will happen. Times count from the start; the outage begins after the first minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// When the receiver is back.
    pub recovery: Duration,
    /// Events accepted until everything of the outage was through.
    pub accepted: u64,
    /// The most that were pending at a time.
    pub peak_pending: u64,
    /// When that was.
    pub peak_at: Duration,
    /// How many events were given up.
    pub expired: u64,
    /// When the first one was.
    pub first_expired_at: Option<Duration>,
    /// When the last event from before the recovery was delivered.
    pub last_delivery: Option<Duration>,
    /// The most requests in one second while the receiver was down.
    pub outage_peak_requests: u64,
    /// The most requests in one second after it was back.
    pub recovery_peak_requests: u64,
    /// All requests.
    pub requests: u64,
    /// The longest that an event had to wait before it could be accepted, because too much was
    /// waiting to be sent.
    pub longest_hold_up: Duration,
    /// The course of it, at even intervals.
    pub course: Vec<ForecastRow>,
    /// What was assumed.
    pub assumptions: Vec<String>,
}

/// A moment of the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastRow {
    /// When.
    pub at: Duration,
    /// How many events are pending.
    pub pending: u64,
    /// Requests in the second before.
    pub requests: u64,
    /// Events given up so far.
    pub expired: u64,
}

impl Forecast {
    /// Runs the engine through the outage, until everything that was accepted before its end is
    /// delivered or given up. `go_on` is asked now and then.
    ///
    /// # Errors
    /// When an option is wrong, or `go_on` says no.
    pub fn run(options: &ForecastOptions, go_on: &dyn Fn() -> bool) -> Result<Self, EngineError> {
        let events = options.rate * options.outage.as_secs_f64();
        if !(options.rate > 0.0 && events <= MAX_EVENTS) {
            let message = format!(
                "expected more than 0, and at most {MAX_EVENTS} events in the outage, found {} ({events} \
                 events)",
                options.rate
            );
            return Err(EngineError::Options(PolicyError { field: "rate", message }));
        }
        let start = VirtualClock::START;
        let counters = Arc::new(Counters::new());
        let target = Target::new("POST", "http://receiver.invalid/", Vec::new(), 0);
        let target = Arc::new(target.map_err(|_| EngineError::Stopped)?);
        let ledger = Arc::new(Ledger::new(&target, start + BEFORE + options.outage));
        let mut delivery = options.delivery.clone();
        delivery.seed = Some(delivery.seed.unwrap_or_default());
        // Invented events have no payload, so room is counted in events.
        let event = Self::event(&target).ok_or(EngineError::Stopped)?;
        let events_waiting = delivery.max_queued_bytes / (event.weight() + PAYLOAD_BYTES);
        delivery.max_queued_bytes = events_waiting.max(1) * event.weight();
        let shared: Arc<dyn Store> = Arc::<Ledger>::clone(&ledger);
        let engine = SteppedEngine::start(delivery, shared, Arc::clone(&counters), start)?;
        let recovery = BEFORE + options.outage;
        let receiver = Receiver {
            down_from: start + BEFORE,
            down_until: start + recovery,
            latency: options.latency,
            timeout: options.delivery.timeout,
            failure: options.failure,
            start,
            each_second: Vec::new(),
        };
        let mut play = Play {
            engine,
            receiver,
            ledger,
            start,
            event,
            peak: (0, Duration::ZERO),
            longest_hold_up: Duration::ZERO,
            last_delivery: None,
            samples: Vec::new(),
        };
        play.run(options.rate, recovery, go_on)?;
        Ok(play.forecast(options, recovery))
    }

    fn event(target: &Arc<Target>) -> Option<NewDelivery> {
        let request = Request::new(Arc::clone(target), "msg", Vec::new()).ok()?;
        Some(NewDelivery::new(String::new(), request, None))
    }

    /// The forecast for programs: times in seconds.
    pub fn to_json(&self) -> serde_json::Value {
        let seconds = |time: Duration| time.as_secs_f64();
        let course: Vec<serde_json::Value> = self
            .course
            .iter()
            .map(|row| {
                json!({
                    "seconds": seconds(row.at),
                    "pending": row.pending,
                    "requests_per_second": row.requests,
                    "expired": row.expired,
                })
            })
            .collect();
        json!({
            "recovery_seconds": seconds(self.recovery),
            "accepted": self.accepted,
            "peak_pending": self.peak_pending,
            "peak_seconds": seconds(self.peak_at),
            "expired": self.expired,
            "first_expired_seconds": self.first_expired_at.map(seconds),
            "last_delivery_seconds": self.last_delivery.map(seconds),
            "outage_peak_requests_per_second": self.outage_peak_requests,
            "recovery_peak_requests_per_second": self.recovery_peak_requests,
            "requests": self.requests,
            "longest_hold_up_seconds": seconds(self.longest_hold_up),
            "course": course,
            "assumptions": self.assumptions,
        })
    }
}

/// A table with a plot, and the figures in words.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9} {:>11} {:>11} {:>9}", "time", "pending", "requests/s", "expired")?;
        for row in &self.course {
            let bar = (row.pending * PLOT).div_ceil(self.peak_pending.max(1)) as usize;
            let is_down = row.at > BEFORE && row.at <= self.recovery;
            let mark = if is_down { " down" } else { "" };
            let line = format!(
                "{:>9} {:>11} {:>11} {:>9} {}{mark}",
                clock_time(row.at),
                row.pending,
                row.requests,
                row.expired,
                "█".repeat(bar),
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f)?;
        let mut line = |name: &str, value: String| writeln!(f, "{name:<16}{value}");
        let peak = format!("{} pending at {}", self.peak_pending, clock_time(self.peak_at));
        line("peak", peak)?;
        line(
            "expired",
            match self.first_expired_at {
                Some(first) => format!("{}, the first at {}", self.expired, clock_time(first)),
                None => self.expired.to_string(),
            },
        )?;
        if let Some(last) = self.last_delivery {
            let after = clock_time(last.saturating_sub(self.recovery));
            line("last delivery", format!("{}, {after} after the recovery", clock_time(last)))?;
        }
        line(
            "requests",
            format!(
                "{} in all; at most {}/s during the outage, {}/s after it",
                self.requests, self.outage_peak_requests, self.recovery_peak_requests
            ),
        )?;
        if self.longest_hold_up > Duration::from_secs(1) {
            let time = clock_time(self.longest_hold_up);
            line("source", format!("held up for at most {time}: too much waits to be sent"))?;
        }
        for (at, assumption) in self.assumptions.iter().enumerate() {
            line(if at == 0 { "assumed" } else { "" }, assumption.clone())?;
        }
        Ok(())
    }
}

/// The receiver that is down for a while, and counts.
struct Receiver {
    down_from: Timestamp,
    down_until: Timestamp,
    latency: Duration,
    timeout: Duration,
    failure: OutageKind,
    start: Timestamp,
    /// Requests in each second from the start.
    each_second: Vec<u64>,
}

impl Network for Receiver {
    fn send(&mut self, _job: &Job, now: Timestamp) -> Flight {
        let second = now.since(self.start).as_secs() as usize;
        if self.each_second.len() <= second {
            self.each_second.resize(second + 1, 0);
        }
        self.each_second[second] += 1;
        let is_down = (self.down_from..self.down_until).contains(&now);
        let (takes, outcome) = match self.failure {
            _ if !is_down => (self.latency, Outcome::Delivered { status: 200 }),
            OutageKind::Status503 => (self.latency, Outcome::of_answer(503, None, b"", now)),
            OutageKind::Refused => {
                (REFUSED_TAKES, Outcome::of_trouble(FailureKind::Connect, "refused"))
            }
            OutageKind::Timeout => {
                let kind = FailureKind::Timeout(Phase::Receive);
                (self.timeout, Outcome::of_trouble(kind, "timed out"))
            }
        };
        Flight {
            takes: takes.min(self.timeout),
            exchange: Exchange { outcome, replaced_connection: false },
        }
    }
}

struct Play {
    engine: SteppedEngine,
    receiver: Receiver,
    ledger: Arc<Ledger>,
    start: Timestamp,
    event: NewDelivery,
    peak: (u64, Duration),
    longest_hold_up: Duration,
    last_delivery: Option<Duration>,
    /// Pending and expired at the end of each second.
    samples: Vec<(u64, u64)>,
}

impl Play {
    fn run(
        &mut self,
        rate: f64,
        recovery: Duration,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), EngineError> {
        let mut arrived = 0_u64;
        let mut accepted = 0_u64;
        let mut batch = Vec::new();
        let mut old_delivered = 0;
        let mut tick = Duration::ZERO;
        loop {
            self.work_until(self.start + tick);
            arrived = arrived.max((tick.as_secs_f64() * rate) as u64);
            while arrived > accepted {
                if batch.is_empty() {
                    batch = vec![self.event.clone(); (arrived - accepted).min(BATCH) as usize];
                }
                let count = batch.len() as u64;
                match self.engine.accept(mem::take(&mut batch))? {
                    None => accepted += count,
                    Some(refused) => {
                        batch = refused;
                        break;
                    }
                }
            }
            // The oldest event that could not be accepted came this long ago.
            let oldest = Duration::from_secs_f64(accepted as f64 / rate);
            if arrived > accepted {
                self.longest_hold_up = self.longest_hold_up.max(tick.saturating_sub(oldest));
            }
            if self.ledger.old_delivered() > old_delivered {
                old_delivered = self.ledger.old_delivered();
                self.last_delivery = Some(tick);
            }
            let pending = self.ledger.pending();
            if pending > self.peak.0 {
                self.peak = (pending, tick);
            }
            if self.samples.len() as u64 <= tick.as_secs() {
                self.samples.push((pending, self.ledger.expired()));
                if !go_on() {
                    return Err(EngineError::Interrupted);
                }
                let through = accepted == arrived && self.ledger.old_pending() == 0;
                if tick > recovery && through {
                    return Ok(());
                }
            }
            tick += TICK;
        }
    }

    fn work_until(&mut self, time: Timestamp) {
        while self.engine.step(time, &mut self.receiver) {}
    }

    fn forecast(self, options: &ForecastOptions, recovery: Duration) -> Forecast {
        let since = |time: Timestamp| time.since(self.start);
        let each_second = &self.receiver.each_second;
        let most = |from: Duration, to: Duration| {
            let seconds = each_second.iter().skip(from.as_secs() as usize);
            let count = (to.saturating_sub(from).as_secs() as usize).max(1);
            seconds.take(count).copied().max().unwrap_or(0)
        };
        let end = Duration::from_secs(self.samples.len().saturating_sub(1) as u64);
        let row = |at: Duration| {
            let second = at.as_secs() as usize;
            let (pending, expired) = self.samples.get(second).copied().unwrap_or_default();
            let requests = second.checked_sub(1).and_then(|before| each_second.get(before));
            ForecastRow { at, pending, requests: requests.copied().unwrap_or(0), expired }
        };
        let course = (0..=ROWS)
            .map(|at| row(end * at / ROWS))
            .map(|row| ForecastRow { at: Duration::from_secs(row.at.as_secs()), ..row });
        let delivery = &options.delivery;
        let mut assumptions = vec![
            format!("{} events a second all the time, evenly", options.rate),
            format!("answers after {} ms", options.latency.as_millis()),
            format!("{} requests at once", delivery.concurrency),
            format!(
                "the outage is {}",
                match options.failure {
                    OutageKind::Status503 => "503 to every request",
                    OutageKind::Refused => "refused connections",
                    OutageKind::Timeout => "no answer to any request",
                }
            ),
            delivery.policy.describe(),
            String::from("no order within keys"),
        ];
        if let Some(rate) = delivery.rate_limit_per_second {
            assumptions.insert(3, format!("at most {rate} requests a second"));
        }
        Forecast {
            recovery,
            accepted: self.ledger.accepted(),
            peak_pending: self.peak.0,
            peak_at: self.peak.1,
            expired: self.ledger.expired(),
            first_expired_at: self.ledger.first_expired().map(since),
            last_delivery: self.last_delivery,
            outage_peak_requests: most(BEFORE, recovery),
            recovery_peak_requests: most(recovery, end),
            requests: each_second.iter().sum(),
            longest_hold_up: self.longest_hold_up,
            course: course.collect(),
            assumptions,
        }
    }
}
