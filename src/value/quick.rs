//! JSON text to a table of entries, in one pass.
//!
//! Takes everything that is plainly JSON. Of a mistake, a repeated key, half a surrogate pair or
//! deep nesting it says nothing: the thorough parser reads such a text again and knows what to say.

use crate::value::document::Buffers;
use crate::value::document::Document;
use crate::value::document::Entry;
use crate::value::document::Kind;
use crate::value::document::hash_key;
use crate::value::document::pair;

/// The depth up to which the thorough parser reads, too.
const MAX_DEPTH: u16 = 127;
/// So many digits fit into 64 bits whatever they are.
const MAX_DIGITS: usize = 18;

/// Reads one JSON value; gives the memory back when the text is left to the thorough parser.
pub(in crate::value) fn read(text: &str, buffers: Buffers) -> Result<Document<'_>, Buffers> {
    let Buffers { mut entries, mut own } = buffers;
    entries.clear();
    own.clear();
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0, entries, own };
    let read = reader.value(0).and_then(|()| reader.end());
    let Reader { entries, own, .. } = reader;
    match read {
        Some(()) => Ok(Document { text, own, entries }),
        None => Err(Buffers { entries, own }),
    }
}

/// The entry of a decimal that fits into 64 bits, from its spelling.
pub(in crate::value) fn short_decimal(spelling: &str) -> Option<Entry> {
    let (bytes, entries, own) = (spelling.as_bytes(), Vec::new(), String::new());
    let mut reader = Reader { bytes, text: spelling, at: 0, entries, own };
    reader.number(0)?;
    reader.entries.pop().filter(|entry| entry.kind == Kind::Small)
}

/// Every method gives `None` where it gives up.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    entries: Vec<Entry>,
    own: String,
}

