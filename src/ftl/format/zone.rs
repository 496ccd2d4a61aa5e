//! Time zones by their Java names, with their history.
//!
//! The history is the IANA database that comes with the program; the English names are those of
//! Java 17 (`tests/oracle/ZoneTable.java` prints the table anew).

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;

/// Four names and the zones that have them, in the order in which Java tries them.
const NAMES: &str = include_str!("data/zones.txt");

/// The names of three letters that Java still knows.
const SHORT_IDS: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// Zones whose winter time the database calls daylight saving, which Java never does.
const NEGATIVE_SAVING: [&str; 5] =
    ["Europe/Dublin", "Eire", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Windhoek"];

const HOUR: i32 = 3_600_000;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    id: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    /// Always as many milliseconds ahead of UTC.
    Fixed(i32),
    History(TimeZone),
}

/// What a zone's clocks show at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Milliseconds ahead of UTC.
    pub millis: i32,
    /// Whether it is daylight saving time.
    pub daylight: bool,
}

impl Zone {
    /// UTC, under that name.
    pub fn utc() -> Self {
        Self { id: "UTC".into(), rule: Rule::Fixed(0) }
    }

    /// The zone of a name: `UTC`, `Europe/Rome`, `PST`, `GMT+02:00`.
    ///
    /// # Errors
    /// For a name that Java doesn't know either.
    pub fn find(name: &str) -> Result<Self, Fault> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        if let Some(zone) = custom(name) {
            return Ok(zone);
        }
        let fixed = |hours: i32| Self { id: name.to_owned(), rule: Rule::Fixed(hours * HOUR) };
        match name {
            "GMT" | "Z" | "JVM default" => return Ok(Self { id: "GMT".into(), ..fixed(0) }),
            "EST" => return Ok(fixed(-5)),
            "MST" => return Ok(fixed(-7)),
            "HST" => return Ok(fixed(-10)),
            _ => {}
        }
        let alias = SHORT_IDS.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
        match jiff::tz::db().get(alias.unwrap_or(name)) {
            Ok(zone) => Ok(Self { id: name.to_owned(), rule: Rule::History(zone) }),
            Err(_) => Err(Fault::new(
                TemplateErrorKind::BadArgument,
                format!("unknown time zone `{name}`"),
            )
            .with_hint("time zones have names like `UTC`, `Europe/Rome` and `GMT+02:00`")),
        }
    }

    /// The name it was asked for by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is UTC itself, not just as late.
    pub fn is_utc(&self) -> bool {
        self.id == "UTC"
    }

    /// What its clocks show at a moment.
    #[inline]
    pub fn offset(&self, millis: i64) -> Offset {
        match &self.rule {
            Rule::Fixed(millis) => Offset { millis: *millis, daylight: false },
            Rule::History(zone) => {
                let info = zone.to_offset_info(timestamp(millis));
                let negative = NEGATIVE_SAVING.contains(&&*self.id);
                let daylight = info.dst().is_dst();
                Offset {
                    millis: info.offset().seconds() * 1000,
                    daylight: if negative {
                        self.is_summer(millis, info.offset())
                    } else {
                        daylight
                    },
                }
            }
        }
    }

    /// The moment at which its clocks show `local`, milliseconds since 1970 on the clock. What a
    /// change of clocks leaves out counts from the time before, what it repeats is the later one.
    pub fn at_local(&self, local: i64) -> i64 {
        let Rule::History(_) = &self.rule else {
            return local.wrapping_sub(i64::from(self.offset(0).millis));
        };
        const DAY: i64 = 86_400_000;
        let offset = |millis: i64| i64::from(self.offset(millis).millis);
        let before = offset(local.saturating_sub(DAY));
        let after = offset(local.saturating_add(DAY));
        if before == after {
            return local.wrapping_sub(before);
        }
        let (early, late) = (local.wrapping_sub(before), local.wrapping_sub(after));
        match (offset(early) == before, offset(late) == after) {
            (true, true) => early.max(late),
            (false, true) => late,
            _ => early,
        }
    }

    /// How much daylight saving time puts the clocks ahead nowadays, in milliseconds; 0 where
    /// there is none.
    pub fn saving(&self) -> i32 {
        /// January and July of 2024.
        const SEASONS: [i64; 2] = [1_705_276_800_000, 1_721_001_600_000];
        let seasons = SEASONS.map(|millis| self.offset(millis));
        if seasons.iter().any(|offset| offset.daylight) {
            (seasons[0].millis - seasons[1].millis).abs()
        } else {
            0
        }
    }

    /// Writes its English name, as Java's pattern letter `z` does.
    pub fn write_name(&self, offset: Offset, long: bool, out: &mut String) {
        let row = NAMES.lines().find(|line| line.split('\t').skip(4).any(|id| id == self.id));
        let column = usize::from(!long) + if offset.daylight { 2 } else { 0 };
        match row.and_then(|row| row.split('\t').nth(column)) {
            Some(name) => out.push_str(name),
            None => write_custom(offset.millis, out),
        }
    }

    /// The zone whose name stands at the start of a text, the length of the name, and whether the
    /// name is one of daylight saving time; `None` for that when it is the same all year.
    pub fn match_name(&self, text: &str) -> Option<(Self, usize, Option<bool>)> {
        let own = |line: &&str| line.split('\t').skip(4).any(|id| id == self.id);
        let rows = NAMES.lines().filter(own).map(|row| (row, self.id.as_str()));
        let utc = NAMES.lines().filter(|line| line.split('\t').skip(4).any(|id| id == "UTC"));
        let all = NAMES.lines().filter_map(|row| Some((row, row.split('\t').nth(4)?)));
        for (row, id) in rows.chain(utc.map(|row| (row, "UTC"))).chain(all) {
            let names: Vec<&str> = row.split('\t').take(4).collect();
            let starts = |name: &&str| {
                let start = text.get(..name.len());
                !name.is_empty() && start.is_some_and(|start| start.eq_ignore_ascii_case(name))
            };
            if let Some(at) = names.iter().position(starts) {
                let same = at < 2 && names[at].eq_ignore_ascii_case(names[at + 2]);
                let zone = if id == self.id { self.clone() } else { Self::find(id).ok()? };
                return Some((zone, names[at].len(), (!same).then_some(at >= 2)));
            }
        }
        None
    }

    /// Where the database has negative savings: whether the clocks are ahead of the other season.
    fn is_summer(&self, millis: i64, offset: jiff::tz::Offset) -> bool {
        const HALF_YEAR: i64 = 15_778_800_000;
        let Rule::History(zone) = &self.rule else { return false };
        let around = [millis.saturating_sub(HALF_YEAR), millis.saturating_add(HALF_YEAR)];
        let other = |millis| zone.to_offset_info(timestamp(millis)).offset();
        around.iter().any(|millis| other(*millis) < offset)
    }
}

