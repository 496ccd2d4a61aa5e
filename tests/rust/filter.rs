//! Which events a filter lets pass, and what it says about it: the documents of
//! `tests/cases/filter` are the tests. `UPDATE_CASES=1` writes what the code says into them, for a
//! person to read the difference.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use webhook_stream::filter::{Filter, FilterError, FilterErrorKind};
use webhook_stream::value::Document;

fn from_json(text: &str) -> Result<Filter, FilterError> {
    Filter::from_json("filter.json", text)
}

fn matches(filter: &Filter, event: &str) -> bool {
    let event = Document::parse(event).unwrap();
    let matched = filter.matches(event.root()).unwrap();
    assert_eq!(filter.explain(event.root()).matched, matched, "explain is of another opinion");
    matched
}

fn case_file(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/filter").join(name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Compares a case file with what the code makes of it, or writes that.
fn settle(path: &Path, text: &str, made: &str) {
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(path, made).unwrap();
        return;
    }
    for (number, (line, expected)) in made.lines().zip(text.lines()).enumerate() {
        assert_eq!(line, expected, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(made.lines().count(), text.lines().count(), "{}", path.display());
}

/// The cells of a table's row; `None` when the line is none.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
}

fn condition(operator: &str, values: &str) -> Filter {
    let filter = format!(
        r#"{{"filters": [{{"subprop_type": "event", "subprop_key": "x",
            "subprop_op": "{operator}", "subprop_value": {values}}}]}}"#
    );
    from_json(&filter).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_operator_says_what_its_table_says() {
    let (path, text) = case_file("operators.md");
    let mut made = String::new();
    let mut operators: Vec<&str> = Vec::new();
    let mut columns: Vec<Filter> = Vec::new();
    let mut opposites: Vec<Filter> = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            operators = heading.split('`').skip(1).step_by(2).collect();
        }
        match cells(line) {
            Some(header) if header[0] == "the event has" => {
                let all = |operator: &str| -> Vec<Filter> {
                    header[1..].iter().map(|values| condition(operator, values)).collect()
                };
                columns = all(operators[0]);
                opposites = operators.get(1).map(|operator| all(operator)).unwrap_or_default();
            }
            Some(row) if !row[0].starts_with("---") => {
                let event = match row[0] {
                    "missing" => "{\"event_properties\":{}}".to_owned(),
                    value => format!("{{\"event_properties\":{{\"x\":{value}}}}}"),
                };
                write!(made, "| `{}` |", row[0]).unwrap();
                for (at, column) in columns.iter().enumerate() {
                    let matched = matches(column, &event);
                    made.push_str(if matched { " yes |" } else { " no |" });
                    if let Some(opposite) = opposites.get(at) {
                        assert_ne!(matches(opposite, &event), matched, "{operators:?}: {line}");
                        count += 1;
                    }
                    count += 1;
                }
                made.push('\n');
                continue;
            }
            _ => {}
        }
        made.push_str(line);
        made.push('\n');
    }
    assert!(count > 2000, "only {count} cells");
    settle(&path, &text, &made);
}

#[test]
fn every_property_is_where_its_table_says() {
    let (_, text) = case_file("properties.md");
    let rows =
        text.lines().filter_map(cells).filter(|row| row.len() == 4 && row[3].starts_with('{'));
    let mut count = 0;
    for row in rows {
        let [property_type, key, group_type, event] = row[..] else { panic!("{row:?}") };
        let group_type = match group_type {
            "" => String::new(),
            name => format!("\"group_type\": \"{name}\","),
        };
        let filter = format!(
            r#"{{"filters": [{{"subprop_type": "{property_type}", "subprop_key": "{key}",
                {group_type} "subprop_op": "is", "subprop_value": ["x"]}}]}}"#
        );
        let filter = from_json(&filter).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches(&filter, event), "{row:?}");
        assert!(!matches(&filter, &event.replace("\"x\"", "\"y\"")), "{row:?}");
        assert!(!matches(&filter, "{}"), "{row:?}");
        count += 1;
    }
    assert!(count > 30, "only {count} rows");
}

