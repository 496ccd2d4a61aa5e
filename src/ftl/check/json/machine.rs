//! Where in a JSON text one stands, character by character. What is wrong is reported and taken as
//! mended, so that one mistake is not reported as ten.

/// A position in a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::ftl::check) struct Machine {
    /// The objects (true) and lists (false) around the position, outermost first.
    open: Vec<bool>,
    at: At,
}

/// What may come next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::ftl::check) enum At {
    /// Nothing was written yet.
    Start,
    /// A value, behind a colon.
    Value,
    /// A value, or the end of the list.
    ItemOrEnd,
    /// A value, behind a comma.
    Item,
    /// A key, or the end of the object.
    KeyOrEnd,
    /// A key, behind a comma.
    Key,
    /// The colon behind a key.
    Colon,
    /// A comma or an end, behind a value.
    Behind,
    /// Inside a string.
    Text {
        /// The string is a key.
        is_key: bool,
        /// A backslash stands before.
        escaped: bool,
    },
    /// Inside a number, `true`, `false` or `null`.
    Word(String),
    /// Directly behind a printed value.
    Hole,
    /// Behind the end.
    Done,
}

/// What is wrong with the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Problem {
    /// The text is no JSON, and was perhaps never meant to be.
    Plain,
    /// A value is missing behind a colon.
    EmptyValue,
    /// Two values without a comma.
    MissingComma,
    /// A comma with nothing behind it.
    TrailingComma,
    /// A comma with nothing before it.
    LeadingComma,
    /// A line break or another control character inside a string.
    LineBreak,
    /// A string in single quotes.
    SingleQuote,
    /// A backslash before a character that has none.
    Escape,
    /// A word that JSON doesn't have.
    Word,
    /// Something else was expected.
    Expected(&'static str),
}

impl Machine {
    /// Before the first character.
    pub(in crate::ftl::check) fn new() -> Self {
        Self { open: Vec::new(), at: At::Start }
    }

    /// What may come next.
    pub(in crate::ftl::check) fn at(&self) -> &At {
        &self.at
    }

    /// Whether the position is one that only JSON has: behind a key's colon or between the items
    /// of a list. Until then a text that begins with a bracket may be anything.
    pub(in crate::ftl::check) fn is_surely_json(&self) -> bool {
        match self.at {
            At::Value => true,
            At::Item | At::Text { is_key: false, .. } => !self.open.is_empty(),
            _ => false,
        }
    }

    /// Whether the last thing was a comma between values.
    pub(in crate::ftl::check) fn is_behind_comma(&self) -> bool {
        matches!(self.at, At::Key | At::Item)
    }

    /// Whether an item of a list stands directly before.
    pub(in crate::ftl::check) fn is_behind_item(&self) -> bool {
        matches!(self.at, At::Behind | At::Hole) && self.open.last() == Some(&false)
    }

