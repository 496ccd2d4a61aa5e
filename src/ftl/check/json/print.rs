//! What a printed value does at its place in the JSON.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::json::Walker;
use crate::ftl::check::json::machine::At;
use crate::ftl::check::json::state::Known;
use crate::ftl::check::json::state::Question;
use crate::ftl::check::json::state::State;
use crate::ftl::check::json::state::joined;
use crate::ftl::check::printed::Care;
use crate::ftl::check::printed::Digits;
use crate::ftl::check::printed::Kind;
use crate::ftl::check::printed::Printed;
use crate::ftl::check::printed::printed;
use crate::ftl::check::visit;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::TextPart;

impl<'p> Walker<'p> {
    /// `${value}`: what is known of it is read like the template's own text.
    pub(in crate::ftl::check::json) fn print(
        &mut self,
        value: &'p Expr,
        states: Vec<State>,
    ) -> Vec<State> {
        if self.is_used_up() {
            return Vec::new();
        }
        match &value.kind {
            ExprKind::Parenthesis(inner) => self.print(inner, states),
            ExprKind::Text(text) => self.constant(text, value, states),
            ExprKind::Number(number) => self.constant(&number.to_string(), value, states),
            ExprKind::Boolean(truth) => self.constant(word(*truth), value, states),
            ExprKind::TextTemplate(parts) => parts.iter().fold(states, |states, part| match part {
                TextPart::Text(text) => self.constant(text, value, states),
                TextPart::Interpolation(part) => self.print(part, states),
                TextPart::Numeric { value, .. } => self.print_number(value, states),
            }),
            ExprKind::Variable(name) => {
                let (known, unknown): (Vec<State>, Vec<State>) =
                    states.into_iter().partition(|state| state.known(name.text()).is_some());
                let mut ended = Vec::new();
                for state in known {
                    let text = match state.known(name.text()) {
                        Some(Known::Text(text)) => text.clone(),
                        Some(Known::Boolean(truth)) => word(*truth).to_owned(),
                        _ => "1".to_owned(),
                    };
                    ended.extend(self.constant(&text, value, vec![state]));
                }
                let unknown = match self.names.capture(name.text()) {
                    Some((program, body)) if !unknown.is_empty() => {
                        let outside = std::mem::replace(&mut self.program, program);
                        let states = self.body(body, unknown);
                        self.program = outside;
                        states
                    }
                    _ => self.value(value, unknown),
                };
                ended.extend(unknown);
                ended
            }
            ExprKind::Binary { operator: BinaryOperator::Add, left, right }
                if printed(value, self.names).kind == Kind::Text =>
            {
                let states = self.print(left, states);
                self.print(right, states)
            }
            ExprKind::Default { target, fallback } => {
                self.default(value, target, fallback.as_deref(), states)
            }
            ExprKind::BuiltIn(application) => self.built_in(application, value, states),
            _ => self.value(value, states),
        }
    }

    /// `#{value}`, which has no grouping.
    pub(in crate::ftl::check::json) fn print_number(
        &mut self,
        value: &'p Expr,
        states: Vec<State>,
    ) -> Vec<State> {
        let what = Printed { kind: Kind::Number, care: Care::Safe, digits: Digits::Plain };
        self.place(value, what, states)
    }

    /// `x!fallback`: the value where there is one, else the fallback.
    fn default(
        &mut self,
        value: &'p Expr,
        target: &'p Expr,
        fallback: Option<&'p Expr>,
        states: Vec<State>,
    ) -> Vec<State> {
        let Some(fallback) = fallback.filter(|own| visit::constant_text(own) != Some("")) else {
            return self.maybe_nothing(value, target, states);
        };
        let is_constant = matches!(
            fallback.bare().kind,
            ExprKind::Text(_)
                | ExprKind::Number(_)
                | ExprKind::Boolean(_)
                | ExprKind::Default { .. }
        );
        if !is_constant {
            return self.value(value, states);
        }
        let ways = |wanted: bool, walker: &Self| -> Vec<State> {
            let states = states.iter().cloned();
            let ways =
                states.flat_map(|state| walker.suppose(target, Question::Exists, wanted, state));
            joined(ways.collect())
        };
        let (there, missing) = (ways(true, self), ways(false, self));
        let outer = self.outer.replace(self.outer.unwrap_or(value));
        let mut ended = self.print(target, there);
        self.outer = outer;
        ended.extend(self.print(fallback, missing));
        ended
    }

    /// `x!` and `x!""`, which print nothing when `x` is missing.
    fn maybe_nothing(
        &mut self,
        value: &'p Expr,
        target: &'p Expr,
        states: Vec<State>,
    ) -> Vec<State> {
        let is_value = |state: &State| {
            matches!(state.json.at(), At::Value | At::Item | At::ItemOrEnd) && !state.is_doubtful
        };
        let can_miss = states.iter().any(|state| {
            is_value(state)
                && !self.suppose(target, Question::Exists, false, state.clone()).is_empty()
        });
        if can_miss {
            let shown = self.shown(value);
            self.report(
                Rule::EmptyValue,
                value,
                format!("`{shown}` writes nothing where JSON needs a value"),
                "write `null` for what is missing, as in `${x!\"null\"}`, or the quotes around it too",
            );
        }
        self.value(value, states)
    }

