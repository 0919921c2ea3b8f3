"""Whose line a text or a call is for: that of who had its number when it came."""

from __future__ import annotations

from datetime import datetime

from peewee import fn

from bot import inbox
from bot.lines.models import Line
from ledger.database import instant


def line_of(number: str, twilio: str | None, at: datetime) -> Line:
    """The line that had this number then, of which this Twilio account may tell.

    Raises inbox.Park where there was none.
    """
    live: Line | None = Line.live().where(Line.number == number).first()
    line = live if live and (live.had_since is None or live.had_since <= at) else None
    line = line or _former(number, at)
    if line is None and live is None:
        raise inbox.Park(
            f"no line has the number {number}: "
            "add it with `flask setup --line`, then run `flask retry`"
        )
    if line is None:
        raise inbox.Park(
            f"{number} was no line when this came: whoever has the number since is not shown it"
        )
    if not line.has_been_in(twilio):
        raise inbox.Park(f"the line {number} is in another Twilio account than this came by")
    return line


def _former(number: str, at: datetime) -> Line | None:
    """The line, released since, that had this number then."""
    then = (Line.number == number) & (Line.made_at <= at) & (Line.released_at > at)
    found: Line | None = Line.select().where(then).order_by(Line.id.desc()).first()
    return found


def others_until(number: str, account_id: int) -> datetime | None:
    """When the last other account that had a line with this number let it go."""
    others = (Line.number == number) & (Line.account != account_id)
    gone = Line.select(fn.MAX(Line.released_at)).where(others).scalar()
    return instant(gone) if gone else None
