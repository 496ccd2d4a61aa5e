//! FreeMarker's own cases, where they are at hand: `shared/conformance` beside the project.
//!
//! They stay where they are. A case that fails must be in the list of known gaps, which may only
//! shrink: a gap that passes must leave the list.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use webhook_stream::ftl::Data;
use webhook_stream::ftl::Library;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::value::Document;

/// Cases that fail, with the reason.
const GAPS: &[(&str, &str)] = &[];

/// Cases that can't pass, with the reason.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("SpecialVariableTest.testVersion#1", "answered by 2.3.31; the engine follows 2.3.34"),
    ("probe21", "answered by 2.3.31; since 2.3.32 `?c` takes strings"),
];

/// A moment for `.now`: 2024-01-15T10:30:00Z.
const NOW_MILLIS: i64 = 1_705_314_600_000;

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    category: String,
    template: Option<String>,
    name: Option<String>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    #[serde(default)]
    data: serde_json::Map<String, Json>,
    #[serde(default)]
    settings: BTreeMap<String, Json>,
    output: Option<String>,
    #[serde(default)]
    error: bool,
    error_kind: Option<String>,
}

#[derive(Default)]
struct Score {
    passed: usize,
    total: usize,
}

#[test]
fn freemarker_cases_pass_or_are_known_gaps() {
    run("freemarker-sample.jsonl");
}

#[test]
fn webhook_probes_pass_or_are_known_gaps() {
    run("webhook-probes.jsonl");
}

fn run(file: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        write_report(&format!("note: {file} is not here, so no FreeMarker cases were run"));
        return;
    };
    let cases: Vec<Case> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known = |id: &str| GAPS.iter().chain(IMPOSSIBLE).any(|(known, _)| *known == id);
    let mut scores: BTreeMap<(bool, String), Score> = BTreeMap::new();
    let (mut unexpected, mut healed) = (Vec::new(), Vec::new());
    for case in &cases {
        let result = check(case);
        let is_assert = case.kind == "suite-assert";
        let score = scores.entry((is_assert, case.category.clone())).or_default();
        score.total += 1;
        match result {
            Ok(()) => {
                score.passed += 1;
                if known(&case.id) {
                    healed.push(case.id.clone());
                }
            }
            Err(why) if !known(&case.id) => unexpected.push(format!("{}: {why}", case.id)),
            Err(_) => {}
        }
    }
    write_report(&report(file, &scores));
    assert!(unexpected.is_empty(), "{} cases fail:\n{}", unexpected.len(), unexpected.join("\n"));
    assert!(healed.is_empty(), "these pass and must leave the list of gaps: {healed:?}");
}

fn report(file: &str, scores: &BTreeMap<(bool, String), Score>) -> String {
    let mut report = format!("{file}\n");
    for is_assert in [false, true] {
        let mut sum = Score::default();
        for ((kind, category), score) in scores {
            if *kind == is_assert {
                let _ = writeln!(report, "  {category:32} {:4} / {}", score.passed, score.total);
                sum.passed += score.passed;
                sum.total += score.total;
            }
        }
        let what = if is_assert { "suite assertions" } else { "cases" };
        let _ = writeln!(report, "  {what:32} {:4} / {}", sum.passed, sum.total);
    }
    report
}

#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
fn write_report(report: &str) {
    println!("{report}");
}

fn check(case: &Case) -> Result<(), String> {
    let mut settings = Settings::freemarker();
    if !case.settings.contains_key("incompatible_improvements") {
        settings.set("incompatible_improvements", "2.3.31").unwrap();
    }
    for (name, value) in &case.settings {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Err(error) = settings.set(name, &value) {
            return expect_error(case, "parse", None, &error.to_string());
        }
    }
    let library = Arc::new(Library::new(case.templates.clone()));
    let name = case.name.clone().unwrap_or_default();
    let text = case.template.as_ref().or_else(|| case.templates.get(&name));
    let Some(text) = text else { return Err("the case has no template".to_owned()) };
    let template = match Template::compile(&name, text, &settings, Some(library)) {
        Ok(template) => template,
        Err(error) => return expect_error(case, "parse", Some(error.kind()), &error.to_string()),
    };
    let data = Json::Object(case.data.clone()).to_string();
    let document = Document::parse(&data).map_err(|error| error.to_string())?;
    let options = RenderOptions { now_millis: NOW_MILLIS };
    match template.render(Data::variables(document.root()), options) {
        Ok(_) if case.error => Err("expected an error, found output".to_owned()),
        Ok(output) if Some(&output) == case.output.as_ref() => Ok(()),
        Ok(output) => Err(format!(
            "\n  expected {:?}\n  found    {output:?}",
            case.output.as_deref().unwrap_or_default()
        )),
        Err(error) => expect_error(case, "runtime", Some(error.kind()), &error.to_string()),
    }
}

fn expect_error(
    case: &Case,
    phase: &str,
    kind: Option<TemplateErrorKind>,
    message: &str,
) -> Result<(), String> {
    if !case.error {
        return Err(format!("unexpected error: {message}"));
    }
    let expected = case.error_kind.as_deref().unwrap_or(phase);
    // What FreeMarker finds when it loads a template, it finds before anything is printed.
    let same = expected == phase || (expected == "lookup" && phase == "parse");
    if !same {
        return Err(format!("expected an error of phase {expected}, found {phase}: {message}"));
    }
    if kind == Some(TemplateErrorKind::NotAvailable) {
        return Err(format!("an error for the wrong reason: {message}"));
    }
    Ok(())
}
