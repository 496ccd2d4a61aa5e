//! The template language: FreeMarker 2.3.34 for JSON data. Text in, text out; no I/O.
//!
//! A template goes through `parse` (text to [`ast`]), `resolve` (tree to `program`: names become
//! keys, built-ins become functions) and `eval` (program and data to text). A [`Template`] is
//! compiled once and rendered from any number of threads.
//!
//! ```
//! use webhook_stream::ftl::{Data, RenderOptions, Settings, Template};
//! use webhook_stream::value::Document;
//!
//! let template = Template::compile("hello", "Hello ${input.name!\"friend\"}!", &Settings::amplitude(), None)?;
//! let event = Document::parse(r#"{"name": "Ada"}"#)?;
//! let payload = template.render(Data::event(event.root()), RenderOptions::default())?;
//! assert_eq!(payload, "Hello Ada!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod ast;
pub mod builtins;
mod check;
pub mod coerce;
mod compile;
mod coverage;
mod error;
mod eval;
mod expression;
pub mod format;
mod instrument;
mod library;
pub mod model;
mod names;
pub mod parse;
mod payload;
mod program;
mod reads;
mod resolve;
mod samples;
mod settings;
mod stack;
pub mod statics;
mod template;
mod vocabulary;

pub use crate::ftl::check::{Evidence, Finding, Level, Rule, Usage};
pub use crate::ftl::coverage::{CoverageMap, Line, Measured, Ran, Recorder, Region, Way};
pub use crate::ftl::error::{Blame, Fault, TemplateError, TemplateErrorKind};
pub use crate::ftl::eval::Data;
pub use crate::ftl::expression::{Clause, ClauseValue, Expression};
pub use crate::ftl::library::Library;
pub use crate::ftl::samples::Samples;
pub use crate::ftl::settings::{
    Limits, NAMES as SETTING_NAMES, OutputFormat, SettingError, Settings,
};
pub use crate::ftl::template::{RenderOptions, Template, coverage_map};
pub use crate::ftl::vocabulary::{Vocabulary, names};
