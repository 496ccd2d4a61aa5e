//! Makes up cases, asks both sides, and shows the smallest case of every difference.

use std::collections::HashSet;
use std::time::Duration;
use std::time::Instant;

use webhook_stream::ftl::builtins;

use crate::corpus::Corpus;
use crate::engine;
use crate::explain::explain;
use crate::generate;
use crate::generate::Case;
use crate::generate::signatures;
use crate::java::Oracle;
use crate::shrink::shrink;
use crate::statistics::Statistics;

/// Cases that are asked about at once.
const BATCH: usize = 400;

/// How long and how far to go.
pub(crate) struct Options {
    pub(crate) seconds: Option<u64>,
    pub(crate) cases: usize,
    pub(crate) seed: u64,
    /// Differences that are shrunk and shown before the run ends.
    pub(crate) differences: usize,
    /// How many of FreeMarker's most frequent errors are listed.
    pub(crate) errors: usize,
    /// What is changed instead of making cases up.
    pub(crate) corpus: Option<Corpus>,
}

/// Runs; returns whether there was no unexplained difference.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a run takes is no business of a test's clock"
)]
pub(crate) fn fuzz(oracle: &mut Oracle, options: &Options) -> Result<bool, String> {
    let names: Vec<&'static str> = builtins::all().map(|line| line.name).collect();
    if let Some(name) = names.iter().find(|name| signatures::of(name).is_empty()) {
        return Err(format!("`?{name}` has no line in tests/oracle/generate/signatures.rs"));
    }
    let start = Instant::now();
    let mut statistics = Statistics::default();
    let mut shown = HashSet::new();
    let mut seed = options.seed;
    let time_is_up = || options.seconds.is_some_and(|s| start.elapsed() > Duration::from_secs(s));
    while statistics.cases < options.cases && shown.len() < options.differences && !time_is_up() {
        let count = BATCH.min(options.cases - statistics.cases);
        let batch: Vec<(u64, Case)> = (0..count)
            .map(|_| {
                seed += 1;
                let subject = names[seed as usize % names.len()];
                let case = match &options.corpus {
                    Some(corpus) => corpus.case(seed),
                    None => generate::case(seed, subject),
                };
                (seed, case)
            })
            .collect();
        let requests: Vec<_> = batch.iter().map(|(_, case)| case.request.clone()).collect();
        let (theirs, ours) =
            oracle.ask(&requests, || requests.iter().map(engine::ask).collect::<Vec<_>>())?;
        for (((seed, case), theirs), ours) in batch.iter().zip(&theirs).zip(&ours) {
            statistics.count(case, &theirs.answer);
            if ours.agrees_with(&theirs.answer) {
                continue;
            }
            if let Some(name) = explain(&case.request, theirs, ours) {
                statistics.explained(name);
                continue;
            }
            statistics.differences += 1;
            if shown.len() >= options.differences {
                continue;
            }
            let smallest = shrink(oracle, &case.request)?;
            if shown.insert(smallest.template.clone()) {
                let theirs = oracle.ask_one(&smallest)?;
                let ours = engine::ask(&smallest);
                println!("DIFFERENCE (seed {seed})\n{}", smallest.json());
                println!("  FreeMarker: {}\n  engine:     {ours}", theirs.answer);
            }
        }
    }
    for (count, message) in statistics.frequent_errors(options.errors) {
        println!("{count} {message}");
    }
    println!("{statistics}");
    if statistics.differences == 0
        && options.seconds.is_none()
        && options.corpus.is_none()
        && !statistics.is_representative()
    {
        return Err("too few cases render, or a built-in got too few inputs".to_owned());
    }
    Ok(statistics.differences == 0)
}
