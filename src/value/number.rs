//! Exact decimal numbers, calculated with as Java's `BigDecimal` does.
//!
//! Small numbers are integers of 64 bits, or such an integer and a scale; whatever outgrows them
//! becomes big. Floating-point numbers exist only where a template asks for them (`?double`), and
//! for infinities and NaN.
//!
//! Longer than other files, because all of it must know how a number is kept, which nobody else may.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "conversions between kinds of numbers are what this file is for; each is cut as Java cuts it"
)]

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{FromPrimitive, Pow, Signed, ToPrimitive, Zero};
use smallvec::SmallVec;

/// The digits a division keeps behind the point, at the least (FreeMarker's `BigDecimalEngine`).
const MIN_DIVISION_SCALE: i64 = 12;
/// Exponents beyond this are refused: writing them out would fill the memory.
const MAX_SCALE: i64 = 100_000;
/// Digits beyond this are refused, since reading and printing them takes time by their square; what is
/// calculated may have a few more.
const MAX_DIGITS: usize = 20_000;
const MAX_BITS: u64 = 70_000;
/// Decimal digits in a word of 64 bits.
const DIGITS_A_WORD: u64 = 19;

/// A number.
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Int(i64),
    /// `unscaled × 10^-scale`, scale not 0.
    Small {
        unscaled: i64,
        scale: i32,
    },
    Big(Arc<Big>),
    Double(f64),
    /// Of 32 bits (`?float`): it differs from a double in what it prints as.
    Float(f32),
}

#[derive(Clone, Debug)]
struct Big {
    unscaled: BigInt,
    scale: i64,
}

/// A calculation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Division by zero.
    DivisionByZero,
    /// The exponent is out of the range that is calculated with.
    OutOfRange,
    /// Infinity or NaN has no decimal form.
    NotDecimal,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DivisionByZero => "division by zero",
            Self::OutOfRange => "the number is too large or too small to calculate with",
            Self::NotDecimal => "infinity and NaN can't be calculated with as decimals",
        })
    }
}

impl std::error::Error for NumberError {}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Repr::Int(value))
    }
}

/// The sign, digits and scale of a decimal number: `±digits × 10^-scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Whether the number is below zero.
    pub negative: bool,
    /// The digits without leading zeros; `0` for zero.
    pub digits: String,
    /// How many of the digits stand behind the point; negative: zeros to append.
    pub scale: i64,
}

/// The digits of a number as they are printed: `±0.d₁d₂d₃… × 10^point`, on the stack unless it is
/// long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Whether the number is below zero.
    pub negative: bool,
    /// The digits as ASCII, without zeros at either end; none for zero.
    pub digits: SmallVec<[u8; 24]>,
    /// How many digits stand before the point; negative: zeros between the point and the first.
    pub point: i64,
}

