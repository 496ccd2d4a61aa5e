"""Rows that print as a table, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, overload

from webhook_stream._frames import ArrowTable


class Table(Sequence[dict[str, Any]], ArrowTable):
    """A sequence of rows (dicts with the same keys) that shows itself as a table.

    Other libraries read it as one, too: ``polars.DataFrame(table)``, or :meth:`to_pandas`. It is no
    ``list``, which DuckDB would not look at twice.
    """

    _kinds: ClassVar[Mapping[str, str]] = {}
    """What columns hold, where the values don't tell: they may all be missing."""

    def __init__(self, rows: Iterable[dict[str, Any]] = ()) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self._rows[at]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Table):
            return self._rows == other._rows
        return self._rows == other if isinstance(other, list) else NotImplemented

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds an Arrow stream of one batch."""
        from webhook_stream import _core

        columns = []
        for name in self.columns:
            values = [row.arrow(name) if isinstance(row, PreviewRow) else row[name] for row in self]
            columns.append((name, self._kinds.get(name) or _kind(name, values), values))
        return _core.arrow_stream(columns, requested_schema)

    @property
    def columns(self) -> list[str]:
        """The keys of the rows, in order."""
        return list(self[0]) if self else list(self._kinds)

    def __str__(self) -> str:
        columns = self.columns
        cells = [[_text(row[column]) for column in columns] for row in self]
        widths = [max(len(line[at]) for line in [columns, *cells]) for at in range(len(columns))]
        lines = [columns, ["-" * width for width in widths], *cells]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.table(self)


def _text(value: object) -> str:
    return "" if value is None else str(value)


class PreviewRow(dict[str, Any]):
    """A row of a preview. As data for others, event and payload are the texts themselves."""

    def __init__(
        self, row: dict[str, Any], event: str | None = None, payload: str | None = None
    ) -> None:
        super().__init__(row)
        self._texts = {"event": event, "payload": payload}

    def __reduce__(self) -> tuple[Any, ...]:
        return PreviewRow, (dict(self), self._texts["event"], self._texts["payload"])

    def arrow(self, name: str) -> object:
        """Return what stands in that column for other libraries."""
        return self._texts[name] if name in self._texts else self[name]


def _kind(name: str, values: Sequence[object]) -> str:
    """Return what a column holds; what is nothing else is text, if need be JSON."""
    if name.endswith("_at"):
        return "time"
    types = {type(value) for value in values if value is not None}
    if types and types <= {bool}:
        return "boolean"
    if types and types <= {int}:
        return "integer"
    if types and types <= {int, float}:
        return "number"
    return "text"
