"""webhook_stream's template engine side by side with others; benches/language/README.md says how.

Every program is started once, warmed up, and then measured in turn, round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
EVENTS = 1000
WORKLOADS = {"w1": [], "w2": ["--items", "20"]}
TASKS = {"render": "render", "parse_render": "parse + render"}
JAVA = "FreeMarker"
OURS = "webhook_stream"
# "Must" and "aim": how many times as fast as Java FreeMarker in CPU time.
TARGETS = {
    ("w1", "render"): (4.0, 8.0),
    ("w2", "render"): (3.0, 4.0),
    ("w1", "parse_render"): (2.2, 3.5),
    ("w2", "parse_render"): (2.2, 2.8),
}
THREAD_TARGETS = (1.8, 1.95)


@dataclass
class Contender:
    """An engine in a process that answers requests."""

    name: str
    command: list[str]
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    # One for each workload and task: a JVM that has seen others compiles worse code.
    processes: dict[tuple[str, str], subprocess.Popen[str]] = field(default_factory=dict)

    def ask(self, workload: str, task: str, **options: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        process = self.processes.get((workload, task))
        if process is None:
            pipe = subprocess.PIPE
            process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True)
            self.processes[workload, task] = process
        request = {"engine": self.name, "workload": workload, "task": task} | options
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            sys.exit(f"{self.name} has no pipes")
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            sys.exit(f"{self.name} ended: see its message above")
        return json.loads(answer)

    def micros(self, workload: str, task: str, seconds: float) -> float:
        """Measure the CPU time of one rendering."""
        answer = self.ask(workload, task, seconds=seconds)
        return answer["cpu_ns"] / answer["renders"] / 1000

    def warm_up(self, workload: str, task: str) -> None:
        """Run until three seconds in a row differ by less than 5 %, or for 30 seconds."""
        times: list[float] = []
        for _ in range(30 if self.name == JAVA else 1):
            times.append(self.micros(workload, task, 1.0 if self.name == JAVA else 0.2))
            last = times[-3:]
            if len(last) == 3 and max(last) < 1.05 * min(last):
                return


def run(*command: str | Path, cwd: Path = HERE) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return done.stdout


def build(work: Path) -> tuple[Path, str]:
    """Build what is measured; give the folder of the Rust programs and Java's class path."""
    work.mkdir(parents=True, exist_ok=True)
    for features, programs in {"engine": ["engine", "allocations"], "peers": ["peers"]}.items():
        names = [part for program in programs for part in ("--bin", program)]
        run("cargo", "build", "--quiet", "--release", "--features", features, *names)
    for workload, options in WORKLOADS.items():
        made = work / f"{workload}.ndjson"
        run(sys.executable, "workload/events.py", "--n", str(EVENTS), *options, "--out", made)
    jars, classes = work / "jars", work / "classes"
    if not jars.exists():
        copy = "dependency:copy-dependencies"
        run("mvn", "-q", "-f", "java/pom.xml", copy, f"-DoutputDirectory={jars}")
    run("javac", "-encoding", "UTF-8", "-cp", f"{jars}/*", "-d", classes, "java/LanguageBench.java")
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
    return target / "release", f"{classes}:{jars}/*"


def start(binaries: Path, class_path: str, work: Path) -> list[Contender]:
    def command(*words: str | Path) -> list[str]:
        return [*map(str, words), str(HERE), str(work)]

    java = ["java", "-XX:+UseSerialGC", "-Xms256m", "-Xmx256m", "-Dfile.encoding=UTF-8"]
    return [
        Contender(JAVA, command(*java, "-cp", class_path, "LanguageBench")),
        Contender(OURS, command(binaries / "engine")),
        Contender("minijinja", command(binaries / "peers")),
        Contender("handlebars", command(binaries / "peers"), ("w1",)),
        Contender("jinja2", command(sys.executable, HERE / "in_jinja2.py")),
    ]


