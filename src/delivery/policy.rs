//! When to try again and when to give up: pure arithmetic.
//!
//! Nothing here reads a clock, sleeps or rolls dice. The caller passes the attempt, how its last
//! try ended and numbers from its own dice, so every rule can be tested by calling a function.
//!
//! A **try** is one HTTP request. An **attempt** is up to [`RetryPolicy::tries`] tries in quick
//! succession, the later ones only after an answer of 429 or 5xx. A **delivery** is an attempt
//! for each gap of [`RetryPolicy::schedule`] and one before the first: with the defaults 1 + 9
//! attempts, the last at 4:00:00.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use crate::delivery::clock::Timestamp;
use crate::delivery::outcome::Failure;
use crate::delivery::outcome::FailureKind;

/// The gaps between attempts, in seconds: they double, and add up to four hours exactly.
const DEFAULT_GAPS_SECONDS: [u64; 9] = [30, 60, 120, 240, 480, 900, 1800, 3600, 7170];

/// More gaps than anybody needs; keeps the attempts kept for a dead letter few.
pub const MAX_GAPS: usize = 100;

/// The longest gap and the longest back-off.
pub const MAX_GAP: Duration = Duration::from_hours(24 * 30);

/// More tries in an attempt than anybody needs.
pub const MAX_TRIES: u32 = 20;

/// A gap that `Retry-After` stretches grows at most to this many times its scheduled length.
const RETRY_AFTER_STRETCH: u32 = 2;

/// When to try again. The defaults are the requirement's schedule.
///
/// ```
/// use webhook_stream::delivery::policy::RetryPolicy;
///
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.describe(), "10 attempts over 4:00:00, at most 30 requests");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The gaps between attempts, each measured from the start of the attempt before it.
    pub schedule: Vec<Duration>,
    /// The largest share of a gap that chance may take off, from 0 to 1. Gaps never grow.
    pub jitter: f64,
    /// Tries in one attempt, the first one included.
    pub tries: u32,
    /// The wait before the second try; it doubles before each further one.
    pub try_backoff: Duration,
    /// How far chance may stretch or shrink that wait, as a share of it, from 0 to 1.
    pub try_jitter: f64,
    /// No try of an attempt starts later than this after its first one started.
    pub try_window: Duration,
    /// The answers after which an attempt goes on with another try.
    pub retry_statuses: StatusSet,
    /// Whether `Retry-After` of a 429 or 503 is obeyed, within limits.
    pub respect_retry_after: bool,
    /// Whether an answer of 410 ends the delivery.
    pub stop_when_gone: bool,
    /// No attempt starts when the event was accepted longer ago than this: it is given up.
    pub expire_after: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            schedule: DEFAULT_GAPS_SECONDS.iter().map(|gap| Duration::from_secs(*gap)).collect(),
            jitter: 0.1,
            tries: 3,
            try_backoff: Duration::from_millis(100),
            try_jitter: 0.5,
            try_window: Duration::from_secs(4),
            retry_statuses: StatusSet::default(),
            respect_retry_after: true,
            stop_when_gone: false,
            expire_after: None,
        }
    }
}

/// What follows a failed try within its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTry {
    /// Another try, after this wait.
    After(Duration),
    /// The attempt is over.
    None,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Another attempt at this time.
    RetryAt(Timestamp),
    /// No more attempts.
    GiveUp(GiveUp),
}

/// Why a delivery ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// The last attempt of the schedule failed.
    Exhausted,
    /// It got older than allowed.
    Expired,
    /// The receiver answered 410, and the policy takes that as final.
    Gone,
    /// The address policy forbids the address.
    Blocked,
}

/// A failed attempt, as the policy needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt<'a> {
    /// Which attempt it was, from 1.
    pub number: u32,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// When the first attempt of this delivery started.
    pub first_started_at: Timestamp,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How its last try failed.
    pub failure: &'a Failure,
}

impl RetryPolicy {
    /// The gaps of the Standard Webhooks specification's example: ten attempts over 75 hours.
    pub fn standard_webhooks() -> Self {
        let minutes = |minutes| Duration::from_mins(minutes);
        let hours = |hours| Duration::from_hours(hours);
        Self {
            schedule: vec![
                Duration::from_secs(5),
                minutes(5),
                minutes(30),
                hours(2),
                hours(5),
                hours(10),
                hours(14),
                hours(20),
                hours(24),
            ],
            ..Self::default()
        }
    }

    /// One attempt and no more.
    pub fn none() -> Self {
        Self { schedule: Vec::new(), ..Self::default() }
    }

