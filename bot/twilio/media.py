"""Attachments of texts in, fetched from Twilio with the account's credentials."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from requests.auth import HTTPBasicAuth

from bot.config import Settings
from bot.downloads import Source

#: Where Twilio keeps attachments, and where it leads who asks for one.
HOME, NEAR = "api.twilio.com", ("twilio.com", "twiliocdn.com", "amazonaws.com")


def source(settings: Settings) -> Source:
    """Twilio, as attachments come from it. With TWILIO_API_URL, its hosts are replaced by that."""
    sid = settings.twilio_account_sid
    paths = re.compile(rf"/2010-04-01/Accounts/{re.escape(sid)}/Messages/\w+/Media/\w+(\.\w+)?")
    origin = settings.twilio_api_url

    def is_home(parts: SplitResult) -> bool:
        return _is_twilios(parts, (HOME,)) and bool(paths.fullmatch(parts.path))

    def is_near(parts: SplitResult) -> bool:
        return _is_twilios(parts, NEAR)

    def reach(url: str) -> str:
        parts = urlsplit(url)
        return parts._replace(
            scheme=urlsplit(origin).scheme, netloc=urlsplit(origin).netloc
        ).geturl() if origin else url  # fmt: skip

    return Source(
        is_home, is_near, HTTPBasicAuth(sid, settings.twilio_auth_token.get_secret_value()),
        settings.attempt_timeout_s, reach,
    )  # fmt: skip


def _is_twilios(parts: SplitResult, hosts: tuple[str, ...]) -> bool:
    host = parts.hostname or ""
    known = any(host == one or host.endswith(f".{one}") for one in hosts)
    return known and parts.scheme == "https" and parts.port in (None, 443)
