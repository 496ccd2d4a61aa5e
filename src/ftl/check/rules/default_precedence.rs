//! `(x)!'' == 'Y'`: `!` takes everything behind it as the default, `'' == 'Y'` here.

use crate::ftl::check::finding::Rule;
use crate::ftl::check::rules::Inspector;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::text::Span;

impl<'p> Inspector<'_, '_, 'p> {
    pub(in crate::ftl::check::rules) fn default_precedence(
        &mut self,
        target: &'p Expr,
        fallback: Option<&'p Expr>,
    ) {
        let Some(fallback) = fallback else { return };
        let operand = match &fallback.kind {
            ExprKind::Binary { .. } | ExprKind::And(..) | ExprKind::Or(..) => leftmost(fallback),
            // `x! - 1` is `x!(-1)`; `x!-1` says so.
            ExprKind::Negate(operand) | ExprKind::Plus(operand)
                if self.has_blanks(fallback.span.start, operand.span.start) =>
            {
                operand
            }
            _ => return,
        };
        let (whole, default) = (target.span.to(fallback.span), self.quote(fallback));
        let is_sign = matches!(fallback.kind, ExprKind::Negate(_) | ExprKind::Plus(_));
        let shown = self.quote(target);
        let cure = if is_sign {
            format!("write `({shown}!) {default}`")
        } else {
            let first = self.quote(operand);
            let rest = self.program.source.slice(Span { start: operand.span.end, ..fallback.span });
            format!("write `({shown}!{first}){rest}`")
        };
        let message = format!("the default of `{shown}` is all of `{default}`");
        let finding = crate::ftl::check::finding::Finding::new(
            Rule::DefaultPrecedence,
            message,
            &self.program.source,
            whole,
        );
        self.findings.push(finding.with_hint(cure));
    }

    fn has_blanks(&self, sign: u32, operand: u32) -> bool {
        let between = self.program.source.slice(Span { start: sign + 1, end: operand });
        !between.is_empty() && between.chars().all(char::is_whitespace)
    }
}

/// What stands first in a row of operators: most likely all that was meant to be the default.
fn leftmost(expression: &Expr) -> &Expr {
    let mut operand = expression;
    while let ExprKind::Binary { left, .. } | ExprKind::And(left, _) | ExprKind::Or(left, _) =
        &operand.kind
    {
        operand = left;
    }
    operand
}
