"""Conversations: a text comes in, is charged, and is shown in its Slack thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot import outbox, tally
from bot.contacts import address_book, consent, numbers
from bot.contacts.models import Contact
from bot.lines import addressee
from bot.lines.models import Line
from bot.smartplans import plan_events
from bot.talks import threads
from bot.talks.models import Conversation, Message
from bot.team import viewers
from ledger import credits, rates, rows
from ledger.database import instant, query, transaction

LONG_QUIET = timedelta(days=7)  # after which a text is shown in the channel too
CALLED_AGAIN_AFTER = timedelta(minutes=3)  # without a text in
LOOP_TEXTS, LOOP_WITHIN = 20, timedelta(minutes=5)  # with one number: more is a machine
WITHHELD = 50  # texts of somebody blocked that are shown when they no longer are
EARLIER = """
    SELECT made_at FROM message WHERE conversation_id = %s
    ORDER BY made_at DESC LIMIT 1 OFFSET %s"""

THREADS = """
    SELECT id, contact_id, channel, has_thread FROM conversation
    WHERE line_id = %s AND contact_id {}"""
IF_NEW = "ON CONFLICT (line_id, contact_id) DO NOTHING RETURNING id, contact_id"


@dataclass(frozen=True)
class TextIn:
    """A text as Twilio told of it."""

    message_sid: str
    sender: str
    to: str
    body: str
    twilio: str | None = None  # the Twilio account it came by; none: that of the settings
    media: list[dict[str, str]] = field(default_factory=list)
    place: str | None = None
    opt_out_type: str | None = None  # STOP, START or HELP, where Twilio says so
    recovered: bool = False  # no webhook brought it: it was found in Twilio's list
    said_at: datetime | None = None  # by Twilio, or when it came here; that may be long ago


@transaction
def receive(text: TextIn, now: datetime) -> Message:
    """Takes a text in: contact and conversation, message, charge (R15), its post in Slack.

    Raises inbox.Park when no line of ours had the number.
    """
    line = addressee.line_of(text.to, text.twilio, text.said_at or now)
    credits.hold(line.account_id, now)
    contact = address_book.meet(line.account_id, text.sender, now, text.place)
    conversation, new = _meet(line, contact, now, quietly=contact.blocked_at is not None)
    quote = rates.quote_inbound(
        text.sender if numbers.textable(text.sender) else line.number, text.body, bool(text.media)
    )
    message = Message.create(
        conversation=conversation, direction="in", status="received", made_at=now,
        body=text.body, media=_kept_by(text), message_sid=text.message_sid,
        kind=quote.kind, credits=quote.credits, carrier_segments=quote.carrier_segments,
        other_number=text.sender if text.sender != contact.number else None,
        in_channel=_was_quiet(conversation, now),
        recovered_at=now if text.recovered else None,
        arrived_at=text.said_at if text.recovered else None,
    )  # fmt: skip
    credits.charge_in(
        line.account_id, f"in:{text.message_sid}", quote.credits, message=message.id, now=now
    )
    if contact.blocked_at is None:
        _show_new(conversation, message, new, now)
    _heed_keywords(conversation, text, now)
    _tell_plans(contact, now)
    if text.recovered:  # many at once, that did not come at once
        conversation.last_text_at = now
    else:
        _count(conversation, now)
    _save(conversation)
    if contact.blocked_at is None:
        _brake(conversation, now)
    tally.count_all(
        ("credits_total", 'direction="in"', quote.credits),
        ("texts_total", f'direction="in",kind="{quote.kind}"', 1),
    )
    return message


def _tell_plans(contact: Contact, now: datetime) -> None:
    """What a text in means to SmartPlans; its number is within reach, whatever was thought."""
    if contact.unreachable is not None:
        contact.unreachable = None
        contact.save(only=[Contact.unreachable])
    plan_events.on_text_in(contact.account_id, contact.id, now)
    if contact.made_at == now and numbers.textable(contact.number):
        plan_events.on_new_sender(contact.account_id, contact, now)


def _show_new(conversation: Conversation, message: Message, new: bool, now: datetime) -> None:
    """Queues the text's post, with a call for whoever it is assigned to."""
    quiet = conversation.heard_at is None or now - conversation.heard_at > CALLED_AGAIN_AFTER
    changed = conversation.state == "closed" or conversation.snoozed_until is not None
    _begin(conversation)
    if not new and (changed or quiet or conversation.waiting_since is None):
        threads.show_root(conversation)
    elif not new:  # what they say in one go is shown when it is over: Slack takes 50 a minute
        conversation.show_at = conversation.show_at or now + CALLED_AGAIN_AFTER
    conversation.state, conversation.snoozed_until, conversation.heard_at = "open", None, now
    conversation.waiting_since = conversation.waiting_since or now
    threads.show(message, call=conversation.assigned_to if quiet else None)
    if consent.wishes_to_stop(message.body) and not consent.opted_out(conversation):
        threads.post("stop_wish", f"wish:{message.id}", conversation, {"message": message.id})


