"""Ending a run from elsewhere, and secrets that are given instead of looked up."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

# Enough for a run to be still reading when it is stopped.
EVENTS = 50_000


def stop_when_under_way(sync: ws.Sync, receiver: Receiver, requests: int) -> threading.Thread:
    """Stop a sync from another thread as soon as so many requests came."""

    def stop() -> None:
        assert receiver.wait_for(requests)
        sync.stop(0)

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", ["iterable", "file"])
def test_a_run_that_is_stopped_returns_its_report_and_keeps_the_rest(
    tmp_path: Path, kind: str
) -> None:
    numbers: Iterator[dict[str, int]] = ({"n": n} for n in range(EVENTS))
    source: str | Iterator[dict[str, int]] = numbers
    if kind == "file":
        path = tmp_path / "events.ndjson"
        path.write_text("".join(f'{{"n": {n}}}\n' for n in range(EVENTS)))
        source = str(path)
    store = tmp_path / "s.db"
    with Receiver(["hang", "hang", 200]) as receiver:
        sync = ws.Sync("s", receiver.url, store=store, concurrency=2, durability="process")
        stopping = stop_when_under_way(sync, receiver, 2)
        report = sync.run(source, progress=False)
        stopping.join()
        assert report.interrupted
        assert (report.delivered, receiver.request_count) == (0, 2)
        # The store was left: another one may have it.
        again = ws.Sync("s", receiver.url, store=store, durability="process")
        if kind == "file":
            assert again.run(source, progress=False).pending == 0
            assert again.status()["delivered"] == EVENTS
        else:
            assert again.drain(timeout_seconds=60, progress=False).delivered == report.accepted


def test_a_drain_may_be_stopped_by_a_signal_handler(tmp_path: Path) -> None:
    slow = ws.RetryPolicy(schedule=[3600], tries=1)
    with Receiver([503]) as receiver:
        sync = ws.Sync("s", receiver.url, store=tmp_path / "s.db", retry=slow)
        assert sync.run([{"n": 1}], progress=False).pending == 1

        def handler(_number: int, _frame: FrameType | None) -> None:
            sync.stop()

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGUSR1])
            timer.start()
            report = sync.drain(progress=False)
            timer.join()
        finally:
            signal.signal(signal.SIGUSR1, before)
    assert report.interrupted
    assert sync.status()["pending"] == 1
    sync.stop()  # nothing goes on: nothing happens


def test_a_run_that_was_not_stopped_says_so(receiver: Receiver) -> None:
    assert not ws.Sync("s", receiver.url).run([{"n": 1}], progress=False).interrupted


def test_secrets_may_be_given(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "from the environment")
    monkeypatch.setenv("OTHER", "other")
    headers = {"X-Given": "${secrets.GIVEN}", "X-Other": "${secrets.OTHER}"}
    sync = ws.Sync("s", receiver.url, headers=headers, secrets={"GIVEN": "given"})
    assert sync.run([{"n": 1}], progress=False).delivered == 1
    [request] = receiver.requests
    assert (request.headers["x-given"], request.headers["x-other"]) == ("given", "other")


def test_a_given_secret_that_is_empty_is_missing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "from the environment")
    headers = {"X": "${secrets.EMPTY}"}
    sync = ws.Sync("s", receiver.url, headers=headers, secrets={"EMPTY": ""})
    with pytest.raises(ws.ConfigError) as raised:
        sync.run([{"n": 1}])
    assert raised.value.kind == "missing_secret"


def test_given_secrets_are_neither_printed_nor_pickled(caplog: pytest.LogCaptureFixture) -> None:
    echo = {"status": 400, "X-Echo": "hunter2"}
    headers = {"Authorization": "Bearer ${secrets.TOKEN}"}
    secrets = {"TOKEN": "hunter2"}
    once = ws.RetryPolicy(schedule=[], tries=1)
    with Receiver([echo]) as receiver, caplog.at_level(logging.DEBUG):
        sync = ws.Sync("s", receiver.url, headers=headers, secrets=secrets, retry=once)
        report = sync.run([{"n": 1}], progress=False)
    for shown in (repr(sync), repr(sync._core), str(report), caplog.text, str(report.to_dict())):
        assert "hunter2" not in shown
    with pytest.raises(TypeError, match="secrets, which are not pickled"):
        pickle.dumps(sync)
