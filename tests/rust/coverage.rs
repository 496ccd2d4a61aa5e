//! What of a template ran, and that counting changes nothing else.

use std::sync::Arc;

use webhook_stream::ftl::Data;
use webhook_stream::ftl::Library;
use webhook_stream::ftl::Measured;
use webhook_stream::ftl::Recorder;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::Usage;
use webhook_stream::text::Source;
use webhook_stream::value::Document;

fn counting() -> (Recorder, Settings) {
    let recorder = Recorder::default();
    let settings = Settings { recorder: Some(recorder.clone()), ..Settings::amplitude() };
    (recorder, settings)
}

fn render(template: &Template, event: &str) -> String {
    let document = Document::parse(event).unwrap();
    let rendered = template.render(Data::event(document.root()), RenderOptions::default());
    rendered.unwrap_or_else(|error| error.message().to_owned())
}

/// The template after these events.
fn measured(text: &str, events: &[&str]) -> Measured {
    let (recorder, settings) = counting();
    let source = Source::new("a.ftl", text).of_file("/a.ftl");
    let template = Template::compile_source(&source, &settings, None).unwrap();
    let plain = Template::compile("a.ftl", text, &Settings::amplitude(), None).unwrap();
    for event in events {
        assert_eq!(render(&template, event), render(&plain, event), "counting changes nothing");
    }
    recorder.measured().remove(0)
}

fn lines(measured: &Measured) -> Vec<(usize, u64)> {
    measured.lines().collect()
}

/// `line: name` of the ways that were taken, and of those that were not.
fn ways(measured: &Measured) -> (Vec<String>, Vec<String>) {
    let (taken, missed): (Vec<_>, Vec<_>) = measured.ways().partition(|(_, count)| *count > 0);
    let shown = |ways: Vec<(&webhook_stream::ftl::Way, u64)>| {
        ways.into_iter().map(|(way, _)| format!("{}: {}", way.from, way.name)).collect()
    };
    (shown(taken), shown(missed))
}