    fn built_in(
        &mut self,
        application: &'p Application,
        value: &'p Expr,
        states: Vec<State>,
    ) -> Vec<State> {
        let two = match application.built_in.name {
            "then" => visit::arguments::<2>(&application.form),
            // `x?string("yes", "no")` of a boolean.
            "string" => visit::arguments::<2>(&application.form),
            _ => None,
        };
        if let Some([yes, no]) = two {
            let taken = self.assuming(&application.target, true, &states);
            let left = self.assuming(&application.target, false, &states);
            let mut ended = self.print(yes, taken);
            ended.extend(self.print(no, left));
            return ended;
        }
        self.value(value, states)
    }

    fn value(&mut self, value: &'p Expr, states: Vec<State>) -> Vec<State> {
        let what = printed(value, self.names);
        self.place(value, what, states)
    }

    fn constant(&mut self, text: &str, value: &'p Expr, states: Vec<State>) -> Vec<State> {
        self.text_of(text, value.span, states)
    }

    /// A value that only the event knows, at its places.
    fn place(&mut self, value: &'p Expr, what: Printed, states: Vec<State>) -> Vec<State> {
        let sure = states.iter().filter(|state| !state.is_doubtful).count();
        let speaks = |state: &&State| sure == 0 || !state.is_doubtful;
        let in_text = states
            .iter()
            .filter(speaks)
            .any(|state| matches!(state.json.at(), At::Text { is_key: false, .. }));
        let in_value = states
            .iter()
            .filter(speaks)
            .any(|state| matches!(state.json.at(), At::Value | At::Item | At::ItemOrEnd));
        if in_text {
            self.inside_text(value, what);
        }
        if in_value {
            self.as_value(value, what);
        }
        let is_whole = matches!(what.kind, Kind::Json | Kind::JsonText | Kind::Boolean);
        let mut placed = Vec::new();
        for mut state in states {
            // What is a value for sure needs a comma between it and the one before.
            if is_whole && state.json.is_behind_item() {
                if !state.is_doubtful {
                    self.missing_comma(value.span, &state);
                }
                placed.push(state);
                continue;
            }
            if if is_whole { state.json.print_all() } else { state.json.print() } {
                placed.push(state);
            }
        }
        placed
    }

    fn inside_text(&mut self, value: &'p Expr, what: Printed) {
        let value = self.outer.unwrap_or(value);
        let shown = self.shown(value);
        match (what.kind, what.care) {
            (Kind::JsonText, _) => self.report(
                Rule::QuotedJson,
                value,
                format!("`{shown}` writes quotes of its own, and stands between quotes already"),
                "leave out the quotes around it",
            ),
            (_, Care::ForJavaScript) => self.report(
                Rule::WrongEscape,
                value,
                format!("`{shown}` escapes for JavaScript: JSON has no `\\'` and no `\\x01`"),
                "print it with `?json_string`",
            ),
            (_, Care::Raw) => {
                let cure = if is_simple(value) {
                    format!("print it with `${{{shown}?json_string}}`")
                } else {
                    format!("print it with `${{({shown})?json_string}}`")
                };
                self.report(
                    Rule::UnescapedText,
                    value,
                    format!(
                        "`{shown}` stands inside a JSON string without escaping: a quote, a \
                         backslash or a line break in it breaks the payload"
                    ),
                    cure,
                );
            }
            (Kind::Number, _) => self.grouping(value, what),
            _ => {}
        }
    }

    fn as_value(&mut self, value: &'p Expr, what: Printed) {
        let value = self.outer.unwrap_or(value);
        let shown = self.shown(value);
        match what.kind {
            Kind::Text | Kind::Date => self.report(
                Rule::UnquotedText,
                value,
                format!("`{shown}` is text, and stands where JSON needs quotes around it"),
                format!("write `\"${{({shown})?json_string}}\"`"),
            ),
            _ => self.grouping(value, what),
        }
    }

    fn grouping(&mut self, value: &'p Expr, what: Printed) {
        let is_grouped = match what.digits {
            Digits::Grouped => true,
            Digits::BySetting => self.is_grouping && matches!(what.kind, Kind::Number | Kind::Any),
            Digits::Plain => false,
        };
        if is_grouped {
            let shown = self.shown(value);
            self.report(
                Rule::GroupedNumber,
                value,
                format!("`{shown}` prints numbers with grouping: 1234567 becomes `1,234,567`"),
                "print it with `?c`, or set `number_format` to `computer`",
            );
        }
    }

    /// An expression as messages quote it.
    fn shown(&self, value: &Expr) -> String {
        const MAX_CHARS: usize = 60;
        let text = self.program.source.slice(value.span);
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if text.chars().count() <= MAX_CHARS {
            return text;
        }
        text.chars().take(MAX_CHARS).chain(['…']).collect()
    }
}

fn word(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

/// Whether `?json_string` can be written directly behind it.
fn is_simple(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Default { .. } | ExprKind::Binary { .. } => false,
        ExprKind::BuiltIn(_) => true,
        _ => visit::path(value).is_some(),
    }
}
