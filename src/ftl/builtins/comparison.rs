//! Which of two values is greater, and whether they are equal.

use std::borrow::Cow;
use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

use crate::ftl::builtins::collation::SortKey;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::ftl::settings::Settings;

/// How two values of one type stand to each other. `None`: their types can't be compared.
///
/// Texts are compared by their compatibility form (NFKC), so `"ﬁ"` equals `"fi"`; that they are
/// equal says [`equal`] for all versions.
///
/// # Errors
/// For dates of different kinds.
pub fn compare(left: &Model<'_>, right: &Model<'_>) -> Result<Option<Ordering>, Fault> {
    let (left, right) = match (left, right) {
        (Model::Late(_), _) | (_, Model::Late(_)) => return compare_late(left, right),
        pair => pair,
    };
    Ok(Some(match (left, right) {
        // NaN is equal to nothing; FreeMarker's arithmetic takes it as unequal as well.
        (Model::Number(left), Model::Number(right)) => {
            left.compare(right).unwrap_or(Ordering::Less)
        }
        (Model::Date(left), Model::Date(right)) => {
            if left.kind != right.kind {
                let (left, right) = (Model::Date(*left), Model::Date(*right));
                let (left, right) = (left.kind_name(), right.kind_name());
                let message = format!("{left} can't be compared with {right}");
                return Err(Fault::new(TemplateErrorKind::WrongType, message)
                    .with_hint("`?date`, `?time` and `?datetime` say what a date is"));
            }
            left.millis.cmp(&right.millis)
        }
        _ => match (text(left), text(right), boolean(left), boolean(right)) {
            (Some(left), Some(right), ..) => compare_texts(left, right),
            (_, _, Some(left), Some(right)) => left.cmp(&right),
            _ => return Ok(None),
        },
    }))
}

/// What could not be made is an error beside what it could be compared with, and only there.
#[cold]
fn compare_late(left: &Model<'_>, right: &Model<'_>) -> Result<Option<Ordering>, Fault> {
    let is_date = |model: &Model<'_>| match model {
        Model::Late(late) => late.date_kind().is_some(),
        model => matches!(model, Model::Date(_)),
    };
    let is_text = |model: &Model<'_>| match model {
        Model::Late(late) => late.date_kind().is_none(),
        model => text(model).is_some(),
    };
    if !(is_date(left) && is_date(right) || is_text(left) && is_text(right)) {
        return Ok(None);
    }
    match (left, right) {
        (Model::Late(late), other) => compare(late.value()?, other),
        (other, Model::Late(late)) => compare(other, late.value()?),
        (left, right) => compare(left, right),
    }
}

/// What `?if_exists` gave, as it is compared: false beside a boolean, an empty text beside anything
/// else.
pub fn instead_of_nothing<'r>(left: Model<'r>, right: Model<'r>) -> (Model<'r>, Model<'r>) {
    let beside = |other: &Model<'r>| match other {
        Model::Boolean(_) => Model::Boolean(false),
        _ => Model::Text(Text::Borrowed("")),
    };
    match (left, right) {
        (Model::Nothing, right) => (beside(&right), right),
        (left, Model::Nothing) => {
            let right = beside(&left);
            (left, right)
        }
        pair => pair,
    }
}

/// Whether two values are equal, as `==` has it; values that can't be compared are not.
///
/// # Errors
/// For dates of different kinds.
pub fn equal(left: &Model<'_>, right: &Model<'_>, settings: &Settings) -> Result<bool, Fault> {
    match (text(left), text(right)) {
        (Some(left), Some(right)) => Ok(equal_texts(left, right, settings)),
        _ => Ok(compare(left, right)?.is_some_and(Ordering::is_eq)),
    }
}

/// Whether two texts are equal: by their compatibility form, and before version 2.3.33 where they
/// sort to the same place.
pub fn equal_texts(left: &str, right: &str, settings: &Settings) -> bool {
    left == right
        || if settings.improves_since(33) {
            compare_texts(left, right).is_eq()
        } else {
            SortKey::new(left).compare(&SortKey::new(right)).is_eq()
        }
}

/// The order of two texts by the code units of their compatibility form.
pub fn compare_texts(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (compatible(left), compatible(right));
    left.encode_utf16().cmp(right.encode_utf16())
}

fn compatible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfkc().collect()) }
}

fn text<'a>(model: &'a Model<'_>) -> Option<&'a str> {
    match model {
        Model::Text(text) => Some(text),
        Model::Match(found) => Some(&found.text),
        Model::Empty | Model::Nothing => Some(""),
        _ => None,
    }
}

fn boolean(model: &Model<'_>) -> Option<bool> {
    match model {
        Model::Boolean(value) => Some(*value),
        Model::Matches(found) => Some(found.whole),
        Model::Nothing => Some(false),
        _ => None,
    }
}
