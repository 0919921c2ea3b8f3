"""What is to be done with a step that is due: a decision from facts, with no database in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.contacts import contacts, numbers
from bot.contacts.models import is_closed
from bot.smartplans import law, schedule
from bot.smartplans.models import Step
from bot.smartplans.schedule import Limits
from bot.smartplans.step_facts import Due, Facts
from bot.texts import templates
from bot.texts.first_texts import SAID_AGAIN_AFTER
from ledger import rates
from ledger.credits import Funds
from ledger.rates import Quote

TALKING = timedelta(hours=4)  # after a text between people, in which no plan talks into it
BY_HAND = "paused by hand, with all that came on it together"
A_DAY = timedelta(hours=24)
DATE_LATE = timedelta(days=2)  # after which a birthday is over


class Send(NamedTuple):
    """A text goes out."""

    body: str
    price: Quote
    words: str  # to opt out (R21)
    sender: str  # Slack user


@dataclass(frozen=True)
class Remind:
    """A member is told to do something."""

    to: str  # Slack user
    words: str
    body: str | None = None  # a text ready to be copied
    reason: str | None = None  # why it is no text


@dataclass(frozen=True)
class Mail:
    """An e-mail goes out."""

    subject: str
    body: str
    sender: str  # Slack user


@dataclass(frozen=True)
class Skip:
    """Nothing is done, and why."""

    reason: str


@dataclass(frozen=True)
class Move:
    """It is done later, and why; None where that is its time."""

    at: datetime
    why: str | None


@dataclass(frozen=True)
class Wait:
    """It waits for credits: the account's, or those the plan may spend."""

    why: str  # "credits" or "cap"
    needs: int


@dataclass(frozen=True)
class Ask:
    """It costs more than was agreed on: somebody is asked."""

    body: str
    credits: int
    sender: str  # Slack user


@dataclass(frozen=True)
class Stop:
    """The contact is taken off the plan."""

    why: str


@dataclass(frozen=True)
class Hold:
    """It stays as it is until somebody lets it go on."""

    why: str


@dataclass(frozen=True)
class Leave:
    """The line has no room now: it stays as it is."""


Choice = Send | Remind | Mail | Skip | Move | Wait | Ask | Stop | Hold | Leave


@dataclass
class Budget:
    """What the texts of a batch may use up."""

    funds: Funds
    spent: int  # credits, of the plan, by now
    room: int  # Twilio messages

    def takes(self, price: int, messages: int) -> None:
        """A text of this price is on its way."""
        self.funds = Funds(self.funds.balance - price, self.funds.frozen, self.funds.planless)
        self.spent += price
        self.room -= messages


def choose(due: Due, facts: Facts, budget: Budget, now: datetime) -> Choice:
    """What to do with this step now. A Send is taken off the budget."""
    step = facts.step(due)
    if due.bulk in facts.bulks:
        return Hold(BY_HAND) if facts.bulks[due.bulk] == "paused" else Stop("stopped by hand")
    if due.blocked_at is not None:
        return Stop("they were blocked")
    talk = facts.talks.get(due.contact)
    if is_closed(due.opted_out_at, talk.opted_in_at if talk else None):
        return Stop("they opted out")
    if due.planned_at > now:  # it rested meanwhile, and the plan or a date was changed
        when, zone = facts.course(due).steps[due.position], facts.zones(due)[0]
        return Move(schedule.due(when, due.planned_at, due.before, zone), None)
    if reason := _too_late(due, facts, step, now):
        return Skip(reason)
    if step.kind == "reminder":
        return _remind(due, facts, step)
    if step.kind == "email":
        return _mail(due, facts, step)
    return _text(due, facts, step, budget, now)


def limits(due: Due, facts: Facts, step: Step) -> Limits:
    """Where the contact may be, and when a text of this step may come there."""
    return Limits(
        facts.zones(due), law.of(due.number, due.place, due.timezone), facts.policy.quiet_from,
        facts.policy.quiet_until, step.weekdays,
    )  # fmt: skip


def rendered(due: Due, facts: Facts) -> tuple[str, Quote]:
    """The words of a text step as its contact would get them, and their price."""
    step = facts.step(due)
    known = facts.known(due, facts.sender(due, step))
    body = templates.fill(_turn(step, due.round), known).strip()
    return body, rates.quote(due.number, body, [int(file["size"]) for file in step.media])


def _too_late(due: Due, facts: Facts, step: Step, now: datetime) -> str | None:
    """Why the step's time is over."""
    if step.basis == "date":
        if step.date_field not in facts.dates.get(due.contact, {}):
            return f"no {step.date_field} is known"
        if now - due.planned_at > DATE_LATE:
            return f"the {step.date_field} was over"
    course = facts.course(due)
    if course.every is not None:
        zone = facts.zones(due)[0]
        if schedule.is_overtaken(course, due.spot, due.enrolled_at, now, zone):
            return "its next round has begun"
    return None


def _remind(due: Due, facts: Facts, step: Step) -> Choice:
    to = facts.sender(due, step)
    known = facts.known(due, to)
    who = numbers.spoken(due.number)
    known |= {"name": known["name"] or who, "first_name": known["first_name"] or who}
    return Remind(to, templates.fill(_turn(step, due.round), known))