    /// Reads a character.
    pub(in crate::ftl::check) fn read(&mut self, c: char) -> Result<(), Problem> {
        match &mut self.at {
            At::Text { is_key, escaped } => {
                if *escaped {
                    *escaped = false;
                    let known = matches!(c, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u');
                    return if known { Ok(()) } else { Err(Problem::Escape) };
                }
                match c {
                    '"' => self.at = if *is_key { At::Colon } else { At::Behind },
                    '\\' => *escaped = true,
                    c if c < ' ' => return Err(Problem::LineBreak),
                    _ => {}
                }
                if self.open.is_empty() && self.at == At::Behind {
                    self.at = At::Done;
                }
                Ok(())
            }
            At::Word(word) if is_word(c) => {
                word.push(c);
                Ok(())
            }
            At::Hole if is_word(c) => Ok(()),
            At::Word(word) => {
                let known = is_json_word(word);
                self.close_value();
                self.read(c)?;
                if known { Ok(()) } else { Err(Problem::Word) }
            }
            At::Hole => {
                self.close_value();
                self.read(c)
            }
            _ if matches!(c, ' ' | '\t' | '\n' | '\r') => Ok(()),
            _ => self.structure(c),
        }
    }

    fn structure(&mut self, c: char) -> Result<(), Problem> {
        match (&self.at, c) {
            (At::Start | At::Done, '{' | '[')
            | (At::Value | At::Item | At::ItemOrEnd, '{' | '[' | '"') => {
                self.begin(c);
                Ok(())
            }
            (At::Start, _) => Err(Problem::Plain),
            (At::Done, _) => Err(Problem::Expected("the end")),
            (At::KeyOrEnd | At::Key, '"') => {
                self.at = At::Text { is_key: true, escaped: false };
                Ok(())
            }
            (At::KeyOrEnd | At::Key | At::Value | At::Item | At::ItemOrEnd, '\'') => {
                Err(Problem::SingleQuote)
            }
            (At::KeyOrEnd | At::Behind, '}') | (At::ItemOrEnd | At::Behind, ']') => self.end(c),
            (At::Key, '}') | (At::Item, ']') => {
                self.end(c)?;
                Err(Problem::TrailingComma)
            }
            (At::Value, '}' | ']') => {
                self.end(c)?;
                Err(Problem::EmptyValue)
            }
            (At::Behind, ',') => {
                self.behind_comma();
                Ok(())
            }
            (At::Value, ',') => {
                self.behind_comma();
                Err(Problem::EmptyValue)
            }
            (At::KeyOrEnd | At::Key | At::ItemOrEnd | At::Item, ',') => {
                self.behind_comma();
                Err(Problem::LeadingComma)
            }
            (At::Colon, ':') => {
                self.at = At::Value;
                Ok(())
            }
            (At::Colon, _) => Err(Problem::Expected("`:` behind a key")),
            (At::Value | At::Item | At::ItemOrEnd, c) if is_word(c) => {
                self.at = At::Word(c.to_string());
                Ok(())
            }
            (At::Value | At::Item | At::ItemOrEnd, _) => Err(Problem::Expected("a value")),
            (At::KeyOrEnd | At::Key, _) => Err(Problem::Expected("a key in double quotes")),
            (At::Behind, c) if matches!(c, '"' | '{' | '[') || is_word(c) => {
                self.behind_comma();
                self.structure(c)?;
                Err(Problem::MissingComma)
            }
            (At::Behind, _) => Err(Problem::Expected("a comma or the end")),
            (At::Text { .. } | At::Word(_) | At::Hole, _) => Ok(()),
        }
    }

    /// A printed value begins. Says whether a value can stand here.
    pub(in crate::ftl::check) fn print(&mut self) -> bool {
        match &self.at {
            At::Value | At::Item | At::ItemOrEnd | At::Hole | At::Word(_) => {
                self.at = At::Hole;
                true
            }
            At::Text { .. } => true,
            _ => false,
        }
    }

    /// A whole value is printed where the text begins.
    pub(in crate::ftl::check) fn print_all(&mut self) -> bool {
        if self.at == At::Start {
            self.at = At::Done;
            return true;
        }
        self.print()
    }

    /// What is missing at the end of the text.
    pub(in crate::ftl::check) fn finish(&mut self) -> Result<(), Problem> {
        let word = match &self.at {
            At::Word(word) => Some(is_json_word(word)),
            At::Hole => Some(true),
            _ => None,
        };
        if let Some(known) = word {
            self.close_value();
            if !known {
                return Err(Problem::Word);
            }
        }
        match self.at {
            At::Start | At::Done => Ok(()),
            At::Text { .. } => Err(Problem::Expected("the closing `\"` of a string")),
            _ if self.open.last() == Some(&true) => Err(Problem::Expected("`}`")),
            _ => Err(Problem::Expected("`]`")),
        }
    }

    fn begin(&mut self, c: char) {
        self.at = match c {
            '{' => {
                self.open.push(true);
                At::KeyOrEnd
            }
            '[' => {
                self.open.push(false);
                At::ItemOrEnd
            }
            _ => At::Text { is_key: false, escaped: false },
        };
    }

    fn end(&mut self, c: char) -> Result<(), Problem> {
        let expected = match self.open.last() {
            Some(true) if c != '}' => "`}` before `]`",
            Some(false) if c != ']' => "`]` before `}`",
            _ => {
                self.open.pop();
                self.close_value();
                return Ok(());
            }
        };
        Err(Problem::Expected(expected))
    }

    fn close_value(&mut self) {
        self.at = if self.open.is_empty() { At::Done } else { At::Behind };
    }

    fn behind_comma(&mut self) {
        self.at = if self.open.last() == Some(&true) { At::Key } else { At::Item };
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_')
}

fn is_json_word(word: &str) -> bool {
    matches!(word, "true" | "false" | "null")
        || serde_json::from_str::<serde_json::Number>(word).is_ok()
}

#[cfg(test)]
mod tests {
    use crate::ftl::check::json::machine::Machine;
    use crate::ftl::check::json::machine::Problem;

    fn problems(text: &str) -> Vec<Problem> {
        let mut machine = Machine::new();
        let mut found: Vec<Problem> = text.chars().filter_map(|c| machine.read(c).err()).collect();
        found.extend(machine.finish().err());
        found
    }

    #[test]
    fn what_is_json_has_no_problems() {
        for text in [
            "{}",
            "[]",
            r#" {"a": [1, -2.5e3, true, null, "x\"\u00e9"], "b": {}} "#,
            "[[], {}]\n",
            "{\"a\":1}\n{\"a\":2}",
        ] {
            assert_eq!(problems(text), [], "{text}");
        }
    }

    #[test]
    fn every_mistake_has_its_problem() {
        for (text, problem) in [
            (r#"{"a": 1,}"#, Problem::TrailingComma),
            ("[1,]", Problem::TrailingComma),
            ("[,1]", Problem::LeadingComma),
            ("[1,,2]", Problem::LeadingComma),
            (r#"{"a": , "b": 1}"#, Problem::EmptyValue),
            (r#"{"a": }"#, Problem::EmptyValue),
            (r#"{"a": 1 "b": 2}"#, Problem::MissingComma),
            ("[{} {}]", Problem::MissingComma),
            ("{\"a\": \"x\ny\"}", Problem::LineBreak),
            (r"['a']", Problem::SingleQuote),
            (r#"{"a": yes}"#, Problem::Word),
            (r#"{"a": 01}"#, Problem::Word),
            (r#"{"a": "\x"}"#, Problem::Escape),
            (r#"{"a": 1"#, Problem::Expected("`}`")),
            (r#"{"a"; 1}"#, Problem::Expected("`:` behind a key")),
        ] {
            assert_eq!(problems(text).first(), Some(&problem), "{text}");
        }
        assert_eq!(problems("Hello").first(), Some(&Problem::Plain));
    }
}
