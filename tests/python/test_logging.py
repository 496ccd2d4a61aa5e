"""What happens is logged by the thread that waits, with the standard logging."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from command_line import run

import webhook_stream as ws
from webhook_stream.testing import Receiver, VirtualClock

EVENT = {"user_id": "ada"}
QUICK = ws.RetryPolicy(schedule=[0.2], jitter=0, tries=1)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def field(record: logging.LogRecord, name: str) -> Any:
    return vars(record)[name]


def test_a_failed_attempt_is_a_warning_and_a_dead_letter_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Receiver([503]) as receiver:
        sync = ws.Sync("braze", receiver.url, retry=QUICK, event_key="user_id")
        sync.run([EVENT], wait="settled", progress=False)
    [failed, dead] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (failed.name, failed.levelname) == ("webhook_stream.delivery", "WARNING")
    message = failed.getMessage()
    assert message.startswith("braze: attempt 1 of ada answered 503 (service unavailable)")
    assert message.endswith(f"next attempt at {field(failed, 'next_attempt')}")
    assert (field(failed, "sync"), field(failed, "event_key")) == ("braze", "ada")
    assert (field(failed, "attempt"), field(failed, "status")) == (1, 503)
    assert field(failed, "webhook_id").startswith("msg_")
    assert dead.levelname == "ERROR"
    assert "ada is a dead letter (exhausted): attempt 2 answered 503" in dead.getMessage()
    # When it happened, not when it was handed over.
    assert 0.15 < dead.created - failed.created < 30


def test_records_come_from_the_thread_that_waits(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver([503]) as receiver:
        ws.Sync("braze", receiver.url, retry=QUICK).run([EVENT], progress=False)
    assert {record.thread for record in caplog.records} == {threading.get_ident()}


def test_an_outage_does_not_flood_and_nothing_is_left_out_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = VirtualClock()
    with Receiver([503]) as receiver:
        sync = ws.Sync("braze", receiver.url, clock=clock, retry=ws.RetryPolicy(tries=1))
        report = sync.run(({"n": n} for n in range(2000)), wait="settled", progress=False)
    assert report.expired == 2000
    attempts = [r for r in caplog.records if r.levelno == logging.WARNING]
    told = [record for record in attempts if not hasattr(record, "left_out")]
    left_out = sum(field(record, "left_out") for record in attempts if hasattr(record, "left_out"))
    assert len(told) + left_out == 2000 * 9
    assert len(attempts) < 150
    assert len(messages(caplog, logging.ERROR)) < 150


def test_a_level_that_is_changed_during_a_run_takes_effect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("webhook_stream")
    logger.setLevel(logging.INFO)
    try:
        with Receiver() as receiver:
            sync = ws.Sync("braze", receiver.url, event_key="user_id")
            with sync.open() as stream:
                stream.send({"user_id": "before"})
                assert receiver.wait_for(1)
                logger.setLevel(logging.DEBUG)
                for _ in range(1000):
                    stream.send({"user_id": "behind"})
                    if "behind" in caplog.text:
                        break
                    receiver.wait_for(1_000_000, 0.01)
                logger.setLevel(logging.CRITICAL)
                before = len(caplog.records)
                stream.send({"user_id": "silent"})
            assert len(caplog.records) == before
    finally:
        logger.setLevel(logging.NOTSET)
    assert "braze: attempt 1 of behind delivered it" in messages(caplog, logging.DEBUG)
    assert "before" not in caplog.text


def test_what_is_resumed_and_what_is_pending_is_said(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    store = tmp_path / "braze.db"
    with Receiver([404]) as receiver:
        sync = ws.Sync("braze", receiver.url, store=store)
        sync.run([EVENT, EVENT], progress=False)
        [pending] = [r for r in caplog.records if r.name == "webhook_stream.store"]
        assert pending.getMessage().startswith(f"braze: 2 deliveries are pending in {store}; next")
        assert (pending.levelname, field(pending, "pending")) == ("INFO", 2)
        caplog.clear()
        sync.drain(timeout_seconds=0.01, progress=False)
    assert "braze: goes on with 2 pending deliveries" in messages(caplog, logging.INFO)


def test_a_breaker_says_when_it_opens_and_closes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = VirtualClock()
    with Receiver([503, 503, 503, 200]) as receiver:
        sync = ws.Sync(
            "braze",
            receiver.url,
            clock=clock,
            concurrency=1,
            retry=ws.RetryPolicy(tries=1),
            pause_after_failures=3,
        )
        sync.run([{"n": n} for n in range(10)], wait="settled", progress=False)
    kinds = [field(record, "kind") for record in caplog.records if hasattr(record, "host")]
    assert kinds == ["breaker_open", "breaker_closed"]
    assert "braze: 127.0.0.1 only fails: it is left alone until 2026-" in caplog.text
    assert "braze: 127.0.0.1 works again" in caplog.text


def test_what_is_no_event_and_what_cannot_be_sent_is_said(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "events.ndjson"
    path.write_text('{"user_id": "ada"}\nnope\n{"n": 1}\n')
    template = ws.Template('{"u": "${input.user_id}"}', name="t.ftl")
    with Receiver() as receiver:
        ws.Sync("braze", receiver.url, template=template).run(path, progress=False)
    records = [record for record in caplog.records if record.name == "webhook_stream.events"]
    assert [record.levelname for record in records] == ["INFO", "WARNING", "ERROR"]
    assert records[0].getMessage() == f"braze: reads {path}"
    assert f"braze: left out what is no event, {path}:2" in records[1].getMessage()
    assert "is a dead letter (render): t.ftl:1:10: `input.user_id` is missing" in caplog.text
    assert not any("\n" in record.getMessage() for record in records)


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Answer 400 with this body, whatever comes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_neither_secrets_nor_forged_lines_get_into_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WS_TEST_TOKEN", "canary-4711")
    body = "no: canary-4711\r\nERROR root: \x1b[31mall is lost\u202e"
    with answering(body.encode()) as url:
        sync = ws.Sync(
            "braze",
            url,
            headers={"Authorization": "Bearer ${secrets.WS_TEST_TOKEN}"},
            retry=ws.RetryPolicy(schedule=[]),
            event_key="user_id",
        )
        sync.run([{"user_id": "a\nCRITICAL root: forged"}], progress=False)
    everything = "".join(f"{vars(record)} {record.getMessage()}" for record in caplog.records)
    assert "canary" not in everything
    assert "answered 400 (bad request): no:" in caplog.text
    assert r"a\nCRITICAL root: forged is a dead letter" in caplog.text
    for record in caplog.records:
        assert not any(ord(c) < 32 or c == "\u202e" for c in record.getMessage())


def test_a_handler_that_fails_does_not_stop_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise RuntimeError(record.name)
            except RuntimeError:
                self.handleError(record)

    logger = logging.getLogger("webhook_stream")
    handler = Broken()
    logger.addHandler(handler)
    try:
        with Receiver([503, 200]) as receiver:
            sync = ws.Sync("braze", receiver.url, retry=QUICK)
            report = sync.run([EVENT], wait="settled", progress=False)
    finally:
        logger.removeHandler(handler)
    assert report.delivered == 1
    assert "RuntimeError: webhook_stream.delivery" in capsys.readouterr().err


def cli(folder: Path, *words: str) -> tuple[int, str]:
    done = run(*words, cwd=folder)
    return done.returncode, done.stderr


def test_the_command_line_has_the_same_levels(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text('{"user_id": "ada"}\n{"user_id": "bob"}\n')
    with Receiver([503]) as receiver:
        (tmp_path / "syncs.toml").write_text(
            f'[sync.braze]\nurl = "{receiver.url}"\nstore = "memory"\nevent_key = "user_id"\n'
            "retry = { schedule = [], tries = 1 }\n"
        )
        run = ["run", "syncs.toml", "events.ndjson"]
        _, usual = cli(tmp_path, *run)
        _, more = cli(tmp_path, *run, "-v")
        _, less = cli(tmp_path, *run, "--quiet")
        (tmp_path / "syncs.toml").write_text(
            f'[sync.braze]\nurl = "{receiver.url}"\nstore = "memory"\nevent_key = "user_id"\n'
        )
        _, failed = cli(tmp_path, *run)
        _, hushed = cli(tmp_path, *run, "-q")
    dead = "ERROR   delivery: braze: ada is a dead letter (exhausted): attempt 1 answered 503"
    assert dead in usual
    assert dead in less
    assert "INFO    events: braze: reads" in more
    assert "INFO " not in usual
    assert "WARNING delivery: braze: attempt 1 of ada answered 503" in failed
    assert "WARNING" not in hushed
    with Receiver() as receiver:
        (tmp_path / "syncs.toml").write_text(
            f'[sync.braze]\nurl = "{receiver.url}"\nstore = "memory"\nevent_key = "user_id"\n'
        )
        _, everything = cli(tmp_path, *run, "-vv")
        status, _ = cli(tmp_path, *run, "-v", "-q")
    assert "DEBUG   delivery: braze: attempt 1 of bob delivered it" in everything
    assert status == 2


CELL = """
import logging
logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(message)s", force=True)
import webhook_stream as ws
from webhook_stream.testing import Receiver
with Receiver([503]) as receiver:
    sync = ws.Sync("braze", receiver.url, retry=ws.RetryPolicy(schedule=[]))
    report = sync.run([{"user_id": "ada"}], progress=False)
"""


def test_the_log_of_a_cell_stands_under_the_cell() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    text = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert "ERROR webhook_stream.delivery braze: " in text
    assert "is a dead letter (exhausted)" in text
