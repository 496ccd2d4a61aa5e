//! Expressions: operators by precedence, and what follows a value.

use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::ast::RangeKind;
use crate::ftl::parse::CHAIN_FACTOR;
use crate::ftl::parse::Parser;
use crate::ftl::parse::literal::Literal;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::stopped;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::Level;
use crate::ftl::parse::token::Operator;
use crate::ftl::parse::token::State;
use crate::ftl::parse::token::is_reserved;
use crate::ftl::parse::token::plain;
use crate::ftl::parse::token::word;
use crate::text::Span;

/// So many operands of `&&` or `||` stay as written; more become a balanced tree, which gives the
/// same and isn't high.
const MAX_PLAIN_OPERANDS: usize = 8;

/// An expression and the height of its tree, which is limited.
#[derive(Debug)]
pub(crate) struct Tall {
    pub(crate) expr: Expr,
    pub(crate) height: usize,
}

impl Tall {
    /// An expression without parts.
    pub(crate) fn leaf(kind: ExprKind, span: Span) -> Self {
        Self { expr: Expr { kind, span }, height: 1 }
    }

    pub(crate) fn span(&self) -> Span {
        self.expr.span
    }

    fn boxed(self) -> Box<Expr> {
        Box::new(self.expr)
    }
}

/// The heights of the trees in a list of arguments, all in one.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) items: Vec<Expr>,
    pub(crate) height: usize,
}

impl Arguments {
    fn push(&mut self, item: Tall) {
        self.height = self.height.max(item.height);
        self.items.push(item.expr);
    }
}

