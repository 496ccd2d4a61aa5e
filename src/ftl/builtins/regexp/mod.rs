//! Built-ins with regular expressions, which are Java's.

mod blocks;
pub(in crate::ftl::builtins) mod halves;
mod java;
pub(in crate::ftl::builtins) mod pattern;
mod properties;

use std::borrow::Cow;
use std::rc::Rc;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::characters;
use crate::ftl::builtins::code_units;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::regexp::halves::part;
use crate::ftl::builtins::regexp::pattern::Flags;
use crate::ftl::builtins::regexp::pattern::Pattern;
use crate::ftl::builtins::regexp::pattern::Places;
use crate::ftl::builtins::regexp::pattern::next_start;
use crate::ftl::builtins::regexp::pattern::pattern;
use crate::ftl::builtins::strings::changed;
use crate::ftl::builtins::walk::spend_squared;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Match;
use crate::ftl::model::Matches;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value("groups", GROUP, "the groups of a match, the whole match first", |_, target| {
        groups(&target)
    }),
    BuiltIn::method(
        "matches",
        GROUP,
        (1, 2),
        "whether a regular expression matches all of it, and its matches",
        matches,
    ),
    BuiltIn::method(
        "replace",
        GROUP,
        (2, 3),
        "with a text or pattern replaced everywhere",
        replace,
    ),
];

const GROUP: &str = "string";

fn groups<'r>(target: &Model<'r>) -> Outcome<'r> {
    let text = |group: &Option<Rc<str>>| match group {
        Some(text) => Model::text(Rc::clone(text)),
        None => Model::Missing,
    };
    match target {
        Model::Match(found) => Ok(Model::list(found.groups.iter().map(text).collect())),
        Model::Matches(found) => Ok(Model::Sequence(Sequence::Groups(Rc::clone(found)))),
        other => Err(wrong_type("what `?matches` gives left of `?groups`", other)
            .blaming(Blame::Target)
            .with_hint("`x?matches(r\"(\\d+)-(\\d+)\")?groups[1]`")),
    }
}

fn matches<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let source = operands::needed("matches", arguments, 0).printed(host)?;
    let flags = match operands::argument("matches", arguments, 1) {
        Some(flags) => Flags::parse(&flags.printed(host)?),
        None => Flags::REGEXP,
    };
    let pattern = pattern(host, &source, flags, 0)?;
    host.spend(text.len())?;
    let group = |place: &Option<std::ops::Range<usize>>| {
        place.clone().map(|place| Rc::from(part(&text, place)))
    };
    let whole = pattern.match_whole(host, &text)?;
    let groups = match &whole {
        Some(places) => places.iter().map(group).collect(),
        None => vec![None; pattern.groups + 1],
    };
    let mut found = Vec::new();
    for_each_match(host, &pattern, &text, false, |places| {
        let groups: Vec<Option<Rc<str>>> = places.iter().map(group).collect();
        let text = groups.first().cloned().flatten().unwrap_or_default();
        found.push(Rc::new(Match { text, groups }));
        Ok(())
    })?;
    Ok(Model::Matches(Rc::new(Matches { whole: whole.is_some(), groups, matches: found })))
}

fn for_each_match<'r>(
    host: &mut (dyn Host<'r> + '_),
    pattern: &Pattern,
    text: &str,
    first_only: bool,
    mut each: impl FnMut(&Places) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut from = 0;
    while let Some(places) = pattern.find(host, text, from)? {
        host.spend(1)?;
        each(&places)?;
        let Some(whole) = places.first().and_then(Option::as_ref) else { break };
        from = next_start(text, whole);
        if first_only {
            break;
        }
    }
    Ok(())
}

fn replace<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let wanted = operands::needed("replace", arguments, 0).printed(host)?;
    let new = operands::needed("replace", arguments, 1).printed(host)?;
    let flags = match operands::argument("replace", arguments, 2) {
        Some(flags) => Flags::parse(&flags.printed(host)?),
        None => Flags::default(),
    };
    host.spend(text.len() / 64)?;
    let limit = host.formatting().settings.limits.max_output_bytes;
    if !flags.regexp {
        // Every place of an empty text to look for grows by the new one.
        let growth = if wanted.is_empty() { new.len() } else { new.len() / wanted.len() };
        host.spend((text.len() / 64).saturating_mul(growth))?;
        if text.len().saturating_mul(growth + 1) > limit {
            let count =
                if wanted.is_empty() { text.len() + 1 } else { text.matches(&*wanted).count() };
            // Without regard to case there may be more places, by a factor that doesn't matter.
            check_length(text.len() + count.saturating_mul(new.len()), limit)?;
        }
        if flags.modes.ignore_case && !text.is_ascii() {
            spend_squared(host, &text)?;
        }
        return Ok(Model::Text(changed(text, |text| replace_plain(text, &wanted, &new, flags))));
    }
    let pattern = pattern(host, &wanted, flags, 0)?;
    let mut replacement = None;
    let mut out = String::new();
    let mut copied = 0;
    for_each_match(host, &pattern, &text, flags.first_only, |places| {
        // Java reads the replacement when there is something to replace, and only then.
        let pieces = match &mut replacement {
            Some(pieces) => pieces,
            none => none.insert(read_replacement(&new, &pattern)?),
        };
        let Some(whole) = places.first().and_then(Option::as_ref) else { return Ok(()) };
        out.push_str(&part(&text, copied..whole.start));
        for piece in pieces.iter() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => {
                    if let Some(Some(place)) = places.get(*group) {
                        out.push_str(&part(&text, place.clone()));
                    }
                }
            }
        }
        copied = whole.end;
        check_length(out.len(), limit)
    })?;
    if replacement.is_none() {
        return Ok(Model::Text(text));
    }
    out.push_str(&part(&text, copied..text.len()));
    host.spend(out.len() / 64)?;
    Ok(Model::Text(out.into()))
}

