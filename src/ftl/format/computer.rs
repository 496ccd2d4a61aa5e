//! `?c`: numbers, booleans, texts and nothing as a programming language spells them.

#![expect(
    clippy::cast_possible_wrap,
    reason = "both types hold the number of digits that fit into memory"
)]

use std::fmt::Write;

use crate::ftl::format::decimal::DecimalFormat;
use crate::ftl::format::locale::Locale;
use crate::ftl::settings::Settings;
use crate::value::Decimal;
use crate::value::Number;

/// The format of `?c` and of the number format `c`, as `c_format` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computer {
    /// `JavaScript or JSON`
    JavaScriptOrJson,
    /// `JSON`
    Json,
    /// `JavaScript`
    JavaScript,
    /// `Java`
    Java,
    /// `XS`
    Xs,
    /// `legacy`, what FreeMarker did before 2.3.32; `infinity` is `INF`, or `∞` before 2.3.21.
    Legacy {
        /// Whether the words for infinity are those of XML Schema.
        words: bool,
    },
}

impl Computer {
    /// The format of `?c`.
    pub fn of(settings: &Settings) -> Self {
        match settings.c_format.as_str() {
            "JSON" => Self::Json,
            "JavaScript" => Self::JavaScript,
            "Java" => Self::Java,
            "XS" => Self::Xs,
            "default" if settings.improves_since(32) => Self::JavaScriptOrJson,
            "legacy" | "default" => Self::Legacy { words: settings.improves_since(21) },
            _ => Self::JavaScriptOrJson,
        }
    }

    /// The format of the number formats `c` and `computer`, which differed from `?c` before 2.3.31.
    pub fn of_number_format(settings: &Settings) -> Self {
        match Self::of(settings) {
            Self::Legacy { .. } => Self::Legacy { words: settings.improves_since(31) },
            format => format,
        }
    }

    /// Writes a number. Nothing is rounded, but by the legacy format to 16 digits.
    pub fn write_number(self, number: &Number, out: &mut String) {
        if let Self::Legacy { words } = self {
            return write_legacy(number, words, out);
        }
        match (number.as_double(), number.as_float()) {
            (Some(value), float) if !value.is_finite() => {
                out.push_str(self.special(value, float.is_some()));
            }
            // Whole numbers of which the type can't tell each from the next show it.
            (Some(value), Some(_)) if value.fract() == 0.0 && value.abs() > 16_777_216.0 => {
                write_scientific(number, out);
            }
            (Some(value), None)
                if value.fract() == 0.0 && value.abs() > 9_007_199_254_740_992.0 =>
            {
                write_scientific(number, out);
            }
            _ => write_decimal(number, out),
        }
    }

    /// Writes a boolean.
    pub fn write_boolean(self, value: bool, out: &mut String) {
        out.push_str(if value { "true" } else { "false" });
    }

    /// Writes a text with its quotes.
    pub fn write_text(self, text: &str, out: &mut String) {
        match self {
            Self::Xs => out.push_str(text),
            Self::Java => write_java(text, out),
            _ => write_script(text, self == Self::JavaScript, out),
        }
    }

    /// What stands for nothing (`?cn`).
    pub fn null(self) -> &'static str {
        if self == Self::Xs { "" } else { "null" }
    }

    fn special(self, value: f64, float: bool) -> &'static str {
        let names = match (self, float) {
            (Self::Java, false) => {
                ["Double.POSITIVE_INFINITY", "Double.NEGATIVE_INFINITY", "Double.NaN"]
            }
            (Self::Java, true) => {
                ["Float.POSITIVE_INFINITY", "Float.NEGATIVE_INFINITY", "Float.NaN"]
            }
            (Self::Xs, _) => ["INF", "-INF", "NaN"],
            _ => ["Infinity", "-Infinity", "NaN"],
        };
        match value {
            f64::INFINITY => names[0],
            f64::NEG_INFINITY => names[1],
            _ => names[2],
        }
    }
}

