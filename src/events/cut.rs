//! Text into blocks: whole lines, or whole values where a file is one JSON array or a row of
//! values that span lines.
//!
//! A block ends where an event ends, and what is left of the memory begins the next one. So an
//! event is never in two blocks, and nothing but the longest event decides how much memory is held.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Origin;
use crate::events::Place;
use crate::events::Settings;
use crate::events::block::{Block, Piece, Pieces, too_long};
use crate::events::input::Input;
use crate::events::layout::{Layout, layout_of};
use crate::events::scan::{Scan, Step};

/// Cuts one text.
#[derive(Debug)]
pub(in crate::events) struct Cutter {
    input: Input,
    origin: Arc<Origin>,
    settings: Settings,
    /// Events are handed on as they come, since the next ones may take their time.
    live: bool,
    /// `None` until the first event was seen.
    way: Option<Way>,
    /// The start of an event whose end is still to come.
    carry: Vec<u8>,
    /// The line that `carry` starts on, from 1.
    line: u64,
    /// The offset of `carry` in the text.
    offset: u64,
    ended: bool,
    /// Errors behind the block that was given last.
    pending: VecDeque<EventError>,
}

#[derive(Debug)]
enum Way {
    Lines,
    Values(Values),
}

/// The way through a text of values.
#[derive(Debug, Default)]
struct Values {
    in_array: bool,
    expected: Expected,
    /// The value that is being read, and the line it starts on.
    value: Option<(Scan, u64)>,
    /// That value is too long, and is read only to find its end.
    skipping: bool,
}

/// What may come next between values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Anything,
    /// Behind `[`.
    ValueOrEnd,
    /// Behind `,`.
    Value,
    /// Behind a value in an array.
    CommaOrEnd,
}

/// Memory that is being filled.
struct Filling {
    memory: Vec<u8>,
    filled: usize,
}

impl Cutter {
    /// Cuts the text of `input`, which has no byte order mark.
    pub(in crate::events) fn new(
        input: Input,
        origin: Arc<Origin>,
        settings: Settings,
        mark: usize,
        live: bool,
    ) -> Self {
        Self {
            input,
            origin,
            settings,
            live,
            way: None,
            carry: Vec::new(),
            line: 1,
            offset: mark as u64,
            ended: false,
            pending: VecDeque::new(),
        }
    }

    /// The next block, in `memory` if it is of use.
    pub(in crate::events) fn next(
        &mut self,
        mut memory: Vec<u8>,
    ) -> Option<Result<Block, EventError>> {
        loop {
            if let Some(error) = self.pending.pop_front() {
                return Some(Err(error));
            }
            if self.ended && self.carry.is_empty() {
                return None;
            }
            let Some(way) = self.way.take() else {
                match self.find_layout() {
                    Ok(Layout::Lines) => self.way = Some(Way::Lines),
                    Ok(Layout::Values) => self.way = Some(Way::Values(Values::default())),
                    Err(error) => {
                        self.ended = true;
                        return Some(Err(error.within(&self.origin)));
                    }
                }
                continue;
            };
            let mut filling = self.start_filling(memory);
            let block = match way {
                Way::Lines => {
                    self.way = Some(Way::Lines);
                    self.next_lines(&mut filling)
                }
                Way::Values(mut values) => {
                    let block = self.next_values(&mut values, &mut filling);
                    self.way = Some(Way::Values(values));
                    block
                }
            };
            if let Some(block) = block {
                return Some(Ok(block));
            }
            memory = filling.memory;
        }
    }

    fn find_layout(&mut self) -> Result<Layout, EventError> {
        let mut wanted = 1;
        loop {
            let head = self.input.peek(wanted).map_err(EventError::from_io)?;
            let complete = head.len() < wanted || head.len() > self.settings.max_event_bytes;
            match layout_of(head) {
                Some(layout) => return Ok(layout),
                None if complete => return Ok(Layout::Lines),
                None if self.live => wanted = head.len() + 1,
                None => wanted = head.len() * 2,
            }
        }
    }

