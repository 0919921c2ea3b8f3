"""Who is on which SmartPlan: put on, held, taken off.

Who may ask for it is checked above (smartplans.py); what happens to a contact does the same by
itself (plan_events.py). Steps run in steps.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.contacts import hours
from bot.contacts.models import Contact, Tag, is_closed
from bot.smartplans import schedule
from bot.smartplans.models import (
    ALIVE,
    ContactDate,
    Enrollment,
    SmartPlan,
    SmartPlanVersion,
    Step,
    StepRun,
)  # fmt: skip
from bot.smartplans.schedule import Course, Dates, Ran, Spot, When
from bot.talks.models import Conversation
from ledger.database import query, transaction
from ledger.models import Account

BATCH = 500  # contacts that are looked at together

LOOK_AT = """
    UPDATE smart_plan SET due_at = CASE WHEN due_at IS NULL OR due_at > %s THEN %s ELSE due_at END
    WHERE id = %s"""
STALE = """
    UPDATE bulk SET stale = %s WHERE NOT stale AND id IN (
        SELECT bulk_id FROM enrollment WHERE contact_id = %s AND bulk_id IS NOT NULL)"""


@dataclass(frozen=True)
class Enrolled:
    """How many contacts were put on a plan, and why the others were not."""

    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # reason → contacts


# Putting contacts on a plan


@transaction
def enroll(
    plan: SmartPlan, contacts: Sequence[Contact], by: str, now: datetime, bulk: int | None = None
) -> Enrolled:  # fmt: skip
    """Puts contacts on the plan's newest version: each at most once at a time, and again only where
    the plan allows it; nobody who opted out. `bulk` is what they are put on with."""
    course, steps = course_of(newest(plan))
    count, left_out = 0, Counter[str]()
    if not steps:
        return Enrolled(0, Counter({"the plan has no steps": len(contacts)}))
    for start in range(0, len(contacts), BATCH):
        chunk = {contact.id: contact for contact in contacts[start : start + BATCH]}
        reasons = _left_out(plan, list(chunk.values()))
        left_out.update(reasons.values())
        taken = [contact for contact in chunk.values() if contact.id not in reasons]
        if taken:
            _add(plan, course, steps, taken, by, now, bulk)
        count += len(taken)
    return Enrolled(count, left_out)


def _add(
    plan: SmartPlan, course: Course, steps: list[Step], contacts: list[Contact], by: str,
    now: datetime, bulk: int | None,
) -> None:  # fmt: skip
    dates = dates_of([contact.id for contact in contacts])
    home = Account.get_by_id(plan.account_id).timezone
    rows, soonest = [], None
    for contact in contacts:
        zone = hours.zones(contact, contact.number, home)[0]
        here = schedule.begin(course, now, zone, dates.get(contact.id, {}))
        soonest = min(soonest or here.due_at, here.due_at)
        rows.append({
            "account": plan.account_id, "plan": plan.id, "version": steps[0].version_id,
            "contact": contact.id, "kind": steps[0].kind, "enrolled_at": now, "by": by,
            "bulk": bulk,
            "basis_at": here.basis_at, "planned_at": here.planned_at, "due_at": here.due_at,
            "state": "active", "round": 0, "position": 0,
        })  # fmt: skip
    Enrollment.insert_many(rows).on_conflict_ignore().execute()
    if soonest is not None:
        look_at(plan.id, soonest)


def _left_out(plan: SmartPlan, contacts: list[Contact]) -> dict[int, str]:
    """Why contacts cannot be put on the plan, by their ids; those that can are not named."""
    ids = [contact.id for contact in contacts]
    reasons: dict[int, str] = {}
    opened = _opened(plan, ids)
    for contact in contacts:
        if contact.account_id != plan.account_id:
            reasons[contact.id] = "not a contact of this account"
        elif is_closed(contact.opted_out_at, opened.get(contact.id)):
            reasons[contact.id] = "opted out"
        elif contact.blocked_at is not None:
            reasons[contact.id] = "blocked"
        elif contact.same_as_id is not None:
            reasons[contact.id] = "merged with another contact"
    here = (Enrollment.plan == plan) & Enrollment.contact.in_(ids)
    for row in Enrollment.select(Enrollment.contact, Enrollment.state).where(here):
        if row.state in ALIVE:
            reasons[row.contact_id] = "on it already"
        elif not plan.allow_again:
            reasons.setdefault(row.contact_id, "was on it before")
    return reasons


def _opened(plan: SmartPlan, contact_ids: list[int]) -> dict[int, datetime]:
    """When contacts texted START to the plan's line."""
    if plan.line_id is None:
        return {}
    talks = Conversation.select(Conversation.contact, Conversation.opted_in_at).where(
        Conversation.line == plan.line_id, Conversation.contact.in_(contact_ids),
        Conversation.opted_in_at.is_null(False),
    )  # fmt: skip
    return {talk.contact_id: talk.opted_in_at for talk in talks}


