"""How listeners answer: in the ack, or on the card that was pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.errors import Refused, Wrong
from bot.slack import cards
from bot.slack.markup import to_phone
from bot.team import people
from bot.words import clean, in_plain
from ledger.database import session

log = structlog.get_logger()


def typed_words(command: dict[str, Any]) -> str:
    """What was typed behind a slash command, as a phone would show it."""
    with session():
        return clean(to_phone(command.get("text") or "", people.called)).strip()


def or_refusal(make: Callable[[], cards.Card]) -> cards.Card:
    """The card that is made, or one that says why it is refused."""
    try:
        return make()
    except Refused as refusal:
        return cards.note(refusal)


def whisper(ack: Ack, card: cards.Card) -> None:
    """Answers a command by a card that only who typed it sees."""
    ack(response_type="ephemeral", **card)


def reply(
    respond: Callable[..., Any], card: cards.Card, replace: bool = True, **where: str
) -> None:  # fmt: skip
    """Replaces the card, best effort: what counts is in the thread and the books already."""
    try:
        answer = respond(response_type="ephemeral", replace_original=replace, **where, **card)
    except Exception as error:
        log.warning("slack.card_not_replaced", error=type(error).__name__)
        return
    if answer.status_code != 200:
        log.warning("slack.card_not_replaced", status=answer.status_code)


def on_card(url: str | None, card: cards.Card, replace: bool = True) -> None:
    """Shows the outcome of a modal in place of the card from which it was opened, or beside it;
    nowhere, if it was opened elsewhere."""
    if url:
        reply(WebhookClient(url, timeout=10).send, card, replace)


def show_in(client: WebClient, view_id: str, view: dict[str, Any]) -> None:
    """Has a modal show something else; one that was closed meanwhile shows nothing."""
    try:
        client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response.get("error") != "not_found":
            raise


def beside(respond: Callable[..., Any], body: dict[str, Any], card: cards.Card) -> None:
    """Shows a card to whoever pressed a button, alone, below the card that has it."""
    thread_ts = (body.get("container") or {}).get("thread_ts")
    where = {"thread_ts": thread_ts} if thread_ts else {}
    reply(respond, card, replace=False, **where)


def tell(
    body: dict[str, Any], client: WebClient, respond: Callable[..., Any], words: Refused | str
) -> None:  # fmt: skip
    """Says something to whoever pressed: beside the card, or as a modal where there is no card, on
    Home and in modals."""
    if body.get("response_url"):
        return reply(respond, cards.note(words), replace=False)
    client.views_open(trigger_id=body["trigger_id"], view=refusal_view(words))
    return None


def refusal_view(words: Exception | str) -> dict[str, Any]:
    """A modal that says why not, and what to do."""
    return cards.modal("refused", "Partyline", [cards.mrkdwn(cards.told(words))])


def error_at(refusal: Exception, block: str) -> dict[str, str]:
    """Why not, in plain words, at the input that it is about, or at this one."""
    with session():
        why = in_plain(str(refusal), people.in_words)
    return {refusal.where if isinstance(refusal, Wrong) else block: why}
