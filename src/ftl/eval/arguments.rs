//! The arguments of a call become the local variables of a macro or function.

use std::rc::Rc;
use std::sync::Arc;

use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::late::settled;
use crate::ftl::model::BoundArguments;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::model::WithArguments;
use crate::ftl::program::Expr;
use crate::ftl::program::Macro;
use crate::ftl::program::Name;
use crate::text::Span;

/// The arguments of a call: still to be evaluated, or values.
pub(in crate::ftl::eval) enum Passed<'a, 'r> {
    Positional(&'r [Expr]),
    Named(&'r [(Arc<Name>, Expr)]),
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
    /// The local variables of a call from its arguments.
    pub(in crate::ftl::eval) fn bind(
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
            let last = bound.last;
            // Binding again replaces what was bound before: the outermost counts.
            match bound.arguments.clone() {
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
                    let declared = definition.parameters.iter().find(|own| own.name.is(name));
                    if declared.is_none() {
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
                    let value = self.evaluate_late(value)?;
                    match declared {
                        Some(parameter) => binding.set(&parameter.name, value),
                        None => binding.put_rest(Text::Borrowed(name.text()), value),
                    }
                }
            }
            Passed::Positional(values) => {
                let total = binding.next + values.len() + last_positional.len();
                self.check_positional(&mut binding, total, values.len(), span)?;
                for value in *values {
                    let value = self.evaluate_late(value)?;
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
        let rest = definition.catch_all.as_ref().map_or("", |name| name.text());
        let message = format!("`{rest}...` can't take arguments by name and by position at once");
        self.fail(TemplateErrorKind::BadArgument, message, span)
    }

    /// Parameters without an argument get their defaults, which may use each other in any order.
    pub(in crate::ftl::eval) fn apply_defaults(
        &mut self,
        definition: &'r Macro,
        span: Span,
    ) -> Result<(), Failure> {
        loop {
            let mut open: Option<Failure> = None;
            let mut progress = false;
            for (index, parameter) in definition.parameters.iter().enumerate() {
                let frame = self.frame();
                let own = frame.and_then(|frame| frame.local(&parameter.name));
                if own.is_some_and(|value| !value.is_missing()) {
                    continue;
                }
                let was_given = own.is_some();
                let Some(default) = &parameter.default else {
                    if self.settings.classic_compatible {
                        continue;
                    }
                    return Err(self.no_argument(definition, index, was_given, span));
                };
                match self.evaluate_late(default) {
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
        let (name, parameter) = (definition.name.text(), definition.parameters[index].name.text());
        // The call is blamed, which stands in the caller's template.
        let caller = self.frames.get(self.place.frame as usize);
        let program = caller.map_or(self.place.program, |frame| frame.caller.program);
        let (message, hint) = if was_given {
            (
                format!("the argument `{parameter}` of {kind} `{name}` is missing or null"),
                "give it a default at the call: `…!\"\"`".to_owned(),
            )
        } else {
            (
                format!("{kind} `{name}` needs an argument for `{parameter}`"),
                format!("pass it, or give the parameter a default: `{parameter}=\"\"`"),
            )
        };
        // A default behind the call can't cure it, so it is no missing value.
        crate::ftl::eval::fault::error(TemplateErrorKind::BadArgument, message, program, span)
            .with_hint(hint)
    }

    /// `.args`
    pub(in crate::ftl::eval) fn collect_arguments(
        &mut self,
        definition: &'r Macro,
        span: Span,
    ) -> Evaluated<'r> {
        let Some(frame) = self.frame() else { return Ok(Model::Missing) };
        let value = |name: &Name| frame.local(name).cloned().map_or(Model::Missing, settled);
        let rest = definition.catch_all.as_deref().map(value);
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
                let message =
                    "a macro with `.args` and a catch-all parameter takes arguments by name only";
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
                Some(Rest::Positional(values)) => values.push(settled(value)),
                _ => self.rest = Some(Rest::Positional(vec![settled(value)])),
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
            map.insert(name, settled(value));
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
