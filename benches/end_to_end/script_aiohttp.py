"""The script a user would write today, with asyncio: json, jinja2, aiohttp and tenacity.

script_aiohttp.py EVENTS.ndjson.gz URL LIMIT
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import jinja2
import uvloop
from measured import Measured
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

CONCURRENCY = 10
TIMEOUT = aiohttp.ClientTimeout(total=10)
HEADERS = {"Content-Type": "application/json", "User-Agent": "Amplitude/Webhook/1.0"}
TEMPLATE = jinja2.Template(Path(__file__).with_name("payload.jinja").read_text("utf-8").strip())


def payloads(path: str, limit: int, counts: dict[str, int]) -> Iterator[bytes]:
    with gzip.open(path, "rb") as lines:
        for line in itertools.islice(lines, limit):
            counts["read"] += 1
            event = json.loads(line)
            if event["event_type"] != "session_end":
                yield TEMPLATE.render(input=event).encode()


async def send(session: aiohttp.ClientSession, url: str, payload: bytes) -> None:
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type((aiohttp.ClientError, asyncio.TimeoutError)),
        stop=stop_after_attempt(3),
        wait=wait_exponential_jitter(multiplier=0.1, max=4),
        reraise=True,
    ):
        with attempt:
            async with session.post(url, data=payload, headers=HEADERS) as response:
                await response.read()
                response.raise_for_status()


async def main() -> None:
    path, url, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    measured = Measured()
    counts = {"read": 0, "sent": 0}
    source = payloads(path, limit, counts)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONCURRENCY), timeout=TIMEOUT
    ) as session:

        async def worker() -> None:
            for payload in source:
                await send(session, url, payload)
                counts["sent"] += 1

        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    measured.done(**counts)


if __name__ == "__main__":
    uvloop.run(main())
