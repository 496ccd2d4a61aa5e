//! The values of expressions that are known while parsing: parameters of `<#ftl>`,
//! `<#outputformat>` and `<#include>`.

use std::cmp::Ordering;

use crate::ftl::ast::BinaryOperator;
use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::value::Number;

/// A value known while parsing.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    Text(String),
    Number(Number),
    Boolean(bool),
    List,
    Hash,
}

/// The value, if it doesn't depend on data or settings.
pub(crate) fn constant(expr: &Expr) -> Option<Constant> {
    match &expr.kind {
        ExprKind::Text(text) => Some(Constant::Text(text.clone())),
        ExprKind::Number(number) => Some(Constant::Number(number.clone())),
        ExprKind::Boolean(boolean) => Some(Constant::Boolean(*boolean)),
        ExprKind::Parenthesis(inner) => constant(inner),
        ExprKind::Default { target, .. } => constant(target),
        ExprKind::Exists(target) => constant(target).map(|_| Constant::Boolean(true)),
        ExprKind::List(items) => all_constant(items.iter()).then_some(Constant::List),
        ExprKind::Hash(entries) => {
            all_constant(entries.iter().flat_map(|(key, value)| [key, value]))
                .then_some(Constant::Hash)
        }
        ExprKind::Negate(inner) => match constant(inner)? {
            Constant::Number(number) => Some(Constant::Number(number.negate())),
            _ => None,
        },
        ExprKind::Not(inner) => Some(Constant::Boolean(!boolean(inner)?)),
        ExprKind::And(left, right) => Some(Constant::Boolean(boolean(left)? && boolean(right)?)),
        ExprKind::Or(left, right) => Some(Constant::Boolean(boolean(left)? || boolean(right)?)),
        ExprKind::Binary { operator, left, right } => {
            calculate(*operator, constant(left)?, constant(right)?)
        }
        _ => None,
    }
}

fn all_constant<'e>(mut exprs: impl Iterator<Item = &'e Expr>) -> bool {
    exprs.all(|expr| constant(expr).is_some())
}

fn boolean(expr: &Expr) -> Option<bool> {
    match constant(expr)? {
        Constant::Boolean(boolean) => Some(boolean),
        _ => None,
    }
}

fn calculate(operator: BinaryOperator, left: Constant, right: Constant) -> Option<Constant> {
    use BinaryOperator as B;
    use Constant as C;
    let order = match (&left, &right) {
        (C::Text(left), C::Text(right)) => (left == right).then_some(Ordering::Equal),
        (C::Boolean(left), C::Boolean(right)) => (left == right).then_some(Ordering::Equal),
        (C::Number(left), C::Number(right)) => left.compare(right),
        _ => return None,
    };
    let is_number = matches!(left, C::Number(_));
    let holds = match operator {
        B::Equal => order == Some(Ordering::Equal),
        B::NotEqual => order != Some(Ordering::Equal),
        B::Less if is_number => order == Some(Ordering::Less),
        B::LessOrEqual if is_number => order.is_some_and(Ordering::is_le),
        B::Greater if is_number => order == Some(Ordering::Greater),
        B::GreaterOrEqual if is_number => order.is_some_and(Ordering::is_ge),
        _ => {
            return match (operator, left, right) {
                (B::Add, C::Text(left), C::Text(right)) => Some(C::Text(left + &right)),
                (B::Add, C::Number(left), C::Number(right)) => left.add(&right).ok().map(C::Number),
                (B::Subtract, C::Number(left), C::Number(right)) => {
                    left.subtract(&right).ok().map(C::Number)
                }
                _ => None,
            };
        }
    };
    Some(C::Boolean(holds))
}

/// `yes`, `no` and their kin, which old templates use for booleans.
pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" => Some(true),
        "n" | "no" | "f" | "false" => Some(false),
        _ => None,
    }
}
