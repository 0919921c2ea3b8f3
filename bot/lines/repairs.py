"""What one press mends: a number's webhooks are set again, or somebody says that all is set up."""

from __future__ import annotations

import secrets
from datetime import datetime

from bot import outbox, paces
from bot.errors import Refused
from bot.lines import health
from bot.lines.models import Line, Trouble
from bot.team import roles
from ledger.database import transaction

REPAIRED = {"webhooks", "calls", "service"}  # troubles that `repair` mends


@transaction
def repair(trouble_id: int, user: str, now: datetime) -> str:
    """Has a trouble mended that one press can mend. Returns what happens now. Raises Refused."""
    trouble, line = _pressed(trouble_id, user)
    if trouble.mended_at is not None:
        return "That is well again already."
    point_here(line, user, now)
    return f"The webhooks of {health.name_of(line)} are being set. It is told here when they are."


@transaction
def is_mended(trouble_id: int, user: str, now: datetime) -> str:
    """Somebody says that what was not set up now is: SmartPlans go on. Raises Refused."""
    trouble, line = _pressed(trouble_id, user)
    if trouble.mended_at is not None:
        return "That is well again already."
    health.mend(line.id, trouble.what, now)
    return "SmartPlans on this line text people again. If a text fails as before, they stop again."


def point_here(line: Line, by: str, now: datetime, *, calls: bool = False) -> None:
    """Queues that the number's webhooks are set to Partyline's address: of texts, and of calls too
    where they came here before, or shall from now on."""
    calls = calls or line.calls_until is not None
    outbox.enqueue(
        f"webhooks:{line.id}:{now.timestamp():.6f}", "twilio.webhooks",
        {"line": line.id, "by": by, "calls": calls}, lane=f"line:{line.id}", pace="twilio:api",
        replaces=f"webhooks:{line.id}:{calls}",
    )  # fmt: skip


@transaction
def points_here(line: Line, sid: str, calls: bool, by: str, now: datetime) -> None:
    """Twilio brings the number's texts here, and its calls if they were to come."""
    Line.update(sid=sid).where(Line.id == line.id).execute()
    if calls and line.calls_until is None:
        Line.update(calls_until=now).where(Line.id == line.id).execute()
        _tell(line, by, f"Calls to {health.name_of(line)} come to Partyline now. Call it to try.")
    for what in ("webhooks", "service", *(["calls"] if calls else [])):
        health.mend(line.id, what, now)


def _pressed(trouble_id: int, user: str) -> tuple[Trouble, Line]:
    trouble = Trouble.get_or_none(Trouble.id == trouble_id)
    if trouble is None or trouble.line_id is None:
        raise Refused("This was settled already, or is another team's.")
    line = Line.get_by_id(trouble.line_id)
    roles.require_manager(user, line.account_id)
    return trouble, line


@transaction
def does_not_point_here(line: Line, by: str, why: str) -> None:
    """Twilio refused it: whoever pressed hears why."""
    _tell(line, by, f"The webhooks of {health.name_of(line)} could not be set: {why.rstrip('.')}.")


def _tell(line: Line, user: str, text: str) -> None:
    outbox.enqueue(
        f"told:{line.id}:{secrets.token_hex(8)}", "slack.whisper",
        {"channel": line.channel or user, "user": user, "text": text},
        lane=f"whisper:{user}", pace=paces.of_channel(line.channel or user),
    )  # fmt: skip
