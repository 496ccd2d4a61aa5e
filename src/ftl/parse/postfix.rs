//! What follows a value: keys, calls, built-ins, defaults.

use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::expression::Arguments;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::literal::Literal;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::Lexing;
use crate::ftl::parse::token::State;
use crate::ftl::parse::token::plain;
use crate::ftl::parse::token::word;

impl<'s> Parser<'s, '_> {
    pub(crate) fn postfix(&self, rest: &'s str, first: Tall) -> Parsed<'s, Tall> {
        let (mut rest, mut target) = (rest, first);
        loop {
            let (ahead, ()) = self.skip(rest)?;
            if !continues(ahead) {
                return Ok((rest, target));
            }
            (rest, target) = self.step(ahead, target)?;
        }
    }

    fn step(&self, rest: &'s str, target: Tall) -> Parsed<'s, Tall> {
        match rest.as_bytes() {
            [b'.', ..] => self.dot(rest, target),
            [b'[', ..] => self.index(rest, target),
            [b'(', ..] => self.method_call(rest, target),
            [b'!', ..] => self.default(rest, target),
            [b'?', b'?', ..] => self.exists(rest, target),
            _ => self.built_in(rest, target),
        }
    }

    fn exists(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let rest = &start[2..];
        Ok((rest, self.around(rest, target, ExprKind::Exists)?))
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
        let kind = ExprKind::Index { target: target.expr, index: index.expr };
        Ok((rest, Tall::new(kind, span, height)))
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
        let kind = ExprKind::Call { target: target.expr, arguments: arguments.items };
        Ok(Tall::new(kind, span, height))
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
            let (tail, argument) =
                sure(if lambdas { self.lambda(rest) } else { self.tall_expression(rest) })?;
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
    pub(crate) fn lambda(&self, rest: &'s str) -> Parsed<'s, Tall> {
        let (start, ()) = self.skip(rest)?;
        let Some((rest, parameters)) = self.lambda_parameters(start) else {
            return self.tall_expression(start);
        };
        let (rest, body) = sure(self.tall_expression(rest))?;
        let height = self.taller(rest, body.height)?;
        let kind = ExprKind::Lambda { parameters, body: body.expr };
        Ok((rest, Tall::new(kind, self.span(start, rest), height)))
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

    /// `x!` and `x!default`. Whether an expression follows decides.
    fn default(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let after = &start[1..];
        let lexing = self.lexing.get();
        if lexing.state == State::Argument && after.starts_with(BLANKS) {
            self.lexing.set(Lexing { state: State::Free, ..lexing });
            let tall = self.around(after, target, without_fallback)?;
            return Ok((after.trim_start_matches(BLANKS), tall));
        }
        let (ahead, ()) = self.skip(after)?;
        if ahead.starts_with('(') {
            return self.default_in_parentheses(after, ahead, target);
        }
        if !self.starts_fallback(ahead) {
            return Ok((after, self.around(after, target, without_fallback)?));
        }
        let (rest, fallback) = sure(self.tall_expression(ahead))?;
        self.with_fallback(rest, target, fallback)
    }

    /// `x!(…)`: only the end tells. What isn't one expression in parentheses are the arguments of a call
    /// of `x!`.
    fn default_in_parentheses(
        &self,
        after: &'s str,
        start: &'s str,
        target: Tall,
    ) -> Parsed<'s, Tall> {
        let (rest, mut arguments) = self.parenthesized(start, false)?;
        if arguments.items.len() != 1 {
            let target = self.around(after, target, without_fallback)?;
            return self.called(rest, target, arguments).map(|tall| (rest, tall));
        }
        let Some(inner) = arguments.items.pop() else { return stop(start, "an expression") };
        let inner = Tall { expr: Box::new(inner), height: arguments.height };
        let atom = self.in_parentheses(start, rest, inner)?;
        let (rest, fallback) = self.nested(rest, |rest| {
            let (rest, primary) = self.postfix(rest, atom)?;
            self.or(rest, Some(primary))
        })?;
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
            [b'!', ..] => self.starts_negation(rest),
            _ => true,
        }
    }

    /// Whether `!!x` starts here. In `x!!!…` every sign asks again, so a row without a value is noted.
    pub(crate) fn starts_negation(&self, start: &'s str) -> bool {
        let (from, to) = self.signs_alone.get();
        if (to..=from).contains(&start.len()) {
            return false;
        }
        let mut rest = start;
        while let Some(after) = self.exclamation(rest) {
            let Ok((ahead, ())) = self.skip(after) else { return false };
            rest = ahead;
        }
        let negates = !rest.starts_with(['+', '-', '!']) && self.starts_fallback(rest);
        if !negates {
            self.signs_alone.set((start.len(), rest.len() + 1));
        }
        negates
    }
}

fn without_fallback(target: Box<Expr>) -> ExprKind {
    ExprKind::Default { target, fallback: None }
}

/// Whether something that belongs to the value before comes next.
fn continues(rest: &str) -> bool {
    let next = rest.as_bytes().get(1).copied().unwrap_or_default();
    match rest.as_bytes().first() {
        Some(b'(' | b'?') => true,
        Some(b'.') => next != b'.',
        Some(b'[' | b'!') => next != b'=',
        _ => false,
    }
}
