//! Formats of one's own: `@price` stands for `0.00`.
//!
//! In Java, formats are classes, of which one comes with FreeMarker: the alias of another format
//! (`AliasTemplateNumberFormatFactory`, `AliasTemplateDateFormatFactory`). These do the same.

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::settings::CustomFormats;
use crate::ftl::settings::Settings;
use crate::text::did_you_mean;

/// What a text stands for as a format of numbers: itself unless it is `@name`.
///
/// # Errors
/// For a name that the settings don't have, parameters behind it, and a name that stands for itself.
pub fn number<'s>(settings: &'s Settings, text: &'s str) -> Result<&'s str, Fault> {
    resolve("number", &settings.custom_number_formats, settings, text)
}

/// The same for formats of dates.
///
/// # Errors
/// As [`number`].
pub fn date<'s>(settings: &'s Settings, text: &'s str) -> Result<&'s str, Fault> {
    resolve("date", &settings.custom_date_formats, settings, text)
}

fn resolve<'s>(
    kind: &str,
    formats: &'s CustomFormats,
    settings: &Settings,
    asked: &'s str,
) -> Result<&'s str, Fault> {
    let fault = |message| Err(Fault::new(TemplateErrorKind::BadFormat, message));
    let mut text = asked;
    for _ in 0..=formats.len() {
        let Some(call) = text.strip_prefix('@') else { return Ok(text) };
        // Before 2.3.24, `@` had no meaning where there are no such formats.
        let is_known = settings.improves_since(24) || settings.has_custom_formats();
        if !call.starts_with(char::is_alphabetic) || !is_known {
            return Ok(text);
        }
        let (name, parameters) = call.split_once([' ', '_']).unwrap_or((call, ""));
        let Some((_, format)) = formats.iter().find(|(own, _)| own == name) else {
            let message = format!("no custom {kind} format is defined with the name `{name}`");
            return fault(message).map_err(|fault| fault.with_hint(hint(kind, formats, name)));
        };
        if !parameters.is_empty() {
            return fault(format!(
                "custom format `{name}`: expected no parameters, found `{parameters}`"
            ));
        }
        text = format;
    }
    fault(format!("custom format `{asked}` stands for itself"))
}

fn hint(kind: &str, formats: &CustomFormats, name: &str) -> String {
    match did_you_mean(name, formats.iter().map(|(name, _)| name.as_str())) {
        Some(near) => format!("did you mean `@{near}`?"),
        None => format!("define it in the setting `custom_{kind}_formats`: {{\"{name}\": \"…\"}}"),
    }
}
