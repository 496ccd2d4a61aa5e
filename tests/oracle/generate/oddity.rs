//! What is seldom written but legal, or nearly: operators without regard to types, spellings of old,
//! blanks and comments where nobody puts them, strange literals.
//!
//! Longer than other files, because it is mostly lists of what can be written.

use crate::generate::Generator;
use crate::generate::words;

const BINARY: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "=",
    "!=",
    "lt",
    "lte",
    "gt",
    "gte",
    "\\lt",
    "\\lte",
    "\\gt",
    "\\gte",
    "&lt;",
    "&lt;=",
    "&gt;",
    "&gt;=",
    "<",
    "<=",
    "&&",
    "||",
    "&",
    "|",
    "&amp;&amp;",
    "\\and",
    "\\or",
    "..",
    "..<",
    "..!",
    "..*",
    "!",
    "+",
    "-",
    "*",
    "==",
    "&&",
    "||",
];

const LITERALS: &[&str] = &[
    "1",
    "01",
    "1.0",
    "1.5",
    "0.50",
    "007",
    ".5",
    "1.",
    "1e5",
    "1E5",
    "0x1F",
    "1_000",
    "12345678901234567890",
    "1..2",
    "1.5.c",
    "true",
    "false",
    "'a'",
    "\"b\"",
    "''",
    "r'\\n'",
    "r\"a'b\"",
    "'\\n'",
    "'\\x41'",
    "'\\x41g'",
    "'\\x0'",
    "'\\x'",
    "'\\u0041'",
    "'\\z'",
    "'\\$'",
    "'\\{'",
    "'\\='",
    "'\\g\\l\\a'",
    "'it\\'s'",
    "\"it's\"",
    "'a\nb'",
    "'${1+1}'",
    "\"#{2.5; M1}\"",
    "'${\"x\"}'",
    "'${s'",
    "'$s'",
    "'${'",
    "'[=1]'",
    "'${s}${n}'",
    "\"${'a${1}b'}\"",
    "[]",
    "{}",
    "[1]",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "{'a':1}",
    "{'a':1,}",
    "{'a' 1}",
    "{a:1}",
    "{'a','b'}",
    "{1:2}",
    "{s:n}",
    "[[]]",
    "[{}]",
    "(1)",
    "((1))",
    "()",
    "nul",
    "nope",
    "s",
    "n",
    "b",
    "l",
    "h",
    "u.name",
    "u['name']",
    "u[\"na\" + \"me\"]",
    "h.size",
    "h.keys",
    "l[0]",
    "l[0]!",
    "s[0]",
    "s[0..1]",
    ".now?is_date?c",
    ".vars.s",
    ".vars['s']",
    ".data_model.n",
    "h.*",
    "h.**",
    "u.@x",
    "u.a\\-b",
    "u['x:y']",
    "a\\-b",
    "a\\:b",
    "a\\.b",
    "$x",
    "_x",
    "@x",
    "x1",
    "é",
    "日本",
    "as",
    "in",
    "gt",
    "true?c",
    "if",
    "using",
];

const POSTFIXES: &[&str] = &[
    "!",
    "!'d'",
    "!1",
    "??",
    "?c",
    "?size",
    "?length",
    "?upper_case",
    "?string",
    "?has_content",
    "?exists",
    "?default('x')",
    "?is_string",
    "[0]",
    "['k']",
    "[0..0]",
    "[1..]",
    ".k",
    ".name",
    "()",
    "(1)",
    "?number",
    "?first",
    "?trim?length",
    "?contains('a')",
    "!s!n",
    "!(1)",
    "![]",
    "!{}",
    "!-1",
    "!+1",
    "!!b",
    "!n + 1",
    "?if_exists",
    "?then('y', 'n')",
    "?string('a','b')",
    "?string['0.0']",
    "?string.number",
    "?then(1,2)?c",
    "?seq_contains('a')",
    "?join(',')",
    "?keys",
    "?nosuch",
    "?",
    "?1",
    ". k",
    " . k",
    "? c",
    " ?c",
    "[ 0 ]",
    "( )",
    "?isString",
    "?upperCase",
    "?index",
    "?counter",
    "?map(x -> x)",
    "?filter(x -> true)",
    "?map(x -> x + 'z')?join('')",
    "?filter(x->x?has_content)?size",
    "?map((x) -> x)",
    "?map(x, y -> x)",
];

