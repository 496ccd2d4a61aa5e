//! Expressions to values.

use std::rc::Rc;

use crate::ftl::ast::RangeKind;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Range;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::text::Span;
use crate::value::Key;
use crate::value::Number;

impl<'r> Evaluator<'r> {
    /// The value of an expression; [`Model::Missing`] when there is none.
    pub(in crate::ftl::eval) fn evaluate(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        match &expression.kind {
            ExprKind::Variable(name) => {
                let value = self.variable(name);
                self.wanted(value)
            }
            ExprKind::Dot { target, key, .. } => {
                if let Some(object) = self.object(target) {
                    return Ok(match object.get_key(key) {
                        Some(node) => Model::from_node(node),
                        None => Model::Missing,
                    });
                }
                let value = self.dotted(target, key, expression.span)?;
                self.wanted(value)
            }
            ExprKind::Text(text) => Ok(Model::Text(Text::Borrowed(text))),
            ExprKind::Number(number) => Ok(Model::Number(number.clone())),
            ExprKind::Boolean(value) => Ok(Model::Boolean(*value)),
            ExprKind::BuiltIn(application) => {
                self.check_stack(expression.span)?;
                self.apply(application, expression.span)
            }
            ExprKind::Binary { operator, left, right } => {
                self.check_stack(expression.span)?;
                self.binary(*operator, left, right, expression)
            }
            _ => {
                let value = self.compound_late(expression)?;
                self.wanted(value)
            }
        }
    }

