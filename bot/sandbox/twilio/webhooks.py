"""Webhooks of the sandbox's Twilio: signed, and sent again as their address's fragment says."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urldefrag

import requests

from bot.sandbox.twilio.accounts import TwilioAccounts


@dataclass
class Webhook:
    """One webhook as it went: where, what was answered at last, how many tries it took."""

    url: str
    params: dict[str, str]
    status: int | None
    tries: int


@dataclass
class TwilioWebhooks(TwilioAccounts):
    """How Twilio calls our app."""

    app_url: str = ""
    #: Where our app listens, and its PUBLIC_URL, for which webhooks are signed.
    public: tuple[str, str] | None = None
    webhooks: list[Webhook] = field(default_factory=list)

    def sign(self, url: str, params: Mapping[str, str], token: str | None = None) -> str:
        """X-Twilio-Signature over the URL (its fragment never counts) and the sorted parameters."""
        payload = urldefrag(url).url + "".join(k + params[k] for k in sorted(params))
        token = token or self.token_of(params.get("AccountSid")) or self.auth_token
        digest = hmac.new(token.encode(), payload.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

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
