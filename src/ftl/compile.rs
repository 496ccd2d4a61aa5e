//! Text to program: parse, then resolve. What the evaluator comes back to for `?eval`, `?interpret`
//! and templates that are included.

use crate::ftl::ast::Output;
use crate::ftl::error::TemplateError;
use crate::ftl::parse::Ending;
use crate::ftl::program::Program;
use crate::ftl::settings::Settings;
use crate::text::Source;

/// The program of a template's text.
pub(in crate::ftl) fn compile(
    source: &Source,
    settings: &Settings,
) -> Result<Program, TemplateError> {
    crate::ftl::resolve::resolve(source, crate::ftl::parse::parse(source, settings)?)
}

/// The program of a text that is one expression, at a place of the given output format.
pub(in crate::ftl) fn compile_expression(
    source: &Source,
    settings: &Settings,
    output: Output,
) -> Result<Program, TemplateError> {
    compile_evaluated(source, Ending::Text, settings, output)
}

/// The same of a text for `?eval`.
pub(in crate::ftl) fn compile_evaluated(
    source: &Source,
    ending: Ending,
    settings: &Settings,
    output: Output,
) -> Result<Program, TemplateError> {
    let expression = crate::ftl::parse::parse_expression_until(source, ending, settings)?;
    crate::ftl::resolve::resolve_expression(source, expression, output)
}
