"""Syncs: from events to a receiver, on real sockets."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream import samples
from webhook_stream.testing import Receiver, VirtualClock

EVENTS: list[dict[str, Any]] = [{"event_type": "Login", "user_id": f"u{n}"} for n in range(100)]


def balanced(report: ws.Report) -> bool:
    finished = report.delivered + report.pending + report.expired + report.discarded
    return report.accepted == finished


def test_the_original_event_goes_out_as_it_is(receiver: Receiver) -> None:
    text = '{"b":1.50,  "a":[1,"ü"]}'
    report = ws.Sync("raw", receiver.url).run([text], progress=False)
    assert report.delivered == 1
    request = receiver.requests[0]
    assert request.body == text.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "Amplitude/Webhook/1.0"
    assert request.headers["webhook-id"].startswith("msg_")


def test_filtered_rendered_and_delivered(receiver: Receiver) -> None:
    sync = ws.Sync(
        "demo",
        receiver.url + "/hook",
        template=ws.Template('{"user":"${input.user_id}"}'),
        filter=ws.Filter('input.user_id != "u7"'),
        headers={"X-Kind": "${input.event_type}"},
    )
    report = sync.run(iter(EVENTS), progress=False)
    assert (report.accepted, report.delivered, report.filtered) == (99, 99, 1)
    bodies = {json.loads(request.body)["user"] for request in receiver.requests}
    assert bodies == {f"u{n}" for n in range(100)} - {"u7"}
    assert {request.headers["x-kind"] for request in receiver.requests} == {"Login"}
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 99


def test_the_same_event_has_the_same_id_on_every_run(receiver: Receiver) -> None:
    event = {"$insert_id": "i", "device_id": "d", "event_type": "x"}
    for _ in range(2):
        ws.Sync("demo", receiver.url).run([event], progress=False)
    first, second = (request.headers["webhook-id"] for request in receiver.requests)
    assert first == second


def test_failures_inside_an_attempt_are_tried_again() -> None:
    with Receiver([503, 429, 200]) as receiver:
        report = ws.Sync("demo", receiver.url, concurrency=1).run(EVENTS[:1], progress=False)
        assert (report.delivered, report.success_on_first_attempt, receiver.request_count) == (
            1,
            1,
            3,
        )
        assert len({request.body for request in receiver.requests}) == 1


@pytest.mark.parametrize(("status", "requests"), [(503, 30), (404, 10)])
def test_the_whole_schedule_takes_milliseconds_on_a_virtual_clock(
    status: int, requests: int
) -> None:
    with Receiver([status]) as receiver:
        sync = ws.Sync("demo", receiver.url, clock=VirtualClock())
        report = sync.run(EVENTS[:1], wait="settled", progress=False)
        assert (report.expired, receiver.request_count) == (1, requests)
        letter = next(sync.dead_letters())
        assert (letter["reason"], len(letter["attempts"])) == ("exhausted", 10)


def test_what_is_pending_is_drained_later() -> None:
    clock = VirtualClock()
    with Receiver([404, 200]) as receiver:
        sync = ws.Sync("demo", receiver.url, clock=clock, concurrency=1)
        report = sync.run(EVENTS[:1], progress=False)
        assert (report.pending, balanced(report)) == (1, True)
        assert sync.status()["pending"] == 1
        clock.advance("1m")
        assert sync.drain(progress=False).delivered == 1
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_a_stream_may_be_closed_inside_its_block(receiver: Receiver) -> None:
    with ws.Sync("demo", receiver.url).open() as stream:
        stream.send_many(EVENTS[:3])
        report = stream.close()
        with pytest.raises(ws.WebhookStreamError) as stopped:
            stream.send(EVENTS[3])
    assert stopped.value.kind == "stopped"
    assert (report.delivered, stream.close().delivered, receiver.request_count) == (3, 3, 3)


def test_a_stream_sends_events_one_by_one(receiver: Receiver) -> None:
    with ws.Sync("demo", receiver.url).open() as stream:
        for event in EVENTS[:10]:
            stream.send(event)
        stream.send_many(EVENTS[10:])
    assert stream.report().delivered == 100
    assert receiver.request_count == 100


def test_template_errors_discard_the_event_and_say_why(receiver: Receiver) -> None:
    sync = ws.Sync("demo", receiver.url, template=ws.Template("${input.nope}", name="t.ftl"))
    report = sync.run(EVENTS[:3], progress=False)
    assert (report.accepted, report.discarded, balanced(report)) == (3, 3, True)
    assert "t.ftl:1" in report.errors[0]["samples"][0]["message"]
    assert next(sync.dead_letters())["reason"] == "render"
    with pytest.raises(ws.DeliveryError, match="delivery rate"):
        report.raise_for_failures()


def test_bad_lines_are_counted_and_the_run_goes_on(receiver: Receiver, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\nnot json\n[1]\n{"a":2}\n'))
    report = ws.Sync("demo", receiver.url).run(ws.read(path), progress=False)
    assert (report.delivered, report.invalid) == (2, 2)
    places = [sample["place"] for kind in report.errors for sample in kind["samples"]]
    assert sorted(place.rsplit(":", 1)[1] for place in places) == ["2", "3"]


def test_a_missing_file_is_an_error(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(ws.EventError, match="nope"):
        ws.Sync("demo", receiver.url).run(tmp_path / "nope.ndjson", progress=False)


def test_a_sample_archive_goes_through(receiver: Receiver, tmp_path: Path) -> None:
    archive = samples.amplitude_export(tmp_path / "sample.zip", events=500, seed=3)
    report = ws.Sync("raw", receiver.url).run(archive, progress=False)
    assert (report.delivered, report.invalid) == (500, 0)
    sent = {json.loads(request.body)["uuid"] for request in receiver.requests}
    assert sent == {event["uuid"] for event in ws.read(archive)}


def test_preview_sends_nothing(receiver: Receiver) -> None:
    sync = ws.Sync(
        "demo",
        receiver.url,
        template=ws.Template('{"u":"${input.user_id}"}'),
        filter=ws.Filter('input.user_id != "u1"'),
    )
    rows = sync.preview(EVENTS, limit=3)
    assert [row["outcome"] for row in rows] == ["send", "filtered", "send"]
    assert rows[0]["payload"] == {"u": "u0"}
    assert "outcome" in str(rows)
    assert "<table" in rows._repr_html_()
    assert receiver.request_count == 0


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"url": "ftp://example.com"}, "http"),
        ({"url": "https://${input.host}/x"}, "host"),
        ({"headers": {f"X-{n}": "x" for n in range(6)}}, "at most 5"),
        ({"headers": {"Host": "x"}}, "Host"),
        ({"headers": {"X-A": "a\r\nb"}}, "X-A"),
        ({"concurrency": 0}, "concurrency"),
        ({"allow_addresses": ["300.0.0.0/8"]}, "300"),
        ({"durability": "maybe"}, "durability"),
    ],
)
def test_bad_options_are_refused(keywords: dict[str, Any], words: str) -> None:
    options = {"url": "https://example.com", **keywords}
    with pytest.raises(ws.ConfigError, match=words):
        ws.Sync("demo", options.pop("url"), **options)


def test_cr_and_lf_from_an_event_reach_no_header(receiver: Receiver) -> None:
    sync = ws.Sync("demo", receiver.url, headers={"X-User": "${input.user_id}"})
    report = sync.run([{"user_id": "a\r\nX-Evil: 1"}], progress=False)
    assert (report.discarded, receiver.request_count) == (1, 0)


def test_a_secret_is_filled_in_and_never_shown(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_TOKEN", "s3cret-canary")
    sync = ws.Sync("demo", receiver.url, headers={"Authorization": "Bearer ${secrets.DEMO_TOKEN}"})
    report = sync.run(EVENTS[:1], progress=False)
    assert receiver.requests[0].headers["authorization"] == "Bearer s3cret-canary"
    shown = [
        repr(sync),
        str(report),
        repr(report.to_dict()),
        repr(sync.preview(EVENTS[:1])),
        pickle.dumps(sync),
    ]
    assert not any("s3cret-canary" in str(text) for text in shown)


def test_a_secret_that_is_not_set_is_an_error(receiver: Receiver) -> None:
    sync = ws.Sync("demo", receiver.url, headers={"Authorization": "${secrets.NOT_SET_HERE}"})
    with pytest.raises(ws.ConfigError, match="NOT_SET_HERE"):
        sync.run(EVENTS[:1], progress=False)


def test_a_disabled_sync_refuses_to_run(receiver: Receiver) -> None:
    with pytest.raises(ws.ConfigError, match="enabled"):
        ws.Sync("demo", receiver.url, enabled=False).run(EVENTS, progress=False)


def test_syncs_and_policies_pickle(receiver: Receiver) -> None:
    sync = ws.Sync(
        "demo",
        receiver.url,
        template=ws.Template("${input.user_id}"),
        filter=ws.Filter("input.user_id??"),
        retry=ws.RetryPolicy(schedule=[1, 2], tries=2, retry_statuses=[429, 503]),
    )
    again = pickle.loads(pickle.dumps(sync))  # noqa: S301 - our own bytes
    assert again.run(EVENTS[:2], progress=False).delivered == 2
    policy = ws.RetryPolicy(schedule=[1, 2], jitter=0)
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - our own bytes


def test_the_policy_tells_its_schedule() -> None:
    policy = ws.RetryPolicy()
    assert policy.describe() == "10 attempts over 4:00:00, at most 30 requests"
    rows = policy.preview()
    assert (len(rows), rows[-1]["latest_seconds"]) == (10, 14400)
    with pytest.raises(ws.ConfigError, match="jitter"):
        ws.RetryPolicy(jitter=2)


def test_ctrl_c_ends_a_run_and_loses_nothing() -> None:
    with Receiver(["hang"]) as receiver:
        sync = ws.Sync("demo", receiver.url, concurrency=2)
        timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            sync.run(EVENTS, progress=False)
        timer.join()
        # Far below the ten seconds that a hanging receiver would take.
        assert time.monotonic() - started < 5
        assert sync.status()["pending"] == 100


def test_a_fork_neither_hangs_nor_disturbs_its_parent(receiver: Receiver) -> None:
    with ws.Sync("demo", receiver.url).open() as stream:
        stream.send(EVENTS[0])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                stream.send(EVENTS[1])
            except ws.DeliveryError:
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        stream.send(EVENTS[2])
    assert stream.report().delivered == 2


def test_progress_goes_to_a_callable(receiver: Receiver) -> None:
    seen: list[int] = []

    def slowly() -> Any:
        for event in EVENTS[:3]:
            yield event
            time.sleep(0.3)

    ws.Sync("demo", receiver.url).run(
        slowly(), progress=lambda figures: seen.append(figures["accepted"])
    )
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == 3


def test_no_event_of_a_generator_waits_for_the_next_one(receiver: Receiver) -> None:
    def messages() -> Any:
        for sent in (5, 6, 7):
            yield from EVENTS[len(receiver.requests) : sent]
            deadline = time.monotonic() + 10
            while len(receiver.requests) < sent and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(receiver.requests) == sent

    report = ws.Sync("demo", receiver.url).run(messages(), progress=False)
    assert report.delivered == 7


@pytest.mark.parametrize("error", [ValueError("no more"), KeyboardInterrupt()])
def test_an_error_of_a_generator_is_raised_and_what_it_gave_is_not_lost(
    error: BaseException, receiver: Receiver, tmp_path: Path
) -> None:
    def messages() -> Any:
        yield from EVENTS
        time.sleep(0.3)
        raise error

    sync = ws.Sync("demo", receiver.url, store=tmp_path / "demo.db")
    with pytest.raises(type(error)):
        sync.run(messages(), progress=False)
    if isinstance(error, ValueError):
        # Attempted as well, so that a second try would send nothing twice.
        assert sync.status()["delivered"] == 100
    assert sync.drain().pending == 0
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 100


def test_a_slow_receiver_keeps_a_generator_from_running_ahead() -> None:
    given = 0

    def messages() -> Any:
        nonlocal given
        while given < 200_000:
            given += 1
            yield b'{"event_type": "Login", "text": "%s"}' % (b"x" * 2000)

    with Receiver(["hang"]) as receiver:
        sync = ws.Sync("demo", receiver.url, concurrency=2)
        timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            sync.run(messages(), progress=False)
        timer.join()
    # What waits is bounded by its bytes: 64 MiB by default, and what is on its way there.
    assert 1000 < given < 40_000


def test_syncs_come_from_a_file(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "t.ftl").write_text('{"u":"${input.user_id}"}')
    path = tmp_path / "syncs.toml"
    path.write_text(
        f"""
        [sync.one]
        url = "{receiver.url}"
        template = "t.ftl"
        filter = 'input.user_id == "u1"'
        retry = {{ schedule = [1, 2], jitter = 0.0 }}
        [sync.one.headers]
        X-A = "b"
        """
    )
    syncs = ws.load_syncs(path)
    assert list(syncs) == ["one"]
    assert syncs["one"].run(EVENTS, progress=False).delivered == 1
    assert receiver.requests[0].headers["x-a"] == "b"
    path.write_text('[sync.one]\nurl = "http://x"\ntemplat = "t.ftl"\n')
    with pytest.raises(ws.ConfigError, match="did you mean `template`") as raised:
        ws.load_syncs(path)
    assert (raised.value.kind, raised.value.line) == ("unknown_key", 3)
