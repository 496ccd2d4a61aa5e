"""The command line, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

from webhook_stream.testing import Receiver

SYNCS = """
[sync.braze]
url = "{url}/braze"
template = "t.ftl"
filter = 'input.user_id??'
store = "memory"
[sync.raw]
url = "{url}/raw"
store = "memory"
[sync.off]
url = "{url}/off"
enabled = false
"""


@pytest.fixture
def folder(tmp_path: Path, receiver: Receiver) -> Path:
    (tmp_path / "t.ftl").write_text('{"u": "${input.user_id}"}')
    (tmp_path / "syncs.toml").write_text(SYNCS.format(url=receiver.url))
    (tmp_path / "events.ndjson").write_text('{"user_id":"a"}\n{"user_id":null}\n')
    return tmp_path


def test_run_sends_to_every_enabled_sync(folder: Path, receiver: Receiver) -> None:
    done = run("run", "syncs.toml", "events.ndjson", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "off: disabled, skipped" in done.stderr
    paths = sorted(request.path for request in receiver.requests)
    assert paths == ["/braze", "/raw", "/raw"]


def test_run_prints_reports_as_json(folder: Path) -> None:
    done = run("run", "syncs.toml", "-", "--json", cwd=folder, stdin='{"user_id":"a"}\n')
    reports = {row["sync"]: row["report"] for row in json.loads(done.stdout)}
    assert reports["braze"]["delivered"] == 1
    assert reports["raw"]["delivered"] == 1


def test_the_exit_status_says_how_it_went(folder: Path) -> None:
    (folder / "bad.ndjson").write_text("nope\n")
    assert run("run", "syncs.toml", "bad.ndjson", cwd=folder).returncode == 1
    assert run("run", "syncs.toml", cwd=folder).returncode == 2
    assert run("runn", cwd=folder).returncode == 2
    (folder / "t.ftl").write_text("${")
    assert run("run", "syncs.toml", "events.ndjson", cwd=folder).returncode == 3
    with Receiver([404]) as failing:
        (folder / "one.toml").write_text(f'[sync.a]\nurl = "{failing.url}"\nstore = "memory"\n')
        done = run("run", "one.toml", "events.ndjson", cwd=folder)
    assert done.returncode == 75
    assert "2 pending" in done.stderr


def test_check_finds_what_would_fail(folder: Path) -> None:
    (folder / "t.ftl").write_text('{"u": "${input.user_id?json_string}"}')
    done = run("check", "syncs.toml", "--events", "events.ndjson", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "1 of 2 events pass the filter" in done.stderr
    (folder / "t.ftl").write_text('{"u": ${input.nope}}')
    done = run("check", "syncs.toml", "--events", "events.ndjson", cwd=folder)
    assert done.returncode == 1
    assert "nope" in done.stdout


def test_check_finds_without_events_what_will_hurt(folder: Path) -> None:
    (folder / "t.ftl").write_text('{"u": "${input.user_id}", "v": "${input.event_type}"}')
    done = run("check", "syncs.toml", cwd=folder)
    assert done.returncode == 1
    assert "braze: t.ftl:1:10: warning" in done.stdout
    assert done.stdout.count("hint: print it with") == 1
    assert "3 syncs checked, 2 findings" in done.stderr
    rows = json.loads(run("check", "syncs.toml", "--json", cwd=folder).stdout)
    assert [(row["sync"], row["rule"], row["line"]) for row in rows] == [
        ("braze", "unescaped_text", 1)
    ] * 2


def test_render_prints_the_payload(folder: Path) -> None:
    done = run("render", "t.ftl", "--event", "-", cwd=folder, stdin='{"user_id":"ada"}')
    assert done.stdout == '{"u": "ada"}'
    done = run("render", "t.ftl", "--event", "-", cwd=folder, stdin="{}")
    assert done.returncode == 3
    assert "t.ftl:1" in done.stderr


def test_explain_says_why(folder: Path) -> None:
    done = run("explain", "syncs.toml", "--event", "-", cwd=folder, stdin='{"user_id":null}')
    assert "braze does not send it" in done.stdout
    assert "raw sends it" in done.stdout


def test_send_test_shows_request_and_answer(folder: Path, receiver: Receiver) -> None:
    done = run("send-test", "syncs.toml", "braze", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "delivered" in done.stdout
    assert receiver.request_count == 1
    assert run("send-test", "syncs.toml", "nobody", cwd=folder).returncode == 2


def test_receive_prints_what_arrives(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "webhook_stream",
        "receive",
        "--port",
        "0",
        "--count",
        "1",
        "--json",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        (folder / "one.toml").write_text(f'[sync.a]\nurl = "{url}"\nstore = "memory"\n')
        run("run", "one.toml", "events.ndjson", cwd=folder)
        out, _ = process.communicate(timeout=30)
    assert json.loads(out.splitlines()[0])["method"] == "POST"


def test_help_and_version_go_to_standard_output(folder: Path) -> None:
    assert "send-test" in run("--help", cwd=folder).stdout
    assert run("--version", cwd=folder).stdout.startswith("webhook-stream ")


def test_a_store_is_drained_looked_at_and_replayed(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"user_id": f"u{n}"}) + "\n" for n in range(5))
    (tmp_path / "events.ndjson").write_text(lines)
    (tmp_path / "new.ftl").write_text('{"new": "${input.user_id}"}')
    with Receiver([404]) as failing:
        toml = (
            f'[sync.one]\nurl = "{failing.url}"\nretry = {{ schedule = [3.0], jitter = 0.0 }}\n'
            '[sync.two]\nurl = "http://127.0.0.1:1/"\nenabled = false\n'
        )
        (tmp_path / "syncs.toml").write_text(toml)
        done = run("run", "syncs.toml", "events.ndjson", cwd=tmp_path)
        assert done.returncode == 75
        assert "5 pending deliveries are in" in done.stderr
        status = json.loads(run("status", "syncs.toml", "--json", cwd=tmp_path).stdout)
        assert [row["pending"] for row in status] == [5, 0]
        done = run("drain", "syncs.toml", "--timeout", "20", cwd=tmp_path)
        assert done.returncode == 1
        assert "two: disabled, skipped" in done.stderr
        done = run("drain", "syncs.toml", "two", cwd=tmp_path)
        assert (done.returncode, "disabled, skipped" in done.stderr) == (0, True)
    letters = run("dead-letters", "syncs.toml", "one", "--reason", "exhausted", cwd=tmp_path).stdout
    rows = [json.loads(line) for line in letters.splitlines()]
    assert [row["sync"] for row in rows] == ["one"] * 5
    assert len(rows[0]["attempts"]) == 2
    assert run("dead-letters", "syncs.toml", "--until", "1h", cwd=tmp_path).stdout == ""
    assert run("dead-letters", "syncs.toml", "--since", "soon", cwd=tmp_path).returncode == 2
    with Receiver() as receiver:
        (tmp_path / "syncs.toml").write_text(toml.replace(failing.url, receiver.url))
        dry = ["replay", "syncs.toml", "one", "--template", "new.ftl", "--dry-run"]
        payloads = [
            json.loads(row)["payload"] for row in run(*dry, cwd=tmp_path).stdout.splitlines()
        ]
        assert payloads[0] == '{"new": "u0"}'
        assert receiver.request_count == 0
        # The same bytes go to where they were to go.
        key = json.loads(letters.splitlines()[0])["key"]
        done = run("replay", "syncs.toml", "one", "--key", key, "--quiet", cwd=tmp_path)
        assert done.returncode == 75, done.stderr
        done = run("replay", "syncs.toml", "one", "--template", "new.ftl", "--json", cwd=tmp_path)
        report = json.loads(done.stdout)[0]["report"]
        assert (report["delivered"], receiver.request_count) == (4, 4)


def test_what_can_be_read_of_a_damaged_store_is_saved(tmp_path: Path) -> None:
    with Receiver([404]) as failing:
        (tmp_path / "events.ndjson").write_text('{"user_id":"a"}\n{"user_id":"b"}\n')
        (tmp_path / "syncs.toml").write_text(f'[sync.one]\nurl = "{failing.url}"\n')
        assert run("run", "syncs.toml", "events.ndjson", cwd=tmp_path).returncode == 75
    store = tmp_path / "one.db"
    store.write_bytes(b"\0" * 100 + store.read_bytes()[100:])
    done = run("status", "syncs.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "one" in done.stderr
    done = run("recover", "syncs.toml", "one", "--json", cwd=tmp_path)
    row = json.loads(done.stdout)[0]
    assert row["pending"] == 2, done.stderr
    assert (tmp_path / row["damaged_file"]).exists()
    assert json.loads(run("status", "syncs.toml", "--json", cwd=tmp_path).stdout)[0]["pending"] == 2
