//! `<#include>` and `<#import>`, and the directives for XML, which are only recognised.

use crate::ftl::ast::Body;
use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::constant::Constant;
use crate::ftl::parse::constant::constant;
use crate::ftl::parse::constant::yes_or_no;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stopped;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::text::Span;

impl<'s> Parser<'s, '_> {
    /// `<#include "path" parse=false>`
    pub(crate) fn include(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, path) = self.expression(open.rest)?;
        let (ahead, ()) = self.skip(rest)?;
        let mut rest = ahead.strip_prefix(';').unwrap_or(rest);
        let (mut parse, mut encoding, mut ignore_missing) = (None, None, None);
        while let Ok((tail, (name, span))) = self.name(rest) {
            let (tail, ()) = sure(self.equals(tail))?;
            let (tail, value) = self.expression(tail)?;
            let lower = name.to_ascii_lowercase();
            match lower.as_str() {
                "parse" => parse = Some(value),
                "encoding" => encoding = Some(value),
                _ if lower == "ignore_missing" || name == "ignoreMissing" => {
                    self.check_name(&name, span)?;
                    ignore_missing = Some(value);
                }
                _ => return Err(self.unknown_include_parameter(&name, span)),
            }
            rest = tail;
        }
        let (rest, _) = sure(self.loose_tag_end(rest))?;
        self.check_flag(parse.as_ref(), "parse", true)?;
        self.check_flag(ignore_missing.as_ref(), "ignore_missing", false)?;
        self.check_encoding(encoding.as_ref())?;
        self.leaf(open, rest, Shape::Plain);
        let kind = NodeKind::Include { path, parse, encoding, ignore_missing };
        self.push(open, rest, kind, body);
        Ok((rest, ()))
    }

    fn unknown_include_parameter(&self, name: &str, span: Span) -> Stopped<'s> {
        let message = format!("expected a parameter of `<#include>`, found `{name}`");
        let hint = "there are parse, encoding, ignore_missing";
        self.refuse(self.mistake(span, message).with_hint(hint))
    }

    /// A parameter that is known already must be a boolean.
    fn check_flag(&self, value: Option<&Expr>, name: &str, words: bool) -> Checked<'s, ()> {
        let Some(value) = value else { return Ok(()) };
        let fits = match (constant(value), &value.kind) {
            (Some(Constant::Boolean(_)) | None, _) => true,
            (Some(Constant::Text(text)), ExprKind::Text(_)) if words => yes_or_no(&text).is_some(),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let message = format!("expected `true` or `false` for `{name}`");
        Err(self.refuse(self.mistake(value.span, message)))
    }

    fn check_encoding(&self, value: Option<&Expr>) -> Checked<'s, ()> {
        match value.map(|value| (value, constant(value))) {
            None | Some((_, None | Some(Constant::Text(_)))) => Ok(()),
            Some((value, _)) => {
                Err(self.refuse(self.mistake(value.span, "expected a string for `encoding`")))
            }
        }
    }

    /// `<#import "path" as name>`
    pub(crate) fn import(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, path) = self.expression(open.rest)?;
        let Some(rest) = self.keyword(rest, "as") else {
            return sure(stop(self.skip(rest)?.0, "`as` and a name"));
        };
        let (rest, (name, _)) = sure(self.name(rest))?;
        let (rest, _) = sure(self.loose_tag_end(rest))?;
        self.leaf(open, rest, Shape::Quiet);
        self.push(open, rest, NodeKind::Import { path, name }, body);
        Ok((rest, ()))
    }

    /// `<#visit node using ns>`
    pub(crate) fn visit(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, _) = self.expression(open.rest)?;
        self.using(open, rest, "visit", body)
    }

    /// `<#recurse node using ns>`
    pub(crate) fn recurse(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        if open.is_bare {
            return self.simple(open, NodeKind::Unavailable("recurse"), body);
        }
        let (ahead, ()) = self.skip(open.rest)?;
        let rest = if self.starts_operand(ahead) { self.expression(ahead)?.0 } else { ahead };
        self.using(open, rest, "recurse", body)
    }

    fn using(
        &self,
        open: &Tag<'s>,
        rest: &'s str,
        name: &'static str,
        body: &mut Body,
    ) -> Parsed<'s, ()> {
        let rest = match self.keyword(rest, "using") {
            Some(after) => self.expression(after)?.0,
            None => rest,
        };
        let (rest, _) = sure(self.loose_tag_end(rest))?;
        self.leaf(open, rest, Shape::Plain);
        self.push(open, rest, NodeKind::Unavailable(name), body);
        Ok((rest, ()))
    }

    pub(crate) fn fallback(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        if !self.inside.get().in_macro {
            let message = "expected `<#fallback>` inside of a macro";
            self.misplaced(open, message, "it is for macros that handle XML nodes")?;
        }
        self.simple(open, NodeKind::Unavailable("fallback"), body)
    }
}
