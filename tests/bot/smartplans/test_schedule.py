"""When a step is due, and when a text may come: on every clock of the world."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.smartplans import law, schedule
from bot.smartplans.schedule import Course, Limits, Ran, Spot, When

NEW_YORK, LORD_HOWE, CHATHAM = "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"
ODD = (
    "Asia/Kathmandu", CHATHAM, LORD_HOWE, "America/St_Johns", "Asia/Kolkata",
    "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "Europe/Dublin",
    NEW_YORK, "Pacific/Kiritimati", "Etc/GMT+12", "Antarctica/Troll",
)  # fmt: skip
NUMBERS = (
    "+12125550123", "+13105550123", "+13055550123", "+12055550123", "+15025550123", "+14015550123",
    "+12065550123", "+17135550123", "+14165550123", "+17095550123", "+18005550123", "+442079460000",
    "+9779841234567", "+6433050000", "+16715550123",
)  # fmt: skip
QUIET = {"quiet_from": 20, "quiet_until": 9}
moments = st.integers(0, 8 * 365 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
zones = st.sampled_from(ODD)
minutes = st.one_of(st.none(), st.integers(0, 1439))
weekdays = st.one_of(st.just(0), st.integers(1, 127))


@st.composite
def whens(draw: st.DrawFn) -> When:
    basis = draw(st.sampled_from(["enrolled", "previous", "previous", "date"]))
    if basis == "date":
        amount, unit = draw(st.integers(-20, 20)), draw(st.sampled_from(["days", "weeks"]))
        return When("date", amount, unit, draw(minutes), draw(weekdays), "birthday")
    unit = draw(st.sampled_from(["minutes", "hours", "days", "days", "weeks", "months"]))
    most = {"minutes": 600, "hours": 60, "days": 40, "weeks": 8, "months": 4}[unit]
    return When(basis, draw(st.integers(0, most)), unit, draw(minutes), draw(weekdays))


def at(zone: str, *wall: int) -> datetime:
    return datetime(*wall, tzinfo=ZoneInfo(zone)).astimezone(UTC)


# When a step is planned


@pytest.mark.parametrize(
    ("when", "zone", "basis", "wanted"),
    [
        # Two days later, at ten, on the contact's own clock, over the change to summer time.
        (When("enrolled", 2, "days", 600), "America/New_York", (2026, 3, 7, 12), (2026, 3, 9, 10)),
        # Half past two does not exist that night: the first instant after is three.
        (When("enrolled", 1, "days", 150), "America/New_York", (2026, 3, 7, 12), (2026, 3, 8, 3)),
        # Half past one comes twice that night: the first.
        (When("enrolled", 1, "days", 90), NEW_YORK, (2026, 10, 31, 12), (2026, 11, 1, 1, 30)),
        # The clocks of Lord Howe go forward by half an hour, from two to half past.
        (When("enrolled", 1, "days", 135), LORD_HOWE, (2026, 10, 3, 12), (2026, 10, 4, 2, 30)),
        # Today at ten is over: tomorrow.
        (When("enrolled", 0, "days", 600), "Asia/Kathmandu", (2026, 5, 5, 11), (2026, 5, 6, 10)),
        # A month after the 31st is the last day of a shorter month, also of a leap year.
        (When("enrolled", 1, "months", 600), CHATHAM, (2028, 1, 31, 9), (2028, 2, 29, 10)),
        # Monday to Friday alone: Saturday goes to Monday.
        (When("enrolled", 1, "days", 600, 31), "Europe/Dublin", (2026, 5, 8, 9), (2026, 5, 11, 10)),
        (When("enrolled", 36, "hours"), "Asia/Tehran", (2026, 5, 8, 9), (2026, 5, 9, 21)),
        (When("enrolled", 90, "minutes", 600), "Asia/Tehran", (2026, 5, 8, 9), (2026, 5, 9, 10)),
        (When("enrolled", 0, "minutes"), "Asia/Tehran", (2026, 5, 8, 9), (2026, 5, 8, 9)),
    ],
)  # fmt: skip
def test_when_a_step_is_planned(
    when: When, zone: str, basis: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    assert schedule.planned(when, at(zone, *basis), zone) == at(zone, *wanted)


def test_a_day_that_a_zone_left_out_is_passed_over() -> None:
    """Samoa had no 30 December 2011: noon of that day is the first instant of the next."""
    when = When("enrolled", 1, "days", 720)
    found = schedule.planned(when, at("Pacific/Apia", 2011, 12, 29, 12), "Pacific/Apia")
    assert found == at("Pacific/Apia", 2011, 12, 31, 0)


@pytest.mark.parametrize(
    ("field", "day", "amount", "after", "wanted"),
    [
        ("birthday", (6, 10), 0, (2026, 3, 1), (2026, 6, 10)),
        ("birthday", (6, 10), -7, (2026, 6, 5), (2027, 6, 3)),
        ("birthday", (2, 29), 0, (2026, 3, 1), (2027, 2, 28)),
        ("birthday", (2, 29), 0, (2027, 3, 1), (2028, 2, 29)),
        ("closing", (1, 2), -7, (2026, 3, 1), (2026, 12, 26)),
        ("closing", (12, 31), 3, (2026, 12, 1), (2027, 1, 3)),
    ],
)
def test_a_date_comes_round_each_year(
    field: str, day: tuple[int, int], amount: int, after: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    when = When("date", amount, "days", 600, 0, field)
    zone = "America/St_Johns"
    found = schedule.planned_on(when, *day, at(zone, *after), zone)
    assert found == at(zone, *wanted, 10)


@settings(max_examples=1500, deadline=None)
@given(whens(), moments, zones)
def test_a_step_is_planned_at_its_time_on_its_days_and_never_before_its_basis(
    when: When, basis: datetime, zone: str
) -> None:
    if when.basis == "date":
        found = schedule.planned_on(when, 2, 29, basis, zone)
        assert found > basis
    else:
        found = schedule.planned(when, basis, zone)
        assert found >= basis
    wall = found.astimezone(ZoneInfo(zone))
    clock = 600 if when.basis == "date" and when.at is None else when.at
    if when.weekdays:
        assert when.weekdays >> wall.weekday() & 1 or _is_gap(found, zone)
    if clock is not None and not _is_gap(found, zone):
        assert wall.hour * 60 + wall.minute == clock
    earlier = found.replace(tzinfo=UTC) - timedelta(seconds=1)
    if clock is not None:  # ambiguous: the first of two
        assert earlier.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wall.replace(tzinfo=None)


def _is_gap(moment: datetime, zone: str) -> bool:
    """Whether the clocks there were put forward at this very instant."""
    there = ZoneInfo(zone)
    before = (moment - timedelta(seconds=1)).astimezone(there).utcoffset()
    after = moment.astimezone(there).utcoffset()
    assert before is not None and after is not None
    return after > before


# When a text may come


def forbidden(moment: datetime, limits: Limits) -> str | None:
    """Why a text may not come now, read from the rules by another way than the code."""
    for zone in limits.zones:
        wall = moment.astimezone(ZoneInfo(zone))
        if not limits.quiet_until <= wall.hour < limits.quiet_from:
            return f"quiet hours in {zone}"
        hours = limits.law.week[wall.weekday()]
        if hours is None:
            return f"a {wall:%A} in {zone}"
        if not hours[0] <= wall.hour * 60 + wall.minute < hours[1]:
            return f"{wall:%H:%M} in {zone}"
        if not limits.law.on_holidays and wall.date() in law.holidays(wall.year):
            return f"a holiday in {zone}"
        if limits.weekdays and not limits.weekdays >> wall.weekday() & 1:
            return f"not one of the step's days in {zone}"
    return None


@settings(max_examples=1200, deadline=None)
@given(moments, st.lists(zones, min_size=1, max_size=3), st.sampled_from(NUMBERS), weekdays)
def test_the_next_allowed_moment_is_allowed_and_none_before_it_is(
    moment: datetime, where: list[str], number: str, days: int
) -> None:
    limits = Limits(where, law.of(number), **QUIET, weekdays=days)
    found = schedule.next_allowed(moment, limits)
    assert (found == moment) == (forbidden(moment, limits) is None)
    if found is None:
        ends = moment + schedule.LOOKED_AHEAD
    else:
        assert found >= moment
        assert forbidden(found, limits) is None
        ends = found
    step = max(timedelta(minutes=15), (ends - moment) / 150)
    while moment < ends:
        assert forbidden(moment, limits) is not None
        moment += step


def test_every_zone_of_the_world_has_a_moment_under_the_strictest_law() -> None:
    for zone in sorted(available_timezones()):
        limits = Limits([zone], law.strictest(), **QUIET)
        found = schedule.next_allowed(datetime(2026, 11, 25, 23, 59, tzinfo=UTC), limits)
        assert found is not None
        assert forbidden(found, limits) is None


def test_places_that_share_no_hour_have_no_moment() -> None:
    limits = Limits(["Europe/Dublin", "Pacific/Auckland"], law.strictest(), **QUIET)
    assert schedule.next_allowed(datetime(2026, 11, 25, tzinfo=UTC), limits) is None


# The law


@pytest.mark.parametrize(
    ("number", "place", "timezone", "where"),
    [
        ("+12125550123", None, None, "New York"),
        ("+13055550123", "Miami, FL", None, "Florida"),
        ("+12125550123", "Miami, FL", None, "Florida and New York"),  # both hold
        ("+12065550123", None, None, "Washington State"),
        ("+12025550123", None, None, "Washington D.C."),
        ("+14165550123", None, None, "Canada"),
        ("+18005550123", None, None, law.UNKNOWN),
        ("+12125550123", None, "America/Los_Angeles", law.UNKNOWN),  # they moved
        ("+12125550123", None, "America/New_York", "New York"),
        ("+442079460000", None, None, law.UNKNOWN),
        ("+18765550123", None, None, law.UNKNOWN),  # Jamaica is no state
        ("32665", None, None, law.UNKNOWN),
    ],
)
def test_which_law_holds(number: str, place: str | None, timezone: str | None, where: str) -> None:
    assert law.of(number, place, timezone).place == where


def test_an_unknown_place_has_the_strictest_of_all() -> None:
    strictest = law.strictest()
    for one in (*law._table().values(), law._usual()):
        for day in range(7):
            here, there = strictest.week[day], one.week[day]
            if here is not None:
                assert there is not None
                assert there[0] <= here[0] < here[1] <= there[1]
        assert one.on_holidays or not strictest.on_holidays
        assert strictest.most_a_day <= (one.most_a_day or 1000)


def test_the_table_is_dated_complete_and_has_its_sources() -> None:
    assert date(2026, 1, 1) <= law.CHECKED <= date(2027, 12, 31)
    assert len(law.TABLE["sources"]) > 5
    states = set(law.TABLE["place"]) | set(law.TABLE["names"])
    assert len(states - {"DC", "PR", "Canada"}) == 50
    assert not set(law.TABLE["place"]) & set(law.TABLE["names"])
    for one in law._table().values():  # no Sunday morning anywhere
        assert one.week[6] is None or one.week[6][0] >= 12 * 60
        assert all(hours is None or hours[1] <= 21 * 60 for hours in one.week)


@pytest.mark.parametrize(
    ("day", "is_one"),
    [
        ((2026, 11, 26), True), ((2026, 7, 3), True), ((2026, 7, 4), True), ((2027, 12, 31), True),
        ((2026, 5, 25), True), ((2026, 5, 18), False), ((2026, 12, 24), False),
    ],
)  # fmt: skip
def test_holidays(day: tuple[int, int, int], is_one: bool) -> None:
    assert (date(*day) in law.holidays(day[0])) is is_one


def is_allowed(moment: datetime, limits: Limits) -> bool:
    return schedule.next_allowed(moment, limits) == moment


def test_each_state_opens_and_closes_as_its_row_says() -> None:
    texas = Limits(["America/Chicago"], law.of("+17135550123"), 24, 0)
    sunday = datetime(2026, 11, 29, tzinfo=ZoneInfo("America/Chicago"))
    assert not is_allowed(sunday.replace(hour=11, minute=59), texas)
    assert is_allowed(sunday.replace(hour=12), texas)
    alabama = Limits(["America/Chicago"], law.of("+12055550123"), 24, 0)
    assert not is_allowed(sunday.replace(hour=15), alabama)
    thanksgiving = datetime(2026, 11, 26, 15, tzinfo=ZoneInfo("America/Chicago"))
    assert not is_allowed(thanksgiving, alabama)
    assert is_allowed(thanksgiving, texas)


# Thousands of enrollments through random months


@dataclass(frozen=True)
class Happened:
    """A step that ran in the simulation."""

    spot: Spot
    at: datetime
    when: When
    skipped: bool


def simulate(
    course: Course, limits: Limits, enrolled_at: datetime, awake: list[tuple[datetime, datetime]],
    rng: random.Random,
) -> Iterator[Happened]:  # fmt: skip
    """What a worker does that is awake in these stretches of time: it ticks at odd moments, runs
    what may run, moves what may not, and leaves out what is over."""
    zone, dates = limits.zones[0], {"birthday": (2, 29)} if rng.random() < 0.8 else {}
    here: Spot | None = schedule.begin(course, enrolled_at, zone, dates)
    before: Ran | None = None
    assert here is not None
    due_at = here.due_at
    for start, end in awake:
        now = start
        while now <= end:
            while here is not None and due_at <= now:
                when = course.steps[here.position]
                over = (when.basis == "date" and "birthday" not in dates) or schedule.is_overtaken(
                    course, here, enrolled_at, now, zone
                )
                allowed = schedule.next_allowed(now, limits)
                if not over and allowed != now:
                    assert allowed is not None and allowed > now
                    due_at = allowed
                    continue
                yield Happened(here, now, when, over)
                if not over:
                    before = Ran(here.planned_at, now)
                here = schedule.proceed(course, here, enrolled_at, before, zone, dates)
                if here is not None:
                    due_at = here.due_at
            if here is None:
                return
            # The next tick after something is due, some seconds late; never before now.
            now = max(now, min(due_at, end)) + timedelta(seconds=rng.randint(1, 90))


@st.composite
def courses(draw: st.DrawFn) -> Course:
    steps = tuple(draw(st.lists(whens(), min_size=1, max_size=5)))
    if draw(st.booleans()):
        return Course(steps)
    return Course(steps, draw(st.integers(1, 8)), draw(st.sampled_from(["weeks", "months"])))


@settings(max_examples=700, deadline=None)
@given(courses(), moments, st.integers(0, 2**32), st.sampled_from(NUMBERS))
def test_thousands_of_enrollments_through_random_months(
    course: Course, start: datetime, seed: int, number: str
) -> None:
    rng = random.Random(seed)
    for _ in range(5):
        where = rng.sample(ODD[:6] + ODD[10:11], 1) if rng.random() < 0.7 else [
            "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
        ]  # fmt: skip
        limits = Limits(where, law.of(number), **QUIET)
        awake, at_work = [], start
        for _ in range(rng.randint(1, 5)):  # outages of a second up to more than a month
            until = at_work + timedelta(days=rng.uniform(0, 60))
            awake.append((at_work, until))
            at_work = until + timedelta(
                seconds=rng.choice([1, 60, 3600, 86400, 31 * 86400, 45 * 86400])
            )
        awake.append((at_work, at_work + timedelta(days=200)))
        check(course, limits, start, list(simulate(course, limits, start, awake, rng)), awake)


def check(
    course: Course, limits: Limits, enrolled_at: datetime, runs: list[Happened],
    awake: list[tuple[datetime, datetime]],
) -> None:  # fmt: skip
    places = [(run.spot.round, run.spot.position) for run in runs]
    assert places == sorted(set(places)), "each step once, in order"
    size = len(course.steps)
    whole = [(place // size, place % size) for place in range(len(places))]
    assert places == whole, "none is left out without a word"
    for run in runs:
        assert run.spot.planned_at >= enrolled_at
        if run.skipped:
            continue
        assert run.at >= run.spot.planned_at
        assert any(first <= run.at <= last + timedelta(seconds=90) for first, last in awake)
        assert forbidden(run.at, limits) is None
    ran = [run for run in runs if not run.skipped]
    for one, two in itertools.pairwise(ran):
        assert two.at >= one.at
        if two.when.basis == "date":
            continue
        between = two.spot.planned_at - one.spot.planned_at
        assert two.at - one.at >= between / 2, "no burst"
        same_round = one.spot.round == two.spot.round
        if two.when.at is None and same_round and not two.when.weekdays:
            assert two.at - one.at >= between - timedelta(seconds=1)
        elif same_round and two.at - one.at < between:
            there = ZoneInfo(limits.zones[0])

            def day(moment: datetime, there: ZoneInfo = there) -> date:
                return moment.astimezone(there).date()

            planned = day(two.spot.planned_at) - day(one.spot.planned_at)
            assert day(two.at) - day(one.at) >= planned, "as many days apart as written"