    /// What is passed on from a part of the expression may be a [`Model::Late`].
    pub(in crate::ftl::eval) fn compound_late(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        let span = expression.span;
        self.check_stack(span)?;
        match &expression.kind {
            ExprKind::Default { target, fallback } => {
                let value = self.evaluate_lenient(target)?;
                if !value.is_missing() {
                    return Ok(value);
                }
                match fallback {
                    Some(fallback) => self.evaluate_late(fallback),
                    None => Ok(Model::Empty),
                }
            }
            ExprKind::Parenthesis(inner) => self.evaluate_late(inner),
            ExprKind::Exists(_) | ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => {
                self.condition(expression).map(Model::Boolean)
            }
            ExprKind::Call { target, arguments } => self.call_value(target, arguments, span),
            ExprKind::TextTemplate(parts) => self.text_template(parts, span),
            ExprKind::Index { target, index, lazy } => self.index(target, index, *lazy, span),
            ExprKind::Negate(operand) => {
                let number = self.number(operand)?;
                Ok(Model::Number(number.negate()))
            }
            ExprKind::Plus(operand) => match self.evaluate(operand)? {
                // A missing value passes, as it does in FreeMarker.
                value @ (Model::Number(_) | Model::Missing) => Ok(value),
                other => Err(self.not_a_number(&other, operand)),
            },
            ExprKind::List(items) => {
                self.steps(items.len(), span)?;
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(self.member(item)?);
                }
                Ok(Model::list(list))
            }
            ExprKind::Hash(pairs) => self.hash_literal(pairs, span),
            ExprKind::Range { start, end, kind } => self.range(start, end.as_deref(), *kind),
            ExprKind::Loop { name, question, arguments } => {
                self.ask_loop(name, *question, arguments, span)
            }
            ExprKind::Special(variable) => self.special(*variable, span),
            ExprKind::Lambda(function) => {
                let program = self.place.program;
                let lambda = crate::ftl::model::Lambda { function, program };
                Ok(Model::Callable(Callable::Lambda(lambda)))
            }
            _ => self.evaluate(expression),
        }
    }

    /// The value of an expression before `!` or `??`: in parentheses, any step of it may be
    /// missing. Nobody wants it yet.
    pub(in crate::ftl::eval) fn evaluate_lenient(&mut self, target: &'r Expr) -> Evaluated<'r> {
        if !target.is_parenthesis() {
            return self.evaluate_late(target);
        }
        let quiet = std::mem::replace(&mut self.quiet, true);
        let value = self.evaluate_late(target);
        self.quiet = quiet;
        match value {
            Err(Failure::Missing) => Ok(Model::Missing),
            value => value,
        }
    }

    /// A value that must be there, even where FreeMarker 1 is imitated.
    pub(in crate::ftl::eval) fn present(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        let value = self.present_late(expression)?;
        self.wanted(value)
    }

    /// The same for a place that passes it on.
    pub(in crate::ftl::eval) fn present_late(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        match self.evaluate_late(expression)? {
            Model::Missing => Err(self.missing(expression)),
            value => Ok(value),
        }
    }

    /// A value that must be there.
    pub(in crate::ftl::eval) fn required(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        let value = self.evaluate(expression)?;
        self.or_nothing(value, expression)
    }

    /// The same for a place that passes it on.
    pub(in crate::ftl::eval) fn required_late(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        let value = self.evaluate_late(expression)?;
        self.or_nothing(value, expression)
    }

    fn or_nothing(&mut self, value: Model<'r>, expression: &'r Expr) -> Evaluated<'r> {
        if !value.is_missing() {
            return Ok(value);
        }
        if self.settings.classic_compatible {
            return Ok(Model::Text(Text::Borrowed("")));
        }
        Err(self.missing(expression))
    }

    /// A value in a list or hash literal. Where FreeMarker 1 is imitated, it may be missing.
    fn member(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        if self.settings.classic_compatible {
            return self.evaluate_late(expression);
        }
        self.required_late(expression)
    }

    /// A value that must be a number.
    pub(in crate::ftl::eval) fn number(&mut self, expression: &'r Expr) -> Result<Number, Failure> {
        if let Some(number) = self.plain_number(expression) {
            return Ok(number);
        }
        match self.evaluate(expression)? {
            Model::Number(number) => Ok(number),
            other => Err(self.not_a_number(&other, expression)),
        }
    }

    #[cold]
    pub(in crate::ftl::eval) fn not_a_number(
        &mut self,
        found: &Model<'r>,
        expression: &'r Expr,
    ) -> Failure {
        let failure = self.wrong_type("a number", found, expression);
        match found {
            Model::Text(_) | Model::Match(_) => {
                let quoted = self.quote(expression.span);
                failure.with_hint(format!(
                    "a string with digits becomes a number by `{quoted}?number`"
                ))
            }
            _ => failure,
        }
    }

    /// A number as Java's `int`, which ranges and indexes are.
    pub(in crate::ftl::eval) fn integer(&mut self, expression: &'r Expr) -> Result<i64, Failure> {
        let number = self.number(expression)?;
        Ok(java_int(&number))
    }

    #[inline(never)]
    pub(in crate::ftl::eval) fn dotted(
        &mut self,
        target: &'r Expr,
        key: &'r Key,
        span: Span,
    ) -> Evaluated<'r> {
        self.check_stack(span)?;
        let value = self.evaluate_late(target)?;
        match &value {
            Model::Late(late) => self.format_of(late, key.name(), target),
            Model::Hash(Hash::Json(object)) => Ok(match object.get_key(key) {
                Some(node) => Model::from_node(node),
                None => Model::Missing,
            }),
            _ => self.dot(&value, target, key),
        }
    }

    fn dot(&mut self, value: &Model<'r>, target: &'r Expr, key: &'r Key) -> Evaluated<'r> {
        match value {
            Model::Hash(hash) => {
                let found = crate::ftl::builtins::Host::get(self, hash, key.name());
                found.map_err(|fault| self.blame(fault, target.span, target.span, &[]))
            }
            Model::Empty | Model::Nothing => Ok(Model::Missing),
            Model::Missing if self.settings.classic_compatible => Ok(Model::Missing),
            other => {
                let failure = self.wrong_type("a hash", other, target);
                Err(match (other, key.name()) {
                    (Model::Sequence(_), "size" | "length") => {
                        failure.with_hint("the number of items is `?size`")
                    }
                    (Model::Text(_), "length" | "size") => {
                        failure.with_hint("the number of characters is `?length`")
                    }
                    _ => failure,
                })
            }
        }
    }

    #[inline(never)]
    fn hash_literal(&mut self, pairs: &'r [(Expr, Expr)], span: Span) -> Evaluated<'r> {
        self.steps(pairs.len(), span)?;
        let mut map = Map::default();
        for (key, value) in pairs {
            let key = self.text(key)?;
            let value = self.member(value)?;
            map.insert(key, value);
        }
        Ok(Model::Hash(Hash::Made(Rc::new(map))))
    }

    #[inline(never)]
    fn range(&mut self, start: &'r Expr, end: Option<&'r Expr>, kind: RangeKind) -> Evaluated<'r> {
        let start = self.integer(start)?;
        let range = match end {
            None => Range { start, step: 1, length: None, kind },
            Some(end) => bounded(start, self.integer(end)?, kind),
        };
        Ok(Model::Sequence(Sequence::Range(range)))
    }

    /// Runs a call whose target is a value: `f(x)`.
    #[inline(never)]
    fn call_value(&mut self, target: &'r Expr, arguments: &'r [Expr], span: Span) -> Evaluated<'r> {
        self.step(span)?;
        let callee = self.evaluate_late(target)?;
        match &callee {
            Model::Late(late) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.evaluate(argument)?);
                }
                let made = self.call_late(late, &values);
                made.map_err(|fault| self.blame(fault, span, target.span, arguments))
            }
            Model::Callable(Callable::Macro { id, .. }) => self.call_function(*id, arguments, span),
            Model::Callable(callable) => {
                let callable = callable.clone();
                self.call_callable(&callable, arguments, target, span)
            }
            Model::Nothing => {
                for argument in arguments {
                    self.evaluate(argument)?;
                }
                Ok(Model::Missing)
            }
            other => {
                let failure = self.wrong_type("a function or method", other, target);
                Err(explain_call(failure, other, target))
            }
        }
    }

    /// An error of arithmetic at its place.
    #[cold]
    pub(in crate::ftl::eval) fn arithmetic(
        &self,
        error: crate::value::NumberError,
        span: Span,
    ) -> Failure {
        self.fail(TemplateErrorKind::Arithmetic, error.to_string(), span)
    }
}

