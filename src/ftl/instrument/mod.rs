//! A tree with counters in it, and what they stand for.
//!
//! What the tree gives stays the same. A counter is a piece of content of its own: before what runs on
//! a line for the first time in its body, at the start of each branch, and where a branch that nobody
//! wrote is taken, such as the `<#else>` of an `<#if>` without one.

mod draft;
mod pragma;

use std::collections::BTreeSet;

use crate::ftl::ast::Body;
use crate::ftl::ast::Branch;
use crate::ftl::ast::Case;
use crate::ftl::ast::CaseKind;
use crate::ftl::ast::Macro;
use crate::ftl::ast::Node;
use crate::ftl::ast::NodeKind;
use crate::ftl::ast::Tree;
use crate::ftl::coverage::CoverageMap;
use crate::ftl::coverage::Probe;
use crate::ftl::coverage::Term;
use crate::ftl::instrument::draft::Draft;
use crate::ftl::instrument::draft::Target;
use crate::ftl::instrument::pragma::Pragmas;
use crate::ftl::stack::Stack;
use crate::text::Source;
use crate::text::Span;

/// Puts counters into a tree. The map says what they count.
pub(in crate::ftl) fn instrument(tree: &mut Tree, source: &Source) -> CoverageMap {
    let mut pass = Pass {
        source,
        draft: Draft::default(),
        pragmas: Pragmas::find(source),
        line_starts: line_starts(source.text()),
        stack: Stack::here(),
    };
    let around = Around { is_conditional: false, is_excluded: false, next: None };
    pass.body(&mut tree.body, around);
    pass.draft.finish(&pass.pragmas)
}

struct Pass<'s> {
    source: &'s Source,
    draft: Draft,
    pragmas: Pragmas,
    line_starts: Vec<u32>,
    stack: Stack,
}

/// What a body needs to know of the place it stands at.
#[derive(Clone, Copy)]
struct Around {
    /// Whether some renderings leave the body out: then its text is worth a line.
    is_conditional: bool,
    /// Whether a comment excludes the whole.
    is_excluded: bool,
    /// The line that comes behind.
    next: Option<usize>,
}

