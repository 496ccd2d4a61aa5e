//! `users.iterator()`, `name.toLowerCase()`: data is JSON here, which has no methods.

use crate::ftl::check::finding::Rule;
use crate::ftl::check::printed::is_utilities;
use crate::ftl::check::rules::Inspector;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;

/// Methods that templates call where data is Java's, and what says the same of JSON.
const METHODS: [(&str, &str); 22] = [
    ("charAt", "x[0]"),
    ("contains", "x?contains(\"…\"), or x?seq_contains(…) for a list"),
    ("containsKey", "x[\"key\"]??"),
    ("endsWith", "x?ends_with(\"…\")"),
    ("entrySet", "<#list x as key, value>"),
    ("equals", "x == y"),
    ("equalsIgnoreCase", "x?lower_case == y?lower_case"),
    ("get", "x[\"key\"]"),
    ("indexOf", "x?index_of(\"…\")"),
    ("isEmpty", "!x?has_content"),
    ("iterator", "<#list x as item>"),
    ("keySet", "x?keys"),
    ("length", "x?length"),
    ("replace", "x?replace(\"…\", \"…\")"),
    ("size", "x?size"),
    ("split", "x?split(\"…\")"),
    ("startsWith", "x?starts_with(\"…\")"),
    ("substring", "x?substring(0, 1)"),
    ("toLowerCase", "x?lower_case"),
    ("toString", "x?string"),
    ("toUpperCase", "x?upper_case"),
    ("trim", "x?trim"),
];

impl<'p> Inspector<'_, '_, 'p> {
    pub(in crate::ftl::check::rules) fn java_method(&mut self, callee: &'p Expr) {
        let ExprKind::Dot { target, key } = &callee.bare().kind else { return };
        let Some((name, instead)) = METHODS.iter().find(|(name, _)| *name == key.name()) else {
            return;
        };
        if is_utilities(target, self.names) || self.names.find_macro(callee).is_some() {
            return;
        }
        self.report(
            Rule::JavaMethod,
            callee,
            format!("`{name}()` is a method of Java's, and data is JSON"),
            format!("write `{instead}`"),
        );
    }
}
