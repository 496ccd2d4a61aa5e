//! Text to text inside another language: markup, scripts, addresses.
//!
//! Pure functions. All of them look for the first byte that matters and give the text itself back
//! when there is none.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::ftl::settings::OutputFormat;

/// The language of a string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `?json_string`: `'` is plain, hex is `\u00XX`.
    Json,
    /// `?js_string`: `'` is escaped, hex is `\xXX`.
    JavaScript,
    /// What both of them read.
    Both,
}

/// Escapes a text for a string literal. The result is safe in `<script>` and in HTML comments too.
///
/// With `quoted` the quotes `"` are added, and what follows them is known; without, anything may
/// stand before and behind.
pub fn script(text: &str, script: Script, quoted: bool) -> Cow<'_, str> {
    if !quoted && !has_escape(text.as_bytes(), script) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    write_script(text, script, quoted, &mut out);
    Cow::Owned(out)
}

/// Writes what [`script`] gives.
pub fn write_script(text: &str, script: Script, quoted: bool, out: &mut String) {
    let bytes = text.as_bytes();
    if !quoted && is_plain(bytes) {
        out.push_str(text);
        return;
    }
    if quoted {
        out.push('"');
    }
    let (mut plain, mut at) = (0, 0);
    loop {
        let start = at + plain_length(&bytes[at..]);
        if start == bytes.len() {
            break;
        }
        at = start + 1;
        let Some((escape, length)) = script_escape(bytes, start, script, quoted) else { continue };
        out.push_str(&text[plain..start]);
        out.push('\\');
        match escape {
            Escape::As(letter) => out.push(letter),
            Escape::Hex(code) if script == Script::JavaScript && code < 0x100 => {
                let _ = write!(out, "x{code:02X}");
            }
            Escape::Hex(code) => {
                let _ = write!(out, "u{code:04X}");
            }
        }
        plain = start + length;
        at = plain;
    }
    out.push_str(&text[plain..]);
    if quoted {
        out.push('"');
    }
}

/// Whether something in a text is escaped without quotes around it.
fn has_escape(bytes: &[u8], script: Script) -> bool {
    let matters = |byte: &u8| SCRIPT[usize::from(*byte)];
    let candidates = bytes.iter().enumerate().filter(|(_, byte)| matters(byte));
    !is_plain(bytes)
        && candidates.into_iter().any(|(at, _)| script_escape(bytes, at, script, false).is_some())
}

/// Whether nothing in a text needs an escape in a script, sixteen bytes at a time.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, the compiler compares all sixteen bytes at once"
)]
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let plain = |chunk: &[u8; 16]| {
        !chunk.iter().fold(false, |found, byte| {
            found
                | (*byte < b' ')
                | (*byte == b'"')
                | (*byte == b'\'')
                | (*byte == b'\\')
                | (*byte == b'/')
                | (*byte == b'<')
                | (*byte == b'>')
                | (*byte == 0x7f)
                | (*byte == 0xC2)
                | (*byte == 0xE2)
        })
    };
    if let Some(last) = bytes.last_chunk::<16>() {
        return plain(last) && bytes.as_chunks::<16>().0.iter().all(plain);
    }
    let mut chunk = [b'a'; 16];
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        chunk[..8].copy_from_slice(first);
        chunk[8..].copy_from_slice(last);
        return plain(&chunk);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        chunk[..4].copy_from_slice(first);
        chunk[4..8].copy_from_slice(last);
        return plain(&chunk);
    }
    bytes.iter().all(|byte| !SCRIPT[usize::from(*byte)])
}

/// The number of bytes at the start that need no escape in a script.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| SCRIPT[usize::from(*byte)]).unwrap_or(bytes.len())
}

enum Escape {
    /// A backslash and this.
    As(char),
    /// The character's code.
    Hex(u32),
}

/// Bytes that may need an escape in a script.
const SCRIPT: [bool; 256] = {
    let mut table = bytes_of(b"\"'\\/<>\x7f\xC2\xE2");
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table
};

