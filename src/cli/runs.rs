//! Runs of several syncs side by side: started, shown, ended and reported.

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::PENDING;
use crate::cli::World;
use crate::cli::arguments::Volume;
use crate::delivery::EngineError;
use crate::delivery::clock::Clock;
use crate::delivery::clock::SystemClock;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogRecord;
use crate::delivery::side_by_side;
use crate::pipeline::Access;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Progress;
use crate::pipeline::Run;
use crate::pipeline::Sync;
use crate::pipeline::SyncOptions;
use crate::report::Report;
use crate::report::grouped;

/// How often it is asked whether to go on. Only this thread hears signals; the others hear it.
const LISTEN: Duration = Duration::from_millis(25);
/// How many times it is asked before progress is written again: often enough to look alive.
const LISTENS_A_PROGRESS: u32 = 4;
/// How long requests under way may take to finish at the end of a run.
const GRACE: Duration = Duration::from_secs(5);

/// Clears the line of a terminal.
const CLEAR: &str = "\r\x1b[2K";

impl Volume {
    /// The least level that is written.
    fn least(self) -> LogLevel {
        match (self.quiet, self.verbose) {
            (true, _) => LogLevel::Error,
            (false, 0) => LogLevel::Warning,
            (false, 1) => LogLevel::Info,
            (false, _) => LogLevel::Debug,
        }
    }
}

/// Runs under way, with the names of their syncs.
pub(in crate::cli) struct Runs {
    runs: Vec<(String, Run)>,
}

impl Runs {
    /// Starts a run of each sync that is enabled. `only_stored`: those without a store to go on
    /// with are skipped, too.
    pub(in crate::cli) fn start(
        syncs: Vec<SyncOptions>,
        only_stored: bool,
        world: &mut World<'_>,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut runs = Vec::new();
        for options in syncs {
            let name = options.name.clone();
            let sync = Sync::new(options)?;
            if !sync.options().enabled {
                writeln!(world.err, "{name}: disabled, skipped")?;
                continue;
            }
            if only_stored && !sync.options().store_file().is_some_and(std::path::Path::exists) {
                let why = if sync.options().is_in_memory() {
                    "its store is in memory"
                } else {
                    "it has no store yet"
                };
                writeln!(world.err, "{name}: nothing to go on with, {why}")?;
                continue;
            }
            let run = sync
                .open_store(Access::Deliver)
                .and_then(|store| {
                    sync.start(store, Arc::clone(&clock), Arc::new(EnvironmentSecrets))
                })
                .map_err(|error| Failure::start(&name, error))?;
            runs.push((name, run));
        }
        Ok(Self { runs })
    }

    /// How many there are.
    pub(in crate::cli) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Does the work of each run, with its piece of material, side by side; ends the runs, prints
    /// their reports, and returns the exit status.
    pub(in crate::cli) fn carry_out<M: Send>(
        &self,
        material: Vec<M>,
        work: impl Fn(&Run, M) -> Result<Progress, EngineError> + Copy + Send,
        as_json: bool,
        volume: Volume,
        world: &mut World<'_>,
    ) -> Result<u8, Failure> {
        let show = !volume.quiet && world.err_is_terminal;
        let least = volume.least();
        for (_, run) in &self.runs {
            run.log().want_debug(least == LogLevel::Debug);
        }
        let grace = world.grace;
        let jobs = self.runs.iter().zip(material).map(|((_, run), piece)| {
            move || -> Result<Progress, String> {
                let result = work(run, piece);
                let done = matches!(result, Ok(Progress::Done));
                let stopped = run.stop(if done { GRACE } else { grace() });
                result
                    .and_then(|progress| stopped.map(|()| progress))
                    .map_err(|error| error.to_string())
            }
        });
        let err = &mut *world.err;
        let go_on = world.go_on;
        let mut listened = 0;
        let results = side_by_side(jobs.collect(), LISTEN, || {
            listened += 1;
            let _ = self.write_log(err, least, show);
            if go_on() && show && listened % LISTENS_A_PROGRESS == 0 {
                let _ = write!(err, "{CLEAR}\x1b[?7l{}\x1b[?7h", self.progress_line());
                let _ = err.flush();
            }
        });
        if show {
            write!(world.err, "{CLEAR}")?;
        }
        self.write_log(world.err, least, false)?;
        self.finish(&results, as_json, world)
    }

    /// Writes what the runs have to say, from this level on; `clears`: over the progress line.
    fn write_log(
        &self,
        err: &mut (dyn Write + Send),
        least: LogLevel,
        clears: bool,
    ) -> io::Result<()> {
        let mut clear = if clears { CLEAR } else { "" };
        for (_, run) in &self.runs {
            for record in run.take_log().iter().filter(|record| record.level >= least) {
                let LogRecord { level, target, at, message, .. } = record;
                let (level, target) = (level.name().to_uppercase(), target.name());
                writeln!(err, "{clear}{at} {level:<7} {target}: {message}")?;
                clear = "";
            }
        }
        Ok(())
    }

    /// Prints the reports and finds the exit status.
    fn finish(
        &self,
        results: &[Result<Progress, String>],
        as_json: bool,
        world: &mut World<'_>,
    ) -> Result<u8, Failure> {
        let mut reports = Vec::new();
        let (mut pending, mut failed, mut interrupted) = (0, false, false);
        for ((name, run), result) in self.runs.iter().zip(results) {
            let mut report = run.report();
            // A run also stops when its time is up.
            report.interrupted = matches!(result, Ok(Progress::Stopped)) && !(world.go_on)();
            interrupted |= report.interrupted;
            pending += report.pending;
            failed |= report.expired + report.discarded + report.invalid > 0;
            if let Err(message) = result {
                writeln!(world.err, "{name}: {message}")?;
                failed = true;
            }
            if !as_json {
                write_report(world, name, &report)?;
            }
            let notes = run.notes();
            for note in &notes {
                writeln!(world.err, "{name}: {note}")?;
            }
            reports.push(json!({"sync": name, "report": report.to_json(), "notes": notes}));
        }
        if as_json {
            writeln!(world.out, "{:#}", serde_json::Value::Array(reports))?;
        }
        Ok(if interrupted {
            INTERRUPTED
        } else if failed {
            FINDINGS
        } else if pending > 0 {
            PENDING
        } else {
            OK
        })
    }

    /// A bar of accepted events for each sync: delivered, and what is left. Written without line
    /// breaks at the terminal's edge, so that the next one takes its place.
    fn progress_line(&self) -> String {
        const WIDTH: u64 = 12;
        let parts = self.runs.iter().map(|(name, run)| {
            let report = run.report();
            let done = report.delivered * WIDTH / report.accepted.max(1);
            let bar: String = (0..WIDTH).map(|at| if at < done { '█' } else { '░' }).collect();
            format!("{name} {bar} {} of {}", grouped(report.delivered), grouped(report.accepted))
        });
        parts.collect::<Vec<_>>().join("  ")
    }
}

fn write_report(world: &mut World<'_>, name: &str, report: &Report) -> Result<(), Failure> {
    writeln!(world.out, "{name}")?;
    for line in report.to_string().lines() {
        writeln!(world.out, "  {line}")?;
    }
    writeln!(world.out)?;
    Ok(())
}
