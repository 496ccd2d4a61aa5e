//! The receiver of a simulation, and the model: it knows what it was sent and what it answered, and
//! checks each request against the promises of delivery.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use webhook_stream::delivery::DeliveryOptions;
use webhook_stream::delivery::client::Exchange;
use webhook_stream::delivery::clock::Timestamp;
use webhook_stream::delivery::outcome::FailureKind;
use webhook_stream::delivery::outcome::Outcome;
use webhook_stream::delivery::outcome::Phase;
use webhook_stream::delivery::policy::RetryPolicy;
use webhook_stream::delivery::stepped::Flight;
use webhook_stream::delivery::stepped::Network;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::Reason;

use crate::simulator::courtesy::Courtesy;
use crate::simulator::store::EndedAttempt;
use crate::simulator::store::SimStore;

/// How the receiver is, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Every request is answered with 200.
    Fair,
    /// Everything happens now and then.
    Mixed,
    /// Nothing gets through.
    Dead,
}

/// Longer than the few events of a life need to get through the line of a rate limit.
const LINE: Duration = Duration::from_secs(30);

/// See the file's beginning.
#[derive(Debug)]
pub(crate) struct SimNetwork {
    pub(crate) weather: Weather,
    dice: fastrand::Rng,
    store: SimStore,
    policy: RetryPolicy,
    timeout: Duration,
    /// How long an attempt may stand in the line of a rate limit.
    longest_line: Duration,
    courtesy: Courtesy,
    /// What happened to each event, by its key.
    pub(crate) events: HashMap<String, Seen>,
    /// Keys of requests under way, with the time they end.
    under_way: Vec<(String, Option<u64>, Timestamp)>,
    /// Engines ended so often; what one did not note, the next does again, perhaps by another clock.
    era: u32,
    pub(crate) requests: u64,
    pub(crate) duplicates: u64,
    /// The first promise that was broken.
    pub(crate) broken: Option<String>,
}

/// What the receiver and the model know of an event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u32,
    pub(crate) processed: u32,
    /// How often it was processed, or was under way, without the engine being able to know.
    pub(crate) doubtful: u32,
    /// Requests of attempts that may have been undone by a crash.
    pub(crate) undone: u32,
    /// How often it was sent again as a dead letter: everything begins anew.
    attempt: u32,
    tries: u32,
    attempt_began: Timestamp,
    first_began: Timestamp,
    era: u32,
    last_status: Option<u16>,
    /// How long the last answer asked to wait.
    asked: Option<Duration>,
}

impl SimNetwork {
    pub(crate) fn new(seed: u64, store: SimStore, options: &DeliveryOptions) -> Self {
        Self {
            weather: Weather::Fair,
            dice: fastrand::Rng::with_seed(seed ^ 0x6e65_7477_6f72_6b21),
            store,
            policy: options.policy.clone(),
            timeout: options.timeout,
            longest_line: if options.rate_limit_per_second.is_some() {
                LINE
            } else {
                Duration::ZERO
            },
            courtesy: Courtesy::new(options),
            events: HashMap::new(),
            under_way: Vec::new(),
            era: 0,
            requests: 0,
            duplicates: 0,
            broken: None,
        }
    }

