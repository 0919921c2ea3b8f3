"""Calls at the sandbox's Twilio: somebody calls one of our numbers, and what we answer is carried
out as Twilio would, strictly."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.twilio.services import TwilioServices

LONGEST_SAY = 4_096  # characters
E164 = re.compile(r"\+[1-9]\d{6,14}")
XML = {"text/xml", "application/xml", "text/html"}
#: The verbs that we may answer with, and their attributes (twilio.com/docs/voice/twiml).
VERBS = {
    "Say": {"voice", "language", "loop"},
    "Dial": {"action", "method", "timeout", "answerOnBridge", "callerId", "timeLimit"},
    "Number": {"url", "method", "sendDigits"},
    "Hangup": set(),
    "Reject": {"reason"},
}
LIST = {
    "To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime",
    "PageSize", "Page", "PageToken",
}  # fmt: skip


class TwimlError(AssertionError):
    """A document that Twilio would not carry out; it would play its own apology to the caller."""


@dataclass
class Leg:
    """A call resource: a person's call, or the one that was made for it to somebody's phone."""

    sid: str
    account: str
    direction: str
    from_: str
    to: str
    started: datetime
    parent: str | None = None
    status: str = "ringing"
    seconds: int = 0

    @property
    def resource(self) -> dict[str, Any]:
        """As the API shows it."""
        ended = self.started + timedelta(seconds=self.seconds)
        is_over = self.status not in ("ringing", "in-progress")
        taken = is_over and self.status == "completed"
        rate = 0.0085 if self.direction == "inbound" else 0.014
        return {
            "sid": self.sid, "account_sid": self.account, "parent_call_sid": self.parent,
            "from": self.from_, "to": self.to, "status": self.status, "direction": self.direction,
            "start_time": format_datetime(self.started),
            "end_time": format_datetime(ended) if is_over else None,
            "duration": str(self.seconds) if is_over else None,
            "price": f"-{rate * -(-self.seconds // 60):.5f}" if taken else None,
            "price_unit": "USD", "api_version": "2010-04-01",
            "date_created": format_datetime(self.started),
            "date_updated": format_datetime(self.started),
            "uri": f"/2010-04-01/Accounts/{self.account}/Calls/{self.sid}.json",
        }  # fmt: skip


@dataclass
class TwilioCalls(TwilioServices):
    """What Twilio does with calls."""

    legs: dict[str, Leg] = field(default_factory=dict)  # by SID, in order
    picks_up: dict[str, int] = field(default_factory=dict)  # a phone, and for how many seconds
    engaged: set[str] = field(default_factory=set)  # phones that are busy
    kept_back: set[str] = field(default_factory=set)  # webhooks of calls that never go: dial, call

    # What tests and the demo tell it

    def call(self, from_: str, to: str, *, gives_up: bool = False, **extra: str) -> list[str]:
        """A person calls one of our numbers; one who `gives_up` hangs up while it rings. Returns
        what they hear: the words, "(rings +1…)", "(speaks for 60 s)", "(busy)"."""
        leg = self._leg("inbound", from_, to)
        params = self._of(leg) | extra
        document = self._document(self._voice_url(to), params)
        heard = self._carry_out(leg, document, gives_up) if document is not None else ["(error)"]
        if leg.status == "ringing":
            leg.status = "completed"
        if "call" not in self.kept_back:
            over = self._of(leg) | extra | {"CallDuration": str(leg.seconds)}
            self._answered(self._status_url(to), over)
        return heard

    def _leg(self, direction: str, from_: str, to: str, parent: str | None = None) -> Leg:
        with self.lock:
            account = self.legs[parent].account if parent else self.home_of(to)
            sid = "CA" + secrets.token_hex(16)
            leg = self.legs[sid] = Leg(sid, account, direction, from_, to, clock.now(), parent)
        return leg

    def _of(self, leg: Leg) -> dict[str, str]:
        """What every webhook of a call says."""
        return {
            "AccountSid": leg.account, "ApiVersion": "2010-04-01", "CallSid": leg.sid,
            "CallStatus": leg.status, "Called": leg.to, "CalledCity": "", "CalledCountry": "US",
            "Caller": leg.from_, "CallerCity": "", "CallerCountry": "US", "Direction": "inbound",
            "From": leg.from_, "FromCity": "", "FromCountry": "US", "FromState": "", "FromZip": "",
            "To": leg.to, "ToCity": "", "ToCountry": "US", "ToState": "CA", "ToZip": "",
        }  # fmt: skip

    def _document(self, url: str, params: Mapping[str, str]) -> ElementTree.Element | None:
        """The document that we answer with; None if there is none."""
        answer = self._answered(url, dict(params))
        if answer is None or answer.status_code != 200:
            return None
        if answer.headers["Content-Type"].partition(";")[0] not in XML:
            raise TwimlError(f"12300: {answer.headers['Content-Type']} is no TwiML")
        return parsed(answer.content)

    def _carry_out(self, leg: Leg, document: ElementTree.Element, gives_up: bool) -> list[str]:
        heard: list[str] = []
        for verb in document:
            match verb.tag:
                case "Say":
                    leg.status = "completed"
                    heard.append((verb.text or "").strip())
                case "Reject":
                    leg.status = verb.get("reason", "rejected").replace("rejected", "failed")
                    return [*heard, "(busy)"]
                case "Hangup":
                    return heard
                case "Dial":
                    return heard + self._dial(leg, verb, gives_up)
        return heard

    def _dial(self, leg: Leg, dial: ElementTree.Element, gives_up: bool) -> list[str]:
        phone = (dial.find("Number").text or "").strip()  # type: ignore[union-attr]
        made = self._leg("outbound-dial", leg.from_, phone, leg.sid)
        heard = [f"(rings {phone})"]
        if gives_up:
            leg.status = made.status = "no-answer"
            return heard
        if phone in self.picks_up:
            leg.seconds = made.seconds = self.picks_up[phone]
            leg.status, made.status = "in-progress", "completed"
            heard.append(f"(speaks for {made.seconds} s)")
        else:
            made.status = "busy" if phone in self.engaged else "no-answer"
        action = dial.get("action")
        if not action or "dial" in self.kept_back:
            leg.status = "completed" if made.seconds else "no-answer"
            return heard
        document = self._document(action, self._of(leg) | {
            "DialCallStatus": made.status, "DialCallSid": made.sid,
            "DialBridged": str(bool(made.seconds)).lower(),
            **({"DialCallDuration": str(made.seconds)} if made.seconds else {}),
        })  # fmt: skip
        if document is not None:
            heard += self._carry_out(leg, document, gives_up)
        leg.status = "completed"
        return heard

    # The API

    def _list_calls(self, account: str) -> Response:
        asked = request.args
        assert not set(asked) - LIST, f"Twilio knows no {set(asked) - LIST} here"
        size, page = min(int(asked.get("PageSize", "50")), 1000), int(asked.get("Page", "0"))
        with self.lock:
            mine = [leg for leg in reversed(self.legs.values()) if leg.account == account]
        found = [leg for leg in mine if _wanted(leg, asked)]
        shown, more = found[page * size : (page + 1) * size], len(found) > (page + 1) * size
        following = {**asked, "Page": page + 1}
        return jsonify(
            calls=[leg.resource for leg in shown], page=page, page_size=size, uri=request.path,
            next_page_uri=f"{request.path}?{urlencode(following)}" if more else None,
        )  # fmt: skip


def parsed(document: bytes) -> ElementTree.Element:
    """The document, if Twilio would carry it out; raises TwimlError with its code if not."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  # our own app's
    except ElementTree.ParseError as error:
        raise TwimlError(f"12100: {error}") from None
    if root.tag != "Response":
        raise TwimlError(f"12102: the root is {root.tag}, not Response")
    for place, verb in enumerate(root):
        _check(verb, {"Say", "Dial", "Hangup", "Reject"})
        if verb.tag == "Reject" and place:
            raise TwimlError("a call that was answered cannot be rejected any more")
        if verb.tag in ("Reject", "Hangup") and place < len(root) - 1:
            raise TwimlError(f"nothing after {verb.tag} is ever carried out")
        if verb.tag == "Say" and not 0 < len((verb.text or "").strip()) <= LONGEST_SAY:
            raise TwimlError("13520: Say has no words, or too many")
        if verb.tag == "Dial":
            _check_dial(verb)
    return root


