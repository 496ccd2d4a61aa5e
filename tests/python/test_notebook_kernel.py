"""A real kernel: the running report, the stop button, the cell magic, and the page about them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from webhook_stream.testing import Receiver

PAGE = Path(__file__).parents[2] / "docs" / "notebooks.md"
CELL = re.compile(r"^```ipython\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
LIMIT_SECONDS = 60.0
Message = dict[str, Any]


class Kernel:
    """A kernel of Jupyter with its cells."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager = manager
        self._client = client
        self.stopped_at = 0.0

    def run(self, code: str, stop: Callable[[Message], bool] = lambda _: False) -> list[Message]:
        """Run a cell, and return what it shows; press the stop button once when `stop` says so."""
        request = self._client.execute(code)
        self.stopped_at = 0.0
        messages: list[Message] = []
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            message = self._client.get_iopub_msg(timeout=deadline - time.monotonic())
            if message["parent_header"].get("msg_id") != request:
                continue
            content = {**message["content"], "type": message["header"]["msg_type"]}
            content["at"] = time.monotonic()
            if content.get("execution_state") == "idle":
                return messages
            messages.append(content)
            if not self.stopped_at and stop(content):
                self.stopped_at = time.monotonic()
                self._manager.interrupt_kernel()

    def text(self, code: str) -> str:
        """Run a cell that must not fail, and return what it prints and shows, as text."""
        messages = self.run(code)
        failed = [message for message in messages if message["type"] == "error"]
        assert not failed, failed
        printed = "".join(one["text"] for one in messages if one.get("name") == "stdout")
        values = [message["data"]["text/plain"] for message in messages if "data" in message]
        return "\n".join([printed, *values]).strip()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    # One for all: each takes seconds to start.
    folder = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def html_of(message: Message) -> str:
    return str(message.get("data", {}).get("text/html", ""))


def test_the_running_report_changes_in_place_and_stays(kernel: Kernel) -> None:
    kernel.text("import webhook_stream as ws")
    with Receiver([{"status": 200, "latency": 0.05}]) as receiver:
        code = f"""
sync = ws.Sync("demo", {receiver.url!r}, concurrency=2)
report = sync.run([{{"n": n}} for n in range(40)])
"""
        began = time.monotonic()
        messages = kernel.run(code)
        took = time.monotonic() - began
    first, *updates = [message for message in messages if "data" in message]
    assert first["type"] == "display_data"
    assert "starting" in html_of(first)
    display = first["transient"]["display_id"]
    assert {update["type"] for update in updates} == {"update_display_data"}
    assert {update["transient"]["display_id"] for update in updates} == {display}
    # At most five a second, and the last one, which says how it ended.
    assert 2 <= len(updates) <= took * 5 + 2
    assert "running" in html_of(updates[0])
    assert "done" in html_of(updates[-1])
    assert "40 delivered of 40" in updates[-1]["data"]["text/plain"]
    assert [message for message in messages if message["type"] == "stream"] == []


def test_the_stop_button_leaves_a_partial_report_and_what_can_be_resumed(kernel: Kernel) -> None:
    kernel.text("import itertools, webhook_stream as ws")
    # Ten are delivered; the four after them hang, and then all is well again.
    with Receiver([200] * 10 + ["hang"] * 4 + [200]) as receiver:
        kernel.text(f"url = {receiver.url!r}")
        messages = kernel.run(
            "sync = ws.Sync('demo', url, store='demo.db', concurrency=4)\n"
            "sync.run([{'n': n} for n in range(30)], wait='settled')",
            stop=lambda message: "10 delivered of 30" in str(message),
        )
        (error,) = [message for message in messages if message["type"] == "error"]
        assert error["ename"] == "KeyboardInterrupt"
        assert "demo: interrupted with 10 delivered and 20 pending in demo.db" in error["evalue"]
        assert "last_report" in error["evalue"]
        # The promise is 200 ms; here only an end is told from a hang.
        assert error["at"] - kernel.stopped_at < LIMIT_SECONDS / 2
        shown = [message for message in messages if message["type"] == "update_display_data"]
        assert "interrupted" in html_of(shown[-1])
        assert "20 pending deliveries are in demo.db" in html_of(shown[-1])
        report = "report = sync.last_report; report.interrupted, report.delivered, report.pending"
        assert kernel.text(report) == "(True, 10, 20)"
        # A kernel that is started anew goes on from the file.
        again = """
quick = ws.RetryPolicy(schedule=[0.1] * 9)
sync = ws.Sync("demo", url, store="demo.db", timeout_seconds=1, retry=quick)
report = sync.drain(timeout_seconds=60, progress=False)
report.delivered, sync.status()["pending"]
"""
        assert kernel.text(again) == "(20, 0)"


