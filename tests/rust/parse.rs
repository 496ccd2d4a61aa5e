//! What the parser reads, what it refuses with which words, and which white space it leaves.
//! Whether something parses was asked of FreeMarker 2.3.34 wherever it isn't obvious.

use std::fs;
use std::path::Path;
use std::thread;

use webhook_stream::ftl::Settings;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::ftl::ast::Arguments;
use webhook_stream::ftl::ast::Body;
use webhook_stream::ftl::ast::Expr;
use webhook_stream::ftl::ast::ExprKind;
use webhook_stream::ftl::ast::NodeKind;
use webhook_stream::ftl::ast::RangeKind;
use webhook_stream::ftl::ast::TextPart;
use webhook_stream::ftl::ast::Tree;
use webhook_stream::ftl::parse::parse;
use webhook_stream::ftl::parse::parse_expression;
use webhook_stream::text::Source;

fn settings(changes: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::freemarker();
    for (name, value) in changes {
        settings.set(name, value).expect("tests use settings that exist");
    }
    settings
}

fn read_with(changes: &[(&str, &str)], text: &str) -> Tree {
    match parse(&Source::new("t.ftl", text), &settings(changes)) {
        Ok(tree) => tree,
        Err(error) => panic!("{text:?}\n{error}"),
    }
}

fn read(text: &str) -> Tree {
    read_with(&[], text)
}

/// The whole message, drawing included.
fn refusal(text: &str) -> String {
    refusal_with(&[], text)
}

fn refusal_with(changes: &[(&str, &str)], text: &str) -> String {
    match parse(&Source::new("t.ftl", text), &settings(changes)) {
        Ok(_) => panic!("{text:?} was not refused"),
        Err(error) => error.to_string(),
    }
}

fn is_refused(text: &str) -> bool {
    parse(&Source::new("t.ftl", text), &settings(&[])).is_err()
}

/// An expression with all its brackets: `(a + (b * c))`.
fn shape(expr: &Expr) -> String {
    let all = |items: &[Expr]| items.iter().map(shape).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::TextTemplate(parts) => {
            let parts = parts.iter().map(|part| match part {
                TextPart::Text(text) => format!("{text:?}"),
                TextPart::Interpolation(inner) => shape(inner),
                TextPart::Numeric { value, min_fraction, max_fraction } => {
                    format!("{};m{min_fraction}M{max_fraction}", shape(value))
                }
            });
            format!("text<{}>", parts.collect::<Vec<_>>().join(" "))
        }
        ExprKind::Number(number) => {
            let mut text = String::new();
            number.write_plain(&mut text);
            text
        }
        ExprKind::Boolean(boolean) => boolean.to_string(),
        ExprKind::List(items) => format!("[{}]", all(items)),
        ExprKind::Hash(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", shape(key), shape(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Range { start, end, kind } => {
            let dots = match kind {
                RangeKind::Exclusive => "..<",
                RangeKind::Length => "..*",
                RangeKind::Inclusive | RangeKind::Endless => "..",
            };
            format!("({}{dots}{})", shape(start), end.as_deref().map(shape).unwrap_or_default())
        }
        ExprKind::Name(name) => name.clone(),
        ExprKind::Special(name) => format!(".{name}"),
        ExprKind::Dot { target, name, .. } => format!("{}.{name}", shape(target)),
        ExprKind::Index { target, index } => format!("{}[{}]", shape(target), shape(index)),
        ExprKind::Call { target, arguments } => format!("{}({})", shape(target), all(arguments)),
        ExprKind::BuiltIn { target, name, .. } => format!("{}?{name}", shape(target)),
        ExprKind::Default { target, fallback } => {
            format!("({} ! {})", shape(target), fallback.as_deref().map(shape).unwrap_or_default())
        }
        ExprKind::Exists(inner) => format!("{}??", shape(inner)),
        ExprKind::Not(inner) => format!("(!{})", shape(inner)),
        ExprKind::Negate(inner) => format!("(-{})", shape(inner)),
        ExprKind::Plus(inner) => format!("(+{})", shape(inner)),
        ExprKind::Binary { operator, left, right } => {
            format!("({} {operator:?} {})", shape(left), shape(right))
        }
        ExprKind::And(left, right) => format!("({} && {})", shape(left), shape(right)),
        ExprKind::Or(left, right) => format!("({} || {})", shape(left), shape(right)),
        ExprKind::Lambda { parameters, body } => {
            format!("({} -> {})", parameters.join(", "), shape(body))
        }
        ExprKind::Parenthesis(inner) => format!("<{}>", shape(inner)),
    }
}

