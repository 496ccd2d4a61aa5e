//! What an expression prints: text, a number, JSON; with or without what would end a JSON string.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::check::names::Names;
use crate::ftl::check::schema;
use crate::ftl::check::schema::Holds;
use crate::ftl::check::visit;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::INPUT;
use crate::ftl::program::TextPart;
use crate::ftl::statics::FTL_UTILS;

/// What an expression prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) struct Printed {
    pub(in crate::ftl::check) kind: Kind,
    pub(in crate::ftl::check) care: Care,
    /// How a number is printed.
    pub(in crate::ftl::check) digits: Digits,
}

/// The kind of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Kind {
    /// Only the event tells.
    Any,
    Text,
    Number,
    Boolean,
    Date,
    /// A JSON value, with quotes if it is a text.
    Json,
    /// JSON text, quotes included.
    JsonText,
}

/// Whether the text can hold what ends or breaks a JSON string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Care {
    /// It is escaped, or has nothing to escape.
    Safe,
    /// It is escaped for JavaScript, which has escapes that JSON doesn't have.
    ForJavaScript,
    /// Anything can be in it.
    Raw,
}

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Digits {
    /// As `number_format` says.
    BySetting,
    /// Never with grouping: `?c`, `?string("0")`, or it is small.
    Plain,
    /// With grouping: `?string(",##0")`.
    Grouped,
}

/// Variables that stand for variables; more is nobody's template.
const MAX_DEPTH: usize = 32;

/// What the expression prints.
pub(in crate::ftl::check) fn printed(expression: &Expr, names: &Names<'_>) -> Printed {
    Classifier { names }.of(expression, 0)
}

/// Whether a pattern of `?string` or `number_format` prints thousands with a separator.
pub(in crate::ftl::check) fn is_grouping(format: &str) -> bool {
    match format {
        "computer" | "c" | "" => false,
        "number" | "currency" | "percent" => true,
        pattern => !pattern.starts_with('@') && pattern.contains(','),
    }
}

struct Classifier<'n, 'p> {
    names: &'n Names<'p>,
}

const ANY: Printed = Printed { kind: Kind::Any, care: Care::Raw, digits: Digits::BySetting };
const UNKNOWN: Printed = Printed { kind: Kind::Any, care: Care::Safe, digits: Digits::Plain };

fn safe(kind: Kind) -> Printed {
    Printed { kind, care: Care::Safe, digits: Digits::BySetting }
}

fn small_number() -> Printed {
    Printed { digits: Digits::Plain, ..safe(Kind::Number) }
}

fn text(care: Care) -> Printed {
    Printed { kind: Kind::Text, care, digits: Digits::Plain }
}

