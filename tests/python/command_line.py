"""The command line, as users start it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(*words: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``webhook-stream`` with these words in a folder."""
    command = [sys.executable, "-m", "webhook_stream", *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, input=stdin, timeout=60
    )
