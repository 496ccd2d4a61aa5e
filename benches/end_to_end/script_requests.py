"""The script a user would write today, with threads: json, jinja2, requests and tenacity.

script_requests.py EVENTS.ndjson.gz URL LIMIT
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jinja2
import requests
from measured import Measured
from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

THREADS = 8
HEADERS = {"Content-Type": "application/json", "User-Agent": "Amplitude/Webhook/1.0"}
TEMPLATE = jinja2.Template(Path(__file__).with_name("payload.jinja").read_text("utf-8").strip())

local = threading.local()


@retry(
    retry=retry_if_exception_type(requests.RequestException),
    stop=stop_after_attempt(3),
    wait=wait_exponential_jitter(multiplier=0.1, max=4),
    reraise=True,
)
def send(url: str, payload: bytes) -> None:
    if not hasattr(local, "session"):
        local.session = requests.Session()
        local.session.headers.update(HEADERS)
    local.session.post(url, data=payload, timeout=10).raise_for_status()


def main() -> None:
    path, url, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    measured = Measured()
    read = sent = 0
    waiting: deque[Future[None]] = deque()
    with gzip.open(path, "rb") as lines, ThreadPoolExecutor(THREADS) as pool:
        for line in itertools.islice(lines, limit):
            read += 1
            event = json.loads(line)
            if event["event_type"] == "session_end":
                continue
            waiting.append(pool.submit(send, url, TEMPLATE.render(input=event).encode()))
            if len(waiting) > 4 * THREADS:
                waiting.popleft().result()
                sent += 1
        for future in waiting:
            future.result()
            sent += 1
    measured.done(read=read, sent=sent)


if __name__ == "__main__":
    main()
