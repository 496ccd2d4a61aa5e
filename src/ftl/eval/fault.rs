//! What is said when something goes wrong: the place, what was expected, what was found, and a hint.

use crate::ftl::builtins::Host;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Program;
use crate::text::Span;
use crate::text::did_you_mean;
use crate::value::Node;

/// The longest part of a template that a message quotes.
const MAX_QUOTED_CHARS: usize = 60;

/// A failure with its place.
#[cold]
pub(in crate::ftl::eval) fn error(
    kind: TemplateErrorKind,
    message: impl Into<String>,
    program: &Program,
    span: Span,
) -> Failure {
    Failure::Error(TemplateError::new(kind, message, &program.source, span))
}

impl Failure {
    /// The same failure with a hint what to do.
    #[must_use]
    pub(in crate::ftl::eval) fn with_hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Error(error) => Self::Error(error.with_hint(hint)),
            Self::Missing => Self::Missing,
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Error(error) => error.into(),
            Failure::Missing => Self::new(TemplateErrorKind::MissingValue, "a value is missing"),
        }
    }
}

impl<'r> Evaluator<'r> {
    /// A failure at a place of the template that runs.
    #[cold]
    pub(in crate::ftl::eval) fn fail(
        &self,
        kind: TemplateErrorKind,
        message: impl Into<String>,
        span: Span,
    ) -> Failure {
        error(kind, message, self.place.program, span)
    }

    /// A fault of a built-in or format at its place.
    #[cold]
    pub(in crate::ftl::eval) fn blame(
        &self,
        fault: Fault,
        whole: Span,
        target: Span,
        arguments: &[Expr],
    ) -> Failure {
        if self.quiet && fault.is_excusable() {
            return Failure::Missing;
        }
        let span = match fault.blame() {
            Blame::Target => target,
            Blame::Argument(index) => arguments.get(index).map_or(whole, |argument| argument.span),
            Blame::Whole => whole,
        };
        Failure::Error(fault.at(&self.place.program.source, span))
    }

    /// The failure for a value of another type than the place needs.
    #[cold]
    pub(in crate::ftl::eval) fn wrong_type(
        &mut self,
        expected: &str,
        found: &Model<'r>,
        expression: &'r Expr,
    ) -> Failure {
        if found.is_missing() {
            return self.missing(expression);
        }
        let message = format!("expected {expected}, found {}", found.kind_name());
        self.fail(TemplateErrorKind::WrongType, message, expression.span)
    }

    /// The failure for a missing value: which step of the path leads nowhere, and what there is
    /// instead.
    #[cold]
    pub(in crate::ftl::eval) fn missing(&mut self, expression: &'r Expr) -> Failure {
        if self.quiet {
            return Failure::Missing;
        }
        let bare = expression.bare();
        let quoted = self.quote(bare.span);
        let failure = |this: &Self, message: String, hint: String| {
            this.fail(TemplateErrorKind::MissingValue, message, bare.span).with_hint(hint)
        };
        let plain_hint = format!("write `{quoted}!\"…\"` for a default, or ask `{quoted}??` first");
        match &bare.kind {
            ExprKind::Variable(name) => {
                if self.data.get_by_name(name.text()).is_some_and(Node::is_null) {
                    return failure(self, format!("`{quoted}` is null"), plain_hint);
                }
                let names = self.visible_names();
                let near = did_you_mean(name.text(), names.iter().map(String::as_str));
                let hint = near.map_or(plain_hint, |near| format!("did you mean `{near}`?"));
                failure(self, format!("`{quoted}` is missing"), hint)
            }
            ExprKind::Dot { target, key, .. } => {
                let Some(Model::Hash(hash)) = self.look_again(target) else {
                    return failure(self, format!("`{quoted}` is missing"), plain_hint);
                };
                self.missing_key(&hash, key.name(), target, bare, plain_hint)
            }
            ExprKind::Index { target, index, .. } => {
                let index = self.look_again(index);
                match (self.look_again(target), index) {
                    (Some(Model::Hash(hash)), Some(Model::Text(key))) => {
                        self.missing_key(&hash, &key, target, bare, plain_hint)
                    }
                    (Some(Model::Sequence(sequence)), Some(Model::Number(number))) => {
                        let target = self.quote(target.span);
                        let mut shown = String::new();
                        number.write_plain(&mut shown);
                        if shown.starts_with('-') {
                            let message =
                                format!("`{quoted}` is missing (items are counted from 0)");
                            let hint = format!("the last item is `{target}?last`");
                            return failure(self, message, hint);
                        }
                        let message = match sequence.known_length() {
                            Some(1) => format!("`{quoted}` is missing (`{target}` has 1 item)"),
                            Some(0) => format!("`{quoted}` is missing (`{target}` is empty)"),
                            Some(length)
                                if number.as_i64().is_some_and(|at| {
                                    usize::try_from(at).is_ok_and(|at| at < length)
                                }) =>
                            {
                                format!("`{quoted}` is null (item {shown})")
                            }
                            Some(length) => {
                                format!(
                                    "`{quoted}` is missing (no item {shown}; `{target}` has {length} items)"
                                )
                            }
                            None => format!("`{quoted}` is missing"),
                        };
                        failure(self, message, plain_hint)
                    }
                    _ => failure(self, format!("`{quoted}` is missing"), plain_hint),
                }
            }
            ExprKind::Call { .. } | ExprKind::BuiltIn(_) => {
                failure(self, format!("`{quoted}` gives nothing"), plain_hint)
            }
            _ => failure(self, format!("`{quoted}` is missing"), plain_hint),
        }
    }

