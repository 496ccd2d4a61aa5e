//! Where the output goes: one buffer, whose end is taken back for captures, functions and failed
//! attempts.

use crate::ftl::program::Program;
use crate::text::Span;

/// Which piece of which template began to write at an offset of the output.
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl) struct Mark<'r> {
    /// The offset in bytes.
    pub(in crate::ftl) offset: usize,
    /// The template.
    pub(in crate::ftl) program: &'r Program,
    /// The piece.
    pub(in crate::ftl) span: Span,
}

/// The output so far.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Writer<'r> {
    /// What was written; public to the evaluator, because formats write into it directly.
    pub(in crate::ftl::eval) text: String,
    limit: usize,
    marks: Option<Vec<Mark<'r>>>,
}

impl<'r> Writer<'r> {
    /// Writes behind what `text` holds already.
    pub(in crate::ftl::eval) fn new(text: String, max_bytes: usize) -> Self {
        let limit = text.len().saturating_add(max_bytes);
        Self { text, limit, marks: None }
    }

    pub(in crate::ftl::eval) fn trace(&mut self) {
        self.marks = Some(Vec::new());
    }

    #[inline]
    pub(in crate::ftl::eval) fn is_traced(&self) -> bool {
        self.marks.is_some()
    }

    #[cold]
    pub(in crate::ftl::eval) fn mark(&mut self, program: &'r Program, span: Span) {
        let offset = self.text.len();
        if let Some(marks) = &mut self.marks {
            marks.push(Mark { offset, program, span });
        }
    }

    #[inline]
    pub(in crate::ftl::eval) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Whether more was written than is allowed.
    #[inline]
    pub(in crate::ftl::eval) fn is_full(&self) -> bool {
        self.text.len() > self.limit
    }

    /// Where the next text will begin.
    #[inline]
    pub(in crate::ftl::eval) fn position(&self) -> usize {
        self.text.len()
    }

    /// Takes back what was written from `position` on.
    pub(in crate::ftl::eval) fn take_back(&mut self, position: usize) {
        self.text.truncate(position);
        if let Some(marks) = &mut self.marks {
            let kept = marks.partition_point(|mark| mark.offset < position);
            marks.truncate(kept);
        }
    }

    /// What was written from `position` on, which is taken back.
    pub(in crate::ftl::eval) fn captured(&mut self, position: usize) -> String {
        let text = self.text.get(position..).unwrap_or_default().to_owned();
        self.take_back(position);
        text
    }

    /// The output, and which piece of the template wrote what.
    pub(in crate::ftl::eval) fn finish(self) -> (String, Vec<Mark<'r>>) {
        (self.text, self.marks.unwrap_or_default())
    }
}
