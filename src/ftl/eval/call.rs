//! Macros, functions, lambdas, methods and what else can be called.

use std::rc::Rc;

use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::scope::Context;
use crate::ftl::eval::scope::Frame;
use crate::ftl::eval::scope::NONE;
use crate::ftl::eval::scope::Place;
use crate::ftl::model::BoundArguments;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Lambda;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::model::WithArguments;
use crate::ftl::program::Arguments;
use crate::ftl::program::Body;
use crate::ftl::program::Call;
use crate::ftl::program::Expr;
use crate::ftl::program::Macro;
use crate::ftl::program::Name;
use crate::ftl::program::Program;
use crate::ftl::statics;
use crate::text::Span;

/// A macro or function that a value can mean.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Defined<'r> {
    pub(in crate::ftl::eval) definition: &'r Macro,
    pub(in crate::ftl::eval) program: &'r Program,
    /// Where it was defined last; it runs there.
    pub(in crate::ftl::eval) namespace: Rc<Namespace<'r>>,
}

/// The arguments of a call: still to be evaluated, or values.
pub(in crate::ftl::eval) enum Passed<'a, 'r> {
    Positional(&'r [Expr]),
    Named(&'r [(Name, Expr)]),
    Values(&'a [Model<'r>]),
}

/// The locals of a call as they come together.
struct Binding<'r> {
    definition: &'r Macro,
    locals: Vec<(&'r Name, Model<'r>)>,
    next: usize,
    rest: Option<Rest<'r>>,
}

