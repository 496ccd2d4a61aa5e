"""Memory stays within bounds, whatever a receiver answers."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

CONCURRENCY = 16

RUN = """
import resource, sys
import webhook_stream as ws

retry = ws.RetryPolicy(schedule=[])
sync = ws.Sync("demo", sys.argv[1], concurrency=int(sys.argv[2]), retry=retry, timeout_seconds=2)
report = sync.run(({"n": n} for n in range(48)), progress=False)
assert report.pending == 0, report
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "proper": (HEAD + b"Content-Length: 0\r\n\r\n", b""),
    "endless body": (HEAD + b"\r\n", b"x" * 65_536),
    "a body that is called short": (HEAD + b"Content-Length: 10\r\n\r\n", b"x" * 65_536),
    "a gzip bomb": (
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 200000000\r\n\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0" * 60_000,
    ),
    "endless head": (HEAD, b"X-Filler: 0123456789012345678901234567890123456789\r\n" * 1000),
    "one endless header": (HEAD + b"X-Long: ", b"x" * 65_536),
    "endless continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
}


@contextlib.contextmanager
def answering(first: bytes, then: bytes) -> Iterator[str]:
    """Answer every request like this, the second part again and again."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def answer(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while client.recv(65_536):
                    client.sendall(first)
                    while then:
                        client.sendall(then)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=answer, args=(client,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def peak_kib(what: str) -> int:
    with answering(*ANSWERS[what]) as url:
        done = subprocess.run(
            [sys.executable, "-c", RUN, url, str(CONCURRENCY)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def usual() -> int:
    return peak_kib("proper")


@pytest.mark.parametrize("what", [what for what in ANSWERS if what != "proper"])
def test_no_answer_takes_more_than_two_mebibytes_a_connection(what: str, usual: int) -> None:
    assert peak_kib(what) - usual < CONCURRENCY * 2048
