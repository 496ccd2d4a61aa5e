//! The core of `Sync`, and `load_syncs`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3::types::PyDict;
use pyo3::types::PyList;
use pyo3::types::PyTuple;

use crate::config;
use crate::delivery::EngineError;
use crate::delivery::clock::Clock;
use crate::delivery::clock::SystemClock;
use crate::delivery::clock::Timestamp;
use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::delivery::store::memory::MemoryStore;
use crate::pipeline;
use crate::pipeline::Access;
use crate::pipeline::MEMORY;
use crate::pipeline::NamedSecrets;
use crate::pipeline::Outage;
use crate::pipeline::OutageKind;
use crate::pipeline::SentAs;
use crate::pipeline::StartError;
use crate::pipeline::SyncOptions;
use crate::pipeline::unfinished_sources;
use crate::python::arrow_out;
use crate::python::convert::event_text;
use crate::python::convert::json_to_python;
use crate::python::convert::text_to_python;
use crate::python::errors::setup_error;
use crate::python::errors::start_error;
use crate::python::filter::Filter;
use crate::python::letters::Which;
use crate::python::letters::letter_filter;
use crate::python::letters::letters_page;
use crate::python::letters::page_to_python;
use crate::python::letters::raw_page;
use crate::python::letters::renewed_page;
use crate::python::policy::RetryPolicy;
use crate::python::policy::bad_value;
use crate::python::policy::seconds;
use crate::python::policy::whole;
use crate::python::receiver::VirtualClock;
use crate::python::run::Run;
use crate::python::template::Template;
use crate::python::wait::Waiting;

/// The core of a sync: its options checked, and what is not finished.
#[pyclass(frozen, module = "webhook_stream._core", name = "Sync")]
#[derive(Debug)]
pub(in crate::python) struct Sync {
    inner: Arc<pipeline::Sync>,
    /// The store, when it is in memory: it lives as long as the sync.
    kept: Option<Arc<dyn Store>>,
    /// The store that a run of this process has open, and the process.
    open: Mutex<Option<(Weak<dyn Store>, u32)>>,
    clock: Arc<dyn Clock>,
    secrets: Arc<NamedSecrets>,
}

