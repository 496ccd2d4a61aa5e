//! `webhook-stream simulate`: the forecast, and its page of the documentation.

use std::fs;
use std::path::Path;

use webhook_stream::cli;

/// Runs the command line in a folder; gives the status and what it prints.
fn run(folder: &Path, words: &str) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments: Vec<String> = words
        .split_whitespace()
        .map(|word| match word {
            "syncs.toml" => folder.join(word).display().to_string(),
            word => word.to_owned(),
        })
        .collect();
    let status = {
        let mut world = cli::World {
            out: &mut out,
            err: &mut err,
            err_is_terminal: false,
            python: &|| None,
            go_on: &|| true,
            grace: &|| std::time::Duration::ZERO,
        };
        cli::main(&arguments, &mut world)
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(out), text(err))
}

fn folder_with(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("syncs.toml"), toml).unwrap();
    folder
}

fn forecast(toml: &str, words: &str) -> serde_json::Value {
    let folder = folder_with(toml);
    let (status, out, err) = run(folder.path(), &format!("simulate syncs.toml --json {words}"));
    assert_eq!(status, cli::OK, "{err}");
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    list[0]["forecast"].clone()
}

const PLAIN: &str = "[sync.braze]\nurl = \"https://example.com/hook\"\n";

#[test]
fn the_example_of_the_documentation_is_what_the_command_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/simulate.md");
    let text = fs::read_to_string(&page).unwrap();
    let block = |language: &str| {
        let (_, rest) = text.split_once(&format!("\n```{language}")).unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let folder = folder_with(&block("toml"));
    let console = block("console");
    let (command, expected) = console.split_once('\n').unwrap();
    let (status, out, err) = run(folder.path(), command.strip_prefix("$ webhook-stream ").unwrap());
    assert_eq!(status, cli::OK, "{err}");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&page, text.replace(expected, &format!("{}\n", out.trim_end()))).unwrap();
    } else {
        assert_eq!(out.trim_end(), expected.trim_end(), "UPDATE_CASES=1 writes what it prints now");
    }
}

#[test]
fn a_short_outage_is_caught_up_on_and_loses_nothing() {
    let forecast = forecast(PLAIN, "--rate 5 --outage 10m");
    assert_eq!(forecast["expired"], 0);
    assert_eq!(forecast["recovery_seconds"], 660.0);
    let peak = forecast["peak_pending"].as_u64().unwrap();
    assert!((2990..=3010).contains(&peak), "{peak}");
    // The seventh attempt comes at most 15 minutes after the sixth.
    let last = forecast["last_delivery_seconds"].as_f64().unwrap();
    assert!(last > 660.0 && last < 660.0 + 15.0 * 60.0, "{last}");
    assert!(forecast["course"].as_array().unwrap().len() == 21);
}

#[test]
fn an_outage_beyond_the_schedule_lets_events_expire() {
    let quick = "[sync.a]\nurl = \"https://example.com/\"\nretry = { schedule = [10, 20] }\n";
    let forecast = forecast(quick, "--rate 10 --outage 2m --failure refused");
    let expired = forecast["expired"].as_u64().unwrap();
    assert!((880..=950).contains(&expired), "{expired}");
    assert!(forecast["first_expired_seconds"].as_f64().unwrap() > 80.0);
}

#[test]
fn the_rate_limit_and_the_concurrency_of_the_file_hold() {
    let limited = format!("{PLAIN}rate_limit_per_second = 20\n");
    let limited = forecast(&limited, "--rate 5 --outage 5m");
    assert!(limited["recovery_peak_requests_per_second"].as_u64().unwrap() <= 21);
    let one = format!("{PLAIN}concurrency = 1\n");
    let one = forecast(&one, "--rate 5 --outage 5m --latency 100ms");
    assert!(one["recovery_peak_requests_per_second"].as_u64().unwrap() <= 11);
}

#[test]
fn no_more_than_the_concurrency_comes_down_on_a_receiver_that_is_back() {
    let few = format!("{PLAIN}concurrency = 4\n");
    let forecast = forecast(&few, "--rate 10 --outage 10m --failure refused --latency 100ms");
    let peak = forecast["recovery_peak_requests_per_second"].as_u64().unwrap();
    assert!(peak <= 44, "{peak}");
    assert_eq!(forecast["expired"], 0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = folder_with(PLAIN);
    for words in [
        "--rate 0 --outage 5m",
        "--rate 1000000 --outage 10d",
        "--rate x --outage 5m",
        "--rate 5 --outage soon",
        "--rate 5 --outage 5m --failure 404",
    ] {
        let (status, _, err) = run(folder.path(), &format!("simulate syncs.toml {words}"));
        assert_eq!(status, cli::USAGE, "{words}: {err}");
        assert!(err.contains("expected") || err.contains("invalid"), "{words}: {err}");
    }
}
