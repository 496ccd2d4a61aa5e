"""What a user of the package can rely on."""

from __future__ import annotations

import subprocess
import sys
import threading

import webhook_stream as ws


def test_importing_starts_nothing() -> None:
    code = (
        "import threading, sys, webhook_stream\n"
        "assert threading.active_count() == 1\n"
        "assert len(__import__('os').listdir('/proc/self/task')) == 1\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_templates_render_from_many_threads() -> None:
    template = ws.Template("<#list 1..50 as n>${n + input.k}<#sep>,</#list>")
    results: dict[int, str] = {}

    def work(k: int) -> None:
        results[k] = template.render({"k": k})

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, text in results.items():
        assert text == ",".join(str(n + k) for n in range(1, 51))


def test_everything_public_has_a_docstring() -> None:
    for name in ws.__all__:
        if name not in ("__version__", "Event"):
            assert getattr(ws, name).__doc__, name
