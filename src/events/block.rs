//! A piece of a source's text, and the events in it.

use std::sync::Arc;

use memchr::memchr;

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Origin;
use crate::events::Place;
use crate::value::Buffers;
use crate::value::Document;
use crate::value::JsonError;

/// Whole events' texts in memory of their own, all from one [`Origin`].
#[derive(Debug)]
pub struct Block {
    pub(in crate::events) origin: Arc<Origin>,
    pub(in crate::events) memory: Vec<u8>,
    /// How much of the memory is text.
    pub(in crate::events) length: usize,
    pub(in crate::events) pieces: Pieces,
    /// The line the text starts on, from 1.
    pub(in crate::events) first_line: u64,
    /// The offset of the text in the source.
    pub(in crate::events) offset: u64,
    pub(in crate::events) max_event_bytes: usize,
}

/// How the text falls into events.
#[derive(Debug)]
pub(in crate::events) enum Pieces {
    /// One a line.
    Lines,
    /// Where each lies.
    Values(Vec<Piece>),
}

/// Where an event lies in a block.
#[derive(Clone, Copy, Debug)]
pub(in crate::events) struct Piece {
    pub(in crate::events) start: usize,
    pub(in crate::events) end: usize,
    pub(in crate::events) line: u64,
}

impl Block {
    /// The events' texts in order, and an error for each that is none.
    pub fn lines(&self) -> Lines<'_> {
        // One check of the whole is quicker than one a line; only a bad block pays for both.
        let text = std::str::from_utf8(&self.memory[..self.length]).ok();
        Lines { block: self, text, at: 0, line: self.first_line }
    }

    /// The file, and the member in it, that the text is from.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The length of the text in bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no text; a [`Reader`](crate::events::Reader) gives no such block.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The iterator of [`Block::lines`].
#[derive(Clone, Debug)]
pub struct Lines<'b> {
    block: &'b Block,
    /// The whole text, when all of it is UTF-8.
    text: Option<&'b str>,
    /// The offset of the next line, or the index of the next piece.
    at: usize,
    line: u64,
}

impl<'b> Iterator for Lines<'b> {
    type Item = Result<Line<'b>, EventError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block;
        if let Pieces::Values(pieces) = &block.pieces {
            let piece = *pieces.get(self.at)?;
            self.at += 1;
            return Some(self.line_of(piece));
        }
        loop {
            let rest = &block.memory[self.at..block.length];
            if rest.is_empty() {
                return None;
            }
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest[..length].trim_ascii();
            let start = self.at + length - rest[..length].trim_ascii_start().len();
            let piece = Piece { start, end: start + line.len(), line: self.line };
            self.at += length + 1;
            self.line += 1;
            self.at = self.at.min(block.length);
            if !line.is_empty() {
                return Some(self.line_of(piece));
            }
        }
    }
}

impl<'b> Lines<'b> {
    fn line_of(&self, piece: Piece) -> Result<Line<'b>, EventError> {
        let block = self.block;
        let place = || Place {
            origin: Arc::clone(&block.origin),
            line: piece.line,
            offset: block.offset + piece.start as u64,
        };
        let range = piece.start..piece.end;
        if range.len() > block.max_event_bytes {
            return Err(too_long(&place(), block.max_event_bytes, &block.memory[range]));
        }
        let text = match self.text.and_then(|text| text.get(range.clone())) {
            Some(text) => text,
            None => std::str::from_utf8(&block.memory[range.clone()])
                .map_err(|error| not_utf8(&place(), &block.memory[range], error.valid_up_to()))?,
        };
        let offset = block.offset + piece.start as u64;
        Ok(Line { text, origin: &block.origin, number: piece.line, offset })
    }
}

/// The text of one event, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Line<'b> {
    text: &'b str,
    origin: &'b Arc<Origin>,
    number: u64,
    offset: u64,
}

impl<'b> Line<'b> {
    /// A text that was not read from a file: `number` counts the texts of `origin` from 1.
    pub fn new(text: &'b str, origin: &'b Arc<Origin>, number: u64) -> Self {
        Self { text, origin, number, offset: 0 }
    }

    /// The text, without white space around it.
    pub fn text(&self) -> &'b str {
        self.text
    }

    /// The line it starts on, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The offset of its first byte in the unpacked source, from 0. With [`Block::origin`] it is
    /// the event's position in the source, the same on every run.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { origin: Arc::clone(self.origin), line: self.number, offset: self.offset }
    }

    /// The event, read into memory used before, which an error gives back.
    ///
    /// # Errors
    /// When the text is not JSON, or not an object.
    pub fn parse(&self, buffers: Buffers) -> Result<Document<'b>, (EventError, Buffers)> {
        match Document::parse_with(self.text, buffers) {
            Ok(event) if event.root().as_object().is_some() => Ok(event),
            Ok(other) => {
                let error = self.not_an_object(other.root().kind_name());
                Err((error, other.into_buffers()))
            }
            Err((error, buffers)) => Err((self.invalid_json(&error), buffers)),
        }
    }

    fn not_an_object(&self, kind: &str) -> EventError {
        let article = if matches!(kind, "array" | "object") { "an" } else { "a" };
        let found = if kind == "null" { kind.to_owned() } else { format!("{article} {kind}") };
        EventError::new(EventErrorKind::NotAnObject, format!("expected an object, found {found}"))
            .at(&self.place())
            .showing(self.text, 0, 1)
    }

    fn invalid_json(&self, error: &JsonError) -> EventError {
        let line = self.text.lines().nth(error.line - 1).unwrap_or_default();
        let before = line.get(..error.column.saturating_sub(1)).unwrap_or(line);
        let column = before.chars().count() + 1;
        let event_error = EventError::new(EventErrorKind::InvalidJson, error.message.clone())
            .at(&self.place())
            .showing(self.text, error.line - 1, column);
        match hint_for(&line[before.len()..], before) {
            Some(hint) => event_error.with_hint(hint),
            None => event_error,
        }
    }
}

/// What the writer of this text may have meant.
fn hint_for(rest: &str, before: &str) -> Option<&'static str> {
    let starts = |words: &[&str]| words.iter().any(|word| rest.starts_with(word));
    if starts(&["'", "None", "True", "False"]) {
        return Some("this looks like Python; json.dumps writes a dict as JSON");
    }
    // The parser may stop behind the first letter.
    if starts(&["NaN", "aN", "Infinity", "nfinity"]) {
        return Some("JSON has neither NaN nor Infinity; write null");
    }
    if before.trim_end().ends_with('}') && rest.starts_with('{') {
        return Some("expected one event a line");
    }
    None
}

/// One event is longer than the setting allows; `start` is its text as far as it is known.
pub(in crate::events) fn too_long(place: &Place, limit: usize, start: &[u8]) -> EventError {
    let shown = String::from_utf8_lossy(&start[..start.len().min(400)]);
    let message = format!("the event is longer than {limit} bytes");
    EventError::new(EventErrorKind::TooLong, message)
        .at(place)
        .showing(&shown, 0, 1)
        .with_hint("raise max_event_bytes if receivers take events of this size")
}

fn not_utf8(place: &Place, bytes: &[u8], valid: usize) -> EventError {
    let text = String::from_utf8_lossy(bytes);
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let lines = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let byte = bytes.get(valid).copied().unwrap_or_default();
    let message = format!("expected UTF-8, found the byte 0x{byte:02x}");
    EventError::new(EventErrorKind::NotUtf8, message)
        .at(place)
        .showing(&text, lines, column)
        .with_hint("if the file is Latin-1: iconv -f ISO-8859-1 -t UTF-8 FILE")
}
