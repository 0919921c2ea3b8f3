"""Texts that wait for their time: kept, listed, changed, and sent if nothing speaks against it.

When its time comes a text is looked at once more. What its author should know first puts it back
before them, in the thread: an answer that came meanwhile, a higher price, an opt-out, too few
credits, or that it would go out much later than it should. So no text leaves at a time at which
nobody meant it to, and none is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bot import clock
from bot.contacts import address_book, contacts, hours
from bot.errors import Refused
from bot.lines.models import Line
from bot.talks import conversations, threads
from bot.talks.models import Conversation, Message
from bot.team import channels, people, roles, viewers
from bot.texts import drafts, first_texts, offers, sending
from bot.texts.models import Draft
from bot.words import as_told, count, escape
from ledger import credits
from ledger.boundaries import local
from ledger.database import db, query, session, transaction
from ledger.models import Account

log = structlog.get_logger()

AHEAD = timedelta(days=365)  # the latest a text can be scheduled for
#: Later than this, "see you at 3" may be wrong by now; in quiet hours, already later than that.
TOO_LATE, LATE_AT_NIGHT = timedelta(hours=1), timedelta(minutes=10)
PUT_OFF = timedelta(minutes=1)  # of one that could not be looked at
LISTED = 10
DUE = "SELECT id FROM draft WHERE state = 'scheduled' AND send_at <= %s ORDER BY send_at LIMIT %s"


@dataclass(frozen=True)
class Listed:
    """Scheduled texts, as one member sees them, and how many there are beyond."""

    texts: list[Draft]
    more: int
    all: bool  # whether it is everybody's
    account: int


@transaction
def later(draft_id: str, version: int, user: str, at: datetime, now: datetime) -> datetime:
    """Keeps the draft until then. Returns when. Raises Refused for a time that is no use, and
    where nothing could be sent at all."""
    draft = _held(drafts.own(draft_id, user), now)
    if draft.state == "scheduled" and draft.send_at == at and draft.version == version + 1:
        return at  # pressed twice
    require_time(at, now)
    contact = address_book.meet(draft.line.account_id, draft.number, now)
    drafts.require_sendable(draft.line, contact, draft.body, draft.media)
    talk = draft.conversation or conversations.open_conversation(draft.line, contact, now)
    kept: dict[str, object] = {
        "state": "scheduled", "send_at": at, "conversation": talk, "version": version + 1,
        "seen": _newest(talk), "asked": None,
    }  # fmt: skip
    if not drafts.move(draft, version, kept):
        raise Refused(drafts.why_stale(draft))
    _changed(draft)
    return at


def require_time(at: datetime, now: datetime) -> None:
    """Raises Refused for a time at which no text can go out."""
    if at <= now:
        raise Refused("That time is over. Choose a later one.")
    if at > now + AHEAD:
        raise Refused("A text can be scheduled for a year at most. Choose an earlier time.")


@transaction
def suggest(draft_id: str, user: str, now: datetime) -> datetime:
    """A time to send this draft later: as scheduled, else nine tomorrow where the contact lives."""
    draft = drafts.own(draft_id, user)
    if draft.send_at and draft.send_at > now:
        return draft.send_at
    where = _where(draft)
    nine = nine_tomorrow(where[0], now)
    return hours.opens_at(nine, where, hours.of_line(draft.line)) or nine


def nine_tomorrow(zone: str, now: datetime) -> datetime:
    """Nine o'clock tomorrow in this time zone."""
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return local(datetime.combine(tomorrow, time(9)), zone)


@transaction
def night(draft_id: str, user: str, at: datetime) -> str | None:
    """What time it would be for the contact, if that is in their quiet hours; else None."""
    draft = drafts.own(draft_id, user)
    where = _where(draft)
    if hours.is_open(at, where, hours.of_line(draft.line)):
        return None
    name = contacts.Recipient(draft.number, offers.contact_of(draft)).name
    return f"It will be {hours.said(at, where)} where {name} lives."