fn check_length(length: usize, limit: usize) -> Result<(), Fault> {
    if length <= limit {
        return Ok(());
    }
    let message = format!("a string is larger than {limit} bytes (`max_output_bytes`)");
    Err(Fault::new(TemplateErrorKind::Limit, message))
}

fn replace_plain<'t>(text: &'t str, wanted: &str, new: &str, flags: Flags) -> Cow<'t, str> {
    if wanted.is_empty() {
        return match (new.is_empty(), flags.first_only) {
            (true, _) => Cow::Borrowed(text),
            (false, true) => Cow::Owned([new, text].concat()),
            (false, false) => Cow::Owned(between_units(text, new)),
        };
    }
    if flags.modes.ignore_case {
        return replace_ignoring_case(text, wanted, new, flags.first_only);
    }
    // One byte is found without the preparations that longer texts need.
    let place = |text: &str| match wanted.as_bytes() {
        [byte] => text.bytes().position(|own| own == *byte),
        _ => text.find(wanted),
    };
    let mut next = place(text);
    if next.is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + new.len());
    let mut rest = text;
    while let Some(at) = next {
        out.push_str(&rest[..at]);
        out.push_str(new);
        rest = &rest[at + wanted.len()..];
        if flags.first_only {
            break;
        }
        next = place(rest);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The text with another one before, between and behind all its code units.
fn between_units(text: &str, new: &str) -> String {
    let mut out = String::from(new);
    let mut at = 0;
    while at < text.len() {
        let next = halves::next_unit(text, at);
        out.push_str(&part(text, at..next));
        out.push_str(new);
        at = next;
    }
    out
}

/// Looks in the lower case form; its places are those of the text, unit by unit, as in Java.
fn replace_ignoring_case<'t>(
    text: &'t str,
    wanted: &str,
    new: &str,
    first_only: bool,
) -> Cow<'t, str> {
    let (lower, wanted_lower) = (characters::lower_case(text), characters::lower_case(wanted));
    let length = code_units::length(wanted);
    let mut out = String::new();
    let mut copied = 0;
    let mut found_any = false;
    loop {
        let (from, broken) = code_units::byte_offset(&lower, copied);
        let from = if broken { pattern::next_char(&lower, from) } else { from };
        let Some(found) = lower[from..].find(&*wanted_lower) else { break };
        let start = code_units::unit_at(&lower, from + found);
        found_any = true;
        out.push_str(&code_units::slice(text, copied, start));
        out.push_str(new);
        copied = start + length;
        if first_only {
            break;
        }
    }
    if !found_any {
        return Cow::Borrowed(text);
    }
    out.push_str(&code_units::slice(text, copied, usize::MAX));
    Cow::Owned(out)
}

/// A piece of a replacement.
enum Piece {
    Text(String),
    /// The number of a group.
    Group(usize),
}

/// `$1`, `${name}`, and `\` before what stands for itself.
fn read_replacement(replacement: &str, pattern: &Pattern) -> Result<Vec<Piece>, Fault> {
    let wrong = |message: String| {
        Fault::new(TemplateErrorKind::BadArgument, message).blaming(Blame::Argument(1)).with_hint(
            "`$1` and `${name}` stand for groups; a plain `$` or `\\` has a `\\` before it",
        )
    };
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = replacement.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(c) => text.push(c),
                None => return Err(wrong("the replacement ends with a lone `\\`".into())),
            },
            '$' => {
                let group = if let Some(named) = rest.as_str().strip_prefix('{') {
                    let name = named
                        .split_once('}')
                        .map(|(name, _)| name)
                        .ok_or_else(|| wrong("expected `}` behind the name of a group".into()))?;
                    let group = pattern.names.iter().find(|(own, _)| own == name);
                    rest = named[name.len() + 1..].chars();
                    group.ok_or_else(|| wrong(format!("there is no group `{name}`")))?.1
                } else {
                    numbered(&mut rest, pattern.groups).map_err(wrong)?
                };
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Group(group));
            }
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// As many digits as give a group that there is.
fn numbered(rest: &mut std::str::Chars<'_>, groups: usize) -> Result<usize, String> {
    let digit = |rest: &std::str::Chars<'_>| rest.clone().next().and_then(|c| c.to_digit(10));
    let mut group = match digit(rest) {
        Some(first) => first as usize,
        None => return Err("expected the number or name of a group behind `$`".into()),
    };
    if group > groups {
        return Err(format!("there is no group {group}, the pattern has {groups}"));
    }
    rest.next();
    while let Some(next) = digit(rest) {
        let longer = group * 10 + next as usize;
        if longer > groups {
            break;
        }
        group = longer;
        rest.next();
    }
    Ok(group)
}
