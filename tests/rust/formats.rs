//! Formats of numbers and dates. Every expectation here was FreeMarker 2.3.34's answer on Java 17.

use proptest::prelude::*;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::format::Formats;
use webhook_stream::ftl::format::computer::Computer;
use webhook_stream::ftl::model::Date;
use webhook_stream::ftl::model::DateKind;
use webhook_stream::value::Number;

/// Two-digit years are read as seen from 2026-11-23.
const NOW: i64 = 1_795_430_000_000;

fn settings(change: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::freemarker();
    for (name, value) in change {
        settings.set(name, value).unwrap();
    }
    settings
}

fn number(text: &str) -> Number {
    match text.strip_suffix('d') {
        Some(text) => Number::from_double(text.parse().unwrap()),
        None => Number::parse(text).unwrap(),
    }
}

/// What `?string(format)` prints; `error` when it can't.
fn formatted_in(locale: &str, text: &str, format: &str) -> String {
    let mut out = String::new();
    let settings = settings(&[("locale", locale)]);
    let mut formats = Formats::default();
    let written =
        formats.number(&settings, format).and_then(|format| format.write(&number(text), &mut out));
    written.map_or_else(|_| "error".into(), |()| out)
}

fn formatted(text: &str, format: &str) -> String {
    formatted_in("en_US", text, format)
}

fn computer(c_format: &str, text: &str) -> String {
    let mut out = String::new();
    Computer::of(&settings(&[("c_format", c_format)])).write_number(&number(text), &mut out);
    out
}

fn printed(kind: DateKind, millis: i64, format: &str, change: &[(&str, &str)]) -> String {
    let mut out = String::new();
    match Formats::default().date(&settings(change), kind, format) {
        Ok(format) => format.write(Date { millis, kind }, &mut out),
        Err(_) => out.push_str("error"),
    }
    out
}

/// The milliseconds that `?datetime(format)` reads; `None` when it can't.
fn read(text: &str, format: &str, zone: &str) -> Option<i64> {
    let settings = settings(&[("time_zone", zone)]);
    let mut formats = Formats::default();
    let format = formats.date(&settings, DateKind::DateTime, format).unwrap();
    format.parse(text, DateKind::DateTime, NOW).ok().map(|date| date.millis)
}

#[test]
fn decimal_patterns_print_as_in_java() {
    for (text, pattern, expected) in [
        ("1234.5", "0", "1234"),
        ("2.5", "0", "2"),
        ("3.5", "0", "4"),
        ("1234567.891", "#,##0.00", "1,234,567.89"),
        ("0.125", "0.##", "0.12"),
        ("0.5", ".##", ".5"),
        ("0", "#.##", "0"),
        ("7", "000", "007"),
        ("12345", "0.##E0", "1.23E4"),
        ("12345", "##0.##E0", "12.345E3"),
        ("0.00012", "00.#E0", "12E-5"),
        ("0.256", "0.0%", "25.6%"),
        ("0.256", "0‰", "256‰"),
        ("-5", "0;(0)", "(5)"),
        ("-0.001", "0.0", "-0.0"),
        ("5", "0 'kg'", "5 kg"),
        ("5", "''0", "'5"),
        ("1234.5", "", "1,234.5"),
        ("5", "0 0", "05 "),
        ("-1", "0E0E0", "10E-1"),
        ("1234567890123456789012345678.5", "#,###", "1,234,567,890,123,456,789,012,345,678"),
        ("1234.5", "¤#,##0.00", "$1,234.50"),
        ("1234.5", "¤¤ 0", "USD 1234"),
        ("-1234.5", "currency", "-$1,234.50"),
        ("0.5", "percent", "50%"),
        ("1234.56789", "number", "1,234.568"),
        ("1e3", "c", "1000"),
    ] {
        assert_eq!(formatted(text, pattern), expected, "{text} as {pattern}");
    }
    for pattern in ["0.0.0", "#,", "0#0", "'0", "%0%", "0E", ";0", "0;0;0", "0.0,0.0"] {
        assert_eq!(formatted("1", pattern), "error", "{pattern}");
    }
}

