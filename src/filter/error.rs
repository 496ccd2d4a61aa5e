//! What is wrong with a filter, where, and what to do about it.

use std::fmt;

use crate::ftl::TemplateError;
use crate::ftl::TemplateErrorKind;
use crate::text::Position;
use crate::text::Source;
use crate::text::Span;

/// A filter can't be used, or can't decide about an event.
#[derive(Clone, Debug)]
pub struct FilterError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: FilterErrorKind,
    message: String,
    hint: Option<String>,
    source: Source,
    span: Span,
}

/// What kind of mistake it is. The spelling for programs is [`FilterErrorKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FilterErrorKind {
    /// The filter is not JSON.
    InvalidJson,
    /// An object has a key that filters don't have, or has it twice.
    UnknownKey,
    /// An object lacks a key.
    MissingKey,
    /// A value is of another type than its key needs.
    WrongType,
    /// There is no such operator.
    UnknownOperator,
    /// There is no such property type, or no such property of Amplitude's own.
    UnknownProperty,
    /// A value that the operator can't work with: no number, a pattern that isn't one.
    BadValue,
    /// Amplitude has it, but events don't carry it: custom events, cohorts, derived properties.
    NotAvailable,
    /// The FTL expression does not compile.
    Expression,
    /// The FTL expression fails on this event.
    Evaluation,
}

impl FilterErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::InvalidJson,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongType,
        Self::UnknownOperator,
        Self::UnknownProperty,
        Self::BadValue,
        Self::NotAvailable,
        Self::Expression,
        Self::Evaluation,
    ];

    /// The kind as programs spell it: `error.kind` in Python, the heading in `docs/errors.md`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::WrongType => "wrong_type",
            Self::UnknownOperator => "unknown_operator",
            Self::UnknownProperty => "unknown_property",
            Self::BadValue => "bad_value",
            Self::NotAvailable => "not_available",
            Self::Expression => "expression",
            Self::Evaluation => "evaluation",
        }
    }
}

impl FilterError {
    /// An error at a place.
    pub fn new(
        kind: FilterErrorKind,
        message: impl Into<String>,
        source: &Source,
        span: Span,
    ) -> Self {
        let (message, source) = (message.into(), source.clone());
        Self(Box::new(Inner { kind, message, hint: None, source, span }))
    }

    /// The same error with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The kind, for programs.
    pub fn kind(&self) -> FilterErrorKind {
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

    /// The filter's name.
    pub fn name(&self) -> &str {
        self.0.source.name()
    }

    /// The filter's text.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// The place in the filter's text.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// Line and column of the place, from 1.
    pub fn position(&self) -> Position {
        self.0.source.position(self.0.span.start)
    }
}

impl From<TemplateError> for FilterError {
    fn from(error: TemplateError) -> Self {
        let kind = match error.kind() {
            TemplateErrorKind::Syntax => FilterErrorKind::Expression,
            _ => FilterErrorKind::Evaluation,
        };
        let made = Self::new(kind, error.message(), error.source(), error.span());
        match error.hint() {
            Some(hint) => made.with_hint(hint),
            None => made,
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, hint, source, span, .. } = &*self.0;
        let Position { line, column } = self.position();
        writeln!(f, "{}:{line}:{column}: {message}", source.name())?;
        write!(f, "{}", source.draw(*span))?;
        match hint {
            Some(hint) => write!(f, "\n  = hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