impl Reader<'_> {
    fn push(&mut self, kind: Kind, depth: u16, payload: u64) {
        self.entries.push(Entry { kind, scale: 0, depth, hash: 0, payload });
    }

    /// The next byte that is no white space; it is not stepped over.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }

    fn value(&mut self, depth: u16) -> Option<()> {
        match self.next()? {
            b'"' => {
                let (kind, payload) = self.string()?;
                self.push(kind, depth, payload);
            }
            b'{' => return self.object(depth),
            b'[' => return self.list(depth),
            b'n' => self.word("null", Kind::Null, depth)?,
            b't' => self.word("true", Kind::True, depth)?,
            b'f' => self.word("false", Kind::False, depth)?,
            b'-' | b'0'..=b'9' => return self.number(depth),
            _ => return None,
        }
        Some(())
    }

    #[inline]
    fn word(&mut self, word: &str, kind: Kind, depth: u16) -> Option<()> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end)? != word.as_bytes() {
            return None;
        }
        self.at = end;
        self.push(kind, depth, 0);
        Some(())
    }

    fn list(&mut self, depth: u16) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let open = self.entries.len();
        self.push(Kind::List, depth, 0);
        self.at += 1;
        let mut count = 0;
        if self.next()? == b']' {
            self.at += 1;
        } else {
            loop {
                self.value(depth + 1)?;
                count += 1;
                if self.is_behind_last(b']')? {
                    break;
                }
            }
        }
        self.entries[open].payload = pair(count, self.entries.len());
        Some(())
    }

    fn object(&mut self, depth: u16) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let open = self.entries.len();
        self.push(Kind::Object, depth, 0);
        self.at += 1;
        let mut count = 0;
        // Which hashes occurred, roughly.
        let mut seen = [0_u64; 8];
        if self.next()? == b'}' {
            self.at += 1;
        } else {
            loop {
                if self.next()? != b'"' {
                    return None;
                }
                let key = self.entries.len();
                let hash = self.key(depth + 1)?;
                let (word, bit) = (hash as usize >> 29, 1_u64 << (hash >> 1 & 63));
                if seen[word] & bit != 0 && self.is_repeated(open, key) {
                    return None;
                }
                seen[word] |= bit;
                if self.next()? != b':' {
                    return None;
                }
                self.at += 1;
                self.value(depth + 1)?;
                count += 1;
                if self.is_behind_last(b'}')? {
                    break;
                }
            }
        }
        self.entries[open].payload = pair(count, self.entries.len());
        Some(())
    }

    /// Steps over a comma, or over the closing bracket.
    #[inline]
    fn is_behind_last(&mut self, close: u8) -> Option<bool> {
        let byte = self.next()?;
        self.at += 1;
        match byte {
            b',' => Some(false),
            byte if byte == close => Some(true),
            _ => None,
        }
    }

    /// Reads a key and gives its hash.
    #[inline]
    fn key(&mut self, depth: u16) -> Option<u32> {
        let (kind, payload) = self.string()?;
        let mut entry = Entry { kind, scale: 0, depth, hash: 0, payload };
        let hash = hash_key(entry.bytes(self.bytes, self.own.as_bytes()));
        entry.hash = hash;
        self.entries.push(entry);
        Some(hash)
    }

    /// Whether the key at an index occurred before in the object that is open.
    #[cold]
    fn is_repeated(&self, open: usize, key: usize) -> bool {
        let bytes = |entry: Entry| entry.bytes(self.bytes, self.own.as_bytes());
        let last = self.entries[key];
        let mut at = open + 1;
        while at < key {
            let entry = self.entries[at];
            if entry.hash == last.hash && bytes(entry) == bytes(last) {
                return true;
            }
            let value = self.entries[at + 1];
            at = value.behind().unwrap_or(at + 2);
        }
        false
    }

    /// A string, from its opening quote on.
    #[inline]
    fn string(&mut self) -> Option<(Kind, u64)> {
        let start = self.at + 1;
        let end = plain_end(self.bytes, start)?;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Some((Kind::Text, pair(start, end - start)));
        }
        self.escaped(start, end)
    }

    /// A string whose first escape is at `at`: decoded into the own buffer.
    fn escaped(&mut self, start: usize, at: usize) -> Option<(Kind, u64)> {
        let before = self.own.len();
        let (mut plain, mut at) = (start, at);
        loop {
            // Quotes and backslashes are never inside a character.
            self.own.push_str(self.text.get(plain..at)?);
            match self.bytes[at] {
                b'"' => {
                    self.at = at + 1;
                    return Some((Kind::OwnText, pair(before, self.own.len() - before)));
                }
                b'\\' => {}
                _ => return None,
            }
            let (character, length) = match self.bytes.get(at + 1)? {
                b'"' => ('"', 2),
                b'\\' => ('\\', 2),
                b'/' => ('/', 2),
                b'b' => ('\u{8}', 2),
                b'f' => ('\u{c}', 2),
                b'n' => ('\n', 2),
                b'r' => ('\r', 2),
                b't' => ('\t', 2),
                b'u' => self.code_point(at + 2)?,
                _ => return None,
            };
            self.own.push(character);
            plain = at + length;
            at = plain_end(self.bytes, plain)?;
        }
    }

    /// The character of `\uXXXX`, whose digits begin at `at`, or of a surrogate pair; and the length of
    /// the whole.
    fn code_point(&self, at: usize) -> Option<(char, usize)> {
        let unit = |at: usize| -> Option<u32> {
            let digits = self.bytes.get(at..at + 4)?;
            digits
                .iter()
                .try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
        };
        let first = unit(at)?;
        if !(0xD800..0xDC00).contains(&first) {
            return Some((char::from_u32(first)?, 6));
        }
        if self.bytes.get(at + 4..at + 6)? != b"\\u" {
            return None;
        }
        let second = unit(at + 6)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10 | second))?, 12))
    }

    fn number(&mut self, depth: u16) -> Option<()> {
        let start = self.at;
        let negative = self.bytes[start] == b'-';
        let digits = start + usize::from(negative);
        let mut value = 0_i64;
        let mut at = self.digits(digits, &mut value);
        let whole = at - digits;
        if whole == 0 || (whole > 1 && self.bytes[digits] == b'0') {
            return None;
        }
        let mut fraction = 0;
        if self.bytes.get(at) == Some(&b'.') {
            let behind = self.digits(at + 1, &mut value);
            fraction = behind - at - 1;
            if fraction == 0 {
                return None;
            }
            at = behind;
        }
        let has_exponent = matches!(self.bytes.get(at), Some(b'e' | b'E'));
        if has_exponent {
            let sign = usize::from(matches!(self.bytes.get(at + 1), Some(b'+' | b'-')));
            let behind = self.digits(at + 1 + sign, &mut 0);
            if behind == at + 1 + sign {
                return None;
            }
            at = behind;
        }
        self.at = at;
        if has_exponent || whole + fraction > MAX_DIGITS || (negative && value == 0) {
            return self.spelled(start, fraction == 0 && !has_exponent, depth);
        }
        let value = if negative { -value } else { value };
        if fraction == 0 {
            self.push(Kind::Int, depth, value.cast_unsigned());
            return Some(());
        }
        // `1.50` is 1.5, and `1.0` keeps its zero for those who write it again.
        let (mut value, mut scale) = (value, fraction as u8);
        while scale > 1 && value % 10 == 0 {
            value /= 10;
            scale -= 1;
        }
        let payload = value.cast_unsigned();
        self.entries.push(Entry { kind: Kind::Small, scale, depth, hash: 0, payload });
        Some(())
    }

    /// A number that is kept as it is spelled, unless it is an integer that fits.
    #[cold]
    fn spelled(&mut self, start: usize, is_integer: bool, depth: u16) -> Option<()> {
        let spelling = self.text.get(start..self.at)?;
        if is_integer && let Ok(value) = spelling.parse::<i64>() {
            self.push(Kind::Int, depth, value.cast_unsigned());
            return Some(());
        }
        let before = self.own.len();
        self.own.push_str(spelling);
        self.push(Kind::Decimal, depth, pair(before, spelling.len()));
        Some(())
    }

    /// The place behind the digits at `at`, which are appended to `value`; more than fit wrap round.
    #[inline]
    fn digits(&self, at: usize, value: &mut i64) -> usize {
        let mut at = at;
        while let Some(digit) = self.bytes.get(at).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
        {
            *value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            at += 1;
        }
        at
    }
}

