//! Order: `?sort`, `?sort_by`, `?min`, `?max`.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::collation::SortKey;
use crate::ftl::builtins::comparison;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::sequences::at_item;
use crate::ftl::builtins::sequences::refuse_endless;
use crate::ftl::builtins::walk;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Model;
use crate::value::Number;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value("max", GROUP, "the greatest item", |host, target| {
        extreme(host, &target, "max", Ordering::Greater)
    }),
    BuiltIn::value("min", GROUP, "the least item", |host, target| {
        extreme(host, &target, "min", Ordering::Less)
    }),
    BuiltIn::value("sort", GROUP, "the items in ascending order", |host, target| {
        sort(host, &target, "sort", &[])
    }),
    BuiltIn::method(
        "sort_by",
        GROUP,
        // FreeMarker doesn't look at what follows the first.
        (1, usize::MAX),
        "hashes in the ascending order of the values under a key",
        |host, target, arguments| sort_by(host, &target, arguments),
    ),
];

const GROUP: &str = "sequence";

/// Numbers and dates have an order for `?min` and `?max`; a single text or boolean passes.
fn extreme<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    name: &'static str,
    wanted: Ordering,
) -> Outcome<'r> {
    let sequence = operands::sequence(name, target)?;
    refuse_endless(name, &sequence)?;
    let mut best = Model::Missing;
    walk::visit(host, &sequence, |_, index, item| {
        if item.is_missing() {
            return Ok(ControlFlow::<()>::Continue(()));
        }
        let better = best.is_missing() || {
            let order = comparison::compare(&item, &best).map_err(|fault| at_item(fault, index))?;
            match (order, &item) {
                (Some(order), Model::Number(_) | Model::Date(_)) => order == wanted,
                (Some(_), _) => {
                    let fault = wrong_type("a number or date", &item);
                    return Err(at_item(fault, index)
                        .blaming(Blame::Target)
                        .with_hint("`?sort?first` and `?sort?last` find the extremes of strings"));
                }
                (None, _) => {
                    let fault =
                        wrong_type(&format!("{} like the items before", best.kind_name()), &item);
                    return Err(at_item(fault, index).blaming(Blame::Target));
                }
            }
        };
        if better {
            best = item;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(best)
}

fn sort_by<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    arguments: &[Model<'r>],
) -> Outcome<'r> {
    let argument = operands::needed("sort_by", arguments, 0);
    let path = match argument.value() {
        Model::Sequence(sequence) => {
            let items = walk::items(host, sequence)?;
            let key = |(index, item): (usize, &Model<'r>)| match item {
                Model::Text(text) => Ok(text.to_string()),
                Model::Match(found) => Ok(found.text.to_string()),
                other => {
                    let fault = wrong_type("a key (a string)", other);
                    Err(at_item(fault, index).blaming(Blame::Argument(0)))
                }
            };
            items.iter().enumerate().map(key).collect::<Result<Vec<String>, Fault>>()?
        }
        Model::Text(_) | Model::Match(_) => vec![argument.text()?.to_owned()],
        _ => return Err(argument.wrong_type("a key (a string), or a sequence of keys,")),
    };
    sort(host, target, "sort_by", &path)
}

/// What items are ordered by. All keys of a sequence are of one kind.
enum Key {
    Text(SortKey),
    Number(Number),
    Date(i64),
    Boolean(bool),
}

fn sort<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    name: &'static str,
    path: &[String],
) -> Outcome<'r> {
    let sequence = operands::sequence(name, target)?;
    refuse_endless(name, &sequence)?;
    let items = walk::items(host, &sequence)?;
    if items.is_empty() {
        return Ok(target.clone());
    }
    let mut keyed: Vec<(Key, &Model<'r>)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let fault = |fault: Fault| at_item(fault, index).blaming(Blame::Target);
        let value = key_value(host, item, name, path).map_err(fault)?;
        let key = match keyed.first() {
            Some((first, _)) => same_kind(first, &value).map_err(fault)?,
            None => any_kind(&value).map_err(fault)?,
        };
        keyed.push((key, item));
    }
    let steps = keyed.len().checked_ilog2().unwrap_or(0) as usize + 1;
    host.spend(keyed.len().saturating_mul(steps))?;
    keyed.sort_by(|(left, _), (right, _)| compare(left, right));
    Ok(Model::list(keyed.into_iter().map(|(_, item)| item.clone()).collect()))
}

