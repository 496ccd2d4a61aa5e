"""A task that is told to stop while requests are under way, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version
from conftest import HOME

from webhook_stream.testing import Receiver

EVENTS = 20
IS_AIRFLOW_2 = airflow_version.startswith("2.")

# What runs the task is what a scheduler starts: in Airflow 2 the supervisor that forks it, in
# Airflow 3 the task's runner, as its supervisor needs the whole of Airflow (test_standalone.py).
TEST = """
from datetime import UTC, datetime
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
initdb()
dag = DagBag({file!r}).dags["killed"]
dag.test(logical_date=datetime(2026, 11, 27, tzinfo=UTC))
"""
TASKS_RUN = ["airflow", "tasks", "run", "killed", "send", "once", "--local"]
TASKS_RUN += ["--ignore-all-dependencies", "--force"]


def start(log: Path) -> subprocess.Popen[bytes]:
    """Start the task."""
    code = TEST.format(file=str(HOME / "dags" / "streams.py"))
    with log.open("ab") as output:
        return subprocess.Popen(
            TASKS_RUN if IS_AIRFLOW_2 else [sys.executable, "-c", code],
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def airflow(*arguments: str) -> None:
    """Run a command of Airflow."""
    subprocess.run(["airflow", *arguments], check=True, capture_output=True)


@pytest.mark.usefixtures("database")
def test_a_task_that_is_killed_loses_nothing_and_sends_nothing_again_that_was_confirmed(
    connect: Callable[..., None],
    events: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    source = events("a.ndjson", *({"id": number} for number in range(EVENTS)))
    monkeypatch.setenv("TEST_SOURCES", json.dumps([str(source)]))
    log = tmp_path / "log"
    if IS_AIRFLOW_2:
        airflow("dags", "reserialize")
        airflow("dags", "trigger", "killed", "--run-id", "once", "--exec-date", "2026-11-27")
    with Receiver([200] * 3 + ["hang"] * 4 + [200]) as receiver:
        # Longer than anyone would wait: what ends the requests is `on_kill`.
        connect(receiver.url, "hanging", extra={"concurrency": 4, "timeout_seconds": 600})
        task = start(log)
        assert receiver.wait_for(7, 120), log.read_text("utf-8", "replace")
        store = next((HOME / "webhook_stream" / "killed" / "send").glob("*.db"))
        lock = store.with_name(f"{store.name}.lock")
        assert lock.exists()
        told = time.monotonic()
        os.kill(task.pid, signal.SIGTERM)
        while lock.exists() and time.monotonic() - told < 60:
            time.sleep(0.05)
        print(f"the store was left {time.monotonic() - told:.1f} s after SIGTERM")
        assert not lock.exists()
        task.wait(60)
        assert receiver.request_count == 7

        assert start(log).wait(120) == 0, log.read_text("utf-8", "replace")
        ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == EVENTS + 4
    assert len(set(ids)) == EVENTS
    assert not set(ids[:3]) & set(ids[7:])
