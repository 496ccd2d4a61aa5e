"""What a run did, in figures that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webhook_stream._errors import DeliveryError

if TYPE_CHECKING:
    import altair
    from matplotlib.figure import Figure


class Report:
    """The figures of a run.

    Every event is counted once, where it happens, and
    ``accepted == delivered + pending + expired + discarded``. Latencies are seconds from accepted
    to delivered; times are seconds.
    """

    def __init__(self, figures: Mapping[str, Any], text: str, notes: tuple[str, ...] = ()) -> None:
        self._figures = dict(figures)
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
        names = ("accepted", "delivered", "pending", "expired", "discarded", "filtered", "invalid")
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
