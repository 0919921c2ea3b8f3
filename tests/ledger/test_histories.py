"""Random histories of an account, step by step beside a model written from the rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import alerts, audit, credits, database, periods, plans, standing, subscriptions
from ledger.books import Charge
from ledger.models import Grant, Period
from tests import databases
from tests.ledger.model import Model

CATALOGUE = plans.load()
ZONES = (
    "America/New_York", "America/Havana", "Africa/Cairo", "Pacific/Auckland", "Asia/Kathmandu",
    "America/Sao_Paulo", "Europe/Lisbon", "Pacific/Apia", "America/Asuncion",
)  # fmt: skip
_names = itertools.count()

PLAN = st.sampled_from(list(CATALOGUE.plans))
CREDITS = st.integers(1, 700)
STEP = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([0.01, 1, 23, 24, 216, 744, 4800, 8880])),
    st.tuples(st.just("pass"), st.floats(0.001, 24 * 40)),
    st.tuples(st.just("to the boundary"), st.sampled_from([-1, 0, 1])),
    st.tuples(st.just("subscribe"), PLAN, st.sampled_from([1, 15, 28, 29, 30, 31])),
    st.tuples(st.just("in"), st.integers(1, 90)),
    st.tuples(st.just("call"), st.integers(0, 90)),
    st.tuples(st.just("out"), CREDITS),
    st.tuples(st.just("out"), CREDITS),
    st.tuples(st.just("many"), st.lists(st.integers(1, 200), min_size=1, max_size=4)),
    st.tuples(st.just("refund"), st.integers(0, 9), st.integers(1, 60)),
    st.tuples(st.just("change"), PLAN),
    st.tuples(st.just("change"), PLAN),
    st.tuples(st.sampled_from(["hold", "cancel", "resume"])),
    st.tuples(st.just("grant"), CREDITS),
    st.tuples(st.just("adjust"), CREDITS),
    st.tuples(st.just("anchor"), st.integers(1, 31)),
    st.tuples(st.just("zone"), st.sampled_from(ZONES)),
    st.tuples(st.just("scan")),
    st.tuples(st.just("the job")),
    st.tuples(st.just("replay"), st.integers(0, 30)),
    st.tuples(st.just("late"), st.floats(0.1, 50)),
)  # fmt: skip
HISTORY = st.tuples(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2019, 12, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
    PLAN,
    st.lists(STEP, min_size=8, max_size=28),
)


@dataclass
class Told:
    """An account in the ledger and in the model, told the same."""

    model: Model
    account: int
    now: datetime
    numbers: Any = field(default_factory=itertools.count)
    done: list[Callable[[datetime], Any]] = field(default_factory=list)  # to be replayed
    texts: list[str] = field(default_factory=list)

    def step(self, what: str, *with_: Any) -> None:
        """Does one step in both."""
        if what == "pass":
            self.now += timedelta(hours=with_[0])
        elif what == "to the boundary":
            if self.model.ends:
                self.now = max(self.now, self.model.ends + timedelta(seconds=with_[0]))
        elif what == "replay":
            if self.done:
                self.done[with_[0] % len(self.done)](self.now)
        elif what == "late":  # a worker whose clock is behind
            before, self.now = self.now, self.now - timedelta(hours=with_[0])
            self.step("in", 3)
            self.now = before
        elif what == "the job":
            periods.turn_due(self.now)
        else:
            self.model.advance(self.now)
            getattr(self, "_" + what)(f"{self.account}:{next(self.numbers)}", *with_)
        self.same()

    def same(self) -> None:
        """The books are as the model says, and R13 holds."""
        stands = standing.of(self.account, self.now)
        model = self.model
        model.advance(self.now)
        assert stands.balance == stands.limit - stands.used, "R13"
        assert (stands.balance, stands.limit, stands.used) == (
            model.balance, model.limit, model.used,
        )  # fmt: skip
        assert (stands.kind, stands.ends_at) == (model.kind, model.ends)
        with database.session():
            period = Period.get_by_id(stands.period)
            left = [
                (g.remaining, g.expires_at)
                for g in Grant.select().where(Grant.account == self.account).order_by(Grant.id)
            ]
        assert (period.plan_granted, period.alerted) == (model.plan_granted, model.alerted)
        assert left == [(g.left, g.expires) for g in model.grants]
        assert (period.price_cents or 0) == model.billed

    def _did(self, call: Callable[[datetime], Any]) -> Any:
        made = call(self.now)
        self.done.append(call)
        return made

    def _subscribe(self, key: str, code: str, anchor: int) -> None:
        plan = CATALOGUE.plan(code)

        def call(now: datetime) -> Any:
            return subscriptions.subscribe(
                self.account, key, plan, CATALOGUE, actor="U1", now=now, anchor=anchor
            )

        if self.model.subscribed:
            with pytest.raises(subscriptions.AlreadySubscribed):
                call(self.now)
            return
        shown = subscriptions.effect(self.account, plan, self.now, anchor)
        assert self._did(call) == shown
        self.model.subscribe(plan.credits, plan.price_cents, anchor)
        assert (shown.balance, shown.limit) == (self.model.balance, self.model.limit)
        assert shown.renews_at == self.model.ends

    def _change(self, key: str, code: str) -> None:
        plan = CATALOGUE.plan(code)

        def call(now: datetime) -> Any:
            return subscriptions.change(self.account, key, plan, actor="U1", now=now)

        if not self.model.subscribed:
            with pytest.raises(subscriptions.NotSubscribed):
                call(self.now)
            return
        shown = subscriptions.effect(self.account, plan, self.now)
        assert self._did(call) == shown
        self.model.change(plan.credits, plan.price_cents)
        assert (shown.balance, shown.limit) == (self.model.balance, self.model.limit)
        assert shown.at_renewal == (plan.credits if self.model.then == "renew" else 0)

    def _then(self, verb: Any, key: str, then: Callable[[], None]) -> None:
        def call(now: datetime) -> Any:
            return verb(self.account, key, actor="U1", now=now)

        if not self.model.subscribed:
            with pytest.raises(subscriptions.NotSubscribed):
                call(self.now)
            return
        self._did(call)
        then()

    def _hold(self, key: str) -> None:
        self._then(subscriptions.hold, key, lambda: setattr(self.model, "then", "hold"))

    def _cancel(self, key: str) -> None:
        self._then(subscriptions.cancel, key, lambda: setattr(self.model, "then", "cancel"))

    def _resume(self, key: str) -> None:
        self._then(subscriptions.resume, key, self.model.resume)

    def _anchor(self, _: str, day: int) -> None:
        if self.model.subscribed:
            subscriptions.set_anchor(self.account, day, self.now)
            self.model.anchor = day

    def _zone(self, _: str, zone: str) -> None:
        subscriptions.set_timezone(self.account, zone, self.now)
        self.model.zone = zone

    def _in(self, key: str, amount: int) -> None:
        self._did(
            lambda now: credits.charge_in(self.account, f"in:{key}", amount, message=1, now=now)
        )
        assert self.model.text(f"in:{key}", amount, inbound=True)
        self.texts.append(f"in:{key}")

    def _call(self, key: str, amount: int) -> None:
        """Minutes of a call, which go below zero and while all is frozen, as a text in does."""
        self._did(
            lambda now: credits.charge_call(self.account, f"call:{key}", amount, call=1, now=now)
        )
        assert self.model.text(f"call:{key}", amount, inbound=True)
        self.texts.append(f"call:{key}")

    def _out(self, key: str, amount: int) -> None:
        def call(now: datetime) -> Any:
            return credits.charge_out(
                self.account, f"out:{key}", amount, message=1, actor="U1", now=now
            )

        if self.model.text(f"out:{key}", amount, inbound=False):
            self._did(call)
            self.texts.append(f"out:{key}")
        else:
            with pytest.raises(credits.NotEnoughCredits) as short:
                call(self.now)
            assert isinstance(short.value, credits.Frozen) == (self.model.kind == "frozen")

    def _many(self, key: str, amounts: list[int]) -> None:
        """Texts that leave together: all of them or none."""
        charges = [Charge(f"out:{key}.{n}", amount, 1, "U1") for n, amount in enumerate(amounts)]

        def call(now: datetime) -> Any:
            return credits.charge_texts(self.account, charges, now=now)

        if sum(amounts) > self.model.balance or self.model.kind == "frozen":
            with pytest.raises(credits.NotEnoughCredits):
                call(self.now)
            return
        self._did(call)
        for charge in charges:
            assert self.model.text(charge.key, charge.amount, inbound=False)
            self.texts.append(charge.key)

    def _refund(self, key: str, which: int, amount: int) -> None:
        if not self.texts:
            return
        charge = self.texts[-1 - which % len(self.texts)]

        def call(now: datetime) -> Any:
            return credits.refund(
                self.account, f"refund:{key}", amount, charge_key=charge, reason="failed", now=now
            )

        if self.model.refund(charge, amount):
            self._did(call)
        else:
            with pytest.raises(credits.RefundTooLarge):
                call(self.now)

    def _grant(self, key: str, amount: int) -> None:
        self._did(
            lambda now: credits.grant(
                self.account, f"g:{key}", amount, reason="gift", actor="operator", now=now
            )
        )
        self.model.grant(amount)

    def _adjust(self, key: str, amount: int) -> None:
        self._did(
            lambda now: credits.adjust(
                self.account, f"a:{key}", -amount, reason="mistake", actor="operator", now=now
            )
        )
        self.model.adjust_down(amount)

    def _scan(self, _: str) -> None:
        waiting = self.account in alerts.crossed(10_000)
        crossing = alerts.cross(self.account, self.now) if waiting else None
        assert (crossing.threshold if crossing else None) == self.model.scan()


def tell(zone: str, opened: datetime, code: str, steps: list[tuple[Any, ...]]) -> None:
    opened = opened.replace(microsecond=0, tzinfo=UTC)
    account = credits.open_account(f"account {next(_names)}", zone, opened)
    told = Told(Model(zone, opened), account.id, opened)
    if opened.day % 4:  # most begin with a plan
        told.step("subscribe", code, (1, 15, 31)[opened.day % 3])
    for step in steps:
        told.step(*step)
    assert audit.prove(account.id) == []


def tell_many(engine: str, histories: int) -> None:
    bound = database.bind(databases.fresh(engine))

    @settings(max_examples=histories, deadline=None, suppress_health_check=list(HealthCheck))
    @given(HISTORY)
    def test(history: Any) -> None:
        tell(*history)

    test()
    bound.close_all()


@pytest.mark.slow
def test_500_histories_go_as_the_rules_say() -> None:
    """R7 to R20: every step as in the model, R13 after each, the whole audit at the end."""
    tell_many("sqlite", 500)


def test_histories_go_the_same_way_on_postgresql() -> None:
    tell_many("postgresql", 60)
