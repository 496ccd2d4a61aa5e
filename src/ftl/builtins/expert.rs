use crate::ftl::builtins::BuiltIn;
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[];
