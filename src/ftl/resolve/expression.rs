//! Expressions to programs.

use crate::ftl::ast;
use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::builtins::Special;
use crate::ftl::error::TemplateError;
use crate::ftl::program::Application;
use crate::ftl::program::Direct;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::Fraction;
use crate::ftl::program::Lambda;
use crate::ftl::program::TextPart;
use crate::ftl::resolve::Resolver;
use crate::text::Span;
use crate::value::Key;

/// The built-ins that take a function and can give a lazy sequence.
const STAGES: [&str; 4] = ["filter", "map", "take_while", "drop_while"];

/// `x?name` before it is known how it is applied.
struct Use {
    target: ast::Expr,
    built_in: &'static BuiltIn,
    name_span: Span,
}

impl Resolver<'_> {
    /// An expression; `lazy` says whether what reads it can walk over a lazy sequence.
    pub(in crate::ftl::resolve) fn expression(
        &mut self,
        expression: ast::Expr,
        lazy: bool,
    ) -> Result<Expr, TemplateError> {
        let span = expression.span;
        self.check_stack(span)?;
        let kind = match expression.kind {
            ast::ExprKind::Text(text) => ExprKind::Text(text.into()),
            ast::ExprKind::TextTemplate(parts) => {
                let part = |part| self.text_part(part);
                ExprKind::TextTemplate(parts.into_iter().map(part).collect::<Result<_, _>>()?)
            }
            ast::ExprKind::Number(number) => ExprKind::Number(number),
            ast::ExprKind::Boolean(value) => ExprKind::Boolean(value),
            ast::ExprKind::List(items) => ExprKind::List(self.expressions(items)?),
            ast::ExprKind::Hash(pairs) => {
                let pair = |(key, value)| {
                    Ok((self.expression(key, false)?, self.expression(value, false)?))
                };
                ExprKind::Hash(pairs.into_iter().map(pair).collect::<Result<_, _>>()?)
            }
            ast::ExprKind::Range { start, end, kind } => ExprKind::Range {
                start: self.boxed(start)?,
                end: end.map(|end| self.boxed(end)).transpose()?,
                kind,
            },
            ast::ExprKind::Name(name) => ExprKind::Variable(self.name(&name)),
            ast::ExprKind::Special(name) => ExprKind::Special(self.special(&name, span)?),
            ast::ExprKind::Dot { target, name, .. } => match self.flexible(*target)? {
                Ok(used) => return self.apply(used, Form::Key(name.into()), span, lazy),
                Err(target) => {
                    let target = Box::new(self.expression(target, false)?);
                    ExprKind::Dot { target, key: Box::new(Key::new(&name)) }
                }
            },
            ast::ExprKind::Index { target, index } => match self.flexible(*target)? {
                Ok(used) => {
                    let index = self.expression(*index, false)?;
                    return self.apply(used, Form::Index(index), span, lazy);
                }
                Err(target) => {
                    let target = Box::new(self.expression(target, true)?);
                    ExprKind::Index { target, index: self.boxed(index)?, lazy }
                }
            },
            ast::ExprKind::Call { target, arguments } => {
                return self.call_expression(*target, arguments, span, lazy);
            }
            ast::ExprKind::BuiltIn { target, name, name_span } => {
                let built_in = self.built_in(&name, name_span)?;
                let used = Use { target: *target, built_in, name_span };
                return self.apply(used, Form::Bare, span, lazy);
            }
            ast::ExprKind::Default { target, fallback } => ExprKind::Default {
                target: self.boxed(target)?,
                fallback: fallback.map(|fallback| self.boxed(fallback)).transpose()?,
            },
            ast::ExprKind::Exists(target) => ExprKind::Exists(self.boxed(target)?),
            ast::ExprKind::Not(operand) => ExprKind::Not(self.boxed(operand)?),
            ast::ExprKind::Negate(operand) => ExprKind::Negate(self.boxed(operand)?),
            ast::ExprKind::Plus(operand) => ExprKind::Plus(self.boxed(operand)?),
            ast::ExprKind::Binary { operator, left, right } => {
                let (mut left, mut right) = (self.boxed(left)?, self.boxed(right)?);
                count_as_needed(operator, &mut left, &right);
                count_as_needed(reversed(operator), &mut right, &left);
                ExprKind::Binary { operator, left, right }
            }
            ast::ExprKind::And(left, right) => ExprKind::And(self.boxed(left)?, self.boxed(right)?),
            ast::ExprKind::Or(left, right) => ExprKind::Or(self.boxed(left)?, self.boxed(right)?),
            ast::ExprKind::Lambda { .. } => {
                let message = "a lambda can only be an argument of `?map`, `?filter`, \
                    `?take_while` or `?drop_while`";
                return Err(self.error(message, span));
            }
            ast::ExprKind::Parenthesis(inner) => {
                ExprKind::Parenthesis(Box::new(self.expression(*inner, lazy)?))
            }
        };
        Ok(Expr { kind, span })
    }

    #[expect(clippy::boxed_local, reason = "the tree's parts are boxed, and so are the program's")]
    fn boxed(&mut self, expression: Box<ast::Expr>) -> Result<Box<Expr>, TemplateError> {
        self.expression(*expression, false).map(Box::new)
    }

    fn text_part(&mut self, part: ast::TextPart) -> Result<TextPart, TemplateError> {
        Ok(match part {
            ast::TextPart::Text(text) => TextPart::Text(text.into()),
            ast::TextPart::Interpolation(value) => {
                TextPart::Interpolation(self.expression(value, false)?)
            }
            ast::TextPart::Numeric { value, min_fraction, max_fraction } => TextPart::Numeric {
                value: self.expression(value, false)?,
                fraction: Fraction { min: min_fraction, max: max_fraction },
            },
        })
    }

    fn built_in(&mut self, name: &str, span: Span) -> Result<&'static BuiltIn, TemplateError> {
        builtins::find(name).ok_or_else(|| {
            let error = self.error(format!("unknown built-in `?{name}`"), span);
            match builtins::nearest(name) {
                Some(near) => error.with_hint(format!("did you mean `?{near}`?")),
                None => error,
            }
        })
    }

    /// Whether a target is a built-in that takes a key (`x?string.short`).
    fn flexible(&mut self, target: ast::Expr) -> Result<Result<Use, ast::Expr>, TemplateError> {
        let ast::Expr { kind, span } = target;
        match kind {
            ast::ExprKind::BuiltIn { target, name, name_span } => {
                let built_in = self.built_in(&name, name_span)?;
                if matches!(built_in.function, Function::Flexible(_)) {
                    return Ok(Ok(Use { target: *target, built_in, name_span }));
                }
                let kind = ast::ExprKind::BuiltIn { target, name, name_span };
                Ok(Err(ast::Expr { kind, span }))
            }
            kind => Ok(Err(ast::Expr { kind, span })),
        }
    }

    fn call_expression(
        &mut self,
        target: ast::Expr,
        arguments: Vec<ast::Expr>,
        span: Span,
        lazy: bool,
    ) -> Result<Expr, TemplateError> {
        let ast::Expr { kind, span: target_span } = target;
        let target = match kind {
            ast::ExprKind::BuiltIn { target, name, name_span } => {
                let built_in = self.built_in(&name, name_span)?;
                if takes_arguments(built_in) {
                    let arguments = self.arguments(built_in, arguments)?;
                    let used = Use { target: *target, built_in, name_span };
                    return self.apply(used, Form::Call(arguments), span, lazy);
                }
                ast::Expr {
                    kind: ast::ExprKind::BuiltIn { target, name, name_span },
                    span: target_span,
                }
            }
            kind => ast::Expr { kind, span: target_span },
        };
        let target = Box::new(self.expression(target, false)?);
        let kind = ExprKind::Call { target, arguments: self.expressions(arguments)? };
        Ok(Expr { kind, span })
    }

    fn arguments(
        &mut self,
        built_in: &'static BuiltIn,
        arguments: Vec<ast::Expr>,
    ) -> Result<Box<[Expr]>, TemplateError> {
        let takes_function = STAGES.contains(&built_in.name);
        let argument = |argument: ast::Expr| match argument.kind {
            ast::ExprKind::Lambda { parameters, body } if takes_function => {
                self.lambda(&parameters, *body, argument.span)
            }
            kind => self.expression(ast::Expr { kind, span: argument.span }, false),
        };
        arguments.into_iter().map(argument).collect()
    }

    fn lambda(
        &mut self,
        parameters: &[String],
        body: ast::Expr,
        span: Span,
    ) -> Result<Expr, TemplateError> {
        // The parser has seen to it that there is one.
        let parameter = self.name(parameters.first().map_or("", String::as_str));
        let body = self.expression(body, false)?;
        Ok(Expr { kind: ExprKind::Lambda(Box::new(Lambda { parameter, body })), span })
    }

    fn apply(
        &mut self,
        used: Use,
        form: Form,
        span: Span,
        lazy: bool,
    ) -> Result<Expr, TemplateError> {
        let Use { target, built_in, name_span } = used;
        let name = built_in.name;
        if let Function::Special(Special::Loop(question)) = built_in.function {
            return self.ask_loop(question, name, target, form, span);
        }
        let target = self.expression(target, builtins::takes_lazy(name))?;
        let output = self.output;
        let direct = match (name, &form) {
            ("json_string", Form::Bare) => Some(Direct::JsonString),
            ("string", Form::Call(arguments)) => match &arguments[..] {
                [Expr { kind: ExprKind::Text(pattern), .. }] => {
                    Some(Direct::Format(pattern.clone()))
                }
                _ => None,
            },
            _ => None,
        };
        let application = Application { target, built_in, form, name_span, output, lazy, direct };
        Ok(Expr { kind: ExprKind::BuiltIn(Box::new(application)), span })
    }

    fn ask_loop(
        &mut self,
        question: LoopQuestion,
        built_in: &str,
        target: ast::Expr,
        form: Form,
        span: Span,
    ) -> Result<Expr, TemplateError> {
        let ast::ExprKind::Name(name) = target.kind else {
            let message = format!("`?{built_in}` can only be asked of a loop variable");
            return Err(self.error(message, target.span));
        };
        let name = self.name(&name);
        let called = |arguments| Expr { kind: ExprKind::Loop { name, question, arguments }, span };
        match (question, form) {
            (LoopQuestion::Cycle, Form::Call(arguments)) => Ok(called(arguments)),
            (LoopQuestion::Cycle, _) => {
                Err(self.error("`?item_cycle` needs its arguments: `?item_cycle(…)`", span))
            }
            _ => Ok(called(Box::new([]))),
        }
    }
}

