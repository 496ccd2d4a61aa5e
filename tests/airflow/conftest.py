"""An Airflow of its own for these tests: a fresh home, SQLite, no examples."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INHERITED = "WEBHOOK_STREAM_TEST_AIRFLOW_HOME"

if INHERITED in os.environ:
    # A process that a test has started.
    HOME = Path(os.environ[INHERITED])
else:
    HOME = Path(tempfile.mkdtemp(prefix="webhook_stream-airflow-"))
    os.environ[INHERITED] = str(HOME)
    atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# Airflow reads these when it is imported, so before any test is.
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "NO_PROXY": "127.0.0.1,localhost",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}


def pytest_configure() -> None:
    """Put the DAGs where Airflow looks for them, the ones of the documentation too."""
    dags = HOME / "dags"
    shutil.copytree(HERE / "dags", dags)
    shutil.copy(ROOT / "examples" / "airflow_dag.py", dags)
    shutil.copy(ROOT / "examples" / "braze.ftl", dags)
    (dags / "docs_dag.py").write_text(python_of(ROOT / "docs" / "airflow.md"), encoding="utf-8")


def python_of(page: Path) -> str:
    """Return the page's first Python example: a whole DAG file."""
    text = page.read_text(encoding="utf-8")
    return text.split("```python\n", 1)[1].split("```", 1)[0]


@pytest.fixture(scope="session")
def database() -> None:
    """Make Airflow's database."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def receiver() -> Iterator[Any]:
    """Start a receiver that answers 200."""
    from webhook_stream.testing import Receiver

    with Receiver() as running:
        yield running


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes a connection known to Airflow."""

    def connection(url: str, name: str = "webhook_default", **parts: Any) -> None:
        described = {"conn_type": "webhook", "host": url, **parts}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(described))

    return connection


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a file of events."""

    def write(name: str, *lines: Mapping[str, Any]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return path

    return write


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what tells the DAGs which files to send."""

    def tell(*paths: Path) -> None:
        monkeypatch.setenv("TEST_SOURCES", json.dumps([str(path) for path in paths]))

    return tell
