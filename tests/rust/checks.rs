//! The linter's page says what the linter does.

use std::fs;
use std::path::Path;

use webhook_stream::filter::Filter;
use webhook_stream::filter::FilterSamples;
use webhook_stream::ftl::Finding;
use webhook_stream::ftl::Rule;
use webhook_stream::ftl::SETTING_NAMES;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::Usage;
use webhook_stream::pipeline::Checkup;
use webhook_stream::pipeline::Sync;
use webhook_stream::pipeline::SyncOptions;
use webhook_stream::value::Document;

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
    let example = page.split("```").nth(1).and_then(|block| block.strip_prefix("text\n")).unwrap();
    let source = example.lines().nth(2).and_then(|line| line.strip_prefix("1 | ")).unwrap();
    let template = Template::compile("braze.ftl", source, &Settings::amplitude(), None).unwrap();
    let findings = template.check(&Usage::Any);
    assert_eq!(format!("{}\n", findings[0]), example);
}

fn said(findings: &[Finding]) -> Vec<(&'static str, &str, Option<&str>)> {
    let said = |own: &Finding| own.rule().name();
    findings.iter().map(|own| (said(own), own.source().slice(own.span()), own.hint())).collect()
}

#[test]
fn a_filters_expression_is_checked_too() {
    let filter = Filter::from_expression("filter", "input.plan!'' == 'pro' && inptu.x??").unwrap();
    let findings = filter.check();
    assert_eq!(
        said(&findings),
        [(
            "default_precedence",
            "input.plan!'' == 'pro' && inptu.x??",
            Some("write `(input.plan!'') == 'pro' && inptu.x??`")
        )]
    );
    let filter = Filter::from_expression("filter", "inptu.x == 1").unwrap();
    assert_eq!(said(&filter.check()), [("unknown_name", "inptu", Some("did you mean `input`?"))]);
}

#[test]
fn a_filters_names_are_looked_for_in_sample_events() {
    let json = r#"{"event_type": "clik event", "filters": [
        {"subprop_type": "user", "subprop_key": "gp:plam", "subprop_op": "is", "subprop_value": ["pro"]},
        {"subprop_type": "event", "subprop_key": "price", "subprop_op": "less", "subprop_value": ["5"]}]}"#;
    let filter = Filter::from_json("filter.json", json).unwrap();
    assert_eq!(filter.check(), []);
    let mut samples = FilterSamples::new(&filter);
    let event = r#"{"event_type": "click event", "user_properties": {"plan": "pro"}, "event_properties": {"price": 3}}"#;
    samples.add(Document::parse(event).unwrap().root());
    assert_eq!(
        said(&samples.finish()),
        [
            ("unknown_field", "clik event", Some("did you mean `click event`?")),
            ("unknown_field", "plam", Some("did you mean `plan`?")),
        ]
    );
}

#[test]
fn a_checkup_looks_at_filter_template_url_and_headers() {
    let mut options = SyncOptions::new("demo", "https://example.com/${input.evnt_type?url}");
    options.headers.push(("X-User".to_owned(), "${input.user_id[0..4]}".to_owned()));
    options.filter = Some(Filter::from_expression("filter", "input.n > 1").unwrap());
    let text = r#"{"u": "${input.user_id}"}"#;
    options.template =
        Some(Template::compile("t.ftl", text, &Settings::amplitude(), None).unwrap());
    let sync = Sync::new(options).unwrap();
    let mut checkup = Checkup::new(&sync, 0);
    checkup.add(r#"{"n": 1, "user_id": "ada"}"#, "line 1");
    checkup.add(r#"{"n": 2, "user_id": "ad\"a"}"#, "line 2");
    checkup.add(r#"{"n": "x"}"#, "line 3");
    checkup.add("no JSON", "line 4");
    let diagnosis = checkup.finish();
    assert_eq!((diagnosis.events, diagnosis.filtered), (4, 1));
    let rules: Vec<&str> = diagnosis.findings.iter().map(|own| own.rule().name()).collect();
    assert_eq!(
        rules,
        ["failing_events", "unescaped_text", "unknown_field", "short_text"],
        "{:#?}",
        diagnosis.findings
    );
    let starts = [
        "1 of 4 events can't be addressed, the first is line 2: ",
        "1 of 4 events can't be filtered, the first is line 3: ",
        "1 of 4 events can't be read, the first is line 4: ",
    ];
    assert_eq!(diagnosis.others.len(), starts.len(), "{:#?}", diagnosis.others);
    for (found, start) in diagnosis.others.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn what_is_missing_at_the_end_has_a_place_between_characters() {
    let text = "{\"a\": \"b\u{2028}\u{2000}";
    let template = Template::compile("end.ftl", text, &Settings::amplitude(), None).unwrap();
    let findings = template.check(&Usage::Event(&["input"]));
    assert!(!findings.is_empty());
    for finding in findings {
        let (start, end) = (finding.span().start as usize, finding.span().end as usize);
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{start}..{end}");
    }
}
