//! One property, one operator, its values.

use std::cmp::Ordering;
use std::fmt::Write as _;

use memchr::memchr2_iter;

use crate::filter::glob::Glob;
use crate::filter::property::{Element, Property};
use crate::value::Node;
use crate::value::Number;
use crate::value::write_json_text;

/// What Amplitude shows, and filters accept, for a value that isn't there.
pub(in crate::filter) const NONE: &str = "(none)";

/// A condition on a property.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::filter) struct Condition {
    pub(in crate::filter) property: Property,
    pub(in crate::filter) operator: Operator,
    pub(in crate::filter) values: Vec<Value>,
}

/// How a property is compared with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) struct Operator {
    pub(in crate::filter) name: &'static str,
    pub(in crate::filter) test: Test,
    negated: bool,
}

/// What an operator tests, before it is negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Test {
    Is,
    Contains,
    StartsWith,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    SetIs,
    SetContains,
    /// One of the values is in the set: what `set does not contain` is the opposite of.
    SetMeets,
    Glob,
}

const fn operator(name: &'static str, test: Test, negated: bool) -> Operator {
    Operator { name, test, negated }
}

/// Every operator by Amplitude's name for it.
pub(in crate::filter) const OPERATORS: [Operator; 18] = [
    operator("is", Test::Is, false),
    operator("is not", Test::Is, true),
    operator("contains", Test::Contains, false),
    operator("does not contain", Test::Contains, true),
    operator("less", Test::Less, false),
    operator("less or equal", Test::LessOrEqual, false),
    operator("greater", Test::Greater, false),
    operator("greater or equal", Test::GreaterOrEqual, false),
    operator("set is", Test::SetIs, false),
    operator("set is not", Test::SetIs, true),
    operator("set contains", Test::SetContains, false),
    // By Amplitude's documentation none of the values may be in the set.
    operator("set does not contain", Test::SetMeets, true),
    operator("starts with", Test::StartsWith, false),
    operator("does not start with", Test::StartsWith, true),
    operator("has prefix", Test::StartsWith, false),
    operator("does not have prefix", Test::StartsWith, true),
    operator("glob match", Test::Glob, false),
    operator("glob does not match", Test::Glob, true),
];

impl Operator {
    /// Whether the operator compares numbers.
    pub(in crate::filter) fn is_numeric(self) -> bool {
        use Test::{Greater, GreaterOrEqual, Less, LessOrEqual};
        matches!(self.test, Less | LessOrEqual | Greater | GreaterOrEqual)
    }
}

/// A value of the filter, prepared for every operator.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::filter) struct Value {
    pub(in crate::filter) text: String,
    lower: String,
    number: Option<Number>,
    /// It was written without quotes, so it is compared as what it is also with text.
    bare: bool,
    none: bool,
    glob: Option<Glob>,
}

impl Value {
    /// A value by its text; `bare` when it was a number or a boolean in the filter.
    pub(in crate::filter) fn new(text: &str, bare: bool) -> Self {
        Self {
            text: text.to_owned(),
            lower: text.to_lowercase(),
            number: Number::parse(text),
            bare,
            none: text == NONE,
            glob: None,
        }
    }

    /// The value that stands for none.
    pub(in crate::filter) fn none() -> Self {
        Self::new(NONE, false)
    }

    pub(in crate::filter) fn is_number(&self) -> bool {
        self.number.is_some()
    }

    /// Makes a pattern of it.
    pub(in crate::filter) fn into_pattern(mut self) -> Result<Self, String> {
        self.glob = Some(Glob::parse(&self.text)?);
        Ok(self)
    }

    /// Whether `element` is this value: exactly, but numbers by their value and booleans in any
    /// spelling of case.
    fn is(&self, element: &Element<'_>) -> bool {
        match element {
            Element::Text(text) => {
                *text == *self.text
                    || self.bare
                        && match &self.number {
                            Some(number) => Number::parse(text).is_some_and(|own| own == *number),
                            None => text.eq_ignore_ascii_case(&self.text),
                        }
            }
            Element::Number(number, _) => self.number.as_ref() == Some(number),
            Element::Boolean(value) => {
                self.text.eq_ignore_ascii_case(if *value { "true" } else { "false" })
            }
            Element::Json(text) => *text == self.text,
        }
    }

