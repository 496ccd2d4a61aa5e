//! `run` and `drain`: a source to every enabled sync, and what is left of earlier runs.

use std::io::Read as _;
use std::io::Write as _;
use std::time::Duration;

use crate::cli::Failure;
use crate::cli::World;
use crate::cli::arguments;
use crate::cli::arguments::Drain;
use crate::cli::arguments::Wait;
use crate::cli::runs::Runs;
use crate::cli::syncs;
use crate::events::Reader;
use crate::events::Settings;
use crate::pipeline::Confirmed;
use crate::pipeline::Progress;
use crate::pipeline::Until;

impl Wait {
    /// What that is waiting for.
    pub(in crate::cli) fn until(self) -> Until {
        match self {
            Self::FirstAttempt => Until::CaughtUp,
            Self::Settled => Until::Settled,
        }
    }
}

/// Runs the command `run`: each sync reads the source by itself, so that a slow receiver holds up
/// no other.
pub(in crate::cli) fn run(
    arguments: &arguments::Run,
    world: &mut World<'_>,
) -> Result<u8, Failure> {
    let runs = Runs::start(syncs(&arguments.syncs, None)?, false, world)?;
    let spool = Spool::new(&arguments.sources, runs.len())?;
    let readers = (0..runs.len()).map(|_| Reader::open(&spool.sources, Settings::default()));
    let readers = readers.collect::<Result<Vec<_>, _>>()?;
    let until = arguments.wait.until();
    let confirmed = if arguments.restart { Confirmed::SendAgain } else { Confirmed::LeaveOut };
    let go_on = world.go_on;
    runs.carry_out(
        readers,
        |run, reader| {
            if run.feed(reader, confirmed, go_on)? == Progress::Stopped {
                return Ok(Progress::Stopped);
            }
            run.wait(until, None, go_on)
        },
        arguments.json,
        arguments.volume,
        world,
    )
}

/// Runs the command `drain`.
pub(in crate::cli) fn drain(arguments: &Drain, world: &mut World<'_>) -> Result<u8, Failure> {
    let timeout = match arguments.timeout.map(Duration::try_from_secs_f64) {
        None => None,
        Some(Ok(timeout)) => Some(timeout),
        Some(Err(_)) => {
            return Err(Failure::Usage("--timeout: expected seconds of 0 or more".to_owned()));
        }
    };
    let name = arguments.name.as_deref();
    let runs = Runs::start(syncs(&arguments.syncs, name)?, true, world)?;
    let go_on = world.go_on;
    runs.carry_out(
        vec![(); runs.len()],
        |run, ()| run.wait(Until::Settled, timeout, go_on),
        arguments.json,
        arguments.volume,
        world,
    )
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
