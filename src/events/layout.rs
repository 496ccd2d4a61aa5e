//! How a text is laid out: an event a line, or values that may span lines.

use memchr::memchr;

use crate::events::scan::{Scan, Step};

/// How a text falls into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::events) enum Layout {
    /// One a line.
    Lines,
    /// An array of them, or one behind the other.
    Values,
}

/// How the text that starts with `head` is laid out; `None` when more must be seen.
///
/// Lines are the rule, also where the first one is damaged. A text that starts with `[` is an array
/// of events, and a first line that breaks off where a printer of JSON breaks lines, or holds two
/// values, starts a text of values.
pub(in crate::events) fn layout_of(head: &[u8]) -> Option<Layout> {
    let text = head.trim_ascii_start();
    match text.first()? {
        b'[' => return Some(Layout::Values),
        b'{' => {}
        _ => return Some(Layout::Lines),
    }
    let line = memchr(b'\n', text).map(|length| &text[..length]);
    let mut scan = Scan::default();
    match scan.advance(line.unwrap_or(text)) {
        Step::Broken(_) => Some(Layout::Lines),
        Step::End(end) => match line.unwrap_or(text)[end..].trim_ascii_start().first() {
            Some(b'{' | b'[') => Some(Layout::Values),
            Some(_) => Some(Layout::Lines),
            None => line.map(|_| Layout::Lines),
        },
        Step::More => {
            let line = line?;
            if scan.is_in_text() {
                return Some(Layout::Lines);
            }
            let next = *text[line.len()..].trim_ascii_start().first()?;
            let last = line.trim_ascii_end().last().copied().unwrap_or_default();
            let starts_anew = match (last, scan.innermost()) {
                // Behind these an object's next line starts with a key.
                (b',' | b'{', Some(b'{')) => next == b'{',
                (b',' | b'[', _) => false,
                _ => next == b'{',
            };
            if starts_anew { Some(Layout::Lines) } else { Some(Layout::Values) }
        }
    }
}
