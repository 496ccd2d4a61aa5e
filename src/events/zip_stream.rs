//! A zip archive from its start, member by member: for one that comes through a pipe, and for one
//! that has lost the directory at its end. What is in front of the damage is read.

use std::fmt;
use std::io;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::input::Input;
use crate::events::unpack::{
    Inflater, Member, Sum, count, damaged, encrypted, truncated, unsupported_method, wrong_checksum,
};

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
    sum: Sum,
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
            sum: Sum::new(),
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
                member.sum.add(&out[..count]);
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
            let right = self.sum.crc() == self.head.crc || encrypted || self.head.method != 0;
            return if right { Ok(()) } else { Err(wrong_checksum()) };
        };
        let packed_length = inflater.packed_length();
        if !self.head.has_descriptor() {
            let right = self.sum.crc() == self.head.crc && packed_length == self.head.packed_length;
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
            lengths == (packed_length & largest, self.sum.length() & largest)
        };
        let descriptor = match (fits(true), fits(false)) {
            (true, _) => mark + 20,
            (false, true) => mark + 12,
            (false, false) if bytes.len() < mark + 12 => {
                return Err(truncated("the archive ends right behind the member").into_io());
            }
            (false, false) => return Err(wrong_checksum()),
        };
        let right = number32(bytes, mark) == self.sum.crc();
        input.consume(descriptor);
        if right { Ok(()) } else { Err(wrong_checksum()) }
    }
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
