"""The DAGs of the tests, as small as can be; what they send is in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import webhook_stream as ws
from webhook_stream.airflow import WebhookStreamOperator

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow.decorators import task
    from airflow.models.dag import DAG

START = datetime(2026, 1, 1, tzinfo=UTC)
SOON = ws.RetryPolicy(schedule=[1, 1], jitter=0, tries=1)
AT_ONCE = ws.RetryPolicy(schedule=[0.1], jitter=0, tries=1)


def paths() -> list[str]:
    """Return the files that the test wrote."""
    return list(json.loads(os.environ.get("TEST_SOURCES", "[]")))


with DAG("recovers", schedule=None, start_date=START):
    WebhookStreamOperator(
        task_id="send",
        source=paths(),
        retry=SOON,
        deferrable=True,
    )

with DAG("gives_up", schedule=None, start_date=START):
    WebhookStreamOperator(task_id="send", source=paths(), retry=AT_ONCE, event_key="id")

with DAG("mended", schedule=None, start_date=START):
    WebhookStreamOperator(task_id="send", source=paths(), retry=AT_ONCE, event_key="id")

with DAG("no_events", schedule=None, start_date=START):
    WebhookStreamOperator(task_id="send", source=paths(), retry=AT_ONCE)

with DAG("forgives", schedule=None, start_date=START):
    WebhookStreamOperator(task_id="send", source=paths(), retry=AT_ONCE, max_dead=1)

with DAG("mapped", schedule=None, start_date=START):
    WebhookStreamOperator.partial(task_id="send", retry=AT_ONCE, event_key="id").expand(
        source=paths() or ["none"]
    )

with DAG("retried", schedule=None, start_date=START):

    @task.webhook_stream(event_key="id", retry=AT_ONCE, retries=1, retry_delay=timedelta(seconds=1))
    def generate(ti: Any = None) -> Iterator[dict[str, Any]]:
        """Yield three events, and break at the second the first time."""
        yield {"id": 1}
        if ti.try_number == 1:
            message = "the first try breaks"
            raise RuntimeError(message)
        yield {"id": 2}
        yield {"id": 3}

    generate()

with DAG("defers", schedule=None, start_date=START):
    WebhookStreamOperator(
        task_id="send",
        source=paths(),
        webhook_conn_id="down",
        # Longer than what is waited for in the task.
        retry=ws.RetryPolicy(schedule=[20, 5], jitter=0, tries=1),
        deferrable=True,
    )

with DAG("killed", schedule=None, start_date=START):
    WebhookStreamOperator(task_id="send", source=paths(), webhook_conn_id="hanging")
