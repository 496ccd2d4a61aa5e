//! Built-ins that make a text safe inside another language, and markup values.

use std::borrow::Cow;
use std::rc::Rc;

use crate::ftl::builtins::Applied;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::escapes;
use crate::ftl::builtins::escapes::Script;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::strings::changed;
use crate::ftl::builtins::strings::transform;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Markup;
use crate::ftl::model::MarkupContent;
use crate::ftl::model::Model;
use crate::ftl::settings::OutputFormat;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value("esc", GROUP, "as markup of the output format, escaped", |host, target| {
        to_markup(host, target, "esc", MarkupContent::Plain)
    }),
    BuiltIn::value(
        "html",
        GROUP,
        "escaped for HTML (deprecated: use auto-escaping)",
        |host, target| html(host, target, "html"),
    ),
    BuiltIn::value(
        "j_string",
        GROUP,
        "escaped for a Java string literal, without the quotes",
        |host, target| transform(host, target, |text| escapes::java(text, false)),
    ),
    BuiltIn::value(
        "js_string",
        GROUP,
        "escaped for a JavaScript string literal, without the quotes",
        |host, target| {
            transform(host, target, |text| escapes::script(text, Script::JavaScript, false))
        },
    ),
    BuiltIn::value(
        "json_string",
        GROUP,
        "escaped for a JSON string, without the quotes",
        |host, target| transform(host, target, |text| escapes::script(text, Script::Json, false)),
    ),
    BuiltIn::value(
        "markup_string",
        GROUP,
        "the text of a markup value, tags and all",
        |_, target| match target {
            Model::Markup(markup) => Ok(Model::text(markup_text(&markup))),
            other => Err(wrong_type("markup output left of `?markup_string`", &other)
                .blaming(Blame::Target)
                .with_hint("`?esc` and `?no_esc` make markup of a string")),
        },
    ),
    BuiltIn::value(
        "no_esc",
        GROUP,
        "as markup of the output format, taken as it is",
        |host, target| to_markup(host, target, "no_esc", MarkupContent::Markup),
    ),
    BuiltIn::value(
        "rtf",
        GROUP,
        "escaped for RTF (deprecated: use auto-escaping)",
        |host, target| legacy(host, target, "rtf", escapes::rtf),
    ),
    URL,
    URL_PATH,
    BuiltIn::value(
        "web_safe",
        GROUP,
        "escaped for HTML (deprecated name of `?html`)",
        |host, target| html(host, target, "web_safe"),
    ),
    BuiltIn::value(
        "xhtml",
        GROUP,
        "escaped for XHTML (deprecated: use auto-escaping)",
        |host, target| legacy(host, target, "xhtml", escapes::html),
    ),
    BuiltIn::value(
        "xml",
        GROUP,
        "escaped for XML (deprecated: use auto-escaping)",
        |host, target| legacy(host, target, "xml", escapes::xml),
    ),
];

const GROUP: &str = "string";

const URL: BuiltIn = BuiltIn {
    name: "url",
    group: GROUP,
    arguments: Some((1, 1)),
    accepts_missing: false,
    help: "escaped for a part of a web address; the argument is the charset",
    function: Function::Flexible(|host, target, applied| url(host, target, applied, "url")),
};

const URL_PATH: BuiltIn = BuiltIn {
    name: "url_path",
    help: "like `?url`, but leaves `/` as it is",
    function: Function::Flexible(|host, target, applied| url(host, target, applied, "url_path")),
    ..URL
};

/// The text of a markup value in its own format.
pub fn markup_text(markup: &Markup) -> Rc<str> {
    match &markup.content {
        MarkupContent::Markup(text) => Rc::clone(text),
        MarkupContent::Plain(text) => match escapes::for_format(text, &markup.format) {
            Cow::Borrowed(_) => Rc::clone(text),
            Cow::Owned(escaped) => escaped.into(),
        },
    }
}

