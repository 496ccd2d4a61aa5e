//! What changes how content is printed, or whether it is read at all.

use std::rc::Rc;

use crate::ftl::ast::Body;
use crate::ftl::ast::Node;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::constant::Constant;
use crate::ftl::parse::constant::constant;
use crate::ftl::parse::escape::Escape;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::place::Format;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::vocabulary::Directive;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::Combination;
use crate::ftl::settings::OutputFormat;
use crate::text::Span;

/// So many output formats may be combined; each costs time wherever it is used.
const MAX_COMBINED_FORMATS: usize = 16;

impl<'s> Parser<'s, '_> {
    /// `<#escape x as x?html>`: applied right here to the interpolations inside.
    pub(crate) fn escape(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let output = self.output();
        if output.auto_escape {
            let message =
                format!("found `<#escape>` where {} is escaped by itself", output.format.name());
            self.misplaced(open, &message, "leave it out; `?no_esc` prints markup as it is")?;
        }
        self.open(open, Shape::Plain);
        let (rest, (variable, _)) = sure(self.name(open.rest))?;
        let Some(rest) = self.keyword(rest, "as") else {
            return sure(stop(self.skip(rest)?.0, "`as`"));
        };
        let (rest, expr) = sure(self.tall_expression(rest))?;
        let (start, ()) = sure(self.tag_end(rest))?;
        let span = expr.expr.span;
        body.push(Node { kind: NodeKind::Escape((*expr.expr).clone()), span });
        let expr = Rc::from(self.escaped(start, expr)?.expr);
        self.escapes.borrow_mut().push(Escape { variable, expr });
        let (rest, mut content) = self.content_of(open, start)?;
        self.escapes.borrow_mut().pop();
        self.close(rest);
        body.append(&mut content);
        Ok((rest, ()))
    }

    /// `<#noescape>`: without the innermost escape.
    pub(crate) fn no_escape(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let Some(escape) = self.escapes.borrow_mut().pop() else {
            let message = "expected `<#noescape>` inside of an `<#escape>`";
            self.misplaced(open, message, "where nothing is escaped, leave it out")?;
            return Ok((open.rest, ()));
        };
        self.open(open, Shape::Plain);
        let (rest, mut content) = self.content_of(open, open.rest)?;
        self.escapes.borrow_mut().push(escape);
        self.close(rest);
        body.append(&mut content);
        Ok((rest, ()))
    }

    /// `<#outputformat "HTML">`, `<#outputformat "{HTML}">`
    pub(crate) fn output_format(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, parameter) = self.expression(open.rest)?;
        let (start, ()) = sure(self.tag_end(rest))?;
        let Some(Constant::Text(name)) = constant(&parameter) else {
            let message = "expected a constant text with the name of an output format";
            return Err(self.refuse(self.mistake(parameter.span, message)));
        };
        let format = self.inner_format(&name, parameter.span)?;
        let before = self.format.borrow().clone();
        self.change_format(|it| it.output.format = format);
        self.check_forced_escaping(parameter.span)?;
        self.formatted(open, start, before, body)
    }

    /// `<#autoesc>`
    pub(crate) fn auto_esc(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.check_can_escape(self.span(open.start, open.rest))?;
        let before = self.format.borrow().clone();
        self.change_format(|it| it.policy = AutoEscaping::EnableIfSupported);
        self.formatted(open, open.rest, before, body)
    }

    /// `<#noautoesc>`
    pub(crate) fn no_auto_esc(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.check_not_forced(self.span(open.start, open.rest), "`<#noautoesc>`")?;
        let before = self.format.borrow().clone();
        self.change_format(|it| it.policy = AutoEscaping::Disable);
        self.formatted(open, open.rest, before, body)
    }

    /// Content with a format of its own.
    fn formatted(
        &self,
        open: &Tag<'s>,
        start: &'s str,
        before: Format,
        body: &mut Body,
    ) -> Parsed<'s, ()> {
        self.open(open, Shape::Vanishing);
        let output = self.output();
        let (rest, content) = self.content_of(open, start)?;
        self.format.replace(before);
        self.close(rest);
        self.push(open, start, NodeKind::Formatted { output, body: content }, body);
        Ok((rest, ()))
    }

    pub(crate) fn compress(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        self.open(open, Shape::Vanishing);
        let (rest, content) = self.content_of(open, open.rest)?;
        self.close(rest);
        self.push(open, open.rest, NodeKind::Compress(content), body);
        Ok((rest, ()))
    }

    /// `<#noparse>`: its content is text.
    pub(crate) fn no_parse(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, text) = self.unread(open)?;
        self.layout.borrow_mut().unread(text, self.at(open.start), self.at(rest));
        let kind = NodeKind::Text(String::new());
        body.push(Node { kind, span: self.span(open.start, rest) });
        Ok((rest, ()))
    }

    /// `<#-- … -->`, `<#comment>…</#comment>`
    pub(crate) fn comment(&self, open: &Tag<'s>) -> Parsed<'s, ()> {
        let (rest, _) = self.unread(open)?;
        self.leaf(open, rest, Shape::Quiet);
        Ok((rest, ()))
    }

    /// Everything up to the end of a comment or `<#noparse>`.
    fn unread(&self, open: &Tag<'s>) -> Parsed<'s, &'s str> {
        let text = open.rest;
        let (end, expected) = if open.directive == Directive::Comment {
            let close = if self.style.get().square { "--]" } else { "-->" };
            (text.find(close).map(|at| (at, at + close.len())), format!("`{close}`"))
        } else {
            let name = open.start.trim_start_matches(['<', '[', '#']);
            let length = name.bytes().take_while(u8::is_ascii_alphabetic).count();
            (find_end_tag(text, &name[..length]), format!("`{}`", open.shown_end()))
        };
        match end {
            Some((at, after)) => Ok((&text[after..], &text[..at])),
            None if text.is_empty()
                || (self.shared.settings.improves_since(21) && !text.ends_with(';')) =>
            {
                Err(self.unclosed(open, None, &expected))
            }
            None => {
                // Old versions lost the last word of what wasn't closed, and new ones do so before a
                // semicolon.
                let kept = text.rfind(['<', '[', '-']).map_or(0, |at| at + 1);
                let kept = if kept == text.len() { kept - 1 } else { kept };
                Ok((&text[text.len()..], &text[..kept]))
            }
        }
    }

    /// The format of that name, which in braces goes into the one around.
    fn inner_format(&self, name: &str, span: Span) -> Checked<'s, OutputFormat> {
        let Some(inner) = name.strip_prefix('{') else {
            return self.output_format_named(name, span);
        };
        let refuse = |message: String| Err(self.refuse(self.mistake(span, message)));
        let Some(inner) = inner.strip_suffix('}') else {
            return refuse("expected `}` at the end of the format's name".into());
        };
        let inner = self.output_format_named(inner, span)?;
        let outer = self.output().format;
        for format in [&inner, &outer] {
            if !format.is_markup() {
                return refuse(format!(
                    "expected formats with escaping to combine, found {}",
                    format.name()
                ));
            }
        }
        if combined(&outer) >= MAX_COMBINED_FORMATS {
            return Err(self.refuse(self.limit(span, "too many output formats are combined")));
        }
        Ok(OutputFormat::Combined(Box::new(Combination { outer, inner, is_named: false })))
    }
}

/// How many formats are combined in one.
fn combined(format: &OutputFormat) -> usize {
    match format {
        OutputFormat::Combined(both) => combined(&both.outer) + combined(&both.inner),
        _ => 1,
    }
}

/// Where `</#name>` is, in either kind of brackets and with or without `#`.
fn find_end_tag(text: &str, name: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(['<', '['])?;
        from = at + 1;
        let Some(tag) = text[from..].strip_prefix('/') else { continue };
        let tag = tag.strip_prefix('#').unwrap_or(tag);
        let length = tag.bytes().take_while(u8::is_ascii_alphabetic).count();
        let close = tag[length..].trim_start_matches(BLANKS);
        if &tag[..length] == name && close.starts_with(['>', ']']) {
            return Some((at, text.len() - close.len() + 1));
        }
    }
}
