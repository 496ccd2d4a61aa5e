//! Hostile templates end in errors: no hang, no overflow of the stack, no memory without end.
//!
//! Everything here runs in threads with small stacks, as the senders of deliveries have.

use std::sync::Arc;
use std::thread;

use webhook_stream::ftl::Data;
use webhook_stream::ftl::Library;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::TemplateError;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::ftl::Usage;
use webhook_stream::value::Document;

/// The smallest stack that the engine promises to live with. Unoptimized code needs several times
/// what optimized code does.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 2 << 20 } else { 512 << 10 };

fn render(text: String, settings: Settings) -> Result<String, TemplateError> {
    let run = move || {
        let template = Template::compile("hostile.ftl", &text, &settings, None)?;
        let document = Document::parse(
            r#"{"n": 3, "xs": [1, 2, 3], "huge": 1e99999, "tiny": 1e-99999, "huger": 1e999999999}"#,
        )
        .unwrap();
        template.render(Data::event(document.root()), RenderOptions::default())
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap()
}

fn limited(text: impl Into<String>) {
    let text = text.into();
    let shown: String = text.chars().take(80).collect();
    match render(text, Settings::amplitude()) {
        Err(error) => assert_eq!(error.kind(), TemplateErrorKind::Limit, "{shown}: {error}"),
        Ok(output) => panic!("{shown}: expected a limit, found {} bytes", output.len()),
    }
}

fn survives(text: impl Into<String>) {
    let _ = render(text.into(), Settings::amplitude());
}

#[test]
fn macros_that_call_themselves_reach_a_limit() {
    limited("<#macro m><@m/></#macro><@m/>");
    limited("<#macro m><@m><#nested></@m></#macro><@m>x</@m>");
    limited("<#macro m>${\"${g()}\"}</#macro><#function g><@m/><#return 1></#function><@m/>");
}

#[test]
fn functions_that_call_themselves_reach_a_limit() {
    limited("<#function f x><#return f(x + 1)></#function>${f(1)}");
    limited("<#function f x><#return (f((x + 1)) + 1) * (1 + (2 + (3)))></#function>${f(1)}");
    limited("<#function f x><#return [x]?map(y -> f(y))?first></#function>${f(1)}");
}

#[test]
fn nested_content_that_nests_itself_reaches_a_limit() {
    limited("<#macro a><#nested></#macro><#macro b><@a><@b/></@a></#macro><@b/>");
}

/// With a tenth of the usual steps: what a test shows about counting, it shows sooner.
fn quickly_limited(text: impl Into<String>) {
    let mut settings = Settings::amplitude();
    settings.limits.max_steps /= 10;
    settings.limits.max_output_bytes /= 10;
    let text = text.into();
    let shown: String = text.chars().take(80).collect();
    match render(text, settings) {
        Err(error) => assert_eq!(error.kind(), TemplateErrorKind::Limit, "{shown}: {error}"),
        Ok(output) => panic!("{shown}: expected a limit, found {} bytes", output.len()),
    }
}

#[test]
fn long_loops_reach_a_limit() {
    quickly_limited("<#list 1.. as i></#list>");
    quickly_limited("<#list 1..1000000 as i><#list 1..1000000 as j></#list></#list>");
    quickly_limited("<#list 1..1000000000 as i><#assign x = i></#list>");
    quickly_limited("${(1..)?filter(x -> x < 0)?first!}");
    quickly_limited("${(1..)?filter(x -> x > 0)?size}");
}

#[test]
fn long_ranges_are_never_made_into_lists() {
    quickly_limited("${(1..1000000000)?join(',')}");
    quickly_limited("${((1..1000000000) + (1..1000000000))?size}");
    quickly_limited("${(1..1000000000)?chunk(2)?size}");
    quickly_limited("${(1..1000000000)?sort?first}");
    quickly_limited("${(1..1000000000)?seq_contains(0)?c}");
    quickly_limited("${(1..1000000000)?min}");
    quickly_limited("${((1..) + [1])?size}");
    assert_eq!(
        render("${(0..1000000000)?size} ${(5..)[3]}".into(), Settings::amplitude()).unwrap(),
        "1000000001 8"
    );
}

#[test]
fn texts_cannot_grow_by_themselves() {
    let twice =
        |step: &str| format!("<#assign s = 'xx'><#list 1..60 as i><#assign s = {step}></#list>");
    for step in [
        "s?replace('x', 'xx')",
        "s?replace('x', 'xx', 'r')",
        "s?replace('', s)",
        "[s, s]?join(s)",
        "s?json_string + s",
        "s?left_pad(1000000) + s",
        "\"${s}${s}\"",
    ] {
        quickly_limited(twice(step));
    }
    quickly_limited("${'a'?left_pad(1000000000)}");
    quickly_limited("${'a'?right_pad(2147483647, 'ab')}");
    quickly_limited("<#list 1..1000000 as i><#assign s = 'a'?left_pad(1000000)></#list>");
}

#[test]
fn what_is_kept_is_limited_by_the_steps_that_made_it() {
    let text = "x".repeat(50_000);
    quickly_limited(format!(
        "<#assign s = '{text}', all = []><#list 1..10000 as i><#assign all = all + [s?split('')]></#list>"
    ));
    quickly_limited("<#assign l = []><#list 1..1000000 as i><#assign l = l + [i]></#list>");
    quickly_limited("<#assign h = {}><#list 1..1000000 as i><#assign h = h + {i?c: i}></#list>");
    quickly_limited(format!(
        "<#assign s = '{text}', all = []><#list 1..100000 as i><#assign all = all + [s + i]></#list>"
    ));
}

#[test]
fn values_may_be_inside_each_other_as_deep_as_a_loop_is_long() {
    survives("<#assign l = []><#list 1..200000 as i><#assign l = [l]></#list>${l?size}");
    survives("<#assign l = {}><#list 1..200000 as i><#assign l = {'a': l}></#list>${l?size}");
    survives("<#assign l = 1><#list 1..100000 as i><#assign l = l?seq_contains></#list>");
    survives(
        "<#function f x><#return x></#function><#assign g = f><#list 1..20000 as i><#assign g = f?with_args([g])></#list>",
    );
    let utilities = "statics['com.amplitude.integrations.connector.utils.FtlUtils']";
    limited(format!(
        "<#assign l = []><#list 1..1000 as i><#assign l = [l]></#list>${{{utilities}.toJson(l)}}"
    ));
}

#[test]
fn searches_that_go_back_and_forth_reach_a_limit() {
    let text = "a".repeat(200);
    limited(format!("${{'{text}b'?replace('(a|aa)+$', 'x', 'r')}}"));
    limited(format!("${{'{text}b'?replace('(a*)*\\\\1c', 'x', 'r')}}"));
    limited(format!("${{'{text}b'?matches('(?=x*)(a|aa)+c')?c}}"));
    // Each search stays under its own limit; together they are paid for in steps.
    quickly_limited(
        "<#list 1..1000000 as i>${'aaaaaaaaaaaaaaab'?matches('(?=a)(a|aa)+c')?c}</#list>",
    );
    quickly_limited("<#list 1..1000000 as i>${'abc'?matches('a' + i)?c}</#list>");
    survives("${'a'?matches('(((a{1,1000}){1,1000}){1,1000}){1,1000}')?c}");
    survives(format!("${{'a'?matches('{}a{}')?c}}", "(".repeat(5000), ")".repeat(5000)));
    assert_eq!(
        render(
            "${'2024-01-02'?replace(r'(\\d+)-(\\d+)', '$2/$1', 'r')}".into(),
            Settings::amplitude()
        )
        .unwrap(),
        "01/2024-02"
    );
}

#[test]
fn long_numbers_reach_a_limit() {
    let ends = |text: &str| {
        let error = render(text.to_owned(), Settings::amplitude()).unwrap_err();
        let kinds =
            [TemplateErrorKind::Limit, TemplateErrorKind::Arithmetic, TemplateErrorKind::BadFormat];
        assert!(kinds.contains(&error.kind()), "{text}: {error}");
    };
    ends("<#assign x = 7><#list 1..100 as i><#assign x = x * x></#list>${x}");
    ends("<#assign x = 1><#list 1..1000000 as i><#assign x = x * i></#list>${x}");
    ends("<#assign x = input.huge><#list 1..1000000 as i><#assign x = x + 1></#list>${x}");
    ends("${'1e999999999'?number}");
    survives("${input.huge?c}${input.huge / 3}${input.tiny * 7}${1 / input.tiny}");
    survives("${input.huger}${input.huger + 1}${input.huger?string('0.00')}${input.huger?round}");
    survives(format!("${{{}}}", "9".repeat(1_000_000)));
    survives(format!("${{'{}'?number}}", "9".repeat(1_000_000)));
    survives("<#list 0..<input.huge as i></#list>");
}

#[test]
fn text_that_is_evaluated_is_paid_for() {
    let list = format!("[{}1]", "1,".repeat(20_000));
    quickly_limited(format!(
        "<#assign t = '{list}'><#list 1..100000 as i><#assign x = t?eval_json></#list>"
    ));
    quickly_limited(format!(
        "<#assign t = '{list}'><#list 1..100000 as i><#assign x = t?eval></#list>"
    ));
    limited("<#assign t = '1'><#list 1..1000 as i><#assign t = '(' + t + ')'>${t?eval}</#list>");
    survives(format!("${{'{}'?eval_json?size}}", "[".repeat(100_000)));
}

#[test]
fn templates_that_include_themselves_reach_a_limit() {
    let run = || {
        let own = "<#include 'own.ftl'>";
        let library = Library::new([("own.ftl".to_owned(), own.to_owned())]);
        let settings = Settings::amplitude();
        let template = Template::compile("main.ftl", own, &settings, Some(Arc::new(library)));
        let document = Document::parse("{}").unwrap();
        let template = template.unwrap();
        let checked = template.check(&Usage::Any);
        assert_eq!(checked, []);
        template.render(Data::event(document.root()), RenderOptions::default())
    };
    let result = thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
    assert_eq!(result.unwrap_err().kind(), TemplateErrorKind::Limit);
}

#[test]
fn every_limit_is_a_setting() {
    for (name, value, text) in [
        ("max_output_bytes", "10", "12345678901"),
        ("max_steps", "10", "<#list 1..20 as i></#list>"),
        ("max_call_depth", "3", "<#macro m n><#if n != 0><@m n - 1/></#if></#macro><@m 5/>"),
        ("max_nesting", "5", "${((((((1))))))}"),
        ("max_regex_steps", "1000", "${'aaaaaaaaaaaaaaaaaaaaaaaaab'?matches('(?=a)(a|aa)+c')?c}"),
        ("max_items", "10", "${(1..20)?sort?size}"),
    ] {
        let mut settings = Settings::amplitude();
        settings.set(name, value).unwrap();
        let error = render(text.to_owned(), settings).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Limit, "{name}: {error}");
        assert!(error.to_string().contains(value), "{name}: {error}");
        render(text.to_owned(), Settings::amplitude()).unwrap();
    }
}

