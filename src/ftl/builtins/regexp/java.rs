//! Java's regular expressions in the words of `fancy_regex`.
//!
//! The two agree on most of the syntax and differ in what it means: what ends a line, which letters
//! `\w` has, what `(?i)` ignores, what `$` and `^` look at. So a pattern is read as Java reads it and
//! written anew with everything spelled out; no flags are left, and every character that is not a
//! letter or digit is written by its code.

use crate::ftl::builtins::regexp::properties;

/// Parentheses inside each other; `fancy_regex` has a limit of its own.
const MAX_DEPTH: usize = 60;
/// What ends a line.
const TERMINATORS: &str = r"\x{A}\x{D}\x{85}\x{2028}\x{2029}";

/// What a pattern is written as, and its groups.
#[derive(Debug)]
pub(in crate::ftl::builtins) struct Translated {
    /// For `fancy_regex`; groups have numbers only.
    pub(in crate::ftl::builtins) pattern: String,
    /// The number of groups.
    pub(in crate::ftl::builtins) groups: usize,
    /// The names of groups and their numbers.
    pub(in crate::ftl::builtins) names: Vec<(String, usize)>,
}

/// A pattern can't be read.
#[derive(Debug)]
pub(in crate::ftl::builtins) struct Malformed {
    /// What is wrong.
    pub(in crate::ftl::builtins) message: String,
    /// At which character, from 1.
    pub(in crate::ftl::builtins) at: usize,
}

/// The flags of Java's `Pattern`.
#[expect(clippy::struct_excessive_bools, reason = "they are Java's flags, each on or off")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::ftl::builtins) struct Modes {
    /// `i`: ASCII letters match both cases.
    pub(in crate::ftl::builtins) ignore_case: bool,
    /// `m`: `^` and `$` look at lines.
    pub(in crate::ftl::builtins) multi_line: bool,
    /// `x`: white space and comments mean nothing.
    pub(in crate::ftl::builtins) comments: bool,
    /// `s`: `.` matches line breaks.
    pub(in crate::ftl::builtins) dot_all: bool,
    /// `d`: only `\n` ends a line.
    unix_lines: bool,
    /// `u`: all letters match both cases, if `i` is set.
    unicode_case: bool,
    /// `U`: `\w` and its kin know Unicode.
    unicode_classes: bool,
}

impl Modes {
    /// No flag.
    pub(in crate::ftl::builtins) const NONE: Self = Self {
        ignore_case: false,
        multi_line: false,
        comments: false,
        dot_all: false,
        unix_lines: false,
        unicode_case: false,
        unicode_classes: false,
    };

    /// What `\p{…}` depends on.
    pub(in crate::ftl::builtins) fn knows_unicode(self) -> bool {
        self.unicode_classes
    }
}

/// Writes a Java pattern for `fancy_regex`.
pub(in crate::ftl::builtins) fn translate(
    pattern: &str,
    modes: Modes,
) -> Result<Translated, Malformed> {
    let units = unquote(pattern);
    // The first reading counts the groups, which references need to know.
    let mut first = Reader::new(&units, modes, usize::MAX);
    first.whole()?;
    let mut second = Reader::new(&units, modes, first.groups);
    let pattern = second.whole()?;
    Ok(Translated { pattern, groups: second.groups, names: second.names })
}

/// A character of the pattern; quoted ones (`\Q…\E`) stand for themselves.
#[derive(Clone, Copy)]
struct Unit {
    c: char,
    quoted: bool,
}

fn unquote(pattern: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix("\\Q") {
            let (quoted, behind) = inside.split_once("\\E").unwrap_or((inside, ""));
            units.extend(quoted.chars().map(|c| Unit { c, quoted: true }));
            rest = behind;
            continue;
        }
        units.push(Unit { c, quoted: false });
        rest = &rest[c.len_utf8()..];
        if c == '\\'
            && let Some(escaped) = rest.chars().next()
        {
            units.push(Unit { c: escaped, quoted: false });
            rest = &rest[escaped.len_utf8()..];
        }
    }
    units
}

