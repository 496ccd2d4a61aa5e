//! White space stripping: which blanks and line breaks around tags vanish.
//!
//! FreeMarker decides about each text by looking at its neighbours on the same line, in a tree that
//! still has comments and `<#t>`, while texts before have been stripped already. To give the same to
//! the byte, oddities included, this is the one part of the parser that follows FreeMarker's steps
//! rather than its documentation.

use std::borrow::Cow;

use crate::ftl::ast::Body;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::layout::Layout;
use crate::ftl::parse::layout::Piece;
use crate::ftl::parse::layout::Shape;

/// Steps from neighbour to neighbour that a template may cost; ordinary ones cost a few a tag.
const MAX_STEPS: usize = 20_000_000;

/// Where a text began, and what is left of it.
pub(crate) type Stripped = (usize, String);

/// Fills in what is left of the texts, which `texts` has in order, and drops empty ones.
pub(crate) fn apply(body: &mut Body, texts: &[Stripped]) {
    body.retain_mut(|node| {
        match &mut node.kind {
            NodeKind::Text(text) => {
                let start = node.span.start as usize;
                if let Ok(at) = texts.binary_search_by_key(&start, |(offset, _)| *offset) {
                    text.clone_from(&texts[at].1);
                }
                return !text.is_empty();
            }
            NodeKind::If(branches) => {
                branches.iter_mut().for_each(|branch| apply(&mut branch.body, texts));
            }
            NodeKind::List { body, otherwise, .. } => {
                apply(body, texts);
                otherwise.iter_mut().for_each(|body| apply(body, texts));
            }
            NodeKind::Switch { cases, .. } => {
                cases.iter_mut().for_each(|case| apply(&mut case.body, texts));
            }
            NodeKind::Attempt { body, recover, .. } => {
                apply(body, texts);
                apply(recover, texts);
            }
            NodeKind::Call { body: Some(body), .. }
            | NodeKind::Items { body, .. }
            | NodeKind::Sep(body)
            | NodeKind::Capture { body, .. }
            | NodeKind::Compress(body)
            | NodeKind::Formatted { body, .. } => apply(body, texts),
            NodeKind::Macro(it) => apply(&mut it.body, texts),
            NodeKind::Interpolation { .. }
            | NodeKind::NumericInterpolation { .. }
            | NodeKind::Break
            | NodeKind::Continue
            | NodeKind::Assign { .. }
            | NodeKind::Call { body: None, .. }
            | NodeKind::Nested(_)
            | NodeKind::Return(_)
            | NodeKind::Include { .. }
            | NodeKind::Import { .. }
            | NodeKind::Setting { .. }
            | NodeKind::Escape(_)
            | NodeKind::Stop(_)
            | NodeKind::Flush
            | NodeKind::Unavailable(_)
            | NodeKind::Probe(_) => {}
        }
        true
    });
}

