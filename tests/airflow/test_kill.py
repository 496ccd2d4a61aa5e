"""A task that is told to stop while requests are under way, in a process of its own."""

from __future__ import annotations

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
from dagruns import NOON, dag_of, run

from webhook_stream.testing import Receiver

EVENTS = 20
IS_AIRFLOW_2 = airflow_version.startswith("2.")

# What runs the task: in Airflow 2 the supervisor that a worker starts, which forks the task. In
# Airflow 3 the task's runner, as its supervisor needs the whole of Airflow (test_standalone.py).
TASK = (
    ["airflow", "tasks", "run", "killed", "send", "once", "--local"]
    if IS_AIRFLOW_2
    else [sys.executable, "-c", "from dagruns import *; run(dag_of('streams', 'killed'))"]
)


@pytest.mark.usefixtures("database")
def test_a_task_that_is_killed_loses_nothing_and_sends_nothing_again_that_was_confirmed(
    connect: Callable[..., None],
    events: Callable[..., Path],
    sources: Callable[..., None],
    tmp_path: Path,
) -> None:
    sources(events("a.ndjson", *({"id": number} for number in range(EVENTS))))
    dag = dag_of("streams", "killed")
    if IS_AIRFLOW_2:
        from airflow.api.common.trigger_dag import trigger_dag

        trigger_dag("killed", run_id="once", execution_date=NOON)
    log = tmp_path / "log"
    with Receiver([200] * 3 + ["hang"] * 4 + [200]) as receiver, log.open("wb") as output:
        # Longer than anyone would wait: what ends the requests is `on_kill`.
        connect(receiver.url, "hanging", extra={"concurrency": 4, "timeout_seconds": 600})
        here = Path(__file__).parent
        task = subprocess.Popen(TASK, stdout=output, stderr=subprocess.STDOUT, cwd=here)
        assert receiver.wait_for(7, 240), log.read_text("utf-8", "replace")
        store = next((HOME / "webhook_stream" / "killed" / "send").glob("*.db"))
        lock = store.with_name(f"{store.name}.lock")
        assert lock.exists()
        told = time.monotonic()
        os.kill(task.pid, signal.SIGTERM)
        while lock.exists() and time.monotonic() - told < 60:
            time.sleep(0.05)
        print(f"the store was left {time.monotonic() - told:.1f} s after SIGTERM")
        assert not lock.exists()
        task.wait(120)
        assert receiver.request_count == 7

        assert str(run(dag).state) == "success"
        ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == EVENTS + 4
    assert len(set(ids)) == EVENTS
    assert not set(ids[:3]) & set(ids[7:])
