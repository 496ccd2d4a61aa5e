//! Tests of templates, written as data: `*.ftltest.yaml`, and the triple `x.ftl`, `x.event.json`,
//! `x.expected.json`.
//!
//! ```yaml
//! template: braze.ftl
//! cases:
//!   - name: a purchase
//!     given: {event_type: Purchase, user_id: u1, event_properties: {revenue: 12.50}}
//!     expect: {user: u1, amount: "12.50"}
//!   - name: a missing user is an error
//!     given: {event_type: Purchase}
//!     raises: {match: user_id, line: 3}
//! ```
//!
//! [`load`] reads a file, [`Case::run`] says how a case went, [`update`] writes down what the
//! template gives now. Where a test file may lie, [`is_test_file`] tells.

mod diff;
mod drop;
mod read;
mod run;
mod update;
mod yaml;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::filter::Filter;
use crate::ftl::Template;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::SetupError;
use crate::text::Source;
use crate::text::Span;
use crate::value::Document;

pub use crate::template_test::drop::Dropped;
pub use crate::template_test::run::Verdict;
pub use crate::template_test::update::update;

/// How a test file's name ends.
const ENDINGS: [&str; 2] = [".ftltest.yaml", ".ftltest.yml"];
/// How the event of a triple ends.
const EVENT: &str = ".event.json";
/// How the payload of a triple ends.
const EXPECTED: &str = ".expected.json";

/// The cases of one file.
#[derive(Debug)]
pub struct Suite {
    /// The file.
    pub path: PathBuf,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One case: a template, what it is given, and what is expected.
#[derive(Debug)]
pub struct Case {
    /// What people call it.
    pub name: String,
    /// The line of its file it begins on, from 1.
    pub line: usize,
    subject: Arc<Subject>,
    given: Vec<Given>,
    expected: Expected,
    schema: Option<Schema>,
    now_millis: i64,
}

/// What is tested.
#[derive(Debug)]
struct Subject {
    template: Template,
    filter: Option<Filter>,
}

/// An event, and what to call it when there are several.
#[derive(Debug)]
struct Given {
    place: String,
    text: String,
}

/// What should come out.
#[derive(Debug)]
enum Expected {
    /// These payloads, one for each event that passes the filter.
    Payloads { texts: Vec<String>, at: Written },
    /// This very text.
    Text { text: String, at: Written },
    /// The filter leaves every event out, or none.
    Filtered(bool),
    /// An error.
    Error { pattern: Option<String>, kind: Option<String>, line: Option<usize> },
    /// Any JSON.
    Json,
}

/// Where an expectation is written down, so that it can be updated.
#[derive(Clone, Debug)]
enum Written {
    /// A value in the test file, for one event or a list of them.
    Inline { source: Source, span: Span, list: bool },
    /// A file of its own; JSON lines when the case has several events.
    File { path: PathBuf, lines: bool },
}

/// A JSON Schema, compiled.
struct Schema(jsonschema::Validator);

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}

/// Whether a file holds template tests, by its name.
pub fn is_test_file(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let beside =
        |stem: &str, ending: &str| path.with_file_name(format!("{stem}{ending}")).is_file();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
        // An event with an expected payload is a test whose template is missing.
        || name
            .strip_suffix(EVENT)
            .is_some_and(|stem| beside(stem, ".ftl") || beside(stem, EXPECTED))
}

/// Where two JSON texts differ, line by line; the order of keys and the spelling of numbers don't
/// count. `None` when they say the same, or one is no JSON.
pub fn difference(expected: &str, found: &str) -> Option<String> {
    let (expected, found) = (Document::parse(expected).ok()?, Document::parse(found).ok()?);
    (!diff::same(expected.root(), found.root())).then(|| diff::diff(expected.root(), found.root()))
}

/// Reads a test file.
///
/// # Errors
/// When it can't be read, is no YAML, has an unknown key, or names a template, filter, event file
/// or schema that does not load. The error points at the line.
pub fn load(path: &Path) -> Result<Suite, SetupError> {
    let cases = if path.to_str().is_some_and(|name| name.ends_with(EVENT)) {
        vec![read::triple(path)?]
    } else {
        read::suite(path)?
    };
    Ok(Suite { path: path.to_owned(), cases })
}

/// The test files among these paths; folders are searched, in the order of names.
///
/// # Errors
/// When a path does not exist, can't be read, or is a file that holds no tests.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ConfigError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            search(path, &mut found)?;
        } else if is_test_file(path) && path.is_file() {
            found.push(path.clone());
        } else {
            let message = format!("expected a test file or a folder, found {}", path.display());
            return Err(ConfigError::new(ConfigErrorKind::File, message)
                .with_hint("tests are called `*.ftltest.yaml`, or `x.event.json` beside `x.ftl`"));
        }
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ConfigError> {
    let unreadable = |error: std::io::Error| {
        let message = format!("{} can't be read: {error}", folder.display());
        ConfigError::new(ConfigErrorKind::File, message)
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() {
            // A link may lead back up.
            if !hidden && !path.is_symlink() {
                search(&path, found)?;
            }
        } else if is_test_file(&path) {
            found.push(path);
        }
    }
    Ok(())
}
