"""The page about testing: its files make a project, and its commands print what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
PROGRAMS = {
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    "webhook-stream": [sys.executable, "-m", "webhook_stream"],
}


def sessions(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, and the lines that each prints."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def run(command: str, folder: Path) -> list[str]:
    program, *arguments = shlex.split(command)
    environment = {**os.environ, "COLUMNS": "100", "PYTEST_ADDOPTS": "", "NO_COLOR": "1"}
    for name in [own for own in environment if own == "CI" or own.startswith(("COV_", "COVERAGE"))]:
        del environment[name]
    done = subprocess.run(
        [*PROGRAMS.get(program, [program]), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def assert_prints(expected: list[str], printed: list[str]) -> None:
    """Assert that the lines come in that order; `...` stands for anything."""
    rest = iter(printed)
    for line in expected:
        pattern = re.compile(re.escape(line).replace(r"\.\.\.", ".*").replace(r"\ .*", r"\s*.*"))
        found = any(pattern.fullmatch(own.rstrip()) for own in rest)
        assert found, f"nothing like {line!r} in its place in:\n" + "\n".join(printed)


@pytest.mark.skipif(os.name != "posix", reason="one of its commands is grep")
def test_the_commands_of_the_page_print_what_it_says(tmp_path: Path) -> None:
    commands = 0
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(blocks) > 10
    for language, title, text in blocks:
        if title:
            path = tmp_path / title
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        else:
            assert language == "console", f"a block of {language} has no file to go to"
            for command, expected in sessions(text):
                assert_prints(expected, run(command, tmp_path))
                commands += 1
    assert commands == text_count("$ ")


def text_count(start: str) -> int:
    return sum(line.startswith(start) for line in PAGE.read_text("utf-8").splitlines())
