"""What waits for the next attempt while no worker is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

# A machine that slept, or whose clock was set, is noticed after so long.
_SLICE_SECONDS = 30.0


class WebhookStreamTrigger(BaseTrigger):  # type: ignore[misc,unused-ignore]
    """Sleeps until a time, and never sends: so a triggerer that restarts sends nothing twice.

    ``until`` is seconds since 1970, ``carry`` what the task gets back when it goes on.
    """

    def __init__(self, until: float, carry: Mapping[str, Any]) -> None:
        super().__init__()
        self.until = until
        self.carry = dict(carry)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer makes it anew from."""
        name = "webhook_stream.airflow.triggers.WebhookStreamTrigger"
        return name, {"until": self.until, "carry": self.carry}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then wake the task."""
        while (left := self.until - time.time()) > 0:
            await asyncio.sleep(min(left, _SLICE_SECONDS))
        yield TriggerEvent(self.carry)
