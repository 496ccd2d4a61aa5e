//! `webhook-stream check`: what would fail, found before it does.

use std::collections::BTreeSet;

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
use crate::ftl::Finding;
use crate::ftl::Level;
use crate::pipeline::Checkup;
use crate::pipeline::Diagnosis;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Sync;

/// Runs the command `check`.
pub(in crate::cli) fn check(arguments: &Check, world: &mut World<'_>) -> Result<u8, Failure> {
    let now_millis = SystemClock::new().wall().as_millis();
    let mut rows = Vec::new();
    let (mut checked, mut findings, mut notes) = (0, 0, 0);
    for options in syncs(&arguments.syncs, None)? {
        let name = options.name.clone();
        let sync = Sync::new(options)?;
        let mut checkup = Checkup::new(&sync, now_millis);
        if let Some(events) = &arguments.events
            && !feed(&mut checkup, events, world)?
        {
            return Ok(INTERRUPTED);
        }
        let Diagnosis { findings: own, mut others, events, filtered } = checkup.finish();
        others.extend(unset_secrets(&sync));
        checked += 1;
        notes += own.iter().filter(|finding| finding.level() == Level::Note).count();
        findings += own.iter().filter(|finding| finding.level() != Level::Note).count();
        findings += others.len();
        if arguments.json {
            rows.extend(others.iter().map(|message| json!({"sync": name, "message": message})));
            rows.extend(own.iter().map(|finding| {
                let mut row = finding.to_json();
                row["sync"] = json!(name);
                row
            }));
        } else {
            print(world, &name, &own, &others)?;
            if events > 0 {
                let sent = events - filtered;
                writeln!(world.err, "{name}: {sent} of {events} events pass the filter")?;
            }
        }
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(rows))?;
    } else {
        let [syncs, findings, notes] = [(checked, "sync"), (findings, "finding"), (notes, "note")]
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
        writeln!(world.err, "{syncs} checked, {findings}, {notes}")?;
    }
    Ok(if findings == 0 { OK } else { FINDINGS })
}

/// Takes the events through the sync. Says whether all were taken.
fn feed(checkup: &mut Checkup<'_>, events: &str, world: &World<'_>) -> Result<bool, Failure> {
    let mut reader = Reader::open(&[events], Settings::default())?;
    while let Some(block) = reader.next_block() {
        let block = block?;
        for line in block.lines() {
            if !(world.go_on)() {
                return Ok(false);
            }
            match line {
                Ok(line) => checkup.add(line.text(), &line.place().to_string()),
                Err(error) => checkup.add_invalid(&error.to_string()),
            }
        }
        reader.reuse(block);
    }
    Ok(true)
}

fn unset_secrets(sync: &Sync) -> impl Iterator<Item = String> {
    let unset = sync.secret_names().filter(|secret| EnvironmentSecrets.get(secret).is_none());
    unset.map(|secret| {
        format!("the secret `{secret}` is not set: set the environment variable {secret}")
    })
}

/// Prints a sync's findings. The first of a rule is drawn with its hint, the others are a line each:
/// a careless template makes the same mistake everywhere.
fn print(
    world: &mut World<'_>,
    name: &str,
    findings: &[Finding],
    others: &[String],
) -> Result<(), Failure> {
    let mut drawn = BTreeSet::new();
    for message in others {
        writeln!(world.out, "{name}: {message}\n")?;
    }
    for finding in findings {
        if drawn.insert(finding.rule()) {
            writeln!(world.out, "{name}: {finding}\n")?;
        } else {
            writeln!(world.out, "{name}: {}\n", finding.headline())?;
        }
    }
    Ok(())
}
