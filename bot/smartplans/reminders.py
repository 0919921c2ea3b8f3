"""Reminders: what a member is to do, told in a direct message; done, skipped, or put off.

A text step without a line is one, too, with the text ready to be copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import peewee

from bot import clock, outbox, paces
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans.models import Reminder
from bot.team import roles, viewers
from bot.words import call
from ledger import rows
from ledger.boundaries import local
from ledger.database import query, transaction
from ledger.models import Account

SNOOZED = """
    SELECT id FROM reminder WHERE state = 'open' AND snoozed_until <= %s
    ORDER BY snoozed_until LIMIT %s FOR UPDATE SKIP LOCKED"""
COLUMNS = (
    "id", "account_id", "to", "contact_id", "enrollment_id", "words", "body", "state", "made_at",
)  # fmt: skip


class NewReminder(NamedTuple):
    """What somebody is to be reminded of."""

    to: str  # Slack user
    contact: int | None
    enrollment: int | None
    words: str
    body: str | None = None  # a text ready to be copied


@transaction
def make(account_id: int, wanted: Sequence[NewReminder], now: datetime) -> list[int]:
    """Keeps reminders and has their cards sent. Returns their ids, in order."""
    ids = rows.numbers(Reminder, len(wanted))
    table = [
        (n, account_id, one.to, one.contact, one.enrollment, one.words, one.body, "open", now)
        for n, one in zip(ids, wanted, strict=True)
    ]
    rows.insert(Reminder, COLUMNS, table)
    outbox.enqueue_all(
        [_card(f"reminder:{n}", n, one.to) for n, one in zip(ids, wanted, strict=True)]
    )
    viewers.changed(account_id)
    return ids


@transaction
def done(reminder_id: int, user: str, now: datetime) -> Reminder:
    """It was done. Raises Refused for somebody else's."""
    return _close(reminder_id, user, "done", now)


@transaction
def skip(reminder_id: int, user: str, now: datetime) -> Reminder:
    """It will not be done. Raises Refused for somebody else's."""
    return _close(reminder_id, user, "skipped", now)


@transaction
def snooze(
    reminder_id: int, user: str, now: datetime, until: datetime | None = None
) -> Reminder:  # fmt: skip
    """Puts it off, until nine tomorrow by the account's clock if nothing else is said. Raises
    Refused."""
    reminder = own(reminder_id, user)
    if reminder.state != "open":
        raise Refused("This was done or skipped already.")
    if until is None:
        zone = Account.get_by_id(reminder.account_id).timezone
        tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
        until = local(datetime.combine(tomorrow, time(9)), zone)
    if until <= now:
        raise Refused("That time is over. Choose a later one.")
    reminder.snoozed_until = until
    reminder.save(only=[Reminder.snoozed_until])
    _show_again(reminder)
    return reminder


@transaction
def wake_due(most: int = 100) -> int:
    """Sends what was put off until now once more, as a new card. Returns how many."""
    now = clock.now()
    due = [row[0] for row in query(SNOOZED, now, most).fetchall()]
    for reminder_id in due:
        reminder = Reminder.get_by_id(reminder_id)  # locked, so as it was found
        until, reminder.snoozed_until = reminder.snoozed_until, None
        reminder.channel = reminder.card_ts = None
        reminder.save(only=[Reminder.snoozed_until, Reminder.channel, Reminder.card_ts])
        key = f"reminder:{reminder_id}:{until.timestamp():.0f}"
        outbox.enqueue_all([_card(key, reminder_id, reminder.to)])
        viewers.changed(reminder.account_id)
    return len(due)


@transaction
def listed(account_id: int, user: str, now: datetime, most: int) -> tuple[list[Reminder], int]:
    """A member's open reminders on this account, oldest first, none that is put off; and how many
    there are in all. Raises Refused for a stranger."""
    roles.require_member(user, account_id)
    mine = (Reminder.account == account_id) & (Reminder.to == user) & (Reminder.state == "open")
    awake = Reminder.snoozed_until.is_null() | (Reminder.snoozed_until <= now)
    found = Reminder.select(Reminder, Contact).join(Contact, peewee.JOIN.LEFT_OUTER)
    shown = found.switch(Reminder).where(mine, awake).order_by(Reminder.id).limit(most)
    return list(shown), Reminder.select().where(mine, awake).count()


@transaction
def stands_at(reminder_id: int, channel: str, ts: str) -> None:
    """Slack shows the card here."""
    Reminder.update(channel=channel, card_ts=ts).where(Reminder.id == reminder_id).execute()


@transaction
def pressed(reminder_id: int, user: str, channel: str, ts: str) -> None:
    """Somebody pressed a button of the card, maybe before we were told where it stands. Raises
    Refused for somebody else's."""
    own(reminder_id, user)
    here = (Reminder.id == reminder_id) & Reminder.card_ts.is_null()
    Reminder.update(channel=channel, card_ts=ts).where(here).execute()


def own(reminder_id: int, user: str) -> Reminder:
    """The reminder, if it is this user's, or one of their account that they manage. Raises
    Refused."""
    query("SELECT id FROM reminder WHERE id = %s FOR UPDATE", reminder_id).fetchone()
    found: Reminder | None = Reminder.get_or_none(Reminder.id == reminder_id)
    if found is None:
        raise Refused("This reminder was settled already, or is another team's.")
    roles.require_member(user, found.account_id)
    if found.to != user and roles.role_of(user, found.account_id) not in roles.MANAGERS:
        raise Refused(f"This is {call(found.to)}'s reminder.")
    return found


def _close(reminder_id: int, user: str, state: str, now: datetime) -> Reminder:
    reminder = own(reminder_id, user)
    if reminder.state == "open":
        reminder.state, reminder.closed_at, reminder.closed_by = state, now, user
        reminder.snoozed_until = None
        reminder.save(
            only=[
                Reminder.state, Reminder.closed_at, Reminder.closed_by, Reminder.snoozed_until,
            ]
        )  # fmt: skip
        _show_again(reminder)
    return reminder


def _show_again(reminder: Reminder) -> None:
    """Has Home show how it is now, and the card, if it stands in Slack already."""
    viewers.changed(reminder.account_id)
    if reminder.card_ts is not None:
        outbox.enqueue(
            f"reminder:{reminder.id}:{clock.now().timestamp()}", "slack.plan_update",
            {"what": "reminder", "reminder": reminder.id}, lane=outbox.card_lane(reminder.to),
            pace="updates:slack", replaces=f"reminder:{reminder.id}",
        )  # fmt: skip


def _card(key: str, reminder_id: int, to: str) -> outbox.Item:
    payload = {"what": "reminder", "to": to, "reminder": reminder_id}
    return outbox.Item(key, "slack.plan", payload, outbox.card_lane(to), paces.of_channel(to))
