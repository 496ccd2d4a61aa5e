//! Places between the two halves of a character beyond U+FFFF.
//!
//! Java's texts are made of UTF-16 code units, and its patterns are looked for at every one of them:
//! nothing (`x*`) is also found between the halves of an emoji. Such a place is written as the byte
//! in the middle of the character, where no character starts. A part of a text that begins or ends
//! there has U+FFFD for the half.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes from the start of a character beyond U+FFFF to its middle, and from there to its end.
const HALF: usize = 2;
/// How many bytes two times U+FFFD have more than such a character.
const LONGER: usize = 2 * char::REPLACEMENT_CHARACTER.len_utf8() - 2 * HALF;

/// A part of a text between places that may be such.
pub(in crate::ftl::builtins) fn part(text: &str, place: Range<usize>) -> Cow<'_, str> {
    let Range { start, end } = place;
    if let Some(part) = text.get(start..end) {
        return Cow::Borrowed(part);
    }
    if start == end {
        return Cow::Borrowed("");
    }
    let (starts_inside, ends_inside) = (!text.is_char_boundary(start), !text.is_char_boundary(end));
    let inner = if starts_inside { start + HALF } else { start };
    let inner_end = if ends_inside { end - HALF } else { end };
    let mut part = String::with_capacity(end - start + 2 * LONGER);
    part.extend(starts_inside.then_some(char::REPLACEMENT_CHARACTER));
    part.push_str(text.get(inner..inner_end).unwrap_or_default());
    part.extend(ends_inside.then_some(char::REPLACEMENT_CHARACTER));
    Cow::Owned(part)
}

/// The place behind the code unit at `at`; beyond the end there is one more place.
pub(in crate::ftl::builtins) fn next_unit(text: &str, at: usize) -> usize {
    match text.get(at..).map(|rest| rest.chars().next()) {
        Some(None) => at + 1,
        Some(Some(c)) if c.len_utf16() == 1 => at + c.len_utf8(),
        _ => at + HALF,
    }
}

/// Where the first character starts at `at` or behind it.
pub(super) fn next_boundary(text: &str, at: usize) -> usize {
    if at < text.len() && !text.is_char_boundary(at) { at + HALF } else { at }
}

/// The middle of the first character of two halves that starts from `from` up to `end`.
pub(super) fn first_middle(text: &str, from: usize, end: usize) -> Option<usize> {
    let bytes = text.as_bytes().get(from..end)?;
    bytes.iter().position(|byte| *byte >= 0xF0).map(|at| from + at + HALF)
}

/// The text with two halves in place of the character that has its middle there, and the middle.
pub(super) fn with_halves(text: &str, middle: usize) -> (String, usize) {
    let halves = [char::REPLACEMENT_CHARACTER; 2].iter().collect::<String>();
    let before = text.get(..middle - HALF).unwrap_or_default();
    let behind = text.get(middle + HALF..).unwrap_or_default();
    ([before, &halves, behind].concat(), middle + LONGER / 2)
}

/// A place of that text as one of the text itself.
pub(super) fn without_halves(place: usize, middle: usize) -> usize {
    match place.cmp(&(middle + LONGER / 2)) {
        std::cmp::Ordering::Less => place,
        std::cmp::Ordering::Equal => middle,
        std::cmp::Ordering::Greater => place - LONGER,
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::builtins::regexp::halves::*;

    #[test]
    fn places_inside_a_character_are_found_and_cut_at() {
        let text = "a😀b";
        assert_eq!([0, 1, 3, 5, 6].map(|at| next_unit(text, at)), [1, 3, 5, 6, 7]);
        assert_eq!(first_middle(text, 0, 6), Some(3));
        assert_eq!(first_middle(text, 5, 6), None);
        assert_eq!(part(text, 0..3), "a\u{FFFD}");
        assert_eq!(part(text, 3..6), "\u{FFFD}b");
        assert_eq!(part(text, 3..3), "");
        assert_eq!(part(text, 1..5), "😀");
        let (halves, middle) = with_halves(text, 3);
        assert_eq!((halves.as_str(), middle), ("a\u{FFFD}\u{FFFD}b", 4));
        assert_eq!([0, 1, 4, 7, 8].map(|at| without_halves(at, 3)), [0, 1, 3, 5, 6]);
    }
}
