//! Gzip and zip, unpacked as streams: nothing is extracted to disk, and no archive is ever in
//! memory as a whole. The only file that knows the compression libraries.
//!
//! A zip that can be searched is read by the directory at its end. One that comes through a pipe,
//! or has lost its end, is read from its start, member by member, as far as it goes.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zip::{CompressionMethod, ZipArchive};

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::input::Input;

/// The window of deflate, as a power of two; every packer's output fits.
const WINDOW_BITS: u8 = 15;

fn damaged(message: impl Into<String>) -> EventError {
    EventError::new(EventErrorKind::Damaged, message)
}

fn truncated(message: impl Into<String>) -> EventError {
    EventError::new(EventErrorKind::Truncated, message)
        .with_hint("the file was not written or not transferred to its end; get it again")
}

/// A deflate stream, with gzip's head and checksum around it or without.
struct Inflater {
    state: Decompress,
    failed: Option<EventError>,
    ended: bool,
}

impl Inflater {
    fn gzip() -> Self {
        Self { state: Decompress::new_gzip(WINDOW_BITS), failed: None, ended: false }
    }

    fn raw() -> Self {
        Self { state: Decompress::new(false), failed: None, ended: false }
    }

    /// Unpacks into `out` what the next bytes of `input` give; 0 at the end of the stream. What
    /// was unpacked before a mistake comes before its error.
    fn read(&mut self, input: &mut Input, out: &mut [u8]) -> io::Result<usize> {
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
}

/// A count of bytes in a buffer, which fits by what it counts.
fn count(bytes: u64) -> usize {
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
    fn counts(name: &str) -> bool {
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

fn encrypted() -> EventError {
    EventError::new(EventErrorKind::Encrypted, "the member is encrypted")
        .with_hint("unpack the archive with its password first")
}

fn unsupported_method(method: &str) -> EventError {
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
        self.checks.crc.update(&out[..count]);
        self.checks.length += count as u64;
        Ok(count)
    }
}

/// What the archive says about a member's bytes.
struct Checks {
    crc: Crc,
    length: u64,
    expected_crc: u32,
    expected_length: u64,
    finished: bool,
}

impl Checks {
    fn new(expected_crc: u32, expected_length: u64) -> Self {
        Self { crc: Crc::new(), length: 0, expected_crc, expected_length, finished: false }
    }

    /// All bytes have gone by: were they the right ones?
    fn finish(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        if self.length < self.expected_length {
            return Err(truncated("the member ends too early").into_io());
        }
        if self.length > self.expected_length || self.crc.sum() != self.expected_crc {
            return Err(wrong_checksum());
        }
        Ok(())
    }
}

/// A zip archive, read from its start.
#[derive(Debug)]
pub(in crate::events) struct ZipStream {
    /// Shared with the member that is being read, always by one thread.
    walk: Arc<Mutex<Walk>>,
    /// Said at the end, when the directory is reached.
    at_end: Option<EventError>,
    ended: bool,
}

impl ZipStream {
    /// An archive that comes through a pipe.
    pub(in crate::events) fn new(input: Input) -> Self {
        let walk = Walk { input, member: None, lost: false };
        Self { walk: Arc::new(Mutex::new(walk)), at_end: None, ended: false }
    }

    /// An archive in a file whose directory can't be read.
    pub(in crate::events) fn without_directory(input: Input) -> Self {
        let error = damaged("the archive's directory is damaged")
            .with_hint("the members in front of it were read");
        Self { at_end: Some(error), ..Self::new(input) }
    }

    /// The next member, in the order of the file; an error about the archive at its end.
    pub(in crate::events) fn next_member(&mut self) -> Option<Result<Member, EventError>> {
        while !self.ended {
            let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
            let head = match walk.next_head() {
                Ok(Some(head)) => head,
                Ok(None) => {
                    self.ended = true;
                    // A member that could not be followed to its end has said so already.
                    return if walk.lost { None } else { self.at_end.take().map(Err) };
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(EventError::from_io(error)));
                }
            };
            let wanted = Member::counts(&head.name);
            let content = walk.open(&head, wanted);
            drop(walk);
            if wanted {
                let walk = Arc::clone(&self.walk);
                let content = content.map(|()| Input::new(WalkedMember(walk)));
                return Some(Ok(Member { name: head.name, content }));
            }
        }
        None
    }
}

/// The way through an archive from its start.
struct Walk {
    input: Input,
    member: Option<Walked>,
    /// The end of a member could not be found, so there is no way on.
    lost: bool,
}

/// The member that the walk is in.
struct Walked {
    inflater: Option<Inflater>,
    head: Head,
    wanted: bool,
    /// Bytes of the member as they are in the archive: left, for a stored one; else unknown.
    left: u64,
    crc: Crc,
    length: u64,
    finished: bool,
}

/// What stands in front of a member.
#[derive(Clone, Debug)]
struct Head {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed_length: u64,
    length: u64,
}

impl Head {
    const BYTES: usize = 30;
    const ENCRYPTED: u16 = 1;
    /// Checksum and lengths stand behind the member.
    const DESCRIPTOR: u16 = 1 << 3;

