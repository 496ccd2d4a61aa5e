//! Templates with letters and tags changed, which tests what is refused and how.

use crate::generate::Generator;

const SNIPPETS: &[&str] = &[
    "<",
    ">",
    "#",
    "/",
    "<#",
    "</#",
    "${",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "?",
    "!",
    "??",
    ".",
    "..",
    ",",
    "=",
    "==",
    "+",
    "-",
    "*",
    "%",
    "&",
    "|",
    "<#if true>",
    "</#if>",
    "<#else>",
    "<#list 1..2 as x>",
    "</#list>",
    "<#sep>",
    "<#break>",
    "<#--",
    "-->",
    "\\",
    " ",
    "\n",
    "x",
    "1",
    "as",
    "in",
    "->",
    ";",
    "@",
    "<@",
    "</@>",
    "/>",
    "<#assign x=1>",
    "<#macro z>",
    "</#macro>",
    "<#nested>",
    "<#return>",
    "<#t>",
    "true",
    "gt",
    "using",
    "[#",
    "[=",
    "#{",
    "$",
    "é",
    "\t",
    "<#continue>",
    "<#items as y>",
    "</#items>",
    "<#recover>",
    "</#attempt>",
    "<#case 1>",
    "<#default>",
    "<#elseif b>",
    "<#on 1>",
];

impl Generator {
    /// The text with a few changes.
    pub(crate) fn mutated(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..self.between(1, 3) {
            let at = self.below(letters.len() + 1);
            match self.below(4) {
                0 => {
                    let end = (at + self.between(1, 3)).min(letters.len());
                    letters.drain(at.min(end)..end);
                }
                1 | 2 => {
                    let snippet = self.pick(SNIPPETS);
                    letters.splice(at..at, snippet.chars());
                }
                _ => {
                    let end = (at + self.between(1, 12)).min(letters.len());
                    let copy: Vec<char> = letters[at.min(end)..end].to_vec();
                    let to = self.below(letters.len() + 1);
                    letters.splice(to..to, copy);
                }
            }
        }
        letters.into_iter().collect()
    }
}
