"""Events from pandas, Polars, PyArrow and DuckDB, and tables for them: with the real libraries."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pickle
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

BERLIN = dt.timezone(dt.timedelta(hours=1))
MOMENT = dt.datetime(2026, 11, 23, 9, 30, 0, 250_000)

# Python values of a column, the Arrow type, and the JSON that they become.
TYPES: list[tuple[str, list[Any], Any, list[Any]]] = [
    ("boolean", [True, None], pa.bool_(), [True, None]),
    ("int64", [2**63 - 1, 2**53 + 1, None], pa.int64(), [2**63 - 1, 2**53 + 1, None]),
    ("uint64", [2**64 - 1, 0], pa.uint64(), [2**64 - 1, 0]),
    ("float64", [0.1, float("nan"), None], pa.float64(), [0.1, None, None]),
    ("float32", [0.1, 2.5], pa.float32(), [0.1, 2.5]),
    (
        "decimal",
        [decimal.Decimal("123456789012345678901234.50"), None],
        pa.decimal128(38, 2),
        [decimal.Decimal("123456789012345678901234.50"), None],
    ),
    ("decimal256", [decimal.Decimal("0.01")], pa.decimal256(60, 2), [decimal.Decimal("0.01")]),
    ("text", ['ü "x"\n', "", None], pa.string(), ['ü "x"\n', "", None]),
    ("large text", ["a"], pa.large_string(), ["a"]),
    ("text view", ["a", None], pa.string_view(), ["a", None]),
    ("bytes", [b"\x00\xff\x10", None], pa.binary(), ["AP8Q", None]),
    ("bytes view", [b"\x00"], pa.binary_view(), ["AA=="]),
    ("fixed bytes", [b"ab"], pa.binary(2), ["YWI="]),
    ("time", [MOMENT, None], pa.timestamp("us"), ["2026-11-23T09:30:00.250000", None]),
    (
        "time in UTC",
        [MOMENT.replace(tzinfo=dt.UTC)],
        pa.timestamp("ns", "UTC"),
        ["2026-11-23T09:30:00.250000+00:00"],
    ),
    (
        "time in a zone",
        [MOMENT.replace(tzinfo=dt.UTC), dt.datetime(2026, 6, 21, tzinfo=dt.UTC)],
        pa.timestamp("us", "Europe/Berlin"),
        ["2026-11-23T10:30:00.250000+01:00", "2026-06-21T02:00:00+02:00"],
    ),
    ("date", [dt.date(2026, 11, 23), None], pa.date32(), ["2026-11-23", None]),
    ("date64", [dt.date(2026, 11, 23)], pa.date64(), ["2026-11-23"]),
    ("time of day", [dt.time(9, 30)], pa.time64("us"), ["09:30:00"]),
    ("duration", [dt.timedelta(milliseconds=1500)], pa.duration("us"), [1.5]),
    (
        "interval",
        [pa.MonthDayNano([14, 3, 1_500_000_000])],
        pa.month_day_nano_interval(),
        ["P14M3DT1.5S"],
    ),
    ("category", ["a", None, "a"], pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
    ("list", [[1, None], None, []], pa.list_(pa.int64()), [[1, None], None, []]),
    ("large list", [["a"]], pa.large_list(pa.string()), [["a"]]),
    ("list view", [[1], [2, 3]], pa.list_view(pa.int32()), [[1], [2, 3]]),
    ("fixed list", [[1, 2]], pa.list_(pa.int32(), 2), [[1, 2]]),
    (
        "struct",
        [{"a": 1, "b": [{"c": "x"}]}, None],
        pa.struct([("a", pa.int64()), ("b", pa.list_(pa.struct([("c", pa.string())])))]),
        [{"a": 1, "b": [{"c": "x"}]}, None],
    ),
    ("map", [[("k", 1)], None], pa.map_(pa.string(), pa.int64()), [{"k": 1}, None]),
    ("uuid", [uuid.UUID(int=7).bytes], pa.uuid(), [str(uuid.UUID(int=7))]),
    ("json", ['{"a": [1, 2.50]}', None], pa.json_(), [{"a": [1, decimal.Decimal("2.5")]}, None]),
    ("nothing", [None], pa.null(), [None]),
]


def sync(receiver: Receiver, **options: Any) -> ws.Sync:
    """Return a sync that sends to the receiver."""
    return ws.Sync("frames", receiver.url, **options)


def sent(events: Any, **options: Any) -> list[Any]:
    """Return the payloads that arrive when these events are sent, in order."""
    with Receiver() as receiver:
        report = sync(receiver, concurrency=1, **options).run(events, progress=False)
        assert report.delivered == report.accepted
        return [
            json.loads(request.body, parse_float=decimal.Decimal) for request in receiver.requests
        ]


@pytest.mark.parametrize("name", [name for name, *_ in TYPES])
def test_every_type_arrives_as_what_it_means(name: str) -> None:
    _, values, kind, expected = next(row for row in TYPES if row[0] == name)
    array = pa.array(values, type=kind.storage_type if name in ("uuid", "json") else kind)
    if name in ("uuid", "json"):
        array = pa.ExtensionArray.from_storage(kind, array)
    events = sent(pa.table({"v": array}))
    exact = json.loads(json.dumps(expected, default=str), parse_float=decimal.Decimal)
    found = [event["v"] for event in events]
    if name in ("decimal", "decimal256"):
        assert found == expected
        assert str(found[0]) == str(expected[0])
    elif name == "json":
        assert found == expected
    else:
        assert found == exact


def rows() -> list[dict[str, Any]]:
    """Return what each of the libraries is given."""
    return [
        {"user_id": "ada", "n": 2**60 + 1, "at": MOMENT, "tags": ["a", "b"]},
        {"user_id": None, "n": None, "at": None, "tags": None},
    ]


EXPECTED = [
    {"user_id": "ada", "n": 2**60 + 1, "at": "2026-11-23T09:30:00.250000", "tags": ["a", "b"]},
    {"user_id": None, "n": None, "at": None, "tags": None},
]


def test_pandas() -> None:
    frame = pd.DataFrame(rows())
    frame["n"] = pd.array([2**60 + 1, None], dtype="Int64")
    assert sent(frame) == EXPECTED
    # A selection has an index that nobody gave a name; one with a name is a field.
    selected = frame.iloc[[1, 0, 1]]
    assert "__index_level_0__" in pa.RecordBatchReader.from_stream(selected).schema.names
    assert sent(selected) == [EXPECTED[1], EXPECTED[0], EXPECTED[1]]
    assert sent(frame.set_index("user_id"))[0]["user_id"] == "ada"
    assert sent(pd.DataFrame({"x": [float("nan"), 1.5]})) == [{"x": None}, {"x": 1.5}]
    categories = pd.DataFrame({"x": pd.Categorical(["a", None, "a"])})
    assert sent(categories) == [{"x": "a"}, {"x": None}, {"x": "a"}]
    with pytest.raises(pa.ArrowInvalid, match="column x with type object"):
        sent(pd.DataFrame({"x": [1, "a"]}))


def test_polars() -> None:
    frame = pl.DataFrame(rows())
    assert sent(frame) == EXPECTED
    assert sent(frame.lazy().collect()) == EXPECTED
    assert sent(frame.lazy().collect_batches()) == EXPECTED
    enums = pl.DataFrame(
        {
            "x": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "y": pl.Series(["c", "c"]).cast(pl.Categorical),
        }
    )
    assert sent(enums) == [{"x": "a", "y": "c"}, {"x": "b", "y": "c"}]


def test_polars_columns_without_any_value() -> None:
    frame = pl.DataFrame({"x": [None, None], "tags": [[], [None]], "s": [{"a": None}, None]})
    assert frame.schema["x"] == pl.Null
    expected = [{"x": None, "tags": [], "s": {"a": None}}, {"x": None, "tags": [None], "s": None}]
    assert sent(frame) == expected
    assert sent(iter([frame])) == expected


def test_a_lazy_frame_says_what_to_do() -> None:
    lazy: Any = pl.DataFrame(rows()).lazy()
    with Receiver() as receiver:
        for use in (sync(receiver).run, sync(receiver).preview):
            with pytest.raises(TypeError, match=r"LazyFrame.*use \.collect\(\)"):
                use(lazy)
        with sync(receiver).open() as stream, pytest.raises(TypeError, match="LazyFrame"):
            stream.send_many(lazy)
        with pytest.raises(TypeError, match="LazyFrame"):
            ws.Template("{}").check(events=lazy)
        assert receiver.requests == []


def test_pyarrow() -> None:
    table = pa.Table.from_pylist(rows())
    assert sent(table) == EXPECTED
    assert sent(table.to_reader()) == EXPECTED
    (batch,) = table.to_batches()
    assert sent(batch) == EXPECTED
    assert sent(iter([batch, batch])) == EXPECTED * 2

    class OnlyAnArray:
        def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
            return batch.__arrow_c_array__(requested_schema)

    assert sent(OnlyAnArray()) == EXPECTED
    assert sent(table.slice(1)) == EXPECTED[1:]
    assert sent(table.slice(0, 0)) == []


def test_duckdb() -> None:
    connection = duckdb.connect()
    relation = connection.sql(
        "SELECT * FROM (VALUES ('ada', 1152921504606846977, TIMESTAMP '2026-11-23 09:30:00.25',"
        " ['a', 'b']), (NULL, NULL, NULL, NULL)) AS t(user_id, n, \"at\", tags)"
    )
    assert sent(relation) == EXPECTED
    rich = connection.sql(
        "SELECT {'a': 1.50::DECIMAL(9, 2), 'b': NULL} AS s, MAP {'k': 1} AS m,"
        " 170141183460469231731687303715884105727::HUGEINT AS huge,"
        " '00000000-0000-0000-0000-000000000007'::UUID AS id, TIME '09:30:00' AS t,"
        " '\\xAA'::BLOB AS raw, DATE '2026-11-23' AS day, INTERVAL 14 MONTHS AS gap,"
        " 'x'::ENUM('x', 'y') AS letter, TIMESTAMPTZ '2026-11-23 09:30:00+00' AS \"at\""
    )
    (event,) = sent(rich)
    assert event["s"] == {"a": decimal.Decimal("1.50"), "b": None}
    assert event["m"] == {"k": 1}
    assert event["id"] == str(uuid.UUID(int=7))
    assert (event["t"], event["day"], event["gap"]) == ("09:30:00", "2026-11-23", "P14M")
    assert (event["raw"], event["letter"]) == ("qg==", "x")
    moment = dt.datetime.fromisoformat(event["at"])
    assert moment == dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)


def test_null_is_missing_in_a_template() -> None:
    template = ws.Template('{"user": "${input.user_id!"nobody"}", "n": ${(input.n!0)?c}}')
    frame = pl.DataFrame(rows())
    assert sent(frame, template=template) == [
        {"user": "ada", "n": 2**60 + 1},
        {"user": "nobody", "n": 0},
    ]
    findings = template.check(events=frame)
    assert findings == template.check(events=rows())
    assert findings == template.check(events=frame.lazy().collect_batches())
    bad = pl.DataFrame({"user": ["ada"], "n": [float("inf")]})
    with pytest.raises(ws.EventError, match="row 0: expected a number"):
        template.check(events=bad)


def test_a_row_and_the_same_dict_are_the_same_bytes() -> None:
    row = {
        "text": 'ü "x"',
        "i": 7,
        "f": 6396.0,
        "d": decimal.Decimal("12.50"),
        "at": MOMENT.replace(tzinfo=BERLIN),
        "day": dt.date(2026, 11, 23),
        "list": [1, None],
        "struct": {"a": True},
    }
    table = pa.Table.from_pylist([row])
    with Receiver() as receiver:
        sync(receiver).run(table, progress=False)
        sync(receiver).run([row], progress=False)
        one, other = receiver.requests
    assert one.body == other.body
    assert one.headers["webhook-id"] == other.headers["webhook-id"]


def test_keys_come_from_columns_and_what_is_confirmed_is_not_sent_again(tmp_path: Path) -> None:
    frame = pl.DataFrame({"$insert_id": ["i1", "i2"], "device_id": ["d", "d"]})
    with Receiver() as receiver:
        stored = sync(receiver, store=tmp_path / "frames.db")
        assert stored.run(frame, progress=False).delivered == 2
        again = stored.run(frame, progress=False)
        assert (again.accepted, again.confirmed_before) == (0, 2)
        assert stored.run(frame, restart=True, progress=False).delivered == 2
        # Without a key of their own, rows are told apart by content and position.
        plain = pl.DataFrame({"x": [1, 1]})
        assert stored.run(plain, progress=False).delivered == 2
        assert stored.run(plain, progress=False).confirmed_before == 2
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 4


def test_a_bad_row_is_one_invalid_event_and_the_run_goes_on() -> None:
    frame = pl.DataFrame({"user": ["a", "b", "c"], "score": [1.0, float("inf"), 3.0]})
    with Receiver() as receiver:
        report = sync(receiver).run(frame, progress=False)
        assert (report.delivered, report.invalid) == (2, 1)
        (error,) = report.errors
        assert error["kind"] == "event_not_json"
        assert error["samples"][0]["place"] == "row 1"
        assert "found infinity in column `score`" in error["samples"][0]["message"]
        preview = sync(receiver).preview(frame)
    assert [row["outcome"] for row in preview] == ["send", "invalid", "send"]
    assert preview[1]["error"].startswith("row 1: expected a number that JSON has")


def test_what_is_no_table_of_events_is_refused_before_anything_is_sent() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    zone = pa.table({"at": pa.array([1], pa.timestamp("s", "Mars/Olympus"))})
    keys = pa.table({"m": pa.array([[([1], 2)]], pa.map_(pa.list_(pa.int8()), pa.int8()))})
    cases = [
        (twice, "column `a`: expected one column of that name"),
        (zone, "column `at`: expected a time zone of the IANA database, found `Mars/Olympus`"),
        (keys, "column `m`: expected a map whose keys are texts, found keys of List"),
        (pl.Series([1]), "expected a table, found one column of Int64"),
        (pl.DataFrame({"o": [object()]}), "found Python objects in a column of Polars"),
        (pd.DataFrame({"p": pd.period_range("2026-01", periods=1, freq="M")}), "Period of pandas"),
    ]
    with Receiver() as receiver:
        for table, message in cases:
            with pytest.raises(ws.EventError, match=message) as raised:
                sync(receiver).run(table, progress=False)
            assert raised.value.kind == "unsupported"
            assert raised.value.hint
        assert receiver.requests == []


def test_a_column_of_structs_is_a_table() -> None:
    assert sent(pl.Series([{"a": 1}, {"a": 2}])) == [{"a": 1}, {"a": 2}]
    with Receiver() as receiver:
        column = pa.chunked_array([pa.array([{"a": 1}, None])])
        report = sync(receiver).run(column, progress=False)
    assert (report.delivered, report.invalid) == (1, 1)


def test_a_source_that_breaks_off_raises_and_what_came_before_is_accepted() -> None:
    schema = pa.schema([("x", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"x": [1, 2]}, schema=schema)
        message = "the warehouse is closed"
        raise OSError(message)

    with Receiver() as receiver:
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        with pytest.raises(ws.EventError, match=r"first 2 rows.*the warehouse is closed") as raised:
            sync(receiver).run(reader, progress=False)
        assert raised.value.kind == "unreadable"


def test_no_more_than_two_batches_are_held() -> None:
    size, count = 1000, 40
    schema = pa.schema([("x", pa.int64())])
    with Receiver() as receiver:
        nothing = sync(receiver, filter=ws.Filter("false"))
        most = 0
        done = 0

        def show(figures: Any) -> None:
            nonlocal done
            done = figures["filtered"]

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal most
            for number in range(count):
                # What was pulled before this one, less what was worked on.
                most = max(most, number - nothing.metrics()["filtered"] // size)
                yield pa.record_batch({"x": [number] * size}, schema=schema)

        reader = pa.RecordBatchReader.from_batches(schema, batches())
        report = nothing.run(reader, progress=show)
        assert report.filtered == size * count
    assert 1 <= most <= 2


def test_an_endless_table_ends_when_the_progress_display_raises() -> None:
    schema = pa.schema([("x", pa.int64())])
    pulled = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        while True:
            pulled.set()
            yield pa.record_batch({"x": [1] * 100}, schema=schema)

    def stop(_figures: Any) -> None:
        if pulled.is_set():
            raise KeyboardInterrupt

    with Receiver() as receiver:
        nothing = sync(receiver, filter=ws.Filter("false"))
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        with pytest.raises(KeyboardInterrupt):
            nothing.run(reader, progress=stop)


def test_a_query_that_takes_long_keeps_nobody_from_stopping() -> None:
    schema = pa.schema([("x", pa.int64())])
    asked, answer = threading.Event(), threading.Event()
    ended = []

    def batches() -> Iterator[pa.RecordBatch]:
        asked.set()
        answer.wait(60)
        ended.append(True)
        yield pa.record_batch({"x": [1]}, schema=schema)

    def stop(_figures: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    with Receiver() as receiver:
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        with pytest.raises(KeyboardInterrupt):
            sync(receiver).run(reader, progress=stop)
    # It still waits for its answer.
    assert not ended
    answer.set()


def test_a_stream_takes_tables() -> None:
    with Receiver() as receiver:
        with sync(receiver).open() as stream:
            stream.send_many(pl.DataFrame(rows()))
            stream.send_many(rows())
        assert stream.report().delivered == 4
        bodies = sorted(request.body for request in receiver.requests)
    assert bodies[0] == bodies[1]
    assert bodies[2] == bodies[3]


def read_by_all(table: Any) -> list[dict[str, Any]]:
    """Let each library read a table, compare what they got, and return it."""
    arrow = pa.RecordBatchReader.from_stream(table).read_all()
    assert table.to_arrow().equals(arrow)
    assert table.to_polars().equals(pl.DataFrame(arrow))
    assert table.to_polars().height == arrow.num_rows
    frame = table.to_pandas()
    assert list(frame.columns) == arrow.column_names
    assert len(frame) == arrow.num_rows
    relation = duckdb.connect().sql('SELECT * FROM "table"')
    assert relation.columns == arrow.column_names
    assert relation.to_arrow_table().num_rows == arrow.num_rows
    rows: list[dict[str, Any]] = arrow.to_pylist()
    return rows


def test_dead_letters_are_a_table(tmp_path: Path) -> None:
    retry = ws.RetryPolicy(schedule=[], tries=1)
    template = ws.Template('{"id": "${input.id}", "n": ${input.n}}')
    with Receiver(["404"]) as receiver:
        stored = sync(
            receiver, store=tmp_path / "frames.db", retry=retry, template=template, event_key="id"
        )
        count = 300
        stored.run([{"id": f"e{n}", "n": n} for n in range(count)], progress=False)
        stored.run([{"id": "bad"}], progress=False)
        table = stored.dead_letters()
        found = read_by_all(table)
        # It is the iterator that it was, and reading it as a table has used nothing up.
        first = next(table)
        assert len(list(table)) == count
    assert len(found) == count + 1
    kinds = {field.name: field.type for field in stored.dead_letters().to_arrow().schema}
    assert kinds["died_at"] == pa.timestamp("us", "UTC")
    assert kinds["id"] == pa.int64()
    assert kinds["payload"] == pa.large_string()
    assert kinds["attempts"].value_type.field("started_at").type == pa.timestamp("us", "UTC")
    assert kinds["attempts"].value_type.field("status").type == pa.int64()
    assert found[0]["key"] == first["key"]
    assert found[0]["payload"] == first["payload"]
    assert found[0]["attempts"][0]["status"] == 404
    assert found[0]["died_at"].tzinfo is not None
    assert found[-1]["reason"] == "render"
    assert found[-1]["attempts"] == []
    only = stored.dead_letters(reason="render").to_polars()
    assert only["key"].to_list() == ["bad"]
    assert stored.dead_letters(key="nobody").to_arrow().num_rows == 0
    # Pages are read when they are asked for.
    reader = pa.RecordBatchReader.from_stream(stored.dead_letters())
    assert [len(batch) for batch in reader] == [256, 45]


def test_a_preview_is_a_table() -> None:
    template = ws.Template('{"user":  "${input.user}"}')
    events = ['{"user": "ada", "n": 1.50}', '{"user": "bob", "skip": true}', "{}"]
    with Receiver() as receiver:
        previewed = sync(receiver, template=template, filter=ws.Filter("!input.skip??"))
        preview = previewed.preview(events)
        found = read_by_all(preview)
        assert len(previewed.preview(pl.DataFrame({"user": ["a"] * 20}))) == 10
    assert preview[0]["payload"] == {"user": "ada"}
    # The texts themselves, not what Python makes of them.
    assert found[0]["event"] == events[0]
    assert found[0]["payload"] == '{"user":  "ada"}'
    assert [row["outcome"] for row in found] == ["send", "filtered", "discarded"]
    assert pickle.loads(pickle.dumps(preview)).to_arrow().to_pylist() == found  # noqa: S301


def test_the_attempts_of_a_run_are_a_table() -> None:
    retry = ws.RetryPolicy(schedule=[3600], jitter=0, tries=1)
    with Receiver(["503", "200"]) as receiver:
        report = sync(receiver, retry=retry, event_key="id", concurrency=1).run(
            [{"id": f"e{n}"} for n in range(3)], progress=False
        )
    attempts = report.attempts()
    assert (len(attempts), attempts.made) == (3, 3)
    assert [row["outcome"] for row in attempts] == ["retry", "delivered", "delivered"]
    found = read_by_all(attempts)
    kinds = {field.name: field.type for field in attempts.to_arrow().schema}
    assert kinds["started_at"] == kinds["next_attempt_at"] == pa.timestamp("us", "UTC")
    assert kinds["number"] == kinds["tries"] == kinds["status"] == pa.int64()
    failed, delivered, _ = found
    assert (failed["key"], failed["status"], failed["error"]) == ("e0", 503, "status_503")
    due = failed["next_attempt_at"] - failed["started_at"]
    assert dt.timedelta(seconds=3599) < due < dt.timedelta(seconds=3700)
    assert (delivered["status"], delivered["error"]) == (200, None)
    assert delivered["seconds"] > 0
    assert delivered["webhook_id"].startswith("msg_")
    assert repr(attempts) == "Attempts(3 of 3)"
    again = pickle.loads(pickle.dumps(report))  # noqa: S301
    assert again.attempts().to_arrow().equals(attempts.to_arrow())
    assert again.attempts().made == 3


def test_an_empty_table_of_attempts_has_its_columns() -> None:
    with Receiver() as receiver:
        attempts = sync(receiver).run([], progress=False).attempts()
    assert attempts.to_arrow().num_rows == 0
    assert attempts.to_arrow().column_names == attempts.columns
    assert len(attempts.columns) == 11


def test_of_many_attempts_a_sample_is_kept() -> None:
    count = 12_000
    with Receiver(keep_requests=0) as receiver:
        report = sync(receiver).run(({"n": n} for n in range(count)), progress=False)
    attempts = report.attempts()
    assert (len(attempts), attempts.made) == (10_000, count)
    assert len({row["key"] for row in attempts}) == 10_000


def test_other_tables_are_tables_too() -> None:
    schedule = ws.RetryPolicy().preview()
    assert schedule.to_polars().height == len(schedule)
    assert schedule.to_arrow().schema.field("attempt").type == pa.int64()


@pytest.mark.parametrize(
    ("package", "method"),
    [("polars", "to_polars"), ("pyarrow", "to_arrow"), ("pandas", "to_pandas")],
)
def test_a_missing_package_is_named(package: str, method: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "import webhook_stream as ws\n"
        "try:\n"
        f"    ws.RetryPolicy().preview().{method}()\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == (
        f"{method}() needs {package}, which is not installed: pip install {package}"
    )
