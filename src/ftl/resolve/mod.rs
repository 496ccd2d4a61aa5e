//! Tree to program: every name that can be looked up before the template runs is looked up here.
//!
//! Unknown built-ins are syntax errors. What the parser has checked already (loop variables before
//! `?index`, names of special variables, escaping) is not checked again. Nothing is evaluated.

mod expression;
mod special;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ftl::ast;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::sort_as_java;
use crate::ftl::program::Arguments;
use crate::ftl::program::Assignment;
use crate::ftl::program::Body;
use crate::ftl::program::Branch;
use crate::ftl::program::Call;
use crate::ftl::program::Capture;
use crate::ftl::program::Case;
use crate::ftl::program::CaseKind;
use crate::ftl::program::Expr;
use crate::ftl::program::Fraction;
use crate::ftl::program::Include;
use crate::ftl::program::List;
use crate::ftl::program::LoopVariables;
use crate::ftl::program::Macro;
use crate::ftl::program::Name;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::OutputIndex;
use crate::ftl::program::Parameter;
use crate::ftl::program::Program;
use crate::ftl::program::Scope;
use crate::ftl::program::Switch;
use crate::ftl::settings::snake_case;
use crate::ftl::stack::Stack;
use crate::text::Source;
use crate::text::Span;

/// The program of a template.
pub(in crate::ftl) fn resolve(source: &Source, tree: ast::Tree) -> Result<Program, TemplateError> {
    let mut resolver = Resolver::new(source, tree.output);
    let body = resolver.body(tree.body)?;
    let Resolver { macros, outputs, .. } = resolver;
    Ok(Program { source: source.clone(), body, macros, outputs, counters: None })
}

/// The program of an expression that stands alone (`?eval`, filters), at a place of the given
/// output format: one `${…}`.
pub(in crate::ftl) fn resolve_expression(
    source: &Source,
    expression: ast::Expr,
    output: ast::Output,
) -> Result<Program, TemplateError> {
    let mut resolver = Resolver::new(source, output);
    let span = expression.span;
    let value = resolver.expression(expression, false)?;
    let kind = NodeKind::Interpolation { value, output: 0, escape: false };
    let Resolver { macros, outputs, .. } = resolver;
    let body = Box::new([Node { kind, span }]);
    Ok(Program { source: source.clone(), body, macros, outputs, counters: None })
}

struct Resolver<'s> {
    source: &'s Source,
    macros: Vec<Macro>,
    outputs: Vec<ast::Output>,
    names: HashMap<String, Arc<Name>>,
    /// The output format of the place.
    output: OutputIndex,
    stack: Stack,
    /// Whether `.args` occurs in the macro around the place.
    uses_args: bool,
}

impl<'s> Resolver<'s> {
    fn new(source: &'s Source, output: ast::Output) -> Self {
        Self {
            source,
            macros: Vec::new(),
            outputs: vec![output],
            names: HashMap::new(),
            output: 0,
            stack: Stack::here(),
            uses_args: false,
        }
    }

    fn error(&self, message: impl Into<String>, span: Span) -> TemplateError {
        TemplateError::new(TemplateErrorKind::Syntax, message, self.source, span)
    }

