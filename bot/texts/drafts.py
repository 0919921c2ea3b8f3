"""Drafts: a text that was quoted, and goes out only at the price that was shown (sending.py)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.contacts import consent, contacts, numbers
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.talks import threads
from bot.talks.models import Conversation
from bot.team import channels, roles, viewers
from bot.texts import first_texts, kinds, offers
from bot.texts.models import Draft
from bot.texts.offers import Media, Quoted
from bot.words import call
from ledger import rates
from ledger.database import transaction

LONGEST_BODY = 10_000  # characters: what Slack lets one type is less
WAITING = ("quoted", "scheduled")


class NothingToRead(Refused):
    """Somebody is named, and nothing is said to them."""

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__("What should they read? Add the text after the number or name.")


@transaction
def quote(user: str, channel: str, text: str, now: datetime) -> Quoted:
    """Reads `<number or contact> <body>` and keeps it as a draft. Raises Refused in plain words,
    NothingToRead where there is no body."""
    line = channels.line_for(user, channel)
    recipient, body = contacts.split_recipient(line, text)
    if not body:
        raise NothingToRead(recipient.number)
    return offers.offer(write(line, recipient.number, body, user, now), now)


@transaction
def write(
    line: Line, number: str, body: str, user: str, now: datetime, *, media: Media = (),
    conversation: Conversation | None = None, source_ts: str | None = None,
    changed_ts: str | None = None,
) -> Draft:  # fmt: skip
    """Keeps a text as a draft. Raises Refused if it could not be sent at all."""
    draft = sketch(
        line, number, body, user, now, media=media, id=new_id(), conversation=conversation,
        source_ts=source_ts, changed_ts=changed_ts,
    )  # fmt: skip
    draft.save(force_insert=True)
    return draft


def sketch(
    line: Line, number: str, body: str, user: str, now: datetime, *, media: Media, **more: Any
) -> Draft:
    """A draft that is quoted and not kept. Raises Refused if it could not be sent at all."""
    contact = offers.contact_at(line, number)
    require_sendable(line, contact, body, media)
    draft = Draft(
        line=line, number=number, body=body,
        words=first_texts.words(line.account_id, contact, now), media=list(media), author=user,
        seen=offers.newest(line, contact), made_at=now, **more,
    )  # fmt: skip
    draft.credits = offers.priced(draft).credits
    return draft


def new_id() -> str:
    """An id for a draft that nobody guesses."""
    return secrets.token_urlsafe(12)


@transaction
def edit(draft_id: str, user: str, body: str, now: datetime) -> Quoted:
    """Quotes the draft again with another body; the card shown before can no longer send it."""
    draft = own(draft_id, user)
    return rewrite(draft, now, body=body.strip(), as_mms=False)


@transaction
def save(draft_id: str, version: int, user: str, kind: str, now: datetime) -> Quoted:
    """Takes a saving that the card offered. Raises Refused if it is not offered any more."""
    draft = own(draft_id, user)
    if draft.version != version:
        raise Refused(why_stale(draft))
    for saving in offers.savings_of(draft):
        if saving.kind == kind:
            return rewrite(draft, now, body=saving.body, as_mms=kind == "mms")
    raise Refused("This saving is no longer possible. Look at the newest card.")


@transaction
def again(draft_id: str, version: int, user: str, now: datetime) -> Quoted:
    """Quotes the draft as it is once more: there may be credits now. Raises Refused."""
    draft = own(draft_id, user)
    if draft.version != version:
        raise Refused(why_stale(draft))
    return rewrite(draft, now)


@transaction
def rewrite(draft: Draft, now: datetime, **to: Any) -> Quoted:
    """Quotes a draft anew, as changed. Raises Refused if it was sent or cancelled meanwhile."""
    _requote(draft, now, WAITING, to)
    refresh(draft)
    return offers.offer(draft, now)


@transaction
def quote_anew(draft: Draft, now: datetime, **to: Any) -> Draft:
    """Quotes a reply that was changed, even one that was cancelled; its card is not shown yet.
    Raises Refused if it could not be sent at all, or was sent meanwhile."""
    to["seen"] = offers.newest(draft.line, offers.contact_of(draft))
    _requote(draft, now, [*WAITING, "cancelled"], to)
    return draft


def _requote(draft: Draft, now: datetime, states: Sequence[str], to: dict[str, Any]) -> None:
    for name, value in to.items():
        setattr(draft, name, value)
    if not (draft.body or draft.media):
        raise Refused("An empty text cannot be sent.")
    contact = offers.contact_of(draft)
    require_sendable(draft.line, contact, draft.body, draft.media)
    version = draft.version
    new = {
        **to, "credits": offers.priced(draft).credits, "asked": None, "version": version + 1,
        "words": first_texts.words(draft.line.account_id, contact, now), "state": "quoted",
    }  # fmt: skip
    if not move(draft, version, new, states):
        raise Refused("This text was sent or cancelled already.")
    for name, value in new.items():
        setattr(draft, name, value)


@transaction
def ask_again(draft: Draft, why: str, now: datetime) -> Quoted | None:
    """Shows a draft anew instead of sending it, and why; None if it does not wait any more."""
    try:
        _requote(draft, now, WAITING, {})
    except Refused:
        return None
    newest = offers.newest(draft.line, offers.contact_of(draft))
    draft.asked, draft.seen = why, newest
    Draft.update(asked=why, seen=newest).where(Draft.id == draft.id).execute()
    refresh(draft)
    return offers.offer(draft, now)


@transaction
def cancel(draft_id: str, version: int, user: str) -> None:
    """Throws the draft away. Raises Refused if it was sent, or the card is not the newest."""
    draft = own(draft_id, user)
    if not move(draft, version, {"state": "cancelled"}):
        raise Refused(why_stale(draft))
    refresh(draft)
    if draft.state == "scheduled":
        threads.show_root(draft.talk)


def refresh(draft: Draft) -> None:
    """Brings the draft's card in the thread up to date, if it has one."""
    if draft.in_thread:
        threads.show_draft(draft)


