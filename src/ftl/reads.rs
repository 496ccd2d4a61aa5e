//! Which fields of the event a template reads, as far as its text says.

use std::collections::BTreeSet;

use crate::ftl::program::Arguments;
use crate::ftl::program::Body;
use crate::ftl::program::CaseKind;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::INPUT;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::program::Scope;
use crate::ftl::program::TextPart;

/// The paths behind `input` in a program, sorted. The longest of a chain counts: `a.b` for
/// `input.a.b`. An empty path means the whole event.
pub(in crate::ftl) fn of_program(program: &Program) -> Vec<String> {
    of_variable(program, INPUT)
}

/// The paths behind a variable in a program, as [`of_program`] has them for `input`.
pub(in crate::ftl) fn of_variable(program: &Program, variable: &str) -> Vec<String> {
    let mut reads = Reads { variable, paths: BTreeSet::new() };
    reads.body(&program.body);
    for definition in &program.macros {
        reads.body(&definition.body);
        let defaults = definition.parameters.iter().filter_map(|own| own.default.as_ref());
        defaults.for_each(|default| reads.expression(default));
    }
    reads.paths.into_iter().collect()
}

struct Reads<'v> {
    variable: &'v str,
    paths: BTreeSet<String>,
}

impl Reads<'_> {
    fn body(&mut self, body: &Body) {
        body.iter().for_each(|node| self.node(node));
    }

    fn expressions(&mut self, expressions: &[Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn optional(&mut self, expression: Option<&Expr>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Interpolation { value, .. }
            | NodeKind::NumericInterpolation { value, .. }
            | NodeKind::Setting { value, .. } => self.expression(value),
            NodeKind::If(branches) => {
                for branch in branches {
                    self.optional(branch.condition.as_ref());
                    self.body(&branch.body);
                }
            }
            NodeKind::List(list) => {
                self.expression(&list.source);
                self.body(&list.body);
                list.otherwise.iter().for_each(|body| self.body(body));
            }
            NodeKind::Items { body, .. }
            | NodeKind::Sep(body)
            | NodeKind::Compress(body)
            | NodeKind::Block(body) => self.body(body),
            NodeKind::Switch(switch) => {
                self.expression(&switch.subject);
                for case in &switch.cases {
                    match &case.kind {
                        CaseKind::Case(value) => self.expression(value),
                        CaseKind::On(values) => self.expressions(values),
                        CaseKind::Default => {}
                    }
                    self.body(&case.body);
                }
            }
            NodeKind::Assign { scope, assignments } => {
                self.scope(scope);
                for assignment in assignments {
                    self.optional(assignment.value.as_ref());
                }
            }
            NodeKind::Capture(capture) => {
                self.scope(&capture.scope);
                self.body(&capture.body);
            }
            NodeKind::Call(call) => {
                self.expression(&call.callee);
                match &call.arguments {
                    Arguments::Positional(values) => self.expressions(values),
                    Arguments::Named(pairs) => {
                        pairs.iter().for_each(|(_, value)| self.expression(value));
                    }
                }
                call.body.iter().for_each(|body| self.body(body));
            }
            NodeKind::Nested(values) => self.expressions(values),
            NodeKind::Return(value) | NodeKind::Stop(value) => self.optional(value.as_ref()),
            NodeKind::Include(include) => {
                self.expression(&include.path);
                self.optional(include.parse.as_ref());
                self.optional(include.encoding.as_ref());
                self.optional(include.ignore_missing.as_ref());
            }
            NodeKind::Import { path, .. } => self.expression(path),
            NodeKind::Attempt { body, recover } => {
                self.body(body);
                self.body(recover);
            }
            NodeKind::Text(_)
            | NodeKind::Break
            | NodeKind::Continue
            | NodeKind::Macro(_)
            | NodeKind::Flush
            | NodeKind::Unavailable(_)
            | NodeKind::Probe(_) => {}
        }
    }

    fn scope(&mut self, scope: &Scope) {
        if let Scope::Namespace(expression) = scope {
            self.expression(expression);
        }
    }

    fn expression(&mut self, expression: &Expr) {
        if let Some(path) = path_of(expression, self.variable) {
            self.paths.insert(path);
            self.indexes(expression);
            return;
        }
        self.parts(expression);
    }

    /// The computed indexes inside a path read fields of their own.
    fn indexes(&mut self, expression: &Expr) {
        match &expression.kind {
            ExprKind::Dot { target, .. } | ExprKind::Parenthesis(target) => self.indexes(target),
            ExprKind::Index { target, index, .. } => {
                self.indexes(target);
                self.expression(index);
            }
            _ => {}
        }
    }

    fn parts(&mut self, expression: &Expr) {
        match &expression.kind {
            ExprKind::TextTemplate(parts) => {
                for part in parts {
                    match part {
                        TextPart::Interpolation(value) | TextPart::Numeric { value, .. } => {
                            self.expression(value);
                        }
                        TextPart::Text(_) => {}
                    }
                }
            }
            ExprKind::List(items) => self.expressions(items),
            ExprKind::Hash(pairs) => {
                for (key, value) in pairs {
                    self.expression(key);
                    self.expression(value);
                }
            }
            ExprKind::Range { start, end, .. } => {
                self.expression(start);
                self.optional(end.as_deref());
            }
            ExprKind::Dot { target, .. }
            | ExprKind::Exists(target)
            | ExprKind::Not(target)
            | ExprKind::Negate(target)
            | ExprKind::Plus(target)
            | ExprKind::Parenthesis(target) => self.expression(target),
            ExprKind::Index { target, index, .. } => {
                self.expression(target);
                self.expression(index);
            }
            ExprKind::Call { target, arguments } => {
                self.expression(target);
                self.expressions(arguments);
            }
            ExprKind::BuiltIn(application) => {
                self.expression(&application.target);
                match &application.form {
                    Form::Call(arguments) => self.expressions(arguments),
                    Form::Index(index) => self.expression(index),
                    Form::Bare | Form::Counted(_) | Form::Key(_) => {}
                }
            }
            ExprKind::Loop { arguments, .. } => self.expressions(arguments),
            ExprKind::Default { target, fallback } => {
                self.expression(target);
                self.optional(fallback.as_deref());
            }
            ExprKind::Binary { left, right, .. }
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right) => {
                self.expression(left);
                self.expression(right);
            }
            ExprKind::Lambda(lambda) => self.expression(&lambda.body),
            ExprKind::Text(_)
            | ExprKind::Number(_)
            | ExprKind::Boolean(_)
            | ExprKind::Variable(_)
            | ExprKind::Special(_) => {}
        }
    }
}

/// The path behind `input`, when the expression is one.
fn path_of(expression: &Expr, variable: &str) -> Option<String> {
    match &expression.kind {
        ExprKind::Variable(name) => (name.text() == variable).then(String::new),
        ExprKind::Parenthesis(inner) => path_of(inner, variable),
        ExprKind::Dot { target, key, .. } => Some(joined(&path_of(target, variable)?, key.name())),
        ExprKind::Index { target, index, .. } => {
            let path = path_of(target, variable)?;
            Some(match &index.kind {
                ExprKind::Text(key) => joined(&path, key),
                ExprKind::Number(number) => {
                    let mut shown = String::new();
                    number.write_plain(&mut shown);
                    format!("{path}[{shown}]")
                }
                _ => format!("{path}[*]"),
            })
        }
        _ => None,
    }
}

fn joined(path: &str, key: &str) -> String {
    let is_plain =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '@'));
    match (path.is_empty(), is_plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}
