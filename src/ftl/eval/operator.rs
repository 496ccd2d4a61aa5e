//! `+ - * / %` and comparisons.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::ftl::ast::BinaryOperator;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::comparison;
use crate::ftl::builtins::comparison::compare_texts;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::texts::Printed;
use crate::ftl::model::Hash;
use crate::ftl::model::MadeBy;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::program::Expr;
use crate::text::Span;
use crate::value::Number;

/// How many items or bytes are copied for one step.
const COPIES_A_STEP: usize = 16;
/// How many bytes are compared in one step.
const COMPARED_BYTES_A_STEP: usize = 64;
/// How many words of long numbers are multiplied in one step.
const WORDS_A_STEP: usize = 64;

impl<'r> Evaluator<'r> {
    /// `left operator right`
    pub(in crate::ftl::eval) fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &'r Expr,
        right: &'r Expr,
        whole: &'r Expr,
    ) -> Evaluated<'r> {
        self.step(whole.span)?;
        match operator {
            BinaryOperator::Add => {
                // The right side first: where texts are joined, it is often a literal.
                if let Some(second) = self.plain_number(right)
                    && let Some(first) = self.plain_number(left)
                {
                    let sum = self.calculate(operator, &first, &second, whole.span);
                    return sum.map(Model::Number);
                }
                let first = self.evaluate(left)?;
                let second = self.evaluate(right)?;
                self.add(first, Some(left), second, right, whole.span)
            }
            BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Remainder => {
                let first = self.number(left)?;
                let second = self.number(right)?;
                self.calculate(operator, &first, &second, whole.span).map(Model::Number)
            }
            _ => {
                if let Some(ordering) = self.plain_ordering(left, right)
                    && let Some(holds) = holds(operator, ordering)
                {
                    return Ok(Model::Boolean(holds));
                }
                let first = self.evaluate(left)?;
                let second = self.evaluate(right)?;
                self.compare(operator, first, left, second, right, whole.span).map(Model::Boolean)
            }
        }
    }

    /// The order of two numbers, when it takes no more than a look to know them.
    #[inline]
    pub(in crate::ftl::eval) fn plain_ordering(
        &self,
        left: &'r Expr,
        right: &'r Expr,
    ) -> Option<Ordering> {
        let second = self.plain_number(right)?;
        Some(self.plain_number(left)?.compare(&second).unwrap_or(Ordering::Less))
    }

    /// Arithmetic with two numbers.
    pub(in crate::ftl::eval) fn calculate(
        &mut self,
        operator: BinaryOperator,
        first: &Number,
        second: &Number,
        span: Span,
    ) -> Result<Number, Failure> {
        self.pay(first, second, span)?;
        let result = match operator {
            BinaryOperator::Add => first.add(second),
            BinaryOperator::Subtract => first.subtract(second),
            BinaryOperator::Multiply => first.multiply(second),
            BinaryOperator::Divide => first.divide(second),
            _ => first.remainder(second),
        };
        result.map_err(|error| self.arithmetic(error, span))
    }

    /// `first + second`: a sum, or two of a kind joined. Without a left expression (`x += …`) the
    /// whole is blamed.
    pub(in crate::ftl::eval) fn add(
        &mut self,
        first: Model<'r>,
        left: Option<&'r Expr>,
        second: Model<'r>,
        right: &'r Expr,
        span: Span,
    ) -> Evaluated<'r> {
        match (&first, &second) {
            (Model::Number(first), Model::Number(second)) => {
                return self.calculate(BinaryOperator::Add, first, second, span).map(Model::Number);
            }
            (Model::Text(first), Model::Text(second)) => {
                return self.join(first, second, span).map(Model::Text);
            }
            (Model::Empty | Model::Nothing, Model::Sequence(_)) => return Ok(second),
            (Model::Sequence(_), Model::Empty | Model::Nothing) => return Ok(first),
            _ => {}
        }
        if let (Some(first), Some(second)) = (as_sequence(&first), as_sequence(&second)) {
            return self.join_sequences(first, second, span);
        }
        let is_like_hash =
            |value| matches!(value, &Model::Hash(_) | &Model::Empty | &Model::Nothing);
        if is_like_hash(&first)
            && is_like_hash(&second)
            && matches!((&first, &second), (Model::Hash(_), _) | (_, Model::Hash(_)))
        {
            return match (first, second) {
                (Model::Hash(first), Model::Hash(second)) if !first.is_plainly_empty() => {
                    if second.is_plainly_empty() {
                        return Ok(Model::Hash(first));
                    }
                    self.join_hashes(&first, &second, span)
                }
                (_, second @ Model::Hash(_)) => Ok(second),
                (first, _) => Ok(first),
            };
        }
        if is_made_of_parts(&first) || is_made_of_parts(&second) {
            if let (Model::Missing, Some(left)) = (&first, left) {
                return Err(self.missing(left));
            }
            return Err(self.not_joined(&first, &second, span));
        }
        let first = match left {
            Some(left) => self.printed(first, left)?,
            None => self.printed(first, right)?,
        };
        let second = self.printed(second, right)?;
        match (first, second) {
            (Printed::Text(first), Printed::Text(second)) => {
                self.join(&first, &second, span).map(Model::Text)
            }
            (first, second) => self.join_markup(first, second, span).map(Model::Markup),
        }
    }

    /// Counts the work with numbers that are longer than the processor's.
    #[inline]
    fn pay(&mut self, first: &Number, second: &Number, span: Span) -> Result<(), Failure> {
        let (first, second) = (first.words(), second.words());
        if first + second == 0 {
            return Ok(());
        }
        let words = first.saturating_mul(second) / WORDS_A_STEP;
        self.steps(words.saturating_add(first + second), span)
    }

    /// Two texts as one.
    pub(in crate::ftl::eval) fn join(
        &mut self,
        first: &Text<'r>,
        second: &Text<'r>,
        span: Span,
    ) -> Result<Text<'r>, Failure> {
        if second.is_empty() {
            return Ok(first.clone());
        }
        if first.is_empty() {
            return Ok(second.clone());
        }
        let length = first.len() + second.len();
        self.check_text_length(length, span)?;
        self.steps(length / COPIES_A_STEP, span)?;
        let mut joined = String::with_capacity(length);
        joined.push_str(first);
        joined.push_str(second);
        Ok(Text::from(joined))
    }

    /// A text that is longer than all output may be is an error.
    pub(in crate::ftl::eval) fn check_text_length(
        &self,
        length: usize,
        span: Span,
    ) -> Result<(), Failure> {
        let limit = self.settings.limits.max_output_bytes;
        if length <= limit {
            return Ok(());
        }
        let message = format!("a string is larger than {limit} bytes (`max_output_bytes`)");
        Err(self.fail(TemplateErrorKind::Limit, message, span))
    }

    fn join_sequences(
        &mut self,
        first: Sequence<'r>,
        second: Sequence<'r>,
        span: Span,
    ) -> Evaluated<'r> {
        let mut items = Vec::new();
        for sequence in [first, second] {
            self.add_items(&sequence, &mut items, span)?;
        }
        Ok(Model::collection(items, MadeBy::Sum))
    }

    fn join_hashes(&mut self, first: &Hash<'r>, second: &Hash<'r>, span: Span) -> Evaluated<'r> {
        let mut map = Map::default();
        for hash in [first, second] {
            let pairs = self.pairs(hash).map_err(|fault| self.blame(fault, span, span, &[]))?;
            self.steps(pairs.len(), span)?;
            for (key, value) in pairs {
                // A key without a value doesn't hide that of the left hash.
                if !(value.is_missing() && map.get(&key).is_some()) {
                    map.insert(key, value);
                }
            }
        }
        Ok(Model::Hash(Hash::Made(Rc::new(map))))
    }

    /// `first operator second`, by FreeMarker's rules: equal types only, no order of texts.
    pub(in crate::ftl::eval) fn compare(
        &mut self,
        operator: BinaryOperator,
        first: Model<'r>,
        left: &'r Expr,
        second: Model<'r>,
        right: &'r Expr,
        span: Span,
    ) -> Result<bool, Failure> {
        let first = self.comparable(first, left)?;
        let second = self.comparable(second, right)?;
        let equality = matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual);
        let ordering = match (&first, &second) {
            (Model::Number(first), Model::Number(second)) => {
                self.pay(first, second, span)?;
                first.compare(second).unwrap_or(Ordering::Less)
            }
            (Model::Text(first), Model::Text(second)) => {
                if !equality {
                    return Err(self.no_order("strings", span).with_hint(
                        "numbers in strings compare by `?number`, dates by `?date` or `?datetime`",
                    ));
                }
                self.steps(first.len().min(second.len()) / COMPARED_BYTES_A_STEP, span)?;
                equal_texts(first, second)
            }
            (Model::Boolean(first), Model::Boolean(second)) => {
                if !equality {
                    return Err(self.no_order("booleans", span));
                }
                first.cmp(second)
            }
            (Model::Date(first), Model::Date(second)) => {
                if first.kind != second.kind {
                    let (first, second) = (Model::Date(*first), Model::Date(*second));
                    return Err(self.incomparable(&first, &second, span));
                }
                first.millis.cmp(&second.millis)
            }
            (Model::Nothing, _) | (_, Model::Nothing) => {
                let (first, second) = comparison::instead_of_nothing(first, second);
                return self.compare(operator, first, left, second, right, span);
            }
            _ if self.settings.classic_compatible => {
                let (first, second) = (self.text_of(first, left)?, self.text_of(second, right)?);
                first.cmp(&second)
            }
            _ => return Err(self.incomparable(&first, &second, span)),
        };
        Ok(holds(operator, ordering).unwrap_or_default())
    }

    /// A value in the form it is compared in.
    fn comparable(&mut self, value: Model<'r>, expression: &'r Expr) -> Evaluated<'r> {
        match value {
            Model::Missing if self.settings.classic_compatible => {
                Ok(Model::Text(Text::Borrowed("")))
            }
            Model::Missing => Err(self.missing(expression)),
            Model::Empty => Ok(Model::Text(Text::Borrowed(""))),
            Model::Match(found) => Ok(Model::Text(Text::Shared(Rc::clone(&found.text)))),
            Model::Matches(matches) => Ok(Model::Boolean(matches.whole)),
            value => Ok(value),
        }
    }

    #[cold]
    fn no_order(&self, what: &str, span: Span) -> Failure {
        let message = format!("{what} have no order, they can only be equal or not");
        self.fail(Self::TYPE_ERROR, message, span)
    }

    #[cold]
    fn not_joined(&self, first: &Model<'r>, second: &Model<'r>, span: Span) -> Failure {
        if let Some(missing) = [first, second].into_iter().find(|value| value.is_missing()) {
            let message = format!("expected two values for `+`, found {}", missing.kind_name());
            return self.fail(TemplateErrorKind::MissingValue, message, span);
        }
        let (left, right) = (first.kind_name(), second.kind_name());
        let message = format!("expected two values of one kind for `+`, found {left} and {right}");
        self.fail(Self::TYPE_ERROR, message, span).with_hint(match (first, second) {
            (Model::Text(_), Model::Sequence(_)) | (Model::Sequence(_), Model::Text(_)) => {
                "`?join(\", \")` makes a string of a sequence; `[x]` makes a sequence of one item"
            }
            (Model::Sequence(_), _) | (_, Model::Sequence(_)) => {
                "an item is added in brackets: `xs + [x]`"
            }
            _ => "pairs are added in braces: `h + {\"key\": value}`",
        })
    }

    #[cold]
    fn incomparable(&self, first: &Model<'r>, second: &Model<'r>, span: Span) -> Failure {
        if std::mem::discriminant(first) == std::mem::discriminant(second)
            && is_made_of_parts(first)
        {
            let message = format!("{} can't be compared with another one", first.kind_name());
            let failure = self.fail(Self::TYPE_ERROR, message, span);
            return failure
                .with_hint("compare what is in them: their size, their keys, their items");
        }
        let message = format!(
            "expected two values of one type, found {} and {}",
            first.kind_name(),
            second.kind_name()
        );
        let failure = self.fail(Self::TYPE_ERROR, message, span);
        match (first, second) {
            (Model::Text(_), Model::Number(_)) | (Model::Number(_), Model::Text(_)) => failure
                .with_hint("make both numbers (`x?number == 1`) or both strings (`x?c == \"1\"`)"),
            (Model::Text(_), Model::Boolean(_)) | (Model::Boolean(_), Model::Text(_)) => {
                failure.with_hint("a string becomes a boolean by `?boolean`")
            }
            (Model::Date(_), Model::Date(_)) => {
                failure.with_hint("make both dates, both times or both datetimes")
            }
            _ => failure,
        }
    }
}

