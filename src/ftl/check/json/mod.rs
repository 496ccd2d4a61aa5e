//! Follows a template that writes JSON, without data: where in the JSON does each value stand, and can
//! the pieces come together so that it is no JSON?
//!
//! All ways through the template are followed at once, as a set of [`State`]s. A condition splits
//! them, with what it says about the data; loops are gone through with one item, and with a first, a
//! middle and a last one. Ways that stand at the same place of the JSON are joined. What is not
//! understood ends a way without a word, or makes it doubtful: then its JSON is not complained about.

mod condition;
mod loops;
mod machine;
mod print;
mod report;
mod state;

use crate::ftl::ast::AssignOperator;
use crate::ftl::ast::BinaryOperator;
use crate::ftl::check::finding::Finding;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::json::state::Known;
use crate::ftl::check::json::state::Question;
use crate::ftl::check::json::state::State;
use crate::ftl::check::json::state::joined;
use crate::ftl::check::names::Names;
use crate::ftl::check::printed::is_grouping;
use crate::ftl::check::visit;
use crate::ftl::program::Arguments;
use crate::ftl::program::Assignment;
use crate::ftl::program::Body;
use crate::ftl::program::Branch;
use crate::ftl::program::Call;
use crate::ftl::program::Case;
use crate::ftl::program::CaseKind;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Macro;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::program::Switch;
use crate::ftl::settings::Settings;
use crate::ftl::stack::Stack;
use crate::text::Span;

/// Pieces of content that are gone through in all; a template with more ways than that is followed no
/// further.
const MAX_VISITS: usize = 50_000;
/// Ways that are followed at the same time.
const MAX_STATES: usize = 64;
/// Macros inside macros.
const MAX_CALLS: usize = 12;

/// What following the template gave.
#[derive(Debug, Default)]
pub(in crate::ftl::check) struct Followed {
    /// What is wrong with its JSON.
    pub(in crate::ftl::check) findings: Vec<Finding>,
    /// Whether it writes JSON at all, as far as its text says.
    pub(in crate::ftl::check) is_json: bool,
}

/// Follows a program from its start.
pub(in crate::ftl::check) fn follow<'p>(
    program: &'p Program,
    settings: &Settings,
    names: &'p Names<'p>,
    included: &'p [(String, &'p Program)],
) -> Followed {
    let format = &settings.number_format;
    let own = |(name, _): &&(String, String)| format.strip_prefix('@') == Some(name);
    let own = settings.custom_number_formats.iter().find(own);
    let mut walker = Walker {
        program,
        names,
        included,
        turns: Vec::new(),
        calls: Vec::new(),
        outer: None,
        is_grouping: is_grouping(own.map_or(format, |(_, format)| format)),
        stack: Stack::here(),
        visits_left: MAX_VISITS,
        is_json: false,
        findings: Vec::new(),
    };
    let states = walker.body(&program.body, vec![State::new()]);
    walker.finish(states);
    let Walker { is_json, findings, .. } = walker;
    // A text that only begins like JSON is none: nothing is said about it.
    Followed { findings: if is_json { findings } else { Vec::new() }, is_json }
}

/// Goes through the template.
pub(in crate::ftl::check) struct Walker<'p> {
    /// The template whose text is gone through.
    program: &'p Program,
    names: &'p Names<'p>,
    /// Templates by the paths that include them.
    included: &'p [(String, &'p Program)],
    /// The loops and switches around the place.
    turns: Vec<Turn<'p>>,
    calls: Vec<Running<'p>>,
    /// The expression with its default, while the value itself is printed.
    outer: Option<&'p Expr>,
    /// Whether `number_format` prints thousands with a separator.
    is_grouping: bool,
    stack: Stack,
    visits_left: usize,
    is_json: bool,
    findings: Vec<Finding>,
}

/// A turn of a loop, or a switch.
struct Turn<'p> {
    /// The loop's variables; none for a switch.
    names: [Option<&'p str>; 2],
    is_first: bool,
    is_last: bool,
    is_switch: bool,
    /// Ways that ended with `<#break>`.
    broken: Vec<State>,
    /// Ways that ended with `<#continue>`.
    continued: Vec<State>,
}

/// A macro that runs.
struct Running<'p> {
    definition: &'p Macro,
    /// What its `<#nested>` runs, and where that stands.
    nested: Option<(&'p Program, &'p Body)>,
    /// Ways that ended with `<#return>`.
    returned: Vec<State>,
}

impl<'p> Walker<'p> {
    fn body(&mut self, body: &'p [Node], mut states: Vec<State>) -> Vec<State> {
        for node in body {
            if states.is_empty() || self.is_used_up() {
                return Vec::new();
            }
            states = joined(self.node(node, states));
            if states.len() > MAX_STATES {
                return Vec::new();
            }
        }
        states
    }

    fn is_used_up(&mut self) -> bool {
        self.visits_left = self.visits_left.saturating_sub(1);
        self.visits_left == 0 || self.stack.is_used_up()
    }

