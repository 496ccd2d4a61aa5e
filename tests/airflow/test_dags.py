"""Real DAGs, run by ``dag.test()``: what arrives is counted by the receiver."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import HOME, ROOT
from dagruns import NOON, asset_extras, dag_of, instance, run, xcom

import webhook_stream as ws
from webhook_stream.airflow import operators
from webhook_stream.testing import Receiver

pytestmark = pytest.mark.usefixtures("database")


def log_of(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    """Return all that was logged, by whichever way this Airflow logs."""
    printed = capfd.readouterr()
    return caplog.text + printed.out + printed.err


def test_the_dag_of_the_documentation_runs(
    connect: Callable[..., None],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines = [
        {"event_type": "Order Completed", "user_id": "ada", "order_id": 1},
        {"event_type": "Login", "user_id": "ada"},
        {"event_type": "Order Completed", "user_id": "bob", "order_id": 2},
    ]
    exports = tmp_path / "exports" / "2026-11-27"
    exports.mkdir(parents=True)
    (exports / "a.ndjson").write_text("\n".join(map(json.dumps, lines)))
    dags = HOME / "dags"
    (dags / "crm.ftl").write_text('{"user": "${input.user_id}", "order": ${input.order_id?c}}')
    (dags / "orders.ftl").write_text('input.event_type == "Order Completed"')
    monkeypatch.setenv("EXPORTS", str(tmp_path / "exports"))
    headers = {"Authorization": "Bearer ${secrets.password}"}
    connect(receiver.url, "crm", password="hunter2-is-secret", extra={"headers": headers})
    with caplog.at_level(logging.INFO):
        done = run(dag_of("docs_dag", "orders_to_crm"))
    log = log_of(caplog, capfd)
    assert str(done.state) == "success"
    assert sorted(request.body for request in receiver.requests) == [
        b'{"user": "ada", "order": 1}',
        b'{"user": "bob", "order": 2}',
    ]
    assert receiver.requests[0].headers["authorization"] == "Bearer hunter2-is-secret"
    assert "hunter2-is-secret" not in log
    assert "2 delivered of 2, 1 filtered" in log

    counts = xcom(done, "send")
    assert len(json.dumps(counts)) < 2048
    assert {name: counts[name] for name in ("accepted", "delivered", "filtered", "tries")} == {
        "accepted": 2,
        "delivered": 2,
        "filtered": 1,
        "tries": 2,
    }
    assert counts["stream_id"] == "orders_to_crm.send.20261127T120000Z"
    assert asset_extras(done)[0]["webhook_stream"]["delivered"] == 2


def test_the_example_runs_and_a_cleared_task_sends_nothing_again(
    connect: Callable[..., None], receiver: Receiver
) -> None:
    connect(receiver.url)
    dag = dag_of("airflow_dag", "orders_to_braze")
    done = run(dag)
    assert str(done.state) == "success"
    assert receiver.request_count == 3
    assert xcom(done, "tell") == "3 of 3 delivered"
    first = xcom(done, "send_orders")

    again = run(dag)
    assert str(again.state) == "success"
    assert receiver.request_count == 3
    second = xcom(again, "send_orders")
    assert second["stream_id"] == first["stream_id"]
    assert (second["delivered"], second["confirmed_before"], second["tries"]) == (3, 3, 0)

    run(dag, NOON.replace(hour=13))
    assert receiver.request_count == 6


def test_a_receiver_that_fails_is_waited_for_without_a_worker(
    connect: Callable[..., None],
    events: Callable[..., Path],
    sources: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources(events("a.ndjson", {"n": 1}, {"n": 2}))
    # So that a wait of a second is worth giving the worker back.
    monkeypatch.setattr(operators, "_HOLD_SECONDS", 0.0)
    carried: list[Any] = []
    resume = operators.WebhookStreamOperator.execute_complete

    def watched(self: Any, context: Any, event: Any = None) -> Any:
        carried.append(event)
        return resume(self, context, event)

    monkeypatch.setattr(operators.WebhookStreamOperator, "execute_complete", watched)
    with Receiver([503, 503, 503, 200]) as receiver:
        connect(receiver.url)
        done = run(dag_of("streams", "recovers"))
        assert str(done.state) == "success"
        assert receiver.request_count == 5
        ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(set(ids)) == 2
    assert len(carried) == 2
    assert all(len(json.dumps(event)) < 2048 for event in carried)
    counts = xcom(done, "send")
    assert (counts["accepted"], counts["delivered"], counts["tries"]) == (2, 2, 5)
    assert counts["errors"][0]["kind"] == "status_503"
    assert len(json.dumps(counts)) < 2048


def test_too_many_dead_letters_fail_the_task_and_only_they_are_sent_when_it_is_cleared(
    connect: Callable[..., None],
    events: Callable[..., Path],
    sources: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sources(events("a.ndjson", *({"id": number} for number in range(4))))
    script = [200, 400, 200, 400, 400, 400, 200]
    with Receiver(script) as receiver:
        # One at a time, so that the script says which events fail.
        connect(receiver.url, extra={"concurrency": 1})
        dag = dag_of("streams", "gives_up")
        failed = run(dag)
        assert str(failed.state) == "failed"
        assert receiver.request_count == 6
        log = log_of(caplog, capfd)
        assert "2 events were given up, more than max_dead=0" in log
        assert "status_400" in log
        assert "is a dead letter (exhausted)" in log

        cleared = run(dag)
        assert str(cleared.state) == "success"
        assert receiver.request_count == 8
        bodies = [request.body for request in receiver.requests]
        assert sorted(bodies[-2:]) == sorted({bodies[1], bodies[3]})
        counts = xcom(cleared, "send")
    assert (counts["accepted"], counts["delivered"], counts["dead_letters"]) == (4, 4, 0)


def test_a_connection_that_was_mended_is_used_for_what_was_given_up(
    connect: Callable[..., None], events: Callable[..., Path], sources: Callable[..., None]
) -> None:
    sources(events("a.ndjson", *({"id": number} for number in range(2))))
    with Receiver([400]) as wrong:
        connect(wrong.url)
        assert str(run(dag_of("streams", "mended")).state) == "failed"
    with Receiver() as right:
        connect(right.url)
        assert str(run(dag_of("streams", "mended")).state) == "success"
        assert right.request_count == 2


def test_a_task_whose_every_event_is_none_fails(
    connect: Callable[..., None], sources: Callable[..., None], tmp_path: Path
) -> None:
    table = tmp_path / "orders.csv"
    table.write_text("id,total\n1,2\n", "utf-8")
    sources(table)
    with Receiver() as receiver:
        connect(receiver.url)
        failed = run(dag_of("streams", "no_events"))
        assert (str(failed.state), receiver.request_count) == ("failed", 0)


def test_some_dead_letters_may_be_allowed(
    connect: Callable[..., None], events: Callable[..., Path], sources: Callable[..., None]
) -> None:
    sources(events("a.ndjson", {"n": 1}))
    with Receiver([400]) as receiver:
        connect(receiver.url)
        done = run(dag_of("streams", "forgives"))
    assert str(done.state) == "success"
    counts = xcom(done, "send")
    assert (counts["delivered"], counts["expired"], counts["dead_letters"]) == (0, 1, 1)


def test_mapped_tasks_have_a_stream_each(
    connect: Callable[..., None],
    receiver: Receiver,
    events: Callable[..., Path],
    sources: Callable[..., None],
) -> None:
    connect(receiver.url)
    sources(events("a.ndjson", {"id": 1}), events("b.ndjson", {"id": 1}, {"id": 2}))
    dag = dag_of("streams", "mapped")
    done = run(dag)
    assert str(done.state) == "success"
    assert receiver.request_count == 3
    assert [xcom(done, "send", index)["delivered"] for index in (0, 1)] == [1, 2]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 3
    run(dag)
    assert receiver.request_count == 3


def test_a_try_that_broke_in_the_middle_is_not_sent_again_by_the_next(
    connect: Callable[..., None], receiver: Receiver
) -> None:
    connect(receiver.url)
    dag = dag_of("streams", "retried")
    done = run(dag)
    assert str(done.state) == "success"
    assert instance(done, "generate").try_number == 2
    assert sorted(request.body for request in receiver.requests) == [
        b'{"id":1}',
        b'{"id":2}',
        b'{"id":3}',
    ]


def test_a_store_that_an_earlier_try_still_has_is_waited_for(
    connect: Callable[..., None],
    receiver: Receiver,
    events: Callable[..., Path],
    sources: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources(events("a.ndjson", {"n": 1}))
    connect(receiver.url)
    store = HOME / "webhook_stream" / "forgives" / "send" / "20261127T150000Z.db"
    store.parent.mkdir(parents=True, exist_ok=True)
    held = ws.Sync("forgives.send.20261127T150000Z", receiver.url, store=store).open()
    waited: list[float] = []

    def wait(_self: Any, seconds: float) -> None:
        waited.append(seconds)
        held.close()

    monkeypatch.setattr(operators.WebhookStreamOperator, "_wait", wait)
    done = run(dag_of("streams", "forgives"), NOON.replace(hour=15))
    assert str(done.state) == "success"
    assert len(waited) == 1
    assert receiver.request_count == 1


def test_a_store_that_is_not_there_any_more_is_no_reason_to_send_everything_again(
    connect: Callable[..., None], tmp_path: Path
) -> None:
    connect("http://127.0.0.1:1")
    operator = operators.WebhookStreamOperator(task_id="send", source="a.ndjson")
    event = {"stream_id": "crm", "store": str(tmp_path / "gone.db"), "host": "worker-7"}
    with pytest.raises(Exception, match="what is pending lies on worker-7") as raised:
        operators.WebhookStreamOperator.execute_complete(operator, {}, event)
    assert type(raised.value).__name__ == "AirflowFailException"


def test_the_documentation_shows_the_example() -> None:
    assert "examples/airflow_dag.py" in (ROOT / "docs" / "airflow.md").read_text("utf-8")
