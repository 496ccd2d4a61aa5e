//! `<#assign>`, `<#global>`, `<#local>`.

use std::rc::Rc;

use crate::ftl::ast::AssignOperator;
use crate::ftl::ast::BinaryOperator;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::model::Hash;
use crate::ftl::model::Markup;
use crate::ftl::model::MarkupContent;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::model::Text;
use crate::ftl::program::Assignment;
use crate::ftl::program::Capture;
use crate::ftl::program::Name;
use crate::ftl::program::Scope;
use crate::text::Span;
use crate::value::Number;

/// Where an assignment goes.
enum Target<'r> {
    Namespace(Rc<Namespace<'r>>),
    Global,
    Local,
}

impl<'r> Evaluator<'r> {
    /// `<#assign a = 1 b += 2>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn assign(
        &mut self,
        scope: &'r Scope,
        assignments: &'r [Assignment],
        span: Span,
    ) -> Result<(), Failure> {
        for assignment in assignments {
            self.step(span)?;
            let result = self.assign_one(scope, assignment);
            // Each is a directive of its own, of which some may fail where errors are ignored.
            result.or_else(|failure| self.handle(failure))?;
        }
        Ok(())
    }

    fn assign_one(&mut self, scope: &'r Scope, assignment: &'r Assignment) -> Result<(), Failure> {
        let target = self.target(scope)?;
        let value = self.assigned(&target, assignment)?;
        self.put(&target, &assignment.name, value)
    }

    /// `<#assign x>…</#assign>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn capture(
        &mut self,
        capture: &'r Capture,
        span: Span,
    ) -> Result<Flow, Failure> {
        let position = self.writer.position();
        let flow = self.run(&capture.body);
        let text = self.writer.captured(position);
        let flow = flow?;
        if flow != Flow::Next {
            return Ok(flow);
        }
        self.check_text_length(text.len(), span)?;
        let output = &self.place.program.outputs[capture.output as usize];
        let value = if output.auto_escape && output.format.is_markup() {
            let content = MarkupContent::Markup(text.into());
            Model::Markup(Rc::new(Markup { format: output.format.clone(), content }))
        } else {
            Model::Text(Text::from(text))
        };
        let target = self.target(&capture.scope)?;
        self.put(&target, &capture.name, value)?;
        Ok(Flow::Next)
    }

    fn target(&mut self, scope: &'r Scope) -> Result<Target<'r>, Failure> {
        Ok(match scope {
            Scope::Current => Target::Namespace(Rc::clone(&self.place.namespace)),
            Scope::Global => Target::Global,
            Scope::Local => Target::Local,
            Scope::Namespace(expression) => match self.evaluate(expression)? {
                Model::Hash(Hash::Namespace(namespace)) => Target::Namespace(namespace),
                other => return Err(self.wrong_type("a namespace", &other, expression)),
            },
        })
    }

    fn put(
        &mut self,
        target: &Target<'r>,
        name: &'r Name,
        value: Model<'r>,
    ) -> Result<(), Failure> {
        match target {
            Target::Namespace(namespace) => self.set_in(namespace, name, value),
            Target::Global => {
                self.globals.insert_hashed(name.hash, Text::Borrowed(name.text()), value);
                Ok(())
            }
            Target::Local => {
                if let Some(frame) = self.frame() {
                    frame.set_local(name, value);
                }
                Ok(())
            }
        }
    }

    fn assigned(&mut self, target: &Target<'r>, assignment: &'r Assignment) -> Evaluated<'r> {
        let Assignment { name, name_span, operator, value } = assignment;
        match (operator, value) {
            (AssignOperator::Set, Some(value)) => self.required_late(value),
            (AssignOperator::Add, Some(value)) => {
                let old = self.old_value(target, name, *name_span, true)?;
                let more = self.required(value)?;
                self.add(old, None, more, value, value.span)
            }
            (AssignOperator::Increment, _) => {
                self.counted(target, name, *name_span, BinaryOperator::Add)
            }
            (AssignOperator::Decrement, _) => {
                self.counted(target, name, *name_span, BinaryOperator::Subtract)
            }
            (operator, Some(value)) => {
                let old = self.old_number(target, name, *name_span)?;
                let operand = self.number(value)?;
                let operator = match operator {
                    AssignOperator::Subtract => BinaryOperator::Subtract,
                    AssignOperator::Multiply => BinaryOperator::Multiply,
                    AssignOperator::Divide => BinaryOperator::Divide,
                    _ => BinaryOperator::Remainder,
                };
                let span = name_span.to(value.span);
                self.calculate(operator, &old, &operand, span).map(Model::Number)
            }
            (_, None) => Ok(Model::Missing),
        }
    }

    fn counted(
        &mut self,
        target: &Target<'r>,
        name: &'r Name,
        span: Span,
        operator: BinaryOperator,
    ) -> Evaluated<'r> {
        let old = self.old_number(target, name, span)?;
        self.calculate(operator, &old, &Number::from(1), span).map(Model::Number)
    }

    fn old_number(
        &mut self,
        target: &Target<'r>,
        name: &'r Name,
        span: Span,
    ) -> Result<Number, Failure> {
        match self.old_value(target, name, span, false)? {
            Model::Number(number) => Ok(number),
            other => {
                let message =
                    format!("expected a number in `{}`, found {}", name.text(), other.kind_name());
                Err(self.fail(TemplateErrorKind::WrongType, message, span))
            }
        }
    }

    fn old_value(
        &mut self,
        target: &Target<'r>,
        name: &'r Name,
        span: Span,
        joins: bool,
    ) -> Evaluated<'r> {
        let value = match target {
            Target::Local => self.local(name),
            Target::Global => {
                let value = self.globals.get_hashed(name.hash, name.text());
                value.cloned().unwrap_or(Model::Missing)
            }
            Target::Namespace(namespace) => {
                self.wake(namespace)?;
                let variables = namespace.variables.borrow();
                variables.get_hashed(name.hash, name.text()).cloned().unwrap_or(Model::Missing)
            }
        };
        if !value.is_missing() {
            return Ok(value);
        }
        if joins && self.settings.classic_compatible {
            return Ok(Model::Text(Text::Borrowed("")));
        }
        if self.quiet {
            return Err(Failure::Missing);
        }
        let message = format!("`{}` has no value yet that could be changed", name.text());
        let hint = match target {
            Target::Local => "set it with `<#local … = …>` first",
            Target::Namespace(_) | Target::Global => {
                "set it with `<#assign … = …>` first; data can't be changed, only copied"
            }
        };
        Err(self.fail(TemplateErrorKind::MissingValue, message, span).with_hint(hint))
    }
}
