"""The exceptions, one screen."""

from __future__ import annotations


class WebhookStreamError(Exception):
    """The base of everything webhook_stream raises.

    ``str(error)`` draws the line of the template, filter or file with a caret where there is one.
    """

    kind: str
    """What kind of mistake it is, for programs; ``docs/errors.md`` lists them."""
    message: str
    """What is wrong, in one sentence."""
    name: str | None
    """The template, file or sync it is about."""
    line: int | None
    """The line, from 1."""
    column: int | None
    """The column in characters, from 1."""
    hint: str | None
    """What to do about it."""

    def __init__(
        self,
        text: str,
        kind: str = "error",
        message: str | None = None,
        name: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        # All of it goes to `args`, so that the error pickles as it is.
        super().__init__(text, kind, message, name, line, column, hint)
        self.kind = kind
        self.message = text if message is None else message
        self.name = name
        self.line = line
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        return str(self.args[0])


class TemplateError(WebhookStreamError, ValueError):
    """A template is wrong. ``str(error)`` shows where, and what was expected there."""


class FilterError(WebhookStreamError, ValueError):
    """A filter is wrong, or can't decide about an event."""


class EventError(WebhookStreamError, ValueError):
    """An event can't be read: no JSON, no object, or a Python value that JSON doesn't have."""


class ConfigError(WebhookStreamError, ValueError):
    """A sync can't be set up: an option, ``syncs.toml``, a header, a URL or a secret."""


class StoreError(WebhookStreamError, RuntimeError):
    """The store can't be used, or can't keep what it is given."""


class DeliveryError(WebhookStreamError, RuntimeError):
    """A run can't go on, or its report is worse than was asked for."""
