"""Where Twilio is to bring a number's texts and calls, and how it is told so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from bot.carriers import Delivery, Done, Failed, Outcome, Repeatable
from bot.lines import repairs
from bot.lines.models import Line
from bot.twilio.accounts import Accounts
from bot.twilio.deliver import outcome
from bot.twilio.webhooks import RETRY_FRAGMENT
from ledger.database import session

IN_SERVICE_ALREADY = {21710, 21712}  # this one or another: a look says which
NOT_FOUND = 404


def texts_here(public_url: str) -> dict[str, str]:
    """A number's own webhooks of texts, as they are to be: the second address is the first, for
    what Twilio could not bring at once. An application would be asked instead of them."""
    url = f"{public_url}/twilio/sms{RETRY_FRAGMENT}"
    return {
        "sms_application_sid": "", "sms_url": url, "sms_method": "POST", "sms_fallback_url": url,
        "sms_fallback_method": "POST",
    }  # fmt: skip


def calls_here(public_url: str) -> dict[str, str]:
    """The same of calls, and where their end is told."""
    url = f"{public_url}/twilio/voice{RETRY_FRAGMENT}"
    return {
        "voice_application_sid": "", "voice_url": url, "voice_method": "POST",
        "voice_fallback_url": url, "voice_fallback_method": "POST",
        "status_callback": f"{public_url}/twilio/voice/status{RETRY_FRAGMENT}",
        "status_callback_method": "POST",
    }  # fmt: skip


class WebhookCarrier(Repeatable):
    """Sets a number's webhooks, and its place in the Messaging Service. All of it may be repeated:
    it says how things are to be."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.settings = accounts.settings

    def attempt(self, delivery: Delivery) -> Outcome:
        """Finds the number if its SID is not known, and updates it."""
        with session():
            line = Line.get_by_id(delivery.payload["line"])
        if line.released_at is not None:  # its number goes where its owner wants it
            return Failed("the line was released")
        public = self.settings.public_url
        wanted = texts_here(public)
        if delivery.payload["calls"]:
            wanted |= calls_here(public)
        try:
            client = self.accounts.client(line.twilio_id)
            sid = line.sid or _sid(client, line.number)
            if sid is None:
                return Failed(f"Twilio has no number {line.number} in this account")
            client.incoming_phone_numbers(sid).update(**wanted)
            if service := service_of(self.settings, line):
                _serve(client, service, sid)
        except Exception as error:
            return outcome(error)
        return Done({"sid": sid})

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """What was wrong is well again; or whoever pressed hears why it is not."""
        told = delivery.payload
        line = Line.get_by_id(told["line"])
        if isinstance(outcome, Done):
            repairs.points_here(line, outcome.result["sid"], told["calls"], told["by"], now)
        else:
            repairs.does_not_point_here(line, told["by"], outcome.why)


def service_of(settings: Any, line: Line) -> str | None:
    """The Messaging Service that the line's number belongs in, if there is one."""
    return settings.twilio_messaging_service_sid if line.twilio_id is None else None


def _sid(client: Client, number: str) -> str | None:
    listed = client.incoming_phone_numbers.list(phone_number=number, limit=1)
    return listed[0].sid if listed else None


def _serve(client: Client, service: str, sid: str) -> None:
    """Has the service ask the number's own webhook, first, then take the number in."""
    client.messaging.v1.services(service).update(use_inbound_webhook_on_number=True)
    try:
        client.messaging.v1.services(service).phone_numbers.create(phone_number_sid=sid)
    except TwilioRestException as error:
        if error.code not in IN_SERVICE_ALREADY:
            raise
