//! Which ways lead on where a condition holds, and which where it doesn't.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::check::json::Walker;
use crate::ftl::check::json::state::Assumption;
use crate::ftl::check::json::state::Known;
use crate::ftl::check::json::state::Question;
use crate::ftl::check::json::state::State;
use crate::ftl::check::visit;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::Name;

/// Conditions joined by `&&` and `||` that are told apart: each may double the ways.
const MAX_CONDITIONS: usize = 8;

impl Walker<'_> {
    /// The ways on which the condition has that value.
    pub(in crate::ftl::check::json) fn assume(
        &self,
        condition: &Expr,
        wanted: bool,
        state: State,
    ) -> Vec<State> {
        let condition = condition.bare();
        match &condition.kind {
            ExprKind::Boolean(value) => certain(*value == wanted, state),
            ExprKind::Not(operand) => self.assume(operand, !wanted, state),
            ExprKind::And(left, right) => self.both(left, right, true, wanted, state),
            ExprKind::Or(left, right) => self.both(left, right, false, !wanted, state),
            ExprKind::Exists(target) => self.suppose(target, Question::Exists, wanted, state),
            ExprKind::Variable(name) => match &name.loop_state {
                Some(turn) if self.turn_of(&turn.0).is_some() => {
                    self.ask_turn(&turn.0, turn.1, wanted, condition, state)
                }
                _ => self.variable(name, wanted, condition, state),
            },
            ExprKind::Loop { name, question, .. } => {
                self.ask_turn(name, *question, wanted, condition, state)
            }
            ExprKind::BuiltIn(application) => {
                match (application.built_in.name, &application.form) {
                    ("has_content", Form::Bare) => {
                        self.suppose(&application.target, Question::HasContent, wanted, state)
                    }
                    ("c" | "string" | "boolean", Form::Bare) => {
                        self.assume(&application.target, wanted, state)
                    }
                    _ => self.other(condition, wanted, state),
                }
            }
            ExprKind::Binary { operator, left, right } => {
                self.comparison(*operator, left, right, wanted, condition, state)
            }
            // Without a value it is false, or what the fallback says.
            ExprKind::Default { target, fallback } => {
                match fallback.as_ref().map(|own| &own.bare().kind) {
                    Some(ExprKind::Boolean(false)) => self.assume(target, wanted, state),
                    _ => self.other(condition, wanted, state),
                }
            }
            _ => self.other(condition, wanted, state),
        }
    }

    /// `left && right` with that value; `||` is the same with everything the other way round.
    fn both(
        &self,
        left: &Expr,
        right: &Expr,
        each: bool,
        wanted: bool,
        state: State,
    ) -> Vec<State> {
        let mut conditions = 0;
        count(left, &mut conditions);
        count(right, &mut conditions);
        if conditions > MAX_CONDITIONS {
            return vec![State { is_doubtful: true, ..state }];
        }
        let with = |states: Vec<State>, operand: &Expr, value: bool| -> Vec<State> {
            states.into_iter().flat_map(|state| self.assume(operand, value, state)).collect()
        };
        if wanted {
            return with(with(vec![state], left, each), right, each);
        }
        let mut states = with(vec![state.clone()], left, !each);
        states.extend(with(with(vec![state], left, each), right, !each));
        states
    }

    fn variable(&self, name: &Name, wanted: bool, condition: &Expr, state: State) -> Vec<State> {
        match state.known(name.text()) {
            Some(Known::Boolean(value)) => {
                let value = *value;
                certain(value == wanted, state)
            }
            _ => self.other(condition, wanted, state),
        }
    }

    /// `x?is_first`, `x_has_next` and their kin.
    fn ask_turn(
        &self,
        name: &Name,
        question: LoopQuestion,
        wanted: bool,
        condition: &Expr,
        state: State,
    ) -> Vec<State> {
        let Some((is_first, is_last)) = self.turn_of(name) else {
            return self.other(condition, wanted, state);
        };
        match question {
            LoopQuestion::HasNext => certain(is_last != wanted, state),
            LoopQuestion::IsLast => certain(is_last == wanted, state),
            LoopQuestion::IsFirst => certain(is_first == wanted, state),
            _ => self.other(condition, wanted, state),
        }
    }

    fn comparison(
        &self,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
        wanted: bool,
        condition: &Expr,
        state: State,
    ) -> Vec<State> {
        if let Some(turn) = self.compare_turn(operator, left, right) {
            return certain(turn == wanted, state);
        }
        let number = visit::constant_integer(right);
        if let Some(is_positive) = number.and_then(|number| asks_for_positive(operator, number)) {
            // `x?size > 0`
            if let ExprKind::BuiltIn(application) = &left.bare().kind
                && matches!(application.built_in.name, "size" | "length")
            {
                let holds = is_positive == wanted;
                return self.suppose(&application.target, Question::HasContent, holds, state);
            }
            if let ExprKind::Variable(name) = &left.bare().kind {
                match state.known(name.text()) {
                    Some(Known::Zero) => return certain(is_positive != wanted, state),
                    Some(Known::Positive) => return certain(is_positive == wanted, state),
                    _ => {}
                }
            }
        }
        let is_equal = match operator {
            BinaryOperator::Equal => true,
            BinaryOperator::NotEqual => false,
            _ => return self.other(condition, wanted, state),
        };
        let constant = match &right.bare().kind {
            ExprKind::Text(text) => text.to_string(),
            ExprKind::Number(number) => number.to_string(),
            ExprKind::Boolean(value) => {
                return self.assume(left, (*value == is_equal) == wanted, state);
            }
            _ => return self.other(condition, wanted, state),
        };
        let holds = is_equal == wanted;
        if let ExprKind::Variable(name) = &left.bare().kind
            && let Some(Known::Text(text)) = state.known(name.text())
        {
            let same = *text == constant;
            return certain(same == holds, state);
        }
        if constant.is_empty() {
            return self.suppose(left, Question::HasContent, !holds, state);
        }
        self.suppose(left, Question::Is(constant), holds, state)
    }

    /// `x?index > 0`, `x?counter < xs?size`: whether it holds in this turn of the loop.
    fn compare_turn(&self, operator: BinaryOperator, left: &Expr, right: &Expr) -> Option<bool> {
        let (name, question) = match &left.bare().kind {
            ExprKind::Loop { name, question, .. } => (&**name, *question),
            ExprKind::Variable(name) => {
                let turn = name.loop_state.as_ref()?;
                (&turn.0, turn.1)
            }
            _ => return None,
        };
        let (is_first, is_last) = self.turn_of(name)?;
        let start = match question {
            LoopQuestion::Index => 0,
            LoopQuestion::Counter => 1,
            _ => return None,
        };
        match visit::constant_integer(right) {
            Some(number) => match (operator, number - start) {
                (BinaryOperator::Equal | BinaryOperator::LessOrEqual, 0)
                | (BinaryOperator::Less, 1) => Some(is_first),
                (BinaryOperator::NotEqual | BinaryOperator::Greater, 0)
                | (BinaryOperator::GreaterOrEqual, 1) => Some(!is_first),
                _ => None,
            },
            None if mentions_size(right) => match operator {
                BinaryOperator::Less | BinaryOperator::NotEqual => Some(!is_last),
                BinaryOperator::Equal | BinaryOperator::GreaterOrEqual => Some(is_last),
                _ => None,
            },
            None => None,
        }
    }

    /// A condition that is not understood: it may hold or not.
    fn other(&self, condition: &Expr, wanted: bool, mut state: State) -> Vec<State> {
        let mut subjects = Vec::new();
        paths(condition, &mut subjects);
        let spelled = self.spelled(condition);
        // A counter or a flag that was set before says what happened before.
        state.is_doubtful |= subjects.iter().any(|path| self.is_set_often(path));
        let mut states = Some(state);
        for path in subjects {
            let (subject, question) = (self.spelled(path), Question::Other(spelled.clone()));
            let assumption = Assumption { subject, question, holds: wanted };
            states = states.and_then(|state| state.assume(assumption));
        }
        states.into_iter().collect()
    }

    /// That the value exists, has content, or is something.
    pub(in crate::ftl::check::json) fn suppose(
        &self,
        target: &Expr,
        question: Question,
        holds: bool,
        mut state: State,
    ) -> Vec<State> {
        // `(x!)`, `x!''`: what is asked of them is asked of `x`.
        let mut target = target.bare();
        while let ExprKind::Default { target: inner, fallback } = &target.kind
            && question != Question::Exists
            && fallback.as_ref().is_none_or(|own| visit::constant_text(own) == Some(""))
        {
            target = inner.bare();
        }
        if let ExprKind::Variable(name) = &target.kind
            && let Some(known) = state.known(name.text())
        {
            let is_so = match (&question, known) {
                (Question::Exists, _) => true,
                (Question::HasContent, Known::Text(text)) => !text.is_empty(),
                (Question::HasContent, _) => true,
                _ => return self.other(target, holds, state),
            };
            return certain(is_so == holds, state);
        }
        state.is_doubtful |= self.is_set_often(target);
        let mut paths_inside = Vec::new();
        paths(target, &mut paths_inside);
        let subject = self.spelled(target);
        if visit::path(target).is_none() {
            // Of `x?filter(…)` no more is known than that it depends on `x`.
            let question = Question::Other(format!("{subject} {question:?}"));
            let mut states = Some(state);
            for path in paths_inside {
                let assumption =
                    Assumption { subject: self.spelled(path), question: question.clone(), holds };
                states = states.and_then(|state| state.assume(assumption));
            }
            return states.into_iter().collect();
        }
        state.assume(Assumption { subject, question, holds }).into_iter().collect()
    }

    /// Whether the loop of that variable is in its first and its last turn.
    fn turn_of(&self, name: &Name) -> Option<(bool, bool)> {
        let own =
            |turn: &&crate::ftl::check::json::Turn<'_>| turn.names.contains(&Some(name.text()));
        self.turns.iter().rev().find(own).map(|turn| (turn.is_first, turn.is_last))
    }

    fn is_set_often(&self, path: &Expr) -> bool {
        visit::path(path).is_some_and(|(name, _)| self.names.changes(name))
    }

    /// An expression as the template spells it, without blanks and parentheses around it.
    pub(in crate::ftl::check::json) fn spelled(&self, expression: &Expr) -> String {
        let text = self.program.source.slice(expression.bare().span);
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect()
    }
}