impl<'s> Parser<'s, '_> {
    /// An expression, as high as it may be.
    pub(crate) fn expression(&self, rest: &'s str) -> Parsed<'s, Expr> {
        let (rest, tall) = sure(self.tall_expression(rest))?;
        Ok((rest, tall.expr))
    }

    pub(crate) fn tall_expression(&self, rest: &'s str) -> Parsed<'s, Tall> {
        self.nested(rest, |rest| self.binary(rest, Level::Or, None))
    }

    /// Operators that bind at least as tightly as `loosest`, perhaps with the first operand read.
    fn binary(&self, rest: &'s str, loosest: Level, first: Option<Tall>) -> Parsed<'s, Tall> {
        let (mut rest, mut left) = match first {
            Some(first) => (rest, first),
            None => self.operand(rest)?,
        };
        let mut tightest = Level::Product;
        loop {
            let (ahead, ()) = self.skip(rest)?;
            let Some((operator, length)) = self.operator(ahead) else { break };
            let level = operator.level();
            if level < loosest || level > tightest {
                break;
            }
            let after = &ahead[length..];
            (rest, left) = match operator {
                Operator::And | Operator::Or => self.logic(ahead, left, operator)?,
                Operator::Range(kind) => self.range(after, left, kind)?,
                Operator::Binary(operator) => {
                    let (rest, right) = sure(self.binary(after, level.tighter(), None))?;
                    self.check_operands(operator, &left.expr, &right.expr)?;
                    let kind = |left, right| ExprKind::Binary { operator, left, right };
                    (rest, self.pair(rest, left, right, kind)?)
                }
            };
            tightest = level;
            if !level.chains() {
                // Nothing of this level may follow, and what binds tighter was read.
                tightest = match level {
                    Level::Equality => Level::And,
                    Level::Relation => Level::Equality,
                    _ => Level::Relation,
                };
            }
        }
        Ok((rest, left))
    }

    /// The operands of `a && b && …`, from the first operator on.
    fn logic(&self, rest: &'s str, first: Tall, operator: Operator) -> Parsed<'s, Tall> {
        let mut operands = vec![first];
        let mut rest = rest;
        loop {
            let (ahead, ()) = self.skip(rest)?;
            let Some((next, length)) = self.operator(ahead).filter(|(next, _)| *next == operator)
            else {
                break;
            };
            let right;
            (rest, right) = sure(self.binary(&ahead[length..], next.level().tighter(), None))?;
            operands.push(right);
        }
        for operand in &operands {
            self.check_literal(&operand.expr, &[Literal::Boolean], "a boolean")?;
        }
        let joined = self.join(rest, operands, operator)?;
        Ok((rest, joined))
    }

    fn join(
        &self,
        rest: &'s str,
        mut operands: Vec<Tall>,
        operator: Operator,
    ) -> Checked<'s, Tall> {
        let kind = |left, right| match operator {
            Operator::And => ExprKind::And(left, right),
            _ => ExprKind::Or(left, right),
        };
        if operands.len() <= MAX_PLAIN_OPERANDS {
            let mut rest_of = operands.into_iter();
            let Some(mut joined) = rest_of.next() else {
                return Err(stopped(rest, "an expression"));
            };
            for right in rest_of {
                joined = self.pair(rest, joined, right, kind)?;
            }
            return Ok(joined);
        }
        while operands.len() > 1 {
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
        match operands.pop() {
            Some(joined) => Ok(joined),
            None => Err(stopped(rest, "an expression")),
        }
    }

    /// What follows `..`: an end, except for `a..`.
    fn range(&self, rest: &'s str, start: Tall, kind: RangeKind) -> Parsed<'s, Tall> {
        let (ahead, ()) = self.skip(rest)?;
        if kind == RangeKind::Endless && !self.starts_operand(ahead) {
            self.check_number(&start.expr)?;
            let span = start.span().to(self.span(rest, rest));
            let height = self.taller(rest, start.height)?;
            let kind = ExprKind::Range { start: start.boxed(), end: None, kind };
            return Ok((rest, Tall { expr: Expr { kind, span }, height }));
        }
        let kind = if kind == RangeKind::Endless { RangeKind::Inclusive } else { kind };
        let (rest, end) = sure(self.binary(ahead, Level::Sum, None))?;
        self.check_number(&start.expr)?;
        self.check_number(&end.expr)?;
        let range = self.pair(rest, start, end, |start, end| ExprKind::Range {
            start,
            end: Some(end),
            kind,
        })?;
        Ok((rest, range))
    }

    /// `-x`, `+x`, `!x`, `x`.
    fn operand(&self, rest: &'s str) -> Parsed<'s, Tall> {
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
        let expr = Expr { span: self.span(start, rest), kind: kind(inner.boxed()) };
        Ok((rest, Tall { expr, height }))
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
            let kind = ExprKind::Not(inner.boxed());
            inner = Tall { expr: Expr { span: self.span(sign, rest), kind }, height };
        }
        Ok((rest, inner))
    }

    /// `!`, but not `!=`, nor the `!` that ends a named argument.
    fn exclamation(&self, rest: &'s str) -> Option<&'s str> {
        let after = rest.strip_prefix('!')?;
        let ends = self.lexing.get().state == State::Argument && after.starts_with(BLANKS);
        (!ends && !after.starts_with('=')).then_some(after)
    }

    /// A value and what follows it.
    fn primary(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (rest, atom) = self.atom(rest)?;
        self.postfix(rest, atom)
    }

    fn postfix(&self, rest: &'s str, first: Tall) -> Parsed<'s, Tall> {
        let (mut rest, mut target) = (rest, first);
        loop {
            let (ahead, ()) = self.skip(rest)?;
            (rest, target) = match ahead.as_bytes() {
                [b'.', after, ..] if *after != b'.' => self.dot(ahead, target)?,
                [b'[', after, ..] if *after != b'=' => self.index(ahead, target)?,
                [b'(', ..] => self.method_call(ahead, target)?,
                [b'?', b'?', ..] => {
                    let rest = &ahead[2..];
                    (rest, self.around(rest, target, ExprKind::Exists)?)
                }
                [b'?', ..] => self.built_in(ahead, target)?,
                [b'!', after, ..] if *after != b'=' => self.default(ahead, target)?,
                [b'!'] => self.default(ahead, target)?,
                _ => return Ok((rest, target)),
            };
        }
    }

    fn dot(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let (rest, ()) = self.skip(&start[1..])?;
        let (tail, name) = if let Some(tail) = rest.strip_prefix("**") {
            (tail, "**".to_owned())
        } else if let Some(tail) = rest.strip_prefix('*').filter(|tail| !tail.starts_with('=')) {
            (tail, "*".to_owned())
        } else {
            match word(rest) {
                Some((name, tail)) => (tail, plain(name)),
                None => return sure(stop(rest, "the name of a key")),
            }
        };
        self.check_literal(&target.expr, &[Literal::Number, Literal::Hash], "a hash")?;
        let name_span = self.span(rest, tail);
        let kind = |target| ExprKind::Dot { target, name, name_span };
        Ok((tail, self.around(tail, target, kind)?))
    }

    fn index(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let (rest, index) = sure(self.tall_expression(&start[1..]))?;
        let (rest, ()) = sure(self.sign(rest, "]", "`]`"))?;
        let allowed = [Literal::Text, Literal::List, Literal::Hash];
        self.check_literal(&target.expr, &allowed, "a list or a hash")?;
        let span = target.span().to(self.span(rest, rest));
        let height = self.taller(rest, target.height.max(index.height))?;
        let kind = ExprKind::Index { target: target.boxed(), index: index.boxed() };
        Ok((rest, Tall { expr: Expr { kind, span }, height }))
    }

    fn method_call(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let (rest, arguments) = self.parenthesized(start, false)?;
        self.called(rest, target, arguments).map(|tall| (rest, tall))
    }

    pub(crate) fn called(
        &self,
        rest: &'s str,
        target: Tall,
        arguments: Arguments,
    ) -> Checked<'s, Tall> {
        let span = target.span().to(self.span(rest, rest));
        let height = self.taller(rest, target.height.max(arguments.height))?;
        let kind = ExprKind::Call { target: target.boxed(), arguments: arguments.items };
        Ok(Tall { expr: Expr { kind, span }, height })
    }

    /// `( arguments )`
    pub(crate) fn parenthesized(&self, start: &'s str, lambdas: bool) -> Parsed<'s, Arguments> {
        let (rest, ()) = sure(self.sign(start, "(", "`(`"))?;
        self.open_parenthesis();
        let (rest, arguments) = self.arguments(rest, lambdas)?;
        let expected =
            if arguments.items.is_empty() { "an expression or `)`" } else { "`,` or `)`" };
        let (rest, ()) = sure(self.sign(rest, ")", expected))?;
        self.close_parenthesis();
        Ok((rest, arguments))
    }

    /// Expressions with commas between them, or without.
    pub(crate) fn arguments(&self, rest: &'s str, lambdas: bool) -> Parsed<'s, Arguments> {
        let mut arguments = Arguments::default();
        let (ahead, ()) = self.skip(rest)?;
        if !self.starts_operand(ahead) {
            return Ok((rest, arguments));
        }
        let mut rest = ahead;
        loop {
            let (tail, argument) = sure(match lambdas {
                true => self.lambda(rest),
                false => self.tall_expression(rest),
            })?;
            arguments.push(argument);
            let (ahead, ()) = self.skip(tail)?;
            rest = match ahead.strip_prefix(',') {
                Some(after) => after,
                None if self.starts_operand(ahead) => ahead,
                None => return Ok((tail, arguments)),
            };
        }
    }

    /// `x -> e`, or an expression.
    fn lambda(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (start, ()) = self.skip(rest)?;
        let Some((rest, parameters)) = self.lambda_parameters(start) else {
            return self.tall_expression(start);
        };
        let (rest, body) = sure(self.tall_expression(rest))?;
        let height = self.taller(rest, body.height)?;
        let kind = ExprKind::Lambda { parameters, body: body.boxed() };
        Ok((rest, Tall { expr: Expr { kind, span: self.span(start, rest) }, height }))
    }

    /// Parameters and the arrow, if that's what stands there.
    fn lambda_parameters(&self, start: &'s str) -> Option<(&'s str, Vec<String>)> {
        let mut names = Vec::new();
        let mut rest;
        if let Some(after) = start.strip_prefix('(') {
            rest = after;
            while let Ok((tail, (name, _))) = self.name(rest) {
                names.push(name);
                rest = self.skip(tail).ok()?.0;
                match rest.strip_prefix(',') {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            rest = self.skip(rest).ok()?.0.strip_prefix(')')?;
        } else {
            let (tail, (name, _)) = self.name(start).ok()?;
            names.push(name);
            rest = tail;
        }
        let rest = self.skip(rest).ok()?.0;
        let rest = rest.strip_prefix("->").or_else(|| rest.strip_prefix("-&gt;"))?;
        Some((rest, names))
    }

    /// `x!` and `x!default`. Whether an expression follows decides, and a `(` only tells at its end: what
    /// isn't one expression in parentheses are the arguments of a call of `x!`.
    fn default(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let mut lexing = self.lexing.get();
        let after = &start[1..];
        if lexing.state == State::Argument && after.starts_with(BLANKS) {
            lexing.state = State::Free;
            self.lexing.set(lexing);
            let tall = self.around(after, target, without_fallback)?;
            return Ok((after.trim_start_matches(BLANKS), tall));
        }
        let (ahead, ()) = self.skip(after)?;
        if ahead.starts_with('(') {
            let (rest, mut arguments) = self.parenthesized(ahead, false)?;
            if arguments.items.len() != 1 {
                let target = self.around(after, target, without_fallback)?;
                return self.called(rest, target, arguments).map(|tall| (rest, tall));
            }
            let Some(inner) = arguments.items.pop() else { return stop(ahead, "an expression") };
            let inner = Tall { expr: inner, height: arguments.height };
            let atom = self.in_parentheses(ahead, rest, inner)?;
            let (rest, fallback) = self.nested(rest, |rest| {
                let (rest, primary) = self.postfix(rest, atom)?;
                self.binary(rest, Level::Or, Some(primary))
            })?;
            return self.with_fallback(rest, target, fallback);
        }
        if !self.starts_fallback(ahead) {
            return Ok((after, self.around(after, target, without_fallback)?));
        }
        let (rest, fallback) = sure(self.tall_expression(ahead))?;
        self.with_fallback(rest, target, fallback)
    }

    fn with_fallback(&self, rest: &'s str, target: Tall, fallback: Tall) -> Parsed<'s, Tall> {
        let kind = |target, fallback| ExprKind::Default { target, fallback: Some(fallback) };
        Ok((rest, self.pair(rest, target, fallback, kind)?))
    }

    /// Whether what follows `!` is its default: an operand whose first value can be read at once.
    fn starts_fallback(&self, rest: &'s str) -> bool {
        if !self.starts_operand(rest) {
            return false;
        }
        match rest.as_bytes() {
            // `x!.y` is a special variable, `x!.*` and `x!.in` are keys.
            [b'.', ..] => self.name(&rest[1..]).is_ok(),
            // A sign belongs to the default only directly before a value.
            [b'+' | b'-', ..] => {
                let Ok((after, ())) = self.skip(&rest[1..]) else { return false };
                !after.starts_with(['+', '-', '!']) && self.starts_fallback(after)
            }
            [b'!', ..] => {
                let mut rest = rest;
                while let Some(after) = self.exclamation(rest) {
                    let Ok((ahead, ())) = self.skip(after) else { return false };
                    rest = ahead;
                }
                !rest.starts_with(['+', '-', '!']) && self.starts_fallback(rest)
            }
            _ => true,
        }
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

    fn in_parentheses(&self, start: &'s str, rest: &'s str, inner: Tall) -> Checked<'s, Tall> {
        let height = self.taller(rest, inner.height)?;
        let kind = ExprKind::Parenthesis(inner.boxed());
        Ok(Tall { expr: Expr { kind, span: self.span(start, rest) }, height })
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
        Ok(Tall { expr: Expr { kind: kind(inner.boxed()), span }, height })
    }

    /// An expression of two.
    fn pair(
        &self,
        rest: &'s str,
        left: Tall,
        right: Tall,
        kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Checked<'s, Tall> {
        let span = left.span().to(right.span());
        let height = self.taller(rest, left.height.max(right.height))?;
        Ok(Tall { expr: Expr { kind: kind(left.boxed(), right.boxed()), span }, height })
    }
}

fn without_fallback(target: Box<Expr>) -> ExprKind {
    ExprKind::Default { target, fallback: None }
}
