//! What was accepted while there was no room for it, and waits in the store for its first attempt.
//!
//! Its ids come one after the other and go in about that order, so that a million of them are a few
//! ranges.

use std::collections::BTreeMap;

/// See the file's beginning.
#[derive(Debug)]
pub(crate) struct Overflow {
    /// The first id of each range, and the one behind its last.
    ranges: BTreeMap<u64, u64>,
    bytes: usize,
    max_bytes: usize,
}

impl Overflow {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { ranges: BTreeMap::new(), bytes: 0, max_bytes }
    }

    /// Whether the store may take more of it.
    pub(crate) fn is_free(&self) -> bool {
        self.bytes < self.max_bytes
    }

    /// One waits in the store from now on; its id is a new one.
    pub(crate) fn add(&mut self, id: u64, bytes: usize) {
        self.bytes += bytes;
        match self.ranges.range_mut(..id).next_back() {
            Some((_, end)) if *end == id => *end += 1,
            _ => {
                self.ranges.insert(id, id + 1);
            }
        }
    }

    /// One had its turn; false, if it was none of these.
    pub(crate) fn remove(&mut self, id: u64, bytes: usize) -> bool {
        let Some((&start, &end)) = self.ranges.range(..=id).next_back() else {
            return false;
        };
        if id >= end {
            return false;
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.ranges.remove(&start);
        if start < id {
            self.ranges.insert(start, id);
        }
        if id + 1 < end {
            self.ranges.insert(id + 1, end);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::delivery::overflow::Overflow;

    #[test]
    fn each_id_is_found_once_in_whatever_order() {
        let mut dice = fastrand::Rng::with_seed(5);
        let mut overflow = Overflow::new(usize::MAX);
        let mut model = BTreeSet::new();
        let mut next = 1;
        for _ in 0..10_000 {
            if dice.u32(0..8) == 0 {
                next += dice.u64(0..2);
                for _ in 0..dice.u64(0..9) {
                    overflow.add(next, 10);
                    model.insert(next);
                    next += 1;
                }
            } else {
                let id = dice.u64(0..=next);
                assert_eq!(overflow.remove(id, 10), model.remove(&id), "{id}");
            }
            assert_eq!(overflow.bytes, 10 * model.len());
        }
        assert!(!model.is_empty());
    }

    #[test]
    fn ids_one_after_the_other_are_one_range() {
        let mut overflow = Overflow::new(100);
        for id in 1..4 {
            assert!(overflow.is_free());
            overflow.add(id, 40);
        }
        assert_eq!(overflow.ranges.len(), 1);
        assert!(!overflow.is_free(), "the last one may go over the limit");
        assert!(overflow.remove(1, 40) && overflow.is_free());
    }
}
