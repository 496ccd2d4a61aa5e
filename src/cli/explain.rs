//! `explain`: which syncs would send an event, and why or why not.

use serde_json::json;

use crate::cli::Failure;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Explain;
use crate::cli::render::parse;
use crate::cli::render::read_event;
use crate::cli::syncs;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::pipeline::Sync;

/// Runs the command.
pub(in crate::cli) fn explain(arguments: &Explain, world: &mut World<'_>) -> Result<u8, Failure> {
    let text = read_event(&arguments.event)?;
    let event = parse(&text)?;
    let now = SystemClock::new().wall().as_millis();
    let mut all = Vec::new();
    for options in syncs(&arguments.syncs, None)? {
        let sync = Sync::new(options)?;
        let options = sync.options();
        let preview = sync.preview(&text, 0, now);
        let explanation = options.filter.as_ref().map(|filter| filter.explain(event.root()));
        if arguments.json {
            all.push(json!({
                "sync": options.name,
                "enabled": options.enabled,
                "filter": explanation.map(|explanation| {
                    serde_json::from_str::<serde_json::Value>(&explanation.to_json())
                        .unwrap_or(serde_json::Value::Null)
                }),
                "preview": preview.to_json(),
            }));
            continue;
        }
        let verdict = match preview.outcome {
            _ if !options.enabled => "is disabled",
            "send" => "sends it",
            "filtered" => "does not send it",
            _ => "can't send it",
        };
        writeln!(world.out, "{} {verdict}", options.name)?;
        match explanation {
            Some(explanation) => {
                for line in explanation.to_string().lines() {
                    writeln!(world.out, "  {line}")?;
                }
            }
            None => writeln!(world.out, "  it has no filter: every event matches")?,
        }
        for (what, text) in [("payload", &preview.payload), ("error", &preview.error)] {
            for line in text.iter().flat_map(|text| text.lines()) {
                writeln!(world.out, "  {what}: {line}")?;
            }
        }
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(all))?;
    }
    Ok(OK)
}
