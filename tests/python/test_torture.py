"""The torture scenarios, in the length that fits into every test run, and their page."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TORTURE = Path(__file__).parent.parent / "torture"
sys.path.insert(0, str(TORTURE))

import page  # noqa: E402

DRIVER = TORTURE / "torture.py"


@pytest.mark.parametrize("scenario", ["A1", "A2", "A3", "A9", "C3", "C5", "E5"])
def test_nothing_is_lost_and_duplicates_are_bounded(scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), scenario], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "figure:" in done.stdout or "left out, there is no strace" in done.stdout


def test_a_run_that_is_told_to_stop_checks_what_it_reached() -> None:
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), "A1", "E5", "--length", "long"],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    cut = re.search(r"^cut: A1 \| (\d+) of 1,000 kills$", out, re.MULTILINE)
    assert cut, out
    assert f"| kills {cut[1]}, " in out
    assert "cut: E5 | not begun" in out


FIGURES = """
noise
figure: A9 | Ninth. | kills 12, seconds to a fresh event, at most 1.25
figure: A10 | Tenth. | seeds 100000, lost 0
random kills: 3 kills, 0 lost
cut: A9 | 12 of 300 kills
"""

MISTAKES = "mutation: it forgets | src/a.rs | nobody\nmutation: it lies | src/a.rs | a test"


def test_the_page_holds_figures_in_order_and_what_was_cut(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    assert not page.write(FIGURES, target, unfinished=["seeds"])
    text = target.read_text("utf-8")
    assert text.index("## A9: Ninth") < text.index("## A10: Tenth")
    assert "| kills | seconds to a fresh event, at most |\n|---|---|\n| 12 | 1.25 |" in text
    assert "| 100,000 | 0 |" in text
    assert "shorter than the long one: A9 (12 of 300 kills), seeds." in text
    assert "- random kills: 3 kills, 0 lost" in text


def test_figures_and_mistakes_leave_each_other_on_the_page(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    page.write(FIGURES, target)
    page.write(MISTAKES, target)
    page.write(FIGURES.replace("12", "13"), target)
    text = target.read_text("utf-8")
    assert "| 13 | 1.25 |" in text
    assert "1 of 2 were noticed" in text
    assert text.count("| it forgets | `src/a.rs` | nobody |") == 1


def test_a_broken_promise_leaves_the_page_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    target.write_text("as it was", "utf-8")
    assert page.write(FIGURES + "violated: A1 | 1 event is lost\n", target)
    assert target.read_text("utf-8") == "as it was"
