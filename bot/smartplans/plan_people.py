"""Who is put on SmartPlans by members, held, moved and taken off; every member may. Plans
themselves are written in smartplans.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans import bulks, enrollments, smartplans
from bot.smartplans.enrollments import Enrolled
from bot.smartplans.models import Bulk, Enrollment, SmartPlan
from bot.team import roles, viewers
from ledger.database import query, transaction


@transaction
def enroll(plan_id: int, user: str, contact_ids: Sequence[int], now: datetime) -> Enrolled:
    """Puts contacts on the plan at once. Says how many, and why the others were left out."""
    plan = smartplans.get(plan_id, user)
    _require_running(plan)
    found = Contact.select().where(
        Contact.account == plan.account_id, Contact.id.in_(list(contact_ids))
    )
    done = enrollments.enroll(plan, list(found), user, now)
    viewers.changed(plan.account_id)
    return done


@transaction
def enroll_tagged(plan_id: int, user: str, tag: str, now: datetime) -> Enrolled:
    """Puts all contacts with a tag on the plan at once."""
    account_id = smartplans.get(plan_id, user).account_id
    return enroll(plan_id, user, address_book.ids_tagged(account_id, tag), now)


@transaction
def enroll_many(
    plan_id: int, user: str, now: datetime, *, tag: str | None = None, people: Sequence[int] = ()
) -> Enrolled | Bulk:
    """Puts all with a tag on the plan, or these contacts: a few at once, many in batches, with a
    message to the user that says how far it is. Raises Refused."""
    plan = smartplans.get(plan_id, user)
    _require_running(plan)
    many = len(people) if tag is None else enrollments.tagged(plan.account_id, tag)
    if many >= bulks.MANY:
        return bulks.begin(plan, user, now, tag=tag, people=people)
    if tag is not None:
        return enroll_tagged(plan_id, user, tag, now)
    return enroll(plan_id, user, people, now)


@transaction
def of_contact(contact_id: int, user: str) -> list[Enrollment]:
    """The plans a contact is on or was, newest first. Raises Refused for a stranger."""
    contact = Contact.get_or_none(Contact.id == contact_id)
    if contact is None:
        raise Refused("This contact is no longer here. `/contacts` finds the others.")
    roles.require_member(user, contact.account_id)
    here = Enrollment.contact == contact
    return list(Enrollment.select().where(here).order_by(Enrollment.id.desc()).limit(50))


@transaction
def pause(enrollment_id: int, user: str) -> bool:
    """Holds one contact's steps. Returns whether that is new."""
    return enrollments.pause(_own_enrollment(enrollment_id, user))


@transaction
def resume(enrollment_id: int, user: str, now: datetime) -> bool:
    """Lets a contact's steps go on. Returns whether that is new."""
    return enrollments.resume(_own_enrollment(enrollment_id, user), now)


@transaction
def skip(enrollment_id: int, user: str, now: datetime) -> bool:
    """Leaves one contact's next step out. Returns whether there was one."""
    return enrollments.skip(_own_enrollment(enrollment_id, user), "skipped by hand", now)


@transaction
def stop(enrollment_id: int, user: str, now: datetime) -> bool:
    """Takes one contact off for good. Returns whether that is new."""
    return enrollments.stop(_own_enrollment(enrollment_id, user), "stopped by hand", now)


@transaction
def may_move(enrollment_id: int, user: str) -> tuple[Enrollment, list[SmartPlan]]:
    """Somebody on a plan, and the plans they may go to. Raises Refused."""
    one = _own_enrollment(enrollment_id, user)
    others = [
        plan
        for plan in smartplans.listed(one.account_id, user)
        if plan.state in ("on", "paused") and plan.id != one.plan_id
    ]
    if not others:
        raise Refused("There is no other plan that is on. Switch one on with `/smartplans` first.")
    return one, others


@transaction
def move(enrollment_id: int, user: str, plan_id: int, now: datetime) -> Enrolled:
    """Moves one contact to the beginning of another plan. Raises Refused."""
    enrollment = _own_enrollment(enrollment_id, user)
    plan = smartplans.get(plan_id, user)
    if plan.account_id != enrollment.account_id:
        raise Refused("That plan belongs to another account.")
    _require_running(plan)
    return enrollments.move(enrollment, plan, user, now)


def _own_enrollment(enrollment_id: int, user: str) -> Enrollment:
    query("SELECT id FROM enrollment WHERE id = %s FOR UPDATE", enrollment_id).fetchone()
    found: Enrollment | None = Enrollment.get_or_none(Enrollment.id == enrollment_id)
    if found is None:
        raise Refused("They are no longer on this SmartPlan. `/smartplans of <name>` shows theirs.")
    roles.require_member(user, found.account_id)
    return found


def _require_running(plan: SmartPlan) -> None:
    if plan.state not in ("on", "paused"):
        raise Refused(f"Switch “{plan.name}” on before you put contacts on it.")
