//! `RetryPolicy`.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::types::PyTuple;

use crate::delivery;
use crate::delivery::policy::StatusSet;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::python::errors::config_error;
use crate::python::html;

/// When a failed delivery is tried again: by default 10 attempts over 4 hours.
///
/// ``schedule`` holds the gaps between attempts in seconds; ``jitter`` is the largest share that
/// chance takes off a gap (0 makes them exact). Inside an attempt, answers with one of
/// ``retry_statuses`` (429 and 500 to 599) are tried up to ``tries`` times,
/// ``try_backoff_seconds`` doubling, give or take the share ``try_jitter``, none started after
/// ``try_window_seconds``. No attempt starts ``expire_after_seconds`` after the event was accepted;
/// it is given up as ``expired`` then. ``gone="stop"`` takes an answer of 410 for final.
///
/// >>> RetryPolicy().describe()
/// '10 attempts over 4:00:00, at most 30 requests'
#[pyclass(frozen, module = "webhook_stream", name = "RetryPolicy")]
#[derive(Debug)]
pub(in crate::python) struct RetryPolicy {
    pub(in crate::python) inner: delivery::policy::RetryPolicy,
}

#[pymethods]
impl RetryPolicy {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of the Python class")]
    #[pyo3(signature = (*, schedule = None, jitter = 0.1, tries = 3, try_backoff_seconds = 0.1, try_jitter = 0.5, try_window_seconds = 4.0, retry_statuses = None, respect_retry_after = true, expire_after_seconds = None, gone = "retry"))]
    fn new(
        py: Python<'_>,
        schedule: Option<Vec<f64>>,
        jitter: f64,
        tries: i64,
        try_backoff_seconds: f64,
        try_jitter: f64,
        try_window_seconds: f64,
        retry_statuses: Option<&Bound<'_, PyAny>>,
        respect_retry_after: bool,
        expire_after_seconds: Option<f64>,
        gone: &str,
    ) -> PyResult<Self> {
        let mut inner = delivery::policy::RetryPolicy::default();
        if let Some(gaps) = schedule {
            inner.schedule =
                gaps.iter().map(|gap| seconds(py, "schedule", *gap)).collect::<PyResult<_>>()?;
        }
        inner.jitter = jitter;
        inner.tries = u32::try_from(tries)
            .map_err(|_| bad_value(py, format!("tries: expected 1 or more, found {tries}")))?;
        inner.try_backoff = seconds(py, "try_backoff_seconds", try_backoff_seconds)?;
        inner.try_jitter = try_jitter;
        inner.try_window = seconds(py, "try_window_seconds", try_window_seconds)?;
        if let Some(statuses) = retry_statuses {
            inner.retry_statuses = status_set(statuses)?;
        }
        inner.respect_retry_after = respect_retry_after;
        inner.expire_after =
            expire_after_seconds.map(|age| seconds(py, "expire_after_seconds", age)).transpose()?;
        inner.stop_when_gone = match gone {
            "retry" => false,
            "stop" => true,
            found => {
                let message = format!("gone: expected `retry` or `stop`, found `{found}`");
                return Err(bad_value(py, message));
            }
        };
        inner.check().map_err(|error| bad_value(py, error.to_string()))?;
        Ok(Self { inner })
    }

    /// The attempts and their times: one row an attempt, times in seconds from the first.
    fn preview<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut rows = Vec::new();
        for row in self.inner.preview() {
            let dict = PyDict::new(py);
            dict.set_item("attempt", row.attempt)?;
            dict.set_item("gap_seconds", row.gap.as_secs_f64())?;
            dict.set_item("earliest_seconds", row.earliest.as_secs_f64())?;
            dict.set_item("latest_seconds", row.latest.as_secs_f64())?;
            rows.push(dict);
        }
        py.import("webhook_stream._table")?.getattr("Table")?.call1((rows,))
    }

    /// The policy in one line.
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        html(slf, "retry_policy")
    }

    fn __repr__(&self) -> String {
        format!("RetryPolicy({})", self.inner.describe())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.inner == other.inner
    }

    fn __hash__(&self) -> u64 {
        self.inner.schedule.len() as u64
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let policy = &slf.get().inner;
        let keywords = PyDict::new(py);
        let gaps: Vec<f64> = policy.schedule.iter().map(Duration::as_secs_f64).collect();
        keywords.set_item("schedule", gaps)?;
        keywords.set_item("jitter", policy.jitter)?;
        keywords.set_item("tries", policy.tries)?;
        keywords.set_item("try_backoff_seconds", policy.try_backoff.as_secs_f64())?;
        keywords.set_item("try_jitter", policy.try_jitter)?;
        keywords.set_item("try_window_seconds", policy.try_window.as_secs_f64())?;
        let statuses: Vec<u16> =
            policy.retry_statuses.ranges().iter().flat_map(|(low, high)| *low..=*high).collect();
        keywords.set_item("retry_statuses", statuses)?;
        keywords.set_item("respect_retry_after", policy.respect_retry_after)?;
        let age = policy.expire_after.as_ref().map(Duration::as_secs_f64);
        keywords.set_item("expire_after_seconds", age)?;
        keywords.set_item("gone", if policy.stop_when_gone { "stop" } else { "retry" })?;
        let rebuild = py.import("webhook_stream._rebuild")?.getattr("retry_policy")?;
        Ok((rebuild, PyTuple::new(py, [keywords])?))
    }
}

/// Statuses one by one, or as `range`s.
fn status_set(statuses: &Bound<'_, PyAny>) -> PyResult<StatusSet> {
    let wrong = |found: &Bound<'_, PyAny>| {
        let message = match found.repr() {
            Ok(found) => format!(
                "retry_statuses: expected statuses such as 429, or ranges of them, found {found}"
            ),
            Err(error) => return error,
        };
        bad_value(found.py(), message)
    };
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    let mut add = |status: u16| match ranges.last_mut() {
        Some((_, high)) if status.checked_sub(1) == Some(*high) => *high = status,
        _ => ranges.push((status, status)),
    };
    for item in statuses.try_iter().map_err(|_| wrong(statuses))? {
        let item = item?;
        if let Ok(status) = item.extract::<u16>() {
            add(status);
            continue;
        }
        for status in item.try_iter().map_err(|_| wrong(&item))? {
            add(status?.extract().map_err(|_| wrong(&item))?);
        }
    }
    StatusSet::new(ranges).map_err(|error| bad_value(statuses.py(), error.to_string()))
}

/// A whole number, checked: Python's own error would not say which option it is about.
pub(in crate::python) fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    value.extract::<u64>().or_else(|_| {
        let found = value.repr()?;
        let message = format!("{name}: expected a whole number of 0 or more, found {found}");
        Err(bad_value(value.py(), message))
    })
}

/// A number of seconds, checked.
pub(in crate::python) fn seconds(py: Python<'_>, name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        bad_value(py, format!("{name}: expected seconds of 0 or more, found {seconds}"))
    })
}

/// A `ConfigError` about an option's value.
pub(in crate::python) fn bad_value(py: Python<'_>, message: String) -> PyErr {
    config_error(py, &ConfigError::new(ConfigErrorKind::BadValue, message))
}
