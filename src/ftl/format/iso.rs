//! `iso` and `xs`: ISO 8601 and XML Schema dates, with FreeMarker's options.

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::calendar::Calendar;
use crate::ftl::format::calendar::Moment;
use crate::ftl::format::calendar::gregorian_days;
use crate::ftl::format::calendar::month_length;
use crate::ftl::format::pattern::push_padded;
use crate::ftl::format::zone::Zone;
use crate::ftl::model::DateKind;

/// How exactly the time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accuracy {
    /// `12`
    Hours,
    /// `12:30`
    Minutes,
    /// `12:30:18`
    Seconds,
    /// `12:30:18.25`: without zeros at the end, or any fraction when there is none.
    Millis,
    /// `12:30:18.250`
    AllMillis,
}

/// What is written, and how.
#[derive(Clone, Copy, Debug)]
pub struct IsoStyle {
    /// XML Schema instead of ISO 8601.
    pub schema: bool,
    /// How exactly.
    pub accuracy: Accuracy,
    /// Whether the offset from UTC is shown.
    pub offset: bool,
}

/// A format of `iso …` or `xs …`.
#[derive(Clone, Debug)]
pub struct IsoFormat {
    style: IsoStyle,
    kind: DateKind,
    /// The zone it writes in, and the zone of what it reads when that names none.
    zone: Zone,
}

impl IsoFormat {
    /// Compiles `iso_ms_nz`, `xs fz u` and their like.
    ///
    /// # Errors
    /// For options that don't exist or don't go together.
    pub fn new(text: &str, kind: DateKind, zone: &Zone) -> Result<Self, Fault> {
        let schema = text.starts_with("xs");
        let mut accuracy = None;
        let mut offset = None;
        let mut utc = false;
        let wrong = |what: String| {
            let message = format!("expected a date format, found `{text}`: {what}");
            Fault::new(TemplateErrorKind::BadFormat, message).with_hint(
                "`iso` and `xs` take the options `h m s ms` (how exact), `nz fz` (without or with \
                 the offset) and `u` (as UTC), joined by `_` or a space: `iso_ms_u`",
            )
        };
        let mut rest = &text[if schema { 2 } else { 3 }..];
        if let Some(c) = rest.chars().next().filter(|c| !matches!(c, '_' | ' ')) {
            return Err(wrong(format!("there is no `_` before `{c}`")));
        }
        loop {
            rest = rest.trim_start_matches(['_', ' ']);
            let Some(c) = rest.chars().next() else { break };
            let option = ["ms", "fu", "nz", "fz", "h", "m", "s", "u"]
                .into_iter()
                .find(|option| rest.starts_with(option));
            let Some(option) = option else {
                return Err(wrong(format!("there is no option `{c}`")));
            };
            let twice = match option {
                "nz" | "fz" => offset.replace(option == "fz").is_some(),
                "u" | "fu" => std::mem::replace(&mut utc, true),
                _ => {
                    let own = match option {
                        "h" => Accuracy::Hours,
                        "m" => Accuracy::Minutes,
                        "s" => Accuracy::Seconds,
                        _ => Accuracy::AllMillis,
                    };
                    if schema && own < Accuracy::Seconds {
                        return Err(wrong("XML Schema has no times without seconds".into()));
                    }
                    accuracy.replace(own).is_some()
                }
            };
            if twice {
                return Err(wrong(format!("`{option}` repeats or contradicts an option")));
            }
            rest = &rest[option.len()..];
            if let Some(c) = rest.chars().next().filter(|c| !matches!(c, '_' | ' ')) {
                return Err(wrong(format!("there is no `_` before `{c}`")));
            }
        }
        let style = IsoStyle {
            schema,
            accuracy: accuracy.unwrap_or(Accuracy::Millis),
            offset: offset.unwrap_or(true),
        };
        Ok(Self { style, kind, zone: if utc { Zone::utc() } else { zone.clone() } })
    }

    /// Writes a moment.
    pub fn write(&self, millis: i64, out: &mut String) {
        let style = self.style;
        let offset = style.offset && (style.schema || self.kind != DateKind::Date);
        write(millis, self.kind, IsoStyle { offset, ..style }, &self.zone, out);
    }

