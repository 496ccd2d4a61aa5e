//! What a run has seen.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher as _;
use std::hash::RandomState;

use webhook_stream::ftl::builtins;

use crate::explain::EXPLANATIONS;
use crate::generate::Case;
use crate::request::Answer;

/// Distinct inputs every built-in is to get in a long run.
pub(crate) const INPUTS_PER_BUILT_IN: usize = 200;

/// Counts of a run.
#[derive(Default)]
pub(crate) struct Statistics {
    pub(crate) cases: usize,
    rendered: usize,
    phases: BTreeMap<String, usize>,
    messages: HashMap<String, usize>,
    inputs: HashMap<&'static str, HashSet<u64>>,
    explained: BTreeMap<&'static str, usize>,
    pub(crate) differences: usize,
    hasher: RandomState,
}

impl Statistics {
    /// Counts a case and FreeMarker's answer.
    pub(crate) fn count(&mut self, case: &Case, theirs: &Answer) {
        self.cases += 1;
        match theirs {
            Answer::Output(_) => self.rendered += 1,
            Answer::Error { phase, message, .. } => {
                *self.phases.entry(phase.clone()).or_default() += 1;
                let first = message.lines().next().unwrap_or_default();
                *self.messages.entry(format!("{phase} {first}")).or_default() += 1;
            }
        }
        for (name, expression) in &case.used {
            let data = case.request.data.get("s").map(ToString::to_string);
            let input = self.hasher.hash_one((expression, data));
            self.inputs.entry(name).or_default().insert(input);
        }
    }

    /// Counts a difference with a reason.
    pub(crate) fn explained(&mut self, name: &'static str) {
        *self.explained.entry(name).or_default() += 1;
    }

    /// FreeMarker's most frequent errors, for a person who works on the generator.
    pub(crate) fn frequent_errors(&self, count: usize) -> Vec<(usize, &str)> {
        let all = self.messages.iter().map(|(message, count)| (*count, message.as_str()));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.truncate(count);
        all
    }

    /// Whether enough was seen of everything for the run to mean something.
    pub(crate) fn is_representative(&self) -> bool {
        self.rendered * 10 >= self.cases * 7 && self.fewest_inputs().1 >= INPUTS_PER_BUILT_IN
    }

    fn fewest_inputs(&self) -> (&'static str, usize) {
        builtins::all()
            .map(|line| (line.name, self.inputs.get(line.name).map_or(0, HashSet::len)))
            .min_by_key(|(_, count)| *count)
            .unwrap_or(("", 0))
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100 * self.rendered / self.cases.max(1);
        writeln!(f, "{} cases, {share} % of which render", self.cases)?;
        for (phase, count) in &self.phases {
            writeln!(f, "  {count} end with an error ({phase})")?;
        }
        let (name, fewest) = self.fewest_inputs();
        let names = builtins::all().count();
        writeln!(f, "{names} built-ins, each with at least {fewest} distinct inputs (`?{name}`)")?;
        for explanation in EXPLANATIONS {
            let count = self.explained.get(explanation.name).copied().unwrap_or_default();
            writeln!(f, "  {count} explained: {} ({})", explanation.name, explanation.reason)?;
        }
        write!(f, "{} unexplained differences", self.differences)
    }
}
