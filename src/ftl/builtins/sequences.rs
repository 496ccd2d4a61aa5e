//! Built-ins of sequences. Order and extremes are in `sorting`.

use std::ops::ControlFlow;
use std::rc::Rc;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::comparison;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::walk;
use crate::ftl::coerce::to_text;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Lazy;
use crate::ftl::model::Model;
use crate::ftl::model::Range;
use crate::ftl::model::ScopeHash;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::ftl::model::Text;
use crate::value::Number;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::method(
        "chunk",
        GROUP,
        (1, 2),
        "cut into sequences of a size, the last filled up",
        |host, target, arguments| chunk(host, &target, arguments),
    ),
    BuiltIn::method(
        "drop_while",
        GROUP,
        (1, 1),
        "without the first items that meet a condition",
        |_, target, arguments| lazy(&target, arguments, Stage::DropWhile, "drop_while"),
    ),
    BuiltIn::method(
        "filter",
        GROUP,
        (1, 1),
        "the items that meet a condition",
        |_, target, arguments| lazy(&target, arguments, Stage::Filter, "filter"),
    ),
    BuiltIn::value("first", GROUP, "the first item", |host, target| {
        let mut cursor = operands::sequence("first", &target)?.cursor();
        Ok(host.next(&mut cursor)?.unwrap_or(Model::Missing))
    }),
    BuiltIn::method(
        "join",
        GROUP,
        (1, 3),
        "the items as one text, with a text between them",
        |host, target, arguments| join(host, &target, arguments),
    ),
    BuiltIn::value("last", GROUP, "the last item", |host, target| last(host, &target)),
    BuiltIn::method(
        "map",
        GROUP,
        (1, 1),
        "what a function makes of every item",
        |_, target, arguments| lazy(&target, arguments, Stage::Map, "map"),
    ),
    BuiltIn::value("reverse", GROUP, "the items from the last to the first", |host, target| {
        reverse(host, &target)
    }),
    BuiltIn::method(
        "seq_contains",
        GROUP,
        (1, 1),
        "whether an item equals a value",
        |host, target, arguments| {
            let sequence = operands::sequence("seq_contains", &target)?;
            let wanted = operands::needed("seq_contains", arguments, 0).value();
            let found = find(host, &sequence, wanted, 0)?;
            Ok(Model::Boolean(found.is_some()))
        },
    ),
    BuiltIn::method(
        "seq_index_of",
        GROUP,
        (1, 2),
        "the index of the first item that equals a value, or -1",
        |host, target, arguments| {
            let sequence = operands::sequence("seq_index_of", &target)?;
            let wanted = operands::needed("seq_index_of", arguments, 0).value();
            let start = match operands::argument("seq_index_of", arguments, 1) {
                Some(argument) => usize::try_from(argument.int()?).unwrap_or(0),
                None => 0,
            };
            find(host, &sequence, wanted, start).map(index_or_minus_one)
        },
    ),
    BuiltIn::method(
        "seq_last_index_of",
        GROUP,
        (1, 2),
        "the index of the last item that equals a value, or -1",
        |host, target, arguments| last_index_of(host, &target, arguments),
    ),
    BuiltIn::value(
        "sequence",
        GROUP,
        "a sequence that can be indexed, of anything that can be listed",
        |_, target| {
            operands::sequence("sequence", &target)?;
            Ok(target)
        },
    ),
    BuiltIn::value("size", GROUP, "the number of items or keys", |host, target| {
        size(host, &target)
    }),
    BuiltIn::method(
        "take_while",
        GROUP,
        (1, 1),
        "the first items, as long as they meet a condition",
        |_, target, arguments| lazy(&target, arguments, Stage::TakeWhile, "take_while"),
    ),
];

const GROUP: &str = "sequence";

/// What Java has for the size of an endless range.
const ENDLESS_SIZE: i64 = i32::MAX as i64;

fn chunk<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let sequence = operands::sequence("chunk", target)?;
    let argument = operands::needed("chunk", arguments, 0);
    let size = usize::try_from(argument.int()?).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| argument.bad("expected a size of at least 1"))?;
    let filler = arguments.get(1).filter(|filler| !filler.is_missing());
    let items = walk::items(host, &sequence)?;
    let mut chunks: Vec<Vec<Model<'r>>> = items.chunks(size).map(<[Model<'r>]>::to_vec).collect();
    if let (Some(last), Some(filler)) = (chunks.last_mut(), filler) {
        let missing = size - last.len();
        let limit = host.formatting().settings.limits.max_items;
        if missing > limit {
            let message = format!("`?chunk` may add up to {limit} items, not {missing}");
            return Err(Fault::new(TemplateErrorKind::Limit, message));
        }
        host.spend(missing)?;
        last.resize(size, filler.clone());
    }
    Ok(Model::list(chunks.into_iter().map(Model::list).collect()))
}

