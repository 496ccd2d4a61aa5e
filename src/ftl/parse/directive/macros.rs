//! `<#macro>`, `<#function>` and what belongs into them.

use crate::ftl::ast::Body;
use crate::ftl::ast::Macro;
use crate::ftl::ast::NodeKind;
use crate::ftl::ast::Parameter;
use crate::ftl::parse::Parser;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::place::Inside;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::vocabulary::Directive;
use crate::text::Span;

/// Parameters as they are read.
#[derive(Default)]
struct Parameters {
    named: Vec<Parameter>,
    catch_all: Option<String>,
    has_defaults: bool,
}

impl<'s> Parser<'s, '_> {
    /// `<#macro>` and `<#function>`.
    pub(crate) fn macro_(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let is_function = open.directive == Directive::Function;
        let outside = self.inside.get();
        if outside.in_macro || outside.in_function {
            let message = "found a macro or function inside of another";
            self.misplaced(open, message, "define it before, and call it here")?;
        }
        self.inside.set(Inside { in_macro: !is_function, in_function: is_function, ..outside });
        self.open(open, Shape::Macro);
        let (rest, (name, _)) = self.name_or_text(open.rest, "a name")?;
        let (start, Parameters { named: parameters, catch_all, .. }) = self.parameters(rest)?;

        // What is around the definition isn't around its calls.
        let loops = self.shared.loops.take();
        if self.shared.settings.improves_since(23) {
            let inside = Inside { breakable: 0, continuable: 0, ..self.inside.get() };
            self.inside.set(inside);
        }
        let output = self.output();
        let (rest, content) = self.content_of(open, start)?;
        self.shared.loops.replace(loops);
        self.inside.set(Inside { in_macro: false, in_function: false, ..outside });
        self.close(rest);
        let definition = Macro { name, is_function, parameters, catch_all, body: content, output };
        self.push(open, start, NodeKind::Macro(definition), body);
        Ok((rest, ()))
    }

    /// Parameters up to the end of the tag, in parentheses or not.
    fn parameters(&self, rest: &'s str) -> Parsed<'s, Parameters> {
        let mut read = Parameters::default();
        let (mut rest, ()) = self.skip(rest)?;
        if let Some(after) = rest.strip_prefix('(') {
            self.open_parenthesis();
            rest = after;
        }
        while let Ok((tail, (name, span))) = self.name(rest) {
            rest = self.macro_parameter(tail, name, span, &mut read)?.0;
        }
        let (ahead, ()) = self.skip(rest)?;
        if let Some(after) = ahead.strip_prefix(')') {
            self.close_parenthesis();
            rest = after;
        }
        let (rest, ()) = sure(self.tag_end(rest))?;
        Ok((rest, read))
    }

    /// `name`, `name=default`, `name...`
    fn macro_parameter(
        &self,
        rest: &'s str,
        name: String,
        span: Span,
        read: &mut Parameters,
    ) -> Parsed<'s, ()> {
        let (mut rest, ()) = self.skip(rest)?;
        let is_catch_all = rest.starts_with("...");
        if is_catch_all {
            (rest, ()) = self.skip(&rest[3..])?;
        }
        let mut default = None;
        if let Ok((after, ())) = self.equals(rest) {
            let (tail, value) = self.expression(after)?;
            default = Some(value);
            read.has_defaults = true;
            rest = tail;
        }
        let (ahead, ()) = self.skip(rest)?;
        rest = ahead.strip_prefix(',').unwrap_or(rest);
        let refuse = |message: &str, hint: &str| {
            Err(self.refuse(self.mistake(span, message).with_hint(hint)))
        };
        if read.catch_all.is_some() {
            let message = "expected no parameter behind the one that takes the rest";
            return refuse(message, "the parameter with `...` must be the last one");
        }
        if is_catch_all {
            if default.is_some() {
                return refuse(
                    "expected no default for the parameter that takes the rest",
                    "it is an empty list or hash when there is nothing",
                );
            }
            read.catch_all = Some(name);
        } else if read.has_defaults && default.is_none() {
            let message = format!("expected a default for `{name}`, as the one before has one");
            return refuse(&message, "parameters without a default come first");
        } else {
            match read.named.iter_mut().find(|known| known.name == name) {
                Some(known) => known.default = default,
                None => read.named.push(Parameter { name, default }),
            }
        }
        Ok((rest, ()))
    }

    /// `<#nested a, b>`
    pub(crate) fn nested_content(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, values) = if open.is_bare {
            (open.rest, Vec::new())
        } else {
            let (rest, values) = self.arguments(open.rest, false)?;
            (sure(self.loose_tag_end(rest))?.0, values.items)
        };
        if !self.inside.get().in_macro {
            let message = "expected `<#nested>` inside of a macro";
            self.misplaced(
                open,
                message,
                "it prints the content between `<@name>` and `</@name>`",
            )?;
        }
        self.leaf(open, rest, Shape::Plain);
        self.push(open, rest, NodeKind::Nested(values), body);
        Ok((rest, ()))
    }

    pub(crate) fn return_(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, value) = if open.is_bare {
            (open.rest, None)
        } else {
            let (rest, value) = self.expression(open.rest)?;
            (sure(self.loose_tag_end(rest))?.0, Some(value))
        };
        let inside = self.inside.get();
        if inside.in_macro && value.is_some() {
            self.misplaced(
                open,
                "expected `<#return>` without a value in a macro",
                "only functions have a value: `<#function f x>`",
            )?;
        } else if inside.in_function && value.is_none() {
            self.misplaced(
                open,
                "expected a value for the function to return",
                "like `<#return x + 1>`",
            )?;
        } else if !inside.in_macro && value.is_none() && !inside.in_function {
            self.misplaced(
                open,
                "expected `<#return>` inside of a macro or a function",
                "`<#stop>` ends the whole template",
            )?;
        }
        self.leaf(open, rest, Shape::Plain);
        self.push(open, rest, NodeKind::Return(value), body);
        Ok((rest, ()))
    }
}
