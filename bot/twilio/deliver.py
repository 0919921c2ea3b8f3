"""Texts on their way out: one call of Twilio's, once, and what its outcome means."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests
import structlog
import urllib3
from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.rest.api.v2010.account.message import MessageInstance

from bot import clock
from bot.carriers import Again, Carrier, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.config import Settings
from bot.lines.sealing import CannotOpen
from bot.talks.models import Part
from bot.texts import media_links, receipts
from bot.texts.receipts import Outgoing, outgoing
from bot.twilio.accounts import Accounts, NoAccount
from bot.twilio.client import RateLimited
from bot.twilio.errors import classify, explain
from bot.twilio.inbound import fate
from bot.twilio.webhooks import RETRY_FRAGMENT
from ledger.database import session

log = structlog.get_logger()

VALID_FOR = timedelta(hours=4)  # a "see you at 3" that comes at night is worse than none
EMPTY_LOOKS = 2  # before a text is taken for not sent
LISTED = 50  # newest messages between two numbers that a look reads
OPTED_OUT = 21610


class TextCarrier(Carrier):
    """Sends parts of texts through Twilio, each by the account that its line's number is in."""

    lists_late = True

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self.accounts = accounts
        self.settings = settings

    def attempt(self, delivery: Delivery) -> Outcome:
        """One POST of the message. The recipient's consent is checked again just before."""
        part = outgoing(delivery.payload["part"])
        if part.opted_out:
            return Failed(str(explain(OPTED_OUT)), OPTED_OUT)
        if part.released:
            return Failed("The line was released before it could leave.")
        if part.twilio != part.number_in:  # the line moved before it could leave
            part = receipts.goes_by(part, part.number_in)
        left = part.made_at + VALID_FOR - clock.now()
        if left < timedelta(seconds=1):
            return Failed("Twilio could not be reached in time, so it was not sent.")
        call: dict[str, Any] = {
            "to": part.to,
            "from_": part.from_,
            "status_callback": self._callback(part.ref),
            "validity_period": int(left.total_seconds()),
        }
        if part.body:
            call["body"] = part.body
        if part.media:
            call["media_url"] = self._media_urls(part)
        elif part.as_mms:
            call["send_as_mms"] = True
        if self.settings.twilio_messaging_service_sid and part.twilio is None:
            call["messaging_service_sid"] = self.settings.twilio_messaging_service_sid
        try:
            message = self.accounts.client(part.twilio).messages.create(**call)
        except Exception as error:
            return outcome(error)
        if not message.sid:
            return Unknown("Twilio's answer names no message")
        return Done({"sid": message.sid, "status": message.status or "accepted"})

    def look(self, delivery: Delivery) -> Outcome:
        """Whether Twilio has the part: a callback named it, or its list has an unclaimed twin."""
        part = outgoing(delivery.payload["part"])
        if part.message_sid:
            return Done({"sid": part.message_sid, "status": part.status})
        try:
            listed = self.accounts.client(part.twilio).messages.list(
                to=part.to, from_=part.from_, limit=LISTED, page_size=LISTED
            )
        except Exception as error:
            found = outcome(error)
            return found if isinstance(found, Again) else Again(30, "Twilio's list did not answer")
        since = delivery.attempted_at - timedelta(minutes=1)
        twins = [
            message
            for message in listed
            if message.direction != "inbound"
            and (message.date_created is None or message.date_created >= since)
            and _is_twin(message, part)
        ]
        with session():
            claimed = {
                found.message_sid
                for found in Part.select(Part.message_sid).where(
                    Part.message_sid.in_([message.sid for message in twins])
                )
            }
        for message in reversed(twins):  # the oldest first
            if message.sid not in claimed:
                return Done({"sid": message.sid, "status": message.status or "accepted"})
        return NotThere(EMPTY_LOOKS)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Writes the SID, or the refusal and its refund."""
        part_id = delivery.payload["part"]
        if isinstance(outcome, Done):
            result = outcome.result
            receipts.accepted(part_id, result["sid"], fate(result["status"], None), now)
        else:
            error = explain(outcome.code)
            told = (outcome.code, outcome.why, True, error.opts_out, error.setup)
            receipts.refused(part_id, receipts.Fate("failed", *told), now)

    def _media_urls(self, part: Outgoing) -> list[str]:
        key = self.settings.secret_key.get_secret_value()
        return [
            media_links.link(key, self.settings.public_url, part.id, place, file)
            for place, file in enumerate(part.media)
        ]

    def _callback(self, ref: str) -> str:
        return f"{self.settings.public_url}/twilio/status?ref={quote(ref)}{RETRY_FRAGMENT}"


def outcome(error: Exception) -> Outcome:
    """What an exception of a call of Twilio's says about whether Twilio did it."""
    if isinstance(error, RateLimited):
        return Again(error.retry_after_s, str(error), shuts_pace=True)
    if isinstance(error, TwilioRestException | TwilioServiceException):
        code = error.code if error.code != error.status else None
        match classify(error.status, code):
            case "again":
                return Again(30, f"Twilio: {error.status} {code}")
            case "failed":
                return Failed(str(explain(code)), code)
        return Unknown(f"Twilio: {error.status} {code}")
    if isinstance(error, NoAccount | CannotOpen):  # no call was made: it waits, and doctor says so
        return Again(60, str(error))
    if _never_sent(error):
        return Again(1, "Twilio could not be reached")
    if isinstance(error, requests.RequestException | TwilioException | json.JSONDecodeError):
        return Unknown(type(error).__name__)
    raise error


def not_read(event: str, error: Exception, **about: object) -> None:
    """Logs why something was not read from Twilio; a fault of ours with where it is."""
    try:
        why = str(outcome(error))[:200]
    except Exception:
        log.exception(event, **about)
    else:
        log.warning(event, why=why, **about)


def _never_sent(error: Exception) -> bool:
    """Whether the connection was never made: then Twilio cannot have the text."""
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


def _is_twin(message: MessageInstance, part: Outgoing) -> bool:
    """Whether a listed message reads and carries what the part does; its body may be empty."""
    pictures = int(message.num_media or 0)
    is_mms = pictures > 0 or (message.sid or "").startswith("MM")
    if is_mms != bool(part.media or part.as_mms) or pictures not in (0, len(part.media)):
        return False
    return _same(message.body or "", part.body)


def _same(listed: str, ours: str) -> bool:
    """Twilio may trim a body, and puts a sentence before it on a trial account."""
    listed, ours = " ".join(listed.split()), " ".join(ours.split())
    return listed == ours or listed.endswith(f" - {ours}".rstrip())
