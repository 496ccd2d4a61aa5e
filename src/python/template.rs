//! `Template` and `Settings`.

use std::path::Path;
use std::sync::Arc;

use pyo3::exceptions::PyException;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::types::PyString;
use pyo3::types::PyTuple;

use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::ftl;
use crate::ftl::Data;
use crate::ftl::Library;
use crate::ftl::Recorder;
use crate::ftl::RenderOptions;
use crate::ftl::Samples;
use crate::ftl::Usage;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::python::convert::event_text;
use crate::python::convert::text_to_python;
use crate::python::errors::config_error;
use crate::python::errors::event_error;
use crate::python::errors::setting_error;
use crate::python::errors::template_error;
use crate::python::finding::findings;
use crate::python::html;
use crate::text::Source;
use crate::value::Document;

/// What changes the output of templates: locale, time zone, formats, syntax, limits.
///
/// Made by :meth:`amplitude` (what webhook templates expect: numbers and booleans as JSON spells
/// them, UTC, ``en_US``) or :meth:`freemarker` (FreeMarker's own defaults). The keywords are
/// FreeMarker's setting names.
///
/// >>> Settings.freemarker(locale="en_US", number_format="0.00")
/// Settings.freemarker(locale='en_US', number_format='0.00')
#[pyclass(frozen, module = "webhook_stream", name = "Settings")]
#[derive(Debug)]
pub(in crate::python) struct Settings {
    pub(in crate::python) inner: ftl::Settings,
    base: &'static str,
    given: Vec<(String, String)>,
}

impl Settings {
    fn build(
        py: Python<'_>,
        base: &'static str,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut inner = match base {
            "freemarker" => ftl::Settings::freemarker(),
            _ => ftl::Settings::amplitude(),
        };
        let mut given = Vec::new();
        for (name, value) in keywords.into_iter().flat_map(PyDictMethods::iter) {
            let name: String = name.extract()?;
            let value = if let Ok(value) = value.extract::<bool>() {
                value.to_string()
            } else if value.is_instance_of::<PyDict>() {
                // `custom_number_formats={"price": "0.00"}`
                event_text(&value)?
            } else {
                value.str()?.to_string()
            };
            inner.set(&name, &value).map_err(|error| setting_error(py, &error))?;
            given.push((name, value));
        }
        Ok(Self { inner, base, given })
    }
}

#[pymethods]
impl Settings {
    /// What webhook templates expect, changed by the keywords.
    #[staticmethod]
    #[pyo3(signature = (**settings))]
    pub(in crate::python) fn amplitude(
        py: Python<'_>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::build(py, "amplitude", settings)
    }

    /// FreeMarker's own defaults, changed by the keywords.
    #[staticmethod]
    #[pyo3(signature = (**settings))]
    fn freemarker(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Self::build(py, "freemarker", settings)
    }

    fn __repr__(&self) -> String {
        let keywords: Vec<String> =
            self.given.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
        format!("Settings.{}({})", self.base, keywords.join(", "))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.inner == other.inner
    }

    fn __hash__(&self) -> u64 {
        use std::hash::Hash as _;
        use std::hash::Hasher as _;
        let mut hasher = std::hash::DefaultHasher::new();
        self.base.hash(&mut hasher);
        self.inner.locale.hash(&mut hasher);
        self.inner.number_format.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let this = slf.get();
        let rebuild = py.import("webhook_stream._rebuild")?.getattr("settings")?;
        let keywords = PyDict::new(py);
        for (name, value) in &this.given {
            keywords.set_item(name, value)?;
        }
        Ok((
            rebuild,
            PyTuple::new(py, [PyString::new(py, this.base).into_any(), keywords.into_any()])?,
        ))
    }
}

/// A compiled FreeMarker template. Compiled once, rendered from any number of threads.
///
/// ``templates`` maps names to sources for ``<#include>`` and ``<#import>``. A template that does
/// not compile raises :class:`TemplateError`, which draws the line.
///
/// >>> Template("Hello ${input.user!'nobody'}!").render({"user": "Ada"})
/// 'Hello Ada!'
#[pyclass(frozen, module = "webhook_stream", name = "Template")]
#[derive(Debug)]
pub(in crate::python) struct Template {
    pub(in crate::python) inner: ftl::Template,
    settings: Option<Py<Settings>>,
    templates: Vec<(String, String)>,
}

#[pymethods]
impl Template {
    #[new]
    #[pyo3(signature = (source, /, *, name = "template", settings = None, templates = None))]
    fn new(
        py: Python<'_>,
        source: &str,
        name: &str,
        settings: Option<Py<Settings>>,
        templates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut sources = Vec::new();
        for (name, source) in templates.into_iter().flat_map(PyDictMethods::iter) {
            sources.push((name.extract::<String>()?, source.extract::<String>()?));
        }
        let mut chosen =
            settings.as_ref().map_or_else(ftl::Settings::amplitude, |own| own.get().inner.clone());
        // The settings may be older than the wish to count.
        chosen.recorder = Recorder::current();
        let inner = py
            .detach(|| {
                let folder = Path::new(name).parent().unwrap_or(Path::new(""));
                let library = sources.iter().map(|(name, text)| {
                    counted(Source::new(name.as_str(), text.as_str()), &folder.join(name))
                });
                let folder = folder.display().to_string();
                let library =
                    (!sources.is_empty()).then(|| Arc::new(Library::of_folder(&folder, library)));
                let source = counted(Source::new(name, source), Path::new(name));
                ftl::Template::compile_source(&source, &chosen, library)
            })
            .map_err(|error| template_error(py, &error))?;
        Ok(Self { inner, settings, templates: sources })
    }

