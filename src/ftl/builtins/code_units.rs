//! Texts counted in UTF-16 code units, as Java counts them.
//!
//! Lengths and indexes of the template language are Java's: most characters are one unit, those
//! beyond U+FFFF (emoji) are two. A cut between those two leaves half a character, which Java keeps
//! and prints as `?`; a Rust text can't hold it, so the half becomes U+FFFD, one unit as well.

use std::borrow::Cow;

/// The number of units.
#[inline]
pub fn length(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    // A unit starts at every byte but a continuation; four-byte characters have one unit more.
    text.bytes().map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(byte >= 0xF0)).sum()
}

/// The units from `start` up to and without `end`; both are cut to the length.
pub fn slice(text: &str, start: usize, end: usize) -> Cow<'_, str> {
    if text.is_ascii() {
        let end = end.min(text.len());
        return Cow::Borrowed(&text[start.min(end)..end]);
    }
    let (from, broken_start) = byte_offset(text, start);
    let (to, broken_end) = byte_offset(text, end.max(start));
    if !broken_start && !broken_end {
        return Cow::Borrowed(&text[from..to]);
    }
    if start >= end {
        return Cow::Borrowed("");
    }
    // A broken offset is that of the character it lies in.
    let mut cut = String::with_capacity(to - from + 6);
    let mut inner = from;
    if broken_start {
        cut.push(char::REPLACEMENT_CHARACTER);
        inner += 4;
    }
    cut.push_str(text.get(inner..to).unwrap_or_default());
    if broken_end {
        cut.push(char::REPLACEMENT_CHARACTER);
    }
    Cow::Owned(cut)
}

/// The byte offset of a unit, and whether the unit is the second half of a character (the offset
/// is then that of the character). Beyond the end it is the end.
pub fn byte_offset(text: &str, unit: usize) -> (usize, bool) {
    let mut passed = 0;
    for (at, c) in text.char_indices() {
        if passed >= unit {
            return (at, false);
        }
        passed += c.len_utf16();
        if passed > unit {
            return (at, true);
        }
    }
    (text.len(), false)
}

/// The unit a byte offset stands at.
pub fn unit_at(text: &str, offset: usize) -> usize {
    length(text.get(..offset).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use crate::ftl::builtins::code_units::{length, slice, unit_at};

    #[test]
    fn characters_beyond_the_first_plane_count_twice() {
        assert_eq!(length("aé漢😀"), 5);
        assert_eq!(unit_at("😀b", 4), 2);
    }

    #[test]
    fn a_cut_character_is_replaced_and_never_panics() {
        assert_eq!(slice("a😀b", 0, 2), "a\u{FFFD}");
        assert_eq!(slice("a😀b", 2, 4), "\u{FFFD}b");
        assert_eq!(slice("a😀b", 1, 3), "😀");
        assert_eq!(slice("😀", 1, 1), "");
        assert_eq!(slice("😀😀", 1, 3), "\u{FFFD}\u{FFFD}");
        for start in 0..8 {
            for end in 0..8 {
                let cut = slice("a😀é😀", start, end);
                assert_eq!(length(&cut), end.min(6).saturating_sub(start), "{start} {end}");
            }
        }
    }
}
