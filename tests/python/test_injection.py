"""Text from events and names goes through SQL, JSON, logs and command lines as what it is: text."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from command_line import run

import webhook_stream as ws
from webhook_stream.testing import Receiver

NASTY = [
    "'; DROP TABLE delivery; --",
    '" OR ""="',
    '"},{"key":"forged',
    "a\nb\r\nc\u2028d",
    "\0 and \x1b[31m and \u202e",
    "${secrets.TOKEN} <#list 1..9 as x>",
    "%s %(name)s {0} {name}",
    "../../etc/passwd",
    "-- --help; $(touch forged) `touch forged`",
    "ключ 🗝 " * 100,
    " ",
    "NULL",
    "0",
]
NAME = 'it\'s "the" sync; DROP TABLE sync; -- ${x}'


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Give a folder with a store in which every nasty key is a dead letter."""
    with Receiver([{"status": 404}]) as receiver:
        sync = ws.Sync(
            NAME,
            receiver.url,
            store=tmp_path / "nasty.db",
            event_key="id",
            retry=ws.RetryPolicy(schedule=[]),
        )
        report = sync.run(({"id": key} for key in NASTY), progress=False)
        assert report.expired == len(NASTY)
        identities = {request.headers["webhook-id"] for request in receiver.requests}
        assert len(identities) == len(NASTY)
        assert all(one.replace("msg_", "").isalnum() for one in identities)
        (tmp_path / "syncs.toml").write_text(
            f"[sync.{json.dumps(NAME)}]\nurl = '{receiver.url}'\nstore = 'nasty.db'\n"
        )
    return tmp_path


def test_every_key_is_found_as_it_was_given(letters: Path) -> None:
    sync = ws.Sync(NAME, "http://127.0.0.1:9/", store=letters / "nasty.db")
    assert [letter["key"] for letter in sync.dead_letters()] == NASTY
    for key in NASTY:
        found = list(sync.dead_letters(key=key))
        assert [letter["key"] for letter in found] == [key]
        assert json.loads(found[0]["payload"]) == {"id": key}
    with pytest.raises(ws.ConfigError, match="reason"):
        list(sync.dead_letters(reason="x' OR '1'='1"))  # type: ignore[arg-type]
    with pytest.raises(ws.ConfigError, match="since"):
        list(sync.dead_letters(since="2026-01-01'; DROP TABLE sync; --"))
    with sqlite3.connect(letters / "nasty.db") as sql:
        rows = sql.execute("SELECT sync, event_key FROM dead_letters ORDER BY id").fetchall()
        assert rows == [(NAME, key) for key in NASTY]
        assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    sql.close()


def test_the_command_line_prints_a_line_of_json_for_each(letters: Path) -> None:
    done = run("dead-letters", "syncs.toml", NAME, cwd=letters)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in done.stdout.split("\n") if row]
    assert [row["key"] for row in rows] == NASTY
    assert "\x1b" not in done.stdout
    assert "\0" not in done.stdout
    done = run("dead-letters", "syncs.toml", "--key", NASTY[0], cwd=letters)
    assert [json.loads(row)["key"] for row in done.stdout.splitlines()] == [NASTY[0]]
    done = run("replay", "syncs.toml", "--dry-run", "--key", NASTY[2], cwd=letters)
    assert [json.loads(row)["key"] for row in done.stdout.splitlines()] == [NASTY[2]]
    done = run("status", "syncs.toml", "--json", cwd=letters)
    assert json.loads(done.stdout)[0]["sync"] == NAME
    assert not (letters / "forged").exists()


def test_templates_and_headers_see_text_and_not_code(receiver: Receiver) -> None:
    sync = ws.Sync(
        "demo",
        receiver.url,
        template=ws.Template('{"id": "${input.id?json_string}"}'),
        headers={"X-Id": "${input.id?url}"},
    )
    report = sync.run(({"id": key} for key in NASTY), progress=False)
    assert report.delivered == len(NASTY), report.errors
    assert {json.loads(one.body)["id"] for one in receiver.requests} == set(NASTY)
    for request in receiver.requests:
        assert set(request.headers) <= {
            "accept",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "webhook-id",
            "x-id",
        }
