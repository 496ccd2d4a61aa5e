//! The commands and their options, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap_complete::Shell;

use crate::pipeline::OutageKind;

/// Sends a stream of JSON events to webhooks: filtered, shaped by a FreeMarker template, delivered.
///
/// Exit status: 0 all delivered; 1 findings, or anything expired, discarded or invalid; 2 wrong
/// usage; 3 a configuration, template or filter that does not load; 75 deliveries still pending;
/// 130 interrupted; 141 the reader of the output went away; 143 ended by a request to terminate.
#[derive(Debug, Parser)]
#[command(
    name = "webhook-stream",
    version,
    after_help = "Begin with:\n  webhook-stream init\n  webhook-stream check syncs.toml"
)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Send the source's events to every enabled sync
    Run(Run),
    /// Go on with what earlier runs left pending, until nothing is
    Drain(Drain),
    /// Say what is pending, delivered and dead, and when the next attempt is due
    Status(Status),
    /// Print what was given up, one JSON object a line
    DeadLetters(DeadLetters),
    /// Send dead letters again: the same bytes, or rendered anew
    Replay(Replay),
    /// Save what can be read of a damaged store
    Recover(Recover),
    /// Parse everything and say what would fail
    Check(Check),
    /// Render a template to standard output
    Render(Render),
    /// Say which syncs would send an event, and why or why not
    Explain(Explain),
    /// Send one event to the real endpoint, and show the request and the response
    SendTest(SendTest),
    /// Start a local receiver that prints what arrives
    Receive(Receive),
    /// Run tests of templates (`*.ftltest.yaml`)
    Test(Test),
    /// Forecast what an outage of the receiver would mean: backlog, expiries, last delivery
    Simulate(Simulate),
    /// Write a commented `syncs.toml` with a template and its test, to begin with
    Init(Init),
    /// Check this machine, and whether the syncs of a file could deliver from it
    Doctor(Doctor),
    /// Print the JSON Schema of `syncs.toml`, for editors
    Schema(Schema),
    /// Print the script that completes commands and options in a shell
    Completion(Completion),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  webhook-stream run syncs.toml export.zip\n  cat events.ndjson | webhook-stream run syncs.toml - --wait settled"
)]
pub(in crate::cli) struct Run {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Files, folders and patterns (.json .ndjson .jsonl gzip zip); `-` is standard input
    #[arg(required = true)]
    pub(in crate::cli) sources: Vec<String>,
    /// Until when to stay
    #[arg(long, value_enum, default_value_t = Wait::FirstAttempt)]
    pub(in crate::cli) wait: Wait,
    /// Start over: send again what earlier runs have sent of these sources
    #[arg(long)]
    pub(in crate::cli) restart: bool,
    /// Print the reports as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) volume: Volume,
}

/// How much is said on standard error while deliveries are made.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct Volume {
    /// Say more: what is going on (-v), every delivery (-vv); without, what failed
    #[arg(long, short, action = ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
    /// Say less: only what was given up, and no progress
    #[arg(long, short, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(in crate::cli) enum Wait {
    /// Every event was accepted and attempted once, and so was what was due of earlier runs
    FirstAttempt,
    /// Every event is delivered or given up: up to 4 hours
    Settled,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream drain syncs.toml braze --timeout 600")]
pub(in crate::cli) struct Drain {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Only this sync
    pub(in crate::cli) name: Option<String>,
    /// Stay at most so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) timeout: Option<f64>,
    /// Print the reports as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) volume: Volume,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream status syncs.toml --json")]
pub(in crate::cli) struct Status {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Only this sync
    pub(in crate::cli) name: Option<String>,
    /// Print the counts as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(in crate::cli) struct Which {
    /// Given up for this reason: exhausted, expired, gone, blocked, render, filter, damaged
    #[arg(long, value_delimiter = ',')]
    pub(in crate::cli) reason: Vec<String>,
    /// Given up since: 2026-11-23, 2026-11-23T09:00:00Z, or so long ago: 30m, 2h, 3d
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// Given up before
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
    /// With this event key
    #[arg(long)]
    pub(in crate::cli) key: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  webhook-stream dead-letters syncs.toml --reason exhausted --since 2h | jq .key"
)]
pub(in crate::cli) struct DeadLetters {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Only those of this sync
    pub(in crate::cli) name: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// JSON is what is printed in any case
    #[arg(long, hide = true)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  webhook-stream replay syncs.toml braze --template fixed.ftl --dry-run"
)]
pub(in crate::cli) struct Replay {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Only those of this sync
    pub(in crate::cli) name: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// Render the events anew with this template
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) template: Option<PathBuf>,
    /// Send the events as the file says today: its template, URL and headers
    #[arg(long, conflicts_with = "template")]
    pub(in crate::cli) anew: bool,
    /// Print what would be sent, one JSON object a line, and send nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Until when to stay
    #[arg(long, value_enum, default_value_t = Wait::FirstAttempt)]
    pub(in crate::cli) wait: Wait,
    /// Print the reports as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) volume: Volume,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream recover syncs.toml braze")]
