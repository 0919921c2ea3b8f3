"""Drafts: a text is quoted, and goes out only at the price that was shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from bot import contacts, conversations, lines, outbox, tally
from bot.errors import Refused
from bot.models import Contact, Conversation, Draft, Line, Message, Part
from bot.words import count
from ledger import credits, rates
from ledger.credits import Funds
from ledger.database import transaction
from ledger.rates import Quote

LONGEST_BODY = 10_000  # characters: what Slack lets one type is less


@dataclass(frozen=True)
class Offer:
    """A quoted draft, with all that its card shows."""

    draft_id: str
    version: int
    recipient: str  # name, or the number as people write it
    number: str
    body: str
    quote: Quote
    funds: Funds  # before it is sent
    changed: bool = False  # the price is not the one shown before

    @property
    def left_after(self) -> int:
        """Credits left after Send."""
        return self.funds.balance - self.quote.credits

    @property
    def covered(self) -> bool:
        """Whether the balance covers it (R14)."""
        return self.funds.cover(self.quote.credits)


def shortage(needed: int, funds: Funds) -> str:
    """Why a text of this price is not covered, and what to do."""
    if funds.frozen:
        return (
            f"Your plan has ended. Your {count(funds.balance, 'credit')} are kept; to send again, "
            "choose a plan with `/credits plan`."
        )
    left = f"{funds.balance:,} {'is' if funds.balance == 1 else 'are'} left"
    return (
        f"That text needs {count(needed, 'credit')} and {left}. "
        "Upgrade with `/credits plan`, or shorten it."
    )


@transaction
def quote(user: str, channel: str, text: str, now: datetime) -> Offer:
    """Reads `<number or contact> <body>` and keeps it as a draft. Raises Refused in plain words."""
    line = lines.line_for(user, channel)
    recipient, body = contacts.split_recipient(line, text)
    if not body:
        raise Refused(f"What should {recipient.name} read? Add the text after the number or name.")
    _require_sendable(line, recipient.contact, body)
    price = rates.quote(recipient.number, body)
    draft = Draft.create(
        id=secrets.token_urlsafe(12),
        line=line,
        number=recipient.number,
        body=body,
        credits=price.credits,
        author=user,
        made_at=now,
    )
    return _offer(draft, price, now)


@transaction
def edit(draft_id: str, user: str, body: str, now: datetime) -> Offer:
    """Quotes the draft again with another body; the card shown before can no longer send it."""
    draft = _own(draft_id, user)
    body = body.strip()
    if not body:
        raise Refused("An empty text cannot be sent.")
    _require_sendable(draft.line, _contact(draft), body)
    price = rates.quote(draft.number, body)
    renewed = {"body": body, "credits": price.credits, "version": draft.version + 1}
    if not _move(draft, draft.version, renewed):
        raise Refused("This text was sent or cancelled already.")
    draft.body, draft.version = body, draft.version + 1
    return _offer(draft, price, now)


@transaction
def cancel(draft_id: str, version: int, user: str) -> None:
    """Throws the draft away. Raises Refused if it was sent, or the card is not the newest."""
    draft = _own(draft_id, user)
    if not _move(draft, version, {"state": "cancelled"}):
        raise Refused(_why_stale(draft))


@transaction
def body_of(draft_id: str, user: str) -> str:
    """The draft's text, for editing. Raises Refused if it is not this user's."""
    return str(_own(draft_id, user).body)


@dataclass(frozen=True)
class Sent:
    """A text on its way."""

    recipient: str
    credits: int
    balance: int  # after it


@transaction
def send(draft_id: str, version: int, user: str, now: datetime) -> Sent | Offer:
    """Queues the draft's text and charges it, once, however often Send is pressed (R6, R14).

    Returns a new Offer instead, and sends nothing, if the price is no longer the one shown.
    Raises Refused in plain words: sent already, not enough credits, opted out.
    """
    draft = _own(draft_id, user)
    credits.hold(draft.line.account_id, now)
    price = rates.quote(draft.number, draft.body)
    if price.credits != draft.credits and draft.state == "quoted":
        _move(draft, version, {"credits": price.credits, "version": version + 1})
        draft.version = version + 1
        return _offer(draft, price, now, changed=True)
    if not _move(draft, version, {"state": "queued"}):
        raise Refused(_why_stale(draft))
    _require_sendable(draft.line, _contact(draft), draft.body)
    contact, _ = Contact.get_or_create(
        account=draft.line.account_id, number=draft.number, defaults={"made_at": now}
    )
    _queue(draft, contact, price, now)
    return Sent(
        contacts.name_of(contact), price.credits, credits.balance(draft.line.account_id)
    )  # fmt: skip


def _queue(draft: Draft, contact: Contact, price: Quote, now: datetime) -> None:
    conversation = conversations.open_conversation(draft.line, contact, now)
    message = Message.create(
        conversation=conversation,
        direction="out",
        body=draft.body,
        kind=price.kind,
        credits=price.credits,
        carrier_segments=price.carrier_segments,
        status="waiting",
        author=draft.author,
        draft=draft.id,
        made_at=now,
    )
    try:
        credits.charge_out(
            draft.line.account_id,
            f"out:{message.id}",
            price.credits,
            message=message.id,
            actor=draft.author,
            now=now,
        )
    except credits.NotEnoughCredits as short:
        funds = Funds(short.left, isinstance(short, credits.Frozen))
        raise Refused(shortage(short.needed, funds)) from None
    conversations.answered(conversation, now)
    conversations.show(message)
    for number, part in enumerate(rates.parts(draft.number, draft.body)):
        ref = secrets.token_urlsafe(16)
        row = Part.create(
            message=message, number=number, body=part.body, credits=part.credits, ref=ref
        )
        outbox.enqueue(
            f"text:{ref}",
            "twilio.message",
            {"part": row.id},
            lane=f"text:{draft.line.number}:{draft.number}",
            pace=f"number:{draft.line.number}",
        )
    tally.count("texts_total", f'direction="out",kind="{price.kind}"')
    tally.count("credits_total", 'direction="out"', price.credits)


def _own(draft_id: str, user: str) -> Draft:
    draft = Draft.get_or_none(Draft.id == draft_id)
    if draft is None:
        raise Refused("This text is not known here. Start again with `/text`.")
    lines.require_member(user, draft.line.account_id)
    if draft.author != user:
        raise Refused(f"This is <@{draft.author}>'s text. Start your own with `/text`.")
    return draft


def _move(draft: Draft, version: int, to: dict[str, object]) -> bool:
    """Changes the draft only if it is still the quoted one of that version: once, for one press."""
    return bool(
        Draft.update(to)
        .where(Draft.id == draft.id, Draft.version == version, Draft.state == "quoted")
        .execute()
    )


def _why_stale(draft: Draft) -> str:
    state = Draft.get_by_id(draft.id).state
    if state == "queued":
        return "This text was sent already. It went out once."
    if state == "cancelled":
        return "This text was cancelled. Start again with `/text`."
    return "This card is out of date: the text was edited. Use the newer card."


def _require_sendable(line: Line, contact: Contact | None, body: str) -> None:
    if len(body) > LONGEST_BODY:
        raise Refused(
            f"That text has {len(body):,} characters and {LONGEST_BODY:,} is the most. Shorten it."
        )
    if contact is None:
        return
    conversation = Conversation.get_or_none(line=line, contact=contact)
    if contact.opted_out_at and (conversation is None or conversations.opted_out(conversation)):
        raise Refused(
            f"{contacts.name_of(contact)} opted out with STOP, so nothing can be sent. "
            "They can opt in again by texting START."
        )


def _contact(draft: Draft) -> Contact | None:
    found: Contact | None = Contact.get_or_none(
        Contact.account == draft.line.account_id, Contact.number == draft.number
    )
    return found


def _offer(draft: Draft, price: Quote, now: datetime, changed: bool = False) -> Offer:
    recipient = contacts.Recipient(draft.number, _contact(draft))
    return Offer(
        draft.id, draft.version, recipient.name, draft.number, draft.body, price,
        credits.funds(draft.line.account_id, now), changed,
    )  # fmt: skip
