//! `Filter` and `Explanation`.

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::PyTuple;

use crate::filter;
use crate::python::convert::event_text;
use crate::python::convert::text_to_python;
use crate::python::errors::filter_error;
use crate::python::html;
use crate::python::template::parse_event;

/// Which events are sent: an FTL boolean expression over ``input``, or Amplitude's filter JSON by
/// :meth:`from_json`.
///
/// >>> Filter("input.event_type == 'Login' && input.user_id??").matches({"event_type": "Login"})
/// False
#[pyclass(frozen, module = "webhook_stream", name = "Filter")]
#[derive(Debug)]
pub(in crate::python) struct Filter {
    pub(in crate::python) inner: filter::Filter,
    is_json: bool,
    name: String,
    text: String,
}

impl Filter {
    /// A filter that was compiled elsewhere.
    pub(in crate::python) fn wrap(inner: filter::Filter) -> Self {
        let (is_json, source) = (inner.is_json(), inner.source());
        let (name, text) = (source.name().to_owned(), source.text().to_owned());
        Self { inner, is_json, name, text }
    }
}

#[pymethods]
impl Filter {
    #[new]
    #[pyo3(signature = (expression, /, *, name = "filter"))]
    fn new(py: Python<'_>, expression: &str, name: &str) -> PyResult<Self> {
        let inner = filter::Filter::from_expression(name, expression)
            .map_err(|error| filter_error(py, &error))?;
        Ok(Self { inner, is_json: false, name: name.to_owned(), text: expression.to_owned() })
    }

    /// Amplitude's filter: an object with ``event_type`` and ``filters``, or a list of them of which
    /// any may match; as Python objects or JSON text.
    #[staticmethod]
    #[pyo3(signature = (filter, /))]
    fn from_json(py: Python<'_>, filter: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = event_text(filter)?;
        let inner =
            filter::Filter::from_json("filter", &text).map_err(|error| filter_error(py, &error))?;
        Ok(Self { inner, is_json: true, name: "filter".to_owned(), text })
    }

    /// The name that errors call it by.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Its text: an FTL expression, or Amplitude's filter JSON.
    #[getter]
    fn source(&self) -> &str {
        &self.text
    }

    /// Whether it is Amplitude's filter JSON.
    #[getter]
    fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether the event is sent.
    fn matches(&self, py: Python<'_>, event: &Bound<'_, PyAny>) -> PyResult<bool> {
        let text = event_text(event)?;
        let document = parse_event(py, &text)?;
        self.inner.matches(document.root()).map_err(|error| filter_error(py, &error))
    }

    /// Which clause decided, with the values it saw.
    fn explain(&self, py: Python<'_>, event: &Bound<'_, PyAny>) -> PyResult<Explanation> {
        let text = event_text(event)?;
        let document = parse_event(py, &text)?;
        Ok(Explanation { inner: self.inner.explain(document.root()) })
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        html(slf, "filter_")
    }

    fn __repr__(&self) -> String {
        if self.is_json {
            format!("Filter.from_json({:?})", self.text)
        } else {
            format!("Filter({:?})", self.text)
        }
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let this = slf.get();
        let rebuild = py.import("webhook_stream._rebuild")?.getattr("filter_")?;
        let spelling = if this.is_json { "json" } else { "expression" };
        Ok((
            rebuild,
            PyTuple::new(
                py,
                [spelling, &this.name, &this.text].map(|text| PyString::new(py, text)),
            )?,
        ))
    }
}

/// Why a filter decided as it did: ``str()`` says it in words.
#[pyclass(frozen, module = "webhook_stream._core", name = "Explanation")]
#[derive(Debug)]
pub(in crate::python) struct Explanation {
    inner: filter::Explanation,
}

#[pymethods]
impl Explanation {
    /// Whether the event is sent.
    #[getter]
    fn matched(&self) -> bool {
        self.inner.matched
    }

    /// The clauses with the values they saw, as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text_to_python(py, &self.inner.to_json())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        html(slf, "explanation")
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        self.inner.to_string()
    }
}
