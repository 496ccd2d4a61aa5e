"""The list of mistakes that tests must notice fits the code as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "mutations"))

from mutate import ROOT, Mutation, mutations  # noqa: E402


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: mutation.mistake)
def test_each_mistake_still_has_its_place_and_changes_it(mutation: Mutation) -> None:
    right = (ROOT / mutation.file).read_text("utf-8")
    assert mutation.apply(right) != right


def test_the_page_shows_each_mistake_and_that_it_was_noticed() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    for mutation in mutations():
        row = f"| {mutation.mistake} | `{mutation.file}` | "
        assert row in page, "`make mutations` writes the table"
        assert f"{row}nobody" not in page
