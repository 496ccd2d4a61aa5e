"""webhook_stream: a stream of JSON events to any webhook.

Filtered, shaped by a FreeMarker template, and delivered even if the receiver is down for hours.

>>> import webhook_stream as ws
>>> from webhook_stream.testing import Receiver
>>> template = ws.Template('{"user": "${input.user_id}"}', name="user.ftl")
>>> template.payload({"user_id": "ada"})
{'user': 'ada'}
>>> with Receiver() as receiver:
...     sync = ws.Sync("demo", receiver.url, template=template)
...     report = sync.run([{"user_id": "ada"}, {"user_id": "bob"}], progress=False)
>>> report.delivered, sorted(request.body for request in receiver.requests)
(2, [b'{"user": "ada"}', b'{"user": "bob"}'])
"""

from typing import Any as _Any

from webhook_stream._core import Filter, Finding, RetryPolicy, Settings, Template, __version__
from webhook_stream._errors import (
    ConfigError,
    DeliveryError,
    EventError,
    FilterError,
    StoreError,
    TemplateError,
    WebhookStreamError,
)
from webhook_stream._report import Attempts, Report
from webhook_stream._shown import DeadLetters
from webhook_stream._sync import Event, Source, Stream, Sync, load_syncs, read
from webhook_stream._table import Table

__all__ = [
    "Attempts",
    "ConfigError",
    "DeadLetters",
    "DeliveryError",
    "Event",
    "EventError",
    "Filter",
    "FilterError",
    "Finding",
    "Report",
    "RetryPolicy",
    "Settings",
    "Source",
    "StoreError",
    "Stream",
    "Sync",
    "Table",
    "Template",
    "TemplateError",
    "WebhookStreamError",
    "__version__",
    "load_syncs",
    "read",
]


def load_ipython_extension(ipython: _Any) -> None:
    """Bring the cell magic ``%%ftl``; called by ``%load_ext webhook_stream``."""
    from webhook_stream import notebook

    notebook.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: _Any) -> None:
    """Take ``%%ftl`` away again; called by ``%unload_ext webhook_stream``."""
    from webhook_stream import notebook

    notebook.unload_ipython_extension(ipython)
