"""Boundaries in every time zone there is (R8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import boundaries

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(1990, 1, 1), date(2037, 12, 1)))
def test_r8_a_day_starts_at_its_first_instant(zone: str, day: date) -> None:
    starts = boundaries.day_starts(day, zone)
    there = ZoneInfo(zone)
    local_day = starts.astimezone(there).date()
    assert local_day >= day  # later only where the zone skipped the day
    assert (starts - timedelta(seconds=1)).astimezone(there).date() < day


@settings(max_examples=800, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)),  # noqa: DTZ001
    st.integers(1, 31),
)
def test_r8_boundaries_follow_one_another_without_drift(
    zone: str, wall: datetime, anchor: int
) -> None:
    moment = wall.replace(tzinfo=UTC)
    for _ in range(14):
        following = boundaries.next_boundary(moment, anchor, zone)
        assert timedelta(0) < following - moment <= timedelta(days=32)
        day = (following + timedelta(hours=12)).astimezone(ZoneInfo(zone)).date()
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        assert day.day == min(anchor, last.day) or zone_jumped(day, zone)
        moment = following


def zone_jumped(day: date, zone: str) -> bool:
    """Whether the zone skipped the day before: it moved over the date line."""
    before = boundaries.day_starts(day, zone) - timedelta(seconds=1)
    return before.astimezone(ZoneInfo(zone)).date() < day - timedelta(days=1)


def test_r8_a_midnight_that_does_not_exist_is_the_first_instant_after_it() -> None:
    cairo = boundaries.day_starts(date(2024, 4, 26), "Africa/Cairo")
    assert cairo.astimezone(ZoneInfo("Africa/Cairo")).isoformat() == "2024-04-26T01:00:00+03:00"
    apia = boundaries.day_starts(date(2011, 12, 30), "Pacific/Apia")
    assert apia.astimezone(ZoneInfo("Pacific/Apia")).isoformat() == "2011-12-31T00:00:00+14:00"


def test_r8_of_two_midnights_the_first_counts() -> None:
    havana = boundaries.day_starts(date(2026, 11, 1), "America/Havana")
    assert havana == datetime(2026, 11, 1, 4, tzinfo=UTC)
