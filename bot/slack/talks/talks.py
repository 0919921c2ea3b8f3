"""The handles on a conversation's root and texts: assign, close, put off, block, opt out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import beside, error_at
from bot.slack.contacts import contacts
from bot.slack.talks import thread_cards
from bot.talks import desk


def assign(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Assign to…"""
    to = body["actions"][0]["selected_user"]
    conversation = int(body["actions"][0]["block_id"].partition(":")[2])
    _change(ack, body, respond, lambda user: desk.assign(conversation, user, to, clock.now()))


def close(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Close."""
    _change(ack, body, respond, lambda user: desk.close(_pressed(body), user, clock.now()))


def reopen(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Reopen."""
    _change(ack, body, respond, lambda user: desk.reopen(_pressed(body), user, clock.now()))


def opt_out(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Opt them out: they said so in words that no machine may take for it."""
    _judge(ack, body, respond, meant=True)


def not_meant(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """They did not mean that."""
    _judge(ack, body, respond, meant=False)


def _judge(ack: Ack, body: dict[str, Any], respond: Respond, meant: bool) -> None:
    ts = body["container"]["message_ts"]
    _change(
        ack, body, respond,
        lambda user: desk.judge_wish(_pressed(body), user, ts, meant, clock.now()),
    )  # fmt: skip


def more(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """The menu behind the three dots."""
    what, _, key = body["actions"][0]["selected_option"]["value"].partition(":")
    conversation, now = int(key), clock.now()
    if what == "contact":
        return contacts.edit_talk(ack, body, client, conversation)
    if what == "snooze":
        return _ask_until(ack, body, client, respond, conversation)
    changes: dict[str, Callable[[str], Any]] = {
        "release": lambda user: desk.assign(conversation, user, None, now),
        "block": lambda user: desk.block(conversation, user, now),
        "unblock": lambda user: desk.unblock(conversation, user, now),
        "opt_out": lambda user: _opt_out(conversation, user),
    }
    return _change(ack, body, respond, changes[what])


def _opt_out(conversation: int, user: str) -> None:
    if not desk.opt_out(conversation, user, clock.now()):
        raise Refused("They are opted out already.")


def _ask_until(
    ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond, conversation: int
) -> None:
    """Opens the modal that asks until when; its trigger lives three seconds."""
    try:
        times = desk.wake_times(conversation, body["user"]["id"], clock.now())
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(refusal))
    ack()
    view = thread_cards.snooze_view(conversation, times)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def snoozed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The time that was chosen."""
    chosen = view["state"]["values"]
    other = chosen["other"]["other"]["selected_date_time"]
    until = int(other or chosen["until"]["until"]["selected_option"]["value"])
    try:
        desk.snooze(
            int(view["private_metadata"]), body["user"]["id"], datetime.fromtimestamp(until, UTC),
            clock.now(),
        )  # fmt: skip
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "other" if other else "until"))
    else:
        ack()


def _pressed(body: dict[str, Any]) -> int:
    return int(body["actions"][0]["value"])


def _change(
    ack: Ack, body: dict[str, Any], respond: Respond, act: Callable[[str], Any]
) -> None:  # fmt: skip
    """Acts; the thread shows what came of it. A refusal is told to whoever pressed, alone."""
    try:
        act(body["user"]["id"])
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(refusal))
    ack()
    return None


ACTIONS: dict[str, Callable[..., None]] = {
    "talk_assign": assign,
    "talk_close": close,
    "talk_reopen": reopen,
    "talk_opt_out": opt_out,
    "talk_not_meant": not_meant,
    "talk_more": more,
}
VIEWS: dict[str, Callable[..., None]] = {"talk_snoozed": snoozed}
