//! Tables for other libraries, through the Arrow PyCapsule interface.

use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::ArrayRef;
use arrow_array::BooleanArray;
use arrow_array::Float64Array;
use arrow_array::Int64Array;
use arrow_array::LargeStringArray;
use arrow_array::ListArray;
use arrow_array::StructArray;
use arrow_array::TimestampMicrosecondArray;
use arrow_buffer::OffsetBuffer;
use arrow_schema::ArrowError;
use arrow_schema::Field;
use arrow_schema::FieldRef;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::ArrayIterator;
use pyo3_arrow::ffi::to_stream_pycapsule;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::DeadLetter;
use crate::python::convert::event_text;

const UTC: &str = "UTC";

/// A column: its name and its values.
type Column = (&'static str, ArrayRef);

/// A stream of batches, all of the type of the first.
///
/// # Errors
/// When Python has no memory left, or the type asked for can't be given.
pub(in crate::python) fn stream<'py>(
    py: Python<'py>,
    field: FieldRef,
    batches: impl Iterator<Item = Result<ArrayRef, ArrowError>> + Send + 'static,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let batches = Box::new(ArrayIterator::new(batches, field));
    Ok(to_stream_pycapsule(py, batches, requested_schema)?)
}

/// Columns of Python values as a table: name, kind and values each.
#[pyfunction]
#[pyo3(signature = (columns, requested_schema, /))]
pub(in crate::python) fn arrow_stream<'py>(
    py: Python<'py>,
    columns: Vec<(String, String, Vec<Bound<'py, PyAny>>)>,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let rows = columns.first().map_or(0, |(_, _, values)| values.len());
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, kind, values) in columns {
        let array = array_of(&kind, &values)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let table = if arrays.is_empty() {
        StructArray::new_empty_fields(rows, None)
    } else {
        StructArray::try_new(fields.into(), arrays, None)
            .map_err(|error| PyValueError::new_err(error.to_string()))?
    };
    let table: ArrayRef = Arc::new(table);
    let field = Arc::new(Field::new("", table.data_type().clone(), false));
    stream(py, field, std::iter::once(Ok(table)), requested_schema)
}

fn array_of(kind: &str, values: &[Bound<'_, PyAny>]) -> PyResult<ArrayRef> {
    fn each<'py, T>(
        values: &[Bound<'py, PyAny>],
        take: impl Fn(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<Vec<Option<T>>> {
        let one = |value: &Bound<'py, PyAny>| {
            if value.is_none() { Ok(None) } else { take(value).map(Some) }
        };
        values.iter().map(one).collect()
    }
    Ok(match kind {
        "boolean" => Arc::new(BooleanArray::from(each(values, |value| value.extract::<bool>())?)),
        "integer" => Arc::new(Int64Array::from(each(values, |value| value.extract::<i64>())?)),
        "number" => Arc::new(Float64Array::from(each(values, |value| value.extract::<f64>())?)),
        "time" => times(each(values, |value| {
            let text: String = value.extract()?;
            text.parse()
                .map_err(|_| PyValueError::new_err(format!("expected a time, found {text}")))
        })?),
        _ => Arc::new(LargeStringArray::from(each(values, event_text)?)),
    })
}

/// The type of a table of dead letters.
pub(in crate::python) fn letters_field() -> FieldRef {
    Arc::new(Field::new("", letters(&[]).data_type().clone(), false))
}

/// Dead letters as rows.
pub(in crate::python) fn letters(letters: &[DeadLetter]) -> StructArray {
    let request = |letter: &DeadLetter| letter.request.clone();
    table(vec![
        ("id", integers(letters, |letter| Some(letter.id.cast_signed()))),
        ("key", texts(letters, |letter| Some(letter.key.clone()))),
        ("webhook_id", texts(letters, |letter| request(letter).map(|request| request.id))),
        ("reason", texts(letters, |letter| Some(letter.reason.name().to_owned()))),
        ("message", texts(letters, |letter| Some(letter.message.clone()))),
        ("url", texts(letters, |letter| request(letter).map(|it| it.target.url().to_string()))),
        ("payload", texts(letters, |letter| request(letter).map(|it| text_of(it.body)))),
        ("event", texts(letters, |letter| letter.event.clone())),
        ("accepted_at", times(letters.iter().map(|letter| Some(letter.accepted_at)).collect())),
        ("died_at", times(letters.iter().map(|letter| Some(letter.died_at)).collect())),
        ("attempts", attempts(letters)),
    ])
}

fn attempts(letters: &[DeadLetter]) -> ArrayRef {
    let all: Vec<&AttemptRecord> = letters.iter().flat_map(|letter| &letter.attempts).collect();
    let text = |get: fn(&AttemptRecord) -> &str| texts(&all, |it| Some(get(it).to_owned()));
    let items = table(vec![
        ("number", integers(&all, |attempt| Some(attempt.number.into()))),
        ("started_at", times(all.iter().map(|attempt| Some(attempt.started_at)).collect())),
        ("seconds", numbers(&all, |attempt| Some(attempt.took.as_secs_f64()))),
        ("tries", integers(&all, |attempt| Some(attempt.tries.into()))),
        ("status", integers(&all, |attempt| attempt.status.map(i64::from))),
        ("error", text(|attempt| &attempt.error)),
        ("message", text(|attempt| &attempt.message)),
        ("answer", text(|attempt| &attempt.answer)),
    ]);
    let item = Field::new("item", items.data_type().clone(), true);
    let lengths = letters.iter().map(|letter| letter.attempts.len());
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    Arc::new(ListArray::new(Arc::new(item), offsets, Arc::new(items), None))
}

/// Columns of one length as rows.
fn table(columns: Vec<Column>) -> StructArray {
    let column = |(name, array): Column| {
        (Arc::new(Field::new(name, array.data_type().clone(), true)), array)
    };
    StructArray::from(columns.into_iter().map(column).collect::<Vec<_>>())
}

/// With long offsets: the payloads of a page may be more than two gigabytes together.
fn texts<R>(rows: &[R], text: impl Fn(&R) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(text).collect::<LargeStringArray>())
}

fn integers<R>(rows: &[R], integer: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(integer).collect::<Int64Array>())
}

fn numbers<R>(rows: &[R], number: impl Fn(&R) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(number).collect::<Float64Array>())
}

fn times(times: Vec<Option<Timestamp>>) -> ArrayRef {
    let micros = times.into_iter().map(|time| time.map(Timestamp::as_micros));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
}

fn text_of(body: Vec<u8>) -> String {
    String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
