//! What will hurt in a sync: its template, its filter, its URL and headers; with sample events what
//! becomes of them.

use crate::filter::FilterSamples;
use crate::ftl::Finding;
use crate::ftl::RenderOptions;
use crate::ftl::Samples;
use crate::ftl::Usage;
use crate::pipeline::Sync;
use crate::value::Document;

/// What a payload's template is given.
const EVENT: Usage = Usage::Event(&["input"]);

/// A sync that is being checked.
#[derive(Debug)]
pub struct Checkup<'s> {
    sync: &'s Sync,
    template: Option<Samples>,
    filter: Option<FilterSamples<'s>>,
    others: Vec<Other>,
    events: u64,
    filtered: u64,
}

/// What a checkup found.
#[derive(Debug)]
pub struct Diagnosis {
    /// In the sync's filter, template, URL and headers.
    pub findings: Vec<Finding>,
    /// What has no place in them: secrets that aren't set, events that can't be filtered or addressed.
    pub others: Vec<String>,
    /// The sample events.
    pub events: u64,
    /// Those that the filter leaves out.
    pub filtered: u64,
}

/// Events for which something else fails in the same way.
#[derive(Debug)]
struct Other {
    what: &'static str,
    message: String,
    first: String,
    count: u64,
}

/// Failures that are told apart.
const MAX_OTHERS: usize = 10;

impl<'s> Checkup<'s> {
    /// No events yet. `now_millis` is what templates see as `.now`.
    pub fn new(sync: &'s Sync, now_millis: i64) -> Self {
        let options = RenderOptions { now_millis };
        let template = sync.options().template.as_ref();
        Self {
            sync,
            template: template.map(|template| Samples::new(template, EVENT, options)),
            filter: sync.options().filter.as_ref().map(FilterSamples::new),
            others: Vec::new(),
            events: 0,
            filtered: 0,
        }
    }

    /// Takes the event in `text`, which stands at `place`, through the sync.
    pub fn add(&mut self, text: &str, place: &str) {
        self.events += 1;
        let event = match Document::parse(text) {
            Ok(event) => event,
            Err(error) => return self.other("be read", error.to_string(), place),
        };
        let root = event.root();
        if let Some(samples) = &mut self.filter {
            samples.add(root);
        }
        match self.sync.options().filter.as_ref().map(|filter| filter.matches(root)) {
            Some(Ok(false)) => {
                self.filtered += 1;
                return;
            }
            Some(Err(error)) => return self.other("be filtered", error.to_string(), place),
            Some(Ok(true)) | None => {}
        }
        if let Some(samples) = &mut self.template {
            samples.add(root, place);
        }
        if let Err(error) = self.sync.head.target(root) {
            self.other("be addressed", error.to_string(), place);
        }
    }

    /// Something that can't be counted as an event: a line that is none.
    pub fn add_invalid(&mut self, error: &str) {
        self.events += 1;
        self.other("be read", error.to_owned(), "");
    }

    fn other(&mut self, what: &'static str, message: String, place: &str) {
        let same = |own: &&mut Other| own.what == what && own.message == message;
        if let Some(own) = self.others.iter_mut().find(same) {
            own.count += 1;
        } else if self.others.len() < MAX_OTHERS {
            self.others.push(Other { what, message, first: place.to_owned(), count: 1 });
        }
    }

    /// What was found.
    pub fn finish(self) -> Diagnosis {
        let Self { sync, template, filter, others, events, filtered } = self;
        let mut findings = filter.map(FilterSamples::finish).unwrap_or_default();
        findings.extend(template.map(Samples::finish).unwrap_or_default());
        findings.extend(sync.head.check());
        let other = |Other { what, message, first, count }: Other| {
            let first = if first.is_empty() { first } else { format!(", the first is {first}") };
            format!("{count} of {events} events can't {what}{first}: {message}")
        };
        let others = others.into_iter().map(other).collect();
        Diagnosis { findings, others, events, filtered }
    }
}