@transaction
def body_of(draft_id: str, user: str) -> str:
    """The draft's text, for editing. Raises Refused if it is not this user's."""
    return str(own(draft_id, user).body)


@transaction
def stands_at(draft_id: str, ts: str) -> None:
    """Slack showed where the draft's card stands before its post was known to have arrived."""
    in_thread = Draft.source_ts.is_null(False) | Draft.returned
    here = (Draft.id == draft_id) & Draft.card_ts.is_null() & in_thread
    Draft.update(card_ts=ts).where(here).execute()


@transaction
def shown(draft_id: str, ts: str, stage_shown: str | None) -> None:
    """The draft's card stands in its thread; it is updated if it shows what was."""
    Draft.update(card_ts=ts).where(Draft.id == draft_id).execute()
    draft = Draft.get_by_id(draft_id)
    if stage(draft) != stage_shown:
        refresh(draft)


@transaction
def card_gone(draft_id: str) -> None:
    """Somebody took the draft's card away: what still waits for Send is shown on a new one."""
    waits = (Draft.id == draft_id) & Draft.state.in_(WAITING)
    if Draft.update(card_ts=None, version=Draft.version + 1).where(waits).execute():
        refresh(Draft.get_by_id(draft_id))


def stage(draft: Draft) -> str:
    """How far the draft is, as its card shows it."""
    return f"{draft.state} {draft.version}"


def own(draft_id: str, user: str) -> Draft:
    """The draft, if this user may decide on it. Raises Refused."""
    draft = Draft.get_or_none(Draft.id == draft_id)
    if draft is None:
        raise Refused("This text is not known here. Start again with `/text`.")
    roles.require_member(user, draft.line.account_id)
    boss = roles.role_of(user, draft.line.account_id) in roles.MANAGERS
    # What is written in a thread lies open to all; a slash command's card is its author's alone.
    is_open = draft.in_thread or draft.state == "scheduled"
    left = roles.role_of(draft.author, draft.line.account_id) is None
    if draft.author != user and not (is_open and (boss or left)):
        raise Refused(f"This is {call(draft.author)}'s text. Start your own with `/text`.")
    return draft


def move(
    draft: Draft, version: int, to: dict[str, object], states: Sequence[str] = WAITING
) -> bool:  # fmt: skip
    """Changes the draft only if it still waits, in that version: once, for one press."""
    here = (Draft.id == draft.id) & (Draft.version == version) & Draft.state.in_(states)
    moved = bool(Draft.update(to).where(here).execute())
    if moved and "scheduled" in (draft.state, to.get("state")):
        viewers.changed(draft.line.account_id)
    return moved


def why_stale(draft: Draft) -> str:
    """Why a press changed nothing."""
    state = Draft.get_by_id(draft.id).state
    if state == "queued":
        return "This text was sent already. It went out once."
    if state == "cancelled":
        return "This text was cancelled. Start again with `/text`."
    if state == "scheduled":
        return "This text waits for its time. `/text later` shows it."
    return "This card is out of date: the text was edited. Use the newer card."


def require_sendable(line: Line, contact: Contact | None, body: str, media: Media = ()) -> None:
    """Raises Refused where no price could help: too long, too large, opted out, a line let go."""
    if line.released_at is not None:
        raise Refused(
            f"{numbers.spoken(line.number)} was released: nothing can be sent from it any more."
        )
    if len(body) > LONGEST_BODY:
        raise Refused(
            f"That text has {len(body):,} characters and {LONGEST_BODY:,} is the most. Shorten it."
        )
    for file in media:
        if file["size"] > rates.PACK_BYTES:
            raise Refused(kinds.too_large(file["name"], file["size"]))
    if contact is None:
        return
    conversation = Conversation.get_or_none(line=line, contact=contact)
    closed = conversation is None or consent.opted_out(conversation)
    if contact.opted_out_at and closed:
        raise Refused(
            f"{contacts.name_of(contact)} opted out ({consent.how(contact)}), so nothing can be "
            "sent. They can opt in again by texting START."
        )
