//! Reading `DecimalFormat` patterns, as forgiving and as strict as Java is.

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;

/// What an empty pattern means by "all of them".
pub const UNLIMITED: usize = 1 << 30;

/// Reads a pattern: what it says about the digits, and its positive and negative parts.
///
/// # Errors
/// For a pattern that is none, in Java's view.
pub fn read(pattern: &str) -> Result<(Shape, [Option<Part>; 2]), Fault> {
    let mut shape = Shape::default();
    let mut parts: [Option<Part>; 2] = [None, None];
    let chars: Vec<char> = pattern.chars().collect();
    let mut start = 0;
    for (index, part) in parts.iter_mut().enumerate() {
        if start >= chars.len() {
            break;
        }
        let mut reader =
            Reader { pattern, chars: &chars, at: start, money: shape.money, separated: false };
        *part = Some(reader.part(index == 0, &mut shape)?);
        shape.money = reader.money;
        // Without `;`, Java reads the whole again as the negative part.
        if reader.separated {
            start = reader.at;
        }
    }
    Ok((shape, parts))
}

/// At least and at most so many digits.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

/// A piece of a prefix or suffix: signs are those of the locale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(char),
    /// `-`
    Minus,
    /// `%`
    Percent,
    /// `‰`
    PerMill,
    /// `¤`
    Currency,
    /// `¤¤`
    CurrencyCode,
}

/// The positive or the negative part of a pattern.
#[derive(Debug, Default)]
pub struct Part {
    /// Before the digits.
    pub prefix: Vec<Piece>,
    /// Behind the digits.
    pub suffix: Vec<Piece>,
}

/// What the positive part says about the digits.
#[derive(Debug)]
pub struct Shape {
    /// The digits before the point.
    pub whole: Range,
    /// The digits behind the point.
    pub fraction: Range,
    /// Digits between grouping separators; 0: no grouping.
    pub grouping: usize,
    /// Whether the point is there without digits behind it.
    pub always_point: bool,
    /// The least number of digits of the exponent; `None`: no exponent.
    pub exponent_digits: Option<usize>,
    /// 100 for `%`, 1000 for `‰`.
    pub multiplier: i32,
    /// Whether there is a `¤`, so that the signs are those of money.
    pub money: bool,
}

impl Default for Shape {
    fn default() -> Self {
        let none = Range { min: 0, max: 0 };
        Self {
            whole: none,
            fraction: none,
            grouping: 0,
            always_point: false,
            exponent_digits: None,
            multiplier: 1,
            money: false,
        }
    }
}

/// The digits of a pattern as they are counted.
#[derive(Default)]
struct Count {
    /// `#` before the first `0`.
    left: usize,
    zeros: usize,
    /// `#` behind the last `0`.
    right: usize,
    point: Option<usize>,
    /// Digits since the last grouping separator.
    group: Option<usize>,
}

struct Reader<'a> {
    pattern: &'a str,
    chars: &'a [char],
    at: usize,
    money: bool,
    /// Whether the part ended at `;`.
    separated: bool,
}