impl Number {
    /// Reads a number in JSON's spelling, or `BigDecimal`'s: sign, digits, point, exponent.
    /// `None` when it is none, its exponent is beyond ±100,000, or it has more than 20,000 digits.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(value) = parse_small(text) {
            return Some(value);
        }
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (sign, magnitude) = match mantissa.as_bytes().first()? {
            b'-' => ("-", &mantissa[1..]),
            b'+' => ("", &mantissa[1..]),
            _ => ("", mantissa),
        };
        let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() > MAX_DIGITS {
            return None;
        }
        if whole.len() + fraction.len() == 0 || !digits_only(whole) || !digits_only(fraction) {
            return None;
        }
        let unscaled: BigInt = format!("{sign}{whole}{fraction}").parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        (scale.abs() <= MAX_SCALE).then(|| Self::from_big(unscaled, scale))
    }

    /// A number that JSON text was found to hold.
    pub(in crate::value) fn from_json(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self(Repr::Double(text.parse().unwrap_or(f64::NAN))))
    }

    /// The decimal number that `value` prints as in its shortest form (Java's `Double.toString`).
    pub fn from_shortest(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if !value.is_finite() {
            return Self(Repr::Double(value));
        }
        // A quotient of two exact numbers is the double nearest to the decimal number, so the
        // first scale that gives the value back is the shortest form.
        let mut power = 1.0;
        for scale in 0..=15 {
            let unscaled = (value * power).round();
            if unscaled.abs() >= EXACT {
                break;
            }
            if unscaled / power == value {
                return Self::small(unscaled as i64, scale);
            }
            power *= 10.0;
        }
        Self::parse(&format!("{value:e}")).unwrap_or(Self(Repr::Double(value)))
    }

    /// A floating-point number that stays one (`?double`, infinity, NaN).
    pub fn from_double(value: f64) -> Self {
        Self(Repr::Double(value))
    }

    /// A floating-point number of 32 bits (`?float`).
    pub fn from_float(value: f32) -> Self {
        Self(Repr::Float(value))
    }

    /// The integer that a floating-point number without a fraction stands for, all its digits.
    /// `None` for infinities and NaN.
    pub fn from_whole_double(value: f64) -> Option<Self> {
        BigInt::from_f64(value).map(|whole| Self::from_big(whole, 0))
    }

    /// `unscaled × 10^-scale`.
    pub fn from_big(unscaled: BigInt, scale: i64) -> Self {
        match unscaled.to_i64() {
            // Java's `long` has no other half of its least value; a decimal, which this is, has.
            Some(i64::MIN) if scale == 0 => Self(Repr::Big(Arc::new(Big { unscaled, scale }))),
            Some(value) if (0..=18).contains(&scale) => Self::small(value, scale as i32),
            Some(0) => Self(Repr::Int(0)),
            _ if (-19..0).contains(&scale) => {
                let value = unscaled * Pow::pow(BigInt::from(10), scale.unsigned_abs());
                match value.to_i64() {
                    Some(value) => Self(Repr::Int(value)),
                    None => Self(Repr::Big(Arc::new(Big { unscaled: value, scale: 0 }))),
                }
            }
            _ => Self(Repr::Big(Arc::new(Big { unscaled, scale }))),
        }
    }

    /// `unscaled × 10^-scale`.
    #[inline]
    pub(in crate::value) fn from_small(unscaled: i64, scale: u8) -> Self {
        Self::small(unscaled, i32::from(scale))
    }

    #[inline]
    fn small(unscaled: i64, scale: i32) -> Self {
        Self(if scale == 0 { Repr::Int(unscaled) } else { Repr::Small { unscaled, scale } })
    }

    /// The number as an unscaled integer and its scale.
    ///
    /// # Errors
    /// For infinities and NaN.
    pub fn to_big(&self) -> Result<(BigInt, i64), NumberError> {
        Ok(match &self.0 {
            Repr::Int(value) => (BigInt::from(*value), 0),
            Repr::Small { unscaled, scale } => (BigInt::from(*unscaled), i64::from(*scale)),
            Repr::Big(big) => (big.unscaled.clone(), big.scale),
            Repr::Double(_) | Repr::Float(_) => return self.printed()?.to_big(),
        })
    }

    /// The decimal number that a floating-point number prints as in Java 17.
    fn printed(&self) -> Result<Self, NumberError> {
        let printed = match self.0 {
            Repr::Double(value) => whole_digits(value, f64::MANTISSA_DIGITS)
                .or_else(|| Self::parse(&format!("{value:e}"))),
            Repr::Float(value) => whole_digits(f64::from(value), f32::MANTISSA_DIGITS)
                .or_else(|| Self::parse(&format!("{value:e}"))),
            _ => return Ok(self.clone()),
        };
        printed.ok_or(NumberError::NotDecimal)
    }

    /// Sign, digits and scale, for formatting.
    ///
    /// # Errors
    /// For infinities and NaN.
    pub fn digits(&self) -> Result<Digits, NumberError> {
        let small = |unscaled: i64, scale: i32| Digits {
            negative: unscaled < 0,
            digits: unscaled.unsigned_abs().to_string(),
            scale: i64::from(scale),
        };
        match &self.0 {
            Repr::Int(value) => Ok(small(*value, 0)),
            Repr::Small { unscaled, scale } => Ok(small(*unscaled, *scale)),
            _ => self.to_big().map(|(unscaled, scale)| Digits {
                negative: unscaled.is_negative(),
                digits: unscaled.magnitude().to_string(),
                scale,
            }),
        }
    }

    /// The digits as they are printed, without allocating for small numbers.
    ///
    /// # Errors
    /// For infinities and NaN.
    pub fn decimal(&self) -> Result<Decimal, NumberError> {
        let (negative, mut digits, scale) = match &self.0 {
            Repr::Int(value) => (*value < 0, ascii_digits(value.unsigned_abs()), 0),
            Repr::Small { unscaled, scale } => {
                (*unscaled < 0, ascii_digits(unscaled.unsigned_abs()), i64::from(*scale))
            }
            Repr::Double(_) | Repr::Float(_) => {
                let decimal = self.printed()?.decimal()?;
                return Ok(Decimal { negative: self.to_f64().is_sign_negative(), ..decimal });
            }
            Repr::Big(_) => {
                let (unscaled, scale) = self.to_big()?;
                let digits = unscaled.magnitude().to_string();
                (unscaled.is_negative(), SmallVec::from_slice(digits.as_bytes()), scale)
            }
        };
        let point = digits.len() as i64 - scale;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = if digits.is_empty() { 0 } else { point };
        Ok(Decimal { negative, digits, point })
    }

    /// The number when it is an integer that fits.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(value) => Some(*value),
            _ if self.is_integer() => self.truncated().as_i64_exact(),
            _ => None,
        }
    }

    /// The number when it is kept as an integer of 64 bits, which every integer that fits is.
    #[inline]
    pub fn as_i64_exact(&self) -> Option<i64> {
        if let Repr::Int(value) = self.0 { Some(value) } else { None }
    }

    /// The integer part, cut to 64 bits as Java's `longValue` does.
    pub fn to_i64_wrapping(&self) -> i64 {
        match &self.0 {
            Repr::Int(value) => *value,
            // Rust's cast saturates and takes NaN to 0, as Java's does.
            Repr::Double(value) => *value as i64,
            Repr::Float(value) => *value as i64,
            _ => match self.truncated().to_big() {
                Ok((unscaled, scale)) => {
                    let whole =
                        unscaled * Pow::pow(BigInt::from(10), (-scale).max(0).unsigned_abs());
                    let low = whole & BigInt::from(u64::MAX);
                    low.to_u64().unwrap_or(0).cast_signed()
                }
                Err(_) => 0,
            },
        }
    }

    /// The nearest floating-point number.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Int(value) => *value as f64,
            Repr::Double(value) => *value,
            Repr::Float(value) => f64::from(*value),
            _ => {
                let mut text = String::new();
                self.write_plain(&mut text);
                text.parse().unwrap_or(f64::NAN)
            }
        }
    }

    /// The nearest floating-point number of 32 bits.
    pub fn to_f32(&self) -> f32 {
        match &self.0 {
            Repr::Int(value) => *value as f32,
            Repr::Double(value) => *value as f32,
            Repr::Float(value) => *value,
            // Not by way of 64 bits, which would round twice.
            _ => {
                let mut text = String::new();
                self.write_plain(&mut text);
                text.parse().unwrap_or(f32::NAN)
            }
        }
    }

    /// The floating-point number, when this is one and not a decimal number.
    pub fn as_double(&self) -> Option<f64> {
        match self.0 {
            Repr::Double(value) => Some(value),
            Repr::Float(value) => Some(f64::from(value)),
            _ => None,
        }
    }

    /// The floating-point number of 32 bits, when this is one.
    pub fn as_float(&self) -> Option<f32> {
        if let Repr::Float(value) = self.0 { Some(value) } else { None }
    }

    /// Whether the number is so short that it has no exponent in any spelling: an integer of 64
    /// bits, or one with up to six digits behind the point.
    #[inline]
    pub fn is_short(&self) -> bool {
        matches!(self.0, Repr::Int(_) | Repr::Small { scale: ..=6, .. })
    }

    /// Whether the number was given with an exponent that left zeros behind its digits.
    pub fn is_scaled(&self) -> bool {
        matches!(&self.0, Repr::Big(big) if big.scale < 0)
    }

    /// Whether there is nothing behind the point.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Double(value) => value.is_finite() && value.fract() == 0.0,
            Repr::Float(value) => value.is_finite() && value.fract() == 0.0,
            _ => self.compare(&self.truncated()) == Some(Ordering::Equal),
        }
    }

    /// -1, 0 or 1; 0 for NaN.
    pub fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Int(value) | Repr::Small { unscaled: value, .. } => value.signum() as i32,
            Repr::Big(big) => match big.unscaled.sign() {
                num_bigint::Sign::Minus => -1,
                num_bigint::Sign::NoSign => 0,
                num_bigint::Sign::Plus => 1,
            },
            Repr::Double(_) | Repr::Float(_) => match self.to_f64() {
                value if value > 0.0 => 1,
                value if value < 0.0 => -1,
                _ => 0,
            },
        }
    }

    /// The order of two numbers by their value; `None` when one is NaN.
    #[inline]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0) {
            return Some(left.cmp(right));
        }
        if let Some((left, right, _)) = aligned_small(self, other) {
            return Some(left.cmp(&right));
        }
        match (self.as_double(), other.as_double()) {
            (Some(left), Some(right)) => return left.partial_cmp(&right),
            (Some(left), None) if !left.is_finite() => return left.partial_cmp(&0.0),
            (None, Some(right)) if !right.is_finite() => return 0.0_f64.partial_cmp(&right),
            _ => {}
        }
        let (left, right) = (self.to_big().ok()?, other.to_big().ok()?);
        let (left, right, _) = aligned(left, right);
        Some(left.cmp(&right))
    }

    /// How many words of memory it takes to calculate with; 0 for what the processor calculates.
    pub fn words(&self) -> usize {
        match &self.0 {
            Repr::Big(big) => {
                let words = big.unscaled.bits() / 64 + big.scale.unsigned_abs() / DIGITS_A_WORD;
                usize::try_from(words).unwrap_or(usize::MAX) + 1
            }
            Repr::Small { scale, .. } => scale.unsigned_abs() as usize / DIGITS_A_WORD as usize,
            Repr::Int(_) | Repr::Double(_) | Repr::Float(_) => 0,
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// For infinities and NaN.
    #[inline]
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if let Some((left, right, scale)) = aligned_small(self, other)
            && let Some(sum) = left.checked_add(right)
        {
            return Ok(Self::small(sum, scale));
        }
        let (left, right, scale) = aligned(self.to_big()?, other.to_big()?);
        Ok(Self::from_big(left + right, scale))
    }

    /// The difference.
    ///
    /// # Errors
    /// For infinities and NaN.
    pub fn subtract(&self, other: &Self) -> Result<Self, NumberError> {
        if let Some((left, right, scale)) = aligned_small(self, other)
            && let Some(difference) = left.checked_sub(right)
        {
            return Ok(Self::small(difference, scale));
        }
        let (left, right, scale) = aligned(self.to_big()?, other.to_big()?);
        Ok(Self::from_big(left - right, scale))
    }

    /// The product, rounded half up to 12 places behind the point.
    ///
    /// # Errors
    /// For infinities and NaN.
    pub fn multiply(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Some((left, left_scale)), Some((right, right_scale))) =
            (self.as_small(), other.as_small())
            && i64::from(left_scale) + i64::from(right_scale) <= MIN_DIVISION_SCALE
            && let Some(product) = left.checked_mul(right)
        {
            return Ok(Self::small(product, left_scale + right_scale));
        }
        let ((left, left_scale), (right, right_scale)) = (self.to_big()?, other.to_big()?);
        let scale = left_scale + right_scale;
        if scale.abs() > MAX_SCALE || left.bits() + right.bits() > MAX_BITS {
            return Err(NumberError::OutOfRange);
        }
        let product = Self::from_big(left * right, scale);
        if scale > MIN_DIVISION_SCALE {
            product.rounded(MIN_DIVISION_SCALE, Rounding::HalfUp)
        } else {
            Ok(product)
        }
    }

    /// The quotient, rounded half up to 12 places behind the point, or to as many as the operands
    /// have.
    ///
    /// # Errors
    /// For a divisor of zero, infinities and NaN.
    pub fn divide(&self, other: &Self) -> Result<Self, NumberError> {
        let ((left, left_scale), (right, right_scale)) = (self.to_big()?, other.to_big()?);
        if right.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let scale = MIN_DIVISION_SCALE.max(left_scale).max(right_scale);
        let shift = scale - left_scale + right_scale;
        if shift.abs() > 2 * MAX_SCALE {
            return Err(NumberError::OutOfRange);
        }
        let (left, right) = if shift >= 0 {
            (left * power_of_ten(shift), right)
        } else {
            (left, right * power_of_ten(-shift))
        };
        Ok(Self::from_big(divide_rounded(&left, &right, Rounding::HalfUp), scale))
    }

    /// The remainder of the two integer parts.
    ///
    /// # Errors
    /// For a divisor whose integer part is zero.
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        let divisor = other.to_i64_wrapping();
        if divisor == 0 {
            return Err(NumberError::DivisionByZero);
        }
        Ok(Self::from(self.to_i64_wrapping().wrapping_rem(divisor)))
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negate(&self) -> Self {
        match &self.0 {
            Repr::Int(value) if *value != i64::MIN => Self(Repr::Int(-value)),
            // Java's `long` has no other half of its least value, which so stays as it is.
            Repr::Int(value) => Self(Repr::Int(*value)),
            Repr::Small { unscaled, scale }
                if *unscaled != i64::MIN && i64::from(*scale) <= MIN_DIVISION_SCALE =>
            {
                Self(Repr::Small { unscaled: -unscaled, scale: *scale })
            }
            Repr::Double(value) => Self(Repr::Double(-value)),
            Repr::Float(value) => Self(Repr::Float(-value)),
            _ => self.to_big().map_or_else(
                |_| self.clone(),
                |(unscaled, scale)| {
                    let negative = Self::from_big(-unscaled, scale);
                    // It is a multiplication by -1, which has twelve digits at the most.
                    if scale > MIN_DIVISION_SCALE {
                        let rounded = negative.rounded(MIN_DIVISION_SCALE, Rounding::HalfUp);
                        rounded.unwrap_or(negative)
                    } else {
                        negative
                    }
                },
            ),
        }
    }

    /// The number without its sign.
    #[must_use]
    pub fn absolute(&self) -> Self {
        if self.signum() < 0 { self.negate() } else { self.clone() }
    }

    /// The number rounded to `scale` places behind the point.
    ///
    /// # Errors
    /// For infinities and NaN, and with [`Rounding::Unnecessary`] where rounding is needed.
    pub fn rounded(&self, scale: i64, rounding: Rounding) -> Result<Self, NumberError> {
        if scale >= 0 && self.as_small().is_some_and(|(_, own)| i64::from(own) <= scale) {
            return Ok(self.clone());
        }
        let (unscaled, own) = self.to_big()?;
        if own <= scale {
            return Ok(self.clone());
        }
        if own - scale > 2 * MAX_SCALE {
            return Err(NumberError::OutOfRange);
        }
        let divisor = power_of_ten(own - scale);
        if rounding == Rounding::Unnecessary && !(&unscaled % &divisor).is_zero() {
            return Err(NumberError::OutOfRange);
        }
        Ok(Self::from_big(divide_rounded(&unscaled, &divisor, rounding), scale))
    }

    /// The integer part.
    #[must_use]
    pub fn truncated(&self) -> Self {
        self.rounded(0, Rounding::Down).unwrap_or_else(|_| self.clone())
    }

    /// Writes the number in full, without an exponent and without zeros at the end of its fraction
    /// (`BigDecimal.stripTrailingZeros().toPlainString()`).
    pub fn write_plain(&self, out: &mut String) {
        if let Repr::Int(value) = self.0 {
            return write_scaled(value, 0, out);
        }
        if let Repr::Small { unscaled, scale } = self.0
            && let Ok(scale @ 0..=18) = usize::try_from(scale)
        {
            return write_scaled(unscaled, scale, out);
        }
        let Ok(decimal) = self.decimal() else {
            let _ = fmt::Write::write_fmt(out, format_args!("{}", self.to_f64()));
            return;
        };
        decimal.write_plain(out);
    }

    /// The number as `unscaled × 10^-scale`, when it is kept so; `scale` is 0 to 18.
    #[inline]
    pub fn as_small(&self) -> Option<(i64, i32)> {
        match self.0 {
            Repr::Int(value) => Some((value, 0)),
            Repr::Small { unscaled, scale } => Some((unscaled, scale)),
            _ => None,
        }
    }
}