    /// Attempts in all, the first one included.
    pub fn max_attempts(&self) -> u32 {
        u32::try_from(self.schedule.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The longest time from the first attempt to the last.
    pub fn span(&self) -> Duration {
        self.schedule.iter().fold(Duration::ZERO, |sum, gap| sum.saturating_add(*gap))
    }

    /// The most requests one delivery can make, repetitions on a fresh connection aside.
    pub fn max_requests(&self) -> u32 {
        self.max_attempts().saturating_mul(self.tries)
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Says which field is wrong, what was expected and what was found.
    pub fn check(&self) -> Result<(), PolicyError> {
        let share = |field, value: f64| {
            if (0.0..=1.0).contains(&value) {
                Ok(())
            } else {
                Err(PolicyError::new(field, format!("expected a share from 0 to 1, found {value}")))
            }
        };
        share("jitter", self.jitter)?;
        share("try_jitter", self.try_jitter)?;
        if self.schedule.len() > MAX_GAPS {
            let found = self.schedule.len();
            return Err(PolicyError::new(
                "schedule",
                format!("expected at most {MAX_GAPS} gaps, found {found}"),
            ));
        }
        let times = self
            .schedule
            .iter()
            .map(|gap| ("schedule", *gap))
            .chain([
                ("try_backoff_seconds", self.try_backoff),
                ("try_window_seconds", self.try_window),
            ])
            .chain(self.expire_after.map(|age| ("expire_after_seconds", age)));
        for (field, time) in times {
            if time > MAX_GAP {
                return Err(PolicyError::new(
                    field,
                    format!(
                        "expected at most {} seconds, found {}",
                        MAX_GAP.as_secs(),
                        time.as_secs()
                    ),
                ));
            }
        }
        if self.expire_after == Some(Duration::ZERO) {
            return Err(PolicyError::new(
                "expire_after_seconds",
                String::from("expected more than 0, found 0"),
            ));
        }
        if self.tries == 0 || self.tries > MAX_TRIES {
            return Err(PolicyError::new(
                "tries",
                format!("expected 1 to {MAX_TRIES}, found {}", self.tries),
            ));
        }
        Ok(())
    }

    /// After try number `tried` (from 1) of an attempt failed, `elapsed` after the attempt began.
    ///
    /// `dice` is any number from 0 up to but not including 1.
    pub fn after_try(
        &self,
        tried: u32,
        failure: &Failure,
        elapsed: Duration,
        dice: f64,
    ) -> NextTry {
        let again = match failure.kind {
            FailureKind::Status(status) => self.retry_statuses.contains(status),
            _ => false,
        };
        if !again || tried >= self.tries {
            return NextTry::None;
        }
        let doubled =
            self.try_backoff.saturating_mul(2_u32.saturating_pow(tried.saturating_sub(1)));
        let stretched = doubled.mul_f64(1.0 + self.try_jitter * (2.0 * dice - 1.0));
        let wait = match self.asked_to_wait(failure) {
            // If what the receiver asks for fits into this attempt, it is waited for here.
            Some(asked) => asked.max(stretched),
            None => stretched,
        };
        if elapsed.saturating_add(wait) < self.try_window {
            NextTry::After(wait)
        } else {
            NextTry::None
        }
    }

    /// After an attempt failed. `dice` is any number from 0 up to but not including 1.
    pub fn after_attempt(&self, attempt: &FailedAttempt<'_>, dice: f64) -> Decision {
        match attempt.failure.kind {
            FailureKind::Blocked => return Decision::GiveUp(GiveUp::Blocked),
            FailureKind::Status(410) if self.stop_when_gone => {
                return Decision::GiveUp(GiveUp::Gone);
            }
            _ => {}
        }
        let Some(gap) = self.schedule.get(attempt.number.saturating_sub(1) as usize) else {
            return Decision::GiveUp(GiveUp::Exhausted);
        };
        let scheduled = attempt.started_at + gap.mul_f64(1.0 - self.jitter * dice);
        // So late that the gaps behind it can still end in time, each at least half as long as it is.
        let behind: Duration = self.schedule.iter().skip(attempt.number as usize).sum();
        let in_time = attempt.first_started_at + self.span() - behind / 2;
        // A schedule that runs late catches up if it can; after a long downtime it keeps its gaps.
        let can_catch_up = attempt.started_at + *gap / 2 <= in_time;
        let scheduled = if can_catch_up { scheduled.min(in_time) } else { scheduled };
        let mut due = scheduled;
        if let Some(asked) = self.asked_to_wait(attempt.failure) {
            let latest = attempt.started_at + gap.saturating_mul(RETRY_AFTER_STRETCH);
            due = due.max((attempt.ended_at + asked).min(latest).min(in_time.max(scheduled)));
        }
        due = due.max(attempt.ended_at);
        if self.is_too_old(attempt.accepted_at, due) {
            return Decision::GiveUp(GiveUp::Expired);
        }
        Decision::RetryAt(due)
    }

    /// Whether what was accepted then is too old for an attempt at this time.
    pub fn is_too_old(&self, accepted_at: Timestamp, at: Timestamp) -> bool {
        self.expire_after.is_some_and(|age| at > accepted_at + age)
    }

    /// The latest time for the attempt after number `attempts_made`, as seen `now`. A due time read
    /// from a store lies further ahead only if some clock was wrong when it was written.
    pub fn latest_due(&self, attempts_made: u32, now: Timestamp) -> Timestamp {
        let gap = self.schedule.get(attempts_made.saturating_sub(1) as usize);
        now + gap.map_or(Duration::ZERO, |gap| gap.saturating_mul(RETRY_AFTER_STRETCH))
    }

    /// All attempts and their times when nothing but failures come back.
    pub fn preview(&self) -> Vec<PreviewRow> {
        let shortest = 1.0 - self.jitter;
        let mut row = PreviewRow {
            attempt: 1,
            gap: Duration::ZERO,
            earliest: Duration::ZERO,
            latest: Duration::ZERO,
        };
        let mut rows = vec![row];
        for gap in &self.schedule {
            row = PreviewRow {
                attempt: row.attempt + 1,
                gap: *gap,
                earliest: row.earliest + gap.mul_f64(shortest),
                latest: row.latest + *gap,
            };
            rows.push(row);
        }
        rows
    }

    /// The policy in a few words: `10 attempts over 4:00:00, at most 30 requests`.
    pub fn describe(&self) -> String {
        let (attempts, requests) = (self.max_attempts(), self.max_requests());
        let mut text = format!("{attempts} attempt{}", plural(attempts));
        if attempts > 1 {
            let _ = write!(text, " over {}", clock_time(self.span()));
        }
        let _ = write!(text, ", at most {requests} request{}", plural(requests));
        if let Some(age) = self.expire_after {
            let _ = write!(text, ", expires after {}", clock_time(age));
        }
        text
    }

    fn asked_to_wait(&self, failure: &Failure) -> Option<Duration> {
        let throttled = matches!(failure.kind, FailureKind::Status(429 | 503));
        failure.retry_after.filter(|_| throttled && self.respect_retry_after)
    }
}

/// One attempt of [`RetryPolicy::preview`]; times count from the start of the first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewRow {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The scheduled gap before it.
    pub gap: Duration,
    /// The earliest it starts, when chance shortens all gaps as far as it can.
    pub earliest: Duration,
    /// The latest it starts.
    pub latest: Duration,
}

impl fmt::Display for PreviewRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7}  {:>8}  {:>8}  {:>8}",
            self.attempt,
            clock_time(self.gap),
            clock_time(self.earliest),
            clock_time(self.latest)
        )
    }
}

