//! Coverage of templates, for the plugin of coverage.py.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::ftl;
use crate::ftl::CoverageMap;
use crate::ftl::Ran;
use crate::ftl::Recorder;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::python::errors::config_error;
use crate::python::errors::template_error;
use crate::python::template::Settings;
use crate::text::Source;

/// From where, to where, which way in short, and what to say when it was never taken.
type Way = (usize, i64, String, String);

/// A file, its lines that ran, and its ways that were taken.
type Taken = (String, Vec<usize>, Vec<(usize, i64)>);

/// Counts what runs of the templates that are compiled from now on.
#[pyfunction]
pub(in crate::python) fn coverage_start() {
    Recorder::of_process();
}

/// File, lines and ways of what ran since this was called last.
#[pyfunction]
pub(in crate::python) fn coverage_take(py: Python<'_>) -> Vec<Taken> {
    let ran = py.detach(|| Recorder::current().map(|recorder| recorder.take()).unwrap_or_default());
    ran.into_iter().map(|Ran { path, lines, ways }| (path, lines, ways)).collect()
}

/// What of a template file can run.
#[pyclass(frozen, module = "webhook_stream._core", name = "TemplateMap")]
#[derive(Debug)]
pub(in crate::python) struct TemplateMap {
    inner: CoverageMap,
}

#[pymethods]
impl TemplateMap {
    /// Reads the file; the settings are those of `Settings.amplitude`.
    #[new]
    #[pyo3(signature = (path, /, **settings))]
    fn new(py: Python<'_>, path: PathBuf, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let settings = Settings::amplitude(py, settings)?;
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("{} can't be read: {error}", path.display());
            config_error(py, &ConfigError::new(ConfigErrorKind::File, message))
        })?;
        let source = Source::new(path.display().to_string(), text);
        let inner = py
            .detach(|| ftl::coverage_map(&source, &settings.inner))
            .map_err(|error| template_error(py, &error))?;
        Ok(Self { inner })
    }

    /// The lines that can run.
    #[getter]
    fn lines(&self) -> Vec<usize> {
        self.inner.lines.iter().map(|line| line.number).collect()
    }

    /// The lines that a comment excludes.
    #[getter]
    fn excluded(&self) -> Vec<usize> {
        self.inner.excluded.clone()
    }

    /// The ways from lines that have several.
    #[getter]
    fn ways(&self) -> Vec<Way> {
        let ways = self.inner.ways.iter();
        ways.map(|way| (way.from, way.to, way.name.clone(), way.missing.clone())).collect()
    }

    /// Name, first line and lines of each macro and function.
    #[getter]
    fn macros(&self) -> Vec<(String, usize, Vec<usize>)> {
        let macros = self.inner.macros.iter();
        macros.map(|own| (own.name.clone(), own.start, own.lines.clone())).collect()
    }
}
