//! Expressions: operators by precedence, and what follows a value.

use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::parse::CHAIN_FACTOR;
use crate::ftl::parse::Parser;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::State;
use crate::ftl::parse::token::is_reserved;
use crate::ftl::parse::token::plain;
use crate::ftl::parse::token::word;
use crate::text::Span;

/// An expression and the height of its tree, which is limited.
#[derive(Debug)]
pub(crate) struct Tall {
    pub(crate) expr: Box<Expr>,
    pub(crate) height: usize,
}

impl Tall {
    /// An expression without parts.
    pub(crate) fn leaf(kind: ExprKind, span: Span) -> Self {
        Self::new(kind, span, 1)
    }

    pub(crate) fn new(kind: ExprKind, span: Span, height: usize) -> Self {
        Self { expr: Box::new(Expr { kind, span }), height }
    }

    pub(crate) fn span(&self) -> Span {
        self.expr.span
    }
}

/// The heights of the trees in a list of arguments, all in one.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) items: Vec<Expr>,
    pub(crate) height: usize,
}

impl Arguments {
    pub(crate) fn push(&mut self, item: Tall) {
        self.height = self.height.max(item.height);
        self.items.push(*item.expr);
    }
}

impl<'s> Parser<'s, '_> {
    /// An expression, as high as it may be.
    pub(crate) fn expression(&self, rest: &'s str) -> Parsed<'s, Expr> {
        let (rest, tall) = sure(self.tall_expression(rest))?;
        Ok((rest, *tall.expr))
    }

    pub(crate) fn tall_expression(&self, rest: &'s str) -> Parsed<'s, Tall> {
        self.nested(rest, |rest| self.or(rest, None))
    }

    /// `-x`, `+x`, `!x`, `x`.
    pub(crate) fn operand(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (start, ()) = self.skip(rest)?;
        let bytes = start.as_bytes();
        match bytes {
            [b'+', after, ..] if !matches!(after, b'+' | b'=') => {
                self.signed(start, ExprKind::Plus)
            }
            [b'-', after, ..] if !matches!(after, b'-' | b'=' | b'>') => {
                self.signed(start, ExprKind::Negate)
            }
            [b'!', after, ..] if *after != b'=' => self.not(start),
            _ => self.primary(start),
        }
    }

    fn signed(&self, start: &'s str, kind: fn(Box<Expr>) -> ExprKind) -> Parsed<'s, Tall> {
        let (rest, inner) = sure(self.primary(&start[1..]))?;
        let height = self.taller(rest, inner.height)?;
        Ok((rest, Tall::new(kind(inner.expr), self.span(start, rest), height)))
    }

    fn not(&self, start: &'s str) -> Parsed<'s, Tall> {
        let mut signs = Vec::new();
        let mut rest = start;
        while let Some(after) = self.exclamation(rest) {
            signs.push(rest);
            (rest, ()) = self.skip(after)?;
        }
        let (rest, mut inner) = sure(self.primary(rest))?;
        for sign in signs.into_iter().rev() {
            let height = self.taller(rest, inner.height)?;
            let kind = ExprKind::Not(inner.expr);
            inner = Tall::new(kind, self.span(sign, rest), height);
        }
        Ok((rest, inner))
    }

    /// `!`, but not `!=`, nor the `!` that ends a named argument.
    pub(crate) fn exclamation(&self, rest: &'s str) -> Option<&'s str> {
        let after = rest.strip_prefix('!')?;
        let ends = self.lexing.get().state == State::Argument && after.starts_with(BLANKS);
        (!ends && !after.starts_with('=')).then_some(after)
    }

    /// A value and what follows it.
    fn primary(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (rest, atom) = self.atom(rest)?;
        self.postfix(rest, atom)
    }

    /// Whether an expression starts here.
    pub(crate) fn starts_operand(&self, rest: &'s str) -> bool {
        let next = rest.as_bytes().get(1).copied().unwrap_or_default();
        match rest.as_bytes().first() {
            Some(b'0'..=b'9' | b'"' | b'\'' | b'{' | b'(') => true,
            Some(b'[') => next != b'=',
            Some(b'.') => next != b'.',
            Some(b'+') => !matches!(next, b'+' | b'='),
            Some(b'-') => !matches!(next, b'-' | b'=' | b'>') && !rest.starts_with("-&gt;"),
            Some(b'!') => self.exclamation(rest).is_some(),
            Some(b'r') if matches!(next, b'"' | b'\'') => true,
            Some(_) => word(rest)
                .is_some_and(|(name, _)| matches!(name, "true" | "false") || !is_reserved(name)),
            None => false,
        }
    }

    /// A value without anything behind it.
    fn atom(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (rest, ()) = self.skip(rest)?;
        if ["${", "#{", "[="].iter().any(|opening| rest.starts_with(opening)) {
            let error = self
                .mistake(
                    self.span(rest, &rest[2..]),
                    format!("expected an expression, found `{}`", &rest[..2]),
                )
                .with_hint("inside a tag or an interpolation, a variable is just its name: `x`");
            return Err(self.refuse(error));
        }
        match rest.as_bytes().first() {
            Some(b'0'..=b'9') => self.number(rest),
            Some(b'"' | b'\'') => self.string(rest),
            Some(b'r') if rest[1..].starts_with(['"', '\'']) => self.raw_string(rest),
            Some(b'[') => self.list_literal(rest),
            Some(b'{') => self.hash_literal(rest),
            Some(b'(') => self.parenthesis(rest),
            Some(b'.') => self.special(rest),
            _ => match word(rest) {
                Some((name @ ("true" | "false"), tail)) => {
                    let kind = ExprKind::Boolean(name == "true");
                    Ok((tail, Tall::leaf(kind, self.span(rest, tail))))
                }
                Some((name, tail)) if !is_reserved(name) => {
                    let kind = ExprKind::Name(plain(name));
                    Ok((tail, Tall::leaf(kind, self.span(rest, tail))))
                }
                Some(_) => stop(rest, "an expression, which starts with a name or a value"),
                None => stop(rest, "an expression"),
            },
        }
    }

    fn parenthesis(&self, start: &'s str) -> Parsed<'s, Tall> {
        self.open_parenthesis();
        let (rest, inner) = sure(self.tall_expression(&start[1..]))?;
        let (rest, ()) = sure(self.sign(rest, ")", "`)`"))?;
        self.close_parenthesis();
        let tall = self.in_parentheses(start, rest, inner)?;
        Ok((rest, tall))
    }

    pub(crate) fn in_parentheses(
        &self,
        start: &'s str,
        rest: &'s str,
        inner: Tall,
    ) -> Checked<'s, Tall> {
        let height = self.taller(rest, inner.height)?;
        let kind = ExprKind::Parenthesis(inner.expr);
        Ok(Tall::new(kind, self.span(start, rest), height))
    }

    /// One level on top of a tree that high.
    pub(crate) fn taller(&self, rest: &'s str, height: usize) -> Checked<'s, usize> {
        let most = self.shared.settings.limits.max_nesting.saturating_mul(CHAIN_FACTOR);
        if height < most {
            return Ok(height + 1);
        }
        let message = format!("the expression has more than {most} steps inside each other");
        let error = self
            .limit(self.span(rest, rest), message)
            .with_hint("split it with `<#assign>`; the setting `max_nesting` is half the limit");
        Err(self.refuse(error))
    }

    /// An expression around another that ends at `rest`.
    pub(crate) fn around(
        &self,
        rest: &'s str,
        inner: Tall,
        kind: impl FnOnce(Box<Expr>) -> ExprKind,
    ) -> Checked<'s, Tall> {
        let span = inner.span().to(self.span(rest, rest));
        let height = self.taller(rest, inner.height)?;
        Ok(Tall::new(kind(inner.expr), span, height))
    }

    /// An expression of two.
    pub(crate) fn pair(
        &self,
        rest: &'s str,
        left: Tall,
        right: Tall,
        kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Checked<'s, Tall> {
        let span = left.span().to(right.span());
        let height = self.taller(rest, left.height.max(right.height))?;
        Ok(Tall::new(kind(left.expr, right.expr), span, height))
    }
}
