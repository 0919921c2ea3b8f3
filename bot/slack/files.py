"""Files in Slack: fetched with our token, which nobody but Slack is shown, and uploaded."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import downloads
from bot.carriers import Again
from bot.config import Settings
from bot.downloads import Away, Bearer, Gone, Incoming, Misled, Shut, Source, TooLarge, Trouble
from bot.slack.outcomes import outcome
from bot.texts import kinds
from bot.words import OPERATOR, clean
from ledger.rates import PACK_BYTES

MISSING = {"file_not_found", "file_deleted"}
FORBIDDEN = {"access_denied", "missing_scope", "not_allowed_token_type", "team_not_found"}


def source(settings: Settings) -> Source:
    """Slack, as files come from it: the host of SLACK_API_URL, and those under it."""
    token = settings.slack_bot_token.get_secret_value()
    return _source(settings.slack_api_url, token, settings.attempt_timeout_s)


def _source(api_url: str, token: str, timeout_s: float) -> Source:
    home = urlsplit(api_url)

    def is_home(parts: SplitResult) -> bool:
        host = parts.hostname or ""
        same = (parts.scheme, parts.port) == (home.scheme, home.port)
        return same and (host == home.hostname or host.endswith(f".{home.hostname}"))

    return Source(is_home, is_home, Bearer(token), timeout_s)


def source_of(client: WebClient) -> Source:
    """Slack, as this client knows it."""
    return _source(client.base_url, str(client.token), client.timeout)


def fetch(source: Source, url: str, most_bytes: int) -> Incoming:
    """Opens a file by its url_private. Raises downloads.Trouble.

    Where Slack does not let us read, it answers 200 and a page to log in on.
    """
    file = downloads.fetch(source, url, most_bytes)
    if file.content_type == "text/html" or file.head.lstrip().lower().startswith(
        (b"<!doctype html", b"<html")
    ):
        file.close()
        raise Shut("a page to log in on")
    return file


def describe(client: WebClient, file: dict[str, Any]) -> dict[str, Any]:
    """A file of an event with its name and address, asked for where the event lacks them.

    Raises downloads.Trouble.
    """
    if file.get("url_private") and file.get("file_access") != "check_file_info":
        return file
    try:
        told = dict(client.files_info(file=file["id"])["file"])
        if not told.get("url_private"):
            raise Gone("hidden")  # behind the limit of a free workspace
        return told
    except Gone:
        raise
    except SlackApiError as error:
        name = error.response.get("error")
        if name in MISSING:
            raise Gone(name) from None
        if name in FORBIDDEN:
            raise Shut(name) from None
        asked = outcome(error)
        raise Away(str(name), asked.after_s if isinstance(asked, Again) else 1) from None
    except Exception as error:
        outcome(error)  # raises what is no fault of Slack's
        raise Away(type(error).__name__) from None


def look_at(
    client: WebClient, source: Source, file: dict[str, Any], whole: list[bytes] | None = None
) -> dict[str, Any] | str:
    """What is to be kept of a file that can be texted; else why it cannot. All of its content is
    put into `whole`, if that is given. Raises downloads.Away."""
    name = clean(file.get("name") or "The file")
    try:
        told = describe(client, file)
        name = clean(told.get("name") or name)
        if told.get("mimetype") == "text/html":  # else taken for a page to log in on
            return kinds.why_not(name, None, 1) or ""
        url = told.get("url_private_download") or told.get("url_private") or ""
        with fetch(source, url, PACK_BYTES) as coming:
            kind, size = coming.kind, coming.size_bytes
            if whole is not None:
                whole += coming.chunks()
                size = sum(map(len, whole))
            elif size is None:
                size = sum(len(chunk) for chunk in coming.chunks())
    except TooLarge as large:
        return kinds.too_large(name, large.size_bytes)
    except (Gone, Shut, Misled) as trouble:
        return f"{name} {WHY_NOT_SEEN[type(trouble)]}"
    why = kinds.why_not(name, kind, size)
    if why or kind is None:
        return why or ""
    return {"file": file["id"], "name": name, "type": kind.content_type, "size": size, "url": url}


WHY_NOT_SEEN: dict[type[Trouble], str] = {
    Gone: "is no longer in Slack.",
    Shut: f"could not be read: Partyline may not read files here. Ask {OPERATOR} to give the "
    "Slack app the scope files:read.",
    Misled: "is not kept in Slack itself. Download it, and attach it from your device.",
}


def upload(client: WebClient, name: str, content: bytes, title: str, said: str | None) -> str:
    """Uploads a file that nobody sees yet; `said` is what it shows, in words. Returns its id."""
    file = client.files_upload_v2(filename=name, content=content, title=title, alt_txt=said)["file"]
    return str(file["id"])
