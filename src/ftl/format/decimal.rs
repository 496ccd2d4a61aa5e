//! `DecimalFormat`: patterns such as `#,##0.00`, `0.###E0` and `0.0%`, exact on decimals.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "both types hold the number of digits that fit into memory"
)]

use smallvec::SmallVec;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::decimal_pattern;
use crate::ftl::format::decimal_pattern::Piece;
use crate::ftl::format::decimal_pattern::Range;
use crate::ftl::format::decimal_pattern::UNLIMITED;
use crate::ftl::format::locale::Symbols;
use crate::value::Decimal;
use crate::value::Number;
use crate::value::Rounding;

/// Java counts no more digits than this, whatever the pattern of a floating-point number says.
const MAX_DOUBLE_FRACTION: usize = 340;
const MAX_DOUBLE_WHOLE: usize = 309;
/// A compiled pattern with the signs of a locale.
#[derive(Clone, Debug)]
pub struct DecimalFormat {
    positive: Affixes,
    negative: Affixes,
    whole: Range,
    fraction: Range,
    /// Digits between grouping separators; 0: no grouping.
    grouping: usize,
    always_point: bool,
    /// The least number of digits of the exponent; `None`: no exponent.
    exponent_digits: Option<usize>,
    multiplier: i32,
    rounding: Rounding,
    decimal: char,
    group: char,
    symbols: Symbols,
}

/// What stands before and behind the digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Affixes {
    prefix: String,
    suffix: String,
}

impl DecimalFormat {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// For a pattern that is none, in Java's view.
    pub fn new(pattern: &str, symbols: Symbols) -> Result<Self, Fault> {
        let (mut shape, [positive, negative]) = decimal_pattern::read(pattern)?;
        let expand = |part: &[Piece]| expand(part, &symbols);
        let minus = |prefix: String| format!("{}{prefix}", symbols.minus);
        let (positive_prefix, positive_suffix) =
            positive.as_ref().map(|part| (&part.prefix[..], &part.suffix[..])).unwrap_or_default();
        let negative = match &negative {
            Some(part) if part.prefix != positive_prefix || part.suffix != positive_suffix => {
                Affixes { prefix: expand(&part.prefix), suffix: expand(&part.suffix) }
            }
            _ => {
                Affixes { prefix: minus(expand(positive_prefix)), suffix: expand(positive_suffix) }
            }
        };
        let positive = Affixes { prefix: expand(positive_prefix), suffix: expand(positive_suffix) };
        if pattern.is_empty() {
            shape.fraction.max = MAX_DOUBLE_FRACTION;
            shape.whole = Range { min: 0, max: UNLIMITED };
            shape.grouping = 3;
        }
        Ok(Self {
            positive,
            negative,
            whole: shape.whole,
            fraction: shape.fraction,
            grouping: shape.grouping,
            always_point: shape.always_point,
            exponent_digits: shape.exponent_digits,
            multiplier: shape.multiplier,
            rounding: Rounding::HalfEven,
            decimal: if shape.money { symbols.monetary_decimal } else { symbols.decimal },
            group: if shape.money { symbols.monetary_grouping } else { symbols.grouping },
            symbols,
        })
    }

    /// The same format with another rule of rounding.
    #[must_use]
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// The same format with another factor before printing.
    #[must_use]
    pub fn multiplier(mut self, multiplier: i32) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// The same format with so many digits behind the point, and no grouping (`#{x; m2M4}`).
    #[must_use]
    pub fn plain_fraction(mut self, min: usize, max: usize) -> Self {
        let max = max.min(MAX_DOUBLE_FRACTION);
        self.fraction = Range { min: min.min(max), max };
        self.grouping = 0;
        self
    }

