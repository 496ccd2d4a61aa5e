//! Python objects to JSON text, and JSON values to Python objects.
//!
//! An event that comes as a Python object is written as JSON first and takes the way that a line of
//! a file takes: one data model, and what a receiver gets does not depend on where an event is from.

use std::fmt::Write as _;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBool;
use pyo3::types::PyBytes;
use pyo3::types::PyDict;
use pyo3::types::PyFloat;
use pyo3::types::PyInt;
use pyo3::types::PyList;
use pyo3::types::PyString;
use pyo3::types::PyTuple;

use crate::python::errors::event_error;
use crate::value::Document;
use crate::value::Node;
use crate::value::View;
use crate::value::write_json_text;

/// JSON text nests no deeper than the reader reads.
const MAX_DEPTH: usize = 127;

/// An event as JSON text: `str` and `bytes` are JSON already, everything else is written.
///
/// # Errors
/// `EventError` for what JSON doesn't have, naming the path to it.
pub(in crate::python) fn event_text(event: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut text = String::new();
    write_event(event, &mut text)?;
    Ok(text)
}

/// Appends an event's text to `out`, as [`event_text`] has it.
///
/// # Errors
/// As [`event_text`].
pub(in crate::python) fn write_event(event: &Bound<'_, PyAny>, out: &mut String) -> PyResult<()> {
    if let Ok(bytes) = event.cast::<PyBytes>() {
        return match std::str::from_utf8(bytes.as_bytes()) {
            Ok(text) => {
                out.push_str(text);
                Ok(())
            }
            Err(error) => Err(event_error(
                event.py(),
                "not_text",
                format!(
                    "expected JSON text in UTF-8, found another byte at {}",
                    error.valid_up_to()
                ),
                None,
            )),
        };
    }
    if let Ok(text) = event.cast::<PyString>() {
        out.push_str(&text.to_cow()?);
        return Ok(());
    }
    write_value(event, out, &mut Vec::new())
}

fn write_value(value: &Bound<'_, PyAny>, out: &mut String, path: &mut Vec<String>) -> PyResult<()> {
    if path.len() > MAX_DEPTH {
        let message = format!("expected at most {MAX_DEPTH} levels of lists and dicts, found more");
        return Err(event_error(value.py(), "too_deep", message, None));
    }
    if value.is_none() {
        out.push_str("null");
    } else if let Ok(value) = value.cast::<PyBool>() {
        // Before numbers: in Python a boolean is an integer too.
        out.push_str(if value.is_true() { "true" } else { "false" });
    } else if let Ok(text) = value.cast::<PyString>() {
        write_json_text(&text_of(text, path)?, out);
    } else if value.is_exact_instance_of::<PyInt>() {
        write_int(value, out)?;
    } else if let Ok(float) = value.cast::<PyFloat>() {
        write_float(value.py(), float.value(), out, path)?;
    } else if let Ok(dict) = value.cast::<PyDict>() {
        out.push('{');
        for (index, (key, item)) in dict.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_key(&key, out, path)?;
            out.push(':');
            path.push(key.str()?.to_string());
            write_value(&item, out, path)?;
            path.pop();
        }
        out.push('}');
    } else if value.cast::<PyList>().is_ok() || value.cast::<PyTuple>().is_ok() {
        out.push('[');
        for (index, item) in value.try_iter()?.enumerate() {
            if index > 0 {
                out.push(',');
            }
            path.push(format!("[{index}]"));
            write_value(&item?, out, path)?;
            path.pop();
        }
        out.push(']');
    } else {
        return write_other(value, out, path);
    }
    Ok(())
}

/// Values of other types that have one plain meaning in JSON.
fn write_other(value: &Bound<'_, PyAny>, out: &mut String, path: &mut Vec<String>) -> PyResult<()> {
    let py = value.py();
    let types = Types::get(py)?;
    if value.is_instance(types.decimal.bind(py))? {
        let text = value.str()?.to_string();
        if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.Ee".contains(&byte)) {
            return Err(not_json(py, &text, path));
        }
        // JSON has no sign before the exponent's digits but `+` and `-`, as Decimal has.
        out.push_str(&text);
    } else if value.is_instance(types.datetime.bind(py))?
        || value.is_instance(types.date.bind(py))?
    {
        write_json_text(&value.call_method0("isoformat")?.extract::<String>()?, out);
    } else if value.is_instance(types.uuid.bind(py))? {
        write_json_text(&value.str()?.to_string(), out);
    } else if value.is_instance(types.mapping.bind(py))? {
        let dict = PyDict::new(py);
        for key in value.try_iter()? {
            let key = key?;
            dict.set_item(&key, value.get_item(&key)?)?;
        }
        return write_value(dict.as_any(), out, path);
    } else if value.is_instance_of::<PyInt>() {
        write_int(value, out)?;
    } else if value.hasattr("tolist")? {
        // NumPy's scalars and arrays.
        return write_value(&value.call_method0("tolist")?, out, path);
    } else {
        let kind = value.get_type().name()?;
        let message = format!("expected a value that JSON has, found `{kind}`{}", at(path));
        let hint = "JSON has dict, list, str, int, float, bool and None; Decimal, datetime, date, UUID and NumPy values are written as what they mean";
        return Err(event_error(py, "not_json", message, Some(hint)));
    }
    Ok(())
}

