"""The whole of Airflow: a scheduler, a triggerer and task processes, a deferral and a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import HOME

from webhook_stream.testing import Receiver

pytestmark = pytest.mark.standalone

EVENTS = 40
PATIENCE_SECONDS = 240.0


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def until(what: str, answer: Callable[[], Any], log: Path | None = None) -> Any:
    """Wait until this is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if found := answer():
                return found
        time.sleep(0.5)
    lines = log.read_text("utf-8", "replace").splitlines() if log else []
    told = [line for line in lines if "http.access" not in line and "dag-processor" not in line]
    tail = "\n".join(told[-60:])
    return pytest.fail(f"{what} did not happen in {PATIENCE_SECONDS:.0f} s\n{tail}")


class Airflow:
    """A running Airflow, over its API."""

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.token = ""

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Return what the API answers."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def is_healthy(self) -> bool:
        """Whether every part of it runs."""
        health = self.call("/api/v2/monitor/health")
        parts = ("scheduler", "triggerer", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts)

    def start(self, dag_id: str) -> str:
        """Start a run and return the path of its only task."""
        until(f"{dag_id} is known", lambda: self.call(f"/api/v2/dags/{dag_id}"), self.log)
        run = self.call(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})
        return f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances/send"

    def state(self, task: str) -> str:
        """Return the state of a task."""
        return str(self.call(task)["state"])

    def reaches(self, task: str, *states: str) -> None:
        """Wait until a task is in one of these states."""
        seen: list[str] = []

        def is_reached() -> bool:
            seen.append(self.state(task))
            return seen[-1] in (*states, "failed", "upstream_failed")

        try:
            until(f"{task} is one of {states}", is_reached, self.log)
            assert seen[-1] in states, self.log_of(task)
        except pytest.fail.Exception as error:
            pytest.fail(f"states seen: {list(dict.fromkeys(seen))}\n{error.msg}")

    def log_of(self, task: str, number: int = 1) -> str:
        """Return the log of a try."""
        return json.dumps(self.call(f"{task}/logs/{number}?full_content=true"))


@pytest.fixture(scope="module")
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    """Start one that is down for the first attempts, and one that never answers at first."""
    down = Receiver([503] * EVENTS + [200])
    hanging = Receiver([200] * 3 + ["hang"] * 4 + [200])
    with down, hanging:
        yield down, hanging


@pytest.fixture(scope="module")
def airflow(receivers: tuple[Receiver, Receiver]) -> Iterator[Airflow]:
    """Start Airflow with everything it has."""
    port, log = free_port(), HOME / "standalone.log"
    source = HOME / "events.ndjson"
    source.write_text("".join(json.dumps({"id": number}) + "\n" for number in range(EVENTS)))
    down, hanging = receivers
    # A time-out that is longer than any patience: what ends the requests is `on_kill`.
    extra = {"concurrency": 4, "timeout_seconds": 600}
    environment = {
        "TEST_SOURCES": json.dumps([str(source)]),
        # Not the default: the scheduler runs the example, which sends there.
        "AIRFLOW_CONN_DOWN": json.dumps({"conn_type": "webhook", "host": down.url}),
        "AIRFLOW_CONN_HANGING": json.dumps(
            {"conn_type": "webhook", "host": hanging.url, "extra": extra}
        ),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("airflow"), "standalone"],
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        running = Airflow(port, log)
        until("Airflow is healthy", running.is_healthy, log)
        running.token = running.call("/auth/token")["access_token"]
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_deferral_and_a_kill(airflow: Airflow, receivers: tuple[Receiver, Receiver]) -> None:
    down, hanging = receivers
    deferring, killed = airflow.start("defers"), airflow.start("killed")

    # The first attempts fail in the task; then it sleeps in the triggerer and holds no worker.
    # On a busy machine its time may be over before anyone looks; the log says it all the same.
    airflow.reaches(deferring, "deferred", "success")

    # This one has three confirmed and four under way when someone marks it as failed.
    until("all is under way", lambda: hanging.request_count >= 7, airflow.log)
    airflow.call(killed, {"new_state": "failed"}, "PATCH")
    store = next((HOME / "webhook_stream" / "killed").rglob("*.db"))
    lock = store.with_name(f"{store.name}.lock")
    until("the killed task has left its store", lambda: not lock.exists(), airflow.log)
    log = until(
        "the log says so",
        lambda: (text := airflow.log_of(killed)) and "stopped by Airflow" in text and text,
        airflow.log,
    )
    before = hanging.request_count
    assert before == 7

    # Cleared, it sends what was not confirmed, under the same ids, and nothing else.
    dag_id, run_id = killed.split("/")[4], killed.split("/")[6]
    airflow.call(
        f"/api/v2/dags/{dag_id}/clearTaskInstances",
        {"dag_run_id": run_id, "task_ids": ["send"], "only_failed": False, "dry_run": False},
    )
    airflow.reaches(killed, "success")
    ids = [request.headers["webhook-id"] for request in hanging.requests]
    assert len(ids) == EVENTS + 4
    assert len(set(ids)) == EVENTS
    assert not set(ids[:3]) & set(ids[7:])

    # And the other one has gone on in a new process, and sent each once more.
    airflow.reaches(deferring, "success")
    log = airflow.log_of(deferring)
    told = [(request.headers["webhook-id"][-6:], request.connection) for request in down.requests]
    assert len(told) == 2 * EVENTS, f"{told}\n{log}"
    assert "next attempt is due at" in log
    assert "DEFERRED" in log
    assert f"{EVENTS} delivered of" in log
    assert "webhook_stream.delivery" in log
