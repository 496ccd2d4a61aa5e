//! `<#ftl …>`, which may only stand at the start of a template.

use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::ast::Header;
use crate::ftl::parse::Parser;
use crate::ftl::parse::constant::Constant;
use crate::ftl::parse::constant::constant;
use crate::ftl::parse::constant::yes_or_no;
use crate::ftl::parse::place::Format;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stopped;
use crate::ftl::parse::stop::stopped;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::Lexing;
use crate::ftl::parse::vocabulary::Directive;
use crate::ftl::parse::whitespace::is_java_space;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::OUTPUT_FORMATS;
use crate::ftl::settings::OutputFormat;
use crate::text::Span;
use crate::text::did_you_mean;

/// The parameters, and the spelling that FreeMarker compares without regard to case.
pub(in crate::ftl) const PARAMETERS: [&str; 8] = [
    "encoding",
    "strip_whitespace",
    "strip_text",
    "strict_syntax",
    "auto_esc",
    "output_format",
    "ns_prefixes",
    "attributes",
];

/// Combined formats inside each other; each names two.
const MAX_COMBINED_FORMATS: usize = 16;

impl<'s> Parser<'s, '_> {
    /// The header, if there is one. What precedes it is no text of the template.
    pub(crate) fn header(&self, text: &'s str) -> Parsed<'s, Header> {
        let start = text.trim_start_matches(BLANKS);
        let mut header = Header::default();
        let Some(open) = start.strip_prefix("<#ftl").or_else(|| start.strip_prefix("[#ftl")) else {
            return Ok((text, header));
        };
        let Some(tag) = self.tag(start)?.filter(|tag| tag.directive == Directive::Ftl) else {
            return Ok((text, header));
        };
        if tag.is_bare {
            return Ok((after_line(tag.rest), header));
        }
        self.lexing.set(Lexing::START);
        let mut rest = &open[1..];
        let mut escaping = None;
        while let Ok((tail, (name, span))) = self.name(rest) {
            let (tail, ()) = sure(self.equals(tail))?;
            let (tail, value) = self.expression(tail)?;
            self.check_name(&name, span)?;
            self.parameter(&mut header, &mut escaping, (&name, span), &value)?;
            rest = tail;
        }
        if let Some(span) = escaping {
            self.check_can_escape(span)?;
        }
        let (rest, _) = self.loose_tag_end(rest).map_err(|_| {
            let left = self.skip(rest).map_or(rest, |(rest, ())| rest);
            stopped(left, "a parameter like `output_format=\"HTML\"`, or the end of the tag")
        })?;
        Ok((after_line(rest), header))
    }

    fn parameter(
        &self,
        header: &mut Header,
        escaping: &mut Option<Span>,
        (name, span): (&str, Span),
        value: &Expr,
    ) -> Checked<'s, ()> {
        let Some(known) = constant(value) else {
            let message = format!("expected a constant for `{name}`");
            let error = self.mistake(value.span, message);
            return Err(self.refuse(error.with_hint("the header is read before there is any data")));
        };
        let mut inside = self.inside.get();
        match parameter_name(name) {
            Some("encoding") => header.encoding = Some(self.constant_text(name, value)?),
            Some("strip_whitespace") => {
                inside.strip_whitespace = self.flag(name, value.span, &known, true)?;
            }
            Some("strip_text") => inside.strip_text = self.flag(name, value.span, &known, true)?,
            Some("strict_syntax") => {
                self.strict_syntax.set(self.flag(name, value.span, &known, true)?);
            }
            Some("auto_esc") => {
                let policy = if self.flag(name, value.span, &known, false)? {
                    *escaping = Some(span);
                    AutoEscaping::EnableIfSupported
                } else {
                    self.check_not_forced(span, &format!("`{name}=false`"))?;
                    AutoEscaping::Disable
                };
                self.change_format(|format| format.policy = policy);
            }
            Some("output_format") => {
                let text = self.constant_text(name, value)?;
                let format = self.output_format_named(&text, value.span)?;
                self.change_format(|it| it.output.format = format);
            }
            Some("ns_prefixes") => self.check_prefixes(value)?,
            Some("attributes") => match &bare(value).kind {
                ExprKind::Hash(entries) => header.attributes = attributes(entries),
                _ => return Err(self.expected_hash(name, value.span)),
            },
            _ => return Err(self.unknown_parameter(name, span)),
        }
        self.inside.set(inside);
        Ok(())
    }

    fn unknown_parameter(&self, name: &str, span: Span) -> Stopped<'s> {
        let error = self.mistake(span, format!("expected a parameter of `<#ftl>`, found `{name}`"));
        let near = match name {
            "charset" => Some("encoding"),
            "xmlns" => Some("ns_prefixes"),
            "auto_escape" | "auto_escaping" | "autoesc" | "autoEscape" | "autoEscaping" => {
                Some("auto_esc")
            }
            _ => did_you_mean(&name.to_ascii_lowercase(), PARAMETERS),
        };
        self.refuse(match near {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!("there are {}", PARAMETERS.join(", "))),
        })
    }

    /// A text literal: calculated texts are not taken here.
    fn constant_text(&self, name: &str, value: &Expr) -> Checked<'s, String> {
        match &value.kind {
            ExprKind::Text(text) => Ok(text.clone()),
            _ => {
                let message = format!("expected a string in quotes for `{name}`");
                Err(self.refuse(self.mistake(value.span, message)))
            }
        }
    }

    fn flag(&self, name: &str, span: Span, value: &Constant, words: bool) -> Checked<'s, bool> {
        let flag = match value {
            Constant::Boolean(flag) => Some(*flag),
            Constant::Text(text) if words => yes_or_no(text),
            _ => None,
        };
        flag.ok_or_else(|| {
            self.refuse(self.mistake(span, format!("expected `true` or `false` for `{name}`")))
        })
    }

    fn expected_hash(&self, name: &str, span: Span) -> Stopped<'s> {
        let message = format!("expected a hash for `{name}`, like `{{\"key\": \"value\"}}`");
        self.refuse(self.mistake(span, message))
    }

    /// Namespaces are for XML, which there is none of; their rules are checked all the same.
    fn check_prefixes(&self, value: &Expr) -> Checked<'s, ()> {
        let ExprKind::Hash(entries) = &bare(value).kind else {
            return Err(self.expected_hash("ns_prefixes", value.span));
        };
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in entries {
            let (ExprKind::Text(prefix), ExprKind::Text(uri)) = (&key.kind, &value.kind) else {
                let message = "expected texts as prefix and namespace";
                return Err(self.refuse(self.mistake(value.span, message)));
            };
            let problem = if uri.is_empty() || prefix.is_empty() {
                "expected a prefix and a namespace, found an empty text"
            } else if prefix == "N" {
                "expected another prefix than `N`, which means no namespace"
            } else if prefix != "D" && seen.contains(&uri.as_str()) {
                "expected a namespace that has no prefix yet"
            } else {
                if prefix != "D" {
                    seen.push(uri);
                }
                continue;
            };
            return Err(self.refuse(self.mistake(key.span.to(value.span), problem)));
        }
        Ok(())
    }

    /// The output format of that name.
    pub(crate) fn output_format_named(&self, name: &str, span: Span) -> Checked<'s, OutputFormat> {
        let combined = name.matches('{').count();
        match OutputFormat::parse(name).filter(|_| combined <= MAX_COMBINED_FORMATS) {
            Some(format) => Ok(format),
            None => {
                let shown: String = name.chars().take(40).collect();
                let message = format!("expected an output format, found `{shown}`");
                let near = OUTPUT_FORMATS
                    .iter()
                    .copied()
                    .find(|known| known.eq_ignore_ascii_case(name))
                    .or_else(|| did_you_mean(&shown, OUTPUT_FORMATS));
                let error = self.mistake(span, message);
                Err(self.refuse(match near {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("there are {}", OUTPUT_FORMATS.join(", "))),
                }))
            }
        }
    }

    pub(crate) fn change_format(&self, change: impl FnOnce(&mut Format)) {
        let mut format = self.format.borrow().clone();
        change(&mut format);
        self.format.replace(format.settled());
    }

    pub(crate) fn check_can_escape(&self, span: Span) -> Checked<'s, ()> {
        let format = self.output().format;
        if format.is_markup() {
            return Ok(());
        }
        let message =
            format!("expected an output format with escaping around, found {}", format.name());
        let hint = "name one: `<#ftl output_format=\"HTML\">` or `<#outputformat \"XML\">`";
        Err(self.refuse(self.mistake(span, message).with_hint(hint)))
    }

    /// The policy `force` forbids everything that turns escaping off.
    pub(crate) fn check_not_forced(&self, span: Span, what: &str) -> Checked<'s, ()> {
        if self.format.borrow().policy != AutoEscaping::Force {
            return Ok(());
        }
        let message =
            format!("{what} can't be used: the setting `auto_escaping_policy` is `force`");
        Err(self.refuse(self.mistake(span, message)))
    }

    pub(crate) fn check_forced_escaping(&self, span: Span) -> Checked<'s, ()> {
        let format = self.output().format;
        if format.is_markup() {
            return Ok(());
        }
        self.check_not_forced(span, &format!("the output format {}", format.name()))
    }
}

