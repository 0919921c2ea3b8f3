"""When a step is due. Pure functions of instants, clocks and rules: no database, no clock.

A step is planned on the contact's own clock, then due at the first moment that is allowed. What ran
late moves what follows: no two steps come closer together than they were written.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.smartplans.law import Hours, Law
from ledger.boundaries import local

ELAPSED = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1)}
MORNING = 10 * 60  # minute of the day of a step on a date that names no time
LOOKED_AHEAD = timedelta(days=21)  # farther than any run of days on which nothing is allowed
ANY_DAY = 0


@dataclass(frozen=True)
class When:
    """When a step is due: so long after its basis, at a time of day, on some days of the week."""

    basis: str  # "enrolled", "previous" or "date"
    amount: int = 0
    unit: str = "days"
    at: int | None = None  # minute of the day; none: as the basis was
    weekdays: int = ANY_DAY  # 1 Monday, 2 Tuesday, 4 …, 64 Sunday; 0 any
    field: str | None = None  # which date: "birthday", "closing" …


class Limits(NamedTuple):
    """Where a contact may be, and when an automated text may come there."""

    zones: Sequence[str]  # in every one of them it must be allowed
    law: Law
    quiet_from: int  # hours, of the account
    quiet_until: int
    weekdays: int = ANY_DAY  # of the step

    def hours(self, day: date) -> Hours | None:
        """The minutes of this day in which a text may come; None if none may."""
        lawful = self.law.hours(day)
        if lawful is None or not _is_on(day, self.weekdays):
            return None
        first = max(lawful[0], self.quiet_until * 60)
        last = min(lawful[1], self.quiet_from * 60)
        return (first, last) if first < last else None


class Ran(NamedTuple):
    """The last step that ran: when it was planned, and when it did."""

    planned_at: datetime
    at: datetime


@dataclass(frozen=True)
class Course:
    """What a plan does, step by step, and how often."""

    steps: tuple[When, ...]
    every: int | None = None  # none: it runs once
    unit: str | None = None


class Spot(NamedTuple):
    """Where somebody is on a course: the step that is next."""

    round: int
    position: int
    basis_at: datetime  # when the step before was planned, or the round began
    planned_at: datetime
    due_at: datetime  # before what is forbidden moves it


Dates = Mapping[str, tuple[int, int]]  # month and day, by what they mean

# Where somebody is


def begin(course: Course, enrolled_at: datetime, zone: str, dates: Dates) -> Spot:
    """The first step of somebody who is enrolled now."""
    return spot(course, 0, 0, enrolled_at, enrolled_at, None, zone, dates)


def proceed(
    course: Course, here: Spot, enrolled_at: datetime, before: Ran | None, zone: str, dates: Dates,
    done: frozenset[int] = frozenset(),
) -> Spot | None:  # fmt: skip
    """The step after this one; None at the end. `done` are positions that ran already in this
    round, under an older version; `before` is the last step that ran, not one that was skipped."""
    left = [at for at in range(here.position + 1, len(course.steps)) if at not in done]
    if left:
        return spot(
            course, here.round, left[0], enrolled_at, here.planned_at, before, zone, dates
        )  # fmt: skip
    if course.every is None or course.unit is None:
        return None
    number = here.round + 1
    begins = round_starts(enrolled_at, number, course.every, course.unit, zone)
    return spot(
        course, number, 0, enrolled_at, max(begins, here.planned_at), before, zone, dates
    )  # fmt: skip


def spot(
    course: Course, number: int, position: int, enrolled_at: datetime, basis_at: datetime,
    before: Ran | None, zone: str, dates: Dates,
) -> Spot:  # fmt: skip
    """One step of one round, with its times. On a date that nobody knows it is due at once."""
    when = course.steps[position]
    begins = enrolled_at
    if number and course.every and course.unit:
        begins = round_starts(enrolled_at, number, course.every, course.unit, zone)
    latest = max(begins, basis_at)
    if when.basis == "date":
        day = dates.get(when.field or "")
        at = planned_on(when, *day, latest, zone) if day else latest
    else:
        at = planned(when, begins if when.basis == "enrolled" else basis_at, zone)
    at = max(at, basis_at)
    new_round = before is not None and number > 0 and before.planned_at < begins
    return Spot(number, position, basis_at, at, due(when, at, before, zone, new_round))


def is_overtaken(
    course: Course, here: Spot, enrolled_at: datetime, now: datetime, zone: str
) -> bool:
    """Whether the next round has begun before this step of the last one ran."""
    if course.every is None or course.unit is None:
        return False
    return round_starts(enrolled_at, here.round + 1, course.every, course.unit, zone) <= now


# When a step is planned


def planned(when: When, basis: datetime, zone: str) -> datetime:
    """So long after `basis` on a clock in `zone`; never before it.

    A time that the clocks are put forward over is the first instant after; one that comes twice is
    the first.
    """
    if when.unit in ELAPSED:
        moment = basis + when.amount * ELAPSED[when.unit]
        return _snapped(moment, when, zone)
    if when.amount == 0 and when.at is None:
        return _snapped(basis, when, zone)
    wall = basis.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    day = moved(wall.date(), when.amount, when.unit)
    clock = wall.time() if when.at is None else _time(when.at)
    return _on_a_day(day, clock, when.weekdays, basis, zone)


def planned_on(
    when: When, month: int, day: int, after: datetime, zone: str
) -> datetime:  # fmt: skip
    """The next time after `after` that this day of the year comes round, so long before or after
    it. 29 February is the 28th in other years."""
    year = after.astimezone(ZoneInfo(zone)).year - 1
    clock = _time(MORNING if when.at is None else when.at)
    while True:
        anniversary = date(year, month, min(day, monthrange(year, month)[1]))
        wanted = moved(anniversary, when.amount, when.unit)
        found = _on_a_day(wanted, clock, when.weekdays, None, zone)
        if found > after:
            return found
        year += 1


def round_starts(enrolled_at: datetime, number: int, every: int, unit: str, zone: str) -> datetime:
    """When round `number` of a plan that repeats begins; round 0 is the enrollment itself."""
    if number == 0:
        return enrolled_at
    return planned(When("enrolled", number * every, unit), enrolled_at, zone)


def due(
    when: When, planned_at: datetime, before: Ran | None, zone: str, new_round: bool = False
) -> datetime:  # fmt: skip
    """When a step is due, by when the one before it ran.

    What ran late moves this one: by so many days where it has a time of day, else by as much. A new
    round comes on its own day. In no case is the time between two steps cut by more than half.
    """
    if before is None or before.at <= before.planned_at:
        return planned_at
    if when.basis == "date":
        return max(planned_at, before.at)
    late = before.at - before.planned_at
    between = max(planned_at - before.planned_at, timedelta(0))
    found = planned_at + late
    if new_round:
        found = planned_at
    elif when.at is not None:
        there = ZoneInfo(zone)
        days = before.at.astimezone(there).date() - before.planned_at.astimezone(there).date()
        found = local(
            datetime.combine(planned_at.astimezone(there).date() + days, _time(when.at)), zone
        )
    if found < before.at + between / 2:
        found = planned_at + late
    return _on_weekday(max(found, planned_at), when.weekdays, zone)


# Whether a moment is allowed


def next_allowed(moment: datetime, limits: Limits) -> datetime | None:
    """The first moment from this one on at which an automated text may come, wherever the contact
    may be; None if these places have no such moment in common."""
    ends, found = moment + LOOKED_AHEAD, moment
    while found < ends:
        opens = [_opens(found, zone, limits) for zone in limits.zones]
        later = [at for at in opens if at is not None]
        if not later:
            return found
        found = max(later)
    return None


def _opens(moment: datetime, zone: str, limits: Limits) -> datetime | None:
    """When that place opens; None if it is open."""
    wall = moment.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    hours = limits.hours(wall.date())
    if hours is not None and hours[0] <= minute < hours[1]:
        return None
    day = wall.date()
    while hours is None or minute >= hours[1]:
        day += timedelta(days=1)
        if day - wall.date() > LOOKED_AHEAD:
            return moment + LOOKED_AHEAD
        hours, minute = limits.hours(day), 0
    opens = local(datetime.combine(day, _time(hours[0])), zone)
    # An hour that comes twice: its first opening may be over in its second.
    return max(opens, moment + timedelta(minutes=1))


# Days


def moved(day: date, amount: int, unit: str) -> date:
    """The date so many days, weeks, months or years on; in a shorter month on its last day."""
    if unit in ("days", "weeks"):
        return day + timedelta(days=amount * (7 if unit == "weeks" else 1))
    months = day.year * 12 + day.month - 1 + amount * (12 if unit == "years" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _snapped(moment: datetime, when: When, zone: str) -> datetime:
    """The first time from this moment on that it is the step's time of day, on one of its days."""
    if when.at is None:
        return _on_weekday(moment, when.weekdays, zone)
    day = moment.astimezone(ZoneInfo(zone)).date()
    return _on_a_day(day, _time(when.at), when.weekdays, moment, zone)


def _on_a_day(
    day: date, clock: time, weekdays: int, earliest: datetime | None, zone: str
) -> datetime:  # fmt: skip
    """That time on the first day from `day` on that is one of the weekdays, and not too early."""
    while True:
        found = local(datetime.combine(day, clock), zone)
        if _is_on(day, weekdays) and (earliest is None or found >= earliest):
            return found
        day += timedelta(days=1)


def _on_weekday(moment: datetime, weekdays: int, zone: str) -> datetime:
    wall = moment.astimezone(ZoneInfo(zone))
    if _is_on(wall.date(), weekdays):
        return moment
    clock = wall.time().replace(tzinfo=None)
    tomorrow = wall.date() + timedelta(days=1)
    return _on_a_day(tomorrow, clock, weekdays, moment, zone)


def _is_on(day: date, weekdays: int) -> bool:
    return not weekdays or bool(weekdays >> day.weekday() & 1)


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)