impl Reader<'_> {
    /// Reads up to `;` or the end. Only the first part's digits count.
    fn part(&mut self, first: bool, shape: &mut Shape) -> Result<Part, Fault> {
        let mut part = Part::default();
        let mut multiplier = 1;
        let mut count = Count::default();
        part.prefix = self.affix(&mut multiplier)?;
        if self.peek() == Some(';') {
            return Err(self.wrong("there are no digits before `;`"));
        }
        // Java goes on counting when digits follow the suffix: `0 0` is `00 `.
        while self.peek().is_some_and(|c| c != ';') {
            if first {
                self.digits(&mut count, shape)?;
            } else {
                while self.peek().is_some_and(|c| matches!(c, '#' | '0' | ',' | '.' | 'E')) {
                    self.at += 1;
                }
            }
            part.suffix.extend(self.affix(&mut multiplier)?);
        }
        if self.peek() == Some(';') {
            if !first {
                return Err(self.wrong("there is more than one `;`"));
            }
            self.at += 1;
            self.separated = true;
        }
        if first {
            self.finish(count, shape)?;
            shape.multiplier = multiplier;
        }
        Ok(part)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Text before or behind the digits; stops at a digit or an unquoted `;`.
    fn affix(&mut self, multiplier: &mut i32) -> Result<Vec<Piece>, Fault> {
        let mut pieces = Vec::new();
        let mut quoted = false;
        while let Some(c) = self.peek() {
            let doubled = self.chars.get(self.at + 1) == Some(&c);
            match c {
                '\'' if doubled => {
                    self.at += 1;
                    pieces.push(Piece::Text('\''));
                }
                '\'' => quoted = !quoted,
                _ if quoted => pieces.push(Piece::Text(c)),
                '#' | '0' | ',' | '.' | ';' => return Ok(pieces),
                '¤' => {
                    self.money = true;
                    pieces.push(if doubled { Piece::CurrencyCode } else { Piece::Currency });
                    self.at += usize::from(doubled);
                }
                '%' | '‰' => {
                    if *multiplier != 1 {
                        return Err(self.wrong("there is more than one `%` or `‰`"));
                    }
                    *multiplier = if c == '%' { 100 } else { 1000 };
                    pieces.push(if c == '%' { Piece::Percent } else { Piece::PerMill });
                }
                '-' => pieces.push(Piece::Minus),
                _ => pieces.push(Piece::Text(c)),
            }
            self.at += 1;
        }
        if quoted { Err(self.wrong("a quote `'` is not closed")) } else { Ok(pieces) }
    }

    fn digits(&mut self, count: &mut Count, shape: &mut Shape) -> Result<(), Fault> {
        while let Some(c) = self.peek() {
            match c {
                '#' if count.zeros > 0 => count.right += 1,
                '#' => count.left += 1,
                '0' if count.right > 0 => return Err(self.wrong("there is a `0` behind a `#`")),
                '0' => count.zeros += 1,
                ',' => count.group = Some(0),
                '.' if count.point.is_some() => {
                    return Err(self.wrong("there is more than one `.`"));
                }
                '.' => count.point = Some(count.left + count.zeros + count.right),
                'E' => {
                    if shape.exponent_digits.is_some() {
                        return Err(self.wrong("there is more than one `E`"));
                    }
                    self.at += 1;
                    let start = self.at;
                    while self.peek() == Some('0') {
                        self.at += 1;
                    }
                    if count.left + count.zeros < 1 || self.at == start {
                        return Err(self.wrong("`E` needs a digit before and a `0` behind it"));
                    }
                    shape.exponent_digits = Some(self.at - start);
                    return Ok(());
                }
                _ => return Ok(()),
            }
            if matches!(c, '#' | '0')
                && count.point.is_none()
                && let Some(group) = &mut count.group
            {
                *group += 1;
            }
            self.at += 1;
        }
        Ok(())
    }

    fn finish(&self, mut count: Count, shape: &mut Shape) -> Result<(), Fault> {
        if let (0, 1.., Some(point)) = (count.zeros, count.left, count.point) {
            // `#.##` and `.##` mean `0.##` with the zero left out.
            let whole = point.max(1);
            count.right = count.left - whole;
            count.left = whole - 1;
            count.zeros = 1;
        }
        let misplaced = match count.point {
            None => count.right > 0,
            Some(point) => point < count.left || point > count.left + count.zeros,
        };
        if misplaced || count.group == Some(0) {
            return Err(self.wrong("the digits are out of order"));
        }
        let total = count.left + count.zeros + count.right;
        let point = count.point.unwrap_or(total);
        let min = point - count.left;
        let max = if shape.exponent_digits.is_some() { count.left + min } else { UNLIMITED };
        shape.whole = Range { min, max };
        if count.point.is_some() {
            shape.fraction = Range { min: count.left + count.zeros - point, max: total - point };
        }
        shape.grouping = count.group.unwrap_or(0);
        shape.always_point = count.point.is_some_and(|point| point == 0 || point == total);
        Ok(())
    }

    fn wrong(&self, what: &str) -> Fault {
        Fault::new(
            TemplateErrorKind::BadFormat,
            format!("expected a number format, found `{}`: {what}", self.pattern),
        )
        .with_hint(
            "a pattern looks like `0.00`, `#,##0.##` or `0.0%`; text stands in quotes: `0 'kg'`",
        )
    }
}
