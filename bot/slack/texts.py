"""/text and /quote: parse, call one feature, answer. One transaction each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot import clock, contacts, drafts, lines
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import or_refusal, reply, typed_words, whisper
from bot.words import clean
from ledger import rates
from ledger.database import session

TEXT_HELP = (
    "*`/text <number or contact> <text>`* shows what a text costs before it is sent.\n"
    "`/text +14155550100 See you at 3` or `/text Ann Lee See you at 3`\n"
    "You see the text as it will arrive, its price in credits and what is left after; then "
    "*Send*, *Edit* or *Cancel*. Nothing is sent before you press *Send*.\n"
    "`/quote <text>` shows a price without sending."
)
TOO_LONG_TO_EDIT = (
    f"Slack's form holds {cards.LONGEST_INPUT:,} characters and this text has more. "
    "Cancel it, and start again with `/text`."
)
QUOTE_HELP = (
    "*`/quote <text>`* shows what a text costs; nothing is sent.\n"
    "`/quote See you at 3` or, for a number abroad, `/quote +442079460000 See you at 3`"
)


def text(ack: Ack, command: dict[str, Any]) -> None:
    """/text <number or contact> <body>: the quote card, in the answer itself."""
    typed = typed_words(command)
    if typed.lower() in ("", "help"):
        return whisper(ack, cards.note(TEXT_HELP))
    return whisper(
        ack,
        or_refusal(
            lambda: cards.offer(
                drafts.quote(command["user_id"], command["channel_id"], typed, clock.now())
            )
        ),
    )


def quote(ack: Ack, command: dict[str, Any]) -> None:
    """/quote [number or contact] <body>: a price, and nothing else."""
    typed = typed_words(command)
    if typed.lower() in ("", "help"):
        return whisper(ack, cards.note(QUOTE_HELP))
    return whisper(
        ack, or_refusal(lambda: _price(command["user_id"], command["channel_id"], typed))
    )


def _price(user: str, channel: str, typed: str) -> cards.Card:
    with session():
        line = lines.line_for(user, channel)
        recipient: contacts.Recipient | None
        try:
            recipient, body = contacts.split_recipient(line, typed)
        except Refused:  # nobody is named: a number of the line's own country is meant
            recipient, body = None, typed
        price = rates.quote(recipient.number if recipient else line.number, body)
        return cards.price(recipient, body, price)


def send(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Send: queued and charged once, however often it is pressed."""
    draft_id, version = _draft(body)
    try:
        outcome = drafts.send(draft_id, version, body["user"]["id"], clock.now())
    except Refused as refusal:
        ack()
        return reply(respond, cards.note(str(refusal)), replace=False)
    ack()
    return reply(
        respond,
        cards.sent(outcome) if isinstance(outcome, drafts.Sent) else cards.offer(outcome),
    )


def cancel(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Cancel: the draft is thrown away."""
    draft_id, version = _draft(body)
    card = or_refusal(
        lambda: (
            drafts.cancel(draft_id, version, body["user"]["id"]),
            cards.note("Cancelled. Nothing was sent."),
        )[1]
    )
    ack()
    reply(respond, card)


def edit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Edit: a modal with the text; its trigger lives three seconds."""
    draft_id, _ = _draft(body)
    try:
        written = drafts.body_of(draft_id, body["user"]["id"])
    except Refused as refusal:
        ack()
        return reply(respond, cards.note(str(refusal)), replace=False)
    ack()
    if len(written) > cards.LONGEST_INPUT:
        return reply(respond, cards.note(TOO_LONG_TO_EDIT), replace=False)
    client.views_open(
        trigger_id=body["trigger_id"],
        view=cards.edit_view(draft_id, written, body["response_url"]),
    )
    return None


def edited(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The modal's text: quoted again, on the card it came from."""
    about = json.loads(view["private_metadata"])
    written = clean(view["state"]["values"]["body"]["body"]["value"] or "")
    try:
        card = cards.offer(drafts.edit(about["draft"], body["user"]["id"], written, clock.now()))
    except Refused as refusal:
        ack(response_action="errors", errors={"body": str(refusal)})
        return
    ack()
    reply(WebhookClient(about["card_url"], timeout=10).send, card)


def _draft(body: dict[str, Any]) -> tuple[str, int]:
    draft_id, _, version = body["actions"][0]["value"].rpartition(":")
    return draft_id, int(version)


# What Slack calls, by the name it calls it.
COMMANDS: dict[str, Callable[..., None]] = {"/text": text, "/quote": quote}
ACTIONS: dict[str, Callable[..., None]] = {
    "draft_send": send,
    "draft_edit": edit,
    "draft_cancel": cancel,
}
VIEWS: dict[str, Callable[..., None]] = {"draft_edited": edited}
