"""The parts that need no run: what a connection says, names, places, the provider's description."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager

import webhook_stream as ws
from webhook_stream.airflow import WebhookStreamHook, WebhookStreamOperator, WebhookStreamTrigger
from webhook_stream.airflow._connection import settings_of
from webhook_stream.airflow._place import KEEP_DAYS, TaskPlace, file_name, remove_old_stores
from webhook_stream.airflow.operators import files
from webhook_stream.testing import Receiver


def connection(**parts: Any) -> Any:
    """Return a connection as Airflow gives it."""
    empty = dict.fromkeys(("host", "port", "schema", "login", "password", "extra"))
    extra = parts.pop("extra", None)
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    return SimpleNamespace(conn_id="crm", **{**empty, **parts, "extra": text})


def place(**parts: Any) -> TaskPlace:
    """Return the place of a task that runs in a context with these parts."""
    ti = SimpleNamespace(dag_id="crm", task_id="load.send", map_index=parts.pop("map_index", -1))
    run = SimpleNamespace(logical_date=None, run_id="manual__2026")
    for name, value in parts.items():
        setattr(run, name, value)
    return TaskPlace.of({"ti": ti, "dag_run": run})


def test_a_connection_has_the_url_the_headers_and_how_to_deliver() -> None:
    settings = settings_of(
        connection(
            host="https://example.com/hook",
            password="hunter2",
            extra={
                "headers": {"Authorization": "Bearer ${secrets.password}"},
                "secrets": {"OTHER": "o"},
                "concurrency": 4,
                "allow_addresses": "10.0.0.0/8, 192.168.0.0/16",
                "signing_secret": "whsec_c2VjcmV0",
            },
        )
    )
    assert settings.url == "https://example.com/hook"
    assert settings.options == {
        "headers": {"Authorization": "Bearer ${secrets.password}"},
        "concurrency": 4,
        "allow_addresses": ["10.0.0.0/8", "192.168.0.0/16"],
        "signing_secret": "${secrets.signing_secret}",
    }
    assert settings.secrets["password"] == "hunter2"
    assert settings.secrets["OTHER"] == "o"
    assert "hunter2" not in repr(settings)
    assert "c2VjcmV0" not in repr(settings)


def test_the_forms_of_airflow_2_keep_objects_and_numbers_as_texts() -> None:
    extra = {"headers": '{"X-A": "1"}', "concurrency": "4", "timeout_seconds": "2.5"}
    extra |= {"method": "", "ca_file": "", "test_event": ""}
    settings = settings_of(connection(host="http://127.0.0.1", extra=extra))
    assert settings.options == {"headers": {"X-A": "1"}, "concurrency": 4, "timeout_seconds": 2.5}
    assert settings.test_event is None


def test_the_parts_of_a_uri_make_a_url() -> None:
    parts = connection(host="example.com", port=8443, schema="hooks/crm")
    assert settings_of(parts).url == "https://example.com:8443/hooks/crm"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "expected a URL in the field Host, found none"),
        ({"host": "https://a.example", "port": 1}, "expected the whole URL in the field Host"),
        ({"host": "a", "extra": "{"}, "expected JSON in the field Extra"),
        ({"host": "a", "extra": "[]"}, "expected a JSON object in the field Extra, found a list"),
        ({"host": "a", "extra": {"header": {}}}, "did you mean 'headers'?"),
        ({"host": "a", "extra": {"headers": "X-A: 1"}}, "headers: expected a JSON object"),
        ({"host": "a", "extra": {"headers": {"X": 1}}}, "headers: X: expected a text"),
        ({"host": "a", "extra": {"secrets": {"X": 1}}}, "secrets: X: expected a text"),
        ({"host": "a", "extra": {"concurrency": 1.5}}, "concurrency: expected a whole number"),
        ({"host": "a", "extra": {"timeout_seconds": "soon"}}, "timeout_seconds: expected a number"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ws.ConfigError) as raised:
        settings_of(connection(**parts))
    assert message in str(raised.value)
    assert "connection 'crm'" in str(raised.value)


def test_a_task_has_the_same_stream_and_store_each_time_it_runs(tmp_path: Path) -> None:
    nine = datetime(2026, 11, 27, 9, tzinfo=UTC)
    first, cleared = place(logical_date=nine), place(logical_date=nine, run_id="backfill__2026")
    assert first == cleared
    assert first.stream_id == "crm.load.send.20261127T090000Z"
    assert first.store(tmp_path) == tmp_path / "crm" / "load.send" / "20261127T090000Z.db"
    assert place(logical_date=nine + timedelta(hours=1)).stream_id != first.stream_id
    assert place().stream_id == "crm.load.send.manual__2026"
    mapped = place(logical_date=nine, map_index=3)
    assert mapped.stream_id == f"{first.stream_id}.3"
    assert mapped.store(tmp_path).name == "20261127T090000Z.3.db"


def test_names_of_files_are_harmless_and_differ_where_texts_do() -> None:
    assert file_name("crm-2.x_1") == "crm-2.x_1"
    texts = ["../../etc", "a/b", "a:b", "a b", "é", "." * 10, "x" * 300, "x" * 301]
    names = [file_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    for name in names:
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name) < 140


def test_old_stores_that_hold_nothing_are_removed(tmp_path: Path) -> None:
    once = ws.RetryPolicy(schedule=[], tries=1)
    with Receiver() as healthy, Receiver([503]) as broken:
        for name, url in [("old", healthy.url), ("new", healthy.url), ("dead", broken.url)]:
            sync = ws.Sync(name, url, store=tmp_path / f"{name}.db", retry=once)
            sync.run([{"n": 1}], progress=False)
    (tmp_path / "other.db").write_text("no store at all")
    long_ago = time.time() - (KEEP_DAYS + 1) * 86_400
    for name in ("old", "dead", "other"):
        os.utime(tmp_path / f"{name}.db", (long_ago, long_ago))
    assert remove_old_stores(tmp_path) == [tmp_path / "old.db"]
    left = sorted(path.name for path in tmp_path.glob("*.db"))
    assert left == ["dead.db", "new.db", "other.db"]


def test_a_source_is_a_path_or_several(tmp_path: Path) -> None:
    assert files("a.json").paths == ("a.json",)
    assert files(tmp_path).paths == (str(tmp_path),)
    assert files(["a", tmp_path]).paths == ("a", str(tmp_path))
    assert files(path for path in ["a"]).paths == ("a",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "expected at least one path"),
        ("['a', 'b']", "source=extract.output"),
        ({"a": 1}, "expected a path or a list of paths, found dict"),
        (None, "found NoneType"),
        ([{"a": 1}], "@task.webhook_stream sends the events"),
        ([1], "expected paths, found int"),
    ],
)
def test_what_is_no_source_is_said(source: Any, message: str) -> None:
    with pytest.raises(Exception, match=message.replace(".", r"\.")):
        files(source)


def test_a_trigger_survives_its_way_to_a_triggerer() -> None:
    trigger = WebhookStreamTrigger(1_700_000_000.5, {"stream_id": "crm", "errors": []})
    path, kwargs = trigger.serialize()
    assert path == f"{WebhookStreamTrigger.__module__}.WebhookStreamTrigger"
    again = WebhookStreamTrigger(**json.loads(json.dumps(kwargs)))
    assert again.serialize() == (path, kwargs)


def test_no_text_of_a_template_is_rendered_by_jinja() -> None:
    assert ".ftl" not in WebhookStreamOperator.template_ext
    operator = WebhookStreamOperator(
        task_id="send", source="a", template=ws.Template("{{ 1 }}"), filter="a.json"
    )
    operator.render_template_fields({"ds": "2026-11-27"})
    assert operator.template.source == "{{ 1 }}"


def test_a_hook_gives_a_sync_and_tells_no_secret(
    connect: Callable[..., None], receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "crm.ftl").write_text('{"id": "${input.id}"}')
    (tmp_path / "buyers.ftl").write_text("input.id != 2\n")
    headers = {"Authorization": "Bearer ${secrets.password}"}
    connect(
        f"{receiver.url}/hook?token=${{secrets.TOKEN}}",
        "crm",
        password="hunter2",
        extra={
            "headers": headers,
            "secrets": {"TOKEN": "t0ken"},
            "template_folder": str(tmp_path),
        },
    )
    hook = WebhookStreamHook("crm")
    sync = hook.get_sync("crm", template="crm.ftl", filter="buyers.ftl")
    assert sync.run([{"id": 1}, {"id": 2}], progress=False).delivered == 1
    [request] = receiver.requests
    assert request.path == "/hook?token=t0ken"
    assert request.headers["authorization"] == "Bearer hunter2"
    assert request.body == b'{"id": "1"}'
    for shown in (repr(sync), repr(hook.settings)):
        assert "hunter2" not in shown
        assert "t0ken" not in shown
    with pytest.raises(TypeError, match="secrets, which are not pickled"):
        pickle.dumps(sync)


def test_a_template_that_is_not_there_is_said_with_where_it_was_looked_for(
    connect: Callable[..., None], tmp_path: Path
) -> None:
    connect("http://127.0.0.1:1", "crm", extra={"template_folder": str(tmp_path)})
    with pytest.raises(ws.ConfigError) as raised:
        WebhookStreamHook("crm").get_sync("crm", template="crm.ftl", folders=["/dags"])
    assert "there is no file 'crm.ftl'" in str(raised.value)
    assert f"looked for in /dags, {tmp_path}" in str(raised.value)


def test_a_connection_is_tested_without_sending_anything(
    connect: Callable[..., None], receiver: Receiver
) -> None:
    connect(receiver.url, "crm")
    works, message = WebhookStreamHook("crm").test_connection()
    assert works, message
    assert "nothing was sent" in message
    assert receiver.request_count == 0
    receiver.close()
    works, message = WebhookStreamHook("crm").test_connection()
    assert not works
    assert "can't be reached" in message


def test_a_connection_with_a_test_event_is_tested_with_it(
    connect: Callable[..., None], receiver: Receiver
) -> None:
    connect(receiver.url, "crm", extra={"test_event": {"event_type": "test"}})
    assert WebhookStreamHook("crm").test_connection()[0]
    assert [request.body for request in receiver.requests] == [b'{"event_type":"test"}']
    with Receiver([401]) as closed:
        connect(closed.url, "crm", extra={"test_event": {"event_type": "test"}})
        works, message = WebhookStreamHook("crm").test_connection()
    assert not works
    assert "401" in message


def test_a_wrong_connection_fails_its_test(connect: Callable[..., None]) -> None:
    connect("https://example.com", "crm", extra={"headers": {"Host": "x"}})
    works, message = WebhookStreamHook("crm").test_connection()
    assert not works
    assert "Host" in message


def test_airflow_knows_the_connection_type_and_the_decorator() -> None:
    manager = ProvidersManager()
    hook = manager.hooks["webhook"]
    assert hook is not None
    assert hook.hook_class_name == "webhook_stream.airflow.hooks.WebhookStreamHook"
    widgets = manager.connection_form_widgets
    for field in ("headers", "secrets", "store_folder", "template_folder", "test_event"):
        assert f"extra__webhook__{field}" in widgets
    assert manager.field_behaviours["webhook"]["relabeling"] == {"host": "URL"}
    assert "webhook_stream" in dict(manager.taskflow_decorators)


def test_describing_the_provider_loads_nothing() -> None:
    code = "import sys; before = set(sys.modules); import airflow_webhook_stream as a; "
    code += "a.get_provider_info(); print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "airflow_webhook_stream" in loaded
    assert not loaded & {"airflow", "webhook_stream", "pydantic", "requests"}


def test_the_commands_of_airflow_show_and_test_the_connection(
    connect: Callable[..., None], receiver: Receiver
) -> None:
    def airflow(*arguments: str) -> str:
        command = ["airflow", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout

    [row] = [
        row
        for row in json.loads(airflow("providers", "hooks", "--output", "json"))
        if row["connection_type"] == "webhook"
    ]
    assert row["class"].endswith("WebhookStreamHook")
    assert "webhook_conn_id" in row.values()
    connect(receiver.url, "crm")
    assert "Connection success!" in airflow("connections", "test", "crm")
