"""webhook_stream with and without a store, through the installed wheel.

    stored.py WHAT EVENTS.ndjson.gz URL LIMIT SENDERS BYTES [STORE]

`file` runs the archive; `generator` the same lines from a generator, so that each event is
journalled; `send_many` hands over events of BYTES bytes, 512 a call, as they are delivered;
`accept` counts only the time until they are durable; `burst` does so while the receiver may get
only 100 a second, so that nothing is delivered meanwhile; `log` appends the same calls to a file
with checksums and `fdatasync`, the least that this can cost. Without STORE everything stays in
memory.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from measured import Measured

import webhook_stream as ws

CALL = 512
"""Events in one call of `send_many`."""


def main() -> None:
    what, path, url, limit, senders, size = *sys.argv[1:4], *map(int, sys.argv[4:7])
    store = sys.argv[7] if len(sys.argv) > 7 else None
    if what == "log":
        append(Path(store or "append.log"), list(batches(size, limit)))
        return
    is_export = what in ("file", "generator")
    sync = ws.Sync(
        "bench",
        url,
        template=ws.Template.from_file(Path(__file__).with_name("payload.ftl"))
        if is_export
        else None,
        concurrency=senders,
        store=store,
        rate_limit_per_second=100 if what == "burst" else None,
    )
    if is_export:
        measured = Measured()
        report = sync.run(ws.read(path) if what == "file" else lines(path, limit), progress=False)
        measured.done(read=report.accepted, sent=report.delivered)
        return
    calls = list(batches(size, limit))
    with sync.open() as stream:
        measured = Measured()
        for call in calls:
            stream.send_many(call)
        if what in ("accept", "burst"):
            accepted = stream.report().accepted
            measured.done(read=accepted, sent=accepted)
        if what == "burst":
            # The rest would take the day.
            sys.stdout.flush()
            os._exit(0)
    if what == "send_many":
        report = stream.report()
        measured.done(read=report.accepted, sent=report.delivered)


def append(path: Path, calls: list[list[bytes]]) -> None:
    """Write the calls to a file, each on the disk before the next."""
    written = 0
    with path.open("wb", buffering=0) as log:
        measured = Measured()
        for call in calls:
            block = b"".join(zlib.crc32(event).to_bytes(4) + event for event in call)
            log.write(block)
            os.fdatasync(log.fileno())
            written += len(call)
        measured.done(read=written, sent=written)


def lines(path: str, limit: int) -> Iterator[bytes]:
    """Yield the lines of an archive; what is yielded can't be read again."""
    with gzip.open(path, "rb") as file:
        yield from itertools.islice(file, limit)


def batches(size: int, count: int) -> Iterator[list[bytes]]:
    """Yield calls of events of about that many bytes."""
    words = ("checkout", "viewed", "signup", "Germany", "android", "campaign", "spring", "premium")
    numbers = iter(range(count))
    while call := list(itertools.islice(numbers, CALL)):
        yield [event(number, size, words) for number in call]


def event(number: int, size: int, words: tuple[str, ...]) -> bytes:
    """Return an event that compresses as real ones do."""
    fields: dict[str, object] = {"event_type": "Bench", "user_id": f"u{number}"}
    length = 60
    dice = number
    while length < size:
        dice = (dice * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        name = f"{words[dice >> 60 & 7]}_{len(fields)}"
        fields[name] = dice >> 24 if dice >> 63 else words[dice >> 40 & 7]
        length += len(name) + 18
    return json.dumps(fields).encode()


if __name__ == "__main__":
    main()