    fn has_descriptor(&self) -> bool {
        self.flags & Self::DESCRIPTOR != 0
    }
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from(number16(bytes, at)) | u32::from(number16(bytes, at + 2)) << 16
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    u64::from(number32(bytes, at)) | u64::from(number32(bytes, at + 4)) << 32
}

impl Walk {
    /// Passes what is left of the open member and reads the next one's head; `None` at the
    /// directory.
    fn next_head(&mut self) -> io::Result<Option<Head>> {
        let mut scratch = vec![0; 64 * 1024];
        while self.member.is_some() && !self.lost {
            let wanted = self.member.as_ref().is_some_and(|member| member.wanted);
            match self.read(&mut scratch) {
                Ok(0) => self.member = None,
                // Whoever wanted the member has been told before what is wrong with it.
                Err(error) if !wanted => return Err(error),
                _ => {}
            }
        }
        if self.lost {
            return Ok(None);
        }
        let bytes = self.input.peek(Head::BYTES)?;
        match bytes.get(..4) {
            Some(b"PK\x03\x04") if bytes.len() >= Head::BYTES => {}
            // The mark of an archive that was made for several disks.
            Some(b"PK\x07\x08" | b"PK00") => {
                self.input.consume(4);
                return self.next_head();
            }
            // The directory, or the end of an archive without members.
            Some(b"PK\x01\x02" | b"PK\x05\x06" | b"PK\x06\x06" | b"PK\x06\x08") => {
                self.drain()?;
                return Ok(None);
            }
            _ if bytes.len() < Head::BYTES => {
                let message =
                    "the archive ends too early: expected another member or the directory";
                return Err(truncated(message).into_io());
            }
            _ => return Err(damaged("expected the head of a member").into_io()),
        }
        let (flags, method) = (number16(bytes, 6), number16(bytes, 8));
        let (crc, packed, length) = (number32(bytes, 14), number32(bytes, 18), number32(bytes, 22));
        let name_bytes = usize::from(number16(bytes, 26));
        let head_bytes = Head::BYTES + name_bytes + usize::from(number16(bytes, 28));
        let bytes = self.input.peek(head_bytes)?;
        if bytes.len() < head_bytes {
            return Err(truncated("the archive ends inside the head of a member").into_io());
        }
        let (name, extra) = bytes[Head::BYTES..head_bytes].split_at(name_bytes);
        let mut head = Head {
            name: String::from_utf8_lossy(name).into_owned(),
            flags,
            method,
            crc,
            packed_length: u64::from(packed),
            length: u64::from(length),
        };
        if packed == u32::MAX || length == u32::MAX {
            long_lengths(extra, &mut head);
        }
        self.input.consume(head_bytes);
        Ok(Some(head))
    }

    /// Reads the rest, so that whoever writes into the pipe is not broken off.
    fn drain(&mut self) -> io::Result<()> {
        loop {
            let count = self.input.peek(1)?.len();
            if count == 0 {
                return Ok(());
            }
            self.input.consume(count);
        }
    }

