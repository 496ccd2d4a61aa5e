//! Directives: what stands between tags, and which tags belong together.

pub(in crate::ftl) mod assign;
mod call;
mod control;
mod format;
mod load;
mod looping;
mod macros;

use crate::ftl::ast::Body;
use crate::ftl::ast::Expr;
use crate::ftl::ast::Node;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::content::Ending;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::token::State;
use crate::ftl::parse::vocabulary::Directive;

impl<'s> Parser<'s, '_> {
    /// The directive that starts with `tag`. A tag that starts none comes back as an ending, and so
    /// does the one that ends a `<#sep>` without end tag.
    pub(crate) fn directive(&self, tag: Tag<'s>, body: &mut Body) -> Parsed<'s, Ending<'s>> {
        if tag.is_end {
            return Ok((tag.rest, Some(tag)));
        }
        let mut lexing = self.lexing.get();
        lexing.state = State::Free;
        lexing.in_arguments = false;
        self.lexing.set(lexing);
        let parsed = match tag.directive {
            Directive::If => self.if_(&tag, body),
            Directive::List => self.list(&tag, body),
            Directive::ForEach => self.for_each(&tag, body),
            Directive::Items => self.items(&tag, body),
            Directive::Sep => return self.sep(&tag, body),
            Directive::Switch => self.switch(&tag, body),
            Directive::Attempt => self.attempt(&tag, body),
            Directive::Break | Directive::Continue => self.jump(&tag, body),
            Directive::Assign | Directive::Global | Directive::Local => self.assign(&tag, body),
            Directive::Setting => self.setting(&tag, body),
            Directive::Macro | Directive::Function => self.macro_(&tag, body),
            Directive::Nested => self.nested_content(&tag, body),
            Directive::Return => self.return_(&tag, body),
            Directive::UserCall => self.user_call(&tag, body),
            Directive::Call => self.call(&tag, body),
            Directive::Transform => self.transform(&tag, body),
            Directive::Include => self.include(&tag, body),
            Directive::Import => self.import(&tag, body),
            Directive::Escape => self.escape(&tag, body),
            Directive::NoEscape => self.no_escape(&tag, body),
            Directive::OutputFormat => self.output_format(&tag, body),
            Directive::AutoEsc => self.auto_esc(&tag, body),
            Directive::NoAutoEsc => self.no_auto_esc(&tag, body),
            Directive::Compress => self.compress(&tag, body),
            Directive::NoParse => self.no_parse(&tag, body),
            Directive::Comment | Directive::CommentBlock => self.comment(&tag),
            Directive::Stop => self.stop(&tag, body),
            Directive::Flush => self.simple(&tag, NodeKind::Flush, body),
            Directive::T => self.trim(&tag, true, true),
            Directive::Lt => self.trim(&tag, true, false),
            Directive::Rt => self.trim(&tag, false, true),
            Directive::Nt => self.trim(&tag, false, false),
            Directive::Visit => self.visit(&tag, body),
            Directive::Recurse => self.recurse(&tag, body),
            Directive::Fallback => self.fallback(&tag, body),
            Directive::Case
            | Directive::Default
            | Directive::Else
            | Directive::ElseIf
            | Directive::Ftl
            | Directive::On
            | Directive::Recover => return Ok((tag.rest, Some(tag))),
        };
        parsed.map(|(rest, ())| (rest, None))
    }

    /// A directive that is only a tag.
    fn simple(&self, tag: &Tag<'s>, kind: NodeKind, body: &mut Body) -> Parsed<'s, ()> {
        self.leaf(tag, tag.rest, Shape::Plain);
        self.push(tag, tag.rest, kind, body);
        Ok((tag.rest, ()))
    }

    /// `<#t>` and its kin only matter to the white space around.
    fn trim(&self, tag: &Tag<'s>, left: bool, right: bool) -> Parsed<'s, ()> {
        self.leaf(tag, tag.rest, Shape::Trim { left, right });
        Ok((tag.rest, ()))
    }

    fn push(&self, tag: &Tag<'s>, end: &'s str, kind: NodeKind, body: &mut Body) {
        body.push(Node { kind, span: self.span(tag.start, end) });
    }

    fn leaf(&self, tag: &Tag<'s>, end: &'s str, shape: Shape) {
        self.layout.borrow_mut().leaf(shape, self.at(tag.start), self.at(end));
    }

    fn open(&self, tag: &Tag<'s>, shape: Shape) {
        self.layout.borrow_mut().open(shape, self.at(tag.start));
    }

    fn close(&self, rest: &'s str) {
        self.layout.borrow_mut().close(self.at(rest));
    }

    /// The end of something without end tag, whose start tag ended at `rest`.
    fn close_loose(&self, rest: &'s str) {
        self.layout.borrow_mut().close_loose(self.at(rest));
    }

    /// Content up to the end tag of `open`.
    fn content_of(&self, open: &Tag<'s>, rest: &'s str) -> Parsed<'s, Body> {
        let (rest, (body, ending)) = self.content(rest)?;
        match ending {
            Some(tag) if tag.is_end && tag.directive == open.directive => Ok((rest, body)),
            ending => Err(self.unclosed(open, ending, &format!("`{}`", open.shown_end()))),
        }
    }

    /// `name=value` until something else comes; duplicates override.
    fn named_values(&self, rest: &'s str) -> Parsed<'s, Vec<(String, Expr)>> {
        let mut values: Vec<(String, Expr)> = Vec::new();
        let mut rest = rest;
        while let Ok((tail, (name, _))) = self.name(rest) {
            let (tail, ()) = sure(self.equals(tail))?;
            let (tail, value) = self.expression(tail)?;
            set(&mut values, name, value);
            rest = tail;
        }
        Ok((rest, values))
    }

    /// A name, or a text in quotes that says it.
    fn name_or_text(
        &self,
        rest: &'s str,
        expected: &'static str,
    ) -> Parsed<'s, (String, crate::text::Span)> {
        let (start, ()) = self.skip(rest)?;
        if start.starts_with(['"', '\'']) || start.starts_with("r\"") || start.starts_with("r'") {
            let (rest, text) = self.plain_text(start)?;
            return Ok((rest, (text, self.span(start, rest))));
        }
        sure(self.name_called(start, expected))
    }

    /// The mistake of a directive that stands where it can't.
    fn misplaced(&self, tag: &Tag<'s>, message: &str, hint: &str) -> Checked<'s, ()> {
        let error = self.mistake(self.span(tag.start, tag.rest), message);
        Err(self.refuse(error.with_hint(hint)))
    }
}

/// Sets a value of a list of named ones; the last of a name counts.
fn set(values: &mut Vec<(String, Expr)>, name: String, value: Expr) {
    match values.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => values.push((name, value)),
    }
}
