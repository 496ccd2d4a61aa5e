//! Rows of Arrow tables as events: what each type becomes, and what is wrong with one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use arrow_array::Array as _;
use arrow_array::ArrayRef;
use arrow_array::BinaryArray;
use arrow_array::BinaryViewArray;
use arrow_array::BooleanArray;
use arrow_array::Date32Array;
use arrow_array::Date64Array;
use arrow_array::Decimal32Array;
use arrow_array::Decimal128Array;
use arrow_array::DurationMillisecondArray;
use arrow_array::DurationNanosecondArray;
use arrow_array::FixedSizeListArray;
use arrow_array::Float32Array;
use arrow_array::Float64Array;
use arrow_array::Int8Array;
use arrow_array::Int32Array;
use arrow_array::Int64Array;
use arrow_array::IntervalMonthDayNanoArray;
use arrow_array::LargeBinaryArray;
use arrow_array::LargeStringArray;
use arrow_array::NullArray;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::StringViewArray;
use arrow_array::StructArray;
use arrow_array::Time64MicrosecondArray;
use arrow_array::TimestampMicrosecondArray;
use arrow_array::TimestampNanosecondArray;
use arrow_array::TimestampSecondArray;
use arrow_array::UInt64Array;
use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::builder::Int32Builder;
use arrow_array::builder::Int64Builder;
use arrow_array::builder::ListBuilder;
use arrow_array::builder::MapBuilder;
use arrow_array::builder::StringBuilder;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::builder::StringRunBuilder;
use arrow_array::types::Int32Type;
use arrow_array::types::IntervalMonthDayNano;
use arrow_schema::ArrowError;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use webhook_stream::events::EventError;
use webhook_stream::events::EventErrorKind;
use webhook_stream::events::Settings;
use webhook_stream::events::arrow::TableReader;
use webhook_stream::value::Buffers;
use webhook_stream::value::write_json;

/// A table of these columns.
fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("columns of one length")
}

/// The events of a table as JSON; of those that are none, what is wrong.
fn events_of(mut table: TableReader) -> Vec<String> {
    let mut events = Vec::new();
    let mut buffers = Buffers::default();
    while let Some(batch) = table.next_batch() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                events.push(told(&error));
                continue;
            }
        };
        let rows = batch.rows().expect("types that were checked");
        for row in 0..rows.len() {
            match rows.event(row, buffers) {
                Ok(event) => {
                    let mut text = String::new();
                    write_json(event.root(), &mut text);
                    events.push(text);
                    buffers = event.into_buffers();
                }
                Err((error, unused)) => {
                    events.push(told(&error));
                    buffers = unused;
                }
            }
        }
    }
    events
}

fn told(error: &EventError) -> String {
    format!("{}: {}", error.kind().name(), error.to_string().lines().next().unwrap_or_default())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> TableReader {
    TableReader::of_batches(vec![batch(columns)], &Settings::default()).expect("types that fit")
}

/// What the values of one column become.
fn values(array: ArrayRef) -> Vec<String> {
    let strip = |event: String| match event.strip_prefix("{\"v\":") {
        Some(value) => value[..value.len() - 1].to_owned(),
        None => event,
    };
    events_of(table(vec![("v", array)])).into_iter().map(strip).collect()
}

fn refused(array: ArrayRef) -> String {
    let table = TableReader::of_batches(vec![batch(vec![("v", array)])], &Settings::default());
    let error = table.expect_err("a type that does not fit");
    assert_eq!(error.kind(), EventErrorKind::Unsupported);
    error.to_string()
}

#[test]
fn a_row_is_an_object_of_its_columns_and_null_is_null() {
    let table = table(vec![
        ("event_type", Arc::new(StringArray::from(vec![Some("Login"), None]))),
        ("user_id", Arc::new(Int64Array::from(vec![Some(7), Some(8)]))),
        ("ok", Arc::new(BooleanArray::from(vec![None, Some(true)]))),
        ("nothing", Arc::new(NullArray::new(2))),
    ]);
    assert_eq!(
        events_of(table),
        [
            r#"{"event_type":"Login","user_id":7,"ok":null,"nothing":null}"#,
            r#"{"event_type":null,"user_id":8,"ok":true,"nothing":null}"#,
        ]
    );
}

#[test]
fn numbers_keep_their_last_digit() {
    assert_eq!(values(Arc::new(Int8Array::from(vec![-128]))), ["-128"]);
    assert_eq!(
        values(Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, (1 << 53) + 1]))),
        ["-9223372036854775808", "9223372036854775807", "9007199254740993"]
    );
    assert_eq!(
        values(Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
        ["18446744073709551615", "1"]
    );
    let decimals = Decimal128Array::from(vec![1250, 5, -100, 12_345_678_901_234_567_890]);
    let decimals = decimals.with_precision_and_scale(38, 2).expect("a scale");
    assert_eq!(values(Arc::new(decimals)), ["12.50", "0.05", "-1.00", "123456789012345678.90"]);
    let whole = Decimal128Array::from(vec![i128::from(u64::MAX) * 10, 3]);
    let whole = whole.with_precision_and_scale(38, 0).expect("a scale");
    assert_eq!(values(Arc::new(whole)), ["184467440737095516150", "3"]);
    let rough = Decimal32Array::from(vec![12]).with_precision_and_scale(9, -2).expect("a scale");
    assert_eq!(values(Arc::new(rough)), ["1200"]);
}

