"""Texts at the sandbox's Twilio: those that people write, and those that the app sends them."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.server import wait
from bot.sandbox.twilio.calls import TwilioCalls
from bot.sandbox.twilio.media import MediaRefusal, Received
from bot.sandbox.twilio.refusals import Refusal, as_json, only
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
    billed: str | None = None  # what its price is said to be, where that is not what it costs


@dataclass
class Callbacks:
    """How status callbacks are sent."""

    delay_s: float = 0.02
    repeat: int = 1  # how often each
    shuffle: bool = False  # the last first
    withhold: bool = False  # not at all


@dataclass
class TwilioTexts(TwilioCalls):
    """What Twilio does with texts."""

    texts: dict[str, Text] = field(default_factory=dict)
    opted_out: set[tuple[str, str]] = field(default_factory=set)  # (ours, theirs)
    fates: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    callbacks: Callbacks = field(default_factory=Callbacks)
    _busy: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._pool = ThreadPoolExecutor(16, "twilio-webhook")

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

    # On their way

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

    # The API

    def _create(self, account: str) -> Response:
        form = request.form
        only(set(form), CREATE)
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
        return as_json(created, 201)

    def _list(self, account: str) -> Response:
        asked = request.args
        only(set(asked), LIST)
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
            "price": text.billed or (f"-{segments * 0.0083:.5f}" if final else None),
            "price_unit": "USD",
            "error_code": text.error_code, "error_message": None,
            "date_created": format_datetime(text.created),
            "date_updated": format_datetime(text.created),
            "date_sent": format_datetime(text.sent) if text.sent else None,
            "uri": f"{path}.json", "subresource_uris": {"media": f"{path}/Media.json"},
        }  # fmt: skip


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
