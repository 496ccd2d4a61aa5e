"""Templates and expressions in color.

This finds tags, interpolations, comments and texts well enough to color them; what a template
means, the core's parser knows. No character is added or lost, whatever the source looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from webhook_stream._html.page import escape, more, span

MAX_LINES: Final = 400

Piece = tuple[str, str]
"""A class of the style, empty for none, and a text."""

_OPENING: Final = re.compile(
    r"(?P<comment><#--|\[#--)|(?P<noparse><#no[pP]arse>|\[#no[pP]arse\])"
    r"|(?P<tag><[/]?[#@]|\[[/]?[#@])(?=[A-Za-z_$/=>\]])|(?P<print>[$#]\{|\[=)"
)
_TAG_NAME: Final = re.compile(r"[A-Za-z_$][\w$.]*")
_TOKEN: Final = re.compile(
    r"""(?P<text>r?"(?:\\.|[^"\\])*"?|r?'(?:\\.|[^'\\])*'?)"""
    r"|(?P<builtin>\?{1,2}\s*[A-Za-z_]\w*)"
    r"|(?P<number>\b\d+(?:\.\d+)?)"
    r"|(?P<field>\binput\b(?:\.[\w$@]+)*)"
    r"|(?P<word>\b(?:as|in|using|true|false|gt|gte|lt|lte|and|or)\b|(?<![\w\])])\.[a-z]\w*)"
    r"|(?P<name>[A-Za-z_$][\w$]*)",
    re.DOTALL,
)
_CLASSES: Final = {
    "text": "ok",
    "builtin": "key",
    "number": "drop",
    "field": "read",
    "word": "word",
    "name": "",
}
_OPEN: Final = "([{"
_CLOSE: Final = ")]}"


def template(source: str) -> Iterator[Piece]:
    """Yield the pieces of a template."""
    at = 0
    while found := _OPENING.search(source, at):
        if found.start() > at:
            yield "", source[at : found.start()]
        opening = found[0]
        if found["comment"]:
            at = _behind(source, found.end(), "--" + ("]" if opening[0] == "[" else ">"))
            yield "quiet", source[found.start() : at]
        elif found["noparse"]:
            bracket = ("[", "]") if opening[0] == "[" else ("<", ">")
            closing = f"{bracket[0]}/{opening[1:-1]}{bracket[1]}"
            at = _behind(source, found.end(), closing)
            yield "word", opening
            inside = source[found.end() : at].removesuffix(closing)
            yield "", inside
            yield "word", source[found.end() + len(inside) : at]
        else:
            closing = {"<": ">", "[": "]"}.get(opening[0], "}")
            start = found.end()
            if found["tag"]:
                name = _TAG_NAME.match(source, start)
                start = name.end() if name else start
            end = _end_of_expression(source, start, closing)
            yield "word", source[found.start() : start]
            yield from expression(source[start:end])
            at = min(end + 1, len(source))
            yield "word", source[end:at]
    yield "", source[at:]


def expression(source: str) -> Iterator[Piece]:
    """Yield the pieces of an expression."""
    at = 0
    for found in _TOKEN.finditer(source):
        yield "", source[at : found.start()]
        yield _CLASSES[found.lastgroup or "name"], found[0]
        at = found.end()
    yield "", source[at:]


def colored(pieces: Iterator[Piece]) -> str:
    """Return the pieces as HTML."""
    return "".join(
        span(name, escape(inside)) if name else escape(inside) for name, inside in pieces if inside
    )


def numbered(pieces: Iterator[Piece], marked: Mapping[int, Piece] = {}) -> str:
    """Return the pieces as lines with their numbers; `marked` lines have a color and a reason."""
    rows = []
    lines = _lines(pieces)
    for number, line in enumerate(lines[:MAX_LINES], 1):
        color, note = marked.get(number, ("", ""))
        attributes = f' class="mark-{color}" title="{escape(note)}"' if color else ""
        rows.append(
            f'<tr{attributes}><td class="number">{number}</td>'
            f"<td><pre>{colored(iter(line)) or ' '}</pre></td></tr>"
        )
    return (
        f'<div class="box"><table class="source"><tbody>{"".join(rows)}</tbody></table></div>'
        f"{more(len(lines) - MAX_LINES, 'lines')}"
    )


def _lines(pieces: Iterator[Piece]) -> list[list[Piece]]:
    lines: list[list[Piece]] = [[]]
    for name, inside in pieces:
        first, *others = inside.replace("\r\n", "\n").split("\n")
        lines[-1].append((name, first))
        lines.extend([(name, other)] for other in others)
    if len(lines) > 1 and not any(inside for _, inside in lines[-1]):
        lines.pop()
    return lines


def _behind(source: str, at: int, closing: str) -> int:
    found = source.find(closing, at)
    return len(source) if found < 0 else found + len(closing)


def _end_of_expression(source: str, at: int, closing: str) -> int:
    """Return where the closing character stands; texts and brackets in between are passed over."""
    depth = 0
    while at < len(source):
        character = source[at]
        if character == closing and depth == 0:
            return at
        if character in "\"'":
            text = _TOKEN.match(source, at)
            at = text.end() if text else at + 1
            continue
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE and depth > 0:
            depth -= 1
        at += 1
    return at
