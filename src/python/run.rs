//! `Run`: a run under way.

use std::sync::Weak;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use pyo3::exceptions::PyException;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::types::PyIterator;
use pyo3::types::PyList;

use crate::delivery::EngineError;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::delivery::clock::Timestamp;
use crate::delivery::log::LogRecord;
use crate::delivery::log::LogValue;
use crate::delivery::store::Store;
use crate::events::Reader;
use crate::events::Settings;
use crate::pipeline;
use crate::pipeline::Confirmed;
use crate::pipeline::EventTexts;
use crate::pipeline::Inbox;
use crate::pipeline::Progress;
use crate::pipeline::RowsError;
use crate::pipeline::SentAs;
use crate::pipeline::Until;
use crate::python::convert::json_to_python;
use crate::python::convert::write_event;
use crate::python::errors::engine_error;
use crate::python::errors::source_error;
use crate::python::frame::Frame;
use crate::python::frame::is_table;
use crate::python::letters::letter_filter;
use crate::python::template::Template;
use crate::python::wait::SIGNALS;
use crate::python::wait::Waiting;
use crate::report::AttemptMade;

/// How often someone who sends a little at a time is asked which records are wanted.
const LOG_MICROS: i64 = 100_000;

/// A run under way.
#[pyclass(frozen, module = "webhook_stream._core", name = "Run")]
#[derive(Debug)]
pub(in crate::python) struct Run {
    name: String,
    inner: pipeline::Run,
    clock: SystemClock,
    /// When log records were handed over last, in microseconds.
    logged_at: AtomicI64,
}

impl Run {
    /// A run of the sync of that name that has started.
    pub(in crate::python) fn new(name: String, inner: pipeline::Run) -> Self {
        Self { name, inner, clock: SystemClock::new(), logged_at: AtomicI64::new(0) }
    }
}

#[pymethods]
impl Run {
    /// Sends the events of files; `show` is called with the figures now and then.
    #[pyo3(signature = (paths, restart, show, /))]
    fn feed_source(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
        restart: bool,
        show: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let reader = py.detach(|| Reader::open(&paths, Settings::default()));
        let reader = reader.map_err(|error| source_error(py, &error))?;
        self.waiting(show, |go_on| self.inner.feed(reader, confirmed(restart), go_on))
    }

    /// Sends the events of an iterator.
    #[pyo3(signature = (events, restart, show, /))]
    fn feed_iterable(
        &self,
        events: &Bound<'_, PyAny>,
        restart: bool,
        show: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = events.py();
        let events = events.try_iter()?;
        let shared = show.clone().unbind();
        let display = |py: Python<'_>| self.show(py, &shared);
        let log = |py: Python<'_>| self.emit_log(py);
        let waiting = Waiting::new(Some(&display), Some(&log));
        let fed = self.inner.feed_beside(confirmed(restart), |inbox| {
            let taken = self.take_events(&events, restart, inbox, &waiting);
            match &taken {
                // Such as Ctrl-C in the iterator: what it gave and is not accepted is left out.
                Err(error) if !error.is_instance_of::<PyException>(py) => inbox.stop(),
                _ => wait_for(py, inbox, &waiting, Inbox::wait_until_done)?,
            }
            taken
        });
        let (taken, sent) = fed.map_err(|error| {
            engine_error(py, &self.name, &EngineError::Threads(error.to_string()))
        })?;
        // That the store took no more is told first: it is why no more was taken.
        self.ended(py, &waiting, sent)?;
        if taken.as_ref().is_err_and(|error| error.is_instance_of::<PyException>(py)) {
            // As at the end of all: whoever tries again leaves out what was delivered.
            self.waiting(show, |go_on| self.inner.wait(Until::FirstAttempts, None, go_on))?;
        }
        taken
    }

    /// Sends the rows of a table.
    #[pyo3(signature = (frame, restart, show, /))]
    fn feed_frame(&self, frame: &Frame, restart: bool, show: &Bound<'_, PyAny>) -> PyResult<()> {
        let shared = show.clone().unbind();
        let display = |py: Python<'_>| self.show(py, &shared);
        let log = |py: Python<'_>| self.emit_log(py);
        let waiting = Waiting::new(Some(&display), Some(&log));
        self.table(show.py(), frame, confirmed(restart), &waiting)
    }

    /// Accepts the rows of a table.
    #[pyo3(signature = (frame, /))]
    fn send_frame(&self, py: Python<'_>, frame: &Frame) -> PyResult<()> {
        let log = |py: Python<'_>| self.emit_log(py);
        let waiting = Waiting::new(None, Some(&log));
        self.table(py, frame, Confirmed::LeaveOutByKey, &waiting)?;
        self.emit_log(py)
    }

