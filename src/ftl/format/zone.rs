//! Time zones by their Java names, with their history.
//!
//! The history is the IANA database that comes with the program.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::zone_names;
use crate::ftl::format::zone_names::Row;

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

/// Where the database calls summer time the standard and Java does not: the zone, when (in
/// milliseconds since 1970), and the offset in hours above which it is daylight saving time.
const SUMMER_STANDARD: [(&str, i64, i64, i32); 5] = [
    ("Europe/Dublin", i64::MIN, i64::MAX, 0),
    ("Eire", i64::MIN, i64::MAX, 0),
    ("Africa/Casablanca", 1_540_692_000_000, i64::MAX, 0),
    ("Africa/El_Aaiun", 1_540_692_000_000, i64::MAX, 0),
    ("Africa/Windhoek", 764_200_800_000, 1_508_806_800_000, 1),
];

/// Java's history begins in 1900; before, zones have the standard time of today.
const HISTORY_BEGINS: i64 = -2_208_988_800_000;

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
    History(Box<History>),
}

#[derive(Clone, Debug)]
struct History {
    zone: TimeZone,
    /// The standard time of today, in milliseconds ahead of UTC.
    standard: i32,
    /// How much daylight saving time puts the clocks ahead nowadays.
    saving: i32,
    /// From when to when an offset above is daylight saving time whatever the database says.
    summer: Option<(i64, i64, i32)>,
}

impl History {
    fn new(id: &str, zone: TimeZone) -> Self {
        /// January and July of 2024.
        const SEASONS: [i64; 2] = [1_705_276_800_000, 1_721_001_600_000];
        let odd = SUMMER_STANDARD.iter().find(|(own, ..)| *own == id);
        let summer = odd.map(|(_, since, until, above)| (*since, *until, above * HOUR));
        let seasons = SEASONS.map(|millis| zone.to_offset(timestamp(millis)).seconds() * 1000);
        let standard = match summer {
            Some((_, i64::MAX, standard)) => standard,
            _ => seasons[0].min(seasons[1]),
        };
        Self { zone, standard, saving: seasons[0].max(seasons[1]) - standard, summer }
    }

    fn offset(&self, millis: i64) -> Offset {
        // At the end of time Java's sums overflow, so that it finds no summer there.
        const DAY: i64 = 86_400_000;
        if !(HISTORY_BEGINS..=i64::MAX - DAY).contains(&millis) {
            return Offset { millis: self.standard, daylight: false };
        }
        let info = self.zone.to_offset_info(timestamp(millis));
        let own = info.offset().seconds() * 1000;
        let saving = info.dst().is_dst();
        let daylight = match self.summer {
            Some((since, until, above)) if (since..until).contains(&millis) => own > above,
            _ => saving,
        };
        Offset { millis: own, daylight }
    }
}