impl Decimal {
    /// Writes the number in full, without an exponent.
    pub fn write_plain(&self, out: &mut String) {
        if self.digits.is_empty() {
            out.push('0');
            return;
        }
        if self.negative {
            out.push('-');
        }
        let count = self.digits.len();
        let Ok(before) = usize::try_from(self.point) else {
            out.push_str("0.");
            push_zeros(out, self.point.unsigned_abs() as usize);
            push_ascii(out, &self.digits);
            return;
        };
        if before == 0 {
            out.push('0');
        }
        push_ascii(out, &self.digits[..before.min(count)]);
        push_zeros(out, before.saturating_sub(count));
        if before < count {
            out.push('.');
            push_ascii(out, &self.digits[before..]);
        }
    }
}

fn push_zeros(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('0', count));
}

fn push_ascii(out: &mut String, digits: &[u8]) {
    out.push_str(str::from_utf8(digits).unwrap_or_default());
}

/// The digits that Java prints of a large whole floating-point number: more than are needed to tell
/// it from the next one. `None` for the others.
fn whole_digits(value: f64, mantissa: u32) -> Option<Number> {
    let magnitude = value.abs();
    if !(magnitude < 9.2e18 && value.fract() == 0.0) {
        return None;
    }
    let whole = magnitude as u64;
    let spare = (whole.checked_ilog2()?).checked_sub(mantissa + 1)?;
    let dropped = if spare > 1 { 2_u64.checked_pow(spare)?.ilog10() } else { 0 };
    let unit = 10_u64.pow(dropped);
    let rounded = (whole + unit / 2) / unit;
    let unscaled = BigInt::from(if value < 0.0 { -1 } else { 1 }) * rounded;
    Some(Number::from_big(unscaled, -i64::from(dropped)))
}

