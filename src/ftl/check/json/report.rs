//! The template's own text, read as JSON, and what is said about it.

use crate::ftl::check::finding::Finding;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::json::Walker;
use crate::ftl::check::json::machine::Problem;
use crate::ftl::check::json::state::Assumption;
use crate::ftl::check::json::state::Question;
use crate::ftl::check::json::state::State;
use crate::text::Source;
use crate::text::Span;

/// Where a text stands in its template.
enum Place {
    /// From this byte on, character by character.
    From(usize),
    /// Somewhere in it: what is written is not what stands there.
    Whole(Span),
}

impl Walker<'_> {
    /// Text of the template.
    pub(in crate::ftl::check::json) fn text(
        &mut self,
        text: &str,
        span: Span,
        states: Vec<State>,
    ) -> Vec<State> {
        // White space may have been stripped from its ends.
        let found = self.program.source.slice(span).find(text);
        let place = match found {
            Some(offset) => Place::From(span.start as usize + offset),
            None => Place::Whole(span),
        };
        self.feed(text, &place, states)
    }

    /// Text that an expression gives.
    pub(in crate::ftl::check::json) fn text_of(
        &mut self,
        text: &str,
        span: Span,
        states: Vec<State>,
    ) -> Vec<State> {
        self.feed(text, &Place::Whole(span), states)
    }

    fn feed(&mut self, text: &str, place: &Place, states: Vec<State>) -> Vec<State> {
        let mut ended = Vec::new();
        'states: for mut state in states {
            for (offset, c) in text.char_indices() {
                let span = match place {
                    Place::From(start) => Span::new(start + offset, start + offset + c.len_utf8()),
                    Place::Whole(span) => *span,
                };
                let read = state.json.read(c);
                if c == ',' && read.is_ok() && state.json.is_behind_comma() {
                    state.comma = Some((self.program.source.clone(), span));
                }
                // Whoever writes `{'` means JSON too.
                self.is_json |= read == Err(Problem::SingleQuote)
                    || !state.is_doubtful && state.json.is_surely_json();
                let Err(problem) = read else {
                    if !c.is_whitespace() {
                        state.called = None;
                    }
                    continue;
                };
                if problem == Problem::Plain || state.is_doubtful {
                    continue 'states;
                }
                let goes_on = self.problem(problem, c, span, &state);
                if !goes_on {
                    continue 'states;
                }
            }
            ended.push(state);
        }
        ended
    }

    /// What is missing at the end of the template.
    pub(in crate::ftl::check::json) fn finish(&mut self, states: Vec<State>) {
        let text = self.program.source.text();
        let end = text.trim_end().len();
        // Behind the end of the text is a place, too.
        let width = text[end..].chars().next().map_or(1, char::len_utf8);
        for mut state in states {
            if let Err(problem) = state.json.finish()
                && !state.is_doubtful
            {
                self.problem(problem, ' ', Span::new(end, end + width), &state);
            }
        }
    }

    /// Reports a problem. Says whether the JSON can be followed on from there.
    fn problem(&mut self, problem: Problem, c: char, span: Span, state: &State) -> bool {
        let source = self.program.source.clone();
        let when = when(&state.assumed);
        let (rule, message, hint, goes_on) = match problem {
            Problem::Plain => return false,
            Problem::EmptyValue => (
                Rule::EmptyValue,
                format!("a value is missing before this `{c}`{when}"),
                "write `null` for what is missing, or the key only together with its value",
                true,
            ),
            Problem::MissingComma => {
                self.missing_comma(span, state);
                return true;
            }
            Problem::TrailingComma => {
                let (source, span) = state.comma.clone().unwrap_or((source, span));
                let message = format!("nothing comes behind this comma before `{c}`{when}");
                let hint = "write it with `<#sep>,</#sep>`, or together with what follows it";
                self.place_problem(Rule::TrailingComma, message, hint, &source, span);
                return true;
            }
            Problem::LeadingComma => (
                Rule::TrailingComma,
                format!("nothing comes before this comma{when}"),
                "write it with `<#sep>,</#sep>`, or together with what stands before it",
                true,
            ),
            Problem::LineBreak => (
                Rule::LineBreak,
                "a JSON string can't hold a line break or a tab as it is".to_owned(),
                "close the string before the end of the line, or write `\\n`",
                true,
            ),
            Problem::SingleQuote => (
                Rule::NotJson,
                "JSON has no strings in single quotes".to_owned(),
                "write double quotes",
                false,
            ),
            Problem::Escape => (
                Rule::NotJson,
                format!("JSON has no escape `\\{c}`"),
                "write `\\\\` for a backslash",
                true,
            ),
            Problem::Word => (
                Rule::NotJson,
                format!(
                    "expected a number, `true`, `false` or `null` before this, found another word{when}"
                ),
                "text stands in double quotes",
                true,
            ),
            Problem::Expected(what) => {
                let found = if c == ' ' { "the end".to_owned() } else { format!("`{c}`") };
                (
                    Rule::NotJson,
                    format!("the output is not JSON: expected {what}, found {found}{when}"),
                    "every way through the template must open and close the same brackets",
                    false,
                )
            }
        };
        self.place_problem(rule, message, hint, &source, span);
        goes_on
    }

    pub(in crate::ftl::check::json) fn missing_comma(&mut self, span: Span, state: &State) {
        let here = || (self.program.source.clone(), span);
        let (source, span) = state.called.clone().unwrap_or_else(here);
        let message = format!("a comma is missing before this value{}", when(&state.assumed));
        let hint = "between items write `<#sep>,</#sep>`, between two lists a comma only where both \
                    have items: `<#if a?has_content && b?has_content>,</#if>`";
        self.place_problem(Rule::MissingComma, message, hint, &source, span);
    }

    fn place_problem(
        &mut self,
        rule: Rule,
        message: String,
        hint: &str,
        source: &Source,
        span: Span,
    ) {
        self.finding(Finding::new(rule, message, source, span).with_hint(hint));
    }
}

/// What the data is like on the way to a problem, in words.
fn when(assumed: &[Assumption]) -> String {
    const MOST: usize = 3;
    let known = assumed.iter().filter(|own| !matches!(own.question, Question::Other(_)));
    let parts: Vec<String> = known
        .take(MOST)
        .map(|Assumption { subject, question, holds }| match (question, holds) {
            (Question::Exists, true) => format!("`{subject}` is there"),
            (Question::Exists, false) => format!("`{subject}` is missing"),
            (Question::HasContent, true) => format!("`{subject}` has content"),
            (Question::HasContent, false) => format!("`{subject}` is empty"),
            (Question::Is(word), true) => format!("`{subject}` is {word:?}"),
            (Question::Is(word), false) => format!("`{subject}` is not {word:?}"),
            (Question::Other(_), _) => String::new(),
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!(", when {}", parts.join(" and ")) }
}
