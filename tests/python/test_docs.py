"""Every example of the documentation does what it shows, or says why it doesn't run."""

from __future__ import annotations

import os
from pathlib import Path

import pages
import pytest

DOCS = pages.ROOT / "docs"
OTHERS = ("README.md", "CONTRIBUTING.md", "benches/README.md", "benches/language/README.md")
PAGES = [*sorted(DOCS.rglob("*.md")), *(pages.ROOT / name for name in OTHERS)]
IDS = [page.relative_to(pages.ROOT).as_posix() for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_page_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    runner = pages.Runner(page, tmp_path, work)
    runner.run()
    if "UPDATE_CASES" in os.environ and runner.updated != runner.text:
        page.write_text(runner.updated, "utf-8")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_block_of_a_page_runs_or_is_marked(page: Path) -> None:
    found = pages.complaints(page)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```\nx\n```\n", "expected a block that runs, or is marked"),
        ("```yaml\na: 1\n```\n", "expected a block that runs, or is marked"),
        ("```yaml file=a.yaml\na: 1\n```\n", None),
        ("```text\nx\n```\n", None),
        ('```sql not-run="another tool"\nx\n```\n', None),
        ("```sql run-by=tests/python/test_docs.py\nx\n```\n", "expected a test that names"),
        ("```json\n{}\n```\n", "expected a template behind it"),
        ("```ftl\nx\n```\n", "expected what it gives behind it"),
        ("```ftl\nx\n```\n## Next\n```output\nx\n```\n", "expected what it gives behind it"),
        ("```output\nx\n```\n", "expected a template before it"),
        ("```ftl\nx\n```\n```output\nx\n```\n", None),
        ("```console\n\n```\n", "expected a command"),
        ('<!-- sql not-run="another tool" -->\n\n```sql\nx\n```\n', None),
        ('<!-- sql not-run="another tool" -->\n\n```yaml\nx\n```\n', "expected a block that"),
    ],
)
def test_a_block_that_neither_runs_nor_is_marked_is_found(
    text: str, complaint: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "a-page-of-this-test.md"
    page.write_text(text, "utf-8")
    (tmp_path / "tests/python").mkdir(parents=True)
    (tmp_path / "tests/python/test_docs.py").write_text("")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    found = pages.complaints(page)
    assert bool(found) == bool(complaint)
    assert complaint is None or complaint in found[0]


def test_what_differs_from_its_page_is_found(tmp_path: Path) -> None:
    for number, text in enumerate(
        [
            "```pycon\n>>> 1 + 1\n3\n\n```\n",
            "```console\n$ echo a\nb\n```\n",
            "```console\nfalse\n```\n",
            "```console\nmake nothing-of-this-name\n```\n",
            '```console\npip install "webhook-stream[nothing]"\n```\n',
            "```python\nassert False\n```\n",
        ]
    ):
        folder = tmp_path / str(number)
        (folder / "work").mkdir(parents=True)
        page = folder / "page.md"
        page.write_text(text, "utf-8")
        with pytest.raises(AssertionError):
            pages.Runner(page, folder, folder / "work").run()
