//! Tests of templates, for the pytest plugin.

use std::path::PathBuf;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::python::errors::setup_error;
use crate::template_test;
use crate::template_test::Suite;
use crate::template_test::Verdict;

/// Where two JSON texts differ, line by line; None when they say the same.
#[pyfunction]
#[pyo3(signature = (expected, found, /))]
pub(in crate::python) fn json_difference(expected: &str, found: &str) -> Option<String> {
    template_test::difference(expected, found)
}

/// The cases of a test file.
#[pyclass(frozen, module = "webhook_stream._core", name = "TemplateSuite")]
#[derive(Debug)]
pub(in crate::python) struct TemplateSuite {
    inner: Suite,
}

#[pymethods]
impl TemplateSuite {
    /// Reads a test file.
    #[new]
    #[pyo3(signature = (path, /))]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = template_test::load(&path).map_err(|error| setup_error(py, &error))?;
        Ok(Self { inner })
    }

    /// Name and line of each case.
    fn cases(&self) -> Vec<(String, usize)> {
        self.inner.cases.iter().map(|case| (case.name.clone(), case.line)).collect()
    }

    /// What differs from what is expected; None when nothing does.
    #[pyo3(signature = (index, /))]
    fn run(&self, py: Python<'_>, index: usize) -> Option<String> {
        let case = self.inner.cases.get(index)?;
        match py.detach(|| case.run()) {
            Verdict::Passed => None,
            Verdict::Failed(difference) => Some(difference),
        }
    }

    /// Writes what the template gives now as what is expected; False when there was nothing to do.
    #[pyo3(signature = (index, /))]
    fn update(&self, py: Python<'_>, index: usize) -> PyResult<bool> {
        py.detach(|| template_test::update(&self.inner.path, index)).map_err(PyOSError::new_err)
    }

    /// Each field that the template reads and the event has, and what breaks without it.
    #[pyo3(signature = (index, /))]
    fn drop_each_field(&self, py: Python<'_>, index: usize) -> Vec<(String, Option<String>)> {
        let Some(case) = self.inner.cases.get(index) else { return Vec::new() };
        let dropped = py.detach(|| case.drop_each_field());
        dropped.into_iter().map(|dropped| (dropped.field, dropped.breaks)).collect()
    }
}
