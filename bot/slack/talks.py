"""The handles on a conversation's root and texts: assign, close, put off, block, opt out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock, desk
from bot.errors import Refused
from bot.slack import cards, contacts
from bot.slack.answers import beside

Change = Callable[[int, str], str | None]


def assign(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Assign to…"""
    to = body["actions"][0]["selected_user"]
    conversation = int(body["actions"][0]["block_id"].partition(":")[2])
    _change(ack, body, respond, lambda user: desk.assign(conversation, user, to, clock.now()))


def close(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Close."""
    conversation = int(body["actions"][0]["value"])
    _change(ack, body, respond, lambda user: desk.close(conversation, user, clock.now()))


def reopen(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Reopen."""
    conversation = int(body["actions"][0]["value"])
    _change(ack, body, respond, lambda user: desk.reopen(conversation, user, clock.now()))


def opt_out(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Opt them out: they said so in words that no machine may take for it."""
    conversation = int(body["actions"][0]["value"])
    _change(ack, body, respond, lambda user: _opt_out(conversation, user))


def more(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """The menu behind the three dots."""
    what, _, key = body["actions"][0]["selected_option"]["value"].partition(":")
    if what == "contact":
        return contacts.edit_talk(ack, body, client, int(key))
    conversation, now = int(key), clock.now()
    changes: dict[str, Callable[[str], Any]] = {
        "snooze": lambda user: desk.snooze(conversation, user, now),
        "block": lambda user: desk.block(conversation, user, now),
        "opt_out": lambda user: _opt_out(conversation, user),
    }
    return _change(ack, body, respond, changes[what])


def _opt_out(conversation: int, user: str) -> None:
    if not desk.opt_out(conversation, user, clock.now()):
        raise Refused("They are opted out already.")


def _change(
    ack: Ack, body: dict[str, Any], respond: Respond, act: Callable[[str], Any]
) -> None:  # fmt: skip
    """Acts; the root shows what came of it. A refusal is told to whoever pressed, alone."""
    try:
        act(body["user"]["id"])
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(str(refusal)))
    ack()
    return None


ACTIONS: dict[str, Callable[..., None]] = {
    "talk_assign": assign,
    "talk_close": close,
    "talk_reopen": reopen,
    "talk_opt_out": opt_out,
    "talk_more": more,
}
