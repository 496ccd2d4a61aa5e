//! `Finding`: what the linter says about a place.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::ftl;
use crate::ftl::Level;
use crate::ftl::Rule;
use crate::python::convert::text_to_python;
use crate::python::html;
use crate::text::Source;
use crate::text::Span;

/// What the linter says about a place of a template or filter.
///
/// ``str(finding)`` draws the line with carets under the place and the hint below. ``docs/checks.md``
/// lists the rules.
///
/// >>> (finding,) = Template('{"name": "${input.user_id}"}', name="user.ftl").check()
/// >>> finding
/// <Finding user.ftl:1:13 unescaped_text>
#[pyclass(frozen, eq, module = "webhook_stream", name = "Finding")]
#[derive(Debug, PartialEq)]
pub(in crate::python) struct Finding {
    inner: ftl::Finding,
}

/// The core's findings as a Python list that shows itself.
pub(in crate::python) fn findings(
    py: Python<'_>,
    findings: Vec<ftl::Finding>,
) -> PyResult<Bound<'_, PyAny>> {
    let findings: Vec<Finding> = findings.into_iter().map(|inner| Finding { inner }).collect();
    py.import("webhook_stream._findings")?.getattr("Findings")?.call1((findings,))
}

#[pymethods]
impl Finding {
    /// What was looked for: ``unescaped_text``, ``missing_comma`` …
    #[getter]
    fn rule(&self) -> &'static str {
        self.inner.rule().name()
    }

    /// How bad it is: ``error`` (fails whatever the events are), ``warning`` (fails for some events)
    /// or ``note`` (worth knowing).
    #[getter]
    fn level(&self) -> &'static str {
        self.inner.level().name()
    }

    /// What is wrong, in one sentence.
    #[getter]
    fn message(&self) -> &str {
        self.inner.message()
    }

    /// What to do about it.
    #[getter]
    fn hint(&self) -> Option<&str> {
        self.inner.hint()
    }

    /// The template or filter.
    #[getter]
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// The line, from 1.
    #[getter]
    fn line(&self) -> usize {
        self.inner.position().line
    }

    /// The column in characters, from 1.
    #[getter]
    fn column(&self) -> usize {
        self.inner.position().column
    }

    /// All of it as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text_to_python(py, &self.inner.to_json().to_string())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        html(slf, "finding")
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        let place = self.inner.position();
        format!("<Finding {}:{}:{} {}>", self.name(), place.line, place.column, self.rule())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::Hash as _;
        use std::hash::Hasher as _;
        let mut hasher = std::hash::DefaultHasher::new();
        (self.inner.rule(), self.inner.span(), self.inner.message()).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let own = &slf.get().inner;
        let rebuild = py.import("webhook_stream._rebuild")?.getattr("finding")?;
        let arguments = (
            (own.rule().name(), own.level().name()),
            (own.message(), own.hint()),
            (own.name(), own.source().text(), own.span().start, own.span().end),
        );
        Ok((rebuild, arguments.into_pyobject(py)?))
    }

    /// What `__reduce__` took apart.
    #[staticmethod]
    #[pyo3(signature = (kind, words, place, /))]
    fn _rebuild(
        kind: (String, String),
        words: (String, Option<String>),
        place: (String, String, u32, u32),
    ) -> PyResult<Self> {
        let unknown = || PyValueError::new_err("expected the parts of a finding");
        let ((rule, level), (message, hint), (name, text, start, end)) = (kind, words, place);
        let rule = Rule::ALL.into_iter().find(|own| own.name() == rule).ok_or_else(unknown)?;
        let level = Level::ALL.into_iter().find(|own| own.name() == level).ok_or_else(unknown)?;
        let span = Span { start, end };
        let finding = ftl::Finding::new(rule, message, &Source::new(name, text), span);
        let finding = finding.at_level(level);
        let inner = match hint {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        };
        Ok(Self { inner })
    }
}