impl Pass<'_> {
    fn body(&mut self, body: &mut Body, around: Around) {
        if self.stack.is_used_up() {
            return;
        }
        let nodes = std::mem::take(body);
        let first_lines: Vec<Option<usize>> =
            nodes.iter().map(|node| self.lines_of(node, true).first().copied()).collect();
        let mut counted: BTreeSet<usize> = BTreeSet::new();
        for (index, mut node) in nodes.into_iter().enumerate() {
            let mut lines = self.lines_of(&node, around.is_conditional);
            lines.retain(|line| !counted.contains(line));
            if !lines.is_empty() {
                let probe = self.draft.probe();
                body.push(counter(probe));
                for line in lines {
                    self.draft.line(line, &[probe], around.is_excluded);
                    counted.insert(line);
                }
            }
            let line = self.line(node.span.start);
            let behind = first_lines.iter().skip(index + 1).flatten();
            let next = behind.copied().find(|next| *next > line).or(around.next);
            self.inside(&mut node, Around { next, ..around });
            let after = match &node.kind {
                NodeKind::Sep(body) => Some(self.left_out(body, node.span, around)),
                _ => None,
            };
            body.push(node);
            body.extend(after.map(counter));
        }
    }

    /// The lines on which a piece of content runs.
    fn lines_of(&self, node: &Node, with_text: bool) -> Vec<usize> {
        match &node.kind {
            NodeKind::Text(_) if !with_text => Vec::new(),
            NodeKind::Text(_) => {
                let start = self.line(node.span.start);
                let lines = self.source.slice(node.span).split('\n').enumerate();
                let written = lines.filter(|(_, line)| !line.trim().is_empty());
                written.map(|(index, _)| start + index).collect()
            }
            NodeKind::Escape(_) | NodeKind::Probe(_) => Vec::new(),
            _ => vec![self.line(node.span.start)],
        }
    }

    fn inside(&mut self, node: &mut Node, around: Around) {
        let line = self.line(node.span.start);
        let tag = self.quote(node.span);
        let conditional = self.behind(line, Around { is_conditional: true, ..around });
        match &mut node.kind {
            NodeKind::If(branches) => self.branches(branches, around),
            NodeKind::List { body, otherwise, otherwise_span, .. } => {
                // Behind the last piece comes the next item, which is no line further down.
                let items = self.entered(body, Around { next: None, ..conditional });
                let to = self.first_line(body);
                let nothing = Around { is_conditional: true, ..around };
                let (empty, empty_to, is_excluded) = match otherwise {
                    Some(body) => {
                        let inside = self.behind(self.line(otherwise_span.start), nothing);
                        let probe = self.entered(body, inside);
                        (probe, self.first_line(body), inside.is_excluded)
                    }
                    None => {
                        let probe = self.draft.probe();
                        *otherwise = Some(vec![counter(probe)]);
                        (probe, around.next, around.is_excluded)
                    }
                };
                self.way(line, to, "list with items", &tag, "never had items", items, conditional);
                let excluded = Around { is_excluded, ..conditional };
                self.way(line, empty_to, "list empty", &tag, "was never empty", empty, excluded);
            }
            NodeKind::Switch { cases, .. } => self.switch(cases, line, &tag, around),
            NodeKind::Sep(body) => {
                let probe = self.entered(body, conditional);
                let to = self.first_line(body);
                self.way(line, to, "sep written", &tag, "was never written", probe, conditional);
            }
            NodeKind::Attempt { body, recover, recover_span } => {
                self.body(body, around);
                let through = self.draft.probe();
                body.push(counter(through));
                let inside = Around { is_conditional: true, ..around };
                let inside = self.behind(self.line(recover_span.start), inside);
                let recovered = self.entered(recover, inside);
                let to = self.first_line(recover);
                let never = "never went through without an error";
                self.way(line, None, "attempt through", &tag, never, through, around);
                let never = "never had to recover";
                self.way(line, to, "attempt recovered", &tag, never, recovered, inside);
            }
            NodeKind::Macro(definition) => self.definition(definition, line, conditional),
            NodeKind::Items { body, .. } => {
                self.body(body, Around { next: None, ..conditional });
            }
            // With nothing but a counter in it, the call would have content.
            NodeKind::Call { body: Some(body), .. } if !body.is_empty() => {
                self.body(body, conditional);
            }
            NodeKind::Capture { body, .. }
            | NodeKind::Compress(body)
            | NodeKind::Formatted { body, .. } => {
                let inside = self.behind(line, around);
                self.body(body, inside);
            }
            _ => {}
        }
    }

    /// `<#if>`, `<#elseif>`, `<#else>`
    fn branches(&mut self, branches: &mut Vec<Branch>, around: Around) {
        let mut probes = Vec::new();
        let mut places = Vec::new();
        for branch in branches.iter_mut() {
            let line = self.line(branch.span.start);
            let inside = self.behind(line, Around { is_conditional: true, ..around });
            probes.push(self.entered(&mut branch.body, inside));
            let to = self.first_line(&branch.body);
            let has_condition = branch.condition.is_some();
            places.push((line, to, inside.is_excluded, self.quote(branch.span), has_condition));
        }
        if places.last().is_some_and(|(.., has_condition)| *has_condition) {
            let probe = self.draft.probe();
            let body = vec![counter(probe)];
            branches.push(Branch { condition: None, body, span: Span::default() });
            probes.push(probe);
        }
        let conditions = places.iter().filter(|(.., has_condition)| *has_condition).count();
        for (index, (line, to, is_excluded, tag, _)) in places.iter().take(conditions).enumerate() {
            let later = probes.get(index + 1..).unwrap_or_default();
            let (yes, no) = match index {
                0 => ("if true", "if false"),
                _ => ("elseif true", "elseif false"),
            };
            if index > 0 {
                let ran = probes.get(index..).unwrap_or_default();
                self.draft.line(*line, ran, around.is_excluded);
            }
            let inside = Around { is_excluded: *is_excluded, ..around };
            let probe = probes[index];
            self.way(*line, *to, yes, tag, "was never true", probe, inside);
            let (next, excluded) = match places.get(index + 1) {
                Some((line, _, _, _, true)) => (Some(*line), around.is_excluded),
                Some((_, to, excluded, _, false)) => (*to, *excluded),
                None => (around.next, around.is_excluded),
            };
            let target = Target {
                to: next,
                name: no,
                missing: format!("{tag} was never false"),
                is_excluded: excluded || *is_excluded,
            };
            self.draft.way(*line, target, later.iter().map(|probe| plain(*probe)).collect());
        }
    }

    fn switch(&mut self, cases: &mut Vec<Case>, line: usize, tag: &str, around: Around) {
        // How often a case was left through its end, into the next one.
        let mut falls: Option<Probe> = None;
        let mut number = 0;
        let excluded = self.behind(line, around).is_excluded;
        for case in cases.iter_mut() {
            let own = self.line(case.span.start);
            let inside = self.behind(own, Around { is_conditional: true, ..around });
            let inside = Around { is_excluded: inside.is_excluded || excluded, ..inside };
            let probe = self.entered(&mut case.body, inside);
            let terms = vec![Term { plus: probe, minus: falls }];
            falls = None;
            if matches!(case.kind, CaseKind::Case(_)) {
                let end = self.draft.probe();
                case.body.push(counter(end));
                falls = Some(end);
            }
            let name = if matches!(case.kind, CaseKind::Default) {
                "default".to_owned()
            } else {
                number += 1;
                format!("case {number}")
            };
            let target = Target {
                to: Some(own),
                name: &name,
                missing: format!("{} of {tag} was never chosen", self.quote(case.span)),
                is_excluded: inside.is_excluded,
            };
            self.draft.way(line, target, terms);
        }
        if cases.iter().any(|case| matches!(case.kind, CaseKind::Default)) {
            return;
        }
        let probe = self.draft.probe();
        let body = vec![counter(probe)];
        cases.push(Case { kind: CaseKind::Default, body, span: Span::default() });
        let target = Target {
            to: around.next,
            name: "no case",
            missing: format!("{tag} never came to a value that has no case"),
            is_excluded: around.is_excluded || excluded,
        };
        self.draft.way(line, target, vec![Term { plus: probe, minus: falls }]);
    }

    /// The counter behind a `<#sep>` whose content begins with one, and the way past it.
    fn left_out(&mut self, body: &Body, span: Span, around: Around) -> Probe {
        let behind = self.draft.probe();
        let line = self.line(span.start);
        if let Some(Node { kind: NodeKind::Probe(written), .. }) = body.first() {
            let target = Target {
                to: None,
                name: "sep left out",
                missing: format!("{} was never left out", self.quote(span)),
                is_excluded: self.behind(line, around).is_excluded,
            };
            self.draft.way(line, target, vec![Term { plus: behind, minus: Some(*written) }]);
        }
        behind
    }

    /// `<#macro>`, `<#function>`: its line runs when it is defined, and when it is called, which may be
    /// before.
    fn definition(&mut self, definition: &mut Macro, line: usize, inside: Around) {
        let before = self.draft.marks();
        let probe = self.entered(&mut definition.body, Around { next: None, ..inside });
        self.draft.region(&definition.name, line, before);
        self.draft.line(line, &[probe], inside.is_excluded);
    }

    /// Counts how often a body is entered.
    fn entered(&mut self, body: &mut Body, inside: Around) -> Probe {
        let probe = self.draft.probe();
        self.body(body, inside);
        body.insert(0, counter(probe));
        probe
    }

    /// What is inside of a tag on a line: excluded if the line is.
    fn behind(&self, line: usize, around: Around) -> Around {
        Around { is_excluded: around.is_excluded || self.pragmas.excludes(line), ..around }
    }

    #[expect(clippy::too_many_arguments, reason = "a way is told in one line")]
    fn way(
        &mut self,
        line: usize,
        to: Option<usize>,
        name: &str,
        tag: &str,
        never: &str,
        probe: Probe,
        around: Around,
    ) {
        let missing = format!("{tag} {never}");
        let target = Target { to, name, missing, is_excluded: around.is_excluded };
        self.draft.way(line, target, vec![plain(probe)]);
    }

    fn first_line(&self, body: &Body) -> Option<usize> {
        body.iter().find_map(|node| self.lines_of(node, true).first().copied())
    }

    fn line(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// A tag as messages name it.
    fn quote(&self, span: Span) -> String {
        /// The longest that is quoted.
        const MAX_CHARS: usize = 60;
        let words: Vec<&str> = self.source.slice(span).split_whitespace().collect();
        let text = words.join(" ");
        if text.chars().count() <= MAX_CHARS {
            return format!("`{text}`");
        }
        format!("`{}…`", text.chars().take(MAX_CHARS).collect::<String>())
    }
}

fn counter(probe: Probe) -> Node {
    Node { kind: NodeKind::Probe(probe), span: Span::default() }
}

fn plain(probe: Probe) -> Term {
    Term { plus: probe, minus: None }
}

/// The offset of each line's first byte.
fn line_starts(text: &str) -> Vec<u32> {
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let behind = breaks.filter_map(|(at, _)| u32::try_from(at + 1).ok());
    std::iter::once(0).chain(behind).collect()
}
