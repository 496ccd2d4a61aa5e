//! `<#escape x as …>`: puts what is printed into the escape's expression, in place of `x`.

use std::rc::Rc;

use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::parse::CHAIN_FACTOR;
use crate::ftl::parse::Parser;
use crate::ftl::parse::built_in::is_about_loop;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::stop::Checked;

/// How many expressions the escapes of a template may make: each copy takes memory, and escapes in
/// escapes multiply.
const MAX_COPIES: usize = 1_000_000;

/// An escape that is in effect.
#[derive(Clone, Debug)]
pub(crate) struct Escape {
    pub(crate) variable: String,
    /// With the escapes around applied.
    pub(crate) expr: Rc<Expr>,
}

impl<'s> Parser<'s, '_> {
    /// What is printed for `value`.
    pub(crate) fn escaped(&self, rest: &'s str, value: Tall) -> Checked<'s, Tall> {
        let Some(escape) = self.escapes.borrow().last().cloned() else { return Ok(value) };
        let most = self.shared.settings.limits.max_nesting.saturating_mul(CHAIN_FACTOR);
        let mut filling = Filling {
            variable: &escape.variable,
            value: &value,
            budget: MAX_COPIES - self.shared.copies.get(),
            most_levels: most.saturating_sub(value.height),
            height: 0,
        };
        let filled = filling.fill(&escape.expr, 1);
        let (budget, height) = (filling.budget, filling.height);
        self.shared.copies.set(MAX_COPIES - budget);
        match filled {
            Ok(expr) => Ok(Tall { expr: Box::new(expr), height }),
            Err(Refusal::Parameter) => {
                let message =
                    format!("expected another name than the escape's `{}` here", escape.variable);
                let hint = "it is also a parameter of a lambda in the escape's expression";
                Err(self.refuse(self.mistake(escape.expr.span, message).with_hint(hint)))
            }
            Err(Refusal::TooMuch) => {
                let message = "the escapes around make this expression too large";
                Err(self.refuse(self.limit(self.span(rest, rest), message)))
            }
        }
    }
}

/// Why an escape can't be applied.
enum Refusal {
    Parameter,
    TooMuch,
}

struct Filling<'e> {
    variable: &'e str,
    value: &'e Tall,
    budget: usize,
    most_levels: usize,
    height: usize,
}

