"""Where one month ends and the next begins, in an account's own time zone (R8). Pure functions."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHORTEST_AFTER_A_CHANGE = timedelta(days=28)


def day_starts(day: date, zone: str) -> datetime:
    """The first instant of this date there: midnight, or what comes instead of it."""
    return local(datetime.combine(day, time()), zone)


def local(wall: datetime, zone: str) -> datetime:
    """The instant at which a clock there first shows this; where it never does (the clocks are put
    forward over it), the first instant after."""
    there = ZoneInfo(zone)
    found = wall.replace(tzinfo=there, fold=0).astimezone(UTC)
    if found.astimezone(there).replace(tzinfo=None) == wall:
        return found
    # Read with the offset from before the jump it is too late, with the one from after too early.
    early, late = wall.replace(tzinfo=there, fold=1).astimezone(UTC), found
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(there).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def day_of(moment: datetime, zone: str) -> date:
    """The date there."""
    return moment.astimezone(ZoneInfo(zone)).date()


def next_boundary(
    after: datetime, anchor: int, zone: str, at_least: timedelta = timedelta(0)
) -> datetime:
    """The first boundary later than `after`, and at least that much later.

    Boundaries are the starts of the anchor day of each month; in a month that has no such day, of
    its last day: 31 January → 28 February → 31 March.
    """
    month = day_of(after, zone).replace(day=1) - timedelta(days=1)  # zones jump over whole days
    while True:
        day = month.replace(day=min(anchor, monthrange(month.year, month.month)[1]))
        boundary = day_starts(day, zone)
        if boundary > after and boundary - after >= at_least:
            return boundary
        month = months_on(month.replace(day=1), 1)


def months_later(moment: datetime, months: int, zone: str) -> datetime:
    """The same time on a clock there, so many months on; in a shorter month on its last day."""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    first = months_on(wall.date().replace(day=1), months)
    day = min(wall.day, monthrange(first.year, first.month)[1])
    return local(datetime.combine(first.replace(day=day), wall.time()), zone)


def months_on(first: date, months: int) -> date:
    """The first day of a month, so many months after this first day of one."""
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
