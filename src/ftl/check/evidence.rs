//! What sample events say about the fields that a template reads.

use std::collections::BTreeSet;

use crate::value::Node;
use crate::value::Object;
use crate::value::View;

/// Names that are kept to guess from, for each field that no event has.
const MAX_SIBLINGS: usize = 200;

/// Counts over sample events.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    events: u64,
    fields: Vec<Field>,
}

/// What the events have at a path.
#[derive(Clone, Debug)]
pub(in crate::ftl) struct Field {
    keys: Vec<String>,
    /// Events in which it is there and is not null.
    pub(in crate::ftl) present: u64,
    /// Events in which it is null.
    pub(in crate::ftl) null: u64,
    /// For each step of the path, whether any event has it.
    seen: Vec<bool>,
    /// The names beside the first step that no event has.
    siblings: BTreeSet<String>,
    /// Digits behind the second, where it holds a time.
    fraction_digits: Option<usize>,
    /// Characters of the shortest text, items of the shortest list.
    shortest: Option<usize>,
}

impl Evidence {
    /// No events yet; `paths` are the fields to look at.
    pub fn new(paths: impl IntoIterator<Item = Vec<String>>) -> Self {
        let field = |keys: Vec<String>| Field {
            seen: vec![false; keys.len()],
            keys,
            present: 0,
            null: 0,
            siblings: BTreeSet::new(),
            fraction_digits: None,
            shortest: None,
        };
        Self { events: 0, fields: paths.into_iter().map(field).collect() }
    }

    /// Counts an event.
    pub fn add(&mut self, event: Node<'_>) {
        self.events += 1;
        for field in &mut self.fields {
            field.add(event);
        }
    }

    /// The number of events.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What is known of a field.
    pub(in crate::ftl) fn field(&self, keys: &[&str]) -> Option<&Field> {
        self.fields.iter().find(|field| field.keys == keys)
    }

    /// The most digits behind the second that a field's times have; `None` when it has none.
    pub(in crate::ftl::check) fn fraction_digits(&self, keys: &[&str]) -> Option<usize> {
        self.field(keys)?.fraction_digits
    }

    /// The length of a field's shortest text or list.
    pub(in crate::ftl::check) fn shortest(&self, keys: &[&str]) -> Option<usize> {
        self.field(keys)?.shortest
    }

    /// The first step of a path that no event has, and the names that events have beside it.
    pub fn unseen(&self, keys: &[&str]) -> Option<(usize, impl Iterator<Item = &str>)> {
        let field = self.field(keys)?;
        let depth = field.seen.iter().position(|seen| !seen)?;
        Some((depth, field.siblings.iter().map(String::as_str)))
    }
}

impl Field {
    fn add(&mut self, event: Node<'_>) {
        let mut node = event;
        for (key, seen) in self.keys.iter().zip(&mut self.seen) {
            let Some(object) = node.as_object() else { return };
            let Some(value) = object.get(key) else {
                if !*seen {
                    remember(object, &mut self.siblings);
                }
                return;
            };
            if !*seen {
                *seen = true;
                self.siblings.clear();
            }
            node = value;
        }
        let length = match node.view() {
            View::Null => {
                self.null += 1;
                return;
            }
            View::Text(text) => {
                self.fraction_digits = self.fraction_digits.max(fraction_of(text));
                Some(text.chars().count())
            }
            View::List(list) => Some(list.len()),
            _ => None,
        };
        self.present += 1;
        self.shortest = match (self.shortest, length) {
            (Some(shortest), Some(length)) => Some(shortest.min(length)),
            (shortest, length) => shortest.or(length),
        };
    }
}

fn remember(object: Object<'_>, siblings: &mut BTreeSet<String>) {
    for (name, _) in object.iter() {
        if siblings.len() >= MAX_SIBLINGS {
            return;
        }
        siblings.insert(name.to_owned());
    }
}

/// The digits behind the second, when the text ends like a time: `…:59.846000`.
fn fraction_of(text: &str) -> Option<usize> {
    let (before, fraction) = text.trim_end_matches('Z').rsplit_once('.')?;
    let is_time = before.len() >= 3
        && before.is_char_boundary(before.len() - 3)
        && before[before.len() - 3..].starts_with(':');
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (is_time && digits > 0).then_some(digits)
}
