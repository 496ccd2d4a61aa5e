//! Expressions of a kind, as letters of [`crate::generate::signatures`] name them.
//!
//! Longer than other files, because it is mostly lists of what can be written.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::generate::Generator;
use crate::generate::signatures;
use crate::generate::signatures::Signature;
use crate::generate::words;

/// What the templates call; [`Generator::prelude`] has the definitions.
const FUNCTIONS_OF_TEXT: &[&str] = &["fs", "fd"];

impl Generator {
    /// An expression of a kind; now and then, where mistakes are wanted, of another.
    pub(crate) fn expression(&mut self, kind: char, depth: usize) -> String {
        let kind = if self.slips() {
            self.pick(&['S', 'N', 'B', 'D', 'L', 'H', 'O', 'M', 'K'])
        } else {
            kind
        };
        if depth == 0 {
            return self.leaf(kind);
        }
        let depth = depth - 1;
        match kind {
            'A' => {
                let kind = self.pick(&['S', 'N', 'B', 'D', 'l', 'n', 'L', 'H', 'M', 'K', 'b', 'm']);
                self.expression(kind, depth)
            }
            'O' => match self.below(4) {
                0 => self.missing(),
                1 => self.expression('A', depth),
                _ => self.expression('S', depth),
            },
            'M' if self.wants_markup && self.one_in(2) => self.some_built_in('M', depth),
            'S' | 'N' | 'B' => match self.below(10) {
                0..=2 => self.leaf(kind),
                3..=6 => self.some_built_in(kind, depth),
                _ => self.operation(kind, depth),
            },
            'D' => match self.below(4) {
                0 => self.some_built_in('D', depth),
                _ => self.leaf('D'),
            },
            'L' | 'l' | 'n' | 'b' | 'H' => match self.below(8) {
                0..=3 => self.leaf(kind),
                4..=5 => self.some_built_in(kind, depth),
                _ => self.operation(kind, depth),
            },
            _ => self.leaf(kind),
        }
    }

    /// A use of a built-in that gives a kind.
    fn some_built_in(&mut self, gives: char, depth: usize) -> String {
        let fitting: Vec<&Signature> = signatures::SIGNATURES
            .iter()
            .filter(|line| line.gives == gives && line.target != 'V')
            .collect();
        match self.one(&fitting) {
            Some(signature) => {
                self.built_in(signature, depth + usize::from(signature.target == 'd'))
            }
            None => self.leaf(gives),
        }
    }

    /// A use of a built-in.
    pub(crate) fn built_in(&mut self, signature: &'static Signature, depth: usize) -> String {
        let target = self.target(signature.target, depth);
        let mut arguments = self.pick(signature.arguments);
        if signature.target == 'd' && arguments == "-" && depth > 0 {
            arguments = "T";
        }
        let call = self.call(&target, signature.name, arguments, depth);
        self.used.push((signature.name, call.clone()));
        call
    }

    fn call(&mut self, target: &str, name: &'static str, arguments: &str, depth: usize) -> String {
        let name = self.word(name);
        let blank = if self.one_in(40) { " " } else { "" };
        let head = format!("{target}{blank}?{blank}{name}");
        if arguments == "-" {
            return if self.one_in(60) && self.mistakes { format!("{head}()") } else { head };
        }
        if let Some(letters) = arguments.strip_prefix('.') {
            let format = self.argument(letters.chars().next().unwrap_or('S'), depth);
            let plain = format.trim_matches(['"', '\'']).to_owned();
            let is_word = plain.chars().all(|c| c.is_alphanumeric() || c == '_')
                && plain.starts_with(char::is_alphabetic);
            return if is_word { format!("{head}.{plain}") } else { format!("{head}[{format}]") };
        }
        let mut list: Vec<String> = match arguments.strip_prefix('[') {
            Some(_) => vec![format!("[{}]", self.argument('k', depth))],
            None => arguments.chars().map(|letter| self.argument(letter, depth)).collect(),
        };
        if self.mistakes && self.one_in(50) {
            list.pop();
        }
        if self.mistakes && self.one_in(50) {
            list.push(self.leaf('S'));
        }
        let separator = self.pick(&[", ", ",", ", ", " , "]);
        format!("{head}({})", list.join(separator))
    }