/// The shape of `${text}`.
fn expression(text: &str) -> String {
    let tree = read(&format!("${{{text}}}"));
    match &tree.body[0].kind {
        NodeKind::Interpolation { value, .. } => shape(value),
        other => panic!("{other:?}"),
    }
}

fn assert_expressions(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(expression(text), *expected, "{text}");
    }
}

/// The texts of a template, with everything else left out but walked into.
fn texts(body: &Body) -> String {
    let mut out = String::new();
    for node in body {
        match &node.kind {
            NodeKind::Text(text) => out.push_str(text),
            NodeKind::Interpolation { .. } => out.push('•'),
            NodeKind::If(branches) => {
                branches.iter().for_each(|branch| out.push_str(&texts(&branch.body)));
            }
            NodeKind::List { body, otherwise, .. } => {
                out.push_str(&texts(body));
                out.push_str(&otherwise.as_ref().map(texts).unwrap_or_default());
            }
            NodeKind::Items { body, .. }
            | NodeKind::Sep(body)
            | NodeKind::Capture { body, .. }
            | NodeKind::Compress(body)
            | NodeKind::Formatted { body, .. }
            | NodeKind::Call { body: Some(body), .. } => out.push_str(&texts(body)),
            NodeKind::Macro(it) => out.push_str(&texts(&it.body)),
            NodeKind::Switch { cases, .. } => {
                cases.iter().for_each(|case| out.push_str(&texts(&case.body)));
            }
            NodeKind::Attempt { body, recover, .. } => {
                out.push_str(&texts(body));
                out.push_str(&texts(recover));
            }
            _ => {}
        }
    }
    out
}

fn assert_texts(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(texts(&read(text).body), *expected, "{text:?}");
    }
}

#[test]
fn operators_bind_as_in_freemarker() {
    assert_expressions(&[
        ("a + b * c - d", "((a Add (b Multiply c)) Subtract d)"),
        ("a || b && c == d", "(a || (b && (c Equal d)))"),
        ("a == b < c + 1", "(a Equal (b Less (c Add 1)))"),
        ("-a?abs", "(-a?abs)"),
        ("!a.b??", "(!a.b??)"),
        ("!!a", "(!(!a))"),
        ("1..n - 1", "(1..(n Subtract 1))"),
        ("a..<b", "(a..<b)"),
        ("a..!b", "(a..<b)"),
        ("a..*3", "(a..*3)"),
        ("x[1..]", "x[(1..)]"),
        ("(a > b)", "<(a Greater b)>"),
        ("a > b", "(a Greater b)"),
        ("(a >= b)", "<(a GreaterOrEqual b)>"),
    ]);
}

#[test]
fn operators_have_all_their_spellings() {
    for (operators, expected) in [
        (&["lt", "\\lt", "<", "&lt;"][..], "(a Less b)"),
        (&["lte", "\\lte", "<=", "&lt;="], "(a LessOrEqual b)"),
        (&["gt", "\\gt", "&gt;"], "(a Greater b)"),
        (&["gte", "\\gte", "&gt;="], "(a GreaterOrEqual b)"),
        (&["=", "=="], "(a Equal b)"),
        (&["&&", "&", "&amp;&amp;", "\\and"], "(a && b)"),
        (&["||", "|"], "(a || b)"),
    ] {
        for operator in operators {
            assert_eq!(expression(&format!("a {operator} b")), expected, "{operator}");
        }
    }
}

#[test]
fn a_default_takes_everything_that_follows_as_far_as_it_is_an_expression() {
    assert_expressions(&[
        ("x!", "(x ! )"),
        ("x!y + 1", "(x ! (y Add 1))"),
        ("(x)!'' == 'Y'", "(<x> ! (\"\" Equal \"Y\"))"),
        ("(x!'') == 'Y'", "(<(x ! \"\")> Equal \"Y\")"),
        ("x!-1", "(x ! (-1))"),
        ("x! - -y", "((x ! ) Subtract (-y))"),
        ("x!!y", "(x ! (!y))"),
        ("x!!", "((x ! ) ! )"),
        ("x!.now", "(x ! .now)"),
        ("x!.lt", "(x ! ).lt"),
        ("x![1]", "(x ! [1])"),
        ("x!()", "(x ! )()"),
        ("x!(a, b)", "(x ! )(a, b)"),
        ("x!(a)(b)", "(x ! <a>(b))"),
        ("a.b!c.d!e", "(a.b ! (c.d ! e))"),
        ("x!?c", "(x ! )?c"),
        ("x! != y", "((x ! ) NotEqual y)"),
    ]);
}

