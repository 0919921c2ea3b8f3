"""Who waits for an answer: for Home, the digest and `/text waiting`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from bot.contacts import contacts
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.talks.models import Conversation

LISTED = 20


class Waiting(NamedTuple):
    """A conversation in which somebody waits for an answer."""

    who: str
    since: datetime
    channel: str
    thread_ts: str | None
    assigned_to: str | None
    id: int  # of the conversation


def listed(account_id: int, now: datetime, most: int = LISTED) -> list[Waiting]:
    """Who waits for an answer, longest first; what is put off is left out."""
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
            talk.assigned_to, talk.id,
        )
        for talk in rows
    ]  # fmt: skip


def count(account_id: int, now: datetime) -> int:
    """How many they are."""
    return int(Conversation.select().join(Line).where(*_waits(account_id, now)).count())


def _waits(account_id: int, now: datetime) -> tuple[Any, ...]:
    return (
        Line.account == account_id,
        Conversation.waiting_since.is_null(False),
        Conversation.snoozed_until.is_null() | (Conversation.snoozed_until <= now),
    )
