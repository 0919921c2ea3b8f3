"""Whose conversation it is, and whether it is done: assign, close, snooze, block, opt out."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot import clock
from bot.contacts import contacts
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.smartplans import plan_events
from bot.talks import conversations, threads
from bot.talks.models import Conversation
from bot.team import roles, viewers
from bot.team.people import spoken_of
from bot.texts.models import Draft
from bot.words import call, count, day_words, escape
from ledger import credits
from ledger.boundaries import local
from ledger.database import query, session, transaction
from ledger.models import Account

AHEAD = timedelta(days=365)  # the latest that a conversation can be put off until
FAILED = """
    SELECT message.conversation_id FROM entry JOIN message ON message.id = entry.message
    WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.kind = 'charge_out'
      AND message.failure IS NOT NULL
    ORDER BY message.id DESC"""
FAILED_NAMED = 3
DUE = "SELECT id FROM conversation WHERE snoozed_until <= %s ORDER BY snoozed_until LIMIT %s"


class Wake(NamedTuple):
    """A time to see a conversation again, as one says it."""

    label: str
    at: datetime


class Failed(NamedTuple):
    """A text out that did not arrive: to whom, and the thread that says why."""

    who: str
    channel: str
    thread_ts: str | None


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
    return found and threads.current(found)


def rootless(channel: str) -> bool:
    """Whether a thread of this channel has begun whose first post is not known yet."""
    begun = Conversation.has_thread & Conversation.thread_ts.is_null()
    here = (Conversation.channel == channel) & begun & Conversation.goes_on.is_null()
    return bool(Conversation.select().where(here).exists())


@transaction
def assign(conversation_id: int, user: str, to: str | None, now: datetime) -> None:
    """Gives the conversation to a member, or to nobody. Raises Refused if either user is not on the
    account."""
    conversation = _own(conversation_id, user, now)
    account = conversation.line.account_id
    if to is not None and roles.role_of(to, account) is None:
        raise Refused(
            f"{call(to)} is not on this line's team. Ask {roles.owner_of(account)} to add them."
        )
    if conversation.assigned_to == to:
        return
    conversation.assigned_to = to
    _save(conversation, Conversation.assigned_to)
    if to not in (None, user):
        name = escape(contacts.name_of(conversation.contact))
        _say(conversation, f"{spoken_of(user)} asks <@{to}> to look after {name}.", "assign", now)


@transaction
def close(conversation_id: int, user: str, now: datetime) -> None:
    """Nothing is left to do here; the next text opens it again."""
    conversation = _own(conversation_id, user, now)
    if conversation.state == "closed":
        return
    conversation.state = "closed"
    conversation.waiting_since = conversation.snoozed_until = None
    _save(
        conversation, Conversation.state, Conversation.waiting_since, Conversation.snoozed_until
    )  # fmt: skip
    plan_events.on_close(conversation.line.account_id, conversation.contact_id, now)


@transaction
def reopen(conversation_id: int, user: str, now: datetime) -> None:
    """There is something to do after all."""
    conversation = _own(conversation_id, user, now)
    if conversation.state == "open":
        return
    conversation.state = "open"
    _save(conversation, Conversation.state)


@transaction
def wake_times(conversation_id: int, user: str, now: datetime) -> list[Wake]:
    """When one may want to see the conversation again, by the account's clock."""
    account = Account.get_by_id(_own(conversation_id, user, now).line.account_id)
    today = now.astimezone(ZoneInfo(account.timezone)).date()
    monday = today + timedelta(days=7 - today.weekday())
    return [
        Wake("In an hour", now + timedelta(hours=1)),
        Wake("In three hours", now + timedelta(hours=3)),
        Wake("Tomorrow at 9:00 AM", _nine(today + timedelta(days=1), account.timezone)),
        Wake(f"On Monday, {day_words(monday)}, at 9:00 AM", _nine(monday, account.timezone)),
    ]


def _nine(day: date, zone: str) -> datetime:
    return local(datetime.combine(day, time(9)), zone)


@transaction
def snooze(conversation_id: int, user: str, until: datetime, now: datetime) -> None:
    """Puts the conversation away until then, or until they write. Raises Refused for a time that is
    no use."""
    conversation = _own(conversation_id, user, now)
    if until <= now:
        raise Refused("That time is over. Choose a later one.")
    if until > now + AHEAD:
        raise Refused("A conversation can be put off for a year at most. Choose an earlier time.")
    conversation.snoozed_until = until
    _save(conversation, Conversation.snoozed_until)


def wake_due(most: int = 100) -> int:
    """Brings back what was put off until now. Returns how many."""
    now = clock.now()
    with session():
        due = [row[0] for row in query(DUE, now, most).fetchall()]
    return sum(_wake(conversation_id, now) for conversation_id in due)


@transaction
def _wake(conversation_id: int, now: datetime) -> bool:
    conversation = _held(conversation_id, now)
    until = conversation.snoozed_until
    if until is None or until > now:
        return False
    conversation.snoozed_until = None
    _save(conversation, Conversation.snoozed_until)
    name = escape(contacts.name_of(conversation.contact))
    whom = f"<@{conversation.assigned_to}> " if conversation.assigned_to else ""
    threads.say(
        conversation, f":alarm_clock: {whom}{name} was put off until now.",
        f"wake:{conversation.id}:{until.timestamp():.0f}",
        broadcast=not whom,  # nobody is called: whoever sees it first
    )  # fmt: skip
    return True


