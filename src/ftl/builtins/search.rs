//! Built-ins of texts that look for another text inside.

use std::borrow::Cow;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::characters;
use crate::ftl::builtins::code_units;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::regexp::halves;
use crate::ftl::builtins::regexp::halves::part;
use crate::ftl::builtins::regexp::pattern::Flags;
use crate::ftl::builtins::regexp::pattern::next_char;
use crate::ftl::builtins::regexp::pattern::next_start;
use crate::ftl::builtins::regexp::pattern::pattern;
use crate::ftl::builtins::strings::changed;
use crate::ftl::builtins::strings::parts;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::value::Number;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::method(
        "contains",
        GROUP,
        (1, 1),
        "whether a text is inside",
        |host, target, arguments| {
            let text = target_text(host, target, "use `?seq_contains` for sequences")?;
            Ok(Model::Boolean(text.contains(operands::needed("contains", arguments, 0).text()?)))
        },
    ),
    BuiltIn::method(
        "ends_with",
        GROUP,
        (1, 1),
        "whether it ends with a text",
        |host, target, arguments| {
            let text = operands::text(host, target, Blame::Target)?;
            Ok(Model::Boolean(text.ends_with(operands::needed("ends_with", arguments, 0).text()?)))
        },
    ),
    BuiltIn::method(
        "ensure_ends_with",
        GROUP,
        (1, 1),
        "with a text added at the end, unless it ends so",
        |host, target, arguments| {
            let text = operands::text(host, target, Blame::Target)?;
            let end = operands::needed("ensure_ends_with", arguments, 0).text()?;
            Ok(Model::Text(if text.ends_with(end) { text } else { [&*text, end].concat().into() }))
        },
    ),
    BuiltIn::method(
        "ensure_starts_with",
        GROUP,
        (1, 3),
        "with a text added at the start, unless it starts so",
        ensure_starts_with,
    ),
    BuiltIn::method(
        "index_of",
        GROUP,
        (1, 2),
        "the index of the first place of a text inside, or -1",
        |host, target, arguments| {
            let text = target_text(host, target, "use `?seq_index_of` for sequences")?;
            let wanted = operands::needed("index_of", arguments, 0).text()?;
            let start = operands::argument("index_of", arguments, 1)
                .map(operands::Argument::int)
                .transpose()?;
            Ok(index_of(&text, wanted, start.unwrap_or(0)))
        },
    ),
    BuiltIn::method(
        "keep_after",
        GROUP,
        (1, 2),
        "what follows the first place of a text; nothing without it",
        |host, target, arguments| {
            keep(host, target, arguments, Keep { name: "keep_after", after: true, last: false })
        },
    ),
    BuiltIn::method(
        "keep_after_last",
        GROUP,
        (1, 2),
        "what follows the last place of a text; nothing without it",
        |host, target, arguments| {
            keep(host, target, arguments, Keep { name: "keep_after_last", after: true, last: true })
        },
    ),
    BuiltIn::method(
        "keep_before",
        GROUP,
        (1, 2),
        "what stands before the first place of a text; all without it",
        |host, target, arguments| {
            keep(host, target, arguments, Keep { name: "keep_before", after: false, last: false })
        },
    ),
    BuiltIn::method(
        "keep_before_last",
        GROUP,
        (1, 2),
        "what stands before the last place of a text; all without it",
        |host, target, arguments| {
            keep(
                host,
                target,
                arguments,
                Keep { name: "keep_before_last", after: false, last: true },
            )
        },
    ),
    BuiltIn::method(
        "last_index_of",
        GROUP,
        (1, 2),
        "the index of the last place of a text inside, or -1",
        |host, target, arguments| {
            let text = target_text(host, target, "use `?seq_last_index_of` for sequences")?;
            let wanted = operands::needed("last_index_of", arguments, 0).text()?;
            let start = operands::argument("last_index_of", arguments, 1)
                .map(operands::Argument::int)
                .transpose()?;
            Ok(last_index_of(&text, wanted, start))
        },
    ),
    BuiltIn::method(
        "remove_beginning",
        GROUP,
        (1, 1),
        "without a text at the start",
        |host, target, arguments| {
            let text = operands::text(host, target, Blame::Target)?;
            let start = operands::needed("remove_beginning", arguments, 0).text()?;
            Ok(Model::Text(changed(text, |text| text.strip_prefix(start).unwrap_or(text).into())))
        },
    ),
    BuiltIn::method(
        "remove_ending",
        GROUP,
        (1, 1),
        "without a text at the end",
        |host, target, arguments| {
            let text = operands::text(host, target, Blame::Target)?;
            let end = operands::needed("remove_ending", arguments, 0).text()?;
            Ok(Model::Text(changed(text, |text| text.strip_suffix(end).unwrap_or(text).into())))
        },
    ),
    BuiltIn::method(
        "split",
        GROUP,
        (1, 2),
        "a sequence of the parts between a text or pattern",
        split,
    ),
    BuiltIn::method(
        "starts_with",
        GROUP,
        (1, 1),
        "whether it starts with a text",
        |host, target, arguments| {
            let text = operands::text(host, target, Blame::Target)?;
            Ok(Model::Boolean(
                text.starts_with(operands::needed("starts_with", arguments, 0).text()?),
            ))
        },
    ),
];

