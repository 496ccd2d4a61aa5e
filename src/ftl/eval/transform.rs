//! Directives that are no macros: `<#compress>`, FreeMarker's shared `html_escape` and its kin,
//! what `?interpret` and `.get_optional_template` give.

use crate::ftl::builtins::escapes;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::include::Included;
use crate::ftl::model::BoundArguments;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::ftl::model::WithArguments;
use crate::ftl::program::Arguments;
use crate::ftl::program::Body;
use crate::ftl::program::Call;
use crate::ftl::program::Node;
use crate::ftl::settings::ExceptionHandler;
use crate::text::Span;

/// The directives that every template has as variables.
pub(in crate::ftl) const SHARED_DIRECTIVES: [&str; 5] =
    ["capture_output", "compress", "html_escape", "normalize_newlines", "xml_escape"];

/// A directive that is no macro.
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl::eval) enum Directive<'r> {
    /// `.pass`
    Pass,
    /// `compress`
    Compress,
    /// `html_escape`
    HtmlEscape,
    /// `xml_escape`
    XmlEscape,
    /// `normalize_newlines`
    NormalizeNewlines,
    /// `capture_output`
    CaptureOutput,
    /// A template that was compiled by `?interpret`.
    Include(Included<'r>),
    /// A template that was loaded by `.get_optional_template`.
    Optional(Included<'r>),
}

impl<'r> Evaluator<'r> {
    /// The value of a directive.
    pub(in crate::ftl::eval) fn directive(&mut self, directive: Directive<'r>) -> Model<'r> {
        let id = u32::try_from(self.directives.len()).unwrap_or_default();
        self.directives.push(directive);
        Model::Callable(Callable::Directive { id })
    }

    pub(in crate::ftl::eval) fn pass_directive(&mut self) -> Model<'r> {
        self.known_directive(|known| matches!(known, Directive::Pass), Directive::Pass)
    }

    fn known_directive(
        &mut self,
        is: impl Fn(&Directive<'r>) -> bool,
        directive: Directive<'r>,
    ) -> Model<'r> {
        match self.directives.iter().position(is) {
            Some(at) => {
                Model::Callable(Callable::Directive { id: u32::try_from(at).unwrap_or_default() })
            }
            None => self.directive(directive),
        }
    }

    /// A directive that every template has, by its name.
    pub(in crate::ftl::eval) fn shared_directive(&mut self, name: &str) -> Model<'r> {
        let directive = match name {
            "compress" => Directive::Compress,
            "html_escape" => Directive::HtmlEscape,
            "xml_escape" => Directive::XmlEscape,
            "normalize_newlines" => Directive::NormalizeNewlines,
            "capture_output" => Directive::CaptureOutput,
            _ => return Model::Missing,
        };
        let kind = std::mem::discriminant(&directive);
        self.known_directive(|known| std::mem::discriminant(known) == kind, directive)
    }

    /// `<@directive …>…</@>`
    pub(in crate::ftl::eval) fn run_directive(
        &mut self,
        id: u32,
        bound: Option<&WithArguments<'r>>,
        arguments: &'r Arguments,
        body: Option<&'r Body>,
        span: Span,
    ) -> Result<Flow, Failure> {
        let Some(directive) = self.directives.get(id as usize).copied() else {
            return Ok(Flow::Next);
        };
        let mut named = Vec::new();
        // Arguments by position are not looked at: these directives have none.
        if let Arguments::Named(pairs) = arguments {
            for (name, value) in pairs {
                named.push((Text::Borrowed(name.text()), self.evaluate(value)?));
            }
        }
        if let Some(WithArguments { arguments: BoundArguments::Named(pairs), .. }) = bound {
            for (name, value) in pairs {
                if !named.iter().any(|(own, _)| **own == **name) {
                    named.push((name.clone(), value.clone()));
                }
            }
        }
        let empty: &[Node] = &[];
        let body: &'r [Node] = body.map_or(empty, |body| body);
        match directive {
            Directive::Pass => Ok(Flow::Next),
            Directive::Compress => {
                let mut single_line = false;
                for (name, value) in &named {
                    match (&**name, value) {
                        ("single_line", Model::Boolean(value)) => single_line = *value,
                        // A missing one is as if it were not there.
                        ("single_line", Model::Missing) => {}
                        ("single_line", other) => {
                            return Err(self.wrong_argument("a boolean", other, span));
                        }
                        _ => {}
                    }
                }
                self.compress(body, single_line, span)
            }
            Directive::HtmlEscape => self.transform(body, span, |text, out| {
                // Unlike `?html`, it leaves apostrophes alone.
                for (index, part) in text.split('\'').enumerate() {
                    if index > 0 {
                        out.push('\'');
                    }
                    out.push_str(&escapes::html(part));
                }
            }),
            Directive::XmlEscape => self.transform(body, span, |text, out| {
                out.push_str(&escapes::xml(text));
            }),
            Directive::NormalizeNewlines => self.transform(body, span, normalize_newlines),
            Directive::CaptureOutput => self.capture_output(&named, body, span),
            Directive::Optional(_) if !named.is_empty() || !body.is_empty() => {
                let message =
                    "the `include` of `.get_optional_template` takes no arguments and no content";
                Err(self.fail(TemplateErrorKind::BadArgument, message, span))
            }
            Directive::Include(included) | Directive::Optional(included) => {
                let quiet = std::mem::replace(&mut self.quiet, false);
                let flow = self.run_loaded(included, span);
                self.quiet = quiet;
                // For FreeMarker a `<#stop>` in there is an error like any other.
                let is_ignored =
                    self.settings.template_exception_handler == ExceptionHandler::Ignore;
                if let Err(Failure::Error(error)) = &flow
                    && is_ignored
                    && error.kind() == TemplateErrorKind::Stopped
                {
                    return Ok(Flow::Next);
                }
                match flow? {
                    Flow::Next => self.run(body),
                    flow => Ok(flow),
                }
            }
        }
    }

    /// Directives that are told to have loop variables mostly don't look at them.
    pub(in crate::ftl::eval) fn refuse_loop_variables(
        &self,
        id: u32,
        call: &Call,
        span: Span,
    ) -> Result<(), Failure> {
        match self.directives.get(id as usize) {
            Some(Directive::Optional(_)) if !call.loop_variables.is_empty() => {
                let message =
                    "the `include` of `.get_optional_template` has no values for loop variables";
                Err(self.fail(TemplateErrorKind::BadArgument, message, span))
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn wrong_argument(&self, expected: &str, found: &Model<'r>, span: Span) -> Failure {
        let message = format!("expected {expected}, found {}", found.kind_name());
        self.fail(TemplateErrorKind::WrongType, message, span)
    }

    /// Rewrites what `body` writes.
    fn transform(
        &mut self,
        body: &'r [Node],
        span: Span,
        rewrite: impl Fn(&str, &mut String),
    ) -> Result<Flow, Failure> {
        let position = self.writer.position();
        let flow = self.run(body)?;
        let text = self.writer.captured(position);
        if self.writer.is_traced() {
            self.writer.mark(self.place.program, span);
        }
        rewrite(&text, &mut self.writer.text);
        if self.writer.is_full() {
            return Err(self.too_much_output(span));
        }
        Ok(flow)
    }

    /// `<#compress>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn compress(
        &mut self,
        body: &'r [Node],
        single_line: bool,
        span: Span,
    ) -> Result<Flow, Failure> {
        self.transform(body, span, |text, out| compress(text, single_line, out))
    }

    fn capture_output(
        &mut self,
        named: &[(Text<'r>, Model<'r>)],
        body: &'r [Node],
        span: Span,
    ) -> Result<Flow, Failure> {
        let argument = |name: &str| named.iter().find(|(own, _)| **own == *name);
        let target = ["var", "local", "global"].into_iter().find_map(argument);
        let wrong = |this: &Self, message: &str| {
            Err(this.fail(TemplateErrorKind::BadArgument, message, span))
        };
        let Some((scope, Model::Text(variable))) = target else {
            return wrong(
                self,
                "`capture_output` needs the name of a variable in `var`, `local` or `global`",
            );
        };
        let namespace = match (argument("namespace"), named.len(), &**scope) {
            (None, 1, "var") => Some(std::rc::Rc::clone(&self.place.namespace)),
            (None, 1, _) => None,
            (Some((_, Model::Hash(Hash::Namespace(namespace)))), 2, "var") => {
                Some(std::rc::Rc::clone(namespace))
            }
            _ => {
                return wrong(
                    self,
                    "`capture_output` takes one of `var`, `local` and `global`, and a `namespace` beside `var`",
                );
            }
        };
        let position = self.writer.position();
        let flow = self.run(body);
        let text = self.writer.captured(position);
        let flow = flow?;
        self.check_text_length(text.len(), span)?;
        let value = Model::Text(Text::from(text));
        match namespace {
            Some(namespace) => {
                self.wake(&namespace)?;
                namespace.variables.borrow_mut().insert(variable.clone(), value);
            }
            None if &**scope == "global" => self.globals.insert(variable.clone(), value),
            None => {
                return wrong(
                    self,
                    "`capture_output` can't set local variables here; use `<#local x>…</#local>`",
                );
            }
        }
        Ok(flow)
    }
}

/// Whether Java counts a character as white space.
fn is_java_whitespace(c: char) -> bool {
    match c {
        '\t'..='\r' | '\u{1c}'..='\u{1f}' | ' ' => true,
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}' => false,
        c => c.is_whitespace(),
    }
}

/// Runs of white space become one line break, as it was written, or one blank.
fn compress(text: &str, single_line: bool, out: &mut String) {
    let mut rest = text.trim_start_matches(is_java_whitespace);
    while !rest.is_empty() {
        let end = rest.find(is_java_whitespace).unwrap_or(rest.len());
        out.push_str(&rest[..end]);
        let behind = rest[end..].trim_start_matches(is_java_whitespace);
        if behind.is_empty() {
            break;
        }
        let gap = &rest[end..rest.len() - behind.len()];
        let line_break = gap.find(['\r', '\n']).map(|at| &gap[at..]);
        out.push_str(match line_break {
            Some(_) if single_line => " ",
            Some(found) if found.starts_with("\r\n") => "\r\n",
            Some(found) => &found[..1],
            None => " ",
        });
        rest = behind;
    }
}

/// Every line ends in a line feed, and a first line that is empty goes.
fn normalize_newlines(text: &str, out: &mut String) {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    for (index, line) in unified.lines().enumerate() {
        if index == 0 && line.is_empty() {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::eval::transform::{compress, normalize_newlines};

    fn compressed(text: &str, single_line: bool) -> String {
        let mut out = String::new();
        compress(text, single_line, &mut out);
        out
    }

    #[test]
    fn white_space_is_compressed_to_line_breaks_and_blanks() {
        assert_eq!(compressed("  a  b \n\n  c\r\nd\re  ", false), "a b\nc\r\nd\re");
        assert_eq!(compressed(" a \n b ", true), "a b");
    }

    #[test]
    fn lines_end_alike() {
        let mut out = String::new();
        normalize_newlines("\r\na\r\nb\rc", &mut out);
        assert_eq!(out, "a\nb\nc\n");
    }
}
