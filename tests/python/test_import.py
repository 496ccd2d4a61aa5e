"""What importing loads: little, so that shells, notebooks and unrelated test runs stay quick."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import webhook_stream as ws

PACKAGES = Path(ws.__file__).parents[1]

# Each takes milliseconds, or starts something, and most users never need it.
NOT_IMPORTED = (
    "IPython",
    "airflow",
    "altair",
    "argparse",
    "asyncio",
    "concurrent",
    "coverage",
    "csv",
    "dataclasses",
    "decimal",
    "email",
    "http",
    "html",
    "importlib.metadata",
    "inspect",
    "json",
    "matplotlib",
    "multiprocessing",
    "opentelemetry",
    "pandas",
    "polars",
    "prometheus_client",
    "pyarrow",
    "pytest",
    "random",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "unittest",
    "urllib",
    "uuid",
    "webhook_stream._findings",
    "webhook_stream._html",
    "webhook_stream._log",
    "webhook_stream._metrics",
    "webhook_stream.coverage",
    "webhook_stream._plots",
    "webhook_stream.notebook",
    "webhook_stream.otel",
    "webhook_stream.prometheus",
    "webhook_stream.samples",
    "webhook_stream.testing",
    "xml",
    "zoneinfo",
)


def loaded(code: str) -> set[str]:
    """Return the modules that are loaded after this code in a bare Python."""
    # Without `site`, so that what else is installed here loads nothing.
    code = f"import sys; sys.path.insert(0, {str(PACKAGES)!r}); {code}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_little() -> None:
    bare = loaded("pass")
    with_package = loaded("import webhook_stream")
    assert "webhook_stream._core" in with_package
    assert not set(NOT_IMPORTED) & (with_package - bare)


def test_the_command_loads_no_more_than_the_package() -> None:
    more = loaded("import webhook_stream._cli") - loaded("import webhook_stream")
    assert more - {"signal", "_signal"} == {"webhook_stream._cli"}


def test_the_pytest_plugin_imports_only_what_pytest_has_imported() -> None:
    code = "import sys, pytest; before = set(sys.modules); import pytest_webhook_stream; "
    code += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["pytest_webhook_stream"]


@pytest.fixture
def broken_core(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which the package is there and its native core does not load."""
    copy = tmp_path / "site" / "webhook_stream"
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGES / "webhook_stream", copy, ignore=ignored)
    (copy / "_core.abi3.so").write_bytes(b"\x7fELF is how it begins, and that is all")
    return {**os.environ, "PYTHONPATH": str(copy.parent), "PYTEST_ADDOPTS": ""}


def run_pytest(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return subprocess.run(
        [*command, str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=env,
        timeout=120,
    )


def test_a_core_that_does_not_load_breaks_no_unrelated_run(
    tmp_path: Path, broken_core: dict[str, str]
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_unrelated.py").write_text(
        "import pytest, sys\n"
        "def test_unrelated():\n"
        "    assert 'pytest_webhook_stream' in sys.modules\n"
        "    with pytest.raises(ImportError):\n"
        "        import webhook_stream\n"
    )
    done = run_pytest(folder, broken_core)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_template_test_says_that_the_core_does_not_load(
    tmp_path: Path, broken_core: dict[str, str]
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.ftl").write_text("{}")
    (folder / "a.ftltest.yaml").write_text("template: a.ftl\ncases: [{name: a, given: {}}]\n")
    (folder / "test_unrelated.py").write_text("def test_unrelated(): pass\n")
    done = run_pytest(folder, broken_core)
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "ERROR a.ftltest.yaml" in done.stdout
    assert "the core of webhook_stream does not load: " in done.stdout
    assert "Traceback" not in done.stdout