/// Writes `unscaled × 10^-scale` without zeros at the end of the fraction; `scale` up to 18.
fn write_scaled(unscaled: i64, scale: usize, out: &mut String) {
    // Sign, 19 digits, the point and a zero before it fit.
    let mut buffer = [0_u8; 24];
    let mut start = buffer.len();
    let mut rest = unscaled.unsigned_abs();
    let mut scale = scale;
    while scale > 0 && rest.is_multiple_of(10) {
        rest /= 10;
        scale -= 1;
    }
    let fraction = scale;
    let mut written = 0;
    while rest > 0 || written <= fraction {
        if written == fraction && fraction > 0 {
            start -= 1;
            buffer[start] = b'.';
        }
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    if unscaled < 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    push_ascii(out, &buffer[start..]);
}

/// The digits of an integer as ASCII.
fn ascii_digits(mut value: u64) -> SmallVec<[u8; 24]> {
    let mut buffer = [0_u8; 20];
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    SmallVec::from_slice(&buffer[start..])
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_plain(&mut text);
        f.write_str(&text)
    }
}

/// How a number is brought to fewer digits, in the words of Java's `RoundingMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// Towards positive infinity.
    Ceiling,
    /// Towards negative infinity.
    Floor,
    /// To the nearer one; from the middle away from zero.
    HalfUp,
    /// To the nearer one; from the middle towards zero.
    HalfDown,
    /// To the nearer one; from the middle to the even digit.
    HalfEven,
    /// An error where rounding would be needed.
    Unnecessary,
}

