//! The JSON Schema of `syncs.toml` and its reader say the same: both come from one table of keys.

use std::fs;
use std::path::Path;

use serde_json::Value;
use webhook_stream::config;
use webhook_stream::config::Key;
use webhook_stream::config::Kind;
use webhook_stream::text::Source;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn validator() -> jsonschema::Validator {
    let schema = config::schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "no schema of 2020-12");
    jsonschema::draft202012::new(&schema).unwrap()
}

/// What the schema says of a text; `None`: nothing.
fn complaint(validator: &jsonschema::Validator, text: &str) -> Option<String> {
    let value: Value = toml::from_str(text).unwrap();
    validator.validate(&value).err().map(|error| format!("{}: {error}", error.instance_path()))
}

/// What the reader says of a text; the files that the examples name are in `folder`.
fn refusal(folder: &Path, text: &str) -> Option<String> {
    config::parse(&Source::new("syncs.toml", text), folder).err().map(|error| error.to_string())
}

/// A folder with the files that the examples of the table name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let filter = r#"{"event_type": "Login", "filters": []}"#;
    fs::write(folder.path().join("braze.ftl"), "{}").unwrap();
    fs::write(folder.path().join("filter.json"), filter).unwrap();
    folder
}

/// A sync with one key more.
fn with(key: &str, value: &str, in_retry: bool) -> String {
    let table = if in_retry { "[sync.a.retry]\n" } else { "" };
    let url = if key == "url" { "" } else { "url = \"https://example.com/\"\n" };
    // The one without the other is refused.
    let besides = if key == "client_key" { "client_certificate = \"client.pem\"\n" } else { "" };
    format!("[sync.a]\n{url}{besides}{table}{key} = {value}\n")
}

fn all_keys() -> impl Iterator<Item = (&'static Key, bool)> {
    let own = config::KEYS.iter().map(|key| (key, false));
    own.chain(config::RETRY_KEYS.iter().map(|key| (key, true)))
}

#[test]
fn the_example_of_every_key_is_taken_by_the_reader_and_by_the_schema() {
    let (validator, folder) = (validator(), folder());
    for (key, in_retry) in all_keys() {
        let text = with(key.name, key.example, in_retry);
        assert_eq!(refusal(folder.path(), &text), None, "{text}");
        assert_eq!(complaint(&validator, &text), None, "{text}");
    }
}

#[test]
fn the_default_of_every_key_is_what_the_reader_takes_without_it() {
    let folder = folder();
    let read = |text: &str| {
        let syncs = config::parse(&Source::new("syncs.toml", text), folder.path()).unwrap();
        format!("{syncs:?}")
    };
    let without = read("[sync.a]\nurl = \"https://example.com/\"\n");
    let mut defaults = 0;
    for (key, in_retry) in all_keys() {
        if let Some(default) = key.default {
            assert_eq!(read(&with(key.name, default, in_retry)), without, "{}", key.name);
            assert_ne!(read(&with(key.name, key.example, in_retry)), without, "{}", key.name);
            defaults += 1;
        }
    }
    assert!(defaults > 10, "{defaults}");
}

#[test]
fn values_of_another_kind_and_out_of_range_are_refused_by_both() {
    let (validator, folder) = (validator(), folder());
    for (key, in_retry) in all_keys() {
        let mut wrong = vec!["[[1]]", "{ a = 1 }"];
        match key.kind {
            Kind::Text => wrong.extend(["1", "true", "[\"a\"]"]),
            Kind::Choice(_) => wrong.extend(["1", "\"\"", "\"nope\""]),
            Kind::Boolean => wrong.extend(["1", "\"true\""]),
            Kind::Whole { .. } => wrong.extend(["-1", "1.5", "\"3\"", "true"]),
            Kind::Number { .. } => wrong.extend(["-1", "1e9", "\"3\"", "true"]),
            Kind::Status => unreachable!("no key is a status by itself"),
            Kind::List(..) => wrong.extend(["1", "\"a\"", "[true]"]),
            Kind::Texts => wrong.extend(["1", "[1]"]),
            Kind::FreeTable => wrong.extend(["1", "[\"a\"]"]),
            Kind::Table(_) => wrong.extend(["1", "{ tires = 1 }"]),
        }
        match key.kind {
            Kind::Whole { min, max } => {
                if min > 0 {
                    wrong.push("0");
                }
                if max.is_some() {
                    wrong.push("5000");
                }
            }
            Kind::Number { more: true, .. } => wrong.push("0"),
            _ => {}
        }
        for value in wrong {
            let text = with(key.name, value, in_retry);
            let refused = refusal(folder.path(), &text);
            assert!(refused.is_some(), "the reader took {text}");
            assert!(complaint(&validator, &text).is_some(), "the schema took {text}");
            let place = refused.unwrap();
            let line = text.lines().count();
            assert!(place.starts_with(&format!("syncs.toml:{line}:")), "{text}{place}");
        }
    }
}

