//! The smallest pieces inside tags and interpolations: blanks, comments, names, operators, and what
//! closes a tag.
//!
//! FreeMarker's tokenizer reads the same signs differently in different places: `>` closes a tag
//! except in parentheses; a blank ends the name in `<@name …>`; `x! ` has no default in the value of
//! a named argument. [`Lexing`] is where a parser is in this respect.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::ast::RangeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::letters::is_letter;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::settings::InterpolationSyntax;
use crate::text::Span;

/// What is a blank between tokens and in tags. Other white space is not.
pub(crate) const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// How signs are read at the place the parser is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lexing {
    /// The manner.
    pub(crate) state: State,
    /// Open parentheses. A stray `)` of `<#macro m a)>` makes it negative for the rest of the template.
    pub(crate) parentheses: i32,
    /// In the values of `<@x a=… b=…>`.
    pub(crate) in_arguments: bool,
    /// In `${…}`, where `>` never closes anything.
    pub(crate) in_interpolation: bool,
}

/// The manners of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// In a tag or an interpolation.
    Free,
    /// Right behind `<@`: a blank ends the expression.
    Name,
    /// In the value of a named argument: `x!` and a blank has no default.
    Argument,
    /// In parentheses: `>` compares.
    Parentheses,
}

impl Lexing {
    pub(crate) const START: Self =
        Self { state: State::Free, parentheses: 0, in_arguments: false, in_interpolation: false };
}

/// An operator of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Binary(BinaryOperator),
    Range(RangeKind),
}

/// How tightly operators bind; a higher number is tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Or,
    And,
    Equality,
    Relation,
    Range,
    Sum,
    Product,
}

impl Level {
    /// Whether `a op b op c` needs no parentheses.
    pub(crate) fn chains(self) -> bool {
        !matches!(self, Self::Equality | Self::Relation | Self::Range)
    }
}

impl Operator {
    /// How tightly it binds.
    pub(crate) fn level(self) -> Level {
        use BinaryOperator as B;
        match self {
            Self::Or => Level::Or,
            Self::And => Level::And,
            Self::Range(_) => Level::Range,
            Self::Binary(B::Equal | B::NotEqual) => Level::Equality,
            Self::Binary(B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual) => {
                Level::Relation
            }
            Self::Binary(B::Add | B::Subtract) => Level::Sum,
            Self::Binary(B::Multiply | B::Divide | B::Remainder) => Level::Product,
        }
    }
}

/// A name as written, backslashes included, and the tail behind it.
pub(crate) fn word(rest: &str) -> Option<(&str, &str)> {
    let mut length = 0;
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('-' | '.' | ':' | '#') => length += 2,
                _ => break,
            },
            _ if is_letter(c) || (length > 0 && c.is_ascii_digit()) => length += c.len_utf8(),
            _ => break,
        }
    }
    let (name, tail) = rest.split_at(length);
    let is_raw_text = name == "r"
        && tail.starts_with(['"', '\''])
        && tail[1..].contains(if tail.starts_with('"') { '"' } else { '\'' });
    (length > 0 && !is_raw_text).then_some((name, tail))
}

/// A name without its backslashes.
pub(crate) fn plain(word: &str) -> String {
    if word.contains('\\') { word.replace('\\', "") } else { word.to_owned() }
}

/// Words that can't be names.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(word, "true" | "false" | "in" | "as" | "using" | "lt" | "lte" | "gt" | "gte")
}

