"""Makes mistakes in decisions of delivery, one by one, and says which test notices each.

``mutate.py [PART OF A MISTAKE…]`` works on a copy of the checkout, so that nothing of it is
changed. Tests run from the quickest on: the simulator, the core's tests, the crash tests. Prints
one line a mistake: ``mutation: MISTAKE | FILE | what noticed it``. 1 when one goes unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TREE = ROOT / "target" / "mutations" / "tree"
COPIED = (
    *(".cargo", "Cargo.toml", "Cargo.lock", "README.md"),
    *("src", "tests", "benches", "docs", "examples"),
)

CARGO = ("cargo", "test", "--quiet", "--test")

STAGES = (
    ("the simulator", (*CARGO, "rust", "simulator")),
    ("the core's tests", (*CARGO, "rust")),
    ("the crash tests", (*CARGO, "crash")),
)
"""What is asked, in this order."""

LONGEST_SECONDS = 900
"""A mistake that makes a test hang is noticed as well."""


@dataclass(frozen=True)
class Mutation:
    """A small change of one file."""

    mistake: str
    file: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the file with the mistake; it must have just one place for it."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.mistake}: expected one place in {self.file}, found {found}")
        return text.replace(self.old, self.new)


def mutations() -> list[Mutation]:
    """Return the list in the file beside this one."""
    text = (Path(__file__).parent / "mutations.toml").read_text("utf-8")
    return [Mutation(**table) for table in tomllib.loads(text)["mutation"]]


def copy_tree() -> None:
    """Bring the copy up to date; what is the same keeps its time, so that little is built."""
    for name in COPIED:
        source, copy = ROOT / name, TREE / name
        everything = [source] if source.is_file() else source.rglob("*")
        files = [one for one in everything if one.is_file()]
        wanted = {one.relative_to(ROOT) for one in files}
        present = copy.rglob("*") if copy.is_dir() else iter(())
        for old in list(present):
            if old.is_file() and old.relative_to(TREE) not in wanted:
                old.unlink()
        for one in files:
            write(TREE / one.relative_to(ROOT), one.read_bytes())


def write(path: Path, content: bytes) -> None:
    """Write a file if it differs."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def run(command: tuple[str, ...]) -> tuple[bool, str]:
    """Run tests in the copy: whether they pass, and what they print."""
    target = str(ROOT / "target" / "mutations" / "build")
    environment = {**os.environ, "CARGO_TARGET_DIR": target, "CARGO_INCREMENTAL": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=TREE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, "test hangs"
    return done.returncode == 0, done.stdout + done.stderr


def noticed(mutation: Mutation) -> str | None:
    """Return what notices the mistake."""
    for stage, command in STAGES:
        passes, text = run(command)
        if "error: could not compile" in text:
            raise ValueError(f"{mutation.mistake}: does not compile\n{text}")
        if not passes:
            return f"{stage}: {reason(text)}"
    return None


def reason(text: str) -> str:
    """Return the first test that failed, or the promise a simulated life broke."""
    if found := re.search(r"^(seed \d+): (.+)$", text, re.MULTILINE):
        promise = re.sub(r"\bkey-\d+: ", "", found.group(2))
        return f"{promise} ({found.group(1)})".replace("|", "/")
    failed = sorted(set(re.findall(r"^    (\w+(?:::\w+)+)$", text, re.MULTILINE)))
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"`{failed[0]}`{more}"
    if found := re.search(r"panicked at [^\n]*\n([^\n]+)", text):
        return found.group(1).replace("|", "/")
    return text.strip().splitlines()[-1] if text.strip() else "no words"


def main() -> int:
    """Make the mistakes of the command line, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help="only mistakes with this in their words")
    parts = parser.parse_args().parts
    chosen = [one for one in mutations() if not parts or any(part in one.mistake for part in parts)]
    copy_tree()
    passes, text = run((*CARGO, "rust", "simulator"))
    if not passes:
        print(f"without a mistake the tests fail:\n{text}", file=sys.stderr)
        return 1
    unnoticed = 0
    for mutation in chosen:
        path = TREE / mutation.file
        right = path.read_text("utf-8")
        try:
            path.write_text(mutation.apply(right), "utf-8")
            found = noticed(mutation)
        finally:
            path.write_text(right, "utf-8")
        unnoticed += found is None
        print(f"mutation: {mutation.mistake} | {mutation.file} | {found or 'nobody'}", flush=True)
    if not parts:
        shutil.rmtree(TREE)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
