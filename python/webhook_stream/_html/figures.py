"""Figures: reports while they run and afterwards, forecasts, schedules, the state of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from webhook_stream._html import page, svg
from webhook_stream._html.page import escape, head, span, text, tiles
from webhook_stream._html.svg import duration

if TYPE_CHECKING:
    from webhook_stream._core import RetryPolicy
    from webhook_stream._report import Report

_PLACES: Final = (
    ("delivered", "ok"),
    ("pending", "wait"),
    ("expired", "bad"),
    ("discarded", "drop"),
)
_BESIDE: Final = ("filtered", "invalid", "confirmed_before")
MAX_ERRORS: Final = 12


def running(
    name: str, figures: Mapping[str, Any] | None, state: str, notes: Sequence[str] = ()
) -> str:
    """Return the figures of a run while it goes on, and in the end; None before there are any."""
    title = f"{escape(name)}: {_state(state)}"
    return page.page(head(title) if figures is None else _counts(figures, title), _notes(notes))


def report(shown: Report) -> str:
    """Return a report: counts, plots of attempts and latencies, errors by kind, notes."""
    figures = shown.to_dict()
    title = span("wait", "interrupted") if shown.interrupted else "report"
    by_attempt, histogram = figures["by_attempt"], figures["latency_histogram"]
    plots = [
        svg.by_attempt(by_attempt) if by_attempt else "",
        svg.latency(histogram, figures["latency_seconds"]) if histogram else "",
    ]
    shown_plots = "".join(plots)
    return page.page(
        _counts(figures, title),
        f'<div class="plots">{shown_plots}</div>' if shown_plots else "",
        _errors(figures["errors"]),
        _notes(shown.notes),
        f"<details><summary>as text</summary><pre>{text(shown)}</pre></details>",
    )


def _state(state: str) -> str:
    colors = {"done": "ok", "running": "key", "failed": "bad"}
    return span(colors.get(state, "wait"), escape(state))


def _counts(figures: Mapping[str, Any], title: str) -> str:
    """Return the counts: a headline, one bar, and a tile for each place an event can be in."""
    accepted = figures["accepted"]
    rate = f"{figures['delivery_rate']:.2%} delivered" if accepted else ""
    speed = f"{figures['events_per_second']:,.0f} events/s, {duration(figures['elapsed_seconds'])}"
    requests = f"{figures['tries']:,} requests" if figures["tries"] else ""
    bar = "".join(
        f'<i class="{color}" style="width:{100 * figures[place] / accepted:.3f}%" '
        f'title="{place}: {figures[place]:,}"></i>'
        for place, color in _PLACES
        if accepted and figures[place]
    )
    shown = [("", f"{accepted:,}", "accepted")]
    shown += [(color, f"{figures[place]:,}", place) for place, color in _PLACES]
    shown += [
        ("quiet", f"{figures[name]:,}", name.replace("_", " ")) for name in _BESIDE if figures[name]
    ]
    p95 = figures["latency_seconds"]["p95"]
    if p95 is not None:
        color = "ok" if figures["latency_target_met"] else "bad"
        shown.append((color, duration(p95), "latency p95"))
    return f'{head(title, rate, requests, speed)}<div class="bar">{bar}</div>{tiles(shown)}'


def _errors(errors: Sequence[Mapping[str, Any]]) -> str:
    if not errors:
        return ""
    rows = []
    for error in sorted(errors, key=lambda one: -one["count"])[:MAX_ERRORS]:
        sample = error["samples"][0] if error["samples"] else {"message": "", "place": ""}
        place = f" {span('quiet', text(sample['place'], 200))}" if sample["place"] else ""
        message = sample["message"]
        drawn = page.drawn(message) if "\n" in message else text(message, 400)
        rows.append(
            [f"{error['count']:,}", f"<code>{escape(error['kind'])}</code>", f"{drawn}{place}"]
        )
    columns, widths = ["count", "error", "for example"], ["5em", "15em", "auto"]
    shown = page.table(columns, rows, numbers=frozenset({0}), widths=widths)
    return shown + page.more(len(errors) - MAX_ERRORS, "kinds of error")


def _notes(notes: Sequence[str]) -> str:
    return "".join(f'<div class="wait">{text(note, 500)}</div>' for note in notes)


def retry_policy(shown: RetryPolicy) -> str:
    """Return a policy: in one line, its attempts on a time line, and as a table."""
    rows = shown.preview()
    times = [(row["earliest_seconds"], row["latest_seconds"]) for row in rows]
    cells = [
        [
            str(row["attempt"]),
            duration(row["gap_seconds"]) if row["attempt"] > 1 else "",
            duration(row["earliest_seconds"]) if row["attempt"] > 1 else "at once",
            duration(row["latest_seconds"]) if row["attempt"] > 1 else "at once",
        ]
        for row in rows[: page.MAX_ROWS]
    ]
    columns = ["attempt", "gap", "earliest", "latest"]
    return page.page(
        head("RetryPolicy", escape(shown.describe())),
        svg.schedule(times),
        f"<details open><summary>the attempts</summary>"
        f"{page.table(columns, cells, numbers=frozenset(range(4)))}"
        f"{page.more(len(rows) - page.MAX_ROWS, 'attempts')}</details>",
    )


def forecast(figures: Mapping[str, Any], described: str) -> str:
    """Return what an outage would mean: figures, and the course of it."""
    course = figures["course"]
    down = [row["seconds"] for row in course if row["seconds"] <= figures["recovery_seconds"]]
    start = min(60.0, down[-1] if down else 0.0)
    shown = [
        ("", f"{figures['accepted']:,}", "accepted"),
        ("wait", f"{figures['peak_pending']:,}", "most pending"),
        ("bad" if figures["expired"] else "ok", f"{figures['expired']:,}", "expired"),
        ("", f"{figures['requests']:,}", "requests"),
    ]
    outage = (start, figures["recovery_seconds"])
    last = figures["last_delivery_seconds"]
    if last is not None:
        shown.append(("", duration(max(last - figures["recovery_seconds"], 0.0)), "to catch up"))
    return page.page(
        head("forecast", f"an outage of {duration(figures['recovery_seconds'] - start)}"),
        tiles(shown),
        svg.course(course, outage, figures["peak_pending"], figures["expired"]) if course else "",
        _list(figures["assumptions"]),
        f"<details><summary>as text</summary><pre>{text(described)}</pre></details>",
    )


def _list(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{text(sentence, 500)}</li>" for sentence in sentences)
    return f"<details><summary>assumptions</summary><ul>{items}</ul></details>" if items else ""


def status(figures: Mapping[str, Any]) -> str:
    """Return the state of a sync's store."""
    shown = [("", f"{figures['accepted']:,}", "accepted")]
    shown += [(color, f"{figures[place]:,}", place) for place, color in _PLACES]
    shown.append(("bad" if figures["dead"] else "quiet", f"{figures['dead']:,}", "dead letters"))
    times = [
        f"{words} {str(figures[name])[:19].replace('T', ' ')} UTC"
        for name, words in (
            ("oldest_pending", "oldest pending since"),
            ("next_due", "next attempt at"),
        )
        if figures[name] is not None
    ]
    unfinished = ", ".join(f"{source} is not finished" for source in figures["unfinished_sources"])
    return page.page(
        head(escape(str(figures["sync"])), f"store {text(figures['store'], 200)}"),
        tiles(shown),
        f'<div class="quiet">{escape(", ".join(times))}</div>' if times else "",
        f'<div class="quiet">{escape(unfinished)}</div>' if unfinished else "",
    )
