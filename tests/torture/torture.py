"""Kills processes at random moments and counts what became of every event.

``torture.py [SCENARIO…] [--length ci|long] [--scale X] [--seed N] [--minutes M]`` runs scenarios
and prints their figures, one line each, with `figure:` in front. It fails when an event is lost,
sent without having been offered, damaged, or sent more often than the bound allows. When the
minutes are over, or at SIGTERM, it stops killing, checks what was reached so far, and says `cut:`
how far it got.

Three kinds of process, none of which trusts another: producers with a ledger of their own
(``producer.py``, or the command line), the receiver with its log (``oracle.py``), and this one,
which kills, starts again, and compares ledgers and log.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bodies import TEMPLATE, line, number_of
from producer import CONCURRENCY

HERE = Path(__file__).parent
PYTHON = sys.executable

ACKNOWLEDGED_AT_ONCE = 1000
"""How many confirmed deliveries the store may keep to write down at once: a kill loses these."""

Figures = dict[str, Any]


@dataclass
class Length:
    """How long the scenarios are."""

    kills: int
    double_kills: int
    file_kills: int
    file_events: int
    points: int
    rate: float
    longest_seconds: float
    pending: int

    def scaled(self, share: float) -> Length:
        """Return the same with so many more or fewer kills."""
        kills = {name: round(getattr(self, name) * share) for name in KILLS}
        return replace(self, **kills)


KILLS = ("kills", "double_kills", "file_kills", "file_events", "pending")

LENGTHS = {
    "ci": Length(30, 10, 12, 6_000, 18, 400.0, 0.5, 20_000),
    "long": Length(1_000, 200, 300, 200_000, 100_000, 500.0, 1.5, 1_000_000),
}

SHARES = {"A1": 0.42, "A2": 0.23, "A3": 0.14, "A9": 0.12, "C3": 0.06, "C5": 0.015, "E5": 0.015}
"""Shares of the minutes that the scenarios may take, the checks at their ends aside."""

CALLS = ("sendto", "recvfrom", "pwrite64", "fdatasync", "ftruncate", "unlink", "rename", "openat")
"""What a process is killed at: each that reaches the network or the disk."""

POINT_EVENTS = 64
"""Events of a run that is killed at its n-th system call."""


class Patience:
    """When a scenario should come to its end."""

    told = False
    """Whether somebody asked to stop."""

    def __init__(self, seconds: float | None) -> None:
        self.until = None if seconds is None else time.monotonic() + seconds

    def is_over(self) -> bool:
        """Return whether it is time to stop killing and to check what was reached."""
        return Patience.told or (self.until is not None and time.monotonic() > self.until)


class LeftOutError(Exception):
    """A scenario cannot be run on this machine."""


class ViolationError(Exception):
    """What must never happen has happened."""


def peak_kib(pid: int) -> int:
    """Return the most memory that a process has had; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