    fn target(&mut self, letter: char, depth: usize) -> String {
        if self.slips() {
            let inner = self.expression('A', depth);
            return format!("({inner})");
        }
        match letter {
            'i' => self.small_number(),
            'x' => self
                .pick(&[
                    "0",
                    "1705314600120",
                    "1000000000000",
                    "n",
                    "86399999",
                    "1719999999999.5",
                    "253402300799000",
                    "315532800000",
                ])
                .to_owned(),
            'U' => {
                let text = words::TEXTS[self.between(17, 26)];
                self.literal(text)
            }
            'Y' => self
                .pick(&["'true'", "'false'", "'yes'", "'Y'", "'c'", "s", "'TRUE'", "''", "b?c"])
                .to_owned(),
            'd' => {
                let (text, _) = self.pick(words::DATE_TEXTS);
                self.literal(text)
            }
            'E' => {
                let text = self.pick(words::EXPRESSIONS);
                self.literal(text)
            }
            'J' => {
                let text = self.pick(words::JSON_TEXTS);
                self.literal(text)
            }
            'I' => {
                let text = self.pick(words::INNER_TEMPLATES);
                if self.one_in(6) { format!("[{}, 'id']", self.raw(text)) } else { self.raw(text) }
            }
            't' => self
                .pick(&[
                    "'a.ftl'",
                    "'/a/b.ftl'",
                    "'../x.ftl'",
                    "'./a'",
                    "'*/a.ftl'",
                    "'a/../b'",
                    "'x://y/z'",
                    "''",
                ])
                .to_owned(),
            'V' => self.loop_variable(),
            letter => {
                let inner = self.expression(letter, depth);
                // `-x?abs` is `-(x?abs)`; a postfix chain needs no parentheses.
                let simple =
                    inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '?'));
                let closed = inner.ends_with(')')
                    && inner.starts_with(|c: char| c.is_alphabetic())
                    && !inner.contains([' ', '+', '-', '*', '!', '<', '=', '&', '|', '%', '/']);
                let quoted = inner.len() > 1
                    && inner.starts_with(['"', '\''])
                    && !inner[1..inner.len() - 1].contains(['"', '\''])
                    && inner.ends_with(['"', '\'']);
                if simple || closed || quoted || self.one_in(30) {
                    inner
                } else {
                    format!("({inner})")
                }
            }
        }
    }

    fn argument(&mut self, letter: char, depth: usize) -> String {
        if self.slips() {
            return self.expression('A', depth.min(1));
        }
        match letter {
            'i' | 'c' => self.small_number(),
            's' => {
                let text = self.pick(words::NEEDLES);
                self.literal(text)
            }
            'R' => {
                let text = self.pick(words::REGEXES);
                if self.one_in(2) { self.raw(text) } else { self.literal(text) }
            }
            'F' => {
                let text = self.pick(words::FLAGS);
                self.literal(text)
            }
            'P' => {
                let text = self.pick(words::NUMBER_FORMATS);
                self.literal(text)
            }
            'T' => {
                let text = if self.one_in(3) {
                    self.pick(words::DATE_TEXTS).1
                } else {
                    self.pick(words::DATE_FORMATS)
                };
                self.literal(text)
            }
            'Z' => {
                let text = if self.one_in(10) {
                    self.pick(words::BAD_ZONES)
                } else {
                    self.pick(words::ZONES)
                };
                self.literal(text)
            }
            'C' => {
                let text = self.pick(words::CHARSETS);
                self.literal(text)
            }
            'k' => self.pick(&["'k'", "'v'", "'k'", "'name'"]).to_owned(),
            't' => self.pick(&["'dir/a.ftl'", "'/x'", "''", "'a'"]).to_owned(),
            'w' => self
                .pick(&[
                    "{}",
                    "[]",
                    "{'a': 'wa'}",
                    "['w1']",
                    "{'b': 'wb', 'zz': 1}",
                    "[1, 2]",
                    "{'a': 1, 'b': 2, 'c': 3}",
                    "['x', 'y', 'z']",
                    "h",
                    "l",
                ])
                .to_owned(),
            'p' => self.lambda('S', 'B', depth),
            'q' => self.lambda('N', 'B', depth),
            'f' => self.lambda('S', 'S', depth),
            letter => self.expression(letter, depth.min(1)),
        }
    }

    fn lambda(&mut self, takes: char, gives: char, depth: usize) -> String {
        if self.one_in(8) {
            return self.pick(&["fs", "fb", "fd", "nosuch"]).to_owned();
        }
        let outer = self.loops.len();
        let name = self.pick(&["x", "it", "e"]);
        self.locals.push((name.to_owned(), takes));
        let body = self.expression(gives, depth.min(2));
        self.locals.pop();
        self.loops.truncate(outer);
        if self.one_in(4) { format!("({name}) -> {body}") } else { format!("{name} -> {body}") }
    }

    /// An operator's use.
    fn operation(&mut self, kind: char, depth: usize) -> String {
        let part = |this: &mut Self, kind: char| this.expression(kind, depth);
        let (choice, inner) = (self.below(9), self.one_in(3));
        let text = match (kind, choice) {
            ('S', 0) => format!("{} + {}", part(self, 'S'), part(self, 'S')),
            ('S', 1) => format!("{} + {}", part(self, 'S'), part(self, 'N')),
            ('S', 2) => format!("({})!{}", part(self, 'O'), self.leaf('S')),
            ('S', 3) => format!("{}!{}", self.missing(), self.leaf('S')),
            ('S', 4) => {
                let range = self.range();
                format!("{}[{range}]", self.target('S', depth))
            }
            ('S', 5) => {
                let inside = part(self, 'S');
                if inside.contains(['"', '\\']) { inside } else { format!("\"a${{{inside}}}b\"") }
            }
            ('S', 6) => format!("{}({})", self.pick(FUNCTIONS_OF_TEXT), part(self, 'S')),
            ('S', 7) => {
                format!("{}[{}]!{}", self.target('l', depth), self.small_number(), self.leaf('S'))
            }
            ('S', _) => self
                .pick(&[
                    "h.k",
                    "h['v']!'-'",
                    "u.name",
                    "u.address.city",
                    "u['na' + 'me']",
                    "b2[0].k!",
                    "(u.nope.deep)!'d'",
                ])
                .to_owned(),
            ('N', 0..=4 | 8) => {
                let operator =
                    self.pick(&["+", "-", "*", "/", "%", " + ", " - ", " * ", " / ", " % "]);
                format!("{}{operator}{}", part(self, 'N'), part(self, 'N'))
            }
            ('N', 5) => format!("-{}", self.target('N', depth)),
            ('N', 6) => format!("+{}", self.target('N', depth)),
            ('N', _) => format!("{}[{}]!0", self.target('n', depth), self.small_number()),
            ('B', 0) => format!("{} == {}", part(self, 'S'), part(self, 'S')),
            ('B', 1) => format!("{} != {}", part(self, 'N'), part(self, 'N')),
            ('B', 2) => {
                let operator = self.pick(&[
                    "lt", "lte", "gt", "gte", "<", "<=", "=", "==", "\\lt", "\\gte", "&lt;",
                    "&gt;=",
                ]);
                format!("({} {operator} {})", part(self, 'N'), part(self, 'N'))
            }
            ('B', 3) => {
                let operator = self.pick(&["&&", "||", "&", "|", "\\and", "\\or", "&amp;&amp;"]);
                format!("({} {operator} {})", part(self, 'B'), part(self, 'B'))
            }
            ('B', 4) => format!("!{}", self.target('B', depth)),
            ('B', 5) => format!("{}??", self.target('O', depth)),
            ('B', 6) => format!("({})??", part(self, 'O')),
            ('B', 7) => format!("({} gt {})", part(self, 'D'), part(self, 'D')),
            ('B', _) => format!("{} = {}", part(self, 'D'), part(self, 'D')),
            ('H', 0..=3) => format!("{} + {}", part(self, 'H'), part(self, 'H')),
            ('H', _) => self.leaf('H'),
            ('n', 0..=3) => format!("({})", self.range_of_numbers()),
            (list, 4 | 5) => {
                let range = self.range();
                format!("{}[{range}]", self.target(list, depth))
            }
            (list, _) => format!("{} + {}", part(self, list), part(self, list)),
        };
        if inner { format!("({text})") } else { text }
    }

    fn range(&mut self) -> String {
        let (start, end) = (self.small_number(), self.small_number());
        match self.below(8) {
            0 | 1 => format!("{start}..{end}"),
            2 => format!("{start}..<{end}"),
            3 => format!("{start}..!{end}"),
            4 | 5 => format!("{start}..*{end}"),
            6 => format!("{start}.."),
            _ => format!("({start}..)[0..{end}]"),
        }
    }

    fn range_of_numbers(&mut self) -> String {
        let (start, end) = (self.small_number(), self.small_number());
        let kind = self.pick(&["..", "..<", "..*", "..!"]);
        format!("{start}{kind}{end}")
    }

    fn missing(&mut self) -> String {
        self.pick(&[
            "nope",
            "nul",
            "u.nope",
            "h.zz",
            "l[99]",
            "nul.a",
            "nope.a.b",
            "u['x y']",
            "b2[0].nul",
            "s2.x",
            "u.nul",
            "(nope)",
            "(u.a.b)",
            ".vars.nope",
            ".main['q']",
            ".globals.zz",
        ])
        .to_owned()
    }

    /// A variable, literal or other short expression of a kind.
    pub(crate) fn leaf(&mut self, kind: char) -> String {
        let fitting: Vec<String> = self
            .locals
            .iter()
            .filter(|(_, of)| *of == kind)
            .map(|(name, _)| name.clone())
            .collect();
        if !fitting.is_empty() && self.one_in(2) {
            return self.pick(&fitting);
        }
        match kind {
            'S' | 's' => match self.below(5) {
                0 => self.pick(&["s", "s2", "s3", "u.name", "h.k"]).to_owned(),
                1 => self.pick(&["s", "s2", "s3"]).to_owned(),
                2 => {
                    let text = self.pick(words::NEEDLES);
                    self.literal(text)
                }
                3 if self.one_in(3) => self.special(),
                _ => {
                    let text = self.text();
                    self.literal(&text)
                }
            },
            'N' => match self.below(4) {
                0 | 1 => self.pick(&["n", "n2", "n3", "u.age", "ns[0]"]).to_owned(),
                2 => self.small_number(),
                _ => {
                    let number = self.pick(&words::NUMBERS[..words::NUMBERS.len() - 1]);
                    if self.one_in(8) { format!("-{number}") } else { number.to_owned() }
                }
            },
            'B' => self
                .pick(&["true", "false", "b", "u.active", "true", "(n > 1)", "s == s2"])
                .to_owned(),
            'D' => self.date(),
            'l' => self
                .pick(&[
                    "l",
                    "['b', 'a', 'C', 'é']",
                    "['x']",
                    "l2",
                    "[]",
                    "['a', 'a', 'b']",
                    "[s, s2]",
                    "l",
                    "['']",
                ])
                .to_owned(),
            'n' => self
                .pick(&[
                    "ns",
                    "[3, 1, 2]",
                    "1..3",
                    "[0.5, 1.50, -2]",
                    "ns",
                    "[n, n2]",
                    "[]",
                    "3..1",
                    "0..<0",
                ])
                .to_owned(),
            'L' => self
                .pick(&[
                    "l",
                    "ns",
                    "b2",
                    "mixed",
                    "[1, 'a', true]",
                    "[[1], [2, 3]]",
                    "[]",
                    "[nul!1, s]",
                    "mixed",
                    "b2",
                ])
                .to_owned(),
            'b' => self
                .pick(&[
                    "b2",
                    "[{'k': 2, 'v': 'x'}, {'k': 1, 'v': 'y'}]",
                    "b2",
                    "[{'k': 'b', 'v': 1, 'name': 'q'}, {'k': 'B', 'v': 2, 'name': 'p'}]",
                    "[]",
                ])
                .to_owned(),
            'g' => self.pick(&["[[1, 2], [3]]", "[]", "[['a']]"]).to_owned(),
            'H' => self
                .pick(&[
                    "h",
                    "u",
                    "{}",
                    "{'a': 1, 'b': 'x'}",
                    "{'k': s, 'v': n}",
                    "h",
                    "{\"a b\": [1]}",
                    "b2[0]!{}",
                    ".data_model",
                    "{'nul': nul!}",
                ])
                .replace("data_model", &self.word("data_model")),
            'M' if !self.wants_markup && !self.mistakes => "mk".to_owned(),
            'M' => self
                .pick(&[
                    "'<b>'?no_esc",
                    "'<x>'?esc",
                    "'a&b'?esc",
                    "mk",
                    "mk",
                    "'<i>'?no_esc + 'z&'",
                ])
                .replace("no_esc", &self.word("no_esc")),
            'm' => {
                let (text, regex) = (self.leaf('S'), self.pick(words::REGEXES));
                let regex = self.raw(regex);
                let flags = if self.one_in(4) {
                    format!(", '{}'", self.pick(words::FLAGS))
                } else {
                    String::new()
                };
                format!("{text}?matches({regex}{flags})")
            }
            'K' => self.pick(&["fs", "fd", "fb", "ma", "mb", "mc", "fc"]).to_owned(),
            'V' => self.loop_variable(),
            'i' => self.small_number(),
            _ => self.missing(),
        }
    }

    fn special(&mut self) -> String {
        let name = self.pick(&[
            "locale",
            "lang",
            "time_zone",
            "template_name",
            "main_template_name",
            "current_template_name",
            "output_format",
            "version",
            "incompatible_improvements",
            "output_encoding",
            "url_escaping_charset",
            "caller_template_name",
            "auto_esc?c",
            "main?size",
            "namespace?size",
            "vars?size",
            "data_model?keys?join(',')",
            "globals?size",
            "now?string.iso",
            "now",
            "error",
            "args?size",
            "locals?size",
            "locale_object",
            "node",
            "current_node",
        ]);
        let name = match name.split_once('?') {
            Some((name, rest)) => format!("{}?{rest}", self.word(name)),
            None => self.word(name),
        };
        format!(".{name}")
    }

    fn date(&mut self) -> String {
        match self.below(8) {
            0 => ".now".to_owned(),
            1 => {
                self.pick(&[
                    "1705314600120",
                    "0",
                    "951782400000",
                    "1718447400000",
                    "-1",
                    "1711846800000",
                    "978307199999",
                    "-62135596800000",
                    "1698541200000",
                ])
                .to_owned()
                    + "?"
                    + &{
                        let name = self.pick(&[
                            "number_to_datetime",
                            "number_to_date",
                            "number_to_time",
                            "number_to_datetime",
                        ]);
                        self.word(name)
                    }
            }
            2 | 3 => {
                let (text, format) = self.pick(words::DATE_TEXTS);
                let kind = self.pick(&["date", "datetime", "time"]);
                format!("{}?{kind}({})", self.literal(text), self.literal(format))
            }
            4 => "d".to_owned(),
            _ => self
                .pick(&[
                    "'2024-01-15T10:30:00.120Z'?datetime.iso",
                    "'2024-06-15'?date.iso",
                    "'23:59:59.5Z'?time.iso",
                    "d",
                    "d2",
                    "t",
                    "'1999-12-31T23:59:59+05:30'?datetime.xs",
                    "'2024-10-27T01:30:00Z'?datetime.iso",
                    "'1970-01-01'?date.xs",
                    "'2024-12-30'?date('yyyy-MM-dd')",
                    "'1847-12-01T00:00:00Z'?datetime.iso",
                ])
                .to_owned(),
        }
    }

    pub(crate) fn small_number(&mut self) -> String {
        self.pick(&[
            "0", "1", "2", "3", "4", "5", "1", "2", "0", "7", "10", "20", "-1", "-2", "n4",
            "l?size", "27", "702", "1.5", "2", "3", "4", "6", "8", "12", "15",
        ])
        .to_owned()
    }

    pub(crate) fn loop_variable(&mut self) -> String {
        let names = self.loops.clone();
        self.one(&names).unwrap_or_else(|| "lv".to_owned())
    }

    /// A text, from the list or made up.
    pub(crate) fn text(&mut self) -> String {
        match self.below(4) {
            0..=2 => self.pick(words::TEXTS).to_owned(),
            _ => {
                let letters = [
                    "a", "b", "c", " ", "A", "B", "1", "2", ".", ",", "-", "é", "\n", "x", "o",
                    "😀", "ß", "&", "<", "'", "\"", "\\", "/", "_", "\t", "İ", "word", "foo",
                ];
                let count = self.between(0, 12);
                (0..count).map(|_| self.pick(&letters)).collect()
            }
        }
    }

    /// A text as a literal of the template language.
    pub(crate) fn literal(&mut self, text: &str) -> String {
        if self.one_in(12) && !text.contains(['\'', '"']) && !text.is_empty() {
            return self.raw(text);
        }
        let quote = self.pick(&['"', '\'', '\'']);
        let mut out = String::from(quote);
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if c == quote => {
                    out.push('\\');
                    out.push(c);
                }
                '$' | '#' if rest.peek() == Some(&'{') => {
                    out.push(c);
                    out.push('\\');
                }
                '[' if rest.peek() == Some(&'=') => out.push_str("[\\"),
                '\n' if self.one_in(2) => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '<' if self.one_in(6) => out.push_str("\\l"),
                '>' if self.one_in(6) => out.push_str("\\g"),
                '&' if self.one_in(6) => out.push_str("\\a"),
                c if (c as u32) < 0x20 && c != '\n' && c != '\t' => {
                    let _ = write!(out, "\\x{:04X}", c as u32);
                }
                'é' if self.one_in(4) => out.push_str("\\xE9"),
                c => out.push(c),
            }
        }
        out.push(quote);
        out
    }

    /// A text as a raw literal, where that is possible.
    pub(crate) fn raw(&mut self, text: &str) -> String {
        let quote = if text.contains('\'') { '"' } else { '\'' };
        if text.contains(quote) {
            self.literal(&text.replace('"', "'").replace('\'', "`"))
        } else {
            format!("r{quote}{text}{quote}")
        }
    }

    /// The variables of a case.
    pub(crate) fn data(&mut self) -> serde_json::Map<String, Json> {
        let mut data = serde_json::Map::new();
        for name in ["s", "s2", "s3"] {
            data.insert(name.into(), Json::String(self.text()));
        }
        for name in ["n", "n2", "n3"] {
            data.insert(name.into(), self.number());
        }
        data.insert("n4".into(), Json::from(self.between(0, 6)));
        data.insert("b".into(), Json::Bool(self.one_in(2)));
        data.insert("nul".into(), Json::Null);
        let count = self.between(0, 5);
        data.insert("l".into(), (0..count).map(|_| Json::String(self.text())).collect());
        let count = self.between(0, 4);
        data.insert(
            "l2".into(),
            (0..count).map(|_| Json::String(self.pick(words::NEEDLES).to_owned())).collect(),
        );
        let count = self.between(0, 5);
        data.insert("ns".into(), (0..count).map(|_| self.number()).collect());
        let count = self.between(0, 4);
        let mut items = Vec::new();
        for _ in 0..count {
            let mut item = serde_json::Map::new();
            let key = if self.one_in(3) {
                self.number()
            } else {
                Json::String(self.pick(words::NEEDLES).to_owned())
            };
            item.insert("k".into(), key);
            item.insert("v".into(), self.number());
            item.insert("nul".into(), Json::Null);
            if self.one_in(2) {
                item.insert("name".into(), Json::String(self.text()));
            }
            items.push(Json::Object(item));
        }
        data.insert("b2".into(), Json::Array(items));
        let count = self.between(0, 4);
        data.insert("mixed".into(), (0..count).map(|_| self.json(2)).collect());
        let mut hash = serde_json::Map::new();
        hash.insert("k".into(), Json::String(self.text()));
        let count = self.between(0, 3);
        for _ in 0..count {
            let key = self.pick(&["v", "a", "b", "x y", "é", "1", "size", "keys", "K"]).to_owned();
            hash.insert(key, self.json(1));
        }
        data.insert("h".into(), Json::Object(hash));
        let mut user = serde_json::Map::new();
        user.insert("name".into(), Json::String(self.text()));
        user.insert("age".into(), self.number());
        user.insert("active".into(), Json::Bool(self.one_in(2)));
        user.insert("nul".into(), Json::Null);
        user.insert(
            "address".into(),
            serde_json::json!({"city": self.text(), "zip": self.number()}),
        );
        user.insert("tags".into(), serde_json::json!([self.text(), self.text()]));
        data.insert("u".into(), Json::Object(user));
        data
    }

    fn json(&mut self, depth: usize) -> Json {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 | 1 => Json::String(self.text()),
            2 => self.number(),
            3 => Json::Bool(self.one_in(2)),
            4 => Json::Null,
            5 => {
                let count = self.between(0, 3);
                (0..count).map(|_| self.json(depth - 1)).collect()
            }
            _ => serde_json::json!({"k": self.json(depth - 1), "z": self.number()}),
        }
    }

    fn number(&mut self) -> Json {
        let text = match self.below(6) {
            0 => self.pick(words::DATA_NUMBERS).to_owned(),
            1 => format!("{}.{}", self.between(0, 2000), self.between(0, 9999)),
            2 => self.between(0, 100).to_string(),
            _ => self.pick(&words::NUMBERS[..words::NUMBERS.len() - 1]).to_owned(),
        };
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }
}
