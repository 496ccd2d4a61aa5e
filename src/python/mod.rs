//! The skin: what `webhook_stream._core` exports. Converts, lets the interpreter go, calls the core,
//! converts back. The only room that knows Python.

#![expect(clippy::doc_markdown, reason = "docstrings here are reST, read by Python's users")]

mod arrow_out;
mod convert;
mod coverage;
mod errors;
mod events;
mod filter;
mod finding;
mod frame;
mod letters;
mod policy;
mod receiver;
mod run;
mod sync;
mod template;
mod template_test;
mod wait;

use std::io;
use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

use crate::cli;

/// The native half of `webhook_stream`.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::python::arrow_out::arrow_stream;
    #[pymodule_export]
    use crate::python::cli_main;
    #[pymodule_export]
    use crate::python::coverage::TemplateMap;
    #[pymodule_export]
    use crate::python::coverage::coverage_start;
    #[pymodule_export]
    use crate::python::coverage::coverage_take;
    #[pymodule_export]
    use crate::python::events::Events;
    #[pymodule_export]
    use crate::python::filter::Explanation;
    #[pymodule_export]
    use crate::python::filter::Filter;
    #[pymodule_export]
    use crate::python::finding::Finding;
    #[pymodule_export]
    use crate::python::frame::Frame;
    #[pymodule_export]
    use crate::python::policy::RetryPolicy;
    #[pymodule_export]
    use crate::python::receiver::Receiver;
    #[pymodule_export]
    use crate::python::receiver::VirtualClock;
    #[pymodule_export]
    use crate::python::run::Run;
    #[pymodule_export]
    use crate::python::sync::Sync;
    #[pymodule_export]
    use crate::python::sync::load_syncs;
    #[pymodule_export]
    use crate::python::template::Settings;
    #[pymodule_export]
    use crate::python::template::Template;
    #[pymodule_export]
    use crate::python::template_test::TemplateSuite;
    #[pymodule_export]
    use crate::python::template_test::json_difference;

    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

/// An object as HTML, by the function of that name in `webhook_stream._html`: what a notebook shows.
fn html<'py>(object: &Bound<'py, PyAny>, function: &str) -> PyResult<Bound<'py, PyAny>> {
    object.py().import("webhook_stream._html")?.getattr(function)?.call1((object,))
}

/// How long requests under way may take to finish after a request to terminate.
const GRACE: Duration = Duration::from_secs(5);

/// What the command line may want to know of this Python.
fn python_facts(py: Python<'_>) -> PyResult<cli::PythonFacts> {
    let metadata = py.import("importlib.metadata")?;
    let package = metadata.getattr("version")?.call1(("webhook-stream",));
    let version = py.import("platform")?.getattr("python_version")?.call0()?;
    Ok(cli::PythonFacts {
        version: version.extract()?,
        package: package.and_then(|package| package.extract()).ok(),
    })
}

/// Run a command line, without the program's name, and return the exit status.
#[pyfunction]
#[pyo3(signature = (arguments, /))]
fn cli_main(py: Python<'_>, arguments: Vec<String>) -> u8 {
    let waiting = wait::Waiting::new(None, None);
    // Ctrl-C is a person who waits; a request to terminate leaves time to finish.
    let terminated = || waiting.error_is::<PySystemExit>();
    let status = py.detach(|| {
        let mut out = io::stdout();
        let mut err = io::stderr();
        let err_is_terminal = io::IsTerminal::is_terminal(&err);
        cli::main(
            &arguments,
            &mut cli::World {
                out: &mut out,
                err: &mut err,
                err_is_terminal,
                go_on: &|| waiting.go_on(),
                python: &|| Python::attach(python_facts).ok(),
                grace: &|| if terminated() { GRACE } else { Duration::ZERO },
            },
        )
    });
    if terminated() {
        return cli::TERMINATED;
    }
    if waiting.interrupted() {
        return cli::INTERRUPTED;
    }
    // A signal that came when nobody listened any more.
    match py.check_signals() {
        Ok(()) => status,
        Err(error) if error.is_instance_of::<PySystemExit>(py) => cli::TERMINATED,
        Err(_) => cli::INTERRUPTED,
    }
}
