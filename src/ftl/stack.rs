//! How much of the stack is used: recursion ends in an error before the stack does.
//!
//! Trees of templates are as deep as their text is nested, and calls as deep as templates make
//! them. Counting levels would have to assume the largest frame everywhere, so what is measured is
//! the distance of two addresses.

/// Bytes of stack that compiling or rendering may use. Threads have at least 512 KiB; a part of that
/// is the caller's, and a part is for what is called beyond the last check. Without optimization
/// frames are several times larger, and so is the share that tests get.
const MAX_BYTES: usize = if cfg!(debug_assertions) { 1200 << 10 } else { 300 << 10 };

/// Where the stack was when something began.
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl) struct Stack {
    base: usize,
}

impl Stack {
    /// From here on.
    pub(in crate::ftl) fn here() -> Self {
        Self { base: address() }
    }

    /// Whether too little is left to go deeper.
    #[inline]
    pub(in crate::ftl) fn is_used_up(self) -> bool {
        self.used() > MAX_BYTES
    }

    /// Whether there is enough left to parse a text of its own.
    pub(in crate::ftl) fn is_half_used(self) -> bool {
        self.used() > MAX_BYTES / 2
    }

    fn used(self) -> usize {
        self.base.abs_diff(address())
    }
}

/// Roughly where the stack is. Only compared with another such address, never used as one.
#[inline]
fn address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}
