"""A sync: a named stream of events to one webhook."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

from webhook_stream import _core
from webhook_stream._errors import DeliveryError, StoreError
from webhook_stream._frames import ArrowStream, events_of, frame_of
from webhook_stream._progress import End, Figures, choose
from webhook_stream._report import Report
from webhook_stream._shown import DeadLetters, Preview, Status, store_name
from webhook_stream._table import Table

Event = Mapping[str, Any] | str | bytes
"""An event: a mapping, or JSON text."""

_QUERY = re.compile(r"\A((?:\$\{[^}]*\}|[^?])*+)\?.*", re.DOTALL)
"""A URL with a query; a question mark in an interpolation begins none."""

if TYPE_CHECKING:
    from webhook_stream._progress import _State
    from webhook_stream.testing import VirtualClock

    # Told that a run of this sync begins, and by which verb; left when it has ended.
    _Observer = Callable[[str, str, _core.Run], AbstractContextManager[None]]

    # Why an event was given up. For checkers only: at run time the text is looked at.
    _Reason = Literal["exhausted", "expired", "gone", "blocked", "render", "filter", "damaged"]


class Source:
    """Events in files, as :func:`read` gives them. Iterating yields them as dicts."""

    def __init__(self, *paths: str | os.PathLike[str]) -> None:
        self.paths = tuple(os.fspath(path) for path in paths)
        """Files, folders and patterns, in order; ``-`` is the standard input."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return _core.Events(list(self.paths))

    def __repr__(self) -> str:
        return f"read({', '.join(map(repr, self.paths))})"


def read(*paths: str | os.PathLike[str]) -> Source:
    """Events from files: .json, .ndjson, .jsonl, gzip, zip, folders, globs, ``-`` for stdin.

    What a file is, its first bytes tell. Nothing is read before the source is used; a path that
    leads nowhere raises :class:`EventError` then.
    """
    if not paths:
        message = "read() takes at least one path"
        raise TypeError(message)
    return Source(*paths)