fn write_int(value: &Bound<'_, PyAny>, out: &mut String) -> PyResult<()> {
    match value.extract::<i64>() {
        Ok(value) => {
            let _ = write!(out, "{value}");
        }
        // Subclasses (enum.IntEnum) print as their own; `int` prints digits.
        Err(_) => out.push_str(&value.py().get_type::<PyInt>().call1((value,))?.str()?.to_string()),
    }
    Ok(())
}

fn write_float(py: Python<'_>, value: f64, out: &mut String, path: &[String]) -> PyResult<()> {
    if !value.is_finite() {
        return Err(not_json(py, &value.to_string(), path));
    }
    let _ = write!(out, "{value:?}");
    Ok(())
}

fn not_json(py: Python<'_>, text: &str, path: &[String]) -> PyErr {
    let message = format!("expected a number that JSON has, found {text}{}", at(path));
    event_error(py, "not_json", message, Some("JSON has no infinity and no NaN: send None instead"))
}

fn write_key(key: &Bound<'_, PyAny>, out: &mut String, path: &[String]) -> PyResult<()> {
    if let Ok(text) = key.cast::<PyString>() {
        write_json_text(&text_of(text, path)?, out);
        return Ok(());
    }
    let message =
        format!("expected a string as a key, found `{}`{}", key.get_type().name()?, at(path));
    Err(event_error(key.py(), "not_json", message, None))
}

fn text_of<'a>(
    text: &'a Bound<'_, PyString>,
    path: &[String],
) -> PyResult<std::borrow::Cow<'a, str>> {
    text.to_cow().map_err(|_| {
        let message = format!("expected text, found half of a surrogate pair{}", at(path));
        event_error(text.py(), "not_text", message, None)
    })
}

/// ` at user.emails[0]`, or nothing at the top.
fn at(path: &[String]) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut text = String::from(" at `");
    for (index, step) in path.iter().enumerate() {
        if index > 0 && !step.starts_with('[') {
            text.push('.');
        }
        text.push_str(step);
    }
    text + "`"
}

struct Types {
    decimal: Py<PyAny>,
    datetime: Py<PyAny>,
    date: Py<PyAny>,
    uuid: Py<PyAny>,
    mapping: Py<PyAny>,
}

impl Types {
    fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static TYPES: PyOnceLock<Types> = PyOnceLock::new();
        TYPES.get_or_try_init(py, || {
            let of = |module: &str, name: &str| {
                Ok::<_, PyErr>(py.import(module)?.getattr(name)?.unbind())
            };
            Ok(Self {
                decimal: of("decimal", "Decimal")?,
                datetime: of("datetime", "datetime")?,
                date: of("datetime", "date")?,
                uuid: of("uuid", "UUID")?,
                mapping: of("collections.abc", "Mapping")?,
            })
        })
    }
}

/// JSON text as Python objects.
///
/// # Errors
/// `ValueError` when it is not JSON.
pub(in crate::python) fn text_to_python<'py>(
    py: Python<'py>,
    text: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let document =
        Document::parse(text).map_err(|error| PyValueError::new_err(error.to_string()))?;
    to_python(py, document.root())
}

/// A JSON value as Python objects: whole numbers as `int`, others as `float`, as `json.loads` has it.
///
/// # Errors
/// When Python has no memory left.
pub(in crate::python) fn to_python<'py>(
    py: Python<'py>,
    node: Node<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match node.view() {
        View::Null => py.None().into_bound(py),
        View::Boolean(value) => PyBool::new(py, value).to_owned().into_any(),
        View::Number(_) => {
            let mut text = String::new();
            crate::value::write_json(node, &mut text);
            if text.contains(['.', 'e', 'E']) {
                PyFloat::new(py, text.parse().unwrap_or(f64::NAN)).into_any()
            } else if let Ok(value) = text.parse::<i64>() {
                value.into_pyobject(py)?.into_any()
            } else {
                py.get_type::<PyInt>().call1((text,))?
            }
        }
        View::Text(text) => PyString::new(py, text).into_any(),
        View::List(list) => {
            let items = PyList::empty(py);
            for item in list.iter() {
                items.append(to_python(py, item)?)?;
            }
            items.into_any()
        }
        View::Object(object) => {
            let dict = PyDict::new(py);
            for (key, value) in object.iter() {
                dict.set_item(key, to_python(py, value)?)?;
            }
            dict.into_any()
        }
    })
}

/// A `serde_json` value, as reports give it, as Python objects.
///
/// # Errors
/// When Python has no memory left.
pub(in crate::python) fn json_to_python<'py>(
    py: Python<'py>,
    value: &serde_json::Value,
) -> PyResult<Bound<'py, PyAny>> {
    text_to_python(py, &value.to_string())
}
