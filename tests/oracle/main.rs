//! FreeMarker itself, asked: whether the engine gives what it gives.
//!
//! `cargo test --test oracle -- WORD`, with a word of these:
//!
//! - `fuzz [--cases N] [--seconds N] [--seed N] [--differences N] [--corpus FILE]` makes up
//!   cases, or changes those of a file.
//! - `confirm [PAGE…]` asks about the Markdown cases.
//! - `ask [--all] FILE…` asks what a person wants to know.
#![expect(clippy::print_stdout, reason = "a program that reports")]
#![expect(clippy::print_stderr, reason = "a program that reports")]

mod ask;
mod confirm;
mod corpus;
mod engine;
mod explain;
mod fuzz;
mod generate;
mod java;
mod request;
mod shrink;
mod statistics;

use std::process::ExitCode;

use crate::corpus::Corpus;
use crate::fuzz::Options;
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
        Some((word, words)) if word == "fuzz" => fuzz::fuzz(&mut oracle, &options(words)?),
        _ => Err("expected `fuzz`, `confirm` or `ask`".to_owned()),
    }
}

fn options(words: &[String]) -> Result<Options, String> {
    let mut options = Options {
        seconds: None,
        cases: usize::MAX,
        seed: 0,
        differences: 10,
        errors: 0,
        corpus: None,
    };
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("expected a number behind {pair:?}")) };
        if name == "--corpus" {
            options.corpus = Some(Corpus::read(value)?);
            continue;
        }
        let number: u64 = value.parse().map_err(|_| format!("{name}: no number: {value}"))?;
        match name.as_str() {
            "--cases" => options.cases = number as usize,
            "--seconds" => options.seconds = Some(number),
            "--seed" => options.seed = number,
            "--errors" => options.errors = number as usize,
            "--differences" => options.differences = number as usize,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    if options.cases == usize::MAX && options.seconds.is_none() {
        options.cases = 200_000;
    }
    Ok(options)
}
