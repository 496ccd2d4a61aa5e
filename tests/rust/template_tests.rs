//! Tests of templates, as users write them: files in a folder, and what they say.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;
use webhook_stream::pipeline::SetupError;
use webhook_stream::template_test::Suite;
use webhook_stream::template_test::Verdict;
use webhook_stream::template_test::find;
use webhook_stream::template_test::load;
use webhook_stream::template_test::update;

const TEMPLATE: &str = r#"{
  "user": "${input.user_id}",
  "amount": "${input.event_properties.revenue?string("0.00")}",
  "plan": "${(input.user_properties.plan)!"free"}"
}
"#;

/// A folder with `crm.ftl` and `crm.ftltest.yaml`.
fn folder(cases: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("crm.ftl"), TEMPLATE).unwrap();
    let path = folder.path().join("crm.ftltest.yaml");
    fs::write(&path, cases).unwrap();
    (folder, path)
}

fn verdict(suite: &Suite, name: &str) -> Verdict {
    suite.cases.iter().find(|case| case.name == name).unwrap().run()
}

fn failure(suite: &Suite, name: &str) -> String {
    match verdict(suite, name) {
        Verdict::Failed(difference) => difference,
        Verdict::Passed => panic!("{name} passes"),
    }
}

fn mistake(cases: &str) -> String {
    let (_folder, path) = folder(cases);
    match load(&path) {
        Err(SetupError::Config(error)) => error.to_string(),
        other => panic!("expected a mistake in the file, found {other:?}"),
    }
}

const CASES: &str = r#"
template: crm.ftl
filter: input.event_type == "Purchase"
cases:
  - name: keys in any order
    given: {event_type: Purchase, user_id: u1, event_properties: {revenue: 12.5}}
    expect: {plan: free, user: u1, amount: "12.50"}
  - name: another amount
    given: {event_type: Purchase, user_id: u1, event_properties: {revenue: 12.5}}
    expect:
      user: u1
      amount: "12.55"
      plan: free
  - name: no user
    given: {event_type: Purchase}
    raises: {match: user_id, kind: missing_value, line: 2}
  - name: no user, elsewhere
    given: {event_type: Purchase}
    raises: {match: user_id, line: 3}
  - {name: heartbeat, given: {event_type: heartbeat}, filtered: true}
  - {name: not filtered, given: {event_type: Purchase, user_id: a, event_properties: {revenue: 1}}, filtered: true}
  - name: several
    given:
      - {event_type: Purchase, user_id: a, event_properties: {revenue: 1}}
      - {event_type: heartbeat}
      - {event_type: Purchase, user_id: b, event_properties: {revenue: 2}}
    expect:
      - {user: a, amount: "1.00", plan: free}
      - {user: b, amount: "2.00", plan: free}
  - name: schema
    given: {event_type: Purchase, user_id: u1, event_properties: {revenue: 12.5}}
    schema: {properties: {amount: {type: number}}}
  - name: not JSON
    given: {event_type: Purchase, user_id: 'a"b', event_properties: {revenue: 12.5}}
  - name: digits
    given: {event_type: Purchase, user_id: 12345678901234567890123, event_properties: {revenue: 0}}
    expect_text: "{\n  \"user\": \"12345678901234567890123\",\n  \"amount\": \"0.00\",\n  \"plan\": \"free\"\n}\n"
"#;

#[test]
fn each_kind_of_expectation_holds_or_says_what_differs() {
    let (_folder, path) = folder(CASES);
    let suite = load(&path).unwrap();
    for name in ["keys in any order", "no user", "heartbeat", "several", "digits"] {
        assert_eq!(verdict(&suite, name), Verdict::Passed, "{name}");
    }
    let amount = failure(&suite, "another amount");
    assert!(amount.contains("-   \"amount\": \"12.55\",\n+   \"amount\": \"12.50\","), "{amount}");
    let elsewhere = failure(&suite, "no user, elsewhere");
    assert!(elsewhere.starts_with("expected an error on line 3, found 2"), "{elsewhere}");
    assert!(failure(&suite, "not filtered").contains("the filter lets it through"));
    let schema = failure(&suite, "schema");
    assert!(schema.contains("/amount: \"12.50\" is not of type \"number\""), "{schema}");
    let quote = failure(&suite, "not JSON");
    assert!(quote.contains("crm.ftl:2:") && quote.contains("?json_string"), "{quote}");
    assert_eq!(suite.cases[1].line, 8);
}

