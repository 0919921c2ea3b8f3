"""A composer that was submitted: its text is sent, kept for later, or asked about once more.

The draft bears the view's own id, so a modal that Slack submits twice sends once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import outbox
from bot.contacts import address_book
from bot.contacts.contacts import Recipient
from bot.errors import Refused, Wrong
from bot.talks import conversations, threads
from bot.talks.models import Conversation
from bot.texts import composer, drafts, filling, keystrokes, offers, scheduled, sending
from bot.texts.composer import Look, Terms, Typed
from bot.texts.models import Draft, Typing
from bot.words import escape
from ledger import credits
from ledger.database import db, transaction

NEWEST = "9" * 10  # later than any ts of Slack's


@dataclass(frozen=True)
class Gone:
    """A text that left the composer."""

    recipient: str
    credits: int
    balance: int  # after it
    channel: str
    thread_ts: str | None  # none until Slack has the thread
    at: datetime | None = None  # when it goes out, if later
    checking: bool = False  # first its files are looked at


@transaction
def submit(typed: Typed, shown: Terms | None, now: datetime) -> Gone | Look:
    """Sends what stands in the form, once, if its terms are those that were `shown` (R6).

    Else returns what to show, and sends nothing. Raises Refused in plain words.
    """
    line = composer.blank(typed, now).line
    credits.hold(line.account_id, now)
    if draft := Draft.get_or_none(Draft.id == composer.draft_id(typed.view)):
        return _gone(drafts.own(draft.id, typed.user))
    row = keystrokes.hold(typed, now)
    assert row is not None
    look = _as_submitted(row, typed, now)
    is_as_seen = row.box == typed.box and look.terms == shown
    if not (shown and is_as_seen and keystrokes.may_stand(row, shown, now)):
        row.asked = shown[0] if shown else 0
        row.hash, row.shown = None, {"digest": None}
        row.save()
        return composer.look(row, now)
    draft = drafts.sketch(
        row.line, str(row.number), row.body.strip(), row.user, now, id=composer.draft_id(row.view),
        media=row.media, as_mms=look.is_mms, send_at=row.send_at,
    )  # fmt: skip
    draft.save(force_insert=True)
    keystrokes.gone(row.view)
    return _leave(draft, typed.files, now)


def _as_submitted(row: Typing, typed: Typed, now: datetime) -> Look:
    """The row with what was submitted in it, which is newer than any key, and what it is worth.

    A template that was just chosen, and a text of ours that no update has shown yet, were not seen.
    """
    at, row.box = row.at, typed.box
    filling.take(row, replace(typed, at=NEWEST, template=None))
    row.at = at
    look = composer.look(row, now)
    _require(look, row, now)
    return look


def _require(look: Look, row: Typing, now: datetime) -> None:
    """Raises Wrong where no price could help."""
    if look.recipient is None:
        raise Wrong("to", "Choose who it is for.")
    if look.trouble:
        raise Wrong("body", look.trouble)
    if look.offer is None:
        raise Wrong("body", "Write what they should read.")
    if row.send_at is None:
        if not look.offer.covered:
            raise Wrong("body", offers.shortage(look.offer.quote.credits, look.offer.funds))
        return
    try:
        scheduled.require_time(row.send_at, now)
    except Refused as refusal:
        raise Wrong("at", str(refusal)) from None


def _leave(draft: Draft, files: Sequence[dict[str, Any]], now: datetime) -> Gone:
    if draft.media:
        return _look_into(draft, files, now)
    if draft.send_at:
        scheduled.later(draft.id, draft.version, draft.author, draft.send_at, now)
    else:
        sent = sending.send(draft.id, draft.version, draft.author, now)
        assert isinstance(sent, sending.Sent), "it was quoted in this very transaction"
    return _gone(Draft.get_by_id(draft.id))


@transaction
def sent_from(view: str) -> Gone | None:
    """What became of the text that was sent from this form; None if none was."""
    draft = Draft.get_or_none(Draft.id == composer.draft_id(view))
    return _gone(draft) if draft is not None else None


def _gone(draft: Draft) -> Gone:
    contact = address_book.by_number(draft.line.account_id, draft.number)
    talk = Conversation.get_or_none(line=draft.line, contact=contact)
    account = draft.line.account_id
    return Gone(
        Recipient(draft.number, contact).name, draft.credits, credits.balance(account),
        talk.channel if talk else draft.line.channel, talk.thread_ts if talk else None,
        draft.send_at if draft.state != "queued" else None,
        checking=draft.state == "quoted",
    )  # fmt: skip


# Files are looked at before they are texted, which takes longer than Slack waits for Submit.


def _look_into(draft: Draft, files: Sequence[dict[str, Any]], now: datetime) -> Gone:
    contact = address_book.meet(draft.line.account_id, draft.number, now)
    draft.conversation = conversations.open_conversation(draft.line, contact, now)
    draft.source_ts = f"composed:{draft.id}"
    draft.save()
    outbox.enqueue(
        f"files:{draft.id}", "slack.peek",
        {"draft": draft.id, "reply": {"files": list(files)}},
        lane=f"peek:{draft.author}", pace="files:slack",
    )  # fmt: skip
    return _gone(draft)


@transaction
def looked_into(
    draft_id: str, media: Sequence[dict[str, Any]], why_not: Sequence[str], now: datetime
) -> None:  # fmt: skip
    """The files of a submitted text were looked at: it goes out, or its author is told why not;
    where the price is another one, its card stands in the thread."""
    draft = Draft.get_by_id(draft_id)
    if draft.state != "quoted" or draft.card_ts:
        return
    if why_not:
        drafts.move(draft, draft.version, {"state": "cancelled"})
        words = " ".join(escape(why) for why in why_not)
        threads.whisper(
            draft.talk, draft.author, f"{words} Nothing was texted.", f"files:{draft_id}:refused"
        )
        return
    draft.media = list(media)
    draft.save(only=[Draft.media])
    try:
        with db.atomic():  # what a refusal leaves half done is undone
            if draft.send_at and draft.send_at > now:
                scheduled.later(draft.id, draft.version, draft.author, draft.send_at, now)
                return
            if isinstance(sending.send(draft.id, draft.version, draft.author, now), sending.Sent):
                return
    except Refused:
        pass  # the card says why, and what to do
    threads.show_draft(Draft.get_by_id(draft_id))
