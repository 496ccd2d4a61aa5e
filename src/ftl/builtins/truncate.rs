//! `?truncate` and its kin: texts with a length at the most, and a sign that something was cut.

use std::borrow::Cow;
use std::rc::Rc;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::characters::is_white_space;
use crate::ftl::builtins::code_units;
use crate::ftl::builtins::escapes;
use crate::ftl::builtins::escaping::markup_text;
use crate::ftl::builtins::operands;
use crate::ftl::error::Blame;
use crate::ftl::model::Markup;
use crate::ftl::model::MarkupContent;
use crate::ftl::model::Model;
use crate::ftl::settings::OutputFormat;
use crate::ftl::settings::TruncateAlgorithm;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::method(
        "truncate",
        GROUP,
        (1, 3),
        "cut to a length, at the end of a word if one is near",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate", at: Cut::Near, markup: false },
            )
        },
    ),
    BuiltIn::method(
        "truncate_c",
        GROUP,
        (1, 3),
        "cut to a length, anywhere",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate_c", at: Cut::Anywhere, markup: false },
            )
        },
    ),
    BuiltIn::method(
        "truncate_c_m",
        GROUP,
        (1, 3),
        "like `?truncate_c`, with markup as the sign of the cut",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate_c_m", at: Cut::Anywhere, markup: true },
            )
        },
    ),
    BuiltIn::method(
        "truncate_m",
        GROUP,
        (1, 3),
        "like `?truncate`, with markup as the sign of the cut",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate_m", at: Cut::Near, markup: true },
            )
        },
    ),
    BuiltIn::method(
        "truncate_w",
        GROUP,
        (1, 3),
        "cut to a length, at the end of a word",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate_w", at: Cut::Word, markup: false },
            )
        },
    ),
    BuiltIn::method(
        "truncate_w_m",
        GROUP,
        (1, 3),
        "like `?truncate_w`, with markup as the sign of the cut",
        |host, target, arguments| {
            truncate(
                host,
                target,
                arguments,
                Style { name: "truncate_w_m", at: Cut::Word, markup: true },
            )
        },
    ),
];

const GROUP: &str = "string";

/// Which of the six it is.
#[derive(Clone, Copy)]
struct Style {
    name: &'static str,
    at: Cut,
    markup: bool,
}

/// Where a text may be cut.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    Anywhere,
    Word,
    /// At the end of a word, unless it lies before three quarters of the length.
    Near,
}

/// The sign that something was cut.
enum Terminator<'r> {
    Text(Cow<'r, str>),
    Markup(Rc<Markup>),
}

const ASCII_TEXT: &str = "[...]";
const UNICODE_TEXT: &str = "[…]";
const DEFAULT_MARKUP: &str = "<span class='truncateTerminator'>[&#8230;]</span>";
/// What the default markup counts for: `[…]`.
const DEFAULT_MARKUP_LENGTH: usize = 3;
/// Markup of other formats than HTML and XML isn't looked into.
const UNKNOWN_MARKUP_LENGTH: usize = 3;

fn truncate<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
    style: Style,
) -> Outcome<'r> {
    let Style { name, at, markup } = style;
    let text = operands::text(host, target, Blame::Target)?;
    let length = operands::needed(name, arguments, 0);
    let max = usize::try_from(length.int()?)
        .map_err(|_| length.bad("expected a length, found a negative number"))?;
    let given = operands::argument(name, arguments, 1);
    let terminator = match given.map(operands::Argument::value) {
        Some(Model::Markup(own)) if markup => Some(Terminator::Markup(Rc::clone(own))),
        Some(Model::Text(own)) => Some(Terminator::Text(own.to_string().into())),
        Some(Model::Match(found)) => Some(Terminator::Text(found.text.to_string().into())),
        None => None,
        Some(_) => {
            let expected = if markup { "a string or markup output" } else { "a string" };
            return Err(operands::needed(name, arguments, 1).wrong_type(expected));
        }
    };
    let counted = match operands::argument(name, arguments, 2) {
        Some(argument) => Some(
            usize::try_from(argument.int()?)
                .map_err(|_| argument.bad("expected a length, found a negative number"))?,
        ),
        None => None,
    };
    if code_units::length(&text) <= max {
        return Ok(Model::Text(text));
    }
    host.spend(text.len() / 64)?;
    let (terminator, counted) = match terminator {
        Some(terminator) => {
            let counted = counted.unwrap_or_else(|| terminator.length());
            (terminator, counted)
        }
        None if markup => {
            let content = MarkupContent::Markup(DEFAULT_MARKUP.into());
            let own = Markup { format: OutputFormat::Html, content };
            (Terminator::Markup(Rc::new(own)), DEFAULT_MARKUP_LENGTH)
        }
        None => {
            let own = match host.formatting().settings.truncate_algorithm {
                TruncateAlgorithm::Ascii => ASCII_TEXT,
                TruncateAlgorithm::Unicode => UNICODE_TEXT,
            };
            (Terminator::Text(own.into()), code_units::length(own))
        }
    };
    let units: Vec<u16> = text.encode_utf16().collect();
    let kept = Cutter { units: &units, max, counted, terminator: &terminator }.kept(at);
    let kept = kept.map_or_else(String::new, |(end, space)| {
        let mut kept = code_units::slice(&text, 0, end).into_owned();
        if space {
            kept.push(' ');
        }
        kept
    });
    Ok(match terminator {
        Terminator::Text(own) => Model::text(kept + &*own),
        Terminator::Markup(own) if kept.is_empty() => Model::Markup(own),
        Terminator::Markup(own) => {
            let escaped = escapes::for_format(&kept, &own.format);
            let content = MarkupContent::Markup([&*escaped, &*markup_text(&own)].concat().into());
            Model::Markup(Rc::new(Markup { format: own.format.clone(), content }))
        }
    })
}