const GROUP: &str = "string";

/// The target as text; a sequence gets a hint which built-in it needs.
fn target_text<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    hint: &str,
) -> Result<Text<'r>, Fault> {
    let is_sequence = matches!(target, Model::Sequence(_));
    let text = operands::text(host, target, Blame::Target);
    if is_sequence { text.map_err(|fault| fault.with_hint(hint)) } else { text }
}

fn ensure_starts_with<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    const NAME: &str = "ensure_starts_with";
    let text = operands::text(host, target, Blame::Target)?;
    let start = operands::needed(NAME, arguments, 0).text()?;
    let Some(added) = operands::argument(NAME, arguments, 1) else {
        let has = text.starts_with(start);
        return Ok(Model::Text(if has { text } else { [start, &*text].concat().into() }));
    };
    let added = added.text()?;
    let flags = flags(NAME, arguments, 2, Flags::REGEXP)?;
    let has = if flags.regexp {
        host.spend(text.len() / 64)?;
        pattern(host, start, flags, 0)?.matches_start(host, &text)?
    } else if flags.modes.ignore_case {
        characters::lower_case(&text).starts_with(&*characters::lower_case(start))
    } else {
        text.starts_with(start)
    };
    Ok(Model::Text(if has { text } else { [added, &*text].concat().into() }))
}

/// The flags of an argument. Those that need `r` are refused without it.
fn flags(
    name: &'static str,
    arguments: &[Model<'_>],
    index: usize,
    default: Flags,
) -> Result<Flags, Fault> {
    let Some(argument) = operands::argument(name, arguments, index) else { return Ok(default) };
    let flags = Flags::parse(argument.text()?);
    match flags.needs_regexp() {
        Some(letter) => {
            let message = format!("the flag `{letter}` needs the flag `r` beside it");
            Err(argument
                .bad(message)
                .with_hint("`r` makes the first argument a regular expression"))
        }
        None => Ok(flags),
    }
}

fn index_of<'r>(text: &str, wanted: &str, start: i64) -> Model<'r> {
    let start = usize::try_from(start).unwrap_or(0);
    if wanted.is_empty() {
        return start.min(code_units::length(text)).into();
    }
    let (from, broken) = code_units::byte_offset(text, start);
    let from = if broken { next_char(text, from) } else { from };
    let found = text[from..].find(wanted).map(|at| code_units::unit_at(text, from + at));
    index_or_minus_one(found)
}

fn last_index_of<'r>(text: &str, wanted: &str, start: Option<i64>) -> Model<'r> {
    let Some(start) = start else {
        return index_or_minus_one(text.rfind(wanted).map(|at| code_units::unit_at(text, at)));
    };
    let Ok(start) = usize::try_from(start) else { return index_or_minus_one(None) };
    if wanted.is_empty() {
        return start.min(code_units::length(text)).into();
    }
    // A place counts that starts at `start` or before it.
    let (last, _) = code_units::byte_offset(text, start);
    let end = last.saturating_add(wanted.len()).min(text.len());
    let found = text.as_bytes()[..end]
        .windows(wanted.len())
        .rposition(|window| window == wanted.as_bytes());
    index_or_minus_one(found.map(|at| code_units::unit_at(text, at)))
}

fn index_or_minus_one<'r>(index: Option<usize>) -> Model<'r> {
    index.map_or_else(|| Model::Number(Number::from(-1)), Model::from)
}

/// Which part `?keep_…` keeps.
#[derive(Clone, Copy)]
struct Keep {
    name: &'static str,
    after: bool,
    last: bool,
}

fn keep<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
    keep: Keep,
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let wanted = operands::needed(keep.name, arguments, 0).text()?;
    let flags = flags(keep.name, arguments, 1, Flags::default())?;
    if !flags.regexp && flags.modes.ignore_case {
        return Ok(Model::Text(changed(text, |text| keep_ignoring_case(text, wanted, keep))));
    }
    let place = if flags.regexp {
        host.spend(text.len() / 64)?;
        if wanted.is_empty() && keep.last {
            Some(text.len()..text.len())
        } else {
            find_pattern(host, &text, wanted, flags, keep)?
        }
    } else {
        let at = if keep.last { text.rfind(wanted) } else { text.find(wanted) };
        at.map(|at| at..at + wanted.len())
    };
    Ok(Model::Text(changed(text, |text| match &place {
        Some(place) if keep.after => part(text, place.end..text.len()),
        Some(place) => part(text, 0..place.start),
        None => Cow::Borrowed(if keep.after { "" } else { text }),
    })))
}

