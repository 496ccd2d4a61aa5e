//! Finds what will hurt in a template or filter without running it.
//!
//! Two kinds of rules: about expressions wherever they stand (`rules`), and about the JSON that the
//! template writes, for which its ways are followed (`json`). Sample events sharpen them: [`Evidence`]
//! says what a field really holds. Program in, findings out; nothing is evaluated here, no event is
//! rendered. `docs/checks.md` lists the rules.

mod evidence;
mod finding;
mod json;
mod names;
mod printed;
mod rules;
mod schema;
mod visit;

use crate::ftl::check::json::Followed;
use crate::ftl::check::names::Names;
use crate::ftl::library::Library;
use crate::ftl::names as template_names;
use crate::ftl::program::Expr;
use crate::ftl::program::INPUT;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::settings::Settings;
use crate::ftl::stack::Stack;
use crate::text::Span;

pub use crate::ftl::check::evidence::Evidence;
pub use crate::ftl::check::finding::{Finding, Level, Rule};

use std::sync::Arc;

/// Which variables a template is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// These, and no others: `input`, and `secrets` for a URL or header.
    Event(&'static [&'static str]),
    /// Perhaps others too.
    Any,
}

/// What was found in a program.
#[derive(Debug, Default)]
pub(in crate::ftl) struct Checked {
    /// In the order of the text.
    pub(in crate::ftl) findings: Vec<Finding>,
    /// Whether the program writes JSON, as far as its text says.
    pub(in crate::ftl) is_json: bool,
}

/// Checks a template.
pub(in crate::ftl) fn check(
    program: &Program,
    settings: &Arc<Settings>,
    library: Option<&Library>,
    usage: &Usage,
    evidence: Option<&Evidence>,
) -> Checked {
    let mut others = Others { library, settings, included: Vec::new(), imported: Vec::new() };
    others.collect(program, &program.body, Stack::here());
    let mut names = Names::default();
    names.add(program);
    for (_, other) in &others.included {
        names.add(other);
    }
    for (name, other) in &others.imported {
        names.import(name, other);
    }
    let mut findings = rules::inspect(program, settings, &names, usage, evidence);
    let Followed { findings: of_json, is_json } =
        json::follow(program, settings, &names, &others.included);
    findings.extend(of_json);
    findings.sort_by(|left, right| {
        let key =
            |own: &Finding| (own.name() != program.source.name(), own.span().start, own.rule());
        key(left).cmp(&key(right))
    });
    findings.dedup();
    Checked { findings, is_json }
}

/// Checks an expression that stands alone, such as a filter.
pub(in crate::ftl) fn check_expression(
    program: &Program,
    settings: &Settings,
    evidence: Option<&Evidence>,
) -> Vec<Finding> {
    let mut names = Names::default();
    names.add(program);
    rules::inspect(program, settings, &names, &Usage::Event(&[INPUT]), evidence)
}

/// The fields of the event that a program reads: their keys, and the first place of each.
pub(in crate::ftl) fn reads(program: &Program) -> Vec<(Vec<String>, Span)> {
    let mut reads = Reads { found: Vec::new(), stack: Stack::here() };
    visit::bodies(program).for_each(|body| reads.body(body));
    for definition in &program.macros {
        let defaults = definition.parameters.iter().filter_map(|own| own.default.as_ref());
        defaults.for_each(|default| reads.expression(default));
    }
    reads.found
}

struct Reads {
    found: Vec<(Vec<String>, Span)>,
    stack: Stack,
}

impl Reads {
    fn body(&mut self, body: &[Node]) {
        if self.stack.is_used_up() {
            return;
        }
        for node in body {
            visit::own_expressions(node, &mut |expression| self.expression(expression));
            visit::inner_bodies(node, &mut |body| self.body(body));
        }
    }

    fn expression(&mut self, expression: &Expr) {
        if self.stack.is_used_up() {
            return;
        }
        let own = visit::path(expression).filter(|(root, keys)| *root == INPUT && !keys.is_empty());
        if let Some((_, keys)) = own {
            let known = self.found.iter().any(|(other, _)| *other == keys);
            if !known {
                let keys = keys.into_iter().map(str::to_owned).collect();
                self.found.push((keys, expression.span));
            }
            self.indexes(expression);
            return;
        }
        visit::operands(expression, &mut |operand| self.expression(operand));
    }

    /// Computed keys inside a path read fields of their own.
    fn indexes(&mut self, path: &Expr) {
        visit::operands(path, &mut |operand| match visit::path(operand) {
            Some((INPUT, _)) => self.indexes(operand),
            _ => self.expression(operand),
        });
    }
}

/// The templates that a template includes or imports by constant paths.
struct Others<'p> {
    library: Option<&'p Library>,
    settings: &'p Arc<Settings>,
    included: Vec<(String, &'p Program)>,
    imported: Vec<(&'p str, &'p Program)>,
}

impl<'p> Others<'p> {
    fn collect(&mut self, program: &'p Program, body: &'p [Node], stack: Stack) {
        if stack.is_used_up() {
            return;
        }
        for node in body {
            match &node.kind {
                NodeKind::Include(include) => {
                    let found = self.find(program, &include.path);
                    if let Some((path, other)) = found
                        && !self.included.iter().any(|(known, _)| *known == path)
                    {
                        self.included.push((path, other));
                        self.collect(other, &other.body, stack);
                    }
                }
                NodeKind::Import { path, name } => {
                    if let Some((_, other)) = self.find(program, path) {
                        self.imported.push((name.text(), other));
                    }
                }
                _ => visit::inner_bodies(node, &mut |body| self.collect(program, body, stack)),
            }
        }
    }

    fn find(&self, program: &Program, path: &Expr) -> Option<(String, &'p Program)> {
        let path = visit::constant_text(path)?;
        let full = template_names::resolve(program.source.name(), path);
        let name = template_names::normalize(&full, self.settings.template_name_format).ok()?;
        let found = self.library?.program(&name, self.settings)?.ok()?;
        Some((path.to_owned(), found))
    }
}
