//! What works on booleans alone.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::Special;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[BuiltIn {
    name: "then",
    group: "boolean",
    arguments: Some((2, 2)),
    accepts_missing: false,
    help: "the first argument when true, the second when false; the other is not evaluated",
    function: Function::Special(Special::Then),
}];