/// Milliseconds as the database takes them: at most some ten thousand years away.
fn timestamp(millis: i64) -> Timestamp {
    let edge = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(edge)
}

/// `GMT+2`, `GMT-0330`, `GMT+02:00`.
fn custom(name: &str) -> Option<Zone> {
    let rest = name.strip_prefix("GMT")?;
    let negative = rest.starts_with('-');
    let digits = rest.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if matches!(hours.len(), 1 | 2) && minutes.len() == 2 => {
            (hours, minutes)
        }
        Some(_) => return None,
        None if digits.len() <= 2 => (digits, "0"),
        None if digits.len() <= 4 && digits.is_ascii() => digits.split_at(digits.len() - 2),
        None => return None,
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<i32>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(Zone::fixed((hours * 60 + minutes) * if negative { -1 } else { 1 }))
}

impl Zone {
    /// A zone that is always so many minutes ahead of UTC.
    pub fn fixed(minutes: i32) -> Self {
        let millis = minutes * 60_000;
        let mut id = String::new();
        if millis == 0 {
            id.push_str("GMT");
        } else {
            write_custom(millis, &mut id);
        }
        Self { id, rule: Rule::Fixed(millis) }
    }
}

/// `GMT+02:00`
fn write_custom(millis: i32, out: &mut String) {
    if millis == 0 {
        out.push_str("GMT");
        return;
    }
    let sign = if millis < 0 { '-' } else { '+' };
    let minutes = millis.abs() / 60_000;
    let _ = write!(out, "GMT{sign}{:02}:{:02}", minutes / 60, minutes % 60);
}
