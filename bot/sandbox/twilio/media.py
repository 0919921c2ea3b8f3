"""Attachments at the sandbox's Twilio: those of texts in, kept behind the account's credentials,
and those of texts out, fetched as Twilio does before it sends them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Headers
from typing import ClassVar
from urllib.parse import urldefrag

import requests
from flask import Response, jsonify, redirect, request

from bot.sandbox.server import Route
from bot.sandbox.twilio.webhooks import TwilioWebhooks
from bot.texts.kinds import KINDS, recognise

HOST, CDN = "https://api.twilio.com", "https://media.twiliocdn.com"
PIECE = 16 * 1024
MOST_BYTES = 5_000_000  # of a message
NOT_FETCHED, TOO_LARGE, WRONG_TYPE = 11200, 11751, 12300
ACCEPTED = {kind.content_type for _, kind in KINDS if kind.texted}


@dataclass
class Media:
    """An attachment of a text in."""

    sid: str
    content: bytes
    content_type: str  # as the sender's carrier says
    account: str
    #: How it is handed over: "whole", "no length", "cut off", "gone", or where it leads.
    served: str = "whole"
    key: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass
class Received:
    """An attachment as a phone got it."""

    name: str
    content_type: str
    content: bytes


class MediaRefusal(Exception):
    """Why a text out with attachments is not sent: one of Twilio's codes."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(str(code))


@dataclass
class TwilioMedia(TwilioWebhooks):
    """What Twilio's addresses of attachments do."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("/2010-04-01/Accounts/<account>/Messages/<text>/Media/<sid>", "_redirect", ("GET",)),
        ("/cdn/<key>", "_hand_over", ("GET",)),
    )

    media: dict[str, Media] = field(default_factory=dict)  # by SID

    def keep(
        self, text_sid: str, content: bytes, content_type: str = "image/jpeg",
        account: str | None = None,
    ) -> str:  # fmt: skip
        """Keeps an attachment of a text in. Returns its address."""
        account = account or self.account_sid
        media = Media("ME" + secrets.token_hex(16), content, content_type, account)
        self.media[media.sid] = media
        return f"{HOST}/2010-04-01/Accounts/{account}/Messages/{text_sid}/Media/{media.sid}"

    def _redirect(self, account: str, text: str, sid: str) -> Response:
        def work() -> Response:
            user, media = self.authenticated(), self.media.get(sid)
            if user is None:
                return Response("Authenticate", status=401)
            if media is None or not account == user == media.account or media.served == "gone":
                return Response("not found", status=404)
            to = media.served if media.served.startswith("http") else f"{CDN}/cdn/{media.key}"
            return redirect(to, 307)  # type: ignore[return-value]

        return self.answer("GET attachment", work, _broken)

    def _hand_over(self, key: str) -> Response:
        def work() -> Response:
            if "Authorization" in request.headers:  # as a signed address at S3 has it
                return Response("Only one auth mechanism allowed", status=400)
            media = next((one for one in self.media.values() if one.key == key), None)
            if media is None:
                return Response("AccessDenied", status=403)
            answer = Response(_pieces(media), mimetype=media.content_type)
            if media.served != "no length":
                answer.content_length = len(media.content)
            return answer

        return self.answer("GET content", work, _broken)

    def _listed(self, account: str, urls: list[str]) -> Response:
        """A text's attachments, as the API lists them."""
        made = []
        for url in urls:
            sid = url.rpartition("/")[2]
            made.append({
                "sid": sid, "account_sid": account, "parent_sid": url.split("/")[-3],
                "content_type": self.media[sid].content_type if sid in self.media else "",
                "date_created": None, "date_updated": None,
                "uri": url.removeprefix(HOST) + ".json",
            })  # fmt: skip
        return jsonify(media_list=made, next_page_uri=None)

    def _fetch_all(self, urls: list[str]) -> list[Received]:
        """Fetches what a text out is to carry. Raises MediaRefusal as Twilio would."""
        got = [self._fetch(url) for url in urls]
        if sum(len(one.content) for one in got) > MOST_BYTES:
            raise MediaRefusal(TOO_LARGE)
        return got

    def _fetch(self, url: str) -> Received:
        address = urldefrag(url).url
        if self.public:
            here, there = self.public
            address = address.replace(there, here)
        try:
            head = requests.head(address, timeout=15, allow_redirects=True)
            answer = requests.get(address, timeout=15)
            content = answer.content
        except requests.RequestException:
            raise MediaRefusal(NOT_FETCHED) from None
        if head.status_code != 200 or answer.status_code != 200:
            raise MediaRefusal(NOT_FETCHED)
        kind = recognise(content)
        claimed = answer.headers.get("Content-Type", "").partition(";")[0]
        told = head.headers.get("Content-Type", "").partition(";")[0]
        if claimed not in ACCEPTED or told != claimed or not kind or kind.content_type != claimed:
            raise MediaRefusal(WRONG_TYPE)
        if head.headers.get("Content-Length") != str(len(content)):
            raise MediaRefusal(NOT_FETCHED)
        headers = Headers()
        headers["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
        return Received(headers.get_filename() or "", claimed, content)


def _pieces(media: Media) -> Iterator[bytes]:
    end = len(media.content) // 2 if media.served == "cut off" else len(media.content)
    for at in range(0, end, PIECE):
        yield media.content[at : min(at + PIECE, end)]
    if media.served == "cut off":
        raise ConnectionError("as told")


def _broken(status: int, seconds: float) -> Response:
    answer = Response("busy", status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer
