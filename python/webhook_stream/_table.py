"""Rows that print as a table, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Table(list[dict[str, Any]]):
    """A list of rows (dicts with the same keys) that shows itself as a table."""

    def __init__(self, rows: Iterable[dict[str, Any]] = ()) -> None:
        super().__init__(rows)

    @property
    def columns(self) -> list[str]:
        """The keys of the rows, in order."""
        return list(self[0]) if self else []

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
