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
        match hint(stop) {
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
        _ => {
            let cut: String = found.chars().take(40).collect();
            format!("`{cut}`")
        }
    }
}

/// What the author probably meant.
fn hint(stop: Stop<'_>) -> Option<String> {
    let Stop { left, expected } = stop;
    let word = token::word(left).map_or("", |(word, _)| word);
    if expected.contains("name") && token::is_reserved(word) {
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
        _ => "",
    };
    if !operator.is_empty() {
        return Some(format!("write `{operator}` for `{word}`"));
    }
    let starts = |prefix: &str| left.starts_with(prefix);
    let hint = if starts("=>") {
        "a lambda is written `x -> …`; greater-or-equal is `gte`, or `(a >= b)` in parentheses"
    } else if starts("->") {
        "a lambda can only be the argument of `?filter`, `?map`, `?take_while` and `?drop_while`"
    } else if starts("=") && expected.starts_with("`}`") {
        "an interpolation only prints; use `<#assign name = value>` to set a variable, and `gte` for `>=`"
    } else if starts("=") {
        "only one comparison at a time; use `gte` for `>=` in a tag, and parentheses to compare again"
    } else if starts("++") || starts("--") {
        "`++` and `--` exist in `<#assign x++>` only; write `x + 1` in expressions"
    } else if starts("“") || starts("”") || starts("„") || starts("‘") || starts("’") {
        "text is quoted with straight quotes, `\"` or `'`"
    } else if starts(":") {
        "there is no `a ? b : c`; write `a?then(b, c)`"
    } else if starts("{") && expected.starts_with("an expression") {
        "`{` starts a hash: `{\"key\": value}`"
    } else if expected == "the name of a built-in" {
        "`x?name` calls a built-in; there is no `a ? b : c`, write `a?then(b, c)`"
    } else if starts(".") && left[1..].starts_with(|c: char| c.is_ascii_digit()) {
        "a number needs a digit before the point: `0.5`; an item of a list is read as `x[0]`"
    } else if starts("\"") || starts("'") {
        "texts are joined with `+`; a quote inside a text is written `\\\"` or `\\'`"
    } else if left.is_empty() && expected.starts_with("`}`") {
        "`${` prints a value and needs its `}`; a literal `${` is written `${\"$\"}{`"
    } else {
        return None;
    };
    Some(hint.into())
}
