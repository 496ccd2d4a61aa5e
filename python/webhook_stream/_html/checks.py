"""Templates, filters, and what is said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import dumps, loads
from typing import TYPE_CHECKING, Any, Final

from webhook_stream._html import ftl, json_text
from webhook_stream._html.page import drawn, escape, head, more, page, span, text

if TYPE_CHECKING:
    from webhook_stream._core import Explanation, Filter, Finding, Template
    from webhook_stream._errors import WebhookStreamError

MAX_FINDINGS: Final = 20
MAX_FIELDS: Final = 60

_LEVELS: Final = {"error": "bad", "warning": "wait", "note": "quiet"}
_MARKS: Final = {True: ("ok", "yes"), False: ("bad", "no"), None: ("bad", "error")}


def template(shown: Template) -> str:
    """Return a template: its source with line numbers, the fields it reads, what a check finds."""
    return page(template_parts(shown, shown.check()))


def template_parts(shown: Template, found: Sequence[Finding], rendered: str = "") -> str:
    """Return the same without the frame; what was rendered stands before the findings."""
    lines = len(shown.source.splitlines())
    # The worst of a line comes last; a note is no reason to mark it.
    by_level = sorted(found, key=lambda one: one.level == "error")
    marked = {
        one.line: (_LEVELS[one.level], one.message)
        for one in by_level
        if one.name == shown.name and one.level != "note"
    }
    fields = shown.fields()
    chips = "".join(
        f'<span class="chip"><code class="read">{text(field or "all of it", 200)}</code></span>'
        for field in fields[:MAX_FIELDS]
    )
    return (
        head(f"Template {escape(shown.name)}", f"{lines} {'line' if lines == 1 else 'lines'}")
        + ftl.numbered(ftl.template(shown.source), marked)
        + (f"<div>{span('quiet', 'reads')} {chips}</div>" if fields else "")
        + more(len(fields) - MAX_FIELDS, "fields")
        + rendered
        + findings_parts(found)
    )


def broken_template(source: str, error: WebhookStreamError) -> str:
    """Return the source of a template that does not compile, with the place and the error."""
    marked = {error.line: ("bad", error.message)} if error.line else {}
    return page(
        head(span("bad", f"Template {escape(error.name or '')} does not compile")),
        ftl.numbered(ftl.template(source), marked),
        f'<div class="box">{drawn(str(error))}</div>',
    )


def filter_(shown: Filter) -> str:
    """Return a filter: its text, and Amplitude's JSON in words as well."""
    title = "Filter" if shown.name == "filter" else f"Filter {escape(shown.name)}"
    if not shown.is_json:
        return page(
            head(title, "sends the events for which this is true"),
            f'<div class="box"><pre>{ftl.colored(ftl.expression(shown.source))}</pre></div>',
        )
    # What it says of an event that has nothing are its clauses in words.
    clauses = shown.explain({}).to_dict()["clauses"]
    return page(
        head(title, "sends the events of which this is true"),
        f"<ul>{_words(clauses)}</ul>",
        f"<details><summary>as Amplitude's JSON</summary>"
        f'<div class="box">{json_text.value(loads(shown.source))}</div></details>',
    )


def _words(clause: Mapping[str, Any]) -> str:
    inner = "".join(_words(operand) for operand in clause.get("operands", ()))
    return f"<li>{text(clause['clause'])}{f'<ul>{inner}</ul>' if inner else ''}</li>"


def explanation(shown: Explanation) -> str:
    """Return why a filter decided: the clauses that did, and all of them with what they saw."""
    return page(explanation_parts(shown.to_dict()))


def explanation_parts(shown: Mapping[str, Any]) -> str:
    """Return the same without the frame."""
    clauses = shown["clauses"]
    if clauses["value"] is None:
        title = span("bad", "can't be told")
    elif shown["matched"]:
        title = span("ok", "matches")
    else:
        title = span("bad", "does not match")
    deciding = "".join(f"<li>{_clause(clause, mark=False)}</li>" for clause in shown["decided_by"])
    tree = ""
    if clauses.get("operands"):
        tree = f"<details><summary>every clause</summary><ul>{_tree(clauses)}</ul></details>"
    return head(title, "decided by") + f"<ul>{deciding}</ul>{tree}"


def _tree(clause: Mapping[str, Any]) -> str:
    inner = "".join(map(_tree, clause.get("operands", ())))
    return f"<li>{_clause(clause, mark=True)}{f'<ul>{inner}</ul>' if inner else ''}</li>"


def _clause(clause: Mapping[str, Any], *, mark: bool) -> str:
    name, word = _MARKS[clause["value"]]
    saw = ", ".join(
        f"{text(saw['path'], 200)} = "
        + (
            span("bad", "nothing")
            if saw["missing"]
            else f"<code>{text(dumps(saw['value'], ensure_ascii=False), 120)}</code>"
        )
        for saw in clause["saw"]
    )
    failed = f" {span('bad', text(clause['error'], 400))}" if "error" in clause else ""
    return (
        (f"{span(name, word)} " if mark else "")
        + f"<code>{text(clause['clause'], 400)}</code>"
        + (f" {span('quiet', f'saw {saw}')}" if saw else "")
        + failed
    )


def finding(shown: Finding) -> str:
    """Return a finding, drawn."""
    return page(_finding(shown))


def findings(shown: Sequence[Finding]) -> str:
    """Return findings, drawn one below the other."""
    return page(findings_parts(shown))


def findings_parts(shown: Sequence[Finding]) -> str:
    """Return the same without the frame."""
    if not shown:
        return head(span("ok", "no findings"))
    counts = {level: sum(one.level == level for one in shown) for level in _LEVELS}
    words = [f"{count} {level}{'s' * (count != 1)}" for level, count in counts.items() if count]
    return (
        head(", ".join(words))
        + "".join(map(_finding, shown[:MAX_FINDINGS]))
        + more(len(shown) - MAX_FINDINGS, "findings")
    )


def _finding(shown: Finding) -> str:
    title = f"{span(_LEVELS[shown.level], shown.level)} {text(shown.message, 400)}"
    drawing = str(shown).partition("\n")[2]
    place = f"{escape(shown.name)}:{shown.line}:{shown.column} · {escape(shown.rule)}"
    # The first line of what is drawn says what the title says.
    return (
        f'<details open><summary class="plain">{title} <span class="quiet">{place}</span></summary>'
        f'<div class="box">{drawn(drawing, titled=False)}</div></details>'
    )
