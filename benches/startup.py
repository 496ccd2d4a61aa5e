"""What ``import webhook_stream`` and the pytest plugin add to the start of a program.

``make bench-startup`` installs the package. Programs that differ in one thing run in turn; a figure
is the median of the differences of the rounds, wall and CPU time in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

Times: TypeAlias = tuple[float, float]
"""Wall and CPU time of a program, in milliseconds."""

TEST = "def test_nothing() -> None:\n    assert True\n"


def run(command: Sequence[str], folder: str) -> Times:
    """Run a program to its end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return wall * 1000, cpu * 1000


def added(what: str, without: Sequence[str], having: Sequence[str], rounds: int) -> None:
    """Print what the second program takes longer than the first."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_unrelated.py").write_text(TEST, "utf-8")
        # Not measured: what is compiled and read into memory once.
        run(without, folder), run(having, folder)
        pairs = [(run(without, folder), run(having, folder)) for _ in range(rounds)]
    figures = []
    for kind, name in enumerate(("wall", "CPU")):
        differences = sorted(more[kind] - less[kind] for less, more in pairs)
        quarter = len(differences) // 4
        low, high = differences[quarter], differences[-1 - quarter]
        middle = statistics.median(differences)
        figures.append(f"{middle:.1f} ms {name} ({low:.1f} to {high:.1f})")
    base = statistics.median(less[0] for less, _ in pairs)
    print(f"{what}: {', '.join(figures)}, added to {base:.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="how often each program runs")
    rounds = parser.parse_args().rounds
    python = [sys.executable, "-c"]
    added("import webhook_stream", [*python, "pass"], [*python, "import webhook_stream"], rounds)
    # Other plugins take longer than what is measured, and not always the same.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    added("the pytest plugin", test, [*test, "-p", "pytest_webhook_stream"], rounds)


if __name__ == "__main__":
    main()
