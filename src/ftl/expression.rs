//! A boolean expression by itself: what filters are made of.

use std::sync::Arc;

use crate::ftl::ast::Output;
use crate::ftl::check;
use crate::ftl::check::Evidence;
use crate::ftl::check::Finding;
use crate::ftl::compile::compile_expression;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Arena;
use crate::ftl::eval::Data;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Job;
use crate::ftl::model::Model;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::reads;
use crate::ftl::settings::Settings;
use crate::ftl::template::with_scratch;
use crate::text::Source;
use crate::text::Span;
use crate::value::Node;

/// An expression over `input` that is true or false. Cheap to clone; threads may share it.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: Program,
    settings: Arc<Settings>,
}

/// A part of an expression with its value and what it saw: why an event matches or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The part, as it was written.
    pub source: String,
    /// What it gives.
    pub value: ClauseValue,
    /// The sides of `&&` and `||`, and what stands behind `!`.
    pub operands: Vec<Clause>,
    /// The fields it looked at: their paths, and their values as JSON or `missing`. Only where the
    /// part isn't split into operands.
    pub saw: Vec<(String, String)>,
}

/// What a [`Clause`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClauseValue {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// It can't be evaluated; the message says why.
    Failed(String),
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Of kind `syntax` when the text is no expression or names something unknown.
    pub fn compile(name: &str, source: &str, settings: &Settings) -> Result<Self, TemplateError> {
        let output = Output {
            format: settings.output_format.clone(),
            auto_escape: false,
            never_escapes: false,
        };
        let program = compile_expression(&Source::new(name, source), settings, output)?;
        Ok(Self(Arc::new(Inner { program, settings: Arc::new(settings.clone()) })))
    }

    /// The expression as it was written.
    pub fn source(&self) -> &Source {
        &self.0.program.source
    }

    /// The paths of the event that the expression reads.
    pub fn reads(&self) -> Vec<String> {
        reads::of_program(&self.0.program)
    }

    /// What will hurt, found without evaluating it; sample events sharpen it.
    pub fn check(&self, evidence: Option<&Evidence>) -> Vec<Finding> {
        check::check_expression(&self.0.program, &self.0.settings, evidence)
    }

    /// The fields of the event that the expression reads, as their keys.
    pub fn fields(&self) -> Vec<Vec<String>> {
        check::reads(&self.0.program).into_iter().map(|(keys, _)| keys).collect()
    }

    /// Whether the expression is true for an event.
    ///
    /// # Errors
    /// What went wrong: a missing value, a value that is no boolean …
    pub fn matches(&self, input: Node<'_>) -> Result<bool, TemplateError> {
        let Some(expression) = root(&self.0.program) else { return Err(self.nothing()) };
        let arena = Arena::default();
        with_scratch(|scratch| {
            let mut evaluator = Evaluator::new(self.job(input, &arena), scratch, String::new());
            evaluator.truth_of(expression)
        })
    }

    /// What each part of the expression gives for an event, and which values it saw.
    pub fn explain(&self, input: Node<'_>) -> Clause {
        let Some(expression) = root(&self.0.program) else {
            let (value, source) =
                (ClauseValue::Failed(self.nothing().message().into()), String::new());
            return Clause { source, value, operands: Vec::new(), saw: Vec::new() };
        };
        self.clause(expression, input)
    }

    fn clause(&self, expression: &Expr, input: Node<'_>) -> Clause {
        let source = &self.0.program.source;
        let bare = expression.bare();
        let operands: Vec<Clause> = match &bare.kind {
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                let same = std::mem::discriminant(&bare.kind);
                let mut parts = Vec::new();
                flatten(left, same, &mut parts);
                flatten(right, same, &mut parts);
                parts.into_iter().map(|part| self.clause(part, input)).collect()
            }
            ExprKind::Not(operand) => vec![self.clause(operand, input)],
            _ => Vec::new(),
        };
        let saw = if operands.is_empty() { self.seen(bare, input) } else { Vec::new() };
        let arena = Arena::default();
        let truth = with_scratch(|scratch| {
            let mut evaluator = Evaluator::new(self.job(input, &arena), scratch, String::new());
            evaluator.truth_of(bare)
        });
        let value = match truth {
            Ok(true) => ClauseValue::True,
            Ok(false) => ClauseValue::False,
            Err(error) => ClauseValue::Failed(error.message().to_owned()),
        };
        Clause { source: source.slice(expression.span).to_owned(), value, operands, saw }
    }

    /// The fields that a part looks at, with their values.
    fn seen(&self, expression: &Expr, input: Node<'_>) -> Vec<(String, String)> {
        let mut paths = Vec::new();
        collect_paths(expression, &mut paths);
        let mut seen: Vec<(String, String)> = Vec::new();
        for path in paths {
            let shown = self.0.program.source.slice(path.span).to_owned();
            if seen.iter().any(|(known, _)| *known == shown) {
                continue;
            }
            let arena = Arena::default();
            let value = with_scratch(|scratch| {
                let mut evaluator = Evaluator::new(self.job(input, &arena), scratch, String::new());
                evaluator.as_json(path)
            });
            seen.push((shown, value));
        }
        seen
    }

    fn nothing(&self) -> TemplateError {
        let message = "expected an expression, found nothing";
        TemplateError::new(TemplateErrorKind::Syntax, message, self.source(), Span::default())
    }

    fn job<'r>(&'r self, input: Node<'r>, arena: &'r Arena) -> Job<'r> {
        Job {
            program: &self.0.program,
            settings: &self.0.settings,
            library: None,
            data: Data::event(input),
            now_millis: 0,
            arena,
        }
    }
}

