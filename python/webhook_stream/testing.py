"""For tests: a scripted receiver on this machine, and a clock that can be turned on.

>>> from webhook_stream import Sync
>>> with Receiver([503, 503, 200]) as receiver:
...     report = Sync("demo", receiver.url).run([{"event_type": "Login"}], progress=False)
>>> report.delivered, len(receiver.requests)
(1, 3)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from webhook_stream import _core

__all__ = ["Receiver", "Request", "VirtualClock"]

Step = int | str | Mapping[str, object]


@dataclass(frozen=True)
class Request:
    """A request as the receiver got it."""

    method: str
    """``POST``, usually."""
    path: str
    """Path and query."""
    headers: Mapping[str, str]
    """The headers, their names in lower case."""
    body: bytes
    """The payload."""
    connection: int
    """Which connection it came on, from 0."""


class Receiver:
    """A scripted HTTP server on 127.0.0.1.

    ``script`` is what it answers, one step a request: a status (``503``), ``"hang"`` (never
    answers), ``"reset"``, ``"close"``, ``"garbage"``, ``"drip"``, or a dict such as
    ``{"status": 429, "retry_after": 2, "latency": 0.1}`` (seconds; other names are headers). The
    last step goes on for ever; without a script it answers 200. ``mixture`` gives shares of all
    requests instead: ``{503: 0.03, "reset": 0.01}``, the same ones for the same ``seed``.
    ``keep_requests`` is how many requests it remembers.
    """

    # What it answers is said when it is made; a later `receiver.script = …` is an error.
    __slots__ = ("_core",)

    def __init__(
        self,
        script: Sequence[Step] = (),
        *,
        mixture: Mapping[Step, float] | None = None,
        retry_after: float | None = None,
        latency_seconds: float = 0.0,
        seed: int = 0,
        port: int = 0,
        keep_requests: int = 100_000,
    ) -> None:
        self._core = _core.Receiver(
            [_step(step, retry_after, latency_seconds) for step in script or [200]],
            [
                (_step(step, retry_after, latency_seconds), share)
                for step, share in (mixture or {}).items()
            ],
            seed,
            port,
            keep_requests,
        )

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:PORT``."""
        return self._core.url

    @property
    def request_count(self) -> int:
        """How many requests came."""
        return self._core.request_count

    @property
    def requests(self) -> list[Request]:
        """The requests that came, in order."""
        return [
            Request(method, path, dict(headers), body, connection)
            for method, path, headers, body, connection in self._core.requests()
        ]

    def wait_for(self, count: int, timeout_seconds: float = 10.0) -> bool:
        """Wait until ``count`` requests came; False when the time is up before."""
        return self._core.wait_for(count, timeout_seconds)

    def close(self) -> None:
        """Stop listening and close every connection."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Receiver({self.url!r})"


class VirtualClock:
    """A clock for ``Sync(clock=…)`` that stands still until it is told to go on.

    :meth:`advance` goes from due time to due time and waits at each until everything that was due
    is done, so four hours pass in milliseconds. A run that waits for ``"settled"`` moves it by
    itself.
    """

    def __init__(self) -> None:
        self._core = _core.VirtualClock()

    def advance(self, time: float | str) -> None:
        """Go on by that many seconds, or by a text such as ``"4h"``, ``"1h 30m"``, ``"500ms"``."""
        self._core.advance(_seconds(time))


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(time: float | str) -> float:
    if not isinstance(time, str):
        return float(time)
    if not re.fullmatch(r"\s*(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+", time):
        message = f"expected a time such as '4h', '1h 30m' or '500ms', found {time!r}"
        raise ValueError(message)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", time)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _step(step: Step, retry_after: float | None, latency_seconds: float) -> str:
    """Return the step in the words that the core's receiver reads."""
    fields: dict[str, object] = dict(step) if isinstance(step, Mapping) else {"status": step}
    status = str(fields.pop("status"))
    if retry_after is not None and status == "429":
        fields.setdefault("retry_after", retry_after)
    if latency_seconds:
        fields.setdefault("latency", latency_seconds)
    return " ".join(
        [status, *(f"{name.replace('_', '-')}={value}" for name, value in fields.items())]
    )
