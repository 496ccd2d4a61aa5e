//! Reading dates by a pattern, as leniently as `SimpleDateFormat` does: fields roll over, text
//! behind the last field is ignored, `S` reads `846000` as so many milliseconds.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "integers are cut as Java cuts them; names are few"
)]

use std::rc::Rc;

use crate::ftl::format::calendar::Calendar;
use crate::ftl::format::calendar::Moment;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::locale::Names;
use crate::ftl::format::pattern::Field;
use crate::ftl::format::pattern::Item;
use crate::ftl::format::pattern::Pattern;
use crate::ftl::format::resolve::Parts;
use crate::ftl::format::zone::Zone;

/// Two-digit years lie in the hundred years that begin so many years ago.
const CENTURY_BEGAN: i64 = 80;

/// Reads a text; `now` decides which century a year of two digits is in.
///
/// # Errors
/// The offset in the text at which something else was expected.
pub fn parse(
    pattern: &Pattern,
    text: &str,
    zone: &Zone,
    locale: &Rc<Locale>,
    now: i64,
) -> Result<i64, usize> {
    let mut reader = Reader {
        text,
        at: 0,
        parts: Parts::default(),
        zone,
        named: None,
        locale,
        now,
        ambiguous_year: false,
        month_alone: pattern.month_alone,
    };
    for (index, item) in pattern.items.iter().enumerate() {
        match item {
            Item::Text(literal) => reader.literal(literal)?,
            Item::Field(field, count) => {
                // Digits that touch the next field are cut by the number of letters.
                let touches = match pattern.items.get(index + 1) {
                    Some(Item::Field(next, count)) => is_numeric(*next, *count),
                    _ => false,
                };
                reader.field(*field, *count, touches)?;
            }
        }
    }
    if reader.at == 0 {
        return Err(0);
    }
    let zone = reader.named.as_ref().unwrap_or(zone);
    let millis = reader.parts.millis(zone, locale);
    if reader.ambiguous_year && millis < century_start(now, reader.zone).1 {
        reader.parts.add_years(100);
        return Ok(reader.parts.millis(zone, locale));
    }
    Ok(millis)
}

/// The year in which the century of two-digit years begins, and the moment.
fn century_start(now: i64, zone: &Zone) -> (i64, i64) {
    let offset = i64::from(zone.offset(now).millis);
    let local = now.saturating_add(offset);
    let year = Moment::new(local, 0, Calendar::Mixed).year - CENTURY_BEGAN;
    let mut parts = Parts::of_moment(&Moment::new(local, 0, Calendar::Mixed));
    parts.add_years(-CENTURY_BEGAN);
    (year, zone.at_local(parts.local()))
}

