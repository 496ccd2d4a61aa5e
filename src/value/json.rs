//! JSON text to [`Document`] and back.
//!
//! Two parsers do the work. The quick one takes what is plainly JSON. Whatever it does not take
//! (repeated keys, mistakes) goes to the thorough one, which says where a mistake is.

use std::fmt;
use std::fmt::Write as _;

use crate::value::document::{Buffers, Builder, Document, Node, View};
use crate::value::quick;

/// Positions are kept in 32 bits.
const MAX_TEXT_BYTES: usize = u32::MAX as usize;

/// A text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong, without the place.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl<'t> Document<'t> {
    /// Reads one JSON value.
    ///
    /// Where an object repeats a key the last value counts, at the place of the first.
    ///
    /// # Errors
    /// When `text` is not one JSON value, nests deeper than 127 levels, or is longer than 4 GiB.
    pub fn parse(text: &'t str) -> Result<Self, JsonError> {
        Self::parse_with(text, Buffers::default()).map_err(|(error, _)| error)
    }

    /// [`Document::parse`] into memory used before, which an error gives back.
    pub fn parse_with(text: &'t str, buffers: Buffers) -> Result<Self, (JsonError, Buffers)> {
        if text.len() > MAX_TEXT_BYTES {
            let message = "a JSON value of more than 4 GiB is not read".to_owned();
            return Err((JsonError { message, line: 1, column: 1 }, buffers));
        }
        quick::read(text, buffers).or_else(|buffers| parse_thoroughly(text, buffers))
    }
}

/// What the quick parser gives up is read by `serde_json`.
pub(in crate::value) fn parse_thoroughly(
    text: &str,
    buffers: Buffers,
) -> Result<Document<'_>, (JsonError, Buffers)> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => {
            let mut builder = Builder::new(text, buffers);
            build_value(&mut builder, &value);
            Ok(builder.finish())
        }
        Err(error) => Err((json_error(&error), buffers)),
    }
}

fn json_error(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    JsonError { message, line: error.line(), column: error.column() }
}

fn build_value(builder: &mut Builder<'_>, value: &serde_json::Value) {
    match value {
        serde_json::Value::Null => builder.null(),
        serde_json::Value::Bool(value) => builder.boolean(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(value) => builder.integer(value),
            None => builder.decimal(number.as_str()),
        },
        serde_json::Value::String(text) => builder.text(text),
        serde_json::Value::Array(items) => {
            builder.open_list();
            items.iter().for_each(|item| build_value(builder, item));
            builder.close();
        }
        serde_json::Value::Object(pairs) => {
            builder.open_object();
            for (key, value) in pairs {
                builder.key(key);
                build_value(builder, value);
            }
            builder.close();
        }
    }
}

/// Writes a value as compact JSON.
pub fn write_json(node: Node<'_>, out: &mut String) {
    if let Some(value) = node.as_float() {
        // `{:?}` is the shortest form that reads back, and keeps the `.0` of a whole number.
        let _ = write!(out, "{value:?}");
        return;
    }
    if let Some(text) = node.as_decimal_text() {
        out.push_str(text);
        return;
    }
    match node.view() {
        View::Null => out.push_str("null"),
        View::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
        View::Number(number) => {
            number.write_plain(out);
            if node.is_pointed_integer() {
                out.push_str(".0");
            }
        }
        View::Text(text) => write_json_text(text, out),
        View::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        View::Object(object) => {
            out.push('{');
            for (index, (key, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_text(key, out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
    }
}

/// Writes a text as a JSON string, quotes included. Escapes what JSON requires and nothing more.
pub fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::value::{Document, write_json};

    fn round_trip(text: &str) -> String {
        let document = Document::parse(text).unwrap_or_default();
        let mut out = String::new();
        write_json(document.root(), &mut out);
        out
    }

    #[test]
    fn json_reads_back_as_it_was() {
        for text in [
            r#"{"a":[1,-2,3.5,6396.0,null,true,false,"x\"\\\n\u0001é😀"],"b":{},"c":[]}"#,
            "18446744073709551616",
            r#"{"exact":9007199254740993,"n":0.5}"#,
            r#"{"long":9007199254740993.5,"n":0.5}"#,
            r#"{"n":0.5,"id":"1234567890123456"}"#,
            "0.1000000000000000055511151231257827",
            r#"{"big":123456789012345678901234567890,"n":1.5}"#,
        ] {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn of_repeated_keys_the_last_value_counts_at_the_place_of_the_first() {
        assert_eq!(round_trip(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_mistake_has_a_line_and_a_column() {
        let error = Document::parse("{\"a\": 1,\n \"b\" 2}").err();
        let error = error.map(|error| (error.line, error.column, error.message));
        assert_eq!(error, Some((2, 6, "expected `:`".to_owned())));
    }
}
