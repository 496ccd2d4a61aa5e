//! `webhook-stream run`: a source to every enabled sync.

use std::io::Read as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::PENDING;
use crate::cli::World;
use crate::cli::arguments;
use crate::cli::arguments::Wait;
use crate::cli::syncs;
use crate::delivery::clock::Clock;
use crate::delivery::clock::SystemClock;
use crate::delivery::side_by_side;
use crate::delivery::store::memory::MemoryStore;
use crate::events::Reader;
use crate::events::Settings;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Progress;
use crate::pipeline::Run;
use crate::pipeline::StartError;
use crate::pipeline::Sync;
use crate::pipeline::Until;
use crate::report::Report;

/// How often progress is written: often enough to look alive.
const PROGRESS: Duration = Duration::from_millis(200);
/// How long requests under way may take to finish at the end of a run.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the command `run`: each sync reads the source by itself, so that a slow receiver holds up
/// no other.
pub(in crate::cli) fn run(
    arguments: &arguments::Run,
    world: &mut World<'_>,
) -> Result<u8, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut runs = Vec::new();
    for options in syncs(&arguments.syncs, None)? {
        let name = options.name.clone();
        let sync = Sync::new(options)?;
        if !sync.options().enabled {
            writeln!(world.err, "{name}: disabled, skipped")?;
            continue;
        }
        let started = sync.start(
            Arc::new(MemoryStore::new()),
            Arc::clone(&clock),
            Arc::new(EnvironmentSecrets),
        );
        match started {
            Ok(run) => runs.push((name, run)),
            Err(StartError::Config(error)) => return Err(error.into()),
            Err(StartError::Engine(error)) => return Err(Failure::Io(format!("{name}: {error}"))),
        }
    }
    let spool = Spool::new(&arguments.sources, runs.len())?;
    let until = match arguments.wait {
        Wait::FirstAttempt => Until::FirstAttempts,
        Wait::Settled => Until::Settled,
    };
    let go_on = world.go_on;
    let show = !arguments.quiet && world.err_is_terminal;
    let readers = runs.iter().map(|_| Reader::open(&spool.sources, Settings::default()));
    let readers = readers.collect::<Result<Vec<_>, _>>()?;
    let jobs = runs.iter().zip(readers).map(|((_, run), reader)| {
        move || -> Result<Progress, String> {
            let one = || -> Result<Progress, crate::delivery::EngineError> {
                if run.feed(reader, go_on)? == Progress::Stopped {
                    return Ok(Progress::Stopped);
                }
                run.wait(until, None, go_on)
            };
            let result = one();
            let grace = if matches!(result, Ok(Progress::Done)) { GRACE } else { Duration::ZERO };
            let stopped = run.stop(grace);
            result
                .and_then(|progress| stopped.map(|()| progress))
                .map_err(|error| error.to_string())
        }
    });
    let err = &mut *world.err;
    let results = side_by_side(jobs.collect(), PROGRESS, || {
        if show {
            let _ = write!(err, "\r\x1b[2K{}", progress_line(&runs));
            let _ = err.flush();
        }
    });
    if show {
        write!(world.err, "\r\x1b[2K")?;
    }
    finish(arguments, world, &runs, &results)
}

/// Prints the reports and finds the exit status.
fn finish(
    arguments: &arguments::Run,
    world: &mut World<'_>,
    runs: &[(String, Run)],
    results: &[Result<Progress, String>],
) -> Result<u8, Failure> {
    let mut reports = Vec::new();
    let (mut pending, mut failed, mut interrupted) = (0, false, false);
    for ((name, run), result) in runs.iter().zip(results) {
        let mut report = run.report();
        report.interrupted = matches!(result, Ok(Progress::Stopped));
        interrupted |= report.interrupted;
        pending += report.pending;
        failed |= report.expired + report.discarded + report.invalid > 0;
        if let Err(message) = result {
            writeln!(world.err, "{name}: {message}")?;
            failed = true;
        }
        if !arguments.json {
            write_report(world, name, &report, run.notes())?;
        }
        reports.push(json!({"sync": name, "report": report.to_json()}));
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(reports))?;
    }
    if pending > 0 {
        writeln!(
            world.err,
            "{pending} pending deliveries end with this process: their store is in memory \
             (--wait settled stays until they are through)"
        )?;
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

fn write_report(
    world: &mut World<'_>,
    name: &str,
    report: &Report,
    notes: &[String],
) -> Result<(), Failure> {
    writeln!(world.out, "{name}")?;
    for line in report.to_string().lines() {
        writeln!(world.out, "  {line}")?;
    }
    for note in notes {
        writeln!(world.out, "  note: {note}")?;
    }
    writeln!(world.out)?;
    Ok(())
}

/// A bar of accepted events for each sync: delivered, and what is left.
fn progress_line(runs: &[(String, Run)]) -> String {
    const WIDTH: u64 = 20;
    let parts = runs.iter().map(|(name, run)| {
        let report = run.report();
        let done = report.delivered * WIDTH / report.accepted.max(1);
        let bar: String = (0..WIDTH).map(|at| if at < done { '█' } else { '░' }).collect();
        format!("{name} {bar} {} of {} delivered", report.delivered, report.accepted)
    });
    parts.collect::<Vec<_>>().join("  ")
}

/// The sources; standard input is kept in a file first when several syncs read it.
struct Spool {
    sources: Vec<String>,
    kept: Option<std::path::PathBuf>,
}

impl Spool {
    fn new(sources: &[String], readers: usize) -> Result<Self, Failure> {
        if readers <= 1 || !sources.iter().any(|source| source == "-") {
            return Ok(Self { sources: sources.to_vec(), kept: None });
        }
        let path =
            std::env::temp_dir().join(format!("webhook-stream-{}.stdin", std::process::id()));
        let mut file = std::fs::File::create_new(&path)?;
        let mut buffer = vec![0; 1 << 16];
        let mut stdin = std::io::stdin();
        loop {
            let count = stdin.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count])?;
        }
        let name = path.display().to_string();
        let sources =
            sources.iter().map(|source| if source == "-" { name.clone() } else { source.clone() });
        Ok(Self { sources: sources.collect(), kept: Some(path) })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(path) = &self.kept {
            // A file in the temporary folder that can't be removed harms nobody.
            let _ = std::fs::remove_file(path);
        }
    }
}
