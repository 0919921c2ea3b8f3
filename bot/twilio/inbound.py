"""What Twilio told us, read from the inbox and handed to the feature it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.inbox import Park, Payload
from bot.talks import conversations
from bot.talks.conversations import TextIn
from bot.texts import receipts
from bot.texts.receipts import Fate
from bot.twilio.accounts import Accounts
from bot.twilio.errors import explain
from bot.words import clean


def sms(payload: Payload, now: datetime, *, accounts: Accounts) -> None:
    """A text in, from the webhook or from Twilio's list."""
    form = dict(reversed(payload["form"]))  # the first of a repeated key
    conversations.receive(
        TextIn(
            message_sid=form["MessageSid"],
            sender=clean(form["From"]),
            to=form["To"],
            twilio=accounts.beside(form.get("AccountSid")),
            body=clean(form.get("Body", "")),
            media=_media(form),
            place=place(form),
            opt_out_type=form.get("OptOutType"),
            recovered=bool(payload.get("recovered")),
            said_at=moment(payload.get("sent_at")),
        ),
        now,
    )


def status(
    payload: Payload, now: datetime, *, accounts: Accounts, refund_undelivered: bool
) -> None:
    """A status callback."""
    form = dict(reversed(payload["form"]))
    code = form.get("ErrorCode", "")
    receipts.report(
        payload["query"].get("ref"),
        form["MessageSid"],
        fate(form["MessageStatus"], int(code) if code.isdecimal() else None, refund_undelivered),
        now,
        accounts.beside(form.get("AccountSid")),
    )


def fate(status: str, code: int | None, refund_undelivered: bool = False) -> Fate:
    """Twilio's status and error code in our words, and whether its credits come back (R14)."""
    if status not in receipts.FAILURES:
        return Fate(status)
    error = explain(code)
    # Twilio bills neither `failed` nor `canceled`: they reached no carrier.
    refund = status != "undelivered" or refund_undelivered or error.refund
    return Fate(status, code, str(error), refund, error.opts_out, error.setup)


def moment(stamp: str | None) -> datetime | None:
    """When something was, as a payload of ours has it."""
    return datetime.fromisoformat(stamp) if stamp else None


def _media(form: Mapping[str, Any]) -> list[dict[str, str]]:
    count = form.get("NumMedia", "0")
    if not count.isdecimal():
        raise Park(f"NumMedia is {count!r}, which is no number")
    return [
        {"url": form[f"MediaUrl{n}"], "content_type": form.get(f"MediaContentType{n}", "")}
        for n in range(min(int(count), 10))
        if f"MediaUrl{n}" in form
    ]


def place(form: Mapping[str, Any]) -> str | None:
    """Where a sender's or caller's number is from, as Twilio says."""
    parts = (
        form.get("FromCity", "").title(),
        form.get("FromState", ""),
        form.get("FromCountry", ""),
    )
    country = parts[2] if parts[2] not in ("", "US") else ""
    return ", ".join(clean(part) for part in (parts[0], parts[1], country) if part) or None
