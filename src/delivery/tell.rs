//! What the pool's threads say in the log. Never a secret: what comes from answers was masked when
//! it was read.

use crate::delivery::log::LogLevel;
use crate::delivery::log::LogTarget;
use crate::delivery::log::LogValue;
use crate::delivery::outcome::Failure;
use crate::delivery::outcome::FailureKind;
use crate::delivery::pool::Pool;
use crate::delivery::scheduler::Moved;
use crate::delivery::store::Change;
use crate::delivery::store::Discarded;
use crate::delivery::store::Job;

/// Characters of an answer that a record repeats.
const ANSWER_CHARACTERS: usize = 200;

impl Pool {
    /// Tells what became of a job.
    pub(crate) fn tell(&self, job: &Job, change: &Change, failure: Option<&Failure>, number: u32) {
        let key = &job.delivery.key;
        let kind = failure.map(|failure| failure.kind.name());
        let fields = |more: Vec<(&'static str, LogValue)>| {
            let mut fields = vec![
                ("event_key", LogValue::Text(key.clone())),
                ("webhook_id", LogValue::Text(job.delivery.request.id.clone())),
                ("attempt", LogValue::Number(u64::from(number))),
            ];
            if let Some(FailureKind::Status(status)) = failure.map(|failure| failure.kind) {
                fields.push(("status", LogValue::Number(u64::from(status))));
            }
            fields.extend(kind.clone().map(|kind| ("kind", LogValue::Text(kind))));
            fields.extend(more);
            fields
        };
        let why = failure.map(reason_of).unwrap_or_default();
        let now = self.clock.now();
        match change {
            Change::Retry { due, .. } => {
                let kind = kind.as_deref().unwrap_or("failed");
                self.log.write(LogLevel::Warning, LogTarget::Delivery, kind, now, || {
                    let due = due.to_string();
                    let message = format!("attempt {number} of {key} {why}; next attempt at {due}");
                    (message, fields(vec![("next_attempt", LogValue::Text(due))]))
                });
            }
            Change::Dead { reason, message, .. } => {
                let kind = format!("dead_letter_{reason}");
                self.log.write(LogLevel::Error, LogTarget::Delivery, &kind, now, || {
                    let why = match failure {
                        Some(_) => format!("attempt {number} {why}"),
                        None => message.clone(),
                    };
                    let message = format!("{key} is a dead letter ({reason}): {why}");
                    (message, fields(vec![("reason", LogValue::Text(reason.to_string()))]))
                });
            }
            Change::Delivered => {
                self.log.write(LogLevel::Debug, LogTarget::Delivery, "delivered", now, || {
                    (format!("attempt {number} of {key} delivered it"), fields(Vec::new()))
                });
            }
            Change::PutOff { due } => {
                self.log.write(LogLevel::Debug, LogTarget::Delivery, "put_off", now, || {
                    let due = due.to_string();
                    let message = format!("{key} is put off, no attempt was made");
                    (message, fields(vec![("next_attempt", LogValue::Text(due))]))
                });
            }
        }
    }

    /// Tells that an event can't become a request.
    pub(crate) fn tell_discarded(&self, discarded: &Discarded) {
        let Discarded { key, reason, message, at, .. } = discarded;
        let kind = format!("dead_letter_{reason}");
        self.log.write(LogLevel::Error, LogTarget::Events, &kind, *at, || {
            // The lines behind the first draw the place.
            let first = message.lines().next().unwrap_or_default();
            let fields = vec![
                ("event_key", LogValue::Text(key.clone())),
                ("reason", LogValue::Text(reason.to_string())),
            ];
            (format!("{key} is a dead letter ({reason}): {first}"), fields)
        });
    }

    /// Tells that a host is left alone from now on, or no more.
    pub(crate) fn tell_breaker(&self, job: &Job, moved: Moved) {
        let host = job.delivery.request.target.host();
        let kind = match moved {
            Moved::OpenUntil(_) => "breaker_open",
            Moved::Closed => "breaker_closed",
        };
        self.log.write(LogLevel::Info, LogTarget::Delivery, kind, self.clock.now(), || {
            let mut fields = vec![
                ("host", LogValue::Text(host.to_owned())),
                ("kind", LogValue::Text(kind.to_owned())),
            ];
            let message = match moved {
                Moved::OpenUntil(until) => {
                    fields.push(("until", LogValue::Text(until.to_string())));
                    format!("{host} only fails: it is left alone until {until}")
                }
                Moved::Closed => format!("{host} works again"),
            };
            (message, fields)
        });
    }
}

/// How an attempt failed, with the beginning of the answer.
fn reason_of(failure: &Failure) -> String {
    let answered = matches!(failure.kind, FailureKind::Status(_));
    let failed = if answered { "" } else { "failed: " };
    let message = &failure.message;
    if failure.excerpt.is_empty() {
        return format!("{failed}{message}");
    }
    let mut answer: String = failure.excerpt.chars().take(ANSWER_CHARACTERS).collect();
    if answer.len() < failure.excerpt.len() {
        answer.push('…');
    }
    format!("{failed}{message}: {answer}")
}