/// Those that fit into 64 bits.
const POWERS_OF_TEN: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

fn divide_rounded(dividend: &BigInt, divisor: &BigInt, rounding: Rounding) -> BigInt {
    let quotient = dividend / divisor;
    let remainder = dividend % divisor;
    if remainder.is_zero() {
        return quotient;
    }
    let negative = remainder.is_negative() != divisor.is_negative();
    let half = (remainder.abs() * 2_u8).cmp(&divisor.abs());
    let away = match rounding {
        Rounding::Up => true,
        Rounding::Down | Rounding::Unnecessary => false,
        Rounding::Ceiling => !negative,
        Rounding::Floor => negative,
        Rounding::HalfUp => half != Ordering::Less,
        Rounding::HalfDown => half == Ordering::Greater,
        Rounding::HalfEven => match half {
            Ordering::Equal => !(&quotient % 2_u8).is_zero(),
            order => order == Ordering::Greater,
        },
    };
    match (away, negative) {
        (false, _) => quotient,
        (true, false) => quotient + 1_u8,
        (true, true) => quotient - 1_u8,
    }
}

fn power_of_ten(exponent: i64) -> BigInt {
    Pow::pow(BigInt::from(10), exponent.unsigned_abs())
}

fn aligned(left: (BigInt, i64), right: (BigInt, i64)) -> (BigInt, BigInt, i64) {
    let scale = left.1.max(right.1);
    (left.0 * power_of_ten(scale - left.1), right.0 * power_of_ten(scale - right.1), scale)
}