#[test]
fn parameters_behind_a_pattern_change_signs_and_rounding() {
    for (text, pattern, expected) in [
        ("2.5", "0;; roundingMode=halfUp", "3"),
        ("2.5", "0;;roundingMode=halfDown", "2"),
        ("2.01", "0;; roundingMode=up", "3"),
        ("0.01", "0;; roundingMode=up", "0"),
        ("-2.5", "0;; roundingMode=floor", "-3"),
        ("10002.5", ",000;; roundingMode=halfUp groupingSeparator=_", "10_003"),
        ("3", "0;; multiplier=1000", "3000"),
        ("3", "0.##;;multipier='-3'", "-9"),
        ("1.5", "0.0;; decimalSeparator=','", "1,5"),
        ("1.5", "0.0;; zeroDigit='٠'", "١٫٥".replace('٫', ".").as_str()),
        ("1.5", "¤0.0;; currencySymbol=Fr currencyCode=CHF", "Fr1.5"),
        ("1.5", "¤0.0;; currencyCode=EUR", "€1.5"),
        ("-1.5", "0.0;neg0.0; roundingMode=up, minusSign=m", "neg1.5"),
        ("1.5", "0.0E0;; exponentSeparator='*10^'", "1.5*10^0"),
    ] {
        assert_eq!(formatted(text, pattern), expected, "{text} as {pattern}");
    }
    for pattern in [
        "0;; roundingMode=unnecessary",
        "0;; roundingMode=bad",
        "0;; bad=1",
        "0;; roundingMode",
        "0;; decimalSeparator=ab",
        "0;; roundingMode=up,",
        "0;; a'b",
        "¤0;; currencyCode=XYZ",
    ] {
        assert_eq!(formatted("1.5", pattern), "error", "{pattern}");
    }
}

#[test]
fn computers_read_numbers_without_grouping() {
    let default = "JavaScript or JSON";
    for (text, expected) in [
        ("1234567.0", "1234567"),
        ("1e-6", "0.000001"),
        ("1e-7", "1E-7"),
        ("-1.5e-20", "-1.5E-20"),
        ("1e20", "100000000000000000000"),
        ("1e100", "1E+100"),
        ("1e21d", "1E21"),
        ("infd", "Infinity"),
        ("-infd", "-Infinity"),
        ("nand", "NaN"),
        ("0.0001d", "0.00010"),
    ] {
        assert_eq!(computer(default, text), expected, "{text}");
    }
    assert_eq!(computer("XS", "infd"), "INF");
    assert_eq!(computer("Java", "-infd"), "Double.NEGATIVE_INFINITY");
    assert_eq!(computer("legacy", "1e-17"), "0");
    assert_eq!(computer("legacy", "1e-7"), "0.0000001");
    assert_eq!(computer("legacy", "infd"), "INF");
    let mut before = settings(&[("incompatible_improvements", "2.3.31")]);
    assert_eq!(Computer::of(&before), Computer::Legacy { words: true });
    before.set("incompatible_improvements", "2.3.20").unwrap();
    assert_eq!(Computer::of(&before), Computer::Legacy { words: false });
    before.set("c_format", "JSON").unwrap();
    assert_eq!(Computer::of(&before), Computer::Json);
}

