//! JSON inside a text, for `?eval_json`: with comments and a byte order mark, else strict.

use std::rc::Rc;

use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::value::Number;

/// As deep as data may be.
const MAX_DEPTH: usize = 127;

/// The value of a JSON text.
///
/// # Errors
/// When the text is not one JSON value, with the line and column of the mistake.
pub(in crate::ftl::builtins) fn read<'r>(text: &str) -> Result<Model<'r>, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.whole();
    value.map_err(|message| {
        let before = &text[..reader.at.min(text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let message = format!("not JSON, at line {line} column {column}: {message}");
        Fault::new(TemplateErrorKind::BadFormat, message)
            .blaming(Blame::Target)
            .with_hint("`?eval` reads template expressions, `?eval_json` reads JSON")
    })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn whole<'r>(&mut self) -> Result<Model<'r>, String> {
        self.skip_space()?;
        let value = self.value()?;
        self.skip_space()?;
        match self.peek() {
            None => Ok(value),
            Some(c) => Err(format!("expected the end, found `{c}`")),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) -> Result<(), String> {
        loop {
            let space = |c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{a0}' | '\u{feff}');
            self.at = self.text.len() - self.rest().trim_start_matches(space).len();
            if self.rest().starts_with("//") {
                self.at += self.rest().find(['\r', '\n']).unwrap_or(self.rest().len());
            } else if let Some(inside) = self.rest().strip_prefix("/*") {
                let length = inside.find("*/").ok_or("the comment is not closed")?;
                self.at += length + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn value<'r>(&mut self) -> Result<Model<'r>, String> {
        match self.peek() {
            Some('"') => self.string().map(Model::text),
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::list),
            Some('-' | '.' | '0'..='9') => self.number(),
            Some(c) if c.is_alphabetic() || matches!(c, '_' | '$') => self.word(),
            Some('\'') => Err("strings stand in quotes `\"`, found `'`".into()),
            Some(c) => Err(format!("expected a value, found `{c}`")),
            None => Err("expected a value, found the end".into()),
        }
    }

    fn nested<'r>(
        &mut self,
        read: fn(&mut Self) -> Result<Model<'r>, String>,
    ) -> Result<Model<'r>, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn word<'r>(&mut self) -> Result<Model<'r>, String> {
        let part = |c: char| c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | '$');
        let rest = self.rest();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let value = match &rest[..end] {
            "true" => Model::Boolean(true),
            "false" => Model::Boolean(false),
            "null" => Model::Missing,
            other => return Err(format!("expected `true`, `false` or `null`, found `{other}`")),
        };
        self.at += end;
        Ok(value)
    }

    fn number<'r>(&mut self) -> Result<Model<'r>, String> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut end = usize::from(bytes[0] == b'-');
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        if !is_digit(end) {
            return Err("expected a digit at the start of a number".into());
        }
        if bytes[end] == b'0' && is_digit(end + 1) {
            return Err("a number has no zeros in front".into());
        }
        while let Some(byte) = bytes.get(end) {
            let after_e = matches!(bytes.get(end.wrapping_sub(1)), Some(b'e' | b'E'));
            match byte {
                b'0'..=b'9' | b'.' | b'e' | b'E' => end += 1,
                b'+' | b'-' if after_e => end += 1,
                _ => break,
            }
        }
        let text = &rest[..end];
        let number = Number::parse(text).ok_or_else(|| format!("`{text}` is no number"))?;
        self.at += end;
        Ok(Model::Number(number))
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                self.at = start;
                return Err("the string is not closed".into());
            };
            out.push_str(&rest[..end]);
            let stop = rest.as_bytes()[end];
            self.at += end;
            match stop {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                code => {
                    return Err(format!("a string holds no control character (code {code})"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(c) = self.peek() else { return Err("the string is not closed".into()) };
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                self.at += 1;
                return self.code();
            }
            _ => return Err(format!("`\\{c}` means nothing in JSON")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Behind `\u`. A half of a character without the other one becomes U+FFFD.
    fn code(&mut self) -> Result<char, String> {
        let first = self.unit()?;
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            let before_second = self.at;
            self.at += 2;
            let second = self.unit()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before_second;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u32, String> {
        let digits =
            self.rest().get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or("expected four hexadecimal digits behind `\\u`")?;
        self.at += 4;
        Ok(unit)
    }

    fn list<'r>(&mut self) -> Result<Model<'r>, String> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space()?;
        if self.eat(']') {
            return Ok(Model::list(items));
        }
        loop {
            self.skip_space()?;
            items.push(self.value()?);
            self.skip_space()?;
            if self.eat(']') {
                return Ok(Model::list(items));
            }
            self.comma(start, ']')?;
        }
    }

    fn object<'r>(&mut self) -> Result<Model<'r>, String> {
        let start = self.at;
        self.at += 1;
        let mut map = Map::default();
        self.skip_space()?;
        if self.eat('}') {
            return Ok(Model::Hash(Hash::Made(Rc::new(map))));
        }
        loop {
            self.skip_space()?;
            match self.peek() {
                Some('"') => {}
                Some(c) => return Err(format!("expected a key in quotes, found `{c}`")),
                None => return Err("expected a key in quotes, found the end".into()),
            }
            let key = self.string()?;
            self.skip_space()?;
            if !self.eat(':') {
                return Err("expected `:` behind a key".into());
            }
            self.skip_space()?;
            map.insert(key.into(), self.value()?);
            self.skip_space()?;
            if self.eat('}') {
                return Ok(Model::Hash(Hash::Made(Rc::new(map))));
            }
            self.comma(start, '}')?;
        }
    }

    fn comma(&mut self, start: usize, close: char) -> Result<(), String> {
        if self.eat(',') {
            return Ok(());
        }
        if let Some(c) = self.peek() {
            return Err(format!("expected `,` or `{close}`, found `{c}`"));
        }
        self.at = start;
        Err(format!("there is no `{close}` for this"))
    }
}
