//! The cores of `Receiver` and `VirtualClock`, for users' tests.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use pyo3::exceptions::PyOSError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::delivery::clock;
use crate::python::policy::seconds;
use crate::python::wait::Waiting;
use crate::receiver;
use crate::receiver::Answer;
use crate::receiver::ReceiverOptions;
use crate::receiver::Script;

/// A scripted HTTP server on this machine.
#[pyclass(frozen, module = "webhook_stream._core", name = "Receiver")]
#[derive(Debug)]
pub(in crate::python) struct Receiver {
    inner: Mutex<receiver::Receiver>,
    url: String,
}

/// Method, path, headers (names in lower case), body and connection of a request.
type Request<'py> = (String, String, Vec<(String, String)>, Bound<'py, PyBytes>, u64);

#[pymethods]
impl Receiver {
    #[new]
    #[pyo3(signature = (script, mixture, seed, port, keep_requests, /))]
    fn new(
        script: Vec<String>,
        mixture: Vec<(String, f64)>,
        seed: u64,
        port: u16,
        keep_requests: usize,
    ) -> PyResult<Self> {
        let answer = |text: &String| {
            text.parse::<Answer>().map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let mut all = Script::new(script.iter().map(answer).collect::<PyResult<Vec<_>>>()?);
        for (index, (text, share)) in mixture.iter().enumerate() {
            // Each kind of failure throws its own dice.
            all = all.sometimes(*share, seed.wrapping_add(index as u64), answer(text)?);
        }
        let options =
            ReceiverOptions { port, kept_requests: keep_requests, ..ReceiverOptions::default() };
        let inner = receiver::Receiver::start_with(all, options)
            .map_err(|error| PyOSError::new_err(format!("port {port} of 127.0.0.1: {error}")))?;
        let url = inner.url();
        Ok(Self { url: url.trim_end_matches('/').to_owned(), inner: Mutex::new(inner) })
    }

    /// Where it listens.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// How many requests came.
    #[getter]
    fn request_count(&self) -> u64 {
        self.lock().count()
    }

    /// The requests it remembers, in order.
    fn requests<'py>(&self, py: Python<'py>) -> Vec<Request<'py>> {
        let requests = self.lock().requests();
        requests
            .into_iter()
            .map(|request| {
                let headers = request
                    .headers
                    .into_iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value))
                    .collect();
                let body = PyBytes::new(py, &request.body);
                (request.method, request.path, headers, body, request.connection)
            })
            .collect()
    }

    /// Waits until so many requests came; false when the time is up before.
    #[pyo3(signature = (count, timeout_seconds, /))]
    fn wait_for(&self, py: Python<'_>, count: u64, timeout_seconds: f64) -> PyResult<bool> {
        const SLICE: Duration = Duration::from_millis(50);
        let mut left = seconds(py, "timeout_seconds", timeout_seconds)?;
        let waiting = Waiting::new(None, None);
        loop {
            let slice = left.min(SLICE);
            if py.detach(|| self.lock().wait_for(count, slice)) {
                return Ok(true);
            }
            left = left.saturating_sub(slice);
            if !py.detach(|| waiting.go_on()) {
                return waiting.take_error().map_or(Ok(false), Err);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Stops listening and closes every connection.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().stop());
    }
}

impl Receiver {
    fn lock(&self) -> MutexGuard<'_, receiver::Receiver> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that stands still until it is told to go on.
#[pyclass(frozen, module = "webhook_stream._core", name = "VirtualClock")]
#[derive(Debug)]
pub(in crate::python) struct VirtualClock {
    pub(in crate::python) inner: Arc<clock::VirtualClock>,
}

#[pymethods]
impl VirtualClock {
    #[new]
    fn new() -> Self {
        Self { inner: Arc::new(clock::VirtualClock::new()) }
    }

    /// Goes on by so many seconds, from due time to due time.
    #[pyo3(signature = (time_seconds, /))]
    fn advance(&self, py: Python<'_>, time_seconds: f64) -> PyResult<()> {
        let time = seconds(py, "time", time_seconds)?;
        py.detach(|| self.inner.advance(time));
        Ok(())
    }
}