    pub(crate) fn fail(&mut self, what: impl FnOnce() -> String) {
        self.broken.get_or_insert_with(what);
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what);
        }
    }

    /// An engine ended, by a crash or in good order: what was under way may or may not have been
    /// processed, and attempts of that moment are made again.
    pub(crate) fn engine_ended(&mut self, now: Timestamp, unconfirmed: &[String]) {
        for (key, _, ends) in std::mem::take(&mut self.under_way) {
            if ends >= now {
                let seen = self.events.entry(key).or_default();
                seen.doubtful += 1;
            }
        }
        self.note_ended();
        self.courtesy.engine_ended();
        self.era += 1;
        for key in unconfirmed {
            self.events.entry(key.clone()).or_default().doubtful += 1;
        }
        for seen in self.events.values_mut() {
            seen.undone = seen.requests;
        }
    }

    /// The keys a dead letter has are sent as a new delivery.
    pub(crate) fn revived(&mut self, key: &str) {
        self.note_ended();
        let seen = self.events.entry(key.to_owned()).or_default();
        seen.undone = seen.requests;
        seen.attempt = 0;
    }

    /// The promises about when a request may be sent.
    fn check_request(&mut self, job: &Job, now: Timestamp) {
        let id = job.delivery.id;
        let key = job.delivery.key.clone();
        let number = job.attempts + 1;
        let Some((noted, is_first_of_lane)) = self.store.on_hand(id) else {
            self.fail(|| format!("{key}: sent, but not on hand in the store"));
            return;
        };
        self.check(is_first_of_lane, || format!("{key}: sent before another one of its lane"));
        self.check(number <= self.policy.max_attempts(), || format!("{key}: attempt {number}"));
        let noted_number = noted.as_ref().map_or(0, |record| record.number);
        self.check(number == noted_number + 1, || {
            format!("{key}: attempt {number} follows attempt {noted_number}")
        });
        self.under_way.retain(|(_, _, ends)| *ends > now);
        if let Some(lane) = job.delivery.lane {
            let other = self.under_way.iter().find(|(_, other, _)| *other == Some(lane));
            let found = other.map(|(other, ..)| other.clone());
            self.check(found.is_none(), || format!("{key}: sent while {found:?} was under way"));
        }
        let era = self.era;
        let seen = self.events.entry(key.clone()).or_default().clone();
        let max = self.policy.max_requests();
        self.check(seen.requests - seen.undone < max, || {
            format!("{key}: request {} of one delivery", seen.requests - seen.undone + 1)
        });
        let is_new_attempt = number != seen.attempt || era != seen.era || seen.tries == 0;
        let under_way = self.under_way.len();
        let impolite = self.courtesy.request(job, is_new_attempt, under_way, now);
        self.check(impolite.is_none(), || impolite.unwrap_or_default());
        if is_new_attempt {
            if let Some(limit) = self.policy.expire_after {
                let latest = job.delivery.accepted_at + limit + self.longest_line;
                self.check(now <= latest, || {
                    format!("{key}: attempt {number} at {now}, too old since {latest}")
                });
            }
            if let Some(record) = noted.filter(|_| seen.era == era) {
                let gap = self.policy.schedule[record.number as usize - 1];
                let first = job.first_attempt_at.unwrap_or(record.started_at);
                let behind: Duration = self.policy.schedule[record.number as usize..].iter().sum();
                // Late ones catch up, where half of each gap is left.
                let in_time = first + self.policy.span() - behind / 2;
                let mut earliest = record.started_at + gap.mul_f64(1.0 - self.policy.jitter);
                if record.started_at + gap / 2 <= in_time {
                    earliest = earliest.min(in_time);
                }
                self.check(now + Duration::from_micros(2) >= earliest, || {
                    format!("{key}: attempt {number} at {now}, not due before {earliest}")
                });
                let was_asked = record.number == seen.attempt && record.status == Some(429);
                if let Some(asked) = seen.asked.filter(|_| was_asked) {
                    let latest = record.started_at + gap * 2;
                    let wanted = record.started_at + record.took + asked;
                    let earliest = wanted.min(latest).min(in_time);
                    self.check(now + Duration::from_micros(2) >= earliest, || {
                        format!("{key}: sent at {now}, asked to wait until {earliest}")
                    });
                }
            }
        } else {
            let elapsed = now.since(seen.attempt_began);
            self.check(elapsed < self.policy.try_window, || {
                format!("{key}: a try {elapsed:?} after the attempt began")
            });
            self.check(seen.tries < self.policy.tries, || format!("{key}: a fourth try"));
            let again = seen.last_status.is_some_and(|s| self.policy.retry_statuses.contains(s));
            self.check(again, || format!("{key}: another try after {:?}", seen.last_status));
        }
        let seen = self.events.entry(key).or_default();
        if is_new_attempt {
            seen.attempt = number;
            seen.tries = 0;
            seen.attempt_began = now;
            if number == 1 {
                seen.first_began = now;
            }
            seen.era = era;
        }
        seen.tries += 1;
        seen.requests += 1;
    }

    /// The longest a delivery took from its first attempt to its last.
    pub(crate) fn longest(&self) -> Duration {
        let spans = self.events.values().map(|seen| seen.attempt_began.since(seen.first_began));
        spans.max().unwrap_or_default()
    }

    fn processes(&mut self, key: &str, confirmed: bool) {
        let seen = self.events.entry(key.to_owned()).or_default();
        seen.processed += 1;
        let (processed, doubtful) = (seen.processed, seen.doubtful);
        if !confirmed {
            seen.doubtful += 1;
        }
        if processed > 1 {
            self.duplicates += 1;
        }
        self.check(processed <= 1 + doubtful, || {
            format!("{key}: processed {processed} times, with {doubtful} doubtful answers")
        });
    }
}

