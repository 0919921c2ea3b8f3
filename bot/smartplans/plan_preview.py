"""What a SmartPlan will do: to one contact, step by step, and what it costs for all of them.

The same decisions as when it runs: the contact's own clock, what is forbidden there, the same
words and the same prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.smartplans import enrollments, schedule, step_choices, step_facts
from bot.smartplans.models import SmartPlan, Step
from bot.smartplans.plan_shapes import Shape
from bot.smartplans.schedule import Course, Ran, Spot
from bot.smartplans.step_facts import Due, Facts
from bot.team import roles
from bot.texts import templates
from ledger import credits, rates
from ledger.database import transaction
from ledger.models import Account

COUNTED = 1000  # contacts that are looked at one by one; of more, so many, evenly spread
NOBODY = "Alexander"  # a first name that is longer than most


@dataclass(frozen=True)
class Foreseen:
    """One step, as a contact will get it."""

    key: str
    kind: str  # text, email or reminder; a text without a line is a reminder
    planned_at: datetime
    at: datetime | None  # when it comes; none if it does not
    body: str
    subject: str | None = None
    credits: int = 0
    note: str | None = None  # why it is moved, is no text, or does not come
    pictures: int = 0


@dataclass(frozen=True)
class Cost:
    """What a plan costs for many contacts, its first round."""

    contacts: int
    texts: int
    credits: int
    is_exact: bool  # else worked out from some of the contacts
    balance: int  # before it
    runs_out_at: datetime | None  # when the balance no longer covers a text of it
    ceilings: Mapping[str, int]  # by step key: the dearest that was seen

    @property
    def left_after(self) -> int:
        """Credits left when all of it has gone out."""
        return self.balance - self.credits


@transaction
def foresee(
    account_id: int, user: str, shape: Shape, contact_id: int | None, now: datetime
) -> list[Foreseen]:
    """What one contact will get, were it put on the plan now; somebody nobody knows for none.
    Raises Refused."""
    roles.require_member(user, account_id)
    facts = _facts(account_id, shape, user, now)
    contact = _contact(account_id, contact_id, facts, now)
    facts.dates = enrollments.dates_of([contact.id] if contact.id else [])
    return list(_steps(facts, _due(contact, user, now), now))


@transaction
def ends_at(
    plan: SmartPlan, shape: Shape, contact_id: int | None, now: datetime
) -> datetime | None:  # fmt: skip
    """When this contact, put on the plan now, gets its last step; None for a plan that repeats."""
    if shape.repeat_every is not None:
        return None
    facts = _facts(plan.account_id, shape, plan.made_by, now)
    facts.dates = enrollments.dates_of([contact_id] if contact_id else [])
    contact = _contact(plan.account_id, contact_id, facts, now)
    seen = _steps(facts, _due(contact, plan.made_by, now), now)
    return max((step.at or step.planned_at for step in seen), default=None)


@transaction
def cost(
    account_id: int, user: str, shape: Shape, contact_ids: Sequence[int], now: datetime
) -> Cost:  # fmt: skip
    """What the plan costs for these contacts, and how long the balance lasts. Raises Refused."""
    roles.require_member(user, account_id)
    facts = _facts(account_id, shape, user, now)
    every = max(1, -(-len(contact_ids) // COUNTED))
    looked_at = list(contact_ids[::every])
    facts.dates = enrollments.dates_of(looked_at)
    spending: list[tuple[datetime, int]] = []
    ceilings: dict[str, int] = {}
    people = Contact.select().where(Contact.account == account_id, Contact.id.in_(looked_at))
    for contact in people:
        for step in _steps(facts, _due(contact, user, now), now):
            if step.credits and step.at is not None:
                spending.append((step.at, step.credits))
                ceilings[step.key] = max(ceilings.get(step.key, 0), step.credits)
    share = len(contact_ids) / max(1, len(looked_at))
    balance = credits.funds(account_id, now).balance
    return Cost(
        len(contact_ids), round(len(spending) * share),
        round(sum(price for _, price in spending) * share), every == 1, balance,
        _runs_out(spending, share, balance), ceilings,
    )  # fmt: skip


@transaction
def ceilings(plan: SmartPlan, shape: Shape, now: datetime) -> dict[str, int]:
    """What each text of the plan costs at most for the account's newest contacts, by step key."""
    facts = _facts(plan.account_id, shape, plan.made_by, now)
    people = [
        _contact(plan.account_id, None, facts, now),
        *address_book.newest(plan.account_id, 100),
    ]
    found: dict[str, int] = {}
    for step in facts.courses[0][1]:
        if step.kind != "text":
            continue
        for contact in people:
            known = facts.known(_due(contact, plan.made_by, now), plan.made_by)
            for body in step.bodies:
                price = _price(contact.number, templates.fill(body, known).strip(), step)
                found[step.key] = max(found.get(step.key, 0), price)
    return found