#[test]
fn explanations_and_errors_are_what_the_documents_show() {
    for name in ["properties.md", "explanations.md", "errors.md"] {
        let (path, text) = case_file(name);
        let mut made = String::new();
        let mut inputs: Vec<String> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            made.push_str(line);
            made.push('\n');
            let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else {
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let block = block.join("\n");
            let shown = match kind {
                "json" => {
                    inputs.push(block.clone());
                    block
                }
                "output" => {
                    let [filter, event] = &inputs[..] else { panic!("{name}: {inputs:?}") };
                    let filter = from_json(filter).unwrap_or_else(|error| panic!("{error}"));
                    let event = Document::parse(event).unwrap();
                    let explanation = filter.explain(event.root());
                    Document::parse(&explanation.to_json()).unwrap();
                    inputs.clear();
                    explanation.to_string()
                }
                "error" => {
                    let [filter] = &inputs[..] else { panic!("{name}: {inputs:?}") };
                    let error = from_json(filter).err().unwrap_or_else(|| panic!("{filter}"));
                    inputs.clear();
                    format!("{}: {error}", error.kind().name())
                }
                other => panic!("{name}: a block of {other}"),
            };
            made.push_str(&shown);
            made.push_str("\n```\n");
        }
        settle(&path, &text, &made);
    }
}

#[test]
fn every_kind_of_error_has_a_case_and_a_name() {
    let (_, text) = case_file("errors.md");
    let (_, explanations) = case_file("explanations.md");
    for kind in FilterErrorKind::ALL {
        let of_expression =
            matches!(kind, FilterErrorKind::Expression | FilterErrorKind::Evaluation);
        let shown = format!("\n{}: filter.json:", kind.name());
        assert!(of_expression || text.contains(&shown) || explanations.contains(&shown), "{shown}");
    }
}

#[test]
fn the_explanation_for_programs_names_the_deciding_clause() {
    let filter = from_json(
        r#"{"event_type": "Login", "filters": [{"subprop_type": "user", "subprop_key": "user_id",
            "subprop_op": "is not", "subprop_value": ["(none)"]}]}"#,
    )
    .unwrap();
    let event = Document::parse(r#"{"event_type":"Login"}"#).unwrap();
    assert_eq!(
        filter.explain(event.root()).to_json(),
        concat!(
            r#"{"matched":false,"decided_by":[{"clause":"user_id is not (none)","value":false,"#,
            r#""saw":[{"path":"user_id","value":null,"missing":true}]}],"#,
            r#""clauses":{"clause":"all of these","value":false,"saw":[],"operands":["#,
            r#"{"clause":"event_type is \"Login\"","value":true,"saw":[{"path":"event_type","#,
            r#""value":"Login","missing":false}]},"#,
            r#"{"clause":"user_id is not (none)","value":false,"#,
            r#""saw":[{"path":"user_id","value":null,"missing":true}]}]}}"#
        )
    );
}