impl Generator {
    /// Expressions of any operators.
    pub(crate) fn operators(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..self.between(1, 4) {
            let expression = self.untyped(3);
            let shown = match self.below(8) {
                0 => format!("({expression})?c"),
                1 => format!("({expression})?string"),
                2 => format!("({expression})!'m'"),
                3 => format!("({expression})?size"),
                4 => format!("({expression})???c"),
                _ => expression,
            };
            let shown = match self.below(6) {
                0 => self.tag("assign", &format!("q = {shown}")) + "ok",
                1 => self.tag("if", &shown) + "T" + &self.end_tag("if"),
                2 => self.tag("list", &format!("{shown} as it")) + "." + &self.end_tag("list"),
                _ => self.interpolation(&shown),
            };
            out.push_str(&self.attempted(&shown));
            out.push('\n');
        }
        out
    }

    fn untyped(&mut self, depth: usize) -> String {
        if depth == 0 || self.one_in(4) {
            let simple = LITERALS.len() - 1;
            let atom = if self.one_in(3) && self.mistakes { self.below(simple) } else { 0 };
            let mut text = if atom > 0 { LITERALS[atom].to_owned() } else { self.plain_atom() };
            if self.one_in(3) {
                let postfix = self.pick(POSTFIXES);
                let odd = matches!(
                    postfix,
                    "?nosuch" | "?" | "?1" | "?index" | "?counter" | "?map(x, y -> x)"
                );
                if !odd || self.mistakes {
                    text.push_str(postfix);
                }
            }
            return text;
        }
        let one = self.untyped(depth - 1);
        match self.below(9) {
            0 => format!("({one})"),
            1 => format!("!{one}"),
            2 => format!("-{one}"),
            3 => {
                let postfix = self.pick(&POSTFIXES[..36]);
                format!("({one}){postfix}")
            }
            _ => {
                let two = self.untyped(depth - 1);
                let operator = self.pick(BINARY);
                let word = operator.starts_with(|c: char| c.is_alphabetic() || c == '\\');
                let blank = if word { " " } else { self.blank_inside() };
                let behind = if word { " " } else { self.blank_inside() };
                format!("{one}{blank}{operator}{behind}{two}")
            }
        }
    }

    fn plain_atom(&mut self) -> String {
        let kind = self.pick(&['S', 'N', 'B', 'N', 'S', 'l', 'n', 'H', 'O']);
        self.leaf(kind)
    }

