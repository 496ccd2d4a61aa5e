//! `dead-letters` and `replay`: what was given up, and once more.

use std::fs;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::DeadLetters;
use crate::cli::arguments::Replay;
use crate::cli::arguments::Which;
use crate::cli::runs::Runs;
use crate::cli::syncs;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::ftl::Settings;
use crate::ftl::Template;
use crate::pipeline::Access;
use crate::pipeline::LetterFilter;
use crate::pipeline::Letters;
use crate::pipeline::Progress;
use crate::pipeline::SentAs;
use crate::pipeline::Sync;

/// Runs the command `dead-letters`; works also while another process delivers.
pub(in crate::cli) fn dead_letters(
    arguments: &DeadLetters,
    world: &mut World<'_>,
) -> Result<u8, Failure> {
    let filter = filter(&arguments.which)?;
    for options in syncs(&arguments.syncs, arguments.name.as_deref())? {
        let name = options.name.clone();
        let store = Sync::new(options)?
            .open_store(Access::Read)
            .map_err(|error| Failure::start(&name, error))?;
        for letter in Letters::new(&*store, &filter) {
            let mut row =
                letter.map_err(|error| Failure::Io(format!("{name}: {error}")))?.to_json();
            row["sync"] = name.clone().into();
            writeln!(world.out, "{row}")?;
            if !(world.go_on)() {
                return Ok(INTERRUPTED);
            }
        }
    }
    Ok(OK)
}

/// Runs the command `replay`.
pub(in crate::cli) fn replay(arguments: &Replay, world: &mut World<'_>) -> Result<u8, Failure> {
    let filter = filter(&arguments.which)?;
    let template = match &arguments.template {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| {
                Failure::Io(format!("{} can't be read: {error}", path.display()))
            })?;
            let name = path.display().to_string();
            Some(Template::compile(&name, &text, &Settings::amplitude(), None)?)
        }
    };
    let sent_as = SentAs::new(template.as_ref(), arguments.anew);
    let all = syncs(&arguments.syncs, arguments.name.as_deref())?;
    if arguments.dry_run {
        let clock = SystemClock::new();
        let mut status = OK;
        for options in all {
            let name = options.name.clone();
            let sync = Sync::new(options)?;
            let store =
                sync.open_store(Access::Read).map_err(|error| Failure::start(&name, error))?;
            for letter in Letters::new(&*store, &filter) {
                let letter = letter.map_err(|error| Failure::Io(format!("{name}: {error}")))?;
                let renewed = sync.renew(&letter, sent_as, clock.wall().as_millis());
                if renewed.request.is_err() {
                    status = FINDINGS;
                }
                let mut row = renewed.to_json();
                row["sync"] = name.clone().into();
                writeln!(world.out, "{row}")?;
                if !(world.go_on)() {
                    return Ok(INTERRUPTED);
                }
            }
        }
        return Ok(status);
    }
    let runs = Runs::start(all, true, world)?;
    let (until, go_on) = (arguments.wait.until(), world.go_on);
    let filter = &filter;
    runs.carry_out(
        vec![(); runs.len()],
        |run, ()| {
            if run.replay(filter, sent_as, go_on)? == Progress::Stopped {
                return Ok(Progress::Stopped);
            }
            run.wait(until, None, go_on)
        },
        arguments.json,
        arguments.volume,
        world,
    )
}

fn filter(which: &Which) -> Result<LetterFilter, Failure> {
    let Which { reason, since, until, key } = which;
    let now = SystemClock::new().wall();
    LetterFilter::parse(reason, since.as_deref(), until.as_deref(), key.clone(), now)
        .map_err(|error| Failure::Usage(error.to_string()))
}