#[test]
fn an_event_without_properties_or_that_is_no_object_matches_nothing_it_should_not() {
    let filter = condition("is", r#"["x"]"#);
    for event in
        ["{}", "[]", "1", "null", r#"{"event_properties":null}"#, r#"{"event_properties":[1]}"#]
    {
        assert!(!matches(&filter, event), "{event}");
    }
    assert!(matches(&condition("is not", r#"["x"]"#), "[]"));
}

#[test]
fn an_expression_is_a_filter_too() {
    let text = r#"input.event_type == "click event" && input.user_id??"#;
    let filter = Filter::from_expression("filter", text).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches(&filter, r#"{"event_type":"click event","user_id":"usr_7"}"#));
    assert!(!matches(&filter, r#"{"event_type":"click event","user_id":null}"#));
    assert!(!matches(&filter, r#"{"event_type":"Login","user_id":"usr_7"}"#));
    let event = Document::parse(r#"{"event_type":"click event"}"#).unwrap();
    let explanation = filter.explain(event.root());
    let deciding: Vec<&str> =
        explanation.deciding().iter().map(|clause| clause.text.as_str()).collect();
    assert_eq!(deciding, ["input.user_id??"]);
}

#[test]
fn an_expression_that_is_none_or_fails_says_where() {
    let error = Filter::from_expression("filter", "input.a ==").err().unwrap();
    assert_eq!((error.kind(), error.name()), (FilterErrorKind::Expression, "filter"));
    let filter = Filter::from_expression("filter", "input.nope > 1").unwrap();
    let event = Document::parse("{}").unwrap();
    let error = filter.matches(event.root()).err().unwrap();
    assert_eq!(error.kind(), FilterErrorKind::Evaluation);
    assert!(!filter.explain(event.root()).matched);
}

/// Any JSON value, small.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-20_i32..20).prop_map(Into::into),
        (-20_i32..20).prop_map(|n| (f64::from(n) / 4.0).into()),
        "[a-cA-C0-9./]{0,4}".prop_map(Into::into),
        Just("(none)".into()),
        Just("É😀".into()),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            proptest::collection::vec(("[a-c]", inner), 0..3)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

const OPERATORS: [(&str, &str); 7] = [
    ("is", "is not"),
    ("contains", "does not contain"),
    ("starts with", "does not start with"),
    ("has prefix", "does not have prefix"),
    ("set is", "set is not"),
    ("glob match", "glob does not match"),
    ("less", "greater or equal"),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn explain_is_of_the_same_opinion_and_an_opposite_of_the_other(
        value in json(),
        values in proptest::collection::vec("[a-cA-C0-9*?]{0,3}", 1..3),
        operator in 0_usize..6,
        event_type in "[ab]",
    ) {
        let values = serde_json::to_string(&values).unwrap();
        let event = format!(r#"{{"event_type":"{event_type}","event_properties":{{"x":{value}}}}}"#);
        let document = Document::parse(&event).unwrap();
        let (positive, negative) = OPERATORS[operator];
        let mut answers = Vec::new();
        for operator in [positive, negative] {
            let one = format!(r#"{{"event_type": "a", "filters": [{{"subprop_type": "event",
                "subprop_key": "x", "subprop_op": "{operator}", "subprop_value": {values}}}]}}"#);
            for text in [format!("[{one}, {{\"event_type\": \"c\"}}]"), one] {
                let filter = from_json(&text).unwrap();
                let matched = filter.matches(document.root()).unwrap();
                let explanation = filter.explain(document.root());
                prop_assert_eq!(explanation.matched, matched);
                prop_assert!(!explanation.deciding().is_empty());
                prop_assert!(Document::parse(&explanation.to_json()).is_ok());
                if event_type != "a" {
                    prop_assert!(!matched);
                }
                answers.push(matched);
            }
        }
        prop_assert_eq!(answers[0], answers[1]);
        prop_assert_eq!(answers[2], answers[3]);
        if event_type == "a" {
            prop_assert_ne!(answers[0], answers[2]);
        }
    }

    #[test]
    fn no_text_makes_a_filter_panic(text in "\\PC{0,60}", json in json()) {
        for text in [text, json.to_string(), format!("{{\"filters\": [{json}]}}")] {
            if let Err(error) = from_json(&text) {
                let end = error.span().end as usize;
                prop_assert!(text.is_char_boundary(error.span().start as usize), "{}", error);
                prop_assert!(end <= text.len() + 1, "{}", error);
            }
        }
    }

    #[test]
    fn a_glob_says_what_a_slow_matcher_says(pattern in "[ab/*?]{0,8}", text in "[ab/]{0,10}") {
        let event = format!(r#"{{"event_properties":{{"x":"{text}"}}}}"#);
        let filter = condition("glob match", &format!("\"{pattern}\""));
        // Empty text counts as no value.
        let expected = !text.is_empty() && slow_match(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(matches(&filter, &event), expected);
    }
}

/// The meaning of a pattern, one branch a rule, in exponential time.
fn slow_match(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', b'*', ..], _) => {
            let rest = &pattern[pattern.iter().take_while(|byte| **byte == b'*').count()..];
            (0..=text.len()).any(|at| slow_match(rest, &text[at..]))
        }
        ([b'*', rest @ ..], _) => (0..=text.len())
            .take_while(|at| !text[..*at].contains(&b'/'))
            .any(|at| slow_match(rest, &text[at..])),
        ([b'?', rest @ ..], [first, behind @ ..]) => *first != b'/' && slow_match(rest, behind),
        ([byte, rest @ ..], [first, behind @ ..]) => byte == first && slow_match(rest, behind),
        _ => false,
    }
}
