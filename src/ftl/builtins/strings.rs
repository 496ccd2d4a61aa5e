//! Built-ins of texts: case, cutting, padding, words.

use std::borrow::Cow;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::characters;
use crate::ftl::builtins::code_units;
use crate::ftl::builtins::operands;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Model;
use crate::ftl::model::Text;

/// The lines of this group that need no search inside the text; those are in `search`.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value(
        "c_lower_case",
        GROUP,
        "in lower case, the same in every locale",
        |host, target| transform(host, target, characters::lower_case),
    ),
    BuiltIn::value(
        "c_upper_case",
        GROUP,
        "in upper case, the same in every locale",
        |host, target| transform(host, target, characters::upper_case),
    ),
    BuiltIn::value("cap_first", GROUP, "with the first letter in upper case", |host, target| {
        transform(host, target, |text| first_letter(text, characters::simple_upper))
    }),
    BuiltIn::value("capitalize", GROUP, "with every word capitalized", |host, target| {
        transform(host, target, capitalize)
    }),
    BuiltIn::value("chop_linebreak", GROUP, "without the line break at its end", |host, target| {
        transform(host, target, |text| {
            let without = ["\r\n", "\n", "\r"].iter().find_map(|end| text.strip_suffix(end));
            Cow::Borrowed(without.unwrap_or(text))
        })
    }),
    BuiltIn::method(
        "left_pad",
        GROUP,
        (1, 2),
        "filled up at the left to a length",
        |host, target, arguments| pad(host, target, arguments, "left_pad"),
    ),
    BuiltIn::value(
        "length",
        GROUP,
        "the number of characters (UTF-16 code units)",
        |host, target| Ok(code_units::length(&operands::text(host, target, Blame::Target)?).into()),
    ),
    BuiltIn::value("lower_case", GROUP, "in lower case, as the locale has it", |host, target| {
        if let Some(special) = SpecialCase::of(&host.formatting().settings.locale) {
            return transform(host, target, |text| special.lower_case(text));
        }
        transform(host, target, characters::lower_case)
    }),
    BuiltIn::method(
        "right_pad",
        GROUP,
        (1, 2),
        "filled up at the right to a length",
        |host, target, arguments| pad(host, target, arguments, "right_pad"),
    ),
    BuiltIn::method(
        "substring",
        GROUP,
        (1, 2),
        "from an index, up to another one (deprecated: use a slice)",
        substring,
    ),
    BuiltIn::value("trim", GROUP, "without white space at both ends", |host, target| {
        transform(host, target, |text| Cow::Borrowed(characters::trim(text)))
    }),
    BuiltIn::value("uncap_first", GROUP, "with the first letter in lower case", |host, target| {
        transform(host, target, |text| first_letter(text, characters::simple_lower))
    }),
    BuiltIn::value("upper_case", GROUP, "in upper case, as the locale has it", |host, target| {
        if let Some(special) = SpecialCase::of(&host.formatting().settings.locale) {
            return transform(host, target, |text| special.upper_case(text));
        }
        transform(host, target, characters::upper_case)
    }),
    BuiltIn::value("word_list", GROUP, "a sequence of its words", |host, target| {
        let text = operands::text(host, target, Blame::Target)?;
        host.spend(text.len())?;
        Ok(parts(&text, |text| {
            let words = text.split([' ', '\t', '\n', '\r', '\u{c}']);
            words.filter(|word| !word.is_empty()).map(Cow::Borrowed).collect()
        }))
    }),
];

const GROUP: &str = "string";

/// What a function makes of the target. What it leaves as it was is not copied.
pub(in crate::ftl::builtins) fn transform<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    change: impl Fn(&str) -> Cow<'_, str>,
) -> Outcome<'r> {
    Ok(Model::Text(changed(operands::text(host, target, Blame::Target)?, change)))
}

/// What a function makes of a text: itself, a part of it, or a new one.
pub(in crate::ftl::builtins) fn changed(
    text: Text<'_>,
    mut change: impl FnMut(&str) -> Cow<'_, str>,
) -> Text<'_> {
    match text {
        Text::Borrowed(whole) => match change(whole) {
            Cow::Borrowed(part) => Text::Borrowed(part),
            Cow::Owned(new) => new.into(),
        },
        Text::Shared(whole) => match change(&whole) {
            Cow::Borrowed(part) if part.len() == whole.len() => Text::Shared(whole),
            other => Text::Shared(other.into()),
        },
    }
}

/// Parts of a text as a list of texts.
pub(in crate::ftl::builtins) fn parts<'r>(
    text: &Text<'r>,
    divide: impl Fn(&str) -> Vec<Cow<'_, str>>,
) -> Model<'r> {
    Model::list(match text {
        Text::Borrowed(whole) => divide(whole)
            .into_iter()
            .map(|part| match part {
                Cow::Borrowed(part) => Model::Text(Text::Borrowed(part)),
                Cow::Owned(part) => Model::text(part),
            })
            .collect(),
        Text::Shared(whole) => divide(whole).into_iter().map(Model::text).collect(),
    })
}

