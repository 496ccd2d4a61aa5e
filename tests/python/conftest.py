"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from webhook_stream.testing import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a receiver that answers 200."""
    with Receiver() as running:
        yield running