#[pymethods]
impl Sync {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of the Python class")]
    #[pyo3(signature = (name, url, *, clock, secrets, method, headers, template, filter, retry, store, concurrency, timeout_seconds, rate_limit_per_second, event_key, ordering, durability, keep_events, signing_secret, address_policy, allow_addresses, max_headers, ca_file, client_certificate, client_key, pause_after_failures, enabled))]
    fn new(
        py: Python<'_>,
        name: &str,
        url: &str,
        clock: Option<&VirtualClock>,
        secrets: HashMap<String, String>,
        method: String,
        headers: &Bound<'_, PyDict>,
        template: Option<&Template>,
        filter: Option<&Filter>,
        retry: Option<&RetryPolicy>,
        store: Option<String>,
        concurrency: &Bound<'_, PyAny>,
        timeout_seconds: f64,
        rate_limit_per_second: Option<f64>,
        event_key: Option<String>,
        ordering: Option<String>,
        durability: &str,
        keep_events: bool,
        signing_secret: Vec<String>,
        address_policy: &str,
        allow_addresses: Vec<String>,
        max_headers: &Bound<'_, PyAny>,
        ca_file: Option<String>,
        client_certificate: Option<String>,
        client_key: Option<String>,
        pause_after_failures: Option<&Bound<'_, PyAny>>,
        enabled: bool,
    ) -> PyResult<Self> {
        let wrong = |message: String| bad_value(py, message);
        let mut options = SyncOptions::new(name, url);
        options.method = method;
        for (name, value) in headers.iter() {
            let text = |what: &str, found: &Bound<'_, PyAny>| {
                found.extract::<String>().or_else(|_| {
                    let found = found.get_type().name()?;
                    Err(wrong(format!("headers: expected a text as {what}, found `{found}`")))
                })
            };
            let name = text("a name", &name)?;
            let value = text(&format!("the value of {name}"), &value)?;
            options.headers.push((name, value));
        }
        options.template = template.map(|template| template.inner.clone());
        options.filter = filter.map(|filter| filter.inner.clone());
        if let Some(retry) = retry {
            options.retry = retry.inner.clone();
        }
        options.store = store.unwrap_or_else(|| MEMORY.to_owned());
        options.concurrency = size("concurrency", concurrency)?;
        options.timeout = seconds(py, "timeout_seconds", timeout_seconds)?;
        options.rate_limit_per_second = rate_limit_per_second;
        options.event_key = event_key;
        options.ordering = ordering;
        options.durability = durability.parse().map_err(wrong)?;
        options.keep_events = keep_events;
        options.signing_secrets = signing_secret;
        options.address_policy =
            address_policy.parse().map_err(|error| wrong(format!("address_policy: {error}")))?;
        for network in &allow_addresses {
            let network =
                network.parse().map_err(|error| wrong(format!("allow_addresses: {error}")))?;
            options.allow_addresses.push(network);
        }
        options.max_headers = size("max_headers", max_headers)?;
        options.ca_file = ca_file;
        options.client_certificate = client_certificate;
        options.client_key = client_key;
        options.pause_after_failures = pause_after_failures
            .map(|failures| size("pause_after_failures", failures))
            .transpose()?
            .map(|failures| u32::try_from(failures).unwrap_or(u32::MAX));
        options.enabled = enabled;
        let inner = pipeline::Sync::new(options).map_err(|error| setup_error(py, &error))?;
        let clock: Arc<dyn Clock> = match clock {
            Some(clock) => clock.inner.clone(),
            None => Arc::new(SystemClock::new()),
        };
        let kept: Option<Arc<dyn Store>> =
            if inner.options().is_in_memory() { Some(Arc::new(MemoryStore::new())) } else { None };
        let secrets = Arc::new(NamedSecrets::new(secrets));
        Ok(Self { inner, kept, open: Mutex::new(None), clock, secrets })
    }

    /// What would become of an event; of an `EventError`, which stands for what is none, too.
    #[pyo3(signature = (event, /))]
    fn preview<'py>(
        &self,
        py: Python<'py>,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        if event.is_instance_of::<PyException>() {
            let row = PyDict::new(py);
            row.set_item("event", py.None())?;
            row.set_item("outcome", "invalid")?;
            row.set_item("payload", py.None())?;
            row.set_item("error", event.str()?)?;
            return preview_row(row, None, None);
        }
        let text = event_text(event)?;
        let preview = self.inner.preview(&text, 0, self.clock.wall().as_millis());
        let row = PyDict::new(py);
        let shown = text_to_python(py, &text).unwrap_or_else(|_| event.clone());
        row.set_item("event", shown)?;
        row.set_item("outcome", preview.outcome)?;
        let payload = preview.payload.as_deref();
        let parsed = payload.and_then(|payload| text_to_python(py, payload).ok());
        match (parsed, payload) {
            (Some(parsed), _) => row.set_item("payload", parsed)?,
            (None, payload) => row.set_item("payload", payload)?,
        }
        row.set_item("error", preview.error)?;
        preview_row(row, Some(&text), payload)
    }

    /// Starts a run over what the store holds, which is open until the run is stopped.
    fn start(&self, py: Python<'_>) -> PyResult<Run> {
        let clock = Arc::clone(&self.clock);
        let started = py.detach(|| {
            let store = match &self.kept {
                Some(store) => Arc::clone(store),
                None => self.inner.open_store(Access::Deliver)?,
            };
            self.inner.start(store, clock, self.secrets.clone())
        });
        let run = started.map_err(|error| start_error(py, self.name(), &error))?;
        let run = Run::new(self.name().to_owned(), run);
        run.emit_log(py)?;
        let open = run.store().map(|store| (store, std::process::id()));
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
        Ok(run)
    }

    /// Counts by state; times are ISO 8601.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, unfinished) =
            self.look(py, |store| Ok((store.counts()?, unfinished_sources(store)?)))?;
        let status = PyDict::new(py);
        status.set_item("sync", self.name())?;
        status.set_item("store", &self.inner.options().store)?;
        status.set_item("accepted", counts.accepted)?;
        status.set_item("delivered", counts.delivered)?;
        status.set_item("pending", counts.pending)?;
        status.set_item("expired", counts.expired)?;
        status.set_item("discarded", counts.discarded)?;
        status.set_item("dead", counts.dead)?;
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        status.set_item("oldest_pending", text(counts.oldest_pending))?;
        status.set_item("next_due", text(counts.next_due))?;
        status.set_item("unfinished_sources", unfinished)?;
        Ok(status)
    }

    /// What the runs of this process did, added up.
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json_to_python(py, &self.inner.totals().to_json())
    }

    /// What an outage of the receiver would mean.
    #[pyo3(signature = (*, rate, outage_seconds, latency_seconds, failure))]
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        rate: f64,
        outage_seconds: f64,
        latency_seconds: f64,
        failure: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(kind) = OutageKind::from_name(failure) else {
            let message = format!("failure: expected 503, refused or timeout, found {failure}");
            return Err(bad_value(py, message));
        };
        let outage = Outage {
            lasts: seconds(py, "outage_seconds", outage_seconds)?,
            kind,
            rate,
            latency: seconds(py, "latency_seconds", latency_seconds)?,
        };
        let waiting = Waiting::new(None, None);
        match py.detach(|| self.inner.forecast(outage, &|| waiting.go_on())) {
            Ok(forecast) => {
                let text = forecast.to_string();
                let figures = json_to_python(py, &forecast.to_json())?;
                Ok(PyTuple::new(py, [figures, text.into_pyobject(py)?.into_any()])?.into_any())
            }
            Err(error) => match waiting.take_error() {
                Some(interrupted) => Err(interrupted),
                None => Err(bad_value(py, error.to_string())),
            },
        }
    }

    /// Some of what was given up, and the id to go on behind.
    #[pyo3(signature = (which, after, /))]
    fn dead_letters<'py>(
        &self,
        py: Python<'py>,
        which: Which,
        after: u64,
    ) -> PyResult<(Bound<'py, PyList>, Option<u64>)> {
        let filter = letter_filter(py, which)?;
        let page = self.look(py, |store| letters_page(store, &filter, after))?;
        page_to_python(py, page)
    }

    /// What was given up as an Arrow stream: read from the store page by page, when it is asked for.
    #[pyo3(signature = (which, requested_schema, /))]
    fn dead_letter_stream<'py>(
        slf: &Bound<'py, Self>,
        which: Which,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let filter = letter_filter(slf.py(), which)?;
        let sync = slf.clone().unbind();
        let mut after = Some(0);
        let pages = std::iter::from_fn(move || {
            let from = after.take()?;
            // Nothing here needs the interpreter, which whoever reads may hold or not.
            match sync.get().looked(|store| raw_page(store, &filter, from)) {
                Ok((letters, more)) => {
                    after = more;
                    let page: ArrayRef = Arc::new(arrow_out::letters(&letters));
                    Some(Ok(page))
                }
                Err(error) => Some(Err(ArrowError::ExternalError(Box::new(error)))),
            }
        });
        arrow_out::stream(slf.py(), arrow_out::letters_field(), pages, requested_schema)
    }

    /// Some of what a replay would send, and the id to go on behind.
    #[pyo3(signature = (which, template, anew, after, /))]
    fn replay_preview<'py>(
        &self,
        py: Python<'py>,
        which: Which,
        template: Option<&Template>,
        anew: bool,
        after: u64,
    ) -> PyResult<(Bound<'py, PyList>, Option<u64>)> {
        let filter = letter_filter(py, which)?;
        let now = self.clock.wall().as_millis();
        let sent_as = SentAs::new(template.map(|template| &template.inner), anew);
        let page =
            self.look(py, |store| renewed_page(&self.inner, store, &filter, after, sent_as, now))?;
        page_to_python(py, page)
    }
}

