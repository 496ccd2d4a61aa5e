//! Method, URL and headers as text, with secrets by name, and back.
//!
//! A target is stored once, under a hash of its text. `Bearer ${secrets.TOKEN}` stands for a secret;
//! a text in which that would be ambiguous is a list of its parts.

use std::sync::Arc;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::delivery::request::MaskedText;
use crate::delivery::request::Part;
use crate::delivery::request::Target;

/// A target and how it is stored.
#[derive(Debug)]
pub(crate) struct TargetRow {
    pub(crate) target: Arc<Target>,
    /// The hash of method, URL and headers.
    pub(crate) id: i64,
    pub(crate) texts: TargetTexts,
}

/// The columns of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetTexts {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: String,
}

impl TargetRow {
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        let headers: Vec<Value> = target
            .headers()
            .iter()
            .map(|(name, value)| Value::from(vec![Value::from(name.as_str()), encode(value)]))
            .collect();
        let url = match encode(target.url()) {
            Value::String(url) => url,
            parts => parts.to_string(),
        };
        let texts = TargetTexts {
            method: target.method().to_owned(),
            url,
            headers: Value::from(headers).to_string(),
        };
        Self { target: Arc::clone(target), id: texts.id(), texts }
    }
}

impl TargetTexts {
    /// The hash that a target is stored under, so damage to it shows.
    pub(crate) fn id(&self) -> i64 {
        xxh3_64(format!("{}\n{}\n{}", self.method, self.url, self.headers).as_bytes()).cast_signed()
    }

    /// The target these texts are of; `None` when they are damaged.
    pub(crate) fn target(&self) -> Option<Target> {
        let url = if self.url.starts_with('[') {
            decode(&serde_json::from_str(&self.url).ok()?)?
        } else {
            decode(&Value::from(self.url.as_str()))?
        };
        let list: Vec<(String, Value)> = serde_json::from_str(&self.headers).ok()?;
        let mut headers = Vec::with_capacity(list.len());
        for (name, value) in list {
            headers.push((name, decode(&value)?));
        }
        Target::new(&self.method, url, headers, usize::MAX).ok()
    }
}

/// As a string if that is clear, else as a list of its parts.
fn encode(text: &MaskedText) -> Value {
    let shown = Value::from(text.to_string());
    if decode(&shown).as_ref() == Some(text) {
        return shown;
    }
    let parts = text.parts().iter().map(|part| match part {
        Part::Plain(plain) => Value::from(plain.as_str()),
        Part::Secret(name) => serde_json::json!({ "secret": name }),
    });
    Value::Array(parts.collect())
}

fn decode(value: &Value) -> Option<MaskedText> {
    match value {
        Value::String(text) => Some(split(text)),
        Value::Array(parts) => {
            let parts = parts.iter().map(|part| match part {
                Value::String(plain) => Some(Part::Plain(plain.clone())),
                Value::Object(secret) => {
                    Some(Part::Secret(secret.get("secret")?.as_str()?.to_owned()))
                }
                _ => None,
            });
            Some(MaskedText::new(parts.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// `Bearer ${secrets.TOKEN}` → its two parts.
fn split(text: &str) -> MaskedText {
    const OPEN: &str = "${secrets.";
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        if !before.is_empty() {
            parts.push(Part::Plain(before.to_owned()));
        }
        parts.push(Part::Secret(name.to_owned()));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Plain(rest.to_owned()));
    }
    MaskedText::new(parts)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::delivery::request::MaskedText;
    use crate::delivery::request::Part;
    use crate::delivery::request::Target;
    use crate::delivery::store::sqlite::target::TargetRow;

    fn plain(text: &str) -> Part {
        Part::Plain(text.to_owned())
    }

    fn secret(name: &str) -> Part {
        Part::Secret(name.to_owned())
    }

    #[test]
    fn a_target_and_its_texts_are_the_same() {
        let values = [
            MaskedText::plain("x"),
            MaskedText::plain(""),
            MaskedText::new(Vec::new()),
            MaskedText::plain("${secrets.NOT_ONE}"),
            MaskedText::plain("${secrets."),
            MaskedText::plain("[1]"),
            MaskedText::new(vec![plain("Bearer "), secret("TOKEN")]),
            MaskedText::new(vec![secret("A"), plain("${secrets.B}"), secret("C")]),
            MaskedText::new(vec![plain("a"), plain("b")]),
        ];
        for value in values {
            for url in [
                MaskedText::plain("https://example.com/x?y=z"),
                MaskedText::new(vec![plain("https://example.com/"), secret("PATH")]),
                MaskedText::new(vec![secret("URL")]),
            ] {
                let headers = vec![("X-Value".to_owned(), value.clone())];
                let target = Target::new("PUT", url, headers, 5);
                let target = Arc::new(target.unwrap_or_else(|error| panic!("{error}")));
                let texts = TargetRow::new(&target).texts;
                assert_eq!(texts.target().as_ref(), Some(&*target), "{texts:?}");
            }
        }
    }
}
