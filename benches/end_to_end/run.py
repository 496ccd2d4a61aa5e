"""webhook_stream, the scripts it replaces and the limits of the machine, side by side.

Everything runs in turn, round after round, and what is compared is compared within its round; the
medians of the rounds are printed. nginx (`return 200`, kept alive) receives, `wrk -t1 -c32` with a
300-byte POST says what the machine can do without any work on events.

    run.py [--rounds 5] [--quick] [--json FILE]

Needs nginx and wrk, and the wheel in the environment it runs in (`make bench` sees to that).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import PIPE
from typing import Any

import workload

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "bench"

EVENTS = 120_000
"""Events of the .gz that webhook_stream gets; the scripts get the first few of them."""

EVENTS_OF = {"aiohttp": 12_000, "requests": 3_000}
SENDERS = 32
FILTER = 'input.event_type != "session_end"'
LARGE_BYTES = 2_000_000_000
DELIVERY_SENDERS = (8, 32)
LATENCY_MS = 50
LATENCY_SENDERS = 256
FEW_SENDERS = 64
"""What a sender weighs is found by comparing with so many."""

SENDER_CPU, RECEIVER_CPU = 0, (os.cpu_count() or 1) - 1
"""Where delivery alone and its receiver run, so that they don't push each other about."""

Round = dict[str, dict[str, Any]]


