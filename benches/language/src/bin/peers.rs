//! The engines in Rust that are compared with, asked by run.py.

use std::path::PathBuf;

use language::Result;
use language::peers;

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, events] = &folders[..] else { return Err("usage: peers FOLDER EVENTS".into()) };
    language::serve(|engine, workload| peers::open(engine, folder, events, workload))
}
