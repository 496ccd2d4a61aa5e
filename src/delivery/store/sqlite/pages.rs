//! A database's pages, read without `SQLite`, which gives up at the first that is damaged.
//!
//! Only what is needed to save rows: leaves of tables, chains of overflow, and which pages are free.
//!
//! <https://www.sqlite.org/fileformat2.html#b_tree_pages>

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::path::Path;

use rusqlite::types::Value;

use crate::delivery::store::sqlite::log_file::LogFile;
use crate::delivery::store::sqlite::log_file::be32;
use crate::delivery::store::sqlite::schema::PAGE_BYTES;

/// The largest row that is put together again.
const MAX_ROW: usize = 1 << 30;

/// All pages of a store, the log's copies before the file's.
pub(crate) struct Pages {
    file: File,
    log: LogFile,
    page_bytes: usize,
    count: u32,
    free: HashSet<u32>,
}

/// A row as it lies in a page.
pub(crate) struct RawRow {
    /// The row's number; `None` in a table without them.
    pub(crate) id: Option<i64>,
    /// The columns; `None` for a row whose bytes are not all there.
    pub(crate) columns: Option<Vec<Value>>,
}

impl Pages {
    pub(crate) fn open(path: &Path, log: LogFile) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut header = [0; 100];
        // A file that is too short has no header.
        let _ = file.read_exact(&mut header);
        let said = match usize::from(u16::from_be_bytes([header[16], header[17]])) {
            1 => 65_536,
            said => said,
        };
        let page_bytes = match log.page_bytes() {
            0 if said.is_power_of_two() && said >= 512 => said,
            0 => PAGE_BYTES as usize,
            of_log => of_log,
        };
        let in_file = bytes.div_ceil(page_bytes as u64);
        let count = u32::try_from(in_file).unwrap_or(u32::MAX).max(log.last_page());
        let mut pages = Self { file, log, page_bytes, count, free: HashSet::new() };
        pages.free = pages.find_free();
        Ok(pages)
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The application's number and its version, when the file begins as a database does.
    pub(crate) fn marks(&mut self) -> Option<(u32, u32)> {
        let page = self.page(1)?;
        page.starts_with(b"SQLite format 3\0").then(|| (be32(&page, 68), be32(&page, 60)))
    }

    /// Frames of the log that are damaged.
    pub(crate) fn damaged_frames(&self) -> u64 {
        self.log.damaged
    }

    /// The rows in a page; none, when it is not a leaf, or free. Whether the page can be read at all.
    pub(crate) fn rows(&mut self, number: u32) -> (Vec<RawRow>, bool) {
        if self.free.contains(&number) {
            return (Vec::new(), true);
        }
        let Some(page) = self.page(number) else {
            return (Vec::new(), false);
        };
        let start = if number == 1 { 100 } else { 0 };
        let kind = page.get(start).copied().unwrap_or(0);
        let (head, has_id) = match kind {
            0x0d => (8, true),
            0x0a => (8, false),
            0x02 => (12, false),
            _ => return (Vec::new(), true),
        };
        let cells = usize::from(be16(&page, start + 3));
        let mut rows = Vec::new();
        for cell in 0..cells {
            let at = usize::from(be16(&page, start + head + 2 * cell));
            // The child's number stands before what an inner page holds.
            let at = if kind == 0x02 { at + 4 } else { at };
            rows.push(self.row(&page, at, has_id));
        }
        (rows, true)
    }

