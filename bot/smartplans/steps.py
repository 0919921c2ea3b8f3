"""SmartPlans run: what is due is done, each step of each enrollment once.

A tick asks which plans are due, by one look at an index. Of each, a batch of enrollments is done in
one transaction that holds the account's credits: what came of a step, its message, charge and
deliveries, and the enrollment's next place are written together, or none of it. A batch that fails
is done one by one, and what cannot be done has its reason written down. What a step comes to is
decided in step_choices.py, and written in step_outcomes.py.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

from bot import clock, tally
from bot.smartplans import plan_upkeep, step_facts, step_outcomes
from bot.smartplans.models import Enrollment, SmartPlan
from bot.smartplans.room import Pace, Room
from bot.smartplans.step_choices import Budget, choose
from bot.smartplans.step_outcomes import Batch
from bot.team import viewers
from ledger import credits
from ledger.database import instant, is_sqlite, query, session, transaction

log = structlog.get_logger()

BATCH = 1000  # enrollments in one transaction
PLANS = 100  # that are looked up at once
HANDS = 4  # accounts at once, where the database takes more than one writer
LONGEST = timedelta(minutes=5)  # of one tick: other jobs wait for none
AGAIN = timedelta(hours=1)  # a step that breaks is tried,
GIVE_UP_AFTER = timedelta(days=1)  # until so long after its time
KINDS = ("text", "email", "reminder")

DUE_PLANS = """
    SELECT id, account_id FROM smart_plan WHERE state = 'on' AND due_at <= %s
    ORDER BY due_at, id LIMIT %s"""
LOCK_PLAN = """
    SELECT id FROM smart_plan WHERE id = %s AND state = 'on' AND due_at <= %s FOR UPDATE"""
SOONEST = """
    SELECT due_at FROM enrollment WHERE plan_id = %s AND state = 'active' AND kind = %s
    ORDER BY due_at LIMIT 1"""
SET_PLAN = "UPDATE smart_plan SET due_at = %s, spent = %s WHERE id = %s"


def run_due(pace: Pace, by_mail: bool) -> int:
    """Does what is due in all plans. Returns how many enrollments were looked at."""
    began, looked_at = clock.now(), 0
    run = functools.partial(_run_plans, pace=pace, by_mail=by_mail)
    with ThreadPoolExecutor(1 if is_sqlite() else HANDS, "smartplans") as hands:
        while clock.now() - began < LONGEST and (due := due_plans(clock.now())):
            looked_at += sum(hands.map(run, due))
    return looked_at


def due_plans(now: datetime) -> list[list[int]]:
    """Plans of which something is due, those that wait longest; those of an account together, for
    one has its credits at a time, and accounts in any order, so that workers seldom meet."""
    found: dict[int, list[int]] = {}
    with session():
        for plan, account in query(DUE_PLANS, now, PLANS).fetchall():
            found.setdefault(account, []).append(plan)
    return random.sample(list(found.values()), len(found))


def _run_plans(plans: Sequence[int], pace: Pace, by_mail: bool) -> int:
    return sum(run_plan(plan, pace, by_mail) for plan in plans)


def run_plan(plan_id: int, pace: Pace, by_mail: bool) -> int:
    """Does a batch of what is due in one plan. Returns how many enrollments were looked at."""
    try:
        return _batch(plan_id, pace, by_mail)
    except Exception:
        log.exception("smartplan.batch_broken", plan_id=plan_id)
    # Raises where the database is away: nothing is lost meanwhile, and no step is to blame.
    return sum(_alone(plan_id, one, pace, by_mail) for one in _due_ids(plan_id))


@transaction
def _due_ids(plan_id: int) -> list[int]:
    now = clock.now()
    here = (Enrollment.plan == plan_id) & (Enrollment.state == "active")
    due = Enrollment.select(Enrollment.id).where(here, Enrollment.due_at <= now)
    return [row.id for row in due.order_by(Enrollment.due_at, Enrollment.id).limit(BATCH)]


def _alone(plan_id: int, enrollment_id: int, pace: Pace, by_mail: bool) -> int:
    """Does one. What cannot be done is tried again till a day after its time, then paused with the
    reason."""
    try:
        return _batch(plan_id, pace, by_mail, only=enrollment_id)
    except Exception as error:
        log.exception("smartplan.step_broken", enrollment_id=enrollment_id)
        _halt(enrollment_id, f"its step could not be run ({type(error).__name__})")
        return 1


@transaction
def _halt(enrollment_id: int, why: str) -> None:
    now = clock.now()
    here = (Enrollment.id == enrollment_id) & (Enrollment.state == "active")
    is_new = Enrollment.why.is_null() | (Enrollment.why != why)
    again = here & (is_new | (Enrollment.planned_at > now - GIVE_UP_AFTER))
    if not Enrollment.update(why=why, due_at=now + AGAIN).where(again).execute():
        Enrollment.update(state="paused", why=why, due_at=None).where(here).execute()
    tally.count("smartplan_steps_broken_total")


@transaction
def _batch(plan_id: int, pace: Pace, by_mail: bool, only: int | None = None) -> int:
    now = clock.now()
    account_id = SmartPlan.get_by_id(plan_id).account_id
    funds = credits.held(account_id, now)
    if query(LOCK_PLAN, plan_id, now).fetchone() is None:
        return 0  # another worker was there first
    plan = SmartPlan.get_by_id(plan_id)
    if plan.moving:
        return plan_upkeep.move_on(plan, now)
    room = Room(plan, pace, now, BATCH)
    if only is not None:
        batch = step_facts.one_due(only, now)
    else:
        batch = [due for kind in KINDS for due in step_facts.due_of(plan.id, kind, now, BATCH)]
    facts = step_facts.gather(plan, batch, by_mail, now)
    budget = Budget(funds, plan.spent, room.messages)
    done = Batch(facts, now)
    for due in batch:
        done.add(due, choose(due, facts, budget, now))
    plan.spent = budget.spent
    step_outcomes.write(done)
    if done.places:
        viewers.changed(account_id)
    room.used(room.messages - budget.room)
    _look_again(plan, room, now)
    return len(batch)


def _look_again(plan: SmartPlan, room: Room, now: datetime) -> None:
    """Has the plan looked at when the next of its steps is due, and its line has room for it."""
    times = []
    for kind in KINDS:
        row = query(SOONEST, plan.id, kind).fetchone()
        if row is not None:
            at = instant(row[0])
            if kind == "text" and at <= now:  # behind other plans of the line, if it has room
                at = room.opens_at()
            times.append(at)
    query(SET_PLAN, min(times, default=None), plan.spent, plan.id)