impl Network for SimNetwork {
    fn send(&mut self, job: &Job, now: Timestamp) -> Flight {
        self.requests += 1;
        self.note_ended();
        self.check_request(job, now);
        let key = job.delivery.key.clone();
        let quick = Duration::from_micros(self.dice.u64(300..300_000));
        let mut takes = quick;
        let trouble = |kind| Outcome::of_trouble(kind, "simulated");
        let answer = |status, retry_after: Option<&str>| {
            Outcome::of_answer(status, retry_after, b"simulated", now)
        };
        let draw = match self.weather {
            Weather::Fair => 0,
            Weather::Mixed => self.dice.u32(0..14),
            Weather::Dead => self.dice.u32(6..14),
        };
        // Some of these come after the receiver took the event, without saying so.
        let mut processed = draw <= 5;
        let confirmed = draw <= 3;
        let outcome = match draw {
            0..=3 => answer(200, None),
            4 => trouble(FailureKind::Closed),
            5 => {
                takes = self.timeout;
                trouble(FailureKind::Timeout(Phase::Receive))
            }
            6 => answer([404, 410][self.dice.usize(0..2)], None),
            7 => answer(503, None),
            8 => answer(429, Some(["1", "3", "50", "1000000000", "soon"][self.dice.usize(0..5)])),
            9 => trouble(FailureKind::Connect),
            10 => trouble(FailureKind::Closed),
            11 => {
                takes = self.timeout;
                trouble(FailureKind::Timeout(Phase::Connect))
            }
            12 => trouble(FailureKind::Protocol),
            _ => {
                takes = Duration::from_millis(self.dice.u64(1..5000)).min(self.timeout);
                answer(500, None)
            }
        };
        processed |= confirmed;
        if processed {
            self.processes(&key, confirmed);
        }
        let seen = self.events.entry(key.clone()).or_default();
        seen.last_status = outcome.status();
        seen.asked = outcome.failure().and_then(|failure| failure.retry_after);
        self.under_way.push((key, job.delivery.lane, now + takes));
        Flight { takes, exchange: Exchange { outcome, replaced_connection: false } }
    }
}

impl SimNetwork {
    /// What the engine told the store since the last request is what the receiver saw.
    pub(crate) fn note_ended(&mut self) {
        for EndedAttempt { key, record, given_up, age } in self.store.take_ended() {
            let seen = self.events.get(&key).cloned().unwrap_or_default();
            let limit = self.policy.expire_after;
            let Some(record) = record else {
                if let Some(reason) = given_up {
                    let may = reason == Reason::Expired && limit.is_some_and(|limit| age > limit);
                    self.check(may, || format!("{key}: {reason:?} at the age of {age:?}"));
                    continue;
                }
                self.check(seen.last_status == Some(200), || {
                    format!("{key}: settled without success after {:?}", seen.last_status)
                });
                self.courtesy.receiver_works();
                continue;
            };
            let made = (seen.attempt, seen.tries, seen.last_status);
            let noted = (record.number, record.tries, record.status);
            self.check(made == noted, || {
                format!("{key}: attempt, tries and status were {made:?}, noted was {noted:?}")
            });
            let wanted = match self.policy.schedule.get(record.number as usize - 1) {
                _ if record.status == Some(410) && self.policy.stop_when_gone => Some(Reason::Gone),
                None => Some(Reason::Exhausted),
                // The next attempt is due after two gaps at the latest.
                Some(gap) if limit.is_some_and(|limit| age + *gap * 2 > limit) => {
                    given_up.filter(|reason| *reason == Reason::Expired)
                }
                Some(_) => None,
            };
            self.check(given_up == wanted, || {
                format!("{key}: {given_up:?} after attempt {}", record.number)
            });
            let asked = seen.asked.filter(|_| record.status == Some(429));
            self.courtesy.attempt_failed(record.started_at + record.took, asked);
        }
    }

    /// Every accepted event is at exactly one place.
    pub(crate) fn check_places(
        &mut self,
        accepted: &HashSet<String>,
        rereadable: &HashSet<String>,
    ) {
        let look = self.store.look();
        let pending: HashSet<String> = look.pending.iter().cloned().collect();
        let dead: HashSet<String> = look.dead.iter().cloned().collect();
        self.check(pending.len() == look.pending.len(), || String::from("pending twice"));
        let both = pending.intersection(&dead).next().cloned();
        self.check(both.is_none(), || format!("{both:?} is pending and dead"));
        for key in accepted {
            let processed = self.events.get(key).is_some_and(|seen| seen.processed > 0);
            let somewhere = pending.contains(key) || dead.contains(key) || processed;
            self.check(somewhere || rereadable.contains(key), || {
                format!("{key} was accepted, and is neither pending nor dead nor delivered")
            });
        }
        let strange = pending.iter().chain(&dead).find(|key| !accepted.contains(*key)).cloned();
        self.check(strange.is_none(), || format!("{strange:?} was never accepted"));
    }
}
