//! What is wrong with a template, where, and what to do about it.

use std::fmt;

use crate::text::Position;
use crate::text::Source;
use crate::text::Span;

/// A template can't be compiled or rendered.
#[derive(Clone, Debug)]
pub struct TemplateError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: TemplateErrorKind,
    message: String,
    hint: Option<String>,
    source: Source,
    span: Span,
    /// Where it was called from, innermost first: "in macro `m`" and the place of the call.
    trace: Vec<(String, Source, Span)>,
}

/// What kind of mistake it is. The spelling for programs is [`TemplateErrorKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// The template does not parse, or names something that doesn't exist.
    Syntax,
    /// A value is missing (or `null`) and there is no default.
    MissingValue,
    /// A value is of another type than the place needs.
    WrongType,
    /// An argument is of the right type but out of what is allowed.
    BadArgument,
    /// A text can't be read as a number, date or JSON, or a value can't be written in a format.
    BadFormat,
    /// A calculation has no result.
    Arithmetic,
    /// `<#include>` or `<#import>` of a template that isn't there.
    TemplateNotFound,
    /// `<#stop>`.
    Stopped,
    /// A limit of the settings was reached.
    Limit,
    /// FreeMarker has it, but it can't be had outside Java.
    NotAvailable,
    /// What was rendered is not JSON.
    NotJson,
}

impl TemplateErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Syntax,
        Self::MissingValue,
        Self::WrongType,
        Self::BadArgument,
        Self::BadFormat,
        Self::Arithmetic,
        Self::TemplateNotFound,
        Self::Stopped,
        Self::Limit,
        Self::NotAvailable,
        Self::NotJson,
    ];

    /// The kind as programs spell it: `error.kind` in Python, the heading in `docs/errors.md`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::MissingValue => "missing_value",
            Self::WrongType => "wrong_type",
            Self::BadArgument => "bad_argument",
            Self::BadFormat => "bad_format",
            Self::Arithmetic => "arithmetic",
            Self::TemplateNotFound => "template_not_found",
            Self::Stopped => "stopped",
            Self::Limit => "limit",
            Self::NotAvailable => "not_available",
            Self::NotJson => "not_json",
        }
    }
}

impl TemplateError {
    /// An error at a place.
    pub fn new(
        kind: TemplateErrorKind,
        message: impl Into<String>,
        source: &Source,
        span: Span,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            source: source.clone(),
            span,
            trace: Vec::new(),
        }))
    }

    /// The same error with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a caller: `what` is like "in macro `prop`", the place that of the call.
    #[must_use]
    pub fn called_from(mut self, what: impl Into<String>, source: &Source, span: Span) -> Self {
        /// Enough to see where one is; a deep recursion would fill the screen.
        const MAX_TRACE: usize = 8;
        if self.0.trace.len() < MAX_TRACE {
            self.0.trace.push((what.into(), source.clone(), span));
        }
        self
    }

    /// The kind, for programs.
    pub fn kind(&self) -> TemplateErrorKind {
        self.0.kind
    }

    /// What is wrong, in one sentence without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        self.0.source.name()
    }

    /// The template.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// The place in the template.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// Line and column of the place, from 1.
    pub fn position(&self) -> Position {
        self.0.source.position(self.0.span.start)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, hint, source, span, trace, .. } = &*self.0;
        let Position { line, column } = self.position();
        writeln!(f, "{}:{line}:{column}: {message}", source.name())?;
        write!(f, "{}", source.draw(*span))?;
        for (what, caller, span) in trace {
            let Position { line, column } = caller.position(span.start);
            write!(f, "\n  = {what}, called at {}:{line}:{column}", caller.name())?;
        }
        if let Some(hint) = hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

/// A mistake found where no place is known yet: in a built-in, a format, a conversion. The
/// evaluator, which knows the place, makes a [`TemplateError`] of it.
#[derive(Clone, Debug)]
pub struct Fault(Box<FaultInner>);

#[derive(Clone, Debug)]
struct FaultInner {
    kind: TemplateErrorKind,
    message: String,
    hint: Option<String>,
    blame: Blame,
    placed: Option<TemplateError>,
    excusable: bool,
}

/// Which part of an expression a [`Fault`] lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The value left of `?`, or the only operand.
    Target,
    /// An argument, from 0.
    Argument(usize),
    /// All of it.
    Whole,
}

impl Fault {
    /// A mistake in the whole expression.
    pub fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(FaultInner {
            kind,
            message,
            hint: None,
            blame: Blame::Whole,
            placed: None,
            excusable: true,
        }))
    }

    /// The same fault, for something missing that `(…)!` doesn't make up for.
    #[must_use]
    pub fn inexcusable(mut self) -> Self {
        self.0.excusable = false;
        self
    }

    /// Whether `(…)!` makes up for it.
    pub fn is_excusable(&self) -> bool {
        self.0.excusable && self.0.kind == TemplateErrorKind::MissingValue
    }

    /// The same fault with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same fault, in that part of the expression.
    #[must_use]
    pub fn blaming(mut self, blame: Blame) -> Self {
        self.0.blame = blame;
        self
    }

    /// The same fault, told with what it lies in: `item 2: expected …`. One that has its place
    /// already stays as it is.
    #[must_use]
    pub fn within(mut self, what: impl fmt::Display) -> Self {
        if self.0.placed.is_none() {
            self.0.message = format!("{what}: {}", self.0.message);
        }
        self
    }

    /// The kind, for programs.
    pub fn kind(&self) -> TemplateErrorKind {
        self.0.kind
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Which part of the expression it lies in.
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// The error, at the place where the evaluator knows it to be. A fault that passed through a
    /// call back into the template keeps the place it had there.
    pub fn at(self, source: &Source, span: Span) -> TemplateError {
        let inner = *self.0;
        if let Some(error) = inner.placed {
            return error;
        }
        let error = TemplateError::new(inner.kind, inner.message, source, span);
        match inner.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl From<TemplateError> for Fault {
    /// An error with its place already, on its way through a built-in that called back.
    fn from(error: TemplateError) -> Self {
        let mut fault = Self::new(error.kind(), error.message());
        fault.0.placed = Some(error);
        fault
    }
}
