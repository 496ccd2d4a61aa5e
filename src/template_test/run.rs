//! A case, run.

use std::fmt::Write as _;

use crate::ftl::Data;
use crate::ftl::RenderOptions;
use crate::ftl::TemplateError;
use crate::template_test::Case;
use crate::template_test::Expected;
use crate::template_test::Given;
use crate::template_test::Schema;
use crate::template_test::diff::diff;
use crate::template_test::diff::same;
use crate::value::Document;

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected: what differs, in lines.
    Failed(String),
}

/// What became of one event.
pub(in crate::template_test) enum Rendered {
    Filtered,
    Payload(String),
    Error { kind: String, message: String, line: Option<usize> },
}

impl Case {
    /// Runs the case.
    pub fn run(&self) -> Verdict {
        match self.difference() {
            None => Verdict::Passed,
            Some(difference) => Verdict::Failed(difference),
        }
    }

    fn difference(&self) -> Option<String> {
        match &self.expected {
            Expected::Payloads { texts, .. } => self.compare_payloads(texts),
            Expected::Text { text, .. } => {
                self.given.iter().find_map(|given| match self.render(given) {
                    Rendered::Payload(found) if found == *text => None,
                    Rendered::Payload(found) => Some(self.at(given, &text_diff(text, &found))),
                    other => Some(self.at(given, &other.unexpected())),
                })
            }
            Expected::Filtered(filtered) => {
                self.given.iter().find_map(|given| match (self.render(given), filtered) {
                    (Rendered::Filtered, true) | (Rendered::Payload(_), false) => None,
                    (Rendered::Payload(_), true) => {
                        Some(self.at(
                            given,
                            "expected to be filtered out, but the filter lets it through",
                        ))
                    }
                    (other, _) => Some(self.at(given, &other.unexpected())),
                })
            }
            Expected::Error { pattern, kind, line } => self.given.iter().find_map(|given| {
                let wrong =
                    self.compare_error(given, pattern.as_deref(), kind.as_deref(), *line)?;
                Some(self.at(given, &wrong))
            }),
            Expected::Json => self.given.iter().find_map(|given| match self.render(given) {
                Rendered::Payload(text) => {
                    let wrong = self.check_payload(given, &text)?;
                    Some(self.at(given, &wrong))
                }
                Rendered::Filtered if self.given.len() > 1 => None,
                other => Some(self.at(given, &other.unexpected())),
            }),
        }
    }

    fn compare_payloads(&self, expected: &[String]) -> Option<String> {
        let mut left = expected.iter();
        for given in &self.given {
            let found = match self.render(given) {
                Rendered::Payload(found) => found,
                Rendered::Filtered if self.given.len() > 1 => continue,
                other => return Some(self.at(given, &other.unexpected())),
            };
            if let Some(wrong) = self.check_payload(given, &found) {
                return Some(self.at(given, &wrong));
            }
            let Some(expected) = left.next() else {
                let shown = found.trim();
                let wrong = if expected.is_empty() {
                    format!("nothing is expected yet, an update writes it; found {shown}")
                } else {
                    format!("expected nothing more, found {shown}")
                };
                return Some(self.at(given, &wrong));
            };
            let (Ok(wanted), Ok(got)) = (Document::parse(expected), Document::parse(&found)) else {
                return Some(self.at(given, &format!("what is expected is not JSON: {expected}")));
            };
            if !same(wanted.root(), got.root()) {
                let shown = diff(wanted.root(), got.root());
                return Some(self.at(given, &format!("the payload differs\n{shown}")));
            }
        }
        let missing = left.count();
        (missing > 0).then(|| format!("{missing} more payloads were expected"))
    }

