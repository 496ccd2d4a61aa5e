//! What sample events do to a template: which fail, which fields they lack, and what a missing field
//! does to the payload.
//!
//! Every event is rendered. Of some, fields are taken away one by one and they are rendered again:
//! that is how it is known what a missing field does, also when none is missing today.

use crate::ftl::check::Checked;
use crate::ftl::check::Evidence;
use crate::ftl::check::Finding;
use crate::ftl::check::Level;
use crate::ftl::check::Rule;
use crate::ftl::check::Usage;
use crate::ftl::error::TemplateError;
use crate::ftl::eval::Data;
use crate::ftl::template::RenderOptions;
use crate::ftl::template::Template;
use crate::text::Span;
use crate::value::Document;
use crate::value::Node;
use crate::value::View;
use crate::value::write_json;
use crate::value::write_json_text;

/// Events that fields are taken away from.
const MAX_KEPT: usize = 20;
/// Further ones are kept for fields that fewer of them have.
const KEPT_A_FIELD: usize = 3;
/// Different failures that are told apart.
const MAX_FAILURES: usize = 20;

/// Sample events of a template.
#[derive(Debug)]
pub struct Samples {
    template: Template,
    usage: Usage,
    fields: Vec<Field>,
    evidence: Evidence,
    is_json: bool,
    kept: Vec<String>,
    failures: Vec<Failure>,
    /// Events that could be rendered, and those of them whose payload is JSON.
    rendered: u64,
    json: u64,
    options: RenderOptions,
}

#[derive(Debug)]
struct Field {
    keys: Vec<String>,
    span: Span,
    /// Events that lack it and failed.
    failed_without: u64,
    kept: usize,
}

/// Events that failed in the same way.
#[derive(Debug)]
struct Failure {
    error: TemplateError,
    is_json_error: bool,
    count: u64,
    first: String,
}

/// What becomes of an event without a field.
enum Effect {
    Same,
    /// Every event fails for another reason.
    Unknown,
    /// The part of the payload that changes, before and after.
    Changed(String, String),
    NotJson(TemplateError),
    Fails(TemplateError),
}

impl Samples {
    /// No events yet; `usage` says which variables the template is given.
    pub fn new(template: &Template, usage: Usage, options: RenderOptions) -> Self {
        let field = |(keys, span)| Field { keys, span, failed_without: 0, kept: 0 };
        let fields: Vec<Field> = template.fields().into_iter().map(field).collect();
        let Checked { is_json, .. } = template.checked(&usage, None);
        Self {
            template: template.clone(),
            usage,
            evidence: Evidence::new(fields.iter().map(|field| field.keys.clone())),
            fields,
            is_json,
            kept: Vec::new(),
            failures: Vec::new(),
            rendered: 0,
            json: 0,
            options,
        }
    }

    /// Renders an event; `place` says where it stands. Says whether it failed.
    pub fn add(&mut self, event: Node<'_>, place: &str) -> bool {
        self.evidence.add(event);
        let data = Data::event(event);
        let failure = match self.template.render(data, self.options) {
            Err(error) => Some((error, false)),
            Ok(output) => {
                self.rendered += 1;
                if Document::parse(&output).is_ok() {
                    self.json += 1;
                    None
                } else {
                    self.template.payload_error(data, self.options).map(|error| (error, true))
                }
            }
        };
        let failed = match &failure {
            Some((_, is_json_error)) => !is_json_error || self.is_json,
            None => false,
        };
        for field in &mut self.fields {
            let is_there = find(event, &field.keys).is_some();
            field.failed_without += u64::from(failed && !is_there);
        }
        match failure {
            Some((error, is_json_error)) => self.fail(error, is_json_error, place),
            None => self.keep(event),
        }
        failed
    }

    fn fail(&mut self, error: TemplateError, is_json_error: bool, place: &str) {
        let same = |known: &&mut Failure| {
            known.is_json_error == is_json_error
                && known.error.span() == error.span()
                && known.error.name() == error.name()
        };
        if let Some(known) = self.failures.iter_mut().find(same) {
            known.count += 1;
        } else if self.failures.len() < MAX_FAILURES {
            let first = place.to_owned();
            self.failures.push(Failure { error, is_json_error, count: 1, first });
        }
    }

    fn keep(&mut self, event: Node<'_>) {
        let there = |field: &Field| find(event, &field.keys).is_some();
        let is_wanted = self.kept.len() < MAX_KEPT
            || self.fields.iter().any(|field| field.kept < KEPT_A_FIELD && there(field));
        if !is_wanted {
            return;
        }
        let mut text = String::new();
        write_json(event, &mut text);
        self.kept.push(text);
        for field in &mut self.fields {
            field.kept += usize::from(there(field));
        }
    }

