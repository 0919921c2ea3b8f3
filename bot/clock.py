"""The time. One place to ask, so that tests can travel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_ahead = timedelta(0)


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC) + _ahead


@contextmanager
def travelled(ahead: timedelta) -> Iterator[None]:
    """Inside the block, `now()` is this much later, in this process."""
    global _ahead
    _ahead += ahead
    try:
        yield
    finally:
        _ahead -= ahead
