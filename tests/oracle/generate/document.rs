//! Whole templates: headers, settings, several templates, lines of white space, formats.
//!
//! Longer than other files, because it is mostly lists of what can be written.

use std::fmt::Write as _;

use crate::generate::Generator;
use crate::generate::Style;
use crate::generate::words;
use crate::request::Request;

impl Generator {
    /// The settings of a case.
    pub(crate) fn settings(&mut self, request: &mut Request, style: Style) {
        let mut set = |name: &str, value: &str| {
            request.settings.retain(|(known, _)| known != name);
            request.settings.push((name.to_owned(), value.to_owned()));
        };
        if self.one_in(2) {
            set("incompatible_improvements", self.pick(words::VERSIONS));
        }
        if self.square_tags {
            set("tag_syntax", self.pick(&["square_bracket", "auto_detect"]));
        }
        if self.one_in(25) {
            let syntax = self.pick(&["square_bracket", "dollar", "legacy"]);
            self.square_interpolations = syntax == "square_bracket";
            set("interpolation_syntax", syntax);
        }
        if matches!(style, Style::Formats) || self.one_in(6) {
            for _ in 0..self.between(1, 3) {
                let (name, value) = self.format_setting();
                if !words::BAD_ZONES.contains(&&*value) {
                    set(name, &value);
                }
            }
        }
        if self.one_in(8) || (self.wants_markup && !self.one_in(8)) {
            let last = if self.wants_markup { 4 } else { 9 };
            set("output_format", self.pick(&words::OUTPUT_FORMATS[..last]));
        }
        if self.one_in(5) {
            let (name, values): (&str, &[&str]) = self.pick(&[
                (
                    "auto_escaping_policy",
                    &["enable_if_default", "enable_if_supported", "disable", "force"][..],
                ),
                (
                    "naming_convention",
                    if self.camel_case {
                        &["auto_detect", "camel_case"]
                    } else {
                        &["auto_detect", "legacy"]
                    },
                ),
                ("whitespace_stripping", &["false", "true"]),
                ("strict_syntax", &["false", "true"]),
                ("recognize_standard_file_extensions", &["true", "false"]),
                ("fallback_on_null_loop_variable", &["true", "false"]),
                ("classic_compatible", &["true", "false"]),
                ("template_exception_handler", &["ignore", "rethrow"]),
                ("tag_syntax", &["auto_detect", "angle_bracket"]),
                ("lazy_imports", &["true"]),
                ("url_escaping_charset", words::CHARSETS),
                ("output_encoding", words::CHARSETS),
                ("template_name_format", &["DEFAULT_2_4_0", "DEFAULT_2_3_0"]),
                ("tab_size", &["1", "4", "8"]),
                ("nosuch", &["1"]),
            ]);
            let rare = matches!(name, "nosuch" | "strict_syntax" | "classic_compatible")
                && !self.one_in(4);
            let clash = name == "nosuch" && !self.mistakes;
            if !clash && !rare {
                set(name, self.pick(values));
            }
        }
        if self.one_in(60) {
            let (kind, texts) = self.pick(&[
                ("number_format", words::NUMBER_FORMATS),
                ("date_format", words::DATE_FORMATS),
                ("datetime_format", words::DATE_FORMATS),
            ]);
            let text = self.pick(if self.mistakes { texts } else { &texts[..20] });
            let name = if kind == "number_format" { kind } else { "date_format" };
            let formats = serde_json::json!({"x": text, "y1": "@x"}).to_string();
            set(&format!("custom_{name}s"), &formats);
            set(
                kind,
                self.pick(&["@x", "@y1", "@y1", "@y1_", "@z"][..if self.mistakes { 5 } else { 3 }]),
            );
        }
        if self.one_in(30) {
            let names =
                ["case.ftlh", "case.ftlx", "dir/case.ftl", "dir/sub/case.ftlh", "CASE.FTLH"];
            self.pick(&names).clone_into(&mut request.name);
        }
    }