/// What may follow a tag's name to close it: blanks, perhaps `/`, and `>` or `]`.
pub(crate) fn bare_close(rest: &str, may_be_empty: bool) -> Option<(&str, char)> {
    let rest = rest.trim_start_matches(BLANKS);
    let rest = if may_be_empty { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
    let close = rest.chars().next().filter(|c| matches!(c, '>' | ']'))?;
    Some((&rest[1..], close))
}

impl<'s> Parser<'s, '_> {
    /// Blanks and comments.
    pub(crate) fn skip(&self, rest: &'s str) -> Parsed<'s, ()> {
        if self.lexing.get().state == State::Name {
            return Ok((rest, ()));
        }
        let mut rest = rest;
        loop {
            rest = rest.trim_start_matches(BLANKS);
            if !matches!(rest.as_bytes(), [b'<' | b'[', b'#' | b'!', b'-', b'-', ..]) {
                return Ok((rest, ()));
            }
            rest = self.comment_in_tag(rest)?.0;
        }
    }

    /// `<#-- … -->` between the tokens of a tag.
    fn comment_in_tag(&self, start: &'s str) -> Parsed<'s, ()> {
        let mut rest = &start[4..];
        loop {
            let Some(at) = rest.find(['-', ']']) else {
                let error = self.mistake(
                    self.span(start, &start[4..]),
                    "expected `-->` for this comment, found the end of the template",
                );
                return Err(self.refuse(error));
            };
            rest = &rest[at..];
            if rest.starts_with("-->") || rest.starts_with("--]") {
                let mut lexing = self.lexing.get();
                lexing.state = match lexing {
                    Lexing { parentheses: 1.., .. } => State::Parentheses,
                    Lexing { in_arguments: true, .. } => State::Argument,
                    _ => State::Free,
                };
                self.lexing.set(lexing);
                return Ok((&rest[3..], ()));
            }
            if rest.starts_with(']') && !rest.starts_with("]>") {
                let error = self
                    .mistake(self.span(rest, &rest[1..]), "expected `-->`, found `]` in a comment")
                    .with_hint("FreeMarker doesn't allow `]` in a comment inside a tag");
                return Err(self.refuse(error));
            }
            rest = &rest[1..];
        }
    }

    /// A name that isn't a reserved word.
    pub(crate) fn name(&self, rest: &'s str) -> Parsed<'s, (String, Span)> {
        self.name_called(rest, "a name")
    }

    /// A name, called `expected` when it's not there.
    pub(crate) fn name_called(
        &self,
        rest: &'s str,
        expected: &'static str,
    ) -> Parsed<'s, (String, Span)> {
        let (rest, ()) = self.skip(rest)?;
        match word(rest) {
            Some((name, tail)) if !is_reserved(name) => {
                Ok((tail, (plain(name), self.span(rest, tail))))
            }
            _ => stop(rest, expected),
        }
    }

    /// A word that must be there: `as`, `in`.
    pub(crate) fn keyword(&self, rest: &'s str, keyword: &str) -> Option<&'s str> {
        let (rest, ()) = self.skip(rest).ok()?;
        word(rest).filter(|(found, _)| *found == keyword).map(|(_, tail)| tail)
    }

    /// Exactly this sign.
    pub(crate) fn sign(
        &self,
        rest: &'s str,
        sign: &'static str,
        expected: &'static str,
    ) -> Parsed<'s, ()> {
        let (rest, ()) = self.skip(rest)?;
        match rest.strip_prefix(sign) {
            Some(tail) => Ok((tail, ())),
            None => stop(rest, expected),
        }
    }

    /// `=`, but not `==`.
    pub(crate) fn equals(&self, rest: &'s str) -> Parsed<'s, ()> {
        let (rest, ()) = self.skip(rest)?;
        match rest.strip_prefix('=') {
            Some(tail) if !tail.starts_with('=') => Ok((tail, ())),
            _ => stop(rest, "`=`"),
        }
    }

    /// `(`: from here `>` compares.
    pub(crate) fn open_parenthesis(&self) {
        let mut lexing = self.lexing.get();
        lexing.parentheses += 1;
        if lexing.parentheses == 1 {
            lexing.state = State::Parentheses;
        }
        self.lexing.set(lexing);
    }

    /// `)`
    pub(crate) fn close_parenthesis(&self) {
        let mut lexing = self.lexing.get();
        lexing.parentheses -= 1;
        if lexing.parentheses == 0 {
            lexing.state = if lexing.in_arguments { State::Argument } else { State::Free };
        }
        self.lexing.set(lexing);
    }

    /// What closes a tag with content: `>`, or `]` in square tags.
    pub(crate) fn tag_end(&self, rest: &'s str) -> Parsed<'s, ()> {
        let (rest, ()) = self.skip(rest)?;
        let style = self.style.get();
        let lexing = self.lexing.get();
        let closes = match rest.bytes().next() {
            Some(b'>') => {
                !style.square && !lexing.in_interpolation && lexing.state != State::Parentheses
            }
            Some(b']') => {
                !lexing.in_interpolation && (style.square || !self.checks_closing_brackets())
            }
            _ => false,
        };
        if closes {
            Ok((&rest[1..], ()))
        } else {
            stop(rest, if style.square { "`]`" } else { "`>`" })
        }
    }

    /// What closes a tag without content: `>` or `/>`. Says whether it was the latter.
    pub(crate) fn loose_tag_end(&self, rest: &'s str) -> Parsed<'s, bool> {
        let (rest, ()) = self.skip(rest)?;
        let square = self.style.get().square;
        let slashed = self.lexing.get().state != State::Parentheses
            && (rest.starts_with("/>") || rest.starts_with("/]"));
        if !slashed {
            return self.tag_end(rest).map(|(rest, ())| (rest, false));
        }
        if self.style.get().established
            && self.checks_closing_brackets()
            && square != rest.starts_with("/]")
        {
            return stop(rest, if square { "`]` or `/]`" } else { "`>` or `/>`" });
        }
        Ok((&rest[2..], true))
    }

    /// Old versions let `]` close a tag that `<` opened.
    pub(crate) fn checks_closing_brackets(&self) -> bool {
        self.shared.settings.improves_since(28)
            || self.shared.settings.interpolation_syntax == InterpolationSyntax::SquareBracket
    }

    /// The operator at the start of `rest`, where blanks are skipped already, and its length.
    pub(crate) fn operator(&self, rest: &str) -> Option<(Operator, usize)> {
        use BinaryOperator as B;
        let lexing = self.lexing.get();
        let starts = |sign: &str| rest.starts_with(sign);
        let binary = |operator, length| Some((Operator::Binary(operator), length));
        let next = rest.as_bytes().get(1).copied().unwrap_or_default();
        match rest.as_bytes().first()? {
            b'|' => Some((Operator::Or, if next == b'|' { 2 } else { 1 })),
            b'&' if starts("&amp;&amp;") => Some((Operator::And, 10)),
            b'&' if starts("&lt;=") => binary(B::LessOrEqual, 5),
            b'&' if starts("&lt;") => binary(B::Less, 4),
            b'&' if starts("&gt;=") => binary(B::GreaterOrEqual, 5),
            b'&' if starts("&gt;") => binary(B::Greater, 4),
            b'&' => Some((Operator::And, if next == b'&' { 2 } else { 1 })),
            b'=' => binary(B::Equal, if next == b'=' { 2 } else { 1 }),
            b'!' if next == b'=' => binary(B::NotEqual, 2),
            b'<' if next == b'=' => binary(B::LessOrEqual, 2),
            b'<' => binary(B::Less, 1),
            b'>' if lexing.state == State::Parentheses => match next {
                b'=' => binary(B::GreaterOrEqual, 2),
                _ => binary(B::Greater, 1),
            },
            b'>' if self.style.get().square || lexing.in_interpolation => binary(B::Greater, 1),
            b'+' if !matches!(next, b'+' | b'=') => binary(B::Add, 1),
            b'-' if !matches!(next, b'-' | b'=' | b'>') && !starts("-&gt;") => {
                binary(B::Subtract, 1)
            }
            b'*' if !matches!(next, b'*' | b'=') => binary(B::Multiply, 1),
            b'/' if next == b'=' => None,
            b'/' if matches!(next, b'>' | b']') && lexing.state != State::Parentheses => None,
            b'/' => binary(B::Divide, 1),
            b'%' if next != b'=' => binary(B::Remainder, 1),
            b'.' if next == b'.' => match rest.as_bytes().get(2) {
                Some(b'.') => None,
                Some(b'<' | b'!') => Some((Operator::Range(RangeKind::Exclusive), 3)),
                Some(b'*') => Some((Operator::Range(RangeKind::Length), 3)),
                _ => Some((Operator::Range(RangeKind::Endless), 2)),
            },
            b'\\' if starts("\\and") => Some((Operator::And, 4)),
            b'\\' if starts("\\lte") => binary(B::LessOrEqual, 4),
            b'\\' if starts("\\lt") => binary(B::Less, 3),
            b'\\' if starts("\\gte") => binary(B::GreaterOrEqual, 4),
            b'\\' if starts("\\gt") => binary(B::Greater, 3),
            b'l' | b'g' => match word(rest)?.0 {
                "lt" => binary(B::Less, 2),
                "lte" => binary(B::LessOrEqual, 3),
                "gt" => binary(B::Greater, 2),
                "gte" => binary(B::GreaterOrEqual, 3),
                _ => None,
            },
            _ => None,
        }
    }
}