def _steps(facts: Facts, due: Due, now: datetime) -> Iterator[Foreseen]:
    course, steps = facts.courses[0]
    zone, dates = facts.zones(due)[0], facts.dates.get(due.contact, {})
    here: Spot | None = schedule.begin(course, now, zone, dates)
    while here is not None and here.round == 0:
        there = due._replace(
            position=here.position, basis_at=here.basis_at, planned_at=here.planned_at,
            due_at=here.due_at,
        )  # fmt: skip
        seen = _one(facts, there, steps[here.position], max(here.due_at, now))
        yield seen
        before = due.before
        if seen.at is not None:
            before = Ran(here.planned_at, seen.at)
            due = due._replace(previous_planned_at=here.planned_at, previous_at=seen.at)
        here = schedule.proceed(course, here, now, before, zone, dates)


def _one(facts: Facts, due: Due, step: Step, at: datetime) -> Foreseen:
    budget = step_choices.Budget(credits.Funds(1_000_000, False), 0, 1000)
    choice = step_choices.choose(due, facts, budget, at)
    why = None
    if isinstance(choice, step_choices.Move):
        at, why = choice.at, f"moved: {choice.why}"
        choice = step_choices.choose(due, facts, budget, at)
    match choice:
        case step_choices.Send():
            return Foreseen(step.key, "text", due.planned_at, at, choice.body,
                            credits=choice.price.credits, note=why,
                            pictures=len(step.media))  # fmt: skip
        case step_choices.Mail():
            return Foreseen(step.key, "email", due.planned_at, at, choice.body, choice.subject)
        case step_choices.Remind():
            said = f"{choice.words}\n{choice.body}" if choice.body else choice.words
            return Foreseen(step.key, "reminder", due.planned_at, at, said, note=choice.reason)
        case step_choices.Skip():
            body, why = str(step.bodies[0]), choice.reason
        case step_choices.Stop():
            body, why = str(step.bodies[0]), choice.why
        case _:
            body = str(step.bodies[0])
    return Foreseen(step.key, step.kind, due.planned_at, None, body, step.subject, note=why)


def _runs_out(
    spending: list[tuple[datetime, int]], share: float, balance: int
) -> datetime | None:  # fmt: skip
    spent = 0.0
    for at, price in sorted(spending):
        spent += price * share
        if spent > balance:
            return at
    return None


def _facts(account_id: int, shape: Shape, user: str, now: datetime) -> Facts:
    account = Account.get_by_id(account_id)
    line = Line.get_or_none(Line.id == shape.line, Line.account == account)
    plan = SmartPlan(account=account, name=shape.name, line=line, made_by=user, version=1)
    facts = step_facts.gather(plan, (), True, now)
    steps = [
        Step(
            position=position, key=step.key or f"new {position}", kind=step.kind,
            basis=step.when.basis, amount=step.when.amount, unit=step.when.unit, at=step.when.at,
            weekdays=step.when.weekdays, date_field=step.when.field, subject=step.subject,
            bodies=list(step.bodies), media=[dict(file) for file in step.media],
            assigned_to=step.assigned_to,
        )
        for position, step in enumerate(shape.steps)
    ]  # fmt: skip
    course = Course(
        tuple(step.when for step in shape.steps), shape.repeat_every, shape.repeat_unit
    )  # fmt: skip
    facts.courses[0] = (course, steps)
    return facts


def _contact(account_id: int, contact_id: int | None, facts: Facts, now: datetime) -> Contact:
    if contact_id is not None:
        found = Contact.get_or_none(Contact.id == contact_id, Contact.account == account_id)
        if found is None:
            raise Refused("This contact is no longer here. `/contacts` finds the others.")
        return address_book.current(found)
    number = facts.line.number if facts.line else "+14155550123"
    return Contact(
        account=account_id, number=number, name=f"{NOBODY} {NOBODY}", timezone=facts.home,
        email="somebody@example.com", told_at=now, made_at=now,
    )  # fmt: skip


def _due(contact: Contact, user: str, now: datetime) -> Due:
    return Due(
        0, 0, 0, contact.id or 0, 0, 0, now, now, now, now, None, None, None, user, None,
        contact.number, contact.name, contact.place, contact.timezone,
        contact.opted_out_at, contact.blocked_at, contact.told_at, contact.unreachable,
        contact.email, contact.mail_stopped_at, contact.mail_bounced_at,
    )  # fmt: skip


def _price(number: str, body: str, step: Step) -> int:
    sizes = [int(file["size"]) for file in step.media]
    try:
        return rates.quote(number, body, sizes).credits
    except ValueError:  # a sender that takes no texts
        return 0