    fn missing_key(
        &mut self,
        hash: &Hash<'r>,
        key: &str,
        target: &Expr,
        whole: &Expr,
        plain_hint: String,
    ) -> Failure {
        let (quoted, target) = (self.quote(whole.span), self.quote(target.span));
        if matches!(key, "*" | "**") {
            let message =
                format!("`.{key}` is not available here: it asks for XML nodes, and data is JSON");
            let hint = format!("`{target}?values` has what is in it, `{target}?keys` the names");
            return self.fail(TemplateErrorKind::NotAvailable, message, whole.span).with_hint(hint);
        }
        let kind = TemplateErrorKind::MissingValue;
        let pairs = match hash {
            Hash::Scope(_) | Hash::Statics(_) => Vec::new(),
            _ => self.pairs(hash).unwrap_or_default(),
        };
        if pairs.iter().any(|(own, _)| **own == *key) {
            let message = format!("`{quoted}` is null");
            return self.fail(kind, message, whole.span).with_hint(plain_hint);
        }
        let near = did_you_mean(key, pairs.iter().map(|(own, _)| &**own));
        let (message, hint) = match near {
            Some(near) => (
                format!(
                    "`{quoted}` is missing (`{target}` is there, it has no `{key}`; it has `{near}`)"
                ),
                format!("did you mean `{near}`?"),
            ),
            None if pairs.is_empty() => {
                (format!("`{quoted}` is missing (`{target}` is there, it is empty)"), plain_hint)
            }
            None => (
                format!("`{quoted}` is missing (`{target}` is there, it has no `{key}`)"),
                plain_hint,
            ),
        };
        self.fail(kind, message, whole.span).with_hint(hint)
    }

    /// The value of a part of a path, evaluated again for a message: names and keys only, so that
    /// nothing is done twice.
    fn look_again(&mut self, expression: &'r Expr) -> Option<Model<'r>> {
        if !is_path(expression) {
            return None;
        }
        let quiet = std::mem::replace(&mut self.quiet, true);
        let value = self.evaluate(expression).ok();
        self.quiet = quiet;
        value
    }

    /// A part of the template, as messages quote it.
    pub(in crate::ftl::eval) fn quote(&self, span: Span) -> String {
        let text = self.place.program.source.slice(span);
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if text.chars().count() <= MAX_QUOTED_CHARS {
            return text;
        }
        text.chars().take(MAX_QUOTED_CHARS).chain(['…']).collect()
    }
}

fn is_path(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Variable(_) | ExprKind::Text(_) | ExprKind::Number(_) => true,
        ExprKind::Dot { target, .. } => is_path(target),
        ExprKind::Index { target, index, .. } => is_path(target) && is_path(index),
        ExprKind::Parenthesis(inner) => is_path(inner),
        _ => false,
    }
}
