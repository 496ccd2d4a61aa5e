//! The floor plan, enforced: which room may use which, and who owns which dependency.
//!
//! A room is a file or folder under `src/`. It may use its own files, and the rooms listed for it
//! here, which all stand above it in the table: a circle can't be written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Rooms, lowest floor first, and what each may use.
const FLOOR_PLAN: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("report", &[]),
    ("value", &["text"]),
    ("ftl/coverage", &[]),
    ("ftl/settings", &["text", "value", "ftl/coverage"]),
    ("ftl/error", &["text", "value"]),
    ("ftl/stack", &[]),
    ("ftl/ast", &["text", "value", "ftl/coverage", "ftl/settings", "ftl/stack"]),
    ("ftl/instrument", &["ftl/stack", "text", "ftl/coverage", "ftl/ast"]),
    ("ftl/parse", &["ftl/stack", "text", "value", "ftl/ast", "ftl/settings", "ftl/error"]),
    ("ftl/names", &["text", "value", "ftl/settings"]),
    // A lambda's value points at its code, so the two stand on one floor.
    ("ftl/model", &["text", "value", "ftl/settings", "ftl/error", "ftl/ast"]),
    ("ftl/format", &["text", "value", "ftl/settings", "ftl/error", "ftl/model"]),
    ("ftl/coerce", &["value", "ftl/settings", "ftl/error", "ftl/model", "ftl/format"]),
    (
        "ftl/builtins",
        &[
            "text",
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/model",
            "ftl/format",
            "ftl/coerce",
        ],
    ),
    (
        "ftl/statics",
        &[
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/model",
            "ftl/format",
            "ftl/coerce",
            "ftl/builtins",
        ],
    ),
    (
        "ftl/program",
        &[
            "text",
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/coverage",
            "ftl/model",
            "ftl/builtins",
            "ftl/names",
        ],
    ),
    (
        "ftl/resolve",
        &[
            "ftl/stack",
            "text",
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/names",
            "ftl/model",
            "ftl/builtins",
            "ftl/program",
        ],
    ),
    (
        "ftl/compile",
        &[
            "text",
            "ftl/coverage",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/parse",
            "ftl/instrument",
            "ftl/program",
            "ftl/resolve",
        ],
    ),
    (
        "ftl/library",
        &["text", "ftl/settings", "ftl/error", "ftl/names", "ftl/program", "ftl/compile"],
    ),
    (
        "ftl/eval",
        &[
            "ftl/stack",
            "text",
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/parse",
            "ftl/names",
            "ftl/model",
            "ftl/format",
            "ftl/coerce",
            "ftl/builtins",
            "ftl/statics",
            "ftl/program",
            "ftl/resolve",
            "ftl/compile",
            "ftl/library",
        ],
    ),
    (
        "ftl/check",
        &[
            "ftl/stack",
            "text",
            "value",
            "ftl/settings",
            "ftl/ast",
            "ftl/names",
            "ftl/builtins",
            "ftl/statics",
            "ftl/program",
            "ftl/library",
        ],
    ),
    ("ftl/reads", &["text", "value", "ftl/ast", "ftl/program", "ftl/eval", "ftl/builtins"]),
    ("ftl/payload", &["text", "value", "ftl/error", "ftl/program", "ftl/eval"]),
    (
        "ftl/template",
        &[
            "text",
            "value",
            "ftl/coverage",
            "ftl/settings",
            "ftl/error",
            "ftl/program",
            "ftl/compile",
            "ftl/library",
            "ftl/eval",
            "ftl/check",
            "ftl/reads",
            "ftl/payload",
        ],
    ),
    ("ftl/samples", &["text", "value", "ftl/error", "ftl/eval", "ftl/check", "ftl/template"]),
    (
        "ftl/expression",
        &[
            "text",
            "value",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/model",
            "ftl/program",
            "ftl/compile",
            "ftl/eval",
            "ftl/check",
            "ftl/reads",
            "ftl/template",
        ],
    ),
    ("ftl/vocabulary", &["ftl/settings", "ftl/parse", "ftl/builtins", "ftl/eval"]),
    (
        "ftl",
        &[
            "text",
            "value",
            "ftl/coverage",
            "ftl/instrument",
            "ftl/settings",
            "ftl/error",
            "ftl/ast",
            "ftl/parse",
            "ftl/names",
            "ftl/model",
            "ftl/format",
            "ftl/coerce",
            "ftl/builtins",
            "ftl/statics",
            "ftl/program",
            "ftl/resolve",
            "ftl/compile",
            "ftl/library",
            "ftl/eval",
            "ftl/reads",
            "ftl/check",
            "ftl/payload",
            "ftl/template",
            "ftl/samples",
            "ftl/expression",
            "ftl/vocabulary",
        ],
    ),
    ("filter", &["text", "value", "ftl"]),
    ("events", &["text", "value"]),
    ("delivery", &["text", "report"]),
    ("receiver", &["delivery"]),
    ("pipeline", &["text", "value", "report", "ftl", "filter", "events", "delivery"]),
    ("template_test", &["text", "value", "ftl/format", "ftl", "filter", "events", "pipeline"]),
    ("config", &["text", "value", "ftl", "filter", "delivery", "pipeline"]),
    (
        "cli",
        &[
            "text",
            "value",
            "report",
            "ftl",
            "filter",
            "events",
            "delivery",
            "receiver",
            "pipeline",
            "template_test",
            "config",
        ],
    ),
    (
        "python",
        &[
            "text",
            "value",
            "report",
            "ftl",
            "filter",
            "events",
            "delivery",
            "receiver",
            "pipeline",
            "template_test",
            "config",
            "cli",
        ],
    ),
];

