//! The language reference is complete: every name that the engine knows has a case in
//! `tests/cases/ftl` whose output shows what it does, in each of its spellings.
//!
//! What FreeMarker has but this engine refuses (`?new`, `<#visit>` …) must have a case with the
//! error that says why.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use webhook_stream::ftl::Vocabulary;
use webhook_stream::ftl::names;

use crate::cases;

/// The words of an error for what FreeMarker has and this engine can't have.
const REFUSED: &str = "not available here";

#[test]
fn every_name_of_the_language_has_a_case() {
    let used = used_names();
    let mut without = Vec::new();
    for kind in Vocabulary::ALL {
        let known = used.get(&format!("{kind:?}"));
        let is_missing = |name: &String| !known.is_some_and(|known| known.contains(name));
        let missing: Vec<String> = names(kind).into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            without.push(format!("{kind:?}: {}", missing.join(", ")));
        }
    }
    assert!(without.is_empty(), "no case in tests/cases/ftl for\n{}", without.join("\n"));
}

#[test]
fn every_page_is_in_the_index_and_every_link_of_the_index_is_a_page() {
    let folder = cases::folder();
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let linked: BTreeSet<String> = index
        .split("](")
        .skip(1)
        .filter_map(|link| link.split([')', '#']).next())
        .filter(|target| !target.contains('/'))
        .map(str::to_owned)
        .collect();
    let pages: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(pages, linked);
}

#[test]
fn every_name_is_in_the_index() {
    let index = fs::read_to_string(cases::folder().join("README.md")).unwrap();
    let mut without = Vec::new();
    for kind in Vocabulary::ALL {
        let (before, after) = match kind {
            Vocabulary::Directives => ("<#", ">"),
            Vocabulary::SharedDirectives => ("<@", ">"),
            Vocabulary::BuiltIns => ("?", ""),
            Vocabulary::SpecialVariables => (".", ""),
            _ => ("", ""),
        };
        // The camel case spellings have a page of their own.
        let is_listed = |name: &String| {
            kind == Vocabulary::OutputFormats || !name.contains(|c: char| c.is_ascii_uppercase())
        };
        let shown = names(kind).into_iter().filter(is_listed);
        let shown = shown.map(|name| format!("[`{before}{name}{after}`]("));
        without.extend(shown.filter(|link| !index.contains(link)));
    }
    assert!(without.is_empty(), "not in tests/cases/ftl/README.md: {}", without.join(" "));
}

/// The names that cases use, by their kind.
fn used_names() -> BTreeMap<String, BTreeSet<String>> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let pages: Vec<PathBuf> =
        fs::read_dir(cases::folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for page in pages {
        let text = fs::read_to_string(page).unwrap();
        // What belongs to the result that comes next.
        let mut waiting: Vec<(Vocabulary, String)> = Vec::new();
        let mut template = Vec::new();
        for block in cases::blocks(&text) {
            match block.info.split(' ').next().unwrap_or_default() {
                "ftl" => template = names_in(block.content),
                "template" => waiting.extend(names_in(block.content)),
                "settings" => waiting.extend(settings_in(block.content)),
                "output" | "output-escaped" | "error" => {
                    let found = waiting.drain(..).chain(template.iter().cloned());
                    if !block.info.starts_with("error") || block.content.contains(REFUSED) {
                        for (kind, name) in found {
                            used.entry(format!("{kind:?}")).or_default().insert(name);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    used
}

fn settings_in(block: &str) -> Vec<(Vocabulary, String)> {
    let pairs = block.lines().filter_map(|line| line.split_once('='));
    let mut found = Vec::new();
    for (name, value) in pairs {
        found.push((Vocabulary::Settings, name.trim().to_owned()));
        if name.trim() == "output_format" {
            found.push((Vocabulary::OutputFormats, value.trim().to_owned()));
        }
    }
    found
}

/// The names in a template, seen by the signs before them.
fn names_in(template: &str) -> Vec<(Vocabulary, String)> {
    let template = without_comments(template);
    let mut found = Vec::new();
    let mut add = |kind, name: &str| found.push((kind, name.to_owned()));
    for tag in template.split(['<', '[']).filter_map(|tag| tag.strip_prefix('#')) {
        let name = word(tag);
        add(Vocabulary::Directives, name);
        let rest = &tag[name.len()..];
        match name {
            "setting" => add(Vocabulary::TemplateSettings, word(rest.trim_start())),
            "outputformat" | "outputFormat" => {
                add(Vocabulary::OutputFormats, quoted(rest).unwrap_or_default());
            }
            "ftl" => {
                let header = &rest[..rest.find('>').unwrap_or(rest.len())];
                for (before, value) in header.match_indices('=').map(|(at, _)| header.split_at(at))
                {
                    let name = last_word(before.trim_end());
                    add(Vocabulary::HeaderParameters, name);
                    if matches!(name, "output_format" | "outputFormat") {
                        add(Vocabulary::OutputFormats, quoted(value).unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
    }
    for call in template.split("<@").skip(1) {
        add(Vocabulary::SharedDirectives, word(call));
    }
    for name in template.split('?').skip(1) {
        add(Vocabulary::BuiltIns, word(name));
    }
    for (at, _) in template.match_indices('.') {
        let before = template[..at].chars().next_back().unwrap_or(' ');
        if !before.is_alphanumeric() && !matches!(before, '_' | ')' | ']' | '"' | '\'' | '.' | '}')
        {
            add(Vocabulary::SpecialVariables, word(&template[at + 1..]));
        }
    }
    found
}

fn without_comments(template: &str) -> String {
    let mut parts = template.split("<#--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("-->").map_or("", |(_, rest)| rest))
}

fn is_part_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_part_of_a_word(c)).unwrap_or(text.len())]
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c| !is_part_of_a_word(c)).next().unwrap_or_default()
}

fn quoted(text: &str) -> Option<&str> {
    text.split(['"', '\'']).nth(1)
}