/// The parameter that `name` spells.
fn parameter_name(name: &str) -> Option<&'static str> {
    const CAMEL: [(&str, &str); 6] = [
        ("stripWhitespace", "strip_whitespace"),
        ("stripText", "strip_text"),
        ("strictSyntax", "strict_syntax"),
        ("autoEsc", "auto_esc"),
        ("outputFormat", "output_format"),
        ("nsPrefixes", "ns_prefixes"),
    ];
    let camel = CAMEL.iter().find(|(camel, _)| *camel == name).map(|(_, snake)| *snake);
    camel.or_else(|| PARAMETERS.into_iter().find(|known| known.eq_ignore_ascii_case(name)))
}

/// A constant without what doesn't change it.
fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Parenthesis(inner) | ExprKind::Default { target: inner, .. } => bare(inner),
        _ => expr,
    }
}

fn attributes(entries: &[(Expr, Expr)]) -> Vec<(String, Expr)> {
    let named = entries.iter().filter_map(|(key, value)| match &key.kind {
        ExprKind::Text(name) => Some((name.clone(), value.clone())),
        _ => None,
    });
    named.collect()
}

/// Behind the line break that follows, if only white space is before it.
fn after_line(rest: &str) -> &str {
    let end = rest.find(|c| !is_java_space(c) || c == '\n' || c == '\r');
    match end.map(|at| &rest[at..]) {
        Some("\r") => rest,
        Some(tail) if tail.starts_with("\r\n") => &tail[2..],
        Some(tail) if tail.starts_with(['\n', '\r']) => &tail[1..],
        _ => rest,
    }
}
