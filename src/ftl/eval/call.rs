//! Macros, functions, lambdas, methods and what else can be called.

use std::rc::Rc;
use std::sync::Arc;

use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::arguments::Passed;
use crate::ftl::eval::scope::Context;
use crate::ftl::eval::scope::Frame;
use crate::ftl::eval::scope::NONE;
use crate::ftl::eval::scope::Place;
use crate::ftl::model::BoundArguments;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Lambda;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::model::WithArguments;
use crate::ftl::program::Arguments;
use crate::ftl::program::Body;
use crate::ftl::program::Call;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Macro;
use crate::ftl::program::Name;
use crate::ftl::program::Program;
use crate::ftl::statics;
use crate::text::Span;
use crate::value::Key;
use crate::value::Object;

/// A macro or function that a value can mean.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Defined<'r> {
    pub(in crate::ftl::eval) definition: &'r Macro,
    pub(in crate::ftl::eval) program: &'r Program,
    /// Where it was defined last; it runs there.
    pub(in crate::ftl::eval) namespace: Rc<Namespace<'r>>,
}

impl<'r> Evaluator<'r> {
    /// `<@x …>…</@x>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn directive_call(
        &mut self,
        call: &'r Call,
        span: Span,
    ) -> Result<Flow, Failure> {
        let callee = self.evaluate(&call.callee)?;
        let (bound, callable) = match callee {
            Model::Callable(Callable::WithArguments(bound)) => {
                let inner = innermost(&bound);
                (Some(bound), inner)
            }
            Model::Callable(callable) => (None, callable),
            other => return Err(self.wrong_type("a macro or directive", &other, &call.callee)),
        };
        let arguments = match &call.arguments {
            Arguments::Positional(values) => Passed::Positional(values),
            Arguments::Named(pairs) => Passed::Named(pairs),
        };
        match callable {
            Callable::Macro { id, is_function } => {
                if is_function {
                    let name = self.macros[id as usize].definition.name.text();
                    let message = format!("expected a macro, found the function `{name}`");
                    let failure =
                        self.fail(TemplateErrorKind::WrongType, message, call.callee.span);
                    return Err(
                        failure.with_hint(format!("call it in an expression: `${{{name}(…)}}`"))
                    );
                }
                let body = call.body.as_ref().map(|body| (body, &call.loop_variables[..]));
                self.run_macro(id, bound.as_deref(), &arguments, body, span)?;
                Ok(self.leaving.take().unwrap_or(Flow::Next))
            }
            Callable::Directive { id } => {
                self.refuse_loop_variables(id, call, span)?;
                self.run_directive(id, bound.as_deref(), &call.arguments, call.body.as_ref(), span)
            }
            other => {
                let other = Model::Callable(other);
                Err(self.wrong_type("a macro or directive", &other, &call.callee))
            }
        }
    }

    /// `f(…)` in an expression.
    pub(in crate::ftl::eval) fn call_function(
        &mut self,
        id: u32,
        arguments: &'r [Expr],
        span: Span,
    ) -> Evaluated<'r> {
        self.run_function(id, None, &Passed::Positional(arguments), span)
    }

    fn run_function(
        &mut self,
        id: u32,
        bound: Option<&WithArguments<'r>>,
        arguments: &Passed<'_, 'r>,
        span: Span,
    ) -> Evaluated<'r> {
        let definition = self.macros[id as usize].definition;
        if !definition.is_function {
            let name = definition.name.text();
            let message = format!("expected a function, found the macro `{name}`");
            let failure = self.fail(TemplateErrorKind::WrongType, message, span);
            return Err(failure.with_hint(format!("call it as `<@{name} …/>`")));
        }
        // What a function prints goes nowhere.
        let position = self.writer.position();
        self.returned = Model::Missing;
        let result = self.run_macro(id, bound, arguments, None, span);
        self.writer.take_back(position);
        result.map(|()| self.returned.clone())
    }

    /// Calls anything but a macro or function defined here, with arguments to be evaluated.
    pub(in crate::ftl::eval) fn call_callable(
        &mut self,
        callable: &Callable<'r>,
        arguments: &'r [Expr],
        target: &'r Expr,
        span: Span,
    ) -> Evaluated<'r> {
        if let Callable::WithArguments(bound) = callable
            && let Callable::Macro { id, .. } = innermost(bound)
        {
            return self.run_function(id, Some(bound), &Passed::Positional(arguments), span);
        }
        if let Callable::Directive { .. } = callable {
            let other = Model::Callable(callable.clone());
            return Err(self.wrong_type("a function or method", &other, target));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.evaluate(argument)?);
        }
        let result = self.call_with_values(callable, values, span);
        result.map_err(|fault| self.blame(fault, span, target.span, arguments))
    }

    /// Calls with values, as built-ins do.
    pub(in crate::ftl::eval) fn call_with_values(
        &mut self,
        callable: &Callable<'r>,
        values: Vec<Model<'r>>,
        span: Span,
    ) -> Result<Model<'r>, crate::ftl::error::Fault> {
        self.step(span)?;
        self.check_stack(span)?;
        match callable {
            Callable::Lambda(lambda) => {
                let value = values.into_iter().next().unwrap_or(Model::Missing);
                Ok(self.call_lambda(*lambda, value)?)
            }
            Callable::Macro { id, .. } => {
                Ok(self.run_function(*id, None, &Passed::Values(&values), span)?)
            }
            Callable::Method(method) => self.call_method(method, &values),
            Callable::Static(name) => statics::call(self, name, &values),
            Callable::Directive { .. } => Err(crate::ftl::error::Fault::new(
                TemplateErrorKind::WrongType,
                "expected a function or method, found a directive",
            )),
            Callable::WithArguments(bound) => {
                let inner = innermost(bound);
                if let Callable::Macro { id, .. } = inner {
                    return Ok(self.run_function(
                        id,
                        Some(bound),
                        &Passed::Values(&values),
                        span,
                    )?);
                }
                self.call_bound(bound, values, span)
            }
        }
    }

    /// A method with arguments given in advance.
    fn call_bound(
        &mut self,
        bound: &WithArguments<'r>,
        values: Vec<Model<'r>>,
        span: Span,
    ) -> Result<Model<'r>, crate::ftl::error::Fault> {
        let BoundArguments::Positional(given) = &bound.arguments else {
            return Err(crate::ftl::error::Fault::new(
                TemplateErrorKind::BadArgument,
                "a method takes its arguments from a sequence, not from a hash",
            ));
        };
        let all = if bound.last {
            values.into_iter().chain(given.iter().cloned()).collect()
        } else {
            given.iter().cloned().chain(values).collect()
        };
        match &bound.callee {
            Model::Callable(callee) => self.call_with_values(callee, all, span),
            _ => Ok(Model::Missing),
        }
    }

    /// Calls a lambda with its one argument.
    pub(in crate::ftl::eval) fn call_lambda(
        &mut self,
        lambda: Lambda<'r>,
        value: Model<'r>,
    ) -> Evaluated<'r> {
        let Lambda { function, program } = lambda;
        if let Some((object, key)) = field_by(lambda, &value) {
            return Ok(object.get_key(key).map_or(Model::Missing, Model::from_node));
        }
        let outside = std::mem::replace(&mut self.place.program, program);
        let binding = self.binding(&function.parameter, value);
        let index = self.push_context(binding);
        let result = self.kept(&function.body);
        self.pop_context(index);
        self.place.program = outside;
        result
    }

    /// Runs a macro or function.
    fn run_macro(
        &mut self,
        id: u32,
        bound: Option<&WithArguments<'r>>,
        arguments: &Passed<'_, 'r>,
        body: Option<(&'r Body, &'r [Arc<Name>])>,
        span: Span,
    ) -> Result<(), Failure> {
        self.step(span)?;
        self.check_stack(span)?;
        let Defined { definition, program, ref namespace } = self.macros[id as usize];
        let namespace = Rc::clone(namespace);
        if self.frames.len() >= self.settings.limits.max_call_depth {
            let limit = self.settings.limits.max_call_depth;
            let name = definition.name.text();
            let message = format!(
                "calls are more than {limit} inside each other at `{name}` (`max_call_depth`)"
            );
            let failure = self.fail(TemplateErrorKind::Limit, message, span);
            return Err(failure.with_hint(
                "a macro or function that calls itself needs a condition that ends it",
            ));
        }
        let locals = self.bind(definition, bound, arguments, span)?;
        let place = Place { program, context: NONE, frame: NONE, namespace };
        let caller = std::mem::replace(&mut self.place, place);
        let index = self.frames.len();
        self.place.frame = u32::try_from(index).unwrap_or(NONE);
        let quiet = std::mem::replace(&mut self.quiet, false);
        self.frames.push(Frame { locals, arguments: None, body, caller });
        let result = self.run_frame(definition, span);
        self.quiet = quiet;
        self.frames.truncate(index + 1);
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        self.place = frame.caller;
        match result {
            Err(Failure::Error(error))
                if quiet && error.kind() == TemplateErrorKind::MissingValue =>
            {
                Err(Failure::Missing)
            }
            Err(Failure::Error(error)) => {
                let kind = if definition.is_function { "function" } else { "macro" };
                let what = format!("in {kind} `{}`", definition.name.text());
                Err(Failure::Error(error.called_from(what, &self.place.program.source, span)))
            }
            result => result,
        }
    }

    fn run_frame(&mut self, definition: &'r Macro, span: Span) -> Result<(), Failure> {
        self.apply_defaults(definition, span)?;
        if definition.uses_args {
            let arguments = self.collect_arguments(definition, span)?;
            if let Some(frame) = self.frame() {
                frame.arguments = Some(arguments);
            }
        }
        let flow = self.run(&definition.body)?;
        self.leaving = matches!(flow, Flow::Break | Flow::Continue).then_some(flow);
        Ok(())
    }

    /// `<#return …>`
    pub(in crate::ftl::eval) fn return_value(
        &mut self,
        value: Option<&'r Expr>,
        span: Span,
    ) -> Result<Flow, Failure> {
        if let Some(value) = value {
            if self.frames.is_empty() {
                let message = "a value can only be returned from a function";
                let failure = self.fail(TemplateErrorKind::BadArgument, message, span);
                return Err(failure.with_hint("`<#stop>` ends the whole template"));
            }
            self.returned = self.evaluate_late(value)?;
        }
        Ok(Flow::Return)
    }

    /// `<#nested …>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn nested(
        &mut self,
        values: &'r [Expr],
        span: Span,
    ) -> Result<Flow, Failure> {
        let Some(frame) = self.frames.get(self.place.frame as usize) else { return Ok(Flow::Next) };
        let (body, caller) = (frame.body, frame.caller.clone());
        let mut given = Vec::with_capacity(values.len());
        for value in values {
            given.push(self.evaluate_late(value)?);
        }
        let Some((body, names)) = body else { return Ok(Flow::Next) };
        self.step(span)?;
        let hides = !self.settings.fallback_on_null_loop_variable;
        if !body.is_empty() {
            self.included = caller.namespace.template;
        }
        let inside = std::mem::replace(&mut self.place, caller);
        let bottom = self.contexts.len();
        for (name, value) in names.iter().zip(given) {
            let context = Context { hides, ..self.binding(name, value) };
            self.push_context(context);
        }
        let flow = self.run(body);
        self.contexts.truncate(bottom);
        self.place = inside;
        if !body.is_empty() {
            self.included = self.main_program.source.name();
        }
        // `<#return>` in nested content ends this macro, as it does in FreeMarker.
        flow
    }
}

