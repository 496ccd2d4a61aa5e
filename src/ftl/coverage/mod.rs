//! What of a template ran: the lines and branches it has, and counters for them.
//!
//! A [`Recorder`] in the settings of a template asks for counting. Then `instrument` puts counters
//! into a second program, which is the one that is run; without a recorder there is only the plain
//! program, and nothing is looked at or counted while it runs.
//!
//! A line is what runs on it: interpolations, directives, and text that only some renderings write. A
//! branch is a place from where a rendering goes one of several ways: the truth of `<#if>` and
//! `<#elseif>`, a `<#list>` with items or without, the cases of `<#switch>`, `<#sep>` between items
//! and behind the last, `<#attempt>` that goes through or not. `!`, `??` and `?then` are no branches.

mod recorder;

pub(in crate::ftl) use crate::ftl::coverage::recorder::Counters;
pub use crate::ftl::coverage::recorder::Measured;
pub use crate::ftl::coverage::recorder::Ran;
pub use crate::ftl::coverage::recorder::Recorder;

/// The index of a counter of a template.
pub(in crate::ftl) type Probe = u32;

/// What a template has to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageMap {
    /// The lines that can run, in order; without those that are excluded.
    pub lines: Vec<Line>,
    /// The ways that can be taken, by their line.
    pub ways: Vec<Way>,
    /// The lines that could run if a comment did not exclude them, in order.
    pub excluded: Vec<usize>,
    /// The macros and functions, in order.
    pub macros: Vec<Region>,
    /// How many counters there are.
    pub(in crate::ftl) probes: u32,
}

/// A line that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// It ran when any of these did.
    pub(in crate::ftl) probes: Vec<Probe>,
}

/// One of the ways from a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The line of the place.
    pub from: usize,
    /// The line it leads to. Negative where that is no line of its own: the same line, or one that
    /// another way from here leads to as well, or the end of what is around. No two ways from a line
    /// have the same.
    pub to: i64,
    /// Which way, in a few words without a comma: `if true`.
    pub name: String,
    /// What to say when it was never taken: ``` `<#if x??>` was never true ```.
    pub missing: String,
    /// It was taken when any of these counts more than nothing.
    pub(in crate::ftl) terms: Vec<Term>,
}

/// A number of times: what one counter says, less what another says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl) struct Term {
    pub(in crate::ftl) plus: Probe,
    pub(in crate::ftl) minus: Option<Probe>,
}

/// A macro or function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The line it begins on, from 1.
    pub start: usize,
    /// Its lines that can run.
    pub lines: Vec<usize>,
}

impl Line {
    /// How often it ran, as far as its counters say.
    pub(in crate::ftl) fn count(&self, counts: &[u64]) -> u64 {
        self.probes.iter().map(|probe| at(counts, *probe)).max().unwrap_or_default()
    }
}

impl Way {
    /// How often it was taken.
    pub(in crate::ftl) fn count(&self, counts: &[u64]) -> u64 {
        let times = |term: &Term| {
            let less = term.minus.map_or(0, |probe| at(counts, probe));
            at(counts, term.plus).saturating_sub(less)
        };
        self.terms.iter().map(times).sum()
    }
}

fn at(counts: &[u64], probe: Probe) -> u64 {
    counts.get(probe as usize).copied().unwrap_or_default()
}
