//! Amplitude's filter JSON, as its Dashboard REST API documents it, into conditions.

use crate::filter::FilterError;
use crate::filter::FilterErrorKind;
use crate::filter::condition::{Condition, NONE, OPERATORS, Operator, Test, Value};
use crate::filter::json::{Json, JsonValue, Name};
use crate::filter::property::Property;
use crate::text::Source;
use crate::text::Span;
use crate::text::did_you_mean;

/// One object of the filter: an event type and the conditions that must all be fulfilled.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::filter) struct Alternative {
    /// `None`: any.
    pub(in crate::filter) event_type: Option<String>,
    pub(in crate::filter) conditions: Vec<Condition>,
}

type Parsed<T> = Result<T, FilterError>;

/// Keys that say how a chart is drawn, and nothing about which events match.
const ALTERNATIVE_KEYS: [&str; 3] = ["event_type", "filters", "group_by"];
const CONDITION_KEYS: [&str; 5] =
    ["subprop_type", "subprop_key", "subprop_op", "subprop_value", "group_type"];
const PROPERTY_TYPES: [&str; 3] = ["event", "user", "group"];

/// What people who know other filters write, and what it is called here.
const OTHER_NAMES: [(&str, &str); 21] = [
    ("prop", "subprop_key"),
    ("op", "subprop_op"),
    ("values", "subprop_value"),
    ("value", "subprop_value"),
    ("type", "subprop_type"),
    ("=", "is"),
    ("==", "is"),
    ("equals", "is"),
    ("in", "is"),
    ("!=", "is not"),
    ("<>", "is not"),
    ("not in", "is not"),
    ("<", "less"),
    ("<=", "less or equal"),
    (">", "greater"),
    (">=", "greater or equal"),
    ("less than", "less"),
    ("greater than", "greater"),
    ("matches", "glob match"),
    ("like", "glob match"),
    ("does not start", "does not start with"),
];

/// The alternatives that the text of `source` lists.
pub(in crate::filter) fn parse(source: &Source) -> Parsed<Vec<Alternative>> {
    let reading = Reading { source };
    let json = Json::read(source)?;
    match &json.value {
        JsonValue::List(items) if items.is_empty() => {
            let message = "expected at least one object, found an empty array";
            Err(reading
                .error(FilterErrorKind::BadValue, message, json.span)
                .with_hint("{\"event_type\": \"_all\"} matches every event"))
        }
        JsonValue::List(items) => items.iter().map(|item| reading.alternative(item)).collect(),
        _ => Ok(vec![reading.alternative(&json)?]),
    }
}

struct Reading<'s> {
    source: &'s Source,
}

