//! How fast requests are delivered, and what each costs: `cargo bench --bench deliver -- URL`.
//!
//! ```text
//! cargo bench --bench deliver -- [URL] [--events N] [--senders 8,32] [--bytes 300] [--rounds 3]
//!     [--raw] [--latency MILLISECONDS] [--source-micros 0] [--json]
//! ```
//!
//! Without a URL it starts a receiver of its own in the same process, whose share of the CPU is then
//! in the figures; against nginx (`return 200`) they are the sender's alone. `--raw` sends the same
//! bytes from as many threads with blocking sockets and a channel, and nothing else: no client, no
//! retries, no store. `--latency` is how long the own receiver takes to answer; `--source-micros` how
//! long the source works on each event before it is handed over, 16 at a time; `--serve` only starts
//! the receiver and prints its URL, for another process.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the time")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "measure.rs"]
mod measure;

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use measure::Measure;
use measure::show;
use serde_json::json;
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

/// Events handed over in one call, as a reader of files does.
const BATCH: usize = 64;

/// Bodies on their way to the raw senders.
const QUEUED: usize = 1024;

/// The same for a source that does not want to keep its events waiting.
const SLOW_BATCH: usize = 16;

/// What is measured.
struct Task {
    url: String,
    events: usize,
    bytes: usize,
    source: Duration,
    json: bool,
}

fn main() {
    let mut url = None;
    let mut events = 200_000_usize;
    let mut senders = vec![8_usize, 32];
    let mut bytes = 300_usize;
    let mut rounds = 3_usize;
    let mut latency = Duration::ZERO;
    let mut source = Duration::ZERO;
    let (mut serve, mut raw, mut json) = (false, false, false);
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
            "--raw" => raw = true,
            "--json" => json = true,
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
    let task = Task { url, events, bytes, source, json };
    for _ in 0..rounds {
        for senders in &senders {
            if raw {
                send_raw(&task, *senders);
            } else {
                deliver(&task, *senders);
            }
        }
    }
}

fn deliver(task: &Task, senders: usize) {
    // Without retries, a mistake shows at once and not after four hours.
    let policy = RetryPolicy::none();
    let options = DeliveryOptions { concurrency: senders, policy, ..DeliveryOptions::new("bench") };
    let counters = Arc::new(Counters::new());
    let idle = resident_kib();
    let engine = Engine::start(
        options,
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock::new()),
        Arc::new(NoSecrets),
        Arc::clone(&counters),
    )
    .unwrap();
    let target = Arc::new(Target::new("POST", task.url.as_str(), Vec::new(), 5).unwrap());
    let begun = Measure::begin();
    let mut number = 0;
    let batch_size = if task.source.is_zero() { BATCH } else { SLOW_BATCH };
    while number < task.events {
        let working_until = Instant::now() + task.source * u32::try_from(batch_size).unwrap();
        while Instant::now() < working_until {
            std::hint::spin_loop();
        }
        let batch: Vec<NewDelivery> = (number..(number + batch_size).min(task.events))
            .map(|number| {
                let id = format!("msg_{number:032x}");
                let body = vec![b'x'; task.bytes];
                let request = Request::new(Arc::clone(&target), id, body).unwrap();
                NewDelivery::new(number.to_string(), request, None)
            })
            .collect();
        number += batch.len();
        engine.accept(batch, &|| false).unwrap();
    }
    while !engine.wait(Until::Settled, Duration::from_secs(1)).unwrap() {}
    let took = begun.end();
    let resident = resident_kib();
    engine.stop(Duration::from_secs(1)).unwrap();
    let report = counters.snapshot(took.0);
    let more = json!({
        "senders": senders, "delivered": report.delivered, "resident_kib": resident,
        "grown_kib": resident.saturating_sub(idle), "fresh_connections": report.fresh_connections,
    });
    show(task.json, "deliver", task.events, took, more);
    for error in &report.errors {
        eprintln!("{} × {}: {}", error.count, error.kind, error.samples[0].message);
    }
}

/// The floor of sending with blocking sockets: bodies come through a channel, each thread writes its
/// next request and reads the answer, and there is nothing else.
fn send_raw(task: &Task, senders: usize) {
    let address = task.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let (bodies, waiting) = crossbeam_channel::bounded::<Vec<u8>>(QUEUED);
    let begun = Measure::begin();
    std::thread::scope(|scope| {
        for _ in 0..senders {
            let waiting = waiting.clone();
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let head = format!(
                    "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
                     user-agent: Amplitude/Webhook/1.0\r\nwebhook-id: msg_{:032x}\r\n\
                     content-length: {}\r\n\r\n",
                    0, task.bytes,
                );
                let mut page = [0_u8; 4096];
                for body in &waiting {
                    let mut request = Vec::with_capacity(head.len() + body.len());
                    request.extend_from_slice(head.as_bytes());
                    request.extend_from_slice(&body);
                    stream.write_all(&request).unwrap();
                    let mut end = 0;
                    while !page[..end].ends_with(b"\r\n\r\n") {
                        let count = stream.read(&mut page[end..]).unwrap();
                        assert!(count > 0, "the receiver closed the connection");
                        end += count;
                    }
                    assert!(page.starts_with(b"HTTP/1.1 200"));
                }
            });
        }
        drop(waiting);
        for _ in 0..task.events {
            bodies.send(vec![b'x'; task.bytes]).unwrap();
        }
        drop(bodies);
    });
    show(task.json, "raw sockets", task.events, begun.end(), json!({"senders": senders}));
}

/// What is in memory of this process now, in KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