def check(holds: bool, what: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise ViolationError(what)


@dataclass
class World:
    """One scenario's folder, receiver and dice."""

    folder: Path
    url: str
    dice: random.Random
    length: Length
    patience: Patience
    peak_kib: int = 0
    cut: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def control(self, mode: str) -> None:
        """Tell the receiver how to answer from now on."""
        request = urllib.request.Request(f"{self.url}/control/{mode}", method="POST")
        urllib.request.urlopen(request, timeout=10).read()

    def reached(self, count: int, planned: int, of: str) -> bool:
        """Note when a scenario ends before it has done all; whether it should."""
        if over := self.patience.is_over():
            self.cut = f"{count:,} of {planned:,} {of}"
        return over

    def start(
        self, *words: str, quiet: bool = False, under: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start a process of the program under test, under another one if that is named."""
        out = subprocess.DEVNULL if quiet else subprocess.PIPE
        process = subprocess.Popen(
            [*under, PYTHON, *words],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE if not quiet else subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
        )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[str], kill: bool = True) -> int:
        """Kill a process, or wait for it; its exit status."""
        if kill:
            self.peak_kib = max(self.peak_kib, peak_kib(process.pid))
            # `send_signal` would collect a process that has ended, and its use of memory.
            os.kill(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        # Up to what this process has, it is the memory of this one, before the other began.
        if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
            self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        return process.returncode

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of a ledger; a last line that was cut by a kill does not count."""
        path = self.folder / name
        text = path.read_text() if path.exists() else ""
        return [int(one) for one in text[: text.rfind("\n") + 1].split()]

    def next_number(self) -> int:
        """Return the number behind all that were offered."""
        path = self.folder / "offered"
        if not path.exists():
            return 0
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            text = file.read()
        last = text[: text.rfind(b"\n") + 1].split()
        return int(last[-1]) + 1 if last else 0

    def log(self, after: int = 0) -> list[tuple[str, str, str]]:
        """Return the receiver's log: number, webhook-id and verdict of each request."""
        return [(row[0], row[1], row[2]) for row in self._rows(after)]

    def times(self, after: int) -> list[float]:
        """Return when the requests came, in seconds, that the log has behind this place."""
        return [float(row[3]) for row in self._rows(after)]

    def _rows(self, after: int) -> Iterator[list[str]]:
        with (self.folder / "oracle.log").open() as file:
            file.seek(after)
            # Of the last one, only the part in one page may be there yet.
            yield from (row.split() for row in file if row.endswith("\n"))

    def log_size(self) -> int:
        """Return how long the log is by now."""
        return (self.folder / "oracle.log").stat().st_size


@contextmanager
def world(length: Length, seed: int, patience: Patience) -> Iterator[World]:
    """Make a folder and start a receiver; end everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="webhook_stream-torture-"))
    oracle = subprocess.Popen(
        [PYTHON, str(HERE / "oracle.py"), str(folder / "oracle.log"), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )
    made: World | None = None
    try:
        assert oracle.stdout is not None
        port = int(oracle.stdout.readline())
        dice = random.Random(seed)  # noqa: S311 - chance that can be repeated
        made = World(folder, f"http://127.0.0.1:{port}", dice, length, patience)
        (folder / "oracle.log").touch()
        yield made
    finally:
        for process in [oracle, *(made.processes if made else [])]:
            if process.returncode is None:
                process.kill()
                process.wait()
        if oracle.stdout is not None:
            oracle.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def compare(
    world: World, kills: int, accepted: set[int], offered: set[int], dead: set[int]
) -> Figures:
    """Check the invariants on the ledgers and the log, and return the figures."""
    log = world.log()
    check(all(number != "damaged" for number, _, _ in log), "a body arrived damaged")
    delivered = {int(number) for number, _, verdict in log if verdict == "200"}
    lost = accepted - delivered - dead
    check(not lost, f"{len(lost)} accepted events are lost, such as {sorted(lost)[:5]}")
    phantoms = {int(number) for number, _, _ in log} - offered
    check(not phantoms, f"{len(phantoms)} events arrived that nobody offered: {phantoms}")
    ids: dict[str, set[str]] = {}
    for number, webhook_id, _ in log:
        ids.setdefault(number, set()).add(webhook_id)
    changed = [number for number, names in ids.items() if len(names) != 1]
    check(not changed, f"{len(changed)} events changed their webhook-id, such as {changed[:5]}")
    check(len({name for names in ids.values() for name in names}) == len(ids), "an id met another")
    # What the receiver processed more than once, by whatever verdict.
    taken = Counter(number for number, _, verdict in log if verdict in ("200", "lost"))
    duplicates = sum(count - 1 for count in taken.values())
    unanswered = sum(verdict == "lost" for _, _, verdict in log)
    bound = kills * (CONCURRENCY + ACKNOWLEDGED_AT_ONCE) + unanswered
    check(duplicates <= bound, f"{duplicates} duplicates are more than the bound of {bound}")
    return {
        "kills": kills,
        "accepted": len(accepted),
        "delivered": len(accepted & delivered),
        "dead": len(accepted & dead),
        "lost": 0,
        "duplicates": duplicates,
        "answers lost on purpose": unanswered,
        "bound": bound,
        "requests": len(log),
    }


def settle(world: World) -> tuple[set[int], Figures]:
    """Let the receiver be healthy and work off what is pending; dead letters and the status."""
    world.control("healthy")
    pending = 1
    result: Figures = {}
    for _ in range(20):
        process = world.start(str(HERE / "producer.py"), "settle", ".", world.url, "30")
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()
        check(world.end(process, kill=False) == 0, f"settling failed: {err}")
        result = json.loads(out)
        pending = result["status"]["pending"]
        if pending == 0:
            break
    check(pending == 0, f"{pending} deliveries stay pending with a healthy receiver")
    status = result["status"]
    sums = sum(status[name] for name in ("delivered", "pending", "expired", "discarded"))
    check(status["accepted"] == sums, f"the counts do not add up: {status}")
    return {int(key[1:]) for key in result["dead"]}, status


def liveness(world: World, first: int) -> float:
    """Send a fresh event to a healthy receiver: how many seconds until it arrives."""
    began = time.monotonic()
    before = world.log_size()
    process = world.start(str(HERE / "producer.py"), "send", ".", world.url, str(first), "50", "1")
    wanted = str(first)
    while not any(number == wanted for number, _, _ in world.log(before)):
        check(time.monotonic() - began < 60, "a fresh event does not arrive after the faults")
        time.sleep(0.02)
    seconds = time.monotonic() - began
    assert process.stdin is not None
    process.stdin.write("stop\n")
    process.stdin.flush()
    check(world.end(process, kill=False) == 0, "closing failed after the faults")
    return seconds


def produce_and_kill(
    world: World, kills: int, kill: Callable[[subprocess.Popen[str]], None]
) -> tuple[int, int]:
    """Start producers one after the other, each killed by ``kill``.

    Return how many there were, and the next free number.
    """
    first = 0
    for done in range(kills):
        if world.reached(done, kills, "kills"):
            return done, first
        words = ("send", ".", world.url, str(first), str(world.length.rate))
        seed = str(world.dice.randrange(1 << 30))
        process = world.start(str(HERE / "producer.py"), *words, seed)
        assert process.stdout is not None
        check(process.stdout.readline() == "ready\n", "a producer does not start")
        kill(process)
        status = world.end(process)
        check(status in (-signal.SIGKILL, 0), f"a producer ended with {status}")
        first = world.next_number()
    return kills, first


def finish(world: World, kills: int, first: int) -> Figures:
    """Settle, send one more event, and compare."""
    dead, _ = settle(world)
    seconds = liveness(world, first)
    more, _ = settle(world)
    offered, accepted = set(world.numbers("offered")), set(world.numbers("accepted"))
    figures = compare(world, kills, accepted, offered, dead | more)
    return figures | {
        "seconds to a fresh event after the faults": round(seconds, 2),
        "MiB of memory at most": world.peak_kib // 1024,
    }


def a1(world: World) -> Figures:
    """Kill with SIGKILL at random moments while events are sent, same store again."""

    def kill(_process: subprocess.Popen[str]) -> None:
        time.sleep(world.dice.uniform(0.0, world.length.longest_seconds))

    return finish(world, *produce_and_kill(world, world.length.kills, kill))


def a3(world: World) -> Figures:
    """Kill with SIGKILL again while a store is being opened, and while it is being closed."""
    kills = world.length.double_kills
    turns = iter(range(3 * kills))

    def kill(process: subprocess.Popen[str]) -> None:
        turn = next(turns) % 3
        if turn == 0:
            # Into the work, so that there is something to recover.
            time.sleep(world.dice.uniform(0.1, world.length.longest_seconds))
        elif turn == 1:
            # Into the recovery.
            time.sleep(world.dice.uniform(0.0, 0.03))
        else:
            # Into the closing.
            assert process.stdin is not None
            assert process.stdout is not None
            time.sleep(world.dice.uniform(0.05, 0.2))
            process.stdin.write("stop\n")
            process.stdin.flush()
            process.stdout.readline()
            time.sleep(world.dice.uniform(0.0, 0.05))

    return finish(world, *produce_and_kill(world, 3 * kills, kill))


def file_and_sync(world: World, folder: Path, numbers: range) -> tuple[str, ...]:
    """Make a file of events and a sync for it; return the words that run it."""
    (folder / "events.ndjson").write_bytes(b"".join(map(line, numbers)))
    (folder / "t.ftl").write_text(TEMPLATE)
    (folder / "syncs.toml").write_text(
        f"""
        [sync.torture]
        url = "{world.url}"
        template = "t.ftl"
        store = "torture.db"
        event_key = "id"
        concurrency = {CONCURRENCY}
        retry = {{ schedule = [0.05, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8] }}
        """
    )
    files = (str(folder / "syncs.toml"), str(folder / "events.ndjson"))
    return ("-m", "webhook_stream", "run", *files, "--quiet")


def a2(world: World) -> Figures:
    """Kill at the n-th system call of each kind, one run of 64 events for each; then run again."""
    if shutil.which("strace") is None:
        raise LeftOutError("there is no strace")
    points, hit, accepted, dead = 0, 0, 0, set[int]()
    # The long run takes every point, the short one some of each kind, far apart.
    short = world.length.points < 1000
    share = max(1, world.length.points // len(CALLS))
    for call in CALLS:
        for at in range(1 + 9 * short, 1 + share * (1 + 19 * short), 1 + 19 * short):
            if world.patience.is_over():
                world.cut = f"{points:,} crash points, up to the {at:,}th {call}"
                break
            folder = world.folder / "point"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            numbers = range(accepted, accepted + POINT_EVENTS)
            command = file_and_sync(world, folder, numbers)
            inject = f"inject={call}:signal=SIGKILL:when={at}"
            strace = ("strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null")
            world.control("mixed")
            process = world.start(*command, quiet=True, under=(*strace, "-e", inject))
            was_hit = world.end(process, kill=False) != 0
            world.control("healthy")
            again = world.start(*command, "--wait", "settled", "--json")
            assert again.stdout is not None
            rows = json.loads(again.stdout.read())
            check(world.end(again, kill=False) == 0, f"the run after {call} {at} failed: {rows}")
            report = rows[0]["report"]
            check(report["pending"] == 0, f"pending for ever after {call} {at}: {report}")
            letters = world.start(
                "-m", "webhook_stream", "dead-letters", str(folder / "syncs.toml")
            )
            assert letters.stdout is not None
            dead |= {int(json.loads(row)["key"][1:]) for row in letters.stdout}
            world.end(letters, kill=False)
            points += 1
            hit += was_hit
            accepted += POINT_EVENTS
            if not was_hit:
                break
    everything = set(range(accepted))
    figures = compare(world, hit, everything, everything, dead)
    return {"crash points": points} | figures


def a9(world: World) -> Figures:
    """Kill with SIGKILL while a file is read; the same command again goes on."""
    events = world.length.file_events
    command = file_and_sync(world, world.folder, range(events))
    kills = 0
    while kills < world.length.file_kills:
        if world.reached(kills, world.length.file_kills, "kills"):
            break
        process = world.start(*command, quiet=True)
        time.sleep(world.dice.uniform(0.15, 0.15 + world.length.longest_seconds))
        if world.end(process) != -signal.SIGKILL:
            break
        kills += 1
    world.control("healthy")
    for _ in range(2):
        process = world.start(*command, "--wait", "settled", "--json")
        assert process.stdout is not None
        rows = json.loads(process.stdout.read())
        world.end(process, kill=False)
    report = rows[0]["report"]
    check(report["accepted"] == 0, f"a finished file was read again: {report}")
    process = world.start("-m", "webhook_stream", "dead-letters", "syncs.toml")
    assert process.stdout is not None
    letters = [json.loads(row) for row in process.stdout.read().splitlines()]
    world.end(process, kill=False)
    dead = {number_of(letter["payload"].encode()) for letter in letters}
    everything = set(range(events))
    figures = compare(
        world, kills, everything, everything, {one for one in dead if one is not None}
    )
    check(report["confirmed_before"] == events, f"expected {events} confirmed, found {report}")
    return figures | {"MiB of memory at most": world.peak_kib // 1024}


def e5(world: World) -> Figures:
    """Two processes, one store: never two deliverers."""
    (world.folder / "syncs.toml").write_text(
        f'[sync.torture]\nurl = "{world.url}"\nstore = "torture.db"\n'
    )
    process = world.start(str(HERE / "producer.py"), "send", ".", world.url, "0", "200", "1")
    while not world.numbers("accepted"):
        time.sleep(0.01)
    refused, answered = 0, 0
    for command, status in (("drain", 1), ("replay", 1), ("status", 0), ("dead-letters", 0)) * 3:
        other = world.start("-m", "webhook_stream", command, "syncs.toml")
        assert other.stderr is not None
        message = other.stderr.read()
        found = world.end(other, kill=False)
        check(found == status, f"{command} beside a deliverer ended with {found}: {message}")
        if status == 0:
            answered += 1
            continue
        refused += 1
        check(str(process.pid) in message, f"{command} does not say who has the store: {message}")
        check(len(message.strip().splitlines()) <= 2, f"expected one line, found {message}")
    assert process.stdin is not None
    process.stdin.write("stop\n")
    process.stdin.flush()
    check(world.end(process, kill=False) == 0, "the deliverer was disturbed")
    dead, _ = settle(world)
    offered, accepted = set(world.numbers("offered")), set(world.numbers("accepted"))
    figures = compare(world, 0, accepted, offered, dead)
    return {"refused": refused, "answered": answered} | figures


RATE = 300.0
"""Requests a second that a receiver which is back is to be spared from exceeding."""

MAX_MIB = 128
"""The memory that a process may take, however much is pending."""

MAX_SECONDS_TO_OPEN = 2
"""How long a store may take to open, however much is pending."""


def c3(world: World) -> Figures:
    """Many pending with a dead receiver: bounded memory; it comes back, and is not overrun."""
    world.control("down")
    count = world.length.pending
    process = world.start(str(HERE / "producer.py"), "fill", ".", world.url, str(count))
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    check(found["accepted"] == count, f"expected {count} accepted, found {found}")
    world.end(process)
    filling, world.peak_kib = world.peak_kib // 1024, 0
    asked = len(world.log())
    check(asked < count / 10, f"{asked} requests to a dead receiver")
    world.control("healthy")
    before = world.log_size()
    words = ("trickle", ".", world.url, "5", str(RATE))
    process = world.start(str(HERE / "producer.py"), *words)
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    world.end(process)
    check(found["resumed"] == count, f"expected {count} pending, found {found}")
    times = world.times(before)
    # However busy the machine is, it goes on.
    check(len(times) > RATE // 10, f"only {len(times)} requests in five seconds")
    # One at each end of the second; what stands in line may be early by a hundredth.
    busiest = max(
        sum(one <= other < one + 1 for other in times)
        for one in times[:: max(1, len(times) // 200)]
    )
    check(busiest <= RATE * 1.05 + 2, f"{busiest} requests in a second, and {RATE} are allowed")
    delivering = world.peak_kib // 1024
    check(max(filling, delivering) <= MAX_MIB, f"{filling} and {delivering} MiB of memory")
    check(found["opened"] < MAX_SECONDS_TO_OPEN, f"{found['opened']} seconds to open")
    dead, _ = settle(world)
    everything = set(range(count))
    # Both processes were killed.
    figures = compare(world, 2, everything, everything, dead)
    return {
        "pending": count,
        "requests while it was dead": asked,
        "MiB while it was filled": filling,
        "seconds to open": round(found["opened"], 2),
        "MiB while it was delivered": delivering,
        "requests in the busiest second": busiest,
        "allowed": int(RATE),
        **{name: figures[name] for name in ("delivered", "dead", "lost", "duplicates", "bound")},
    }


def c5(world: World) -> Figures:
    """Be as quick beside a dead receiver as beside a healthy one."""
    world.control("healthy")
    events = world.length.file_events // 3
    file_and_sync(world, world.folder, range(events))

    def run(*urls: str) -> dict[str, Figures]:
        syncs = ""
        for at, url in enumerate(urls):
            syncs += f'[sync.s{at}]\nurl = "{url}"\ntemplate = "t.ftl"\nstore = "s{at}.db"\n'
            syncs += "timeout_seconds = 1.5\nconcurrency = 4\n"
        (world.folder / "syncs.toml").write_text(syncs)
        command = ("run", "syncs.toml", "events.ndjson", "--json", "--quiet", "--restart")
        process = world.start("-m", "webhook_stream", *command)
        assert process.stdout is not None
        has_dead = urls[-1].endswith("/hang")
        deadline = time.monotonic() + 60
        # The dead one would take hours: what counts is that the healthy one is through before.
        while sum(verdict == "200" for _, _, verdict in world.log()) < goal:
            check(time.monotonic() < deadline, "a healthy receiver waits for a dead one")
            check(not has_dead or process.poll() is None, "the run ended too early")
            time.sleep(0.02)
        if has_dead:
            process.send_signal(signal.SIGTERM)
        rows = json.loads(process.stdout.read())
        world.end(process, kill=False)
        return {row["sync"]: row["report"] for row in rows}

    goal = events
    alone = run(world.url)["s0"]
    goal = 3 * events
    healthy = run(world.url, f"{world.url}/other")["s0"]
    goal = 4 * events
    both = run(world.url, f"{world.url}/hang")
    beside, hanging = both["s0"], both["s1"]
    check(beside["delivered"] == events, f"expected {events} delivered, found {beside}")
    parts = sum(hanging[name] for name in ("delivered", "pending", "expired", "discarded"))
    check(hanging["accepted"] == parts, f"the dead one's counts do not add up: {hanging}")
    return {
        "events": events,
        "delivered beside a dead one": beside["delivered"],
        "accepted for the dead one": hanging["accepted"],
        **{
            f"p99 in ms {name}": round(1000 * report["latency_seconds"]["p99"], 1)
            for name, report in (
                ("alone", alone),
                ("beside a healthy one", healthy),
                ("beside a dead one", beside),
            )
        },
    }


SCENARIOS: dict[str, Callable[[World], Figures]] = {
    "A1": a1,
    "A2": a2,
    "A3": a3,
    "A9": a9,
    "C3": c3,
    "C5": c5,
    "E5": e5,
}


def main() -> int:
    """Run the scenarios of the command line; 1 when one is violated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--length", choices=LENGTHS, default="ci")
    parser.add_argument("--scale", type=float, default=1.0, help="so many more or fewer kills")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--minutes", type=float, help="stop killing after about so long")
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: setattr(Patience, "told", True))
    signal.signal(signal.SIGINT, lambda *_: setattr(Patience, "told", True))
    failed = 0
    for name in words.scenarios:
        if Patience.told:
            print(f"cut: {name} | not begun", flush=True)
            continue
        what = (SCENARIOS[name].__doc__ or "").strip().splitlines()[0]
        began = time.monotonic()
        of_all = SHARES[name] / sum(SHARES[name] for name in words.scenarios)
        patience = Patience(words.minutes and 60 * words.minutes * of_all)
        with world(LENGTHS[words.length].scaled(words.scale), words.seed, patience) as made:
            try:
                figures = SCENARIOS[name](made)
            except LeftOutError as reason:
                print(f"cut: {name} | left out, {reason}", flush=True)
                continue
            except ViolationError as violation:
                failed = 1
                print(f"violated: {name} | {violation} | seed {words.seed}", flush=True)
                continue
            if made.cut:
                print(f"cut: {name} | {made.cut}", flush=True)
        shown = ", ".join(
            f"{what} {count:,}" if isinstance(count, int) else f"{what} {count}"
            for what, count in figures.items()
        )
        print(f"figure: {name} | {what} | {shown}", flush=True)
        print(f"  seed {words.seed}, {time.monotonic() - began:.1f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
