"""The composer's listeners: its openings, what is put into it, and Send."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt import Ack, BoltContext
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards, roll_call
from bot.slack.answers import error_at, refusal_view, whisper
from bot.slack.markup import emoji_names
from bot.slack.texts import compose_cards
from bot.slack.texts.live import LiveQuotes, address
from bot.talks import desk
from bot.texts import composed, composer, keystrokes
from bot.texts.composed import Gone
from bot.texts.composer import Typed
from bot.words import clean
from ledger.database import session

# Openings. A trigger lives three seconds, so the view is opened at once.


def from_command(
    ack: Ack, command: dict[str, Any], client: WebClient, to: str | None = None
) -> None:  # fmt: skip
    """/text without a word, or with nothing but whom it is for."""
    user, channel = command["user_id"], command["channel_id"]
    try:
        look = composer.start(user, clock.now(), channel=channel, to=to)
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    ack()
    return _open(client, command["trigger_id"], look)


def from_home(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Write a text, on Home."""
    account = int(body["actions"][0]["value"])
    _start(ack, body, client, account=account)


def from_thread(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Reply, on a conversation's root."""
    _start(ack, body, client, conversation=int(body["actions"][0]["value"]))


def from_anywhere(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """The shortcut "Write a text"."""
    _start(ack, body, client)


def from_message(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """The shortcut "Reply by text" of a message in a conversation's thread."""
    message = body["message"]
    with session():
        talk = desk.find(body["channel"]["id"], message.get("thread_ts") or message["ts"])
    if talk is None:
        ack()
        view = refusal_view(Refused(
            "This message belongs to no conversation by text. Use this on a text in its thread, "
            "or the shortcut *Write a text*."
        ))  # fmt: skip
        client.views_open(trigger_id=body["trigger_id"], view=view)
        return
    _start(ack, body, client, conversation=talk.id)


def _start(ack: Ack, body: dict[str, Any], client: WebClient, **where: Any) -> None:
    try:
        look = composer.start(body["user"]["id"], clock.now(), **where)
    except Refused as refusal:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=refusal_view(refusal))
        return
    ack()
    _open(client, body["trigger_id"], look)


def _open(client: WebClient, trigger_id: str, look: composer.Look) -> None:
    client.views_open(trigger_id=trigger_id, view=compose_cards.view(look))


# What is put in


def typed(ack: Ack, body: dict[str, Any], context: BoltContext, client: WebClient) -> None:
    """A key, or a choice: the quote follows it, out of step with the acks."""
    ack()
    form = _form(body)
    if form.template is not None:
        roll_call.learn_name(client, form.user)
    _live(context).typed(form)


def pressed(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
    """A saving, Later… or Send now instead."""
    ack()
    form, what = _form(body), body["actions"][0]["value"]
    try:
        keystrokes.pressed(form, what, clock.now())
    except Refused:
        return
    _live(context).look(form.view)


def options(ack: Ack, body: dict[str, Any]) -> None:
    """Contacts that are meant by what was typed, and a number that is none yet."""
    about, kinds = json.loads(body["view"]["private_metadata"]), _blocks(body["view"])
    account = int(body["block_id"].rpartition(":")[2])
    line = int(_chosen(kinds.get("line")) or about["line"])
    try:
        found = composer.find(body["user"]["id"], account, line, clean(body["value"] or ""))
    except Refused:
        found = []
    ack(options=[cards.option(label, value) for value, label in found])


def _live(context: BoltContext) -> LiveQuotes:
    live: LiveQuotes = context["live"]
    return live


# Send


def submitted(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """Send, or Schedule: done once, at the price that was shown; else the price is asked about."""
    form, shown = _form(body), json.loads(view["private_metadata"])["shown"]
    try:
        done = composed.submit(form, shown, clock.now())
    except Refused as refusal:
        [(where, why)] = error_at(refusal, "body").items()
        ack(response_action="errors", errors={_input(view, where): why})
        return
    if not isinstance(done, Gone):
        ack(response_action="update", view=compose_cards.view(done))
    elif form.conversation and not done.checking:  # whoever replies looks at the thread
        ack()
    else:
        ack(response_action="update", view=compose_cards.gone(done, address(client, done)))


def _input(view: dict[str, Any], where: str) -> str:
    """The block_id of this input, or of the body's where it is not shown."""
    blocks = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    named = {block.partition(":")[0]: block for block in blocks}
    return named.get(where) or named["body"]


# Slack's form, read


def _form(body: dict[str, Any]) -> Typed:
    """All that the form holds."""
    view = body["view"]
    about, blocks = json.loads(view["private_metadata"]), _blocks(view)
    to, box, template = blocks.get("to"), blocks["body"], blocks.get("template")
    chosen, when = _chosen(template), (blocks.get("at") or ("", {}))[1].get("selected_date_time")
    return Typed(
        view["id"], body["user"]["id"],
        body["actions"][0]["action_ts"] if body.get("actions") else "",
        view["hash"], int(_chosen(blocks.get("line")) or about["line"]), about["conversation"],
        _chosen(to) or "", int(to[0]) if to else None,
        clean(emoji_names(box[1].get("value") or "")), int(box[0]),
        int(chosen) if chosen else None,
        tuple((blocks.get("files") or ("", {}))[1].get("files") or ()),
        datetime.fromtimestamp(int(when), UTC) if when else None,
    )  # fmt: skip


def _blocks(view: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """By the first word of its block_id, the last one, and what each input holds."""
    return {
        block.partition(":")[0]: (block.rpartition(":")[2], next(iter(inside.values())))
        for block, inside in view["state"]["values"].items()
    }


def _chosen(held: tuple[str, dict[str, Any]] | None) -> str | None:
    option = held[1].get("selected_option") if held else None
    return option["value"] if option else None


ACTIONS: dict[str, Callable[..., None]] = {
    "compose_open": from_home,
    "talk_reply": from_thread,
    **dict.fromkeys(
        ("compose_line", "compose_to", "compose_template", "compose_body", "compose_at"), typed
    ),
    **dict.fromkeys(
        ("compose_save_plain", "compose_save_mms", "compose_save_sms", "compose_later",
         "compose_now"), pressed,
    ),
}  # fmt: skip
VIEWS: dict[str, Callable[..., None]] = {"composed": submitted}
SHORTCUTS: dict[str, Callable[..., None]] = {
    "compose": from_anywhere,
    "compose_reply": from_message,
}
OPTIONS: dict[str, Callable[..., None]] = {"compose_to": options}
