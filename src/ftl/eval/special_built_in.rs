//! The built-ins that only the evaluator can do: those that look at names, evaluate some of their
//! arguments, or read templates.

use std::rc::Rc;

use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins::Special;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::builtin_call::DEFAULT;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Method;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::ftl::names;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::Form;
use crate::text::Span;

impl<'r> Evaluator<'r> {
    /// What a built-in does that is no function of its values.
    pub(in crate::ftl::eval) fn apply_special(
        &mut self,
        special: Special,
        application: &'r Application,
        span: Span,
    ) -> Evaluated<'r> {
        let target = &application.target;
        let arguments: &'r [Expr] = match &application.form {
            Form::Call(arguments) => arguments,
            _ => &[],
        };
        match special {
            Special::Then => {
                let holds = self.condition(target)?;
                let [yes, no] = arguments else { return Ok(Model::Missing) };
                self.present_late(if holds { yes } else { no })
            }
            Special::Switch => self.switch_value(target, arguments),
            Special::Default => {
                let value = self.evaluate_lenient(target)?;
                if matches!(application.form, Form::Bare) {
                    return Ok(default_method(value));
                }
                if arguments.is_empty() && value.is_missing() {
                    let message = "`?default` takes at least 1 argument, found none";
                    return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
                }
                let mut found = value;
                for argument in arguments {
                    let fallback = self.evaluate_late(argument)?;
                    if found.is_missing() {
                        found = fallback;
                    }
                }
                Ok(found)
            }
            Special::Eval => {
                let text = self.text(target)?;
                self.eval_text(&text, application.output, span)
            }
            Special::Interpret => self.interpret(target, application.output, span),
            Special::Namespace => match self.evaluate(target)? {
                Model::Callable(Callable::Macro { id, .. }) => {
                    let namespace = Rc::clone(&self.macros[id as usize].namespace);
                    Ok(Model::Hash(Hash::Namespace(namespace)))
                }
                other => Err(self.wrong_type("a macro or function", &other, target)),
            },
            Special::AbsoluteTemplateName => {
                let path = self.text(target)?;
                let base = match arguments {
                    [] if matches!(application.form, Form::Call(_)) => {
                        let message = "`?absolute_template_name()` takes 1 argument, found none";
                        return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
                    }
                    [] => Text::Borrowed(self.place.program.source.name()),
                    [base] => match self.required(base)? {
                        Model::Text(name) => name,
                        other => return Err(self.wrong_type("a string", &other, base)),
                    },
                    [_, more @ ..] => {
                        let count = more.len() + 1;
                        let message =
                            format!("`?absolute_template_name` takes 1 argument, found {count}");
                        return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
                    }
                };
                // FreeMarker 1 knew names from the root only.
                let full = if self.settings.classic_compatible {
                    path.to_string()
                } else {
                    names::resolve(&base, &path)
                };
                let name = names::absolute(&full);
                Ok(Model::Text(Text::from(name)))
            }
            Special::Loop(_) => Ok(Model::Missing),
            Special::NotAvailable { why, hint } => {
                // What is missing is that first, so that `(node?parent)!` has its default.
                if application.built_in.group == "node" {
                    self.present(target)?;
                }
                let name = application.built_in.name;
                let message = format!("`?{name}` is not available here: {why}");
                let failure =
                    self.fail(TemplateErrorKind::NotAvailable, message, application.name_span);
                Err(failure.with_hint(hint))
            }
        }
    }

    fn switch_value(&mut self, target: &'r Expr, arguments: &'r [Expr]) -> Evaluated<'r> {
        let value = self.present(target)?;
        let mut cases = arguments.chunks_exact(2);
        for case in &mut cases {
            let [expected, result] = case else { continue };
            let other = self.present(expected)?;
            let operator = BinaryOperator::Equal;
            if self.compare(operator, value.clone(), target, other, expected, expected.span)? {
                return self.present_late(result);
            }
        }
        if let [default] = cases.remainder() {
            return self.present_late(default);
        }
        let quoted = self.quote(target.span);
        let message = format!("`{quoted}` matches no case of `?switch`");
        let failure = self.fail(TemplateErrorKind::BadArgument, message, target.span);
        Err(failure.with_hint("add a last argument: the value when no case matches"))
    }
}

/// `x?default` without its arguments: a function that gives `x`, or its first argument that is
/// there.
fn default_method(target: Model<'_>) -> Model<'_> {
    let method = Method { built_in: DEFAULT, target };
    Model::Callable(Callable::Method(Rc::new(method)))
}
