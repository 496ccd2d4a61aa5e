//! Hostile templates end in errors: no hang, no overflow of the stack, no memory without end.
//!
//! Everything here runs in threads with small stacks, as the senders of deliveries have.

use std::thread;

use webhook_stream::ftl::Data;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::TemplateError;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::value::Document;

/// The smallest stack that the engine promises to live with. Unoptimized code needs several times
/// what optimized code does.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 2 << 20 } else { 512 << 10 };

fn render(text: String, settings: Settings) -> Result<String, TemplateError> {
    let run = move || {
        let template = Template::compile("hostile.ftl", &text, &settings, None)?;
        let document = Document::parse(r#"{"n": 3, "xs": [1, 2, 3]}"#).unwrap();
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

#[test]
fn long_loops_reach_a_limit() {
    limited("<#list 1.. as i></#list>");
    limited("<#list 1..1000000 as i><#list 1..1000000 as j></#list></#list>");
    limited("<#list 1..1000000000 as i><#assign x = i></#list>");
    limited("${(1..)?filter(x -> x < 0)?first!}");
    limited("${(1..)?filter(x -> x > 0)?size}");
}

#[test]
fn output_and_strings_have_a_largest_size() {
    limited("<#list 1..1000000 as i>0123456789012345678901234567890123456789</#list>");
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