#[test]
fn broken_files_are_refused_by_both_and_the_reader_says_what_was_meant() {
    let (validator, folder) = (validator(), folder());
    let broken = [
        ("[syncs.a]\nurl = \"https://example.com/\"", "did you mean `sync`?"),
        ("[snyc.a]\nurl = \"https://example.com/\"", "did you mean `sync`?"),
        ("url = \"https://example.com/\"", "options belong to a sync with a name"),
        ("[sync]\nurl = \"https://example.com/\"", "options belong to a sync with a name"),
        ("[retry]\ntries = 1", "options belong to a sync with a name"),
        ("[other]\nx = 1", "tables such as [sync.braze]"),
        ("[sync.a]\nurll = \"https://example.com/\"", "did you mean `url`?"),
        (
            "[sync.a]\nurl = \"https://example.com/\"\n[sync.a.header]\nX = \"1\"",
            "did you mean `headers`?",
        ),
        (
            "[sync.a]\nurl = \"https://example.com/\"\n[sync.a.retry]\ntires = 1",
            "did you mean `tries`?",
        ),
        (
            "[sync.a]\nurl = \"https://example.com/\"\ntimeout = 5",
            "did you mean `timeout_seconds`?",
        ),
        (
            "[sync.a]\nurl = \"https://example.com/\"\nsecret = \"x\"",
            "did you mean `signing_secret`?",
        ),
        ("[sync.a]\nurl = \"https://example.com/\"\nclient = \"x\"", "the keys are url"),
        ("[sync.a]\nurl = \"https://example.com/\"\ndurability = \"disc\"", "did you mean `disk`?"),
        ("[sync.a]\nurl = \"https://example.com/\"\nmethod = \"PSOT\"", "did you mean `POST`?"),
        (
            "[sync.a]\nurl = \"https://example.com/\"\nfilter = \"true\"\nfilter_file = \"filter.json\"",
            "found both",
        ),
        ("[sync.a]\ntemplate = \"braze.ftl\"", "expected a `url` in [sync.a], found none"),
        ("[sync]", "expected at least one sync"),
        ("", "expected at least one sync"),
    ];
    for (text, expected) in broken {
        let refused = refusal(folder.path(), text).unwrap_or_default();
        assert!(refused.contains(expected), "{text}\n{refused}");
        assert!(complaint(&validator, text).is_some(), "the schema took {text}");
    }
}

#[test]
fn every_file_that_is_shown_is_valid() {
    let validator = validator();
    let mut shown = vec![
        ("examples".to_owned(), fs::read_to_string(format!("{ROOT}/examples/syncs.toml")).unwrap()),
        ("init".to_owned(), fs::read_to_string(format!("{ROOT}/src/cli/init/syncs.toml")).unwrap()),
    ];
    for page in fs::read_dir(format!("{ROOT}/docs")).unwrap().flatten() {
        if page.path().extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(page.path()).unwrap();
            let blocks = text.split("\n```toml").skip(1).filter_map(|rest| rest.split_once('\n'));
            let blocks = blocks.filter_map(|(_, rest)| rest.split("```").next());
            let own = blocks.filter(|block| block.contains("[sync."));
            shown.extend(own.map(|block| (page.path().display().to_string(), block.to_owned())));
        }
    }
    assert!(shown.len() >= 3, "{}", shown.len());
    for (name, text) in shown {
        assert_eq!(complaint(&validator, &text), None, "{name}\n{text}");
    }
}
