"""Plans and periods: R7 to R13, R18 to R20, on both engines, through the public functions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ledger import (
    alerts,
    audit,
    credits,
    database,
    periods,
    plans,
    reports,
    standing,
    subscriptions,
)
from ledger.models import Account, Change, Entry, Grant, Period
from ledger.standing import Standing

CATALOGUE = plans.load()
STARTER, SOLO, PRO, TEAM, OFFICE = CATALOGUE.plans.values()
NEW_YORK = ZoneInfo("America/New_York")


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=NEW_YORK)


class Home:
    """An account, told what to do."""

    def __init__(self, name: str = "Harbor Homes") -> None:
        self.id = credits.open_account(name, "America/New_York", at(1, 1)).id
        self.number = 0

    def key(self) -> str:
        self.number += 1
        return f"{self.id}:{self.number}"

    def subscribe(self, plan: plans.Plan, now: datetime, **more: Any) -> Any:
        return subscriptions.subscribe(
            self.id, self.key(), plan, CATALOGUE, actor="U1", now=now, **more
        )

    def change(self, plan: plans.Plan, now: datetime, **more: Any) -> Any:
        return subscriptions.change(self.id, self.key(), plan, actor="U1", now=now, **more)

    def use(self, amount: int, now: datetime) -> str:
        key = f"out:{self.key()}"
        credits.charge_out(self.id, key, amount, message=1, actor="U1", now=now)
        return key

    def get(self, amount: int, now: datetime) -> None:
        credits.charge_in(self.id, f"in:{self.key()}", amount, message=1, now=now)

    def stands(self, now: datetime) -> Standing:
        return standing.of(self.id, now)

    def numbers(self, now: datetime) -> tuple[int, int, int]:
        stands = self.stands(now)
        assert stands.balance == stands.limit - stands.used, "R13"
        return stands.limit, stands.used, stands.balance

    def alert(self, now: datetime) -> int | None:
        """What the scan would send."""
        if self.id not in alerts.crossed():
            return None
        crossing = alerts.cross(self.id, now)
        return crossing.threshold if crossing else None


@pytest.fixture
def home(books: str) -> Home:
    return Home()


def test_the_worked_month_row_by_row(home: Home) -> None:
    """The table at the end of CREDITS.md: R8 to R11, R13, R15, R18, R19."""
    day = at(1, 31, 9)
    home.subscribe(SOLO, day, anchor=31)
    assert home.numbers(day) == (500, 0, 500)
    assert home.alert(day) is None

    day = at(2, 20)
    home.use(420, day)
    assert home.numbers(day) == (500, 420, 80)
    assert home.alert(day) == 80

    home.change(PRO, day)
    assert home.numbers(day) == (1000, 420, 580)
    assert home.alert(day) is None

    day = at(2, 28, 0)
    assert home.numbers(day) == (1580, 0, 1580)
    assert home.alert(day) is None

    day = at(3, 10)
    home.use(1300, day)
    assert home.numbers(day) == (1580, 1300, 280)
    assert home.alert(day) == 80

    home.use(250, day)  # one MMS campaign
    assert home.numbers(day) == (1580, 1550, 30)
    assert home.alert(day) == 95  # and nothing for 85 and 90

    for _ in range(40):
        home.get(1, day)
    assert home.numbers(day) == (1580, 1590, -10)
    assert home.alert(day) == 100

    day = at(3, 31, 0)
    assert home.numbers(day) == (990, 0, 990)
    assert home.alert(day) is None
    assert audit.prove() == []


def test_r7_an_account_without_a_plan_sends_only_what_it_was_granted(home: Home) -> None:
    with pytest.raises(credits.NotEnoughCredits):
        home.use(1, at(1, 2))
    credits.grant(home.id, "gift", 10, reason="trial", actor="operator", now=at(1, 2))
    home.use(9, at(1, 3))
    assert home.stands(at(5, 3)).kind == "open"
    assert home.alert(at(1, 3)) == 90  # R18 applies to it
    assert home.numbers(at(5, 3)) == (10, 9, 1)


def test_r8_the_month_being_subscribed_in_gives_the_plan_in_full(home: Home) -> None:
    home.subscribe(SOLO, at(3, 20))
    assert home.stands(at(3, 20)).ends_at == at(4, 1, 0)
    assert home.numbers(at(3, 31, 23)) == (500, 0, 500)
    assert home.numbers(at(4, 1, 0)) == (1000, 0, 1000)


def test_r8_the_anchor_day_is_kept_over_short_months_and_leap_years(home: Home) -> None:
    home.subscribe(SOLO, at(1, 31, 9, 2027), anchor=31)
    home.numbers(at(4, 2, year=2028))
    with database.session():
        starts = [p.starts_at.astimezone(NEW_YORK) for p in Period.select().order_by(Period.id)]
    assert [f"{s:%d %b %H:%M}" for s in starts[2:5]] == [
        "28 Feb 00:00", "31 Mar 00:00", "30 Apr 00:00",
    ]  # fmt: skip
    assert f"{starts[14]:%d %b %Y}" == "29 Feb 2028"
    assert audit.prove() == []


def test_r8_a_new_anchor_holds_from_the_next_boundary_for_28_days_or_more(home: Home) -> None:
    home.subscribe(SOLO, at(3, 2))
    subscriptions.set_anchor(home.id, 15, at(3, 3))
    assert home.stands(at(3, 3)).ends_at == at(4, 1, 0)
    assert home.stands(at(4, 1)).ends_at == at(5, 15, 0)
    assert home.stands(at(5, 15)).ends_at == at(6, 15, 0)
    assert audit.prove() == []


def test_r8_a_new_time_zone_holds_from_the_next_boundary(home: Home) -> None:
    home.subscribe(SOLO, at(3, 2))
    subscriptions.set_timezone(home.id, "Europe/Lisbon", at(3, 3))
    assert home.stands(at(3, 3)).ends_at == at(4, 1, 0)
    assert home.stands(at(4, 1, 1)).ends_at == datetime(
        2026, 5, 1, tzinfo=ZoneInfo("Europe/Lisbon")
    )
    assert audit.prove() == []


def test_r9_months_of_renewals_are_made_up_in_order_each_once(home: Home) -> None:
    home.subscribe(SOLO, at(1, 1))
    late = at(6, 10)
    assert periods.turn_due(late) == 1
    assert periods.turn_due(late) == 0
    assert home.numbers(late) == (3000, 0, 3000)
    with database.session():
        keys = [e.key for e in Entry.select().order_by(Entry.number)]
        made = [e.made_at.astimezone(NEW_YORK) for e in Entry.select().order_by(Entry.number)]
    assert len(set(keys)) == 6
    assert made[1:] == [at(month, 1, 0) for month in range(2, 7)]
    assert audit.prove() == []


def test_r9_a_charge_after_the_boundary_first_renews(home: Home) -> None:
    home.subscribe(SOLO, at(1, 1))
    home.use(500, at(1, 20))
    home.use(1, at(2, 1, 0))
    assert home.numbers(at(2, 1, 0)) == (500, 1, 499)
    assert audit.prove() == []


def test_r9_a_balance_below_zero_is_carried_over_too(home: Home) -> None:
    home.subscribe(SOLO, at(1, 1))
    home.use(500, at(1, 20))
    home.get(30, at(1, 21))
    assert home.numbers(at(2, 1)) == (470, 0, 470)


def test_r10_an_upgrade_grants_the_difference_at_once(home: Home) -> None:
    home.subscribe(SOLO, at(1, 1))
    home.use(450, at(1, 20))
    shown = subscriptions.effect(home.id, PRO, at(1, 21))
    assert home.change(PRO, at(1, 21)) == shown
    assert (shown.granted, shown.balance, shown.limit) == (500, 550, 1000)
    assert home.numbers(at(1, 21)) == (1000, 450, 550)
    assert home.numbers(at(2, 1)) == (1550, 0, 1550)


def test_r10_down_and_up_again_grants_nothing_twice(home: Home) -> None:
    home.subscribe(PRO, at(1, 1))
    for _ in range(3):
        home.change(SOLO, at(1, 2))
        assert home.numbers(at(1, 2)) == (500, 0, 500)
        home.change(PRO, at(1, 2))
        assert home.numbers(at(1, 2)) == (1000, 0, 1000)
    assert audit.prove() == []


@pytest.mark.parametrize(
    ("first", "used", "rolled_over", "then", "numbers"),
    [
        (PRO, 700, 0, SOLO, (700, 700, 0)),
        (PRO, 200, 300, SOLO, (800, 200, 600)),
        (TEAM, 1800, 0, PRO, (1800, 1800, 0)),
    ],
)
def test_r11_a_downgrade_withdraws_what_is_too_much_and_makes_no_debt(
    home: Home, first: plans.Plan, used: int, rolled_over: int, then: plans.Plan,
    numbers: tuple[int, int, int],
) -> None:  # fmt: skip
    if rolled_over:
        credits.grant(home.id, "old", rolled_over, reason="before", actor="operator", now=at(1, 1))
    home.subscribe(first, at(1, 2))
    home.use(used, at(1, 20))
    home.change(then, at(1, 21))
    assert home.numbers(at(1, 21)) == numbers
    assert audit.prove() == []


def test_r11_back_up_after_a_downgrade_gives_what_was_withdrawn(home: Home) -> None:
    home.subscribe(TEAM, at(1, 2))
    home.use(1800, at(1, 20))
    home.change(PRO, at(1, 21))
    home.change(TEAM, at(1, 21))
    assert home.numbers(at(1, 21)) == (2500, 1800, 700)


def test_r11_the_newest_grant_is_withdrawn_first(home: Home) -> None:
    credits.grant(home.id, "old", 300, reason="before", actor="operator", now=at(1, 1))
    home.subscribe(PRO, at(1, 2))
    home.change(SOLO, at(1, 3))
    with database.session():
        assert [g.remaining for g in Grant.select().order_by(Grant.id)] == [300, 500]


def test_r11_the_invoice_is_for_the_dearest_plan_held(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    home.change(TEAM, at(1, 3))
    home.change(STARTER, at(1, 4))
    stands = home.stands(at(1, 5))
    assert stands.bill_cents == TEAM.price_cents
    assert stands.terms is not None and stands.terms.plan == "starter"
    assert home.stands(at(2, 2)).bill_cents == STARTER.price_cents
    with database.session():
        held = [c.plan for c in Change.select().order_by(Change.id)]
    assert held == ["solo", "team", "starter"]


def test_r12_a_cancelled_plan_works_to_its_end_then_the_balance_is_frozen(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    subscriptions.cancel(home.id, "c", actor="U1", now=at(1, 3))
    home.use(100, at(1, 31, 23))
    assert home.numbers(at(2, 1)) == (400, 0, 400)
    with pytest.raises(credits.Frozen):
        home.use(1, at(2, 2))
    home.get(5, at(2, 3))  # texts in go on
    assert home.numbers(at(6, 1)) == (400, 5, 395)
    home.subscribe(SOLO, at(6, 2))
    assert home.numbers(at(6, 2)) == (895, 0, 895)
    assert audit.prove() == []


def test_r12_a_cancellation_can_be_withdrawn_until_then(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    subscriptions.cancel(home.id, "c", actor="U1", now=at(1, 3))
    assert subscriptions.effect(home.id, PRO, at(1, 3)).at_renewal == 0
    subscriptions.resume(home.id, "r", actor="U1", now=at(1, 31, 23))
    subscriptions.cancel(home.id, "c", actor="U1", now=at(1, 31, 23))  # the same, come late
    assert home.numbers(at(2, 1)) == (1000, 0, 1000)
    subscriptions.cancel(home.id, "c2", actor="U1", now=at(2, 2))
    with pytest.raises(subscriptions.NotSubscribed):
        subscriptions.resume(home.id, "r2", actor="U1", now=at(3, 1))


def test_r12_on_hold_no_credits_come_and_the_balance_stays_usable(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    subscriptions.hold(home.id, "h", actor="U1", now=at(1, 3))
    assert home.stands(at(1, 4)).kind == "plan"
    assert home.stands(at(2, 2)).kind == "hold"
    home.use(100, at(3, 2))
    stands = home.stands(at(3, 3))
    assert (stands.balance, stands.bill_cents) == (400, CATALOGUE.hold_price_cents)
    subscriptions.resume(home.id, "r", actor="U1", now=at(3, 4))
    assert home.numbers(at(4, 1)) == (900, 0, 900)
    assert audit.prove() == []


def test_r12_choosing_a_plan_ends_a_hold_at_once(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    subscriptions.hold(home.id, "h", actor="U1", now=at(1, 3))
    home.change(PRO, at(2, 2))
    stands = home.stands(at(2, 2))
    assert (stands.kind, stands.balance, stands.bill_cents) == ("plan", 1500, PRO.price_cents)
    assert home.numbers(at(3, 1)) == (2500, 0, 2500)
    assert audit.prove() == []


def test_r13_a_refund_of_an_earlier_periods_charge_raises_the_limit(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    charge = home.use(50, at(1, 31))
    credits.refund(home.id, "r", 50, charge_key=charge, reason="failed", now=at(2, 2))
    assert home.numbers(at(2, 2)) == (1000, 0, 1000)
    charge = home.use(50, at(2, 3))
    credits.refund(home.id, "r2", 50, charge_key=charge, reason="failed", now=at(2, 4))
    assert home.numbers(at(2, 4)) == (1000, 0, 1000)


def test_r16_a_change_that_is_replayed_changes_nothing(home: Home) -> None:
    for _ in range(2):
        subscriptions.subscribe(home.id, "s", SOLO, CATALOGUE, actor="U1", now=at(1, 2))
        subscriptions.change(home.id, "u", PRO, actor="U1", now=at(1, 3))
    assert home.numbers(at(1, 3)) == (1000, 0, 1000)
    with pytest.raises(credits.KeyReused):
        subscriptions.change(home.id, "u", TEAM, actor="U1", now=at(1, 3))


def test_r19_a_grant_arms_again_and_a_refund_does_not(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    charge = home.use(450, at(1, 3))
    assert home.alert(at(1, 3)) == 90
    credits.refund(home.id, "r", 50, charge_key=charge, reason="failed", now=at(1, 4))
    home.use(30, at(1, 4))
    assert home.alert(at(1, 4)) is None  # 86 %, told already
    credits.grant(home.id, "g", 100, reason="gift", actor="operator", now=at(1, 5))
    home.use(55, at(1, 6))  # 485 of 600
    assert home.alert(at(1, 6)) == 80


def test_r19_the_same_threshold_at_the_same_limit_is_told_once(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    home.use(420, at(1, 3))
    assert home.alert(at(1, 3)) == 80
    home.change(PRO, at(1, 4))
    home.change(SOLO, at(1, 4))
    assert home.alert(at(1, 4)) is None
    home.use(10, at(1, 5))
    assert home.alert(at(1, 5)) == 85


def test_r19_no_limit_counts_as_all_used_once_something_was(home: Home) -> None:
    assert home.alert(at(1, 2)) is None
    home.get(1, at(1, 2))
    assert home.alert(at(1, 2)) == 100
    assert home.alert(at(1, 2)) is None


def test_r20_what_is_left_after_twelve_months_expires(home: Home) -> None:
    credits.grant(home.id, "g", 100, reason="gift", actor="operator", now=at(1, 10))
    home.use(30, at(2, 1))
    assert home.numbers(at(1, 10, 11, 2027)) == (100, 30, 70)
    assert home.numbers(at(1, 10, 12, 2027)) == (30, 30, 0)
    with database.session():
        last = Entry.select().order_by(Entry.number.desc()).get()
    assert (last.kind, last.amount) == ("expire", -70)
    assert audit.prove() == []


def test_r20_an_expiry_at_a_boundary_is_the_new_periods_first_entry(home: Home) -> None:
    home.subscribe(SOLO, at(1, 20))
    later = at(2, 1, 13, 2027)
    assert home.stands(at(1, 31, 23, 2027)).expiring == 500
    home.numbers(later)
    with database.session():
        period = Period.get(Period.account == home.id, ~Period.closed)
        first = Entry.select().where(Entry.period == period).order_by(Entry.number).get()
    assert first.kind == "expire"
    assert audit.prove() == []


def test_r20_what_comes_back_to_an_emptied_grant_expires_with_it(home: Home) -> None:
    credits.grant(home.id, "g", 50, reason="gift", actor="operator", now=at(1, 5))
    credits.grant(home.id, "h", 100, reason="gift", actor="operator", now=at(1, 10))
    credits.charge_out(home.id, "t", 150, message=1, actor="U1", now=at(2, 1))
    assert home.numbers(at(1, 6, year=2027))[2] == 0  # both are empty: nothing more is due
    late = at(1, 7, year=2027)
    credits.refund(home.id, "r", 100, charge_key="t", reason="failed", now=late)
    assert audit.prove() == []
    assert periods.due(at(1, 10, 12, 2027)) == [home.id]
    assert home.numbers(at(1, 10, 13, 2027))[2] == 0


def test_r20_a_grant_may_last_for_ever(books: str) -> None:
    account = credits.open_account("Old Oaks", "UTC", at(1, 1), grants_last_months=0)
    credits.grant(account.id, "g", 10, reason="gift", actor="operator", now=at(1, 2))
    assert standing.of(account.id, at(1, 2, year=2040)).balance == 10


def test_r20_frozen_grants_do_not_age(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    subscriptions.cancel(home.id, "c", actor="U1", now=at(1, 3))
    assert home.numbers(at(6, 1, year=2030)) == (500, 0, 500)
    home.subscribe(SOLO, at(6, 1, year=2030))
    assert home.numbers(at(6, 1, 13, 2030)) == (1000, 0, 1000)
    assert home.numbers(at(3, 1, 13, 2031))[2] == 1000 + 9 * 500
    assert home.numbers(at(6, 1, 13, 2031))[2] == 12 * 500
    assert audit.prove() == []


def test_r20_a_refund_while_frozen_goes_to_the_grant_that_was_alive(home: Home) -> None:
    """Frozen grants do not age: the one whose date has passed meanwhile still takes it."""
    home.subscribe(SOLO, at(1, 2))
    charge = home.use(20, at(1, 3))
    subscriptions.cancel(home.id, "c", actor="U1", now=at(1, 3))
    late = at(6, 1, year=2027)  # the grant's date, in January, has passed
    credits.refund(home.id, "r", 20, charge_key=charge, reason="failed", now=late)
    with database.session():
        assert [(g.amount, g.remaining) for g in Grant.select()] == [(500, 500)]
    home.subscribe(SOLO, at(6, 2, year=2027))
    with database.session():
        [old, new] = Grant.select().order_by(Grant.id)
    assert old.expires_at < new.expires_at, "it has aged a month less, and goes first"
    assert audit.prove() == []


def test_r20_an_expiry_is_announced_30_and_7_days_before(home: Home) -> None:
    credits.grant(home.id, "g", 100, reason="gift", actor="operator", now=at(1, 10))
    said = []
    day = at(1, 11)
    while day < at(2, 1, year=2027):
        for account, grant in alerts.expiring(day):
            if expiry := alerts.announce(account, grant, day):
                said.append(((expiry.expires_at - day).days, expiry.credits))
                home.use(10, day)
        day += timedelta(days=1)
    assert said == [(30, 100), (7, 90)]


def test_a_forecast_says_when_credits_run_out_at_the_pace_of_the_last_fortnight(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2, 9))
    for day in range(5, 15):
        home.use(30, at(1, day))
    now = at(1, 15, 0)
    told = reports.forecast(home.stands(now), now)
    assert told is not None
    assert (told.days, told.spent) == (13, 300)
    assert told.runs_out_at == now + timedelta(days=200 / (300 / 13))
    credits.grant(home.id, "g", 500, reason="gift", actor="operator", now=now)
    told = reports.forecast(home.stands(now), now)
    assert told is not None
    assert told.runs_out_at is None
    assert told.rolls_over == round(700 - 300 / 13 * 17)
    assert reports.forecast(home.stands(at(1, 3)), at(1, 3)) is None


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Runs all at once; what each gave or raised."""
    ready = threading.Barrier(len(calls))
    made: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        ready.wait(10)
        try:
            made[place] = call()
        except Exception as error:
            made[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def storm(home: Home, late: datetime) -> list[Any]:
    one, key = home.id, f"{home.id}"
    return together(
        lambda: subscriptions.change(one, f"a{key}", PRO, actor="U1", now=late),
        lambda: subscriptions.change(one, f"b{key}", STARTER, actor="U2", now=late),
        lambda: subscriptions.change(one, f"b{key}", STARTER, actor="U2", now=late),
        lambda: home.use(600, late),
        lambda: home.get(3, late),
        lambda: periods.turn_due(late),
        lambda: periods.turn_due(late),
        lambda: alerts.cross(one, late),
        lambda: subscriptions.hold(one, f"h{key}", actor="U1", now=late),
    )


def test_changes_charges_and_a_renewal_at_once_leave_the_books_whole(books: str) -> None:
    """Two changes, a change during a charge, a renewal during both (R9 to R14)."""
    for round_ in range(6):
        home = Home(f"home {round_}")
        home.subscribe(SOLO, at(1, 2))
        home.use(400, at(1, 3))
        late = at(2, 1, 0) + timedelta(seconds=round_ % 2)
        made = storm(home, late)
        wrong = [
            m for m in made
            if isinstance(m, Exception) and not isinstance(m, credits.NotEnoughCredits)
        ]  # fmt: skip
        assert wrong == []
        assert home.numbers(late)[2] >= -3
        with database.session():
            assert Period.select().where(Period.account == home.id).count() == 3
            assert Change.select().where(Change.account == home.id).count() == 4
    assert audit.prove() == []


def test_two_upgrades_at_once_grant_the_difference_once(books: str) -> None:
    home = Home()
    home.subscribe(SOLO, at(1, 2))
    together(*[lambda: home.change(PRO, at(1, 3)) for _ in range(6)])
    assert home.numbers(at(1, 3)) == (1000, 0, 1000)


def test_r11_a_change_that_would_do_something_else_is_asked_again(home: Home) -> None:
    home.subscribe(PRO, at(1, 2))
    home.use(400, at(1, 2))
    shown = subscriptions.effect(home.id, SOLO, at(1, 3))
    home.use(200, at(1, 3))
    with pytest.raises(subscriptions.NotAsShown) as changed:
        home.change(SOLO, at(1, 3), shown=shown)
    assert (shown.withdrawn, changed.value.effect.withdrawn) == (500, 400)
    assert home.numbers(at(1, 3)) == (1000, 600, 400)


def test_r10_texts_that_go_on_meanwhile_do_not_stop_an_upgrade(home: Home) -> None:
    home.subscribe(SOLO, at(1, 2))
    shown = subscriptions.effect(home.id, PRO, at(1, 3))
    home.get(1, at(1, 3))
    assert home.change(PRO, at(1, 3), shown=shown) is not None
    assert home.numbers(at(1, 3)) == (1000, 1, 999)


def test_the_renewal_job_takes_only_what_is_due(books: str) -> None:
    for n in range(5):
        Home(f"home {n}").subscribe(SOLO, at(1, 6), anchor=1 + n)
    assert periods.turn_due(at(2, 2, 0)) == 2
    assert periods.turn_due(at(2, 2, 0)) == 0
    with database.session():
        due = [a.due_at.astimezone(NEW_YORK).day for a in Account.select().order_by(Account.id)]
    assert due == [1, 2, 3, 4, 5]
    assert audit.prove() == []
