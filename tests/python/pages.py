"""Runs what pages of documentation show, from top to bottom, in a folder of their own.

What stands behind the fence of a block says what is done with it; CONTRIBUTING.md has the table.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from contextlib import ExitStack, chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from webhook_stream.testing import Receiver

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or "bash"
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=fence)`*$", re.M | re.S)
DATA = frozenset({"json", "settings", "template", "events"})
RESULTS = frozenset({"output", "output-escaped", "error", "payload", "findings"})
CASES = DATA | RESULTS | {"ftl"}
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
SECONDS = 120
STATUSES = (0, 75)
"""What a command ends with whose output is not shown: done, or deliveries are still pending."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    info: str
    body: str
    line: int
    """The line of the fence, from 1."""
    section: int
    """How many headings stand before it."""
    start: int
    """Where the body begins in the page."""

    @property
    def word(self) -> str:
        """The language."""
        return self.info.partition(" ")[0]

    def option(self, name: str) -> str | None:
        """Return what is behind ``name=``, to the end of the line in quotes or to a blank."""
        found = re.search(rf'\b{name}=(?:"([^"]*)"|(\S+))', self.info)
        return (found[1] or found[2]) if found else None

    @property
    def commands(self) -> list[tuple[str, str | None]]:
        """The commands of a console, with what is shown of their output; None: nothing is said."""
        if not self.body.startswith("$ "):
            lines = re.sub(r"\\\n\s*", " ", self.body).splitlines()
            return [(line, None) for line in lines if line.strip() and not line.startswith("#")]
        found: list[tuple[str, str | None]] = []
        for part in self.body[2:].split("\n$ "):
            command, _, output = part.partition("\n")
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = command[:-1] + more
            found.append(
                (command, output if not output or output.endswith("\n") else f"{output}\n")
            )
        return found


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; a comment of the page may mark all of a language."""
    marks = dict(re.findall(r"^<!-- (\S+) ((?:run-by|not-run)=.*) -->$", text, re.M))
    found = []
    for match in FENCE.finditer(text):
        before = FENCE.sub("", text[: match.start()])
        info = match["info"].strip()
        word = info.partition(" ")[0]
        found.append(
            Block(
                f"{info} {marks[word]}" if word in marks else info,
                match["body"],
                text.count("\n", 0, match.start()) + 1,
                len(re.findall(r"^#+ ", before, re.M)),
                match.start("body"),
            )
        )
    return found


def complaints(page: Path) -> list[str]:
    """Return which blocks of a page neither run nor say why they don't."""
    name = page.relative_to(ROOT).as_posix()
    found = []
    for block in blocks(page.read_text("utf-8")):
        problem = _complaint(block, page)
        if problem:
            where = f"{name}:{block.line}: ```{block.info}"
            found.append(f"{where}: {problem}; CONTRIBUTING.md, “Pages”, says how")
    return found


def _complaint(block: Block, page: Path) -> str | None:
    runner = block.option("run-by")
    if runner is not None:
        path = ROOT / runner
        if not path.is_file() or page.name not in path.read_text("utf-8"):
            return f"expected a test that names {page.name}, found {runner}"
        return None
    if block.option("not-run") or block.option("file") or block.word in ("text", "pycon", "python"):
        return None
    if block.word == "console":
        return None if block.body.strip() else "expected a command, found nothing"
    if block.word in CASES:
        return _incomplete_case(block, page)
    return "expected a block that runs, or is marked"


def _incomplete_case(block: Block, page: Path) -> str | None:
    """Return what a block of a template's case lacks to be one; `tests/rust/cases.rs` runs them."""
    everything = blocks(page.read_text("utf-8"))
    if block.info == "json event":
        return None if any(other.word == "ftl" for other in everything) else "expected a template"
    section = [other for other in everything if other.section == block.section]
    place = section.index(block)
    if block.word in RESULTS:
        before = [other.word for other in section[:place]]
        return None if "ftl" in before else "expected a template before it"
    behind = [other.word for other in section[place + 1 :]]
    if block.word == "ftl":
        until = behind[: behind.index("ftl")] if "ftl" in behind else behind
        return None if RESULTS.intersection(until) else "expected what it gives behind it"
    return None if "ftl" in behind else "expected a template behind it"


