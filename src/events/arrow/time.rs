//! Times as texts, in ISO 8601, as Python's `isoformat` writes them.
//!
//! A time with a zone is written with that zone's offset at that time; one without is written
//! without, because nobody knows which zone was meant.

use std::fmt::Write as _;

use arrow_array::types::IntervalMonthDayNano;
use arrow_schema::TimeUnit;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;
use jiff::tz::TimeZone;

use crate::events::EventErrorKind;
use crate::events::arrow::out::Bad;

const NANOS: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;
const MILLIS_A_DAY: i64 = SECONDS_A_DAY * 1000;

/// How many of a unit a second has.
pub(in crate::events::arrow) fn a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NANOS,
    }
}

/// The zone of a column of times.
#[derive(Clone, Debug)]
pub(in crate::events::arrow) enum Zone {
    /// None is known.
    None,
    /// Always the same.
    Fixed(Offset),
    /// One that has a history.
    Named(TimeZone),
}

impl Zone {
    /// The zone of this name: `Europe/Berlin`, `+01:00`; none without a name, and `None` when there
    /// is no zone of that name.
    pub(in crate::events::arrow) fn new(name: Option<&str>) -> Option<Self> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Some(Self::None) };
        if let Some(offset) = offset_of(name) {
            return Some(Self::Fixed(offset));
        }
        let zone = TimeZone::get(name).ok()?;
        Some(match zone.to_fixed_offset() {
            Ok(offset) => Self::Fixed(offset),
            Err(_) => Self::Named(zone),
        })
    }
}

/// `+01:00`, `-0530`, `+09`.
fn offset_of(name: &str) -> Option<Offset> {
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = name[1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str| text.parse::<i32>().unwrap_or_default();
    let minutes = number(&digits[..2]) * 60 + number(&digits[2..]);
    Offset::from_seconds(sign * minutes * 60).ok()
}

/// A point in time: so many units since 1970.
pub(in crate::events::arrow) fn write_timestamp(
    value: i64,
    a_second: i64,
    zone: &Zone,
    out: &mut String,
) -> Result<(), Bad> {
    let nanos = value.rem_euclid(a_second) * (NANOS / a_second);
    let time = Timestamp::new(value.div_euclid(a_second), nanos as i32).map_err(|_| too_far())?;
    let offset = match zone {
        Zone::None => Offset::UTC,
        Zone::Fixed(offset) => *offset,
        Zone::Named(zone) => zone.to_offset(time),
    };
    let local = offset.to_datetime(time);
    write_day(local.date(), out)?;
    out.push('T');
    let clock = local.time();
    write_clock([clock.hour(), clock.minute(), clock.second()], nanos, out);
    if !matches!(zone, Zone::None) {
        write_offset(offset.seconds(), out);
    }
    Ok(())
}

/// So many days since 1970.
pub(in crate::events::arrow) fn write_date(days: i64, out: &mut String) -> Result<(), Bad> {
    let seconds = days.checked_mul(SECONDS_A_DAY).ok_or_else(too_far)?;
    let time = Timestamp::from_second(seconds).map_err(|_| too_far())?;
    write_day(Offset::UTC.to_datetime(time).date(), out)
}

/// The day of so many milliseconds since 1970.
pub(in crate::events::arrow) fn write_date_of_millis(
    millis: i64,
    out: &mut String,
) -> Result<(), Bad> {
    write_date(millis.div_euclid(MILLIS_A_DAY), out)
}

/// A time of the day: so many units since midnight.
pub(in crate::events::arrow) fn write_time(
    value: i64,
    a_second: i64,
    out: &mut String,
) -> Result<(), Bad> {
    let seconds = value.div_euclid(a_second);
    // 24:00:00 is midnight at the end of the day; DuckDB has it.
    if !(0..=SECONDS_A_DAY).contains(&seconds) {
        let message = "expected a time of the day, found more or less than a day".to_owned();
        return Err(Bad::new(EventErrorKind::NotJson, message));
    }
    let nanos = value.rem_euclid(a_second) * (NANOS / a_second);
    write_clock(
        [seconds / 3600, seconds / 60 % 60, seconds % 60].map(|part| part as i8),
        nanos,
        out,
    );
    Ok(())
}

/// A length of time as a number of seconds, exactly.
pub(in crate::events::arrow) fn write_seconds(value: i64, a_second: i64, out: &mut String) {
    let digits = a_second.ilog10() as usize;
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    let a_second = a_second.unsigned_abs();
    let (whole, fraction) = (value / a_second, value % a_second);
    let _ = write!(out, "{sign}{whole}");
    if fraction > 0 {
        let _ = write!(out, ".{fraction:0digits$}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// A length of time in months, days and nanoseconds, none of which is a number of the others.
pub(in crate::events::arrow) fn write_interval(interval: IntervalMonthDayNano, out: &mut String) {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    out.push('P');
    if months != 0 {
        let _ = write!(out, "{months}M");
    }
    if days != 0 {
        let _ = write!(out, "{days}D");
    }
    if nanoseconds != 0 || (months == 0 && days == 0) {
        out.push('T');
        write_seconds(nanoseconds, NANOS, out);
        out.push('S');
    }
}

/// `2026-11-23`. Other tools know no years of more digits.
fn write_day(date: civil::Date, out: &mut String) -> Result<(), Bad> {
    let year = date.year();
    if !(1..=9999).contains(&year) {
        return Err(too_far());
    }
    write_number(i64::from(year), 4, out);
    out.push('-');
    write_number(date.month().into(), 2, out);
    out.push('-');
    write_number(date.day().into(), 2, out);
    Ok(())
}

/// `09:41:00`, and six or nine digits more where they say something.
fn write_clock(parts: [i8; 3], nanos: i64, out: &mut String) {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        write_number(part.into(), 2, out);
    }
    if nanos % 1000 != 0 {
        out.push('.');
        write_number(nanos, 9, out);
    } else if nanos != 0 {
        out.push('.');
        write_number(nanos / 1000, 6, out);
    }
}

/// `+01:00`; zones of long ago have seconds, too.
fn write_offset(seconds: i32, out: &mut String) {
    out.push(if seconds < 0 { '-' } else { '+' });
    let seconds = i64::from(seconds.abs());
    write_number(seconds / 3600, 2, out);
    out.push(':');
    write_number(seconds / 60 % 60, 2, out);
    if seconds % 60 != 0 {
        out.push(':');
        write_number(seconds % 60, 2, out);
    }
}

/// A number of at most nine digits, all of which are written. The machinery of `write!` takes five
/// times as long.
fn write_number(number: i64, digits: usize, out: &mut String) {
    let mut text = [b'0'; 9];
    let mut rest = number.unsigned_abs() as u32;
    for digit in text[..digits].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(text[..digits].iter().copied().map(char::from));
}

fn too_far() -> Bad {
    let message = "expected a time in the years 1 to 9999, found one that is far off".to_owned();
    Bad::not_json(message, "the unit of the column may be wrong: seconds read as milliseconds")
}
