"""Prometheus and OpenTelemetry, with their own packages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import webhook_stream as ws
from webhook_stream.otel import instrument
from webhook_stream.prometheus import SyncCollector
from webhook_stream.testing import Receiver, VirtualClock

# The keys of the answer of Amplitude's metrics API, without those about its period.
AMPLITUDE = (
    "eventsDelivered",
    "eventsNotDelivered",
    "deliveryRate",
    "latencyInSeconds",
    "successOnFirstAttempt",
    "successAfterRetry",
    "eventsExpired",
    "eventsDiscarded",
)


def scrape(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """Return the samples of the text that Prometheus would get."""
    text = generate_latest(registry).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            limit = sample.labels.get("le", "")
            found[sample.name.removeprefix("webhook_stream_") + limit, sample.labels["sync"]] = (
                sample.value
            )
    return found


def test_metrics_have_amplitudes_names_and_add_up_over_runs() -> None:
    with Receiver([503, 200]) as receiver:
        retry = ws.RetryPolicy(schedule=[0.1, 0.1], jitter=0, tries=1)
        sync = ws.Sync("braze", receiver.url, retry=retry, concurrency=1)
        sync.run([{"n": 1}, {"n": 2}], progress=False)
        before = sync.metrics()
        assert (before["eventsDelivered"], before["pending"]) == (1, 1)
        sync.drain(progress=False)
        sync.run([{"n": 3}], progress=False)
    figures = sync.metrics()
    assert set(AMPLITUDE) <= set(figures)
    assert (figures["eventsDelivered"], figures["accepted"], figures["resumed"]) == (3, 3, 1)
    assert (figures["successOnFirstAttempt"], figures["successAfterRetry"]) == (2, 1)
    assert (figures["deliveryRate"], figures["pending"], figures["attempts"]) == (1.0, 0, 4)
    assert figures["latency_seconds"]["count"] == 3


def test_prometheus_reads_the_figures_while_a_run_goes_on(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    with Receiver() as receiver:
        braze = ws.Sync("braze", receiver.url, store=tmp_path / "braze.db")
        other = ws.Sync("other", receiver.url, template=ws.Template("${input.nope}"))
        registry.register(SyncCollector(braze, other))
        assert scrape(registry)["events_delivered_total", "braze"] == 0
        with braze.open() as stream:
            stream.send_many([{"n": n} for n in range(5)])
            assert receiver.wait_for(5)
            during = scrape(registry)
            assert during["events_accepted_total", "braze"] == 5
        other.run([{"n": 1}, {"n": 2}], progress=False)
    found = scrape(registry)
    assert found["events_delivered_total", "braze"] == 5
    assert found["success_on_first_attempt_total", "braze"] == 5
    assert found["delivery_rate", "braze"] == 1
    assert found["latency_in_seconds_bucket+Inf", "braze"] == 5
    assert found["latency_in_seconds_bucket60.0", "braze"] == 5
    assert found["latency_in_seconds_count", "braze"] == 5
    assert 0 < found["latency_in_seconds_sum", "braze"] < 300
    assert found["events_discarded_total", "other"] == 2
    assert found["events_not_delivered_total", "other"] == 2
    assert found["dead_letters", "other"] == 2
    assert found["tries_total", "braze"] == 5
    assert found["oldest_pending_seconds", "braze"] == 0


def test_a_store_that_cannot_be_read_takes_no_other_series_along(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    broken = tmp_path / "broken.db"
    sync = ws.Sync("braze", "http://127.0.0.1:1/", store=broken)
    registry.register(SyncCollector(sync))
    assert scrape(registry)["store_readable", "braze"] == 1
    broken.write_bytes(b"no store at all, but some bytes" * 100)
    broken.chmod(0o600)
    found = scrape(registry)
    assert found["store_readable", "braze"] == 0
    assert ("dead_letters", "braze") not in found
    assert found["events_delivered_total", "braze"] == 0
    registry = CollectorRegistry()
    registry.register(SyncCollector(sync, store=False))
    assert ("store_readable", "braze") not in scrape(registry)


def test_registering_twice_is_refused_as_prometheus_does() -> None:
    sync = ws.Sync("braze", "http://127.0.0.1:1/")
    registry = CollectorRegistry()
    registry.register(SyncCollector(sync))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(SyncCollector(sync))
    with pytest.raises(ValueError, match="found 'braze' 2 times"):
        SyncCollector(sync, sync)


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[Any, Mapping[str, Any]]]]:
    data = reader.get_metrics_data()
    found: dict[str, list[tuple[Any, Mapping[str, Any]]]] = {}
    if data is None:
        return found
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        name = metric.name.removeprefix("webhook_stream.")
        found[name] = [
            (getattr(point, "value", None), dict(point.attributes or {}))
            for point in metric.data.data_points
        ]
    return found


def test_opentelemetry_gets_instruments_and_a_span_for_each_run() -> None:
    reader = InMemoryMetricReader()
    exporter = InMemorySpanExporter()
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider([reader])
    with Receiver([200, 404]) as receiver:
        retry = ws.RetryPolicy(schedule=[])
        sync = ws.Sync("braze", receiver.url, retry=retry, concurrency=1)
        instrumentation = instrument(sync, meter_provider=meters, tracer_provider=spans)
        sync.run([{"n": 1}, {"n": 2}], progress=False)
        found = points(reader)
        with sync.open() as stream:
            stream.send({"n": 3})
        sync.drain(progress=False)
        sync.replay(progress=False)
    braze = {"sync": "braze"}
    assert found["events_delivered"] == [(1, braze)]
    assert found["events_expired"] == [(1, braze)]
    assert found["delivery_rate"] == [(0.5, braze)]
    assert found["events_pending"] == [(0, braze)]
    assert [attributes["quantile"] for _, attributes in found["latency_in_seconds"]] == [
        0.5,
        0.95,
        0.99,
    ]
    made = exporter.get_finished_spans()
    names = [span.name.removeprefix("webhook_stream.") for span in made]
    assert names == ["run", "open", "drain", "replay"]
    attributes = dict(made[0].attributes or {})
    assert attributes["webhook_stream.sync"] == "braze"
    assert attributes["webhook_stream.events_delivered"] == 1
    assert attributes["webhook_stream.delivery_rate"] == 0.5
    instrumentation.uninstrument()
    sync.drain(progress=False)
    assert len(exporter.get_finished_spans()) == 4
    assert points(reader) == {}


def test_a_run_that_fails_is_a_span_that_failed() -> None:
    exporter = InMemorySpanExporter()
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(exporter))

    def events() -> Any:
        yield {"n": 1}
        message = "the source broke"
        raise OSError(message)

    with Receiver() as receiver:
        sync = ws.Sync("braze", receiver.url, clock=VirtualClock())
        instrument(sync, tracer_provider=spans, meter_provider=MeterProvider())
        with pytest.raises(OSError, match="the source broke"):
            sync.run(events(), progress=False)
        with pytest.raises(KeyError), sync.open():
            raise KeyError
    [run, opened] = exporter.get_finished_spans()
    assert (run.status.status_code, opened.status.status_code) == (StatusCode.ERROR,) * 2
    assert [event.name for event in run.events] == ["exception"]
