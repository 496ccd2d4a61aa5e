//! Events → filter → template → request → delivery: what a sync does with an event.
//!
//! [`Sync`] decides, as a function of the event; [`Run`] brings events from their source to the
//! delivery engine and counts. Parsing, filtering and rendering happen on the calling thread, which
//! also polls for an interrupt; reading and sending have their own threads.

mod ahead;
mod batch;
mod certificates;
mod check;
mod error;
mod feed;
mod forecast;
mod head;
mod inbox;
mod letters;
mod options;
mod preview;
mod replay;
#[cfg(feature = "arrow")]
mod rows;
mod run;
mod secrets;
mod sources;
mod stores;
mod text;

use std::sync::Arc;

use crate::delivery::lane_of;
use crate::delivery::request::Request;
use crate::delivery::request::Target;
use crate::delivery::webhook_id;
use crate::filter::FilterError;
use crate::ftl::Data;
use crate::ftl::RenderOptions;
use crate::ftl::TemplateError;
use crate::pipeline::head::Head;
use crate::pipeline::head::written_host;
use crate::report::Totals;
use crate::value::Node;
use crate::value::Path;

pub use crate::delivery::store::Durability;
pub use crate::pipeline::check::{Checkup, Diagnosis};
pub use crate::pipeline::error::{ConfigError, ConfigErrorKind, SetupError};
pub use crate::pipeline::forecast::{Outage, OutageKind};
pub use crate::pipeline::inbox::{EventTexts, Inbox};
pub use crate::pipeline::letters::{LetterFilter, Letters, NotRenewed, Renewed, SentAs};
pub use crate::pipeline::options::SyncOptions;
pub use crate::pipeline::preview::Preview;
#[cfg(feature = "arrow")]
pub use crate::pipeline::rows::RowsError;
pub use crate::pipeline::run::{Confirmed, Progress, Run, StartError, Until};
pub use crate::pipeline::secrets::EnvironmentSecrets;
pub use crate::pipeline::secrets::NamedSecrets;
pub use crate::pipeline::stores::{
    Access, MEMORY, Recovered, has_store, recover_store, unfinished_sources,
};
pub use crate::pipeline::text::EventText;

/// A named stream to one webhook, ready to decide about events.
#[derive(Debug)]
pub struct Sync {
    options: SyncOptions,
    head: Head,
    event_key: Option<Path>,
    ordering: Option<Path>,
    /// What its runs did in this process.
    totals: Totals,
}

/// What becomes of an event.
#[derive(Debug)]
pub enum Decision {
    /// The filter leaves it out.
    Filtered,
    /// It is sent.
    Send {
        /// What identifies the event.
        key: String,
        /// Whether the event itself says so, and not only where it stands.
        has_own_key: bool,
        /// The request, the same on every try.
        request: Request,
        /// Events of one lane keep their order.
        lane: Option<u64>,
    },
    /// It can't be sent.
    Discard {
        /// What identifies the event.
        key: String,
        /// Why.
        reason: Discard,
    },
}

/// Why an event can't be sent.
#[derive(Debug)]
pub enum Discard {
    /// The filter can't decide.
    Filter(FilterError),
    /// The payload can't be rendered.
    Template(TemplateError),
    /// URL or headers can't be made.
    Head(SetupError),
}

impl Discard {
    /// The reason for a dead letter: `filter` or `render`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Template(_) | Self::Head(_) => "render",
        }
    }

    /// What happened, with the line of the template or filter.
    pub fn message(&self) -> String {
        match self {
            Self::Filter(error) => error.to_string(),
            Self::Template(error) => error.to_string(),
            Self::Head(error) => error.to_string(),
        }
    }

    /// The kind for programs.
    pub fn kind(&self) -> String {
        match self {
            Self::Filter(error) => format!("filter_{}", error.kind().name()),
            Self::Template(error) => format!("template_{}", error.kind().name()),
            Self::Head(_) => "request_head".to_owned(),
        }
    }
}

impl Sync {
    /// Checks the options and compiles URL and headers.
    ///
    /// # Errors
    /// For an option out of range, and a URL or header that is none.
    pub fn new(options: SyncOptions) -> Result<Arc<Self>, SetupError> {
        options.check().map_err(|error| error.of_sync(&options.name))?;
        let head = Head::new(&options).map_err(|error| match error {
            SetupError::Config(error) => SetupError::Config(error.of_sync(&options.name)),
            other => other,
        })?;
        let path = |text: &Option<String>| text.as_deref().and_then(|path| Path::parse(path).ok());
        let (event_key, ordering) = (path(&options.event_key), path(&options.ordering));
        Ok(Arc::new(Self { options, head, event_key, ordering, totals: Totals::default() }))
    }

