"""Coverage of templates in the reports of coverage.py.

One line switches it on, in ``pyproject.toml``; from then on every template file that is rendered
while coverage.py measures is in its reports, by pytest-cov as well, and under pytest-xdist:

.. code-block:: toml

    [tool.coverage.run]
    plugins = ["webhook_stream.coverage"]

Settings of templates that change how they are read, such as ``interpolation_syntax``, go below
``[tool.coverage.webhook_stream.coverage]``.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from coverage import Coverage, CoverageData
from coverage.files import GlobMatcher, canonical_filename, prep_patterns, relative_filename
from coverage.html import FileData, HtmlDataGeneration
from coverage.plugin import CodeRegion, CoveragePlugin, FileReporter

from webhook_stream._core import TemplateMap, coverage_start, coverage_take

if TYPE_CHECKING:
    from coverage.plugin_support import Plugins
    from coverage.types import TArc, TLineNo, TSourceTokenLines

__all__ = ["TemplateCoverage", "coverage_init"]

_Ran: TypeAlias = tuple[str, list[int], list[tuple[int, int]]]
"""A file, its lines that ran, and its ways that were taken."""

_NAME = "webhook_stream.coverage"
_PLUGIN = f"{_NAME}.TemplateCoverage"
_ENDINGS = (".ftl", ".ftlh", ".ftlx")


def coverage_init(registry: Plugins, options: dict[str, Any]) -> None:
    """Start to count; called by coverage.py when it loads its plugins."""
    # No file tracer: those ask for Python frames to follow, which templates don't have, and are not
    # there with every way that coverage.py can measure.
    registry.add_noop(TemplateCoverage(options))
    _deliver_counters()
    coverage_start()


class TemplateCoverage(CoveragePlugin):
    """The plugin: what of a template can run, for reports."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def file_reporter(self, filename: str) -> FileReporter:
        """Return what reports on a template."""
        return TemplateReporter(filename, self._settings)

    def sys_info(self) -> Iterable[tuple[str, Any]]:
        """Return the settings that templates are read with."""
        return self._settings.items()


class TemplateReporter(FileReporter):
    """The lines and branches of a template."""

    def __init__(self, filename: str, settings: dict[str, Any]) -> None:
        super().__init__(filename)
        self._settings = settings

    @functools.cached_property
    def _map(self) -> TemplateMap:
        return TemplateMap(self.filename, **self._settings)

    def source(self) -> str:
        """Return its text."""
        return Path(self.filename).read_text("utf-8")

    def lines(self) -> set[TLineNo]:
        """Return the lines that can run."""
        return set(self._map.lines)

    def excluded_lines(self) -> set[TLineNo]:
        """Return the lines that a comment excludes."""
        return set(self._map.excluded)

    def arcs(self) -> set[TArc]:
        """Return the ways from lines that have several."""
        return {(start, end) for start, end, _, _ in self._map.ways}

    def exit_counts(self) -> dict[TLineNo, int]:
        """Return the number of ways from each such line."""
        counts: dict[TLineNo, int] = {}
        for start, *_ in self._map.ways:
            counts[start] = counts.get(start, 0) + 1
        return counts

    def missing_arc_description(
        self,
        start: TLineNo,
        end: TLineNo,
        executed_arcs: Iterable[TArc] | None = None,  # noqa: ARG002 - the interface has it
    ) -> str:
        """Say what did not happen."""
        return self._described(start, end, 3)

    def arc_description(self, start: TLineNo, end: TLineNo) -> str:
        """Say which way it is."""
        return self._described(start, end, 2)

    def _described(self, start: TLineNo, end: TLineNo, field: int) -> str:
        found = (str(way[field]) for way in self._map.ways if way[:2] == (start, end))
        return next(found, f"line {start} to line {end}")

    def code_regions(self) -> Iterable[CodeRegion]:
        """Return the macros and functions."""
        macros = self._map.macros
        return [CodeRegion("function", name, start, set(lines)) for name, start, lines in macros]

    def code_region_kinds(self) -> Iterable[tuple[str, str]]:
        """Return the kinds of regions."""
        return [("function", "functions")]

    def source_token_lines(self) -> TSourceTokenLines:
        """Yield its lines, coloured."""
        return _coloured(self.source())


_PIECES = re.compile(
    r"(?P<com><#--.*?(?:-->|\Z)|\[#--.*?(?:--\]|\Z))"
    r"|(?P<key></?[#@][^>]*>|\[/?[#@][^\]]*\])"
    r"|(?P<nam>[$#]\{[^}]*\}|\[=[^\]]*\])",
    re.DOTALL,
)


