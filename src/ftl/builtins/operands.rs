//! What built-ins expect of their targets and arguments, and the faults when it is something else.

use std::rc::Rc;

use crate::ftl::builtins::Host;
use crate::ftl::coerce::to_text;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::ScopeHash;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;

/// A value as text: texts as they are, numbers, dates and booleans as the settings print them.
#[inline]
pub fn text<'r>(
    host: &mut (dyn Host<'r> + '_),
    model: Model<'r>,
    blame: Blame,
) -> Result<Text<'r>, Fault> {
    match model {
        Model::Text(text) => Ok(text),
        Model::Match(found) => Ok(Text::Shared(Rc::clone(&found.text))),
        other => to_text(&other, host.formatting()).map_err(|fault| fault.blaming(blame)),
    }
}

/// An argument, and the built-in it belongs to, for messages.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a, 'r> {
    built_in: &'static str,
    index: usize,
    value: &'a Model<'r>,
}

/// The argument at `index`, from 0, when there is one.
pub fn argument<'a, 'r>(
    built_in: &'static str,
    arguments: &'a [Model<'r>],
    index: usize,
) -> Option<Argument<'a, 'r>> {
    arguments.get(index).map(|value| Argument { built_in, index, value })
}

/// The argument at `index`, from 0. One that isn't there, which the evaluator rules out, is missing.
pub fn needed<'a, 'r>(
    built_in: &'static str,
    arguments: &'a [Model<'r>],
    index: usize,
) -> Argument<'a, 'r> {
    let value = arguments.get(index).unwrap_or(&Model::Missing);
    Argument { built_in, index, value }
}

impl<'a, 'r> Argument<'a, 'r> {
    /// A text; other values are not converted.
    pub fn text(self) -> Result<&'a str, Fault> {
        match self.value {
            Model::Text(text) => Ok(text),
            Model::Match(found) => Ok(&found.text),
            Model::Empty | Model::Nothing => Ok(""),
            Model::Late(late) => Argument { value: late.value()?, ..self }.text(),
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// Any value as text, for the built-ins that convert their arguments.
    pub fn printed(self, host: &mut (dyn Host<'r> + '_)) -> Result<Text<'r>, Fault> {
        match self.value {
            Model::Missing => Err(self.missing_or_wrong_type("a string")),
            value => text(host, value.clone(), Blame::Argument(self.index)),
        }
    }

    /// A number as Java's `int`: cut to a whole number, and to 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "numbers are cut as Java cuts them")]
    pub fn int(self) -> Result<i64, Fault> {
        match self.value {
            Model::Number(number) => Ok(match number.as_double() {
                Some(value) => i64::from(value as i32),
                None => i64::from(number.to_i64_wrapping() as i32),
            }),
            _ => Err(self.wrong_type("a number")),
        }
    }

    /// The value.
    pub fn value(self) -> &'a Model<'r> {
        self.value
    }

    /// The fault for an argument of another type.
    pub fn wrong_type(self, expected: &str) -> Fault {
        self.missing_or_wrong_type(expected).inexcusable()
    }

    /// The same, where `(…)!` makes up for an argument that is missing.
    pub fn missing_or_wrong_type(self, expected: &str) -> Fault {
        let Self { built_in, index, value } = self;
        let place = format!("{expected} as argument {} of `?{built_in}`", index + 1);
        let fault = wrong_type(&place, value).blaming(Blame::Argument(index));
        match value {
            Model::Number(_) | Model::Boolean(_) if expected == "a string" => {
                fault.with_hint("`?c` makes a string of it")
            }
            Model::Text(_) if expected == "a number" => {
                fault.with_hint("`?number` makes a number of it")
            }
            Model::Missing => fault.with_hint("`!` gives a default: `x!\"\"`"),
            _ => fault,
        }
    }

    /// The fault for an argument of the right type and a wrong value.
    pub fn bad(self, message: impl AsRef<str>) -> Fault {
        let Self { built_in, index, .. } = self;
        let message = format!("argument {} of `?{built_in}`: {}", index + 1, message.as_ref());
        Fault::new(TemplateErrorKind::BadArgument, message).blaming(Blame::Argument(index))
    }
}

/// The target as something that has items.
pub fn sequence<'r>(built_in: &str, target: &Model<'r>) -> Result<Sequence<'r>, Fault> {
    match target {
        Model::Sequence(sequence) => Ok(sequence.clone()),
        Model::Matches(found) => {
            let items = found.matches.iter().map(|one| Model::Match(Rc::clone(one)));
            Ok(Sequence::Items(Rc::new(items.collect())))
        }
        _ => {
            let expected = format!("a sequence left of `?{built_in}`");
            let fault = wrong_type(&expected, target).blaming(Blame::Target);
            Err(match target {
                Model::Hash(_) => fault.with_hint("`?values` and `?keys` make sequences of it"),
                Model::Missing => fault.with_hint("`![]` gives a default: `(xs![])`"),
                _ => fault,
            })
        }
    }
}

/// The target as something whose keys can be listed.
pub fn hash<'r>(built_in: &str, target: &Model<'r>) -> Result<Hash<'r>, Fault> {
    match target {
        Model::Hash(hash) if is_listable(hash) => Ok(hash.clone()),
        Model::Hash(_) => {
            let message =
                format!("expected a hash left of `?{built_in}`, found one without a list of keys");
            Err(Fault::new(TemplateErrorKind::WrongType, message)
                .blaming(Blame::Target)
                .with_hint("`.data_model`, `.main` and `.namespace` can be listed"))
        }
        _ => {
            let expected = format!("a hash left of `?{built_in}`");
            let fault = wrong_type(&expected, target).blaming(Blame::Target);
            Err(match target {
                Model::Sequence(_) => fault.with_hint("a sequence has items, not keys"),
                Model::Missing => fault.with_hint("`!{}` gives a default: `(x!{})`"),
                _ => fault,
            })
        }
    }
}

/// Whether the keys of a hash can be listed. `.vars` and `.globals` only answer to names.
pub fn is_listable(hash: &Hash<'_>) -> bool {
    match hash {
        Hash::Json(_) | Hash::Made(_) | Hash::Namespace(_) => true,
        Hash::Scope(scope) => matches!(scope, ScopeHash::Locals | ScopeHash::DataModel),
        Hash::Statics(_) => false,
    }
}
