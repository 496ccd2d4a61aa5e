"""What every piece of HTML shares: the style, the frame, escaping, small parts.

The output stands in pages that other people style: JupyterLab, VS Code, Colab, an exported page.
So text keeps the page's own color, every rule is about our own elements, and the colors have a
second set for pages that say they are dark. Where styles are taken out, tables and text are left.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

MAX_TEXT: Final = 4000
"""Characters of one text that are shown; notebooks that hold megabytes are slow to open."""

MAX_ROWS: Final = 50
"""Rows of a table that are shown."""

# Marks of a page that is dark: JupyterLab and exported pages, VS Code, Colab, documentation sites.
_DARK: Final = (
    ":is([data-jp-theme-light=false],.vscode-dark,.vscode-high-contrast,[theme=dark],"
    "[data-theme=dark],[data-md-color-scheme=slate],.dark)"
)

# `.ws` stands twice, so that a rule wins over those of the page about tables and code.
_STYLE: Final = (
    """
.ws{--ok:#1a7f37;--wait:#9a6700;--bad:#cf222e;--drop:#8c5a3c;--key:#0969da;--word:#8250df;
--quiet:#656d76;--line:#8c959f4d;--tint:#8c959f1a;
font-size:13px;line-height:1.45;max-width:100%;overflow-wrap:break-word}
DARK .ws{--ok:#3fb950;--wait:#d29922;--bad:#ff7b72;--drop:#c69273;--key:#79c0ff;--word:#d2a8ff;
--quiet:#9aa4af}
.ws.ws *{box-sizing:border-box}
.ws.ws pre,.ws.ws code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
font-size:12px;line-height:1.5;color:inherit;background:none;border:0;margin:0;padding:0}
.ws.ws pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:24em;overflow:auto;tab-size:4}
.ws.ws pre.drawn{white-space:pre;overflow-wrap:normal}
.ws.ws .box{border:1px solid var(--line);border-radius:6px;overflow:auto;max-width:100%;
margin:4px 0 8px}
.ws.ws .box>pre{padding:6px 8px}
.ws.ws td pre{max-height:16em}
.ws.ws td.name code{display:block;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.ws.ws .head{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;margin:2px 0}
.ws.ws .head b{font-size:14px}
.ws.ws .quiet{color:var(--quiet)}
.ws.ws .ok{color:var(--ok)}.ws.ws .wait{color:var(--wait)}.ws.ws .bad{color:var(--bad)}
.ws.ws .drop{color:var(--drop)}.ws.ws .key{color:var(--key)}.ws.ws .word{color:var(--word)}
.ws.ws .read{color:var(--key);font-weight:600}
.ws.ws .chip{display:inline-block;border:1px solid var(--line);border-radius:9px;padding:0 7px;
margin:1px 2px;font-size:12px}
.ws.ws table{border-collapse:collapse;border:0;margin:0;font-size:12px;width:auto;max-width:none}
.ws.ws table.wide{width:100%;table-layout:fixed}
.ws.ws th,.ws.ws td{text-align:left;vertical-align:top;padding:4px 8px;border:0;max-width:none;
border-bottom:1px solid var(--line);background:none;white-space:normal;font-weight:400}
.ws.ws th{color:var(--quiet);font-weight:600}
.ws.ws tbody tr,.ws.ws tbody tr:hover{background:none}
.ws.ws tbody tr:last-child>td{border-bottom:0}
.ws.ws td.number,.ws.ws th.number{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}
.ws.ws table.source td{padding:0 8px;border:0;line-height:1.6}
.ws.ws table.source td.number{color:var(--quiet);user-select:none;
border-right:1px solid var(--line)}
.ws.ws table.source{width:100%;table-layout:fixed}.ws.ws table.source td.number{width:3.6em}
.ws.ws table.source tr.mark-bad td{background:color-mix(in srgb,var(--bad) 12%,transparent)}
.ws.ws table.source tr.mark-wait td{background:color-mix(in srgb,var(--wait) 12%,transparent)}
.ws.ws table.source pre{max-height:none;overflow:visible}
.ws.ws .tiles{display:flex;flex-wrap:wrap;gap:6px 20px;margin:6px 0}
.ws.ws .tile b{display:block;font-size:16px;font-variant-numeric:tabular-nums}
.ws.ws .bar{display:flex;height:10px;border-radius:5px;overflow:hidden;background:var(--tint);
margin:6px 0}
.ws.ws .bar i{display:block;height:100%;background:currentColor}
.ws.ws .plots{display:flex;flex-wrap:wrap;gap:8px 24px;margin:8px 0}
.ws.ws figure{margin:0;max-width:100%}
.ws.ws figcaption{font-weight:600;font-size:12px}
.ws.ws svg{display:block;max-width:100%;height:auto;overflow:visible}
.ws.ws svg text{fill:var(--quiet);font-size:10px;font-family:system-ui,sans-serif}
.ws.ws svg .axis{stroke:var(--line)}
.ws.ws svg .mark{stroke:currentColor;stroke-dasharray:2 2;opacity:.7}
.ws.ws details{margin:2px 0}.ws.ws summary{cursor:pointer;color:var(--quiet)}
.ws.ws summary.plain{color:inherit}
.ws.ws ul{margin:2px 0;padding-left:20px}
""".replace("DARK", _DARK)
    .replace("\n", "")
    .strip()
)


def page(*parts: str) -> str:
    """Return the parts in the frame that brings the style."""
    return f'<div class="ws"><style>{_STYLE}</style>{"".join(parts)}</div>'


def text(value: object, limit: int = MAX_TEXT) -> str:
    """Return a value's text, escaped and cut; control characters become visible."""
    shown = str(value)
    if len(shown) > limit:
        more = len(shown) - limit
        return f'{escape(shown[:limit])}<span class="quiet">… {more:,} more characters</span>'
    return escape(shown)


def escape(shown: str) -> str:
    """Return a text in which nothing means anything to a browser."""
    return html.escape(shown.translate(_CONTROL))


# What would be invisible, or turn the writing around, gets a picture.
_CONTROL: Final = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(
        [*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)], 0xFFFD
    ),
}