fn is_numeric(field: Field, count: usize) -> bool {
    match field {
        Field::Month | Field::MonthAlone => count <= 2,
        Field::Era
        | Field::Weekday
        | Field::Half
        | Field::ZoneName
        | Field::ZoneNumber
        | Field::ZoneIso => false,
        _ => true,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    parts: Parts,
    zone: &'a Zone,
    /// The zone that the text names.
    named: Option<Zone>,
    locale: &'a Rc<Locale>,
    now: i64,
    ambiguous_year: bool,
    month_alone: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn literal(&mut self, literal: &str) -> Result<(), usize> {
        for c in literal.chars() {
            match self.rest().strip_prefix(c) {
                Some(_) => self.at += c.len_utf8(),
                None => return Err(self.at),
            }
        }
        Ok(())
    }

    fn field(&mut self, field: Field, count: usize, touches: bool) -> Result<(), usize> {
        let start = self.at;
        let spaces = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        if self.rest().len() == spaces {
            return Err(start);
        }
        match field {
            Field::Era => self.name(field, &[&self.locale.eras, &self.locale.eras_alone]),
            Field::Month if count > 2 && self.month_alone => {
                self.name(field, &[&self.locale.months_alone])
            }
            Field::Month if count > 2 => self.name(field, &[&self.locale.months]),
            Field::MonthAlone if count > 2 => {
                self.name(field, &[&self.locale.months, &self.locale.months_alone])
            }
            Field::Weekday => self.name(field, &[&self.locale.days]),
            Field::Half => self.name(field, &[&self.locale.halves]),
            Field::ZoneName | Field::ZoneNumber => {
                let gmt = start;
                self.at += spaces;
                self.zone(gmt)
            }
            Field::ZoneIso => {
                self.at += spaces;
                self.zone_iso(count)
            }
            _ => {
                self.at += spaces;
                // The letters count from before the spaces.
                let end = if touches { Some(start + count) } else { None };
                self.number(field, count, end)
            }
        }
    }

    /// A name, in any case; the longest one wins.
    fn name(&mut self, field: Field, names: &[&Names]) -> Result<(), usize> {
        let rest = self.rest();
        let mut best: Option<(usize, usize)> = None;
        for names in names.iter().flat_map(|names| [&names.long, &names.short]) {
            for (value, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
                if let Some(length) = starts_with_ignoring_case(rest, name)
                    && best.is_none_or(|(longest, _)| longest < name.chars().count())
                {
                    best = Some((name.chars().count(), value));
                    self.at = self.text.len() - rest.len() + length;
                }
            }
        }
        let (_, value) = best.ok_or(self.at)?;
        let value = value as i64;
        match field {
            Field::Era => self.parts.set_era(value),
            Field::Weekday => self.parts.set_weekday(value + 1),
            Field::Half => self.parts.set_half(value),
            _ => self.parts.set_month(value),
        }
        Ok(())
    }

    fn number(&mut self, field: Field, count: usize, end: Option<usize>) -> Result<(), usize> {
        let start = self.at;
        let (value, length) = match end {
            Some(end) => {
                let cut = self.text.get(..end).ok_or(start)?;
                read_integer(cut.get(start..).unwrap_or_default(), self.locale)
            }
            None => read_integer(self.rest(), self.locale),
        }
        .ok_or(start)?;
        self.at += length;
        let value = i64::from(value);
        let parts = &mut self.parts;
        match field {
            Field::Year | Field::WeekYear => {
                let digits = &self.text[start..start + length];
                let two_digits =
                    digits.chars().count() == 2 && digits.chars().all(|c| digit_of(c).is_some());
                let ahead = self.locale.years_ahead;
                let mut year = value;
                if count <= 2 && two_digits {
                    let start = century_start(self.now, self.zone).0 + ahead;
                    let edge = start.rem_euclid(100);
                    self.ambiguous_year = value == edge;
                    year += start / 100 * 100 + if value < edge { 100 } else { 0 };
                }
                if field == Field::Year {
                    parts.set_year(year - ahead);
                } else {
                    // Java's calendar of Thailand takes them off twice.
                    parts.set_week_year(year - 2 * ahead);
                }
            }
            Field::Month | Field::MonthAlone => parts.set_month(value - 1),
            Field::WeekOfYear => parts.set_week_of_year(value),
            Field::WeekOfMonth => parts.set_week_of_month(value),
            Field::DayOfYear => parts.set_day_of_year(value),
            Field::WeekdayInMonth => parts.set_weekday_in_month(value),
            Field::WeekdayNumber => parts.set_iso_weekday(value),
            Field::Hour => parts.set_hour(value),
            Field::HourFrom1 => parts.set_hour(if value == 24 { 0 } else { value }),
            Field::HalfHour => parts.set_half_hour(value),
            Field::HalfHourFrom1 => parts.set_half_hour(if value == 12 { 0 } else { value }),
            Field::Minute => parts.set_minute(value),
            Field::Second => parts.set_second(value),
            Field::Milli => parts.set_milli(value),
            _ => parts.set_day(value),
        }
        Ok(())
    }

    /// `GMT`, `GMT+2:00`, `+0200`, or the name of a zone.
    fn zone(&mut self, gmt: usize) -> Result<(), usize> {
        let sign = |rest: &str| match rest.chars().next() {
            Some('+') => Some(1),
            Some('-') => Some(-1),
            _ => None,
        };
        if let Some(sign) = sign(self.rest()) {
            self.at += 1;
            return self.offset(sign, 0, false);
        }
        if self.rest().starts_with(['G', 'g']) {
            // As in Java, spaces before `GMT` are not skipped here.
            let starts = self.text.get(gmt..gmt + 3);
            if !starts.is_some_and(|start| start.eq_ignore_ascii_case("GMT")) {
                return self.zone_name();
            }
            self.at = gmt + 3;
            if let Some(sign) = sign(self.rest()) {
                self.at += 1;
                return self.offset(sign, 0, true);
            }
            self.parts.set_offset(0);
            return Ok(());
        }
        self.zone_name()
    }

    fn zone_name(&mut self) -> Result<(), usize> {
        let (zone, length, daylight) =
            self.zone.match_name(self.rest(), self.locale).ok_or(self.at)?;
        let saving = zone.saving();
        match daylight {
            Some(true) if saving != 0 => self.parts.set_saving(saving),
            Some(false) => self.parts.set_saving(0),
            _ => {}
        }
        self.named = Some(zone);
        self.at += length;
        Ok(())
    }

    /// `Z`, `+02`, `+0200` or `+02:00`.
    fn zone_iso(&mut self, count: usize) -> Result<(), usize> {
        let sign = match self.rest().chars().next() {
            Some('Z') => {
                self.at += 1;
                self.parts.set_offset(0);
                return Ok(());
            }
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(self.at),
        };
        self.at += 1;
        self.offset(sign, count, count == 3)
    }

    /// Hours and minutes. `count` is that of `X`, 0 for other letters.
    fn offset(&mut self, sign: i32, count: usize, colon: bool) -> Result<(), usize> {
        let bytes = self.rest().as_bytes();
        let digit = |at: usize| {
            let byte = bytes.get(at).filter(|byte| byte.is_ascii_digit());
            byte.map(|byte| i32::from(byte - b'0'))
        };
        let wrong = self.at;
        let mut hours = digit(0).ok_or(wrong)?;
        let mut next = 1;
        match digit(1) {
            Some(second) => {
                hours = hours * 10 + second;
                next = 2;
            }
            None if count > 0 || !colon || bytes.len() < 2 => return Err(wrong),
            None => {}
        }
        let mut minutes = 0;
        if count != 1 {
            if colon {
                if bytes.get(next) != Some(&b':') {
                    return Err(wrong);
                }
                next += 1;
            }
            minutes = digit(next).zip(digit(next + 1)).map(|(a, b)| a * 10 + b).ok_or(wrong)?;
            next += 2;
        }
        if hours > 23 || minutes > 59 {
            return Err(wrong);
        }
        self.at += next;
        self.parts.set_offset((hours * 60 + minutes) * 60_000 * sign);
        Ok(())
    }
}

/// The length of the start of `text` that is `name` but for upper and lower case.
fn starts_with_ignoring_case(text: &str, name: &str) -> Option<usize> {
    let mut chars = text.chars();
    for expected in name.chars() {
        let found = chars.next()?;
        if found != expected
            && !found.to_uppercase().eq(expected.to_uppercase())
            && !found.to_lowercase().eq(expected.to_lowercase())
        {
            return None;
        }
    }
    Some(text.len() - chars.as_str().len())
}

/// An integer as Java's number format reads it: a minus, digits of any script, an exponent.
fn read_integer(text: &str, locale: &Locale) -> Option<(i32, usize)> {
    let (negative, digits) = match text.strip_prefix(locale.symbols.minus.as_str()) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value: i128 = 0;
    let mut rest = digits;
    while let Some(digit) = rest.chars().next().and_then(digit_of) {
        value = value.saturating_mul(10).saturating_add(i128::from(digit));
        rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
    }
    if rest.len() == digits.len() {
        return None;
    }
    if let Some((exponent, behind)) = read_exponent(rest, locale) {
        rest = behind;
        for _ in 0..exponent.unsigned_abs().min(40) {
            value = if exponent < 0 { value / 10 } else { value.saturating_mul(10) };
        }
    }
    let value = if negative { -value } else { value };
    let value = match i64::try_from(value) {
        Ok(value) => value as i32,
        Err(_) => {
            if negative {
                i32::MIN
            } else {
                i32::MAX
            }
        }
    };
    Some((value, text.len() - rest.len()))
}

fn read_exponent<'a>(text: &'a str, locale: &Locale) -> Option<(i32, &'a str)> {
    let rest = text.strip_prefix(locale.symbols.exponent.as_str())?;
    let (negative, digits) = match rest.strip_prefix(locale.symbols.minus.as_str()) {
        Some(digits) => (true, digits),
        None => (false, rest),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let exponent = digits[..end].parse::<i32>().ok()?;
    Some((if negative { -exponent } else { exponent }, &digits[end..]))
}

/// The value of a decimal digit of any script.
pub(in crate::ftl) fn digit_of(c: char) -> Option<u32> {
    /// Zeros of the scripts that locales use.
    const ZEROS: [char; 19] = [
        '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០', '᠐',
        '０',
    ];
    c.to_digit(10).or_else(|| {
        let of = |zero: &char| (c as u32).checked_sub(*zero as u32).filter(|digit| *digit < 10);
        ZEROS.iter().find_map(of)
    })
}
