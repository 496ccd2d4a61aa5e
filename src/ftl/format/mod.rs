//! Numbers and dates to text and back, as Java's formats do it.
//!
//! The data behind it (names of months, signs of numbers, names of time zones) is that of Java 17,
//! so the output is the same to the byte.

pub mod calendar;
pub mod computer;
pub mod custom;
pub mod date;
pub mod decimal;
pub mod decimal_pattern;
pub mod extended;
pub mod iso;
pub mod locale;
pub mod number;
pub mod parse;
pub mod pattern;
pub mod resolve;
pub mod zone;
mod zone_names;

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::format::computer::Computer;
use crate::ftl::format::date::DateFormat;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::number::NumberFormat;
use crate::ftl::format::zone::Zone;
use crate::ftl::model::DateKind;
use crate::ftl::settings::Settings;

/// Compiled formats are forgotten one after the other when there are more: templates can make up
/// patterns endlessly.
const MAX_FORMATS: usize = 64;

/// The settings in effect and the formats compiled for them.
#[derive(Debug)]
pub struct Formatting<'h> {
    /// As `<#setting>` left them.
    pub settings: &'h Settings,
    /// Compiled so far, by their text.
    pub formats: &'h mut Formats,
}

/// Formats compiled so far, by their text, locale and time zone. One lives as long as the compiled
/// template is in use in a thread.
#[derive(Debug, Default)]
pub struct Formats {
    locales: Kept<String, Rc<Locale>>,
    numbers: Kept<(String, String), NumberFormat>,
    fractions: Kept<(String, usize, usize), NumberFormat>,
    computer: Option<NumberFormat>,
    dates: Kept<DateKey, DateFormat>,
    zones: Kept<String, Zone>,
}

/// What a date format depends on.
#[derive(Debug)]
struct DateKey {
    text: String,
    kind: DateKind,
    locale: String,
    zone: String,
}

impl Formats {
    /// The number format of a text (`settings.number_format`, or the argument of `?string`).
    ///
    /// # Errors
    /// For a pattern or parameters that are none.
    pub fn number(&mut self, settings: &Settings, text: &str) -> Result<&NumberFormat, Fault> {
        let text = custom::number(settings, text)?;
        if matches!(text, "c" | "computer") {
            let computer = Computer::of_number_format(settings);
            return Ok(self.computer.insert(NumberFormat::Computer(computer)));
        }
        let locales = &mut self.locales;
        self.numbers.get_or_add(
            |(own, locale)| own == text && *locale == settings.locale,
            || {
                let locale = locale_of(locales, &settings.locale);
                let format = NumberFormat::new(text, &locale)?;
                Ok(((text.to_owned(), settings.locale.clone()), format))
            },
        )
    }

    /// The format of `#{x; m2M4}`: at least `min` and at most `max` digits behind the point.
    ///
    /// # Errors
    /// None for the locales that are known.
    pub fn fraction(
        &mut self,
        settings: &Settings,
        min: usize,
        max: usize,
    ) -> Result<&NumberFormat, Fault> {
        let locales = &mut self.locales;
        self.fractions.get_or_add(
            |(locale, own_min, own_max)| {
                *own_min == min && *own_max == max && *locale == settings.locale
            },
            || {
                let locale = locale_of(locales, &settings.locale);
                let format = NumberFormat::with_fraction(&locale, min, max)?;
                Ok(((settings.locale.clone(), min, max), format))
            },
        )
    }

    /// The date format of a text (`settings.date_format`, or the argument of `?string`) for one
    /// kind of dates, in the time zone of the settings.
    ///
    /// # Errors
    /// For a pattern or options that are none, an unknown time zone, and a date of unknown kind
    /// without a pattern.
    pub fn date(
        &mut self,
        settings: &Settings,
        kind: DateKind,
        text: &str,
    ) -> Result<&DateFormat, Fault> {
        let text = custom::date(settings, text)?;
        let (locales, zones) = (&mut self.locales, &mut self.zones);
        self.dates.get_or_add(
            |own| {
                own.kind == kind
                    && own.text == text
                    && own.zone == settings.time_zone
                    && own.locale == settings.locale
            },
            || {
                let locale = locale_of(locales, &settings.locale);
                let zone = zone_of(zones, &settings.time_zone)?;
                let format = DateFormat::new(text, kind, &locale, zone)?;
                let key = DateKey {
                    text: text.to_owned(),
                    kind,
                    locale: settings.locale.clone(),
                    zone: settings.time_zone.clone(),
                };
                Ok((key, format))
            },
        )
    }

    /// The date format that the settings have for a kind of dates.
    ///
    /// # Errors
    /// As [`Formats::date`].
    pub fn default_date(
        &mut self,
        settings: &Settings,
        kind: DateKind,
    ) -> Result<&DateFormat, Fault> {
        let text = match kind {
            DateKind::Date => &settings.date_format,
            DateKind::Time => &settings.time_format,
            DateKind::DateTime => &settings.datetime_format,
            DateKind::Unknown => return Err(date::unknown_kind()),
        };
        self.date(settings, kind, text)
    }

    /// The time zone of a name.
    ///
    /// # Errors
    /// For a name that is none.
    pub fn zone(&mut self, name: &str) -> Result<&Zone, Fault> {
        zone_of(&mut self.zones, name)
    }

    /// What the locale of the settings writes differently.
    pub fn locale(&mut self, settings: &Settings) -> Rc<Locale> {
        locale_of(&mut self.locales, &settings.locale)
    }
}

fn locale_of(locales: &mut Kept<String, Rc<Locale>>, name: &str) -> Rc<Locale> {
    let add = || Ok::<_, Fault>((name.to_owned(), Locale::find(name)));
    locales.get_or_add(|own| own == name, add).map_or_else(|_| Locale::find(name), Rc::clone)
}

fn zone_of<'z>(zones: &'z mut Kept<String, Zone>, name: &str) -> Result<&'z Zone, Fault> {
    zones.get_or_add(|own| own == name, || Ok((name.to_owned(), Zone::find(name)?)))
}

/// A short list of what was made before, looked through from the front: a template uses one or two
/// formats, so comparing texts beats hashing them.
#[derive(Debug)]
struct Kept<K, V> {
    entries: Vec<(K, V)>,
    /// Which entry makes room next.
    oldest: usize,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), oldest: 0 }
    }
}

impl<K, V> Kept<K, V> {
    #[inline]
    fn get_or_add(
        &mut self,
        is_it: impl Fn(&K) -> bool,
        add: impl FnOnce() -> Result<(K, V), Fault>,
    ) -> Result<&V, Fault> {
        let at = match self.entries.iter().position(|(key, _)| is_it(key)) {
            Some(at) => at,
            None => self.put(add()?),
        };
        Ok(&self.entries[at].1)
    }

    fn put(&mut self, entry: (K, V)) -> usize {
        if self.entries.len() < MAX_FORMATS {
            self.entries.push(entry);
            return self.entries.len() - 1;
        }
        let at = self.oldest;
        self.entries[at] = entry;
        self.oldest = (at + 1) % MAX_FORMATS;
        at
    }
}
