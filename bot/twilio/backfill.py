"""What Twilio is asked for because no webhook is sure to have brought it: texts and calls that came
while nobody here listened, and texts that left without us."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.rest.api.v2010.account.message import MessageInstance

from bot import clock, inbox
from bot.inbox import Payload
from bot.lines import health, vitals
from bot.lines.models import Line
from bot.models import Inbox
from bot.retention import KEPT
from bot.talks.models import Call, Message, Part
from bot.twilio.accounts import Accounts
from bot.twilio.deliver import not_read
from ledger.database import session, transaction

log = structlog.get_logger()

OVERLAP = timedelta(minutes=15)  # Twilio's list may run behind, and its clock beside ours
WEBHOOK_TAKES = timedelta(seconds=30)  # it may still be on its way so long: nothing was missed
SETTLED = timedelta(minutes=30)  # after which a text of ours has its SID, or is known to be unknown
API = "https://api.twilio.com"
PAGE = 1000  # messages or calls, Twilio's most


def missed(accounts: Accounts) -> int:
    """Reads Twilio's lists of every line since the newest that was read, into the inbox.

    What its webhook brought has the same key and is ignored. Returns how much had been missed.
    """
    with session():
        lines = list(Line.live())
    return sum(
        _guarded(read, accounts, line)
        for line in lines for read in (missed_texts, missed_calls, unexplained)
    )  # fmt: skip


def _guarded(read: Any, accounts: Accounts, line: Line) -> int:
    """One list of one line; where Twilio does not answer, it is read from the same place next
    time."""
    try:
        found: int = read(accounts, line)
    except Exception as error:
        not_read("backfill.failed", error, line_id=line.id)
        return 0
    if found:
        log.warning("backfill.found", line_id=line.id, what=read.__name__, number=found)
    return found


def missed_texts(accounts: Accounts, line: Line) -> int:
    """Texts in. The list is read whole before anything of it is kept, for it comes newest first
    and people are to be heard in the order in which they wrote. Returns how many had been missed:
    one that its webhook was about to bring is no such text, and is not called recovered."""
    client, sid = accounts.client(line.twilio_id), line.twilio_id or accounts.main
    listed = client.messages.list(
        to=line.number, date_sent_after=line.read_until - OVERLAP, page_size=PAGE
    )
    found = [message for message in reversed(listed) if message.direction == "inbound"]
    new = _unknown([str(message.sid) for message in found], Message.message_sid, accounts, sid)
    missed = 0
    for message in found:
        if key := new.get(str(message.sid)):
            missed += _save_text(key, sid, message, _media(client, message))
    # By Twilio's clock: ours may be ahead of it.
    _advance(line, "read_until", [m.date_sent for m in listed if m.date_sent])
    return missed


def _unknown(sids: list[str], kept: Any, accounts: Accounts, account_sid: str) -> dict[str, str]:
    """Those of the SIDs, each with its key, that the inbox does not have, nor the column of what
    came of them: the inbox forgets, and the list begins with the last text however old it is."""
    kept_here = _had(kept, sids)
    keys = {one: accounts.key(account_sid, one) for one in sids if one not in kept_here}
    saved = _had(Inbox.key, list(keys.values()))
    return {one: key for one, key in keys.items() if key not in saved}


def _had(column: Any, values: list[str]) -> set[str]:
    """Those of the values that the column has."""
    had: set[str] = set()
    with session():
        for at in range(0, len(values), PAGE // 2):
            here = column.in_(values[at : at + PAGE // 2])
            had |= {row[0] for row in column.model.select(column).where(here).tuples()}
    return had


def _media(client: Client, message: MessageInstance) -> list[tuple[str, str]]:
    """Address and type of a text's attachments."""
    if not int(message.num_media or 0):
        return []
    listed = client.messages(str(message.sid)).media.list()
    return [(f"{API}{one.uri}".removesuffix(".json"), one.content_type or "") for one in listed]