    /// Writes a number.
    ///
    /// # Errors
    /// For [`Rounding::Unnecessary`] where rounding is needed.
    pub fn write(&self, number: &Number, out: &mut String) -> Result<(), Fault> {
        if self.write_small(number, out) {
            return Ok(());
        }
        let (mut digits, exact) = match number.as_double() {
            None => (self.multiplied(number), None),
            Some(value) => match self.double_digits(value, out) {
                Some(digits) => (digits, Some((value * f64::from(self.multiplier)).abs())),
                None => return Ok(()),
            },
        };
        self.round(&mut digits, exact)?;
        let affixes = if digits.negative { &self.negative } else { &self.positive };
        out.push_str(&affixes.prefix);
        match self.exponent_digits {
            Some(least) => self.write_exponential(&digits, least, out),
            None => self.write_fixed(&digits, exact.is_some(), out),
        }
        out.push_str(&affixes.suffix);
        Ok(())
    }

    /// The quick way for nearly all numbers and formats: 64 bits, in a buffer on the stack. `false`:
    /// nothing was written.
    fn write_small(&self, number: &Number, out: &mut String) -> bool {
        const ROOM: usize = 64;
        /// Digits of the number and zeros of the pattern; separators at most double them.
        const MOST: usize = 30;
        let Some((unscaled, scale)) = number.as_small() else { return false };
        let Range { min, max } = self.fraction;
        let (decimal, group) = (self.decimal, self.group);
        if self.multiplier != 1
            || self.exponent_digits.is_some()
            || self.symbols.zero != '0'
            || self.whole.max < MOST
            || self.whole.min + min > MOST - 20
            || !decimal.is_ascii()
            || !group.is_ascii()
        {
            return false;
        }
        let mut rest = unscaled.unsigned_abs();
        let mut scale = scale.unsigned_abs() as usize;
        if scale > max {
            let Some(unit) = 10_u64.checked_pow((scale - max) as u32) else { return false };
            let dropped = rest % unit;
            if dropped != 0 && self.rounding != Rounding::HalfEven {
                return false;
            }
            rest /= unit;
            let half = unit / 2;
            rest += u64::from(dropped > half || (dropped == half && dropped > 0 && rest % 2 == 1));
            scale = max;
        }
        while scale > min && rest.is_multiple_of(10) {
            rest /= 10;
            scale -= 1;
        }
        let mut buffer = [b'0'; ROOM];
        let mut start = ROOM - min.saturating_sub(scale);
        for _ in 0..scale {
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let has_fraction = start < ROOM;
        if has_fraction || self.always_point {
            start -= 1;
            buffer[start] = decimal as u8;
        }
        let least = if has_fraction { self.whole.min } else { self.whole.min.max(1) };
        let mut written = 0;
        while rest > 0 || written < least {
            if self.grouping > 0 && written > 0 && written % self.grouping == 0 {
                start -= 1;
                buffer[start] = group as u8;
            }
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            written += 1;
        }
        let affixes = if unscaled < 0 { &self.negative } else { &self.positive };
        out.push_str(&affixes.prefix);
        out.push_str(str::from_utf8(&buffer[start..]).unwrap_or_default());
        out.push_str(&affixes.suffix);
        true
    }

    fn multiplied(&self, number: &Number) -> Decimal {
        let none = || Decimal { negative: false, digits: SmallVec::new(), point: 0 };
        if self.multiplier == 1 {
            return number.decimal().unwrap_or_else(|_| none());
        }
        // Moving the point multiplies by 100 and 1000 without calculating.
        let shift = match self.multiplier {
            10 => 1,
            100 => 2,
            1000 => 3,
            _ => {
                let product = number.to_big().map(|(unscaled, scale)| {
                    Number::from_big(unscaled * self.multiplier, scale).decimal()
                });
                return product.and_then(|product| product).unwrap_or_else(|_| none());
            }
        };
        let mut decimal = number.decimal().unwrap_or_else(|_| none());
        if !decimal.digits.is_empty() {
            decimal.point += shift;
        }
        decimal
    }

    /// The digits of a floating-point number; `None` when it has none and was written as a word.
    fn double_digits(&self, value: f64, out: &mut String) -> Option<Decimal> {
        if value.is_nan() || (value.is_infinite() && self.multiplier == 0) {
            out.push_str(&self.symbols.nan);
            return None;
        }
        let negative = value.is_sign_negative() != (self.multiplier < 0);
        let product = value * f64::from(self.multiplier);
        if product.is_infinite() {
            let affixes = if negative { &self.negative } else { &self.positive };
            out.extend([&*affixes.prefix, &self.symbols.infinity, &affixes.suffix]);
            return None;
        }
        let decimal = Number::from_double(product.abs()).decimal().ok()?;
        Some(Decimal { negative, ..decimal })
    }

    /// Cuts the digits to as many as the pattern has. `exact` is the floating-point number they are
    /// the shortest form of, which decides what looks like the middle between two digits.
    fn round(&self, decimal: &mut Decimal, exact: Option<f64>) -> Result<(), Fault> {
        let mut most = self.fraction.max;
        if exact.is_some() {
            most = most.min(MAX_DOUBLE_FRACTION);
        }
        let keep = if self.exponent_digits.is_some() {
            let most = self.whole.max.saturating_add(self.fraction.max);
            // An integer has no digit to lose when the pattern names none.
            if most == 0 { decimal.digits.len() } else { most }
        } else {
            let keep = decimal.point.saturating_add(i64::try_from(most).unwrap_or(i64::MAX));
            if keep < 0 {
                // As in Java, a number this far behind the last digit is zero whatever the rule.
                decimal.digits.clear();
                decimal.point = 0;
                return Ok(());
            }
            usize::try_from(keep).unwrap_or(usize::MAX)
        };
        if keep >= decimal.digits.len() {
            return Ok(());
        }
        let up = self.rounds_up(decimal, keep, exact)?;
        decimal.digits.truncate(keep);
        if up {
            increment(decimal);
        }
        while decimal.digits.last() == Some(&b'0') {
            decimal.digits.pop();
        }
        if decimal.digits.is_empty() {
            decimal.point = 0;
        }
        Ok(())
    }

    /// Whether dropping the digits from `keep` on makes the number before them greater. There is at
    /// least one, and the last one is not 0.
    fn rounds_up(&self, decimal: &Decimal, keep: usize, exact: Option<f64>) -> Result<bool, Fault> {
        let dropped = &decimal.digits[keep..];
        Ok(match self.rounding {
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Ceiling => !decimal.negative,
            Rounding::Floor => decimal.negative,
            Rounding::Unnecessary => {
                return Err(Fault::new(
                    TemplateErrorKind::BadFormat,
                    "the format forbids rounding, but the number has more digits than it shows",
                )
                .with_hint("use another `roundingMode`, or a pattern with more digits"));
            }
            mode => match (dropped[0], dropped.len()) {
                // Java writes such numbers with an exponent, and then takes a lone 5 for exact.
                (b'5', 1)
                    if keep == 0
                        && mode == Rounding::HalfEven
                        && exact.is_some_and(|value| value < 1e-3) =>
                {
                    false
                }
                (b'5', 1) => match exact.map(|value| exact_order(value, decimal)) {
                    Some(std::cmp::Ordering::Greater) => true,
                    Some(std::cmp::Ordering::Less) => false,
                    _ => match mode {
                        Rounding::HalfUp => true,
                        Rounding::HalfEven => keep > 0 && decimal.digits[keep - 1] % 2 == 1,
                        _ => false,
                    },
                },
                (first, _) => first >= b'5',
            },
        })
    }

    fn write_fixed(&self, decimal: &Decimal, double: bool, out: &mut String) {
        let point = decimal.point.max(0).unsigned_abs() as usize;
        let most = if double { self.whole.max.min(MAX_DOUBLE_WHOLE) } else { self.whole.max };
        let count = self.whole.min.max(point).min(most);
        // Digits before the point that do not fit are left out from the front.
        let mut next = point.saturating_sub(count);
        let mut before = count;
        while before > 0 {
            before -= 1;
            let digit = if before < point { decimal.digits.get(next) } else { None };
            if before < point {
                next += 1;
            }
            self.push_digit(digit.copied(), out);
            if self.grouping > 0 && before > 0 && before % self.grouping == 0 {
                out.push(self.group);
            }
        }
        let fraction = self.fraction.min > 0 || next < decimal.digits.len();
        if !fraction && count == 0 {
            self.push_digit(None, out);
        }
        if self.always_point || fraction {
            out.push(self.decimal);
        }
        let zeros = decimal.point.min(0).unsigned_abs() as usize;
        for at in 0..self.fraction.max {
            if at >= self.fraction.min && next >= decimal.digits.len() {
                break;
            }
            if at < zeros {
                self.push_digit(None, out);
                continue;
            }
            self.push_digit(decimal.digits.get(next).copied(), out);
            next += 1;
        }
    }

    fn write_exponential(&self, decimal: &Decimal, least: usize, out: &mut String) {
        let zero = decimal.digits.is_empty();
        let repeat = self.whole.max as i64;
        let mut exponent = decimal.point;
        let mut min_whole = self.whole.min as i64;
        if repeat > 1 && self.whole.max > self.whole.min {
            let from = if exponent >= 1 { exponent - 1 } else { exponent - repeat };
            exponent = from / repeat * repeat;
            min_whole = 1;
        } else {
            exponent -= min_whole;
        }
        let whole = if zero { min_whole } else { decimal.point - exponent };
        let whole = whole.max(0).unsigned_abs() as usize;
        let total = (self.whole.min + self.fraction.min).max(whole).max(decimal.digits.len());
        for at in 0..total {
            if at == whole {
                out.push(self.decimal);
            }
            self.push_digit(decimal.digits.get(at).copied(), out);
        }
        if self.always_point && total == whole {
            out.push(self.decimal);
        }
        out.push_str(&self.symbols.exponent);
        if zero {
            exponent = 0;
        }
        if exponent < 0 {
            out.push_str(&self.symbols.minus);
        }
        let digits = Number::from(exponent.saturating_abs()).to_string();
        // The exponent 0 counts as having no digits of its own.
        let digits = if exponent == 0 { "" } else { &digits };
        for _ in digits.len()..least {
            self.push_digit(None, out);
        }
        for digit in digits.bytes() {
            self.push_digit(Some(digit), out);
        }
    }

    #[inline]
    fn push_digit(&self, digit: Option<u8>, out: &mut String) {
        let digit = digit.unwrap_or(b'0');
        if self.symbols.zero == '0' {
            out.push(char::from(digit));
        } else {
            let value = u32::from(self.symbols.zero) + u32::from(digit - b'0');
            out.push(char::from_u32(value).unwrap_or('?'));
        }
    }
}

/// Adds one to the last digit.
fn increment(decimal: &mut Decimal) {
    while let Some(last) = decimal.digits.pop() {
        if last < b'9' {
            decimal.digits.push(last + 1);
            return;
        }
    }
    decimal.digits.push(b'1');
    decimal.point += 1;
}

/// How the exact value of a floating-point number compares with its shortest form.
fn exact_order(value: f64, shortest: &Decimal) -> std::cmp::Ordering {
    let mut text = String::new();
    Decimal { negative: false, ..shortest.clone() }.write_plain(&mut text);
    // Every double has at most 1074 digits behind the point, so this prints it exactly.
    let exact = Number::parse(&format!("{value:.1074}"));
    match (exact, Number::parse(&text)) {
        (Some(exact), Some(shortest)) => {
            exact.compare(&shortest).unwrap_or(std::cmp::Ordering::Equal)
        }
        _ => std::cmp::Ordering::Equal,
    }
}

fn expand(pieces: &[Piece], symbols: &Symbols) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(c) => text.push(*c),
            Piece::Minus => text.push_str(&symbols.minus),
            Piece::Percent => text.push_str(&symbols.percent),
            Piece::PerMill => text.push_str(&symbols.per_mill),
            Piece::Currency => text.push_str(&symbols.currency_symbol),
            Piece::CurrencyCode => text.push_str(&symbols.currency_code),
        }
    }
    text
}
