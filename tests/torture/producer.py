"""The process that is killed: sends events, and writes into its own ledger what was accepted.

``producer.py send FOLDER URL FIRST RATE SEED`` sends events from a number on until it is killed or
its standard input is closed; then it closes its stream. Numbers go to ``offered`` before they are
sent, and to ``accepted`` when ``send`` has returned.

``producer.py settle FOLDER URL SECONDS`` goes on with what is pending and prints how it stands.

``producer.py fill FOLDER URL COUNT`` accepts so many while the receiver is down, and waits to be
killed. ``producer.py trickle FOLDER URL SECONDS RATE`` delivers at most so many a second of them.
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

BATCH = 1000
"""Events in a call, where there are many."""

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


def make_patient_sync(folder: Path, url: str, rate: float | None = None) -> ws.Sync:
    """Return a sync that leaves a dead receiver alone, and gives up nothing for a day."""
    return ws.Sync(
        "torture",
        url,
        store=folder / "torture.db",
        event_key="id",
        template=ws.Template(TEMPLATE, name="torture.ftl"),
        retry=ws.RetryPolicy(schedule=[8640] * 10),
        concurrency=CONCURRENCY,
        pause_after_failures=5,
        rate_limit_per_second=rate,
    )


def fill(folder: Path, url: str, count: int) -> None:
    """Accept many events that nobody takes, and say what became of the memory."""
    with make_patient_sync(folder, url).open() as stream:
        for first in range(0, count, BATCH):
            stream.send_many(event(n) for n in range(first, min(first + BATCH, count)))
        print(json.dumps({"accepted": stream.report().accepted}), flush=True)
        sys.stdin.readline()


def trickle(folder: Path, url: str, seconds: float, rate: float) -> None:
    """Open a store with much in it, deliver for a while, and say how long opening took."""
    sync = make_patient_sync(folder, url, rate)
    began = time.monotonic()
    stream = sync.open()
    opened = time.monotonic() - began
    time.sleep(seconds)
    report = stream.report()
    print(json.dumps({"opened": opened, "resumed": report.to_dict()["resumed"]}), flush=True)
    sys.stdin.readline()


def settle(folder: Path, url: str, seconds: float) -> None:
    """Go on with what is pending, and print status and dead letters."""
    sync = make_sync(folder, url)
    report = sync.drain(seconds, progress=False)
    dead = [letter["key"] for letter in sync.dead_letters()]
    result = {"status": sync.status(), "dead": dead, "report": report.to_dict()}
    print(json.dumps(result))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[0] == "fill":
        fill(Path(words[1]), words[2], int(words[3]))
    elif words[0] == "trickle":
        trickle(Path(words[1]), words[2], float(words[3]), float(words[4]))
    elif words[0] == "send":
        send(Path(words[1]), words[2], int(words[3]), float(words[4]), int(words[5]))
    else:
        settle(Path(words[1]), words[2], float(words[3]))
