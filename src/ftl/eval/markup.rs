//! Escaping, and what happens where markup of one format meets another.

use std::rc::Rc;

use crate::ftl::builtins::escapes;
use crate::ftl::builtins::escaping::markup_text;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::texts::Printed;
use crate::ftl::model::Markup;
use crate::ftl::model::MarkupContent;
use crate::ftl::program::OutputIndex;
use crate::ftl::settings::OutputFormat;
use crate::text::Span;

impl<'r> Evaluator<'r> {
    /// Prints markup at a place of the given format.
    pub(in crate::ftl::eval) fn write_markup(
        &mut self,
        markup: &Markup,
        output: OutputIndex,
        span: Span,
    ) -> Result<(), Failure> {
        let format = &self.place.program.outputs[output as usize].format;
        // Only the undefined format prints markup of any other as it is.
        if *format == markup.format || *format == OutputFormat::Undefined {
            match &markup.content {
                MarkupContent::Markup(text) => self.writer.push(text),
                MarkupContent::Plain(text) => {
                    self.writer.push(&escapes::for_format(text, &markup.format));
                }
            }
            return Ok(());
        }
        match &markup.content {
            MarkupContent::Plain(text) if format.is_markup() => {
                self.writer.push(&escapes::for_format(text, format));
            }
            MarkupContent::Plain(text) => self.writer.push(text),
            MarkupContent::Markup(_) => {
                let (found, expected) = (markup.format.name(), format.name());
                let message = format!("expected {expected} markup, found {found} markup");
                return Err(self.fail(TemplateErrorKind::WrongType, message, span));
            }
        }
        Ok(())
    }

    /// Two pieces as markup, when one of them is.
    pub(in crate::ftl::eval) fn join_markup(
        &mut self,
        first: Printed<'r>,
        second: Printed<'r>,
        span: Span,
    ) -> Result<Rc<Markup>, Failure> {
        let plain = |text: &str, format: &OutputFormat| Markup {
            format: format.clone(),
            content: MarkupContent::Plain(text.into()),
        };
        let (first, second) = match (first, second) {
            (Printed::Text(first), Printed::Markup(second)) => {
                (Rc::new(plain(&first, &second.format)), second)
            }
            (Printed::Markup(first), Printed::Text(second)) => {
                let second = Rc::new(plain(&second, &first.format));
                (first, second)
            }
            (Printed::Markup(first), Printed::Markup(second)) => (first, second),
            (Printed::Text(first), Printed::Text(_)) => (
                Rc::new(plain(&first, &OutputFormat::Undefined)),
                Rc::new(plain("", &OutputFormat::Undefined)),
            ),
        };
        let (first, second) = if first.format == second.format {
            (first, second)
        } else {
            match (&first.content, &second.content) {
                (_, MarkupContent::Plain(text)) => {
                    let second = Rc::new(plain(text, &first.format));
                    (first, second)
                }
                (MarkupContent::Plain(text), _) => {
                    let first = Rc::new(plain(text, &second.format));
                    (first, second)
                }
                _ => {
                    let (first, second) = (first.format.name(), second.format.name());
                    let message = format!("{first} markup and {second} markup can't be joined");
                    return Err(self.fail(TemplateErrorKind::WrongType, message, span));
                }
            }
        };
        let content = match (&first.content, &second.content) {
            (MarkupContent::Plain(first), MarkupContent::Plain(second)) => {
                MarkupContent::Plain(format!("{first}{second}").into())
            }
            _ => MarkupContent::Markup(
                format!("{}{}", markup_text(&first), markup_text(&second)).into(),
            ),
        };
        self.check_text_length(first.text().len() + second.text().len(), span)?;
        Ok(Rc::new(Markup { format: first.format.clone(), content }))
    }
}
