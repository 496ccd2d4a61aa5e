"""Metrics of syncs for Prometheus; ``pip install "webhook-stream[prometheus]"``.

>>> from prometheus_client import CollectorRegistry, generate_latest
>>> from webhook_stream import Sync
>>> from webhook_stream.testing import Receiver
>>> registry = CollectorRegistry()
>>> with Receiver() as receiver:
...     sync = Sync("demo", receiver.url)
...     registry.register(SyncCollector(sync))
...     report = sync.run([{"event_type": "Login"}], progress=False)
>>> [line for line in generate_latest(registry).decode().splitlines() if "delivered_total" in line]
['...', '...', 'webhook_stream_events_delivered_total{sync="demo"} 1.0', ...]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from webhook_stream._errors import WebhookStreamError
from webhook_stream._metrics import COUNTERS, GAUGES, RATE, STORE_GAUGES, unique
from webhook_stream._sync import Sync

__all__ = ["SyncCollector"]

_LATENCY = "latency_in_seconds"
_READABLE = "store_readable"


class SyncCollector(Collector):
    """Reads the figures of syncs when it is asked: ``REGISTRY.register(SyncCollector(sync))``.

    Series are named ``webhook_stream_…`` and have the label ``sync``. ``store=False`` leaves out
    what is read from the syncs' stores.
    """

    def __init__(self, *syncs: Sync, store: bool = True) -> None:
        self._syncs = unique(syncs)
        self._store = store

    def describe(self) -> Iterable[Metric]:
        """Return the series without values, so that registering reads nothing."""
        return self._families().values()

    def collect(self) -> Iterator[Metric]:
        """Yield the series with the figures now."""
        families = self._families()
        for sync in self._syncs:
            figures = sync.metrics()
            labels = [sync.name]
            for name, (key, _) in {**COUNTERS, **GAUGES, **RATE}.items():
                families[name].add_metric(labels, figures[key])
            latency = figures["latency_seconds"]
            buckets = [(str(limit), count) for limit, count in latency["up_to"]]
            buckets.append(("+Inf", latency["count"]))
            families[_LATENCY].add_metric(labels, buckets, latency["sum"])
            if self._store:
                _add_store(families, sync)
        yield from families.values()

    def _families(self) -> dict[str, Any]:
        labels = ["sync"]

        def full(name: str) -> str:
            return f"webhook_stream_{name}"

        families: dict[str, Any] = {
            name: CounterMetricFamily(full(name), about, labels=labels)
            for name, (_, about) in COUNTERS.items()
        }
        gauges = {**GAUGES, **RATE, **(STORE_GAUGES if self._store else {})}
        for name, (_, about) in gauges.items():
            families[name] = GaugeMetricFamily(full(name), about, labels=labels)
        families[_LATENCY] = HistogramMetricFamily(
            full(_LATENCY), "From accepted to delivered, in seconds.", labels=labels
        )
        if self._store:
            about = "Whether the store could be looked into: 1 or 0."
            families[_READABLE] = GaugeMetricFamily(full(_READABLE), about, labels=labels)
        return families


def _add_store(families: dict[str, Any], sync: Sync) -> None:
    try:
        status = sync.status()
    except WebhookStreamError:
        # One store that can't be read must not take the other series along.
        families[_READABLE].add_metric([sync.name], 0)
        return
    families[_READABLE].add_metric([sync.name], 1)
    oldest = status["oldest_pending"]
    now = datetime.now(UTC)
    age = (now - datetime.fromisoformat(oldest)).total_seconds() if oldest else 0.0
    families["dead_letters"].add_metric([sync.name], status["dead"])
    families["oldest_pending_seconds"].add_metric([sync.name], max(age, 0.0))
