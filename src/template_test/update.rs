//! What the template gives now, written down as what is expected.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::template_test::Case;
use crate::template_test::Expected;
use crate::template_test::Verdict;
use crate::template_test::Written;
use crate::template_test::load;
use crate::template_test::read::compact;
use crate::template_test::run::Rendered;
use crate::template_test::yaml::pretty;
use crate::value::write_json_text;

/// Writes what the template gives now where case `index` of the file expects something else.
/// False when it passes already, or when what it expects is not a payload. The file is read anew,
/// so that other cases may have been updated meanwhile; it is replaced in one step.
///
/// # Errors
/// When a file can't be read or written, with what is wrong in words.
pub fn update(path: &Path, index: usize) -> Result<bool, String> {
    let suite = load(path).map_err(|error| error.to_string())?;
    let Some(case) = suite.cases.get(index) else { return Ok(false) };
    if case.run() == Verdict::Passed {
        return Ok(false);
    }
    let Some((target, text)) = case.rewritten() else { return Ok(false) };
    replace(&target, &text).map_err(|error| format!("{}: {error}", target.display()))?;
    Ok(true)
}

impl Case {
    /// The file that holds what is expected, as it should be.
    fn rewritten(&self) -> Option<(PathBuf, String)> {
        let mut payloads = Vec::new();
        for given in &self.given {
            match self.render(given) {
                Rendered::Payload(text) => payloads.push(text),
                Rendered::Filtered if self.given.len() > 1 => {}
                _ => return None,
            }
        }
        match &self.expected {
            Expected::Payloads { at: Written::File { path, lines: true }, .. } => {
                let mut out = String::new();
                for payload in &payloads {
                    out.push_str(&compact(payload)?);
                    out.push('\n');
                }
                Some((path.clone(), out))
            }
            Expected::Payloads { at: Written::File { path, lines: false }, .. } => {
                compact(payloads.first()?)?;
                Some((path.clone(), format!("{}\n", pretty(payloads.first()?, 0))))
            }
            Expected::Payloads { at: Written::Inline { source, span, column, list }, .. } => {
                let payloads = payloads.iter().map(|text| compact(text));
                let payloads = payloads.collect::<Option<Vec<_>>>()?;
                let json =
                    if *list { format!("[{}]", payloads.join(",")) } else { payloads.join("") };
                let json = pretty(&json, column.saturating_sub(1));
                Some((source.name().into(), spliced(source.text(), *span, &json)))
            }
            Expected::Text { at: Written::Inline { source, span, .. }, .. } => {
                let mut json = String::new();
                write_json_text(payloads.first()?, &mut json);
                Some((source.name().into(), spliced(source.text(), *span, &json)))
            }
            _ => None,
        }
    }
}

fn spliced(text: &str, span: crate::text::Span, new: &str) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    format!("{}{new}{}", text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

/// A reader never sees half a file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