impl Classifier<'_, '_> {
    fn of(&self, expression: &Expr, depth: usize) -> Printed {
        if depth > MAX_DEPTH {
            return UNKNOWN;
        }
        let of = |expression: &Expr| self.of(expression, depth + 1);
        match &expression.kind {
            ExprKind::Parenthesis(inner) => of(inner),
            ExprKind::Text(constant) => text(care_of(constant)),
            ExprKind::TextTemplate(parts) => {
                let care = parts.iter().map(|part| match part {
                    TextPart::Text(constant) => care_of(constant),
                    TextPart::Interpolation(value) => of(value).care,
                    TextPart::Numeric { .. } => Care::Safe,
                });
                text(care.fold(Care::Safe, worse))
            }
            ExprKind::Number(number) => match number.as_i64() {
                Some(-999..=999) => small_number(),
                _ => safe(Kind::Number),
            },
            ExprKind::Boolean(_)
            | ExprKind::Exists(_)
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..) => safe(Kind::Boolean),
            ExprKind::Negate(_) | ExprKind::Plus(_) => safe(Kind::Number),
            ExprKind::Variable(name) => match (self.names.value(name.text()), &name.loop_state) {
                (None, Some(state)) if self.names.has(state.0.text()) => match state.1 {
                    LoopQuestion::HasNext => safe(Kind::Boolean),
                    _ => small_number(),
                },
                (Some(value), _) => of(value),
                _ if self.names.is_key(name.text()) => text(Care::Safe),
                _ => ANY,
            },
            ExprKind::Dot { .. } | ExprKind::Index { .. } => field(expression),
            ExprKind::Special(_) => text(Care::Safe),
            ExprKind::Call { target, arguments } => self.call(target, arguments),
            ExprKind::Loop { question, arguments, .. } => match question {
                LoopQuestion::Index | LoopQuestion::Counter => small_number(),
                LoopQuestion::Cycle => arguments.iter().map(of).reduce(either).unwrap_or(UNKNOWN),
                LoopQuestion::Parity | LoopQuestion::ParityCapitalized => text(Care::Safe),
                _ => safe(Kind::Boolean),
            },
            ExprKind::Default { target, fallback } => match fallback {
                Some(fallback) => either(of(target), of(fallback)),
                None => of(target),
            },
            ExprKind::Binary { operator, left, right } => match operator {
                BinaryOperator::Add => {
                    let (left, right) = (of(left), of(right));
                    let kind = match (left.kind, right.kind) {
                        (Kind::Number, Kind::Number) => Kind::Number,
                        (Kind::Any, Kind::Number | Kind::Any) | (Kind::Number, Kind::Any) => {
                            Kind::Any
                        }
                        _ => Kind::Text,
                    };
                    let digits = Digits::BySetting;
                    Printed { kind, care: worse(left.care, right.care), digits }
                }
                BinaryOperator::Subtract
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Remainder => safe(Kind::Number),
                _ => safe(Kind::Boolean),
            },
            ExprKind::BuiltIn(application) => self.built_in(application, depth),
            ExprKind::List(_)
            | ExprKind::Hash(_)
            | ExprKind::Range { .. }
            | ExprKind::Lambda(_) => UNKNOWN,
        }
    }

    fn call(&self, target: &Expr, arguments: &[Expr]) -> Printed {
        let ExprKind::Dot { target, key } = &target.bare().kind else { return UNKNOWN };
        match key.name() {
            "toJson" | "toJsonString" if is_utilities(target, self.names) => {
                let kind = match arguments {
                    [argument] => self.of(argument, 0).kind,
                    _ => Kind::Any,
                };
                match kind {
                    Kind::Number | Kind::Boolean => safe(Kind::Json),
                    Kind::Text | Kind::Date => safe(Kind::JsonText),
                    _ if key.name() == "toJsonString" => safe(Kind::JsonText),
                    _ => safe(Kind::Json),
                }
            }
            _ => UNKNOWN,
        }
    }

    fn built_in(&self, application: &Application, depth: usize) -> Printed {
        let Application { target, built_in, form, .. } = application;
        let of = |expression: &Expr| self.of(expression, depth + 1);
        match built_in.name {
            "json_string" | "j_string" | "url" | "url_path" => text(Care::Safe),
            "js_string" => text(Care::ForJavaScript),
            "c" | "cn" => match of(target).kind {
                Kind::Text | Kind::JsonText => safe(Kind::JsonText),
                Kind::Number => small_number(),
                Kind::Boolean => safe(Kind::Boolean),
                _ => Printed { digits: Digits::Plain, ..safe(Kind::Json) },
            },
            "length" | "size" => small_number(),
            "number" | "long" | "int" | "short" | "byte" | "float" | "double" | "abs" | "round"
            | "floor" | "ceiling" => safe(Kind::Number),
            "index_of" | "last_index_of" | "seq_index_of" | "seq_last_index_of" => small_number(),
            "date"
            | "time"
            | "datetime"
            | "date_if_unknown"
            | "time_if_unknown"
            | "datetime_if_unknown"
            | "number_to_date"
            | "number_to_time"
            | "number_to_datetime" => safe(Kind::Date),
            "string" => string(of(target), form),
            "then" | "switch" | "default" => {
                let Form::Call(arguments) = form else { return UNKNOWN };
                let results: Vec<Printed> = match built_in.name {
                    "then" => arguments.iter().map(of).collect(),
                    "default" => std::iter::once(target).chain(arguments.iter()).map(of).collect(),
                    // Cases and results in turn, and perhaps a default.
                    _ => {
                        let is_result =
                            |index: usize| index % 2 == 1 || index + 1 == arguments.len();
                        let results = arguments.iter().enumerate();
                        results.filter(|(index, _)| is_result(*index)).map(|(_, x)| of(x)).collect()
                    }
                };
                results.into_iter().reduce(either).unwrap_or(UNKNOWN)
            }
            // Who replaces quotes escapes by hand.
            "replace" => {
                let quotes = visit::arguments::<2>(form)
                    .and_then(|[from, _]| visit::constant_text(from))
                    .is_some_and(|from| from.contains(['"', '\\']));
                match of(target) {
                    // Who replaces in a number takes the grouping out.
                    Printed { kind: Kind::Number, .. } => small_number(),
                    _ if quotes => text(Care::Safe),
                    what => text(what.care),
                }
            }
            "join" | "html" | "xhtml" | "xml" | "rtf" | "eval" => text(Care::Raw),
            "first" | "last" | "min" | "max" | "eval_json" => ANY,
            name if name.starts_with("iso") => text(Care::Safe),
            name if name.starts_with("is_") || is_question(name) => safe(Kind::Boolean),
            _ if built_in.group == "string" => text(of(target).care),
            _ => ANY,
        }
    }
}

