//! `SimpleDateFormat` patterns such as `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`: compiling and printing.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::calendar::Calendar;
use crate::ftl::format::calendar::Moment;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::locale::Names;
use crate::ftl::format::zone::Offset;
use crate::ftl::format::zone::Zone;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// Its parts in order.
    pub items: Vec<Item>,
    /// Whether the month is all there is, so that its name stands alone.
    pub month_alone: bool,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Text as it is.
    Text(Box<str>),
    /// A field, and how many times its letter stands there.
    Field(Field, usize),
}

/// What a letter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `G`
    Era,
    /// `y`
    Year,
    /// `Y`
    WeekYear,
    /// `M`
    Month,
    /// `L`
    MonthAlone,
    /// `w`
    WeekOfYear,
    /// `W`
    WeekOfMonth,
    /// `D`
    DayOfYear,
    /// `d`
    Day,
    /// `F`
    WeekdayInMonth,
    /// `E`
    Weekday,
    /// `u`
    WeekdayNumber,
    /// `a`
    Half,
    /// `H`: 0 to 23.
    Hour,
    /// `k`: 1 to 24.
    HourFrom1,
    /// `K`: 0 to 11.
    HalfHour,
    /// `h`: 1 to 12.
    HalfHourFrom1,
    /// `m`
    Minute,
    /// `s`
    Second,
    /// `S`
    Milli,
    /// `z`
    ZoneName,
    /// `Z`
    ZoneNumber,
    /// `X`
    ZoneIso,
}

impl Field {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'G' => Self::Era,
            'y' => Self::Year,
            'Y' => Self::WeekYear,
            'M' => Self::Month,
            'L' => Self::MonthAlone,
            'w' => Self::WeekOfYear,
            'W' => Self::WeekOfMonth,
            'D' => Self::DayOfYear,
            'd' => Self::Day,
            'F' => Self::WeekdayInMonth,
            'E' => Self::Weekday,
            'u' => Self::WeekdayNumber,
            'a' => Self::Half,
            'H' => Self::Hour,
            'k' => Self::HourFrom1,
            'K' => Self::HalfHour,
            'h' => Self::HalfHourFrom1,
            'm' => Self::Minute,
            's' => Self::Second,
            'S' => Self::Milli,
            'z' => Self::ZoneName,
            'Z' => Self::ZoneNumber,
            'X' => Self::ZoneIso,
            _ => return None,
        })
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// For letters without a meaning, and quotes that are not closed.
    pub fn new(text: &str) -> Result<Self, Fault> {
        let mut items: Vec<Item> = Vec::new();
        let mut literal = String::new();
        let mut quoted = false;
        let mut fields = 0;
        // Whether a letter continues the field before it.
        let mut open = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                open = None;
                if chars.next_if_eq(&'\'').is_some() {
                    literal.push('\'');
                } else {
                    quoted = !quoted;
                }
                continue;
            }
            if quoted || !c.is_ascii_alphabetic() {
                open = None;
                literal.push(c);
                continue;
            }
            let field = Field::of(c).ok_or_else(|| illegal(text, c))?;
            if !literal.is_empty() {
                items.push(Item::Text(std::mem::take(&mut literal).into()));
            }
            match items.last_mut() {
                Some(Item::Field(own, count)) if open == Some(c) && *own == field => *count += 1,
                _ => {
                    fields += 1;
                    items.push(Item::Field(field, 1));
                }
            }
            open = Some(c);
        }
        if quoted {
            return Err(fault(text, "a quote `'` is not closed"));
        }
        if !literal.is_empty() {
            items.push(Item::Text(literal.into()));
        }
        if items.iter().any(|item| matches!(item, Item::Field(Field::ZoneIso, 4..))) {
            return Err(fault(text, "`X` stands there more than three times"));
        }
        let month = items.iter().any(|item| matches!(item, Item::Field(Field::Month, _)));
        Ok(Self { text: text.to_owned(), items, month_alone: month && fields == 1 })
    }

    /// Writes the moment as the clocks of a zone show it.
    pub fn write(&self, millis: i64, zone: &Zone, locale: &Rc<Locale>, out: &mut String) {
        let offset = zone.offset(millis);
        let moment = Moment::new(millis, offset.millis, Calendar::Mixed);
        let printer = Printer { moment, offset, zone, locale, month_alone: self.month_alone };
        for item in &self.items {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Field(field, count) => printer.write(*field, *count, out),
            }
        }
    }
}

fn illegal(text: &str, letter: char) -> Fault {
    let fault = fault(text, &format!("the letter `{letter}` has no meaning"));
    match letter {
        'T' => fault.with_hint("text stands in quotes: `yyyy-MM-dd'T'HH:mm:ss`"),
        _ => fault.with_hint(
            "the letters are `G y Y M L w W D d F E u a H k K h m s S z Z X`; text stands in \
             quotes: `'at'`",
        ),
    }
}

fn fault(text: &str, what: &str) -> Fault {
    let message = format!("expected a date format, found `{text}`: {what}");
    Fault::new(TemplateErrorKind::BadFormat, message)
}

struct Printer<'a> {
    moment: Moment,
    offset: Offset,
    zone: &'a Zone,
    locale: &'a Locale,
    month_alone: bool,
}

