//! What both sides are asked, and what they answer.

use std::fmt;

use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

/// A moment for `.now`: 2024-01-15T10:30:00.120Z.
pub(crate) const NOW_MILLIS: i64 = 1_705_314_600_120;

/// A template and all that it is rendered with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) template: String,
    /// What it may include and import.
    pub(crate) templates: Vec<(String, String)>,
    /// The variables.
    pub(crate) data: Map<String, Json>,
    /// FreeMarker's names and values.
    pub(crate) settings: Vec<(String, String)>,
}

impl Request {
    /// A request from JSON: a string is a template, an object has all parts.
    pub(crate) fn from_json(json: &Json) -> Self {
        let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        let pairs = |json: &Json| -> Vec<(String, String)> {
            let pairs = json.as_object().into_iter().flatten();
            pairs.map(|(name, value)| (name.clone(), text(value))).collect()
        };
        let templates = pairs(&json["templates"]);
        let name = json["name"].as_str().unwrap_or("case.ftl").to_owned();
        let named = templates.iter().find(|(known, _)| *known == name);
        let template = match json.get("template").or(json.as_str().map(|_| json)) {
            Some(template) => text(template),
            None => named.map(|(_, text)| text.clone()).unwrap_or_default(),
        };
        Self {
            name,
            template,
            templates,
            data: json["data"].as_object().cloned().unwrap_or_default(),
            settings: pairs(&json["settings"]),
        }
    }

    /// The request as FreeMarker's side reads it. That side has no say in what time it is, so `.now`
    /// becomes a variable.
    pub(crate) fn json(&self) -> String {
        let templates = self.templates.iter().map(|(name, text)| (name.clone(), fixed_now(text)));
        let templates: Map<String, Json> = templates.map(|(n, t)| (n, Json::String(t))).collect();
        let settings = self.settings.iter().map(|(n, v)| (n.clone(), Json::String(v.clone())));
        let settings: Map<String, Json> = settings.collect();
        json!({
            "name": self.name,
            "template": fixed_now(&self.template),
            "templates": templates,
            "data": self.data,
            "settings": settings,
            "now": NOW_MILLIS,
        })
        .to_string()
    }
}

fn fixed_now(template: &str) -> String {
    let mut fixed = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(".now") {
        let (before, behind) = (&rest[..at], &rest[at + ".now".len()..]);
        let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
        let closed = |c| matches!(c, ']' | ')' | '.' | '"' | '\'');
        let is_step = before.trim_end().ends_with(closed) || ends_with_value(before.trim_end());
        fixed.push_str(before);
        fixed.push_str(if is_step || behind.starts_with(letter) { ".now" } else { "oracle_now" });
        rest = behind;
    }
    fixed.push_str(rest);
    fixed
}

/// Whether the last word is a value, of which `.now` would be a part, and not the name of a tag or an operator.
fn ends_with_value(text: &str) -> bool {
    const OPERATORS: [&str; 9] = ["in", "as", "gt", "gte", "lt", "lte", "and", "using", "r"];
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
    let before = text.trim_end_matches(letter);
    let word = &text[before.len()..];
    let tag = text.rsplit(['<', '[']).next().unwrap_or_default();
    let is_name = tag.starts_with(['#', '@']) && !tag.contains(char::is_whitespace);
    !word.is_empty() && !is_name && !OPERATORS.contains(&word)
}

/// FreeMarker's answer, and the messages of the errors that `<#attempt>` caught.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) caught: String,
}

/// What a template gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Output(String),
    Error {
        /// `settings`, `parse` or `render`.
        phase: String,
        /// FreeMarker's class of exception, or the engine's kind of mistake.
        kind: String,
        message: String,
        line: usize,
        column: usize,
    },
}

impl Answer {
    /// Whether they are the same to a user: the same output, or an error of the same phase.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Output(one), Self::Output(other)) => one == other,
            (Self::Error { phase: one, .. }, Self::Error { phase: other, .. }) => {
                // A setting that isn't known is found out before the template is looked at.
                let early = |phase: &str| phase == "settings" || phase == "parse";
                one == other || (early(one) && early(other))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(output) => write!(f, "output {output:?}"),
            Self::Error { phase, kind, message, line, column } => {
                write!(f, "error ({phase}, {kind}, {line}:{column}) {message}")
            }
        }
    }
}
