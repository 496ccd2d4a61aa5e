//! `x?iso_utc` and what else works on dates.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::coerce::expect_date;
use crate::ftl::coerce::expect_text;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::date::unknown_kind;
use crate::ftl::format::iso;
use crate::ftl::format::iso::Accuracy;
use crate::ftl::format::iso::IsoStyle;
use crate::ftl::format::zone::Zone;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;
use crate::ftl::model::Model;

/// The lines of this group. `local` is the zone of the settings; `h`, `m`, `ms` say how exact,
/// `nz` leaves the offset out.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    value("date_if_unknown", "a date, if nobody said what it is", |_, target| {
        known(&target, DateKind::Date)
    }),
    value("time_if_unknown", "a time, if nobody said what it is", |_, target| {
        known(&target, DateKind::Time)
    }),
    value("datetime_if_unknown", "date and time, if nobody said what it is", |_, target| {
        known(&target, DateKind::DateTime)
    }),
    value("iso_utc", "as ISO 8601, in UTC, to the second", |host, target| {
        utc(host, &target, Accuracy::Seconds, true)
    }),
    value(
        "iso_utc_nz",
        "as ISO 8601, in UTC, to the second, without the offset",
        |host, target| utc(host, &target, Accuracy::Seconds, false),
    ),
    value("iso_utc_ms", "as ISO 8601, in UTC, to the millisecond", |host, target| {
        utc(host, &target, Accuracy::Millis, true)
    }),
    value(
        "iso_utc_ms_nz",
        "as ISO 8601, in UTC, to the millisecond, without the offset",
        |host, target| utc(host, &target, Accuracy::Millis, false),
    ),
    value("iso_utc_m", "as ISO 8601, in UTC, to the minute", |host, target| {
        utc(host, &target, Accuracy::Minutes, true)
    }),
    value(
        "iso_utc_m_nz",
        "as ISO 8601, in UTC, to the minute, without the offset",
        |host, target| utc(host, &target, Accuracy::Minutes, false),
    ),
    value("iso_utc_h", "as ISO 8601, in UTC, to the hour", |host, target| {
        utc(host, &target, Accuracy::Hours, true)
    }),
    value(
        "iso_utc_h_nz",
        "as ISO 8601, in UTC, to the hour, without the offset",
        |host, target| utc(host, &target, Accuracy::Hours, false),
    ),
    value(
        "iso_utc_fz",
        "as ISO 8601, in UTC, to the second, always with the offset",
        |host, target| utc(host, &target, Accuracy::Seconds, true),
    ),
    value(
        "iso_local",
        "as ISO 8601, in the time zone of the settings, to the second",
        |host, target| local(host, &target, Accuracy::Seconds, true),
    ),
    value(
        "iso_local_nz",
        "as ISO 8601, in the time zone of the settings, to the second, without the offset",
        |host, target| local(host, &target, Accuracy::Seconds, false),
    ),
    value(
        "iso_local_ms",
        "as ISO 8601, in the time zone of the settings, to the millisecond",
        |host, target| local(host, &target, Accuracy::Millis, true),
    ),
    value(
        "iso_local_ms_nz",
        "as ISO 8601, in the time zone of the settings, to the millisecond, without the offset",
        |host, target| local(host, &target, Accuracy::Millis, false),
    ),
    value(
        "iso_local_m",
        "as ISO 8601, in the time zone of the settings, to the minute",
        |host, target| local(host, &target, Accuracy::Minutes, true),
    ),
    value(
        "iso_local_m_nz",
        "as ISO 8601, in the time zone of the settings, to the minute, without the offset",
        |host, target| local(host, &target, Accuracy::Minutes, false),
    ),
    value(
        "iso_local_h",
        "as ISO 8601, in the time zone of the settings, to the hour",
        |host, target| local(host, &target, Accuracy::Hours, true),
    ),
    value(
        "iso_local_h_nz",
        "as ISO 8601, in the time zone of the settings, to the hour, without the offset",
        |host, target| local(host, &target, Accuracy::Hours, false),
    ),
    method(
        "iso",
        "as ISO 8601, in the time zone of the argument, to the second",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Seconds, true),
    ),
    method(
        "iso_nz",
        "as ISO 8601, in the time zone of the argument, to the second, without the offset",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Seconds, false),
    ),
    method(
        "iso_ms",
        "as ISO 8601, in the time zone of the argument, to the millisecond",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Millis, true),
    ),
    method(
        "iso_ms_nz",
        "as ISO 8601, in the time zone of the argument, to the millisecond, without the offset",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Millis, false),
    ),
    method(
        "iso_m",
        "as ISO 8601, in the time zone of the argument, to the minute",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Minutes, true),
    ),
    method(
        "iso_m_nz",
        "as ISO 8601, in the time zone of the argument, to the minute, without the offset",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Minutes, false),
    ),
    method(
        "iso_h",
        "as ISO 8601, in the time zone of the argument, to the hour",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Hours, true),
    ),
    method(
        "iso_h_nz",
        "as ISO 8601, in the time zone of the argument, to the hour, without the offset",
        |_, target, arguments| in_zone(&target, arguments, Accuracy::Hours, false),
    ),
];

