"""What time it is where a contact lives, and whether that is a time to text.

Quiet hours are the account's (usually 8:00 PM to 9:00 AM), by the contact's own clock. A text that
a person writes is only warned of; what is sent automatically waits for `opens_at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import timezone as number_zones

from bot.contacts import numbers
from bot.errors import Wrong
from bot.lines.models import Line
from bot.team.models import Policy
from bot.words import clock_words

#: A number that could be anywhere in its country: toll-free, personal, of many islands.
ANYWHERE = 4
CONTINENTAL_US = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip
NORTH_AMERICA = 1  # a country code of two large countries and of many islands
STEP = timedelta(minutes=15)  # offsets of zones, and whole hours in them, are multiples of it
LOOKED_AHEAD = timedelta(days=3)


class Whereabouts(Protocol):
    """Somebody of whom it may be known where they live."""

    @property
    def timezone(self) -> Any:
        """The time zone that was said, if any."""


def require_night(quiet_from: int, quiet_until: int) -> None:
    """Raises Wrong unless quiet hours go from an evening to the morning after."""
    if quiet_until >= quiet_from:
        raise Wrong("until", "Quiet hours begin in the evening and end in the morning.")


def policy(account_id: int) -> Policy:
    """What the account has settled, else what is usual."""
    found: Policy | None = Policy.get_or_none(Policy.account == account_id)
    return found or Policy(account=account_id)


def of_line(line: Line) -> Policy:
    """The same for the texts of one line, which may have hours of its own."""
    settled = policy(line.account_id)
    if line.quiet_from is not None:
        settled.quiet_from = line.quiet_from
    if line.quiet_until is not None:
        settled.quiet_until = line.quiet_until
    return settled


def zones(contact: Whereabouts | None, number: str, home: str) -> Sequence[str]:
    """The time zones in which the contact may live; `home` is the account's own.

    What was said of a contact counts; else the number tells, which for a number that belongs to no
    one place is every zone of its country.
    """
    said = None if contact is None else contact.timezone
    return _zones_of(said, numbers.alike(number), home)


@cache
def every_zone() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def opens_at(now: datetime, where: Sequence[str], settled: Policy) -> datetime | None:
    """The next moment outside quiet hours in every one of these zones; None if that is now."""
    if is_open(now, where, settled):
        return None
    moment = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    for _ in range(LOOKED_AHEAD // STEP):
        moment += STEP
        if is_open(moment, where, settled):
            return moment
    # Zones on opposite sides of the world: morning in the first must do.
    return opens_at(now, where[:1], settled) if len(where) > 1 else moment


def is_open(moment: datetime, where: Sequence[str], settled: Policy) -> bool:
    """Whether the moment is outside quiet hours in every one of these zones."""
    hours = (moment.astimezone(ZoneInfo(zone)).hour for zone in where)
    return all(settled.quiet_until <= hour < settled.quiet_from for hour in hours)


def local(moment: datetime, where: Sequence[str]) -> datetime:
    """The moment on the contact's own clock; where it is earliest, if it could be several."""
    return min(_clocks(moment, where), key=_shown)


def said(moment: datetime, where: Sequence[str]) -> str:
    """ "6:10 AM", or "between 6:10 AM and 9:10 AM" where nobody knows in which zone they live."""
    clocks = _clocks(moment, where)
    first, last = clock_words(min(clocks, key=_shown)), clock_words(max(clocks, key=_shown))
    return first if first == last else f"between {first} and {last}"


def _clocks(moment: datetime, where: Sequence[str]) -> list[datetime]:
    return [moment.astimezone(ZoneInfo(zone)) for zone in where]


def _shown(clock: datetime) -> datetime:
    """What the clock shows, whatever its zone."""
    return clock.replace(tzinfo=None)


@lru_cache(20_000)
def _zones_of(said: str | None, number: str, home: str) -> tuple[str, ...]:
    if said in every_zone():
        return (said,)
    found, everywhere = _of_number(number)
    if everywhere and home in everywhere and home not in found:
        found = (home, *found)  # most people live where their agent does
    return found or (home,)


@lru_cache(10_000)
def _of_number(number: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones a number tells of, and, where it only tells of a country, all of that country's."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return (), ()
    found = _zones(parsed)
    if 0 < len(found) <= ANYWHERE:
        return found, ()
    region = phonenumbers.region_code_for_number(parsed)
    if parsed.country_code == NORTH_AMERICA and region in (None, "US", "CA"):
        return CONTINENTAL_US, found
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    # An island's landlines tell where it lies; elsewhere mobiles tell all zones of a country.
    kinds = phonenumbers.PhoneNumberType
    kind = kinds.FIXED_LINE if parsed.country_code == NORTH_AMERICA else kinds.MOBILE
    return _zones(phonenumbers.example_number_for_type(region, kind)), ()


def _zones(number: phonenumbers.PhoneNumber | None) -> tuple[str, ...]:
    if number is None:
        return ()
    listed = number_zones.time_zones_for_number(number)
    return tuple(zone for zone in listed if zone in every_zone())
