"""SmartPlans run: what is due is done, each step of each enrollment once.

A tick asks which plans are due, by one look at an index. Of each, a batch of enrollments is done in
one transaction that holds the account's credits: what came of a step, its message, charge and
deliveries, and the enrollment's next place are written together, or none of it. A batch that fails
is done one by one, and what cannot be done has its reason written down. What a step comes to is
decided in step_choices.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import peewee
import structlog

from bot import clock, outbox, tally
from bot.smartplans import bulks, enrollments, plan_upkeep, reminders, schedule, step_facts
from bot.smartplans.models import Enrollment, Letter, SmartPlan, StepRun
from bot.smartplans.reminders import NewReminder
from bot.smartplans.room import Pace, Room
from bot.smartplans.schedule import Ran, Spot
from bot.smartplans.step_choices import (
    Ask,
    Budget,
    Choice,
    Hold,
    Mail,
    Move,
    Remind,
    Send,
    Skip,
    Stop,
    Wait,
    choose,
)
from bot.smartplans.step_facts import Due, Facts
from bot.talks import conversations
from bot.team import viewers
from bot.texts import departures
from bot.texts.departures import Leaving
from ledger import credits, rows
from ledger.database import instant, overlapped, query, session, transaction

log = structlog.get_logger()

BATCH = 1000  # enrollments in one transaction
PLANS = 100  # that are looked up at once
LONGEST = timedelta(minutes=5)  # of one tick: other jobs wait for none
AGAIN, GIVE_UP_AFTER = timedelta(hours=1), timedelta(days=1)  # of a step that breaks
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
RUN = (
    "enrollment_id", "contact_id", "round", "step_id", "key", "outcome", "reason", "message_id",
    "reminder_id", "letter_id", "credits", "planned_at", "ran_at",
)  # fmt: skip
PLACE = (
    "id", "state", "why", "round", "position", "kind", "basis_at", "planned_at", "due_at",
    "previous_planned_at", "previous_at", "agreed", "ended_at",
)  # fmt: skip
LETTER = (
    "id", "account_id", "contact_id", "enrollment_id", "to", "sender", "subject", "body", "state",
    "made_at",
)  # fmt: skip
T = TypeVar("T", bound=Choice)


@dataclass
class Batch:
    """A plan's steps that are due, with what was chosen for each."""

    facts: Facts
    now: datetime
    chosen: defaultdict[type, list[tuple[Due, Any]]]  # by what it is
    runs: list[tuple[Any, ...]] = field(default_factory=list)  # rows of StepRun, and
    places: list[tuple[Any, ...]] = field(default_factory=list)  # of Enrollment, to be written
    finished: list[int] = field(default_factory=list)  # contacts
    moved: dict[int, list[tuple[str, str | None]]] = field(default_factory=dict)  # bulk → outcomes

    @property
    def plan(self) -> SmartPlan:
        """The plan whose steps these are."""
        return self.facts.plan

    def of(self, kind: type[T]) -> list[tuple[Due, T]]:
        """Those for which this was chosen."""
        return self.chosen[kind]


def run_due(pace: Pace, by_mail: bool) -> int:
    """Does what is due in all plans. Returns how many enrollments were looked at."""
    began, looked_at = clock.now(), 0
    while clock.now() - began < LONGEST:
        plans = due_plans(clock.now())
        if not plans:
            break
        looked_at += sum(run_plan(plan, pace, by_mail) for plan in plans)
    return looked_at


def due_plans(now: datetime) -> list[int]:
    """Plans of which something is due, the one that waits longest first."""
    with session():
        return [row[0] for row in query(DUE_PLANS, now, PLANS).fetchall()]


def run_plan(plan_id: int, pace: Pace, by_mail: bool) -> int:
    """Does a batch of what is due in one plan. Returns how many enrollments were looked at."""
    try:
        return _batch(plan_id, pace, by_mail)
    except peewee.OperationalError:
        raise  # the database is away: nothing is lost meanwhile
    except Exception:
        log.exception("smartplan.batch_broken", plan_id=plan_id)
    return sum(_alone(plan_id, one, pace, by_mail) for one in _due_ids(plan_id))