    /// The findings of the template, sharpened by the events, and what the events themselves show.
    pub fn finish(self) -> Vec<Finding> {
        let evidence = (self.evidence.events() > 0).then_some(&self.evidence);
        let Checked { mut findings, .. } = self.template.checked(&self.usage, evidence);
        // A text that is JSON for no event is none.
        let is_json = self.is_json || self.json > 0;
        for failure in &self.failures {
            if !failure.is_json_error || is_json {
                findings.push(self.failing(failure));
            }
        }
        if evidence.is_some() {
            findings.extend(self.fields.iter().filter_map(|field| self.missing(field, is_json)));
        }
        findings.sort_by_key(|finding| {
            (finding.name() != self.template.name(), finding.span().start, finding.rule())
        });
        findings
    }

    fn failing(&self, failure: &Failure) -> Finding {
        let Failure { error, is_json_error, count, first } = failure;
        let events = self.evidence.events();
        let what = if *is_json_error { "give a payload that is no JSON" } else { "fail" };
        let message = format!(
            "{count} of {events} sample events {what}, the first is {first}: {}",
            brief(error)
        );
        let finding = Finding::new(Rule::FailingEvents, message, error.source(), error.span());
        match error.hint() {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        }
    }

    fn missing(&self, field: &Field, is_json: bool) -> Option<Finding> {
        let keys: Vec<&str> = field.keys.iter().map(String::as_str).collect();
        let seen = self.evidence.field(&keys)?;
        let events = self.evidence.events();
        let absent = events - seen.present - seen.null;
        let source = self.template.source();
        let how_often = match (absent, seen.null) {
            (0, 0) => format!("is in {}", share(events, events)),
            (absent, 0) => format!("is missing in {}", share(absent, events)),
            (0, null) => format!("is null in {}", share(null, events)),
            (absent, null) => {
                format!(
                    "is missing in {absent} and null in {null}, {}",
                    share(absent + null, events)
                )
            }
        };
        let is_whole = absent + seen.null == events;
        let effect = self.effect(field, is_json);
        let (then, level) = match (effect, absent + seen.null) {
            (Effect::Same | Effect::Unknown | Effect::Changed(..), 0) => return None,
            (Effect::Fails(error), 0) => {
                (format!("; without it the template fails: {}", brief(&error)), Level::Note)
            }
            (Effect::NotJson(error), 0) => {
                (format!("; without it the payload is no JSON: {}", brief(&error)), Level::Note)
            }
            (Effect::Fails(error), _) => {
                let level = if field.failed_without > 0 { Level::Error } else { Level::Note };
                (format!(", and the template fails then: {}", brief(&error)), level)
            }
            (Effect::NotJson(error), _) => {
                let level = if field.failed_without > 0 { Level::Error } else { Level::Note };
                (format!(", and the payload is no JSON then: {}", brief(&error)), level)
            }
            (Effect::Unknown, _) => (String::new(), Level::Note),
            (Effect::Same, _) if is_whole => {
                (": is it spelled as in the events?".to_owned(), Level::Note)
            }
            (Effect::Same, _) => (", which changes nothing in the payload".to_owned(), Level::Note),
            (Effect::Changed(before, after), _) => {
                (format!(", and `{before}` becomes `{after}` then"), Level::Note)
            }
        };
        let message = format!("`{}` {how_often}{then}", source.slice(field.span));
        let finding = Finding::new(Rule::MissingField, message, source, field.span).at_level(level);
        Some(match level {
            Level::Note => finding,
            _ => finding
                .with_hint("give it a default, `${x!\"…\"}`, or write the part only `<#if x??>`"),
        })
    }

    /// The worst that happens when the field is taken away from events that have it, or is not in
    /// any.
    fn effect(&self, field: &Field, is_json: bool) -> Effect {
        let mut worst = Effect::Same;
        for text in &self.kept {
            let Ok(event) = Document::parse(text) else { continue };
            if find(event.root(), &field.keys).is_none() {
                continue;
            }
            let mut reduced = String::new();
            write_without(event.root(), &field.keys, &mut reduced);
            let effect = self.compare(event.root(), &reduced, is_json);
            if effect.weight() > worst.weight() {
                worst = effect;
            }
        }
        if field.kept == 0 && field.failed_without > 0 {
            // No event shows it the other way round: what failed, failed without the field. For
            // its sake only if the error is at its place; that of a payload may be behind it.
            let name = self.template.name();
            let counts = |failure: &&Failure| !failure.is_json_error || is_json;
            let is_its_own = |failure: &&Failure| {
                let span = failure.error.span();
                let overlaps = span.start < field.span.end && field.span.start < span.end;
                failure.is_json_error || (failure.error.name() == name && overlaps)
            };
            let own = self.failures.iter().filter(counts).find(is_its_own);
            return match own {
                Some(failure) if failure.is_json_error => Effect::NotJson(failure.error.clone()),
                Some(failure) => Effect::Fails(failure.error.clone()),
                None if self.failures.iter().any(|failure| counts(&failure)) => Effect::Unknown,
                None => worst,
            };
        }
        worst
    }

