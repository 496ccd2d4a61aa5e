//! Seldom used built-ins, those the evaluator does, and those that need Java or XML.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::Special;
use crate::ftl::builtins::json_text;
use crate::ftl::builtins::operands;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::special(
        "absolute_template_name",
        EXPERT,
        Some((0, 1)),
        "the full name of a template, seen from this one",
        Special::AbsoluteTemplateName,
    ),
    BuiltIn::special("eval", EXPERT, None, "the value of an expression in a text", Special::Eval),
    BuiltIn::value("eval_json", EXPERT, "the value of JSON in a text", eval_json),
    BuiltIn::special(
        "interpret",
        EXPERT,
        None,
        "a template in a text, to be called as a directive",
        Special::Interpret,
    ),
    BuiltIn::value(
        "has_api",
        EXPERT,
        "whether it has a Java interface, as data has in FreeMarker",
        |host, target| has_api(host, &target),
    ),
    BuiltIn::special("api", EXPERT, None, "the Java interface of a value (not available)", NO_JAVA),
    BuiltIn::special("new", EXPERT, None, "a new Java object (not available)", NO_JAVA),
    BuiltIn::special(
        "switch",
        "type_independent",
        Some((2, usize::MAX)),
        "the result of the first case that is equal, or the default",
        Special::Switch,
    ),
    node("ancestors", "the nodes around an XML node (not available)"),
    node("children", "the nodes inside an XML node (not available)"),
    node("next_sibling", "the XML node behind it (not available)"),
    node("node_name", "the name of an XML node (not available)"),
    node("node_namespace", "the namespace of an XML node (not available)"),
    node("node_type", "the type of an XML node (not available)"),
    node("parent", "the node around an XML node (not available)"),
    node("previous_sibling", "the XML node before it (not available)"),
    node("root", "the outermost node of an XML document (not available)"),
    question("counter", "which item of the loop it is, from 1", LoopQuestion::Counter),
    question("has_next", "whether another item of the loop follows", LoopQuestion::HasNext),
    question("index", "which item of the loop it is, from 0", LoopQuestion::Index),
    question("is_even_item", "whether the counter is even", LoopQuestion::IsEven),
    question("is_first", "whether it is the first item of the loop", LoopQuestion::IsFirst),
    question("is_last", "whether it is the last item of the loop", LoopQuestion::IsLast),
    question("is_odd_item", "whether the counter is odd", LoopQuestion::IsOdd),
    BuiltIn::special(
        "item_cycle",
        LOOP,
        Some((1, usize::MAX)),
        "its arguments in turn, one for each item",
        Special::Loop(LoopQuestion::Cycle),
    ),
    question("item_parity", "`odd` or `even`", LoopQuestion::Parity),
    question("item_parity_cap", "`Odd` or `Even`", LoopQuestion::ParityCapitalized),
];

const EXPERT: &str = "expert";
const LOOP: &str = "loop_variable";
const NO_JAVA: Special = Special::NotAvailable {
    why: "there are no Java objects here",
    hint: "what a Java object would compute can be put into the data",
};
const NO_XML: Special = Special::NotAvailable {
    why: "data is JSON, which has no XML nodes",
    hint: "`x?keys` and `x?values` say what is in an object, `x.name` and `x[0]` lead on",
};

const fn question(name: &'static str, help: &'static str, question: LoopQuestion) -> BuiltIn {
    BuiltIn::special(name, LOOP, None, help, Special::Loop(question))
}

const fn node(name: &'static str, help: &'static str) -> BuiltIn {
    BuiltIn::special(name, "node", None, help, NO_XML)
}

/// In FreeMarker, objects and lists of data are Java maps and lists and say so.
fn has_api<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    let as_they_are = host.formatting().settings.improves_since(22);
    match target {
        Model::Missing => Err(wrong_type("a value", target).blaming(Blame::Target)),
        Model::Hash(Hash::Json(_)) | Model::Sequence(Sequence::Json(_)) => {
            Ok(Model::Boolean(as_they_are))
        }
        _ => Ok(Model::Boolean(false)),
    }
}

fn eval_json<'r>(host: &mut (dyn Host<'r> + '_), target: Model<'r>) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    host.spend(text.len() / 2)?;
    json_text::read(&text)
}