    /// The options it was made with.
    pub fn options(&self) -> &SyncOptions {
        &self.options
    }

    /// What its runs did in this process, added up.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The host of the URL as it is written; `None` when it comes from a secret.
    pub fn host(&self) -> Option<&str> {
        written_host(&self.options.url)
    }

    /// The names of the secrets that URL, headers and signatures use.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        let signing = self.options.signing_secrets.iter().filter_map(|text| secret_reference(text));
        self.head.secret_names().iter().map(String::as_str).chain(signing)
    }

    /// Decides about an event. `text` is its JSON, `position` identifies it where it has no key of
    /// its own, `now_millis` is what its template sees as `.now`.
    pub fn decide(
        &self,
        event: Node<'_>,
        text: &(impl EventText + ?Sized),
        position: &Position<'_>,
        now_millis: i64,
    ) -> Decision {
        let decide = || -> Result<Option<(String, Arc<Target>)>, Discard> {
            if let Some(filter) = &self.options.filter
                && !filter.matches(event).map_err(Discard::Filter)?
            {
                return Ok(None);
            }
            let payload = self.payload(event, text, now_millis).map_err(Discard::Template)?;
            Ok(Some((payload, self.head.target(event).map_err(Discard::Head)?)))
        };
        let decided = decide();
        if let Ok(None) = decided {
            return Decision::Filtered;
        }
        let own_key = self.own_key(event);
        let has_own_key = own_key.is_some();
        let key = own_key.unwrap_or_else(|| position.key(text.json()));
        match decided {
            Ok(None) => Decision::Filtered,
            Ok(Some((body, target))) => {
                let id = webhook_id(&self.options.name, &key);
                let request = Request { target, id, body: body.into_bytes() };
                Decision::Send { key, has_own_key, request, lane: self.lane(event) }
            }
            Err(reason) => Decision::Discard { key, reason },
        }
    }

    fn payload(
        &self,
        event: Node<'_>,
        text: &(impl EventText + ?Sized),
        now_millis: i64,
    ) -> Result<String, TemplateError> {
        match &self.options.template {
            Some(template) => template.render(Data::event(event), RenderOptions { now_millis }),
            None => Ok(text.json().to_owned()),
        }
    }

    /// The lane of an event: one for each value of the field that `ordering` names. None without
    /// that field, or when it is null.
    fn lane(&self, event: Node<'_>) -> Option<u64> {
        let value = self.ordering.as_ref()?.find(event)?;
        (!value.is_null()).then(|| lane_of(&plain(value)))
    }

    /// What identifies an event: the field the options name, else Amplitude's `$insert_id` (unique
    /// per device only). `None`: only its position does.
    fn own_key(&self, event: Node<'_>) -> Option<String> {
        if let Some(path) = &self.event_key {
            return path.find(event).filter(|node| !node.is_null()).map(plain);
        }
        let event = event.as_object()?;
        let insert_id = event.get("$insert_id").filter(|node| !node.is_null())?;
        let mut key = plain(insert_id);
        if let Some(device) = event.get("device_id").filter(|node| !node.is_null()) {
            key.push('/');
            match device.as_text() {
                Some(device) => key.push_str(device),
                None => key.push_str(&plain(device)),
            }
        }
        Some(key)
    }
}

/// A value as text: `42` and `"42"` are the same.
fn plain(node: Node<'_>) -> String {
    match node.as_text() {
        Some(text) => text.to_owned(),
        None => format!("{node:?}"),
    }
}

/// `NAME` of `${secrets.NAME}`.
fn secret_reference(text: &str) -> Option<&str> {
    text.strip_prefix("${secrets.")?.strip_suffix('}')
}

/// Where an event stands, for those that have no key of their own.
#[derive(Clone, Copy, Debug)]
pub enum Position<'p> {
    /// In a source that is known by its content: what identifies that, and which of its events it
    /// is, from 0.
    Source(&'p str, u64),
    /// In a sequence without a name, counted from 0: its text counts too.
    Ordinal(u64),
}

impl Position<'_> {
    fn key(&self, text: &str) -> String {
        match self {
            Self::Source(identity, position) => format!("{identity}:{position}"),
            Self::Ordinal(ordinal) => format!("{}-{ordinal}", webhook_id("", text)),
        }
    }
}
