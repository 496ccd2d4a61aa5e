"""What is measured: names as in Amplitude's delivery metrics, for every system of metrics alike."""

from __future__ import annotations

from collections.abc import Iterable

from webhook_stream._sync import Sync

COUNTERS: dict[str, tuple[str, str]] = {
    "events_delivered": ("eventsDelivered", "Events that the receiver confirmed."),
    "events_not_delivered": ("eventsNotDelivered", "Events given up: expired or discarded."),
    "success_on_first_attempt": (
        "successOnFirstAttempt",
        "Events delivered by their first attempt.",
    ),
    "success_after_retry": ("successAfterRetry", "Events delivered by a later attempt."),
    "events_expired": ("eventsExpired", "Events given up after attempts, too old, or gone."),
    "events_discarded": ("eventsDiscarded", "Events that can't be sent."),
    "events_accepted": ("accepted", "Events that matched and were taken on."),
    "events_resumed": ("resumed", "Events taken over from an earlier run."),
    "events_filtered": ("filtered", "Events that the filter left out."),
    "events_invalid": ("invalid", "Lines that are no event."),
    "events_confirmed_before": ("confirmed_before", "Events that an earlier run delivered."),
    "attempts": ("attempts", "Attempts, of up to three tries."),
    "tries": ("tries", "HTTP requests."),
}
"""Figures that only grow: name, key of ``Sync.metrics()``, and what it is."""

GAUGES: dict[str, tuple[str, str]] = {
    "events_pending": ("pending", "Events whose next attempt is still to come."),
}
RATE: dict[str, tuple[str, str]] = {
    "delivery_rate": ("deliveryRate", "Delivered of all that was taken on, from 0 to 1."),
}
STORE_GAUGES: dict[str, tuple[str, str]] = {
    "dead_letters": ("dead", "Events in the store that were given up."),
    "oldest_pending_seconds": ("oldest_pending", "How long the oldest pending event waits."),
}
"""Figures that are read from the store: name, key of ``Sync.status()``, and what it is."""


def unique(syncs: Iterable[Sync]) -> tuple[Sync, ...]:
    """Return the syncs, whose names tell them apart."""
    found = tuple(syncs)
    names = [sync.name for sync in found]
    for name in names:
        if names.count(name) > 1:
            message = f"expected each sync once, found {name!r} {names.count(name)} times"
            raise ValueError(message)
    return found