/// The first character that is not white space, changed.
fn first_letter(text: &str, change: fn(char) -> char) -> Cow<'_, str> {
    let Some((at, first)) = text.char_indices().find(|(_, c)| !characters::is_white_space(*c))
    else {
        return Cow::Borrowed(text);
    };
    let changed = change(first);
    if changed == first {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push_str(&text[..at]);
    out.push(changed);
    out.push_str(&text[at + first.len_utf8()..]);
    Cow::Owned(out)
}

/// Words are divided by blanks, tabs and line breaks; their other letters become lower case.
fn capitalize(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            // Java takes the first code unit, so a character of two units stays as it is.
            if first.len_utf16() == 1 {
                out.push_str(&characters::upper_case(first.encode_utf8(&mut [0; 4])));
            } else {
                out.push(first);
            }
            out.push_str(&characters::lower_case(letters.as_str()));
        }
        let separators = behind.len() - behind.trim_start_matches([' ', '\t', '\r', '\n']).len();
        out.push_str(&behind[..separators]);
        rest = &behind[separators..];
    }
    Cow::Owned(out)
}

/// Languages that change case in their own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpecialCase {
    /// Turkish and Azerbaijani: `i` and `İ`, `ı` and `I`.
    Turkic,
    /// Lithuanian: an `i` keeps its dot under accents.
    Lithuanian,
}

impl SpecialCase {
    fn of(locale: &str) -> Option<Self> {
        match locale.split(['_', '-']).next()? {
            "tr" | "az" => Some(Self::Turkic),
            "lt" => Some(Self::Lithuanian),
            _ => None,
        }
    }

    fn upper_case(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Turkic => {
                Cow::Owned(characters::upper_case(&text.replace('i', "İ")).into_owned())
            }
            Self::Lithuanian => characters::lithuanian_upper_case(text),
        }
    }

    fn lower_case(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Turkic => {
                let dotless = text.replace("I\u{307}", "i").replace('I', "ı").replace('İ', "i");
                Cow::Owned(characters::lower_case(&dotless).into_owned())
            }
            Self::Lithuanian => characters::lithuanian_lower_case(text),
        }
    }
}

fn pad<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
    name: &'static str,
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let wanted = operands::needed(name, arguments, 0).int()?;
    let filling = match operands::argument(name, arguments, 1) {
        Some(argument) => argument.text()?,
        None => " ",
    };
    let length = code_units::length(&text);
    let missing = usize::try_from(wanted).unwrap_or(0).saturating_sub(length);
    if missing == 0 {
        return Ok(Model::Text(text));
    }
    if filling.is_empty() {
        let message = "expected something to fill up with, found an empty string";
        return Err(operands::needed(name, arguments, 1).bad(message));
    }
    let limit = host.formatting().settings.limits.max_items;
    if missing > limit {
        let message = format!("`?{name}` may add up to {limit} characters, not {missing}");
        return Err(Fault::new(TemplateErrorKind::Limit, message).blaming(Blame::Argument(0)));
    }
    host.spend(missing)?;
    // The filling lies under the whole as a pattern; at the right it starts inside.
    let period = code_units::length(filling);
    let start = if name == "right_pad" { length % period } else { 0 };
    let pattern = filling.repeat((start + missing).div_ceil(period));
    let fill = code_units::slice(&pattern, start, start + missing);
    let padded = if name == "right_pad" { [&*text, &*fill] } else { [&*fill, &*text] };
    Ok(Model::text(padded.concat()))
}

fn substring<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    const NAME: &str = "substring";
    let text = operands::text(host, target, Blame::Target)?;
    let length = code_units::length(&text);
    let index = |at: usize| {
        let argument = operands::needed(NAME, arguments, at);
        let index = argument.int()?;
        usize::try_from(index).ok().filter(|index| *index <= length).ok_or_else(|| {
            let found = format!(
                "expected an index from 0 to {length}, the length of the string, found {index}"
            );
            argument.bad(found).with_hint(if index < 0 {
                "`x[0..*n]` takes the first characters, `x[(x?length - n)..]` the last"
            } else {
                "`?truncate(n)` or `x[0..*n]` shorten what is longer and leave the rest"
            })
        })
    };
    let start = index(0)?;
    let end = if arguments.len() > 1 { index(1)? } else { length };
    if start > end {
        let message = format!("expected an index from {start}, where the part starts, found {end}");
        return Err(operands::needed(NAME, arguments, 1).bad(message));
    }
    Ok(Model::Text(changed(text, |text| code_units::slice(text, start, end))))
}