    /// The template in a file (UTF-8), named after it.
    #[staticmethod]
    #[pyo3(signature = (path, /, *, settings = None, templates = None))]
    fn from_file(
        py: Python<'_>,
        path: std::path::PathBuf,
        settings: Option<Py<Settings>>,
        templates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("{} can't be read: {error}", path.display());
            config_error(py, &ConfigError::new(ConfigErrorKind::File, message))
        })?;
        Self::new(py, &text, &path.display().to_string(), settings, templates)
    }

    /// The name that errors call it by.
    #[getter]
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// Its text.
    #[getter]
    fn source(&self) -> &str {
        self.inner.source().text()
    }

    /// Renders an event, bound to ``input``: a dict, or JSON text as ``str`` or ``bytes``.
    fn render(&self, py: Python<'_>, event: &Bound<'_, PyAny>) -> PyResult<String> {
        self.render_as(py, event, true)
    }

    /// Renders a mapping whose keys are the top-level variables.
    fn render_data(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<String> {
        self.render_as(py, data, false)
    }

    /// Renders an event and parses the result as JSON.
    ///
    /// Raises :class:`TemplateError` of kind ``not_json``, pointing at the template line that wrote
    /// the offending output, when it is not JSON.
    fn payload<'py>(
        &self,
        py: Python<'py>,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = event_text(event)?;
        let document = parse_event(py, &text)?;
        let data = Data::event(document.root());
        let rendered =
            self.inner.render(data, now()).map_err(|error| template_error(py, &error))?;
        match self.inner.payload_error(data, now()) {
            Some(error) => Err(template_error(py, &error)),
            None => text_to_python(py, &rendered),
        }
    }

    /// What will hurt, found without rendering: a list of :class:`Finding`.
    ///
    /// With sample events (dicts or JSON texts, a data frame, or a path as :func:`read` takes it) it also
    /// says which of them fail, how often each field is missing, and what a missing field does to the payload.
    #[pyo3(signature = (events = None))]
    fn check<'py>(
        &self,
        py: Python<'py>,
        events: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(events) = events else {
            return findings(py, py.detach(|| self.inner.check(&Usage::Any)));
        };
        let is_path = events.is_instance_of::<PyString>() || events.hasattr("__fspath__")?;
        let events = if is_path {
            py.import("webhook_stream")?.getattr("read")?.call1((events,))?
        } else {
            py.import("webhook_stream._frames")?.getattr("events_of")?.call1((events,))?
        };
        let mut samples = Samples::new(&self.inner, Usage::Event(&["input"]), now());
        for (index, event) in events.try_iter()?.enumerate() {
            let event = event?;
            if event.is_instance_of::<PyException>() {
                return Err(PyErr::from_value(event));
            }
            let text = event_text(&event)?;
            let document = parse_event(py, &text)?;
            py.detach(|| samples.add(document.root(), &format!("event {}", index + 1)));
        }
        findings(py, py.detach(|| samples.finish()))
    }

    /// The fields of the event that it reads, as paths (``user_properties.email``), sorted.
    fn fields(&self) -> Vec<String> {
        self.inner.reads()
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        html(slf, "template")
    }

    fn __repr__(&self) -> String {
        let source = self.inner.source();
        format!("Template(name={:?}, {} lines)", source.name(), source.text().lines().count())
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let this = slf.get();
        let rebuild = py.import("webhook_stream._rebuild")?.getattr("template")?;
        let templates = PyDict::new(py);
        for (name, source) in &this.templates {
            templates.set_item(name, source)?;
        }
        let settings = this.settings.as_ref().map_or_else(
            || py.None().into_bound(py),
            |settings| settings.bind(py).clone().into_any(),
        );
        let arguments = [
            PyString::new(py, this.source()).into_any(),
            PyString::new(py, this.name()).into_any(),
            settings,
            templates.into_any(),
        ];
        Ok((rebuild, PyTuple::new(py, arguments)?))
    }
}

impl Template {
    /// A template that was compiled elsewhere, with the default settings.
    pub(in crate::python) fn wrap(inner: ftl::Template) -> Self {
        Self { inner, settings: None, templates: Vec::new() }
    }

    fn render_as(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        as_event: bool,
    ) -> PyResult<String> {
        let text = event_text(data)?;
        let document = parse_event(py, &text)?;
        py.detach(|| {
            let root = document.root();
            let data = if as_event { Data::event(root) } else { Data::variables(root) };
            self.inner.render(data, now())
        })
        .map_err(|error| template_error(py, &error))
    }
}

/// While coverage is measured: a text knows its file when there is one of that path with that very
/// text, wherever the text itself came from.
fn counted(source: Source, path: &Path) -> Source {
    let is_file = Recorder::current().is_some()
        && std::fs::read_to_string(path).is_ok_and(|text| text == source.text());
    match std::path::absolute(path) {
        Ok(path) if is_file => source.of_file(path.display().to_string()),
        _ => source,
    }
}

/// What `.now` says.
fn now() -> RenderOptions {
    RenderOptions { now_millis: SystemClock::new().wall().as_millis() }
}

/// An event's text as a document.
///
/// # Errors
/// `EventError` when it is not JSON, `TypeError` when it is no object.
pub(in crate::python) fn parse_event<'t>(py: Python<'_>, text: &'t str) -> PyResult<Document<'t>> {
    let document = Document::parse(text)
        .map_err(|error| event_error(py, "invalid_json", error.to_string(), None))?;
    if document.root().as_object().is_none() {
        let kind = document.root().kind_name();
        return Err(PyTypeError::new_err(format!(
            "expected a dict or a JSON object, found {kind}"
        )));
    }
    Ok(document)
}