#[test]
fn mistakes_in_the_file_are_pointed_at() {
    let unknown = mistake("template: crm.ftl\ncases:\n  - name: a\n    gven: {}\n");
    assert!(unknown.contains(":4:5: expected one of name, given,"), "{unknown}");
    assert!(unknown.contains("did you mean `given`?"), "{unknown}");
    let two = "template: crm.ftl\ncases:\n  - {name: a, given: {}, expect: {}, filtered: true}\n";
    assert!(mistake(two).contains("expected one expectation"), "{}", mistake(two));
    assert!(mistake("template: [").contains("not YAML"));
    assert!(mistake("cases: []").contains("expected the key `template`"));
    let gone = mistake("template: gone.ftl\ncases: []");
    assert!(gone.contains("gone.ftl is not there") && gone.contains("1 | template: gone.ftl"));
    assert!(mistake("").contains("expected one YAML document, found none"));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
        c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
        e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    assert!(mistake(bomb).contains("not YAML"), "{}", mistake(bomb));
}

#[test]
fn an_update_changes_what_is_expected_and_nothing_else() {
    let (_folder, path) = folder(CASES);
    assert!(!update(&path, 0).unwrap(), "a case that passes is not touched");
    assert!(update(&path, 1).unwrap());
    assert!(!update(&path, 2).unwrap(), "an expected error is for people to write");
    let suite = load(&path).unwrap();
    assert_eq!(verdict(&suite, "another amount"), Verdict::Passed);
    assert_eq!(fs::read_to_string(&path).unwrap(), CASES.replace("12.55", "12.50"));
}

#[test]
fn an_update_keeps_comments_and_the_order_of_what_says_the_same_already() {
    let cases = "template: crm.ftl\ncases:\n  - name: a\n    given: [{user_id: u, event_properties: \
                 {revenue: 1}}]\n    expect:\n      # the free plan\n      - plan: free   # as it was\n        \
                 user: 'u'\n        amount: 7 # wrong\n# the end\n";
    let (_folder, path) = folder(cases);
    assert!(update(&path, 0).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, cases.replace("amount: 7 #", "amount: \"1.00\" #"));
    assert_eq!(load(&path).unwrap().cases[0].run(), Verdict::Passed);
    // A key that is not there has no place: then the whole is written anew.
    let (_folder, path) = folder(&cases.replace("        user: 'u'\n", ""));
    assert!(update(&path, 0).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("# the free plan\n      - {\n") && text.ends_with("# the end\n"),
        "{text}"
    );
    assert_eq!(load(&path).unwrap().cases[0].run(), Verdict::Passed);
}

#[test]
fn updates_of_one_file_from_several_sides_lose_nothing() {
    let case = |number: usize| {
        format!(
            "  - name: case {number}\n    given: {{user_id: u{number}, event_properties: {{revenue: \
             1}}}}\n    expect: {{user: wrong}}\n"
        )
    };
    let cases: String = (0..24).map(case).collect();
    let (_folder, path) = folder(&format!("template: crm.ftl\ncases:\n{cases}"));
    std::thread::scope(|scope| {
        for side in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for index in (side..24).step_by(4) {
                    assert!(update(path, index).unwrap());
                }
            });
        }
    });
    let suite = load(&path).unwrap();
    assert_eq!(suite.cases.len(), 24);
    assert!(suite.cases.iter().all(|case| case.run() == Verdict::Passed));
}

#[cfg(unix)]
#[test]
fn an_update_keeps_links_and_who_may_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = folder(CASES);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.ftltest.yaml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(update(&link, 1).unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(verdict(&load(&path).unwrap(), "another amount"), Verdict::Passed);
}

