"""How the package's objects look in a notebook: plain HTML and SVG, no package needed.

Imported when something is shown, never before. Everything that comes from outside is escaped.
"""

from webhook_stream._html.checks import (
    broken_template,
    explanation,
    filter_,
    finding,
    findings,
    template,
)
from webhook_stream._html.figures import forecast, report, retry_policy, running, status
from webhook_stream._html.rows import dead_letters, preview, table, written

__all__ = [
    "broken_template",
    "dead_letters",
    "explanation",
    "filter_",
    "finding",
    "findings",
    "forecast",
    "preview",
    "report",
    "retry_policy",
    "running",
    "status",
    "table",
    "template",
    "written",
]
