//! The names of special variables: `.now`, `.vars` and their kin.

use crate::ftl::error::TemplateError;
use crate::ftl::program::SpecialVariable;
use crate::ftl::resolve::Resolver;
use crate::ftl::settings::snake_case;
use crate::text::Span;

impl Resolver<'_> {
    /// The special variable of a name.
    pub(in crate::ftl::resolve) fn special(
        &mut self,
        name: &str,
        span: Span,
    ) -> Result<SpecialVariable, TemplateError> {
        Ok(match snake_case(name).as_str() {
            "args" => {
                self.uses_args = true;
                SpecialVariable::Args
            }
            "auto_esc" => SpecialVariable::AutoEsc(self.escaping().auto_escape),
            "caller_template_name" => SpecialVariable::CallerTemplateName,
            "current_template_name" => SpecialVariable::CurrentTemplateName,
            "data_model" => SpecialVariable::DataModel,
            "error" => SpecialVariable::Error,
            "get_optional_template" => SpecialVariable::GetOptionalTemplate,
            "globals" => SpecialVariable::Globals,
            "incompatible_improvements" => SpecialVariable::IncompatibleImprovements,
            "lang" => SpecialVariable::Lang,
            "locale" => SpecialVariable::Locale,
            "locale_object" => SpecialVariable::LocaleObject,
            "locals" => SpecialVariable::Locals,
            "main" => SpecialVariable::Main,
            "main_template_name" => SpecialVariable::MainTemplateName,
            "namespace" => SpecialVariable::Namespace,
            "now" => SpecialVariable::Now,
            "output_encoding" => SpecialVariable::OutputEncoding,
            "output_format" => SpecialVariable::OutputFormat(self.output),
            "pass" => SpecialVariable::Pass,
            "template_name" => SpecialVariable::TemplateName,
            "time_zone" => SpecialVariable::TimeZone,
            "url_escaping_charset" => SpecialVariable::UrlEscapingCharset,
            "vars" => SpecialVariable::Vars,
            "version" => SpecialVariable::Version,
            "node" | "current_node" => SpecialVariable::Node,
            _ => return Err(self.error(format!("unknown special variable `.{name}`"), span)),
        })
    }
}
