//! Model to text, number, boolean: as the settings say, and never by guessing.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::Formatting;
use crate::ftl::format::date::DateFormat;
use crate::ftl::model::Date;
use crate::ftl::model::Hash;
use crate::ftl::model::MarkupContent;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::settings::Settings;
use crate::value::Number;

/// Writes what `${x}` prints. Markup is not text: whoever prints it knows what to do with it.
///
/// # Errors
/// For a missing value, and one that has no text: a sequence, a hash, a macro; also a boolean when
/// the settings have no words for it, and a number or date that the format can't print.
#[inline]
pub fn write_text(
    model: &Model<'_>,
    formatting: Formatting<'_>,
    out: &mut String,
) -> Result<(), Fault> {
    match model {
        Model::Text(text) => out.push_str(text),
        Model::Number(number) => return write_number(number, formatting, out),
        Model::Boolean(value) => out.push_str(boolean_text(*value, formatting.settings)?),
        Model::Matches(matches) => {
            out.push_str(boolean_text(matches.whole, formatting.settings)?);
        }
        Model::Date(date) => date_format(*date, formatting)?.write(*date, out),
        Model::Late(late) => return write_text(late.value()?, formatting, out),
        Model::Match(found) => out.push_str(&found.text),
        Model::Empty | Model::Nothing => {}
        Model::Missing if formatting.settings.classic_compatible => {}
        _ => return Err(no_text(model)),
    }
    Ok(())
}

/// The text of a value, for concatenation and built-ins of strings; that of a string is not copied.
///
/// # Errors
/// As [`write_text`].
pub fn to_text<'r>(model: &Model<'r>, formatting: Formatting<'_>) -> Result<Text<'r>, Fault> {
    match model {
        Model::Text(text) => Ok(text.clone()),
        Model::Match(found) => Ok(Text::Shared(Rc::clone(&found.text))),
        _ => {
            let mut text = String::new();
            write_text(model, formatting, &mut text)?;
            Ok(text.into())
        }
    }
}

/// Writes a number in the format of the settings.
///
/// # Errors
/// When the format is none, or forbids the rounding that the number needs.
#[inline]
pub fn write_number(
    number: &Number,
    formatting: Formatting<'_>,
    out: &mut String,
) -> Result<(), Fault> {
    let Formatting { settings, formats } = formatting;
    formats.number(settings, &settings.number_format)?.write(number, out)
}

/// The format that the settings have for a date.
///
/// # Errors
/// When the format is none, or the date is of unknown kind.
pub fn date_format(date: Date, formatting: Formatting<'_>) -> Result<&DateFormat, Fault> {
    let Formatting { settings, formats } = formatting;
    formats.default_date(settings, date.kind)
}

/// The word for a boolean, by the setting `boolean_format`.
///
/// # Errors
/// When the setting is `true,false`, which FreeMarker takes for "nobody has thought about it".
pub fn boolean_text(value: bool, settings: &Settings) -> Result<&str, Fault> {
    if settings.classic_compatible {
        return Ok(if value { "true" } else { "" });
    }
    boolean_words(settings).map(|(yes, no)| if value { yes } else { no }).ok_or_else(|| {
        Fault::new(
            TemplateErrorKind::WrongType,
            "expected a string, found a boolean: the setting `boolean_format` has no words for it",
        )
        .with_hint("write `?c` for `true` and `false`, or `?string('yes', 'no')`")
    })
}

/// The words for true and false, if the settings have some.
pub fn boolean_words(settings: &Settings) -> Option<(&str, &str)> {
    match settings.boolean_format.as_str() {
        "c" => Some(("true", "false")),
        "true,false" => None,
        words => words.split_once(','),
    }
}

/// Whether a condition holds. With `classic_compatible`, everything is true that is not empty.
///
/// # Errors
/// For a value that is no boolean.
#[inline]
pub fn truth(model: &Model<'_>, settings: &Settings) -> Result<bool, Fault> {
    match model {
        Model::Boolean(value) => Ok(*value),
        Model::Matches(matches) => Ok(matches.whole),
        Model::Nothing => Ok(false),
        _ if settings.classic_compatible => Ok(!is_empty(model)),
        _ => expect_boolean(model),
    }
}

/// Whether a value counts as empty: nothing, and texts, sequences and hashes without content.
pub fn is_empty(model: &Model<'_>) -> bool {
    match model {
        Model::Missing | Model::Empty | Model::Nothing | Model::Callable(_) => true,
        Model::Boolean(_) | Model::Number(_) | Model::Date(_) => false,
        Model::Late(late) => late.made.as_ref().is_ok_and(is_empty),
        Model::Text(text) => text.is_empty(),
        Model::Match(found) => found.text.is_empty(),
        Model::Matches(matches) => matches.matches.is_empty(),
        Model::Markup(markup) => match &markup.content {
            MarkupContent::Plain(text) | MarkupContent::Markup(text) => text.is_empty(),
        },
        Model::Sequence(sequence) => sequence.known_length() == Some(0),
        Model::Hash(hash) => match hash {
            Hash::Json(object) => object.is_empty(),
            Hash::Made(map) => map.is_empty(),
            Hash::Namespace(namespace) => namespace.variables.borrow().is_empty(),
            Hash::Scope(_) | Hash::Statics(_) => false,
        },
    }
}

