"""Whose conversation it is, and whether it is done: assign, close, snooze, block, opt out."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot import clock, contacts, conversations, enrollments, lines, viewers
from bot.errors import Refused
from bot.models import Contact, Conversation, Draft, Line
from bot.words import escape
from ledger.boundaries import local
from ledger.database import query, transaction
from ledger.models import Account

LISTED = 20
FAILED = """
    SELECT count(*) FROM entry JOIN message ON message.id = entry.message
    WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.kind = 'charge_out'
      AND message.failure IS NOT NULL"""
DUE = "SELECT id FROM conversation WHERE snoozed_until <= %s ORDER BY snoozed_until LIMIT %s"


class Waiting(NamedTuple):
    """A conversation in which somebody waits for an answer."""

    who: str
    since: datetime
    channel: str
    thread_ts: str | None
    assigned_to: str | None


def find(channel: str, thread_ts: str) -> Conversation | None:
    """The conversation of this Slack thread."""
    found: Conversation | None = (
        Conversation.select(Conversation, Line, Contact)
        .join(Line)
        .switch(Conversation)
        .join(Contact)
        .where(
            Conversation.channel == channel,
            Conversation.thread_ts == thread_ts,
            Conversation.goes_on.is_null(),
        )
        .first()
    )
    return found


def find_former(channel: str, thread_ts: str) -> Conversation | None:
    """The conversation whose thread this once was."""
    here = (Conversation.former_channel == channel) & (Conversation.former_ts == thread_ts)
    merged = (
        (Conversation.channel == channel)
        & (Conversation.thread_ts == thread_ts)
        & Conversation.goes_on.is_null(False)
    )
    found = Conversation.get_or_none(here | merged)
    return found and conversations.current(found)


def rootless(channel: str) -> bool:
    """Whether a conversation of this channel has no thread yet, as far as is known."""
    alive = Conversation.goes_on.is_null() & Conversation.thread_ts.is_null()
    here = (Conversation.channel == channel) & alive
    return bool(Conversation.select().where(here).exists())


@transaction
def assign(conversation_id: int, user: str, to: str, now: datetime) -> None:
    """Gives the conversation to a member. Raises Refused if either is none of the account's."""
    conversation = _own(conversation_id, user)
    if lines.role_of(to, conversation.line.account_id) is None:
        raise Refused(f"<@{to}> is not on this line's team. The owner can add them from Home.")
    if conversation.assigned_to == to:
        return
    conversation.assigned_to = to
    _save(conversation, Conversation.assigned_to)
    if to != user:
        name = escape(contacts.name_of(conversation.contact))
        conversations.say(
            conversation,
            f"<@{user}> asks <@{to}> to look after {name}.",
            f"assign:{conversation.id}:{to}:{now.timestamp():.0f}",
        )


@transaction
def close(conversation_id: int, user: str, now: datetime) -> None:
    """Nothing is left to do here; the next text opens it again."""
    conversation = _own(conversation_id, user)
    conversation.state, conversation.waiting_since = "closed", None
    conversation.snoozed_until = None
    _save(
        conversation, Conversation.state, Conversation.waiting_since, Conversation.snoozed_until
    )  # fmt: skip
    enrollments.on_close(conversation.line.account_id, conversation.contact_id, now)


@transaction
def reopen(conversation_id: int, user: str, now: datetime) -> None:
    """There is something to do after all."""
    conversation = _own(conversation_id, user)
    conversation.state = "open"
    _save(conversation, Conversation.state)


@transaction
def snooze(conversation_id: int, user: str, now: datetime) -> datetime:
    """Puts the conversation away until nine tomorrow, by the account's clock. Returns when."""
    conversation = _own(conversation_id, user)
    zone = Account.get_by_id(conversation.line.account_id).timezone
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    until = local(datetime.combine(tomorrow, time(9)), zone)
    conversation.snoozed_until = until
    _save(conversation, Conversation.snoozed_until)
    return until


@transaction
def wake_due(most: int = 100) -> int:
    """Brings back what was snoozed until now. Returns how many."""
    now = clock.now()
    due = [row[0] for row in query(DUE, now, most).fetchall()]
    for conversation_id in due:
        conversation = Conversation.get_by_id(conversation_id)
        until, conversation.snoozed_until = conversation.snoozed_until, None
        _save(conversation, Conversation.snoozed_until)
        whom = f"<@{conversation.assigned_to}> " if conversation.assigned_to else ""
        conversations.say(
            conversation, f":alarm_clock: {whom}this was put off until now.",
            f"wake:{conversation.id}:{until.timestamp():.0f}",
        )  # fmt: skip
    return len(due)


@transaction
def block(conversation_id: int, user: str, now: datetime) -> None:
    """Shows no more of this sender's texts, in any line; or shows them again."""
    conversation = _own(conversation_id, user)
    contact = conversation.contact
    contact.blocked_at = None if contact.blocked_at else now
    contact.save(only=[Contact.blocked_at])
    if contact.blocked_at:
        conversation.waiting_since = None
        enrollments.on_block(contact.id, now)
    _save(conversation, Conversation.waiting_since)


@transaction
def opt_out(conversation_id: int, user: str, now: datetime) -> bool:
    """The contact said so, by word of mouth. Returns whether that is new."""
    conversation = _own(conversation_id, user)
    return conversations.stop(conversation, "said so", now, user)


def unanswered(account_id: int, now: datetime, most: int = LISTED) -> list[Waiting]:
    """Who waits for an answer, longest first; what is snoozed is left out."""
    rows = (
        Conversation.select(Conversation, Contact)
        .join(Line)
        .switch(Conversation)
        .join(Contact)
        .where(*_waits(account_id, now))
        .order_by(Conversation.waiting_since)
        .limit(most)
    )
    return [
        Waiting(
            contacts.name_of(talk.contact), talk.waiting_since, talk.channel, talk.thread_ts,
            talk.assigned_to,
        )
        for talk in rows
    ]  # fmt: skip


def unanswered_count(account_id: int, now: datetime) -> int:
    """How many wait for an answer; what is snoozed is left out."""
    return int(Conversation.select().join(Line).where(*_waits(account_id, now)).count())


def _waits(account_id: int, now: datetime) -> tuple[Any, ...]:
    return (
        Line.account == account_id,
        Conversation.waiting_since.is_null(False),
        Conversation.snoozed_until.is_null() | (Conversation.snoozed_until <= now),
    )


def scheduled_count(account_id: int) -> int:
    """How many texts wait for their time."""
    here = (Line.account == account_id) & (Draft.state == "scheduled")
    return int(Draft.select().join(Line).where(here).count())


def failed_since(account_id: int, since: datetime) -> int:
    """How many texts out did not arrive since then."""
    return int(query(FAILED, account_id, since).fetchone()[0])


def _own(conversation_id: int, user: str) -> Conversation:
    conversation: Conversation | None = Conversation.get_or_none(Conversation.id == conversation_id)
    if conversation is None:
        raise Refused("This conversation is not known here.")
    lines.require_member(user, conversation.line.account_id)
    return conversations.current(conversation)


def _save(conversation: Conversation, *fields: object) -> None:
    conversation.save(only=list(fields))
    conversations.show_root(conversation)
    viewers.changed(conversation.line.account_id)