    fn compare(&self, event: Node<'_>, reduced: &str, is_json: bool) -> Effect {
        let (Ok(before), Ok(document)) =
            (self.template.render(Data::event(event), self.options), Document::parse(reduced))
        else {
            return Effect::Same;
        };
        let data = Data::event(document.root());
        match self.template.render(data, self.options) {
            Err(error) => Effect::Fails(error),
            Ok(after) if after == before => Effect::Same,
            Ok(after) => {
                if is_json
                    && Document::parse(&after).is_err()
                    && let Some(error) = self.template.payload_error(data, self.options)
                {
                    return Effect::NotJson(error);
                }
                let (before, after) = difference(&before, &after);
                Effect::Changed(before, after)
            }
        }
    }
}

impl Effect {
    fn weight(&self) -> u8 {
        match self {
            Self::Same | Self::Unknown => 0,
            Self::Changed(..) => 1,
            Self::NotJson(_) => 2,
            Self::Fails(_) => 3,
        }
    }
}

/// An error in one line.
fn brief(error: &TemplateError) -> &str {
    error.message().lines().next().unwrap_or_default()
}

fn share(count: u64, events: u64) -> String {
    let percent = count as f64 * 100.0 / events.max(1) as f64;
    let percent = if percent < 0.1 { "under 0.1".to_owned() } else { format!("{percent:.1}") };
    if count == events {
        return match events {
            1 => "the sample event".to_owned(),
            _ => format!("all {events} sample events"),
        };
    }
    format!("{count} of {events} sample events ({} %)", percent.trim_end_matches(".0"))
}

/// The value at the end of the keys; `None` when it is missing or null.
fn find<'d>(event: Node<'d>, keys: &[String]) -> Option<Node<'d>> {
    let found = keys.iter().try_fold(event, |node, key| node.as_object()?.get(key));
    found.filter(|node| !node.is_null())
}

/// The value as JSON without what stands at the end of the keys.
fn write_without(node: Node<'_>, keys: &[String], out: &mut String) {
    let (View::Object(object), Some((first, rest))) = (node.view(), keys.split_first()) else {
        return write_json(node, out);
    };
    out.push('{');
    let mut is_first = true;
    for (key, value) in object.iter() {
        if key == first && rest.is_empty() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        write_json_text(key, out);
        out.push(':');
        if key == first {
            write_without(value, rest, out);
        } else {
            write_json(value, out);
        }
    }
    out.push('}');
}

/// The parts of two texts that differ, with a little around them.
fn difference(before: &str, after: &str) -> (String, String) {
    const AROUND: usize = 12;
    const MOST: usize = 60;
    let left: Vec<char> = before.chars().collect();
    let right: Vec<char> = after.chars().collect();
    let same = left.iter().zip(&right).take_while(|(one, other)| one == other).count();
    let most = left.len().min(right.len()) - same;
    let same_end = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take(most)
        .take_while(|(one, other)| one == other)
        .count();
    let start = same.saturating_sub(AROUND);
    let cut = |text: &[char]| -> String {
        let end = (text.len() - same_end + 1).min(text.len());
        let part = &text[start..end];
        let shown: String = part.iter().take(MOST).collect();
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        if part.len() > MOST { format!("{shown}…") } else { shown }
    };
    (cut(&left), cut(&right))
}

#[cfg(test)]
mod tests {
    use crate::ftl::samples::difference;
    use crate::ftl::samples::share;
    use crate::ftl::samples::write_without;
    use crate::value::Document;

    #[test]
    fn a_field_is_taken_away_wherever_it_stands() {
        let event = Document::parse(r#"{"a":{"b":1,"c":[2]},"d":null}"#).unwrap_or_default();
        let without = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let mut out = String::new();
            write_without(event.root(), &keys, &mut out);
            out
        };
        assert_eq!(without(&["a", "b"]), r#"{"a":{"c":[2]},"d":null}"#);
        assert_eq!(without(&["a"]), r#"{"d":null}"#);
        assert_eq!(without(&["x"]), r#"{"a":{"b":1,"c":[2]},"d":null}"#);
    }

    #[test]
    fn what_differs_is_shown_with_what_stands_before_it() {
        let (before, after) = difference(r#"{"email": "a@b.c"}"#, r#"{"email": ""}"#);
        assert_eq!((before.as_str(), after.as_str()), (r#"{"email": "a@b.c""#, r#"{"email": """#));
        assert_eq!(share(1, 3), "1 of 3 sample events (33.3 %)");
        assert_eq!(share(1, 100_000), "1 of 100000 sample events (under 0.1 %)");
    }
}
