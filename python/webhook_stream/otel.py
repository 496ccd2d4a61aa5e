"""Metrics and spans of syncs for OpenTelemetry; ``pip install "webhook-stream[otel]"``.

>>> from opentelemetry.sdk.metrics import MeterProvider
>>> from opentelemetry.sdk.metrics.export import InMemoryMetricReader
>>> from webhook_stream import Sync
>>> from webhook_stream.testing import Receiver
>>> reader = InMemoryMetricReader()
>>> with Receiver() as receiver:
...     sync = Sync("demo", receiver.url)
...     instrumentation = instrument(sync, meter_provider=MeterProvider([reader]))
...     report = sync.run([{"event_type": "Login"}], progress=False)
>>> [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
>>> {metric.name: metric.data.data_points[0].value for metric in scope.metrics}
{'webhook_stream.events_delivered': 1, ...}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import TracerProvider

from webhook_stream import _core
from webhook_stream._metrics import COUNTERS, GAUGES, RATE, unique
from webhook_stream._sync import Sync

__all__ = ["Instrumentation", "instrument"]

_NAME = "webhook_stream"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Instrumentation:
    """The instruments of some syncs, as :func:`instrument` gives them."""

    def __init__(
        self, syncs: tuple[Sync, ...], observe: Callable[[str, str, _core.Run], Any]
    ) -> None:
        self._syncs = syncs
        self._observe = observe
        for sync in syncs:
            sync._observers.append(observe)

    def uninstrument(self) -> None:
        """Give no more figures, and make no more spans."""
        for sync in self._syncs:
            sync._observers.remove(self._observe)
        self._syncs = ()


def instrument(
    *syncs: Sync,
    meter_provider: MeterProvider | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Instrumentation:
    """Measure these syncs: observable instruments, and one span for each run.

    Instruments are named ``webhook_stream.…`` and have the attribute ``sync``. A span is named
    ``webhook_stream.run`` (``drain``, ``replay``, ``open``), and has the run's figures when it
    ends. Without providers the global ones are used.
    """
    tracer = trace.get_tracer(_NAME, _core.__version__, tracer_provider)

    @contextmanager
    def observe(name: str, verb: str, run: _core.Run) -> Iterator[None]:
        attributes = {f"{_NAME}.sync": name}
        with tracer.start_as_current_span(f"{_NAME}.{verb}", attributes=attributes) as span:
            try:
                yield
            finally:
                figures, _, _ = run.report()
                for key in ("accepted", "delivered", "pending", "expired", "discarded"):
                    span.set_attribute(f"{_NAME}.events_{key}", figures[key])
                span.set_attribute(f"{_NAME}.delivery_rate", figures["delivery_rate"])
                span.set_attribute(f"{_NAME}.tries", figures["tries"])

    instrumentation = Instrumentation(unique(syncs), observe)
    meter = metrics.get_meter(_NAME, _core.__version__, meter_provider)

    def reads(key: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_options: CallbackOptions) -> Iterator[Observation]:
            for sync in instrumentation._syncs:
                yield Observation(sync.metrics()[key], {"sync": sync.name})

        return callback

    def latency(_options: CallbackOptions) -> Iterator[Observation]:
        for sync in instrumentation._syncs:
            figures = sync.metrics()["latency_seconds"]
            for name, quantile in _QUANTILES.items():
                if figures[name] is not None:
                    yield Observation(figures[name], {"sync": sync.name, "quantile": quantile})

    for name, (key, about) in COUNTERS.items():
        meter.create_observable_counter(
            f"{_NAME}.{name}", [reads(key)], unit=_unit(name), description=about
        )
    for name, (key, about) in {**GAUGES, **RATE}.items():
        unit = "1" if name in RATE else _unit(name)
        meter.create_observable_gauge(f"{_NAME}.{name}", [reads(key)], unit, about)
    about = "From accepted to delivered; the attribute `quantile` says which share took no longer."
    meter.create_observable_gauge(f"{_NAME}.latency_in_seconds", [latency], "s", about)
    return instrumentation


def _unit(name: str) -> str:
    """Return the unit in the notation of OpenTelemetry: what is counted, in braces."""
    return {"attempts": "{attempt}", "tries": "{try}"}.get(name, "{event}")
