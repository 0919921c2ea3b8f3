"""Posts and updates on their way to Slack: one call, once, and what its outcome means."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot import conversations
from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.models import Conversation, Message
from bot.slack import cards
from bot.slack.limits import BlockError, check
from ledger.database import session

log = structlog.get_logger()

EVENT_TYPE = "partyline"  # of the metadata that carries a post's key; Slack allows no dots in it
LONGEST_TEXT = 40_000  # characters; Slack refuses more
LISTED = 200  # newest posts of a thread that a look reads
CLOCKS_APART_S = 60
LANDS_WITHIN_S = 600  # an attempt is over long before, dead or alive
#: Slack's words for "the card is wrong". Its plain text is posted instead.
BAD_CARD = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
#: What an update cannot mend: the post is gone, or too old to change.
GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
#: A thread that takes no more replies: the conversation goes on in a new one.
THREAD_GONE = {
    "Slack: thread_not_found",
    "Slack: cannot_reply_to_message",
    "Slack: restricted_action_thread_locked",
}
#: Slack broke while it worked: what was asked may or may not have been done.
BROKEN = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}


class PostCarrier:
    """Posts thread roots, texts and remarks."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, with an opaque key in its metadata to find it again by."""
        with session():
            conversation = Conversation.get_by_id(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
            card, shown, broadcast = _render(delivery, conversation)
        if delivery.payload["what"] != "root" and thread_ts is None:
            return Again(5, "the thread has no root yet")
        call: dict[str, Any] = {
            "channel": channel,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": delivery.key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread_ts:
            call |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}
        result = _deliver(
            card,
            lambda form: Done(
                {"ts": self.client.chat_postMessage(**call, **form)["ts"], "shown": shown}
            ),
        )
        if thread_ts and isinstance(result, Again) and result.why in THREAD_GONE:
            conversations.thread_gone(delivery.payload["conversation"], thread_ts)
        return result

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key. Where Slack lets us not read, it is posted again."""
        with session():
            conversation = Conversation.get_by_id(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
        began = delivery.attempted_at.timestamp()
        read: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{began - CLOCKS_APART_S:.6f}",
            "latest": f"{began + LANDS_WITHIN_S:.6f}",
            "limit": LISTED,
            "include_all_metadata": True,
        }
        try:
            if delivery.payload["what"] == "root":
                page = self.client.conversations_history(**read)
            else:
                page = self.client.conversations_replies(ts=str(thread_ts), **read)
        except Exception as error:
            return _could_not_look(error)
        for post in page["messages"]:
            metadata = post.get("metadata") or {}
            if metadata.get("event_payload", {}).get("key") == delivery.key:
                return Done({"ts": post["ts"], "shown": None})
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps the post's ts where it will be needed."""
        if isinstance(outcome, Failed):
            return
        what, ts = delivery.payload["what"], outcome.result["ts"]
        if what == "root":
            conversation = Conversation.id == delivery.payload["conversation"]
            Conversation.update(thread_ts=ts).where(conversation).execute()
        elif what == "text":
            kept = {"slack_ts": ts, "shown": outcome.result["shown"]}
            Message.update(**kept).where(Message.id == delivery.payload["message"]).execute()


class UpdateCarrier:
    """Brings a root or a text in Slack up to date with the rows as they are now."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update; none where Slack shows the same already."""
        with session():
            if "message" in delivery.payload:
                message = Message.get_by_id(delivery.payload["message"])
                conversation, ts = message.conversation, message.slack_ts
                card, shown = cards.text_out(message), cards.state_of(message)
                if message.shown == shown:
                    return Done({})
            else:
                conversation = Conversation.get_by_id(delivery.payload["conversation"])
                ts, card, shown = conversation.thread_ts, cards.root(conversation), None
            channel = conversation.channel
        if ts is None:
            return Again(5, "the post to update is not there yet")

        def update(form: cards.Card) -> Done:
            self.client.chat_update(channel=channel, ts=ts, **form)
            return Done({"shown": shown})

        return _deliver(card, update)

    def look(self, delivery: Delivery) -> Outcome:
        """An update may be repeated: it says what is, not what changed."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Remembers what the text's copy shows."""
        if isinstance(outcome, Done) and "message" in delivery.payload and outcome.result:
            shown = {"shown": outcome.result["shown"]}
            Message.update(**shown).where(Message.id == delivery.payload["message"]).execute()


def _render(delivery: Delivery, conversation: Conversation) -> tuple[cards.Card, str | None, bool]:
    """The card, the state it shows, and whether the channel sees it too."""
    match delivery.payload["what"]:
        case "root":
            return cards.root(conversation), None, False
        case "remark":
            return cards.note(delivery.payload["text"]), None, False
    message = Message.get_by_id(delivery.payload["message"])
    if message.direction == "in":
        return cards.text_in(message), None, message.in_channel
    return cards.text_out(message), cards.state_of(message), False


def _deliver(card: cards.Card, call: Callable[[cards.Card], Done]) -> Outcome:
    """Makes the call with the card; with its text alone if the card is refused: no text is lost."""
    try:
        check(card["blocks"])
        return call(card)
    except BlockError as error:
        log.error("slack.bad_card", rule=str(error))
    except Exception as error:
        if not (isinstance(error, SlackApiError) and error.response.get("error") in BAD_CARD):
            return outcome(error)
        log.error("slack.bad_card", rule=error.response.get("error"))
    try:
        return call({"text": card["text"][:LONGEST_TEXT]})
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
    if isinstance(error, OSError | HTTPException | json.JSONDecodeError):
        return Unknown(type(error).__name__)
    raise error


def _could_not_look(error: Exception) -> Outcome:
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
    if name in GONE:
        return Failed(f"Slack: {name}")
    # Nothing of ours is wrong: a channel, a scope, a token. It is tried until somebody mends it.
    return Again(30, f"Slack: {name}")
