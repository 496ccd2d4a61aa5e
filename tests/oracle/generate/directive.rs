//! Directives inside directives.
//!
//! Longer than other files, because it is mostly lists of what can be written.

use crate::generate::Generator;
use crate::generate::words;

impl Generator {
    /// A template of directives.
    pub(crate) fn document(&mut self) -> String {
        let mut out = String::new();
        let count = self.budget / 4;
        for _ in 0..self.between(2, count) {
            out.push_str(&self.node(3));
        }
        out
    }

    /// `<#name rest>`
    pub(crate) fn tag(&mut self, name: &str, rest: &str) -> String {
        let name = self.directive_name(name);
        let space = if rest.is_empty() { "" } else { " " };
        let slash = if self.one_in(40)
            && matches!(
                &*name,
                "assign"
                    | "include"
                    | "import"
                    | "break"
                    | "return"
                    | "setting"
                    | "else"
                    | "nested"
                    | "t"
                    | "sep"
            ) {
            " /"
        } else {
            ""
        };
        let slash = if name == "sep" { "" } else { slash };
        if self.square_tags {
            format!("[#{name}{space}{rest}{slash}]")
        } else {
            format!("<#{name}{space}{rest}{slash}>")
        }
    }

    /// `</#name>`
    pub(crate) fn end_tag(&mut self, name: &str) -> String {
        let name = self.directive_name(name);
        let blank = if self.one_in(40) { " " } else { "" };
        if self.square_tags { format!("[/#{name}{blank}]") } else { format!("</#{name}{blank}>") }
    }

    fn directive_name(&mut self, name: &str) -> String {
        let camel =
            if self.mistakes && self.one_in(80) { !self.camel_case } else { self.camel_case };
        if !camel {
            return name.to_owned();
        }
        match name {
            "elseif" => "elseIf",
            "autoesc" => "autoEsc",
            "noautoesc" => "noAutoEsc",
            "noescape" => "noEscape",
            "noparse" => "noParse",
            "outputformat" => "outputFormat",
            "foreach" => "forEach",
            _ => name,
        }
        .to_owned()
    }

    /// `${x}`
    pub(crate) fn interpolation(&mut self, expression: &str) -> String {
        if self.square_interpolations {
            return format!("[={expression}]");
        }
        let blank = if self.one_in(30) { " " } else { "" };
        format!("${{{blank}{expression}{blank}}}")
    }

    /// An expression of some kind, printed.
    pub(crate) fn shown(&mut self) -> String {
        let kind = self.pick(&['S', 'S', 'S', 'N', 'N', 'B', 'l', 'n', 'H', 'L', 'D', 'M', 'O']);
        let depth = self.between(1, 4);
        let expression = self.expression(kind, depth);
        let shown = self.show(&expression, kind);
        let shown = if self.one_in(3) { self.attempted(&shown) } else { shown };
        shown + "\n"
    }

    /// What prints a value of a kind.
    pub(crate) fn show(&mut self, expression: &str, kind: char) -> String {
        let wrapped = format!("({expression})");
        match kind {
            'B' => match self.below(4) {
                0 => self.interpolation(&format!("{wrapped}?c")),
                1 => self.interpolation(&format!("{wrapped}?string('yes', 'no')")),
                2 => {
                    self.tag("if", expression)
                        + "T"
                        + &self.tag("else", "")
                        + "F"
                        + &self.end_tag("if")
                }
                _ => self.interpolation(&format!("{wrapped}?then(1, 0)")),
            },
            'l' | 'n' if self.one_in(2) => self.interpolation(&format!("{wrapped}?join('|')")),
            'l' | 'n' | 'L' | 'm' | 'b' | 'g' => {
                let item = self.any_value("it");
                self.tag("list", &format!("{expression} as it"))
                    + &item
                    + &self.tag("sep", "")
                    + ";"
                    + &self.tag("else", "")
                    + "none"
                    + &self.end_tag("list")
            }
            'H' => {
                let item = self.any_value("v");
                let key = self.interpolation("k");
                self.tag("list", &format!("{expression} as k, v"))
                    + &key
                    + "="
                    + &item
                    + &self.tag("sep", "")
                    + ";"
                    + &self.end_tag("list")
            }
            'A' => {
                let assign = self.tag("assign", &format!("any = {expression}"));
                assign + &self.any_value("any")
            }
            'O' => self.interpolation(&format!("{wrapped}!'missing'")),
            'K' => {
                let call = self.pick(&[
                    "<@KK/>",
                    "<@KK 'p'/>",
                    "<@KK a='x' b='y'/>",
                    "<@KK 1 2 3/>",
                    "<@KK>body</@>",
                    "${FF('q')}",
                    "<@KK a=1; i>${i}</@>",
                    "${FF()}",
                    "${FF(1, 2)}",
                    "<@KK a='x' zz='y'; i, j>${i!}${j!}</@>",
                ]);
                let call = call
                    .replace("KK", &format!("({expression})"))
                    .replace("FF", &format!("({expression})"));
                if self.square_tags {
                    call.replace("<@", "[@")
                        .replace("</@", "[/@")
                        .replace("/>", "/]")
                        .replace("/@>", "/@]")
                } else {
                    call
                }
            }
            _ => self.interpolation(expression),
        }
    }

