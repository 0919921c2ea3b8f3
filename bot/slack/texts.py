"""/text and /quote: parse, call one feature, answer. One transaction each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot import clock, contacts, drafts, lines, sending
from bot.drafts import Offer
from bot.errors import Refused
from bot.slack import cards, compose
from bot.slack.answers import beside, or_refusal, reply, typed_words, whisper
from bot.words import clean
from ledger import rates
from ledger.database import session

TEXT_HELP = (
    "*`/text`* opens a form in which the price follows what you type.\n"
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


def text(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/text <number or contact> <body>: the quote card, in the answer itself; without a word, the
    composer."""
    typed = typed_words(command)
    if not typed:
        return compose.from_command(ack, command, client)
    if typed.lower() == "help":
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
    """Send: queues the text, or shows what has changed and asks again."""
    draft_id, version = _draft(body)
    _answer(
        ack, body, respond, draft_id,
        lambda user: sending.send(draft_id, version, user, clock.now()),
    )  # fmt: skip


def cancel(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Cancel: the draft is thrown away."""
    draft_id, version = _draft(body)

    def cancelled(user: str) -> cards.Card:
        drafts.cancel(draft_id, version, user)
        return cards.note("Cancelled. Nothing was sent.")

    _answer(ack, body, respond, draft_id, cancelled)


def save(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """A saving that the card offers: the text is quoted again in its cheaper form."""
    draft_id, version = _draft(body)
    kind = body["actions"][0]["action_id"].removeprefix("draft_save_")
    _answer(
        ack, body, respond, draft_id,
        lambda user: drafts.save(draft_id, version, user, kind, clock.now()),
    )  # fmt: skip


def again(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Check again: the text is quoted anew, as there may be credits now."""
    draft_id, version = _draft(body)
    _answer(
        ack, body, respond, draft_id,
        lambda user: drafts.again(draft_id, version, user, clock.now()),
    )  # fmt: skip


def at(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Send at 9:00: the text is scheduled for the time the button names."""
    key, _, moment = body["actions"][0]["value"].rpartition(":")
    draft_id, _, version = key.rpartition(":")
    then = datetime.fromtimestamp(int(moment), UTC)

    def timed(user: str) -> cards.Card:
        return cards.timed(sending.later(draft_id, int(version), user, then, clock.now()))

    _answer(ack, body, respond, draft_id, timed)


def later(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Later…: a modal that asks when; its trigger lives three seconds."""
    draft_id, version = _draft(body)
    try:
        suggested = sending.suggest(draft_id, body["user"]["id"], clock.now())
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(str(refusal)))
    ack()
    card_url = None if in_thread(body) else body["response_url"]
    view = cards.later_view(draft_id, version, suggested, card_url)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def timed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The time that was chosen."""
    about = json.loads(view["private_metadata"])
    chosen = view["state"]["values"]["at"]["at"]["selected_date_time"]
    try:
        if chosen is None:
            raise Refused("Choose a date and a time.")
        then = datetime.fromtimestamp(int(chosen), UTC)
        user = body["user"]["id"]
        then = sending.later(about["draft"], about["version"], user, then, clock.now())
    except Refused as refusal:
        ack(response_action="errors", errors={"at": str(refusal)})
    else:
        ack()
        _on_card(about["card_url"], cards.timed(then))


def edit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Edit: a modal with the text; its trigger lives three seconds."""
    draft_id, _ = _draft(body)
    try:
        written = drafts.body_of(draft_id, body["user"]["id"])
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(str(refusal)))
    ack()
    if len(written) > cards.LONGEST_INPUT:
        return beside(respond, body, cards.note(TOO_LONG_TO_EDIT))
    view = cards.edit_view(draft_id, written, body["response_url"])
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def edited(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The modal's text: quoted again, on the card it came from."""
    about = json.loads(view["private_metadata"])
    written = clean(view["state"]["values"]["body"]["body"]["value"] or "")
    try:
        card = cards.offer(drafts.edit(about["draft"], body["user"]["id"], written, clock.now()))
    except Refused as refusal:
        ack(response_action="errors", errors={"body": str(refusal)})
    else:
        ack()
        _on_card(about["card_url"], card)


def _answer(
    ack: Ack, body: dict[str, Any], respond: Respond, draft_id: str,
    act: Callable[[str], sending.Sent | Offer | cards.Card],
) -> None:  # fmt: skip
    """Acts, and shows the outcome where the button was: a card in a thread is updated through the
    outbox, one that only this person sees is replaced by the answer; a refusal stands beside it."""
    thread = in_thread(body)
    try:
        if thread:
            drafts.stands_at(draft_id, body["container"]["message_ts"])
        outcome = act(body["user"]["id"])
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(str(refusal)))
    ack()
    if not thread:
        return reply(respond, _card(outcome))
    if isinstance(outcome, Offer) and outcome.asked:
        return beside(respond, body, cards.note(f"Nothing was sent yet. {outcome.asked}"))
    return None


def _card(outcome: sending.Sent | Offer | cards.Card) -> cards.Card:
    match outcome:
        case sending.Sent():
            return cards.sent(outcome)
        case Offer():
            return cards.offer(outcome)
    return outcome


def in_thread(body: dict[str, Any]) -> bool:
    """Whether the card that was pressed lies open in a thread."""
    container = body.get("container") or {}
    return container.get("type") == "message" and not container.get("is_ephemeral")


def _on_card(card_url: str | None, card: cards.Card) -> None:
    if card_url:
        reply(WebhookClient(card_url, timeout=10).send, card)


def _draft(body: dict[str, Any]) -> tuple[str, int]:
    draft_id, _, version = body["actions"][0]["value"].rpartition(":")
    return draft_id, int(version)


# What Slack calls, by the name it calls it.
COMMANDS: dict[str, Callable[..., None]] = {"/text": text, "/quote": quote}
ACTIONS: dict[str, Callable[..., None]] = {
    "draft_send": send,
    "draft_at": at,
    "draft_save_plain": save,
    "draft_save_mms": save,
    "draft_again": again,
    "draft_edit": edit,
    "draft_later": later,
    "draft_cancel": cancel,
}
VIEWS: dict[str, Callable[..., None]] = {"draft_edited": edited, "draft_timed": timed}
