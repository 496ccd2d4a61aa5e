//! `x[i]`, `x["key"]`, `x[i..j]`.

use std::rc::Rc;

use crate::ftl::ast::RangeKind;
use crate::ftl::builtins::Applied;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::walk::no_match;
use crate::ftl::builtins::walk::taken;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::expression::java_int;
use crate::ftl::model::Late;
use crate::ftl::model::Model;
use crate::ftl::model::Range;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::ftl::model::Text;
use crate::ftl::model::whole_group;
use crate::ftl::program::Expr;
use crate::text::Span;
use crate::value::Number;

impl<'r> Evaluator<'r> {
    /// `target[index]`
    #[inline(never)]
    pub(in crate::ftl::eval) fn index(
        &mut self,
        target: &'r Expr,
        index: &'r Expr,
        _lazy: bool,
        span: Span,
    ) -> Evaluated<'r> {
        self.step(span)?;
        let value = self.evaluate_late(target)?;
        if let Model::Late(late) = &value {
            match self.required(index)? {
                Model::Number(number) => {
                    let value = self.wanted(value)?;
                    return self.item(value, java_int(&number), target, index);
                }
                Model::Sequence(Sequence::Range(range)) => {
                    let value = self.wanted(value)?;
                    return self.slice(value, range, target, index);
                }
                key => {
                    let key = self.key_text(key, index)?;
                    return self.format_of(late, &key, target);
                }
            }
        }
        if value.is_missing() {
            if self.settings.classic_compatible {
                return Ok(Model::Missing);
            }
            return Err(self.missing(target));
        }
        match self.required(index)? {
            Model::Number(number) => self.item(value, java_int(&number), target, index),
            Model::Sequence(Sequence::Range(range)) => self.slice(value, range, target, index),
            key => {
                let key = self.key_text(key, index)?;
                self.value_of_key(&value, &key, target)
            }
        }
    }

    /// A key in brackets that is no number and no range.
    pub(in crate::ftl::eval) fn key_text(
        &mut self,
        key: Model<'r>,
        index: &'r Expr,
    ) -> Result<Text<'r>, Failure> {
        match key {
            Model::Text(_) | Model::Match(_) | Model::Empty | Model::Nothing => {
                self.text_of(key, index)
            }
            other => Err(self.wrong_type("a number, a range or a string", &other, index)),
        }
    }

    /// `(x?string)[format]`
    pub(in crate::ftl::eval) fn format_of(
        &mut self,
        late: &Late<'r>,
        format: &str,
        target: &'r Expr,
    ) -> Evaluated<'r> {
        if !late.is_hash() {
            let found = Model::Late(Rc::new(late.clone()));
            return Err(self.wrong_type("a hash", &found, target));
        }
        let found = self.apply_again(late, Applied::Key(format));
        found.map_err(|fault| self.blame(fault, target.span, target.span, &[]))
    }

    fn value_of_key(&mut self, value: &Model<'r>, key: &str, target: &'r Expr) -> Evaluated<'r> {
        match value {
            Model::Hash(hash) => {
                let found = self.get(hash, key);
                found.map_err(|fault| self.blame(fault, target.span, target.span, &[]))
            }
            Model::Empty | Model::Nothing => Ok(Model::Missing),
            other => Err(self.wrong_type("a hash", other, target)),
        }
    }

    pub(in crate::ftl::eval) fn item(
        &mut self,
        value: Model<'r>,
        index: i64,
        target: &'r Expr,
        expression: &'r Expr,
    ) -> Evaluated<'r> {
        match &value {
            Model::Sequence(sequence) => return self.item_of(sequence, index, target.span),
            Model::Matches(matches) => {
                let found = usize::try_from(index).ok().and_then(|at| matches.matches.get(at));
                return Ok(
                    found.map_or(Model::Missing, |found| Model::Match(std::rc::Rc::clone(found)))
                );
            }
            Model::Empty | Model::Nothing => return Ok(Model::Missing),
            Model::Hash(_) | Model::Callable(_) => {
                return Err(self.wrong_type("a sequence or a string", &value, target));
            }
            _ => {}
        }
        let text = self.text_of(value, target)?;
        let Ok(at) = usize::try_from(index) else {
            let message = format!("an index can't be negative, found {index}");
            return Err(self.fail(TemplateErrorKind::BadArgument, message, expression.span));
        };
        if let Some(unit) = units(&text, at, at + 1) {
            return Ok(Model::Text(unit_text(&text, unit)));
        }
        let length = utf16_length(&text);
        let message = format!("index {index} is behind the end of a string of {length} characters");
        Err(self.fail(TemplateErrorKind::BadArgument, message, expression.span))
    }

    /// An item of a sequence; nothing when there is none.
    pub(in crate::ftl::eval) fn item_of(
        &mut self,
        sequence: &Sequence<'r>,
        index: i64,
        span: Span,
    ) -> Evaluated<'r> {
        let Ok(at) = usize::try_from(index) else {
            if matches!(sequence, Sequence::Range(_) | Sequence::Groups(_)) {
                let message = format!("an index can't be negative, found {index}");
                return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
            }
            return Ok(Model::Missing);
        };
        Ok(match sequence {
            Sequence::Json(list) => {
                // Items have to be stepped over.
                self.steps(at.min(list.len()) / 16, span)?;
                list.get(at).map_or(Model::Missing, Model::from_node)
            }
            Sequence::Items(items) => {
                let item = taken(items.get(at).cloned().unwrap_or(Model::Missing));
                item.map_err(|fault| self.blame(fault, span, span, &[]))?
            }
            Sequence::Range(range) => {
                let item = range.get(at as u64);
                item.map_or(Model::Missing, |item| Model::Number(Number::from(item)))
            }
            Sequence::Groups(matches) => match matches.groups.get(at) {
                Some(group) if matches.whole => whole_group(group),
                Some(_) => return Err(self.blame(no_match(), span, span, &[])),
                None => Model::Missing,
            },
            Sequence::Lazy(_) => {
                let mut cursor = sequence.cursor();
                for _ in 0..at {
                    self.step(span)?;
                    let next = self.next(&mut cursor);
                    if next.map_err(|fault| self.blame(fault, span, span, &[]))?.is_none() {
                        return Ok(Model::Missing);
                    }
                }
                let next = self.next(&mut cursor);
                next.map_err(|fault| self.blame(fault, span, span, &[]))?.unwrap_or(Model::Missing)
            }
        })
    }

    pub(in crate::ftl::eval) fn slice(
        &mut self,
        value: Model<'r>,
        range: Range,
        target: &'r Expr,
        index: &'r Expr,
    ) -> Evaluated<'r> {
        let items = match &value {
            // A mistake of FreeMarker: an empty part of what is computed item by item is a text.
            Model::Sequence(Sequence::Lazy(_)) if range.length == Some(0) => {
                return Ok(Model::Text(Text::Borrowed("")));
            }
            Model::Sequence(Sequence::Lazy(_)) => {
                let Model::Sequence(sequence) = &value else { return Ok(value) };
                Some(self.taken(sequence, &range, index)?)
            }
            Model::Sequence(sequence @ Sequence::Range(endless)) if endless.length.is_none() => {
                Some(self.taken(sequence, &range, index)?)
            }
            Model::Sequence(sequence) => {
                let mut items = Vec::with_capacity(sequence.known_length().unwrap_or(0).min(1024));
                self.add_items(sequence, &mut items, target.span)?;
                Some(items)
            }
            Model::Matches(matches) => {
                let found = matches.matches.iter();
                Some(found.map(|found| Model::Match(std::rc::Rc::clone(found))).collect())
            }
            // What has no items is a sequence before it is a text.
            Model::Empty | Model::Nothing => Some(Vec::new()),
            Model::Hash(_) | Model::Callable(_) => {
                return Err(self.wrong_type("a sequence or a string", &value, target));
            }
            _ => None,
        };
        if let Some(items) = items {
            let Some((first, count)) = self.cut(&range, items.len(), "sequence", "items", index)?
            else {
                return Ok(match &value {
                    // The same mistake.
                    Model::Sequence(sequence) if is_mapped(sequence) => {
                        Model::Text(Text::Borrowed(""))
                    }
                    _ => Model::list(Vec::new()),
                });
            };
            let picked: Vec<Model<'r>> = if range.step > 0 {
                items.into_iter().skip(first).take(count).collect()
            } else {
                items[first + 1 - count..=first].iter().rev().cloned().collect()
            };
            let picked: Result<Vec<_>, _> = picked.into_iter().map(taken).collect();
            return picked
                .map(Model::list)
                .map_err(|fault| self.blame(fault, target.span, target.span, &[]));
        }
        let text = self.text_of(value, target)?;
        let length = utf16_length(&text);
        let Some((first, count)) = self.cut(&range, length, "string", "characters", index)? else {
            return Ok(Model::Text(Text::Borrowed("")));
        };
        let end = if range.step < 0 && count > 1 {
            // Once there was a mistake in FreeMarker; that it gives nothing here is kept.
            if range.kind == RangeKind::Inclusive && count == 2 {
                first
            } else {
                let message = "a string can't be sliced backwards";
                let failure = self.fail(TemplateErrorKind::BadArgument, message, index.span);
                return Err(failure);
            }
        } else {
            first + count
        };
        let unit = units(&text, first, end);
        Ok(Model::Text(unit.map_or(Text::Borrowed(""), |unit| unit_text(&text, unit))))
    }

    /// The items of a sequence of unknown length up to the end of a range.
    fn taken(
        &mut self,
        sequence: &Sequence<'r>,
        range: &Range,
        index: &'r Expr,
    ) -> Result<Vec<Model<'r>>, Failure> {
        let Some(length) = range.length else { return self.items(sequence, index.span) };
        let last = if range.step > 0 {
            range.start.saturating_add_unsigned(length)
        } else {
            range.start.saturating_add(1)
        };
        let last = usize::try_from(last).unwrap_or_default();
        let mut items = Vec::new();
        let mut cursor = sequence.cursor();
        while items.len() < last {
            self.step(index.span)?;
            let next = self.next(&mut cursor);
            match next.map_err(|fault| self.blame(fault, index.span, index.span, &[]))? {
                Some(item) => items.push(item),
                None => break,
            }
        }
        Ok(items)
    }

    /// The first index and the count of what a range cuts out; `None` for nothing.
    fn cut(
        &self,
        range: &Range,
        length: usize,
        what: &str,
        unit: &str,
        index: &Expr,
    ) -> Result<Option<(usize, usize)>, Failure> {
        let fail =
            |message: String| Err(self.fail(TemplateErrorKind::BadArgument, message, index.span));
        if range.length == Some(0) {
            return Ok(None);
        }
        let Ok(first) = usize::try_from(range.start) else {
            return fail(format!("the start of a slice can't be negative, found {}", range.start));
        };
        let adaptive = matches!(range.kind, RangeKind::Length | RangeKind::Endless);
        let is_outside = if adaptive && range.step > 0 { first > length } else { first >= length };
        if is_outside {
            return fail(format!(
                "the slice starts at {first}, but the {what} has only {length} {unit}"
            ));
        }
        let Some(wanted) = range.length else {
            return Ok((first < length).then_some((first, length - first)));
        };
        let last = i128::from(range.start) + (i128::from(wanted) - 1) * i128::from(range.step);
        let count = if last < 0 {
            if !adaptive {
                return fail(format!("the end of a slice can't be negative, found {last}"));
            }
            first + 1
        } else if last >= length as i128 {
            if !adaptive {
                return fail(format!(
                    "the slice ends at {last}, but the {what} has only {length} {unit}"
                ));
            }
            length - first
        } else {
            usize::try_from(wanted).unwrap_or(usize::MAX)
        };
        Ok((count > 0).then_some((first, count)))
    }
}