/// Counts the conditions that `&&`, `||` and `!` join.
fn count(condition: &Expr, found: &mut usize) {
    match &condition.bare().kind {
        ExprKind::And(left, right) | ExprKind::Or(left, right) if *found <= MAX_CONDITIONS => {
            count(left, found);
            count(right, found);
        }
        ExprKind::Not(operand) => count(operand, found),
        _ => *found += 1,
    }
}

fn certain(is_so: bool, state: State) -> Vec<State> {
    if is_so { vec![state] } else { Vec::new() }
}

/// Whether comparing a count with that number asks whether it is more than 0: yes for `> 0`, no for
/// `== 0`.
fn asks_for_positive(operator: BinaryOperator, number: i64) -> Option<bool> {
    match (operator, number) {
        (BinaryOperator::Greater | BinaryOperator::NotEqual, 0)
        | (BinaryOperator::GreaterOrEqual, 1) => Some(true),
        (BinaryOperator::Equal | BinaryOperator::LessOrEqual, 0) | (BinaryOperator::Less, 1) => {
            Some(false)
        }
        _ => None,
    }
}

/// The paths that an expression reads.
fn paths<'e>(expression: &'e Expr, found: &mut Vec<&'e Expr>) {
    if visit::path(expression).is_some() {
        found.push(expression);
    } else {
        visit::operands(expression, &mut |operand| paths(operand, found));
    }
}

fn mentions_size(expression: &Expr) -> bool {
    if let ExprKind::BuiltIn(application) = &expression.kind
        && application.built_in.name == "size"
    {
        return true;
    }
    let mut found = false;
    visit::operands(expression, &mut |operand| found |= mentions_size(operand));
    found
}