@transaction
def block(conversation_id: int, user: str, now: datetime) -> None:
    """Shows no more of this sender's texts, on any line. They are kept, and charged."""
    conversation = _own(conversation_id, user, now)
    contact = conversation.contact
    if contact.blocked_at is not None:
        return
    contact.blocked_at = now
    contact.save(only=[Contact.blocked_at])
    plan_events.on_block(contact.id, now)
    Conversation.update(waiting_since=None, snoozed_until=None).where(
        Conversation.contact == contact
    ).execute()
    _show_roots(contact)
    _say(
        conversation,
        f"{spoken_of(user)} blocked {escape(contacts.name_of(contact))}. Their texts are kept and "
        "cost credits as before, but are shown nowhere. To see them again, choose *Unblock* in the "
        "menu of the first post here.",
        "block", now,
    )  # fmt: skip


@transaction
def unblock(conversation_id: int, user: str, now: datetime) -> None:
    """Shows this sender's texts again, and those that came meanwhile."""
    conversation = _own(conversation_id, user, now)
    contact = conversation.contact
    if contact.blocked_at is None:
        return
    since, contact.blocked_at = contact.blocked_at, None
    contact.save(only=[Contact.blocked_at])
    came = conversations.withheld(contact, since)
    most = conversations.WITHHELD
    newest = f" The newest {most} follow." if came > most else " They follow." if came else ""
    _say(
        conversation,
        f"{spoken_of(user)} unblocked {escape(contacts.name_of(contact))}. "
        f"{count(came, 'text')} came meanwhile.{newest}",
        "unblock", now,
    )  # fmt: skip
    conversations.show_withheld(contact, since)
    _show_roots(contact)


@transaction
def opt_out(conversation_id: int, user: str, now: datetime) -> bool:
    """The contact said so, by word of mouth. Returns whether that is new."""
    conversation = _own(conversation_id, user, now)
    if not conversations.stop(conversation, "said so", now, user):
        return False
    _say(conversation, _opted_out(conversation, user), "opt_out", now)
    return True


def _opted_out(conversation: Conversation, user: str) -> str:
    name = escape(contacts.name_of(conversation.contact))
    return (
        f":raised_hand: {spoken_of(user)} noted that {name} wants no more texts. Nothing can be "
        "sent to them, on any line, until they text START, or one of you notes in *Edit contact* "
        "that they agree again."
    )


@transaction
def judge_wish(conversation_id: int, user: str, ts: str, meant: bool, now: datetime) -> None:
    """A member decides whether a text was a wish to get no more; the card at `ts` says how."""
    conversation = _own(conversation_id, user, now)
    if meant:
        conversations.stop(conversation, "said so", now, user)
        said = _opted_out(conversation, user)
    else:
        said = f"{spoken_of(user)} saw this: they did not mean to opt out."
    threads.restate(conversation, ts, said)


def scheduled_count(account_id: int) -> int:
    """How many texts wait for their time."""
    here = (Line.account == account_id) & (Draft.state == "scheduled")
    return int(Draft.select().join(Line).where(here).count())


def failed_since(account_id: int, since: datetime) -> tuple[list[Failed], int]:
    """Texts out that did not arrive since then, the newest first; and how many more there are."""
    rows = [row[0] for row in query(FAILED, account_id, since).fetchall()]
    talks = {id_: threads.current(Conversation.get_by_id(id_)) for id_ in set(rows[:FAILED_NAMED])}
    named = [
        Failed(contacts.name_of(talk.contact), talk.channel, talk.thread_ts)
        for talk in (talks[id_] for id_ in rows[:FAILED_NAMED])
    ]
    return named, len(rows) - len(named)


def own(conversation_id: int, user: str) -> Conversation:
    """The conversation, or the one it goes on in. Raises Refused if it is none of this user's."""
    conversation: Conversation | None = Conversation.get_or_none(Conversation.id == conversation_id)
    if conversation is None:
        raise Refused("This conversation is no longer here. `/text waiting` lists those that wait.")
    roles.require_member(user, conversation.line.account_id)
    return threads.current(conversation)


def _own(conversation_id: int, user: str, now: datetime) -> Conversation:
    """The same, held."""
    return _held(own(conversation_id, user).id, now)


def _held(conversation_id: int, now: datetime) -> Conversation:
    """The conversation as it is, with its account held, so that nobody else changes it now."""
    line = Conversation.get_by_id(conversation_id).line
    credits.hold(line.account_id, now)
    found: Conversation = Conversation.get_by_id(conversation_id)
    found.line = line
    return found


def _save(conversation: Conversation, *fields: object) -> None:
    conversation.save(only=list(fields))
    threads.show_root(conversation)
    viewers.changed(conversation.line.account_id)


def _show_roots(contact: Contact) -> None:
    for conversation in conversations.of_contact(contact):
        threads.show_root(conversation)
    viewers.changed(contact.account_id)


def _say(conversation: Conversation, text: str, what: str, now: datetime) -> None:
    key = f"{what}:{conversation.id}:{now.timestamp():.6f}"
    threads.say(conversation, text, key)