class Shell:
    """One shell for all commands of a page; receivers listen on a free port in place of 8080."""

    END = "@@ the command has ended @@"

    def __init__(self, folder: Path, work: Path) -> None:
        self.port = free_port()
        programs = folder / "bin"
        programs.mkdir()
        for name, words in {"webhook-stream": "-m webhook_stream", "python": ""}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            (programs / name).chmod(0o755)
        # Where CI is set, what is expected is not written anew; a page may show how it is done.
        variables = {
            name: text
            for name, text in os.environ.items()
            if "proxy" not in name.lower() and name != "CI"
        }
        self.process = subprocess.Popen(
            [BASH, "--norc"],
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**variables, "PATH": f"{programs}:{os.environ['PATH']}"},
        )

    def run(self, command: str) -> tuple[str, int]:
        """Run a command; return what it printed, and its status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        lines = [f"for file in *.toml; do sed -i s/8080/{self.port}/ $file; done 2> /dev/null"]
        starts_receiver = command.rstrip().endswith("&")
        answers = f"(exec 3<>/dev/tcp/127.0.0.1/{self.port}) 2> /dev/null"
        if starts_receiver:
            # One that has had its last request may still be on its way out.
            lines.append(f"while {answers}; do :; done")
        lines.append(f"{command.replace('8080', self.port)}\nstatus=$?")
        if starts_receiver:
            lines.append(f"until {answers}; do :; done")
        lines.append(f"echo '{self.END}' $status")
        watch = threading.Timer(SECONDS, self.kill)
        watch.start()
        try:
            self.process.stdin.write("\n".join(lines) + "\n")
            self.process.stdin.flush()
            printed = ""
            for line in self.process.stdout:
                text, mark, status = line.partition(self.END)
                printed += text
                if mark:
                    return printed.replace(self.port, "8080"), int(status)
        finally:
            watch.cancel()
        raise AssertionError(f"$ {command}\ndid not end within {SECONDS} seconds\n{printed}")

    def kill(self) -> None:
        """End the shell and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.process.communicate()


def free_port() -> str:
    """Return a port below those of outgoing connections, or waiting could connect to itself."""
    for port in range(20_000 + os.getpid() % 10_000, 32_768):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return str(port)
    raise AssertionError("no free port")


class Runner:
    """Runs a page: its files, sessions, programs and commands."""

    def __init__(self, page: Path, folder: Path, work: Path) -> None:
        self.page = page
        self.work = work
        self.shared: dict[str, object] = {"__name__": "__main__"}
        self.sessions = doctest.DocTestRunner(optionflags=FLAGS)
        self.checker = doctest.OutputChecker()
        self.stack = ExitStack()
        self.folder = folder
        self.text = page.read_text("utf-8")
        self.updated = ""
        """The page with what its commands print now, as far as it was run."""
        self.shown_until = 0
        self._shell: Shell | None = None
        self._receiver: Receiver | None = None

    @property
    def shell(self) -> Shell:
        """The shell of the page."""
        if self._shell is None:
            self._shell = self.stack.enter_context(Shell(self.folder, self.work))
        return self._shell

    def local(self, text: str) -> str:
        """Return a text that sends to this machine where it says https://example.com/."""
        if "https://example.com/" not in text:
            return text
        if self._receiver is None:
            self._receiver = self.stack.enter_context(Receiver())
        return text.replace("https://example.com", self._receiver.url)

    def run(self) -> None:
        """Run the blocks in their order; raises AssertionError where one differs."""
        with self.stack, chdir(self.work):
            for block in blocks(self.text):
                name = block.option("file")
                if name:
                    self.write(name, block.body)
                elif block.option("run-by") or block.option("not-run"):
                    continue
                elif block.word == "pycon":
                    self.session(block)
                elif block.word == "python":
                    code = "\n" * block.line + self.local(block.body)
                    exec(compile(code, str(self.page), "exec"), self.shared)  # noqa: S102
                elif block.word == "console":
                    self.console(block)
            self.updated += self.text[self.shown_until :]

    def write(self, name: str, body: str) -> None:
        """Write a file that the page shows."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, "utf-8")

    def session(self, block: Block) -> None:
        """Run a Python session; its names stay for the next one."""
        test = doctest.DocTestParser().get_doctest(
            block.body, self.shared, self.page.name, str(self.page), block.line
        )
        test.globs = self.shared
        shown: list[str] = []
        failed = self.sessions.run(test, out=shown.append, clear_globs=False).failed
        assert not failed, "".join(shown)

    def console(self, block: Block) -> None:
        """Run commands; what they print is compared where it is shown."""
        for command, shown in block.commands:
            if is_elsewhere(command):
                continue
            printed, status = self.shell.run(self.local(command) if shown is None else command)
            place = f"{self.page.name}:{block.line}: $ {command}\n"
            if shown is None:
                assert status in STATUSES, f"{place}status {status}\n{printed}"
            elif "UPDATE_CASES" in os.environ:
                at = self.text.index(f"$ {command}\n{shown}", self.shown_until) + len(
                    f"$ {command}\n"
                )
                self.updated += self.text[self.shown_until : at] + printed
                self.shown_until = at + len(shown)
            elif not self.checker.check_output(shown, printed, FLAGS):
                difference = self.checker.output_difference(
                    doctest.Example(command, shown), printed, FLAGS
                )
                raise AssertionError(f"{place}{difference}")


def is_elsewhere(command: str) -> bool:
    """Whether a command is one of those that are looked at, not run: `make`, `pip install`."""
    words = command.partition("#")[0].split()
    if words[:1] == ["make"]:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
        for word in words[1:]:
            assert "=" in word or word in targets, f"{command}: the Makefile has no {word}"
        return True
    if words[:2] == ["pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        for extras in re.findall(r"webhook-stream\[([^\]]*)\]", command):
            for extra in extras.split(","):
                assert extra in project["optional-dependencies"], f"{command}: no extra {extra}"
        return True
    return False
