"""The stand-in's phone numbers: searched, bought, pointed somewhere, moved, given back."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import phonenumbers
from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.twilio_calls import TwilioCalls

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
#: What may be changed of a Messaging Service (twilio_messaging_v1.json).
SERVICE = {
    "FriendlyName", "InboundRequestUrl", "InboundMethod", "FallbackUrl", "FallbackMethod",
    "StatusCallback", "StickySender", "MmsConverter", "SmartEncoding", "ScanMessageContent",
    "FallbackToLongCode", "AreaCodeGeomatch", "ValidityPeriod", "SynchronousValidation",
    "UseInboundWebhookOnNumber", "Usecase",
}  # fmt: skip
LIST = {"PhoneNumber", "FriendlyName", "Beta", "Origin", "PageSize", "Page", "PageToken"}
KINDS = {"Local", "TollFree", "Mobile"}
SOLD_IN = {"US", "CA", "GB", "AU"}
ALL = {"voice": True, "SMS": True, "MMS": True, "fax": False}
LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999", strict=True))


class Refusal(Exception):
    """An answer with one of Twilio's error codes."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


@dataclass
class Offer:
    """A number that can be bought."""

    number: str
    country: str = "US"
    kind: str = "Local"
    locality: str | None = None
    region: str | None = None
    capabilities: dict[str, bool] = field(default_factory=lambda: dict(ALL))
    address: str = "none"


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


