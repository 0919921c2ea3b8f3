"""Calls to a line: what the caller gets, what is charged, and what the thread says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import inbox, outbox, tally
from bot.contacts import address_book, numbers
from bot.contacts.models import Contact
from bot.lines import addressee, text_back
from bot.lines.models import Line, TwilioAccount
from bot.talks import conversations, threads
from bot.talks.models import Call, Conversation
from bot.words import count, when
from ledger import credits, rates
from ledger.database import session, transaction

log = structlog.get_logger()

WORDS = "Hello. This number takes text messages. Please send us one, and we will answer. Goodbye."
#: What Twilio gives for a caller who shows no number (twilio.com/docs/voice/twiml): the keys that
#: spell ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE.
WITHHELD = {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"}
#: What ends a call that was put through to somebody's phone.
TAKEN = {"completed", "answered"}
ASKED_AFTER = timedelta(minutes=5)  # Twilio, of a call whose end nobody told us
ASKED_EVERY = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(hours=24)  # Twilio's longest call takes four
AT_ONCE = 50  # calls that are asked about in one run


@dataclass(frozen=True)
class Answer:
    """What a caller gets."""

    words: str  # spoken, at once or where nobody takes the call
    forward: str | None = None  # E.164: this phone rings first
    refused: bool = False  # they are blocked, or the number is no line's


@dataclass(frozen=True)
class CallIn:
    """A call as Twilio told of it."""

    call_sid: str
    caller: str
    to: str
    twilio: str | None = None  # the Twilio account it came by; none: that of the settings
    place: str | None = None
    forwarded_to: str | None = None  # the phone that rings
    recovered: bool = False  # no webhook brought it: it was found in Twilio's list
    said_at: datetime | None = None  # by Twilio, or when it came here; that may be long ago


def answer(number: str, twilio: str | None, caller: str) -> Answer:
    """What somebody who calls this number gets. Reads alone: they are waiting."""
    with session():
        line: Line | None = Line.live().where(Line.number == number).first()
        if line is None or not line.has_been_in(twilio):
            return Answer(WORDS, refused=True)
        contact = address_book.by_number(line.account_id, caller)
        words = line.voice_words or WORDS
        if contact is not None and contact.blocked_at is not None:
            return Answer(words, refused=True)
        return Answer(words, line.forward_number if line.voice_mode == "forward" else None)


@transaction
def began(call: CallIn, now: datetime) -> Call:
    """Takes a call in. One that is put through is shown when its outcome is known, any other now.

    Raises inbox.Park when no line of ours had the number.
    """
    line = addressee.line_of(call.to, call.twilio, call.said_at or now)
    credits.hold(line.account_id, now)
    if stood := Call.get_or_none(Call.call_sid == call.call_sid):
        return stood
    if line.calls_until is None and not call.recovered:  # Twilio brings its calls here, then
        Line.update(calls_until=now).where(Line.id == line.id).execute()
    row = Call.create(
        line=line, contact=_contact(line, call, now), number=call.caller, call_sid=call.call_sid,
        twilio=call.twilio, forwarded_to=call.forwarded_to, began_at=call.said_at or now,
        ask_at=now + ASKED_AFTER if call.forwarded_to else None,
    )  # fmt: skip
    if call.recovered:
        _missed(row, f"It was {when(row.began_at)}, and Partyline did not hear of it then", now)
    elif call.forwarded_to is None:
        row.outcome = "message"
        _missed(row, "They heard what the line tells callers", now)
    return row


@transaction
def over(call: CallIn, dialled: str | None, seconds: int, now: datetime) -> None:
    """What came of a call: `dialled` is what became of the phone that rang, and `seconds` how long
    two people spoke. Without it all that is known is that the call is over: Twilio is asked. So it
    is where a customer brought the Twilio account, whose token signs what they like.

    Raises inbox.Park where the call came by another account.
    """
    row = Call.get_or_none(Call.call_sid == call.call_sid)
    if row is None:
        raise inbox.NotYet(f"the call {call.call_sid} to {call.to} itself is not known yet")
    if row.twilio_id != call.twilio:
        raise inbox.Park(f"the call {call.call_sid} came by another Twilio account")
    credits.hold(row.line.account_id, now)
    row = Call.get_by_id(row.id)
    if row.outcome != "ringing":
        return
    if dialled is None or TwilioAccount.is_customers(call.twilio):
        _ask(row, now)
    else:
        _ended(row, dialled, seconds, now)


def _ended(row: Call, dialled: str, seconds: int, now: datetime) -> None:
    """It is known what became of the phone that rang."""
    if dialled in TAKEN:
        _taken(row, seconds, now)
    else:
        _missed(row, f"{_whose(row.line)} phone rang, and nobody took it", now)


def _taken(row: Call, seconds: int, now: datetime) -> None:
    row.outcome, row.seconds, row.ended_at, row.ask_at = "answered", seconds, now, None
    row.minutes, row.credits = -(-seconds // 60), rates.quote_call(seconds)
    row.save()
    if row.credits:
        credits.charge_call(
            row.line.account_id, f"call:{row.call_sid}", row.credits, call=row.id, now=now
        )
    _count(row)
    talk = _conversation(row, now)
    if talk is not None:
        if talk.waiting_since is not None and row.line.forward_user:
            conversations.answered(talk, row.line.forward_user, now)
        spoke = f"{count(row.minutes, 'minute')}, {count(row.credits, 'credit')}"
        threads.say(
            talk, f":telephone_receiver: Call taken on {_whose(row.line)} phone: {spoke}.",
            f"call:{row.id}",
        )  # fmt: skip


def _missed(row: Call, how: str, now: datetime) -> None:
    """Nobody spoke with them: it is said in their thread, and they are texted back if that is
    switched on."""
    row.outcome = "missed" if row.outcome == "ringing" else row.outcome
    row.ended_at, row.ask_at = now, None
    row.save()
    _count(row)
    talk = _conversation(row, now)
    if talk is None:
        return
    was_quiet = conversations.called(talk, now)
    said = f":telephone_receiver: {_calling(talk)}Missed call. {how[:1].upper()}{how[1:]}."
    why_not = text_back.why_not(row, talk, now)
    if row.line.text_back:
        why = f"not texted back: {why_not}" if why_not else "texted back"
        said += f" They are {why}."
    threads.say(talk, said, f"call:{row.id}", broadcast=was_quiet)
    if not why_not:
        text_back.send(row, talk, now)


def _conversation(row: Call, now: datetime) -> Conversation | None:
    """Where the call is shown, begun if need be. What a caller without a number did is told in the
    channel; what somebody blocked did, nowhere."""
    if row.contact is None:
        if row.line.channel:
            told = {"what": "note", "text": _unnamed(row)}
            outbox.post_card(row.line.channel, f"call:{row.id}", "slack.card", told)
        return None
    if row.contact.blocked_at is not None:
        return None
    return conversations.open_conversation(row.line, row.contact, now)


def _unnamed(row: Call) -> str:
    if row.outcome == "answered":
        what = (
            f"A call was taken on {_whose(row.line)} phone: {count(row.minutes, 'minute')}, "
            f"{count(row.credits, 'credit')}"
        )
    else:
        what = "Missed call"
    return f":telephone_receiver: {what}. The caller withheld their number."


def _contact(line: Line, call: CallIn, now: datetime) -> Contact | None:
    if not numbers.textable(call.caller) or call.caller in WITHHELD:
        return None
    return address_book.meet(line.account_id, call.caller, now, call.place)


def _whose(line: Line) -> str:
    return f"<@{line.forward_user}>'s" if line.forward_user else "the"


def _calling(talk: Conversation) -> str:
    return f"<@{talk.assigned_to}> " if talk.assigned_to else ""


def _count(row: Call) -> None:
    tally.count("calls_total", f'outcome="{row.outcome}"')
    if row.credits:
        tally.count("credits_total", 'direction="call"', row.credits)


# Whose end nobody told us


def _ask(row: Call, now: datetime) -> None:
    """Queues a question to Twilio: what became of the phone that rang?"""
    row.ask_at = now + ASKED_EVERY
    row.save(only=[Call.ask_at])
    outbox.enqueue(
        f"ask:{row.call_sid}:{now.timestamp():.0f}", "twilio.call",
        {"call": row.id}, lane=f"call:{row.call_sid}", pace="twilio:api",
    )  # fmt: skip


def ask_overdue(now: datetime) -> int:
    """Has Twilio asked of calls that should be over, each by itself. Returns of how many."""
    with session():
        due = Call.select(Call.id).where(Call.ask_at <= now).order_by(Call.ask_at).limit(AT_ONCE)
        ids = [one.id for one in due]
    for call_id in ids:
        try:
            _ask_overdue(call_id, now)
        except Exception:
            log.exception("call.not_asked", call_id=call_id)
    return len(ids)


@transaction
def _ask_overdue(call_id: int, now: datetime) -> None:
    credits.hold(Call.get_by_id(call_id).line.account_id, now)
    row = Call.get_by_id(call_id)
    if row.outcome != "ringing" or row.ask_at is None or row.ask_at > now:
        return  # it was told, or another worker asks
    if now - row.began_at > GIVEN_UP_AFTER:
        _missed(row, "Twilio never said how it ended", now)
    else:
        _ask(row, now)


@transaction
def told(call_id: int, dialled: str | None, seconds: int, now: datetime) -> None:
    """Twilio's answer; `dialled` is none while they are still speaking."""
    row = Call.get_by_id(call_id)
    credits.hold(row.line.account_id, now)
    row = Call.get_by_id(call_id)
    if row.outcome != "ringing" or dialled is None:
        return
    _ended(row, dialled, seconds, now)
