//! The template language: FreeMarker 2.3.34 for JSON data. Text in, text out; no I/O.
//!
//! A template goes through `parse` (text to [`ast`]), `resolve` (tree to `program`: names become
//! keys, built-ins become functions) and `eval` (program and data to text).

pub mod ast;
pub mod builtins;
pub mod coerce;
mod error;
pub mod format;
pub mod model;
mod settings;
pub mod statics;

pub use crate::ftl::error::{Blame, Fault, TemplateError, TemplateErrorKind};
pub use crate::ftl::settings::{
    Limits, NAMES as SETTING_NAMES, OutputFormat, SettingError, Settings,
};
