"""What happens to a contact, and what that does to the SmartPlans they are on: they answer, get a
tag, opt out, are merged with another.

It lies below conversations, consent and contacts, so that those can tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.contacts.models import Contact
from bot.contacts.special_days import Day
from bot.smartplans import enrollments
from bot.smartplans.models import (
    ALIVE,
    ContactDate,
    Enrollment,
    Letter,
    Reminder,
    SmartPlan,
    StepRun,
)  # fmt: skip
from ledger.database import query, transaction

# The condition on archived plans is that of the index by account.
STOP_BY_EVENT = """
    UPDATE enrollment SET state = 'stopped', why = %s, due_at = NULL, ended_at = %s
    WHERE contact_id = %s AND state IN ('active', 'paused', 'waiting', 'asking')
      AND plan_id IN (
        SELECT smart_plan.id FROM smart_plan
        LEFT JOIN plan_rule ON plan_rule.plan_id = smart_plan.id AND plan_rule.what = 'remove'
                           AND plan_rule.event = %s AND plan_rule.tag = %s
        WHERE smart_plan.account_id = %s AND smart_plan.state <> 'archived'
          AND (plan_rule.id IS NOT NULL OR {}))"""
STOP_ON_REPLY = STOP_BY_EVENT.format("smart_plan.stop_on_reply")
STOP_ON_CLOSE = STOP_BY_EVENT.format("smart_plan.stop_on_close")
STOP_BY_RULE = STOP_BY_EVENT.format("false")
GIVE_BACK = """
    UPDATE smart_plan SET spent = spent - %s WHERE id = (
        SELECT enrollment.plan_id FROM step_run
        JOIN enrollment ON enrollment.id = step_run.enrollment_id WHERE step_run.message_id = %s)"""
ENROLLING = """
    SELECT smart_plan.id FROM smart_plan
    JOIN plan_rule ON plan_rule.plan_id = smart_plan.id
    WHERE smart_plan.account_id = %s AND smart_plan.state <> 'archived'
      AND smart_plan.state = 'on' AND plan_rule.what = 'enroll'
      AND plan_rule.event = %s AND plan_rule.tag = %s ORDER BY smart_plan.id"""
RULE_TAGS = """
    SELECT DISTINCT plan_rule.tag FROM smart_plan
    JOIN plan_rule ON plan_rule.plan_id = smart_plan.id
    WHERE smart_plan.account_id = %s AND smart_plan.state <> 'archived'
      AND smart_plan.state = 'on' AND plan_rule.what = 'enroll'
      AND plan_rule.event = 'tag_added'"""


@transaction
def on_text_in(account_id: int, contact_id: int, now: datetime) -> int:
    """They texted: plans that stop on a reply do. Returns how many."""
    return _stop(STOP_ON_REPLY, "they replied", "replied", account_id, contact_id, now)


@transaction
def on_new_sender(account_id: int, contact: Contact, now: datetime) -> None:
    """Somebody texts for the first time: plans that take new senders take them. After `on_text_in`,
    for the text that puts somebody on a plan is no reply to it."""
    _enroll_by_rule(account_id, contact, "new_sender", "", now)


@transaction
def on_tag(contact: Contact, tag: str, added: bool, now: datetime) -> None:
    """A tag was put on a contact, or taken off."""
    event = "tag_added" if added else "tag_removed"
    why = f"the tag {tag} was {'added' if added else 'taken off'}"
    _stop(STOP_BY_RULE, why, event, contact.account_id, contact.id, now, same_tag(tag))
    _enroll_by_rule(contact.account_id, contact, event, same_tag(tag), now)


@transaction
def on_tags(account_id: int, added: Sequence[tuple[str, int]], now: datetime) -> None:
    """Tags that new contacts came with, many at once: (tag, contact's id)."""
    by_tag: dict[str, list[int]] = {}
    for tag, contact in added:
        by_tag.setdefault(same_tag(tag), []).append(contact)
    for tag, ids in sorted(by_tag.items()):
        for row in query(ENROLLING, account_id, "tag_added", tag).fetchall():
            contacts = list(Contact.select().where(Contact.id.in_(ids)).order_by(Contact.id))
            enrollments.enroll(SmartPlan.get_by_id(row[0]), contacts, "rule", now)


def rule_tags(account_id: int) -> set[str]:
    """The tags that put contacts on plans, as rules compare them."""
    return {row[0] for row in query(RULE_TAGS, account_id).fetchall()}


@transaction
def on_close(account_id: int, contact_id: int, now: datetime) -> int:
    """A conversation of theirs was closed: plans that stop then do. Returns how many."""
    why = "the conversation was closed"
    return _stop(STOP_ON_CLOSE, why, "closed", account_id, contact_id, now)


@transaction
def on_opt_out(contact_id: int, now: datetime) -> int:
    """They want no more texts: every plan stops, always. Returns how many."""
    return _stop_all(contact_id, "they opted out", now)


@transaction
def on_block(contact_id: int, now: datetime) -> int:
    """Nobody wants to hear of them any more: every plan stops. Returns how many."""
    return _stop_all(contact_id, "they were blocked", now)


@transaction
def on_refund(message_id: int, credits: int) -> None:
    """A text of a plan came back, with its credits."""
    query(GIVE_BACK, credits, message_id)


@transaction
def on_merge(kept: Contact, gone_id: int, now: datetime) -> None:
    """Two contacts were one person: what the one was on, the other is; nowhere twice."""
    alive = Enrollment.state.in_(list(ALIVE))
    plans = Enrollment.select(Enrollment.plan).where(alive, Enrollment.contact == kept)
    twice = {row.plan_id for row in plans}
    if twice:
        here = alive & (Enrollment.contact == gone_id) & Enrollment.plan.in_(list(twice))
        stopped: dict[str, Any] = {
            "state": "stopped", "why": "two contacts were merged", "due_at": None, "ended_at": now,
        }  # fmt: skip
        Enrollment.update(stopped).where(here).execute()
    for table in (Enrollment, StepRun, Reminder, Letter):
        table.update(contact=kept.id).where(table.contact == gone_id).execute()
    known = {row.field for row in ContactDate.select().where(ContactDate.contact == kept)}
    for row in ContactDate.select().where(ContactDate.contact == gone_id):
        if row.field not in known:
            set_date(kept, row.field, (row.month, row.day, row.year), now)
    ContactDate.delete().where(ContactDate.contact == gone_id).execute()
    if kept.opted_out_at is not None:
        on_opt_out(kept.id, now)


@transaction
def set_date(contact: Contact, name: str, day: Day | None, now: datetime) -> None:
    """Keeps a contact's birthday, closing … as (month, day, year or None), or forgets it; steps
    that wait for that day move."""
    here = (ContactDate.contact == contact) & (ContactDate.field == name)
    ContactDate.delete().where(here).execute()
    if day is not None:
        month, of_month, year = day
        ContactDate.create(contact=contact, field=name, month=month, day=of_month, year=year)
    for enrollment in Enrollment.select().where(
        Enrollment.contact == contact, Enrollment.state.in_(list(ALIVE))
    ):
        course, steps = enrollments.course_of(enrollment.version)
        if course.steps[enrollment.position].field == name:
            spot = enrollments.place_again(enrollment, course)
            enrollments.place(enrollment, course, steps, spot, now, enrollment.state)


def days_of(contact_ids: Sequence[int]) -> dict[int, dict[str, Day]]:
    """The days of the year that are kept of these contacts, by name, with their years."""
    found: dict[int, dict[str, Day]] = {}
    for row in ContactDate.select().where(ContactDate.contact.in_(list(contact_ids))):
        found.setdefault(row.contact_id, {})[row.field] = (row.month, row.day, row.year)
    return found


@transaction
def set_days(days: Sequence[tuple[int, str, Day]]) -> None:
    """Keeps days of contacts that are new, many at once: (contact's id, name, day)."""
    rows = [(contact, name, *day) for contact, name, day in days]
    if rows:
        columns = (ContactDate.contact, ContactDate.field, ContactDate.month, ContactDate.day,
                   ContactDate.year)  # fmt: skip
        ContactDate.insert_many(rows, columns).execute()


def same_tag(tag: str) -> str:
    """A tag as rules compare it."""
    return " ".join(tag.split()).lower()


def _enroll_by_rule(
    account_id: int, contact: Contact, event: str, tag: str, now: datetime
) -> None:  # fmt: skip
    for row in query(ENROLLING, account_id, event, tag).fetchall():
        enrollments.enroll(SmartPlan.get_by_id(row[0]), [contact], "rule", now)


def _stop(
    statement: str, why: str, event: str, account_id: int, contact_id: int, now: datetime,
    tag: str = "",
) -> int:  # fmt: skip
    stopped = int(query(statement, why, now, contact_id, event, tag, account_id).rowcount)
    if stopped:
        enrollments.touched(contact_id)
    return stopped


def _stop_all(contact_id: int, why: str, now: datetime) -> int:
    here = (Enrollment.contact == contact_id) & Enrollment.state.in_(list(ALIVE))
    ended: dict[str, Any] = {"state": "stopped", "why": why, "due_at": None, "ended_at": now}
    stopped = int(Enrollment.update(ended).where(here).execute())
    if stopped:
        enrollments.touched(contact_id)
    return stopped