struct Reader<'u> {
    units: &'u [Unit],
    at: usize,
    modes: Modes,
    groups: usize,
    /// How many groups there are in all.
    all_groups: usize,
    names: Vec<(String, usize)>,
    depth: usize,
    /// How many parts so far match characters, and not only places between them.
    consuming: usize,
}

type Read<T> = Result<T, Malformed>;

impl<'u> Reader<'u> {
    fn new(units: &'u [Unit], modes: Modes, all_groups: usize) -> Self {
        Self {
            units,
            at: 0,
            modes,
            groups: 0,
            all_groups,
            names: Vec::new(),
            depth: 0,
            consuming: 0,
        }
    }

    fn whole(&mut self) -> Read<String> {
        let pattern = self.alternatives()?;
        if self.at < self.units.len() {
            return self.fail("`)` closes nothing");
        }
        Ok(pattern)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Malformed { message: message.into(), at: self.at.min(self.units.len()) + 1 })
    }

    /// The next character that means something, if it is not quoted.
    fn special(&self) -> Option<char> {
        self.units.get(self.at).filter(|unit| !unit.quoted).map(|unit| unit.c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.special() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn eat_all(&mut self, text: &str) -> bool {
        let found = text.chars().enumerate().all(|(index, c)| {
            self.units.get(self.at + index).is_some_and(|unit| unit.c == c && !unit.quoted)
        });
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Skips what `x` makes meaningless.
    fn skip_comments(&mut self) {
        while self.modes.comments {
            match self.special() {
                Some(' ' | '\t'..='\r') => self.at += 1,
                Some('#') => {
                    let ends = |unit: &Unit| match unit.c {
                        '\n' => true,
                        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => !self.modes.unix_lines,
                        _ => false,
                    };
                    let rest = &self.units[self.at..];
                    self.at += rest.iter().position(ends).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// `a|b|c`, up to the end or a closing parenthesis.
    fn alternatives(&mut self) -> Read<String> {
        let outside = self.modes;
        let mut out = self.sequence()?;
        while self.eat('|') {
            out.push('|');
            out.push_str(&self.sequence()?);
        }
        self.modes = outside;
        Ok(out)
    }

    fn sequence(&mut self) -> Read<String> {
        let mut out = String::new();
        loop {
            self.skip_comments();
            match self.special() {
                Some('|' | ')') => return Ok(out),
                None if self.at >= self.units.len() => return Ok(out),
                Some(c @ ('*' | '+' | '?')) => {
                    return self.fail(format!("there is nothing that `{c}` could repeat"));
                }
                _ => {}
            }
            let before = self.consuming;
            let Some(atom) = self.atom()? else { continue };
            self.skip_comments();
            self.repeated(&atom, self.consuming > before, &mut out)?;
        }
    }

    /// Writes an atom with its quantifier. One that matches no characters is the same however often
    /// it is repeated, and `fancy_regex` refuses to.
    fn repeated(&mut self, atom: &str, is_consuming: bool, out: &mut String) -> Read<()> {
        let quantifier = match self.special() {
            Some(c @ ('*' | '+' | '?')) => {
                self.at += 1;
                c.to_string()
            }
            Some('{') => self.bounds()?,
            _ => {
                out.push_str(atom);
                return Ok(());
            }
        };
        self.skip_comments();
        let is_possessive = self.eat('+');
        let is_lazy = !is_possessive && self.eat('?');
        let open = if is_possessive { "(?>" } else { "(?:" };
        out.push_str(open);
        if is_consuming {
            // What a possessive quantifier has matched once stays matched, round by round.
            out.push_str(open);
            out.push_str(atom);
            out.push(')');
            out.push_str(&quantifier);
            out.push_str(if is_lazy { "?" } else { "" });
        } else {
            let may_be_left_out =
                quantifier.starts_with(['*', '?']) || quantifier.starts_with("{0");
            out.push_str(if may_be_left_out && is_lazy { "|" } else { "" });
            out.push_str(atom);
            out.push_str(if may_be_left_out && !is_lazy { "|" } else { "" });
        }
        out.push(')');
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`
    fn bounds(&mut self) -> Read<String> {
        self.at += 1;
        let least = self.number()?;
        let bounds = if self.eat(',') {
            if self.special() == Some('}') {
                format!("{{{least},}}")
            } else {
                let most = self.number()?;
                if most < least {
                    return self.fail(format!(
                        "`{{{least},{most}}}` repeats more often at the least than at the most"
                    ));
                }
                format!("{{{least},{most}}}")
            }
        } else {
            format!("{{{least}}}")
        };
        if !self.eat('}') {
            return self.fail("expected `}` behind the number of repetitions");
        }
        Ok(bounds)
    }

    fn number(&mut self) -> Read<u32> {
        let start = self.at;
        while self.special().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.units[start..self.at].iter().map(|unit| unit.c).collect();
        match digits.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.fail("expected a number of repetitions; a plain `{` is written `\\{`"),
        }
    }

    /// What can be repeated; `None` for flags, which can't.
    fn atom(&mut self) -> Read<Option<String>> {
        let unit = self.units[self.at];
        self.at += 1;
        if unit.quoted {
            self.consuming += 1;
            return Ok(Some(self.literal(unit.c)));
        }
        // Groups and escapes count for themselves.
        self.consuming += usize::from(!matches!(unit.c, '^' | '$' | '(' | '\\' | '{'));
        Ok(Some(match unit.c {
            '.' if self.modes.dot_all => r"[\x{0}-\x{10FFFF}]".to_owned(),
            '.' if self.modes.unix_lines => r"[^\x{A}]".to_owned(),
            '.' => format!("[^{TERMINATORS}]"),
            '^' if self.modes.multi_line => self.line_start(),
            '^' => r"\A".to_owned(),
            '$' if self.modes.multi_line => self.line_end(),
            '$' => self.text_end(),
            '[' if self.modes.ignore_case && self.modes.unicode_case => {
                format!("(?i:{})", self.class()?)
            }
            '[' => self.class()?,
            '(' => return self.group(),
            '\\' => self.escape()?,
            // Nothing is repeated here, which Java allows for this quantifier alone.
            '{' => {
                self.at -= 1;
                String::new()
            }
            c => self.literal(c),
        }))
    }

    /// `^` by lines: not at the end of the text, nor inside `\r\n`.
    fn line_start(&self) -> String {
        const SOMETHING: &str = r"(?=[\x{0}-\x{10FFFF}])";
        if self.modes.unix_lines {
            return format!(r"(?:{SOMETHING}(?:\A|(?<=\x{{A}})))");
        }
        format!(
            r"(?:{SOMETHING}(?:\A|(?<=[\x{{A}}\x{{85}}\x{{2028}}\x{{2029}}])|(?<=\x{{D}})(?!\x{{A}})))"
        )
    }

    /// `$` by lines: at the end, or before what ends a line, but not inside `\r\n`.
    fn line_end(&self) -> String {
        if self.modes.unix_lines {
            return r"(?=\x{A}|\z)".to_owned();
        }
        r"(?:(?=[\x{D}\x{85}\x{2028}\x{2029}]|\z)|(?<!\x{D})(?=\x{A}))".to_owned()
    }

    /// `$` and `\Z`: at the end, or before what ends the last line.
    fn text_end(&self) -> String {
        if self.modes.unix_lines {
            return r"(?=\x{A}?\z)".to_owned();
        }
        r"(?:(?=(?:\x{D}\x{A}|[\x{D}\x{85}\x{2028}\x{2029}])?\z)|(?<!\x{D})(?=\x{A}\z))".to_owned()
    }

    /// A character as itself, in both cases if they don't matter.
    fn literal(&self, c: char) -> String {
        let mut out = String::new();
        if self.modes.ignore_case && self.modes.unicode_case && !c.is_ascii_digit() {
            out.push_str("(?i:");
            push_char(c, &mut out);
            out.push(')');
        } else if self.modes.ignore_case && c.is_ascii_alphabetic() {
            out.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else {
            push_char(c, &mut out);
        }
        out
    }

    /// Behind `(`.
    fn group(&mut self) -> Read<Option<String>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(format!("more than {MAX_DEPTH} parentheses inside each other"));
        }
        let outside = self.modes;
        let open = if !self.eat('?') {
            self.groups += 1;
            "("
        } else if self.eat(':') {
            "(?:"
        } else if self.eat('=') {
            "(?="
        } else if self.eat('!') {
            "(?!"
        } else if self.eat('>') {
            "(?>"
        } else if self.eat_all("<=") {
            "(?<="
        } else if self.eat_all("<!") {
            "(?<!"
        } else if self.eat('<') {
            let name = self.name('>')?;
            self.groups += 1;
            if self.names.iter().any(|(own, _)| *own == name) {
                return self.fail(format!("two groups have the name `{name}`"));
            }
            self.names.push((name, self.groups));
            "("
        } else {
            let modes = self.flags()?;
            if self.eat(')') {
                // They hold until the group around them ends.
                self.modes = modes;
                self.depth -= 1;
                return Ok(None);
            }
            if !self.eat(':') {
                return self.fail("expected `:` or `)` behind flags");
            }
            self.modes = modes;
            "(?:"
        };
        let before = self.consuming;
        let inner = self.alternatives()?;
        self.modes = outside;
        if matches!(open, "(?=" | "(?!" | "(?<=" | "(?<!") {
            self.consuming = before;
        }
        if !self.eat(')') {
            return self.fail("expected `)`, found the end");
        }
        self.depth -= 1;
        Ok(Some(format!("{open}{inner})")))
    }

    fn flags(&mut self) -> Read<Modes> {
        let mut modes = self.modes;
        let mut on = true;
        loop {
            match self.special() {
                Some('i') => modes.ignore_case = on,
                Some('m') => modes.multi_line = on,
                Some('s') => modes.dot_all = on,
                Some('x') => modes.comments = on,
                Some('d') => modes.unix_lines = on,
                Some('u') => modes.unicode_case = on,
                Some('U') => {
                    modes.unicode_classes = on;
                    modes.unicode_case = on;
                }
                Some('-') if on => on = false,
                Some(':' | ')') => return Ok(modes),
                Some(c) => return self.fail(format!("`{c}` is no flag; they are `idmsuxU`")),
                None => return self.fail("expected flags or `)`, found the end"),
            }
            self.at += 1;
        }
    }

    /// The name of a group, up to `end`.
    fn name(&mut self, end: char) -> Read<String> {
        let mut name = String::new();
        while let Some(c) = self.special().filter(char::is_ascii_alphanumeric) {
            name.push(c);
            self.at += 1;
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !self.eat(end) {
            return self.fail(format!("expected a name of letters and digits and `{end}`"));
        }
        Ok(name)
    }

    /// Behind `\`, outside a class.
    fn escape(&mut self) -> Read<String> {
        let Some(c) = self.special() else { return self.fail("expected something behind `\\`") };
        self.consuming += usize::from(!matches!(c, 'b' | 'B' | 'A' | 'G' | 'z' | 'Z'));
        let set = |set: &str| Ok(format!("[{set}]"));
        match c {
            'b' if self.units[self.at + 1..].iter().map(|unit| unit.c).take(2).eq(['{', 'g']) => {
                self.fail("`\\b{g}` is not available")
            }
            'b' | 'B' | 'A' | 'G' | 'z' => {
                self.at += 1;
                Ok(format!("\\{c}"))
            }
            'Z' => {
                self.at += 1;
                Ok(self.text_end())
            }
            'R' => {
                self.at += 1;
                Ok(r"(?:\x{D}\x{A}|[\x{A}-\x{D}\x{85}\x{2028}\x{2029}])".to_owned())
            }
            'X' => {
                self.at += 1;
                Ok(GRAPHEME.to_owned())
            }
            'k' => {
                self.at += 1;
                if !self.eat('<') {
                    return self.fail("expected `<name>` behind `\\k`");
                }
                let name = self.name('>')?;
                match self.names.iter().find(|(own, _)| *own == name) {
                    Some((_, number)) => Ok(self.reference(*number)),
                    None => self.fail(format!("no group before has the name `{name}`")),
                }
            }
            '1'..='9' => Ok(self.numbered_reference()),
            _ => match self.class_escape()? {
                Escaped::Char(c) => Ok(self.literal(c)),
                Escaped::Set(text) => set(&text),
            },
        }
    }

    /// As many digits as give a group that was opened before.
    fn numbered_reference(&mut self) -> String {
        let mut number = 0;
        while let Some(digit) = self.special().and_then(|c| c.to_digit(10)) {
            let longer = number * 10 + digit as usize;
            if number > 0 && longer > self.groups {
                break;
            }
            number = longer;
            self.at += 1;
        }
        self.reference(number)
    }

    fn reference(&self, number: usize) -> String {
        if number > self.all_groups {
            return NOTHING.to_owned();
        }
        if self.modes.ignore_case { format!("(?i:\\{number})") } else { format!("(?:\\{number})") }
    }

    /// Behind `\`, what may stand in a class too.
    fn class_escape(&mut self) -> Read<Escaped> {
        let Some(unit) = self.units.get(self.at).copied() else {
            return self.fail("expected something behind `\\`");
        };
        self.at += 1;
        let unicode = self.modes.unicode_classes;
        let set =
            |plain: &str, wide: &str| Escaped::Set((if unicode { wide } else { plain }).to_owned());
        Ok(match unit.c {
            'd' => set("0-9", r"\p{Nd}"),
            'D' => set("^0-9", r"^\p{Nd}").nested(),
            's' => set(SPACE, r"\p{White_Space}"),
            'S' => set(&format!("^{SPACE}"), r"^\p{White_Space}").nested(),
            'w' => set(WORD, WIDE_WORD),
            'W' => set(&format!("^{WORD}"), &format!("^{WIDE_WORD}")).nested(),
            'h' => set(BLANK, BLANK),
            'H' => set(&format!("^{BLANK}"), &format!("^{BLANK}")).nested(),
            'v' => set(r"\x{A}-\x{D}\x{85}\x{2028}\x{2029}", r"\x{A}-\x{D}\x{85}\x{2028}\x{2029}"),
            'V' => Escaped::Set(r"[^\x{A}-\x{D}\x{85}\x{2028}\x{2029}]".to_owned()),
            'p' | 'P' => Escaped::Set(self.property(unit.c == 'P')?),
            't' => Escaped::Char('\t'),
            'n' => Escaped::Char('\n'),
            'r' => Escaped::Char('\r'),
            'f' => Escaped::Char('\u{c}'),
            'a' => Escaped::Char('\u{7}'),
            'e' => Escaped::Char('\u{1b}'),
            'c' => Escaped::Char(self.control()?),
            '0' => Escaped::Char(self.octal()?),
            'x' => Escaped::Char(self.hex()?),
            'u' => Escaped::Char(self.unicode()?),
            c if c.is_ascii_alphanumeric() => {
                self.at -= 1;
                return self.fail(format!("`\\{c}` means nothing"));
            }
            c => Escaped::Char(c),
        })
    }

    /// `\cX`
    fn control(&mut self) -> Read<char> {
        let Some(unit) = self.units.get(self.at) else {
            return self.fail("expected a letter behind `\\c`");
        };
        self.at += 1;
        Ok(char::from_u32(u32::from(unit.c) ^ 64).unwrap_or(unit.c))
    }

    /// `\0n`, `\0nn`, `\0mnn` with m up to 3.
    fn octal(&mut self) -> Read<char> {
        let mut value = 0;
        let mut digits = 0;
        while let Some(digit) = self.special().and_then(|c| c.to_digit(8)) {
            if digits == 3 || value * 8 + digit > 0o377 {
                break;
            }
            value = value * 8 + digit;
            digits += 1;
            self.at += 1;
        }
        if digits == 0 {
            return self.fail("expected an octal number behind `\\0`");
        }
        Ok(char::from_u32(value).unwrap_or_default())
    }

    /// `\xhh`, `\x{h…}`
    fn hex(&mut self) -> Read<char> {
        if !self.eat('{') {
            let code = self.hex_digits(2)?;
            return Ok(char::from_u32(code).unwrap_or_default());
        }
        let mut code = 0_u32;
        let start = self.at;
        while let Some(digit) = self.special().and_then(|c| c.to_digit(16)) {
            code = code.saturating_mul(16).saturating_add(digit);
            self.at += 1;
        }
        match char::from_u32(code) {
            Some(c) if self.at > start && self.eat('}') => Ok(c),
            _ => self.fail("expected the code of a character and `}` behind `\\x{`"),
        }
    }

    /// `\uhhhh`, two of them for characters beyond U+FFFF.
    fn unicode(&mut self) -> Read<char> {
        let first = self.hex_digits(4)?;
        let code = if (0xD800..0xDC00).contains(&first) && self.eat_all("\\u") {
            let second = self.hex_digits(4)?;
            0x10000 + ((first - 0xD800) << 10) + second.wrapping_sub(0xDC00)
        } else {
            first
        };
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.fail("half of a character can't be matched; write both `\\u` of it"),
        }
    }

    fn hex_digits(&mut self, count: usize) -> Read<u32> {
        let mut value = 0;
        for _ in 0..count {
            let Some(digit) = self.special().and_then(|c| c.to_digit(16)) else {
                return self.fail(format!("expected {count} hexadecimal digits"));
            };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    /// Behind `\p` or `\P`.
    fn property(&mut self, negated: bool) -> Read<String> {
        let mut name = String::new();
        if self.eat('{') {
            while let Some(c) = self.special().filter(|c| *c != '}') {
                name.push(c);
                self.at += 1;
            }
            if !self.eat('}') {
                return self.fail("expected `}` behind the name of a property");
            }
        } else if let Some(c) = self.special() {
            name.push(c);
            self.at += 1;
        }
        match properties::set(&name, self.modes) {
            Some(set) if negated => Ok(format!("[^{set}]")),
            Some(set) => Ok(format!("[{set}]")),
            None => self.fail(format!("there is no property `{name}`")),
        }
    }

    /// Behind `[`.
    fn class(&mut self) -> Read<String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(format!("more than {MAX_DEPTH} brackets inside each other"));
        }
        let negated = self.eat('^');
        // What `&&` divides.
        let mut parts = vec![String::new()];
        let mut is_first = true;
        loop {
            self.skip_class_comments();
            let Some(unit) = self.units.get(self.at).copied() else {
                return self.fail("expected `]`, found the end");
            };
            let part = parts.len() - 1;
            match unit.c {
                ']' if !unit.quoted && !is_first => {
                    self.at += 1;
                    break;
                }
                '[' if !unit.quoted => {
                    self.at += 1;
                    let inner = self.class()?;
                    parts[part].push_str(&inner);
                }
                '&' if self.eat_all("&&") => {
                    while self.eat('&') {}
                    parts.push(String::new());
                }
                _ => {
                    let item = self.class_item()?;
                    parts[part].push_str(&item);
                }
            }
            is_first = false;
        }
        self.depth -= 1;
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            return self.fail("expected something between `[` and `]`");
        }
        let parts: Vec<String> = match parts.len() {
            1 => parts,
            _ => parts.into_iter().map(|part| format!("[{part}]")).collect(),
        };
        Ok(format!("[{}{}]", if negated { "^" } else { "" }, parts.join("&&")))
    }

    fn skip_class_comments(&mut self) {
        if self.modes.comments {
            self.skip_comments();
        }
    }

    /// A character, a range or a set inside a class.
    fn class_item(&mut self) -> Read<String> {
        let first = match self.class_char()? {
            Escaped::Char(c) => c,
            Escaped::Set(set) => return Ok(set),
        };
        self.skip_class_comments();
        let next = self.units.get(self.at + 1);
        let is_range = self.special() == Some('-')
            && next.is_some_and(|unit| unit.quoted || !matches!(unit.c, ']' | '['));
        if !is_range {
            return Ok(self.range(first, first));
        }
        self.at += 1;
        self.skip_class_comments();
        match self.class_char()? {
            Escaped::Char(last) if last >= first => Ok(self.range(first, last)),
            Escaped::Char(last) => self.fail(format!("the range `{first}-{last}` is upside down")),
            Escaped::Set(_) => self.fail("expected a character at the end of a range"),
        }
    }

    fn class_char(&mut self) -> Read<Escaped> {
        let Some(unit) = self.units.get(self.at).copied() else {
            return self.fail("expected `]`, found the end");
        };
        self.at += 1;
        if unit.c == '\\' && !unit.quoted { self.class_escape() } else { Ok(Escaped::Char(unit.c)) }
    }

    /// A range of a class, with the other case of its letters if case doesn't matter.
    fn range(&self, first: char, last: char) -> String {
        let mut out = String::new();
        let push = |first: char, last: char, out: &mut String| {
            push_char(first, out);
            // A lone colon could look like the start of `[:alpha:]`, which Java doesn't have.
            if first != last || first == ':' {
                out.push('-');
                push_char(last, out);
            }
        };
        push(first, last, &mut out);
        if !self.modes.ignore_case || self.modes.unicode_case {
            return out;
        }
        for (from, to) in [('a', 'z'), ('A', 'Z')] {
            let (from, to) = (from.max(first), to.min(last));
            if from <= to {
                push(other_case(from), other_case(to), &mut out);
            }
        }
        out
    }
}

/// A class without characters: never matches.
const NOTHING: &str = "[a&&b]";
/// `\s` without Unicode.
const SPACE: &str = r"\x{20}\x{9}-\x{D}";
/// `\w` without Unicode.
const WORD: &str = "a-zA-Z0-9_";
const WIDE_WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}";
const BLANK: &str = r"\x{20}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}\x{9}";
/// `\X`: a character with all that is joined to it.
const GRAPHEME: &str = r"(?>\x{D}\x{A}|\p{Regional_Indicator}{2}|[\x{0}-\x{10FFFF}](?:[\p{M}\x{200C}\x{FE00}-\x{FE0F}\x{1F3FB}-\x{1F3FF}]|\x{200D}\p{Extended_Pictographic})*)";

/// What an escape stands for.
enum Escaped {
    Char(char),
    /// The inside of a class.
    Set(String),
}

impl Escaped {
    /// A set as one item of a class: negated ones need brackets of their own.
    fn nested(self) -> Self {
        match self {
            Self::Set(set) => Self::Set(format!("[{set}]")),
            one @ Self::Char(_) => one,
        }
    }
}

/// Letters and digits as they are, all else by its code, which means the same everywhere.
fn push_char(c: char, out: &mut String) {
    use std::fmt::Write as _;
    if c.is_ascii_alphanumeric() || (c > '\u{ff}' && c.is_alphabetic()) {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
    }
}

fn other_case(c: char) -> char {
    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}
