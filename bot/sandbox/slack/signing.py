"""Requests of the sandbox's Slack: signed as Slack signs, to be sent any number of times."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from bot.sandbox.slack.api import SlackStandIn
from bot.sandbox.slack.records import APP, Post

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ACK_S = 3  # in which Slack has to be answered


@dataclass(frozen=True)
class Signed:
    """A request as Slack would send it; it may be sent again, as Slack does."""

    url: str
    body: bytes
    headers: dict[str, str]
    until_done: Callable[[], None] | None = None  # waits for what the app does after its answer

    def send(self, retry: int = 0) -> Answer:
        """Posts it to the app; for the `retry`th time, Slack says so."""
        again = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        headers = self.headers | (again if retry else {})
        began = time.monotonic()
        answer = Answer(requests.post(self.url, data=self.body, headers=headers, timeout=30))
        answer.took_s = time.monotonic() - began
        if self.until_done:
            self.until_done()
        return answer


class Answer:
    """What the app answered, and what Slack then shows to the user."""

    def __init__(self, response: requests.Response, shown: Post | None = None) -> None:
        self.status = response.status_code
        self.body = response.text
        self.shown = shown
        self.took_s = 0.0

    @property
    def json(self) -> dict[str, Any]:
        """The answer as JSON; nothing at all is {}."""
        return dict(json.loads(self.body)) if self.body.strip() else {}

    def plain(self) -> str:
        """What the user reads."""
        return self.shown.plain() if self.shown else ""


class Signer(SlackStandIn):
    """Slack, as it calls the app."""

    retries = 3  # of an event that the app did not take
    retry_s = 0.05  # between two; Slack waits a moment, a minute, five

    def __init__(self, app_url: str = "") -> None:
        super().__init__(app_url)
        self._held: list[Signed] | None = None
        #: An app in this process says when its listeners are done: they may go on after their
        #: answer, and open a modal that whoever looks at once would not see.
        self.until_done: Callable[[], None] | None = None

    def sign(self, body: str | bytes, content_type: str = FORM, age_s: int = 0) -> Signed:
        """A request with this body and Slack's signature on it."""
        raw = body if isinstance(body, bytes) else body.encode()
        stamp = str(int(time.time()) - age_s)
        mac = hmac.new(
            self.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256
        )
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + mac.hexdigest(),
        }
        return Signed(f"{self.app_url}/slack/events", raw, headers, self.until_done)

    def event(
        self, event: Mapping[str, Any], event_id: str | None = None, source_team: str | None = None
    ) -> Signed:
        """An event of the Events API, to be sent any number of times. In a channel that is shared
        with another workspace, `source_team` is where it came from."""
        body = {
            "token": "deprecated", "team_id": source_team or self.team, "api_app_id": APP,
            "event": dict(event), "type": "event_callback", "event_time": int(time.time()),
            "event_id": event_id or "Ev" + secrets.token_hex(5).upper(),
            "authorizations": [{
                "enterprise_id": None, "team_id": self.team, "user_id": self.bot, "is_bot": True,
                "is_enterprise_install": False,
            }],
            "is_ext_shared_channel": source_team is not None,
            "event_context": "4-" + secrets.token_hex(20),
        }  # fmt: skip
        return self.sign(json.dumps(body), JSON)

    def tell(self, event: Signed) -> None:
        """Sends an event, again while the app does not take it, unless events are held."""
        if self._held is not None:
            self._held.append(event)
            return
        for retry in range(self.retries + 1):
            try:
                if event.send(retry).status == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(self.retry_s)

    @contextmanager
    def held(self) -> Iterator[list[Signed]]:
        """Inside the block events are not sent, but kept here in their order."""
        kept: list[Signed] = []
        before, self._held = self._held, kept
        try:
            yield kept
        finally:
            self._held = before
