//! Walking over sequences: item by item, all of them, or to a list.

use std::ops::ControlFlow;
use std::rc::Rc;

use crate::ftl::builtins::Host;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Callable;
use crate::ftl::model::Cursor;
use crate::ftl::model::ListItems;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::value::Number;

/// Shows every item with its index, from 0, until `each` breaks off; what it broke off with.
///
/// # Errors
/// Those of `each`, of the functions of a lazy sequence, and the limit of steps.
pub fn visit<'r, B>(
    host: &mut (dyn Host<'r> + '_),
    sequence: &Sequence<'r>,
    mut each: impl FnMut(&mut (dyn Host<'r> + '_), usize, Model<'r>) -> Result<ControlFlow<B>, Fault>,
) -> Result<Option<B>, Fault> {
    match sequence {
        Sequence::Json(list) => {
            host.spend(list.len())?;
            for (index, node) in list.iter().enumerate() {
                if let ControlFlow::Break(found) = each(host, index, Model::from_node(node))? {
                    return Ok(Some(found));
                }
            }
        }
        Sequence::Items(items) => {
            host.spend(items.len())?;
            for (index, item) in items.iter().enumerate() {
                let item = taken(item.clone())?;
                if let ControlFlow::Break(found) = each(host, index, item)? {
                    return Ok(Some(found));
                }
            }
        }
        Sequence::Range(_) | Sequence::Lazy(_) | Sequence::Groups(_) => {
            let mut cursor = sequence.cursor();
            let mut index = 0;
            while let Some(item) = host.next(&mut cursor)? {
                host.spend(1)?;
                if let ControlFlow::Break(found) = each(host, index, item)? {
                    return Ok(Some(found));
                }
                index += 1;
            }
        }
    }
    Ok(None)
}

/// All items. What is a list already is not copied.
///
/// # Errors
/// Those of [`visit`], and the limit of items for ranges and lazy sequences.
pub fn items<'r>(
    host: &mut (dyn Host<'r> + '_),
    sequence: &Sequence<'r>,
) -> Result<Rc<ListItems<'r>>, Fault> {
    if let Sequence::Items(items) = sequence {
        return Ok(Rc::clone(items));
    }
    let limit = host.formatting().settings.limits.max_items;
    let mut items = Vec::with_capacity(sequence.known_length().unwrap_or(0).min(limit));
    let is_json = matches!(sequence, Sequence::Json(_));
    visit(host, sequence, |_, _, item| {
        if items.len() >= limit && !is_json {
            return Err(too_many(limit));
        }
        items.push(item);
        Ok(ControlFlow::<()>::Continue(()))
    })?;
    Ok(Rc::new(items.into()))
}

/// Places in texts that aren't ASCII are counted from the start, each of them.
pub(in crate::ftl::builtins) fn spend_squared<'r>(
    host: &mut (dyn Host<'r> + '_),
    text: &str,
) -> Result<(), Fault> {
    let blocks = text.len() / 64;
    host.spend(blocks.saturating_mul(blocks))
}

fn too_many(limit: usize) -> Fault {
    Fault::new(TemplateErrorKind::Limit, format!("a list of more than {limit} items is not made"))
        .with_hint("end the range, or take what is needed: `?take_while(…)`, `?first`")
}

