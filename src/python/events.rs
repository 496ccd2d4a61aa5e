//! `Events`: the events of files as dicts.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

use pyo3::prelude::*;

use crate::events::EventError;
use crate::events::Reader;
use crate::events::Settings;
use crate::python::convert::text_to_python;
use crate::python::errors::source_error;

/// An iterator over the events of files, as dicts. A bad line raises `EventError`; the next call
/// goes on behind it.
#[pyclass(frozen, module = "webhook_stream._core", name = "Events")]
#[derive(Debug)]
pub(in crate::python) struct Events {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    reader: Reader,
    waiting: VecDeque<Result<String, EventError>>,
}

#[pymethods]
impl Events {
    #[new]
    #[pyo3(signature = (paths, /))]
    fn new(py: Python<'_>, paths: Vec<String>) -> PyResult<Self> {
        let reader = py.detach(|| Reader::open(&paths, Settings::default()));
        let reader = reader.map_err(|error| source_error(py, &error))?;
        Ok(Self { state: Mutex::new(State { reader, waiting: VecDeque::new() }) })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = py.detach(|| self.state.lock().unwrap_or_else(PoisonError::into_inner).next());
        match next {
            None => Ok(None),
            Some(Ok(text)) => text_to_python(py, &text).map(Some),
            Some(Err(error)) => Err(source_error(py, &error)),
        }
    }
}

impl State {
    fn next(&mut self) -> Option<Result<String, EventError>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            match self.reader.next_block()? {
                Err(error) => return Some(Err(error)),
                Ok(block) => {
                    let mut buffers = crate::value::Buffers::default();
                    for line in block.lines() {
                        let event =
                            line.and_then(|line| match line.parse(std::mem::take(&mut buffers)) {
                                Ok(event) => {
                                    buffers = event.into_buffers();
                                    Ok(line.text().to_owned())
                                }
                                Err((error, _)) => Err(error),
                            });
                        self.waiting.push_back(event);
                    }
                    self.reader.reuse(block);
                }
            }
        }
    }
}
