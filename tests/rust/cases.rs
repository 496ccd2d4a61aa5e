//! The language reference, run: every file of `tests/cases/ftl` and `tests/cases/check` is prose with
//! templates and what they give, or what is wrong with them, and so are the guides in `docs`.
//! `UPDATE_CASES=1` writes what the engine gives today; a person reads the difference.
//!
//! A case is a heading of two or more `#` and the blocks behind it:
//!
//! - `json`: the data; its keys are the variables. Holds for the cases behind it in the section.
//! - `json event`: an event, bound to `input`, with Amplitude's settings. Holds to the end of the page.
//! - `settings`: `name = value` a line; a line `amplitude` starts from Amplitude's settings instead of
//!   FreeMarker's own. Holds for this case.
//! - `template NAME`: what the case may include or import. Holds for this case.
//! - `ftl`: the template.
//! - `events`: sample events, one a line, for the findings. Holds for this case.
//! - `findings`: what the linter says about the template, with Amplitude's settings; a line
//!   `freemarker` in `settings` starts from FreeMarker's own.
//! - `payload`: what `payload()` gives, or its error, for the data as the event.
//! - `output`, `output-escaped` (`\n`, `\t`, `\r`, `\u{…}`, `\\` spelled out) or `error`: what comes of it.
//!   A word `differs` behind it says that FreeMarker answers otherwise (`make confirm-cases` asks it).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use webhook_stream::ftl::Data;
use webhook_stream::ftl::Library;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Samples;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::Usage;
use webhook_stream::value::Document;

/// A moment for `.now`: 2024-01-15T10:30:00.120Z.
const NOW_MILLIS: i64 = 1_705_314_600_120;

#[test]
fn every_case_gives_what_its_page_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut pages: Vec<PathBuf> = ["ftl", "check"]
        .into_iter()
        .flat_map(|name| fs::read_dir(folder.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(guides.filter(|path| path.extension().is_some_and(|end| end == "md")));
    pages.sort();
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut failures = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let (rewritten, wrong) = run_page(page, &text);
        if update && rewritten != text {
            fs::write(page, rewritten).unwrap();
        } else if !update {
            failures.extend(wrong);
        }
    }
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}

/// Where the pages are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/ftl")
}

/// A fenced block.
pub(crate) struct Block<'t> {
    /// What stands behind the fence: `ftl`, `template footer.ftl`.
    pub(crate) info: &'t str,
    /// The content with its line feeds.
    pub(crate) content: &'t str,
    /// The line of the fence, from 1.
    line: usize,
    /// Where the content lies in the page.
    start: usize,
    end: usize,
}

#[derive(Default)]
struct Case<'t> {
    data: &'t str,
    event: Option<&'t str>,
    settings: Option<&'t str>,
    templates: Vec<(String, String)>,
    source: Option<&'t str>,
    events: Option<&'t str>,
}

/// The page with the outputs of today, and what differs.
fn run_page(page: &Path, text: &str) -> (String, Vec<String>) {
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    let (mut rewritten, mut copied) = (String::new(), 0);
    let mut wrong = Vec::new();
    let mut case = Case { data: "{}", ..Case::default() };
    let mut last_end = 0;
    for block in blocks(text) {
        if text[last_end..block.start].contains("\n## ") {
            case = Case { data: "{}", event: case.event, ..Case::default() };
        } else if text[last_end..block.start].contains("\n### ") {
            case = Case { data: case.data, event: case.event, ..Case::default() };
        }
        last_end = block.end;
        let (word, rest) = block.info.split_once(' ').unwrap_or((block.info, ""));
        match word {
            "json" if rest == "event" => case.event = Some(block.content),
            "json" => case.data = block.content,
            "settings" => case.settings = Some(block.content),
            "template" => {
                let source = without_last_line_feed(block.content).to_owned();
                case.templates.push((rest.trim().to_owned(), source));
            }
            "events" => case.events = Some(block.content),
            "ftl" => case.source = Some(without_last_line_feed(block.content)),
            "output" | "output-escaped" | "error" | "findings" | "payload" => {
                let result = match word {
                    "findings" => check_case(&case),
                    "payload" => payload_of(&case),
                    _ => run_case(&case),
                };
                let found = match (word, &result) {
                    ("findings" | "payload", Ok(text) | Err(text)) => format!("{text}\n"),
                    ("output", Ok(output)) => format!("{output}\n"),
                    ("output-escaped", Ok(output)) => format!("{}\n", escaped(output)),
                    ("error", Err(error)) => format!("{error}\n"),
                    (_, Ok(output)) => format!("(no error) {output}\n"),
                    (_, Err(error)) => format!("(error) {error}\n"),
                };
                // What `UPDATE_CASES` wrote into a block of the wrong kind is no agreement.
                let is_of_the_kind =
                    matches!(word, "findings" | "payload") || result.is_err() == (word == "error");
                if found != block.content || !is_of_the_kind {
                    wrong.push(format!(
                        "{name}:{}\n  expected {:?}\n  found    {found:?}",
                        block.line, block.content
                    ));
                    rewritten.push_str(&text[copied..block.start]);
                    rewritten.push_str(&found);
                    copied = block.end;
                }
                case.settings = None;
                case.templates.clear();
                case.events = None;
            }
            _ => {}
        }
    }
    rewritten.push_str(&text[copied..]);
    (rewritten, wrong)
}