impl Printer<'_> {
    fn write(&self, field: Field, count: usize, out: &mut String) {
        let moment = &self.moment;
        let (first_day, minimal_days) = (self.locale.first_day, self.locale.minimal_days);
        let hour = i64::from(moment.hour);
        let number = match field {
            Field::Era => {
                return Self::name(&self.locale.eras, usize::from(moment.year > 0), count, out);
            }
            Field::Year => {
                let year = year_of_era(moment.year) + self.locale.years_ahead;
                return self.year(year, count, out);
            }
            Field::WeekYear => {
                let ahead = self.locale.years_ahead * if moment.year > 0 { 1 } else { -1 };
                return self.year(moment.week_year(first_day, minimal_days) + ahead, count, out);
            }
            Field::Month | Field::MonthAlone if count >= 3 => return self.month(field, count, out),
            Field::Month | Field::MonthAlone => i64::from(moment.month),
            Field::WeekOfYear => moment.week_of_year(first_day, minimal_days),
            Field::WeekOfMonth => moment.week_of_month(first_day, minimal_days),
            Field::DayOfYear => moment.day_of_year(),
            Field::Day => i64::from(moment.day),
            Field::WeekdayInMonth => moment.weekday_in_month(),
            Field::Weekday => {
                let day = usize::from(moment.weekday() - 1);
                return Self::name(&self.locale.days, day, count, out);
            }
            Field::WeekdayNumber => i64::from((moment.weekday() + 5) % 7 + 1),
            Field::Half => {
                return Self::name(&self.locale.halves, usize::from(hour >= 12), count, out);
            }
            Field::Hour => hour,
            Field::HourFrom1 => {
                if hour == 0 {
                    24
                } else {
                    hour
                }
            }
            Field::HalfHour => hour % 12,
            Field::HalfHourFrom1 => {
                if hour % 12 == 0 {
                    12
                } else {
                    hour % 12
                }
            }
            Field::Minute => i64::from(moment.minute),
            Field::Second => i64::from(moment.second),
            Field::Milli => i64::from(moment.milli),
            Field::ZoneName => return self.zone_name(count >= 4, out),
            Field::ZoneNumber => return self.zone_number(out),
            Field::ZoneIso => return self.zone_iso(count, out),
        };
        self.padded(number, count, out);
    }

    fn year(&self, year: i64, count: usize, out: &mut String) {
        if count == 2 {
            self.padded(year.rem_euclid(100), 2, out);
        } else {
            self.padded(year, count, out);
        }
    }

    fn month(&self, field: Field, count: usize, out: &mut String) {
        let alone = field == Field::MonthAlone || self.month_alone;
        let names = if alone { &self.locale.months_alone } else { &self.locale.months };
        let month = usize::from(self.moment.month - 1);
        Self::name(names, month, count, out);
    }

    fn name(names: &Names, at: usize, count: usize, out: &mut String) {
        let names = if count >= 4 { &names.long } else { &names.short };
        out.push_str(names.get(at).map_or("", String::as_str));
    }

    fn zone_name(&self, long: bool, out: &mut String) {
        if long && self.zone.is_utc() {
            out.push_str(&self.locale.utc);
        } else {
            self.zone.write_name(self.offset, long, self.locale, out);
        }
    }

    /// `+0200`
    fn zone_number(&self, out: &mut String) {
        let minutes = self.offset.millis / 60_000;
        out.push(if minutes < 0 { '-' } else { '+' });
        push_padded(
            u64::from(minutes.unsigned_abs() / 60 * 100 + minutes.unsigned_abs() % 60),
            4,
            '0',
            out,
        );
    }

    /// `+02`, `+0200`, `+02:00` or `Z`
    fn zone_iso(&self, count: usize, out: &mut String) {
        if self.offset.millis == 0 {
            out.push('Z');
            return;
        }
        let minutes = (self.offset.millis / 60_000).unsigned_abs();
        out.push(if self.offset.millis / 60_000 < 0 { '-' } else { '+' });
        push_padded(u64::from(minutes / 60), 2, '0', out);
        if count > 1 {
            if count == 3 {
                out.push(':');
            }
            push_padded(u64::from(minutes % 60), 2, '0', out);
        }
    }

    #[inline]
    fn padded(&self, number: i64, count: usize, out: &mut String) {
        if number < 0 {
            out.push_str(&self.locale.symbols.minus);
        }
        push_padded(number.unsigned_abs(), count, self.locale.symbols.zero, out);
    }
}

/// The year as it is counted in its era: the year before 1 is 1 again.
pub fn year_of_era(year: i64) -> i64 {
    if year > 0 { year } else { 1 - year }
}

/// Writes a number with at least so many digits.
#[inline]
pub fn push_padded(number: u64, count: usize, zero: char, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let count = count.max(1);
    for _ in digits.len()..count {
        out.push(zero);
    }
    let digits = &digits[start.min(digits.len().saturating_sub(count))..];
    if zero == '0' {
        out.push_str(str::from_utf8(digits).unwrap_or_default());
    } else {
        let of = |digit: &u8| char::from_u32(u32::from(zero) + u32::from(digit - b'0'));
        out.extend(digits.iter().filter_map(of));
    }
}