/// What goes into `rest...`.
enum Rest<'r> {
    Positional(Vec<Model<'r>>),
    Named(Map<'r>),
}

impl<'r> Evaluator<'r> {
    /// `<@x …>…</@x>`
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
                    let failure = self.fail(TemplateErrorKind::WrongType, message, call.callee.span);
                    return Err(failure.with_hint(format!("call it in an expression: `${{{name}(…)}}`")));
                }
                let body = call.body.as_ref().map(|body| (body, &call.loop_variables[..]));
                self.run_macro(id, bound.as_deref(), &arguments, body, span)?;
                Ok(Flow::Next)
            }
            Callable::Directive { id } => {
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
        let result = self.run_macro(id, bound, arguments, None, span);
        self.writer.take_back(position);
        result
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
            Callable::Lambda(lambda) => Ok(self.call_lambda(*lambda, values)?),
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
                    return Ok(self.run_function(id, Some(bound), &Passed::Values(&values), span)?);
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

    fn call_lambda(&mut self, lambda: Lambda<'r>, values: Vec<Model<'r>>) -> Evaluated<'r> {
        let Lambda { function, program } = lambda;
        let outside = std::mem::replace(&mut self.place.program, program);
        let before = self.place.context;
        let bottom = u32::try_from(self.contexts.len()).unwrap_or(NONE);
        for (name, value) in function.parameters.iter().zip(values) {
            let binding = self.binding(name, value);
            self.push_context(binding);
        }
        let result = self.evaluate(&function.body);
        self.contexts.truncate(bottom as usize);
        self.place.context = before;
        self.place.program = outside;
        result
    }

    /// Runs a macro or function. Gives what `<#return>` returned.
    fn run_macro(
        &mut self,
        id: u32,
        bound: Option<&WithArguments<'r>>,
        arguments: &Passed<'_, 'r>,
        body: Option<(&'r Body, &'r [Name])>,
        span: Span,
    ) -> Evaluated<'r> {
        self.step(span)?;
        self.check_stack(span)?;
        let Defined { definition, program, ref namespace } = self.macros[id as usize];
        let namespace = Rc::clone(namespace);
        if self.frames.len() >= self.settings.limits.max_call_depth {
            let limit = self.settings.limits.max_call_depth;
            let name = definition.name.text();
            let message = format!("calls are more than {limit} inside each other at `{name}` (`max_call_depth`)");
            let failure = self.fail(TemplateErrorKind::Limit, message, span);
            return Err(failure.with_hint("a macro or function that calls itself needs a condition that ends it"));
        }
        let locals = self.bind(definition, bound, arguments, span)?;
        let included = self.place.included;
        let place = Place { program, included, context: NONE, frame: NONE, namespace };
        let caller = std::mem::replace(&mut self.place, place);
        let index = self.frames.len();
        self.place.frame = u32::try_from(index).unwrap_or(NONE);
        let quiet = std::mem::replace(&mut self.quiet, false);
        self.frames.push(Frame { definition, locals, arguments: None, body, caller, result: Model::Missing });
        let result = self.run_frame(definition, span);
        self.quiet = quiet;
        self.frames.truncate(index + 1);
        let Some(frame) = self.frames.pop() else { return Ok(Model::Missing) };
        self.place = frame.caller;
        match result {
            Ok(()) => Ok(frame.result),
            Err(Failure::Error(error)) if quiet && error.kind() == TemplateErrorKind::MissingValue => {
                Err(Failure::Missing)
            }
            Err(Failure::Error(error)) => {
                let kind = if definition.is_function { "function" } else { "macro" };
                let what = format!("in {kind} `{}`", definition.name.text());
                Err(Failure::Error(error.called_from(what, &self.place.program.source, span)))
            }
            Err(failure) => Err(failure),
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
        self.run(&definition.body).map(|_| ())
    }

    /// `<#return …>`
    pub(in crate::ftl::eval) fn return_value(
        &mut self,
        value: Option<&'r Expr>,
    ) -> Result<Flow, Failure> {
        if let Some(value) = value {
            let value = self.evaluate(value)?;
            if let Some(frame) = self.frame() {
                frame.result = value;
            }
        }
        Ok(Flow::Return)
    }

    /// `<#nested …>`
    pub(in crate::ftl::eval) fn nested(
        &mut self,
        values: &'r [Expr],
        span: Span,
    ) -> Result<Flow, Failure> {
        let Some(frame) = self.frames.get(self.place.frame as usize) else { return Ok(Flow::Next) };
        let (body, caller) = (frame.body, frame.caller.clone());
        let mut given = Vec::with_capacity(values.len());
        for value in values {
            given.push(self.evaluate(value)?);
        }
        let Some((body, names)) = body else { return Ok(Flow::Next) };
        self.step(span)?;
        let hides = !self.settings.fallback_on_null_loop_variable;
        let included = caller.namespace.template;
        let inside = std::mem::replace(&mut self.place, Place { included, ..caller });
        let bottom = self.contexts.len();
        for (name, value) in names.iter().zip(given) {
            let context = Context { hides, ..self.binding(name, value) };
            self.push_context(context);
        }
        let flow = self.run(body);
        self.contexts.truncate(bottom);
        self.place = inside;
        // `<#return>` in nested content ends this macro, as it does in FreeMarker.
        flow
    }

    /// The local variables of a call from its arguments.
    fn bind(
        &mut self,
        definition: &'r Macro,
        bound: Option<&WithArguments<'r>>,
        arguments: &Passed<'_, 'r>,
        span: Span,
    ) -> Result<Vec<(&'r Name, Model<'r>)>, Failure> {
        let mut binding = Binding {
            definition,
            locals: Vec::with_capacity(definition.parameters.len() + 1),
            next: 0,
            rest: None,
        };
        let mut late: Vec<(Text<'r>, Model<'r>)> = Vec::new();
        let (mut last_positional, mut is_bound_by_position) = (Vec::new(), false);
        if let Some(bound) = bound {
            let (given, last) = flatten(bound);
            match given {
                BoundArguments::Named(pairs) => {
                    for (name, value) in pairs {
                        if binding.set_declared(&name, &value) {
                            continue;
                        }
                        if definition.catch_all.is_none() {
                            return Err(self.unknown_parameter(definition, &name, span));
                        }
                        binding.named_rest();
                        if last {
                            late.push((name, value));
                        } else {
                            binding.put_rest(name, value);
                        }
                    }
                    if definition.catch_all.is_some()
                        && matches!(arguments, Passed::Positional([]) | Passed::Values([]))
                    {
                        binding.named_rest();
                    }
                }
                BoundArguments::Positional(values) => {
                    is_bound_by_position = true;
                    if last {
                        let is_named = matches!(arguments, Passed::Named([_, ..]));
                        if is_named && !values.is_empty() {
                            let message = "arguments by name can't be mixed with those `?with_args_last` gives by position";
                            return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
                        }
                        last_positional = values;
                    } else {
                        self.check_count(definition, values.len(), span)?;
                        for value in values {
                            binding.push(value);
                        }
                    }
                }
            }
        }
        match arguments {
            Passed::Named(pairs) => {
                if definition.catch_all.is_some() && binding.rest.is_none() {
                    if pairs.is_empty() && is_bound_by_position {
                        binding.rest = Some(Rest::Positional(Vec::new()));
                    } else {
                        binding.named_rest();
                    }
                }
                for (name, value) in *pairs {
                    let is_declared = definition.parameters.iter().any(|own| own.name.is(name));
                    if !is_declared {
                        match binding.rest {
                            Some(Rest::Named(_)) => {}
                            Some(Rest::Positional(_)) => {
                                return Err(self.mixed_rest(definition, span));
                            }
                            None => {
                                return Err(self.unknown_parameter(definition, name.text(), span));
                            }
                        }
                    }
                    let value = self.evaluate(value)?;
                    if is_declared {
                        binding.set_declared(name.text(), &value);
                    } else {
                        binding.put_rest(Text::Borrowed(name.text()), value);
                    }
                }
            }
            Passed::Positional(values) => {
                let total = binding.next + values.len() + last_positional.len();
                self.check_positional(&mut binding, total, values.len(), span)?;
                for value in *values {
                    let value = self.evaluate(value)?;
                    binding.push(value);
                }
            }
            Passed::Values(values) => {
                let total = binding.next + values.len() + last_positional.len();
                self.check_positional(&mut binding, total, values.len(), span)?;
                for value in *values {
                    binding.push(value.clone());
                }
            }
        }
        for value in last_positional {
            binding.push(value);
        }
        for (name, value) in late {
            if let Some(Rest::Named(map)) = &mut binding.rest
                && map.get(&name).is_none()
            {
                map.insert(name, value);
            }
        }
        Ok(binding.finish())
    }

    fn check_positional(
        &mut self,
        binding: &mut Binding<'r>,
        total: usize,
        here: usize,
        span: Span,
    ) -> Result<(), Failure> {
        let definition = binding.definition;
        if definition.catch_all.is_some() && binding.rest.is_none() {
            binding.rest = Some(Rest::Positional(Vec::new()));
        }
        if total > definition.parameters.len() && here > 0 {
            match binding.rest {
                Some(Rest::Positional(_)) => {}
                Some(Rest::Named(_)) => return Err(self.mixed_rest(definition, span)),
                None => return self.check_count(definition, total, span),
            }
        }
        self.check_count(definition, total, span)
    }

    fn check_count(&self, definition: &Macro, count: usize, span: Span) -> Result<(), Failure> {
        let most = definition.parameters.len();
        if count <= most || definition.catch_all.is_some() {
            return Ok(());
        }
        let name = definition.name.text();
        let kind = if definition.is_function { "function" } else { "macro" };
        let plural = if most == 1 { "" } else { "s" };
        let message = format!("{kind} `{name}` takes {most} argument{plural}, found {count}");
        Err(self.fail(TemplateErrorKind::BadArgument, message, span))
    }

    #[cold]
    fn unknown_parameter(&self, definition: &Macro, name: &str, span: Span) -> Failure {
        let own = definition.name.text();
        let names: Vec<&str> = definition.parameters.iter().map(|own| own.name.text()).collect();
        let message = format!("macro `{own}` has no parameter `{name}`");
        let failure = self.fail(TemplateErrorKind::BadArgument, message, span);
        match crate::text::did_you_mean(name, names.iter().copied()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None if names.is_empty() => failure.with_hint("it has no parameters"),
            None => failure.with_hint(format!("its parameters are {}", names.join(", "))),
        }
    }

    #[cold]
    fn mixed_rest(&self, definition: &Macro, span: Span) -> Failure {
        let rest = definition.catch_all.as_ref().map_or("", Name::text);
        let message = format!("`{rest}...` can't take arguments by name and by position at once");
        self.fail(TemplateErrorKind::BadArgument, message, span)
    }

    /// Parameters without an argument get their defaults, which may use each other in any order.
    fn apply_defaults(&mut self, definition: &'r Macro, span: Span) -> Result<(), Failure> {
        loop {
            let mut open: Option<Failure> = None;
            let mut progress = false;
            for (index, parameter) in definition.parameters.iter().enumerate() {
                let frame = self.frame();
                let own = frame.and_then(|frame| frame.local(&parameter.name).cloned());
                if own.as_ref().is_some_and(|value| !value.is_missing()) {
                    continue;
                }
                let Some(default) = &parameter.default else {
                    if self.settings.classic_compatible {
                        continue;
                    }
                    return Err(self.no_argument(definition, index, own.is_some(), span));
                };
                match self.evaluate(default) {
                    Ok(Model::Missing) => {
                        if open.is_none() {
                            open = Some(self.missing(default));
                        }
                    }
                    Ok(value) => {
                        progress = true;
                        if let Some(frame) = self.frame() {
                            frame.set_local(&parameter.name, value);
                        }
                    }
                    Err(failure) if failure.is_missing() => {
                        open.get_or_insert(failure);
                    }
                    Err(failure) => return Err(failure),
                }
            }
            match open {
                None => return Ok(()),
                Some(_) if progress => {}
                Some(_) if self.settings.classic_compatible => return Ok(()),
                Some(failure) => return Err(failure),
            }
        }
    }

    #[cold]
    fn no_argument(
        &self,
        definition: &Macro,
        index: usize,
        was_given: bool,
        span: Span,
    ) -> Failure {
        let kind = if definition.is_function { "function" } else { "macro" };
        let (name, parameter) =
            (definition.name.text(), definition.parameters[index].name.text());
        // The call is blamed, which stands in the caller's template.
        let caller = self.frames.get(self.place.frame as usize);
        let program = caller.map_or(self.place.program, |frame| frame.caller.program);
        let (error_kind, message, hint) = if was_given {
            (
                TemplateErrorKind::MissingValue,
                format!("the argument `{parameter}` of {kind} `{name}` is missing or null"),
                "give it a default at the call: `…!\"\"`".to_owned(),
            )
        } else {
            (
                TemplateErrorKind::BadArgument,
                format!("{kind} `{name}` needs an argument for `{parameter}`"),
                format!("pass it, or give the parameter a default: `{parameter}=\"\"`"),
            )
        };
        crate::ftl::eval::fault::error(error_kind, message, program, span).with_hint(hint)
    }

    /// `.args`
    fn collect_arguments(&mut self, definition: &'r Macro, span: Span) -> Evaluated<'r> {
        let Some(frame) = self.frame() else { return Ok(Model::Missing) };
        let value = |name: &Name| frame.local(name).cloned().unwrap_or(Model::Missing);
        let rest = definition.catch_all.as_ref().map(value);
        let own = definition.parameters.iter().map(|own| (&own.name, value(&own.name)));
        if definition.is_function {
            let mut values: Vec<Model<'r>> = own.map(|(_, value)| value).collect();
            if let Some(Model::Sequence(Sequence::Items(rest))) = rest {
                values.extend(rest.iter().cloned());
            }
            return Ok(Model::list(values));
        }
        let mut map = Map::default();
        for (name, value) in own {
            map.insert(Text::Borrowed(name.text()), value);
        }
        match rest {
            Some(Model::Hash(Hash::Made(rest))) => {
                for (name, value) in rest.iter() {
                    map.insert(name.clone(), value.clone());
                }
            }
            Some(Model::Sequence(Sequence::Items(rest))) if !rest.is_empty() => {
                let message = "a macro with `.args` and a catch-all parameter takes arguments by name only";
                return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
            }
            _ => {}
        }
        Ok(Model::Hash(Hash::Made(Rc::new(map))))
    }
}

