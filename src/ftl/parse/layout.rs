//! A sketch of a template for white space stripping: which pieces there are, on which lines.
//!
//! It still has what the tree hasn't: comments, `<#t>` and its kin, and the nesting that FreeMarker
//! gives its elements. The decisions are in [`whitespace`](crate::ftl::parse::whitespace).

use std::borrow::Cow;

/// What a piece of a template is to white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text, `<#noparse>` included.
    Text,
    /// An interpolation.
    Printing,
    /// `<#t>`, `<#lt>`, `<#rt>`; neither for `<#nt>`.
    Trim { left: bool, right: bool },
    /// What never prints: assignments, settings, imports, comments.
    Quiet,
    /// `<#macro>`: quiet, and closed to those who look from outside.
    Macro,
    /// `<#assign x>…</#assign>`: closed, but not quiet.
    Capture,
    /// A list of pieces that has no tag of its own.
    Mixed,
    /// What goes away when it is empty: `<#compress>`, `<#outputformat>`, …
    Vanishing,
    /// `<#if>` with its branches.
    If,
    /// Everything else.
    Plain,
}

/// A text, a tag, or something with content.
#[derive(Debug)]
pub(crate) struct Piece<'s> {
    pub(crate) shape: Shape,
    pub(crate) parent: Option<usize>,
    pub(crate) previous: Option<usize>,
    pub(crate) next: Option<usize>,
    pub(crate) first: Option<usize>,
    pub(crate) last: Option<usize>,
    /// The line it begins on, from 1; 0 for what isn't in the text.
    pub(crate) begin: usize,
    /// The line of its last character.
    pub(crate) end: usize,
    /// It begins in the first column.
    pub(crate) at_line_start: bool,
    pub(crate) text: Cow<'s, str>,
    pub(crate) offset: usize,
}

/// The sketch of a template.
#[derive(Debug, Default)]
pub(crate) struct Layout<'s> {
    pub(crate) pieces: Vec<Piece<'s>>,
    /// Open pieces, the root first.
    open: Vec<usize>,
    /// Offsets where lines start.
    lines: Vec<usize>,
    /// The lines where a [`Shape::Trim`] begins, and where one ends; both ascending.
    pub(crate) trims_begin: Vec<usize>,
    pub(crate) trims_end: Vec<usize>,
    /// Steps from neighbour to neighbour so far.
    pub(crate) steps: usize,
    /// FreeMarker takes a tab's last column for its place, so a text that begins with one doesn't
    /// begin in the first column.
    has_wide_tabs: bool,
}

