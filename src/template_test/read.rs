//! From test files to cases.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::events::Reader;
use crate::filter::Filter;
use crate::ftl::Library;
use crate::ftl::Settings;
use crate::ftl::Template;
use crate::ftl::format::iso::moment_millis;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::SetupError;
use crate::template_test::Case;
use crate::template_test::EVENT;
use crate::template_test::EXPECTED;
use crate::template_test::Expected;
use crate::template_test::Given;
use crate::template_test::Schema;
use crate::template_test::Subject;
use crate::template_test::Written;
use crate::template_test::yaml;
use crate::template_test::yaml::Node;
use crate::text::Source;
use crate::text::did_you_mean;
use crate::value::Document;
use crate::value::write_json;

/// What `.now` says where no `freeze_time` is set: 2026-01-01T00:00:00Z, so that tests repeat.
const NOW_MILLIS: i64 = 1_767_225_600_000;

const FILE_KEYS: [&str; 6] =
    ["template", "templates", "filter", "settings", "freeze_time", "cases"];
const CASE_KEYS: [&str; 10] = [
    "name",
    "given",
    "given_file",
    "expect",
    "expect_file",
    "expect_text",
    "raises",
    "filtered",
    "schema",
    "freeze_time",
];
const RAISES_KEYS: [&str; 3] = ["match", "kind", "line"];

/// The case of `x.event.json`.
pub(in crate::template_test) fn triple(event: &Path) -> Result<Case, SetupError> {
    let text = event.display().to_string();
    let stem = text.strip_suffix(EVENT).unwrap_or(&text);
    let (template, expected) =
        (PathBuf::from(format!("{stem}.ftl")), PathBuf::from(format!("{stem}{EXPECTED}")));
    let template = compile(&template, &Settings::amplitude(), None)?;
    let name = Path::new(stem).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let at = Written::File { path: expected.clone(), lines: false };
    // A golden file that is not there yet differs from everything, until it is written.
    let texts = fs::read_to_string(&expected).map(|text| vec![text]).unwrap_or_default();
    Ok(Case {
        name,
        line: 1,
        subject: Arc::new(Subject { template, filter: None }),
        given: vec![Given { place: text.clone(), text: read(event)? }],
        expected: Expected::Payloads { texts, at },
        schema: None,
        now_millis: NOW_MILLIS,
    })
}

/// The cases of a `*.ftltest.yaml`.
pub(in crate::template_test) fn suite(path: &Path) -> Result<Vec<Case>, SetupError> {
    let source = Source::new(path.display().to_string(), read(path)?);
    let document = yaml::parse(&source)?;
    let root = Node::new(&document, &source);
    let folder = path.parent().unwrap_or(Path::new(""));
    let file = Table::of(root, &FILE_KEYS)?;
    let mut settings = Settings::amplitude();
    if let Some(node) = file.get("settings") {
        for (key, value) in node.pairs().ok_or_else(|| node.expected("a mapping"))? {
            settings
                .set(key.text()?, value.text()?)
                .map_err(|error| key.wrong(ConfigErrorKind::BadValue, error.to_string()))?;
        }
    }
    let library = match file.get("templates") {
        Some(node) => Some(library(node, folder)?),
        None => None,
    };
    let template = file.need("template")?;
    let template_path = folder.join(template.text()?);
    if !template_path.is_file() {
        let message = format!("{} is not there", template_path.display());
        let error = template.wrong(ConfigErrorKind::File, message);
        return Err(error.with_hint("paths are looked for beside the test file").into());
    }
    let template = compile(&template_path, &settings, library)?;
    let filter = file.get("filter").map(|node| filter(node, &source)).transpose()?;
    let subject = Arc::new(Subject { template, filter });
    let now_millis = file.get("freeze_time").map_or(Ok(NOW_MILLIS), moment)?;
    let cases = file.need("cases")?;
    let mut read = Vec::new();
    for node in cases.items().ok_or_else(|| cases.expected("a list of cases"))? {
        read.push(case(node, &source, folder, &subject, now_millis)?);
    }
    Ok(read)
}