impl Layout<'_> {
    /// Strips all texts, and gives them in the order of the template. Nothing when that would take
    /// too long.
    pub(crate) fn strip(mut self, strip_whitespace: bool) -> Option<Vec<Stripped>> {
        let mut root = 0;
        if let Piece { first: Some(first), last: Some(last), .. } = self.pieces[root]
            && first == last
        {
            root = first;
            self.pieces[root].parent = None;
        }
        self.clean(root, strip_whitespace)?;
        let is_text = |piece: &Piece| piece.shape == Shape::Text && piece.offset != usize::MAX;
        let texts = self.pieces.into_iter().filter(is_text);
        Some(texts.map(|piece| (piece.offset, piece.text.into_owned())).collect())
    }

    /// Strips the texts in a piece, in order, and takes out what is empty then.
    fn clean(&mut self, piece: usize, strip: bool) -> Option<()> {
        if self.pieces[piece].shape == Shape::Text {
            return self.clean_text(piece, strip);
        }
        let Piece { shape, first, last, end, .. } = self.pieces[piece];
        if let (Shape::If, Some(only)) = (shape, first)
            && first == last
        {
            self.pieces[only].end = end;
        }
        let mut child = first;
        while let Some(current) = child {
            self.clean(current, strip)?;
            child = self.pieces[current].next;
        }
        child = self.pieces[piece].first;
        while let Some(current) = child {
            child = self.pieces[current].next;
            if self.is_ignorable(current, strip) {
                self.take_out(current);
            }
        }
        Some(())
    }

    fn take_out(&mut self, piece: usize) {
        let Piece { previous, next, parent, .. } = self.pieces[piece];
        match (previous, parent) {
            (Some(previous), _) => self.pieces[previous].next = next,
            (None, Some(parent)) => self.pieces[parent].first = next,
            (None, None) => {}
        }
        match (next, parent) {
            (Some(next), _) => self.pieces[next].previous = previous,
            (None, Some(parent)) => self.pieces[parent].last = previous,
            (None, None) => {}
        }
        self.pieces[piece].text = Cow::Borrowed("");
    }

    fn clean_text(&mut self, piece: usize, strip: bool) -> Option<()> {
        if self.pieces[piece].text.is_empty() {
            return Some(());
        }
        let trimmed_left = self.trim_left(piece)?;
        let trimmed_right = self.trim_right(piece)?;
        if !strip || self.pieces[piece].text.is_empty() {
            return Some(());
        }
        if self.is_top_level(piece) && self.pieces[piece].previous.is_none() {
            return Some(());
        }
        let trailing = if trimmed_left { 0 } else { self.blanks_at_end(piece)? };
        let opening = if trimmed_right { 0 } else { self.blanks_at_start(piece)? };
        let text = &self.pieces[piece].text;
        let kept = text.get(opening..text.len() - trailing).unwrap_or_default().to_owned();
        self.pieces[piece].text = Cow::Owned(kept);
        if opening > 0 {
            self.pieces[piece].begin += 1;
            self.pieces[piece].at_line_start = true;
        }
        Some(())
    }

    /// `<#t>`, `<#lt>` and `<#nt>` further on in the line: takes the blanks off its start.
    fn trim_left(&mut self, piece: usize) -> Option<bool> {
        let line = self.pieces[piece].end;
        if self.trims_begin.binary_search(&line).is_err() {
            return Some(false);
        }
        let mut found = false;
        let mut next = self.next_leaf(piece);
        while let Some(leaf) = next.filter(|leaf| self.pieces[*leaf].begin == line) {
            self.step()?;
            if let Shape::Trim { left, right } = self.pieces[leaf].shape {
                found |= left || !right;
                if left {
                    self.cut_line_start(piece);
                    break;
                }
            }
            next = self.next_leaf(leaf);
        }
        Some(found)
    }

    fn cut_line_start(&mut self, piece: usize) {
        let Piece { text, at_line_start, .. } = &mut self.pieces[piece];
        let line = match text.rfind(['\r', '\n']) {
            Some(at) => at + 1,
            None if *at_line_start => 0,
            None => return,
        };
        let rest = &text[line..];
        let rest = if is_blank(rest) { "" } else { rest.trim_start_matches(is_java_space) };
        *text = Cow::Owned(format!("{}{rest}", &text[..line]));
    }

    /// `<#t>`, `<#rt>` and `<#nt>` before in the line: takes the line break off its end.
    fn trim_right(&mut self, piece: usize) -> Option<bool> {
        if self.trims_end.binary_search(&self.pieces[piece].begin).is_err() {
            return Some(false);
        }
        let mut found = false;
        let mut previous = self.previous_leaf(piece);
        while let Some(leaf) =
            previous.filter(|leaf| self.pieces[*leaf].end == self.pieces[piece].begin)
        {
            self.step()?;
            if let Shape::Trim { left, right } = self.pieces[leaf].shape {
                found |= right || !left;
                if right && !self.cut_line_end(piece)? {
                    return Some(false);
                }
            }
            previous = self.previous_leaf(leaf);
        }
        Some(found)
    }

    /// False when there is no line end.
    fn cut_line_end(&mut self, piece: usize) -> Option<bool> {
        let text = self.pieces[piece].text.clone();
        let Some(after) = after_first_break(&text) else { return Some(false) };
        let (line, mut rest) = text.split_at(after);
        if is_blank(line) {
            self.pieces[piece].text = Cow::Owned(rest.to_owned());
            self.pieces[piece].begin += 1;
            self.pieces[piece].at_line_start = true;
            return Some(true);
        }
        if is_blank(rest) && self.drops_next_indent(piece)? {
            rest = "";
        }
        self.pieces[piece].text =
            Cow::Owned(format!("{}{rest}", line.trim_end_matches(is_java_space)));
        Some(true)
    }

    /// Whether the blanks that begin the next line go with the line break: there is nothing to indent.
    fn drops_next_indent(&mut self, piece: usize) -> Option<bool> {
        let line = self.pieces[piece].end;
        let mut drops = true;
        let mut next = self.next_leaf(piece);
        while let Some(leaf) = next.filter(|leaf| self.pieces[*leaf].begin == line) {
            self.step()?;
            drops &= !self.needs_blanks_before(leaf);
            if matches!(self.pieces[leaf].shape, Shape::Trim { left: true, .. }) {
                return Some(true);
            }
            next = self.next_leaf(leaf);
        }
        Some(drops)
    }

    /// How much of the start is the rest of a line of tags.
    fn blanks_at_start(&mut self, piece: usize) -> Option<usize> {
        let text = &self.pieces[piece].text;
        let Some(length) = after_first_break(text).filter(|end| is_blank(&text[..*end])) else {
            return Some(0);
        };
        let line = self.pieces[piece].begin;
        let mut previous = self.previous_leaf(piece);
        while let Some(leaf) = previous.filter(|leaf| self.pieces[*leaf].end == line) {
            self.step()?;
            if self.needs_blanks_before(leaf) {
                return Some(0);
            }
            previous = self.previous_leaf(leaf);
        }
        Some(length)
    }

    /// How much of the end is the indentation of a line of tags.
    fn blanks_at_end(&mut self, piece: usize) -> Option<usize> {
        let Piece { text, at_line_start, end, .. } = &self.pieces[piece];
        let line = *end;
        let start = match text.rfind(['\r', '\n']) {
            Some(at) => at + 1,
            None if *at_line_start => 0,
            None => return Some(0),
        };
        if !is_blank(&text[start..]) {
            return Some(0);
        }
        let length = text.len() - start;
        let mut next = self.next_leaf(piece);
        while let Some(leaf) = next.filter(|leaf| self.pieces[*leaf].begin == line) {
            self.step()?;
            if self.needs_blanks_after(leaf) {
                return Some(0);
            }
            next = self.next_leaf(leaf);
        }
        Some(length)
    }

    /// Whether a line with this piece in it keeps the blanks that follow it.
    fn needs_blanks_before(&self, piece: usize) -> bool {
        match self.pieces[piece].shape {
            Shape::Printing => true,
            Shape::Text if !self.is_ignorable(piece, true) => {
                let end = self.pieces[piece].text.chars().rev();
                ends_in_line(end)
            }
            _ => false,
        }
    }

    /// Whether a line with this piece in it keeps the blanks before it.
    fn needs_blanks_after(&self, piece: usize) -> bool {
        match self.pieces[piece].shape {
            Shape::Printing => true,
            Shape::Text if !self.is_ignorable(piece, true) => {
                ends_in_line(self.pieces[piece].text.chars())
            }
            _ => false,
        }
    }

    /// Whether a piece can be left out.
    fn is_ignorable(&self, piece: usize, strip: bool) -> bool {
        let Piece { shape, first, previous, next, ref text, .. } = self.pieces[piece];
        match shape {
            Shape::Trim { .. } => true,
            Shape::Mixed | Shape::Vanishing => first.is_none(),
            Shape::Text if text.is_empty() => true,
            Shape::Text if strip && is_blank(text) => {
                let top = self.is_top_level(piece);
                let silent = |neighbour: Option<usize>| match neighbour {
                    None => top,
                    Some(it) => matches!(self.pieces[it].shape, Shape::Quiet | Shape::Macro),
                };
                silent(previous) && silent(next)
            }
            _ => false,
        }
    }

    fn is_top_level(&self, piece: usize) -> bool {
        self.pieces[piece].parent.is_none_or(|parent| {
            let Piece { shape, parent, .. } = self.pieces[parent];
            shape == Shape::Mixed && parent.is_none()
        })
    }

    /// The leaf before, in the order of the text.
    fn previous_leaf(&self, piece: usize) -> Option<usize> {
        let mut at = piece;
        loop {
            if let Some(mut leaf) = self.pieces[at].previous {
                while let Some(last) = self.pieces[leaf].last.filter(|_| self.is_open(leaf)) {
                    leaf = last;
                }
                return Some(leaf);
            }
            at = self.pieces[at].parent?;
        }
    }

    /// The leaf behind, in the order of the text.
    fn next_leaf(&self, piece: usize) -> Option<usize> {
        let mut at = piece;
        loop {
            if let Some(mut leaf) = self.pieces[at].next {
                while let Some(first) = self.pieces[leaf].first.filter(|_| self.is_open(leaf)) {
                    leaf = first;
                }
                return Some(leaf);
            }
            at = self.pieces[at].parent?;
        }
    }

    /// Whether those outside see what is in it.
    fn is_open(&self, piece: usize) -> bool {
        !matches!(self.pieces[piece].shape, Shape::Macro | Shape::Capture)
    }

    fn step(&mut self) -> Option<()> {
        self.steps += 1;
        (self.steps <= MAX_STEPS).then_some(())
    }
}

/// Behind the first line break.
fn after_first_break(text: &str) -> Option<usize> {
    let at = text.find(['\r', '\n'])?;
    Some(at + if text[at..].starts_with("\r\n") { 2 } else { 1 })
}

/// Whether there is something else than white space before a line break, or no line break.
fn ends_in_line(mut chars: impl Iterator<Item = char>) -> bool {
    chars
        .find(|c| matches!(c, '\n' | '\r') || !is_java_space(*c))
        .is_none_or(|c| c != '\n' && c != '\r')
}

/// What Java's `String.trim` would leave nothing of.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c <= ' ')
}

/// Java's `Character.isWhitespace`.
pub(crate) fn is_java_space(c: char) -> bool {
    matches!(c,
        '\t'..='\r' | '\u{1c}'..=' ' | '\u{1680}' | '\u{2000}'..='\u{2006}'
        | '\u{2008}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}')
}
