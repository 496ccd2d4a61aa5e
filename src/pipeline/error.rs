//! A sync can't be set up.

use std::fmt;

use crate::delivery::request::RequestError;
use crate::delivery::request::RequestErrorKind;
use crate::filter::FilterError;
use crate::ftl::TemplateError;
use crate::text::Position;
use crate::text::Source;
use crate::text::Span;

/// An option of a sync, a line of `syncs.toml` or a secret is wrong.
#[derive(Clone, Debug)]
pub struct ConfigError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ConfigErrorKind,
    message: String,
    hint: Option<String>,
    /// The sync it is about.
    sync: Option<String>,
    place: Option<(Source, Span)>,
}

/// What kind of mistake it is. The spelling for programs is [`ConfigErrorKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// `syncs.toml` is no TOML.
    Syntax,
    /// A file that the configuration names can't be read.
    File,
    /// A key that no sync has.
    UnknownKey,
    /// A value out of what the option takes.
    BadValue,
    /// No http(s) URL, or one whose host comes from events.
    Url,
    /// A header that can't be sent, or one too many.
    Header,
    /// A secret that is not set.
    MissingSecret,
    /// The sync is disabled.
    Disabled,
    /// An option that this version does not have.
    NotAvailable,
}

impl ConfigErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Syntax,
        Self::File,
        Self::UnknownKey,
        Self::BadValue,
        Self::Url,
        Self::Header,
        Self::MissingSecret,
        Self::Disabled,
        Self::NotAvailable,
    ];

    /// The kind as programs spell it: `error.kind` in Python, the heading in `docs/errors.md`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "config_syntax",
            Self::File => "file",
            Self::UnknownKey => "unknown_key",
            Self::BadValue => "bad_value",
            Self::Url => "url",
            Self::Header => "header",
            Self::MissingSecret => "missing_secret",
            Self::Disabled => "disabled",
            Self::NotAvailable => "not_available",
        }
    }
}

impl ConfigError {
    /// An error without a place.
    pub fn new(kind: ConfigErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, hint: None, sync: None, place: None }))
    }

    /// The same error with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error, about that sync.
    #[must_use]
    pub fn of_sync(mut self, name: &str) -> Self {
        self.0.sync.get_or_insert_with(|| name.to_owned());
        self
    }

    /// The same error at a place of the file.
    #[must_use]
    pub fn at(mut self, source: &Source, span: Span) -> Self {
        self.0.place.get_or_insert_with(|| (source.clone(), span));
        self
    }

    /// The kind, for programs.
    pub fn kind(&self) -> ConfigErrorKind {
        self.0.kind
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The file, else the sync, it is about.
    pub fn name(&self) -> Option<&str> {
        let file = self.0.place.as_ref().map(|(source, _)| source.name());
        file.or(self.0.sync.as_deref())
    }

    /// Line and column in the file, from 1.
    pub fn position(&self) -> Option<Position> {
        self.0.place.as_ref().map(|(source, span)| source.position(span.start))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, hint, sync, place, .. } = &*self.0;
        if let Some((source, span)) = place {
            let Position { line, column } = source.position(span.start);
            write!(f, "{}:{line}:{column}: {message}\n{}", source.name(), source.draw(*span))?;
        } else {
            if let Some(sync) = sync {
                write!(f, "sync `{sync}`: ")?;
            }
            f.write_str(message)?;
        }
        match hint {
            Some(hint) => write!(f, "\n  = hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<RequestError> for ConfigError {
    fn from(error: RequestError) -> Self {
        let kind = match error.kind() {
            RequestErrorKind::Url | RequestErrorKind::UserInfo => ConfigErrorKind::Url,
            RequestErrorKind::MissingSecret => ConfigErrorKind::MissingSecret,
            RequestErrorKind::Method | RequestErrorKind::Id => ConfigErrorKind::BadValue,
            _ => ConfigErrorKind::Header,
        };
        let made = Self::new(kind, error.message());
        match error.hint_text() {
            Some(hint) => made.with_hint(hint),
            None => made,
        }
    }
}

/// A sync can't be set up, because of its options, its template or its filter.
#[derive(Clone, Debug)]
pub enum SetupError {
    /// An option.
    Config(ConfigError),
    /// The template.
    Template(TemplateError),
    /// The filter.
    Filter(FilterError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Template(error) => error.fmt(f),
            Self::Filter(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SetupError {}

impl From<ConfigError> for SetupError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<TemplateError> for SetupError {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

impl From<FilterError> for SetupError {
    fn from(error: FilterError) -> Self {
        Self::Filter(error)
    }
}