@transaction
def reword(
    draft_id: str, version: int, user: str, body: str, agreed: int, now: datetime
) -> int | None:
    """Gives a scheduled text another body; it keeps its time. Returns what it would cost, and
    changes nothing, if that is more than it was scheduled for and more than was `agreed` to.
    Raises Refused."""
    draft = _held(drafts.own(draft_id, user), now)
    draft.body, draft.as_mms = body.strip(), False
    if not (draft.body or draft.media):
        raise Refused("An empty text cannot be sent. To take it back, press Cancel.")
    contact = offers.contact_of(draft)
    drafts.require_sendable(draft.line, contact, draft.body, draft.media)
    price = offers.priced(draft).credits
    if price > max(draft.credits, agreed):
        return price
    to: dict[str, object] = {
        "body": draft.body, "as_mms": False, "credits": price, "version": version + 1,
        "words": first_texts.words(draft.line.account_id, contact, now),
    }  # fmt: skip
    if not drafts.move(draft, version, to):
        raise Refused(drafts.why_stale(draft))
    drafts.refresh(Draft.get_by_id(draft.id))
    return None


@transaction
def listed(user: str, channel: str) -> Listed:
    """Texts that wait, first those that ask, then the soonest: this user's; everybody's, for owner
    and managers.

    Raises Refused for somebody on no account.
    """
    return of_account(channels.account_for(user, channel), user)


@transaction
def listed_beside(draft_id: str, user: str) -> Listed:
    """The same, of the account that a text belongs to."""
    return of_account(drafts.own(draft_id, user).line.account_id, user)


@transaction
def of_account(account_id: int, user: str) -> Listed:
    """The same, of an account that is named. Raises Refused for whoever is not on it."""
    roles.require_member(user, account_id)
    boss = roles.role_of(user, account_id) in roles.MANAGERS
    here = Line.account == account_id
    if not boss:
        here &= Draft.author == user
    mine = Draft.select(Draft, Line).join(Line).where(here)
    asks = mine.where(Draft.returned, Draft.state == "quoted").order_by(Draft.made_at)
    waits = mine.where(Draft.state == "scheduled").order_by(Draft.send_at)
    texts = [*asks.limit(LISTED), *waits.limit(LISTED)][:LISTED]
    return Listed(texts, asks.count() + waits.count() - len(texts), boss, account_id)


def next_in(conversation: Conversation) -> datetime | None:
    """When the next text goes out in this conversation, if one is scheduled."""
    here = (Draft.state == "scheduled") & (Draft.conversation == conversation)
    first = Draft.select(Draft.send_at).where(here).order_by(Draft.send_at).first()
    return first.send_at if first else None


# When its time comes


def send_due(most: int = 100) -> int:
    """Sends what was scheduled until now, or asks. Returns how many were looked at."""
    with session():
        due = [row[0] for row in query(DUE, clock.now(), most).fetchall()]
    for draft_id in due:
        try:
            _look(draft_id)
        except Exception:
            log.exception("scheduled.not_sent", draft_id=draft_id)
            _put_off(draft_id)  # so that it holds up nobody else
    return len(due)


@transaction
def _put_off(draft_id: str) -> None:
    here = (Draft.id == draft_id) & (Draft.state == "scheduled")
    Draft.update(send_at=clock.now() + PUT_OFF).where(here).execute()


@transaction
def _look(draft_id: str) -> None:
    """Sends one if nothing speaks against it; else asks. Whoever else looks finds it done."""
    now = clock.now()
    draft = _held(Draft.get_by_id(draft_id), now)
    if draft.state != "scheduled" or draft.send_at is None or draft.send_at > now:
        return None
    try:
        drafts.require_sendable(draft.line, draft.talk.contact, draft.body, draft.media)
    except Refused as refusal:
        return _give_up(draft, as_told(str(refusal)))
    why = _why_ask(draft, now)
    if why is None:
        try:
            with db.atomic():  # what a refusal leaves half done is undone
                sending.dispatch(draft, draft.version, now)
            return None
        except Refused as refusal:
            why = as_told(str(refusal))
    return _ask(draft, why)


