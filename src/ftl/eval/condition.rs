//! Truth: conditions, `&&`, `||`, `!`, `??`.

use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::operator::holds;
use crate::ftl::model::Model;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::value::Node;

impl<'r> Evaluator<'r> {
    /// The truth of an expression, which must be a boolean.
    pub(in crate::ftl::eval) fn condition(
        &mut self,
        expression: &'r Expr,
    ) -> Result<bool, Failure> {
        match &expression.kind {
            ExprKind::Exists(target) => {
                if let ExprKind::Dot { target, key, .. } = &target.kind
                    && let Some(object) = self.object(target)
                {
                    return Ok(object.get_key(key).is_some_and(|node| !node.is_null()));
                }
                self.check_stack(expression.span)?;
                Ok(!self.evaluate_lenient(target)?.is_missing())
            }
            ExprKind::And(left, right) => {
                self.check_stack(expression.span)?;
                Ok(self.condition(left)? && self.condition(right)?)
            }
            ExprKind::Or(left, right) => {
                self.check_stack(expression.span)?;
                Ok(self.condition(left)? || self.condition(right)?)
            }
            ExprKind::Not(operand) => {
                self.check_stack(expression.span)?;
                self.condition(operand).map(|value| !value)
            }
            ExprKind::Parenthesis(inner) => {
                self.check_stack(expression.span)?;
                self.condition(inner)
            }
            // Whatever its ends are, which are not even looked at.
            ExprKind::Range { .. } => {
                let message = "expected a boolean, found a range";
                Err(self.fail(TemplateErrorKind::WrongType, message, expression.span))
            }
            ExprKind::Binary { operator, left, right } => {
                if let Some(ordering) = self.plain_ordering(left, right) {
                    self.step(expression.span)?;
                    if let Some(holds) = holds(*operator, ordering) {
                        return Ok(holds);
                    }
                }
                match self.binary(*operator, left, right, expression)? {
                    Model::Boolean(value) => Ok(value),
                    other => self.truth(other, expression),
                }
            }
            _ => {
                if let Some(value) = self.json(expression).and_then(Node::as_boolean) {
                    return Ok(value);
                }
                match self.evaluate(expression)? {
                    Model::Boolean(value) => Ok(value),
                    other => self.truth(other, expression),
                }
            }
        }
    }

    /// The truth of a value that is no plain boolean.
    fn truth(&mut self, value: Model<'r>, expression: &'r Expr) -> Result<bool, Failure> {
        match value {
            Model::Boolean(value) => Ok(value),
            Model::Matches(matches) => Ok(matches.whole),
            Model::Nothing => Ok(false),
            value if self.settings.classic_compatible => Ok(!crate::ftl::coerce::is_empty(&value)),
            value => {
                let failure = self.wrong_type("a boolean", &value, expression);
                Err(self.explain_condition(failure, &value, expression))
            }
        }
    }

    /// The trap everybody falls into: `(x)!'' == 'y'` is `(x)!('' == 'y')`.
    #[cold]
    fn explain_condition(&self, failure: Failure, found: &Model<'r>, expression: &Expr) -> Failure {
        if let ExprKind::Default { target, fallback: Some(fallback) } = &expression.bare().kind
            && let ExprKind::Binary { left, .. } | ExprKind::And(left, _) | ExprKind::Or(left, _) =
                &fallback.kind
        {
            let source = &self.place.program.source;
            let rest =
                source.slice(crate::text::Span { start: left.span.end, end: fallback.span.end });
            let (target, default) = (self.quote(target.span), self.quote(left.span));
            return failure.with_hint(format!(
                "`!` takes everything to its right as the default, so `{target}` was not compared; \
                 write `(({target})!{default}){rest}`"
            ));
        }
        match found {
            Model::Text(text) if matches!(&**text, "true" | "false") => {
                let quoted = self.quote(expression.span);
                failure.with_hint(format!(
                    "the string \"{}\" becomes a boolean by `{quoted}?boolean`",
                    &**text
                ))
            }
            Model::Text(_) | Model::Sequence(_) | Model::Hash(_) => {
                let quoted = self.quote(expression.span);
                failure.with_hint(format!(
                    "whether there is something in it says `{quoted}?has_content`"
                ))
            }
            Model::Number(_) if self.ends_at_greater_sign(expression) => failure.with_hint(
                "`>` ends the tag; write `gt` for it and `gte` for `>=`, or parentheses around",
            ),
            _ => failure,
        }
    }

    /// Whether a condition may have been meant to go on: `<#if x > 2>`.
    fn ends_at_greater_sign(&self, expression: &Expr) -> bool {
        let text = self.place.program.source.text();
        let rest = text.get(expression.span.end as usize..).unwrap_or_default().trim_start();
        let line = rest.strip_prefix('>').and_then(|rest| rest.split(['<', '\n']).next());
        line.is_some_and(|line| line.contains('>'))
    }

    /// The kind of error for values that can't be compared or calculated with.
    pub(in crate::ftl::eval) const TYPE_ERROR: TemplateErrorKind = TemplateErrorKind::WrongType;
}
