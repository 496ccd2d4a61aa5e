//! Built-ins of macros, functions and methods.

use std::rc::Rc;

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::Special;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::walk;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::model::BoundArguments;
use crate::ftl::model::Callable;
use crate::ftl::model::Model;
use crate::ftl::model::WithArguments;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::special(
        "namespace",
        GROUP,
        None,
        "the namespace of a macro or function",
        Special::Namespace,
    ),
    BuiltIn::method(
        "with_args",
        GROUP,
        (1, 1),
        "the same macro, function or method, with arguments given in advance",
        |host, target, arguments| bind(host, target, arguments, "with_args", false),
    ),
    BuiltIn::method(
        "with_args_last",
        GROUP,
        (1, 1),
        "like `?with_args`, but behind the arguments of the call",
        |host, target, arguments| bind(host, target, arguments, "with_args_last", true),
    ),
];

const GROUP: &str = "expert";

fn bind<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    arguments: &[Model<'r>],
    name: &'static str,
    last: bool,
) -> Outcome<'r> {
    let callee = match target {
        // A macro or function forgets what it was given before; a method or directive keeps it.
        Model::Callable(Callable::WithArguments(bound)) if is_macro(&bound.callee) => {
            bound.callee.clone()
        }
        Model::Callable(Callable::Lambda { .. }) | Model::Missing => {
            return Err(not_callable(name, &target));
        }
        Model::Callable(_) => target,
        _ => return Err(not_callable(name, &target)),
    };
    let argument = operands::needed(name, arguments, 0);
    let (takes_sequence, takes_hash) = match innermost(&callee) {
        Some(Callable::Macro { is_function: false, .. }) => (true, true),
        Some(Callable::Directive { .. }) => (false, true),
        _ => (true, false),
    };
    let found = match argument.value() {
        Model::Sequence(sequence) if takes_sequence => {
            BoundArguments::Positional(walk::items(host, sequence)?.to_vec())
        }
        Model::Matches(_) if takes_sequence => {
            let sequence = operands::sequence(name, argument.value())?;
            BoundArguments::Positional(walk::items(host, &sequence)?.to_vec())
        }
        Model::Hash(hash) if takes_hash && operands::is_listable(hash) => {
            BoundArguments::Named(host.pairs(hash)?)
        }
        _ => {
            let kind = callee.kind_name();
            let expected = match (takes_sequence, takes_hash) {
                (true, true) => "a sequence or hash of arguments",
                (true, false) => "a sequence of arguments",
                _ => "a hash of arguments",
            };
            return Err(argument.wrong_type(expected).with_hint(match kind {
                "a directive" => "a directive has names for its arguments: `{\"name\": value}`",
                "a macro" => "in order: `[1, 2]`, or by name: `{\"name\": value}`",
                _ => "functions and methods take arguments in order: `[1, 2]`",
            }));
        }
    };
    let bound = WithArguments { callee, arguments: found, last };
    Ok(Model::Callable(Callable::WithArguments(Rc::new(bound))))
}

fn not_callable(name: &str, found: &Model<'_>) -> crate::ftl::error::Fault {
    wrong_type(&format!("a macro, function, directive or method left of `?{name}`"), found)
        .blaming(Blame::Target)
}

fn is_macro(model: &Model<'_>) -> bool {
    matches!(model, Model::Callable(Callable::Macro { .. }))
}

/// What is called in the end.
fn innermost<'m, 'r>(model: &'m Model<'r>) -> Option<&'m Callable<'r>> {
    match model {
        Model::Callable(Callable::WithArguments(bound)) => innermost(&bound.callee),
        Model::Callable(callable) => Some(callable),
        _ => None,
    }
}
