//! What languages and countries write differently: signs of numbers, names of months and days,
//! the patterns of styles.
//!
//! The data is that of the Unicode CLDR, version 39, in the form in which Java 17 uses it;
//! `tests/oracle/LocaleTable.java` prints it anew.

use std::rc::Rc;

/// The table: a locale holds only what differs from its language, a language what differs from
/// `root`.
const TABLE: &str = include_str!("data/locales.txt");

/// A language, perhaps with a country.
#[derive(Debug)]
pub struct Locale {
    /// `de_AT`, `de`
    pub name: String,
    /// The country's letters, or nothing.
    pub country: String,
    /// The signs of numbers.
    pub symbols: Symbols,
    /// The pattern of `number`.
    pub number: String,
    /// The pattern of `percent`.
    pub percent: String,
    /// The pattern of `currency`, with `¤` where the symbol goes.
    pub currency: String,
    /// The symbols of currencies that are not just their code.
    currency_symbols: Vec<(String, String)>,
    /// `January` …
    pub months: Names,
    /// As they stand alone, which some languages inflect differently.
    pub months_alone: Names,
    /// `Sunday` …
    pub days: Names,
    /// `AM` and `PM`.
    pub halves: Names,
    /// By how many years its calendar is ahead: 543 in Thailand, where Buddha's are counted.
    pub years_ahead: i64,
    /// Before and after the birth of Christ.
    pub eras: Names,
    /// In full; only read.
    pub eras_alone: Names,
    /// The patterns of dates: full, long, medium, short.
    pub dates: Vec<String>,
    /// The patterns of times: full, long, medium, short.
    pub times: Vec<String>,
    /// How a date `{1}` and a time `{0}` are put together: full, long, medium, short.
    pub both: Vec<String>,
    /// The long name of UTC.
    pub utc: String,
    /// What a zone without a name is called in short: ahead of UTC and behind it, with `h` and `m`
    /// for the two digits of hours and minutes, and at UTC.
    offsets: Vec<String>,
    /// The first day of the week, 1 for Sunday.
    pub first_day: u8,
    /// The days a year's first week must have in that year.
    pub minimal_days: u8,
}

/// The signs of numbers.
#[derive(Clone, Debug)]
pub struct Symbols {
    /// `.`
    pub decimal: char,
    /// `,`
    pub grouping: char,
    /// `0`, the first of the ten digits.
    pub zero: char,
    /// `-`
    pub minus: String,
    /// `%`
    pub percent: String,
    /// `‰`
    pub per_mill: String,
    /// `∞`
    pub infinity: String,
    /// `NaN`
    pub nan: String,
    /// `E`
    pub exponent: String,
    /// The decimal point of money.
    pub monetary_decimal: char,
    /// The grouping separator of money.
    pub monetary_grouping: char,
    /// `$`
    pub currency_symbol: String,
    /// `USD`
    pub currency_code: String,
}

/// Names in two lengths.
#[derive(Debug)]
pub struct Names {
    /// `January`
    pub long: Vec<String>,
    /// `Jan`
    pub short: Vec<String>,
}

/// As Java counts the days of a week, from Sunday.
const MONDAY: u8 = 2;

