//! `receive`: a local receiver that prints what arrives.

use std::time::Duration;

use serde_json::json;

use crate::cli::Failure;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Receive;
use crate::receiver::ReceivedRequest;
use crate::receiver::Receiver;
use crate::receiver::ReceiverOptions;
use crate::receiver::Script;

/// How long it waits before it looks for Ctrl-C again.
const SLICE: Duration = Duration::from_millis(40);

/// Runs the command.
pub(in crate::cli) fn receive(arguments: &Receive, world: &mut World<'_>) -> Result<u8, Failure> {
    let script: Script = match arguments.script.join(",").as_str() {
        "" => Script::default(),
        text => text.parse().map_err(|error| Failure::Usage(format!("--script: {error}")))?,
    };
    let options = ReceiverOptions { port: arguments.port, ..ReceiverOptions::default() };
    let mut receiver = Receiver::start_with(script, options)
        .map_err(|error| Failure::Io(format!("port {} of 127.0.0.1: {error}", arguments.port)))?;
    writeln!(world.err, "listening on {} (Ctrl-C ends it)", receiver.url())?;
    let mut seen: u64 = 0;
    while (world.go_on)() && arguments.count.is_none_or(|count| seen < count) {
        receiver.wait_for(seen + 1, SLICE);
        for request in receiver.take_requests() {
            seen += 1;
            print(&request, arguments.json, world)?;
        }
        world.out.flush()?;
    }
    // Who sent the last request waits for its answer.
    while (world.go_on)() && receiver.answered() < seen {
        receiver.wait_for(u64::MAX, SLICE);
    }
    receiver.stop();
    Ok(OK)
}

fn print(request: &ReceivedRequest, as_json: bool, world: &mut World<'_>) -> Result<(), Failure> {
    if as_json {
        let headers: serde_json::Map<String, serde_json::Value> =
            request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let line = json!({
            "method": request.method,
            "path": request.path,
            "headers": headers,
            "body": String::from_utf8_lossy(&request.body),
            "answered": request.status,
        });
        writeln!(world.out, "{line}")?;
        return Ok(());
    }
    writeln!(world.out, "{} {} -> {}", request.method, request.path, request.status)?;
    for (name, value) in &request.headers {
        writeln!(world.out, "  {name}: {value}")?;
    }
    writeln!(world.out, "\n  {}\n", String::from_utf8_lossy(&request.body))?;
    Ok(())
}
