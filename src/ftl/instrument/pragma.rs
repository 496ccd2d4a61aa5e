//! Comments that exclude: `<#-- pragma: no cover -->`, `<#-- pragma: no branch -->`.

use std::collections::BTreeSet;

use crate::text::Source;

/// The lines of a template that such comments stand on.
#[derive(Debug, Default)]
pub(in crate::ftl::instrument) struct Pragmas {
    no_cover: BTreeSet<usize>,
    no_branch: BTreeSet<usize>,
}

impl Pragmas {
    /// Looks for them.
    pub(in crate::ftl::instrument) fn find(source: &Source) -> Self {
        let mut pragmas = Self::default();
        for (index, line) in source.text().split('\n').enumerate() {
            for (at, _) in line.match_indices("#--") {
                if !line[..at].ends_with(['<', '[']) {
                    continue;
                }
                let mut words = line[at + 3..].split_whitespace();
                let is_pragma = match words.next() {
                    Some("pragma:") => true,
                    Some("pragma") => words.next() == Some(":"),
                    _ => false,
                };
                if !is_pragma || words.next() != Some("no") {
                    continue;
                }
                let Some(what) = words.next() else { continue };
                match what.trim_end_matches(['-', '>', ']']) {
                    "cover" => pragmas.no_cover.insert(index + 1),
                    "branch" => pragmas.no_branch.insert(index + 1),
                    _ => false,
                };
            }
        }
        pragmas
    }

    /// Whether a line is excluded, and what stands inside of a tag on it.
    pub(in crate::ftl::instrument) fn excludes(&self, line: usize) -> bool {
        self.no_cover.contains(&line)
    }

    /// Whether the branches of a line are not counted.
    pub(in crate::ftl::instrument) fn is_no_branch(&self, line: usize) -> bool {
        self.no_branch.contains(&line)
    }
}
