//! `check`: what would go wrong.

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Check;
use crate::cli::syncs;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::delivery::request::Secrets as _;
use crate::events::Reader;
use crate::events::Settings;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Sync;

/// Runs the command.
pub(in crate::cli) fn check(arguments: &Check, world: &mut World<'_>) -> Result<u8, Failure> {
    const SHOWN: usize = 5;
    let clock = SystemClock::new();
    let mut findings = Vec::new();
    let mut checked = 0;
    for options in syncs(&arguments.syncs, None)? {
        let name = options.name.clone();
        let sync = Sync::new(options)?;
        checked += 1;
        for secret in sync.secret_names() {
            if EnvironmentSecrets.get(secret).is_none() {
                findings.push((
                    name.clone(),
                    format!(
                        "the secret `{secret}` is not set: set the environment variable {secret}"
                    ),
                ));
            }
        }
        let Some(events) = &arguments.events else { continue };
        let mut reader = Reader::open(&[events], Settings::default())?;
        let (mut ordinal, mut failed) = (0, 0);
        while let Some(block) = reader.next_block() {
            let block = block?;
            for line in block.lines() {
                if !(world.go_on)() {
                    return Ok(INTERRUPTED);
                }
                let error = match line {
                    Ok(line) => {
                        ordinal += 1;
                        let preview =
                            sync.preview(line.text(), ordinal - 1, clock.wall().as_millis());
                        preview.error.map(|error| format!("{}: {error}", line.place()))
                    }
                    Err(error) => Some(error.to_string()),
                };
                if let Some(error) = error {
                    failed += 1;
                    if failed <= SHOWN {
                        findings.push((name.clone(), error));
                    }
                }
            }
            reader.reuse(block);
        }
        if failed > SHOWN {
            findings.push((
                name.clone(),
                format!("{failed} of {ordinal} events fail; the first {SHOWN} are shown"),
            ));
        }
    }
    if arguments.json {
        let list: Vec<serde_json::Value> = findings
            .iter()
            .map(|(sync, message)| json!({"sync": sync, "message": message}))
            .collect();
        writeln!(world.out, "{:#}", serde_json::Value::Array(list))?;
    } else {
        for (sync, message) in &findings {
            writeln!(world.out, "{sync}: {message}")?;
        }
        writeln!(world.err, "{checked} syncs checked, {} findings", findings.len())?;
    }
    Ok(if findings.is_empty() { OK } else { FINDINGS })
}
