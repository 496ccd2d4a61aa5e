"""The way from a shell into the core's command line."""

from __future__ import annotations

import sys

from webhook_stream import _core


def main() -> None:
    """Run the command of ``sys.argv`` and exit with its status."""
    sys.exit(_core.cli_main(sys.argv[1:]))
