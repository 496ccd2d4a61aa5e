//! The order of texts as Java's collator has it for `en_US` and the other locales without rules of
//! their own.
//!
//! Every character has one element or two: a primary weight, which orders letters, digits and
//! symbols; a secondary weight for accents; a tertiary weight for case. White space, hyphens and
//! control characters have no primary weight: they count only where nothing else differs. Letters
//! with accents are those of their decomposition. Characters that Java's rules don't know come
//! last, by their code.

use std::cmp::Ordering;

use unicode_normalization::char::decompose_canonical;

/// A text as its elements, to be compared often.
#[derive(Debug)]
pub(in crate::ftl::builtins) struct SortKey(Box<[u32]>);

/// Comes before the code of a character that has no element.
const UNKNOWN: u32 = 0x7FFF_0000;

impl SortKey {
    /// The key of a text.
    pub(in crate::ftl::builtins) fn new(text: &str) -> Self {
        let mut elements = Vec::with_capacity(text.len());
        for c in text.chars() {
            match known(c) {
                Some(own) => elements.extend(own),
                None => decomposed(c, &mut elements),
            }
        }
        Self(elements.into())
    }

    /// How one text stands to another. Texts that differ in what has no weight are equal.
    pub(in crate::ftl::builtins) fn compare(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.0.iter().copied(), other.0.iter().copied());
        // The first difference of accents or of white space, and the first one of case before it.
        let mut secondary = None;
        let mut tertiary = None;
        let (mut one, mut two) = (left.next(), right.next());
        while let (Some(a), Some(b)) = (one, two) {
            if a == b {
                (one, two) = (left.next(), right.next());
            } else if primary(a) != primary(b) {
                if a == 0 {
                    one = left.next();
                } else if b == 0 {
                    two = right.next();
                } else if primary(a) == 0 {
                    secondary.get_or_insert(Ordering::Greater);
                    one = left.next();
                } else if primary(b) == 0 {
                    secondary.get_or_insert(Ordering::Less);
                    two = right.next();
                } else {
                    return primary(a).cmp(&primary(b));
                }
            } else {
                if secondary.is_none() {
                    match accent(a).cmp(&accent(b)) {
                        Ordering::Equal => {
                            if case(a) != case(b) {
                                tertiary.get_or_insert(case(a).cmp(&case(b)));
                            }
                        }
                        different => secondary = Some(different),
                    }
                }
                (one, two) = (left.next(), right.next());
            }
        }
        let rests = [(one, &mut left, Ordering::Greater), (two, &mut right, Ordering::Less)];
        for (first, rest, longer) in rests {
            for element in first.into_iter().chain(rest) {
                if primary(element) != 0 {
                    return longer;
                }
                if accent(element) != 0 {
                    secondary.get_or_insert(longer);
                }
            }
        }
        secondary.or(tertiary).unwrap_or(Ordering::Equal)
    }
}

fn primary(element: u32) -> u32 {
    element >> 16
}

fn accent(element: u32) -> u32 {
    element >> 8 & 0xFF
}

fn case(element: u32) -> u32 {
    element & 0xFF
}

/// The elements that the rules give a character itself.
fn known(c: char) -> Option<impl Iterator<Item = u32>> {
    let code = u16::try_from(u32::from(c)).ok()?;
    let (first, second) = match code {
        0..=0x8 | 0xE..=0x1F | 0x7F..=0x9F | 0x200B..=0x200F => (0, 0),
        _ => {
            let at = ELEMENTS.binary_search_by_key(&code, |(own, ..)| *own).ok()?;
            (ELEMENTS[at].1, ELEMENTS[at].2)
        }
    };
    Some([first].into_iter().chain((second != 0).then_some(second)))
}

/// The elements of a character by those of its parts; its code where one of them is unknown.
fn decomposed(c: char, elements: &mut Vec<u32>) {
    let before = elements.len();
    let mut is_known = u32::from(c) < 0x10000;
    decompose_canonical(c, |part| match known(part) {
        Some(own) if part != c => elements.extend(own),
        _ => is_known = false,
    });
    if !is_known {
        elements.truncate(before);
        elements.push(UNKNOWN);
        elements.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| u32::from(*unit) << 16));
    }
}