    /// Enters the member behind `head`.
    fn open(&mut self, head: &Head, wanted: bool) -> Result<(), EventError> {
        let stored = head.method == 0;
        let result = if head.flags & Head::ENCRYPTED != 0 {
            Err(encrypted())
        } else if head.method != 0 && head.method != 8 {
            Err(unsupported_method(&format!("method {}", head.method)))
        } else if stored && head.has_descriptor() {
            let message = "the member's length is not known before its end";
            Err(EventError::new(EventErrorKind::Unsupported, message)
                .with_hint("save the archive to a file and read that"))
        } else {
            Ok(())
        };
        // A member that is not read is passed as if it were stored.
        let passed = stored || result.is_err();
        self.lost = passed && head.has_descriptor();
        self.member = Some(Walked {
            inflater: (!passed).then(Inflater::raw),
            head: head.clone(),
            wanted,
            left: if passed { head.packed_length } else { u64::MAX },
            crc: Crc::new(),
            length: 0,
            finished: result.is_err() && head.packed_length == 0,
        });
        result
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(member) = &mut self.member else { return Ok(0) };
        if self.lost || member.finished || out.is_empty() {
            return Ok(0);
        }
        let result = if let Some(inflater) = &mut member.inflater {
            inflater.read(&mut self.input, out)
        } else {
            let wanted = out.len().min(count(member.left));
            match self.input.read(&mut out[..wanted]) {
                Ok(0) if member.left > 0 => {
                    Err(truncated("the archive ends inside the member").into_io())
                }
                result => result,
            }
        };
        match result {
            Ok(0) => {
                member.finished = true;
                let result = member.check(&mut self.input);
                // A member that was stored ends where its head says, whatever is in it.
                self.lost = result.is_err() && member.inflater.is_some();
                result.map(|()| 0)
            }
            Ok(count) => {
                member.left -= count as u64;
                member.length += count as u64;
                member.crc.update(&out[..count]);
                Ok(count)
            }
            Err(error) => {
                self.lost = true;
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Walked {
    /// Compares what was read with what the archive says, and passes what stands behind the member.
    fn check(&self, input: &mut Input) -> io::Result<()> {
        let Some(inflater) = &self.inflater else {
            let encrypted = self.head.flags & Head::ENCRYPTED != 0;
            let right = self.crc.sum() == self.head.crc || encrypted || self.head.method != 0;
            return if right { Ok(()) } else { Err(wrong_checksum()) };
        };
        let packed_length = inflater.state.total_in();
        if !self.head.has_descriptor() {
            let right = self.crc.sum() == self.head.crc && packed_length == self.head.packed_length;
            return if right { Ok(()) } else { Err(wrong_checksum()) };
        }
        // With or without a mark in front, with lengths of 32 or 64 bits: what agrees is right.
        let bytes = input.peek(24)?;
        let mark = if bytes.starts_with(b"PK\x07\x08") { 4 } else { 0 };
        let fits = |wide: bool| {
            let lengths = if wide {
                (number64(bytes, mark + 4), number64(bytes, mark + 12))
            } else {
                (u64::from(number32(bytes, mark + 4)), u64::from(number32(bytes, mark + 8)))
            };
            let largest = if wide { u64::MAX } else { u64::from(u32::MAX) };
            lengths == (packed_length & largest, self.length & largest)
        };
        let descriptor = match (fits(true), fits(false)) {
            (true, _) => mark + 20,
            (false, true) => mark + 12,
            (false, false) if bytes.len() < mark + 12 => {
                return Err(truncated("the archive ends right behind the member").into_io());
            }
            (false, false) => return Err(wrong_checksum()),
        };
        let right = number32(bytes, mark) == self.crc.sum();
        input.consume(descriptor);
        if right { Ok(()) } else { Err(wrong_checksum()) }
    }
}

fn wrong_checksum() -> io::Error {
    damaged("the member's checksum does not agree").into_io()
}

/// Lengths beyond 32 bits, from the extra field that holds them.
fn long_lengths(mut extra: &[u8], head: &mut Head) {
    const LONG_LENGTHS: u16 = 1;
    while extra.len() >= 4 {
        let (id, length) = (number16(extra, 0), usize::from(number16(extra, 2)));
        if id == LONG_LENGTHS && length >= 16 {
            head.length = number64(extra, 4);
            head.packed_length = number64(extra, 12);
        }
        extra = extra.get(4 + length..).unwrap_or_default();
    }
}

/// The bytes of the member that the walk is in.
struct WalkedMember(Arc<Mutex<Walk>>);

impl Read for WalkedMember {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(out)
    }
}