#[test]
fn checking_is_bounded_too() {
    for text in [
        (0..2000).map(|i| format!("<#if input.a{i}??>\"a{i}\": 1,</#if>")).collect::<String>(),
        format!(
            "{{{}}}",
            (0..60).map(|i| format!("<#list input.x{i} as x>")).collect::<String>()
                + &"</#list>".repeat(60)
        ),
        format!(
            "{{<#if {}>\"a\": 1</#if>}}",
            (0..60)
                .map(|i| format!("(input.a{i}?? || input.b{i}??)"))
                .collect::<Vec<_>>()
                .join(" && ")
        ),
        "<#macro m>{<@m/>}</#macro>{<@m/>".to_owned(),
        format!("${{x{}}}", "?upper_case".repeat(390)),
        format!("{{\"a\": ${{{}1{}}}}}", "(".repeat(190), ")".repeat(190)),
    ] {
        let run = move || {
            let template = Template::compile("t.ftl", &text, &Settings::amplitude(), None);
            let _ = template.map(|template| template.check(&Usage::Event(&["input"])));
        };
        thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
    }
}

#[test]
fn output_and_strings_have_a_largest_size() {
    quickly_limited("<#list 1..1000000 as i>0123456789012345678901234567890123456789</#list>");
    limited("<#assign s = 'x'><#list 1..100 as i><#assign s = s + s></#list>");
    limited("<#assign s = 'x'><#list 1..100 as i><#assign s>${s}${s}</#assign></#list>");
    limited("<#assign s = 'x'><#list 1..100 as i><#assign s = \"${s}${s}\"></#list>");
    limited("<#assign s = ['x']><#list 1..100 as i><#assign s = s + s></#list>");
}

