//! `.now`, `.vars` and the other special variables.

use std::rc::Rc;

use crate::ftl::builtins::Host;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::builtin_call::GET_OPTIONAL_TEMPLATE;
use crate::ftl::eval::compiled::EVALUATED;
use crate::ftl::format::Formatting;
use crate::ftl::model::Callable;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;
use crate::ftl::model::Hash;
use crate::ftl::model::Method;
use crate::ftl::model::Model;
use crate::ftl::model::ScopeHash;
use crate::ftl::model::Text;
use crate::ftl::names;
use crate::ftl::program::SpecialVariable;
use crate::text::Span;

/// The FreeMarker whose language this is.
const VERSION: &str = "2.3.34";

impl<'r> Evaluator<'r> {
    /// The value of a special variable.
    pub(in crate::ftl::eval) fn special(
        &mut self,
        variable: SpecialVariable,
        span: Span,
    ) -> Evaluated<'r> {
        let scope = |scope| Ok(Model::Hash(Hash::Scope(scope)));
        match variable {
            SpecialVariable::Vars => scope(ScopeHash::Variables),
            SpecialVariable::Globals => scope(ScopeHash::Globals),
            SpecialVariable::DataModel => scope(ScopeHash::DataModel),
            SpecialVariable::Locals => match self.frame() {
                Some(_) => scope(ScopeHash::Locals),
                None => Ok(Model::Missing),
            },
            SpecialVariable::Namespace => {
                Ok(Model::Hash(Hash::Namespace(Rc::clone(&self.place.namespace))))
            }
            SpecialVariable::Main => Ok(Model::Hash(Hash::Namespace(Rc::clone(&self.main)))),
            SpecialVariable::Now => {
                let millis = self.now_millis;
                Ok(Model::Date(Date { millis, kind: DateKind::DateTime }))
            }
            SpecialVariable::Args => self.required_frame("args", span, |frame| {
                frame.arguments.clone().unwrap_or(Model::Missing)
            }),
            SpecialVariable::CallerTemplateName => {
                self.required_frame("caller_template_name", span, |frame| {
                    Model::Text(Text::Borrowed(frame.caller.program.source.name()))
                })
            }
            SpecialVariable::AutoEsc(value) => Ok(Model::Boolean(value)),
            SpecialVariable::OutputFormat(output) => {
                let format = &self.place.program.outputs[output as usize].format;
                Ok(Model::Text(Text::from(format.remembered_name().unwrap_or_default())))
            }
            SpecialVariable::Error => {
                if let Some(error) = self.recovered.last() {
                    return Ok(Model::Text(Text::from(error.to_string())));
                }
                let message = "`.error` can only be used between `<#recover>` and `</#attempt>`";
                Err(self.fail(TemplateErrorKind::BadArgument, message, span))
            }
            SpecialVariable::CurrentTemplateName => {
                Ok(name(evaluated_in(self.place.program.source.name())))
            }
            SpecialVariable::MainTemplateName => Ok(name(self.main_program.source.name())),
            SpecialVariable::TemplateName => Ok(Model::Text(Text::Borrowed(self.included))),
            SpecialVariable::Version => Ok(Model::Text(Text::Borrowed(VERSION))),
            SpecialVariable::IncompatibleImprovements => {
                let version = self.settings.incompatible_improvements;
                let (major, minor, micro) =
                    (version / 1_000_000, version / 1_000 % 1_000, version % 1_000);
                Ok(Model::Text(Text::from(format!("{major}.{minor}.{micro}"))))
            }
            SpecialVariable::Locale | SpecialVariable::LocaleObject => {
                Ok(Model::Text(Text::from(names::locale_parts(&self.settings.locale).join("_"))))
            }
            SpecialVariable::Lang => {
                let language = names::locale_parts(&self.settings.locale).into_iter().next();
                Ok(Model::Text(Text::from(language.unwrap_or_default())))
            }
            SpecialVariable::TimeZone => {
                let Formatting { settings, formats } = self.formatting();
                let id = formats.zone(&settings.time_zone).map(|zone| zone.id().to_owned());
                let id = id.map_err(|fault| self.blame(fault, span, span, &[]))?;
                Ok(Model::Text(Text::from(id)))
            }
            SpecialVariable::OutputEncoding => Ok(optional(self.settings.output_encoding.as_ref())),
            SpecialVariable::UrlEscapingCharset => {
                Ok(optional(self.settings.url_escaping_charset.as_ref()))
            }
            SpecialVariable::Pass => Ok(self.pass_directive()),
            SpecialVariable::GetOptionalTemplate => {
                let method = Method { built_in: GET_OPTIONAL_TEMPLATE, target: Model::Missing };
                Ok(Model::Callable(Callable::Method(Rc::new(method))))
            }
            // The node of XML that is visited: there never is one.
            SpecialVariable::Node => Ok(Model::Missing),
        }
    }

    fn required_frame(
        &mut self,
        variable: &str,
        span: Span,
        value: impl FnOnce(&crate::ftl::eval::Frame<'r>) -> Model<'r>,
    ) -> Evaluated<'r> {
        if let Some(frame) = self.frames.get(self.place.frame as usize) {
            return Ok(value(frame));
        }
        let message = format!("`.{variable}` can only be used inside a macro or function");
        Err(self.fail(TemplateErrorKind::BadArgument, message, span))
    }
}

/// The template in which a text is evaluated.
fn evaluated_in(mut name: &str) -> &str {
    while let Some(around) = name.strip_suffix(EVALUATED) {
        name = around;
    }
    name
}

/// A template without a name has none.
fn name(name: &str) -> Model<'_> {
    if name.is_empty() { Model::Missing } else { Model::Text(Text::Borrowed(name)) }
}

fn optional<'r>(setting: Option<&String>) -> Model<'r> {
    setting.map_or(Model::Missing, |value| Model::Text(Text::from(value.clone())))
}
