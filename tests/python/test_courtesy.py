"""Order, signatures, forecasts and secrets, as a user sees them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import webhook_stream as ws
from webhook_stream.testing import Receiver

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
CANARY = "canary-4711-x"


def test_signatures_are_what_the_published_library_accepts(receiver: Receiver) -> None:
    events = [{"n": n, "text": "ü\n"} for n in range(5)]
    ws.Sync("signed", receiver.url, signing_secret=SECRETS).run(events, progress=False)
    assert len(receiver.requests) == 5
    for request in receiver.requests:
        # Whoever knows either secret of a rotation is content.
        for secret in SECRETS:
            assert Webhook(secret).verify(request.body, dict(request.headers)) == json.loads(
                request.body
            )


def test_order_is_kept_for_each_value_of_a_field(receiver: Receiver) -> None:
    events = [{"user_id": n % 3, "n": n} for n in range(200)]
    report = ws.Sync("ordered", receiver.url, ordering="user_id").run(events, progress=False)
    assert report.delivered == 200
    bodies = [json.loads(request.body) for request in receiver.requests]
    for user in range(3):
        numbers = [body["n"] for body in bodies if body["user_id"] == user]
        assert numbers == sorted(numbers)


def test_order_can_be_set_in_the_file(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "syncs.toml").write_text(
        f"""
        [sync.ordered]
        url = "{receiver.url}"
        store = "memory"
        ordering = "user.id"
        pause_after_failures = 20
        """
    )
    sync = ws.load_syncs(tmp_path / "syncs.toml")["ordered"]
    events = [{"user": {"id": "a"}, "n": n} for n in range(20)]
    assert sync.run(events, progress=False).delivered == 20
    assert [json.loads(request.body)["n"] for request in receiver.requests] == list(range(20))


def test_an_outage_can_be_forecast() -> None:
    sync = ws.Sync("braze", "https://example.com/hook", rate_limit_per_second=50)
    forecast = sync.simulate(rate=5, outage_seconds=120)
    assert forecast["expired"] == 0
    assert 590 <= forecast["peak_pending"] <= 610
    assert forecast["recovery_peak_requests_per_second"] <= 51
    assert "last delivery" in str(forecast)
    for wrong in ({"rate": 0}, {"rate": 1e9}, {"failure": "404"}, {"outage_seconds": -1}):
        options: dict[str, Any] = {"rate": 1, "outage_seconds": 60, **wrong}
        with pytest.raises(ws.ConfigError, match="expected"):
            sync.simulate(**options)


def test_certificate_files_are_checked_when_a_run_starts(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    for option in ("ca_file", "client_certificate"):
        options: dict[str, Any] = {option: missing}
        with pytest.raises(ws.ConfigError, match=f"{option}: .*missing.pem"):
            ws.Sync("tls", "https://example.com/", **options).run([{}], progress=False)
    with pytest.raises(ws.ConfigError, match="client_key"):
        ws.Sync("tls", "https://example.com/", client_key=missing)


def test_a_secret_is_in_the_request_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CANARY", CANARY)
    caplog.set_level(1)
    logging.getLogger("webhook_stream").setLevel(1)
    retry = ws.RetryPolicy(schedule=[], tries=1)
    with Receiver(["401"]) as receiver:
        sync = ws.Sync(
            "canary",
            receiver.url + "/?token=${secrets.CANARY}",
            headers={"Authorization": "Bearer ${secrets.CANARY}"},
            retry=retry,
        )
        report = sync.run([{"a": 1}, {"a": 2}], progress=False)
        assert report.expired == 2
        assert all(CANARY in request.headers["authorization"] for request in receiver.requests)
        refused = ws.Sync("refused", "http://127.0.0.1:9/${secrets.CANARY}", retry=retry)
        failed = refused.run([{"a": 1}], progress=False)
        shown = [
            repr(sync),
            repr(sync.status()),
            repr(list(sync.dead_letters())),
            repr(list(refused.dead_letters())),
            repr(sync.preview([{"a": 1}])),
            str(report),
            repr(report.to_dict()),
            repr(report.errors),
            str(failed),
            repr(failed.errors),
            caplog.text,
            *(repr(record.__dict__) for record in caplog.records),
        ]
    monkeypatch.setenv("CANARY", CANARY + "\r\nEvil: 1")
    spoiled = sync.run([{"a": 3}], progress=False)
    shown += [repr(spoiled.errors), repr(list(sync.dead_letters())), caplog.text]
    assert caplog.records
    assert not [text for text in shown if CANARY in text]