/// Whether its items come from a sequence of known length, one for one.
fn is_mapped(sequence: &Sequence<'_>) -> bool {
    let mut sequence = sequence;
    let mut mapped = false;
    while let Sequence::Lazy(lazy) = sequence
        && lazy.stage == Stage::Map
    {
        (sequence, mapped) = (&lazy.source, true);
    }
    mapped && sequence.known_length().is_some()
}

/// The number of UTF-16 units, which strings are counted in.
fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// A part of a text.
enum Unit {
    Bytes(std::ops::Range<usize>),
    /// It begins or ends inside a pair of surrogates.
    Broken(String),
}

/// The UTF-16 units from `start` up to `end`; `None` when there are fewer.
fn units(text: &str, start: usize, end: usize) -> Option<Unit> {
    if text.is_ascii() {
        return (end <= text.len()).then_some(Unit::Bytes(start..end));
    }
    let mut at = 0;
    let (mut from, mut to) = (None, None);
    for (offset, c) in text.char_indices() {
        if at == start {
            from = Some(offset);
        }
        if at == end {
            to = Some(offset);
        }
        at += c.len_utf16();
    }
    if at == start {
        from = Some(text.len());
    }
    if at == end {
        to = Some(text.len());
    }
    if end > at {
        return None;
    }
    if let (Some(from), Some(to)) = (from, to) {
        return Some(Unit::Bytes(from..to));
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(end - start).collect();
    Some(Unit::Broken(String::from_utf16_lossy(&units)))
}

fn unit_text<'r>(text: &Text<'r>, unit: Unit) -> Text<'r> {
    match unit {
        Unit::Broken(text) => Text::from(text),
        Unit::Bytes(range) => match text {
            Text::Borrowed(text) => Text::Borrowed(text.get(range).unwrap_or_default()),
            Text::Shared(text) => Text::Shared(text.get(range).unwrap_or_default().into()),
        },
    }
}
