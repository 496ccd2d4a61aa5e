"""Writes the seeds of the fuzz targets into fuzz/corpus, from the cases of the tests.

    python fuzz/seeds.py [MORE.jsonl ...]

A further file has lines such as {"template": "…", "data": {…}}. Nothing is deleted: what fuzzing
found earlier stays.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
BLOCK = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)
EVENT = (
    '{"event_type": "click event", "user_id": "ada", "user_properties": {"plan": "pro"}, "n": 3}'
)


def main() -> None:
    """Write all seeds and say how many there are."""
    for page in sorted((ROOT / "tests" / "cases").rglob("*.md")):
        blocks = [(info.strip(), text) for _, info, text in BLOCK.findall(page.read_text("utf-8"))]
        data = "{}"
        for info, text in blocks:
            if info == "json":
                data = text.strip()
                write("filter", f"{data}\n---\n{EVENT}")
                write("events", data + "\n")
            elif info == "ftl":
                template(text.removesuffix("\n"), data)
            elif info in ("filter", "event", "events"):
                write("events", text)
    for name in sys.argv[1:]:
        for line in Path(name).read_text("utf-8").splitlines():
            case = json.loads(line)
            if isinstance(case.get("template"), str):
                template(case["template"], json.dumps(case.get("data", {})))
    for expression in (
        "input.event_type == 'click event' && input.user_id??",
        "(input.n!0) > 2 || !input.x??",
    ):
        write("filter", f"{expression}\n---\n{EVENT}")
    syncs = (
        (ROOT / "examples" / "syncs.toml").read_text("utf-8").replace('"braze.ftl"', '"/dev/null"')
    )
    write("syncs", syncs)
    write(
        "syncs",
        "[sync.a]\nurl = \"https://example.com/${input.user_id?url}\"\nfilter = 'input.n > 2'\n"
        '[sync.a.headers]\nAuthorization = "Bearer ${secrets.TOKEN}"\n'
        "[sync.a.retry]\nschedule = [1, 2.5]\n",
    )
    lines = f"{EVENT}\nnot JSON\n{EVENT}\n".encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("1/1_2024-03-01_20#0.json.gz", gzip.compress(lines, mtime=0))
        members.writestr("plain.ndjson", lines)
    for content in (
        lines,
        gzip.compress(lines, mtime=0),
        archive.getvalue(),
        f"[{EVENT},{EVENT}]".encode(),
    ):
        write("events", content)
    for folder in sorted(CORPUS.iterdir()):
        print(f"{folder.name}: {len(list(folder.iterdir()))} files")


def template(text: str, data: str) -> None:
    """Write a template with its data, under the settings that may change how it is read."""
    variants = "0" if "<#" in text or "${" in text else "025"
    for variant in variants:
        write("template", f"{variant}{text}\n---\n{data}")


def write(target: str, content: str | bytes) -> None:
    """Write a seed under the hash of its content."""
    content = content.encode() if isinstance(content, str) else content
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


if __name__ == "__main__":
    main()
