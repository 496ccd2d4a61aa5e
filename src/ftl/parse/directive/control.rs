//! `<#if>`, `<#switch>`, `<#attempt>`, and what ends things early.

use crate::ftl::ast::Body;
use crate::ftl::ast::Branch;
use crate::ftl::ast::Case;
use crate::ftl::ast::CaseKind;
use crate::ftl::ast::Expr;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::content::Ending;
use crate::ftl::parse::content::Token;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stopped;
use crate::ftl::parse::stop::found;
use crate::ftl::parse::stop::shown;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::State;
use crate::ftl::parse::vocabulary::Directive;

/// The kinds of cases a `<#switch>` had so far.
#[derive(Default)]
struct Had {
    case: bool,
    on: bool,
    default: bool,
}

impl<'s> Parser<'s, '_> {
    pub(crate) fn if_(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::If);
        let mut branches = Vec::new();
        let mut tag = *open;
        let mut end_of_tag = None;
        loop {
            self.open(&tag, Shape::Plain);
            let (start, condition) = self.condition(&tag)?;
            end_of_tag.get_or_insert(start);
            let is_last = condition.is_none();
            let (rest, (content, ending)) = self.content(start)?;
            self.close_loose(start);
            let span = self.span(tag.start, start);
            branches.push(Branch { condition, body: content, span });
            if let Some(next) = self.next_branch(open, ending, is_last)? {
                tag = next;
                continue;
            }
            self.close(rest);
            self.push(open, end_of_tag.unwrap_or(start), NodeKind::If(branches), body);
            return Ok((rest, ()));
        }
    }

    /// What `<#if>` and `<#elseif>` ask, and the end of their tags.
    fn condition(&self, tag: &Tag<'s>) -> Parsed<'s, Option<Expr>> {
        if tag.directive == Directive::Else {
            return Ok((tag.rest, None));
        }
        let (rest, condition) = self.expression(tag.rest)?;
        let (rest, _) = match tag.directive {
            Directive::If => sure(self.tag_end(rest)).map(|(rest, ())| (rest, false)),
            _ => sure(self.loose_tag_end(rest)),
        }?;
        Ok((rest, Some(condition)))
    }

    /// The tag of the next branch, or nothing at the end tag.
    fn next_branch(
        &self,
        open: &Tag<'s>,
        ending: Ending<'s>,
        is_last: bool,
    ) -> Checked<'s, Option<Tag<'s>>> {
        match ending {
            Some(tag) if tag.is_end && tag.directive == Directive::If => Ok(None),
            Some(tag)
                if !is_last
                    && !tag.is_end
                    && matches!(tag.directive, Directive::Else | Directive::ElseIf) =>
            {
                self.set_free();
                Ok(Some(tag))
            }
            ending => Err(self.unclosed(open, ending, &format!("`{}`", open.shown_end()))),
        }
    }

    /// A new tag is read like every other.
    pub(crate) fn set_free(&self) {
        let mut lexing = self.lexing.get();
        lexing.state = State::Free;
        self.lexing.set(lexing);
    }

    pub(crate) fn switch(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        let (start, subject) = self.switch_head(open)?;
        let (mut rest, mut tag) = self.before_cases(open, start)?;
        let mut cases = Vec::new();
        let mut had = Had::default();
        self.count_breakable(true);
        while !tag.is_end {
            let (after, kind) = self.case(&tag, &had)?;
            let (tail, (content, ending)) = self.content(after)?;
            self.close_loose(tag.rest);
            self.check_case(&tag, &mut had)?;
            cases.push(Case { kind, body: content, span: self.span(tag.start, after) });
            rest = tail;
            tag = match ending.filter(|tag| ends_case(tag)) {
                Some(next) => next,
                None => {
                    return Err(self.unclosed(open, ending, &format!("`{}`", open.shown_end())));
                }
            };
        }
        if !had.on {
            self.count_breakable(false);
        }
        self.close(rest);
        self.push(open, start, NodeKind::Switch { subject, cases }, body);
        Ok((rest, ()))
    }

    fn switch_head(&self, open: &Tag<'s>) -> Parsed<'s, Expr> {
        let (rest, subject) = self.expression(open.rest)?;
        let (rest, ()) = sure(self.tag_end(rest))?;
        Ok((rest, subject))
    }

    /// Blanks and comments up to the first case, or to the end tag.
    fn before_cases(&self, open: &Tag<'s>, start: &'s str) -> Parsed<'s, Tag<'s>> {
        let mut rest = start;
        loop {
            let (tail, token) = self.next_token(rest)?;
            let text = &rest[..rest.len() - tail.len()];
            let inside = self.inside.get();
            if !text.is_empty() {
                let from = rest.trim_start_matches(BLANKS);
                if from.len() > tail.len() {
                    return Err(self.not_a_case(open, from));
                }
                if !(inside.strip_text && inside.content == 1) {
                    self.layout.borrow_mut().text(text, self.at(rest), self.at(tail));
                }
            }
            match token {
                Token::Tag(tag)
                    if !tag.is_end
                        && matches!(
                            tag.directive,
                            Directive::Comment | Directive::CommentBlock
                        ) =>
                {
                    (rest, ()) = self.comment(&tag)?;
                }
                Token::Tag(tag) if ends_case(&tag) => {
                    let mut layout = self.layout.borrow_mut();
                    if inside.strip_whitespace && layout.has_only_one_text() {
                        layout.forget_content();
                    }
                    return Ok((tag.rest, tag));
                }
                Token::Tag(tag) if tag.is_end => {
                    let expected = "`<#case …>` or the end of the `<#switch>`";
                    return Err(self.unclosed(open, Some(tag), expected));
                }
                Token::End => {
                    return Err(self.unclosed(open, None, &format!("`{}`", open.shown_end())));
                }
                _ => return Err(self.not_a_case(open, tail)),
            }
        }
    }

    fn not_a_case(&self, open: &Tag<'s>, at: &'s str) -> Stopped<'s> {
        let found = found(at);
        let message = format!("expected a case of the `{}`, found {}", open.shown(), shown(found));
        let error = self.mistake(self.span(at, &at[found.len()..]), message);
        self.refuse(
            error.with_hint("only blanks and comments may stand before the first `<#case>`"),
        )
    }

    /// The parameters of `<#case>`, `<#on>`, `<#default>`.
    fn case(&self, tag: &Tag<'s>, had: &Had) -> Parsed<'s, CaseKind> {
        if tag.directive == Directive::On && !had.on {
            // Only `<#case>` can be left with `<#break>`.
            self.count_breakable(false);
        }
        self.set_free();
        self.open(tag, Shape::Plain);
        match tag.directive {
            Directive::Case => {
                let (rest, value) = self.expression(tag.rest)?;
                let (rest, ()) = sure(self.tag_end(rest))?;
                Ok((rest, CaseKind::Case(value)))
            }
            Directive::On => {
                let (rest, values) = self.arguments(tag.rest, false)?;
                let (rest, ()) = sure(self.tag_end(rest))?;
                Ok((rest, CaseKind::On(values.items)))
            }
            _ => Ok((tag.rest, CaseKind::Default)),
        }
    }

    fn check_case(&self, tag: &Tag<'s>, had: &mut Had) -> Checked<'s, ()> {
        let hint = "`<#case>` falls through to the next case, `<#on>` doesn't: one `<#switch>` has one kind";
        let found = match tag.directive {
            Directive::Case if had.on => "`<#case>` after `<#on>`",
            Directive::On if had.case => "`<#on>` after `<#case>`",
            Directive::On if had.default => {
                let message = "expected `<#default>` behind all `<#on>`";
                return self.misplaced(tag, message, "move `<#default>` to the end");
            }
            Directive::Default if had.default => {
                let message = "expected one `<#default>` in a `<#switch>`, found another";
                return self.misplaced(tag, message, "only one of them could ever be chosen");
            }
            Directive::Case => {
                had.case = true;
                return Ok(());
            }
            Directive::On => {
                had.on = true;
                return Ok(());
            }
            _ => {
                had.default = true;
                return Ok(());
            }
        };
        let message =
            format!("expected either `<#case>` or `<#on>` in a `<#switch>`, found {found}");
        self.misplaced(tag, &message, hint)
    }

    pub(crate) fn attempt(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Plain);
        self.layout.borrow_mut().open(Shape::Mixed, self.at(open.rest));
        let (rest, (tried, ending)) = self.content(open.rest)?;
        self.layout.borrow_mut().close_mixed();
        let Some(recover_tag) =
            ending.filter(|tag| !tag.is_end && tag.directive == Directive::Recover)
        else {
            return Err(self.unclosed(open, ending, "`<#recover>`"));
        };
        self.open(&recover_tag, Shape::Plain);
        let (end, (recover, ending)) = self.content(rest)?;
        self.close_loose(recover_tag.rest);
        match ending {
            Some(tag)
                if tag.is_end
                    && matches!(tag.directive, Directive::Attempt | Directive::Recover) => {}
            ending => return Err(self.unclosed(open, ending, &format!("`{}`", open.shown_end()))),
        }
        self.close(end);
        let recover_span = self.span(recover_tag.start, recover_tag.rest);
        self.push(open, open.rest, NodeKind::Attempt { body: tried, recover, recover_span }, body);
        Ok((end, ()))
    }

    /// `<#break>` and `<#continue>`.
    pub(crate) fn jump(&self, tag: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let inside = self.inside.get();
        let is_break = tag.directive == Directive::Break;
        let around = if is_break { inside.breakable } else { inside.continuable };
        if around == 0 {
            let places = if is_break { "a loop or a `<#switch>`" } else { "a loop" };
            let message = format!("expected `{}` inside of {places}", tag.shown());
            let hint = "a loop is `<#list xs as x>`, or `<#items as x>` in `<#list xs>`";
            self.misplaced(tag, &message, hint)?;
        }
        self.simple(tag, if is_break { NodeKind::Break } else { NodeKind::Continue }, body)
    }

    /// `<#stop>`, `<#stop "why">`.
    pub(crate) fn stop(&self, tag: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        // FreeMarker takes only the first part of the tag for its place in the line.
        self.leaf(tag, tag.rest, Shape::Plain);
        let (rest, message) = if tag.is_bare {
            (tag.rest, None)
        } else {
            let (rest, message) = self.expression(tag.rest)?;
            (sure(self.loose_tag_end(rest))?.0, Some(message))
        };
        self.push(tag, rest, NodeKind::Stop(message), body);
        Ok((rest, ()))
    }

    pub(crate) fn count_breakable(&self, more: bool) {
        let mut inside = self.inside.get();
        inside.breakable =
            if more { inside.breakable + 1 } else { inside.breakable.saturating_sub(1) };
        self.inside.set(inside);
    }
}

/// Whether the tag ends a case: it begins another, or ends them all.
fn ends_case(tag: &Tag<'_>) -> bool {
    match tag.directive {
        Directive::Case | Directive::On | Directive::Default => !tag.is_end,
        Directive::Switch => tag.is_end,
        _ => false,
    }
}
