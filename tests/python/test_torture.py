"""The torture scenarios, in the length that fits into every test run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parent.parent / "torture" / "torture.py"


@pytest.mark.parametrize("scenario", ["A1", "A3", "A9", "C5", "E5"])
def test_nothing_is_lost_and_duplicates_are_bounded(scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), scenario], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "figure:" in done.stdout