    /// A name, one and the same for all its places.
    fn name(&mut self, text: &str) -> Arc<Name> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name = Arc::new(Name::new(text));
        self.names.insert(text.to_owned(), Arc::clone(&name));
        name
    }

    fn loop_variables(&mut self, variables: ast::LoopVariables) -> LoopVariables {
        let (first, second) = match variables {
            ast::LoopVariables::None => (None, None),
            ast::LoopVariables::Item(item) => (Some(self.name(&item)), None),
            ast::LoopVariables::Pair(key, value) => {
                (Some(self.name(&key)), Some(self.name(&value)))
            }
        };
        LoopVariables { first, second }
    }

    fn output_index(&mut self, output: ast::Output) -> OutputIndex {
        let known = self.outputs.iter().position(|other| *other == output);
        let index = known.unwrap_or_else(|| {
            self.outputs.push(output);
            self.outputs.len() - 1
        });
        u32::try_from(index).unwrap_or_default()
    }

    fn body(&mut self, body: ast::Body) -> Result<Body, TemplateError> {
        body.into_iter().map(|node| self.node(node)).collect()
    }

    /// An error before the stack is used up.
    fn check_stack(&self, span: Span) -> Result<(), TemplateError> {
        if !self.stack.is_used_up() {
            return Ok(());
        }
        let message = "the template is nested too deep for the stack";
        Err(TemplateError::new(TemplateErrorKind::Limit, message, self.source, span))
    }

    fn node(&mut self, node: ast::Node) -> Result<Node, TemplateError> {
        let span = node.span;
        self.check_stack(span)?;
        let kind = match node.kind {
            ast::NodeKind::Text(text) => NodeKind::Text(text.into()),
            ast::NodeKind::Interpolation { value, output } => {
                let (output, escape) = self.place(output);
                NodeKind::Interpolation { value: self.expression(value, false)?, output, escape }
            }
            ast::NodeKind::NumericInterpolation { value, min_fraction, max_fraction, output } => {
                let fraction = Fraction { min: min_fraction, max: max_fraction };
                let (output, escape) = self.place(output);
                let value = self.expression(value, false)?;
                NodeKind::NumericInterpolation { value, fraction, output, escape }
            }
            ast::NodeKind::If(branches) => {
                let branch = |branch: ast::Branch| {
                    let condition = self.optional(branch.condition)?;
                    Ok(Branch { condition, body: self.body(branch.body)? })
                };
                NodeKind::If(branches.into_iter().map(branch).collect::<Result<_, _>>()?)
            }
            ast::NodeKind::List { source, variables, body, otherwise, .. } => {
                self.list(source, variables, body, otherwise)?
            }
            ast::NodeKind::Items { variables, body } => NodeKind::Items {
                variables: self.loop_variables(variables),
                body: self.body(body)?,
            },
            ast::NodeKind::Sep(body) => NodeKind::Sep(self.body(body)?),
            ast::NodeKind::Break => NodeKind::Break,
            ast::NodeKind::Continue => NodeKind::Continue,
            ast::NodeKind::Switch { subject, cases } => self.switch(subject, cases)?,
            ast::NodeKind::Assign { scope, assignments } => {
                let scope = self.scope(scope)?;
                let assignment = |assignment: ast::Assignment| {
                    Ok(Assignment {
                        name: self.name(&assignment.name),
                        name_span: assignment.name_span,
                        operator: assignment.operator,
                        value: self.optional(assignment.value)?,
                    })
                };
                let assignments = assignments.into_iter().map(assignment);
                NodeKind::Assign { scope, assignments: assignments.collect::<Result<_, _>>()? }
            }
            ast::NodeKind::Capture { scope, name, body, output } => {
                let scope = self.scope(scope)?;
                let output = self.output_index(output);
                let (name, body) = (self.name(&name), self.body(body)?);
                NodeKind::Capture(Box::new(Capture { scope, name, body, output }))
            }
            ast::NodeKind::Macro(definition) => self.definition(definition)?,
            ast::NodeKind::Call { callee, arguments, loop_variables, body } => {
                self.call(callee, arguments, &loop_variables, body)?
            }
            ast::NodeKind::Nested(values) => NodeKind::Nested(self.expressions(values)?),
            ast::NodeKind::Return(value) => NodeKind::Return(self.optional(value)?),
            ast::NodeKind::Include { path, parse, encoding, ignore_missing } => {
                NodeKind::Include(Box::new(Include {
                    path: self.expression(path, false)?,
                    parse: self.optional(parse)?,
                    encoding: self.optional(encoding)?,
                    ignore_missing: self.optional(ignore_missing)?,
                }))
            }
            ast::NodeKind::Import { path, name } => {
                NodeKind::Import { path: self.expression(path, false)?, name: self.name(&name) }
            }
            ast::NodeKind::Setting { name, name_span, value } => {
                let name = self.setting(&name, name_span)?;
                NodeKind::Setting { name, value: self.expression(value, false)? }
            }
            ast::NodeKind::Attempt { body, recover, .. } => {
                NodeKind::Attempt { body: self.body(body)?, recover: self.body(recover)? }
            }
            ast::NodeKind::Compress(body) => NodeKind::Compress(self.body(body)?),
            ast::NodeKind::Formatted { output, body } => {
                let inside = self.output_index(output);
                let outside = std::mem::replace(&mut self.output, inside);
                let body = self.body(body);
                self.output = outside;
                NodeKind::Block(body?)
            }
            ast::NodeKind::Escape(expression) => {
                self.expression(expression, false)?;
                NodeKind::Block(Box::default())
            }
            ast::NodeKind::Stop(message) => NodeKind::Stop(self.optional(message)?),
            ast::NodeKind::Flush => NodeKind::Flush,
            ast::NodeKind::Unavailable(name) => NodeKind::Unavailable(name),
            ast::NodeKind::Probe(probe) => NodeKind::Probe(probe),
        };
        Ok(Node { kind, span })
    }

    fn place(&mut self, output: ast::Output) -> (OutputIndex, bool) {
        let escape = output.auto_escape;
        (self.output_index(output), escape)
    }

    fn list(
        &mut self,
        source: ast::Expr,
        variables: ast::LoopVariables,
        body: ast::Body,
        otherwise: Option<ast::Body>,
    ) -> Result<NodeKind, TemplateError> {
        let source = self.expression(source, true)?;
        let pairs = match &variables {
            ast::LoopVariables::None => lists_pairs(&body),
            ast::LoopVariables::Item(_) => false,
            ast::LoopVariables::Pair(..) => true,
        };
        let body = self.body(body)?;
        let otherwise = otherwise.map(|body| self.body(body)).transpose()?;
        let variables = self.loop_variables(variables);
        Ok(NodeKind::List(Box::new(List { source, variables, pairs, body, otherwise })))
    }

    fn switch(
        &mut self,
        subject: ast::Expr,
        cases: Vec<ast::Case>,
    ) -> Result<NodeKind, TemplateError> {
        let subject = self.expression(subject, false)?;
        let case = |case: ast::Case| {
            let kind = match case.kind {
                ast::CaseKind::Case(value) => CaseKind::Case(self.expression(value, false)?),
                ast::CaseKind::On(values) => CaseKind::On(self.expressions(values)?.into_vec()),
                ast::CaseKind::Default => CaseKind::Default,
            };
            Ok(Case { kind, body: self.body(case.body)? })
        };
        let cases = cases.into_iter().map(case).collect::<Result<_, _>>()?;
        Ok(NodeKind::Switch(Box::new(Switch { subject, cases })))
    }

    fn scope(&mut self, scope: ast::Scope) -> Result<Scope, TemplateError> {
        Ok(match scope {
            ast::Scope::Namespace(None) => Scope::Current,
            ast::Scope::Namespace(Some(namespace)) => {
                Scope::Namespace(self.expression(namespace, false)?)
            }
            ast::Scope::Global => Scope::Global,
            ast::Scope::Local => Scope::Local,
        })
    }

    fn definition(&mut self, definition: ast::Macro) -> Result<NodeKind, TemplateError> {
        let output = self.output_index(definition.output);
        let output = std::mem::replace(&mut self.output, output);
        let uses_args = std::mem::take(&mut self.uses_args);
        let parameter = |parameter: ast::Parameter| {
            let default = self.optional(parameter.default)?;
            Ok(Parameter { name: self.name(&parameter.name), default })
        };
        let parameters = definition.parameters.into_iter().map(parameter);
        let parameters = parameters.collect::<Result<_, TemplateError>>()?;
        let body = self.body(definition.body)?;
        let index = u32::try_from(self.macros.len()).unwrap_or_default();
        let name = self.name(&definition.name);
        let catch_all = definition.catch_all.as_deref().map(|name| self.name(name));
        self.macros.push(Macro {
            name,
            is_function: definition.is_function,
            parameters,
            catch_all,
            body,
            uses_args: std::mem::replace(&mut self.uses_args, uses_args),
        });
        self.output = output;
        Ok(NodeKind::Macro(index))
    }

    fn call(
        &mut self,
        callee: ast::Expr,
        arguments: ast::Arguments,
        loop_variables: &[String],
        body: Option<ast::Body>,
    ) -> Result<NodeKind, TemplateError> {
        let callee = self.expression(callee, false)?;
        let arguments = match arguments {
            ast::Arguments::Positional(values) => {
                Arguments::Positional(self.expressions(values)?.into_vec())
            }
            ast::Arguments::Named(pairs) => {
                let pair = |(name, value): (String, ast::Expr)| {
                    Ok((self.name(&name), self.expression(value, false)?))
                };
                let mut pairs =
                    pairs.into_iter().map(pair).collect::<Result<Vec<_>, TemplateError>>()?;
                // As FreeMarker lists them where a macro takes any argument.
                sort_as_java(&mut pairs, |(name, _)| name.text());
                Arguments::Named(pairs)
            }
        };
        let body = body.map(|body| self.body(body)).transpose()?;
        let loop_variables = loop_variables.iter().map(|name| self.name(name)).collect();
        Ok(NodeKind::Call(Box::new(Call { callee, arguments, loop_variables, body })))
    }

    fn setting(&self, name: &str, span: Span) -> Result<&'static str, TemplateError> {
        let name = snake_case(name);
        let known = crate::ftl::settings::NAMES;
        known
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| self.error(format!("unknown setting `{name}`"), span))
    }

    fn optional(&mut self, expression: Option<ast::Expr>) -> Result<Option<Expr>, TemplateError> {
        expression.map(|expression| self.expression(expression, false)).transpose()
    }

    fn expressions(&mut self, values: Vec<ast::Expr>) -> Result<Box<[Expr]>, TemplateError> {
        values.into_iter().map(|value| self.expression(value, false)).collect()
    }

    /// Whether values of the place are escaped, and for which format.
    fn escaping(&self) -> &ast::Output {
        &self.outputs[self.output as usize]
    }
}

/// Whether the `<#items>` of a list without variables has two of them.
fn lists_pairs(body: &ast::Body) -> bool {
    body.iter().any(|node| match &node.kind {
        ast::NodeKind::Items { variables, .. } => {
            matches!(variables, ast::LoopVariables::Pair(..))
        }
        ast::NodeKind::If(branches) => branches.iter().any(|branch| lists_pairs(&branch.body)),
        ast::NodeKind::Switch { cases, .. } => cases.iter().any(|case| lists_pairs(&case.body)),
        ast::NodeKind::Attempt { body, recover, .. } => lists_pairs(body) || lists_pairs(recover),
        ast::NodeKind::Compress(body)
        | ast::NodeKind::Capture { body, .. }
        | ast::NodeKind::Formatted { body, .. }
        | ast::NodeKind::Call { body: Some(body), .. } => lists_pairs(body),
        _ => false,
    })
}