    /// A setting of formats with a value.
    pub(crate) fn format_setting(&mut self) -> (&'static str, String) {
        let name = self.pick(&[
            "number_format",
            "number_format",
            "locale",
            "locale",
            "time_zone",
            "date_format",
            "time_format",
            "datetime_format",
            "boolean_format",
            "c_format",
            "locale",
            "datetime_format",
        ]);
        let value = match name {
            "number_format" if !self.mistakes && self.one_in(2) => {
                self.pick(&words::NUMBER_FORMATS[..44])
            }
            "number_format" => self.pick(words::NUMBER_FORMATS),
            "locale" => self.pick(words::LOCALES),
            "time_zone" if self.one_in(12) && self.mistakes => self.pick(words::BAD_ZONES),
            "time_zone" => self.pick(words::ZONES),
            "boolean_format" if !self.mistakes => self.pick(&words::BOOLEAN_FORMATS[..11]),
            "c_format" if !self.mistakes => self.pick(&words::C_FORMATS[..6]),
            "boolean_format" => self.pick(words::BOOLEAN_FORMATS),
            "c_format" => self.pick(words::C_FORMATS),
            _ => self.pick(words::DATE_FORMATS),
        };
        (name, value.to_owned())
    }

    /// `<#ftl …>`, seldom.
    pub(crate) fn header(&mut self) -> String {
        if !self.one_in(8) {
            return String::new();
        }
        let mut named: Vec<&str> = Vec::new();
        let before = self.pick(&["", "", "", " ", "\n", "x"]);
        let before = if before == "x" && !self.mistakes { "" } else { before };
        let mut out = before.to_owned() + if self.square_tags { "[#ftl" } else { "<#ftl" };
        for _ in 0..self.between(0, 2) {
            let (name, value) = self.pick(&[
                ("output_format", "'HTML'"),
                ("output_format", "\"XML\""),
                ("output_format", "'plainText'"),
                ("output_format", "'XML{HTML}'"),
                ("output_format", "'JSON'"),
                ("output_format", "'RTF'"),
                ("auto_esc", "true"),
                ("auto_esc", "false"),
                ("strip_whitespace", "false"),
                ("strip_whitespace", "true"),
                ("strip_text", "true"),
                ("strip_text", "false"),
                ("encoding", "'utf-8'"),
                ("attributes", "{'a': 1, 'b': ['x']}"),
                ("strict_syntax", "true"),
                ("ns_prefixes", "{'x': 'http://x'}"),
                ("strip_whitespace", "'no'"),
                ("output_format", "'nonesuch'"),
                ("nosuch", "1"),
            ]);
            let is_mistake = matches!(name, "nosuch") || value == "'nonesuch'";
            if named.contains(&name) || (is_mistake && !self.mistakes) {
                continue;
            }
            named.push(name);
            let equals = self.pick(&["=", " = ", "="]);
            let _ = write!(out, " {}{equals}{value}", self.word(name));
        }
        let end = self.pick(&["", " ", "/"]);
        out.push_str(end);
        out.push_str(if self.square_tags { "]" } else { ">" });
        out.push_str(self.pick(&["", "\n", "\n", "  \n", " x"]));
        out
    }