    fn node(&mut self, node: &'p Node, states: Vec<State>) -> Vec<State> {
        match &node.kind {
            NodeKind::Text(text) => self.text(text, node.span, states),
            NodeKind::Interpolation { value, .. } => self.print(value, states),
            NodeKind::NumericInterpolation { value, .. } => self.print_number(value, states),
            NodeKind::If(branches) => self.branches(branches, states),
            NodeKind::List(list) => self.list(list, states),
            NodeKind::Items { variables, body } => self.items(variables, body, states),
            NodeKind::Sep(body) => match self.turns.iter().rev().find(|turn| !turn.is_switch) {
                Some(turn) if turn.is_last => states,
                _ => self.body(body, states),
            },
            NodeKind::Break => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.broken.extend(states);
                }
                Vec::new()
            }
            NodeKind::Continue => {
                if let Some(turn) = self.turns.iter_mut().rev().find(|turn| !turn.is_switch) {
                    turn.continued.extend(states);
                }
                Vec::new()
            }
            NodeKind::Switch(switch) => self.switch(switch, states),
            NodeKind::Assign { assignments, .. } => {
                let assign = |state| assignments.iter().fold(state, assigned);
                states.into_iter().map(assign).collect()
            }
            NodeKind::Capture(capture) => {
                let captured = |mut state: State| {
                    state.set(capture.name.text(), None);
                    state
                };
                states.into_iter().map(captured).collect()
            }
            NodeKind::Call(call) => self.call(call, node.span, states),
            NodeKind::Nested(_) => self.nested(states),
            NodeKind::Return(_) => {
                if let Some(call) = self.calls.last_mut() {
                    call.returned.extend(states);
                }
                Vec::new()
            }
            NodeKind::Include(include) => self.include(&include.path, states),
            NodeKind::Setting { name, value } => {
                if *name == "number_format" {
                    self.is_grouping = visit::constant_text(value).is_some_and(is_grouping);
                }
                states
            }
            NodeKind::Attempt { body, recover } => {
                let failed =
                    states.iter().cloned().map(|state| State { is_doubtful: true, ..state });
                let mut recovered = self.body(recover, failed.collect());
                recovered.extend(self.body(body, states));
                recovered
            }
            NodeKind::Compress(body) | NodeKind::Block(body) => self.body(body, states),
            NodeKind::Stop(_) | NodeKind::Unavailable(_) => Vec::new(),
            NodeKind::Macro(_) | NodeKind::Import { .. } | NodeKind::Flush | NodeKind::Probe(_) => {
                states
            }
        }
    }

    fn branches(&mut self, branches: &'p [Branch], states: Vec<State>) -> Vec<State> {
        let mut done = Vec::new();
        let mut left = states;
        for branch in branches {
            match &branch.condition {
                Some(condition) => {
                    let taken = self.assuming(condition, true, &left);
                    left = self.assuming(condition, false, &left);
                    done.extend(self.body(&branch.body, taken));
                }
                None => {
                    let taken = std::mem::take(&mut left);
                    done.extend(self.body(&branch.body, taken));
                }
            }
        }
        done.extend(left);
        done
    }

    fn assuming(&self, condition: &Expr, wanted: bool, states: &[State]) -> Vec<State> {
        let assumed = states.iter().flat_map(|state| self.assume(condition, wanted, state.clone()));
        joined(assumed.collect())
    }

    fn switch(&mut self, switch: &'p Switch, states: Vec<State>) -> Vec<State> {
        let is_switch = true;
        self.turns.push(Turn::new([None, None], is_switch));
        let mut falling = Vec::new();
        let mut unmatched = states.clone();
        for Case { kind, body } in &switch.cases {
            let mut taken = match kind {
                CaseKind::Case(value) => self.matching(&switch.subject, &[value], &states),
                CaseKind::On(values) => {
                    let values: Vec<&Expr> = values.iter().collect();
                    self.matching(&switch.subject, &values, &states)
                }
                CaseKind::Default => std::mem::take(&mut unmatched),
            };
            let falls = !matches!(kind, CaseKind::On(_));
            if falls {
                taken.append(&mut falling);
            }
            let ended = self.body(body, joined(taken));
            if falls {
                falling = ended;
            } else if let Some(turn) = self.turns.last_mut() {
                turn.broken.extend(ended);
            }
        }
        let broken = self.turns.pop().map(|turn| turn.broken).unwrap_or_default();
        falling.extend(broken);
        falling.extend(unmatched);
        falling
    }

    fn matching(&self, subject: &Expr, values: &[&Expr], states: &[State]) -> Vec<State> {
        let mut taken = Vec::new();
        for value in values {
            let word = self.spelled(value);
            for state in states {
                taken.extend(self.suppose(
                    subject,
                    Question::Is(word.clone()),
                    true,
                    state.clone(),
                ));
            }
        }
        taken
    }

    fn call(&mut self, call: &'p Call, span: Span, states: Vec<State>) -> Vec<State> {
        let Some((program, definition)) = self.names.find_macro(&call.callee) else {
            return Vec::new();
        };
        let runs = self.calls.iter().any(|running| std::ptr::eq(running.definition, definition));
        if runs || self.calls.len() >= MAX_CALLS || definition.is_function {
            return Vec::new();
        }
        let source = self.program.source.clone();
        let bound = |mut state: State| {
            state.called.get_or_insert_with(|| (source.clone(), span));
            bind(state, definition, &call.arguments)
        };
        let states: Vec<State> = states.into_iter().map(bound).collect();
        let nested = call.body.as_ref().map(|body| (self.program, body));
        self.calls.push(Running { definition, nested, returned: Vec::new() });
        let outside = std::mem::replace(&mut self.program, program);
        let mut ended = self.body(&definition.body, states);
        self.program = outside;
        ended.extend(self.calls.pop().map(|running| running.returned).unwrap_or_default());
        for state in &mut ended {
            parameters(definition).for_each(|name| state.set(name, None));
            state.called = None;
        }
        ended
    }

    fn nested(&mut self, states: Vec<State>) -> Vec<State> {
        let Some(running) = self.calls.pop() else { return Vec::new() };
        let states = match running.nested {
            Some((program, body)) => {
                let inside = std::mem::replace(&mut self.program, program);
                let states = self.body(body, states);
                self.program = inside;
                states
            }
            None => states,
        };
        self.calls.push(running);
        states
    }

    fn include(&mut self, path: &Expr, states: Vec<State>) -> Vec<State> {
        let path = visit::constant_text(path);
        let found = self.included.iter().find(|(own, _)| Some(own.as_str()) == path);
        let Some((_, program)) = found else { return Vec::new() };
        let outside = std::mem::replace(&mut self.program, program);
        let states = self.body(&program.body, states);
        self.program = outside;
        states
    }

    fn finding(&mut self, finding: Finding) {
        let is_new = !self.findings.iter().any(|known| {
            known.rule() == finding.rule()
                && known.span() == finding.span()
                && known.source() == finding.source()
        });
        if is_new {
            self.findings.push(finding);
        }
    }

    fn report(&mut self, rule: Rule, expression: &Expr, message: String, hint: impl Into<String>) {
        let finding = Finding::new(rule, message, &self.program.source, expression.span);
        self.finding(finding.with_hint(hint));
    }
}

