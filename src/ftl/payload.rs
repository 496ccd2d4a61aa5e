//! Output that is not JSON: what is wrong with it, and which part of the template wrote it.

use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Mark;
use crate::ftl::program::Program;
use crate::text::Source;
use crate::text::Span;
use crate::value::Document;

/// The error when `output` is not JSON.
pub(in crate::ftl) fn not_json(
    output: &str,
    marks: &[Mark<'_>],
    program: &Program,
) -> Option<TemplateError> {
    let error = Document::parse(output).err()?;
    let kind = TemplateErrorKind::NotJson;
    if output.trim().is_empty() {
        let message = "the output is not JSON: it is empty";
        let error = TemplateError::new(kind, message, &program.source, Span::default());
        return Some(error.with_hint("every branch of the template must write something"));
    }
    let place = offset_of(output, error.line, error.column);
    let (at, hint) = diagnose(output, place);
    // The piece that began to write last before the place wrote it; where a value is missing it is
    // the piece that wrote nothing.
    let behind = marks.partition_point(|mark| mark.offset <= at);
    let value_from = output[..at].trim_end().len();
    let nothing = marks[..behind]
        .windows(2)
        .find(|pair| pair[0].offset == pair[1].offset && pair[0].offset >= value_from)
        .map(|pair| &pair[0])
        .filter(|_| hint == Some(MISSING));
    let mark = nothing.or(behind.checked_sub(1).and_then(|index| marks.get(index)));
    let (source, span) = match mark {
        Some(mark) => (&mark.program.source, within(mark, at, output)),
        None => (&program.source, Span::default()),
    };
    let drawn = Source::new("output", output).draw(Span::new(at, at + 1));
    let message = format!("the output is not JSON: {}\n{drawn}\nwritten by", error.message);
    let error = TemplateError::new(kind, message, source, span);
    Some(match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}

/// The byte offset of a line and a column of bytes, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The place of the template that wrote the byte at `at`: for text the very character.
fn within(mark: &Mark<'_>, at: usize, output: &str) -> Span {
    let written = mark.program.source.slice(mark.span);
    let offset = at - mark.offset;
    let is_text = output.get(mark.offset..at).is_some_and(|text| written.starts_with(text));
    match written.get(offset..).and_then(|rest| rest.chars().next()) {
        Some(c) if is_text && !written.starts_with("${") => {
            let start = mark.span.start as usize + offset;
            Span::new(start, start + c.len_utf8())
        }
        _ => mark.span,
    }
}

/// The mistakes people make, and where they really are: parsers complain behind them.
fn diagnose(output: &str, place: usize) -> (usize, Option<&'static str>) {
    if let Some(start) = grouped_number(output, place) {
        return (start, Some("a number is printed with grouping; print it with `?c`"));
    }
    let standing = Standing::at(output, place);
    if standing == Standing::Structure
        && let Some(start) = bare_word(output, place)
    {
        return (start, Some(NO_QUOTES));
    }
    let before = output[..place].trim_end();
    let behind = output[place..].trim_start();
    let next_at = output.len() - behind.len();
    let (last, next) = (before.chars().next_back(), behind.chars().next());
    match (standing, last, next) {
        (Standing::Control(at), ..) => (
            at,
            Some(
                "a line break or another control character inside a string; print the value with `?json_string`",
            ),
        ),
        (Standing::Text, _, None) => (place, Some("a string is open at the end")),
        (Standing::Text, ..) => {
            (place, Some("a backslash begins an escape; print the value with `?json_string`"))
        }
        (Standing::Behind, _, Some(_)) => {
            (next_at, Some("a payload is one JSON value; put several into a list"))
        }
        (_, Some(','), Some('}' | ']')) => (
            before.len() - 1,
            Some(
                "a comma stands before the end; write it with `<#sep>,</#sep>` or only where more follows",
            ),
        ),
        (_, Some('{' | '[' | ','), Some(',')) | (_, Some(':'), Some(',' | '}' | ']')) => {
            (next_at, Some(MISSING))
        }
        (_, _, None) => (place, Some(OPEN)),
        (_, _, Some('\'')) => (next_at, Some("JSON has strings in double quotes only")),
        (_, Some('"' | '}' | ']' | '0'..='9' | 'e' | 'l'), Some('"' | '{' | '[')) => {
            (next_at, Some("a comma is missing between two values"))
        }
        (_, Some('"'), Some(c)) if !matches!(c, ',' | ':' | '}' | ']') => (
            before.len() - 1,
            Some("a quote inside a string ends it; print the value with `?json_string`"),
        ),
        (_, Some(':' | ',' | '['), Some(c)) if c.is_alphabetic() => (next_at, Some(NO_QUOTES)),
        _ if behind.len() <= 1 && Standing::at(output, output.len()) == Standing::Structure => {
            (place, Some(OPEN))
        }
        _ => (place, None),
    }
}

/// Where a word begins that a parser took for `true`, `false` or `null` at first.
fn bare_word(output: &str, place: usize) -> Option<usize> {
    let word = output[..place].trim_end_matches(char::is_alphanumeric);
    let begins_value = word.trim_end().ends_with([':', ',', '[']);
    (begins_value && output[word.len()..place].starts_with(['t', 'f', 'n'])).then_some(word.len())
}

const NO_QUOTES: &str = "text stands in quotes: `\"${x?json_string}\"`";
const MISSING: &str = "a value is missing here; give it a default: `${x!\"null\"}`";
const OPEN: &str =
    "brackets are open at the end; every branch of the template must close what it opens";

/// Where a parser stood when it complained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Inside a string.
    Text,
    /// Inside a string, at a control character.
    Control(usize),
    /// Behind the end of the value.
    Behind,
    /// Between values.
    Structure,
}

impl Standing {
    fn at(output: &str, place: usize) -> Self {
        let (mut in_text, mut escaped, mut open, mut begun) = (false, false, 0_usize, false);
        for (offset, byte) in output.bytes().enumerate().take(place + 1) {
            match byte {
                _ if in_text && byte < b' ' => return Self::Control(offset),
                _ if offset == place => break,
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => open += 1,
                b'}' | b']' if !in_text => open = open.saturating_sub(1),
                _ => {}
            }
            begun |= open > 0;
        }
        match (in_text, begun && open == 0) {
            (true, _) => Self::Text,
            (false, true) => Self::Behind,
            (false, false) => Self::Structure,
        }
    }
}

/// Where a number with grouping begins that the place lies in or directly behind: `1,238,554`.
fn grouped_number(output: &str, place: usize) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b',';
    let bytes = output.as_bytes();
    let start = place - bytes[..place].iter().rev().take_while(|byte| is_part(byte)).count();
    let length = bytes[start..].iter().take_while(|byte| is_part(byte)).count();
    let number = output[start..start + length].trim_end_matches(',');
    let (first, rest) = number.split_once(',')?;
    let is_grouped =
        (1..=3).contains(&first.len()) && rest.split(',').all(|group| group.len() == 3);
    is_grouped.then_some(start)
}
