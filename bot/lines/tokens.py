"""Tokens of Twilio accounts that teams brought: kept for their lines, and forgotten once nothing
needs them any more."""

from __future__ import annotations

from datetime import datetime

import structlog

from bot.errors import Refused
from bot.lines.models import Line, Setup, TwilioAccount
from bot.lines.offers import Own
from bot.models import Delivery, Inbox
from bot.talks.models import Call, Message, Part
from bot.words import OPERATOR
from ledger.database import query, transaction

log = structlog.get_logger()

# Locked: a set-up that begins there meanwhile waits, or is seen.
LEFT = "SELECT sid FROM twilio_account WHERE left_at IS NOT NULL ORDER BY sid FOR UPDATE"
UNDER_WAY = ("queued", "sending", "unknown", "parked")


@transaction
def keep(account_id: int, own: Own, now: datetime) -> None:
    """Keeps the token of a team's own Twilio account; the one before it still signs. Another
    team's account is theirs once its token is forgotten. Raises Refused."""
    held = own.held
    row = TwilioAccount.get_or_none(TwilioAccount.sid == held.account)
    if row is None:
        TwilioAccount.create(
            sid=held.account, account=account_id, parent_sid=own.parent, name=held.account_name,
            token=own.sealed, made_at=now,
        )  # fmt: skip
    elif row.account_id != account_id and row.token:
        raise Refused(f"This Twilio account is kept for others here. Ask {OPERATOR}.")
    else:
        row.give(account_id, own.sealed)


@transaction
def left(sid: str | None, now: datetime) -> None:
    """A line is in this Twilio account no longer. If a team brought it, its token goes as soon as
    nothing needs it."""
    own = (TwilioAccount.sid == sid) & TwilioAccount.account.is_null(False)
    TwilioAccount.update(left_at=now).where(own).execute()


@transaction
def forget() -> int:
    """Forgets the tokens that nothing needs any more. Returns how many."""
    gone = [row[0] for row in query(LEFT).fetchall()]
    gone = [sid for sid in gone if not _is_needed(sid)]
    for sid in gone:
        TwilioAccount.update(token="", former_token=None, left_at=None).where(
            TwilioAccount.sid == sid
        ).execute()
        log.info("twilio.token_forgotten", account_sid=sid)
    return len(gone)


def _is_needed(sid: str) -> bool:
    """Whether a line is there or comes there, something that came by it is not applied yet, or
    Twilio may still be asked there for a text, a call or an attachment, or tell of one."""
    waits = (
        Line.live().where(Line.twilio == sid),
        Setup.select().where(Setup.twilio == sid, Setup.done_at.is_null()),
        Call.select().where(Call.twilio == sid, Call.ask_at.is_null(False)),
        Part.select().where(Part.twilio == sid, Part.ask_at.is_null(False)),
        Inbox.select().where(Inbox.state == "new", Inbox.key.startswith(f"{sid}:")),
    )
    return (
        any(one.exists() for one in waits)
        or _is_fetched_from(sid)
        or Part.select().where(Part.twilio == sid, Part.status == "waiting").exists()
    )


def _is_fetched_from(sid: str) -> bool:
    """Whether an attachment is still to be brought from there."""
    coming = (Delivery.kind == "slack.media") & Delivery.state.in_(UNDER_WAY)
    wanted = [row.payload["message"] for row in Delivery.select(Delivery.payload).where(coming)]
    texts = Message.select(Message.media).where(Message.id.in_(wanted))
    return any(one.get("twilio") == sid for text in texts for one in text.media)