#[test]
fn a_float_is_its_shortest_decimal_and_not_a_number_is_null() {
    assert_eq!(
        values(Arc::new(Float64Array::from(vec![0.1, 5.0, -0.0, 1e300, f64::NAN]))),
        ["0.1", "5.0", "-0.0", "1e300", "null"]
    );
    assert_eq!(
        values(Arc::new(Float32Array::from(vec![0.1_f32, 16_777_216.0, f32::NAN]))),
        ["0.1", "16777216.0", "null"]
    );
}

#[test]
fn infinity_makes_its_row_invalid_and_the_next_one_is_read() {
    let floats = Float64Array::from(vec![1.0, f64::INFINITY, f64::NEG_INFINITY, 2.0]);
    assert_eq!(
        events_of(table(vec![("score", Arc::new(floats))])),
        [
            "{\"score\":1.0}",
            "not_json: row 1: expected a number that JSON has, found infinity in column `score`",
            "not_json: row 2: expected a number that JSON has, found -infinity in column `score`",
            "{\"score\":2.0}",
        ]
    );
}

#[test]
fn texts_of_every_layout_are_texts() {
    let words = vec![Some("a \"quoted\" ü\n"), None, Some("")];
    let expected = [r#""a \"quoted\" ü\n""#, "null", r#""""#];
    assert_eq!(values(Arc::new(StringArray::from(words.clone()))), expected);
    assert_eq!(values(Arc::new(LargeStringArray::from(words.clone()))), expected);
    assert_eq!(values(Arc::new(StringViewArray::from(words))), expected);
}

#[test]
fn bytes_are_base64() {
    let bytes: Vec<Option<&[u8]>> = vec![Some(&[0, 255, 16]), None];
    assert_eq!(values(Arc::new(BinaryArray::from(bytes.clone()))), [r#""AP8Q""#, "null"]);
    assert_eq!(values(Arc::new(LargeBinaryArray::from(bytes.clone()))), [r#""AP8Q""#, "null"]);
    assert_eq!(values(Arc::new(BinaryViewArray::from(bytes))), [r#""AP8Q""#, "null"]);
}

#[test]
fn times_are_iso_8601_with_the_zone_if_there_is_one() {
    let micros = vec![Some(1_795_426_200_000_001), None, Some(-1)];
    let plain = TimestampMicrosecondArray::from(micros.clone());
    assert_eq!(
        values(Arc::new(plain)),
        [r#""2026-11-23T09:30:00.000001""#, "null", r#""1969-12-31T23:59:59.999999""#]
    );
    let utc = TimestampMicrosecondArray::from(micros).with_timezone("UTC");
    assert_eq!(values(Arc::new(utc))[0], r#""2026-11-23T09:30:00.000001+00:00""#);
    // Winter and summer in Berlin.
    let seconds = vec![1_795_426_200, 1_782_000_000];
    let berlin = TimestampSecondArray::from(seconds.clone()).with_timezone("Europe/Berlin");
    assert_eq!(
        values(Arc::new(berlin)),
        [r#""2026-11-23T10:30:00+01:00""#, r#""2026-06-21T02:00:00+02:00""#]
    );
    let fixed = TimestampSecondArray::from(seconds).with_timezone("-05:30");
    assert_eq!(values(Arc::new(fixed))[0], r#""2026-11-23T04:00:00-05:30""#);
    let nanos = TimestampNanosecondArray::from(vec![1, 1_000_000_000]);
    assert_eq!(
        values(Arc::new(nanos)),
        [r#""1970-01-01T00:00:00.000000001""#, r#""1970-01-01T00:00:01""#]
    );
    let days = Date32Array::from(vec![20_780, -1]);
    assert_eq!(values(Arc::new(days)), [r#""2026-11-23""#, r#""1969-12-31""#]);
    let millis = Date64Array::from(vec![1_795_392_000_000]);
    assert_eq!(values(Arc::new(millis)), [r#""2026-11-23""#]);
    let clock = Time64MicrosecondArray::from(vec![34_200_000_000, 500_000, 86_400_000_000]);
    assert_eq!(values(Arc::new(clock)), [r#""09:30:00""#, r#""00:00:00.500000""#, r#""24:00:00""#]);
}

#[test]
fn a_time_that_is_far_off_makes_its_row_invalid() {
    let millis_as_seconds = TimestampSecondArray::from(vec![1_795_426_200_000]);
    let told = values(Arc::new(millis_as_seconds));
    assert_eq!(
        told,
        ["not_json: row 0: expected a time in the years 1 to 9999, found one that is far off in \
          column `v`"]
    );
}

#[test]
fn lengths_of_time_are_seconds_exactly() {
    let millis = DurationMillisecondArray::from(vec![1500, -250, 60_000, 0]);
    assert_eq!(values(Arc::new(millis)), ["1.5", "-0.25", "60", "0"]);
    let nanos = DurationNanosecondArray::from(vec![i64::MAX, i64::MIN]);
    assert_eq!(values(Arc::new(nanos)), ["9223372036.854775807", "-9223372036.854775808"]);
    let intervals = IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(14, 3, 1_500_000_000),
        IntervalMonthDayNano::new(0, 0, 0),
        IntervalMonthDayNano::new(-1, 0, 0),
    ]);
    assert_eq!(values(Arc::new(intervals)), [r#""P14M3DT1.5S""#, r#""PT0S""#, r#""P-1M""#]);
}

#[test]
fn encoded_columns_are_what_they_stand_for() {
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    words.extend([Some("a"), None, Some("b"), Some("a")]);
    assert_eq!(values(Arc::new(words.finish())), [r#""a""#, "null", r#""b""#, r#""a""#]);
    let mut runs = StringRunBuilder::<Int32Type>::new();
    runs.extend([Some("a"), Some("a"), None, Some("b")]);
    let runs = runs.finish();
    assert_eq!(values(Arc::new(runs.slice(1, 3))), [r#""a""#, "null", r#""b""#]);
}

#[test]
fn lists_structs_and_maps_are_lists_and_objects() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append(true);
    assert_eq!(values(Arc::new(lists.finish().slice(0, 3))), ["[1,null]", "null", "[]"]);

    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("Ada"), None]));
    let fields = vec![(Arc::new(Field::new("name", DataType::Utf8, true)), inner)];
    let structs = StructArray::from(fields);
    assert_eq!(values(Arc::new(structs)), [r#"{"name":"Ada"}"#, r#"{"name":null}"#]);

    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.keys().append_value("b");
    maps.values().append_null();
    maps.append(true).expect("keys and values");
    maps.append(false).expect("keys and values");
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.keys().append_value("a");
    maps.values().append_value(2);
    maps.append(true).expect("keys and values");
    assert_eq!(
        values(Arc::new(maps.finish())),
        [
            r#"{"a":1,"b":null}"#,
            "null",
            "not_json: row 2: expected keys that differ, found `a` twice in column `v`",
        ]
    );

    let mut numbered = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    numbered.keys().append_value(7);
    numbered.values().append_value("seven");
    numbered.append(true).expect("keys and values");
    assert_eq!(values(Arc::new(numbered.finish())), [r#"{"7":"seven"}"#]);
}

#[test]
fn an_error_inside_a_value_names_the_way_to_it() {
    let scores = Float64Array::from(vec![1.0, f64::INFINITY]);
    let field = Arc::new(Field::new("item", DataType::Float64, true));
    let list = FixedSizeListArray::new(field, 2, Arc::new(scores), None);
    let list: ArrayRef = Arc::new(list);
    let fields = vec![(Arc::new(Field::new("scores", list.data_type().clone(), true)), list)];
    let table = table(vec![("user", Arc::new(StructArray::from(fields)))]);
    assert_eq!(
        events_of(table),
        ["not_json: row 0: expected a number that JSON has, found infinity in column \
          `user.scores[1]`"]
    );
}

fn with_extension(array: ArrayRef, extension: &str) -> TableReader {
    let metadata = HashMap::from([("ARROW:extension:name".to_owned(), extension.to_owned())]);
    let field = Field::new("v", array.data_type().clone(), true).with_metadata(metadata);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]);
    let batch = batch.expect("a column that fits");
    TableReader::of_batches(vec![batch], &Settings::default()).expect("types that fit")
}

#[test]
fn json_in_a_column_of_json_is_part_of_the_event() {
    let texts = vec![Some(r#"{"a":[1.50,"x\u00e9"]}"#), None, Some("{"), Some("3")];
    let events = events_of(with_extension(Arc::new(StringArray::from(texts)), "arrow.json"));
    assert_eq!(events[0], r#"{"v":{"a":[1.5,"xé"]}}"#);
    assert_eq!(events[1], r#"{"v":null}"#);
    assert!(events[2].starts_with("not_json: row 2: expected JSON, found a text that is none"));
    assert_eq!(events[3], r#"{"v":3}"#);
    let deep = "[".repeat(127) + &"]".repeat(127);
    let deep = Arc::new(StringArray::from(vec![deep]));
    let told = events_of(with_extension(deep, "arrow.json"));
    assert!(told[0].contains("expected at most 127 levels"), "{told:?}");
}

#[test]
fn uuids_are_written_as_such() {
    let mut uuids = FixedSizeBinaryBuilder::new(16);
    let bytes: Vec<u8> = (0..16).collect();
    uuids.append_value(&bytes).expect("16 bytes");
    assert_eq!(
        events_of(with_extension(Arc::new(uuids.finish()), "arrow.uuid")),
        [r#"{"v":"00010203-0405-0607-0809-0a0b0c0d0e0f"}"#]
    );
}

#[test]
fn what_no_event_can_have_is_refused_at_once() {
    let zone = TimestampSecondArray::from(vec![1]).with_timezone("Mars/Olympus");
    assert_eq!(
        refused(Arc::new(zone)),
        "column `v`: expected a time zone of the IANA database, found `Mars/Olympus`\n  = hint: \
         convert the column to UTC"
    );
    let twice = batch(vec![
        ("a", Arc::new(Int32Array::from(vec![1]))),
        ("a", Arc::new(Int32Array::from(vec![2]))),
    ]);
    let error = TableReader::of_batches(vec![twice], &Settings::default()).err();
    let error = error.expect("two columns of one name").to_string();
    assert!(error.starts_with("column `a`: expected one column of that name"), "{error}");
    let column = Field::new("", DataType::Int64, true);
    let none =
        TableReader::new(Arc::new(column), Box::new(std::iter::empty()), &Settings::default());
    let error = none.expect_err("no table").to_string();
    assert!(error.starts_with("expected a table, found one column of Int64"), "{error}");
}

#[test]
fn an_index_without_a_name_is_no_field() {
    let fields = vec![
        Field::new("a", DataType::Int64, true),
        Field::new("__index_level_0__", DataType::Int64, true),
    ];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1])), Arc::new(Int64Array::from(vec![9]))];
    let plain = Schema::new(fields);
    let metadata = HashMap::from([("pandas".to_owned(), "{}".to_owned())]);
    let of_pandas = plain.clone().with_metadata(metadata);
    for (schema, event) in [(plain, r#"{"a":1,"__index_level_0__":9}"#), (of_pandas, r#"{"a":1}"#)]
    {
        let batch = RecordBatch::try_new(Arc::new(schema), columns.clone()).expect("it fits");
        let table = TableReader::of_batches(vec![batch], &Settings::default());
        assert_eq!(events_of(table.expect("types that fit")), [event]);
    }
}

#[test]
fn an_event_that_is_too_long_is_an_error_of_its_own() {
    let settings = Settings { max_event_bytes: 40, ..Settings::default() };
    let texts = StringArray::from(vec!["x".repeat(41), "y".repeat(30)]);
    let batch = batch(vec![("v", Arc::new(texts))]);
    let table = TableReader::of_batches(vec![batch], &settings).expect("types that fit");
    let events = events_of(table);
    assert_eq!(
        events[0],
        "too_long: row 0: expected an event of at most 40 bytes, found more in column `v`"
    );
    assert_eq!(events[1], format!("{{\"v\":\"{}\"}}", "y".repeat(30)));
}

#[test]
fn batches_are_asked_for_one_by_one_and_rows_are_counted_over_all() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let batches = (0..3).map(move |number| {
        counted.fetch_add(1, SeqCst);
        match number {
            2 => Err(ArrowError::CDataInterface("the query failed".to_owned())),
            _ => {
                let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::INFINITY]));
                Ok(Arc::new(StructArray::from(batch(vec![("v", floats)]))) as ArrayRef)
            }
        }
    });
    let columns = vec![Field::new("v", DataType::Float64, true)];
    let field = Arc::new(Field::new_struct("", columns, false));
    let table = TableReader::new(field, Box::new(batches), &Settings::default());
    let mut table = table.expect("types that fit");
    assert_eq!(asked.load(SeqCst), 0);
    assert!(table.next_batch().is_some_and(|batch| batch.is_ok_and(|batch| batch.len() == 2)));
    assert_eq!(asked.load(SeqCst), 1);
    assert_eq!(
        events_of(table),
        [
            "{\"v\":1.0}",
            "not_json: row 3: expected a number that JSON has, found infinity in column `v`",
            "unreadable: the table can't be read behind its first 4 rows: the query failed",
        ]
    );
    assert_eq!(asked.load(SeqCst), 3);
}
