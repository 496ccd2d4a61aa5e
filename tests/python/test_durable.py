"""Stores on disk: what a run leaves, the next one goes on with."""

from __future__ import annotations

import gzip
import json
import pickle
import sqlite3
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver, VirtualClock

EVENTS: list[dict[str, Any]] = [{"event_type": "Login", "user_id": f"u{n}"} for n in range(100)]
QUICK = ws.RetryPolicy(schedule=[0.05, 0.05], jitter=0)


def lines(events: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "demo.db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_text(lines(EVENTS))
    return path


def ids(receiver: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests]


def users(receiver: Receiver) -> list[str]:
    return sorted(json.loads(request.body)["user_id"] for request in receiver.requests)


def test_a_finished_file_is_not_sent_again(receiver: Receiver, store: Path, file: Path) -> None:
    first = ws.Sync("demo", receiver.url, store=store).run(file, progress=False)
    assert (first.delivered, first.confirmed_before) == (100, 0)
    again = ws.Sync("demo", receiver.url, store=store).run(file, progress=False)
    assert (again.accepted, again.delivered, again.confirmed_before) == (0, 0, 100)
    assert receiver.request_count == 100


def test_a_file_is_known_by_its_content_not_its_path(
    receiver: Receiver, store: Path, file: Path
) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    sync.run(file, progress=False)
    moved = file.rename(file.with_name("other.ndjson"))
    assert sync.run(moved, progress=False).confirmed_before == 100
    file.write_text(lines(EVENTS).replace("u7", "x7"))
    assert sync.run(file, progress=False).delivered == 100
    assert len(set(ids(receiver))) == 200


def test_restart_sends_a_file_again_under_the_same_ids(
    receiver: Receiver, store: Path, file: Path
) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    sync.run(file, progress=False)
    report = sync.run(file, restart=True, progress=False)
    assert (report.delivered, report.confirmed_before) == (100, 0)
    assert (len(ids(receiver)), len(set(ids(receiver)))) == (200, 100)
    assert sync.run(file, progress=False).confirmed_before == 100


def test_of_a_file_that_has_grown_only_what_is_new_is_sent(
    receiver: Receiver, store: Path, file: Path
) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    # The last line is still being written.
    file.write_text(lines(EVENTS[:60]) + '{"user_id": "u6')
    report = sync.run(file, progress=False)
    assert (report.delivered, report.invalid) == (60, 1)
    file.write_text(lines(EVENTS[:60]) + '{"user_id": "u60"}\n' + lines(EVENTS[61:]))
    report = sync.run(file, progress=False)
    assert (report.delivered, report.invalid, report.confirmed_before) == (40, 0, 60)
    assert users(receiver) == sorted(event["user_id"] for event in EVENTS)
    assert sync.run(file, progress=False).confirmed_before == 100


def test_each_file_of_a_folder_is_a_source_of_its_own(
    receiver: Receiver, store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "a.ndjson").write_text(lines(EVENTS[:10]))
    sync = ws.Sync("demo", receiver.url, store=store)
    assert sync.run(folder, progress=False).delivered == 10
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(lines(EVENTS[10:30]).encode()))
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        archive.writestr("one.json", lines(EVENTS[30:40]))
        archive.writestr("two.json", lines(EVENTS[40:50]))
    report = sync.run(folder, progress=False)
    assert (report.delivered, report.confirmed_before) == (40, 10)
    assert sync.run(str(folder / "*"), progress=False).confirmed_before == 50
    assert users(receiver) == sorted(event["user_id"] for event in EVENTS[:50])


def test_two_files_of_the_same_content_are_both_sent(
    receiver: Receiver, store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    for name in ("a.ndjson", "b.ndjson"):
        (folder / name).write_text(lines(EVENTS[:10]))
    sync = ws.Sync("demo", receiver.url, store=store)
    assert sync.run(folder, progress=False).delivered == 20
    assert len(set(ids(receiver))) == 20
    assert sync.run(folder, progress=False).confirmed_before == 20


def test_filtered_and_invalid_lines_do_not_keep_a_file_from_being_finished(
    receiver: Receiver, store: Path, file: Path
) -> None:
    file.write_text("nope\n" + lines(EVENTS[:5]) + "[1]\n" + lines(EVENTS[5:10]))
    sync = ws.Sync("demo", receiver.url, store=store, filter=ws.Filter('input.user_id != "u3"'))
    report = sync.run(file, progress=False)
    assert (report.delivered, report.filtered, report.invalid) == (9, 1, 2)
    report = sync.run(file, progress=False)
    assert (report.accepted, report.filtered, report.invalid) == (0, 0, 0)
    assert report.confirmed_before == 9


def test_what_was_delivered_is_left_out_when_an_iterable_is_run_again(
    receiver: Receiver, store: Path
) -> None:
    assert ws.Sync("demo", receiver.url, store=store).run(EVENTS, progress=False).delivered == 100
    again = ws.Sync("demo", receiver.url, store=store).run(iter(EVENTS), progress=False)
    assert (again.accepted, again.confirmed_before) == (0, 100)
    sync = ws.Sync("demo", receiver.url, store=store)
    assert sync.run(EVENTS, restart=True, progress=False).delivered == 100


def test_events_that_arrive_one_by_one_are_known_by_a_key_of_their_own(
    receiver: Receiver, store: Path
) -> None:
    beat = {"event_type": "Heartbeat"}
    order = {"event_type": "Order", "order": {"id": 7}}
    for _ in range(2):
        sync = ws.Sync("demo", receiver.url, store=store, event_key="order.id")
        with sync.open() as stream:
            stream.send(beat)
            stream.send(order)
        report = stream.report()
    assert (report.delivered, report.confirmed_before) == (1, 1)
    assert receiver.request_count == 3


def test_what_a_run_leaves_pending_the_next_one_goes_on_with(store: Path) -> None:
    with Receiver([404]) as failing:
        sync = ws.Sync("demo", failing.url, store=store, retry=QUICK)
        report = sync.run(EVENTS[:3], progress=False)
        assert report.pending == 3
        assert str(store) in report.notes[0]
        url = failing.url
        assert sync.status()["pending"] == 3
    port = int(url.rsplit(":", 1)[1])
    with Receiver(port=port) as receiver:
        report = ws.Sync("demo", url, store=store, retry=QUICK).drain(10, progress=False)
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
        sync = ws.Sync("demo", receiver.url, store=store, retry=QUICK)
        sync.run(EVENTS[:2], progress=False)
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT sync, attempts, payload FROM pending").fetchall()
            assert [(row[0], row[1]) for row in rows] == [("demo", 1), ("demo", 1)]
            assert json.loads(rows[0][2])["event_type"] == "Login"
        connection.close()
        sync.drain(5, progress=False)
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
