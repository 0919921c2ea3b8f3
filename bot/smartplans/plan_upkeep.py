"""What moves enrollments beside their steps: a plan that changed, credits that came, an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot import clock
from bot.errors import Refused
from bot.smartplans import enrollments, plan_shapes, schedule
from bot.smartplans.models import Enrollment, SmartPlan, SmartPlanVersion, Step
from bot.smartplans.schedule import Course
from bot.team import roles, viewers
from ledger import credits
from ledger.database import query, session, transaction

BATCH = 500  # enrollments in one transaction
PLANS = 100

# Plans whose steps wait for credits, and may go on: never a look at all plans.
FED = """
    SELECT smart_plan.id FROM smart_plan
    JOIN account ON account.id = smart_plan.account_id
    JOIN period ON period.account_id = account.id AND NOT period.closed
    WHERE smart_plan.short_since IS NOT NULL AND smart_plan.state = 'on'
      AND period.kind <> 'frozen' AND account.balance >= COALESCE(smart_plan.short_of, 1)
      AND (smart_plan.cap IS NULL
           OR smart_plan.spent + COALESCE(smart_plan.short_of, 1) <= smart_plan.cap)
    ORDER BY smart_plan.short_since LIMIT %s"""
WAKE = """
    UPDATE enrollment SET state = 'active', why = NULL, due_at = %s WHERE id IN (
        SELECT id FROM enrollment WHERE plan_id = %s AND state = 'waiting'
        ORDER BY planned_at, id LIMIT %s)"""
BEHIND = """
    SELECT id FROM enrollment
    WHERE version_id = %s AND state IN ('active', 'paused', 'waiting', 'asking')
    ORDER BY id LIMIT %s FOR UPDATE"""


# Credits


def wake_fed() -> int:
    """Lets steps go on for which credits have come, the oldest first. Returns how many (R17)."""
    with session():
        plans = [row[0] for row in query(FED, PLANS).fetchall()]
    return sum(_wake(plan_id) for plan_id in plans)


@transaction
def _wake(plan_id: int) -> int:
    now = clock.now()
    account_id = SmartPlan.get_by_id(plan_id).account_id
    funds = credits.held(account_id, now)
    query("SELECT id FROM smart_plan WHERE id = %s FOR UPDATE", plan_id).fetchone()
    plan = SmartPlan.get_by_id(plan_id)
    needs = plan.short_of or 1
    capped = plan.cap is not None and plan.spent + needs > plan.cap
    if plan.state != "on" or capped or not funds.cover(needs):
        return 0
    most = min(BATCH, funds.balance)
    woken = int(query(WAKE, now, plan_id, most).rowcount)
    plan.short_of, plan.due_at = None, now
    if woken < most:
        plan.short_since = None
    plan.save(only=[SmartPlan.short_of, SmartPlan.short_since, SmartPlan.due_at])
    return woken


# A new version


@transaction
def move_on(plan: SmartPlan, now: datetime) -> int:
    """Moves a batch of those on older versions to the newest, each at its place. Returns how many.

    None that ran in this round runs again: what a step is, it is by its key.
    """
    newest = enrollments.newest(plan)
    older = SmartPlanVersion.select().where(
        SmartPlanVersion.plan == plan, SmartPlanVersion.number < newest.number
    )
    course, steps = enrollments.course_of(newest)
    moved = 0
    for version in older.order_by(SmartPlanVersion.number):
        ids = [row[0] for row in query(BEHIND, version.id, BATCH - moved).fetchall()]
        if ids:
            keys = [step.key for step in enrollments.steps_of(version)]
            for enrollment in Enrollment.select().where(Enrollment.id.in_(ids)):
                _move(enrollment, keys, newest, course, steps, now)
        moved += len(ids)
        if moved >= BATCH:
            return moved
    SmartPlan.update(moving=False).where(SmartPlan.id == plan.id).execute()
    return moved


def _move(
    enrollment: Enrollment, keys: Sequence[str], newest: SmartPlanVersion, course: Course,
    steps: Sequence[Step], now: datetime,
) -> None:  # fmt: skip
    lands = plan_shapes.landing(keys, enrollment.position, [step.key for step in steps])
    done = enrollments.done_of(enrollment, steps)
    left = [at for at in range(len(steps)) if lands is not None and at >= lands and at not in done]
    here = Enrollment.id == enrollment.id
    Enrollment.update(version=newest.id).where(here).execute()
    if left:
        enrollment.position, enrollment.version = left[0], newest
        spot = enrollments.place_again(enrollment, course)
    else:
        going_on = schedule.proceed(
            course, enrollments.spot_of(enrollment)._replace(position=len(steps)),
            enrollment.enrolled_at, enrollments.ran_before(enrollment),
            enrollments.zone_of(enrollment.contact),
            enrollments.dates_of([enrollment.contact_id]).get(enrollment.contact_id, {}),
        )  # fmt: skip
        if going_on is None:
            enrollments.finish(enrollment, now)
            return
        spot = going_on
    placed: dict[str, Any] = {
        "round": spot.round, "position": spot.position, "kind": steps[spot.position].kind,
        "basis_at": spot.basis_at, "planned_at": spot.planned_at, "agreed": None,
    }  # fmt: skip
    if enrollment.state in ("active", "asking"):  # what was asked about may say something else now
        placed |= {"state": "active", "why": None, "due_at": spot.due_at}
    Enrollment.update(placed).where(here).execute()


# An answer


@transaction
def decline(
    enrollment_id: int, user: str, at: tuple[int, int], now: datetime, *, for_good: bool
) -> bool:
    """Somebody says no to such a text: it is left out, or `for_good` the plan stops for the
    contact. `at` is the round and step that were asked about. Returns whether they still were.
    Raises Refused."""
    found = _asked(enrollment_id, user, at, now)
    if found is None:
        return False
    if for_good:
        return enrollments.stop(found, "stopped by hand", now)
    return enrollments.skip(found, "too dear, skipped by hand", now)


@transaction
def agree(
    enrollment_id: int, user: str, at: tuple[int, int], price: int, now: datetime
) -> bool:  # fmt: skip
    """Somebody says yes to a text that costs more than the plan's ceiling; it goes out if it costs
    no more than this. `at` is the round and step that were asked about. Returns whether they still
    were. Raises Refused."""
    found = _asked(enrollment_id, user, at, now)
    if found is None:
        return False
    agreed: dict[str, Any] = {"state": "active", "why": None, "agreed": price, "due_at": now}
    return bool(Enrollment.update(agreed).where(Enrollment.id == found.id).execute())


def _asked(
    enrollment_id: int, user: str, at: tuple[int, int], now: datetime
) -> Enrollment | None:  # fmt: skip
    """The enrollment, locked; None unless this step of it still waits for an answer."""
    found = Enrollment.get_or_none(Enrollment.id == enrollment_id)
    if found is None:
        raise Refused("They are no longer on this SmartPlan. `/smartplans of <name>` shows theirs.")
    roles.require_member(user, found.account_id)
    enrollments.look_at(found.plan_id, now)  # the plan's row before the enrollment's
    query("SELECT id FROM enrollment WHERE id = %s FOR UPDATE", enrollment_id).fetchone()
    found = Enrollment.get_by_id(enrollment_id)
    if found.state != "asking" or (found.round, found.position) != at:
        return None
    viewers.changed(found.account_id)
    return found
