"""Gathers the pages of the site: the repository's Markdown, with links that fit their new places.

The pages are written to be read in the repository, so their links lead to files there. Here each
page gets its place on the site, and each link follows: to the page, to a copy of the file, or it is
an error. What the sidebar lists is what a start page lists: the links under its headings.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parents[2]

PLACES: Final = {
    "docs": "",
    "tests/cases/ftl": "language",
    "tests/cases/filter": "filter-cases",
    "tests/cases/check": "check-cases",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benches/README.md": "benchmarks.md",
    "benches/language/README.md": "benchmarks-language.md",
    "README.md": "index.md",
}
"""Folders and files of the repository, and where their pages are on the site."""

START: Final = "docs/index.md"
INDEXES: Final = (
    START,
    "docs/decisions/README.md",
    "tests/cases/ftl/README.md",
    "tests/cases/filter/README.md",
    "tests/cases/check/README.md",
)
"""Pages that list other pages: the sidebar has their lists."""

UNLISTED: Final = "How to"
"""The section of the start page for pages that no list names yet."""

API: Final = "docs/api.md"

FENCE: Final = re.compile(
    r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=fence)`*$", re.M | re.S
)
LINK: Final = re.compile(r"(?<=\]\()(?P<target>[^()\s]+)(?=\))")
FILE_NAME: Final = re.compile(r"\[`?[\w./-]+\.md`?\]\($")
LISTED: Final = re.compile(r"^(?:[-*]|\d+\.|\|) *\[[^\]]*\]\((?P<target>[^()\s#]+\.md)\)", re.M)

CASES: Final = {
    "ftl",
    "output",
    "output-escaped",
    "error",
    "settings",
    "findings",
    "payload",
    "events",
}
"""Blocks of a case: they carry a label, so that data, template and result can be told apart."""
LABELS: Final = {
    "json": "data",
    "ftl": "template",
    "output": "gives",
    "output-escaped": "gives, hidden characters spelled out",
    "error": "ends with",
}


class PageError(Exception):
    """A page can't be on the site: where, and what to do."""


@dataclass(frozen=True)
class Page:
    """A Markdown file of the repository, and its place on the site."""

    source: str
    place: str
    text: str

    @property
    def title(self) -> str:
        """The first heading."""
        found = re.search(r"^# (.+)$", self.text, re.M)
        if found is None:
            message = f"{self.source}: expected a heading `# …`"
            raise PageError(message)
        return found[1]


def pages(root: Path = ROOT) -> dict[str, Page]:
    """Return all pages by their path in the repository."""
    found: dict[str, Page] = {}
    for start, place in PLACES.items():
        here = root / start
        if here.is_file():
            if start != "README.md":
                found[start] = Page(start, place, here.read_text("utf-8"))
            continue
        for file in sorted(here.rglob("*.md")):
            source = file.relative_to(root).as_posix()
            name = PurePosixPath(place) / file.relative_to(here).as_posix()
            if name.name == "README.md":
                name = name.with_name("index.md")
            found[source] = Page(source, name.as_posix(), file.read_text("utf-8"))
    return found


def outside_of_code(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a page that are neither a fenced block nor code within a line."""
    end = 0
    for code in re.finditer(
        f"{FENCE.pattern}|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)", text, re.M | re.S
    ):
        yield end, code.start()
        end = code.end()
    yield end, len(text)


def links(text: str) -> Iterator[re.Match[str]]:
    """Yield the links of a page, those within code left out."""
    # A link's text may be code, so its target is looked for in what is left of the page.
    hidden = list(text)
    end = 0
    for start, stop in outside_of_code(text):
        hidden[end:start] = " " * (start - end)
        end = stop
    yield from LINK.finditer("".join(hidden))


def target_of(page: Page, link: str, root: Path = ROOT) -> tuple[str, str]:
    """Return the file that a link leads to, by its path in the repository, and the anchor."""
    path, _, anchor = link.partition("#")
    target = os.path.normpath(PurePosixPath(page.source).parent / path) if path else page.source
    if (root / target).is_dir():
        target = f"{target}/README.md"
    if target.startswith("..") or not (root / target).is_file():
        message = f"{page.source}: expected a file, found the link {link}"
        raise PageError(message)
    return PurePosixPath(target).as_posix(), anchor


def is_elsewhere(link: str) -> bool:
    """Whether a link leaves the repository."""
    return re.match(r"[a-z]+:", link) is not None


def stage(folder: Path, root: Path = ROOT) -> None:
    """Write the sources of the site into a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    found = pages(root)
    for page in found.values():
        text = with_lists(page, found)
        text = relinked(page, text, found, folder, root)
        if page.source == API:
            text = with_objects(text, public_names(root))
        if page.source in INDEXES:
            text += contents(page, found, root)
        file = folder / page.place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FENCE.sub(labelled(page), text), "utf-8")


def with_lists(page: Page, found: dict[str, Page]) -> str:
    """Return an index with a line for each page beside it that it does not list yet."""
    if page.source not in (START, "docs/decisions/README.md"):
        return page.text
    folder = PurePosixPath(page.source).parent
    linked = {
        os.path.normpath(folder / link["target"].partition("#")[0]) for link in links(page.text)
    }
    new = [
        other
        for other in found.values()
        if PurePosixPath(other.source).parent == folder
        and other.source not in linked | {page.source}
    ]
    lines = "".join(f"- [{other.title}]({PurePosixPath(other.source).name})\n" for other in new)
    heading = f"## {UNLISTED}\n\n"
    if page.source == START and heading in page.text:
        before, _, behind = page.text.partition(heading)
        section, mark, rest = behind.partition("\n## ")
        return f"{before}{heading}{section.rstrip()}\n{lines}{mark}{rest}"
    return f"{page.text.rstrip()}\n{lines}"


