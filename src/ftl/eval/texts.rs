//! Values to text: what `${x}` prints, what `+` joins, what built-ins are given.

use std::rc::Rc;

use crate::ftl::builtins::Host;
use crate::ftl::builtins::escapes;
use crate::ftl::coerce;
use crate::ftl::error::Fault;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::format::Formatting;
use crate::ftl::model::Markup;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::ftl::program::Expr;
use crate::ftl::program::Fraction;
use crate::ftl::program::OutputIndex;
use crate::ftl::program::TextPart;
use crate::text::Span;

/// What can be printed: text, or markup that is printed without escaping.
#[derive(Clone, Debug)]
pub(in crate::ftl::eval) enum Printed<'r> {
    Text(Text<'r>),
    Markup(Rc<Markup>),
}

impl<'r> Evaluator<'r> {
    /// The text of an expression; markup is refused.
    pub(in crate::ftl::eval) fn text(&mut self, expression: &'r Expr) -> Result<Text<'r>, Failure> {
        let value = self.evaluate(expression)?;
        self.text_of(value, expression)
    }

    /// The text of a value; markup is refused.
    pub(in crate::ftl::eval) fn text_of(
        &mut self,
        value: Model<'r>,
        expression: &'r Expr,
    ) -> Result<Text<'r>, Failure> {
        match self.printed(value, expression)? {
            Printed::Text(text) => Ok(text),
            Printed::Markup(markup) => {
                let found = Model::Markup(markup);
                let failure = self.wrong_type("a string", &found, expression);
                let quoted = self.quote(expression.span);
                Err(failure.with_hint(format!("its text is `{quoted}?markup_string`")))
            }
        }
    }

    /// What a value prints as.
    pub(in crate::ftl::eval) fn printed(
        &mut self,
        value: Model<'r>,
        expression: &'r Expr,
    ) -> Result<Printed<'r>, Failure> {
        match value {
            Model::Text(text) => Ok(Printed::Text(text)),
            Model::Match(found) => Ok(Printed::Text(Text::Shared(Rc::clone(&found.text)))),
            Model::Markup(markup) => Ok(Printed::Markup(markup)),
            Model::Empty | Model::Nothing => Ok(Printed::Text(Text::Borrowed(""))),
            Model::Missing => {
                if self.settings.classic_compatible {
                    return Ok(Printed::Text(Text::Borrowed("")));
                }
                Err(self.missing(expression))
            }
            Model::Boolean(value) if self.settings.classic_compatible => {
                Ok(Printed::Text(Text::Borrowed(if value { "true" } else { "" })))
            }
            value => match coerce::to_text(&value, self.formatting()) {
                Ok(text) => Ok(Printed::Text(text)),
                Err(fault) => Err(self.unprintable(fault, &value, expression)),
            },
        }
    }

    #[cold]
    fn unprintable(&mut self, fault: Fault, value: &Model<'r>, expression: &'r Expr) -> Failure {
        let has_hint = !matches!(value, Model::Sequence(_) | Model::Hash(_) | Model::Callable(_));
        let failure = self.blame(fault, expression.span, expression.span, &[]);
        if has_hint {
            return failure;
        }
        let quoted = self.quote(expression.span);
        match value {
            Model::Sequence(_) => failure.with_hint(format!(
                "print a list with `{quoted}?join(\", \")`, or item by item with `<#list {quoted} as item>`"
            )),
            Model::Hash(_) => failure.with_hint(format!(
                "print a key of it, or all with `<#list {quoted} as key, value>`"
            )),
            _ => failure.with_hint("call it: `f(…)`, or `<@m …/>` for a macro"),
        }
    }

    /// `${…}`
    pub(in crate::ftl::eval) fn interpolate(
        &mut self,
        value: Model<'r>,
        expression: &'r Expr,
        output: OutputIndex,
        escape: bool,
    ) -> Result<(), Failure> {
        if !escape {
            match &value {
                Model::Text(text) => {
                    self.writer.push(text);
                    return Ok(());
                }
                Model::Number(number) => {
                    let formatting =
                        Formatting { settings: &self.settings, formats: &mut self.scratch.formats };
                    let written = coerce::write_number(number, formatting, &mut self.writer.text);
                    return written
                        .map_err(|fault| self.blame(fault, expression.span, expression.span, &[]));
                }
                _ => {}
            }
        }
        match self.printed(value, expression)? {
            Printed::Text(text) if escape => {
                let format = &self.place.program.outputs[output as usize].format;
                self.writer.push(&escapes::for_format(&text, format));
                Ok(())
            }
            Printed::Text(text) => {
                self.writer.push(&text);
                Ok(())
            }
            Printed::Markup(markup) => self.write_markup(&markup, output, expression.span),
        }
    }

    /// `#{…}`
    #[inline(never)]
    pub(in crate::ftl::eval) fn numeric_text(
        &mut self,
        value: &'r Expr,
        fraction: Fraction,
    ) -> Result<String, Failure> {
        let number = self.number(value)?;
        let Formatting { settings, formats } = self.formatting();
        let mut text = String::new();
        let written = formats
            .fraction(settings, fraction.min as usize, fraction.max as usize)
            .and_then(|format| format.write(&number, &mut text));
        written.map_err(|fault| self.blame(fault, value.span, value.span, &[]))?;
        Ok(text)
    }

    /// `"text with ${x}"`
    #[inline(never)]
    pub(in crate::ftl::eval) fn text_template(
        &mut self,
        parts: &'r [TextPart],
        span: Span,
    ) -> Evaluated<'r> {
        self.steps(parts.len(), span)?;
        let mut plain = String::new();
        let mut joined: Option<Rc<Markup>> = None;
        for part in parts {
            let piece = match part {
                TextPart::Text(text) => Printed::Text(Text::Borrowed(text)),
                TextPart::Interpolation(value) => {
                    let model = self.evaluate(value)?;
                    self.printed(model, value)?
                }
                TextPart::Numeric { value, fraction } => {
                    Printed::Text(Text::from(self.numeric_text(value, *fraction)?))
                }
            };
            match (joined.take(), piece) {
                (None, Printed::Text(text)) => {
                    self.check_text_length(plain.len() + text.len(), span)?;
                    plain.push_str(&text);
                }
                (None, Printed::Markup(markup)) if plain.is_empty() => joined = Some(markup),
                (None, markup) => {
                    let before = Printed::Text(Text::from(std::mem::take(&mut plain)));
                    joined = Some(self.join_markup(before, markup, span)?);
                }
                (Some(before), piece) => {
                    joined = Some(self.join_markup(Printed::Markup(before), piece, span)?);
                }
            }
        }
        Ok(match joined {
            Some(markup) => Model::Markup(markup),
            None => Model::Text(Text::from(plain)),
        })
    }
}