/// A use against the direction, with the reason it has to be.
const SAME_FLOOR: &[(&str, &str)] = &[("ftl/model", "ftl/program")];

/// What only these rooms may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("nom::", &["ftl/parse"]),
    ("fancy_regex::", &["ftl/builtins"]),
    // Time zones; and how a point in time is written, in a log line, an HTTP date, `FtlUtils` and an
    // event that was the row of a table.
    ("jiff::", &["ftl/format", "delivery", "ftl/statics", "events"]),
    ("num_bigint::", &["value", "ftl/format", "ftl/builtins"]),
    // Tables that come in, and those that go out to other libraries.
    ("arrow_array::", &["events", "python"]),
    ("arrow_buffer::", &["python"]),
    ("arrow_schema::", &["events", "python"]),
    ("pyo3_arrow::", &["python"]),
    ("flate2::", &["events"]),
    ("zip::", &["events"]),
    ("glob::", &["events"]),
    ("ureq::", &["delivery"]),
    ("rusqlite::", &["delivery"]),
    ("lz4_flex::", &["delivery"]),
    ("xxhash_rust::", &["delivery", "events"]),
    ("nix::", &["delivery"]),
    ("rustix::", &["delivery", "receiver"]),
    ("crossbeam_channel::", &["delivery"]),
    ("hmac::", &["delivery"]),
    // Ids and signatures; and what a file is known by.
    ("sha2::", &["delivery"]),
    ("tempfile::", &["events"]),
    ("httparse::", &["receiver", "delivery"]),
    ("toml::", &["config"]),
    ("saphyr::", &["template_test"]),
    ("saphyr_parser::", &["template_test"]),
    ("jsonschema::", &["template_test"]),
    ("clap::", &["cli"]),
    ("clap_complete::", &["cli"]),
    ("rustls_native_certs::", &["delivery"]),
    ("pyo3::", &["python"]),
    ("SystemTime::now", &["delivery"]),
    ("Instant::now", &["delivery"]),
];

/// Files over 400 lines without their tests, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[
    ("value/number.rs", "the arithmetic of one type"),
    ("value/document.rs", "one table, the way in and the ways out"),
    ("ftl/model.rs", "the types of values, which all know each other"),
    ("ftl/builtins/search.rs", "one family of built-ins with its flags"),
    ("ftl/settings.rs", "one list of settings with its names and values"),
    ("ftl/builtins/regexp/java.rs", "one translation, from Java's syntax of patterns"),
    ("ftl/format/decimal.rs", "one type: a pattern of DecimalFormat, read and applied"),
    ("ftl/model.rs", "what an expression gives, type by type"),
    ("ftl/parse/layout.rs", "white space and line breaks, rule by rule"),
    ("ftl/parse/tag.rs", "every form a tag can have"),
    ("ftl/parse/expression.rs", "the operators by precedence, one function a rule"),
    ("receiver.rs", "scripts, the server and its bad manners"),
    ("delivery/wire.rs", "one transport under the HTTP client"),
    ("delivery/pool.rs", "the only file that starts sender threads"),
    ("report.rs", "counters, the histogram and their snapshot"),
];

