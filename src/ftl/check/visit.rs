//! What stands directly inside a piece of content or an expression, for rules that look at all of it.

use crate::ftl::program::Arguments;
use crate::ftl::program::Body;
use crate::ftl::program::CaseKind;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::program::Scope;
use crate::ftl::program::TextPart;

/// The bodies of a program: its content, and that of its macros.
pub(in crate::ftl::check) fn bodies(program: &Program) -> impl Iterator<Item = &Body> {
    std::iter::once(&program.body).chain(program.macros.iter().map(|own| &own.body))
}

/// The content directly inside a piece of content, in order.
pub(in crate::ftl::check) fn inner_bodies<'p>(node: &'p Node, see: &mut dyn FnMut(&'p Body)) {
    match &node.kind {
        NodeKind::If(branches) => branches.iter().for_each(|branch| see(&branch.body)),
        NodeKind::List(list) => {
            see(&list.body);
            list.otherwise.iter().for_each(see);
        }
        NodeKind::Items { body, .. }
        | NodeKind::Sep(body)
        | NodeKind::Compress(body)
        | NodeKind::Block(body) => see(body),
        NodeKind::Switch(switch) => switch.cases.iter().for_each(|case| see(&case.body)),
        NodeKind::Capture(capture) => see(&capture.body),
        NodeKind::Call(call) => call.body.iter().for_each(see),
        NodeKind::Attempt { body, recover } => {
            see(body);
            see(recover);
        }
        _ => {}
    }
}

/// The expressions directly inside a piece of content, in order.
pub(in crate::ftl::check) fn own_expressions<'p>(node: &'p Node, see: &mut dyn FnMut(&'p Expr)) {
    match &node.kind {
        NodeKind::Interpolation { value, .. }
        | NodeKind::NumericInterpolation { value, .. }
        | NodeKind::Setting { value, .. } => see(value),
        NodeKind::If(branches) => {
            branches.iter().filter_map(|branch| branch.condition.as_ref()).for_each(see);
        }
        NodeKind::List(list) => see(&list.source),
        NodeKind::Switch(switch) => {
            see(&switch.subject);
            for case in &switch.cases {
                match &case.kind {
                    CaseKind::Case(value) => see(value),
                    CaseKind::On(values) => values.iter().for_each(&mut *see),
                    CaseKind::Default => {}
                }
            }
        }
        NodeKind::Assign { scope, assignments } => {
            if let Scope::Namespace(namespace) = scope {
                see(namespace);
            }
            assignments.iter().filter_map(|own| own.value.as_ref()).for_each(see);
        }
        NodeKind::Capture(capture) => {
            if let Scope::Namespace(namespace) = &capture.scope {
                see(namespace);
            }
        }
        NodeKind::Call(call) => {
            see(&call.callee);
            match &call.arguments {
                Arguments::Positional(values) => values.iter().for_each(see),
                Arguments::Named(pairs) => pairs.iter().for_each(|(_, value)| see(value)),
            }
        }
        NodeKind::Nested(values) => values.iter().for_each(see),
        NodeKind::Return(value) | NodeKind::Stop(value) => value.iter().for_each(see),
        NodeKind::Include(include) => {
            see(&include.path);
            let rest = [&include.parse, &include.encoding, &include.ignore_missing];
            rest.into_iter().flatten().for_each(see);
        }
        NodeKind::Import { path, .. } => see(path),
        _ => {}
    }
}

/// The expressions directly inside an expression, in order.
pub(in crate::ftl::check) fn operands<'p>(expression: &'p Expr, see: &mut dyn FnMut(&'p Expr)) {
    match &expression.kind {
        ExprKind::TextTemplate(parts) => parts.iter().for_each(|part| match part {
            TextPart::Interpolation(value) | TextPart::Numeric { value, .. } => see(value),
            TextPart::Text(_) => {}
        }),
        ExprKind::List(items) => items.iter().for_each(see),
        ExprKind::Hash(pairs) => pairs.iter().for_each(|(key, value)| {
            see(key);
            see(value);
        }),
        ExprKind::Range { start, end, .. } => {
            see(start);
            end.iter().for_each(|end| see(end));
        }
        ExprKind::Dot { target, .. }
        | ExprKind::Exists(target)
        | ExprKind::Not(target)
        | ExprKind::Negate(target)
        | ExprKind::Plus(target)
        | ExprKind::Parenthesis(target) => see(target),
        ExprKind::Index { target, index, .. } => {
            see(target);
            see(index);
        }
        ExprKind::Call { target, arguments } => {
            see(target);
            arguments.iter().for_each(see);
        }
        ExprKind::BuiltIn(application) => {
            see(&application.target);
            match &application.form {
                Form::Call(arguments) => arguments.iter().for_each(see),
                Form::Index(index) => see(index),
                Form::Bare | Form::Counted(_) | Form::Key(_) => {}
            }
        }
        ExprKind::Loop { arguments, .. } => arguments.iter().for_each(see),
        ExprKind::Default { target, fallback } => {
            see(target);
            fallback.iter().for_each(|fallback| see(fallback));
        }
        ExprKind::Binary { left, right, .. }
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => {
            see(left);
            see(right);
        }
        ExprKind::Lambda(lambda) => see(&lambda.body),
        ExprKind::Text(_)
        | ExprKind::Number(_)
        | ExprKind::Boolean(_)
        | ExprKind::Variable(_)
        | ExprKind::Special(_) => {}
    }
}

/// The variable at the start of a path, and the path's constant keys behind it. `None` for what is no
/// path; a computed key ends the keys.
pub(in crate::ftl::check) fn path(expression: &Expr) -> Option<(&str, Vec<&str>)> {
    let mut keys = Vec::new();
    let mut at = expression;
    loop {
        match &at.kind {
            ExprKind::Parenthesis(inner) => at = inner,
            ExprKind::Dot { target, key, .. } => {
                keys.push(key.name());
                at = target;
            }
            ExprKind::Index { target, index, .. } => {
                match &index.bare().kind {
                    ExprKind::Text(key) => keys.push(key),
                    _ => keys.clear(),
                }
                at = target;
            }
            ExprKind::Variable(name) => {
                keys.reverse();
                return Some((name.text(), keys));
            }
            _ => return None,
        }
    }
}

/// The constant arguments of a built-in that is called with so many of them.
pub(in crate::ftl::check) fn arguments<const N: usize>(form: &Form) -> Option<&[Expr; N]> {
    match form {
        Form::Call(arguments) => arguments.first_chunk().filter(|_| arguments.len() == N),
        _ => None,
    }
}

/// The text of a constant.
pub(in crate::ftl::check) fn constant_text(expression: &Expr) -> Option<&str> {
    match &expression.bare().kind {
        ExprKind::Text(text) => Some(text),
        _ => None,
    }
}

/// The whole number of a constant.
pub(in crate::ftl::check) fn constant_integer(expression: &Expr) -> Option<i64> {
    match &expression.bare().kind {
        ExprKind::Number(number) => number.as_i64_exact(),
        _ => None,
    }
}
