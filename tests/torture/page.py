"""Writes `docs/reliability.md` from the lines that scenarios print.

``page.py LOG… --page docs/reliability.md`` reads outputs of ``torture.py``, and of any other
program that prints its figures the same way, one line each:

``figure: NAME | what was done | count this, that 12,345, something else 0``
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from pathlib import Path

FIGURE = re.compile(r"^figure: ([^|]+?) \| ([^|]+?) \| (.+)$", re.MULTILINE)
VIOLATED = re.compile(r"^violated: .+$", re.MULTILINE)

HEAD = (Path(__file__).parent / "page.md").read_text("utf-8")
"""What stands above the figures."""


def main() -> int:
    """Write the page; 1 when a log holds a violation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--page", type=Path, required=True)
    words = parser.parse_args()
    text = "\n".join(log.read_text("utf-8") for log in words.logs)
    violated = VIOLATED.findall(text)
    for line in violated:
        print(line, file=sys.stderr)
    figures = FIGURE.findall(text)
    if violated or not figures:
        return 1
    parts = [HEAD, f"Measured on {machine()}.\n"]
    for name, what, counts in sorted(figures, key=lambda figure: order(figure[0])):
        parts.append(f"## {name}: {what.rstrip('.')}\n\n{table(counts)}\n")
    words.page.write_text("\n".join(parts), "utf-8")
    return 0


def order(name: str) -> tuple[str, int, str]:
    """Return a key by which A10 comes behind A9."""
    digits = "".join(filter(str.isdigit, name)) or "0"
    return name[:1], int(digits), name


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with others"


def table(counts: str) -> str:
    """Return `this 12, that 3` as a table of one row."""
    # A comma inside a number has no blank behind it; one between words of a name stays with it.
    cells: list[tuple[str, str]] = []
    name = ""
    for piece in counts.split(", "):
        words, _, count = piece.rpartition(" ")
        if re.fullmatch(r"-?[\d.,]+", count):
            cells.append((f"{name}{words}", count))
            name = ""
        else:
            name += f"{piece}, "
    heads = " | ".join(what for what, _ in cells)
    values = " | ".join(count for _, count in cells)
    return f"| {heads} |\n|{'---|' * len(cells)}\n| {values} |"


if __name__ == "__main__":
    sys.exit(main())
