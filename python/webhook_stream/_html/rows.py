"""Tables: previews, dead letters, and any other rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from json import loads
from typing import TYPE_CHECKING, Any, Final

from webhook_stream._html import json_text, page
from webhook_stream._html.checks import explanation_parts, template_parts
from webhook_stream._html.page import MAX_ROWS, drawn, escape, head, more, span, text

if TYPE_CHECKING:
    from webhook_stream._core import Filter, Finding, Template

_OUTCOMES: Final = {
    "send": "ok",
    "filtered": "quiet",
    "discarded": "bad",
    "invalid": "bad",
    "renders": "ok",
    "fails": "bad",
}
MAX_LETTERS: Final = 10


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table."""
    if not rows:
        return page.page(span("quiet", "no rows"))
    columns = list(rows[0])
    numbers = frozenset(
        at
        for at, column in enumerate(columns)
        if all(isinstance(row.get(column), int | float) for row in rows[:MAX_ROWS])
    )
    return page.page(
        page.table(
            [escape(str(column)) for column in columns],
            ([_cell(row.get(column)) for column in columns] for row in rows[:MAX_ROWS]),
            numbers=numbers,
        ),
        more(len(rows) - MAX_ROWS, "rows"),
    )


def preview(
    rows: Sequence[Mapping[str, Any]], template: Template | None, filter_: Filter | None
) -> str:
    """Return what would be sent: event, payload and error side by side."""
    if not rows:
        return page.page(span("quiet", "no events"))
    reads = template.fields() if template is not None else []
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in _OUTCOMES}
    words = [span(_OUTCOMES[name], f"{count:,} {name}") for name, count in counts.items() if count]
    return page.page(
        head("preview: nothing was sent", *words),
        _previews(rows, reads, filter_),
        more(len(rows) - MAX_ROWS, "events"),
    )


def _previews(
    rows: Sequence[Mapping[str, Any]], reads: Collection[str], filter_: Filter | None
) -> str:
    has_error = any(row["error"] for row in rows[:MAX_ROWS])
    columns = ["", "event", "payload", *(["error"] if has_error else [])]
    widths = ["6.5em", "27%", "auto", *(["44%"] if has_error else [])]
    shown = (_preview_row(at, row, reads, filter_) for at, row in enumerate(rows[:MAX_ROWS], 1))
    return page.table(columns, shown, widths=widths, spread=True)


def _preview_row(
    at: int,
    row: Mapping[str, Any],
    reads: Collection[str],
    filter_: Filter | None,
) -> list[str]:
    outcome = row["outcome"]
    cells = [
        f"{at}<br>{span(_OUTCOMES.get(outcome, ''), escape(outcome))}",
        _event(row["event"], reads),
    ]
    if outcome == "filtered" and filter_ is not None:
        cells.append(explanation_parts(filter_.explain(row["event"]).to_dict()))
    else:
        cells.append(span("quiet", "none") if row["payload"] is None else _value(row["payload"]))
    if row["error"]:
        cells.append(drawn(row["error"]))
    return cells


def dead_letters(rows: Sequence[Mapping[str, Any]], count: int | None) -> str:
    """Return dead letters, the first few of `count`: why each was given up, and what it holds."""
    if not rows:
        return page.page(span("ok", "no dead letters"))
    total = len(rows) if count is None else max(count, len(rows))
    cells = []
    for row in rows[:MAX_LETTERS]:
        attempts = row["attempts"]
        last = attempts[-1] if attempts else None
        answer = f"status {last['status']}" if last and last["status"] else ""
        cells.append(
            [
                f"{span('bad', escape(row['reason']))}<br>{_message(row['message'])}",
                f'<code title="{text(row["key"], 200)}">{text(row["key"], 80)}</code>',
                f"{_attempts(attempts)}{span('quiet', escape(answer))}",
                escape(_moment(row["died_at"])),
                _folded("payload", row["payload"]) + _folded("event", row["event"]),
            ]
        )
    return page.page(
        head("dead letters", f"{total:,} given up; <code>replay()</code> sends them again"),
        page.table(
            ["why", "event key", "attempts", "given up at", "content"],
            cells,
            widths=["32%", "13%", "16%", "11em", "auto"],
            names=frozenset({1}),
        ),
        more(total - min(len(rows), MAX_LETTERS), "dead letters"),
    )


def _message(message: str) -> str:
    """Return the first line of a message, the rest of it to unfold."""
    first, _, rest = message.partition("\n")
    drawing = f"<details><summary>the place</summary>{drawn(message)}</details>" if rest else ""
    return text(first, 300) + drawing


def _attempts(attempts: Sequence[Mapping[str, Any]]) -> str:
    if not attempts:
        return "none made"
    lines = "\n".join(
        f"{one['number']}. {_moment(one['started_at'])} "
        f"{one['tries']} {'try' if one['tries'] == 1 else 'tries'}: {one['message']}"
        for one in attempts
    )
    return f"<details><summary>{len(attempts)}</summary><pre>{text(lines)}</pre></details>"


def _folded(name: str, content: object) -> str:
    if content is None:
        return ""
    return f"<details><summary>{name}</summary>{_value(content)}</details>"


def _event(shown: object, reads: Collection[str]) -> str:
    """Return an event with the fields that are read."""
    parsed = _parsed(shown)
    return _value(shown) if parsed is None else json_text.event(parsed, reads)


def _value(shown: object) -> str:
    """Return JSON in color, also out of a text; a text that is none as it is."""
    parsed = _parsed(shown)
    return f"<pre>{text(shown)}</pre>" if parsed is None else json_text.value(parsed)


def _parsed(shown: object) -> Any:
    """Return objects and lists, also out of a JSON text; None for anything else."""
    if isinstance(shown, str | bytes):
        try:
            shown = loads(shown)
        except (ValueError, RecursionError):
            return None
    return shown if isinstance(shown, dict | list) else None


def _cell(shown: object) -> str:
    if shown is None:
        return ""
    if isinstance(shown, dict | list):
        return json_text.value(shown)
    if isinstance(shown, float):
        return escape(f"{shown:,.6g}" if abs(shown) < 1e6 else f"{shown:,.0f}")
    shown = str(shown)
    return f'<pre class="drawn">{text(shown)}</pre>' if "\n" in shown else text(shown)


def _moment(shown: str) -> str:
    """Return an ISO time without its fraction and its T."""
    return shown[:19].replace("T", " ")


def written(template: Template, rows: Sequence[Mapping[str, Any]], found: Sequence[Finding]) -> str:
    """Return a template that was written in a cell, and what it makes of sample events."""
    shown = _previews(rows, template.fields(), None) if rows else ""
    return page.page(template_parts(template, found, shown))
