//! What time zones are called: `CEST`, `Central European Summer Time`, `Mitteleuropäische
//! Sommerzeit`.
//!
//! The names are those of Java 17, in English and in the languages of `zone_names.txt`; in others
//! they are English. `tests/oracle/ZoneTable.java` and `ZoneNamesTable.java` print the tables anew.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Four names and the zones that have them, in the order in which Java tries them.
const ENGLISH: &str = include_str!("data/zones.txt");

/// For a few locales, what differs from their language, and for languages what differs from
/// English: by the number of a row of the table above, or by a zone of it.
const TRANSLATED: &str = include_str!("data/zone_names.txt");

/// Long and short name, and both in daylight saving time.
pub(in crate::ftl) type ZoneNames = [&'static str; 4];

/// Zones that share their English names.
#[derive(Debug)]
pub(in crate::ftl) struct Row {
    /// Its place in the table.
    number: usize,
    english: ZoneNames,
    /// Their ids.
    pub(in crate::ftl) zones: Vec<&'static str>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let row = |(number, line): (usize, &'static str)| {
        let mut parts = line.split('\t');
        let english = [(); 4].map(|()| parts.next().unwrap_or_default());
        Row { number, english, zones: parts.collect() }
    };
    ENGLISH.lines().enumerate().map(row).collect()
});

/// The lines of each locale that has some.
static SECTIONS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let sections = TRANSLATED.split('[').skip(1).filter_map(|section| section.split_once("]\n"));
    sections
        .flat_map(|(locales, lines)| locales.split(' ').map(move |locale| (locale, lines)))
        .collect()
});

/// All rows, in the order in which Java tries them.
pub(in crate::ftl) fn rows() -> &'static [Row] {
    &ROWS
}

impl Row {
    /// The row of a zone.
    pub(in crate::ftl) fn of(zone: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.zones.contains(&zone))
    }

    /// The names of one of its zones in a locale like `de_AT`.
    pub(in crate::ftl) fn names(&self, zone: &str, locale: &str) -> ZoneNames {
        let language = locale.split('_').next().unwrap_or_default();
        let mut names = [""; 4];
        for name in [locale, language] {
            let Some(section) = SECTIONS.get(name) else { continue };
            for (found, own) in names.iter_mut().zip(self.line(section, zone)) {
                if found.is_empty() {
                    *found = own;
                }
            }
        }
        for (found, english) in names.iter_mut().zip(self.english) {
            if found.is_empty() {
                *found = english;
            }
        }
        names
    }

    /// What a section says about a zone of the row: an empty name says nothing.
    fn line(&self, section: &'static str, zone: &str) -> impl Iterator<Item = &'static str> {
        let number = self.number.to_string();
        let find = |key: &str| {
            section.lines().find_map(|line| {
                let rest = line.strip_prefix(key)?;
                rest.strip_prefix('\t').or_else(|| rest.is_empty().then_some(rest))
            })
        };
        find(zone).or_else(|| find(&number)).unwrap_or_default().split('\t')
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::format::zone_names::Row;

    #[test]
    fn a_locale_inherits_names_from_its_language_and_that_from_english() {
        let rome = Row::of("Europe/Rome");
        let names = |locale| rome.map(|row| row.names("Europe/Rome", locale)).unwrap_or_default();
        assert_eq!(names("en_US")[1], "CET");
        assert_eq!(names("de_AT")[..2], ["Mitteleuropäische Normalzeit", "MEZ"]);
        assert_eq!(names("it")[3], "CEST");
        assert_eq!(names("sw")[0], "Central European Standard Time");
        assert!(Row::of("Europe/Atlantis").is_none());
    }
}
