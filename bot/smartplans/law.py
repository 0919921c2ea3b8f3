"""On which days and hours automated texts are forbidden, by where a contact lives (law.toml).

A dated table, and not legal advice. Whoever lives where it cannot be told has the strictest hours
of all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import timezone as number_zones

from bot.contacts import numbers

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
CHECKED: date = TABLE["checked"]
UNKNOWN = "an unknown place"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Hours = tuple[int, int]  # minutes of the day: from, and up to


@dataclass(frozen=True)
class Law:
    """When automated texts may come to a contact."""

    place: str
    week: tuple[Hours | None, ...]  # Monday to Sunday; None where nothing is allowed
    on_holidays: bool = True
    most_a_day: int | None = None  # in any 24 hours

    def hours(self, day: date) -> Hours | None:
        """The minutes of this day in which a text may come; None if none may."""
        if not self.on_holidays and day in holidays(day.year):
            return None
        return self.week[day.weekday()]


def of(number: str, place: str | None = None, timezone: str | None = None) -> Law:
    """What holds for a contact with this number; `place` is where Twilio says the number is from,
    `timezone` what somebody said of the contact."""
    return _of(numbers.alike(number), (place or "").rpartition(", ")[2], timezone)


@lru_cache(20_000)
def _of(number: str, state: str, timezone: str | None) -> Law:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return strictest()
    if timezone and timezone not in number_zones.time_zones_for_number(parsed):
        return strictest()  # they took their number along when they moved
    country = phonenumbers.region_code_for_number(parsed)
    if country == "CA":
        return _table()["Canada"]
    if country not in ("US", "PR"):
        return strictest()
    from phonenumbers import geocoder  # noqa: PLC0415 - a third of a second of a command's start

    said = geocoder.description_for_number(parsed, "en").rpartition(", ")[2]
    known = {_code(said), _code(state)} - {None}
    return together([_table()[str(code)] for code in known]) if known else strictest()


@cache
def strictest() -> Law:
    """What is allowed everywhere."""
    return together([_usual(), *_table().values()], UNKNOWN)


def together(laws: Iterable[Law], place: str = "") -> Law:
    """What all of these allow."""
    several = sorted(laws, key=lambda law: law.place)
    caps = [law.most_a_day for law in several if law.most_a_day is not None]
    return Law(
        place or " and ".join(law.place for law in several),
        tuple(_both(law.week[day] for law in several) for day in range(7)),
        all(law.on_holidays for law in several),
        min(caps, default=None),
    )


@cache
def holidays(year: int) -> frozenset[date]:
    """The days of this year on which some states allow nothing."""
    found = set()
    for rule in TABLE["holidays"]:
        if "-" in rule:
            for one in (year, year + 1):  # New Year's Day may be kept on 31 December
                day = date(one, *map(int, rule.split("-")))
                observed = {5: day - timedelta(days=1), 6: day + timedelta(days=1)}
                found |= {day, observed.get(day.weekday(), day)}
        else:
            found.add(_nth(year, *rule.split()))
    return frozenset(day for day in found if day.year == year)


def _nth(year: int, which: str, weekday: str, month: str) -> date:
    """The day of a rule like "4th thu 11"."""
    first = date(year, int(month), 1)
    start = first + timedelta(days=(WEEKDAYS.index(weekday) - first.weekday()) % 7)
    days = [start + timedelta(days=7 * week) for week in range(5)]
    days = [day for day in days if day.month == first.month]
    return days[-1] if which == "last" else days[int(which[0]) - 1]


@cache
def _table() -> dict[str, Law]:
    rows = {code: {"name": name} for code, name in TABLE["names"].items()} | TABLE["place"]
    return {code: _law({**TABLE["usual"], **row}) for code, row in rows.items()}


@cache
def _usual() -> Law:
    return _law({**TABLE["usual"], "name": "the United States"})


def _law(row: dict[str, Any]) -> Law:
    usual = _hours(row["hours"])
    saturday = _hours(row["saturday"]) if "saturday" in row else usual
    sunday = _both([_hours(row["sunday"]), usual])  # never longer than on other days
    return Law(
        row["name"], (*[usual] * 5, saturday, sunday), row.get("holiday") != "",
        row.get("most_a_day"),
    )  # fmt: skip


@cache
def _codes() -> dict[str, str]:
    return {law.place: code for code, law in _table().items()} | {code: code for code in _table()}


def _code(said: str) -> str | None:
    return _codes().get(said)


def _hours(text: str) -> Hours | None:
    if not text:
        return None
    first, last = text.split("-")
    return int(first) * 60, int(last) * 60


def _both(windows: Iterable[Hours | None]) -> Hours | None:
    several = list(windows)
    kept = [hours for hours in several if hours is not None]
    if len(kept) < len(several):
        return None
    first, last = max(hours[0] for hours in kept), min(hours[1] for hours in kept)
    return (first, last) if first < last else None
