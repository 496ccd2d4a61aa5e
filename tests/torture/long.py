"""The long run: kills, crash points, power cuts, simulated lives, made-up answers; writes the page.

``long.py [--minutes 45] [--page docs/reliability.md]`` runs two things at a time and fits them
into the minutes. The page is written anew whenever a part has ended, so that a run that is cut
still leaves one with what was reached; Ctrl-C and SIGTERM let the kills come to their checks and
write the page. 1 when a promise was broken or a part failed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import page

ROOT = Path(__file__).parent.parent.parent
LOGS = ROOT / "target" / "torture"

CHECKS = 0.85
"""The share of the minutes for killing; the rest is for the checks after it."""

TEST = ("cargo", "test", "--quiet", "--test")


@dataclass
class Part:
    """One program of the long run."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def lanes(minutes: float, seeds: int, answers: int) -> list[list[Part]]:
    """Return what runs beside each other: what mostly waits, and what computes."""
    killing = minutes * CHECKS
    torture = (sys.executable, str(Path(__file__).parent / "torture.py"), "--length", "long")
    # Three scenarios of the store share what the others leave of their lane.
    store = {"STORE_TORTURE": "1", "STORE_SECONDS": str(round(killing * 60 * 0.6 / 3))}
    shown = ("--", "--nocapture")
    return [
        [Part("processes", (*torture, "--minutes", str(killing)))],
        [
            Part("seeds", (*TEST, "rust", "simulator", *shown), {"SIMULATED_SEEDS": str(seeds)}),
            Part(
                "answers",
                (*TEST, "rust", "hostile_answers", *shown),
                {"FUZZED_ANSWERS": str(answers)},
            ),
            Part(
                "headers",
                (*TEST, "rust", "header_text", *shown),
                {"FUZZED_HEADERS": str(answers)},
            ),
            Part("pages", (*TEST, "rust", "store_damage", *shown), {"STORE_PAGES": "1"}),
            Part("store", (*TEST, "crash"), store),
        ],
    ]


class Run:
    """What the lanes share."""

    def __init__(self, target: Path, note: str) -> None:
        self.target = target
        self.note = note
        self.lock = threading.Lock()
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.is_told = False
        self.unfinished: set[str] = set()
        self.failed = False

    def run(self, parts: list[Part]) -> None:
        """Run the parts of a lane one after the other."""
        for part in parts:
            with (LOGS / f"{part.name}.log").open("w") as log:
                with self.lock:
                    if self.is_told:
                        return
                    process = subprocess.Popen(
                        part.command,
                        cwd=ROOT,
                        env={**os.environ, **part.environment},
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                        # Ctrl-C is for this process, which tells the others.
                        start_new_session=True,
                    )
                    self.running[part.name] = process
                assert process.stdout is not None
                for row in process.stdout:
                    log.write(row)
                    log.flush()
                    print(f"{part.name}: {row}", end="", flush=True)
            status = process.wait()
            with self.lock:
                del self.running[part.name]
                if status == 0:
                    self.unfinished.discard(part.name)
                elif not self.is_told:
                    self.failed = True
                    print(f"{part.name}: ended with {status}", file=sys.stderr, flush=True)
                self.write_page()

    def stop(self, *_: object) -> None:
        """Let everything come to its end."""
        self.is_told = True
        for process in list(self.running.values()):
            process.send_signal(signal.SIGTERM)

    def write_page(self) -> None:
        """Write the page of what there is."""
        texts = [log.read_text("utf-8") for log in sorted(LOGS.glob("*.log"))]
        broken = page.write("\n".join(texts), self.target, self.note, sorted(self.unfinished))
        self.failed |= broken


def main() -> int:
    """Run everything, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "reliability.md")
    parser.add_argument("--note", default="", help="a sentence about this measurement")
    words = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    build = subprocess.run((*TEST[:3], "--no-run"), cwd=ROOT, check=False)
    if build.returncode != 0:
        return build.returncode
    all_lanes = lanes(words.minutes, words.seeds, words.answers)
    run = Run(words.page, words.note)
    for part in (part for lane in all_lanes for part in lane):
        (LOGS / f"{part.name}.log").unlink(missing_ok=True)
        run.unfinished.add(part.name)
    signal.signal(signal.SIGTERM, run.stop)
    signal.signal(signal.SIGINT, run.stop)
    threads = [threading.Thread(target=run.run, args=(lane,), daemon=True) for lane in all_lanes]
    for thread in threads:
        thread.start()
    # A thread that is joined without a limit would keep signals away.
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
    run.write_page()
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
