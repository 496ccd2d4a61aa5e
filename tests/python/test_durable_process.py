"""What becomes of deliveries when a process ends, in every way it can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

EVENTS: list[dict[str, Any]] = [{"event_type": "Login", "user_id": f"u{n}"} for n in range(50)]


class Start(Protocol):
    """Starts a process."""

    def __call__(self, code: str, **names: object) -> subprocess.Popen[str]:
        """Start a process that runs this code, with these names set."""
        ...


@pytest.fixture
def python() -> Iterator[Start]:
    """Start processes that run some code with some names set; they end with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(code: str, **names: object) -> subprocess.Popen[str]:
        head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        code = f"import os, sys, time\nimport webhook_stream as ws\n{head}{textwrap.dedent(code)}"
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        with process:
            pass


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.01)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "demo.db"


@pytest.mark.parametrize(
    "end",
    ["pass", "os._exit(7)", "sys.exit(3)", "raise ValueError('mine')", "os.kill(os.getpid(), 9)"],
)
def test_what_was_accepted_survives_every_end_of_a_process(
    end: str, store: Path, python: Start
) -> None:
    with Receiver(["hang"]) as receiver:
        url = receiver.url
        process = python(
            f"""
            sync = ws.Sync("demo", url, store=store)
            stream = sync.open()
            stream.send_many(events)
            {end}
            """,
            url=url,
            store=str(store),
            events=EVENTS,
        )
        _, err = process.communicate(timeout=30)
        assert process.returncode in (0, 1, 3, 7, -9), err
    port = int(url.rsplit(":", 1)[1])
    with Receiver(port=port) as receiver:
        report = ws.Sync("demo", url, store=store).drain(30, progress=False)
        assert (report.delivered, report.pending) == (50, 0)
        sent = {json.loads(request.body)["user_id"] for request in receiver.requests}
        assert sent == {event["user_id"] for event in EVENTS}


def test_an_exception_in_the_block_goes_on_at_once_and_loses_nothing(store: Path) -> None:
    with Receiver(["hang"]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store)
        began = time.monotonic()

        def fail() -> None:
            with sync.open() as stream:
                stream.send_many(EVENTS)
                raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            fail()
        # Far below the ten seconds that a hanging receiver would take.
        assert time.monotonic() - began < 5
        assert sync.status()["pending"] == 50