class Sync:
    """A named stream of events to one webhook.

    ``url`` and the values of ``headers`` are FTL over ``input`` and ``secrets``; ``secrets`` reads
    the mapping of that name, and for what is not in it the environment. Two headers are preset
    (``Content-Type: application/json``, ``User-Agent: Amplitude/Webhook/1.0``), up to
    ``max_headers`` may be added. Without a ``template`` the original event is sent as it is;
    without a ``filter`` every event is.

    ``store`` is the path of a file that keeps what is pending and what was given up: the next
    :meth:`run`, :meth:`open` or :meth:`drain` goes on with it, in any process. The file is open
    only as long as one of these works. Without a store, deliveries that are not finished live in
    this object.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        template: _core.Template | None = None,
        filter: _core.Filter | None = None,  # noqa: A002 - the field's own word
        retry: _core.RetryPolicy | None = None,
        store: str | os.PathLike[str] | None = None,
        concurrency: int = 32,
        timeout_seconds: float = 10,
        rate_limit_per_second: float | None = None,
        event_key: str | None = None,
        ordering: str | None = None,
        durability: Literal["disk", "process", "none"] = "disk",
        keep_events: bool = True,
        signing_secret: str | Sequence[str] | None = None,
        address_policy: Literal["metadata", "public", "any"] = "metadata",
        allow_addresses: Sequence[str] = (),
        max_headers: int = 5,
        ca_file: str | os.PathLike[str] | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        pause_after_failures: int | None = None,
        enabled: bool = True,
        secrets: Mapping[str, str] | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        if isinstance(template, str | os.PathLike):
            message = "template: expected a Template, found a text"
            raise TypeError(f"{message}: ws.Template.from_file(path), or ws.Template(source)")
        if isinstance(filter, str):
            message = "filter: expected a Filter, found a text"
            raise TypeError(f"{message}: ws.Filter(expression), or ws.Filter.from_json(text)")
        signing = [signing_secret] if isinstance(signing_secret, str) else signing_secret
        self._options: dict[str, Any] = {
            "method": method,
            "headers": dict(headers or {}),
            "template": template,
            "filter": filter,
            "retry": retry,
            "store": None if store is None else os.fspath(store),
            "concurrency": concurrency,
            "timeout_seconds": float(timeout_seconds),
            "rate_limit_per_second": rate_limit_per_second,
            "event_key": event_key,
            "ordering": ordering,
            "durability": durability,
            "keep_events": keep_events,
            "signing_secret": list(signing or ()),
            "address_policy": address_policy,
            "allow_addresses": list(allow_addresses),
            "max_headers": max_headers,
            "ca_file": _path(ca_file),
            "client_certificate": _path(client_certificate),
            "client_key": _path(client_key),
            "pause_after_failures": pause_after_failures,
            "enabled": enabled,
        }
        self.name = name
        """Its name, which is part of every ``webhook-id``."""
        self.url = url
        """Where it sends to, with secrets as references."""
        self.last_report: Report | None = None
        """What the last ``run``, ``drain`` or ``replay`` did, also one that was interrupted."""
        self._clock = clock
        self._observers: list[_Observer] = []
        self._going: list[_Going] = []
        self._has_secrets = bool(secrets)
        self._core = _core.Sync(
            name,
            url,
            clock=None if clock is None else clock._core,
            secrets=dict(secrets or {}),
            **self._options,
        )
        if store is None:
            weakref.finalize(self, _warn_when_dropped, self._core, name, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        if self._has_secrets:
            message = (
                f"the sync {self.name!r} was given secrets, which are not pickled: "
                "let it read them from the environment, or make it where it is used"
            )
            raise TypeError(message)
        return _sync, (self.name, self.url, self._options)

    def __repr__(self) -> str:
        # Tokens are often put into the query.
        shown = _QUERY.sub(r"\1?...", self.url, count=1)
        return f"Sync({self.name!r}, {shown!r})"

    def preview(
        self,
        events: Source | Iterable[Event | ArrowStream] | ArrowStream | str,
        limit: int = 10,
    ) -> Table:
        """Return what would be sent for the first ``limit`` events; nothing is sent.

        Each row has ``event``, ``outcome`` (``send``, ``filtered``, ``discarded`` or ``invalid``),
        ``payload`` and ``error``. pandas, Polars, PyArrow and DuckDB read it as a table, too.
        """
        rows: list[dict[str, Any]] = []
        for event in events_of(_events(events)):
            if len(rows) >= limit:
                break
            rows.append(self._core.preview(event))
        return Preview(rows, self._options["template"], self._options["filter"])

    def run(
        self,
        source: Source | Iterable[Event | ArrowStream] | ArrowStream | str | os.PathLike[str],
        *,
        wait: Literal["first_attempt", "settled"] = "first_attempt",
        restart: bool = False,
        progress: bool | Callable[[Figures], None] | None = None,
    ) -> Report:
        """Send the events of a source, and return the figures.

        ``source`` is what :func:`read` takes or gives, any iterable of dicts or JSON text, or a
        table of pandas, Polars, PyArrow or DuckDB (anything with ``__arrow_c_stream__``), which is
        read batch by batch. Every event is accepted and attempted once, and so is what earlier runs
        left and is due; ``wait="settled"`` also waits out the retry schedule.
        Ctrl-C, or a notebook's stop button, ends a run within 200 ms and keeps what was accepted as
        pending; :attr:`last_report` then has the figures up to there.

        With a store, a run goes on where earlier ones ended: a file is known by its content, and
        what was delivered is not sent again. ``restart=True`` sends it again.
        """
        if isinstance(source, str | os.PathLike):
            source = Source(source)
        # Before anything starts, so that a table that can't be read changes nothing.
        frame = None if isinstance(source, Source) else frame_of(source)
        run = self._core.start()
        show, end = choose(progress, self.name)
        with self._ended("run", run, end) as going:
            if isinstance(source, Source):
                run.feed_source(list(source.paths), restart, show)
            elif frame is not None:
                run.feed_frame(frame, restart, show)
            else:
                run.feed_iterable(iter(_events(source)), restart, show)
            run.wait(wait, None, show)
        return _report(run, interrupted=going.stopped)

    def open(self) -> Stream:
        """Return a stream for events that arrive one by one; use it in a ``with`` block.

        With a store, it also goes on with what earlier runs left pending.
        """
        run = self._core.start()
        return Stream(run, self.name, self._observed("open", run))

    def drain(
        self,
        timeout_seconds: float | None = None,
        *,
        progress: bool | Callable[[Figures], None] | None = None,
    ) -> Report:
        """Go on with what earlier runs left pending, until nothing is or the time is up."""
        run = self._core.start()
        show, end = choose(progress, self.name)
        with self._ended("drain", run, end) as going:
            run.wait("settled", timeout_seconds, show)
        return _report(run, interrupted=going.stopped)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """End the runs of this object that go on, from a signal handler or another thread.

        Nothing more is accepted, and requests under way get so many seconds to finish. What is not
        finished stays pending. The :meth:`run`, :meth:`drain` or :meth:`replay` that was going on
        returns its report, which says ``interrupted``. An open stream is not ended.
        """
        for going in tuple(self._going):
            going.stopped = True
            going.run.stop(grace_seconds)

    def status(self) -> Status:
        """Return counts by state, the oldest pending delivery and when the next one is due.

        ``unfinished_sources`` names files that a run did not read to the end: run them again.
        Works also while another process delivers from the store.
        """
        return Status(self._core.status())

    def metrics(self) -> dict[str, Any]:
        """Return what the runs of this object did, added up, also while one goes on.

        The names are those of Amplitude's delivery metrics where it has one: ``eventsDelivered``,
        ``eventsNotDelivered``, ``deliveryRate``, ``latencyInSeconds`` (p95), and so on. Counts only
        grow; an event that a later run takes over from an earlier one counts once.
        """
        return self._core.metrics()

    def simulate(
        self,
        *,
        rate: float,
        outage_seconds: float,
        latency_seconds: float = 0.05,
        failure: Literal["503", "refused", "timeout"] = "503",
    ) -> Forecast:
        """Return what an outage of the receiver would mean, by the engine on an invented clock.

        ``rate`` is events a second, ``failure`` what requests meet while the receiver is down.
        Nothing is sent.
        """
        figures, text = self._core.simulate(
            rate=rate,
            outage_seconds=outage_seconds,
            latency_seconds=latency_seconds,
            failure=failure,
        )
        return Forecast(figures, text)

    def dead_letters(
        self,
        *,
        reason: _Reason | Sequence[_Reason] | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        key: str | Sequence[str] | None = None,
    ) -> DeadLetters:
        """Yield what was given up: event key, payload, reason and every attempt.

        Yields dicts; pandas, Polars, PyArrow and DuckDB read it as a table, too.

        ``since`` and ``until`` are about when it was given up: a datetime, a text such as
        ``"2026-11-23"`` or ``"2026-11-23T09:00:00Z"``, or how long ago, such as ``"2h"``. Works
        also while another process delivers from the store.
        """
        which = _which(reason, since, until, key)

        def letters() -> Iterator[dict[str, Any]]:
            return _pages(lambda after: self._core.dead_letters(which, after))

        # With a filter, only counting tells how many there are.
        everything = which == _which(None, None, None, None)
        return DeadLetters(
            letters,
            lambda: self.status()["dead"] if everything else None,
            lambda schema: self._core.dead_letter_stream(which, schema),
        )

    @overload
    def replay(
        self,
        template: _core.Template | None = None,
        *,
        anew: bool = False,
        dry_run: Literal[False] = False,
        reason: _Reason | Sequence[_Reason] | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        key: str | Sequence[str] | None = None,
        wait: Literal["first_attempt", "settled"] = "first_attempt",
        progress: bool | Callable[[Figures], None] | None = None,
    ) -> Report: ...

    @overload
    def replay(
        self,
        template: _core.Template | None = None,
        *,
        anew: bool = False,
        dry_run: Literal[True],
        reason: _Reason | Sequence[_Reason] | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        key: str | Sequence[str] | None = None,
        wait: Literal["first_attempt", "settled"] = "first_attempt",
        progress: bool | Callable[[Figures], None] | None = None,
    ) -> Table: ...

    def replay(
        self,
        template: _core.Template | None = None,
        *,
        anew: bool = False,
        dry_run: bool = False,
        reason: _Reason | Sequence[_Reason] | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        key: str | Sequence[str] | None = None,
        wait: Literal["first_attempt", "settled"] = "first_attempt",
        progress: bool | Callable[[Figures], None] | None = None,
    ) -> Report | Table:
        """Send dead letters again, under the same ``webhook-id``, and return the figures.

        They are sent as the same bytes to the same URL. With ``anew=True`` their events are sent
        as the sync sends any event now: its template, URL and headers; with a ``template``, through
        that one. An event that never became a request is always sent anew. A letter that can't be
        rendered stays where it is. ``dry_run=True`` sends nothing, and returns a table of
        what would be sent. The filters are those of :meth:`dead_letters`.
        """
        which = _which(reason, since, until, key)
        if dry_run:
            return Table(
                _pages(lambda after: self._core.replay_preview(which, template, anew, after))
            )
        run = self._core.start()
        show, end = choose(progress, self.name)
        with self._ended("replay", run, end) as going:
            run.replay(which, template, anew, show)
            run.wait(wait, None, show)
        return _report(run, interrupted=going.stopped)

    def _observed(self, verb: str, run: _core.Run) -> ExitStack:
        """Tell those who watch that a run began; leaving what is returned tells its end."""
        with ExitStack() as observed:
            for observe in self._observers:
                observed.enter_context(observe(self.name, verb, run))
            return observed.pop_all()

    @contextmanager
    def _ended(self, verb: str, run: _core.Run, end: End) -> Iterator[_Going]:
        """End a run behind the block: with time to finish, or at once after an exception."""
        going = _Going(run)
        with self._observed(verb, run):
            self._going.append(going)
            state: _State = "failed"
            try:
                yield going
                state = "interrupted" if going.stopped else "done"
            except BaseException as error:
                if going.stopped and isinstance(error, DeliveryError) and error.kind == "stopped":
                    # What it was doing found the run ended, as it was asked to.
                    state = "interrupted"
                    return
                # What is raised already says more than what fails after it.
                with suppress(StoreError):
                    run.stop(0.0)
                if isinstance(error, KeyboardInterrupt):
                    state = "interrupted"
                    error.args = error.args or (self._how_to_go_on(_report(run)),)
                raise
            else:
                run.stop(5.0)
            finally:
                self._going.remove(going)
                self.last_report = _report(run, interrupted=state != "done")
                end(self.last_report, state)
                run.emit_log()

    def _how_to_go_on(self, report: Report) -> str:
        """Say what an interrupted run leaves, and how to go on."""
        store = store_name(self._options["store"] or "memory")
        return (
            f"{self.name}: interrupted with {report.delivered:,} delivered and "
            f"{report.pending:,} pending in {store}; drain() goes on with what is pending, "
            "the same run() with what it had not read as well; last_report has the figures"
        )


class _Going:
    """A run that goes on, and whether it was told to stop."""

    def __init__(self, run: _core.Run) -> None:
        self.run = run
        self.stopped = False


class Forecast(dict[str, Any]):
    """What an outage would mean: the figures, times in seconds. Prints as a table with a plot."""

    def __init__(self, figures: Mapping[str, Any], text: str) -> None:
        super().__init__(figures)
        self._text = text

    def __str__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.forecast(self, self._text)


class Stream:
    """An open sync: events go out as they are sent here. Thread-safe."""

    def __init__(self, run: _core.Run, name: str, observed: ExitStack) -> None:
        self._run = run
        self._name = name
        self._observed = observed
        self._closed = False

    def send(self, event: Event) -> None:
        """Accept one event.

        With a store it returns when the event is on the disk, and does not wait for a slow receiver
        or a rate limit. In memory it waits while too much is waiting to be sent. After a
        ``StoreError`` the event is not accepted.
        """
        self._run.send([event])

    def send_many(self, events: Iterable[Event] | ArrowStream) -> None:
        """Accept many events at once; quicker than one by one.

        A table of pandas, Polars, PyArrow or DuckDB is taken row by row, each of them an event.
        The message of a ``StoreError`` says how many events of a list were accepted.
        """
        frame = frame_of(events)
        if frame is not None:
            self._run.send_frame(frame)
        else:
            self._run.send(list(cast("Iterable[Event]", events)))

    def report(self) -> Report:
        """Return the figures up to now."""
        return _report(self._run)

    def close(self) -> Report:
        """Wait until every event had its first attempt, stop, and return the figures.

        Closing again only returns them.
        """
        if self._closed:
            return self.report()
        self._closed = True
        with self._observed:
            try:
                self._run.wait("sent", None, lambda _figures: None)
            finally:
                self._run.stop(5.0)
                self._run.emit_log()
        return self.report()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            # What was accepted stays pending; the exception goes on at once.
            with suppress(StoreError):
                self._run.stop(0.0)
            self._run.emit_log()
            self._observed.__exit__(kind, error, trace)


def load_syncs(path: str | os.PathLike[str]) -> dict[str, Sync]:
    """Return the syncs of a ``syncs.toml`` by name; templates are looked for beside the file."""
    return {
        name: _sync(name, url, options) for name, url, options in _core.load_syncs(os.fspath(path))
    }


def _sync(name: str, url: str, options: Mapping[str, Any]) -> Sync:
    return Sync(name, url, **options)


def _path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _events(
    source: Source | Iterable[Event | ArrowStream] | ArrowStream | str,
) -> Iterable[Any]:
    """Return what holds events; a mapping or a text is none by itself."""
    if isinstance(source, str | os.PathLike):
        return Source(source)
    if isinstance(source, bytes | Mapping):
        message = f"expected an iterable of events, found {type(source).__name__}: put it in a list"
        raise TypeError(message)
    return cast("Iterable[Any]", source)


def _which(
    reason: str | Sequence[str] | None,
    since: str | datetime | None,
    until: str | datetime | None,
    key: str | Sequence[str] | None,
) -> tuple[list[str], str | None, str | None, list[str]]:
    """Return which dead letters are meant, as the core takes it."""

    def several(words: str | Sequence[str] | None) -> list[str]:
        return [words] if isinstance(words, str) else list(words or ())

    def time(value: str | datetime | None) -> str | None:
        # A datetime without a zone is local time, as everywhere in Python.
        return value.astimezone().isoformat() if isinstance(value, datetime) else value

    return several(reason), time(since), time(until), several(key)


def _pages(
    page: Callable[[int], tuple[list[dict[str, Any]], int | None]],
) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        rows, after = page(after)
        yield from rows


def _warn_when_dropped(core: _core.Sync, name: str, process: int) -> None:
    """Say how many deliveries end with a sync that has no store."""
    if os.getpid() != process:
        return
    pending = core.status()["pending"]
    if pending:
        import logging

        logging.getLogger("webhook_stream.store").warning(
            "%s: %s pending deliveries were in memory and are dropped; a store keeps them",
            name,
            f"{pending:,}",
        )


def _report(run: _core.Run, *, interrupted: bool = False) -> Report:
    figures, text, notes = run.report(interrupted=interrupted)
    return Report(figures, text, tuple(notes), run.attempts)
