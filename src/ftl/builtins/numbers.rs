//! `x?abs` and what else works on numbers.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers are cut as Java cuts them"
)]

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::coerce::expect_number;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::computer::Computer;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;
use crate::ftl::model::Model;
use crate::value::Number;
use crate::value::Rounding;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    number("abs", "the number without its sign", |_, target| {
        let target = expect(&target)?;
        Ok(target.absolute().into())
    }),
    number("ceiling", "the next greater whole number", |_, target| rounded(&target, f64::ceil)),
    number("floor", "the next smaller whole number", |_, target| rounded(&target, f64::floor)),
    number("round", "the nearest whole number; from the middle the greater one", |_, target| {
        rounded(&target, |value| {
            let floor = value.floor();
            if value - floor >= 0.5 { floor + 1.0 } else { floor }
        })
    }),
    number("int", "the whole part, cut to 32 bits", |_, target| {
        let target = expect(&target)?;
        Ok(Number::from(i64::from(to_i32(target))).into())
    }),
    number("short", "the whole part, cut to 16 bits", |_, target| {
        let target = expect(&target)?;
        Ok(Number::from(i64::from(to_i32(target) as i16)).into())
    }),
    number("byte", "the whole part, cut to 8 bits", |_, target| {
        let target = expect(&target)?;
        Ok(Number::from(i64::from(to_i32(target) as i8)).into())
    }),
    number("long", "the whole part, cut to 64 bits; the milliseconds since 1970 of a date", {
        |_, target| match target {
            Model::Date(date) => Ok(Number::from(date.millis).into()),
            target => Ok(Number::from(expect(&target)?.to_i64_wrapping()).into()),
        }
    }),
    number("float", "a floating-point number of 32 bits", |_, target| {
        Ok(Number::from_float(expect(&target)?.to_f32()).into())
    }),
    number("double", "a floating-point number of 64 bits", |_, target| {
        Ok(Number::from_double(expect(&target)?.to_f64()).into())
    }),
    number("is_nan", "whether it is the floating-point number NaN", |_, target| {
        Ok(expect(&target)?.as_double().is_some_and(f64::is_nan).into())
    }),
    number("is_infinite", "whether it is an infinite floating-point number", |_, target| {
        Ok(expect(&target)?.as_double().is_some_and(f64::is_infinite).into())
    }),
    number("lower_abc", "1 as `a`, 26 as `z`, 27 as `aa`", |_, target| letters(&target, b'a')),
    number("upper_abc", "1 as `A`, 26 as `Z`, 27 as `AA`", |_, target| letters(&target, b'A')),
    number("number_to_date", "the date, from milliseconds since 1970", |_, target| {
        date(&target, DateKind::Date)
    }),
    number("number_to_time", "the time, from milliseconds since 1970", |_, target| {
        date(&target, DateKind::Time)
    }),
    number("number_to_datetime", "date and time, from milliseconds since 1970", |_, target| {
        date(&target, DateKind::DateTime)
    }),
];

type Value = for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>) -> Outcome<'r>;

const fn number(name: &'static str, help: &'static str, function: Value) -> BuiltIn {
    BuiltIn {
        name,
        group: "number",
        arguments: None,
        accepts_missing: false,
        help,
        function: Function::Value(function),
    }
}

fn expect<'m>(target: &'m Model<'_>) -> Result<&'m Number, Fault> {
    expect_number(target).map_err(|fault| fault.blaming(Blame::Target))
}

fn bad(message: impl Into<String>) -> Fault {
    Fault::new(TemplateErrorKind::BadArgument, message).blaming(Blame::Target)
}

/// As FreeMarker rounds: by way of a floating-point number.
fn rounded<'r>(target: &Model<'r>, round: fn(f64) -> f64) -> Outcome<'r> {
    /// Up to here the way changes nothing.
    const EXACT: u64 = 1 << 53;
    let target = expect(target)?;
    if target.as_i64_exact().is_some_and(|value| value.unsigned_abs() <= EXACT) {
        return Ok(target.clone().into());
    }
    let whole = Number::from_whole_double(round(target.to_f64()));
    whole.map(Model::from).ok_or_else(|| bad("infinity and NaN can't be rounded"))
}

/// Java's `intValue`: floating-point numbers end at the edges, others are cut.
fn to_i32(number: &Number) -> i32 {
    match number.as_double() {
        Some(value) => value as i32,
        None => number.to_i64_wrapping() as i32,
    }
}

/// A number as a message shows it: with an exponent when it is long.
fn shown(number: &Number) -> String {
    let mut text = String::new();
    Computer::JavaScriptOrJson.write_number(number, &mut text);
    text
}

fn letters<'r>(target: &Model<'r>, first: u8) -> Outcome<'r> {
    let number = expect(target)?;
    let value = number.as_i64().filter(|value| (1..=i64::from(i32::MAX)).contains(value));
    let mut rest = value.ok_or_else(|| {
        bad(format!("expected a whole number from 1 to 2147483647, found {}", shown(number)))
    })?;
    let mut letters = Vec::new();
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(first + (rest % 26) as u8));
        rest /= 26;
    }
    Ok(Model::text(letters.iter().rev().collect::<String>()))
}

fn date<'r>(target: &Model<'r>, kind: DateKind) -> Outcome<'r> {
    let number = expect(target)?;
    let out_of_range = || {
        bad(format!("{} milliseconds are more than a date can be away from 1970", shown(number)))
    };
    let millis = match number.as_double() {
        // Java rounds a float to 32 bits first.
        Some(value) if number.as_float().is_some() => i64::from((value + 0.5).floor() as i32),
        Some(value) => (value + 0.5).floor() as i64,
        None => {
            let whole = number.rounded(0, Rounding::HalfUp).map_err(|_| out_of_range())?;
            whole.as_i64().ok_or_else(out_of_range)?
        }
    };
    Ok(Model::Date(Date { millis, kind }))
}