fn root(program: &Program) -> Option<&Expr> {
    match &program.body[..] {
        [node] => match &node.kind {
            NodeKind::Interpolation { value, .. } => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// `a && b && c` as three operands.
fn flatten<'e>(
    expression: &'e Expr,
    same: std::mem::Discriminant<ExprKind>,
    parts: &mut Vec<&'e Expr>,
) {
    match &expression.kind {
        ExprKind::And(left, right) | ExprKind::Or(left, right)
            if std::mem::discriminant(&expression.kind) == same =>
        {
            flatten(left, same, parts);
            flatten(right, same, parts);
        }
        _ => parts.push(expression),
    }
}

/// The longest paths of names, keys and indexes in an expression.
fn collect_paths<'e>(expression: &'e Expr, paths: &mut Vec<&'e Expr>) {
    match &expression.kind {
        ExprKind::Variable(_) | ExprKind::Dot { .. } | ExprKind::Index { .. } => {
            paths.push(expression);
        }
        ExprKind::Parenthesis(inner)
        | ExprKind::Exists(inner)
        | ExprKind::Not(inner)
        | ExprKind::Negate(inner)
        | ExprKind::Plus(inner) => collect_paths(inner, paths),
        ExprKind::Binary { left, right, .. }
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => {
            collect_paths(left, paths);
            collect_paths(right, paths);
        }
        ExprKind::Default { target, fallback } => {
            collect_paths(target, paths);
            if let Some(fallback) = fallback {
                collect_paths(fallback, paths);
            }
        }
        ExprKind::BuiltIn(application) => {
            let Application { target, form, .. } = &**application;
            collect_paths(target, paths);
            if let Form::Call(arguments) = form {
                arguments.iter().for_each(|argument| collect_paths(argument, paths));
            }
        }
        ExprKind::List(items) => items.iter().for_each(|item| collect_paths(item, paths)),
        _ => {}
    }
}

impl<'r> Evaluator<'r> {
    /// A value as JSON; `missing` when there is none.
    fn as_json(&mut self, expression: &'r Expr) -> String {
        match self.value_of(expression) {
            Err(_) | Ok(Model::Missing) => "missing".to_owned(),
            Ok(value) => {
                let kind = value.kind_name();
                self.json_of(value).unwrap_or_else(|| kind.to_owned())
            }
        }
    }
}
