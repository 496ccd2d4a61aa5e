"""Events and payloads that are functions of their number, so that damage shows."""

from __future__ import annotations

import hashlib
import json

TEMPLATE = '{"id":"${input.id}","pad":"${input.pad}"}'
"""What makes the payload of an event."""


def event(number: int) -> dict[str, str]:
    """Return the event of a number."""
    name = f"e{number:08}"
    return {"id": name, "pad": hashlib.sha256(name.encode()).hexdigest() * (1 + number % 9)}


def line(number: int) -> bytes:
    """Return the event as a line of JSON."""
    return json.dumps(event(number), separators=(",", ":")).encode() + b"\n"


def body(number: int) -> bytes:
    """Return the payload that the receiver must get for the event of a number."""
    made = event(number)
    return f'{{"id":"{made["id"]}","pad":"{made["pad"]}"}}'.encode()


def number_of(payload: bytes) -> int | None:
    """Return the number of the event of a payload; None when the payload is damaged."""
    try:
        name = json.loads(payload)["id"]
        number = int(name[1:])
    except (ValueError, KeyError, TypeError):
        return None
    return number if payload == body(number) else None
