//! `?eval` and `?interpret`: texts that are compiled while a template runs.

use std::sync::Arc;

use crate::ftl::ast::Output;
use crate::ftl::coerce;
use crate::ftl::compile::compile;
use crate::ftl::compile::compile_evaluated;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::include::Included;
use crate::ftl::eval::transform::Directive;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::parse::Ending;
use crate::ftl::program::Expr;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::OutputIndex;
use crate::ftl::program::Program;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::Settings;
use crate::text::Source;
use crate::text::Span;

/// What a text for `?eval` has behind the name of the template, in messages.
pub(in crate::ftl::eval) const EVALUATED: &str = "->eval";

/// Steps that compiling a text while rendering costs, and bytes that cost one more.
const COMPILE_STEPS: usize = 200;
const COMPILED_BYTES_A_STEP: usize = 4;

impl<'r> Evaluator<'r> {
    /// `?eval`
    pub(in crate::ftl::eval) fn eval_text(
        &mut self,
        text: &str,
        output: OutputIndex,
        span: Span,
    ) -> Evaluated<'r> {
        self.check_parsing(text, span)?;
        let output = self.output_inside(&self.place.program.outputs[output as usize]);
        let program = match self.compiled_expression(text, Ending::Text, output.clone(), span) {
            // FreeMarker reads it with parentheses around, and is done with the expression before
            // the last one: `1) + (2` is one as well.
            Err(_) if text.contains(')') => {
                let around = format!("({text})");
                match self.compiled_expression(&around, Ending::Parenthesis, output.clone(), span) {
                    Ok(program) => program,
                    Err(_) => self.compiled_expression(text, Ending::Text, output, span)?,
                }
            }
            result => result?,
        };
        let outside = std::mem::replace(&mut self.place.program, program);
        let quiet = std::mem::replace(&mut self.quiet, false);
        let result = match &program.body[..] {
            [Node { kind: NodeKind::Interpolation { value, .. }, .. }] => self.evaluate(value),
            _ => Ok(Model::Missing),
        };
        self.quiet = quiet;
        self.place.program = outside;
        match result {
            Err(Failure::Error(error)) if error.kind() != TemplateErrorKind::Limit => {
                // A missing value inside is an error of the text, which a default can't cure.
                Err(Failure::Error(error.called_from("in `?eval`", &outside.source, span)))
            }
            result => result,
        }
    }

    fn compiled_expression(
        &mut self,
        text: &str,
        ending: Ending,
        output: Output,
        span: Span,
    ) -> Result<&'r Program, Failure> {
        let own_name = format!("{}{EVALUATED}", self.place.program.source.name());
        let known = self.arena.find(|program| {
            program.source.text() == text
                && program.source.name() == own_name
                && program.outputs.first() == Some(&output)
        });
        if let Some(program) = known {
            return Ok(program);
        }
        let source = Source::new(own_name, text);
        let settings = settings_for(self.base, output.clone());
        let program = compile_evaluated(&source, ending, &settings, output);
        let program = program.map_err(|error| self.nested_error(&error, "?eval", span))?;
        self.keep(program, span)
    }

    /// The text of `[text, id]?interpret`, and the id.
    fn text_to_interpret(
        &mut self,
        sequence: &Sequence<'r>,
        target: &'r Expr,
    ) -> Result<(Text<'r>, Text<'r>), Failure> {
        let text = self.item_of(sequence, 0, target.span)?;
        let text = self.text_of(text, target)?;
        let id = match self.item_of(sequence, 1, target.span)? {
            Model::Missing => Text::Borrowed("anonymous_interpreted"),
            id => self.text_of(id, target)?,
        };
        Ok((text, id))
    }

    /// `?interpret`
    pub(in crate::ftl::eval) fn interpret(
        &mut self,
        target: &'r Expr,
        output: OutputIndex,
        span: Span,
    ) -> Evaluated<'r> {
        let (text, id) = match self.present(target)? {
            Model::Sequence(sequence) => self.text_to_interpret(&sequence, target)?,
            value @ (Model::Matches(_) | Model::Empty | Model::Nothing) => {
                let sequence = coerce::expect_sequence(&value);
                let sequence =
                    sequence.map_err(|fault| self.blame(fault, target.span, target.span, &[]))?;
                self.text_to_interpret(&sequence, target)?
            }
            value @ (Model::Text(_) | Model::Match(_)) => {
                (self.text_of(value, target)?, Text::Borrowed("anonymous_interpreted"))
            }
            other => return Err(self.wrong_type("a string or a sequence", &other, target)),
        };
        let current = self.place.program;
        let base = match current.source.name() {
            "" => "nameless_template",
            name => name,
        };
        let name = format!("{base}->{}", &*id);
        let output = self.output_inside(&current.outputs[output as usize]);
        let known = self.arena.find(|program| {
            program.source.text() == &*text
                && program.source.name() == name
                && program.outputs.first() == Some(&output)
        });
        let program = if let Some(program) = known {
            program
        } else {
            self.check_parsing(&text, span)?;
            let source = Source::new(name, &*text);
            let settings = settings_for(self.base, output);
            let program = compile(&source, &settings);
            let program = program.map_err(|error| self.nested_error(&error, "?interpret", span))?;
            self.keep(program, span)?
        };
        Ok(self.directive(Directive::Include(Included::Program(program))))
    }

    /// The output format of what is compiled at a place. As in FreeMarker, `<#noautoesc>` around it
    /// counts only where the format isn't that of the settings.
    fn output_inside(&self, place: &Output) -> Output {
        let mut output = place.clone();
        if output.format == self.base.output_format {
            output.auto_escape = self.base.auto_escaping.escapes(&output.format);
            output.never_escapes = self.base.auto_escaping == AutoEscaping::Disable;
        }
        output
    }

    pub(in crate::ftl::eval) fn check_parsing(
        &mut self,
        text: &str,
        span: Span,
    ) -> Result<(), Failure> {
        self.steps(COMPILE_STEPS + text.len() / COMPILED_BYTES_A_STEP, span)?;
        if self.stack.is_half_used() {
            return Err(self.too_deep(span));
        }
        Ok(())
    }

    pub(in crate::ftl::eval) fn keep(
        &mut self,
        program: Program,
        span: Span,
    ) -> Result<&'r Program, Failure> {
        let arena = self.arena;
        arena.keep(program).ok_or_else(|| {
            let message = "too many templates are compiled while rendering";
            self.fail(TemplateErrorKind::Limit, message, span)
        })
    }

    /// A syntax error in a text that was compiled while rendering.
    #[cold]
    fn nested_error(&self, error: &TemplateError, what: &str, span: Span) -> Failure {
        // An `#attempt` may catch it: it is no syntax error of the template itself.
        let kind = match error.kind() {
            TemplateErrorKind::Syntax => TemplateErrorKind::BadArgument,
            kind => kind,
        };
        let position = error.position();
        let message = format!(
            "the text given to `{what}` is wrong at {}:{}: {}",
            position.line,
            position.column,
            error.message()
        );
        let failure = self.fail(kind, message, span);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The settings for a text at a place of the given output format.
fn settings_for(base: &Arc<Settings>, output: Output) -> Settings {
    let mut settings = Settings::clone(base);
    if output.format.is_markup() {
        settings.auto_escaping = if output.auto_escape {
            AutoEscaping::EnableIfSupported
        } else {
            AutoEscaping::Disable
        };
    } else if output.never_escapes {
        settings.auto_escaping = AutoEscaping::Disable;
    }
    settings.output_format = output.format;
    settings
}
