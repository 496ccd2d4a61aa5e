//! What a value that holds no others is in an event.

use arrow_array::Array;
use arrow_array::cast::AsArray as _;
use arrow_array::types;
use arrow_array::types::DecimalType;
use arrow_array::types::IntervalMonthDayNano;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::IntervalUnit;
use arrow_schema::TimeUnit;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::events::EventErrorKind;
use crate::events::arrow::column::Compiler;
use crate::events::arrow::column::Unfit;
use crate::events::arrow::column::Write;
use crate::events::arrow::column::primitive;
use crate::events::arrow::out::Bad;
use crate::events::arrow::out::Out;
use crate::events::arrow::time;
use crate::events::arrow::time::Zone;
use crate::value::Document;

const NANOS_A_MILLI: i64 = 1_000_000;

/// What writes the values of a column.
pub(in crate::events::arrow) fn write<'b>(
    compiler: &Compiler,
    field: &Field,
    array: &'b dyn Array,
) -> Result<Write<'b>, Unfit> {
    let extension = field.extension_type_name().unwrap_or_default();
    if extension == "pandas.period" {
        // A number that says nothing without its frequency.
        let message = "expected a type that JSON has, found a Period of pandas";
        let hint = "convert the column: `.astype(str)`, or `.dt.to_timestamp()`";
        return Err(compiler.unfit(message.to_owned(), Some(hint)));
    }
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, out| {
            out.null();
            Ok(())
        }),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, out| {
                out.boolean(values.value(row));
                Ok(())
            })
        }
        DataType::Int8 => primitive::<types::Int8Type>(array, integer),
        DataType::Int16 => primitive::<types::Int16Type>(array, integer),
        DataType::Int32 => primitive::<types::Int32Type>(array, integer),
        DataType::Int64 => primitive::<types::Int64Type>(array, integer),
        DataType::UInt8 => primitive::<types::UInt8Type>(array, integer),
        DataType::UInt16 => primitive::<types::UInt16Type>(array, integer),
        DataType::UInt32 => primitive::<types::UInt32Type>(array, integer),
        DataType::UInt64 => {
            primitive::<types::UInt64Type>(array, |value, out| match i64::try_from(value) {
                Ok(value) => integer(value, out),
                Err(_) => out.number(&value.to_string()),
            })
        }
        DataType::Float16 => {
            primitive::<types::Float16Type>(array, |value, out| out.single(value.to_f32()))
        }
        DataType::Float32 => primitive::<types::Float32Type>(array, |value, out| out.single(value)),
        DataType::Float64 => primitive::<types::Float64Type>(array, |value, out| out.float(value)),
        DataType::Decimal32(_, _) => decimal::<types::Decimal32Type>(array),
        DataType::Decimal64(_, _) => decimal::<types::Decimal64Type>(array),
        DataType::Decimal128(_, _) => decimal::<types::Decimal128Type>(array),
        DataType::Decimal256(_, _) => decimal::<types::Decimal256Type>(array),
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            text(extension, move |row| texts.value(row))
        }
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            text(extension, move |row| texts.value(row))
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            text(extension, move |row| texts.value(row))
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            bytes("", move |row| values.value(row))
        }
        DataType::LargeBinary => {
            let values = array.as_binary::<i64>();
            bytes("", move |row| values.value(row))
        }
        DataType::BinaryView => {
            let values = array.as_binary_view();
            bytes("", move |row| values.value(row))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            bytes(extension, move |row| values.value(row))
        }
        DataType::Timestamp(unit, zone) => timestamp(compiler, *unit, zone.as_deref(), array)?,
        DataType::Date32 => primitive::<types::Date32Type>(array, |days, out| {
            out.written(|text| time::write_date(days.into(), text))
        }),
        DataType::Date64 => primitive::<types::Date64Type>(array, |millis, out| {
            out.written(|text| time::write_date_of_millis(millis, text))
        }),
        DataType::Time32(TimeUnit::Second) => of_day::<types::Time32SecondType>(array, 1),
        DataType::Time32(_) => of_day::<types::Time32MillisecondType>(array, 1000),
        DataType::Time64(TimeUnit::Microsecond) => {
            of_day::<types::Time64MicrosecondType>(array, 1_000_000)
        }
        DataType::Time64(_) => of_day::<types::Time64NanosecondType>(array, 1_000_000_000),
        DataType::Duration(unit) => duration(*unit, array),
        DataType::Interval(unit) => interval(*unit, array),
        other => {
            let message = format!("expected a type that JSON has, found {other}");
            return Err(compiler.unfit(message, Some("convert the column, or leave it out")));
        }
    })
}

