"""The commands that set up, check and explain: init, doctor, schema, completion, and the help."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver

BASH = shutil.which("bash") or "bash"
PROGRAM = (sys.executable, "-m", "webhook_stream")


def run(
    *words: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *words]
    variables = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**variables, **(env or {})},
    )


def test_what_init_writes_passes_check_and_test_and_runs_at_once(tmp_path: Path) -> None:
    done = run("init", "new/folder", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "new" / "folder"
    assert done.stdout.split() == [
        "new/folder/syncs.toml",
        "new/folder/payload.ftl",
        "new/folder/payload.ftltest.yaml",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "payload.ftl",
        "payload.ftltest.yaml",
        "syncs.toml",
    ]
    checked = run("check", "syncs.toml", cwd=folder)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert "0 findings" in checked.stderr
    tested = run("test", cwd=folder)
    assert (tested.returncode, tested.stderr.strip()) == (0, "3 passed, 0 failed")
    event = {
        "user_id": "u-1",
        "event_type": "Order Completed",
        "event_time": "2026-03-09 14:05:09.123000",
        "event_properties": {},
        "user_properties": {"email": 'a"b@example.com'},
    }
    (folder / "events.ndjson").write_text(json.dumps(event) + '\n{"event_type": "Login"}\n')
    with Receiver() as receiver:
        text = (folder / "syncs.toml").read_text()
        (folder / "syncs.toml").write_text(text.replace("http://127.0.0.1:8080", receiver.url))
        assert run("run", "syncs.toml", "events.ndjson", cwd=folder).returncode == 0
        [request] = receiver.requests
    assert json.loads(request.body)["email"] == 'a"b@example.com'


def test_every_line_that_init_comments_out_can_be_used(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    text = (tmp_path / "syncs.toml").read_text()
    options = re.findall(r"^# (\w+ = .*|\[.*\].*)$", text, re.MULTILINE)
    assert len(options) > 8
    text = re.sub(r"^# (?!filter_file)(\w+ = .*|\[.*\].*)$", r"\1", text, flags=re.MULTILINE)
    (tmp_path / "syncs.toml").write_text(text)
    env = {"TOKEN": "t", "SIGNING_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    done = run("check", "syncs.toml", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_init_overwrites_nothing_and_then_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "payload.ftl").write_text("mine")
    done = run("init", cwd=tmp_path)
    assert done.returncode == 1
    assert "found payload.ftl" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["payload.ftl"]
    assert (tmp_path / "payload.ftl").read_text() == "mine"
    (tmp_path / "payload.ftl").unlink()
    (tmp_path / "syncs.toml").symlink_to("nowhere")
    assert run("init", cwd=tmp_path).returncode == 1
    assert run("init", "syncs.toml/x", cwd=tmp_path).returncode == 1


def test_a_healthy_machine_has_no_findings_and_nothing_is_sent(tmp_path: Path) -> None:
    with Receiver() as receiver:
        (tmp_path / "syncs.toml").write_text(
            f'[sync.braze]\nurl = "{receiver.url}/"\nheaders = {{ A = "${{secrets.WS_TOKEN}}" }}\n'
        )
        done = run("doctor", "syncs.toml", "--json", cwd=tmp_path, env={"WS_TOKEN": "canary-4711"})
        assert done.returncode == 0, done.stdout
        assert receiver.request_count == 0
    rows = json.loads(done.stdout)
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["check"] for row in rows} == {
        "versions",
        "clock",
        "open files",
        "certificates",
        "proxies",
        "host",
        "secrets",
        "store's disk",
    }
    secrets = next(row for row in rows if row["check"] == "secrets")
    assert (secrets["sync"], secrets["message"]) == ("braze", "set: WS_TOKEN")
    assert "canary" not in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["syncs.toml"]


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 1, done.stdout
    rows = json.loads(done.stdout)
    return {row["check"]: row["message"] for row in rows if row["status"] == "finding"}


def test_doctor_finds_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "syncs.toml").write_text(
        '[sync.a]\nurl = "https://hook.invalid/x"\n'
        'headers = { A = "${secrets.WS_MISSING}" }\nstore = "no/folder/yet.db"\n'
        'ca_file = "missing.pem"\nconcurrency = 4000\n'
    )
    env = {"HTTPS_PROXY": "http://user:canary-4711@127.0.0.1:1", "SSL_CERT_FILE": "missing.pem"}
    command = ["doctor", "syncs.toml", "--json"]
    done = run(*command, cwd=tmp_path, env=env)
    found = findings(done)
    assert "hook.invalid was not found" in found["host"]
    assert found["secrets"] == "not set: WS_MISSING"
    assert "missing.pem" in found["own certificates"]
    assert found["proxies"] == "HTTPS_PROXY is ignored: requests to hook.invalid go directly"
    assert "certificates" in found
    assert "canary" not in done.stdout + done.stderr
    limited = subprocess.run(
        [BASH, "-c", 'ulimit -n 256; exec "$@"', "-", *PROGRAM, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert findings(limited)["open files"] == "at most 256 may be open, and 4064 may be needed"


def test_doctor_applies_the_address_policy_and_looks_into_the_store(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    with Receiver() as receiver:
        ws.Sync("a", receiver.url, store=store).run([{"n": 1}], progress=False)
    toml = '[sync.a]\nurl = "http://127.0.0.1:9/"\naddress_policy = "public"\n'
    (tmp_path / "syncs.toml").write_text(toml)
    store.chmod(0o644)
    found = findings(run("doctor", "syncs.toml", "--json", cwd=tmp_path))
    assert found["host"] == '127.0.0.1 is 127.0.0.1, which address_policy = "public" forbids'
    assert found["store"].startswith("others may read ")
    store.chmod(0o600)
    allowed = toml + 'allow_addresses = ["127.0.0.1"]\n'
    (tmp_path / "syncs.toml").write_text(allowed)
    done = run("doctor", "syncs.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "a.db is sound: 0 pending, 0 dead letters" in done.stdout
    store.write_bytes(b"\0nonsense" * 1000)
    found = findings(run("doctor", "syncs.toml", "--json", cwd=tmp_path))
    assert "a.db" in found["store"]


def test_doctor_says_which_file_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "syncs.toml").write_text("[sync.a]\nurll = 1\n")
    done = run("doctor", "syncs.toml", cwd=tmp_path)
    assert done.returncode == 3
    assert "did you mean `url`?" in done.stderr


def test_the_name_of_a_sync_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "syncs.toml").write_text('[sync.braze]\nurl = "http://127.0.0.1:9/"\n')
    done = run("send-test", "syncs.toml", "brace", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean `braze`?" in done.stderr
    assert "did you mean" not in run("send-test", "syncs.toml", "other", cwd=tmp_path).stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [*PROGRAM, "completion", "zsh"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


def test_schema_prints_a_json_schema(tmp_path: Path) -> None:
    schema = json.loads(run("schema", cwd=tmp_path).stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    sync = schema["properties"]["sync"]["additionalProperties"]
    assert sync["properties"]["concurrency"]["default"] == 32
    assert sync["properties"]["retry"]["properties"]["tries"]["maximum"] == 20
    assert all(option["description"] for option in sync["properties"].values())


COMPLETE = """
source <(command webhook-stream completion bash)
COMP_WORDS=(webhook-stream "$@"); COMP_CWORD=$#; COMP_LINE="webhook-stream $*"
function=$(complete -p webhook-stream | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" webhook-stream "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dea"], "dead-letters"),
        (["run", "--wa"], "--wait"),
        (["dead-letters", "--rea"], "--reason"),
        (["run", "--wait", "set"], "settled"),
        (["completion", "zs"], "zsh"),
    ],
)
def test_bash_completes_commands_options_and_values(
    tmp_path: Path, words: list[str], expected: str
) -> None:
    program = tmp_path / "webhook-stream"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m webhook_stream "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        [BASH, "-c", COMPLETE, "-", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        timeout=60,
    )
    assert done.stdout.split() == [expected], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_other_shells_get_a_script_that_they_can_read(tmp_path: Path, shell: str) -> None:
    done = run("completion", shell, cwd=tmp_path)
    assert done.returncode == 0
    assert "dead-letters" in done.stdout
    if shell != "powershell" and shutil.which(shell):
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=True, timeout=60)


def test_completion_names_the_shells_it_knows(tmp_path: Path) -> None:
    done = run("completion", "tcsh", cwd=tmp_path)
    assert done.returncode == 2
    assert "bash" in done.stderr


def test_the_help_of_every_command_has_an_example_of_it(tmp_path: Path) -> None:
    listed = run("--help", cwd=tmp_path).stdout.split("Commands:")[1].split("Options:")[0]
    commands = re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)
    commands.remove("help")
    assert len(commands) == 17
    for command in commands:
        text = run(command, "--help", cwd=tmp_path).stdout
        assert f"webhook-stream {command} " in text.split("Example")[1], command
        assert "Usage: webhook-stream" in text