/// The value as markup of the place's format. Markup of another format comes over only when it is
/// escaped plain text.
fn to_markup<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    name: &str,
    content: fn(Rc<str>) -> MarkupContent,
) -> Outcome<'r> {
    let format = host.output().format.clone();
    if !format.is_markup() {
        let format = format.name();
        let message =
            format!("`?{name}` needs an output format that can be escaped, found {format}");
        return Err(Fault::new(TemplateErrorKind::Syntax, message)
            .with_hint("`<#ftl output_format=\"HTML\">` or `<#outputformat \"HTML\">` sets one"));
    }
    let content = match target {
        Model::Markup(markup) if markup.format == format => return Ok(Model::Markup(markup)),
        Model::Markup(markup) => match &markup.content {
            MarkupContent::Plain(text) => MarkupContent::Plain(Rc::clone(text)),
            MarkupContent::Markup(_) => {
                let (found, expected) = (markup.format.name(), format.name());
                let message = format!("expected markup of format {expected}, found {found}");
                return Err(Fault::new(TemplateErrorKind::WrongType, message)
                    .blaming(Blame::Target)
                    .with_hint("only escaped plain text can be converted to another format"));
            }
        },
        other => content(Rc::from(&*operands::text(host, other, Blame::Target)?)),
    };
    Ok(Model::Markup(Rc::new(Markup { format, content })))
}

/// `?html`, which once left apostrophes alone.
fn html<'r>(host: &mut (dyn Host<'r> + '_), target: Model<'r>, name: &str) -> Outcome<'r> {
    if host.formatting().settings.improves_since(20) {
        return legacy(host, target, name, escapes::html);
    }
    legacy(host, target, name, |text| {
        let parts: Vec<Cow<'_, str>> = text.split('\'').map(escapes::html).collect();
        parts.join("'").into()
    })
}

/// The built-ins from before auto-escaping. Markup that is escaped for the format passes.
fn legacy<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    name: &str,
    escape: impl Fn(&str) -> Cow<'_, str>,
) -> Outcome<'r> {
    if let Model::Markup(markup) = &target {
        return if passes(&markup.format, name) {
            Ok(target)
        } else {
            Err(wrong_type("a string", &target))
        };
    }
    let text = operands::text(host, target, Blame::Target)?;
    Ok(Model::Text(changed(text, escape)))
}

fn passes(format: &OutputFormat, name: &str) -> bool {
    match format {
        OutputFormat::Html | OutputFormat::Xhtml => matches!(name, "html" | "xml" | "xhtml"),
        OutputFormat::Xml => name == "xml",
        OutputFormat::Rtf => name == "rtf",
        OutputFormat::Combined(both) => passes(&both.outer, name),
        _ => false,
    }
}

fn url<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: Model<'r>,
    applied: Applied<'_, 'r>,
    name: &'static str,
) -> Outcome<'r> {
    let text = operands::text(host, target, Blame::Target)?;
    let (charset, blame) = match applied {
        Applied::Call(arguments) => {
            let charset = operands::needed(name, arguments, 0).printed(host)?;
            (charset.to_string(), Blame::Argument(0))
        }
        Applied::Key(_) => {
            return Err(wrong_type("a hash", &Model::Text(text)).blaming(Blame::Target));
        }
        Applied::Bare => {
            let settings = host.formatting().settings;
            let charset =
                settings.url_escaping_charset.as_ref().or(settings.output_encoding.as_ref());
            let charset = charset.cloned().ok_or_else(|| {
                let message = format!("`?{name}` needs a charset, and none is set");
                Fault::new(TemplateErrorKind::BadArgument, message).with_hint(format!(
                    "`?{name}(\"UTF-8\")`, or `<#setting url_escaping_charset=\"UTF-8\">` once"
                ))
            })?;
            (charset, Blame::Whole)
        }
    };
    let mut is_known = true;
    let escaped = changed(text, |text| {
        escapes::url(text, &charset, name == "url_path").unwrap_or_else(|| {
            is_known = false;
            Cow::Borrowed(text)
        })
    });
    if !is_known {
        let message = format!("expected {}, found `{charset}`", escapes::CHARSETS);
        return Err(Fault::new(TemplateErrorKind::BadArgument, message).blaming(blame));
    }
    Ok(Model::Text(escaped))
}
