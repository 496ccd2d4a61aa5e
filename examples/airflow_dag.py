"""A DAG with `@task.webhook_stream`: a function yields events, each is delivered or accounted for.

Needs a connection `webhook_default` of type `webhook`:

    airflow connections add webhook_default --conn-type webhook \
        --conn-host https://example.com/webhook \
        --conn-password "$BRAZE_TOKEN" \
        --conn-extra '{"headers": {"Authorization": "Bearer ${secrets.password}"}}'
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def orders_to_braze() -> None:
    """Send the orders of an hour to Braze, through the template beside this file."""

    # Without a worker while the receiver is down: the task defers until the next attempt is due.
    @task.webhook_stream(template="braze.ftl", event_key="order_id", deferrable=True, retries=2)
    def send_orders(ds: str) -> Iterator[dict[str, Any]]:
        """Yield the events; from a database, page by page, they may be more than memory holds."""
        for number in range(3):
            yield {
                "order_id": f"{ds}-{number}",
                "event_type": "Order Completed",
                "event_time": ds,
                "user_id": f"user-{number}",
                "user_properties": {"email": f"user-{number}@example.com"},
            }

    @task
    def tell(counts: dict[str, Any]) -> str:
        """Say what became of them: the XCom of the task above is a small dict of counts."""
        return f"{counts['delivered']} of {counts['accepted']} delivered"

    tell(send_orders())


orders_to_braze()
