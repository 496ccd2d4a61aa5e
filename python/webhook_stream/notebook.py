"""The cell magic ``%%ftl``: a template is written in a cell, and seen at work below it.

``%load_ext webhook_stream`` brings it::

    %%ftl purchase --event events[0]
    {"user": "${input.user_id?json_string}"}

The cell's text becomes the :class:`Template` ``purchase``. With a sample event, what it renders is
shown beside the event, and so is an error, drawn with its caret. ``%%ftl?`` lists the options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from json import dumps
from typing import TYPE_CHECKING, Any, NoReturn

from webhook_stream import _html
from webhook_stream._core import Settings, Template
from webhook_stream._errors import TemplateError, WebhookStreamError

if TYPE_CHECKING:
    from argparse import Namespace

    from webhook_stream._findings import Findings

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

MAX_EVENTS = 3
"""Events of an iterable that are rendered and shown."""

_EXAMPLE = "for example: %%ftl purchase --event events[0]"


def load_ipython_extension(ipython: Any) -> None:
    """Register ``%%ftl``; called by ``%load_ext webhook_stream``."""

    def ftl(line: str, cell: str) -> None:
        _ftl(ipython, line, cell)

    ftl.__doc__ = _ftl.__doc__
    ipython.register_magic_function(ftl, "cell", "ftl")


def unload_ipython_extension(ipython: Any) -> None:
    """Take ``%%ftl`` away; called by ``%unload_ext webhook_stream``."""
    ipython.magics_manager.magics["cell"].pop("ftl", None)


def _ftl(ipython: Any, line: str, cell: str) -> None:
    """Make a template of the cell, show it, and render it with sample events.

    %%ftl NAME [--event EXPR] [--data EXPR] [--settings EXPR] [--templates EXPR]

    NAME              the variable that becomes the Template; its errors call it NAME.ftl
    --event EXPR      a sample event, bound to `input`: a dict or JSON text; of an iterable of
                      events the first three
    --data EXPR       a mapping instead, whose keys are the top-level variables
    --settings EXPR   Settings, such as ws.Settings.freemarker()
    --templates EXPR  a mapping of names to sources, for <#include> and <#import>

    EXPR is a Python expression; one with blanks stands in quotes: --event "events[0] | {'a': 1}".

    A template that does not compile is shown with the mistake marked, and the cell fails; NAME then
    keeps what it was. One that fails with a sample event is shown with the error drawn beside it.
    """
    options = _options(line)
    # IPython ends every cell with a line break, which is not the template's.
    source = cell.removesuffix("\n")
    settings = _evaluated(ipython, "settings", options.settings, Settings)
    templates = _evaluated(ipython, "templates", options.templates, Mapping)
    events = _samples(_evaluated(ipython, "event", options.event, object))
    data = _evaluated(ipython, "data", options.data, Mapping)
    try:
        template = Template(
            source, name=f"{options.name}.ftl", settings=settings, templates=templates
        )
    except TemplateError as error:
        _refuse(source, error)
    rows = [_rendered(template, event) for event in events]
    if data is not None:
        rows.append(_rendered(template, data, as_event=False))
    found = template.check(events) if events else template.check()
    ipython.push({options.name: template})
    _display(_Written(template, rows, found))


class _Written:
    """A template that was written in a cell, with what it makes of the sample events."""

    def __init__(self, template: Template, rows: list[dict[str, Any]], found: Findings) -> None:
        self._template = template
        self._rows = rows
        self._found = found

    def __repr__(self) -> str:
        parts = [repr(self._template)]
        for row in self._rows:
            payload = row["payload"]
            if payload is not None:
                parts.append(payload if isinstance(payload, str) else dumps(payload, indent=2))
            if row["error"]:
                parts.append(row["error"])
        return "\n\n".join([*parts, str(self._found)] if self._found else parts)

    def _repr_html_(self) -> str:
        return _html.written(self._template, self._rows, self._found)


class _Broken:
    """The text of a cell that is no template, and why."""

    def __init__(self, source: str, error: TemplateError) -> None:
        self._source = source
        self._error = error

    def __repr__(self) -> str:
        return str(self._error)

    def _repr_html_(self) -> str:
        return _html.broken_template(self._source, self._error)


def _refuse(source: str, error: TemplateError) -> NoReturn:
    """Show what is wrong, and let the cell fail without a trace through this module."""
    _display(_Broken(source, error))
    short = f"TemplateError: {error.name}:{error.line}:{error.column}: {error.message}"
    # What IPython asks an exception for, in place of the trace.
    error._render_traceback_ = lambda: [short]  # type: ignore[attr-defined]
    raise error from None


def _rendered(template: Template, sample: Any, *, as_event: bool = True) -> dict[str, Any]:
    """Return a row of what a template makes of a sample, as a preview has them."""
    row: dict[str, Any] = {"event": sample, "outcome": "renders", "payload": None, "error": None}
    try:
        if as_event:
            row["payload"] = template.render(sample)
            row["payload"] = template.payload(sample)
        else:
            row["payload"] = template.render_data(sample)
    except (WebhookStreamError, TypeError, ValueError) as error:
        row["outcome"], row["error"] = "fails", str(error)
    return row


def _samples(given: object) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, Mapping | str | bytes):
        return [given]
    if not isinstance(given, Iterable):
        _usage(f"--event: expected an event, or events, found {type(given).__name__}")
    return list(islice(given, MAX_EVENTS))


def _options(line: str) -> Namespace:
    # Its errors are short messages, not the end of the process.
    from IPython.core.magic_arguments import MagicArgumentParser

    make: Any = MagicArgumentParser
    parser = make("%%ftl", add_help=False)
    parser.add_argument("name", nargs="?")
    for option in ("event", "data", "settings", "templates"):
        parser.add_argument(f"--{option}")
    options: Namespace = parser.parse_argstring(line)
    if options.name is None:
        _usage(f"%%ftl: expected the name of a variable for the template; {_EXAMPLE}")
    if not options.name.isidentifier():
        _usage(f"%%ftl: expected the name of a variable, found {options.name!r}; {_EXAMPLE}")
    if options.event is not None and options.data is not None:
        _usage("%%ftl: expected --event or --data, found both")
    return options


def _evaluated(ipython: Any, option: str, expression: str | None, kind: type[Any]) -> Any:
    """Return the value of an option's expression in the notebook; None when it is not given."""
    if expression is None:
        return None
    if expression[:1] in "\"'" and expression[:1] == expression[-1:] and len(expression) > 1:
        expression = expression[1:-1]
    try:
        value = ipython.ev(expression)
    except Exception as error:
        _usage(f"--{option}: {expression} is no Python expression here: {error}")
    if not isinstance(value, kind):
        _usage(f"--{option}: expected {kind.__name__}, found {type(value).__name__}")
    return value


def _usage(message: str) -> NoReturn:
    from IPython.core.error import UsageError

    raise UsageError(message)


def _display(shown: object) -> None:
    from IPython.display import display

    display(shown)  # type: ignore[no-untyped-call]
