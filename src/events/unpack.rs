//! Gzip and zip, unpacked as streams: nothing is extracted to disk, and no archive is ever in
//! memory as a whole. The only file that knows the compression libraries.
//!
//! A zip that can be searched is read by the directory at its end ([`ZipFile`]); for others there
//! is `zip_stream`.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zip::{CompressionMethod, ZipArchive};

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::input::Input;

/// The window of deflate, as a power of two; every packer's output fits.
const WINDOW_BITS: u8 = 15;

pub(in crate::events) fn damaged(message: impl Into<String>) -> EventError {
    EventError::new(EventErrorKind::Damaged, message)
}

pub(in crate::events) fn truncated(message: impl Into<String>) -> EventError {
    EventError::new(EventErrorKind::Truncated, message)
        .with_hint("the file was not written or not transferred to its end; get it again")
}

/// A deflate stream, with gzip's head and checksum around it or without.
pub(in crate::events) struct Inflater {
    state: Decompress,
    failed: Option<EventError>,
    ended: bool,
}

impl Inflater {
    fn gzip() -> Self {
        Self { state: Decompress::new_gzip(WINDOW_BITS), failed: None, ended: false }
    }

    /// Deflate alone, as zip has it.
    pub(in crate::events) fn raw() -> Self {
        Self { state: Decompress::new(false), failed: None, ended: false }
    }

    /// Unpacks into `out` what the next bytes of `input` give; 0 at the end of the stream. What
    /// was unpacked before a mistake comes before its error.
    pub(in crate::events) fn read(
        &mut self,
        input: &mut Input,
        out: &mut [u8],
    ) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Err(error.into_io());
        }
        while !self.ended && !out.is_empty() {
            let packed = input.peek(1)?;
            if packed.is_empty() {
                self.ended = true;
                return Err(truncated("the compressed data ends too early").into_io());
            }
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let result = self.state.decompress(packed, out, FlushDecompress::None);
            let taken = count(self.state.total_in() - taken);
            let given = count(self.state.total_out() - given);
            input.consume(taken);
            match result {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if taken + given > 0 => {}
                Ok(_) => self.failed = Some(damaged("the compressed data makes no sense")),
                Err(error) => {
                    let why = error.message().unwrap_or("no reason is known");
                    self.failed = Some(damaged(format!("the compressed data is damaged: {why}")));
                }
            }
            if given > 0 {
                return Ok(given);
            }
            if let Some(error) = self.failed.take() {
                self.ended = true;
                return Err(error.into_io());
            }
        }
        Ok(0)
    }

    /// How many packed bytes were taken.
    pub(in crate::events) fn packed_length(&self) -> u64 {
        self.state.total_in()
    }
}

/// Length and checksum of the bytes that went by.
pub(in crate::events) struct Sum {
    crc: Crc,
    length: u64,
}

impl Sum {
    pub(in crate::events) fn new() -> Self {
        Self { crc: Crc::new(), length: 0 }
    }

    pub(in crate::events) fn add(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.length += bytes.len() as u64;
    }

    pub(in crate::events) fn crc(&self) -> u32 {
        self.crc.sum()
    }

    pub(in crate::events) fn length(&self) -> u64 {
        self.length
    }
}

/// A count of bytes in a buffer, which fits by what it counts.
pub(in crate::events) fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The text of a gzip file, also of several put behind each other.
pub(in crate::events) struct Gunzip {
    input: Input,
    inflater: Inflater,
    ended: bool,
}

impl Gunzip {
    pub(in crate::events) fn new(input: Input) -> Self {
        Self { input, inflater: Inflater::gzip(), ended: false }
    }

    /// Goes on to the next gzip member, if there is one.
    fn next_member(&mut self) -> io::Result<()> {
        loop {
            let head = self.input.peek(2)?;
            if head.starts_with(b"\x1f\x8b") {
                self.inflater = Inflater::gzip();
                return Ok(());
            }
            self.ended = true;
            // Tapes and some file systems fill up with zeros.
            let zeros = head.iter().take_while(|byte| **byte == 0).count();
            if zeros < head.len() {
                return Err(damaged("there is more behind the compressed data").into_io());
            }
            if zeros == 0 {
                return Ok(());
            }
            self.ended = false;
            self.input.consume(zeros);
        }
    }
}

impl Read for Gunzip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !out.is_empty() {
            let count = self.inflater.read(&mut self.input, out)?;
            if count > 0 {
                return Ok(count);
            }
            self.next_member()?;
        }
        Ok(0)
    }
}

