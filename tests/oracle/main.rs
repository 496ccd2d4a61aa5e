//! FreeMarker itself, asked: whether the engine gives what it gives.
//!
//! `cargo test --test oracle -- confirm [PAGE…]` asks about the Markdown cases.
#![expect(clippy::print_stdout, reason = "a program that reports")]
#![expect(clippy::print_stderr, reason = "a program that reports")]

mod ask;
mod confirm;
mod engine;
mod java;
mod request;

use std::process::ExitCode;

use crate::java::Oracle;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("oracle: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<bool, String> {
    let mut oracle = Oracle::start()?;
    match arguments.split_first() {
        Some((word, words)) if word == "confirm" => confirm::confirm(&mut oracle, words),
        Some((word, files)) if word == "ask" => ask::ask(&mut oracle, files),
        _ => Err("expected `confirm [PAGE…]` or `ask FILE…`".to_owned()),
    }
}