    fn compare_error(
        &self,
        given: &Given,
        pattern: Option<&str>,
        kind: Option<&str>,
        line: Option<usize>,
    ) -> Option<String> {
        let (found_kind, message, found_line) = match self.render(given) {
            Rendered::Error { kind, message, line } => (kind, message, line),
            Rendered::Filtered => return Some("expected an error, but it is filtered out".into()),
            Rendered::Payload(text) => {
                let document = Document::parse(given.text.as_str()).ok()?;
                let (data, options) = (Data::event(document.root()), self.options());
                match self.subject.template.payload_error(data, options) {
                    Some(error) => parts(&error),
                    None => return Some(format!("expected an error, found {}", text.trim())),
                }
            }
        };
        if let Some(pattern) = pattern
            && !message.contains(pattern)
        {
            return Some(format!("expected an error with `{pattern}`, found\n{message}"));
        }
        if let Some(kind) = kind
            && kind != found_kind
        {
            return Some(format!(
                "expected an error of kind {kind}, found {found_kind}\n{message}"
            ));
        }
        if let Some(line) = line
            && found_line != Some(line)
        {
            let found = found_line.map_or("none".to_owned(), |line| line.to_string());
            return Some(format!("expected an error on line {line}, found {found}\n{message}"));
        }
        None
    }

    /// Why a payload is no JSON, or not what the schema asks for.
    pub(in crate::template_test) fn check_payload(
        &self,
        given: &Given,
        text: &str,
    ) -> Option<String> {
        if Document::parse(text).is_err() {
            let document = Document::parse(given.text.as_str()).ok()?;
            let error =
                self.subject.template.payload_error(Data::event(document.root()), self.options());
            return error.map(|error| error.to_string());
        }
        let Schema(schema) = self.schema.as_ref()?;
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let wrong: Vec<String> = schema
            .iter_errors(&value)
            .map(|error| {
                let path = error.instance_path().to_string();
                let path = if path.is_empty() { "the payload".to_owned() } else { path };
                format!("  {path}: {error}")
            })
            .collect();
        (!wrong.is_empty()).then(|| {
            format!("the payload breaks its schema\n{}\n{}", wrong.join("\n"), text.trim())
        })
    }

    pub(in crate::template_test) fn render(&self, given: &Given) -> Rendered {
        self.render_text(&given.text)
    }

    pub(in crate::template_test) fn render_text(&self, event: &str) -> Rendered {
        let document = match Document::parse(event) {
            Ok(document) => document,
            Err(error) => {
                let (kind, message) = ("invalid_json".to_owned(), error.to_string());
                return Rendered::Error { kind, message, line: None };
            }
        };
        if let Some(filter) = &self.subject.filter {
            match filter.matches(document.root()) {
                Ok(true) => {}
                Ok(false) => return Rendered::Filtered,
                Err(error) => {
                    let kind = error.kind().name().to_owned();
                    return Rendered::Error { kind, message: error.to_string(), line: None };
                }
            }
        }
        match self.subject.template.render(Data::event(document.root()), self.options()) {
            Ok(text) => Rendered::Payload(text),
            Err(error) => {
                let (kind, message, line) = parts(&error);
                Rendered::Error { kind, message, line }
            }
        }
    }

    pub(in crate::template_test) fn options(&self) -> RenderOptions {
        RenderOptions { now_millis: self.now_millis }
    }

    /// A message, with the event it is about where there are several.
    fn at(&self, given: &Given, message: &str) -> String {
        if self.given.len() > 1 {
            format!("{}: {message}", given.place)
        } else {
            message.to_owned()
        }
    }
}

impl Rendered {
    fn unexpected(&self) -> String {
        match self {
            Self::Filtered => "expected a payload, but it is filtered out".to_owned(),
            Self::Payload(text) => format!("expected no payload, found {}", text.trim()),
            Self::Error { message, .. } => message.clone(),
        }
    }
}

fn parts(error: &TemplateError) -> (String, String, Option<usize>) {
    (error.kind().name().to_owned(), error.to_string(), Some(error.position().line))
}

/// Two texts line by line, as far as they differ.
fn text_diff(expected: &str, found: &str) -> String {
    let (mut left, mut right) = (expected.lines(), found.lines());
    let mut out = String::from("the text differs\n--- expected\n+++ rendered\n");
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(one), Some(two)) if one == two => drop(writeln!(out, "  {one}")),
            (one, two) => {
                if let Some(one) = one {
                    let _ = writeln!(out, "- {one}");
                }
                if let Some(two) = two {
                    let _ = writeln!(out, "+ {two}");
                }
            }
        }
    }
    if expected.lines().eq(found.lines()) {
        let _ = writeln!(out, "(line ends: expected {expected:?}, found {found:?})");
    }
    out
}