/// A member of a zip archive.
#[derive(Debug)]
pub(in crate::events) struct Member {
    pub(in crate::events) name: String,
    /// Its bytes, or why there are none.
    pub(in crate::events) content: Result<Input, EventError>,
}

impl Member {
    /// Whether a user would call it a file of events: not a folder, not hidden, not what macOS puts
    /// beside each file.
    pub(in crate::events) fn counts(name: &str) -> bool {
        !name.ends_with('/')
            && name.split('/').all(|part| !part.starts_with('.') && part != "__MACOSX")
    }
}

/// A zip archive, read by its directory.
pub(in crate::events) struct ZipFile {
    file: File,
    archive: ZipArchive<BufReader<File>>,
    next: usize,
}

impl ZipFile {
    /// Opens an archive; `None` when it has no directory that can be read.
    pub(in crate::events) fn open(file: &File) -> Option<Self> {
        let archive = ZipArchive::new(BufReader::new(file.try_clone().ok()?)).ok()?;
        Some(Self { file: file.try_clone().ok()?, archive, next: 0 })
    }

    /// The next member, in the order of the directory.
    pub(in crate::events) fn next_member(&mut self) -> Option<Member> {
        loop {
            let index = self.next;
            if index >= self.archive.len() {
                return None;
            }
            self.next += 1;
            let name = match self.archive.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("member {}", index + 1),
            };
            if Member::counts(&name) {
                let content = self.open_member(index);
                return Some(Member { name, content });
            }
        }
    }

    fn open_member(&mut self, index: usize) -> Result<Input, EventError> {
        let broken = |error: &dyn fmt::Display| damaged(format!("the member is damaged: {error}"));
        let member = self.archive.by_index_raw(index).map_err(|error| broken(&error))?;
        if member.encrypted() {
            return Err(encrypted());
        }
        let start = member.data_start().ok_or_else(|| broken(&"its start is unknown"))?;
        let checks = Checks::new(member.crc32(), member.size());
        let (packed_length, method) = (member.compressed_size(), member.compression());
        drop(member);
        let mut file = self.file.try_clone().map_err(EventError::from_io)?;
        file.seek(SeekFrom::Start(start)).map_err(EventError::from_io)?;
        let packed = Input::new(file.take(packed_length));
        let inflater = match method {
            CompressionMethod::Stored => None,
            CompressionMethod::Deflated => Some(Inflater::raw()),
            other => return Err(unsupported_method(&other.to_string())),
        };
        Ok(Input::new(Packed { input: packed, inflater, checks }))
    }
}

impl fmt::Debug for ZipFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZipFile").field("next", &self.next).finish_non_exhaustive()
    }
}

pub(in crate::events) fn encrypted() -> EventError {
    EventError::new(EventErrorKind::Encrypted, "the member is encrypted")
        .with_hint("unpack the archive with its password first")
}

pub(in crate::events) fn unsupported_method(method: &str) -> EventError {
    let message = format!("the member is packed with {method}, which is not read");
    EventError::new(EventErrorKind::Unsupported, message)
        .with_hint("unpack the archive first, or pack it with deflate, the usual method")
}

/// A member whose end is known from the directory.
struct Packed {
    input: Input,
    /// `None`: the bytes are stored as they are.
    inflater: Option<Inflater>,
    checks: Checks,
}

impl Read for Packed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.inflater {
            Some(inflater) => inflater.read(&mut self.input, out)?,
            None => self.input.read(out)?,
        };
        if count == 0 && !out.is_empty() {
            self.checks.finish()?;
        }
        self.checks.sum.add(&out[..count]);
        Ok(count)
    }
}

/// What the archive says about a member's bytes.
struct Checks {
    sum: Sum,
    expected_crc: u32,
    expected_length: u64,
    finished: bool,
}

impl Checks {
    fn new(expected_crc: u32, expected_length: u64) -> Self {
        Self { sum: Sum::new(), expected_crc, expected_length, finished: false }
    }

    /// All bytes have gone by: were they the right ones?
    fn finish(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        if self.sum.length() < self.expected_length {
            return Err(truncated("the member ends too early").into_io());
        }
        if self.sum.length() > self.expected_length || self.sum.crc() != self.expected_crc {
            return Err(wrong_checksum());
        }
        Ok(())
    }
}

pub(in crate::events) fn wrong_checksum() -> io::Error {
    damaged("the member's checksum does not agree").into_io()
}
