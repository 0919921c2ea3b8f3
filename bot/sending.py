"""Send: a draft is priced again, charged and queued, at once or at the time that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot import (
    address_book,
    clock,
    contacts,
    conversations,
    departures,
    drafts,
    first_texts,
    hours,
    lines,
)
from bot.departures import Leaving
from bot.drafts import Offer, shortage
from bot.errors import Refused
from bot.models import Contact, Conversation, Draft, Line, Message
from bot.words import count, escape
from ledger import credits, rates
from ledger.boundaries import local
from ledger.database import db, query, transaction
from ledger.models import Account

log = structlog.get_logger()

AHEAD = timedelta(days=365)  # the latest a text can be scheduled for
DUE = "SELECT id FROM draft WHERE state = 'scheduled' AND send_at <= %s ORDER BY send_at LIMIT %s"


@dataclass(frozen=True)
class Sent:
    """A text on its way."""

    recipient: str
    credits: int
    balance: int  # after it


@transaction
def send(draft_id: str, version: int, user: str, now: datetime) -> Sent | Offer:
    """Queues the draft's text and charges it, once, however often Send is pressed (R6, R14).

    Returns a new Offer instead, and sends nothing, if the price is no longer the one shown, or
    somebody else answered since. Raises Refused in plain words: sent already, not enough credits,
    opted out.
    """
    draft = drafts.own(draft_id, user)
    return _send(draft, version, now)


@transaction
def later(draft_id: str, version: int, user: str, at: datetime, now: datetime) -> datetime:
    """Keeps the draft until then. Returns when. Raises Refused for a time that is no use."""
    draft = drafts.own(draft_id, user)
    require_time(at, now)
    contact = _contact(draft, now)
    conversation = draft.conversation or conversations.open_conversation(draft.line, contact, now)
    kept = {"state": "scheduled", "send_at": at, "conversation": conversation}
    if not drafts.move(draft, version, kept):
        raise Refused(drafts.why_stale(draft))
    drafts.refresh(draft)
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
    home = Account.get_by_id(draft.line.account_id).timezone
    return nine_tomorrow(hours.zones(_contact(draft, now), draft.number, home)[0], now)


def nine_tomorrow(zone: str, now: datetime) -> datetime:
    """Nine o'clock tomorrow in this time zone."""
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return local(datetime.combine(tomorrow, time(9)), zone)


def send_due(most: int = 100) -> int:
    """Sends what was scheduled until now. Returns how many were looked at."""
    with_ids = _due(most)
    for draft_id in with_ids:
        try:
            _send_scheduled(draft_id)
        except Exception:
            log.exception("scheduled.not_sent", draft_id=draft_id)
    return len(with_ids)


@transaction
def _due(most: int) -> list[str]:
    return [row[0] for row in query(DUE, clock.now(), most).fetchall()]


@transaction
def _send_scheduled(draft_id: str) -> None:
    """Sends one, checked again; asks its author where something has changed."""
    now = clock.now()
    draft = Draft.get_by_id(draft_id)
    credits.hold(draft.line.account_id, now)
    draft = Draft.get_by_id(draft_id)
    if draft.state != "scheduled":
        return
    why = _why_ask(draft)
    if why is None:
        try:
            with db.atomic():  # what a refusal leaves half done is undone
                done = _send(draft, draft.version, now)
            if isinstance(done, Sent):
                return
            why = done.asked.partition(" Look again")[0]
        except Refused as refusal:
            why = str(refusal)
    _ask(Draft.get_by_id(draft_id), why)


def _why_ask(draft: Draft) -> str | None:
    """What happened since the text was scheduled that its author should know first."""
    if lines.role_of(draft.author, draft.line.account_id) is None:
        return "Its author is no longer on this line's team."
    talk = draft.talk
    if talk.heard_at and talk.heard_at > draft.made_at:
        return f"{escape(contacts.name_of(talk.contact))} has written since."
    if other := drafts.overtaken(draft):
        return f"<@{other.author}> has texted since."
    return None


def _ask(draft: Draft, why: str) -> None:
    """Puts the text back before its author, in the thread, with what has changed."""
    moved: dict[str, object] = {
        "state": "quoted", "send_at": None, "version": draft.version + 1, "card_ts": None,
        "source_ts": draft.source_ts or f"scheduled:{draft.id}",
    }  # fmt: skip
    if drafts.move(draft, draft.version, moved):
        conversations.say(
            draft.talk,
            f"<@{draft.author}> Your text was not sent as scheduled. {why} Please look again:",
            f"ask:{draft.id}:{draft.version}",
        )
        conversations.show_draft(Draft.get_by_id(draft.id))


def _send(draft: Draft, version: int, now: datetime) -> Sent | Offer:
    credits.hold(draft.line.account_id, now)
    draft = Draft.get_by_id(draft.id)
    price = drafts.priced(draft)
    words = first_texts.words(draft.line.account_id, drafts.contact_of(draft), now)
    why = _why_again(draft, price, words, now) if draft.version == version else None
    if why and (renewed := drafts.ask_again(draft, why, now)):
        return renewed
    if not drafts.move(draft, version, {"state": "queued"}):
        raise Refused(drafts.why_stale(draft))
    contact = _contact(draft, now)
    drafts.require_sendable(draft.line, contact, draft.body, draft.media)
    draft.words = draft.words and words  # another text may have been the first
    _queue(draft, contact, price, now)
    return Sent(
        contacts.name_of(contact), price.credits, credits.balance(draft.line.account_id)
    )  # fmt: skip


def _why_again(draft: Draft, price: rates.Quote, words: str, now: datetime) -> str | None:
    """What is not as the draft's card showed it, so that Send has to be pressed once more."""
    look = "Look again, then press *Send*."
    if price.credits != draft.credits:
        was, new = count(draft.credits, "credit"), count(price.credits, "credit")
        return f"The price has changed since it was shown: {was} then, {new} now. {look}"
    if other := drafts.overtaken(draft):
        minutes = max(1, round((now - other.made_at).total_seconds() / 60))
        return f"<@{other.author}> answered {count(minutes, 'minute')} ago. {look}"
    if words and words != draft.words:
        return f"This text will say how to opt out. {look}"
    return None


def _queue(draft: Draft, contact: Contact, price: rates.Quote, now: datetime) -> None:
    conversation = conversations.open_conversation(draft.line, contact, now)
    conversations.answered(conversation, draft.author, now)
    text = Leaving(
        conversation, draft.number, draft.body, price, draft.author, draft.words, draft.media,
        draft.as_mms, draft.author, draft=draft.id, card_ts=draft.card_ts,
    )  # fmt: skip
    try:
        (message,) = departures.depart(draft.line, [text], now)
    except credits.NotEnoughCredits as short:
        funds = credits.funds(draft.line.account_id, now)
        raise Refused(shortage(short.needed, funds)) from None
    if draft.card_ts is not None:
        conversations.show_again(Message.get_by_id(message))


def _contact(draft: Draft, now: datetime) -> Contact:
    return address_book.meet(draft.line.account_id, draft.number, now)


def scheduled(account_id: int, user: str | None = None) -> list[Draft]:
    """Texts that wait for their time, soonest first; of one author, or of all."""
    found = (
        Draft.select(Draft, Line, Conversation)
        .join(Line)
        .switch(Draft)
        .join(Conversation)
        .where(Line.account == account_id, Draft.state == "scheduled")
        .order_by(Draft.send_at)
        .limit(20)
    )
    return list(found.where(Draft.author == user) if user else found)
