//! What several subjects need: engines on loopback, requests, short waits.

pub(crate) mod stored;

use std::sync::Arc;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::Engine;
use webhook_stream::delivery::Until;
use webhook_stream::delivery::clock::Clock;
use webhook_stream::delivery::clock::SystemClock;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::clock::VirtualClock;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::request::MaskedText;
use webhook_stream::delivery::request::NoSecrets;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Secrets;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::DeadLetter;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::memory::MemoryStore;
use webhook_stream::receiver::Receiver;
use webhook_stream::receiver::ReceiverOptions;
use webhook_stream::receiver::Script;
use webhook_stream::report::Counters;
use webhook_stream::report::Report;

/// Longer than anything here takes, so that a mistake ends a test instead of hanging it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The number that an environment variable sets, so that a long run and a single case can be asked for.
pub(crate) fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A target with this URL and no headers of its own.
pub(crate) fn target(url: &str) -> Arc<Target> {
    Arc::new(Target::new("POST", url, Vec::new(), 5).unwrap())
}

/// A target with one header.
pub(crate) fn target_with(url: &str, name: &str, value: MaskedText) -> Arc<Target> {
    Arc::new(Target::new("POST", url, vec![(name.to_owned(), value)], 5).unwrap())
}

/// The delivery of `{"n": number}` under the id `msg_number`.
pub(crate) fn delivery(target: &Arc<Target>, number: usize) -> NewDelivery {
    let body = format!("{{\"n\": {number}}}");
    let request = Request::new(Arc::clone(target), format!("msg_{number}"), body).unwrap();
    NewDelivery::new(format!("key-{number}"), request, Some(format!("event {number}")))
}

/// Deliveries numbered from 0.
pub(crate) fn deliveries(target: &Arc<Target>, count: usize) -> Vec<NewDelivery> {
    (0..count).map(|number| delivery(target, number)).collect()
}

/// An engine and what belongs to it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) counters: Arc<Counters>,
}

impl Bench {
    pub(crate) fn new(options: DeliveryOptions, clock: Arc<dyn Clock>) -> Self {
        Self::with(options, clock, Arc::new(MemoryStore::new()), Arc::new(NoSecrets))
    }

    pub(crate) fn with(
        options: DeliveryOptions,
        clock: Arc<dyn Clock>,
        store: Arc<MemoryStore>,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        let counters = Arc::new(Counters::new());
        let shared: Arc<dyn Store> = Arc::<MemoryStore>::clone(&store);
        let engine = Engine::start(options, shared, clock, secrets, Arc::clone(&counters)).unwrap();
        Self { engine, store, counters }
    }

    pub(crate) fn accept(&self, batch: Vec<NewDelivery>) {
        self.engine.accept(batch, &|| false).unwrap();
    }

    pub(crate) fn wait(&self, until: Until) {
        assert!(self.engine.wait(until, PATIENCE).unwrap(), "{:?}", self.report());
    }

    pub(crate) fn report(&self) -> Report {
        self.counters.snapshot(Duration::from_secs(1))
    }

    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.store.dead_letters(0, usize::MAX).unwrap()
    }
}

/// Few senders, a short budget, exact gaps, the same dice in every run.
pub(crate) fn options() -> DeliveryOptions {
    let policy = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
    DeliveryOptions {
        concurrency: 4,
        timeout: Duration::from_millis(500),
        policy,
        seed: Some(7),
        ..DeliveryOptions::new("test")
    }
}

/// An engine on the machine's clock.
pub(crate) fn bench() -> Bench {
    Bench::new(options(), Arc::new(SystemClock::new()))
}

/// An engine on a clock that moves by itself while the test waits, and that clock.
pub(crate) fn virtual_bench(options: DeliveryOptions) -> (Bench, VirtualClock) {
    let clock = VirtualClock::new();
    (Bench::new(options, Arc::new(clock.clone())), clock)
}

/// A receiver that tells the time by a virtual clock.
pub(crate) fn virtual_receiver(script: Script, clock: &VirtualClock) -> Receiver {
    let options = ReceiverOptions { clock: Arc::new(clock.clone()), ..ReceiverOptions::default() };
    Receiver::start_with(script, options).unwrap()
}

/// When requests came in, in whole seconds since the virtual clock began.
pub(crate) fn seconds(receiver: &Receiver) -> Vec<u64> {
    let since = |at: Timestamp| at.since(VirtualClock::START).as_secs();
    receiver.requests().iter().map(|request| since(request.at)).collect()
}