def check(contenders: list[Contender]) -> None:
    """All engines write the same; peers may differ in blank lines, which they can't drop."""

    def dense(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if line.strip())

    for workload in WORKLOADS:
        expected: list[str] = []
        for contender in contenders:
            if workload not in contender.workloads:
                continue
            found = contender.ask(workload, "outputs")["outputs"]
            expected = expected or found
            if contender.name != OURS:
                found = list(map(dense, found))
            wanted = expected if contender.name == OURS else list(map(dense, expected))
            pairs = zip(wanted, found, strict=True)
            different = [(one, other) for one, other in pairs if one != other]
            if different:
                one, other = different[0]
                sys.exit(
                    f"{workload}: {contender.name} differs from {JAVA} in {len(different)} of "
                    f"{len(found)} events, first:\n{one}\n---\n{other}"
                )
    print(f"All outputs of {EVENTS:,} events of each workload are equal to FreeMarker's.\n")


def verdict(value: float, targets: tuple[float, float]) -> str:
    must, aim = targets
    said = "aim" if value >= aim else "must" if value >= must else "MISSED"
    return f"{said} (must {must:g}, aim {aim:g})"


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(contenders: list[Contender], rounds: int, seconds: float) -> None:
    for contender in contenders:
        for workload in contender.workloads:
            for task in TASKS:
                contender.warm_up(workload, task)
    times: dict[tuple[str, str, str], list[float]] = {}
    threads: dict[str, list[float]] = {workload: [] for workload in WORKLOADS}
    walls: dict[str, list[float]] = {workload: [] for workload in WORKLOADS}
    ours = next(contender for contender in contenders if contender.name == OURS)
    for _ in range(rounds):
        for workload in WORKLOADS:
            for task in TASKS:
                for contender in contenders:
                    if workload in contender.workloads:
                        key = (workload, task, contender.name)
                        micros = contender.micros(workload, task, seconds)
                        times.setdefault(key, []).append(micros)
            one, two = (
                ours.ask(workload, "threads", threads=count, seconds=seconds) for count in (1, 2)
            )
            cost = [answer["cpu_ns"] / answer["renders"] for answer in (one, two)]
            rate = [answer["renders"] / answer["wall_ns"] for answer in (one, two)]
            threads[workload].append(2 * cost[0] / cost[1])
            walls[workload].append(rate[1] / rate[0])
    for workload in WORKLOADS:
        for task, title in TASKS.items():
            print(f"## {workload.upper()}, {title}\n")
            print("| engine | CPU µs, median | best | × FreeMarker, median (range) of rounds | |")
            print("| --- | ---: | ---: | ---: | --- |")
            java = times[workload, task, JAVA]
            for contender in contenders:
                own = times.get((workload, task, contender.name))
                if own is None:
                    continue
                ratios = [other / mine for other, mine in zip(java, own, strict=True)]
                said = ""
                if contender.name == OURS:
                    said = verdict(median(ratios), TARGETS[workload, task])
                figures = f"{median(own):.3f} | {min(own):.3f} | {spread(ratios)}"
                print(f"| {contender.name} | {figures} | {said} |")
            print()
    print("## Two threads against one\n")
    print("| workload | by CPU time a rendering | by wall clock | |")
    print("| --- | ---: | ---: | --- |")
    for workload in WORKLOADS:
        said = verdict(median(threads[workload]), THREAD_TARGETS)
        line = f"{spread(threads[workload])} | {spread(walls[workload])}"
        print(f"| {workload.upper()} | {line} | {said} |")
    print()


def allocations(binaries: Path, work: Path) -> None:
    print("## Allocations of webhook_stream an event, output buffer and table used again\n")
    print("| workload | task | allocations | bytes | bytes of output |")
    print("| --- | --- | ---: | ---: | ---: |")
    for line in run(binaries / "allocations", HERE, work).splitlines():
        found = json.loads(line)
        counts = f"{found['allocations']:.1f} | {found['bytes']:,.0f} | {found['output']:,.0f}"
        print(f"| {found['workload'].upper()} | {TASKS[found['task']]} | {counts} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU time of one measurement")
    parser.add_argument("--only", help="engines to run besides FreeMarker, joined by commas")
    options = parser.parse_args()
    work = HERE / "target" / "work"
    binaries, class_path = build(work)
    contenders = start(binaries, class_path, work)
    if options.only:
        names = {JAVA, OURS, *options.only.split(",")}
        contenders = [contender for contender in contenders if contender.name in names]
    check(contenders)
    compare(contenders, options.rounds, options.seconds)
    allocations(binaries, work)


if __name__ == "__main__":
    main()
