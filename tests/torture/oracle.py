"""The receiver: a process of its own that writes down what it got and what it answered.

One line a request, written before the answer goes out: number of the event (or ``damaged``),
``webhook-id``, verdict, seconds. Verdicts: ``200``; ``500`` and ``429``; ``lost`` (processed, but
the connection is reset in place of an answer); ``reset`` (reset without being processed).

``POST /control/healthy`` makes all that follows answer 200, ``/control/down`` 500, and
``/control/mixed`` goes back.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time

from bodies import number_of

MIXTURE = [("200", 0.78), ("500", 0.10), ("429", 0.04), ("lost", 0.04), ("reset", 0.04)]


class Oracle:
    """What all connections share."""

    def __init__(self, log: str, seed: int) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.dice = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.mode = "mixed"

    def verdict(self, number: int | None, webhook_id: str) -> str:
        """Decide about a request, and write it down."""
        verdict = "500" if self.mode == "down" else "200"
        if self.mode == "mixed":
            names, weights = zip(*MIXTURE, strict=True)
            verdict = self.dice.choices(names, weights)[0]
        shown = "damaged" if number is None else str(number)
        os.write(self.log, f"{shown} {webhook_id} {verdict} {time.time():.6f}\n".encode())
        return verdict


class Connection(asyncio.Protocol):
    """One connection: as much HTTP as this needs."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:])
            }
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            self.answer(lines[0].split(" ")[1], headers, body)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        if path.startswith("/control/"):
            self.oracle.mode = path.rpartition("/")[2]
            self.status("200 OK")
            return
        if path.startswith("/hang"):
            return
        verdict = self.oracle.verdict(number_of(body), headers.get("webhook-id", "none"))
        if verdict in ("lost", "reset"):
            self.transport.abort()
        else:
            self.status({"200": "200 OK", "500": "500 Broken", "429": "429 Slow Down"}[verdict])

    def status(self, status: str) -> None:
        """Write an answer without a body."""
        self.transport.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())


async def main(log: str, seed: int) -> None:
    """Listen until killed; the first line on standard output is the port."""
    oracle = Oracle(log, seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(oracle), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