    fn row(&mut self, page: &[u8], at: usize, has_id: bool) -> RawRow {
        let none = RawRow { id: None, columns: None };
        let Some((length, at)) = varint(page, at) else {
            return none;
        };
        let (id, at) = if has_id {
            match varint(page, at) {
                Some((id, at)) => (Some(id.cast_signed()), at),
                None => return none,
            }
        } else {
            (None, at)
        };
        let columns = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_ROW)
            .and_then(|length| self.payload(page, at, length, has_id))
            .and_then(|payload| columns(&payload));
        RawRow { id, columns }
    }

    /// A row's bytes, those in other pages included.
    fn payload(&mut self, page: &[u8], at: usize, length: usize, has_id: bool) -> Option<Vec<u8>> {
        let usable = self.page_bytes;
        let most = if has_id { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if length <= most {
            return page.get(at..at + length).map(<[u8]>::to_vec);
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (usable - 4);
        let local = if fitting <= most { fitting } else { least };
        let mut payload = page.get(at..at + local)?.to_vec();
        let mut next = be32(page, at + local);
        while payload.len() < length {
            // A chain longer than the file is a circle.
            if next == 0 || payload.len() / usable > self.count as usize {
                return None;
            }
            let more = self.page(next)?;
            next = be32(&more, 0);
            let wanted = (length - payload.len()).min(usable - 4);
            payload.extend_from_slice(more.get(4..4 + wanted)?);
        }
        Some(payload)
    }

    fn page(&mut self, number: u32) -> Option<Vec<u8>> {
        if let Some(page) = self.log.page(number) {
            return Some(page);
        }
        let index = number.checked_sub(1)?;
        let mut page = vec![0; self.page_bytes];
        self.file.seek(SeekFrom::Start(u64::from(index) * self.page_bytes as u64)).ok()?;
        let mut filled = 0;
        while filled < page.len() {
            match self.file.read(&mut page[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        (filled > 0).then_some(page)
    }

    /// Pages that hold nothing any more, by the list of them and by the map of all pages. What is
    /// left in them was delivered.
    fn find_free(&mut self) -> HashSet<u32> {
        let mut free = HashSet::new();
        let in_map = self.page_bytes / 5;
        let step = u32::try_from(in_map + 1).unwrap_or(u32::MAX);
        let mut map = 2_u32;
        while map <= self.count {
            if let Some(page) = self.page(map) {
                for (entry, number) in (map + 1..=self.count).take(in_map).enumerate() {
                    if page.get(entry * 5) == Some(&2) {
                        free.insert(number);
                    }
                }
            }
            let Some(next) = map.checked_add(step) else {
                break;
            };
            map = next;
        }
        let mut trunk = self.page(1).map_or(0, |header| be32(&header, 32));
        let mut trunks = 0;
        while trunk != 0 && trunks <= self.count {
            trunks += 1;
            let Some(page) = self.page(trunk) else {
                break;
            };
            let leaves = (be32(&page, 4) as usize).min(self.page_bytes / 4 - 2);
            free.insert(trunk);
            free.extend((0..leaves).map(|leaf| be32(&page, 8 + 4 * leaf)));
            trunk = be32(&page, 0);
        }
        free
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_be_bytes)
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (index, byte) in bytes.get(at..)?.iter().take(9).enumerate() {
        if index == 8 {
            return Some((number << 8 | u64::from(*byte), at + 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    None
}

/// The values of a record.
fn columns(payload: &[u8]) -> Option<Vec<Value>> {
    let (head, mut at) = varint(payload, 0)?;
    let head = usize::try_from(head).ok()?;
    let mut body = payload.get(head..)?;
    let mut values = Vec::new();
    while at < head {
        let (kind, next) = varint(payload, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let (bytes, rest) = body.split_at_checked(length)?;
        body = rest;
        values.push(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(signed(bytes)),
            7 => Value::Real(f64::from_bits(signed(bytes).cast_unsigned())),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            _ if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            // A text that is none is damaged, or bytes; a checksum tells.
            _ => match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Blob(error.into_bytes()),
            },
        });
    }
    Some(values)
}

/// A number of at most eight bytes, the highest first.
fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1_i64 } else { 0 };
    bytes.iter().fold(start, |number, byte| number << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use crate::delivery::store::sqlite::pages::columns;
    use crate::delivery::store::sqlite::pages::signed;
    use crate::delivery::store::sqlite::pages::varint;

    #[test]
    fn numbers_are_read_as_sqlite_writes_them() {
        assert_eq!(varint(&[0x7f], 0), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0x00], 0), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9], 0), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0x80], 0), None);
        assert_eq!((signed(&[0xff]), signed(&[0x01, 0x00]), signed(&[])), (-1, 256, 0));
    }

    #[test]
    fn bytes_that_are_no_record_give_no_columns_and_no_panic() {
        let mut dice = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let length = dice.usize(..40);
            let bytes: Vec<u8> = (0..length).map(|_| dice.u8(..)).collect();
            let _ = columns(&bytes);
        }
    }
}
