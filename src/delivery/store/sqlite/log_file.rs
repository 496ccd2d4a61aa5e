//! The write-ahead log as `SQLite` keeps it beside the file, read without `SQLite`.
//!
//! `SQLite` reads a log up to the first frame that is damaged and takes the rest for the remains of
//! a write that was cut. After a power cut that is right; after damage it would lose, without a
//! word, what was acknowledged. So the log is looked at before `SQLite` sees it.
//!
//! <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use crate::delivery::store::sqlite::place::with_ending;

/// Bytes before the first frame.
const HEADER: usize = 32;

/// Bytes before a frame's page.
const FRAME_HEADER: usize = 24;

/// The log's path for a store.
pub(crate) fn log_path(store: &Path) -> PathBuf {
    with_ending(store, "-wal")
}

/// What a log holds.
#[derive(Debug, Default)]
pub(crate) struct LogFile {
    file: Option<File>,
    page_bytes: usize,
    /// For each page, where its latest intact copy of a finished transaction is.
    pages: HashMap<u32, u64>,
    /// Frames that are damaged and were not the last to be written.
    pub(crate) damaged: u64,
}

impl LogFile {
    /// Reads the log of a store; empty, if there is none.
    pub(crate) fn read(store: &Path) -> io::Result<Self> {
        let file = match File::open(log_path(store)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut log = Self::parse(&mut BufReader::with_capacity(1 << 16, &file))?;
        log.file = Some(file);
        Ok(log)
    }

    fn parse(input: &mut dyn Read) -> io::Result<Self> {
        let mut log = Self::default();
        let mut start = [0; HEADER];
        let read = read_up_to(input, &mut start)?;
        let Some(header) = Header::read(&start) else {
            // Without its header a log is nothing to `SQLite`, whatever is in it.
            let mut more = [0; FRAME_HEADER];
            log.damaged = u64::from(read_up_to(input, &mut more)? == more.len() && read == HEADER);
            return Ok(log);
        };
        log.page_bytes = header.page_bytes;
        let mut frame = vec![0; FRAME_HEADER + header.page_bytes];
        let mut before = header.checksum;
        let mut open: Vec<(u32, u64)> = Vec::new();
        // Damage is counted when a transaction behind it came to an end and another one began:
        // only the last one can have been cut.
        let (mut broken, mut ended_behind) = (0, false);
        let mut at = HEADER as u64;
        while read_up_to(input, &mut frame)? == frame.len() {
            let word = |at: usize| be32(&frame, at);
            let is_of_this_log = (word(8), word(12)) == header.salts;
            let stored = (word(16), word(20));
            let sum = header.sum(before, &frame[..8]);
            let sum = header.sum(sum, &frame[FRAME_HEADER..]);
            before = stored;
            let page_at = at + FRAME_HEADER as u64;
            at += frame.len() as u64;
            if !is_of_this_log || sum != stored {
                broken += 1;
                // A frame of an older log follows the last one of this.
                continue;
            }
            if broken > 0 && ended_behind {
                log.damaged += broken;
                (broken, ended_behind) = (0, false);
            }
            open.push((word(0), page_at));
            if word(4) != 0 {
                log.pages.extend(open.drain(..));
                ended_behind = broken > 0;
            }
        }
        Ok(log)
    }

    /// The size of its pages; 0 when it has none.
    pub(crate) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// The latest copy of a page.
    pub(crate) fn page(&mut self, number: u32) -> Option<Vec<u8>> {
        let at = *self.pages.get(&number)?;
        let file = self.file.as_mut()?;
        let mut page = vec![0; self.page_bytes];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut page).ok()?;
        Some(page)
    }

    /// The highest page in it.
    pub(crate) fn last_page(&self) -> u32 {
        self.pages.keys().copied().max().unwrap_or(0)
    }
}

/// Fills the buffer as far as there is something to read.
fn read_up_to(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct Header {
    page_bytes: usize,
    big_endian: bool,
    salts: (u32, u32),
    checksum: (u32, u32),
}

impl Header {
    fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let magic = be32(bytes, 0);
        let page_bytes = be32(bytes, 8) as usize;
        if magic & 0xffff_fffe != 0x377f_0682
            || !page_bytes.is_power_of_two()
            || !(512..=65_536).contains(&page_bytes)
        {
            return None;
        }
        let header = Self {
            page_bytes,
            big_endian: magic & 1 == 1,
            salts: (be32(bytes, 16), be32(bytes, 20)),
            checksum: (be32(bytes, 24), be32(bytes, 28)),
        };
        (header.sum((0, 0), &bytes[..24]) == header.checksum).then_some(header)
    }

    /// The log's own checksum over more bytes.
    fn sum(&self, before: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let (mut first, mut second) = before;
        let (pairs, _) = bytes.as_chunks::<8>();
        for [a, b, c, d, e, f, g, h] in pairs {
            let word = |bytes| {
                if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
            };
            first = first.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(second);
            second = second.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(first);
        }
        (first, second)
    }
}

/// Four bytes as a number; 0 where they are missing.
pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}
