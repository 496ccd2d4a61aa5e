//! Directives: what each piece of content does.
//!
//! The rarer ones are kept out of line, so that the common ones run with a small stack frame.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::escapes;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::format::Formatting;
use crate::ftl::model::Model;
use crate::ftl::program::CaseKind;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Switch;
use crate::text::Span;

impl<'r> Evaluator<'r> {
    /// Runs one piece of content, for which [`Evaluator::run`] has counted a step.
    pub(in crate::ftl::eval) fn node(&mut self, node: &'r Node) -> Result<Flow, Failure> {
        let span = node.span;
        match &node.kind {
            NodeKind::Interpolation { value, output, escape } => {
                if self.writer.is_traced() {
                    self.writer.mark(self.place.program, span);
                }
                let model = match &value.kind {
                    ExprKind::BuiltIn(application) if !*escape => match &application.direct {
                        Some(direct) => self.apply_directly(application, direct, value.span)?,
                        None => Some(self.apply(application, value.span)?),
                    },
                    _ => Some(self.evaluate(value)?),
                };
                if let Some(model) = model {
                    self.interpolate(model, value, *output, *escape)?;
                }
                if self.writer.is_full() {
                    return Err(self.too_much_output(span));
                }
            }
            NodeKind::If(branches) => {
                for branch in branches {
                    let holds = match &branch.condition {
                        Some(condition) => self.condition(condition)?,
                        None => true,
                    };
                    if holds {
                        return self.run(&branch.body);
                    }
                }
            }
            NodeKind::List(list) => return self.list(list),
            NodeKind::Text(text) => self.writer.push(text),
            NodeKind::Assign { scope, assignments } => self.assign(scope, assignments, span)?,
            NodeKind::Call(call) => return self.directive_call(call, span),
            NodeKind::Sep(body) => return self.separate(body),
            NodeKind::NumericInterpolation { value, fraction, output, escape } => {
                if self.writer.is_traced() {
                    self.writer.mark(self.place.program, span);
                }
                let text = self.numeric_text(value, *fraction)?;
                if *escape {
                    let format = &self.place.program.outputs[*output as usize].format;
                    self.writer.push(&escapes::for_format(&text, format));
                } else {
                    self.writer.push(&text);
                }
            }
            NodeKind::Items { variables, body } => return self.list_items(variables, body, span),
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
            NodeKind::Switch(switch) => return self.switch(switch),
            NodeKind::Capture(capture) => return self.capture(capture, span),
            NodeKind::Macro(index) => self.define(self.place.program, *index),
            NodeKind::Nested(values) => return self.nested(values, span),
            NodeKind::Return(value) => return self.return_value(value.as_ref(), span),
            NodeKind::Include(include) => return self.include(include, span),
            NodeKind::Import { path, name } => self.import(path, name, span)?,
            NodeKind::Setting { name, value } => self.set(name, value)?,
            NodeKind::Attempt { body, recover } => return self.attempt(body, recover),
            NodeKind::Compress(body) => return self.compress(body, false, span),
            NodeKind::Block(body) => return self.run(body),
            NodeKind::Stop(message) => return Err(self.stop(message.as_ref(), span)?),
            NodeKind::Flush => {}
            NodeKind::Probe(probe) => {
                if let Some(counters) = &self.place.program.counters {
                    counters.count(*probe);
                }
            }
            NodeKind::Unavailable(name) => {
                let message = format!(
                    "`<#{name}>` is not available here: it walks over XML, and data is JSON"
                );
                let hint = "`<#list hash as key, value>` walks over an object, `<#list sequence as item>` over a list";
                return Err(self
                    .fail(TemplateErrorKind::NotAvailable, message, span)
                    .with_hint(hint));
            }
        }
        Ok(Flow::Next)
    }

