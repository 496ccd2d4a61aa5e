//! `<#assign>`, `<#global>`, `<#local>` and `<#setting>`.

use crate::ftl::ast::AssignOperator;
use crate::ftl::ast::Assignment;
use crate::ftl::ast::Body;
use crate::ftl::ast::Expr;
use crate::ftl::ast::NodeKind;
use crate::ftl::ast::Scope;
use crate::ftl::parse::Parser;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stop;
use crate::ftl::parse::stop::Stopped;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::vocabulary::Directive;
use crate::ftl::settings::NAMES;
use crate::ftl::settings::snake_case;
use crate::text::Span;
use crate::text::did_you_mean;

/// The settings that `<#setting>` changes.
pub(in crate::ftl) const CHANGEABLE: [&str; 12] = [
    "boolean_format",
    "c_format",
    "classic_compatible",
    "date_format",
    "datetime_format",
    "locale",
    "number_format",
    "output_encoding",
    "sql_date_and_time_time_zone",
    "time_format",
    "time_zone",
    "url_escaping_charset",
];

impl<'s> Parser<'s, '_> {
    pub(crate) fn assign(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, (name, name_span)) = self.assign_name(open)?;
        if assign_operator(rest).is_none() {
            return self.capture(open, rest, name, body);
        }
        self.assignments(open, rest, (name, name_span), body)
    }

    /// The first name, and what isn't a blank behind it.
    fn assign_name(&self, open: &Tag<'s>) -> Parsed<'s, (String, Span)> {
        self.check_scope(open)?;
        let (rest, name) = self.name_or_text(open.rest, "the name of a variable")?;
        let (rest, ()) = self.skip(rest)?;
        Ok((rest, name))
    }

    /// `<#assign x=1 y=2>`
    fn assignments(
        &self,
        open: &Tag<'s>,
        rest: &'s str,
        (name, name_span): (String, Span),
        body: &mut Body,
    ) -> Parsed<'s, ()> {
        let (mut rest, first) = self.assignment(rest, name, name_span)?;
        let mut assignments = vec![first];
        while let Some((tail, name, span)) = self.next_assignment(rest) {
            let (tail, next) = self.assignment(tail, name, span)?;
            assignments.push(next);
            rest = tail;
        }
        let (rest, namespace) = self.namespace(open, rest)?;
        let (end, _) =
            sure(self.loose_tag_end(rest)).map_err(|error| self.before_end(rest, error))?;
        self.leaf(open, end, Shape::Quiet);
        let scope = scope(open.directive, namespace);
        self.push(open, end, NodeKind::Assign { scope, assignments }, body);
        Ok((end, ()))
    }

    /// A more helpful expectation than `>` alone.
    fn before_end(&self, rest: &'s str, error: Stopped<'s>) -> Stopped<'s> {
        match self.skip(rest) {
            Ok((left, ())) if left.starts_with(',') => {
                let after = self.skip(&left[1..]).map_or("", |(after, ())| after);
                nom::Err::Failure(Stop {
                    left: after,
                    expected: "another `name = value` behind the comma",
                })
            }
            _ => error,
        }
    }

    /// What follows the name.
    fn assignment(&self, rest: &'s str, name: String, name_span: Span) -> Parsed<'s, Assignment> {
        let (rest, ()) = self.skip(rest)?;
        let Some((operator, length)) = assign_operator(rest) else {
            return sure(stop(rest, "`=` and a value"));
        };
        let rest = &rest[length..];
        let has_value = !matches!(operator, AssignOperator::Increment | AssignOperator::Decrement);
        let (rest, value) = if has_value {
            let (rest, value) = self.expression(rest)?;
            (rest, Some(value))
        } else {
            (rest, None)
        };
        Ok((rest, Assignment { name, name_span, operator, value }))
    }

    /// Another name with an operator behind it, perhaps after a comma.
    fn next_assignment(&self, rest: &'s str) -> Option<(&'s str, String, Span)> {
        let (rest, ()) = self.skip(rest).ok()?;
        let (start, ()) = self.skip(rest.strip_prefix(',').unwrap_or(rest)).ok()?;
        let (rest, name, span) = if start.starts_with(['"', '\'']) {
            let (rest, name) = self.plain_text(start).ok()?;
            (rest, name, self.span(start, rest))
        } else {
            let (rest, (name, span)) = self.name(start).ok()?;
            (rest, name, span)
        };
        let (ahead, ()) = self.skip(rest).ok()?;
        assign_operator(ahead).map(|_| (ahead, name, span))
    }

    /// `in ns`
    fn namespace(&self, open: &Tag<'s>, rest: &'s str) -> Parsed<'s, Option<Expr>> {
        let Some(after) = self.keyword(rest, "in") else { return Ok((rest, None)) };
        let (rest, namespace) = self.expression(after)?;
        if open.directive != Directive::Assign {
            let message = format!("expected no namespace in `{}`", open.shown());
            self.misplaced(open, &message, "only `<#assign>` can say `in namespace`")?;
        }
        Ok((rest, Some(namespace)))
    }

    /// `<#assign x>…</#assign>`
    fn capture(
        &self,
        open: &Tag<'s>,
        rest: &'s str,
        name: String,
        body: &mut Body,
    ) -> Parsed<'s, ()> {
        self.open(open, Shape::Capture);
        let (start, scope) = self.capture_head(open, rest)?;
        let output = self.output();
        let (rest, captured) = self.content_of(open, start)?;
        self.close(rest);
        self.push(open, start, NodeKind::Capture { scope, name, body: captured, output }, body);
        Ok((rest, ()))
    }

    fn capture_head(&self, open: &Tag<'s>, rest: &'s str) -> Parsed<'s, Scope> {
        let (rest, namespace) = self.namespace(open, rest)?;
        match self.tag_end(rest) {
            Ok((start, ())) => Ok((start, scope(open.directive, namespace))),
            Err(_) => sure(stop(self.skip(rest)?.0, "`=` and a value, or `>` and content")),
        }
    }

    fn check_scope(&self, open: &Tag<'s>) -> Checked<'s, ()> {
        let inside = self.inside.get();
        if open.directive != Directive::Local || inside.in_macro || inside.in_function {
            return Ok(());
        }
        let message = "expected `<#local>` inside of a macro or a function";
        self.misplaced(open, message, "outside, `<#assign>` sets a variable of the template")
    }

    pub(crate) fn setting(&self, open: &Tag<'s>, body: &mut Body) -> Parsed<'s, ()> {
        let (rest, (name, name_span)) = sure(self.name_called(open.rest, "the name of a setting"))?;
        let (rest, ()) = sure(self.equals(rest))?;
        let (rest, value) = self.expression(rest)?;
        let (rest, _) = sure(self.loose_tag_end(rest))?;
        self.check_name(&name, name_span)?;
        self.check_setting(&name, name_span)?;
        self.leaf(open, rest, Shape::Quiet);
        self.push(open, rest, NodeKind::Setting { name, name_span, value }, body);
        Ok((rest, ()))
    }

    fn check_setting(&self, name: &str, span: Span) -> Checked<'s, ()> {
        let snake = snake_case(name);
        let snake = if name.contains('_') { name } else { &snake };
        if CHANGEABLE.contains(&snake) {
            return Ok(());
        }
        let error = self.mistake(
            span,
            format!("expected a setting that a template can change, found `{name}`"),
        );
        let hint = match did_you_mean(snake, CHANGEABLE) {
            _ if NAMES.contains(&snake) => {
                "this one is set where the template is loaded, not inside of it".to_owned()
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", CHANGEABLE.join(", ")),
        };
        Err(self.refuse(error.with_hint(hint)))
    }
}

fn scope(directive: Directive, namespace: Option<Expr>) -> Scope {
    match directive {
        Directive::Global => Scope::Global,
        Directive::Local => Scope::Local,
        _ => Scope::Namespace(namespace),
    }
}

/// The operator behind a name, and its length.
fn assign_operator(rest: &str) -> Option<(AssignOperator, usize)> {
    const OPERATORS: [(&str, AssignOperator); 7] = [
        ("+=", AssignOperator::Add),
        ("-=", AssignOperator::Subtract),
        ("*=", AssignOperator::Multiply),
        ("/=", AssignOperator::Divide),
        ("%=", AssignOperator::Remainder),
        ("++", AssignOperator::Increment),
        ("--", AssignOperator::Decrement),
    ];
    if rest.starts_with('=') && !rest.starts_with("==") {
        return Some((AssignOperator::Set, 1));
    }
    let found = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
    Some((found.1, 2))
}
