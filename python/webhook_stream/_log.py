"""Records of the core, handed to the standard logging by the thread that waits for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

_Record = tuple[str, str, float, str, Mapping[str, object]]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def emit(records: Iterable[_Record]) -> bool:
    """Log these: level, logger, seconds since 1970, message, fields. Say if DEBUG is wanted.

    Levels are looked at anew each time, so a change takes effect while a run goes on. The fields
    are attributes of the record.
    """
    for level, target, created, message, fields in records:
        logger = logging.getLogger(f"webhook_stream.{target}")
        number = _LEVELS[level]
        if not logger.isEnabledFor(number):
            continue
        record = logger.makeRecord(
            logger.name, number, "webhook_stream", 0, message, (), None, extra=dict(fields)
        )
        # It happened in another thread, a moment ago.
        record.relativeCreated += (created - record.created) * 1000
        record.created = created
        record.msecs = created % 1 * 1000
        logger.handle(record)
    return logging.getLogger("webhook_stream.delivery").isEnabledFor(logging.DEBUG)