    /// Prints a variable of any type.
    fn any_value(&mut self, name: &str) -> String {
        let is = |this: &mut Self, what: &str| this.word(&format!("is_{what}"));
        let (sequence, hash, boolean) =
            (is(self, "sequence"), is(self, "hash_ex"), is(self, "boolean"));
        let value = self.interpolation(name);
        let parts = [
            self.tag("if", &format!("!{name}??")),
            "-".to_owned(),
            self.tag("elseif", &format!("{name}?{sequence}")),
            self.interpolation(&format!("{name}?size")),
            self.tag("elseif", &format!("{name}?{boolean}")),
            self.interpolation(&format!("{name}?c")),
            self.tag("elseif", &format!("{name}?{hash}")),
            self.interpolation(&format!("{name}?keys?join('.')")),
            self.tag("else", ""),
            value,
            self.end_tag("if"),
        ];
        parts.concat()
    }

    /// The same, in an `<#attempt>`.
    pub(crate) fn attempted(&mut self, inner: &str) -> String {
        self.tag("attempt", "") + inner + &self.tag("recover", "") + "!E" + &self.end_tag("attempt")
    }

    /// `<#list …>` with what `body` makes.
    pub(crate) fn list_with(&mut self, body: impl FnOnce(&mut Self) -> String) -> String {
        let name = self.pick(&["x", "i", "item"]);
        let kind = self.pick(&['l', 'n', 'L', 'n', 'b']);
        let list = self.expression(kind, 1);
        self.loops.push(name.to_owned());
        self.locals.push((
            name.to_owned(),
            match kind {
                'l' => 'S',
                'n' => 'N',
                _ => 'A',
            },
        ));
        let inside = body(self);
        let nested = if self.one_in(4) && self.budget > 0 {
            self.budget -= 1;
            self.node(1)
        } else {
            String::new()
        };
        self.locals.pop();
        self.loops.pop();
        let blank = self.pick(&["", " ", "\n"]);
        match self.below(6) {
            0 => {
                let before = self.tag("list", &list)
                    + "["
                    + &self.tag("items", &format!("as {name}"))
                    + &inside
                    + &nested;
                before
                    + &self.tag("sep", "")
                    + ","
                    + &self.end_tag("sep")
                    + &self.end_tag("items")
                    + "]"
                    + &self.tag("else", "")
                    + "empty"
                    + &self.end_tag("list")
            }
            1 => {
                self.tag("foreach", &format!("{name} in {list}"))
                    + &inside
                    + &self.end_tag("foreach")
            }
            _ => {
                self.tag("list", &format!("{list} as {name}"))
                    + &inside
                    + &nested
                    + blank
                    + &self.end_tag("list")
            }
        }
    }