fn unknown(name: &str) -> Fault {
    Fault::new(TemplateErrorKind::BadArgument, format!("unknown time zone `{name}`"))
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
        // What FreeMarker finds where it runs; here it is always the same.
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("JVM default") {
            return Ok(Self::utc());
        }
        if let Some(zone) = custom(name) {
            return Ok(zone);
        }
        let fixed = |hours: i32| Self { id: name.to_owned(), rule: Rule::Fixed(hours * HOUR) };
        // Java tells these from an unknown zone although it has no difference between them.
        if name.get(..3).is_some_and(|start| {
            ["GMT", "UTC", "UT1"].iter().any(|own| start.eq_ignore_ascii_case(own))
        }) && matches!(&name[3..], "" | "+0" | "+00" | "+00:00" | "-0" | "-00" | "-00:00")
        {
            return Ok(Self { id: "GMT".into(), ..fixed(0) });
        }
        match name {
            "Z" => return Ok(Self { id: "GMT".into(), ..fixed(0) }),
            "EST" => return Ok(fixed(-5)),
            "MST" => return Ok(fixed(-7)),
            "HST" => return Ok(fixed(-10)),
            _ => {}
        }
        let alias = SHORT_IDS.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
        let wanted = alias.unwrap_or(name);
        match jiff::tz::db().get(wanted) {
            // Another spelling is another name to Java.
            Ok(zone) if zone.iana_name().is_some_and(|own| own != wanted) => {
                let own = zone.iana_name().unwrap_or_default();
                Err(unknown(name).with_hint(format!("did you mean `{own}`?")))
            }
            Ok(zone) => {
                let history = Box::new(History::new(name, zone));
                Ok(Self { id: name.to_owned(), rule: Rule::History(history) })
            }
            Err(_) => Err(unknown(name)
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
            Rule::History(history) => history.offset(millis),
        }
    }

    /// The moment at which its clocks show `local`, milliseconds since 1970 on the clock. What a
    /// change of clocks leaves out counts from the time before, what it repeats is the later one.
    pub fn at_local(&self, local: i64) -> i64 {
        const DAY: i64 = 86_400_000;
        let Rule::History(_) = &self.rule else {
            return local.wrapping_sub(i64::from(self.offset(0).millis));
        };
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
        match &self.rule {
            Rule::Fixed(_) => 0,
            Rule::History(history) => history.saving,
        }
    }

    /// Writes its name in a locale, as Java's pattern letter `z` does.
    pub fn write_name(&self, offset: Offset, long: bool, locale: &Locale, out: &mut String) {
        let column = usize::from(!long) + if offset.daylight { 2 } else { 0 };
        let name_of = |id: &str| Some(Row::of(id)?.names(id, &locale.name)[column]);
        match name_of(&self.id) {
            Some(name) => out.push_str(name),
            // `GMT+02:00`
            None if self.id.starts_with("GMT") && self.id != "GMT0" => out.push_str(&self.id),
            // `GMT0`, `Etc/GMT-0`
            None if long && offset.millis == 0 => out.push_str(name_of("GMT").unwrap_or_default()),
            None => locale.write_offset(offset.millis / 60_000, out),
        }
    }

    /// The zone whose name stands at the start of a text, the length of the name, and whether the
    /// name is one of daylight saving time; `None` for that when it is the same all year.
    pub fn match_name(&self, text: &str, locale: &Locale) -> Option<(Self, usize, Option<bool>)> {
        let own = Row::of(&self.id).map(|row| (row, self.id.as_str()));
        let utc = Row::of("UTC").map(|row| (row, "UTC"));
        let all = zone_names::rows().iter().filter_map(|row| Some((row, *row.zones.first()?)));
        for (row, id) in own.into_iter().chain(utc).chain(all) {
            let mut names = row.names(id, &locale.name);
            if id == "UTC" {
                (names[0], names[2]) = (&locale.utc, &locale.utc);
            }
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
}

/// Milliseconds as the database takes them: what is too far away is moved by whole cycles of 400
/// years, after which the calendar repeats.
fn timestamp(millis: i64) -> Timestamp {
    const CYCLE: i64 = 146_097 * 86_400_000;
    /// The year 9000, where the last rule of a zone holds for long.
    const LAST: i64 = 221_845_392_000_000;
    let inside = if millis > LAST { LAST - CYCLE + (millis - LAST) % CYCLE } else { millis };
    Timestamp::from_millisecond(inside).unwrap_or(Timestamp::MIN)
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
        None if digits.len() <= 2 => (digits, "0"),
        None if digits.len() <= 4 && digits.is_ascii() => digits.split_at(digits.len() - 2),
        _ => return None,
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<i32>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    if hours == 0 && minutes == 0 {
        // Java keeps the sign in the name.
        let id = if negative { "GMT-00:00" } else { "GMT+00:00" };
        return Some(Zone { id: id.to_owned(), ..Zone::fixed(0) });
    }
    Some(Zone::fixed((hours * 60 + minutes) * if negative { -1 } else { 1 }))
}

impl Zone {
    /// A zone that is always so many minutes ahead of UTC.
    pub fn fixed(minutes: i32) -> Self {
        let id = match minutes {
            0 => "GMT".to_owned(),
            _ => {
                let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
                format!("GMT{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        Self { id, rule: Rule::Fixed(minutes * 60_000) }
    }
}
