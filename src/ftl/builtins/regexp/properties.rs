//! `\p{…}` of Java's regular expressions as sets of `fancy_regex`.

use crate::ftl::builtins::regexp::blocks::block;
use crate::ftl::builtins::regexp::java::Modes;

/// The inside of a class for a property by any of Java's names for it.
pub(in crate::ftl::builtins) fn set(name: &str, modes: Modes) -> Option<String> {
    if let Some((kind, value)) = name.split_once('=') {
        return match kind.to_ascii_lowercase().as_str() {
            "sc" | "script" => script(value),
            "blk" | "block" => block(value).map(range),
            "gc" | "general_category" => category(value, modes),
            _ => None,
        };
    }
    if let Some(name) = name.strip_prefix("In") {
        return block(name).map(range);
    }
    if let Some(name) = name.strip_prefix("Is") {
        return binary(name, modes).or_else(|| category(name, modes)).or_else(|| script(name));
    }
    if modes.knows_unicode()
        && let Some(set) = wide(name)
    {
        return Some(set.to_owned());
    }
    category(name, modes).or_else(|| plain(name, modes)).or_else(|| java(name, modes))
}

fn range((first, last): (u32, u32)) -> String {
    format!(r"\x{{{first:X}}}-\x{{{last:X}}}")
}

fn script(name: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| format!(r"\p{{sc={name}}}"))
}

/// A general category. Where case doesn't matter, the letters with case are one category.
fn category(name: &str, modes: Modes) -> Option<String> {
    const NAMES: [&str; 37] = [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc",
        "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
        "C", "Cc", "Cf", "Co", "Cn", "LC",
    ];
    const CASED: &str = r"\p{Lu}\p{Ll}\p{Lt}";
    match name {
        "LC" => Some(CASED.to_owned()),
        "LD" => Some(r"\p{L}\p{Nd}".to_owned()),
        "L1" => Some(r"\x{0}-\x{FF}".to_owned()),
        "all" => Some(r"\x{0}-\x{10FFFF}".to_owned()),
        "Lu" | "Ll" | "Lt" if modes.ignore_case => Some(CASED.to_owned()),
        // Halves of characters: no text holds one.
        "Cs" => Some(r"a&&b".to_owned()),
        _ => NAMES.contains(&name).then(|| format!(r"\p{{{name}}}")),
    }
}

/// POSIX names: ASCII only.
fn plain(name: &str, modes: Modes) -> Option<String> {
    let set = match name {
        "Lower" | "Upper" if modes.ignore_case => "a-zA-Z",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x{0}-\x{7F}",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}",
        "Graph" => r"\x{21}-\x{7E}",
        "Print" => r"\x{20}-\x{7E}",
        "Blank" => r"\x{20}\x{9}",
        "Cntrl" => r"\x{0}-\x{1F}\x{7F}",
        "XDigit" => "0-9a-fA-F",
        "Space" => r"\x{20}\x{9}-\x{D}",
        _ => return None,
    };
    Some(set.to_owned())
}

const GRAPH: &str = r"^\p{White_Space}\p{Cc}\p{Cn}";
const PRINT: &str = r"[^\p{White_Space}\p{Cc}\p{Cn}]\p{Zs}";
const HEX_DIGIT: &str = r"\p{Nd}0-9A-Fa-f\x{FF21}-\x{FF26}\x{FF41}-\x{FF46}";
const WIDE_WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}";

/// POSIX names where they know Unicode (`U`); their case doesn't matter.
fn wide(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "alpha" => r"\p{Alphabetic}",
        "lower" => r"\p{Lowercase}",
        "upper" => r"\p{Uppercase}",
        "space" => r"\p{White_Space}",
        "punct" => r"\p{P}",
        "xdigit" => HEX_DIGIT,
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "blank" => r"\p{Zs}\x{9}",
        "graph" => GRAPH,
        "print" => PRINT,
        _ => return None,
    })
}

/// `IsAlphabetic` and its kin; their case doesn't matter.
fn binary(name: &str, modes: Modes) -> Option<String> {
    let set = match name.to_ascii_lowercase().as_str() {
        "alphabetic" => r"\p{Alphabetic}",
        "letter" => r"\p{L}",
        "ideographic" => r"\p{Ideographic}",
        "lowercase" | "uppercase" | "titlecase" if modes.ignore_case => {
            r"\p{Lowercase}\p{Uppercase}\p{Lt}"
        }
        "lowercase" => r"\p{Lowercase}",
        "uppercase" => r"\p{Uppercase}",
        "titlecase" => r"\p{Lt}",
        "white_space" | "whitespace" => r"\p{White_Space}",
        "control" => r"\p{Cc}",
        "punctuation" => r"\p{P}",
        "hex_digit" | "hexdigit" => HEX_DIGIT,
        "assigned" => r"^\p{Cn}",
        "noncharacter_code_point" | "noncharactercodepoint" => r"\p{Noncharacter_Code_Point}",
        "digit" => r"\p{Nd}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "blank" => r"\p{Zs}\x{9}",
        "graph" => GRAPH,
        "print" => PRINT,
        "word" => WIDE_WORD,
        "join_control" | "joincontrol" => r"\x{200C}\x{200D}",
        _ => return None,
    };
    Some(nested(set))
}

/// `javaLowerCase` and its kin: the questions of Java's `Character`.
fn java(name: &str, modes: Modes) -> Option<String> {
    let set = match name {
        "javaLowerCase" | "javaUpperCase" | "javaTitleCase" if modes.ignore_case => {
            r"\p{Lowercase}\p{Uppercase}\p{Lt}"
        }
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaTitleCase" => r"\p{Lt}",
        "javaAlphabetic" => r"\p{Alphabetic}",
        "javaIdeographic" => r"\p{Ideographic}",
        "javaDigit" => r"\p{Nd}",
        "javaDefined" => r"^\p{Cn}",
        "javaLetter" => r"\p{L}",
        "javaLetterOrDigit" => r"\p{L}\p{Nd}",
        "javaSpaceChar" => r"\p{Z}",
        "javaWhitespace" => {
            r"\x{9}-\x{D}\x{1C}-\x{20}\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200A}\x{2028}\x{2029}\x{205F}\x{3000}"
        }
        "javaISOControl" => r"\x{0}-\x{1F}\x{7F}-\x{9F}",
        "javaJavaIdentifierStart" => r"\p{L}\p{Nl}\p{Sc}\p{Pc}",
        "javaJavaIdentifierPart" => {
            r"\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mc}\p{Mn}\p{Cf}\x{0}-\x{8}\x{E}-\x{1B}\x{7F}-\x{9F}"
        }
        "javaIdentifierIgnorable" => r"\p{Cf}\x{0}-\x{8}\x{E}-\x{1B}\x{7F}-\x{9F}",
        "javaUnicodeIdentifierStart" => r"\p{L}\p{Nl}",
        "javaUnicodeIdentifierPart" => {
            r"\p{L}\p{Nl}\p{Pc}\p{Nd}\p{Mc}\p{Mn}\p{Cf}\x{0}-\x{8}\x{E}-\x{1B}\x{7F}-\x{9F}"
        }
        _ => return None,
    };
    Some(nested(set))
}

/// A negated set as one item of a class.
fn nested(set: &str) -> String {
    if set.starts_with('^') { format!("[{set}]") } else { set.to_owned() }
}
