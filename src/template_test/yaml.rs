//! YAML as far as test files need it: places for messages, and any value as JSON text.

use std::fmt::Write as _;

use saphyr::MarkedYaml;
use saphyr::ScalarStyle;
use saphyr::YamlData;
use saphyr::YamlLoader;
use saphyr_parser::Parser;

use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::text::Source;
use crate::text::Span;
use crate::value::Document;
use crate::value::write_json_text;

/// A value of a test file, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::template_test) struct Node<'y> {
    yaml: &'y MarkedYaml<'y>,
    source: &'y Source,
}

/// The one document of a YAML text.
///
/// # Errors
/// When it is no YAML, or holds none or several documents.
pub(in crate::template_test) fn parse(source: &Source) -> Result<MarkedYaml<'_>, ConfigError> {
    let wrong = |message: String, span: Span| {
        ConfigError::new(ConfigErrorKind::Syntax, message).at(source, span)
    };
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    // Numbers keep the spelling of the file: as doubles they would lose digits.
    loader.early_parse(false);
    let mut parser = Parser::new_from_str(source.text());
    let loaded = parser.load(&mut loader, true);
    let failed = loaded.err().or_else(|| loader.error().cloned());
    if let Some(error) = failed {
        let at = byte_offset(source.text(), error.marker().index());
        return Err(wrong(format!("not YAML: {}", error.info()), Span::new(at, at + 1)));
    }
    let mut documents = loader.into_documents();
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (found, _) => {
            let count = if found.is_some() { "several" } else { "none" };
            Err(wrong(format!("expected one YAML document, found {count}"), Span::default()))
        }
    }
}

impl<'y> Node<'y> {
    /// The node of a document.
    pub(in crate::template_test) fn new(yaml: &'y MarkedYaml<'y>, source: &'y Source) -> Self {
        Self { yaml, source }
    }

    /// Where it stands, without the blanks and comments behind it.
    pub(in crate::template_test) fn span(self) -> Span {
        let text = self.source.text();
        let start = byte_offset(text, self.yaml.span.start.index());
        let end = byte_offset(text, self.yaml.span.end.index());
        let slice = text.get(start..end).unwrap_or_default();
        // The bracket that ends `{…}` and `[…]` comes behind what YAML calls the end.
        if slice.starts_with(['{', '['])
            && let Some(rest) = text.get(end..)
            && rest.trim_start().starts_with(['}', ']'])
        {
            return Span::new(start, text.len() - rest.trim_start().len() + 1);
        }
        let length = match &self.yaml.data {
            YamlData::Representation(_, ScalarStyle::DoubleQuoted, _) => quoted_length(slice, '\\'),
            YamlData::Representation(_, ScalarStyle::SingleQuoted, _) => quoted_length(slice, '\''),
            YamlData::Representation(_, ScalarStyle::Plain, _) => {
                slice.find(" #").unwrap_or(slice.len())
            }
            YamlData::Sequence(_) | YamlData::Mapping(_) if !slice.starts_with(['{', '[']) => {
                let last = self.items().and_then(|items| items.last().copied());
                let last = last.or_else(|| self.pairs()?.last().map(|(_, value)| *value));
                last.map_or(slice.len(), |last| (last.span().end as usize).saturating_sub(start))
            }
            _ => slice.len(),
        };
        let length = slice.get(..length).unwrap_or(slice).trim_end().len();
        Span::new(start, start + length)
    }

    /// The value in it that stands at a place.
    pub(in crate::template_test) fn find(self, span: Span) -> Option<Self> {
        if self.span() == span {
            return Some(self);
        }
        let values = self.pairs().unwrap_or_default().into_iter().map(|(_, value)| value);
        values.chain(self.items().unwrap_or_default()).find_map(|value| value.find(span))
    }

    /// Its line, from 1.
    pub(in crate::template_test) fn line(self) -> usize {
        self.yaml.span.start.line()
    }

    /// A mistake at this place.
    pub(in crate::template_test) fn wrong(
        self,
        kind: ConfigErrorKind,
        message: impl Into<String>,
    ) -> ConfigError {
        ConfigError::new(kind, message).at(self.source, self.span())
    }

