//! Macros and functions of many parameters, called in many ways: with defaults, with what they take under
//! any name, with arguments bound before, from each other, in loops and with nested content.

use std::fmt::Write as _;

use crate::generate::Generator;

const NAMES: &[&str] =
    &["a", "b", "c", "n", "zeta", "alpha", "x1", "id", "name", "q", "Z", "data\\-x"];

impl Generator {
    /// A few macros and functions with their uses.
    pub(crate) fn macros(&mut self, depth: usize) -> String {
        if self.square_tags || self.square_interpolations {
            return self.shown();
        }
        let mut out = String::new();
        let mut parameters: Vec<&str> = Vec::new();
        for _ in 0..self.between(0, 3) {
            let name = self.pick(NAMES);
            if !parameters.contains(&name) {
                parameters.push(name);
            }
        }
        let with_defaults = self.one_in(2);
        let mut list = String::new();
        for (index, name) in parameters.iter().enumerate() {
            let _ = write!(list, " {name}");
            if with_defaults && (index > 0 || self.one_in(2)) {
                let other = if self.one_in(3) {
                    parameters[self.below(parameters.len())].to_owned()
                } else {
                    self.leaf('S')
                };
                let _ = write!(list, "={other}");
            }
        }
        let catches = self.one_in(2);
        if catches {
            list.push_str(" rest...");
        }
        let shown: String =
            parameters.iter().map(|name| format!("{name}=${{{name}!'-'}},")).collect();
        let rest = "<#if rest?is_sequence>[<#list rest as r>${r!'-'};</#list>]<#else>{<#list rest as k, r>${k}=${r!'-'};</#list>}</#if>";
        let rest = if self.camel_case {
            rest.replace("is_sequence", "isSequence")
        } else {
            rest.to_owned()
        };
        let args = if self.one_in(4) { "(${.args?size})" } else { "" };
        let rest = if catches { rest } else { String::new() };
        if self.one_in(3) {
            let value = if parameters.is_empty() {
                "'r'".to_owned()
            } else {
                format!("({})!'none'", parameters.join(" + '|' + "))
            };
            let more = if catches { " + rest?join('/', '-')" } else { "" };
            let loops = self.pick(&[
                "",
                "<#list 1..3 as i><#if i == 2><#return 'early' + i></#if></#list>",
                "printed",
                "<#local w = 1>",
            ]);
            let loops = if self.one_in(3) { loops } else { "" };
            let _ = write!(out, "<#function g1{list}>{loops}<#return ({value}){more}></#function>");
            for _ in 0..self.between(1, 3) {
                let bound = self.bound("g1");
                let arguments = self.positional();
                out.push_str(&self.attempted(&format!("${{{bound}({arguments})}}")));
            }
            return out;
        }
        let nested = self.pick(&[
            "",
            "<#nested>",
            "<#nested 1, 'two'>",
            "<#list 1..2 as i><#nested i></#list>",
            "<#local inner><#nested></#local>[${inner}]",
            "<#list ['p', 'q']><#items as i><#nested i, i?index></#items></#list>",
        ]);
        let _ = write!(out, "<#macro m1{list}>{shown}{rest}{args}{nested}</#macro>");
        for _ in 0..self.between(1, 3) {
            let bound = self.bound("m1");
            let mut arguments = String::new();
            if self.one_in(3) {
                arguments = format!(" {}", self.positional());
            } else {
                let mut used: Vec<&str> = Vec::new();
                for _ in 0..self.between(0, 5) {
                    let name = if self.one_in(2) && !parameters.is_empty() {
                        self.pick(&parameters)
                    } else {
                        self.pick(NAMES)
                    };
                    let known = parameters.contains(&name) || catches || self.one_in(12);
                    if known && !used.contains(&name) {
                        used.push(name);
                        let _ = write!(arguments, " {name}={}", self.leaf('S'));
                    }
                }
            }
            let content = match self.below(5) {
                0 => "/>".to_owned(),
                1 => "></@>".to_owned(),
                2 => {
                    format!("; v, w>${{v!'-'}}${{w!'-'}}{}</@>", self.node(depth.saturating_sub(1)))
                }
                3 => "; v>${v!'-'}<#if v?? && v?string == '1'><#return></#if>!</@>".to_owned(),
                _ => format!(">{}</@>", self.node(depth.saturating_sub(1))),
            };
            let content = if content.contains("#return") && !self.in_macro {
                content.replace("<#return>", "r")
            } else {
                content
            };
            let call = format!("<@{bound}{arguments}{content}");
            let call = match self.below(6) {
                0 => format!("<#list 1..2 as o>${{o}}{call}<#sep>,</#list>"),
                1 => format!(
                    "<#list 1..3 as o>${{o}}<@m1{arguments}>in<#if o == 2><#break></#if></@></#list>"
                ),
                2 if !self.in_macro => {
                    format!("<#macro m2><#nested 7></#macro><@m2; o>{call}</@m2>")
                }
                _ => call,
            };
            out.push_str(&self.attempted(&call));
        }
        out
    }

    fn bound(&mut self, name: &str) -> String {
        let bind = self.word("with_args");
        let last = self.word("with_args_last");
        match self.below(7) {
            0 => {
                let given = self.pick(&[
                    "{}",
                    "{'a': 'A'}",
                    "{'n': 1, 'zz': 2, 'b': 3}",
                    "{'zeta': 'Z', 'alpha': 'L'}",
                    "h",
                ]);
                format!("{name}?{bind}({given})")
            }
            1 => {
                let given = self.pick(&["[]", "['A']", "[1, 2]", "['x', 'y', 'z', 'w']", "l"]);
                format!("{name}?{bind}({given})")
            }
            2 => {
                let given = self.pick(&["{}", "['L']", "{'q': 'last', 'id': 0}", "[1, 2]"]);
                format!("{name}?{last}({given})")
            }
            3 if self.one_in(2) => {
                format!("{name}?{bind}({{'a': 1, 'e1': 2}})?{last}({{'b': 2, 'e2': 3}})")
            }
            _ => name.to_owned(),
        }
    }

    fn positional(&mut self) -> String {
        let count = self.between(0, 4);
        let list: Vec<String> = (0..count)
            .map(|_| if self.one_in(12) { "nul".to_owned() } else { self.leaf('S') })
            .collect();
        list.join(", ")
    }
}