#[test]
fn a_limit_cannot_be_caught() {
    limited("<#macro m><#attempt><@m/><#recover></#attempt></#macro><@m/>");
    limited("<#attempt><#list 1.. as i></#list><#recover>caught</#attempt>");
    limited("<#function f x><#return (f(x))!></#function>${f(1)}");
}

#[test]
fn text_that_is_compiled_while_rendering_is_limited_too() {
    limited("<#assign t = r'<@t?interpret/>'><@t?interpret/>");
    limited("<#assign t = 't?eval'>${t?eval}");
}

#[test]
fn deep_expressions_end_in_an_error_or_are_fine() {
    for depth in [50, 150, 190, 250, 5_000, 100_000] {
        survives(format!("${{{}1{}}}", "(".repeat(depth), ")".repeat(depth)));
        survives(format!("${{{}1{}}}", "[".repeat(depth), "]".repeat(depth)));
        survives(format!("${{n{}}}", ".a".repeat(depth)));
        survives(format!("${{1{}}}", " + 1".repeat(depth)));
        survives(format!("${{{}true}}", "!".repeat(depth)));
        survives(format!("${{'x'{}}}", "?trim".repeat(depth)));
        survives(format!("{}x{}", "<#if true>".repeat(depth), "</#if>".repeat(depth)));
        survives(format!("{}x", "<#list 1..1 as i>".repeat(depth)));
        survives(format!("${{{}", "\"${".repeat(depth)));
        survives(format!("${{'{}'?eval}}", "(".repeat(depth)));
    }
}

#[test]
fn deep_calls_with_deep_expressions_are_safe() {
    let depth = 90;
    let (open, close) = ("(1 + ".repeat(depth), ")".repeat(depth));
    limited(format!("<#function f x><#return {open}f(x){close}></#function>${{f(1)}}"));
    let (open, close) = ("<#if true>".repeat(depth), "</#if>".repeat(depth));
    limited(format!("<#macro m>{open}<@m/>{close}</#macro><@m/>"));
}

#[test]
fn recursion_that_ends_is_not_limited() {
    let text =
        "<#function f n><#if n == 0><#return 0></#if><#return 1 + f(n - 1)></#function>${f(100)}";
    assert_eq!(render(text.to_owned(), Settings::amplitude()).unwrap(), "100");
}