/// The object and the key that `x -> x.key` reads, which needs no variable. `None` for other lambdas
/// and values.
#[inline]
pub(in crate::ftl::eval) fn field_by<'r>(
    lambda: Lambda<'r>,
    value: &Model<'r>,
) -> Option<(Object<'r>, &'r Key)> {
    let Lambda { function, .. } = lambda;
    match (&function.body.kind, value) {
        (ExprKind::Dot { target, key }, Model::Hash(Hash::Json(object))) if matches!(&target.kind, ExprKind::Variable(name) if name.is(&function.parameter)) => {
            Some((*object, key))
        }
        _ => None,
    }
}

/// What is called in the end when arguments were bound once or more.
fn innermost<'r>(bound: &Rc<WithArguments<'r>>) -> Callable<'r> {
    let mut current = Rc::clone(bound);
    loop {
        match &current.callee {
            Model::Callable(Callable::WithArguments(inner)) => {
                let inner = Rc::clone(inner);
                current = inner;
            }
            Model::Callable(callable) => return callable.clone(),
            _ => return Callable::WithArguments(current),
        }
    }
}

impl Failure {
    /// Whether a value was missing.
    pub(in crate::ftl::eval) fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Error(error) => error.kind() == TemplateErrorKind::MissingValue,
        }
    }
}
