//! Where a JSON value ends: by its brackets and quotes alone, without reading it.
//!
//! What is wrong inside a value is the parser's business. A line break inside a text, which JSON
//! forbids, ends the text here, so that a quote too few does not swallow what follows.

use memchr::memchr3;

/// The way through one value, which may come in parts.
#[derive(Debug, Default)]
pub(in crate::events) struct Scan {
    /// The brackets that are still open, innermost last.
    open: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of the value was seen.
    #[default]
    Before,
    /// Between the texts of a list or an object.
    Inside,
    /// In a text.
    Text,
    /// In a text, behind a backslash.
    Escape,
    /// In a number or a word at the top.
    Word,
}

/// How far a part of the text brought the [`Scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::events) enum Step {
    /// The value goes on behind this part.
    More,
    /// The value ends at this offset, which is behind its last byte.
    End(usize),
    /// The bracket at this offset closes none that is open.
    Broken(usize),
}

impl Scan {
    /// Goes on through `bytes`.
    pub(in crate::events) fn advance(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Before => match bytes[at] {
                    b'"' => (self.state, at) = (State::Text, at + 1),
                    b'{' | b'[' => self.state = State::Inside,
                    // A bracket that closes nothing is a word of its own, for the parser to refuse.
                    _ => (self.state, at) = (State::Word, at + 1),
                },
                State::Inside => {
                    let Some(next) =
                        bytes[at..].iter().position(|byte| IS_STRUCTURE[usize::from(*byte)])
                    else {
                        return Step::More;
                    };
                    at += next + 1;
                    match bytes[at - 1] {
                        b'"' => self.state = State::Text,
                        opening @ (b'{' | b'[') => self.open.push(opening),
                        closing => {
                            // `{` and `}`, `[` and `]` are two apart in ASCII.
                            if self.open.pop() != Some(closing - 2) {
                                return Step::Broken(at - 1);
                            }
                            if self.open.is_empty() {
                                return Step::End(at);
                            }
                        }
                    }
                }
                State::Text => {
                    let Some(next) = memchr3(b'"', b'\\', b'\n', &bytes[at..]) else {
                        return Step::More;
                    };
                    at += next + 1;
                    if bytes[at - 1] == b'\\' {
                        self.state = State::Escape;
                    } else if self.open.is_empty() {
                        return Step::End(at);
                    } else {
                        self.state = State::Inside;
                    }
                }
                State::Escape => (self.state, at) = (State::Text, at + 1),
                State::Word => match bytes[at] {
                    b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | b'{' | b'}' | b'"' => {
                        return Step::End(at);
                    }
                    _ => at += 1,
                },
            }
        }
        Step::More
    }

    /// Whether the text seen so far may be a whole value, when nothing follows.
    pub(in crate::events) fn may_end(&self) -> bool {
        self.state == State::Word
    }

    /// Whether the text seen so far ends inside a text.
    pub(in crate::events) fn is_in_text(&self) -> bool {
        matches!(self.state, State::Text | State::Escape)
    }

    /// The innermost open bracket.
    pub(in crate::events) fn innermost(&self) -> Option<u8> {
        self.open.last().copied()
    }
}

/// The bytes that mean something between texts.
static IS_STRUCTURE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use crate::events::scan::{Scan, Step};

    #[test]
    fn a_value_ends_where_its_brackets_are_closed() {
        for (text, end) in [
            (r#"{"a":"}\"","b":[1,{}]} x"#, Step::End(22)),
            ("[[],[]]", Step::End(7)),
            (r#""a b",1"#, Step::End(5)),
            ("12.5e3,1", Step::End(6)),
            ("{\"a\":1", Step::More),
            ("{\"a\":[1}", Step::Broken(7)),
            ("{\"a\":\"x\n,\"b\":1}", Step::End(15)),
        ] {
            assert_eq!(Scan::default().advance(text.as_bytes()), end, "{text}");
            // In parts of one byte it ends in the same place.
            let mut scan = Scan::default();
            let stop =
                text.bytes().enumerate().find_map(|(at, byte)| match scan.advance(&[byte]) {
                    Step::More => None,
                    Step::End(end) => Some(Step::End(at + end)),
                    Step::Broken(wrong) => Some(Step::Broken(at + wrong)),
                });
            assert_eq!(stop.unwrap_or(Step::More), end, "{text} in parts");
        }
    }
}
