//! What a template's own text says about its variables, wherever they are set.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::ftl::ast::AssignOperator;
use crate::ftl::check::visit;
use crate::ftl::program::Body;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::LoopVariables;
use crate::ftl::program::Macro;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;

/// The variables of a template and of those it includes.
#[derive(Debug, Default)]
pub(in crate::ftl::check) struct Names<'p> {
    /// Set once, outside of loops, to that value.
    values: HashMap<&'p str, &'p Expr>,
    /// Set once, to what that content writes.
    captures: HashMap<&'p str, (&'p Program, &'p Body)>,
    /// Macros and functions, with the template they stand in.
    macros: HashMap<&'p str, (&'p Program, &'p Macro)>,
    /// Templates that were imported.
    namespaces: HashMap<&'p str, &'p Program>,
    /// Loop variables that stand for names of properties.
    keys: HashSet<&'p str>,
    /// Everything that is set anywhere, and how often.
    set: HashMap<&'p str, usize>,
    /// How many assignments a variable has.
    assigned: HashMap<&'p str, usize>,
}

impl<'p> Names<'p> {
    /// Adds what a program sets.
    pub(in crate::ftl::check) fn add(&mut self, program: &'p Program) {
        for definition in &program.macros {
            self.macros.entry(definition.name.text()).or_insert((program, definition));
            self.count(definition.name.text());
            for parameter in &definition.parameters {
                self.count_often(parameter.name.text());
            }
            if let Some(rest) = &definition.catch_all {
                self.count_often(rest.text());
            }
        }
        self.body(program, &program.body, false);
        for definition in &program.macros {
            self.body(program, &definition.body, true);
        }
        self.values.retain(|name, _| self.set.get(name) == Some(&1));
        self.captures.retain(|name, _| self.set.get(name) == Some(&1));
    }

    /// Adds a template that was imported under a name.
    pub(in crate::ftl::check) fn import(&mut self, name: &'p str, program: &'p Program) {
        self.namespaces.insert(name, program);
    }

    /// The value of a variable that is set once.
    pub(in crate::ftl::check) fn value(&self, name: &str) -> Option<&'p Expr> {
        self.values.get(name).copied()
    }

    /// The content that a variable holds, which is set once.
    pub(in crate::ftl::check) fn capture(&self, name: &str) -> Option<(&'p Program, &'p Body)> {
        self.captures.get(name).copied()
    }

    /// A macro or function by its name, or by that of a namespace and its own.
    pub(in crate::ftl::check) fn find_macro(
        &self,
        callee: &Expr,
    ) -> Option<(&'p Program, &'p Macro)> {
        match &callee.bare().kind {
            ExprKind::Variable(name) => self.macros.get(name.text()).copied(),
            ExprKind::Dot { target, key } => {
                let ExprKind::Variable(namespace) = &target.bare().kind else { return None };
                let program = *self.namespaces.get(namespace.text())?;
                let found = program.macros.iter().find(|own| own.name.text() == key.name())?;
                Some((program, found))
            }
            _ => None,
        }
    }

    /// Whether the variable is a loop's key, so that it holds the name of a property.
    pub(in crate::ftl::check) fn is_key(&self, name: &str) -> bool {
        self.keys.contains(name)
    }

    /// Whether several assignments set the variable, so that its value says what happened before.
    pub(in crate::ftl::check) fn changes(&self, name: &str) -> bool {
        self.assigned.get(name).is_some_and(|count| *count > 1)
    }

    /// Whether anything sets it.
    pub(in crate::ftl::check) fn has(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// All names that something sets.
    pub(in crate::ftl::check) fn all(&self) -> impl Iterator<Item = &'p str> {
        self.set.keys().copied()
    }

    fn count(&mut self, name: &'p str) {
        *self.set.entry(name).or_default() += 1;
    }

    fn count_often(&mut self, name: &'p str) {
        *self.set.entry(name).or_default() += 2;
    }

    fn assign(&mut self, name: &'p str, is_new: bool, repeats: bool) {
        let weight = if is_new { 1 } else { 2 };
        *self.assigned.entry(name).or_default() += weight;
        *self.set.entry(name).or_default() += if repeats { 2 } else { weight };
    }

    fn variables(&mut self, variables: &'p LoopVariables) {
        for name in [&variables.first, &variables.second].into_iter().flatten() {
            self.count(name.text());
        }
    }

    fn body(&mut self, program: &'p Program, body: &'p Body, is_repeated: bool) {
        for node in body {
            let mut repeats = is_repeated;
            match &node.kind {
                NodeKind::List(list) => {
                    repeats = true;
                    self.variables(&list.variables);
                    let of_keys = list.variables.second.is_some() || is_keys(&list.source);
                    self.keys.extend(
                        list.variables.first.as_ref().filter(|_| of_keys).map(|name| name.text()),
                    );
                }
                NodeKind::Items { variables, .. } => {
                    repeats = true;
                    self.variables(variables);
                    if variables.second.is_some() {
                        self.keys.extend(variables.first.as_ref().map(|name| name.text()));
                    }
                }
                NodeKind::Assign { assignments, .. } => {
                    for assignment in assignments {
                        let name = assignment.name.text();
                        let is_new = assignment.operator == AssignOperator::Set;
                        self.assign(name, is_new, repeats);
                        if let Some(value) = &assignment.value {
                            self.values.insert(name, value);
                        }
                    }
                }
                NodeKind::Capture(capture) => {
                    let name = capture.name.text();
                    self.assign(name, true, repeats);
                    self.captures.insert(name, (program, &capture.body));
                }
                NodeKind::Call(call) => {
                    call.loop_variables.iter().for_each(|name| self.count_often(name.text()));
                }
                NodeKind::Import { name, .. } => self.count(name.text()),
                _ => {}
            }
            visit::own_expressions(node, &mut |expression| self.lambdas(expression));
            visit::inner_bodies(node, &mut |body| self.body(program, body, repeats));
        }
    }

    fn lambdas(&mut self, expression: &'p Expr) {
        if let ExprKind::Lambda(lambda) = &expression.kind {
            self.count_often(lambda.parameter.text());
        }
        visit::operands(expression, &mut |operand| self.lambdas(operand));
    }
}

/// Whether the items of a list are names of properties: `x?keys`, sorted or not.
fn is_keys(source: &Expr) -> bool {
    match &source.bare().kind {
        ExprKind::BuiltIn(application) => match application.built_in.name {
            "keys" => true,
            "sort" | "reverse" | "filter" | "take_while" | "drop_while" => {
                is_keys(&application.target)
            }
            _ => matches!(application.form, Form::Bare) && is_keys(&application.target),
        },
        _ => false,
    }
}