@transaction
def _due_ids(plan_id: int) -> list[int]:
    now = clock.now()
    here = (Enrollment.plan == plan_id) & (Enrollment.state == "active")
    due = Enrollment.select(Enrollment.id).where(here, Enrollment.due_at <= now)
    return [row.id for row in due.order_by(Enrollment.due_at, Enrollment.id).limit(BATCH)]


def _alone(plan_id: int, enrollment_id: int, pace: Pace, by_mail: bool) -> int:
    """Does one. What cannot be done is tried again for a day, then paused with the reason."""
    try:
        return _batch(plan_id, pace, by_mail, only=enrollment_id)
    except peewee.OperationalError:
        raise
    except Exception as error:
        log.exception("smartplan.step_broken", enrollment_id=enrollment_id)
        _halt(enrollment_id, f"its step could not be run ({type(error).__name__})")
        return 1


@transaction
def _halt(enrollment_id: int, why: str) -> None:
    now = clock.now()
    here = (Enrollment.id == enrollment_id) & (Enrollment.state == "active")
    tried = Enrollment.update(why=why, due_at=now + AGAIN).where(here)
    if not tried.where(Enrollment.due_at > now - GIVE_UP_AFTER).execute():
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
    done = Batch(facts, now, defaultdict(list))
    for due in batch:
        choice = choose(due, facts, budget, now)
        done.chosen[type(choice)].append((due, choice))
    plan.spent = budget.spent
    _write(done)
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


# What was chosen is written


def _write(batch: Batch) -> None:
    now = batch.now
    with overlapped():
        _write_steps(batch)
        rows.insert(StepRun, RUN, batch.runs)
        rows.update(Enrollment, PLACE, batch.places)
    bulks.moved(batch.moved, now)
    if batch.finished:
        enrollments.flow(batch.finished, batch.plan, now)
    if waiting := batch.of(Wait):
        _say_short(batch.plan, [wait for _, wait in waiting], now)
    kinds = {kind.__name__.lower(): len(those) for kind, those in batch.chosen.items()}
    for name, number in sorted(kinds.items()):
        if number and name != "leave":
            tally.count("smartplan_steps_total", f'outcome="{name}"', number)


def _write_steps(batch: Batch) -> None:
    """What comes of each step, and where its enrollment is after it."""
    now = batch.now
    _write_texts(batch)
    _write_letters(batch)
    _write_reminders(batch)
    for due, skip in batch.of(Skip):
        _ran(batch, due, "skipped", reason=skip.reason)
    for due, moved in batch.of(Move):
        batch.places.append(_row(due, batch, "active", moved.why, due.spot, moved.at))
    for due, stopped in batch.of(Stop):
        batch.places.append(_row(due, batch, "stopped", stopped.why, due.spot, None, now))
    for due, held in batch.of(Hold):
        batch.places.append(_row(due, batch, "paused", held.why, due.spot, None))
    for due, wait in batch.of(Wait):
        batch.places.append(_row(due, batch, "waiting", wait.why, due.spot, None))
    for due, ask in batch.of(Ask):
        batch.places.append(_row(due, batch, "asking", "it costs more", due.spot, None))
        _ask(batch, due, ask)


def _write_texts(batch: Batch) -> None:
    sends, line = batch.of(Send), batch.facts.line
    if not sends or line is None:
        return
    people = {due.contact: due.number for due, _ in sends}
    threads = conversations.open_quietly(line, people, batch.now)
    texts = [
        Leaving(
            threads[due.contact], due.number, send.body, send.price, send.sender, send.words,
            batch.facts.step(due).media, author=send.sender, automated=True,
        )
        for due, send in sends
    ]  # fmt: skip
    messages = departures.depart(line, texts, batch.now)
    for (due, send), message in zip(sends, messages, strict=True):
        _ran(batch, due, "sent", message=message, price=send.price.credits)