fn run_case(case: &Case<'_>) -> Result<String, String> {
    let base = if case.event.is_some() { Settings::amplitude() } else { Settings::freemarker() };
    let template = compile(case, base)?;
    let document = Document::parse(case.event.unwrap_or(case.data));
    let document = document.map_err(|error| error.to_string())?;
    let data = match case.event {
        Some(_) => Data::event(document.root()),
        None => Data::variables(document.root()),
    };
    let options = RenderOptions { now_millis: NOW_MILLIS };
    template.render(data, options).map_err(|error| error.to_string())
}

fn check_case(case: &Case<'_>) -> Result<String, String> {
    let template = compile(case, Settings::amplitude())?;
    let usage = Usage::Event(&["input"]);
    let findings = match case.events {
        None => template.check(&usage),
        Some(events) => {
            let options = RenderOptions { now_millis: NOW_MILLIS };
            let mut samples = Samples::new(&template, usage, options);
            for (index, line) in events.lines().enumerate() {
                let event = Document::parse(line).map_err(|error| error.to_string())?;
                samples.add(event.root(), &format!("event {}", index + 1));
            }
            samples.finish()
        }
    };
    if findings.is_empty() {
        return Ok("none".to_owned());
    }
    Ok(findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn payload_of(case: &Case<'_>) -> Result<String, String> {
    let template = compile(case, Settings::amplitude())?;
    let document = Document::parse(case.data).map_err(|error| error.to_string())?;
    let (data, options) = (Data::event(document.root()), RenderOptions { now_millis: NOW_MILLIS });
    match template.payload_error(data, options) {
        Some(error) => Err(error.to_string()),
        None => template.render(data, options).map_err(|error| error.to_string()),
    }
}

fn compile(case: &Case<'_>, base: Settings) -> Result<Template, String> {
    let mut settings = base;
    for line in case.settings.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once('=') {
            Some((name, value)) => {
                settings.set(name.trim(), value.trim()).map_err(|error| error.to_string())?;
            }
            None if line.trim() == "amplitude" => settings = Settings::amplitude(),
            None if line.trim() == "freemarker" => settings = Settings::freemarker(),
            None => return Err(format!("settings: expected `name = value`, found `{line}`")),
        }
    }
    let library = Arc::new(Library::new(case.templates.clone()));
    let source = case.source.unwrap_or_default();
    Template::compile("case.ftl", source, &settings, Some(library))
        .map_err(|error| error.to_string())
}

fn without_last_line_feed(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The fenced blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, usize, usize)> = None;
    let mut offset = 0;
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        match open {
            Some((fence, info, start, at)) if ticks == fence && line.trim_end().len() == ticks => {
                let content = &page[start..offset];
                blocks.push(Block { info, content, line: at, start, end: offset });
                open = None;
            }
            None if ticks >= 3 => {
                open = Some((ticks, line[ticks..].trim(), offset + line.len(), index + 1));
            }
            _ => {}
        }
        offset += line.len();
    }
    blocks
}
