"""The types of the Rust half. `python -m mypy.stubtest webhook_stream` compares them with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Self, TypeAlias, final

from webhook_stream._table import Table

__all__ = [
    "Events",
    "Explanation",
    "Filter",
    "Receiver",
    "RetryPolicy",
    "Run",
    "Settings",
    "Sync",
    "Template",
    "VirtualClock",
    "__version__",
    "cli_main",
    "load_syncs",
]

_Which: TypeAlias = tuple[list[str], str | None, str | None, list[str]]
"""Which dead letters: reasons, since, until, keys."""

__version__: str

def cli_main(arguments: Sequence[str], /) -> int: ...
def load_syncs(path: str, /) -> list[tuple[str, str, dict[str, Any]]]: ...

@final
class Settings:
    @staticmethod
    def amplitude(**settings: object) -> Settings: ...
    @staticmethod
    def freemarker(**settings: object) -> Settings: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Template:
    def __new__(
        cls,
        source: str,
        /,
        *,
        name: str = "template",
        settings: Settings | None = None,
        templates: Mapping[str, str] | None = None,
    ) -> Self: ...
    @staticmethod
    def from_file(
        path: str | PathLike[str],
        /,
        *,
        settings: Settings | None = None,
        templates: Mapping[str, str] | None = None,
    ) -> Template: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    def render(self, event: object) -> str: ...
    def render_data(self, data: object) -> str: ...
    def payload(self, event: object) -> Any: ...
    def fields(self) -> list[str]: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Filter:
    def __new__(cls, expression: str, /, *, name: str = "filter") -> Self: ...
    @staticmethod
    def from_json(filter: object, /) -> Filter: ...
    def matches(self, event: object) -> bool: ...
    def explain(self, event: object) -> Explanation: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Explanation:
    @property
    def matched(self) -> bool: ...
    def to_dict(self) -> dict[str, Any]: ...

@final
class RetryPolicy:
    def __new__(
        cls,
        *,
        schedule: Sequence[float] | None = None,
        jitter: float = 0.1,
        tries: int = 3,
        try_backoff_seconds: float = 0.1,
        try_jitter: float = 0.5,
        try_window_seconds: float = 4.0,
        retry_statuses: Sequence[int | range] | None = None,
        respect_retry_after: bool = True,
    ) -> Self: ...
    def preview(self) -> Table: ...
    def describe(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Sync:
    def __new__(
        cls,
        name: str,
        url: str,
        *,
        clock: VirtualClock | None,
        method: str,
        headers: Mapping[str, str],
        template: Template | None,
        filter: Filter | None,
        retry: RetryPolicy | None,
        store: str | None,
        concurrency: int,
        timeout_seconds: float,
        rate_limit_per_second: float | None,
        event_key: str | None,
        ordering: str | None,
        durability: str,
        keep_events: bool,
        signing_secret: Sequence[str],
        address_policy: str,
        allow_addresses: Sequence[str],
        max_headers: int,
        enabled: bool,
    ) -> Self: ...
    def preview(self, event: object, /) -> dict[str, Any]: ...
    def start(self) -> Run: ...
    def status(self) -> dict[str, Any]: ...
    def dead_letters(
        self, which: _Which, after: int, /
    ) -> tuple[list[dict[str, Any]], int | None]: ...
    def replay_preview(
        self, which: _Which, template: Template | None, after: int, /
    ) -> tuple[list[dict[str, Any]], int | None]: ...

@final
class Run:
    def feed_source(
        self, paths: Sequence[str], restart: bool, show: Callable[[Mapping[str, Any]], None], /
    ) -> None: ...
    def feed_iterable(
        self, events: Iterator[object], restart: bool, show: Callable[[Mapping[str, Any]], None], /
    ) -> None: ...
    def send(self, events: Sequence[object], /) -> None: ...
    def replay(
        self, which: _Which, template: Template | None, show: Callable[[Mapping[str, Any]], None], /
    ) -> None: ...
    def wait(
        self,
        until: str,
        timeout_seconds: float | None,
        show: Callable[[Mapping[str, Any]], None],
        /,
    ) -> None: ...
    def stop(self, grace_seconds: float, /) -> None: ...
    def report(self, *, interrupted: bool = False) -> tuple[dict[str, Any], str, list[str]]: ...
    def take_log(self) -> list[tuple[str, str, str]]: ...

@final
class Events:
    def __new__(cls, paths: Sequence[str], /) -> Self: ...
    def __iter__(self) -> Events: ...
    def __next__(self) -> dict[str, Any]: ...

@final
class Receiver:
    def __new__(
        cls,
        script: Sequence[str],
        mixture: Sequence[tuple[str, float]],
        seed: int,
        port: int,
        keep_requests: int,
        /,
    ) -> Self: ...
    @property
    def url(self) -> str: ...
    @property
    def request_count(self) -> int: ...
    def requests(self) -> list[tuple[str, str, list[tuple[str, str]], bytes, int]]: ...
    def wait_for(self, count: int, timeout_seconds: float, /) -> bool: ...
    def close(self) -> None: ...

@final
class VirtualClock:
    def __new__(cls) -> Self: ...
    def advance(self, time_seconds: float, /) -> None: ...
