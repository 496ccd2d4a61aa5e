//! `x?name` and `.name`: what can be said about them without running anything. Which built-ins there
//! are is not known here; these few have rules of syntax.

use crate::ftl::ast::ExprKind;
use crate::ftl::parse::Parser;
use crate::ftl::parse::expression::Arguments;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::place::Loop;
use crate::ftl::parse::place::LoopKind;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::sure;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::snake_case;
use crate::text::Span;
use crate::text::did_you_mean;

/// Built-ins of loop variables.
const OF_LOOPS: [&str; 10] = [
    "index",
    "counter",
    "has_next",
    "is_first",
    "is_last",
    "is_even_item",
    "is_odd_item",
    "item_parity",
    "item_parity_cap",
    "item_cycle",
];

/// Whether a built-in asks about the loop of a variable, in either spelling.
pub(crate) fn is_about_loop(name: &str) -> bool {
    OF_LOOPS.contains(&snake_case(name).as_str())
}

/// The special variables.
pub(in crate::ftl) const SPECIALS: [&str; 27] = [
    "args",
    "auto_esc",
    "caller_template_name",
    "current_node",
    "current_template_name",
    "data_model",
    "error",
    "get_optional_template",
    "globals",
    "incompatible_improvements",
    "lang",
    "locale",
    "locale_object",
    "locals",
    "main",
    "main_template_name",
    "namespace",
    "node",
    "now",
    "output_encoding",
    "output_format",
    "pass",
    "template_name",
    "time_zone",
    "url_escaping_charset",
    "vars",
    "version",
];

/// Whether `name` is a spelling of `canonical`, in snake or camel case.
fn spells(name: &str, canonical: &str) -> bool {
    name == canonical || (!name.contains('_') && snake_case(name) == canonical)
}

