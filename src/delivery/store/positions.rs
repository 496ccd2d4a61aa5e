//! A set of positions in a source, kept as ranges: events finish nearly in order, so it stays short.

use std::collections::BTreeMap;

/// A set of numbers from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// Beginnings and ends (exclusive) of ranges that neither overlap nor touch.
    ranges: BTreeMap<u64, u64>,
}

impl Positions {
    /// Adds a position.
    pub fn insert(&mut self, position: u64) {
        let end = position.saturating_add(1);
        let before = self.ranges.range(..=position).next_back().map(|(from, to)| (*from, *to));
        let start = match before {
            Some((_, to)) if to > position => return,
            Some((from, to)) if to == position => from,
            _ => position,
        };
        let end = self.ranges.remove(&end).unwrap_or(end);
        self.ranges.insert(start, end);
    }

    /// Whether a position is in it.
    pub fn contains(&self, position: u64) -> bool {
        self.ranges.range(..=position).next_back().is_some_and(|(_, to)| *to > position)
    }

    /// How many positions are in it.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(from, to)| to - from).sum()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest position that is not in it.
    pub fn watermark(&self) -> u64 {
        self.ranges.get(&0).copied().unwrap_or(0)
    }

    /// The set as text, such as `0-41,43-44`: ends are included.
    pub fn to_text(&self) -> String {
        let ranges = self.ranges.iter().map(|(from, to)| format!("{from}-{}", to - 1));
        ranges.collect::<Vec<_>>().join(",")
    }

    /// The set that [`Positions::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut ranges = BTreeMap::new();
        let mut free = 0;
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (from, last) = range.split_once('-')?;
            let (from, last) = (from.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
            if from < free || last < from {
                return None;
            }
            free = last.checked_add(2)?;
            ranges.insert(from, last + 1);
        }
        Some(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use crate::delivery::store::positions::Positions;

    fn of(positions: &[u64]) -> Positions {
        let mut set = Positions::default();
        for position in positions {
            set.insert(*position);
        }
        set
    }

    #[test]
    fn positions_join_to_ranges_in_any_order() {
        let set = of(&[4, 0, 2, 1, 9, 4, 8]);
        assert_eq!(set.to_text(), "0-2,4-4,8-9");
        assert_eq!((set.len(), set.watermark()), (6, 3));
        assert!(set.contains(4) && !set.contains(3) && !set.contains(10));
        assert_eq!(of(&[4, 0, 2, 1, 9, 8, 3, 7, 6, 5]).to_text(), "0-9");
    }

    #[test]
    fn text_and_set_are_the_same() {
        for positions in [&[][..], &[0], &[7], &[0, 1, 5, 6, 100]] {
            let set = of(positions);
            assert_eq!(Positions::from_text(&set.to_text()), Some(set));
        }
        for wrong in ["1", "3-2", "0-5,4-9", "0-5,6-9", "x-y", "0-18446744073709551615"] {
            assert_eq!(Positions::from_text(wrong), None, "{wrong}");
        }
    }
}
