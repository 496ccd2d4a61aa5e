//! Dead letters: which ones, and what is sent when they are sent again.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::delivery::clock::Timestamp;
use crate::delivery::request::Request;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::Reason;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::delivery::webhook_id;
use crate::ftl::Data;
use crate::ftl::RenderOptions;
use crate::ftl::Template;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::Sync;
use crate::text::did_you_mean;
use crate::value::Document;

/// Dead letters read at once.
const PAGE: usize = 256;

/// Which dead letters are meant. All of them by default.
#[derive(Clone, Debug, Default)]
pub struct LetterFilter {
    /// Given up for one of these reasons; empty: for any.
    pub reasons: Vec<Reason>,
    /// Given up at this time or later.
    pub since: Option<Timestamp>,
    /// Given up before this time.
    pub until: Option<Timestamp>,
    /// With one of these event keys; empty: with any.
    pub keys: Vec<String>,
}

impl LetterFilter {
    /// A filter from words: reasons, times (`2026-11-23`, `2026-11-23T09:00:00Z`, or how long ago,
    /// such as `2h`) and event keys.
    ///
    /// # Errors
    /// For a reason that there isn't, and a text that is no time.
    pub fn parse(
        reasons: &[String],
        since: Option<&str>,
        until: Option<&str>,
        keys: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let wrong = |message: String| ConfigError::new(ConfigErrorKind::BadValue, message);
        let reasons = reasons.iter().map(|name| {
            Reason::from_name(name).ok_or_else(|| {
                let names = Reason::ALL.map(Reason::name);
                let error =
                    wrong(format!("reason: expected one of {}, found `{name}`", names.join(", ")));
                match did_you_mean(name, names) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error,
                }
            })
        });
        let time = |what: &str, text: Option<&str>| match text {
            None => Ok(None),
            Some(text) => moment(text, now).map(Some).ok_or_else(|| {
                wrong(format!("{what}: expected a time, found `{text}`")).with_hint(
                    "2026-11-23, 2026-11-23T09:00:00Z, or how long ago: 90s, 30m, 2h, 3d",
                )
            }),
        };
        Ok(Self {
            reasons: reasons.collect::<Result<_, _>>()?,
            since: time("since", since)?,
            until: time("until", until)?,
            keys,
        })
    }

    /// Whether a dead letter is meant.
    pub fn fits(&self, letter: &DeadLetter) -> bool {
        (self.reasons.is_empty() || self.reasons.contains(&letter.reason))
            && self.since.is_none_or(|since| since <= letter.died_at)
            && self.until.is_none_or(|until| letter.died_at < until)
            && (self.keys.is_empty() || self.keys.contains(&letter.key))
    }
}

/// The dead letters of a store that a filter means, by rising id.
#[derive(Debug)]
pub struct Letters<'s> {
    store: &'s dyn Store,
    filter: &'s LetterFilter,
    page: std::vec::IntoIter<DeadLetter>,
    after: u64,
    ended: bool,
}

impl<'s> Letters<'s> {
    /// Those letters.
    pub fn new(store: &'s dyn Store, filter: &'s LetterFilter) -> Self {
        Self::after(0, store, filter)
    }

    /// Those with greater ids.
    pub fn after(id: u64, store: &'s dyn Store, filter: &'s LetterFilter) -> Self {
        Self { store, filter, page: Vec::new().into_iter(), after: id, ended: false }
    }
}

impl Iterator for Letters<'_> {
    type Item = Result<DeadLetter, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(letter) = self.page.next() {
                self.after = letter.id;
                if self.filter.fits(&letter) {
                    return Some(Ok(letter));
                }
                continue;
            }
            if self.ended {
                return None;
            }
            match self.store.dead_letters(self.after, PAGE) {
                Ok(page) => {
                    self.ended = page.len() < PAGE;
                    self.page = page.into_iter();
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// A time, or how long ago it was.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    let count: u64 = text[..text.len() - unit.len_utf8()].trim().parse().ok()?;
    Some(now - Duration::from_secs(count.checked_mul(seconds)?))
}

/// What dead letters are sent as.
#[derive(Clone, Copy, Debug)]
pub enum SentAs<'t> {
    /// The same bytes to the same URL.
    Before,
    /// Their events, as the sync sends any event today.
    Anew,
    /// Their events through another template, with the sync's URL and headers of today.
    Rendered(&'t Template),
}

impl<'t> SentAs<'t> {
    /// From a template, if there is one, and whether to begin anew without.
    pub fn new(template: Option<&'t Template>, anew: bool) -> Self {
        match template {
            Some(template) => Self::Rendered(template),
            None if anew => Self::Anew,
            None => Self::Before,
        }
    }
}

/// What would be sent for a dead letter, or why it can't be.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The dead letter's id.
    pub id: u64,
    /// The event key.
    pub key: String,
    /// Why it was given up.
    pub reason: Reason,
    /// When it was given up.
    pub died_at: Timestamp,
    /// The request, or why there is none.
    pub request: Result<Request, NotRenewed>,
}