    /// A blank where tokens may have one.
    fn blank_inside(&mut self) -> &'static str {
        self.pick(&["", "", " ", " ", " ", "\n", "\t", " <#-- c --> ", "  ", "\r\n"])
    }

    /// Directives in odd spellings.
    pub(crate) fn oddities(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..self.between(1, 5) {
            let piece = self.oddity();
            out.push_str(&if self.one_in(3) { self.attempted(&piece) } else { piece });
            out.push_str(self.pick(&["", "\n", " ", "x"]));
        }
        out
    }

    fn oddity(&mut self) -> String {
        let literal = self.pick(LITERALS);
        let postfix = self.pick(POSTFIXES);
        let (blank, other) = (self.blank_inside(), self.blank_inside());
        let expression = self.untyped(1);
        let text = self.pick(words::TEXT_PIECES);
        let end = self.pick(&[">", "/>", " >", " />", "\n>", "\t/>"]);
        let close = self.pick(&[">", " >", "\n>", ">", ">", ">"]);
        match self.below(44) {
            0 => format!("<#if{blank}({expression}){other}>{text}</#if{close}"),
            1 => format!("<#if b{end}{text}<#else{end}y</#if{close}"),
            2 => format!("<#if b>{text}<#elseif b{end}z<#else>y</#if>"),
            3 => {
                format!("<#list{blank} l{other} as{blank} x{end}${{x}}<#sep{close},</#list{close}")
            }
            4 => format!("<#list l as x>${{x}}<#else{end}none</#list>"),
            5 => format!("<#assign{blank} x{blank}={other}{expression}{end}"),
            6 => format!("<#assign x={literal}>${{x!}}"),
            7 => format!("<#assign 'q r'{blank}=1 \"s t\"=2{end}${{.vars['q r']}}"),
            8 => format!("${{{literal}{postfix}}}"),
            9 => format!("${{{blank}{literal}{other}}}"),
            10 => format!("#{{{blank}n{other}}}#{{n{blank};{other}m1M2{blank}}}"),
            11 => format!("<@ma{blank} a{other}={blank}'x'{other}{end}"),
            12 => format!("<@ma 'x'{blank},{other}'y'{end}"),
            13 => format!("<@ma a='x' ;{blank}i{end}{text}</@>"),
            14 => format!("<@mb a='x'{blank};{other}i{blank},{other}j>${{i!}}${{j!}}</@mb{close}"),
            15 => format!("<@mc{close}{text}</@{close}"),
            16 => format!("<@mc>{text}</@ma>"),
            17 => format!("<@.vars.mc>{text}</@>"),
            18 => format!("<@.vars['mc']>{text}</@.vars['mc']>"),
            19 => format!("<@(mc)>{text}</@>"),
            20 => format!(
                "<#macro{blank} z1{other} p{blank}={other}1{close}[${{p}}]</#macro{close}<@z1{end}"
            ),
            21 => format!("<#macro z2(p{blank},{other}q=2)>${{p}}${{q}}</#macro><@z2 p=1/>"),
            22 => format!(
                "<#function z3(p,q...){close}<#return{blank} p{end}</#function{close}${{z3(1{blank},{other}2)}}"
            ),
            23 => format!("<#function z4 p q><#return p + q></#function>${{z4(1{blank} 2)}}"),
            24 => format!(
                "<#switch{blank} n{close}{blank}<#case 1{end}a<#break{end}<#default{close}d</#switch{close}"
            ),
            25 => format!("<#setting{blank} locale{other}={blank}'de'{end}${{1.5}}"),
            26 => format!("<#attempt{close}{text}<#recover{close}r</#attempt{close}"),
            27 => "<#attempt>${nope}<#recover>r</#recover></#attempt>".to_owned(),
            28 => format!("<#--{text}-->{text}<#---->"),
            29 => format!("<#noparse{close}${{x}}{text}</#noparse{close}"),
            30 => format!(
                "<#escape x{blank} as{other} x + '!'>${{s}}<#noescape{close}${{s}}</#noescape></#escape>"
            ),
            31 => format!("<#foreach x in{blank} l{close}${{x}}</#foreach{close}"),
            32 => format!("<#list h as{blank} k{other},{blank}v{close}${{k}}</#list>"),
            33 => format!(
                "<#list l{close}<#items as{blank} x{close}${{x}}</#items{close}<#else{close}e</#list>"
            ),
            34 => format!("<#if b>{text}<#elseif{blank}(n gt 1)>z</#if>"),
            35 => format!(
                "<#assign x>{text}</#assign>${{x}}<#assign y in .namespace>{text}</#assign>${{y}}"
            ),
            36 => "<#local x=1>".to_owned(),
            37 => format!("<#stop{end}"),
            38 => format!("<#t{end}{text}<#lt{end}{text}<#rt{end}{text}<#nt{end}"),
            39 => format!("<#flush{end}<#compress{close}  {text}  </#compress{close}"),
            40 => format!("<if b>{text}</if><assign x=1>"),
            41 => format!(
                "<#include{blank} 'nosuch' ignore_missing{other}=true{end}<#global{blank} gx=1{end}${{gx}}"
            ),
            42 => format!(
                "<#outputformat{blank} 'HTML'{close}${{s}}<#noautoesc{close}${{s}}</#noautoesc></#outputformat{close}"
            ),
            _ => format!(
                "<#{}{blank} {expression}{end}",
                self.pick(&[
                    "if",
                    "assign",
                    "list",
                    "nosuch",
                    "else",
                    "return",
                    "nested",
                    "break",
                    "sep",
                    "items",
                    "case",
                    "recover",
                    "ftl",
                    "import",
                    "visit",
                    "recurse",
                    "fallback",
                    "macro",
                    "function",
                    "call",
                    "comment",
                    "transform"
                ])
            ),
        }
    }
}
