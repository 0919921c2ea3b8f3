"""The time. One place to ask, so that tests can travel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

_ahead = timedelta(0)
_file: Path | None = None


def now() -> datetime:
    """This moment, aware, in UTC."""
    ahead = _ahead + timedelta(seconds=float(_file.read_text())) if _file else _ahead
    return datetime.now(UTC) + ahead


def follow(file: Path | None) -> None:
    """Has the clock of this process go ahead by as many seconds as the file says: the demo's."""
    global _file
    _file = file


@contextmanager
def travelled(ahead: timedelta) -> Iterator[None]:
    """Inside the block, `now()` is this much later, in this process."""
    global _ahead
    _ahead += ahead
    try:
        yield
    finally:
        _ahead -= ahead
