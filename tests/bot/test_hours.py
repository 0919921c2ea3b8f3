"""Where a number may be at home, and what time it is there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot import hours
from bot.models import Contact

HOME = "America/New_York"
LOWER_48 = ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"]
NOON = datetime(2026, 11, 25, 17, tzinfo=UTC)  # in New York


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+14155550123", ["America/Los_Angeles"]),
        # The exchange decides where an area code spans two zones.
        ("+18504325555", ["America/Chicago"]),
        ("+18505555555", ["America/New_York"]),
        # Toll-free, personal and unassigned numbers could be anywhere in the country.
        ("+18005550100", LOWER_48),
        ("+15005550100", LOWER_48),
        ("+19995550100", LOWER_48),
        # Country code 1 is not the United States alone.
        ("+14165550100", ["America/Toronto"]),
        ("+18765550100", ["America/Jamaica"]),
        ("+17875550100", ["America/Puerto_Rico"]),
        ("+442079460000", ["Europe/London"]),
        # No number at all: the account's own.
        ("32665", [HOME]),
        ("BANK", [HOME]),
        ("", [HOME]),
    ],
)
def test_a_number_tells_where_it_may_be_at_home(number: str, zones: list[str]) -> None:
    assert hours.zones(None, number, HOME) == zones


def test_a_mobile_of_a_wide_country_may_be_anywhere_in_it() -> None:
    found = hours.zones(None, "+61412345678", HOME)
    assert {"Australia/Perth", "Australia/Sydney"} <= set(found)
    assert not any(zone.startswith("America/") for zone in found)


def test_what_was_said_of_a_contact_counts_more_than_the_number() -> None:
    moved = Contact(number="+14155550123", timezone="Europe/Madrid")
    assert hours.zones(moved, moved.number, HOME) == ["Europe/Madrid"]
    unknown = Contact(number="+14155550123", timezone="Mars/Base")
    assert hours.zones(unknown, unknown.number, HOME) == ["America/Los_Angeles"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+14155550123", "9:00 am"),
        ("+442079460000", "5:00 pm"),
        ("+18005550100", "between 9:00 am and 12:00 pm"),
    ],
)
def test_the_time_there_is_said(number: str, said: str) -> None:
    assert hours.said(NOON, hours.zones(None, number, HOME)) == said


def test_every_zone_that_a_number_tells_of_is_one_that_we_know() -> None:
    for area in range(201, 1000):
        for zone in hours.zones(None, f"+1{area}2345678", HOME):
            assert zone in hours.every_zone(), area
