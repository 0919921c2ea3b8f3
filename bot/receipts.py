"""Receipts: what became of a text out, from Twilio's answer to the phone's, and what is refunded.

Twilio's word may come late, twice, out of order, or before Twilio's own answer to our call: a part
only ever moves forward, and each refund has one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import contacts, conversations, inbox, outbox, tally
from bot.models import Message, Part
from ledger import credits
from ledger.database import db, transaction

ASK_AFTER = timedelta(hours=1)
ASK_AGAIN_AFTER = timedelta(days=1)

#: How far a text is, by Twilio's word for it. Callbacks come in any order; a higher one counts.
RANK = {
    "waiting": -1, "accepted": 0, "scheduled": 1, "queued": 2, "sending": 3, "sent": 4,
    "delivered": 5, "undelivered": 5, "failed": 5, "canceled": 5, "read": 6,
}  # fmt: skip
FAILURES = {"undelivered", "failed", "canceled"}
FINAL = FAILURES | {"delivered", "read"}


@dataclass(frozen=True)
class Fate:
    """What Twilio says of one message, put in our words."""

    status: str  # Twilio's word
    code: int | None = None
    reason: str | None = None  # why it did not arrive, in plain words
    refund: bool = False  # it never reached the carrier (R14)
    opts_out: bool = False  # the reason is that the person said STOP


@transaction
def accepted(part_id: int, message_sid: str, fate: Fate, now: datetime) -> None:
    """Twilio took the part under this SID."""
    part = _locked(Part.id == part_id)
    assert part is not None
    if part.message_sid is None:
        _bind(part, message_sid)
    elif part.message_sid != message_sid:
        _doubled(part, message_sid)
    _forward(part, fate, now)


@transaction
def refused(part_id: int, fate: Fate, now: datetime) -> None:
    """Twilio, or our own last check, refused the part: its share is refunded (R14)."""
    part = _locked(Part.id == part_id)
    assert part is not None
    _forward(part, fate, now)


@transaction
def report(ref: str | None, message_sid: str, fate: Fate, now: datetime) -> None:
    """A status callback, or an answer to our asking. Raises inbox.Park if no part is meant."""
    if fate.status not in RANK:
        raise inbox.Park(f"{fate.status!r} is no status of a text out")
    part = (_locked(Part.ref == ref) if ref else None) or _locked(Part.message_sid == message_sid)
    if part is None:
        raise inbox.Park(f"no text of ours has the SID {message_sid} or the ref in its callback")
    if part.message_sid is None:
        _bind(part, message_sid)
    elif part.message_sid != message_sid:
        _doubled(part, message_sid)
        return
    outbox.resolve(f"text:{part.ref}", now)
    _forward(part, fate, now)


@transaction
def to_ask(now: datetime, limit: int = 100) -> list[str]:
    """SIDs whose final status is overdue, each named an hour and a day after it was sent."""
    due = list(Part.select().where(Part.ask_at <= now).order_by(Part.ask_at).limit(limit))
    for part in due:
        again_at = part.message.made_at + ASK_AGAIN_AFTER
        part.ask_at = again_at if again_at > now else None
        part.save(only=[Part.ask_at])
    return [str(part.message_sid) for part in due]


def _locked(which: object) -> Part | None:
    found = Part.select().where(which)
    part: Part | None = (found.for_update() if db.for_update else found).first()
    return part


def _bind(part: Part, message_sid: str) -> None:
    part.message_sid = message_sid
    part.save(only=[Part.message_sid])


def _doubled(part: Part, message_sid: str) -> None:
    """Never seen so far: counted, so that it would be."""
    tally.count("texts_doubled_total")
    conversations.say(
        part.message.conversation,
        "Twilio holds this text twice: the person may have got it two times. It was charged once.",
        f"doubled:{message_sid}",
    )


def _forward(part: Part, fate: Fate, now: datetime) -> None:
    """Moves the part on if this is later than what is known, with refund and word in Slack."""
    if RANK[fate.status] <= RANK[part.status]:
        return
    part.status, part.error_code = fate.status, fate.code
    part.ask_at = None if fate.status in FINAL else part.ask_at or now + ASK_AFTER
    part.save(only=[Part.status, Part.error_code, Part.ask_at])
    message = part.message
    if fate.refund and part.credits:
        credits.refund(
            message.conversation.line.account_id,
            f"refund:{part.ref}",
            part.credits,
            charge_key=f"out:{message.id}",
            reason=f"{fate.status} {fate.code or ''}".strip(),
            now=now,
        )
        message.refunded += part.credits
        tally.count("credits_refunded_total", by=part.credits)
    if fate.status in FAILURES:
        message.failure = message.failure or fate.reason
        tally.count("texts_failed_total", f'code="{fate.code or "none"}"')
        _tell(message, part, fate)
    _restate(message)
    if fate.opts_out:
        conversations.stop(message.conversation, now)


def _restate(message: Message) -> None:
    """The text's status: its first failed part's, else that of the part that is least far."""
    parts = list(Part.select().where(Part.message == message).order_by(Part.number))
    failed = [part for part in parts if part.status in FAILURES]
    message.status = (
        failed[0].status
        if failed
        else min((p.status for p in parts), key=lambda status: RANK[status])
    )
    message.save(only=[Message.status, Message.failure, Message.refunded])
    conversations.show_again(message)


def _tell(message: Message, part: Part, fate: Fate) -> None:
    """Tells the agent in the thread, once a part, why the text did not arrive."""
    name = contacts.name_of(message.conversation.contact)
    whose = f"<@{message.author}> " if message.author else ""
    conversations.say(
        message.conversation,
        f"{whose}Your text to {name} did not arrive. {fate.reason or ''} {money(part, fate)}",
        f"told:{part.ref}",
    )


def money(part: Part, fate: Fate) -> str:
    """What happened to the credits of a part that failed, as a sentence."""
    if not fate.refund:
        return "It stays charged: the carrier had taken it."
    return f"{part.credits} credit{' was' if part.credits == 1 else 's were'} given back."
