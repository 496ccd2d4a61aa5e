//! What the linter says about a place of a template.

use std::fmt;

use serde_json::json;

use crate::text::Position;
use crate::text::Source;
use crate::text::Span;

/// Something that will hurt, at its place in a template or filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    rule: Rule,
    level: Level,
    message: String,
    hint: Option<String>,
    source: Source,
    span: Span,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It fails, whatever the events are, or some of the sample events failed.
    Error,
    /// It fails for some events.
    Warning,
    /// Worth knowing; nothing fails.
    Note,
}

/// What is looked for. The spelling for programs is [`Rule::name`], the heading in `docs/checks.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A value inside a JSON string without escaping.
    UnescapedText,
    /// An escape inside a JSON string that is not JSON's.
    WrongEscape,
    /// JSON with quotes of its own inside a JSON string.
    QuotedJson,
    /// Text outside the quotes of a JSON string.
    UnquotedText,
    /// A number that is printed with grouping.
    GroupedNumber,
    /// Nothing where JSON needs a value.
    EmptyValue,
    /// Two values without a comma between them.
    MissingComma,
    /// A comma with nothing behind it, or nothing before it.
    TrailingComma,
    /// A line break inside a JSON string.
    LineBreak,
    /// Text that JSON doesn't have there.
    NotJson,
    /// `(x)!'' == 'Y'`
    DefaultPrecedence,
    /// A pattern with `S` for a time with six digits behind the second.
    FractionDigits,
    /// `?substring(0, 500)` of a text that may be shorter.
    ShortText,
    /// A variable, parameter or helper that doesn't exist.
    UnknownName,
    /// A field that events don't have.
    UnknownField,
    /// A method of Java's.
    JavaMethod,
    /// A field that sample events lack, and what becomes of the payload.
    MissingField,
    /// Sample events that can't be rendered.
    FailingEvents,
}

impl Level {
    /// Every level, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// The level as programs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Rule {
    /// Every rule, in the order of the documentation.
    pub const ALL: [Self; 18] = [
        Self::UnescapedText,
        Self::WrongEscape,
        Self::QuotedJson,
        Self::UnquotedText,
        Self::GroupedNumber,
        Self::EmptyValue,
        Self::MissingComma,
        Self::TrailingComma,
        Self::LineBreak,
        Self::NotJson,
        Self::DefaultPrecedence,
        Self::FractionDigits,
        Self::ShortText,
        Self::UnknownName,
        Self::UnknownField,
        Self::JavaMethod,
        Self::MissingField,
        Self::FailingEvents,
    ];

    /// The rule as programs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnescapedText => "unescaped_text",
            Self::WrongEscape => "wrong_escape",
            Self::QuotedJson => "quoted_json",
            Self::UnquotedText => "unquoted_text",
            Self::GroupedNumber => "grouped_number",
            Self::EmptyValue => "empty_value",
            Self::MissingComma => "missing_comma",
            Self::TrailingComma => "trailing_comma",
            Self::LineBreak => "line_break",
            Self::NotJson => "not_json",
            Self::DefaultPrecedence => "default_precedence",
            Self::FractionDigits => "fraction_digits",
            Self::ShortText => "short_text",
            Self::UnknownName => "unknown_name",
            Self::UnknownField => "unknown_field",
            Self::JavaMethod => "java_method",
            Self::MissingField => "missing_field",
            Self::FailingEvents => "failing_events",
        }
    }

    /// How bad it is, when nothing more is known.
    fn level(self) -> Level {
        match self {
            Self::UnescapedText
            | Self::EmptyValue
            | Self::FractionDigits
            | Self::ShortText
            | Self::MissingField => Level::Warning,
            _ => Level::Error,
        }
    }
}

impl Finding {
    /// A finding at a place, as bad as its rule says.
    pub fn new(rule: Rule, message: impl Into<String>, source: &Source, span: Span) -> Self {
        let (level, message) = (rule.level(), message.into());
        Self { rule, level, message, hint: None, source: source.clone(), span }
    }

    /// The same finding with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding, that bad.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// What was looked for.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The name of the template or filter.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// The template or filter.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The place.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Line and column of the place, from 1.
    pub fn position(&self) -> Position {
        self.source.position(self.span.start)
    }

    /// The finding on one line, without its drawing.
    pub fn headline(&self) -> String {
        let Position { line, column } = self.position();
        let (name, level, rule) = (self.name(), self.level.name(), self.rule.name());
        format!("{name}:{line}:{column}: {level}: {} [{rule}]", self.message)
    }

    /// The finding for programs.
    pub fn to_json(&self) -> serde_json::Value {
        let Position { line, column } = self.position();
        json!({
            "rule": self.rule.name(),
            "level": self.level.name(),
            "message": self.message,
            "hint": self.hint,
            "name": self.name(),
            "line": line,
            "column": column,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        write!(f, "{}", self.source.draw(self.span))?;
        match &self.hint {
            Some(hint) => write!(f, "\n  = hint: {hint}"),
            None => Ok(()),
        }
    }
}