    /// Accepts events that are there already.
    #[pyo3(signature = (events, /))]
    fn send(&self, py: Python<'_>, events: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let mut batch = EventTexts::default();
        events.iter().try_for_each(|event| batch.push(|text| write_event(event, text)))?;
        let texts = batch.texts();
        let log = |py: Python<'_>| self.emit_log(py);
        let waiting = Waiting::new(None, Some(&log));
        let result =
            py.detach(|| self.inner.send(&texts, Confirmed::LeaveOutByKey, &|| waiting.go_on()));
        self.ended(py, &waiting, result)?;
        // Who sends a little at a time never waits long enough to be asked.
        let is_time = self.clock.now().as_micros() - self.logged_at.load(Relaxed) >= LOG_MICROS;
        if is_time || self.inner.log().has_records() { self.emit_log(py) } else { Ok(()) }
    }

    /// Sends dead letters again, anew if asked for, or with a template.
    #[pyo3(signature = (which, template, anew, show, /))]
    fn replay(
        &self,
        which: (Vec<String>, Option<String>, Option<String>, Vec<String>),
        template: Option<&Template>,
        anew: bool,
        show: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let filter = letter_filter(show.py(), which)?;
        let sent_as = SentAs::new(template.map(|template| &template.inner), anew);
        self.waiting(show, |go_on| self.inner.replay(&filter, sent_as, go_on))
    }

    /// Waits for "sent" (what was accepted here had its first attempt), "first_attempt" (and so had
    /// what was due of earlier runs) or "settled", at most so many seconds.
    #[pyo3(signature = (until, timeout_seconds, show, /))]
    fn wait(
        &self,
        until: &str,
        timeout_seconds: Option<f64>,
        show: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let until = match until {
            "sent" => Until::FirstAttempts,
            "first_attempt" => Until::CaughtUp,
            "settled" => Until::Settled,
            other => {
                let message =
                    format!("wait: expected 'first_attempt' or 'settled', found {other:?}");
                return Err(PyValueError::new_err(message));
            }
        };
        let timeout = match timeout_seconds {
            Some(seconds) => {
                Some(crate::python::policy::seconds(show.py(), "timeout_seconds", seconds)?)
            }
            None => None,
        };
        self.waiting(show, |go_on| self.inner.wait(until, timeout, go_on))
    }

    /// Ends the run; requests under way get so many seconds to finish.
    #[pyo3(signature = (grace_seconds, /))]
    fn stop(&self, py: Python<'_>, grace_seconds: f64) -> PyResult<()> {
        let grace = Duration::try_from_secs_f64(grace_seconds).unwrap_or(Duration::ZERO);
        py.detach(|| self.inner.stop(grace)).map_err(|error| engine_error(py, &self.name, &error))
    }

    /// The figures, their text for people, and notes.
    #[pyo3(signature = (*, interrupted = false))]
    fn report<'py>(
        &self,
        py: Python<'py>,
        interrupted: bool,
    ) -> PyResult<(Bound<'py, PyAny>, String, Vec<String>)> {
        let mut report = self.inner.report();
        report.interrupted = interrupted;
        let figures = json_to_python(py, &report.to_json())?;
        Ok((figures, report.to_string(), self.inner.notes()))
    }

    /// Single attempts, as rows of a table.
    fn attempts<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let attempts = py.detach(|| self.inner.attempts());
        attempts.into_iter().map(|attempt| attempt_to_python(py, attempt)).collect()
    }

    /// Hands what there is to say to Python's logging.
    pub(in crate::python) fn emit_log(&self, py: Python<'_>) -> PyResult<()> {
        let records = PyList::empty(py);
        for record in self.inner.take_log() {
            records.append(record_to_python(py, record)?)?;
        }
        self.logged_at.store(self.clock.now().as_micros(), Relaxed);
        let emit = py.import("webhook_stream._log")?.getattr("emit")?;
        self.inner.log().want_debug(emit.call1((records,))?.extract()?);
        Ok(())
    }
}

/// Level, logger, seconds since 1970, message and fields.
type Logged<'py> = (&'static str, &'static str, f64, String, Bound<'py, PyDict>);

