//! The JSON Schema (2020-12) of `syncs.toml`, made from the table of its keys.

use serde_json::Value;
use serde_json::json;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::table::KEYS;
use crate::config::table::Key;
use crate::config::table::Kind;

/// The schema. Editors use it to complete and check the file.
pub fn schema() -> Value {
    let mut sync = table(KEYS);
    sync["description"] = json!("A sync: a named stream of events to one webhook.");
    sync["required"] = json!(["url"]);
    sync["not"] = json!({"required": ["filter", "filter_file"]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("syncs.toml of webhook_stream {}", env!("CARGO_PKG_VERSION")),
        "description": "Streams of events to webhooks.",
        "type": "object",
        "required": ["sync"],
        "additionalProperties": false,
        "properties": {
            "sync": {
                "description": "The syncs by name: [sync.NAME]. The name is part of every webhook-id.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": sync,
            },
        },
    })
}

fn table(keys: &[Key]) -> Value {
    let properties = keys.iter().map(|key| (key.name.to_owned(), property(key)));
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties.collect::<serde_json::Map<_, _>>(),
    })
}

fn property(key: &Key) -> Value {
    let mut schema = of_kind(&key.kind);
    schema["description"] = json!(key.about);
    if let Some(default) = key.default {
        schema["default"] = from_toml(default);
    }
    schema["examples"] = json!([from_toml(key.example)]);
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Whole { min, max: None } => json!({"type": "integer", "minimum": min}),
        Kind::Whole { min, max: Some(max) } => {
            json!({"type": "integer", "minimum": min, "maximum": max})
        }
        Kind::Number { min, more, max } => {
            let least = if *more { "exclusiveMinimum" } else { "minimum" };
            let mut schema = json!({"type": "number", "maximum": max});
            schema[least] = json!(min);
            schema
        }
        Kind::Status => json!({
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 999},
                {"type": "string", "pattern": "^\\s*[1-9][0-9]{2}\\s*-\\s*[1-9][0-9]{2}\\s*$"},
            ],
        }),
        Kind::List(of, most) => {
            json!({"type": "array", "items": of_kind(of), "maxItems": most})
        }
        Kind::Texts => json!({
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }),
        Kind::FreeTable => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        Kind::Table(keys) => table(keys),
    }
}

/// A value of the table of keys as JSON; null if it is no TOML, which a test rules out.
fn from_toml(text: &str) -> Value {
    let line = format!("value = {text}");
    let parsed = DeTable::parse(&line).ok();
    let value = parsed.as_ref().and_then(|table| table.get_ref().get("value"));
    value.map_or(Value::Null, |value| to_json(value.get_ref()))
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Boolean(value) => json!(value),
        DeValue::Integer(number) => {
            json!(i64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().ok()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref())))
                .collect(),
        ),
        DeValue::Datetime(_) => Value::Null,
    }
}
