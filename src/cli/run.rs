//! `run` and `drain`: a source to every enabled sync, and what is left of earlier runs.

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
use crate::events::tee;
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
    let readers = (0..runs.len()).map(|_| Reader::open(&arguments.sources, Settings::default()));
    let mut readers = readers.collect::<Result<Vec<_>, _>>()?;
    if readers.len() > 1 && arguments.sources.iter().any(|source| source == "-") {
        let inputs = tee(std::io::stdin(), readers.len());
        let given = readers.into_iter().zip(inputs);
        readers = given.map(|(reader, input)| reader.with_standard_input(input)).collect();
    }
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
