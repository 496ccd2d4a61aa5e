//! Loops: no turn, one turn, or a first, some middle ones and a last one.

use crate::ftl::check::json::MAX_STATES;
use crate::ftl::check::json::Turn;
use crate::ftl::check::json::Walker;
use crate::ftl::check::json::state::Question;
use crate::ftl::check::json::state::State;
use crate::ftl::check::json::state::joined;
use crate::ftl::program::Body;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::List;
use crate::ftl::program::LoopVariables;

/// Middle turns until nothing new comes of them. JSON that needs more is no loop's.
const MAX_TURNS: usize = 4;

impl<'p> Walker<'p> {
    /// `<#list>`
    pub(in crate::ftl::check::json) fn list(
        &mut self,
        list: &'p List,
        states: Vec<State>,
    ) -> Vec<State> {
        let with_items = |wanted: bool, walker: &Self| -> Vec<State> {
            let states = states.iter().cloned();
            let suppose = |state| walker.suppose_items(&list.source, wanted, state);
            joined(states.flat_map(suppose).collect())
        };
        let (full, empty) = (with_items(true, self), with_items(false, self));
        let mut ended = match &list.otherwise {
            Some(body) => self.body(body, empty),
            None => empty,
        };
        ended.extend(match &list.variables.first {
            Some(_) => self.items(&list.variables, &list.body, full),
            None => self.body(&list.body, full),
        });
        ended
    }

    /// `<#items>`, and the inside of `<#list x as y>`: one turn or more.
    pub(in crate::ftl::check::json) fn items(
        &mut self,
        variables: &'p LoopVariables,
        body: &'p Body,
        states: Vec<State>,
    ) -> Vec<State> {
        let names =
            [&variables.first, &variables.second].map(|name| name.as_ref().map(|name| name.text()));
        self.turns.push(Turn::new(names, false));
        let mut ended = self.turn(body, true, true, states.clone());
        let mut reached = self.turn(body, true, false, states);
        let mut new = reached.clone();
        for _ in 0..MAX_TURNS {
            let next = self.turn(body, false, false, new);
            let known = reached.len();
            reached.extend(next);
            reached = joined(reached);
            if reached.len() == known || reached.len() > MAX_STATES {
                break;
            }
            new = reached[known..].to_vec();
        }
        ended.extend(self.turn(body, false, true, reached));
        let broken = self.turns.pop().map(|turn| turn.broken).unwrap_or_default();
        ended.extend(broken);
        ended
    }

    fn turn(
        &mut self,
        body: &'p Body,
        is_first: bool,
        is_last: bool,
        mut states: Vec<State>,
    ) -> Vec<State> {
        if let Some(turn) = self.turns.last_mut() {
            (turn.is_first, turn.is_last) = (is_first, is_last);
            for name in turn.names.into_iter().flatten() {
                states.iter_mut().for_each(|state| state.set(name, None));
            }
        }
        let mut ended = self.body(body, joined(states));
        if let Some(turn) = self.turns.last_mut() {
            ended.append(&mut turn.continued);
        }
        joined(ended)
    }

    fn suppose_items(&self, source: &Expr, wanted: bool, state: State) -> Vec<State> {
        let source = source.bare();
        match &source.kind {
            ExprKind::List(items) if (items.is_empty()) == wanted => Vec::new(),
            ExprKind::List(_) => vec![state],
            // The names and values of an object are as many as it has.
            ExprKind::BuiltIn(application)
                if matches!(application.built_in.name, "keys" | "values" | "sort" | "reverse") =>
            {
                self.suppose_items(&application.target, wanted, state)
            }
            _ => self.suppose(source, Question::HasContent, wanted, state),
        }
    }
}
