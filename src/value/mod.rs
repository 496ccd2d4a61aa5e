//! JSON data: what arrives as an event, what filters look at and templates read.
//!
//! A [`Document`] keeps one JSON value as a flat table of entries instead of a tree of boxes: texts
//! without escapes are borrowed from the input, everything else lies in one buffer, and both tables
//! can be used again for the next event. A [`Node`] is a place in a document, cheap to copy.
//! Numbers keep their exact decimal value ([`Number`]).
//!
//! Nothing here knows templates, files or Python.

mod document;
mod json;
mod number;
mod path;
mod quick;

pub use crate::value::document::{
    Buffers, Builder, Document, Items, Key, List, Node, Object, Pairs, View,
};
pub use crate::value::json::{JsonError, write_json, write_json_text};
pub use crate::value::number::{Decimal, Digits, Number, NumberError, Rounding};
pub use crate::value::path::{Path, PathError};
