"""Messaging Services at the sandbox's Twilio, and how far carriers are with allowing texts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.twilio.numbers import Number, Service, TwilioNumbers, sid_of
from bot.sandbox.twilio.refusals import Refusal, as_json, not_found, only

#: What may be changed of a Messaging Service (twilio_messaging_v1.json).
SERVICE = {
    "FriendlyName", "InboundRequestUrl", "InboundMethod", "FallbackUrl", "FallbackMethod",
    "StatusCallback", "StickySender", "MmsConverter", "SmartEncoding", "ScanMessageContent",
    "FallbackToLongCode", "AreaCodeGeomatch", "ValidityPeriod", "SynchronousValidation",
    "UseInboundWebhookOnNumber", "Usecase",
}  # fmt: skip


@dataclass
class TwilioServices(TwilioNumbers):
    """What Twilio does with Messaging Services, campaigns and verifications."""

    verified: dict[str, str] = field(default_factory=dict)  # toll-free numbers, and how far that is

    def add_service(self, account: str | None = None) -> Service:
        """A Messaging Service without any number."""
        sid = "MG" + secrets.token_hex(16)
        service = self.services[sid] = Service(sid, account or self.account_sid)
        return service

    def service(self, user: str, sid: str) -> Response:
        """/v1/Services/{sid}."""
        known = self._known(user, sid)
        if request.method == "POST":
            _change_service(known)
        return jsonify(self._service(known))

    def members(self, user: str, sid: str, member: str | None) -> Response:
        """/v1/Services/{sid}/PhoneNumbers and one of them."""
        known = self._known(user, sid)
        if request.method == "POST":
            return as_json(self._member(sid, self._join(known)), 201)
        held = self.number_of(member)
        if held is None or member not in known.numbers:
            raise not_found()
        return jsonify(self._member(sid, held))

    def _known(self, user: str, sid: str) -> Service:
        known = self.services.get(sid)
        if known is None or known.account != user:
            raise not_found()
        return known

    def _join(self, known: Service) -> Number:
        only(set(request.form), {"PhoneNumberSid"})
        added = request.form.get("PhoneNumberSid", "")
        held = self.number_of(added)
        if held is None or held.account != known.account:
            raise not_found()
        if added in known.numbers:
            raise Refusal(21710, "Phone Number is already in the Messaging Service", 409)
        if any(added in other.numbers for other in self.services.values()):
            raise Refusal(21712, "Phone Number is in another Messaging Service", 409)
        known.numbers.append(added)
        return held

    def _service(self, known: Service) -> dict[str, Any]:
        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"https://messaging.twilio.com/v1/Services/{known.sid}"
        return {
            "sid": known.sid, "account_sid": known.account, "friendly_name": "Sandbox",
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

    def _member(self, sid: str, held: Number) -> dict[str, Any]:
        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "sid": held.sid, "account_sid": held.account, "service_sid": sid,
            "date_created": at, "date_updated": at, "phone_number": held.number,
            "country_code": "US",
            "capabilities": [name for name, has in held.capabilities.items() if has],
            "url": f"https://messaging.twilio.com/v1/Services/{sid}/PhoneNumbers/{held.sid}",
        }  # fmt: skip

    def campaigns(self, user: str, sid: str) -> Response:
        """/v1/Services/{sid}/Compliance/Usa2p: how far its A2P campaigns are."""
        known = self._known(user, sid)
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


def _change_service(service: Service) -> None:
    form = request.form
    only(set(form), SERVICE)
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