/// Why a dead letter can't be sent again.
#[derive(Clone, Debug)]
pub struct NotRenewed {
    /// What kind of obstacle it is, for programs.
    pub kind: String,
    /// What exactly it is.
    pub message: String,
}

impl NotRenewed {
    fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into() }
    }
}

impl fmt::Display for NotRenewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Renewed {
    /// What would be sent, for programs: one line of NDJSON, or a row of a table.
    pub fn to_json(&self) -> serde_json::Value {
        let request = self.request.as_ref().ok();
        json!({
            "id": self.id,
            "key": self.key,
            "reason": self.reason.name(),
            "died_at": self.died_at.to_string(),
            "outcome": if request.is_some() { "send" } else { "stays" },
            "webhook_id": request.map(|request| request.id.clone()),
            "url": request.map(|request| request.target.url().to_string()),
            "payload": request.map(|request| String::from_utf8_lossy(&request.body).into_owned()),
            "error": self.request.as_ref().err().map(|error| error.message.clone()),
        })
    }
}

impl Sync {
    /// What is sent when a dead letter is sent again. What never became a request is always sent
    /// anew. The `webhook-id` is the same in every case.
    pub fn renew(&self, letter: &DeadLetter, sent_as: SentAs<'_>, now_millis: i64) -> Renewed {
        let request = match (&letter.request, sent_as) {
            (Some(request), SentAs::Before) => Ok(request.clone()),
            (_, SentAs::Rendered(template)) => self.render_anew(letter, Some(template), now_millis),
            _ => self.render_anew(letter, None, now_millis),
        };
        Renewed {
            id: letter.id,
            key: letter.key.clone(),
            reason: letter.reason,
            died_at: letter.died_at,
            request,
        }
    }

    fn render_anew(
        &self,
        letter: &DeadLetter,
        template: Option<&Template>,
        now_millis: i64,
    ) -> Result<Request, NotRenewed> {
        let text = self.event_of(letter)?;
        let event = Document::parse(&text)
            .map_err(|error| NotRenewed::new("event_invalid_json", error.to_string()))?;
        if letter.request.is_none()
            && let Some(filter) = &self.options().filter
        {
            let matches = filter.matches(event.root()).map_err(|error| {
                NotRenewed::new(&format!("filter_{}", error.kind().name()), error.to_string())
            })?;
            if !matches {
                return Err(NotRenewed::new("filtered", "the filter leaves the event out"));
            }
        }
        let body = match template.or(self.options().template.as_ref()) {
            Some(template) => {
                let data = Data::event(event.root());
                template.render(data, RenderOptions { now_millis }).map_err(|error| {
                    NotRenewed::new(&format!("template_{}", error.kind().name()), error.to_string())
                })?
            }
            None => text.clone(),
        };
        let target = self
            .head
            .target(event.root())
            .map_err(|error| NotRenewed::new("request_head", error.to_string()))?;
        let id = match &letter.request {
            Some(request) => request.id.clone(),
            None => webhook_id(&self.options().name, &letter.key),
        };
        Ok(Request { target, id, body: body.into_bytes() })
    }

    /// The event of a dead letter, if it was kept.
    fn event_of(&self, letter: &DeadLetter) -> Result<String, NotRenewed> {
        if let Some(event) = &letter.event {
            return Ok(event.clone());
        }
        let options = self.options();
        if let Some(request) = &letter.request
            && options.template.is_none()
            && options.keep_events
        {
            // Without a template the payload is the event, and is not kept twice.
            return Ok(String::from_utf8_lossy(&request.body).into_owned());
        }
        let why = if options.keep_events {
            "expected the event to render it anew, found none in the store"
        } else {
            "expected the event to render it anew, found none in the store: the sync has \
             keep_events = false"
        };
        Err(NotRenewed::new("no_event", why))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::delivery::clock::Timestamp;
    use crate::pipeline::letters::moment;

    #[test]
    fn a_time_is_a_date_a_point_in_time_or_so_long_ago() {
        let now = Timestamp::from_millis(1_795_426_200_000);
        let at = |text: &str| moment(text, now).map(|time| time.to_string());
        assert_eq!(at("2026-11-23").as_deref(), Some("2026-11-23T00:00:00.000Z"));
        assert_eq!(at("2026-11-23T09:41").as_deref(), Some("2026-11-23T09:41:00.000Z"));
        assert_eq!(at("2026-11-23T09:41:00+01:00").as_deref(), Some("2026-11-23T08:41:00.000Z"));
        assert_eq!(moment("2h", now), Some(now - Duration::from_hours(2)));
        for wrong in ["", "h", "yesterday", "-3d", "3 weeks", "99999999999999999999d"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
