"""A store read with the tools people have: sqlite3, pandas, DuckDB; and the page's examples."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text("utf-8")

PENDING = 3
DEAD = 4


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a store with pending deliveries and dead letters, that a stream has open."""
    path = tmp_path / "braze.db"
    retry = ws.RetryPolicy(schedule=[], tries=1)
    template = ws.Template('{"id": "${input.id}", "text": "${input.text?json_string}"}')
    with Receiver(["404"]) as receiver:
        url = f"{receiver.url}/?token=${{secrets.TOKEN}}"
        secrets = {"TOKEN": "canary-4711"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in secrets.items():
                patch.setenv(name, value)
            sync = ws.Sync("braze", url, template=template, event_key="id", store=path, retry=retry)
            report = sync.run(
                ({"id": f"d{n}", "text": 'a "quoted" ü'} for n in range(DEAD - 1)), progress=False
            )
            assert report.expired == DEAD - 1
            # One that cannot be rendered, and long ones that are compressed while they wait.
            sync.run([{"id": "bad"}], progress=False)
    with Receiver(["hang"]) as receiver:
        sync = ws.Sync("braze", receiver.url, template=template, event_key="id", store=path)
        stream = sync.open()
        stream.send_many({"id": f"p{n}", "text": "x" * (900 * n)} for n in range(PENDING))
        yield path
    stream.close()


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    """Ask Python's sqlite3."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql)]
    finally:
        connection.close()


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[None]:
    """Let DuckDB find its extension for SQLite in a package, where it would download it."""
    found = importlib.util.find_spec("duckdb_extension_sqlite_scanner")
    assert found is not None
    assert found.submodule_search_locations is not None
    extensions = Path(found.submodule_search_locations[0]) / "extensions"
    platform = duckdb.sql("PRAGMA platform").fetchall()[0][0]
    home = tmp_path / "extensions" / f"v{duckdb.__version__}" / platform
    home.mkdir(parents=True)
    (file,) = extensions.glob(f"v{duckdb.__version__}/*.duckdb_extension")
    shutil.copy(file, home)
    duckdb.sql(f"SET extension_directory = '{tmp_path / 'extensions'}'")
    yield
    duckdb.sql("RESET extension_directory")


def test_sqlite_shows_what_is_pending_and_what_was_given_up(store: Path) -> None:
    pending = rows(store, "SELECT * FROM pending ORDER BY id")
    assert [row["event_key"] for row in pending] == ["p0", "p1", "p2"]
    assert json.loads(pending[0]["payload"]) == {"id": "p0", "text": ""}
    assert [row["payload"] is None for row in pending] == [False, True, True]
    dead = rows(store, "SELECT * FROM dead_letters ORDER BY id")
    assert [row["reason"] for row in dead] == ["exhausted"] * (DEAD - 1) + ["render"]
    assert dead[0]["last_status"] == 404
    assert json.loads(dead[0]["payload"]) == {"id": "d0", "text": 'a "quoted" ü'}
    assert "canary" not in str(pending) + str(dead)


@pytest.mark.skipif(
    shutil.which("sqlite3") is None and os.environ.get("CI") != "true",
    reason="there is no sqlite3 shell",
)
def test_the_sqlite3_shell_reads_both_views(store: Path) -> None:
    for sql, found in (
        ("SELECT count(*) FROM pending", PENDING),
        ("SELECT count(*) FROM dead_letters", DEAD),
    ):
        done = subprocess.run(
            ["sqlite3", "-readonly", str(store), sql],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) == found


def test_pandas_reads_both_views(store: Path) -> None:
    connection = sqlite3.connect(store)
    try:
        pending = pd.read_sql("SELECT * FROM pending", connection)
        dead = pd.read_sql("SELECT * FROM dead_letters", connection)
    finally:
        connection.close()
    assert len(pending) == PENDING
    assert list(dead.groupby("reason").size().items()) == [("exhausted", 3), ("render", 1)]
    died = pd.to_datetime(dead["died_at"])
    assert str(died.dt.tz) == "UTC"


@pytest.mark.usefixtures("duck")
def test_duckdb_reads_both_views(store: Path) -> None:
    connection = duckdb.connect(config={"extension_directory": str(store.parent / "extensions")})
    connection.execute(f"LOAD sqlite; ATTACH '{store}' AS braze (TYPE sqlite, READ_ONLY)")
    assert connection.execute("SELECT count(*) FROM braze.pending").fetchall() == [(PENDING,)]
    dead = connection.execute(
        "SELECT reason, CAST(last_status AS INTEGER), year(CAST(died_at AS TIMESTAMP)),"
        " json_extract(payload, '$.id') FROM braze.dead_letters ORDER BY id LIMIT 1"
    ).fetchall()
    reason, status, year, identity = dead[0]
    assert (reason, status) == ("exhausted", 404)
    assert year > 2000
    assert identity.startswith('"d')
    connection.close()


def blocks(language: str) -> list[str]:
    """Return the examples of the page."""
    return re.findall(rf"^```{language}\b[^\n]*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("duck")
def test_the_examples_of_the_page_work(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.parent)
    (sql,) = blocks("sql")
    pending, dead = (rows(store, statement) for statement in sql.strip().split("\n"))
    assert (len(pending), len(dead)) == (PENDING, DEAD)
    (console,) = blocks("console")
    if shutil.which("sqlite3"):
        command = console.strip().removeprefix("$ ")
        done = subprocess.run(  # noqa: S602 - the page's own words
            command, shell=True, capture_output=True, text=True, check=True
        )
        assert done.stdout == "exhausted|3\nrender|1\n"
    examples = blocks("python")
    assert len(examples) == 2
    for example in examples:
        names: dict[str, object] = {}
        *head, last = example.strip().split("\n")
        exec("\n".join(head), names)  # noqa: S102 - the page's own words
        shown = eval(last, names)  # noqa: S307 - the page's own words
        frame = shown if isinstance(shown, pd.DataFrame) else shown.df()
        assert set(frame["reason"]) == {"exhausted", "render"}
    duckdb.sql("DETACH braze")
