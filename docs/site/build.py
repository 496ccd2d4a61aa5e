"""Builds the site: gathers the pages, runs Sphinx with warnings as errors, follows every link.

    python docs/site/build.py target/docs

Nothing is fetched, and the pages that come out need nothing from elsewhere either.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))

from stage import PageError, stage

HERE = Path(__file__).parent


class Html(HTMLParser):
    """The links, anchors and parts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.parts: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where an element leads, what it loads, and what it is called."""
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.parts.append(values["href"])
        elif tag in ("script", "img", "iframe", "source", "video") and "src" in values:
            self.parts.append(values["src"])


def broken(folder: Path) -> list[str]:
    """Return what is wrong in a built site: links that lead nowhere, parts from elsewhere."""
    pages = {file: Html(file.read_text("utf-8")) for file in sorted(folder.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        here = file.relative_to(folder).as_posix()
        for link in page.links + page.parts:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                if link in page.parts and address.scheme != "data":
                    found.append(f"{here}: loads {link} from elsewhere")
                continue
            target = (file.parent / unquote(address.path)).resolve() if address.path else file
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{here}: {link} leads nowhere")
            elif target in pages and unquote(address.fragment) not in pages[target].anchors:
                found.append(f"{here}: {link} leads to no place of that page")
    return found


def main() -> int:
    """Build into the folder that is named; 0 when there is nothing to complain about."""
    parser = argparse.ArgumentParser(description="Builds the documentation site.")
    parser.add_argument("folder", type=Path, help="where to: sources, cache and html go there")
    folder = parser.parse_args().folder.resolve()
    try:
        stage(folder / "source")
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "--fresh-env"]
    places = ["-c", HERE, "-d", folder / "cache", folder / "source", folder / "html"]
    status = subprocess.run([*sphinx, *places], check=False).returncode
    if status:
        return status
    wrong = broken(folder / "html")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{folder / 'html' / 'index.html'}: the site")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