/// A string, as arguments of built-ins need it: nothing is converted.
///
/// # Errors
/// For every other type.
pub fn expect_text<'r>(model: &Model<'r>) -> Result<Text<'r>, Fault> {
    match model {
        Model::Text(text) => Ok(text.clone()),
        Model::Match(found) => Ok(Text::Shared(Rc::clone(&found.text))),
        Model::Empty | Model::Nothing => Ok(Text::Borrowed("")),
        Model::Late(late) if late.date_kind().is_none() => expect_text(late.value()?),
        Model::Number(_) => {
            Err(wrong_type("a string", model).with_hint("`?string` or `?c` makes a string of it"))
        }
        _ => Err(no_text(model)),
    }
}

/// A number.
///
/// # Errors
/// For every other type.
#[inline]
pub fn expect_number<'m>(model: &'m Model<'_>) -> Result<&'m Number, Fault> {
    match model {
        Model::Number(number) => Ok(number),
        Model::Text(_) | Model::Match(_) => {
            Err(wrong_type("a number", model).with_hint("`?number` reads the number in a string"))
        }
        _ => Err(hinted(wrong_type("a number", model), model)),
    }
}

/// A boolean.
///
/// # Errors
/// For every other type.
#[inline]
pub fn expect_boolean(model: &Model<'_>) -> Result<bool, Fault> {
    match model {
        Model::Boolean(value) => Ok(*value),
        Model::Matches(matches) => Ok(matches.whole),
        Model::Nothing => Ok(false),
        Model::Text(_) | Model::Match(_) => Err(wrong_type("a boolean", model).with_hint(
            "compare it (`x == 'yes'`), ask `?has_content`, or read it with `?boolean`",
        )),
        Model::Number(_) => Err(wrong_type("a boolean", model).with_hint("compare it: `x != 0`")),
        Model::Sequence(_) | Model::Hash(_) => {
            Err(wrong_type("a boolean", model).with_hint("ask `?has_content` or `??`"))
        }
        Model::Missing => Err(wrong_type("a boolean", model)
            .with_hint("give a default with `(x)!false`, or ask whether it is there with `x??`")),
        _ => Err(wrong_type("a boolean", model)),
    }
}

/// A sequence. What `?matches` gives is one of its matches.
///
/// # Errors
/// For every other type.
pub fn expect_sequence<'r>(model: &Model<'r>) -> Result<Sequence<'r>, Fault> {
    match model {
        Model::Sequence(sequence) => Ok(sequence.clone()),
        Model::Empty | Model::Nothing => Ok(Sequence::Items(Rc::default())),
        Model::Matches(matches) => {
            let items = matches.matches.iter().map(|found| Model::Match(Rc::clone(found)));
            Ok(Sequence::Items(Rc::new(items.collect())))
        }
        Model::Hash(_) => Err(wrong_type("a sequence", model)
            .with_hint("`?keys` and `?values` make sequences of a hash")),
        Model::Text(_) | Model::Match(_) => {
            Err(wrong_type("a sequence", model).with_hint("`?split(',')` makes a sequence of it"))
        }
        _ => Err(hinted(wrong_type("a sequence", model), model)),
    }
}

/// A hash.
///
/// # Errors
/// For every other type.
pub fn expect_hash<'r>(model: &Model<'r>) -> Result<Hash<'r>, Fault> {
    match model {
        Model::Hash(hash) => Ok(hash.clone()),
        Model::Empty | Model::Nothing => Ok(Hash::Made(Rc::default())),
        Model::Sequence(_) => Err(wrong_type("a hash", model)
            .with_hint("an item of it has a number: `x[0]`, `x?first`; `<#list>` visits them all")),
        Model::Text(_) => Err(wrong_type("a hash", model)
            .with_hint("if it is JSON in a string, `?eval_json` reads it")),
        _ => Err(hinted(wrong_type("a hash", model), model)),
    }
}

