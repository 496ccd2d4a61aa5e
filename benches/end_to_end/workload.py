"""The events every program gets: made once by the project's seeded generator, kept in target/bench.

About 2.0 KB each in the layout of an Amplitude export, 55 keys; one in twelve is a `session_end`,
which the filter leaves out. The same events come round again after :data:`DISTINCT`, too far apart
for gzip to notice.
"""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

from webhook_stream import samples

DISTINCT = 20_000


def lines() -> list[bytes]:
    """Return the distinct events as lines of JSON."""
    return [
        json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        for event in samples.events(DISTINCT, seed=1)
    ]


def packed(folder: Path, events: int) -> Path:
    """Return a .gz of so many events."""
    path = folder / f"events-{events}.ndjson.gz"
    if not path.exists():
        _write(path, itertools.islice(itertools.cycle(lines()), events), level=6)
    return path


def archive_of(folder: Path, size: int) -> tuple[Path, int]:
    """Return a .gz of that many bytes, hardly packed, and how many events are in it."""
    path = folder / "large.ndjson.gz"
    distinct = lines()
    events = size * len(distinct) // sum(map(len, distinct))
    _write(path, itertools.islice(itertools.cycle(distinct), events), level=0)
    return path, events


def _write(path: Path, content: itertools.islice[bytes], *, level: int) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file, gzip.GzipFile("", "wb", level, file, mtime=0) as packer:
        while block := b"".join(itertools.islice(content, 500)):
            packer.write(block)
    unfinished.rename(path)