class TwilioNumbers(TwilioCalls):
    """What Twilio does with numbers."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.numbers: dict[str, Number] = {}  # by E.164
        self.shelf: list[Offer] = [
            *(Offer(f"+1415555{n:04d}", locality="San Francisco", region="CA")
              for n in range(3000, 3025)),
            *(Offer(f"+1510555{n:04d}", locality="Oakland", region="CA")
              for n in range(3100, 3105)),
            *(Offer(f"+1800555{n:04d}", kind="TollFree") for n in range(3200, 3203)),
            *(Offer(f"+44790001{n:04d}", "GB", "Mobile",
                    capabilities={**ALL, "MMS": False}) for n in range(3)),
        ]  # fmt: skip
        self.parents: dict[str, str] = {}  # SID of a sub-account → of the account above it
        self.services: dict[str, Service] = {}
        self.verified: dict[str, str] = {}  # toll-free numbers, and how far that is
        self.bought: list[str] = []  # every purchase, whatever became of its answer

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

    def add_account(self, parent: str | None = None) -> tuple[str, str]:
        """Another account, maybe below one: its SID and token."""
        sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        self.more_accounts[sid] = token
        if parent:
            self.parents[sid] = parent
        return sid, token

    def add_service(self, account: str | None = None) -> Service:
        """A Messaging Service without any number."""
        sid = "MG" + secrets.token_hex(16)
        service = self.services[sid] = Service(sid, account or self.account_sid)
        return service

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

    def may_act_on(self, user: str, account: str) -> bool:
        """Whether who shows this account's token may do something in that one."""
        return user == account or self.parents.get(account) == user

    # The API

    def accounts(self, user: str) -> Response:
        """GET /Accounts: the own one, and those below it."""
        below = [sid for sid, parent in self.parents.items() if parent == user]
        found = [self.account(sid) for sid in (user, *below)]
        return jsonify(
            accounts=found, page=0, page_size=50, start=0, end=len(found) - 1, uri=request.path,
            first_page_uri=request.path, next_page_uri=None, previous_page_uri=None,
        )  # fmt: skip

    def account(self, sid: str) -> dict[str, Any]:
        """An account resource."""
        at = format_datetime(clock.now())
        return {
            "sid": sid, "friendly_name": "Sandbox", "status": "active", "type": "Full",
            "auth_token": self.token_of(sid), "owner_account_sid": self.parents.get(sid, sid),
            "date_created": at, "date_updated": at, "uri": f"/2010-04-01/Accounts/{sid}.json",
            "subresource_uris": {},
        }  # fmt: skip

    def search(self, country: str, kind: str) -> Response:
        """GET /AvailablePhoneNumbers/{country}/{kind}."""
        asked = request.args
        _only(set(asked), SEARCH)
        if country not in SOLD_IN or kind not in KINDS:
            raise Refusal(20404, "The requested resource was not found", 404)
        size = min(int(asked.get("PageSize", "30")), 1000)
        of_kind = [one for one in self.shelf if (one.country, one.kind) == (country, kind)]
        found = [offer for offer in of_kind if _fits(offer, asked)]
        return jsonify(
            available_phone_numbers=[_offered(offer) for offer in found[:size]],
            uri=request.path,
        )

    def incoming(self, account: str, sid: str | None, user: str) -> Response:
        """/IncomingPhoneNumbers and one of them."""
        if request.method == "POST" and sid is None:
            return self._buy(account)
        if sid is None:
            return self._owned(account)
        held = next((n for n in self.numbers.values() if n.sid == sid), None)
        if held is None or held.account != account:
            raise Refusal(20404, "The requested resource was not found", 404)
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
        _only(set(form), {*SET, "PhoneNumber", "AreaCode"})
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
        made = jsonify(self.described(held))
        made.status_code = 201
        return made

    def _owned(self, account: str) -> Response:
        asked = request.args
        _only(set(asked), LIST)
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
        _only(set(form), {*SET, "AccountSid"})
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

    # Messaging Services

    def service(self, user: str, sid: str, member: str | None, members: bool) -> Response:
        """/v1/Services/{sid} and the numbers in it."""
        known = self.services.get(sid)
        if known is None or known.account != user:
            raise Refusal(20404, "The requested resource was not found", 404)
        if not members:
            if request.method == "POST":
                _change_service(known)
            return jsonify(self._service(sid, known))
        if request.method == "POST":
            _only(set(request.form), {"PhoneNumberSid"})
            added = request.form.get("PhoneNumberSid", "")
            held = next((n for n in self.numbers.values() if n.sid == added), None)
            if held is None or held.account != user:
                raise Refusal(20404, "The requested resource was not found", 404)
            if added in known.numbers:
                raise Refusal(21710, "Phone Number is already in the Messaging Service", 409)
            if any(added in other.numbers for other in self.services.values()):
                raise Refusal(21712, "Phone Number is in another Messaging Service", 409)
            known.numbers.append(added)
            made = jsonify(self._member(sid, held))
            made.status_code = 201
            return made
        held = next((n for n in self.numbers.values() if n.sid == member), None)
        if held is None or member not in known.numbers:
            raise Refusal(20404, "The requested resource was not found", 404)
        return jsonify(self._member(sid, held))

    def _service(self, sid: str, known: Service) -> dict[str, Any]:
        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"https://messaging.twilio.com/v1/Services/{sid}"
        return {
            "sid": sid, "account_sid": known.account, "friendly_name": "Sandbox",
            "date_created": at, "date_updated": at,
            "inbound_request_url": known.inbound_request_url, "inbound_method": "POST",
            "fallback_url": None, "fallback_method": "POST", "status_callback": None,
            "sticky_sender": True, "mms_converter": True, "smart_encoding": False,
            "scan_message_content": "inherit", "fallback_to_long_code": False,
            "area_code_geomatch": True, "synchronous_validation": False, "validity_period": 14400,
            "url": url, "links": {"phone_numbers": f"{url}/PhoneNumbers"}, "usecase": "mixed",
            "us_app_to_person_registered": True,
            "use_inbound_webhook_on_number": known.on_number,
        }  # fmt: skip

    def campaigns(self, user: str, sid: str) -> Response:
        """/v1/Services/{sid}/Compliance/Usa2p: how far its A2P campaigns are."""
        known = self.services.get(sid)
        if known is None or known.account != user:
            raise Refusal(20404, "The requested resource was not found", 404)
        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        refused = [{"error_code": 30886, "description": "The website does not work"}]
        return _page("compliance", [
            {"sid": "QE" + sid[2:], "account_sid": user, "messaging_service_sid": sid,
             "campaign_status": status, "errors": refused if status == "FAILED" else [],
             "date_created": at, "date_updated": at}
            for status in known.campaigns
        ])  # fmt: skip

    def verifications(self, user: str) -> Response:
        """/v1/Tollfree/Verifications: how far those of toll-free numbers are."""
        sid = request.args.get("TollfreePhoneNumberSid")
        return _page("verifications", [
            {"sid": "HH" + sid_of(number)[2:], "account_sid": user, "status": status,
             "tollfree_phone_number_sid": sid_of(number),
             "rejection_reason": "Opt-in was not shown" if status == "TWILIO_REJECTED" else None}
            for number, status in self.verified.items()
            if sid in (None, sid_of(number)) and self.home_of(number) == user
        ])  # fmt: skip

    def billed(self, account: str) -> Response:
        """/Usage/Records: what an account was billed, by category, and those below it, too, unless
        it is asked for alone."""
        _only(set(request.args), {"Category", "StartDate", "EndDate", "IncludeSubaccounts",
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

    def _voice_url(self, number: str) -> str:
        return self._of_calls(number, "voice_url", "/twilio/voice")

    def _status_url(self, number: str) -> str:
        return self._of_calls(number, "status_callback", "/twilio/voice/status")

    def _of_calls(self, number: str, name: str, path: str) -> str:
        """Where something of calls goes; where nothing was ever set, to our app."""
        held = self.numbers.get(number)
        url = held.set.get(name) if held else None
        return f"{self.app_url}{path}#rc=3&rp=ct,rt,5xx" if url is None else str(url)

    def _member(self, sid: str, held: Number) -> dict[str, Any]:
        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "sid": held.sid, "account_sid": held.account, "service_sid": sid,
            "date_created": at, "date_updated": at, "phone_number": held.number,
            "country_code": "US",
            "capabilities": [name for name, has in held.capabilities.items() if has],
            "url": f"https://messaging.twilio.com/v1/Services/{sid}/PhoneNumbers/{held.sid}",
        }  # fmt: skip


def _change_service(service: Service) -> None:
    form = request.form
    _only(set(form), SERVICE)
    if "UseInboundWebhookOnNumber" in form:
        service.on_number = form["UseInboundWebhookOnNumber"] == "true"
    if "InboundRequestUrl" in form:
        service.inbound_request_url = form["InboundRequestUrl"] or None


def _page(key: str, found: list[dict[str, Any]]) -> Response:
    meta = {
        "page": 0, "page_size": 50, "key": key, "url": request.url, "first_page_url": request.url,
        "next_page_url": None, "previous_page_url": None,
    }  # fmt: skip
    return jsonify({"meta": meta, key: found})


def _only(given: set[str], known: set[str]) -> None:
    if unknown := given - known:
        raise Refusal(20001, f"Unknown parameter(s): {', '.join(sorted(unknown))}")


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


def _fits(offer: Offer, asked: Any) -> bool:
    has = offer.capabilities
    for name, kind in (("SmsEnabled", "SMS"), ("MmsEnabled", "MMS"), ("VoiceEnabled", "voice")):
        if asked.get(name) == "true" and not has[kind]:
            return False
    if asked.get("ExcludeAllAddressRequired") == "true" and offer.address != "none":
        return False
    digits = offer.number.lstrip("+")
    area = asked.get("AreaCode")
    city = asked.get("InLocality")
    region = asked.get("InRegion")
    return (
        (not area or digits.startswith(f"1{area}"))
        and (not city or (offer.locality or "").lower() == city.lower())
        and (not region or offer.region == region)
        and ("Contains" not in asked or _has(asked["Contains"], digits))
    )


def _has(pattern: str, digits: str) -> bool:
    """Twilio's pattern of digits, letters and `*` for any digit, anywhere in the number."""
    if not 2 <= len(pattern) <= 16:
        raise Refusal(21501, "Contains must have 2 to 16 characters")
    wanted = "".join(LETTERS.get(letter, letter) for letter in pattern.upper())
    return re.search(re.escape(wanted.lstrip("+")).replace(r"\*", r"\d"), digits) is not None


def _like(pattern: str, number: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", r".*"), number) is not None


def _offered(offer: Offer) -> dict[str, Any]:
    parsed = phonenumbers.parse(offer.number)
    return {
        "friendly_name": phonenumbers.format_number(
            parsed, phonenumbers.PhoneNumberFormat.NATIONAL
        ),
        "phone_number": offer.number, "lata": "722" if offer.country == "US" else None,
        "locality": offer.locality, "rate_center": None, "latitude": None, "longitude": None,
        "region": offer.region, "postal_code": None, "iso_country": offer.country,
        "address_requirements": offer.address, "beta": False, "capabilities": offer.capabilities,
    }  # fmt: skip