    /// A text: anything quoted, or plain.
    pub(in crate::template_test) fn text(self) -> Result<&'y str, ConfigError> {
        match &self.yaml.data {
            YamlData::Representation(text, ..) => Ok(text),
            _ => Err(self.expected("a text")),
        }
    }

    /// A whole number from 0.
    pub(in crate::template_test) fn whole_number(self) -> Result<usize, ConfigError> {
        self.text()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.expected("a whole number"))
    }

    /// True or false.
    pub(in crate::template_test) fn boolean(self) -> Result<bool, ConfigError> {
        match self.text() {
            Ok("true") => Ok(true),
            Ok("false") => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// The items of a sequence.
    pub(in crate::template_test) fn items(self) -> Option<Vec<Self>> {
        match &self.yaml.data {
            YamlData::Sequence(items) => {
                Some(items.iter().map(|yaml| Self { yaml, source: self.source }).collect())
            }
            _ => None,
        }
    }

    /// Keys and values of a mapping, in order.
    pub(in crate::template_test) fn pairs(self) -> Option<Vec<(Self, Self)>> {
        let of = |yaml| Self { yaml, source: self.source };
        match &self.yaml.data {
            YamlData::Mapping(pairs) => {
                Some(pairs.iter().map(|(key, value)| (of(key), of(value))).collect())
            }
            _ => None,
        }
    }

    /// The value as JSON text. Plain scalars are what YAML's core schema says, numbers digit by
    /// digit as they are written.
    ///
    /// # Errors
    /// For what JSON has no word for: tags, `.nan`, keys that are no texts.
    pub(in crate::template_test) fn to_json(self) -> Result<String, ConfigError> {
        let mut out = String::new();
        self.write_json(&mut out)?;
        Ok(out)
    }

    fn write_json(self, out: &mut String) -> Result<(), ConfigError> {
        match &self.yaml.data {
            YamlData::Representation(text, ScalarStyle::Plain, None) => {
                match &**text {
                    "" | "~" | "null" | "Null" | "NULL" => out.push_str("null"),
                    "true" | "True" | "TRUE" => out.push_str("true"),
                    "false" | "False" | "FALSE" => out.push_str("false"),
                    number if is_json_number(number) => out.push_str(number),
                    ".nan" | ".NaN" | ".inf" | "-.inf" => {
                        return Err(self.expected("a value that JSON has"));
                    }
                    text => write_json_text(text, out),
                }
                Ok(())
            }
            YamlData::Representation(text, _, None) => {
                write_json_text(text, out);
                Ok(())
            }
            YamlData::Sequence(_) => {
                out.push('[');
                for (index, item) in self.items().unwrap_or_default().into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_json(out)?;
                }
                out.push(']');
                Ok(())
            }
            YamlData::Mapping(_) => {
                out.push('{');
                for (index, (key, value)) in
                    self.pairs().unwrap_or_default().into_iter().enumerate()
                {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_text(key.text()?, out);
                    out.push(':');
                    value.write_json(out)?;
                }
                out.push('}');
                Ok(())
            }
            _ => Err(self.expected("a plain value without a tag")),
        }
    }

    /// The error that something else was expected here.
    pub(in crate::template_test) fn expected(self, what: &str) -> ConfigError {
        let found = match &self.yaml.data {
            YamlData::Representation(text, ..) => format!("`{text}`"),
            YamlData::Sequence(_) => "a list".to_owned(),
            YamlData::Mapping(_) => "a mapping".to_owned(),
            _ => "something else".to_owned(),
        };
        self.wrong(ConfigErrorKind::BadValue, format!("expected {what}, found {found}"))
    }
}

/// JSON and YAML agree on numbers but for spellings such as `0x1F` and `1_000`, which stay texts.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && Document::parse(text).is_ok()
}

/// How long a quoted text is, its quotes included, where `escape` takes its meaning from a quote.
fn quoted_length(slice: &str, escape: char) -> usize {
    let quote = slice.chars().next().unwrap_or_default();
    let mut letters = slice.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        if letter == escape && (escape != quote || next == Some(quote)) {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    slice.len()
}

fn byte_offset(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

/// A JSON text in lines, two blanks for a level, each but the first behind `indent` blanks.
pub(in crate::template_test) fn pretty(json: &str, indent: usize) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else {
        return json.to_owned();
    };
    let pretty = format!("{value:#}");
    let mut out = String::with_capacity(pretty.len());
    for (index, line) in pretty.lines().enumerate() {
        if index > 0 {
            let _ = write!(out, "\n{}", " ".repeat(indent));
        }
        out.push_str(line);
    }
    out
}
