//! Patterns such as `/org/*/chart/**`.
//!
//! `*` is any text without `/`, `**` any text, `?` one character but `/`, `[0-9]` one of these
//! characters, `[!a-z]` one that is none of these, and `\` makes the next character plain. All ways
//! through the pattern are followed at once, so no text and no pattern makes it slow.

use smallvec::SmallVec;

/// No pattern of sense is longer; it bounds the work for one character of text.
const MAX_PARTS: usize = 1024;

/// A pattern, ready to be matched.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::filter) struct Glob {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Character(char),
    /// `?`
    AnyCharacter,
    /// `[…]`: ranges, ends included.
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
    /// `*`, which does not match `/`, or `**`, which does.
    Star {
        slashes: bool,
    },
}

/// Which places in the pattern can be reached, as bits.
type Places = SmallVec<[u64; 4]>;

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in crate::filter) fn parse(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = pattern.chars();
        while let Some(character) = rest.next() {
            parts.push(match character {
                '*' => {
                    let slashes = rest.as_str().starts_with('*');
                    while rest.as_str().starts_with('*') {
                        rest.next();
                    }
                    Part::Star { slashes }
                }
                '?' => Part::AnyCharacter,
                '[' => {
                    let (class, behind) = class(rest.as_str())?;
                    rest = behind.chars();
                    class
                }
                '\\' => Part::Character(rest.next().ok_or("expected a character behind `\\`")?),
                plain => Part::Character(plain),
            });
        }
        if parts.len() > MAX_PARTS {
            return Err(format!("the pattern is longer than {MAX_PARTS} characters"));
        }
        Ok(Self { parts })
    }

    /// Whether the whole of `text` fits the pattern.
    pub(in crate::filter) fn matches(&self, text: &str) -> bool {
        let words = self.parts.len() / 64 + 1;
        let mut places: Places = SmallVec::from_elem(0, words);
        self.reach(&mut places, 0);
        for character in text.chars() {
            let mut next: Places = SmallVec::from_elem(0, words);
            let mut any = false;
            for (word, bits) in places.iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    let at = word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if let Some(place) = self.step(at, character) {
                        self.reach(&mut next, place);
                        any = true;
                    }
                }
            }
            if !any {
                return false;
            }
            places = next;
        }
        let end = self.parts.len();
        places[end / 64] & (1 << (end % 64)) != 0
    }

    /// Marks a place, and those behind it that a star leads to with no text at all.
    fn reach(&self, places: &mut Places, mut at: usize) {
        loop {
            places[at / 64] |= 1 << (at % 64);
            if !matches!(self.parts.get(at), Some(Part::Star { .. })) {
                return;
            }
            at += 1;
        }
    }

    /// The place behind `character`, from the place `at`.
    fn step(&self, at: usize, character: char) -> Option<usize> {
        match self.parts.get(at)? {
            Part::Character(expected) => (*expected == character).then_some(at + 1),
            Part::AnyCharacter => (character != '/').then_some(at + 1),
            Part::Class { ranges, negated } => {
                let within =
                    ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                (within != *negated).then_some(at + 1)
            }
            Part::Star { slashes } => (*slashes || character != '/').then_some(at),
        }
    }
}

/// A class behind its `[`, and what follows its `]`.
fn class(inside: &str) -> Result<(Part, &str), String> {
    let (negated, mut rest) = match inside.strip_prefix(['!', '^']) {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut ranges = Vec::new();
    loop {
        let mut characters = rest.chars();
        let first = characters.next().ok_or_else(|| format!("expected `]` behind `[{inside}`"))?;
        // A bracket at the start is one of the characters.
        if first == ']' && !ranges.is_empty() {
            return Ok((Part::Class { ranges, negated }, characters.as_str()));
        }
        rest = characters.as_str();
        let mut last = first;
        if let Some(behind) = rest.strip_prefix('-')
            && let Some(end) = behind.chars().next().filter(|end| *end != ']')
        {
            last = end;
            rest = &behind[end.len_utf8()..];
            if first > last {
                return Err(format!("the range `{first}-{last}` is empty"));
            }
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::glob::Glob;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern).is_ok_and(|glob| glob.matches(text))
    }

    #[test]
    fn stars_classes_and_plain_characters_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "abc", true),
            ("*", "a/c", false),
            ("**", "a/b/c", true),
            ("***", "a/b", true),
            ("/org/*/chart/*", "/org/7/chart/x", true),
            ("/org/*/chart/*", "/org/7/8/chart/x", false),
            ("/org/**/x", "/org/7/8/chart/x", true),
            ("**blog**", "www.example.com/blogs/7", true),
            ("*[0-9]", "item 7", true),
            ("*[0-9]", "item x", false),
            ("[!a-z]*", "7up", true),
            ("[!a-z]*", "up", false),
            ("[^a-z]*", "Up", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("?", "é", true),
            ("?", "/", false),
            ("a?c", "abc", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("ABC", "abc", false),
            ("a*b*c", "aXXbYYbc", true),
            ("a*b*c", "aXXbYYbcd", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_says_why() {
        assert_eq!(Glob::parse("x[ab").err().as_deref(), Some("expected `]` behind `[ab`"));
        assert_eq!(Glob::parse("[z-a]").err().as_deref(), Some("the range `z-a` is empty"));
        assert_eq!(Glob::parse("\\").err().as_deref(), Some("expected a character behind `\\`"));
        assert!(Glob::parse(&"a".repeat(2000)).is_err());
    }

    #[test]
    fn many_stars_do_not_multiply_the_work() {
        let pattern = format!("{}b", "a**".repeat(100));
        assert!(!matches(&pattern, &"a".repeat(2000)));
        assert!(matches(&pattern, &format!("{}b", "a".repeat(2000))));
    }
}