def _why_ask(draft: Draft, now: datetime) -> str | None:
    """What happened since the text was scheduled that its author should know first."""
    talk, price = draft.talk, offers.priced(draft).credits
    name = escape(contacts.name_of(talk.contact))
    if roles.role_of(draft.author, draft.line.account_id) is None:
        return f"{people.spoken_of(draft.author)}, who wrote it, is no longer on the team."
    if talk.contact.blocked_at:
        return f"{name} was blocked since."
    if draft.seen is not None and _heard_since(talk, draft.seen):
        return f"{name} has written since."
    if other := offers.overtaken(draft):
        return f"<@{other.author}> has texted since."
    if price > draft.credits:
        was, is_now = count(draft.credits, "credit"), count(price, "credit")
        return f"It would cost {is_now} now; {was} when it was scheduled."
    return _too_late(draft, name, now)


def _too_late(draft: Draft, name: str, now: datetime) -> str | None:
    assert draft.send_at is not None
    where, settled = _where(draft), hours.of_line(draft.line)
    late, awake = now - draft.send_at, hours.is_open(now, where, settled)
    if late <= LATE_AT_NIGHT:
        return None
    if late <= TOO_LATE and (awake or not hours.is_open(draft.send_at, where, settled)):
        return None
    minutes = int(late.total_seconds() // 60)
    spell = count(minutes, "minute") if minutes < 90 else count(round(minutes / 60), "hour")
    night = "" if awake else f", and it is {hours.said(now, where)} where {name} lives"
    return f"Partyline did not run at its time: it would be {spell} late{night}."


def _ask(draft: Draft, why: str) -> None:
    """Puts the text back before whoever decides on it, in the thread, with what has changed."""
    _take_back(draft, {
        "state": "quoted", "send_at": None, "card_ts": None, "returned": True, "asked": None,
    }, f"{why} Please look again:")  # fmt: skip
    threads.show_draft(Draft.get_by_id(draft.id))


def _give_up(draft: Draft, why: str) -> None:
    """Throws away what no press could send, and tells whoever wrote it."""
    said = escape(draft.body) or count(len(draft.media), "attachment")
    quoted = "\n".join(f">{line}" for line in said.splitlines())
    _take_back(draft, {"state": "cancelled"}, f"{why} It is cancelled:\n{quoted}")


def _take_back(draft: Draft, to: dict[str, object], words: str) -> None:
    stood_at = draft.card_ts
    if not drafts.move(draft, draft.version, {**to, "version": draft.version + 1}):
        return
    if stood_at:
        threads.restate(draft.talk, stood_at, "Not sent at its time: see below.")
    account = draft.line.account_id
    here = roles.role_of(draft.author, account) is not None
    whom = f"<@{draft.author}> Your" if here else f"{_whom(draft.talk)} This"
    threads.say(
        draft.talk, f"{whom} text was not sent at its time. {words}",
        f"ask:{draft.id}:{draft.version}",
    )  # fmt: skip
    threads.show_root(draft.talk)
    viewers.changed(account)


def _whom(talk: Conversation) -> str:
    """Who decides for somebody who left."""
    if talk.assigned_to:
        return f"<@{talk.assigned_to}>"
    return as_told(roles.owner_of(talk.line.account_id))


def _held(draft: Draft, now: datetime) -> Draft:
    """The draft as it is, with its account held, so that no text comes or goes meanwhile."""
    credits.hold(draft.line.account_id, now)
    found: Draft = Draft.get_by_id(draft.id)
    return found


def _changed(draft: Draft) -> None:
    again = Draft.get_by_id(draft.id)
    drafts.refresh(again)
    threads.show_root(again.talk)
    viewers.changed(again.line.account_id)


def _where(draft: Draft) -> Sequence[str]:
    home = Account.get_by_id(draft.line.account_id).timezone
    return hours.zones(offers.contact_of(draft), draft.number, home)


def _newest(talk: Conversation) -> int:
    """The newest text of a conversation, whoever wrote it."""
    found = Message.select(Message.id).where(Message.conversation == talk)
    first = found.order_by(Message.id.desc()).first()
    return first.id if first else 0


def _heard_since(talk: Conversation, seen: int) -> bool:
    news: Any = (Message.conversation == talk) & (Message.direction == "in") & (Message.id > seen)
    return bool(Message.select().where(news).exists())
