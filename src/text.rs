//! Places in a text: what a [`Source`] is, where a [`Span`] lies in it, and how a line with
//! its caret is drawn for a person.
//!
//! Places are byte offsets everywhere; lines and columns are computed only when somebody looks.
//! Nothing here knows what the text means.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// The longest line that is drawn whole; of a longer one the part around the place is shown.
const MAX_DRAWN_COLUMNS: usize = 120;

/// A half-open range of byte offsets in a [`Source`]: `start` counts, `end` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The offset of the first byte.
    pub start: u32,
    /// The offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` up to, but not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A named text. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    file: Option<Arc<str>>,
}

impl Source {
    /// A text with the name that messages call it by.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), file: None }
    }

    /// The same text, which is that of a file; reports about the file will want its path.
    #[must_use]
    pub fn of_file(self, path: impl Into<Arc<str>>) -> Self {
        Self { file: Some(path.into()), ..self }
    }

    /// The same text by another name.
    #[must_use]
    pub fn named(&self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// The path of the file it is the text of, if that was said.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The name that messages call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part of the text that `span` covers; empty when the span is not on character boundaries.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Line and column of a byte offset, both counted from 1; columns count characters.
    pub fn position(&self, offset: u32) -> Position {
        let before = self.text.get(..offset as usize).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The line `span` starts on, with carets under the span:
    ///
    /// ```text
    ///   |
    /// 2 | Grüße ${name!
    ///   |             ^
    /// ```
    pub fn draw(&self, span: Span) -> String {
        let place = self.position(span.start);
        let line = self.text.lines().nth(place.line - 1).unwrap_or_default();
        let width = self.slice(span).lines().next().map_or(0, |text| text.chars().count()).max(1);
        let (shown, column) = cut_around(line, place.column);
        let carets = width.min(shown.chars().count().saturating_sub(column - 1).max(1));
        let gutter = place.line.to_string();
        let pad = " ".repeat(gutter.len());
        let mut drawing = String::new();
        let _ = writeln!(drawing, "{pad} |");
        let _ = writeln!(drawing, "{gutter} | {shown}");
        let _ = write!(drawing, "{pad} | {}{}", " ".repeat(column - 1), "^".repeat(carets));
        drawing
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// A line and a column, both counted from 1. Columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The part of `line` that is shown and the column of the place in it; tabs become one blank.
fn cut_around(line: &str, column: usize) -> (String, usize) {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let length = line.chars().count();
    if length <= MAX_DRAWN_COLUMNS {
        return (line.chars().map(blank).collect(), column);
    }
    let start = (column - 1).saturating_sub(MAX_DRAWN_COLUMNS / 2).min(length - MAX_DRAWN_COLUMNS);
    let shown: String = line.chars().skip(start).take(MAX_DRAWN_COLUMNS).map(blank).collect();
    let (left, shift) = if start > 0 { ("…", 1) } else { ("", 0) };
    let right = if start + MAX_DRAWN_COLUMNS < length { "…" } else { "" };
    (format!("{left}{shown}{right}"), column - start + shift)
}

/// How many slips of the keyboard turn one word into the other: a letter too many, too few, wrong,
/// or two in the wrong order.
pub fn slips(word: &str, other: &str) -> usize {
    strsim::osa_distance(word, other)
}

/// The candidate closest to `word`, when it is close enough to be what somebody meant.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let tolerance = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| match candidate.eq_ignore_ascii_case(word) {
            true => (slips(word, candidate).min(1), candidate),
            false => (slips(word, candidate), candidate),
        })
        // Of a word of one or two letters, another one is no misspelling.
        .filter(|(distance, near)| {
            *distance <= tolerance && *distance < word.chars().count().min(near.chars().count())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use crate::text::{Source, Span};

    #[test]
    fn a_place_is_drawn_with_its_line_and_carets() {
        let source = Source::new("case.ftl", "Hi\nGrüße ${name!\n");
        let at = source.text().find('!').unwrap_or_default();
        assert_eq!(source.position(at as u32).column, 13);
        assert_eq!(source.draw(Span::new(at, at + 1)), "  |\n2 | Grüße ${name!\n  |             ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = Source::new("long", format!("{}!{}", "a".repeat(500), "b".repeat(500)));
        let drawing = source.draw(Span::new(500, 501));
        let lines: Vec<&str> = drawing.lines().collect();
        let caret = lines[2].chars().position(|c| c == '^');
        assert_eq!(lines[1].chars().nth(caret.unwrap_or_default()), Some('!'));
        assert!(lines[1].chars().count() < 140);
    }
}
