"""Small plots as SVG, drawn by hand: they need no package and stay in a saved notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from webhook_stream._html.page import escape

WIDTH: Final = 300
HEIGHT: Final = 120
_LEFT: Final = 34
_BOTTOM: Final = 18
_TOP: Final = 12


def by_attempt(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return bars: how many attempts of each number delivered, and how many failed."""
    top = max((row["made"] for row in rows), default=0)
    parts = [_scale(top)]
    step = (WIDTH - _LEFT) / max(len(rows), 3)
    every = math.ceil(len(rows) / 16)
    for at, row in enumerate(rows):
        left, width = _LEFT + at * step + step * 0.12, step * 0.76
        failed = row["made"] - row["delivered"]
        title = f"attempt {row['attempt']}: {row['delivered']:,} delivered, {failed:,} failed"
        good, bad = _share(row["delivered"], top), _share(failed, top)
        floor = HEIGHT - _BOTTOM
        parts.append(
            f"<g><title>{title}</title>"
            f"{_bar('ok', left, floor - good, width, good)}"
            f"{_bar('wait', left, floor - good - bad, width, bad)}</g>"
        )
        if at % every == 0:
            parts.append(_text(left + width / 2, HEIGHT - 5, str(row["attempt"])))
    label = f"{len(rows)} attempt numbers, {sum(row['made'] for row in rows):,} attempts"
    return _figure("attempts by number: delivered, failed", label, parts)


def latency(rows: Sequence[Mapping[str, Any]], marks: Mapping[str, float | None]) -> str:
    """Return a histogram over a logarithmic time axis, with lines at the percentiles."""
    top = max((row["count"] for row in rows), default=0)
    low = max(rows[0]["from_seconds"], 1e-6)
    # Less than an octave makes bars that look like a wall.
    high = max(rows[-1]["up_to_seconds"], low * 2)

    def place(seconds: float) -> float:
        share = math.log(max(seconds, low) / low) / math.log(high / low)
        return _LEFT + min(share, 1.0) * (WIDTH - _LEFT)

    parts = [_scale(top)]
    floor = HEIGHT - _BOTTOM
    for row in rows:
        left, right = place(row["from_seconds"]), place(row["up_to_seconds"])
        height = _share(row["count"], top)
        span = f"{duration(row['from_seconds'])} to {duration(row['up_to_seconds'])}"
        parts.append(
            f"<g><title>{span}: {row['count']:,}</title>"
            f"{_bar('key', left, floor - height, max(right - left - 0.6, 0.6), height)}</g>"
        )
    taken: list[float] = []
    for name, seconds in marks.items():
        if seconds is None:
            continue
        at = place(seconds)
        parts.append(
            f'<g class="bad"><title>{name}: {duration(seconds)}</title>'
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{floor}"/></g>'
        )
        if all(abs(at - other) > 20 for other in taken):
            taken.append(at)
            parts.append(_text(min(at, WIDTH - 8), _TOP - 3, name))
    for seconds in _ticks(low, high):
        parts.append(_text(min(place(seconds), WIDTH - 10), HEIGHT - 5, duration(seconds)))
    label = f"latencies from {duration(low)} to {duration(high)}"
    return _figure("latency, accepted to delivered", label, parts)


def course(
    rows: Sequence[Mapping[str, Any]], outage: tuple[float, float], peak: int, expired: int
) -> str:
    """Return pending deliveries over time, with the outage shaded."""
    width = 520
    end = max(float(rows[-1]["seconds"]), 1.0)

    def place(seconds: float) -> float:
        return _LEFT + seconds / end * (width - _LEFT)

    floor = HEIGHT - _BOTTOM
    left, right = place(outage[0]), place(min(outage[1], end))
    parts = [
        f'<g class="bad"><title>the receiver is down</title>'
        f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" '
        f'height="{floor - _TOP}" fill="currentColor" opacity=".12"/></g>',
        _scale(peak, width),
    ]
    points = [(place(row["seconds"]), floor - _share(row["pending"], peak)) for row in rows]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{floor} {line} {points[-1][0]:.1f},{floor}"
    parts.append(
        f'<g class="wait"><polygon points="{area}" fill="currentColor" opacity=".25"/>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/></g>'
    )
    if expired:
        points = [(place(row["seconds"]), floor - _share(row["expired"], peak)) for row in rows]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<g class="bad"><title>expired: {expired:,}</title>'
            f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/></g>'
        )
    for number in range(5):
        seconds = end * number / 4
        at = min(max(place(seconds), _LEFT + 8), width - 20)
        parts.append(_text(at, HEIGHT - 5, duration(seconds)))
    caption = "pending over time; the receiver is down where it is shaded"
    return _figure(caption, f"at most {peak:,} pending", parts, width)


def schedule(seconds: Sequence[tuple[float, float]]) -> str:
    """Return the times of attempts as marks on a line: earliest and latest."""
    width = 520
    end = max(seconds[-1][1], 1.0)

    def place(at: float) -> float:
        # The first attempts come in quick succession: a root keeps them apart.
        return 10 + math.sqrt(at / end) * (width - 20)

    parts = [f'<line class="axis" x1="10" x2="{width - 10}" y1="22" y2="22"/>']
    last = -99.0
    for number, (earliest, latest) in enumerate(seconds, 1):
        left, right = place(earliest), place(latest)
        times = dict.fromkeys((duration(earliest), duration(latest)))
        parts.append(
            f'<g class="key"><title>attempt {number}: {" to ".join(times)}</title>'
            f'<rect x="{left - 3:.1f}" y="17" width="{right - left + 6:.1f}" height="10" rx="5" '
            f'fill="currentColor" opacity=".8"/></g>'
        )
        if right - last > 56:
            last = right
            parts.append(_text(min(max(right, 12), width - 18), 42, duration(latest)))
            parts.append(_text(min(max(right, 12), width - 12), 12, str(number)))
    return _figure("attempts over time", f"{len(seconds)} attempts", parts, width, 48)


def duration(seconds: float) -> str:
    """Return a time as a person would say it."""
    if seconds <= 0:
        return "0"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02} h"


def _ticks(low: float, high: float) -> list[float]:
    """Return round times between the two, few enough to be read."""
    rounds = [10.0**power for power in range(-6, 1)] + [10.0, 60.0, 600.0, 3600.0, 14400.0, 86400.0]
    found = [one for one in rounds if low <= one <= high]
    if len(found) < 2:
        found = [one * times for one in rounds for times in (1, 2, 5) if low <= one * times <= high]
    return found[:: math.ceil(len(found) / 6)] if found else [low, high]


def _share(count: int, top: int) -> float:
    return (HEIGHT - _BOTTOM - _TOP) * count / top if top else 0.0


def _scale(top: int, width: int = WIDTH) -> str:
    """Return the axes: the largest count and zero."""
    floor = HEIGHT - _BOTTOM
    lines = "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{width}" y1="{y}" y2="{y}"/>' for y in (_TOP, floor)
    )
    short = f"{top:,}" if top < 100_000 else f"{top / 1e6:.3g} M"
    return f"{lines}{_text(_LEFT - 4, _TOP + 4, short, 'end')}{_text(_LEFT - 4, floor, '0', 'end')}"


def _bar(name: str, x: float, y: float, width: float, height: float) -> str:
    if height <= 0:
        return ""
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{max(height, 1):.1f}" fill="currentColor"/>'
    )


def _text(x: float, y: float, shown: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(shown)}</text>'


def _figure(
    caption: str, label: str, parts: Sequence[str], width: int = WIDTH, height: int = HEIGHT
) -> str:
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<svg role="img" aria-label="{escape(label)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg></figure>'
    )
