//! A receiver may send back what it was sent, secrets included: as they are, or in the spelling of
//! JSON, HTML or a URL, in capitals, or in part. Nothing of that is kept.

/// Secrets shorter than this are not looked for: they would hide ordinary text.
const MIN_CHARACTERS: usize = 4;

/// A part of a secret in the middle of a text is told from ordinary text by so many characters, if
/// they are half of it.
const MIN_PART: usize = 8;

/// No escape has so many bytes.
const MAX_ESCAPE: usize = 12;

const MASK: &str = "***";

/// The text without the secrets, or the beginnings of secrets, in it.
pub(crate) fn masked(text: String, secrets: &[String]) -> String {
    if secrets.is_empty() {
        return text;
    }
    let secrets: Vec<Vec<char>> = secrets.iter().map(|secret| secret.chars().collect()).collect();
    let mut kept = String::new();
    let mut rest = text.as_str();
    let mut is_changed = false;
    while let Some(first) = rest.chars().next() {
        let longest = secrets.iter().filter_map(|secret| hidden(rest, secret)).max();
        if let Some(bytes) = longest {
            kept.push_str(MASK);
            rest = &rest[bytes..];
            is_changed = true;
        } else {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    if is_changed { kept } else { text }
}

/// How many bytes of this text are the secret, or so much of its beginning that it must be hidden.
fn hidden(text: &str, secret: &[char]) -> Option<usize> {
    if secret.len() < MIN_CHARACTERS {
        return None;
    }
    let mut rest = text;
    let mut found = 0;
    for character in secret {
        let Some(behind) = spelled(rest, *character) else { break };
        rest = behind;
        found += 1;
    }
    // Cut off where the text ends, perhaps in the middle of an escape.
    let is_end = rest.is_empty() || (rest.starts_with(['\\', '%', '&']) && rest.len() < MAX_ESCAPE);
    let is_cut = found >= MIN_CHARACTERS && is_end;
    let is_part = found >= MIN_PART && 2 * found >= secret.len();
    (found == secret.len() || is_cut || is_part)
        .then(|| text.len() - if is_cut { 0 } else { rest.len() })
}

/// What comes behind this character, if the text begins with it in any spelling.
fn spelled(text: &str, wanted: char) -> Option<&str> {
    let first = text.chars().next()?;
    let escaped = match first {
        '\\' => backslashed(&text[1..], wanted),
        '%' => percent_encoded(text, wanted),
        '&' => entity(&text[1..], wanted),
        '+' if wanted == ' ' => Some(&text[1..]),
        _ => None,
    };
    escaped.or_else(|| first.eq_ignore_ascii_case(&wanted).then(|| &text[first.len_utf8()..]))
}

/// `\/`, `\u002f`, and the two halves of what has no single code unit.
fn backslashed(text: &str, wanted: char) -> Option<&str> {
    if let Some(behind) = text.strip_prefix(wanted) {
        return Some(behind);
    }
    let mut units = [0; 2];
    let mut rest = text;
    for (at, unit) in wanted.encode_utf16(&mut units).iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('\\')?;
        }
        rest = rest.strip_prefix('u')?;
        let digits = rest.get(..4)?;
        (u16::from_str_radix(digits, 16) == Ok(*unit)).then_some(())?;
        rest = &rest[4..];
    }
    Some(rest)
}

/// `%2F`
fn percent_encoded(text: &str, wanted: char) -> Option<&str> {
    let mut bytes = [0; 4];
    let mut rest = text;
    for byte in wanted.encode_utf8(&mut bytes).bytes() {
        rest = rest.strip_prefix('%')?;
        let digits = rest.get(..2)?;
        (u8::from_str_radix(digits, 16) == Ok(byte)).then_some(())?;
        rest = &rest[2..];
    }
    Some(rest)
}

/// `amp;`, `#38;`, `#x26;`
fn entity(text: &str, wanted: char) -> Option<&str> {
    let (name, behind) = text.split_once(';')?;
    let found = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    (found == wanted).then_some(behind)
}

#[cfg(test)]
mod tests {
    use crate::delivery::mask::masked;

    fn hide(text: &str, secret: &str) -> String {
        masked(String::from(text), &[String::from(secret)])
    }

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        let secret = "Ab12/cd+\"<&'é😀";
        for text in [
            secret.to_owned(),
            secret.to_ascii_uppercase(),
            String::from(r#"Ab12\/cd+\"<&'é😀"#),
            String::from(r"Ab12\u002fcd\u002B\u0022\u003C\u0026\u0027\u00e9\ud83d\ude00"),
            String::from("Ab12%2Fcd%2b%22%3C%26%27%C3%A9%F0%9F%98%80"),
            String::from("Ab12/cd+&quot;&lt;&amp;&apos;&#233;&#x1F600;"),
        ] {
            assert_eq!(hide(&format!("you sent {text}."), secret), "you sent ***.", "{text}");
        }
        assert_eq!(hide("one two+three one two three", "one two three"), "*** ***");
    }

    #[test]
    fn a_secret_that_is_cut_off_is_hidden_too() {
        assert_eq!(hide("token: 0123", "0123456789abcdef"), "token: ***");
        assert_eq!(hide(r"token: 0123\u0", "01234/56789abcdef"), "token: ***");
        assert_eq!(hide("token 01234567...", "0123456789abcdef"), "token ***...");
        // As any text may begin.
        assert_eq!(hide("token 0123 of many", "0123456789abcdef"), "token 0123 of many");
        assert_eq!(hide("the application failed", "application-key-1"), "the *** failed");
        let long = "x1y2z3".repeat(500);
        let cut = format!("{} and {}", &long[..1500], &long[..20]);
        assert_eq!(hide(&cut, &long), "*** and ***");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["", "a", "abc", "100 % & more; \\u00 %2 &#;", "ünïcödé \\", "&amp"] {
            assert_eq!(hide(text, "secret"), text);
            assert_eq!(hide(text, "abc"), text);
        }
    }
}
