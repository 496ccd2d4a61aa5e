"""How a running report is shown: in place in a notebook or terminal, now and then in a pipe."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Figures = Mapping[str, Any]
Show = Callable[[Figures], None]

_logger = logging.getLogger("webhook_stream.run")
_SECONDS_BETWEEN_LOG_LINES = 10.0


def choose(progress: bool | Show | None, name: str) -> tuple[Show, Callable[[], None]]:
    """Return what is called with the figures, and what ends the display."""
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


def _nothing() -> None:
    pass


def _ignore(_figures: Figures) -> None:
    pass


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _notebook(name: str) -> tuple[Show, Callable[[], None]]:
    from IPython.display import HTML, display  # type: ignore[import-not-found,unused-ignore]

    handle = display(HTML(f"<pre>{name}: starting</pre>"), display_id=True)  # type: ignore[no-untyped-call,unused-ignore]

    def show(figures: Figures) -> None:
        handle.update(HTML(f"<pre>{line(name, figures)}</pre>"))  # type: ignore[no-untyped-call,unused-ignore]

    return show, _nothing


def _terminal(name: str) -> tuple[Show, Callable[[], None]]:
    def show(figures: Figures) -> None:
        sys.stderr.write(f"\r\x1b[2K{line(name, figures)}")
        sys.stderr.flush()

    def end() -> None:
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
