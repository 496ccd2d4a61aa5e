"""The page about the command line does what it shows, from top to bottom, in one shell."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BASH = shutil.which("bash") or "bash"
END = "@@ the command has ended @@"
UPDATE = "UPDATE_CASES" in os.environ


def sessions(text: str) -> list[tuple[str, str]]:
    """Return the commands of a page with what they print."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall(text):
        for part in block.split("$ ", 1)[1].split("\n$ "):
            command, _, output = part.partition("\n")
            found.append(
                (command, output if output.endswith("\n") or not output else f"{output}\n")
            )
    return found


def free_port() -> str:
    """Return a port below those of outgoing connections, or waiting could connect to itself."""
    for port in range(20_000 + os.getpid() % 10_000, 32_768):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return str(port)
    raise AssertionError("no free port")


def outputs(commands: list[str], folder: Path) -> list[str]:
    """Run the commands in one shell; receivers listen on a free port in place of 8080."""
    port = free_port()
    (folder / "bin").mkdir()
    program = folder / "bin" / "webhook-stream"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m webhook_stream "$@"\n')
    program.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    lines = []
    for command in commands:
        lines.append(command.replace("8080", port))
        if command.endswith("&"):
            lines.append(f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2> /dev/null; do :; done")
        lines.append(f"for file in *.toml; do sed -i s/8080/{port}/ $file; done 2> /dev/null")
        lines.append(f"echo '{END}'")
    variables = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [BASH, "-c", "exec 2>&1\n" + "\n".join(lines)],
        cwd=work,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        env={**variables, "PATH": f"{program.parent}:{os.environ['PATH']}"},
    )
    return done.stdout.replace(port, "8080").split(f"{END}\n")[:-1]


def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = sessions(text)
    found = outputs([command for command, _ in shown], tmp_path)
    assert len(found) == len(shown)
    if UPDATE:
        for (command, output), now in zip(shown, found, strict=True):
            text = text.replace(f"$ {command}\n{output}", f"$ {command}\n{now}", 1)
        PAGE.write_text(text, encoding="utf-8")
        return
    flags = doctest.ELLIPSIS
    checker = doctest.OutputChecker()
    for (command, output), now in zip(shown, found, strict=True):
        if not checker.check_output(output, now, flags):
            difference = checker.output_difference(doctest.Example(command, output), now, flags)
            raise AssertionError(f"$ {command}\n{difference}")


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
        for command, _ in sessions(PAGE.read_text("utf-8"))
        for match in re.findall(r"webhook-stream ([a-z-]+)", command)
    }
    assert commands - {"help"} == used - {"syncs"}