fn aligned_small(left: &Number, right: &Number) -> Option<(i64, i64, i32)> {
    let ((left, left_scale), (right, right_scale)) = (left.as_small()?, right.as_small()?);
    let scale = left_scale.max(right_scale);
    let raise = |value: i64, from: i32| match usize::try_from(scale - from) {
        Ok(0) => Some(value),
        Ok(by) => value.checked_mul(*POWERS_OF_TEN.get(by)?),
        Err(_) => None,
    };
    Some((raise(left, left_scale)?, raise(right, right_scale)?, scale))
}

/// Plain integers and short decimals without an exponent.
fn parse_small(text: &str) -> Option<Number> {
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let scale = point.map_or(0, |at| digits.len() - 1 - at);
    Some(Number::small(if negative { -value } else { value }, scale as i32))
}

#[cfg(test)]
mod tests {
    use crate::value::number::{Number, NumberError, Rounding};

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn numbers_print_in_full() {
        for (text, plain) in [
            ("1.10", "1.1"),
            ("-0.5", "-0.5"),
            ("1e3", "1000"),
            ("1E-7", "0.0000001"),
            ("0.000", "0"),
            ("123456789012345678901234567890.120", "123456789012345678901234567890.12"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551616", "18446744073709551616"),
        ] {
            assert_eq!(number(text).to_string(), plain);
        }
        assert!(
            ["", "-", ".", "1e", "1x", "--1", "1.2.3"]
                .iter()
                .all(|text| Number::parse(text).is_none())
        );
    }

    #[test]
    fn doubles_become_their_shortest_decimal_form() {
        for value in
            [0.1, 1.5, 2.675, 1e21, 1e-7, 123_456.789, 5e-324, f64::MAX, -0.3, 6396.0, 0.1 + 0.2]
        {
            assert_eq!(Number::from_shortest(value).to_f64().to_bits(), value.to_bits(), "{value}");
        }
        assert_eq!(Number::from_shortest(2.675).to_string(), "2.675");
    }

    #[test]
    fn arithmetic_follows_javas_scales() {
        let third = number("1").divide(&number("3")).map(|n| n.to_string());
        assert_eq!(third.as_deref(), Ok("0.333333333333"));
        let twice = number("2").divide(&number("3")).map(|n| n.to_string());
        assert_eq!(twice.as_deref(), Ok("0.666666666667"));
        assert_eq!(number("7.5").remainder(&number("2")), Ok(number("1")));
        assert_eq!(number("1").divide(&number("0.0")), Err(NumberError::DivisionByZero));
        assert_eq!(
            number("9223372036854775807").add(&number("1")),
            Ok(number("9223372036854775808"))
        );
        assert_eq!(number("0.1").add(&number("0.2")), Ok(number("0.3")));
        assert_eq!(number("0.0000001").multiply(&number("0.0000001")), Ok(number("0")));
    }

    #[test]
    fn rounding_has_javas_modes() {
        let round = |text: &str, mode| {
            number(text).rounded(0, mode).map(|n| n.to_string()).unwrap_or_default()
        };
        assert_eq!(round("2.5", Rounding::HalfEven), "2");
        assert_eq!(round("3.5", Rounding::HalfEven), "4");
        assert_eq!(round("-2.5", Rounding::HalfUp), "-3");
        assert_eq!(round("-2.5", Rounding::HalfDown), "-2");
        assert_eq!(round("-2.1", Rounding::Floor), "-3");
        assert_eq!(round("2.1", Rounding::Ceiling), "3");
    }
}
