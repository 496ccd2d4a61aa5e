//! `status` and `recover`: how a store stands, and what can be saved of one that is damaged.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Recover;
use crate::cli::arguments::Status;
use crate::cli::syncs;
use crate::delivery::clock::Timestamp;
use crate::pipeline::Access;
use crate::pipeline::Sync;
use crate::pipeline::has_store;
use crate::pipeline::recover_store;
use crate::pipeline::unfinished_sources;

/// Runs the command `status`; works also while another process delivers.
pub(in crate::cli) fn status(arguments: &Status, world: &mut World<'_>) -> Result<u8, Failure> {
    let mut all = Vec::new();
    for options in syncs(&arguments.syncs, arguments.name.as_deref())? {
        let name = options.name.clone();
        let sync = Sync::new(options)?;
        let options = sync.options();
        let failed = |error| Failure::start(&name, error);
        let store = sync.open_store(Access::Read).map_err(failed)?;
        let counts = store.counts().map_err(|error| Failure::Io(format!("{name}: {error}")))?;
        let unfinished =
            unfinished_sources(&*store).map_err(|error| Failure::Io(format!("{name}: {error}")))?;
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let (oldest, next) = (text(counts.oldest_pending), text(counts.next_due));
        if arguments.json {
            all.push(json!({
                "sync": name,
                "enabled": options.enabled,
                "store": options.store,
                "accepted": counts.accepted,
                "delivered": counts.delivered,
                "pending": counts.pending,
                "expired": counts.expired,
                "discarded": counts.discarded,
                "dead": counts.dead,
                "oldest_pending": oldest,
                "next_due": next,
                "unfinished_sources": unfinished,
            }));
            continue;
        }
        let disabled = if options.enabled { "" } else { " (disabled)" };
        writeln!(world.out, "{name}{disabled}")?;
        if options.is_in_memory() {
            writeln!(world.out, "  store           in memory: nothing is kept between runs\n")?;
            continue;
        }
        writeln!(world.out, "  store           {}", options.store)?;
        writeln!(world.out, "  accepted        {}", counts.accepted)?;
        writeln!(world.out, "  delivered       {}", counts.delivered)?;
        writeln!(world.out, "  pending         {}", counts.pending)?;
        writeln!(world.out, "  dead letters    {}", counts.dead)?;
        for (what, time) in [("oldest pending", oldest), ("next attempt", next)] {
            if let Some(time) = time {
                writeln!(world.out, "  {what:<14}  {time}")?;
            }
        }
        for source in unfinished {
            writeln!(world.out, "  not finished    {source}: run it again")?;
        }
        writeln!(world.out)?;
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(all))?;
    }
    Ok(OK)
}

/// Runs the command `recover`: exit status 1 when something is lost.
pub(in crate::cli) fn recover(arguments: &Recover, world: &mut World<'_>) -> Result<u8, Failure> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    let mut status = OK;
    let all = syncs(&arguments.syncs, None)?;
    for options in syncs(&arguments.syncs, arguments.name.as_deref())? {
        let name = &options.name;
        let Some(path) = options.store_file().filter(|path| has_store(path)) else {
            writeln!(world.err, "{name}: there is no store to save anything of")?;
            continue;
        };
        // Syncs may share a file.
        if !seen.insert(path.to_owned()) {
            continue;
        }
        let users = all.iter().filter(|other| other.store_file() == Some(path)).count();
        let only_name = (users == 1).then_some(name.as_str());
        let recovered = recover_store(path, only_name)
            .map_err(|error| Failure::Io(format!("{name}: {error}")))?;
        let salvage = &recovered.salvage;
        if salvage.lost != Some(0) {
            status = FINDINGS;
        }
        if arguments.json {
            let mut row = recovered.to_json();
            row["sync"] = json!(name);
            row["store"] = json!(options.store);
            rows.push(row);
            continue;
        }
        let lost = salvage.lost.map_or_else(|| "unknown".to_owned(), |lost| lost.to_string());
        writeln!(world.out, "{name}")?;
        writeln!(world.out, "  pending         {}", salvage.pending)?;
        writeln!(world.out, "  dead letters    {}", salvage.dead_letters)?;
        writeln!(world.out, "  sources         {}", salvage.sources)?;
        writeln!(world.out, "  lost            {lost}")?;
        writeln!(world.out, "  damaged file    {}\n", recovered.damaged.display())?;
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(rows))?;
    }
    Ok(status)
}
