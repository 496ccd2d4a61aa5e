"""How a running report is shown: in place in a notebook or terminal, now and then in a pipe.

The core calls for it at most five times a second, from the thread that waits.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from webhook_stream._report import Report

    _State = Literal["done", "interrupted", "failed"]

Figures = Mapping[str, Any]
Show = Callable[[Figures], None]
End = Callable[["Report", "_State"], None]

_logger = logging.getLogger("webhook_stream.run")
_SECONDS_BETWEEN_LOG_LINES = 10.0


def choose(progress: bool | Show | None, name: str) -> tuple[Show, End]:
    """Return what is called with the figures, and what ends the display with the report."""
    if callable(progress):
        return progress, _nothing
    if progress is False:
        return _ignore, _nothing
    if _in_notebook():
        return _notebook(name)
    if sys.stderr is not None and sys.stderr.isatty():
        return _terminal(name)
    return _log(name), _nothing


def line(name: str, figures: Figures) -> str:
    """Return the figures as one line."""
    parts = [f"{name}: {figures['delivered']:,} delivered of {figures['accepted']:,}"]
    parts += [
        f"{figures[what]:,} {what}"
        for what in ("pending", "expired", "discarded", "filtered", "invalid")
        if figures[what]
    ]
    return f"{', '.join(parts)}, {figures['events_per_second']:,.0f}/s"


def _ignore(_figures: Figures) -> None:
    pass


def _nothing(_report: Report, _state: _State) -> None:
    pass


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class _Running:
    """A run's figures as they are now: HTML for a notebook, a line where that can't be shown."""

    def __init__(
        self, name: str, figures: Figures | None, state: str, notes: tuple[str, ...] = ()
    ) -> None:
        self._name = name
        self._figures = figures
        self._state = state
        self._notes = notes

    def __repr__(self) -> str:
        if self._figures is None:
            return f"{self._name}: {self._state}"
        return f"{line(self._name, self._figures)}, {self._state}"

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.running(self._name, self._figures, self._state, self._notes)


def _notebook(name: str) -> tuple[Show, End]:
    from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

    # A display with an id stays in the saved notebook, and needs no widget package.
    handle = display(_Running(name, None, "starting"), display_id=True)  # type: ignore[no-untyped-call,unused-ignore]

    def show(figures: Figures) -> None:
        handle.update(_Running(name, figures, "running"))

    def end(report: Report, state: _State) -> None:
        handle.update(_Running(name, report.to_dict(), state, report.notes))

    return show, end


def _terminal(name: str) -> tuple[Show, End]:
    def show(figures: Figures) -> None:
        sys.stderr.write(f"\r\x1b[2K{line(name, figures)}")
        sys.stderr.flush()

    def end(_report: Report, _state: _State) -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

    return show, end


def _log(name: str) -> Show:
    last = time.monotonic()

    def show(figures: Figures) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LOG_LINES:
            last = time.monotonic()
            _logger.info("%s", line(name, figures))

    return show