impl Sync {
    fn name(&self) -> &str {
        &self.inner.options().name
    }

    /// Looks into the store: the one that is open, else the file, which may be delivered from by
    /// another process.
    fn look<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send,
    ) -> PyResult<T> {
        let looked = py.detach(|| self.looked(look));
        looked.map_err(|error| start_error(py, self.name(), &error))
    }

    fn looked<T>(
        &self,
        look: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StartError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (open, process) = match open {
            Some((open, process)) => (open.upgrade(), process),
            None => (None, std::process::id()),
        };
        let store = match (&self.kept, open) {
            (_, Some(_)) if process != std::process::id() => {
                return Err(StartError::Engine(EngineError::Forked));
            }
            (Some(store), _) => Arc::clone(store),
            (None, Some(store)) => store,
            (None, None) => self.inner.open_store(Access::Read)?,
        };
        look(&*store).map_err(StartError::Store)
    }
}

/// A row of a preview, which remembers the texts behind what it shows.
fn preview_row<'py>(
    row: Bound<'py, PyDict>,
    event: Option<&str>,
    payload: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    let class = row.py().import("webhook_stream._table")?.getattr("PreviewRow")?;
    Ok(class.call1((row, event, payload))?.cast_into()?)
}

/// A whole number of no more than memory has bytes.
fn size(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    Ok(usize::try_from(whole(name, value)?).unwrap_or(usize::MAX))
}

