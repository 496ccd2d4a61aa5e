"""Writes `docs/reliability.md` from the lines that scenarios print.

``page.py LOG… --page docs/reliability.md`` reads outputs of ``torture.py``, and of any other
program that prints its figures the same way, one line each:

``figure: NAME | what was done | count this, that 12,345, something else 0``

``cut: WHAT | how far it got`` for what came to its end before its time, ``violated: …`` for a
broken promise: then no page is written. ``mutation: MISTAKE | FILE | what noticed it`` is kept in a
table of its own, which stays on the page until there is a new one. Lines of the store's own crash
tests (``tests/crash``) are taken as they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

FIGURE = re.compile(r"^figure: ([^|]+?) \| ([^|]+?) \| (.+)$", re.MULTILINE)
STORE = re.compile(r"^((?:random kills|crash points|failing disk|full disk|power cuts): .+)$", re.M)
CUT = re.compile(r"^cut: ([^|]+?) \| (.+)$", re.MULTILINE)
MUTATION = re.compile(r"^mutation: ([^|]+?) \| ([^|]+?) \| (.+)$", re.MULTILINE)
VIOLATED = re.compile(r"^violated: .+$", re.MULTILINE)

HEAD = (Path(__file__).parent / "page.md").read_text("utf-8")
"""What stands above the figures."""

MISTAKES = "## Mistakes made on purpose\n"
"""Where the table of mistakes begins; it is the last section."""


def main() -> int:
    """Write the page; 1 when a log holds a violation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--note", default="", help="a sentence about this measurement")
    words = parser.parse_args()
    text = "\n".join(log.read_text("utf-8") for log in words.logs)
    return 1 if write(text, words.page, words.note) else 0


def write(text: str, target: Path, note: str = "", unfinished: Sequence[str] = ()) -> bool:
    """Write the page of what was printed; whether a promise was broken, so that it is not."""
    if violated := VIOLATED.findall(text):
        print("\n".join(violated), file=sys.stderr)
        return True
    mistakes = table_of_mistakes(MUTATION.findall(text)) or kept_mistakes(target)
    figures = FIGURE.findall(text)
    alone = STORE.findall(text)
    if not figures and not alone:
        # Only mistakes were made: the figures stay.
        before, _, _ = target.read_text("utf-8").partition(MISTAKES)
        target.write_text(before + mistakes, "utf-8")
        return False
    parts = [HEAD, f"Measured on {machine()}. {note}".rstrip() + "\n"]
    short = [f"{what} ({how_far})" for what, how_far in CUT.findall(text)] + list(unfinished)
    if short:
        parts.append(f"This run was shorter than the long one: {', '.join(short)}.\n")
    for name, what, counts in sorted(figures, key=lambda figure: order(figure[0])):
        parts.append(f"## {name}: {what.rstrip('.')}\n\n{table(counts)}\n")
    if alone:
        parts.append("## The store alone: processes that only write and settle\n")
        parts.append("\n".join(f"- {line}" for line in alone) + "\n")
    target.write_text("\n".join(parts + ([mistakes] if mistakes else [])), "utf-8")
    return False


def order(name: str) -> tuple[str, int, str]:
    """Return a key by which A10 comes behind A9."""
    digits = "".join(filter(str.isdigit, name)) or "0"
    return name[:1], int(digits), name


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with others"


def kept_mistakes(target: Path) -> str:
    """Return the section about mistakes that the page has now."""
    text = target.read_text("utf-8") if target.exists() else ""
    _, found, section = text.partition(MISTAKES)
    return found + section


def table_of_mistakes(found: Sequence[tuple[str, str, str]]) -> str:
    """Return the section about mistakes that tests had to notice."""
    if not found:
        return ""
    noticed = sum(by != "nobody" for _, _, by in found)
    rows = "\n".join(f"| {mistake} | `{file}` | {by} |" for mistake, file, by in found)
    return (
        f"{MISTAKES}\n"
        "A test that cannot fail proves nothing. `make mutations` makes each of these mistakes "
        "in a copy of the code\nand runs the tests of CI, the simulator first. "
        f"{noticed} of {len(found)} were noticed.\n\n"
        f"| mistake | in | noticed by |\n|---|---|---|\n{rows}\n"
    )


def table(counts: str) -> str:
    """Return `this 12, that 3` as a table of one row."""
    # A comma inside a number has no blank behind it; one between words of a name stays with it.
    cells: list[tuple[str, str]] = []
    name = ""
    for piece in counts.split(", "):
        words, _, count = piece.rpartition(" ")
        if re.fullmatch(r"-?[\d.,]+", count):
            cells.append((f"{name}{words}", grouped(count)))
            name = ""
        else:
            name += f"{piece}, "
    heads = " | ".join(what for what, _ in cells)
    values = " | ".join(count for _, count in cells)
    return f"| {heads} |\n|{'---|' * len(cells)}\n| {values} |"


def grouped(count: str) -> str:
    """Return a whole number with its thousands apart."""
    return f"{int(count):,}" if re.fullmatch(r"\d+", count) else count


if __name__ == "__main__":
    sys.exit(main())
