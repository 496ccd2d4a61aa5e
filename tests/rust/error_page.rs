//! `docs/errors.md` has every kind of every error, each with its cause and its cure.

use std::collections::BTreeSet;
use std::fs;

use webhook_stream::delivery::store::StoreErrorKind;
use webhook_stream::events::EventErrorKind;
use webhook_stream::filter::FilterErrorKind;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::pipeline::ConfigErrorKind;

/// The rows of a section's table, each with its cells.
fn rows(class: &str) -> Vec<Vec<String>> {
    let page =
        fs::read_to_string(format!("{}/docs/errors.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, section) = page.split_once(&format!("\n## {class}\n")).expect(class);
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn every_kind_of_error_has_its_cause_and_its_cure() {
    let kinds: [(&str, Vec<&str>); 5] = [
        ("TemplateError", TemplateErrorKind::ALL.map(TemplateErrorKind::name).to_vec()),
        ("FilterError", FilterErrorKind::ALL.map(FilterErrorKind::name).to_vec()),
        (
            "EventError",
            // The last two are about Python values.
            [&EventErrorKind::ALL.map(EventErrorKind::name)[..], &["not_json", "too_deep"]]
                .concat(),
        ),
        (
            "ConfigError",
            [&ConfigErrorKind::ALL.map(ConfigErrorKind::name)[..], &["setting"]].concat(),
        ),
        ("StoreError", StoreErrorKind::ALL.map(StoreErrorKind::name).to_vec()),
    ];
    for (class, kinds) in kinds {
        let rows = rows(class);
        // A row may be about several kinds, and a kind may have several causes.
        let names = rows.iter().flat_map(|row| row[0].split(", "));
        let shown: BTreeSet<&str> = names.map(|name| name.trim_matches('`')).collect();
        assert_eq!(shown, kinds.into_iter().collect(), "{class}");
        for row in &rows {
            assert!(row.len() >= 3 && row.iter().all(|cell| cell.len() > 3), "{class}: {row:?}");
        }
    }
    assert!(!rows("DeliveryError").is_empty());
}