def test_a_template_in_a_cell_is_shown_with_what_it_renders(kernel: Kernel) -> None:
    kernel.text("%load_ext webhook_stream")
    kernel.text("events = [{'user': {'mail': 'ada@example.com'}}, {'user': {}}]")
    messages = kernel.run('%%ftl crm --event events\n{"mail": "${input.user.mail?json_string}"}')
    (shown,) = [message for message in messages if "data" in message]
    page = html_of(shown)
    assert "Template crm.ftl" in page
    assert "ada@example.com" in page
    assert "missing" in page
    assert "^^^" in page
    plain = shown["data"]["text/plain"]
    assert '"mail": "ada@example.com"' in plain
    assert "crm.ftl:1:" in plain
    assert kernel.text("crm.payload(events[0])") == "{'mail': 'ada@example.com'}"


def test_options_of_the_magic_are_expressions_of_the_notebook(kernel: Kernel) -> None:
    kernel.text("import webhook_stream as ws\n%load_ext webhook_stream")
    line = "%%ftl page --data \"{'name': 'Ada'}\" --settings settings --templates parts"
    cell = f'{line}\n<#include "head">${{name}} ${{1234.5}}'
    kernel.text("settings = ws.Settings.freemarker(locale='en_US')")
    kernel.text("parts = {'head': 'Dear '}")
    assert "Dear Ada 1,234.5" in kernel.text(cell)
    one = "%%ftl one --event '{\"a\": 1}'\n${input.a}"
    assert "\n1" in kernel.text(one)
    kernel.text("%unload_ext webhook_stream")
    (error,) = [message for message in kernel.run(one) if message["type"] in ("error", "stream")]
    assert "ftl" in str(error)


def test_a_template_that_does_not_compile_is_drawn_and_fails_the_cell(kernel: Kernel) -> None:
    kernel.text("%load_ext webhook_stream\ncrm = 'what it was'")
    messages = kernel.run("%%ftl crm\n{\n  ${input.\n}")
    (shown,) = [message for message in messages if "data" in message]
    assert "does not compile" in html_of(shown)
    (error,) = [message for message in messages if message["type"] == "error"]
    assert error["ename"] == "TemplateError"
    assert error["traceback"] == [f"TemplateError: {error['traceback'][0][15:]}"]
    assert error["traceback"][0].startswith("TemplateError: crm.ftl:")
    assert kernel.text("crm") == "'what it was'"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%%ftl", "expected the name of a variable"),
        ("%%ftl 1a", "found '1a'"),
        ("%%ftl a --event nothing_here", "nothing_here"),
        ("%%ftl a --event 1", "expected an event, or events, found int"),
        ("%%ftl a --settings 1", "expected Settings, found int"),
        ("%%ftl a --event {} --data {}", "found both"),
        ("%%ftl a --evnt {}", "--evnt"),
    ],
)
def test_a_wrong_option_says_what_was_expected(kernel: Kernel, line: str, words: str) -> None:
    kernel.text("%load_ext webhook_stream")
    messages = kernel.run(f"{line}\nx")
    assert words in str(messages)
    assert "Traceback" not in str(messages)


def test_the_cells_of_the_page_about_notebooks_give_what_it_says(kernel: Kernel) -> None:
    cells = CELL.findall(PAGE.read_text("utf-8"))
    assert len(cells) > 5
    for code, expected in cells:
        found = kernel.text(code)
        if expected:
            pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, found, re.DOTALL), f"{code}\ngave\n{found}"


def test_a_run_that_fails_says_so_in_its_display(kernel: Kernel) -> None:
    kernel.text("import webhook_stream as ws")
    code = "sync = ws.Sync('demo', 'http://127.0.0.1:9')\nsync.run('no such file')"
    messages = kernel.run(code)
    assert "EventError" in [message.get("ename") for message in messages]
    shown = [message for message in messages if message["type"] == "update_display_data"]
    assert "failed" in html_of(shown[-1])
    assert kernel.text("sync.last_report.interrupted") == "True"
    # A sync that can't start shows no display that waits for ever.
    code = "ws.Sync('demo', 'http://127.0.0.1:9', enabled=False).run([])"
    assert [message for message in kernel.run(code) if "data" in message] == []
