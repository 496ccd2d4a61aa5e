"""Plots of a report for matplotlib and Altair, and what is said without them."""

from __future__ import annotations

import builtins
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream.testing import Receiver


def test_plots_for_matplotlib_and_altair(receiver: Receiver, tmp_path: Path) -> None:
    report = ws.Sync("demo", receiver.url).run([{"n": n} for n in range(20)], progress=False)
    figure = report.plot()
    assert [axes.get_title() for axes in figure.axes] == [
        "outcomes",
        "attempts by number",
        "latency in seconds",
    ]
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
    chart = report.chart().to_dict()
    assert [part["title"] for part in chart["hconcat"]] == [
        "outcomes",
        "attempts by number",
        "latency, accepted to delivered",
    ]
    empty = ws.Sync("none", receiver.url).run([], progress=False)
    empty.plot().savefig(tmp_path / "empty.png")
    assert empty.chart().to_dict()["hconcat"]


@pytest.mark.parametrize(("package", "call"), [("matplotlib", "plot"), ("altair", "chart")])
def test_without_the_package_a_plot_says_what_to_install(
    package: str, call: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **keywords)

    report = ws.Sync("demo", receiver.url).run([], progress=False)
    importlib.import_module("webhook_stream._plots")
    monkeypatch.setattr(builtins, "__import__", missing)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match=r"webhook-stream\[notebook\]"):
        getattr(report, call)()
    # The report itself needs neither.
    assert "accepted" in report._repr_html_()