/// A text that is too long, and what will stand at its end.
struct Cutter<'a, 'r> {
    units: &'a [u16],
    max: usize,
    /// The length that the terminator counts for.
    counted: usize,
    terminator: &'a Terminator<'r>,
}

impl Cutter<'_, '_> {
    /// How many units stay, and whether a space follows them; `None`: nothing stays.
    fn kept(&self, at: Cut) -> Option<(usize, bool)> {
        let room = self.max.checked_sub(self.counted)?;
        let end = self.without_white_space(room);
        if end == 0 {
            return None;
        }
        // A terminator of no length needs no space before it.
        let spaced = self.counted != 0;
        if at != Cut::Anywhere {
            let found = self.word_end(at, end, spaced);
            if found.is_some() || at == Cut::Word {
                return found.map(|end| (end, spaced));
            }
        }
        self.any_end(room, end, spaced)
    }

    /// The last end of a word before `end`.
    fn word_end(&self, at: Cut, end: usize, spaced: bool) -> Option<usize> {
        let counted = self.counted + usize::from(spaced);
        let least = match at {
            Cut::Near => (self.max * 3).div_ceil(4).saturating_sub(counted).max(1),
            _ => 1,
        };
        let mut end = end.min(self.max.checked_sub(counted)?);
        while end >= least {
            let final_unit = self.units[end - 1];
            if !is_space(final_unit) && self.ends_word(end) {
                if !spaced && is_dot(final_unit) && self.terminator.has_dots() {
                    while end >= least
                        && (is_dot(self.units[end - 1]) || is_space(self.units[end - 1]))
                    {
                        end -= 1;
                    }
                    if end < least {
                        return None;
                    }
                }
                return Some(end);
            }
            end -= 1;
        }
        None
    }

    /// The last place before `end` that has no white space or dots to go.
    fn any_end(&self, room: usize, mut end: usize, spaced: bool) -> Option<(usize, bool)> {
        if end == room && spaced && self.ends_word(end) {
            // The space has to fit too.
            end -= 1;
        }
        loop {
            end = self.without_white_space(end);
            if end == 0 {
                return None;
            }
            let at_word_end = spaced && self.ends_word(end);
            if at_word_end || !is_dot(self.units[end - 1]) || !self.terminator.has_dots() {
                return Some((end, at_word_end));
            }
            while end > 0 && is_dot(self.units[end - 1]) {
                end -= 1;
            }
            if end == 0 {
                return None;
            }
        }
    }

    fn without_white_space(&self, mut end: usize) -> usize {
        while end > 0 && is_space(self.units[end - 1]) {
            end -= 1;
        }
        end
    }

    fn ends_word(&self, end: usize) -> bool {
        self.units.get(end).is_none_or(|next| is_space(*next))
    }
}

fn is_space(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(is_white_space)
}

fn is_dot(unit: u16) -> bool {
    unit == u16::from(b'.') || unit == 0x2026
}

impl Terminator<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => code_units::length(text),
            Self::Markup(markup) if is_tagged(markup) => visible(&markup_text(markup)).count(),
            Self::Markup(_) => UNKNOWN_MARKUP_LENGTH,
        }
    }

    /// Whether it starts with dots, so that dots before it would be too many.
    fn has_dots(&self) -> bool {
        match self {
            Self::Text(text) => text.starts_with(['.', '…']),
            Self::Markup(markup) if is_tagged(markup) => {
                visible(&markup_text(markup)).next() == Some('.')
            }
            Self::Markup(_) => true,
        }
    }
}

fn is_tagged(markup: &Markup) -> bool {
    matches!(markup.format, OutputFormat::Html | OutputFormat::Xhtml | OutputFormat::Xml)
}

/// What one sees of HTML or XML, unit by unit: no tags and comments, entities as one character. All
/// kinds of dots are given as `.`.
fn visible(markup: &str) -> impl Iterator<Item = char> {
    let mut rest = markup;
    let mut in_data = false;
    let mut low_half = false;
    std::iter::from_fn(move || {
        if std::mem::take(&mut low_half) {
            return Some(char::REPLACEMENT_CHARACTER);
        }
        loop {
            if in_data && let Some(behind) = rest.strip_prefix("]]>") {
                (in_data, rest) = (false, behind);
                continue;
            }
            let c = rest.chars().next()?;
            let behind = &rest[c.len_utf8()..];
            if !in_data && c == '<' {
                if let Some(data) = behind.strip_prefix("![CDATA[") {
                    (in_data, rest) = (true, data);
                } else if let Some(comment) = behind.strip_prefix("!--") {
                    rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
                } else {
                    rest = behind.split_once('>').map_or("", |(_, behind)| behind);
                }
                continue;
            }
            if !in_data && c == '&' {
                let (name, behind) = behind.split_once(';').unwrap_or((behind, ""));
                rest = behind;
                return Some(if is_dot_entity(name) { '.' } else { '&' });
            }
            rest = behind;
            low_half = c.len_utf16() == 2;
            return Some(if c == '…' { '.' } else { c });
        }
    })
}

fn is_dot_entity(name: &str) -> bool {
    let code = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    matches!(name, "hellip" | "period") || matches!(code, Some(0x2026 | 0x2E))
}
