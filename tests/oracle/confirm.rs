//! The Markdown cases of `tests/cases/ftl`, confirmed by FreeMarker.
//!
//! A block `output differs` or `error differs` says that FreeMarker answers something else on
//! purpose; the prose beside it says why. That is checked as well.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::java::Oracle;
use crate::request::Answer;
use crate::request::Request;

/// What one expects of a case.
enum Expected {
    Output(String),
    Error,
}

struct Case {
    /// `strings.md:12`
    place: String,
    request: Request,
    expected: Expected,
    differs: bool,
}

/// Asks about every case of the pages whose names contain one of the words (all without words).
/// Returns whether all are as the pages say.
pub(crate) fn confirm(oracle: &mut Oracle, words: &[String]) -> Result<bool, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/ftl");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut pages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    pages.sort();
    let (mut cases, mut skipped) = (Vec::new(), 0);
    for page in &pages {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            let text = fs::read_to_string(page).map_err(|error| format!("{name}: {error}"))?;
            skipped += read_page(&name, &text, &mut cases)?;
        }
    }
    let requests: Vec<Request> = cases.iter().map(|case| case.request.clone()).collect();
    let (answers, ()) = oracle.ask(&requests, || ())?;
    let (mut wrong, mut differing) = (0, 0);
    for (case, answer) in cases.iter().zip(&answers) {
        let answer = &answer.answer;
        let agrees = match (&case.expected, answer) {
            (Expected::Output(expected), Answer::Output(output)) => expected == output,
            (Expected::Error, Answer::Error { .. }) => true,
            _ => false,
        };
        differing += usize::from(case.differs);
        if agrees == case.differs {
            wrong += 1;
            let what = match (&case.expected, case.differs) {
                (_, true) => "marked as differing, but FreeMarker agrees".to_owned(),
                (Expected::Output(output), false) => format!("the page says  output {output:?}"),
                (Expected::Error, false) => "the page says  an error".to_owned(),
            };
            println!("{}\n  {what}\n  FreeMarker has {answer}", case.place);
        }
    }
    println!(
        "{} cases asked, {wrong} wrong, {differing} differ on purpose, {skipped} not asked (they \
         need what only this engine has)",
        cases.len()
    );
    Ok(wrong == 0)
}

/// Adds the cases of a page; returns how many FreeMarker can't be asked.
fn read_page(name: &str, text: &str, cases: &mut Vec<Case>) -> Result<usize, String> {
    let mut request = Request::default();
    let (mut data, mut only_here, mut skipped) = ("{}".to_owned(), false, 0);
    for block in blocks(text) {
        if block.prose.contains("\n## ") {
            (request, data, only_here) = (Request::default(), "{}".to_owned(), false);
        } else if block.prose.contains("\n### ") {
            (request, only_here) = (Request::default(), false);
        }
        let (word, rest) = block.info.split_once(' ').unwrap_or((block.info, ""));
        let content = block.content.strip_suffix('\n').unwrap_or(block.content);
        match word {
            "json" => content.clone_into(&mut data),
            "settings" => {
                for line in content.lines().filter(|line| !line.trim().is_empty()) {
                    only_here |= !add_setting(&mut request, line);
                }
            }
            "template" => request.templates.push((rest.trim().to_owned(), content.to_owned())),
            "ftl" => content.clone_into(&mut request.template),
            "output" | "output-escaped" | "error" => {
                let place = format!("{name}:{}", block.line);
                request.data = serde_json::from_str(&data)
                    .map_err(|error| format!("{place}: the data: {error}"))?;
                "case.ftl".clone_into(&mut request.name);
                let differs = rest.trim() == "differs";
                let expected = match word {
                    "output" => Expected::Output(content.to_owned()),
                    "output-escaped" => Expected::Output(unescaped(content)),
                    _ => Expected::Error,
                };
                if only_here && !differs {
                    skipped += 1;
                } else {
                    cases.push(Case { place, request: request.clone(), expected, differs });
                }
                request.settings.clear();
                request.templates.clear();
                only_here = false;
            }
            _ => {}
        }
    }
    Ok(skipped)
}

/// Adds a line of settings; `false` for what FreeMarker doesn't have.
fn add_setting(request: &mut Request, line: &str) -> bool {
    let mut add = |name: &str, value: &str| {
        request.settings.push((name.to_owned(), value.to_owned()));
    };
    match line.split_once('=') {
        None => {
            add("number_format", "computer");
            add("boolean_format", "c");
            true
        }
        Some((name, _)) if name.trim().starts_with("max_") || name.trim() == "statics" => false,
        Some((name, value)) => {
            add(name.trim(), value.trim());
            true
        }
    }
}

/// `output-escaped` as the output it stands for.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '\\' { rest.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('u')) => {
                let digits: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            ('\\', Some(c)) => out.push(c),
            (c, _) => out.push(c),
        }
    }
    out
}

/// A fenced block.
struct Block<'t> {
    /// What stands between the block before and this one.
    prose: &'t str,
    /// What stands behind the fence: `ftl`, `output differs`.
    info: &'t str,
    content: &'t str,
    /// The line of the fence, from 1.
    line: usize,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block<'_>, usize)> = None;
    let (mut offset, mut prose) = (0, 0);
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        let end = offset + line.len();
        match open.take() {
            Some((fence, block, start)) if ticks == fence && line.trim_end().len() == ticks => {
                blocks.push(Block { content: &page[start..offset], ..block });
                prose = end;
            }
            Some(block) => open = Some(block),
            None if ticks >= 3 => {
                let (prose, info) = (&page[prose..offset], line[ticks..].trim());
                open = Some((ticks, Block { prose, info, content: "", line: index + 1 }, end));
            }
            None => {}
        }
        offset = end;
    }
    blocks
}
