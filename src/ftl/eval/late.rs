//! Values that are made when somebody wants them: what `x?string`, `x?url` and `x?date` give with
//! the format of the settings.
//!
//! As in FreeMarker, such a value can be kept and asked what it is without being made, and what can't
//! be made is an error for whoever wants it, which perhaps nobody does. It is also a function and a
//! hash of the other formats. Printing `${x?string}` makes it at once, and nothing of this.

use std::rc::Rc;

use crate::ftl::builtins::Applied;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::walk::NO_GROUP;
use crate::ftl::builtins::walk::no_match;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::builtin_call::check_count;
use crate::ftl::model::Late;
use crate::ftl::model::Model;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::text::Span;

impl<'r> Evaluator<'r> {
    /// The value of an expression for a place that passes it on: it may be a [`Model::Late`].
    pub(in crate::ftl::eval) fn evaluate_late(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        match &expression.kind {
            ExprKind::Variable(name) => Ok(self.variable(name)),
            ExprKind::BuiltIn(application) => {
                self.check_stack(expression.span)?;
                self.apply_late(application, expression.span)
            }
            ExprKind::Dot { target, key } if self.object(target).is_none() => {
                self.dotted(target, key, expression.span)
            }
            ExprKind::Parenthesis(_)
            | ExprKind::Default { .. }
            | ExprKind::Index { .. }
            | ExprKind::Loop { .. }
            | ExprKind::Call { .. } => self.compound_late(expression),
            _ => self.evaluate(expression),
        }
    }

    /// A value for a built-in or a sequence that is computed: made, unless it can't be.
    pub(in crate::ftl::eval) fn kept(&mut self, expression: &'r Expr) -> Evaluated<'r> {
        self.evaluate_late(expression).map(settled)
    }

    /// The value for somebody who wants it.
    #[inline]
    pub(in crate::ftl::eval) fn wanted(&mut self, value: Model<'r>) -> Evaluated<'r> {
        match value {
            Model::Late(late) => self.made(&late),
            value => Ok(value),
        }
    }

    #[cold]
    fn made(&mut self, late: &Late<'r>) -> Evaluated<'r> {
        // These look at the settings that hold when they are wanted.
        let looks_late = matches!(late.built_in, "url" | "url_path")
            || matches!(late.target, Model::Boolean(_) | Model::Matches(_));
        if looks_late && let Ok(made) = self.apply_again(late, Applied::Bare) {
            return Ok(made);
        }
        late.made.clone().map_err(Failure::Error)
    }

    /// `(x?string)("0.00")`, `(x?string)["0.00"]`
    pub(in crate::ftl::eval) fn apply_again(
        &mut self,
        late: &Late<'r>,
        applied: Applied<'_, 'r>,
    ) -> Result<Model<'r>, Fault> {
        match crate::ftl::builtins::find(late.built_in).map(|built_in| built_in.function) {
            Some(Function::Flexible(function)) => function(self, late.target.clone(), applied),
            _ => Ok(Model::Missing),
        }
    }

    /// Calls what a built-in gave that was applied without its arguments.
    pub(in crate::ftl::eval) fn call_late(
        &mut self,
        late: &Late<'r>,
        values: &[Model<'r>],
    ) -> Result<Model<'r>, Fault> {
        if let Some(built_in) = crate::ftl::builtins::find(late.built_in) {
            check_count(built_in, values.len())?;
        }
        self.apply_again(late, Applied::Call(values))
    }

    /// A group of a text that doesn't match, among other items.
    pub(in crate::ftl::eval) fn no_group(&self, span: Span) -> Model<'r> {
        let made = Err(no_match().at(&self.place.program.source, span));
        Model::Late(Rc::new(Late { built_in: NO_GROUP, target: Model::Missing, made }))
    }

    /// [`Evaluator::apply`] for a place that passes the value on.
    fn apply_late(&mut self, application: &'r Application, span: Span) -> Evaluated<'r> {
        let built_in = application.built_in;
        let is_late =
            matches!((built_in.function, &application.form), (Function::Flexible(_), Form::Bare));
        if !is_late {
            return self.apply_unmade(application, span);
        }
        self.step(span)?;
        let target = self.evaluate(&application.target)?;
        let value = target.clone();
        let made = match self.apply_to(value, application, span) {
            Ok(made) => Ok(made),
            Err(Failure::Error(error))
                if self.fails_late(built_in, &target, &error, application) =>
            {
                Err(error)
            }
            Err(failure) => return Err(failure),
        };
        let is_same = match (built_in.name, &target) {
            ("string", Model::Text(_) | Model::Match(_) | Model::Empty) => true,
            ("string" | "url" | "url_path", _) => false,
            // A date is a date already.
            (_, Model::Date(_)) => true,
            _ => false,
        };
        match made {
            Ok(made) if is_same => Ok(made),
            made => Ok(Model::Late(Rc::new(Late { built_in: built_in.name, target, made }))),
        }
    }

    /// Whether an error is one of the value that is wanted later. What it is made of is looked at
    /// first, and so is the format.
    fn fails_late(
        &mut self,
        built_in: &BuiltIn,
        target: &Model<'r>,
        error: &TemplateError,
        application: &'r Application,
    ) -> bool {
        match (built_in.name, error.kind()) {
            ("url" | "url_path", TemplateErrorKind::BadArgument) => true,
            ("date" | "time" | "datetime", TemplateErrorKind::BadFormat) => {
                error.span() == application.target.span
            }
            ("string", TemplateErrorKind::BadFormat) if matches!(target, Model::Number(_)) => {
                let formatting = crate::ftl::builtins::Host::formatting(self);
                let format = &formatting.settings.number_format;
                formatting.formats.number(formatting.settings, format).is_ok()
            }
            _ => false,
        }
    }
}

/// The value itself when it could be made.
pub(in crate::ftl::eval) fn settled(value: Model<'_>) -> Model<'_> {
    match value {
        Model::Late(late) => match &late.made {
            Ok(made) => made.clone(),
            Err(_) => Model::Late(late),
        },
        value => value,
    }
}
