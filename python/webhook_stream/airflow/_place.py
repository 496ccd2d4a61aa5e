"""What a task's stream is called and where its store lies: the same each time the task runs."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Behind this many days without a change, a store that holds nothing is removed.
KEEP_DAYS = 30
_LONGEST_NAME = 120


@dataclass(frozen=True)
class TaskPlace:
    """Which task of which run this is."""

    dag_id: str
    task_id: str
    interval: str
    """The time the run stands for; where it has none, the run's id."""
    map_index: int

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> TaskPlace:
        """Return the place of the task that runs in this context."""
        ti = context["ti"]
        run = context["dag_run"]
        time = getattr(run, "logical_date", None)
        interval = _compact(time) if time is not None else str(run.run_id)
        return cls(ti.dag_id, ti.task_id, interval, getattr(ti, "map_index", -1))

    @property
    def stream_id(self) -> str:
        """The name of its stream, which is part of every ``webhook-id``."""
        name = f"{self.dag_id}.{self.task_id}.{self.interval}"
        return name if self.map_index < 0 else f"{name}.{self.map_index}"

    def store(self, folder: Path) -> Path:
        """Return where its store lies."""
        name = self.interval if self.map_index < 0 else f"{self.interval}.{self.map_index}"
        return folder / file_name(self.dag_id) / file_name(self.task_id) / f"{file_name(name)}.db"


def file_name(text: str) -> str:
    """Return a name that every file system takes; different texts give different ones."""
    plain = re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".")[:_LONGEST_NAME]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def remove_old_stores(folder: Path, *, now: float | None = None) -> list[Path]:
    """Remove the stores that hold nothing and have not changed for :data:`KEEP_DAYS` days."""
    before = (time.time() if now is None else now) - KEEP_DAYS * 86_400
    removed = []
    for store in folder.glob("*.db"):
        # Another task may do the same: what is gone already is fine.
        with suppress(OSError, sqlite3.Error):
            if store.stat().st_mtime < before and _is_done(store):
                for file in (store, *(store.with_name(store.name + end) for end in _BESIDE)):
                    file.unlink(missing_ok=True)
                removed.append(store)
    return removed


_BESIDE = ("-wal", "-shm", ".lock")


def _is_done(store: Path) -> bool:
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as database:
        return all(
            database.execute(f"SELECT count(*) FROM {view}").fetchone()[0] == 0  # noqa: S608
            for view in ("pending", "dead_letters")
        )


def _compact(time: datetime) -> str:
    """2026-11-27T08:00:00+00:00 as 20261127T080000Z: short, and fit for a file's name."""
    text = time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return text.replace(".000000Z", "Z")
