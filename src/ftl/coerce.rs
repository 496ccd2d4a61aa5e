//! Model to text, number, boolean: as the settings say, and never by guessing.

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Model;

/// The fault for a value of another type: "expected `expected`, found …".
pub fn wrong_type(expected: &str, found: &Model<'_>) -> Fault {
    let kind = match found {
        Model::Missing => TemplateErrorKind::MissingValue,
        _ => TemplateErrorKind::WrongType,
    };
    Fault::new(kind, format!("expected {expected}, found {}", found.kind_name()))
}
