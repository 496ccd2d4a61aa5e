"""The way from a shell into the core's command line."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from webhook_stream import _core

_TERMINATED = 128 + signal.SIGTERM


def main() -> None:
    """Run the command of ``sys.argv`` and exit with its status.

    On SIGTERM nothing more is accepted, requests under way finish, and what is left is pending.
    """
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_core.cli_main(sys.argv[1:]))


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_TERMINATED)
