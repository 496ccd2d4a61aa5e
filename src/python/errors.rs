//! The core's errors as the exceptions of `webhook_stream._errors`, one to one.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::delivery::EngineError;
use crate::delivery::store::StoreError;
use crate::events::EventError;
use crate::filter::FilterError;
use crate::ftl::SettingError;
use crate::ftl::TemplateError;
use crate::pipeline::ConfigError;
use crate::pipeline::SetupError;
use crate::pipeline::StartError;

/// What every exception carries.
#[derive(Default)]
struct Fields<'a> {
    kind: &'a str,
    message: &'a str,
    name: Option<&'a str>,
    line: Option<u64>,
    column: Option<u64>,
    hint: Option<&'a str>,
}

fn exception(py: Python<'_>, class: &str, text: &str, fields: &Fields<'_>) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let class = py.import("webhook_stream._errors")?.getattr(class)?;
        let keywords = PyDict::new(py);
        keywords.set_item("kind", fields.kind)?;
        keywords.set_item("message", fields.message)?;
        keywords.set_item("name", fields.name)?;
        keywords.set_item("line", fields.line)?;
        keywords.set_item("column", fields.column)?;
        keywords.set_item("hint", fields.hint)?;
        Ok(PyErr::from_value(class.call((text,), Some(&keywords))?))
    };
    made().unwrap_or_else(|error| error)
}

/// A `TemplateError`.
pub(in crate::python) fn template_error(py: Python<'_>, error: &TemplateError) -> PyErr {
    let position = error.position();
    let fields = Fields {
        kind: error.kind().name(),
        message: error.message(),
        name: Some(error.name()),
        line: Some(position.line as u64),
        column: Some(position.column as u64),
        hint: error.hint(),
    };
    exception(py, "TemplateError", &error.to_string(), &fields)
}

/// A `FilterError`.
pub(in crate::python) fn filter_error(py: Python<'_>, error: &FilterError) -> PyErr {
    let position = error.position();
    let fields = Fields {
        kind: error.kind().name(),
        message: error.message(),
        name: Some(error.name()),
        line: Some(position.line as u64),
        column: Some(position.column as u64),
        hint: error.hint(),
    };
    exception(py, "FilterError", &error.to_string(), &fields)
}

/// An `EventError` about something that is not read from a file.
pub(in crate::python) fn event_error(
    py: Python<'_>,
    kind: &str,
    message: String,
    hint: Option<&str>,
) -> PyErr {
    let text = match hint {
        Some(hint) => format!("{message}\n  = hint: {hint}"),
        None => message.clone(),
    };
    let fields = Fields { kind, message: &message, hint, ..Fields::default() };
    exception(py, "EventError", &text, &fields)
}

/// An `EventError` with its place in a file.
pub(in crate::python) fn source_error(py: Python<'_>, error: &EventError) -> PyErr {
    let origin = error.origin().map(ToString::to_string);
    let fields = Fields {
        kind: error.kind().name(),
        message: error.message(),
        name: origin.as_deref(),
        line: error.line(),
        column: None,
        hint: error.hint(),
    };
    exception(py, "EventError", &error.to_string(), &fields)
}

/// A `ConfigError`.
pub(in crate::python) fn config_error(py: Python<'_>, error: &ConfigError) -> PyErr {
    let position = error.position();
    let fields = Fields {
        kind: error.kind().name(),
        message: error.message(),
        name: error.name(),
        line: position.map(|position| position.line as u64),
        column: position.map(|position| position.column as u64),
        hint: error.hint(),
    };
    exception(py, "ConfigError", &error.to_string(), &fields)
}

/// Whatever kept a sync from being set up.
pub(in crate::python) fn setup_error(py: Python<'_>, error: &SetupError) -> PyErr {
    match error {
        SetupError::Config(error) => config_error(py, error),
        SetupError::Template(error) => template_error(py, error),
        SetupError::Filter(error) => filter_error(py, error),
    }
}

/// A `ConfigError` about a setting.
pub(in crate::python) fn setting_error(py: Python<'_>, error: &SettingError) -> PyErr {
    let fields = Fields {
        kind: "setting",
        message: &error.message,
        hint: error.hint.as_deref(),
        ..Fields::default()
    };
    exception(py, "ConfigError", &error.to_string(), &fields)
}

/// A `StoreError` about the store of a sync.
pub(in crate::python) fn store_error(py: Python<'_>, name: &str, error: &StoreError) -> PyErr {
    let fields = Fields {
        kind: error.kind.name(),
        message: &error.message,
        name: Some(name),
        ..Fields::default()
    };
    exception(py, "StoreError", &format!("{name}: {error}"), &fields)
}

/// Whatever kept a run from starting.
pub(in crate::python) fn start_error(py: Python<'_>, name: &str, error: &StartError) -> PyErr {
    match error {
        StartError::Config(error) => config_error(py, error),
        StartError::Store(error) => store_error(py, name, error),
        StartError::Engine(error) => engine_error(py, name, error),
    }
}

/// What an engine did not do.
pub(in crate::python) fn engine_error(py: Python<'_>, name: &str, error: &EngineError) -> PyErr {
    let kind = match error {
        EngineError::Store(error) => return store_error(py, name, error),
        EngineError::Forked => "forked",
        EngineError::Stopped => "stopped",
        _ => "engine",
    };
    delivery_error(py, kind, &error.to_string())
}

/// A `DeliveryError`.
pub(in crate::python) fn delivery_error(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    exception(py, "DeliveryError", message, &Fields { kind, message, ..Fields::default() })
}
