"""A stand-in for Twilio's REST API and its webhooks, strict where Twilio is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Response, jsonify, request

from bot.sandbox.twilio.refusals import Refusal, broken, error, not_found
from bot.sandbox.twilio.texts import TwilioTexts

ROOT, ACCOUNT = "/2010-04-01/Accounts", "/2010-04-01/Accounts/<account>"
SERVICE = "/v1/Services/<service>"
SERVED = (
    (f"{ACCOUNT}/Messages.json", ("GET", "POST")),
    (f"{ACCOUNT}/Messages/<sid>.json", ("GET",)),
    (f"{ACCOUNT}/Messages/<sid>/Media.json", ("GET",)),
    (f"{ACCOUNT}/IncomingPhoneNumbers.json", ("GET", "POST")),
    (f"{ACCOUNT}/IncomingPhoneNumbers/<sid>.json", ("GET", "POST", "DELETE")),
    (f"{ACCOUNT}/AvailablePhoneNumbers/<country>/<kind>.json", ("GET",)),
    (f"{ACCOUNT}/Calls.json", ("GET",)),
    (f"{ACCOUNT}/Usage/Records.json", ("GET",)),
    (f"{ACCOUNT}.json", ("GET",)),
    (f"{ROOT}.json", ("GET",)),
    (SERVICE, ("GET", "POST")),
    (f"{SERVICE}/Compliance/Usa2p", ("GET",)),
    ("/v1/Tollfree/Verifications", ("GET",)),
    (f"{SERVICE}/PhoneNumbers", ("POST",)),
    (f"{SERVICE}/PhoneNumbers/<sid>", ("GET",)),
)


@dataclass
class Exchange:
    """A call of the API, and its answer."""

    method: str
    path: str
    given: dict[str, str]
    answer: Response


class TwilioStandIn(TwilioTexts):
    """Twilio: who calls it is known, and the operation is handed on. `app_url` is where our own app
    listens."""

    ROUTES = tuple((path, "_serve", methods) for path, methods in SERVED)

    def __init__(self, app_url: str = "") -> None:
        super().__init__("twilio")
        self.app_url = app_url
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.watch: Callable[[Exchange], None] | None = None  # of every call that is answered
        self.web.register_error_handler(404, lambda _: error(not_found()))

    def _serve(self, **named: str) -> Response:
        operation = f"{request.method} {_operation(request.path, named)}"

        def work() -> Response:
            try:
                return self._do(operation, named)
            except Refusal as refusal:
                return error(refusal)

        answer = self.answer(operation, work, broken)
        if self.watch:
            self.watch(Exchange(request.method, request.path, request.values.to_dict(), answer))
        return answer

    def _do(self, operation: str, named: Mapping[str, str]) -> Response:
        user = self.authenticated()
        if user is None:
            raise Refusal(20003, "Authenticate", 401)
        account, sid = named.get("account", user), named.get("sid")
        if not self.may_act_on(user, account):
            raise not_found()
        with self.lock:
            self.calls.append((operation, request.values.to_dict()))
        if request.path.endswith("/Usa2p"):
            return self.campaigns(user, named["service"])
        if request.path.endswith("/Tollfree/Verifications"):
            return self.verifications(user)
        if "/PhoneNumbers" in request.path:
            return self.members(user, named["service"], sid)
        if "service" in named:
            return self.service(user, named["service"])
        if "country" in named:
            return self.search(named["country"], named["kind"])
        if "IncomingPhoneNumbers" in operation:
            return self.incoming(account, sid, user)
        match operation:
            case "POST Messages":
                return self._create(account)
            case "GET Messages" | "GET Media" if sid:
                if sid not in self.texts or self.texts[sid].account != account:
                    raise not_found()
                if operation == "GET Media":
                    return self._listed(account, self.texts[sid].media)
                return jsonify(self._resource(self.texts[sid]))
            case "GET Messages":
                return self._list(account)
            case "GET Records":
                return self.billed(account)
            case "GET Calls":
                return self._list_calls(account)
            case "GET Accounts":
                return self.accounts(user)
        return jsonify(self.account(account))


def _operation(path: str, named: Mapping[str, str]) -> str:
    """What faults and tests call a call: the last word of its path that is no name of a thing."""
    words = [word.removesuffix(".json") for word in path.split("/")]
    if service := named.get("service"):
        path = path.removeprefix("/v1/").replace(service, "{}")
        return path.replace(named.get("sid", "/"), "{}") if "sid" in named else path
    if "country" in named:
        return "AvailablePhoneNumbers"
    if words[-1] == named.get("account"):
        return "Account"
    if words[-1] == named.get("sid"):
        return words[-2] if words[-2] == "Messages" else f"{words[-2]}/sid"
    return words[-1]