impl Reading<'_> {
    fn error(&self, kind: FilterErrorKind, message: impl Into<String>, span: Span) -> FilterError {
        FilterError::new(kind, message, self.source, span)
    }

    fn wrong_type(&self, expected: &str, found: &Json) -> FilterError {
        let message = format!("expected {expected}, found {}", found.kind_name());
        self.error(FilterErrorKind::WrongType, message, found.span)
    }

    fn unknown(
        &self,
        kind: FilterErrorKind,
        what: &str,
        word: &str,
        span: Span,
        known: &[&str],
    ) -> FilterError {
        let error = self.error(kind, format!("there is no {what} `{word}`"), span);
        let lower = word.trim().to_lowercase().replace('_', " ");
        let renamed = OTHER_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, name)| *name);
        let meant = renamed.filter(|name| known.contains(name)).or_else(|| {
            let near = |word: &str| did_you_mean(word, known.iter().copied());
            near(word).or_else(|| near(&lower))
        });
        match meant {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint(format!("there are: {}", known.join(", "))),
        }
    }

    /// The pairs of an object that has no other keys than `known`, each once.
    fn object<'j>(
        &self,
        json: &'j Json,
        expected: &str,
        known: &[&str],
    ) -> Parsed<&'j [(Name, Json)]> {
        let JsonValue::Object(pairs) = &json.value else {
            return Err(self.wrong_type(expected, json));
        };
        for (index, (name, _)) in pairs.iter().enumerate() {
            let kind = FilterErrorKind::UnknownKey;
            if !known.contains(&name.text.as_str()) {
                return Err(self.unknown(kind, "key", &name.text, name.span, known));
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier.text == name.text) {
                let message = format!("the key `{}` stands here twice", name.text);
                return Err(self.error(kind, message, name.span));
            }
        }
        Ok(pairs)
    }

    fn alternative(&self, json: &Json) -> Parsed<Alternative> {
        let expected = "an object with `event_type` and `filters`";
        let pairs = self.object(json, expected, &ALTERNATIVE_KEYS)?;
        let event_type = match find(pairs, "event_type") {
            Some(event_type) => self.event_type(event_type)?,
            None => None,
        };
        let conditions = match find(pairs, "filters") {
            None => Vec::new(),
            Some(Json { value: JsonValue::List(items), .. }) => {
                items.iter().map(|item| self.condition(item)).collect::<Parsed<_>>()?
            }
            Some(other) => return Err(self.wrong_type("an array of conditions", other)),
        };
        Ok(Alternative { event_type, conditions })
    }

    fn event_type(&self, json: &Json) -> Parsed<Option<String>> {
        let JsonValue::Text(name) = &json.value else {
            let error = self.wrong_type("the name of an event type", json);
            return Err(match json.value {
                JsonValue::List(_) => error.with_hint("several event types are several objects"),
                _ => error,
            });
        };
        if let Some(custom) = name.strip_prefix("ce:") {
            let message = format!("the custom event `{custom}` is known to Amplitude alone");
            return Err(self
                .error(FilterErrorKind::NotAvailable, message, json.span)
                .with_hint("write an array with an object for each event that it stands for"));
        }
        // Which events are inactive is kept in the project's tracking plan, not in its events.
        Ok((name != "_all" && name != "_active").then(|| name.clone()))
    }

    fn condition(&self, json: &Json) -> Parsed<Condition> {
        let pairs = self.object(json, "a condition, which is an object", &CONDITION_KEYS)?;
        let required = |key: &str| {
            find(pairs, key).ok_or_else(|| {
                let message = format!("expected the key `{key}`");
                self.error(FilterErrorKind::MissingKey, message, json.span)
            })
        };
        let (type_json, key_json) = (required("subprop_type"), required("subprop_key")?);
        let key = self.text(key_json, "the name of a property")?;
        let type_json = type_json.map_err(|error| {
            let guess = if key.starts_with("gp:") { "user" } else { "event" };
            error.with_hint(format!("\"subprop_type\": \"{guess}\""))
        })?;
        let group_type = match find(pairs, "group_type") {
            Some(json) => Some(self.text(json, "the name of a group type")?),
            None => None,
        };
        let property = self.property(type_json, key_json, key, group_type)?;
        let operator = self.operator(required("subprop_op")?)?;
        let values = self.values(required("subprop_value")?, operator)?;
        Ok(Condition { property, operator, values })
    }

    fn text<'j>(&self, json: &'j Json, expected: &str) -> Parsed<&'j str> {
        match &json.value {
            JsonValue::Text(text) => Ok(text),
            _ => Err(self.wrong_type(expected, json)),
        }
    }

    fn property(
        &self,
        type_json: &Json,
        key_json: &Json,
        key: &str,
        group_type: Option<&str>,
    ) -> Parsed<Property> {
        let property_type = self.text(type_json, "`event`, `user` or `group`")?;
        let unknown = FilterErrorKind::UnknownProperty;
        match property_type {
            "event" => match key.split_once(':') {
                Some((prefix @ ("gp" | "grp"), _)) => {
                    let (what, meant) =
                        if prefix == "gp" { ("user", "user") } else { ("group", "group") };
                    let message = format!("`{prefix}:` stands for a {what} property");
                    Err(self
                        .error(unknown, message, key_json.span)
                        .with_hint(format!("\"subprop_type\": \"{meant}\"")))
                }
                _ => Ok(Property::of_event(key)),
            },
            "user" => {
                if let Some(name) = key.strip_prefix("gp:") {
                    return Ok(Property::of_user(name));
                }
                if key == "userdata_cohort" {
                    let message = "who is in a cohort is known to Amplitude alone";
                    let kind = FilterErrorKind::NotAvailable;
                    return Err(self.error(kind, message, key_json.span).with_hint(
                        "sync the cohort to a user property and filter by that property",
                    ));
                }
                Property::own(key).ok_or_else(|| {
                    let message = format!("Amplitude has no user property `{key}` of its own");
                    let near = did_you_mean(key, Property::own_names());
                    let near = near.map(|near| format!("`{near}` or ")).unwrap_or_default();
                    self.error(unknown, message, key_json.span).with_hint(format!(
                        "did you mean {near}`gp:{key}`? Properties of your project start with `gp:`"
                    ))
                })
            }
            "group" => Ok(match key.strip_prefix("grp:") {
                Some(name) => Property::of_groups(group_type, name),
                None => Property::groups(key),
            }),
            "derived" | "derivedV2" | "lookup" | "merged" => {
                let message = format!("`{property_type}` properties are made inside Amplitude");
                Err(self
                    .error(FilterErrorKind::NotAvailable, message, type_json.span)
                    .with_hint("filter by the properties that this one is made of"))
            }
            other => {
                let span = type_json.span;
                Err(self.unknown(unknown, "property type", other, span, &PROPERTY_TYPES))
            }
        }
    }

    fn operator(&self, json: &Json) -> Parsed<Operator> {
        let name = self.text(json, "the name of an operator")?;
        if let Some(operator) = OPERATORS.into_iter().find(|operator| operator.name == name) {
            return Ok(operator);
        }
        let kind = FilterErrorKind::UnknownOperator;
        if ["is set", "exists", "is not set", "is null", "is not null"].contains(&name) {
            let meant =
                if ["is set", "exists", "is not null"].contains(&name) { "is not" } else { "is" };
            return Err(self
                .error(kind, format!("there is no operator `{name}`"), json.span)
                .with_hint(format!("did you mean `{meant}` with the value \"{NONE}\"?")));
        }
        let known = OPERATORS.map(|operator| operator.name);
        Err(self.unknown(kind, "operator", name, json.span, &known))
    }

    fn values(&self, json: &Json, operator: Operator) -> Parsed<Vec<Value>> {
        match &json.value {
            JsonValue::List(items) if items.is_empty() => Err(self.error(
                FilterErrorKind::BadValue,
                format!("expected at least one value for `{}`", operator.name),
                json.span,
            )),
            JsonValue::List(items) => items.iter().map(|item| self.value(item, operator)).collect(),
            _ => Ok(vec![self.value(json, operator)?]),
        }
    }

    fn value(&self, json: &Json, operator: Operator) -> Parsed<Value> {
        let value = match &json.value {
            JsonValue::Text(text) => Value::new(text, false),
            JsonValue::Number(number) => Value::new(number, true),
            JsonValue::Boolean(value) => Value::new(&value.to_string(), true),
            JsonValue::Null => Value::none(),
            JsonValue::List(_) | JsonValue::Object(_) => {
                return Err(self.wrong_type("a text, a number, a boolean or null", json));
            }
        };
        if operator.is_numeric() && !value.is_number() {
            let message =
                format!("expected a number for `{}`, found `{}`", operator.name, value.text);
            return Err(self.error(FilterErrorKind::BadValue, message, json.span));
        }
        if operator.test != Test::Glob {
            return Ok(value);
        }
        value.into_pattern().map_err(|message| {
            self.error(FilterErrorKind::BadValue, format!("wrong pattern: {message}"), json.span)
        })
    }
}

fn find<'j>(pairs: &'j [(Name, Json)], key: &str) -> Option<&'j Json> {
    pairs.iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
}