    fn blank(&mut self) -> &'static str {
        self.pick(&["", "", "\n", " ", "\n  ", "\t", " \n"])
    }

    fn inside(&mut self, depth: usize) -> String {
        let mut out = self.blank().to_owned();
        for _ in 0..self.between(0, 2) {
            out.push_str(&self.node(depth.saturating_sub(1)));
            out.push_str(self.blank());
        }
        out
    }

    /// A piece of a template.
    pub(crate) fn node(&mut self, depth: usize) -> String {
        if depth == 0 || self.budget == 0 {
            return if self.one_in(2) {
                self.pick(words::TEXT_PIECES).to_owned()
            } else {
                self.shown()
            };
        }
        self.budget -= 1;
        match self.below(34) {
            0..=2 => self.pick(words::TEXT_PIECES).to_owned() + self.pick(words::TEXT_PIECES),
            3..=6 => self.shown(),
            7 | 8 => {
                let condition = self.expression('B', 2);
                let mut out = self.tag("if", &condition) + &self.inside(depth);
                if self.one_in(3) {
                    let other = self.expression('B', 2);
                    out.push_str(&self.tag("elseif", &other));
                    out.push_str(&self.inside(depth));
                }
                if self.one_in(2) {
                    out.push_str(&self.tag("else", ""));
                    out.push_str(&self.inside(depth));
                }
                out + &self.end_tag("if")
            }
            9..=11 => self.list_with(|this| {
                let variable = this.loop_variable();
                let mut out = this.any_value(&variable) + &this.inside(depth);
                if this.one_in(4) {
                    let condition = this.expression('B', 1);
                    let leave = this.pick(&["break", "continue"]);
                    out.push_str(
                        &(this.tag("if", &condition) + &this.tag(leave, "") + &this.end_tag("if")),
                    );
                }
                if this.one_in(4) {
                    out.push_str(&(this.tag("sep", "") + ", "));
                }
                out
            }),
            12 | 13 => self.assignment(depth),
            14 => {
                let value = self.expression('S', 1);
                let kind = if self.one_in(2) { 'S' } else { 'N' };
                let value = if kind == 'N' { self.expression('N', 1) } else { value };
                let mut out = self.tag("switch", &value);
                out.push_str(self.pick(&["", "\n", " "]));
                let word = if self.one_in(3) { "on" } else { "case" };
                for _ in 0..self.between(0, 3) {
                    let mut other = self.leaf(kind);
                    if word == "on" && self.one_in(3) {
                        other.push_str(", ");
                        other.push_str(&self.leaf(kind));
                    }
                    out.push_str(&self.tag(word, &other));
                    out.push_str(&self.inside(depth));
                    if word == "case" && self.one_in(2) {
                        out.push_str(&self.tag("break", ""));
                    }
                }
                if self.one_in(2) {
                    out.push_str(&self.tag("default", ""));
                    out.push_str(&self.inside(depth));
                }
                out + &self.end_tag("switch")
            }
            15 | 16 => self.user_call(depth),
            17 => {
                let inner = self.inside(depth);
                let recover = self.inside(depth);
                self.tag("attempt", "")
                    + &inner
                    + &self.tag("recover", "")
                    + "R"
                    + &recover
                    + &self.end_tag("attempt")
            }
            18 => {
                let (name, value) = self.format_setting();
                let value = self.literal(&value);
                let name = self.word(name);
                self.tag("setting", &format!("{name}={value}"))
            }
            19 => {
                let format = self.pick(&words::OUTPUT_FORMATS[..11]);
                let inner = self.inside(depth);
                let format = if self.one_in(10) && self.mistakes { "{HTML}" } else { format };
                self.tag("outputformat", &format!("'{format}'"))
                    + &inner
                    + &self.end_tag("outputformat")
            }
            20 => {
                let name = self.pick(&["noautoesc", "noautoesc", "autoesc"]);
                let inner = self.inside(depth);
                if name == "autoesc" && !(self.mistakes && self.one_in(4)) {
                    return self.tag("outputformat", "'HTML'")
                        + &self.tag("noautoesc", "")
                        + &self.tag(name, "")
                        + &inner
                        + &self.end_tag(name)
                        + &self.end_tag("noautoesc")
                        + &self.end_tag("outputformat");
                }
                self.tag(name, "") + &inner + &self.end_tag(name)
            }
            21 => {
                let option = self.pick(&["", "", " single_line=true"]);
                let inner = self.inside(depth) + "  a  \n\n  b " + &self.inside(depth);
                if option.is_empty() || self.square_tags {
                    self.tag("compress", "") + &inner + &self.end_tag("compress")
                } else {
                    format!("<@compress{option}>{inner}</@compress>")
                }
            }
            22 => {
                let (escape, inner) = (
                    self.pick(&[
                        "x as x?html",
                        "y as y?upper_case",
                        "x as '[' + x + ']'",
                        "x as x!'none'",
                    ]),
                    self.inside(depth),
                );
                let escape = escape.replace("upper_case", &self.word("upper_case"));
                let not = if self.one_in(2) {
                    self.tag("noescape", "") + &self.inside(depth) + &self.end_tag("noescape")
                } else {
                    String::new()
                };
                self.tag("escape", &escape) + &inner + &not + &self.end_tag("escape")
            }
            23 => self.tag("noparse", "") + "${x} <#if>" + self.blank() + &self.end_tag("noparse"),
            24..=26 if self.in_macro && !self.mistakes => self.shown(),
            24 if self.one_in(2) => self.macros(depth),
            24 | 25 => self.macro_(depth),
            26 => self.function(depth),
            27 => {
                let name = self.pick(&["t", "lt", "rt", "nt", "flush"]);
                self.blank().to_owned() + &self.tag(name, "") + self.blank()
            }
            28 => {
                let comment = self.pick(&["<#-- c -->", "<#--c\nd-->", "<#comment>x</#comment>"]);
                if self.square_tags {
                    comment
                        .replace("<#comment>", "[#comment]")
                        .replace("</#comment>", "[/#comment]")
                        .replace("<#--", "[#--")
                        .replace("-->", "--]")
                } else {
                    comment.to_owned()
                }
            }
            29 => {
                let source = self.pick(words::INNER_TEMPLATES);
                let source = self.raw(source);
                let open = if self.square_tags { ("[@", "/]") } else { ("<@", "/>") };
                let text = format!("{}{source}?interpret {}", open.0, open.1);
                if self.one_in(2) { self.attempted(&text) } else { text }
            }
            30 => {
                let global = self.expression('S', 2);
                self.tag("global", &format!("gg = {global}"))
                    + &self.interpolation("gg")
                    + &self.interpolation(".globals.gg!'-'")
            }
            31 if self.mistakes && self.one_in(3) => {
                let what = self.pick(&["'stopped'", "", "s"]);
                self.tag("stop", what)
            }
            31 if self.in_macro => {
                let value = self.expression('S', 1);
                self.tag("local", &format!("loc = {value}")) + &self.interpolation("loc")
            }
            32 if !self.square_tags => {
                let inner = self.inside(depth);
                let name = self.pick(&[
                    "html_escape",
                    "xml_escape",
                    "compress",
                    "normalize_newlines",
                    "capture_output var='cap'",
                ]);
                let bare = name.split(' ').next().unwrap_or(name);
                match self.below(3) {
                    0 => format!("<#transform {bare}>{inner}</#transform>"),
                    1 => format!("<@{name}>{inner}</@>${{cap!}}"),
                    _ => format!("<@{name}>{inner}</@{bare}>"),
                }
            }
            _ => {
                let what = self.special_shown();
                self.interpolation(&what)
            }
        }
    }

    fn special_shown(&mut self) -> String {
        let name = self.pick(&[
            "output_format",
            "auto_esc",
            "locale",
            "template_name",
            "lang",
            "time_zone",
        ]);
        let spelled = self.word(name);
        if name == "auto_esc" { format!(".{spelled}?c") } else { format!(".{spelled}") }
    }

    fn assignment(&mut self, depth: usize) -> String {
        let name = self.pick(&["va", "vb", "s", "n", "\"v c\"", "va", "vb"]);
        let word = if self.in_macro && self.one_in(2) {
            "local"
        } else {
            self.pick(&["assign", "assign", "global"])
        };
        match self.below(7) {
            0 => {
                let inner = self.inside(depth);
                let shown =
                    self.interpolation(name.trim_matches('"').split(' ').next().unwrap_or(name));
                self.tag(word, name) + &inner + &self.end_tag(word) + &shown
            }
            1 => {
                let number = self.expression('N', 1);
                let operator = self.pick(&["+=", "-=", "*=", "/=", "%="]);
                self.tag("assign", &format!("acc = 5 acc {operator} {number}"))
                    + &self.interpolation("acc")
            }
            2 => {
                let step = self.pick(&["++", "--"]);
                self.tag("assign", &format!("cnt = n cnt{step}")) + &self.interpolation("cnt")
            }
            3 => {
                let (one, two) = (self.expression('S', 1), self.expression('N', 1));
                self.tag(word, &format!("va = {one} vb={two}"))
                    + &self.interpolation("va")
                    + &self.interpolation("vb")
            }
            4 => {
                let text = self.expression('S', 1);
                self.tag("assign", &format!("acc = 'x' acc += {text}")) + &self.interpolation("acc")
            }
            _ => {
                let kind = self.pick(&['S', 'N', 'B', 'l', 'H', 'D']);
                let value = self.expression(kind, 2);
                let shown = self.show("va", kind);
                self.tag(word, &format!("va = {value}")) + &shown
            }
        }
    }

    fn user_call(&mut self, depth: usize) -> String {
        if self.square_tags {
            return self.pick(&["[@ma a='x'/]", "[@mc]in[/@mc]", "[@mb; x, y]in[/@]"]).to_owned();
        }
        let (one, two) = (self.expression('S', 1), self.expression('A', 1));
        let inner = self.inside(depth);
        match self.below(9) {
            0 => format!("<@ma a={one}/>"),
            1 => format!("<@ma a={one} b=2>{inner}</@ma>"),
            2 => format!("<@ma {one}, 'y' />"),
            3 => format!("<@mb a={one} zz={two} yy=1; p, q>{inner}</@mb>"),
            4 => format!("<@mb {one}, 'b', 3, {two}></@>"),
            5 => format!("<@mc>{inner}</@>"),
            6 => format!("<#call ma({one}, 'q')>"),
            7 => format!("<@.pass{}/>", if self.one_in(4) { " x=1" } else { "" }),
            _ => format!("<@mb b={one}; p, q, r>{inner}</@>"),
        }
    }

    fn macro_(&mut self, depth: usize) -> String {
        let parameters = self.pick(&[
            "",
            "p",
            "p='d'",
            "p q=p",
            "p q...",
            "rest...",
            "p='x', q=1",
            "p q=p + 'z' r...",
            "(p)",
            "p=nope!'n'",
        ]);
        let outside = std::mem::replace(&mut self.in_macro, true);
        let inner = self.inside(depth);
        self.in_macro = outside;
        let nested = self.pick(&["", "nested", "nested 1", "nested 's', 2", "nested p!"]);
        let nested = match nested.split_once(' ') {
            _ if nested.is_empty() => String::new(),
            Some((name, rest)) => self.tag(name, rest),
            None => self.tag(nested, ""),
        };
        let shown = if parameters.starts_with(['p', '(']) {
            self.interpolation("p!'none'")
        } else {
            String::new()
        };
        let back = if self.one_in(6) { self.tag("return", "") } else { String::new() };
        let definition = self.tag("macro", &format!("mm {parameters}"))
            + &inner
            + &shown
            + &back
            + &nested
            + &self.end_tag("macro");
        let uses = self.pick(&[
            "<@mm/>",
            "<@mm 'a'/>",
            "<@mm p='a'>body</@mm>",
            "<@mm 'a', 'b'; i>${i!}</@>",
            "<@mm p='a' q='b' r='c'/>",
            "<@mm 'a' 'b' 'c' />",
            "<@mm zz=1/>",
            "<@mm></@mm>",
        ]);
        let uses = match parameters {
            _ if self.mistakes || self.one_in(6) => uses,
            "" | "rest..." | "p='d'" => "<@mm/>",
            "p='x', q=1" => "<@mm p='a'>body</@mm>",
            "p q=p" | "p q=p + 'z' r..." => "<@mm p='a' q='b'/>",
            "p q..." => "<@mm 'a', 'b'; i>${i!}</@>",
            _ => "<@mm 'a'/>",
        };
        let uses = if self.square_tags { "[@mm p='a'/]" } else { uses };
        let uses = if self.square_interpolations {
            uses.replace("${i!}", "[=i!]")
        } else {
            uses.to_owned()
        };
        if self.one_in(4) { uses + &definition } else { definition + &uses }
    }

    fn function(&mut self, depth: usize) -> String {
        let parameters = self.pick(&["", "p", "p='d'", "(p, q=1)", "p q...", "rest..."]);
        let outside = std::mem::replace(&mut self.in_macro, true);
        let inner = if self.one_in(2) { self.inside(depth) } else { String::new() };
        let result = self.expression('S', 1);
        self.in_macro = outside;
        let back = if self.one_in(12) { String::new() } else { self.tag("return", &result) };
        let uses = match parameters {
            _ if self.mistakes || self.one_in(6) => "",
            "" => "ff()!'none'",
            "(p, q=1)" | "p q..." | "p='d'" => "ff('a')!'none'",
            "p" => "ff(1)!'none'",
            _ => "ff()!'none'",
        };
        let other = self.pick(&[
            "ff()",
            "ff('a')",
            "ff('a', 'b')",
            "ff(1)!'none'",
            "ff(nul)",
            "['x']?map(ff)?join(',')",
        ]);
        let uses = if uses.is_empty() { other } else { uses };
        self.tag("function", &format!("ff {parameters}"))
            + &inner
            + &back
            + &self.end_tag("function")
            + &self.interpolation(uses)
    }
}
