//! What the template gives now, written down as what is expected.

use std::fs;
use std::fs::File;
use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::template_test::Case;
use crate::template_test::Expected;
use crate::template_test::Verdict;
use crate::template_test::Written;
use crate::template_test::diff::same;
use crate::template_test::load;
use crate::template_test::read::compact;
use crate::template_test::run::Rendered;
use crate::template_test::yaml;
use crate::template_test::yaml::Node;
use crate::template_test::yaml::pretty;
use crate::text::Source;
use crate::text::Span;
use crate::value;
use crate::value::Document;
use crate::value::View;
use crate::value::write_json;
use crate::value::write_json_text;

/// Writes what the template gives now where case `index` of the file expects something else.
/// False when it passes already, or when what it expects is not a payload. The file is read anew,
/// so that other cases may have been updated meanwhile, by other processes too; it is replaced in one
/// step.
///
/// # Errors
/// When a file can't be read or written, with what is wrong in words.
pub fn update(path: &Path, index: usize) -> Result<bool, String> {
    let _alone = lock(path).map_err(|error| format!("{}: {error}", path.display()))?;
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
            Expected::Payloads { at: Written::Inline { source, span, list }, .. } => {
                let payloads = payloads.iter().map(|text| compact(text));
                let payloads = payloads.collect::<Option<Vec<_>>>()?;
                let json =
                    if *list { format!("[{}]", payloads.join(",")) } else { payloads.join("") };
                Some((source.name().into(), respelled(source, *span, &json)?))
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

/// A YAML text in which the value at `span` says what `json` says. What says so already stays as it
/// is written, comments and the order of keys included.
fn respelled(source: &Source, span: Span, json: &str) -> Option<String> {
    let document = yaml::parse(source).ok()?;
    let root = Node::new(&document, source).find(span)?;
    let found = Document::parse(json).ok()?;
    let mut edits = Vec::new();
    edit(root, found.root(), source, &mut edits);
    let mut text = source.text().to_owned();
    // From the end, so that the places before stay where they are.
    for (span, new) in edits.into_iter().rev() {
        text = spliced(&text, span, &new);
    }
    Some(text)
}

/// The smallest values of `written` that differ from `found`, in the order of the text.
fn edit(
    written: Node<'_>,
    found: value::Node<'_>,
    source: &Source,
    edits: &mut Vec<(Span, String)>,
) {
    let says = written.to_json().ok();
    let says = says.as_deref().and_then(|json| Document::parse(json).ok());
    if says.is_some_and(|says| same(says.root(), found)) {
        return;
    }
    match (written.pairs(), written.items(), found.view()) {
        (Some(pairs), _, View::Object(object)) if has_keys(&pairs, object) => {
            for (key, own) in pairs {
                if let Some(found) = key.text().ok().and_then(|key| object.get(key)) {
                    edit(own, found, source, edits);
                }
            }
        }
        (_, Some(items), View::List(list)) if items.len() == list.len() => {
            for (own, found) in items.into_iter().zip(list.iter()) {
                edit(own, found, source, edits);
            }
        }
        _ => {
            let mut json = String::new();
            write_json(found, &mut json);
            let span = written.span();
            let column = source.position(span.start).column;
            edits.push((span, pretty(&json, column.saturating_sub(1))));
        }
    }
}

/// Whether a mapping has the keys of an object, each once.
fn has_keys(pairs: &[(Node<'_>, Node<'_>)], object: value::Object<'_>) -> bool {
    let known =
        |(key, _): &(Node<'_>, Node<'_>)| key.text().is_ok_and(|key| object.get(key).is_some());
    pairs.len() == object.len() && pairs.iter().all(known)
}

/// Held while a test file is read, changed and replaced: test runs use several processes. The file
/// itself can't be what is locked, because it is replaced.
fn lock(path: &Path) -> io::Result<File> {
    let full = fs::canonicalize(path)?;
    let mut hasher = DefaultHasher::new();
    full.hash(&mut hasher);
    let name = format!("webhook-stream-update-{:016x}.lock", hasher.finish());
    let file = File::create(std::env::temp_dir().join(name))?;
    file.lock()?;
    Ok(file)
}

fn spliced(text: &str, span: Span, new: &str) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    format!("{}{new}{}", text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

/// A reader never sees half a file. Who may read and write it stays; a link stays one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    if let Ok(before) = fs::metadata(&path) {
        fs::set_permissions(&beside, before.permissions())?;
    }
    fs::rename(&beside, &path)
}
