//! Programs that are compiled while a template runs (`?eval`, `?interpret`): kept until the
//! rendering ends, so that values may borrow from them.

use std::cell::Cell;
use std::cell::OnceCell;

use crate::ftl::program::Program;

/// The first chunk's size; each further one is twice as large.
const FIRST_CHUNK: usize = 8;
/// Enough chunks for more programs than fit into memory.
const CHUNKS: usize = 32;

/// A place where programs can be put, and from where they don't move.
#[derive(Debug, Default)]
pub(in crate::ftl) struct Arena {
    /// Most renderings compile nothing and don't make it.
    chunks: OnceCell<Box<Chunks>>,
    len: Cell<usize>,
}

type Chunks = [OnceCell<Box<[OnceCell<Program>]>>; CHUNKS];

impl Arena {
    /// Keeps a program. `None` when the arena is full.
    pub(in crate::ftl) fn keep(&self, program: Program) -> Option<&Program> {
        let index = self.len.get();
        let chunk = (index / FIRST_CHUNK + 1).ilog2() as usize;
        let offset = index - FIRST_CHUNK * ((1 << chunk) - 1);
        let chunks = self.chunks.get_or_init(Box::default);
        let slots = chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| OnceCell::new()).collect());
        self.len.set(index + 1);
        slots.get(offset).map(|slot| slot.get_or_init(|| program))
    }

    /// The program of that source, when it is here.
    pub(in crate::ftl) fn find(&self, matches: impl Fn(&Program) -> bool) -> Option<&Program> {
        let chunks = self.chunks.get()?.iter().filter_map(OnceCell::get);
        let slots = chunks.flat_map(|chunk| chunk.iter());
        slots.filter_map(OnceCell::get).find(|program| matches(program))
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::eval::Arena;
    use crate::ftl::program::Program;
    use crate::text::Source;

    #[test]
    fn kept_programs_stay_where_they_are() {
        let arena = Arena::default();
        let program = |number: usize| Program {
            source: Source::new(number.to_string(), ""),
            body: Box::new([]),
            macros: Vec::new(),
            outputs: Vec::new(),
            counters: None,
        };
        let kept: Vec<_> = (0..100).filter_map(|number| arena.keep(program(number))).collect();
        let names: Vec<_> = kept.iter().map(|program| program.source.name()).collect();
        let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(names, expected);
        assert!(arena.find(|program| program.source.name() == "77").is_some());
    }
}
