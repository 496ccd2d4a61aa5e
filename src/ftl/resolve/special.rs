//! The names of special variables: `.now`, `.vars` and their kin.

use crate::ftl::builtins::camel_case;
use crate::ftl::error::TemplateError;
use crate::ftl::program::SpecialVariable;
use crate::ftl::resolve::Resolver;
use crate::text::Span;
use crate::text::did_you_mean;

/// Every special variable's name; the `camelCase` spelling follows from it.
pub(in crate::ftl) const NAMES: [&str; 27] = [
    "args",
    "auto_esc",
    "caller_template_name",
    "current_node",
    "current_template_name",
    "data_model",
    "error",
    "get_optional_template",
    "globals",
    "incompatible_improvements",
    "lang",
    "locale",
    "locale_object",
    "locals",
    "main",
    "main_template_name",
    "namespace",
    "node",
    "now",
    "output_encoding",
    "output_format",
    "pass",
    "template_name",
    "time_zone",
    "url_escaping_charset",
    "vars",
    "version",
];

impl Resolver<'_> {
    /// The special variable of a name.
    pub(in crate::ftl::resolve) fn special(
        &mut self,
        name: &str,
        span: Span,
    ) -> Result<SpecialVariable, TemplateError> {
        self.check_convention(name, span)?;
        let known = NAMES.into_iter().find(|known| *known == name || camel_case(known) == name);
        let Some(known) = known else {
            let error = self.error(format!("unknown special variable `.{name}`"), span);
            let near = match name {
                "auto_escape" | "auto_escaping" | "autoesc" => Some("auto_esc"),
                _ => did_you_mean(name, NAMES),
            };
            return Err(match near {
                Some(near) => error.with_hint(format!("did you mean `.{near}`?")),
                None => error.with_hint("a name can't begin with a dot; special variables do"),
            });
        };
        Ok(match known {
            "args" => {
                if !self.in_macro {
                    let message = "`.args` can only be used inside a macro or function";
                    return Err(self.error(message, span));
                }
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
            _ => SpecialVariable::Node,
        })
    }
}
