//! What is wrong with a source or one of its lines, where, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::events::Origin;
use crate::events::Place;

/// How many characters of a bad line are shown on each side of the mistake.
const SHOWN_CHARACTERS: usize = 60;

/// A source can't be read, or one of its events is not an event.
#[derive(Clone, Debug)]
pub struct EventError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: EventErrorKind,
    message: String,
    hint: Option<String>,
    origin: Option<Arc<Origin>>,
    line: Option<u64>,
    excerpt: Option<Excerpt>,
}

/// The part of a bad line around the mistake.
#[derive(Clone, Debug)]
struct Excerpt {
    text: String,
    /// The mistake's column in `text`, from 1.
    caret: usize,
    /// The mistake's column in the line, from 1.
    column: usize,
}

/// What kind of mistake it is. The spelling for programs is [`EventErrorKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// There is no such file, a pattern fits none, or a folder holds none.
    NotFound,
    /// The system refuses to open or read the file.
    Unreadable,
    /// A format that is recognised, but not read.
    Unsupported,
    /// Text in another encoding, a web page, or no text at all.
    NotText,
    /// What should be an archive is a service's error message.
    NotAnArchive,
    /// The member of an archive is encrypted.
    Encrypted,
    /// The source ends too early.
    Truncated,
    /// The source's bytes are not what was written.
    Damaged,
    /// One event's text is not JSON.
    InvalidJson,
    /// One event's text is JSON, but not an object.
    NotAnObject,
    /// One event's text is not UTF-8.
    NotUtf8,
    /// One value of a row of a table is nothing that JSON has.
    NotJson,
    /// One event's text is longer than [`max_event_bytes`](crate::events::Settings).
    TooLong,
}

impl EventErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::NotFound,
        Self::Unreadable,
        Self::Unsupported,
        Self::NotText,
        Self::NotAnArchive,
        Self::Encrypted,
        Self::Truncated,
        Self::Damaged,
        Self::InvalidJson,
        Self::NotAnObject,
        Self::NotUtf8,
        Self::NotJson,
        Self::TooLong,
    ];

    /// The kind as programs spell it: `error.kind` in Python, the heading in `docs/errors.md`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::NotText => "not_text",
            Self::NotAnArchive => "not_an_archive",
            Self::Encrypted => "encrypted",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooLong => "too_long",
        }
    }

    /// Whether one event is bad, and not a whole file or what is left of it.
    pub fn is_about_one_event(self) -> bool {
        matches!(
            self,
            Self::InvalidJson | Self::NotAnObject | Self::NotUtf8 | Self::NotJson | Self::TooLong
        )
    }
}

impl EventError {
    /// An error without a place.
    pub fn new(kind: EventErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            origin: None,
            line: None,
            excerpt: None,
        }))
    }

    /// The same error with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error, in a file or a member of it.
    #[must_use]
    pub fn within(mut self, origin: &Arc<Origin>) -> Self {
        self.0.origin = Some(Arc::clone(origin));
        self
    }

    /// The same error, on a line of a file or a member of it.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.0.line = Some(place.line);
        self.within(&place.origin)
    }

    /// The same error, `lines` further down and at a column (from 1, in characters) of that line of
    /// `text`, which is shown.
    #[must_use]
    pub(in crate::events) fn showing(mut self, text: &str, lines: usize, column: usize) -> Self {
        if let Some(line) = &mut self.0.line {
            *line += lines as u64;
        }
        self.0.excerpt = text.lines().nth(lines).map(|line| Excerpt::around(line, column));
        self
    }

    /// What a failed read means for the source.
    pub(in crate::events) fn from_io(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::new(EventErrorKind::Unreadable, format!("reading failed: {error}")),
        }
    }

    /// The error, to pass through a reader of bytes.
    pub(in crate::events) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The kind, for programs.
    pub fn kind(&self) -> EventErrorKind {
        self.0.kind
    }

    /// What is wrong, in one sentence without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The file, and the member in it when it is an archive.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_deref()
    }

    /// The line in the file or member, from 1. For a damaged file the line that is lost first.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// The column in the line in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        self.0.excerpt.as_ref().map(|excerpt| excerpt.column)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, hint, origin, line, excerpt, .. } = &*self.0;
        if let Some(origin) = origin {
            write!(f, "{origin}:")?;
            if let Some(line) = line {
                write!(f, "{line}:")?;
            }
            if let Some(excerpt) = excerpt {
                write!(f, "{}:", excerpt.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(message)?;
        if let Some(Excerpt { text, caret, .. }) = excerpt {
            let number = line.map(|line| line.to_string()).unwrap_or_default();
            let gutter = " ".repeat(number.len());
            write!(f, "\n{gutter} |\n{number} | {text}\n{gutter} | {:>caret$}", "^")?;
        }
        if let Some(hint) = hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for EventError {}

impl Excerpt {
    fn around(line: &str, column: usize) -> Self {
        let start = column.saturating_sub(1 + SHOWN_CHARACTERS);
        let mut rest = line.chars().skip(start);
        let mut text: String = if start > 0 { "…".to_owned() } else { String::new() };
        let blank = |c: char| if c.is_control() { ' ' } else { c };
        text.extend(rest.by_ref().take(2 * SHOWN_CHARACTERS).map(blank));
        if rest.next().is_some() {
            text.push('…');
        }
        Self { text, caret: column.saturating_sub(start) + usize::from(start > 0), column }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::events::{EventError, EventErrorKind, Origin, Place};

    fn place() -> Place {
        let origin = Origin { file: "a.zip".into(), member: Some("7/x#0.json.gz".into()) };
        Place { origin: Arc::new(origin), line: 12, offset: 0 }
    }

    #[test]
    fn an_error_names_file_member_and_line_and_draws_the_mistake() {
        let error = EventError::new(EventErrorKind::InvalidJson, "expected `:`")
            .at(&place())
            .showing("{\"a\" 1}", 0, 6)
            .with_hint("write a colon");
        assert_eq!(
            error.to_string(),
            "a.zip:7/x#0.json.gz:12:6: expected `:`\n   |\n12 | {\"a\" 1}\n   |      ^\n  = hint: \
             write a colon"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_mistake() {
        let line = format!("{}!{}", "ä".repeat(5000), "b".repeat(5000));
        let error = EventError::new(EventErrorKind::InvalidJson, "no")
            .at(&place())
            .showing(&line, 0, 5001)
            .to_string();
        let lines: Vec<&str> = error.lines().collect();
        let caret = lines[3].chars().position(|c| c == '^').unwrap_or_default();
        assert_eq!(lines[2].chars().nth(caret), Some('!'));
        assert!(lines[2].chars().count() < 140);
    }

    #[test]
    fn an_error_passes_through_a_reader_of_bytes_unchanged() {
        let error = EventError::new(EventErrorKind::Truncated, "cut").into_io();
        assert_eq!(EventError::from_io(error).kind(), EventErrorKind::Truncated);
        let error = EventError::from_io(std::io::Error::other("disk"));
        assert_eq!(error.kind(), EventErrorKind::Unreadable);
    }

    #[test]
    fn kinds_have_names_of_their_own() {
        let mut names: Vec<_> = EventErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventErrorKind::ALL.len());
    }
}