/// `?map` and its kin: nothing is called yet. The evaluator settles the result where it isn't
/// walked over at once.
fn lazy<'r>(
    target: &Model<'r>,
    arguments: &[Model<'r>],
    stage: Stage,
    name: &'static str,
) -> Outcome<'r> {
    let source = operands::sequence(name, target)?;
    let argument = operands::needed(name, arguments, 0);
    let function = match argument.value() {
        Model::Callable(Callable::Directive { .. }) => {
            return Err(argument.wrong_type("a function or lambda"));
        }
        function @ Model::Callable(_) => function.clone(),
        _ => {
            let fault = argument.missing_or_wrong_type("a function or lambda");
            return Err(fault
                .with_hint(format!("a condition or value of its item: `?{name}(x -> x.name)`")));
        }
    };
    Ok(Model::Sequence(Sequence::Lazy(Rc::new(Lazy { source, stage, function }))))
}

fn join<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let sequence = operands::sequence("join", target)?;
    refuse_endless("join", &sequence)?;
    let separator = operands::needed("join", arguments, 0).text()?;
    let text = |index| {
        operands::argument("join", arguments, index).map(operands::Argument::text).transpose()
    };
    let (when_empty, after_last) = (text(1)?, text(2)?);
    let mut out = String::with_capacity(64);
    let mut is_empty = true;
    walk::visit(host, &sequence, |host, index, item| {
        if item.is_missing() {
            return Ok(ControlFlow::<()>::Continue(()));
        }
        if !is_empty {
            out.push_str(separator);
        }
        is_empty = false;
        let before = out.len();
        match item {
            Model::Text(text) => out.push_str(&text),
            other => {
                let text = operands::text(host, other, Blame::Target);
                out.push_str(&text.map_err(|fault| at_item(fault, index))?);
            }
        }
        host.spend((out.len() - before) / 64)?;
        let limit = host.formatting().settings.limits.max_output_bytes;
        if out.len() > limit {
            let message = format!("a string is larger than {limit} bytes (`max_output_bytes`)");
            return Err(Fault::new(TemplateErrorKind::Limit, message));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let end = if is_empty { when_empty } else { after_last };
    out.push_str(end.unwrap_or_default());
    Ok(Model::Text(out.into()))
}

/// The same fault, with the item it is about.
pub(in crate::ftl::builtins) fn at_item(fault: Fault, index: usize) -> Fault {
    fault.within(format!("item [{index}]"))
}

fn last<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    let sequence = operands::sequence("last", target)?;
    Ok(match &sequence {
        Sequence::Range(range) => match range.length {
            Some(0) => Model::Missing,
            Some(length) => whole(range.get(length - 1)),
            None => whole(range.get(ENDLESS_SIZE.unsigned_abs() - 1)),
        },
        Sequence::Json(list) => {
            let node = list.len().checked_sub(1).and_then(|index| list.get(index));
            node.map_or(Model::Missing, Model::from_node)
        }
        _ => walk::items(host, &sequence)?.last().cloned().unwrap_or(Model::Missing),
    })
}

fn whole<'r>(value: Option<i64>) -> Model<'r> {
    value.map_or(Model::Missing, |value| Model::Number(Number::from(value)))
}

fn reverse<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    let sequence = operands::sequence("reverse", target)?;
    if let Sequence::Range(range) = &sequence {
        let length = range.length.unwrap_or(ENDLESS_SIZE.unsigned_abs());
        let start = length.checked_sub(1).and_then(|index| range.get(index)).unwrap_or(range.start);
        let (step, length) = (-range.step, Some(length));
        return Ok(Model::Sequence(Sequence::Range(Range {
            start,
            step,
            length,
            kind: range.kind,
        })));
    }
    if let Sequence::Groups(matches) = &sequence
        && !matches.whole
    {
        return Ok(target.clone());
    }
    let items = walk::items(host, &sequence)?;
    Ok(Model::list(items.iter().rev().cloned().collect()))
}

/// The index of the first item from `start` on that equals the value. Values of other types are
/// unequal, and nothing equals what is missing, which is an empty text in FreeMarker 1.
fn find<'r>(
    host: &mut (dyn Host<'r> + '_),
    sequence: &Sequence<'r>,
    wanted: &Model<'r>,
    start: usize,
) -> Result<Option<usize>, Fault> {
    if wanted.is_missing() && !host.formatting().settings.classic_compatible {
        return Ok(None);
    }
    walk::visit(host, sequence, |host, index, item| {
        let found = index >= start && equals(host, &item, wanted, index)?;
        Ok(if found { ControlFlow::Break(index) } else { ControlFlow::Continue(()) })
    })
}