impl Locale {
    /// The locale of a name such as `en_US`, `en-US` or `en`. Unknown countries give their
    /// language, unknown languages what belongs to none.
    pub fn find(name: &str) -> Rc<Self> {
        let mut parts = name.split(['_', '-', ',', ' ']).filter(|part| !part.is_empty());
        let language = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "iw" => "he".to_owned(),
            "in" => "id".to_owned(),
            other => other.to_owned(),
        };
        let country = parts.next().unwrap_or_default().to_ascii_uppercase();
        let own = if country.is_empty() { None } else { block(&format!("{language}_{country}")) };
        let sources = [own, block(&language), block("root")];
        let value = |key: &str| {
            sources.iter().flatten().find_map(|source| entry(source, key)).unwrap_or_default()
        };
        let list = |key: &str| value(key).split('\t').map(str::to_owned).collect::<Vec<_>>();
        let names = |long: &str, short: &str| Names { long: list(long), short: list(short) };
        let mut currency_symbols = Vec::new();
        for source in sources.iter().flatten() {
            for pair in entry(source, "symbols_of_currencies").unwrap_or_default().split('\t') {
                if let Some((code, symbol)) = pair.split_once('=') {
                    currency_symbols.push((code.to_owned(), symbol.to_owned()));
                }
            }
        }
        // A country that nobody knows has the week of the world, not of the language.
        let week = if own.is_none() && !country.is_empty() { Vec::new() } else { list("week") };
        let day = |at: usize, own: u8| week.get(at).and_then(|day| day.parse().ok()).unwrap_or(own);
        let name =
            if country.is_empty() { language.clone() } else { format!("{language}_{country}") };
        Rc::new(Self {
            name,
            country,
            symbols: symbols(&list("symbols"), &list("money")),
            number: value("number").to_owned(),
            percent: value("percent").to_owned(),
            currency: value("currency").to_owned(),
            currency_symbols,
            months: names("months", "months_short"),
            months_alone: names("months_alone", "months_short_alone"),
            days: names("days", "days_short"),
            halves: names("halves", "halves_short"),
            years_ahead: value("years").parse().unwrap_or_default(),
            eras: names("eras", "eras_short"),
            eras_alone: names("eras_alone", "eras_short"),
            dates: list("dates"),
            times: list("times"),
            both: list("both"),
            utc: value("utc").to_owned(),
            offsets: list("offsets"),
            first_day: day(0, MONDAY),
            minimal_days: day(1, 1),
        })
    }

    /// Writes what a zone without a name is called, so many minutes ahead of UTC: `UTC+03:00`.
    pub fn write_offset(&self, minutes: i32, out: &mut String) {
        let kind = match minutes {
            1.. => 0,
            0 => 2,
            _ => 1,
        };
        let pattern = self.offsets.get(kind).map_or("", String::as_str);
        let digit = |value: u32| char::from_u32(u32::from(self.symbols.zero) + value);
        for part in pattern.chars() {
            let number = match part {
                'h' => minutes.unsigned_abs() / 60,
                'm' => minutes.unsigned_abs() % 60,
                other => {
                    out.push(other);
                    continue;
                }
            };
            out.extend([number / 10, number % 10].into_iter().filter_map(digit));
        }
    }

    /// Whether a currency has this code of ISO 4217.
    pub fn is_currency(code: &str) -> bool {
        let known = block("root").and_then(|root| entry(root, "currencies"));
        known.is_some_and(|known| known.split('\t').any(|own| own == code))
    }

    /// The symbol of a currency: `$` for `USD` in the United States.
    pub fn currency_symbol<'a>(&'a self, code: &'a str) -> &'a str {
        let known = self.currency_symbols.iter().find(|(own, _)| own == code);
        known.map_or(code, |(_, symbol)| symbol)
    }
}

fn symbols(signs: &[String], money: &[String]) -> Symbols {
    let text = |at: usize| signs.get(at).cloned().unwrap_or_default();
    let sign = |at: usize| text(at).chars().next().unwrap_or('.');
    Symbols {
        decimal: sign(0),
        grouping: sign(1),
        zero: sign(2),
        minus: text(3),
        percent: text(4),
        per_mill: text(5),
        infinity: text(6),
        nan: text(7),
        exponent: text(8),
        monetary_decimal: sign(9),
        monetary_grouping: sign(10),
        currency_code: money.first().cloned().unwrap_or_default(),
        currency_symbol: money.get(1).cloned().unwrap_or_default(),
    }
}

/// The lines of one locale in the table.
fn block(name: &str) -> Option<&'static str> {
    let head = format!("[{name}]\n");
    let start = match TABLE.strip_prefix(&head) {
        Some(_) => head.len(),
        None => TABLE.find(&format!("\n{head}"))? + 1 + head.len(),
    };
    let rest = &TABLE[start..];
    Some(&rest[..rest.find("\n[").unwrap_or(rest.len())])
}

fn entry<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'))
}

#[cfg(test)]
mod tests {
    use crate::ftl::format::locale::Locale;

    #[test]
    fn a_country_inherits_from_its_language_and_a_language_from_root() {
        let austria = Locale::find("de_AT");
        assert_eq!(austria.months.long[0], "Jänner");
        assert_eq!(austria.days.long[0], "Sonntag");
        assert_eq!(austria.symbols.currency_symbol, "€");
        assert_eq!(Locale::find("xx").months.long[0], "Jan");
        assert_eq!(Locale::find("en-us").symbols.currency_symbol, "$");
    }
}
