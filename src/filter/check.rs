//! Finds what will hurt in a filter, and what sample events say about the fields it reads.

use std::collections::BTreeSet;

use crate::filter::Filter;
use crate::filter::Rule;
use crate::ftl;
use crate::ftl::Evidence;
use crate::ftl::Finding;
use crate::text::Source;
use crate::text::Span;
use crate::text::did_you_mean;
use crate::value::Node;
use crate::value::write_json_text;

/// Event types that are kept to guess from.
const MAX_TYPES: usize = 1000;

/// Sample events of a filter.
#[derive(Debug)]
pub struct FilterSamples<'f> {
    filter: &'f Filter,
    evidence: Evidence,
    types: BTreeSet<String>,
}

impl Filter {
    /// What will hurt, found without asking the filter about an event.
    pub fn check(&self) -> Vec<Finding> {
        FilterSamples::new(self).finish()
    }
}

impl<'f> FilterSamples<'f> {
    /// No events yet.
    pub fn new(filter: &'f Filter) -> Self {
        let paths: Vec<Vec<String>> = match &filter.rule {
            Rule::Expression(expression) => expression.fields(),
            Rule::Alternatives { alternatives, .. } => alternatives
                .iter()
                .flat_map(|alternative| &alternative.conditions)
                .flat_map(|condition| condition.property.keys())
                .collect(),
        };
        Self { filter, evidence: Evidence::new(paths), types: BTreeSet::new() }
    }

    /// Looks at an event.
    pub fn add(&mut self, event: Node<'_>) {
        self.evidence.add(event);
        let own = event.as_object().and_then(|event| event.get("event_type"));
        if let Some(own) = own.and_then(Node::as_text)
            && self.types.len() < MAX_TYPES
            && !self.types.contains(own)
        {
            self.types.insert(own.to_owned());
        }
    }

    /// What was found.
    pub fn finish(self) -> Vec<Finding> {
        let evidence = (self.evidence.events() > 0).then_some(&self.evidence);
        match &self.filter.rule {
            Rule::Expression(expression) => expression.check(evidence),
            Rule::Alternatives { alternatives, .. } => {
                let Some(evidence) = evidence else { return Vec::new() };
                let source = &self.filter.source;
                let mut findings = Vec::new();
                for alternative in alternatives {
                    findings.extend(
                        alternative
                            .event_type
                            .as_deref()
                            .and_then(|own| self.unknown_type(own, source, evidence)),
                    );
                    for condition in &alternative.conditions {
                        for keys in condition.property.keys() {
                            findings.extend(unknown_property(&keys, source, evidence));
                        }
                    }
                }
                findings
            }
        }
    }

    fn unknown_type(&self, own: &str, source: &Source, evidence: &Evidence) -> Option<Finding> {
        let is_whole = self.types.len() < MAX_TYPES;
        if !is_whole || self.types.contains(own) {
            return None;
        }
        let message = format!("none of the {} sample events is a `{own}`", evidence.events());
        let place = place_of(own, source);
        let finding = Finding::new(ftl::Rule::UnknownField, message, source, place);
        let near = did_you_mean(own, self.types.iter().map(String::as_str));
        Some(match near {
            Some(near) => finding.with_hint(format!("did you mean `{near}`?")),
            None => finding.at_level(ftl::Level::Note),
        })
    }
}

fn unknown_property(keys: &[String], source: &Source, evidence: &Evidence) -> Option<Finding> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (depth, siblings) = evidence.unseen(&keys)?;
    let message =
        format!("none of the {} sample events has `{}`", evidence.events(), keys.join("."));
    let near = did_you_mean(keys[depth], siblings).filter(|near| *near != keys[depth]);
    let place = keys.last().map_or(Span::default(), |key| place_of(key, source));
    let finding = Finding::new(ftl::Rule::UnknownField, message, source, place);
    Some(match near {
        Some(near) => finding.with_hint(format!("did you mean `{near}`?")),
        None => finding.at_level(ftl::Level::Warning),
    })
}

/// Where the filter's JSON has a name: alone between quotes, or behind a prefix such as `gp:`.
fn place_of(name: &str, source: &Source) -> Span {
    let mut quoted = String::new();
    write_json_text(name, &mut quoted);
    let own = source.text().find(&quoted).map(|at| at + 1);
    let prefixed = || source.text().find(&format!(":{}", &quoted[1..])).map(|at| at + 1);
    match own.or_else(prefixed) {
        Some(start) => Span::new(start, start + quoted.len() - 2),
        None => Span::default(),
    }
}
