"""webhook_stream in Airflow, 2.11 and 3: a connection type, an operator, ``@task.webhook_stream``.

Nothing of Airflow is imported before one of the names is used. ``docs/airflow.md`` shows a DAG.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webhook_stream.airflow.hooks import WebhookStreamHook
    from webhook_stream.airflow.operators import WebhookStreamOperator
    from webhook_stream.airflow.triggers import WebhookStreamTrigger

__all__ = ["WebhookStreamHook", "WebhookStreamOperator", "WebhookStreamTrigger"]

_MODULES = {
    "WebhookStreamHook": "hooks",
    "WebhookStreamOperator": "operators",
    "WebhookStreamTrigger": "triggers",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
