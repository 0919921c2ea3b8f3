"""What an account's SmartPlans are at, for App Home: those that run, what comes today, what a
member is to do, and the texts that wait for somebody's yes.

It is read often, and an account may have a million contacts on its plans: nothing is counted past
a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.contacts import numbers
from bot.smartplans import plan_counts, reminders, step_choices, step_facts
from bot.smartplans.models import Reminder, SmartPlan
from bot.smartplans.plan_days import KINDS
from bot.smartplans.step_facts import Due
from ledger import boundaries
from ledger.database import query
from ledger.models import Account

PLANS, REMINDERS, ASKS = 5, 5, 3  # that are shown

# The first condition is that of the index by account.
RUNNING = """
    SELECT id, name, state, short_since FROM smart_plan
    WHERE account_id = %s AND state <> 'archived' AND (state = 'on' OR state = 'paused')
    ORDER BY state, LOWER(name), id"""
TODAY = """
    SELECT count(*) FROM (
        SELECT 1 FROM smart_plan JOIN enrollment ON enrollment.plan_id = smart_plan.id
        WHERE smart_plan.account_id = %s AND smart_plan.state <> 'archived'
          AND smart_plan.state = 'on' AND enrollment.state = 'active' AND enrollment.kind = %s
          AND enrollment.due_at < %s LIMIT %s) AS found"""
ALL_ASKS = """
    SELECT count(*) FROM (
        SELECT 1 FROM enrollment WHERE account_id = %s AND state = 'asking' LIMIT %s) AS found"""


@dataclass(frozen=True)
class Running:
    """A plan that is on, or paused."""

    id: int
    name: str
    state: str  # on or paused
    contacts: str  # how many are on it, in words
    short_of_credits: bool


@dataclass(frozen=True)
class Asking:
    """A text that costs more than was agreed on, and waits."""

    enrollment: int
    round: int
    position: int
    plan: str
    contact: str  # name, or number as people write it
    body: str
    credits: int


@dataclass(frozen=True)
class InMotion:
    """All of it, for one member."""

    plans: Sequence[Running] = ()
    plans_more: int = 0
    today: str = ""  # "12 texts, 1 reminder"
    reminders: Sequence[Reminder] = ()
    reminders_more: int = 0
    asks: Sequence[Asking] = ()
    asks_more: int = 0


def of(account_id: int, user: str, now: datetime) -> InMotion:
    """What is in motion on this account. Raises Refused for a stranger."""
    plans = query(RUNNING, account_id).fetchall()
    mine, all_mine = reminders.listed(account_id, user, now, REMINDERS)
    asks = [_asking(due, now) for due in step_facts.asking(account_id, ASKS)]
    all_asks = (
        query(ALL_ASKS, account_id, plan_counts.MANY).fetchone()[0]
        if len(asks) == ASKS
        else len(asks)
    )
    return InMotion(
        [_running(*row) for row in plans[:PLANS]], len(plans[PLANS:]), _today(account_id, now),
        mine, all_mine - len(mine), asks, all_asks - len(asks),
    )  # fmt: skip


def _running(plan_id: int, name: str, state: str, short_since: object) -> Running:
    on_it = plan_counts.alive(plan_counts.of(plan_id))
    waits = state == "on" and short_since is not None
    return Running(plan_id, name, state, plan_counts.about(on_it, "contact"), waits)


def _today(account_id: int, now: datetime) -> str:
    zone = Account.get_by_id(account_id).timezone
    tomorrow = boundaries.day_of(now, zone) + timedelta(days=1)
    midnight = boundaries.day_starts(tomorrow, zone)
    due = [
        query(TODAY, account_id, kind, midnight, plan_counts.MANY + 1).fetchone()[0]
        for kind, _ in KINDS
    ]
    return ", ".join(
        plan_counts.about(number, thing)
        for number, (_, thing) in zip(due, KINDS, strict=True)
        if number
    )


def _asking(due: Due, now: datetime) -> Asking:
    plan = SmartPlan.get_by_id(due.plan)
    facts = step_facts.gather(plan, [due], True, now)
    body, price = step_choices.rendered(due, facts)
    who = due.name or numbers.spoken(due.number)
    return Asking(due.id, due.round, due.position, plan.name, who, body, price.credits)
