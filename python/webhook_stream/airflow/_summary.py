"""The figures of a task: small enough for an XCom, and carried over from process to process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from webhook_stream._report import Report

_ERRORS = 3
_ERROR_CHARACTERS = 160


@dataclass
class Carry:
    """What only the process that ran knows, and the last one has to tell."""

    stream_id: str | None = None
    store: str | None = None
    host: str | None = None
    filtered: int = 0
    invalid: int = 0
    confirmed_before: int = 0
    tries: int = 0
    latency_seconds: dict[str, float | None] = field(default_factory=dict)
    """Of the first run, in which most are delivered."""
    errors: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, event: Mapping[str, Any] | None) -> Carry:
        """Return what a trigger carried."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in (event or {}).items() if name in known})

    def to_dict(self) -> dict[str, Any]:
        """Return it as a trigger can carry it."""
        return asdict(self)

    def add(self, report: Report) -> None:
        """Add what a run did."""
        figures = report.to_dict()
        self.filtered += report.filtered
        self.invalid += report.invalid
        self.confirmed_before += report.confirmed_before
        self.tries += int(figures["tries"])
        if not self.latency_seconds and report.delivered:
            self.latency_seconds = report.latency_seconds
        for error in report.errors:
            self._add_error(error)

    def _add_error(self, error: Mapping[str, Any]) -> None:
        for known in self.errors:
            if known["kind"] == error["kind"]:
                known["count"] += int(error["count"])
                return
        if len(self.errors) < _ERRORS:
            sample = (error.get("samples") or [{}])[0]
            message = " ".join(str(sample.get("message", "")).split())
            self.errors.append(
                {
                    "kind": str(error["kind"]),
                    "count": int(error["count"]),
                    "message": message[:_ERROR_CHARACTERS],
                }
            )


def summary(status: Mapping[str, Any], carry: Carry) -> dict[str, Any]:
    """Return the counts of a stream: those in its store, and of this try those that are not."""
    counted = ("accepted", "delivered", "pending", "expired", "discarded")
    return {
        "stream_id": carry.stream_id,
        "store": carry.store,
        **{name: int(status[name]) for name in counted},
        "dead_letters": int(status["dead"]),
        "filtered": carry.filtered,
        "invalid": carry.invalid,
        "confirmed_before": carry.confirmed_before,
        "tries": carry.tries,
        "latency_seconds": carry.latency_seconds,
        "errors": carry.errors,
    }


def log_line(name: str, report: Report) -> str:
    """Return what a run did as one line of the task's log."""
    parts = [f"{name}: {report.delivered:,} delivered of {report.accepted:,}"]
    for what in ("pending", "expired", "discarded", "filtered", "invalid", "confirmed_before"):
        count = getattr(report, what)
        if count:
            parts.append(f"{count:,} {what.replace('_', ' ')}")
    return ", ".join(parts)
