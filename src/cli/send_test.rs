//! `send-test`: one event to the real endpoint, with the request and the response.

use std::sync::Arc;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::SendTest;
use crate::cli::render::read_event;
use crate::cli::syncs;
use crate::delivery::clock::Clock;
use crate::delivery::clock::SystemClock;
use crate::delivery::policy::RetryPolicy;
use crate::delivery::store::Store as _;
use crate::delivery::store::memory::MemoryStore;
use crate::pipeline::Confirmed;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Progress;
use crate::pipeline::Sync;
use crate::pipeline::Until;

/// What is sent when no event is given.
const MADE_UP_EVENT: &str = r#"{"$insert_id":"webhook-stream-test","event_type":"webhook_stream test","event_time":"2026-01-01 00:00:00.000000","user_id":"test-user","device_id":"test-device","event_properties":{},"user_properties":{"email":"test@example.com"}}"#;

/// Runs the command: one attempt of one try, whatever the filter says.
pub(in crate::cli) fn send_test(
    arguments: &SendTest,
    world: &mut World<'_>,
) -> Result<u8, Failure> {
    let Some(mut options) = syncs(&arguments.syncs, Some(&arguments.name))?.pop() else {
        return Ok(FINDINGS);
    };
    options.filter = None;
    options.enabled = true;
    options.retry = RetryPolicy { tries: 1, ..RetryPolicy::none() };
    let event = match &arguments.event {
        Some(path) => read_event(path)?,
        None => MADE_UP_EVENT.to_owned(),
    };
    let sync = Sync::new(options)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let preview = sync.preview(&event, 0, clock.wall().as_millis());
    if preview.outcome != "send" {
        return Err(Failure::Io(preview.error.unwrap_or_else(|| preview.outcome.to_owned())));
    }
    let store = Arc::new(MemoryStore::new());
    let run = sync
        .start(store.clone(), clock, Arc::new(EnvironmentSecrets))
        .map_err(|error| Failure::start(&arguments.name, error))?;
    let sent = run
        .send(&[event], Confirmed::LeaveOut, world.go_on)
        .and_then(|_| run.wait(Until::Settled, None, world.go_on))
        .map_err(|error| Failure::Io(error.to_string()))?;
    run.stop(std::time::Duration::ZERO).map_err(|error| Failure::Io(error.to_string()))?;
    if sent == Progress::Stopped {
        return Ok(INTERRUPTED);
    }
    let report = run.report();
    let letters = store.dead_letters(0, 1).map_err(|error| Failure::Io(error.to_string()))?;
    let answer = letters.first().and_then(|letter| letter.attempts.last());
    let delivered = report.delivered == 1;
    if arguments.json {
        let answer = answer.map(|attempt| {
            json!({"status": attempt.status, "error": attempt.error, "message": attempt.message, "body": attempt.answer})
        });
        writeln!(
            world.out,
            "{:#}",
            json!({"request": preview.to_json(), "delivered": delivered, "failure": answer})
        )?;
    } else {
        writeln!(
            world.out,
            "{} {}",
            preview.method.unwrap_or_default(),
            preview.url.unwrap_or_default()
        )?;
        for (name, value) in &preview.headers {
            writeln!(world.out, "  {name}: {value}")?;
        }
        writeln!(world.out, "\n  {}\n", preview.payload.unwrap_or_default())?;
        if let Some(error) = &preview.error {
            writeln!(world.err, "warning: {error}")?;
        }
        match answer {
            None => writeln!(world.out, "delivered")?,
            Some(attempt) => {
                writeln!(world.out, "not delivered: {}", attempt.message)?;
                if !attempt.answer.is_empty() {
                    writeln!(world.out, "  {}", attempt.answer)?;
                }
            }
        }
    }
    Ok(if delivered { OK } else { FINDINGS })
}
