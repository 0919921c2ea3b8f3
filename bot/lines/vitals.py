"""What our own tables say of a line: do its texts leave, do they arrive, are they all ours?"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import paces
from bot.lines.health import Look, Problem
from bot.lines.models import Line
from bot.models import Inbox
from bot.words import count
from ledger.database import query, session

STUCK_AFTER = timedelta(minutes=10)
WATCHED = timedelta(hours=24)
FEWEST, SHARE = 20, 0.25  # texts of a day, and how many of them fail, before it is said
CODES = 3  # that are named
UNEXPLAINED = "twilio.unexplained"
STUCK = """
    SELECT COUNT(*), MIN(made_at), MIN(error) FROM delivery
    WHERE kind = 'twilio.message' AND pace = %s AND made_at < %s AND error IS NOT NULL
      AND state IN ('queued', 'sending', 'unknown')"""
PARTS = """
    SELECT part.status, part.error_code, COUNT(*), MAX(message.failure)
    FROM conversation JOIN message ON message.conversation_id = conversation.id
    JOIN part ON part.message_id = message.id
    WHERE conversation.line_id = %s AND message.made_at >= %s AND message.direction = 'out'
      AND part.status IN ('delivered', 'undelivered', 'failed')
    GROUP BY part.status, part.error_code ORDER BY COUNT(*) DESC, part.error_code"""


def look(line: Line, now: datetime) -> Look:
    """All of it, from the tables alone."""
    with session():
        return _stuck(line, now) + _failures(line, now) + _unexplained(line, now)


def _stuck(line: Line, now: datetime) -> Look:
    """Texts that were tried, and did not leave."""
    texts, _, error = query(STUCK, paces.of_number(line.number), now - STUCK_AFTER).fetchone()
    if not texts:
        return Look({"stuck"})
    what = count(texts, "text")
    return Look({"stuck"}, [Problem(
        "stuck", f"{what} could not leave for ten minutes: {str(error).rstrip('.')}.",
        "They are tried again by themselves. If this lasts, `flask doctor` says more.",
        "They are tried again by themselves, until they are too old to be sent.",
    )])  # fmt: skip


def _failures(line: Line, now: datetime) -> Look:
    """Of the texts of a day, how many did not arrive, and why."""
    rows = query(PARTS, line.id, now - WATCHED).fetchall()
    sent = sum(row[2] for row in rows)
    failed = [row for row in rows if row[0] != "delivered"]
    lost = sum(row[2] for row in failed)
    if sent < FEWEST or lost < SHARE * sent:
        return Look({"failures"})
    named = "; ".join(_named(code, number, why) for _, code, number, why in failed[:CODES])
    return Look({"failures"}, [Problem(
        "failures", f"{lost:,} of {count(sent, 'text')} since this hour of yesterday did not "
        f"arrive. {named}.", "Look at what was sent to whom before more goes out.",
    )])  # fmt: skip


def _named(code: int | None, number: int, why: str | None) -> str:
    said = (why or "Twilio gave no reason.").partition(". ")[0].rstrip(".")
    return f"{said}{f' ({code})' if code else ''}: {number:,}"


def _unexplained(line: Line, now: datetime) -> Look:
    """Texts that left the number and that nobody here sent."""
    here = (Inbox.kind == UNEXPLAINED) & (Inbox.lane == unexplained_lane(line.id))
    texts = Inbox.select().where(here, Inbox.received_at > now - WATCHED).count()
    return Look({"unexplained"}, [unexplained(texts)] if texts else [])


def unexplained_lane(line_id: int) -> str:
    """The inbox's lane of such texts."""
    return f"unexplained:{line_id}"


def unexplained(texts: int) -> Problem:
    """What is said of them."""
    return Problem(
        "unexplained", f"{count(texts, 'text')} left this number in the last day that nobody sent "
        "here.", "Somebody else uses the number, or the Twilio account's token is known to others. "
        "If you know of it, nothing needs to be done.",
    )  # fmt: skip
