//! How often the engine allocates for one event, and how much: a JSON line for each workload.

use std::alloc::System;
use std::path::PathBuf;

use language::Contender as _;
use language::Result;
use language::engine::Engine;
use serde_json::json;
use stats_alloc::INSTRUMENTED_SYSTEM;
use stats_alloc::Region;
use stats_alloc::StatsAlloc;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, events] = &folders[..] else {
        return Err("usage: allocations FOLDER EVENTS".into());
    };
    for workload in ["w1", "w2"] {
        let mut engine = Engine::open(folder, events, workload)?;
        let mut out = Vec::new();
        for task in ["render", "parse_render"] {
            let mut run = |event: usize| {
                out.clear();
                match task {
                    "render" => engine.render(event, &mut out),
                    _ => engine.parse_and_render(event, &mut out),
                }
                out.len()
            };
            let count = 1000;
            (0..count).for_each(|event| {
                run(event);
            });
            let region = Region::new(COUNTING);
            let written: usize = (0..count).map(&mut run).sum();
            let change = region.change();
            let each = |total: usize| total as f64 / count as f64;
            println!(
                "{}",
                json!({
                    "workload": workload,
                    "task": task,
                    "allocations": each(change.allocations + change.reallocations),
                    "bytes": each(change.bytes_allocated),
                    "output": each(written),
                })
            );
        }
    }
    Ok(())
}