def _count(conversation: Conversation, now: datetime) -> None:
    """One more text, that no person of ours sent."""
    last = conversation.last_text_at
    paused = last is None or now - last >= LOOP_WITHIN
    conversation.burst = 1 if paused else min(conversation.burst + 1, LOOP_TEXTS)
    conversation.last_text_at = now


def _brake(conversation: Conversation, now: datetime) -> None:
    """Stops automatic answers where two machines may be talking, and says so."""
    if conversation.burst < LOOP_TEXTS or conversation.braked_at is not None:
        return
    earlier = query(EARLIER, conversation.id, LOOP_TEXTS - 1).fetchone()
    if earlier is None or instant(earlier[0]) <= now - LOOP_WITHIN:
        return
    _begin(conversation)
    conversation.braked_at = now
    conversation.save(only=[Conversation.braked_at])
    threads.show_root(conversation)
    whom = f"<@{conversation.assigned_to}> " if conversation.assigned_to else ""
    threads.say(
        conversation,
        f":octagonal_sign: {whom}{LOOP_TEXTS} texts in {LOOP_WITHIN.seconds // 60} minutes. There "
        "may be a machine at the other end: nothing is answered automatically here until one of "
        "you answers.",
        f"brake:{conversation.id}:{now.isoformat()}",
    )


def _heed_keywords(conversation: Conversation, text: TextIn, now: datetime) -> None:
    """STOP closes every line of the account to this contact, START opens the line it came to."""
    said_at = text.said_at or now  # what is applied late must not undo what was said since
    match consent.word(text.body, text.opt_out_type):
        case "STOP":
            if stop(conversation, "texted STOP", said_at) or consent.opted_out(conversation):
                conversation.waiting_since = None
        case "START":
            if consent.give(conversation, "texted START", said_at):
                threads.show_root(conversation)


@transaction
def stop(conversation: Conversation, how: str, now: datetime, by: str | None = None) -> bool:
    """Marks the contact opted out of every line of the account. Returns whether that is new."""
    credits.hold(conversation.line.account_id, now)
    new = consent.withdraw(conversation, how, now, by)
    if new:
        here = Conversation.contact == conversation.contact
        Conversation.update(waiting_since=None).where(here).execute()  # nobody may answer
        for other in of_contact(conversation.contact):
            threads.show_root(other)
        viewers.changed(conversation.line.account_id)
    return new


@transaction
def open_conversation(line: Line, contact: Contact, now: datetime) -> Conversation:
    """The conversation of this contact on this line; a new one starts its thread in Slack, as does
    one in which only SmartPlans have written so far."""
    conversation, new = _meet(line, contact, now)
    if not new:
        _begin(conversation)
    return conversation


def _kept_by(text: TextIn) -> list[dict[str, str]]:
    """Its attachments, each with the Twilio account that keeps it, whatever the line moves to."""
    kept = {"twilio": text.twilio} if text.twilio else {}
    return [{**one, **kept} for one in text.media]


def _meet(
    line: Line, contact: Contact, now: datetime, quietly: bool = False
) -> tuple[Conversation, bool]:
    """The conversation, and whether it is new; `quietly`, a new one has no thread yet."""
    conversation: Conversation
    conversation, new = Conversation.get_or_create(
        line=line,
        contact=contact,
        defaults={"channel": line.channel, "has_thread": not quietly, "made_at": now},
    )
    conversation.line, conversation.contact = line, contact
    if new and not quietly:
        threads.post("root", f"root:{conversation.id}", conversation, {})
    return conversation, new


def _begin(conversation: Conversation) -> None:
    """Starts the thread of a conversation that had no need of one so far."""
    if not conversation.has_thread:
        conversation.has_thread = True
        conversation.save(only=[Conversation.has_thread])
        threads.post("root", f"root:{conversation.id}", conversation, {})
        outbox.enqueue_all(threads.copies(_unshown(conversation)))