impl<'r> Binding<'r> {
    fn set(&mut self, name: &'r Name, value: Model<'r>) {
        match self.locals.iter_mut().find(|(own, _)| own.is(name)) {
            Some((_, old)) => *old = value,
            None => self.locals.push((name, value)),
        }
    }

    fn set_declared(&mut self, name: &str, value: &Model<'r>) -> bool {
        let parameter = self.definition.parameters.iter().find(|own| own.name.text() == name);
        if let Some(parameter) = parameter {
            self.set(&parameter.name, value.clone());
        }
        parameter.is_some()
    }

    fn push(&mut self, value: Model<'r>) {
        match self.definition.parameters.get(self.next) {
            Some(parameter) => {
                self.next += 1;
                self.set(&parameter.name, value);
            }
            None => match &mut self.rest {
                Some(Rest::Positional(values)) => values.push(value),
                _ => self.rest = Some(Rest::Positional(vec![value])),
            },
        }
    }

    fn named_rest(&mut self) {
        if !matches!(self.rest, Some(Rest::Named(_))) {
            self.rest = Some(Rest::Named(Map::default()));
        }
    }

    fn put_rest(&mut self, name: Text<'r>, value: Model<'r>) {
        if let Some(Rest::Named(map)) = &mut self.rest {
            map.insert(name, value);
        }
    }

    fn finish(mut self) -> Vec<(&'r Name, Model<'r>)> {
        if let (Some(name), Some(rest)) = (&self.definition.catch_all, self.rest.take()) {
            let value = match rest {
                Rest::Positional(values) => Model::list(values),
                Rest::Named(map) => Model::Hash(Hash::Made(Rc::new(map))),
            };
            self.locals.push((name, value));
        }
        self.locals
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

/// The arguments in effect: of a macro, binding again replaces what was bound before.
fn flatten<'r>(bound: &WithArguments<'r>) -> (BoundArguments<'r>, bool) {
    (bound.arguments.clone(), bound.last)
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