def relinked(page: Page, text: str, found: dict[str, Page], folder: Path, root: Path) -> str:
    """Return the text of a page with links that lead to places on the site."""
    written, end = "", 0
    for link in links(text):
        # A link that is called by its file's name has the page's title on the site.
        called = FILE_NAME.search(text, end, link.start())
        if is_elsewhere(link["target"]):
            continue
        target, anchor = target_of(page, link["target"], root)
        if target in found:
            place = found[target].place
        elif target == "README.md":
            place = "index.md"
        else:
            # A page without a place is not part of the site: its text is.
            place = f"files/{target}" + (".txt" if target.endswith(".md") else "")
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / target, folder / place)
        href = (
            os.path.relpath(place, PurePosixPath(page.place).parent)
            if target != page.source
            else ""
        )
        if called and target in found:
            written += f"{text[end : called.start()]}[{found[target].title}]("
            end = link.start()
        written += text[end : link.start()] + href + (f"#{anchor}" if anchor else "")
        end = link.end()
    return written + text[end:]


def contents(page: Page, found: dict[str, Page], root: Path) -> str:
    """Return what the sidebar has from an index: the pages listed under each of its headings."""
    written = ""
    text = with_lists(page, found)
    for section in re.split(r"^## ", text, flags=re.M):
        heading = section.partition("\n")[0] if section != text else ""
        listed = [target_of(page, link["target"], root)[0] for link in LISTED.finditer(section)]
        places = [
            os.path.relpath(found[target].place, PurePosixPath(page.place).parent)
            for target in dict.fromkeys(listed)
            if target in found
        ]
        if places:
            caption = f":caption: {heading}\n" if page.source == START else ""
            entries = "\n".join(places)
            written += f"\n```{{toctree}}\n:hidden:\n{caption}\n{entries}\n```\n"
    return written


def labelled(page: Page) -> Callable[[re.Match[str]], str]:
    """Return what writes a block of a page with a label, where it needs one to be understood."""
    has_cases = any(block["info"].strip() in CASES for block in FENCE.finditer(page.text))

    def write(block: re.Match[str]) -> str:
        word, _, rest = block["info"].strip().partition(" ")
        named = re.search(r"\bfile=(\S+)", rest)
        if word.startswith("{"):
            return block[0]
        lexer, label = word or "text", ""
        if named:
            label = named[1]
        elif word == "template":
            lexer, label = "ftl", rest
        elif word in CASES or (word == "json" and has_cases):
            label = "event" if rest == "event" else LABELS.get(word, word)
        kind = f":class: case-{word}\n" if word in CASES else ""
        caption = f":caption: {label}\n" if label else ""
        lexer = {"settings": "ini", "events": "json"}.get(lexer, lexer)
        if lexer in CASES - {"ftl"}:
            lexer = "text"
        fence = block["fence"]
        return f"{fence}{{code-block}} {lexer}\n{caption}{kind}\n{block['body']}{fence}"

    return write


def api_names(text: str) -> list[str]:
    """Return the names that the page about the Python interface lists, in order."""
    return re.findall(r"^\| `([\w.]+)` \|", text, re.M)


def with_objects(text: str, public: dict[str, list[str]]) -> str:
    """Return the page about the Python interface with the docstrings, a section at a time.

    Names that the page does not list yet follow, each under its module.
    """
    listed = set(api_names(text))
    for module, names in public.items():
        prefix = f"{module}." if module else ""
        new = [f"{prefix}{name}" for name in names if f"{prefix}{name}" not in listed]
        if new:
            rows = "".join(f"| `{name}` | |\n" for name in new)
            title = f"## webhook_stream.{module}" if module else "## More"
            text = f"{text.rstrip()}\n\n{title}\n\n| name | what it is |\n|---|---|\n{rows}\n"
    sections = re.split(r"^(?=## )", text, flags=re.M)
    return "".join(section + described(api_names(section)) for section in sections)


def described(names: list[str]) -> str:
    """Return the directives that describe names by their docstrings."""
    if not names:
        return ""
    lines = []
    for name in names:
        kind, options = object_kind(name)
        lines.append(f".. auto{kind}:: webhook_stream.{name}")
        lines += [f"   :{option}:" for option in options] + [""]
    return "\n````{eval-rst}\n" + "\n".join(lines) + "````\n\n"


def object_kind(name: str) -> tuple[str, list[str]]:
    """Return which directive describes a name, and its options."""
    last = name.rpartition(".")[2]
    if last.isupper() or last in ("Event", "__version__"):
        return "data", ["no-value"]
    if last.endswith("Error"):
        return "exception", ["members", "show-inheritance"]
    if last[0].isupper():
        return "class", ["members"]
    return "function", []


def public_names(root: Path = ROOT) -> dict[str, list[str]]:
    """Return what each public module of the package exports, read without importing it.

    What a package exports is not counted again in the module where it is written.
    """
    package = root / "python" / "webhook_stream"
    names: dict[str, list[str]] = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if any(part.startswith("_") for part in parts):
            continue
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names[".".join(parts)] = ast.literal_eval(node.value)
    for module in names:
        package_names = names.get(module.rpartition(".")[0], []) if "." in module else []
        names[module] = [name for name in names[module] if name not in package_names]
    return names
