//! The linter's page says what the linter does.

use std::fs;
use std::path::Path;

use webhook_stream::ftl::Rule;
use webhook_stream::ftl::SETTING_NAMES;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::Usage;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_rule_is_on_the_page_and_has_cases() {
    let page = read("docs/checks.md");
    let cases: String = ["json", "language", "events"]
        .map(|name| read(&format!("tests/cases/check/{name}.md")))
        .concat();
    for rule in Rule::ALL {
        let name = rule.name();
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/checks.md: `{name}`");
        let (_, section) = cases.split_once(&format!("\n## {name}\n")).expect(name);
        let section = section.split("\n## ").next().unwrap_or_default();
        assert!(section.contains(&format!("[{name}]")), "no case triggers `{name}`");
        assert!(section.contains("findings\nnone\n") || name == "missing_field", "{name}");
    }
}

#[test]
fn every_limit_is_on_the_page() {
    let page = read("docs/checks.md");
    for name in SETTING_NAMES.iter().filter(|name| name.starts_with("max_")) {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/checks.md: `{name}`");
    }
}

#[test]
fn the_pages_example_is_what_the_linter_says() {
    let page = read("docs/checks.md");
    let example = page.split("```\n").nth(1).unwrap();
    let source = example.lines().nth(2).and_then(|line| line.strip_prefix("1 | ")).unwrap();
    let template = Template::compile("braze.ftl", source, &Settings::amplitude(), None).unwrap();
    let findings = template.check(&Usage::Any);
    assert_eq!(format!("{}\n", findings[0]), example);
}