impl<'s> Parser<'s, '_> {
    /// `x?name`, and the arguments of the built-ins that need them at once.
    pub(crate) fn built_in(&self, start: &'s str, target: Tall) -> Parsed<'s, Tall> {
        let (rest, (name, name_span)) =
            sure(self.name_called(&start[1..], "the name of a built-in"))?;
        self.check_name(&name, name_span)?;
        let canonical = snake_case(&name);
        let canonical = if name.contains('_') { name.as_str() } else { canonical.as_str() };
        self.check_place(canonical, &name, name_span, &target)?;
        let canonical = canonical.to_owned();
        let built_in = self.around(rest, target, |target| ExprKind::BuiltIn {
            target,
            name: name.clone(),
            name_span,
        })?;
        let takes_lambda =
            matches!(canonical.as_str(), "filter" | "map" | "take_while" | "drop_while");
        if !takes_lambda && !matches!(canonical.as_str(), "then" | "switch") {
            return Ok((rest, built_in));
        }
        let (ahead, ()) = self.skip(rest)?;
        let (rest, arguments) = self.parenthesized(ahead, takes_lambda)?;
        self.check_arguments(&canonical, &name, self.span(ahead, rest), &arguments)?;
        self.called(rest, built_in, arguments).map(|tall| (rest, tall))
    }

    /// Built-ins that only some places have.
    fn check_place(
        &self,
        canonical: &str,
        name: &str,
        span: Span,
        target: &Tall,
    ) -> Checked<'s, ()> {
        if OF_LOOPS.contains(&canonical) {
            return self.check_loop_variable(name, target);
        }
        let format = self.format.borrow();
        let format_name = format.output.format.name();
        let (message, hint) = match canonical {
            "html" | "xhtml" | "xml" | "rtf" | "web_safe" if format.output.auto_escape => (
                format!("`?{name}` can't be used where {format_name} is escaped by itself"),
                "print the value without it; `?no_esc` prints text that is markup already",
            ),
            "no_esc" if format.policy == AutoEscaping::Force => (
                format!("`?{name}` can't be used: the setting `auto_escaping_policy` is `force`"),
                "print the value without it",
            ),
            "esc" | "no_esc" if !format.output.format.is_markup() => (
                format!("`?{name}` needs an output format with escaping, found {format_name}"),
                "name one: `<#ftl output_format=\"HTML\">` or `<#outputformat \"XML\">`",
            ),
            _ => return Ok(()),
        };
        Err(self.refuse(self.mistake(span, message).with_hint(hint)))
    }

    /// `x?index` and its kin need the variable of a loop around them.
    fn check_loop_variable(&self, name: &str, target: &Tall) -> Checked<'s, ()> {
        let ExprKind::Name(variable) = &target.expr.kind else {
            let message = format!("expected the name of a loop variable before `?{name}`");
            let error = self.mistake(target.span(), message);
            return Err(self.refuse(error.with_hint(format!("like `item?{name}`"))));
        };
        let loops = self.shared.loops.borrow();
        let is_of = |it: &&Loop| {
            it.variable.as_ref() == Some(variable) || it.second.as_ref() == Some(variable)
        };
        let message = match loops.iter().rev().find(is_of) {
            Some(found) if found.kind != LoopKind::Call => return Ok(()),
            Some(_) => format!(
                "expected the variable of a loop before `?{name}`, found `{variable}` of a macro call"
            ),
            None => format!(
                "expected the variable of a loop around before `?{name}`, found `{variable}`"
            ),
        };
        let mut known = loops.iter().rev().filter(|it| it.kind != LoopKind::Call);
        let known = known.find_map(|it| it.variable.as_deref());
        let hint = match known {
            Some(known) => format!("the loop around has the variable `{known}`"),
            None => format!("`?{name}` works inside `<#list xs as {variable}>`"),
        };
        Err(self.refuse(self.mistake(target.span(), message).with_hint(hint)))
    }

    /// How many arguments the built-ins take that read them at once.
    fn check_arguments(
        &self,
        canonical: &str,
        name: &str,
        span: Span,
        arguments: &Arguments,
    ) -> Checked<'s, ()> {
        let count = arguments.items.len();
        let (fits, expected) = match canonical {
            "then" => (count == 2, "two arguments"),
            "switch" => (count >= 2, "at least two arguments"),
            _ => (count == 1, "one argument"),
        };
        if !fits {
            let message = format!("expected {expected} of `?{name}`, found {count}");
            return Err(self.refuse(self.mistake(span, message)));
        }
        match &arguments.items[0].kind {
            ExprKind::Lambda { parameters, .. } if parameters.len() != 1 => {
                let found = parameters.len();
                let message =
                    format!("expected a lambda of one parameter for `?{name}`, found {found}");
                Err(self.refuse(self.mistake(arguments.items[0].span, message)))
            }
            _ => Ok(()),
        }
    }

    /// `.name`: a special variable.
    pub(crate) fn special(&self, start: &'s str) -> Parsed<'s, Tall> {
        let (rest, (name, span)) =
            sure(self.name_called(&start[1..], "the name of a special variable"))?;
        self.check_name(&name, span)?;
        let Some(canonical) = SPECIALS.iter().find(|known| spells(&name, known)) else {
            let error = self.mistake(span, format!("expected a special variable, found `.{name}`"));
            let known = SPECIALS.iter().copied();
            let near = match snake_case(&name).as_str() {
                "auto_escape" | "auto_escaping" | "autoesc" => Some("auto_esc"),
                snake => did_you_mean(snake, known),
            };
            return Err(self.refuse(match near {
                Some(near) => error.with_hint(format!("did you mean `.{near}`?")),
                None => error.with_hint("like `.now`, `.vars`, `.data_model`, `.error`"),
            }));
        };
        let inside = self.inside.get();
        if *canonical == "args" && !inside.in_macro && !inside.in_function {
            let error = self
                .mistake(span, "`.args` can only be used inside a macro or a function")
                .with_hint("it holds the arguments of the call");
            return Err(self.refuse(error));
        }
        let kind = ExprKind::Special(name);
        Ok((rest, Tall::leaf(kind, self.span(start, rest))))
    }
}