    /// Reads a date, time or both, in milliseconds since 1970.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(&self, text: &str, kind: DateKind) -> Result<i64, String> {
        let reader = |compact| Reader { rest: text, schema: self.style.schema, compact };
        let expected = || {
            let examples = match (kind, self.style.schema) {
                (DateKind::Date, true) => "`2024-01-31`",
                (DateKind::Date, false) => "`2024-01-31` or `20240131`",
                (DateKind::Time, true) => "`10:30:00` or `10:30:00.5Z`",
                (DateKind::Time, false) => "`10:30`, `10:30:00.5Z` or `103000`",
                (_, true) => "`2024-01-31T10:30:00Z`",
                (_, false) => "`2024-01-31T10:30:00Z` or `20240131T103000Z`",
            };
            format!("it looks like {examples}")
        };
        let read = reader(false).all(kind);
        let read = if read.is_none() && !self.style.schema { reader(true).all(kind) } else { read };
        read.ok_or_else(expected)?.millis(&self.zone, self.style.schema)
    }
}

/// The moment that an ISO 8601 text names, in milliseconds since 1970; UTC where it names no zone.
/// A date alone is its midnight.
pub fn moment_millis(text: &str) -> Option<i64> {
    let format = IsoFormat::new("iso", DateKind::DateTime, &Zone::utc()).ok()?;
    let kind = if text.contains('T') { DateKind::DateTime } else { DateKind::Date };
    format.parse(text, kind).ok()
}

/// Writes a moment as the zone shows it.
pub fn write(millis: i64, kind: DateKind, style: IsoStyle, zone: &Zone, out: &mut String) {
    let offset = zone.offset(millis).millis;
    let moment = Moment::new(millis, offset, Calendar::Gregorian);
    if kind != DateKind::Time {
        write_date(&moment, style.schema, out);
    }
    if kind != DateKind::Date {
        if kind != DateKind::Time {
            out.push('T');
        }
        write_time(&moment, style.accuracy, out);
    }
    if style.offset {
        write_offset(offset, out);
    }
}

fn write_date(moment: &Moment, schema: bool, out: &mut String) {
    // XML Schema knows no year 0: the one before 1 is -1.
    let year = if schema && moment.year <= 0 { moment.year - 1 } else { moment.year };
    if year < 0 {
        out.push('-');
        push_padded(year.unsigned_abs(), 1, '0', out);
    } else {
        push_padded(year.unsigned_abs(), 4, '0', out);
    }
    out.push('-');
    push_padded(moment.month.into(), 2, '0', out);
    out.push('-');
    push_padded(moment.day.into(), 2, '0', out);
}

fn write_time(moment: &Moment, accuracy: Accuracy, out: &mut String) {
    push_padded(moment.hour.into(), 2, '0', out);
    if accuracy >= Accuracy::Minutes {
        out.push(':');
        push_padded(moment.minute.into(), 2, '0', out);
    }
    if accuracy >= Accuracy::Seconds {
        out.push(':');
        push_padded(moment.second.into(), 2, '0', out);
    }
    if accuracy == Accuracy::AllMillis || (accuracy == Accuracy::Millis && moment.milli != 0) {
        out.push('.');
        push_padded(moment.milli.into(), 3, '0', out);
        while accuracy == Accuracy::Millis && out.ends_with('0') {
            out.pop();
        }
    }
}

fn write_offset(millis: i32, out: &mut String) {
    if millis / 1000 == 0 {
        out.push('Z');
        return;
    }
    out.push(if millis < 0 { '-' } else { '+' });
    let seconds = u64::from(millis.unsigned_abs() / 1000);
    push_padded(seconds / 3600, 2, '0', out);
    out.push(':');
    push_padded(seconds / 60 % 60, 2, '0', out);
    if seconds % 60 != 0 {
        out.push(':');
        push_padded(seconds % 60, 2, '0', out);
    }
}

/// What was read, not yet checked.
#[derive(Default)]
struct Fields {
    date: Option<(i64, i64, i64)>,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
    zone: Option<Zone>,
}

