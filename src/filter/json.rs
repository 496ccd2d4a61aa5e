//! JSON with places: the filter's text as a tree that knows where each part stands.

use crate::filter::FilterError;
use crate::filter::FilterErrorKind;
use crate::text::Source;
use crate::text::Span;
use crate::value::Document;

/// A JSON value and where it stands.
#[derive(Debug)]
pub(in crate::filter) struct Json {
    pub(in crate::filter) span: Span,
    pub(in crate::filter) value: JsonValue,
}

#[derive(Debug)]
pub(in crate::filter) enum JsonValue {
    Null,
    Boolean(bool),
    /// As it is spelled.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(Name, Json)>),
}

/// A key and where it stands, quotes included.
#[derive(Debug)]
pub(in crate::filter) struct Name {
    pub(in crate::filter) span: Span,
    pub(in crate::filter) text: String,
}

impl Json {
    /// Reads the text of `source`.
    pub(in crate::filter) fn read(source: &Source) -> Result<Self, FilterError> {
        if let Err(error) = Document::parse(source.text()) {
            let start = source.text().split_inclusive('\n').take(error.line - 1).map(str::len);
            let at = start.sum::<usize>() + error.column.saturating_sub(1);
            // The parser may point behind the last byte, or into a character.
            let at = source.text().floor_char_boundary(at.min(source.text().len()));
            let span = Span::new(at, at + 1);
            return Err(FilterError::new(
                FilterErrorKind::InvalidJson,
                error.message,
                source,
                span,
            ));
        }
        // From here on the text is known to be JSON.
        let mut reading = Reading { text: source.text(), at: 0 };
        Ok(reading.value())
    }

    /// What it is, in JSON's words.
    pub(in crate::filter) fn kind_name(&self) -> &'static str {
        match self.value {
            JsonValue::Null => "null",
            JsonValue::Boolean(_) => "a boolean",
            JsonValue::Number(_) => "a number",
            JsonValue::Text(_) => "a text",
            JsonValue::List(_) => "an array",
            JsonValue::Object(_) => "an object",
        }
    }
}

struct Reading<'s> {
    text: &'s str,
    at: usize,
}

impl Reading<'_> {
    fn value(&mut self) -> Json {
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => JsonValue::Text(self.string()),
            _ => self.word(),
        };
        Json { span: Span::new(start, self.at), value }
    }

    fn object(&mut self) -> JsonValue {
        let mut pairs = Vec::new();
        self.at += 1;
        while self.next_is_item(b'}') {
            let start = self.at;
            let text = self.string();
            let name = Name { span: Span::new(start, self.at), text };
            self.skip_space();
            self.at += 1; // The colon.
            pairs.push((name, self.value()));
        }
        JsonValue::Object(pairs)
    }

    fn list(&mut self) -> JsonValue {
        let mut items = Vec::new();
        self.at += 1;
        while self.next_is_item(b']') {
            items.push(self.value());
        }
        JsonValue::List(items)
    }

    /// Goes to the next item, or behind the closing bracket.
    fn next_is_item(&mut self, closing: u8) -> bool {
        self.skip_space();
        if self.peek() == b',' {
            self.at += 1;
            self.skip_space();
        }
        let ended = self.peek() == closing || self.at >= self.text.len();
        self.at += usize::from(ended);
        !ended
    }

    fn string(&mut self) -> String {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        self.at = (at + 1).min(bytes.len());
        let document = Document::parse(&self.text[start..self.at]).unwrap_or_default();
        document.root().as_text().unwrap_or_default().to_owned()
    }

    fn word(&mut self) -> JsonValue {
        let rest = &self.text[self.at..];
        let length = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        self.at += length.max(1);
        match &rest[..length] {
            "null" => JsonValue::Null,
            "true" => JsonValue::Boolean(true),
            "false" => JsonValue::Boolean(false),
            number => JsonValue::Number(number.to_owned()),
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
    }

    /// The next byte; 0 at the end.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }
}
