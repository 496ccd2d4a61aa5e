//! Why a filter lets an event pass, or why not: every clause with the values it saw.

use std::fmt;
use std::fmt::Write as _;

use crate::value::write_json_text;

/// How much of a value is shown to people; programs get all of it.
const SHOWN_CHARACTERS: usize = 120;

/// What a filter says about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the event matches. A filter that failed matches nothing.
    pub matched: bool,
    /// The whole filter.
    pub root: Clause,
}

/// A part of a filter, and what it says about the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The clause in words, or as it is written in an expression.
    pub text: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The values it looked at.
    pub saw: Vec<Saw>,
    /// The clauses it is made of.
    pub operands: Vec<Clause>,
}

/// What a clause came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event fulfils it.
    True,
    /// The event does not fulfil it.
    False,
    /// It can't be told, and why.
    Failed(String),
}

/// A value that a clause looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saw {
    /// Where it stands in the event: `user_properties.plan`.
    pub path: String,
    /// The value as JSON; `None` when there is none.
    pub value: Option<String>,
}

impl From<bool> for Verdict {
    fn from(fulfilled: bool) -> Self {
        if fulfilled { Self::True } else { Self::False }
    }
}

impl Explanation {
    /// The clauses that decided: without them the filter would have said something else, or might
    /// have. In the order of the filter.
    pub fn deciding(&self) -> Vec<&Clause> {
        let mut deciding = Vec::new();
        self.root.find_deciding(&mut deciding);
        deciding
    }

    /// The explanation as JSON: `matched`, `decided_by` (the clauses of
    /// [`deciding`](Self::deciding), each with `clause`, `value` and `saw`), and `clauses`, the
    /// whole tree.
    pub fn to_json(&self) -> String {
        let mut json = format!("{{\"matched\":{},\"decided_by\":", self.matched);
        write_list(&self.deciding(), &mut json, |clause, json| {
            json.push('{');
            clause.write_json_fields(json);
            json.push('}');
        });
        json.push_str(",\"clauses\":");
        self.root.write_json(&mut json);
        json.push('}');
        json
    }
}

impl Clause {
    fn find_deciding<'c>(&'c self, deciding: &mut Vec<&'c Self>) {
        let alike = |operand: &&Self| {
            std::mem::discriminant(&operand.verdict) == std::mem::discriminant(&self.verdict)
        };
        let mut found = self.operands.iter().filter(alike).peekable();
        if self.operands.is_empty() {
            deciding.push(self);
        } else if found.peek().is_none() {
            // A negation: what it negates decided.
            self.operands.iter().for_each(|operand| operand.find_deciding(deciding));
        } else {
            found.for_each(|operand| operand.find_deciding(deciding));
        }
    }

    fn write_json(&self, json: &mut String) {
        json.push('{');
        self.write_json_fields(json);
        if !self.operands.is_empty() {
            json.push_str(",\"operands\":");
            write_list(&self.operands, json, Self::write_json);
        }
        json.push('}');
    }

    fn write_json_fields(&self, json: &mut String) {
        json.push_str("\"clause\":");
        write_json_text(&self.text, json);
        match &self.verdict {
            Verdict::True => json.push_str(",\"value\":true"),
            Verdict::False => json.push_str(",\"value\":false"),
            Verdict::Failed(message) => {
                json.push_str(",\"value\":null,\"error\":");
                write_json_text(message, json);
            }
        }
        json.push_str(",\"saw\":");
        write_list(&self.saw, json, |saw, json| {
            json.push_str("{\"path\":");
            write_json_text(&saw.path, json);
            json.push_str(",\"value\":");
            json.push_str(saw.value.as_deref().unwrap_or("null"));
            let _ = write!(json, ",\"missing\":{}}}", saw.value.is_none());
        });
    }

    /// The clause with what it saw, on one line.
    fn line(&self) -> String {
        let mut line = self.text.clone();
        for (index, saw) in self.saw.iter().enumerate() {
            line.push_str(if index == 0 { " (saw " } else { ", " });
            if self.saw.len() > 1 {
                let _ = write!(line, "{} = ", saw.path);
            }
            line.push_str(&shown(saw.value.as_deref().unwrap_or("nothing")));
        }
        line.push_str(if self.saw.is_empty() { "" } else { ")" });
        if let Verdict::Failed(message) = &self.verdict {
            let _ = write!(line, ": {message}");
        }
        line
    }

    fn write_tree(&self, indent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::True => "yes  ",
            Verdict::False => "no   ",
            Verdict::Failed(_) => "error",
        };
        write!(f, "\n  {mark} {}{}", "  ".repeat(indent), self.line())?;
        self.operands.iter().try_for_each(|operand| operand.write_tree(indent + 1, f))
    }
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn write_list<T>(items: &[T], json: &mut String, write: impl Fn(&T, &mut String)) {
    json.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(item, json);
    }
    json.push(']');
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (&self.root.verdict, self.matched) {
            (Verdict::Failed(_), _) => "can't be told",
            (_, true) => "matches",
            (_, false) => "does not match",
        })?;
        let deciding = self.deciding();
        for (index, clause) in deciding.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            f.write_str(&clause.line())?;
        }
        // A filter of one clause has nothing more to show.
        if self.root.operands.is_empty() { Ok(()) } else { self.root.write_tree(0, f) }
    }
}
