"""The pytest plugin of webhook_stream: tests of templates, and fixtures for streams.

Collects ``*.ftltest.yaml`` and ``x.event.json`` beside ``x.ftl``. A package of its own, so that a
test run that uses none of it loads nothing of webhook_stream: only the standard library and pytest
are imported here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from webhook_stream import Settings, Template, _core
    from webhook_stream.testing import Receiver, VirtualClock

_ENDINGS = (".ftltest.yaml", ".ftltest.yml", ".event.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options ``--ftl-…``."""
    group = parser.getgroup("webhook_stream", "tests of webhook templates")
    group.addoption(
        "--ftl-update",
        action="store_true",
        help="write what the templates give now where it differs from what is expected",
    )
    group.addoption(
        "--ftl-drop-fields",
        action="store_true",
        help="also drop each field that a template reads, one at a time, and show what breaks",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to update where nobody would read the difference."""
    if config.getoption("--ftl-update") and os.environ.get("CI"):
        message = "--ftl-update is refused where CI is set: what is expected is for people to write"
        raise pytest.UsageError(message)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show where a payload and what a test expects differ, as JSON."""
    payload, expected = (left, right) if isinstance(left, _PAYLOADS) else (right, left)
    if op != "==" or not isinstance(payload, _PAYLOADS):
        return None
    # Payloads come from the core, so it loads; only failures get here.
    import json

    from webhook_stream._core import json_difference

    try:
        difference = json_difference(json.dumps(expected), json.dumps(payload))
    except (TypeError, ValueError):
        # It is compared with something that is no JSON, such as `pytest.approx`.
        return None
    return None if difference is None else ["the payload differs", *difference.splitlines()]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TemplateFile | None:
    """Collect a file of template tests."""
    if not file_path.name.endswith(_ENDINGS):
        return None
    if file_path.name.endswith(".event.json"):
        stem = file_path.name.removesuffix(".event.json")
        # An event with an expected payload is a test whose template is missing.
        beside = (file_path.with_name(f"{stem}{end}") for end in (".ftl", ".expected.json"))
        if not any(path.is_file() for path in beside):
            return None
    return TemplateFile.from_parent(parent, path=file_path)


class TemplateFile(pytest.File):
    """A file of template tests."""

    def collect(self) -> Iterator[TemplateCase]:
        """Yield its cases."""
        try:
            from webhook_stream import WebhookStreamError, _core
        except ImportError as error:
            message = f"the core of webhook_stream does not load: {error}"
            raise self.CollectError(message) from None
        try:
            suite = _core.TemplateSuite(os.fspath(self.path))
        except WebhookStreamError as error:
            raise self.CollectError(str(error)) from None
        for index, (name, line) in enumerate(suite.cases()):
            yield TemplateCase.from_parent(self, name=name, suite=suite, index=index, line=line)


class TemplateCase(pytest.Item):
    """One case of a template test."""

    def __init__(
        self,
        name: str,
        parent: TemplateFile,
        suite: _core.TemplateSuite,
        index: int,
        line: int,
    ) -> None:
        super().__init__(name, parent)
        self._suite = suite
        self._index = index
        self._line = line

    def runtest(self) -> None:
        """Run the case; with ``--ftl-update``, write down what it gives."""
        if self.config.getoption("--ftl-drop-fields"):
            for field, breaks in self._suite.drop_each_field(self._index):
                first = breaks.splitlines()[0] if breaks else "copes"
                self.user_properties.append(("ftl-drop-fields", f"{field}: {first}"))
        difference = self._suite.run(self._index)
        if difference is None:
            return
        if self.config.getoption("--ftl-update") and self._suite.update(self._index):
            self.user_properties.append(("ftl-update", "updated"))
            return
        raise _DifferentError(difference)

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,
    ) -> Any:
        """Show the difference, not a traceback."""
        if isinstance(excinfo.value, _DifferentError):
            return f"{self.path.name}:{self._line}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return file, line (from 0) and name."""
        return self.path, self._line - 1, self.name


class _DifferentError(Exception):
    """Something else came out than what is expected."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was updated, and what breaks without a field."""
    updated, dropped = [], []
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == "ftl-update":
                updated.append(report.nodeid)
            elif name == "ftl-drop-fields":
                dropped.append(f"{report.nodeid}: without {value}")
    for title, lines in (("template tests updated", updated), ("dropped fields", dropped)):
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)


class PayloadObject(dict[str, Any]):
    """A payload that is an object: a `dict` whose differences are shown as JSON."""


class PayloadList(list[Any]):
    """A payload that is a list: a `list` whose differences are shown as JSON."""


_PAYLOADS = (PayloadObject, PayloadList)

_Path: TypeAlias = "str | os.PathLike[str]"
_Event: TypeAlias = "Mapping[str, Any] | str | bytes"


class Templates:
    """Templates beside the test: the fixture ``ftl``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def template(
        self, path: _Path, *, settings: Settings | None = None, templates: Iterable[str] = ()
    ) -> Template:
        """Return the compiled template of a file, looked for beside the test.

        ``templates`` are the files that it may include and import, also from beside the test.
        """
        from webhook_stream import Template

        others = {name: (self._folder / name).read_text("utf-8") for name in templates}
        return Template.from_file(self._folder / path, settings=settings, templates=others)

    def render(
        self,
        path: _Path,
        event: _Event,
        *,
        settings: Settings | None = None,
        templates: Iterable[str] = (),
    ) -> str:
        """Return the text that a template gives for an event."""
        return self.template(path, settings=settings, templates=templates).render(event)

    def payload(
        self,
        path: _Path,
        event: _Event,
        *,
        settings: Settings | None = None,
        templates: Iterable[str] = (),
    ) -> Any:
        """Return the payload that a template gives for an event, parsed."""
        template = self.template(path, settings=settings, templates=templates)
        payload = template.payload(event)
        if isinstance(payload, dict):
            return PayloadObject(payload)
        return PayloadList(payload) if isinstance(payload, list) else payload


@pytest.fixture
def ftl(request: pytest.FixtureRequest) -> Templates:
    """Return templates beside the test: ``ftl.payload("crm.ftl", event)``."""
    return Templates(request.path.parent)


@pytest.fixture
def webhook_receiver() -> Iterator[Receiver]:
    """Start a receiver on this machine that answers 200; its ``requests`` are what came."""
    from webhook_stream.testing import Receiver

    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook_store(tmp_path: Path) -> str:
    """Return the path of an empty store, for ``Sync(store=…)``."""
    return os.fspath(tmp_path / "webhook_store.db")


@pytest.fixture
def webhook_clock() -> VirtualClock:
    """Return a clock for ``Sync(clock=…)``: ``webhook_clock.advance("4h")`` takes milliseconds."""
    from webhook_stream.testing import VirtualClock

    return VirtualClock()
