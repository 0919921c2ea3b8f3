"""What Slack's answers mean for a delivery, shared by all that leaves for Slack."""

from __future__ import annotations

import hashlib
import json
import threading
import traceback
import urllib.error
from collections.abc import Callable, Iterable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import peewee
import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.slack.cards import Card
from bot.slack.limits import BlockError, check
from bot.talks import outages
from bot.words import short
from ledger.database import session

log = structlog.get_logger()

Form = Callable[[], Card]  # draws a card

EVENT_TYPE = "partyline"  # of the metadata that carries a post's key; Slack allows no dots in it
LONGEST_TEXT, LONGEST_UPDATE = 40_000, 4_000  # characters of a post's text, and of an update's
REMEMBERED = 1_000  # faults that are not logged again
LISTED = 200  # newest posts that a look reads
CLOCKS_APART_S = 60
LANDS_WITHIN_S = 600  # an attempt is over long before, dead or alive
#: Slack's words for "the card is wrong". A plainer one is posted instead.
BAD_CARD = {
    "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch",
    "invalid_attachments", "invalid_arguments", "msg_too_long", "no_text",
}  # fmt: skip
#: What an update cannot mend: the post is gone, or too old to change.
GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
#: Whom nobody can tell anything.
NOBODY = {"user_not_found", "user_disabled", "cannot_dm_bot"}
#: A file that this workspace takes from nobody.
NO_FILES = {
    "file_uploads_disabled", "file_uploads_except_images_disabled", "file_type_not_allowed",
    "storage_limit_reached", "file_upload_size_restricted",
}  # fmt: skip
#: What is refused to a look may be allowed to a post.
UNREADABLE = {"missing_scope", "no_permission"}
#: Slack broke while it worked: what was asked may or may not have been done.
BROKEN = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
#: What a call that never came through raises.
UNREACHED = (SlackApiError, SlackRequestError, OSError, HTTPException, json.JSONDecodeError)

_known: dict[tuple[str, str], None] = {}
_lock = threading.Lock()


def keyed(delivery: Delivery) -> dict[str, Any]:
    """The arguments of a post that can be found again: an opaque key in its metadata, which any
    app of the workspace may read."""
    return {
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": opaque(delivery.key)}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def opaque(key: str) -> str:
    """What stands for a delivery's key where others may read it."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


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
        if metadata.get("event_payload", {}).get("key") == opaque(delivery.key):
            return str(post["ts"])
    return None


def first_taken(
    forms: Sequence[Card | Form], call: Callable[[Card, int], Outcome], about: str
) -> Outcome:
    """Makes the call with the first card that can be drawn and that Slack takes, and at last with
    its text alone: no text is lost to a card. `call` gets the card and how many were of no use
    before it. What is wrong with a card is logged once of what it is `about`, however often it is
    tried."""
    words = None
    for place, form in enumerate(forms):
        try:
            card = form() if callable(form) else form
            words = words or card["text"]
            check(card["blocks"])
        except peewee.PeeweeException:  # the database, not the card
            raise
        except UNREACHED as error:  # nothing was posted: the card needed to know something
            asked = outcome(error)
            return Again(5, asked.why) if isinstance(asked, Unknown) else asked
        except Exception as error:
            fault(about, error)
            continue
        try:
            return call(card, place)
        except SlackApiError as error:
            if error.response.get("error") not in BAD_CARD:
                return outcome(error)
            fault(about, error)
        except Exception as error:
            return outcome(error)
    if words is None:
        return Again(30, "no form of it could be drawn")
    try:
        return call({"text": short(words, LONGEST_TEXT), "blocks": []}, len(forms))
    except Exception as error:
        return outcome(error)


def drawn(draw: Callable[..., Card], *of: Any) -> Form:
    """A form of a card, drawn when its turn comes."""

    def form() -> Card:
        with session():
            return draw(*of)

    return form


def change(
    client: WebClient, channel: str, ts: str, card: Card, files: Sequence[str] | None = None
) -> None:
    """One chat.update: this card stands at `ts` now, with these files of Slack's tied to it."""
    shown = {**card, "text": short(card["text"], LONGEST_UPDATE)}
    client.chat_update(channel=channel, ts=ts, file_ids=files, **shown)


def fault(about: str, error: Exception) -> None:
    """Logs what is wrong with a card, once in this process; never anybody's words."""
    if isinstance(error, SlackApiError):
        why = str(error.response.get("error"))
    elif isinstance(error, BlockError):
        why = str(error)
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"
    with _lock:
        if (about, why) in _known:
            return
        _known[about, why] = None
        if len(_known) > REMEMBERED:
            del _known[next(iter(_known))]
    log.error("slack.bad_card", about=about, why=why)


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
    if isinstance(error, SlackApiError) and error.response.get("error") in UNREADABLE:
        return NotThere(1)
    if isinstance(asked, Again) and (asked.shuts_pace or not isinstance(error, SlackApiError)):
        return asked
    return Again(5, asked.why) if isinstance(asked, Unknown) else NotThere(1)


def read_back(client: WebClient, delivery: Delivery, to: str) -> Outcome:
    """Whether a post to a channel or a person stands there, found by its key."""
    try:
        if to.startswith(("U", "W")):
            to = client.conversations_open(users=to)["channel"]["id"]
        page = client.conversations_history(channel=to, **around(delivery))
    except Exception as error:
        return could_not_look(error)
    ts = found(delivery, page["messages"])
    return Done({"ts": ts, "channel": to}) if ts else NotThere(1)


def _refusal(response: SlackResponse) -> Outcome:
    name = response.get("error") or "an answer without a word"
    if response.status_code == 429 or name in ("ratelimited", "rate_limited"):
        wait = str((response.headers or {}).get("Retry-After", ""))
        return Again(float(wait) if wait.isdecimal() else 1.0, "429", shuts_pace=True)
    if response.status_code >= 500 or name in BROKEN:
        return Unknown(f"Slack: {response.status_code} {name}")
    if name in GONE | NOBODY | NO_FILES:
        return Failed(f"Slack: {name}")
    # Nothing of ours is wrong: a channel, a scope, a token. It is tried until somebody mends it.
    mends = name in outages.CHANNEL or name in outages.SLACK
    return Again(30, f"Slack: {name}", shuts_pace=name in outages.SLACK, patient=mends)
