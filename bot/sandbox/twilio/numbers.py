"""The stand-in's phone numbers: searched, bought, pointed somewhere, moved, given back."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.twilio.media import TwilioMedia
from bot.sandbox.twilio.refusals import Refusal, as_json, not_found, only
from bot.sandbox.twilio.shelf import ALL, Offer, fits, offered, usual

SEARCH = {
    "AreaCode", "Contains", "SmsEnabled", "MmsEnabled", "VoiceEnabled", "ExcludeAllAddressRequired",
    "ExcludeLocalAddressRequired", "ExcludeForeignAddressRequired", "Beta", "NearNumber",
    "NearLatLong", "Distance", "InPostalCode", "InRegion", "InRateCenter", "InLata", "InLocality",
    "FaxEnabled", "PageSize",
}  # fmt: skip
#: Parameters that a number is bought or changed with, and the fields they become.
SET = {
    "ApiVersion": "api_version", "FriendlyName": "friendly_name", "SmsUrl": "sms_url",
    "SmsMethod": "sms_method", "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method", "SmsApplicationSid": "sms_application_sid",
    "StatusCallback": "status_callback", "StatusCallbackMethod": "status_callback_method",
    "VoiceUrl": "voice_url", "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url", "VoiceFallbackMethod": "voice_fallback_method",
    "VoiceApplicationSid": "voice_application_sid", "TrunkSid": "trunk_sid",
    "VoiceCallerIdLookup": "voice_caller_id_lookup", "VoiceReceiveMode": "voice_receive_mode",
    "AddressSid": "address_sid", "IdentitySid": "identity_sid", "BundleSid": "bundle_sid",
    "EmergencyStatus": "emergency_status", "EmergencyAddressSid": "emergency_address_sid",
}  # fmt: skip
LIST = {"PhoneNumber", "FriendlyName", "Beta", "Origin", "PageSize", "Page", "PageToken"}
KINDS = {"Local", "TollFree", "Mobile"}
SOLD_IN = {"US", "CA", "GB", "AU"}


@dataclass
class Number:
    """A number in an account, and where its texts and calls go. No address: to our app."""

    number: str
    account: str
    set: dict[str, Any] = field(default_factory=dict)
    capabilities: dict[str, bool] = field(default_factory=lambda: dict(ALL))
    made_at: datetime = field(default_factory=clock.now)

    @property
    def sid(self) -> str:
        """The number's own SID."""
        return sid_of(self.number)


@dataclass
class Service:
    """A Messaging Service: its numbers' SIDs, and where it has texts go."""

    sid: str
    account: str
    inbound_request_url: str | None = None
    on_number: bool = True
    numbers: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=lambda: ["VERIFIED"])  # how far each is


def sid_of(number: str) -> str:
    """A number's own SID."""
    return "PN" + hashlib.sha256(number.encode()).hexdigest()[:32]


