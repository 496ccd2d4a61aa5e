"""The site: every link leads somewhere, every page is in it, every public name is documented."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))

import stage  # noqa: E402

MARKDOWN = [
    *stage.pages(),
    "README.md",
]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as the repository's host makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", stage.FENCE.sub("", text), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[name] = found.get(name, -1) + 1
        if found[name]:
            found[f"{name}-{found[name]}"] = 0
    return set(found)


@pytest.mark.parametrize("source", MARKDOWN)
def test_every_link_of_a_page_leads_somewhere_in_the_repository(source: str) -> None:
    page = stage.Page(source, "", (ROOT / source).read_text("utf-8"))
    for link in stage.links(page.text):
        if stage.is_elsewhere(link["target"]):
            continue
        target, anchor = stage.target_of(page, link["target"])
        text = (ROOT / target).read_text("utf-8")
        assert not anchor or anchor in anchors(text), f"{source}: {link['target']}"


def test_the_reference_of_python_has_every_public_name_and_no_other(tmp_path: Path) -> None:
    stage.stage(tmp_path)
    text = (tmp_path / "api.md").read_text("utf-8")
    described = re.findall(r"^\.\. auto\w+:: webhook_stream\.([\w.]+)$", text, re.M)
    public = [
        f"{module}.{name}" if module else name
        for module, names in stage.public_names().items()
        for name in names
    ]
    assert "Sync.run" not in public
    assert {"Sync", "testing.Receiver", "otel.instrument"} <= set(public)
    assert sorted(described) == sorted(public)


def copied(tmp_path: Path) -> Path:
    """Return a copy of what the site is made from."""
    root = tmp_path / "repository"
    for place in stage.PLACES:
        if (ROOT / place).is_dir():
            shutil.copytree(ROOT / place, root / place)
        else:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / place, root / place)
    built = shutil.ignore_patterns("*.so", "*.db*", "target", "__pycache__")
    for name in ("benches", "examples", "python"):
        shutil.copytree(ROOT / name, root / name, ignore=built, dirs_exist_ok=True)
    return root


def test_a_new_page_is_in_the_sidebar_without_a_line_anywhere(tmp_path: Path) -> None:
    root = copied(tmp_path)
    (root / "docs" / "quux.md").write_text("# Quux\n\n[Events](events.md)\n", "utf-8")
    stage.stage(tmp_path / "source", root)
    start = (tmp_path / "source" / "index.md").read_text("utf-8")
    assert "- [Quux](quux.md)" in start
    section = start.split(":caption: How to\n")[1].split("```")[0]
    assert section.split()[-1] == "quux.md"


def test_every_page_is_in_a_list_of_the_sidebar(tmp_path: Path) -> None:
    stage.stage(tmp_path)
    listed = {"index.md"}
    for file in tmp_path.rglob("*.md"):
        for entries in re.findall(r"```\{toctree\}\n(.*?)```", file.read_text("utf-8"), re.S):
            paths = [line for line in entries.splitlines() if line.endswith(".md")]
            listed |= {
                (file.parent / path).resolve().relative_to(tmp_path).as_posix() for path in paths
            }
    written = {
        file.relative_to(tmp_path).as_posix()
        for file in tmp_path.rglob("*.md")
        if "files" not in file.relative_to(tmp_path).parts
    }
    assert written == listed


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    root = copied(tmp_path)
    (root / "docs" / "quux.md").write_text("# Quux\n\n[x](no-such-page.md)\n", "utf-8")
    with pytest.raises(stage.PageError, match=r"docs/quux\.md: .*no-such-page\.md"):
        stage.stage(tmp_path / "source", root)