const LONG: usize = 400;

#[test]
fn every_room_uses_only_what_the_floor_plan_allows() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room_of(&path);
        let allowed = FLOOR_PLAN.iter().find(|(name, _)| *name == room).map(|(_, uses)| *uses);
        let Some(allowed) = allowed else {
            if room != "lib" {
                wrong.push(format!("{path}: the room `{room}` is not on the floor plan"));
            }
            continue;
        };
        for (number, line) in code_lines(&text) {
            for used in used_rooms(line) {
                let same_floor = SAME_FLOOR.contains(&(room.as_str(), used.as_str()));
                if used != room && !same_floor && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{path}:{number}: `{room}` may not use `{used}`"));
                }
            }
            if line.contains("super::") {
                wrong.push(format!("{path}:{number}: `crate::` is used, never `super::`"));
            }
            if line.trim_start().starts_with("use crate::{") {
                wrong.push(format!("{path}:{number}: one module per `use`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_stands_below_all_it_uses() {
    for (floor, (room, uses)) in FLOOR_PLAN.iter().enumerate() {
        for used in *uses {
            let below = FLOOR_PLAN[..floor].iter().any(|(name, _)| name == used);
            assert!(below, "`{room}` uses `{used}`, which does not stand above it in the table");
        }
    }
}

#[test]
fn every_dependency_has_one_owner() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room_of(&path);
        for (number, line) in code_lines(&text) {
            for (name, owners) in OWNERS {
                let named = line.match_indices(name).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if named && !owners.contains(&room.as_str()) {
                    wrong.push(format!(
                        "{path}:{number}: `{name}` belongs to {owners:?}, not to `{room}`"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_is_on_the_page_with_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the manifest can be read");
    let page = fs::read_to_string(root.join("docs/architecture.md")).expect("the page is there");
    let mut in_dependencies = false;
    let mut missing = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if let Some((name, _)) = line.split_once(" = ")
            && in_dependencies
        {
            let mut rows = page.lines().filter_map(|row| row.strip_prefix("| ")?.split('|').next());
            let whole = |cell: &str| {
                let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
                cell.split(|c| !is_part(c)).any(|word| word == name)
            };
            if !rows.any(whole) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "docs/architecture.md does not list {missing:?}");
}

#[test]
fn long_files_have_a_reason() {
    let mut sizes: Vec<(usize, String)> =
        sources().into_iter().map(|(path, text)| (code_lines(&text).count(), path)).collect();
    sizes.sort_unstable_by(|left, right| right.cmp(left));
    let long = sizes.iter().filter(|(lines, _)| *lines > LONG);
    let known: BTreeMap<&str, &str> = LONG_FILES.iter().copied().collect();
    let unexplained: Vec<String> = long
        .filter(|(_, path)| !known.contains_key(path.as_str()))
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(
        unexplained.is_empty(),
        "over {LONG} lines without a reason:\n{}",
        unexplained.join("\n")
    );
}

/// Every Rust file under `src/`, with its path from there.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file can be read");
                let name = path.strip_prefix(&root).expect("it lies in src").display().to_string();
                files.push((name, text));
            }
        }
    }
    files.sort();
    assert!(files.len() > 10, "found only {} files", files.len());
    files
}

/// `ftl/eval/scope.rs` → `ftl/eval`, `ftl/mod.rs` → `ftl`, `delivery/store/memory.rs` → `delivery`.
fn room_of(path: &str) -> String {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let mut steps = path.split('/');
    let first = steps.next().unwrap_or_default();
    match steps.next() {
        Some(second) if first == "ftl" => format!("ftl/{second}"),
        _ => first.to_owned(),
    }
}

/// Code without comments, up to the unit tests.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// The rooms that a line names by `crate::…`.
fn used_rooms(line: &str) -> Vec<String> {
    let names = line.split("crate::").skip(1);
    names
        .filter_map(|rest| {
            let word = |text: &str| {
                text.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let first = word(rest);
            let second = rest.strip_prefix(&format!("{first}::")).map(word).unwrap_or_default();
            let inner = format!("ftl/{second}");
            if first == "ftl" && FLOOR_PLAN.iter().any(|(room, _)| *room == inner) {
                return Some(inner);
            }
            (!first.is_empty()).then_some(first)
        })
        .filter(|room| room != "ftl" || !line.trim_start().starts_with("pub(in"))
        .collect()
}