def _check(verb: ElementTree.Element, known: set[str]) -> None:
    if verb.tag not in known:
        raise TwimlError(f"12200: {verb.tag} has no place here")
    if unknown := set(verb.attrib) - VERBS[verb.tag]:
        raise TwimlError(f"12200: {verb.tag} knows no {', '.join(sorted(unknown))}")


def _check_dial(dial: ElementTree.Element) -> None:
    if not 5 <= int(dial.get("timeout", "30")) <= 600:
        raise TwimlError("13212: timeout is out of range")
    if dial.get("answerOnBridge", "false") not in ("true", "false"):
        raise TwimlError("12200: answerOnBridge is true or false")
    if not (dial.get("action") or "").startswith(("https://", "http://")):
        raise TwimlError("13213: the action is no address")
    if len(dial) != 1:
        raise TwimlError("13201: one phone is to be dialled")
    _check(dial[0], {"Number"})
    if not E164.fullmatch((dial[0].text or "").strip()):
        raise TwimlError(f"13223: {dial[0].text} is no phone number")


def _wanted(leg: Leg, asked: Mapping[str, str]) -> bool:
    after, before = asked.get("StartTime>"), asked.get("StartTime<")
    return (
        asked.get("To", leg.to) == leg.to
        and asked.get("From", leg.from_) == leg.from_
        and asked.get("ParentCallSid", leg.parent) == leg.parent
        and asked.get("Status", leg.status) == leg.status
        and not (after and leg.started < datetime.fromisoformat(after))
        and not (before and leg.started > datetime.fromisoformat(before))
    )