/// Characters and their elements, sorted; 0 where there is no second one.
#[rustfmt::skip]
const ELEMENTS: &[(u16, u32, u32)] = &[
    (0x9, 0xF00, 0), (0xA, 0x1000, 0), (0xB, 0x1200, 0), (0xC, 0x1100, 0), (0xD, 0xE00, 0),
    (0x20, 0x100, 0), (0x21, 0x6_0000, 0), (0x22, 0x14_0000, 0), (0x23, 0x37_0000, 0),
    (0x24, 0x27_0000, 0), (0x25, 0x38_0000, 0), (0x26, 0x36_0000, 0), (0x27, 0x13_0000, 0),
    (0x28, 0x17_0000, 0), (0x29, 0x18_0000, 0), (0x2A, 0x34_0000, 0), (0x2B, 0x39_0000, 0),
    (0x2C, 0x3_0000, 0), (0x2D, 0x6D01, 0), (0x2E, 0xB_0000, 0), (0x2F, 0xA_0000, 0),
    (0x30, 0x45_0000, 0), (0x31, 0x46_0000, 0), (0x32, 0x47_0000, 0), (0x33, 0x48_0000, 0),
    (0x34, 0x49_0000, 0), (0x35, 0x4A_0000, 0), (0x36, 0x4B_0000, 0), (0x37, 0x4C_0000, 0),
    (0x38, 0x4D_0000, 0), (0x39, 0x4E_0000, 0), (0x3A, 0x5_0000, 0), (0x3B, 0x4_0000, 0),
    (0x3C, 0x3D_0000, 0), (0x3D, 0x3E_0000, 0), (0x3E, 0x3F_0000, 0), (0x3F, 0x8_0000, 0),
    (0x40, 0x21_0000, 0), (0x41, 0x52_0001, 0), (0x42, 0x53_0001, 0), (0x43, 0x54_0001, 0),
    (0x44, 0x55_0001, 0), (0x45, 0x57_0001, 0), (0x46, 0x58_0001, 0), (0x47, 0x59_0001, 0),
    (0x48, 0x5A_0001, 0), (0x49, 0x5B_0001, 0), (0x4A, 0x5C_0001, 0), (0x4B, 0x5D_0001, 0),
    (0x4C, 0x5E_0001, 0), (0x4D, 0x5F_0001, 0), (0x4E, 0x60_0001, 0), (0x4F, 0x61_0001, 0),
    (0x50, 0x62_0001, 0), (0x51, 0x63_0001, 0), (0x52, 0x64_0001, 0), (0x53, 0x65_0001, 0),
    (0x54, 0x66_0001, 0), (0x55, 0x67_0001, 0), (0x56, 0x68_0001, 0), (0x57, 0x69_0001, 0),
    (0x58, 0x6A_0001, 0), (0x59, 0x6B_0001, 0), (0x5A, 0x6C_0001, 0), (0x5B, 0x19_0000, 0),
    (0x5C, 0x35_0000, 0), (0x5D, 0x1A_0000, 0), (0x5E, 0xE_0000, 0), (0x5F, 0x1_0000, 0),
    (0x60, 0xD_0000, 0), (0x61, 0x52_0000, 0), (0x62, 0x53_0000, 0), (0x63, 0x54_0000, 0),
    (0x64, 0x55_0000, 0), (0x65, 0x57_0000, 0), (0x66, 0x58_0000, 0), (0x67, 0x59_0000, 0),
    (0x68, 0x5A_0000, 0), (0x69, 0x5B_0000, 0), (0x6A, 0x5C_0000, 0), (0x6B, 0x5D_0000, 0),
    (0x6C, 0x5E_0000, 0), (0x6D, 0x5F_0000, 0), (0x6E, 0x60_0000, 0), (0x6F, 0x61_0000, 0),
    (0x70, 0x62_0000, 0), (0x71, 0x63_0000, 0), (0x72, 0x64_0000, 0), (0x73, 0x65_0000, 0),
    (0x74, 0x66_0000, 0), (0x75, 0x67_0000, 0), (0x76, 0x68_0000, 0), (0x77, 0x69_0000, 0),
    (0x78, 0x6A_0000, 0), (0x79, 0x6B_0000, 0), (0x7A, 0x6C_0000, 0), (0x7B, 0x1B_0000, 0),
    (0x7C, 0x41_0000, 0), (0x7D, 0x1C_0000, 0), (0x7E, 0x10_0000, 0), (0xA0, 0x200, 0),
    (0xA1, 0x7_0000, 0), (0xA2, 0x24_0000, 0), (0xA3, 0x2F_0000, 0), (0xA4, 0x22_0000, 0),
    (0xA5, 0x33_0000, 0), (0xA6, 0x42_0000, 0), (0xA7, 0x1D_0000, 0), (0xA8, 0xF_0000, 0),
    (0xA9, 0x1F_0000, 0), (0xAB, 0x15_0000, 0), (0xAC, 0x40_0000, 0), (0xAD, 0x6E00, 0),
    (0xAE, 0x20_0000, 0), (0xAF, 0x2_0000, 0), (0xB0, 0x43_0000, 0), (0xB1, 0x3A_0000, 0),
    (0xB4, 0xC_0000, 0), (0xB5, 0x44_0000, 0), (0xB6, 0x1E_0000, 0), (0xB7, 0x11_0000, 0),
    (0xB8, 0x12_0000, 0), (0xBB, 0x16_0000, 0), (0xBC, 0x4F_0000, 0), (0xBD, 0x50_0000, 0),
    (0xBE, 0x51_0000, 0), (0xBF, 0x9_0000, 0), (0xC6, 0x52_0003, 0x57_0001), (0xD0, 0x56_0001, 0),
    (0xD7, 0x3C_0000, 0), (0xDE, 0x66_0003, 0x5A_0001), (0xDF, 0x65_0002, 0x65_0001),
    (0xE6, 0x52_0002, 0x57_0001), (0xF0, 0x56_0000, 0), (0xF7, 0x3B_0000, 0),
    (0xFE, 0x66_0002, 0x5A_0001), (0x152, 0x61_0003, 0x57_0001), (0x153, 0x61_0002, 0x57_0001),
    (0x1E2, 0x7E00_0001, 0x1E00), (0x1E3, 0x7E00_0000, 0x1E00), (0x1FC, 0x7E00_0001, 0x1300),
    (0x1FD, 0x7E00_0000, 0x1300), (0x300, 0x1400, 0), (0x301, 0x1300, 0), (0x302, 0x1600, 0),
    (0x303, 0x1C00, 0), (0x304, 0x1E00, 0), (0x305, 0x2400, 0), (0x306, 0x1500, 0),
    (0x307, 0x1D00, 0), (0x308, 0x1A00, 0), (0x309, 0x2500, 0), (0x30A, 0x1800, 0),
    (0x30B, 0x1B00, 0), (0x30C, 0x1700, 0), (0x30D, 0x1900, 0), (0x30E, 0x2600, 0),
    (0x30F, 0x2700, 0), (0x310, 0x2800, 0), (0x311, 0x2900, 0), (0x312, 0x2A00, 0),
    (0x313, 0x2B00, 0), (0x314, 0x2C00, 0), (0x315, 0x2D00, 0), (0x316, 0x2E00, 0),
    (0x317, 0x2F00, 0), (0x318, 0x3000, 0), (0x319, 0x3100, 0), (0x31A, 0x3200, 0),
    (0x31B, 0x3300, 0), (0x31C, 0x3400, 0), (0x31D, 0x3500, 0), (0x31E, 0x3600, 0),
    (0x31F, 0x3700, 0), (0x320, 0x3800, 0), (0x321, 0x3900, 0), (0x322, 0x3A00, 0),
    (0x323, 0x2200, 0), (0x324, 0x3B00, 0), (0x325, 0x3C00, 0), (0x326, 0x3D00, 0),
    (0x327, 0x2000, 0), (0x328, 0x2100, 0), (0x329, 0x3E00, 0), (0x32A, 0x3F00, 0),
    (0x32B, 0x4000, 0), (0x32C, 0x4100, 0), (0x32D, 0x4200, 0), (0x32E, 0x4300, 0),
    (0x32F, 0x4400, 0), (0x330, 0x4500, 0), (0x331, 0x4600, 0), (0x332, 0x2300, 0),
    (0x333, 0x4700, 0), (0x334, 0x4800, 0), (0x335, 0x4900, 0), (0x336, 0x4A00, 0),
    (0x337, 0x1F00, 0), (0x338, 0x4B00, 0), (0x339, 0x4C00, 0), (0x33A, 0x4D00, 0),
    (0x33B, 0x4E00, 0), (0x33C, 0x4F00, 0), (0x33D, 0x5000, 0), (0x33E, 0x5100, 0),
    (0x33F, 0x5200, 0), (0x342, 0x5300, 0), (0x344, 0x5400, 0), (0x345, 0x5500, 0),
    (0x360, 0x5600, 0), (0x361, 0x5700, 0), (0x483, 0x5800, 0), (0x484, 0x5900, 0),
    (0x485, 0x5A00, 0), (0x486, 0x5B00, 0), (0xE3F, 0x23_0000, 0), (0x2002, 0x300, 0),
    (0x2003, 0x400, 0), (0x2004, 0x500, 0), (0x2005, 0x600, 0), (0x2006, 0x700, 0),
    (0x2007, 0x800, 0), (0x2008, 0x900, 0), (0x2009, 0xA00, 0), (0x200A, 0xB00, 0),
    (0x2010, 0x6F00, 0), (0x2011, 0x7000, 0), (0x2012, 0x7100, 0), (0x2013, 0x7200, 0),
    (0x2014, 0x7300, 0), (0x2015, 0x7400, 0), (0x20A1, 0x25_0000, 0), (0x20A2, 0x26_0000, 0),
    (0x20A3, 0x2A_0000, 0), (0x20A4, 0x2B_0000, 0), (0x20A5, 0x2C_0000, 0), (0x20A6, 0x2D_0000, 0),
    (0x20A7, 0x2E_0000, 0), (0x20A8, 0x30_0000, 0), (0x20A9, 0x32_0000, 0), (0x20AA, 0x31_0000, 0),
    (0x20AB, 0x28_0000, 0), (0x20AC, 0x29_0000, 0), (0x20D0, 0x5C00, 0), (0x20D1, 0x5D00, 0),
    (0x20D2, 0x5E00, 0), (0x20D3, 0x5F00, 0), (0x20D4, 0x6000, 0), (0x20D5, 0x6100, 0),
    (0x20D6, 0x6200, 0), (0x20D7, 0x6300, 0), (0x20D8, 0x6400, 0), (0x20D9, 0x6500, 0),
    (0x20DA, 0x6600, 0), (0x20DB, 0x6700, 0), (0x20DC, 0x6800, 0), (0x20DD, 0x6900, 0),
    (0x20DE, 0x6A00, 0), (0x20DF, 0x6B00, 0), (0x20E0, 0x6C00, 0), (0x20E1, 0x6D00, 0),
    (0x2212, 0x7500, 0), (0x3000, 0xC00, 0), (0xFEFF, 0xD00, 0),
];

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use crate::ftl::builtins::collation::SortKey;

    fn compare(left: &str, right: &str) -> Ordering {
        SortKey::new(left).compare(&SortKey::new(right))
    }

    #[test]
    fn letters_come_before_accents_and_accents_before_case() {
        let ordered = ["", "1", "a", "A", "á", "ab", "b", "я", "漢", "😀"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn white_space_and_hyphens_matter_only_where_nothing_else_differs() {
        assert_eq!(compare("a b", "ab"), Ordering::Greater);
        assert_eq!(compare("a-c", "ab"), Ordering::Greater);
        assert_eq!(compare("a\u{1}b", "ab"), Ordering::Equal);
    }
}
