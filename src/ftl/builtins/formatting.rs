//! Values to text and back: `x?string`, `x?c`, `x?number`, `x?datetime`.

use crate::ftl::builtins::Applied;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::coerce::boolean_words;
use crate::ftl::coerce::date_format;
use crate::ftl::coerce::to_text;
use crate::ftl::coerce::write_number;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::computer::Computer;
use crate::ftl::format::parse::digit_of;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::value::Number;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn {
        name: "c",
        group: "number",
        arguments: None,
        accepts_missing: false,
        help: "for computers: numbers and booleans as JSON has them, strings in quotes",
        function: Function::Value(|host, target| computer(host, &target, false)),
    },
    BuiltIn {
        name: "cn",
        group: "number",
        arguments: None,
        accepts_missing: true,
        help: "as `?c`, and `null` for what is missing",
        function: Function::Value(|host, target| computer(host, &target, true)),
    },
    BuiltIn {
        name: "string",
        group: "string",
        arguments: Some((1, 2)),
        accepts_missing: false,
        help: "as text, in a format: `?string('0.00')`, `?string.iso`, `?string('yes', 'no')`",
        function: Function::Flexible(|host, target, applied| string(host, &target, applied)),
    },
    BuiltIn {
        name: "number",
        group: "string",
        arguments: None,
        accepts_missing: false,
        help: "the number that is written in a string",
        function: Function::Value(|host, target| number(host, &target)),
    },
    BuiltIn {
        name: "boolean",
        group: "string",
        arguments: None,
        accepts_missing: false,
        help: "the boolean that is written in a string",
        function: Function::Value(|host, target| boolean(host, &target)),
    },
    BuiltIn {
        name: "date",
        group: "string",
        arguments: Some((0, 1)),
        accepts_missing: false,
        help: "the date in a string, by a format: `?date.iso`; the date of a datetime",
        function: Function::Flexible(|host, target, applied| {
            date(host, &target, applied, DateKind::Date)
        }),
    },
    BuiltIn {
        name: "time",
        group: "string",
        arguments: Some((0, 1)),
        accepts_missing: false,
        help: "the time in a string, by a format: `?time.iso`; the time of a datetime",
        function: Function::Flexible(|host, target, applied| {
            date(host, &target, applied, DateKind::Time)
        }),
    },
    BuiltIn {
        name: "datetime",
        group: "string",
        arguments: Some((0, 1)),
        accepts_missing: false,
        help: "date and time in a string, by a format: `?datetime.iso`",
        function: Function::Flexible(|host, target, applied| {
            date(host, &target, applied, DateKind::DateTime)
        }),
    },
];

fn computer<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>, nullable: bool) -> Outcome<'r> {
    let format = Computer::of(host.formatting().settings);
    let mut text = String::new();
    match target {
        Model::Number(number) => format.write_number(number, &mut text),
        Model::Boolean(value) => format.write_boolean(*value, &mut text),
        Model::Matches(matches) => format.write_boolean(matches.whole, &mut text),
        Model::Text(own) => format.write_text(own, &mut text),
        Model::Match(found) => format.write_text(&found.text, &mut text),
        Model::Missing if nullable => text.push_str(format.null()),
        Model::Missing => {
            return Err(wrong_type("a number, boolean or string", target)
                .with_hint("`?cn` prints `null` for what is missing")
                .blaming(Blame::Target));
        }
        Model::Date(_) => {
            return Err(wrong_type("a number, boolean or string", target)
                .with_hint("print a date with `?string.iso`, in quotes of your own")
                .blaming(Blame::Target));
        }
        _ => {
            return Err(wrong_type("a number, boolean or string", target)
                .with_hint("`FtlUtils.toJsonString(x)` prints sequences and hashes as JSON")
                .blaming(Blame::Target));
        }
    }
    Ok(Model::text(text))
}