fn case(
    node: Node<'_>,
    source: &Source,
    folder: &Path,
    subject: &Arc<Subject>,
    now_millis: i64,
) -> Result<Case, SetupError> {
    let table = Table::of(node, &CASE_KEYS)?;
    let name = table.need("name")?.text()?.to_owned();
    let (given, several) = match (table.get("given"), table.get("given_file")) {
        (Some(node), None) => (inline_events(node)?, node.items().is_some()),
        (None, Some(node)) => (events_of_file(node, folder)?, true),
        (None, None) => return Err(table.missing("given").into()),
        (Some(_), Some(node)) => {
            let message = "expected either `given` or `given_file`, found both";
            return Err(node.wrong(ConfigErrorKind::BadValue, message).into());
        }
    };
    let found: Vec<(&str, Node<'_>)> =
        ["expect", "expect_file", "expect_text", "raises", "filtered"]
            .into_iter()
            .filter_map(|key| Some((key, table.get(key)?)))
            .collect();
    let expected = match found.as_slice() {
        [] => Expected::Json,
        [(key, node)] => expected(key, *node, source, folder, several)?,
        [(first, _), (second, node), ..] => {
            let message = format!("expected one expectation, found `{first}` and `{second}`");
            return Err(node.wrong(ConfigErrorKind::BadValue, message).into());
        }
    };
    let schema = table.get("schema").map(|node| schema(node, folder)).transpose()?;
    let now_millis = table.get("freeze_time").map_or(Ok(now_millis), moment)?;
    let subject = Arc::clone(subject);
    Ok(Case { name, line: node.line(), subject, given, expected, schema, now_millis })
}

fn expected(
    key: &str,
    node: Node<'_>,
    source: &Source,
    folder: &Path,
    several: bool,
) -> Result<Expected, SetupError> {
    let span = node.span();
    let inline = || Written::Inline { source: source.clone(), span, list: several };
    Ok(match key {
        "expect" => {
            let texts = match node.items() {
                Some(items) if several => {
                    items.into_iter().map(Node::to_json).collect::<Result<_, _>>()?
                }
                None if several => return Err(node.expected("a list of payloads").into()),
                _ => vec![node.to_json()?],
            };
            Expected::Payloads { texts, at: inline() }
        }
        "expect_file" => {
            let path = folder.join(node.text()?);
            let text = fs::read_to_string(&path).unwrap_or_default();
            let texts = if several {
                text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
            } else if text.trim().is_empty() {
                Vec::new()
            } else {
                vec![text]
            };
            Expected::Payloads { texts, at: Written::File { path, lines: several } }
        }
        "expect_text" => Expected::Text { text: node.text()?.to_owned(), at: inline() },
        "filtered" => Expected::Filtered(node.boolean()?),
        _ => match node.text() {
            Ok(pattern) => {
                Expected::Error { pattern: Some(pattern.to_owned()), kind: None, line: None }
            }
            Err(_) => {
                let table = Table::of(node, &RAISES_KEYS)?;
                let text = |key| table.get(key).map(|node| node.text().map(str::to_owned));
                Expected::Error {
                    pattern: text("match").transpose()?,
                    kind: text("kind").transpose()?,
                    line: table.get("line").map(Node::whole_number).transpose()?,
                }
            }
        },
    })
}

/// The events of `given`: one object, or a list of them.
fn inline_events(node: Node<'_>) -> Result<Vec<Given>, ConfigError> {
    let Some(items) = node.items() else {
        if node.pairs().is_none() {
            return Err(node.expected("an event or a list of events"));
        }
        return Ok(vec![Given { place: "given".to_owned(), text: node.to_json()? }]);
    };
    let given = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| Ok(Given { place: format!("given[{index}]"), text: item.to_json()? }));
    given.collect()
}

fn events_of_file(node: Node<'_>, folder: &Path) -> Result<Vec<Given>, ConfigError> {
    let path = folder.join(node.text()?).display().to_string();
    let wrong = |error: crate::events::EventError| {
        node.wrong(ConfigErrorKind::File, format!("{path} can't be read: {error}"))
    };
    let mut reader = Reader::open(&[&path], crate::events::Settings::default()).map_err(wrong)?;
    let mut given = Vec::new();
    while let Some(block) = reader.next_block() {
        for line in block.map_err(wrong)?.lines() {
            let line = line.map_err(wrong)?;
            given.push(Given { place: line.place().to_string(), text: line.text().to_owned() });
        }
    }
    Ok(given)
}

