"""Jinja2 over json's dicts, asked by run.py: a JSON line in, a JSON line out."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2


def json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def parse_time(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)


def decimals(value: float) -> str:
    return f"{value:.2f}"


class Workload:
    """A template, and events as bytes and as dicts."""

    def __init__(self, folder: Path, events: Path, name: str) -> None:
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - JSON
        environment.filters.update(
            json_string=json_string, parse_time=parse_time, decimals=decimals
        )
        environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
        text = (folder / "templates" / f"{name}.jinja").read_text("utf-8")
        self.template = environment.from_string(text)
        self.texts = (events / f"{name}.ndjson").read_bytes().splitlines()
        self.models = [json.loads(text) for text in self.texts]

    def render(self) -> None:
        """Render every event."""
        render = self.template.render
        for model in self.models:
            render(input=model)

    def parse_render(self) -> None:
        """Parse and render every event."""
        render, loads = self.template.render, json.loads
        for text in self.texts:
            render(input=loads(text)).encode()

    def timed(self, task: str, seconds: float) -> dict[str, Any]:
        """Go round the events until so much CPU time is used."""
        run = self.render if task == "render" else self.parse_render
        renders, wall, cpu = 0, time.perf_counter_ns(), time.process_time_ns()
        used = 0
        while used < seconds * 1e9:
            run()
            renders += len(self.texts)
            used = time.process_time_ns() - cpu
        return {"renders": renders, "wall_ns": time.perf_counter_ns() - wall, "cpu_ns": used}


def main() -> None:
    folder, events = map(Path, sys.argv[1:])
    workloads: dict[str, Workload] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["workload"]
        workload = workloads.setdefault(name, None) or Workload(folder, events, name)
        workloads[name] = workload
        if request["task"] == "outputs":
            answer = {
                "outputs": [workload.template.render(input=model) for model in workload.models]
            }
        else:
            answer = workload.timed(request["task"], request["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