pub(in crate::cli) struct Recover {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Only the store of this sync
    pub(in crate::cli) name: Option<String>,
    /// Print what was saved as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream check syncs.toml --events sample.ndjson")]
pub(in crate::cli) struct Check {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Also render these events, and say which fail
    #[arg(long)]
    pub(in crate::cli) events: Option<String>,
    /// Print the findings as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream render braze.ftl --event event.json")]
pub(in crate::cli) struct Render {
    /// The template
    pub(in crate::cli) template: PathBuf,
    /// A file with an event, bound to `input`; `-` is standard input
    #[arg(long, conflicts_with = "data")]
    pub(in crate::cli) event: Option<String>,
    /// A file with a JSON object whose keys are the top-level variables
    #[arg(long)]
    pub(in crate::cli) data: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream explain syncs.toml --event event.json")]
pub(in crate::cli) struct Explain {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// A file with the event; `-` is standard input
    #[arg(long)]
    pub(in crate::cli) event: String,
    /// Print the explanations as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream send-test syncs.toml braze")]
pub(in crate::cli) struct SendTest {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Which sync
    pub(in crate::cli) name: String,
    /// A file with the event; `-` is standard input; a made-up event without
    #[arg(long)]
    pub(in crate::cli) event: Option<String>,
    /// Print request and response as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream receive --port 8080 --script 503,503,200")]
pub(in crate::cli) struct Receive {
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub(in crate::cli) port: u16,
    /// What to answer, one step a request, then 200: 503,503,200 or hang, reset, close, garbage
    #[arg(long, value_delimiter = ',')]
    pub(in crate::cli) script: Vec<String>,
    /// Stop after so many requests
    #[arg(long)]
    pub(in crate::cli) count: Option<u64>,
    /// Print one JSON object a request
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream simulate syncs.toml --rate 200 --outage 90m")]
pub(in crate::cli) struct Simulate {
    /// The file that describes the syncs
    pub(in crate::cli) syncs: PathBuf,
    /// Which sync; all enabled ones without
    pub(in crate::cli) name: Option<String>,
    /// Events a second
    #[arg(long)]
    pub(in crate::cli) rate: f64,
    /// How long the receiver is down: 90m, 1h30m, 45s
    #[arg(long, value_parser = crate::cli::simulate::duration)]
    pub(in crate::cli) outage: Duration,
    /// How long the receiver takes to answer
    #[arg(long, default_value = "50ms", value_parser = crate::cli::simulate::duration)]
    pub(in crate::cli) latency: Duration,
    /// What requests meet while it is down: 503, refused or timeout
    #[arg(long, default_value = "503", value_parser = crate::cli::simulate::failure)]
    pub(in crate::cli) failure: OutageKind,
    /// Print the forecasts as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream test templates/ --drop-fields")]
pub(in crate::cli) struct Test {
    /// Test files and folders; the current folder without
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// Write what the templates give now where it differs from what is expected
    #[arg(long)]
    pub(in crate::cli) update: bool,
    /// Also drop each field that a template reads, one at a time, and show what breaks
    #[arg(long)]
    pub(in crate::cli) drop_fields: bool,
    /// Also say which lines and branches of the templates no case has run
    #[arg(long)]
    pub(in crate::cli) coverage: bool,
    /// Write that to a file: `….json` is JSON, `….lcov` and `….info` are LCOV
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) coverage_file: Option<PathBuf>,
    /// Fail when less than this share of lines and branches ran
    #[arg(long, value_name = "PERCENT")]
    pub(in crate::cli) coverage_fail_under: Option<f64>,
    /// Print the results as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream init my-syncs")]
pub(in crate::cli) struct Init {
    /// Where to; made if it is missing. Nothing that is there is overwritten
    #[arg(default_value = ".")]
    pub(in crate::cli) folder: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream doctor syncs.toml")]
pub(in crate::cli) struct Doctor {
    /// The file that describes the syncs; without, only the machine is checked
    pub(in crate::cli) syncs: Option<PathBuf>,
    /// Print the checks as JSON on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  webhook-stream schema > syncs.schema.json\n\n\
    With `#:schema ./syncs.schema.json` as the first line of syncs.toml, editors complete it.")]
pub(in crate::cli) struct Schema {
    /// JSON is what is printed in any case
    #[arg(long, hide = true)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    webhook-stream completion bash > ~/.local/share/bash-completion/completions/webhook-stream\n  \
    webhook-stream completion zsh > ~/.zfunc/_webhook-stream\n  \
    webhook-stream completion fish > ~/.config/fish/completions/webhook-stream.fish\n  \
    webhook-stream completion powershell >> $PROFILE")]
pub(in crate::cli) struct Completion {
    /// Which shell
    #[arg(value_enum)]
    pub(in crate::cli) shell: Shell,
}
