"""A text to somebody who called and was not heard: what it costs, and whether it may go."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.contacts import consent, numbers
from bot.lines.models import Line
from bot.talks import conversations, threads
from bot.talks.models import Call, Conversation, Message
from bot.texts import departures, first_texts
from bot.texts.departures import Leaving
from bot.words import count
from ledger import credits, rates
from ledger.database import transaction

ONCE_IN = timedelta(hours=1)
WITHIN = timedelta(minutes=15)  # of the call: later it would puzzle them


def prices(body: str) -> tuple[int, int]:
    """Credits for this text back: to a caller with the country code 1, and to any other (R1)."""
    here, abroad = "+14155550100", "+442079460000"
    return rates.quote(here, body).credits, rates.quote(abroad, body).credits


@transaction
def send(call: Call, talk: Conversation, now: datetime) -> None:
    """Texts the caller back, charged as any text out (R14); `why_not` has nothing against it."""
    line = call.line
    body, by = line.text_back or "", line.text_back_by or ""
    price = rates.quote(call.number, body)
    text = Leaving(
        threads.thread_of(talk), call.number, body, price, by,
        first_texts.words(line.account_id, talk.contact, now, automated=True), author=by,
        automated=True,
    )  # fmt: skip
    (message,) = departures.depart(line, [text], now)
    call.text_back, call.text_back_at = Message.get_by_id(message), now
    call.save(only=[Call.text_back, Call.text_back_at])
    conversations.sent_automatically(talk, now)


@transaction
def why_not(call: Call, talk: Conversation, now: datetime) -> str:
    """Why the caller is not texted back; "" if they may be.

    Holds the account, so that a caller is texted back once an hour, however often they call.
    """
    line, contact = call.line, talk.contact
    if not line.text_back:
        return "no text is set"
    if line.released_at is not None:
        return "the line was released"
    funds = credits.held(line.account_id, now)
    if now - call.began_at > WITHIN:
        return "it was too long ago"
    if consent.opted_out(talk):
        return "they opted out of texts"
    if contact.blocked_at is not None:
        return "they are blocked"
    if contact.unreachable:
        return f"no text gets there: {contact.unreachable}"
    if talk.braked_at is not None:
        return "a machine may be at the other end"
    if line.suspended_at is not None:
        return "Twilio lets no texts of this line through now"
    if Line.is_ours(call.number):
        return "the call came from a line of Partyline's"
    if numbers.trouble(call.number):
        return "their number takes no texts"
    if _just_now(call, now):
        return "they were, less than an hour ago"
    price = rates.quote(call.number, line.text_back).credits
    if price > line.text_back_up_to:
        return f"it would cost {count(price, 'credit')}, and {line.text_back_up_to} is the most"
    if funds.frozen:
        return "your credit plan has ended"
    if not funds.cover(price):
        return f"it costs {count(price, 'credit')}, and {funds.balance:,} are left"
    return ""


def _just_now(call: Call, now: datetime) -> bool:
    """Whether this caller was texted back by this line in the last hour."""
    here = (Call.line == call.line) & (Call.contact == call.contact)
    return bool(Call.select().where(here, Call.text_back_at > now - ONCE_IN).exists())