/// Without an exponent, except for very small fractions and very many zeros.
fn write_decimal(number: &Number, out: &mut String) {
    /// Whole numbers with this many zeros at the end get an exponent.
    const MANY_ZEROS: i64 = 100;
    /// The exponent from which on a fraction is written with one.
    const SMALL: i64 = -6;
    if number.is_short() {
        return number.write_plain(out);
    }
    let Ok(mut decimal) = number.decimal() else { return number.write_plain(out) };
    let count = decimal.digits.len() as i64;
    let whole = decimal.point >= count;
    let magnitude = number.as_double().map(f64::abs);
    if count == 1 && magnitude.is_some_and(|value| value > 1e-7 && value < 1e-3) {
        // Java's small floating-point numbers have two digits at the least.
        decimal.digits.push(b'0');
    }
    let many_zeros = whole && number.is_scaled() && decimal.point - count >= MANY_ZEROS;
    if many_zeros || (!whole && decimal.point - 1 < SMALL) {
        return write_digits(&decimal, number.as_double().is_none(), out);
    }
    if decimal.digits.is_empty() {
        decimal.negative = false;
    }
    decimal.write_plain(out);
}

/// One digit before the point, and an exponent.
fn write_scientific(number: &Number, out: &mut String) {
    let Ok(decimal) = number.decimal() else { return number.write_plain(out) };
    write_digits(&decimal, number.as_double().is_none(), out);
}

fn write_digits(decimal: &Decimal, plus: bool, out: &mut String) {
    if decimal.negative {
        out.push('-');
    }
    let mut digits = decimal.digits.iter().map(|digit| char::from(*digit));
    out.extend(digits.next());
    if decimal.digits.len() > 1 {
        out.push('.');
        out.extend(digits);
    }
    // `BigDecimal` writes `E+100`, `Double` writes `E100`.
    let plus = if decimal.point > 1 && plus { "+" } else { "" };
    let _ = write!(out, "E{plus}{}", decimal.point - 1);
}

/// `0.################` as `DecimalFormat` does it.
fn write_legacy(number: &Number, words: bool, out: &mut String) {
    if number.as_i64_exact().is_some() {
        return number.write_plain(out);
    }
    let mut symbols = Locale::find("en_US").symbols.clone();
    if words {
        "INF".clone_into(&mut symbols.infinity);
    }
    if let Ok(format) = DecimalFormat::new("0.################", symbols) {
        let _ = format.write(number, out);
    }
}

/// A Java literal.
fn write_java(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match short_escape(c) {
            Some(escape) => out.extend(['\\', escape]),
            None if matches!(c, '"' | '\\') => out.extend(['\\', c]),
            None if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            None => out.push(c),
        }
    }
    out.push('"');
}

/// A literal of JSON, or of JavaScript alone; what could end a script or a comment of HTML is
/// escaped.
fn write_script(text: &str, script_only: bool, out: &mut String) {
    out.push('"');
    let (mut before, mut last) = ('\0', '\0');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let closes = c == '>' && matches!(last, ']' | '-') && before == last;
        let opens = c == '<' && matches!(next, Some('!' | '?'));
        let control = c < ' ' || matches!(c, '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}');
        match short_escape(c) {
            Some(escape) => out.extend(['\\', escape]),
            None if matches!(c, '"' | '\\') || (c == '/' && last == '<') => out.extend(['\\', c]),
            None if closes && script_only => out.push_str("\\>"),
            None if closes || opens || control => {
                let _ = if script_only && u32::from(c) < 0x100 {
                    write!(out, "\\x{:02X}", u32::from(c))
                } else {
                    write!(out, "\\u{:04X}", u32::from(c))
                };
            }
            None => out.push(c),
        }
        (before, last) = (last, c);
    }
    out.push('"');
}

fn short_escape(c: char) -> Option<char> {
    Some(match c {
        '\n' => 'n',
        '\r' => 'r',
        '\u{C}' => 'f',
        '\u{8}' => 'b',
        '\t' => 't',
        _ => return None,
    })
}