    /// What templates of all kinds refer to: functions, macros, markup, dates.
    pub(crate) fn prelude(&mut self) -> String {
        if self.one_in(12) {
            return String::new();
        }
        let (no_esc, output_format) = (self.word("no_esc"), self.word("outputformat"));
        let output_format = if self.camel_case { "outputFormat".to_owned() } else { output_format };
        let definitions = [
            "<#function fs x='d'><#return '(' + x + ')'></#function>",
            "<#function fd(x, y=2)><#return x + y></#function>",
            "<#function fb x><#return x?length gt 1></#function>",
            "<#function fc p q...><#return p + q?size></#function>",
            "<#macro ma a b='B'>[${a}|${b}<#nested>]</#macro>",
            "<#macro mb a='1' b=a + '2' rest...><@show a/><@show b/>:${rest?size}<#nested 1, 'two'; x></#macro>",
            "<#macro mb a='1' b=a + '2' rest...>{${a}${b}:${rest?size}<#nested 1, 'two'>}</#macro>",
            "<#macro mc><#nested></#macro>",
            "<#assign d='2024-01-15T10:30:00.120Z'?datetime.iso d2='2023-07-04'?date.iso t='18:05:09'?time.iso>",
            "<#outputformat 'HTML'><#assign mk='<u>'?no_esc></#outputformat>",
        ];
        let mut out = String::new();
        for definition in definitions {
            if !definition.contains("show") {
                out.push_str(definition);
            }
        }
        let mut out = out.replace("no_esc", &no_esc).replace("outputformat", &output_format);
        if self.square_tags {
            out = out
                .replace("<#", "[#")
                .replace("</#", "[/#")
                .replace(['>'], "]")
                .replace("'<u]'", "'<u>'");
        }
        if self.square_interpolations {
            out = out
                .replace("${a}", "[=a]")
                .replace("${b}", "[=b]")
                .replace("${rest?size}", "[=rest?size]");
        }
        let end = self.pick(&["", "\n", "\n\n"]);
        out + end
    }

    /// Numbers, dates and booleans, printed in many ways.
    pub(crate) fn formats(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..self.between(1, 5) {
            let kind = self.pick(&['N', 'N', 'D', 'D', 'D', 'B']);
            let value = self.leaf(kind);
            let text = match (kind, self.below(4)) {
                ('N', 0) => {
                    let format = self.pick(words::NUMBER_FORMATS);
                    format!("({value})?string({})", self.literal(format))
                }
                ('D', 0 | 1) => {
                    let format = if self.one_in(4) {
                        self.made_up_date_format()
                    } else {
                        self.pick(words::DATE_FORMATS).to_owned()
                    };
                    format!("({value})?string({})", self.literal(&format))
                }
                ('N', 1) if !self.square_interpolations => {
                    let digits = self.pick(&[
                        "", "; m1", "; M2", "; m1M3", "; m0M0", ";M3m2", "; m2", "; M9", "; m1",
                        ";m1M20", "; M", "; x1",
                    ]);
                    let digits = if matches!(digits, "; M" | "; x1") && !self.mistakes {
                        "; m1"
                    } else {
                        digits
                    };
                    out.push_str(&self.attempted(&format!("#{{{value}{digits}}}")));
                    continue;
                }
                ('N', 2) if self.one_in(2) => {
                    let format = self.made_up_number_format();
                    format!("({value})?string({})", self.literal(&format))
                }
                _ => value,
            };
            if self.one_in(4) {
                let (name, value) = self.format_setting();
                let value = self.literal(&value);
                let tag = format!("{}={value}", self.word(name));
                out.push_str(&self.tag("setting", &tag));
            }
            let shown = self.interpolation(&text);
            out.push_str(&self.attempted(&shown));
            out.push('\n');
        }
        out
    }

    fn made_up_date_format(&mut self) -> String {
        let letters = [
            "G", "y", "yy", "yyyy", "M", "MM", "MMM", "MMMM", "L", "LLL", "LLLL", "w", "W", "D",
            "DDD", "d", "dd", "F", "E", "EEE", "EEEE", "u", "a", "H", "HH", "k", "kk", "K", "h",
            "hh", "m", "mm", "s", "ss", "S", "SSS", "z", "zzzz", "Z", "X", "XX", "XXX", "Y",
            "YYYY",
        ];
        let between = [" ", "-", "/", ":", ".", "'T'", "''", ", ", "", "'o'", "(", "é"];
        (0..self.between(1, 6))
            .map(|_| self.pick(&letters).to_owned() + self.pick(&between))
            .collect()
    }

