"""The page of scenarios names tests that exist, and every scenario has one."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
sys.path.insert(0, str(ROOT / "tests" / "torture"))

import torture  # noqa: E402

ROWS = {
    match[1]: match[2] for match in re.finditer(r"^\| ([A-Z]\d+) \| (.+) \|$", PAGE, re.MULTILINE)
}
COUNTS = {"A": 9, "B": 11, "C": 6, "D": 4, "E": 6, "S": 17}

WITHOUT = {
    "C1": "a bench measures it",
    "C2": "a bench measures it",
    "D4": "it is about several machines",
}
"""Scenarios that no test can fail for, and why."""


def names(row: str) -> list[str]:
    """Return the tests that a row names."""
    return re.findall(r"`([\w.]+(?:::\w+)+)`", row)


def test_every_scenario_has_its_row() -> None:
    assert sorted(ROWS) == sorted(
        f"{letter}{number}" for letter, last in COUNTS.items() for number in range(1, last + 1)
    )
    assert {name for name, row in ROWS.items() if not names(row)} == set(WITHOUT)


def source(module: Path) -> Path:
    """Return the file of a module."""
    file = module.with_suffix(".rs")
    return file if file.exists() else module / "mod.rs"


@pytest.mark.parametrize("name", sorted({name for row in ROWS.values() for name in names(row)}))
def test_a_test_that_is_named_exists(name: str) -> None:
    *modules, test = name.split("::")
    if modules[0].endswith(".py"):
        text = (ROOT / "tests" / "python" / modules[0]).read_text("utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE)
        return
    if modules == ["crash"]:
        texts = [path.read_text("utf-8") for path in (ROOT / "tests" / "crash").glob("*.rs")]
        assert any(re.search(rf"fn {test}\(", text) for text in texts)
        # It is a program: what it does not call it does not test.
        assert re.search(rf"^    (power::)?{test}\(", "".join(texts), re.MULTILINE)
        return
    if modules[-1] == "tests":
        path = source(ROOT.joinpath("src", *modules[:-1]))
    else:
        path = source(ROOT.joinpath("tests", "rust", *modules))
        assert f"mod {modules[0]};" in (ROOT / "tests" / "rust" / "main.rs").read_text("utf-8")
    # Those of proptest stand deeper, and have their mark all the same.
    assert re.search(rf"#\[test\]\s+(#\[[^\]]*\]\s+)*fn {test}\(", path.read_text("utf-8")), (
        f"{path} has no test {test}"
    )


def test_what_the_long_run_is_said_to_add_is_there() -> None:
    long = (ROOT / "tests" / "torture" / "long.py").read_text("utf-8")
    crash = (ROOT / "tests" / "crash" / "main.rs").read_text("utf-8")
    for name, row in ROWS.items():
        added = row.rpartition("|")[2]
        for scenario in re.findall(r"`([A-Z]\d+)`", added):
            assert scenario in torture.SCENARIOS, name
        for variable in re.findall(r"`([A-Z]+_[A-Z]+)`", added):
            assert f'"{variable}"' in long + crash, name