def span(name: str, inside: str) -> str:
    """Return HTML in a span of that class."""
    return f'<span class="{name}">{inside}</span>'


def head(title: str, *quiet: str) -> str:
    """Return the first line: a title, and beside it what is known of it. All of it HTML."""
    beside = "".join(f'<span class="quiet">{one}</span>' for one in quiet if one)
    return f'<div class="head"><b>{title}</b>{beside}</div>'


def tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    """Return figures side by side: each a class, a number and a word, as texts."""
    made = "".join(
        f'<div class="tile {name}"><b>{escape(number)}</b>{escape(word)}</div>'
        for name, number, word in figures
    )
    return f'<div class="tiles">{made}</div>'


def table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    numbers: frozenset[int] = frozenset(),
    names: frozenset[int] = frozenset(),
    spread: bool = False,
    widths: Iterable[str] = (),
) -> str:
    """Return a table whose cells are HTML.

    `numbers` are the columns that stand on the right, `names` those that are cut rather than
    broken. With `widths`, the table is as wide as the page. `spread` lets the last cell of a row
    that is too short take up what is left.
    """
    columns = list(columns)

    def line(tag: str, cells: Iterable[str]) -> str:
        inside = ""
        cells = list(cells)
        for at, cell in enumerate(cells):
            kind = ' class="number"' if at in numbers else ' class="name"' if at in names else ""
            if spread and at == len(cells) - 1 < len(columns) - 1:
                kind += f' colspan="{len(columns) - at}"'
            inside += f"<{tag}{kind}>{cell}</{tag}>"
        return f"<tr>{inside}</tr>"

    widths = tuple(widths)
    layout = "".join(f'<col style="width:{width}">' for width in widths)
    body = "".join(line("td", row) for row in rows)
    kind = ' class="wide"' if widths else ""
    return (
        f'<div class="box"><table{kind}>{f"<colgroup>{layout}</colgroup>" if layout else ""}'
        f"<thead>{line('th', columns)}</thead><tbody>{body}</tbody></table></div>"
    )


def drawn(message: str, *, titled: bool = True) -> str:
    """Return an error as the core draws it: the message if `titled`, the line, carets, the hint."""
    shown = ""
    drawing: list[str] = []
    for number, line in enumerate(message[:MAX_TEXT].split("\n")):
        bare = line.strip()
        # Only the drawing must not be broken: the carets stand below what they mean.
        if titled and number == 0:
            shown += f'<div class="bad">{escape(line)}</div>'
        elif bare.startswith("= "):
            color = "ok" if bare.startswith("= hint:") else "quiet"
            drawing.append(f'<div class="{color} note">{escape(bare[2:])}</div>')
        elif bare.strip("| ^") == "" and "^" in bare:
            drawing.append(span("bad", escape(line)))
        else:
            drawing.append(escape(line))
    notes = "".join(line for line in drawing if line.startswith("<div"))
    lines = [line for line in drawing if not line.startswith("<div")]
    return shown + (f'<pre class="drawn">{chr(10).join(lines)}</pre>' if lines else "") + notes


def more(count: int, what: str) -> str:
    """Return how much is not shown."""
    return f'<div class="quiet">… {count:,} more {escape(what)}</div>' if count > 0 else ""