    /// Memory with the carry at its start.
    fn start_filling(&mut self, mut memory: Vec<u8>) -> Filling {
        let needed = self.settings.block_bytes.max(1).max(self.carry.len() * 2);
        if memory.len() < needed {
            // Fresh zeroed memory costs nothing until it is written to.
            memory = vec![0; needed];
        }
        let filled = self.carry.len();
        memory[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        if self.carry.capacity() > self.settings.block_bytes {
            self.carry = Vec::new();
        }
        Filling { memory, filled }
    }

    /// One read behind what is filled. Gives the number of bytes; 0 at the end, and before an
    /// error, which is put by.
    fn read_more(&mut self, filling: &mut Filling) -> usize {
        let count = match self.input.read(&mut filling.memory[filling.filled..]) {
            Ok(count) => count,
            Err(error) => {
                self.pending.push_back(EventError::from_io(error).within(&self.origin));
                0
            }
        };
        self.ended = count == 0;
        filling.filled += count;
        count
    }

    fn place(&self, line: u64, offset: u64) -> Place {
        Place { origin: Arc::clone(&self.origin), line, offset }
    }

    /// The first `length` bytes of the memory as a block; the bytes behind are carried over.
    fn block(&mut self, filling: &mut Filling, length: usize, pieces: Pieces) -> Option<Block> {
        self.carry.extend_from_slice(&filling.memory[length..filling.filled]);
        let (first_line, offset) = (self.line, self.offset);
        self.line += memchr_iter(b'\n', &filling.memory[..length]).count() as u64;
        self.offset += length as u64;
        let nothing = match &pieces {
            Pieces::Lines => length == 0,
            Pieces::Values(pieces) => pieces.is_empty(),
        };
        if nothing {
            return None;
        }
        Some(Block {
            origin: Arc::clone(&self.origin),
            memory: std::mem::take(&mut filling.memory),
            length,
            pieces,
            first_line,
            offset,
            max_event_bytes: self.settings.max_event_bytes,
        })
    }

    fn next_lines(&mut self, filling: &mut Filling) -> Option<Block> {
        let mut whole = memrchr(b'\n', &filling.memory[..filling.filled]).map_or(0, |at| at + 1);
        while !(self.live && whole > 0) {
            if filling.filled == filling.memory.len() {
                if whole > 0 {
                    break;
                }
                if filling.filled > self.settings.max_event_bytes {
                    self.skip_line(filling);
                    return None;
                }
                let longest = self.settings.max_event_bytes.saturating_add(1);
                filling.memory.resize((filling.filled * 2).min(longest.max(filling.filled + 1)), 0);
            }
            let before = filling.filled;
            if self.read_more(filling) == 0 {
                break;
            }
            if let Some(at) = memrchr(b'\n', &filling.memory[before..filling.filled]) {
                whole = before + at + 1;
            }
        }
        if self.ended && self.pending.is_empty() {
            whole = filling.filled;
        }
        let block = self.block(filling, whole, Pieces::Lines);
        if let Some(error) = self.pending.pop_back() {
            // A line that was cut off with the source is part of that error.
            self.carry.clear();
            self.pending.push_back(error.at(&self.place(self.line, self.offset)));
        }
        block
    }

    /// Reads on to the end of a line that is too long.
    fn skip_line(&mut self, filling: &mut Filling) {
        let error = too_long(
            &self.place(self.line, self.offset),
            self.settings.max_event_bytes,
            &filling.memory[..filling.filled],
        );
        loop {
            self.offset += filling.filled as u64;
            filling.filled = 0;
            if self.read_more(filling) == 0 {
                break;
            }
            if let Some(at) = memchr(b'\n', &filling.memory[..filling.filled]) {
                self.carry.extend_from_slice(&filling.memory[at + 1..filling.filled]);
                self.offset += at as u64 + 1;
                self.line += 1;
                break;
            }
        }
        // In front of what the source may have broken with.
        self.pending.push_front(error);
    }

    fn next_values(&mut self, values: &mut Values, filling: &mut Filling) -> Option<Block> {
        let mut pieces = Vec::new();
        // Before a value that is being read the carry starts with it; what it holds was scanned.
        let mut at = if values.value.is_some() { filling.filled } else { 0 };
        let mut start = 0;
        let mut line = self.line;
        loop {
            while at < filling.filled && self.pending.is_empty() {
                at = self.next_value(values, filling, at, &mut start, &mut line, &mut pieces);
            }
            if values.skipping && values.value.is_some() {
                // Nothing in front of the end is of use.
                self.line += memchr_iter(b'\n', &filling.memory[..filling.filled]).count() as u64;
                self.offset += filling.filled as u64;
                (filling.filled, at, start) = (0, 0, 0);
                line = self.line;
            }
            if !self.pending.is_empty() || self.live && !pieces.is_empty() {
                break;
            }
            if filling.filled == filling.memory.len() {
                if !pieces.is_empty() {
                    break;
                }
                if values.value.is_none() {
                    // White space only.
                    start = filling.filled;
                    break;
                }
                if filling.filled - start > self.settings.max_event_bytes {
                    let place = self.place(line, self.offset + start as u64);
                    let text = &filling.memory[start..filling.filled];
                    self.pending.push_back(too_long(&place, self.settings.max_event_bytes, text));
                    values.skipping = true;
                    continue;
                }
                filling.memory.resize(filling.filled * 2, 0);
            }
            if self.read_more(filling) == 0 {
                at = self.end_of_values(values, filling, start, line, &mut pieces);
                break;
            }
        }
        let length = if values.value.is_some() { start } else { at };
        let block = self.block(filling, length, Pieces::Values(pieces));
        if self.ended {
            self.carry.clear();
        }
        block
    }

    /// One step on from `at`: over white space, a bracket or a comma, or through a value. Gives the
    /// offset behind it.
    fn next_value(
        &mut self,
        values: &mut Values,
        filling: &Filling,
        at: usize,
        start: &mut usize,
        line: &mut u64,
        pieces: &mut Vec<Piece>,
    ) -> usize {
        let bytes = &filling.memory[..filling.filled];
        if let Some((scan, first_line)) = &mut values.value {
            match scan.advance(&bytes[at..]) {
                Step::More => return bytes.len(),
                Step::End(length) => {
                    let end = at + length;
                    if !values.skipping {
                        pieces.push(Piece { start: *start, end, line: *first_line });
                    }
                    let passed = if values.skipping { &bytes[..end] } else { &bytes[*start..end] };
                    *line += memchr_iter(b'\n', passed).count() as u64;
                    values.value = None;
                    values.skipping = false;
                    values.expected =
                        if values.in_array { Expected::CommaOrEnd } else { Expected::Anything };
                    return end;
                }
                Step::Broken(wrong) => {
                    let lines = memchr_iter(b'\n', &bytes[*start..at + wrong]).count() as u64;
                    let place = self.place(*line + lines, self.offset + (at + wrong) as u64);
                    self.give_up(bytes, at + wrong, &place, "a bracket that closes none");
                    values.value = None;
                    return bytes.len();
                }
            }
        }
        let byte = bytes[at];
        match (byte, values.expected) {
            (b' ' | b'\t' | b'\r', _) => {}
            (b'\n', _) => *line += 1,
            (b'[', Expected::Anything) => {
                values.in_array = true;
                values.expected = Expected::ValueOrEnd;
            }
            (b']', Expected::ValueOrEnd | Expected::CommaOrEnd) => {
                values.in_array = false;
                values.expected = Expected::Anything;
            }
            (b',', Expected::CommaOrEnd) => values.expected = Expected::Value,
            (b',' | b']' | b'}', _) | (_, Expected::CommaOrEnd) => {
                let place = self.place(*line, self.offset + at as u64);
                let found = match values.expected {
                    Expected::CommaOrEnd => "expected `,` or `]` behind the value",
                    Expected::Value | Expected::ValueOrEnd => "expected a value",
                    Expected::Anything => "expected an object or an array",
                };
                self.give_up(bytes, at, &place, found);
                return bytes.len();
            }
            _ => {
                values.value = Some((Scan::default(), *line));
                *start = at;
                return at;
            }
        }
        at + 1
    }

    /// The text is not JSON from `at` on: where values are not lines, there is no way to find the
    /// next one for sure.
    fn give_up(&mut self, bytes: &[u8], at: usize, place: &Place, message: &str) {
        let from = memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
        let to = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
        let column = String::from_utf8_lossy(&bytes[from..at]).chars().count() + 1;
        let error = EventError::new(EventErrorKind::Damaged, message)
            .at(place)
            .showing(&String::from_utf8_lossy(&bytes[from..to]), 0, column)
            .with_hint("what follows in this file is not read");
        self.pending.push_back(error);
        self.ended = true;
    }

    /// The source has ended; gives the offset behind the last value.
    fn end_of_values(
        &mut self,
        values: &mut Values,
        filling: &Filling,
        start: usize,
        line: u64,
        pieces: &mut Vec<Piece>,
    ) -> usize {
        let end = filling.filled;
        let value = values.value.take();
        let place = self.place(line, self.offset + start as u64);
        if let Some(error) = self.pending.pop_back() {
            self.pending.push_back(error.at(&place));
            return if value.is_some() { start } else { end };
        }
        let cut_off = |what: &str| EventError::new(EventErrorKind::Truncated, what).at(&place);
        match value {
            Some((scan, first_line)) if scan.may_end() && !values.in_array => {
                pieces.push(Piece { start, end, line: first_line });
            }
            Some(_) if values.skipping => {}
            Some(_) => {
                self.pending.push_back(cut_off("the value that starts here has no end"));
                return start;
            }
            None if values.in_array => {
                self.pending.push_back(cut_off("the array has no end: expected `]`"));
            }
            None => {}
        }
        end
    }
}