/// The syncs of a file, as names, URLs and keywords for `Sync`.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(in crate::python) fn load_syncs<'py>(
    py: Python<'py>,
    path: &str,
) -> PyResult<Bound<'py, PyList>> {
    let syncs = config::load(Path::new(path)).map_err(|error| setup_error(py, &error))?;
    let list = PyList::empty(py);
    for options in syncs {
        let keywords = PyDict::new(py);
        keywords.set_item("method", &options.method)?;
        let headers = PyDict::new(py);
        for (name, value) in &options.headers {
            headers.set_item(name, value)?;
        }
        keywords.set_item("headers", headers)?;
        let template = options.template.map(Template::wrap);
        keywords
            .set_item("template", template.map(|template| Py::new(py, template)).transpose()?)?;
        let filter = options.filter.map(Filter::wrap);
        keywords.set_item("filter", filter.map(|filter| Py::new(py, filter)).transpose()?)?;
        let retry = Py::new(py, RetryPolicy { inner: options.retry })?;
        keywords.set_item("retry", retry)?;
        keywords.set_item("store", options.store)?;
        keywords.set_item("concurrency", options.concurrency)?;
        keywords.set_item("timeout_seconds", options.timeout.as_secs_f64())?;
        keywords.set_item("rate_limit_per_second", options.rate_limit_per_second)?;
        keywords.set_item("event_key", options.event_key)?;
        keywords.set_item("ordering", options.ordering)?;
        keywords.set_item("durability", options.durability.name())?;
        keywords.set_item("keep_events", options.keep_events)?;
        keywords.set_item("signing_secret", options.signing_secrets)?;
        keywords.set_item("address_policy", options.address_policy.name())?;
        let networks: Vec<String> =
            options.allow_addresses.iter().map(ToString::to_string).collect();
        keywords.set_item("allow_addresses", networks)?;
        keywords.set_item("max_headers", options.max_headers)?;
        keywords.set_item("ca_file", options.ca_file)?;
        keywords.set_item("client_certificate", options.client_certificate)?;
        keywords.set_item("client_key", options.client_key)?;
        keywords.set_item("pause_after_failures", options.pause_after_failures)?;
        keywords.set_item("enabled", options.enabled)?;
        let row = [
            options.name.into_pyobject(py)?.into_any(),
            options.url.into_pyobject(py)?.into_any(),
            keywords.into_any(),
        ];
        list.append(PyTuple::new(py, row)?)?;
    }
    Ok(list)
}
