//! Characters as Java sees them: case, white space.

use std::borrow::Cow;

/// Java's `Character.isWhitespace`: no non-breaking spaces, but the separators U+001C to U+001F.
pub(in crate::ftl::builtins) fn is_white_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | '\u{1c}'..='\u{20}'
            | '\u{1680}'
            | '\u{2000}'..='\u{2006}'
            | '\u{2008}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// Java's `String.trim`: everything up to U+0020 goes, at both ends.
pub(in crate::ftl::builtins) fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// In upper case by the rules of all languages. Borrowed when nothing changes.
pub(in crate::ftl::builtins) fn upper_case(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(text.to_uppercase());
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Cow::Owned(text.to_ascii_uppercase());
    }
    Cow::Borrowed(text)
}

/// In lower case by the rules of all languages. Borrowed when nothing changes.
pub(in crate::ftl::builtins) fn lower_case(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(text.to_lowercase());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

/// The upper case form that is one character; `ß` has none. Characters of two UTF-16 units stay.
pub(in crate::ftl::builtins) fn simple_upper(c: char) -> char {
    match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        '\u{10000}'.. => c,
        _ => single(c, c.to_uppercase()),
    }
}

/// The lower case form that is one character. Characters of two UTF-16 units stay.
pub(in crate::ftl::builtins) fn simple_lower(c: char) -> char {
    match c {
        'İ' => 'i',
        '\u{10000}'.. => c,
        _ => single(c, c.to_lowercase()),
    }
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// In upper case as Lithuanian has it: the dot that `i` and its kin carry visibly under an accent
/// goes away.
pub(in crate::ftl::builtins) fn lithuanian_upper_case(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut after_soft_dotted = false;
    for c in text.chars() {
        if c == '\u{307}' && after_soft_dotted {
            continue;
        }
        if !is_accent(c) {
            after_soft_dotted = is_soft_dotted(c);
        }
        out.extend(c.to_uppercase());
    }
    Cow::Owned(out)
}

/// In lower case as Lithuanian has it: under an accent `i` and `j` carry their dot visibly.
pub(in crate::ftl::builtins) fn lithuanian_lower_case(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let accented = rest.clone().take_while(|c| is_accent(*c)).any(is_above);
        match c {
            'I' | 'J' | 'Į' if accented => {
                out.extend(c.to_lowercase());
                out.push('\u{307}');
            }
            'Ì' => out.push_str("i\u{307}\u{300}"),
            'Í' => out.push_str("i\u{307}\u{301}"),
            'Ĩ' => out.push_str("i\u{307}\u{303}"),
            _ => out.push(c),
        }
    }
    Cow::Owned(lower_case(&out).into_owned())
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The accents that stand above a letter, where a dot would be.
fn is_above(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{314}' | '\u{33d}'..='\u{344}' | '\u{346}' | '\u{34a}'..='\u{34c}'
        | '\u{350}'..='\u{352}' | '\u{357}' | '\u{35b}' | '\u{363}'..='\u{36f}')
}

fn is_soft_dotted(c: char) -> bool {
    matches!(c, 'i' | 'j' | 'į' | 'ɨ' | 'ʝ' | 'ɩ' | 'і' | 'ј' | 'ḭ' | 'ị')
}