/// The value an item is ordered by: itself, or what lies at the end of a path of keys.
fn key_value<'r>(
    host: &mut (dyn Host<'r> + '_),
    item: &Model<'r>,
    name: &str,
    path: &[String],
) -> Outcome<'r> {
    let mut value = item.clone();
    for (depth, key) in path.iter().enumerate() {
        let Model::Hash(hash) = &value else {
            let place = match depth.checked_sub(1).and_then(|before| path.get(before)) {
                Some(before) => {
                    format!("a hash under `{before}`, which `?{name}` looks for `{key}` in")
                }
                None => format!("a hash, which `?{name}` looks for `{key}` in"),
            };
            return Err(wrong_type(&place, &value));
        };
        value = host.get(hash, key)?;
        if value.is_missing() {
            let message = format!("expected a value under `{key}` for `?{name}`, found nothing");
            return Err(Fault::new(TemplateErrorKind::MissingValue, message)
                .inexcusable()
                .with_hint(format!("leave out what has none: `?filter(x -> x.{key}??)`")));
        }
    }
    if value.is_missing() {
        let message = format!("expected a value for `?{name}`, found nothing (null or missing)");
        return Err(Fault::new(TemplateErrorKind::MissingValue, message)
            .inexcusable()
            .with_hint("leave out what is missing: `?filter(x -> x??)`"));
    }
    Ok(value)
}

fn any_kind(value: &Model<'_>) -> Result<Key, Fault> {
    Ok(match value {
        Model::Text(text) => Key::Text(SortKey::new(text)),
        Model::Empty | Model::Nothing => Key::Text(SortKey::new("")),
        Model::Match(found) => Key::Text(SortKey::new(&found.text)),
        Model::Number(number) => Key::Number(number.clone()),
        Model::Date(date) => Key::Date(date.millis),
        Model::Boolean(value) => Key::Boolean(*value),
        Model::Matches(found) => Key::Boolean(found.whole),
        Model::Late(late) => any_kind(late.value()?)?,
        other => {
            return Err(wrong_type("a string, number, date or boolean to sort by", other)
                .with_hint("`?sort_by(\"key\")` orders hashes by one of their values"));
        }
    })
}

/// The key of a value that must be of the kind of the first one.
fn same_kind(first: &Key, value: &Model<'_>) -> Result<Key, Fault> {
    let expected = match (first, any_kind(value)) {
        (Key::Text(_), Ok(key @ Key::Text(_)))
        | (Key::Number(_), Ok(key @ Key::Number(_)))
        | (Key::Date(_), Ok(key @ Key::Date(_)))
        | (Key::Boolean(_), Ok(key @ Key::Boolean(_))) => return Ok(key),
        (Key::Text(_), _) => "a string",
        (Key::Number(_), _) => "a number",
        (Key::Date(_), _) => "a date",
        (Key::Boolean(_), _) => "a boolean",
    };
    Err(wrong_type(&format!("{expected} to sort by, as for the first item"), value))
}

fn compare(left: &Key, right: &Key) -> Ordering {
    match (left, right) {
        (Key::Text(left), Key::Text(right)) => left.compare(right),
        // NaN has no place in an order; Java's engine fails on it, here it stays where it is.
        (Key::Number(left), Key::Number(right)) => left.compare(right).unwrap_or(Ordering::Equal),
        (Key::Date(left), Key::Date(right)) => left.cmp(right),
        (Key::Boolean(left), Key::Boolean(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}
