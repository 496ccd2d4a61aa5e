"""The wheel that users get, in an environment with nothing else.

`make test-wheel` builds it and names it: `WHEEL=path`. What README.md shows is run as it stands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHEEL = Path(os.environ["WHEEL"])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PORT = re.compile("8080")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an environment with the wheel alone, installed without a network."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", str(WHEEL)]
    subprocess.run(pip, check=True, env=variables(folder))
    return folder


def variables(bare: Path) -> dict[str, str]:
    """Return the variables of a newcomer: nothing but a path and a home."""
    return {
        "PATH": f"{bare / 'bin'}:/usr/bin:/bin",
        "HOME": str(bare),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(bare: Path, *words: str | Path, cwd: Path) -> str:
    """Run a program of the environment; return what it printed."""
    done = subprocess.run(
        [bare / "bin" / words[0], *words[1:]],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=variables(bare),
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def files() -> Iterator[zipfile.ZipFile]:
    """Open the wheel."""
    with zipfile.ZipFile(WHEEL) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(files: zipfile.ZipFile) -> Message:
    """Give the wheel's metadata."""
    (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(files.read(name).decode("utf-8"))


def test_the_wheel_is_one_for_all_pythons() -> None:
    assert re.match(r"webhook_stream-[\d.]+\w*-cp311-abi3-\w*linux\w*_(x86_64|aarch64)", WHEEL.stem)
    if "MANYLINUX" in os.environ:
        assert f"manylinux_{os.environ['MANYLINUX']}" in WHEEL.stem


def test_it_needs_nothing_and_offers_its_extras(metadata: Message) -> None:
    needs = metadata.get_all("Requires-Dist", [])
    assert [need for need in needs if "extra ==" not in need] == []
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras == set(PROJECT["optional-dependencies"])
    assert extras >= {"airflow", "notebook", "prometheus", "otel"}


def test_it_has_types_licences_and_a_list_of_what_is_inside(
    files: zipfile.ZipFile, metadata: Message
) -> None:
    names = files.namelist()
    assert "webhook_stream/py.typed" in names
    assert "webhook_stream/_core.pyi" in names
    assert metadata["License-Expression"] == "MIT"
    for licence in ("LICENSE", "THIRD_PARTY_LICENSES.txt"):
        assert [name for name in names if name.endswith(f".dist-info/licenses/{licence}")]
    assert [name for name in names if ".dist-info/sboms/" in name]
    assert not [name for name in names if "/tests/" in name or name.endswith((".rs", ".pyc"))]


def test_nothing_else_is_installed(bare: Path, tmp_path: Path) -> None:
    listed = run(bare, "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path)
    packages = {line.split("==")[0] for line in listed.split()}
    assert packages - {"pip", "setuptools", "wheel"} == {"webhook-stream"}
    run(bare, "python", "-m", "pip", "check", cwd=tmp_path)


def test_the_command_says_its_version_and_looks_at_the_machine(bare: Path, tmp_path: Path) -> None:
    version = run(bare, "webhook-stream", "--version", cwd=tmp_path)
    assert version == f"webhook-stream {WHEEL.name.split('-')[1]}\n"
    assert "certificates" in run(bare, "webhook-stream", "doctor", cwd=tmp_path)


def test_importing_it_brings_only_the_standard_library(bare: Path, tmp_path: Path) -> None:
    code = (
        "import sys, webhook_stream, webhook_stream.testing, webhook_stream.samples\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(names - set(sys.stdlib_module_names) - {'__main__', 'webhook_stream'}))"
    )
    found = set(run(bare, "python", "-c", code, cwd=tmp_path).split())
    assert {name for name in found if not name.startswith("_")} == set()


def test_the_light_extras_install_and_work(tmp_path: Path) -> None:
    folder = tmp_path / "extras"
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, f"{WHEEL}[prometheus,otel]"], check=True)
    code = "import webhook_stream.prometheus, webhook_stream.otel"
    run(folder, "python", "-c", code, cwd=tmp_path)


def readme(language: str) -> list[str]:
    """Return the examples of README.md in a language."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_examples_of_the_readme_run(bare: Path, tmp_path: Path) -> None:
    (notebook,) = readme("python")
    (tmp_path / "notebook.py").write_text(f"{notebook}\nprint(report)\n", "utf-8")
    printed = run(bare, "python", "notebook.py", cwd=tmp_path)
    assert re.search(r"delivered +[1-9]\d* +100\.00 %", printed), printed

    sys.path.insert(0, str(ROOT / "tests" / "python"))
    from pages import free_port

    command_line, *_ = (block for block in readme("console") if "init" in block)
    port = free_port()
    lines = []
    for line in command_line.splitlines():
        lines.append(PORT.sub(port, line).partition("#")[0].strip())
        if lines[-1].endswith("&"):
            lines.append(f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2> /dev/null; do :; done")
        lines.append(f"if test -f syncs.toml; then sed -i s/8080/{port}/ syncs.toml; fi")
    script = "\n".join(["trap 'kill 0' EXIT", "set -e", *lines, "echo status $?"])
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=variables(bare),
        start_new_session=True,
        timeout=120,
    )
    assert "status 0" in done.stdout, done.stdout + done.stderr
    assert re.search(r"delivered +[1-9]\d* +100\.00 %", done.stdout + done.stderr)