def _write_letters(batch: Batch) -> None:
    mails = batch.of(Mail)
    if not mails:
        return
    ids = rows.numbers(Letter, len(mails))
    table = [
        (letter, batch.plan.account_id, due.contact, due.id, due.email, mail.sender, mail.subject,
         mail.body, "queued", batch.now)
        for letter, (due, mail) in zip(ids, mails, strict=True)
    ]  # fmt: skip
    rows.insert(Letter, LETTER, table)
    outbox.enqueue_all([
        outbox.Item(
            f"letter:{letter}", "mail.letter", {"letter": letter}, f"mail:{due.email}",
            "mail:server",
        )
        for (due, _), letter in zip(mails, ids, strict=True)
    ])  # fmt: skip
    for (due, _), letter in zip(mails, ids, strict=True):
        _ran(batch, due, "mailed", letter=letter)


def _write_reminders(batch: Batch) -> None:
    chosen = batch.of(Remind)
    if not chosen:
        return
    wanted = [
        NewReminder(remind.to, due.contact, due.id, remind.words, remind.body)
        for due, remind in chosen
    ]
    ids = reminders.make(batch.plan.account_id, wanted, batch.now)
    for (due, remind), reminder in zip(chosen, ids, strict=True):
        _ran(batch, due, "reminded", reason=remind.reason, reminder=reminder)


def _ran(
    batch: Batch, due: Due, outcome: str, *, reason: str | None = None,
    message: int | None = None, reminder: int | None = None, letter: int | None = None,
    price: int = 0,
) -> None:  # fmt: skip
    """The step is over: its one row, and the enrollment's next place."""
    step, now = batch.facts.step(due), batch.now
    batch.runs.append((
        due.id, due.contact, due.round, step.id, step.key, outcome, reason, message, reminder,
        letter, price, due.planned_at, now,
    ))  # fmt: skip
    before = due.before if outcome == "skipped" else Ran(due.planned_at, now)
    if due.bulk is not None:
        batch.moved.setdefault(due.bulk, []).append((outcome, reason))
    here = due.spot
    after = schedule.proceed(
        batch.facts.course(due), here, due.enrolled_at, before, batch.facts.zones(due)[0],
        batch.facts.dates.get(due.contact, {}), batch.facts.done.get(due.id, frozenset()),
    )  # fmt: skip
    if after is None:
        batch.places.append(_row(due, batch, "done", None, here, None, now, before))
        batch.finished.append(due.contact)
    else:
        batch.places.append(_row(due, batch, "active", None, after, after.due_at, None, before))


def _row(
    due: Due, batch: Batch, state: str, why: str | None, here: Spot, due_at: datetime | None,
    ended_at: datetime | None = None, before: Ran | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    before = before or due.before
    kind = batch.facts.courses[due.version][1][here.position].kind
    agreed = due.agreed if here == due.spot else None
    return (
        due.id, state, why, here.round, here.position, kind, here.basis_at, here.planned_at,
        due_at, before and before.planned_at, before and before.at, agreed, ended_at,
    )  # fmt: skip


# Asked, and short of credits


def _ask(batch: Batch, due: Due, ask: Ask) -> None:
    step = batch.facts.step(due)
    outbox.enqueue(
        f"ask:{due.id}:{due.round}:{step.key}:{ask.credits}", "slack.plan",
        {"what": "ask", "to": ask.sender, "enrollment": due.id, "credits": ask.credits,
         "body": ask.body},
        lane=f"card:{ask.sender}", pace=f"channel:{ask.sender}",
    )  # fmt: skip


def _say_short(plan: SmartPlan, waits: Sequence[Wait], now: datetime) -> None:
    """Says that the plan waits, once for as long as it does (R17)."""
    least = min(wait.needs for wait in waits)
    plan.short_of = min(plan.short_of or least, least)
    if plan.short_since is None:
        plan.short_since = now
        outbox.enqueue(
            f"short:{plan.id}:{now.timestamp():.0f}", "slack.plan",
            {"what": "short", "to": plan.made_by, "plan": plan.id, "why": waits[0].why},
            lane=f"card:{plan.made_by}", pace=f"channel:{plan.made_by}",
        )  # fmt: skip
    plan.save(only=[SmartPlan.short_of, SmartPlan.short_since])
