//! `x?is_string` and its kin.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::operands;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::model::Callable;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;
use crate::ftl::model::ListItems;
use crate::ftl::model::MadeBy;
use crate::ftl::model::Model;
use crate::ftl::model::Range;
use crate::ftl::model::Sequence;

/// The lines of this group. Some values are of several types: what `?matches` gives is a boolean
/// and a sequence.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    question("is_boolean", "whether it is a boolean", |_, target| {
        answer(&target, matches!(target, Model::Boolean(_) | Model::Matches(_)))
    }),
    question(
        "is_collection",
        "whether it can be listed, and was not made as a sequence",
        |_, target| {
            let is_one = match &target {
                Model::Sequence(Sequence::Items(items)) => items.made_by != MadeBy::Other,
                Model::Matches(_) => true,
                other => is_endless_range(other),
            };
            answer(&target, is_one)
        },
    ),
    question("is_collection_ex", "whether it is a collection that knows its size", |_, target| {
        let is_sum = |items: &ListItems<'_>| items.made_by == MadeBy::Sum;
        answer(&target, matches!(&target, Model::Sequence(Sequence::Items(items)) if is_sum(items)))
    }),
    question("is_date", "whether it is a date, a time or both", |_, target| {
        answer(&target, is_date(&target))
    }),
    question("is_date_like", "whether it is a date, a time or both", |_, target| {
        answer(&target, is_date(&target))
    }),
    question("is_date_only", "whether it is a date without a time", |_, target| {
        answer(&target, is_date_of(&target, DateKind::Date))
    }),
    question("is_datetime", "whether it is a date with a time", |_, target| {
        answer(&target, is_date_of(&target, DateKind::DateTime))
    }),
    question("is_directive", "whether it is called as `<@x />`", |_, target| {
        answer(&target, is_directive(&target))
    }),
    question("is_enumerable", "whether `<#list>` can list it as a sequence", |_, target| {
        answer(&target, matches!(target, Model::Sequence(_) | Model::Matches(_)))
    }),
    question("is_hash", "whether it has values under keys", |_, target| {
        let is_hash = match &target {
            Model::Late(late) => late.is_hash(),
            other => matches!(other, Model::Hash(_)),
        };
        answer(&target, is_hash)
    }),
    question("is_hash_ex", "whether it is a hash whose keys can be listed", |_, target| {
        answer(&target, matches!(&target, Model::Hash(hash) if operands::is_listable(hash)))
    }),
    question("is_indexable", "whether it has items under indexes", |_, target| {
        answer(&target, matches!(target, Model::Sequence(_) | Model::Matches(_)))
    }),
    question("is_macro", "whether it is a macro or a function", |_, target| {
        answer(&target, matches!(callee(&target), Some(Callable::Macro { .. })))
    }),
    question("is_markup_output", "whether it is markup, which is printed as it is", |_, target| {
        answer(&target, matches!(target, Model::Markup(_)))
    }),
    question(
        "is_method",
        "whether it is called as `x(…)`, and is no macro or function",
        |_, target| {
            let callable = callee(&target);
            let is_method = matches!(callable, Some(Callable::Method(_) | Callable::Static(_)));
            answer(&target, is_method || matches!(target, Model::Late(_)))
        },
    ),
    question("is_node", "whether it is a node of an XML document: never", |_, target| {
        answer(&target, false)
    }),
    question("is_number", "whether it is a number", |_, target| {
        answer(&target, matches!(target, Model::Number(_)))
    }),
    question("is_sequence", "whether it is a sequence", |_, target| {
        answer(&target, matches!(target, Model::Sequence(_) | Model::Matches(_)))
    }),
    question("is_string", "whether it is a string", |_, target| {
        let is_string = match &target {
            Model::Late(late) => late.date_kind().is_none(),
            other => matches!(other, Model::Text(_) | Model::Match(_)),
        };
        answer(&target, is_string)
    }),
    question("is_time", "whether it is a time without a date", |_, target| {
        answer(&target, is_date_of(&target, DateKind::Time))
    }),
    question(
        "is_transform",
        "whether it is a directive that changes what stands inside",
        |_, target| answer(&target, matches!(callee(&target), Some(Callable::Directive { .. }))),
    ),
    question(
        "is_unknown_date_like",
        "whether it is a date of which nobody said what it is",
        |_, target| answer(&target, is_date_of(&target, DateKind::Unknown)),
    ),
];

const fn question(
    name: &'static str,
    help: &'static str,
    function: for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>) -> Outcome<'r>,
) -> BuiltIn {
    BuiltIn::value(name, "type", help, function)
}

/// The answer, unless there is nothing to ask about.
fn answer<'r>(target: &Model<'r>, answer: bool) -> Outcome<'r> {
    if target.is_missing() {
        return Err(wrong_type("a value", target)
            .blaming(Blame::Target)
            .with_hint("`x??` asks whether it is there: `x?? && x?is_string`"));
    }
    Ok(Model::Boolean(answer))
}

fn is_endless_range(model: &Model<'_>) -> bool {
    matches!(model, Model::Sequence(Sequence::Range(Range { length: None, .. })))
}

fn is_date_of(model: &Model<'_>, kind: DateKind) -> bool {
    date_kind(model) == Some(kind)
}

fn is_date(model: &Model<'_>) -> bool {
    date_kind(model).is_some()
}

fn date_kind(model: &Model<'_>) -> Option<DateKind> {
    match model {
        Model::Date(Date { kind, .. }) => Some(*kind),
        Model::Late(late) => late.date_kind(),
        _ => None,
    }
}

fn is_directive(model: &Model<'_>) -> bool {
    matches!(callee(model), Some(Callable::Macro { .. } | Callable::Directive { .. }))
}

/// What is called in the end, when it can be called.
fn callee<'m, 'r>(model: &'m Model<'r>) -> Option<&'m Callable<'r>> {
    match model {
        Model::Callable(Callable::WithArguments(bound)) => callee(&bound.callee),
        Model::Callable(callable) => Some(callable),
        _ => None,
    }
}
