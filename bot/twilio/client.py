"""Twilio's client, as we use it: one try, a time-out, and no host but the one in the settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from bot.config import Settings


class RateLimited(Exception):
    """Twilio answered 429: it did nothing, and may be asked again after this many seconds."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"429, again after {retry_after_s} s")


def status_of(error: Exception) -> int | None:
    """The HTTP status that an exception of Twilio's SDK stands for. One of a list has it in the
    answer that it carries."""
    if isinstance(error, TwilioRestException):
        return int(error.status)
    carried = error.args[1] if isinstance(error, TwilioException) and error.args[1:] else None
    status = getattr(carried, "status_code", None)
    return int(status) if status is not None else None


class OneTryHttpClient(TwilioHttpClient):
    """Sends each request once. With `origin` set, every Twilio host is replaced by it."""

    def __init__(self, timeout_s: float, origin: str | None) -> None:
        super().__init__(timeout=timeout_s, max_retries=None)
        self.origin = origin

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """The answer, whatever its status but 429; raises what requests raises without one."""
        if self.origin:
            parts = urlsplit(url)
            url = f"{self.origin}{parts.path}{'?' + parts.query if parts.query else ''}"
        response = super().request(method, url, *args, **kwargs)
        if response.status_code == 429:
            wait = str((response.headers or {}).get("Retry-After", ""))
            raise RateLimited(float(wait) if wait.isdecimal() else 1.0)
        return response


def connect(settings: Settings, sid: str, token: str) -> Client:
    """A client for this account; safe to share between threads."""
    return Client(
        sid,
        token,
        http_client=OneTryHttpClient(settings.attempt_timeout_s, settings.twilio_api_url),
    )