def test_sigterm_ends_a_run_with_time_to_finish(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text(
        "".join(json.dumps({"n": n, "pad": "x" * 500}) + "\n" for n in range(20_000))
    )
    with Receiver([{"status": 200, "latency": 0.02}]) as receiver:
        (tmp_path / "syncs.toml").write_text(
            f'[sync.demo]\nurl = "{receiver.url}"\nconcurrency = 4\n'
        )
        command = [sys.executable, "-m", "webhook_stream", "run", "syncs.toml", "events.ndjson"]
        process = subprocess.Popen(
            [*command, "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        until(lambda: receiver.request_count > 20)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < 10
        assert process.returncode == 143
        report = json.loads(out)[0]["report"]
        assert report["interrupted"]
        assert report["accepted"] == report["delivered"] + report["pending"]
        # What was under way could finish: every request was answered and counted.
        assert report["delivered"] == receiver.request_count


def test_ctrl_c_ends_a_run_at_once_and_the_next_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text(
        "".join(json.dumps({"n": n}) + "\n" for n in range(3_000))
    )
    with Receiver([{"status": 200, "latency": 0.005}]) as receiver:
        (tmp_path / "syncs.toml").write_text(
            f'[sync.demo]\nurl = "{receiver.url}"\nconcurrency = 2\n'
        )
        command = [sys.executable, "-m", "webhook_stream", "run", "syncs.toml", "events.ndjson"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        until(lambda: receiver.request_count > 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        after_the_first = receiver.request_count
        assert after_the_first < 3_000
        done = subprocess.run(
            [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)[0]["report"]
        assert report["delivered"] + report["confirmed_before"] >= 3_000
        bodies = [json.loads(request.body)["n"] for request in receiver.requests]
        assert sorted(set(bodies)) == list(range(3_000))
        # Only what was under way when it was cut may come twice.
        assert len(bodies) - 3_000 <= 2
        by_body = {request.body: request.headers["webhook-id"] for request in receiver.requests}
        assert len(set(by_body.values())) == 3_000
        assert {request.headers["webhook-id"] for request in receiver.requests} == set(
            by_body.values()
        )


def test_ctrl_c_leaves_a_sync_usable(store: Path, python: Start) -> None:
    with Receiver(["hang"]) as receiver:
        url = receiver.url
        process = python(
            """
            sync = ws.Sync("demo", url, store=store, concurrency=2)
            print("ready", flush=True)
            try:
                sync.run(events, progress=False)
            except KeyboardInterrupt:
                print(sync.status()["pending"], flush=True)
            sys.stdin.readline()
            print(sync.drain(20, progress=False).delivered)
            """,
            url=url,
            store=str(store),
            events=EVENTS,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        until(lambda: receiver.request_count >= 2)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "50\n"
    with Receiver(port=int(url.rsplit(":", 1)[1])):
        out, err = process.communicate("go\n", timeout=60)
        assert out == "50\n", err


def test_a_fork_leaves_its_parents_store_alone(
    receiver: Receiver, store: Path, python: Start
) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    with sync.open() as stream:
        stream.send(EVENTS[0])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                refused = 0
                for use in (lambda: stream.send(EVENTS[1]), sync.drain, sync.status):
                    try:
                        use()
                    except (ws.DeliveryError, ws.StoreError):
                        refused += 1
                del stream, sync
                status = 0 if refused == 3 else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        # The child's end let none of the parent's locks go.
        other = python(
            """
            try:
                ws.Sync("demo", url, store=store).drain(progress=False)
            except ws.StoreError as error:
                print(error.kind)
            """,
            url=receiver.url,
            store=str(store),
        )
        out, err = other.communicate(timeout=30)
        assert out == "in_use\n", err
        stream.send_many(EVENTS[1:])
    assert stream.report().delivered == 50


def test_a_forked_child_can_have_a_store_of_its_own(receiver: Receiver, store: Path) -> None:
    sync = ws.Sync("demo", receiver.url, store=store)
    assert sync.run(EVENTS[:1], progress=False).delivered == 1
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if sync.run(EVENTS[1:3], progress=False).delivered == 2 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sync.run(EVENTS[3:], progress=False).delivered == 47


FORK = """
import json, threading

policy = ws.RetryPolicy(schedule=[0.05] * 20, jitter=0)

def make():
    return ws.Sync("demo", url, store=store, concurrency=2, retry=policy)

sync = make()
if state == "idle":
    pass
elif state == "after a run":
    sync.run(events[:1], progress=False)
elif state == "after reading":
    sync.status(), list(sync.dead_letters())
elif state == "sending":
    stream = sync.open()
    stream.send_many(events[:1])
elif state == "retrying":
    stream = sync.open()
    stream.send_many({"fails": n} for n in range(5))
elif state == "running in a thread":
    thread = threading.Thread(target=lambda: sync.run(slow(), progress=False))
    def slow():
        for event in events[:20]:
            time.sleep(0.05)
            yield event
    thread.start()
    time.sleep(0.3)

parent = os.getpid()
child = os.fork()
if child == 0:
    # A store of its own the child may have; its parent's it leaves alone.
    own = ws.Sync("own", url, store=store + ".child").run(events[:2], progress=False)
    assert own.delivered == 2, own
    refused = 0
    for use in (lambda: stream.send({"n": 1}), sync.status, sync.drain):
        try:
            use()
        except NameError:
            pass
        except (ws.DeliveryError, ws.StoreError) as error:
            assert len(str(error).splitlines()) == 1, str(error)
            refused += 1
    assert state in ("idle", "after a run", "after reading") or refused >= 2, refused
    if ending == "sys.exit":
        # With everything that is run when an interpreter ends.
        sys.exit(0)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
if state == "running in a thread":
    thread.join()
elif state in ("sending", "retrying"):
    stream.send_many(events[1:])
    stream.close()
report = sync.run(events, progress=False)
print(json.dumps({"child": status, "status": sync.status()}))
"""


@pytest.mark.parametrize("ending", ["os._exit", "sys.exit"])
@pytest.mark.parametrize(
    "state",
    ["idle", "after a run", "after reading", "sending", "retrying", "running in a thread"],
)
def test_a_fork_in_any_state_disturbs_nobody(
    state: str, ending: str, store: Path, python: Start
) -> None:
    with Receiver() as receiver:
        process = python(
            FORK,
            url=receiver.url,
            store=str(store),
            events=EVENTS,
            state=state,
            ending=ending,
        )
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        found = json.loads(out.splitlines()[-1])
        assert found["child"] == 0, err
        status = found["status"]
        finished = status["delivered"] + status["pending"] + status["expired"]
        assert status["accepted"] == finished + status["discarded"]
        assert status["pending"] == 0
        sent = {request.body for request in receiver.requests}
        assert {json.dumps(event, separators=(",", ":")).encode() for event in EVENTS} <= sent


@pytest.mark.parametrize("durable", [False, True])
def test_many_syncs_in_one_process_leave_neither_threads_nor_files(
    durable: bool, receiver: Receiver, tmp_path: Path
) -> None:
    def count() -> tuple[int, int]:
        return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))

    def once(n: int) -> None:
        store = tmp_path / f"{n}.db" if durable else None
        sync = ws.Sync("demo", receiver.url, store=store, concurrency=2)
        with sync.open() as stream:
            stream.send({"n": n})
        assert stream.report().delivered == 1

    once(0)
    # Connections of the receiver in this process end a moment after their client.
    before = count()
    for n in range(1, 100 if durable else 400):
        once(n)
    until(lambda: count()[0] <= before[0] + 2 and count()[1] <= before[1] + 4)


def test_python_reads_status_and_dead_letters_while_another_process_delivers(
    store: Path, python: Start
) -> None:
    with Receiver([{"status": 404}]) as receiver:
        process = python(
            """
            policy = ws.RetryPolicy(schedule=[0.01], jitter=0)
            with ws.Sync("demo", url, store=store, retry=policy).open() as stream:
                stream.send_many(events)
                print("ready", flush=True)
                sys.stdin.readline()
            """,
            url=receiver.url,
            store=str(store),
            events=EVENTS,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        sync = ws.Sync("demo", receiver.url, store=store)
        until(lambda: sync.status()["dead"] == 50)
        assert len(list(sync.dead_letters(reason="exhausted"))) == 50
        with pytest.raises(ws.StoreError, match=str(process.pid)):
            sync.replay(progress=False)
        process.communicate("go\n", timeout=30)
        assert process.returncode == 0


def test_several_syncs_share_the_standard_input_as_it_comes(tmp_path: Path) -> None:
    with Receiver() as good, Receiver(["hang"]) as bad:
        urls = {"good": good.url, "bad": bad.url}
        tables = [
            f'[sync.{name}]\nurl = "{url}"\nstore = "{name}.db"\n' for name, url in urls.items()
        ]
        (tmp_path / "syncs.toml").write_text("".join(tables))
        command = [sys.executable, "-m", "webhook_stream", "run", "syncs.toml", "-"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as process:
            assert process.stdin is not None
            for event in EVENTS:
                process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            # The input is not at its end, and one receiver hangs.
            until(lambda: len(good.requests) == len(EVENTS))
            stores = {
                name: ws.Sync(name, url, store=tmp_path / f"{name}.db")
                for name, url in urls.items()
            }
            until(lambda: stores["bad"].status()["accepted"] == len(EVENTS))
            process.kill()
    port = int(urls["bad"].rsplit(":", 1)[1])
    with Receiver(port=port) as receiver:
        report = stores["bad"].drain(30, progress=False)
        assert (report.delivered, report.pending) == (len(EVENTS), 0)
        sent = {json.loads(request.body)["user_id"] for request in receiver.requests}
        assert sent == {event["user_id"] for event in EVENTS}