/// `x?string` in all its forms.
fn string(target: Printed, form: &Form) -> Printed {
    let format = match form {
        Form::Bare | Form::Counted(_) => None,
        Form::Key(key) => Some(&**key),
        Form::Index(key) => visit::constant_text(key),
        Form::Call(_) => {
            if let Some([yes, no]) = visit::arguments::<2>(form) {
                let both =
                    [yes, no].map(|word| visit::constant_text(word).map_or(Care::Raw, care_of));
                return text(worse(both[0], both[1]));
            }
            visit::arguments::<1>(form).and_then(|[format]| visit::constant_text(format))
        }
    };
    match (format, target.kind) {
        (Some(format), Kind::Number | Kind::Any) if is_number_format(format) => {
            let digits = if is_grouping(format) { Digits::Grouped } else { Digits::Plain };
            Printed { kind: Kind::Number, care: Care::Safe, digits }
        }
        (Some(format), _) => text(care_of(format)),
        (None, Kind::Number) => target,
        (None, Kind::Boolean) => target,
        (None, Kind::Date) => safe(Kind::Date),
        (None, _) if matches!(form, Form::Bare) => target,
        (None, _) => text(Care::Safe),
    }
}

fn is_number_format(format: &str) -> bool {
    matches!(format, "number" | "computer" | "c" | "currency" | "percent")
        || format.contains(['0', '#'])
}

/// Whether the expression is Amplitude's helper class.
pub(in crate::ftl::check) fn is_utilities(expression: &Expr, names: &Names<'_>) -> bool {
    let mut expression = expression.bare();
    if let ExprKind::Variable(name) = &expression.kind {
        match names.value(name.text()) {
            Some(value) => expression = value.bare(),
            None => return false,
        }
    }
    matches!(visit::path(expression), Some(("statics", keys)) if keys == [FTL_UTILS])
}

/// A field of the event.
fn field(expression: &Expr) -> Printed {
    match visit::path(expression) {
        Some((INPUT, keys)) if keys.len() == 1 => match schema::field(keys[0]) {
            Some(Holds::PlainText | Holds::Time) => text(Care::Safe),
            Some(Holds::AnyText) => text(Care::Raw),
            Some(Holds::Number) => safe(Kind::Number),
            Some(Holds::Boolean) => safe(Kind::Boolean),
            Some(Holds::Other) | None => ANY,
        },
        _ => ANY,
    }
}

fn is_question(name: &str) -> bool {
    matches!(
        name,
        "has_content"
            | "exists"
            | "boolean"
            | "contains"
            | "starts_with"
            | "ends_with"
            | "matches"
            | "seq_contains"
    )
}

fn care_of(constant: &str) -> Care {
    let breaks = constant.contains(|c: char| matches!(c, '"' | '\\') || c < ' ');
    if breaks { Care::Raw } else { Care::Safe }
}

fn worse(left: Care, right: Care) -> Care {
    match (left, right) {
        (Care::Raw, _) | (_, Care::Raw) => Care::Raw,
        (Care::ForJavaScript, _) | (_, Care::ForJavaScript) => Care::ForJavaScript,
        _ => Care::Safe,
    }
}

/// What one or the other prints.
fn either(left: Printed, right: Printed) -> Printed {
    let kind = if left.kind == right.kind { left.kind } else { Kind::Any };
    let digits = match (left.digits, right.digits) {
        (Digits::Grouped, _) | (_, Digits::Grouped) => Digits::Grouped,
        (Digits::Plain, Digits::Plain) => Digits::Plain,
        _ => Digits::BySetting,
    };
    Printed { kind, care: worse(left.care, right.care), digits }
}
