"""What a run did, in figures that add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from webhook_stream._errors import DeliveryError
from webhook_stream._table import Table


class Attempts(Table):
    """Single attempts of a run, as rows and as a table for other libraries.

    There are at most 10,000 that delivered and 10,000 that failed: where more were made, samples
    in which each has the same chance.
    """

    _kinds: ClassVar[Mapping[str, str]] = {
        "key": "text",
        "webhook_id": "text",
        "number": "integer",
        "started_at": "time",
        "seconds": "number",
        "tries": "integer",
        "status": "integer",
        "outcome": "text",
        "error": "text",
        "message": "text",
        "next_attempt_at": "time",
    }
    _SHOWN = 20

    def __init__(self, rows: Iterable[dict[str, Any]] = (), made: int = 0) -> None:
        super().__init__(rows)
        self.made = made
        """How many attempts were made; there are fewer rows when that is more than is kept."""

    def __str__(self) -> str:
        shown = str(Table(self[: self._SHOWN]))
        rest = len(self) - self._SHOWN
        return f"{shown}\n… and {rest:,} more" if rest > 0 else shown

    def __repr__(self) -> str:
        return f"Attempts({len(self):,} of {self.made:,})"

    def _repr_html_(self) -> str:
        return Table(self[: self._SHOWN])._repr_html_() + f"<div>{self!r}</div>"


if TYPE_CHECKING:
    import altair
    from matplotlib.figure import Figure


class Report:
    """The figures of a run.

    Every event is counted once, where it happens, and
    ``accepted == delivered + pending + expired + discarded``. Latencies are seconds from accepted
    to delivered; times are seconds.
    """

    def __init__(
        self,
        figures: Mapping[str, Any],
        text: str,
        notes: tuple[str, ...] = (),
        attempts: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        self._figures = dict(figures)
        self._attempts = attempts
        self._text = text
        self.notes = notes
        """What the reader should know beside the figures, one sentence each."""

    @property
    def accepted(self) -> int:
        """Events that matched and were taken on."""
        return int(self._figures["accepted"])

    @property
    def delivered(self) -> int:
        """Events that the receiver confirmed."""
        return int(self._figures["delivered"])

    @property
    def pending(self) -> int:
        """Events whose next attempt is still to come."""
        return int(self._figures["pending"])

    @property
    def expired(self) -> int:
        """Events given up after their last attempt, too old, or refused for good."""
        return int(self._figures["expired"])

    @property
    def discarded(self) -> int:
        """Events that can't be sent: their template, filter or address failed."""
        return int(self._figures["discarded"])

    @property
    def filtered(self) -> int:
        """Events that the filter left out."""
        return int(self._figures["filtered"])

    @property
    def invalid(self) -> int:
        """Lines that are no event."""
        return int(self._figures["invalid"])

    @property
    def confirmed_before(self) -> int:
        """Events that an earlier run delivered."""
        return int(self._figures["confirmed_before"])

    @property
    def success_on_first_attempt(self) -> int:
        """Events delivered by their first attempt."""
        return int(self._figures["success_on_first_attempt"])

    @property
    def success_after_retry(self) -> int:
        """Events delivered by a later attempt."""
        return int(self._figures["success_after_retry"])

    @property
    def delivery_rate(self) -> float:
        """Delivered of accepted, from 0.0 to 1.0; 1.0 when nothing was accepted."""
        return float(self._figures["delivery_rate"])

    @property
    def latency_seconds(self) -> dict[str, float | None]:
        """``p50``, ``p95`` and ``p99`` from accepted to delivered; None where nothing was."""
        return dict(self._figures["latency_seconds"])

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What went wrong, by kind: ``kind``, ``count``, and a few ``samples``."""
        return list(self._figures["errors"])

    @property
    def interrupted(self) -> bool:
        """Whether the run was ended before its end."""
        return bool(self._figures["interrupted"])

    def to_dict(self) -> dict[str, Any]:
        """All figures, with Amplitude's names for those it has."""
        return dict(self._figures)

    def attempts(self) -> Attempts:
        """Return single attempts of the run, by the time they started.

        Each is a batch of up to three requests: ``outcome`` is ``delivered``, ``retry``, or why it
        was the last one. ``seconds`` is how long it took; ``started_at`` and ``next_attempt_at``
        are times in UTC. Beyond 10,000 that delivered and 10,000 that failed they are evenly drawn
        samples.

        pandas, Polars, PyArrow and DuckDB read what this returns as a table.
        """
        return Attempts(self._attempts(), int(self._figures["attempts"]))

    def __getstate__(self) -> dict[str, Any]:
        # The run itself stays where it was made.
        return {**self.__dict__, "_attempts": _Rows(self._attempts())}

    def raise_for_failures(self, min_delivery_rate: float = 1.0) -> None:
        """Raise :class:`DeliveryError` when less than this share of the events was delivered.

        Pending events count as not delivered yet. ``min_delivery_rate`` is from 0.0 to 1.0.
        """
        if self.delivery_rate < min_delivery_rate:
            message = (
                f"expected a delivery rate of at least {min_delivery_rate:.2%}, "
                f"found {self.delivery_rate:.2%}"
            )
            first = self.errors[0]["samples"][0]["message"] if self.errors else None
            hint = f"the first error: {first}" if first else None
            raise DeliveryError(
                f"{message}\n{self}", kind="delivery_rate", message=message, hint=hint
            )

    def __str__(self) -> str:
        return "\n".join([self._text.rstrip(), *(f"note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        names = ["accepted", "delivered", "pending", "expired", "discarded", "filtered", "invalid"]
        if self.confirmed_before:
            names.append("confirmed_before")
        return f"Report({', '.join(f'{name}={self._figures[name]}' for name in names)})"

    def plot(self) -> Figure:
        """Return a figure of matplotlib: outcomes, attempts by number, latencies.

        Raises :class:`ModuleNotFoundError` where matplotlib is not installed.
        """
        from webhook_stream import _plots

        return _plots.plot(self._figures)

    def chart(self) -> altair.HConcatChart:
        """Return a chart of Altair: outcomes, attempts by number, latencies.

        Raises :class:`ModuleNotFoundError` where Altair is not installed.
        """
        from webhook_stream import _plots

        return _plots.chart(self._figures)

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.report(self)


class _Rows(list[dict[str, Any]]):
    """Attempts that were taken along."""

    def __call__(self) -> list[dict[str, Any]]:
        return self
