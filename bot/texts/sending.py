"""Send: a draft is priced again, charged and queued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.contacts import address_book, contacts
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.talks import conversations, threads
from bot.talks.models import Message
from bot.team import roles
from bot.texts import departures, drafts, first_texts, offers
from bot.texts.departures import Leaving
from bot.texts.models import Draft
from bot.texts.offers import Quoted, shortage
from bot.words import count
from ledger import credits, rates
from ledger.database import transaction


@dataclass(frozen=True)
class Sent:
    """A text on its way."""

    recipient: str
    credits: int
    balance: int  # after it


@transaction
def send(draft_id: str, version: int, user: str, now: datetime) -> Sent | Quoted:
    """Queues the draft's text and charges it, once, however often Send is pressed (R6, R14).

    Returns a new Quoted instead, and sends nothing, if the price is no longer the one shown, or
    somebody else answered since. Raises Refused in plain words: sent already, not enough credits,
    opted out.
    """
    draft = drafts.own(draft_id, user)
    if roles.role_of(draft.author, draft.line.account_id) is None:  # they left: it is another's now
        Draft.update(author=user).where(Draft.id == draft.id).execute()
    return _send(draft, version, now)


def _send(draft: Draft, version: int, now: datetime) -> Sent | Quoted:
    credits.hold(draft.line.account_id, now)
    draft = Draft.get_by_id(draft.id)
    price = offers.priced(draft)
    words = first_texts.words(draft.line.account_id, offers.contact_of(draft), now)
    why = _why_again(draft, price, words, now) if draft.version == version else None
    if why and (renewed := drafts.ask_again(draft, why, now)):
        return renewed
    return dispatch(draft, version, now)


@transaction
def dispatch(draft: Draft, version: int, now: datetime) -> Sent:
    """Queues the draft's text as it is, and charges it; whoever calls has its account held, and
    has looked at its price. Raises Refused: sent already, not enough credits, opted out."""
    if not drafts.move(draft, version, {"state": "queued"}):
        raise Refused(drafts.why_stale(draft))
    price, contact = offers.priced(draft), _contact(draft, now)
    drafts.require_sendable(draft.line, contact, draft.body, draft.media)
    draft.words = first_texts.words(draft.line.account_id, contact, now)
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
    if other := offers.overtaken(draft):
        minutes = max(1, round((now - other.made_at).total_seconds() / 60))
        return f"<@{other.author}> answered {count(minutes, 'minute')} ago. {look}"
    if words and words != draft.words:
        return f"This text will say how to opt out. {look}"
    return None


def _queue(draft: Draft, contact: Contact, price: rates.Quote, now: datetime) -> None:
    conversation = conversations.open_conversation(draft.line, contact, now)
    conversations.answered(conversation, draft.author, now)
    text = Leaving(
        threads.thread_of(conversation), draft.number, draft.body, price, draft.author,
        draft.words, draft.media, draft.as_mms, draft.author, draft=draft.id, card_ts=draft.card_ts,
    )  # fmt: skip
    try:
        (message,) = departures.depart(draft.line, [text], now)
    except credits.NotEnoughCredits as short:
        funds = credits.funds(draft.line.account_id, now)
        raise Refused(shortage(short.needed, funds)) from None
    if draft.card_ts is not None:
        threads.show_again(Message.get_by_id(message))


def _contact(draft: Draft, now: datetime) -> Contact:
    return address_book.meet(draft.line.account_id, draft.number, now)