/// A set of HTTP statuses, as ranges. By default 429 and 500 to 599.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<(u16, u16)>,
}

impl StatusSet {
    /// The statuses in these ranges, both ends included.
    ///
    /// # Errors
    /// When a range is the wrong way round or leaves 100 to 999.
    pub fn new(ranges: impl IntoIterator<Item = (u16, u16)>) -> Result<Self, PolicyError> {
        let ranges: Vec<(u16, u16)> = ranges.into_iter().collect();
        match ranges.iter().find(|(low, high)| low > high || *low < 100 || *high > 999) {
            None => Ok(Self { ranges }),
            Some((low, high)) => Err(PolicyError::new(
                "retry_statuses",
                format!("expected statuses from 100 to 999, the smaller first, found {low}-{high}"),
            )),
        }
    }

    /// Whether the status is in the set.
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&status))
    }

    /// The ranges, both ends included.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.ranges
    }
}

impl Default for StatusSet {
    fn default() -> Self {
        Self { ranges: vec![(429, 429), (500, 599)] }
    }
}

/// A number of a [`RetryPolicy`] that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The keyword it is about.
    pub field: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

impl PolicyError {
    fn new(field: &'static str, message: String) -> Self {
        Self { field, message }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for PolicyError {}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `3:05:09`, rounded down to the second.
pub(crate) fn clock_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
