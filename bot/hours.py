"""What time it is where a contact lives, and whether that is a time to text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import timezone as number_zones

from bot.models import Contact, Policy

#: A number that could be anywhere in its country: toll-free, personal, of many islands.
ANYWHERE = 4
CONTINENTAL_US = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip
STEP = timedelta(minutes=15)
LOOKED_AHEAD = timedelta(days=3)


def policy(account_id: int) -> Policy:
    """What the account has settled, else what is usual."""
    found: Policy | None = Policy.get_or_none(Policy.account == account_id)
    return found or Policy(account=account_id)


def zones(contact: Contact | None, number: str, home: str) -> list[str]:
    """The time zones in which the contact may live; `home` is the account's own.

    What was said of a contact counts; else the number tells, which for a number that belongs to no
    one place is every zone of the country.
    """
    if contact is not None and contact.timezone:
        return [contact.timezone]
    return list(_of_number(number) or (CONTINENTAL_US if number.startswith("+1") else (home,)))


@cache
def every_zone() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


@lru_cache(10_000)
def _of_number(number: str) -> tuple[str, ...]:
    try:
        found = number_zones.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ()
    known = tuple(zone for zone in found if zone in every_zone())
    return known if 0 < len(known) <= ANYWHERE and "Etc/Unknown" not in known else ()


def opens_at(now: datetime, where: Sequence[str], settled: Policy) -> datetime | None:
    """The next moment outside quiet hours in every one of these zones; None if it is now."""
    if _open(now, where, settled):
        return None
    moment = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    while moment < now + LOOKED_AHEAD:
        moment += STEP
        if _open(moment, where, settled):
            return moment
    # Zones on opposite sides of the world: morning in the first must do.
    return opens_at(now, where[:1], settled)


def local(moment: datetime, where: Sequence[str]) -> datetime:
    """The moment on the contact's own clock, where it is earliest."""
    return min((moment.astimezone(ZoneInfo(zone)) for zone in where), key=lambda at: at.hour)


def _open(moment: datetime, where: Sequence[str], settled: Policy) -> bool:
    hours = (moment.astimezone(ZoneInfo(zone)).hour for zone in where)
    return all(settled.quiet_until <= hour < settled.quiet_from for hour in hours)
