//! `Frame`: a table of another library, taken over through the Arrow PyCapsule interface.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use pyo3::exceptions::PyTypeError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::types::PyDict;
use pyo3::types::PyString;
use pyo3_arrow::PyArray;
use pyo3_arrow::PyArrayReader;

use crate::events::EventError;
use crate::events::Settings;
use crate::events::arrow::Batch;
use crate::events::arrow::TableReader;
use crate::python::errors::source_error;
use crate::value::Buffers;
use crate::value::write_json;

const STREAM: &str = "__arrow_c_stream__";
const ARRAY: &str = "__arrow_c_array__";

/// Rows that are read at once for those who take them one by one.
const ROWS: usize = 64;

/// A table whose rows are events. Iterating gives them as JSON texts; a row that is no event raises
/// `EventError`, and the next call goes on behind it.
#[pyclass(frozen, module = "webhook_stream._core", name = "Frame")]
#[derive(Debug)]
pub(in crate::python) struct Frame {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` when all of it was handed over.
    reader: Option<TableReader>,
    batch: Option<Batch>,
    row: usize,
    waiting: VecDeque<Result<String, EventError>>,
}

/// Whether an object says that it is a table. Its class is asked: some objects have any attribute.
pub(in crate::python) fn is_table(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    // The events that come one by one are asked, too.
    if object.is_instance_of::<PyDict>()
        || object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyBytes>()
    {
        return Ok(false);
    }
    let class = object.get_type();
    Ok(class.hasattr(STREAM)? || class.hasattr(ARRAY)?)
}

#[pymethods]
impl Frame {
    #[new]
    #[pyo3(signature = (source, /))]
    pub(in crate::python) fn new(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = source.py();
        let readable = py.import("webhook_stream._frames")?.getattr("readable")?;
        let source = &readable.call1((source,))?;
        let reader = if source.get_type().hasattr(STREAM)? {
            let reader = source.extract::<PyArrayReader>()?.into_reader()?;
            TableReader::new(reader.field(), Box::new(reader), &Settings::default())
        } else {
            let (array, field) = source.extract::<PyArray>()?.into_inner();
            TableReader::new(field, Box::new(std::iter::once(Ok(array))), &Settings::default())
        };
        let reader = reader.map_err(|error| source_error(py, &error))?;
        let (reader, waiting) = (Some(reader), VecDeque::new());
        Ok(Self { state: Mutex::new(State { reader, batch: None, row: 0, waiting }) })
    }

    /// Whether an object is a table: it has `__arrow_c_stream__` or `__arrow_c_array__`.
    ///
    /// Raises `TypeError` for one that is not computed yet.
    #[staticmethod]
    #[pyo3(signature = (source, /))]
    fn accepts(source: &Bound<'_, PyAny>) -> PyResult<bool> {
        let class = source.get_type();
        let is_polars = class.module()?.to_string_lossy().starts_with("polars");
        if is_polars && class.name()?.to_string_lossy() == "LazyFrame" {
            return Err(PyTypeError::new_err(
                "expected a data frame, found a LazyFrame of Polars, which is not computed yet: \
                 use .collect(), or .collect_batches() for one that is larger than memory",
            ));
        }
        is_table(source)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<String>> {
        match py.detach(|| self.lock().next()) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(error)) => Err(source_error(py, &error)),
        }
    }
}

impl Frame {
    /// The table, to be read elsewhere.
    ///
    /// # Errors
    /// When some of its rows were read here, or it was handed over before.
    pub(in crate::python) fn take(&self) -> PyResult<TableReader> {
        let mut state = self.lock();
        match state.reader.take() {
            Some(reader) if state.batch.is_none() => Ok(reader),
            _ => Err(PyValueError::new_err("expected a table, found one that was read before")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<Result<String, EventError>> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Some(row);
            }
            if self.batch.as_ref().is_none_or(|batch| self.row == batch.len()) {
                match self.reader.as_mut()?.next_batch()? {
                    Ok(batch) => self.batch = Some(batch),
                    Err(error) => return Some(Err(error)),
                }
                self.row = 0;
            }
            let Some(batch) = &self.batch else { continue };
            let rows = match batch.rows() {
                Ok(rows) => rows,
                Err(error) => return Some(Err(error)),
            };
            let end = rows.len().min(self.row + ROWS);
            let mut buffers = Buffers::default();
            for row in self.row..end {
                let text = match rows.event(row, std::mem::take(&mut buffers)) {
                    Ok(event) => {
                        let mut text = String::new();
                        write_json(event.root(), &mut text);
                        buffers = event.into_buffers();
                        Ok(text)
                    }
                    Err((error, _)) => Err(error),
                };
                self.waiting.push_back(text);
            }
            self.row = end;
        }
    }
}