/// The first match, or the last one; last ones are looked for from every next code unit.
fn find_pattern<'r>(
    host: &mut (dyn Host<'r> + '_),
    text: &str,
    source: &str,
    flags: Flags,
    keep: Keep,
) -> Result<Option<std::ops::Range<usize>>, Fault> {
    let pattern = pattern(host, source, flags, 0)?;
    let mut from = 0;
    let mut found = None;
    while let Some(places) = pattern.find(host, text, from)? {
        host.spend(1)?;
        let Some(place) = places.into_iter().next().flatten() else { break };
        if !keep.last {
            return Ok(Some(place));
        }
        if place.start == text.len() {
            // Java looks on behind the end, and fails.
            let message =
                format!("the pattern of `?{}` finds the empty end of the text", keep.name);
            let fault = Fault::new(TemplateErrorKind::BadArgument, message);
            return Err(fault.with_hint("let it match a character at least: `+` in place of `*`"));
        }
        from = halves::next_unit(text, place.start);
        found = Some(place);
    }
    Ok(found)
}

/// Looks in the lower case form; its places are those of the text, unit by unit, as in Java.
fn keep_ignoring_case<'t>(text: &'t str, wanted: &str, keep: Keep) -> Cow<'t, str> {
    let (lower, wanted_lower) = (characters::lower_case(text), characters::lower_case(wanted));
    let at = if keep.last { lower.rfind(&*wanted_lower) } else { lower.find(&*wanted_lower) };
    match at.map(|at| code_units::unit_at(&lower, at)) {
        Some(at) if keep.after => {
            code_units::slice(text, at + code_units::length(wanted), usize::MAX)
        }
        Some(at) => code_units::slice(text, 0, at),
        None => Cow::Borrowed(if keep.after { "" } else { text }),
    }
}

fn split<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let separator = operands::needed("split", arguments, 0).printed(host)?;
    let flags = match operands::argument("split", arguments, 1) {
        Some(flags) => Flags::parse(&flags.printed(host)?),
        None => Flags::default(),
    };
    host.spend(text.len() / 8)?;
    let limit = host.formatting().settings.limits.max_items;
    let places = if flags.regexp {
        pattern_places(host, &text, &separator, flags)?
    } else if separator.is_empty() {
        // Between all code units, and none at the ends.
        let next = |at: &usize| Some(halves::next_unit(&text, *at)).filter(|at| *at < text.len());
        std::iter::successors(next(&0), next).map(|at| (at, at)).collect()
    } else if flags.modes.ignore_case && !text.is_ascii() {
        crate::ftl::builtins::walk::spend_squared(host, &text)?;
        return Ok(split_ignoring_case(&text, &separator));
    } else if flags.modes.ignore_case {
        let (lower, separator) =
            (characters::lower_case(&text), characters::lower_case(&separator));
        lower.match_indices(&*separator).map(|(at, found)| (at, at + found.len())).collect()
    } else {
        text.match_indices(&*separator)
            .map(|(at, found)| (at, at + found.len()))
            .collect::<Vec<_>>()
    };
    if places.len() >= limit {
        let message = format!("`?split` may give up to {limit} parts");
        return Err(Fault::new(TemplateErrorKind::Limit, message));
    }
    if separator.is_empty() && !flags.regexp && text.is_empty() {
        return Ok(Model::list(Vec::new()));
    }
    let drop_empty_end = flags.regexp && !places.is_empty();
    Ok(parts(&text, |text| {
        let mut start = 0;
        let mut parts = Vec::with_capacity(places.len() + 1);
        for (end, next) in &places {
            parts.push(part(text, start..*end));
            start = *next;
        }
        parts.push(part(text, start..text.len()));
        while drop_empty_end && parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        parts
    }))
}

/// The places of a pattern, but not of an empty one at the start.
fn pattern_places<'r>(
    host: &mut (dyn Host<'r> + '_),
    text: &str,
    source: &str,
    flags: Flags,
) -> Result<Vec<(usize, usize)>, Fault> {
    let pattern = pattern(host, source, flags, 0)?;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(found) = pattern.find(host, text, from)? {
        host.spend(1)?;
        let Some(place) = found.into_iter().next().flatten() else { break };
        from = next_start(text, &place);
        if place != (0..0) {
            places.push((place.start, place.end));
        }
    }
    Ok(places)
}

fn split_ignoring_case<'r>(text: &str, separator: &str) -> Model<'r> {
    let (lower, lower_separator) =
        (characters::lower_case(text), characters::lower_case(separator));
    let length = code_units::length(separator);
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in lower.match_indices(&*lower_separator) {
        let end = code_units::unit_at(&lower, at);
        parts.push(Model::text(code_units::slice(text, start, end)));
        start = end + length;
    }
    parts.push(Model::text(code_units::slice(text, start, usize::MAX)));
    Model::list(parts)
}
