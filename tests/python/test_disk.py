"""A disk that is full, fails, or is no place for a store: `send` raises, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import run

import webhook_stream as ws
from webhook_stream.testing import Receiver

SEND = """
import os, sys
import webhook_stream as ws

url, store, ledger, ballast = sys.argv[1:]
sync = ws.Sync("demo", url, store=store, event_key="n", concurrency=2)
kinds = []

class EnoughError(Exception):
    pass

try:
    with sync.open() as stream, open(ledger, "w") as book:
        for n in range(10_000):
            try:
                stream.send({"n": n, "pad": os.urandom(2000).hex()})
            except ws.StoreError as error:
                kinds.append(error.kind)
                assert len(str(error).splitlines()) == 1, str(error)
                print(error, file=sys.stderr)
                if len(kinds) == 3:
                    break
            else:
                print(n, file=book, flush=True)
        if ballast:
            # There is room again: the same stream goes on.
            os.remove(ballast)
            stream.send({"n": 77_777})
            print(77_777, file=book, flush=True)
        raise EnoughError
except EnoughError:
    print(*kinds)
"""


def send(
    store: Path, ledger: Path, *, under: Sequence[str] = (), ballast: str = "", head: str = ""
) -> tuple[list[str], str]:
    """Send to a receiver that hangs until the store failed three times.

    Return the kinds of the errors, and where it was sent to.
    """
    with Receiver(["hang"]) as receiver:
        words = [sys.executable, "-c", head + SEND, receiver.url, str(store), str(ledger), ballast]
        done = subprocess.run([*under, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split(), receiver.url


def accepted(ledger: Path) -> set[int]:
    return {int(line) for line in ledger.read_text().split()}


def delivered(store: Path, url: str) -> set[int]:
    """Let another process's worth of delivering begin; the numbers that arrive."""
    with Receiver(port=int(url.rsplit(":", 1)[1])) as receiver:
        sync = ws.Sync("demo", url, store=store, event_key="n", concurrency=2)
        assert sync.drain(60, progress=False).pending == 0
        return {json.loads(request.body)["n"] for request in receiver.requests}


def test_a_file_that_may_not_grow_makes_send_raise_and_keeps_what_was_accepted(
    tmp_path: Path,
) -> None:
    store, ledger = tmp_path / "demo.db", tmp_path / "ledger"
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
    kinds, url = send(store, ledger, head=limit)
    # After an error of the disk nobody knows what is on it: nothing more is accepted.
    assert kinds == ["io", "io", "io"]
    assert len(accepted(ledger)) > 5
    assert accepted(ledger) <= delivered(store, url)


