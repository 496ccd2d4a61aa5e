"""`make demo`: a sample export archive streams to a webhook that fails now and then.

Makes the archive with the seeded generator, starts a receiver on this machine that answers some
requests with 503, with 429 and `Retry-After`, or with a reset, and runs the command line over it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from webhook_stream import samples
from webhook_stream.testing import Receiver

EVENTS = 20_000
DONE_OR_PENDING = (0, 75)


def main() -> int:
    """Run the demo in a temporary folder; 0 when all was delivered or is pending."""
    examples = Path(__file__).parent
    temporary = tempfile.TemporaryDirectory(prefix="webhook_stream-demo-")
    with temporary as name, demo_receiver() as receiver:
        folder = Path(name)
        print(f"making {EVENTS:,} events in Amplitude's export layout …", flush=True)
        archive = samples.amplitude_export(folder / "sample.zip", events=EVENTS, seed=1)
        print(f"  {archive.name}: {archive.stat().st_size / 1e6:.1f} MB, a zip of gzipped NDJSON\n")

        shutil.copy(examples / "braze.ftl", folder)
        syncs = (examples / "syncs.toml").read_text("utf-8")
        (folder / "syncs.toml").write_text(
            syncs.replace("http://127.0.0.1:8080", receiver.url), "utf-8"
        )
        command = [sys.executable, "-m", "webhook_stream", "run", "syncs.toml", archive.name]
        print("$ webhook-stream run syncs.toml sample.zip", flush=True)
        status = subprocess.run(command, cwd=folder, check=False).returncode

        print(f"\nthe receiver got {receiver.request_count:,} requests; one of them:")
        shown = next(request for request in receiver.requests if request.path == "/braze")
        print(f"  POST {shown.path}")
        for header in ("Content-Type", "User-Agent", "webhook-id", "X-Source"):
            print(f"  {header}: {shown.headers[header.lower()]}")
        print(f"\n  {json.dumps(json.loads(shown.body), ensure_ascii=False)}")
        if status == 75:
            print("\nexit status 75: what is still pending would be tried again over 4 hours")
    return 0 if status in DONE_OR_PENDING else status


def demo_receiver() -> Receiver:
    """Start a receiver that fails about one request in twenty, the same ones on every run."""
    return Receiver(mixture={503: 0.03, 429: 0.001, "reset": 0.005}, retry_after=1, seed=1)


if __name__ == "__main__":
    sys.exit(main())
