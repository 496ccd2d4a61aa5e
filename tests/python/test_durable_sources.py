"""Sources and stores: what an earlier run sent is known, by its content or by its key."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver, VirtualClock

EVENTS: list[dict[str, Any]] = [{"event_type": "Login", "user_id": f"u{n}"} for n in range(100)]


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


@pytest.mark.parametrize("kind", ["plain", "gz", "zip"])
def test_a_run_that_was_cut_goes_on_in_the_middle_of_any_file(
    kind: str, store: Path, tmp_path: Path
) -> None:
    text = lines([{"n": n, "pad": "x" * (n % 50)} for n in range(2000)])
    path = tmp_path / {"plain": "e.ndjson", "gz": "e.ndjson.gz", "zip": "e.zip"}[kind]
    if kind == "plain":
        path.write_text(text)
    elif kind == "gz":
        # Two members, one behind the other, as rotated logs have.
        half = len(text) // 2
        path.write_bytes(gzip.compress(text[:half].encode()) + gzip.compress(text[half:].encode()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.json.gz", gzip.compress(lines([]).encode()))
            archive.writestr("b.json", text[: text.index('{"n": 900,')])
            archive.writestr("c.json.gz", gzip.compress(text[text.index('{"n": 900,') :].encode()))

    def sync() -> ws.Sync:
        return ws.Sync("demo", receiver.url, store=store, concurrency=4)

    class EnoughError(Exception):
        pass

    def stop(figures: Any) -> None:
        if figures["delivered"] > 100:
            raise EnoughError

    with Receiver([{"status": 200, "latency": 0.003}]) as receiver:
        for _ in range(2):
            with pytest.raises(EnoughError):
                sync().run(path, progress=stop)
        after_cuts = receiver.request_count
        assert 200 <= after_cuts < 2000
        # Another place, another name, another time: the content counts.
        moved = path.rename(path.with_name("moved" + path.suffix))
        moved.touch()
        os.utime(moved, (1, 1))
        report = sync().run(moved, progress=False)
        assert (report.pending, report.invalid) == (0, 0)
        assert report.delivered + report.confirmed_before >= 2000
        numbers = [json.loads(request.body)["n"] for request in receiver.requests]
        assert sorted(set(numbers)) == list(range(2000))
        # What was under way at each of the two cuts.
        assert len(numbers) - 2000 <= 2 * 4
        assert len(set(ids(receiver))) == 2000
        assert sync().run(moved, progress=False).confirmed_before == 2000


def test_a_file_that_was_cut_off_is_another_file_and_its_keys_are_known(
    receiver: Receiver, store: Path, file: Path
) -> None:
    keyed = ws.Sync("demo", receiver.url, store=store, event_key="user_id")
    assert keyed.run(file, progress=False).delivered == 100
    file.write_text(lines(EVENTS[:40]))
    report = keyed.run(file, progress=False)
    assert (report.delivered, report.confirmed_before) == (0, 40)
    # It grows again, with other events.
    file.write_text(lines([*EVENTS[:40], {"user_id": "new"}]))
    report = keyed.run(file, progress=False)
    assert (report.delivered, report.confirmed_before) == (1, 40)
    assert receiver.request_count == 101


def test_what_was_delivered_is_forgotten_after_a_week(receiver: Receiver, store: Path) -> None:
    clock = VirtualClock()

    def run() -> ws.Report:
        sync = ws.Sync("demo", receiver.url, store=store, event_key="user_id", clock=clock)
        return sync.run(EVENTS[:3], progress=False)

    assert run().delivered == 3
    clock.advance("6d")
    assert (run().delivered, receiver.request_count) == (0, 3)
    # Being asked for again is no delivery: a week after the one that was made.
    clock.advance("2d")
    assert (run().delivered, receiver.request_count) == (3, 6)


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


def test_what_is_pending_is_not_accepted_once_more_when_an_iterable_is_run_again(
    store: Path,
) -> None:
    later = ws.RetryPolicy(schedule=[3, 3600], jitter=0, tries=1)
    events = [{"order": n} for n in range(3)]
    with Receiver([503, 503, 200]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store, retry=later)
        first = sync.run(iter(events), progress=False)
        assert (first.accepted, first.delivered, first.pending) == (3, 1, 2)
        again = sync.run(iter([*events, {"order": 3}]), progress=False)
        assert (again.accepted, again.to_dict()["resumed"], again.pending) == (3, 2, 2)
        assert (again.delivered, again.confirmed_before) == (1, 3)
        assert receiver.request_count == 4
        anew = sync.run(events[:1], restart=True, progress=False)
        assert (anew.accepted, anew.delivered, anew.confirmed_before) == (3, 1, 0)


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


def test_a_url_of_its_own_for_each_event_leaves_no_targets_behind(
    receiver: Receiver, store: Path
) -> None:
    def targets() -> int:
        with sqlite3.connect(store) as sql:
            count = sql.execute("SELECT count(*) FROM target").fetchone()[0]
        sql.close()
        assert isinstance(count, int)
        return count

    url = receiver.url + "/${input.n}"
    sync = ws.Sync("demo", url, store=store, allow_addresses=["127.0.0.1"])
    with sync.open() as stream:
        stream.send_many({"n": n} for n in range(3000))
    assert stream.report().delivered == 3000
    assert targets() == 3000
    assert len({request.path for request in receiver.requests}) == 3000
    sync.drain(progress=False)
    assert targets() == 0