@transaction
def look_at(plan_id: int, at: datetime) -> None:
    """Has the plan's enrollments looked at by then."""
    query(LOOK_AT, at, at, plan_id)


# What a plan does, and where somebody is on it


def newest(plan: SmartPlan) -> SmartPlanVersion:
    """The version that new enrollments are on."""
    found: SmartPlanVersion = SmartPlanVersion.get(
        SmartPlanVersion.plan == plan, SmartPlanVersion.number == plan.version
    )
    return found


def steps_of(version: SmartPlanVersion | int) -> list[Step]:
    """A version's steps, in their order."""
    return list(Step.select().where(Step.version == version).order_by(Step.position))


def course_of(version: SmartPlanVersion) -> tuple[Course, list[Step]]:
    """A version's course, and its steps in their order."""
    steps = steps_of(version)
    return Course(
        tuple(when_of(step) for step in steps), version.repeat_every, version.repeat_unit
    ), steps  # fmt: skip


def when_of(step: Step) -> When:
    """When a step is due, as pure values."""
    return When(step.basis, step.amount, step.unit, step.at, step.weekdays, step.date_field)


def spot_of(enrollment: Enrollment) -> Spot:
    """Where somebody is."""
    return Spot(
        enrollment.round, enrollment.position, enrollment.basis_at, enrollment.planned_at,
        enrollment.due_at or enrollment.planned_at,
    )  # fmt: skip


def ran_before(enrollment: Enrollment) -> Ran | None:
    """The last step that ran, with its times."""
    if enrollment.previous_at is None:
        return None
    return Ran(enrollment.previous_planned_at, enrollment.previous_at)


def dates_of(contact_ids: Sequence[int]) -> dict[int, Dates]:
    """The days of the year that mean something to these contacts."""
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for row in ContactDate.select().where(ContactDate.contact.in_(list(contact_ids))):
        found.setdefault(row.contact_id, {})[row.field] = (row.month, row.day)
    return dict(found)


def zone_of(contact: Contact) -> str:
    """The time zone on whose clock a contact's steps are planned."""
    home = Account.get_by_id(contact.account_id).timezone
    return hours.zones(contact, contact.number, home)[0]


# One of them: held, let go on, taken off


@transaction
def pause(enrollment: Enrollment) -> bool:
    """Holds its steps. Returns whether that is new."""
    here = (Enrollment.id == enrollment.id) & (Enrollment.state.in_(["active", "waiting"]))
    return bool(
        Enrollment.update(state="paused", why="paused by hand", due_at=None).where(here).execute()
    )


@transaction
def resume(enrollment: Enrollment, now: datetime) -> bool:
    """Lets a paused one go on where it was; what is late comes next. Whether that is new."""
    if enrollment.state != "paused":
        return False
    course, steps = course_of(enrollment.version)
    place(enrollment, course, steps, place_again(enrollment, course), now)
    return True