impl Filling<'_> {
    fn fill(&mut self, expr: &Expr, level: usize) -> Result<Expr, Refusal> {
        self.budget = self.budget.checked_sub(1).ok_or(Refusal::TooMuch)?;
        if level > self.most_levels {
            return Err(Refusal::TooMuch);
        }
        self.height = self.height.max(level);
        let kind = match &expr.kind {
            ExprKind::Name(name) if name == self.variable => {
                self.budget =
                    self.budget.checked_sub(size(&self.value.expr)).ok_or(Refusal::TooMuch)?;
                self.height = self.height.max(level + self.value.height);
                return Ok((*self.value.expr).clone());
            }
            ExprKind::Lambda { parameters, .. }
                if parameters.iter().any(|it| it == self.variable) =>
            {
                return Err(Refusal::Parameter);
            }
            kind => self.fill_kind(kind, level + 1)?,
        };
        Ok(Expr { kind, span: expr.span })
    }

    fn boxed(&mut self, expr: &Expr, level: usize) -> Result<Box<Expr>, Refusal> {
        Ok(Box::new(self.fill(expr, level)?))
    }

    fn all(&mut self, exprs: &[Expr], level: usize) -> Result<Vec<Expr>, Refusal> {
        exprs.iter().map(|expr| self.fill(expr, level)).collect()
    }

    fn fill_kind(&mut self, kind: &ExprKind, level: usize) -> Result<ExprKind, Refusal> {
        use ExprKind as K;
        Ok(match kind {
            // Interpolations in texts are left alone, as FreeMarker does.
            K::Text(_)
            | K::TextTemplate(_)
            | K::Number(_)
            | K::Boolean(_)
            | K::Name(_)
            | K::Special(_) => kind.clone(),
            K::List(items) => K::List(self.all(items, level)?),
            K::Hash(entries) => K::Hash(
                entries
                    .iter()
                    .map(|(key, value)| Ok((self.fill(key, level)?, self.fill(value, level)?)))
                    .collect::<Result<_, Refusal>>()?,
            ),
            K::Range { start, end, kind } => {
                let start = self.boxed(start, level)?;
                let end = end.as_ref().map(|end| self.boxed(end, level)).transpose()?;
                K::Range { start, end, kind: *kind }
            }
            K::Dot { target, name, name_span } => {
                let (name, name_span) = (name.clone(), *name_span);
                K::Dot { target: self.boxed(target, level)?, name, name_span }
            }
            K::Index { target, index } => {
                K::Index { target: self.boxed(target, level)?, index: self.boxed(index, level)? }
            }
            K::Call { target, arguments } => K::Call {
                target: self.boxed(target, level)?,
                arguments: self.all(arguments, level)?,
            },
            // A question about a loop names the loop's variable, even where the escape has that name.
            K::BuiltIn { name, .. } if is_about_loop(name) => kind.clone(),
            K::BuiltIn { target, name, name_span } => {
                let (name, name_span) = (name.clone(), *name_span);
                K::BuiltIn { target: self.boxed(target, level)?, name, name_span }
            }
            K::Default { target, fallback } => {
                let target = self.boxed(target, level)?;
                let fallback =
                    fallback.as_ref().map(|fallback| self.boxed(fallback, level)).transpose()?;
                K::Default { target, fallback }
            }
            K::Exists(inner) => K::Exists(self.boxed(inner, level)?),
            K::Not(inner) => K::Not(self.boxed(inner, level)?),
            K::Negate(inner) => K::Negate(self.boxed(inner, level)?),
            K::Plus(inner) => K::Plus(self.boxed(inner, level)?),
            K::Binary { operator, left, right } => {
                let (left, right) = (self.boxed(left, level)?, self.boxed(right, level)?);
                K::Binary { operator: *operator, left, right }
            }
            K::And(left, right) => K::And(self.boxed(left, level)?, self.boxed(right, level)?),
            K::Or(left, right) => K::Or(self.boxed(left, level)?, self.boxed(right, level)?),
            K::Lambda { parameters, body } => {
                K::Lambda { parameters: parameters.clone(), body: self.boxed(body, level)? }
            }
            K::Parenthesis(inner) => K::Parenthesis(self.boxed(inner, level)?),
        })
    }
}

/// How many expressions a tree has.
fn size(expr: &Expr) -> usize {
    use ExprKind as K;
    let sum = |exprs: &[Expr]| exprs.iter().map(size).sum::<usize>();
    1 + match &expr.kind {
        K::Text(_) | K::Number(_) | K::Boolean(_) | K::Name(_) | K::Special(_) => 0,
        K::TextTemplate(parts) => parts.len(),
        K::List(items) => sum(items),
        K::Hash(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        K::Range { start, end, .. } => size(start) + end.as_ref().map_or(0, |end| size(end)),
        K::Index { target, index } => size(target) + size(index),
        K::Call { target, arguments } => size(target) + sum(arguments),
        K::Default { target, fallback } => {
            size(target) + fallback.as_ref().map_or(0, |fallback| size(fallback))
        }
        K::Dot { target: inner, .. }
        | K::BuiltIn { target: inner, .. }
        | K::Exists(inner)
        | K::Not(inner)
        | K::Negate(inner)
        | K::Plus(inner)
        | K::Lambda { body: inner, .. }
        | K::Parenthesis(inner) => size(inner),
        K::Binary { left, right, .. } | K::And(left, right) | K::Or(left, right) => {
            size(left) + size(right)
        }
    }
}
