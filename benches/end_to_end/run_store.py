"""What the store costs, side by side with no store and with an append log.

    run_store.py [--rounds 11] [--quick]

The same rules as `run.py`: everything in turn, compared within its round, medians printed. The
store lies in target/bench, so its disk is the checkout's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import workload
from run import (
    EVENTS,
    SENDERS,
    WORK,
    Round,
    machine,
    median,
    nginx,
    progress,
    python,
    spread,
    table,
    targets,
)

EVENT_BYTES = (700, 2_048)
SMALL_BYTES = 300
DELIVERED = ("file", "generator", "send_many")


def main() -> None:
    """Run the rounds and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11, help="rounds in turn (default: 11)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    options = parser.parse_args()
    count = EVENTS // 2 // (10 if options.quick else 1)
    WORK.mkdir(parents=True, exist_ok=True)
    events = workload.packed(WORK, count)
    print(machine(), flush=True)
    rounds = []
    with nginx("nginx") as url:
        for number in range(options.rounds):
            progress(f"round {number + 1} of {options.rounds}")
            rounds.append(one_round(url, events, count))
    progress("")
    delivered(rounds)
    accepted(rounds)


def one_round(url: str, events: Path, count: int) -> Round:
    """Run everything once."""
    figures: Round = {}

    def stored(what: str, size: int, store: str) -> dict[str, float]:
        kept = WORK / "stored.db"
        for old in WORK.glob("stored.db*"):
            old.unlink()
        words = [what, str(events), url, str(count), str(SENDERS), str(size)]
        return python("stored.py", *words, *([str(kept)] if store else []))

    for what in DELIVERED:
        for store in ("", "stored"):
            figures[f"{what} {store}"] = stored(what, SMALL_BYTES, store)
    for size in EVENT_BYTES:
        for what in ("accept", "burst", "log"):
            figures[f"{what} {size}"] = stored(what, size, "stored")
    return figures


def added(figures: Round, what: str) -> float:
    """Return the CPU that the store adds to an event, as a share of what it costs without one."""
    with_store, without = figures[f"{what} stored"], figures[f"{what} "]
    return with_store["cpu_micros"] / without["cpu_micros"] - 1


def share(figures: Round, size: int, what: str = "burst") -> float:
    """Return how near durable accepts come to the log."""
    return figures[f"{what} {size}"]["rate"] / figures[f"log {size}"]["rate"]


def delivered(rounds: list[Round]) -> None:
    """Print what delivering costs with and without the store."""
    print("\nDelivered to nginx, with and without the store\n")
    rows = [("events from", "events/s without", "with", "CPU µs without", "with", "CPU added")]
    titles = {
        "file": "an archive, Sync.run",
        "generator": "a generator, Sync.run",
        "send_many": f"send_many, {SMALL_BYTES} B, 512 a call",
    }
    for what, title in titles.items():
        figures = [
            f"{median(rounds, f'{what} {store}', figure):{form}}"
            for figure, form in (("rate", ",.0f"), ("cpu_micros", ".1f"))
            for store in ("", "stored")
        ]
        rows.append((title, *figures, spread(rounds, lambda r, what=what: added(r, what))))
    table(rows)
    targets(
        [
            ("CPU added, an archive", lambda r: added(r, "file"), 0.05, 0.02),
            ("CPU added, send_many", lambda r: added(r, "send_many"), 0.15, 0.08),
        ],
        rounds,
        at_most=True,
    )


def accepted(rounds: list[Round]) -> None:
    """Print how quickly events become durable."""
    print("\nDurable accepts by send_many, 512 a call, beside an append log with fdatasync\n")
    rows = [("an event, receiver", "accepted/s", "log/s", "share of the log")]
    titles = {"burst": "takes 100/s", "accept": "takes all, on the same processors"}
    for size in EVENT_BYTES:
        for what, title in titles.items():
            rates = [f"{median(rounds, f'{name} {size}', 'rate'):,.0f}" for name in (what, "log")]
            near = spread(rounds, lambda r, size=size, what=what: share(r, size, what))
            rows.append((f"{size} B, {title}", *rates, near))
    table(rows)
    small, large = EVENT_BYTES
    targets(
        [
            (f"share of the log, {small} B", lambda r: share(r, small), 0.5, 0.8),
            (f"share of the log, {large} B", lambda r: share(r, large), 0.3, 0.8),
        ],
        rounds,
    )


if __name__ == "__main__":
    main()
