"""webhook_stream at the same work, through the installed wheel and `Sync.run`.

    stream.py file|lines|nothing EVENTS.ndjson.gz URL LIMIT SENDERS

`file` hands over the path; `lines` the same events as `bytes`, made before the clock starts;
`nothing` reads the file and filters every event out.
"""

from __future__ import annotations

import gzip
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

from measured import Measured

import webhook_stream as ws

FILTERS = {"nothing": 'input.event_type == "none of them"'}


def main() -> None:
    what, path, url, limit, senders = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    sync = ws.Sync(
        "bench",
        url,
        template=ws.Template.from_file(Path(__file__).with_name("payload.ftl")),
        filter=ws.Filter(FILTERS.get(what, 'input.event_type != "session_end"')),
        concurrency=senders,
    )
    source: ws.Source | Iterable[bytes] = ws.read(path)
    if what == "lines":
        with gzip.open(path, "rb") as lines:
            source = list(itertools.islice(lines, limit))
    measured = Measured()
    report = sync.run(source, progress=False)
    measured.done(read=report.accepted + report.filtered, sent=report.delivered)


if __name__ == "__main__":
    main()
