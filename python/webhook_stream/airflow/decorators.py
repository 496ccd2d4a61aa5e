"""``@task.webhook_stream``: a function whose events are sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from webhook_stream import Event, Source, read
from webhook_stream.airflow._compat import (
    AirflowException,
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from webhook_stream.airflow.operators import WebhookStreamOperator


class WebhookStreamDecoratedOperator(
    DecoratedOperator,  # type: ignore[misc,unused-ignore]
    WebhookStreamOperator,
):
    """Sends what a function returns: an iterable or generator of events, a path, ``ws.read()``.

    A generator is read while its events are sent, so it may be longer than memory.
    """

    custom_operator_name = "@task.webhook_stream"
    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *(name for name in WebhookStreamOperator.template_fields if name != "source"),
    )
    template_fields_renderers = DecoratedOperator.template_fields_renderers

    def __init__(self, **kwargs: Any) -> None:
        if "source" in kwargs:
            message = "source: the function of @task.webhook_stream returns the events"
            raise TypeError(message)
        super().__init__(source=None, **kwargs)

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function, and send what it returns."""
        # In place: a copy would read every variable of the context, old ones too.
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        return self._send(context, _events(self.python_callable(*self.op_args, **kwargs)))


def webhook_stream_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> Callable[..., Any]:
    """Make a task of a function that returns events; the keywords are those of the operator."""
    decorated: Callable[..., Any] = task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=WebhookStreamDecoratedOperator,
        **kwargs,
    )
    return decorated


def _events(returned: Any) -> Source | Iterable[Event]:
    if isinstance(returned, str | os.PathLike):
        return read(returned)
    if isinstance(returned, Mapping | bytes) or not isinstance(returned, Iterable):
        message = (
            "@task.webhook_stream: expected an iterable of events, a path or ws.read(), "
            f"found {type(returned).__name__}"
        )
        if isinstance(returned, Mapping):
            message += ": a single event stands in a list"
        raise AirflowException(message)
    return returned
