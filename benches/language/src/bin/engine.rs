//! The engine, asked by run.py.

use std::path::PathBuf;

use language::Result;
use language::engine::Engine;

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, events] = &folders[..] else { return Err("usage: engine FOLDER EVENTS".into()) };
    language::serve(|_, workload| Ok(Box::new(Engine::open(folder, events, workload)?)))
}
