//! A delivery as a row: what is compressed, and the checksum that tells what was damaged.

use std::cell::RefCell;
use std::sync::Arc;

use lz4_flex::block::CompressTable;
use lz4_flex::block::compress_into_with_table;
use rusqlite::ToSql;
use rusqlite::types::ValueRef;
use xxhash_rust::xxh3::Xxh3;

use crate::delivery::store::Delivery;
use crate::delivery::store::sqlite::target::TargetRow;

/// Payload and event below this many bytes together are stored as they are, so that they can be
/// read with any tool; above it, reading is worth less than the disk's time.
const PLAIN_BYTES: usize = 1024;

/// A delivery, ready to be written. Made on the caller's thread.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) target: Arc<TargetRow>,
    /// Payload and event together, compressed; `None`: they are stored as they are.
    pub(crate) packed: Option<Vec<u8>>,
    pub(crate) checksum: i64,
}

impl Row {
    pub(crate) fn new(delivery: Arc<Delivery>, target: Arc<TargetRow>) -> Self {
        let event = delivery.event.as_deref();
        let checksum = checksum(&Signed {
            id: delivery.id,
            key: delivery.key.as_bytes(),
            webhook_id: delivery.request.id.as_bytes(),
            target: target.id,
            body: &delivery.request.body,
            event: event.map(str::as_bytes),
        });
        let packed = pack(&delivery.request.body, event);
        Self { delivery, target, packed, checksum }
    }
}

/// What a checksum is of.
pub(crate) struct Signed<'a> {
    pub(crate) id: u64,
    pub(crate) key: &'a [u8],
    pub(crate) webhook_id: &'a [u8],
    pub(crate) target: i64,
    pub(crate) body: &'a [u8],
    pub(crate) event: Option<&'a [u8]>,
}

/// The checksum of all that decides what is sent, and where to.
pub(crate) fn checksum(row: &Signed<'_>) -> i64 {
    let mut hash = Xxh3::new();
    let lengths = [
        row.id,
        row.target.cast_unsigned(),
        row.key.len() as u64,
        row.webhook_id.len() as u64,
        row.body.len() as u64,
        row.event.map_or(u64::MAX, |event| event.len() as u64),
    ];
    for length in lengths {
        hash.update(&length.to_le_bytes());
    }
    hash.update(row.key);
    hash.update(row.webhook_id);
    hash.update(row.body);
    hash.update(row.event.unwrap_or_default());
    hash.digest().cast_signed()
}

/// The columns of a row, as they are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) id: u64,
    pub(crate) target: Option<i64>,
    pub(crate) checksum: Option<i64>,
    pub(crate) packed: bool,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) webhook_id: Option<&'a [u8]>,
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) event: Option<&'a [u8]>,
}

/// A payload and its event, each if it was kept.
pub(crate) type Texts = (Option<Vec<u8>>, Option<Vec<u8>>);

impl Stored<'_> {
    /// Payload and event; `None` when anything that decides what is sent is damaged.
    pub(crate) fn open(&self) -> Option<Texts> {
        let (body, event) = if self.packed {
            let (body, event) = unpack(self.payload?)?;
            (Some(body), event)
        } else {
            (self.payload.map(<[u8]>::to_vec), self.event.map(<[u8]>::to_vec))
        };
        let found = checksum(&Signed {
            id: self.id,
            key: self.key?,
            webhook_id: self.webhook_id.unwrap_or_default(),
            target: self.target.unwrap_or_default(),
            body: body.as_deref().unwrap_or_default(),
            event: event.as_deref(),
        });
        (Some(found) == self.checksum).then_some((body, event))
    }
}

/// A value that is bound without being copied.
pub(crate) struct Raw<'a>(pub(crate) ValueRef<'a>);

impl ToSql for Raw<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.0))
    }
}

/// As text, so that people can read it, unless it is none.
pub(crate) fn text_or_blob(bytes: &[u8]) -> ValueRef<'_> {
    // SQL functions end a text at a NUL.
    match std::str::from_utf8(bytes) {
        Ok(_) if !bytes.contains(&0) => ValueRef::Text(bytes),
        _ => ValueRef::Blob(bytes),
    }
}

pub(crate) fn optional_text(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| text_or_blob(text.as_bytes()))
}

/// Payload and event in one block, because an event's texts come again in its payload: the
/// payload's length, whether there is an event, then both compressed. `None` when it is not worth it.
fn pack(body: &[u8], event: Option<&str>) -> Option<Vec<u8>> {
    let event_bytes = event.map_or(0, str::len);
    let all = body.len() + event_bytes;
    if all < PLAIN_BYTES {
        return None;
    }
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    head[4..8].copy_from_slice(&u32::try_from(all).ok()?.to_le_bytes());
    head[8] = u8::from(event.is_some());
    let mut packed = vec![0; HEAD + lz4_flex::block::get_maximum_output_size(all)];
    packed[..HEAD].copy_from_slice(&head);
    let compress = |input: &[u8], output: &mut [u8]| {
        TABLE.with_borrow_mut(|table| compress_into_with_table(input, output, table).ok())
    };
    let length = match event {
        None => compress(body, &mut packed[HEAD..])?,
        Some(event) => {
            let mut joined = Vec::with_capacity(all);
            joined.extend_from_slice(body);
            joined.extend_from_slice(event.as_bytes());
            compress(&joined, &mut packed[HEAD..])?
        }
    };
    packed.truncate(HEAD + length);
    (packed.len() < all).then_some(packed)
}

thread_local! {
    /// Made once for each thread, because making it costs as much as a short block.
    static TABLE: RefCell<CompressTable> = RefCell::new(CompressTable::default());
}

/// Bytes before the compressed block.
const HEAD: usize = 9;

/// The largest block that is unpacked: a damaged length must not ask for all memory.
const MAX_UNPACKED: usize = 1 << 30;

/// Payload and event out of a packed block; `None` when it is damaged.
fn unpack(packed: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let (head, block) = packed.split_at_checked(HEAD)?;
    let number = |at: usize| -> Option<usize> {
        usize::try_from(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?)).ok()
    };
    let (body_bytes, all) = (number(0)?, number(4)?);
    // One byte of LZ4 stands for at most 255.
    if body_bytes > all || all > MAX_UNPACKED || all > block.len().saturating_mul(256) {
        return None;
    }
    let mut body = lz4_flex::block::decompress(block, all).ok()?;
    if body.len() != all {
        return None;
    }
    let event = body.split_off(body_bytes);
    match head[8] {
        0 => event.is_empty().then_some((body, None)),
        1 => Some((body, Some(event))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::delivery::store::sqlite::row::pack;
    use crate::delivery::store::sqlite::row::unpack;

    #[test]
    fn long_payloads_are_packed_with_their_events_and_come_back() {
        let body = "{\"name\": \"Ada\"}".repeat(80);
        for event in [None, Some(""), Some(body.as_str()), Some("other")] {
            let packed = pack(body.as_bytes(), event).unwrap_or_default();
            assert!(packed.len() < body.len() / 4, "{}", packed.len());
            let event = event.map(|event| event.as_bytes().to_vec());
            assert_eq!(unpack(&packed), Some((body.clone().into_bytes(), event)));
        }
        assert_eq!(pack(b"short", Some("short")), None);
    }

    #[test]
    fn a_damaged_block_is_no_block_and_never_a_panic() {
        let packed = pack("0123456789".repeat(200).as_bytes(), Some("e")).unwrap_or_default();
        for cut in 0..packed.len() {
            assert_eq!(unpack(&packed[..cut]), None, "{cut}");
        }
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0xff;
            let _ = unpack(&damaged);
        }
    }
}