    fn compare(&self, element: &Element<'_>) -> Option<Ordering> {
        let number = self.number.as_ref()?;
        match element {
            Element::Number(own, _) => own.compare(number),
            Element::Text(text) => Number::parse(text)?.compare(number),
            Element::Boolean(_) | Element::Json(_) => None,
        }
    }

    /// Whether `element` passes a test that looks at one value and one element.
    fn passes(&self, test: Test, element: &Element<'_>) -> bool {
        match test {
            Test::Is | Test::SetIs | Test::SetContains | Test::SetMeets => self.is(element),
            Test::Contains => element.with_text(|text| contains_lower(text, &self.lower)),
            Test::StartsWith => element.with_text(|text| starts_with_lower(text, &self.lower)),
            Test::Less => self.compare(element).is_some_and(Ordering::is_lt),
            Test::LessOrEqual => self.compare(element).is_some_and(Ordering::is_le),
            Test::Greater => self.compare(element).is_some_and(Ordering::is_gt),
            Test::GreaterOrEqual => self.compare(element).is_some_and(Ordering::is_ge),
            Test::Glob => {
                self.glob.as_ref().is_some_and(|glob| element.with_text(|text| glob.matches(text)))
            }
        }
    }
}

impl Condition {
    /// Whether the event fulfils it.
    #[inline]
    pub(in crate::filter) fn matches(&self, event: Node<'_>) -> bool {
        let elements = self.property.elements(event);
        let test = self.operator.test;
        // `(none)` is a value of the tests for equality; text that has it in it is just text.
        let is_one = |value: &Value, element: &Element<'_>| value.passes(test, element);
        let has = |value: &Value| {
            value.none && elements.is_empty()
                || elements.iter().any(|element| is_one(value, element))
        };
        let positive = match test {
            Test::Is | Test::SetMeets => self.values.iter().any(has),
            Test::SetContains => self.values.iter().all(has),
            Test::SetIs => {
                self.values.iter().all(has)
                    && elements
                        .iter()
                        .all(|element| self.values.iter().any(|value| is_one(value, element)))
            }
            _ => self
                .values
                .iter()
                .any(|value| elements.iter().any(|element| is_one(value, element))),
        };
        positive != self.operator.negated
    }

    /// The condition in words: `user_properties.plan is "pro" or "team"`.
    pub(in crate::filter) fn text(&self) -> String {
        let mut text = format!("{} {} ", self.property.text(), self.operator.name);
        let all = matches!(self.operator.test, Test::SetIs | Test::SetContains);
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                text.push_str(if all { " and " } else { " or " });
            }
            if value.none || value.bare {
                let _ = write!(text, "{}", value.text);
            } else {
                write_json_text(&value.text, &mut text);
            }
        }
        text
    }
}

/// Whether `text` contains `needle`, which is in lower case, in whatever case.
fn contains_lower(text: &str, needle: &str) -> bool {
    if !text.is_ascii() || !needle.is_ascii() {
        return text.to_lowercase().contains(needle);
    }
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some(first) = needle.first() else { return true };
    let Some(last_start) = text.len().checked_sub(needle.len()) else { return false };
    memchr2_iter(*first, first.to_ascii_uppercase(), &text[..=last_start])
        .any(|at| text[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// Whether `text` starts with `prefix`, which is in lower case, in whatever case.
fn starts_with_lower(text: &str, prefix: &str) -> bool {
    match text.as_bytes().get(..prefix.len()) {
        Some(start) if start.is_ascii() && prefix.is_ascii() => {
            start.eq_ignore_ascii_case(prefix.as_bytes())
        }
        None if text.is_ascii() => false,
        _ => text.to_lowercase().starts_with(prefix),
    }
}
