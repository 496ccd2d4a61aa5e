"""The quickstart notebook: it runs, and its page looks right in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page, sync_playwright

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LEGIBLE = 4.5
"""The contrast that WCAG asks of small text (level AA)."""

# Elements of ours that stick out of the page or out of their own box, and cannot be scrolled to.
OVERFLOWING = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page: ${root.scrollWidth} wide`);
  const scrolls = (node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
  for (const frame of document.querySelectorAll(".ws")) {
    const right = frame.getBoundingClientRect().right + 1;
    for (const node of frame.querySelectorAll("*")) {
      let inside = node.parentElement;
      while (inside !== frame && !scrolls(inside)) inside = inside.parentElement;
      if (inside !== frame) continue;
      if (node.getBoundingClientRect().right > right) found.push(node.outerHTML.slice(0, 200));
    }
  }
  return found;
}"""

# The contrast of every text of ours against what is behind it.
CONTRASTS = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const part = rgb.slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const frame of document.querySelectorAll(".ws")) {
    const walker = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || node.tagName === "STYLE") continue;
      if (!node.checkVisibility()) continue;
      const style = getComputedStyle(node);
      const color = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
      const [a, b] = [light(numbers(color)), light(behind(node))].sort((x, y) => y - x);
      found.push([(a + 0.05) / (b + 0.05), node.className, walker.currentNode.data.slice(0, 40)]);
    }
  }
  return found;
}"""


def read() -> Any:
    """Return the notebook as it is kept."""
    return nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the notebook after every cell ran in a real kernel."""
    notebook = read()
    folder = str(tmp_path_factory.mktemp("quickstart"))
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    return client.execute()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        message = "Chromium is missing: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def outputs_of(executed: Any, cell_id: str) -> str:
    (cell,) = [cell for cell in executed.cells if cell.id == cell_id]
    return str(cell.outputs)


def opened(browser: Browser, executed: Any, theme: str, width: int, folder: Path) -> Page:
    """Return the notebook's exported page; it loads nothing from anywhere."""
    exporter: Any = HTMLExporter
    html, _ = exporter(template_name="lab", theme=theme).from_notebook_node(executed)
    path = folder / f"{theme}.html"
    path.write_text(html, "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("**/*", lambda route: route.abort())
    page.route("file://**", lambda route: route.continue_())
    page.goto(path.as_uri())
    return page


def test_the_notebook_is_kept_without_outputs() -> None:
    # They hold times and a port, so that every run would change the file.
    for cell in read().cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_the_notebook_runs_and_shows_what_it_says(executed: Any) -> None:
    assert "does not match" in outputs_of(executed, "filter")
    assert "is missing" in outputs_of(executed, "template")
    assert "1 filtered" in outputs_of(executed, "sync")
    assert "10 attempts over 4:00:00" in outputs_of(executed, "retry")
    assert "done" in outputs_of(executed, "run")
    assert "<svg" in outputs_of(executed, "report")
    assert "template_missing_value" in outputs_of(executed, "report")
    assert "is missing" in outputs_of(executed, "dead-letters")
    assert "<b>0</b>dead letters" in outputs_of(executed, "replay")
    printed = [
        output
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert printed == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_shows_report_plot_and_preview(
    browser: Browser, executed: Any, theme: str, tmp_path: Path
) -> None:
    page = opened(browser, executed, theme, 1200, tmp_path)
    report = page.locator("#cell-id\\=report .ws")
    assert report.locator(".tile", has_text="accepted").is_visible()
    for plot in ("attempts by number", "latency"):
        figure = report.locator("figure", has_text=plot)
        assert figure.locator("svg").is_visible()
        bars = [bar.bounding_box() for bar in figure.locator("svg rect").all()]
        assert max(bar["height"] for bar in bars if bar) > 50
    preview = page.locator("#cell-id\\=sync .ws")
    for heading in ("event", "payload", "error"):
        assert preview.get_by_role("columnheader", name=heading).is_visible()
    assert preview.get_by_text("^^^^").is_visible()
    assert page.locator(".ws").count() >= 9
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 200
    assert [one for one in contrasts if one[0] < LEGIBLE] == []


@pytest.mark.parametrize("width", [1200, 700])
def test_nothing_on_the_page_overflows(
    browser: Browser, executed: Any, width: int, tmp_path: Path
) -> None:
    page = opened(browser, executed, "light", width, tmp_path)
    for fold in page.locator(".ws details:not([open]) > summary").all():
        if fold.is_visible():
            fold.click()
    assert page.evaluate(OVERFLOWING) == []