#[test]
fn a_line_is_what_runs_on_it_and_text_that_may_be_left_out() {
    let text =
        "{\n  \"a\": \"${input.a}\",\n<#if input.b??>\n  \"b\": 1,\n\n  \"c\": 2\n</#if>\n}\n";
    let never = measured(text, &[r#"{"a": 1}"#]);
    assert_eq!(lines(&never), [(2, 1), (3, 1), (4, 0), (6, 0)]);
    let both = measured(text, &[r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#]);
    assert_eq!(lines(&both), [(2, 2), (3, 2), (4, 1), (6, 1)]);
}

#[test]
fn what_comes_behind_an_error_did_not_run() {
    let text = "${input.a}\n${input.missing}\n${input.a}\n";
    assert_eq!(lines(&measured(text, &[r#"{"a": 1}"#])), [(1, 1), (2, 1), (3, 0)]);
}

#[test]
fn every_condition_of_a_chain_is_a_branch_of_its_own() {
    let text = "<#if input.a == 1>one<#elseif input.a == 2>two<#else>more</#if>";
    let one = measured(text, &[r#"{"a": 1}"#]);
    assert_eq!(
        ways(&one),
        (
            vec!["1: if true".to_owned()],
            vec!["1: if false".into(), "1: elseif true".into(), "1: elseif false".into()]
        )
    );
    let (_, missed) = ways(&measured(text, &[r#"{"a": 1}"#, r#"{"a": 2}"#, r#"{"a": 3}"#]));
    assert!(missed.is_empty());
    let missing: Vec<_> = one.ways().map(|(way, _)| way.missing.clone()).collect();
    assert_eq!(missing[0], "`<#if input.a == 1>` was never true");
    assert_eq!(missing[3], "`<#elseif input.a == 2>` was never false");
}

#[test]
fn an_elseif_on_a_line_of_its_own_runs_when_it_is_asked() {
    let text = "<#if input.a == 1>\nx\n<#elseif input.a == 2>\ny\n</#if>\n";
    assert_eq!(lines(&measured(text, &[r#"{"a": 1}"#])), [(1, 1), (2, 1), (3, 0), (4, 0)]);
    assert_eq!(lines(&measured(text, &[r#"{"a": 3}"#])), [(1, 1), (2, 0), (3, 1), (4, 0)]);
}

#[test]
fn a_list_has_items_or_not_and_a_separator_or_not() {
    let text = "<#list input.a as x>${x}<#sep>, </#list>";
    let missed = |events: &[&str]| ways(&measured(text, events)).1;
    assert_eq!(missed(&[r#"{"a": [1]}"#]), ["1: sep written", "1: list empty"]);
    assert_eq!(missed(&[r#"{"a": [1, 2]}"#]), ["1: list empty"]);
    assert_eq!(
        missed(&[r#"{"a": []}"#]),
        ["1: sep written", "1: sep left out", "1: list with items"]
    );
    let text = "<#list input.a>[<#items as x>${x}</#items>]<#else>none</#list>";
    assert_eq!(ways(&measured(text, &[r#"{"a": []}"#])).1, ["1: list with items"]);
    assert_eq!(ways(&measured(text, &[r#"{"a": [1]}"#])).1, ["1: list empty"]);
}

#[test]
fn a_case_counts_when_it_matches_not_when_another_falls_into_it() {
    let text = "<#switch input.a><#case 1>one<#case 2>two<#break><#default>more</#switch>";
    let one = measured(text, &[r#"{"a": 1}"#]);
    assert_eq!(
        ways(&one),
        (vec!["1: case 1".to_owned()], vec!["1: case 2".into(), "1: default".into()])
    );
    let text = "<#switch input.a><#on 1, 2>low<#on 3>mid</#switch>";
    let none = measured(text, &[r#"{"a": 9}"#]);
    assert_eq!(ways(&none).0, ["1: no case"]);
}

#[test]
fn an_attempt_goes_through_or_recovers() {
    let text = "<#attempt>${input.a}<#recover>none</#attempt>";
    assert_eq!(ways(&measured(text, &["{}"])).1, ["1: attempt through"]);
    assert_eq!(ways(&measured(text, &[r#"{"a": 1}"#])).1, ["1: attempt recovered"]);
}

#[test]
fn defaults_and_questions_are_no_branches() {
    let text = "${input.a!\"x\"} ${(input.a??)?then(1, 2)} ${(input.a?? && true)?c}";
    assert_eq!(measured(text, &["{}"]).ways().count(), 0);
}

#[test]
fn ways_from_a_line_never_share_a_target() {
    let text =
        "<#if input.a??>a</#if><#if input.b??>\nb\n</#if>\n<#list [] as x>\n${x}\n</#list>\n";
    let measured = measured(text, &["{}"]);
    let mut targets: Vec<(usize, i64)> =
        measured.ways().map(|(way, _)| (way.from, way.to)).collect();
    let count = targets.len();
    targets.dedup();
    assert_eq!(targets.len(), count);
    assert!(targets.iter().all(|(from, to)| i64::try_from(*from) != Ok(*to)));
    let names: Vec<_> = measured.ways().map(|(way, _)| way.name.as_str()).collect();
    assert_eq!(names[..4], ["if true", "if false", "if true (2)", "if false (2)"]);
}

#[test]
fn a_comment_excludes_its_line_and_what_its_tag_holds() {
    let text = "<#if input.a??><#-- pragma: no cover -->\n${input.a}\n<#list input.a as x>\n${x}\n</#list>\n<#else>\nb\n</#if>\n${1} <#-- pragma: no cover -->\n";
    let own = measured(text, &["{}"]);
    assert_eq!(own.map.excluded, [1, 2, 3, 4, 9]);
    assert_eq!(lines(&own), [(7, 1)]);
    assert_eq!(own.ways().count(), 0);
    let text = "<#if input.a??>\na\n<#else><#-- pragma: no cover -->\nb\n</#if>\n[#-- pragma: no branch --]<#list input.x![] as x>${x}</#list>\n";
    let own = measured(text, &[r#"{"a": 1}"#]);
    assert_eq!(own.map.excluded, [4]);
    assert_eq!(own.ways().count(), 0);
}

#[test]
fn an_included_template_and_its_macros_count_in_their_own_file() {
    let (recorder, settings) = counting();
    let library = Library::of([
        Source::new("lib.ftl", "<#macro m x>\n<#if x>\n<#nested>\n</#if>\n</#macro>\n")
            .of_file("/lib.ftl"),
        Source::new("part.ftl", "${input.a}\n").of_file("/part.ftl"),
        Source::new("text.ftl", "${input.a}\n"),
    ]);
    let text = "<#import \"lib.ftl\" as l>\n<@l.m true>\ninside\n</@l.m>\n<#include \"part.ftl\">\n<#include \"text.ftl\">\n";
    let source = Source::new("main.ftl", text).of_file("/main.ftl");
    let template = Template::compile_source(&source, &settings, Some(Arc::new(library))).unwrap();
    assert_eq!(render(&template, r#"{"a": 7}"#), "inside\n7\n7\n");
    let files: Vec<_> =
        recorder.measured().iter().map(|own| (own.path.clone(), lines(own))).collect();
    assert_eq!(
        files,
        [
            ("/lib.ftl".to_owned(), vec![(1, 1), (2, 1), (3, 1)]),
            ("/main.ftl".to_owned(), vec![(1, 1), (2, 1), (3, 1), (5, 1), (6, 1)]),
            ("/part.ftl".to_owned(), vec![(1, 1)]),
        ]
    );
    let regions = &recorder.measured()[0].map.macros;
    assert_eq!((regions[0].name.as_str(), regions[0].start), ("m", 1));
    assert!(template.check(&Usage::Event(&["input"])).is_empty());
}

#[test]
fn what_ran_is_told_once_and_compiled_twice_counts_together() {
    let (recorder, settings) = counting();
    let source = Source::new("a.ftl", "<#if input.a??>\na\n</#if>\n").of_file("/a.ftl");
    for event in ["{}", r#"{"a": 1}"#] {
        let template = Template::compile_source(&source, &settings, None).unwrap();
        render(&template, event);
    }
    let first = recorder.take();
    assert_eq!((first.len(), first[0].lines.as_slice()), (1, [1, 2].as_slice()));
    assert_eq!(first[0].ways.len(), 2);
    assert!(recorder.take()[0].lines.is_empty());
}

#[test]
fn a_template_is_checked_as_if_nobody_counted() {
    let (_, settings) = counting();
    let text = "{\"a\": [<#list input.a as x>${x},</#list>], \"b\": <#if input.b??>1</#if>}";
    let source = Source::new("a.ftl", text).of_file("/a.ftl");
    let usage = Usage::Event(&["input"]);
    let found = |template: Template| {
        let findings = template.check(&usage);
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let counted = found(Template::compile_source(&source, &settings, None).unwrap());
    let plain = Template::compile("a.ftl", text, &Settings::amplitude(), None).unwrap();
    assert!(!counted.is_empty());
    assert_eq!(counted, found(plain));
}

#[test]
fn nothing_counts_without_a_recorder_or_a_file() {
    let (recorder, settings) = counting();
    Template::compile("a.ftl", "${1}", &settings, None).unwrap();
    assert!(recorder.measured().is_empty());
    assert_eq!(Settings::amplitude().recorder, None);
}
