//! Requests from files: one a line, as FreeMarker's side reads them. For a person who wants to know.

use std::fs;

use serde_json::Value as Json;

use crate::engine;
use crate::explain::explain;
use crate::java::Oracle;
use crate::request::Request;

/// Prints both answers for every line whose answers differ, and for all with `--all` first.
pub(crate) fn ask(oracle: &mut Oracle, arguments: &[String]) -> Result<bool, String> {
    let all = arguments.iter().any(|argument| argument == "--all");
    let mut requests = Vec::new();
    for file in arguments.iter().filter(|argument| *argument != "--all") {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            requests.push(read(line).map_err(|error| format!("{file}: {error}: {line}"))?);
        }
    }
    let (theirs, ours) =
        oracle.ask(&requests, || requests.iter().map(engine::ask).collect::<Vec<_>>())?;
    let mut differ = 0;
    for ((request, theirs), ours) in requests.iter().zip(&theirs).zip(&ours) {
        let agree = ours.agrees_with(&theirs.answer);
        differ += usize::from(!agree);
        if all || !agree {
            let reason = (!agree).then(|| explain(request, theirs, ours)).flatten();
            match reason {
                Some(reason) => println!("EXPLAINED ({reason}) {}", request.json()),
                None if agree => println!("same {}", request.json()),
                None => println!("DIFFERENT {}", request.json()),
            }
            println!("  FreeMarker: {}\n  engine:     {ours}", theirs.answer);
        }
    }
    println!("{} asked, {differ} differ", requests.len());
    Ok(differ == 0)
}

/// A line: a JSON string is a template, an object a whole request.
fn read(line: &str) -> Result<Request, String> {
    let json: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
    Ok(Request::from_json(&json))
}