fn string<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    applied: Applied<'_, 'r>,
) -> Outcome<'r> {
    let mut text = String::new();
    match target {
        Model::Number(number) => match pattern(host, applied, 1)? {
            None => write_number(number, host.formatting(), &mut text)?,
            Some(pattern) => {
                let formatting = host.formatting();
                // As in FreeMarker, the format of the settings must be fit for use as well.
                formatting
                    .formats
                    .number(formatting.settings, &formatting.settings.number_format)?;
                formatting
                    .formats
                    .number(formatting.settings, &pattern)
                    .and_then(|format| format.write(number, &mut text))?;
            }
        },
        Model::Date(date) => match pattern(host, applied, 1)? {
            None => date_format(*date, host.formatting())?.write(*date, &mut text),
            Some(pattern) => {
                date_format(*date, host.formatting())?;
                let formatting = host.formatting();
                let format = formatting.formats.date(formatting.settings, date.kind, &pattern)?;
                format.write(*date, &mut text);
            }
        },
        Model::Boolean(value) => return boolean_string(host, *value, applied),
        Model::Matches(matches) => return boolean_string(host, matches.whole, applied),
        Model::Text(_) | Model::Match(_) => {
            return match applied {
                Applied::Bare => to_text(target, host.formatting()).map(Model::Text),
                _ => Err(Fault::new(
                    TemplateErrorKind::WrongType,
                    "expected a number, date or boolean to format, found a string",
                )
                .with_hint(
                    "read it first: `x?number?string('0.00')`, `x?datetime.iso?string.short`",
                )
                .blaming(Blame::Target)),
            };
        }
        _ => {
            return Err(wrong_type("a number, date, boolean or string", target)
                .with_hint("`FtlUtils.toJsonString(x)` prints sequences and hashes as JSON")
                .blaming(Blame::Target));
        }
    }
    Ok(Model::text(text))
}

/// `?string` and `?string('yes', 'no')` of a boolean.
fn boolean_string<'r>(
    host: &mut (dyn Host<'r> + '_),
    value: bool,
    applied: Applied<'_, 'r>,
) -> Outcome<'r> {
    match applied {
        Applied::Bare => {
            let words = boolean_words(host.formatting().settings).unwrap_or(("true", "false"));
            Ok(Model::text(if value { words.0 } else { words.1 }))
        }
        Applied::Call([yes, no]) => {
            // As in FreeMarker, both must be fit to print.
            let yes = argument(host, yes, 0)?;
            let no = argument(host, no, 1)?;
            Ok(Model::Text(if value { yes } else { no }))
        }
        Applied::Call(_) | Applied::Key(_) => Err(Fault::new(
            TemplateErrorKind::BadArgument,
            "expected the two words for true and false",
        )
        .with_hint("`x?string('yes', 'no')`, or `x?c` for `true` and `false`")),
    }
}

/// The format that a built-in is applied with; `None`: the one of the settings.
fn pattern<'r>(
    host: &mut (dyn Host<'r> + '_),
    applied: Applied<'_, 'r>,
    least: usize,
) -> Result<Option<Text<'r>>, Fault> {
    match applied {
        Applied::Bare => Ok(None),
        Applied::Key(key) => Ok(Some(key.to_owned().into())),
        Applied::Call([]) if least == 0 => Ok(None),
        Applied::Call([pattern]) => argument(host, pattern, 0).map(Some),
        Applied::Call(arguments) => Err(Fault::new(
            TemplateErrorKind::BadArgument,
            format!("expected one argument, the format, found {}", arguments.len()),
        )),
    }
}

fn argument<'r>(
    host: &mut (dyn Host<'r> + '_),
    argument: &Model<'r>,
    index: usize,
) -> Result<Text<'r>, Fault> {
    to_text(argument, host.formatting()).map_err(|fault| fault.blaming(Blame::Argument(index)))
}

fn target_text<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Result<Text<'r>, Fault> {
    to_text(target, host.formatting()).map_err(|fault| fault.blaming(Blame::Target))
}