/// How the character at a byte is escaped, and its length in bytes; `None`: it is plain here.
fn script_escape(bytes: &[u8], at: usize, script: Script, quoted: bool) -> Option<(Escape, usize)> {
    let before = |back: usize| at.checked_sub(back).map(|at| bytes[at]);
    let escape = match bytes[at] {
        b'\n' => Escape::As('n'),
        b'\r' => Escape::As('r'),
        b'\x0c' => Escape::As('f'),
        b'\x08' => Escape::As('b'),
        b'\t' => Escape::As('t'),
        byte @ (0..=0x1f | 0x7f) => Escape::Hex(u32::from(byte)),
        b'"' => Escape::As('"'),
        b'\\' => Escape::As('\\'),
        b'\'' => match script {
            Script::JavaScript if !quoted => Escape::As('\''),
            Script::Both if !quoted => Escape::Hex(u32::from(b'\'')),
            _ => return None,
        },
        // Against `</script>`.
        b'/' => match before(1) {
            Some(b'<') => Escape::As('/'),
            None if !quoted => Escape::As('/'),
            _ => return None,
        },
        // Against `]]>` and `-->`.
        b'>' => {
            let dangerous = match before(1) {
                None => !quoted,
                Some(last @ (b']' | b'-')) => before(2).map_or(!quoted, |byte| byte == last),
                Some(_) => false,
            };
            match script {
                _ if !dangerous => return None,
                Script::JavaScript => Escape::As('>'),
                _ => Escape::Hex(u32::from(b'>')),
            }
        }
        // Against `<!--` and `<?`.
        b'<' => match bytes.get(at + 1) {
            Some(b'!' | b'?') => Escape::Hex(u32::from(b'<')),
            None if !quoted => Escape::Hex(u32::from(b'<')),
            _ => return None,
        },
        0xC2 => match bytes.get(at + 1) {
            Some(byte @ 0x80..=0x9F) => return Some((Escape::Hex(u32::from(*byte)), 2)),
            _ => return None,
        },
        _ => match bytes.get(at + 1..at + 3) {
            Some([0x80, 0xA8]) => return Some((Escape::Hex(0x2028), 3)),
            Some([0x80, 0xA9]) => return Some((Escape::Hex(0x2029), 3)),
            _ => return None,
        },
    };
    Some((escape, 1))
}

/// Escapes a text for a Java string literal; with `quoted` the quotes are added.
pub fn java(text: &str, quoted: bool) -> Cow<'_, str> {
    let escaped = replaced(text, &JAVA, |byte, out| match byte {
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        b'\x0c' => out.push_str("\\f"),
        b'\x08' => out.push_str("\\b"),
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        _ => {
            let _ = write!(out, "\\u{byte:04x}");
        }
    });
    if quoted { Cow::Owned(format!("\"{escaped}\"")) } else { escaped }
}

const JAVA: [bool; 256] = {
    let mut table = bytes_of(b"\"\\");
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table
};

/// Escapes a text for HTML and XHTML.
pub fn html(text: &str) -> Cow<'_, str> {
    replaced(text, &MARKUP, |byte, out| out.push_str(entity(byte, "&#39;")))
}

/// Escapes a text for HTML as before version 2.3.20: `'` stays.
pub fn html_with_apostrophes(text: &str) -> Cow<'_, str> {
    const QUOTED_MARKUP: [bool; 256] = bytes_of(b"<>&\"");
    replaced(text, &QUOTED_MARKUP, |byte, out| out.push_str(entity(byte, "'")))
}

/// Escapes a text for XML.
pub fn xml(text: &str) -> Cow<'_, str> {
    replaced(text, &MARKUP, |byte, out| out.push_str(entity(byte, "&apos;")))
}

const MARKUP: [bool; 256] = bytes_of(b"<>&\"'");

fn entity(byte: u8, apostrophe: &'static str) -> &'static str {
    match byte {
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'&' => "&amp;",
        b'"' => "&quot;",
        _ => apostrophe,
    }
}

/// Escapes a text for RTF.
pub fn rtf(text: &str) -> Cow<'_, str> {
    const RTF: [bool; 256] = bytes_of(b"\\{}");
    replaced(text, &RTF, |byte, out| {
        out.push('\\');
        out.push(char::from(byte));
    })
}