#[test]
fn the_trap_of_a_default_before_a_comparison_can_be_shown_in_the_text() {
    let source = Source::new("t.ftl", "<#if (x)!'' == 'Y'>a</#if>");
    let tree = parse(&source, &Settings::amplitude()).unwrap();
    let NodeKind::If(branches) = &tree.body[0].kind else { panic!("{tree:?}") };
    let condition = branches[0].condition.as_ref().unwrap();
    let ExprKind::Default { target, fallback } = &condition.kind else { panic!("{condition:?}") };
    assert_eq!(source.slice(condition.span), "(x)!'' == 'Y'");
    assert_eq!(source.slice(target.span), "(x)");
    assert_eq!(source.slice(fallback.as_ref().unwrap().span), "'' == 'Y'");
}

#[test]
fn values_are_read_with_what_follows_them() {
    assert_expressions(&[
        ("a.b[0].c(1, x)[\"k\"]?upper_case", "a.b[0].c(1, x)[\"k\"]?upper_case"),
        ("a.*", "a.*"),
        ("a.**", "a.**"),
        ("a.in.lt", "a.in.lt"),
        ("1.5", "1.5"),
        ("1.e", "1.e"),
        ("f(a b, c)", "f(a, b, c)"),
        ("data\\-id\\.x", "data-id.x"),
        ("größe + 日本", "(größe Add 日本)"),
        ("$a + @b", "($a Add @b)"),
        (". now", ".now"),
        ("a <#-- why --> + <!-- not --> b", "(a Add b)"),
        ("x?then(1, 2)", "x?then(1, 2)"),
        (
            "xs?filter(x -> x.ok)?map((y) -> y + 1)?first",
            "xs?filter((x -> x.ok))?map((y -> (y Add 1)))?first",
        ),
        ("{'a': 1, \"b\", x}?size", "{\"a\": 1, \"b\": x}?size"),
        ("[1, [], true]?size", "[1, [], true]?size"),
    ]);
}

