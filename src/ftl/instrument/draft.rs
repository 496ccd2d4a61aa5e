//! A map of what is counted, while it grows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::ftl::coverage::CoverageMap;
use crate::ftl::coverage::Line;
use crate::ftl::coverage::Probe;
use crate::ftl::coverage::Region;
use crate::ftl::coverage::Term;
use crate::ftl::coverage::Way;
use crate::ftl::instrument::pragma::Pragmas;

/// Counters handed out, and what they count so far.
#[derive(Default)]
pub(in crate::ftl::instrument) struct Draft {
    probes: Probe,
    lines: BTreeMap<usize, Vec<Probe>>,
    excluded: BTreeSet<usize>,
    ways: Vec<(usize, Option<usize>, Way)>,
    regions: Vec<Region>,
    /// Every line in the order it was met.
    met: Vec<usize>,
}

/// Where a way leads, and what it is called.
pub(in crate::ftl::instrument) struct Target<'t> {
    pub(in crate::ftl::instrument) to: Option<usize>,
    pub(in crate::ftl::instrument) name: &'t str,
    pub(in crate::ftl::instrument) missing: String,
    pub(in crate::ftl::instrument) is_excluded: bool,
}

impl Draft {
    /// A new counter.
    pub(in crate::ftl::instrument) fn probe(&mut self) -> Probe {
        self.probes += 1;
        self.probes - 1
    }

    /// A line that runs when any of these counts.
    pub(in crate::ftl::instrument) fn line(
        &mut self,
        line: usize,
        probes: &[Probe],
        is_excluded: bool,
    ) {
        self.met.push(line);
        if is_excluded {
            self.excluded.insert(line);
        }
        self.lines.entry(line).or_default().extend(probes);
    }

    /// A way from a line.
    pub(in crate::ftl::instrument) fn way(
        &mut self,
        from: usize,
        target: Target<'_>,
        terms: Vec<Term>,
    ) {
        if target.is_excluded {
            return;
        }
        let Target { to, name, missing, .. } = target;
        self.ways.push((from, to, Way { from, to: 0, name: name.to_owned(), missing, terms }));
    }

    /// Where the lines met from now on begin.
    pub(in crate::ftl::instrument) fn marks(&self) -> usize {
        self.met.len()
    }

    /// A macro whose lines were met since `before`.
    pub(in crate::ftl::instrument) fn region(&mut self, name: &str, start: usize, before: usize) {
        let lines: BTreeSet<usize> = self.met.iter().skip(before).copied().collect();
        let lines = lines.into_iter().collect();
        self.regions.push(Region { name: name.to_owned(), start, lines });
    }

    /// The map, without what comments exclude.
    pub(in crate::ftl::instrument) fn finish(self, pragmas: &Pragmas) -> CoverageMap {
        let is_out = |line: &usize| self.excluded.contains(line) || pragmas.excludes(*line);
        let excluded = self.lines.keys().copied().filter(|line| is_out(line)).collect();
        let lines = self.lines.iter().filter(|(line, _)| !is_out(line));
        let line = |(number, probes): (&usize, &Vec<Probe>)| Line {
            number: *number,
            probes: probes.clone(),
        };
        let mut macros = self.regions.clone();
        macros.sort_by_key(|region| region.start);
        for region in &mut macros {
            region.lines.retain(|line| !is_out(line));
        }
        let lines = lines.map(line).collect();
        let ways = self.ways.iter();
        let ways = ways.filter(|(from, ..)| !is_out(from) && !pragmas.is_no_branch(*from));
        CoverageMap {
            lines,
            ways: numbered(ways.cloned().collect()),
            excluded,
            macros,
            probes: self.probes,
        }
    }
}

/// Ways with targets that differ where they begin on the same line, in the order of lines.
fn numbered(mut drafts: Vec<(usize, Option<usize>, Way)>) -> Vec<Way> {
    drafts.sort_by_key(|(from, ..)| *from);
    let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut names: BTreeMap<(usize, String), usize> = BTreeMap::new();
    let mut exits = 0;
    let mut ways = Vec::new();
    for (from, to, mut way) in drafts {
        way.to = match to {
            Some(to) if to != from && taken.insert((from, to)) => {
                i64::try_from(to).unwrap_or(i64::MAX)
            }
            _ => {
                exits -= 1;
                exits
            }
        };
        let times = names.entry((from, way.name.clone())).or_default();
        *times += 1;
        if *times > 1 {
            way.name = format!("{} ({times})", way.name);
        }
        ways.push(way);
    }
    // One way alone is no branch: the others are excluded.
    let mut exits_of: BTreeMap<usize, usize> = BTreeMap::new();
    for way in &ways {
        *exits_of.entry(way.from).or_default() += 1;
    }
    ways.retain(|way| exits_of.get(&way.from).is_some_and(|count| *count > 1));
    ways
}
