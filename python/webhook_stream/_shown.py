"""What a sync answers with, as plain Python data that also shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from webhook_stream._frames import ArrowTable
from webhook_stream._table import Table

if TYPE_CHECKING:
    from webhook_stream._core import Filter, Template

_SHOWN_LETTERS = 10


def store_name(store: str) -> str:
    """Return how a store is called in front of people: a URL without its password."""
    start, slashes, rest = store.partition("://")
    return f"{start}{slashes}***@{rest.rpartition('@')[2]}" if "@" in rest else store


class Preview(Table):
    """Rows of what would be sent. A notebook shows event, payload and error side by side."""

    def __init__(
        self,
        rows: Iterable[dict[str, Any]] = (),
        template: Template | None = None,
        filter: Filter | None = None,  # noqa: A002 - the field's own word
    ) -> None:
        super().__init__(rows)
        self._template = template
        self._filter = filter

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.preview(self, self._template, self._filter)


class Status(dict[str, Any]):
    """The state of a sync's store: a dict of figures."""

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.status(self | {"store": store_name(str(self["store"]))})


class DeadLetters(Iterator[dict[str, Any]], ArrowTable):
    """An iterator over dead letters, and a table of all of them for other libraries.

    A notebook shows the first of all; neither uses any of them up. ``letters`` begins anew each
    time it is called, ``count`` is how many there are, if known; ``stream`` reads the store page by
    page.
    """

    def __init__(
        self,
        letters: Callable[[], Iterator[dict[str, Any]]],
        count: Callable[[], int | None],
        stream: Callable[[object | None], object],
    ) -> None:
        self._letters = letters
        self._count = count
        self._stream = stream
        self._rest = letters()

    def __next__(self) -> dict[str, Any]:
        return next(self._rest)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds an Arrow stream of one batch a page."""
        return self._stream(requested_schema)

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        first = list(islice(self._letters(), _SHOWN_LETTERS + 1))
        return _html.dead_letters(first, self._count() if len(first) > _SHOWN_LETTERS else None)
