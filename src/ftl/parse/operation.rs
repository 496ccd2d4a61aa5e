//! Operators of two sides, by precedence. Operands wait on a stack of their own, so that long
//! expressions don't need a deep one.

use crate::ftl::ast::ExprKind;
use crate::ftl::ast::RangeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::literal::Literal;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stopped;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::token::Level;
use crate::ftl::parse::token::Operator;

/// So many operands of `&&` or `||` stay as written; more become a balanced tree, which gives the
/// same and isn't high.
const MAX_PLAIN_OPERANDS: usize = 8;

/// Operators that wait for their right side, loosest first, each with its left side.
#[derive(Default)]
struct Waiting {
    operands: Vec<Tall>,
    operators: Vec<Operator>,
    /// What was read last is `a..`, which only looser operators can follow.
    is_endless: bool,
}

impl Waiting {
    /// `a == b == c` and `1..2..3` end before the second operator, which nothing takes then.
    fn lets_follow(&self, next: Operator) -> bool {
        let level = next.level();
        let mut tight = self.operators.iter().rev().take_while(|it| it.level() >= level);
        let repeats = !level.chains() && tight.any(|it| it.level() == level);
        !repeats && (!self.is_endless || level < Level::Range)
    }
}

impl<'s> Parser<'s, '_> {
    /// An expression, perhaps with the first operand read.
    pub(crate) fn or(&self, rest: &'s str, first: Option<Tall>) -> Parsed<'s, Tall> {
        let mut waiting = Waiting::default();
        let (mut rest, mut operand) = match first {
            Some(first) => (rest, first),
            None => self.operand(rest)?,
        };
        loop {
            let ended;
            (rest, ended) = self.operator_behind(rest, &mut waiting, operand)?;
            match ended {
                Some(whole) => return Ok((rest, whole)),
                None => (rest, operand) = sure(self.operand(rest))?,
            }
        }
    }

    /// Takes in an operand and the operator behind it; gives the whole expression when there is none.
    fn operator_behind(
        &self,
        rest: &'s str,
        waiting: &mut Waiting,
        operand: Tall,
    ) -> Parsed<'s, Option<Tall>> {
        let (mut rest, mut operand) = (rest, operand);
        waiting.is_endless = false;
        loop {
            let (ahead, ()) = self.skip(rest)?;
            let next = self.operator(ahead).filter(|(next, _)| waiting.lets_follow(*next));
            let Some((mut operator, length)) = next else {
                let whole = self.settle(rest, waiting, operand, None)?;
                return Ok((rest, Some(whole)));
            };
            operand = self.settle(rest, waiting, operand, Some(operator))?;
            rest = &ahead[length..];
            if operator == Operator::Range(RangeKind::Endless) {
                let (ahead, ()) = self.skip(rest)?;
                let is_sign = ahead.starts_with('!') && !self.starts_negation(ahead);
                if is_sign || !self.starts_operand(ahead) {
                    operand = self.endless(rest, operand)?;
                    waiting.is_endless = true;
                    continue;
                }
                operator = Operator::Range(RangeKind::Inclusive);
            }
            waiting.operands.push(operand);
            waiting.operators.push(operator);
            return Ok((rest, None));
        }
    }

    /// Joins what binds at least as tightly as the operator that comes next.
    fn settle(
        &self,
        rest: &'s str,
        waiting: &mut Waiting,
        mut right: Tall,
        next: Option<Operator>,
    ) -> Checked<'s, Tall> {
        while let Some(operator) = waiting.operators.pop() {
            let waits_on = next.is_some_and(|next| {
                let is_logic = matches!(operator, Operator::And | Operator::Or);
                operator.level() < next.level() || (is_logic && operator == next)
            });
            let left = if waits_on { None } else { waiting.operands.pop() };
            let Some(left) = left else {
                waiting.operators.push(operator);
                break;
            };
            right = match operator {
                Operator::And | Operator::Or => {
                    self.logic(rest, waiting, operator, vec![right, left])?
                }
                Operator::Range(kind) => {
                    self.check_number(&left.expr)?;
                    self.check_number(&right.expr)?;
                    self.pair(rest, left, right, |start, end| ExprKind::Range {
                        start,
                        end: Some(end),
                        kind,
                    })?
                }
                Operator::Binary(operator) => {
                    self.check_operands(operator, &left.expr, &right.expr)?;
                    let kind = |left, right| ExprKind::Binary { operator, left, right };
                    self.pair(rest, left, right, kind)?
                }
            };
        }
        Ok(right)
    }

    /// All operands of `a && b && …`; `operands` has the last two, backwards.
    fn logic(
        &self,
        rest: &'s str,
        waiting: &mut Waiting,
        operator: Operator,
        mut operands: Vec<Tall>,
    ) -> Checked<'s, Tall> {
        while waiting.operators.pop_if(|waits| *waits == operator).is_some() {
            operands.extend(waiting.operands.pop());
        }
        operands.reverse();
        for operand in &operands {
            self.check_literal(&operand.expr, &[Literal::Boolean], "a boolean")?;
        }
        let kind = |left, right| match operator {
            Operator::And => ExprKind::And(left, right),
            _ => ExprKind::Or(left, right),
        };
        let is_long = operands.len() > MAX_PLAIN_OPERANDS;
        while is_long && operands.len() > 1 {
            let mut halved = Vec::with_capacity(operands.len().div_ceil(2));
            let mut pairs = operands.into_iter();
            while let Some(left) = pairs.next() {
                halved.push(match pairs.next() {
                    Some(right) => self.pair(rest, left, right, kind)?,
                    None => left,
                });
            }
            operands = halved;
        }
        let mut operands = operands.into_iter();
        let first = operands.next().ok_or_else(|| stopped(rest, "an expression"))?;
        operands.try_fold(first, |joined, right| self.pair(rest, joined, right, kind))
    }

    /// `a..`
    fn endless(&self, rest: &'s str, start: Tall) -> Checked<'s, Tall> {
        self.check_number(&start.expr)?;
        let kind = RangeKind::Endless;
        self.around(rest, start, |start| ExprKind::Range { start, end: None, kind })
    }
}
