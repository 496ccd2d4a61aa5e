"""Stores on disk: what a run leaves, the next one goes on with."""

from __future__ import annotations

import json
import pickle
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver, VirtualClock

EVENTS: list[dict[str, Any]] = [{"event_type": "Login", "user_id": f"u{n}"} for n in range(100)]
QUICK = ws.RetryPolicy(schedule=[0.05, 0.05], jitter=0)
LATER = ws.RetryPolicy(schedule=[2, 0.05], jitter=0)
"""Long enough that a run ends before its second attempt."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "demo.db"


def ids(receiver: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests]


def test_what_a_run_leaves_pending_the_next_one_goes_on_with(store: Path) -> None:
    with Receiver([404]) as failing:
        sync = ws.Sync("demo", failing.url, store=store, retry=LATER)
        report = sync.run(EVENTS[:3], progress=False)
        assert report.pending == 3
        assert str(store) in report.notes[0]
        url = failing.url
        assert sync.status()["pending"] == 3
    port = int(url.rsplit(":", 1)[1])
    with Receiver(port=port) as receiver:
        report = ws.Sync("demo", url, store=store, retry=LATER).drain(10, progress=False)
        assert (report.delivered, report.pending, receiver.request_count) == (3, 0, 3)
        assert report.to_dict()["resumed"] == 3
    status = ws.Sync("demo", url, store=store).status()
    assert (status["accepted"], status["delivered"], status["pending"]) == (3, 3, 0)


GAPS = [30, 60, 120, 240, 480, 900, 1800, 3600, 7170]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
"""When a virtual clock begins."""


def test_reopened_before_and_after_every_attempt_the_schedule_is_the_same(store: Path) -> None:
    clock = VirtualClock()
    policy = ws.RetryPolicy(jitter=0)

    def sync() -> ws.Sync:
        return ws.Sync("demo", receiver.url, store=store, clock=clock, retry=policy)

    with Receiver([404]) as receiver:
        sync().run(EVENTS[:1], progress=False)
        for attempt, gap in enumerate(GAPS, start=1):
            due = datetime.fromisoformat(sync().status()["next_due"])
            assert (due - BEGIN).total_seconds() == sum(GAPS[:attempt])
            with sync().open():
                clock.advance(gap - 1)
            assert receiver.request_count == attempt
            with sync().open():
                clock.advance(1)
            assert receiver.request_count == attempt + 1
        assert len({(one.body, one.headers["webhook-id"]) for one in receiver.requests}) == 1
    letter = next(sync().dead_letters())
    assert (letter["reason"], len(letter["attempts"])) == ("exhausted", 10)


def test_after_downtime_there_is_one_attempt_and_then_the_gaps_that_are_left(store: Path) -> None:
    clock = VirtualClock()
    policy = ws.RetryPolicy(jitter=0)
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, clock=clock, retry=policy)
        sync.run(EVENTS[:1], progress=False)
        clock.advance("6h")
        with sync.open():
            clock.advance(59)
            assert receiver.request_count == 2
            clock.advance(1)
            assert receiver.request_count == 3
        due = datetime.fromisoformat(sync.status()["next_due"])
        assert due - BEGIN == timedelta(hours=6, seconds=60 + 120)


def test_dead_letters_can_be_read_filtered_and_replayed(store: Path) -> None:
    with Receiver([404]) as failing:
        url = failing.url
        sync = ws.Sync(
            "demo",
            url,
            store=store,
            retry=QUICK,
            event_key="user_id",
            template=ws.Template('{"u": "${input.user_id}"}', name="old.ftl"),
        )
        report = sync.run([*EVENTS[:3], {"other": 1}], wait="settled", progress=False)
        assert (report.expired, report.discarded) == (3, 1)
        first = ids(failing)
    letters = list(sync.dead_letters())
    assert [letter["reason"] for letter in letters].count("exhausted") == 3
    assert len(letters[0]["attempts"]) in (0, 3)
    assert [one["key"] for one in sync.dead_letters(key="u1")] == ["u1"]
    assert [one["reason"] for one in sync.dead_letters(reason="render")] == ["render"]
    assert not list(sync.dead_letters(until="1h"))
    assert len(list(sync.dead_letters(since=datetime.now(UTC) - timedelta(hours=1)))) == 4
    with pytest.raises(ws.ConfigError, match="did you mean `expired`"):
        list(sync.dead_letters(reason="expird"))  # type: ignore[arg-type]

    rows = sync.replay(dry_run=True)
    assert sorted(row["outcome"] for row in rows) == ["send", "send", "send", "stays"]
    port = int(url.rsplit(":", 1)[1])
    with Receiver(port=port) as receiver:
        report = sync.replay(key="u1", progress=False)
        assert (report.delivered, receiver.request_count) == (1, 1)
        assert receiver.requests[0].body == b'{"u": "u1"}'
        new = ws.Template('{"user": "${input.user_id!"nobody"}"}', name="new.ftl")
        report = sync.replay(new, progress=False)
        assert (report.delivered, receiver.request_count) == (3, 4)
        assert b'{"user": "nobody"}' in [request.body for request in receiver.requests]
        # The same id as the attempts that failed.
        assert set(first) < set(ids(receiver))
    assert not list(sync.dead_letters())


def test_dead_letters_are_sent_anew_as_the_sync_sends_events_today(store: Path) -> None:
    with Receiver([404]) as failing:
        wrong = ws.Sync("demo", failing.url, store=store, retry=QUICK)
        assert wrong.run(EVENTS[:2], wait="settled", progress=False).expired == 2
        key = ids(failing)[0]
    with Receiver() as receiver:
        mended = ws.Sync("demo", receiver.url, store=store, headers={"x-new": "yes"})
        rows = mended.replay(anew=True, dry_run=True)
        assert {row["url"] for row in rows} == {receiver.url}
        assert mended.replay(anew=True, progress=False).delivered == 2
        assert {request.headers["x-new"] for request in receiver.requests} == {"yes"}
        assert key in ids(receiver)
    assert not list(mended.dead_letters())


@pytest.mark.parametrize(
    ("keywords", "status", "reason", "attempts"),
    [
        ({"gone": "stop"}, 410, "gone", 1),
        ({"schedule": [0.05, 0.05], "jitter": 0}, 410, "exhausted", 3),
        ({"expire_after_seconds": 600, "jitter": 0}, 404, "expired", 5),
    ],
)
def test_a_policy_can_end_a_delivery_before_its_schedule_does(
    keywords: dict[str, Any], status: int, reason: str, attempts: int, store: Path
) -> None:
    policy = ws.RetryPolicy(**keywords)
    again = pickle.loads(pickle.dumps(policy))  # noqa: S301 - our own bytes
    assert again == policy
    with Receiver([status]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, clock=VirtualClock(), retry=again)
        report = sync.run(EVENTS[:1], wait="settled", progress=False)
        assert (report.expired, receiver.request_count) == (1, attempts)
        letter = next(sync.dead_letters(reason=reason))  # type: ignore[arg-type]
        assert len(letter["attempts"]) == attempts


def test_what_is_too_old_is_not_sent_after_downtime(store: Path) -> None:
    clock = VirtualClock()
    policy = ws.RetryPolicy(expire_after_seconds=3600)
    assert policy.describe().endswith("expires after 1:00:00")
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, clock=clock, retry=policy)
        sync.run(EVENTS[:2], progress=False)
        clock.advance("6h")
        report = sync.drain(progress=False)
        assert (report.expired, report.pending, receiver.request_count) == (2, 0, 2)
        assert [letter["reason"] for letter in sync.dead_letters()] == ["expired"] * 2
        assert sync.status()["expired"] == 2


def test_a_letter_whose_new_template_fails_stays_where_it_is(store: Path) -> None:
    with Receiver([404, 404, 404, 200]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, retry=QUICK, concurrency=1)
        sync.run(EVENTS[:1], wait="settled", progress=False)
        bad = ws.Template("${input.nope}", name="bad.ftl")
        report = sync.replay(bad, progress=False)
        assert (report.accepted, len(list(sync.dead_letters()))) == (0, 1)
        assert "stays where it is" in report.notes[-1]
        assert report.errors[0]["kind"] == "template_missing_value"
        assert sync.replay(progress=False).delivered == 1


def test_without_events_a_letter_is_sent_as_it_was_or_not_at_all(store: Path) -> None:
    template = ws.Template('{"u": "${input.user_id}"}')
    with Receiver([404, 404, 404, 200]) as receiver:
        sync = ws.Sync(
            "demo",
            receiver.url,
            store=store,
            retry=QUICK,
            template=template,
            keep_events=False,
            concurrency=1,
        )
        sync.run(EVENTS[:1], wait="settled", progress=False)
        assert next(sync.dead_letters())["event"] is None
        row = sync.replay(template, dry_run=True)[0]
        assert row["outcome"] == "stays"
        assert "keep_events" in row["error"]
        assert sync.replay(progress=False).delivered == 1


def test_a_fixed_template_sends_what_could_not_be_rendered(receiver: Receiver, store: Path) -> None:
    bad = ws.Template("${input.nope}")
    ws.Sync("demo", receiver.url, store=store, template=bad).run(EVENTS[:2], progress=False)
    fixed = ws.Sync("demo", receiver.url, store=store, template=ws.Template("${input.user_id}"))
    assert fixed.replay(progress=False).delivered == 2
    assert sorted(request.body for request in receiver.requests) == [b"u0", b"u1"]


def test_no_secret_is_in_the_store(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_TOKEN", "s3cret-canary")
    headers = {"Authorization": "Bearer ${secrets.DEMO_TOKEN}"}
    with Receiver([500]) as receiver:
        sync = ws.Sync("demo", receiver.url, headers=headers, store=store, retry=QUICK)
        sync.run(EVENTS[:2], progress=False)
        sync.drain(5, progress=False)
        assert receiver.requests[-1].headers["authorization"] == "Bearer s3cret-canary"
    assert not any(b"s3cret-canary" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_store_can_be_read_with_sql(store: Path) -> None:
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, retry=LATER)
        sync.run(EVENTS[:2], progress=False)
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT sync, attempts, payload FROM pending").fetchall()
            assert [(row[0], row[1]) for row in rows] == [("demo", 1), ("demo", 1)]
            assert json.loads(rows[0][2])["event_type"] == "Login"
        connection.close()
        sync.drain(20, progress=False)
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT reason FROM dead_letters").fetchall()
        connection.close()
        assert rows == [("exhausted",), ("exhausted",)]


def test_a_store_that_is_none_is_refused(receiver: Receiver, store: Path) -> None:
    store.write_text("this is a diary, not a store\n" * 100)
    sync = ws.Sync("demo", receiver.url, store=store)
    with pytest.raises(ws.StoreError) as raised:
        sync.run(EVENTS, progress=False)
    assert raised.value.kind in ("place", "damaged")
    assert raised.value.name == "demo"
    with pytest.raises(ws.StoreError):
        sync.status()
    assert receiver.request_count == 0


def test_shared_stores_come_later(receiver: Receiver) -> None:
    with pytest.raises(ws.ConfigError, match="later version") as raised:
        ws.Sync("demo", receiver.url, store="postgresql://user:secret@host/db")
    assert raised.value.kind == "not_available"
    assert "secret" not in str(raised.value)


def test_a_store_that_does_not_exist_yet_is_empty_and_is_not_made(
    receiver: Receiver, store: Path
) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    assert sync.status()["pending"] == 0
    assert not list(sync.dead_letters())
    assert not store.exists()


def test_a_sync_with_a_store_pickles_also_while_it_is_open(receiver: Receiver, store: Path) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    with sync.open() as stream:
        stream.send(EVENTS[0])
        again = pickle.loads(pickle.dumps(sync))  # noqa: S301 - our own bytes
        assert again.status()["accepted"] == 1
    assert again.run(EVENTS[1:], progress=False).delivered == 99


def test_a_store_is_open_once_and_says_who_has_it(receiver: Receiver, store: Path) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    with sync.open() as stream:
        stream.send(EVENTS[0])
        for use in (sync.open, sync.drain, lambda: sync.run(EVENTS, progress=False)):
            with pytest.raises(ws.StoreError) as raised:
                use()
            assert raised.value.kind == "in_use"
        code = (
            "import sys, webhook_stream as ws\n"
            f"sync = ws.Sync('demo', {receiver.url!r}, store={str(store)!r})\n"
            "assert sync.status()['accepted'] == 1\n"
            "try:\n    sync.drain()\nexcept ws.StoreError as error:\n    print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert "process" in done.stdout
        stream.send(EVENTS[1])
    assert stream.report().delivered == 2


def test_what_is_pending_in_memory_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url)
        report = sync.run(EVENTS[:2], progress=False)
        assert "2 pending" in report.notes[0]
        del sync
    assert "2 pending" in caplog.text


def test_send_waits_for_the_store_and_not_for_the_receiver(tmp_path: Path) -> None:
    class DoneError(Exception):
        pass

    count = 15_000
    events = [{"user_id": f"u{number}", "text": "x" * 600} for number in range(count)]
    with Receiver() as receiver:
        # By itself this would take fifty minutes.
        sync = ws.Sync("slow", receiver.url, store=tmp_path / "s.db", rate_limit_per_second=5)

        def send() -> None:
            with sync.open() as stream:
                for first in range(0, count, 500):
                    stream.send_many(events[first : first + 500])
                assert stream.report().accepted == count
                assert len(receiver.requests) < count / 10
                # Nobody waits for first attempts then.
                raise DoneError

        with pytest.raises(DoneError):
            send()
        assert sync.status()["pending"] > count * 0.9
        quick = ws.Sync("slow", receiver.url, store=tmp_path / "s.db")
        report = quick.drain(60, progress=False)
        assert report.pending == 0
        sent = [json.loads(request.body)["user_id"] for request in receiver.requests]
    assert len(sent) == count
    assert set(sent) == {event["user_id"] for event in events}


def test_the_status_names_files_that_were_not_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text("".join(f'{{"user_id": "u{number}"}}\n' for number in range(200_000)))
    with Receiver(["hang"]) as receiver:
        code = (
            "import sys, webhook_stream as ws\n"
            "ws.Sync('f', sys.argv[1], store=sys.argv[2]).run(ws.read(sys.argv[3]), progress=False)"
        )
        words = [receiver.url, str(tmp_path / "s.db"), str(path)]
        with subprocess.Popen([sys.executable, "-c", code, *words]) as process:
            while not receiver.requests:
                time.sleep(0.01)
            process.kill()
        sync = ws.Sync("f", receiver.url, store=tmp_path / "s.db")
        assert sync.status()["unfinished_sources"] == [str(path)]
        assert "events.ndjson is not finished" in sync.status()._repr_html_()
        toml = f'[sync.f]\nurl = "{receiver.url}"\nstore = "s.db"\n'
        (tmp_path / "syncs.toml").write_text(toml)
        command = [sys.executable, "-m", "webhook_stream", "status", "syncs.toml"]
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert f"not finished    {path}: run it again" in shown.stdout
    with Receiver() as receiver:
        sync = ws.Sync("f", receiver.url, store=tmp_path / "s.db")
        sync.run(ws.read(str(path)), progress=False, wait="settled")
        assert sync.status()["unfinished_sources"] == []
