//! How a parser says that it can't go on, and what the template's author reads about it.
//!
//! While parsing, an error is small: where it stopped and what it would have liked there. Of two
//! failed branches the one that got further wins. Only at the end it becomes a sentence. Mistakes
//! that have their own sentence are written down where they are found ([`Parser::refuse`]).

use nom::Err;
use nom::IResult;
use nom::error::ErrorKind;
use nom::error::ParseError;

use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::token;
use crate::text::Span;

/// What a parser function returns: the tail it left, and what it read.
pub(crate) type Parsed<'s, T> = IResult<&'s str, T, Stop<'s>>;

/// The end of a parse that failed.
pub(crate) type Stopped<'s> = Err<Stop<'s>>;

/// The same without a tail.
pub(crate) type Checked<'s, T> = Result<T, Err<Stop<'s>>>;

/// Where a parser stopped, and what it would have liked there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop<'s> {
    /// The tail of the text that it couldn't read.
    pub(crate) left: &'s str,
    /// What should have been there: "a name", "`}`".
    pub(crate) expected: &'static str,
}

impl<'s> ParseError<&'s str> for Stop<'s> {
    fn from_error_kind(left: &'s str, _: ErrorKind) -> Self {
        Self { left, expected: "" }
    }

    fn append(_: &'s str, _: ErrorKind, other: Self) -> Self {
        other
    }

    fn or(self, other: Self) -> Self {
        if other.left.len() < self.left.len() { other } else { self }
    }
}

/// Something else may be tried here.
pub(crate) fn stopped<'s>(left: &'s str, expected: &'static str) -> Err<Stop<'s>> {
    Err::Error(Stop { left, expected })
}

/// The same as a parser's answer.
pub(crate) fn stop<'s, T>(left: &'s str, expected: &'static str) -> Parsed<'s, T> {
    Err(stopped(left, expected))
}

/// After this point nothing else can be meant: the mistake is in what was read last.
pub(crate) fn sure<T>(parsed: Parsed<'_, T>) -> Parsed<'_, T> {
    parsed.map_err(|error| match error {
        Err::Error(stop) => Err::Failure(stop),
        other => other,
    })
}

impl<'s> Parser<'s, '_> {
    /// A mistake at a place, as a sentence.
    pub(crate) fn mistake(&self, span: Span, message: impl Into<String>) -> TemplateError {
        TemplateError::new(TemplateErrorKind::Syntax, message, self.shared.source, span)
    }

    /// Stops everything with an error that has its sentence already.
    pub(crate) fn refuse(&self, error: TemplateError) -> Err<Stop<'s>> {
        self.shared.refusal.replace(Some(error));
        Err::Failure(Stop { left: "", expected: "" })
    }

    /// The sentence for a parser's error.
    pub(crate) fn explain(&self, error: Err<Stop<'s>>) -> TemplateError {
        if let Some(error) = self.shared.refusal.take() {
            return error;
        }
        let stop = match error {
            Err::Error(stop) | Err::Failure(stop) => stop,
            Err::Incomplete(_) => Stop { left: "", expected: "more" },
        };
        let found = found(stop.left);
        let span = self.span(stop.left, &stop.left[found.len()..]);
        let message = format!("expected {}, found {}", stop.expected, shown(found));
        let error = self.mistake(span, message);
        let before = &self.text[..self.at(stop.left)];
        match hint(before, stop) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// The word or sign that `left` starts with.
pub(crate) fn found(left: &str) -> &str {
    const SIGNS: [&str; 12] =
        ["===", "...", "==", "!=", "<=", ">=", "&&", "||", "=>", "->", "++", "--"];
    if let Some((word, _)) = token::word(left) {
        return word;
    }
    let digits = left.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return &left[..digits];
    }
    if let Some(sign) = SIGNS.iter().find(|sign| left.starts_with(**sign)) {
        return &left[..sign.len()];
    }
    left.chars().next().map_or("", |c| &left[..c.len_utf8()])
}

