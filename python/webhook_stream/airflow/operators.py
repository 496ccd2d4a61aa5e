"""The operator: events go out, what fails is tried again for hours, no worker is held meanwhile."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from webhook_stream import (
    ConfigError,
    Event,
    Filter,
    FilterError,
    Report,
    RetryPolicy,
    Source,
    StoreError,
    Sync,
    Template,
    TemplateError,
    read,
)
from webhook_stream._progress import Figures, Show
from webhook_stream._progress import _log as log_now_and_then
from webhook_stream.airflow._compat import (
    AirflowException,
    AirflowFailException,
    BaseOperator,
    conf,
)
from webhook_stream.airflow._place import TaskPlace, file_name, remove_old_stores
from webhook_stream.airflow._summary import Carry, log_line, summary
from webhook_stream.airflow.hooks import WebhookStreamHook
from webhook_stream.airflow.triggers import WebhookStreamTrigger

# A task is killed for good about 5 seconds after it was told to stop.
_GRACE_SECONDS = 2.0
_WHY_CHARACTERS = 160
# Waits up to this long are waited for in the task: going on in a new process takes longer.
_HOLD_SECONDS = 15.0
# How long the process of an earlier try may take to end and leave the store.
_STORE_SECONDS = 30.0


class WebhookStreamOperator(BaseOperator):  # type: ignore[misc,unused-ignore]
    """Sends the events of files to a webhook, each until it is confirmed or given up.

    ``source`` is a path, a list of paths, or the XCom of a task that returns such. ``template``
    and ``filter`` are paths, looked for beside the DAG file, in its ``template_searchpath`` and in
    the connection's ``template_folder``; or objects of webhook_stream. ``webhook_conn_id`` is a
    connection of type ``webhook``.

    Every event is attempted once in the task. With ``deferrable``, the task then gives its worker
    back until the next attempt is due, and so on through the schedule (``retry``); without, it
    stays and waits. It fails when more than ``max_dead`` events were given up (None: never).

    What is pending and what was confirmed is kept in a store for each task of each run, so a task
    that runs again, retried or cleared, sends nothing again that was confirmed; what was given up
    it sends once more (``replay_dead``). ``store`` names another file for it, and ``stream_id``
    another name for the stream, which is part of every ``webhook-id``.

    The XCom is a small dict of counts, and so is ``extra["webhook_stream"]`` of each asset in
    ``outlets``.
    """

    template_fields: Sequence[str] = (
        "source",
        "template",
        "filter",
        "webhook_conn_id",
        "store",
        "stream_id",
    )
    ui_color = "#e3f2fd"

    def __init__(
        self,
        *,
        source: Any,
        template: str | os.PathLike[str] | Template | None = None,
        filter: str | os.PathLike[str] | Filter | None = None,  # noqa: A002 - the field's own word
        webhook_conn_id: str = WebhookStreamHook.default_conn_name,
        retry: RetryPolicy | None = None,
        event_key: str | None = None,
        ordering: str | None = None,
        max_dead: int | None = 0,
        replay_dead: bool = True,
        store: str | os.PathLike[str] | None = None,
        stream_id: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.template = template
        self.filter = filter
        self.webhook_conn_id = webhook_conn_id
        self.retry = retry
        self.event_key = event_key
        self.ordering = ordering
        self.max_dead = max_dead
        self.replay_dead = replay_dead
        self.store = store
        self.stream_id = stream_id
        self.deferrable = deferrable
        self._sync: Sync | None = None
        self._killed = False
        # A lock can't be copied, and Airflow copies tasks: made when it runs.
        self._wake: threading.Event | None = None

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Send every event once, and what earlier tries left; then go on until all are settled."""
        return self._send(context, files(self.source))

    def execute_complete(
        self, context: Mapping[str, Any], event: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Go on when the next attempt is due; ``event`` is what the trigger carried."""
        carry = Carry.of(event)
        if carry.store is not None and not Path(carry.store).is_file():
            message = (
                f"there is no store {carry.store} on {socket.gethostname()}: what is pending lies "
                f"on {carry.host}. Let the task run there (queue, pool), put the stores on a disk "
                "that stays with the worker, or set deferrable=False"
            )
            # Another try would not find it either, and would send everything again.
            raise AirflowFailException(message)
        sync = self._open(context, carry)
        carry.add(self._run(sync, lambda show: sync.run([], progress=show)))
        return self._go_on(context, sync, carry)

    def on_kill(self) -> None:
        """Stop at once: requests under way get a moment, what is not confirmed stays pending."""
        self._killed = True
        if self._wake is not None:
            self._wake.set()
        if self._sync is not None:
            self._sync.stop(_GRACE_SECONDS)

    def _send(self, context: Mapping[str, Any], source: Source | Iterable[Event]) -> dict[str, Any]:
        carry = Carry()
        sync = self._open(context, carry)
        again = self.replay_dead and _has_dead_letters(sync, carry.store)
        carry.add(self._run(sync, lambda show: sync.run(source, progress=show)))
        if again:
            # With the task's template and the connection's URL of today, which may have been what
            # was wrong.
            anew = bool(sync._options["keep_events"])
            self.log.info("what an earlier try gave up is sent once more")
            carry.add(self._run(sync, lambda show: sync.replay(anew=anew, progress=show)))
        return self._go_on(context, sync, carry)

    def _open(self, context: Mapping[str, Any], carry: Carry) -> Sync:
        """Return the task's sync; name and store stay what they were when it deferred."""
        hook = WebhookStreamHook(self.webhook_conn_id)
        place = TaskPlace.of(context)
        stream_id = carry.stream_id or self.stream_id or place.stream_id
        store = carry.store or self._store(hook, place)
        options = {"retry": self.retry, "event_key": self.event_key, "ordering": self.ordering}
        try:
            sync = hook.get_sync(
                stream_id,
                template=self.template,
                filter=self.filter,
                store=store,
                folders=_folders(context),
                **{name: value for name, value in options.items() if value is not None},
            )
        except (ConfigError, FilterError, TemplateError) as error:
            # Another try would find the same.
            raise AirflowFailException(str(error)) from error
        carry.stream_id, carry.store, carry.host = stream_id, os.fspath(store), socket.gethostname()
        self._sync, self._wake = sync, threading.Event()
        return sync

    def _store(self, hook: WebhookStreamHook, place: TaskPlace) -> Path:
        if self.store is not None:
            return Path(self.store).absolute()
        if self.stream_id is not None:
            return hook.store_folder.absolute() / f"{file_name(self.stream_id)}.db"
        return place.store(hook.store_folder.absolute())

    def _look(self) -> None:
        """End what goes on when the task was killed."""
        if self._killed:
            message = (
                "stopped by Airflow; what was not confirmed is kept, and goes on when the task "
                "runs again"
            )
            raise AirflowException(message)

    def _run(self, sync: Sync, run: Callable[[Show], Report]) -> Report:
        """Run, when the store is free; raise what Airflow should see."""
        deadline = time.monotonic() + _STORE_SECONDS
        log = log_now_and_then(sync.name)

        def show(figures: Figures) -> None:
            # A kill may come when the run has just begun, and can't be stopped yet.
            self._look()
            log(figures)

        while True:
            self._look()
            try:
                report = run(show)
            except StoreError as error:
                if error.kind != "in_use" or time.monotonic() > deadline:
                    raise
                self.log.info("waiting for the store: %s", error.message)
                self._wait(1.0)
                continue
            self.log.info("%s", log_line(sync.name, report))
            self._look()
            return report

    def _go_on(self, context: Mapping[str, Any], sync: Sync, carry: Carry) -> dict[str, Any]:
        """Finish, wait a moment for the next attempt, or give the worker back until it is due."""
        while True:
            self._look()
            status = sync.status()
            if not status["pending"]:
                return self._finish(context, sync, status, carry)
            if not self.deferrable:
                carry.add(self._run(sync, lambda show: sync.drain(progress=show)))
                continue
            due = _seconds(status["next_due"])
            left = due - time.time()
            if left > _HOLD_SECONDS:
                pending, at = status["pending"], status["next_due"]
                self.log.info("%s pending; the next attempt is due at %s", pending, at)
                self._sync = None
                self.defer(
                    trigger=WebhookStreamTrigger(due, carry.to_dict()),
                    method_name="execute_complete",
                )
            self._wait(max(left, 0.1))
            carry.add(self._run(sync, lambda show: sync.run([], progress=show)))

    def _wait(self, seconds: float) -> None:
        if self._wake is not None:
            self._wake.wait(seconds)
        self._look()

    def _finish(
        self, context: Mapping[str, Any], sync: Sync, status: Mapping[str, Any], carry: Carry
    ) -> dict[str, Any]:
        counts = summary(status, carry)
        self.log.info("%s: all settled: %s", sync.name, counts)
        for outlet in self.outlets or ():
            # An alias has no URI, and stands for no asset yet.
            if hasattr(outlet, "uri"):
                context["outlet_events"][outlet].extra["webhook_stream"] = counts
        dead = int(status["dead"])
        if self.max_dead is not None and dead > self.max_dead:
            raise AirflowException(_too_many(sync, status, self.max_dead))
        if carry.invalid and not (status["accepted"] or carry.filtered or carry.confirmed_before):
            first = carry.errors[0]["message"] if carry.errors else ""
            message = f"none of {carry.invalid} events is one, so nothing was sent. {first}"
            raise AirflowException(message.strip())
        if self.store is None and self.stream_id is None and carry.store is not None:
            removed = remove_old_stores(Path(carry.store).parent)
            if removed:
                self.log.info("removed %s stores of old runs that held nothing", len(removed))
        return counts


def files(source: Any) -> Source:
    """Return the files that a source names: a path, or several."""
    if isinstance(source, Source):
        return source
    paths = [source] if isinstance(source, str | os.PathLike) else source
    # What XCom gives may be a lazy sequence.
    if isinstance(paths, Mapping | bytes) or not isinstance(paths, Iterable):
        message = f"source: expected a path or a list of paths, found {type(source).__name__}"
        raise AirflowException(message)
    found: list[str] = []
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            message = f"source: expected paths, found {type(path).__name__}"
            if isinstance(path, Mapping):
                message += "; @task.webhook_stream sends the events that a function returns"
            raise AirflowException(message)
        text = os.fspath(path)
        if text.startswith("[") and text.endswith("]"):
            message = (
                f"source: expected a path, found the text of a list, {text[:60]!r}: "
                "pass the other task's output itself, source=extract.output"
            )
            raise AirflowException(message)
        found.append(text)
    if not found:
        message = "source: expected at least one path, found none"
        raise AirflowException(message)
    return read(*found)


def _folders(context: Mapping[str, Any]) -> list[str]:
    """Return where the DAG's own files are."""
    dag = context["dag"]
    searched = dag.template_searchpath or ()
    folders = [searched] if isinstance(searched, str) else list(searched)
    return [os.path.dirname(dag.fileloc), *folders]


def _seconds(time_text: str | None) -> float:
    """ISO 8601 as seconds since 1970; None is now."""
    return time.time() if time_text is None else datetime.fromisoformat(time_text).timestamp()


def _has_dead_letters(sync: Sync, store: str | None) -> bool:
    """Whether an earlier try gave something up; a store that is not there yet has nothing."""
    return store is not None and Path(store).is_file() and sync.status()["dead"] > 0


def _too_many(sync: Sync, status: Mapping[str, Any], limit: int) -> str:
    """Say what was given up, and what to do about it."""
    text = f"{status['dead']} events were given up, more than max_dead={limit}"
    letter = next(sync.dead_letters(), None)
    if letter is not None:
        text += f". The first is {letter['key']}: {letter['reason']}"
        last = (letter["attempts"] or [{}])[-1]
        text += f", {last['error']}" if last.get("error") else ""
        if why := " ".join(str(letter.get("message") or last.get("message") or "").split()):
            text += f" ({why[:_WHY_CHARACTERS]})"
    return f"{text}. They lie in {status['store']}; the next try sends them once more"
