//! `<#list>` and what belongs to it.

use crate::ftl::ast::Body;
use crate::ftl::ast::Expr;
use crate::ftl::ast::LoopVariables;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::content::Ending;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::place::Loop;
use crate::ftl::parse::place::LoopKind;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::vocabulary::Directive;
use crate::text::Span;

impl<'s> Parser<'s, '_> {
    pub(crate) fn list(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        // Outer and inner shape: FreeMarker puts a list and its `<#else>` side by side.
        self.open(open, Shape::Plain);
        self.open(open, Shape::Plain);
        let (start, (source, variables)) = self.list_head(open)?;
        self.enter_loop(LoopKind::List, &variables);
        let (rest, (repeated, ending)) = self.content(start)?;
        self.leave_loop(open, &variables)?;
        self.close_loose(start);
        let otherwise_span = ending.map(|tag| self.span(tag.start, tag.rest)).unwrap_or_default();
        let (rest, otherwise) = self.list_else(open, rest, ending)?;
        self.layout.borrow_mut().close_with_first(self.at(rest));
        let kind = NodeKind::List { source, variables, body: repeated, otherwise, otherwise_span };
        self.push(open, start, kind, body);
        Ok((rest, ()))
    }

    /// What is walked over, and the names: `xs as x`.
    fn list_head(&self, open: &Tag<'s>) -> Parsed<'s, (Expr, LoopVariables)> {
        let (mut rest, source) = self.expression(open.rest)?;
        let mut variables = LoopVariables::None;
        if let Some(after) = self.keyword(rest, "as") {
            (rest, variables) = self.loop_variables(after)?;
        }
        let start = match (&variables, self.tag_end(rest)) {
            (LoopVariables::None, Err(_)) => {
                let (left, ()) = self.skip(rest)?;
                return sure(stop(left, "`as` and a name, or `>`"));
            }
            (_, end) => sure(end)?.0,
        };
        self.check_different(&variables, open)?;
        Ok((start, (source, variables)))
    }

    /// `<#else>` of an empty list, up to the end tag.
    fn list_else(
        &self,
        open: &Tag<'s>,
        rest: &'s str,
        ending: Ending<'s>,
    ) -> Parsed<'s, Option<Body>> {
        let (mut rest, mut ending, mut otherwise) = (rest, ending, None);
        if let Some(tag) = ending.filter(|tag| !tag.is_end && tag.directive == Directive::Else) {
            self.open(&tag, Shape::Plain);
            let content;
            (rest, (content, ending)) = self.content(rest)?;
            self.close_loose(tag.rest);
            otherwise = Some(content);
        }
        match ending {
            Some(tag) if tag.is_end && tag.directive == Directive::List => Ok((rest, otherwise)),
            ending => Err(self.unclosed(open, ending, &format!("`{}`", open.shown_end()))),
        }
    }

    /// `x` or `k, v`.
    fn loop_variables(&self, rest: &'s str) -> Parsed<'s, LoopVariables> {
        let (rest, (first, _)) = sure(self.name_called(rest, "the name of a loop variable"))?;
        let (ahead, ()) = self.skip(rest)?;
        let Some(after) = ahead.strip_prefix(',') else {
            return Ok((rest, LoopVariables::Item(first)));
        };
        let (rest, (second, _)) = sure(self.name_called(after, "the name of a loop variable"))?;
        Ok((rest, LoopVariables::Pair(first, second)))
    }

    fn check_different(&self, variables: &LoopVariables, tag: &Tag<'s>) -> Checked<'s, ()> {
        match variables {
            LoopVariables::Pair(key, value) if key == value => {
                let message = format!("expected two different loop variables, found `{key}` twice");
                self.misplaced(tag, &message, "like `as key, value`")
            }
            _ => Ok(()),
        }
    }

    fn enter_loop(&self, kind: LoopKind, variables: &LoopVariables) {
        let (variable, second) = names(variables);
        self.count_loop(variable.is_some(), true);
        self.shared.loops.borrow_mut().push(Loop { kind, variable, second });
    }

    fn count_loop(&self, has_variables: bool, more: bool) {
        if has_variables {
            self.count_breakable(more);
            let mut inside = self.inside.get();
            inside.continuable =
                if more { inside.continuable + 1 } else { inside.continuable.saturating_sub(1) };
            self.inside.set(inside);
        }
    }

    fn leave_loop(&self, open: &Tag<'s>, variables: &LoopVariables) -> Checked<'s, ()> {
        let left = self.shared.loops.borrow_mut().pop();
        let has_variables = *variables != LoopVariables::None;
        self.count_loop(has_variables, false);
        if has_variables || left.is_some_and(|left| left.kind == LoopKind::Items) {
            return Ok(());
        }
        let message = "expected `as` and a name in this `<#list>`, or `<#items>` inside of it";
        self.misplaced(open, message, "like `<#list xs as x>`")
    }

    /// `<#foreach x in xs>`: the old `<#list>`.
    pub(crate) fn for_each(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        let (start, (source, variables)) = self.for_each_head(open)?;
        self.enter_loop(LoopKind::ForEach, &variables);
        let (rest, repeated) = self.content_of(open, start)?;
        self.leave_loop(open, &variables)?;
        self.close(rest);
        let otherwise_span = Span::default();
        let kind =
            NodeKind::List { source, variables, body: repeated, otherwise: None, otherwise_span };
        self.push(open, start, kind, body);
        Ok((rest, ()))
    }

    fn for_each_head(&self, open: &Tag<'s>) -> Parsed<'s, (Expr, LoopVariables)> {
        let (rest, (name, _)) = sure(self.name_called(open.rest, "the name of a loop variable"))?;
        let Some(rest) = self.keyword(rest, "in") else {
            let (left, ()) = self.skip(rest)?;
            return sure(stop(left, "`in`"));
        };
        let (rest, source) = self.expression(rest)?;
        let (start, ()) = sure(self.tag_end(rest))?;
        Ok((start, (source, LoopVariables::Item(name))))
    }

    /// `<#items as x>`, whose variable is the one of the list around.
    pub(crate) fn items(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        let (start, variables) = self.items_head(open)?;
        self.count_loop(true, true);
        let (rest, repeated) = self.content_of(open, start)?;
        self.count_loop(true, false);
        if let Some(around) = self.shared.loops.borrow_mut().last_mut() {
            around.variable = None;
            around.second = None;
        }
        self.close(rest);
        self.push(open, start, NodeKind::Items { variables, body: repeated }, body);
        Ok((rest, ()))
    }

    fn items_head(&self, open: &Tag<'s>) -> Parsed<'s, LoopVariables> {
        let (rest, variables) = self.loop_variables(open.rest)?;
        let (start, ()) = sure(self.tag_end(rest))?;
        self.check_items(open)?;
        self.check_different(&variables, open)?;
        let (variable, second) = names(&variables);
        if let Some(around) = self.shared.loops.borrow_mut().last_mut() {
            *around = Loop { kind: LoopKind::Items, variable, second };
        }
        Ok((start, variables))
    }

    fn check_items(&self, tag: &Tag<'s>) -> Checked<'s, ()> {
        let around = self.shared.loops.borrow().last().cloned();
        let (message, hint) = match around {
            None => {
                ("expected `<#items>` inside of a `<#list>`", "like `<#list xs>…<#items as x>`")
            }
            Some(Loop { variable: None, .. }) => return Ok(()),
            Some(Loop { kind: LoopKind::Items, .. }) => {
                ("found `<#items>` inside of an `<#items>` of the same `<#list>`", "one is enough")
            }
            Some(Loop { kind: LoopKind::ForEach, .. }) => {
                ("found `<#items>` inside of `<#foreach>`, which has none", "use `<#list xs>`")
            }
            Some(_) => (
                "found `<#items>` inside of a `<#list … as …>`, which has a variable already",
                "leave out `as …` in the `<#list>`",
            ),
        };
        self.misplaced(tag, message, hint)
    }

    /// `<#sep>`, which may end with what is around.
    pub(crate) fn sep(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, Ending<'s>> {
        if self.shared.loops.borrow().is_empty() {
            self.misplaced(
                open,
                "expected `<#sep>` inside of a loop",
                "like `<#list xs as x>${x}<#sep>, `",
            )?;
        }
        self.open(open, Shape::Plain);
        let (rest, (between, ending)) = self.content(open.rest)?;
        let is_closed = ending.is_some_and(|tag| tag.is_end && tag.directive == Directive::Sep);
        if is_closed {
            self.close(rest);
        } else {
            self.close_loose(open.rest);
        }
        self.push(open, open.rest, NodeKind::Sep(between), body);
        if is_closed {
            return Ok((rest, None));
        }
        match ending {
            Some(tag) => Ok((rest, Some(tag))),
            None => Err(self.unclosed(open, None, "the end of the loop")),
        }
    }
}

fn names(variables: &LoopVariables) -> (Option<String>, Option<String>) {
    match variables {
        LoopVariables::None => (None, None),
        LoopVariables::Item(item) => (Some(item.clone()), None),
        LoopVariables::Pair(key, value) => (Some(key.clone()), Some(value.clone())),
    }
}
