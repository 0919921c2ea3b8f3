"""Receipts: what became of a text out, from Twilio's answer to the phone's, and what is refunded.

Twilio's word may come late, twice, out of order, or before Twilio's own answer to our call: a part
only ever moves forward, and each refund has one key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot import inbox, outbox, tally
from bot.contacts import contacts
from bot.contacts.models import is_closed
from bot.lines import suspended
from bot.lines.models import TwilioAccount
from bot.smartplans import plan_events
from bot.talks import conversations, threads
from bot.talks.models import Call, Message, Part
from bot.team import viewers
from bot.texts import first_texts
from bot.words import escape
from ledger import credits
from ledger.database import instant, query, session, transaction

ASK_AFTER = timedelta(hours=1)
ASK_AGAIN_AFTER = timedelta(days=1)
ASK_UNTIL = timedelta(days=7)  # while no answer comes
ASKED = 100  # texts in one round

#: How far a text is, by Twilio's word for it. Callbacks come in any order; a higher one counts.
RANK = {
    "waiting": -1, "accepted": 0, "scheduled": 1, "queued": 2, "sending": 3, "sent": 4,
    "partially_delivered": 5,
    "delivered": 6, "undelivered": 6, "failed": 6, "canceled": 6, "read": 6,
}  # fmt: skip
FAILURES = {"undelivered", "failed", "canceled"}
FINAL = FAILURES | {"delivered", "read"}
#: Codes that say no text gets there at all: no such number, a landline, a carrier that blocks us.
UNREACHABLE = {21211, 21612, 21614, 21635, 30004, 30005, 30006}


def advances(old: str, new: str) -> bool:
    """Whether a text whose status is `old` takes on `new`. A final status stays, but what was
    delivered gets read; a word that is no status of a text out moves nothing."""
    if (old, new) == ("delivered", "read"):
        return True
    return new in RANK and RANK[new] > RANK[old]


@dataclass(frozen=True)
class Fate:
    """What Twilio says of one message, put in our words."""

    status: str  # Twilio's word
    code: int | None = None
    reason: str | None = None  # why it did not arrive, in plain words
    refund: bool = False  # it never reached the carrier (R14)
    opts_out: bool = False  # the reason is that the person said STOP
    setup: bool = False  # the reason is that the operator has to mend something


@dataclass(frozen=True)
class Outgoing:
    """A part with all that sending it needs, as it stands now."""

    id: int
    ref: str
    body: str
    media: list[dict[str, Any]]
    as_mms: bool
    to: str
    from_: str
    twilio: str | None  # the Twilio account it leaves by; none: that of the settings
    made_at: datetime
    message_sid: str | None
    status: str
    opted_out: bool
    number_in: str | None  # the Twilio account that has its line's number now
    released: bool  # the line is none any more: others may have its number


# Each text out passes these three times: written out, they cost a tenth of what models do.
OUTGOING = """
    SELECT part.ref, part.body, part.media, part.as_mms,
           COALESCE(message.other_number, contact.number), line.number, part.twilio_id,
           message.made_at, part.message_sid, part.status, contact.opted_out_at,
           conversation.opted_in_at, line.twilio_id, line.released_at
    FROM part
    JOIN message ON message.id = part.message_id
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN contact ON contact.id = conversation.contact_id
    JOIN line ON line.id = conversation.line_id
    WHERE part.id = %s"""
# With its message: what becomes of one part beside another is summed up there.
LOCK_PART = """
    SELECT part.id, part.message_id, part.credits, part.ref, part.message_sid, part.status,
           part.ask_at, part.twilio_id
    FROM part JOIN message ON message.id = part.message_id WHERE part."""
MOVE_PART = """
    UPDATE part SET message_sid = %s, status = %s, error_code = %s, ask_at = %s WHERE id = %s"""
ASK_NOW = "UPDATE part SET message_sid = %s, ask_at = %s WHERE id = %s"
PART_STATES = "SELECT status FROM part WHERE message_id = %s ORDER BY number"
SET_UNREACHABLE = "UPDATE contact SET unreachable = %s WHERE id = %s"
REACHED = """
    UPDATE contact SET unreachable = NULL
    WHERE unreachable IS NOT NULL AND id = (
        SELECT conversation.contact_id FROM message
        JOIN conversation ON conversation.id = message.conversation_id WHERE message.id = %s)"""
TROUBLED = """
    SELECT 1 FROM message
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN trouble ON trouble.line_id = conversation.line_id AND trouble.mended_at IS NULL
    WHERE message.id = %s LIMIT 1"""
SET_STATUS = "UPDATE message SET status = %s WHERE id = %s AND status <> %s"


def outgoing(part_id: int) -> Outgoing:
    """What to send, to whom, and whether that is still allowed."""
    with session():
        row = query(OUTGOING, part_id).fetchone()
    ref, body, media, as_mms, to, from_, twilio, made_at, sid, status = row[:10]
    closed, opened = (moment and instant(moment) for moment in row[10:12])
    return Outgoing(
        part_id, ref, body, json.loads(media), bool(as_mms), to, from_, twilio, instant(made_at),
        sid, status, is_closed(closed, opened), row[12], released=row[13] is not None,
    )  # fmt: skip


@transaction
def goes_by(part: Outgoing, twilio: str | None) -> Outgoing:
    """The part, which no account has sent so far, is sent by this one."""
    query("UPDATE part SET twilio_id = %s WHERE id = %s", twilio, part.id)
    return replace(part, twilio=twilio)


@transaction
def accepted(part_id: int, message_sid: str, fate: Fate, now: datetime) -> None:
    """Twilio took the part under this SID."""
    part = _locked("id = %s", part_id)
    assert part is not None
    if part.message_sid not in (None, message_sid):
        _doubled(part, message_sid)
    _forward(part, part.message_sid or message_sid, fate, now)


@transaction
def refused(part_id: int, fate: Fate, now: datetime) -> None:
    """Twilio, or our own last check, refused the part: its share is refunded (R14)."""
    part = _locked("id = %s", part_id)
    assert part is not None
    _forward(part, part.message_sid, fate, now)


@transaction
def report(
    ref: str | None, message_sid: str, fate: Fate, now: datetime, twilio: str | None = None,
    *, asked: bool = False,
) -> None:  # fmt: skip
    """A status callback, or what Twilio `asked` about it says, by this Twilio account. Raises
    inbox.Park if no part is meant, or one of a line that is in another account.

    Who brings a Twilio account holds the token that signs its callbacks: one that would refund
    makes us ask Twilio at once, and moves nothing.
    """
    if fate.status not in RANK:
        raise inbox.Park(f"{fate.status!r} is no status of a text out")
    part = (_locked("ref = %s", ref) if ref else None) or _locked("message_sid = %s", message_sid)
    if part is None:
        raise inbox.Park(f"no text of ours has the SID {message_sid} or the ref in its callback")
    if part.twilio != twilio:
        raise inbox.Park(f"the text {message_sid} was sent by another Twilio account")
    if part.message_sid not in (None, message_sid):
        _doubled(part, message_sid)
        return
    outbox.resolve(f"text:{part.ref}", now)
    if fate.refund and not asked and TwilioAccount.is_customers(twilio):
        if advances(part.status, fate.status):
            query(ASK_NOW, message_sid, now, part.id)
        return
    _forward(part, message_sid, fate, now)
    if asked and fate.status not in FINAL and part.status not in FINAL:
        again_at = Message.get_by_id(part.message).made_at + ASK_AGAIN_AFTER
        Part.update(ask_at=again_at if again_at > now else None).where(Part.id == part.id).execute()


@transaction
def to_ask(now: datetime) -> list[tuple[str, str | None]]:
    """SIDs whose final status is overdue, an hour and a day after the text was made, and the Twilio
    account that has them. Those whose question nobody answers are named again, later each time."""
    due = list(Part.select().where(Part.ask_at <= now).order_by(Part.ask_at).limit(ASKED))
    for part in due:
        age = now - part.message.made_at
        part.ask_at = now + max(ASK_AFTER, age) if age < ASK_UNTIL else None
        part.save(only=[Part.ask_at])
    return [(str(part.message_sid), part.twilio_id) for part in due]


class Locked(NamedTuple):
    """A part whose row, and whose message's, is ours until the transaction ends."""

    id: int
    message: int
    credits: int
    ref: str
    message_sid: str | None
    status: str
    ask_at: Any
    twilio: str | None