@transaction
def skip(enrollment: Enrollment, reason: str, now: datetime) -> bool:
    """Leaves the next step out. Returns whether there was one."""
    if enrollment.state not in ALIVE:
        return False
    course, steps = course_of(enrollment.version)
    step = steps[enrollment.position]
    StepRun.create(
        enrollment=enrollment, contact=enrollment.contact_id, round=enrollment.round, step=step,
        key=step.key, outcome="skipped", reason=reason, planned_at=enrollment.planned_at,
        ran_at=now,
    )  # fmt: skip
    after = schedule.proceed(
        course, spot_of(enrollment), enrollment.enrolled_at, ran_before(enrollment),
        zone_of(enrollment.contact), _own_dates(enrollment),
        done_of(enrollment, steps),
    )  # fmt: skip
    if after is None:
        finish(enrollment, now)
    elif enrollment.state == "paused":
        place(enrollment, course, steps, after, now, state="paused")
    else:
        place(enrollment, course, steps, after, now)
    return True


@transaction
def stop(enrollment: Enrollment, why: str, now: datetime) -> bool:
    """Takes the contact off the plan for good. Returns whether that is new."""
    here = (Enrollment.id == enrollment.id) & Enrollment.state.in_(list(ALIVE))
    ended: dict[str, Any] = {"state": "stopped", "why": why, "due_at": None, "ended_at": now}
    touched(enrollment.contact_id)
    return bool(Enrollment.update(ended).where(here).execute())


@transaction
def touched(contact_id: int) -> None:
    """Something happened to the plans of this contact: cards of those put on together show it."""
    query(STALE, True, contact_id)


def tagged(account_id: int, tag: str) -> int:
    """How many contacts have this tag."""
    return Tag.select().where(Tag.account == account_id, Tag.tag == tag).count()


@transaction
def move(enrollment: Enrollment, plan: SmartPlan, by: str, now: datetime) -> Enrolled:
    """Takes the contact off this plan and puts it on another, from its beginning."""
    contact = enrollment.contact
    done = enroll(plan, [contact], by, now)
    if done.count:
        stop(enrollment, f"moved to {plan.name}", now)
    return done


@transaction
def finish(enrollment: Enrollment, now: datetime) -> None:
    """The last step is over: the contact flows into the next plan, if there is one."""
    done: dict[str, Any] = {"state": "done", "why": None, "due_at": None, "ended_at": now}
    Enrollment.update(done).where(Enrollment.id == enrollment.id).execute()
    flow([enrollment.contact_id], enrollment.plan, now)


@transaction
def flow(contact_ids: Sequence[int], plan: SmartPlan, now: datetime) -> None:
    """Puts contacts that are through with a plan on the one it flows into."""
    following = plan.flows_into
    if following is not None and following.state == "on":
        contacts = list(Contact.select().where(Contact.id.in_(list(contact_ids))))
        enroll(following, contacts, "plan", now)


def done_of(enrollment: Enrollment, steps: Iterable[Step]) -> frozenset[int]:
    """The positions whose step ran already in this round, under this version or an older one."""
    runs = StepRun.select(StepRun.key).where(
        StepRun.enrollment == enrollment, StepRun.round == enrollment.round
    )
    keys = {run.key for run in runs}
    return frozenset(step.position for step in steps if step.key in keys)


def place_again(enrollment: Enrollment, course: Course) -> Spot:
    """Where it is now, its times worked out anew: the course or a date may have changed."""
    dates = _own_dates(enrollment)
    return schedule.spot(
        course, enrollment.round, enrollment.position, enrollment.enrolled_at,
        enrollment.basis_at, ran_before(enrollment), zone_of(enrollment.contact), dates,
    )  # fmt: skip


def place(
    enrollment: Enrollment, course: Course, steps: list[Step], here: Spot, now: datetime,
    state: str = "active",
) -> None:  # fmt: skip
    """Keeps where it is from now on, and when its next step is due."""
    placed: dict[str, Any] = {
        "state": state, "why": None if state == "active" else enrollment.why, "agreed": None,
        "round": here.round, "position": here.position, "kind": steps[here.position].kind,
        "basis_at": here.basis_at, "planned_at": here.planned_at,
        "due_at": here.due_at if state == "active" else None,
    }  # fmt: skip
    Enrollment.update(placed).where(Enrollment.id == enrollment.id).execute()
    if state == "active":
        look_at(enrollment.plan_id, here.due_at)


def _own_dates(enrollment: Enrollment) -> Dates:
    return dates_of([enrollment.contact_id]).get(enrollment.contact_id, {})
