"""What Slack's answers mean for a delivery, shared by all that leaves for Slack."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable, Iterable
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.slack.cards import Card
from bot.slack.limits import BlockError, check

log = structlog.get_logger()

EVENT_TYPE = "partyline"  # of the metadata that carries a post's key; Slack allows no dots in it
LONGEST_TEXT = 40_000  # characters; Slack refuses more
LISTED = 200  # newest posts that a look reads
CLOCKS_APART_S = 60
LANDS_WITHIN_S = 600  # an attempt is over long before, dead or alive
#: Slack's words for "the card is wrong". A plainer one is posted instead.
BAD_CARD = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
#: What an update cannot mend: the post is gone, or too old to change.
GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
#: A file that this workspace takes from nobody.
NO_FILES = {
    "file_uploads_disabled", "file_uploads_except_images_disabled", "file_type_not_allowed",
    "storage_limit_reached", "file_upload_size_restricted",
}  # fmt: skip
#: Slack broke while it worked: what was asked may or may not have been done.
BROKEN = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}


def keyed(delivery: Delivery) -> dict[str, Any]:
    """The arguments of a post that can be found again: an opaque key in its metadata."""
    return {
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": delivery.key}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def around(delivery: Delivery) -> dict[str, Any]:
    """The arguments of a reading that shows what the attempt may have posted."""
    began = delivery.attempted_at.timestamp()
    return {
        "oldest": f"{began - CLOCKS_APART_S:.6f}",
        "latest": f"{began + LANDS_WITHIN_S:.6f}",
        "limit": LISTED,
        "include_all_metadata": True,
    }


def found(delivery: Delivery, posts: Iterable[dict[str, Any]]) -> str | None:
    """The ts of the post that carries this delivery's key."""
    for post in posts:
        metadata = post.get("metadata") or {}
        if metadata.get("event_payload", {}).get("key") == delivery.key:
            return str(post["ts"])
    return None


def first_taken(forms: list[Card], call: Callable[[Card, int], Done]) -> Outcome:
    """Makes the call with the first card that Slack takes, and at last with its text alone: no
    text is lost to a card. `call` gets the card and how many were refused before it."""
    for place, card in enumerate(forms):
        try:
            check(card["blocks"])
            return call(card, place)
        except BlockError as error:
            log.error("slack.bad_card", rule=str(error))
        except Exception as error:
            if not (isinstance(error, SlackApiError) and error.response.get("error") in BAD_CARD):
                return outcome(error)
            log.error("slack.bad_card", rule=error.response.get("error"))
    try:
        return call({"text": forms[-1]["text"][:LONGEST_TEXT]}, len(forms))
    except Exception as error:
        return outcome(error)


def outcome(error: Exception) -> Outcome:
    """What an exception of a call of Slack's says about whether Slack did it."""
    if isinstance(error, SlackApiError):
        return _refusal(error.response)
    if isinstance(error, urllib.error.URLError) and isinstance(
        error.reason, ConnectionRefusedError
    ):
        return Again(1, "Slack could not be reached")
    if isinstance(error, OSError | HTTPException | json.JSONDecodeError | SlackRequestError):
        return Unknown(type(error).__name__)
    raise error


def could_not_look(error: Exception) -> Outcome:
    """A look that Slack did not answer is made again; one that it refused proves nothing ever."""
    asked = outcome(error)
    if isinstance(asked, Again) and (asked.shuts_pace or not isinstance(error, SlackApiError)):
        return asked
    return Again(5, asked.why) if isinstance(asked, Unknown) else NotThere(1)


def _refusal(response: SlackResponse) -> Outcome:
    name = response.get("error") or "an answer without a word"
    if response.status_code == 429 or name in ("ratelimited", "rate_limited"):
        wait = str((response.headers or {}).get("Retry-After", ""))
        return Again(float(wait) if wait.isdecimal() else 1.0, "429", shuts_pace=True)
    if response.status_code >= 500 or name in BROKEN:
        return Unknown(f"Slack: {response.status_code} {name}")
    if name in GONE | NO_FILES:
        return Failed(f"Slack: {name}")
    # Nothing of ours is wrong: a channel, a scope, a token. It is tried until somebody mends it.
    return Again(30, f"Slack: {name}")
