//! Dead letters as Python sees them.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::delivery::store::DeadLetter;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::pipeline::LetterFilter;
use crate::pipeline::Letters;
use crate::pipeline::SentAs;
use crate::pipeline::Sync;
use crate::python::convert::json_to_python;
use crate::python::errors::config_error;

/// Letters handed to Python at once.
const PAGE: usize = 256;

/// Which letters: reasons, since, until, keys.
pub(in crate::python) type Which = (Vec<String>, Option<String>, Option<String>, Vec<String>);

/// The filter for those words.
pub(in crate::python) fn letter_filter(py: Python<'_>, which: Which) -> PyResult<LetterFilter> {
    let (reasons, since, until, keys) = which;
    let now = SystemClock::new().wall();
    LetterFilter::parse(&reasons, since.as_deref(), until.as_deref(), keys, now)
        .map_err(|error| config_error(py, &error))
}

/// Some of the letters, or of what would be sent for them, and the id to go on behind.
pub(in crate::python) type Page = (Vec<serde_json::Value>, Option<u64>);

/// The letters behind an id.
pub(in crate::python) fn letters_page(
    store: &dyn Store,
    filter: &LetterFilter,
    after: u64,
) -> Result<Page, StoreError> {
    page(store, filter, after, DeadLetter::to_json)
}

/// What would be sent for the letters behind an id.
pub(in crate::python) fn renewed_page(
    sync: &Sync,
    store: &dyn Store,
    filter: &LetterFilter,
    after: u64,
    sent_as: SentAs<'_>,
    now_millis: i64,
) -> Result<Page, StoreError> {
    page(store, filter, after, |letter| sync.renew(letter, sent_as, now_millis).to_json())
}

fn page(
    store: &dyn Store,
    filter: &LetterFilter,
    after: u64,
    row: impl Fn(&DeadLetter) -> serde_json::Value,
) -> Result<Page, StoreError> {
    let (mut rows, mut last) = (Vec::new(), None);
    for letter in Letters::after(after, store, filter).take(PAGE) {
        let letter = letter?;
        last = Some(letter.id);
        rows.push(row(&letter));
    }
    let more = if rows.len() < PAGE { None } else { last };
    Ok((rows, more))
}

/// The letters themselves behind an id, and the id to go on behind.
pub(in crate::python) fn raw_page(
    store: &dyn Store,
    filter: &LetterFilter,
    after: u64,
) -> Result<(Vec<DeadLetter>, Option<u64>), StoreError> {
    let page = Letters::after(after, store, filter).take(PAGE);
    let letters = page.collect::<Result<Vec<_>, _>>()?;
    let more = letters.last().filter(|_| letters.len() == PAGE).map(|letter| letter.id);
    Ok((letters, more))
}

/// A page for Python.
pub(in crate::python) fn page_to_python(
    py: Python<'_>,
    (rows, more): Page,
) -> PyResult<(Bound<'_, PyList>, Option<u64>)> {
    let list = PyList::empty(py);
    for row in &rows {
        list.append(json_to_python(py, row)?)?;
    }
    Ok((list, more))
}
