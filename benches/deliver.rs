//! How fast requests are delivered, and what each costs: `cargo bench --bench deliver -- URL`.
//!
//! ```text
//! cargo bench --bench deliver -- [URL] [--events N] [--senders 8,32] [--bytes 300] [--rounds 3]
//!     [--latency MILLISECONDS] [--source-micros 0]
//! ```
//!
//! Without a URL it starts a receiver of its own in the same process, whose share of the CPU is then
//! in the figures. `--latency` is how long that one takes to answer, `--source-micros` how long the
//! source works on each event before it is handed over, 16 at a time; `--serve` only starts the
//! receiver and prints its URL, for another process. Against nginx (`return 200`) they are the sender's alone. Time and CPU are read
//! from the machine here, because a benchmark measures the machine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the time")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Engine;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::NoSecrets;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::memory::MemoryStore;
use webhook_stream::receiver::Answer;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::ReceiverOptions;
use webhook_stream::receiver::Script;
use webhook_stream::report::Counters;

/// Clock ticks a second in /proc; the same on every Linux in use.
const TICKS: f64 = 100.0;

/// Events handed over in one call, as a reader of files does.
const BATCH: usize = 64;

/// The same for a source that does not want to keep its events waiting.
const SLOW_BATCH: usize = 16;

fn main() {
    let mut url = None;
    let mut events = 200_000_usize;
    let mut senders = vec![8_usize, 32];
    let mut bytes = 300_usize;
    let mut rounds = 3_usize;
    let mut latency = Duration::ZERO;
    let mut serve = false;
    let mut source = Duration::ZERO;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap();
        match argument.as_str() {
            "--events" => events = value().parse().unwrap(),
            "--senders" => senders = value().split(',').map(|n| n.parse().unwrap()).collect(),
            "--bytes" => bytes = value().parse().unwrap(),
            "--rounds" => rounds = value().parse().unwrap(),
            "--latency" => latency = Duration::from_millis(value().parse().unwrap()),
            "--source-micros" => source = Duration::from_micros(value().parse().unwrap()),
            "--serve" => serve = true,
            "--bench" => {}
            other => url = Some(other.to_owned()),
        }
    }
    let receiver = (serve || url.is_none()).then(|| {
        let script = Script::new([Answer::status(200).after(latency)]);
        let options = ReceiverOptions { kept_requests: 0, ..ReceiverOptions::default() };
        Receiver::start_with(script, options).unwrap()
    });
    if serve {
        println!("{}", receiver.as_ref().unwrap().url());
        // Until somebody closes its input.
        let _ = std::io::stdin().read_to_string(&mut String::new());
        return;
    }
    let url = url.unwrap_or_else(|| receiver.as_ref().unwrap().url());
    println!("{url}, {bytes} bytes, {events} events");
    for _ in 0..rounds {
        for senders in &senders {
            measure(&url, events, *senders, bytes, source);
        }
    }
}

fn measure(url: &str, events: usize, senders: usize, bytes: usize, source: Duration) {
    // Without retries, a mistake shows at once and not after four hours.
    let policy = RetryPolicy::none();
    let options = DeliveryOptions { concurrency: senders, policy, ..DeliveryOptions::new("bench") };
    let counters = Arc::new(Counters::new());
    let engine = Engine::start(
        options,
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock::new()),
        Arc::new(NoSecrets),
        Arc::clone(&counters),
    )
    .unwrap();
    let target = Arc::new(Target::new("POST", url, Vec::new(), 5).unwrap());
    let (cpu_before, began) = (cpu_seconds(), Instant::now());
    let mut number = 0;
    let batch_size = if source.is_zero() { BATCH } else { SLOW_BATCH };
    while number < events {
        let working_until = Instant::now() + source * u32::try_from(batch_size).unwrap();
        while Instant::now() < working_until {
            std::hint::spin_loop();
        }
        let batch: Vec<NewDelivery> = (number..(number + batch_size).min(events))
            .map(|number| {
                let id = format!("msg_{number:032x}");
                let request = Request::new(Arc::clone(&target), id, vec![b'x'; bytes]).unwrap();
                NewDelivery::new(number.to_string(), request, None)
            })
            .collect();
        number += batch.len();
        engine.accept(batch, &|| false).unwrap();
    }
    while !engine.wait(Until::Settled, Duration::from_secs(1)).unwrap() {}
    let (elapsed, cpu) = (began.elapsed(), cpu_seconds() - cpu_before);
    let resident = resident_kib();
    engine.stop(Duration::from_secs(1)).unwrap();
    let report = counters.snapshot(elapsed);
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let each = cpu * 1e6 / events as f64;
    println!(
        "N={senders:<4} {:>8.0} req/s  {each:>5.1} µs CPU a request  {resident:>7} KiB resident  \
         delivered {} of {}, fresh connections {}",
        report.events_per_second(),
        report.delivered,
        report.accepted,
        report.fresh_connections,
    );
    for error in &report.errors {
        println!("       {} × {}: {}", error.count, error.kind, error.samples[0].message);
    }
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / TICKS
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
