"""JSON values in color, with the fields that somebody reads standing out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from json import dumps, loads
from typing import Any, Final

from webhook_stream._html.page import MAX_TEXT, escape, span, text

MAX_DEPTH: Final = 40

_STEP: Final = re.compile(
    r"""\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|\[(?P<index>[^\]]*)\]|(?P<plain>[^.\[]+)"""
)


def event(shown: Any, reads: Collection[str]) -> str:
    """Return what is read of an event, what of that is missing, and the whole event to unfold.

    `reads` are paths as :meth:`Template.fields` has them.
    """
    if not isinstance(shown, dict) or not reads or "" in reads:
        return value(shown, reads)
    paths = frozenset(reads)
    missing = ", ".join(
        f"<code>{text(path, 200)}</code>" for path in reads if not _has(shown, path)
    )
    lacking = f'<div class="quiet">missing or null: {missing}</div>' if missing else ""
    whole = f"<details><summary>the whole event</summary>{value(shown, reads)}</details>"
    return value(_part(shown, "", paths), reads) + lacking + whole


def _part(shown: Any, path: str, reads: frozenset[str]) -> Any:
    """Return the part of a value that is read."""
    if not isinstance(shown, dict) or path in reads:
        return shown
    paths = {key: _joined(path, str(key)) for key in shown}
    return {
        key: _part(inner, paths[key], reads)
        for key, inner in shown.items()
        if _is_read(paths[key], reads)
    }


def _has(shown: Any, path: str) -> bool:
    """Return whether a value has what the path leads to; for one into a list, the list."""
    for step in _STEP.finditer(path):
        if step["index"]:
            return isinstance(shown, list)
        try:
            key = loads(step["quoted"]) if step["quoted"] else step["plain"]
        except ValueError:
            # A key spelled with escapes that JSON doesn't have: nothing is said about it.
            return True
        if not isinstance(shown, dict) or shown.get(key) is None:
            return False
        shown = shown[key]
    return True


def value(shown: Any, reads: Collection[str] = ()) -> str:
    """Return a value as indented JSON, cut when it is long; the keys of `reads` stand out."""
    parts: list[str] = []
    length = 0
    for name, piece in _pieces(shown, "", 0, frozenset(reads)):
        if length > MAX_TEXT:
            parts.append(span("quiet", " … and more"))
            break
        piece = piece if len(piece) <= MAX_TEXT else piece[:MAX_TEXT] + "…"
        length += len(piece)
        parts.append(span(name, escape(piece)) if name else escape(piece))
    return f"<pre>{''.join(parts)}</pre>"


def _pieces(shown: Any, path: str, depth: int, reads: frozenset[str]) -> Iterator[tuple[str, str]]:
    indent = "\n" + "  " * (depth + 1)
    if isinstance(shown, dict | list) and shown and depth >= MAX_DEPTH:
        yield "quiet", "{…}" if isinstance(shown, dict) else "[…]"
    elif isinstance(shown, dict) and shown:
        for number, key in enumerate(shown):
            inner = _joined(path, str(key))
            yield "", f"{',' if number else '{'}{indent}"
            yield "read" if _is_read(inner, reads) else "", dumps(str(key), ensure_ascii=False)
            yield "", ": "
            yield from _pieces(shown[key], inner, depth + 1, reads)
        yield "", indent[:-2] + "}"
    elif isinstance(shown, list) and shown:
        for number, item in enumerate(shown):
            yield "", f"{',' if number else '['}{indent}"
            yield from _pieces(item, f"{path}[{number}]", depth + 1, reads)
        yield "", indent[:-2] + "]"
    elif isinstance(shown, str):
        yield "ok", dumps(shown, ensure_ascii=False)
    elif shown is None:
        yield "quiet", "null"
    else:
        yield "drop", dumps(shown, default=str)


def _is_read(path: str, reads: frozenset[str]) -> bool:
    return path in reads or any(read.startswith((f"{path}.", f"{path}[")) for read in reads)


def _joined(path: str, key: str) -> str:
    """Return the path of a key, spelled as the core spells it."""
    is_plain = bool(key) and all(one.isalnum() or one in "_$@" for one in key)
    if not is_plain:
        return f"{path}[{dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key
