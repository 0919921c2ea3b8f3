"""Conversations: a text comes in, is charged, and is shown in its Slack thread."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import contacts, inbox, outbox, tally
from bot.models import Contact, Conversation, Line, Message
from ledger import credits, rates
from ledger.database import transaction

LONG_QUIET = timedelta(days=7)  # after which a text is shown in the channel too

# Twilio's words for long codes, and the FCC's (47 CFR 64.1200(a)(10)); the whole body must match.
STOP_WORDS = {
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
}
START_WORDS = {"start", "yes", "unstop"}


@dataclass(frozen=True)
class TextIn:
    """A text as Twilio told of it."""

    message_sid: str
    sender: str
    to: str
    body: str
    media: list[dict[str, str]] = field(default_factory=list)
    place: str | None = None
    opt_out_type: str | None = None  # STOP, START or HELP, where Twilio says so
    recovered: bool = False  # no webhook brought it: it was found in Twilio's list


@transaction
def receive(text: TextIn, now: datetime) -> Message:
    """Takes a text in: contact and conversation, message, charge (R15), its post in Slack.

    Raises inbox.Park when no line of ours has the number.
    """
    line = Line.get_or_none(Line.number == text.to)
    if line is None:
        raise inbox.Park(
            f"no line has the number {text.to}: "
            "add it with `flask setup --line`, then run `flask retry`"
        )
    credits.hold(line.account_id, now)
    contact = _contact(line, text, now)
    conversation = open_conversation(line, contact, now)
    quote = rates.quote_inbound(
        text.sender if contacts.textable(text.sender) else line.number, text.body, bool(text.media)
    )
    message = Message.create(
        conversation=conversation,
        direction="in",
        body=text.body,
        media=text.media,
        kind=quote.kind,
        credits=quote.credits,
        carrier_segments=quote.carrier_segments,
        status="received",
        message_sid=text.message_sid,
        in_channel=_was_quiet(conversation, now),
        recovered_at=now if text.recovered else None,
        made_at=now,
    )
    credits.charge_in(
        line.account_id, f"in:{text.message_sid}", quote.credits, message=message.id, now=now
    )
    _heed_keywords(conversation, contact, text, now)
    waiting_already = conversation.waiting_since is not None
    conversation.heard_at = now
    _moved(conversation, now, waiting_since=conversation.waiting_since or now)
    if not waiting_already and conversation.thread_ts:
        show_root(conversation)
    show(message)
    tally.count("texts_total", f'direction="in",kind="{quote.kind}"')
    tally.count("credits_total", 'direction="in"', quote.credits)
    return message


@transaction
def open_conversation(line: Line, contact: Contact, now: datetime) -> Conversation:
    """The conversation of this contact on this line; a new one starts its thread in Slack."""
    conversation: Conversation
    conversation, new = Conversation.get_or_create(
        line=line, contact=contact, defaults={"channel": line.channel, "made_at": now}
    )
    if new:
        _post("root", f"root:{conversation.id}", conversation, {})
    return conversation


@transaction
def thread_gone(conversation_id: int, thread_ts: str) -> None:
    """Slack no longer has the thread: what waits for it goes to a new one, started once."""
    here = (Conversation.id == conversation_id) & (Conversation.thread_ts == thread_ts)
    if Conversation.update(thread_ts=None).where(here).execute():
        conversation = Conversation.get_by_id(conversation_id)
        # In a lane of its own: the thread's lane is held up by the post that found it gone.
        lane = f"root:{conversation_id}"
        _post("root", f"{lane}:{thread_ts}", conversation, {}, lane=lane)


@transaction
def answered(conversation: Conversation, now: datetime) -> None:
    """A text went out: nobody waits any more."""
    waited = conversation.waiting_since is not None
    _moved(conversation, now, waiting_since=None)
    if waited:
        show_root(conversation)


def opted_out(conversation: Conversation) -> bool:
    """Whether this contact may not be texted on this line: STOP closes all, START opens one."""
    return is_closed(conversation.contact.opted_out_at, conversation.opted_in_at)


def is_closed(opted_out_at: datetime | None, opted_in_at: datetime | None) -> bool:
    """Whether the last word was STOP."""
    return opted_out_at is not None and (opted_in_at is None or opted_in_at < opted_out_at)


# What is shown in Slack. What it looks like is decided when it leaves, from the rows as they are.


def thread_lane(conversation: Conversation) -> str:
    """The lane of everything that is posted in this conversation's thread."""
    return f"thread:{conversation.id}"


def show(message: Message) -> None:
    """Queues the text's copy in the thread."""
    _post("text", f"post:{message.id}", message.conversation, {"message": message.id})


def say(conversation: Conversation, text: str, key: str) -> None:
    """Queues a remark of Partyline's own in the thread, in Slack's mark-up."""
    _post("remark", key, conversation, {"text": text})


def show_again(message: Message) -> None:
    """Queues an update of the text's copy in the thread; one that waits already serves."""
    _update(message.conversation, f"message:{message.id}", {"message": message.id})


def show_root(conversation: Conversation) -> None:
    """Queues an update of the thread's root; one that waits already serves."""
    _update(conversation, f"root:{conversation.id}", {"conversation": conversation.id})


def _post(
    what: str,
    key: str,
    conversation: Conversation,
    payload: dict[str, object],
    lane: str | None = None,
) -> None:
    outbox.enqueue(
        key,
        "slack.post",
        {"what": what, "conversation": conversation.id, **payload},
        lane=lane or thread_lane(conversation),
        pace=f"channel:{conversation.channel}",
    )


def _update(conversation: Conversation, replaces: str, payload: dict[str, object]) -> None:
    outbox.enqueue(
        f"update:{secrets.token_hex(8)}",
        "slack.update",
        payload,
        lane=thread_lane(conversation),
        pace="updates:slack",
        replaces=replaces,
    )


def _contact(line: Line, text: TextIn, now: datetime) -> Contact:
    contact: Contact
    contact, _ = Contact.get_or_create(
        account=line.account_id,
        number=text.sender,
        defaults={"place": text.place, "made_at": now},
    )
    return contact


def _was_quiet(conversation: Conversation, now: datetime) -> bool:
    last = conversation.last_text_at
    return conversation.state == "closed" or (last is not None and now - last > LONG_QUIET)


def _moved(conversation: Conversation, now: datetime, *, waiting_since: datetime | None) -> None:
    conversation.state = "open"
    conversation.last_text_at = now
    conversation.waiting_since = waiting_since
    conversation.save(
        only=[
            Conversation.state,
            Conversation.heard_at,
            Conversation.last_text_at,
            Conversation.waiting_since,
        ]
    )


def _heed_keywords(
    conversation: Conversation, contact: Contact, text: TextIn, now: datetime
) -> None:
    """STOP closes every line of the account to this contact, START opens the line it came to."""
    word = re.sub(r"\s+", " ", text.body).strip().lower()
    if text.opt_out_type == "STOP" or word in STOP_WORDS:
        stop(conversation, now)
    elif opted_out(conversation) and (text.opt_out_type == "START" or word in START_WORDS):
        conversation.opted_in_at = now
        conversation.save(only=[Conversation.opted_in_at])
        show_root(conversation)


@transaction
def stop(conversation: Conversation, now: datetime) -> None:
    """Marks the contact opted out of every line of the account, unless it is already."""
    contact = conversation.contact
    if opted_out(conversation):
        return
    contact.opted_out_at = now
    contact.save(only=[Contact.opted_out_at])
    show_root(conversation)
