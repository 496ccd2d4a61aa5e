"""Ctrl-C ends a run soon, whatever it is at.

The promise is 200 ms; the tests leave room for a busy machine and only tell an end from a hang.
"""

from __future__ import annotations

import contextlib
import gzip
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webhook_stream.testing import Receiver

Running = Callable[[], contextlib.AbstractContextManager[str]]

LIMIT_SECONDS = 5.0
START_SECONDS = 60.0
EVENT = b'{"event_type":"Login","user_id":"u1","text":"' + b"x" * 2000 + b'"}\n'
MANY = 6_000_000

SYNC_RUN = """
import sys, itertools, webhook_stream as ws
what, source, url = sys.argv[1:]
sync = ws.Sync("demo", url, filter=ws.Filter("false") if what == "filtered" else None)
events = ws.read(source)
if what == "iterable":
    events = itertools.repeat('{"event_type":"Login"}')
try:
    sync.run(events, wait="settled", progress=False)
except KeyboardInterrupt:
    sys.exit(130)
"""

SYNCS = '[sync.demo]\nurl = "{url}"\nstore = "memory"\n{filter}'


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "events.ndjson.gz"
    block = gzip.compress(EVENT * 1000)
    path.write_bytes(block * (MANY // 1000))
    return path


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """Yield the URL of a server that never takes a connection: its backlog is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """Yield the URL of a receiver that never answers."""
    with Receiver(["hang"]) as receiver:
        yield receiver.url


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """Yield the URL of a receiver that answers at once."""
    with Receiver(keep_requests=0) as receiver:
        yield receiver.url


def is_sending(process: subprocess.Popen[bytes]) -> bool:
    """Return whether sender threads are there: by then the command hears signals itself."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/comm")
    with contextlib.suppress(OSError):
        return any(thread.read_text().startswith("send-") for thread in threads)
    return False


def seconds_to_end(command: list[str], stdin: int = subprocess.DEVNULL) -> float:
    """Start a run, interrupt it when it is well under way, and return how long it took to end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_sending(process):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, "the run did not start"
                time.sleep(0.05)
            # Long enough that senders hang, the queue is full, or the source is being read.
            time.sleep(0.5)
            assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            # Not `communicate`, which would close its standard input.
            process.wait(LIMIT_SECONDS)
        finally:
            process.kill()
        assert process.returncode == 130
        return time.monotonic() - began


@pytest.mark.skipif(sys.platform != "linux", reason="looks at threads in /proc")
@pytest.mark.parametrize(
    ("what", "receiver"),
    [
        ("full queue", hanging),
        ("connecting", unreachable),
        ("sending", answering),
        ("filtered", answering),
        ("iterable", hanging),
    ],
)
def test_ctrl_c_ends_sync_run(what: str, receiver: Running, archive: Path) -> None:
    with receiver() as url:
        took = seconds_to_end([sys.executable, "-c", SYNC_RUN, what, str(archive), url])
    assert took < LIMIT_SECONDS


@pytest.mark.skipif(sys.platform != "linux", reason="looks at threads in /proc")
@pytest.mark.parametrize(
    ("what", "receiver"),
    [
        ("full queue", hanging),
        ("connecting", unreachable),
        ("sending", answering),
        ("filtered", answering),
        ("waiting for input", answering),
    ],
)
def test_ctrl_c_ends_the_command_run(
    what: str, receiver: Running, archive: Path, tmp_path: Path
) -> None:
    syncs = tmp_path / "syncs.toml"
    source = "-" if what == "waiting for input" else str(archive)
    with receiver() as url:
        nothing = 'filter = "false"' if what == "filtered" else ""
        syncs.write_text(SYNCS.format(url=url, filter=nothing))
        command = [sys.executable, "-m", "webhook_stream", "run", str(syncs), source]
        took = seconds_to_end(command, stdin=subprocess.PIPE)
    assert took < LIMIT_SECONDS
