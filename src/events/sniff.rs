//! What a source holds, told by its first bytes and never by its name.

/// How many first bytes are looked at: a tar archive shows itself at byte 257.
pub(in crate::events) const HEAD_BYTES: usize = 512;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::events) enum Content {
    /// Text, behind that many bytes of a byte order mark.
    Text {
        mark: usize,
    },
    Gzip,
    Zip,
    /// A known format that is not read.
    Unsupported(Foreign),
    /// Not text in UTF-8.
    NotText(Foreign),
}

/// A format that is not read, in words, and what its owner can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::events) struct Foreign {
    pub(in crate::events) what: &'static str,
    pub(in crate::events) hint: &'static str,
}

const FORMATS: [(&[u8], Foreign); 17] = [
    (b"\x28\xb5\x2f\xfd", known("zstd-compressed data", "unpack it first: zstd -d FILE")),
    (b"BZh", known("bzip2-compressed data", "unpack it first: bunzip2 FILE")),
    (b"\xfd7zXZ\0", known("xz-compressed data", "unpack it first: unxz FILE")),
    (b"7z\xbc\xaf\x27\x1c", known("a 7-Zip archive", "unpack it first: 7z x FILE")),
    (b"Rar!\x1a\x07", known("a RAR archive", "unpack it first: unrar x FILE")),
    (b"\x04\x22\x4d\x18", known("lz4-compressed data", "unpack it first: lz4 -d FILE")),
    (b"\xff\x06\0\0sNaPpY", known("snappy-compressed data", "unpack it first")),
    (b"LZIP", known("lzip-compressed data", "unpack it first: lzip -d FILE")),
    (b"\x1f\x9d", known("data packed with compress", "unpack it first: uncompress FILE")),
    (b"PAR1", known("a Parquet file", TABLE_HINT)),
    (b"ARROW1", known("an Arrow file", TABLE_HINT)),
    (b"\xff\xff\xff\xff\x10\0\0\0", known("an Arrow stream", TABLE_HINT)),
    (b"ORC", known("an ORC file", TABLE_HINT)),
    (b"Obj\x01", known("an Avro file", TABLE_HINT)),
    (b"SQLite format 3\0", known("an SQLite database", "query it and pass the rows as dicts")),
    (b"%PDF-", known("a PDF document", EXPORT_HINT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", known("a Microsoft Office document", EXPORT_HINT)),
];

const TABLE_HINT: &str = "read it with pandas, Polars or DuckDB and pass the table";
const EXPORT_HINT: &str = "expected JSON lines, also packed as gzip or zip";
const ENCODING_HINT: &str = "convert it first: iconv -f UTF-16 -t UTF-8 FILE";

const fn known(what: &'static str, hint: &'static str) -> Foreign {
    Foreign { what, hint }
}

/// What `head`, the first [`HEAD_BYTES`] or all there is, belongs to.
pub(in crate::events) fn sniff(head: &[u8]) -> Content {
    if head.starts_with(b"\x1f\x8b") {
        return Content::Gzip;
    }
    // Local header, empty archive, and the mark of an archive in several parts.
    if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| head.starts_with(*magic)) {
        return Content::Zip;
    }
    if let Some((_, foreign)) = FORMATS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Content::Unsupported(*foreign);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Content::Unsupported(known("a tar archive", "unpack it first: tar -xf FILE"));
    }
    if head.starts_with(b"\xef\xbb\xbf") {
        return Content::Text { mark: 3 };
    }
    if let Some(foreign) = not_text(head) {
        return Content::NotText(foreign);
    }
    Content::Text { mark: 0 }
}

fn not_text(head: &[u8]) -> Option<Foreign> {
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        return Some(known("UTF-32 text", "convert it first: iconv -f UTF-32 -t UTF-8 FILE"));
    }
    // ASCII in 16 bits: every other byte is zero.
    let is_wide = |zeros: usize| {
        let mut first = head.iter().take(16).enumerate();
        head.len() >= 4 && first.all(|(at, byte)| (at % 2 == zeros) == (*byte == 0))
    };
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || is_wide(1) || is_wide(0) {
        return Some(known("UTF-16 text", ENCODING_HINT));
    }
    let text = head.trim_ascii_start();
    // A text that starts like JSON is read line by line, whatever is wrong with some of them.
    if matches!(text.first(), Some(b'{' | b'[')) {
        return None;
    }
    let control = head.iter().filter(|byte| **byte < b' ' && !b"\t\n\r\x0c".contains(byte)).count();
    if head.contains(&0) || control * 10 > head.len() {
        return Some(known("binary data", EXPORT_HINT));
    }
    let starts = |tag: &str| {
        text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
    };
    if ["<!doctype", "<html", "<head", "<?xml", "<error"].iter().any(|tag| starts(tag)) {
        let hint = "a download that failed may have left an error page; open it in a browser";
        return Some(known("an HTML or XML page", hint));
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::events::sniff::{Content, sniff};

    fn what(head: &[u8]) -> &'static str {
        match sniff(head) {
            Content::Text { .. } => "text",
            Content::Gzip => "gzip",
            Content::Zip => "zip",
            Content::Unsupported(foreign) | Content::NotText(foreign) => foreign.what,
        }
    }

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, expected) in [
            (&b"{\"a\":1}"[..], "text"),
            (b"", "text"),
            (b"\xef\xbb\xbf{}", "text"),
            (b"{\"a\":\"\xc3\xa4\xff\"}", "text"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"PK\x05\x06", "zip"),
            (b"\x28\xb5\x2f\xfdx", "zstd-compressed data"),
            (b"BZh91AY", "bzip2-compressed data"),
            (b"PAR1", "a Parquet file"),
            (&tar, "a tar archive"),
            (b"\xff\xfe{\0", "UTF-16 text"),
            (b"{\0\"\0a\0\"\0", "UTF-16 text"),
            (b"\0{\0\"\0a\0\"", "UTF-16 text"),
            (b"\x7fELF\x02\x01\x01\0\0", "binary data"),
            (b"<!DOCTYPE html><html>", "an HTML or XML page"),
        ] {
            assert_eq!(what(head), expected, "{head:?}");
        }
    }
}