impl Fields {
    fn millis(self, zone: &Zone, schema: bool) -> Result<i64, String> {
        /// Java counts no further.
        const MAX_YEAR: i64 = 292_278_993;
        let (year, month, day) = self.date.unwrap_or((1970, 1, 1));
        // XML Schema calls the year before 1 -1.
        let year = match year {
            0 if schema => return Err("XML Schema has no year 0".into()),
            ..0 if schema => year + 1,
            year => year,
        };
        if year.abs() > MAX_YEAR {
            return Err(format!("there is no year {year}"));
        }
        if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
            return Err("there is no such day".into());
        }
        let midnight = self.hour == 24 && self.minute + self.second + self.milli == 0;
        if (self.hour > 23 && !midnight) || self.minute > 59 || self.second > 59 {
            return Err("there is no such time of the day".into());
        }
        let hour = if midnight { 0 } else { self.hour };
        let days = gregorian_days(year, month, day) + i64::from(midnight);
        let seconds = (days * 24 + hour) * 3600 + self.minute * 60 + self.second;
        let local = seconds * 1000 + self.milli;
        let zone = self.zone.as_ref().unwrap_or(zone);
        let millis = zone.at_local(local);
        if millis + i64::from(zone.offset(millis).millis) != local {
            return Err("the clocks of the time zone leave out this time".into());
        }
        Ok(millis)
    }
}

struct Reader<'a> {
    rest: &'a str,
    schema: bool,
    /// Without `-` and `:`.
    compact: bool,
}

impl Reader<'_> {
    fn all(mut self, kind: DateKind) -> Option<Fields> {
        let mut fields = Fields::default();
        if kind != DateKind::Time {
            fields.date = Some(self.date()?);
        }
        if kind != DateKind::Date {
            if kind != DateKind::Time {
                self.skip("T")?;
            }
            self.time(&mut fields)?;
        }
        if kind != DateKind::Date || self.schema {
            self.zone(&mut fields)?;
        }
        self.rest.is_empty().then_some(fields)
    }

    fn skip(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let negative = self.skip("-").is_some();
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let year = if self.compact { length.checked_sub(4)? } else { length };
        if year < if self.schema { 1 } else { 4 } {
            return None;
        }
        let (digits, rest) = self.rest.split_at(year);
        self.rest = rest;
        // A year beyond what Java counts is refused where the date is checked.
        let year = digits.parse::<i64>().unwrap_or(i64::MAX);
        self.separator("-")?;
        let month = i64::from(self.two()?);
        self.separator("-")?;
        Some((if negative { -year } else { year }, month, self.two()?.into()))
    }

    fn time(&mut self, fields: &mut Fields) -> Option<()> {
        fields.hour = self.two()?.into();
        if !self.goes_on() {
            return (!self.schema).then_some(());
        }
        self.separator(":")?;
        fields.minute = self.two()?.into();
        if !self.goes_on() {
            return (!self.schema).then_some(());
        }
        self.separator(":")?;
        fields.second = self.two()?.into();
        let point = self.rest.starts_with('.') || (!self.schema && self.rest.starts_with(','));
        if point {
            self.rest = &self.rest[1..];
            let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = self.rest.split_at(length);
            self.rest = rest;
            let millis = digits.get(..3).unwrap_or(digits);
            let scale = [0, 100, 10, 1].get(millis.len()).copied()?;
            fields.milli = millis.parse::<i64>().ok()? * scale;
        }
        Some(())
    }

    /// Whether minutes or seconds follow.
    fn goes_on(&self) -> bool {
        if self.compact {
            self.rest.starts_with(|c: char| c.is_ascii_digit())
        } else {
            self.rest.starts_with(':')
        }
    }

    /// Reads a zone if there is one; `None` when what follows is no zone.
    fn zone(&mut self, fields: &mut Fields) -> Option<()> {
        if self.skip("Z").is_some() {
            fields.zone = Some(Zone::utc());
            return Some(());
        }
        let negative = self.rest.starts_with('-');
        if !negative && !self.rest.starts_with('+') {
            return Some(());
        }
        self.rest = &self.rest[1..];
        let hours = self.two()?;
        let minutes = if self.goes_on() {
            self.separator(":")?;
            self.two()?
        } else if self.schema {
            return None;
        } else {
            0
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let minutes = hours * 60 + minutes;
        fields.zone = Some(Zone::fixed(if negative { -minutes } else { minutes }));
        Some(())
    }

    fn separator(&mut self, separator: &str) -> Option<()> {
        if self.compact { Some(()) } else { self.skip(separator) }
    }

    fn two(&mut self) -> Option<i32> {
        let digits = self.rest.get(..2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = &self.rest[2..];
        digits.parse().ok()
    }
}