#[test]
fn computers_read_strings_in_quotes() {
    let text = "a\"'</b>]]>\u{7f}é\n";
    let literal = |c_format| {
        let mut out = String::new();
        Computer::of(&settings(&[("c_format", c_format)])).write_text(text, &mut out);
        out
    };
    assert_eq!(literal("JSON"), r#""a\"'<\/b>]]\u003E\u007Fé\n""#);
    assert_eq!(literal("JavaScript"), r#""a\"'<\/b>]]\>\x7Fé\n""#);
    assert_eq!(literal("Java"), "\"a\\\"'</b>]]>\u{7f}é\\n\"");
    assert_eq!(literal("XS"), text);
}

#[test]
fn numbers_follow_the_locale() {
    for (locale, format, expected) in [
        ("de_DE", "number", "-1.234,5"),
        ("de_AT", "currency", "-€\u{a0}1.234,50"),
        ("fr_FR", "number", "-1\u{202f}234,5"),
        ("sv_SE", "percent", "−123\u{a0}450\u{a0}%"),
        ("ja_JP", "currency", "-￥1,234"),
        ("hi_IN", "#,##0.0", "-1,234.5"),
        ("ar_EG", "number", "\u{61c}-١٬٢٣٤٫٥"),
        ("xx", "number", "-1,234.5"),
    ] {
        assert_eq!(formatted_in(locale, "-1234.5", format), expected, "{locale} {format}");
    }
}

#[test]
fn date_patterns_print_as_in_java() {
    const NEW_YEAR: i64 = 1_735_603_445_678; // 2024-12-31T00:04:05.678Z
    for (pattern, expected) in [
        ("yyyy-MM-dd HH:mm:ss.SSS", "2024-12-31 00:04:05.678"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2024-12-31T00:04:05Z"),
        ("EEEE, MMMM d, ''yy", "Tuesday, December 31, '24"),
        ("EEE MMM", "Tue Dec"),
        ("h 'o''clock' a", "12 o'clock AM"),
        ("K k H", "0 24 0"),
        ("YYYY-'W'ww-u", "2025-W01-2"),
        ("D F W", "366 5 5"),
        ("X XX XXX Z z zzzz", "Z Z Z +0000 UTC Coordinated Universal Time"),
        ("SS SSSSSS", "678 000678"),
        ("G y", "AD 2024"),
        ("", "Dec 31, 2024, 12:04:05 AM"),
        ("short", "12/31/24, 12:04 AM"),
        ("full_short", "Tuesday, December 31, 2024, 12:04 AM"),
        ("long", "December 31, 2024 at 12:04:05 AM UTC"),
        ("iso", "2024-12-31T00:04:05.678Z"),
        ("iso_s_nz", "2024-12-31T00:04:05"),
        ("xs ms u", "2024-12-31T00:04:05.678Z"),
    ] {
        let found = printed(DateKind::DateTime, NEW_YEAR, pattern, &[]);
        assert_eq!(found, expected, "{pattern}");
    }
    for pattern in ["yyyy-MM-ddTHH", "b", "'x", "XXXX", "isox", "iso_x", "xs_m", "iso nz fz", "@x"]
    {
        assert_eq!(printed(DateKind::DateTime, 0, pattern, &[]), "error", "{pattern}");
    }
    let german = [("locale", "de_DE")];
    assert_eq!(printed(DateKind::Date, NEW_YEAR, "full", &german), "Dienstag, 31. Dezember 2024");
    assert_eq!(printed(DateKind::Date, NEW_YEAR, "xs", &[]), "2024-12-31Z");
    assert_eq!(printed(DateKind::Time, NEW_YEAR, "iso_m", &[]), "00:04Z");
}

#[test]
fn time_zones_have_their_history() {
    let at = |zone: &str, millis: i64| {
        let change = [("time_zone", zone)];
        printed(DateKind::DateTime, millis, "yyyy-MM-dd HH:mm:ss XXX z", &change)
    };
    assert_eq!(at("Europe/Rome", 1_720_000_000_000), "2024-07-03 11:46:40 +02:00 CEST");
    assert_eq!(at("Europe/Rome", -5_000_000_000_000), "1811-07-23 16:06:40 +01:00 CET");
    assert_eq!(at("America/New_York", -880_000_000_000), "1942-02-11 15:33:20 -04:00 EDT");
    assert_eq!(at("PST", 1_705_314_600_000), "2024-01-15 02:30:00 -08:00 PST");
    assert_eq!(at("GMT-03:30", 0), "1969-12-31 20:30:00 -03:30 GMT-03:30");
    assert_eq!(at("Europe/Dublin", 1_720_000_000_000), "2024-07-03 10:46:40 +01:00 IST");
    assert_eq!(at("Mars/Olympus", 0), "error");
}

#[test]
fn patterns_are_julian_before_1582_and_iso_is_not() {
    let date = |format| printed(DateKind::Date, -12_219_379_200_000, format, &[]);
    assert_eq!(date("yyyy-MM-dd"), "1582-10-04");
    assert_eq!(date("iso"), "1582-10-14");
    let before = |format| printed(DateKind::Date, -62_200_000_000_000, format, &[]);
    assert_eq!(before("G yyyy"), "BC 0003");
    assert_eq!(before("iso"), "-2-12-17");
    assert_eq!(before("xs"), "-3-12-17Z");
}

#[test]
fn dates_are_read_as_leniently_as_java_does() {
    for (text, format, expected) in [
        ("2024-01-15 10:30:00", "yyyy-MM-dd HH:mm:ss", Some(1_705_314_600_000)),
        ("2024-13-32", "yyyy-MM-dd", Some(1_738_368_000_000)),
        ("2024-01-15 and more", "yyyy-MM-dd", Some(1_705_276_800_000)),
        ("10:30:00.846000", "HH:mm:ss.SSS", Some(38_646_000)),
        ("20240115", "yyyyMMdd", Some(1_705_276_800_000)),
        ("1/2/47", "M/d/yy", Some(-725_760_000_000)),
        ("1/2/46", "M/d/yy", Some(2_398_464_000_000)),
        ("1/2/3", "M/d/yy", Some(-62_072_611_200_000)),
        ("15 jan 2024", "d MMM yyyy", Some(1_705_276_800_000)),
        ("12:00 AM", "hh:mm a", Some(0)),
        ("24:15", "kk:mm", Some(900_000)),
        ("2024-W03-1", "YYYY-'W'ww-u", Some(1_705_276_800_000)),
        ("10:00 PDT", "HH:mm z", Some(61_200_000)),
        ("10:00 GMT+2:30", "HH:mm z", Some(27_000_000)),
        ("10:00 +0230", "HH:mm Z", Some(27_000_000)),
        ("10:00 +02:30", "HH:mm XXX", Some(27_000_000)),
        ("Jan 15, 2024, 10:30:00 AM", "", Some(1_705_314_600_000)),
        ("2024/01/15", "yyyy-MM-dd", None),
        ("", "yyyy-MM-dd", None),
        ("Foo", "MMM", None),
    ] {
        assert_eq!(read(text, format, "UTC"), expected, "{text} as {format}");
    }
    // In the hour that is left out, and in the one that comes twice.
    let spring = read("2024-03-31 02:30", "yyyy-MM-dd HH:mm", "Europe/Rome");
    assert_eq!(spring, Some(1_711_848_600_000));
    let autumn = read("2024-10-27 02:30", "yyyy-MM-dd HH:mm", "Europe/Rome");
    assert_eq!(autumn, Some(1_729_992_600_000));
}

#[test]
fn iso_dates_are_read_in_both_forms_and_never_roll_over() {
    for (text, expected) in [
        ("2024-01-15T10:30:00Z", Some(1_705_314_600_000)),
        ("20240115T103000Z", Some(1_705_314_600_000)),
        ("2024-01-15T10:30", Some(1_705_314_600_000)),
        ("2024-01-15T12:30+02", Some(1_705_314_600_000)),
        ("20240115T1230+0200", Some(1_705_314_600_000)),
        ("2024-01-15T10:30:00,123456Z", Some(1_705_314_600_123)),
        ("2024-01-14T24:00:00Z", Some(1_705_276_800_000)),
        ("0000-01-01T00Z", Some(-62_167_219_200_000)),
        ("2024-02-30T00:00Z", None),
        ("2024-01-15T24:00:01Z", None),
        ("2024-01-15T10:30:60Z", None),
        ("2024-01-15 10:30:00Z", None),
        ("2024-01-15T10:30:00Z ", None),
        ("2024-01-15", None),
    ] {
        assert_eq!(read(text, "iso", "UTC"), expected, "{text}");
    }
    assert_eq!(read("2024-03-31T02:30", "iso", "Europe/Rome"), None);
    assert_eq!(read("2024-01-15T10:30Z", "xs", "UTC"), None);
}

proptest! {
    #[test]
    fn no_pattern_and_no_number_is_too_strange(
        pattern in r"[#0,.;E%‰¤'a -]{0,12}(;; ?[a-zA-Z]{0,9}=?['a-z0-9]{0,5})?",
        digits in r"-?[0-9]{1,25}(\.[0-9]{0,25})?(e-?[0-9]{1,3})?",
    ) {
        let number = Number::parse(&digits).unwrap();
        for number in [number.clone(), Number::from_double(number.to_f64())] {
            let mut out = String::new();
            let mut formats = Formats::default();
            if let Ok(format) = formats.number(&settings(&[]), &pattern) {
                let _ = format.write(&number, &mut out);
            }
            Computer::JavaScriptOrJson.write_number(&number, &mut out);
        }
    }

    #[test]
    fn no_date_is_too_far_and_no_text_too_strange(
        pattern in "([GyYMLwWDdFEuaHkKhmsSzZX]{1,4}|[-: 'T/.]){0,8}|iso[_ a-z]{0,6}",
        text in "[-+:., 0-9TZAPMJanEGé]{0,30}",
        millis in any::<i64>(),
        zone in prop::sample::select(vec!["UTC", "Europe/Rome", "GMT-12:00", "Pacific/Apia"]),
    ) {
        let settings = settings(&[("time_zone", zone)]);
        let mut formats = Formats::default();
        for kind in [DateKind::Date, DateKind::Time, DateKind::DateTime] {
            if let Ok(format) = formats.date(&settings, kind, &pattern) {
                let mut out = String::new();
                format.write(Date { millis, kind }, &mut out);
                let _ = format.parse(&out, kind, NOW);
                let _ = format.parse(&text, kind, NOW);
            }
        }
    }

    #[test]
    fn what_a_complete_pattern_prints_it_reads_back(millis in -62_000_000_000_000..4_000_000_000_000_i64) {
        for format in ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "G yyyy D k m s S Z", "iso", "xs"] {
            let kind = DateKind::DateTime;
            let printed = printed(kind, millis, format, &[("time_zone", "GMT+05:30")]);
            prop_assert_eq!(read(&printed, format, "UTC"), Some(millis), "{} as {}", printed, format);
        }
    }
}