fn integer(value: impl Into<i64>, out: &mut Out<'_>) -> Result<(), Bad> {
    out.integer(value.into());
    Ok(())
}

fn decimal<T: DecimalType>(array: &dyn Array) -> Write<'_> {
    let (precision, scale) = match array.data_type() {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (*precision, *scale),
        _ => (T::MAX_PRECISION, 0),
    };
    primitive::<T>(array, move |value, out| out.number(&T::format_decimal(value, precision, scale)))
}

/// Texts; where they are marked as JSON, what they mean.
fn text<'b>(extension: &str, get: impl Fn(usize) -> &'b str + 'b) -> Write<'b> {
    if extension != "arrow.json" {
        return Box::new(move |row, out| out.text(get(row)));
    }
    Box::new(move |row, out| {
        let text = get(row);
        match Document::parse(text) {
            Ok(value) => out.copy(value.root(), text.len()),
            Err(error) => {
                let message = format!("expected JSON, found a text that is none: {error}");
                Err(Bad::new(EventErrorKind::NotJson, message))
            }
        }
    })
}

/// Bytes in base64; where they are marked as UUIDs, as those are written.
fn bytes<'b>(extension: &str, get: impl Fn(usize) -> &'b [u8] + 'b) -> Write<'b> {
    if extension != "arrow.uuid" {
        return Box::new(move |row, out| {
            out.written(|text| {
                BASE64_STANDARD.encode_string(get(row), text);
                Ok(())
            })
        });
    }
    Box::new(move |row, out| {
        out.written(|text| {
            for (index, byte) in get(row).iter().enumerate() {
                if matches!(index, 4 | 6 | 8 | 10) {
                    text.push('-');
                }
                for digit in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
                }
            }
            Ok(())
        })
    })
}

fn timestamp<'b>(
    compiler: &Compiler,
    unit: TimeUnit,
    name: Option<&str>,
    array: &'b dyn Array,
) -> Result<Write<'b>, Unfit> {
    let Some(zone) = Zone::new(name) else {
        let name = name.unwrap_or_default();
        let message = format!("expected a time zone of the IANA database, found `{name}`");
        return Err(compiler.unfit(message, Some("convert the column to UTC")));
    };
    let a_second = time::a_second(unit);
    let write = move |value: i64, out: &mut Out<'_>| {
        out.written(|text| time::write_timestamp(value, a_second, &zone, text))
    };
    Ok(match unit {
        TimeUnit::Second => primitive::<types::TimestampSecondType>(array, write),
        TimeUnit::Millisecond => primitive::<types::TimestampMillisecondType>(array, write),
        TimeUnit::Microsecond => primitive::<types::TimestampMicrosecondType>(array, write),
        TimeUnit::Nanosecond => primitive::<types::TimestampNanosecondType>(array, write),
    })
}

fn of_day<T>(array: &dyn Array, a_second: i64) -> Write<'_>
where
    T: types::ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    primitive::<T>(array, move |value, out| {
        out.written(|text| time::write_time(value.into(), a_second, text))
    })
}

fn duration(unit: TimeUnit, array: &dyn Array) -> Write<'_> {
    let a_second = time::a_second(unit);
    let write = move |value: i64, out: &mut Out<'_>| {
        out.written_number(|text| time::write_seconds(value, a_second, text))
    };
    match unit {
        TimeUnit::Second => primitive::<types::DurationSecondType>(array, write),
        TimeUnit::Millisecond => primitive::<types::DurationMillisecondType>(array, write),
        TimeUnit::Microsecond => primitive::<types::DurationMicrosecondType>(array, write),
        TimeUnit::Nanosecond => primitive::<types::DurationNanosecondType>(array, write),
    }
}

fn interval(unit: IntervalUnit, array: &dyn Array) -> Write<'_> {
    let write = |interval: IntervalMonthDayNano, out: &mut Out<'_>| {
        out.written(|text| {
            time::write_interval(interval, text);
            Ok(())
        })
    };
    match unit {
        IntervalUnit::YearMonth => {
            primitive::<types::IntervalYearMonthType>(array, move |months, out| {
                write(IntervalMonthDayNano::new(months, 0, 0), out)
            })
        }
        IntervalUnit::DayTime => {
            primitive::<types::IntervalDayTimeType>(array, move |value, out| {
                let nanos = i64::from(value.milliseconds) * NANOS_A_MILLI;
                write(IntervalMonthDayNano::new(0, value.days, nanos), out)
            })
        }
        IntervalUnit::MonthDayNano => primitive::<types::IntervalMonthDayNanoType>(array, write),
    }
}
