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
    // The piece that began to write last before the place wrote it.
    let behind = marks.partition_point(|mark| mark.offset <= at);
    let mut mark = behind.checked_sub(1).and_then(|index| marks.get(index));
    if hint == Some(MISSING) {
        // What wrote nothing is to blame, not the text behind it.
        let wrote_nothing = |before: &&Mark<'_>| before.offset == at;
        let before = behind.checked_sub(2).and_then(|index| marks.get(index));
        mark = before.filter(wrote_nothing).or(mark);
    }
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
    let before = output[..place].trim_end();
    let behind = output[place..].trim_start();
    let last = before.chars().next_back();
    let next = behind.chars().next();
    match (last, next) {
        (Some(','), Some('}' | ']')) => (
            before.len() - 1,
            Some(
                "a comma stands before the end; write it with `<#sep>,</#sep>` or only where more follows",
            ),
        ),
        (Some('{' | '[' | ','), Some(',')) | (Some(':'), Some(',' | '}' | ']')) => {
            (place, Some(MISSING))
        }
        (Some('0'..='9'), Some(',')) if behind[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            (place, Some(GROUPED))
        }
        (Some(','), Some('0'..='9')) if is_grouped(before, behind) => {
            (before.len() - 1, Some(GROUPED))
        }
        (Some('"' | '}' | ']' | '0'..='9' | 'e' | 'l'), Some('"' | '{' | '[')) => {
            (before.len().saturating_sub(1), Some("a comma is missing between two values"))
        }
        (Some('"'), Some(c)) if !matches!(c, ',' | ':' | '}' | ']') => (
            before.len() - 1,
            Some("a quote inside a string ends it; print the value with `?json_string`"),
        ),
        (_, Some(c)) if c.is_control() => {
            (place, Some("a line break inside a string; print the value with `?json_string`"))
        }
        _ => (place, None),
    }
}

const MISSING: &str = "a value is missing here; give it a default: `${x!\"…\"}`";
const GROUPED: &str = "a number is printed with grouping; print it with `?c`";

fn is_grouped(before: &str, behind: &str) -> bool {
    let before = before.trim_end_matches(',');
    before.ends_with(|c: char| c.is_ascii_digit())
        && behind.len() >= 3
        && behind.bytes().take(3).all(|byte| byte.is_ascii_digit())
}
