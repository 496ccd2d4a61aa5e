"""What a check found: a list that shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook_stream._core import Finding


class Findings(list["Finding"]):
    """A list of findings. ``str()`` draws them one below the other; a notebook shows a table."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self)) if self else "no findings"

    def _repr_html_(self) -> str:
        from webhook_stream import _html

        return _html.findings(self)
