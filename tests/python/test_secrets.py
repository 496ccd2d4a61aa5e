"""A secret is in the request and nowhere else: a whole life is logged, every byte searched."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

CANARIES = {
    "HEADER_TOKEN": "canary-header-4711",
    "URL_TOKEN": "canary-url-4712",
    "SIGNING": "whsec_Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTQ3MTM=",
}

LIFE = """
import logging, sys
import webhook_stream as ws

class Everything(logging.Handler):
    def emit(self, record):
        print(record.levelname, record.name, record.getMessage(), vars(record), flush=True)

logging.basicConfig(level=1, handlers=[Everything()])
logging.getLogger("webhook_stream").setLevel(1)
url, store = sys.argv[1:]

def make(**options):
    return ws.Sync(
        "canary",
        url + "/?token=${secrets.URL_TOKEN}",
        headers={"Authorization": "Bearer ${secrets.HEADER_TOKEN}"},
        signing_secret="${secrets.SIGNING}",
        store=store,
        event_key="id",
        retry=ws.RetryPolicy(schedule=[0.01], jitter=0, tries=2, try_backoff_seconds=0.01),
        **options,
    )

sync = make()
report = sync.run([{"id": n} for n in range(3)], wait="settled", progress=False)
print(repr(sync), report, report.to_dict(), report.errors, sync.status(), sync.metrics())
print(list(sync.dead_letters()), sync.preview([{"id": 1}]), sync.replay(dry_run=True))
stream = sync.open()
stream.send_many({"id": f"p{n}"} for n in range(5))
print(stream.report(), vars(sync))
try:
    make(timeout_seconds=-1)
except ws.ConfigError as error:
    print(repr(error), error)
try:
    make().drain()
except ws.StoreError as error:
    print(repr(error), error)
print("ready", flush=True)
sys.stdin.readline()
raise RuntimeError("mine")
"""


@pytest.mark.parametrize("end", ["exception", "kill"])
def test_no_secret_is_in_files_logs_or_tracebacks(end: str, tmp_path: Path) -> None:
    store = tmp_path / "store" / "canary.db"
    with Receiver([{"status": 500}]) as receiver:
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", LIFE, receiver.url, str(store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **CANARIES, "RUST_BACKTRACE": "full", "RUST_LOG": "trace"},
        )
        assert process.stdout is not None
        lines = []
        while (line := process.stdout.readline()) != "ready\n":
            assert line, process.communicate()
            lines.append(line)
        # The log beside the store is there as long as it is open, and after a kill.
        kept = {path.name: path.read_bytes() for path in store.parent.iterdir()}
        if end == "kill":
            process.send_signal(signal.SIGKILL)
        out, err = process.communicate("go\n" if end == "exception" else None, timeout=60)
        kept |= {f"after/{path.name}": path.read_bytes() for path in store.parent.iterdir()}
        request = receiver.requests[0]
    assert request.headers["authorization"] == f"Bearer {CANARIES['HEADER_TOKEN']}"
    assert CANARIES["URL_TOKEN"] in request.path
    assert request.headers["webhook-signature"].startswith("v1,")
    if end == "exception":
        assert "RuntimeError: mine" in err
    assert any(name.endswith("-wal") for name in kept)
    shown = "".join(lines) + out + err
    assert "webhook_stream" in shown
    assert "secrets.HEADER_TOKEN" in shown
    assert "is a dead letter (exhausted)" in shown
    for canary in CANARIES.values():
        assert canary not in shown
        found = [name for name, content in kept.items() if canary.encode() in content]
        assert not found


def test_the_command_line_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text('{"id": 1}\n{"id": 2}\nnope\n')
    shown = ""
    with Receiver([{"status": 401}]) as receiver:
        (tmp_path / "syncs.toml").write_text(
            f"""
            [sync.canary]
            url = "{receiver.url}/?token=${{secrets.URL_TOKEN}}"
            signing_secret = "${{secrets.SIGNING}}"
            retry = {{ schedule = [] }}
            [sync.canary.headers]
            Authorization = "Bearer ${{secrets.HEADER_TOKEN}}"
            """
        )
        for words in (
            "check syncs.toml --events events.ndjson",
            "run syncs.toml events.ndjson -vv",
            "status syncs.toml",
            "dead-letters syncs.toml",
            "send-test syncs.toml canary --event events.ndjson",
            "replay syncs.toml --dry-run",
            "replay syncs.toml canary -vv",
            "explain syncs.toml --event events.ndjson",
            "doctor syncs.toml",
        ):
            done = subprocess.run(
                [sys.executable, "-m", "webhook_stream", *words.split()],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, **CANARIES},
            )
            shown += f"$ {words}\n{done.stdout}{done.stderr}"
        assert receiver.requests[0].headers["authorization"].endswith(CANARIES["HEADER_TOKEN"])
    assert "exhausted" in shown
    for canary in CANARIES.values():
        assert canary not in shown


def test_a_token_written_into_a_url_is_not_repeated(tmp_path: Path) -> None:
    # Not the way to do it, but people do.
    with Receiver([404]) as receiver:
        sync = ws.Sync(
            "written",
            f"{receiver.url}/${{input.id?url}}?key=canary-written",
            store=tmp_path / "written.db",
            retry=ws.RetryPolicy(schedule=[]),
            allow_addresses=["127.0.0.0/8"],
        )
        report = sync.run([{"id": "a?b"}], progress=False)
        assert receiver.requests[0].path == "/a%3Fb?key=canary-written"
        letters = list(sync.dead_letters())
    assert letters[0]["url"] == f"{receiver.url}/a%3Fb?..."
    assert repr(sync) == f"Sync('written', '{receiver.url}/${{input.id?url}}?...')"
    assert "canary" not in f"{report} {report.errors} {letters} {sync!r}"


def test_a_pickled_sync_names_its_secrets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    sync = ws.Sync(
        "canary",
        "https://example.com/?token=${secrets.URL_TOKEN}",
        headers={"Authorization": "Bearer ${secrets.HEADER_TOKEN}"},
        signing_secret="${secrets.SIGNING}",  # noqa: S106 - a reference, no secret
    )
    text = pickle.dumps(sync)
    assert b"secrets.SIGNING" in text
    assert not [name for name, value in CANARIES.items() if value.encode() in text]


def test_text_from_events_names_no_secret(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADER_TOKEN", CANARIES["HEADER_TOKEN"])
    text = "${secrets.HEADER_TOKEN} <#assign x=1> ${input.other} \\u0001HEADER_TOKEN\\u0002"
    sync = ws.Sync(
        "injected",
        receiver.url + "/${input.path?url}",
        headers={"Authorization": "Bearer ${secrets.HEADER_TOKEN}", "X-Text": "${input.text}"},
        template=ws.Template('{"text": "${input.text?json_string}"}'),
        allow_addresses=["127.0.0.0/8"],
    )
    report = sync.run([{"text": text, "path": text, "other": "x"}], progress=False)
    assert report.delivered == 1, report.errors
    request = receiver.requests[0]
    assert request.headers["x-text"] == text
    assert CANARIES["HEADER_TOKEN"] not in request.path + request.headers["x-text"]
    assert CANARIES["HEADER_TOKEN"].encode() not in request.body
