use webhook_stream::ftl::*;
use webhook_stream::value::Document;
fn hwm() -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}
fn main() {
    let stack: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2048);
    let only = std::env::args().nth(2);
    let long = "a".repeat(200);
    let big = "x".repeat(100_000);
    let deep_json = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let n = |s: &str| s.to_string();
    let cases: Vec<(&str, String)> = vec![
        ("regex nested", format!("${{'{long}b'?matches('(a+)+$')?c}}")),
        ("regex backref", format!("${{'{long}b'?replace('(a*)*\\\\1c', 'x', 'r')}}")),
        ("regex lookahead", format!("${{'{long}b'?matches('(?=(a+)+$)(a+)+$')?c}}")),
        ("regex alternation", format!("${{'{long}b'?replace('(a|aa)+$', 'x', 'r')}}")),
        (
            "regex lookahead loop",
            format!("<#list 1..1000000 as i>${{'{long}b'?matches('(?=x*)(a|aa)+c')?c}}</#list>"),
        ),
        (
            "regex backref loop below",
            format!(
                "<#list 1..1000000 as i>${{'aaaaaaaaaaaaaaaaab'?matches('(a*)*(a*)*\\\\1c')?c}}</#list>"
            ),
        ),
        (
            "regex replace big",
            format!(
                "<#assign s='{big}'><#list 1..1000 as i><#assign t = s?replace('(?=x)x', 'xx', 'r')></#list>"
            ),
        ),
        ("regex counted", n("${'a'?matches('(((a{1,1000}){1,1000}){1,1000}){1,1000}')?c}")),
        ("regex counted2", n("${'a'?matches('a{1000000000}')?c}")),
        ("regex counted3", n("${'a'?matches('(?=a)(a{0,65535}){0,65535}b')?c}")),
        ("regex many", n("<#list 1..1000000 as i>${'abc'?matches('a' + i)?c}</#list>")),
        ("regex deep", format!("${{'a'?matches('{}a{}')?c}}", "(".repeat(5000), ")".repeat(5000))),
        (
            "split big",
            format!("<#assign s='{big}'><#list 1..10000 as i><#assign t = s?split('')></#list>"),
        ),
        (
            "split retained",
            format!(
                "<#assign s='{big}'><#assign all=[]><#list 1..10000 as i><#assign all = all + [s?split('')]></#list>"
            ),
        ),
        ("range join", n("${(1..1000000000)?join(',')}")),
        ("range list", n("<#list 1..1000000000 as i>x</#list>")),
        ("range concat", n("<#assign r = (1..1000000000) + (1..1000000000)>${r?size}")),
        ("range sort", n("${(1..1000000000)?reverse?first}")),
        ("range size", n("${(1..1000000000)?size}")),
        ("range sort2", n("${(1..900000)?sort?first}")),
        ("range sort_by", n("${(1..900000)?map(x -> {'a': x})?sort_by('a')?first.a}")),
        ("range chunk", n("${(1..1000000000)?chunk(2)?size}")),
        ("range min", n("${(1..1000000000)?min}")),
        ("range contains", n("${(1..1000000000)?seq_contains(0)?c}")),
        ("endless size", n("${(1..)?size}")),
        ("endless join", n("${(1..)?join(',')}")),
        ("endless slice", n("${(1..)[5..1000000000]?size}")),
        ("endless plus", n("${((1..) + [1])?size}")),
        ("endless last", n("${(1..)?last}")),
        ("endless string", n("${'abc'[0..]}${'abc'[0..*1000000000]}")),
        ("left_pad", n("${'a'?left_pad(1000000000)}")),
        ("right_pad", n("${'a'?right_pad(2147483647, 'ab')}")),
        ("left_pad loop", n("<#list 1..1000000 as i><#assign s = 'a'?left_pad(1000000)></#list>")),
        (
            "pad assign keep",
            n(
                "<#assign l=[]><#list 1..100000 as i><#assign l = l + ['a'?left_pad(999999)]></#list>",
            ),
        ),
        (
            "string double hash",
            n(
                "<#assign h = {}><#assign s='x'?left_pad(900000)><#list 1..100000 as i><#assign h = h + {i?c: s + i}></#list>",
            ),
        ),
        ("string double", n("<#assign s='x'><#list 1..100 as i><#assign s = s + s></#list>")),
        (
            "string keep",
            n(
                "<#assign l=[]><#assign s='x'?left_pad(1000000)><#list 1..100000 as i><#assign l = l + [s + i]></#list>",
            ),
        ),
        (
            "replace grow",
            n("<#assign s='xx'><#list 1..60 as i><#assign s = s?replace('x','xx')></#list>"),
        ),
        ("join grow", n("<#assign s='xx'><#list 1..60 as i><#assign s = [s,s]?join(s)></#list>")),
        ("json grow", n("<#assign s='\"\"'><#list 1..60 as i><#assign s = s?json_string></#list>")),
        ("html grow", n("<#assign s='&&'><#list 1..60 as i><#assign s = s?html></#list>")),
        ("url grow", n("<#assign s='%%'><#list 1..60 as i><#assign s = s?url></#list>")),
        (
            "cap",
            n(
                "<#assign s='x'?left_pad(999999)><#list 1..1000000 as i><#assign t = s?upper_case></#list>",
            ),
        ),
        (
            "contains",
            n(
                "<#assign s='x'?left_pad(999999)><#list 1..1000000 as i><#assign t = s?contains('yy')></#list>",
            ),
        ),
        (
            "compare",
            n(
                "<#assign s='x'?left_pad(999999)><#assign u='x'?left_pad(999999)><#list 1..1000000 as i><#assign t = s == u></#list>",
            ),
        ),
        (
            "word_list",
            n(
                "<#assign s='x '?left_pad(999999, 'x ')><#list 1..1000000 as i><#assign t = s?word_list?size></#list>",
            ),
        ),
        ("eval", n("<#assign t = 't?eval'>${t?eval}")),
        (
            "eval grow",
            n(
                "<#assign t = '1'><#list 1..100000 as i><#assign t = '(' + t + ')'>${t?eval}</#list>",
            ),
        ),
        (
            "eval loop",
            format!(
                "<#assign t = '{}1'><#list 1..1000000 as i><#assign x = t?eval></#list>",
                "1+".repeat(390)
            ),
        ),
        (
            "eval big",
            format!(
                "<#assign t = '[{}1]'><#list 1..1000000 as i><#assign x = t?eval></#list>",
                "1,".repeat(50000)
            ),
        ),
        (
            "eval_json loop",
            format!(
                "<#assign t = '[{}1]'><#list 1..1000000 as i><#assign x = t?eval_json></#list>",
                "1,".repeat(50000)
            ),
        ),
        ("eval_json deep", format!("${{'{}'?eval_json?size}}", "[".repeat(100000))),
        ("interpret", n("<#assign t = r'<@t?interpret/>'><@t?interpret/>")),
        (
            "interpret big",
            format!(
                "<#assign t = '{}'><#list 1..1000000 as i><@t?interpret/></#list>",
                "<#if true></#if>".repeat(5000)
            ),
        ),
        ("interpret arena", n("<#list 1..10000000 as i><#assign t = 'x'?interpret></#list>")),
        ("eval arena", n("<#list 1..10000000 as i><#assign t = '1'?eval></#list>")),
        ("huge exp", n("${'1e999999999'?number?c}")),
        ("huge exp2", n("${'1e999999999'?number + 1}")),
        ("huge exp3", n("${1 / '1e999999999'?number}")),
        ("huge exp4", n("${'1e-999999999'?number?c}")),
        ("huge exp5", n("${('1e999999999'?number) % 7}")),
        ("huge exp6", n("${('1e99999999'?number == '1e99999998'?number)?c}")),
        ("huge exp7", n("${'1e999999'?number?string('0.00')}")),
        ("huge exp8", n("${'1e99999999'?number?round}")),
        ("huge exp9", n("<#list 0..<('1e99999999'?number) as i></#list>")),
        ("huge exp10", n("${'1e2147483647'?number?long}")),
        ("huge exp11", n("${'1e99999999999999999999'?number?c}")),
        (
            "huge digits",
            format!("${{'{}'?number * '{}'?number}}", "9".repeat(50000), "9".repeat(50000)),
        ),
        ("square", n("<#assign x = 7><#list 1..100 as i><#assign x = x * x></#list>${x}")),
        ("divide", n("<#assign x = 7><#list 1..100 as i><#assign x = x / 3.1></#list>${x}")),
        ("fact", n("<#assign x = 1><#list 1..1000000 as i><#assign x = x * i></#list>${x}")),
        ("digits print", n("${1?string('0.'?right_pad(100000,'0'))}")),
        ("roman", n("${1000000000?string(',##0')}<#list 1..100000 as i>${i?upper_abc}</#list>")),
        ("lower_abc", n("${2147483647?lower_abc}")),
        ("lambda chain", format!("${{[1]{}?first}}", "?map(x -> x)".repeat(380))),
        (
            "lambda chain loop",
            n(
                "<#assign l = [1]><#list 1..100000 as i><#assign l = l?map(x -> x + 1)></#list>${l?first}",
            ),
        ),
        (
            "filter chain",
            n(
                "<#assign l = 1..10><#list 1..100000 as i><#assign l = l?filter(x -> x != i)></#list>${l?size}",
            ),
        ),
        (
            "concat chain",
            n(
                "<#assign l = []><#list 1..1000000 as i><#assign l = l + [i]></#list>${l?size} ${l[5]}",
            ),
        ),
        (
            "hash concat chain",
            n("<#assign l = {}><#list 1..1000000 as i><#assign l = l + {i?c: i}></#list>${l?size}"),
        ),
        (
            "nest list",
            n("<#assign l = []><#list 1..1000000 as i><#assign l = [l]></#list>${l?size}"),
        ),
        (
            "nest hash",
            n("<#assign l = {}><#list 1..1000000 as i><#assign l = {'a': l}></#list>${l?size}"),
        ),
        (
            "nest json",
            n(
                "<#assign l = {}><#list 1..10000 as i><#assign l = {'a': l}></#list>${statics['com.amplitude.integrations.connector.utils.FtlUtils'].toJson(l)}",
            ),
        ),
        (
            "nest slice",
            n("<#assign l = 1..1000><#list 1..1000000 as i><#assign l = l[0..]></#list>${l?size}"),
        ),
        (
            "nest reverse",
            n(
                "<#assign l = 1..1000><#list 1..100000 as i><#assign l = l?reverse></#list>${l?first}",
            ),
        ),
        (
            "nest seq",
            n(
                "<#assign l = [1,2]><#list 1..1000000 as i><#assign l = l?sequence></#list>${l?first}",
            ),
        ),
        ("macro", n("<#macro m><@m/></#macro><@m/>")),
        ("function", n("<#function f x><#return f(x)></#function>${f(1)}")),
        ("function args", n("<#function f x...><#return f(x, x)></#function>${f(1)}")),
        ("nested", n("<#macro a><#nested></#macro><#macro b><@a><@b/></@a></#macro><@b/>")),
        (
            "default param",
            n("<#macro m a=g()></#macro><#function g><@m/><#return 1></#function><@m/>"),
        ),
        ("include self", n("<#include 'self.ftl'>")),
        ("import self", n("<#import 'self.ftl' as s>")),
        ("switch", n("<#list 1..100000000 as i><#switch i><#case 1><#default></#switch></#list>")),
        ("compress", n("<#compress><#list 1..10000000 as i>     x</#list></#compress>")),
        ("attempt", n("<#list 1..10000000 as i><#attempt>${nope}<#recover></#attempt></#list>")),
        (
            "truncate",
            n(
                "<#assign s='x'?left_pad(999999)><#list 1..1000000 as i><#assign t = s?truncate(900000)></#list>",
            ),
        ),
        ("date parse", format!("${{'{big}'?datetime('yyyy')}}")),
        ("date pattern", format!("${{.now?string('{big}')}}")),
        (
            "date many patterns",
            n(
                "<#list 1..1000000 as i><#assign t = .now?string('yyyy' + i?c?replace('1', 'd'))></#list>",
            ),
        ),
        ("number pattern", format!("${{1?string('{}')}}", "#".repeat(100000))),
        (
            "number many patterns",
            n("<#list 1..1000000 as i><#assign t = 1?string('0' + \"'\" + i?c + \"'\")></#list>"),
        ),
        (
            "setting loop",
            n("<#list 1..1000000 as i><#setting number_format='0' + \"'\" + i?c + \"'\"></#list>"),
        ),
        ("locale loop", n("<#list 1..1000000 as i><#setting locale='en_' + i?c></#list>")),
        ("tz loop", n("<#list 1..1000000 as i><#setting time_zone='GMT+' + (i % 12)?c></#list>")),
        (
            "json deep",
            format!("<#list input.d as a><#list a as b><#list b as c>x</#list></#list></#list>"),
        ),
        (
            "sort big texts",
            n(
                "<#assign s='x'?left_pad(99999)><#assign l=[]><#list 1..1000 as i><#assign l=l+[s+i]></#list><#list 1..100000 as i><#assign m = l?sort></#list>",
            ),
        ),
        (
            "keys loop",
            n(
                "<#assign h={}><#list 1..2000 as i><#assign h=h+{i?c:i}></#list><#list 1..1000000 as i><#assign k = h?keys></#list>",
            ),
        ),
        ("noparse", format!("{}", "<#noparse>".repeat(100000))),
        ("comments", format!("{}", "<#--".repeat(100000))),
        ("ifs", format!("{}", "<#if x>".repeat(100000))),
        ("quotes", format!("${{{}", "\"${".repeat(100000))),
        ("brackets", format!("${{{}", "[".repeat(1000000))),
        ("bang", format!("${{x{}}}", "!".repeat(100000))),
        ("bang2", format!("${{{}x}}", "!".repeat(100000))),
        ("minus", format!("${{{}1}}", "- ".repeat(100000))),
        ("question", format!("${{x{}}}", "?trim".repeat(100000))),
        ("q2", format!("${{x{}}}", "??".repeat(100000))),
        ("dots", format!("${{x{}}}", ".a".repeat(100000))),
        ("call", format!("${{x{}}}", "(1)".repeat(100000))),
        ("arith", format!("${{1{}}}", "+1".repeat(1000000))),
        ("and", format!("${{(true{})?c}}", "&&true".repeat(1000000))),
        ("lambda nest", format!("${{[1]{}{}}}", "?map(x -> [x]".repeat(5000), ")".repeat(5000))),
        ("escape", format!("{}${{x}}", "<#escape x as x + x>".repeat(100))),
        ("escape2", format!("{}${{x}}", "<#escape x as x + x>".repeat(18))),
        ("elseif", format!("<#if false>{}</#if>", "<#elseif false>".repeat(100000))),
        ("cases", format!("<#switch 1>{}</#switch>", "<#case 2>".repeat(100000))),
        ("assigns", format!("<#assign{}>", " a=1".repeat(100000))),
        ("unclosed list", format!("{}", "<#list 1..2 as i>".repeat(199))),
        ("loops 30", format!("{}x{}", "<#list 1..1000 as i>".repeat(30), "</#list>".repeat(30))),
        ("cond deep", format!("{}x{}", "<#list input.xs as i>".repeat(60), "</#list>".repeat(60))),
        (
            "ifs many",
            (0..3000).map(|i| format!("<#if input.a{i}??>\"a{i}\": 1,</#if>")).collect::<String>(),
        ),
        (
            "ifs json",
            format!(
                "{{{} \"z\": 1}}",
                (0..300)
                    .map(|i| format!(
                        "<#if input.a{i}?? && input.b{i} == 'x' || input.c{i}??>\"a{i}\": 1,</#if>"
                    ))
                    .collect::<String>()
            ),
        ),
        (
            "or json",
            format!(
                "{{<#if {}>\"a\": 1</#if>}}",
                (0..100).map(|i| format!("input.a{i}??")).collect::<Vec<_>>().join(" || ")
            ),
        ),
        (
            "or and json",
            format!(
                "{{<#if {}>\"a\": 1</#if>}}",
                (0..60)
                    .map(|i| format!("(input.a{i}?? && input.b{i}??)"))
                    .collect::<Vec<_>>()
                    .join(" || ")
            ),
        ),
        (
            "and or json",
            format!(
                "{{<#if {}>\"a\": 1</#if>}}",
                (0..60)
                    .map(|i| format!("(input.a{i}?? || input.b{i}??)"))
                    .collect::<Vec<_>>()
                    .join(" && ")
            ),
        ),
    ];
    let data = format!(r#"{{"n": 3, "xs": [1,2,3], "d": {deep_json}}}"#);
    for (name, text) in cases {
        if only.as_ref().is_some_and(|o| !name.contains(o.as_str())) {
            continue;
        }
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = hwm();
        let start = std::time::Instant::now();
        let data = data.clone();
        let result = std::thread::Builder::new()
            .stack_size(stack << 10)
            .spawn(move || {
                let lib = std::sync::Arc::new(Library::new([(
                    "self.ftl".to_string(),
                    "<#include 'self.ftl'><#import 'self.ftl' as s>".to_string(),
                )]));
                let t = match Template::compile("h.ftl", &text, &Settings::amplitude(), Some(lib)) {
                    Ok(t) => t,
                    Err(e) => {
                        return format!(
                            "compile {} {}",
                            e.kind().name(),
                            e.message().chars().take(60).collect::<String>()
                        );
                    }
                };
                let c = std::time::Instant::now();
                let f = t.check(&Usage::Any).len();
                let ct = c.elapsed();
                let d = Document::parse(&data).unwrap();
                let r = match t.render(Data::event(d.root()), RenderOptions::default()) {
                    Ok(s) => format!("ok {} bytes", s.len()),
                    Err(e) => format!(
                        "{} {}",
                        e.kind().name(),
                        e.message().chars().take(90).collect::<String>()
                    ),
                };
                format!("{r} (check {f} findings, {:.2} s)", ct.as_secs_f64())
            })
            .unwrap()
            .join();
        let took = start.elapsed().as_secs_f64();
        let mem = (hwm().saturating_sub(before)) / 1024;
        let flag = if took > 5.0 || mem > 200 || result.is_err() { "!!" } else { "  " };
        println!("{flag} {took:7.2}s {mem:5} MB  {name}: {}", result.unwrap_or("PANIC".into()));
    }
}