/// The next item of a walk: what [`Host::next`] does, for hosts that have nothing to add.
///
/// # Errors
/// Those of the functions of a lazy sequence, which must give booleans for `?filter` and its kin
/// and something for `?map`.
pub fn advance<'r>(
    host: &mut (dyn Host<'r> + '_),
    cursor: &mut Cursor<'r>,
) -> Result<Option<Model<'r>>, Fault> {
    match cursor {
        Cursor::Json(items) => Ok(items.next().map(Model::from_node)),
        Cursor::Items(items, index) => {
            let item = items.get(*index).cloned();
            *index += usize::from(item.is_some());
            item.map(taken).transpose()
        }
        Cursor::Range(range, index) => {
            let item = range.get(*index);
            *index += u64::from(item.is_some());
            Ok(item.map(|item| Model::Number(Number::from(item))))
        }
        Cursor::NoMatch => Err(no_match()),
        Cursor::Lazy { inner, lazy, turned } => loop {
            if *turned && lazy.stage == Stage::TakeWhile {
                return Ok(None);
            }
            let Some(item) = host.next(inner)? else { return Ok(None) };
            host.spend(1)?;
            if *turned && lazy.stage == Stage::DropWhile {
                return Ok(Some(item));
            }
            let result = call(host, &lazy.function, item.clone())?;
            if lazy.stage == Stage::Map {
                return mapped(result).map(Some);
            }
            let holds = condition(&result, lazy.stage)?;
            match lazy.stage {
                Stage::Filter | Stage::TakeWhile if holds => return Ok(Some(item)),
                Stage::TakeWhile => *turned = true,
                Stage::DropWhile if !holds => {
                    *turned = true;
                    return Ok(Some(item));
                }
                Stage::Map | Stage::Filter | Stage::DropWhile => {}
            }
        },
    }
}

/// Calls the function of a lazy sequence. As in FreeMarker, a macro is an error where it is called,
/// which may be nowhere.
///
/// # Errors
/// For a macro, and those of the function.
pub fn call<'r>(
    host: &mut (dyn Host<'r> + '_),
    function: &Model<'r>,
    item: Model<'r>,
) -> Result<Model<'r>, Fault> {
    if matches!(function, Model::Callable(Callable::Macro { is_function: false, .. })) {
        return Err(wrong_type("a function or lambda for the items", function));
    }
    host.call(function, vec![item])
}

/// An item of a list. A group that nobody can have is an error even for those who only pass it on.
///
/// # Errors
/// For such a group.
#[inline]
pub fn taken(item: Model<'_>) -> Result<Model<'_>, Fault> {
    match item {
        Model::Late(late) if late.built_in == NO_GROUP => {
            late.value()?;
            Ok(Model::Late(late))
        }
        item => Ok(item),
    }
}

/// The built-in of a [`Model::Late`] that stands for a group of a text that doesn't match.
pub const NO_GROUP: &str = "groups";

/// The fault for a group of a text that doesn't match.
pub fn no_match() -> Fault {
    let message = "the text doesn't match the regular expression, so it has no groups";
    Fault::new(TemplateErrorKind::BadArgument, message)
        .with_hint("ask first: `<#if m>${m?groups[1]}</#if>`")
}

/// What the function of `?map` gave, which must be something.
///
/// # Errors
/// When it is nothing.
pub fn mapped(result: Model<'_>) -> Result<Model<'_>, Fault> {
    if result.is_missing() {
        let message = "the function of `?map` gave nothing (null or missing) for an item";
        let fault = Fault::new(TemplateErrorKind::BadArgument, message);
        return Err(fault.with_hint("`!` gives a default: `x -> x.a!\"\"`"));
    }
    Ok(result)
}

/// What the function of `?filter` and its kin gave, which must be true or false.
///
/// # Errors
/// When it is anything else.
pub fn condition(result: &Model<'_>, stage: Stage) -> Result<bool, Fault> {
    let name = match stage {
        Stage::Map => "map",
        Stage::Filter => "filter",
        Stage::TakeWhile => "take_while",
        Stage::DropWhile => "drop_while",
    };
    match result {
        Model::Boolean(value) => Ok(*value),
        Model::Matches(found) => Ok(found.whole),
        Model::Nothing => Ok(false),
        Model::Missing => {
            let message = format!(
                "expected a boolean from the function of `?{name}`, found nothing (null or missing)"
            );
            let fault = Fault::new(TemplateErrorKind::BadArgument, message);
            Err(fault.with_hint("`!` gives a default: `x -> x.a!false`"))
        }
        other => {
            let expected = format!("a boolean from the function of `?{name}`");
            Err(wrong_type(&expected, other))
        }
    }
}