/// The number's integer part in 32 bits, as Java's `intValue` gives it.
pub(in crate::ftl::eval) fn java_int(number: &Number) -> i64 {
    i64::from(low_32_bits(number.to_i64_wrapping()))
}

fn bounded(start: i64, end: i64, kind: RangeKind) -> Range {
    // A length below zero counts down, and the end of 32-bit numbers wraps, as Java's do.
    let end = match kind {
        RangeKind::Length => i64::from(low_32_bits(start).wrapping_add(low_32_bits(end))),
        _ => end,
    };
    let step = if end < start { -1 } else { 1 };
    let length = end.abs_diff(start) + u64::from(kind == RangeKind::Inclusive);
    Range { start, step, length: Some(length), kind }
}

/// What to use instead of the Java methods that people call.
#[cold]
fn explain_call(failure: Failure, found: &Model<'_>, target: &Expr) -> Failure {
    let ExprKind::Dot { key, .. } = &target.kind else { return failure };
    match (found, key.name()) {
        (Model::Missing, "size" | "length" | "toString" | "get" | "iterator") => {
            let built_in = match key.name() {
                "size" => "?size",
                "length" => "?length",
                "toString" => "?string",
                "get" => "[…]",
                _ => "<#list … as item>",
            };
            failure.with_hint(format!("data has no Java methods; use `{built_in}`"))
        }
        _ => failure,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "Java's narrowing keeps the low bits")]
fn low_32_bits(number: i64) -> i32 {
    number as i32
}
