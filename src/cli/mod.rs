//! The command `webhook-stream`. Data goes to standard output, words for people and progress to
//! standard error, and the exit status says how it went.

mod arguments;
mod check;
mod coverage;
mod doctor;
mod explain;
mod init;
mod letters;
mod receive;
mod render;
mod run;
mod runs;
mod send_test;
mod simulate;
mod status;
mod test;

use std::io;
use std::io::Write;
use std::time::Duration;

use clap::CommandFactory as _;
use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::arguments::Arguments;
use crate::cli::arguments::Command;
use crate::config;
use crate::events::EventError;
use crate::filter::FilterError;
use crate::ftl::TemplateError;
use crate::pipeline::ConfigError;
use crate::pipeline::SetupError;
use crate::pipeline::StartError;
use crate::pipeline::SyncOptions;
use crate::text::did_you_mean;

/// The name of the command.
const PROGRAM: &str = "webhook-stream";

/// All delivered, or nothing to complain about.
pub const OK: u8 = 0;
/// Findings, or anything expired, discarded or invalid.
pub const FINDINGS: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// A configuration, template or filter that does not load.
pub const SETUP: u8 = 3;
/// Deliveries are still pending.
pub const PENDING: u8 = 75;
/// Ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// Who reads the output wants no more of it.
pub const CLOSED: u8 = 141;
/// Ended by a request to terminate.
pub const TERMINATED: u8 = 143;

/// What a command needs of the world.
pub struct World<'w> {
    /// Data.
    pub out: &'w mut (dyn Write + Send),
    /// Words for people.
    pub err: &'w mut (dyn Write + Send),
    /// Whether `err` is a terminal, where a line can be written again.
    pub err_is_terminal: bool,
    /// Says whether to go on; asked at least every 50 ms.
    pub go_on: &'w (dyn Fn() -> bool + Sync),
    /// Asked about the Python around it; `None` without one.
    pub python: &'w dyn Fn() -> Option<PythonFacts>,
    /// How long requests under way may take to finish after it said not to go on.
    pub grace: &'w (dyn Fn() -> Duration + Sync),
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("err_is_terminal", &self.err_is_terminal)
            .finish_non_exhaustive()
    }
}

/// What is known of the Python that the command runs in.
#[derive(Clone, Debug)]
pub struct PythonFacts {
    /// Its version.
    pub version: String,
    /// The version of the package as it was installed; `None` when it was not.
    pub package: Option<String>,
}

/// Why a command ends early.
#[derive(Debug)]
enum Failure {
    Setup(SetupError),
    Event(EventError),
    /// A file that a command reads by itself, or an output that is closed.
    Io(String),
    /// Who reads the output wants no more of it.
    Closed,
    Usage(String),
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Setup(error.into())
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::Setup(error.into())
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Self::Setup(error.into())
    }
}

impl From<EventError> for Failure {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl Failure {
    /// A sync's run can't start.
    fn start(name: &str, error: StartError) -> Self {
        match error {
            StartError::Config(error) => error.of_sync(name).into(),
            StartError::Store(error) => Self::Io(format!("{name}: {error}")),
            StartError::Engine(error) => Self::Io(format!("{name}: {error}")),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error.to_string()),
        }
    }
}

/// Runs a command line (without the program's name) and returns the exit status.
pub fn main(arguments: &[String], world: &mut World<'_>) -> u8 {
    let words = std::iter::once(PROGRAM).chain(arguments.iter().map(String::as_str));
    let parsed = match Arguments::try_parse_from(words) {
        Ok(parsed) => parsed,
        Err(error) => {
            let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let text = error.render().to_string();
            let _ = if help {
                world.out.write_all(text.as_bytes())
            } else {
                world.err.write_all(text.as_bytes())
            };
            return if help { OK } else { USAGE };
        }
    };
    let result = match &parsed.command {
        Command::Run(run) => run::run(run, world),
        Command::Drain(drain) => run::drain(drain, world),
        Command::Status(status) => status::status(status, world),
        Command::DeadLetters(letters) => letters::dead_letters(letters, world),
        Command::Replay(replay) => letters::replay(replay, world),
        Command::Recover(recover) => status::recover(recover, world),
        Command::Check(check) => check::check(check, world),
        Command::Render(render) => render::render(render, world),
        Command::Explain(explain) => explain::explain(explain, world),
        Command::SendTest(test) => send_test::send_test(test, world),
        Command::Receive(receive) => receive::receive(receive, world),
        Command::Simulate(simulate) => simulate::simulate(simulate, world),
        Command::Test(test) => test::test(test, world),
        Command::Init(init) => init::init(init, world),
        Command::Doctor(doctor) => doctor::doctor(doctor, world),
        Command::Schema(_) => {
            writeln!(world.out, "{:#}", config::schema()).map(|()| OK).map_err(Failure::from)
        }
        Command::Completion(completion) => world
            .out
            .write_all(script(completion.shell).as_bytes())
            .map(|()| OK)
            .map_err(Failure::from),
    };
    let result = result.and_then(|status| Ok(world.out.flush().map(|()| status)?));
    match result {
        Ok(status) => status,
        Err(failure) => {
            let (text, status) = match failure {
                // As `head` is used to: nothing is wrong.
                Failure::Closed => return CLOSED,
                Failure::Setup(error) => (error.to_string(), SETUP),
                Failure::Event(error) => (error.to_string(), FINDINGS),
                Failure::Io(text) => (text, FINDINGS),
                Failure::Usage(text) => (text, USAGE),
            };
            // When even standard error is closed there is nobody left to tell.
            let _ = writeln!(world.err, "error: {text}");
            status
        }
    }
}

/// The script that completes commands in a shell.
fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // In the script for bash, a command whose name has a hyphen is spelt in two ways, so that nothing
    // behind its subcommands is completed: https://github.com/clap-rs/clap/issues/6421
    script.replace("webhook__subcmd__stream", "webhook__stream")
}

/// The syncs of a file; with a name, only that one.
fn syncs(path: &std::path::Path, name: Option<&str>) -> Result<Vec<SyncOptions>, Failure> {
    let syncs = config::load(path)?;
    let Some(name) = name else { return Ok(syncs) };
    let names: Vec<String> = syncs.iter().map(|sync| sync.name.clone()).collect();
    match syncs.into_iter().find(|sync| sync.name == name) {
        Some(sync) => Ok(vec![sync]),
        None => {
            let near = did_you_mean(name, names.iter().map(String::as_str));
            let hint = near.map(|near| format!("\n  = hint: did you mean `{near}`?"));
            let (names, hint) = (names.join(", "), hint.unwrap_or_default());
            Err(Failure::Usage(format!("expected one of the syncs {names}, found `{name}`{hint}")))
        }
    }
}
