"""What a row of a data frame costs until the filter has decided, against dicts.

``make bench-frames`` builds what is measured. All ways run in turn in one process; what counts is
the CPU time of all threads, and ratios are of one round.
"""

from __future__ import annotations

import argparse
import datetime as dt
import decimal
import random
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

import webhook_stream as ws


def table(count: int) -> pa.Table:
    """Return made-up events: texts, times, decimals, a list and a struct."""
    dice = random.Random(1)
    start = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    plans = ["free", "pro", "team"]
    rows = [
        {
            "event_type": dice.choice(["click event", "purchase", "login"]),
            "user_id": f"user-{dice.randrange(10**6)}",
            "device_id": f"{dice.randrange(16**12):012x}",
            "event_time": start + dt.timedelta(microseconds=dice.randrange(10**12)),
            "amount": decimal.Decimal(dice.randrange(10**6)) / 100,
            "quantity": dice.randrange(100),
            "score": dice.random(),
            "is_new": dice.random() < 0.5,
            "country": dice.choice(["DE", "FR", "US"]),
            "tags": dice.sample(["a", "b", "c", "d"], dice.randrange(4)),
            "user_properties": {"plan": dice.choice(plans), "age": dice.randrange(90)},
        }
        for _ in range(count)
    ]
    schema = pa.schema(
        [
            ("event_type", pa.string()),
            ("user_id", pa.string()),
            ("device_id", pa.string()),
            ("event_time", pa.timestamp("us", "UTC")),
            ("amount", pa.decimal128(12, 2)),
            ("quantity", pa.int64()),
            ("score", pa.float64()),
            ("is_new", pa.bool_()),
            ("country", pa.string()),
            ("tags", pa.list_(pa.string())),
            ("user_properties", pa.struct([("plan", pa.string()), ("age", pa.int64())])),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def measure(sync: ws.Sync, make: Callable[[], Any], count: int) -> float:
    """Return the CPU microseconds of a row."""
    began = time.process_time()
    report = sync.run(make(), progress=False)
    used = time.process_time() - began
    if report.filtered != count:
        raise SystemExit(str(report))
    return used / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    count = arguments.rows
    arrow = table(count)
    polars = pl.DataFrame(arrow)
    pandas: pd.DataFrame = arrow.to_pandas()
    connection = duckdb.connect()
    connection.register("events", arrow)

    def lines() -> Iterable[bytes]:
        return polars.write_ndjson().encode().splitlines()

    ways: dict[str, Callable[[], Any]] = {
        "PyArrow table": lambda: arrow,
        "Polars frame": lambda: polars,
        "pandas frame": lambda: pandas,
        "DuckDB relation": lambda: connection.table("events"),
        "PyArrow to_pylist()": arrow.to_pylist,
        "Polars iter_rows(named=True)": lambda: polars.iter_rows(named=True),
        "pandas to_dict('records')": lambda: pandas.to_dict("records"),
        "Polars write_ndjson() lines": lines,
    }
    sync = ws.Sync("bench", "http://127.0.0.1:9/", filter=ws.Filter('input.event_type == "none"'))
    figures: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, make in ways.items():
            figures[way].append(measure(sync, make, count))
    for way, costs in figures.items():
        print(f"{way:<30} {statistics.median(costs):8.2f} µs CPU a row")
    for frame, dicts in (
        ("PyArrow table", "PyArrow to_pylist()"),
        ("Polars frame", "Polars iter_rows(named=True)"),
        ("pandas frame", "pandas to_dict('records')"),
        ("Polars frame", "Polars write_ndjson() lines"),
    ):
        ratios = [slow / quick for slow, quick in zip(figures[dicts], figures[frame], strict=True)]
        least, middle, most = min(ratios), statistics.median(ratios), max(ratios)
        print(f"{frame:<14} against {dicts:<30} {middle:5.1f}× ({least:.1f}–{most:.1f})")


if __name__ == "__main__":
    main()