/// A date, time or datetime.
///
/// # Errors
/// For every other type.
pub fn expect_date(model: &Model<'_>) -> Result<Date, Fault> {
    match model {
        Model::Date(date) => Ok(*date),
        Model::Late(late) if late.date_kind().is_some() => expect_date(late.value()?),
        Model::Text(_) | Model::Match(_) => Err(wrong_type("a date", model).with_hint(
            "read it with `?date`, `?time` or `?datetime` and its format: `x?datetime.iso`, \
             `x?date('MM/dd/yyyy')`",
        )),
        Model::Number(_) => Err(wrong_type("a date", model).with_hint(
            "`?number_to_datetime` makes one of milliseconds since 1970; multiply seconds by 1000",
        )),
        _ => Err(hinted(wrong_type("a date", model), model)),
    }
}

/// The fault for a value of another type: "expected `expected`, found …".
pub fn wrong_type(expected: &str, found: &Model<'_>) -> Fault {
    let kind = match found {
        Model::Missing => TemplateErrorKind::MissingValue,
        _ => TemplateErrorKind::WrongType,
    };
    Fault::new(kind, format!("expected {expected}, found {}", found.kind_name()))
}

/// The fault for a value that can't be printed.
fn no_text(model: &Model<'_>) -> Fault {
    hinted(wrong_type("a string", model), model)
}

fn hinted(fault: Fault, model: &Model<'_>) -> Fault {
    match model {
        Model::Missing => {
            fault.with_hint("give a default with `(x)!'…'`, or ask whether it is there with `x??`")
        }
        Model::Sequence(_) => fault.with_hint(
            "print its items with `<#list>` or `?join(', ')`, or all of it as JSON with \
             `FtlUtils.toJsonString(x)`",
        ),
        Model::Hash(Hash::Namespace(_) | Hash::Statics(_)) => {
            fault.with_hint("name a member of it: `x.name`")
        }
        Model::Hash(_) => fault.with_hint(
            "name a member of it (`x.name`), or print all of it as JSON with \
             `FtlUtils.toJsonString(x)`",
        ),
        Model::Callable(_) => {
            fault.with_hint("functions and methods are called with `x(…)`, macros with `<@x …/>`")
        }
        Model::Markup(_) => fault.with_hint("`?markup_string` gives its text"),
        Model::Boolean(_) => fault.with_hint("write `?c`, or `?string('yes', 'no')`"),
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::coerce::to_text;
    use crate::ftl::coerce::truth;
    use crate::ftl::format::Formats;
    use crate::ftl::format::Formatting;
    use crate::ftl::model::Date;
    use crate::ftl::model::DateKind;
    use crate::ftl::model::Model;
    use crate::ftl::settings::Settings;
    use crate::value::Number;

    fn printed(model: &Model<'_>, change: &[(&str, &str)]) -> String {
        let mut settings = Settings::freemarker();
        for (name, value) in change {
            settings.set(name, value).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut formats = Formats::default();
        let formatting = Formatting { settings: &settings, formats: &mut formats };
        match to_text(model, formatting) {
            Ok(text) => text.to_string(),
            Err(fault) => format!("error: {}", fault.message()),
        }
    }

    #[test]
    fn values_print_as_the_settings_say() {
        let number = Model::Number(Number::parse("1234.5").unwrap_or(Number::from(0)));
        assert_eq!(printed(&number, &[]), "1,234.5");
        assert_eq!(printed(&number, &[("number_format", "c")]), "1234.5");
        assert_eq!(printed(&number, &[("number_format", "0.00"), ("locale", "de")]), "1234,50");
        assert_eq!(printed(&Model::Boolean(true), &[("boolean_format", "yes,no")]), "yes");
        let date = |kind| Model::Date(Date { millis: 1_705_314_600_000, kind });
        assert_eq!(printed(&date(DateKind::DateTime), &[]), "Jan 15, 2024, 10:30:00 AM");
        assert_eq!(printed(&date(DateKind::Date), &[("date_format", "iso")]), "2024-01-15");
        assert_eq!(printed(&date(DateKind::Time), &[("time_format", "short")]), "10:30 AM");
    }

    #[test]
    fn what_has_no_text_is_an_error_that_says_so() {
        let printed = |model: &Model<'_>| printed(model, &[]);
        assert_eq!(printed(&Model::list(vec![])), "error: expected a string, found a sequence");
        assert_eq!(
            printed(&Model::Missing),
            "error: expected a string, found nothing (null or missing)"
        );
        assert!(printed(&Model::Boolean(true)).contains("boolean_format"));
    }

    #[test]
    fn classic_templates_print_nothing_for_what_is_missing() {
        let classic = [("classic_compatible", "true")];
        assert_eq!(printed(&Model::Missing, &classic), "");
        assert_eq!(printed(&Model::Boolean(false), &classic), "");
        let mut settings = Settings::freemarker();
        settings.classic_compatible = true;
        assert!(matches!(truth(&Model::text("x"), &settings), Ok(true)));
        assert!(matches!(truth(&Model::text(""), &settings), Ok(false)));
    }
}