#[test]
fn texts_know_escapes_and_interpolations() {
    assert_expressions(&[
        (r#""a\n\t\\\"\'\l\g\a\{\=""#, r#""a\n\t\\\"'<>&{=""#),
        (r#""\x41\x20AC\xD83D\xDE00""#, "\"A€😀\""),
        (r#"r"a\n${x}""#, r#""a\\n${x}""#),
        (r#""a${x}b#{y;m1M2}""#, r#"text<"a" x "b" y;m1M2>"#),
        (r#""$\{x}""#, r#""${x}""#),
        (r#""${}""#, r#""${}""#),
        (r#""${x + \"}\"}""#, r#"text<(x Add "}")>"#),
        (r#""${'a${b}c'}d""#, r#"text<text<"a" b "c"> "d">"#),
    ]);
}

#[test]
fn a_long_chain_of_conditions_is_no_high_tree() {
    let conditions = vec!["input.user_id == 'a'"; 5000].join(" || ");
    let source = Source::new("filter", conditions);
    assert!(parse_expression(&source, &Settings::amplitude()).is_ok());
}

#[test]
fn an_expression_alone_may_compare_with_greater_than() {
    let read = |text: &str| parse_expression(&Source::new("filter", text), &Settings::amplitude());
    assert_eq!(
        shape(&read(" a >= 1 && b > 2 ").unwrap()),
        "((a GreaterOrEqual 1) && (b Greater 2))"
    );
    let error = read("a b").unwrap_err().to_string();
    assert!(
        error.starts_with("filter:1:3: expected the end of the expression, found `b`"),
        "{error}"
    );
    assert!(read("").is_err() && read("a)").is_err());
}

#[test]
fn every_directive_is_read() {
    let template = "<#ftl output_format='XML'>\
        <#assign a = 1 b = 2, c++ 'd-e' += 3 in ns><#global g><#-- c -->x</#global>\
        <#macro m p q=1 rest...><#local l = 1><#nested p, l><#return></#macro>\
        <#function f(p, q)><#return p></#function>\
        <#if a><#elseif b><#else></#if><#list xs as x>${x?index}<#sep>,</#sep><#else>none</#list>\
        <#list h as k, v>${v?counter}<#break><#continue></#list>\
        <#list xs><#items as i>${i}<#sep>, </#items></#list>\
        <#foreach x in xs>${x?has_next?c}</#foreach>\
        <#switch s><#case 1>a<#break><#default>b</#switch><#switch s><#on 1, 2>a<#default>b</#switch>\
        <#attempt>a<#recover>b</#attempt><#attempt>a<#recover>b</#recover>\
        <@m 1 2 ; y, z>${y}</@m><@a.b p=1 q=2 /><@m?with_args([1])></@m><@\"m\"?interpret />\
        <#call m(1)><#transform t; k=1>x</#transform>\
        <#include 'a' parse=false encoding='UTF-8' ignore_missing=true><#import 'l' as l>\
        <#setting locale='en_US'><#compress> x </#compress><#noparse>${x}</#noparse><#comment>${</#comment>\
        <#outputformat '{HTML}'><#noautoesc><#escape x as x?html>${a}<#noescape>${b}</#noescape></#escape></#noautoesc>\
        </#outputformat><#autoesc></#autoesc><#flush><#t><#lt/><#rt><#nt><#stop 'why'><#stop>\
        <#visit n using ns><#recurse><#recurse n>#{x; m1M2}${x}";
    let tree = read(template);
    assert_eq!(tree.output.format.name(), "XML");
    assert!(tree.output.auto_escape);
    assert!(tree.body.len() > 25);
}

#[test]
fn arguments_by_name_end_a_bare_default_at_a_blank() {
    let tree = read("<@m a=x! b=y!z c=(u! v) />");
    let NodeKind::Call { arguments: Arguments::Named(named), body: None, .. } = &tree.body[0].kind
    else {
        panic!("{tree:?}")
    };
    let shown: Vec<String> =
        named.iter().map(|(name, value)| format!("{name}={}", shape(value))).collect();
    assert_eq!(shown, ["a=(x ! )", "b=(y ! z)", "c=<(u ! v)>"]);
}

#[test]
fn escapes_are_applied_where_they_are_written() {
    let tree = read(
        "<#escape x as esc(x)>${a}<#escape y as y?trim>${b}${'${c}'}<#noescape>${d}</#noescape></#escape></#escape>${e}",
    );
    let shown: Vec<String> = tree
        .body
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Interpolation { value, .. } => Some(shape(value)),
            _ => None,
        })
        .collect();
    assert_eq!(shown, ["esc(a)", "esc(b?trim)", "esc(text<c>?trim)", "esc(d)", "e"]);
}

/// The output format of each interpolation.
fn outputs(body: &Body, found: &mut Vec<String>) {
    for node in body {
        match &node.kind {
            NodeKind::Interpolation { output, .. } => {
                found.push(format!("{} {}", output.format.name(), output.auto_escape));
            }
            NodeKind::Formatted { body, .. } => outputs(body, found),
            _ => {}
        }
    }
}

#[test]
fn output_formats_are_known_at_every_place() {
    let tree = read(
        "${a}<#outputformat 'XML'>${b}<#outputformat '{HTML}'>${c}</#outputformat><#noautoesc>${d}</#noautoesc></#outputformat>${e}",
    );
    let mut found = Vec::new();
    outputs(&tree.body, &mut found);
    let expected =
        ["undefined false", "XML true", "XML{HTML} true", "XML false", "undefined false"];
    assert_eq!(found, expected);
}

#[test]
fn the_file_extension_decides_about_the_output_format() {
    let format = |name: &str, changes: &[(&str, &str)]| {
        let tree = parse(&Source::new(name, "x"), &settings(changes)).unwrap();
        (tree.output.format.name(), tree.output.auto_escape)
    };
    assert_eq!(format("a.ftlh", &[]), ("HTML".into(), true));
    assert_eq!(format("a.FTLX", &[("output_format", "RTF")]), ("XML".into(), true));
    assert_eq!(format("a.ftl", &[("output_format", "RTF")]), ("RTF".into(), true));
    let off = [("recognize_standard_file_extensions", "false")];
    assert_eq!(format("a.ftlh", &off), ("undefined".into(), false));
    assert_eq!(
        format("a.ftlh", &[("incompatible_improvements", "2.3.23")]),
        ("undefined".into(), false)
    );
}

#[test]
fn tags_may_be_square_by_setting_header_or_first_tag() {
    let square = [("tag_syntax", "square_bracket")];
    let detect = [("tag_syntax", "auto_detect")];
    assert_eq!(texts(&read_with(&square, "[#if (a >= b)]x[/#if]<#if>").body), "x<#if>");
    assert_eq!(texts(&read_with(&detect, "[#if a]x[/#if]<#if>").body), "x<#if>");
    assert_eq!(texts(&read_with(&detect, "<#if a>x</#if>[#if a]").body), "x[#if a]");
    assert_eq!(texts(&read("[#ftl][#if a > b]x[/#if]<#if>").body), "x<#if>");
    assert_eq!(texts(&read("[#if a]").body), "[#if a]");
    let interpolation = [("interpolation_syntax", "square_bracket")];
    assert_eq!(texts(&read_with(&interpolation, "[=x[0]]${x}#{x}").body), "•${x}#{x}");
    let dollar = [("interpolation_syntax", "dollar")];
    assert_eq!(texts(&read_with(&dollar, "${x}#{x}[=x]").body), "•#{x}[=x]");
}

#[test]
fn tags_need_no_hash_where_the_syntax_is_not_strict() {
    let loose = [("strict_syntax", "false")];
    assert_eq!(texts(&read_with(&loose, "<if a>x</if><b><#if a>y</#if>").body), "x<b>y");
    assert_eq!(texts(&read("<#ftl strict_syntax=false><list xs as x>y</list>").body), "y");
    assert_eq!(texts(&read("<if a>x</if>").body), "<if a>x</if>");
}

#[test]
fn lines_with_nothing_but_tags_vanish() {
    assert_texts(&[
        ("a\n<#if x>\n  b\n</#if>\nc", "a\n  b\nc"),
        ("${x}a\n  <#assign x=1>  \nb", "•a\nb"),
        // FreeMarker leaves the first text of a template alone.
        ("a\n  <#assign x=1>  \nb", "a\n  b"),
        ("a <#if x>\nb</#if>\n", "a \nb\n"),
        ("<#-- c -->\na\n", "a\n"),
        ("a\n  ${x}\n<#if y></#if>\n", "a\n  •\n"),
        ("<#assign x=1>\n\n<#assign y=2>\nz", "z"),
        ("<#macro m>\n  a\n</#macro>\n<@m/>\nb", "  a\nb"),
        ("a\r\n<#if x>\r\nb\r\n</#if>\r\n", "a\r\nb\r\n"),
        ("<#ftl>  \n a", " a"),
        ("\n <#ftl>\na", "a"),
    ]);
    let kept = [("whitespace_stripping", "false")];
    assert_eq!(texts(&read_with(&kept, "a\n <#if x>\nb\n</#if>\n").body), "a\n \nb\n\n");
}

#[test]
fn trims_work_on_their_line() {
    assert_texts(&[
        ("  a  <#t>\nb", "a  b"),
        ("  a  <#t>  \nb", "a  b"),
        ("  a <#lt>\nb", "a \nb"),
        ("  a<#rt>  \nb", "  ab"),
        ("x\n  <#assign a=1><#nt>\ny", "x\n  \ny"),
        ("1 <#t>\n2<#t>\n3<#lt>", "1 23"),
    ]);
}

#[test]
fn a_text_that_starts_with_a_tab_does_not_start_in_the_first_column() {
    assert_texts(&[("\t<#if x>a</#if>", "\ta"), (" <#if x>a</#if>\n\t<#if x>\nb</#if>", " a\nb")]);
    let narrow = [("tab_size", "1")];
    assert_eq!(texts(&read_with(&narrow, "<#assign x=1>\n\t${y}<#t>").body), "•");
}

#[test]
fn text_outside_of_directives_goes_with_strip_text() {
    assert_texts(&[("<#ftl strip_text=true>a ${x}<#if y>b</#if> c<#noparse>d</#noparse>", "•bd")]);
}

#[test]
fn an_unclosed_interpolation_is_shown_where_it_opens() {
    assert_eq!(
        refusal("Hello ${name!"),
        "t.ftl:1:7: expected `}` for this `${`, found the end of the template\n  |\n1 | Hello ${name!\n  |       ^^"
    );
}

#[test]
fn a_wrong_end_tag_is_shown_with_the_place_of_the_open_one() {
    assert_eq!(
        refusal("<#if x>\n  <#list xs as x>\n    ${x}\n  </#if>"),
        "t.ftl:4:3: expected `</#list>`, found `</#if>`\n  |\n4 |   </#if>\n  |   ^^^^^^\n  = hint: the `<#list>` of line 2, column 3 is still open"
    );
    assert_eq!(
        refusal("a <#if x>\nb"),
        "t.ftl:1:3: expected `</#if>` for this `<#if>`, found the end of the template\n  |\n1 | a <#if x>\n  |   ^^^^^"
    );
    assert_eq!(
        refusal("<@m></@n>"),
        "t.ftl:1:5: expected `</@m>` or `</@>`, found `</@n>`\n  |\n1 | <@m></@n>\n  |     ^^^^^\n  = hint: the call of line 1, column 1 is open"
    );
}

#[test]
fn what_other_languages_write_gets_a_hint() {
    for (text, message, hint) in [
        ("${a ? b : c}", "1:9: expected `}`, found `:`", "write `a?then(b, c)`"),
        (
            "${a ? \"b\"}",
            "1:7: expected the name of a built-in, found `\"`",
            "write `a?then(b, c)`",
        ),
        ("${a and b}", "1:5: expected `}`, found `and`", "write `&&` for `and`"),
        ("${not a}", "1:7: expected `}`, found `a`", "write `!x` for `not x`"),
        ("${a >= b}", "1:6: expected an expression, found `=`", "`>=` is `gte`"),
        ("${a === b}", "1:7: expected an expression, found `=`", "equality is `==`"),
        ("${x++}", "1:4: expected `}`, found `++`", "write `x + 1`"),
        ("${1e3}", "1:4: expected `}`, found `e3`", "without an exponent"),
        ("${.5}", "1:4: expected the name of a special variable, found `5`", "`0.5`"),
        ("${“hi”}", "1:3: expected an expression, found `“`", "straight quotes"),
        ("${\"a\\qb\"}", "1:5: expected an escape like `\\n` or `\\\"`, found `\\q`", "r\"…\""),
        ("<#if ${x}>", "1:6: expected an expression, found `${`", "just its name"),
        (
            "<#if(x)>",
            "1:1: expected a blank and parameters after `<#if`, found `(`",
            "needs a blank",
        ),
        (
            "<#if x><#else if y>",
            "1:8: expected `>` after `<#else`, found a blank",
            "<#elseif condition>",
        ),
        ("<#endif>", "1:1: expected a directive, found `<#endif`", "`</#if>`"),
        ("<#lists xs as x>", "1:1: expected a directive, found `<#lists`", "did you mean `#list`?"),
        ("<@m a=1, b=2/>", "1:8: expected `>`, found `,`", "no commas"),
        (
            "<#list xs as in>",
            "1:14: expected the name of a loop variable, found `in`",
            "a word of the language",
        ),
        ("${.nw}", "1:4: expected a special variable, found `.nw`", "did you mean `.now`?"),
        ("${x -> y}", "1:5: expected `}`, found `->`", "`?filter`"),
        (
            "<#setting numberformat='0'>",
            "1:11: expected a setting that a template can change",
            "`number_format`",
        ),
        ("<#ftl output_format='html'>", "1:21: expected an output format, found `html`", "`HTML`"),
        (
            "<#if x>${a</#if>",
            "1:12: expected an expression, found `/`",
            "isn't closed before the `<`",
        ),
        ("a<#ftl>", "1:2: expected `<#ftl>` only at the start", "nothing but blanks"),
    ] {
        let found = refusal(text);
        assert!(found.starts_with(&format!("t.ftl:{message}")), "{text}\n{found}");
        let given = found.split("= hint: ").nth(1).unwrap_or_default();
        assert!(given.contains(hint), "{text}\n{found}");
    }
}

#[test]
fn what_belongs_inside_something_is_refused_outside() {
    for text in [
        "<#break>",
        "<#continue>",
        "<#nested>",
        "<#return>",
        "<#items as x></#items>",
        "<#sep>",
        "<#local x=1>",
        "<#else>",
        "<#elseif x>",
        "<#recover>",
        "<#case 1>",
        "<#on 1>",
        "<#default>",
        "<#fallback>",
        "<#noescape></#noescape>",
        "</#if>",
        "</@>",
        "</#comment>",
        "${.args}",
        "${x?index}",
        "<#autoesc></#autoesc>",
        "${x?esc}",
        "<#list xs as x></#list>${x?index}",
        "<#list xs as x><#macro m><#break></#macro></#list>",
        "<#list xs as x>${(x)?index}</#list>",
        "<#list xs as x><@m ; x>${x?index}</@m></#list>",
        "<#list xs></#list>",
        "<#list xs as x><#items as y></#items></#list>",
        "<#list xs as x, x></#list>",
        "<#list xs as x><#else>${x?index}</#list>",
        "<#switch x>a<#case 1></#switch>",
        "<#switch x><#on 1><#break></#switch>",
        "<#switch x><#case 1><#on 2></#switch>",
        "<#switch x><#default><#default></#switch>",
        "<#switch x><#default><#on 1></#switch>",
        "<#macro m><#macro n></#macro></#macro>",
        "<#macro m><#return 1></#macro>",
        "<#function f><#return></#function>",
        "<#function f><#nested></#function>",
        "<#macro m></#function>",
        "<#macro m a=1 b></#macro>",
        "<#macro m a... b></#macro>",
        "<#global x=1 in ns>",
        "<#attempt></#attempt>",
        "<#outputformat x></#outputformat>",
        "<#outputformat 'nope'></#outputformat>",
        "<#ftl output_format='HTML'>${x?html}",
        "<#ftl output_format='HTML'><#escape x as x></#escape>",
        "<#macro m>${\"${.args}\"}</#macro>",
        "x<#ftl>",
    ] {
        assert!(is_refused(text), "{text}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for text in [
        "${1 + }",
        "${a == b == c}",
        "${1..2..3}",
        "${a < b < c}",
        "${- -a}",
        "${-!a}",
        "${'a' - 1}",
        "${[1] == x}",
        "${true && 1}",
        "${'a'.b}",
        "${true[0]}",
        "${1[0]}",
        "${{1: 2}?size}",
        "${[1]}",
        "${{}}",
        "#{'a'}",
        "#{1; x}",
        "#{1; m3M1}",
        "#{1; M51}",
        "${x -> y}",
        "${f(x -> y)}",
        "${x?map((a, b) -> a)}",
        "${x?then(1)}",
        "${x?then}",
        "${x?switch(1)}",
        "${x?filter()}",
        "${a b}",
        "${a\u{a0}}",
        "${lt}",
        "${x.<}",
        "${'\\u0041'}",
        "${'\\x'}",
        "${x?upper_case?lowerCase}",
        "<#elseif>",
        "<#if x/></#if>",
        "<#list xs as x/></#list>",
        "<#assign x/>",
        "<#include 'a' foo=1>",
        "<#include 'a' parse=1>",
        "<#setting output_format='x'>",
        "<#ftl x=1>",
        "<#ftl encoding=x>",
        "<#-- a",
        "<#noparse>a",
        "${x <#-- ] -->}",
        "</#if]",
        "<#if x]a</#if>",
        "<@ m/>",
        "<@m;a >",
        "<#if x>a</if>",
    ] {
        assert!(is_refused(text), "{text}");
    }
}

#[test]
fn old_versions_are_more_lenient() {
    let old = |version| [("incompatible_improvements", version)];
    assert_eq!(texts(&read_with(&old("2.3.27"), "<#if x]a</#if]").body), "a");
    assert_eq!(texts(&read_with(&old("2.3.20"), "a<#-- b").body), "a");
    assert_eq!(texts(&read_with(&old("2.3.18"), "<#foo>").body), "<#foo>");
    assert_eq!(texts(&read_with(&old("2.3.33"), "<#list xs as x>a<sep>b</#list>").body), "ab");
    assert!(is_refused("<#if x]a</#if>") && is_refused("<#foo>"));
}

#[test]
fn names_of_two_words_keep_to_one_spelling() {
    let camel = [("naming_convention", "camel_case")];
    assert!(read_with(&camel, "${x?upperCase}<#if x><#elseIf y></#if>").body.len() == 2);
    let error = refusal_with(&camel, "${x?upper_case}");
    assert!(
        error.contains("expected a name in camel case (`upperCase`), found `upper_case`"),
        "{error}"
    );
    let error = refusal("${x?upper_case}\n<#noParse></#noParse>");
    assert!(error.contains("`upper_case` in line 1 decided"), "{error}");
}

/// A debug build has the largest stack frames, and threads of tests small stacks.
const STACK_BYTES: usize = 2 << 20;

#[test]
fn nesting_has_a_limit_and_no_template_overflows_the_stack() {
    let work = || {
        for (before, middle, after) in [
            ("${", "(", ""),
            ("${f(", "[", ""),
            ("${", "x!", ""),
            ("${", "x!(", ""),
            ("${", "xs?map(a -> ", ""),
            ("${f(", "{'k':", ""),
            ("${", "f(", ""),
            ("${", "!", "x}"),
            ("${", "a+", "a}"),
            ("${a", ".b", "}"),
            ("${a", "?c", "}"),
            ("${x", "!", "}"),
            ("", "<#if x>", ""),
            ("", "<#list xs as x>", ""),
            ("", "<@m>", ""),
            ("", "<#assign x>", ""),
            ("", "<#attempt>", ""),
            ("<#list xs as x>", "<#sep>", ""),
            ("", "<#escape x as x>", ""),
            ("", "<#escape x as x + x>", "${y}"),
            ("<#ftl output_format='XML'>", "<#outputformat '{HTML}'>", ""),
            ("", "<#switch x><#case 1>", ""),
        ] {
            let text = format!("{before}{}{after}", middle.repeat(20_000));
            let error = parse(&Source::new("deep", text), &Settings::amplitude()).unwrap_err();
            assert_eq!(error.kind(), TemplateErrorKind::Limit, "{middle}\n{error}");
        }
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap();
}

#[test]
fn hostile_repetitions_end() {
    for piece in [
        "(",
        "<#if <#if ",
        "${${",
        "<",
        "<#",
        "[",
        "${",
        "\"",
        "${\"${",
        "<#-- ",
        "<#noparse>",
        "</#noparse",
        "${x!-",
        "${x![",
        "${x?map((a,",
        "<#macro m a=1 b=",
        "${r\"",
        "<#ftl a=\"",
        "${\"a\\",
        "${x! (",
        "<@x ",
        "<#t>x",
        " <#assign x=1> \n",
        "${x}",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        drop(parse(&Source::new("hostile", text), &Settings::amplitude()));
    }
}

#[test]
fn every_cut_of_a_template_is_read_or_refused_with_a_place_inside() {
    let template = "<#ftl strip_text=false>é<#macro m a b='${x}\\x41'>${a!b?then(\"y\", r'z')}<#-- ü --></#macro>\
        <#list [1..3, {\"k\": -x}] as i>#{i; m1}<#sep>, </#list><@m a=x! b=(1 >= 2) ; v>[=v]</@m><#t>\n";
    for (at, _) in template.char_indices() {
        for text in [&template[..at], &template[at..]] {
            let source = Source::new("cut", text);
            if let Err(error) = parse(&source, &Settings::amplitude()) {
                let span = error.span();
                assert!(span.end as usize <= text.len(), "{error}");
                assert!(text.is_char_boundary(span.start as usize), "{error}");
                assert!(text.is_char_boundary(span.end as usize), "{error}");
            }
        }
    }
}

#[test]
fn every_rule_of_the_grammar_has_a_function() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ftl/parse");
    let files = [folder.clone(), folder.join("directive")].into_iter().flat_map(|folder| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
    });
    let code: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let grammar = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let rules: Vec<&str> = grammar
        .lines()
        .filter_map(|line| line.strip_prefix("//! ")?.split_once(" = "))
        .map(|(rule, _)| rule.trim())
        .filter(|rule| rule.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect();
    assert!(rules.len() > 50, "{rules:?}");
    for rule in rules {
        let has = |name: &str| code.contains(&format!("fn {name}("));
        assert!(has(rule) || has(&format!("{rule}_")), "no function for the rule `{rule}`");
    }
}