impl<'s> Layout<'s> {
    /// Begins a template.
    pub(crate) fn start(&mut self, text: &str, tab_size: u32) {
        self.has_wide_tabs = tab_size > 1;
        let bytes = text.as_bytes();
        let breaks = |at: &usize| match bytes[*at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        self.lines =
            std::iter::once(0).chain((0..bytes.len()).filter(breaks).map(|at| at + 1)).collect();
        self.open(Shape::Mixed, 0);
    }

    /// A piece without content.
    pub(crate) fn leaf(&mut self, shape: Shape, from: usize, to: usize) {
        self.add(shape, from, to, Cow::Borrowed(""));
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &'s str, from: usize, to: usize) {
        self.add(Shape::Text, from, to, Cow::Borrowed(text));
    }

    /// The text of a `<#noparse>`, which begins where its tag does.
    pub(crate) fn unread(&mut self, text: &'s str, from: usize, to: usize) {
        let piece = self.add(Shape::Text, from, to, Cow::Borrowed(text));
        let begin = self.pieces[piece].begin;
        self.pieces[piece].at_line_start = self.lines.get(begin - 1) == Some(&from);
    }

    /// A piece whose content follows.
    pub(crate) fn open(&mut self, shape: Shape, from: usize) {
        let piece = self.add(shape, from, from + 1, Cow::Borrowed(""));
        self.open.push(piece);
    }

    /// The end of the innermost open piece, which has an end tag.
    pub(crate) fn close(&mut self, to: usize) {
        let end = self.line(to.saturating_sub(1));
        if let Some(piece) = self.open.pop() {
            self.pieces[piece].end = end;
        }
    }

    /// The same for two pieces that end together, though the inner one is not open any more: a list
    /// and what holds it and its `<#else>`.
    pub(crate) fn close_with_first(&mut self, to: usize) {
        let end = self.line(to.saturating_sub(1));
        let first = self.open.last().and_then(|piece| self.pieces[*piece].first);
        if let Some(first) = first {
            self.pieces[first].end = end;
        }
        self.close(to);
    }

    /// The end of a piece without end tag: that of its content, else that of its start tag.
    pub(crate) fn close_loose(&mut self, tag_end: usize) {
        let end = self.line(tag_end.saturating_sub(1));
        if let Some(piece) = self.open.pop() {
            self.pieces[piece].end = match self.pieces[piece].last {
                Some(last) => self.pieces[last].end,
                None => end,
            };
        }
    }

    /// The end of a [`Shape::Mixed`]: for a single piece, or none, there is no list.
    pub(crate) fn close_mixed(&mut self) {
        let Some(piece) = self.open.pop() else { return };
        let Piece { first, last, parent, .. } = self.pieces[piece];
        match (first, last) {
            (Some(first), Some(last)) if first == last => {
                let previous = self.pieces[piece].previous;
                self.pieces[first].parent = parent;
                self.pieces[first].previous = previous;
                if let Some(parent) = parent {
                    self.pieces[parent].last = Some(first);
                    if self.pieces[parent].first == Some(piece) {
                        self.pieces[parent].first = Some(first);
                    }
                }
                if let Some(previous) = previous {
                    self.pieces[previous].next = Some(first);
                }
            }
            (Some(_), Some(last)) => self.pieces[piece].end = self.pieces[last].end,
            _ => {
                self.pieces[piece].shape = Shape::Text;
                self.pieces[piece].begin = 0;
                self.pieces[piece].end = 0;
                self.pieces[piece].at_line_start = false;
                self.pieces[piece].offset = usize::MAX;
            }
        }
    }

    /// Forgets what was added to the innermost open piece, as it turned out not to count.
    pub(crate) fn forget_content(&mut self) {
        if let Some(piece) = self.open.last().copied() {
            self.pieces[piece].first = None;
            self.pieces[piece].last = None;
        }
    }

    /// How many pieces the innermost open one has, and whether the last is text.
    pub(crate) fn has_only_one_text(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let Piece { first, last, .. } = self.pieces[*open];
            first == last && first.is_some_and(|it| self.pieces[it].shape == Shape::Text)
        })
    }

    fn add(&mut self, shape: Shape, from: usize, to: usize, text: Cow<'s, str>) -> usize {
        let piece = self.pieces.len();
        let parent = self.open.last().copied();
        let previous = parent.and_then(|parent| self.pieces[parent].last);
        let (begin, end) = (self.line(from), self.line(to.saturating_sub(1)));
        if let Shape::Trim { .. } = shape {
            self.trims_begin.push(begin);
            self.trims_end.push(end);
        }
        self.pieces.push(Piece {
            shape,
            parent,
            previous,
            next: None,
            first: None,
            last: None,
            begin,
            end,
            at_line_start: self.lines.get(begin - 1) == Some(&from)
                && !(self.has_wide_tabs && text.starts_with('\t')),
            text,
            offset: from,
        });
        if let Some(previous) = previous {
            self.pieces[previous].next = Some(piece);
        }
        if let Some(parent) = parent {
            self.pieces[parent].last = Some(piece);
            self.pieces[parent].first.get_or_insert(piece);
        }
        piece
    }

    /// The line of an offset, from 1.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).max(1)
    }
}
