"""Tables of other libraries: events that come in them, and what is handed out as one.

Both ways go through the Arrow PyCapsule interface, which pandas, Polars, PyArrow and DuckDB speak.
None of them is imported here, or needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from webhook_stream import _core
from webhook_stream._errors import EventError

if TYPE_CHECKING:
    import pandas
    import polars


@runtime_checkable
class ArrowStream(Protocol):
    """What has batches of rows to give: a data frame, a table, a reader of batches, a relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds an Arrow stream."""


class ArrowTable:
    """What is handed out as a table: pandas, Polars, PyArrow and DuckDB read it as it is."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds an Arrow stream."""
        raise NotImplementedError

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``."""
        pyarrow = _needed("pyarrow", "to_arrow")
        return pyarrow.RecordBatchReader.from_stream(self).read_all()

    def to_pandas(self) -> pandas.DataFrame:
        """Return a ``pandas.DataFrame``; needs PyArrow as well."""
        _needed("pandas", "to_pandas")
        _needed("pyarrow", "to_pandas")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> polars.DataFrame:
        """Return a ``polars.DataFrame``."""
        library = _needed("polars", "to_polars")
        # A list would be taken for rows.
        frame: polars.DataFrame = library.DataFrame(_Stream(self))
        return frame


class _Stream:
    """A table and nothing else."""

    def __init__(self, table: ArrowTable) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def readable(table: Any) -> Any:
    """Return a table as those can read it who take the Arrow interface at its word.

    Polars hands out columns without any value in another way than Arrow describes; with some type,
    they are the same and within the rules.
    """
    if not type(table).__module__.startswith("polars"):
        return table
    import polars

    def with_type(kind: Any) -> Any:
        if kind == polars.Object:
            message = "expected types that JSON has, found Python objects in a column of Polars"
            hint = "convert the column, or leave it out"
            raise EventError(
                f"{message}\n  = hint: {hint}", kind="unsupported", message=message, hint=hint
            )
        if kind == polars.Null:
            return polars.Boolean
        if isinstance(kind, polars.List):
            return polars.List(with_type(kind.inner))
        if isinstance(kind, polars.Array):
            return polars.Array(with_type(kind.inner), kind.size)
        if isinstance(kind, polars.Struct):
            return polars.Struct({field.name: with_type(field.dtype) for field in kind.fields})
        return kind

    if isinstance(table, polars.DataFrame):
        changed: dict[Any, Any] = {}
        for name, kind in table.schema.items():
            if with_type(kind) != kind:
                changed[name] = with_type(kind)
        return table.cast(changed) if changed else table
    if isinstance(table, polars.Series):
        kind = with_type(table.dtype)
        return table if kind == table.dtype else table.cast(kind)
    return table


def frame_of(source: object) -> _core.Frame | None:
    """Return the table that a source of events is, if it is one."""
    return _core.Frame(source) if _core.Frame.accepts(source) else None


def events_of(source: Iterable[Any]) -> Iterator[Any]:
    """Yield events one by one; those of tables as JSON texts, or as what is wrong with them."""
    frame = frame_of(source)
    if frame is None:
        for event in source:
            if isinstance(event, dict | str | bytes) or not _core.Frame.accepts(event):
                yield event
            else:
                yield from events_of(event)
        return
    while True:
        try:
            yield next(frame)
        except StopIteration:
            return
        except EventError as error:
            yield error
            if error.kind == "unreadable":
                return


def _needed(package: str, method: str) -> Any:
    """Import what a conversion needs, or say what to install."""
    import importlib

    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        message = f"{method}() needs {package}, which is not installed: pip install {package}"
        raise ModuleNotFoundError(message, name=package) from error
