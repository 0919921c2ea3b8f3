"""/text and /quote: parse, call one feature, answer. One transaction each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.contacts import contacts
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import beside, error_at, on_card, or_refusal, typed_words, whisper
from bot.slack.talks import waiting
from bot.slack.texts import compose, later, templates
from bot.slack.texts.pressed import answer, card_url, draft_of
from bot.team import channels
from bot.texts import drafts, sending
from bot.words import clean
from ledger import rates
from ledger.database import session

TEXT_HELP = (
    "*`/text`* opens a form in which the price follows what you type.\n"
    "*`/text <number or contact> <text>`* shows what a text costs before it is sent.\n"
    "`/text +14155550100 See you at 3` or `/text Ann Lee See you at 3`\n"
    "You see the text as it will arrive, its price in credits and what is left after; then "
    "*Send*, *Edit* or *Cancel*. Nothing is sent before you press *Send*.\n"
    "`/quote <text>` shows a price without sending.\n"
    "`/text waiting` lists who waits for an answer and what they said, `/text later` the texts "
    "that wait for their time, `/text templates` the words that your team uses again."
)
QUOTE_HELP = (
    "*`/quote <text>`* shows what a text costs; nothing is sent.\n"
    "`/quote See you at 3` or, for a number abroad, `/quote +442079460000 See you at 3`"
)


def text(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/text <number or contact> <body>: the quote card, in the answer itself; without a body, the
    composer."""
    typed = typed_words(command)
    if not typed:
        return compose.from_command(ack, command, client)
    if cards.asks_help(typed):
        return whisper(ack, cards.note(TEXT_HELP))
    if typed.lower() in WORDS:
        return WORDS[typed.lower()](ack=ack, command=command, client=client)
    try:
        offer = drafts.quote(command["user_id"], command["channel_id"], typed, clock.now())
    except drafts.NothingToRead as nothing:
        return compose.from_command(ack, command, client, to=nothing.number)
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    return whisper(ack, cards.offer(offer))


def quote(ack: Ack, command: dict[str, Any]) -> None:
    """/quote [number or contact] <body>: a price, and nothing else."""
    typed = typed_words(command)
    if not typed or cards.asks_help(typed):
        return whisper(ack, cards.note(QUOTE_HELP))
    return whisper(
        ack, or_refusal(lambda: _price(command["user_id"], command["channel_id"], typed))
    )


def _price(user: str, channel: str, typed: str) -> cards.Card:
    with session():
        line = channels.line_for(user, channel)
        recipient: contacts.Recipient | None
        try:
            recipient, body = contacts.split_recipient(line, typed)
        except Refused:  # nobody is named: a number of the line's own country is meant
            recipient, body = None, typed
        price = rates.quote(recipient.number if recipient else line.number, body)
        return cards.price(recipient, body, price)


def send(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Send: queues the text, or shows what has changed and asks again."""
    draft_id, version = draft_of(body)
    answer(
        ack, body, respond, draft_id,
        lambda user: sending.send(draft_id, version, user, clock.now()),
    )  # fmt: skip


def cancel(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Cancel: the draft is thrown away."""
    draft_id, version = draft_of(body)

    def cancelled(user: str) -> cards.Card:
        drafts.cancel(draft_id, version, user)
        return cards.note("Cancelled. Nothing was sent.")

    answer(ack, body, respond, draft_id, cancelled)


def save(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """A saving that the card offers: the text is quoted again in its cheaper form."""
    draft_id, version = draft_of(body)
    kind = body["actions"][0]["action_id"].removeprefix("draft_save_")
    answer(
        ack, body, respond, draft_id,
        lambda user: drafts.save(draft_id, version, user, kind, clock.now()),
    )  # fmt: skip


def again(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Check again: the text is quoted anew, as there may be credits now."""
    draft_id, version = draft_of(body)
    answer(
        ack, body, respond, draft_id,
        lambda user: drafts.again(draft_id, version, user, clock.now()),
    )  # fmt: skip


def edit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Edit: a modal with the text; its trigger lives three seconds."""
    draft_id, _ = draft_of(body)
    try:
        written = drafts.body_of(draft_id, body["user"]["id"])
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(refusal))
    ack()
    if len(written) > cards.LONGEST_INPUT:
        return beside(respond, body, cards.note(cards.TOO_LONG_TO_EDIT))
    view = cards.edit_view(draft_id, written, card_url(body))
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def edited(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The modal's text: quoted again, on the card it came from."""
    about = json.loads(view["private_metadata"])
    written = clean(view["state"]["values"]["body"]["body"]["value"] or "")
    try:
        card = cards.offer(drafts.edit(about["draft"], body["user"]["id"], written, clock.now()))
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "body"))
    else:
        ack()
        on_card(about["card_url"], card)


#: What may stand alone behind /text: the word that its help names first, then what else people try.
WORDS: dict[str, Callable[..., None]] = {
    **dict.fromkeys(("waiting", "unanswered", "inbox"), waiting.command),
    **dict.fromkeys(("later", "scheduled"), later.command),
    **dict.fromkeys(("templates", "template"), templates.command),
    **dict.fromkeys(("new", "write", "compose"), compose.from_command),
}
# What Slack calls, by the name it calls it.
COMMANDS: dict[str, Callable[..., None]] = {"/text": text, "/quote": quote}
ACTIONS: dict[str, Callable[..., None]] = {
    "draft_send": send,
    "draft_save_plain": save,
    "draft_save_mms": save,
    "draft_again": again,
    "draft_edit": edit,
    "draft_cancel": cancel,
}
VIEWS: dict[str, Callable[..., None]] = {"draft_edited": edited}