/// The same in a sentence.
pub(crate) fn shown(found: &str) -> String {
    match found {
        "" => "the end of the template".into(),
        "\n" | "\r" => "the end of the line".into(),
        " " | "\t" => "a blank".into(),
        _ => {
            let cut: String = found.chars().take(40).collect();
            format!("`{cut}`")
        }
    }
}

/// What the author probably meant.
fn hint(before: &str, stop: Stop<'_>) -> Option<String> {
    let Stop { left, expected } = stop;
    let word = token::word(left).map_or("", |(word, _)| word);
    if token::is_reserved(word) && expected.contains("name") {
        return Some(format!(
            "`{word}` is a word of the language; `x[\"{word}\"]` reads such a key"
        ));
    }
    let operator = match word {
        "and" => "&&",
        "or" => "||",
        "not" => "!",
        "eq" => "==",
        "ne" | "neq" => "!=",
        _ if before.trim_end().ends_with("not") => return Some("write `!x` for `not x`".into()),
        _ => "",
    };
    if !operator.is_empty() {
        return Some(format!("write `{operator}` for `{word}`"));
    }
    sign_hint(before, left, expected).or_else(|| place_hint(before, left, expected)).map(Into::into)
}

/// Signs that other languages have.
fn sign_hint(before: &str, left: &str, expected: &str) -> Option<&'static str> {
    let next = left.chars().next()?;
    let digit_follows = left[next.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
    let after_digit = before.ends_with(|c: char| c.is_ascii_digit());
    Some(match next {
        '=' if before.ends_with('>') => {
            "`>=` is `gte` in a tag or an interpolation, or in parentheses: `(a >= b)`"
        }
        '>' if before.ends_with('=') => "a lambda is written `x -> …`, greater-or-equal `gte`",
        '=' if before.ends_with('=') || before.trim_end().ends_with('=') => "equality is `==`",
        '=' if left.starts_with("==") => {
            "only one comparison at a time; put one of them in parentheses"
        }
        '=' if expected == "`}`" => {
            "an interpolation only prints; `<#assign name = value>` sets a variable"
        }
        '-' if left.starts_with("->") => {
            "a lambda can only be the argument of `?filter`, `?map`, `?take_while` and `?drop_while`"
        }
        '+' | '-' if left.starts_with("++") || left.starts_with("--") => {
            "`++` and `--` exist in `<#assign x++>` only; write `x + 1` in expressions"
        }
        '“' | '”' | '„' | '‘' | '’' => "text is quoted with straight quotes, `\"` or `'`",
        ':' => "there is no `a ? b : c`; write `a?then(b, c)`",
        'e' | 'E' if after_digit && digit_follows => "numbers are written without an exponent",
        '.' if digit_follows => "a number needs a digit before the point: `0.5`",
        '"' | '\'' if matches!(expected, "`}`" | "`>`") => {
            "strings are joined with `+`; a quote inside a string is written `\\\"` or `\\'`"
        }
        '/' | '#' if before.ends_with('<') => "what is open here isn't closed before the `<`",
        '{' if expected == "an expression" => "`{` starts a hash: `{\"key\": value}`",
        ']' if expected == "`>`" => "this tag began with `<`, so it ends with `>`",
        _ => return None,
    })
}

/// Things that have another form at this place.
fn place_hint(before: &str, left: &str, expected: &str) -> Option<&'static str> {
    let digit = left.starts_with(|c: char| c.is_ascii_digit());
    Some(match expected {
        "the name of a built-in" => {
            "`x?name` calls a built-in; there is no `a ? b : c`, write `a?then(b, c)`"
        }
        "the name of a special variable" if digit => {
            "a number needs a digit before the point: `0.5`"
        }
        "the name of a key" if digit => {
            "an item of a list is read as `x[1]`, a key with a digit in front as `x[\"1a\"]`"
        }
        "the name of a macro right behind `@`" => "like `<@name/>`",
        "`>`" if left.starts_with(',') && before.rfind("<@") > before.rfind("<#") => {
            "arguments by name have blanks between them, no commas"
        }
        _ => return None,
    })
}