fn number<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    let text = target_text(host, target)?;
    // A number that is printed in the digits of its locale can be read again.
    let plain = |c| digit_of(c).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c);
    let text =
        if text.is_ascii() { text } else { text.chars().map(plain).collect::<String>().into() };
    match &*text {
        "NaN" => return Ok(Number::from_double(f64::NAN).into()),
        "INF" | "Infinity" => return Ok(Number::from_double(f64::INFINITY).into()),
        "-INF" | "-Infinity" => return Ok(Number::from_double(f64::NEG_INFINITY).into()),
        _ => {}
    }
    let number = Number::parse(&text).or_else(|| Number::parse(&with_ascii_digits(&text)?));
    number.map(Model::from).ok_or_else(|| {
        let fault = Fault::new(
            TemplateErrorKind::BadFormat,
            format!("expected a number such as `1234.5`, found the string {}", quoted(&text)),
        )
        .blaming(Blame::Target);
        let plain = text.replace(',', "");
        let trimmed = text.trim();
        if matches!(target, Model::Number(_)) {
            fault.with_hint("it is a number already; `?number` reads strings")
        } else if text.is_empty() {
            fault.with_hint("give a default where the string is empty: `x?has_content`")
        } else if trimmed.len() != text.len() && Number::parse(trimmed).is_some() {
            fault.with_hint("there are spaces around it: `x?trim?number`")
        } else if text.contains(',') && Number::parse(&plain).is_some() {
            fault.with_hint("take the commas out first: `x?replace(',', '')?number`")
        } else {
            fault
        }
    })
}

/// The same with the digits of other scripts as ASCII has them; `None` when there are none.
fn with_ascii_digits(text: &str) -> Option<String> {
    /// The zeros of Unicode's digits, up to where Java's `char` ends.
    #[rustfmt::skip]
    const ZEROS: [u32; 37] = [
        0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
        0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
        0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x30,
    ];
    let digit = |c: char| {
        let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)))?;
        char::from_digit(u32::from(c) - zero, 10)
    };
    (!text.is_ascii()).then(|| text.chars().map(|c| digit(c).unwrap_or(c)).collect())
}

fn boolean<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    let text = target_text(host, target)?;
    let words = boolean_words(host.formatting().settings);
    match (&*text, words) {
        ("true", _) => Ok(true.into()),
        ("false", _) => Ok(false.into()),
        (text, Some((yes, _))) if text == yes => Ok(true.into()),
        (text, Some((_, no))) if text == no => Ok(false.into()),
        (text, _) => Err(Fault::new(
            TemplateErrorKind::BadFormat,
            format!("expected `true` or `false`, found the string {}", quoted(text)),
        )
        .with_hint("compare it instead: `x == 'yes'`")
        .blaming(Blame::Target)),
    }
}

fn date<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    applied: Applied<'_, 'r>,
    kind: DateKind,
) -> Outcome<'r> {
    if let Model::Date(date) = target {
        return converted(*date, applied, kind);
    }
    let now = host.now_millis();
    let text = target_text(host, target)?;
    let pattern = pattern(host, applied, 0)?;
    let formatting = host.formatting();
    let default = match kind {
        DateKind::Date => &formatting.settings.date_format,
        DateKind::Time => &formatting.settings.time_format,
        DateKind::DateTime | DateKind::Unknown => &formatting.settings.datetime_format,
    };
    if pattern.is_some() && !default.is_empty() {
        // As in FreeMarker, the format of the settings must be fit for use as well.
        formatting.formats.default_date(formatting.settings, kind)?;
    }
    let format = match &pattern {
        None => formatting.formats.default_date(formatting.settings, kind)?,
        Some(pattern) => formatting.formats.date(formatting.settings, kind, pattern)?,
    };
    format.parse(&text, kind, now).map(Model::Date).map_err(|fault| fault.blaming(Blame::Target))
}

/// A datetime has a date and a time in it; nothing else becomes another kind.
fn converted<'r>(date: Date, applied: Applied<'_, 'r>, kind: DateKind) -> Outcome<'r> {
    if !matches!(applied, Applied::Bare) {
        return Err(Fault::new(
            TemplateErrorKind::WrongType,
            "expected a string to read a date from, found a date",
        )
        .with_hint("it is a date already; print it in a format with `?string('…')`")
        .blaming(Blame::Target));
    }
    if date.kind == kind || matches!(date.kind, DateKind::DateTime | DateKind::Unknown) {
        return Ok(Model::Date(Date { kind, ..date }));
    }
    let name = |kind| Model::Date(Date { millis: 0, kind }).kind_name();
    Err(Fault::new(
        TemplateErrorKind::WrongType,
        format!("{} can't become {}", name(date.kind), name(kind)),
    )
    .blaming(Blame::Target))
}

/// A string as a message shows it.
fn quoted(text: &str) -> String {
    /// Enough to recognize it.
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}
