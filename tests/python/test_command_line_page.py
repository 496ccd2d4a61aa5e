"""The page about the command line shows every command; `test_docs.py` runs what it shows."""

from __future__ import annotations

import re
import subprocess
import sys

import pages

PAGE = pages.ROOT / "docs" / "command-line.md"


def test_the_page_shows_every_command() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "webhook_stream", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = set(re.findall(r"^  ([a-z-]+)  ", listed.split("Options:")[0], re.MULTILINE))
    used = {
        match
        for block in pages.blocks(PAGE.read_text("utf-8"))
        if block.word == "console"
        for command, _ in block.commands
        for match in re.findall(r"webhook-stream ([a-z-]+)", command)
    }
    assert commands - {"help"} == used - {"syncs"}