def _mail(due: Due, facts: Facts, step: Step) -> Choice:
    sender = facts.sender(due, step)
    known = facts.known(due, sender)
    subject, body = (
        templates.fill(words, known).strip()
        for words in (step.subject or "", _turn(step, due.round))
    )
    if missing := templates.unfilled(f"{subject} {body}"):
        return Skip(f"{missing[0]} is not known, and no other words stand for it")
    if not due.email:
        return Skip("no e-mail address is known")
    if due.mail_stopped_at is not None:
        return Skip("they want no more e-mails")
    if due.mail_bounced_at is not None:
        return Skip("their e-mail address does not work")
    if not facts.by_mail:
        words = f"Send an e-mail to {due.email}: {subject}"
        return Remind(sender, words, body, "no mail server is set up")
    return Mail(" ".join(subject.split()), body, sender)


def _text(due: Due, facts: Facts, step: Step, budget: Budget, now: datetime) -> Choice:
    if not numbers.textable(due.number):
        return Skip("this sender takes no texts")
    sender = facts.sender(due, step)
    body = templates.fill(_turn(step, due.round), facts.known(due, sender)).strip()
    if missing := templates.unfilled(body):
        return Skip(f"{missing[0]} is not known, and no other words stand for it")
    if facts.line is None or facts.line.suspended_at is not None:
        why = "the plan has no number" if facts.line is None else "the line is suspended"
        return Remind(sender, _by_hand(due), body, why)
    if due.unreachable:
        return Skip(f"no text gets there: {due.unreachable}")
    if step.media and not numbers.takes_pictures(facts.line.number, due.number):
        return Skip("pictures go to numbers in the US and Canada alone")
    return (
        _not_now(due, facts, step, body, sender, now)
        or _priced(due, facts, step, body, sender, budget, now)
    )  # fmt: skip


def _not_now(
    due: Due, facts: Facts, step: Step, body: str, sender: str, now: datetime
) -> Choice | None:  # fmt: skip
    """When it may come, if not now: by the law, the account's quiet hours, and what else the
    contact gets."""
    at, why = now, ""
    talk, texts = facts.talks.get(due.contact), facts.texts.get(due.contact, [])
    if talk and talk.last_text_at and talk.last_text_at > due.enrolled_at:
        at, why = _later(at, why, talk.last_text_at + TALKING, "you are texting with them")
    if talk and talk.is_braked:
        at, why = _later(at, why, now + TALKING, "a machine may be at the other end")
    if texts:
        gap = timedelta(minutes=facts.policy.plan_gap_minutes)
        at, why = _later(at, why, texts[-1] + gap, "another text of a plan just went to them")
    where, opens_at = _hours(due, facts, step, now)
    most = min(facts.policy.plan_texts_a_day, where.law.most_a_day or 1000)
    if len(texts) >= most:
        said = f"{most} texts of plans went to them in 24 hours"
        at, why = _later(at, why, texts[-most] + A_DAY, said)
    allowed = opens_at if at == now else schedule.next_allowed(at, where)
    if allowed is None:
        return Remind(sender, _by_hand(due), body, "no hour suits every place they may live in")
    if allowed > at:
        at, why = allowed, "quiet hours"
    return Move(at, why) if at > now else None


def _hours(due: Due, facts: Facts, step: Step, now: datetime) -> tuple[Limits, datetime | None]:
    """Where the contact may be, and the first moment from now on that is allowed there: worked out
    once for all of whom the same is known."""
    known = (
        now, numbers.alike(due.number), due.place, due.timezone, due.version, due.position
    )  # fmt: skip
    if known not in facts.opens:
        where = limits(due, facts, step)
        facts.opens[known] = where, schedule.next_allowed(now, where)
    return facts.opens[known]


def _priced(
    due: Due, facts: Facts, step: Step, body: str, sender: str, budget: Budget, now: datetime
) -> Choice:
    sizes = [int(file["size"]) for file in step.media]
    price = rates.quote(due.number, body, sizes)
    if step.ceiling is not None and price.credits > max(step.ceiling, due.agreed or 0):
        return Ask(body, price.credits, sender)
    if facts.plan.cap is not None and budget.spent + price.credits > facts.plan.cap:
        return Wait("cap", price.credits)
    if not budget.funds.cover(price.credits):
        return Wait("credits", price.credits)
    messages = max(1, -(-len(body) // rates.BODY_LIMIT), len(rates.pack(sizes)))
    if budget.room < 1:
        return Leave()
    budget.takes(price.credits, messages)
    return Send(body, price, _words(due, facts, now), sender)


def _words(due: Due, facts: Facts, now: datetime) -> str:
    """The words that this text carries: the first to a contact, and the first automated one after
    30 quiet days (R21)."""
    talk, texts = facts.talks.get(due.contact), facts.texts.get(due.contact)
    spoken = [talk.last_text_at] if talk and talk.last_text_at else []
    last = max([*spoken, *(texts or [])[-1:]], default=None)
    if due.told_at is None or last is None or now - last >= SAID_AGAIN_AFTER:
        return str(facts.policy.opt_out_words)
    return ""


def _later(at: datetime, why: str, other: datetime, said: str) -> tuple[datetime, str]:
    return (other, said) if other > at else (at, why)


def _turn(step: Step, number: int) -> str:
    """The words whose turn it is in this round."""
    return str(step.bodies[number % len(step.bodies)])


def _by_hand(due: Due) -> str:
    name = due.name or numbers.spoken(due.number)
    return f"Text {contacts.with_number(name, due.number)}:"