    fn made_up_number_format(&mut self) -> String {
        let signs = [
            "#", "0", "0", "#", ",", ".", "E", "%", "\u{2030}", ";", "'", "-", "\u{a4}", "x", " ",
            "(", ")", "+", "#,##0", "0.0", "E0", "''",
        ];
        (0..self.between(1, 7)).map(|_| self.pick(&signs)).collect()
    }

    /// Lines of tags, text and blanks, for white-space stripping.
    pub(crate) fn lines(&mut self) -> String {
        let mut out = String::new();
        let mut open: Vec<String> = Vec::new();
        if self.one_in(3) {
            out.push_str(&self.tag("assign", "z = 1"));
        }
        for _ in 0..self.between(2, 9) {
            for _ in 0..self.between(0, 4) {
                match self.below(13) {
                    0 => out.push_str("  "),
                    1 => out.push('\t'),
                    2 => out.push('x'),
                    3 => {
                        let (start, end) = self.pick(&[
                            ("if true", "if"),
                            ("if false", "if"),
                            ("list 1..2 as i", "list"),
                            ("compress", "compress"),
                            ("assign c", "assign"),
                            ("macro q", "macro"),
                            ("attempt", "attempt"),
                            ("switch 1", "switch"),
                            ("list [] as i", "list"),
                            ("noparse", "noparse"),
                            ("function w", "function"),
                            ("escape x as x?html", "escape"),
                            ("outputformat 'HTML'", "outputformat"),
                            ("list 1..2", "list"),
                            ("autoesc", "autoesc"),
                        ]);
                        if self.camel_case && matches!(end, "noparse" | "outputformat" | "autoesc")
                        {
                            continue;
                        }
                        if end == "autoesc" && !(self.mistakes && self.one_in(5)) {
                            continue;
                        }
                        let (name, rest) = start.split_once(' ').unwrap_or((start, ""));
                        out.push_str(&self.tag(name, rest));
                        match end {
                            "switch" => {
                                let word = self.random_case();
                                out.push_str(&self.tag(word, "1"));
                            }
                            "list" if !start.contains("as") => {
                                out.push_str(&self.tag("items", "as i"));
                                open.push("list".into());
                                open.push("items".into());
                                continue;
                            }
                            "function" => out.push_str(&self.tag("return", "1")),
                            _ => {}
                        }
                        open.push(end.to_owned());
                    }
                    4 => {
                        if let Some(name) = open.pop() {
                            if name == "attempt" {
                                out.push_str(&self.tag("recover", ""));
                            }
                            out.push_str(&self.end_tag(&name));
                        }
                    }
                    5 => out.push_str(
                        &self
                            .pick(&["<#-- c -->", "<#-- two\nlines -->", "<#---->"])
                            .replace("<#--", if self.square_tags { "[#--" } else { "<#--" })
                            .replace("-->", if self.square_tags { "--]" } else { "-->" }),
                    ),
                    6 => {
                        let name = self.pick(&["t", "lt", "rt", "nt", "flush"]);
                        out.push_str(&self.tag(name, ""));
                    }
                    7 => {
                        let shown = self.pick(&["1", "''", "'v'", "s", "' '"]);
                        out.push_str(&self.interpolation(shown));
                    }
                    8 => {
                        let rest = self.pick(&["z = 1", "z = 1 y = 2", "z = 1 z++", "z='a\nb'"]);
                        out.push_str(&self.tag("assign", rest));
                    }
                    9 if open.iter().any(|name| name == "if" || name == "list")
                        && self.one_in(2) =>
                    {
                        if matches!(open.last().map(String::as_str), Some("if" | "list")) {
                            out.push_str(&self.tag("else", ""));
                            if let Some(last) = open.last_mut() {
                                *last =
                                    if last == "if" { "if".to_owned() } else { "list".to_owned() };
                            }
                        }
                    }
                    10 if matches!(open.last().map(String::as_str), Some("list" | "items")) => {
                        out.push_str(&self.tag("sep", ""));
                        if self.one_in(2) {
                            out.push(',');
                            out.push_str(&self.end_tag("sep"));
                        }
                    }
                    11 if self.one_in(2) && !self.square_tags => {
                        let piece = self.pick(&[
                            "<@mc/>",
                            "<@mc> </@>",
                            "<@mc>\n</@mc>",
                            "<@ma a='x'/>",
                            "<#include 'nosuch' ignore_missing=true>",
                            "<#assign q>\n</#assign>",
                            "<#setting locale='de'>",
                            "<#global gq=1>",
                            "<#flush>",
                            "<#assign\n  m = 1\n>",
                            "<#nested>",
                            "<#return>",
                            "<#stop>",
                            "<#t/>",
                            "<#if true></#if>",
                            "<#list [] as x></#list>",
                            "<#macro e></#macro>",
                            "<#function e></#function>",
                            "<#break>",
                            "<#import 'nosuch' as x>",
                            "<#noparse> </#noparse>",
                            "<#-- a --><#-- b -->",
                        ]);
                        let stray = matches!(
                            piece,
                            "<#nested>"
                                | "<#return>"
                                | "<#stop>"
                                | "<#break>"
                                | "<#import 'nosuch' as x>"
                        ) || piece.contains("macro e")
                            || piece.contains("function e")
                            || (self.camel_case && piece.contains("ignore_missing"))
                            || (self.camel_case && piece.contains("noparse"));
                        if !stray || self.mistakes {
                            out.push_str(&piece.replace("\\n", "\n"));
                        }
                    }
                    _ => out.push_str(self.pick(words::TEXT_PIECES)),
                }
            }
            let end = self.pick(&["\n", "\n", "\n", " \n", "\r\n", "\n\n", "\r", ""]);
            out.push_str(end);
        }
        while let Some(name) = open.pop() {
            if name == "attempt" {
                out.push_str(&self.tag("recover", ""));
            }
            out.push_str(&self.end_tag(&name));
            let end = self.pick(&["\n", "", " \n", " x"]);
            out.push_str(end);
        }
        out
    }