def _locked(which: str, value: object) -> Locked | None:
    row = query(f"{LOCK_PART}{which} FOR UPDATE", value).fetchone()
    return Locked(*row) if row else None


def _doubled(part: Locked, message_sid: str) -> None:
    """Never seen so far: counted, so that it would be."""
    tally.count("texts_doubled_total")
    threads.say(
        Message.get_by_id(part.message).conversation,
        "Twilio holds this text twice: the person may have got it two times. It was charged once.",
        f"doubled:{message_sid}",
    )


def _forward(part: Locked, message_sid: str | None, fate: Fate, now: datetime) -> None:
    """Moves the part on if this is later than what is known, with refund and word in Slack."""
    if not advances(part.status, fate.status):
        if part.message_sid is None and message_sid:
            query("UPDATE part SET message_sid = %s WHERE id = %s", message_sid, part.id)
        return
    ask_at = part.ask_at and instant(part.ask_at)
    ask_at = None if fate.status in FINAL else ask_at or now + ASK_AFTER
    query(MOVE_PART, message_sid, fate.status, fate.code, ask_at, part.id)
    if fate.status in FAILURES:
        _fail(part, fate, now)
    elif fate.status == "delivered":
        query(REACHED, part.message)
        _arrived(part, now)
    _restate(part.message)