/// The place of the first quote, backslash or control character, eight bytes at a time.
#[inline]
fn plain_end(bytes: &[u8], at: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = at;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * 0x22);
        let backslash = word ^ (LOW * 0x5C);
        // The lowest bit that is set is right; those above may be a borrow.
        let found = (quote.wrapping_sub(LOW) & !quote
            | backslash.wrapping_sub(LOW) & !backslash
            | word.wrapping_sub(LOW * 0x20) & !word)
            & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'))
        .map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use crate::value::document::Buffers;
    use crate::value::json::parse_thoroughly;
    use crate::value::quick::read;
    use crate::value::write_json;

    fn quick(text: &str) -> Option<String> {
        let document = read(text, Buffers::default()).ok()?;
        let mut out = String::new();
        write_json(document.root(), &mut out);
        Some(out)
    }

    #[test]
    fn what_is_plainly_json_is_read() {
        for (text, expected) in [
            (" [ ] ", "[]"),
            ("{\t\"a\" : -1.50 ,\n\"b\":[1,[],{}]}\r", r#"{"a":-1.5,"b":[1,[],{}]}"#),
            (r#""\u00e9\ud83d\ude00\/\b\f\n\r\t\\\"""#, "\"é😀/\\u0008\\u000c\\n\\r\\t\\\\\\\"\""),
            ("1.0", "1.0"),
            ("-0.0", "-0.0"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808"),
            ("0.12345678901234567890", "0.12345678901234567890"),
            ("1E-7", "1E-7"),
            ("[true,false,null]", "[true,false,null]"),
            (
                "\"ascii of more than eight bytes, then é and \\\" and é\"",
                "\"ascii of more than eight bytes, then é and \\\" and é\"",
            ),
        ] {
            assert_eq!(quick(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_thorough_parser() {
        let deep = "[".repeat(128) + &"]".repeat(128);
        for text in [
            "",
            " ",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "{",
            "{}}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "nul",
            "truE",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud83d\"",
            "\"\\ud83d\\u0041\"",
            "\"\\udc00\"",
            "\"a\nb\"",
            "\"a control character far behind the start \u{1}\"",
            "1 2",
            "{\"a\":1,\"b\":2,\"a\":3}",
            &deep,
        ] {
            assert_eq!(quick(text), None, "{text}");
        }
    }

    /// Dice whose throws are always the same.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % sides
        }

        fn one_of<'o>(&mut self, options: &[&'o str]) -> &'o str {
            options[self.below(options.len())]
        }
    }

    fn make_value(dice: &mut Dice, depth: usize, out: &mut String) {
        const SPACES: &[&str] = &["", "", "", " ", "\n\t", "\r\n  "];
        const WORDS: &[&str] = &["null", "true", "false"];
        const NUMBERS: &[&str] = &["0", "7", "12", "999999999999999999", "9223372036854775808"];
        const ENDS: &[&str] =
            &["", "", ".0", ".5", ".250", ".1234567890123456789", "e3", "E-20", ".0e+9"];
        out.push_str(dice.one_of(SPACES));
        match dice.below(if depth < 5 { 8 } else { 5 }) {
            0 => out.push_str(dice.one_of(WORDS)),
            1 | 2 => {
                out.push_str(dice.one_of(&["", "", "-"]));
                out.push_str(dice.one_of(NUMBERS));
                out.push_str(dice.one_of(ENDS));
            }
            3 | 4 => make_text(dice, out),
            5 | 6 => make_many(dice, depth, out, true),
            _ => make_many(dice, depth, out, false),
        }
        out.push_str(dice.one_of(SPACES));
    }

    fn make_text(dice: &mut Dice, out: &mut String) {
        const PIECES: &[&str] = &[
            "a",
            "key",
            "plain text of some length",
            "é",
            "漢字",
            "😀",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u00e9",
            "\\uD83D\\uDE00",
            "\\u0000",
            "\u{7f}",
            "{",
            "]",
            ":",
            ",",
        ];
        out.push('"');
        for _ in 0..dice.below(5) {
            out.push_str(dice.one_of(PIECES));
        }
        out.push('"');
    }

    fn make_many(dice: &mut Dice, depth: usize, out: &mut String, keys: bool) {
        out.push(if keys { '{' } else { '[' });
        let count = dice.below(6);
        for at in 0..count {
            if keys {
                make_text(dice, out);
                out.push(':');
            }
            make_value(dice, depth + 1, out);
            if at + 1 < count {
                out.push(',');
            }
        }
        out.push(if keys { '}' } else { ']' });
    }

    fn thorough(text: &str) -> Option<String> {
        let document = parse_thoroughly(text, Buffers::default()).ok()?;
        let mut out = String::new();
        write_json(document.root(), &mut out);
        Some(out)
    }

    /// `serde_json` spells exponents its own way.
    fn respelled(json: &str) -> String {
        json.replace('E', "e").replace("e+", "e")
    }

    /// Of made-up values, every other one with a byte changed.
    #[test]
    fn both_parsers_read_the_same() {
        let mut dice = Dice(11);
        let (mut read, mut refused) = (0, 0);
        for turn in 0..60_000 {
            let mut text = String::new();
            make_value(&mut dice, 0, &mut text);
            if turn % 2 == 1 {
                let mut bytes = text.into_bytes();
                let at = dice.below(bytes.len());
                bytes[at] = b"{}[],:\"\\u0aDd81e+-.7tn \n\x01"[dice.below(25)];
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                text = changed;
            }
            let by_both = (quick(&text), thorough(&text));
            match &by_both {
                (Some(quick), Some(thorough)) => {
                    assert_eq!(respelled(quick), respelled(thorough), "{text}");
                }
                (Some(_), None) => panic!("only the quick parser reads {text}"),
                (None, _) => refused += 1,
            }
            read += usize::from(by_both.0.is_some());
        }
        assert!(
            read > 30_000 && refused > 5_000,
            "{read} read, {refused} left to the thorough parser"
        );
    }

    #[test]
    fn nothing_is_read_that_the_thorough_parser_refuses() {
        let bytes = b"{}[],:\"\\u0aDd81e+-.7tn \n";
        let mut dice = Dice(7);
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..=dice.below(9) {
                text.push(char::from(bytes[dice.below(bytes.len())]));
            }
            if quick(&text).is_some() {
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
    }
}
