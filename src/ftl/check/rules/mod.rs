//! The rules about expressions, wherever they stand: one file each.

mod default_precedence;
mod fraction_digits;
mod java_method;
mod short_text;
mod unknown_field;
mod unknown_name;

use crate::ftl::check::Usage;
use crate::ftl::check::evidence::Evidence;
use crate::ftl::check::finding::Finding;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::names::Names;
use crate::ftl::check::visit;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::INPUT;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::settings::Settings;
use crate::ftl::stack::Stack;

/// Looks at every expression of a program.
pub(in crate::ftl::check) fn inspect(
    program: &Program,
    settings: &Settings,
    names: &Names<'_>,
    usage: &Usage,
    evidence: Option<&Evidence>,
) -> Vec<Finding> {
    let mut inspector = Inspector {
        program,
        names,
        usage,
        evidence,
        datetime_format: settings.datetime_format.clone(),
        has_statics: settings.statics,
        reads_event: false,
        knows_amplitude: false,
        conditions: Vec::new(),
        stack: Stack::here(),
        findings: Vec::new(),
    };
    for body in visit::bodies(program) {
        inspector.look_around(body);
    }
    for body in visit::bodies(program) {
        inspector.body(body);
    }
    for definition in &program.macros {
        let defaults = definition.parameters.iter().filter_map(|own| own.default.as_ref());
        defaults.for_each(|default| inspector.expression(default, false));
    }
    inspector.findings
}

pub(in crate::ftl::check::rules) struct Inspector<'i, 'n, 'p> {
    program: &'p Program,
    names: &'i Names<'n>,
    usage: &'i Usage,
    evidence: Option<&'i Evidence>,
    /// As `<#setting>` left it, from the top of the text to the place.
    datetime_format: String,
    has_statics: bool,
    /// Whether the template reads `input` anywhere.
    reads_event: bool,
    /// Whether it reads a field that Amplitude's events have.
    knows_amplitude: bool,
    /// The conditions around the place, without blanks.
    conditions: Vec<String>,
    stack: Stack,
    findings: Vec<Finding>,
}

impl<'p> Inspector<'_, '_, 'p> {
    fn look_around(&mut self, body: &'p [Node]) {
        if self.stack.is_used_up() {
            return;
        }
        for node in body {
            visit::own_expressions(node, &mut |expression| self.look_at(expression));
            visit::inner_bodies(node, &mut |body| self.look_around(body));
        }
    }

    fn look_at(&mut self, expression: &Expr) {
        if self.stack.is_used_up() {
            return;
        }
        if let Some((INPUT, keys)) = visit::path(expression) {
            self.reads_event = true;
            let known = |name: &&str| crate::ftl::check::schema::field(name).is_some();
            self.knows_amplitude |= keys.first().is_some_and(known);
        }
        visit::operands(expression, &mut |operand| self.look_at(operand));
    }

    fn body(&mut self, body: &'p [Node]) {
        for node in body {
            self.node(node);
        }
    }

    fn node(&mut self, node: &'p Node) {
        if self.stack.is_used_up() {
            return;
        }
        visit::own_expressions(node, &mut |expression| self.expression(expression, false));
        match &node.kind {
            NodeKind::If(branches) => {
                let outside = self.conditions.len();
                for branch in branches {
                    let condition = branch.condition.as_ref();
                    self.conditions.extend(condition.map(|own| self.spelled(own)));
                    self.body(&branch.body);
                }
                self.conditions.truncate(outside);
                return;
            }
            NodeKind::Setting { name: "datetime_format", value } => {
                let format = visit::constant_text(value).unwrap_or_default();
                format.clone_into(&mut self.datetime_format);
            }
            NodeKind::Call(call) => self.arguments(call),
            _ => {}
        }
        visit::inner_bodies(node, &mut |body| self.body(body));
    }

    /// An expression; `may_miss` says whether a missing value does no harm there.
    fn expression(&mut self, expression: &'p Expr, may_miss: bool) {
        if self.stack.is_used_up() {
            return;
        }
        let mut inner_may_miss = may_miss && visit::path(expression).is_some();
        let mut conditions = 0;
        match &expression.kind {
            ExprKind::Default { target, fallback } => {
                self.default_precedence(target, fallback.as_deref());
                inner_may_miss = true;
            }
            ExprKind::Exists(_) => inner_may_miss = true,
            ExprKind::BuiltIn(application) => {
                self.fraction_digits(application);
                self.substring(application, expression);
                inner_may_miss = application.built_in.accepts_missing;
                // What is chosen by a condition is guarded by it.
                if application.built_in.name == "then" {
                    self.conditions.push(self.spelled(&application.target));
                    conditions = 1;
                }
            }
            ExprKind::Index { target, index, .. } => self.slice(target, index),
            ExprKind::Call { target, .. } => self.java_method(target),
            ExprKind::Variable(name) => self.unknown_name(name, expression.span, may_miss),
            ExprKind::And(left, _) | ExprKind::Or(left, _) if is_short(left) => {
                self.conditions.push(self.spelled(left));
                conditions = 1;
            }
            _ => {}
        }
        if visit::path(expression).is_some() {
            self.statics(expression);
            self.unknown_field(expression);
            // The inner steps of the path say nothing new.
            self.inside_path(expression, inner_may_miss);
        } else {
            visit::operands(expression, &mut |own| self.expression(own, inner_may_miss));
        }
        self.conditions.truncate(self.conditions.len() - conditions);
    }

    fn inside_path(&mut self, expression: &'p Expr, may_miss: bool) {
        match &expression.kind {
            ExprKind::Dot { target, .. } | ExprKind::Parenthesis(target) => {
                self.inside_path(target, may_miss);
            }
            ExprKind::Index { target, index, .. } => {
                self.inside_path(target, may_miss);
                self.expression(index, false);
            }
            ExprKind::Variable(name) => self.unknown_name(name, expression.span, may_miss),
            _ => {}
        }
    }

    fn spelled(&self, expression: &Expr) -> String {
        let text = self.program.source.slice(expression.span);
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect()
    }

    fn quote(&self, expression: &Expr) -> &'p str {
        self.program.source.slice(expression.span)
    }

    fn report(&mut self, rule: Rule, expression: &Expr, message: String, hint: impl Into<String>) {
        let finding = Finding::new(rule, message, &self.program.source, expression.span);
        self.findings.push(finding.with_hint(hint));
    }
}

/// Whether an expression is short enough to be looked at as a condition; in a chain of thousands
/// each would spell out all that stand before it.
fn is_short(expression: &Expr) -> bool {
    const MAX_BYTES: u32 = 1000;
    expression.span.end.saturating_sub(expression.span.start) <= MAX_BYTES
}

/// The constant format of `x?datetime("…")`, `x?datetime.short`.
fn constant_format(form: &Form) -> Option<&str> {
    match form {
        Form::Bare | Form::Counted(_) => None,
        Form::Key(key) => Some(key),
        Form::Index(key) => visit::constant_text(key),
        Form::Call(_) => visit::arguments::<1>(form).and_then(|[own]| visit::constant_text(own)),
    }
}