fn filter(node: Node<'_>, source: &Source) -> Result<Filter, SetupError> {
    let name = format!("filter of {}", source.name());
    Ok(match node.text() {
        Ok(expression) => Filter::from_expression(&name, expression)?,
        Err(_) => Filter::from_json(&name, &node.to_json()?)?,
    })
}

/// A JSON Schema: the path of its file, or the schema itself.
fn schema(node: Node<'_>, folder: &Path) -> Result<Schema, ConfigError> {
    let wrong = |message: String| node.wrong(ConfigErrorKind::File, message);
    let text = match node.text() {
        Ok(path) => {
            let path = folder.join(path);
            fs::read_to_string(&path)
                .map_err(|error| wrong(format!("{} can't be read: {error}", path.display())))?
        }
        Err(_) => node.to_json()?,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("not a schema: {error}")))?;
    jsonschema::validator_for(&value)
        .map(Schema)
        .map_err(|error| wrong(format!("not a schema: {error}")))
}

/// Templates that are included, as a folder or a list of files; each is known by its path from
/// the test file's folder.
fn library(node: Node<'_>, folder: &Path) -> Result<Arc<Library>, ConfigError> {
    let names = match node.items() {
        Some(items) => items.into_iter().map(Node::text).collect::<Result<Vec<_>, _>>()?,
        None => vec![node.text()?],
    };
    let mut sources = Vec::new();
    for name in names {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|error| {
            node.wrong(ConfigErrorKind::File, format!("{} can't be read: {error}", path.display()))
        })?;
        sources.push(Source::new(name, text).of_file(absolute(&path)));
    }
    Ok(Arc::new(Library::of_folder(&folder.display().to_string(), sources)))
}

fn compile(
    path: &Path,
    settings: &Settings,
    library: Option<Arc<Library>>,
) -> Result<Template, SetupError> {
    let source = Source::new(path.display().to_string(), read(path)?).of_file(absolute(path));
    Ok(Template::compile_source(&source, settings, library)?)
}

/// A path that stays right when the current folder changes.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn moment(node: Node<'_>) -> Result<i64, ConfigError> {
    let text = node.text()?;
    moment_millis(text).ok_or_else(|| node.expected("a moment such as 2026-11-01T12:00:00Z"))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        let message = format!("{} can't be read: {error}", path.display());
        ConfigError::new(ConfigErrorKind::File, message)
    })
}

/// A mapping whose keys are known.
struct Table<'y> {
    node: Node<'y>,
    pairs: Vec<(&'y str, Node<'y>)>,
}

impl<'y> Table<'y> {
    fn of(node: Node<'y>, keys: &[&'static str]) -> Result<Self, ConfigError> {
        let mut pairs = Vec::new();
        for (key, value) in node.pairs().ok_or_else(|| node.expected("a mapping"))? {
            let name = key.text()?;
            if !keys.contains(&name) {
                let message = format!("expected one of {}, found `{name}`", keys.join(", "));
                let error = key.wrong(ConfigErrorKind::UnknownKey, message);
                return Err(match did_you_mean(name, keys.iter().copied()) {
                    Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                    None => error,
                });
            }
            pairs.push((name, value));
        }
        Ok(Self { node, pairs })
    }

    fn get(&self, key: &str) -> Option<Node<'y>> {
        self.pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn need(&self, key: &str) -> Result<Node<'y>, ConfigError> {
        self.get(key).ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> ConfigError {
        self.node.wrong(ConfigErrorKind::BadValue, format!("expected the key `{key}`, found none"))
    }
}

/// An event without the field at `path`; `None` when it has none there.
pub(in crate::template_test) fn without(event: &str, path: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(event).ok()?;
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = &mut value;
    for step in parents.split('.').filter(|step| !step.is_empty()) {
        at = at.get_mut(step)?;
    }
    // Removing must not change the order of what stays.
    at.as_object_mut()?.shift_remove(last)?;
    Some(value.to_string())
}

/// A document written again, for comparisons of texts.
pub(in crate::template_test) fn compact(text: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut out = String::new();
    write_json(document.root(), &mut out);
    Some(out)
}
