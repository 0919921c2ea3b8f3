"""What was chosen for the steps of a batch is written: messages, letters, reminders, reasons, and
where each enrollment is then; in few statements, however many steps there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bot import outbox, tally
from bot.smartplans import bulks, enrollments, reminders, schedule
from bot.smartplans.models import Enrollment, Letter, SmartPlan, StepRun
from bot.smartplans.reminders import NewReminder
from bot.smartplans.schedule import Ran, Spot
from bot.smartplans.step_choices import (
    Ask,
    Choice,
    Hold,
    Mail,
    Move,
    Remind,
    Send,
    Skip,
    Stop,
    Wait,
)
from bot.smartplans.step_facts import Due, Facts
from bot.talks import conversations
from bot.texts import departures
from bot.texts.departures import Leaving
from ledger import rows
from ledger.database import overlapped

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
    chosen: dict[type, list[tuple[Due, Any]]] = field(default_factory=dict)  # by what it is
    runs: list[tuple[Any, ...]] = field(default_factory=list)  # rows of StepRun, and
    places: list[tuple[Any, ...]] = field(default_factory=list)  # of Enrollment, to be written
    finished: list[int] = field(default_factory=list)  # contacts
    moved: dict[int, list[tuple[str, str | None]]] = field(default_factory=dict)  # bulk → outcomes

    @property
    def plan(self) -> SmartPlan:
        """The plan whose steps these are."""
        return self.facts.plan

    def add(self, due: Due, choice: Choice) -> None:
        """One more of them."""
        self.chosen.setdefault(type(choice), []).append((due, choice))

    def of(self, kind: type[T]) -> list[tuple[Due, T]]:
        """Those for which this was chosen."""
        return self.chosen.get(kind, [])


def write(batch: Batch) -> None:
    """Writes it in the caller's transaction."""
    now = batch.now
    with overlapped():
        _write_steps(batch)
        rows.insert(StepRun, RUN, batch.runs)
        rows.update(Enrollment, PLACE, batch.places)
    bulks.moved(batch.moved)
    if batch.finished:
        enrollments.flow(batch.finished, batch.plan, now)
    if waiting := batch.of(Wait):
        _say_short(batch.plan, [wait for _, wait in waiting], now)
    kinds = {kind.__name__.lower(): len(those) for kind, those in batch.chosen.items()}
    for name, number in sorted(kinds.items()):
        if name != "leave":
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
    outbox.post_card(
        ask.sender, f"ask:{due.id}:{due.round}:{step.key}:{ask.credits}", "slack.plan",
        {"what": "ask", "enrollment": due.id, "credits": ask.credits, "body": ask.body},
    )  # fmt: skip


def _say_short(plan: SmartPlan, waits: Sequence[Wait], now: datetime) -> None:
    """Says that the plan waits, once for as long as it does (R17)."""
    least = min(wait.needs for wait in waits)
    plan.short_of = min(plan.short_of or least, least)
    if plan.short_since is None:
        plan.short_since = now
        outbox.post_card(
            plan.made_by, f"short:{plan.id}:{now.timestamp():.0f}", "slack.plan",
            {"what": "short", "plan": plan.id, "why": waits[0].why},
        )  # fmt: skip
    plan.save(only=[SmartPlan.short_of, SmartPlan.short_since])
