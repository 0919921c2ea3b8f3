"""Where a number may be at home, what time it is there, and whether that is a time to text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.contacts import hours
from bot.contacts.models import Contact
from bot.team.models import Policy

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
    assert list(hours.zones(None, number, HOME)) == zones


def test_a_mobile_of_a_wide_country_may_be_anywhere_in_it() -> None:
    found = hours.zones(None, "+61412345678", HOME)
    assert {"Australia/Perth", "Australia/Sydney"} <= set(found)
    assert not any(zone.startswith("America/") for zone in found)


def test_what_was_said_of_a_contact_counts_more_than_the_number() -> None:
    moved = Contact(number="+14155550123", timezone="Europe/Madrid")
    assert list(hours.zones(moved, moved.number, HOME)) == ["Europe/Madrid"]
    unknown = Contact(number="+14155550123", timezone="Mars/Base")
    assert list(hours.zones(unknown, unknown.number, HOME)) == ["America/Los_Angeles"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+14155550123", "9:00 AM"),
        ("+442079460000", "5:00 PM"),
        ("+18005550100", "between 9:00 AM and 12:00 PM"),
    ],
)
def test_the_time_there_is_said(number: str, said: str) -> None:
    assert hours.said(NOON, hours.zones(None, number, HOME)) == said


def test_every_zone_that_a_number_tells_of_is_one_that_we_know() -> None:
    for area in range(201, 1000):
        for zone in hours.zones(None, f"+1{area}2345678", HOME):
            assert zone in hours.every_zone(), area


# Quiet hours

USUAL = Policy(account=1)  # 20:00 to 9:00


def at(zone: str, *when: int) -> datetime:
    """A moment by the clock of a zone."""
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("hour", "minute", "is_open"),
    [(8, 59, False), (9, 0, True), (12, 0, True), (19, 59, True), (20, 0, False), (0, 0, False)],
)
def test_quiet_hours_end_at_nine_and_begin_at_eight_to_the_minute(
    hour: int, minute: int, is_open: bool
) -> None:
    moment = at(HOME, 2026, 11, 25, hour, minute)
    assert hours.is_open(moment, [HOME], USUAL) is is_open
    assert (hours.opens_at(moment, [HOME], USUAL) is None) is is_open


@pytest.mark.parametrize(
    ("zone", "now", "opens"),
    [
        (HOME, (2026, 11, 25, 23, 30), (2026, 11, 26, 9)),
        (HOME, (2026, 11, 25, 6, 1), (2026, 11, 25, 9)),
        # The night in which an hour is left out, and the one in which an hour comes twice.
        (HOME, (2027, 3, 13, 22), (2027, 3, 14, 9)),
        (HOME, (2026, 10, 31, 22), (2026, 11, 1, 9)),
        ("Australia/Lord_Howe", (2026, 10, 3, 23), (2026, 10, 4, 9)),  # half an hour is left out
        # Clocks that stand half or a quarter of an hour beside others.
        ("Asia/Kolkata", (2026, 11, 25, 3), (2026, 11, 25, 9)),
        ("Asia/Kathmandu", (2026, 11, 25, 21), (2026, 11, 26, 9)),
        ("America/St_Johns", (2026, 11, 25, 21), (2026, 11, 26, 9)),
        ("Pacific/Chatham", (2026, 11, 25, 21), (2026, 11, 26, 9)),
    ],
)
def test_they_end_at_nine_by_the_contacts_own_clock(
    zone: str, now: tuple[int, ...], opens: tuple[int, ...]
) -> None:
    assert hours.opens_at(at(zone, *now), [zone], USUAL) == at(zone, *opens)


def test_of_several_zones_the_last_to_wake_counts_and_the_first_to_sleep() -> None:
    assert hours.opens_at(at(HOME, 2026, 11, 25, 9), LOWER_48, USUAL) == at(
        "America/Los_Angeles", 2026, 11, 25, 9
    )
    assert hours.is_open(at(HOME, 2026, 11, 25, 19, 59), LOWER_48, USUAL)
    assert hours.opens_at(at(HOME, 2026, 11, 25, 20), LOWER_48, USUAL) == at(
        "America/Los_Angeles", 2026, 11, 26, 9
    )


def test_where_it_is_never_day_in_all_zones_the_first_counts() -> None:
    apart = ["Asia/Tokyo", "America/New_York"]
    assert hours.opens_at(at("Asia/Tokyo", 2026, 11, 25, 3), apart, USUAL) == at(
        "Asia/Tokyo", 2026, 11, 25, 9
    )


def test_an_account_settles_its_own_hours() -> None:
    moment = at(HOME, 2026, 11, 25, 21)
    assert hours.is_open(moment, [HOME], Policy(account=1, quiet_from=22, quiet_until=7))
    assert hours.is_open(moment, [HOME], Policy(account=1, quiet_from=24, quiet_until=0))
    never = Policy(account=1, quiet_from=1, quiet_until=23)
    assert hours.opens_at(moment, [HOME], never) is not None, "it ends"


@given(
    minutes=st.integers(0, 3 * 366 * 24 * 60),
    where=st.lists(st.sampled_from(sorted(hours.every_zone())), min_size=1, max_size=3),
    until=st.integers(5, 11),
    from_=st.integers(17, 23),
)
def test_it_is_the_first_quarter_of_an_hour_at_which_all_are_awake(
    minutes: int, where: list[str], until: int, from_: int
) -> None:
    settled = Policy(account=1, quiet_from=from_, quiet_until=until)
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = hours.opens_at(now, where, settled)
    if found is None:
        assert hours.is_open(now, where, settled) or hours.is_open(now, where[:1], settled)
        return
    assert found > now
    assert hours.is_open(found, where[:1], settled)
    if hours.is_open(found, where, settled):
        step = found - timedelta(minutes=15)
        while step > now:
            assert not hours.is_open(step, where, settled)
            step -= timedelta(minutes=15)