impl<'p> Turn<'p> {
    fn new(names: [Option<&'p str>; 2], is_switch: bool) -> Self {
        let (broken, continued) = (Vec::new(), Vec::new());
        Self { names, is_first: false, is_last: false, is_switch, broken, continued }
    }
}

/// The state behind an assignment.
fn assigned(mut state: State, assignment: &Assignment) -> State {
    let name = assignment.name.text();
    let known = match (assignment.operator, &assignment.value) {
        (AssignOperator::Set, Some(value)) => known_value(&state, name, value),
        (AssignOperator::Increment | AssignOperator::Add, _) => {
            let counts = matches!(state.known(name), Some(Known::Zero | Known::Positive));
            let more = assignment.value.as_ref().is_none_or(is_positive);
            (counts && more).then_some(Known::Positive)
        }
        _ => None,
    };
    state.set(name, known);
    state
}

/// What is known of the value that a variable gets.
fn known_value(state: &State, name: &str, value: &Expr) -> Option<Known> {
    match &value.bare().kind {
        ExprKind::Text(text) => Some(Known::Text(text.to_string())),
        ExprKind::Boolean(value) => Some(Known::Boolean(*value)),
        ExprKind::Number(_) => match visit::constant_integer(value) {
            Some(0) => Some(Known::Zero),
            Some(1..) => Some(Known::Positive),
            _ => None,
        },
        // `n = n + 1`
        ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
            let is_itself =
                matches!(&left.bare().kind, ExprKind::Variable(own) if own.text() == name);
            let counts = matches!(state.known(name), Some(Known::Zero | Known::Positive));
            (is_itself && counts && is_positive(right)).then_some(Known::Positive)
        }
        ExprKind::Variable(other) => state.known(other.text()).cloned(),
        _ => None,
    }
}

fn is_positive(expression: &Expr) -> bool {
    visit::constant_integer(expression).is_some_and(|number| number > 0)
}

/// The state inside a macro: what is known of its parameters.
fn bind(mut state: State, definition: &Macro, arguments: &Arguments) -> State {
    let values: Vec<(&str, Option<Known>)> = definition
        .parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| {
            let name = parameter.name.text();
            let given = match arguments {
                Arguments::Positional(values) => values.get(index),
                Arguments::Named(pairs) => {
                    pairs.iter().find(|(own, _)| own.text() == name).map(|(_, value)| value)
                }
            };
            let value = given.or(parameter.default.as_ref());
            (name, value.and_then(|value| known_value(&state, "", value)))
        })
        .collect();
    for (name, known) in values {
        state.set(name, known);
    }
    state
}

fn parameters(definition: &Macro) -> impl Iterator<Item = &str> {
    definition.parameters.iter().map(|parameter| parameter.name.text())
}
