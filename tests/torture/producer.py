"""The process that is killed: sends events, and writes into its own ledger what was accepted.

``producer.py send FOLDER URL FIRST RATE SEED`` sends events from a number on until it is killed or
its standard input is closed; then it closes its stream. Numbers go to ``offered`` before they are
sent, and to ``accepted`` when ``send`` has returned.

``producer.py settle FOLDER URL SECONDS`` goes on with what is pending and prints how it stands.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
import time
from pathlib import Path

from bodies import TEMPLATE, event

import webhook_stream as ws

CONCURRENCY = 16
"""Requests at the same time: part of the bound of duplicates."""


def make_sync(folder: Path, url: str) -> ws.Sync:
    """Return the sync that all processes of a scenario share."""
    return ws.Sync(
        "torture",
        url,
        store=folder / "torture.db",
        event_key="id",
        template=ws.Template(TEMPLATE, name="torture.ftl"),
        retry=ws.RetryPolicy(schedule=[0.05, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8], jitter=0.1),
        concurrency=CONCURRENCY,
        timeout_seconds=5,
    )


def send(folder: Path, url: str, first: int, rate: float, seed: int) -> None:
    """Send events, so many a second."""
    dice = random.Random(seed)  # noqa: S311 - chance that can be repeated
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    offered = os.open(folder / "offered", flags, 0o600)
    accepted = os.open(folder / "accepted", flags, 0o600)
    number, began = first, time.monotonic()
    print("ready", flush=True)
    with make_sync(folder, url).open() as stream:
        while not select.select([sys.stdin], [], [], 0)[0]:
            numbers = range(number, number + dice.choice([1, 1, 5, 20, 100]))
            text = "".join(f"{one}\n" for one in numbers).encode()
            os.write(offered, text)
            if len(numbers) == 1:
                stream.send(event(number))
            else:
                stream.send_many(event(one) for one in numbers)
            os.write(accepted, text)
            number += len(numbers)
            time.sleep(max(0.0, began + (number - first) / rate - time.monotonic()))
        print("closing", flush=True)


def settle(folder: Path, url: str, seconds: float) -> None:
    """Go on with what is pending, and print status and dead letters."""
    sync = make_sync(folder, url)
    report = sync.drain(seconds, progress=False)
    dead = [letter["key"] for letter in sync.dead_letters()]
    result = {"status": sync.status(), "dead": dead, "report": report.to_dict()}
    print(json.dumps(result))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[0] == "send":
        send(Path(words[1]), words[2], int(words[3]), float(words[4]), int(words[5]))
    else:
        settle(Path(words[1]), words[2], float(words[3]))
