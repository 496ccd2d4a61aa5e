//! What an engine owes the receiver, as a model of its own: the rate limit, the concurrency, and that a
//! receiver that only fails is left alone but for one probe at a time.

use std::collections::VecDeque;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::breaker::BreakerOptions;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::store::Job;

/// Places of the line that may be caught up on at once, in seconds.
const BURST_SECONDS: f64 = 0.01;

/// See the file's beginning. What it knows ends with the engine.
#[derive(Debug)]
pub(crate) struct Courtesy {
    concurrency: usize,
    rate: Option<f64>,
    breaker: Option<BreakerOptions>,
    /// The longest a delivery's schedule may take.
    span: Duration,
    probe_limit: Duration,
    /// When requests of the last second began.
    begun: VecDeque<Timestamp>,
    failures_in_a_row: u32,
    pauses_in_a_row: u32,
    open_until: Option<Timestamp>,
    probe_since: Option<Timestamp>,
}

impl Courtesy {
    pub(crate) fn new(options: &DeliveryOptions) -> Self {
        Self {
            concurrency: options.concurrency,
            rate: options.rate_limit_per_second,
            breaker: options.breaker,
            span: options.policy.span(),
            probe_limit: options.policy.try_window + options.timeout,
            begun: VecDeque::new(),
            failures_in_a_row: 0,
            pauses_in_a_row: 0,
            open_until: None,
            probe_since: None,
        }
    }

    /// The next engine knows nothing of this.
    pub(crate) fn engine_ended(&mut self) {
        self.begun.clear();
        self.receiver_works();
    }

    /// A request begins while so many others are under way: the promise it breaks, if any.
    pub(crate) fn request(
        &mut self,
        job: &Job,
        is_new_attempt: bool,
        under_way: usize,
        now: Timestamp,
    ) -> Option<String> {
        if under_way >= self.concurrency {
            return Some(format!("a request beside {under_way} others"));
        }
        if let Some(rate) = self.rate {
            self.begun.push_back(now);
            while self.begun.front().is_some_and(|begun| now.since(*begun).as_secs() >= 1) {
                self.begun.pop_front();
            }
            let found = self.begun.len();
            // One at each end of the second.
            if found as f64 > rate * (1.0 + BURST_SECONDS) + 1.0 {
                return Some(format!("{found} requests in a second, and {rate} are allowed"));
            }
        } else if is_new_attempt {
            // Where the rate is limited, leave is asked a while before the request.
            return self.admit(job, now);
        }
        None
    }

    fn admit(&mut self, job: &Job, now: Timestamp) -> Option<String> {
        let (options, until) = (self.breaker?, self.open_until?);
        let probing = self.probe_since.filter(|since| now < *since + self.probe_limit);
        if until <= now && probing.is_none() {
            self.probe_since = Some(now);
            return None;
        }
        // A delivery whose schedule would be overrun by waiting goes anyway.
        let longest = options.max_pause.max(self.probe_limit);
        let in_a_hurry =
            job.first_attempt_at.is_some_and(|first| first + self.span < now + longest);
        let why = if now < until { "is left alone" } else { "is probed already" };
        (!in_a_hurry).then(|| format!("{}: sent to a receiver that {why}", job.delivery.key))
    }

    pub(crate) fn receiver_works(&mut self) {
        self.failures_in_a_row = 0;
        self.pauses_in_a_row = 0;
        self.open_until = None;
        self.probe_since = None;
    }

    /// An attempt failed, and the receiver asked for so much patience.
    pub(crate) fn attempt_failed(&mut self, at: Timestamp, asked: Option<Duration>) {
        let Some(options) = self.breaker else { return };
        self.failures_in_a_row += 1;
        let is_open = self.open_until.is_some_and(|until| at < until);
        let was_probe = self.probe_since.take().is_some();
        if was_probe || (self.failures_in_a_row >= options.failures && !is_open) {
            let pause = options.pause.saturating_mul(1 << self.pauses_in_a_row.min(20));
            self.pauses_in_a_row += 1;
            self.open_until = Some(at + pause.min(options.max_pause));
        }
        if let Some(asked) = asked {
            let until = at + asked.min(options.max_pause);
            self.open_until = Some(self.open_until.map_or(until, |open| open.max(until)));
        }
    }
}
