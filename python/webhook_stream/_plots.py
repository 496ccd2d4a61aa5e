"""Reports as figures of matplotlib and charts of Altair, for whoever has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import altair
    from matplotlib.figure import Figure

# The same colors as in the HTML: legible on white and on black.
_COLORS: Final = {
    "delivered": "#2da44e",
    "pending": "#d29922",
    "expired": "#e5534b",
    "discarded": "#a9714f",
    "failed": "#d29922",
    "latency": "#4184e4",
}
_PLACES: Final = ("delivered", "pending", "expired", "discarded")


def plot(figures: Mapping[str, Any]) -> Figure:
    """Return a figure of matplotlib: outcomes, attempts by number, latencies."""
    try:
        # Not pyplot: that would choose a backend and keep the figure alive.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise _missing("matplotlib", "report.plot()") from error
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    outcomes, attempts, latencies = figure.subplots(1, 3)

    places = [place for place in _PLACES if figures[place]] or ["delivered"]
    bars = outcomes.barh(
        places, [figures[place] for place in places], color=[_COLORS[place] for place in places]
    )
    outcomes.bar_label(bars, fmt="{:,.0f}", padding=3)
    outcomes.margins(x=0.2)
    outcomes.invert_yaxis()
    outcomes.set_title("outcomes")

    rows = figures["by_attempt"]
    numbers = [row["attempt"] for row in rows]
    delivered = [row["delivered"] for row in rows]
    failed = [row["made"] - row["delivered"] for row in rows]
    attempts.bar(numbers, delivered, color=_COLORS["delivered"], label="delivered")
    attempts.bar(numbers, failed, bottom=delivered, color=_COLORS["failed"], label="failed")
    attempts.set_title("attempts by number")
    attempts.set_xticks(numbers)
    if rows:
        attempts.legend()

    bars_of_time = figures["latency_histogram"]
    if bars_of_time:
        edges = [max(row["from_seconds"], 1e-6) for row in bars_of_time]
        edges.append(bars_of_time[-1]["up_to_seconds"])
        latencies.stairs(
            [row["count"] for row in bars_of_time], edges, fill=True, color=_COLORS["latency"]
        )
        latencies.set_xscale("log")
        for name, seconds in figures["latency_seconds"].items():
            latencies.axvline(seconds, color=_COLORS["expired"], linestyle=":", linewidth=1)
            latencies.annotate(name, (seconds, 1), xycoords=("data", "axes fraction"), fontsize=8)
    latencies.set_title("latency in seconds", pad=12)
    return figure


def chart(figures: Mapping[str, Any]) -> altair.HConcatChart:
    """Return a chart of Altair: outcomes, attempts by number, latencies."""
    try:
        import altair
    except ImportError as error:
        raise _missing("altair", "report.chart()") from error

    def colored(title: str, names: tuple[str, ...]) -> altair.Color:
        colors = [_COLORS[name] for name in names]
        scale = altair.Scale(domain=list(names), range=colors)
        return altair.Color("outcome:N", scale=scale, title=title)

    def values(rows: list[dict[str, Any]]) -> altair.InlineData:
        return altair.InlineData(values=rows)

    outcomes = (
        altair.Chart(values([{"outcome": place, "events": figures[place]} for place in _PLACES]))
        .mark_bar()
        .encode(
            x=altair.X("events:Q"),
            y=altair.Y("outcome:N", sort=list(_PLACES), title=None),
            color=colored("outcome", _PLACES).legend(None),
            tooltip=["outcome:N", "events:Q"],
        )
        .properties(title="outcomes", width=180, height=140)
    )
    made = [
        {"attempt": row["attempt"], "outcome": outcome, "attempts": count}
        for row in figures["by_attempt"]
        for outcome, count in (
            ("delivered", row["delivered"]),
            ("failed", row["made"] - row["delivered"]),
        )
    ]
    attempts = (
        altair.Chart(values(made))
        .mark_bar()
        .encode(
            x=altair.X("attempt:O"),
            y=altair.Y("attempts:Q"),
            color=colored("attempt", ("delivered", "failed")),
            tooltip=["attempt:O", "outcome:N", "attempts:Q"],
        )
        .properties(title="attempts by number", width=180, height=140)
    )
    times = [
        {**row, "from_seconds": max(row["from_seconds"], 1e-6)}
        for row in figures["latency_histogram"]
    ]
    latencies = (
        altair.Chart(values(times))
        .mark_bar(color=_COLORS["latency"])
        .encode(
            x=altair.X("from_seconds:Q", scale=altair.Scale(type="log"), title="seconds"),
            x2="up_to_seconds:Q",
            y=altair.Y("count:Q", title="events"),
            tooltip=["from_seconds:Q", "up_to_seconds:Q", "count:Q"],
        )
        .properties(title="latency, accepted to delivered", width=180, height=140)
    )
    all_three = altair.hconcat(outcomes, attempts, latencies)
    independent: altair.HConcatChart = all_three.resolve_scale(color="independent")
    return independent


def _missing(package: str, call: str) -> ModuleNotFoundError:
    message = (
        f"{call} needs {package}, which is not installed: pip install {package}, or "
        "pip install 'webhook-stream[notebook]'; a report shows plots without it, too"
    )
    return ModuleNotFoundError(message, name=package)
