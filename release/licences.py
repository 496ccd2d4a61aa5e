"""The licences of what the wheel is linked from: they must allow it, and their texts are shipped.

    python release/licences.py            # fails for a licence that is not allowed, or a stale file
    python release/licences.py --write    # writes THIRD_PARTY_LICENSES.txt

The crates are those that Cargo links into the module on Linux, as Cargo itself tells.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
FILE: Final = ROOT / "THIRD_PARTY_LICENSES.txt"
TARGET: Final = "x86_64-unknown-linux-gnu"

ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CDLA-Permissive-2.0",  # the list of certificate authorities, which is data
        "ISC",
        "MIT",
        "MIT-0",
        "Unicode-3.0",
        "Unlicense",
        "Zlib",
    }
)
"""Licences under which code may be linked into a wheel under MIT, with its notice."""

TEXTS: Final = re.compile(r"(?i)^(licen[cs]e|copying|copyright|notice|unlicense)")
HEAD: Final = """\
The wheels of webhook_stream are linked from the crates below, under the licence that each names.
SQLite, which libsqlite3-sys brings, is in the public domain. `make licences` writes this file.
"""


@dataclass(frozen=True)
class Crate:
    """A crate that is linked, its licence, and where its files are."""

    name: str
    version: str
    licence: str
    authors: tuple[str, ...]
    folder: Path


def crates() -> list[Crate]:
    """Return the crates that Cargo links into the module, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    features = ",".join(project["tool"]["maturin"]["features"])
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--features", features]
    done = subprocess.run(
        [*command, "--filter-platform", TARGET], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    linked, waiting = set(), [root]
    while waiting:
        one = waiting.pop()
        if one not in linked:
            linked.add(one)
            waiting += [
                dependency["pkg"]
                for dependency in nodes[one]["deps"]
                if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            ]
    return sorted(
        (
            Crate(
                package["name"],
                package["version"],
                (package["license"] or "none").replace("/", " OR "),
                tuple(package["authors"]),
                Path(package["manifest_path"]).parent,
            )
            for package in (packages[one] for one in linked - {root})
        ),
        key=lambda crate: (crate.name, crate.version),
    )


def is_allowed(licence: str) -> bool:
    """Whether an SPDX expression can be fulfilled by allowed licences.

    >>> is_allowed("MIT OR GPL-3.0-only"), is_allowed("MIT AND GPL-3.0-only")
    (True, False)
    >>> is_allowed("(MIT OR GPL-3.0-only) AND Unicode-3.0")
    True
    """
    words = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", licence)
    if not words:
        return False
    place = 0

    def one() -> bool:
        nonlocal place
        word = words[place]
        place += 1
        if word == "(":
            inner = either()
            place += 1
            return inner
        return word in ALLOWED

    def both() -> bool:
        nonlocal place
        result = one()
        while words[place : place + 1] == ["AND"]:
            place += 1
            result = one() and result
        return result

    def either() -> bool:
        nonlocal place
        result = both()
        while words[place : place + 1] == ["OR"]:
            place += 1
            result = both() or result
        return result

    return either()


def texts(crate: Crate) -> list[str]:
    """Return the texts that have to go with a crate; where there is a choice, those of MIT."""
    files = sorted(file for file in crate.folder.iterdir() if TEXTS.match(file.name))
    files = [file for file in files if file.is_file()]
    is_choice = "OR" in crate.licence and "AND" not in crate.licence
    of_mit = [file for file in files if "mit" in file.name.lower()]
    chosen = of_mit if is_choice and of_mit else files
    return [file.read_text("utf-8", errors="replace").strip() for file in chosen]


def document(linked: list[Crate]) -> str:
    """Return the file: the crates with their licences, then each text once."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    shown: dict[str, str] = {}
    lines = []
    for crate in linked:
        name = f"{crate.name} {crate.version}"
        lines.append(f"  {name}: {crate.licence}")
        found = texts(crate)
        if not found:
            by = f", by {', '.join(crate.authors)}" if crate.authors else ""
            lines[-1] += f" (the crate comes without a text{by})"
        for text in found:
            key = " ".join(text.split())
            shown.setdefault(key, text)
            users[key].append(name)
    parts = [HEAD, "\n".join(lines)]
    parts += [f"{'-' * 80}\n{', '.join(users[key])}\n\n{text}" for key, text in shown.items()]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Check, or write; 0 when all is well."""
    parser = argparse.ArgumentParser(description="Checks the licences of what is linked.")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    write = parser.parse_args().write
    linked = crates()
    refused = [crate for crate in linked if not is_allowed(crate.licence)]
    for crate in refused:
        print(f"{crate.name} {crate.version}: {crate.licence} is not allowed", file=sys.stderr)
    text = document(linked)
    if write:
        FILE.write_text(text, "utf-8")
    elif not FILE.is_file() or FILE.read_text("utf-8") != text:
        print(f"{FILE.name} is not what is linked now: make licences", file=sys.stderr)
        return 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