#[test]
fn an_update_knows_where_a_value_in_brackets_ends() {
    for (value, tail) in [("{user: x}", ""), ("{user: {a: [1]}} ", "# why\n"), ("{\n    }", "\n\n")]
    {
        let (_folder, path) = folder(&format!(
            "template: crm.ftl\ncases:\n- name: a\n  given: {{user_id: u, event_properties: \
             {{revenue: 1}}}}\n  expect: {value}{tail}"
        ));
        assert!(update(&path, 0).unwrap());
        assert_eq!(load(&path).unwrap().cases[0].run(), Verdict::Passed);
        assert!(fs::read_to_string(&path).unwrap().trim_end().ends_with(tail.trim_end()));
    }
}

#[test]
fn golden_files_are_written_by_an_update() {
    let (folder, path) = folder(
        "template: crm.ftl\ncases:\n  - name: golden\n    given_file: events.ndjson\n    \
         expect_file: golden.ndjson\n",
    );
    let events = "{\"user_id\": \"a\", \"event_properties\": {\"revenue\": 1}}\n\
                  {\"user_id\": \"b\", \"event_properties\": {\"revenue\": 2}}\n";
    fs::write(folder.path().join("events.ndjson"), events).unwrap();
    assert!(matches!(load(&path).unwrap().cases[0].run(), Verdict::Failed(_)));
    assert!(update(&path, 0).unwrap());
    assert_eq!(load(&path).unwrap().cases[0].run(), Verdict::Passed);
    let golden = fs::read_to_string(folder.path().join("golden.ndjson")).unwrap();
    assert_eq!(golden.lines().next(), Some(r#"{"user":"a","amount":"1.00","plan":"free"}"#));
    fs::write(folder.path().join("golden.ndjson"), format!("{golden}{{}}\n")).unwrap();
    let more = load(&path).unwrap().cases[0].run();
    assert_eq!(more, Verdict::Failed("1 more payloads were expected".to_owned()));
}

#[test]
fn a_triple_needs_no_yaml() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.ftl"), TEMPLATE).unwrap();
    let event = folder.path().join("a.event.json");
    fs::write(&event, r#"{"user_id": "u", "event_properties": {"revenue": 3}}"#).unwrap();
    fs::write(folder.path().join("notes.event.json"), "{}").unwrap();
    assert_eq!(find(&[folder.path().to_owned()]).unwrap(), std::slice::from_ref(&event));
    assert!(matches!(load(&event).unwrap().cases[0].run(), Verdict::Failed(_)));
    assert!(update(&event, 0).unwrap());
    assert_eq!(load(&event).unwrap().cases[0].run(), Verdict::Passed);
    assert!(find(&[Path::new("nowhere").to_owned()]).is_err());
}

#[test]
fn dropping_each_field_shows_what_breaks() {
    let (_folder, path) = folder(
        "template: crm.ftl\ncases:\n  - name: all\n    given: {user_id: u, event_properties: \
         {revenue: 1}, user_properties: {plan: pro}}\n",
    );
    let dropped = load(&path).unwrap().cases[0].drop_each_field();
    let found: Vec<(&str, bool)> =
        dropped.iter().map(|dropped| (dropped.field.as_str(), dropped.breaks.is_some())).collect();
    let expected =
        [("event_properties.revenue", true), ("user_id", true), ("user_properties.plan", false)];
    assert_eq!(found, expected);
    assert!(dropped[1].breaks.as_ref().unwrap().contains("`input.user_id` is missing"));
}

#[test]
fn templates_that_are_included_are_found_beside_the_test() {
    let (folder, path) = folder(
        "template: mail/main.ftl\ntemplates: [footer.ftl, mail/part.ftl]\ncases:\n  - name: a\n    \
         given: {a: 1}\n    expect: [1, 2]\n",
    );
    fs::create_dir(folder.path().join("mail")).unwrap();
    let main = "[<#include \"part.ftl\">, <#include \"../footer.ftl\">]";
    fs::write(folder.path().join("mail/main.ftl"), main).unwrap();
    fs::write(folder.path().join("mail/part.ftl"), "${input.a}").unwrap();
    fs::write(folder.path().join("footer.ftl"), "2").unwrap();
    assert_eq!(load(&path).unwrap().cases[0].run(), Verdict::Passed);
}