fn record_to_python(py: Python<'_>, record: LogRecord) -> PyResult<Logged<'_>> {
    let fields = PyDict::new(py);
    for (name, value) in record.fields {
        match value {
            LogValue::Text(text) => fields.set_item(name, text)?,
            LogValue::Number(number) => fields.set_item(name, number)?,
        }
    }
    let at = record.at.as_micros() as f64 / 1e6;
    Ok((record.level.name(), record.target.name(), at, record.message, fields))
}

/// A row of `report.attempts()`.
fn attempt_to_python(py: Python<'_>, attempt: AttemptMade) -> PyResult<Bound<'_, PyDict>> {
    let time = |micros| Timestamp::from_micros(micros).to_string();
    let row = PyDict::new(py);
    row.set_item("key", attempt.key)?;
    row.set_item("webhook_id", attempt.webhook_id)?;
    row.set_item("number", attempt.number)?;
    row.set_item("started_at", time(attempt.started_micros))?;
    row.set_item("seconds", attempt.took_micros as f64 / 1e6)?;
    row.set_item("tries", attempt.tries)?;
    row.set_item("status", attempt.status)?;
    row.set_item("outcome", attempt.outcome)?;
    row.set_item("error", attempt.error)?;
    row.set_item("message", attempt.message)?;
    row.set_item("next_attempt_at", attempt.next_micros.map(time))?;
    Ok(row)
}

impl Run {
    fn show(&self, py: Python<'_>, show: &Py<PyAny>) -> PyResult<()> {
        let figures = json_to_python(py, &self.inner.report().to_json())?;
        show.call1(py, (figures,)).map(drop)
    }

    fn waiting(
        &self,
        show: &Bound<'_, PyAny>,
        work: impl FnOnce(&dyn Fn() -> bool) -> Result<Progress, EngineError> + Send,
    ) -> PyResult<()> {
        let shared = show.clone().unbind();
        let display = |py: Python<'_>| self.show(py, &shared);
        let log = |py: Python<'_>| self.emit_log(py);
        let waiting = Waiting::new(Some(&display), Some(&log));
        let result = show.py().detach(|| work(&|| waiting.go_on()));
        self.ended(show.py(), &waiting, result)
    }

    fn table(
        &self,
        py: Python<'_>,
        frame: &Frame,
        confirmed: Confirmed,
        waiting: &Waiting<'_>,
    ) -> PyResult<()> {
        let table = frame.take()?;
        let sent = py.detach(|| self.inner.send_table(table, confirmed, &|| waiting.go_on()));
        match sent {
            Err(RowsError::Table(error)) if !waiting.interrupted() => Err(source_error(py, &error)),
            Err(RowsError::Table(_)) => self.ended(py, waiting, Ok(Progress::Stopped)),
            Err(RowsError::Engine(error)) => self.ended(py, waiting, Err(error)),
            Ok(progress) => self.ended(py, waiting, Ok(progress)),
        }
    }

    /// Puts what an iterator gives into the inbox.
    fn take_events(
        &self,
        events: &Bound<'_, PyIterator>,
        restart: bool,
        inbox: &Inbox,
        waiting: &Waiting<'_>,
    ) -> PyResult<()> {
        let py = events.py();
        let mut texts = EventTexts::default();
        for event in events {
            let event = event?;
            // Such as the batches that a lazy frame is computed in.
            if is_table(&event)? {
                wait_for(py, inbox, waiting, Inbox::wait_until_done)?;
                self.table(py, &Frame::new(&event)?, confirmed(restart), waiting)?;
                continue;
            }
            texts.push(|text| write_event(&event, text))?;
            if !inbox.put(&mut texts) {
                return Ok(());
            }
            wait_for(py, inbox, waiting, Inbox::wait_for_room)?;
        }
        Ok(())
    }

    /// The store that the run works on, while it goes on.
    pub(in crate::python) fn store(&self) -> Option<Weak<dyn Store>> {
        self.inner.store()
    }

    /// An exception that came while waiting goes first.
    fn ended(
        &self,
        py: Python<'_>,
        waiting: &Waiting<'_>,
        result: Result<Progress, EngineError>,
    ) -> PyResult<()> {
        if let Some(error) = waiting.take_error() {
            return Err(error);
        }
        result.map(drop).map_err(|error| engine_error(py, &self.name, &error))
    }
}

/// Waits for what `wait` tells, with the interpreter let go unless it is so already.
fn wait_for(
    py: Python<'_>,
    inbox: &Inbox,
    waiting: &Waiting<'_>,
    wait: fn(&Inbox, Duration) -> bool,
) -> PyResult<()> {
    while waiting.go_on() {
        if wait(inbox, Duration::ZERO) || py.detach(|| wait(inbox, SIGNALS)) {
            return Ok(());
        }
    }
    inbox.stop();
    Err(waiting.take_error().unwrap_or_else(stopped))
}

fn confirmed(restart: bool) -> Confirmed {
    if restart { Confirmed::SendAgain } else { Confirmed::LeaveOut }
}

fn stopped() -> PyErr {
    pyo3::exceptions::PyKeyboardInterrupt::new_err(())
}
