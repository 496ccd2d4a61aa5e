//! Text to program: parse, then resolve. What the evaluator comes back to for `?eval`, `?interpret`
//! and templates that are included.

use crate::ftl::ast::Output;
use crate::ftl::coverage::CoverageMap;
use crate::ftl::error::TemplateError;
use crate::ftl::instrument::instrument;
use crate::ftl::parse::Ending;
use crate::ftl::parse::parse;
use crate::ftl::parse::parse_expression_until;
use crate::ftl::program::Program;
use crate::ftl::resolve::resolve;
use crate::ftl::resolve::resolve_expression;
use crate::ftl::settings::Settings;
use crate::text::Source;

/// The program of a template's text.
pub(in crate::ftl) fn compile(
    source: &Source,
    settings: &Settings,
) -> Result<Program, TemplateError> {
    resolve(source, parse(source, settings)?)
}

/// The program that counts what of it runs. `None` when nobody asks for that, or the text is not that
/// of a file.
pub(in crate::ftl) fn compile_counting(
    source: &Source,
    settings: &Settings,
) -> Result<Option<Program>, TemplateError> {
    let (Some(recorder), Some(file)) = (&settings.recorder, source.file()) else {
        return Ok(None);
    };
    let mut tree = parse(source, settings)?;
    let map = instrument(&mut tree, source);
    let program = resolve(source, tree)?;
    let counters = Some(recorder.counters(file, source.text(), map));
    Ok(Some(Program { counters, ..program }))
}

/// What of a template's text can run.
pub(in crate::ftl) fn map(
    source: &Source,
    settings: &Settings,
) -> Result<CoverageMap, TemplateError> {
    Ok(instrument(&mut parse(source, settings)?, source))
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
    let expression = parse_expression_until(source, ending, settings)?;
    resolve_expression(source, expression, output)
}
