"""Calls, read from the inbox and handed on; and what Twilio is asked about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twilio.rest.api.v2010.account.call import CallInstance

from bot.carriers import Again, Delivery, Done, Failed, Outcome, Repeatable
from bot.inbox import Payload
from bot.lines import calls
from bot.lines.calls import CallIn
from bot.talks.models import Call
from bot.twilio.accounts import Accounts
from bot.twilio.deliver import outcome
from bot.twilio.inbound import moment, place
from bot.words import clean
from ledger.database import session

SPEAKING = {"queued", "initiated", "ringing", "in-progress"}


def call(payload: Payload, now: datetime, *, accounts: Accounts) -> None:
    """A call in, from the webhook or from Twilio's list."""
    calls.began(_call_in(payload, accounts), now)


def over(payload: Payload, now: datetime, *, accounts: Accounts) -> None:
    """What became of the phone that a call was put through to; or that a call is over."""
    form = dict(reversed(payload["form"]))
    seconds = form.get("DialCallDuration", "")
    calls.over(
        _call_in(payload, accounts), form.get("DialCallStatus"),
        int(seconds) if seconds.isdecimal() else 0, now,
    )  # fmt: skip


def _call_in(payload: Payload, accounts: Accounts) -> CallIn:
    form = dict(reversed(payload["form"]))
    return CallIn(
        form["CallSid"], clean(form["From"]), form["To"],
        accounts.beside(form.get("AccountSid")), place(form), payload.get("forwarded_to"),
        bool(payload.get("recovered")), moment(payload.get("sent_at")),
    )  # fmt: skip


class CallCarrier(Repeatable):
    """Asks Twilio what became of the phone that a call was put through to."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def attempt(self, delivery: Delivery) -> Outcome:
        """One GET of the calls that this one made."""
        with session():
            row = Call.get_by_id(delivery.payload["call"])
        try:
            client = self.accounts.client(row.twilio_id)
            legs = client.calls.list(parent_call_sid=row.call_sid, limit=1)
        except Exception as error:
            result = outcome(error)
            asked = isinstance(result, Again | Failed)
            return result if asked else Again(10, "Twilio's list did not answer")
        return Done(_told(legs))

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Hands on what Twilio says; where it says nothing, it is asked again later."""
        if isinstance(outcome, Done):
            told = outcome.result
            calls.told(delivery.payload["call"], told["dialled"], told["seconds"], now)


def _told(legs: list[CallInstance]) -> dict[str, Any]:
    if not legs:  # the caller had hung up before any phone rang
        return {"dialled": "no-answer", "seconds": 0}
    status = str(getattr(legs[0].status, "value", legs[0].status))
    seconds = int(legs[0].duration or 0)
    return {"dialled": None if status in SPEAKING else status, "seconds": seconds}