    fn random_case(&mut self) -> &'static str {
        self.pick(&["case", "case", "on"])
    }

    /// A template with others that it includes and imports.
    pub(crate) fn modules(&mut self, request: &mut Request) -> String {
        let names = [
            "a.ftl",
            "dir/b.ftl",
            "dir/sub/c.ftl",
            "lib.ftl",
            "a_en.ftl",
            "dir/h.ftlh",
            "x.ftlx",
            "a_de.ftl",
            "lib_en_US.ftl",
        ];
        for _ in 0..self.between(1, 4) {
            let name = self.pick(&names).to_owned();
            let text = self.module();
            request.templates.retain(|(known, _)| *known != name);
            request.templates.push((name, text));
        }
        if self.one_in(10) {
            let value = self.pick(&["lib.ftl as auto", "a.ftl as x1, lib.ftl as x2"]);
            request.settings.push(("auto_import".into(), value.to_owned()));
        }
        if self.one_in(12) {
            request
                .settings
                .push(("auto_include".into(), self.pick(&["a.ftl", "lib.ftl"]).to_owned()));
        }
        if self.one_in(4) {
            let names = ["dir/main.ftl", "dir/sub/main.ftl", "main.ftlh"];
            self.pick(&names).clone_into(&mut request.name);
        }
        let mut out = String::new();
        for _ in 0..self.between(1, 5) {
            let piece = match self.below(9) {
                0..=2 => self.include(),
                3..=5 => self.import(),
                6 => {
                    let name = self.template_path();
                    let get = self.word("get_optional_template");
                    let options = self.pick(&[
                        "",
                        ", {'parse': false}",
                        ", {'encoding': 'utf-8'}",
                        ", {'x': 1}",
                    ]);
                    let (exists, include) = (
                        self.interpolation("opt.exists?c"),
                        self.pick(&[
                            "<@opt.include />",
                            "<#assign o2 = opt.import()>${o2?keys?sort?join(',')}",
                        ]),
                    );
                    let include = if self.square_tags { String::new() } else { include.to_owned() };
                    self.tag("assign", &format!("opt = .{get}('{name}'{options})"))
                        + &exists
                        + &include
                }
                7 => {
                    let name = self.word("current_template_name");
                    self.interpolation(&format!(".{name}!'none'"))
                }
                _ => self.node(1),
            };
            out.push_str(&if self.one_in(4) { piece } else { self.attempted(&piece) });
            out.push('\n');
        }
        out
    }

    pub(crate) fn template_path(&mut self) -> String {
        self.pick(&[
            "a.ftl",
            "dir/b.ftl",
            "/dir/b.ftl",
            "b.ftl",
            "../a.ftl",
            "lib.ftl",
            "/lib.ftl",
            "sub/c.ftl",
            "dir/sub/c.ftl",
            "*/a.ftl",
            "*/lib.ftl",
            "nosuch.ftl",
            "dir/h.ftlh",
            "x.ftlx",
            "./a.ftl",
            "dir/../a.ftl",
        ])
        .to_owned()
    }

    fn include(&mut self) -> String {
        let path = self.template_path();
        let options = self.pick(&[
            "",
            "",
            "",
            "",
            " parse=false",
            " parse='no'",
            " ignore_missing=true",
            " encoding='UTF-8'",
            " ignore_missing=true parse=true",
        ]);
        let options = if self.camel_case {
            options.replace("ignore_missing", "ignoreMissing")
        } else {
            options.to_owned()
        };
        self.tag("include", &format!("'{path}'{options}"))
    }

    fn import(&mut self) -> String {
        let path = self.template_path();
        let name = self.pick(&["m", "lib", "m2"]);
        let mut out = self.tag("import", &format!("'{path}' as {name}"));
        let more = self.pick(&["", "v", "hello", "keys", "assign", "ns"]);
        match more {
            "v" => out.push_str(&self.interpolation(&format!("{name}.v!'no v'"))),
            "hello" if !self.square_tags => {
                let _ = write!(out, "<@{name}.hello/>");
            }
            "keys" => out.push_str(&self.interpolation(&format!("{name}?keys?sort?join(',')"))),
            "assign" => {
                out.push_str(&self.tag("assign", &format!("v = 'changed' w = 1 in {name}")));
                out.push_str(&self.interpolation(&format!("{name}.v")));
            }
            "ns" => out.push_str(&self.interpolation(&format!("{name}.w!'-'"))),
            _ => {}
        }
        out
    }

    fn module(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..self.between(1, 4) {
            let piece = match self.below(10) {
                0 => self.tag("assign", "v = 'module v'"),
                1 => {
                    self.tag("macro", "hello p='P'")
                        + "hello "
                        + &self.interpolation("p")
                        + &self.end_tag("macro")
                }
                2 => self.tag("global", "g = 'module g'"),
                3 => {
                    let name = self.word("template_name");
                    self.interpolation(&format!(".{name}"))
                }
                4 => {
                    let name = self.word("current_template_name");
                    self.interpolation(&format!(".{name}!'-'"))
                }
                5 => {
                    let name = self.word("main_template_name");
                    self.tag("assign", &format!("w = .{name}"))
                }
                6 => "plain text & <b>\n".to_owned(),
                7 if self.one_in(2) => self.tag("return", ""),
                8 if self.one_in(2) => self.header(),
                _ => self.node(1),
            };
            out.push_str(&piece);
            let end = self.pick(&["", "\n", " "]);
            out.push_str(end);
        }
        out
    }
}
