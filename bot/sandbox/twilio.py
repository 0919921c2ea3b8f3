"""A stand-in for Twilio's REST API and its webhooks, strict where Twilio is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urldefrag

import requests
from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.server import wait
from bot.sandbox.twilio_media import MediaRefusal, Received
from bot.sandbox.twilio_numbers import Refusal, TwilioNumbers
from ledger.segments import count

CREATE = {
    "To", "From", "Body", "MediaUrl", "StatusCallback", "MessagingServiceSid", "ValidityPeriod",
    "ProvideFeedback", "SmartEncoded", "Attempt", "MaxPrice", "ForceDelivery", "ScheduleType",
    "SendAt", "SendAsMms", "ContentSid", "ContentVariables", "ShortenUrls", "RiskCheck",
    "ApplicationSid", "ContentRetention", "AddressRetention", "PersistentAction",
}  # fmt: skip
LIST = {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
FINAL = {"delivered", "undelivered", "failed", "canceled", "received"}
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}


@dataclass
class Text:
    """A message resource."""

    sid: str
    direction: str
    from_: str
    to: str
    body: str
    status: str
    number: int  # the order in which Twilio made them
    account: str
    created: datetime
    service: str | None = None
    media: list[str] = field(default_factory=list)
    got: list[Received] = field(default_factory=list)  # what the phone got of them
    sent: datetime | None = None
    error_code: int | None = None
    callback: str | None = None


@dataclass
class Callbacks:
    """How status callbacks are sent."""

    delay_s: float = 0.02
    repeat: int = 1  # how often each
    shuffle: bool = False  # the last first
    withhold: bool = False  # not at all


@dataclass
class Webhook:
    """One webhook as it went: where, what was answered at last, how many tries it took."""

    url: str
    params: dict[str, str]
    status: int | None
    tries: int


@dataclass
class Exchange:
    """A call of the API, and its answer."""

    method: str
    path: str
    given: dict[str, str]
    answer: Response


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


class TwilioStandIn(TwilioNumbers):
    """Twilio. `app_url` is where our own app listens."""

    ROUTES = tuple((path, "_serve", methods) for path, methods in SERVED)

    def __init__(self, app_url: str = "") -> None:
        super().__init__("twilio")
        self.app_url = app_url
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.texts: dict[str, Text] = {}
        self.opted_out: set[tuple[str, str]] = set()  # (ours, theirs)
        self.fates: dict[str, tuple[str, int | None]] = {}
        self.refusals: dict[str, int] = {}
        self.callbacks = Callbacks()
        self.webhooks: list[Webhook] = []
        self.watch: Callable[[Exchange], None] | None = None  # of every call that is answered
        self._busy = 0
        self._pool = ThreadPoolExecutor(16, "twilio-webhook")
        self.web.register_error_handler(404, lambda _: _error(Refusal(20404, "not found", 404)))

    # What tests and the demo tell it

    def outcome(self, to: str, status: str, error_code: int | None = None) -> None:
        """What becomes of texts to this number; "sent" stays so for ever."""
        self.fates[to] = (status, error_code)

    def refuse(self, to: str, code: int) -> None:
        """Texts to this number are refused at once, with this code."""
        self.refusals[to] = code

    def text(
        self, from_: str, to: str, body: str, media: Iterable[str | bytes] = (),
        wait_for_it: bool = True, **extra: str,
    ) -> str:  # fmt: skip
        """A person texts one of our numbers, with pictures or their addresses. Returns the SID once
        the webhook was answered."""
        media = list(media)
        text = self._new("inbound", from_, to, body, "received", bool(media))
        text.media = [
            m if isinstance(m, str) else self.keep(text.sid, m, account=text.account) for m in media
        ]
        text.sent = text.created
        word = extra.get("OptOutType") or body.strip().upper()
        if word in STOP:
            self.opted_out.add((to, from_))
        elif word in ("START", "YES", "UNSTOP"):
            self.opted_out.discard((to, from_))
        sent = self.redeliver(text.sid, 1, **extra)
        if wait_for_it:
            for one in sent:
                one.result()
        return text.sid

    def redeliver(self, sid: str, times: int = 1, **extra: str) -> list[Future[int | None]]:
        """Posts an inbound text's webhook `times` times at once."""
        text = self.texts[sid]
        url = self.address_of(text.to)
        if url is None:
            return []
        params = {
            "ToCountry": "US", "ToState": "CA", "ToCity": "", "ToZip": "", "SmsSid": sid,
            "NumMedia": str(len(text.media)), "FromZip": "", "FromState": "", "FromCity": "",
            "FromCountry": "US", "SmsStatus": "received", "SmsMessageSid": sid, "MessageSid": sid,
            "Body": text.body, "To": text.to, "From": text.from_, "AccountSid": text.account,
            "NumSegments": str(count(text.body).segments), "ReferralNumMedia": "0",
            "ApiVersion": "2010-04-01", **extra,
        }  # fmt: skip
        for place, file in enumerate(text.media):
            kept = self.media.get(file.rpartition("/")[2])
            claimed = kept.content_type if kept else "image/jpeg"
            params |= {f"MediaUrl{place}": file, f"MediaContentType{place}": claimed}
        return [self._pool.submit(self._post, url, params) for _ in range(times)]

    def sent_to(self, number: str) -> list[Text]:
        """Texts of ours to this number, in order."""
        with self.lock:
            return [t for t in self.texts.values() if t.to == number and t.direction != "inbound"]

    def phone(self, number: str) -> list[str]:
        """What this person sees: "← " before what they got, "→ " before what they wrote."""
        shown = []
        with self.lock:
            for text in self.texts.values():
                if text.from_ == number:
                    pictures = ["[picture]"] * len(text.media)
                    shown.append(" ".join(["→", *([text.body] if text.body else []), *pictures]))
                elif text.to == number and text.status in ("sent", "delivered"):
                    files = [f"[{file.name}]" for file in text.got]
                    shown.append(" ".join(["←", *([text.body] if text.body else []), *files]))
        return shown

    def sign(self, url: str, params: Mapping[str, str], token: str | None = None) -> str:
        """X-Twilio-Signature over the URL (its fragment never counts) and the sorted parameters."""
        payload = urldefrag(url).url + "".join(k + params[k] for k in sorted(params))
        token = token or self.token_of(params.get("AccountSid")) or self.auth_token
        digest = hmac.new(token.encode(), payload.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

    def settled(self, timeout_s: float = 20) -> None:
        """Waits until every text has come to what becomes of it."""
        wait(lambda: all(t.status in FINAL or self._stays(t) for t in self._all()), timeout_s)

    def quiet(self, timeout_s: float = 20) -> None:
        """Waits until no webhook is on its way."""
        wait(lambda: not self._busy, timeout_s)

    def _all(self) -> list[Text]:
        with self.lock:
            return list(self.texts.values())

    def _stays(self, text: Text) -> bool:
        return self.fates.get(text.to, ("delivered", None))[0] == text.status

    # Webhooks

    def _post(self, url: str, params: dict[str, str]) -> int | None:
        """Posts a signed webhook. Returns the status of the last answer."""
        answer = self._answered(url, params)
        return None if answer is None else answer.status_code

    def _answered(self, url: str, params: dict[str, str]) -> requests.Response | None:
        """Posts a signed webhook, again as its fragment says, and then no more."""
        address, fragment = urldefrag(url)
        signed = address
        if self.public:
            here, there = self.public
            address, signed = address.replace(there, here), address.replace(here, there)
        wanted = dict(parse_qsl(fragment))
        policies = wanted.get("rp", "ct").split(",")
        answer = None
        tries = 0
        while tries <= int(wanted.get("rc", "1")):
            tries += 1
            try:
                answer = requests.post(
                    address,
                    data=params,
                    headers={"X-Twilio-Signature": self.sign(signed, params)},
                    timeout=15,
                )
                again = answer.status_code >= 500 and "5xx" in policies
            except requests.RequestException:
                again = True
            if not again:
                break
        with self.lock:
            status = None if answer is None else answer.status_code
            self.webhooks.append(Webhook(url, params, status, tries))
        return answer

    def _run(self, text: Text) -> None:
        try:
            self._go(text)
        finally:
            with self.lock:
                self._busy -= 1

    def _go(self, text: Text) -> None:
        """A text of ours goes its way: queued, sent, and what becomes of it."""
        status, code = self.fates.get(text.to, ("delivered", None))
        try:
            text.got = self._fetch_all(text.media)
        except MediaRefusal as refusal:
            status, code = "failed", refusal.code
        way = ["queued", "sent", status] if status != "sent" else ["queued", "sent"]
        told = []
        for step in way if status != "failed" else ["queued", "failed"]:
            with self.lock:
                text.status = step
                text.error_code = code if step == status else None
                text.sent = text.sent or (clock.now() if step == "sent" else None)
            told.append(
                {"MessageStatus": step, **({"ErrorCode": str(code)} if text.error_code else {})}
            )
        if text.callback and not self.callbacks.withhold:
            for word in reversed(told) if self.callbacks.shuffle else told:
                params = {
                    "SmsSid": text.sid, "SmsStatus": word["MessageStatus"], "MessageSid": text.sid,
                    "To": text.to, "From": text.from_, "AccountSid": text.account,
                    "ApiVersion": "2010-04-01", **word,
                }  # fmt: skip
                for _ in range(self.callbacks.repeat):
                    self._post(text.callback, params)

    # The API

    def _serve(self, **named: str) -> Response:
        operation = f"{request.method} {_operation(request.path, named)}"

        def work() -> Response:
            try:
                return self._do(operation, named)
            except Refusal as refusal:
                return _error(refusal)

        answer = self.answer(operation, work, _broken)
        if self.watch:
            self.watch(Exchange(request.method, request.path, request.values.to_dict(), answer))
        return answer

    def _do(self, operation: str, named: Mapping[str, str]) -> Response:
        user = self.authenticated()
        if user is None:
            raise Refusal(20003, "Authenticate", 401)
        account, sid = named.get("account", user), named.get("sid")
        if not self.may_act_on(user, account):
            raise Refusal(20404, "The requested resource was not found", 404)
        with self.lock:
            self.calls.append((operation, request.values.to_dict()))
        if request.path.endswith("/Usa2p"):
            return self.campaigns(user, named["service"])
        if request.path.endswith("/Tollfree/Verifications"):
            return self.verifications(user)
        if "service" in named:
            return self.service(user, named["service"], sid, request.path.count("/") > 3)
        if "country" in named:
            return self.search(named["country"], named["kind"])
        if "IncomingPhoneNumbers" in operation:
            return self.incoming(account, sid, user)
        match operation:
            case "POST Messages":
                return self._create(account)
            case "GET Messages" | "GET Media" if sid:
                if sid not in self.texts or self.texts[sid].account != account:
                    raise Refusal(20404, "The requested resource was not found", 404)
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

    def _create(self, account: str) -> Response:
        form = request.form
        if unknown := set(form) - CREATE:
            raise Refusal(20001, f"Unknown parameter(s): {', '.join(sorted(unknown))}")
        to, from_, body = form.get("To", ""), form.get("From"), form.get("Body", "")
        media, service = form.getlist("MediaUrl"), form.get("MessagingServiceSid")
        if not to:
            raise Refusal(21604, "A 'To' phone number is required.")
        if not (from_ or service):
            raise Refusal(21603, "A 'From' phone number is required.")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            raise Refusal(21211, f"Invalid 'To' Phone Number: {to}")
        if from_ and (from_ not in self.numbers or self.home_of(from_) != account):
            raise Refusal(21606, "The 'From' phone number is not yours")
        if not (body or media):
            raise Refusal(21602, "Message body is required.")
        if len(body.encode("utf-16-le")) > 3200:
            raise Refusal(21617, "The concatenated message body exceeds the 1600 character limit")
        if any(not url.startswith(("http://", "https://")) for url in media):
            raise Refusal(21620, "Invalid media URL")
        if len(media) > 10:
            raise Refusal(21623, "Number of media files exceeds allowed limit")
        if not 1 <= int(form.get("ValidityPeriod", "36000")) <= 36000:
            raise Refusal(21624, "ValidityPeriod out of range")
        if to in self.refusals:
            raise Refusal(self.refusals[to], "Refused as told")
        if (from_, to) in self.opted_out:
            raise Refusal(21610, "Attempt to send to unsubscribed recipient")
        status = "accepted" if service else "queued"
        is_mms = bool(media) or form.get("SendAsMms") == "true"
        text = self._new(
            "outbound-api", from_ or next(iter(self.numbers)), to, body, status, is_mms
        )  # fmt: skip
        text.media = media
        text.callback, text.service = form.get("StatusCallback"), service
        created = self._resource(text)
        with self.lock:
            self._busy += 1
        threading.Timer(self.callbacks.delay_s, self._pool.submit, (self._run, text)).start()
        return _json(created, 201)

    def _list(self, account: str) -> Response:
        asked = request.args
        if unknown := set(asked) - LIST:
            raise Refusal(20001, f"Unknown parameter(s): {', '.join(sorted(unknown))}")
        size = min(int(asked.get("PageSize", "50")), 1000)
        page = int(asked.get("Page", "0"))
        mine = [t for t in reversed(self._all()) if t.account == account]
        found = [t for t in mine if _wanted(t, asked)]
        shown = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        uri = f"{request.path}?" + "&".join(
            f"{k}={quote(v)}" for k, v in asked.items() if k != "Page"
        )
        return jsonify(
            messages=[self._resource(t) for t in shown], page=page, page_size=size, uri=uri,
            first_page_uri=uri, previous_page_uri=None, start=page * size,
            end=page * size + len(shown) - 1,
            next_page_uri=f"{uri}&Page={page + 1}" if more else None,
        )  # fmt: skip

    def _new(
        self, direction: str, from_: str, to: str, body: str, status: str, as_mms: bool
    ) -> Text:
        with self.lock:
            sid = ("MM" if as_mms else "SM") + secrets.token_hex(16)
            account = self.home_of(to if direction == "inbound" else from_)
            text = Text(
                sid, direction, from_, to, body, status, len(self.texts), account, clock.now()
            )
            self.texts[sid] = text
        return text

    def _resource(self, text: Text) -> dict[str, Any]:
        path = f"/2010-04-01/Accounts/{text.account}/Messages/{text.sid}"
        segments = count(text.body).segments
        accepted = text.status == "accepted"
        final = text.status in FINAL - {"failed", "canceled"}
        return {
            "sid": text.sid, "account_sid": text.account, "api_version": "2010-04-01",
            "messaging_service_sid": text.service, "body": text.body, "direction": text.direction,
            "from": None if accepted else text.from_, "to": text.to, "status": text.status,
            "num_media": str(len(text.media)), "num_segments": "0" if accepted else str(segments),
            "price": f"-{segments * 0.0083:.5f}" if final else None, "price_unit": "USD",
            "error_code": text.error_code, "error_message": None,
            "date_created": format_datetime(text.created),
            "date_updated": format_datetime(text.created),
            "date_sent": format_datetime(text.sent) if text.sent else None,
            "uri": f"{path}.json", "subresource_uris": {"media": f"{path}/Media.json"},
        }  # fmt: skip


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


def _wanted(text: Text, asked: Mapping[str, str]) -> bool:
    if asked.get("To", text.to) != text.to or asked.get("From", text.from_) != text.from_:
        return False
    sent = text.sent
    after, before = asked.get("DateSent>"), asked.get("DateSent<")
    if (after or before) and sent is None:
        return False
    return not (
        (after and sent and sent < datetime.fromisoformat(after))
        or (before and sent and sent > datetime.fromisoformat(before))
    )


def _json(body: Mapping[str, Any], status: int) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer


def _error(refusal: Refusal) -> Response:
    return _json(
        {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        },
        refusal.status,
    )


def _broken(status: int, seconds: float) -> Response:
    code = 20429 if status == 429 else 20500
    answer = _error(Refusal(code, "Too Many Requests" if status == 429 else "Server error", status))
    if status == 429:
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer
