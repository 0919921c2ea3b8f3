"""What was pressed on a draft's card, and how that is answered where it was pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond

from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import beside, reply
from bot.texts import drafts
from bot.texts.offers import Quoted
from bot.texts.sending import Sent


def draft_of(body: dict[str, Any]) -> tuple[str, int]:
    """The draft's id and version, of the button's value."""
    draft_id, _, version = body["actions"][0]["value"].rpartition(":")
    return draft_id, int(version)


def in_thread(body: dict[str, Any]) -> bool:
    """Whether the card that was pressed lies open in a thread."""
    container = body.get("container") or {}
    return container.get("type") == "message" and not container.get("is_ephemeral")


def answer(
    ack: Ack, body: dict[str, Any], respond: Respond, draft_id: str,
    act: Callable[[str], Sent | Quoted | cards.Card],
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
        return beside(respond, body, cards.note(refusal))
    ack()
    if not thread:
        return reply(respond, _card(outcome))
    if isinstance(outcome, Quoted) and outcome.asked:
        return beside(respond, body, cards.note(f"Nothing was sent yet. {outcome.asked}"))
    return None


def _card(outcome: Sent | Quoted | cards.Card) -> cards.Card:
    match outcome:
        case Sent():
            return cards.sent(outcome)
        case Quoted():
            return cards.offer(outcome)
    return outcome


def card_url(body: dict[str, Any]) -> str | None:
    """Where a modal's outcome replaces the card that was pressed; nowhere for one in a thread."""
    return None if in_thread(body) else body["response_url"]