/// Whether it is a sequence or a hash, which have no text.
fn is_made_of_parts(value: &Model<'_>) -> bool {
    matches!(value, Model::Sequence(_) | Model::Hash(_))
}

/// Whether a comparison holds for an order; `None` for operators that don't compare.
#[inline]
pub(in crate::ftl::eval) fn holds(operator: BinaryOperator, ordering: Ordering) -> Option<bool> {
    Some(match operator {
        BinaryOperator::Equal => ordering == Ordering::Equal,
        BinaryOperator::NotEqual => ordering != Ordering::Equal,
        BinaryOperator::Less => ordering == Ordering::Less,
        BinaryOperator::LessOrEqual => ordering != Ordering::Greater,
        BinaryOperator::Greater => ordering == Ordering::Greater,
        BinaryOperator::GreaterOrEqual => ordering != Ordering::Less,
        _ => return None,
    })
}

fn as_sequence<'r>(value: &Model<'r>) -> Option<Sequence<'r>> {
    match value {
        Model::Sequence(sequence) => Some(sequence.clone()),
        Model::Matches(matches) => {
            let items = matches.matches.iter().map(|found| Model::Match(Rc::clone(found)));
            Some(Sequence::Items(Rc::new(items.collect())))
        }
        Model::Empty | Model::Nothing => Some(Sequence::Items(Rc::default())),
        _ => None,
    }
}

/// Equal or not; the order of different texts means nothing.
fn equal_texts(first: &str, second: &str) -> Ordering {
    if first == second { Ordering::Equal } else { compare_texts(first, second) }
}
