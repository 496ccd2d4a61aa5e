"""Every option of a sync and of a policy: what it does, alone and with others, and bad values."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import webhook_stream as ws
from webhook_stream.testing import Receiver, VirtualClock

EVENTS = [{"id": f"e{n}", "user": n % 4, "n": n} for n in range(60)]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - nobody's
BIG = 10**30

BAD_SYNCS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "expected a name"),
    ({"name": "a\nb"}, "expected a name without control characters"),
    ({"url": ""}, "expected an absolute URL"),
    ({"url": "example.com/hook"}, "expected an absolute URL"),
    ({"url": "ftp://example.com/"}, "begins with http:// or https://, found ftp:"),
    ({"url": "http://me:pass@example.com/"}, "without user name and password"),
    ({"url": "http://example.com:99999/"}, "invalid port"),
    ({"url": "http://example.com:0/"}, "port from 1 to 65535"),
    ({"url": "http://example.com/a b"}, "without blanks"),
    ({"url": "http://example.com/\r\nX: y"}, "control characters"),
    ({"url": "https://${input.host}/"}, "expected a host that is written out"),
    ({"url": "https://example.com:${input.port}/"}, "expected a host that is written out"),
    ({"url": "https://example.com${input.end}/"}, "expected a host that is written out"),
    ({"url": "https://${secrets.HOST}/${input.path}"}, "expected a host that is written out"),
    ({"method": "GET"}, 'expected one of POST, PUT, PATCH, found "GET"'),
    ({"method": "post"}, "did you mean POST"),
    ({"headers": {"X": 1}}, "headers: expected a text as the value of X, found `int`"),
    ({"headers": {1: "x"}}, "headers: expected a text as a name, found `int`"),
    ({"headers": {"X Y": "1"}}, "expected a header name of letters"),
    ({"headers": {"Webhook-Id": "1"}}, "webhook-id|Webhook-Id"),
    ({"headers": {"X": "ü"}}, "printable ASCII in header X, found U\\+00FC"),
    ({"headers": {"X": "1", "x": "2"}}, "each header once"),
    ({"headers": {f"X-{n}": "1" for n in range(3)}, "max_headers": 2}, "at most 2 headers"),
    ({"max_headers": -1}, "max_headers: expected a whole number of 0 or more, found -1"),
    ({"max_headers": "8"}, "max_headers: expected a whole number of 0 or more, found '8'"),
    ({"concurrency": 0}, "concurrency: expected 1 to \\d+, found 0"),
    ({"concurrency": -1}, "concurrency: expected a whole number of 0 or more, found -1"),
    ({"concurrency": 2.5}, "concurrency: expected a whole number of 0 or more, found 2.5"),
    ({"concurrency": BIG}, "concurrency: expected a whole number"),
    ({"concurrency": 100_000}, "concurrency: expected 1 to \\d+, found 100000"),
    ({"timeout_seconds": 0}, "timeout_seconds: expected more than 0"),
    ({"timeout_seconds": -1}, "timeout_seconds: expected seconds of 0 or more, found -1"),
    ({"timeout_seconds": float("nan")}, "timeout_seconds: expected seconds"),
    ({"timeout_seconds": float("inf")}, "timeout_seconds: expected seconds"),
    ({"rate_limit_per_second": 0}, "rate_limit_per_second: expected more than 0, found 0"),
    ({"rate_limit_per_second": -3}, "rate_limit_per_second: expected more than 0, found -3"),
    ({"rate_limit_per_second": float("nan")}, "rate_limit_per_second: expected more than 0"),
    ({"event_key": ""}, "event_key: "),
    ({"event_key": "a..b"}, "event_key: "),
    ({"ordering": "a..b"}, "ordering: "),
    ({"durability": "maybe"}, "durability: expected `disk`, `process` or `none`, found `maybe`"),
    ({"store": ""}, "store: expected `memory` or a path"),
    ({"store": "mysql://u:hidden@h/d"}, "store: expected `memory` or a path, found `mysql`"),
    ({"store": "a\0b"}, "store: expected `memory` or a path"),
    ({"signing_secret": "hidden!"}, "signing_secret: expected a signing secret of whsec_"),
    ({"signing_secret": [SECRET, "whsec_aGlkZGVu"]}, "signing_secret: .*found 6"),
    ({"address_policy": "open"}, "address_policy: expected metadata, public or any"),
    ({"allow_addresses": ["10.0.0.0/33"]}, "allow_addresses: expected a network"),
    ({"allow_addresses": ["localhost"]}, "allow_addresses: expected a network"),
    ({"client_key": "key.pem"}, "client_key: expected a client_certificate"),
    ({"pause_after_failures": 0}, "pause_after_failures: expected 1 or more, found 0"),
    ({"pause_after_failures": -1}, "pause_after_failures: expected a whole number"),
]


@pytest.mark.parametrize(("options", "words"), BAD_SYNCS, ids=lambda value: str(value)[:50])
def test_a_bad_value_is_refused_when_the_sync_is_made(options: dict[str, Any], words: str) -> None:
    options = {"name": "demo", "url": "https://example.com/", **options}
    with pytest.raises(ws.ConfigError, match=words) as raised:
        ws.Sync(options.pop("name"), options.pop("url"), **options)
    error = raised.value
    assert "hidden" not in str(error)
    assert error.kind in ("bad_value", "url", "header", "missing_secret", "not_available")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.kind, again.hint) == (str(error), error.kind, error.hint)


BAD_POLICIES: list[tuple[dict[str, Any], str]] = [
    ({"schedule": [-1]}, "schedule: expected seconds of 0 or more, found -1"),
    ({"schedule": [1] * 101}, "schedule: expected at most 100 gaps, found 101"),
    ({"schedule": [1e9]}, "schedule: expected at most"),
    ({"jitter": 1.5}, "jitter: expected a share from 0 to 1, found 1.5"),
    ({"jitter": float("nan")}, "jitter: expected a share"),
    ({"tries": 0}, "tries: expected 1 to 20, found 0"),
    ({"tries": -1}, "tries: expected 1 or more, found -1"),
    ({"tries": 21}, "tries: expected 1 to 20, found 21"),
    ({"try_backoff_seconds": -0.1}, "try_backoff_seconds: expected seconds"),
    ({"try_jitter": -1}, "try_jitter: expected a share"),
    ({"try_window_seconds": float("inf")}, "try_window_seconds: expected seconds"),
    ({"retry_statuses": [99]}, "found 99"),
    ({"retry_statuses": [100_000]}, "retry_statuses: expected statuses such as 429"),
    ({"retry_statuses": ["503"]}, "retry_statuses: expected statuses such as 429.* found '503'"),
    ({"retry_statuses": 503}, "retry_statuses: expected statuses such as 429.* found 503"),
    ({"expire_after_seconds": 0}, "expire_after_seconds: expected more than 0, found 0"),
    ({"expire_after_seconds": -5}, "expire_after_seconds: expected seconds"),
    ({"gone": "never"}, "gone: expected `retry` or `stop`, found `never`"),
]


@pytest.mark.parametrize(("options", "words"), BAD_POLICIES, ids=lambda value: str(value)[:50])
def test_a_bad_value_of_a_policy_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises((ws.ConfigError, TypeError), match=words):
        ws.RetryPolicy(**options)


def test_every_option_is_a_keyword_and_stands_in_one_of_these_tests() -> None:
    parameters = inspect.signature(ws.Sync).parameters
    positional = [name for name, one in parameters.items() if one.kind is not one.KEYWORD_ONLY]
    assert positional == ["name", "url"]
    source = Path(__file__).read_text("utf-8")
    untested = [name for name in parameters if not re.search(rf'"?\b{name}\b"?\s*[:=]', source)]
    assert not untested


def test_all_options_together_do_what_each_does_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    with Receiver([503, 200]) as receiver:
        sync = ws.Sync(
            "all",
            receiver.url + "/${input.id?url}?t=${secrets.TOKEN}",
            method="PUT",
            headers={"Content-Type": "text/plain", "X-User": "u${input.user}"},
            template=ws.Template('{"n": ${input.n}}', name="all.ftl"),
            filter=ws.Filter("input.n < 50"),
            retry=ws.RetryPolicy(schedule=[0.05, 0.05], jitter=0, expire_after_seconds=3600),
            store=tmp_path / "all.db",
            concurrency=3,
            timeout_seconds=5,
            rate_limit_per_second=2000,
            event_key="id",
            ordering="user",
            durability="process",
            keep_events=False,
            signing_secret=SECRET,
            address_policy="any",
            allow_addresses=["127.0.0.0/8"],
            max_headers=1,
            ca_file=None,
            client_certificate=None,
            client_key=None,
            pause_after_failures=50,
            enabled=True,
        )
        report = sync.run(EVENTS, wait="settled", progress=False)
        assert (report.delivered, report.filtered, report.pending) == (50, 10, 0)
        # The first try met 503.
        done = receiver.requests[1:]
    assert len({request.body for request in done}) == 50
    for request in done:
        n = json.loads(request.body)["n"]
        assert (request.method, request.path) == ("PUT", f"/e{n}?t=t0ken")
        assert request.headers["content-type"] == "text/plain"
        assert request.headers["x-user"] == f"u{n % 4}"
        assert Webhook(SECRET).verify(request.body, dict(request.headers)) == {"n": n}
    for user in range(4):
        order = [json.loads(one.body)["n"] for one in done if one.headers["x-user"] == f"u{user}"]
        assert order == sorted(order)
    again = copy.deepcopy(sync)
    assert again.status()["delivered"] == 50
    # The same events are known by their keys.
    with Receiver(port=int(receiver.url.rsplit(":", 1)[1])) as receiver:
        report = again.run(EVENTS, progress=False)
        assert (report.confirmed_before, receiver.request_count) == (50, 0)


def test_secrets_that_are_given_go_before_those_of_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "of the environment")
    headers = {"X-Token": "${secrets.TOKEN}"}
    sync = ws.Sync("demo", receiver.url, headers=headers, secrets={"TOKEN": "t0ken"})
    sync.run(EVENTS[:1], progress=False)
    assert receiver.requests[0].headers["x-token"] == "t0ken"
    assert "t0ken" not in repr(sync)
    with pytest.raises(TypeError, match="secrets, which are not pickled"):
        copy.deepcopy(sync)


def test_a_url_from_events_reaches_public_addresses_only(receiver: Receiver) -> None:
    url = receiver.url + "/${input.id}"
    for policy in ("metadata", "any", "public"):
        sync = ws.Sync("demo", url, address_policy=policy)
        report = sync.run(EVENTS[:2], progress=False)
        assert (report.discarded, receiver.request_count) == (2, 0)
        assert {letter["reason"] for letter in sync.dead_letters()} == {"blocked"}
    allowed = ws.Sync("demo", url, allow_addresses=["127.0.0.1"])
    assert allowed.run(EVENTS[:2], progress=False).delivered == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1#{input.n}/",
        "http://127.0.0.1\\#{input.n}/",
        '<#ftl interpolation_syntax="square_bracket">http://[=input.host]/',
        "http://127.0.0.1/${'input.host'?eval}",
        "http://${'input.host'?eval!'127.0.0.1'}/",
        "http://${.data_model.input.host!'127.0.0.1'}/",
    ],
)
def test_no_way_of_writing_a_template_lets_an_event_choose_the_host(url: str) -> None:
    with Receiver() as receiver, Receiver() as other:
        port = receiver.url.rsplit(":", 1)[1]
        event = {"id": "a", "n": 5, "host": other.url.split("/")[2]}
        try:
            sync = ws.Sync(
                "demo",
                url.replace("127.0.0.1", f"127.0.0.1:{port[:-1]}"),
                headers={"X-Id": "${input.id}"},
                retry=ws.RetryPolicy(schedule=[]),
                timeout_seconds=2,
                allow_addresses=["127.0.0.0/8"],
            )
        except ws.WebhookStreamError:
            return
        sync.run([event], progress=False)
        hosts = {request.headers["host"] for request in other.requests}
        assert not hosts


@pytest.mark.parametrize("durability", ["disk", "process", "none"])
@pytest.mark.parametrize("keep_events", [True, False])
def test_durability_and_kept_events_go_with_each_other(
    durability: Any, keep_events: bool, tmp_path: Path
) -> None:
    template = ws.Template('{"n": ${input.n}}')
    with Receiver([404]) as receiver:
        sync = ws.Sync(
            "demo",
            receiver.url,
            template=template,
            store=tmp_path / "demo.db",
            durability=durability,
            keep_events=keep_events,
            retry=ws.RetryPolicy(schedule=[]),
        )
        with sync.open() as stream:
            stream.send_many(EVENTS[:5])
        letters = list(sync.dead_letters())
    assert len(letters) == 5
    assert all((letter["event"] is not None) == keep_events for letter in letters)


def test_a_breaker_leaves_a_dead_host_alone_and_lets_one_probe_through() -> None:
    clock = VirtualClock()
    with Receiver([404] * 20 + [200]) as receiver:
        sync = ws.Sync("demo", receiver.url, clock=clock, pause_after_failures=3, concurrency=4)
        with sync.open() as stream:
            stream.send_many(EVENTS)
            clock.advance(1)
            opened = receiver.request_count
            assert opened < 12
            # Half open after five seconds: one request, and it fails; then after ten.
            clock.advance(5)
            assert receiver.request_count == opened + 1
            clock.advance(8)
            assert receiver.request_count == opened + 1
            clock.advance(2)
            assert receiver.request_count == opened + 2
            clock.advance("30m")
        assert stream.report().delivered == len(EVENTS)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("Thu, 01 Jan 2026 00:00:45 GMT", 45),
        ("Thursday, 01-Jan-26 00:00:45 GMT", 45),
        ("45", 45),
        # Never sooner than the schedule, never later than twice its gap; what is none is no wish.
        ("Thu, 01 Jan 2026 00:00:05 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 30),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 60),
        ("99999999999999999999", 60),
        ("soon", 30),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_limits(asked: str, seconds: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(503)
            self.send_header("Retry-After", asked)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    policy = ws.RetryPolicy(jitter=0, tries=1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        sync = ws.Sync("demo", url, clock=VirtualClock(), retry=policy)
        sync.run(EVENTS[:1], progress=False)
        due = datetime.fromisoformat(sync.status()["next_due"])
        server.shutdown()
    assert (due - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() == seconds


def test_a_disabled_sync_refuses_and_keeps_what_it_had(tmp_path: Path) -> None:
    with Receiver([404]) as receiver:
        store = tmp_path / "demo.db"
        ws.Sync("demo", receiver.url, store=store).run(EVENTS[:2], progress=False)
        sync = ws.Sync("demo", receiver.url, store=store, enabled=False)
        for use in (sync.open, sync.drain, lambda: sync.run(EVENTS, progress=False)):
            with pytest.raises(ws.ConfigError, match="enabled") as raised:
                use()
            assert raised.value.kind == "disabled"
        assert sync.status()["pending"] == 2