def can_mount() -> bool:
    tried = subprocess.run(
        ["unshare", "-r", "-m", "true"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@pytest.mark.skipif(
    shutil.which("unshare") is None or not can_mount(), reason="nothing may be mounted"
)
def test_a_full_disk_makes_send_raise_until_there_is_room(tmp_path: Path) -> None:
    disk, ledger = tmp_path / "disk", tmp_path / "ledger"
    disk.mkdir()
    (tmp_path / "kept").mkdir()
    script = (
        'mount -t tmpfs -o size=4m tmpfs "$0" && head -c 2000000 /dev/zero > "$0/ballast" && '
        'shift && "$@"; status=$?; cp "$0"/demo.db* "$0/../kept/"; exit $status'
    )
    under = ["unshare", "-r", "-m", "sh", "-c", script, str(disk), "-"]
    kinds, url = send(disk / "demo.db", ledger, under=under, ballast=str(disk / "ballast"))
    assert kinds == ["full", "full", "full"]
    assert len(accepted(ledger)) > 20
    assert 77_777 in accepted(ledger)
    assert accepted(ledger) <= delivered(tmp_path / "kept" / "demo.db", url)


def test_a_full_disk_says_how_much_of_a_call_was_accepted(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    code = """
import json, sys
import webhook_stream as ws

events = [{"event_type": "e", "n": n, "text": "x" * 600} for n in range(5000)]
sync = ws.Sync("demo", "http://127.0.0.1:9/", store=sys.argv[1])
stream = sync.open()
for batch in (events, events[:1]):
    try:
        stream.send_many(batch)
        print(json.dumps(["accepted", 0]))
    except ws.StoreError as error:
        print(json.dumps([str(error), sync.status()["accepted"]]))
"""
    script = 'mount -t tmpfs -o size=3m tmpfs "$0" && "$@"'
    under = ["unshare", "-r", "-m", "sh", "-c", script, str(disk)]
    done = subprocess.run(
        [*under, sys.executable, "-c", code, str(disk / "demo.db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    taken = re.search(r"of this call the first ([0-9,]+) of 5,000 events were accepted", first[0])
    assert taken, (first, done.stderr)
    assert int(taken[1].replace(",", "")) == first[1] > 0
    assert second[0].endswith("nothing of this call was accepted") or second[0] == "accepted"


STRACE = ("strace", "-f", "-qq", "-o", "/dev/null", "-e")


def has_strace(option: str = "inject=fdatasync:delay_enter=1") -> bool:
    if shutil.which("strace") is None:
        # A tool that is missing in CI is a failure, not a test less.
        return os.environ.get("CI") == "true"
    command = [*STRACE, option, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_strace(), reason="there is no strace")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_sync_that_fails_makes_send_raise_for_good(error: str, tmp_path: Path) -> None:
    store, ledger = tmp_path / "demo.db", tmp_path / "ledger"
    # One that fails once: what the system dropped then is not there the second time either.
    inject = f"inject=fdatasync:error={error}:when=20"
    under = [*STRACE, inject]
    kinds, url = send(store, ledger, under=under)
    assert kinds == ["io", "io", "io"]
    assert 3 < len(accepted(ledger)) < 40
    assert accepted(ledger) <= delivered(store, url)


POKE = "inject=statfs,fstatfs:poke_exit=@arg2="


@pytest.mark.skipif(
    not has_strace(POKE + "6969000000000000"), reason="there is no strace that changes answers"
)
@pytest.mark.parametrize(
    ("magic", "name"),
    # The third is FUSE, of a type that is none of it.
    [("69690000", "NFS"), ("56426f78", "VirtualBox"), ("46557365", "a network file system, ")],
)
def test_a_network_file_system_is_refused(magic: str, name: str, tmp_path: Path) -> None:
    code = (
        "import sys, webhook_stream as ws\n"
        "try:\n    ws.Sync('demo', 'http://127.0.0.1:9/', store=sys.argv[1]).drain()\n"
        "except ws.StoreError as error:\n    print(error.kind, error)\n"
    )
    done = subprocess.run(
        [*STRACE, f"{POKE}{magic}00000000", sys.executable, "-c", code, str(tmp_path / "demo.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("place "), done.stdout + done.stderr
    assert name in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert not (tmp_path / "demo.db").exists()


@pytest.mark.parametrize("mask", [0o000, 0o777, 0o077])
def test_a_store_is_its_owners_whatever_the_mask_of_the_process(mask: int, tmp_path: Path) -> None:
    code = (
        "import os, sys, webhook_stream as ws\n"
        "os.umask(int(sys.argv[3]))\n"
        "stream = ws.Sync('demo', sys.argv[1], store=sys.argv[2]).open()\n"
        "stream.send({'n': 1})\n"
        "folder = os.path.dirname(sys.argv[2])\n"
        "files = [entry.path for entry in os.scandir(folder)]\n"
        "for path in [folder, os.path.dirname(folder), *files]:\n"
        "    print(path, oct(os.stat(path).st_mode & 0o777), flush=True)\n"
        "os._exit(0)\n"
    )
    store = tmp_path / "a" / "b" / "demo.db"
    with Receiver(["hang"]) as receiver:
        words = [sys.executable, "-c", code, receiver.url, str(store), str(mask)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if mask == 0o777 and os.geteuid() != 0:
        # Folders that nobody may enter hold no store.
        assert done.returncode != 0
        return
    assert done.returncode == 0, done.stderr
    modes = {Path(row.split()[0]).name: int(row.split()[1], 8) for row in done.stdout.splitlines()}
    for name in ("demo.db", "demo.db-wal", "demo.db-shm", "demo.db.lock"):
        assert modes[name] == 0o600, modes
    assert modes["a"] & 0o077 == 0
    assert modes["b"] & 0o077 == 0
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ws.StoreError) as raised:
            ws.Sync("demo", "http://127.0.0.1:9/", store=tmp_path / "demo.db").drain()
    finally:
        tmp_path.chmod(0o700)
    assert raised.value.kind == "io"
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "text.db").write_text("a diary, long enough to be looked at\n" * 200)
    whole = tmp_path / "whole.db"
    ws.Sync("demo", "http://127.0.0.1:9/", store=whole).drain()
    newer = tmp_path / "newer.db"
    shutil.copy(whole, newer)
    with sqlite3.connect(newer) as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    (tmp_path / "link.db").symlink_to(whole)
    for name, kind in (
        ("folder.db", "place"),
        ("text.db", "damaged"),
        ("newer.db", "newer"),
        ("link.db", "place"),
    ):
        sync = ws.Sync("demo", "http://127.0.0.1:9/", store=tmp_path / name)
        for use in (sync.drain, sync.open, lambda sync=sync: sync.run([{"n": 1}], progress=False)):
            with pytest.raises(ws.StoreError) as raised:
                use()
            assert raised.value.kind == kind, raised.value
            assert name in str(raised.value)
            assert len(str(raised.value).splitlines()) == 1


def test_doctor_reads_all_of_a_store_and_recover_mends_it(tmp_path: Path) -> None:
    store = tmp_path / "demo.db"
    with Receiver([404]) as receiver:
        ws.Sync("demo", receiver.url, store=store).run(
            [{"n": n, "text": "x" * 400} for n in range(300)], progress=False
        )
    (tmp_path / "syncs.toml").write_text('[sync.demo]\nurl = "http://127.0.0.1:9/"\n')
    assert run("doctor", "syncs.toml", cwd=tmp_path).returncode == 0
    pages = store.read_bytes()
    page = pages.rindex(b"x" * 400) // 8192 * 8192
    store.write_bytes(pages[:page] + bytes(8192) + pages[page + 8192 :])
    done = run("doctor", "syncs.toml", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "demo.db: expected a whole store, found it damaged" in done.stdout
    assert "`webhook-stream recover`" in done.stdout
    assert run("recover", "syncs.toml", cwd=tmp_path).returncode == 1
    assert run("doctor", "syncs.toml", cwd=tmp_path).returncode == 0


def test_a_recovery_that_was_cut_off_is_finished_by_the_next(tmp_path: Path) -> None:
    store = tmp_path / "demo.db"
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url, store=store)
        sync.run([{"n": n} for n in range(3)], progress=False)
    (tmp_path / "syncs.toml").write_text('[sync.demo]\nurl = "http://127.0.0.1:9/"\n')
    # Between its two renames.
    shutil.copy(store, tmp_path / "demo.db.recovered")
    store.rename(tmp_path / "demo.db.damaged")
    for use in (sync.open, sync.status, sync.drain):
        with pytest.raises(ws.StoreError, match="recover` finishes it") as raised:
            use()
        assert raised.value.kind == "damaged"
    assert run("doctor", "syncs.toml", cwd=tmp_path).returncode == 1
    done = run("recover", "syncs.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sync.status()["pending"] == 3
    assert not (tmp_path / "demo.db.recovered").exists()


def test_recover_refuses_a_newer_store_and_what_is_none(tmp_path: Path) -> None:
    store = tmp_path / "demo.db"
    (tmp_path / "syncs.toml").write_text('[sync.demo]\nurl = "http://127.0.0.1:9/"\n')
    ws.Sync("demo", "http://127.0.0.1:9/", store=store).drain()
    with sqlite3.connect(store) as sql:
        sql.execute("PRAGMA user_version = 2")
    sql.close()
    newer = store.read_bytes()
    for content, words in (
        (newer, "found 2 (update webhook_stream)"),
        (b"a diary\n" * 3000, "found nothing of one in the file"),
    ):
        store.write_bytes(content)
        done = run("recover", "syncs.toml", cwd=tmp_path)
        assert done.returncode != 0, done.stdout
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert store.read_bytes() == content
        assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.db", "syncs.toml"]


def test_a_store_that_was_taken_away_acknowledges_nothing(tmp_path: Path) -> None:
    store = tmp_path / "demo.db"
    with Receiver() as receiver:
        stream = ws.Sync("demo", receiver.url, store=store).open()
        stream.send({"n": 1})
        store.unlink()
        for _ in range(3):
            with pytest.raises(ws.StoreError, match="removed or replaced") as raised:
                stream.send({"n": 2})
            assert raised.value.kind == "io"
        with pytest.raises(ws.StoreError):
            stream.close()


def test_what_recover_saves_belongs_to_its_sync_even_when_the_name_is_lost(tmp_path: Path) -> None:
    store = tmp_path / "demo.db"
    with Receiver([404]) as receiver:
        url = receiver.url
        ws.Sync("demo", url, store=store).run([{"n": n} for n in range(3)], progress=False)
    with sqlite3.connect(store) as sql:
        sql.execute("DELETE FROM sync")
    sql.close()
    (tmp_path / "syncs.toml").write_text(f'[sync.demo]\nurl = "{url}"\n')
    done = run("recover", "syncs.toml", cwd=tmp_path)
    # How many are lost, nobody knows.
    assert done.returncode == 1, done.stderr
    assert "3" in done.stdout + done.stderr
    assert (tmp_path / "demo.db.damaged").exists()
    with Receiver(port=int(url.rsplit(":", 1)[1])) as receiver:
        sync = ws.Sync("demo", url, store=store)
        assert sync.status()["pending"] == 3
        assert sync.drain(60, progress=False).delivered == 3