/// Lets the `x?size` of `x?size > 3` stop at the item that decides it.
fn count_as_needed(operator: BinaryOperator, size: &mut Expr, number: &Expr) {
    use BinaryOperator as B;
    let ExprKind::Number(number) = &number.kind else { return };
    let above = match operator {
        B::Equal | B::NotEqual | B::LessOrEqual | B::Greater => 1,
        B::Less | B::GreaterOrEqual => 0,
        _ => return,
    };
    let Some(count) = number.as_i64_exact().and_then(|number| usize::try_from(number).ok()) else {
        return;
    };
    let mut size = size;
    loop {
        match &mut size.kind {
            ExprKind::Parenthesis(inner) => size = inner,
            ExprKind::BuiltIn(application)
                if application.built_in.name == "size"
                    && matches!(application.form, Form::Bare) =>
            {
                application.form = Form::Counted(count.saturating_add(above));
                return;
            }
            _ => return,
        }
    }
}

/// The comparison with its sides exchanged.
fn reversed(operator: BinaryOperator) -> BinaryOperator {
    use BinaryOperator as B;
    match operator {
        B::Less => B::Greater,
        B::LessOrEqual => B::GreaterOrEqual,
        B::Greater => B::Less,
        B::GreaterOrEqual => B::LessOrEqual,
        other => other,
    }
}

/// Whether `x?name(…)` hands its arguments to the built-in; otherwise its result is called.
fn takes_arguments(built_in: &BuiltIn) -> bool {
    match built_in.function {
        Function::Value(_) => false,
        Function::Method(_) | Function::Flexible(_) => true,
        Function::Special(special) => matches!(
            special,
            Special::Then
                | Special::Switch
                | Special::Default
                | Special::AbsoluteTemplateName
                | Special::Loop(LoopQuestion::Cycle)
        ),
    }
}
