"""What every program under test prints when it is done: one line of JSON.

Time and CPU begin when the imports are done and end when the last event is through, for every
program alike.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path


class Measured:
    """Wall time and CPU of this process since it was made."""

    def __init__(self) -> None:
        self._cpu = _cpu()
        self._wall = time.perf_counter()

    def done(self, *, read: int, sent: int) -> None:
        """Print the figures: events read, and of these sent and answered with 200."""
        seconds = time.perf_counter() - self._wall
        figures = {
            "read": read,
            "sent": sent,
            "seconds": seconds,
            "cpu_seconds": _cpu() - self._cpu,
            "peak_kib": _peak_kib(),
        }
        print(json.dumps(figures), flush=True)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_kib() -> int:
    """Return the process's own peak; ``ru_maxrss`` also remembers what its parent was."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0])
