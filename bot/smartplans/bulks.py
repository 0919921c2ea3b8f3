"""Many contacts put on a plan at once: in batches, with one message that says how far it is, and
can hold it, let it go on, and stop it. All of it is in rows: what is restarted goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import clock, outbox
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans import enrollments, plan_preview, plan_versions
from bot.smartplans.models import Bulk, SmartPlan
from bot.smartplans.room import Pace
from bot.smartplans.step_choices import BY_HAND
from bot.team import roles
from ledger.database import query, session, transaction

MANY = 100  # contacts from which on they are put on in batches
BATCH = 500  # contacts in one transaction
AT_ONCE = 20  # cards in one run
QUICK, SLOW = timedelta(seconds=10), timedelta(minutes=1)  # between two updates of a card
NEW = timedelta(minutes=10)  # for which they are quick
MOST_COUNTED = 10_000  # texts that are due now

BUSY = "SELECT id, plan_id FROM bulk WHERE busy ORDER BY id LIMIT %s"
STALE = """
    SELECT id FROM bulk WHERE stale AND (shown_at IS NULL OR shown_at <= %s)
    ORDER BY shown_at LIMIT %s"""
LOCK_PLAN = "SELECT id FROM smart_plan WHERE id = %s FOR UPDATE"
LOCK = "SELECT id FROM bulk WHERE id = %s FOR UPDATE"
TAGGED = """
    SELECT contact_id FROM tag WHERE account_id = %s AND tag = %s AND contact_id > %s
    ORDER BY contact_id LIMIT %s"""
# The first condition on the state is that of the index by bulk.
WAKE = """
    UPDATE enrollment SET state = 'active', why = NULL, due_at = %s WHERE id IN (
        SELECT id FROM enrollment
        WHERE bulk_id = %s AND state IN ('active', 'paused', 'waiting', 'asking')
          AND state = 'paused' AND why = %s ORDER BY id LIMIT %s)"""
TAKE_OFF = """
    UPDATE enrollment SET state = 'stopped', why = 'stopped by hand', due_at = NULL, ended_at = %s
    WHERE id IN (
        SELECT id FROM enrollment
        WHERE bulk_id = %s AND state IN ('active', 'paused', 'waiting', 'asking') LIMIT %s)"""
LEFT = """
    SELECT count(*) FROM enrollment
    WHERE bulk_id = %s AND state IN ('active', 'paused', 'waiting', 'asking')"""
DUE_NOW = """
    SELECT count(*) FROM (
        SELECT 1 FROM enrollment WHERE plan_id = %s AND state = 'active' AND kind = 'text'
          AND due_at <= %s LIMIT %s) AS found"""


@transaction
def begin(
    plan: SmartPlan, user: str, now: datetime, *, tag: str | None = None, people: Sequence[int] = ()
) -> Bulk:
    """Begins to put contacts on a plan: all with a tag, or these."""
    total = len(people)
    if tag is not None:
        total = enrollments.tagged(plan.account_id, tag)
    bulk: Bulk = Bulk.create(
        account=plan.account_id, plan=plan, by=user, tag=tag, people=sorted(set(people)),
        total=total, made_at=now,
    )  # fmt: skip
    _show(bulk, now)
    return bulk


# What a worker does


def work(pace: Pace) -> int:
    """Puts on, wakes or takes off a batch of each that has some, and brings cards up to date.
    Returns how many it worked at."""
    now = clock.now()
    with session():
        busy = query(BUSY, AT_ONCE).fetchall()
    for bulk_id, plan_id in busy:
        _advance(bulk_id, plan_id, now)
    with session():
        stale = query(STALE, now - QUICK, AT_ONCE).fetchall()
    for row in stale:
        _refresh(row[0], pace, now)
    return len(busy) + len(stale)


@transaction
def _advance(bulk_id: int, plan_id: int, now: datetime) -> None:
    query(LOCK_PLAN, plan_id).fetchone()  # before its bulk: steps lock in this order
    query(LOCK, bulk_id).fetchone()
    bulk = Bulk.get_by_id(bulk_id)
    if not bulk.busy:
        return  # somebody paused it, or another worker was there
    if bulk.plan.state not in ("on", "paused"):
        bulk.state = "stopping"
    if bulk.state == "stopping":
        if query(TAKE_OFF, now, bulk.id, BATCH).rowcount < BATCH:
            bulk.state, bulk.busy = "stopped", False
    elif query(WAKE, now, bulk.id, BY_HAND, BATCH).rowcount:
        enrollments.look_at(plan_id, now)
    elif bulk.entered:
        bulk.busy = False
    else:
        _enter(bulk, now)
    bulk.stale = True
    bulk.save()


def _enter(bulk: Bulk, now: datetime) -> None:
    """Puts the next batch of contacts on the plan."""
    if bulk.tag is not None:
        found = query(TAGGED, bulk.account_id, bulk.tag, bulk.upto, BATCH).fetchall()
        ids = [row[0] for row in found]
    else:
        ids = [one for one in bulk.people if one > bulk.upto][:BATCH]
    here = (Contact.account == bulk.account_id) & Contact.id.in_(ids)
    known = list(Contact.select().where(here).order_by(Contact.id))
    made = enrollments.enroll(bulk.plan, known, bulk.by, now, bulk.id)
    bulk.looked_at += len(ids)
    bulk.put_on += made.count
    bulk.left_out = dict(Counter(bulk.left_out) + made.left_out)
    bulk.upto = ids[-1] if ids else bulk.upto
    bulk.entered = len(ids) < BATCH
    if bulk.entered:
        bulk.total, bulk.busy = bulk.looked_at, False
        shape = plan_versions.shape_of(bulk.plan)
        bulk.ends_at = plan_preview.ends_at(bulk.plan, shape, known[-1].id if known else None, now)


@transaction
def _refresh(bulk_id: int, pace: Pace, now: datetime) -> None:
    query(LOCK, bulk_id).fetchone()
    bulk = Bulk.get_by_id(bulk_id)
    if not bulk.stale or not _is_time(bulk, now):
        return
    if bulk.state == "running" and bulk.entered and not left(bulk):
        bulk.state = "done"
    bulk.out_at = None
    if bulk.state == "running" and bulk.plan.line is not None:
        due = query(DUE_NOW, bulk.plan_id, now, MOST_COUNTED).fetchone()[0]
        bulk.out_at = now + due * pace.between(bulk.plan.line) if due else None
    _show(bulk, now)


def _is_time(bulk: Bulk, now: datetime) -> bool:
    every = QUICK if now - bulk.made_at < NEW else SLOW
    return bulk.shown_at is None or bulk.shown_at <= now - every


@transaction
def moved(outcomes: Mapping[int, Sequence[tuple[str, str | None]]]) -> None:
    """Steps of theirs are over: by bulk, what came of each, and why if it was left out."""
    for bulk_id, came in sorted(outcomes.items()):
        query(LOCK, bulk_id).fetchone()
        bulk = Bulk.get_by_id(bulk_id)
        done = Counter(outcome for outcome, _ in came if outcome != "skipped")
        skipped = Counter(str(reason) for outcome, reason in came if outcome == "skipped")
        bulk.done = dict(Counter(bulk.done) + done)
        bulk.skipped = dict(Counter(bulk.skipped) + skipped)
        bulk.stale = True
        bulk.save(only=[Bulk.done, Bulk.skipped, Bulk.stale])


def left(bulk: Bulk) -> int:
    """Contacts of it that have steps to come."""
    return int(query(LEFT, bulk.id).fetchone()[0])


# What people do with it


@transaction
def pause(bulk_id: int, user: str, now: datetime) -> bool:
    """Holds it: nobody else is put on, and none of its steps goes out. Whether that is new."""
    return _turn(bulk_id, user, ("running",), "paused", now)


@transaction
def go_on(bulk_id: int, user: str, now: datetime) -> bool:
    """Lets it go on; what is late comes next. Returns whether that is new."""
    return _turn(bulk_id, user, ("paused",), "running", now)


@transaction
def stop(bulk_id: int, user: str, now: datetime) -> bool:
    """Puts nobody else on, and takes off for good who is. Returns whether that is new."""
    return _turn(bulk_id, user, ("running", "paused"), "stopping", now)


@transaction
def stands_at(bulk_id: int, channel: str, ts: str) -> None:
    """Slack shows the card here."""
    Bulk.update(channel=channel, card_ts=ts).where(Bulk.id == bulk_id).execute()


def _turn(bulk_id: int, user: str, before: Sequence[str], after: str, now: datetime) -> bool:
    query(LOCK, bulk_id).fetchone()
    bulk = Bulk.get_or_none(Bulk.id == bulk_id)
    if bulk is None:
        raise Refused("This was settled already, or is another team's.")
    roles.require_member(user, bulk.account_id)
    if user != bulk.by:
        roles.require_manager(user, bulk.account_id)
    is_new = bulk.state in before
    if is_new:
        bulk.state, bulk.busy, bulk.out_at = after, after != "paused", None
    _show(bulk, now)
    return is_new


def _show(bulk: Bulk, now: datetime) -> None:
    """Has its card show how it is now."""
    shown: dict[str, Any] = {"what": "bulk", "to": bulk.by, "bulk": bulk.id}
    if bulk.shown_at is None:
        outbox.post_card(bulk.by, f"bulk:{bulk.id}", "slack.plan", shown)
    else:
        outbox.enqueue(
            f"bulk:{bulk.id}:{now.timestamp()}:{bulk.state}", "slack.plan_update", shown,
            lane=outbox.card_lane(bulk.by), pace="updates:slack", replaces=f"bulk:{bulk.id}",
        )  # fmt: skip
    bulk.stale, bulk.shown_at = False, now
    bulk.save()