@dataclass
class TwilioNumbers(TwilioMedia):
    """What Twilio does with numbers."""

    numbers: dict[str, Number] = field(default_factory=dict)  # by E.164
    shelf: list[Offer] = field(default_factory=usual)
    services: dict[str, Service] = field(default_factory=dict)  # that some of them are in
    bought: list[str] = field(default_factory=list)  # every purchase, whatever became of its answer

    def add_number(
        self, number: str, sms_url: str | None = None, account: str | None = None, **set_: Any
    ) -> Number:
        """A number of ours, in this account; its texts go to `sms_url`, or to the app."""
        given = {**set_, **({"sms_url": sms_url} if sms_url is not None else {})}
        made = self.numbers[number] = Number(number, account or self.account_sid, set=given)
        return made

    def point(self, number: str, sms_url: str | None) -> None:
        """Has the texts of a number go elsewhere, or to the app again."""
        self.numbers[number].set["sms_url"] = sms_url

    def number_of(self, sid: str | None) -> Number | None:
        """The number with this SID."""
        return next((one for one in self.numbers.values() if one.sid == sid), None)

    def home_of(self, number: str) -> str:
        """The account that a number of ours is in."""
        return self.numbers[number].account if number in self.numbers else self.account_sid

    def address_of(self, number: str) -> str | None:
        """Where the texts of a number go; None if nowhere."""
        held = self.numbers.get(number)
        set_ = held.set if held else {}
        mine = [one for one in self.services.values() if held and held.sid in one.numbers]
        if mine and not mine[0].on_number:
            return mine[0].inbound_request_url
        if set_.get("sms_application_sid"):
            return None
        url = set_.get("sms_url")
        return f"{self.app_url}/twilio/sms#rc=3&rp=ct,rt,5xx" if url is None else url or None

    def _voice_url(self, number: str) -> str:
        return self._of_calls(number, "voice_url", "/twilio/voice")

    def _status_url(self, number: str) -> str:
        return self._of_calls(number, "status_callback", "/twilio/voice/status")

    def _of_calls(self, number: str, name: str, path: str) -> str:
        """Where something of calls goes; where nothing was ever set, to our app."""
        held = self.numbers.get(number)
        url = held.set.get(name) if held else None
        return f"{self.app_url}{path}#rc=3&rp=ct,rt,5xx" if url is None else str(url)

    # The API

    def search(self, country: str, kind: str) -> Response:
        """GET /AvailablePhoneNumbers/{country}/{kind}."""
        asked = request.args
        only(set(asked), SEARCH)
        if country not in SOLD_IN or kind not in KINDS:
            raise not_found()
        size = min(int(asked.get("PageSize", "30")), 1000)
        of_kind = [one for one in self.shelf if (one.country, one.kind) == (country, kind)]
        found = [offer for offer in of_kind if fits(offer, asked)]
        return jsonify(
            available_phone_numbers=[offered(offer) for offer in found[:size]],
            uri=request.path,
        )

    def incoming(self, account: str, sid: str | None, user: str) -> Response:
        """/IncomingPhoneNumbers and one of them."""
        if request.method == "POST" and sid is None:
            return self._buy(account)
        if sid is None:
            return self._owned(account)
        held = self.number_of(sid)
        if held is None or held.account != account:
            raise not_found()
        if request.method == "DELETE":
            del self.numbers[held.number]
            for service in self.services.values():
                service.numbers = [one for one in service.numbers if one != sid]
            return Response(status=204)
        if request.method == "POST":
            self._change(held, user)
        return jsonify(self.described(held))

    def _buy(self, account: str) -> Response:
        form = request.form
        only(set(form), {*SET, "PhoneNumber", "AreaCode"})
        wanted = form.get("PhoneNumber")
        if not wanted:
            raise Refusal(21421, "PhoneNumber is invalid")
        with self.lock:
            offer = next((one for one in self.shelf if one.number == wanted), None)
            if offer is None or wanted in self.numbers:
                raise Refusal(21422, f"{wanted} is not available")
            if offer.address != "none" and "AddressSid" not in form:
                raise Refusal(21631, "Phone Number Requires an Address")
            held = Number(wanted, account, capabilities=offer.capabilities)
            held.set = _set(form, {})
            self.shelf.remove(offer)
            self.numbers[wanted] = held
            self.bought.append(wanted)
        return as_json(self.described(held), 201)

    def _owned(self, account: str) -> Response:
        asked = request.args
        only(set(asked), LIST)
        found = [
            self.described(held) for held in self.numbers.values()
            if held.account == account
            and _like(asked.get("PhoneNumber", "*"), held.number)
            and asked.get("FriendlyName") in (None, held.set.get("friendly_name"))
        ]  # fmt: skip
        return jsonify(
            incoming_phone_numbers=found, page=0, page_size=50, start=0, end=len(found) - 1,
            uri=request.path, first_page_uri=request.path, next_page_uri=None,
            previous_page_uri=None,
        )  # fmt: skip

    def _change(self, held: Number, user: str) -> None:
        form = request.form
        only(set(form), {*SET, "AccountSid"})
        if gaining := form.get("AccountSid"):
            if user in self.parents:
                raise Refusal(21474, "Subaccounts cannot transfer phone numbers")
            if not (self.may_act_on(user, held.account) and self.may_act_on(user, gaining)):
                raise Refusal(21473, "The accounts are not related")
            held.account = gaining
            for service in self.services.values():
                service.numbers = [one for one in service.numbers if one != held.sid]
        held.set = _set(form, held.set)

    def described(self, held: Number) -> dict[str, Any]:
        """A number resource."""
        at = format_datetime(held.made_at)
        usual: dict[str, Any] = {
            "api_version": "2010-04-01", "friendly_name": held.number, "sms_method": "POST",
            "sms_fallback_url": "", "sms_fallback_method": "POST", "sms_application_sid": "",
            "status_callback": "", "status_callback_method": "POST", "voice_url": "",
            "voice_method": "POST", "voice_fallback_url": "", "voice_fallback_method": "POST",
            "voice_application_sid": None, "trunk_sid": None, "voice_caller_id_lookup": False,
            "voice_receive_mode": "voice", "address_sid": None, "identity_sid": None,
            "bundle_sid": None, "emergency_status": "Inactive", "emergency_address_sid": None,
        }  # fmt: skip
        url = held.set.get("sms_url")
        if url is None:  # as if somebody had pointed it here by hand
            root = self.public[1] if self.public else self.app_url
            url = f"{root}/twilio/sms#rc=3&rp=ct,rt,5xx"
        return {
            **usual, **held.set, "sms_url": url, "sid": held.sid, "account_sid": held.account,
            "phone_number": held.number, "capabilities": held.capabilities, "beta": False,
            "address_requirements": "none", "emergency_address_status": "unregistered",
            "date_created": at, "date_updated": at, "origin": "twilio", "status": "in-use",
            "type": "local",
            "uri": f"/2010-04-01/Accounts/{held.account}/IncomingPhoneNumbers/{held.sid}.json",
        }  # fmt: skip

    def billed(self, account: str) -> Response:
        """/Usage/Records: what an account was billed, by category, and those below it, too, unless
        it is asked for alone."""
        only(set(request.args), {"Category", "StartDate", "EndDate", "IncludeSubaccounts",
                                  "PageSize", "Page", "PageToken"})  # fmt: skip
        counted = {account}
        if request.args.get("IncludeSubaccounts") != "false":
            counted |= {sid for sid, parent in self.parents.items() if parent == account}
        mine = [held for held in self.numbers.values() if held.account in counted]
        free = [held for held in mine if held.number.startswith("+18")]
        records = [
            ("phonenumbers-local", len(mine) - len(free), 1.15), ("calls", 0, 0.0),
            ("phonenumbers-tollfree", len(free), 2.15),
            ("sms-messages-carrierfees", 10 * len(counted), 0.0025),
            ("failed-message-processing-fee", 5 * len(counted), 0.001),
        ]  # fmt: skip
        return jsonify(
            usage_records=[
                {"account_sid": account, "category": category, "count": str(number),
                 "count_unit": "", "usage": str(number), "usage_unit": "",
                 "price": round(number * each, 5), "price_unit": "usd", "description": category,
                 "start_date": request.args.get("StartDate"), "api_version": "2010-04-01",
                 "end_date": request.args.get("EndDate"), "as_of": clock.now().isoformat(),
                 "subresource_uris": {}, "uri": request.path}
                for category, number, each in records
            ],
            page=0, page_size=50, start=0, end=len(records) - 1, uri=request.path,
            first_page_uri=request.path, next_page_uri=None, previous_page_uri=None,
        )  # fmt: skip


def _set(form: Any, before: dict[str, Any]) -> dict[str, Any]:
    """What a number is set to, after the parameters of a call."""
    after = {**before, **{SET[name]: value for name, value in form.items() if name in SET}}
    for name, value in form.items():
        if name.endswith(("Url", "Callback")) and value and not re.match(r"https?://", value):
            raise Refusal(21402, f"{name} is not a valid URL")
        if name.endswith("Method") and value not in ("GET", "POST"):
            raise Refusal(21403, f"{name} must be GET or POST")
    if len(after.get("friendly_name", "")) > 64:
        raise Refusal(21404, "FriendlyName is too long")
    for fallback, primary in (
        ("sms_fallback_url", "sms_url"), ("voice_fallback_url", "voice_url"),
    ):  # fmt: skip
        if after.get(fallback) and not after.get(primary):
            raise Refusal(21406, f"{fallback} needs {primary}")
    return after


def _like(pattern: str, number: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", r".*"), number) is not None