type Value = for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>) -> Outcome<'r>;
type Method = for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>, &[Model<'r>]) -> Outcome<'r>;

const fn value(name: &'static str, help: &'static str, function: Value) -> BuiltIn {
    BuiltIn {
        name,
        group: "date",
        arguments: None,
        accepts_missing: false,
        help,
        function: Function::Value(function),
    }
}

const fn method(name: &'static str, help: &'static str, function: Method) -> BuiltIn {
    BuiltIn {
        name,
        group: "date",
        arguments: Some((1, 1)),
        accepts_missing: false,
        help,
        function: Function::Method(function),
    }
}

fn expect(target: &Model<'_>) -> Result<Date, Fault> {
    expect_date(target).map_err(|fault| fault.blaming(Blame::Target))
}

fn known<'r>(target: &Model<'r>, kind: DateKind) -> Outcome<'r> {
    let date = expect(target)?;
    let kind = if date.kind == DateKind::Unknown { kind } else { date.kind };
    Ok(Model::Date(Date { kind, ..date }))
}

fn utc<'r>(
    _host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    accuracy: Accuracy,
    offset: bool,
) -> Outcome<'r> {
    written(target, accuracy, offset, &Zone::utc())
}

fn local<'r>(
    host: &mut (dyn Host<'r> + '_),
    target: &Model<'r>,
    accuracy: Accuracy,
    offset: bool,
) -> Outcome<'r> {
    let formatting = host.formatting();
    written(target, accuracy, offset, formatting.formats.zone(&formatting.settings.time_zone)?)
}

fn in_zone<'r>(
    target: &Model<'r>,
    arguments: &[Model<'r>],
    accuracy: Accuracy,
    offset: bool,
) -> Outcome<'r> {
    let blame = |fault: Fault| fault.blaming(Blame::Argument(0)).inexcusable();
    let name = expect_text(arguments.first().unwrap_or(&Model::Missing)).map_err(blame)?;
    if name.eq_ignore_ascii_case("JVM default") {
        let message = "`JVM default` is for the setting `time_zone` only";
        return Err(blame(Fault::new(TemplateErrorKind::BadArgument, message)));
    }
    written(target, accuracy, offset, &Zone::find(&name).map_err(blame)?)
}

fn written<'r>(target: &Model<'r>, accuracy: Accuracy, offset: bool, zone: &Zone) -> Outcome<'r> {
    let date = expect(target)?;
    if date.kind == DateKind::Unknown {
        return Err(unknown_kind().blaming(Blame::Target));
    }
    let offset = offset && date.kind != DateKind::Date;
    let mut text = String::with_capacity(30);
    iso::write(
        date.millis,
        date.kind,
        IsoStyle { schema: false, accuracy, offset },
        zone,
        &mut text,
    );
    Ok(Model::text(text))
}