    #[inline(never)]
    fn switch(&mut self, switch: &'r Switch) -> Result<Flow, Failure> {
        let mut entered = false;
        for case in &switch.cases {
            let enters = match &case.kind {
                CaseKind::Case(value) => entered || self.matches(&switch.subject, value)?,
                CaseKind::On(values) => {
                    let mut any = false;
                    for value in values {
                        if self.matches(&switch.subject, value)? {
                            any = true;
                            break;
                        }
                    }
                    if any {
                        return self.run(&case.body);
                    }
                    false
                }
                // Until a case was entered, `<#default>` waits for the others to be tried.
                CaseKind::Default => entered,
            };
            if enters {
                entered = true;
                match self.run(&case.body)? {
                    // FreeMarker's `<#switch>` takes a `<#continue>` for itself, too.
                    Flow::Break | Flow::Continue => return Ok(Flow::Next),
                    Flow::Return => return Ok(Flow::Return),
                    Flow::Next => {}
                }
            }
        }
        let has_on = switch.cases.iter().any(|case| matches!(case.kind, CaseKind::On(_)));
        let default = switch.cases.iter().find(|case| matches!(case.kind, CaseKind::Default));
        let Some(default) = default.filter(|_| !entered) else { return Ok(Flow::Next) };
        match self.run(&default.body)? {
            Flow::Break | Flow::Continue if !has_on => Ok(Flow::Next),
            flow => Ok(flow),
        }
    }

    fn matches(&mut self, subject: &'r Expr, value: &'r Expr) -> Result<bool, Failure> {
        self.step(value.span)?;
        let first = self.evaluate(subject)?;
        let second = self.evaluate(value)?;
        self.compare(BinaryOperator::Equal, first, subject, second, value, value.span)
    }

    #[inline(never)]
    fn attempt(&mut self, body: &'r [Node], recover: &'r [Node]) -> Result<Flow, Failure> {
        let position = self.writer.position();
        let place = self.place.clone();
        let (contexts, frames) = (self.contexts.len(), self.frames.len());
        let quiet = std::mem::replace(&mut self.quiet, false);
        let result = self.run(body);
        self.quiet = quiet;
        let error = match result {
            Ok(Flow::Next) => return Ok(Flow::Next),
            // What leaves the block leaves behind what the block has written.
            Ok(flow) => {
                self.writer.take_back(position);
                return Ok(flow);
            }
            Err(Failure::Error(error)) if error.kind() != TemplateErrorKind::Limit => error,
            Err(failure) => return Err(failure),
        };
        self.writer.take_back(position);
        self.contexts.truncate(contexts);
        self.frames.truncate(frames);
        self.place = place;
        self.recovered.push(error);
        let result = self.run(recover);
        self.recovered.pop();
        result
    }

    #[inline(never)]
    fn stop(&mut self, message: Option<&'r Expr>, span: Span) -> Result<Failure, Failure> {
        let message = match message {
            Some(message) => self.text(message)?.to_string(),
            None => "the template was stopped by `<#stop>`".to_owned(),
        };
        Ok(self.fail(TemplateErrorKind::Stopped, message, span))
    }

    #[inline(never)]
    fn set(&mut self, name: &'static str, value: &'r Expr) -> Result<(), Failure> {
        let model = self.evaluate(value)?;
        let text = match model {
            Model::Boolean(flag) => (if flag { "true" } else { "false" }).to_owned(),
            Model::Number(number) => {
                let mut text = String::new();
                number.write_plain(&mut text);
                text
            }
            model => self.text_of(model, value)?.to_string(),
        };
        if name == "c_format" && text == "default" {
            let message = "`default` is the `c_format` of a template that sets none";
            return Err(self.fail(TemplateErrorKind::BadArgument, message, value.span));
        }
        let result = self.settings.to_mut().set(name, &text);
        result.map_err(|wrong| {
            let failure = self.fail(TemplateErrorKind::BadArgument, wrong.message, value.span);
            match wrong.hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        })?;
        if name == "time_zone" {
            let Formatting { settings, formats } = self.formatting();
            // Java takes an unknown zone for GMT without a word.
            if formats.zone(&settings.time_zone).is_err() {
                "GMT".clone_into(&mut self.settings.to_mut().time_zone);
            }
        }
        Ok(())
    }
}