def _coloured(text: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the lines of a template as pieces with their kinds."""
    line: list[tuple[str, str]] = []
    at = 0
    pieces: list[tuple[str, str]] = []
    for found in _PIECES.finditer(text):
        pieces += [("txt", text[at : found.start()]), (str(found.lastgroup), found.group())]
        at = found.end()
    pieces.append(("txt", text[at:]))
    for kind, piece in pieces:
        first, *rest = piece.split("\n")
        line += [(kind, first)] if first else []
        for part in rest:
            yield line
            line = [(kind, part)] if part else []
    if line:
        yield line


def _deliver_counters() -> None:
    """Have every `Coverage` add what templates counted to its data when that is asked for.

    coverage.py has no hook for what is not measured by following Python; saving, combining and
    reporting all go through `get_data`, and a new context begins by `switch_context`.
    """
    if hasattr(Coverage.get_data, "__wrapped__"):
        return
    setattr(Coverage, "get_data", _after(Coverage.get_data))  # noqa: B010 - mypy knows better
    setattr(Coverage, "switch_context", _before(Coverage.switch_context))  # noqa: B010
    joined = _joined(HtmlDataGeneration.data_for_file)
    setattr(HtmlDataGeneration, "data_for_file", joined)  # noqa: B010


def _after(get_data: Callable[[Coverage], CoverageData]) -> Callable[[Coverage], CoverageData]:
    @functools.wraps(get_data)
    def with_templates(coverage: Coverage) -> CoverageData:
        if not _measures(coverage):
            return get_data(coverage)
        ran = coverage_take()
        if ran:
            # It would say that there are no data, before ours are in.
            coverage._warn_no_data = False
        data = get_data(coverage)
        _add(coverage, data, ran)
        return data

    return with_templates


def _before(switch: Callable[[Coverage, str], Any]) -> Callable[[Coverage, str], Any]:
    @functools.wraps(switch)
    def with_templates(coverage: Coverage, new_context: str) -> Any:
        if _measures(coverage):
            coverage.get_data()
        return switch(coverage, new_context)

    return with_templates


def _joined(data_for_file: Callable[..., FileData]) -> Callable[..., FileData]:
    """Have a line of the HTML report say all that never happened from there, in one sentence.

    A line of Python has two ways at most, so coverage.py takes no more than one sentence a line.
    """

    @functools.wraps(data_for_file)
    def with_templates(
        self: HtmlDataGeneration, fr: FileReporter, *others: Any, **more: Any
    ) -> FileData:
        data = data_for_file(self, fr, *others, **more)
        if isinstance(fr, TemplateReporter):
            for line in data.lines:
                if len(line.long_annotations) > 1:
                    line.long_annotations = ["; ".join(line.long_annotations)]
        return data

    return with_templates


def _measures(coverage: Coverage) -> bool:
    """Whether it has the plugin, and has ever been started: others only report."""
    plugins = coverage.get_option("run:plugins")
    started = getattr(coverage, "_inited_for_start", True)
    return bool(started) and isinstance(plugins, list) and _NAME in plugins


def _add(coverage: Coverage, data: CoverageData, ran: list[_Ran]) -> None:
    scope = _SCOPES.get(coverage)
    if scope is None:
        scope = _SCOPES[coverage] = _Scope(coverage)
    name = relative_filename if coverage.get_option("run:relative_files") else str
    lines: dict[str, set[TLineNo]] = {}
    arcs: dict[str, set[TArc]] = {}
    for path, own_lines, ways in ran:
        path = canonical_filename(path)
        if scope.has(path):
            lines.setdefault(name(path), set()).update(own_lines)
            # A line that ran is one that was come to from outside.
            arcs.setdefault(name(path), set()).update(ways, ((-1, line) for line in own_lines))
    if coverage.get_option("run:branch"):
        data.add_arcs(arcs)
    else:
        data.add_lines(lines)
    names = {*lines, *map(name, scope.take_files())}
    if names:
        data.touch_files(sorted(names), _PLUGIN)


class _Scope:
    """Which templates belong into the data: `source`, `include`, `omit` say it, as for Python."""

    def __init__(self, coverage: Coverage) -> None:
        self._folders = tuple(_folders(coverage))
        patterns = {}
        for key in ("include", "omit"):
            given = coverage.get_option(f"run:{key}")
            patterns[key] = GlobMatcher(prep_patterns(given), key) if given else None  # type: ignore[arg-type]
        self._include, self._omit = patterns["include"], patterns["omit"]
        self._files_taken = False

    def has(self, path: str) -> bool:
        if self._omit and self._omit.match(path):
            return False
        if self._folders:
            return path.startswith(self._folders)
        if self._include:
            return bool(self._include.match(path))
        return "site-packages" not in Path(path).parts

    def take_files(self) -> Iterator[str]:
        """Yield the templates of the folders, those that nobody has rendered as well; once."""
        folders_left = () if self._files_taken else self._folders
        self._files_taken = True
        for top in folders_left:
            for folder, folders, files in os.walk(top):
                if "pyvenv.cfg" in files:
                    # What is installed for the project is not of it.
                    folders.clear()
                    continue
                folders[:] = [own for own in folders if not own.startswith(".")]
                for file in files:
                    path = canonical_filename(os.path.join(folder, file))
                    if file.endswith(_ENDINGS) and self.has(path):
                        yield path


_SCOPES: WeakKeyDictionary[Coverage, _Scope] = WeakKeyDictionary()


def _folders(coverage: Coverage) -> Iterator[str]:
    """Yield the folders of `source`, which has folders and packages."""
    for key in ("run:source", "run:source_dirs", "run:source_pkgs"):
        given = coverage.get_option(key)
        for source in given if isinstance(given, list) else []:
            if key != "run:source_pkgs" and os.path.isdir(source):
                yield canonical_filename(source).rstrip(os.sep) + os.sep
            else:
                yield from _folders_of_package(source)


def _folders_of_package(name: str) -> Iterator[str]:
    try:
        found = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
    except (ImportError, ValueError):
        return
    for folder in (found.submodule_search_locations if found else None) or ():
        yield canonical_filename(folder).rstrip(os.sep) + os.sep