def main() -> None:
    """Run what was asked for and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turn (default: 5)")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the events, no large archive"
    )
    parser.add_argument("--json", type=Path, help="also write every figure of every round there")
    options = parser.parse_args()
    missing = [program for program in ("nginx", "wrk", "cargo") if shutil.which(program) is None]
    if missing:
        sys.exit(
            f"bench: {' and '.join(missing)} missing: apt-get install nginx wrk, and Rust from https://rustup.rs"
        )

    scale = 10 if options.quick else 1
    WORK.mkdir(parents=True, exist_ok=True)
    events = workload.packed(WORK, EVENTS // scale)
    stages, deliver = benches()
    print(machine(), flush=True)
    with nginx("nginx") as url, nginx("nginx-apart", cpu=RECEIVER_CPU) as url_apart:
        rounds = []
        for number in range(options.rounds):
            progress(f"round {number + 1} of {options.rounds}")
            figures = one_round(url, events, scale, stages)
            delivery_alone(figures, url_apart, scale, deliver)
            rounds.append(figures)
        progress("")
        whole_path(rounds)
        stage_table(rounds)
        delivery(rounds)
        slow_receiver(deliver, scale)
        if not options.quick:
            large_archive(url)
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=1), "utf-8")


def one_round(url: str, events: Path, scale: int, stages: str) -> Round:
    """Run every program once, but for delivery alone."""
    count = EVENTS // scale
    figures: Round = {"wrk": wrk(url)}
    for what in ("file", "lines"):
        figures[what] = python("stream.py", what, str(events), url, str(count), str(SENDERS))
    for peer, limit in EVENTS_OF.items():
        figures[peer] = python(f"script_{peer}.py", str(events), url, str(limit // scale))
    command = [stages, str(events), "--filter", FILTER, "--template", str(HERE / "payload.ftl")]
    for line in output([*command, "--json"]):
        figures[f"stage {line['what']}"] = line
    figures["wrk again"] = wrk(url)
    return figures


def delivery_alone(figures: Round, url: str, scale: int, deliver: str) -> None:
    """Add wrk, the engine and raw sockets, each on a processor apart from the receiver's."""
    with on_cpu(SENDER_CPU):
        figures["wrk alone"] = wrk(url)
        for senders in DELIVERY_SENDERS:
            for what in ("deliver", "raw"):
                command = [deliver, url, "--rounds", "1", "--senders", str(senders), "--json"]
                command += ["--events", str(100_000 // scale)]
                command += ["--raw"] if what == "raw" else []
                (figures[f"{what} {senders}"],) = output(command)


def whole_path(rounds: list[Round]) -> None:
    """Print the headline: from a .gz to the receiver."""
    events = rounds[0]["file"]["read"]
    print(f"\nThe whole path: {events:,} events of 2 KB in a .gz, filter, template, POST to nginx")
    print("(events read a second; CPU of the sending process for each event sent)\n")
    rows = [("program", "events/s", "CPU µs", "share of wrk", "× wall", "× CPU", "peak MiB")]
    names = {
        "wrk": "wrk -t1 -c32, 300-byte POST",
        "file": "webhook_stream, Sync.run on the file",
        "lines": "webhook_stream, Sync.run on bytes lines",
        "aiohttp": "json + jinja2 + aiohttp + tenacity",
        "requests": "json + jinja2 + requests in threads + tenacity",
    }
    for name, title in names.items():
        if name == "wrk":
            rows.append((title, f"{median(rounds, 'wrk', 'rate'):,.0f}", "", "1.00", "", "", ""))
            continue
        share = spread(rounds, lambda r, name=name: r[name]["sent_rate"] / wrk_rate(r))
        wall = spread(rounds, lambda r, name=name: r["file"]["rate"] / r[name]["rate"])
        cpu = spread(rounds, lambda r, name=name: r[name]["cpu_micros"] / r["file"]["cpu_micros"])
        rows.append(
            (
                title,
                f"{median(rounds, name, 'rate'):,.0f}",
                f"{median(rounds, name, 'cpu_micros'):,.1f}",
                share,
                *(("", "") if name == "file" else (wall, cpu)),
                f"{median(rounds, name, 'peak_kib') / 1024:,.0f}",
            )
        )
    table(rows)
    print("\n× wall, × CPU: how many times quicker, and cheaper, the file is in the same round.")
    targets(
        [
            ("against aiohttp, wall", lambda r: r["file"]["rate"] / r["aiohttp"]["rate"], 10, 15),
            ("against requests, wall", lambda r: r["file"]["rate"] / r["requests"]["rate"], 40, 60),
            ("share of wrk", lambda r: r["file"]["sent_rate"] / wrk_rate(r), 0.30, 0.45),
            (
                "bytes lines against the file",
                lambda r: r["lines"]["rate"] / r["file"]["rate"],
                0.80,
                0.95,
            ),
        ],
        rounds,
    )


def stage_table(rounds: list[Round]) -> None:
    """Print what each stage costs by itself."""
    print("\nStage by stage, one thread (the last row: with queue, client and connections)\n")
    rows = [("stage", "events/s", "CPU µs an event")]
    for name in rounds[0]:
        if name.startswith("stage "):
            rows.append(
                (
                    name.removeprefix("stage "),
                    f"{median(rounds, name, 'rate'):,.0f}",
                    f"{median(rounds, name, 'cpu_micros'):.2f}",
                )
            )
    name = f"deliver {SENDERS}"
    rows.append(
        (
            "deliver, 32 senders",
            f"{median(rounds, name, 'rate'):,.0f}",
            f"{median(rounds, name, 'cpu_micros'):.2f}",
        )
    )
    table(rows)


def delivery(rounds: list[Round]) -> None:
    """Print delivery alone, against raw sockets and wrk."""
    print("\nDelivery alone: 300-byte POSTs to nginx\n")
    rows = [("sender", "N", "requests/s", "CPU µs", "share of wrk", "CPU against raw sockets")]
    for senders in DELIVERY_SENDERS:
        for what, title in (("deliver", "webhook_stream"), ("raw", "raw blocking sockets")):
            name = f"{what} {senders}"
            rows.append(
                (
                    title,
                    str(senders),
                    f"{median(rounds, name, 'rate'):,.0f}",
                    f"{median(rounds, name, 'cpu_micros'):.1f}",
                    spread(rounds, lambda r, name=name: r[name]["rate"] / r["wrk alone"]["rate"]),
                    spread(rounds, lambda r, n=senders: cpu_ratio(r, n))
                    if what == "deliver"
                    else "",
                )
            )
    table(rows)
    wanted = []
    for n in DELIVERY_SENDERS:
        wanted.append(
            (
                f"share of wrk, N = {n}",
                lambda r, n=n: r[f"deliver {n}"]["rate"] / r["wrk alone"]["rate"],
                0.45,
                0.55,
            )
        )
    targets(wanted, rounds)
    targets(
        [
            (f"CPU against raw sockets, N = {n}", lambda r, n=n: cpu_ratio(r, n), 1.6, 1.3)
            for n in DELIVERY_SENDERS
        ],
        rounds,
        at_most=True,
    )


def slow_receiver(deliver: str, scale: int) -> None:
    """Print what is reached when each answer takes a while, and what a busy sender weighs."""
    print(f"\nA receiver that answers after {LATENCY_MS} ms, {LATENCY_SENDERS} sender threads\n")
    command = [deliver, "--serve", "--latency", str(LATENCY_MS)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        command = [deliver, url, "--json", "--events"]
        few = ["--senders", f"{FEW_SENDERS},{LATENCY_SENDERS}", "--rounds", "1"]
        small, large = output([*command, str(6_000 // scale), *few])
        many = ["--senders", str(LATENCY_SENDERS), "--rounds", "3"]
        lines = output([*command, str(40_000 // scale), *many])
        # Its input at an end, the receiver goes.
        server.communicate()
    ideal = LATENCY_SENDERS / (LATENCY_MS / 1000)
    share = statistics.median(line["rate"] / ideal for line in lines)
    grown = large["resident_kib"] - small["resident_kib"]
    kib = grown / (LATENCY_SENDERS - FEW_SENDERS)
    print(f"  {share:.3f} of N / latency            (must ≥ 0.93, aim ≥ 0.95)")
    print(f"  {kib:.0f} KiB a busy sender thread     (must ≤ 80, aim ≤ 40)")


def large_archive(url: str) -> None:
    """Print how much memory reading a large archive takes."""
    print(f"\nMemory: an archive of {LARGE_BYTES / 1e9:.0f} GB\n", flush=True)
    progress("packing the archive")
    archive, count = workload.archive_of(WORK, LARGE_BYTES)
    try:
        progress("sending it")
        for what, title in (("file", "sent to nginx"), ("nothing", "all filtered out")):
            figures = python("stream.py", what, str(archive), url, str(count), str(SENDERS))
            progress("")
            peak = figures["peak_kib"] / 1024
            rate = f"{count:,} events {title}, {figures['rate']:,.0f} events/s"
            print(f"  {peak:.0f} MiB peak: {rate}   (must ≤ 64, aim ≤ 32)")
    finally:
        archive.unlink()


def wrk_rate(figures: Round) -> float:
    """Return wrk's rate in a round: before and after what it is compared with."""
    return float(figures["wrk"]["rate"] + figures["wrk again"]["rate"]) / 2


def cpu_ratio(figures: Round, senders: int) -> float:
    """Return how much more CPU a request takes than with raw sockets."""
    return float(
        figures[f"deliver {senders}"]["cpu_micros"] / figures[f"raw {senders}"]["cpu_micros"]
    )


def wrk(url: str) -> dict[str, Any]:
    """Run wrk for two seconds."""
    command = ["wrk", "-t1", "-c32", "-d2", "-s", str(HERE / "post.lua"), url]
    text = run(command)
    found = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if found is None or "Non-2xx" in text:
        sys.exit(f"bench: wrk failed:\n{text}")
    return {"rate": float(found[1])}


def python(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of this folder and return its figures."""
    (figures,) = output([sys.executable, str(HERE / script), *arguments])
    figures["rate"] = figures["read"] / figures["seconds"]
    figures["sent_rate"] = figures["sent"] / figures["seconds"]
    figures["cpu_micros"] = figures["cpu_seconds"] * 1e6 / max(figures["sent"], 1)
    return figures


def output(command: Sequence[str]) -> list[dict[str, Any]]:
    """Run a program that prints lines of JSON."""
    return [json.loads(line) for line in run(command).splitlines()]


def run(command: Sequence[str]) -> str:
    """Run a program to its end and return what it printed."""
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def benches() -> tuple[str, str]:
    """Build the Rust benches and return their paths."""
    progress("building the benches")
    build = [
        "cargo",
        "bench",
        "--no-run",
        "--bench",
        "stages",
        "--bench",
        "deliver",
        "--message-format",
        "json",
    ]
    done = subprocess.run(
        build, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit("bench: the benches do not build: cargo bench --no-run says why")
    built = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            built[message["target"]["name"]] = message["executable"]
    progress("")
    return built["stages"], built["deliver"]


@contextlib.contextmanager
def on_cpu(number: int | None) -> Iterator[None]:
    """Start programs on this processor alone, where the system can do that."""
    if number is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def nginx(name: str, *, cpu: int | None = None) -> Iterator[str]:
    """Run nginx on a free port of this machine, and on one processor if that is given."""
    folder = WORK / name
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (HERE / "nginx.conf").read_text("utf-8")
    settings = folder / "nginx.conf"
    settings.write_text(text.replace("FOLDER", str(folder)).replace("PORT", str(port)), "utf-8")
    with on_cpu(cpu):
        server = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(settings)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def machine() -> str:
    """Return what the figures were made on."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text("utf-8")) if info.exists() else None
    load = os.getloadavg()[0]
    cpu = found[1] if found else platform.processor()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {system}, load {load:.1f}"


def median(rounds: list[Round], name: str, figure: str) -> float:
    """Return the median of a figure over the rounds."""
    return statistics.median(r[name][figure] for r in rounds)


def spread(rounds: list[Round], of: Any) -> str:
    """Return a ratio's median over the rounds, with its least and greatest."""
    values = [of(r) for r in rounds]
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def targets(
    wanted: list[tuple[str, Any, float, float]], rounds: list[Round], *, at_most: bool = False
) -> None:
    """Print whether the targets are met."""
    for name, of, must, aim in wanted:
        value = statistics.median(of(r) for r in rounds)
        good = (
            (lambda limit, value=value: value <= limit)
            if at_most
            else (lambda limit, value=value: value >= limit)
        )
        word = "aim met" if good(aim) else "must met" if good(must) else "MISSED"
        sign = "≤" if at_most else "≥"
        print(f"  {name:<34} {value:6.2f}   must {sign} {must:g}, aim {sign} {aim:g}: {word}")


def table(rows: list[tuple[str, ...]]) -> None:
    """Print rows with their columns aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = row
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  " + "   ".join([first.ljust(widths[0]), *cells]))


def progress(what: str) -> None:
    """Say what is going on, where somebody is looking."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{what}")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