/// Escapes a text for an output format; formats without escaping leave it as it is.
pub fn for_format<'t>(text: &'t str, format: &OutputFormat) -> Cow<'t, str> {
    match format {
        OutputFormat::Html | OutputFormat::Xhtml => html(text),
        OutputFormat::Xml => xml(text),
        OutputFormat::Rtf => rtf(text),
        OutputFormat::Combined(both) => {
            let inner = for_format(text, &both.inner);
            Cow::Owned(for_format(&inner, &both.outer).into_owned())
        }
        OutputFormat::Undefined
        | OutputFormat::PlainText
        | OutputFormat::Json
        | OutputFormat::JavaScript
        | OutputFormat::Css => Cow::Borrowed(text),
    }
}

/// Escapes a text for a part of an address, in a charset; `None` when there is something to escape
/// and the charset is not known.
pub fn url<'t>(text: &'t str, charset: &str, keep_slash: bool) -> Option<Cow<'t, str>> {
    let safe = |byte: &u8| {
        matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'!' | b'~')
            || (b'\''..=b'*').contains(byte)
            || keep_slash && *byte == b'/'
    };
    if text.bytes().all(|byte| safe(&byte)) {
        return Some(Cow::Borrowed(text));
    }
    let charset = Charset::of(charset)?;
    let mut rest = text;
    let mut out = String::new();
    while let Some(start) = rest.bytes().position(|byte| !safe(&byte)) {
        let end = rest[start..].bytes().position(|byte| safe(&byte));
        let (unsafe_part, behind) = rest[start..].split_at(end.unwrap_or(rest.len() - start));
        out.push_str(&rest[..start]);
        // Runs are encoded one by one: with UTF-16 each has a byte order mark of its own.
        charset.encode(unsafe_part, |byte| {
            let _ = write!(out, "%{byte:02X}");
        });
        rest = behind;
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The charsets `url` knows, for messages.
pub const CHARSETS: &str = "`UTF-8`, `ISO-8859-1`, `US-ASCII`, `UTF-16`, `UTF-16BE` or `UTF-16LE`";

#[derive(Clone, Copy, Debug)]
enum Charset {
    Utf8,
    /// With the greatest character it has.
    Single(char),
    Utf16 {
        mark: bool,
        big_endian: bool,
    },
}

impl Charset {
    /// By Java's names, which ignore case.
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Self::Utf8,
            "iso-8859-1" | "iso8859-1" | "iso8859_1" | "iso_8859-1" | "iso_8859_1" | "latin1"
            | "l1" | "8859_1" | "ibm819" | "cp819" | "csisolatin1" => Self::Single('\u{ff}'),
            "us-ascii" | "ascii" | "ascii7" | "iso646-us" | "cp367" | "us" | "646" => {
                Self::Single('\u{7f}')
            }
            "utf-16" | "utf16" | "utf_16" | "unicode" | "unicodebig" => {
                Self::Utf16 { mark: true, big_endian: true }
            }
            "utf-16be" | "utf_16be" | "unicodebigunmarked" | "x-utf-16be" => {
                Self::Utf16 { mark: false, big_endian: true }
            }
            "utf-16le" | "utf_16le" | "unicodelittleunmarked" | "x-utf-16le" => {
                Self::Utf16 { mark: false, big_endian: false }
            }
            _ => return None,
        })
    }

    /// Gives the bytes of a text; what the charset doesn't have becomes `?`.
    fn encode(self, text: &str, mut push: impl FnMut(u8)) {
        match self {
            Self::Utf8 => text.bytes().for_each(push),
            Self::Single(last) => {
                let known = |c: &char| *c <= last;
                text.chars().for_each(|c| {
                    push(Some(c).filter(known).and_then(|c| u8::try_from(c).ok()).unwrap_or(b'?'));
                });
            }
            Self::Utf16 { mark, big_endian } => {
                let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
                units.for_each(|unit| {
                    let bytes = if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
                    bytes.into_iter().for_each(&mut push);
                });
            }
        }
    }
}

const fn bytes_of(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// The text with every byte of the table, which are all ASCII, replaced.
fn replaced<'t>(
    text: &'t str,
    table: &[bool; 256],
    replace: impl Fn(u8, &mut String),
) -> Cow<'t, str> {
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.bytes().position(|byte| table[usize::from(byte)]) {
        if out.is_empty() {
            out.reserve(text.len() + 16);
        }
        out.push_str(&rest[..at]);
        replace(rest.as_bytes()[at], &mut out);
        rest = &rest[at + 1..];
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}