def of_contact(contact: Contact) -> list[Conversation]:
    """The contact's conversations, on whichever line."""
    here = (Conversation.contact == contact) & Conversation.goes_on.is_null()
    return list(Conversation.select().where(here).order_by(Conversation.id))


def withheld(contact: Contact, since: datetime) -> int:
    """How many texts came while the contact was blocked."""
    here = Conversation.contact == contact
    return int(Message.select().join(Conversation).where(here, _hidden(since)).count())


@transaction
def show_withheld(contact: Contact, since: datetime) -> None:
    """Shows what came while the contact was blocked, on each line the newest of it."""
    for conversation in of_contact(contact):
        here = (Message.conversation == conversation) & _hidden(since)
        newest = Message.select().where(here).order_by(Message.id.desc()).limit(WITHHELD)
        texts = list(newest)[::-1]
        if not texts:
            continue
        _begin(conversation)
        for message in texts:
            threads.show(message)
        if not consent.opted_out(conversation):
            conversation.waiting_since = conversation.waiting_since or texts[0].made_at
        conversation.heard_at = texts[-1].made_at
        conversation.save(only=[Conversation.waiting_since, Conversation.heard_at])


def _hidden(since: datetime) -> Any:
    came = (Message.direction == "in") & (Message.made_at >= since)
    return came & Message.slack_ts.is_null()


@transaction
def open_quietly(line: Line, people: Mapping[int, str], now: datetime) -> dict[int, threads.Thread]:
    """The conversations of many contacts on this line, by contact; `people` are their numbers. A
    new one has no thread before a person writes in it: a SmartPlan that texts thousands must not
    fill the channel."""
    found = _threads(line, people)
    new = [(line.id, one, "open", line.channel, False, now) for one in people if one not in found]
    if new:
        columns = ("line_id", "contact_id", "state", "channel", "has_thread", "made_at")
        made = rows.insert(Conversation, columns, new, IF_NEW)
        found |= {
            contact: threads.Thread(talk, contact, people[contact], line.channel, False)
            for talk, contact in made
        }
        if len(made) < len(new):  # others were quicker
            found |= _threads(line, {one: people[one] for one in people if one not in found})
    return found


def _threads(line: Line, people: Mapping[int, str]) -> dict[int, threads.Thread]:
    here, which = rows.among(list(people))
    talks = query(THREADS.format(here), line.id, which)
    return {
        contact: threads.Thread(talk, contact, people[contact], channel, bool(is_there))
        for talk, contact, channel, is_there in talks
    }


def _unshown(conversation: Conversation) -> list[tuple[int, threads.Thread]]:
    """What SmartPlans wrote before there was a thread."""
    mine = (Message.conversation == conversation) & Message.automated & Message.slack_ts.is_null()
    thread = threads.thread_of(conversation)
    return [(row.id, thread) for row in Message.select(Message.id).where(mine)]


@transaction
def answered(conversation: Conversation, by: str, now: datetime) -> None:
    """A member's text went out: nobody waits any more. The first to answer has it assigned."""
    conversation.assigned_to = conversation.assigned_to or by
    conversation.state, conversation.snoozed_until = "open", None
    conversation.waiting_since, conversation.last_text_at = None, now
    conversation.braked_at, conversation.burst = None, 0
    _save(conversation)
    threads.show_root(conversation)


@transaction
def sent_automatically(conversation: Conversation, now: datetime) -> None:
    """A text went out that no person sent: it answers nobody, and counts for the brake."""
    _count(conversation, now)
    _save(conversation)
    _brake(conversation, now)


@transaction
def called(conversation: Conversation, now: datetime) -> bool:
    """Somebody called and was not heard: they wait for an answer, unless nobody may text them.
    Returns whether their thread had been quiet for long."""
    was_quiet = _was_quiet(conversation, now)
    conversation.state, conversation.snoozed_until = "open", None
    if not consent.opted_out(conversation):
        conversation.waiting_since = conversation.waiting_since or now
    _save(conversation)
    threads.show_root(conversation)
    return was_quiet


def _was_quiet(conversation: Conversation, now: datetime) -> bool:
    last = conversation.last_text_at
    return conversation.state == "closed" or (last is not None and now - last > LONG_QUIET)


def _save(conversation: Conversation) -> None:
    conversation.save(
        only=[
            Conversation.state, Conversation.heard_at, Conversation.last_text_at,
            Conversation.waiting_since, Conversation.assigned_to, Conversation.braked_at,
            Conversation.snoozed_until, Conversation.burst, Conversation.show_at,
        ]
    )  # fmt: skip
    viewers.changed(conversation.line.account_id)
