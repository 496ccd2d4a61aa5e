//! An event while it is made of a row, and what may be wrong with one of its values.

use std::fmt::Write as _;
use std::ops::Range;

use crate::events::EventErrorKind;
use crate::value::Buffers;
use crate::value::Builder;
use crate::value::Document;
use crate::value::Node;

/// JSON text nests no deeper than the reader reads.
pub(in crate::events::arrow) const MAX_DEPTH: usize = 127;

/// A value that makes its row no event.
#[derive(Debug)]
pub(in crate::events::arrow) struct Bad {
    pub(in crate::events::arrow) kind: EventErrorKind,
    pub(in crate::events::arrow) hint: Option<&'static str>,
    message: String,
    /// The steps to the value, the last one first.
    path: Vec<String>,
}

impl Bad {
    pub(in crate::events::arrow) fn new(kind: EventErrorKind, message: String) -> Self {
        Self { kind, hint: None, message, path: Vec::new() }
    }

    /// Something that JSON does not have.
    pub(in crate::events::arrow) fn not_json(message: String, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..Self::new(EventErrorKind::NotJson, message) }
    }

    /// The same, in a field or an item of it.
    #[must_use]
    pub(in crate::events::arrow) fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    /// What is wrong, and in which column.
    pub(in crate::events::arrow) fn message(&self) -> String {
        let mut text = self.message.clone();
        for (index, step) in self.path.iter().rev().enumerate() {
            text.push_str(match index {
                0 => " in column `",
                _ if step.starts_with('[') => "",
                _ => ".",
            });
            text.push_str(step);
        }
        if !self.path.is_empty() {
            text.push('`');
        }
        text
    }
}

/// An event that is being made.
#[derive(Debug)]
pub(in crate::events::arrow) struct Out<'n> {
    builder: Builder<'n>,
    names: &'n str,
    /// How many bytes it may still grow.
    left: usize,
    limit: usize,
    scratch: String,
}

impl<'n> Out<'n> {
    /// An open object, whose keys are slices of `names`.
    pub(in crate::events::arrow) fn new(names: &'n str, buffers: Buffers, limit: usize) -> Self {
        let mut builder = Builder::new(names, buffers);
        builder.open_object();
        Self { builder, names, left: limit, limit, scratch: String::new() }
    }

    pub(in crate::events::arrow) fn finish(self) -> Document<'n> {
        self.builder.finish()
    }

    pub(in crate::events::arrow) fn into_buffers(self) -> Buffers {
        self.builder.into_buffers()
    }

    /// Notes that the event's text grows by at least so many bytes.
    fn grow(&mut self, bytes: usize) -> Result<(), Bad> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let limit = self.limit;
                let message = format!("expected an event of at most {limit} bytes, found more");
                Err(Bad::new(EventErrorKind::TooLong, message))
            }
        }
    }

    /// The key of the next value.
    pub(in crate::events::arrow) fn key(&mut self, name: Range<usize>) -> Result<(), Bad> {
        self.grow(name.len() + 4)?;
        self.builder.key(&self.names[name]);
        Ok(())
    }

    /// The name of a column, or of a field in one.
    pub(in crate::events::arrow) fn name(&self, name: Range<usize>) -> &'n str {
        &self.names[name]
    }

    /// A key that is no column's name.
    pub(in crate::events::arrow) fn own_key(&mut self, key: &str) -> Result<(), Bad> {
        self.grow(key.len() + 4)?;
        self.builder.key(key);
        Ok(())
    }

    pub(in crate::events::arrow) fn null(&mut self) {
        self.builder.null();
    }

    pub(in crate::events::arrow) fn boolean(&mut self, value: bool) {
        self.builder.boolean(value);
    }

    pub(in crate::events::arrow) fn integer(&mut self, value: i64) {
        self.builder.integer(value);
    }

    /// A floating-point number. Not a number is no value, as in pandas; infinity can't be said.
    pub(in crate::events::arrow) fn float(&mut self, value: f64) -> Result<(), Bad> {
        if value.is_finite() {
            self.builder.float(value);
            Ok(())
        } else if value.is_nan() {
            self.builder.null();
            Ok(())
        } else {
            Err(infinite(value))
        }
    }

    /// A number of single precision, as the shortest decimal that is it: 0.1, not 0.10000000149.
    pub(in crate::events::arrow) fn single(&mut self, value: f32) -> Result<(), Bad> {
        if !value.is_finite() {
            return self.float(value.into());
        }
        self.scratch.clear();
        let _ = write!(self.scratch, "{value:?}");
        let double = self.scratch.parse().unwrap_or_else(|_| f64::from(value));
        self.builder.float(double);
        Ok(())
    }

    /// A number in its spelling, kept to its last digit.
    pub(in crate::events::arrow) fn number(&mut self, spelling: &str) -> Result<(), Bad> {
        self.grow(spelling.len())?;
        match spelling.parse() {
            Ok(value) => self.builder.integer(value),
            Err(_) if spelling.ends_with('0') => self.builder.spelled(spelling),
            Err(_) => self.builder.decimal(spelling),
        }
        Ok(())
    }

    pub(in crate::events::arrow) fn text(&mut self, text: &str) -> Result<(), Bad> {
        self.grow(text.len() + 2)?;
        self.builder.text(text);
        Ok(())
    }

    /// A text that is written into memory used before.
    pub(in crate::events::arrow) fn written(
        &mut self,
        write: impl FnOnce(&mut String) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let done = write(&mut scratch).and_then(|()| self.text(&scratch));
        self.scratch = scratch;
        done
    }

    /// A number that is written into memory used before.
    pub(in crate::events::arrow) fn written_number(
        &mut self,
        write: impl FnOnce(&mut String),
    ) -> Result<(), Bad> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        let done = self.number(&scratch);
        self.scratch = scratch;
        done
    }

    /// A list of so many items, which follow.
    pub(in crate::events::arrow) fn open_list(&mut self, items: usize) -> Result<(), Bad> {
        self.grow(items.saturating_mul(2))?;
        self.builder.open_list();
        Ok(())
    }

    pub(in crate::events::arrow) fn open_object(&mut self) {
        self.builder.open_object();
    }

    pub(in crate::events::arrow) fn close(&mut self) {
        self.builder.close();
    }

    /// A value of another document.
    pub(in crate::events::arrow) fn copy(
        &mut self,
        value: Node<'_>,
        bytes: usize,
    ) -> Result<(), Bad> {
        self.grow(bytes)?;
        if self.builder.copy(value, MAX_DEPTH) {
            return Ok(());
        }
        let message = format!("expected at most {MAX_DEPTH} levels of lists and objects");
        Err(Bad::new(EventErrorKind::NotJson, message))
    }
}

fn infinite(value: f64) -> Bad {
    let found = if value > 0.0 { "infinity" } else { "-infinity" };
    let message = format!("expected a number that JSON has, found {found}");
    Bad::not_json(message, "JSON has no infinity: put null there, or a number that stands for it")
}
