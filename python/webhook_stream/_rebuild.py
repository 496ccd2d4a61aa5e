"""How unpickling makes the core's objects anew. Not part of the public interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook_stream import _core


def settings(base: str, keywords: Mapping[str, str]) -> _core.Settings:
    """Make settings from their base and what was changed."""
    make = _core.Settings.freemarker if base == "freemarker" else _core.Settings.amplitude
    return make(**keywords)


def template(
    source: str, name: str, settings: _core.Settings | None, templates: Mapping[str, str]
) -> _core.Template:
    """Make a template from its source."""
    return _core.Template(source, name=name, settings=settings, templates=dict(templates) or None)


def filter_(spelling: str, name: str, text: str) -> _core.Filter:
    """Make a filter from either spelling."""
    return _core.Filter.from_json(text) if spelling == "json" else _core.Filter(text, name=name)


def retry_policy(keywords: Mapping[str, Any]) -> _core.RetryPolicy:
    """Make a retry policy from its keywords."""
    return _core.RetryPolicy(**keywords)


def finding(
    kind: tuple[str, str],
    words: tuple[str, str | None],
    place: tuple[str, str, int, int],
) -> _core.Finding:
    """Make a finding from its parts."""
    return _core.Finding._rebuild(kind, words, place)
