//! Which events a sync sends: a filter says yes or no to an event, and why.
//!
//! ```
//! use webhook_stream::filter::Filter;
//! use webhook_stream::value::Document;
//!
//! let filter = Filter::from_json("filter.json", r#"{
//!     "event_type": "click event",
//!     "filters": [{
//!         "subprop_type": "user", "subprop_key": "gp:plan",
//!         "subprop_op": "is", "subprop_value": ["pro", "team"]
//!     }]
//! }"#)?;
//! let event = Document::parse(r#"{
//!     "event_type": "click event", "user_properties": {"plan": "free"}
//! }"#)?;
//! assert!(!filter.matches(event.root())?);
//! let explanation = filter.explain(event.root()).to_string();
//! let why = r#"does not match: user_properties.plan is "pro" or "team" (saw "free")"#;
//! assert_eq!(explanation.lines().next(), Some(why));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format is Amplitude's, as its REST API documents it; what each operator says about each kind
//! of value stands in `tests/cases/filter/`. Nothing here reads files or changes an event.

mod check;
mod condition;
mod error;
mod explain;
mod glob;
mod json;
mod parse;
mod property;

use crate::ftl;
use crate::ftl::Expression;
use crate::ftl::Settings;
use crate::text::Source;
use crate::value::Key;
use crate::value::Node;
use crate::value::write_json_text;

pub use crate::filter::check::FilterSamples;
pub use crate::filter::error::{FilterError, FilterErrorKind};
pub use crate::filter::explain::{Clause, Explanation, Saw, Verdict};

use crate::filter::parse::Alternative;

/// A filter, ready to be asked about events. Cheap to share, and the same for all threads.
#[derive(Clone, Debug)]
pub struct Filter {
    source: Source,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    /// Any of these.
    Alternatives { event_type: Key, alternatives: Vec<Alternative> },
    /// This is true.
    Expression(Expression),
}

impl Filter {
    /// A filter from Amplitude's filter JSON: one object with an event type and conditions that
    /// must all be fulfilled, or an array of them, any of which may match. `name` stands for it in
    /// messages.
    ///
    /// # Errors
    /// When the text is no such filter; the error draws the place.
    pub fn from_json(name: &str, text: &str) -> Result<Self, FilterError> {
        let source = Source::new(name, text);
        let alternatives = parse::parse(&source)?;
        let event_type = Key::new("event_type");
        Ok(Self { source, rule: Rule::Alternatives { event_type, alternatives } })
    }

    /// A filter from an FTL boolean expression over `input`. `name` stands for it in messages.
    ///
    /// # Errors
    /// When the text is no expression; the error draws the place.
    pub fn from_expression(name: &str, text: &str) -> Result<Self, FilterError> {
        let expression = Expression::compile(name, text, &Settings::amplitude())?;
        Ok(Self { source: expression.source().clone(), rule: Rule::Expression(expression) })
    }

    /// Whether it is Amplitude's filter JSON, and not an expression.
    pub fn is_json(&self) -> bool {
        matches!(self.rule, Rule::Alternatives { .. })
    }

    /// The filter as it was written.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether the event matches.
    ///
    /// # Errors
    /// When an expression fails on this event. A filter from JSON never fails.
    #[inline]
    pub fn matches(&self, event: Node<'_>) -> Result<bool, FilterError> {
        match &self.rule {
            Rule::Alternatives { event_type, alternatives } => {
                let own_type = event.as_object().and_then(|event| event.get_key(event_type));
                let own_type = own_type.and_then(Node::as_text);
                Ok(alternatives.iter().any(|alternative| alternative.matches(event, own_type)))
            }
            Rule::Expression(expression) => Ok(expression.matches(event)?),
        }
    }

    /// Why the event matches, or why not. Slower than [`Filter::matches`], and of the same opinion.
    pub fn explain(&self, event: Node<'_>) -> Explanation {
        match &self.rule {
            Rule::Alternatives { alternatives, .. } => {
                let mut operands: Vec<Clause> =
                    alternatives.iter().map(|alternative| alternative.explain(event)).collect();
                let matched = operands.iter().any(|operand| operand.verdict == Verdict::True);
                let root = if operands.len() == 1 {
                    operands.remove(0)
                } else {
                    let text = "any of these".to_owned();
                    Clause { text, verdict: matched.into(), saw: Vec::new(), operands }
                };
                Explanation { matched, root }
            }
            Rule::Expression(expression) => {
                let root = Clause::from(expression.explain(event));
                Explanation { matched: root.verdict == Verdict::True, root }
            }
        }
    }
}

impl Alternative {
    #[inline]
    fn matches(&self, event: Node<'_>, own_type: Option<&str>) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| own_type == Some(wanted))
            && self.conditions.iter().all(|condition| condition.matches(event))
    }

    fn explain(&self, event: Node<'_>) -> Clause {
        let mut operands = Vec::new();
        if let Some(wanted) = &self.event_type {
            let own = event.as_object().and_then(|event| event.get("event_type"));
            let fulfilled = own.and_then(Node::as_text) == Some(wanted);
            let mut text = "event_type is ".to_owned();
            write_json_text(wanted, &mut text);
            let value = own.map(|own| format!("{own:?}"));
            let saw = vec![Saw { path: "event_type".to_owned(), value }];
            operands.push(Clause { text, verdict: fulfilled.into(), saw, operands: Vec::new() });
        }
        for condition in &self.conditions {
            let seen = condition.property.seen(event).into_iter();
            operands.push(Clause {
                text: condition.text(),
                verdict: condition.matches(event).into(),
                saw: seen.map(|(path, value)| Saw { path, value }).collect(),
                operands: Vec::new(),
            });
        }
        let fulfilled = operands.iter().all(|operand| operand.verdict == Verdict::True);
        match operands.len() {
            0 => {
                let text = "every event matches".to_owned();
                Clause { text, verdict: Verdict::True, saw: Vec::new(), operands }
            }
            1 => operands.remove(0),
            _ => {
                let text = "all of these".to_owned();
                Clause { text, verdict: fulfilled.into(), saw: Vec::new(), operands }
            }
        }
    }
}

impl From<ftl::Clause> for Clause {
    fn from(clause: ftl::Clause) -> Self {
        Self {
            text: clause.source,
            verdict: match clause.value {
                ftl::ClauseValue::True => Verdict::True,
                ftl::ClauseValue::False => Verdict::False,
                ftl::ClauseValue::Failed(message) => Verdict::Failed(message),
            },
            saw: clause
                .saw
                .into_iter()
                .map(|(path, value)| Saw { path, value: (value != "missing").then_some(value) })
                .collect(),
            operands: clause.operands.into_iter().map(Self::from).collect(),
        }
    }
}
