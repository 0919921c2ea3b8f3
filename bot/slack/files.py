"""Files in Slack: fetched with our token, which nobody but Slack is shown, and uploaded."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import downloads
from bot.carriers import Again
from bot.config import Settings
from bot.downloads import Away, Bearer, Gone, Incoming, Shut, Source
from bot.slack.outcomes import outcome

MISSING = {"file_not_found", "file_deleted"}
FORBIDDEN = {"access_denied", "missing_scope", "not_allowed_token_type", "team_not_found"}


def source(settings: Settings) -> Source:
    """Slack, as files come from it: the host of SLACK_API_URL, and those under it."""
    home = urlsplit(settings.slack_api_url)

    def is_home(parts: SplitResult) -> bool:
        host = parts.hostname or ""
        same = (parts.scheme, parts.port) == (home.scheme, home.port)
        return same and (host == home.hostname or host.endswith(f".{home.hostname}"))

    return Source(
        is_home, is_home, Bearer(settings.slack_bot_token.get_secret_value()),
        settings.attempt_timeout_s,
    )  # fmt: skip


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


def upload(client: WebClient, name: str, content: bytes, title: str, said: str | None) -> str:
    """Uploads a file that nobody sees yet; `said` is what it shows, in words. Returns its id."""
    file = client.files_upload_v2(filename=name, content=content, title=title, alt_txt=said)["file"]
    return str(file["id"])
