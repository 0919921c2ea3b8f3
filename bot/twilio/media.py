"""Attachments of texts in, fetched from Twilio with the account's credentials."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from requests.auth import HTTPBasicAuth

from bot.downloads import Away, Source
from bot.lines.sealing import CannotOpen
from bot.twilio.accounts import Accounts, NoAccount

#: Where Twilio keeps attachments, and where it leads who asks for one.
HOME, NEAR = "api.twilio.com", ("twilio.com", "twiliocdn.com", "amazonaws.com")


def source(accounts: Accounts, twilio: str | None) -> Source:
    """Twilio, as attachments come from it to this account. With TWILIO_API_URL, its hosts are
    replaced by that. Raises Away where its token cannot be had now."""
    settings = accounts.settings
    sid = twilio or settings.twilio_account_sid
    try:
        token = accounts.keys(sid).token
    except (NoAccount, CannotOpen) as error:
        raise Away(str(error), 60) from None
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
        is_home, is_near, HTTPBasicAuth(sid, token),
        settings.attempt_timeout_s, reach,
    )  # fmt: skip


def _is_twilios(parts: SplitResult, hosts: tuple[str, ...]) -> bool:
    host = parts.hostname or ""
    known = any(host == one or host.endswith(f".{one}") for one in hosts)
    return known and parts.scheme == "https" and parts.port in (None, 443)
