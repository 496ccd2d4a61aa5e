//! Built-ins that ask whether something is there. Their targets may be missing.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Special;
use crate::ftl::builtins::characters;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::strings::changed;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::model::Hash;
use crate::ftl::model::MarkupContent;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value(
        "blank_to_null",
        GROUP,
        "nothing instead of a text of white space only",
        |host, target| {
            if target.is_missing() {
                return Ok(target);
            }
            let text = operands::text(host, target.clone(), Blame::Target)?;
            Ok(if text.chars().all(is_blank) { Model::Missing } else { target })
        },
    )
    .for_missing(),
    BuiltIn::special(
        "default",
        GROUP,
        Some((1, usize::MAX)),
        "the first of its arguments that is there, when it is missing (deprecated: use `!`)",
        Special::Default,
    )
    .for_missing(),
    BuiltIn::value("empty_to_null", GROUP, "nothing instead of an empty text", |host, target| {
        if target.is_missing() {
            return Ok(target);
        }
        let text = operands::text(host, target.clone(), Blame::Target)?;
        Ok(if text.is_empty() { Model::Missing } else { target })
    })
    .for_missing(),
    BuiltIn::value("exists", GROUP, "whether it is there (deprecated: use `??`)", |_, target| {
        Ok(Model::Boolean(!target.is_missing()))
    })
    .for_missing(),
    BuiltIn::value("has_content", GROUP, "whether it is there and not empty", |host, target| {
        Ok(Model::Boolean(!is_empty(host, &target)?))
    })
    .for_missing(),
    BuiltIn::value(
        "if_exists",
        GROUP,
        "something empty when it is missing (deprecated: use `!`)",
        |_, target| Ok(if target.is_missing() { Model::Nothing } else { target }),
    )
    .for_missing(),
    BuiltIn::value(
        "trim_to_null",
        GROUP,
        "trimmed, or nothing when nothing is left",
        |host, target| {
            if target.is_missing() {
                return Ok(target);
            }
            let text = operands::text(host, target, Blame::Target)?;
            let trimmed = changed(text, |text| characters::trim(text).into());
            Ok(if trimmed.is_empty() { Model::Missing } else { Model::Text(trimmed) })
        },
    )
    .for_missing(),
];

const GROUP: &str = "existence";

fn is_blank(c: char) -> bool {
    characters::is_white_space(c) || matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// Whether there is nothing, or a text, sequence or hash with nothing in it.
fn is_empty<'r>(host: &mut (dyn Host<'r> + '_), model: &Model<'r>) -> Result<bool, Fault> {
    Ok(match model {
        // A macro counts as empty in FreeMarker, because it is none of the others.
        Model::Missing | Model::Empty | Model::Nothing | Model::Callable(_) => true,
        Model::Boolean(_) | Model::Number(_) | Model::Date(_) | Model::Hash(Hash::Statics(_)) => {
            false
        }
        // Dates are not read for this.
        Model::Late(late) => late.date_kind().is_none() && is_empty(host, late.value()?)?,
        Model::Text(text) => text.is_empty(),
        Model::Match(found) => found.text.is_empty(),
        Model::Matches(found) => found.matches.is_empty(),
        Model::Markup(markup) => match &markup.content {
            MarkupContent::Plain(text) | MarkupContent::Markup(text) => text.is_empty(),
        },
        Model::Sequence(sequence @ Sequence::Lazy(_)) => {
            host.next(&mut sequence.cursor())?.is_none()
        }
        Model::Sequence(sequence) => sequence.known_length() == Some(0),
        Model::Hash(Hash::Json(object)) => object.is_empty(),
        Model::Hash(Hash::Made(map)) => map.is_empty(),
        Model::Hash(Hash::Namespace(namespace)) => namespace.variables.borrow().is_empty(),
        Model::Hash(hash @ Hash::Scope(_)) => {
            operands::is_listable(hash) && host.pairs(hash)?.is_empty()
        }
    })
}
