//! FreeMarker's additions to number patterns: `0.##;; roundingMode=halfUp groupingSeparator=_`.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::decimal::DecimalFormat;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::locale::Symbols;
use crate::text::did_you_mean;
use crate::value::Rounding;

/// The parameters, as `parse` knows them.
const NAMES: [&str; 15] = [
    "roundingMode",
    "multiplier",
    "multipier",
    "decimalSeparator",
    "monetaryDecimalSeparator",
    "groupingSeparator",
    "exponentSeparator",
    "minusSign",
    "infinity",
    "nan",
    "percent",
    "perMill",
    "zeroDigit",
    "currencyCode",
    "currencySymbol",
];

const ROUNDING_MODES: [(&str, Rounding); 8] = [
    ("up", Rounding::Up),
    ("down", Rounding::Down),
    ("ceiling", Rounding::Ceiling),
    ("floor", Rounding::Floor),
    ("halfDown", Rounding::HalfDown),
    ("halfEven", Rounding::HalfEven),
    ("halfUp", Rounding::HalfUp),
    ("unnecessary", Rounding::Unnecessary),
];

/// Compiles a pattern that may end with parameters.
///
/// # Errors
/// For a pattern or parameters that are none.
pub fn parse(text: &str, locale: &Rc<Locale>) -> Result<DecimalFormat, Fault> {
    let (pattern, parameters) = split(text);
    let mut options = Options {
        symbols: locale.symbols.clone(),
        rounding: None,
        multiplier: None,
        currency_symbol: None,
    };
    let mut reader = Reader { text, rest: parameters };
    reader.skip_spaces();
    while !reader.rest.is_empty() {
        let name = reader.word();
        if name.is_empty() {
            return Err(reader.expected("the name of a parameter"));
        }
        reader.skip_spaces();
        if !reader.skip('=') {
            return Err(reader.expected(&format!("`=` behind `{name}`")));
        }
        reader.skip_spaces();
        let value = reader.value()?;
        options.set(name, &value, locale)?;
        let end = reader.rest.len();
        reader.skip_spaces();
        if reader.skip(',') {
            reader.skip_spaces();
            if reader.rest.is_empty() {
                return Err(reader.expected("the name of a parameter"));
            }
        } else if !reader.rest.is_empty() && reader.rest.len() == end {
            return Err(reader.expected("a space or comma between parameters"));
        }
    }
    if let Some(symbol) = options.currency_symbol {
        options.symbols.currency_symbol = symbol;
    }
    let mut format = DecimalFormat::new(pattern, options.symbols)?;
    if let Some(rounding) = options.rounding {
        format = format.rounding(rounding);
    }
    if let Some(multiplier) = options.multiplier {
        format = format.multiplier(multiplier);
    }
    Ok(format)
}

/// Parameters begin behind the second `;` that is not in quotes.
fn split(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut first = None;
    for (at, c) in text.char_indices() {
        match c {
            // Two quotes in a row turn it off and on again.
            '\'' => quoted = !quoted,
            ';' if !quoted => match first {
                None => first = Some(at),
                // `0;;…` has no negative part, `0;-0;…` has.
                Some(first) if first + 1 == at => return (&text[..first], &text[at + 1..]),
                Some(_) => return (&text[..at], &text[at + 1..]),
            },
            _ => {}
        }
    }
    (text, "")
}

struct Options {
    symbols: Symbols,
    rounding: Option<Rounding>,
    multiplier: Option<i32>,
    /// Set last, because the code brings a symbol of its own.
    currency_symbol: Option<String>,
}

impl Options {
    fn set(&mut self, name: &str, value: &str, locale: &Rc<Locale>) -> Result<(), Fault> {
        let wrong = |expected: &str| {
            fault(format!("number format parameter `{name}`: expected {expected}, found `{value}`"))
        };
        let one = || {
            let mut chars = value.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if (c as u32) < 0x1_0000 => Ok(c),
                _ => Err(wrong("one character")),
            }
        };
        let symbols = &mut self.symbols;
        match name {
            "roundingMode" => {
                let mode = ROUNDING_MODES.iter().find(|(own, _)| *own == value);
                let names = ROUNDING_MODES.map(|(name, _)| format!("`{name}`")).join(", ");
                let (_, mode) = mode.ok_or_else(|| wrong(&format!("one of {names}")))?;
                self.rounding = Some(*mode);
            }
            "multiplier" | "multipier" => {
                let number = value.parse().map_err(|_| wrong("a whole number"))?;
                self.multiplier = Some(number);
            }
            "decimalSeparator" => symbols.decimal = one()?,
            "monetaryDecimalSeparator" => symbols.monetary_decimal = one()?,
            "groupingSeparator" => symbols.grouping = one()?,
            "exponentSeparator" => value.clone_into(&mut symbols.exponent),
            "minusSign" => symbols.minus = one()?.into(),
            "infinity" => value.clone_into(&mut symbols.infinity),
            "nan" => value.clone_into(&mut symbols.nan),
            "percent" => symbols.percent = one()?.into(),
            "perMill" => symbols.per_mill = one()?.into(),
            "zeroDigit" => symbols.zero = one()?,
            "currencyCode" => {
                if !Locale::is_currency(value) {
                    return Err(wrong("a currency code such as `EUR`"));
                }
                value.clone_into(&mut symbols.currency_code);
                locale.currency_symbol(value).clone_into(&mut symbols.currency_symbol);
            }
            "currencySymbol" => self.currency_symbol = Some(value.to_owned()),
            unknown => {
                let fault = fault(format!("unknown number format parameter `{unknown}`"));
                let names = NAMES.iter().filter(|name| **name != "multipier").copied();
                return Err(match did_you_mean(unknown, NAMES) {
                    Some(near) => fault.with_hint(format!("did you mean `{near}`?")),
                    None => fault.with_hint(format!(
                        "the parameters are {}",
                        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                    )),
                });
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{A0}']);
    }

    fn skip(&mut self, c: char) -> bool {
        self.rest.strip_prefix(c).map(|rest| self.rest = rest).is_some()
    }

    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let end = if self.rest.starts_with(|c: char| c.is_numeric()) { 0 } else { end };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// A word, or anything in quotes; a doubled quote inside is one.
    fn value(&mut self) -> Result<String, Fault> {
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
            let (value, rest) = self.rest.split_at(end);
            if value.is_empty() || rest.starts_with(['\'', '"']) {
                return Err(self.expected("a value, in quotes unless it is a word or number"));
            }
            self.rest = rest;
            return Ok(value.to_owned());
        };
        let mut value = String::new();
        let mut chars = self.rest[1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                value.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
                value.push(quote);
            } else {
                self.rest = &self.rest[at + 2..];
                return Ok(value);
            }
        }
        Err(self.expected(&format!("a closing {quote}")))
    }

    fn expected(&self, expected: &str) -> Fault {
        let found: String = self.rest.chars().take(12).collect();
        let found = if found.is_empty() { "its end".into() } else { format!("`{found}`") };
        fault(format!("number format `{}`: expected {expected}, found {found}", self.text))
    }
}

fn fault(message: String) -> Fault {
    Fault::new(TemplateErrorKind::BadFormat, message)
}
