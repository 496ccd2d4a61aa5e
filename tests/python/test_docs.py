"""The Python examples of the documentation do what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"

# Templates and what they give are run by the Rust side (tests/rust/cases.rs).
SESSION = re.compile(r"^```pycon\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_sessions_of_a_page_give_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    runner = doctest.DocTestRunner(optionflags=flags)
    shared: dict[str, object] = {}
    for found in SESSION.finditer(text):
        line = text.count("\n", 0, found.start(1))
        session = doctest.DocTestParser().get_doctest(found[1], shared, page.name, str(page), line)
        runner.run(session, clear_globs=False)
        shared = session.globs
    assert runner.failures == 0, f"{runner.failures} examples of {page.name} differ"