def _fail(part: Locked, fate: Fate, now: datetime) -> None:
    """Refunds the part's share where that is due, and tells the agent why it did not arrive."""
    message = Message.get_by_id(part.message)
    if fate.refund and part.credits:
        credits.refund(
            message.conversation.line.account_id,
            f"refund:{part.ref}",
            part.credits,
            charge_key=f"out:{message.id}",
            reason=fate.reason or f"{fate.status} {fate.code or ''}".strip(),
            now=now,
        )
        message.refunded += part.credits
        if message.automated:
            plan_events.on_refund(message.id, part.credits)
        tally.count("credits_refunded_total", by=part.credits)
    if fate.refund and message.words and Part.get_by_id(part.id).body.endswith(message.words):
        first_texts.not_told(message.conversation.contact, message.made_at)
    message.failure, message.failed_at = message.failure or fate.reason, message.failed_at or now
    message.save(only=[Message.failure, Message.failed_at, Message.refunded])
    viewers.changed(message.conversation.line.account_id)
    tally.count("texts_failed_total", f'code="{fate.code or "none"}"')
    if not message.automated or message.conversation.has_thread:
        _tell(message, part, fate)
    if fate.code in UNREACHABLE:
        why = (fate.reason or "").partition(". ")[0]
        query(SET_UNREACHABLE, why, message.conversation.contact_id)
    if fate.setup and fate.code:
        line = message.conversation.line
        suspended.failed(line, fate.code, fate.reason or "", _number(message), now)
    if fate.opts_out and not _agreed_since(message):
        # By then they had opted out; a START that came since may be applied after this.
        conversations.stop(message.conversation, "Twilio refused a text", message.made_at)


def _arrived(part: Locked, now: datetime) -> None:
    """Where texts of its line failed because something was not set up, that is mended."""
    if not query(TROUBLED, part.message).fetchone():
        return
    message = Message.get_by_id(part.message)
    line = message.conversation.line_id
    suspended.arrived(line, message.made_at, _number(message), now)


def _number(message: Message) -> str:
    return str(message.other_number or message.conversation.contact.number)


def _agreed_since(message: Message) -> bool:
    """Whether they texted START after this text was written: then its refusal is old news."""
    agreed_at = message.conversation.opted_in_at
    return agreed_at is not None and agreed_at > message.made_at


def _restate(message_id: int) -> None:
    """The text's status: its first failed part's, else that of the part that is least far."""
    states = [row[0] for row in query(PART_STATES, message_id).fetchall()]
    failed = [status for status in states if status in FAILURES]
    status = failed[0] if failed else min(states, key=lambda status: RANK[status])
    query(SET_STATUS, status, message_id, status)
    # Up to there its copy in Slack says "Queued" anyway.
    if max(RANK[status] for status in states) > RANK["queued"]:
        threads.show_again(Message.get_by_id(message_id))


def _tell(message: Message, part: Locked, fate: Fate) -> None:
    """Tells the agent in the thread, once a part, why the text did not arrive."""
    name = escape(contacts.name_of(message.conversation.contact))
    whose = f"<@{message.author}> Your" if message.author else "Your"
    if message.automated:  # nobody waits for it
        is_back = Call.select().where(Call.text_back == message).exists()
        whose = "The automatic" if is_back else "A SmartPlan's"
    threads.say(
        message.conversation,
        f"{whose} text to {name} did not arrive. {fate.reason or ''} {money(part, fate)}",
        f"told:{part.ref}",
    )
    if not message.automated:
        threads.show_root(message.conversation)


def money(part: Locked, fate: Fate) -> str:
    """What happened to the credits of a part that failed, as a sentence."""
    if not fate.refund:
        return "It stays charged: the carrier had taken it."
    return f"{part.credits} credit{' was' if part.credits == 1 else 's were'} given back."