def _save_text(
    key: str, account_sid: str, message: MessageInstance, media: list[tuple[str, str]]
) -> bool:
    form = [
        ("AccountSid", account_sid),
        ("MessageSid", message.sid),
        ("From", message.from_),
        ("To", message.to),
        ("Body", message.body or ""),
        ("NumMedia", message.num_media or "0"),
    ]
    for place, (url, content_type) in enumerate(media):
        form += [(f"MediaUrl{place}", url), (f"MediaContentType{place}", content_type)]
    return _save(key, "twilio.sms", f"from:{message.from_}", form, message.date_created)


def _save(
    key: str, kind: str, lane: str, form: list[tuple[str, Any]], at: datetime | None
) -> bool:  # fmt: skip
    """Whether it had been missed."""
    # One that Twilio dates long after our time was, too: our clock is wrong.
    missed = at is None or abs(clock.now() - at) >= WEBHOOK_TAKES
    payload = {"form": form, "query": {}, "recovered": missed, "sent_at": at and at.isoformat()}
    return inbox.save(key, kind, lane, payload) and missed


def missed_calls(accounts: Accounts, line: Line) -> int:
    """Calls to a line whose calls come here."""
    if line.calls_until is None:
        return 0
    client, sid = accounts.client(line.twilio_id), line.twilio_id or accounts.main
    listed = client.calls.list(
        to=line.number, start_time_after=line.calls_until - OVERLAP, page_size=PAGE
    )
    over = [call for call in reversed(listed) if _is_over(call)]
    new = _unknown([str(call.sid) for call in over], Call.call_sid, accounts, sid)
    missed = 0
    for call in over:
        if key := new.get(str(call.sid)):
            form = [("AccountSid", sid), ("CallSid", call.sid), ("From", call._from),
                    ("To", call.to)]  # fmt: skip
            missed += _save(key, "twilio.call", f"from:{call._from}", form, call.start_time)
    _advance(line, "calls_until", [call.start_time for call in over if call.start_time])
    return missed


def _is_over(call: CallInstance) -> bool:
    """One that is still on may be told by its webhook in a moment."""
    status = str(getattr(call.status, "value", call.status))
    return call.direction == "inbound" and status not in ("queued", "ringing", "in-progress")


def unexplained(accounts: Accounts, line: Line) -> int:
    """Texts that left the line's number and that no part of a text of ours stands for."""
    client, sid = accounts.client(line.twilio_id), line.twilio_id or accounts.main
    until, since = clock.now() - SETTLED, line.sent_until or line.made_at
    known_since = max(line.made_at, clock.now() - KEPT)  # by the inbox, which forgets
    listed = [
        message
        for message in client.messages.list(
            from_=line.number, date_sent_after=since - OVERLAP, page_size=PAGE
        )
        # What an application answers by itself bears another name than outbound-api.
        if message.direction == "outbound-api" and message.date_created
        and known_since < message.date_created < until
    ]  # fmt: skip
    sids = [str(message.sid) for message in listed]
    ours = _had(Part.message_sid, sids)
    lane = vitals.unexplained_lane(line.id)
    found = sum(
        inbox.save(accounts.key(sid, f"out:{one}"), vitals.UNEXPLAINED, lane, {"line": line.id})
        for one in sids if one not in ours
    )  # fmt: skip
    _advance(line, "sent_until", [m.date_sent for m in listed if m.date_sent])
    return found


def nobody_sent(payload: Payload, now: datetime) -> None:
    """A text that left without us: said once, until a day has passed without another."""
    line = Line.get_by_id(payload["line"])
    health.begin(line, vitals.unexplained(1), now)


@transaction
def _advance(line: Line, column: str, seen: list[datetime]) -> None:
    """Next time the list is read from the newest that was seen, and a little before."""
    until = max(seen, default=None)
    if until is not None:
        field = getattr(Line, column)
        behind = field.is_null() | (field < until)
        Line.update({field: until}).where(Line.id == line.id, behind).execute()
