//! `test`: tests of templates, without pytest.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Test;
use crate::cli::coverage::Coverage;
use crate::template_test::Verdict;
use crate::template_test::find;
use crate::template_test::load;
use crate::template_test::update;

/// Runs the command.
pub(in crate::cli) fn test(arguments: &Test, world: &mut World<'_>) -> Result<u8, Failure> {
    if arguments.update && std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        let message =
            "expected no --update where CI is set: what is expected is for people to write";
        return Err(Failure::Usage(message.to_owned()));
    }
    let here = [PathBuf::from(".")];
    let paths = if arguments.paths.is_empty() { &here[..] } else { &arguments.paths };
    // Before a template is compiled.
    let coverage = Coverage::wanted(arguments)?;
    let (mut passed, mut failed, mut updated) = (0, 0, 0);
    let mut results = Vec::new();
    for path in find(paths)? {
        let name = path.display().to_string();
        let suite = load(&path)?;
        if !arguments.json {
            writeln!(world.out, "{name}")?;
        }
        for (index, case) in suite.cases.iter().enumerate() {
            if !(world.go_on)() {
                return Ok(INTERRUPTED);
            }
            let mut verdict = case.run();
            let mut outcome = "passed";
            if let Verdict::Failed(_) = verdict {
                outcome = "failed";
                if arguments.update && update(&path, index).map_err(Failure::Io)? {
                    (outcome, verdict) = ("updated", Verdict::Passed);
                }
            }
            match outcome {
                "passed" => passed += 1,
                "updated" => updated += 1,
                _ => failed += 1,
            }
            let message = match &verdict {
                Verdict::Passed => None,
                Verdict::Failed(message) => Some(message.as_str()),
            };
            let dropped = if arguments.drop_fields { case.drop_each_field() } else { Vec::new() };
            if arguments.json {
                let dropped: Vec<_> = dropped
                    .iter()
                    .map(|dropped| json!({"field": dropped.field, "breaks": dropped.breaks}))
                    .collect();
                results.push(json!({
                    "file": name, "line": case.line, "case": case.name, "outcome": outcome,
                    "message": message, "dropped": dropped,
                }));
                continue;
            }
            let mark = if outcome == "failed" { "FAILED" } else { outcome };
            writeln!(world.out, "  {mark:7} {} (line {})", case.name, case.line)?;
            for line in message.unwrap_or_default().lines() {
                writeln!(world.out, "          {line}")?;
            }
            for dropped in dropped {
                let what = dropped.breaks.as_deref().unwrap_or("copes");
                writeln!(world.out, "          without {}: {}", dropped.field, first_line(what))?;
            }
        }
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(results))?;
    }
    let is_covered = coverage.map_or(Ok(true), |coverage| coverage.report(paths, world))?;
    if !arguments.json {
        let updates = if updated > 0 { format!(", {updated} updated") } else { String::new() };
        writeln!(world.err, "{passed} passed, {failed} failed{updates}")?;
    }
    Ok(if failed > 0 || !is_covered { FINDINGS } else { OK })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