fn equals<'r>(
    host: &mut (dyn Host<'r> + '_),
    item: &Model<'r>,
    wanted: &Model<'r>,
    index: usize,
) -> Result<bool, Fault> {
    let settings = host.formatting().settings;
    let at_item = |fault| at_item(fault, index);
    let nothing = Model::Text(Text::Borrowed(""));
    let classic = settings.classic_compatible;
    if wanted.is_missing() && !classic {
        return Ok(false);
    }
    let item = if classic && item.is_missing() { &nothing } else { item };
    let wanted = if classic && wanted.is_missing() { &nothing } else { wanted };
    // FreeMarker 1 compares what is of different types as text.
    let as_text = classic && comparison::compare(item, wanted).map_err(at_item)?.is_none();
    if as_text {
        let item = to_text(item, host.formatting()).map_err(at_item)?;
        let wanted = to_text(wanted, host.formatting()).map_err(at_item)?;
        return Ok(*item == *wanted);
    }
    comparison::equal(item, wanted, settings).map_err(at_item)
}

fn last_index_of<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    const NAME: &str = "seq_last_index_of";
    let sequence = operands::sequence(NAME, target)?;
    let wanted = operands::needed(NAME, arguments, 0).value();
    let start = operands::argument(NAME, arguments, 1).map(operands::Argument::int).transpose()?;
    refuse_endless(NAME, &sequence)?;
    let items = walk::items(host, &sequence)?;
    let count = match start {
        Some(start) if start < 0 => 0,
        Some(start) => usize::try_from(start).unwrap_or(usize::MAX).saturating_add(1),
        None => usize::MAX,
    };
    for (index, item) in items.iter().enumerate().take(count).rev() {
        if equals(host, item, wanted, index)? {
            return Ok(index.into());
        }
    }
    Ok(index_or_minus_one(None))
}

fn index_or_minus_one<'r>(index: Option<usize>) -> Model<'r> {
    index.map_or_else(|| Model::Number(Number::from(-1)), Model::from)
}

fn size<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    match target {
        Model::Sequence(sequence) => count(host, sequence).map(|size| whole(Some(size))),
        Model::Matches(found) => Ok(found.matches.len().into()),
        Model::Hash(Hash::Json(object)) => Ok(object.len().into()),
        Model::Hash(Hash::Made(map)) => Ok(map.len().into()),
        Model::Hash(Hash::Namespace(namespace)) => Ok(namespace.variables.borrow().len().into()),
        Model::Hash(hash @ Hash::Scope(ScopeHash::Locals | ScopeHash::DataModel)) => {
            Ok(host.pairs(hash)?.len().into())
        }
        other => {
            let fault =
                wrong_type("a sequence or hash left of `?size`", other).blaming(Blame::Target);
            Err(match other {
                Model::Text(_) | Model::Match(_) => fault.with_hint("a string has a `?length`"),
                Model::Missing => fault.with_hint("`![]` gives a default: `(xs![])?size`"),
                _ => fault,
            })
        }
    }
}

/// Walks only where it must: `?map` changes no size.
fn count<'r>(host: &mut (dyn Host<'r> + '_), sequence: &Sequence<'r>) -> Result<i64, Fault> {
    match sequence {
        Sequence::Range(Range { length: None, .. }) => Ok(ENDLESS_SIZE),
        Sequence::Lazy(lazy) if lazy.stage == Stage::Map => count(host, &lazy.source),
        Sequence::Lazy(_) => walked(host, sequence, usize::MAX),
        known => Ok(known.known_length().and_then(|size| i64::try_from(size).ok()).unwrap_or(0)),
    }
}

fn walked<'r>(
    host: &mut (dyn Host<'r> + '_),
    sequence: &Sequence<'r>,
    most: usize,
) -> Result<i64, Fault> {
    let mut count = 0;
    let mut cursor = sequence.cursor();
    while host.next(&mut cursor)?.is_some() {
        host.spend(1)?;
        count += 1;
        if count == most {
            break;
        }
    }
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The size of what is computed item by item, as far as `most`.
pub fn count_to<'r>(
    host: &mut (dyn Host<'r> + '_),
    sequence: &Sequence<'r>,
    most: usize,
) -> Outcome<'r> {
    let size = match sequence {
        Sequence::Lazy(lazy) if lazy.stage != Stage::Map => walked(host, sequence, most)?,
        _ => count(host, sequence)?,
    };
    Ok(whole(Some(size)))
}

/// Fails for a range without an end.
pub(in crate::ftl::builtins) fn refuse_endless(
    name: &str,
    sequence: &Sequence<'_>,
) -> Result<(), Fault> {
    match sequence {
        Sequence::Range(Range { length: None, .. }) => {
            let message = format!("`?{name}` needs an end, found an endless range");
            Err(Fault::new(TemplateErrorKind::BadArgument, message)
                .blaming(Blame::Target)
                .with_hint("`1..10` ends at 10, `1..*10` has 10 items"))
        }
        _ => Ok(()),
    }
}
