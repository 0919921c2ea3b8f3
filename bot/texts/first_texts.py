"""What a first text says beside its own words: how to opt out, free of charge (R21)."""

from __future__ import annotations

from datetime import datetime, timedelta

import peewee

from bot.contacts import hours
from bot.contacts.models import Contact
from bot.talks.models import Conversation
from ledger.database import instant

SAID_AGAIN_AFTER = timedelta(days=30)  # without a text, by an automated one


def words(
    account_id: int, contact: Contact | None, now: datetime, *, automated: bool = False
) -> str:  # fmt: skip
    """The words that a text to this contact carries now; "" for none.

    The first text to a contact carries them, and the first `automated` one after 30 quiet days.
    """
    if contact is None or contact.told_at is None or (automated and _quiet(contact, now)):
        return str(hours.policy(account_id).opt_out_words)
    return ""


def not_told(contact: Contact, since: datetime) -> None:
    """The text that told them then never reached the carrier: the next one is the first."""
    here = (Contact.id == contact.id) & (Contact.told_at == since)
    Contact.update(told_at=None).where(here).execute()


def _quiet(contact: Contact, now: datetime) -> bool:
    """Whether there was no text with them, in or out and on whichever line, for long."""
    here = Conversation.contact == contact
    last = Conversation.select(peewee.fn.MAX(Conversation.last_text_at)).where(here).scalar()
    return last is None or now - instant(last) >= SAID_AGAIN_AFTER
