"""Runs these tests with each Airflow, in virtual environments of their own under target/airflow.

What is tested is the wheel. Where the environments can't be made, as without a network, this says
so and skips, except in CI (``CI=true``): there it fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "target" / "airflow"
VERSIONS = ("2.11.2", "3.3.2")
PACKAGES = ("pytest>=9,<10",)


def main() -> int:
    """Make the environments, install the wheel, run the tests; 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="this wheel, instead of one that is built")
    parser.add_argument("--version", action="append", choices=VERSIONS, help="only this Airflow")
    parser.add_argument("--standalone", action="store_true", help="the test of the whole Airflow")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    versions = arguments.version or (VERSIONS[-1:] if arguments.standalone else VERSIONS)
    try:
        pythons = [environment(version) for version in versions]
    except subprocess.CalledProcessError as error:
        print(f"an environment with Airflow can't be made: {error}", file=sys.stderr)
        if os.environ.get("CI", "").lower() in ("1", "true"):
            return 1
        print("SKIPPED: nothing was tested with Airflow", file=sys.stderr)
        return 0
    wheel = arguments.wheel or build()
    for python in pythons:
        uv("pip", "install", "--python", str(python), "--reinstall", "--no-deps", str(wheel))
    which = ["-m", "standalone"] if arguments.standalone else ["-m", "not standalone"]
    tests = Path(__file__).parent
    command = ["-m", "pytest", "-c", str(tests / "pytest.ini"), "-q", *which, *arguments.pytest]
    # One core each: what takes long in Airflow is starting it.
    running = [subprocess.Popen([python, *command, tests], cwd=tests) for python in pythons]
    return max(abs(process.wait()) for process in running)


def environment(version: str) -> Path:
    """Return the Python that has this Airflow, installed the first time."""
    folder = TARGET / version
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    wanted = "\n".join((f"apache-airflow=={version}", *PACKAGES))
    if not ready.exists() or ready.read_text("utf-8") != wanted:
        started = time.monotonic()
        uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        uv("pip", "install", "--quiet", "--python", str(python), *wanted.split("\n"))
        ready.write_text(wanted, "utf-8")
        print(f"Airflow {version} installed in {time.monotonic() - started:.0f} s")
    return python


def build() -> Path:
    """Return the wheel of this checkout, built as users get it."""
    wheels = TARGET / "wheels"
    for old in wheels.glob("*.whl"):
        old.unlink()
    maturin = Path(sys.executable).with_name("maturin")
    command = [maturin, "build", "--release", "--quiet", "--out", wheels]
    subprocess.run(command, cwd=ROOT, check=True)
    [wheel] = wheels.glob("*.whl")
    return wheel


def uv(*arguments: str) -> None:
    """Run uv, which is installed beside this Python."""
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
