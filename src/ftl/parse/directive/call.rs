//! `<@name …>` and its ancestors `<#call>` and `<#transform>`.

use crate::ftl::ast::Arguments;
use crate::ftl::ast::Body;
use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::directive::set;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::place::Loop;
use crate::ftl::parse::place::LoopKind;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::State;
use crate::ftl::parse::token::word;
use crate::ftl::parse::vocabulary::Directive;

/// The start tag of a call.
struct Head {
    callee: Expr,
    arguments: Arguments,
    loop_variables: Vec<String>,
    is_empty: bool,
}

impl<'s> Parser<'s, '_> {
    /// `<@name a=1 ; x>…</@name>`
    pub(crate) fn user_call(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        let (start, Head { callee, arguments, loop_variables, is_empty }) = self.call_head(open)?;
        let (rest, content) = if is_empty {
            (start, None)
        } else {
            let hidden = self.hide_loop_variables(&loop_variables);
            let (rest, (content, ending)) = self.content(start)?;
            self.show_loop_variables(hidden);
            self.check_call_end(open, &callee, ending)?;
            (rest, Some(content))
        };
        self.close(rest);
        let kind = NodeKind::Call { callee, arguments, loop_variables, body: content };
        self.push(open, start, kind, body);
        Ok((rest, ()))
    }

    /// The start tag.
    fn call_head(&self, open: &Tag<'s>) -> Parsed<'s, Head> {
        self.set_state(State::Name);
        if open.rest.starts_with(BLANKS) {
            return sure(stop(open.rest, "the name of a macro right behind `@`"));
        }
        let (rest, callee) = self.expression(open.rest)?;
        let rest = self.end_of_name(rest);
        let (rest, arguments) = self.call_arguments(rest)?;
        let (rest, loop_variables) = self.call_variables(rest)?;
        let (rest, is_empty) = sure(self.loose_tag_end(rest))?;
        Ok((rest, Head { callee, arguments, loop_variables, is_empty }))
    }

    fn call_arguments(&self, rest: &'s str) -> Parsed<'s, Arguments> {
        if self.is_named(rest) {
            let (rest, named) = self.named_arguments(rest)?;
            return Ok((rest, Arguments::Named(named)));
        }
        let (rest, values) = self.arguments(rest, false)?;
        Ok((rest, Arguments::Positional(values.items)))
    }

    fn set_state(&self, state: State) {
        let mut lexing = self.lexing.get();
        lexing.state = state;
        self.lexing.set(lexing);
    }

    /// The blank that ends the name behind `<@`.
    fn end_of_name(&self, rest: &'s str) -> &'s str {
        if self.lexing.get().state == State::Name && rest.starts_with(BLANKS) {
            self.set_state(State::Free);
            return rest.trim_start_matches(BLANKS);
        }
        rest
    }

    /// Whether `name=` comes next.
    fn is_named(&self, rest: &'s str) -> bool {
        self.name(rest).is_ok_and(|(rest, _)| self.equals(rest).is_ok())
    }

    /// `a=1 b=2`, in which `x! b=2` is a default of nothing.
    fn named_arguments(&self, rest: &'s str) -> Parsed<'s, Vec<(String, Expr)>> {
        let mut values: Vec<(String, Expr)> = Vec::new();
        let mut rest = rest;
        while let Ok((tail, (name, _))) = self.name(rest) {
            let (tail, ()) = sure(self.equals(tail))?;
            let mut lexing = self.lexing.get();
            lexing.state = State::Argument;
            lexing.in_arguments = true;
            self.lexing.set(lexing);
            let (tail, value) = self.expression(tail)?;
            set(&mut values, name, value);
            rest = tail;
        }
        let mut lexing = self.lexing.get();
        lexing.in_arguments = false;
        self.lexing.set(lexing);
        Ok((rest, values))
    }

    /// `; a, b`
    fn call_variables(&self, rest: &'s str) -> Parsed<'s, Vec<String>> {
        let mut names = Vec::new();
        let (ahead, ()) = self.skip(rest)?;
        let Some(after) = ahead.strip_prefix(';') else { return Ok((rest, names)) };
        let blanks = self.lexing.get().state == State::Name && after.starts_with(BLANKS);
        let mut rest = self.end_of_name(after);
        if !blanks && self.name(rest).is_err() {
            return Ok((rest, names));
        }
        loop {
            let (tail, (name, _)) = sure(self.name_called(rest, "the name of a variable"))?;
            names.push(name);
            // Directly behind `;` a blank can only come before a comma.
            let blanks = self.lexing.get().state == State::Name && tail.starts_with(BLANKS);
            let (ahead, ()) = self.skip(self.end_of_name(tail))?;
            match ahead.strip_prefix(',') {
                Some(after) => rest = self.end_of_name(after),
                None if blanks => return sure(stop(ahead, "`,` and a name")),
                None => return Ok((tail, names)),
            }
        }
    }

    /// Variables of a call hide loop variables of their name from `?index` and its kin.
    fn hide_loop_variables(&self, names: &[String]) -> usize {
        let mut loops = self.shared.loops.borrow_mut();
        let mut hidden = 0;
        for name in names {
            let around = loops.iter().rev().find(|it| it.variable.as_ref() == Some(name));
            if around.is_some_and(|it| it.kind != LoopKind::Call) {
                let variable = Some(name.clone());
                loops.push(Loop { kind: LoopKind::Call, variable, second: None });
                hidden += 1;
            }
        }
        hidden
    }

    fn show_loop_variables(&self, hidden: usize) {
        let mut loops = self.shared.loops.borrow_mut();
        let visible = loops.len().saturating_sub(hidden);
        loops.truncate(visible);
    }

    /// `</@>` or `</@name>`, where only a plain name can be repeated.
    fn check_call_end(
        &self,
        open: &Tag<'s>,
        callee: &Expr,
        ending: Option<Tag<'s>>,
    ) -> Checked<'s, ()> {
        let name = callee_name(callee);
        let expected = match &name {
            Some(name) => format!("`</@{name}>` or `</@>`"),
            None => "`</@>`".to_owned(),
        };
        let expected = if open.start.starts_with('[') {
            expected.replace('<', "[").replace('>', "]")
        } else {
            expected
        };
        let Some(tag) = ending.filter(|tag| tag.is_end && tag.directive == Directive::UserCall)
        else {
            return Err(self.unclosed(open, ending, &expected));
        };
        let found = end_name(&tag);
        if found.is_empty() || name.as_deref() == Some(found) {
            return Ok(());
        }
        let message = format!("expected {expected}, found `</@{found}>`");
        let opened = self.shared.source.position(self.span(open.start, open.rest).start);
        let hint = format!("the call of line {}, column {} is open", opened.line, opened.column);
        let error = self.mistake(self.span(tag.start, tag.rest), message);
        Err(self.refuse(error.with_hint(hint)))
    }

    /// `<#call name(a, b)>`
    pub(crate) fn call(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, (name, span)) = sure(self.name_called(open.rest, "the name of a macro"))?;
        let callee = Expr { kind: ExprKind::Name(name), span };
        let (rest, arguments) = if self.is_named(rest) {
            let (rest, named) = self.named_arguments(rest)?;
            (rest, Arguments::Named(named))
        } else {
            let (mut rest, ()) = self.skip(rest)?;
            if let Some(after) = rest.strip_prefix('(') {
                self.open_parenthesis();
                rest = after;
            }
            let (rest, values) = self.arguments(rest, false)?;
            let (ahead, ()) = self.skip(rest)?;
            let rest = match ahead.strip_prefix(')') {
                Some(after) => {
                    self.close_parenthesis();
                    after
                }
                None => rest,
            };
            (rest, Arguments::Positional(values.items))
        };
        let (rest, _) = sure(self.loose_tag_end(rest))?;
        self.leaf(open, rest, Shape::Plain);
        let loop_variables = Vec::new();
        let kind = NodeKind::Call { callee, arguments, loop_variables, body: None };
        self.push(open, rest, kind, body);
        Ok((rest, ()))
    }

    /// `<#transform x>…</#transform>`
    pub(crate) fn transform(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        let (rest, callee) = self.expression(open.rest)?;
        let (ahead, ()) = self.skip(rest)?;
        let rest = ahead.strip_prefix(';').unwrap_or(rest);
        let (rest, named) = self.named_values(rest)?;
        let (start, is_empty) = sure(self.loose_tag_end(rest))?;
        let (rest, content) = if is_empty {
            (start, None)
        } else {
            let (rest, content) = self.content_of(open, start)?;
            (rest, Some(content))
        };
        self.close(rest);
        let arguments = Arguments::Named(named);
        let loop_variables = Vec::new();
        let kind = NodeKind::Call { callee, arguments, loop_variables, body: content };
        self.push(open, start, kind, body);
        Ok((rest, ()))
    }
}

/// The name that an end tag `</@name>` gives, as written.
fn end_name<'s>(tag: &Tag<'s>) -> &'s str {
    let text = &tag.start[3..tag.start.len() - tag.rest.len() - 1];
    if word(text).is_some() { text.trim_end() } else { "" }
}

/// The name that may be repeated in the end tag: `a.b`, also of `a.b?with_args(…)`.
fn callee_name(callee: &Expr) -> Option<String> {
    if let ExprKind::Call { target, .. } = &callee.kind
        && let ExprKind::BuiltIn { target, name, .. } = &target.kind
        && matches!(name.as_str(), "with_args" | "withArgs")
    {
        return plain_name(target);
    }
    plain_name(callee)
}

fn plain_name(expr: &Expr) -> Option<String> {
    let escape = |name: &str| {
        let needs = |c: char| matches!(c, '-' | '.' | ':' | '#');
        name.chars()
            .flat_map(|c| needs(c).then_some('\\').into_iter().chain([c]))
            .collect::<String>()
    };
    match &expr.kind {
        ExprKind::Name(name) => Some(escape(name)),
        ExprKind::Dot { target, name, .. } => {
            Some(format!("{}.{}", plain_name(target)?, escape(name)))
        }
        _ => None,
    }
}
