"""A line's troubles in Slack: what is said of one, and what may be pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond

from bot import clock
from bot.errors import Refused
from bot.lines import health, repairs
from bot.lines.health import SETUP
from bot.lines.models import Line, Trouble
from bot.lines.repairs import REPAIRED
from bot.slack import cards
from bot.slack.answers import beside
from bot.slack.cards import Card, button, mrkdwn
from bot.words import escape


def trouble_card(trouble_id: int) -> Card:
    """What is wrong with a line, what to do, and the button that mends it, if one does."""
    trouble = Trouble.get_by_id(trouble_id)
    line = Line.get_by_id(trouble.line_id)
    says = f":warning: *{escape(health.name_of(line))}*: {_words(trouble)}"
    pressed = []
    if trouble.what in REPAIRED:
        pressed = [button("Repair", "trouble_repair", str(trouble.id))]
    elif trouble.what.startswith(SETUP):
        pressed = [button("It is mended", "trouble_mended", str(trouble.id))]
    actions = {"type": "actions", "block_id": "trouble", "elements": pressed}
    return {"text": says, "blocks": [mrkdwn(says), *([actions] if pressed else [])]}


def bare_trouble(trouble_id: int) -> Card:
    """The same in words alone."""
    return cards.note(escape(Trouble.get_by_id(trouble_id).detail))


def _words(trouble: Trouble) -> str:
    """In Slack's mark-up: what is said of a channel names it by its id."""
    return trouble.detail if trouble.what == "channel" else escape(trouble.detail)


def _pressed(does: Callable[..., str]) -> Callable[..., None]:
    def listener(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
        ack()
        try:
            said = does(int(body["actions"][0]["value"]), body["user"]["id"], clock.now())
        except Refused as refusal:
            said = cards.told(refusal)
        beside(respond, body, cards.note(said))

    listener.__doc__ = does.__doc__
    return listener


ACTIONS: dict[str, Callable[..., None]] = {
    "trouble_repair": _pressed(repairs.repair),
    "trouble_mended": _pressed(repairs.is_mended),
}
