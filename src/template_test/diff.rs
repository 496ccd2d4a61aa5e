//! How one JSON value differs from another, line by line. The order of keys and the spelling of
//! numbers don't count.

use std::fmt::Write as _;

use crate::value::Node;
use crate::value::View;
use crate::value::write_json;

/// Equal lists and objects with more JSON than this are shown as `…`.
const SHOWN_BYTES: usize = 60;

/// Whether two values are the same: numbers by value, objects whatever their order.
pub(in crate::template_test) fn same(left: Node<'_>, right: Node<'_>) -> bool {
    match (left.view(), right.view()) {
        (View::Object(left), View::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (View::List(left), View::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| same(a, b))
        }
        (View::Number(left), View::Number(right)) => left == right,
        (View::Text(left), View::Text(right)) => left == right,
        (View::Boolean(left), View::Boolean(right)) => left == right,
        (View::Null, View::Null) => true,
        _ => false,
    }
}

/// The values as one, with `-` before what was expected and `+` before what was found instead.
pub(in crate::template_test) fn diff(expected: Node<'_>, found: Node<'_>) -> String {
    let mut out = String::from("--- expected\n+++ rendered\n");
    both(&mut out, 0, "", expected, found, "");
    out
}

fn both(
    out: &mut String,
    level: usize,
    label: &str,
    expected: Node<'_>,
    found: Node<'_>,
    comma: &str,
) {
    if same(expected, found) {
        line(out, ' ', level, &format!("{label}{}{comma}", brief(found)));
        return;
    }
    match (expected.view(), found.view()) {
        (View::Object(left), View::Object(right)) => {
            line(out, ' ', level, &format!("{label}{{"));
            for (key, value) in left.iter() {
                let label = key_label(key);
                match right.get(key) {
                    Some(other) => both(out, level + 1, &label, value, other, ","),
                    None => one(out, '-', level + 1, &label, value),
                }
            }
            for (key, value) in right.iter().filter(|(key, _)| left.get(key).is_none()) {
                one(out, '+', level + 1, &key_label(key), value);
            }
            line(out, ' ', level, &format!("}}{comma}"));
        }
        (View::List(left), View::List(right)) => {
            line(out, ' ', level, &format!("{label}["));
            for index in 0..left.len().max(right.len()) {
                match (left.get(index), right.get(index)) {
                    (Some(value), Some(other)) => both(out, level + 1, "", value, other, ","),
                    (Some(value), None) => one(out, '-', level + 1, "", value),
                    (None, Some(other)) => one(out, '+', level + 1, "", other),
                    (None, None) => {}
                }
            }
            line(out, ' ', level, &format!("]{comma}"));
        }
        _ => {
            one(out, '-', level, label, expected);
            one(out, '+', level, label, found);
        }
    }
}

fn one(out: &mut String, sign: char, level: usize, label: &str, value: Node<'_>) {
    line(out, sign, level, &format!("{label}{},", json(value)));
}

fn line(out: &mut String, sign: char, level: usize, text: &str) {
    let _ = writeln!(out, "{sign} {}{text}", "  ".repeat(level));
}

fn key_label(key: &str) -> String {
    let mut label = String::new();
    crate::value::write_json_text(key, &mut label);
    label.push_str(": ");
    label
}

fn json(value: Node<'_>) -> String {
    let mut json = String::new();
    write_json(value, &mut json);
    json
}

/// The value, or what kind of value it is where it is long.
fn brief(value: Node<'_>) -> String {
    let json = json(value);
    match value.view() {
        View::Object(_) if json.len() > SHOWN_BYTES => "{…}".to_owned(),
        View::List(_) if json.len() > SHOWN_BYTES => "[…]".to_owned(),
        _ => json,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test, a panic is how to fail")]
mod tests {
    use crate::template_test::diff::diff;
    use crate::template_test::diff::same;
    use crate::value::Document;

    #[test]
    fn the_order_of_keys_and_the_spelling_of_numbers_do_not_count() {
        let left = Document::parse(r#"{"a": 1.0, "b": [1e2, null]}"#).unwrap();
        let right = Document::parse(r#"{"b": [100, null], "a": 1}"#).unwrap();
        assert!(same(left.root(), right.root()));
        let other = Document::parse(r#"{"b": [100, null], "a": "1"}"#).unwrap();
        assert!(!same(left.root(), other.root()));
    }

    #[test]
    fn a_difference_is_shown_where_it_is() {
        let expected = Document::parse(r#"{"user": "u3", "tags": ["a"], "plan": "pro"}"#).unwrap();
        let found = Document::parse(r#"{"user": "ü2", "plan": "pro", "tags": ["a", "b"], "n": 1}"#);
        let shown = diff(expected.root(), found.unwrap().root());
        assert_eq!(
            shown,
            "--- expected\n+++ rendered\n  {\n-   \"user\": \"u3\",\n+   \"user\": \"ü2\",\n    \
             \"tags\": [\n      \"a\",\n+     \"b\",\n    ],\n    \"plan\": \"pro\",\n+   \"n\": 1,\n  }\n"
        );
    }
}
